from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collaboration import lifecycle
from collaboration.forms import CommentEditForm, PreferencesForm
from collaboration.mentions import offered
from collaboration.models import Comment, Kind, Notification, records
from collaboration.pages import COMMENT, noted
from collaboration.told import Event, Line
from crm.lib.editing import posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import log_hidden, one_or_404
from salespeople.requests import SignedIn

SHOWN = 50  # notifications of a page


def _find(request: SignedIn, pk: int) -> Comment:
    visible = Comment.objects.visible_to(request.user).select_related("author", "opportunity", "contact")
    comment: Comment = one_or_404(request, visible, pk)
    return comment


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, pk: int) -> HttpResponse:
    """Another text, by its author or by who may edit everybody's. 409 where it was changed meanwhile."""
    comment = _find(request, pk)
    if not comment.may_be_edited_by(request.user):
        raise PermissionDenied
    form = CommentEditForm(posted(request), instance=comment)
    written: list[lifecycle.Written] = []
    form.write = lambda: written.append(  # type: ignore[method-assign]
        lifecycle.edit(comment, text=form.cleaned_data["text"], by=request.user)
    )
    if not (form.is_bound and form.submit()):
        context = {"form": form, "comment": comment, "action": request.path}
        return render_page(request, "collaboration/comment_edit.html", context, partial="form", status=form.status)
    for note in noted(written[0]) if written else ():
        messages.warning(request, note)
    if not is_fragment(request):
        return redirect_to(request, comment)
    context = {"event": _event(request, comment), "edited": True}
    return _in_place(render_page(request, "collaboration/event.html", context, partial="event"), comment.pk)


def _event(request: SignedIn, comment: Comment) -> Event:
    line = Line(
        *("comment", comment.pk, comment.written_at, comment.author_id, str(comment.author), "", comment.text),
        *(None, comment.edited_at, None),
    )
    return Event(line, comment.may_be_edited_by(request.user), comment.may_be_deleted_by(request.user))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedIn, pk: int) -> HttpResponse:
    """Asks once. The comment stays in the history."""
    comment = _find(request, pk)
    if not comment.may_be_deleted_by(request.user):
        raise PermissionDenied
    if request.method != "POST":
        context = {"comment": comment, "action": request.path}
        return render_page(request, "collaboration/comment_delete.html", context, partial="form")
    record, key = comment.record, comment.pk
    lifecycle.delete(comment, by=request.user)
    messages.success(request, _("The comment was deleted."))
    if not is_fragment(request):
        return redirect_to(request, record)
    return _in_place(render_page(request, "collaboration/comment_delete.html", partial="deleted"), key)


def _in_place(response: HttpResponse, key: int) -> HttpResponse:
    response["HX-Retarget"], response["HX-Reswap"] = f"#comment-{key}", "outerHTML"
    return response


@require_safe
def people(request: SignedIn) -> HttpResponse:
    """Whom a comment on a record may call: those of that name who see it."""
    if not request.user.has_perm(COMMENT):
        raise PermissionDenied
    field = next((name for name in Comment.records() if name in request.GET), "")
    key = key_of(request.GET.get(field)) if field else None
    if key is None:
        raise Http404
    if not records(field).visible_to(request.user).filter(pk=key).exists():
        log_hidden(request, records(field).model, key)
        raise Http404
    typed = request.GET.get("q", "").replace("\0", "")[:100]
    return render_page(request, "collaboration/people.html", {"people": offered(typed, field, key)})


@require_safe
def inbox(request: SignedIn) -> HttpResponse:
    """What the signed-in person is told, the latest first. `which=unread` and `kind` leave some out; a page begins behind the
    key `after`."""
    own = Notification.objects.to(request.user)
    which, kind = request.GET.get("which", ""), request.GET.get("kind", "")
    rows = own.unread() if which == "unread" else own
    rows = rows.filter(kind=kind) if kind in Kind.values else rows
    after = key_of(request.GET.get("after"))
    found = list((rows.filter(pk__lt=after) if after else rows).with_records().order_by("-pk")[: SHOWN + 1])
    context = {
        "notifications": found[:SHOWN],
        "which": which if which == "unread" else "",
        "kind": kind if kind in Kind.values else "",
        "kinds": Kind.choices,
        "after": after,
        "next": found[SHOWN - 1].pk if len(found) > SHOWN else None,
    }
    return render_page(request, "collaboration/inbox.html", context, partial="list")


@require_POST
def read(request: SignedIn) -> HttpResponse:
    """One notification (`notification`) or all of them (`all`) are read; `open` leads on to what it tells of."""
    own = Notification.objects.to(request.user)
    if "all" in request.POST:
        own.unread().update(read_at=timezone.now())
        messages.success(request, _("Everything is read."))
        return redirect_to(request, "collaboration:inbox")
    key = key_of(request.POST.get("open") or request.POST.get("notification"))
    found = own.filter(pk=key or 0).with_records().first()
    if found is None:
        raise Http404
    Notification.objects.unread().filter(pk=found.pk).update(read_at=timezone.now())
    return redirect_to(request, found if "open" in request.POST else "collaboration:inbox")


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: SignedIn) -> HttpResponse:
    """What the signed-in person is told and how, language and time zone, and the address of the own calendar."""
    form = PreferencesForm(posted(request), user=request.user)
    if form.is_bound and form.is_valid():
        form.write()
        messages.success(request, _("Your settings were saved."))
        return redirect_to(request, "account:preferences")
    key = form.preferences.calendar_key
    context = {
        "form": form,
        "feed": request.build_absolute_uri(reverse("tasks:feed", args=[key])) if key else "",
    }
    status = 422 if form.errors else 200
    return render_page(request, "collaboration/preferences.html", context, partial="form", status=status)


@require_POST
def calendar_key(request: SignedIn) -> HttpResponse:
    """A new secret address of the own calendar, which ends the one before; or none (`revoke`)."""
    if "revoke" in request.POST:
        lifecycle.revoke_calendar(request.user)
        messages.success(request, _("The address of your calendar leads nowhere any more."))
    else:
        lifecycle.renew_calendar(request.user)
        messages.success(request, _("Your calendar has a new address. Any earlier one leads nowhere any more."))
    return redirect_to(request, "account:preferences")
