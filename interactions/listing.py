"""How interactions are listed."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Listing, Reader, Row
from crm.templatetags.crm import badge
from interactions.columns import COLUMNS
from interactions.filters import InteractionFilter
from interactions.models import Interaction


def how_it_went(row: Row, reader: Reader) -> str:
    marks = f" {badge(_('Attempt failed'), 'amber', 'alert')}" if row["failed"] else ""
    return marks + (f" {badge(_('Cancelled'), 'grey', 'x')}" if row["cancelled"] else "")


INTERACTIONS = Listing(
    space="interactions",
    model=Interaction,
    title=gettext_lazy("Interactions"),
    counted=lambda count: ngettext("%(shown)s interaction", "%(shown)s interactions", count) % tally(count),
    empty=Empty(
        gettext_lazy("No interactions yet"),
        gettext_lazy("Calls, e-mails, meetings and notes that somebody logs stand here."),
        gettext_lazy("No interaction fits this filter"),
        "comment",
    ),
    columns=COLUMNS,
    cells={
        "description": Cell(also=how_it_went, needs=("failed", "cancelled")),
        "opportunity": Cell(page="opportunities:detail", filter="opportunity"),
        "contact": Cell(page="contacts:detail", filter="contact"),
        "company": Cell(page="contacts:detail", filter="company"),
        "salesperson": Cell(filter="salesperson"),
        "kind": Cell(filter="kind"),
        "direction": Cell(filter="direction"),
        "evaluation": Cell(filter="evaluation"),
    },
    filters=InteractionFilter,
    named="description",
    order="-happened_on",
    permission="interactions.view_interaction",
    new=gettext_lazy("Log an interaction"),
    new_permission="interactions.add_interaction",
)
