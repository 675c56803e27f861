"""The refused rows of a run as CSV: as they were, and why."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from crm.lib.listing.files import FORMULA
from upkeep.importing.models import ImportRow, ImportRun
from upkeep.importing.running import path_of


class _Echo:
    """What a CSV writer wants of a file: it hands on what is written."""

    def write(self, text: str) -> str:
        return text


def failed_rows(run: ImportRun, *, dry: bool) -> Iterator[bytes]:
    """The spool and the verdicts, side by side in the order of their lines: neither is held whole. Of a file that is gone
    only why is left."""
    writer = csv.writer(_Echo())
    width = len(run.headers)
    yield ("\ufeff" + writer.writerow([*run.headers, _("Row"), _("Why")])).encode()
    refused = run.rows.filter(dry=dry, verdict=ImportRow.Verdict.REFUSED).order_by("line").values_list("line", "why")
    spooled = _spooled(run)
    for line, why in refused.iterator(chunk_size=1000):
        cells: list[Any] = next((cells for at, cells in spooled if at == line), [])
        told = [_inert(cell["n"] if isinstance(cell, dict) else cell or "") for cell in cells[:width]]
        yield writer.writerow([*told, *[""] * (width - len(told)), line, _inert(why)]).encode()


def _spooled(run: ImportRun) -> Iterator[tuple[int, list[Any]]]:
    if not run.spool or not path_of(run.spool).exists():
        return
    with path_of(run.spool).open("rb") as lines:
        yield from map(json.loads, iter(lines.readline, b""))


def _inert(text: str) -> str:
    """With an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if text.startswith(FORMULA) else text
