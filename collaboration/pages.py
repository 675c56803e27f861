"""What the pages of opportunities and contacts have in common: how a comment comes in, and how tags are given."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from collaboration import lifecycle
from collaboration.forms import CommentForm, TagsForm
from collaboration.models import Tag
from crm.lib.editing import posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.races import is_busy
from crm.lib.refusals import log_hidden
from salespeople.requests import SignedIn

COMMENT = "collaboration.add_comment"
FORM = "collaboration/comment_form.html"
TAGS = "collaboration/tags.html"
Show = Callable[..., HttpResponse]


def gone(request: SignedIn, model: type[Model], pk: int) -> HttpResponse:
    """404 for what is not visible; said above the form where that stands on a page, which keeps what was typed."""
    log_hidden(request, model, pk)
    if request.method != "POST" or not is_fragment(request):
        raise Http404
    response = render_page(request, FORM, partial="gone", status=404)
    response["HX-Reswap"] = "afterbegin"
    return response


def comment(request: SignedIn, record: Any, field: str, show: Show) -> HttpResponse:
    """A comment to a record that is seen. `show` makes its page, or the timeline of it, with a form in place of the blank
    one; 422 where nothing was written."""
    if not request.user.has_perm(COMMENT):
        raise PermissionDenied
    if request.method != "POST":
        return redirect_to(request, record)
    form = CommentForm(posted(request))
    here = {"comment_form": form, "comment_url": request.path, "mention_of": f"{field}={record.pk}"}
    if not form.is_valid():
        if is_fragment(request):
            return render_page(request, FORM, here, partial="form", status=422)
        return show(status=422, **here)
    text, token = form.cleaned_data["text"], form.cleaned_data["token"]
    written = lifecycle.write(field, record.pk, text=text, by=request.user, token=token)
    notes = list(noted(written))
    if not is_fragment(request):
        for note in notes:
            messages.warning(request, note)
        return redirect_to(request, f"{record.get_absolute_url()}#comment-{written.comment.pk}")
    messages.success(request, _("This was done already.") if written.is_repeated else _("The comment is written."))
    response = show(comment_notes=notes, commented=True)
    response["HX-Retarget"], response["HX-Reswap"] = "#timeline", "outerHTML"
    return response


def noted(written: lifecycle.Written) -> Any:
    """Who was called in vain."""
    for person in written.unseeing:
        yield _("%(person)s may not see this and is not told of the comment.") % {"person": person}
    for name in written.several:
        yield _("Several people are called %(name)s: write the e-mail address behind the @.") % {"name": name}


def tags(
    request: SignedIn,
    record: Any,
    field: str,
    verb: Callable[..., Any],
    done: Callable[[], HttpResponse],
    *,
    busy: tuple[type[Exception], ...] = (),
) -> HttpResponse:
    """Which tags a record has, for who may change it. `verb` gives or takes one, and raises one of `busy` where somebody
    else is at work; `done` answers."""
    has = Tag.objects.filter(**{f"taggings__{field}": record})
    form = TagsForm(posted(request), field=field, has=has, user=request.user)
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                _mark(form, verb)
                return done()
            except ValidationError as refusal:
                form.add_error(None, refusal.messages)
            except Exception as error:
                if not isinstance(error, busy) and not is_busy(error):
                    raise
                status = 409
                form.add_error(None, _("Somebody is changing this just now. Please send it again."))
    context = {"form": form, "record": record, "action": request.path, "back": record.get_absolute_url()}
    return render_page(request, TAGS, context, partial="form", status=status)


@transaction.atomic
def _mark(form: TagsForm, verb: Callable[..., Any]) -> None:
    for tag in form.taken:
        verb(tag, give=False)
    for tag in form.given:
        if tag._state.adding:  # somebody may have made it at the same moment
            tag = Tag.objects.filter(name__iexact=tag.name).first() or _made(tag)
        verb(tag, give=True)


def _made(tag: Tag) -> Tag:
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError:
        return Tag.objects.get(name__iexact=tag.name)
    return tag
