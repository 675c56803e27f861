"""What was to be done in the demo, and what of it was done."""

import datetime

from django.db.models import F

from opportunities.demo.journey import World
from tasks import lifecycle
from tasks.models import Task

OVERDUE = datetime.timedelta(days=3)  # so long a task may lie there before it is done


def do_tasks(world: World) -> None:
    """Whatever was due a while ago was done on its day, and all but every seventh of the last days; what is left of something
    closed was cancelled."""
    due = Task.objects.open().filter(due_on__lte=world.today)
    lately = world.today - OVERDUE
    for nth, task in enumerate(due.order_by("pk")):
        if task.due_on < lately or nth % 7:
            lifecycle.complete(task, version=task.version, on=task.due_on, by=None)
    left = Task.objects.open().filter(opportunity__closed_on__isnull=False)
    for task in left.annotate(over_on=F("opportunity__closed_on")).order_by("pk"):
        lifecycle.cancel(task, version=task.version, on=task.over_on, by=None)
