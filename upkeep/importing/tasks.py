"""Rows become tasks, by the verbs of tasks alone: open ones, and such as are over."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from collaboration.lifecycle import history
from contacts.models import Contact
from crm.lib import date_formula
from salescycles.models import TaskKind
from salespeople.models import Salesperson, User
from tasks import lifecycle
from tasks.lifecycle import CHANGED_BY_FORM, Taking
from tasks.models import Attendee, Status, Task
from upkeep.importing import activities
from upkeep.importing.activities import day_of, time_of
from upkeep.importing.linking import Unknown, World, parts
from upkeep.importing.rows import Taken, Verdict, as_json, differing, external_key, hidden

PLAIN = ("description", "location", "interval", "outcome", "all_day", "starts_at", "duration")
WORDS = {
    "kind": "task_type",
    "priority": "task_priority",
    "recurs_from": "recurs_from",
    "reminder": "reminder",
}
LINKED = {"salesperson": "salesperson", "team": "team", "completed_by": "salesperson"}
TAKE_PART = ("organizer", "people", "guests", "optional")
ENDED = ("closed_on", "cancelled", "completed_by")
CHANGED = (*CHANGED_BY_FORM, "outcome", *ENDED)
CANCELLED = "cancelled"  # what a file says for a status

look_up = activities.look_up


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError, Stale."""
    key = external_key(given)
    there = _there(world, key)
    if there is None and world.dry and key in world.coming:
        return Taken(Verdict.UPDATED, label=key)
    values = _values(world, given, there)
    with history(world.user):
        taken = _change(world, there, values) if there else _create(world, values)
    world.name(key, taken.key)
    return taken._replace(label=key or taken.label)


def _there(world: World, key: str) -> Task | None:
    """Raises ValidationError."""
    if world.options.get("key") != "external_key" or key not in world.keys:
        return None
    there = Task.objects.visible_to(world.user).select_related("opportunity").filter(pk=world.keys[key]).first()
    if there is None or there.is_fixed_for(world.user):
        raise hidden()
    return there


# ── the row as the verbs are asked ───────────────────────────────────────────────────────────────────────────────────


def _values(world: World, given: dict[str, Any], there: Task | None) -> dict[str, Any]:
    """By fields of a task, as far as the row says them. Raises ValidationError."""
    values = {name: given[name] for name in PLAIN if name in given} | activities.about(world, given)
    values |= {name: world.worded(kind, given[name]) for name, kind in WORDS.items() if name in given}
    values |= {name: world.one(field, given[name]) for name, field in LINKED.items() if name in given}
    if "interval" in values:
        values["interval"] = _interval(values["interval"])
    if "salesperson" in values or "team" in values:
        values = {"salesperson": None, "team": None} | values
    if "due_on" in given:
        values["due_on"] = day_of(given["due_on"])
    if values.get("kind", there.kind if there else "") == TaskKind.MEETING and not values.get("all_day"):
        starts_at = values.get("starts_at") or time_of(given.get("due_on"))
        usual: dict[str, Any] = {} if there or "all_day" in given else {"all_day": True}
        values |= {"starts_at": starts_at} if starts_at else usual
    if any(name in given for name in TAKE_PART):
        values["attendees"] = _attendees(world, given, there)
    ended = _ended(world, given, there)
    if "closed_on" not in ended:
        values.pop("completed_by", None)
    return values | ended


def _attendees(world: World, given: dict[str, Any], there: Task | None) -> list[Taking]:
    """Those who take part already, and whom the row names beside them. Raises Unknown."""
    role = Attendee.Role
    known = there.attendees.select_related("salesperson", "contact") if there else ()
    roles: dict[Salesperson | Contact, str] = {one.salesperson or one.contact: one.role for one in known}  # type: ignore[misc]
    for name in ("people", "guests", "optional"):
        for one in parts(given.get(name, ""), lambda some: _who(world, some) is not None):
            who = _who(world, one, ours=name != "guests")
            if who is None:
                raise Unknown("salesperson" if name == "people" else "contact", one)
            usual = role.OPTIONAL if name == "optional" else roles.get(who, role.REQUIRED)
            roles[who] = role.ORGANIZER if roles.get(who) == role.ORGANIZER else usual
    if "organizer" in given:
        roles = {who: role.REQUIRED if was == role.ORGANIZER else was for who, was in roles.items()}
        roles[world.one("salesperson", given["organizer"])] = role.ORGANIZER
    return [Taking(who, was) for who, was in roles.items()]


def _who(world: World, said: str, *, ours: bool = True) -> Salesperson | Contact | None:
    """One of us, else a contact."""
    try:
        if ours:
            found: Salesperson = world.one("salesperson", said)
            return found
    except Unknown:
        pass
    try:
        return activities.contact(world, "contact", said)
    except Unknown:
        return None


def _interval(said: str) -> str:
    """Raises ValidationError."""
    interval = date_formula.normalise(said)
    try:
        date_formula.validate(interval)
    except ValidationError as refused:
        raise ValidationError({"interval": refused}) from refused
    return interval


