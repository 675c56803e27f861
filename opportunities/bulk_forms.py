"""The forms of bulk actions: the fields of the verbs' own forms, asked once for many rows."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from collaboration.models import Tag
from crm.lib import date_formula
from crm.lib.dates import day_short
from crm.lib.fields import AmountField, DayField, PercentageField
from crm.lib.money import format_money, format_percent
from crm.lib.priority import Priority
from opportunities.bulk import Verb
from opportunities.forms import NO_SUCH_STAGE, AnswerableForm, DatedForm, EstimateForm, NewForm, StageOfCycleField
from opportunities.forms import CloseForm as OneCloseForm
from opportunities.forms import MoveForm as OneMoveForm
from opportunities.forms import ReassignForm as OneReassignForm
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salespeople.models import Company, Salesperson, User

KEPT = [("", _("– as it is –"))]


class BulkForm(AnswerableForm):
    """`rows` are the chosen ones; what is left blank stays as it is."""

    on = DatedForm.base_fields["on"]
    reason = DatedForm.base_fields["reason"]

    own: ClassVar[tuple[str, ...]] = ()  # fields that become arguments of the verb where they are filled in
    hint: ClassVar[Any] = ""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        rows: Sequence[Any],
        user: User,
        today: datetime.date,
        cycles: Iterable[int | None] = (),
    ) -> None:
        """`cycles` are those of the chosen ones."""
        super().__init__(data, initial={"on": today}, auto_id="bulk-%s")  # over a list, whose filter has the same names
        self.rows, self.user, self.today, self.cycles = rows, user, today, cycles
        self.order_fields([*self.own, "on", "reason"])
        self.prepare()

    def prepare(self) -> None:
        """Set what is offered."""

    def offer(self, name: str, choices: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = choices

    def values(self) -> dict[str, Any]:
        """Arguments of the verb."""
        asked = {name: self.cleaned_data[name] for name in self.own if self.cleaned_data[name] not in (None, "")}
        if "on" in self.cleaned_data:
            asked |= {"on": self.cleaned_data["on"] or self.today, "reason": self.cleaned_data["reason"]}
        return asked

    def asked(self) -> list[tuple[str, str]]:
        """What was filled in, in words; of the date only where it is not today."""
        values = self.cleaned_data.items()
        filled = {name: value for name, value in values if value is not False and value not in (None, "")}
        if filled.get("on") == self.today:
            del filled["on"]
        return [(name, self._words(name, value)) for name, value in filled.items()]

    def _words(self, name: str, value: Any) -> str:
        field, language = self.fields[name], get_language() or "en"
        if isinstance(field, DayField):
            return day_short(value, language)
        if isinstance(field, AmountField):
            return format_money(value, Company.current().currency, language)
        if isinstance(field, PercentageField):
            return format_percent(value, language)
        if isinstance(field, forms.BooleanField):
            return str(_("yes"))
        if isinstance(field, forms.ModelChoiceField):
            return str(field.label_from_instance(value))
        return str(dict(getattr(field, "choices", ())).get(value, value))

    def kept(self) -> Iterator[tuple[str, str]]:
        """Everything that was typed, for the next page. A date left blank is today's, also after midnight."""
        for name in self.fields:
            text = str(self.data.get(self.add_prefix(name), ""))
            yield name, text if text or name != "on" else self.today.isoformat()

    def something(self) -> None:
        if not self.errors and not any(self.cleaned_data.get(name) not in (None, "") for name in self.own):
            raise ValidationError(_("Fill in what is to be changed."), code="blank")


class MoveForm(BulkForm):
    to = StageOfCycleField(Stage.objects.none(), label=_("To stage"), error_messages={"invalid_choice": NO_SUCH_STAGE})
    closing_on = EstimateForm.base_fields["closing_on"]

    cancel_tasks = OneMoveForm.base_fields["cancel_tasks"]

    own = ("to", "closing_on", "cancel_tasks")
    hint = _(
        "Opportunities of another sales cycle are left as they are. One not started starts, if this is its first stage."
    )

    def prepare(self) -> None:
        self.offer("to", Stage.objects.filter(sales_cycle__in=self.cycles).select_related("sales_cycle"))
        self.fields["closing_on"].help_text = _("Blank: each one's own, or what the stage proposes.")


