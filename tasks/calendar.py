"""Tasks by day: which days a page shows, what stands on them, and the same for a script that draws them."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from babel.dates import format_date
from django.db.models import DurationField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import GreaterThan
from django.urls import reverse
from django.utils.translation import get_language

from crm.lib.dates import day_long
from crm.lib.money import locale_of
from salespeople.models import User
from tasks.agenda import changeable
from tasks.models import Task, TaskQuerySet

DAY = datetime.timedelta(days=1)
MINUTES = 24 * 60
MOST = 1000  # tasks on one page
MOST_DAYS = 62  # that a script may ask for at once
IN_A_CELL = 5  # tasks of a day in a month
FIRST, LAST = datetime.date(1900, 2, 1), datetime.date(2999, 11, 30)  # so that every neighbour has a date too
MONTH, WEEK, ONE_DAY = "month", "week", "day"


class Span(NamedTuple):
    """The days from `first` to `last` that are shown around `day`; whole weeks, from Monday, but where it is one day."""

    by: str
    day: datetime.date
    first: datetime.date
    last: datetime.date

    @property
    def title(self) -> str:
        language = get_language() or "en"
        if self.by == MONTH:
            return format_date(self.day, "LLLL y", locale=locale_of(language)).capitalize()
        if self.by == WEEK:
            return f"{day_long(self.first, language)} – {day_long(self.last, language)}"
        return format_date(self.day, "full", locale=locale_of(language))

    @property
    def before(self) -> datetime.date:
        if self.by == MONTH:
            return (self.day.replace(day=1) - DAY).replace(day=1)
        return self.day - (7 * DAY if self.by == WEEK else DAY)

    @property
    def after(self) -> datetime.date:
        if self.by == MONTH:
            return (self.day.replace(day=28) + 4 * DAY).replace(day=1)
        return self.day + (7 * DAY if self.by == WEEK else DAY)


class Cell(NamedTuple):
    day: datetime.date
    tasks: list[Any]
    more: int
    is_beside: bool  # of the month before or after


def span_of(by: str, day: datetime.date) -> Span:
    day = min(max(day, FIRST), LAST)
    if by == ONE_DAY:
        return Span(by, day, day, day)
    first, last = (
        (day.replace(day=1), (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY) if by == MONTH else (day, day)
    )
    return Span(by, day, first - first.weekday() * DAY, last + (6 - last.weekday()) * DAY)


def within(rows: TaskQuerySet, first: datetime.date, last: datetime.date) -> TaskQuerySet:
    """Those that stand on one of these days, also meetings that began before."""
    lasts = F("duration") * Value(datetime.timedelta(minutes=1), DurationField())
    begins = Coalesce(Cast("starts_at", DurationField()), Value(datetime.timedelta()))
    late = GreaterThan(ExpressionWrapper(begins + lasts, DurationField()), Value(first) - F("due_on"))
    return rows.filter(Q(due_on__range=(first, last)) | Q(late, due_on__lt=first, duration__isnull=False))


def shown(rows: TaskQuerySet, user: User) -> tuple[list[Any], bool]:
    """At most so many, and whether there are more."""
    tasks = changeable(rows.select_related("opportunity").in_order(), user, MOST + 1)
    return tasks[:MOST], len(tasks) > MOST


def last_day(task: Task) -> datetime.date:
    """Whole days of what takes all day are begun ones; a meeting that ends at midnight is of the day before."""
    begins = task.starts_at.hour * 60 + task.starts_at.minute if task.starts_at else 0
    return task.due_on + (begins + max(task.duration or 1, 1) - 1) // MINUTES * DAY


def weeks(span: Span, tasks: list[Any]) -> list[list[Cell]]:
    by_day = defaultdict(list)
    for task in tasks:
        for day in _days(max(task.due_on, span.first), min(last_day(task), span.last)):
            by_day[day].append(task)
    most = IN_A_CELL if span.by == MONTH else MOST
    cells = [
        Cell(
            day,
            by_day[day][:most],
            len(by_day[day][most:]),
            span.by == MONTH and (day.year, day.month) != (span.day.year, span.day.month),
        )
        for day in _days(span.first, span.last)
    ]
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def events(tasks: list[Any], today: datetime.date) -> list[dict[str, Any]]:
    """As the script reads them. Days and times are those of a clock on the wall: no zone."""
    return [_event(task, today) for task in tasks]


def _event(task: Any, today: datetime.date) -> dict[str, Any]:
    ends = _end(task)
    return {
        "id": task.pk,
        "title": task.description,
        "start": _start(task),
        "end": ends,
        "allDay": task.starts_at is None,
        "url": task.get_absolute_url(),
        "editable": task.may,
        "durationEditable": task.may and task.is_meeting,
        "tone": tone(task, today),
        "kind": task.get_kind_display(),
        "isMeeting": task.is_meeting,
        "version": task.version,
        "reschedule": reverse("tasks:reschedule", args=[task.pk]),
    }


def tone(task: Task, today: datetime.date) -> str:
    if task.due_on < today:
        return "red"
    return "green" if task.is_meeting else "blue"


def _start(task: Task) -> str:
    return f"{task.due_on}T{task.starts_at}" if task.starts_at else str(task.due_on)


def _end(task: Task) -> str:
    """Exclusive, as the script has it."""
    if task.starts_at is None:
        return str(last_day(task) + DAY)
    begins = datetime.datetime.combine(task.due_on, task.starts_at)
    return (begins + datetime.timedelta(minutes=task.duration or 0)).isoformat()


def _days(first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
    while first <= last:
        yield first
        first += DAY
