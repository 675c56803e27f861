"""Text from a browser becomes a contact. The rules are asked in `lifecycle`; here they are said at the field."""

import copy
import datetime
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms.models import construct_instance, model_to_dict
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts import duplicates, lifecycle, phones, vat
from contacts.codes import (
    ContactCode,
    Correspondence,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
    every_code,
)
from contacts.duplicates import Hit
from contacts.models import MANY, RELATIONS, Contact
from contacts.names import Parts, validate_readable, validate_visible
from contacts.phones import PhoneField
from contacts.places import countries
from contacts.relations import RelationsField
from crm.lib.editing import DASH, EditForm
from salespeople.models import Salesperson, User

PICKED = 50  # the picker shows at most so many companies; searching brings the others
NUMBERS = ("phone", "mobile")
# beside which field a hit is said; the others beside the name
PLACES = {"email": "email", "number": "phone", "phone": "phone", "mobile": "phone", "vat_number": "vat_number"}
ALIKE = _("This looks like a contact that is there already. Open that one, or save anyway.")
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


def keys_of(contact: Contact) -> dict[str, Any]:
    """What the contact is sorted by; of one that is read, `with_codes` has it."""
    keys: dict[str, Any] = {name: getattr(contact, f"{name}_keys") if contact.pk else [] for name in MANY}
    numbers = contact.relation_numbers if contact.pk else []  # type: ignore[attr-defined]
    return keys | {RELATIONS: dict(zip(keys[RELATIONS], numbers, strict=True))}


def want_plain_text(form: EditForm) -> None:
    """What reverses the writing, breaks a line or was garbled on the way is said, in every field that is typed."""
    for field in form.fields.values():
        if isinstance(field, forms.CharField):
            field.validators += [validate_visible, validate_readable]


def know_country(form: EditForm, country: str) -> None:
    """Whose telephone numbers are typed without a country code."""
    for name in NUMBERS:
        field = form.fields[name]
        assert isinstance(field, PhoneField)
        field.country = country


class CodeChoice(forms.TypedChoiceField):
    """One row of a table of codes. Which there are is handed in: the form asks for the rows of all tables at once."""

    def __init__(self, model: type[ContactCode], **options: Any) -> None:
        super().__init__(empty_value=None, required=False, **options)
        self.model = model

    def offer(self, rows: Iterable[ContactCode]) -> None:
        by_key = {str(row.pk): row for row in rows}
        self.choices = [("", _("– none –")), *((key, str(row)) for key, row in by_key.items())]
        self.coerce = lambda key: by_key.get(str(key))


