"""A query string becomes a QuerySet of tasks."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.columns import known_contacts
from contacts.models import Contact
from crm.lib.listing.filters import DayFilter, KeyFilter, ListFilter, Named, SearchFilter
from crm.lib.priority import Priority
from salescycles.models import TaskKind
from salespeople.clock import asker_of
from salespeople.columns import people
from salespeople.models import Team, User
from tasks import whose
from tasks.columns import COLUMNS, opportunities, sources
from tasks.models import UNDER_WAY, Task, When

WHICH = [
    ("open", _("Open")),
    *When.choices,
    *UNDER_WAY,
    ("completed", _("Completed")),
    ("cancelled", _("Cancelled")),
    ("closed", _("Closed")),
]


class TaskFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    which = django_filters.ChoiceFilter(label=_("Status"), choices=WHICH, method="by_which", empty_label=_("All"))
    whose = django_filters.ChoiceFilter(label=_("To do by"), empty_label=_("Everybody"), method="by_whose")
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), empty_label=_("Any"), method="by_salesperson")
    team = django_filters.ChoiceFilter(label=_("Team"), empty_label=_("Any"), field_name="team_id")
    source = django_filters.ChoiceFilter(label=_("Source"), empty_label=_("Any"), field_name="opportunity__source_id")
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=TaskKind, empty_label=_("Any"))
    priority = django_filters.ChoiceFilter(label=_("Priority"), choices=Priority, empty_label=_("Any"))
    due_from = DayFilter(label=_("From"), field_name="due_on", lookup_expr="gte")
    due_to = DayFilter(label=_("To"), field_name="due_on", lookup_expr="lte")
    opportunity = KeyFilter(label=_("Opportunity"), field_name="opportunity_id")
    contact = KeyFilter(label=_("Contact"), method="by_contact")
    company = KeyFilter(label=_("Company"), method="by_contact")
    involving = KeyFilter(label=_("With"), method="by_part")

    named: ClassVar = {
        "opportunity": Named(opportunities, "description"),
        "contact": Named(known_contacts, "label"),
        "company": Named(known_contacts, "label"),
        "involving": Named(known_contacts, "label"),
    }

    class Meta:
        model = Task
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Task], user: User, offers: bool = True) -> None:
        super().__init__(data, queryset=queryset, user=user, offers=offers)
        self.filters["whose"].extra["choices"] = lambda: whose.choices(
            self.user, None if self.offers else self.data.get("whose", "")
        )
        self.filters["salesperson"].extra["choices"] = lambda: list(people(self.user))
        self.filters["source"].extra["choices"] = lambda: list(sources(self.user))
        self.filters["team"].extra["choices"] = lambda: list(
            Team.objects.visible_to(self.user).values_list("pk", "name")
        )

    def by_contact(self, rows: Any, name: str, key: int) -> Any:
        """One that was merged means the one that it was merged into, whose tasks they are."""
        return rows.filter(**{f"{name}__in": Contact.objects.standing_for(key).values("pk")})

    def by_part(self, rows: Any, name: str, key: int) -> Any:
        """Contacts of meetings too; a company's people are among its own."""
        return rows.involving(Contact.objects.standing_for(key).values("pk"))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_which(self, rows: Any, name: str, which: str) -> Any:
        match which:
            case "open":
                return rows.open()
            case which if which in When.values:
                return rows.due(which, self.asker.clock.today)
            case "cancelled":
                return rows.filter(cancelled=True)
            case "closed":
                return rows.filter(closed_on__isnull=False)
            case _:
                return rows.filter(status=which, cancelled=False)

    def by_whose(self, rows: Any, name: str, word: str) -> Any:
        return whose.narrowed(rows, word, self.user)

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)
