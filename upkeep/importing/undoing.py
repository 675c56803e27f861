"""Taking a run back: what nobody touched since. What it made is erased, what it changed gets back what stood there; the rest stays
and is listed."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connection, transaction
from django.db.models import Count, F, Model, Q
from django.utils.translation import get_language

from collaboration.lifecycle import history
from collaboration.models import Tagging
from contacts.models import MANY, Contact
from crm.lib import jobs
from interactions.models import Interaction
from opportunities import lifecycle as verbs
from opportunities.models import Door, Opportunity, OpportunityEntry, OpportunityWords
from tasks.models import UNTOUCHED, Task
from upkeep.importing import running, tasks, ties
from upkeep.importing.models import ExternalKey, ImportKind, ImportRow, ImportRun
from upkeep.importing.running import lock
from upkeep.importing.short import put_back, state
from upkeep.importing.tables import TABLES, Table
from upkeep.importing.tying import take_back

logger = logging.getLogger(__name__)
State, Verdict = ImportRun.State, ImportRow.Verdict
DONE = (Verdict.CREATED, Verdict.UPDATED)
AT_ONCE = 100  # records


@transaction.atomic
def start(run: ImportRun) -> bool:
    """Whether it was the time for that."""
    found = ImportRun.objects.filter(pk=run.pk, state__in=(State.DONE, State.STOPPED))
    if not found.update(state=State.UNDOING, done=0, language=get_language() or ""):
        return False
    jobs.later("upkeep.import_undo", run=run.pk)
    return True


def take_slice(key: int) -> None:
    undoing = ImportRun.objects.filter(pk=key, state=State.UNDOING)
    jobs.take_slice("upkeep.import_undo", partial(_slice, key), lambda: undoing.update(state=State.STOPPED), run=key)


def _slice(key: int) -> bool:
    """The records of the last rows first: people go before the companies that came before them. It may always go on."""
    run = lock(key)
    if run is None or run.state != State.UNDOING:
        return True
    waiting = run.rows.filter(dry=False, verdict__in=DONE)
    last = list(waiting.order_by("-line").values_list("key", flat=True)[:AT_ONCE])
    if not last:
        ImportRun.objects.filter(pk=key).update(state=State.UNDONE, done=F("total"))
        return True
    records = [one for one in dict.fromkeys(last) if one]
    rows: dict[int, list[ImportRow]] = defaultdict(list)
    for row in waiting.filter(key__in=records).order_by("line"):
        rows[row.key or 0].append(row)
    back = BACK[run.kind](run, {record: rows[record] for record in records})
    _erase_made(one for record in back for row in rows[record] for one in row.made)
    of_these = waiting.filter(key__in=records)
    count = of_these.filter(key__in=back).update(verdict=Verdict.UNDONE) + of_these.update(verdict=Verdict.TOUCHED)
    ImportRun.objects.filter(pk=key).update(done=F("done") + count)
    jobs.later("upkeep.import_undo", run=key)
    return True


def _was_made(rows: list[ImportRow]) -> bool:
    return any(row.verdict == Verdict.CREATED for row in rows)


def _before(rows: list[ImportRow]) -> dict[str, Any]:
    """What stood there before the first of them."""
    found: dict[str, Any] = {}
    for row in reversed(rows):
        found |= row.before
    return found


def named(model: type[Model], keys: Iterable[int], *, but: Iterable[str] = ()) -> set[int]:
    """Those on which rows of other models hang, but of these. A query for each kind of row."""
    found: set[int] = set()
    keys = list(keys)
    relation: Any
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)):
            continue
        other, name = relation.related_model, relation.field.name
        if other.__name__ not in but and other._meta.managed:
            hanging = other._base_manager.filter(**{f"{name}__in": keys}).order_by()
            found |= set(hanging.values_list(name, flat=True))
    return found


# ── contacts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

OWN_OF_CONTACT = (
    *("ContactEvent", "ContactSign", "LikelyPair", "ExternalKey", "Tagging", "TaggingEvent"),
    *("CompanysIndustry", "PersonsResponsibility", "ContactsMailing"),
)


def _contacts(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    """Keys of those that went back, people before companies."""
    held = set(Contact.objects.select_for_update(no_key=True).filter(pk__in=rows).values_list("pk", flat=True))
    marks = running.last_events(list(rows))
    same = [key for key in rows if key not in held or marks.get(key) == max(row.mark or 0 for row in rows[key])]
    new = [key for key in same if _was_made(rows[key])]
    changed = [key for key in same if key in held and key not in new]
    _untag("contact", {key: rows[key] for key in changed})
    for key in changed:
        before = _before(rows[key])
        before.pop("tags", None)
        for name in set(MANY) & set(before):
            getattr(Contact.objects.get(pk=key), name).set(before.pop(name))
        Contact.objects.filter(pk=key).update(**before)
    return _erase_contacts(new, _tags(rows)) + changed


def _tags(rows: dict[int, list[ImportRow]]) -> dict[int, set[int]]:
    """What the run hung on each."""
    return {key: {tag for row in found for tag in row.before.get("tags", ())} for key, found in rows.items()}


def _tagged_by_others(field: str, keys: list[int], own: dict[int, set[int]]) -> set[int]:
    given = Tagging.objects.filter(**{f"{field}__in": keys}).values_list(field, "tag")
    return {key for key, tag in given if tag not in own.get(key, ())}


def _untag(field: str, rows: dict[int, list[ImportRow]]) -> None:
    for key, tags in _tags(rows).items():
        if tags:
            Tagging.objects.filter(**{field: key, "tag__in": tags}).delete()


def _erase_contacts(keys: list[int], tags: dict[int, set[int]]) -> list[int]:
    """Those on which nothing hangs that somebody else made; `tags` are those that the run hung on each."""
    erased: list[int] = []
    while keys:  # once its people are gone, a company may go
        used = named(Contact, keys, but=OWN_OF_CONTACT) | _tagged_by_others("contact", keys, tags)
        free = [key for key in keys if key not in used]
        if not free:
            break
        with connection.cursor() as cursor:  # nothing else hangs on them, so nothing has to be read first
            for table, column in (
                ("upkeep_externalkey", "contact_id"),
                ("collaboration_tagging", "contact_id"),
                ("contacts_companysindustry", "contact_id"),
                ("contacts_personsresponsibility", "contact_id"),
                ("contacts_contactsmailing", "contact_id"),
                ("contacts_contact", "id"),
            ):
                cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [free])  # noqa: S608 - names of our own
        erased += free
        keys = [key for key in keys if key not in free]
    return erased


def _erase_made(keys: Iterable[int]) -> None:
    """Companies that were made on the way, unless somebody changed them since."""
    events: Any = apps.get_model("contacts", "ContactEvent").objects.filter(pgh_obj__in=list(keys)).order_by()
    untouched = events.values("pgh_obj").annotate(count=Count("pk")).filter(count=1)
    _erase_contacts(list(untouched.values_list("pgh_obj", flat=True)), {})


# ── opportunities ────────────────────────────────────────────────────────────────────────────────────────────────────

OWN_OF_OPPORTUNITY = (
    "OpportunityEntry",
    "OpportunityWords",
    "ExternalKey",
    "Task",
    "BatchRow",
    "Tagging",
    "TaggingEvent",
)


def _opportunities(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    held = Opportunity.objects.select_for_update(no_key=True).filter(pk__in=rows).in_bulk()
    new = [key for key in held if _was_made(rows[key])]
    entries: Any = OpportunityEntry.objects.filter(opportunity__in=new)
    others = set(entries.exclude(batch=run.batch_id).values_list("opportunity", flat=True))
    of_stages = UNTOUCHED & Q(entry__isnull=False)
    somebodys = Task.objects.filter(opportunity__in=new).exclude(of_stages)
    others |= set(somebodys.values_list("opportunity", flat=True))
    others |= named(Opportunity, new, but=OWN_OF_OPPORTUNITY)
    others |= _tagged_by_others("opportunity", new, _tags(rows))
    gone = [key for key in new if key not in others]
    _erase_opportunities(gone)
    changed = [key for key in held if key not in new and _put_back(run, held[key], rows[key])]
    _untag("opportunity", {key: rows[key] for key in changed})
    return [*(key for key in rows if key not in held), *gone, *changed]


def _put_back(run: ImportRun, opportunity: Opportunity, rows: list[ImportRow]) -> bool:
    """Step by step, where the last ones are those of this run. Whether there was anything of it to be taken back."""
    batches = list(opportunity.entries.live().order_by("-step").values_list("batch", flat=True))
    count = len(list(takewhile(lambda batch: batch == run.batch_id, batches)))
    for _step in range(count):
        verbs.undo(opportunity, version=opportunity.version, by=run.by, door=Door.IMPORT)
        opportunity = Opportunity.objects.get(pk=opportunity.pk)
    return count > 0 or (run.batch_id not in batches and any("tags" in row.before for row in rows))


def _erase_opportunities(keys: list[int]) -> None:
    """With their ledgers, and the tasks that their stages made; the database lets that through for these statements alone."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL crm.erase = 'on'")
        Task.objects.filter(opportunity__in=keys).delete()
        Tagging.objects.filter(opportunity__in=keys).delete()
        ExternalKey.objects.filter(opportunity__in=keys).delete()
        OpportunityWords.objects.filter(opportunity__in=keys).delete()
        for table, column in (
            ("opportunities_opportunityentry", "opportunity_id"),
            ("opportunities_opportunity", "id"),
        ):
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [keys])  # noqa: S608 - names of our own
        cursor.execute("SET LOCAL crm.erase = 'off'")
    logger.info("%s opportunities were erased with their import", len(keys))


