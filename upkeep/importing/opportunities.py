"""Rows become opportunities and their history, by the verbs of opportunities alone (`steps`)."""

import datetime
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from opportunities.models import Opportunity, Status
from salescycles.models import CloseCode, Stage
from upkeep.importing.contacts import found_or_made
from upkeep.importing.fields import plain, words_of
from upkeep.importing.linking import Unknown, World
from upkeep.importing.rows import Taken, Verdict, entered, external_key, hidden
from upkeep.importing.steps import Steps

STATUSES = {
    **dict.fromkeys(("won", "closedwon", "closewon", "voitettu", "vunnet", "gewonnen", "vinta"), "won"),
    **dict.fromkeys(("lost", "closedlost", "closelost", "havitty", "tapt", "verloren", "persa"), "lost"),
    **dict.fromkeys(("notstarted", "new", "lead"), "not_started"),
    **dict.fromkeys(("open", "inprogress", "active", "running"), "open"),
}
STAY = ("closing_on", "chances")  # what the file says of these holds at every stage, and not what a stage proposes


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.look_up([one.get("contact", "") for one in found])
    world.read_found()
    keys = {external_key(one) for one in found} - {""}
    world.know_keys(keys)
    world.know_coming(keys)


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError."""
    key = external_key(given)
    there = _there(world, given, key)
    if there is None and world.dry and _comes(world, given, key):
        return Taken(Verdict.UPDATED, label=key)
    values, made = _values(world, given, there)
    if values is None:  # for a contact that an earlier file will have made
        return Taken(Verdict.CREATED, label=key or str(given.get("description", "")))
    where = _where(world, given)
    if there is not None and isinstance(where, Stage) and there.stage_id == where.pk:
        given = {name: value for name, value in given.items() if name != "stage_entered_on"}  # it is there already
    steps = Steps(world, there, given.get("recorded_at"))
    _take(steps, values, where, given)
    if steps.opportunity is None:
        raise AssertionError("no step was taken")
    pk = steps.opportunity.pk
    world.name(key, pk)
    verdict = Verdict.CREATED if there is None else Verdict.UPDATED if steps.count else Verdict.UNCHANGED
    return Taken(verdict, pk, key or steps.opportunity.description, made)


def _there(world: World, given: dict[str, Any], key: str) -> Opportunity | None:
    """The opportunity that the row goes on with, by the key that was chosen. Raises ValidationError."""
    by, named = world.options.get("key", ""), {}
    if by == "external_key" and key in world.keys:
        named = {"pk": world.keys[key]}
    elif by == "number" and given.get("number"):
        named = {"number": given["number"].strip().upper()}
    else:
        return None
    waiting = world.resumed(named.get("pk", 0))
    if waiting is not None:
        return waiting
    world.alone()
    visible = Opportunity.objects.visible_to(world.user).with_names().with_last_date().with_quote()
    there = visible.filter(**named).first()
    if there is None and "number" in named:
        return None
    if there is None or not there.may_be_changed_by(world.user):
        raise hidden()
    if world.cycle and there.sales_cycle_id == world.cycle.pk:
        there.sales_cycle = world.cycle
        there.stage = next((stage for stage in world.stages if stage.pk == there.stage_id), None)
    return there


def _comes(world: World, given: dict[str, Any], key: str) -> bool:
    """Whether an earlier slice of a dry run would have made it."""
    return key in world.coming and key not in world.keys


def _values(world: World, given: dict[str, Any], there: Opportunity | None) -> tuple[dict[str, Any] | None, list[int]]:
    """What the verbs are handed; None where the contact will have come with an earlier file. Raises ValidationError."""
    names = ("description", "closing_on", "estimated_value", "chances")
    values = {name: given[name] for name in names if name in given}
    if there is None and "description" not in values:
        raise ValidationError({"description": _("Enter a description.")})
    if given.get("chances_are_manual") is False:
        values.pop("chances", None)  # they are what the stage says
    if "priority" in given:
        values["priority"] = world.word(Opportunity, "priority", given["priority"])
    if "sales_cycle" in given and world.one("cycle", given["sales_cycle"]) != world.cycle:
        said = _("The row is of another sales cycle than the one that was chosen for the file.")
        raise ValidationError({"sales_cycle": said})
    for name in ("salesperson", "source", "competitor"):
        if name in given:
            values[name] = world.one(name, given[name])
    if "contact" not in given and there is not None:
        return values, []
    contact, made = _contact(world, given.get("contact", ""))
    return (values | {"contact": contact} if contact else None), made


def _contact(world: World, said: str) -> tuple[Contact | None, list[int]]:
    """Raises ValidationError."""
    if not said:
        if world.stand_in is None:
            raise ValidationError({"contact": _("It names no contact, and there is no stand-in for that.")})
        return world.stand_in, []
    return found_or_made(world, "contact", said)


# ── where it stands ──────────────────────────────────────────────────────────────────────────────────────────────────


def _where(world: World, given: dict[str, Any]) -> str | Stage | None:
    """`not_started`, `won`, `lost`, a stage, or nothing that the file says. Raises ValidationError."""
    status = _status(world, given["status"]) if "status" in given else ""
    if status in (Status.WON, Status.LOST, Status.NOT_STARTED):
        return status
    if "stage" in given:
        return _stage(world, given["stage"])
    if status == "open":
        return _first(world)
    days = entered(given)
    return next((stage for stage in reversed(world.stages) if stage.pk in days), None)


def _status(world: World, said: str) -> str:
    found = said if said in ("open", "won", "lost", "not_started") else STATUSES.get(plain(said), "")
    found = found or words_of(Opportunity, "status").get(plain(said), "")
    found = "open" if found == Status.IN_PROGRESS else found
    if not found:
        raise Unknown("status", said)
    return found


def _first(world: World) -> Stage:
    if not world.stages:
        raise ValidationError({"sales_cycle": _("Choose a sales cycle that has stages.")})
    return world.stages[0]


def _stage(world: World, said: str) -> str | Stage:
    """By the words that were given (`stage:5`, `first`, `won` …), else by its name or number."""
    if said == "first":
        return _first(world)
    by_name = {plain(stage.description): stage for stage in reversed(world.stages)}
    by_name |= {f"stage{stage.pk}": stage for stage in world.stages}
    by_name |= {str(stage.number): stage for stage in world.stages}
    found = by_name.get(plain(said)) or STATUSES.get(plain(said))
    if not found or found == "open":
        raise Unknown("stage", said)
    return found


# ── what is asked of the verbs, in the order of its days ─────────────────────────────────────────────────────────────


def _take(steps: Steps, values: dict[str, Any], where: str | Stage | None, given: dict[str, Any]) -> None:
    world = steps.world
    on = given.get("happened_on")
    closes = where in (Status.WON, Status.LOST)
    closed_on = _closed_on(world, values, given, on) if closes else None
    visits = _visits(world, where, given, on)
    if steps.opportunity is None:
        days = [given.get("created_on"), *(day for day, _stage in visits), closed_on, on]
        known = [day for day in days if day]
        created_on = given.get("created_on") or min(known, default=world.today)
        steps.create(on=created_on, number=given.get("number", ""), reason=given.get("reason", ""), **values)
        values = {name: values[name] for name in STAY if name in values}
    else:
        steps.facts(on=on or world.today, **values)
    for day, stage in visits:
        steps.enter(stage, on=day, **values)
    if closes:
        code = _close_code(world, str(where), given)
        value = _sales_value(steps.opportunity, given) if where == Status.WON else None
        steps.close(str(where), code, on=closed_on or world.today, sales_value=value, reason=given.get("reason", ""))
    elif not visits and values:
        steps.revise(on=on or world.today, **values)


def _visits(world: World, where: Any, given: dict[str, Any], on: Any) -> list[tuple[datetime.date, Stage]]:
    """When which stage was entered. The last one is where it stands; without a day of its own that begins today."""
    days = entered(given)
    found = sorted(
        ((days[stage.pk], stage) for stage in world.stages if stage.pk in days),
        key=lambda visit: (visit[0], visit[1].number),
    )
    starts = "started_on" in given and where != Status.NOT_STARTED and world.stages
    if starts and (not found or found[0][1].pk != world.stages[0].pk):
        found.insert(0, (given["started_on"], world.stages[0]))
    if isinstance(where, Stage) and (not found or found[-1][1].pk != where.pk):
        last = found[-1][0] if found else None
        found.append((given.get("stage_entered_on") or on or last or world.today, where))
    return found


def _closed_on(world: World, values: dict[str, Any], given: dict[str, Any], on: Any) -> datetime.date:
    """Where a file has one date for both, it says of what is closed when that was."""
    expected = values.get("closing_on")
    past = expected if expected and expected <= world.today else None
    found: datetime.date = given.get("closed_on") or past or on or world.today
    return found


def _close_code(world: World, outcome: str, given: dict[str, Any]) -> CloseCode | None:
    """What the file says, else the usual one that was chosen. Raises ValidationError."""
    if "close_code" in given:
        found = world.close_codes[outcome].get(plain(given["close_code"]))
        if found:
            return cast(CloseCode, found)
    usual = world.codes.get(world.options.get(f"{outcome}_code") or 0)
    if usual is None and "close_code" in given:
        raise Unknown("close_code", given["close_code"])
    return usual


def _sales_value(opportunity: Opportunity | None, given: dict[str, Any]) -> Decimal | None:
    """What is not said of the sale is what it was estimated at."""
    for name in ("sales_value", "estimated_value"):
        if given.get(name):
            found: Decimal = given[name]
            return found
    return opportunity.estimated_value if opportunity else None
