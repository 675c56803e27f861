"""What was to be done in the demo, and what of it was done."""

import datetime
from typing import Any

from django.db.models import F

from interactions import lifecycle as talks
from interactions.forms import BY_TEMPLATE
from interactions.models import InteractionTemplate
from opportunities.demo.journey import World
from opportunities.models import Opportunity
from opportunities.seed.chores import date_the_past
from tasks import lifecycle
from tasks.models import Task

OVERDUE = datetime.timedelta(days=3)  # so long a task may lie there before it is done
MEETING: dict[str, Any] = {"starts_at": datetime.time(10), "duration": 90}
# what comes next, how, how many days from today; a deal without one needs a next step
PLANNED: tuple[tuple[str, str, int] | None, ...] = (
    ("Call about the quantities", "call", 1),
    ("Send the drawings of the second floor", "task", 0),
    None,
    ("Show the samples", "meeting", 5),
    ("Ask who decides", "call", -1),
    ("Check the delivery date with the plant", "task", 2),
    ("Agree on the day of the site visit", "call", 0),
    ("Present the offer to the board", "meeting", 9),
    None,
    ("Remind of the open questions", "task", -2),
    ("Call back after the budget meeting", "call", 14),
)
TEMPLATE_OF = {"call": "OUTGOING", "meeting": "ONSITE"}
LOGGED = 40
SAID: tuple[dict[str, Any], ...] = (
    {"evaluation": "positive", "text": "They like the samples and ask for a second colour."},
    {"failed": True, "text": "Nobody answered."},
    {"evaluation": "neutral", "text": "The budget is decided next month."},
    {"evaluation": "very_positive", "text": "They want to begin before the summer."},
    {"evaluation": "negative", "text": "The delivery takes too long for them."},
)


def do_tasks(world: World) -> None:
    """Whatever was due a while ago was done on its day, and all but every seventh of the last days; what is left of something
    closed was cancelled."""
    due = Task.objects.open().filter(due_on__lte=world.today)
    lately = world.today - OVERDUE
    for nth, task in enumerate(due.order_by("pk")):
        if task.due_on < lately or nth % 7:
            lifecycle.complete(task, version=task.version, on=task.due_on, by=None)
    _plan_ahead(world)
    left = Task.objects.open().filter(opportunity__closed_on__isnull=False)
    for task in left.annotate(over_on=F("opportunity__closed_on")).order_by("pk"):
        lifecycle.cancel(task, version=task.version, on=task.over_on, by=None)
    date_the_past()


def log_talks(world: World) -> None:
    """What came of the latest calls and meetings that took place."""
    took_place = Task.objects.filter(status="completed", kind__in=TEMPLATE_OF, contact__isnull=False)
    templates = {template.code: template for template in InteractionTemplate.objects.all()}
    latest = took_place.select_related("contact", "salesperson", "opportunity").order_by("-closed_on", "-pk")
    for nth, task in enumerate(latest[:LOGGED]):
        template = templates[TEMPLATE_OF[task.kind]]
        usual = {name: getattr(template, name) for name in BY_TEMPLATE}
        talks.log(
            **usual | SAID[nth % len(SAID)],
            template=template,
            description=task.description,
            task=task,
            happened_on=task.closed_on,
            on=world.today,
            by=None,
        )


def _plan_ahead(world: World) -> None:
    """One next step for most deals in progress, each of its own salesperson."""
    deals = Opportunity.objects.in_progress().exclude(tasks__closed_on__isnull=True, tasks__isnull=False)
    for nth, deal in enumerate(deals.select_related("contact", "company", "salesperson").order_by("pk")):
        if (plan := PLANNED[nth % len(PLANNED)]) is not None:
            description, kind, days = plan
            due_on = world.today + datetime.timedelta(days=days)
            lifecycle.create(
                description=description,
                kind=kind,
                **(MEETING if kind == "meeting" else {}),
                due_on=due_on,
                salesperson=deal.salesperson,
                opportunity=deal,
                on=min(due_on, world.today),
                by=None,
            )
