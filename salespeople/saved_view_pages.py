"""Saving, naming, sharing, ordering and deleting views. Only their owner changes them; others copy what is shared."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.words import VIEW
from crm.lib.refusals import one_or_404
from crm.lib.theme import page_before
from salespeople import saved_views
from salespeople.models import PERMISSION_OF_PAGE, SavedView, pages_open_to
from salespeople.requests import SignedIn
from salespeople.saved_view_forms import TOO_LONG, NewViewForm, SavedViewForm

DELETE = "salespeople.delete_savedview"
FORM = "saved_views/form.html"


@require_safe
def view_list(request: SignedIn) -> HttpResponse:
    """Every view that the person may see, by page."""
    open_pages, owner = pages_open_to(request.user), request.user.pk
    pages = [
        (label, rows)
        for page, label in SavedView.Page.choices
        if (rows := list(saved_views.of_page(page, open_pages, owner).select_related("owner")))
    ]
    return render_page(request, "saved_views/list.html", {"pages": pages})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """A new view of `page` that keeps `query`."""
    asked = request.POST if request.method == "POST" else request.GET
    page = asked.get("page", "")
    if page not in PERMISSION_OF_PAGE or not request.user.has_perm(PERMISSION_OF_PAGE[page]):
        raise Http404
    query = saved_views.canonical_text(asked.get("query", ""))
    view = SavedView(owner=request.user, page=page)
    form = NewViewForm(posted(request), user=request.user, instance=view, initial={"query": query})
    if form.is_bound and form.submit():
        messages.success(request, _("The view “%(name)s” was saved.") % {"name": view})
        return redirect_to(request, view.url)
    context = {"form": form, "view": view, "page": page, "back": _address(page, query)}
    return render_page(request, FORM, context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """Name and sharing of an own view; what somebody else shares can be looked at and copied."""
    view = _visible(request, pk)
    if view.owner_id != request.user.pk:
        if request.method == "POST":
            raise PermissionDenied
        return render_page(request, "saved_views/detail.html", _of(request, view), partial="view")
    form = SavedViewForm(posted(request), user=request.user, instance=view)
    if form.is_bound and form.submit():
        messages.success(request, _("The view “%(name)s” was saved.") % {"name": view})
        return redirect_to(request, view.url)
    context = {"form": form, "view": view, "back": view.url}
    return render_page(request, FORM, context, partial="form", status=form.status)


@require_POST
def save(request: SignedIn, pk: int) -> HttpResponse:
    """The view keeps another address from now on: `query`."""
    view = _own(request, pk)
    query = saved_views.canonical_text(request.POST.get("query", ""))
    if len(query) > saved_views.LONGEST:
        messages.error(request, TOO_LONG)
        return HttpResponseRedirect(page_before(request))
    view.query = query
    view.save(update_fields=["query"])
    messages.success(request, _("The view “%(name)s” was saved.") % {"name": view})
    return HttpResponseRedirect(view.url)


@require_POST
def default(request: SignedIn, pk: int) -> HttpResponse:
    """What the person sees first on its page: this view (`default=on`), or no longer."""
    view = _visible(request, pk)
    wanted = request.POST.get("default") == "on"
    saved_views.set_default(view, request.user, wanted)
    said = _("“%(name)s” opens first from now on.") if wanted else _("“%(name)s” does not open first any more.")
    messages.success(request, said % {"name": view})
    return HttpResponseRedirect(page_before(request))


@require_POST
def order(request: SignedIn, pk: int) -> HttpResponse:
    """One place `to` the front (up) or the end (down) of the person's tabs."""
    view = _own(request, pk)
    if (to := request.POST.get("to")) in ("up", "down"):
        saved_views.move(view, up=to == "up")
    return HttpResponseRedirect(f"{reverse('saved_views:list')}#view-{pk}")


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedIn, pk: int) -> HttpResponse:
    """Asks once; a POST deletes."""
    view = _visible(request, pk)
    if not _may_delete(request, view):
        raise PermissionDenied
    if request.method == "POST":
        view.delete()
        messages.success(request, _("The view “%(name)s” was deleted.") % {"name": view})
        return redirect_to(request, f"{reverse(view.page)}?{VIEW}=")
    return render_page(request, "saved_views/delete.html", _of(request, view), partial="view")


def _visible(request: SignedIn, pk: int) -> SavedView:
    return one_or_404(request, SavedView.objects.visible_to(request.user).select_related("owner"), pk)


def _own(request: SignedIn, pk: int) -> SavedView:
    view = _visible(request, pk)
    if view.owner_id != request.user.pk:
        raise PermissionDenied
    return view


def _may_delete(request: SignedIn, view: SavedView) -> bool:
    """Its owner; of what is shared also whoever looks after the company's views."""
    return view.owner_id == request.user.pk or request.user.has_perm(DELETE)


def _of(request: SignedIn, view: SavedView) -> dict[str, object]:
    return {
        "view": view,
        "others": view.defaults.exclude(user=request.user).count(),
        "is_default": view.defaults.filter(user=request.user).exists(),
        "may_delete": _may_delete(request, view),
    }


def _address(page: str, query: str) -> str:
    return f"{reverse(page)}?{query or f'{VIEW}='}"
