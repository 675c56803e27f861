"""How tasks are listed."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Link, Listing, Reader, Report, Row
from crm.templatetags.crm import badge
from tasks.columns import COLUMNS
from tasks.filters import TaskFilter
from tasks.models import Task


def overdue(row: Row, reader: Reader) -> str:
    late = row["closed_on"] is None and row["due_on"] < reader.today
    return f" {badge(_('Overdue'), 'red', 'alert')}" if late else ""


def closed(row: Row, reader: Reader) -> str:
    return f" {badge(_('Cancelled'), 'grey', 'x')}" if row["cancelled"] else ""


REPORTED = "description,due_on,kind,contact,source,status,priority,opportunity,closed_on"

TASKS = Listing(
    space="tasks",
    model=Task,
    title=gettext_lazy("Tasks"),
    counted=lambda count: ngettext("%(shown)s task", "%(shown)s tasks", count) % tally(count),
    empty=Empty(
        gettext_lazy("No tasks yet"),
        gettext_lazy("A stage of a sales cycle can make them, and everybody can write one."),
        gettext_lazy("No task fits this filter"),
        "check",
    ),
    columns=COLUMNS,
    cells={
        "due_on": Cell(also=overdue, needs=("closed_on",)),
        "status": Cell(also=closed, needs=("cancelled",)),
        "opportunity": Cell(page="opportunities:detail", filter="opportunity"),
        "contact": Cell(page="contacts:detail", filter="contact"),
        "company": Cell(page="contacts:detail", filter="company"),
        "salesperson": Cell(filter="salesperson"),
        "team": Cell(filter="team"),
        "source": Cell(filter="source"),
        "kind": Cell(filter="kind"),
        "priority": Cell(filter="priority"),
    },
    filters=TaskFilter,
    named="description",
    order="due_on",
    permission="tasks.view_task",
    others=("matrix",),
    links=(
        Link(gettext_lazy("Agenda"), "tasks:agenda", "check", "tasks.view_task"),
        Link(gettext_lazy("Calendar"), "tasks:calendar", "calendar", "tasks.view_task"),
        Link(gettext_lazy("Matrix"), "tasks:matrix", "board", "tasks.view_task"),
        Link(gettext_lazy("Reports"), "reports", "list", "tasks.view_task"),
    ),
    reports=(
        Report(
            gettext_lazy("Tasks of salespeople"),
            f"columns={REPORTED},team&group=salesperson&order=due_on&where=1:salesperson:not_blank",
            of="salesperson",
        ),
        Report(
            gettext_lazy("Tasks of teams"),
            f"columns={REPORTED},salesperson&group=team&order=due_on&where=1:team:not_blank",
            of="team",
        ),
    ),
    new=gettext_lazy("New task"),
    new_permission="tasks.add_task",
)
