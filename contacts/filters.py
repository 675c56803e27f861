"""A query string becomes a QuerySet of contacts."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.columns import COLUMNS
from contacts.models import Contact
from contacts.places import countries
from crm.lib.listing.conditions import ListFilter
from salespeople.clock import reader_of
from salespeople.models import Salesperson, User

ORDERS = {
    "name": "name",
    "number": "number",
    "kind": "kind",
    "company": "company__name",
    "city": "city",
    "country": "country",
    "salesperson": "salesperson__name",
}


class ContactFilter(ListFilter):
    columns = COLUMNS
    q = django_filters.CharFilter(
        label=_("Text"),
        method="by_text",
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/"}),
    )
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=Contact.Kind, empty_label=_("All"))
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), method="by_salesperson", empty_label=_("All"))
    country = django_filters.ChoiceFilter(label=_("Country"), empty_label=_("All"))
    company = django_filters.ModelChoiceFilter(
        label=_("Company"), queryset=Contact.objects.none(), widget=forms.HiddenInput
    )

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Contact], user: User) -> None:
        super().__init__(data, queryset=queryset, reader=reader_of(user))
        self.user = user
        people = [(str(pk), name) for pk, name in Salesperson.objects.visible_to(user).values_list("pk", "name")]
        me = [("me", _("Me"))] * bool(user.salesperson_id)
        self.filters["salesperson"].extra["choices"] = [*me, ("none", _("Nobody")), *people]
        self.filters["country"].extra["choices"] = list(countries().items())
        self.filters["company"].queryset = Contact.objects.visible_to(user).companies()

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        if whose == "none":
            return rows.filter(salesperson__isnull=True)
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)
