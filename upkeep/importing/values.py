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
BLANKS = re.compile(r"[\s\u00a0\u202f'’_]")
YEARS = range(1900, 3000)


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
    """A date with a time, in the company's zone unless it says another one. Raises ValidationError."""
    try:
        known = datetime.datetime.fromisoformat(text)
    except ValueError:
        known = datetime.datetime.combine(day(text, order), datetime.time(12))
    return known if known.tzinfo else known.replace(tzinfo=zone)


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
