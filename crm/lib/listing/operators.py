"""How values are compared: for each kind of column the operators, what they need to be told, and which rows they leave."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.columns import Column, Kind
from crm.lib.listing.periods import DAY, Clock
from crm.lib.listing.values import Takes

Means = Callable[[Column, Any, Clock], Q]


@dataclass(frozen=True)
class Operator:
    """`word` in addresses, `label` to choose from, `sentence` of a condition; `means` is the rows it leaves."""

    word: str
    label: Promise
    sentence: Promise
    takes: Takes
    means: Means


def by_path(lookup: str) -> Means:
    return lambda column, value, clock: Q((f"{column.path}__{lookup}", value))


def negated(means: Means) -> Means:
    """The complement: with the blanks. Django's negation keeps them, but for those of a related row that is not there
    where another condition has joined its table already; these are named."""

    def not_so(column: Column, value: Any, clock: Clock) -> Q:
        path = "" if column.links else column.key or column.path
        nothing = Q((f"{path}__isnull", True)) if "__" in path else Q()
        return nothing | ~means(column, value, clock)

    return not_so


def is_blank(column: Column, value: Any, clock: Clock) -> Q:
    if column.links:
        return ~Q(pk__in=column.links.keys())
    if column.kind is Kind.RELATION:
        return Q((f"{column.key}__isnull", True))
    blank = Q((f"{column.path}__isnull", True))
    return blank | Q((column.path, "")) if column.kind in (Kind.TEXT, Kind.CHOICE) else blank


def is_not_blank(column: Column, value: Any, clock: Clock) -> Q:
    return ~is_blank(column, value, clock)


def is_chosen(column: Column, value: Any, clock: Clock) -> Q:
    if column.links:
        return Q(pk__in=column.links.keys(value))
    wanted = column.standing(value).values("pk") if column.standing else value
    return Q((f"{column.key or column.path}__in", wanted))


def is_flag(column: Column, value: Any, clock: Clock) -> Q:
    return Q((column.path, value == ["yes"]))


def within(column: Column, clock: Clock, first: datetime.date | None, last: datetime.date | None) -> Q:
    """From the first to the last day, both in it; an instant belongs to its day in the person's zone."""
    found = Q()
    if column.kind is Kind.DAY:
        found &= Q((f"{column.path}__gte", first)) if first else Q()
        return found & (Q((f"{column.path}__lte", last)) if last else Q())
    found &= Q((f"{column.path}__gte", clock.starts(first))) if first else Q()
    return found & (Q((f"{column.path}__lt", clock.starts(last + DAY))) if last else Q())


def in_days(column: Column, days: Any, clock: Clock) -> Q:
    return within(column, clock, *days)


def before(column: Column, days: Any, clock: Clock) -> Q:
    return within(column, clock, None, days[0] - DAY)


def after(column: Column, days: Any, clock: Clock) -> Q:
    return within(column, clock, days[1] + DAY, None)


def more_ago(column: Column, count: int, clock: Clock) -> Q:
    return within(column, clock, None, clock.today - (count + 1) * DAY)


def more_ahead(column: Column, count: int, clock: Clock) -> Q:
    return within(column, clock, clock.today + (count + 1) * DAY, None)


def less_ago(column: Column, count: int, clock: Clock) -> Q:
    return _some_days(column, clock, clock.today - (count - 1) * DAY, clock.today)


def less_ahead(column: Column, count: int, clock: Clock) -> Q:
    return _some_days(column, clock, clock.today, clock.today + (count - 1) * DAY)


def _some_days(column: Column, clock: Clock, first: datetime.date, last: datetime.date) -> Q:
    return within(column, clock, first, last) if first <= last else Q(pk__in=[])


def _is(takes: Takes, means: Means) -> tuple[Operator, Operator]:
    return (
        Operator("is", _("is"), _("%(column)s is %(value)s"), takes, means),
        Operator("is_not", _("is not"), _("%(column)s is not %(value)s"), takes, negated(means)),
    )


BLANK = (
    Operator("blank", _("is blank"), _("%(column)s is blank"), Takes.NOTHING, is_blank),
    Operator("not_blank", _("is not blank"), _("%(column)s is not blank"), Takes.NOTHING, is_not_blank),
)
PARTS = (
    Operator("contains", _("contains"), _("%(column)s contains %(value)s"), Takes.TEXT, by_path("icontains")),
    Operator("begins", _("begins with"), _("%(column)s begins with %(value)s"), Takes.TEXT, by_path("istartswith")),
)
TEXT = (*PARTS, *_is(Takes.TEXT, by_path("iexact")), *BLANK)
NUMBER = (
    *_is(Takes.NUMBER, by_path("exact")),
    Operator("min", _("is at least"), _("%(column)s is at least %(value)s"), Takes.NUMBER, by_path("gte")),
    Operator("max", _("is at most"), _("%(column)s is at most %(value)s"), Takes.NUMBER, by_path("lte")),
    Operator("between", _("is between"), _("%(column)s is from %(value)s"), Takes.NUMBERS, by_path("range")),
    *BLANK,
)
DAYS = (
    *_is(Takes.DAYS, in_days),
    Operator("before", _("is before"), _("%(column)s is before %(value)s"), Takes.DAYS, before),
    Operator("after", _("is after"), _("%(column)s is after %(value)s"), Takes.DAYS, after),
    Operator("between", _("is between"), _("%(column)s is from %(value)s"), Takes.SPAN, in_days),
    Operator(
        "more_ago",
        _("is more than so many days ago"),
        _("%(column)s is more than %(value)s ago"),
        Takes.COUNT,
        more_ago,
    ),
    Operator(
        "less_ago",
        _("is less than so many days ago"),
        _("%(column)s is less than %(value)s ago"),
        Takes.COUNT,
        less_ago,
    ),
    Operator(
        "more_ahead",
        _("is more than so many days ahead"),
        _("%(column)s is more than %(value)s ahead"),
        Takes.COUNT,
        more_ahead,
    ),
    Operator(
        "less_ahead",
        _("is less than so many days ahead"),
        _("%(column)s is less than %(value)s ahead"),
        Takes.COUNT,
        less_ahead,
    ),
    *BLANK,
)
ONE_OF = Operator("one_of", _("is one of"), _("%(column)s is one of %(value)s"), Takes.SEVERAL, is_chosen)
CHOICE = (*_is(Takes.ONE, is_chosen), ONE_OF, *BLANK)
LARGE = (*_is(Takes.ONE, is_chosen), ONE_OF, *PARTS, *BLANK)
FLAG = _is(Takes.ONE, is_flag)[:1]

OF_KIND: dict[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: NUMBER,
    Kind.MONEY: NUMBER,
    Kind.PERCENT: NUMBER,
    Kind.DAY: DAYS,
    Kind.MOMENT: DAYS,
    Kind.CHOICE: CHOICE,
    Kind.FLAG: FLAG,
    Kind.RELATION: CHOICE,
    Kind.SEVERAL: CHOICE,
}


def operators_of(column: Column) -> dict[str, Operator]:
    """By their words. What is too many to be listed can be found by a part of its name as well; a figure that is made
    for each row, by nothing."""
    if column.made and not column.links:
        return {}
    return {each.word: each for each in (LARGE if column.rows else OF_KIND[column.kind])}
