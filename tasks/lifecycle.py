"""The verbs of tasks: the one room for every change of one. Keyword-only; `on` is the business date, `by` the user (None: the
system), `version` what the person looked at. Refusals are `ValidationError`s keyed by field; somebody else's faster change
raises `Stale`. What a step of an opportunity does to its tasks stands at the end; the opportunity is locked by its own verb."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import BigIntegerField, Case, DateField, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from collaboration.notify import assigned
from contacts.models import Contact
from crm.lib import date_formula
from crm.lib.guard import Guard
from crm.lib.priority import Priority
from crm.lib.races import is_busy, refused_by
from crm.lib.reminder import Reminder
from salescycles.models import Activity, TaskKind
from salespeople.models import Company, Salesperson, Team, User
from tasks.models import MOST_MINUTES, UNTOUCHED, Along, Attendee, Base, Status, Task
from tasks.recurring import goes_forward, next_day
from tasks.reminding import remind_at

P = ParamSpec("P")
R = TypeVar("R")
MERGED = "an_open_task_names_no_merged_contact"  # migration 0002
YEARS = range(1900, 3000)
COUNTED: dict[str, Any] = {"version": F("version") + 1, "by_steps": F("by_steps") + 1}  # a change by a step
TIMELESS = _("Only what begins at a time can be told of minutes before.")
CHANGED_BY_FORM = (
    *("kind", "description", "due_on", "all_day", "starts_at", "duration", "location", "status", "priority"),
    *("salesperson", "team", "contact", "opportunity", "interval", "recurs_from", "reminder"),
)
MOVES_REMINDER = {"due_on", "starts_at", "reminder", "salesperson", "team", "closed_on"}


class Stale(Exception):
    """Someone was faster: the task is no longer what the person looked at."""


class Done(NamedTuple):
    """A task that was closed, and the one that follows it: the next of a recurring one, or what was asked for."""

    task: Task
    next: Task | None = None
    follow_up: Task | None = None


class Taking(NamedTuple):
    """Somebody who takes part in a meeting."""

    who: Salesperson | Contact
    role: str = Attendee.Role.REQUIRED


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """One transaction; a lock that is not to be had in time, or a deadlock, answers like a lost race. A contact that was
    merged while the verb ran is refused like one that was merged before."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with transaction.atomic():
                return function(*args, **kwargs)
        except IntegrityError as error:
            if refused_by(error) == MERGED:
                said = _("Its contact was merged with another one: choose that one.")
                raise ValidationError({"contact": ValidationError(said, code="merged")}) from error
            raise
        except OperationalError as error:
            if is_busy(error):
                raise Stale from error
            raise

    return run


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@verb
def create(*, by: User | None, on: datetime.date, attendees: Iterable[Taking] = (), **values: Any) -> Task:
    """A new task (R-TASK-REQ, R-TASK-DEF): the opportunity gives its contact, what is not said otherwise is usual. Raises
    ValidationError."""
    task = Task(**_proposed(values, on))
    guard = Guard()
    _check(guard, task, before=Task())
    taking = _attendees(guard, task, list(attendees), by)
    guard.raise_if_any()
    task.remind_at = remind_at(task)
    task.save(force_insert=True)
    _invite([(task, taking)])
    assigned("task", task.pk, by=by, salesperson=task.salesperson_id, team=task.team_id)
    return task


@verb
def record(
    *,
    by: User | None,
    on: datetime.date,
    company: Contact | None = None,
    attendees: Iterable[Taking] = (),
    **values: Any,
) -> Task:
    """A task as a file tells of it. One that has `closed_on` is over: `cancelled`, else completed by `completed_by`,
    else by whose it is; nothing follows it. Of one that is over, `company` is the contact's of that time, and people,
    contact and opportunity may be out of use by now. Nobody is told. Raises ValidationError."""
    task = Task(**_proposed(values, on))
    guard = Guard()
    if not task.is_open:
        _check_over(guard, task, on)
        task.company = (company if task.contact else None) or task.company
    _check(guard, task, before=Task())
    taking = _attendees(guard, task, list(attendees), by)
    guard.raise_if_any()
    task.remind_at = remind_at(task)
    task.save(force_insert=True)
    _invite([(task, taking)])
    return task


