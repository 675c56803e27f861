"""A query string becomes a QuerySet of quotes."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.conditions import ListFilter
from quotes.columns import COLUMNS
from quotes.models import Quote
from salespeople.clock import reader_of
from salespeople.models import User

ORDERS = {
    "number": "number",
    "quoted_on": "quoted_on",
    "net_amount": "net_amount",
    "opportunity": "opportunity__description",
    "contact": "opportunity__contact__name",
    "salesperson": "opportunity__salesperson__name",
}
WHICH = [("current", _("Current")), ("former", _("Former"))]


class QuoteFilter(ListFilter):
    columns = COLUMNS
    q = django_filters.CharFilter(
        label=_("Text"),
        method="by_text",
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/"}),
    )
    which = django_filters.ChoiceFilter(label=_("Current"), choices=WHICH, method="by_which", empty_label=_("All"))

    class Meta:
        model = Quote
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Quote], user: User) -> None:
        super().__init__(data, queryset=queryset, reader=reader_of(user))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        """Every word somewhere in the number, or in the opportunity's number, description or contact."""
        parts = ("number", "opportunity__number", "opportunity__description", "opportunity__contact__name")
        for word in text.split()[:8]:
            rows = rows.filter(Q(*((f"{part}__icontains", word) for part in parts), _connector=Q.OR))
        return rows

    def by_which(self, rows: Any, name: str, which: str) -> Any:
        return rows.filter(is_current=which == "current")
