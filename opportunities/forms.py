"""Text from a browser becomes values for a verb. A form proposes and parses; the rules are asked in `lifecycle`."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from collaboration.models import ContactRole
from contacts import duplicates
from contacts import lifecycle as contacts
from contacts.models import Contact
from contacts.picker import PICKED, ContactPicker, contact_label, pick_contacts
from crm.lib.fields import AmountField, DayField, PercentageField
from crm.lib.listing.filters import key_of
from crm.lib.money import format_money, percent_formatter
from crm.lib.priority import Priority
from opportunities import lifecycle
from opportunities.estimates import KEEP, Asked, known_to_stage
from opportunities.gate_fields import GateFields
from opportunities.gates import Gate
from opportunities.models import Opportunity, Tracked
from opportunities.moves import Move
from quotes.models import Quote
from salescycles.models import CloseCode, Competitor, SalesCycle, Source, Stage
from salespeople.models import Company, Salesperson, User


def percent(value: Any) -> str:
    return percent_formatter(get_language() or "en")(value)


NO_SUCH_STAGE = _("This stage is not part of the sales cycle (any more). Choose another one.")


class StageField(forms.ChoiceField):
    """A stage of the cycle, which is in hand with its stages: no query. Which of them is open, the verb says."""

    def __init__(self, **options: Any) -> None:
        super().__init__(error_messages={"invalid_choice": NO_SUCH_STAGE}, **options)
        self.stages: dict[str, Stage] = {}

    def clean(self, value: Any) -> Any:
        key = super().clean(value)
        return self.stages[key] if key else None

    def valid_value(self, value: Any) -> bool:
        return value in self.stages

    def offer(self, stages: Iterable[Stage], choices: Iterable[Any]) -> None:
        self.stages = {str(stage.pk): stage for stage in stages}
        self.widget.choices = list(choices)


class StageOfCycleField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Stage) -> str:
        return f"{obj.sales_cycle}: {obj}"


class CloseCodeField(forms.ModelChoiceField):
    def label_from_instance(self, obj: CloseCode) -> str:
        return f"{obj.get_outcome_display()}: {obj}"


def cancel_tasks_field() -> forms.BooleanField:
    return forms.BooleanField(label=_("Cancel the open tasks"), required=False)


def tasks_too_field() -> forms.BooleanField:
    return forms.BooleanField(label=_("The open tasks too"), required=False, initial=True)


class AnswerableForm(forms.Form):
    def refuse(self, refusal: ValidationError) -> None:
        """Show a verb's refusal next to its field; what concerns no field of this form stands above them all."""
        for field, errors in refusal.error_dict.items():
            shown = field in self.fields and not self.fields[field].widget.is_hidden
            for error in errors:
                self.add_error(field if shown else None, error)


