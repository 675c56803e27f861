"""A file comes in: it is kept under a random name, and what it is and what its columns seem to mean is found out at once."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from collaboration.files import cleaned, stored_name
from crm.lib.uploads import MEGABYTE
from opportunities.models import OpportunityEntry
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import User
from upkeep.importing.fields import KEYS, OF, guessed
from upkeep.importing.models import ImportKind, ImportRun
from upkeep.importing.reading import Cell, Unreadable, detected, headers_of, sample_of
from upkeep.importing.running import path_of
from upkeep.importing.systems import SYSTEMS
from upkeep.importing.values import guessed_mark, guessed_order

LOOKED_AT = 200  # rows, to guess the formats of dates and numbers


def bring(user: User, kind: str, system: str, upload: UploadedFile) -> ImportRun:
    """A run of the file with all that can be guessed. Raises ValidationError."""
    name, size = cleaned(upload.name or ""), upload.size or 0
    said = {"name": name, "most": settings.IMPORT_MOST_MB}
    if not size:
        raise ValidationError(_("“%(name)s” is empty.") % said, code="empty")
    if size > settings.IMPORT_MOST_MB * MEGABYTE:
        raise ValidationError(_("“%(name)s” is larger than %(most)s MB.") % said, code="large")
    stored = default_storage.save(stored_name(), upload)
    run = ImportRun(by=user, kind=kind, name=name[:200] or "?", file=stored, size=size)
    try:
        run.reading = detected(path_of(stored), name)
        read_again(run, system)
        run.save(force_insert=True)
    except BaseException as wrong:
        default_storage.delete(stored)
        if isinstance(wrong, Unreadable):
            raise ValidationError(str(wrong), code="unreadable") from wrong
        raise
    return run


def read_again(run: ImportRun, system: str) -> None:
    """Headers and guesses, after the file came or is to be read otherwise. Raises Unreadable."""
    path = path_of(str(run.file))
    run.headers = headers_of(path, run.reading)
    run.options = remembered(run, system) or guesses(run, system)


def remembered(run: ImportRun, system: str) -> dict[str, Any] | None:
    """What the same person chose for a file with the same columns."""
    same = ImportRun.objects.filter(by=run.by, kind=run.kind, headers=run.headers).exclude(pk=run.pk)
    last = same.exclude(state=ImportRun.State.DRAFT).order_by("-pk").first()
    if last is None or last.options.get("system", "") != system:
        return None
    known: dict[str, Any] = last.options
    return known


def guesses(run: ImportRun, system: str) -> dict[str, Any]:
    of_system = SYSTEMS[system]
    cycle = usual_cycle()
    stages = cycle.stages.all() if cycle and run.kind == ImportKind.OPPORTUNITIES else ()
    columns = guessed(run.kind, run.headers, of_system.columns.get(run.kind, {}), stages)
    sample = sample_of(path_of(str(run.file)), run.reading, LOOKED_AT)
    kinds = {target.name: target.kind for target in OF[ImportKind(run.kind)]}

    def texts(*wanted: str) -> list[str]:
        places = [int(at) for at, name in columns.items() if kinds.get(name, "day") in wanted]
        cells: list[Cell] = [row.cells[at] for row in sample for at in places if at < len(row.cells)]
        return [cell for cell in cells if isinstance(cell, str) and cell]

    found: dict[str, Any] = {
        "system": system,
        "columns": columns,
        "date": guessed_order(texts("day", "when", "moment")),
        "decimal": guessed_mark(texts("money", "percent")),
        "key": next((key for key in KEYS[ImportKind(run.kind)] if key in columns.values()), ""),
        "words": {name: dict(words) for name, words in of_system.words.items()},
        "missing": False,
    }
    if run.kind == ImportKind.OPPORTUNITIES:
        found |= {"cycle": cycle.pk if cycle else None, **usual_codes()}
    usual: Mapping[str, Any] = of_system.options
    found |= {name: value for name, value in usual.items() if name != "key" or value in columns.values()}
    return found


def usual_cycle() -> SalesCycle | None:
    return SalesCycle.objects.default() or SalesCycle.objects.usable().first()


def usual_codes() -> dict[str, int | None]:
    """Of each outcome the one that was used last, else the first."""
    found: dict[str, int | None] = {}
    for outcome in CloseCode.Outcome.values:
        usable = CloseCode.objects.usable().filter(outcome=outcome)
        used = OpportunityEntry.objects.filter(action=outcome, close_code__in=usable).order_by("-pk")
        last = used.values_list("close_code", flat=True).first()
        first = usable.values_list("pk", flat=True).first()
        found[f"{outcome}_code"] = last or first
    return found
