"""Tasks counted by period: whose they are, or what they are about, beside the days on which they are to be done. Two statements,
however many rows there are."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from babel.dates import format_date, format_skeleton
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import CharField, Count, F, Q, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from crm.lib.dates import day_short
from crm.lib.listing.periods import DAY, UNITS, Clock, Days
from crm.lib.money import locale_of
from tasks.calendar import FIRST, LAST
from tasks.columns import SEES_SOURCES
from tasks.models import TaskQuerySet

SHOWN = 100  # rows of one page
NAMED = 3  # contacts that one cell names
NUMBER, CONTACT_NUMBER, CONTACT = "count", "number", "name"


class Rows(NamedTuple):
    """What a row stands for: `word` is that of the address, of the filter that leaves one row in the list, and of the column
    that is blank where nothing is named."""

    word: str
    label: Promise
    key: str
    name: Any
    also: str = ""  # path to what stands below the name
    needs: str = ""  # a permission


class By(NamedTuple):
    """A kind of period: how many stand side by side, and how each is called."""

    word: str
    label: Promise
    many: int
    title: Callable[[datetime.date, Any], str]


class Period(NamedTuple):
    first: datetime.date
    last: datetime.date
    title: str
    is_now: bool

    @property
    def note(self) -> str:
        """Of a week, whose number few know."""
        return day_short(self.first, get_language() or "en") if self.first + 6 * DAY == self.last else ""


class Cell(NamedTuple):
    """`names` of contacts, where they are asked for, and how many more there are."""

    many: int
    names: list[str]
    more: int


class Row(NamedTuple):
    key: int | None
    name: str
    also: str
    cells: list[Cell]
    total: int


class Counted(NamedTuple):
    rows: list[Row]
    totals: list[int]
    total: int
    has_more: bool


SOURCE_NAME = Coalesce(
    NullIf("opportunity__source__description", Value("")), "opportunity__source__code", output_field=CharField()
)
ROWS = {
    each.word: each
    for each in (
        Rows("salesperson", gettext_lazy("Salespeople"), "salesperson_id", F("salesperson__name")),
        Rows("team", gettext_lazy("Teams"), "team_id", F("team__name")),
        Rows("source", gettext_lazy("Sources"), "opportunity__source_id", SOURCE_NAME, needs=SEES_SOURCES),
        Rows("contact", gettext_lazy("Contacts"), "contact_id", F("contact__name"), also="contact__company__name"),
        Rows("company", gettext_lazy("Companies"), "company_id", F("company__name")),
    )
}


def _quarter(day: datetime.date, locale: Any) -> str:
    return format_date(day, "QQQ y", locale=locale)


BYS = {
    each.word: each
    for each in (
        By("day", gettext_lazy("Day"), 10, lambda day, locale: format_skeleton("MMMEd", day, locale=locale)),
        By(
            "week",
            gettext_lazy("Week"),
            8,
            lambda day, locale: _("Week %(number)s") % {"number": day.isocalendar().week},
        ),
        By("month", gettext_lazy("Month"), 12, lambda day, locale: format_date(day, "LLL y", locale=locale)),
        By("quarter", gettext_lazy("Quarter"), 8, _quarter),
        By("year", gettext_lazy("Year"), 6, lambda day, locale: format_date(day, "y", locale=locale)),
    )
}
FIGURES = {
    NUMBER: pgettext_lazy("figure", "Number of tasks"),
    CONTACT_NUMBER: pgettext_lazy("figure", "Contact numbers"),
    CONTACT: pgettext_lazy("figure", "Contacts"),
}
FIGURE_PATHS = {CONTACT_NUMBER: "contact__number", CONTACT: "contact__name"}


class FirstNames(ArrayAgg):
    """Each name once, no more than a cell shows."""

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        sql, params = super().as_sql(*args, **kwargs)
        return f"({sql})[1:{NAMED}]", params


def day_of(by: By, day: datetime.date, step: int) -> Days:
    """The first and the last day of the period that is so many after the one of the day."""
    if by.word == "day":
        return day + step * DAY, day + step * DAY
    return UNITS[by.word](Clock(day), step)


def periods(by: By, day: datetime.date, today: datetime.date) -> list[Period]:
    """Side by side, from the one that has the day."""
    locale = locale_of(get_language() or "en")
    found = (day_of(by, day, step) for step in range(by.many))
    return [Period(first, last, by.title(first, locale), first <= today <= last) for first, last in found]


def within(day: datetime.date) -> datetime.date:
    """So that every period around it has dates."""
    return min(max(day, FIRST), LAST)


def count(rows: TaskQuerySet, of: Rows, shown: Sequence[Period], figure: str, page: int) -> Counted:
    """`page` counts from 1. Totals are of all rows, each task once."""
    rows = rows.filter(due_on__range=(shown[0].first, shown[-1].last)).order_by()
    figures = {f"in_{at}": Count("pk", filter=_in(each)) for at, each in enumerate(shown)} | {"total": Count("pk")}
    path = FIGURE_PATHS.get(figure)
    told: dict[str, Any] = dict(figures)
    if path:
        for at, each in enumerate(shown):
            told[f"names_{at}"] = FirstNames(path, distinct=True, filter=_in(each) & Q(contact__isnull=False))
            told[f"many_{at}"] = Count(path, distinct=True, filter=_in(each))
    named: Any = rows.annotate(
        row_key=F(of.key), row_name=of.name, row_also=F(of.also) if of.also else Value("")
    ).values("row_key", "row_name", "row_also")
    found = list(
        named.annotate(**told).order_by(F("row_name").asc(nulls_last=True), "row_key")[
            (page - 1) * SHOWN : page * SHOWN + 1
        ]
    )
    totals = rows.aggregate(**figures)
    return Counted(
        [_row(row, len(shown), bool(path)) for row in found[:SHOWN]],
        [totals[f"in_{at}"] for at in range(len(shown))],
        totals["total"],
        len(found) > SHOWN,
    )


def _in(period: Period) -> Q:
    return Q(due_on__range=(period.first, period.last))


def _row(found: dict[str, Any], many: int, named: bool) -> Row:
    cells = []
    for at in range(many):
        names = (found[f"names_{at}"] or []) if named else []
        more = found[f"many_{at}"] - len(names) if named else 0
        cells.append(Cell(found[f"in_{at}"], names, more))
    also = found["row_also"] or ""
    name = found["row_name"] or ""
    return Row(found["row_key"], name, also if also != name else "", cells, found["total"])
