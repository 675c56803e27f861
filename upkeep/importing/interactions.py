"""Rows become interactions, by the verb of interactions. They are a log: one that is there already stays as it is."""

from typing import Any

from interactions import lifecycle
from interactions.models import Interaction, Kind
from upkeep.importing import activities
from upkeep.importing.activities import day_of, time_of
from upkeep.importing.linking import World
from upkeep.importing.rows import Taken, Verdict, external_key, hidden

PLAIN = ("description", "text", "failed", "cost", "duration", "started_at", "cancelled", "logged_at")
WORDS = {
    "kind": "interaction_type",
    "direction": "direction",
    "initiated_by": "initiated_by",
    "evaluation": "evaluation",
}
LINKED = ("salesperson", "template")
LONGEST_LINE = 100  # characters of a description

look_up = activities.look_up


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError, Stale."""
    key = external_key(given)
    if world.options.get("key") == "external_key" and (there := _there(world, key)):
        return there
    made = lifecycle.record(by=world.user, on=world.today, **_values(world, given))
    world.name(key, made.pk)
    return Taken(Verdict.CREATED, made.pk, key or made.description)


def _there(world: World, key: str) -> Taken | None:
    """Raises ValidationError."""
    if world.dry and key in world.coming:
        return Taken(Verdict.UNCHANGED, label=key)
    if key not in world.keys:
        return None
    there = Interaction.objects.visible_to(world.user).filter(pk=world.keys[key]).first()
    if there is None:
        raise hidden()
    return Taken(Verdict.UNCHANGED, there.pk, there.description)


def _values(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Nothing is invented: what the row does not say of who and when stays open, or is refused. Raises ValidationError."""
    values = {name: given[name] for name in PLAIN if name in given} | activities.about(world, given)
    values |= {name: world.worded(kind, given[name]) for name, kind in WORDS.items() if name in given}
    values |= {name: world.one(name, given[name]) if name in given else None for name in LINKED}
    values["happened_on"] = day_of(given.get("happened_on"))
    if "started_at" not in values:
        values["started_at"] = time_of(given.get("happened_on"))
    if "kind" not in values:
        values["kind"] = values["template"].kind if values["template"] else Kind.NOTE
    if "description" not in values:
        values["description"] = _first_line(given.get("text", ""))
    return values


def _first_line(text: str) -> str:
    """What a note without a title is called."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1].rstrip() + "…"
