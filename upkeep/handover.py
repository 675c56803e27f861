"""Somebody leaves: what the person has, handing it over to others, and taking that back.

`KINDS` is the one table of what a salesperson has. A run takes at most `AT_ONCE` rows in one transaction: opportunities by the
bulk machinery and its verb, tasks and contacts by theirs. The preview is the run, rolled back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collaboration.notify import assigned
from contacts import lifecycle as contacts
from contacts.codes import Territory
from contacts.models import Contact
from crm.lib.races import Busy, is_busy
from opportunities import bulk
from opportunities.bulk import AT_ONCE, by_reason
from opportunities.lifecycle import UNDO_WITHIN
from opportunities.models import Batch, Opportunity
from salespeople.models import Company, Membership, Salesperson, User
from tasks import lifecycle as tasks
from tasks.models import Task
from upkeep.handover_models import Handed, Handover, HandoverRun

Key = tuple[str, int]
Chosen = Mapping[Key, Salesperson]
TAKEN = gettext_lazy("It is no longer this salesperson's.")


class AlreadyRun(Exception):
    """This very preview was run before."""

    def __init__(self, run: HandoverRun) -> None:
        super().__init__(f"run already as {run.pk}")
        self.run = run


class Kind(NamedTuple):
    """Something that a salesperson has. `rows` are those that the user sees, by ascending key; what `moves` is handed over, the
    rest is only named."""

    name: str
    label: str | Promise
    rows: Callable[[Salesperson, User], QuerySet[Any]]
    moves: bool = True


def _opportunities(salesperson: Salesperson, user: User) -> QuerySet[Any]:
    visible = Opportunity.objects.visible_to(user).open().filter(salesperson=salesperson)
    return visible.with_names().select_related(*_of("contact__")).order_by("pk")


def _tasks(salesperson: Salesperson, user: User) -> QuerySet[Any]:
    """A team's stay: the other members have them."""
    visible = Task.objects.visible_to(user).open().filter(salesperson=salesperson)
    return visible.select_related("opportunity__salesperson", "contact", *_of("contact__")).order_by("pk")


def _contacts(salesperson: Salesperson, user: User) -> QuerySet[Any]:
    visible = Contact.objects.visible_to(user).filter(salesperson=salesperson, archived=False)
    return visible.select_related(*_of("")).order_by("pk")


def _of(contact: str) -> list[str]:
    return [f"{contact}{name}" for name in ("salesperson", "territory", "company", "company__salesperson")]


def _territories(salesperson: Salesperson, user: User) -> QuerySet[Any]:
    return Territory.objects.filter(salespeople=salesperson).order_by("pk")


def _memberships(salesperson: Salesperson, user: User) -> QuerySet[Any]:
    return Membership.objects.filter(salesperson=salesperson).select_related("team").order_by("team__name")


KINDS = (
    Kind("opportunities", gettext_lazy("Open opportunities"), _opportunities),
    Kind("tasks", gettext_lazy("Open tasks"), _tasks),
    Kind("contacts", gettext_lazy("Contacts"), _contacts),
    Kind("territories", gettext_lazy("Territories"), _territories),
    Kind("memberships", gettext_lazy("Teams"), _memberships, moves=False),
)


def next_rows(salesperson: Salesperson, user: User, kinds: Iterable[str], passed: Iterable[Key] = ()) -> list[Any]:
    """Kind and row of the next ones to be handed over, at most `AT_ONCE`; without those that were `passed` over."""
    found: list[Any] = []
    for kind in KINDS:
        if kind.moves and kind.name in kinds and len(found) < AT_ONCE:
            skip = [key for name, key in passed if name == kind.name]
            rows = kind.rows(salesperson, user).exclude(pk__in=skip)[: AT_ONCE - len(found)]
            found += [(kind.name, row) for row in rows]
    return found


@dataclass
class Line:
    """What became, or would become, of a row: it went `to` somebody, or it stays and `why`."""

    kind: str
    row: Any
    to: Salesperson | None
    why: str = ""
    values: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))  # of an opportunity: estimated, weighted


