from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from crm.lib.admin import CarefulAdmin, ReadOnly
from quotes.models import Quote


@admin.register(Quote)
class QuoteAdmin(ReadOnly, CarefulAdmin):
    """Looked at here; made and changed on the opportunity's page, where the rules are asked."""

    purpose = _("To look at; made on the page of their opportunity")
    list_display = ("number", "opportunity", "quoted_on", "net_amount", "is_current")
    list_filter = ("is_current",)
    list_select_related = ("opportunity",)
    search_fields = ("number", "opportunity__number", "opportunity__description")
    date_hierarchy = "quoted_on"
    ordering = ("-quoted_on", "-pk")
