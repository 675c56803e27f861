"""What somebody has to do, by when: a bounded part of each section, and how many there are. Two queries, whatever the rows."""

import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import BooleanField, Case, Count, Value, When
from django.http import QueryDict
from django.utils.functional import Promise

from crm.lib.listing.address import with_query
from salespeople.clock import asker_of
from salespeople.models import User
from tasks import models, whose
from tasks.listing import TASKS
from tasks.models import Task, TaskQuerySet, held_by, parts

SHOWN = 20  # tasks of each section; the list has them all
TONES = {models.When.OVERDUE: "red", models.When.TODAY: "amber"}


class Section(NamedTuple):
    """`all_url` is the list of exactly these tasks."""

    word: str
    label: str | Promise
    tone: str
    total: int
    tasks: list[Any]
    all_url: str

    @property
    def has_more(self) -> bool:
        return self.total > len(self.tasks)


def today_of(user: User) -> datetime.date:
    """The day where the person is."""
    return asker_of(user).clock.today


def sections(user: User, word: str, today: datetime.date) -> list[Section]:
    """Empty ones are left out."""
    rows = whose.narrowed(Task.objects.visible_to(user).open(), word, user)
    counts = rows.aggregate(**{when: Count("pk", filter=asked) for when, asked in parts(today).items()})
    shown = _shown(rows, user, today)
    return [
        Section(
            when.value,
            when.label,
            TONES.get(when, "grey"),
            counts[when],
            [task for task in shown if task.part == when],
            all_url(which=when.value, whose=word),
        )
        for when in models.When
        if counts[when]
    ]


def all_url(**words: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in words.items() if value})
    return with_query(TASKS.address(), query)


def written(words: dict[str, str]) -> str:
    """As an address of agenda and calendar; a blank says something there."""
    return urlencode(words)


def _shown(rows: TaskQuerySet, user: User, today: datetime.date) -> list[Any]:
    """The first of each part, in order."""
    firsts = [rows.due(when, today).in_order().values("pk")[:SHOWN] for when in models.When]
    part = Case(*(When(asked, then=Value(when.value)) for when, asked in parts(today).items()))
    tasks = (
        Task.objects.filter(pk__in=firsts[0].union(*firsts[1:], all=True))
        .select_related("salesperson", "team", "opportunity", "contact")
        .annotate(part=part)
        .in_order()
    )
    return changeable(tasks, user)


def changeable(tasks: TaskQuerySet, user: User, most: int | None = None) -> list[Any]:
    """At most so many; each says by `may` whether the person may change it; its opportunity has to come along. One query, that of the rows."""
    held = Case(When(held_by(user), then=True), default=False, output_field=BooleanField())
    may_change = user.has_perm("tasks.change_task")
    shown: list[Any] = list(tasks.annotate(is_held=held)[:most])
    for task in shown:
        fixed = not task.is_held and task.opportunity is not None and task.opportunity.is_fixed_for(user)
        task.may = may_change and not fixed
    return shown


def after(sections: list[Section], done: Task) -> int | None:
    """The key of the task that comes after one that has just left its place; else of the last one that is left."""
    left = [task for section in sections for task in section.tasks]
    place = (done.due_on, done.starts_at or datetime.time.min, done.pk)
    later = (task for task in left if (task.due_on, task.starts_at or datetime.time.min, task.pk) > place)
    found = next(later, left[-1] if left else None)
    return found.pk if found else None
