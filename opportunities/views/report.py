"""One opportunity, to be printed."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from opportunities.report import report
from opportunities.views.access import visible_or_404
from salespeople.models import Company
from salespeople.requests import SignedIn


@require_safe
def show_report(request: SignedIn, pk: int) -> HttpResponse:
    opportunity = visible_or_404(request, pk)
    company = Company.current()
    found = report(opportunity, request.user, company.today())
    context = {"opportunity": opportunity, "report": found, "today": company.today(), "currency": company.currency}
    return render(request, "opportunities/report.html", context)
