from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from crm.lib.admin import CarefulAdmin, ReadOnly, SeenAdmin
from interactions.models import Interaction, InteractionGroup, InteractionTemplate


@admin.register(Interaction)
class InteractionAdmin(ReadOnly, CarefulAdmin):
    """Looked at here; logged and changed on its own page, where the rules are asked."""

    purpose = _("To look at; changed on their own pages")
    list_display = ("description", "kind", "happened_on", "contact", "opportunity", "salesperson", "cancelled")
    list_filter = ("kind", "direction", "evaluation", "failed", "cancelled")
    list_select_related = ("contact", "opportunity", "salesperson")
    search_fields = ("description", "contact__name", "opportunity__number", "opportunity__description")
    date_hierarchy = "happened_on"
    ordering = ("-happened_on", "-pk")


@admin.register(InteractionGroup)
class InteractionGroupAdmin(SeenAdmin):
    purpose = _("What is counted together")
    list_display = ("code", "description")
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description")


@admin.register(InteractionTemplate)
class InteractionTemplateAdmin(SeenAdmin):
    purpose = _("Calls, letters and meetings as they are logged, with cost and duration")
    list_display = ("code", "description", "group", "kind", "direction", "initiated_by", "cost", "duration", "blocked")
    list_filter = ("blocked", "kind", "group")
    list_select_related = ("group",)
    search_fields = ("code", "description", "group__description")
    ordering = ("code",)
    fields = (
        ("code", "description"),
        "group",
        "kind",
        ("direction", "initiated_by"),
        ("cost", "duration"),
        "blocked",
    )
