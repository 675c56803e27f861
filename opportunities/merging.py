"""Two people changed one opportunity: what each of them meant, field by field (docs/decisions.md, “Two people at once”)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crm.lib.priority import Priority
from opportunities.models import OpportunityEntry
from opportunities.timeline import TOLD

KINDS = {name: kind for name, _compared, kind in TOLD}


@dataclass(frozen=True)
class Clash:
    """A field that both changed, to different values. Each value is ready to be shown as its `kind`."""

    name: str
    label: Any
    kind: str
    before: Any
    theirs: Any
    mine: Any


@dataclass(frozen=True)
class Merge:
    """`mine` and `theirs`: what only one of both changed; `agreed`: what both changed alike."""

    mine: dict[str, Any]
    theirs: dict[str, Any]
    agreed: dict[str, Any]
    clashes: list[Clash]


NOTHING = Merge(mine={}, theirs={}, agreed={}, clashes=[])


def merge(before: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Merge:
    """Compare three states of one form's fields: as I saw them, as they are saved now, and as I sent them."""
    mine = {name: mine[name] for name in before if name in mine}
    changed = {name for name in mine if mine[name] != before[name]}
    moved = {name for name in before if theirs[name] != before[name]}
    both = [name for name in mine if name in changed & moved]
    return Merge(
        mine={name: mine[name] for name in mine if name in changed - moved},
        theirs={name: theirs[name] for name in before if name in moved - changed},
        agreed={name: mine[name] for name in both if mine[name] == theirs[name]},
        clashes=[_clash(name, before, theirs, mine) for name in both if mine[name] != theirs[name]],
    )


def _clash(name: str, *states: Mapping[str, Any]) -> Clash:
    label: Any = OpportunityEntry._meta.get_field(name).verbose_name  # type: ignore[union-attr]
    return Clash(name, label, KINDS[name], *(_shown(name, state[name]) for state in states))


def _shown(name: str, value: Any) -> Any:
    if name == "chances" and value is None:
        return _("the stage's own")
    if name == "priority" and value:
        return Priority(value).label
    return value
