"""Opportunities in the admin pages: the facts through `edit`, the salesperson through `reassign`; the rest is shown."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.lib.admin import CarefulAdmin, ReadOnly
from crm.lib.money import format_money, format_percent
from crm.lib.refusals import log_hidden
from opportunities import lifecycle
from opportunities.admin_bulk import ACTIONS
from opportunities.admin_forms import FACTS, FactsForm, ListFactsForm
from opportunities.effects import outside_campaign
from opportunities.models import Batch, Door, Opportunity, OpportunityEntry
from salespeople.models import Company


def amount(value: Any) -> str:
    return format_money(value, Company.current().currency, get_language() or "en")


def percent(value: Any) -> str:
    return format_percent(value, get_language() or "en")


class Amounts:
    """Money and percentages as the reader writes them."""

    @admin.display(description=_("estimated value"), ordering="estimated_value")
    def estimated(self, row: Any) -> str:
        return amount(row.estimated_value)

    @admin.display(description=_("calculated value"), ordering="calculated_value")
    def calculated(self, row: Any) -> str:
        return amount(row.calculated_value)

    @admin.display(description=_("sales value"), ordering="sales_value")
    def sold(self, row: Any) -> str:
        return amount(row.sales_value)

    @admin.display(description=_("chances of success %"), ordering="chances")
    def chance(self, row: Any) -> str:
        return percent(row.chances)

    @admin.display(description=_("probability %"), ordering="probability")
    def likely(self, row: Any) -> str:
        return percent(row.probability)


def entries_seen(request: HttpRequest) -> QuerySet[OpportunityEntry]:
    """An entry is seen by whoever sees its opportunity."""
    user: Any = request.user
    if not user.has_perm("opportunities.view_opportunityentry"):
        return OpportunityEntry.objects.none()
    return OpportunityEntry.objects.filter(opportunity__in=Opportunity.objects.visible_to(user))


class Timeline(ReadOnly, Amounts, admin.TabularInline):
    """The ledger of one opportunity, newest first."""

    model = OpportunityEntry
    fk_name = "opportunity"
    verbose_name_plural = _("ledger")
    fields = (
        "step",
        "happened_on",
        "action",
        "by",
        "door",
        "salesperson",
        "stage",
        "estimated",
        "chance",
        "calculated",
        "closing_on",
        "reason",
        "voided_at",
    )
    readonly_fields = fields
    ordering = ("-step",)
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpportunityEntry]:
        return entries_seen(request).select_related("by", "salesperson", "stage").order_by("-step")


WHO = ("number", "created_on", "contact", "company", "salesperson", "archived")
WHERE = ("status", "sales_cycle", "stage", "stage_before", "stage_entered_on")
FIGURES = ("estimated", "chance", "chances_are_manual", "likely", "calculated", "closing_on")
END = ("closed_on", "close_code", "sold")


@admin.register(Opportunity)
class OpportunityAdmin(Amounts, CarefulAdmin):
    purpose = _("Facts are edited in the list, many at once are changed by actions")
    form = FactsForm
    exclude = ("version",)  # the hidden field of the form carries it
    fieldsets: ClassVar = (
        (None, {"fields": (*FACTS, "version")}),
        (_("Who"), {"fields": WHO}),
        (_("Where it stands"), {"fields": WHERE}),
        (_("What it may bring"), {"fields": FIGURES}),
        (_("How it ended"), {"fields": END}),
    )
    readonly_fields = (*WHO, *WHERE, *FIGURES, *END)
    inlines = (Timeline,)
    actions = ACTIONS
    list_display = (
        "number",
        "description",
        "contact",
        "salesperson",
        "status",
        "stage",
        "priority",
        "source",
        "estimated",
        "calculated",
        "closing_on",
    )
    list_editable = ("description", "priority", "source")
    list_filter = ("status", "priority", "archived", "salesperson", "sales_cycle", "source", "competitor", "close_code")
    list_select_related = ("contact", "salesperson", "stage")
    list_per_page = 50
    search_fields = ("number", "description")
    search_help_text = _("Beginnings of words in number, description or contact.")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return super().has_change_permission(request, obj) and (obj is None or not obj.is_fixed_for(user))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Opportunity], search_term: str
    ) -> tuple[Any, bool]:
        found = Opportunity.objects.search(search_term).values("pk")
        return queryset.filter(pk__in=found) if search_term else queryset, False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fieldsets
        return ((None, {"fields": FACTS}), *self.fieldsets[1:])

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        opportunity = super().get_object(request, object_id, from_field)
        if opportunity is None:
            log_hidden(request, Opportunity, object_id)
            raise Http404
        return opportunity

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """The ledger is only shown: nothing that a browser sends reaches it."""
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if "data" in kwargs:
            keys = kwargs["queryset"].filter(opportunity=obj).values_list("pk", flat=True)
            data: dict[str, Any] = {f"{prefix}-{at}-id": key for at, key in enumerate(keys)}
            data |= {f"{prefix}-TOTAL_FORMS": len(data), f"{prefix}-INITIAL_FORMS": len(data)}
            kwargs |= {"data": data | {f"{prefix}-MIN_NUM_FORMS": 0, f"{prefix}-MAX_NUM_FORMS": 0}, "files": {}}
        return kwargs

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        made: Any = super().get_changelist_form(request, form=ListFactsForm, **kwargs)
        made.user, made.refusals = request.user, getattr(request, "refusals", {})
        return made

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        formset: Any = super().get_changelist_formset(request, **kwargs)
        source = formset.form.base_fields["source"]
        for link in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            setattr(source.widget, link, False)
        source.widget.choices = source.choices = list(source.choices)  # asked for once, not for every row again
        return formset

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Rows are saved together or not at all. What a verb refuses is said in its row, and everything typed stays."""
        try:
            return super().changelist_view(request, extra_context)
        except RowRefused as refused:
            request.refusals = {refused.key: refused.refusal}  # type: ignore[attr-defined]
        return super().changelist_view(request, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """The verb writes when the form is saved. What it refuses is shown by the same form, with all that was typed."""
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except (ValidationError, lifecycle.Stale) as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
        response = super().change_view(request, object_id, form_url, extra_context)
        response.status_code = 409 if isinstance(refusal_of(request), lifecycle.Stale) else 422
        return response

    def save_model(self, request: HttpRequest, obj: Opportunity, form: Any, change: bool) -> None:
        user: Any = request.user
        try:
            lifecycle.edit(obj, **form.facts(), on=Company.current().today(), by=user, door=Door.ADMIN)
        except (ValidationError, lifecycle.Stale) as refusal:
            if isinstance(form, ListFactsForm):
                raise RowRefused(obj.pk, refusal) from refusal
            raise
        if "source" in form.changed_data and (late := outside_campaign(obj)):
            messages.warning(request, late)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The ledger is the log."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The ledger is the history, and it is on the page."""
        self.get_object(request, object_id)
        return redirect("admin:opportunities_opportunity_change", object_id)


class RowRefused(Exception):
    """The verb refused a row of the list, so that none of it is saved."""

    def __init__(self, key: int, refusal: Exception) -> None:
        super().__init__(str(refusal))
        self.key, self.refusal = key, refusal


def refusal_of(request: HttpRequest) -> Exception | None:
    return getattr(request, "refusal", None)


@admin.register(OpportunityEntry)
class EntryAdmin(ReadOnly, Amounts, CarefulAdmin):
    purpose = _("The ledger: every step of every opportunity, never edited")
    listed_as = "opportunity"
    list_display = ("opportunity", "step", "action", "happened_on", "by", "door", "batch", "reason")
    list_filter = ("action", "door")
    list_select_related = ("opportunity", "by", "batch")
    date_hierarchy = "happened_on"
    search_fields = ("opportunity__number",)
    search_help_text = _("Number of the opportunity.")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpportunityEntry]:
        return entries_seen(request).order_by("-pk")


class BatchEntries(ReadOnly, admin.TabularInline):
    model = OpportunityEntry
    fk_name = "batch"
    fields = ("opportunity", "step", "action", "salesperson", "reason")
    readonly_fields = fields
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpportunityEntry]:
        return entries_seen(request).select_related("opportunity", "salesperson").order_by("opportunity")


@admin.register(Batch)
class BatchAdmin(ReadOnly, CarefulAdmin):
    """Batches that hold an entry the person may see."""

    purpose = _("What changed many opportunities at once")
    inlines = (BatchEntries,)
    exclude = ("refused",)  # rows that the person may not see may be among them
    list_display = ("__str__", "door", "verb", "by", "made_at")
    list_filter = ("door",)
    list_select_related = ("by",)
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seen = entries_seen(request).filter(batch__isnull=False).values("batch")
        return super().get_queryset(request).filter(pk__in=seen)