@verb
def change(
    task: Task,
    *,
    version: int,
    by: User | None,
    on: datetime.date,
    attendees: Iterable[Taking] | None = None,
    **values: Any,
) -> Task:
    """Other values of an open task; `status` among them, but completing and cancelling are verbs of their own. Raises
    ValidationError, Stale."""
    now = _begin(task, version)
    before = Task(**{name: getattr(now, name) for name in CHANGED_BY_FORM})
    for name, value in values.items():
        setattr(now, name, value)
    if now.contact_id != before.contact_id:
        now.company_id = now.contact.account_id if now.contact else None
    guard = Guard()
    _check(guard, now, before=before)
    taking = (
        None if attendees is None and now.kind == before.kind else _attendees(guard, now, list(attendees or ()), by)
    )
    guard.raise_if_any()
    _write(now, "company", *(name for name in (*CHANGED_BY_FORM, "outcome") if name in values))
    if taking is not None:
        _take_part(now, taking)
    if (now.salesperson_id, now.team_id) != (before.salesperson_id, before.team_id):
        assigned("task", now.pk, by=by, salesperson=now.salesperson_id, team=now.team_id)
    return now


@verb
def complete(
    task: Task,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    outcome: str = "",
    completed_by: Salesperson | None = None,
    follow_up: dict[str, Any] | None = None,
    comes_again: bool = True,
) -> Done:
    """It was done on `on` (R-TASK-CLOSE). The next of a recurring one is made (R-TASK-REC), unless somebody else makes it, and what
    `follow_up` asks for: the values of `create`, of the same contact and opportunity where it names none. Raises
    ValidationError, Stale."""
    now = _begin(task, version)
    guard = Guard()
    _check_day(guard, "on", on)
    guard(on <= Company.current().today(), "on", _("The date cannot lie in the future."), "E14")
    now.completed_by = completed_by or (by.salesperson if by else None) or now.salesperson
    guard(now.completed_by is not None, "completed_by", _("Say who completed the team's task."), "R-TASK-CLOSE")
    guard.raise_if_any()
    now.status, now.closed_on, now.outcome = Status.COMPLETED, on, outcome.strip()
    _write(now, "status", "closed_on", "outcome", "completed_by")
    following = None
    if follow_up:
        usual = {
            "salesperson": now.salesperson,
            "team": now.team,
            "contact": now.contact,
            "opportunity": now.opportunity,
        }
        following = create(by=by, on=on, follows=now, **usual | follow_up)
    return Done(now, _next(now, on) if comes_again else None, following)


@verb
def cancel(
    task: Task, *, version: int, on: datetime.date, by: User | None, outcome: str = "", comes_again: bool = True
) -> Done:
    """It is not to be done. A recurring one comes again all the same: take the interval off first to end it. Raises
    ValidationError, Stale."""
    now = _begin(task, version)
    now.cancelled, now.closed_on, now.outcome = True, on, outcome.strip()
    _write(now, "cancelled", "closed_on", "outcome")
    return Done(now, _next(now, on) if comes_again else None)


@verb
def reopen(task: Task, *, version: int, on: datetime.date, by: User | None) -> Task:
    """To be done after all. A completed one is in progress then, a cancelled one what it was. Raises ValidationError, Stale."""
    now = _locked(task, version)
    guard = Guard()
    guard(not now.is_open, "__all__", _("The task is open already."), "open")
    guard.raise_if_any()
    if now.status == Status.COMPLETED:
        now.status = Status.IN_PROGRESS
    now.closed_on, now.cancelled, now.completed_by, now.cancelled_in_id = None, False, None, None
    _write(now, "status", "closed_on", "cancelled", "completed_by", "cancelled_in")
    return now


