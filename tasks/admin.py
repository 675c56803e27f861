from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from crm.lib.admin import CarefulAdmin, ReadOnly
from tasks.models import Task


@admin.register(Task)
class TaskAdmin(ReadOnly, CarefulAdmin):
    """Looked at here; made and changed on its own page, where the rules are asked."""

    purpose = _("To look at; changed on their own pages")
    list_display = ("description", "kind", "due_on", "status", "cancelled", "salesperson", "team", "opportunity")
    list_filter = ("kind", "status", "cancelled", "priority")
    list_select_related = ("salesperson", "team", "opportunity")
    search_fields = ("description", "opportunity__number", "opportunity__description")
    date_hierarchy = "due_on"
    ordering = ("-due_on", "-pk")
