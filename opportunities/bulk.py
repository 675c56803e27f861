"""One verb for many opportunities: what it would do, doing it, and taking it back.

A run is a function of who asks, which rows as they were seen, the verb and its values; a page, the admin or a worker may
call it. The preview is the same run, rolled back, so there is no second copy of the rules (docs/decisions.md).
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Count, F, Min, OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collaboration.models import Tag
from collaboration.notify import assigned
from crm.lib import date_formula
from crm.lib.races import Busy, is_busy
from opportunities import lifecycle
from opportunities.effects import Share, effect, share, signed
from opportunities.models import Batch, BatchRow, Door, Opportunity, OpportunityEntry, Status
from opportunities.packing import packed, unpacked
from opportunities.timeline import Change, changes
from quotes.models import Quote
from salescycles.models import Stage
from salespeople.models import Company, Salesperson, User

AT_ONCE = 200  # rows stay locked until all are written
Verb = Batch.Verb
Seen = Mapping[int, int | None]  # key and version; without a version: as it stands now
UNCHANGED = "unchanged"
BACK: dict[str, str] = {Verb.TAG: Verb.UNTAG, Verb.UNTAG: Verb.TAG}  # beside the ledger; each takes back the other
BUSY = gettext_lazy("Somebody is at work on some of these just now. Nothing was changed: please send it again.")
YEARS = range(1900, 3000)  # of a day that a person can mean, as in every form


class AlreadyRun(Exception):
    """This very preview was run before."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"run already as batch {batch.pk}")
        self.batch = batch


@dataclass
class Row:
    """What became of one opportunity. `after` is None where it was not changed, or is not to be seen any more."""

    before: Opportunity
    is_changed: bool = False
    is_unchanged: bool = False
    is_stale: bool = False
    reasons: list[str] = field(default_factory=list)
    missing: list[Any] = field(default_factory=list)
    after: Opportunity | None = None

    @property
    def changes(self) -> list[Change]:
        return list(changes(self.before, self.after)) if self.after else []

    @property
    def why(self) -> str:
        return " ".join(self.reasons)


class Refused(Protocol):
    @property
    def why(self) -> str: ...


R = TypeVar("R", bound=Refused)


def by_reason(refused: Iterable[R]) -> list[tuple[str, list[R]]]:
    """Rows by why they were refused, the most frequent reason first."""
    found: dict[str, list[R]] = defaultdict(list)
    for row in refused:
        found[row.why].append(row)
    return sorted(found.items(), key=lambda one: -len(one[1]))


@dataclass
class Outcome:
    """What a run did, or would do. `gone`: so many of the asked ones are not there, or not this person's to see."""

    rows: list[Row]
    gone: int
    batch: Batch | None = None

    @cached_property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.is_changed]

    @cached_property
    def unchanged(self) -> list[Row]:
        return [row for row in self.rows if row.is_unchanged]

    @cached_property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if row.reasons]

    @cached_property
    def reasons(self) -> list[tuple[str, list[Row]]]:
        return by_reason(self.refused)

    @property
    def seen(self) -> dict[int, int]:
        return {row.before.pk: row.before.version for row in self.rows}

    @cached_property
    def share_before(self) -> Share:
        return _sum(row.before for row in self.rows)

    @cached_property
    def share_after(self) -> Share:
        """What was handed away counts no longer."""
        return _sum(row.after if row.is_changed else row.before for row in self.rows)

    @property
    def totals(self) -> list[dict[str, Any]]:
        """Each figure that the rows have, before or after."""
        labels = (_("Open value"), _("Weighted value"), _("Won value"))
        figures = zip(labels, self.share_before, self.share_after, strict=True)
        return [
            {"label": label, "before": before, "after": after, "change": signed(after - before)}
            for label, before, after in figures
            if before or after
        ]

    @property
    def effect(self) -> str:
        return effect(self.share_before, self.share_after)


def _sum(rows: Iterable[Opportunity | None]) -> Share:
    shares = [share(row) for row in rows if row]
    return Share(*(sum(column, Decimal(0)) for column in zip(*shares, strict=True))) if shares else Share()


