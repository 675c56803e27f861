from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from opportunities.forms import tasks_too_field
from opportunities.lifecycle import Stale
from opportunities.models import Opportunity
from salespeople.models import Salesperson

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
        if isinstance(self.refusal, Stale) and self.is_bound:  # saving again is then on purpose
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


class ReassignForm(forms.Form):
    """To whom, why, and which opportunities as they were seen: `key:version`, separated by commas."""

    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"))
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )
    tasks_too = tasks_too_field()
    seen = forms.RegexField(r"^\d{1,18}:\d{1,9}(,\d{1,18}:\d{1,9})*$", widget=forms.HiddenInput)

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["salesperson"]
        field.queryset = Salesperson.objects.visible_to(user).usable()

    def clean_seen(self) -> dict[int, int]:
        pairs = (pair.split(":") for pair in self.cleaned_data["seen"].split(","))
        return {int(key): int(version) for key, version in pairs}