@dataclass
class Outcome:
    lines: list[Line] = field(default_factory=list)
    run: HandoverRun | None = None

    @cached_property
    def handed(self) -> list[Line]:
        return [line for line in self.lines if line.to and not line.why]

    @cached_property
    def refused(self) -> list[Line]:
        return [line for line in self.lines if line.why]

    @property
    def reasons(self) -> list[tuple[str, list[Line]]]:
        return by_reason(self.refused)

    @property
    def by_person(self) -> list[dict[str, Any]]:
        """To each: how many of each kind, and estimated and weighted value."""
        found: dict[int, dict[str, Any]] = {}
        for line in self.handed:
            assert line.to
            told = found.setdefault(
                line.to.pk,
                {
                    "to": line.to,
                    "value": Decimal(0),
                    "weighted": Decimal(0),
                    **dict.fromkeys((k.name for k in KINDS), 0),
                },
            )
            told[line.kind] += 1
            told["value"] += line.values[0]
            told["weighted"] += line.values[1]
        return sorted(found.values(), key=lambda told: told["to"].name)


def preview(user: User, leaver: Salesperson, seen: Mapping[Key, int], chosen: Chosen, reason: str = "") -> Outcome:
    """What the run would do: it is made and rolled back. Raises Busy."""
    with transaction.atomic():
        outcome = _hand_over(user, leaver, seen, chosen, reason, None)
        connection.check_constraints()  # what a run would hear of at its commit
        transaction.set_rollback(True)
    return outcome


def run(
    user: User,
    leaver: Salesperson,
    seen: Mapping[Key, int],
    chosen: Chosen,
    *,
    token: UUID,
    reason: str = "",
    handover: Handover | None = None,
) -> Outcome:
    """`seen` are the rows, opportunities and tasks with the version of the preview; `chosen` says whose each will be. Where nothing
    changes, nothing is written. Raises Busy, AlreadyRun (of the same token)."""
    with transaction.atomic():
        handover = handover or Handover.objects.create(salesperson=leaver, by=user)
        made = _begun(HandoverRun(handover=handover, by=user, token=token))
        outcome = _hand_over(user, leaver, seen, chosen, reason, made)
        if outcome.handed:
            outcome.run = made
        else:
            transaction.set_rollback(True)
    return outcome


def _begun(made: HandoverRun) -> HandoverRun:
    """The second of two equal runs waits here for the end of the first."""
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        first = HandoverRun.objects.filter(token=made.token, by=made.by).first()
        if first is None:
            raise
        raise AlreadyRun(first) from error
    except OperationalError as error:
        _wait(error)
    return made


def _wait(error: OperationalError) -> None:
    if is_busy(error):
        raise Busy from error
    raise error


def _hand_over(
    user: User, leaver: Salesperson, seen: Mapping[Key, int], chosen: Chosen, reason: str, made: HandoverRun | None
) -> Outcome:
    """Opportunities first, then tasks, contacts and territories, each by ascending key: two runs cannot wait for each other.
    Tasks are read before, since who hands an opportunity over may not see it any more."""
    bulk.refuse_too_many(len(seen))
    visible = Task.objects.visible_to(user).filter(pk__in=_keys("tasks", seen, chosen))
    to_do = list(visible.select_related("opportunity").order_by("pk"))
    lines = _hand_opportunities(user, leaver, seen, chosen, reason, made)
    try:
        lines += _hand_tasks(user, leaver, to_do, seen, chosen, made)
        lines += _hand_contacts(user, leaver, _keys("contacts", seen, chosen), chosen, made)
        lines += _hand_territories(leaver, _keys("territories", seen, chosen), chosen, made)
    except OperationalError as error:
        _wait(error)
    return Outcome(lines)


def _keys(kind: str, seen: Mapping[Key, int], chosen: Chosen) -> list[int]:
    return sorted(key for name, key in seen if name == kind and (name, key) in chosen)


