"""How salespeople are listed, and for whom any list is written."""

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Link, Listing, Reader, Row
from crm.templatetags.crm import badge
from salespeople.columns import COLUMNS
from salespeople.filters import SalespersonFilter
from salespeople.models import Company, Salesperson


def reader() -> Reader:
    """Amounts in our currency, days as they are today with us."""
    ours = Company.current()
    return Reader(get_language() or "en", ours.currency, ours.today())


def blocked(row: Row, reader: Reader) -> str:
    return f" {badge(_('Blocked'), 'amber', 'alert')}" if row["blocked"] or row["privacy_blocked"] else ""


SALESPEOPLE = Listing(
    space="salespeople",
    model=Salesperson,
    title=gettext_lazy("Salespeople"),
    counted=lambda count: ngettext("%(shown)s salesperson", "%(shown)s salespeople", count) % tally(count),
    empty=Empty(
        gettext_lazy("No salespeople yet"),
        gettext_lazy("A salesperson owns opportunities and contacts."),
        gettext_lazy("Nobody fits this filter"),
        "people",
    ),
    columns=COLUMNS,
    cells={"name": Cell(also=blocked, needs=("blocked", "privacy_blocked")), "email": Cell(page="mailto:")},
    filters=SalespersonFilter,
    named="name",
    order="name",
    permission="salespeople.view_salesperson",
    links=(Link(gettext_lazy("Reports"), "reports", "list", "salespeople.view_salesperson"),),
    new=gettext_lazy("New salesperson"),
    new_permission="salespeople.add_salesperson",
)
