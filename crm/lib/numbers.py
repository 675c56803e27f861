from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection, migrations, models


def next_number(model: type[models.Model], prefix: str) -> str:
    """The next free number of a database sequence, such as OP000123. Numbers given by hand are passed over.

    The sequence is named `<table>_number`; make it in the model's migration by `number_sequence`.
    """
    return next_numbers(model, prefix, 1)[0]


def next_numbers(model: type[models.Model], prefix: str, count: int) -> list[str]:
    """So many free numbers at once, in order."""
    table = model._meta.db_table
    found: list[str] = []
    while len(found) < count:
        with connection.cursor() as cursor:
            cursor.execute(  # the table's name is the model's own
                f"WITH drawn AS MATERIALIZED (SELECT nextval('{table}_number') AS at FROM generate_series(1, %s)), "  # noqa: S608
                "named AS (SELECT at, %s || to_char(at, 'FM999999999000000') AS candidate FROM drawn) "
                f"SELECT candidate FROM named WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE number = candidate) "
                "ORDER BY at",
                [count - len(found), prefix],
            )
            found += [candidate for (candidate,) in cursor.fetchall()]
    return found


def give_numbers(rows: Iterable[Any], draw: Callable[[int], list[str]]) -> None:
    """Those that have none get what `draw` gives for so many."""
    unnumbered = [row for row in rows if not row.number]
    for row, number in zip(unnumbered, draw(len(unnumbered)), strict=True):
        row.number = number


def next_keys(model: type[models.Model], at_once: int) -> Iterator[int]:
    """Primary keys of rows that are written later; so many are drawn at once."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [model._meta.db_table, at_once],
            )
            drawn = cursor.fetchall()
        yield from (key for (key,) in drawn)


def number_sequence(table: str) -> migrations.RunSQL:
    """The migration step that makes the sequence behind `next_number`."""
    return migrations.RunSQL(f"CREATE SEQUENCE {table}_number", f"DROP SEQUENCE {table}_number")
