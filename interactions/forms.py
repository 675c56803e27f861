"""Text from a browser becomes values for a verb; the rules are asked in `lifecycle`."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from contacts.picker import ContactPicker, pick_contacts
from crm.lib.fields import AmountField, DayField
from interactions.models import (
    LONGEST,
    MOST_MINUTES,
    Direction,
    Evaluation,
    Interaction,
    InteractionTemplate,
    Kind,
    Side,
    deals,
)
from salespeople.models import Salesperson, User
from tasks.forms import Answerable

BLANK = [("", "–")]
BY_TEMPLATE = ("kind", "direction", "initiated_by", "cost", "duration")


def open_deals(user: User, contact: Contact | None, salesperson: Any = None) -> Any:
    """What an interaction with the contact may be about: open opportunities of the whole company, of the salesperson where one
    is given (domain A.12)."""
    if contact is None:
        return deals().none()
    rows = deals().visible_to(user).open().filter(company=contact.account_id)
    return rows.filter(salesperson=salesperson) if salesperson else rows


class InteractionForm(ContactPicker, Answerable):
    """A new interaction, or one that is changed. `opportunity` is the one whose page it was asked from."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1, required=False)
    template = forms.ModelChoiceField(InteractionTemplate.objects.none(), label=_("Template"), required=False)
    kind = forms.ChoiceField(label=_("Type"), choices=Kind)
    description = forms.CharField(label=_("Description"), max_length=100)
    happened_on = DayField(label=_("Date"))
    started_at = forms.TimeField(label=_("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    direction = forms.ChoiceField(label=_("Direction"), choices=[*BLANK, *Direction.choices], required=False)
    initiated_by = forms.ChoiceField(label=_("Initiated by"), choices=[*BLANK, *Side.choices], required=False)
    evaluation = forms.ChoiceField(label=_("Evaluation"), choices=[*BLANK, *Evaluation.choices], required=False)
    failed = forms.BooleanField(label=_("Attempt failed"), required=False)
    text = forms.CharField(
        label=_("What was said and what came of it"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    duration = forms.IntegerField(
        label=_("Duration in minutes"), required=False, min_value=0, max_value=MOST_MINUTES, initial=0
    )
    cost = AmountField(label=_("Cost"), required=False, min_value=0, initial=0)
    contact = forms.ModelChoiceField(Contact.objects.none(), label=_("Contact"))
    opportunity: Any = forms.ModelChoiceField(None, label=_("Opportunity"), required=False)
    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"), required=False)

    ABOUT: ClassVar = ("contact_search", "contact", "opportunity", "salesperson")
    USUAL: ClassVar = ("template", "kind", "description", "happened_on", "started_at", "direction", "evaluation")
    MORE: ClassVar = ("initiated_by", "duration", "cost")
    field_order = [*USUAL, "failed", "text", *ABOUT, *MORE]

    def __init__(
        self,
        data: QueryDict | None,
        *,
        user: User,
        interaction: Interaction | None = None,
        opportunity: Any = None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial={**(_as_typed(interaction) if interaction else {}), **(initial or {})})
        self.user, self.interaction, self.of_deal = user, interaction, opportunity
        people = Salesperson.objects.visible_to(user)
        self.offer("salesperson", people.usable() | people.filter(pk=self._known("salesperson")))
        self._offer_templates()
        self._offer_contacts()
        self._offer_deals()

    def _known(self, name: str) -> int:
        """The key that the interaction has already: it stays, whatever became of it."""
        return (getattr(self.interaction, f"{name}_id") if self.interaction else None) or 0

    def _offer_templates(self) -> None:
        rows = InteractionTemplate.objects.usable()
        templates = list(rows | InteractionTemplate.objects.filter(pk=self._known("template")))
        if not templates:
            del self.fields["template"]
            return
        self.offer("template", InteractionTemplate.objects.filter(pk__in=[row.pk for row in templates]))
        self.fields["template"].widget.choices = [*BLANK, *((row.pk, str(row)) for row in templates)]

    def _offer_contacts(self) -> None:
        if self.of_deal is None:
            self.offer_contacts(self.user)
            return
        seen, account = Contact.objects.visible_to(self.user), self.of_deal.company_id
        kept = [self.of_deal.contact_id, self._known("contact")]
        self.offer("contact", seen.filter(Q(pk=account) | Q(company=account) | Q(pk__in=kept)))
        del self.fields["contact_search"]

    def contacts_offered(self, user: User) -> list[tuple[Any, str]]:
        text = str(self["contact_search"].value() or "").replace("\0", "")[:100]
        return pick_contacts(user, text, self["contact"].value())

    def _offer_deals(self) -> None:
        """The choices are limited to the salesperson; another one of the company is no mistake."""
        if self.of_deal is not None and not self.interaction:
            del self.fields["opportunity"]
            return
        contact = self._contact()
        known = deals().visible_to(self.user).filter(pk=self._known("opportunity"))
        self.offer("opportunity", open_deals(self.user, contact) | known)
        salesperson = self._key("salesperson")
        rows = (open_deals(self.user, contact, salesperson) | known).select_related("contact").order_by("pk")
        self.fields["opportunity"].widget.choices = [
            *BLANK,
            *((row.pk, f"{row} · {row.contact}") for row in rows[:50]),
        ]

    def _key(self, name: str) -> int | None:
        value = str(self[name].value() or "")
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None

    def _contact(self) -> Contact | None:
        return Contact.objects.visible_to(self.user).filter(pk=self._key("contact") or 0).first()

    @property
    def usual(self) -> list[forms.BoundField]:
        return self._fields(*self.USUAL)

    @property
    def about(self) -> list[forms.BoundField]:
        return self._fields(*self.ABOUT)

    @property
    def more(self) -> list[forms.BoundField]:
        return self._fields(*self.MORE)

    @property
    def is_special(self) -> bool:
        """Whether what is usually folded has something to say."""
        return any(self[name].value() not in (None, "", 0, "0") or name in self.errors for name in self.MORE)

    def _fields(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    def values(self) -> dict[str, Any]:
        """Arguments of the verb."""
        values = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "contact_search")}
        values["cost"], values["duration"] = values["cost"] or 0, values["duration"] or 0
        if "opportunity" not in self.fields:
            values["opportunity"] = self.of_deal
        return values


def typed(data: QueryDict) -> dict[str, Any]:
    """What was typed, as what another form begins with."""
    return {name: data.get(name) for name in InteractionForm.base_fields if name in data and name != "version"}


def by_template(data: QueryDict) -> dict[str, Any]:
    """What the chosen template says instead of what was typed; its description only where there is none."""
    key = data.get("template", "")
    usable = InteractionTemplate.objects.usable()
    template = usable.filter(pk=key).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None
    if template is None:
        return {}
    described = data.get("description") or str(template)
    return {name: getattr(template, name) for name in BY_TEMPLATE} | {"description": described}


def _as_typed(interaction: Interaction) -> dict[str, Any]:
    names = ("version", *InteractionForm.USUAL, *InteractionForm.MORE, "text", "failed", "contact", "salesperson")
    return {name: getattr(interaction, name) for name in (*names, "opportunity")}
