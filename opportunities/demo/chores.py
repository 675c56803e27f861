"""What was to be done in the demo, and what of it was done."""

import datetime

from opportunities.demo.journey import World
from tasks import lifecycle
from tasks.models import Task

OVERDUE = datetime.timedelta(days=3)  # so long a task may lie there before it is done


def do_tasks(world: World) -> None:
    """Whatever was due a while ago was done on its day, but for every seventh of the last days; the tasks of what is closed are
    done or cancelled by now."""
    due = Task.objects.open().filter(due_on__lte=world.today).select_related("opportunity", "salesperson")
    for nth, task in enumerate(due.order_by("pk")):
        lately = task.due_on >= world.today - OVERDUE and not task.opportunity.is_closed
        if not lately or nth % 7:
            lifecycle.complete(task, version=task.version, on=task.due_on, by=None)
    left = Task.objects.open().filter(opportunity__closed_on__isnull=False)
    for task in left.select_related("opportunity").order_by("pk"):
        lifecycle.cancel(task, version=task.version, on=task.opportunity.closed_on, by=None)
