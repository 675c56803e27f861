from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from crm.lib.fragments import render_page
from opportunities.filters import ORDERS, OpportunityFilter, ordered
from opportunities.models import Opportunity
from opportunities.views.access import ADD
from salescycles.models import SalesCycle
from salespeople.models import Company, SavedView
from salespeople.requests import SignedIn

PAGE = 50


@require_safe
def opportunity_list(request: SignedIn) -> HttpResponse:
    """The list: everything that shapes it is in the address; totals are exact over the whole filtered set."""
    visible = Opportunity.objects.visible_to(request.user)
    filters = OpportunityFilter(request.GET, queryset=visible, user=request.user, page=SavedView.Page.OPPORTUNITIES)
    if filters.tabs.landing:
        return HttpResponseRedirect(filters.tabs.landing)
    understood = filters.is_valid()
    rows = filters.qs if understood else visible.none()
    totals = rows.totals()
    order = request.GET.get("order", "")
    page = _page(ordered(rows.with_names(), order), int(str(totals["count"])), request.GET.get("page", "1"))
    embedded = "embedded" in request.GET
    context = {
        "open_totals": rows.open().totals() if embedded else None,
        "filters": filters,
        "understood": understood,
        "unknown": _unknown(request, filters),
        "chips": filters.chips if understood else [],
        "totals": totals,
        "page": page,
        "order": order,
        "embedded": embedded,
        "tabs": None if embedded else filters.tabs,
        "selection": _selection(request),
        "today": Company.current().today(),
        "may_add": request.user.has_perm(ADD),
    }
    return render_page(
        request, "opportunities/list.html", context, partial="results", status=200 if understood else 422
    )


def _selection(request: SignedIn) -> str:
    """What the page of an opportunity has to know to find its neighbours in this list."""
    query = request.GET.copy()
    for name in ("page", "embedded"):
        query.pop(name, None)
    return query.urlencode() or "from=list"


def _page(rows: Any, count: int, number: str) -> Page:
    paginator = Paginator(rows, PAGE)
    paginator.count = count  # known already: no second count
    return paginator.get_page(number if number.isdecimal() and len(number) < 10 else 1)


def _unknown(request: SignedIn, filters: OpportunityFilter) -> list[str]:
    """Words of the address that this page cannot honour: said, not passed over."""
    known = {*filters.filters, "order", "page", "embedded", "status", "view"}
    unknown = sorted(name[:50] for name in request.GET if name not in known)
    order = request.GET.get("order", "")
    if order and order.removeprefix("-") not in ORDERS:
        unknown.append(f"order={order[:50]}")
    page = request.GET.get("page", "1")
    if not (page.isdecimal() and len(page) < 10):
        unknown.append(f"page={page[:50]}")
    return unknown


def help_without_cycle(request: SignedIn) -> dict[str, Any]:
    """Whether there is a cycle to choose, and who can make one."""
    usable = SalesCycle.objects.usable().filter(stages__isnull=False).exists()
    return {"no_cycle": not usable, "may_set_up": request.user.has_perm("salescycles.add_salescycle")}
