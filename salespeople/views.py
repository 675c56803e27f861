from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.refusals import one_or_404
from salespeople import saved_views
from salespeople.forms import SalespersonForm
from salespeople.listing import SALESPEOPLE
from salespeople.models import Salesperson, SavedView
from salespeople.requests import SignedIn

VIEW, ADD, CHANGE = (f"salespeople.{act}_salesperson" for act in ("view", "add", "change"))


@require_safe
def salesperson_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, SALESPEOPLE, SavedView.Page.SALESPEOPLE)


@require_safe
@permission_required(VIEW, raise_exception=True)
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One salesperson: facts, and by their addresses the opportunities and contacts."""
    salesperson = one_or_404(request, Salesperson.objects.visible_to(request.user).with_teams(), pk)
    query = f"salesperson={pk}"
    context = {"salesperson": salesperson, "query": query, "new_query": query if salesperson.is_usable else ""}
    return render_page(request, "salespeople/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    form = SalespersonForm(posted(request))
    if form.is_bound and form.submit():
        messages.success(request, _("The salesperson %(name)s was created.") % {"name": form.instance.name})
        return redirect_to(request, form.instance)
    return render_page(request, "salespeople/form.html", {"form": form}, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def edit(request: SignedIn, pk: int) -> HttpResponse:
    salesperson = one_or_404(request, Salesperson.objects.visible_to(request.user), pk)
    form = SalespersonForm(posted(request), instance=salesperson)
    if form.is_bound and form.submit():
        messages.success(request, _("The salesperson %(name)s was saved.") % {"name": form.instance.name})
        return redirect_to(request, "salespeople:detail", pk)
    context = {"form": form, "salesperson": salesperson}
    return render_page(request, "salespeople/form.html", context, partial="form", status=form.status)
