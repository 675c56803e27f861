"""What the worker does with a file: reads it once, then tries its rows (`check`) or takes them in (`start`), slice by slice.

A slice is one transaction: its rows, what became of each, how far the run is and the request for the next slice are written
together. A worker that is killed leaves no half of it, and whoever takes the run up again goes on behind the last slice. What rows
make is gathered and written in a few statements; a row that changes what is there is taken alone, in a savepoint of its own. Where
the database refuses what was gathered, all rows of the slice are taken alone, so that each refusal has its own reason. A dry slice
is rolled back whole, and only what would have become of its rows is written.
"""

import datetime
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Count, Max
from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collaboration.files import stored_name
from contacts.models import Contact
from crm.lib import jobs
from crm.lib.races import Busy, go_first, is_busy, refused_by, take_turns
from interactions.lifecycle import Stale as StaleInteraction
from interactions.models import Interaction
from opportunities import lifecycle
from opportunities.models import Batch, Door, Opportunity
from salespeople.auth import with_rights
from salespeople.models import User
from tasks.lifecycle import Stale as StaleTask
from tasks.models import Task
from upkeep.importing import contacts, interactions, opportunities, short, tasks, tying
from upkeep.importing.fields import OF
from upkeep.importing.linking import Alone, NotTogether, Unknown, World
from upkeep.importing.models import ExternalKey, ImportKind, ImportRow, ImportRun
from upkeep.importing.reading import Row, Unreadable, read_spool, write_spool
from upkeep.importing.rows import Taken, kinds_of, read
from upkeep.importing.tables import TABLES
from upkeep.importing.ties import TIES

logger = logging.getLogger(__name__)
State, Verdict = ImportRun.State, ImportRow.Verdict
KEPT = datetime.timedelta(days=90)  # files of a run
UNDER_WAY = (State.CHECKING, State.RUNNING, State.UNDOING)
SLICES = 0x494D504F  # names the locks that let one slice of a run at a time
KINDS_IN_TURN = 0x494D504B  # and one slice of a kind
KINDS: dict[str, Any] = {
    **dict.fromkeys(TABLES, short),
    **dict.fromkeys(TIES, tying),
    ImportKind.CONTACTS: contacts,
    ImportKind.OPPORTUNITIES: opportunities,
    ImportKind.TASKS: tasks,
    ImportKind.INTERACTIONS: interactions,
}
# of a slice; each contact that is written holds some twenty locks of its signs until the slice ends
AT_ONCE: dict[str, int] = dict.fromkeys(KINDS, 100) | dict.fromkeys(TABLES, 1000)
NAMING = ("opportunity", "contact")  # of what has no name itself
GATHERED = (ImportKind.CONTACTS, ImportKind.OPPORTUNITIES)
MODELS: dict[str, Any] = {kind: table.model for kind, table in TABLES.items()} | {
    ImportKind.CONTACTS: Contact,
    ImportKind.OPPORTUNITIES: Opportunity,
    ImportKind.TASKS: Task,
    ImportKind.INTERACTIONS: Interaction,
}


def may_run(user: User, kind: str) -> bool:
    asked = TIES[kind].written if kind in TIES else _permissions(kind, "add", "change")
    return user.has_perms(["upkeep.add_importrun", *asked])


def may_take_out(user: User, kind: str) -> bool:
    """A table that goes out from the page of imports."""
    return user.has_perms(TIES[kind].seen if kind in TIES else _permissions(kind, "view"))


def _permissions(kind: str, *acts: str) -> tuple[str, ...]:
    rows = MODELS[kind]._meta
    return tuple(f"{rows.app_label}.{act}_{rows.model_name}" for act in acts)


# ── asking for it ────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def check(run: ImportRun) -> bool:
    """Try every row, by the columns and formats as they are chosen now. Whether it was the time for that."""
    found = ImportRun.objects.filter(pk=run.pk, state__in=(State.DRAFT, State.CHECKED, State.BROKEN))
    language = get_language() or ""
    if not found.update(state=State.CHECKING, done=0, offset=0, total=None, why="", language=language):
        return False
    jobs.later("upkeep.import_spool", run=run.pk)
    return True


