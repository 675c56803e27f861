from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from contacts.forms import HAS_PEOPLE, NO_COMPANY
from contacts.models import Contact
from crm.lib.admin import CarefulAdmin
from crm.lib.numbers import next_number


class ContactForm(forms.ModelForm):
    home_page = forms.URLField(label=capfirst(_("home page")), required=False, max_length=255, assume_scheme="https")
    language = forms.ChoiceField(
        choices=lambda: [("", "–"), *settings.LANGUAGES], required=False, label=capfirst(_("language"))
    )

    def clean_number(self) -> str:
        """A number once given can be changed, but not taken away."""
        return str(self.cleaned_data["number"] or self.instance.number)

    def clean_kind(self) -> str:
        kind = str(self.cleaned_data["kind"])
        if kind == Contact.Kind.PERSON and self.instance.pk and self.instance.people.exists():
            raise ValidationError(HAS_PEOPLE)
        return kind

    def clean_company(self) -> Contact | None:
        company: Contact | None = self.cleaned_data["company"]
        if company and self.cleaned_data.get("kind") == Contact.Kind.COMPANY:
            raise ValidationError(NO_COMPANY)
        return company


@admin.register(Contact)
class ContactAdmin(CarefulAdmin):
    form = ContactForm
    list_display = ("name", "number", "kind", "company", "city", "phone", "email", "salesperson", "privacy_blocked")
    list_filter = ("kind", "privacy_blocked", "salesperson")
    list_select_related = ("company", "salesperson")
    search_fields = ("name", "number", "email", "city")
    search_help_text = _("Beginnings of words in name, number, e-mail or city.")
    ordering = ("name", "pk")
    autocomplete_fields = ("company", "salesperson")
    readonly_fields = ("created_at",)
    fieldsets = (
        (None, {"fields": ("number", "kind", "name", "company", "job_title", "salesperson", "language")}),
        (_("Address"), {"fields": ("address", "address_2", "post_code", "city", "county", "country")}),
        (_("Reached by"), {"fields": ("phone", "mobile", "email", "home_page")}),
        (_("Privacy"), {"fields": ("privacy_blocked", "created_at")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return super().has_change_permission(request, obj) and (obj is None or obj.may_be_changed_by(user))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[Any, bool]:
        return queryset.filter(
            pk__in=Contact.objects.search(search_term).values("pk")
        ) if search_term else queryset, False

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        obj.number = obj.number or next_number(Contact, "CT")
        super().save_model(request, obj, form, change)
