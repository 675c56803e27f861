"""A query string becomes a QuerySet of salespeople."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.conditions import ListFilter
from salespeople.clock import reader_of
from salespeople.columns import COLUMNS
from salespeople.models import Salesperson, User

ORDERS = {"name": "name", "code": "code", "job_title": "job_title", "commission": "commission"}
STATES = [("usable", _("Can be picked")), ("blocked", _("Blocked"))]


class SalespersonFilter(ListFilter):
    columns = COLUMNS
    q = django_filters.CharFilter(
        label=_("Text"),
        method="by_text",
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/"}),
    )
    state = django_filters.ChoiceFilter(label=_("Blocked"), choices=STATES, method="by_state", empty_label=_("All"))

    class Meta:
        model = Salesperson
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Salesperson], user: User) -> None:
        super().__init__(data, queryset=queryset, reader=reader_of(user))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        """Every word somewhere in name, code, job title or e-mail."""
        for word in text.split()[:8]:
            parts = ("name", "code", "job_title", "email")
            rows = rows.filter(Q(*((f"{part}__icontains", word) for part in parts), _connector=Q.OR))
        return rows

    def by_state(self, rows: Any, name: str, state: str) -> Any:
        return rows.usable() if state == "usable" else rows.filter(Q(blocked=True) | Q(privacy_blocked=True))
