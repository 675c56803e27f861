from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.listing.selection import Selection
from crm.lib.listing.views import show_list
from opportunities.board import ORDERS
from opportunities.listing import OPPORTUNITIES
from salescycles.models import SalesCycle
from salespeople.listing import reader
from salespeople.requests import SignedIn


@require_safe
def opportunity_list(request: SignedIn) -> HttpResponse:
    """The list, and the way to the board of the same rows; on the page of a contact or salesperson with the totals of open
    ones."""
    return show_list(request, OPPORTUNITIES, reader(), more=more)


def more(selection: Selection) -> dict[str, Any]:
    every = _("These numbers count everything you may see that is not archived, won and lost included.")
    filtered = _("These numbers count what the filters leave, won and lost included unless a status is chosen.")
    return {
        "open_totals": selection.rows.open().totals() if selection.address.embedded else None,
        "counts": {"every": every, "filtered": filtered},
        "views": [
            {"label": _("Board"), "url": board_of(selection)},
            {"label": _("List"), "url": selection.address.link(), "is_here": True},
        ],
    }


def board_of(selection: Selection) -> str:
    """The same rows as a board; what shapes a table only stays behind, and what the board cannot honour it says itself."""
    address = selection.address
    order = address.query.get("order", "")
    link = address.link(columns=None, order=order if order in ORDERS else None)
    return reverse("opportunities:board") + ("" if link == "?" else link)


def help_without_cycle(request: SignedIn) -> dict[str, Any]:
    """Whether there is a cycle to choose, and who can make one."""
    usable = SalesCycle.objects.usable().filter(stages__isnull=False).exists()
    return {"no_cycle": not usable, "may_set_up": request.user.has_perm("salescycles.add_salescycle")}