def read(user: User, keys: Iterable[int]) -> list[Opportunity]:
    """Those of them that the person may see, by ascending key, with all that the verbs ask for."""
    amount = Quote.objects.current().filter(opportunity=OuterRef("pk")).values("net_amount")[:1]
    found = Opportunity.objects.visible_to(user).filter(pk__in=keys).with_names().with_last_date().with_quote()
    found = found.annotate(quote_amount=Subquery(amount), stage_name=F("stage__description"))
    rows: list[Opportunity] = list(found.prefetch_related("sales_cycle__stages").order_by("pk"))
    for row in rows:
        if row.stage and row.sales_cycle:
            row.stage.sales_cycle = row.sales_cycle
    return rows


def refuse_too_many(count: int, limit: int | None = None) -> None:
    """Raises ValidationError."""
    limit = AT_ONCE if limit is None else limit
    if count > limit:
        said = gettext_lazy("You chose %(count)d. At most %(limit)d can be changed in one run: choose fewer.")
        raise ValidationError(said, code="too_many", params={"count": count, "limit": limit})


def preview(user: User, seen: Seen, verb: str, values: Mapping[str, Any]) -> Outcome:
    """What the run would do: it is made and rolled back. Raises Busy, ValidationError for too many."""
    with transaction.atomic():
        outcome = take(user, seen, verb, values, None)
        connection.check_constraints()  # what a run would hear of at its commit
        transaction.set_rollback(True)
    return outcome


def run(
    user: User,
    seen: Seen,
    verb: str,
    values: Mapping[str, Any],
    *,
    asked: Iterable[tuple[str, str]] = (),
    token: UUID | None = None,
    undoes: Batch | None = None,
    door: str = Door.BULK,
) -> Outcome:
    """All rows in one transaction, by ascending key, as one batch; a refused row leaves the others alone. Without any
    change there is no batch. Raises Busy, AlreadyRun (of the same token), ValidationError for too many."""
    with transaction.atomic():
        batch = Batch(door=door, by=user, verb=verb, asked=list(asked), token=token, undoes=undoes)
        batch.values = packed(values) if verb in BACK else {}
        batch = begun(user, batch)
        outcome = take(user, seen, verb, values, batch)
        if not outcome.changed:
            transaction.set_rollback(True)
            return outcome
        if outcome.refused:
            batch.refused = [[row.before.pk, row.why] for row in outcome.refused]
            batch.save(update_fields=["refused"])
        if verb in BACK:
            noted = {"batch": batch, "result": BatchRow.Result.CHANGED}
            BatchRow.objects.bulk_create(
                BatchRow(opportunity=row.before, version=row.before.version, **noted) for row in outcome.changed
            )
        tell_new_owners(batch)
        outcome.batch = batch
    return outcome


def tell_new_owners(batch: Batch) -> None:
    """Once to each salesperson, however many opportunities they were given."""
    if batch.verb not in (Verb.REASSIGN, Verb.CREATE):
        return
    given = batch.opportunityentry_set.filter(salesperson__isnull=False).order_by("salesperson")
    of_each = given.values_list("salesperson").annotate(first=Min("opportunity"), count=Count("pk"))
    for salesperson, first, count in of_each:
        assigned("opportunity", first, by=batch.by, salesperson=salesperson, count=count)


def undo(user: User, batch: Batch, *, dry: bool = False) -> Outcome:
    """Every row of the batch that nothing followed, back to what it was; dry the first of them only. Raises Busy,
    ValidationError for too many."""
    verb, values = reversal(batch)
    rows = changed_by(batch)
    seen = dict(rows[:AT_ONCE] if dry else rows)
    if dry:
        return preview(user, seen, verb, values)
    return run(user, seen, verb, values, undoes=batch, asked=batch.asked if values else ())


def reversal(batch: Batch) -> tuple[str, dict[str, Any]]:
    """The verb that takes it back, and its values."""
    if batch.verb in BACK:
        return BACK[batch.verb], {"tag": unpacked(batch.values)["tag"]}
    return Verb.UNDO, {}


def changed_by(batch: Batch) -> QuerySet[Any, tuple[int, int]]:
    """Keys of what it changed, each with the version that it left; tags leave no step on the ledger."""
    if batch.verb in BACK:
        tagged = batch.rows.filter(result=BatchRow.Result.CHANGED)
        return tagged.order_by("opportunity").values_list("opportunity", "version")
    return batch.opportunityentry_set.order_by("opportunity").values_list("opportunity", "step")


