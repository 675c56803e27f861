from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from crm.lib.admin import SeenAdmin, SeenForm, SeenInline
from crm.lib.in_use import uses
from crm.lib.money import format_money
from salescycles.admin_rehearsal import NOT_SAVED, Rehearsed
from salescycles.copying import copy_cycle
from salescycles.models import Activity, ActivityStep, CloseCode, Competitor, SalesCycle, Source, Stage
from salescycles.starters import STARTERS, begin_with
from salespeople.models import Company

FIGURES = {"standing": Count("pk"), "estimated": Sum("estimated_value"), "calculated": Sum("calculated_value")}


def with_figures(rows: QuerySet[Any], key: str, request: HttpRequest) -> QuerySet[Any]:
    """Adds `standing`, `estimated` and `calculated` of the opportunities in progress that the person may see."""
    opportunity: Any = rows.model._meta.get_field("opportunity").related_model
    seen = opportunity.objects.visible_to(request.user).filter(status="in_progress", archived=False)
    here: Any = seen.filter(**{key: OuterRef("pk")}).order_by().values(key)
    figures: dict[str, Any] = {
        name: Subquery(here.annotate(figure=figure).values("figure")) for name, figure in FIGURES.items()
    }
    figured: QuerySet[Any] = rows.annotate(**figures | {"standing": Coalesce(figures["standing"], 0)})
    return figured


def amount(value: Decimal | None) -> str:
    return format_money(value, Company.current().currency, get_language() or "en")


class Figures:
    """Columns of what stands where now."""

    @admin.display(description=_("in progress"), ordering="standing")
    def standing(self, row: Any) -> int:
        return getattr(row, "standing", 0)

    @admin.display(description=_("estimated value"), ordering="estimated")
    def estimated(self, row: Any) -> str:
        return amount(getattr(row, "estimated", None))

    @admin.display(description=_("calculated value"), ordering="calculated")
    def calculated(self, row: Any) -> str:
        return amount(getattr(row, "calculated", None))


class NumberedForm(SeenForm):
    number = forms.IntegerField(
        label=_("order"),
        min_value=1,
        max_value=32767,
        widget=forms.NumberInput(
            attrs={"class": "vIntegerField", "data-order": _("Drag to move this row, or press the arrow keys")}
        ),
    )

    def _get_validation_exclusions(self) -> set[str]:
        """The numbers change together; the whole set of them is judged by `NumberedFormSet`."""
        return set(super()._get_validation_exclusions()) | {"number"}  # type: ignore[misc]


def of_model(name: str) -> dict[str, Any]:
    """What a field of a stage's form says, as the model says it."""
    field: Any = Stage._meta.get_field(name)
    return {"label": capfirst(field.verbose_name), "help_text": field.help_text, "required": False}


class Folded(forms.CheckboxSelectMultiple):
    """Boxes that take one line until they are opened, so that rows stay low enough to be dragged."""

    template_name = "admin/folded_choices.html"

    class Media:
        js = (Script("crm/folded.js", type="module"),)

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        options = [option for _group, some, _at in context["widget"]["optgroups"] for option in some]
        ticked = ", ".join(str(option["label"]) for option in options if option["selected"])
        context["widget"] |= {"said": self.said, "ticked": ticked}
        return context


class StageForm(NumberedForm):
    required_fields = forms.MultipleChoiceField(
        choices=Stage.Fact, widget=Folded(of_model("required_fields")["label"]), **of_model("required_fields")
    )
    roles = forms.TypedMultipleChoiceField(coerce=int, widget=Folded(of_model("roles")["label"]), **of_model("roles"))

    class Meta:
        widgets: ClassVar = {
            "description": forms.TextInput(attrs={"size": 24}),
            "completed": forms.NumberInput(attrs={"class": "vIntegerField"}),
            "chances": forms.NumberInput(attrs={"class": "vIntegerField"}),
            "date_formula": forms.TextInput(attrs={"size": 8}),
            "expected_days": forms.NumberInput(attrs={"class": "vIntegerField"}),
            "minimum_value": forms.NumberInput(attrs={"class": "vIntegerField"}),
            "exit_criteria": forms.Textarea(attrs={"rows": 2, "cols": 28}),
        }


class NumberedInline(SeenInline):
    """Rows that can be dragged where scripts run; the numbers are the plain way."""

    ordering = ("number",)

    class Media:
        js = (Script("vendor/sortablejs/Sortable.min.js"), Script("crm/reorder.js", type="module"))


