"""One sales cycle as columns: what each of them holds in all, and the cards that are shown (docs/definitions.md).

Figures are exact over every row that the filters leave and the person may see, however many cards are shown. A board is
read in two queries, whatever the number of rows: one for the totals of every column, one for the cards.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.lib.listing.keyset import OneOf
from crm.lib.money import round_half_up
from crm.lib.prepared import Prepared
from opportunities import moves as ways
from opportunities.columns import COLUMNS
from opportunities.gates import ANYBODY, Facts, Gate, Mover
from opportunities.models import OPEN, NextStep, Opportunity, OpportunityQuerySet, RunningTotal, Status, is_overdue
from opportunities.stalling import Limit, Stall, Stalled, limit_of, stall_of
from quotes.models import Quote
from salescycles.models import SalesCycle, Stage

STEP, MOST = 25, 1000  # cards of a column: shown at first and with every “show more”; at most
RECENT = 30  # days that won and lost look back where the address names no closing dates
NOT_STARTED, WON, LOST = Status.NOT_STARTED.value, Status.WON.value, Status.LOST.value

FAR = 9_999_999  # behind every day, for cards without one
ORDERS: dict[str, tuple[Promise, tuple[Any, ...]]] = {
    "closing_on": (
        _("Closing date, then value"),
        (F("closing_on").asc(nulls_last=True), F("estimated_value").desc(nulls_last=True)),
    ),
    "-estimated_value": (_("Value, highest first"), (F("estimated_value").desc(nulls_last=True),)),
    "stage_entered_on": (_("Longest at the stage"), (F("stage_entered_on").asc(nulls_last=True),)),
    "-created_on": (_("Newest first"), (F("created_on").desc(),)),
}
DEFAULT_ORDER = "closing_on"
NOTHING_KNOWN = Facts()
QUICKLY_ASKED = {Gate.VALUE}  # of all gates, what the form for something new asks
TOTALS: Prepared[Opportunity] = Prepared()
CARDS: Prepared[Opportunity] = Prepared()


class Joined(Func):
    """Several arrays of keys as one. Each is cast: where nothing may be seen, it is a mere NULL."""

    template, arg_joiner = "(%(expressions)s::bigint[])", "::bigint[] || "
    output_field = ArrayField(BigIntegerField())


@dataclass
class Totals:
    """Of all rows of a column: how many, their estimated value (of won ones the sales value), their weighted value."""

    count: int = 0
    value: Decimal = Decimal(0)
    weighted: Decimal = Decimal(0)
    this_month: int = 0
    overdue: int = 0

    def add(self, other: "Totals") -> None:
        self.count += other.count
        self.value += other.value
        self.weighted += other.weighted
        self.this_month += other.this_month
        self.overdue += other.overdue


@dataclass
class Card:
    """What one card says. `rank` sorts cards of a column in the order of the board, number by number."""

    row: dict[str, Any]
    today: datetime.date
    rank: str
    limit: Limit | None = None  # of days at its stage
    lacks: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.row[name]

    @property
    def column(self) -> str:
        return str(self.row["stage_id"] or self.row["status"])

    @property
    def is_overdue(self) -> bool:
        closing = self.row["closing_on"]
        return self.row["status"] == Status.IN_PROGRESS and closing is not None and closing < self.today

    @property
    def step(self) -> str:
        """What stands out of what is to be done next: overdue, today or none; blank where the next step is later."""
        if self.row["closed_on"]:
            return ""
        if self.row["has_late_step"]:
            return NextStep.OVERDUE.value
        if self.row["next_on"] is None:
            return NextStep.NONE.value if self.row["status"] == Status.IN_PROGRESS else ""
        return NextStep.TODAY.value if self.row["next_on"] == self.today else ""

    @property
    def is_stepless(self) -> bool:
        """In progress without anything to do today or later, whatever is overdue."""
        return self.row["status"] == Status.IN_PROGRESS and self.row["next_on"] is None

    @property
    def stall(self) -> Stall | None:
        entered_on, has_next_step = self.row["stage_entered_on"], self.row["next_on"] is not None
        return stall_of(entered_on=entered_on, limit=self.limit, has_next_step=has_next_step, today=self.today)

    @property
    def who(self) -> str:
        """The contact, behind the company where it is one of its people."""
        contact: str = self.row["contact__name"]
        return (
            f"{self.row['company__name']} · {contact}" if self.row["company_id"] != self.row["contact_id"] else contact
        )

    @property
    def value(self) -> Decimal | None:
        """The sales value of a won one, else the estimated value."""
        value: Decimal | None = self.row["sales_value" if self.row["status"] == Status.WON else "estimated_value"]
        return value

    @property
    def day(self) -> datetime.date | None:
        """When it was closed, else when it is expected to be."""
        day: datetime.date | None = self.row["closed_on"] or self.row["closing_on"]
        return day

    @property
    def verb(self) -> str:
        """What takes it to another stage."""
        return "start" if self.row["status"] == Status.NOT_STARTED else "move"


@dataclass
class Column:
    """`key` is the stage's key, or not_started, won, lost. `moves` are those of a card that stands here and
    meets nothing yet, `odds` the probability that it gets here."""

    key: str
    name: Any
    stage: Stage | None
    shown: int
    totals: Totals = field(default_factory=Totals)
    cards: list[Card] = field(default_factory=list)
    share: int = 0
    moves: list[ways.Move] = field(default_factory=list)
    takes_new: bool = False
    more_url: str = ""
    odds: str = ""

    @property
    def is_closed(self) -> bool:
        return self.key in (WON, LOST)

    @property
    def is_won(self) -> bool:
        return self.key == WON

    @property
    def loaded(self) -> int:
        return len(self.cards)

    @property
    def has_more(self) -> bool:
        return self.totals.count > self.loaded and self.shown < MOST

    @property
    def is_collapsed(self) -> bool:
        return self.is_closed and not self.shown


@dataclass
class Board:
    """`rows` are the visible, filtered rows of the cycle, `kept` their running totals where these can tell them apart;
    `shape` is equal where the rows are asked for alike. `shown`: how many cards each column shows if not `STEP`."""

    cycle: SalesCycle
    stages: Sequence[Stage]
    rows: OpportunityQuerySet
    today: datetime.date
    order: str = DEFAULT_ORDER
    shown: Mapping[str, int] = field(default_factory=dict)
    closed_since: datetime.date | None = None
    kept: QuerySet[RunningTotal] | None = None
    shape: Hashable = None
    mover: Mover = ANYBODY

    @cached_property
    def columns(self) -> list[Column]:
        """Not started, a column for each stage, won, lost; with totals and cards."""
        columns = self.headers
        by_key = {column.key: column for column in columns}
        for card in self._first_cards():
            if card.column in by_key:
                by_key[card.column].cards.append(card)
        return columns

    @cached_property
    def headers(self) -> list[Column]:
        """The columns with their totals, without cards. One query."""
        places: list[tuple[str, Any, Stage | None]] = [(NOT_STARTED, Status.NOT_STARTED.label, None)]
        places += [(str(stage.pk), stage, stage) for stage in self.stages]
        places += [(WON, Status.WON.label, None), (LOST, Status.LOST.label, None)]
        columns = [Column(key, name, stage, self._shown(key)) for key, name, stage in places]
        totals = self._totals()
        most = max((found.value for key, found in totals.items() if key not in (WON, LOST)), default=Decimal(0))
        for column in columns:
            column.totals = totals.get(column.key, Totals())
            column.share = round(100 * column.totals.value / most) if most and not column.is_closed else 0
            column.moves = self._ways(column)
            column.takes_new = self._takes_new(column)
            column.odds = self._odds(column.stage) if column.stage else ""
        return columns

    @cached_property
    def open_totals(self) -> Totals:
        """Of not started and in progress together: what the strip says."""
        totals = Totals()
        for column in self.headers:
            if not column.is_closed:
                totals.add(column.totals)
        return totals

    @cached_property
    def waiting(self) -> dict[str, Counter[str]]:
        """By column: how many have no next step (`stepless`), how many stay too long (`stalled`). One query, which asks the
        tasks of each row: not one of the page's own."""
        opened, stage, none = self._open().order_by(), F("stage_id"), Value(0)
        stepless = opened.without_next_step(self.today).values(at=stage).annotate(stepless=Count("pk"), stalled=none)
        stalled = opened.stalled(Stalled.ANY, self.today).values(at=stage).annotate(stepless=none, stalled=Count("pk"))
        waiting: dict[str, Counter[str]] = defaultdict(Counter)
        for row in stepless.union(stalled, all=True):
            waiting[str(row["at"])].update(stepless=row["stepless"], stalled=row["stalled"])
        return waiting

    def card(self, pk: int) -> Card | None:
        """One card, if its opportunity is among the rows and has a column."""
        rows = self._with_all_shown(self._open_or_recent().filter(pk=pk))
        return next((self._card(row) for row in rows), None)

    def marked(self, rows: OpportunityQuerySet) -> QuerySet[Opportunity]:
        """Adds `on_board`: whether `card` would find it, and its next step."""
        rows = rows.with_next_step(self.today)
        if self._asks_for_documents:
            rows = rows.with_document()
        return rows.annotate(on_board=Exists(self._open_or_recent().filter(pk=OuterRef("pk"))), **BESIDE)

    def card_of(self, opportunity: Any) -> Card | None:
        """`card` of what was read already: marked, with names and quote."""
        if not opportunity.on_board:
            return None
        row = {name: _reach(opportunity, name) for name in (*SHOWN, *STEP_SHOWN, *BESIDE)}
        row["has_quote"] = self._asks_for_quotes and opportunity.has_current_quote
        row["has_document"] = self._asks_for_documents and opportunity.has_document
        return self._card(row)

    def _shown(self, key: str) -> int:
        return min(MOST, self.shown.get(key) or (0 if key in (WON, LOST) else STEP))

    def _open(self) -> OpportunityQuerySet:
        return self.rows.filter(closed_on__isnull=True)

    def _closed(self) -> OpportunityQuerySet:
        closed = self.rows.filter(closed_on__isnull=False)
        return closed.filter(closed_on__gte=self.closed_since) if self.closed_since else closed

    def _open_or_recent(self) -> OpportunityQuerySet:
        if self.closed_since is None:
            return self.rows
        return self.rows.filter(Q(closed_on__isnull=True) | Q(closed_on__gte=self.closed_since))

    @property
    def _shape(self) -> Hashable:
        """What decides the wording of this board's statements."""
        stages = tuple((stage.pk, stage.quote_required, stage.document_required) for stage in self.stages)
        shown = tuple(sorted(self.shown.items()))
        return self.shape, self.cycle.pk, stages, shown, self.order, self.today, self.closed_since

    def _totals(self) -> dict[str, Totals]:
        totals: dict[str, Totals] = {}
        for row in TOTALS.rows((self._shape, self.kept is None), build=lambda _: self._summed()):
            key = str(row["at"] or row["status"])
            values = (row["value"] or Decimal(0), row["weighted"] or Decimal(0))
            dates = (row["this_month"], row["overdue"])
            totals.setdefault(key, Totals()).add(Totals(row["count"], *values, *dates))
        return totals

    def _summed(self) -> QuerySet[Any, dict[str, Any]]:
        """Figures by status and stage, a row or more for each: what is open by running totals where there are any, then what
        was closed lately."""
        every, value, weighted = Count("pk"), Sum("estimated_value"), Sum("calculated_value")
        none, nothing, nowhere = Value(0), Value(Decimal(0)), Cast(Value(None), BigIntegerField())
        month, late = Q(status=Status.IN_PROGRESS, closing_on__range=month_of(self.today)), is_overdue(self.today)

        def summed(rows: Any, stage: Any, *figures: Any) -> Any:
            names = ("count", "value", "weighted", "this_month", "overdue")
            return rows.order_by().values("status", at=stage).annotate(**dict(zip(names, figures, strict=True)))

        stage = F("stage_id")
        if self.kept is None:
            dates = (Count("pk", filter=month), Count("pk", filter=late))
            parts = [summed(self._open(), stage, every, value, weighted, *dates)]
        else:
            kept, open_ = self.kept.filter(status__in=OPEN), self._open().filter(stage__in=self.stages)
            parts = [
                summed(kept, stage, Sum("count"), value, weighted, none, none),
                summed(open_.filter(month), stage, none, nothing, nothing, every, none),
                summed(open_.filter(late), stage, none, nothing, nothing, none, every),
            ]
        closed = self._closed()
        parts += [
            summed(closed.filter(status=Status.WON), nowhere, every, Sum("sales_value"), weighted, none, none),
            summed(closed.filter(status=Status.LOST), nowhere, every, value, weighted, none, none),
        ]
        first, *others = parts
        return first.union(*others, all=True)

    def _first_of_each(self) -> OpportunityQuerySet:
        """The first cards of every column in one query: a short walk along an index for each."""
        order = self._order_by()
        opened = self._open()
        columns = [(NOT_STARTED, opened.filter(status=Status.NOT_STARTED, stage=None))]
        columns += [(str(stage.pk), opened.filter(status=Status.IN_PROGRESS, stage=stage.pk)) for stage in self.stages]
        columns += [(key, self._closed().filter(status=key)) for key in (WON, LOST)]
        slices = [
            ArraySubquery(rows.order_by(*order).values("pk")[: self._shown(key)])
            for key, rows in columns
            if self._shown(key)
        ]
        return Opportunity.objects.filter(OneOf(F("pk"), Joined(*slices))).order_by(*order)

    def _order_by(self) -> tuple[Any, ...]:
        return (*ORDERS[self.order][1], F("pk").asc())

    def _first_cards(self) -> list[Card]:
        rows = CARDS.rows(self._shape, build=lambda _: self._with_all_shown(self._first_of_each()))
        return [self._card(row) for row in rows]

    def _with_all_shown(self, rows: OpportunityQuerySet) -> QuerySet[Any, dict[str, Any]]:
        rows = rows.with_next_step(self.today).annotate(**BESIDE)
        quote: Any = Exists(Quote.objects.current().filter(opportunity=OuterRef("pk")))
        rows = rows.annotate(has_quote=quote if self._asks_for_quotes else Value(False))
        rows = rows.with_document() if self._asks_for_documents else rows.annotate(has_document=Value(False))
        return rows.values(*SHOWN, *STEP_SHOWN, *BESIDE, "has_quote", "has_document")

    def _card(self, row: dict[str, Any]) -> Card:
        return Card(_as_text(row), self.today, self._rank(row), self._limits.get(row["stage_id"]), self._lacks(row))

    def _lacks(self, row: dict[str, Any]) -> str:
        """What of the cycle's gates the row does not meet, in words for the page; the value is compared there."""
        if not self._gates or row["closed_on"]:
            return ""
        met = {
            Gate.SOURCE: row["source_id"] is not None,
            Gate.COMPETITOR: row["competitor_id"] is not None,
            Gate.PERSON: row["contact__kind"] == Contact.Kind.PERSON,
            Gate.CHANCES: row["chances_are_manual"] and (row["stage_id"] is None or not self.cycle.stage_decides),
            Gate.QUOTE: row["has_quote"],
            Gate.DOCUMENT: row["has_document"],
        }
        return " ".join(gate.value for gate in self._gates if not met[gate])

    @cached_property
    def _gates(self) -> list[Gate]:
        """Which facts the stages of the cycle require."""
        required = {name for stage in self.stages for name in stage.required_fields}
        required |= {Gate.QUOTE.value} if self._asks_for_quotes else set()
        required |= {Gate.DOCUMENT.value} if self._asks_for_documents else set()
        return [gate for gate in Gate if gate.value in required]

    @cached_property
    def _limits(self) -> dict[int, Limit | None]:
        return {stage.pk: limit_of(stage) for stage in self.stages}

    @property
    def _asks_for_quotes(self) -> bool:
        return any(stage.quote_required for stage in self.stages)

    @property
    def _asks_for_documents(self) -> bool:
        return any(stage.document_required for stage in self.stages)

    def _rank(self, row: dict[str, Any]) -> str:
        """Numbers that order cards as `_order_by` does."""
        value = row["estimated_value"]
        known = {
            "closing_on": (_day(row["closing_on"]), _down(value)),
            "-estimated_value": (_down(value),),
            "stage_entered_on": (_day(row["stage_entered_on"]),),
            "-created_on": (-row["created_on"].toordinal(),),
        }
        return " ".join(str(number) for number in (*known[self.order], row["pk"]))

    def _ways(self, column: Column) -> list[ways.Move]:
        if column.is_closed:
            return []
        status = Status.IN_PROGRESS if column.stage else Status.NOT_STARTED
        stage_id = column.stage.pk if column.stage else None
        return ways.moves(status=status, stage_id=stage_id, stages=self.stages, facts=NOTHING_KNOWN, mover=self.mover)

    def _odds(self, stage: Stage) -> str:
        """The probability in percent with the stage's own chances, with none and with all of them: every method lies on one
        line between the last two."""
        own, none, every = (
            self.cycle.probability(chances=chances, completed=stage.completed)
            for chances in (stage.chances, Decimal(0), Decimal(100))
        )
        return f"{round_half_up(own)} {round_half_up(none, 3)} {round_half_up(every, 3)}"

    def _takes_new(self, column: Column) -> bool:
        """Whether a new opportunity may be entered here: later stages only where the first one may be left for them, and
        nothing is required but what the form for it asks."""
        if self.cycle.blocked or column.is_closed or not self.stages:
            return False
        if column.stage is None:
            return True
        first = self.stages[0]
        gates = {one.gate for one in ways.entering(first, NOTHING_KNOWN, self.mover, starts=True)}
        if column.stage.pk != first.pk:
            found = ways.moves(
                status=Status.IN_PROGRESS,
                stage_id=first.pk,
                stages=self.stages,
                facts=NOTHING_KNOWN,
                mover=self.mover,
            )
            gates |= {one.gate for way in found if way.stage.pk == column.stage.pk for one in way.unmet}
        return gates <= QUICKLY_ASKED