# ── short tables ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_table(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    """What stands as the run left it goes back; what it made stays where something hangs on it."""
    table = TABLES[run.kind]
    held = table.model._default_manager.select_for_update().in_bulk(list(rows))
    back = [key for key in rows if key not in held]
    for key, row in held.items():
        was, left = _was_and_left(rows[key])
        now = state(table, key)
        if any(now[name] != value for name, value in left.items()):
            continue
        if not _was_made(rows[key]):
            put_back(table, row, was)
            back.append(key)
        elif key not in named(table.model, [key], but=_own(table)):
            ExternalKey.objects.filter(salesperson=key if run.kind == ImportKind.SALESPEOPLE else None).delete()
            row.delete()
            back.append(key)
    return back


def _was_and_left(rows: list[ImportRow]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stood there before the first of them, and what the last of them left."""
    was: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for one in rows:
        was, left = one.before["was"] | was, left | one.before["is"]
    return was, left


def _own(table: Table) -> tuple[str, ...]:
    """What goes with a row: its history, and what a file hangs on it."""
    throughs = [getattr(table.model, hangs).through.__name__ for hangs in table.several.values()]
    events = [f"{name}Event" for name in (table.model.__name__, *throughs)]
    return ("ExternalKey", *throughs, *events)


# ── what hangs on contacts and opportunities ─────────────────────────────────────────────────────────────────────────


def _ties(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    """What stands as the run left it goes back, where the rules let it; nobody writes to what it hangs on meanwhile."""
    found = ties.records(run.kind, rows)
    model: Any = Opportunity if ties.TIES[run.kind].of == "opportunity" else Contact
    keys = {record.pk for record in found.values()}
    list(model.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
    back = []
    for key in rows:
        was, left = _was_and_left(rows[key])
        now = ties.state(run.kind, key)
        if now and any(now[name] != value for name, value in left.items()):
            continue
        try:
            with transaction.atomic():
                if now:
                    take_back(run, key, None if _was_made(rows[key]) else was)
        except (ValidationError, verbs.Stale, ObjectDoesNotExist):
            continue
        back.append(key)
    return back


# ── tasks and interactions ────────────────────────────────────────────────────────────────────────────────────────────


def _tasks(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    held, back = _unchanged(Task, rows)
    new = [key for key in held if _was_made(rows[key])]
    back += _erase(Task, new, but=("Attendee", "AttendeeEvent", "TaskEvent", "ExternalKey"))
    with history(run.by):
        for key in held.keys() - set(new):
            tasks.put_back(held[key], _before(rows[key]), by=run.by)
            back.append(key)
    return back


def _interactions(run: ImportRun, rows: dict[int, list[ImportRow]]) -> list[int]:
    held, back = _unchanged(Interaction, rows)
    return back + _erase(Interaction, list(held), but=("InteractionEvent", "ExternalKey"))


def _unchanged(model: Any, rows: dict[int, list[ImportRow]]) -> tuple[dict[int, Any], list[int]]:
    """What still is as the run left it, held; and the keys of what is gone."""
    held = model.objects.select_for_update(no_key=True).in_bulk(list(rows))
    same = {key: row for key, row in held.items() if row.version == max(one.mark or 0 for one in rows[key])}
    return same, [key for key in rows if key not in held]


def _erase(model: Any, keys: list[int], *, but: tuple[str, ...]) -> list[int]:
    """Those on which nothing hangs that somebody else made."""
    used = named(model, keys, but=but)
    free = [key for key in keys if key not in used]
    model.objects.filter(pk__in=free).delete()
    return free


BACK: dict[str, Callable[[ImportRun, dict[int, list[ImportRow]]], list[int]]] = {
    **dict.fromkeys(TABLES, _of_table),
    **dict.fromkeys(ties.TIES, _ties),
    ImportKind.CONTACTS: _contacts,
    ImportKind.OPPORTUNITIES: _opportunities,
    ImportKind.TASKS: _tasks,
    ImportKind.INTERACTIONS: _interactions,
}
