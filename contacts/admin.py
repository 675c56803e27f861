from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from contacts.codes import (
    BusinessRelation,
    ContactSetup,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from contacts.duplicate_models import DuplicateRule, RulePart
from contacts.duplicates import find_again
from contacts.models import Contact
from contacts.places import countries
from crm.lib.admin import CarefulAdmin, SeenAdmin, SeenForm, SeenInline


@admin.register(Contact)
class ContactAdmin(CarefulAdmin):
    """Looked at here, and deleted where nothing was ever done with it; made and changed on its own page, where the rules
    are asked."""

    purpose = _("To look at; changed on their own pages")
    list_display = ("name", "number", "kind", "company", "city", "phone", "email", "salesperson", "privacy_blocked")
    list_filter = ("kind", "privacy_blocked", "archived", "salesperson")
    list_select_related = ("company", "salesperson")
    search_fields = ("name", "number", "email", "city")
    search_help_text = _("Beginnings of words in name, number, e-mail or city.")
    ordering = ("name", "pk")
    fields = readonly_fields = (
        *("number", "kind", "name", "company", "job_title", "salesperson", "territory", "language", "relation"),
        *("address", "address_2", "post_code", "city", "county", "country"),
        *("phone", "phone_extension", "mobile", "other_numbers", "email", "email_2", "home_page", "vat_number"),
        *("privacy_blocked", "minor", "parental_consent", "archived", "created_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[Any, bool]:
        return queryset.filter(
            pk__in=Contact.objects.search(search_term).values("pk")
        ) if search_term else queryset, False


@admin.register(Territory)
class TerritoryAdmin(SeenAdmin):
    purpose = _("Regions, and who covers them")
    list_display = ("code", "description")
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description", "salespeople")
    filter_horizontal = ("salespeople",)


CODES: dict[Any, Any] = {
    Salutation: _("How a letter begins"),
    OrganizationalLevel: _("How high in the company somebody stands"),
    JobResponsibility: _("What somebody answers for"),
    IndustryGroup: _("The trades that companies are in"),
    MailingGroup: _("Who gets the same letters"),
}


@admin.register(*CODES)
class CodeAdmin(SeenAdmin):
    @property
    def purpose(self) -> Any:
        return CODES[self.model]

    list_display = ("code", "description")
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description")


@admin.register(BusinessRelation)
class BusinessRelationAdmin(SeenAdmin):
    """A change of what one is linked with counts for every contact that has it."""

    purpose = _("What companies are to us in accounting")
    list_display = ("code", "description", "account")
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description", "account")


class SetupForm(SeenForm):
    country = forms.ChoiceField(
        choices=lambda: [("", "–"), *countries().items()], required=False, label=capfirst(_("country"))
    )
    language = forms.ChoiceField(
        choices=lambda: [("", "–"), *settings.LANGUAGES], required=False, label=capfirst(_("language"))
    )


@admin.register(ContactSetup)
class ContactSetupAdmin(SeenAdmin):
    """One row: made once, changed, never deleted."""

    purpose = _("What new contacts begin with, and what people take over from their company")
    form = SetupForm
    fieldsets = (
        (
            _("What a new contact begins with"),
            {
                "description": _("The salesperson of whoever makes it comes before the one chosen here."),
                "fields": (
                    *("salesperson", "territory", "country", "language", "correspondence"),
                    *("company_salutation", "person_salutation"),
                ),
            },
        ),
        (
            _("What people share with their company"),
            {
                "description": _(
                    "Taken over when a person comes to a company, and when the company's changes, by those who had the same."
                ),
                "fields": tuple(
                    f"shares_{name}"
                    for name in ("salesperson", "territory", "country", "language", "address", "communication")
                ),
            },
        ),
    )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Asked here and not by `has_add_permission`, which every admin page asks for its menu."""
        if ContactSetup.objects.exists():
            raise PermissionDenied
        return super().add_view(request, form_url, extra_context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ContactSetup, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


class RulePartInline(SeenInline):
    model = RulePart
    fields = ("field", "piece", "letters")
    extra = 1


@admin.register(DuplicateRule)
class DuplicateRuleAdmin(SeenAdmin):
    """By which rules contacts look alike. What they find is found anew with each change of them."""

    purpose = _("By what two contacts look alike")
    list_display = ("__str__", "applies_to", "hit", "active", "warns")
    inlines = (RulePartInline,)
    fields = ("applies_to", "hit", "active", "warns")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DuplicateRule]:
        return super().get_queryset(request).prefetch_related("parts")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            find_again([form.instance.pk])

    def delete_model(self, request: HttpRequest, obj: DuplicateRule) -> None:
        key = obj.pk
        super().delete_model(request, obj)
        find_again([key])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DuplicateRule]) -> None:
        keys = list(queryset.values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        find_again(keys)
