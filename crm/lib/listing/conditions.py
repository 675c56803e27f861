"""Conditions of an address: repeated `where=<group>:<column>:<operator>:<value>`. Those of one group hold together, and a
row is listed where at least one group holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm.lib.listing.columns import Column
from crm.lib.listing.operators import Operator, operators_of
from crm.lib.listing.values import LONGEST, Asker, Value, read

WHERE = "where"
SAFE = ":,"  # may stand in an address as they are
MOST_CONDITIONS = 30
MOST_GROUPS = 10
MOST_CHARACTERS = 3000  # as an address writes them; browsers and servers take not much more than twice as many


@dataclass(frozen=True)
class Condition:
    group: int
    column: Column
    operator: Operator
    value: Value

    @property
    def address(self) -> str:
        """As it stands in an address; what is relative stays relative."""
        return in_address(self.group, self.column.name, self.operator.word, self.value.text)

    @property
    def words(self) -> str:
        return str(self.operator.sentence) % {"column": self.column.label, "value": self.value.words}

    def holds(self, asker: Asker) -> Q:
        return self.operator.means(self.column, self.value.meant, asker.clock)


@dataclass(frozen=True)
class Where:
    """All conditions of an address, by their groups."""

    conditions: tuple[Condition, ...]
    asker: Asker

    @property
    def groups(self) -> list[list[Condition]]:
        return [list(together) for _, together in groupby(self.conditions, lambda each: each.group)]

    @property
    def holds(self) -> Q:
        found = Q()
        for group in self.groups:
            found |= Q(*(each.holds(self.asker) for each in group))
        return found

    def without(self, gone: Condition) -> list[str]:
        """The others, as they stand in an address."""
        return [each.address for each in self.conditions if each is not gone]

    def names(self, *columns: str) -> bool:
        """Whether a condition is about one of these columns."""
        return any(each.column.name in columns for each in self.conditions)


def in_address(group: int, column: str, operator: str, value: str) -> str:
    return f"{group}:{column}:{operator}:{value}" if value else f"{group}:{column}:{operator}"


def read_condition(text: str, columns: Sequence[Column], asker: Asker) -> Condition:
    """Raises ValidationError, which names the condition."""
    group, name, word, value = (*text.split(":", 3), "", "", "")[:4]
    said = _shortened(text)
    if not (group.isascii() and group.isdecimal() and len(group) <= 3):
        raise ValidationError(_("“%(text)s” is not a condition.") % {"text": said})
    column = next((each for each in columns if each.name == name), None)
    if column is None:
        raise ValidationError(_("“%(text)s”: this list has no such column.") % {"text": said})
    operator = operators_of(column).get(word)
    if operator is None:
        raise ValidationError(
            _("%(column)s cannot be compared like this: “%(text)s”.") % {"column": column.label, "text": said}
        )
    try:
        return Condition(int(group), column, operator, read(operator.takes, value, column, asker))
    except ValidationError as refusal:
        reason = " ".join(refusal.messages)
        raise ValidationError(f"{column.label} {operator.label} …: {reason}") from None


def _shortened(text: str) -> str:
    text = text.replace("\0", "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def read_conditions(texts: Iterable[str], columns: Sequence[Column], asker: Asker) -> Where:
    """Raises ValidationError with a message for each condition that cannot be understood."""
    texts = [text for text in texts if text.strip()]
    if len(texts) > MOST_CONDITIONS:
        raise ValidationError(_("At most %(count)s conditions.") % {"count": MOST_CONDITIONS})
    if sum(len(quote(text, errors="replace")) for text in texts) > MOST_CHARACTERS:
        raise ValidationError(_("These conditions are too long for an address."))
    found, refusals = [], []
    for text in texts:
        try:
            found.append(read_condition(text, columns, asker))
        except ValidationError as refusal:
            refusals += refusal.messages
    if len({each.group for each in found}) > MOST_GROUPS:
        refusals.append(_("At most %(count)s groups of conditions.") % {"count": MOST_GROUPS})
    if refusals:
        raise ValidationError(refusals)
    return Where(tuple(sorted(found, key=lambda each: each.group)), asker)


class WhereField(forms.Field):
    """All values of `where` together."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, columns: Sequence[Column] = (), asker: Asker | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.columns, self.asker = columns, asker

    def clean(self, value: Any) -> Where | None:
        if not value or self.asker is None:
            return None
        where = read_conditions(value, self.columns, self.asker)
        return where if where.conditions else None


class WhereFilter(django_filters.Filter):
    field_class = WhereField

    def filter(self, rows: QuerySet, value: Where | None) -> QuerySet:
        return rows.filter(value.holds) if value else rows
