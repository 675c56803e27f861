from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.listing.selection import Selection
from crm.lib.money import round_half_up
from opportunities.board import ORDERS
from opportunities.listing import OPPORTUNITIES
from salescycles.models import SalesCycle
from salespeople import saved_views
from salespeople.models import SavedView
from salespeople.requests import SignedIn


@require_safe
def opportunity_list(request: SignedIn) -> HttpResponse:
    """The list, and the way to the board of the same rows; on the page of a contact or salesperson with the totals of open
    ones."""
    return saved_views.show_list(request, OPPORTUNITIES, SavedView.Page.OPPORTUNITIES, more=more)


def more(selection: Selection) -> dict[str, Any]:
    every = _("These numbers count everything you may see that is not archived, won and lost included.")
    filtered = _("These numbers count what the filters leave, won and lost included unless a status is chosen.")
    return {
        **(_figures(selection) if selection.address.embedded else {}),
        "counts": {"every": every, "filtered": filtered},
        "views": [
            {"label": _("Board"), "url": board_of(selection)},
            {"label": _("List"), "url": selection.address.link(), "is_here": True},
        ],
    }


def _figures(selection: Selection) -> dict[str, Any]:
    """Of the open ones; on the page of a salesperson or a team also what one is worth on average, open ones and all (E.2)."""
    figures = selection.rows.open().totals()
    if not {"salesperson", "team"} & set(selection.address.query):
        return {"open_totals": figures}
    averages = [
        {"label": label, "note": note, "value": average(total, count)}
        for note, count, totals in (
            (_("open ones"), figures["count"], figures),
            (_("won and lost ones too"), selection.totals.count, selection.totals.sums),
        )
        for label, total in (
            (_("Average estimated value"), totals.get("estimated_value")),
            (_("Average calculated value"), totals.get("calculated_value")),
        )
    ]
    return {"open_totals": figures, "averages": averages}


def average(total: Any, count: Any) -> Decimal:
    """Of all of them: an unknown value counts as nothing. 0 where there are none."""
    return round_half_up((total or Decimal(0)) / count) if count else Decimal(0)


def board_of(selection: Selection) -> str:
    """The same rows as a board; what shapes a table only stays behind, and what the board cannot honour it says itself."""
    address = selection.address
    order = address.query.get("order", "")
    return reverse("opportunities:board") + address.link(
        columns=None, view=None, order=order if order in ORDERS else None
    )


def help_without_cycle(request: SignedIn) -> dict[str, Any]:
    """Whether there is a cycle to choose, and who can make one."""
    usable = SalesCycle.objects.usable().filter(stages__isnull=False).exists()
    return {"no_cycle": not usable, "may_set_up": request.user.has_perm("salescycles.add_salescycle")}
