"""Bringing a file, choosing what its columns become, trying it, taking it in, and taking that back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import OperationalError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.jobs import watching
from crm.lib.listing.export import TYPES, WRITERS, no_room, took_too_long, written
from crm.lib.listing.files import NoRoom
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from crm.lib.uploads import ImportLimit
from salescycles.models import ActivityStep
from salespeople.models import Company
from salespeople.requests import SignedIn
from upkeep.importing import rows, running, ties, undoing
from upkeep.importing.failed import failed_rows
from upkeep.importing.fields import targets
from upkeep.importing.files import bring, read_again
from upkeep.importing.forms import BringForm, MapForm, ReadForm
from upkeep.importing.linking import World
from upkeep.importing.models import ImportKind, ImportRow, ImportRun
from upkeep.importing.reading import Unreadable, sample_of
from upkeep.importing.running import may_run, may_take_out, path_of
from upkeep.importing.tables import TABLES, sheet_of
from upkeep.importing.ties import TIES

ADD = "upkeep.add_importrun"
LISTED = 100  # runs
SHOWN = 20  # rows, reasons and names that lead nowhere
PREVIEWED = 5  # rows of the file beside its columns
State, Verdict = ImportRun.State, ImportRow.Verdict
TO_CHOOSE = (State.DRAFT, State.CHECKED, State.BROKEN)


@csrf_exempt  # asked by `_imports`, once it is known how much may come
@permission_required(ADD, raise_exception=True)
def imports(request: HttpRequest) -> HttpResponse:
    """What was imported lately, and the form that brings a file."""
    request.upload_handlers = [ImportLimit(request), TemporaryFileUploadHandler(request)]
    return _imports(request)


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def _imports(request: Any) -> HttpResponse:
    of = request.POST.get("kind") or request.GET.get("of") or ""
    form = BringForm(request.POST or None, request.FILES or None, user=request.user, of=of)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            run = bring(request.user, given["kind"], given["system"], given["file"])
            return redirect_to(request, "import:columns", run.pk)
        except ValidationError as refused:
            form.add_error("file", refused)
    latest = ImportRun.objects.visible_to(request.user).select_related("by")[:LISTED]
    context = {
        "form": form,
        "rows": latest,
        "most": settings.IMPORT_MOST_MB,
        "tables": [
            {"kind": kind, "label": ImportKind(kind).label, "may_run": may_run(request.user, kind)}
            for kind in (*TABLES, *TIES)
            if may_take_out(request.user, kind)
        ],
    }
    return render_page(request, "upkeep/import/list.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
@permission_required(ADD, raise_exception=True)
def table(request: SignedIn) -> HttpResponseBase:
    """A table as a file that can be imported again: `of` says which, `as` what kind of file. 404 for any other."""
    kind, as_ = request.GET.get("of", ""), request.GET.get("as", "")
    if (kind not in TABLES and kind not in TIES) or as_ not in WRITERS:
        raise Http404
    if not may_take_out(request.user, kind):
        raise PermissionDenied
    sheet = ties.sheet_of(kind, request.user) if kind in TIES else sheet_of(kind)
    try:
        file = written(sheet, as_)
    except NoRoom:
        messages.error(request, no_room())
        return redirect_to(request, "import:list")
    except OperationalError as error:
        if not took_too_long(error):
            raise
        messages.error(request, _("The database took too long. Try again later."))
        return redirect_to(request, "import:list")
    name = f"{sheet.name} {Company.current().today()}.{as_}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[as_])


def _found(request: SignedIn, pk: int) -> ImportRun:
    """Raises Http404."""
    found: ImportRun = one_or_404(request, ImportRun.objects.visible_to(request.user).select_related("by"), pk)
    return found


def _required(request: SignedIn, pk: int) -> ImportRun:
    """Raises Http404, PermissionDenied."""
    found = _found(request, pk)
    if not may_run(request.user, found.kind):
        raise PermissionDenied
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def columns(request: SignedIn, pk: int) -> HttpResponse:
    """What each column becomes, beside its first cells. A POST tries all rows."""
    found = _required(request, pk)
    if found.state not in TO_CHOOSE:
        return redirect_to(request, found)
    form = MapForm(request.POST if request.method == "POST" else None, run=found, user=request.user)
    if request.method == "POST" and form.is_valid():
        ImportRun.objects.filter(pk=found.pk).update(options=form.options())
        if "again" not in request.POST:
            running.check(found)
            return redirect_to(request, found)
        found.options = form.options()
        form = MapForm(None, run=found, user=request.user)
    return _columns(request, found, form, status=422 if form.errors else 200)


def _columns(request: SignedIn, found: ImportRun, form: MapForm, *, status: int = 200) -> HttpResponse:
    why, sample = "", []
    try:
        sample = sample_of(path_of(str(found.file)), found.reading, PREVIEWED)
    except (Unreadable, OSError) as wrong:
        why = str(wrong)
    cells = [
        [str(row.cells[at]) for row in sample if at < len(row.cells) and row.cells[at] not in (None, "")]
        for at in range(len(found.headers))
    ]
    context = {
        "run": found,
        "form": form,
        "why": why,
        "reading": ReadForm(None, run=found),
        "columns": list(zip(form.column_fields, cells, strict=True)),
        "dates": _understood(found, form, sample),
    }
    return render_page(request, "upkeep/import/columns.html", context, status=status)


def _understood(found: ImportRun, form: MapForm, sample: list[Any]) -> list[tuple[str, str, Any]]:
    """Dates and numbers of the first row that has some: what is written, and what is understood."""
    kinds = {target.name: target for target in targets(found.kind)}
    world = World(found, found.by, dry=True)
    told = []
    for at, name in found.options["columns"].items():
        target = kinds.get(name)
        cells = [
            row.cells[int(at)] for row in sample if int(at) < len(row.cells) and row.cells[int(at)] not in (None, "")
        ]
        if target is None or target.kind not in ("day", "when", "money", "percent") or not cells:
            continue
        told.append((found.headers[int(at)], str(cells[0]), _read_one(world, target.kind, cells[0])))
    return told


def _read_one(world: World, kind: str, cell: Any) -> Any:
    try:
        return rows.value(world, kind, cell, str(cell))
    except ValidationError as refused:
        return refused.messages[0]


@require_POST
@permission_required(ADD, raise_exception=True)
def read(request: SignedIn, pk: int) -> HttpResponse:
    """The file is read otherwise: in another encoding, by another delimiter."""
    found = _required(request, pk)
    form = ReadForm(request.POST, run=found)
    if found.state not in TO_CHOOSE or not form.is_valid():
        return redirect_to(request, found)
    was = dict(found.reading)
    found.reading = was | form.cleaned_data
    try:
        read_again(found, found.options.get("system", ""))
        ImportRun.objects.filter(pk=found.pk).update(
            reading=found.reading, headers=found.headers, options=found.options, state=State.DRAFT
        )
    except Unreadable as wrong:
        messages.error(request, str(wrong))
    return redirect_to(request, "import:columns", pk)


@require_safe
@permission_required(ADD, raise_exception=True)
def run(request: SignedIn, pk: int) -> HttpResponse:
    """How far it is, and what became of its rows or would become of them."""
    found = _found(request, pk)
    if found.state == State.DRAFT:
        return redirect_to(request, "import:columns", pk)
    dry = found.state in (State.CHECKING, State.CHECKED, State.BROKEN)
    counts = running.verdicts(found, dry=dry)
    context = {
        "run": found,
        "dry": dry,
        "counts": [(Verdict(name).label, counts[name], name) for name in Verdict.values if name in counts],
        "reasons": running.reasons(found, dry=dry, shown=SHOWN),
        "unknown": _unknown(request, found) if found.state == State.CHECKED else [],
        "first": found.rows.filter(dry=dry).order_by("line")[:SHOWN],
        "touched": _touched(found),
        "refused": counts.get(Verdict.REFUSED, 0),
        "taken": sum(counts.get(name, 0) for name in (Verdict.CREATED, Verdict.UPDATED)),
        "left_out": [name for at, name in enumerate(found.headers) if str(at) not in found.options["columns"]],
        "may_run": may_run(request.user, found.kind),
        "may_undo": found.state in (State.DONE, State.STOPPED),
    } | _progress(request, found)
    return render_page(request, "upkeep/import/run.html", context)


def _touched(found: ImportRun) -> list[dict[str, Any]]:
    touched = found.rows.filter(dry=False, verdict=Verdict.TOUCHED).order_by("line")[:SHOWN]
    if found.kind in TIES:
        records: dict[Any, Any] = ties.records(found.kind, [row.key for row in touched])
        urls = {key: record.get_absolute_url() for key, record in records.items()}
        return [{"row": row, "url": urls.get(row.key, "")} for row in touched]
    model = running.MODELS[found.kind]
    return [{"row": row, "url": _address(model, row.key)} for row in touched]


def _address(model: Any, key: int | None) -> str:
    """Its own page, else that of the set-up; of a step of an activity the list of activities."""
    if hasattr(model, "get_absolute_url"):
        return str(model(pk=key).get_absolute_url())
    if model is ActivityStep:
        return reverse("admin:salescycles_activity_changelist")
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[key])


def _unknown(request: SignedIn, found: ImportRun) -> list[dict[str, Any]]:
    """Names that lead nowhere, each with what was perhaps meant."""
    world = World(found, request.user, dry=True)
    return [
        one | {"at": at, "suggestions": world.suggestions(one["field"], one["said"])}
        for at, one in enumerate(running.unknown(found, SHOWN))
    ]


def _progress(request: SignedIn, found: ImportRun) -> dict[str, Any]:
    return watching(key_of(request.GET.get("asked")) or 0, under_way=found.is_under_way, first=1)


@require_safe
@permission_required(ADD, raise_exception=True)
def progress(request: SignedIn, pk: int) -> HttpResponse:
    """The part of the page that asks again by itself. Once the run is over, the page is loaded anew."""
    found = _found(request, pk)
    if not is_fragment(request):
        return redirect_to(request, found)
    response = render(request, "upkeep/import/progress.html", {"run": found} | _progress(request, found))
    if not found.is_under_way:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@permission_required(ADD, raise_exception=True)
def words(request: SignedIn, pk: int) -> HttpResponse:
    """What names that lead nowhere mean; then all rows are tried again."""
    found = _required(request, pk)
    known = {name: dict(meant) for name, meant in found.options.get("words", {}).items()}
    given = 0
    for at in range(SHOWN):
        field, said = request.POST.get(f"field-{at}", ""), request.POST.get(f"said-{at}", "")
        meant = request.POST.get(f"other-{at}", "").strip() or request.POST.get(f"meant-{at}", "")
        if field and said and meant:
            known.setdefault(field, {})[said] = meant[:200]
            given += 1
    if not given:
        messages.warning(request, _("Nothing was chosen, so nothing was changed."))
        return redirect_to(request, found)
    ImportRun.objects.filter(pk=pk, state=State.CHECKED).update(options=found.options | {"words": known})
    running.check(found)
    return redirect_to(request, found)


@require_POST
@permission_required(ADD, raise_exception=True)
def start(request: SignedIn, pk: int) -> HttpResponse:
    found = _required(request, pk)
    if not running.start(found):
        messages.warning(request, _("This cannot be begun (any more)."))
    return redirect_to(request, found)


@require_POST
@permission_required(ADD, raise_exception=True)
def stop(request: SignedIn, pk: int) -> HttpResponse:
    found = _found(request, pk)
    if running.cancel(found.pk):
        messages.success(request, _("The run is stopped. What is done stays as it is."))
    else:
        messages.warning(request, _("The run was over already."))
    return redirect_to(request, found)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def undo(request: SignedIn, pk: int) -> HttpResponse:
    """Asks once, with how many rows it is about."""
    found = _required(request, pk)
    if found.state not in (State.DONE, State.STOPPED):
        messages.warning(request, _("This run cannot be taken back (any more)."))
        return redirect_to(request, found)
    if request.method != "POST":
        counts = running.verdicts(found, dry=False)
        context = {"run": found, "created": counts.get("created", 0), "updated": counts.get("updated", 0)}
        return render_page(request, "upkeep/import/undo.html", context)
    undoing.start(found)
    return redirect_to(request, found)


@require_safe
@permission_required(ADD, raise_exception=True)
def result(request: SignedIn, pk: int) -> HttpResponseBase:
    """The refused rows as a file, each with why: mended it can be imported again."""
    found = _found(request, pk)
    dry = found.state in (State.CHECKING, State.CHECKED)
    if not found.rows.filter(dry=dry, verdict=Verdict.REFUSED).exists():
        raise Http404
    response = StreamingHttpResponse(failed_rows(found, dry=dry), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="import-{found.pk}-refused.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
