"""What a form that enters a stage asks for its gate: a field for each thing that is missing, and whether to pass over it."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from collaboration.files import KINDS
from contacts.models import Contact
from crm.lib.fields import AmountField
from opportunities.gates import FILLED_IN, OVERRIDE, Gate, Mover, Unmet
from opportunities.models import Opportunity
from salescycles.models import Competitor, Source
from salespeople.models import User

AT = {Gate.QUOTE: "quote_amount", Gate.DOCUMENT: "document"}  # where what concerns the move itself is filled in
BY_CODE = {"E16": AT[Gate.QUOTE], "gate_document": AT[Gate.DOCUMENT]}


class GateFields(forms.Form):
    """Mixed into a form of one verb. `gated` are the fields that it adds, beside those that the form has anyway."""

    opportunity: Opportunity
    user: User
    sent: Callable[[str], bool]
    gated: ClassVar[tuple[str, ...]] = ("source", "competitor", "contact", "quote_amount", "document", "override")

    def ask_for(self, unmet: Iterable[Unmet], *, fills: Collection[Gate] = tuple(FILLED_IN)) -> None:
        """Before anything is refused the fields say what the stage asks; afterwards the refusal does."""
        unmet = list(unmet)
        mine = Mover.of(self.user, ()).fills
        for one in unmet:
            name = AT.get(one.gate, one.field)
            if one.gate not in mine or one.gate not in fills:
                continue
            if name not in self.fields:
                self.fields[name] = self._field(one.gate)
            if not self.is_bound:
                self.fields[name].help_text = " ".join(one.error.messages)
        if unmet and self.user.has_perm(OVERRIDE):
            self.fields["override"] = forms.BooleanField(label=_("Go on although this is not met"), required=False)
            said = [message for one in unmet if one.field == "to" for message in one.error.messages]
            self.fields["override"].help_text = "" if self.is_bound else " ".join([*said, str(_("Say why below."))])
        first = [name for name in ("to", *self.gated) if name in self.fields and name != "override"]
        rest = [name for name in self.fields if name not in (*first, "override", "reason")]
        self.order_fields([*first, *rest, "override", "reason"])

    def _field(self, gate: Gate) -> forms.Field:
        match gate:
            case Gate.SOURCE:
                return forms.ModelChoiceField(Source.objects.usable(), label=_("Source"), required=False)
            case Gate.COMPETITOR:
                return forms.ModelChoiceField(Competitor.objects.usable(), label=_("Competitor"), required=False)
            case Gate.PERSON:
                people = Contact.objects.visible_to(self.user).usable().filter(company=self.opportunity.company)
                return forms.ModelChoiceField(people.order_by("name"), label=_("Contact person"), required=False)
            case Gate.QUOTE:
                return AmountField(label=_("Net amount of the quote"), required=False)
            case _:
                accept = ",".join(f".{ending}" for ending in KINDS)
                widget = forms.FileInput(attrs={"class": "form-control", "accept": accept})
                return forms.FileField(label=_("Document"), required=False, widget=widget)

    def filled(self) -> dict[str, Any]:
        """Arguments of the verb: what was filled in."""
        given = {name: self.cleaned_data.get(name) for name in self.gated if name in self.fields}
        return {name: value for name, value in given.items() if value not in (None, "", False)}

    def values(self) -> dict[str, Any]:
        return super().values() | self.filled()  # type: ignore[misc]

    def refuse(self, refusal: ValidationError) -> None:
        """Each condition stands at the field that meets it."""
        errors: dict[str, list[ValidationError]] = {}
        for field, found in refusal.error_dict.items():
            for error in found:
                at = BY_CODE.get(str(error.code), field)
                errors.setdefault(at if at in self.fields else field, []).append(error)
        super().refuse(ValidationError(errors))  # type: ignore[misc]