@verb
def postpone(task: Task, *, version: int, to: datetime.date | None, on: datetime.date, by: User | None) -> Task:
    """To a later day. Raises ValidationError, Stale."""
    now = _begin(task, version)
    guard = Guard()
    if _check_day(guard, "to", to):
        assert to is not None
        guard(to > now.due_on, "to", _("Postponed is to a later day than %(day)s."), "later", day=now.due_on)
    guard.raise_if_any()
    assert to is not None
    now.due_on = to
    if now.status == Status.NOT_STARTED:
        now.status = Status.POSTPONED
    _write(now, "due_on", "status")
    return now


@verb
def reschedule(
    task: Task,
    *,
    version: int,
    due_on: datetime.date,
    on: datetime.date,
    by: User | None,
    all_day: bool = False,
    starts_at: datetime.time | None = None,
    duration: int | None = None,
) -> Task:
    """To another day, a meeting to another time. To a later day it is postponed, as by that verb. Raises ValidationError, Stale."""
    now = _begin(task, version)
    guard = Guard()
    if _check_day(guard, "due_on", due_on) and due_on > now.due_on and now.status == Status.NOT_STARTED:
        now.status = Status.POSTPONED
    now.due_on, now.all_day, now.starts_at, now.duration = due_on, all_day, starts_at, duration
    _check_times(guard, now)
    guard.raise_if_any()
    _write(now, "due_on", "all_day", "starts_at", "duration", "status")
    return now


@verb
def reassign(
    task: Task,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    salesperson: Salesperson | None = None,
    team: Team | None = None,
    is_told: bool = True,
) -> Task:
    """Somebody else's: of a salesperson or of a team (R-TASK-TEAM), who is told. Raises ValidationError, Stale."""
    now = _begin(task, version)
    guard = Guard()
    same = (now.salesperson_id, now.team_id) == (salesperson and salesperson.pk, team and team.pk)
    guard(not same, "__all__", _("Nothing was changed."), "unchanged")
    before = Task(salesperson=now.salesperson, team=now.team)
    now.salesperson, now.team = salesperson, team
    _check_owner(guard, now, before)
    guard.raise_if_any()
    _write(now, "salesperson", "team")
    if is_told:
        assigned("task", now.pk, by=by, salesperson=now.salesperson_id, team=now.team_id)
    return now


@verb
def give_back(task: Task, *, version: int, salesperson: Salesperson, on: datetime.date, by: User | None) -> Task:
    """A reassignment is taken back: to who had it, also to somebody who is blocked by now. Raises ValidationError, Stale."""
    now = _begin(task, version)
    now.salesperson, now.team = salesperson, None
    _write(now, "salesperson", "team")
    return now


@verb
def put_back(
    task: Task, *, version: int, by: User | None, attendees: Iterable[Taking] | None = None, **was: Any
) -> Task:
    """An import is taken back: what stood there before, whatever became of it since. Raises Stale."""
    now = _locked(task, version)
    for name, value in was.items():
        setattr(now, name, value)
    _write(now, "reminder", *was)
    if attendees is not None:
        _take_part(now, [_attendee(one) for one in attendees])
    return now


@verb
def assign(
    activity: Activity,
    *,
    on: datetime.date,
    by: User | None,
    salesperson: Salesperson | None = None,
    team: Team | None = None,
    contact: Contact | None = None,
    opportunity: Any = None,
    organizer: Salesperson | None = None,
) -> list[Task]:
    """The tasks of an activity, counted from `on` (D.2), for a salesperson or a team. Where a team meets somebody organizes it.
    Raises ValidationError."""
    shared = {"salesperson": salesperson, "team": team, "contact": contact, "opportunity": opportunity}
    made = _planned(_steps(activity.pk), on, _proposed(shared, on))
    guard = Guard()
    for task in made:
        _check(guard, task, before=Task())
    meets = any(task.is_meeting for task in made)
    leads = organizer or salesperson
    guard(not meets or leads is not None, "organizer", _("Choose who organizes the meeting."), "organizer")
    if meets and organizer:
        _check_usable(guard, "organizer", organizer)
    guard.raise_if_any()
    _save_all([(task, leads.pk if leads else None) for task in made])
    if made:
        assigned("task", made[0].pk, by=by, salesperson=made[0].salesperson_id, team=made[0].team_id, count=len(made))
    return made


