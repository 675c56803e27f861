"""Text from a browser becomes a contact. What a contact may be is said by its constraints; here it is said at the field."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from contacts.places import countries
from crm.lib.editing import EditForm
from crm.lib.numbers import next_number
from salespeople.models import Salesperson, User

PICKED = 50  # the picker shows at most so many companies; searching brings the others
HAS_PEOPLE = _("A company that people belong to stays a company.")
NO_COMPANY = _("Only a person can belong to a company.")
TAKEN = _("There is a contact with this number already.")


class ContactForm(EditForm):
    company_search = forms.CharField(
        label=_("Find a company"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    home_page = forms.URLField(label=_("Home page"), required=False, max_length=255, assume_scheme="https")
    country = forms.ChoiceField(label=_("Country"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)

    refusals: ClassVar = {
        "contacts_contact_number_key": ("number", TAKEN),
        "company_link_names_a_company": ("kind", _("This does not fit what somebody else has just saved.")),
    }

    class Meta:
        model = Contact
        fields = (
            *("kind", "name", "number", "company", "job_title", "address", "address_2", "post_code", "city", "county"),
            *("country", "phone", "mobile", "email", "home_page", "language", "salesperson", "privacy_blocked"),
        )
        widgets: ClassVar = {"kind": forms.RadioSelect}
        error_messages: ClassVar = {
            "number": {"unique": TAKEN},
            "company": {"invalid_choice": _("Choose a company of the list.")},
        }

    def __init__(self, data: QueryDict | None, *, user: User, **options: Any) -> None:
        # "find" asks only for companies to choose from: nothing is saved and nothing complained about
        self.is_searching = data is not None and "find" in data
        if data is not None and self.is_searching:
            options["initial"] = data.dict() | {"privacy_blocked": "privacy_blocked" in data}
            super().__init__(None, **options)
            self.version = data.get("version", "")
        else:
            super().__init__(data, **options)
        self.was_company = bool(self.instance.pk) and self.instance.is_company
        if self.instance.pk:
            self.fields["number"].required, self.fields["number"].help_text = True, ""
        self._offer_salespeople(user)
        self._offer_companies(user)
        self._offer_codes("country", countries())
        self._offer_codes("language", dict(settings.LANGUAGES))

    def _offer_salespeople(self, user: User) -> None:
        visible = Salesperson.objects.visible_to(user)
        field = self.fields["salesperson"]
        assert isinstance(field, forms.ModelChoiceField)
        field.empty_label = _("– none –")
        field.queryset = visible.usable() | visible.filter(pk=self.instance.salesperson_id)

    def _offer_companies(self, user: User) -> None:
        """At most `PICKED` companies that match the search, and the chosen one."""
        field = self.fields["company"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = companies = Contact.objects.visible_to(user).companies().exclude(pk=self.instance.pk)
        found = list(companies.search(str(self["company_search"].value() or "")[:100])[: PICKED + 1])
        self.more_companies = len(found) > PICKED
        chosen = str(self["company"].value() or "")
        offered = found[:PICKED]
        if chosen.isdecimal() and all(str(company.pk) != chosen for company in offered):
            offered += companies.filter(pk=chosen)
        self.companies_found = min(len(found), PICKED)
        field.widget.choices = [("", _("– none –")), *((company.pk, company.name) for company in offered)]

    def _offer_codes(self, name: str, names: dict[str, str]) -> None:
        """The codes by name; one that is kept but unknown stays."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        kept = getattr(self.instance, name)
        unknown = [(kept, kept)] if kept and kept not in names else []
        field.choices = [("", _("– none –")), *unknown, *names.items()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind")
        if kind == Contact.Kind.COMPANY and cleaned.get("company"):
            self.add_error("company", NO_COMPANY)
        if cleaned.get("company_search") and not cleaned.get("company") and "company" not in self.errors:
            self.add_error("company", _("Choose one of the companies found, or empty the search."))
        if kind == Contact.Kind.PERSON and self.was_company and self.instance.people.exists():
            self.add_error("kind", HAS_PEOPLE)
        return cleaned

    def write(self) -> None:
        self.instance.number = self.instance.number or next_number(Contact, "CT")
        super().write()
