"""Rows become rows of a short table (`tables`). They are few, so each is asked of its model. What a cell lists is added to what hangs
on the row; nothing is taken away."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from collaboration.lifecycle import history
from salespeople.models import Salesperson, Team
from upkeep.importing.fields import plain
from upkeep.importing.linking import Unknown, World, parts
from upkeep.importing.rows import Taken, Verdict, as_json, differing, external_key
from upkeep.importing.tables import LINKED, TABLES, Table, field_of


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.know_keys({external_key(one) for one in found} - {""})


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError."""
    table, key = TABLES[world.run.kind], external_key(given)
    values = {name: _meant(world, table, name, given[name]) for name in table.fields if name in given}
    several = {name: _several(world, table, name, given[name]) for name in table.several if name in given}
    there = _there(world, table, given, values, key)
    with history(world.user):
        taken = _change(table, there, values, several) if there else _create(world, table, values, several)
    world.name(key, taken.key)
    return taken


def _there(world: World, table: Table, given: dict[str, Any], values: dict[str, Any], key: str) -> Any:
    """The row that is meant, by the key that was chosen. Raises Unknown where it is one of several."""
    by = world.options.get("key") or ""
    rows = table.model._default_manager
    if by == "external_key":
        return rows.filter(pk=world.keys.get(key, 0)).first()
    if by not in values:
        return None
    within = {table.within: values.get(table.within)} if table.within else {}
    found = list(rows.filter(**{f"{by}__iexact": values[by]}, **within)[:2])
    if len(found) > 1:
        raise Unknown(by, given[by], ambiguous=True)
    return found[0] if found else None


def _meant(world: World, table: Table, name: str, said: Any) -> Any:
    """Raises Unknown."""
    field = field_of(table, name)
    if field.related_model:
        return world.one(LINKED[field.related_model], said)
    if not field.choices:
        return said
    return world.word(table.model, name, said)


def _several(world: World, table: Table, name: str, said: str) -> list[Any]:
    """Raises ValidationError."""
    kind = LINKED[field_of(table, name).related_model]
    return [
        _team(world, one) if kind == "team" else world.one(kind, one)
        for one in parts(said, lambda some: plain(some) in world.short(kind))
    ]


def _team(world: World, said: str) -> Team:
    """Raises ValidationError."""
    try:
        found: Team = world.one("team", said)
    except Unknown as unknown:
        if not world.options.get("missing") or unknown.code == "several":
            raise
        found = Team(code=plain(said).upper()[:10], name=said)
        try:
            found.full_clean()
        except ValidationError as refused:
            raise ValidationError({"team": refused.messages}) from refused
        found.save()
        world.learn(world.teams, plain(said), found)
    return found


def _create(world: World, table: Table, values: dict[str, Any], several: dict[str, list[Any]]) -> Taken:
    if table.model is Salesperson:
        values = {"code": free_code(values.get("name", ""))} | values
    row = table.model(**values)
    row.full_clean()
    row.save(force_insert=True)
    _add(table, row, several)
    if table.model in LINKED:
        for name in ("code", "name"):
            world.learn(world.short(LINKED[table.model]), plain(str(getattr(row, name, ""))), row)
    return Taken(Verdict.CREATED, row.pk, str(row), before={"was": {}, "is": state(table, row.pk)})


def _change(table: Table, there: Any, values: dict[str, Any], several: dict[str, list[Any]]) -> Taken:
    before = state(table, there.pk)
    stood = {name: getattr(there, name) for name in values}
    for name, value in values.items():
        setattr(there, name, value)
    there.full_clean()
    there.save(update_fields=[name for name, value in stood.items() if getattr(there, name) != value])
    _add(table, there, several)
    after = state(table, there.pk)
    was = differing(before, after)
    if not was:
        return Taken(Verdict.UNCHANGED, there.pk, str(there))
    return Taken(Verdict.UPDATED, there.pk, str(there), before={"was": was, "is": {name: after[name] for name in was}})


def _add(table: Table, row: Any, several: dict[str, list[Any]]) -> None:
    for name, others in several.items():
        getattr(row, table.several[name]).add(*others)


def free_code(name: str) -> str:
    """Initials, with a number where they are taken."""
    initials = "".join(word[0] for word in name.split()).upper()[:10] or "S"
    taken = set(Salesperson.objects.filter(code__startswith=initials).values_list("code", flat=True))
    numbered = (f"{initials}{at}" for at in range(2, len(taken) + 3))
    return initials if initials not in taken else next(code for code in numbered if code not in taken)


def state(table: Table, key: int) -> dict[str, Any]:
    """What a file tells of the row, as JSON holds it."""
    row = table.model._default_manager.get(pk=key)
    told: dict[str, Any] = {name: getattr(row, field_of(table, name).attname) for name in table.fields}
    told |= {
        name: sorted(getattr(row, hangs).order_by().values_list("pk", flat=True))
        for name, hangs in table.several.items()
    }
    return as_json(told)


def put_back(table: Table, row: Model, was: dict[str, Any]) -> None:
    """What `state` told before."""
    plain_ones = [name for name in table.fields if name in was]
    for name in plain_ones:
        field = field_of(table, name)
        setattr(row, field.attname, field.to_python(was[name]))
    row.save(update_fields=plain_ones)
    for name, hangs in table.several.items():
        if name in was:
            getattr(row, hangs).set(was[name])
