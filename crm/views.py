"""The only views that know several apps."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from crm.keyboard import GROUPS
from crm.lib.fragments import is_fragment, render_page
from crm.lib.jobs import worker_is_there
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from crm.lib.search import words
from crm.lib.theme import page_before
from crm.reports import WHOSE, reports_for
from crm.search import LONGEST, find
from opportunities.models import Opportunity, is_due, is_overdue
from salespeople.models import Company, Salesperson, Team
from salespeople.requests import SignedIn

SHOWN = 10
TOP = 5
FEWEST = 2  # characters, before the palette asks for rows
SUGGESTED, LISTED, MOST_HERE = 6, 20, 99


@require_safe
def home(request: SignedIn) -> HttpResponse:
    """My open opportunities by closing date; for who sells nothing, all that are visible."""
    user, today = request.user, Company.current().today()
    mine = Opportunity.objects.visible_to(user).open()
    if user.salesperson_id:
        mine = mine.filter(salesperson=user.salesperson_id)
    figures = mine.order_by().aggregate(
        count=Count("pk"),
        estimated_value=Sum("estimated_value"),
        calculated_value=Sum("calculated_value"),
        not_started=Count("pk", filter=Q(status="not_started")),
        due=Count("pk", filter=is_due(today)),
        overdue=Count("pk", filter=is_overdue(today)),
    )
    named = mine.with_names()
    whose = "&salesperson=me" if user.salesperson_id else ""
    running = f"{reverse('opportunities:list')}?status=in_progress{whose}"
    context = {
        "mine": whose,
        "due_url": f"{running}&closing_from={today}&closing_to={today + timedelta(days=7)}",
        "overdue_url": f"{running}&closing_to={today - timedelta(days=1)}",
        "figures": figures,
        "today": today,
        "by_closing": named.filter(closing_on__isnull=False).order_by("closing_on", "pk")[:SHOWN],
        "top": named.filter(estimated_value__isnull=False).order_by("-estimated_value", "pk")[:TOP],
    }
    return render(request, "home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def keyboard(request: SignedIn) -> HttpResponse:
    """The list of keys. A POST switches this person's single letters `shortcuts` on or off, and goes back."""
    if request.method == "POST":
        if (wanted := request.POST.get("shortcuts")) in ("on", "off"):
            request.user.shortcuts = wanted == "on"
            request.user.save(update_fields=["shortcuts"])
        return HttpResponseRedirect(page_before(request))
    return render_page(request, "keyboard.html", {"groups": GROUPS}, partial="keys")


@require_safe
def search(request: SignedIn) -> HttpResponse:
    """What `q` finds: as a page, or as the options of the palette, which wait for the second character. `here` is how many
    options the palette has of its own, those of the page it was opened on."""
    asked = request.GET.get("q", "").replace("\0", "")
    text = asked[:LONGEST]
    in_palette = is_fragment(request)
    enough = len("".join(words(text))) >= (FEWEST if in_palette else 1)
    context = {
        "text": text,
        "too_long": len(asked) > LONGEST,
        "too_short": not enough and bool(text.strip()),
        "results": find(request.user, text, most=SUGGESTED if in_palette else LISTED, rows=enough),
        "here": min(key_of(request.GET.get("here", "")) or 0, MOST_HERE),
    }
    return render_page(request, "search.html", context, partial="options")


@require_safe
def reports(request: SignedIn) -> HttpResponse:
    """Lists made to be printed; of one salesperson or team, where the address names one that the person may see."""
    doors: dict[str, Any] = {"salesperson": Salesperson.objects, "team": Team.objects}
    rows = {word: doors[word].visible_to(request.user) for word in WHOSE if word in request.GET}
    named = {word: one_or_404(request, rows[word], key_of(request.GET[word]) or 0) for word in rows}
    groups = reports_for(request.user, {word: str(row.pk) for word, row in named.items()})
    return render(request, "reports.html", {"groups": groups, "whom": ", ".join(map(str, named.values()))})


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For pages that name no icon, such as the admin pages: browsers ask for this address by themselves."""
    return HttpResponseRedirect(static("crm/icon.svg"))


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and every migration is applied, else 503. Pages need no worker, so one that is missing is
    only said."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return HttpResponse("database unreachable", status=503, content_type="text/plain")
    if missing:
        return HttpResponse("migrations missing", status=503, content_type="text/plain")
    told = "ok" if worker_is_there() else "ok, but no worker is at work"
    return HttpResponse(told, content_type="text/plain")
