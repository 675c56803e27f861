"""A query string becomes a QuerySet: the same FilterSet for list, board, export and API."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import F, Q, QuerySet, Subquery
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.lib.dates import day_short
from crm.lib.fields import AmountField, DayField
from crm.lib.listing.conditions import WHERE, ListFilter
from opportunities.columns import COLUMNS
from opportunities.models import CLOSED, OPEN, Opportunity, Priority, Status
from salescycles.models import Stage
from salespeople.clock import reader_of
from salespeople.models import Salesperson, User

BIG = 2**63 - 1
WHICH = [("open", _("Open")), *Status.choices, ("closed", _("Closed"))]
ORDERS = {
    "number": ("number", _("Number")),
    "description": ("description", _("Description")),
    "contact": ("contact__name", _("Contact")),
    "salesperson": ("salesperson__name", _("Salesperson")),
    "stage": ("stage__number", _("Stage")),
    "status": ("status", _("Status")),
    "priority": ("priority", _("Priority")),
    "estimated_value": ("estimated_value", _("Estimated value")),
    "probability": ("probability", _("Probability %")),
    "calculated_value": ("calculated_value", _("Calculated value")),
    "closing_on": ("closing_on", _("Closing date")),
    "created_on": ("created_on", _("Creation date")),
}


class AmountFilter(django_filters.NumberFilter):
    field_class = AmountField

    def get_max_validator(self) -> None:
        """Ten figures are refused by the field itself."""
        return


class DayFilter(django_filters.DateFilter):
    field_class = DayField


class KeyFilter(django_filters.NumberFilter):
    """The key of a row that a link names; hidden in the form, shown as a chip."""

    field_class = forms.IntegerField

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.HiddenInput, min_value=0, max_value=BIG, **options)

    def get_max_validator(self) -> None:
        return None


class OpportunityFilter(ListFilter):
    columns = COLUMNS
    q = django_filters.CharFilter(
        label=_("Search"),
        method="by_text",
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/"}),
    )
    status = django_filters.ChoiceFilter(label=_("Status"), choices=WHICH, method="by_status", empty_label=_("Any"))
    salesperson = django_filters.ChoiceFilter(label=_("Salesperson"), empty_label=_("Any"), method="by_salesperson")
    sales_cycle = django_filters.ChoiceFilter(label=_("Sales cycle"), empty_label=_("Any"), field_name="sales_cycle_id")
    stage = django_filters.ChoiceFilter(label=_("Stage"), empty_label=_("Any"), field_name="stage_id")
    priority = django_filters.ChoiceFilter(label=_("Priority"), choices=Priority, empty_label=_("Any"))
    closing_from = DayFilter(label=_("Closing from"), field_name="closing_on", lookup_expr="gte")
    closing_to = DayFilter(label=_("Closing to"), field_name="closing_on", lookup_expr="lte")
    value_from = AmountFilter(label=_("Value from"), field_name="estimated_value", lookup_expr="gte")
    value_to = AmountFilter(label=_("Value to"), field_name="estimated_value", lookup_expr="lte")
    closed_from = DayFilter(label=_("Closed from"), field_name="closed_on", lookup_expr="gte")
    closed_to = DayFilter(label=_("Closed to"), field_name="closed_on", lookup_expr="lte")
    contact = KeyFilter(label=_("Contact"), field_name="contact_id")
    company = KeyFilter(label=_("Company"), field_name="company_id")
    archived = django_filters.BooleanFilter(
        label=_("Archived"),
        method="by_archived",
        widget=forms.Select(choices=[("", _("Not archived")), ("true", _("Archived"))]),
    )

    class Meta:
        model = Opportunity
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any, *, queryset: QuerySet[Opportunity], user: User) -> None:
        super().__init__(data, queryset=queryset, reader=reader_of(user))
        self.user = user
        # asked of the database only where a form shows them or a value of the address has to be one of them
        self.filters["sales_cycle"].extra["choices"] = self._cycles
        self.filters["stage"].extra["choices"] = self._stages
        self.filters["salesperson"].extra["choices"] = self._people

    @cached_property
    def stages(self) -> list[Stage]:
        """Every stage with its cycle, by the cycle's code and the stage's number."""
        return list(Stage.objects.select_related("sales_cycle").order_by("sales_cycle__code", "number"))

    def _cycles(self) -> list[tuple[str, str]]:
        return list({str(stage.sales_cycle_id): str(stage.sales_cycle) for stage in self.stages}.items())

    def _stages(self) -> list[tuple[str, list[tuple[str, str]]]]:
        by_cycle: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for stage in self.stages:
            by_cycle[str(stage.sales_cycle)].append((str(stage.pk), str(stage)))
        return list(by_cycle.items())

    def _people(self) -> Iterator[tuple[Any, Any]]:
        """The words first: an address that says “me” need not fetch everybody."""
        every = self.user.has_perm("opportunities.view_every_opportunity")
        if self.user.salesperson_id or not every:
            yield "me", _("Me")
        if not every:
            if self.user.salesperson_id:
                yield str(self.user.salesperson_id), str(self.user.salesperson)
            return
        if self.user.has_perm("opportunities.view_unassigned_opportunity"):
            yield "none", _("Nobody")
        yield from self._salespeople

    @cached_property
    def _salespeople(self) -> list[tuple[Any, Any]]:
        return list(Salesperson.objects.visible_to(self.user).values_list("pk", "name"))

    def by_text(self, rows: Any, name: str, text: str) -> Any:
        return rows.search(text)

    def by_status(self, rows: Any, name: str, which: str) -> Any:
        return rows.filter(status__in={"open": OPEN, "closed": CLOSED}.get(which, (which,)))

    def by_salesperson(self, rows: Any, name: str, whose: str) -> Any:
        if whose == "none":
            return rows.filter(salesperson__isnull=True)
        return rows.filter(salesperson=self.user.salesperson_id if whose == "me" else whose)

    def by_archived(self, rows: Any, name: str, archived: bool) -> Any:
        return rows  # decided in `filter_queryset`: without the parameter only what is not archived is listed

    def filter_queryset(self, queryset: Any) -> Any:
        rows = super().filter_queryset(queryset)
        return rows.filter(archived=bool(self.form.cleaned_data.get("archived")))

    @property
    def chips(self) -> list[dict[str, Any]]:
        """Every filter that is on: label, value and both in words, and the query string without it; then the conditions."""
        chips = []
        for name, field in self.form.fields.items():
            value = self.form.cleaned_data.get(name) if self.form.is_valid() else None
            if name != WHERE and value not in (None, "", [], ()):
                words = self._words(name, field, value)
                chips.append(
                    {
                        "label": field.label,
                        "value": words,
                        "words": f"{field.label}: {words}",
                        "without": self._without(name),
                    }
                )
        return chips + self.condition_chips

    def _without(self, name: str) -> str:
        query = self.data.copy()
        for gone in (name, "page"):
            query.pop(gone, None)
        return f"?{query.urlencode()}"

    def _words(self, name: str, field: forms.Field, value: Any) -> str:
        if name in ("contact", "company"):
            contact = Contact.objects.visible_to(self.user).filter(pk=value).first()
            return str(contact or value)
        if name == "archived":
            return str(_("yes") if value else _("no"))
        return _in_words(field, value)


def _in_words(field: forms.Field, value: Any) -> str:
    """The label of a choice (grouped or not), a day as the language writes it, anything else as it is."""
    for key, label in getattr(field, "choices", []):
        for one, words in label if isinstance(label, (list, tuple)) else [(key, label)]:
            if str(one) == str(value):
                return str(words)
    return day_short(value, get_language() or "en") if isinstance(value, datetime.date) else str(value)


def ordered(rows: QuerySet[Opportunity], order: str) -> QuerySet[Opportunity]:
    """By a word of `ORDERS`, with `-` downwards; unknown values last; the newest first where nothing is asked."""
    word = order.removeprefix("-")
    if word not in ORDERS:
        return rows.order_by("-pk")
    column = F(ORDERS[word][0])
    if order.startswith("-"):
        return rows.order_by(column.desc(nulls_last=True), "-pk")
    return rows.order_by(column.asc(nulls_last=True), "pk")


def neighbours(
    rows: QuerySet[Opportunity], order: str, opportunity: Opportunity
) -> tuple[int | None, int | None] | None:
    """Keys of the rows before and after it in that order, in one query; None where it is not among the rows."""
    after = ordered(rows, order).filter(_beyond(order, opportunity, forwards=True))
    before = ordered(rows, order).reverse().filter(_beyond(order, opportunity, forwards=False))
    nearest = [Subquery(side.values("pk")[:1]) for side in (before, after)]
    return rows.filter(pk=opportunity.pk).order_by().values_list(*nearest).first()


def _beyond(order: str, opportunity: Opportunity, *, forwards: bool) -> Q:
    """What `ordered` puts after it, or before it."""
    word = order.removeprefix("-")
    downwards = order.startswith("-") or word not in ORDERS
    further = "lt" if downwards is forwards else "gt"
    beside = Q((f"pk__{further}", opportunity.pk))
    if word not in ORDERS:
        return beside
    column = ORDERS[word][0]
    value: Any = opportunity
    for name in column.split("__"):
        value = getattr(value, name, None)
    unknown = Q((f"{column}__isnull", True))
    if value is None:
        return unknown & beside if forwards else (unknown & beside) | ~unknown
    known = Q((f"{column}__{further}", value)) | (Q((column, value)) & beside)
    return known | unknown if forwards else known