class VerbForm(AnswerableForm):
    """One step of an opportunity. `version` is what the person looked at; `on` the business date, today if not given."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    title: ClassVar[Any] = ""
    submit: ClassVar[Any] = ""
    again: ClassVar[Any] = _("Save again if it should still be done.")  # said when somebody was faster
    own: ClassVar[tuple[str, ...]] = ()  # fields that become arguments of the verb
    beside: ClassVar[tuple[str, ...]] = ()  # those of them that stay where one alone is edited

    def __init__(
        self,
        data: QueryDict | None,
        *,
        opportunity: Opportunity,
        user: User,
        today: datetime.date,
        only: str = "",
        files: Any = None,
    ) -> None:
        super().__init__(data, files, initial={"version": opportunity.version, "on": today})
        self.opportunity, self.user, self.today = opportunity, user, today
        self.prepare()
        self.only = only if only in self.own and only in self.fields else ""
        if self.only:
            self.leave_only()

    def leave_only(self) -> None:
        """One field and a reason, to be edited where it stands. Its names in the page are apart from the whole form's, and from those of another
        row."""
        self.auto_id = f"{self.only}-{self.opportunity.pk}-%s"
        for name in self.fields.keys() - {self.only, f"{self.only}_search", *self.beside, "version", "reason"}:
            del self.fields[name]
        self.fields["reason"].widget = forms.TextInput(attrs={"autocomplete": "off"})
        self.fields[self.only].widget.attrs["autofocus"] = True

    def prepare(self) -> None:
        """Set what is proposed and offered."""

    def sent(self, name: str) -> bool:
        """Whether the browser sent the field at all: a button alone asks for nothing, a blank field asks for blank."""
        return self.add_prefix(name) in self.data

    def terms(self, row: Tracked) -> dict[str, Any]:
        """What `row` says in this form's own terms. Empty: the form's change is never merged with somebody else's."""
        return {}

    def asked(self) -> dict[str, Any]:
        """What was typed, in the form's own terms."""
        return {name: value for name, value in self.values().items() if name in self.own}

    def once_more(self, opportunity: Opportunity, theirs: Mapping[str, Any], **options: Any) -> Self:
        """The form over the present state: with everything that was typed, and what only others changed as it is now."""
        typed = QueryDict(mutable=True)
        typed.update(self.data)
        typed["version"] = str(opportunity.version)
        for name in theirs.keys() & self.fields.keys():
            value = self.fields[name].prepare_value(theirs[name])
            typed[name] = "" if value is None else str(value)
        options |= {"opportunity": opportunity, "user": self.user, "today": self.today, "files": self.files}
        again = type(self)(typed, **options)
        again.full_clean()
        return again

    def fill_in(self) -> None:
        """Before a form is shown again: fields that a button did not send show what is proposed, not blanks."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        for name, field in self.fields.items():
            says = self.sent(name) or isinstance(field, forms.BooleanField)  # a box is sent only when it is ticked
            proposed = None if says else self.get_initial_for_field(field, name)
            if proposed is not None:
                data[self.add_prefix(name)] = str(field.prepare_value(proposed))
        self.data = data

    def values(self) -> dict[str, Any]:
        """Arguments for the verb; what was not sent is not asked for."""
        values = {name: self.cleaned_data[name] for name in self.own if name in self.cleaned_data and self.sent(name)}
        if "reason" in self.fields:
            values["reason"] = self.cleaned_data.get("reason", "")
        return values


class DatedForm(VerbForm):
    on = DayField(label=_("Date of change"), required=False)
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def values(self) -> dict[str, Any]:
        return super().values() | {"on": self.cleaned_data.get("on") or self.today}


class EstimateForm(DatedForm):
    estimated_value = AmountField(label=_("Estimated value"), required=False)
    chances = PercentageField(label=_("Chances of success %"), required=False)
    closing_on = DayField(label=_("Estimated closing date"), required=False)

    own: ClassVar[tuple[str, ...]] = ("estimated_value", "chances", "closing_on")
    field_order = [*own, "on", "reason"]

    def propose(self, stage: Stage | None) -> None:
        """Initial values for entering or revising `stage`; blank chances mean the stage's, which the field says."""
        opportunity = self.opportunity
        if stage is None:
            proposed = Asked(opportunity.estimated_value, opportunity.chances, opportunity.closing_on)
        else:
            proposed = lifecycle.proposed_estimates(opportunity, stage, on=self.today)
            self.fields["chances"].help_text = _("Blank: the stage's own, %(chances)s.") % {
                "chances": percent(stage.chances)
            }
        for name in EstimateForm.own:
            value = getattr(proposed, name)
            if value is not None and value is not KEEP:
                self.initial[name] = value


class StartForm(GateFields, EstimateForm):
    title, submit = _("Start"), _("Start at the first stage")

    def prepare(self) -> None:
        stages = lifecycle.stages_of(self.opportunity)
        self.propose(stages[0] if stages else None)
        if stages and self.opportunity.is_not_started:
            self.ask_for(lifecycle.moves(self.opportunity, stages, by=self.user)[0].unmet)


class MoveForm(GateFields, EstimateForm):
    to = StageField(label=_("To stage"), widget=forms.RadioSelect)
    cancel_tasks = cancel_tasks_field()

    title, submit = _("Move"), _("Move")
    own = ("to", *EstimateForm.own, "cancel_tasks")
    field_order = ["to", "estimated_value", "chances", "closing_on", "cancel_tasks", "on", "reason"]

    def __init__(self, data: QueryDict | None, *, wanted: str = "", **options: Any) -> None:
        self.wanted = wanted
        super().__init__(data, **options)

    def prepare(self) -> None:
        stages = lifecycle.stages_of(self.opportunity)
        self.moves = lifecycle.moves(self.opportunity, stages, by=self.user)
        field = self.fields["to"]
        assert isinstance(field, StageField)
        field.offer(stages, ((way.stage.pk, self._label(way)) for way in self.moves if way.can_be_asked))
        chosen = self.target()
        if chosen:
            self.initial["to"] = chosen.stage.pk
            self.propose(chosen.stage)
            self.ask_for(chosen.unmet)

    def target(self) -> Move | None:
        """The way that was asked for, else the next one, else the first that can be asked for."""
        ways = {str(way.stage.pk): way for way in self.moves if way.can_be_asked}
        asked = ways.get(str(self.data.get("to", "")) or self.wanted) or ways.get(self.wanted)
        nearest = next((way for way in ways.values() if way.action == "next"), None)
        return asked or nearest or next(iter(ways.values()), None)

    @staticmethod
    def _label(way: Move) -> str:
        label = f"{way.stage} – {way.action.label}"
        if way.stands_against:
            return _("%(stage)s (only in spite of its conditions)") % {"stage": label}
        return label if way.is_open else _("%(stage)s (asks for: %(gate)s)") % {"stage": label, "gate": way.asks_for}