def can_be_undone(user: User, batch: Batch) -> bool:
    """By who ran it, or may see every batch, for 24 hours; an undo is not undone, since that would take back what was
    before it. Whether a row can still go back, the verb says; a tag that is gone since leaves nothing to take back."""
    own = batch.by_id == user.pk or user.has_perm("opportunities.view_batch")
    young = timezone.now() - batch.made_at < lifecycle.UNDO_WITHIN
    over = not batch.is_under_way and batch.undoes_id is None
    there = batch.verb not in BACK or Tag.objects.filter(pk=batch.values["tag"]["key"]).exists()
    return own and young and over and there and user.has_perm("opportunities.change_opportunity")


def begun(user: User, batch: Batch) -> Batch:
    """Its token is unique: the second of two equal runs waits here for the end of the first."""
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
    except IntegrityError as error:
        first = Batch.objects.filter(token=batch.token, by=user).first() if batch.token else None
        if first is None:
            raise
        raise AlreadyRun(first) from error
    except OperationalError as error:
        _wait(error)
    return batch


def take(user: User, seen: Seen, verb: str, values: Mapping[str, Any], batch: Batch | None) -> Outcome:
    """The verb for each row, within the transaction of the caller. Raises Busy, ValidationError for too many."""
    refuse_too_many(len(seen))
    rows = [Row(row) for row in read(user, _locked(user, seen))]
    how = {**values, "by": user, "door": batch.door if batch else Door.BULK, "batch": batch}
    for row in rows:
        version = seen[row.before.pk]
        if row.before.is_fixed_for(user):
            row.reasons = [_("It was shared with you to see, not to change.")]
            continue
        _take(row, STEPS[verb], row.before.version if version is None else version, how)
    after = {row.pk: row for row in read(user, [row.before.pk for row in rows if row.is_changed])}
    for row in rows:
        row.after = after.get(row.before.pk)
    _tell_since(rows, seen)
    return Outcome(rows, len(seen) - len(rows))


def _locked(user: User, seen: Seen) -> list[int]:
    """All rows are locked before the first is written: nobody else's change comes between, and a lock that is not to be
    had is waited for once."""
    rows = Opportunity.objects.visible_to(user).filter(pk__in=list(seen)).order_by("pk")
    try:
        return list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    except OperationalError as error:
        _wait(error)
        raise


def _wait(error: OperationalError) -> None:
    if is_busy(error):
        raise Busy from error
    raise error


def _take(row: Row, step: Callable[..., Any], version: int, how: Mapping[str, Any]) -> None:
    """The verb works on a copy: `before` stays what it was."""
    try:
        step(copy(row.before), version=version, **how)
        row.is_changed = True
    except lifecycle.Stale:
        row.is_stale = True
        row.reasons = [_("Somebody is at work on it just now.")]
    except ValidationError as refusal:
        errors = [error for errors in refusal.error_dict.values() for error in errors]
        row.is_unchanged = {error.code for error in errors} == {UNCHANGED}
        row.reasons = [] if row.is_unchanged else list(dict.fromkeys(refusal.messages))
        row.missing = [] if row.is_unchanged else [NAMES[name] for name in refusal.error_dict if name in NAMES]


NAMES = {
    name: Opportunity._meta.get_field(name).verbose_name  # type: ignore[union-attr]
    for name in ("salesperson", "sales_cycle", "estimated_value", "chances", "closing_on", "close_code", "sales_value")
}


def _tell_since(rows: list[Row], seen: Seen) -> None:
    """Who changed what since; one query for all."""
    stale = {row.before.pk: row for row in rows if row.is_stale}
    if not stale:
        return
    told: dict[int, list[OpportunityEntry]] = defaultdict(list)
    entries = OpportunityEntry.objects.filter(opportunity__in=list(stale)).select_related("by")
    for entry in entries.order_by("opportunity", "step"):
        if entry.step > (seen[entry.opportunity_id] or entry.step):
            told[entry.opportunity_id].append(entry)
    for key, steps in told.items():
        who = ", ".join(dict.fromkeys(str(step.by or _("the system")) for step in steps))
        what = ", ".join(step.get_action_display() for step in steps)
        stale[key].reasons = [_("Changed meanwhile by %(who)s: %(what)s.") % {"who": who, "what": what}]


# ── what a verb is asked for each row ────────────────────────────────────────────────────────────────────────────────


def _nothing() -> ValidationError:
    return ValidationError({"__all__": ValidationError(gettext_lazy("Nothing was changed."), code=UNCHANGED)})


