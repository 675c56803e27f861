"""The yardstick: what Django's own `startproject` has, with sign-in, one indexed query and a table of 50 rows by 11."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from opportunities.models import Opportunity


@login_required
def table(request: HttpRequest) -> HttpResponse:
    rows: Any = Opportunity.objects.select_related("contact", "salesperson", "stage").order_by("-pk")[:50]
    return render(request, "bare.html", {"rows": rows})


urlpatterns: list[URLPattern] = [path("", table)]
