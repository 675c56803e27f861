"""Runs of more rows than one transaction should hold: a batch whose rows wait in a table, taken by the worker in slices of
`AT_ONCE`, each a transaction of its own with the same verbs (`bulk`).

A slice writes the steps, what became of each row and the request for the next slice together. So a worker that is killed leaves
no half of a slice, and whoever takes the batch up again goes on with the rows that still wait.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F
from django.utils import translation
from django.utils.translation import get_language

from crm.lib import jobs
from crm.lib.races import go_first
from opportunities import bulk
from opportunities.bulk import Outcome
from opportunities.models import Batch, BatchRow, Door, Opportunity
from opportunities.packing import packed, unpacked
from salespeople.auth import with_rights
from salespeople.models import User

State, Result = Batch.State, BatchRow.Result
UNDER_WAY = (State.QUEUED, State.RUNNING)
SLICES = 0x42415443  # names the locks that let one slice of a batch at a time


# ── asking for a run ─────────────────────────────────────────────────────────────────────────────────────────────────


def start(
    user: User,
    keys: Sequence[int],
    verb: str,
    values: Mapping[str, Any],
    *,
    asked: Iterable[tuple[str, str]] = (),
    token: UUID | None = None,
    door: str = Door.BULK,
) -> Batch:
    """A batch of the rows as they stand now; what changes until its turn comes is left. Raises AlreadyRun (of the same token),
    Busy, ValidationError for too many."""
    bulk.refuse_too_many(len(keys), settings.BULK_LIMIT)
    seen = Opportunity.objects.visible_to(user).filter(pk__in=keys).order_by("pk").values_list("pk", "version")
    batch = Batch(by=user, door=door, verb=verb, asked=list(asked), token=token, values=packed(values))
    return _queued(user, batch, seen)


def start_undo(user: User, undone: Batch) -> Batch:
    """Once for each batch. Raises AlreadyRun, Busy."""
    verb, values = bulk.reversal(undone)
    batch = Batch(by=user, door=Door.BULK, verb=verb, undoes=undone, asked=undone.asked if values else [])
    batch.values, batch.token = packed(values), uuid5(NAMESPACE_OID, f"undo of batch {undone.pk}")
    return _queued(user, batch, bulk.changed_by(undone))


@transaction.atomic
def _queued(user: User, batch: Batch, seen: Iterable[tuple[int, int]]) -> Batch:
    batch.state, batch.language = State.QUEUED, get_language() or settings.LANGUAGE_CODE
    batch = bulk.begun(user, batch)
    keys, versions = [list(column) for column in zip(*seen, strict=True)] or [[], []]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO opportunities_batchrow (batch_id, opportunity_id, version, result, why) "
            "SELECT %s, row.*, '', '' FROM unnest(%s::bigint[], %s::integer[]) row",
            [batch.pk, keys, versions],
        )
    Batch.objects.filter(pk=batch.pk).update(total=len(keys))
    jobs.later("opportunities.take_slice", batch=batch.pk)
    return batch


# ── doing it ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_slice(key: int) -> None:
    """The next rows of a batch, then the one after them. What cannot go on is stopped, and says so in the log."""
    jobs.take_slice("opportunities.take_slice", partial(_slice, key), lambda: cancel(key), batch=key)


def _slice(key: int) -> bool:
    """Whether the person may still do it."""
    go_first(SLICES, key)
    batch = Batch.objects.filter(pk=key, state__in=UNDER_WAY).first()
    if batch is None:
        return True
    user: User | None = with_rights(User.objects.filter(is_active=True)).filter(pk=batch.by_id or 0).first()
    if user is None or not user.has_perm("opportunities.change_opportunity"):
        return False
    waiting = batch.rows.filter(result="").order_by("opportunity")
    seen: dict[int, int | None] = dict(waiting.values_list("opportunity", "version")[: bulk.AT_ONCE])
    if not seen:
        bulk.tell_new_owners(batch)
        Batch.objects.filter(pk=key, state__in=UNDER_WAY).update(state=State.DONE)
        return True
    with translation.override(batch.language):
        outcome = bulk.take(user, seen, batch.verb, unpacked(batch.values), batch)
        _note(batch, list(seen), outcome)
    if batch.state == State.QUEUED:
        Batch.objects.filter(pk=key, state=State.QUEUED).update(state=State.RUNNING)
    jobs.later("opportunities.take_slice", batch=key)
    return True


def _note(batch: Batch, asked: list[int], outcome: Outcome) -> None:
    """What became of each row; a statement for each result and reason."""
    rows = batch.rows.filter(opportunity__in=asked, result="")
    for why, refused in outcome.reasons:
        of_these = rows.filter(opportunity__in=[row.before.pk for row in refused])
        of_these.update(result=Result.REFUSED, why=why)
    for result, found in ((Result.CHANGED, outcome.changed), (Result.UNCHANGED, outcome.unchanged)):
        if found:
            rows.filter(opportunity__in=[row.before.pk for row in found]).update(result=result)
    rows.update(result=Result.GONE)


def cancel(key: int) -> bool:
    """After the slice that is under way; what is done stays. Whether there was anything to stop."""
    return bool(Batch.objects.filter(pk=key, state__in=UNDER_WAY).update(state=State.CANCELLED))


# ── how far it is ────────────────────────────────────────────────────────────────────────────────────────────────────


def progress(batch: Batch) -> dict[str, int]:
    """How many rows of each result; `done` of all of them."""
    found = dict(batch.rows.order_by().values_list("result").annotate(count=Count("pk")))
    counts = {result.value: found.get(result.value, 0) for result in Result}
    return counts | {"waiting": found.get("", 0), "done": (batch.total or 0) - found.get("", 0)}


def reasons(batch: Batch, user: User, shown: int) -> list[dict[str, Any]]:
    """Why rows were left, the most frequent reason first; of each so many that the person sees."""
    refused = batch.rows.filter(result=Result.REFUSED)
    counted = refused.order_by().values_list("why").annotate(count=Count("pk")).order_by(F("count").desc(), "why")
    visible = Opportunity.objects.visible_to(user)
    return [
        {
            "why": why,
            "count": count,
            "rows": list(visible.filter(pk__in=refused.filter(why=why).values("opportunity")).order_by("pk")[:shown]),
        }
        for why, count in counted[:shown]
    ]
