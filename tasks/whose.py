"""Whose tasks a page shows, as its address says it: `me`, the key of a salesperson, `team-` and the key of a team; nothing for
everything that the person may see."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from salespeople.models import Salesperson, Team, User
from salespeople.reach import whose
from tasks.models import TaskQuerySet

ME, EVERYBODY, TEAM = "me", "", "team-"


def choices(user: User, said: str | None = None) -> Iterator[tuple[Any, Any]]:
    """Of the others those whose tasks the person sees by a level. Where nothing is offered, only what was `said` counts: then “me”
    and “everybody” fetch nobody."""
    if user.salesperson_id:
        yield ME, _("Mine")
    if said in (ME, EVERYBODY):
        return
    people, teams = Salesperson.objects.visible_to(user), Team.objects.visible_to(user)
    if not user.has_perm("tasks.view_every_task"):
        seen = whose(user, "tasks", "task")
        people, teams = people.filter(pk__in=seen), teams.filter(members__in=seen).distinct()
    found = [(f"{TEAM}{key}", name) for key, name in teams.values_list("pk", "name")]
    if found:
        yield _("Teams"), found
    found = [(str(key), name) for key, name in people.exclude(pk=user.salesperson_id or 0).values_list("pk", "name")]
    if found:
        yield _("Salespeople"), found


def usual(user: User) -> str:
    """What a page shows whose address says nothing of it."""
    return ME if user.salesperson_id else EVERYBODY


def narrowed(rows: TaskQuerySet, word: str, user: User) -> TaskQuerySet:
    """Of these the tasks of whom the word, which is one of the choices, names."""
    if word == ME:
        return rows.of_person(user.salesperson_id or 0)
    if word.startswith(TEAM):
        return rows.of_team(int(word.removeprefix(TEAM)))
    return rows.of_person(int(word)) if word else rows