def _hand_opportunities(
    user: User, leaver: Salesperson, seen: Mapping[Key, int], chosen: Chosen, reason: str, made: HandoverRun | None
) -> list[Line]:
    kind = "opportunities"
    keys = _keys(kind, seen, chosen)
    if not keys:
        return []
    to = {key: chosen[kind, key] for key in keys}
    values = {"to": to, "on": Company.current().today(), "reason": reason}
    versions = {key: seen[kind, key] for key in keys}
    if made is None:
        outcome = bulk.preview(user, versions, Batch.Verb.REASSIGN, values)
    else:
        asked = [(_("Handover of"), leaver.name), *([("reason", reason)] if reason else [])]
        outcome = bulk.run(user, versions, Batch.Verb.REASSIGN, values, asked=asked)
        HandoverRun.objects.filter(pk=made.pk).update(batch=outcome.batch)
        made.batch = outcome.batch
    return [
        Line(
            kind,
            row.before,
            to[row.before.pk],
            row.why or (_("Nothing was changed.") if row.is_unchanged else ""),
            (row.before.estimated_value or Decimal(0), row.before.calculated_value or Decimal(0)),
        )
        for row in outcome.rows
    ]


def _hand_tasks(
    user: User,
    leaver: Salesperson,
    rows: Iterable[Task],
    seen: Mapping[Key, int],
    chosen: Chosen,
    made: HandoverRun | None,
) -> list[Line]:
    """An opportunity that goes takes none along: every task is a row of its own."""
    lines, handed = [], []
    for row in rows:
        line = Line("tasks", row, chosen["tasks", row.pk])
        lines.append(line)
        line.why, version = _hand_task(user, leaver, row, seen["tasks", row.pk], line.to)
        if not line.why:
            handed.append(Handed(run=made, kind=Handed.Kind.TASK, key=row.pk, to=line.to, version=version))
    if made:
        Handed.objects.bulk_create(handed)
        for to in dict.fromkeys(row.to_id for row in handed):
            given = [row.key for row in handed if row.to_id == to]
            assigned("task", given[0], by=user, salesperson=to, count=len(given))
    return lines


def _hand_task(user: User, leaver: Salesperson, row: Task, seen: int, to: Salesperson | None) -> tuple[str, int]:
    """Why it stays, else the version that it has now."""
    if row.salesperson_id != leaver.pk:
        return str(TAKEN), 0
    if not user.has_perm("tasks.change_task") or row.is_fixed_for(user):
        return _("It is not yours to change."), 0
    try:
        now = tasks.reassign(row, version=seen, salesperson=to, on=Company.current().today(), by=user, is_told=False)
    except tasks.Stale:
        return _("Somebody changed it meanwhile."), 0
    except ValidationError as refusal:
        return " ".join(dict.fromkeys(refusal.messages)), 0
    return "", now.version


def _hand_contacts(
    user: User, leaver: Salesperson, keys: list[int], chosen: Chosen, made: HandoverRun | None
) -> list[Line]:
    """All are locked before the first is written. People of a company who follow it (R-CON-PROP) are remembered too."""
    visible = Contact.objects.visible_to(user).filter(pk__in=keys).order_by("pk")
    held = list(visible.select_for_update(no_key=True, of=("self",)))
    followers = Contact.objects.filter(company__in=[row.pk for row in held], salesperson=leaver)
    before = {row.pk for row in held if row.salesperson_id == leaver.pk} | set(followers.values_list("pk", flat=True))
    lines = [_hand_contact(user, leaver, row, chosen["contacts", row.pk]) for row in held]
    if made and before:
        now = Contact.objects.filter(pk__in=before).exclude(salesperson=leaver).values_list("pk", "salesperson")
        Handed.objects.bulk_create(
            Handed(run=made, kind=Handed.Kind.CONTACT, key=key, to_id=to) for key, to in now.order_by("pk")
        )
    return lines


def _hand_contact(user: User, leaver: Salesperson, row: Contact, to: Salesperson) -> Line:
    line = Line("contacts", row, to)
    if row.salesperson_id != leaver.pk:
        line.why = str(TAKEN)
    elif not row.may_be_changed_by(user):
        line.why = _("It is not yours to change.")
    else:
        try:
            with transaction.atomic():
                contacts.change(row, by=user, on=Company.current().today(), salesperson=to)
        except ValidationError as refusal:
            line.why = " ".join(dict.fromkeys(refusal.messages))
    return line