# ── what the guards ask ──────────────────────────────────────────────────────────────────────────────────────────────


def _locked(task: Task, version: int) -> Task:
    """The task as it stands now, held until the transaction ends. Raises Stale."""
    named = ("salesperson", "team", "contact", "opportunity")
    now = Task.objects.select_for_update(no_key=True, of=("self",)).select_related(*named).get(pk=task.pk)
    if now.version != version:
        raise Stale
    return now


def _begin(task: Task, version: int) -> Task:
    now = _locked(task, version)
    guard = Guard()
    guard(now.is_open, "__all__", _("The task is closed. Reopen it first."), "closed")
    guard.raise_if_any()
    return now


def _proposed(values: dict[str, Any], on: datetime.date) -> dict[str, Any]:
    values = {"due_on": on, **values}
    opportunity, contact = values.get("opportunity"), values.get("contact")
    if opportunity is not None and contact is None:
        values["contact"] = contact = opportunity.contact.merged_into or opportunity.contact
    return values | {"company_id": contact.account_id if contact else None}


def _check(guard: Guard, task: Task, *, before: Task) -> None:
    """R-TASK-REQ and what belongs together. What was chosen before may be blocked by now."""
    task.description, task.location = task.description.strip(), task.location.strip()
    if guard(bool(task.description), "description", _("Enter a description."), "E08"):
        guard(len(task.description) <= 100, "description", _("At most 100 characters."), "too_long")
    guard(len(task.location) <= 100, "location", _("At most 100 characters."), "too_long")
    guard(task.kind in TaskKind.values, "kind", _("Choose a type of the list."), "choice")
    guard(task.priority in Priority.values, "priority", _("Choose a priority of the list."), "choice")
    under_way = task.status in Status.values and (task.status != Status.COMPLETED or not task.is_open)
    guard(under_way, "status", _("A task is completed by saying what came of it."), "choice")
    _check_day(guard, "due_on", task.due_on)
    _check_owner(guard, task, before)
    _check_contact(guard, task, before)
    _check_times(guard, task)
    _check_interval(guard, task)


def _check_over(guard: Guard, task: Task, on: datetime.date) -> None:
    """When and how it ended; the rest of what is asked of a task is asked of what is over too."""
    if _check_day(guard, "closed_on", task.closed_on):
        assert task.closed_on is not None
        guard(task.closed_on <= on, "closed_on", _("The date cannot lie in the future."), "E14")
    if task.cancelled:
        guard(task.status != Status.COMPLETED, "status", _("It was completed or cancelled, not both."), "choice")
        return
    task.status, task.completed_by = Status.COMPLETED, task.completed_by or task.salesperson
    known = task.completed_by is not None or task.team is None
    guard(known, "completed_by", _("Say who completed the team's task."), "R-TASK-CLOSE")


def _check_day(guard: Guard, field: str, day: datetime.date | None) -> bool:
    if not guard(day is not None, field, _("Enter the date."), "E08"):
        return False
    assert day is not None
    return guard(day.year in YEARS, field, _("Enter a date between 1900 and 2999."), "E08")