class ReviseForm(EstimateForm):
    title, submit = _("Revise the estimate"), _("Save the estimate")

    def prepare(self) -> None:
        self.propose(self.opportunity.stage)
        if self.opportunity.is_in_progress:
            self.initial["closing_on"] = self.opportunity.closing_on

    def terms(self, row: Tracked) -> dict[str, Any]:
        """Blank chances are the stage's."""
        chances = row.chances if row.chances_are_manual else None
        return {"estimated_value": row.estimated_value, "chances": chances, "closing_on": row.closing_on}


class EditForm(DatedForm):
    description = forms.CharField(label=_("Description"), max_length=100)
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority, required=False)
    source = forms.ModelChoiceField(Source.objects.none(), label=_("Source"), required=False)
    competitor = forms.ModelChoiceField(Competitor.objects.none(), label=_("Competitor"), required=False)

    title, submit = _("Edit the facts"), _("Save")
    own = ("description", "priority", "source", "competitor")
    field_order = ["description", "priority", "source", "competitor", "on", "reason"]

    def prepare(self) -> None:
        opportunity = self.opportunity
        source = self.fields["source"]
        assert isinstance(source, forms.ModelChoiceField)
        source.queryset = Source.objects.usable() | Source.objects.filter(pk=opportunity.source_id or 0)
        competitor = self.fields["competitor"]
        assert isinstance(competitor, forms.ModelChoiceField)
        named = Competitor.objects.filter(pk=opportunity.competitor_id or 0)
        competitor.queryset = Competitor.objects.usable() | named
        self.initial.update(self.terms(opportunity))
        if opportunity.is_closed:
            for name in ("priority", "source"):
                if not self.sent(name):  # what was typed before somebody closed it stays to be seen
                    del self.fields[name]

    def terms(self, row: Tracked) -> dict[str, Any]:
        facts = ("description", "priority", "source", "competitor")
        return {name: getattr(row, name) for name in facts}


class ReassignForm(DatedForm, ContactPicker):
    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"), required=False)
    tasks_too = tasks_too_field()

    title, submit = _("Reassign"), _("Reassign")
    own = ("salesperson", "contact", "tasks_too")
    beside = ("tasks_too",)
    field_order = ["salesperson", "contact_search", "contact", "tasks_too", "on", "reason"]

    def prepare(self) -> None:
        opportunity = self.opportunity
        self.initial.update({"salesperson": opportunity.salesperson, "contact": opportunity.contact_id})
        people = self.fields["salesperson"]
        assert isinstance(people, forms.ModelChoiceField)
        visible = Salesperson.objects.visible_to(self.user)
        people.queryset = visible.usable() | visible.filter(pk=opportunity.salesperson_id or 0)
        self.fields["contact"].required = False  # a button may ask for another salesperson alone
        self.offer_contacts(self.user)
        if not opportunity.is_not_started:
            self._offer_the_company()

    def _offer_the_company(self) -> None:
        """Once started only the company and its people can be chosen, so there is nothing to search."""
        company = self.opportunity.company
        same = Contact.objects.visible_to(self.user).filter(Q(pk=company.pk) | Q(company=company))
        self.fields["contact"].widget.choices = [
            (contact.pk, contact.name) for contact in same.order_by("kind", "name")
        ]
        del self.fields["contact_search"]


