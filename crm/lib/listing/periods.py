"""Relative periods: words that mean other days tomorrow than today, and for another person than for me."""

import datetime
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

Days = tuple[datetime.date, datetime.date]
DAY = datetime.timedelta(days=1)
SOME_DAYS = re.compile(r"(last|next)_([0-9]{1,4})_days")
USUAL_DAYS = (7, 30, 90)

PERIODS: dict[str, Promise] = {
    "today": _("today"),
    "yesterday": _("yesterday"),
    "tomorrow": _("tomorrow"),
    "this_week": _("this week"),
    "last_week": _("last week"),
    "next_week": _("next week"),
    "this_month": _("this month"),
    "last_month": _("last month"),
    "next_month": _("next month"),
    "this_quarter": _("this quarter"),
    "last_quarter": _("last quarter"),
    "next_quarter": _("next quarter"),
    "this_year": _("this year"),
    "last_year": _("last year"),
    "next_year": _("next year"),
    "this_fiscal_year": _("this fiscal year"),
    "last_fiscal_year": _("last fiscal year"),
    "next_fiscal_year": _("next fiscal year"),
}
STEPS = {"last": -1, "this": 0, "next": 1}
SINGLE = {"yesterday": -1, "today": 0, "tomorrow": 1}


@dataclass(frozen=True)
class Clock:
    """What relative words mean to one person: the day and the zone where that person is, the first month of our fiscal
    year, and the key of the person's own salesperson."""

    today: datetime.date
    zone: datetime.tzinfo = field(default_factory=lambda: zoneinfo.ZoneInfo("UTC"))
    fiscal_month: int = 1
    me: int | None = None

    def starts(self, day: datetime.date) -> datetime.datetime:
        """The first instant of that day in the person's zone."""
        return datetime.datetime.combine(day, datetime.time.min, self.zone)


def is_period(word: str) -> bool:
    return word in PERIODS or SOME_DAYS.fullmatch(word) is not None


def offered(clock: Clock, *, beside: str = "") -> list[tuple[str, Promise | str]]:
    """Periods to choose from, and `beside` if it is one. The fiscal year is offered where it is not the calendar's."""
    known: list[tuple[str, Promise | str]] = [
        (word, label) for word, label in PERIODS.items() if clock.fiscal_month != 1 or "fiscal" not in word
    ]
    known += [(f"{way}_{days}_days", some_days(way, days)) for way in ("last", "next") for days in USUAL_DAYS]
    if is_period(beside) and beside not in dict(known):
        known.append((beside, in_words(beside)))
    return known


def in_words(word: str) -> Promise | str:
    found = SOME_DAYS.fullmatch(word)
    return some_days(found[1], int(found[2])) if found else PERIODS[word]


def some_days(way: str, days: int) -> str:
    if way == "last":
        return ngettext("the last %(days)s day", "the last %(days)s days", days) % {"days": days}
    return ngettext("the next %(days)s day", "the next %(days)s days", days) % {"days": days}


def days_of(word: str, clock: Clock) -> Days:
    """First and last day of a period, both in it. Weeks begin on Monday; the last and next days have today in them."""
    if word in SINGLE:
        day = clock.today + SINGLE[word] * DAY
        return day, day
    found = SOME_DAYS.fullmatch(word)
    if found:
        reach = int(found[2]) * DAY
        return (clock.today - reach, clock.today) if found[1] == "last" else (clock.today, clock.today + reach)
    which, _, unit = word.partition("_")
    return UNITS[unit](clock, STEPS[which])


def _week(clock: Clock, step: int) -> Days:
    monday = clock.today + (7 * step - clock.today.weekday()) * DAY
    return monday, monday + 6 * DAY


def _months(first: datetime.date, many: int, step: int) -> Days:
    """So many months from `first` on, moved by `step` times as many."""
    since = months_later(first, many * step)
    return since, months_later(since, many) - DAY


def months_later(first: datetime.date, months: int) -> datetime.date:
    """`first` is the first of a month; so is the answer."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return datetime.date(year, month + 1, 1)


def _since_month(clock: Clock, beginnings: int, cycle: int) -> datetime.date:
    """The first of the newest month that begins a cycle of so many months, counted from month `beginnings`."""
    first = clock.today.replace(day=1)
    return months_later(first, -((first.month - beginnings) % cycle))


UNITS: dict[str, Callable[[Clock, int], Days]] = {
    "week": _week,
    "month": lambda clock, step: _months(_since_month(clock, 1, 1), 1, step),
    "quarter": lambda clock, step: _months(_since_month(clock, 1, 3), 3, step),
    "year": lambda clock, step: _months(_since_month(clock, 1, 12), 12, step),
    "fiscal_year": lambda clock, step: _months(_since_month(clock, clock.fiscal_month, 12), 12, step),
}