def _check_owner(guard: Guard, task: Task, before: Task) -> None:
    somebody = task.salesperson is not None or task.team is not None
    guard(somebody, "salesperson", _("Choose a salesperson or a team."), "R-TASK-REQ")
    both = task.salesperson is not None and task.team is not None
    guard(not both, "team", _("A task belongs to a salesperson or to a team, not to both."), "R-TASK-REQ")
    if not task.is_open:
        return
    if task.salesperson is not None and task.salesperson != before.salesperson:
        _check_usable(guard, "salesperson", task.salesperson)
    if task.team is not None and task.is_meeting:
        silent = ", ".join(task.team.members.filter(email="").values_list("name", flat=True))
        said = _("A team that meets is written to; these members have no e-mail: %(names)s.")
        guard(not silent, "team", said, "R-TASK-TEAM", names=silent)


def _check_usable(guard: Guard, field: str, salesperson: Salesperson) -> None:
    said = _("%(salesperson)s is blocked and cannot be chosen.")
    guard(salesperson.is_usable, field, said, "blocked", salesperson=salesperson)


def _check_contact(guard: Guard, task: Task, before: Task) -> None:
    contact, opportunity, is_over = task.contact, task.opportunity, not task.is_open
    if contact is not None and contact.pk != before.contact_id:
        guard(
            not contact.privacy_blocked, "contact", _("%(contact)s is blocked for privacy."), "privacy", contact=contact
        )
        usable = is_over or not contact.archived
        guard(usable, "contact", _("%(contact)s is archived."), "archived", contact=contact)
        said = _("%(contact)s was merged with another contact. Choose that one.")
        guard(contact.merged_into_id is None, "contact", said, "merged", contact=contact)
    if opportunity is None:
        return
    if opportunity.pk != before.opportunity_id:
        guard(is_over or not opportunity.archived, "opportunity", _("The opportunity is archived."), "archived")
    elif contact is not None and contact.pk == before.contact_id:
        return  # a person may have gone elsewhere since
    together = contact is not None and belongs(contact, opportunity)
    together = together or (is_over and task.company_id == opportunity.company_id)
    guard(together, "contact", _("The contact does not belong to the opportunity's company."), "R-TASK-LINK")


def belongs(contact: Contact, opportunity: Any) -> bool:
    """Whether it is one of the opportunity's company. A closed opportunity goes on naming who was merged with this one, or with this one's company."""
    if contact.account_id == opportunity.company_id or contact.pk == opportunity.contact_id:
        return True
    merged = (opportunity.company.merged_into_id, opportunity.contact.merged_into_id)
    return contact.account_id == merged[0] or contact.pk == merged[1]


def _check_times(guard: Guard, task: Task) -> None:
    guard(task.reminder in ("", *Reminder.values), "reminder", _("Choose a reminder of the list."), "choice")
    if not task.is_meeting:
        guard(not task.reminder.endswith("m"), "reminder", TIMELESS, "kind")
        for field, value in (("all_day", task.all_day), ("starts_at", task.starts_at), ("duration", task.duration)):
            guard(not value, field, _("Only a meeting has this."), "kind")
        return
    guard(not (task.all_day and task.starts_at), "starts_at", _("What takes all day has no start."), "all_day")
    guard(task.all_day or task.starts_at is not None, "starts_at", _("Enter the start, or all day."), "E08")
    guard(task.all_day or task.duration is not None, "duration", _("Enter how long it takes."), "E08")
    lasts = task.duration is None or 1 <= task.duration <= MOST_MINUTES
    guard(task.starts_at is not None or not task.reminder.endswith("m"), "reminder", TIMELESS, "kind")
    guard(lasts, "duration", _("A meeting takes a minute at least and ten years at most."), "R-TASK-REQ")


def _check_interval(guard: Guard, task: Task) -> None:
    if not task.interval:
        guard(not task.recurs_from, "interval", _("Enter after how long it comes again."), "R-TASK-REC")
        return
    guard(task.recurs_from in Base.values, "recurs_from", _("Choose what the next date counts from."), "R-TASK-REC")
    try:
        forward = goes_forward(task.interval)
    except date_formula.DateFormulaError:
        forward = False
    guard(
        forward, "interval", _("This does not lead to a later day from every day, e.g. 1W or CM+1D do."), "R-TASK-REC"
    )


