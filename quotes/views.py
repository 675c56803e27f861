from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from quotes import lifecycle
from quotes.forms import QuoteForm
from quotes.listing import QUOTES
from quotes.models import Quote
from salespeople import saved_views
from salespeople.models import Company, SavedView
from salespeople.requests import SignedIn

ADD, CHANGE = "quotes.add_quote", "quotes.change_quote"
NAMED = ("opportunity__contact", "opportunity__company", "opportunity__salesperson")


@require_safe
def quote_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, QUOTES, SavedView.Page.QUOTES)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """A new quote of the opportunity that `opportunity` names; without one the page says where quotes are made."""
    asked = request.POST.get("opportunity") or request.GET.get("opportunity")
    if not asked:
        return render_page(request, "quotes/new.html", status=422 if request.method == "POST" else 200)
    opportunity = one_or_404(request, _opportunities(request), key_of(asked) or 0)
    initial = {"quoted_on": Company.current().today(), "net_amount": opportunity.estimated_value}
    _require_open(request, opportunity)
    form = QuoteForm(posted(request), opportunity=opportunity, initial=initial)
    if form.is_bound and form.submit():
        messages.success(request, _("The quote %(number)s was added.") % {"number": form.instance.number})
        return redirect_to(request, opportunity)
    context = {"form": form, "opportunity": opportunity}
    return render_page(request, "quotes/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One quote, and the form to change it."""
    quote = one_or_404(request, Quote.objects.visible_to(request.user).select_related(*NAMED), pk)
    opportunity = quote.opportunity
    may_change = request.user.has_perm(CHANGE) and not opportunity.is_fixed_for(request.user)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    form = QuoteForm(posted(request), instance=quote, opportunity=opportunity)
    if form.is_bound and form.submit():
        messages.success(request, _("The quote %(number)s was saved.") % {"number": form.instance.number})
        return redirect_to(request, opportunity)
    may_change = may_change and not opportunity.is_closed
    context = {"form": form, "quote": quote, "opportunity": opportunity, "may_change": may_change}
    return render_page(request, "quotes/detail.html", context, partial="form", status=form.status)


@require_POST
def make_current(request: SignedIn, pk: int) -> HttpResponse:
    """Of several quotes this one counts from now on."""
    quote = one_or_404(request, Quote.objects.visible_to(request.user).select_related(*NAMED), pk)
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    _require_open(request, quote.opportunity)
    try:
        lifecycle.make_current(quote)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect_to(request, quote)
    messages.success(request, _("The quote %(number)s is the current one now.") % {"number": quote.number})
    return redirect_to(request, quote.opportunity)


def _require_open(request: SignedIn, opportunity: Any) -> None:
    """403 for an opportunity that was shared only to see. Raises PermissionDenied."""
    if opportunity.is_fixed_for(request.user):
        raise PermissionDenied


def _opportunities(request: SignedIn) -> Any:
    """Those the user may see, by the relation: this app knows no opportunity by import."""
    opportunities: Any = Quote._meta.get_field("opportunity").related_model
    return opportunities.objects.visible_to(request.user).select_related("contact", "company")
