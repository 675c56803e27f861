"""The verbs: the one room for every change of an opportunity.

Each verb takes keyword-only values. `version` is the version that the person looked at and is compared first; `on` is
the business date of the step, not before the last step and not after today in the company's time zone; `by` is the user
(None: the system). Each returns the new ledger entry. A refusal is a `ValidationError` keyed by field, with the error
code of domain B.13; somebody else's faster change raises `Stale`. Read the opportunity again after a verb.
"""

import datetime
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from copy import copy
from decimal import Decimal
from functools import partial, wraps
from itertools import groupby
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collaboration import lifecycle as collaboration
from collaboration.lifecycle import history
from collaboration.models import Attachment, ContactRole, Involvement, Tag
from collaboration.notify import assigned, shared
from contacts.models import Contact
from crm.lib.guard import Guard
from crm.lib.numbers import give_numbers, next_keys, next_number, next_numbers
from crm.lib.priority import Priority
from crm.lib.races import is_busy, refused_by
from opportunities import moves as ways
from opportunities.estimates import (
    KEEP,
    NOTHING_ASKED,
    Asked,
    Keep,
    check,
    check_chances,
    figures,
    proposed_closing,
    rounded,
)
from opportunities.gates import OVERRIDE, Facts, Gate, Mover, Unmet, of_facts
from opportunities.models import TRACKED, Action, Batch, Door, Opportunity, OpportunityEntry, Status
from quotes.models import Quote
from salescycles.models import CloseCode, Competitor, SalesCycle, Source, Stage
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle as tasks

P = ParamSpec("P")
R = TypeVar("R")
MERGED = "an_open_opportunity_names_no_merged_contact"  # migration 0012
UNDO_WITHIN = datetime.timedelta(hours=24)
# set by who takes steps that stand or fall together, within a savepoint of its own: none of them needs one more
together: ContextVar[bool] = ContextVar("together", default=False)
NOT_BY_HAND = (Door.BULK, Door.IMPORT, Door.COMMAND)  # tell nobody


class How(TypedDict, total=False):
    """How a step comes in. An import or a seed may give `recorded_at`; `imported_at` then says when it arrived."""

    door: str
    batch: Batch | None
    recorded_at: datetime.datetime
    imported_at: datetime.datetime


class Stale(Exception):
    """Someone was faster: the opportunity is no longer what the person looked at."""

    def __init__(self, pk: int, seen: int) -> None:
        super().__init__(f"opportunity {pk} has changed since version {seen}")
        self.pk, self.seen = pk, seen

    def since(self) -> list[OpportunityEntry]:
        """The steps taken since, oldest first."""
        entries = OpportunityEntry.objects.filter(opportunity=self.pk, step__gt=self.seen)
        return list(entries.select_related("by", "stage", "salesperson").order_by("step"))


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────

AT_ONCE = 100  # keys that are drawn together
# verbs that ask nothing of the ledger but its last entry
GATHERED = ("create", "start", "move", "revise", "edit", "reassign", "close")


class Gathered:
    """New opportunities and their ledgers, which wait to be written together. Who takes in many sets it as `gathering`: the verbs
    then ask all that they ever ask, and hand in what they would write. What the database refuses at `write` it refuses of all; who
    gathers takes them one by one then. `numbers` draws so many."""

    def __init__(self, numbers: Callable[[int], list[str]] | None = None) -> None:
        self.numbers = numbers or partial(next_numbers, Opportunity, "OP")
        self.keys = next_keys(Opportunity, AT_ONCE)
        self.waiting: dict[int, tuple[Opportunity, list[OpportunityEntry]]] = {}
        # steps with the activity whose tasks they make; without one they cancel what was open
        self.plans: list[tuple[OpportunityEntry, int | None]] = []
        self._now: datetime.datetime | None = None
        self.begin()

    def begin(self) -> None:
        """Something is done that may be refused as a whole."""
        self._known = len(self.waiting), len(self.plans)
        self.resumed: list[tuple[int, Opportunity, OpportunityEntry, int]] = []

    def forget(self) -> None:
        """All is as it was when that began."""
        rows, plans = self._known
        for key in list(self.waiting)[rows:]:
            del self.waiting[key]
        del self.plans[plans:]
        for key, before, current, steps in self.resumed:
            opportunity, ledger = self.waiting[key]
            opportunity.__dict__ = before.__dict__
            del ledger[steps:]
            ledger[-1].until, ledger[-1].replaced_at = current.until, current.replaced_at

    def resume(self, key: int) -> Opportunity:
        """One that waits, to go on with."""
        opportunity, ledger = self.waiting[key]
        self.resumed.append((key, copy(opportunity), copy(ledger[-1]), len(ledger)))
        return opportunity

    def add(self, opportunity: Opportunity) -> None:
        known: Any = opportunity
        known.pk, known.has_current_quote, known.has_document = next(self.keys), False, False
        self.waiting[known.pk] = opportunity, []

    def ledger(self, opportunity: Opportunity) -> list[OpportunityEntry]:
        return self.waiting[opportunity.pk][1]

    def has_number(self, number: str) -> bool:
        return any(opportunity.number == number for opportunity, _ledger in self.waiting.values())

    def now(self) -> datetime.datetime:
        """By the clock of the database, each time a little later: a ledger is in order."""
        if self._now is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT statement_timestamp()")
                self._now = cursor.fetchone()[0]
        assert self._now
        self._now += datetime.timedelta(microseconds=1)
        return self._now

    def write(self) -> None:
        """Raises IntegrityError."""
        present = [opportunity for opportunity, _ledger in self.waiting.values()]
        give_numbers(present, self.numbers)
        Opportunity.objects.bulk_create(present)
        OpportunityEntry.objects.bulk_create(entry for _present, ledger in self.waiting.values() for entry in ledger)
        for cancels, plans in groupby(self.plans, key=lambda plan: plan[1] is None):
            if cancels:
                for entry, _activity in plans:
                    tasks.cancel_of(entry)
            else:
                tasks.make_of_stages((entry, activity) for entry, activity in plans if activity)
        self.waiting, self.plans = {}, []
        self.begin()


gathering: ContextVar[Gathered | None] = ContextVar("opportunities_gathering", default=None)


def _gathered(key: int) -> Gathered | None:
    """Where the opportunity of that key waits."""
    gathered = gathering.get()
    return gathered if gathered and key in gathered.waiting else None


