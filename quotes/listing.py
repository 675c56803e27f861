"""How quotes are listed."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Listing, Reader, Row
from crm.templatetags.crm import badge
from quotes.columns import COLUMNS
from quotes.filters import QuoteFilter
from quotes.models import Quote


def current(row: Row, reader: Reader) -> str:
    return f" {badge(_('Current'), 'green', 'check')}" if row["is_current"] else ""


QUOTES = Listing(
    space="quotes",
    model=Quote,
    title=gettext_lazy("Quotes"),
    counted=lambda count: ngettext("%(shown)s quote", "%(shown)s quotes", count) % tally(count),
    empty=Empty(
        gettext_lazy("No quotes yet"),
        gettext_lazy("Quotes are added on the page of an opportunity in progress."),
        gettext_lazy("No quote fits this filter"),
        "quote",
    ),
    columns=COLUMNS,
    cells={
        "number": Cell(also=current, needs=("is_current",)),
        "opportunity": Cell(page="opportunities:detail"),
        "contact": Cell(page="contacts:detail"),
    },
    filters=QuoteFilter,
    named="number",
    order="-quoted_on",
    permission="quotes.view_quote",
    new=gettext_lazy("New quote"),
    new_permission="quotes.add_quote",
)