class NumberedFormSet(forms.BaseInlineFormSet):
    """Rows in the order of their numbers, which may be swapped in one go."""

    model: type[Model]
    taken: Any
    _should_delete_form: Callable[[Any], bool]

    def clean(self) -> None:
        self._refuse_double_numbers([form for form in self.forms if self._stays(form)])

    def _stays(self, form: Any) -> bool:
        return not self._should_delete_form(form) and (form.instance.pk is not None or form.has_changed())

    def _refuse_double_numbers(self, forms: list[Any]) -> None:
        numbers = [form.cleaned_data.get("number") for form in forms]
        counted = Counter(number for number in numbers if number is not None)
        known = [form.instance.pk for form in self.initial_forms]
        others = self.model._default_manager.filter(**{self.fk.name: self.instance.pk}).exclude(pk__in=known)
        counted.update(others.values_list("number", flat=True))
        for form, number in zip(forms, numbers, strict=True):
            if counted[number] > 1:
                form.add_error("number", self.taken)


class StageFormSet(NumberedFormSet):
    """The stages of one cycle; a stage in use stays."""

    request: HttpRequest
    site: admin.AdminSite
    taken = _("Another stage has this number.")

    def clean(self) -> None:
        refused = [self._in_use(form.instance) for form in self.initial_forms if self._should_delete_form(form)]
        super().clean()
        if any(refused):
            raise ValidationError([message for message in refused if message])

    def _in_use(self, stage: Stage) -> str:
        lines = uses([stage], self.request, self.site)
        if not lines:
            return ""
        users = format_html_join("; ", "{}", ((line,) for line in lines))
        return format_html(str(_("The stage “{}” cannot be deleted, it is in use: {}")), stage, users)


class ActivityStepFormSet(NumberedFormSet):
    taken = _("Another step has this number.")


