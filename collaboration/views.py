from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collaboration import lifecycle
from collaboration.forms import CommentEditForm
from collaboration.mentions import offered
from collaboration.models import Comment, Mention, records
from collaboration.pages import COMMENT, noted
from collaboration.told import Event, Line
from crm.lib.editing import posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import log_hidden, one_or_404
from salespeople.requests import SignedIn

SHOWN = 200  # mentions of the page


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
def mentions(request: SignedIn) -> HttpResponse:
    """What calls the signed-in person: unread first, then the latest first."""
    own: Any = Mention.objects.to(request.user).select_related(
        "comment__author", "comment__opportunity", "comment__contact"
    )
    found = list(own.order_by("read_at", "-comment__written_at", "-pk").unread()[:SHOWN])
    unread = len(found)
    found += own.exclude(read_at=None).order_by("-comment__written_at", "-pk")[: SHOWN - unread]
    return render_page(
        request, "collaboration/mentions.html", {"mentions": found, "unread_here": unread}, partial="list"
    )


@require_POST
def read(request: SignedIn) -> HttpResponse:
    """One mention (`mention`) or all of them are read; `open` leads on to the comment."""
    own = Mention.objects.to(request.user)
    if "all" in request.POST:
        own.unread().update(read_at=timezone.now())
        messages.success(request, _("Everything is read."))
        return redirect_to(request, "collaboration:mentions")
    key = key_of(request.POST.get("open") or request.POST.get("mention"))
    mention = own.filter(pk=key or 0).select_related("comment__opportunity", "comment__contact").first()
    if mention is None:
        raise Http404
    Mention.objects.unread().filter(pk=mention.pk).update(read_at=timezone.now())
    return redirect_to(request, mention.comment if "open" in request.POST else "collaboration:mentions")
