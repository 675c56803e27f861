"""Taking a run back: what nobody touched since. What it made is erased, what it changed gets back what stood there; the rest stays
and is listed."""

import logging
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils.translation import get_language

from contacts.models import Contact
from crm.lib import jobs
from crm.lib.in_use import in_use
from opportunities import lifecycle as verbs
from opportunities.models import Door, Opportunity, OpportunityEntry
from salespeople.models import Membership, Salesperson
from tasks.models import UNTOUCHED, Task
from upkeep.importing import running
from upkeep.importing.models import ExternalKey, ImportKind, ImportRow, ImportRun
from upkeep.importing.running import PAUSE, Busy, lock

logger = logging.getLogger(__name__)
State, Verdict = ImportRun.State, ImportRow.Verdict
DONE = (Verdict.CREATED, Verdict.UPDATED)
AT_ONCE = 100  # records


@transaction.atomic
def start(run: ImportRun) -> bool:
    """Whether it was the time for that."""
    found = ImportRun.objects.filter(pk=run.pk, state__in=(State.DONE, State.STOPPED))
    if not found.update(state=State.UNDOING, language=get_language() or ""):
        return False
    jobs.later("upkeep.import_undo", run=run.pk)
    return True


def take_slice(key: int) -> None:
    try:
        with transaction.atomic():
            _slice(key)
    except Busy:
        jobs.later("upkeep.import_undo", after=PAUSE, run=key)
    except DatabaseError:
        raise  # nothing was written; the job is done again
    except Exception:
        logger.exception("taking back import %s was stopped", key)
        ImportRun.objects.filter(pk=key, state=State.UNDOING).update(state=State.STOPPED)


def _slice(key: int) -> None:
    """The records of the last rows first: people go before the companies that came before them."""
    run = lock(key)
    if run is None or run.state != State.UNDOING:
        return
    waiting = run.rows.filter(dry=False, verdict__in=DONE)
    last = list(waiting.order_by("-line").values_list("key", flat=True)[:AT_ONCE])
    if not last:
        ImportRun.objects.filter(pk=key).update(state=State.UNDONE)
        return
    back = {ImportKind.CONTACTS: _contact, ImportKind.OPPORTUNITIES: _opportunity, ImportKind.SALESPEOPLE: _salesperson}
    for record in dict.fromkeys(one for one in last if one):
        rows = list(waiting.filter(key=record).order_by("line"))
        with transaction.atomic():
            untouched = back[ImportKind(run.kind)](run, record, rows)
            made = [one for row in rows for one in row.made]
            if untouched and made:
                for one in made:
                    _erase_made(one)
        waiting.filter(key=record).update(verdict=Verdict.UNDONE if untouched else Verdict.TOUCHED)
    jobs.later("upkeep.import_undo", run=key)


# ── contacts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _contact(run: ImportRun, key: int, rows: list[ImportRow]) -> bool:
    """Whether it went back."""
    contact = Contact.objects.select_for_update(no_key=True).filter(pk=key).first()
    if contact is None:
        return True
    if running.last_events([key]).get(key) != max(row.mark or 0 for row in rows):
        return False
    if any(row.verdict == Verdict.CREATED for row in rows):
        return _erase_contact(key)
    before: dict[str, Any] = {}
    for row in reversed(rows):
        before |= row.before
    industries = before.pop("industry_groups", None)
    if industries is not None:
        contact.industry_groups.set(industries)
    Contact.objects.filter(pk=key).update(**before)
    return True


def _erase_contact(key: int) -> bool:
    """Where nothing hangs on it that somebody else made."""
    contact = Contact.objects.filter(pk=key).first()
    if contact is None:
        return True
    own = ExternalKey.objects.filter(contact=key)
    if in_use(contact) or any(manager.exists() for manager in _hanging(contact)):
        return False
    own.delete()
    contact.delete()
    return True


def _erase_made(key: int) -> None:
    """A company that was made on the way, unless somebody changed it since."""
    events: Any = apps.get_model("contacts", "ContactEvent").objects.filter(pgh_obj=key)
    if events.count() == 1:
        _erase_contact(key)


def _hanging(contact: Contact) -> list[Any]:
    """What would be deleted with it."""
    names = ("comments", "taggings", "grants", "alternative_addresses")
    return [getattr(contact, name).all() for name in names if hasattr(contact, name)]


# ── opportunities ────────────────────────────────────────────────────────────────────────────────────────────────────


def _opportunity(run: ImportRun, key: int, rows: list[ImportRow]) -> bool:
    opportunity = Opportunity.objects.select_for_update(no_key=True).filter(pk=key).first()
    if opportunity is None:
        return True
    entries = list(OpportunityEntry.objects.filter(opportunity=key).order_by("step"))
    if any(row.verdict == Verdict.CREATED for row in rows):
        return all(entry.batch_id == run.batch_id for entry in entries) and _erase_opportunity(opportunity)
    return _put_back(run, opportunity)


def _put_back(run: ImportRun, opportunity: Opportunity) -> bool:
    """Step by step, as long as the last one is of this run."""
    before = 0
    while True:
        live = list(opportunity.entries.live().order_by("-step")[:2])
        if not live or live[0].batch_id != run.batch_id:
            return bool(before)
        verbs.undo(opportunity, version=opportunity.version, by=run.by, door=Door.IMPORT)
        opportunity, before = Opportunity.objects.get(pk=opportunity.pk), before + 1


def _erase_opportunity(opportunity: Opportunity) -> bool:
    """With its ledger, and the tasks that its stages made; the database lets that through for this transaction alone."""
    tasks = Task.objects.filter(opportunity=opportunity)
    if tasks.exclude(UNTOUCHED).exists():
        return False
    if _has_more(opportunity):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL crm.erase = 'on'")
    tasks.delete()
    ExternalKey.objects.filter(opportunity=opportunity).delete()
    OpportunityEntry.objects.filter(opportunity=opportunity).delete()
    Opportunity.objects.filter(pk=opportunity.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL crm.erase = 'off'")
    logger.info("opportunity %s was erased with its import", opportunity.pk)
    return True


OWN = {"OpportunityEntry", "OpportunityWords", "ExternalKey", "Task"}


def _has_more(opportunity: Opportunity) -> bool:
    """Quotes, comments, files, interactions …"""
    for relation in Opportunity._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and relation.one_to_many:
            model: Any = relation.related_model
            if model.__name__ not in OWN and model._base_manager.filter(**{relation.field.name: opportunity}).exists():  # type: ignore[union-attr]
                return True
    return False


# ── salespeople ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _salesperson(run: ImportRun, key: int, rows: list[ImportRow]) -> bool:
    person = Salesperson.objects.filter(pk=key).first()
    if person is None:
        return True
    if any(row.verdict == Verdict.CREATED for row in rows):
        if in_use(person) or any(person.contacts.all()[:1]):
            return False
        ExternalKey.objects.filter(salesperson=key).delete()
        Membership.objects.filter(salesperson=key).delete()
        person.delete()
        return True
    before: dict[str, Any] = {}
    for row in reversed(rows):
        before |= row.before
    Salesperson.objects.filter(pk=key).update(**before)
    return True