# ── how a task is written ────────────────────────────────────────────────────────────────────────────────────────────


def _write(task: Task, *fields: str) -> None:
    """The row is locked and its version compared: nobody else writes it."""
    task.version += 1
    if MOVES_REMINDER.intersection(fields):
        task.remind_at = remind_at(task)
        fields += ("remind_at",)
    task.save(update_fields=[*fields, "version"])


def _next(task: Task, on: datetime.date) -> Task | None:
    """The next of a recurring task, once: one that was reopened and is closed again made it already."""
    day = next_day(task.interval, task.due_on if task.recurs_from == Base.DUE else on) if task.recurs else None
    if day is None or task.followers.exclude(interval="").exists():
        return None
    same = (*CHANGED_BY_FORM, "company")
    following = Task(**{name: getattr(task, name) for name in same if name not in ("status", "due_on")})
    following.due_on, following.follows = day, task
    following.remind_at = remind_at(following)
    following.save(force_insert=True)
    taking = [
        Attendee(salesperson_id=one.salesperson_id, contact_id=one.contact_id, role=one.role)
        for one in task.attendees.all()
    ]
    _invite([(following, taking)])
    return following


def _attendees(guard: Guard, task: Task, taking: list[Taking], by: User | None) -> list[Attendee]:
    """Who takes part in a meeting, its organizer among them: by default whose it is, else who makes it."""
    if not task.is_meeting:
        guard(not taking, "attendees", _("Only a meeting has this."), "kind")
        return []
    leading = [one for one in taking if one.role == Attendee.Role.ORGANIZER]
    if not leading and (leads := task.salesperson or (by.salesperson if by else None)):
        taking = [one for one in taking if one.who != leads]
        leading = [Taking(leads, Attendee.Role.ORGANIZER)]
        taking = [*leading, *taking]
    guard(len(leading) == 1, "organizer", _("Choose who organizes the meeting."), "organizer")
    for one in leading:
        guard(isinstance(one.who, Salesperson), "organizer", _("A salesperson organizes a meeting."), "organizer")
    seen = {(type(one.who), one.who.pk) for one in taking}
    guard(len(seen) == len(taking), "attendees", _("Everybody takes part once."), "twice")
    return [_attendee(one) for one in taking]


def _attendee(one: Taking) -> Attendee:
    key = "salesperson" if isinstance(one.who, Salesperson) else "contact"
    return Attendee(**{key: one.who}, role=one.role)


def _invite(taking: Iterable[tuple[Task, Sequence[Attendee]]]) -> None:
    rows = []
    for task, attendees in taking:
        for attendee in attendees:
            attendee.task = task
            rows.append(attendee)
    if rows:
        Attendee.objects.bulk_create(rows)


def _take_part(task: Task, taking: Sequence[Attendee]) -> None:
    """Only what differs is written: everybody else keeps their row and its history. Who organizes it no more goes first."""
    wanted = {(one.salesperson_id, one.contact_id): one for one in taking}
    for known in sorted(task.attendees.all(), key=lambda one: one.role != Attendee.Role.ORGANIZER):
        same = wanted.pop((known.salesperson_id, known.contact_id), None)
        if same is None:
            known.delete()
        elif same.role != known.role:
            known.role = same.role
            known.save(update_fields=["role"])
    _invite([(task, list(wanted.values()))])


# ── an activity's tasks ──────────────────────────────────────────────────────────────────────────────────────────────


class Step(NamedTuple):
    """A step of an activity; `pk` is None where the activity has none and stands for itself."""

    pk: int | None
    kind: str
    description: str
    priority: str
    date_formula: str


def _steps(activity: int) -> list[Step]:
    """In order. An activity without steps is one task on the day itself. One query."""
    names = ("steps__pk", "steps__kind", "steps__description", "steps__priority", "steps__date_formula")
    rows = Activity.objects.filter(pk=activity).order_by("steps__number").values_list(*names, "description", "code")
    return [
        Step(pk, *rest) if pk else Step(None, TaskKind.TASK, description or code, Priority.NORMAL, "")
        for pk, *rest, description, code in rows
    ]


