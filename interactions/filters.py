"""A query string becomes a QuerySet of interactions."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.columns import contacts
from crm.lib.listing.filters import DayFilter, KeyFilter, ListFilter, Named, SearchFilter
from interactions.columns import COLUMNS
from interactions.models import Direction, Evaluation, Interaction, Kind
from salespeople.clock import asker_of
from salespeople.columns import people
from salespeople.models import User
from tasks.columns import opportunities


class CancelledFilter(django_filters.BooleanFilter):
    """Without a value it leaves what stands."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Select(choices=[("", _("Not cancelled")), ("true", _("Cancelled"))])
        super().__init__(field_name="cancelled", label=_("Cancelled"), widget=widget, **options)

    def filter(self, qs: QuerySet, value: bool | None) -> QuerySet:
        return qs.filter(cancelled=bool(value))


class InteractionFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=Kind, empty_label=_("Any"))
    direction = django_filters.ChoiceFilter(label=_("Direction"), choices=Direction, empty_label=_("Any"))
    evaluation = django_filters.ChoiceFilter(label=_("Evaluation"), choices=Evaluation, empty_label=_("Any"))
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), empty_label=_("Any"), method="by_salesperson")
    happened_from = DayFilter(label=_("From"), field_name="happened_on", lookup_expr="gte")
    happened_to = DayFilter(label=_("To"), field_name="happened_on", lookup_expr="lte")
    opportunity = KeyFilter(label=_("Opportunity"), field_name="opportunity_id")
    contact = KeyFilter(label=_("Contact"), field_name="contact_id")
    company = KeyFilter(label=_("Company"), field_name="company_id")
    cancelled = CancelledFilter()

    named: ClassVar = {
        "opportunity": Named(opportunities, "description"),
        "contact": Named(contacts),
        "company": Named(contacts),
    }

    class Meta:
        model = Interaction
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Interaction], user: User, offers: bool = True) -> None:
        super().__init__(data, queryset=queryset, user=user, offers=offers)
        self.filters["salesperson"].extra["choices"] = lambda: list(people(self.user))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)
