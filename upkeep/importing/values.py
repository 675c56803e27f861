"""Texts of a file as dates and numbers, in the format that was chosen; and which format a column seems to have."""

import datetime
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

ORDERS = (("ymd", _("year, month, day")), ("dmy", _("day, month, year")), ("mdy", _("month, day, year")))
MARKS = ((".", _("Point: 1,234.50")), (",", _("Comma: 1.234,50")))
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
PARTS = re.compile(r"(\d{1,4})[./\-\s]+(\d{1,2})[./\-\s]+(\d{1,4})\.?(?:[T,\s]+\d.*)?")
CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE)
BLANKS = re.compile(r"[\s\u00a0\u202f'’_]")
YEARS = range(1900, 3000)
MOST_MINUTES = 10**8


def day(text: str, order: str) -> datetime.date:
    """2026-01-31 is understood in every order. Raises ValidationError."""
    if found := ISO.fullmatch(text):
        parts = [int(part) for part in found.groups()]
    elif found := PARTS.fullmatch(text):
        by = dict(zip(order, found.groups(), strict=True))
        parts = [int(by["y"]) + (2000 if len(by["y"]) < 3 else 0), int(by["m"]), int(by["d"])]
    else:
        parts = [0, 0, 0]
    try:
        known = datetime.date(*parts)
    except ValueError:
        known = datetime.date.min
    if known.year not in YEARS:
        raise ValidationError(_("“%(text)s” is no date in the format that was chosen."), params={"text": text})
    return known


def moment(text: str, order: str, zone: datetime.tzinfo) -> datetime.datetime:
    """A date with a time, in the zone unless it says another one; midday where it says no time. Raises ValidationError."""
    try:
        known = datetime.datetime.fromisoformat(text)
    except ValueError:
        known = datetime.datetime.combine(day(text, order), _time_in(text) or datetime.time(12))
    return known if known.tzinfo else known.replace(tzinfo=zone)


def when(text: str, order: str, zone: datetime.tzinfo) -> datetime.date:
    """A date, with the time of day (`datetime`, as the clock of the zone showed it) where one is said: midnight is none. Raises
    ValidationError."""
    known = day(text, order)
    try:
        said = datetime.datetime.fromisoformat(text) if ISO.fullmatch(text) else None
    except ValueError:
        said = None
    said = said or datetime.datetime.combine(known, _time_in(text) or datetime.time.min)
    if said.time() == datetime.time.min:
        return known
    return (said.astimezone(zone) if said.tzinfo else said).replace(tzinfo=None, microsecond=0)


def _time_in(text: str) -> datetime.time | None:
    """Of a text with a date at its beginning."""
    found = CLOCK.fullmatch(re.split(r"[T,\s]+", text, maxsplit=1)[-1]) if ":" in text else None
    return _time(found) if found else None


def clock(text: str) -> datetime.time:
    """A time of day, also behind a date. Raises ValidationError."""
    found = CLOCK.fullmatch(text)
    known = _time(found) if found else _time_in(text)
    if known is None:
        raise ValidationError(_("“%(text)s” is no time of day."), params={"text": text})
    return known


def _time(found: re.Match[str]) -> datetime.time | None:
    hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3))
    half = (found[4] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    try:
        return datetime.time(hour, minute, second)
    except ValueError:
        return None


def minutes(text: str | Decimal, mark: str) -> int:
    """A whole number of them, or hours and minutes as 1:30; seconds are rounded. Raises ValidationError."""
    found = re.fullmatch(r"(\d{1,4}):(\d{2})(?::(\d{2}))?", text) if isinstance(text, str) else None
    if found:
        hours, known, seconds = (int(part or 0) for part in found.groups())
        return hours * 60 + known + (seconds + 30) // 60
    said = number(text, mark)
    if abs(said) > MOST_MINUTES or said != said.to_integral_value():
        raise ValidationError(_("“%(text)s” is no number of minutes."), params={"text": text})
    return int(said)


def number(text: str | Decimal, mark: str) -> Decimal:
    """Signs of currencies and groups of digits are passed over. Raises ValidationError."""
    if isinstance(text, Decimal):
        return text
    plain = BLANKS.sub("", text).strip("€$£%")
    for word in ("EUR", "USD", "GBP", "NOK", "SEK", "kr"):
        plain = plain.removeprefix(word).removesuffix(word)
    group = "," if mark == "." else "."
    head, _mark, tail = plain.partition(mark)
    is_grouped = group not in head or re.fullmatch(rf"[-+]?\d{{1,3}}(\{group}\d{{3}})+", head)
    try:
        if not is_grouped or group in tail:
            raise InvalidOperation
        known = Decimal(f"{head.replace(group, '') or '0'}.{tail or '0'}")
    except InvalidOperation:
        known = Decimal("NaN")
    if not known.is_finite():
        raise ValidationError(_("“%(text)s” is no number in the format that was chosen."), params={"text": text})
    return known


def guessed_order(texts: Iterable[str]) -> str:
    """By which most of them are dates; of several orders the first one that fits."""
    texts = list(texts)
    return max(("dmy", "mdy", "ymd"), key=lambda order: sum(_is(day, text, order) for text in texts))


def guessed_mark(texts: Iterable[str]) -> str:
    texts = list(texts)
    return max((".", ","), key=lambda mark: sum(_is(number, text, mark) for text in texts))


def _is(read: object, text: str, how: str) -> bool:
    try:
        read(text, how)  # type: ignore[operator]
    except ValidationError:
        return False
    return True
