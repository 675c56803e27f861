"""Text from a browser becomes values for a verb; the rules are asked in `lifecycle`."""

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from contacts.picker import ContactPicker
from crm.lib import date_formula
from crm.lib.fields import DayField
from crm.lib.priority import Priority
from crm.lib.reminder import Reminder
from salescycles.models import Activity, TaskKind
from salespeople.models import Salesperson, Team, User
from tasks import whose
from tasks.lifecycle import Taking
from tasks.models import MOST_MINUTES, UNDER_WAY, Attendee, Base, Task


class Answerable(forms.Form):
    def refuse(self, refusal: ValidationError) -> None:
        """Show a verb's refusal next to its field; what concerns no field of this form stands above them all."""
        for field, errors in refusal.error_dict.items():
            shown = field in self.fields and not self.fields[field].widget.is_hidden
            for error in errors:
                self.add_error(field if shown else None, error)

    def offer(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows


class OwnerForm(Answerable):
    """Whose it is: one of the two."""

    salesperson = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Salesperson"), required=False)
    team = forms.ModelChoiceField(
        Team.objects.none(), label=_("or team"), required=False, help_text=_("Each of its members sees it.")
    )

    def offer_owners(self, user: User, task: Task | None = None) -> None:
        people = Salesperson.objects.visible_to(user)
        self.offer("salesperson", people.usable() | people.filter(pk=(task and task.salesperson_id) or 0))
        self.offer("team", Team.objects.visible_to(user))


class TaskForm(ContactPicker, OwnerForm):
    """A new task, or an open one that is changed. `opportunity` is the one it is about."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1, required=False)
    description = forms.CharField(label=_("Description"), max_length=100)
    due_on = DayField(label=_("Date"))
    kind = forms.ChoiceField(label=_("Type"), choices=TaskKind, required=False)
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority, required=False)
    status = forms.ChoiceField(label=_("Status"), choices=UNDER_WAY, required=False)
    contact = forms.ModelChoiceField(Contact.objects.none(), label=_("Contact"), required=False)
    reminder = forms.ChoiceField(label=_("Reminder"), choices=[("", _("– none –")), *Reminder.choices], required=False)
    all_day = forms.BooleanField(label=_("All day"), required=False)
    starts_at = forms.TimeField(label=_("Start time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    duration = forms.IntegerField(label=_("Duration in minutes"), required=False, min_value=1, max_value=MOST_MINUTES)
    location = forms.CharField(label=_("Place"), required=False, max_length=100)
    organizer = forms.ModelChoiceField(
        Salesperson.objects.none(),
        label=_("Organizer"),
        required=False,
        help_text=_("Blank: whose task it is, of a team's who makes it."),
    )
    people = forms.ModelMultipleChoiceField(Salesperson.objects.none(), label=_("Our people"), required=False)
    guests = forms.ModelMultipleChoiceField(Contact.objects.none(), label=_("Their people"), required=False)
    interval = forms.CharField(
        label=_("Repeated after"),
        required=False,
        max_length=date_formula.MAX_LENGTH,
        help_text=_("A date formula, e.g. 1W or 1M. Blank: not repeated."),
    )
    recurs_from = forms.ChoiceField(label=_("Counted from"), choices=[("", "–"), *Base.choices], required=False)

    MEETING: ClassVar = ("all_day", "starts_at", "duration", "organizer", "people", "guests")
    REPEATED: ClassVar = ("interval", "recurs_from")
    USUAL: ClassVar = ("description", "due_on", "kind", "priority", "status", "salesperson", "team", "reminder")
    field_order = [*USUAL, "contact_search", "contact", "location", *MEETING, *REPEATED]

    def __init__(
        self,
        data: QueryDict | None,
        *,
        user: User,
        task: Task | None = None,
        opportunity: Any = None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial={**(_as_typed(task) if task else {}), **(initial or {})})
        self.user, self.task, self.opportunity = user, task, opportunity
        self.offer_owners(user, task)
        people = Salesperson.objects.visible_to(user)
        taking_part = people.filter(attendances__task=task) if task else people.none()
        for name in ("organizer", "people"):
            self.offer(name, (people.usable() | taking_part).distinct())
        account = self._account()
        seen = Contact.objects.visible_to(user)
        theirs = seen.filter(Q(pk=account) | Q(company=account)) if account else seen.none()
        self.offer("guests", theirs)
        if opportunity is not None:
            self.offer("contact", theirs | seen.filter(pk__in=[opportunity.contact_id, task and task.contact_id]))
            del self.fields["contact_search"]
        else:
            self.offer_contacts(user)
        if task is None:
            self.initial.setdefault("reminder", getattr(user, "usual_reminder", ""))
            del self.fields["status"]
        if not account:
            del self.fields["guests"]

    def _account(self) -> int | None:
        if self.task and self.task.company_id:
            return self.task.company_id
        if self.opportunity is not None:
            return int(self.opportunity.company_id)
        contact = self.initial.get("contact")
        return contact.account_id if contact else None

    @property
    def usual(self) -> list[forms.BoundField]:
        return self._fields(*self.USUAL, "contact_search", "contact")

    @property
    def meeting(self) -> list[forms.BoundField]:
        return self._fields("location", *self.MEETING)

    @property
    def repeated(self) -> list[forms.BoundField]:
        return self._fields(*self.REPEATED)

    @property
    def is_special(self) -> bool:
        """Whether what is usually folded has something to say."""
        names = (*self.MEETING, *self.REPEATED, "location")
        return any(self[name].value() for name in names if name in self.fields) or any(n in self.errors for n in names)

    def _fields(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    def clean_interval(self) -> str:
        interval = date_formula.normalise(self.cleaned_data["interval"])
        date_formula.validate(interval)
        return interval

    def values(self) -> dict[str, Any]:
        """Arguments of the verb: of a meeting who takes part, of anything else nothing of a meeting."""
        values = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "contact_search")}
        leads, people, guests = values.pop("organizer"), values.pop("people"), values.pop("guests", ())
        for name, usual in (("kind", TaskKind.TASK), ("priority", Priority.NORMAL), ("status", None)):
            if not values.get(name):
                values.pop(name, None)
                if usual and not self.task:
                    values[name] = usual
        meets = values.get("kind", self.task.kind if self.task else TaskKind.TASK) == TaskKind.MEETING
        if not meets:
            values |= {"all_day": False, "starts_at": None, "duration": None}
        if self.add_prefix("reminder") not in self.data:  # a form that does not ask for it
            values["reminder"] = self.task.reminder if self.task else getattr(self.user, "usual_reminder", "")
        if not values.get("interval"):
            values["recurs_from"] = ""
        taking = [Taking(one, self._role(one)) for one in (*people, *guests) if one != leads]
        values["attendees"] = [*([Taking(leads, Attendee.Role.ORGANIZER)] if leads else []), *taking] if meets else []
        return values

    def _role(self, one: Salesperson | Contact) -> str:
        """As before: the form says only who takes part."""
        if self.task:
            for known in self.task.attendees.all():
                if (known.salesperson or known.contact) == one and known.role != Attendee.Role.ORGANIZER:
                    return known.role
        return Attendee.Role.REQUIRED


def _as_typed(task: Task) -> dict[str, Any]:
    names = (*TaskForm.USUAL, "all_day", "starts_at", "duration", "location", "interval", "recurs_from", "version")
    attendees = list(task.attendees.all())
    return {name: getattr(task, name) for name in names} | {
        "contact": task.contact,
        "organizer": next((one.salesperson_id for one in attendees if one.role == Attendee.Role.ORGANIZER), None),
        "people": [
            one.salesperson_id for one in attendees if one.salesperson_id and one.role != Attendee.Role.ORGANIZER
        ],
        "guests": [one.contact_id for one in attendees if one.contact_id],
    }


class VerbForm(Answerable):
    """One verb of a task. `version` is what the person looked at."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    title: ClassVar[Any] = ""
    submit: ClassVar[Any] = ""

    def __init__(self, data: QueryDict | None, *, task: Task, user: User, today: datetime.date) -> None:
        super().__init__(data, initial={"version": task.version, "on": today})
        self.task, self.user, self.today = task, user, today
        self.prepare()

    def prepare(self) -> None:
        """Set what is proposed and offered."""

    def values(self) -> dict[str, Any]:
        """Arguments of the verb."""
        return {"on": self.today} | {name: value for name, value in self.cleaned_data.items() if name != "version"}


class CompleteForm(VerbForm):
    outcome = forms.CharField(
        label=_("What came of it"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    completed_by = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Completed by"), required=False)
    on = DayField(label=_("Date"), required=False)
    next_description = forms.CharField(label=_("What follows"), required=False, max_length=100)
    next_due_on = DayField(label=_("on"), required=False)

    title, submit = _("Complete"), _("Complete the task")

    def prepare(self) -> None:
        if self.task.team is None:
            del self.fields["completed_by"]
            return
        people = self.task.team.members.all()
        self.offer("completed_by", people)
        self.initial["completed_by"] = self.user.salesperson_id

    def clean(self) -> None:
        told, due_on = self.cleaned_data.get("next_description"), self.cleaned_data.get("next_due_on")
        if told and not due_on and "next_due_on" not in self.errors:
            self.add_error("next_due_on", _("Enter the date."))
        if due_on and not told:
            self.add_error("next_description", _("Enter a description."))

    def values(self) -> dict[str, Any]:
        values = super().values()
        told, due_on = values.pop("next_description"), values.pop("next_due_on")
        values["on"] = values["on"] or self.today
        return values | ({"follow_up": {"description": told, "due_on": due_on}} if told else {})


class PostponeForm(VerbForm):
    to = DayField(label=_("New date"))

    title, submit = _("Postpone"), _("Postpone")


class ReassignForm(VerbForm, OwnerForm):
    title, submit = _("Reassign"), _("Reassign")

    def prepare(self) -> None:
        self.offer_owners(self.user, self.task)
        self.initial.update({"salesperson": self.task.salesperson, "team": self.task.team})


class CancelForm(VerbForm):
    outcome = forms.CharField(label=_("Why"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    title, submit = _("Cancel the task"), _("Cancel the task")


class ReopenForm(VerbForm):
    title, submit = _("Reopen"), _("Reopen the task")


class RescheduleForm(VerbForm):
    """Another day; of a meeting another time too."""

    due_on = DayField(label=_("Date"))
    all_day = forms.BooleanField(label=_("All day"), required=False)
    starts_at = forms.TimeField(label=_("Start time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    duration = forms.IntegerField(label=_("Duration in minutes"), required=False, min_value=1, max_value=MOST_MINUTES)

    title, submit = _("Another date"), _("Save")
    TIMES: ClassVar = ("all_day", "starts_at", "duration")

    def prepare(self) -> None:
        self.initial.update({name: getattr(self.task, name) for name in ("due_on", *self.TIMES)})
        if not self.task.is_meeting:
            for name in self.TIMES:
                del self.fields[name]


class WhoseForm(forms.Form):
    """What the address of the agenda says."""

    whose = forms.ChoiceField(label=_("To do by"), required=False)

    def __init__(self, query: QueryDict, *, user: User, offers: bool = True) -> None:
        words = query.copy()
        words.setdefault("whose", whose.usual(user))
        super().__init__(words)
        field = self.fields["whose"]
        assert isinstance(field, forms.ChoiceField)
        said = None if offers else str(words["whose"])
        field.choices = [*whose.choices(user, said), (whose.EVERYBODY, _("Everybody"))]
        for one in self.fields.values():
            one.widget.attrs["class"] = "form-select"

    def words(self) -> dict[str, str]:
        """What it says, as an address says it again: “everybody” is said by a blank."""
        return {name: value for name, value in self.cleaned_data.items() if value or name == "whose"}


class CalendarForm(WhoseForm):
    kind = forms.ChoiceField(label=_("Type"), required=False, choices=[("", _("Any type")), *TaskKind.choices])


class AssignForm(OwnerForm):
    """The tasks of an activity, by hand."""

    activity = forms.ModelChoiceField(Activity.objects.all(), label=_("Activity"))
    on = DayField(label=_("From the day"))
    organizer = forms.ModelChoiceField(Salesperson.objects.none(), label=_("Organizer of meetings"), required=False)

    field_order = ["activity", "on", "salesperson", "team", "organizer"]

    def __init__(self, data: QueryDict | None, *, user: User, initial: Mapping[str, Any]) -> None:
        super().__init__(data, initial=dict(initial))
        self.offer_owners(user)
        self.offer("organizer", Salesperson.objects.visible_to(user).usable())
