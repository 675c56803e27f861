from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from opportunities.lifecycle import Stale
from opportunities.models import Opportunity

FACTS = ("description", "priority", "source", "competitor")


class FactsForm(forms.ModelForm):
    """The facts, and the version that the person looked at. It parses; `lifecycle.edit` judges and writes."""

    refusal: Exception | None = None  # what the verb answered to these very values
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Opportunity
        fields = FACTS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["version"] = self.instance.version
        if isinstance(self.refusal, Stale) and self.is_bound:
            self._look_anew()

    def _look_anew(self) -> None:
        """Saving again is then on purpose."""
        self.data = {**self.data.dict(), self.add_prefix("version"): str(self.instance.version)}  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if isinstance(self.refusal, Stale):
            self.add_error(None, self._news(self.refusal))
        elif isinstance(self.refusal, ValidationError):
            self._refuse(self.refusal)
        return cleaned

    def _post_clean(self) -> None:
        """The opportunity stays as it is until the verb writes it."""

    def facts(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("version", *FACTS)}

    def _refuse(self, refusal: ValidationError) -> None:
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields and name != "version" else None, errors)

    def _news(self, stale: Stale) -> SafeString:
        """What happened since, and which of the facts now differ from what was typed."""
        steps = [f"{entry.get_action_display()} ({entry.by or '–'})" for entry in stale.since()]
        now = [
            f"{self.fields[name].label}: {self._said(name)}"
            for name in FACTS
            if name in self.cleaned_data and self.cleaned_data[name] != getattr(self.instance, name)
        ]
        return format_html(
            "{} {}",
            _(
                "Somebody changed this opportunity while you were typing; your text is kept. Save again to put it in place."
            ),
            format_html_join("; ", "{}", ((line,) for line in [*steps, *now])),
        )

    def _said(self, name: str) -> str:
        display = getattr(self.instance, f"get_{name}_display", None)
        return str(display() if display else getattr(self.instance, name) or "–")


class SeenVersionField(forms.IntegerField):
    """What its user looked at: nothing that is typed."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class ListFactsForm(FactsForm):
    """The facts of one row of the list. Fields carry what they showed, so a row counts as changed only where somebody typed, and
    only that is changed."""

    user: Any = None
    refusals: Mapping[int, Exception] = MappingProxyType({})  # by key
    version = SeenVersionField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.refusal = self.refusals.get(getattr(kwargs.get("instance"), "pk", None) or 0)
        super().__init__(*args, **kwargs)
        for name in self.typed:
            field: Any = self.fields[name]
            field.show_hidden_initial = True
            of_row = f"{capfirst(str(field.label))}: {self.instance.number}"  # a cell has no label of its own
            getattr(field.widget, "widget", field.widget).attrs["aria-label"] = of_row

    @property
    def typed(self) -> list[str]:
        return [name for name in FACTS if name in self.fields]

    def clean(self) -> dict[str, Any] | None:
        version = self.cleaned_data.get("version")
        if version is None:
            raise ValidationError(_("Open the list anew, please."))
        if self.has_changed() and self.instance.is_fixed_for(self.user):
            raise ValidationError(_("It was shared with you to see, not to change."))
        if self.has_changed() and self.refusal is None and version < self.instance.version:
            self.refusal = Stale(self.instance.pk, version)
            self._look_anew()
        return super().clean()

    def facts(self) -> dict[str, Any]:
        return {
            name: self.cleaned_data[name]
            for name in ("version", *self.typed)
            if name in {"version", *self.changed_data}
        }
