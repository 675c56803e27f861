"""The pages of a list: the list itself, the form of its filters, and the choice of its columns and order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.fragments import is_fragment, render_page
from crm.lib.listing.address import Address, read, written
from crm.lib.listing.builder import builder
from crm.lib.listing.cells import FIGURES, Cells, tally, writer
from crm.lib.listing.columns import Column
from crm.lib.listing.export import exports
from crm.lib.listing.keyset import END
from crm.lib.listing.listing import Listing, Reader, Row
from crm.lib.listing.selection import Selection, Totals

TEMPLATE = "list.html"
SORTS = 3  # so many orders can be chosen in the form; an address may have more


def show_list(
    request: HttpRequest, listing: Listing, reader: Reader, *, more: Callable[[Selection], dict[str, Any]] | None = None
) -> HttpResponse:
    """The list: everything that shapes it is in the address; totals are exact over the whole filtered set. 422 with no
    rows where a filter cannot be understood. `more` is what the page of this model says beside."""
    _let_in(request, listing)
    selection = Selection(listing, request.user, request.GET)
    context = list_context(selection, reader) | (more(selection) if more else {})
    status = 200 if selection.understood else 422
    response = render_page(request, TEMPLATE, context, partial="results", status=status)
    if is_fragment(request) and not selection.address.embedded:
        response["HX-Push-Url"] = _canonical(selection.address, request.GET)
    return response


def list_context(selection: Selection, reader: Reader) -> dict[str, Any]:
    listing, address, user = selection.listing, selection.address, selection.user
    cells = cells_of(selection, reader)
    return totals_context(selection, reader) | {
        "listing": listing,
        "address": address,
        "filters": selection.filters,
        "understood": selection.understood,
        "unknown": list(address.unknown),
        "embedded": address.embedded,
        "headers": [_header(address, column) for column in address.columns],
        "page": selection.page,
        "parts": list(_parts(selection, cells, reader)),
        "pages": _pages(selection),
        "where": _where(selection),
        "groups": [column for column in listing.columns if column.is_grouped],
        "exports": exports(address),
        "print_url": listing.address("print") + address.link(),
        "picks": bool(cells.picks),
        "bulk_url": reverse(listing.bulk) if cells.picks else "",
        "bulk_also": [link for link in listing.bulk_also if user.has_perm(link.permission)],
        "links": [link for link in listing.links if user.has_perm(link.permission)],
        "edits": cells.back is not None,
        "back": cells.back,
        "may_add": bool(listing.new) and user.has_perm(listing.new_permission),
        "root": listing.address(),
        "clear": address.link(**dict.fromkeys(selection.filters.filters)),
    }


def cells_of(selection: Selection, reader: Reader) -> Cells:
    """How the rows look to this person: whether they can be picked and edited. Not on the page of something else."""
    listing, address, user = selection.listing, selection.address, selection.user
    opens = f"?{address.query.urlencode(safe=',') or 'from=list'}"
    picks = bool(listing.bulk) and user.has_perm(listing.bulk_permission) and not address.embedded
    edits = listing.editing and user.has_perm(listing.editing.permission) and not address.embedded
    back = address.here.removeprefix("?") if edits else None
    return Cells(listing, address.columns, reader, user, opens, picks=picks, back=back)


def totals_context(selection: Selection, reader: Reader) -> dict[str, Any]:
    address, totals = selection.address, selection.totals
    return {
        "totals": totals,
        "counted": selection.listing.counted(totals.count),
        "sums": list(_sums(selection, reader)),
        "chips": [chip | {"href": address.link(**{chip["name"]: chip["left"]})} for chip in selection.filters.chips],
    }


def _let_in(request: HttpRequest, listing: Listing, permission: str = "") -> None:
    user: Any = request.user
    if not listing.is_open_to(user) or (permission and not user.has_perm(permission)):
        raise PermissionDenied


def _canonical(address: Address, query: QueryDict) -> str:
    """The address without blanks and unknown words, as it should stand in the address bar."""
    return address.listing.address() + (address.here if query else "")


def _sums(selection: Selection, reader: Reader) -> Iterator[dict[str, str]]:
    for column in selection.summed:
        write = writer(selection.listing, column, reader)
        yield {"label": str(column.label), "value": write(selection.totals[column.name] or 0)}


def _header(address: Address, column: Column) -> dict[str, Any]:
    """Sorts by its column: upwards first, then the other way. What it is sorted by already says so."""
    places = {each: (at, down) for at, (each, down) in enumerate(address.words, start=1)}
    at, down = places.get(column, (0, False))
    turned = at == 1 and not down
    sorted_by = ("descending" if down else "ascending") if at == 1 else ""
    return {
        "label": column.label,
        "is_figure": column.kind in FIGURES,
        "url": address.link(order=f"{'-' if turned else ''}{column.name}") if column.is_sortable else "",
        "sorted": sorted_by,
        "icon": ("chevron-down" if down else "chevron-up") if at else "",
        "at": at if at > 1 else "",
    }


@dataclass
class Heading:
    """Of a group: what its rows have in common, how many they are in all, and their sums below the columns they are of."""

    text: str
    url: str
    counted: str
    continued: bool
    lead: int
    cells: list[dict[str, Any]]


def _parts(selection: Selection, cells: Cells, reader: Reader) -> Iterator[tuple[Heading | None, SafeString]]:
    group = selection.address.group
    if group is None:
        yield None, cells.rows(selection.page.rows)
        return
    for key, rows, continued in selection.parts():
        yield _heading(selection, reader, key, rows[0], continued, bool(cells.picks)), cells.rows(rows)


def _heading(selection: Selection, reader: Reader, key: Any, first: Row, continued: bool, picks: bool) -> Heading:
    listing, address = selection.listing, selection.address
    group = address.group
    assert group is not None
    totals = selection.groups.get(key, Totals(0, {}))
    lead = next((at for at, column in enumerate(address.columns) if column.is_summed and at), len(address.columns))
    return Heading(
        text=_group_name(selection, reader, group, key, first),
        url=_only(selection, group, key),
        counted=listing.counted(totals.count),
        continued=continued,
        lead=lead + picks,
        cells=[_subtotal(listing, column, reader, totals) for column in address.columns[lead:]],
    )


def _subtotal(listing: Listing, column: Column, reader: Reader, totals: Totals) -> dict[str, Any]:
    if not column.is_summed:
        return {}
    return {"label": column.label, "value": writer(listing, column, reader)(totals.sums.get(column.name) or 0)}


def _group_name(selection: Selection, reader: Reader, group: Column, key: Any, first: Row) -> SafeString:
    if key is None:
        return SafeString(_("%(column)s: none") % {"column": group.label})
    write = writer(selection.listing, group, reader, selection.user)
    within = selection.listing.cell(group).within
    name = write(first[group.path])
    return SafeString(f"{escape(first[within])} · {name}" if within and first.get(within) else name)


def _only(selection: Selection, group: Column, key: Any) -> str:
    """The address of this group alone, where a word of the filters can say so."""
    cell = selection.listing.cell(group)
    value = cell.without if key is None else str(key)
    return selection.address.link(**{cell.filter: value}) if cell.filter and value else ""


def _pages(selection: Selection) -> list[dict[str, Any]]:
    """First, previous, next, last; without an address where they lead nowhere."""
    page, address = selection.page, selection.address
    if not (page.has_before or page.has_after):
        return []
    order = address.order
    before = after = first = last = None
    if page.has_before:
        first = address.link()
        before = address.link(before=order.cursor(page.rows[0])) if page.rows else None
    if page.has_after:
        last = address.link(before=END)
        after = address.link(after=order.cursor(page.rows[-1])) if page.rows else None
    return [
        {"word": "first", "url": first, "rel": ""},
        {"word": "previous", "url": before, "rel": "prev"},
        {"word": "next", "url": after, "rel": "next"},
        {"word": "last", "url": last, "rel": ""},
    ]


def _where(selection: Selection) -> str:
    """Which rows these are: counted from an end where the page stands at one, else how many of all."""
    page, count = selection.page, selection.totals.count
    shown = len(page.rows)
    said = {"all": _number(count), "shown": _number(shown)}
    if not page.has_before:
        return _("1–%(shown)s of %(all)s") % said if shown else ""
    if not page.has_after and selection.address.at_end:
        return _("%(from)s–%(all)s of %(all)s") % (said | {"from": _number(count - shown + 1)})
    return _("%(shown)s of %(all)s") % said


def _number(value: int) -> str:
    return tally(value)["shown"]


@require_safe
def filter_form(request: HttpRequest, listing: Listing) -> HttpResponse:
    """Where the filters and conditions of a list are put together, as a page or in a dialog; `next` may name another way
    to look at the same rows."""
    _let_in(request, listing, listing.view_permission)
    return builder(
        request,
        lambda query: listing.filters(query, queryset=listing.visible(request.user), user=request.user),
        back={"": listing.address()}
        | {name: reverse(f"{listing.space}:{name}") for name in (*listing.others, "print")},
        heading=listing.title,
    )


@require_safe
def column_form(request: HttpRequest, listing: Listing) -> HttpResponse:
    """Which columns are shown, in which order they stand, and by what rows are sorted; sent to the list."""
    _let_in(request, listing, listing.view_permission)
    query = request.GET.copy()
    moved = {word: query.pop(word)[-1] for word in ("up", "down") if word in query}
    filters = listing.filters(query, queryset=listing.visible(request.user), user=request.user, offers=False)
    address = read(listing, query, filters.filters, request.user)
    shown = _moved(list(address.columns), moved)
    others = [column for column in listing.columns if column not in shown]
    context = {
        "listing": listing,
        "shown": shown,
        "others": others,
        "sorts": _sorts(listing, address.words),
        "kept": [(word, value) for word, value in address.pairs if word not in ("columns", "order")],
        "root": listing.address(),
        "here": listing.address("columns"),
        "back": listing.address() + address.link(),
        "usual": listing.address() + address.link(columns=None, order=None),
    }
    return render_page(request, "list_columns.html", context, partial="form")


def _moved(shown: list[Column], moved: dict[str, str]) -> list[Column]:
    for word, name in moved.items():
        at = next((at for at, column in enumerate(shown) if column.name == name), None)
        to = None if at is None else at + (-1 if word == "up" else 1)
        if at is not None and to is not None and 0 <= to < len(shown):
            shown[at], shown[to] = shown[to], shown[at]
    return shown


def _sorts(listing: Listing, words: Sequence[tuple[Column, bool]]) -> list[dict[str, Any]]:
    """Selects, one behind the other: each with every column upwards and downwards."""
    labels = [_("Sort by"), _("then by"), _("and then by")]
    choices = [
        (f"{sign}{column.name}", f"{column.label}, {way}")
        for column in listing.columns
        if column.is_sortable
        for sign, way in (("", _("upwards")), ("-", _("downwards")))
    ]
    chosen = [written([word]) for word in words] + [""] * SORTS
    return [{"label": label, "chosen": word, "choices": choices} for label, word in zip(labels, chosen, strict=False)]