def _is_gathered(name: str, args: Any, tasks_too: Any) -> bool:
    """Whether the verb writes nothing. One that reads more of the ledger, or of tasks, has it written first."""
    gathered = _gathered(args[0].pk) if args else gathering.get()
    if gathered and (name not in GATHERED or tasks_too):
        gathered.write()
        return False
    return gathered is not None


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """One transaction; a lock that is not to be had in time, or a deadlock, answers like a lost race. A contact that was
    merged while the verb ran is refused like one that was merged before."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if gathering.get() and _is_gathered(getattr(function, "__name__", ""), args, kwargs.get("tasks_too")):
            return function(*args, **kwargs)
        try:
            with transaction.atomic(savepoint=not together.get()):
                return function(*args, **kwargs)
        except IntegrityError as error:
            if refused_by(error) == MERGED:
                said = _("Its contact was merged with another one: choose that one, or take a new step.")
                raise ValidationError({"contact": ValidationError(said, code="merged")}) from error
            raise
        except OperationalError as error:
            if is_busy(error) and args:
                raise Stale(args[0].pk, kwargs.get("version", 0)) from error  # type: ignore[attr-defined, arg-type]
            raise

    return run


# ── what the guards ask ──────────────────────────────────────────────────────────────────────────────────────────────


def stages_of(opportunity: Opportunity) -> list[Stage]:
    return list(opportunity.sales_cycle.stages.all()) if opportunity.sales_cycle else []


def has_quote(opportunity: Opportunity, stages: list[Stage]) -> bool:
    """Whether there is a current quote; asked of the database only when one of `stages` requires one."""
    if not any(stage.quote_required for stage in stages):
        return False
    known: bool | None = getattr(opportunity, "has_current_quote", None)
    return Quote.objects.current().filter(opportunity=opportunity.pk).exists() if known is None else known


def has_document(opportunity: Opportunity, stages: list[Stage]) -> bool:
    """Whether a file is attached; asked of the database only when one of `stages` requires it."""
    if not any(stage.document_required for stage in stages):
        return False
    known: bool | None = getattr(opportunity, "has_document", None)
    return Attachment.objects.standing().filter(opportunity=opportunity.pk).exists() if known is None else known


def is_person(opportunity: Opportunity, stages: list[Stage]) -> bool:
    """Whether the contact is a person; looked at only when one of `stages` requires it."""
    if opportunity.contact_id != opportunity.company_id:
        return True
    return any("contact" in stage.required_fields for stage in stages) and not opportunity.contact.is_company


def facts_of(opportunity: Opportunity, stages: list[Stage], asked: Asked = NOTHING_ASKED) -> Facts:
    """What gates ask of the opportunity; `asked` is what the move itself brings."""
    cycle = opportunity.sales_cycle
    keeps = opportunity.chances_are_manual and (opportunity.is_not_started or not (cycle and cycle.stage_decides))
    value = opportunity.estimated_value if asked.estimated_value is KEEP else asked.estimated_value
    assert not isinstance(value, Keep)
    return Facts(
        source=opportunity.source_id is not None,
        competitor=opportunity.competitor_id is not None,
        contact=is_person(opportunity, stages),
        chances=keeps if asked.chances in (KEEP, None) else True,
        quote=opportunity.is_in_progress and has_quote(opportunity, stages),
        document=has_document(opportunity, stages),
        value=value,
    )


def moves(
    opportunity: Opportunity,
    stages: list[Stage] | None = None,
    *,
    by: User | None = None,
    asked: Asked = NOTHING_ASKED,
) -> list[ways.Move]:
    """The moves of this opportunity, open or refused with the reason (domain B.5). `by`: whose roles count."""
    stages = stages_of(opportunity) if stages is None else stages
    return ways.moves(
        status=opportunity.status,
        stage_id=opportunity.stage_id,
        stages=stages,
        facts=facts_of(opportunity, stages, asked) if opportunity.is_open else Facts(),
        mover=Mover.of(by, stages),
    )


def gate_of(opportunity: Opportunity, stage: Stage, asked: Asked = NOTHING_ASKED, *, by: User | None) -> list[Unmet]:
    """What is not met of a stage that is chosen outside the moves."""
    return list(ways.entering(stage, facts_of(opportunity, [stage], asked), Mover.of(by, [stage])))


def _pass_gate(
    guard: Guard, unmet: Iterable[Unmet], *, by: User | None, override: bool, reason: str
) -> list[str] | None:
    """Refuses what is not met; who may and wants to pass over it says why. Returns what the entry keeps of that."""
    unmet = list(unmet)
    if not unmet:
        return None
    if not override:
        for one in unmet:
            guard.add(one.field, one.error)
        return None
    may = by is not None and by.has_perm(OVERRIDE)
    guard(may, "override", _("You may not pass over the conditions of a stage."), "gate_override")
    _check_reason(guard, reason)
    return [one.name for one in unmet]


def _hold_gate(
    opportunity: Opportunity,
    entered: Iterable[Stage],
    overrode: list[str] | None,
    *,
    gates: Collection[Gate] = (Gate.QUOTE, Gate.DOCUMENT),
) -> None:
    """Quotes and files stand in tables of their own: asked again once the row is held, before which somebody may have taken
    them away. Raises ValidationError."""
    asking = [stage for stage in entered if stage.quote_required or stage.document_required]
    if overrode is not None or not asking or _gathered(opportunity.pk):  # nobody else sees what is not written yet
        return
    held: Any = Opportunity.objects.filter(pk=opportunity.pk).with_quote().with_document()
    quote, document = held.values_list("has_current_quote", "has_document").get()
    guard = Guard()
    for stage in asking:
        for one in of_facts(stage, Facts(quote=quote, document=document)):
            if one.gate in gates:
                guard.add(one.field, one.error)
    guard.raise_if_any()


def can_still_be_undone(entry: OpportunityEntry, steps: Iterable[OpportunityEntry]) -> bool:
    """Whether the step was recorded within the last 24 hours. `steps` is the whole ledger of the opportunity: what an undo
    or a correction wrote again is as old as the step that it repeats."""
    while entry.undoes is not None:
        entry = _repeated(entry, steps)
    return timezone.now() - entry.recorded_at < UNDO_WITHIN


def _repeated(entry: OpportunityEntry, steps: Iterable[OpportunityEntry]) -> OpportunityEntry:
    """An undo repeats the step before the one that it names, which it voided at the same instant; a correction the one that
    it names."""
    named = next(step for step in steps if step.step == entry.undoes)
    before = (step for step in steps if step.step < named.step and step.voided_at == entry.recorded_at)
    return max(before, key=lambda step: step.step, default=named)


def proposed_estimates(opportunity: Opportunity, stage: Stage, *, on: datetime.date) -> Asked:
    """What a form proposes for entering or revising `stage`. Chances are proposed only where they are the person's own."""
    keeps = opportunity.is_not_started or opportunity.stage_id == stage.pk or not stage.sales_cycle.stage_decides
    return Asked(
        estimated_value=opportunity.estimated_value,
        chances=opportunity.chances if opportunity.chances_are_manual and keeps else None,
        closing_on=proposed_closing(opportunity, stage, on),
    )


def last_date(opportunity: Opportunity) -> datetime.date:
    known = getattr(opportunity, "last_happened_on", None)
    if not known and (gathered := _gathered(opportunity.pk)):
        return gathered.ledger(opportunity)[-1].happened_on
    return known or opportunity.entries.current().values_list("happened_on", flat=True).get()