class ReviseForm(BulkForm):
    closing_on = EstimateForm.base_fields["closing_on"]
    shift = forms.CharField(
        label=_("Shift the closing date by"),
        required=False,
        max_length=date_formula.MAX_LENGTH,
        help_text=_("A date formula from each one's own date: 3D, -1W, 2M, CM (end of the month), WD1 (next Monday)."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    estimated_value = EstimateForm.base_fields["estimated_value"]
    chances = EstimateForm.base_fields["chances"]

    own = ("closing_on", "shift", "estimated_value", "chances")
    hint = _("What is left blank stays as it is.")

    def clean_shift(self) -> str:
        shift = date_formula.normalise(self.cleaned_data["shift"])
        date_formula.validate(shift)
        return shift

    def clean(self) -> None:
        self.something()
        if self.cleaned_data.get("shift") and self.cleaned_data.get("closing_on"):
            self.add_error("shift", _("Give a date or a shift, not both."))


class EditForm(BulkForm):
    priority = forms.ChoiceField(label=_("Priority"), choices=[*KEPT, *Priority.choices], required=False)
    source = forms.ModelChoiceField(Source.objects.none(), label=_("Source"), required=False, empty_label=KEPT[0][1])

    own = ("priority", "source")
    hint = ReviseForm.hint

    def prepare(self) -> None:
        self.offer("source", Source.objects.usable())

    def clean(self) -> None:
        self.something()


class ReassignForm(BulkForm):
    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"))

    tasks_too = OneReassignForm.base_fields["tasks_too"]

    own = ("salesperson", "tasks_too")

    def prepare(self) -> None:
        self.offer("salesperson", Salesperson.objects.visible_to(self.user).usable())


class CloseForm(BulkForm):
    outcome = OneCloseForm.base_fields["outcome"]
    close_code = OneCloseForm.base_fields["close_code"]

    cancel_tasks = OneCloseForm.base_fields["cancel_tasks"]

    own = ("outcome", "close_code", "cancel_tasks")
    hint = _("Each one is won at the net amount of its current quote, or else at its estimated value.")

    def prepare(self) -> None:
        self.offer("close_code", CloseCode.objects.usable())
        self.fields["on"].label = _("Closing date")
        self.fields["cancel_tasks"].initial = True

    def clean(self) -> None:
        """R-CLOSE-CODE: the code, when there is exactly one of the kind."""
        outcome, code = self.cleaned_data.get("outcome"), self.cleaned_data.get("close_code")
        if outcome and "close_code" in self.cleaned_data and code is None:
            self.cleaned_data["close_code"] = code = OneCloseForm.only_code(outcome)
            if code is None:
                self.add_error("close_code", _("Choose a close code."))
        if outcome and code and code.outcome != outcome:
            self.add_error("close_code", _("This close code is of the other kind."))


class ReopenForm(BulkForm):
    closing_on = EstimateForm.base_fields["closing_on"]

    own = ("closing_on",)
    hint = _("Each one goes back to the stage at which it was closed, or to not started.")

    def prepare(self) -> None:
        self.fields["reason"].required = True
        self.fields["closing_on"].help_text = _("Blank: each one's own. One that has passed has to be given anew.")


class ArchiveForm(BulkForm):
    hint = _("Out of the lists; their history is kept.")


class RestoreForm(BulkForm):
    hint = _("Back into the lists.")


class TagForm(BulkForm):
    on = None  # type: ignore[assignment]  # beside the ledger there is neither a day nor a reason
    reason = None  # type: ignore[assignment]
    tag = forms.ModelChoiceField(Tag.objects.none(), label=_("Tag"))

    own = ("tag",)
    hint = _("One that has it already stays as it is.")

    def prepare(self) -> None:
        self.offer("tag", Tag.objects.visible_to(self.user).usable("opportunity"))


class UntagForm(TagForm):
    hint = _("One that does not have it stays as it is.")

    def prepare(self) -> None:
        self.offer("tag", Tag.objects.visible_to(self.user).filter(for_opportunity=True))


class CreateForm(BulkForm):
    """What every new opportunity says; `rows` are contacts. None of them is started."""

    description = NewForm.base_fields["description"]
    sales_cycle = NewForm.base_fields["sales_cycle"]
    salesperson = forms.ModelChoiceField(
        Salesperson.objects.none(), label=_("Salesperson"), required=False, empty_label=_("– each contact's own –")
    )
    estimated_value = NewForm.base_fields["estimated_value"]
    closing_on = NewForm.base_fields["closing_on"]
    priority = NewForm.base_fields["priority"]
    source = NewForm.base_fields["source"]

    own = ("description", "sales_cycle", "salesperson", "estimated_value", "closing_on", "priority", "source")
    hint = _("One for each contact, not started. Where a contact has no salesperson, it is yours.")

    def prepare(self) -> None:
        self.offer("sales_cycle", SalesCycle.objects.usable())
        self.offer("salesperson", Salesperson.objects.visible_to(self.user).usable())
        self.offer("source", Source.objects.usable())
        self.fields["source"].empty_label = _("– none –")  # type: ignore[attr-defined]
        self.fields["on"].label = _("Creation date")
        default = SalesCycle.objects.default()
        self.initial["sales_cycle"] = default.pk if default else None


FORMS: dict[str, type[BulkForm]] = {
    Verb.MOVE: MoveForm,
    Verb.REVISE: ReviseForm,
    Verb.EDIT: EditForm,
    Verb.REASSIGN: ReassignForm,
    Verb.CLOSE: CloseForm,
    Verb.REOPEN: ReopenForm,
    Verb.ARCHIVE: ArchiveForm,
    Verb.RESTORE: RestoreForm,
    Verb.TAG: TagForm,
    Verb.UNTAG: UntagForm,
}


def in_words(verb: str, asked: Iterable[tuple[str, str]]) -> list[tuple[Any, str]]:
    """What was asked, by the labels of the form's fields."""
    form = CreateForm if verb == Verb.CREATE else FORMS.get(verb)
    fields = form.base_fields if form else {}
    return [(fields[name].label if name in fields else name, words) for name, words in asked]
