from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.filters import key_of
from salespeople.models import Salesperson, User
from upkeep.handover import KINDS, Key
from upkeep.handover_rules import SEVERAL, Rule

MOVED = [(kind.name, kind.label) for kind in KINDS if kind.moves]
STAYS = "none"


class HandoverForm(forms.Form):
    """By which rule, to whom, and what. Of each row a choice of its own (`to-<kind>-<key>`) counts before the rule."""

    rule = forms.ChoiceField(label=_("Rule"), choices=Rule, initial=Rule.ONE)
    to = forms.ModelMultipleChoiceField(
        Salesperson.objects.none(),
        label=_("To whom"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Where a rule knows nobody for a row, it goes to the ones chosen here in turn; with none chosen it stays."
        ),
    )
    what = forms.MultipleChoiceField(
        label=_("What"), choices=MOVED, initial=[name for name, _label in MOVED], widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(label=_("Reason"), required=False, max_length=200)

    def __init__(self, data: Any, *, leaver: Salesperson, user: User) -> None:
        super().__init__(data)
        field: Any = self.fields["to"]
        field.queryset = Salesperson.objects.visible_to(user).usable().exclude(pk=leaver.pk)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        rule, to = given.get("rule"), given.get("to")
        if rule == Rule.ONE and to is not None and len(to) != 1:
            self.add_error("to", _("Choose one salesperson."))
        if rule in SEVERAL and not to:
            self.add_error("to", _("Choose at least one salesperson."))
        return given

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What was typed, for hidden fields."""
        data: Any = self.data
        return [(name, value) for name in ("rule", "reason", "to", "what") for value in data.getlist(name)]

    def own_choices(self) -> dict[Key, Salesperson | None]:
        """Of each row that has one: to whom, None where it stays. What is nobody who can be picked is passed over."""
        field: Any = self.fields["to"]
        people = {str(one.pk): one for one in field.queryset} | {STAYS: None}
        found: dict[Key, Salesperson | None] = {}
        for name, value in self.data.items():
            mark, _dash, rest = name.partition("-")
            kind, _dash, key = rest.partition("-")
            row = key_of(key)
            if mark == "to" and row is not None and value in people:
                found[kind, row] = people[value]
        return found