class InvolveForm(AnswerableForm, ContactPicker):
    """Who takes part, as what. Unless words are searched for, the company and its people are offered."""

    role = forms.ModelChoiceField(ContactRole.objects.usable(), label=_("Role"))

    field_order = ["contact_search", "contact", "role"]

    def __init__(self, data: QueryDict | None, *, opportunity: Opportunity, user: User) -> None:
        typed = (data or QueryDict()).dict()
        finding = "find" in typed  # only looks for contacts: nothing is judged
        super().__init__(None if finding else data, initial=typed, auto_id="person-%s")
        self.company, self.text = opportunity.company, str(typed.get("contact_search", "")).replace("\0", "")[:100]
        self.offer_contacts(user)

    def contacts_offered(self, user: User) -> list[tuple[Any, str]]:
        if self.text.strip():
            return pick_contacts(user, self.text, None)
        near = Contact.objects.visible_to(user).usable().filter(Q(pk=self.company.pk) | Q(company=self.company))
        return [("", str(_("– choose –"))), *near.order_by("kind", "name").values_list("pk", "name")[:PICKED]]

    def clean(self) -> dict[str, Any]:
        """Arguments of the verb."""
        return {name: self.cleaned_data[name] for name in ("contact", "role") if name in self.cleaned_data}


class ChangeCycleForm(GateFields, EstimateForm):
    sales_cycle = forms.ModelChoiceField(SalesCycle.objects.none(), label=_("Sales cycle"), required=False)
    to = StageOfCycleField(
        Stage.objects.none(),
        label=_("To stage"),
        required=False,
        error_messages={"invalid_choice": NO_SUCH_STAGE},
    )

    title, submit = _("Change the sales cycle"), _("Change the sales cycle")
    own = ("sales_cycle", "to", *EstimateForm.own)
    field_order = ["sales_cycle", "to", "estimated_value", "chances", "closing_on", "on", "reason"]

    def prepare(self) -> None:
        cycles = SalesCycle.objects.usable().exclude(pk=self.opportunity.sales_cycle_id or 0)
        cycle, stage = self.fields["sales_cycle"], self.fields["to"]
        assert isinstance(cycle, forms.ModelChoiceField) and isinstance(stage, forms.ModelChoiceField)
        cycle.queryset = cycles
        if self.opportunity.is_not_started:
            for name in ("to", *EstimateForm.own):
                del self.fields[name]
            return
        cycle.required = stage.required = True
        stages = Stage.objects.filter(sales_cycle__in=cycles).select_related("sales_cycle")
        stage.queryset = stages

        self.initial.update(
            {
                "estimated_value": self.opportunity.estimated_value,
                "closing_on": self.opportunity.closing_on,
            }
        )
        chosen = key_of(self.data.get("to"))
        if found := stages.filter(pk=chosen).first() if chosen else None:
            self.ask_for(lifecycle.gate_of(self.opportunity, found, by=self.user))

    def values(self) -> dict[str, Any]:
        values = super().values()
        return {name: value for name, value in values.items() if name in self.fields} | {
            "sales_cycle": self.cleaned_data["sales_cycle"]
        }


