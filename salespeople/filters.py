"""A query string becomes a QuerySet of salespeople."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.filters import ListFilter, SearchFilter
from salespeople.clock import asker_of
from salespeople.columns import COLUMNS
from salespeople.models import Salesperson

STATES = [("usable", _("Can be picked")), ("blocked", _("Blocked"))]


class SalespersonFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    state = django_filters.ChoiceFilter(label=_("Blocked"), choices=STATES, method="by_state", empty_label=_("All"))

    class Meta:
        model = Salesperson
        fields: ClassVar[list[str]] = []

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_state(self, rows: Any, name: str, state: str) -> Any:
        return rows.usable() if state == "usable" else rows.filter(Q(blocked=True) | Q(privacy_blocked=True))
