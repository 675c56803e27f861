"""Rows become salespeople. There are few, so each is asked of its model."""

from typing import Any

from django.core.exceptions import ValidationError

from salespeople.models import Membership, Salesperson, Team
from upkeep.importing.fields import plain
from upkeep.importing.linking import Unknown, World
from upkeep.importing.rows import Taken, Verdict, external_key

FIELDS = ("code", "name", "email", "phone", "job_title")


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.know_keys({external_key(one) for one in found} - {""})


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError."""
    key, there = external_key(given), None
    by = world.options.get("key") or ""
    if by == "external_key" and key:
        there = Salesperson.objects.filter(pk=world.keys.get(key, 0)).first()
    elif by and given.get(by):
        there = world.salespeople.get(plain(given[by]))
    values = {name: given[name] for name in FIELDS if name in given}
    team = _team(world, given["team"]) if "team" in given else None
    taken = _change(there, values) if there else _create(values)
    if team and not Membership.objects.filter(team=team, salesperson_id=taken.key).exists():
        Membership.objects.create(team=team, salesperson_id=taken.key)
    world.name(key, taken.key)
    return taken


def _create(values: dict[str, Any]) -> Taken:
    person = Salesperson(**{"code": free_code(values.get("name", ""))} | values)
    person.full_clean()
    person.save(force_insert=True)
    return Taken(Verdict.CREATED, person.pk, person.name)


def _change(there: Salesperson, values: dict[str, Any]) -> Taken:
    before = {name: getattr(there, name) for name, value in values.items() if getattr(there, name) != value}
    if not before:
        return Taken(Verdict.UNCHANGED, there.pk, there.name)
    for name in before:
        setattr(there, name, values[name])
    there.full_clean()
    there.save(update_fields=list(before))
    return Taken(Verdict.UPDATED, there.pk, there.name, before=before)


def free_code(name: str) -> str:
    """Initials, with a number where they are taken."""
    initials = "".join(word[0] for word in name.split()).upper()[:10] or "S"
    taken = set(Salesperson.objects.filter(code__startswith=initials).values_list("code", flat=True))
    numbered = (f"{initials}{at}" for at in range(2, len(taken) + 3))
    return initials if initials not in taken else next(code for code in numbered if code not in taken)


def _team(world: World, said: str) -> Team:
    """Raises ValidationError."""
    try:
        found: Team = world.one("team", said)
    except Unknown:
        if not world.options.get("missing"):
            raise
        found = Team(code=plain(said).upper()[:10], name=said)
        try:
            found.full_clean()
        except ValidationError as refused:
            raise ValidationError({"team": refused.messages}) from refused
        found.save()
        world.learn(world.teams, plain(said), found)
    return found
