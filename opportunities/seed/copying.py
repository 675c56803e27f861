"""Rows into tables by COPY, with every guard of the database on."""

import datetime
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from crm.lib.numbers import next_numbers
from opportunities.models import TRACKED, Opportunity, OpportunityEntry
from quotes.models import Quote

if TYPE_CHECKING:
    from opportunities.seed.chores import Chores
    from opportunities.seed.life import Entry, Life

PRESENT = ["id", "number", "created_on", "version", *TRACKED]
TOLD = ["step", "action", "by_id", "reason", "undoes", "happened_on", "until", "recorded_at", "replaced_at"]
LEDGER = ["opportunity_id", "door", "batch_id", "imported_at", *TOLD, *TRACKED]
QUOTE = ["number", "opportunity_id", "quoted_on", "net_amount", "is_current"]
tracked, told = itemgetter(*TRACKED), attrgetter(*TOLD)


def copy(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Append the rows; what is not among `columns` gets the database's default. Returns how many there were."""
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        with cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as stream:
            for row in rows:
                stream.write_row(row)
        return int(cursor.rowcount)


def draw_keys(model: type[models.Model], count: int) -> list[int]:
    """So many new primary keys of the table's own sequence."""
    with connection.cursor() as cursor:
        table = model._meta.db_table
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return sorted(key for (key,) in cursor.fetchall())


class Writer:
    """Presents go in as they come; entries wait and go in by the instant of their recording, as they would in daily
    work: what a period says then lies together on disk."""

    def __init__(self, *, batch_id: int, imported_at: datetime.datetime, chores: "Chores") -> None:
        self.chores = chores
        self.batch_id, self.imported_at = batch_id, imported_at
        self.waiting: list[tuple[datetime.datetime, int, Entry]] = []
        self.opportunities = self.entries = self.quotes = 0

    def write(self, lives: list["Life"], until: datetime.datetime | None = None) -> None:
        """Write `lives` and all entries recorded before `until`, or all."""
        keys = draw_keys(Opportunity, len(lives))
        numbers = next_numbers(Opportunity, "OP", len(lives))
        born = list(zip(lives, keys, numbers, strict=True))
        self.opportunities += copy(Opportunity, PRESENT, (present(*one) for one in born))
        self.chores.write([(life, key) for life, key, _ in born])
        self._write_quotes([(key, *quote) for life, key, _ in born for quote in life.quotes])
        self.waiting += ((entry.recorded_at, key, entry) for life, key, _ in born for entry in life.entries)
        self.waiting.sort(key=itemgetter(0, 1))
        ready = len(self.waiting)
        if until is not None:
            ready = next((at for at, one in enumerate(self.waiting) if one[0] >= until), ready)
        self._write_entries(self.waiting[:ready])
        del self.waiting[:ready]

    def _write_quotes(self, quotes: list[tuple[Any, ...]]) -> None:
        numbers = next_numbers(Quote, "QU", len(quotes))
        self.quotes += copy(Quote, QUOTE, ((number, *quote) for number, quote in zip(numbers, quotes, strict=True)))

    def _write_entries(self, entries: list[tuple[datetime.datetime, int, "Entry"]]) -> None:
        """In rounds: what an undo takes back has to be there before, and voided before the next entry comes."""
        rounds: dict[int, list[tuple[int, Entry]]] = {}
        for _, key, entry in entries:
            rounds.setdefault(entry.round, []).append((key, entry))
        for at in sorted(rounds):
            void([(key, step, entry.recorded_at) for key, entry in rounds[at] for step in entry.voids])
            self.entries += copy(OpportunityEntry, LEDGER, (self._row(*one) for one in rounds[at]))

    def _row(self, key: int, entry: "Entry") -> tuple[Any, ...]:
        return (key, entry.door, self.batch_id, self.imported_at, *told(entry), *tracked(entry.state))


def present(life: "Life", key: int, number: str) -> tuple[Any, ...]:
    last = life.entries[-1]
    return (key, number, life.created_on, last.step, *tracked(last.state))


def void(steps: list[tuple[int, int, datetime.datetime]]) -> None:
    """Void (opportunity, step) at an instant, as the verb `undo` does."""
    if not steps:
        return
    keys, numbers, instants = (list(column) for column in zip(*steps, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE opportunities_opportunityentry AS entry SET voided_at = at, replaced_at = COALESCE(replaced_at, at) "
            "FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS wrong (opportunity_id, step, at) "
            "WHERE entry.opportunity_id = wrong.opportunity_id AND entry.step = wrong.step",
            [keys, numbers, instants],
        )