def last_recorded(opportunity: Opportunity) -> datetime.datetime | None:
    """When the last step was."""
    if gathered := _gathered(opportunity.pk):
        return gathered.ledger(opportunity)[-1].recorded_at
    return opportunity.entries.current().values_list("recorded_at", flat=True).first()


def _is_by_hand(how: How) -> bool:
    """A run tells each person once, at its end."""
    return how.get("batch") is None and how.get("door") not in NOT_BY_HAND


def _seen(opportunity: Opportunity, version: int) -> None:
    if opportunity.version != version:
        raise Stale(opportunity.pk, version)


def _check_date(guard: Guard, on: datetime.date | None, *, after: datetime.date | None = None) -> None:
    if not guard(on is not None, "on", _("Enter the date."), "E08"):
        return
    assert on is not None
    guard(on <= Company.current().today(), "on", _("The date cannot lie in the future."), "E14")
    guard(
        after is None or on >= after,
        "on",
        _("The date cannot lie before the last step of %(last)s."),
        "E14",
        last=after,
    )


def _begin(opportunity: Opportunity, version: int, on: datetime.date | None, *, closed_too: bool = False) -> Guard:
    """What every step asks first, in this order: version, not archived, still open, date."""
    _seen(opportunity, version)
    guard = Guard()
    guard(not opportunity.archived, "__all__", _("The opportunity is archived. Restore it first."), "archived")
    if not closed_too:
        guard(not opportunity.is_closed, "__all__", _("The opportunity is closed. Reopen it first."), "E20")
    guard.raise_if_any()
    _check_date(guard, on, after=last_date(opportunity))
    return guard


def _check_salesperson(guard: Guard, salesperson: Salesperson | None) -> None:
    guard(
        salesperson is None or salesperson.is_usable,
        "salesperson",
        _("%(salesperson)s is blocked and cannot be chosen."),
        "blocked",
        salesperson=salesperson,
    )


def _check_contact(guard: Guard, contact: Contact) -> None:
    guard(not contact.privacy_blocked, "contact", _("%(contact)s is blocked for privacy."), "privacy", contact=contact)
    guard(not contact.archived, "contact", _("%(contact)s is archived."), "archived", contact=contact)
    guard(
        contact.merged_into_id is None,
        "contact",
        _("%(contact)s was merged with another contact. Choose that one."),
        "merged",
        contact=contact,
    )


def _check_cycle(guard: Guard, cycle: SalesCycle | None) -> None:
    guard(
        cycle is None or not cycle.blocked,
        "sales_cycle",
        _("The sales cycle “%(cycle)s” is blocked."),
        "E22",
        cycle=cycle,
    )


def _check_priority(guard: Guard, priority: str) -> None:
    guard(priority in Priority.values, "priority", _("Choose a priority of the list."), "choice")


def _check_source(guard: Guard, source: Source | None) -> None:
    guard(
        source is None or not source.blocked,
        "source",
        _("The source “%(source)s” is blocked and cannot be chosen."),
        "blocked",
        source=source,
    )


def _check_competitor(guard: Guard, competitor: Competitor | None) -> None:
    guard(
        competitor is None or not competitor.blocked,
        "competitor",
        _("The competitor “%(competitor)s” is blocked and cannot be chosen."),
        "blocked",
        competitor=competitor,
    )


def _check_reason(guard: Guard, reason: str) -> None:
    guard(bool(reason.strip()), "reason", _("Say why."), "E08")


def _check_description(guard: Guard, description: str) -> None:
    if guard(bool(description.strip()), "description", _("Enter a description."), "E08"):
        guard(len(description) <= 100, "description", _("At most 100 characters."), "too_long")


# ── how a step is written ────────────────────────────────────────────────────────────────────────────────────────────


def _add_entry(opportunity: Opportunity, state: dict[str, Any], **step: Any) -> OpportunityEntry:
    tracked = {name: state.get(name, getattr(opportunity, name)) for name in TRACKED}
    if gathered := _gathered(opportunity.pk):
        if "recorded_at" not in step:
            step["recorded_at"] = gathered.now()
        entry = OpportunityEntry(opportunity_id=opportunity.pk, **tracked, **step)
        gathered.ledger(opportunity).append(entry)
        return entry
    return OpportunityEntry.objects.create(opportunity_id=opportunity.pk, **tracked, **step)


def _raise_version(opportunity: Opportunity, changes: dict[str, Any]) -> int:
    """Write the present if it is still what was seen; the affected-row count settles the race."""
    seen = opportunity.version
    if not _gathered(opportunity.pk) and not _overwrite(opportunity, changes):
        raise Stale(opportunity.pk, seen)
    opportunity.version = seen + 1
    for name, value in changes.items():
        setattr(opportunity, name, value)
    opportunity.last_happened_on = None  # type: ignore[attr-defined]
    return seen + 1


def _overwrite(opportunity: Opportunity, changes: dict[str, Any]) -> int:
    seen = opportunity.version
    return Opportunity.objects.filter(pk=opportunity.pk, version=seen).update(**changes, version=seen + 1)


def _end_current(
    opportunity: Opportunity, on: datetime.date, recorded_at: datetime.datetime | None
) -> datetime.datetime:
    """End the current entry and return the instant: the next one is recorded at exactly that, without a gap."""
    if gathered := _gathered(opportunity.pk):
        current = gathered.ledger(opportunity)[-1]
        current.until, current.replaced_at = on, recorded_at or gathered.now()
        return current.replaced_at
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE opportunities_opportunityentry SET until = %s, replaced_at = COALESCE(%s, statement_timestamp()) "
            "WHERE opportunity_id = %s AND replaced_at IS NULL RETURNING replaced_at",
            [on, recorded_at, opportunity.pk],
        )
        return cursor.fetchone()[0]


def _step(
    opportunity: Opportunity,
    changes: dict[str, Any],
    action: str,
    *,
    on: datetime.date,
    by: User | None,
    reason: str = "",
    undoes: int | None = None,
    overrode: list[str] | None = None,
    **how: Unpack[How],
) -> OpportunityEntry:
    """Write the present, end the old entry, add the new one. `changes` are columns of Tracked by attribute name."""
    version = _raise_version(opportunity, changes)
    recorded_at = _end_current(opportunity, on, how.pop("recorded_at", None))
    return _add_entry(
        opportunity,
        changes,
        step=version,
        action=action,
        by=by,
        reason=reason.strip(),
        undoes=undoes,
        overrode=overrode,
        happened_on=on,
        recorded_at=recorded_at,
        **({"door": Door.SCREEN} | how),
    )