def _move(row: Opportunity, *, to: Stage, **how: Any) -> OpportunityEntry:
    """What has not started starts, where the stage is the first."""
    if row.is_in_progress and row.stage_id == to.pk:
        raise _nothing()
    way = next((way for way in lifecycle.moves(row) if way.stage.pk == to.pk), None) if row.is_not_started else None
    if way is None or row.archived:
        return lifecycle.move(row, to=to, **how)
    if way.barred:
        raise ValidationError({"to": way.barred})
    how.pop("cancel_tasks", None)  # a start cancels nothing
    return lifecycle.start(row, **how)


def _revise(row: Opportunity, *, shift: str = "", **how: Any) -> OpportunityEntry:
    """`shift` is a date formula from each row's own closing date. A verb may confirm what stands; a run does not."""
    if shift:
        how["closing_on"] = _shifted(row.closing_on, shift)
    now = {
        "estimated_value": row.estimated_value,
        "chances": row.chances if row.chances_are_manual else None,
        "closing_on": row.closing_on,
    }
    if row.is_open and not row.archived and all(how[name] == value for name, value in now.items() if name in how):
        raise _nothing()
    return lifecycle.revise(row, **how)


def _shifted(day: datetime.date | None, formula: str) -> datetime.date:
    if day is None:
        said = gettext_lazy("There is no closing date to shift.")
        raise ValidationError({"closing_on": ValidationError(said, code="E08")})
    try:
        shifted = date_formula.apply(formula, day)
    except date_formula.DateFormulaError:
        shifted = datetime.date.min
    if shifted.year not in YEARS:
        said = gettext_lazy("The shifted closing date would lie outside the calendar.")
        raise ValidationError({"closing_on": ValidationError(said, code="E11")})
    return shifted


def _close(row: Any, *, outcome: str, **how: Any) -> OpportunityEntry:
    """Won at what the current quote says, else at the estimated value. Zero is refused by the verb."""
    if outcome == Status.WON:
        known = (amount for amount in (row.quote_amount, row.estimated_value) if amount is not None)
        how["sales_value"] = next(known, Decimal(0))
    return lifecycle.close(row, outcome=outcome, **how)


def _reassign(row: Opportunity, *, to: Mapping[int, Salesperson] | None = None, **how: Any) -> OpportunityEntry:
    """`to` says by key whose each will be, where not all go to the same."""
    if to is not None:
        how["salesperson"] = to[row.pk]
    return lifecycle.reassign(row, **how)


def _reopen(row: Opportunity, **how: Any) -> OpportunityEntry:
    """Each where it was closed: at its last stage, or not started."""
    if row.is_open and not row.archived:
        raise _nothing()
    if row.is_closed:
        how["to"] = lifecycle.last_open(row).stage
    return lifecycle.reopen(row, **how)


def _archive(row: Opportunity, **how: Any) -> OpportunityEntry:
    if row.archived:
        raise _nothing()
    return lifecycle.archive(row, **how)


def _restore(row: Opportunity, **how: Any) -> OpportunityEntry:
    if not row.archived:
        raise _nothing()
    return lifecycle.restore(row, **how)


def _tag(row: Opportunity, *, tag: Tag, by: User, **_how: Any) -> None:
    """Beside the ledger: no version is raised, so none is asked for."""
    if not lifecycle.tag(row, tag=tag, by=by):
        raise _nothing()


def _untag(row: Opportunity, *, tag: Tag, by: User, **_how: Any) -> None:
    if not lifecycle.untag(row, tag=tag, by=by):
        raise _nothing()


def _undo(row: Opportunity, *, version: int, **how: Any) -> OpportunityEntry:
    """What a run has only just made goes out of the lists; nothing is deleted."""
    if version == 1 and not row.archived:
        return lifecycle.archive(row, version=version, on=Company.current().today(), **how)
    return lifecycle.undo(row, version=version, **how)


STEPS: dict[str, Callable[..., OpportunityEntry | None]] = {
    Verb.MOVE: _move,
    Verb.REVISE: _revise,
    Verb.EDIT: lifecycle.edit,
    Verb.REASSIGN: _reassign,
    Verb.CLOSE: _close,
    Verb.REOPEN: _reopen,
    Verb.ARCHIVE: _archive,
    Verb.RESTORE: _restore,
    Verb.TAG: _tag,
    Verb.UNTAG: _untag,
    Verb.UNDO: _undo,
}