def _planned(steps: Iterable[Step], on: datetime.date, shared: dict[str, Any]) -> list[Task]:
    """Not saved. Each date counts from `on`; a meeting takes all day until somebody says when."""
    return [
        Task(
            **shared
            | {
                "activity_step_id": step.pk,
                "kind": step.kind,
                "description": step.description,
                "priority": step.priority,
                "due_on": due_on(step.date_formula, on),
                "all_day": step.kind == TaskKind.MEETING,
            }
        )
        for step in steps
    ]


def due_on(formula: str, on: datetime.date) -> datetime.date:
    """The day itself where the formula would leave the calendar: a plan never refuses a step of an opportunity."""
    return next_day(formula, on) or on


def _save_all(made: list[tuple[Task, int | None]]) -> None:
    """Each with the salesperson who organizes it, if it is a meeting. Whatever their number in two statements, in one without
    meetings."""
    Task.objects.bulk_create(task for task, _organizer in made)
    leads = Attendee.Role.ORGANIZER
    meetings = [(task, organizer) for task, organizer in made if task.is_meeting and organizer is not None]
    _invite([(task, [Attendee(salesperson_id=key, role=leads)]) for task, key in meetings])


# ── what a step of an opportunity does to its tasks ──────────────────────────────────────────────────────────────────


def make_of_stage(entry: Any, activity: int) -> list[Task]:
    """The tasks of the activity of the stage that `entry` entered (R-STAGE-TASKS), for who sells it and about its contact."""
    return make_of_stages([(entry, activity)])


def make_of_stages(entered: Iterable[tuple[Any, int]]) -> list[Task]:
    """The same for many entries, each with the activity; a query for each activity."""
    entered = list(entered)
    steps = {activity: _steps(activity) for activity in dict.fromkeys(activity for _entry, activity in entered)}
    made: list[tuple[Task, int | None]] = []
    for entry, activity in entered:
        shared = {
            name: getattr(entry, name) for name in ("opportunity_id", "contact_id", "company_id", "salesperson_id")
        } | {"entry_id": entry.pk}
        made += [(task, entry.salesperson_id) for task in _planned(steps[activity], entry.happened_on, shared)]
    _save_all(made)
    return [task for task, _organizer in made]


def cancel_of(entry: Any) -> int:
    """Every open task of the opportunity, by this step (R-CANCEL-TASKS): recurring ones do not come again. Returns how many."""
    tasks = Task.objects.open().filter(opportunity=entry.opportunity_id)
    closed = {"cancelled": True, "closed_on": entry.happened_on, "cancelled_in": entry.pk, "remind_at": None}
    return tasks.update(**closed, **COUNTED)


def take_back(wrong: Any, before: Any, undone: Any) -> None:
    """`wrong` never happened, and `before` stands again as `undone`: tasks that it cancelled are open again, but not those of steps
    that were taken back themselves; those that it made and nobody touched are cancelled; those that went along, and still are
    with whom or about whom they went to, come back."""
    if not Task.objects.filter(opportunity=wrong.opportunity_id).exists():
        return
    follow(before, undone)
    standing: Any = type(wrong).objects.filter(opportunity=wrong.opportunity_id, voided_at=None).order_by().values("pk")
    was_cancelled, nothing = Q(cancelled_in=wrong.pk), Value(None)
    again = was_cancelled & (Q(entry=None) | Q(entry__in=standing))
    untouched = UNTOUCHED & Q(entry=wrong.pk)
    Task.objects.filter(again | untouched, opportunity=wrong.opportunity_id).update(
        cancelled=Case(When(was_cancelled, then=False), default=True),
        closed_on=Case(When(was_cancelled, then=nothing), default=Value(undone.happened_on), output_field=DateField()),
        cancelled_in=Case(When(was_cancelled, then=nothing), default=Value(undone.pk), output_field=BigIntegerField()),
        remind_at=None,
        **COUNTED,
    )
    if wrong.salesperson_id != undone.salesperson_id:
        sold = _along(wrong, Along.Kind.SALESPERSON).filter(salesperson=wrong.salesperson_id)
        sold.update(salesperson=undone.salesperson_id, **COUNTED)
    if wrong.contact_id != undone.contact_id:
        about = _along(wrong, Along.Kind.CONTACT).filter(contact=wrong.contact_id)
        about.update(contact=undone.contact_id, company=undone.company_id, **COUNTED)