@transaction.atomic
def start(run: ImportRun) -> bool:
    """Take the rows in; a run that was stopped goes on. Whether it was the time for that."""
    found = ImportRun.objects.filter(pk=run.pk, file_is_gone=False)
    if found.filter(state=State.CHECKED).update(state=State.RUNNING, done=0, offset=0):
        batch = Batch.objects.create(door=Door.IMPORT, by=run.by) if run.kind == ImportKind.OPPORTUNITIES else None
        found.update(batch=batch, language=get_language() or "")
    elif not found.filter(state=State.STOPPED).update(state=State.RUNNING, why=""):
        return False
    jobs.later("upkeep.import_slice", run=run.pk)
    return True


def cancel(key: int) -> bool:
    """After the slice that is under way; what is done stays. Whether there was anything to stop."""
    found = ImportRun.objects.filter(pk=key)
    checking = found.filter(state=State.CHECKING).update(state=State.DRAFT)
    return bool(checking or found.filter(state=State.RUNNING).update(state=State.STOPPED))


# ── reading the file once ────────────────────────────────────────────────────────────────────────────────────────────


def path_of(name: str) -> Path:
    path = Path(default_storage.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def spool(key: int) -> None:
    """The whole file, row by row; begun anew if a worker was killed meanwhile."""
    run = ImportRun.objects.filter(pk=key, state=State.CHECKING).first()
    if run is None:
        return
    with translation.override(run.language):
        try:
            name, total = _spooled(run)
        except (Unreadable, OSError) as wrong:
            why = str(wrong) if isinstance(wrong, Unreadable) else _("The file is not there any more. Bring it again.")
            ImportRun.objects.filter(pk=key, state=State.CHECKING).update(state=State.BROKEN, why=why)
            return
    with transaction.atomic(), _unlimited():
        run.rows.filter(dry=True).delete()
        if ImportRun.objects.filter(pk=key, state=State.CHECKING).update(spool=name, total=total, done=0, offset=0):
            jobs.later("upkeep.import_slice", run=key)


def _spooled(run: ImportRun) -> tuple[str, int]:
    name = run.spool or stored_name()
    path = path_of(name)
    with path.open("wb") as file:
        return name, write_spool(path_of(str(run.file)), run.reading, file)


@contextmanager
def _unlimited() -> Iterator[None]:
    """Many rows go at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    yield


def forget_files() -> None:
    """Files of long ago, which hold more of people than what became of them. The run stays, with its verdicts and its undo."""
    old = ImportRun.objects.filter(made_at__lt=timezone.now() - KEPT).exclude(state__in=UNDER_WAY)
    for run in old.filter(file_is_gone=False).iterator():
        with translation.override(run.language or settings.LANGUAGE_CODE):
            why = _("The file is not there any more. Bring it again.")
        for name in filter(None, (str(run.file), run.spool)):
            default_storage.delete(name)
        same = ImportRun.objects.filter(pk=run.pk)
        same.filter(state__in=(State.DRAFT, State.CHECKED)).update(state=State.BROKEN, why=why)
        same.update(spool="", file_is_gone=True)


# ── slices ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_slice(key: int) -> None:
    """The next rows, then those after them. What cannot go on is stopped, and says so in the log."""

    def broken() -> None:
        cancel(key)
        ImportRun.objects.filter(pk=key).update(why=_("It was stopped by a fault of ours, which the log tells."))

    jobs.take_slice("upkeep.import_slice", partial(_slice, key), lambda: cancel(key), broken, run=key)


def lock(key: int) -> ImportRun | None:
    """The run, if it is under way and nobody else has it in hand. Raises Busy."""
    go_first(SLICES, key)
    return ImportRun.objects.filter(pk=key, state__in=UNDER_WAY).first()


def _slice(key: int) -> bool:
    """Whether the person may still do it."""
    run = lock(key)
    if run is None or run.state == State.UNDOING:
        return True
    user: User | None = with_rights(User.objects.filter(is_active=True)).filter(pk=run.by_id).first()
    if user is None or not may_run(user, run.kind):
        return False
    dry = run.state == State.CHECKING
    if not dry:  # what another run of the same kind made is found, and not made again
        take_turns(KINDS_IN_TURN, ImportKind.values.index(run.kind))
    rows, offset = read_spool(path_of(run.spool), run.offset, AT_ONCE[run.kind])
    over = State.CHECKED if dry else State.DONE
    if rows:
        with translation.override(run.language):
            noted = _taken(run, user, rows, dry=dry)
        ImportRow.objects.bulk_create(noted)
    same = ImportRun.objects.filter(pk=key, state=run.state)
    same.update(done=run.done + len(rows), offset=offset, state=run.state if rows else over)
    if rows:
        jobs.later("upkeep.import_slice", run=key)
    return True


def _taken(run: ImportRun, user: User, rows: list[Row], *, dry: bool) -> list[ImportRow]:
    try:
        return _tried(World(run, user, dry=dry, gathers=run.kind in GATHERED), rows)
    except NotTogether as refused:
        logger.info(
            "import %s: rows from %s on are taken one by one (%s)",
            run.pk,
            rows[0].line,
            refused_by(refused.__cause__ or refused),
        )
    except OperationalError as error:
        if is_busy(error):
            raise Busy from error
        raise
    return _tried(World(run, user, dry=dry), rows)


def _tried(world: World, rows: list[Row]) -> list[ImportRow]:
    with transaction.atomic():
        if world.dry:
            _compare_nobody()
        noted = _take_all(world, rows)
        if world.dry:
            connection.check_constraints()  # what the rows would hear of at their commit
            transaction.set_rollback(True)
    return noted


def _compare_nobody() -> None:
    """Until this transaction is rolled back: what is only tried looks like nobody."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL crm.only_tried = 'on'")