class CloseForm(DatedForm):
    outcome = forms.ChoiceField(label=_("Outcome"), choices=CloseCode.Outcome, widget=forms.RadioSelect)
    close_code = CloseCodeField(CloseCode.objects.none(), label=_("Close code"), required=False)
    sales_value = AmountField(label=_("Sales value (when won)"), required=False)
    cancel_tasks = cancel_tasks_field()

    title, submit = _("Close"), _("Close the opportunity")
    own = ("outcome", "close_code", "sales_value", "cancel_tasks")
    field_order = ["outcome", "close_code", "sales_value", "cancel_tasks", "on", "reason"]

    def __init__(self, data: QueryDict | None, *, wanted: str = "", **options: Any) -> None:
        self.wanted = wanted
        super().__init__(data, **options)

    def prepare(self) -> None:
        outcome = self.wanted if self.wanted in CloseCode.Outcome.values else ""
        self.quote = Quote.objects.current().filter(opportunity=self.opportunity).first()
        codes = CloseCode.objects.usable()
        field = self.fields["close_code"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = codes.filter(outcome=outcome) if outcome and not self.is_bound else codes
        self.fields["on"].label = _("Closing date")
        self.fields["cancel_tasks"].initial = True
        if self.quote:
            self.fields["sales_value"].help_text = _("Blank: the net amount of the quote %(number)s, %(amount)s.") % {
                "number": self.quote.number,
                "amount": format_money(self.quote.net_amount, Company.current().currency, get_language() or "en"),
            }
        if outcome:
            self.initial["outcome"] = outcome
            self.initial["close_code"] = self.only_code(outcome)

    @staticmethod
    def only_code(outcome: str) -> CloseCode | None:
        """R-CLOSE-CODE: the code, when there is exactly one of the kind."""
        codes = list(CloseCode.objects.usable().filter(outcome=outcome)[:2])
        return codes[0] if len(codes) == 1 else None

    def values(self) -> dict[str, Any]:
        values = super().values()
        values["close_code"] = values.get("close_code") or self.only_code(self.cleaned_data["outcome"])
        return values

    @property
    def differs_from_quote(self) -> bool:
        """Whether a deal is won at another amount than its quote says."""
        value = self.cleaned_data.get("sales_value")
        return bool(self.quote and value and value != self.quote.net_amount)


class ReopenForm(GateFields, DatedForm):
    to = StageField(label=_("To stage"), required=False)
    estimated_value = AmountField(label=_("Estimated value"), required=False)
    closing_on = DayField(label=_("Estimated closing date"), required=False)

    title, submit = _("Reopen"), _("Reopen the opportunity")
    own = ("to", "estimated_value", "closing_on")
    fills = (Gate.COMPETITOR, Gate.VALUE, Gate.DOCUMENT)  # what may be given while it is closed
    field_order = ["to", "estimated_value", "closing_on", "reason", "on"]

    def prepare(self) -> None:
        self.fields["reason"].required = True
        if not self.opportunity.is_closed:
            return
        before = lifecycle.last_open(self.opportunity)
        if before.is_not_started:
            del self.fields["to"], self.fields["estimated_value"], self.fields["closing_on"]
            return
        self.initial["estimated_value"] = before.estimated_value
        field = self.fields["to"]
        assert isinstance(field, StageField)
        stages = lifecycle.stages_of(self.opportunity)
        field.offer(stages, [("", _("– choose –")), *((stage.pk, stage) for stage in stages)])
        self.initial["to"] = before.stage_id
        if chosen := field.stages.get(str(self.data.get("to", ""))):
            self.ask_for(lifecycle.gate_of(self.opportunity, chosen, by=self.user), fills=self.fills)
        if before.closing_on and before.closing_on >= self.today:
            self.initial["closing_on"] = before.closing_on

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in super().values().items() if name in self.fields}


class UndoForm(VerbForm):
    title, submit = _("Undo the last step"), _("Undo")
    again = _("What you meant is not the last step any more. Undo now takes back the last one of these.")

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class CorrectForm(DatedForm):
    title, submit = _("Correct the date of the last step"), _("Correct the date")

    def prepare(self) -> None:
        self.fields["on"].required = True
        self.initial["on"] = lifecycle.last_date(self.opportunity)


class ArchiveForm(DatedForm):
    title, submit = _("Archive"), _("Archive the opportunity")


class RestoreForm(DatedForm):
    title, submit = _("Restore"), _("Restore the opportunity")


