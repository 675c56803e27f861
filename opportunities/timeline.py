"""The ledger as a story: who changed what from what to what, through which door."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from collaboration.told import Event
from crm.lib.prepared import Prepared
from crm.lib.priority import Priority
from opportunities.ledger import with_stage_names
from opportunities.models import Action, Door, Opportunity, OpportunityEntry, Status, Tracked

# What is told of a step, in this order: field, what is compared, and how it is shown. The company follows the contact and is
# not told twice.
TOLD = (
    ("status", "status", "status"),
    ("stage", "stage_name", "stage"),
    ("estimated_value", "estimated_value", "money"),
    ("chances", "chances", "percent"),
    ("probability", "probability", "percent"),
    ("calculated_value", "calculated_value", "money"),
    ("closing_on", "closing_on", "day"),
    ("sales_value", "sales_value", "money"),
    ("close_code", "close_code_id", "name"),
    ("description", "description", "name"),
    ("priority", "priority", "priority"),
    ("source", "source_id", "name"),
    ("competitor", "competitor_id", "name"),
    ("contact", "contact_id", "name"),
    ("salesperson", "salesperson_id", "name"),
    ("sales_cycle", "sales_cycle_id", "name"),
)
LABELS = {name: OpportunityEntry._meta.get_field(name).verbose_name for name, *_ in TOLD}  # type: ignore[union-attr]
AT_FIRST = ("estimated_value", "closing_on", "salesperson")  # what is told of the first step
SYMBOLS = {
    Action.WON: "check",
    Action.LOST: "x",
    Action.UNDONE: "undo",
    Action.CREATED: "plus",
    Action.REVISED: "edit",
    Action.EDITED: "edit",
    Action.REASSIGNED: "people",
}
COLOURS = {Action.WON: "green", Action.LOST: "red"}
FACTS = (Action.EDITED, Action.REASSIGNED)
# what the timeline can be narrowed to
SHOWN = {
    "moves": _("Moves"),
    "estimates": _("Estimates"),
    "facts": _("Facts"),
    "comments": _("Comments"),
    "talks": _("Interactions"),
    "tasks": _("Tasks"),
}
OWN = [field.name for field in OpportunityEntry._meta.concrete_fields]
NAMES = (
    *("by__name", "by__email", "contact__name", "salesperson__name"),
    *(f"{of}__{part}" for of in ("close_code", "source", "sales_cycle") for part in ("code", "description")),
    *("competitor__code", "competitor__name"),
)
RELATED = ("by", "close_code", "source", "competitor", "contact", "salesperson", "sales_cycle")


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
    def action(self) -> Any:
        """In words. Faster than Django's `get_action_display`, which copies every choice each time."""
        return Action(self.entry.action).label

    @property
    def door(self) -> Any:
        return Door(self.entry.door).label

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(Action(self.entry.action), "arrow-right")

    @property
    def colour(self) -> str:
        return COLOURS.get(Action(self.entry.action)) or ("" if self.entry.replaced_at else "blue")

    @property
    def at(self) -> datetime.datetime:
        return self.entry.recorded_at

    @property
    def is_correction(self) -> bool:
        return self.entry.undoes is not None and self.entry.action != Action.UNDONE


def _ledger(shape: None, opportunity: int) -> QuerySet[OpportunityEntry]:
    entries = OpportunityEntry.objects.filter(opportunity=opportunity).select_related(*RELATED)
    return with_stage_names(entries).only(*OWN, *NAMES).order_by("step")


LEDGER = Prepared(_ledger, planned=True)


def timeline(opportunity: Opportunity) -> list[Told]:
    """Every step, newest first, in one query."""
    entries: list[Any] = LEDGER.rows(None, opportunity.pk)
    kinds: dict[int, str] = {}
    told = []
    for before, entry in zip([None, *entries], entries, strict=False):
        kinds[entry.step] = _kind(entry, kinds)
        told.append(Told(entry, list(changes(before, entry)), kinds[entry.step]))
    return told[::-1]


def woven(told: list[Told], events: list[Event]) -> list[Told | Event]:
    """Steps, comments and what else happened, newest first. Steps keep their order."""
    return sorted([*told, *events], key=lambda one: one.at, reverse=True)


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
    for name, compared, kind in TOLD:
        if before is not None and getattr(before, compared) != getattr(after, compared):
            yield Change(LABELS[name], kind, _shown(before, name, kind), _shown(after, name, kind))
        elif before is None and name in AT_FIRST and (new := _shown(after, name, kind)):
            yield Change(LABELS[name], kind, None, new)


def _shown(entry: Tracked, name: str, kind: str) -> Any:
    if kind in ("status", "priority"):
        return (Status if kind == "status" else Priority)(getattr(entry, name)).label
    return getattr(entry, "stage_name" if kind == "stage" else name)
