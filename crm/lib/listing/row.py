"""One condition as it is typed: a column, an operator, and the controls that fit both."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.fields import DayInput, plain_number
from crm.lib.listing.columns import Column
from crm.lib.listing.conditions import in_address
from crm.lib.listing.operators import Operator, operators_of
from crm.lib.listing.periods import is_period, offered
from crm.lib.listing.values import APART, ISO_DAY, LONGEST, Asker, Takes, read

FOUND = 20  # so many rows of a large relation are offered; more letters find the others
MOST_ROWS = 60  # of a form; more than any page makes
NAME = re.compile(r"w([0-9]{1,3})-(group|column|operator|value|until|period|find|found)")


@dataclass(frozen=True)
class Typed:
    """The words of one row. `find` looks for rows of a large relation; `found` is what it was looked for before."""

    group: int = 1
    column: str = ""
    operator: str = ""
    value: list[str] = field(default_factory=list)
    until: str = ""
    period: str = ""
    find: str = ""
    found: str = ""
    address: str = ""  # that it was read from

    @staticmethod
    def is_of_form(name: str) -> bool:
        return NAME.fullmatch(name) is not None

    @classmethod
    def of_form(cls, query: QueryDict) -> list["Typed"]:
        numbers = {int(found[1]) for found in map(NAME.fullmatch, query) if found}
        return [cls._of_row(query, number) for number in sorted(numbers)[:MOST_ROWS]]

    @classmethod
    def _of_row(cls, query: QueryDict, number: int) -> "Typed":
        def word(name: str) -> str:
            return query.get(f"w{number}-{name}", "").replace("\0", "")

        words = {name: word(name) for name in ("column", "operator", "until", "period", "find", "found")}
        group = word("group")
        values = [value.replace("\0", "") for value in query.getlist(f"w{number}-value")]
        group_number = int(group) if group.isascii() and group.isdecimal() and len(group) <= 3 else 1
        return cls(group=group_number, value=[value for value in values if value], **words)

    @classmethod
    def of_address(cls, texts: Iterable[str]) -> list["Typed"]:
        """As they would have been typed; what is not understood is left for the row to say."""
        rows = []
        for text in [text.replace("\0", "") for text in texts if text.strip()][:MOST_ROWS]:
            group, column, operator, value = (*text.split(":", 3), "", "", "")[:4]
            number = int(group) if group.isascii() and group.isdecimal() and len(group) <= 3 else 1
            rows.append(cls(number, column, operator, [value] if value else [], address=text))
        return rows


class ReadableDayInput(DayInput):
    """A browser shows nothing but a day, and complains about anything else; the message says what it was."""

    def format_value(self, value: Any) -> str | None:
        written = super().format_value(value)
        return written if written and ISO_DAY.fullmatch(written) else None


class Anything(forms.Field):
    """Several values as they are: the condition itself says whether they are choices."""

    widget = forms.SelectMultiple


class ConditionForm(forms.Form):
    """Bound in every case, so that what was typed stands where it was typed; judged only where that is asked for."""

    group = forms.IntegerField(widget=forms.HiddenInput)
    column = forms.CharField(label=gettext_lazy("Field"), required=False)

    def __init__(
        self, typed: Typed, *, number: int, columns: Sequence[Column], asker: Asker, path: str, judge: bool
    ) -> None:
        self.typed, self.number, self.asker, self.judge = typed, number, asker, judge
        self.reload = {
            "hx-trigger": "change delay:300ms",
            "hx-get": path,
            "hx-target": "#conditions",
            "hx-swap": "outerHTML",
            "hx-include": "closest form",
        }
        self.of_column: Column | None = next((each for each in columns if each.name == typed.column), None)
        known = operators_of(self.of_column) if self.of_column else {}
        self.operator: Operator | None = known.get(typed.operator) or next(iter(known.values()), None)
        self.address, self.refusal = "", ""
        if typed.address and self.operator:
            self.typed = self._split()
        if self.operator and self.of_column and self.of_column.rows:
            self.typed = self._look_up()
        self._judge()
        prefix = f"w{number}"
        super().__init__(self._as_data(prefix), prefix=prefix)
        self.fields["column"].widget = forms.Select(
            choices=[("", _("Choose a field")), *((each.name, each.label) for each in columns if operators_of(each))],
            attrs=self.reload,
        )
        if self.operator:
            operators = [(word, each.label) for word, each in known.items()]
            self.fields["operator"] = forms.CharField(
                label=_("Comparison"), required=False, widget=forms.Select(choices=operators, attrs=self.reload)
            )
            self.fields |= self._controls(self.operator.takes)

    @property
    def is_understood(self) -> bool:
        return not self.refusal

    def clean(self) -> None:
        if self.judge and self.refusal:
            first = next((name for name in ("value", "period") if name in self.fields), "column")
            self.add_error(first, self.refusal)

    def _as_data(self, prefix: str) -> QueryDict:
        data = QueryDict(mutable=True)
        for name in ("group", "column", "until", "period", "find"):
            data[f"{prefix}-{name}"] = str(getattr(self.typed, name))
        data[f"{prefix}-found"] = self.typed.find
        data[f"{prefix}-operator"] = self.operator.word if self.operator else ""
        data.setlist(f"{prefix}-value", self.typed.value)
        return data

    def _judge(self) -> None:
        """The condition's canonical words, or what is wrong with it."""
        typed = self.typed
        if self.operator is None or self.of_column is None:
            if typed.column or typed.address:
                self.refusal = _("“%(text)s”: this list has no such column.") % {
                    "text": (typed.address or typed.column)[:LONGEST]
                }
            return
        try:
            if typed.address and typed.operator != self.operator.word:
                raise ValidationError(_("“%(text)s” is no way to compare it.") % {"text": typed.operator[:LONGEST]})
            value = read(self.operator.takes, self._text(self.operator.takes), self.of_column, self.asker)
        except ValidationError as refusal:
            self.refusal = self._not_found() or " ".join(refusal.messages)
            return
        self.address = in_address(typed.group, self.of_column.name, self.operator.word, value.text)

    def _text(self, takes: Takes) -> str:
        """What was typed in the reader's language, as addresses write it."""
        typed, mark = self.typed, get_format("DECIMAL_SEPARATOR")
        first = typed.value[0] if typed.value else ""
        match takes:
            case Takes.NUMBER:
                return plain_number(first, mark)
            case Takes.NUMBERS:
                return f"{plain_number(first, mark)}{APART}{plain_number(typed.until, mark)}"
            case Takes.SPAN:
                return f"{first}{APART}{typed.until}"
            case Takes.DAYS:
                return typed.period or first
            case Takes.SEVERAL:
                return ",".join(typed.value)
            case _:
                return first

    def _split(self) -> Typed:
        """The canonical value in the controls that it would have been typed in."""
        assert self.operator
        typed, mark = self.typed, get_format("DECIMAL_SEPARATOR")
        value = typed.value[0] if typed.value else ""
        first, _apart, last = value.partition(APART)
        match self.operator.takes:
            case Takes.NUMBER:
                return replace(typed, value=[value.replace(".", mark)])
            case Takes.NUMBERS:
                return replace(typed, value=[first.replace(".", mark)], until=last.replace(".", mark))
            case Takes.SPAN:
                return replace(typed, value=[first], until=last)
            case Takes.DAYS if is_period(value):
                return replace(typed, value=[], period=value)
            case Takes.SEVERAL:
                return replace(typed, value=[key.strip() for key in value.split(",") if key.strip()])
            case _:
                return typed

    def _look_up(self) -> Typed:
        """A name that was typed newly chooses the row of that name; where it fits several, they are offered."""
        typed, several = self.typed, bool(self.operator and self.operator.takes is Takes.SEVERAL)
        if typed.find == typed.found or not typed.find.strip():
            return typed
        kept = typed.value if several else []
        matches = self._matches()
        return replace(typed, value=[*kept, *matches] if len(matches) == 1 else kept)

    def _matches(self) -> dict[str, Any]:
        assert self.of_column and self.of_column.rows
        text = self.typed.find.strip()
        rows: Any = self.of_column.rows(self.asker.user)
        return {str(row.pk): row for row in rows.search(text[:LONGEST])[:FOUND]} if text else {}

    def _not_found(self) -> str:
        if not (self.of_column and self.of_column.rows and self.typed.find.strip() and not self.typed.value):
            return ""
        return _("Choose one of those found.") if self._matches() else _("Nothing of that name was found.")

    def _controls(self, takes: Takes) -> dict[str, forms.Field]:
        """The fields that an operator needs to be told its value."""
        match takes:
            case Takes.NOTHING:
                return {}
            case Takes.NUMBERS:
                return {"value": _text_field(_("From"), "decimal"), "until": _text_field(_("To"), "decimal")}
            case Takes.NUMBER:
                return {"value": _text_field(_("Value"), "decimal")}
            case Takes.COUNT:
                return {"value": _text_field(_("Days"), "numeric")}
            case Takes.SPAN:
                return {"value": _day_field(_("From")), "until": _day_field(_("To"))}
            case Takes.DAYS:
                return self._days()
            case Takes.ONE | Takes.SEVERAL:
                return self._choices(several=takes is Takes.SEVERAL)
            case _:
                return {"value": _text_field(_("Value"))}

    def _days(self) -> dict[str, forms.Field]:
        periods = offered(self.asker.clock, beside=self.typed.period)
        select = forms.Select(choices=[("", _("a day …")), *periods], attrs=self.reload)
        controls: dict[str, forms.Field] = {"period": forms.CharField(label=_("Period"), required=False, widget=select)}
        return controls if self.typed.period else controls | {"value": _day_field(_("Day"))}

    def _choices(self, *, several: bool) -> dict[str, forms.Field]:
        assert self.of_column
        controls: dict[str, forms.Field] = {}
        if self.of_column.rows:
            search = forms.TextInput(attrs={"type": "search", "autocomplete": "off", **self.reload})
            controls["find"] = forms.CharField(label=_("Find by name"), required=False, widget=search)
            controls["found"] = forms.CharField(required=False, widget=forms.HiddenInput)
            offers = self.asker.labels(self.of_column, self.typed.value) | self._matches()
        else:
            offers = self.asker.choices(self.of_column)
        pairs = list(offers.items())
        if several:
            many = forms.SelectMultiple(choices=pairs, attrs={"size": str(min(max(len(pairs), 2), 6))})
            return controls | {"value": Anything(label=_("Values"), required=False, widget=many)}
        one = forms.Select(choices=[("", "–"), *pairs])
        return controls | {"value": forms.CharField(label=_("Value"), required=False, widget=one)}


def _text_field(label: str, mode: str = "text") -> forms.Field:
    widget = forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "maxlength": str(LONGEST)})
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


def _day_field(label: str) -> forms.Field:
    widget = ReadableDayInput({"min": "1900-01-01", "max": "2999-12-31"})
    return forms.CharField(label=label, required=False, widget=widget)