def _along(entry: Any, kind: str) -> Any:
    return Task.objects.open().filter(pk__in=Along.objects.filter(entry=entry.pk, kind=kind).values("task"))


def follow(before: Any, again: Any) -> None:
    """A step stands again as another entry: what it did to tasks is of that one now."""
    made, cancelled = Q(entry=before.pk), Q(cancelled_in=before.pk)
    Task.objects.filter(made | cancelled, opportunity=before.opportunity_id).update(
        entry=Case(When(made, then=Value(again.pk)), default=F("entry"), output_field=BigIntegerField()),
        cancelled_in=Case(
            When(cancelled, then=Value(again.pk)), default=F("cancelled_in"), output_field=BigIntegerField()
        ),
    )
    Along.objects.filter(entry=before.pk).update(entry=again.pk)


def correct_day(wrong: Any, corrected: Any) -> None:
    """The step happened on another day: its untouched tasks count from there, and all of them belong to the corrected step."""
    moved = list(Task.objects.filter(UNTOUCHED, entry=wrong.pk).select_related("activity_step"))
    for task in moved:
        task.due_on = due_on(task.activity_step.date_formula if task.activity_step else "", corrected.happened_on)
    if moved:
        Task.objects.bulk_update(moved, ["due_on"])
    Task.objects.filter(cancelled_in=wrong.pk).update(closed_on=corrected.happened_on)
    follow(wrong, corrected)


def hand_over(entry: Any, *, former: int | None, former_contact: int) -> int:
    """Open tasks of the opportunity that are the former salesperson's go to who has it by this step (R-CHG-SP), those about the
    former contact to the new one (R-CHG-CON). Returns how many, each change counted."""
    rows, count = Task.objects.open().filter(opportunity=entry.opportunity_id), 0
    if former is not None and former != entry.salesperson_id:
        count += _take_along(
            entry, Along.Kind.SALESPERSON, rows.filter(salesperson=former), salesperson=entry.salesperson_id
        )
    if former_contact != entry.contact_id:
        values = {"contact": entry.contact_id, "company": entry.company_id}
        count += _take_along(entry, Along.Kind.CONTACT, rows.filter(contact=former_contact), **values)
    return count


def _take_along(entry: Any, kind: str, tasks: Any, **values: int) -> int:
    keys = list(tasks.values_list("pk", flat=True))
    if keys:
        Task.objects.filter(pk__in=keys).update(**values, **COUNTED)
        Along.objects.bulk_create(Along(entry_id=entry.pk, task_id=key, kind=kind) for key in keys)
    return len(keys)


def follow_merge(keys: Sequence[int], **values: int) -> None:
    """Contact and company of these tasks, which a merge of contacts, or taking one back, holds and changes."""
    if keys:
        Task.objects.filter(pk__in=keys).update(**values, version=F("version") + 1)


def stay_with_company(person: Contact, company: Contact, *, on: datetime.date, by: User | None) -> int:
    """What is to be done about a person with `company`, which the person leaves, is to be done about the company from now on
    (R-CON-MOVE). Where the company may not be used any more it keeps the person. Returns 0: no opportunity stayed behind for it."""
    if company.is_usable:
        left = Task.objects.open().filter(contact=person, company=company)
        left.update(contact=company, version=F("version") + 1)
    return 0
