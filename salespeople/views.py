from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Count
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.selection import Selection
from crm.lib.refusals import one_or_404
from salespeople import saved_views
from salespeople.forms import SalespersonForm
from salespeople.listing import SALESPEOPLE
from salespeople.models import Salesperson, SavedView, Team
from salespeople.requests import SignedIn

VIEW, ADD, CHANGE = (f"salespeople.{act}_salesperson" for act in ("view", "add", "change"))


@require_safe
def salesperson_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, SALESPEOPLE, SavedView.Page.SALESPEOPLE, more=_beside)


def _beside(selection: Selection) -> dict[str, Any]:
    """The way to the teams, for who may see them."""
    if not selection.user.has_perm("salespeople.view_team"):
        return {}
    return {
        "views": [
            {"label": _("List"), "url": selection.address.link(), "is_here": True},
            {"label": _("Teams"), "url": reverse("salespeople:teams")},
        ]
    }


@require_safe
@permission_required(VIEW, raise_exception=True)
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One salesperson: facts, and by their addresses the opportunities and contacts."""
    salesperson = one_or_404(request, Salesperson.objects.visible_to(request.user).with_teams(), pk)
    query = f"salesperson={pk}"
    context = {
        "salesperson": salesperson,
        "belongs_to": _teams(salesperson.belongs_to),
        "leads": _teams(salesperson.leads),
        "covers": salesperson.covers,
        "query": query,
        "new_query": query if salesperson.is_usable else "",
    }
    return render_page(request, "salespeople/detail.html", context)


def _teams(found: list[str]) -> list[Team]:
    """Key and name of each, as `with_teams` brings them."""
    return [Team(pk=int(key), name=name) for key, _colon, name in (each.partition(":") for each in found)]


@require_safe
@permission_required("salespeople.view_team", raise_exception=True)
def teams(request: SignedIn) -> HttpResponse:
    """Every team below the one it belongs to."""
    found = list(
        Team.objects.visible_to(request.user)
        .select_related("manager")
        .annotate(size=Count("memberships"))
        .order_by("name", "pk")
    )
    return render_page(request, "salespeople/teams.html", {"teams": _as_tree(found)})


def _as_tree(found: list[Any]) -> list[Any]:
    """The tops by name, below each what belongs to it; `depth` says how far below."""
    below: dict[int | None, list[Any]] = defaultdict(list)
    for team in found:
        below[team.parent_id].append(team)
    ordered, waiting = [], [(team, 0) for team in reversed(below[None])]
    while waiting:
        team, team.depth = waiting.pop()
        ordered.append(team)
        waiting += [(lower, team.depth + 1) for lower in reversed(below[team.pk])]
    return ordered


@require_safe
@permission_required("salespeople.view_team", raise_exception=True)
def team(request: SignedIn, pk: int) -> HttpResponse:
    """One team: manager, members, what it belongs to and what belongs to it, and by their address the opportunities."""
    found = one_or_404(request, Team.objects.visible_to(request.user).select_related("manager", "parent"), pk)
    below = Team.objects.visible_to(request.user).filter(parent=found)
    context = {"team": found, "members": found.members.all(), "below": below, "query": f"team={pk}"}
    return render_page(request, "salespeople/team.html", context)


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