def _ended(world: World, given: dict[str, Any], there: Task | None) -> dict[str, Any]:
    """Its status, and when and how it ended, if it did. Raises ValidationError."""
    said = world.worded("task_status", given["status"]) if "status" in given else ""
    cancelled = bool(given.get("cancelled")) or said == CANCELLED
    found: dict[str, Any] = {"status": said} if said not in ("", CANCELLED, Status.COMPLETED) else {}
    if cancelled and said == Status.COMPLETED:
        raise ValidationError({"status": _("It was completed or cancelled, not both.")})
    if not (cancelled or said == Status.COMPLETED or ("closed_on" in given and not said)):
        if "closed_on" in given:
            text = _("It says when the task was closed, but not whether it was completed or cancelled.")
            raise ValidationError({"closed_on": text})
        return found
    due_on = day_of(given.get("due_on"))
    past = due_on if due_on and due_on <= world.today else world.today
    closed_on = day_of(given.get("closed_on")) or (there.closed_on if there else None) or past
    return found | {"closed_on": closed_on, "cancelled": cancelled}


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _create(world: World, values: dict[str, Any]) -> Taken:
    values = {"due_on": values.get("closed_on"), **values}  # nothing is invented: an open one without a date is refused
    if not values.get("salesperson") and not values.get("team"):
        values["salesperson"] = _usual_owner(world, values)
    if "closed_on" not in values:
        _refuse_elsewhere(values)
    task = lifecycle.record(by=world.user, on=world.today, **values)
    return Taken(Verdict.CREATED, task.pk, task.description)


def _usual_owner(world: World, values: dict[str, Any]) -> Salesperson | None:
    """R-TASK-DEF: of the opportunity, of the contact, one's own."""
    known = [values[name].salesperson for name in ("opportunity", "contact") if values.get(name)]
    return next((one for one in (*known, world.user.salesperson) if one and one.is_usable), None)


def _refuse_elsewhere(values: dict[str, Any]) -> None:
    """What is to be done is with the company where the contact is now."""
    contact: Contact | None = values.get("contact")
    company: Contact | None = values.get("company")
    if contact and company and contact.account_id != company.pk:
        text = _("%(contact)s does not belong to this company.")
        raise ValidationError({"company": ValidationError(text, code="company", params={"contact": contact})})


def _change(world: World, there: Task, values: dict[str, Any]) -> Taken:
    """What differs; then it is completed or cancelled, if the file says so. What is over here already stays as it is."""
    changes = {name: value for name, value in values.items() if name in CHANGED and _differs(there, name, value)}
    taking = {(one.who, one.role) for one in values.get("attendees", ())}
    known = there.attendees.select_related("salesperson", "contact")
    if taking - {(one.salesperson or one.contact, one.role) for one in known}:
        changes["attendees"] = values["attendees"]
    if not changes:
        return Taken(Verdict.UNCHANGED, there.pk, there.description)
    before = state(there)
    told = {name: value for name, value in changes.items() if name not in ENDED}
    closes = there.is_open and "closed_on" in changes
    if closes and "outcome" in told:
        del told["outcome"]
    if told or not closes:
        _refuse_elsewhere({"contact": there.contact} | values)
        there = lifecycle.change(there, version=there.version, by=world.user, on=world.today, **told)
    if closes:
        there = _close(world, there, values)
    after = state(there)
    was = differing(before, after)
    return Taken(Verdict.UPDATED, there.pk, there.description, before=was)


def _close(world: World, there: Task, values: dict[str, Any]) -> Task:
    """Nothing follows it: the file says that too."""
    how: dict[str, Any] = {"by": world.user, "on": values["closed_on"], "comes_again": False}
    how["outcome"] = values.get("outcome", there.outcome)
    if values["cancelled"]:
        return lifecycle.cancel(there, version=there.version, **how).task
    done_by = values.get("completed_by") or there.salesperson
    return lifecycle.complete(there, version=there.version, completed_by=done_by, **how).task


def _differs(there: Task, name: str, value: Any) -> bool:
    stands = getattr(there, name)
    return bool(stands != (value.strip() if isinstance(value, str) else value))


# ── what stood there ─────────────────────────────────────────────────────────────────────────────────────────────────


def state(task: Task) -> dict[str, Any]:
    """As JSON holds it."""
    told: dict[str, Any] = {name: getattr(task, _field(name).attname) for name in (*CHANGED, "company")}
    told["attendees"] = [[one.salesperson_id, one.contact_id, one.role] for one in task.attendees.order_by("pk")]
    return as_json(told)


def put_back(task: Task, was: dict[str, Any], *, by: User) -> None:
    """What `state` told before."""
    values: dict[str, Any] = {}
    for name in was.keys() - {"attendees"}:
        field = _field(name)
        values[name] = field.to_python(was[name])
        if field.related_model:
            values[name] = field.related_model._base_manager.filter(pk=was[name]).first()
    if "attendees" in was:
        values["attendees"] = [
            Taking(Salesperson.objects.get(pk=one) if one else Contact.objects.get(pk=guest), role)
            for one, guest, role in was["attendees"]
        ]
    lifecycle.put_back(task, version=task.version, by=by, **values)


def _field(name: str) -> Any:
    return Task._meta.get_field(name)
