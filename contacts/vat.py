"""VAT numbers: upper-case letters and digits, checked by the rules of the contact's country where there are any."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum import get_cc_module
from stdnum.eu import vat as european
from stdnum.exceptions import ValidationError as Wrong

from contacts.places import country_name

LONGEST = 20
EUROPEAN = {*european.MEMBER_STATES} - {"xi"}


def compact(text: str) -> str:
    """Without blanks, dots and dashes, in capitals."""
    return re.sub(r"[\s.\-/]", "", text).upper()


def checked(text: str, country: str = "") -> str:
    """The number as it is stored: in the European Union with the prefix of its country. Raises ValidationError.

    Without a country a European prefix says which rules count; a number of a country without rules is kept as typed.
    """
    number = compact(text)
    if not number:
        return ""
    if not re.fullmatch(r"[A-Z0-9]+", number) or len(number) > LONGEST:
        raise ValidationError(_("A VAT number has at most 20 letters and digits."), code="vat")
    named = _country_of(number)
    if country and named and named != country and _is_right(number, named):
        raise ValidationError(
            _("This is a VAT number of %(named)s, but the country is %(country)s."),
            code="vat",
            params={"named": country_name(named), "country": country_name(country)},
        )
    try:
        return _validated(number, country or named)
    except Wrong as wrong:
        raise ValidationError(
            _("This is no VAT number of %(country)s: %(why)s"),
            code="vat",
            params={"country": country_name(country or named), "why": _why(wrong)},
        ) from None


def read(text: str, country: str = "") -> str:
    """The number as it is stored, to compare it; where it is none, what was typed without marks."""
    try:
        return checked(text, country)
    except ValidationError:
        return compact(text)


def hint(text: str, country: str) -> str:
    """What was understood, said while the form is filled in."""
    try:
        number = checked(text, country)
    except ValidationError as refused:
        return str(refused.messages[0])
    place = country or _country_of(number)
    if not number or not place or _rules(place) is None:
        return ""
    return _("A VAT number of %(country)s.") % {"country": country_name(place)}


def _country_of(number: str) -> str:
    """The member state that the prefix names; Greece writes EL."""
    prefix = "GR" if number[:2] == "EL" else number[:2]
    return prefix if prefix.lower() in EUROPEAN | {"gr"} else ""


def _rules(country: str) -> Any:
    return get_cc_module(country.lower(), "vat") if country.isalpha() else None


def _validated(number: str, country: str) -> str:
    """Raises stdnum's ValidationError."""
    if country.lower() in EUROPEAN | {"gr"}:
        prefix = "EL" if country == "GR" else country
        return str(european.validate(number if number.startswith(prefix) else prefix + number))
    rules = _rules(country)
    return compact(str(rules.validate(number))) if rules else number


def _is_right(number: str, country: str) -> bool:
    try:
        _validated(number, country)
    except Wrong:
        return False
    return True


def _why(wrong: Wrong) -> str:
    said = {
        "InvalidLength": _("it has too many or too few characters."),
        "InvalidChecksum": _("its check digits do not fit; look for a digit typed wrong."),
        "InvalidFormat": _("it has characters in the wrong places."),
    }
    return said.get(type(wrong).__name__, _("its parts do not fit."))
