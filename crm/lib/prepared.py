"""A QuerySet whose SQL is put together once per process.

Django puts a statement together anew for every request. For a sentence of many joins that takes longer than Postgres takes
to answer it. `Prepared` keeps the statement and changes only its numbers:

    ONE = Prepared(lambda shape, key: Thing.objects.with_names().filter(pk=key), planned=True)
    ONE.rows(None, 12)

`planned`: Postgres too plans it once for each connection. For sentences that ask for one key, whose best plan is the same
whatever the key.

`shape` is whatever decides the wording (a user's rights, say, or an address); a statement is kept for each, so many of
them. Only whole numbers can differ from run to run. Leans on the compiler of Django 5.2; tests/models/test_prepared.py tells when that changes.
"""

import re
from collections.abc import Callable, Hashable
from copy import copy
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
MOST = 200  # statements kept for one sentence; then it begins anew
MARK = 9_000_000_000_000_000_000  # stands for a value while the statement is put together; no key is as big
MARKED = re.compile(r"\b9000000000000000\d{3}\b")


class PlannedCursor(ServerBindingCursor):
    """Sends values apart from the statement. Tells the log of Django what it sent, planned before or not."""

    def _convert_query(self, *args: Any) -> Any:
        self._query = super()._convert_query(*args)  # type: ignore[misc]
        return self._query


class Statement(NamedTuple):
    """`params` as the compiler gives them; of a planned one, the marks that stand in its SQL, from left to right."""

    rows: QuerySet[Any]
    compiler: Any
    sql: str
    params: tuple[Any, ...]


class Prepared(Generic[M]):
    def __init__(self, build: Callable[..., QuerySet[M, Any]] | None = None, *, planned: bool = False) -> None:
        """`build(shape, *values)` makes the QuerySet; it is called once for each shape."""
        self.build, self.planned = build, planned
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
        if self.planned:
            found = planned(compiler.connection, made.sql, params)
            compiler.execute_sql = lambda *_, **__: [found]
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
        if self.planned and sql:
            sql, params = _with_marks_only(connections[rows.db].ops.compose_sql(sql, params))  # type: ignore[attr-defined]
        if len(self.made) >= MOST:
            self.made.clear()
        self.made[shape] = Statement(rows, compiler, sql, tuple(params))
        return self.made[shape]


def _with_marks_only(sql: str) -> tuple[str, list[int]]:
    """Everything but the marks written into the SQL, so that it is the same text whatever is asked."""
    marks = [int(mark) for mark in MARKED.findall(sql)]
    return MARKED.sub("%s::bigint", sql.replace("%", "%%")), marks


def planned(connection: Any, sql: str, params: tuple[Any, ...] | dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a SELECT. It is sent with its values apart, so that Postgres keeps the plan (`prepare_threshold` of the
    settings)."""
    connection.ensure_connection()
    raw = connection.connection
    usual, raw.cursor_factory = raw.cursor_factory, PlannedCursor
    try:
        cursor = connection.cursor()
    finally:
        raw.cursor_factory = usual
    with cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
