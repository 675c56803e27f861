"""Where and how somebody is reached. Telephone numbers are stored as E.164: +, country code, number, no blanks."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

E164 = r"^\+[1-9][0-9]{4,14}$"
WHERE = ("address", "address_2", "post_code", "city", "county")
validate_e164 = RegexValidator(E164, _("Write the number with its country code, like +358 9 5550100."))


class Addressed(models.Model):
    address = models.CharField(_("address"), max_length=100, blank=True)
    address_2 = models.CharField(_("address 2"), max_length=100, blank=True)
    post_code = models.CharField(_("post code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=50, blank=True)
    county = models.CharField(_("county"), max_length=50, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True, validators=[validate_e164])
    phone_extension = models.CharField(
        _("extension"),
        max_length=10,
        blank=True,
        validators=[RegexValidator(r"^[0-9*#]*$", _("Only digits, * and #."))],
    )
    mobile = models.CharField(_("mobile phone"), max_length=30, blank=True, validators=[validate_e164])
    email = models.EmailField(_("e-mail"), blank=True)
    home_page = models.URLField(_("home page"), max_length=255, blank=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(class)s_numbers_are_e164",
                condition=Q(phone__regex=E164) | Q(phone=""),
                violation_error_message=validate_e164.message,
            ),
            models.CheckConstraint(
                name="%(class)s_mobile_numbers_are_e164",
                condition=Q(mobile__regex=E164) | Q(mobile=""),
                violation_error_message=validate_e164.message,
            ),
        ]

    @property
    def town(self) -> str:
        return f"{self.post_code} {self.city}".strip()
