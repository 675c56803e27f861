"""The ledger as a story: who changed what from what to what, through which door."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext_lazy as _

from opportunities.ledger import with_stage_names
from opportunities.models import Action, Opportunity, OpportunityEntry, Tracked

# What is told of a step, in this order, and how it is shown. The company follows the contact and is not told twice.
TOLD = (
    ("status", "choice"),
    ("stage", "stage"),
    ("estimated_value", "money"),
    ("chances", "percent"),
    ("probability", "percent"),
    ("calculated_value", "money"),
    ("closing_on", "day"),
    ("sales_value", "money"),
    ("close_code", "name"),
    ("description", "name"),
    ("priority", "choice"),
    ("source", "name"),
    ("contact", "name"),
    ("salesperson", "name"),
    ("sales_cycle", "name"),
)
FACTS = (Action.EDITED, Action.REASSIGNED)
SHOWN = {"moves": _("Moves"), "estimates": _("Estimates"), "facts": _("Facts")}  # what the timeline can be narrowed to
RELATED = ("by", "close_code", "source", "contact", "salesperson", "sales_cycle")


@dataclass(frozen=True)
class Change:
    label: Any
    kind: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Told:
    """One step: the entry, what it changed, and which kind of step it is: a word of `SHOWN`."""

    entry: OpportunityEntry
    changes: list[Change]
    kind: str

    @property
    def stage_name(self) -> str:
        """What its stage was called then."""
        return self.entry.stage_name or ""  # type: ignore[attr-defined]

    @property
    def is_correction(self) -> bool:
        return self.entry.undoes is not None and self.entry.action != Action.UNDONE


def timeline(opportunity: Opportunity) -> list[Told]:
    """Every step, newest first, in one query."""
    entries: list[Any] = list(with_stage_names(opportunity.entries.select_related(*RELATED)).order_by("step"))
    kinds: dict[int, str] = {}
    told = []
    for before, entry in zip([None, *entries], entries, strict=False):
        kinds[entry.step] = _kind(entry, kinds)
        told.append(Told(entry, list(changes(before, entry)), kinds[entry.step]))
    return told[::-1]


def _kind(entry: OpportunityEntry, kinds: dict[int, str]) -> str:
    """By what was done, whatever it changed; what takes a step back, or corrects it, is of that step's kind."""
    if entry.undoes is not None:
        return kinds[entry.undoes]
    return "estimates" if entry.action == Action.REVISED else "facts" if entry.action in FACTS else "moves"


def postponements(live: Sequence[OpportunityEntry]) -> int:
    """How often the closing date was moved later by a step of an open opportunity. `live`: the live entries, newest first."""
    steps = pairwise(reversed(live))
    return sum(
        before.closing_on < after.closing_on
        for before, after in steps
        if before.closing_on and after.closing_on and not before.is_closed and not after.is_closed
    )


def changes(before: Tracked | None, after: Tracked) -> Iterable[Change]:
    """Both carry `stage_name`, what their stage was called."""
    for name, kind in TOLD:
        label = OpportunityEntry._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        old, new = _shown(before, name, kind), _shown(after, name, kind)
        if before is not None and old != new:
            yield Change(label, kind, old, new)
        elif before is None and new and name in ("estimated_value", "closing_on", "salesperson"):
            yield Change(label, kind, None, new)


def _shown(entry: Tracked | None, name: str, kind: str) -> Any:
    if entry is None:
        return None
    if kind == "choice":
        return getattr(entry, f"get_{name}_display")()
    return getattr(entry, "stage_name" if kind == "stage" else name)
