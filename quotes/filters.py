"""A query string becomes a QuerySet of quotes."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.filters import ListFilter, SearchFilter
from quotes.columns import COLUMNS
from quotes.models import Quote
from salespeople.clock import asker_of

WHICH = [("current", _("Current")), ("former", _("Former"))]


class QuoteFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    which = django_filters.ChoiceFilter(label=_("Current"), choices=WHICH, method="by_which", empty_label=_("All"))

    class Meta:
        model = Quote
        fields: ClassVar[list[str]] = []

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        """Every word somewhere in the number, or in the opportunity's number, description or contact."""
        parts = ("number", "opportunity__number", "opportunity__description", "opportunity__contact__name")
        for word in text.split()[:8]:
            rows = rows.filter(Q(*((f"{part}__icontains", word) for part in parts), _connector=Q.OR))
        return rows

    def by_which(self, rows: Any, name: str, which: str) -> Any:
        return rows.filter(is_current=which == "current")
