"""Bulk actions of the admin pages: what is picked there goes to the one bulk machinery, to its form, preview and undo."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpResponse

from opportunities.bulk_forms import FORMS
from opportunities.models import Batch, Opportunity
from opportunities.views.bulk import begin


def _action(verb: Batch.Verb) -> Callable[..., Any]:
    @admin.action(description=verb.label, permissions=["change"])
    def hand_over(page: Any, request: Any, chosen: QuerySet[Opportunity]) -> HttpResponse:
        keys = chosen.order_by("pk").values_list("pk", flat=True)[: settings.BULK_LIMIT + 1]
        return begin(request, verb, keys, request.GET.urlencode())

    hand_over.__name__ = verb.value  # by which the page finds it
    return hand_over


ACTIONS = tuple(_action(Batch.Verb(verb)) for verb in FORMS)
