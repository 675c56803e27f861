"""A query string becomes a QuerySet: the same FilterSet for list, board, export and API."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext_lazy as _

from contacts.columns import known_contacts
from contacts.models import Contact
from crm.lib.listing.filters import AmountFilter, ArchivedFilter, DayFilter, KeyFilter, ListFilter, Named, SearchFilter
from crm.lib.priority import Priority
from opportunities.columns import COLUMNS, co_owners
from opportunities.models import CLOSED, OPEN, NextStep, Opportunity, Status
from opportunities.sight import owners, sight_of
from opportunities.stalling import Stalled
from salescycles.models import SalesCycle, Stage
from salespeople.clock import asker_of
from salespeople.models import Company, Team, User

WHICH = [("open", _("Open")), *Status.choices, ("closed", _("Closed"))]


class OpportunityFilter(ListFilter):
    columns = COLUMNS
    reads = staticmethod(asker_of)
    q = SearchFilter()
    status = django_filters.ChoiceFilter(label=_("Status"), choices=WHICH, method="by_status", empty_label=_("Any"))
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), empty_label=_("Any"), method="by_salesperson")
    whose = django_filters.ChoiceFilter(
        label=_("Mine or co-owned"), choices=[("me", _("Mine or co-owned"))], method="by_owner", empty_label=_("Any")
    )
    sales_cycle = django_filters.ChoiceFilter(label=_("Sales cycle"), empty_label=_("Any"), field_name="sales_cycle_id")
    stage = django_filters.ChoiceFilter(label=_("Stage"), empty_label=_("Any"), field_name="stage_id")
    priority = django_filters.ChoiceFilter(label=_("Priority"), choices=Priority, empty_label=_("Any"))
    closing_from = DayFilter(label=_("Closing from"), field_name="closing_on", lookup_expr="gte")
    closing_to = DayFilter(label=_("Closing to"), field_name="closing_on", lookup_expr="lte")
    value_from = AmountFilter(label=_("Value from"), field_name="estimated_value", lookup_expr="gte")
    value_to = AmountFilter(label=_("Value to"), field_name="estimated_value", lookup_expr="lte")
    closed_from = DayFilter(label=_("Closed from"), field_name="closed_on", lookup_expr="gte")
    closed_to = DayFilter(label=_("Closed to"), field_name="closed_on", lookup_expr="lte")
    contact = KeyFilter(label=_("Contact"), method="by_contact")
    company = KeyFilter(label=_("Company"), method="by_contact")
    team = KeyFilter(label=_("Team"), method="by_team")
    next_step = django_filters.ChoiceFilter(
        label=_("Next step"), choices=NextStep, method="by_next_step", empty_label=_("Any")
    )
    stalled = django_filters.ChoiceFilter(
        label=_("Stalled"), choices=Stalled, method="by_stall", empty_label=_("Whether or not")
    )
    archived = ArchivedFilter()

    named: ClassVar = {
        "salesperson": Named(owners),
        "sales_cycle": Named(lambda user: SalesCycle.objects.all(), Coalesce(NullIf("description", Value("")), "code")),
        "stage": Named(lambda user: Stage.objects.all(), "description"),
        "contact": Named(known_contacts, "label"),
        "company": Named(known_contacts, "label"),
        "team": Named(lambda user: Team.objects.visible_to(user)),
    }

    class Meta:
        model = Opportunity
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Opportunity], user: User, offers: bool = True) -> None:
        super().__init__(data, queryset=queryset, user=user, offers=offers)
        # no bound methods: the form copies its fields, and with a method the whole FilterSet behind it
        self.filters["sales_cycle"].extra["choices"] = lambda: self._cycles()
        self.filters["stage"].extra["choices"] = lambda: self._stages()
        self.filters["salesperson"].extra["choices"] = lambda: self._people()

    @cached_property
    def stages(self) -> list[Stage]:
        """Every stage with its cycle, by the cycle's code and the stage's number."""
        return list(Stage.objects.select_related("sales_cycle").order_by("sales_cycle__code", "number"))

    def _cycles(self) -> list[tuple[str, str]]:
        if not self.offers:
            return list(self.name_of("sales_cycle"))
        return list({str(stage.sales_cycle_id): str(stage.sales_cycle) for stage in self.stages}.items())

    def _stages(self) -> list[tuple[str, Any]]:
        if not self.offers:
            return list(self.name_of("stage"))
        by_cycle: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for stage in self.stages:
            by_cycle[str(stage.sales_cycle)].append((str(stage.pk), str(stage)))
        return list(by_cycle.items())

    def _people(self) -> Iterator[tuple[Any, Any]]:
        """The words first: an address that says “me” need not fetch everybody."""
        sight = sight_of(self.user)
        if self.user.salesperson_id or not sight.others:
            yield "me", _("Me")
        if sight.unassigned or sight.adopted or sight.shared:
            yield "none", _("Nobody")
        if sight.others:
            yield from self._salespeople if self.offers else self.name_of("salesperson")
        elif self.user.salesperson_id:
            yield str(self.user.salesperson_id), str(self.user.salesperson)

    @cached_property
    def _salespeople(self) -> list[tuple[Any, Any]]:
        return list(owners(self.user).values_list("pk", "name"))

    def by_contact(self, rows: Any, name: str, key: int) -> Any:
        """What was merged into a contact is its own; one that was merged means the one that it was merged into."""
        return rows.filter(**{f"{name}__in": Contact.objects.standing_for(key).values("pk")})

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_status(self, rows: Any, name: str, which: str) -> Any:
        return rows.filter(status__in={"open": OPEN, "closed": CLOSED}.get(which, (which,)))

    def by_next_step(self, rows: Any, name: str, which: str) -> Any:
        return rows.of_next_step(which, Company.current().today())

    def by_stall(self, rows: Any, name: str, which: str) -> Any:
        return rows.stalled(which, Company.current().today())

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        if whose == "none":
            return rows.filter(salesperson__isnull=True)
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)

    def by_owner(self, rows: Any, name: str, whose: str) -> Any:
        """The signed-in person's own, as the salesperson or beside another one."""
        me = self.user.salesperson_id
        return rows.filter(Q(salesperson=me) | Q(pk__in=co_owners().filter(salesperson=me).values("opportunity")))

    def by_team(self, rows: Any, name: str, key: int) -> Any:
        """Those of its members, as far as the person may see who they are."""
        teams = Team.objects.visible_to(self.user).filter(pk=key)
        return rows.filter(salesperson__in=teams.values("members"))