def _hand_territories(leaver: Salesperson, keys: list[int], chosen: Chosen, made: HandoverRun | None) -> list[Line]:
    lines = []
    for row in Territory.objects.filter(pk__in=keys).order_by("pk").select_for_update():
        line = Line("territories", row, chosen["territories", row.pk])
        lines.append(line)
        assert line.to
        covering = set(row.salespeople.values_list("pk", flat=True))
        if leaver.pk not in covering:
            line.why = str(TAKEN)
        elif not line.to.is_usable:
            line.why = _("%(salesperson)s is blocked and cannot be chosen.") % {"salesperson": line.to}
        else:
            row.salespeople.remove(leaver)
            row.salespeople.add(line.to)
            if made:
                to = None if line.to.pk in covering else line.to
                Handed.objects.create(run=made, kind=Handed.Kind.TERRITORY, key=row.pk, to=to)
    return lines


# ── taking it back ───────────────────────────────────────────────────────────────────────────────────────────────────


def can_be_undone(user: User, made: HandoverRun) -> bool:
    """For 24 hours, by who may hand over; rows that were changed since stay as they are."""
    young = timezone.now() - made.made_at < UNDO_WITHIN
    return young and made.undone_at is None and user.has_perm("upkeep.add_handover")


def undo(user: User, made: HandoverRun) -> tuple[int, int]:
    """Every row of the run that nothing followed, back to the one who had it. How many went back, and how many stayed. Raises
    Busy; a second one finds nothing to do."""
    try:
        with transaction.atomic():
            locked = HandoverRun.objects.select_for_update(of=("self",)).select_related(
                "batch", "handover__salesperson"
            )
            made = locked.get(pk=made.pk)
            if made.undone_at is not None:
                return 0, 0
            leaver = made.handover.salesperson
            back, stayed = _undo_opportunities(user, made)
            rows = made.handed.select_related("to")
            for handed in sorted(rows, key=lambda row: (list(UNDO).index(row.kind), row.key)):
                gone = UNDO[handed.kind](user, leaver, handed)
                back, stayed = back + gone, stayed + (not gone)
            if back:
                HandoverRun.objects.filter(pk=made.pk).update(undone_at=timezone.now())
    except OperationalError as error:
        _wait(error)
    return back, stayed


def _undo_opportunities(user: User, made: HandoverRun) -> tuple[int, int]:
    if made.batch is None:
        return 0, 0
    outcome = bulk.undo(user, made.batch)
    return len(outcome.changed), len(outcome.rows) - len(outcome.changed) + outcome.gone


def _undo_task(user: User, leaver: Salesperson, handed: Handed) -> bool:
    row = Task.objects.visible_to(user).filter(pk=handed.key).select_related("opportunity").first()
    if row is None or handed.version is None or not user.has_perm("tasks.change_task") or row.is_fixed_for(user):
        return False
    try:
        tasks.give_back(row, version=handed.version, salesperson=leaver, on=Company.current().today(), by=user)
    except (tasks.Stale, ValidationError):
        return False
    return True


def _undo_contact(user: User, leaver: Salesperson, handed: Handed) -> bool:
    """It goes back as it was, also to somebody who is blocked by now."""
    visible = Contact.objects.visible_to(user).filter(pk=handed.key, salesperson=handed.to_id)
    row = visible.select_for_update(no_key=True, of=("self",)).first()
    if row is None or not row.may_be_changed_by(user):
        return False
    row.salesperson = leaver
    row.save(update_fields=["salesperson"])
    return True


def _undo_territory(user: User, leaver: Salesperson, handed: Handed) -> bool:
    row = Territory.objects.filter(pk=handed.key).select_for_update().first()
    if row is None or (handed.to and not row.salespeople.filter(pk=handed.to.pk).exists()):
        return False
    row.salespeople.add(leaver)
    if handed.to:
        row.salespeople.remove(handed.to)
    return True


# in the order in which a run locks them
UNDO: dict[str, Callable[[User, Salesperson, Handed], bool]] = {
    Handed.Kind.TASK: _undo_task,
    Handed.Kind.CONTACT: _undo_contact,
    Handed.Kind.TERRITORY: _undo_territory,
}
