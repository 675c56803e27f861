"""Text from a browser becomes an alternative address with the periods in which it holds."""

import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.models import inlineformset_factory
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from contacts.forms import know_country, offer_codes, want_plain_text
from contacts.lifecycle import MOST_PERIODS
from contacts.models import AddressPeriod, AlternativeAddress, Contact
from contacts.phones import PhoneField
from contacts.places import countries
from crm.lib.editing import Difference, EditForm
from crm.lib.fields import DayField

TAKEN = _("Another address of this contact begins on this day.")


class PeriodForm(forms.ModelForm):
    starts_on = DayField(label=_("From"))
    ends_on = DayField(label=_("Until"), required=False)

    class Meta:
        model = AddressPeriod
        fields = ("starts_on", "ends_on")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        begins, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if begins and ends and ends < begins:
            self.add_error("ends_on", _("A period does not end before it begins."))
        return cleaned


class PeriodFormSet(forms.BaseInlineFormSet):
    """The periods of one address; no two addresses of a contact begin on one day."""

    contact: Contact

    def clean(self) -> None:
        mine = {form.instance.pk for form in self.initial_forms}
        others = AddressPeriod.objects.filter(contact=self.contact).exclude(pk__in=mine)
        taken = set(others.values_list("starts_on", flat=True))
        for form in self.forms:
            day: datetime.date | None = form.cleaned_data.get("starts_on") if form.is_valid() else None
            if day is None or form in self.deleted_forms:
                continue
            if day in taken:
                form.add_error("starts_on", TAKEN)
            taken.add(day)

    def save_new(self, form: Any, commit: bool = True) -> Any:
        form.instance.contact = self.contact
        return super().save_new(form, commit)


Periods: Any = inlineformset_factory(
    AlternativeAddress,
    AddressPeriod,
    form=PeriodForm,
    formset=PeriodFormSet,
    extra=2,
    max_num=MOST_PERIODS,
    validate_max=True,
)


class AddressForm(EditForm):
    phone = PhoneField(label=_("Phone"), required=False)
    mobile = PhoneField(label=_("Mobile phone"), required=False)
    home_page = forms.URLField(label=_("Home page"), required=False, max_length=255, assume_scheme="https")
    country = forms.ChoiceField(label=_("Country"), required=False)

    refusals: ClassVar = {
        "one_address_for_each_code": ("code", _("This contact has an address with this code already.")),
        "one_address_begins_on_a_day": (None, TAKEN),
    }

    class Meta:
        model = AlternativeAddress
        fields = (
            *("code", "name", "address", "address_2", "post_code", "city", "county", "country"),
            *("phone", "phone_extension", "mobile", "email", "home_page"),
        )

    def __init__(self, data: QueryDict | None, *, contact: Contact, **options: Any) -> None:
        super().__init__(data, **options)
        self.contact = contact
        self.instance.contact = contact
        want_plain_text(self)
        offer_codes(self, "country", countries())
        know_country(self, str(self["country"].value() or contact.country))
        self.periods = Periods(data, instance=self.instance, prefix="periods")
        self.periods.contact = contact

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        behind = getattr(self.fields["phone"], "extension", "")
        cleaned["phone_extension"] = cleaned.get("phone_extension") or behind
        code = cleaned.get("code", "").strip().upper()
        same = AlternativeAddress.objects.filter(contact=self.contact, code=code).exclude(pk=self.instance.pk)
        if code and same.exists():
            self.add_error("code", self.refusals["one_address_for_each_code"][1])
        if not self.periods.is_valid():
            raise ValidationError(_("Look at the periods below."))
        return cleaned

    def write(self) -> None:
        super().write()
        self.periods.save()

    def _differences(self, locked: models.Model) -> list[Difference]:
        found = super()._differences(locked)
        if self.periods.has_changed():
            saved = AddressPeriod.objects.filter(alternative_address=locked.pk)
            days = [(form["starts_on"].value(), form["ends_on"].value() or "") for form in self.periods]
            typed = [f"{begins} – {ends}" for begins, ends in days if begins]
            found.append(Difference(_("When it holds"), "; ".join(map(str, saved)), "; ".join(typed)))
        return found

    def _fingerprint(self, row: models.Model) -> str:
        periods = AddressPeriod.objects.filter(alternative_address=row.pk) if row.pk else ()
        return super()._fingerprint(row) + "".join(f" {period}" for period in periods)
