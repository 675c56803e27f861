"""Business relations in a form: which, and the number of each."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contacts.codes import BusinessRelation, ContactCode
from contacts.models import ContactsRelation
from contacts.names import validate_readable

Numbers = dict[str, str]  # by keys of business relations


class RelationsInput(forms.Widget):
    """A box for each business relation and, beside it, its number. The box decides; a value is the numbers of what is ticked."""

    template_name = "contacts/relations_input.html"
    use_fieldset = True
    choices: Iterable[tuple[int, str]] = ()

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Numbers:
        return {key: data.get(f"{name}_{key}", "") for key in data.getlist(name)}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        numbers = _by_text(value)
        rows = [(key, label, str(key) in numbers, numbers.get(str(key), "")) for key, label in self.choices]
        longest: Any = ContactsRelation._meta.get_field("number").max_length
        is_invalid = "aria-invalid" in (attrs or {})
        return {"name": name, "rows": rows, "is_invalid": is_invalid, "longest": longest}


class RelationsField(forms.Field):
    """Cleaned: numbers by the keys of the business relations."""

    widget = RelationsInput
    model = BusinessRelation

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def offer(self, rows: Iterable[ContactCode]) -> None:
        self.choices = self.widget.choices = [(row.pk, str(row)) for row in rows]

    def clean(self, value: Numbers) -> dict[int, str]:
        known = {str(key): key for key, _label in self.choices}
        if not set(value) <= set(known):
            raise ValidationError(_("Choose business relations of the list."), code="invalid_choice")
        number = forms.CharField(
            required=False,
            max_length=ContactsRelation._meta.get_field("number").max_length,
            validators=[*ContactsRelation._meta.get_field("number").validators, validate_readable],
        )
        return {known[key]: number.clean(typed) for key, typed in value.items()}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _by_text(initial) != _by_text(data)

    def in_words(self, value: Any) -> str:
        numbers = _by_text(value)
        said = (f"{label} {numbers[str(key)]}".rstrip() for key, label in self.choices if str(key) in numbers)
        return ", ".join(said)


def _by_text(value: Any) -> Numbers:
    return {str(key): str(number).strip() for key, number in (value or {}).items()}