def _void(opportunity: Opportunity, entries: list[OpportunityEntry]) -> datetime.datetime:
    """Fill `voided_at`, and `replaced_at` where it is blank; return the instant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE opportunities_opportunityentry SET voided_at = statement_timestamp(), "
            "replaced_at = COALESCE(replaced_at, statement_timestamp()) "
            "WHERE opportunity_id = %s AND step = ANY(%s) RETURNING voided_at",
            [opportunity.pk, [entry.step for entry in entries]],
        )
        return cursor.fetchone()[0]


def _plan(entry: OpportunityEntry, stage: Stage, *, cancel_tasks: bool = False) -> OpportunityEntry:
    """What is to be done at the stage that the step entered (R-STAGE-TASKS), but where that is history that was imported; before
    that, if asked, no longer what was open."""
    if cancel_tasks:
        _cancel(entry)
    is_history = entry.door == Door.IMPORT and entry.happened_on < Company.current().today()
    if stage.activity_id is not None and not is_history:
        if gathered := _gathered(entry.opportunity_id):
            gathered.plans.append((entry, stage.activity_id))
        else:
            tasks.make_of_stage(entry, stage.activity_id)
    return entry


def _cancel(entry: OpportunityEntry) -> None:
    """What was open is not to be done any more. Of what waits to be written only a step that waits too can have planned some."""
    gathered = _gathered(entry.opportunity_id)
    if gathered is None:
        tasks.cancel_of(entry)
    elif any(planned.opportunity_id == entry.opportunity_id for planned, _activity in gathered.plans):
        gathered.plans.append((entry, None))


def _state(entry: OpportunityEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in TRACKED}


def _live(opportunity: Opportunity) -> list[OpportunityEntry]:
    """The last live entry and the one before it, if there is one."""
    return list(opportunity.entries.live().order_by("-step")[:2])


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_taken(number: str) -> bool:
    """By another opportunity."""
    gathered = gathering.get()
    waits = gathered is not None and gathered.has_number(number)
    return waits or Opportunity.objects.filter(number=number).exists()


def _save_new(guard: Guard, opportunity: Opportunity) -> None:
    if gathered := gathering.get():
        gathered.add(opportunity)
        return
    opportunity.number = opportunity.number or next_number(Opportunity, "OP")
    try:
        with transaction.atomic(savepoint=not together.get()):
            opportunity.save(force_insert=True)
    except IntegrityError as error:  # somebody gave the same number at the same time
        if refused_by(error) != "opportunities_opportunity_number_key":
            raise
        guard(False, "number", _("There is an opportunity with this number already."), "unique")
        guard.raise_if_any()


@verb
def create(
    *,
    description: str,
    contact: Contact,
    on: datetime.date,
    by: User | None,
    created_on: datetime.date | None = None,
    salesperson: Salesperson | None = None,
    sales_cycle: SalesCycle | None | Keep = KEEP,
    priority: str = Priority.NORMAL,
    source: Source | None = None,
    competitor: Competitor | None = None,
    estimated_value: Decimal | None = None,
    chances: Decimal | None = None,
    closing_on: datetime.date | None = None,
    start: bool = False,
    to: Stage | None = None,
    number: str = "",
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """A new opportunity, not started, or started at once on `on` (B.1, B.2); `created_on` (blank: `on`) is not after `on`.
    With `to` it is started and moved on to that stage at once, where the moves allow it.

    No cycle asked for means the default one (R-DEF-CYC); no salesperson the user's own (R-DEF-SP), unless the user may
    leave it open. Raises ValidationError.
    """
    created_on = created_on or on
    estimated_value, chances = rounded(estimated_value), rounded(chances)
    if salesperson is None and by is not None and not by.has_perm("opportunities.view_unassigned_opportunity"):
        salesperson = by.salesperson
    cycle = SalesCycle.objects.default() if sales_cycle is KEEP else sales_cycle
    assert not isinstance(cycle, Keep)
    number = number.strip().upper()
    guard = Guard()
    _check_date(guard, on)
    guard(created_on <= on, "created_on", _("The creation date cannot lie in the future."), "E14")
    _check_description(guard, description)
    _check_contact(guard, contact)
    _check_salesperson(guard, salesperson)
    _check_cycle(guard, cycle)
    _check_priority(guard, priority)
    _check_source(guard, source)
    _check_competitor(guard, competitor)
    check_chances(guard, chances)
    guard(estimated_value is None or estimated_value >= 0, "estimated_value", _("A value cannot be negative."), "E10")
    guard(
        closing_on is None or closing_on >= created_on or how.get("door") == Door.IMPORT,
        "closing_on",
        _("The closing date cannot lie before the creation date."),
        "E11",
    )
    guard(
        not number or not _is_taken(number),
        "number",
        _("There is an opportunity with this number already."),
        "unique",
    )
    guard.raise_if_any()
    opportunity = Opportunity(
        number=number,
        created_on=created_on,
        description=description.strip(),
        priority=priority,
        source=source,
        competitor=competitor,
        contact=contact,
        company_id=contact.account_id,
        salesperson=salesperson,
        sales_cycle=cycle,
        estimated_value=estimated_value,
        chances=chances,
        chances_are_manual=chances is not None,
        closing_on=closing_on,
    )
    _save_new(guard, opportunity)
    entry = _add_entry(
        opportunity,
        {},
        step=1,
        action=Action.CREATED,
        by=by,
        reason=reason.strip(),
        happened_on=created_on,
        **({"door": Door.SCREEN} | how),
    )
    if salesperson is not None and _is_by_hand(how):
        assigned("opportunity", opportunity.pk, by=by, salesperson=salesperson.pk)
    if start or to is not None:
        entry = _start_at_once(opportunity, version=1, on=on, by=by, **how)
    if to is not None and to.pk != entry.stage_id:
        entry = move(
            opportunity,
            version=opportunity.version,
            to=to,
            on=on,
            by=by,
            chances=KEEP if chances is None else chances,
            closing_on=KEEP if closing_on is None else closing_on,
            **how,
        )
    entry.opportunity = opportunity
    return entry


def _enter(
    guard: Guard,
    opportunity: Opportunity,
    stage: Stage,
    asked: Asked,
    *,
    on: datetime.date,
    door: str,
    keeps_manual: bool,
) -> dict[str, Any]:
    """The columns that entering (or revising at) `stage` changes; refuses what R-UPD-CHK refuses."""
    value = opportunity.estimated_value if asked.estimated_value is KEEP else asked.estimated_value
    closing_on = proposed_closing(opportunity, stage, on) if asked.closing_on is KEEP else asked.closing_on
    own = opportunity.chances if opportunity.chances_are_manual and keeps_manual else None
    chances = own if asked.chances is KEEP else asked.chances
    assert not isinstance(value, Keep) and not isinstance(chances, Keep) and not isinstance(closing_on, Keep)
    check(guard, value=value, closing_on=closing_on, on=on, door=door)
    check_chances(guard, chances)
    guard.raise_if_any()
    changes: dict[str, Any] = {"estimated_value": value, "closing_on": closing_on}
    changes |= figures(stage.sales_cycle, stage, chances=chances, manual=chances is not None)
    if opportunity.stage_id != stage.pk:
        changes |= {"stage_id": stage.pk, "stage_before_id": opportunity.stage_id, "stage_entered_on": on}
    return changes


@verb
def start(
    opportunity: Opportunity,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    estimated_value: Decimal | None | Keep = KEEP,
    chances: Decimal | None | Keep = KEEP,
    closing_on: datetime.date | None | Keep = KEEP,
    override: bool = False,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Enter the first stage (B.3), by default with what was known at creation. Needs a salesperson and a usable cycle
    with stages, and what the gate of the first one asks, unless who may `override` it says why. Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    guard(opportunity.is_not_started, "__all__", _("The opportunity has started already."), "E21")
    guard.raise_if_any()
    guard(opportunity.salesperson_id is not None, "salesperson", _("Assign a salesperson first."), "E08")
    if guard(opportunity.sales_cycle is not None, "sales_cycle", _("Choose a sales cycle first."), "E08"):
        _check_cycle(guard, opportunity.sales_cycle)
    guard.raise_if_any()
    stages = stages_of(opportunity)
    guard(bool(stages), "sales_cycle", _("The sales cycle has no stage to start at."), "E12")
    guard.raise_if_any()
    asked = Asked(estimated_value, chances, closing_on)
    first = moves(opportunity, stages, by=by, asked=asked)[0]
    overrode = _pass_gate(guard, first.unmet, by=by, override=override, reason=reason)
    changes = _enter(
        guard,
        opportunity,
        stages[0],
        asked,
        on=on,
        door=how.get("door", Door.SCREEN),
        keeps_manual=True,
    )
    changes["status"] = Status.IN_PROGRESS
    entry = _step(opportunity, changes, Action.STARTED, on=on, by=by, reason=reason, overrode=overrode, **how)
    _hold_gate(opportunity, stages[:1], overrode, gates=(Gate.DOCUMENT,))
    return _plan(entry, stages[0])


_start_at_once = start  # `create` has an argument of that name


@verb
def move(
    opportunity: Opportunity,
    *,
    version: int,
    to: Stage,
    on: datetime.date,
    by: User | None,
    estimated_value: Decimal | None | Keep = KEEP,
    chances: Decimal | None | Keep = KEEP,
    closing_on: datetime.date | None | Keep = KEEP,
    cancel_tasks: bool = False,
    override: bool = False,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Go to another stage (B.5 to B.7); the entry says which kind of move it was. Typed chances win; without them the
    stage's count, or the manual ones where the cycle's `stage_decides` is off. `cancel_tasks`: what was open is not to be done
    any more. `override`: in spite of gates that are not met, with a reason, by who may. Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    guard(opportunity.is_in_progress, "to", _("The opportunity has not started yet."), "E15")
    guard.raise_if_any()
    stages = stages_of(opportunity)
    asked = Asked(estimated_value, KEEP if chances is None else chances, closing_on)
    way = next((way for way in moves(opportunity, stages, by=by, asked=asked) if way.stage.pk == to.pk), None)
    if way is None:
        guard(to.pk != opportunity.stage_id, "to", _("It stands at this stage already."), "E15")
        guard(to.pk == opportunity.stage_id, "to", _("The stage belongs to another sales cycle."), "E15")
        guard.raise_if_any()
    assert way is not None
    overrode = _pass_gate(guard, way.unmet, by=by, override=override, reason=reason)
    changes = _enter(
        guard,
        opportunity,
        way.stage,
        asked,
        on=on,
        door=how.get("door", Door.SCREEN),
        keeps_manual=not to.sales_cycle.stage_decides,
    )
    here = opportunity.stage_id
    entry = _step(opportunity, changes, way.action, on=on, by=by, reason=reason, overrode=overrode, **how)
    if way.action in (Action.NEXT, Action.SKIP):
        _hold_gate(opportunity, _entered(stages, here, way.stage), overrode)
    return _plan(entry, way.stage, cancel_tasks=cancel_tasks)


def _entered(stages: list[Stage], here: int | None, there: Stage) -> list[Stage]:
    """What a way ahead passes over, and where it leads."""
    keys = [stage.pk for stage in stages]
    assert here is not None
    return stages[keys.index(here) + 1 : keys.index(there.pk) + 1]


@verb
def revise(
    opportunity: Opportunity,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    estimated_value: Decimal | None | Keep = KEEP,
    chances: Decimal | None | Keep = KEEP,
    closing_on: datetime.date | None | Keep = KEEP,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Change value, chances, closing date in place. Manual chances stay unless others are given; None resets them to the
    stage's. Before the start everything may be unknown. Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    asked = Asked(estimated_value, chances, closing_on)
    if opportunity.is_not_started:
        changes = _known_before_start(guard, opportunity, asked)
    else:
        stage = opportunity.stage
        assert stage is not None
        changes = _enter(guard, opportunity, stage, asked, on=on, door=how.get("door", Door.SCREEN), keeps_manual=True)
    return _step(opportunity, changes, Action.REVISED, on=on, by=by, reason=reason, **how)


def _known_before_start(guard: Guard, opportunity: Opportunity, asked: Asked) -> dict[str, Any]:
    value, chances, closing_on = asked.estimated_value, asked.chances, asked.closing_on
    check_chances(guard, chances)
    guard(value is KEEP or value is None or value >= 0, "estimated_value", _("A value cannot be negative."), "E10")
    guard(
        closing_on is KEEP or closing_on is None or closing_on >= opportunity.created_on,
        "closing_on",
        _("The closing date cannot lie before the creation date."),
        "E11",
    )
    guard.raise_if_any()
    changes: dict[str, Any] = {}
    if value is not KEEP:
        changes["estimated_value"] = value
    if chances is not KEEP:
        changes |= {"chances": chances, "chances_are_manual": chances is not None}
    if closing_on is not KEEP:
        changes["closing_on"] = closing_on
    return changes


@verb
def follow_merge(
    opportunity: Opportunity,
    *,
    version: int,
    contact_id: int,
    company_id: int,
    on: datetime.date,
    by: User | None,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """An open opportunity follows its contact or company into the one that it was merged with, or back. It is the same whom
    it was for, so what is asked of a choice is not asked here. Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    changes = _changed(guard, opportunity, {"contact_id": contact_id, "company_id": company_id})
    guard.raise_if_any()
    return _step(opportunity, changes, Action.REASSIGNED, on=on, by=by, reason=reason, **how)