class CodeChoices(forms.TypedMultipleChoiceField):
    """Several rows of a table of codes."""

    def __init__(self, model: type[ContactCode], **options: Any) -> None:
        super().__init__(coerce=int, required=False, widget=forms.CheckboxSelectMultiple, **options)
        self.model = model

    def offer(self, rows: Iterable[ContactCode]) -> None:
        self.choices = [(row.pk, str(row)) for row in rows]


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
    salutation = CodeChoice(Salutation, label=_("Salutation"))
    territory = CodeChoice(Territory, label=_("Territory"))
    organizational_level = CodeChoice(OrganizationalLevel, label=_("Organizational level"))
    job_responsibilities = CodeChoices(JobResponsibility, label=_("Job responsibilities"))
    industry_groups = CodeChoices(IndustryGroup, label=_("Industry groups"))
    mailing_groups = CodeChoices(MailingGroup, label=_("Mailing groups"))
    business_relations = RelationsField(
        label=_("Business relations"),
        help_text=_("With the number in the accounting system. A person of a company has those of the company."),
    )

    refusals: ClassVar = {
        "contacts_contact_number_key": ("number", _("There is a contact with this number already.")),
        "company_link_names_a_company": ("kind", _("This does not fit what somebody else has just saved.")),
    }

    class Meta:
        model = Contact
        fields = (
            *("kind", "name", "first_name", "middle_name", "last_name", "initials", "number", "company"),
            *("job_title", "organizational_level"),
            *("address", "address_2", "post_code", "city", "county", "country"),
            *("phone", "phone_extension", "mobile", "other_numbers", "email", "email_2", "home_page"),
            *("vat_number", "registration_number"),
            *("language", "correspondence", "salutation", "salesperson", "territory"),
            *("minor", "parental_consent", "privacy_blocked", "archived"),
        )
        widgets: ClassVar = {"kind": forms.RadioSelect}
        error_messages: ClassVar = {"company": {"invalid_choice": _("Choose a company of the list.")}}

    def __init__(self, data: QueryDict | None, *, user: User, on: datetime.date, **options: Any) -> None:
        # nothing is saved and nothing complained about: "find" asks for companies to choose from, "look" what is
        # understood of a telephone or VAT number
        self.is_looking = data is not None and not {"find", "look"}.isdisjoint(data)
        self.user, self.on = user, on
        self.saved: lifecycle.Saved | None = None  # nothing where what was typed stood there already
        self.hits: list[Hit] = []
        if data is not None and self.is_looking:
            options["initial"] = self._as_typed(data)
            super().__init__(None, **options)
            self.version = data.get("version", "")
        else:
            contact = options.get("instance")
            chosen = keys_of(contact) if contact else {}
            super().__init__(data, **options | {"initial": chosen | (options.get("initial") or {})})
        want_plain_text(self)
        self.fields["name"].required = False  # of a person the parts are asked; the verb asks for one of them
        if self.instance.pk:
            self.fields["number"].required, self.fields["number"].help_text = True, ""
        else:
            del self.fields["archived"]
        codes = every_code()
        for field in self.fields.values():
            if isinstance(field, CodeChoice | CodeChoices | RelationsField):
                field.offer(codes[field.model])
        correspondence: Any = self.fields["correspondence"]
        correspondence.choices = [("", _("– none –")), *Correspondence.choices]
        self._offer_salespeople(user)
        self._offer_companies(user)
        offer_codes(self, "country", countries())
        offer_codes(self, "language", dict(settings.LANGUAGES))
        self._know_country()
        if data is not None and self.is_looking:
            self._say_what_is_understood()
            if "look" in data:
                self.hits = duplicates.alike(user, self._typed_so_far())

    @property
    def alike(self) -> dict[str, list[Hit]]:
        """Contacts that look like this one, by the field beside which they are said."""
        return {
            place: [hit for hit in self.hits if PLACES.get(hit.field, "name") == place]
            for place in ("name", "phone", "email", "vat_number")
        }

    def lock(self) -> Contact:
        """As it stands now with its codes, held until the transaction ends."""
        held = Contact.objects.select_for_update(no_key=True, of=("self",))
        return held.with_codes().get(pk=self.instance.pk)

    def values_of(self, row: Contact) -> dict[str, Any]:
        return model_to_dict(row, set(self._model_fields()) - {*MANY}) | keys_of(row)

    def _in_words(self, name: str, value: Any) -> str:
        field = self.fields[name]
        return field.in_words(value) or DASH if isinstance(field, RelationsField) else super()._in_words(name, value)

    def _as_typed(self, data: QueryDict) -> dict[str, Any]:
        fields = self.base_fields.items()
        several = {name: field.widget.value_from_datadict(data, {}, name) for name, field in fields if name in MANY}
        ticked = {name: name in data for name, field in fields if isinstance(field, forms.BooleanField)}
        return data.dict() | several | ticked

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

    def _typed_so_far(self) -> Contact:
        """To be compared, not to be saved: what was typed may be wrong."""
        texts = {name: str(self.initial.get(name) or "").replace("\0", "") for name in duplicates.TYPED}
        company = texts.pop("company")
        numbers = {name: found.number if (found := phones.read(texts[name], self.region)) else "" for name in NUMBERS}
        typed = Contact(pk=self.instance.pk, kind=str(self.initial.get("kind") or ""), **texts | numbers)
        typed.company_id = next((one.pk for one in self.offered if str(one.pk) == company), None)
        typed.vat_number = vat.read(texts["vat_number"], self.region)
        self._name(typed)
        return typed

    @staticmethod
    def _name(typed: Contact) -> None:
        if typed.is_company:
            typed.company = None
        else:
            typed.name = typed.parts.name or typed.name

    def _ask_about_alike(self, typed: Contact) -> None:
        """A question, once for each that is found; what was seen while typing was asked already."""
        if self.errors or not set(duplicates.TYPED) & set(self.changed_data):
            return
        self._name(typed)
        self.hits = duplicates.alike(self.user, typed)
        data: Any = self.data
        if {str(hit.contact.pk) for hit in self.hits} - set(data.getlist("alike")):
            self.add_error(None, ValidationError(ALIKE, code="alike"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("company_search") and not cleaned.get("company") and "company" not in self.errors:
            self.add_error("company", _("Choose one of the companies found, or empty the search."))
        behind = getattr(self.fields["phone"], "extension", "")
        cleaned["phone_extension"] = cleaned.get("phone_extension") or behind
        self._check_vat(cleaned)
        return cleaned

    def _check_vat(self, cleaned: dict[str, Any]) -> None:
        """Said with what else is wrong; the verb asks again."""
        changed = set(self.changed_data)
        if not {"vat_number", "country"} & changed or {"vat_number", "country"} & set(self.errors):
            return
        inherits = "company" in changed and "country" not in changed
        try:
            vat.checked(cleaned.get("vat_number", ""), cleaned.get("country") or (self.region if inherits else ""))
        except ValidationError as refused:
            self.add_error("vat_number", refused)

    def _post_clean(self) -> None:
        """What one field refuses is asked of a copy: the instance stays as it was read, and the verb writes it."""
        typed = construct_instance(self, copy.copy(self.instance), self._meta.fields)
        relations = {field.name for field in Contact._meta.fields if field.is_relation}
        nameless = {"name"} if not typed.name else set()  # of a person the parts count
        try:
            typed.clean_fields(exclude=self._get_validation_exclusions() | relations | nameless | {"vat_number"})  # type: ignore[attr-defined]
        except ValidationError as refused:
            self._update_errors(refused)  # type: ignore[attr-defined]
        self._ask_about_alike(typed)

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
