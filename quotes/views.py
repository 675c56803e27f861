from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.listing.views import show_list
from quotes import lifecycle
from quotes.forms import QuoteForm
from quotes.listing import QUOTES
from quotes.models import Quote
from salespeople.listing import reader
from salespeople.models import Company
from salespeople.requests import SignedIn

ADD, CHANGE = "quotes.add_quote", "quotes.change_quote"
NAMED = ("opportunity__contact", "opportunity__company", "opportunity__salesperson")


@require_safe
def quote_list(request: SignedIn) -> HttpResponse:
    return show_list(request, QUOTES, reader())


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """A new quote of the opportunity that `opportunity` names; without one the page says where quotes are made."""
    asked = request.POST.get("opportunity") or request.GET.get("opportunity")
    if not asked:
        return render_page(request, "quotes/new.html", status=422 if request.method == "POST" else 200)
    opportunity = get_object_or_404(_opportunities(request), pk=key_of(asked))
    initial = {"quoted_on": Company.current().today(), "net_amount": opportunity.estimated_value}
    form = QuoteForm(posted(request), opportunity=opportunity, initial=initial)
    if form.is_bound and form.submit():
        messages.success(request, _("The quote %(number)s was added.") % {"number": form.instance.number})
        return redirect_to(request, opportunity)
    context = {"form": form, "opportunity": opportunity}
    return render_page(request, "quotes/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One quote, and the form to change it."""
    quote = get_object_or_404(Quote.objects.visible_to(request.user).select_related(*NAMED), pk=pk)
    if request.method == "POST" and not request.user.has_perm(CHANGE):
        raise PermissionDenied
    opportunity = quote.opportunity
    form = QuoteForm(posted(request), instance=quote, opportunity=opportunity)
    if form.is_bound and form.submit():
        messages.success(request, _("The quote %(number)s was saved.") % {"number": form.instance.number})
        return redirect_to(request, opportunity)
    may_change = request.user.has_perm(CHANGE) and not opportunity.is_closed
    context = {"form": form, "quote": quote, "opportunity": opportunity, "may_change": may_change}
    return render_page(request, "quotes/detail.html", context, partial="form", status=form.status)


@require_POST
def make_current(request: SignedIn, pk: int) -> HttpResponse:
    """Of several quotes this one counts from now on."""
    quote = get_object_or_404(Quote.objects.visible_to(request.user).select_related(*NAMED), pk=pk)
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    try:
        lifecycle.make_current(quote)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect_to(request, quote)
    messages.success(request, _("The quote %(number)s is the current one now.") % {"number": quote.number})
    return redirect_to(request, quote.opportunity)


def _opportunities(request: SignedIn) -> Any:
    """Those the user may see, by the relation: this app knows no opportunity by import."""
    opportunities: Any = Quote._meta.get_field("opportunity").related_model
    return opportunities.objects.visible_to(request.user).select_related("contact", "company")