def _survivors(opportunity: Opportunity) -> dict[str, Any]:
    """What becomes open again names whom its contact and company were merged into meanwhile."""
    named = {"contact_id": opportunity.contact_id, "company_id": opportunity.company_id}
    merged = dict(
        Contact.objects.filter(pk__in=named.values(), merged_into__isnull=False).values_list("pk", "merged_into")
    )
    return {name: merged[key] for name, key in named.items() if key in merged}


@verb
def edit(
    opportunity: Opportunity,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    description: str | Keep = KEEP,
    priority: str | Keep = KEEP,
    source: Source | None | Keep = KEEP,
    competitor: Competitor | None | Keep = KEEP,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Change the facts (B.10). Once closed only the description, and the competitor: who won is often heard late. Raises
    ValidationError, Stale."""
    guard = _begin(opportunity, version, on, closed_too=True)
    wanted: dict[str, Any] = {}
    if not isinstance(description, Keep):
        _check_description(guard, description)
        wanted["description"] = description.strip()
    if not isinstance(priority, Keep):
        _check_priority(guard, priority)
        wanted["priority"] = priority
    if not isinstance(source, Keep):
        if source is not None and source.pk != opportunity.source_id:
            _check_source(guard, source)
        wanted["source_id"] = source.pk if source else None
    if not isinstance(competitor, Keep):
        if competitor is not None and competitor.pk != opportunity.competitor_id:
            _check_competitor(guard, competitor)
        wanted["competitor_id"] = competitor.pk if competitor else None
    changes = _changed(guard, opportunity, wanted)
    for name, field in (("priority", "priority"), ("source_id", "source")):
        guard(
            name not in changes or not opportunity.is_closed,
            field,
            _("This cannot be changed once the opportunity is closed."),
            "E20",
        )
    guard.raise_if_any()
    return _step(opportunity, changes, Action.EDITED, on=on, by=by, reason=reason, **how)


def _changed(guard: Guard, opportunity: Opportunity, wanted: dict[str, Any]) -> dict[str, Any]:
    """Those of `wanted` that differ from the present; refuses when none does."""
    changes = {name: value for name, value in wanted.items() if getattr(opportunity, name) != value}
    guard(bool(changes) or bool(guard.errors), "__all__", _("Nothing was changed."), "unchanged")
    return changes


@verb
def reassign(
    opportunity: Opportunity,
    *,
    version: int,
    on: datetime.date,
    by: User | None,
    salesperson: Salesperson | None | Keep = KEEP,
    contact: Contact | None | Keep = KEEP,
    tasks_too: bool = False,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Another salesperson or contact (B.10). Once started only a contact of the same company. `tasks_too`: the open tasks of
    the former salesperson, or about the former contact, go along (R-CHG-SP, R-CHG-CON). Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    wanted: dict[str, Any] = {}
    former, former_contact = opportunity.salesperson_id, opportunity.contact_id
    if not isinstance(salesperson, Keep):
        guard(
            salesperson is not None or opportunity.salesperson_id is None,
            "salesperson",
            _("An opportunity cannot lose its salesperson."),
            "R-CHG-SP",
        )
        if salesperson is None or salesperson.pk != opportunity.salesperson_id:
            _check_salesperson(guard, salesperson)
        wanted["salesperson_id"] = salesperson.pk if salesperson else None
    if not isinstance(contact, Keep) and guard(contact is not None, "contact", _("Choose a contact."), "E09"):
        assert contact is not None
        if contact.pk != opportunity.contact_id:
            _check_contact(guard, contact)
            guard(
                opportunity.is_not_started or contact.account_id == opportunity.company_id,
                "contact",
                _("Once started, the contact must belong to the same company."),
                "E06",
            )
            wanted |= {"contact_id": contact.pk, "company_id": contact.account_id}
    changes = _changed(guard, opportunity, wanted)
    guard.raise_if_any()
    entry = _step(opportunity, changes, Action.REASSIGNED, on=on, by=by, reason=reason, **how)
    if tasks_too:
        tasks.hand_over(entry, former=former, former_contact=former_contact)
    if "salesperson_id" in changes and _is_by_hand(how):
        assigned("opportunity", opportunity.pk, by=by, salesperson=changes["salesperson_id"])
    return entry


@verb
def change_cycle(
    opportunity: Opportunity,
    *,
    version: int,
    sales_cycle: SalesCycle | None,
    on: datetime.date,
    by: User | None,
    to: Stage | None = None,
    estimated_value: Decimal | None | Keep = KEEP,
    chances: Decimal | None | Keep = KEEP,
    closing_on: datetime.date | None | Keep = KEEP,
    override: bool = False,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Another sales cycle: free while not started; once running to a chosen stage and with a reason. Raises
    ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    _check_cycle(guard, sales_cycle)
    changes = _changed(guard, opportunity, {"sales_cycle_id": sales_cycle.pk if sales_cycle else None})
    overrode = None
    if opportunity.is_in_progress:
        _check_reason(guard, reason)
        guard(sales_cycle is not None, "sales_cycle", _("Choose a sales cycle."), "E08")
        asked = Asked(estimated_value, KEEP if chances is None else chances, closing_on)
        unmet = _check_target(guard, opportunity, to, sales_cycle, asked, by)
        overrode = _pass_gate(guard, unmet, by=by, override=override, reason=reason)
        guard.raise_if_any()
        assert to is not None
        door = how.get("door", Door.SCREEN)
        changes |= _enter(
            guard, opportunity, to, asked, on=on, door=door, keeps_manual=not to.sales_cycle.stage_decides
        )
    guard.raise_if_any()
    entry = _step(opportunity, changes, Action.CYCLE_CHANGED, on=on, by=by, reason=reason, overrode=overrode, **how)
    if not opportunity.is_in_progress or to is None:
        return entry
    _hold_gate(opportunity, [to], overrode)
    return _plan(entry, to)


def _check_target(
    guard: Guard,
    opportunity: Opportunity,
    to: Stage | None,
    cycle: SalesCycle | None,
    asked: Asked,
    by: User | None,
) -> list[Unmet]:
    """A stage chosen outside the moves (reopen, change of cycle) is of the cycle. Returns what is not met of its gate."""
    if not guard(to is not None, "to", _("Choose a stage."), "E08"):
        return []
    assert to is not None
    own = cycle is not None and to.sales_cycle_id == cycle.pk
    guard(own, "to", _("The stage belongs to another sales cycle."), "E15")
    return gate_of(opportunity, to, asked, by=by)


@verb
def close(
    opportunity: Opportunity,
    *,
    version: int,
    outcome: str,
    close_code: CloseCode | None,
    on: datetime.date,
    by: User | None,
    sales_value: Decimal | None = None,
    cancel_tasks: bool = False,
    reason: str = "",
    **how: Unpack[How],
) -> OpportunityEntry:
    """Won or lost (B.8), with a close code of that kind. Winning needs a sales value above zero; blank means the net
    amount of the current quote. `cancel_tasks`: what was open is not to be done any more (R-CLOSE-TASKS). Raises
    ValidationError, Stale."""
    guard = _begin(opportunity, version, on)
    guard(opportunity.salesperson_id is not None, "salesperson", _("Assign a salesperson first."), "E08")
    guard(outcome in (Status.WON, Status.LOST), "outcome", _("Choose won or lost."), "E17")
    if guard(close_code is not None, "close_code", _("Choose a close code."), "E18"):
        assert close_code is not None
        fits = close_code.outcome == outcome
        guard(fits, "close_code", _("This close code is of the other kind."), "E18")
        guard(not close_code.blocked, "close_code", _("This close code is blocked."), "E22")
    won = outcome == Status.WON
    sales_value = rounded(sales_value)
    if won and sales_value is None:
        sales_value = (
            Quote.objects.current().filter(opportunity=opportunity.pk).values_list("net_amount", flat=True).first()
        )
    if won:
        guard(sales_value is not None and sales_value > 0, "sales_value", _("Enter a sales value above zero."), "E19")
    else:
        guard(sales_value is None, "sales_value", _("Only a won opportunity has a sales value."), "E19")
    guard.raise_if_any()
    assert close_code is not None
    changes = {
        "status": outcome,
        "stage_id": None,
        "stage_before_id": opportunity.stage_id,
        "stage_entered_on": None,
        "completed": Decimal(100),
        "chances": Decimal(100 if won else 0),
        "probability": Decimal(100 if won else 0),
        "chances_are_manual": False,
        "closing_on": on,
        "closed_on": on,
        "close_code_id": close_code.pk,
        "sales_value": sales_value if won else None,
    }
    entry = _step(opportunity, changes, Action(outcome), on=on, by=by, reason=reason, **how)
    if cancel_tasks:
        _cancel(entry)
    return entry


@verb
def reopen(
    opportunity: Opportunity,
    *,
    version: int,
    reason: str,
    on: datetime.date,
    by: User | None,
    to: Stage | None = None,
    estimated_value: Decimal | None | Keep = KEEP,
    closing_on: datetime.date | None | Keep = KEEP,
    override: bool = False,
    **how: Unpack[How],
) -> OpportunityEntry:
    """Back to a stage of the cycle, or to not started if it never started. Manual chances and the closing date return
    from the last open entry; a date of the past must be typed anew. Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on, closed_too=True)
    guard(opportunity.is_closed, "__all__", _("The opportunity is open already."), "E20")
    guard.raise_if_any()
    _check_reason(guard, reason)
    before = last_open(opportunity)
    restored = Opportunity(**{name: getattr(before, name) for name in TRACKED})
    restored.pk, restored.created_on = opportunity.pk, opportunity.created_on
    overrode = None
    if before.is_not_started:
        guard(to is None, "to", _("It never started, so it goes back to not started."), "E15")
        asked = Asked(estimated_value=estimated_value, closing_on=closing_on)
        changes = _known_before_start(guard, restored, asked)
    else:
        for name in ("source_id", "competitor_id", "contact_id", "company_id"):  # what may change once closed
            setattr(restored, name, getattr(opportunity, name))
        known = Asked(estimated_value, restored.chances if restored.chances_are_manual else KEEP)
        unmet = _check_target(guard, restored, to, opportunity.sales_cycle, known, by)
        overrode = _pass_gate(guard, unmet, by=by, override=override, reason=reason)
        guard.raise_if_any()
        assert to is not None
        returning = before.closing_on if closing_on is KEEP else closing_on
        asked = Asked(estimated_value=estimated_value, closing_on=returning)
        changes = _enter(guard, restored, to, asked, on=on, door=how.get("door", Door.SCREEN), keeps_manual=True)
    kept = ("status", "estimated_value", "chances", "chances_are_manual", "completed", "probability", "closing_on")
    state = {name: getattr(before, name) for name in kept} | changes
    if to is not None:
        state |= {"stage_id": to.pk, "stage_entered_on": on, "stage_before_id": before.stage_id}
    state |= {"closed_on": None, "close_code_id": None, "sales_value": None} | _survivors(opportunity)
    entry = _step(opportunity, state, Action.REOPENED, on=on, by=by, reason=reason, overrode=overrode, **how)
    if to is not None:
        _hold_gate(opportunity, [to], overrode)
    return entry


