"""Date formulas: how far ahead a date lies, in the words of a sales cycle (`2W+1D`, `CM`, `WD1`).

A formula is a sum of terms, applied from left to right. A term is a number and a unit (D day, W week, M month, Q quarter,
Y year), the end of the current week, month, quarter or year (`CW`, `CM`, `CQ`, `CY`; a week ends on Sunday), or the next
given weekday after the date (`WD1` Monday … `WD7` Sunday). Months clamp: 31 January + `1M` is the last of February.
A blank formula changes nothing. Rule: domain A.4.
"""

import calendar
import re
from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, date, timedelta
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 32

_TERM = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<number>[0-9]{1,4})(?P<unit>[DWMQY])|C(?P<period>[WMQY])|WD(?P<weekday>[1-7]))"
)
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_PROBES = (date(1900, 1, 1), date(2999, 12, 31))  # what holds for both holds for every day a person means

Step = Callable[[date], date]


class DateFormulaError(ValueError):
    """The text is no date formula, or leads to a day no calendar has."""


def normalise(formula: str) -> str:
    """The one way a formula is stored: upper case, no spaces."""
    return "".join(formula.split()).upper()


def apply(formula: str, day: date) -> date:
    """The day the formula leads to. Raises DateFormulaError (a ValueError), never OverflowError."""
    try:
        for step in _steps(normalise(formula)):
            day = step(day)
    except OverflowError as error:
        raise DateFormulaError(f"{formula!r} leads outside the years 1 to 9999") from error
    return day


def validate(formula: str) -> None:
    """A model field's validator: refuses what cannot be read, and what leads out of the calendar from any usual day."""
    try:
        for probe in _PROBES:
            apply(formula, probe)
    except DateFormulaError as error:
        message = _("“%(formula)s” is not a date formula. Examples: 2W+1D, -1W, CM+10D, WD1.")
        raise ValidationError(message, code="date_formula", params={"formula": formula[:MAX_LENGTH]}) from error


@lru_cache(maxsize=256)
def _steps(formula: str) -> tuple[Step, ...]:
    if len(formula) > MAX_LENGTH:
        raise DateFormulaError(f"a date formula has at most {MAX_LENGTH} characters")
    steps: list[Step] = []
    position = 0
    while position < len(formula):
        term = _TERM.match(formula, position)
        if term is None or (position and not term["sign"]):
            raise DateFormulaError(f"{formula!r} cannot be read as a date formula")
        steps.append(_step(term))
        position = term.end()
    return tuple(steps)


def _step(term: re.Match[str]) -> Step:
    if term["number"]:
        amount = int(term["sign"] + term["number"])
        return lambda day: _shift(day, amount, term["unit"])
    if term["sign"] == "-":
        raise DateFormulaError(f"{term[0]!r}: only a number and unit can be subtracted")
    if term["weekday"]:
        return lambda day: _next_weekday(day, int(term["weekday"]))
    return lambda day: _end_of(day, term["period"])


def _shift(day: date, amount: int, unit: str) -> date:
    if unit in _MONTHS:
        return _shift_months(day, amount * _MONTHS[unit])
    return day + timedelta(days=amount * (7 if unit == "W" else 1))


def _shift_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return _clamped(year, month + 1, day.day)


def _clamped(year: int, month: int, day: int) -> date:
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _end_of(day: date, period: str) -> date:
    if period == "W":
        return day + timedelta(days=7 - day.isoweekday())
    months = _MONTHS[period]
    return _clamped(day.year, (day.month - 1) // months * months + months, 31)


def _next_weekday(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.isoweekday() - 1) % 7 + 1)
