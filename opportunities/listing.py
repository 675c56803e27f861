"""How opportunities are listed."""

from collections.abc import Callable

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from collaboration.columns import tag_badges
from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Editing, Empty, Link, Listing, Reader, Report, Row, RunningTotals
from crm.lib.priority import Priority
from crm.templatetags.crm import badge, icon, status_badge
from opportunities.columns import COLUMNS
from opportunities.filters import OpportunityFilter
from opportunities.models import OPEN, NextStep, Opportunity, RunningTotal, Status
from opportunities.sight import sight_of
from opportunities.stalling import EXPECTED, LEARNED, first_step, last_step, limit, stall_of
from salespeople.models import User


def number_and_flag(row: Row, reader: Reader) -> str:
    flag = f" {icon('flag', _('High priority'))}" if row["priority"] == Priority.HIGH else ""
    return f'{flag}<span class="sub">{escape(row["number"])}</span>'


def company_behind(row: Row, reader: Reader) -> str:
    return "" if row["company_id"] == row["contact_id"] else f'<span class="sub">{escape(row["company__name"])}</span>'


def status_without_stage(row: Row, reader: Reader) -> str:
    return "" if row["stage_id"] else status_badge(row["status"], Status(row["status"]).label)


def status_or_stall(row: Row, reader: Reader) -> str:
    if not row["stage_id"]:
        return status_without_stage(row, reader)
    last = row["last_step_on"]
    stall = stall_of(
        entered_on=row["stage_entered_on"],
        limit=limit(row[LEARNED], row[EXPECTED]),
        has_next_step=last is not None and last >= reader.today,
        today=reader.today,
    )
    return f" {stall.badge}" if stall else ""


def overdue(row: Row, reader: Reader) -> str:
    closing = row["closing_on"]
    late = row["status"] == Status.IN_PROGRESS and closing is not None and closing < reader.today
    return f" {badge(_('Overdue'), 'red', 'alert')}" if late else ""


def step_badges() -> dict[str, SafeString]:
    """What stands out of what is to be done next, in the reader's language."""
    return {
        NextStep.OVERDUE: badge(_("overdue step"), "red", "alert"),
        NextStep.TODAY: badge(_("step today"), "amber", "clock"),
        NextStep.NONE: badge(_("no next step"), "amber", "info"),
    }


def step_and_marks(row: Row, reader: Reader) -> str:
    """What the next step is, and the marks of the board."""
    if row["closed_on"] is not None:
        return ""
    coming, first, marks = row["next_step"], row["first_step_on"], step_badges()
    what = f" {escape(row['next_step_aside'])}" if coming else ""
    if first is not None and first < reader.today:
        what += f" {marks[NextStep.OVERDUE]}"
    if coming == reader.today:
        what += f" {marks[NextStep.TODAY]}"
    if coming is None and row["status"] == Status.IN_PROGRESS:
        what += f" {marks[NextStep.NONE]}"
    return what


CELLS = {
    "description": Cell(also=number_and_flag, needs=("priority", "number")),
    "contact": Cell(also=company_behind, needs=("company__name", "company_id"), filter="contact"),
    "company": Cell(filter="company"),
    "salesperson": Cell(filter="salesperson", without="none"),
    "stage": Cell(
        also=status_or_stall,
        needs=("status", "stage_entered_on", LEARNED, EXPECTED, ("last_step_on", last_step())),
        within="stage__sales_cycle__code",
        filter="stage",
    ),
    "tags": Cell(write=tag_badges),
    "closing_on": Cell(also=overdue, needs=("status",)),
    "next_step": Cell(also=step_and_marks, needs=("status", "closed_on", ("first_step_on", first_step()))),
    "status": Cell(filter="status"),
    "priority": Cell(filter="priority"),
    "sales_cycle": Cell(filter="sales_cycle"),
}

EVERY = frozenset(column.edit for column in COLUMNS)
WHEN_CLOSED, NOTHING = frozenset({"edit:description", "edit:competitor"}), frozenset[str]()


def editable(user: User) -> Callable[[Row], frozenset[str]]:
    """As the verbs allow it: facts of what is closed stay as they are, but for what it is called and the competitor; what was only shared to
    see stays as it is."""
    sight = sight_of(user)

    def words(row: Row) -> frozenset[str]:
        if row["archived"] or not sight.may_change(row["pk"], row["salesperson_id"]):
            return NOTHING
        return EVERY if row["status"] in OPEN else WHEN_CLOSED

    return words


OPPORTUNITIES = Listing(
    space="opportunities",
    model=Opportunity,
    title=gettext_lazy("Opportunities"),
    counted=lambda count: ngettext("%(shown)s opportunity", "%(shown)s opportunities", count) % tally(count),
    empty=Empty(
        gettext_lazy("No opportunities here yet"),
        gettext_lazy("You see here every opportunity that you may see."),
        gettext_lazy("Nothing matches these filters"),
        "target",
    ),
    columns=COLUMNS,
    cells=CELLS,
    filters=OpportunityFilter,
    named="description",
    new=gettext_lazy("New opportunity"),
    new_permission="opportunities.add_opportunity",
    others=("board",),
    totals=RunningTotals(
        RunningTotal,
        words=frozenset({"status", "salesperson", "sales_cycle", "stage", "archived"}),
        sums=frozenset({"estimated_value", "calculated_value", "sales_value"}),
        groups=frozenset({"status", "salesperson_id", "sales_cycle_id", "stage_id"}),
        beside=Opportunity.objects.beside_salesperson,
    ),
    bulk="opportunities:bulk",
    bulk_permission="opportunities.change_opportunity",
    links=(Link(gettext_lazy("Import"), "import:list", "upload", "upkeep.add_importrun"),),
    reports=(
        Report(
            gettext_lazy("List of opportunities"),
            "columns=number,description,sales_cycle,stage,salesperson,source,contact,probability,completed,status&order=number",
        ),
        Report(
            gettext_lazy("Opportunities of salespeople"),
            "columns=description,number,contact,created_on,status,priority,estimated_value,calculated_value,probability,chances,"
            "completed,source,closed_on&group=salesperson&order=number&where=1:salesperson:not_blank",
        ),
    ),
    editing=Editing("opportunities.change_opportunity", editable, needs=("status", "archived", "salesperson_id")),
)