class NewForm(ContactPicker, AnswerableForm):
    """A new opportunity, from nothing, from a contact or from a salesperson."""

    description = forms.CharField(label=_("Description"), max_length=100)
    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"), required=False)
    sales_cycle = forms.ModelChoiceField(SalesCycle.objects.none(), label=_("Sales cycle"), required=False)
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority, initial=Priority.NORMAL, required=False)
    source = forms.ModelChoiceField(Source.objects.none(), label=_("Source"), required=False)
    created_on = DayField(label=_("Creation date"), required=False)
    estimated_value = AmountField(label=_("Estimated value"), required=False)
    chances = PercentageField(label=_("Chances of success %"), required=False)
    closing_on = DayField(label=_("Estimated closing date"), required=False)
    start = forms.BooleanField(label=_("Start at the first stage at once"), required=False)

    field_order = [
        *("description", "contact_search", "contact", "salesperson", "sales_cycle", "estimated_value", "chances"),
        *("closing_on", "start", "priority", "source", "created_on"),
    ]

    def __init__(self, data: QueryDict | None, *, initial: dict[str, Any], user: User, today: datetime.date) -> None:
        super().__init__(data, initial={"created_on": today, "start": True} | initial)
        self.user, self.today = user, today
        self._offer("source", Source.objects.usable())
        self._offer("sales_cycle", SalesCycle.objects.usable())
        self._offer("salesperson", Salesperson.objects.visible_to(user).usable())
        self.offer_contacts(user)
        self.cycle = SalesCycle.objects.default()
        if "sales_cycle" not in self.initial and self.cycle:
            self.initial["sales_cycle"] = self.cycle.pk
        if not self.initial.get("salesperson") and user.salesperson and user.salesperson.is_usable:
            self.initial["salesperson"] = user.salesperson_id
        self._propose_estimates()

    def _offer(self, name: str, choices: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = choices

    def _propose_estimates(self) -> None:
        """The first stage's chances as a hint, and the closing date by its date formula."""
        stage = self.cycle.stages.first() if self.cycle else None
        if stage is None:
            return
        self.fields["chances"].help_text = _("Blank: the first stage's own, %(chances)s.") % {
            "chances": percent(stage.chances)
        }
        proposed = known_to_stage(stage, self.today)
        if proposed:
            self.initial.setdefault("closing_on", proposed)

    def values(self) -> dict[str, Any]:
        """Arguments of `lifecycle.create`. The priority and the cycle that were not sent are the proposed ones."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "contact_search"}
        values["created_on"] = values["created_on"] or self.today
        values["priority"] = values["priority"] or Priority.NORMAL
        if "sales_cycle" not in self.data:
            del values["sales_cycle"]
        return values | {"on": self.today}


class QuickForm(ContactPicker, AnswerableForm):
    """A new opportunity in a column of the board. A contact that is not there yet is made with it."""

    MADE: ClassVar[dict[str, Any]] = {"company": _("New company “%(name)s”"), "person": _("New person “%(name)s”")}

    description = forms.CharField(label=_("Description"), max_length=100)
    estimated_value = AmountField(label=_("Estimated value"), required=False)
    closing_on = DayField(label=_("Estimated closing date"), required=False)

    field_order = ["description", "contact_search", "contact", "estimated_value", "closing_on"]

    def __init__(
        self, data: QueryDict | None, *, user: User, today: datetime.date, cycle: SalesCycle, stage: Stage | None
    ) -> None:
        super().__init__(data, initial={"closing_on": known_to_stage(stage, today) if stage else None})
        self.user, self.today, self.cycle, self.stage = user, today, cycle, stage
        self.hits: list[duplicates.Hit] = []
        self.offer_contacts(user)
        self.wanted = self._wanted()
        if self.wanted:  # not a key: nothing to look up
            choices = self.fields["contact"].widget.choices
            self.fields["contact"] = forms.ChoiceField(label=self.fields["contact"].label, choices=choices)

    def contacts_offered(self, user: User) -> list[tuple[Any, str]]:
        found, name = super().contacts_offered(user), self._name()
        if name and user.has_perm("contacts.add_contact"):
            found += [(key, label % {"name": name}) for key, label in self.MADE.items()]
        return found

    def _name(self) -> str:
        return str(self.data.get("contact_search", "") if self.is_bound else "").replace("\0", "").strip()[:100]

    def clean(self) -> dict[str, Any]:
        """A new contact that looks like one that is there is asked about, once."""
        cleaned = super().clean() or self.cleaned_data
        if self.wanted and not self.errors:
            self.hits = duplicates.alike(self.user, Contact(kind=self.wanted, name=self._name()))
            data: Any = self.data
            if {str(hit.contact.pk) for hit in self.hits} - set(data.getlist("alike")):
                said = _("This looks like a contact that is there already. Choose that one, or create anyway.")
                self.add_error("contact", ValidationError(said, code="alike"))
                self._offer_alike()
        return cleaned

    def _offer_alike(self) -> None:
        widget: Any = self.fields["contact"].widget
        offered = list(widget.choices)
        known = {str(key) for key, _label in offered}
        found = [hit.contact for hit in self.hits if hit.contact.is_usable and str(hit.contact.pk) not in known]
        widget.choices = [*offered, *((contact.pk, contact_label(contact)) for contact in found)]

    def _wanted(self) -> str:
        """Which kind of contact is to be made; blank where one was chosen."""
        kind = str(self.data.get("contact", "")) if self.is_bound else ""
        return kind if kind in self.MADE and self._name() and self.user.has_perm("contacts.add_contact") else ""

    def values(self) -> dict[str, Any]:
        """Arguments of `lifecycle.create`, the contact made if it was not there."""
        values = {name: self.cleaned_data[name] for name in ("description", "estimated_value", "closing_on")}
        contact = self._made() if self.wanted else self.cleaned_data["contact"]
        own = self.user.salesperson if self.user.salesperson and self.user.salesperson.is_usable else None
        salesperson = own or (contact.salesperson if contact.salesperson and contact.salesperson.is_usable else None)
        return values | {
            "contact": contact,
            "salesperson": salesperson,
            "sales_cycle": self.cycle,
            "on": self.today,
            "to": self.stage,
        }

    def _made(self) -> Contact:
        return contacts.create(by=self.user, kind=self.wanted, name=self._name()).contact