def _take_all(world: World, rows: list[Row]) -> list[ImportRow]:
    kind, kinds = KINDS[world.run.kind], kinds_of(world)
    given: dict[int, dict[str, Any]] = {}
    noted: dict[int, ImportRow] = {}
    for row in rows:
        try:
            given[row.line] = read(world, row, kinds)
        except ValidationError as refused:
            noted[row.line] = _refused(world, row.line, refused)
    kind.look_up(world, list(given.values()))
    for line, values in given.items():
        noted[line] = _take(world, kind, line, values)
    world.write()
    world.hang()
    ExternalKey.objects.bulk_create(world.new_keys)
    _mark(world, list(noted.values()))
    return list(noted.values())


def _take(world: World, kind: Any, line: int, values: dict[str, Any]) -> ImportRow:
    world.learnt = []
    try:
        tags = world.tags_of(values)
        taken = _gathered(world, kind, values) or _alone(world, kind, values)
    except ValidationError as refused:
        return _refused(world, line, refused, values)
    except (lifecycle.Stale, StaleTask, StaleInteraction):
        return _refused(world, line, ValidationError(_("Somebody is at work on it just now.")), values)
    except IntegrityError as wrong:
        said = _("The database refuses it (%(rule)s).") % {"rule": refused_by(wrong) or "?"}
        return _refused(world, line, ValidationError(said), values)
    except OperationalError as error:
        if is_busy(error):
            raise Busy from error
        raise
    noted = ImportRow(
        run=world.run,
        dry=world.dry,
        line=line,
        verdict=taken.verdict,
        label=taken.label[:200],
        key=None if world.dry else taken.key or None,
        made=[] if world.dry else taken.made,
        before={} if world.dry else taken.before,
    )
    if tags and taken.key:
        world.tagged.append((noted, taken.key, tags))
    return noted


