"""A row of a file as values: by the columns that were chosen, the words that were given, the formats of dates and numbers."""

import json
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext_lazy as _

from contacts.names import validate_readable
from upkeep.importing import values
from upkeep.importing.fields import ENTERED, targets
from upkeep.importing.linking import World
from upkeep.importing.models import LONGEST_KEY, ImportRow
from upkeep.importing.reading import ERRORS, Row

Verdict = ImportRow.Verdict
TRUE = {"1", "true", "yes", "x", "ja", "kyllä", "sì", "si", "person"}
FALSE = {"0", "false", "no", "nein", "nee", "nei", "ei", "none", ""}


class Taken(NamedTuple):
    """What became of a row. `key` of what was made or changed; `before` what stood there."""

    verdict: str
    key: int = 0
    label: str = ""
    made: list[int] = []
    before: dict[str, Any] = {}


def hidden() -> ValidationError:
    """Of what is there and is not the person's."""
    return ValidationError(_("It is there already, and you may not change it."), code="hidden")


def as_json(told: dict[str, Any]) -> dict[str, Any]:
    """As a row of the import keeps it, and reads it again."""
    found: dict[str, Any] = json.loads(json.dumps(told, cls=DjangoJSONEncoder))
    return found


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What stood there of what is not so any more."""
    return {name: value for name, value in before.items() if after[name] != value}


def kinds_of(world: World) -> dict[str, str]:
    return {target.name: target.kind for target in targets(world.run.kind, world.stages)}


def read(world: World, row: Row, kinds: dict[str, str]) -> dict[str, Any]:
    """Target → value; what is blank is left out, so it changes nothing. Raises ValidationError."""
    _refuse_beyond(world, row)
    found: dict[str, Any] = {}
    for at, target in world.options["columns"].items():
        cell = row.cells[int(at)] if int(at) < len(row.cells) else None
        if cell is None or cell == "" or target not in kinds:
            continue
        said = world.meant(kinds[target] if kinds[target] != "text" else target, _as_text(cell))
        if said == "" or said.startswith("0001-01-01"):  # how Business Central writes no date
            continue
        _refuse_broken(said)
        found[target] = value(world, kinds[target], cell if isinstance(cell, Decimal) else said, said)
    external_key(found)  # refused with its row, before keys are looked up for many
    return found


def _refuse_beyond(world: World, row: Row) -> None:
    beyond = row.cells[len(world.run.headers) :]
    if any(cell not in (None, "") for cell in beyond):
        said = _("The row has more cells than there are headers: %(count)d.")
        raise ValidationError(said, params={"count": len(row.cells)})


def _refuse_broken(said: str) -> None:
    if said in ERRORS:
        raise ValidationError(_("A formula of the spreadsheet failed: %(said)s."), params={"said": said})
    if "\0" in said:
        raise ValidationError(_("There is a sign in it that no text has. Was the right encoding chosen?"))
    validate_readable(said)


def _as_text(cell: Any) -> str:
    """A number of a spreadsheet as people write it: 12345, not 1.2345E+4 or 12345.0."""
    if not isinstance(cell, Decimal):
        return str(cell)
    return f"{cell:f}".rstrip("0").rstrip(".") if "." in f"{cell:f}" else f"{cell:f}"


def value(world: World, kind: str, cell: Any, said: str) -> Any:
    """Links stay names, and are looked up by who knows what for."""
    match kind:
        case "day":
            return values.day(said, world.order)
        case "when":
            return values.when(said, world.order, world.clock)
        case "clock":
            return values.clock(said)
        case "moment":
            return values.moment(said, world.order, world.clock)
        case "minutes":
            return values.minutes(cell, world.mark)
        case "money" | "percent":
            return values.number(cell, world.mark)
        case "flag":
            return said.casefold() not in FALSE
        case _:
            return said


def external_key(given: dict[str, Any]) -> str:
    """Raises ValidationError."""
    key = str(given.get("external_key", "")).strip()
    if len(key) > LONGEST_KEY:
        raise ValidationError(
            _("The key of the other system is longer than %(most)d characters."), params={"most": LONGEST_KEY}
        )
    return key


def entered(given: dict[str, Any]) -> dict[int, Any]:
    """Stages by key, and when they were entered."""
    return {int(name.removeprefix(ENTERED)): day for name, day in given.items() if name.startswith(ENTERED)}
