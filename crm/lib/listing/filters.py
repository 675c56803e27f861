"""What the FilterSets of all lists share: fields that read what people type, chips, and names instead of keys."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import BigIntegerField, CharField, F, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.lib.dates import day_short
from crm.lib.fields import AmountField, DayField
from crm.lib.listing.columns import Column
from crm.lib.listing.conditions import SAFE, WHERE, Where, WhereFilter
from crm.lib.listing.values import Asker
from crm.lib.listing.words import PLACES

BIG = 2**63 - 1


def key_of(text: str | None) -> int | None:
    """The key that a hand-made address may hold; None for anything that is no key."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


@dataclass(frozen=True)
class Named:
    """Rows that a word of the address names by their key: those the user may see, and what leads to their name."""

    rows: Callable[[Any], QuerySet]
    name: Any = "name"


class SearchFilter(django_filters.CharFilter):
    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"type": "search", "data-key": "/"})
        super().__init__(**{"label": _("Search"), "method": "by_text", "max_length": 200, "widget": widget} | options)


class ArchivedFilter(django_filters.BooleanFilter):
    """Without a value it leaves what is not archived."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Select(choices=[("", _("Not archived")), ("true", _("Archived"))])
        super().__init__(field_name="archived", label=_("Archived"), widget=widget, **options)

    def filter(self, qs: QuerySet, value: bool | None) -> QuerySet:
        return qs.filter(archived=bool(value))


class AmountFilter(django_filters.NumberFilter):
    field_class = AmountField

    def get_max_validator(self) -> None:
        """Ten figures are refused by the field itself."""
        return


class DayFilter(django_filters.DateFilter):
    field_class = DayField


class KeyFilter(django_filters.NumberFilter):
    """The key of a row that a link names; hidden in the form, shown as a chip."""

    field_class = forms.IntegerField

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.HiddenInput, min_value=0, max_value=BIG, **options)

    def get_max_validator(self) -> None:
        return None


class ListFilter(django_filters.FilterSet):
    """A FilterSet that understands conditions over the model's columns too. It `offers` every choice, as a form shows
    them. A list asks for no choices: then what the address names by its key is looked up, everything at once. `reads`
    tells of a user what relative words mean to that person."""

    where = WhereFilter(label=_("Conditions"))
    columns: ClassVar[Sequence[Column]] = ()
    named: ClassVar[Mapping[str, Named]] = {}
    reads: ClassVar["staticmethod[[Any], Asker]"]

    def __init__(self, data: Any, *, queryset: QuerySet, user: Any, offers: bool = True) -> None:
        super().__init__(data, queryset=queryset)
        self.user, self.offers = user, offers
        self.asker = self.reads(user)
        self.filters[WHERE].extra |= {"columns": self.columns, "asker": self.asker}

    @cached_property
    def names(self) -> dict[str, tuple[str, str]]:
        """Of every word that names a visible row by its key: the key and the name. One query, or none."""
        parts = []
        for word, named in self.named.items():
            key = key_of(self.data.get(word))
            offered = self.offers and isinstance(self.filters[word], django_filters.ChoiceFilter)
            if key is not None and not offered:
                name = Cast(F(named.name) if isinstance(named.name, str) else named.name, TextField())
                word_too = Value(word, output_field=CharField())
                parts.append(
                    named.rows(self.user)
                    .order_by()
                    .filter(pk=key)
                    .values_list(word_too, Cast("pk", BigIntegerField()), name)
                )
        found = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0] if parts else ()
        return {word: (str(key), name) for word, key, name in found}

    def name_of(self, word: str) -> Iterator[tuple[str, str]]:
        """As a choice: the row that the word names, if there is one to be seen."""
        if word in self.names:
            yield self.names[word]

    @property
    def conditions(self) -> Where | None:
        """What was understood; None where there are none, or not all of them were."""
        found: Where | None = self.form.cleaned_data.get(WHERE) if self.form.is_valid() else None
        return found

    @property
    def chips(self) -> list[dict[str, Any]]:
        """Every filter that is on, then each condition: its word, what it says, the values of its word that are left
        without it, the address without it, and whether it begins another group (“… or …”)."""
        if not self.form.is_valid():
            return []
        values = self.form.cleaned_data
        chips = [
            {"name": name, "words": f"{field.label}: {self.words(name, values[name])}", "left": []}
            for name, field in self.form.fields.items()
            if name != WHERE and values.get(name) not in (None, "", [], ())
        ]
        chips += self._condition_chips()
        return [chip | {"without": self._with(chip["name"], chip["left"])} for chip in chips]

    def _condition_chips(self) -> list[dict[str, Any]]:
        where = self.conditions
        return [
            {"name": WHERE, "words": each.words, "left": where.without(each), "begins": each is group[0] and number > 0}
            for number, group in enumerate(where.groups if where else ())
            for each in group
            if where
        ]

    def _with(self, name: str, values: list[str]) -> str:
        query = self.data.copy()
        for gone in PLACES:
            query.pop(gone, None)
        query.setlist(name, values)
        return f"?{query.urlencode(safe=SAFE)}"

    def words(self, name: str, value: Any) -> str:
        """What a chip says of a value."""
        if name in self.names:
            return self.names[name][1]
        if isinstance(value, bool):
            return str(_("yes") if value else _("no"))
        return in_words(self.form.fields[name], value)


def in_words(field: forms.Field, value: Any) -> str:
    """The label of a choice (grouped or not), a day as the language writes it, anything else as it is."""
    for key, label in getattr(field, "choices", []):
        for one, words in label if isinstance(label, (list, tuple)) else [(key, label)]:
            if str(one) == str(value):
                return str(words)
    return day_short(value, get_language() or "en") if isinstance(value, datetime.date) else str(value)
