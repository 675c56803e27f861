"""A query string becomes a QuerySet of contacts."""

from collections.abc import Iterator
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.codes import Relation
from contacts.columns import COLUMNS, known_companies
from contacts.models import Contact
from contacts.places import countries
from crm.lib.listing.filters import ArchivedFilter, KeyFilter, ListFilter, Named, SearchFilter
from salespeople.clock import asker_of
from salespeople.models import Salesperson, User


class ContactFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=Contact.Kind, empty_label=_("All"))
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), method="by_salesperson", empty_label=_("All"))
    country = django_filters.ChoiceFilter(label=_("Country"), empty_label=_("All"))
    business_relation = django_filters.ChoiceFilter(
        label=_("Business relation"), field_name="relation", choices=Relation, empty_label=_("All")
    )
    company = KeyFilter(label=_("Company"), method="by_company")
    archived = ArchivedFilter()

    named: ClassVar = {
        "salesperson": Named(lambda user: Salesperson.objects.visible_to(user)),
        "company": Named(known_companies, "label"),
    }

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Contact], user: User, offers: bool = True) -> None:
        super().__init__(data, queryset=queryset, user=user, offers=offers)
        self.filters["salesperson"].extra["choices"] = lambda: (
            self._people()
        )  # a bound method would be copied with its FilterSet
        self.filters["country"].extra["choices"] = lambda: list(countries().items())

    def _people(self) -> Iterator[tuple[str, Any]]:
        if self.user.salesperson_id:
            yield "me", _("Me")
        yield "none", _("Nobody")
        if not self.offers:
            yield from self.name_of("salesperson")
            return
        for pk, name in Salesperson.objects.visible_to(self.user).values_list("pk", "name"):
            yield str(pk), name

    def by_company(self, rows: Any, name: str, key: int) -> Any:
        """One that was merged means the one that it was merged into."""
        return rows.filter(company__in=Contact.objects.standing_for(key).values("pk"))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        if whose == "none":
            return rows.filter(salesperson__isnull=True)
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)