SHOWN = (
    "pk",
    "version",
    "number",
    "description",
    "priority",
    "status",
    "stage_id",
    "estimated_value",
    "sales_value",
    "calculated_value",
    "chances",
    "chances_are_manual",
    "source_id",
    "competitor_id",
    "closing_on",
    "closed_on",
    "stage_entered_on",
    "created_on",
    "contact_id",
    "company_id",
    "contact__name",
    "contact__kind",
    "company__name",
    "salesperson_id",
    "salesperson__name",
)
STEP_SHOWN = ("next_on", "next_what", "has_late_step")


OF_CARD = {column.name: column.links for column in COLUMNS if column.links}
BESIDE = {
    f"card_{name}": links.cell for name, links in OF_CARD.items()
}  # tags and co-owners, in the statement of the cards


def newest_entry(entries: QuerySet[Any]) -> Any:
    """Key of the newest entry of all: what a board that is open compares with later."""
    return entries.order_by("-pk").values("pk")[:1]


def month_of(day: datetime.date) -> tuple[datetime.date, datetime.date]:
    first = day.replace(day=1)
    return first, (first + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1)


def _reach(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name, None)
    return row


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    """Keys as text: a number would be written as the language groups it, at ten times the cost."""
    return row | {"pk": str(row["pk"]), "version": str(row["version"])}


def _day(day: datetime.date | None) -> int:
    return day.toordinal() if day else FAR


def _down(value: Decimal | None) -> int:
    return FAR * 10**9 if value is None else -int(value * 100)
