"""Whose records somebody reaches beyond the own ones. The database puts it together (`reach_of`, migrations 0006 and 0009); it comes
with the person who signed in (`salespeople.auth`), so that a change of teams counts from the next request on."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from salespeople.models import User


class Reach(NamedTuple):
    """Keys of salespeople: `mates` are those of one's teams, `led` those of the teams one leads and of all below them. Keys
    of what was shared with the person or with one of these teams, and whether to edit."""

    mates: frozenset[int] = frozenset()
    led: frozenset[int] = frozenset()
    opportunities: Mapping[int, bool] = MappingProxyType({})
    contacts: Mapping[int, bool] = MappingProxyType({})


NOBODY = Reach()


def read(told: dict[str, Any]) -> Reach:
    """What `reach_of` answered."""
    shared = ({int(key): edit for key, edit in told[kind].items()} for kind in ("opportunities", "contacts"))
    return Reach(frozenset(told["mates"]), frozenset(told["led"]), *shared)


def ask(salesperson: int) -> Reach:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reach_of(%s)", [salesperson])
        return read(json.loads(cursor.fetchone()[0]))


def whose(user: "User", app: str, model: str) -> tuple[int, ...]:
    """Keys of the salespeople whose records of that model a person sees: by the levels own, team and subtree."""
    if user.salesperson_id is None:
        return ()
    keys = {user.salesperson_id}
    if user.has_perm(f"{app}.view_team_{model}"):
        keys |= user.reach.mates
    if user.has_perm(f"{app}.view_subtree_{model}"):
        keys |= user.reach.led
    return tuple(sorted(keys))


def team_of(user: "User") -> tuple[int, ...]:
    """Keys of the person and of everybody who shares a team with the person."""
    return () if user.salesperson_id is None else tuple(sorted(user.reach.mates | {user.salesperson_id}))
