"""Telephone numbers: typed as people write them, stored as E.164, shown as their country groups the digits."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumber_field.formfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber, to_python
from phonenumbers import SUPPORTED_REGIONS, PhoneNumberType, number_type, region_code_for_number

from contacts.places import country_name


class Read(NamedTuple):
    number: str  # E.164
    extension: str
    region: str
    is_mobile: bool


def read(text: str, country: str = "") -> Read | None:
    """The number that `text` is in `country`, or by its own country code; None where it is none."""
    number: Any = to_python(text, region=country if country in SUPPORTED_REGIONS else None)
    if not number or not number.is_valid():
        return None
    mobile = number_type(number) == PhoneNumberType.MOBILE
    region = str(region_code_for_number(number) or "")
    return Read(number.as_e164, number.extension or "", region if region.isalpha() else "", mobile)


@lru_cache(maxsize=4096)
def shown(number: str) -> str:
    """+35895550100 as +358 9 5550100; what is no such number stays as it is."""
    if not number.startswith("+"):
        return number
    parsed: Any = to_python(number)
    return parsed.as_international if isinstance(parsed, PhoneNumber) and parsed.is_valid() else number


def refusal(country: str) -> ValidationError:
    if country not in SUPPORTED_REGIONS:
        return ValidationError(_("Write the number with its country code, like +358 9 5550100, or choose the country."))
    return ValidationError(
        _("This is no phone number of %(country)s. Write one of another country with its code, like +46 8 465 004 14."),
        params={"country": country_name(country)},
    )


def hint(text: str, country: str) -> str:
    """What was understood, said while the form is filled in."""
    found = read(text, country)
    if found is None:
        return str(refusal(country).messages[0]) if text.strip() else ""
    if not found.region:
        return _("Understood.")
    return (_("A mobile number of %(country)s.") if found.is_mobile else _("A number of %(country)s.")) % {
        "country": country_name(found.region)
    }


class PhoneField(PhoneNumberField):
    """Gives E.164. `country` is the one whose numbers need no country code; `extension` is what stood behind the number."""

    default_validators = ()
    country = ""
    extension = ""

    def prepare_value(self, value: Any) -> Any:
        return shown(value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> str:
        text = str(value or "").strip()
        if not text:
            return ""
        found = read(text, self.country)
        if found is None:
            raise refusal(self.country)
        self.extension = found.extension
        return found.number

    def has_changed(self, initial: Any, data: Any) -> bool:
        found = read(str(data or ""), self.country)
        return (found.number if found else str(data or "").strip()) != (initial or "")
