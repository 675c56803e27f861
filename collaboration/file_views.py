"""The files of a record: who sees the record may have them."""

import logging
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from collaboration import lifecycle
from collaboration.forms import AttachForm
from collaboration.models import Attachment, records
from crm.lib.editing import INVALID, OK, STALE
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.races import is_busy
from crm.lib.refusals import one_or_404
from salespeople.requests import SignedIn

ATTACH = "collaboration.add_attachment"
CARD = "collaboration/files.html"
CHANGED = "files-changed"  # what the timeline of an opportunity listens to


@require_http_methods(["GET", "HEAD", "POST"])
def card(request: SignedIn) -> HttpResponse:
    """The files of the opportunity or contact that the address names; a POST attaches more."""
    field, record = _record(request)
    form, status = AttachForm(), OK
    if request.method == "POST":
        if not request.user.has_perm(ATTACH):
            raise PermissionDenied
        form = AttachForm(request.POST, request.FILES)
        status = _attach(request, form, field, record) if form.is_valid() else INVALID
        if status == OK and not is_fragment(request):
            return redirect_to(request, f"{record.get_absolute_url()}#files")
    return _card(request, field, record, form, status)


def _record(request: SignedIn) -> tuple[str, Any]:
    """Raises Http404."""
    field = next((name for name in Attachment.records() if name in request.GET), "")
    key = key_of(request.GET.get(field)) if field else None
    if key is None:
        raise Http404
    return field, one_or_404(request, records(field).visible_to(request.user), key)


def _attach(request: SignedIn, form: AttachForm, field: str, record: Any) -> int:
    files = form.cleaned_data["file"]
    try:
        lifecycle.attach(field, record.pk, files=files, by=request.user)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return INVALID
    except OperationalError as error:
        if not is_busy(error):
            raise
        form.add_error("file", _("Somebody is changing this just now. Please send it again."))
        return STALE
    messages.success(request, _("The file is attached.") if len(files) == 1 else _("The files are attached."))
    return OK


def _card(request: SignedIn, field: str, record: Any, form: AttachForm | None = None, status: int = OK) -> HttpResponse:
    user = request.user
    may_attach, may_change = user.has_perm(ATTACH), record.may_be_changed_by(user)
    rows = Attachment.objects.standing().filter(**{field: record}).select_related("uploaded_by")
    context = {
        "files": [(row, may_change or (may_attach and row.uploaded_by_id == user.pk)) for row in rows],
        "form": (form or AttachForm()) if may_attach else None,
        "record": record,
        "query": f"{field}={record.pk}",
        "changed": status == OK and request.method == "POST",
    }
    response = render_page(request, CARD, context, partial="card", status=status)
    if context["changed"]:
        response["HX-Trigger"] = CHANGED
    return response


def _find(request: SignedIn, pk: int) -> Attachment:
    """Raises Http404."""
    standing = Attachment.objects.standing().visible_to(request.user)
    attachment: Attachment = one_or_404(request, standing.select_related("opportunity", "contact"), pk)
    return attachment


@require_safe
def download(request: SignedIn, pk: int) -> HttpResponseBase:
    """Always as a file to keep, never as a page to show."""
    attachment = _find(request, pk)
    try:
        file = attachment.file.open("rb")
    except OSError:
        logging.getLogger("collaboration").exception("attachment %s: its file cannot be read", pk)
        return render_page(request, "collaboration/file_lost.html", {"attachment": attachment}, status=404)
    kind = attachment.content_type
    response = FileResponse(file, as_attachment=True, filename=attachment.name, content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedIn, pk: int) -> HttpResponse:
    """Asks once, since the file does not come back."""
    attachment = _find(request, pk)
    if not attachment.may_be_removed_by(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return render_page(request, "collaboration/file_remove.html", {"attachment": attachment}, partial="form")
    lifecycle.remove(attachment, by=request.user)
    messages.success(request, _("The file was removed."))
    record, field = attachment.record, "opportunity" if attachment.opportunity_id else "contact"
    if not is_fragment(request):
        return redirect_to(request, f"{record.get_absolute_url()}#files")
    response = _card(request, field, record)
    response["HX-Retarget"], response["HX-Reswap"] = "#files", "innerHTML"
    return response
