"""What a condition compares with: read from its canonical text (ISO days, decimal points, keys), told in words."""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from crm.lib.dates import day_short
from crm.lib.listing.columns import Choices, Column, Kind
from crm.lib.listing.periods import Clock, days_of, in_words, is_period
from crm.lib.money import format_money, format_number, format_percent

LONGEST = 200  # characters of a value
MOST_CHOICES = 50
YEARS = range(1900, 3000)
APART = ".."  # between two ends
ME = "me"
NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
KEY = re.compile(r"[0-9]{1,18}")
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Takes(Enum):
    """What an operator needs to be told."""

    NOTHING = "nothing"
    TEXT = "text"
    NUMBER = "number"
    NUMBERS = "numbers"  # two, both in it
    DAYS = "days"  # a day or a period
    SPAN = "span"  # two days, both in it
    COUNT = "count"  # so many days
    ONE = "one"  # a choice
    SEVERAL = "several"  # choices


@dataclass(frozen=True)
class Value:
    """`text` as it stands in an address, `meant` as it is compared, `words` as a person reads it."""

    text: str
    meant: Any
    words: str


@dataclass
class Asker:
    """Who asks: what that person may name, and what “today” and “me” mean to that person."""

    user: Any
    clock: Clock
    currency: str = "EUR"
    _offers: dict[str, tuple[dict[str, Any], Iterator[tuple[str, Any]]]] = field(default_factory=dict, repr=False)

    def choices(self, column: Column) -> dict[str, Any]:
        """Everything that can be chosen, by its key."""
        return self._until(column, lambda known: False)

    def labels(self, column: Column, keys: Iterable[str]) -> dict[str, Any]:
        """Those of the keys that the person may name. Asked no further than needed: “me” costs no query."""
        wanted = set(keys)
        if column.rows is None:
            known = self._until(column, lambda known: wanted <= known.keys())
            return {key: known[key] for key in keys if key in known}
        rows = (column.known or column.rows)(self.user).filter(pk__in=[key for key in wanted if KEY.fullmatch(key)])
        found = {str(row.pk): getattr(row, "label", row) for row in rows.order_by()}
        return {key: found[key] for key in keys if key in found}

    def _offered(self, column: Column) -> Choices:
        if column.kind is Kind.FLAG:
            return (("yes", _("yes")), ("no", _("no")))
        return column.choices(self.user) if column.choices else ()

    def _until(self, column: Column, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        if column.name not in self._offers:
            self._offers[column.name] = ({}, iter(self._offered(column)))
        known, more = self._offers[column.name]
        while not enough(known):
            pair = next(more, None)
            if pair is None:
                break
            known[str(pair[0])] = pair[1]
        return known


def read(takes: Takes, text: str, column: Column, asker: Asker) -> Value:
    """Raises ValidationError, which says what would be understood."""
    if "\0" in text:
        raise ValidationError(_("A character in it cannot be searched for."))
    if takes is Takes.NOTHING:
        return Value("", None, "")
    text = text.strip()
    if not text:
        raise ValidationError(_("Say what to compare with."))
    if len(text) > LONGEST and takes is not Takes.SEVERAL:
        raise ValidationError(_("That is too long: at most %(count)s characters.") % {"count": LONGEST})
    return READERS[takes](text, column, asker)


def _text(text: str, column: Column, asker: Asker) -> Value:
    return Value(text, text, _quoted(text))


def _quoted(text: str) -> str:
    return _("“%(text)s”") % {"text": text}


def number_of(text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise ValidationError(_("“%(text)s” is not a number.") % {"text": text})
    return Decimal(text)


def _shown(number: Decimal, column: Column, asker: Asker) -> str:
    language = get_language() or "en"
    if column.kind is Kind.MONEY:
        return format_money(number, asker.currency, language)
    return format_percent(number, language) if column.kind is Kind.PERCENT else format_number(number, language)


def _number(text: str, column: Column, asker: Asker) -> Value:
    number = number_of(text)
    return Value(_plain(number), number, _shown(number, column, asker))


def _plain(number: Decimal) -> str:
    return format(number.normalize() + 0, "f")  # + 0: no negative zero


def _numbers(text: str, column: Column, asker: Asker) -> Value:
    first, last = (number_of(end) for end in _ends(text))
    _in_order(first, last)
    words = _("%(first)s to %(last)s") % {
        "first": _shown(first, column, asker),
        "last": _shown(last, column, asker),
    }
    return Value(f"{_plain(first)}{APART}{_plain(last)}", (first, last), words)


def _ends(text: str) -> tuple[str, str]:
    first, apart, last = text.partition(APART)
    if not (apart and first.strip() and last.strip()):
        raise ValidationError(_("Say both ends."))
    return first.strip(), last.strip()


def _in_order(first: Any, last: Any) -> None:
    if first > last:
        raise ValidationError(_("The first is after the second."))


def day_of(text: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(text) if ISO_DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise ValidationError(_("“%(text)s” is not a day, such as 2026-03-31.") % {"text": text})
    return day


def _days(text: str, column: Column, asker: Asker) -> Value:
    if is_period(text):
        return Value(text, days_of(text, asker.clock), str(in_words(text)))
    day = day_of(text)
    return Value(text, (day, day), day_short(day, get_language() or "en"))


def _span(text: str, column: Column, asker: Asker) -> Value:
    first, last = (day_of(end) for end in _ends(text))
    _in_order(first, last)
    language = get_language() or "en"
    words = _("%(first)s to %(last)s") % {"first": day_short(first, language), "last": day_short(last, language)}
    return Value(f"{first}{APART}{last}", (first, last), words)


def _count(text: str, column: Column, asker: Asker) -> Value:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise ValidationError(_("Write a number of days, 0 to 9999."))
    days = int(text)
    return Value(str(days), days, ngettext("%(days)s day", "%(days)s days", days) % {"days": days})


def _choices(text: str, column: Column, asker: Asker) -> Value:
    keys = list(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    if not keys:
        raise ValidationError(_("Say what to compare with."))
    if len(keys) > MOST_CHOICES:
        raise ValidationError(_("At most %(count)s can be chosen.") % {"count": MOST_CHOICES})
    labels = asker.labels(column, keys)
    missing = [key[:LONGEST] for key in keys if key not in labels]
    if missing:
        raise _no_choice(missing)
    meant = [asker.clock.me if key == ME and column.kind in (Kind.RELATION, Kind.SEVERAL) else key for key in keys]
    return Value(",".join(keys), meant, ", ".join(str(label) for label in labels.values()))


def _no_choice(keys: Iterable[str]) -> ValidationError:
    quoted = ", ".join(map(_quoted, keys))
    return ValidationError(_("%(quoted)s is not one of the choices.") % {"quoted": quoted})


def _choice(text: str, column: Column, asker: Asker) -> Value:
    """A key may hold no comma, so what follows one belongs to no choice."""
    if "," in text:
        raise _no_choice([text])
    return _choices(text, column, asker)


READERS: dict[Takes, Callable[[str, Column, Asker], Value]] = {
    Takes.TEXT: _text,
    Takes.NUMBER: _number,
    Takes.NUMBERS: _numbers,
    Takes.DAYS: _days,
    Takes.SPAN: _span,
    Takes.COUNT: _count,
    Takes.ONE: _choice,
    Takes.SEVERAL: _choices,
}
