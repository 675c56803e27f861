"""A list as a file: what its address filters, sorts and shows, always the whole of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from psycopg.errors import QueryCanceled

from crm.lib.fragments import render_page
from crm.lib.listing.address import Address
from crm.lib.listing.cells import tally
from crm.lib.listing.columns import Column, Kind
from crm.lib.listing.files import MOST_ROWS, Field, Sheet, labelled, on_the_wall, write_csv, write_xlsx
from crm.lib.listing.keyset import field_of
from crm.lib.listing.listing import Listing
from crm.lib.listing.selection import Selection
from crm.lib.listing.words import EMBEDDED, PLACES

AS = "as"
CSV, XLSX = "csv", "xlsx"
WRITERS = {CSV: write_csv, XLSX: write_xlsx}
TYPES = {CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@never_cache
@require_safe
def export(request: HttpRequest, listing: Listing) -> HttpResponseBase:
    """`as` says what kind of file. 422 and no file for what is not understood: unlike a page, a file could not say it. 503
    where the database takes too long."""
    if not listing.is_open_to(request.user):
        raise PermissionDenied
    query = request.GET.copy()
    for word in (*PLACES, EMBEDDED):  # a file has all of the pages
        query.pop(word, None)
    kind = str(query.pop(AS, [""])[-1])
    selection = Selection(listing, request.user, query)
    refusals = list(_refusals(selection, kind))
    if refusals:
        return _refused(request, selection, refusals, status=422)
    try:
        file = written(sheet_of(selection), kind)
    except OperationalError as error:
        if not took_too_long(error):
            raise
        said = _("The database took too long. Try again later, or let the filters leave fewer rows.")
        return _refused(request, selection, [said], status=503)
    name = f"{listing.title} {selection.filters.asker.clock.today}.{kind}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[kind])


def written(sheet: Sheet, kind: str) -> IO[bytes]:
    """The file of a kind of `WRITERS`, written already: a slow reader keeps no query waiting, and what fails fails before anything is
    sent. Raises NoRoom, OperationalError."""
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        WRITERS[kind](sheet, file)
        stack.pop_all()
    file.seek(0)
    return file


def took_too_long(error: OperationalError) -> bool:
    return isinstance(error.__cause__, QueryCanceled)


def no_room() -> str:
    """Said where there are more rows than a sheet has."""
    most = tally(MOST_ROWS)["shown"]
    return _("A sheet of XLSX has room for %(most)s rows. CSV has no such limit.") % {"most": most}


def _refusals(selection: Selection, kind: str) -> Iterator[str]:
    if kind not in WRITERS:
        yield _("Choose what kind of file it shall be.")
    for field in selection.filters.form:
        yield from (f"{field.label}: {error}" for error in field.errors)
    if selection.address.unknown:
        yield _("Nobody knows these parts of the address: %(words)s") % {"words": ", ".join(selection.address.unknown)}
    if kind == XLSX and selection.understood and selection.rows.count() > MOST_ROWS:
        yield no_room()


def _refused(request: HttpRequest, selection: Selection, refusals: list[str], *, status: int) -> HttpResponseBase:
    address = selection.address
    context = {
        "listing": selection.listing,
        "refusals": refusals,
        "exports": exports(address) if selection.understood else [],
        "back": selection.listing.address() + address.link(),
    }
    return render_page(request, "list_export.html", context, status=status)


def exports(address: Address) -> list[dict[str, str]]:
    """The files that an address can be made into."""
    root = address.listing.address("export")
    return [{"label": kind.upper(), "url": root + address.link(**{AS: kind})} for kind in WRITERS]


def sheet_of(selection: Selection) -> Sheet:
    listing, asker = selection.listing, selection.filters.asker
    fields = []
    for column in selection.address.columns:
        value = _value(listing, column, selection.user, asker.clock.zone)
        fields.append(Field(str(column.label), column.kind, value))
        if column.aside:
            label, made = column.aside
            fields.append(Field(str(label), Kind.TEXT, made(selection.user)))
    return Sheet(str(listing.title), fields, selection.ordered, asker.currency)


def _value(listing: Listing, column: Column, user: Any, zone: Any) -> Any:
    if column.links or column.made:
        return column.in_file(user)
    if column.kind is Kind.FLAG:
        return labelled(column.path, {"true": _("yes"), "false": _("no")})
    if column.kind is Kind.CHOICE:
        choices = column.choices(user) if column.choices else field_of(listing.model, column.path).choices or ()
        return labelled(column.path, {word: str(label) for word, label in choices})
    return on_the_wall(column.path, zone) if column.kind is Kind.MOMENT else F(column.path)