def last_open(opportunity: Opportunity) -> OpportunityEntry:
    """The last live entry before the opportunity was closed."""
    live = opportunity.entries.live().filter(closed_on__isnull=True)
    return live.select_related("stage", "sales_cycle").order_by("-step")[0]


@verb
def undo(
    opportunity: Opportunity, *, version: int, by: User | None, reason: str = "", **how: Unpack[How]
) -> OpportunityEntry:
    """Take the last step back by voiding it: the state before stands again, with its own dates. `version` names the step;
    anything that followed raises Stale, whose `since` says what. Only within 24 hours after the step was recorded, but for
    imports and commands, which replay the past. Raises ValidationError, Stale."""
    _seen(opportunity, version)
    guard = Guard()
    live = _live(opportunity)
    guard(len(live) > 1, "__all__", _("There is nothing to take back. An opportunity can be archived."), "undo")
    guard.raise_if_any()
    wrong, before = live
    replays = how.get("door") in (Door.IMPORT, Door.COMMAND)
    guard(
        replays or can_still_be_undone(wrong, opportunity.entries.all() if wrong.undoes else ()),
        "__all__",
        _(
            "The last step was recorded more than 24 hours ago and stands. Take a new step instead, or correct its date."
        ),
        "undo_late",
    )
    guard.raise_if_any()
    entry = _restate(opportunity, wrong, before, by=by, reason=reason, **how)
    tasks.take_back(wrong, before, entry)
    return entry


