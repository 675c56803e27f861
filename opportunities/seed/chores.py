"""What is to be done about seeded opportunities, and what was: by dice of its own, so that the opportunities stay the same."""

import datetime
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from django.db import connection

from opportunities.models import Status
from opportunities.seed.copying import copy, draw_keys
from salescycles.models import TaskKind
from tasks.models import Attendee, Task
from tasks.models import Status as TaskStatus

if TYPE_CHECKING:
    from opportunities.seed.life import Life

DAY = datetime.timedelta(1)
PLANNED, OVERDUE, TODAY = 0.7, 0.2, 0.1  # of what is in progress; of the planned ones
DONE = (0, 0, 1, 1, 2, 3)
WORDS = {
    TaskKind.CALL: ("Call back", "Ask who decides", "Agree on a day for the visit", "Ask about the budget"),
    TaskKind.MEETING: ("Show the samples", "Present the offer", "Visit the site"),
    TaskKind.TASK: ("Send the drawings", "Write the offer", "Check the delivery date", "Send the references"),
}
KINDS = (TaskKind.CALL, TaskKind.CALL, TaskKind.TASK, TaskKind.TASK, TaskKind.MEETING)
OUTCOMES = ("", "", "They want it sooner", "They compare with another offer", "Nobody was there", "All is agreed")
COLUMNS = [
    *("id", "kind", "description", "due_on", "all_day", "starts_at", "duration", "location", "status", "priority"),
    *("closed_on", "cancelled", "completed_by_id", "outcome", "salesperson_id", "contact_id", "company_id"),
    *("opportunity_id", "interval", "recurs_from", "reminder", "version"),
]


class Chores:
    def __init__(self, seed: int, today: datetime.date) -> None:
        self.random, self.today, self.count = Random(f"{seed} tasks"), today, 0  # noqa: S311 - nothing here is secret

    def write(self, born: list[tuple["Life", int]]) -> None:
        """Those of so many opportunities, each with its key."""
        rows = [row for life, key in born for row in self._of(life, key)]
        keys = draw_keys(Task, len(rows))
        for row, key in zip(rows, keys, strict=True):
            row["id"] = key
        self.count += copy(Task, COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
        meetings = ((row["id"], row["salesperson_id"], "organizer") for row in rows if row["kind"] == TaskKind.MEETING)
        copy(Attendee, ["task_id", "salesperson_id", "role"], meetings)

    def _of(self, life: "Life", key: int) -> Iterator[dict[str, Any]]:
        state = life.state
        if not state["salesperson_id"] or state["status"] == Status.NOT_STARTED:
            return
        whom = {name: state[name] for name in ("salesperson_id", "contact_id", "company_id")} | {"opportunity_id": key}
        last = life.entries[-1].happened_on
        for _ in range(self.random.choice(DONE)):
            day = life.created_on + self.random.randint(0, max((last - life.created_on).days, 0)) * DAY
            yield self._task(day) | whom | self._done(day, whom["salesperson_id"])
        if state["status"] == Status.IN_PROGRESS and not state["archived"] and self.random.random() < PLANNED:
            yield self._task(self._due()) | whom

    def _task(self, due_on: datetime.date) -> dict[str, Any]:
        kind = self.random.choice(KINDS)
        meets = kind == TaskKind.MEETING
        return {
            "kind": kind.value,
            "description": self.random.choice(WORDS[kind]),
            "due_on": due_on,
            "all_day": False,
            "starts_at": datetime.time(self.random.randint(8, 15), self.random.choice((0, 30))) if meets else None,
            "duration": self.random.choice((30, 60, 90)) if meets else None,
            "status": TaskStatus.NOT_STARTED.value,
            "priority": self.random.choice(("low", "normal", "normal", "normal", "high")),
            "closed_on": None,
            "cancelled": False,
            "completed_by_id": None,
            "version": 1,
        } | dict.fromkeys(("location", "outcome", "interval", "recurs_from", "reminder"), "")

    def _done(self, day: datetime.date, by: int) -> dict[str, Any]:
        closed_on = min(day + self.random.randint(0, 2) * DAY, self.today - DAY)
        if self.random.random() < 0.1:
            return {"closed_on": closed_on, "cancelled": True}
        outcome = self.random.choice(OUTCOMES)
        return {"closed_on": closed_on, "status": "completed", "completed_by_id": by, "outcome": outcome}

    def _due(self) -> datetime.date:
        drawn = self.random.random()
        if drawn < OVERDUE:
            return self.today - self.random.randint(1, 14) * DAY
        return self.today if drawn < OVERDUE + TODAY else self.today + self.random.randint(1, 30) * DAY


def date_the_past(after: int = 0) -> None:
    """What was entered just now as closed was closed on its day, in the afternoon: so it stands on the timeline. Of the tasks with
    keys beyond `after`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tasks_taskevent SET pgh_created_at = least(pgh_created_at, closed_on + time '15:00') "
            "WHERE closed_on IS NOT NULL AND pgh_obj_id > %s",
            [after],
        )
