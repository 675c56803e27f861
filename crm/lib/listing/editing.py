"""A cell edited where it stands. The form carries the address of its list; the answer is the row as that list shows it."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.lib.fragments import render_page
from crm.lib.icons import ICONS
from crm.lib.listing.address import carried, with_query
from crm.lib.listing.cells import Cells
from crm.lib.listing.keyset import told
from crm.lib.listing.listing import Listing, Reader, Row
from crm.lib.listing.selection import Selection
from crm.lib.listing.views import TEMPLATE, cells_of, totals_context


def list_of(request: HttpRequest) -> QueryDict | None:
    """The address of the list from which a form was sent; None where it was not sent from a list."""
    return carried(request, "list")


def back_to(listing: Listing, query: QueryDict, pk: int) -> str:
    """The list again, at this row."""
    return f"{with_query(listing.address(), query)}#row-{pk}"


def show_row(
    request: HttpRequest,
    listing: Listing,
    reader: Reader,
    query: QueryDict,
    pk: int,
    *,
    edited: str = "",
    more: Callable[[Selection], dict[str, Any]],
    status: int = 200,
) -> HttpResponse:
    """The row with the columns of the list at that address, and the totals of all its rows, out of band. The row keeps its
    place, though it may not match the filters any more, until the list is read again. The focus goes to the cell of the
    field `edited`, else to the name of the row."""
    selection = Selection(listing, request.user, query)
    cells = cells_of(selection, reader)
    row = _row(selection, pk)
    address = selection.address
    context = totals_context(selection, reader) | more(selection)
    context |= {
        "row": SafeString(_marked_up(cells, row, pk, edited)),
        "as_loaded": bool(address.group or address.query.get("order")),
        "grouped": bool(address.group),
        "again": listing.address() + address.here,
    }
    response = render_page(request, TEMPLATE, context, partial="row", status=status)
    response["HX-Reswap"] = "none"
    return response


def _row(selection: Selection, pk: int) -> Row | None:
    """What is shown of the row, and whether it is listed still; None where it is not to be seen any more."""
    fields = Cells.needs(selection.listing, selection.address.columns, selection.user)
    listed = Exists(selection.rows.filter(pk=OuterRef("pk")))
    rows = selection.listing.visible(selection.user).filter(pk=pk).annotate(is_listed=listed)
    found: Row | None = told(rows, [*fields, "is_listed"]).first()
    return found


def _marked_up(cells: Cells, row: Row | None, pk: int, edited: str) -> str:
    if row is None:
        said = _("Not there any more, or no longer yours to see.")
        wide = len(cells.columns) + bool(cells.picks)
        return f'<tr id="row-{pk}" hx-swap-oob="true"><td colspan="{wide}" tabindex="-1" data-focus>{said}</td></tr>'
    unlisted = f' <span class="mark mark-amber">{ICONS["filter"]}{_("no longer matches the filters")}</span>'
    mark = "" if row["is_listed"] else unlisted
    markup = cells.row(row, mark).replace("<tr ", '<tr hx-swap-oob="true" ', 1)
    held = f'data-column="{edited}"'
    if edited and held in markup:
        return markup.replace(held, f"{held} data-focus", 1)
    return markup.replace('<th scope="row"><a ', '<th scope="row"><a data-focus ', 1)
