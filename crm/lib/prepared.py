"""A QuerySet whose SQL is put together once per process, and planned once per connection.

Django puts a statement together anew for every request, and Postgres plans it anew. For a sentence of many joins either takes
longer than answering it. `Prepared` keeps the statement and changes only its numbers:

    ONE = Prepared(lambda shape, key: Thing.objects.with_names().filter(pk=key))
    ONE.rows(None, 12)

`shape` is whatever decides the wording (a user's rights, say, or an address); a statement is kept for each, so many of
them. Only whole numbers can differ from run to run. Leans on the compiler and the cursors of Django 5.2;
tests/models/test_prepared.py tells when they change.
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


class Statement(NamedTuple):
    """`order`: which of the values stand in the SQL, from left to right."""

    rows: QuerySet[Any]
    compiler: Any
    sql: str
    order: tuple[int, ...]


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
        found = _found(compiler.connection, made.sql, [values[nth] for nth in made.order])
        compiler.execute_sql = lambda *_, **__: [found]
        rows.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(rows)

    def _make(self, shape: Hashable, how_many: int, build: Callable[..., QuerySet[M, Any]] | None) -> Statement:
        assert build is not None
        rows = build(shape, *(MARK + nth for nth in range(how_many)))
        compiler: Any = rows.query.get_compiler(rows.db)
        order: list[int] = []

        def place(mark: re.Match[str]) -> str:
            order.append(int(mark[0]) - MARK)
            return "%s::bigint"

        try:
            operations: Any = connections[rows.db].ops
            sql = operations.compose_sql(*compiler.as_sql())
        except EmptyResultSet:
            sql = ""
        if len(self.made) >= MOST:
            self.made.clear()
        sql = MARKED.sub(place, sql.replace("%", "%%"))
        self.made[shape] = Statement(rows, compiler, sql, tuple(order))
        return self.made[shape]


def _found(connection: Any, sql: str, values: list[int]) -> list[tuple[Any, ...]]:
    """Sent with its values apart, Postgres keeps the plan for the connection (`prepare_threshold` of the settings)."""
    connection.ensure_connection()
    raw = connection.connection
    usual, raw.cursor_factory = raw.cursor_factory, ServerBindingCursor
    try:
        cursor = connection.cursor()
    finally:
        raw.cursor_factory = usual
    with cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
