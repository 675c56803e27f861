"""A QuerySet whose SQL is put together once per process.

Django puts a statement together anew for every request. For a sentence of many joins that takes longer than Postgres takes
to answer it. `Prepared` keeps the statement and changes only its numbers:

    ONE = Prepared(lambda shape, key: Thing.objects.with_names().filter(pk=key))
    ONE.rows(None, 12)

`shape` is whatever decides the wording (a user's rights, say, or an address); a statement is kept for each, so many of
them. Only whole numbers can differ from run to run. Leans on the compiler of Django 5.2; tests/models/test_prepared.py tells when that changes.
"""

from collections.abc import Callable, Hashable
from copy import copy
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
MOST = 200  # statements kept for one sentence; then it begins anew
MARK = 9_000_000_000_000_000_000  # stands for a value while the statement is put together; no key is as big


class Statement(NamedTuple):
    rows: QuerySet[Any]
    compiler: Any
    sql: str
    params: tuple[Any, ...]


class Prepared(Generic[M]):
    def __init__(self, build: Callable[..., QuerySet[M, Any]] | None = None) -> None:
        """`build(shape, *values)` makes the QuerySet; it is called once for each shape."""
        self.build = build
        self.made: dict[Hashable, Statement] = {}

    def rows(self, shape: Hashable, *values: int, build: Callable[..., QuerySet[M, Any]] | None = None) -> list[Any]:
        """The rows of that shape for these values, as the QuerySet gives them. `build` where what makes the QuerySet is not
        the same for all: the shape must tell apart whatever it makes differently."""
        made = self.made.get(shape) or self._make(shape, len(values), build or self.build)
        if not made.sql:
            return []
        rows = made.rows.all()
        compiler = copy(made.compiler)
        compiler.connection = connections[rows.db]
        params = tuple(values[param - MARK] if type(param) is int and param >= MARK else param for param in made.params)
        compiler.as_sql = lambda *_, **__: (made.sql, params)
        rows.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(rows)

    def _make(self, shape: Hashable, how_many: int, build: Callable[..., QuerySet[M, Any]] | None) -> Statement:
        assert build is not None
        rows = build(shape, *(MARK + nth for nth in range(how_many)))
        compiler: Any = rows.query.get_compiler(rows.db)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            sql, params = "", ()
        if len(self.made) >= MOST:
            self.made.clear()
        self.made[shape] = Statement(rows, compiler, sql, tuple(params))
        return self.made[shape]