def _restate(
    opportunity: Opportunity,
    wrong: OpportunityEntry,
    before: OpportunityEntry,
    *,
    by: User | None,
    reason: str,
    **how: Unpack[How],
) -> OpportunityEntry:
    """Void `wrong` and `before`, and append the state of `before` again as a new step with its own date."""
    how.pop("recorded_at", None)
    state = _state(before)
    version = _raise_version(opportunity, state)
    recorded_at = _void(opportunity, [wrong, before])
    return _add_entry(
        opportunity,
        state,
        step=version,
        action=Action.UNDONE,
        by=by,
        reason=reason.strip(),
        undoes=wrong.step,
        happened_on=before.happened_on,
        recorded_at=recorded_at,
        **({"door": Door.SCREEN} | how),
    )


@verb
def correct(
    opportunity: Opportunity, *, version: int, on: datetime.date, by: User | None, reason: str = "", **how: Unpack[How]
) -> OpportunityEntry:
    """The last step again, with another date. The wrong one is voided; the new entry keeps its action and names it in
    `undoes`. Not before the step that it follows. Raises ValidationError, Stale."""
    _seen(opportunity, version)
    how.pop("recorded_at", None)
    guard = Guard()
    wrong, *rest = _live(opportunity)
    _check_date(guard, on, after=rest[0].happened_on if rest else None)
    guard(on != wrong.happened_on, "on", _("The step has this date already."), "unchanged")
    guard(
        on is None or _fits_closing_date(wrong, on),
        "on",
        _("The closing date cannot lie before the date of this change."),
        "E11",
    )
    guard.raise_if_any()
    state = _state(wrong) | _dates_of_step(wrong, rest[0] if rest else None, on)
    if rest:
        tasks.follow(rest[0], _restate(opportunity, wrong, rest[0], by=by, reason=reason, **how))
        entry = _step(opportunity, state, wrong.action, on=on, by=by, reason=reason, undoes=wrong.step, **how)
        tasks.correct_day(wrong, entry)
        return entry
    state["created_on"] = on
    version = _raise_version(opportunity, state)
    return _add_entry(
        opportunity,
        state,
        step=version,
        action=wrong.action,
        by=by,
        reason=reason.strip(),
        undoes=wrong.step,
        happened_on=on,
        recorded_at=_void(opportunity, [wrong]),
        **({"door": Door.SCREEN} | how),
    )


