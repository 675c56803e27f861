"""Text from a browser becomes a contact. The rules are asked in `lifecycle`; here they are said at the field."""

import copy
import datetime
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms.models import construct_instance
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts import lifecycle, phones, vat
from contacts.models import Contact
from contacts.names import Parts
from contacts.phones import PhoneField
from contacts.places import countries
from crm.lib.editing import EditForm
from salespeople.models import Salesperson, User

PICKED = 50  # the picker shows at most so many companies; searching brings the others
NUMBERS = ("phone", "mobile")
# what the other type has not: not shown, and not saved where it was filled in before the type was chosen
NOT_OF = {
    Contact.Kind.COMPANY: {*Parts._fields, *lifecycle.PERSONAL, "job_title"},
    Contact.Kind.PERSON: {"industry_groups"},
}


def offer_codes(form: EditForm, name: str, names: dict[str, str]) -> None:
    """The codes by name; one that is kept but unknown stays."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    kept = getattr(form.instance, name)
    unknown = [(kept, kept)] if kept and kept not in names else []
    field.choices = [("", _("– none –")), *unknown, *names.items()]


def know_country(form: EditForm, country: str) -> None:
    """Whose telephone numbers are typed without a country code."""
    for name in NUMBERS:
        field = form.fields[name]
        assert isinstance(field, PhoneField)
        field.country = country


class ContactForm(EditForm):
    company_search = forms.CharField(
        label=_("Find a company"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    phone = PhoneField(label=_("Phone"), required=False)
    mobile = PhoneField(label=_("Mobile phone"), required=False)
    home_page = forms.URLField(label=_("Home page"), required=False, max_length=255, assume_scheme="https")
    country = forms.ChoiceField(label=_("Country"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    vat_number = forms.CharField(label=_("VAT number"), required=False, max_length=40)

    refusals: ClassVar = {
        "contacts_contact_number_key": ("number", _("There is a contact with this number already.")),
        "company_link_names_a_company": ("kind", _("This does not fit what somebody else has just saved.")),
    }

    class Meta:
        model = Contact
        fields = (
            *("kind", "name", "first_name", "middle_name", "last_name", "initials", "number", "company"),
            *("job_title", "organizational_level", "job_responsibilities", "industry_groups"),
            *("address", "address_2", "post_code", "city", "county", "country"),
            *("phone", "phone_extension", "mobile", "other_numbers", "email", "email_2", "home_page"),
            *("vat_number", "registration_number"),
            *("language", "correspondence", "salutation", "mailing_groups", "salesperson", "territory"),
            *("minor", "parental_consent", "privacy_blocked", "archived"),
        )
        widgets: ClassVar = {
            "kind": forms.RadioSelect,
            "job_responsibilities": forms.CheckboxSelectMultiple,
            "industry_groups": forms.CheckboxSelectMultiple,
            "mailing_groups": forms.CheckboxSelectMultiple,
        }
        error_messages: ClassVar = {"company": {"invalid_choice": _("Choose a company of the list.")}}

    def __init__(self, data: QueryDict | None, *, user: User, on: datetime.date, **options: Any) -> None:
        # nothing is saved and nothing complained about: "find" asks for companies to choose from, "look" what is
        # understood of a telephone or VAT number
        self.is_looking = data is not None and not {"find", "look"}.isdisjoint(data)
        self.user, self.on = user, on
        self.saved: lifecycle.Saved | None = None  # nothing where what was typed stood there already
        if data is not None and self.is_looking:
            options["initial"] = self._as_typed(data)
            super().__init__(None, **options)
            self.version = data.get("version", "")
        else:
            super().__init__(data, **options)
        self.fields["name"].required = False  # of a person the parts are asked; the verb asks for one of them
        if self.instance.pk:
            self.fields["number"].required, self.fields["number"].help_text = True, ""
        else:
            del self.fields["archived"]
        for name in ("salutation", "territory", "organizational_level", "salesperson"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.empty_label = _("– none –")
        self._offer_salespeople(user)
        self._offer_companies(user)
        offer_codes(self, "country", countries())
        offer_codes(self, "language", dict(settings.LANGUAGES))
        self._know_country()
        if self.is_looking:
            self._say_what_is_understood()

    def _as_typed(self, data: QueryDict) -> dict[str, Any]:
        fields = self.base_fields.items()
        several = {name: data.getlist(name) for name, _field in fields if name in lifecycle.MANY}
        ticked = {name: name in data for name, field in fields if isinstance(field, forms.BooleanField)}
        return data.dict() | several | ticked

    def _offer_salespeople(self, user: User) -> None:
        visible = Salesperson.objects.visible_to(user)
        field = self.fields["salesperson"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = visible.usable() | visible.filter(pk=self.instance.salesperson_id)

    def _offer_companies(self, user: User) -> None:
        """At most `PICKED` companies that match the search, and the chosen one."""
        field = self.fields["company"]
        assert isinstance(field, forms.ModelChoiceField)
        companies = Contact.objects.visible_to(user).companies().exclude(pk=self.instance.pk)
        field.queryset = companies = companies.filter(Q(archived=False) | Q(pk=self.instance.company_id))
        found = list(companies.search(str(self["company_search"].value() or "")[:100])[: PICKED + 1])
        self.more_companies = len(found) > PICKED
        chosen = str(self["company"].value() or "")
        self.offered = found[:PICKED]
        if chosen.isdecimal() and all(str(company.pk) != chosen for company in self.offered):
            self.offered += companies.filter(pk=chosen)
        self.companies_found = min(len(found), PICKED)
        field.widget.choices = [("", _("– none –")), *((company.pk, company.name) for company in self.offered)]

    def _know_country(self) -> None:
        """Whose numbers are typed without a country code: those of the contact's country, else of its company's."""
        chosen = str(self["company"].value() or "")
        inherited = (company.country for company in self.offered if str(company.pk) == chosen)
        self.region = str(self["country"].value() or next(inherited, ""))
        know_country(self, self.region)

    def _say_what_is_understood(self) -> None:
        for name in NUMBERS:
            typed = str(self.initial.get(name) or "")
            found = phones.read(typed, self.region)
            self.fields[name].help_text = phones.hint(typed, self.region)
            if found:
                behind = f" ext. {found.extension}" if found.extension else ""
                self.initial[name] = f"{phones.shown(found.number)}{behind}"
        number = str(self.initial.get("vat_number") or "")
        self.fields["vat_number"].help_text = vat.hint(number, self.region)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("company_search") and not cleaned.get("company") and "company" not in self.errors:
            self.add_error("company", _("Choose one of the companies found, or empty the search."))
        behind = getattr(self.fields["phone"], "extension", "")
        cleaned["phone_extension"] = cleaned.get("phone_extension") or behind
        return cleaned

    def _post_clean(self) -> None:
        """What one field refuses is asked of a copy: the instance stays as it was read, and the verb writes it."""
        typed = construct_instance(self, copy.copy(self.instance), self._meta.fields)
        relations = {field.name for field in Contact._meta.fields if field.is_relation}
        nameless = {"name"} if not typed.name else set()  # of a person the parts count
        try:
            typed.clean_fields(exclude=self._get_validation_exclusions() | relations | nameless | {"vat_number"})  # type: ignore[attr-defined]
        except ValidationError as refused:
            self._update_errors(refused)  # type: ignore[attr-defined]

    def typed(self) -> dict[str, Any]:
        """What was changed; of fields that go together all."""
        changed = {name for name in self.changed_data if name in self._model_fields()}
        for _switch, fields in lifecycle.TOGETHER:
            if changed & set(fields):
                changed |= set(fields)
        changed -= NOT_OF.get(self.cleaned_data["kind"], set())
        return {name: self.cleaned_data[name] for name in changed}

    def write(self) -> None:
        """Hand what was typed to the verb, and its refusals to their fields."""
        try:
            if self.instance.pk:
                self.saved = lifecycle.change(self.instance, by=self.user, on=self.on, **self.typed())
            else:
                where = {name: self.cleaned_data[name] for name in ("kind", "company")}
                self.saved = lifecycle.create(by=self.user, **self.typed() | where)
            self.instance = self.saved.contact
        except ValidationError as refused:
            for field, errors in refused.error_dict.items():
                self.add_error(field if field in self.fields else None, errors)
