"""What a list can show of a contact."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact, ContactQuerySet
from contacts.places import countries
from crm.lib.listing.columns import Column, Kind
from salespeople.columns import people
from salespeople.models import User


def every_country(user: User) -> Iterator[tuple[str, str]]:
    yield from countries().items()


def kinds(user: User) -> Iterator[tuple[str, Any]]:
    yield from Contact.Kind.choices


def languages(user: User) -> Iterator[tuple[str, Any]]:
    yield from settings.LANGUAGES


def contacts(user: User) -> ContactQuerySet:
    return Contact.objects.visible_to(user)


def companies(user: User) -> ContactQuerySet:
    return contacts(user).companies()


COLUMNS = (
    Column("name", _("Name"), "name", is_default=True),
    Column("kind", _("Type"), "kind", Kind.CHOICE, choices=kinds, is_default=True, is_grouped=True),
    Column(
        "company",
        _("Company"),
        "company__name",
        Kind.RELATION,
        key="company_id",
        rows=companies,
        is_default=True,
        is_grouped=True,
    ),
    Column("city", _("City"), "city", is_default=True, is_grouped=True),
    Column("country", _("Country"), "country", Kind.CHOICE, choices=every_country, is_default=True, is_grouped=True),
    Column("phone", _("Phone"), "phone", is_default=True),
    Column(
        "salesperson",
        _("Salesperson"),
        "salesperson__name",
        Kind.RELATION,
        key="salesperson_id",
        choices=people,
        is_default=True,
        is_grouped=True,
    ),
    Column("number", _("Number"), "number", is_default=True),
    Column("job_title", _("Job title"), "job_title", is_grouped=True),
    Column("email", _("E-mail"), "email"),
    Column("mobile", _("Mobile phone"), "mobile"),
    Column("home_page", _("Home page"), "home_page"),
    Column("address", _("Address"), "address"),
    Column("address_2", _("Address 2"), "address_2"),
    Column("post_code", _("Post code"), "post_code"),
    Column("county", _("County"), "county", is_grouped=True),
    Column("language", _("Language"), "language", Kind.CHOICE, choices=languages, is_grouped=True),
    Column("privacy_blocked", _("Privacy blocked"), "privacy_blocked", Kind.FLAG, is_grouped=True),
    Column("created_at", _("Created at"), "created_at", Kind.MOMENT),
    Column("company_city", _("Company's city"), "company__city", is_grouped=True),
    Column(
        "company_country",
        _("Company's country"),
        "company__country",
        Kind.CHOICE,
        choices=every_country,
        is_grouped=True,
    ),
    Column("salesperson_job_title", _("Salesperson's job title"), "salesperson__job_title", is_grouped=True),
)
