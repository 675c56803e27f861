"""A list as a page to be printed: what its address filters, sorts, groups and shows, all rows of it at once."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.lib.listing.address import Address
from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Listing, Reader
from crm.lib.listing.selection import Selection
from crm.lib.listing.views import list_context
from crm.lib.listing.words import EMBEDDED, PLACES, VIEW

MOST = 2000  # rows on paper; a file has no such limit
TEMPLATE = "list_print.html"


@require_safe
def print_list(request: HttpRequest, listing: Listing, reader: Callable[[], Reader]) -> HttpResponse:
    """422 and no rows where a filter cannot be understood."""
    user: Any = request.user
    if not listing.is_open_to(user):
        raise PermissionDenied
    query = request.GET.copy()
    for word in (*PLACES, VIEW):
        query.pop(word, None)
    query[EMBEDDED] = "1"  # nothing is picked or edited on paper
    selection = Selection(listing, user, query, size=MOST)
    address = selection.address
    context = list_context(selection, reader()) | {
        "heading": title_of(address),
        "group": address.group,
        "today": reader().today,
        "most": tally(MOST)["shown"],
        "back": listing.address() + address.link(),
        "narrow": listing.address("filter") + address.link(next="print"),
    }
    return render(request, TEMPLATE, context, status=200 if selection.understood else 422)


def title_of(address: Address) -> Any:
    """A report's own where the address has its columns and groups, else the list's."""
    for report in address.listing.reports:
        query = QueryDict(report.query)
        if all(query.get(word, "") == address.query.get(word, "") for word in ("columns", "group")):
            return report.label
    return address.listing.title