class StageInline(Figures, NumberedInline):
    model = Stage
    form = StageForm
    formset = StageFormSet
    template = "admin/edit_inline/stacked.html"  # too many columns for a table
    lines = (
        ("number", "description", "completed", "chances", "expected_days", *("standing", "estimated", "calculated")),
        (
            "quote_required",
            "document_required",
            "allow_skip",
            "allow_back",
            *("minimum_value", "required_fields", "roles"),
        ),
    )
    more = (("activity", "date_formula", "colour"), "exit_criteria")
    fields: ClassVar[Any] = flatten((*lines, *more))
    readonly_fields = ("standing", "estimated", "calculated")
    extra = 0

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        beside = [name for name in self.get_fields(request, obj) if name not in self.fields]
        return (
            (None, {"fields": (*self.lines, *beside)}),
            (_("More about this stage"), {"fields": self.more, "classes": ("collapse",)}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return with_figures(super().get_queryset(request), "stage", request)

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.request, formset.site = request, self.admin_site
        activity = formset.form.base_fields.get("activity")
        if activity:  # asked for once, not for every stage again; its set-up is a page of its own
            for link in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
                setattr(activity.widget, link, False)
            activity.widget.choices = activity.choices = list(activity.choices)
        roles = formset.form.base_fields.get("roles")
        if roles:
            roles.choices = list(Group.objects.order_by("name").values_list("pk", "name"))
        return formset

    def get_extra(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        return 1 if obj else 4


class SalesCycleForm(SeenForm):
    is_back: bool = False  # only to be looked at, or to be typed on in

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if cleaned and cleaned.get("is_default") and cleaned.get("blocked"):
            self.add_error("blocked", _("The default sales cycle cannot be blocked."))
        if self.is_back:
            self.add_error(None, NOT_SAVED)
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """A new default takes over from the old one when it is saved."""
        return set(super()._get_validation_exclusions()) | {"is_default"}  # type: ignore[misc]


@admin.action(description=_("Copy"), permissions=["add"])
def copy(page: Any, request: HttpRequest, chosen: QuerySet[SalesCycle]) -> None:
    for cycle in chosen:
        page.copied(request, cycle)


@admin.register(SalesCycle)
class SalesCycleAdmin(Figures, Rehearsed, SeenAdmin):
    purpose = _("The stages that opportunities walk, with their chances and conditions")
    form = SalesCycleForm
    inlines = (StageInline,)
    actions = (copy,)
    list_display = (
        "code",
        "description",
        "probability_method",
        "is_default",
        "blocked",
        "standing",
        "estimated",
        "calculated",
    )
    search_fields = ("code", "description", "stages__description")
    ordering = ("code",)
    fields = (("code", "description"), "probability_method", "stage_decides", ("is_default", "blocked"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/copy/", view(require_POST(self.copy_view)), name="salescycles_salescycle_copy"),
            path("begin/", view(require_POST(self.begin_view)), name="salescycles_salescycle_begin"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SalesCycle]:
        return with_figures(super().get_queryset(request), "sales_cycle", request)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.is_back = self.is_back(request)
        return form

    def save_model(self, request: HttpRequest, obj: SalesCycle, form: Any, change: bool) -> None:
        self.before_saving(request, obj, change)
        gave_way = list(self._take_over(obj)) if obj.is_default else []
        super().save_model(request, obj, form, change)
        request.gave_way = gave_way  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.after_saving(request, form.instance)
        for other in request.gave_way:  # type: ignore[attr-defined]
            messages.info(request, _("“%(cycle)s” is no longer the default sales cycle.") % {"cycle": other})

    def _take_over(self, cycle: SalesCycle) -> Iterator[SalesCycle]:
        """At most one cycle is the default: the one before gives way in the same transaction."""
        for other in SalesCycle.objects.select_for_update().filter(is_default=True).exclude(pk=cycle.pk):
            SalesCycle.objects.filter(pk=other.pk).update(is_default=False)
            yield other

    def copied(self, request: HttpRequest, cycle: SalesCycle) -> SalesCycle:
        made = copy_cycle(cycle)
        self.log_addition(request, made, [{"added": {}}])
        text = _("“%(cycle)s” was copied as %(code)s. The copy is blocked until you say otherwise.")
        messages.success(request, text % {"cycle": cycle, "code": made.code})
        return made

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        cycle = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:salescycles_salescycle_change", self.copied(request, cycle).pk)

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """A cycle by trade, where there is none yet."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        starter = next((one for one in STARTERS if one.code == request.POST.get("starter")), None)
        if starter is None:
            raise Http404
        if SalesCycle.objects.exists():
            messages.warning(request, _("There is a sales cycle already: copy it, or add one."))
            return redirect("admin:salescycles_salescycle_changelist")
        made = begin_with(starter)
        self.log_addition(request, made, [{"added": {}}])
        messages.success(request, _("This is a beginning: change what is different with you."))
        return redirect("admin:salescycles_salescycle_change", made.pk)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context and not context["cl"].result_count and not SalesCycle.objects.exists():
            context["starters"] = STARTERS if self.has_add_permission(request) else ()
        return response


class ActivityStepInline(NumberedInline):
    model = ActivityStep
    form = NumberedForm
    formset = ActivityStepFormSet
    fields = ("number", "kind", "description", "priority", "date_formula")
    extra = 1


@admin.register(Activity)
class ActivityAdmin(SeenAdmin):
    purpose = _("Tasks that are planned when an opportunity enters a stage")
    inlines = (ActivityStepInline,)
    list_display = ("code", "description", "how_many")
    search_fields = ("code", "description", "steps__description")
    ordering = ("code",)
    fields = (("code", "description"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        return super().get_queryset(request).annotate(how_many=Count("steps", distinct=True))

    @admin.display(description=_("steps"), ordering="how_many")
    def how_many(self, activity: Any) -> int:
        return int(activity.how_many)


@admin.register(CloseCode)
class CloseCodeAdmin(SeenAdmin):
    purpose = _("Why opportunities are won or lost")
    list_display = ("code", "description", "outcome", "blocked")
    list_filter = ("outcome", "blocked")
    search_fields = ("code", "description")
    ordering = ("-outcome", "code")
    fields = ("code", "description", "outcome", "blocked")


@admin.register(Source)
class SourceAdmin(SeenAdmin):
    purpose = _("Where opportunities come from, campaigns included")
    list_display = ("code", "description", "starts_on", "ends_on", "blocked")
    list_filter = ("blocked", ("starts_on", admin.EmptyFieldListFilter))
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description", ("starts_on", "ends_on"), "blocked")


@admin.register(Competitor)
class CompetitorAdmin(SeenAdmin):
    purpose = _("Against whom we sell")
    list_display = ("code", "name", "blocked")
    list_filter = ("blocked",)
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = ("code", "name", "blocked")