def _gathered(world: World, kind: Any, values: dict[str, Any]) -> Taken | None:
    """None where the row has to be taken alone. Raises ValidationError."""
    if world.contacts is None:
        return None
    try:
        with world.gathering():
            taken: Taken = kind.take(world, values)
            return taken
    except Alone:
        world.forget()
        return None


def _alone(world: World, kind: Any, values: dict[str, Any]) -> Taken:
    """Raises ValidationError, Stale, DatabaseError."""
    world.write()
    told = lifecycle.together.set(True)  # the row's own savepoint is enough
    try:
        with transaction.atomic():
            taken: Taken = kind.take(world, values)
            return taken
    finally:
        lifecycle.together.reset(told)


def _refused(world: World, line: int, refused: ValidationError, values: dict[str, Any] | None = None) -> ImportRow:
    world.forget()
    label = next((str(values[name]) for name in ("name", "description", *NAMING) if values and values.get(name)), "")
    row = ImportRow(run=world.run, dry=world.dry, line=line, verdict=Verdict.REFUSED, label=label[:200])
    row.why = " ".join(dict.fromkeys(_sentences(refused, world.run.kind)))
    if isinstance(refused, Unknown):
        row.field, row.said = refused.field, refused.said
    return row


def _sentences(refused: ValidationError, kind: str) -> Iterator[str]:
    """Each with the field that it is about, where that is a column."""
    if not hasattr(refused, "error_dict"):
        yield from refused.messages
        return
    labels = {target.name: capfirst(str(target.label)) for target in OF[ImportKind(kind)]}
    labels["on"] = labels.get("happened_on", "")
    for field, errors in refused.error_dict.items():
        for error in errors:
            for said in error.messages:
                yield f"{labels[field]}: {said}" if labels.get(field) else said


def _mark(world: World, noted: list[ImportRow]) -> None:
    """By what a later change is told: of a contact by the last event of its history, of what counts its changes by their number."""
    if world.dry or world.run.kind not in MARKS:
        return
    marks = MARKS[world.run.kind]([row.key for row in noted if row.key])
    for row in noted:
        row.mark = marks.get(row.key or 0)


def last_events(keys: list[Any]) -> dict[int, int]:
    events: Any = apps.get_model("contacts", "ContactEvent").objects.filter(pgh_obj__in=keys).order_by()
    return dict(events.values_list("pgh_obj").annotate(last=Max("pgh_id")))


def versions(model: Any, keys: list[Any]) -> dict[int, int]:
    return dict(model._default_manager.filter(pk__in=keys).order_by().values_list("pk", "version"))


MARKS: dict[str, Callable[[list[Any]], dict[int, int]]] = {
    ImportKind.CONTACTS: last_events,
    ImportKind.TASKS: partial(versions, Task),
    ImportKind.INTERACTIONS: partial(versions, Interaction),
}


# ── how far it is ────────────────────────────────────────────────────────────────────────────────────────────────────


def verdicts(run: ImportRun, *, dry: bool) -> dict[str, int]:
    """How many rows there are of each."""
    found = run.rows.filter(dry=dry).order_by().values_list("verdict").annotate(count=Count("pk"))
    return dict(found)


def reasons(run: ImportRun, *, dry: bool, shown: int) -> list[dict[str, Any]]:
    """Why rows were refused, the most frequent reason first, each with its first rows."""
    refused = run.rows.filter(dry=dry, verdict=Verdict.REFUSED)
    counted = refused.order_by().values_list("why").annotate(count=Count("pk")).order_by("-count", "why")[:shown]
    return [
        {"why": why, "count": count, "rows": list(refused.filter(why=why).order_by("line")[:shown])}
        for why, count in counted
    ]


def unknown(run: ImportRun, shown: int) -> list[dict[str, Any]]:
    """Names that lead nowhere, the most frequent first."""
    refused = run.rows.filter(dry=True, verdict=Verdict.REFUSED).exclude(field="").order_by()
    counted = refused.values("field", "said").annotate(count=Count("pk")).order_by("-count", "field", "said")
    return [dict(one) for one in counted[:shown]]
