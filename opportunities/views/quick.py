"""Quick add: a new opportunity in a column of the board, without leaving it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.lib.fragments import is_fragment, render_page
from opportunities import lifecycle
from opportunities.board import NOT_STARTED, Board, Column
from opportunities.forms import QuickForm
from opportunities.views.access import ADD, require
from opportunities.views.board import address, answer, board_of, read
from salespeople.models import Company
from salespeople.requests import SignedIn

QUICK = "opportunities/quick.html"


@require_http_methods(["GET", "HEAD", "POST"])
def quick(request: SignedIn) -> HttpResponse:
    """Not started, or at once at the column's stage (created, started and moved in one transaction). The form stays open
    for the next one."""
    require(request, ADD)
    query = board_of(request) or QueryDict()
    board, column = _column(request, query)
    data = request.POST if request.method == "POST" else None
    form = _form(request, board, column, data)
    finding = data is not None and "find" in data
    if data is None or finding or not form.is_valid():
        return _show(request, form, column, query, status=200 if data is None or finding else 422, finding=finding)
    try:
        with transaction.atomic():
            entry = lifecycle.create(by=request.user, **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return _show(request, form, column, query, status=422)
    messages.success(request, _("Created: %(opportunity)s.") % {"opportunity": entry.opportunity})
    if not is_fragment(request):
        return HttpResponseRedirect(f"{address(query)}#card-{entry.opportunity_id}")
    response = answer(request, query, entry.opportunity_id, entry=entry.pk)
    response["HX-Reswap"] = "innerHTML"
    again = _context(_form(request, board, column, None), column, query)  # the messages stand in the answer already
    response.content = render_to_string(f"{QUICK}#form", again, request).encode() + response.content
    return response


def _column(request: SignedIn, query: QueryDict) -> tuple[Board, Column]:
    """The column that the address names, where something new may be entered; 404 otherwise."""
    board = read(request.user, query).board
    wanted = request.POST.get("column", request.GET.get("column", NOT_STARTED))
    column = next((one for one in board.headers if one.key == wanted and one.takes_new), None) if board else None
    if board is None or column is None:
        raise Http404
    return board, column


def _form(request: SignedIn, board: Board, column: Column, data: Any) -> QuickForm:
    today = Company.current().today()
    return QuickForm(data, user=request.user, today=today, cycle=board.cycle, stage=column.stage)


def _show(
    request: SignedIn, form: QuickForm, column: Column, query: QueryDict, *, status: int, finding: bool = False
) -> HttpResponse:
    if finding:  # a search asks for nothing yet
        form.errors.clear()
    return render_page(request, QUICK, _context(form, column, query), partial="form", status=status)


def _context(form: QuickForm, column: Column, query: QueryDict) -> dict[str, Any]:
    return {"form": form, "column": column, "board_query": query.urlencode(), "back": address(query)}
