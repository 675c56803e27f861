"""Comments, tags and people of one opportunity: fetch what is visible, ask the form, act, answer."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from collaboration import pages
from collaboration.models import Involvement, Tag
from contacts.models import Contact
from crm.lib.editing import posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from opportunities import lifecycle
from opportunities.forms import InvolveForm
from opportunities.models import Opportunity
from opportunities.views.access import find, require, require_change, visible_or_404
from opportunities.views.detail import TEMPLATE, state_of
from salespeople.requests import SignedIn

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
SHOWN = 50  # opportunities in which a contact takes part


@get_or_post
def comment(request: SignedIn, pk: int) -> HttpResponse:
    """A comment needs only that one sees the opportunity, archived or not."""
    opportunity = find(request, pk)
    if opportunity is None:
        return pages.gone(request, Opportunity, pk)

    def show(status: int = 200, **more: Any) -> HttpResponse:
        return render_page(request, TEMPLATE, state_of(request, opportunity) | more, partial="timeline", status=status)

    return pages.comment(request, opportunity, "opportunity", show)


@get_or_post
def tags(request: SignedIn, pk: int) -> HttpResponse:
    opportunity = visible_or_404(request, pk)
    require_change(request, opportunity)

    def mark(tag: Tag, *, give: bool) -> None:
        verb = lifecycle.tag if give else lifecycle.untag
        verb(opportunity, tag=tag, by=request.user)

    busy = (lifecycle.Stale,)
    return pages.tags(request, opportunity, "opportunity", mark, lambda: _done(request, opportunity), busy=busy)


@get_or_post
def people(request: SignedIn, pk: int) -> HttpResponse:
    """Who takes part: adds a contact in a role, or lets go of one (`release`). “Find” only searches contacts."""
    opportunity = visible_or_404(request, pk)
    require_change(request, opportunity)
    data = posted(request)
    form = InvolveForm(data, opportunity=opportunity, user=request.user)
    status = 200
    try:
        if data is not None and "release" in data:
            lifecycle.release(opportunity, involvement=key_of(str(data["release"])) or 0, by=request.user)
            return _done(request, opportunity)
        if data is not None and "find" not in data:
            status = 422
            if form.is_valid():
                lifecycle.involve(opportunity, by=request.user, **form.cleaned_data)
                return _done(request, opportunity)
    except ValidationError as refusal:
        form.refuse(refusal)
    except lifecycle.Stale:
        status = 409
        form.add_error(None, _("Somebody is changing this just now. Please send it again."))
    context = {"form": form, "opportunity": opportunity, "action": request.path}
    return render_page(request, "opportunities/person.html", context, partial="form", status=status)


def _done(request: SignedIn, opportunity: Opportunity) -> HttpResponse:
    """The page as it is now, where it was asked from."""
    messages.success(request, _("Saved."))
    if not is_fragment(request):
        return redirect_to(request, opportunity)
    response = render_page(request, TEMPLATE, state_of(request, opportunity), partial="state")
    response["HX-Retarget"], response["HX-Reswap"] = "#state", "outerHTML"
    return response


@require_safe
def involving(request: SignedIn, pk: int) -> HttpResponse:
    """Where a contact that one sees takes part, as far as one sees the opportunities."""
    require(request, "contacts.view_contact")
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    rows: Any = Involvement.objects.of_contact(contact, request.user)
    rows = rows.select_related("role", "opportunity__company", "opportunity__stage").order_by(
        "-opportunity", "role__code"
    )
    found = list(rows[: SHOWN + 1])
    context = {"contact": contact, "involvements": found[:SHOWN], "more": len(found) > SHOWN}
    return render_page(request, "opportunities/involving.html", context, partial="list")