def _fits_closing_date(entry: OpportunityEntry, on: datetime.date) -> bool:
    """Whether the step could have been taken on that day: facts ask for no closing date, nor did an import with a past one."""
    facts = entry.action in (Action.EDITED, Action.REASSIGNED, Action.ARCHIVED, Action.RESTORED)
    if entry.closing_on is None or entry.is_closed or facts:
        return True
    return entry.closing_on >= on or entry.closing_on < entry.happened_on


def _dates_of_step(wrong: OpportunityEntry, before: OpportunityEntry | None, on: datetime.date) -> dict[str, Any]:
    """The dates that the step itself set, moved to `on`."""
    dates: dict[str, Any] = {}
    entered = wrong.stage_id is not None and wrong.stage_entered_on == wrong.happened_on
    if entered and (before is None or before.stage_id != wrong.stage_id):
        dates["stage_entered_on"] = on
    if wrong.is_closed and (before is None or not before.is_closed):
        dates |= {"closed_on": on, "closing_on": on}
    return dates


@verb
def archive(
    opportunity: Opportunity, *, version: int, on: datetime.date, by: User | None, reason: str = "", **how: Unpack[How]
) -> OpportunityEntry:
    """Out of the lists, history kept; refused while in progress (E01). Raises ValidationError, Stale."""
    guard = _begin(opportunity, version, on, closed_too=True)
    guard(
        not opportunity.is_in_progress,
        "__all__",
        _("An opportunity in progress cannot be archived. Close it first."),
        "E01",
    )
    guard.raise_if_any()
    return _step(opportunity, {"archived": True}, Action.ARCHIVED, on=on, by=by, reason=reason, **how)


@verb
def restore(
    opportunity: Opportunity, *, version: int, on: datetime.date, by: User | None, reason: str = "", **how: Unpack[How]
) -> OpportunityEntry:
    """Back into the lists. Raises ValidationError, Stale."""
    _seen(opportunity, version)
    guard = Guard()
    guard(opportunity.archived, "__all__", _("The opportunity is not archived."), "archived")
    guard.raise_if_any()
    _check_date(guard, on, after=last_date(opportunity))
    guard.raise_if_any()
    changes = {"archived": False} | ({} if opportunity.is_closed else _survivors(opportunity))
    return _step(opportunity, changes, Action.RESTORED, on=on, by=by, reason=reason, **how)


# ── beside the ledger: no step and no version; what is hung on an opportunity has a history of its own ───────────────


def _hold(opportunity: Opportunity) -> None:
    """The row is held until the transaction ends: nothing is hung on what is archived at the same moment. Raises
    ValidationError."""
    held = Opportunity.objects.select_for_update(no_key=True).filter(pk=opportunity.pk)
    guard = Guard()
    archived = held.values_list("archived", flat=True).get()
    guard(not archived, "__all__", _("The opportunity is archived. Restore it first."), "archived")
    guard.raise_if_any()


@verb
def tag(opportunity: Opportunity, *, tag: Tag, by: User | None) -> bool:
    """Give a tag; whether it did not have it already. Raises ValidationError, Stale."""
    _hold(opportunity)
    return collaboration.tag("opportunity", opportunity.pk, tag, by=by)


@verb
def untag(opportunity: Opportunity, *, tag: Tag, by: User | None) -> bool:
    """Whether it had it. Raises ValidationError, Stale."""
    _hold(opportunity)
    return collaboration.untag("opportunity", opportunity.pk, tag, by=by)


@verb
def involve(opportunity: Opportunity, *, contact: Contact, role: ContactRole, by: User | None) -> None:
    """A contact takes part, of whatever company; not one that may not be used (R-PRIV). Raises ValidationError, Stale."""
    _hold(opportunity)
    guard = Guard()
    _check_contact(guard, contact)
    guard(not role.blocked, "role", _("The role “%(role)s” is blocked and cannot be chosen."), "blocked", role=role)
    guard.raise_if_any()
    with history(by):
        Involvement.objects.get_or_create(opportunity=opportunity, contact=contact, role=role)


@verb
def release(opportunity: Opportunity, *, involvement: int, by: User | None) -> None:
    """A contact takes part no longer, in that role. Raises ValidationError, Stale."""
    _hold(opportunity)
    with history(by):
        for one in Involvement.objects.filter(opportunity=opportunity, pk=involvement):
            one.delete()


@verb
def share(
    opportunity: Opportunity,
    *,
    by: User | None,
    may_edit: bool,
    is_co_owner: bool = False,
    salesperson_id: int | None = None,
    team_id: int | None = None,
) -> Grant:
    """With a salesperson or a team; anew it changes what for. A co-owner is a salesperson who edits. Sharing is no change of
    the opportunity: what is archived can be shared too. Raises ValidationError, Stale."""
    Opportunity.objects.select_for_update(no_key=True).get(pk=opportunity.pk)
    guard = Guard()
    person = Salesperson.objects.filter(pk=salesperson_id).first() if salesperson_id else None
    _check_co_owner(guard, opportunity, person, is_co_owner)
    guard.raise_if_any()
    given = {"may_edit": may_edit or is_co_owner, "is_co_owner": is_co_owner}
    to: dict[str, Any] = {"opportunity_id": opportunity.pk, "salesperson_id": salesperson_id, "team_id": team_id}
    with history(by):
        grant, is_new = Grant.objects.update_or_create(given, **to)
    if is_new:
        shared("opportunity", opportunity.pk, by=by, salesperson=salesperson_id, team=team_id)
    return grant


def _check_co_owner(guard: Guard, opportunity: Opportunity, person: Salesperson | None, is_co_owner: bool) -> None:
    known = is_co_owner and Grant.objects.filter(opportunity=opportunity, salesperson=person, is_co_owner=True).exists()
    guard(
        person is None or person.is_usable or known,
        "to",
        _("%(salesperson)s is blocked and cannot be chosen."),
        "blocked",
        salesperson=person,
    )
    guard(not is_co_owner or person is not None, "to", _("Only a person can be a co-owner."), "co_owner")
    guard(
        not is_co_owner or person is None or person.pk != opportunity.salesperson_id,
        "to",
        _("%(salesperson)s is the salesperson already."),
        "co_owner",
        salesperson=person,
    )


@verb
def withdraw(opportunity: Opportunity, *, grant: Grant, by: User | None) -> None:
    """Raises Stale."""
    Opportunity.objects.select_for_update(no_key=True).get(pk=opportunity.pk)
    with history(by):
        grant.delete()
