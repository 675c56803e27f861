"""One opportunity on paper: what happened, with its tasks, and what the sales cycle plans from here on (domain E.8)."""

import datetime
from collections import defaultdict
from typing import Any, NamedTuple

from opportunities import lifecycle
from opportunities.models import Opportunity
from opportunities.timeline import Told, timeline
from salescycles.models import ActivityStep, Stage
from salespeople.models import User
from tasks.lifecycle import due_on
from tasks.models import Task


class Step(NamedTuple):
    """A step that stands, with the tasks that it made. `stage` as it is set up today; None where it is gone or there was none."""

    told: Told
    stage: Stage | None
    tasks: list[Task]


class Planned(NamedTuple):
    """A task that entering a stage would make."""

    step: ActivityStep
    due_on: datetime.date


class Ahead(NamedTuple):
    stage: Stage
    starts_on: datetime.date
    tasks: list[Planned]


class Report(NamedTuple):
    """`tasks`: those that no step made."""

    tasks: list[Task]
    steps: list[Step]
    ahead: list[Ahead]


def report(opportunity: Opportunity, user: User, today: datetime.date) -> Report:
    """Four statements, however much happened."""
    stages = lifecycle.stages_of(opportunity)
    by_key = {stage.pk: stage for stage in stages}
    standing = [told for told in reversed(timeline(opportunity)) if told.entry.voided_at is None]
    made: dict[int | None, list[Task]] = defaultdict(list)
    known = {told.entry.pk for told in standing}
    rows = Task.objects.visible_to(user).filter(opportunity=opportunity).select_related("salesperson", "team")
    for task in rows.in_order():
        made[task.entry_id if task.entry_id in known else None].append(task)
    steps = [Step(told, by_key.get(told.entry.stage_id or 0), made[told.entry.pk]) for told in standing]
    return Report(made[None], steps, _ahead(opportunity, stages, today))


def _ahead(opportunity: Opportunity, stages: list[Stage], today: datetime.date) -> list[Ahead]:
    """Each stage begins at its date formula after the one before it; tasks, after the beginning of their stage."""
    if not opportunity.is_open:
        return []
    here = next((stage.number for stage in stages if stage.pk == opportunity.stage_id), 0)
    coming = [stage for stage in stages if stage.number > here]
    plans: dict[int, list[ActivityStep]] = defaultdict(list)
    for step in ActivityStep.objects.filter(activity__in={stage.activity_id for stage in coming if stage.activity_id}):
        plans[step.activity_id].append(step)
    found, starts_on = [], opportunity.stage_entered_on or today
    for stage in coming:
        starts_on = due_on(stage.date_formula, starts_on)
        steps: list[Any] = plans[stage.activity_id] if stage.activity_id else []
        tasks = [Planned(step, due_on(step.date_formula, starts_on)) for step in steps]
        found.append(Ahead(stage, starts_on, tasks))
    return found
