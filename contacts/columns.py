"""What a list can show of a contact."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from collaboration.columns import tag_column
from contacts.codes import (
    ContactCode,
    Correspondence,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Relation,
    Salutation,
    Territory,
)
from contacts.models import CompanysIndustry, Contact, ContactQuerySet, ContactsMailing, PersonsResponsibility
from contacts.places import countries
from crm.lib.listing.columns import Column, Kind, Links
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


def known_contacts(user: User) -> ContactQuerySet:
    """Those that an address may name: what was merged since means the one that it was merged into."""
    return Contact.objects.known_to(user)


def known_companies(user: User) -> ContactQuerySet:
    return known_contacts(user).companies()


def standing(keys: Any) -> ContactQuerySet:
    return Contact.objects.standing_for(list(keys))


def codes(model: type[ContactCode]) -> Callable[[User], Iterator[tuple[str, str]]]:
    def choices(user: User) -> Iterator[tuple[str, str]]:
        rows: Any = model._default_manager.all()
        yield from ((str(row.pk), str(row)) for row in rows)

    return choices


def coded(name: str, label: Any, model: type[ContactCode]) -> Column:
    """One of a short table of codes, shown by its code."""
    return Column(name, label, f"{name}__code", Kind.RELATION, key=f"{name}_id", choices=codes(model), is_grouped=True)


def several(name: str, label: Any, model: type[ContactCode], ties: Any, of: str) -> Column:
    """Some of a short table of codes, shown by their codes."""
    links = Links(ties.objects.all, "contact", of, f"{of}__code")
    return Column(name, label, name, Kind.SEVERAL, choices=codes(model), links=links, is_sortable=False)


def of_opportunities(name: str) -> Callable[[User], Any]:
    """How many (`count`) or the sum of a value, won and lost ones too, as far as the user sees them. A company's are those of its
    people too. An app further left knows them, as it does all that follows here."""
    return lambda user: _rows("opportunities.Opportunity").figure_about(name, user)


def of_interactions(name: str) -> Callable[[User], Any]:
    return lambda user: _rows("interactions.Interaction").figure_about(name, user)


def next_task(user: User) -> Any:
    return _rows("tasks.Task").visible_to(user).next_date_about()


def derived(name: str, label: Any, kind: Kind, made: Callable[[User], Any]) -> Column:
    """Put together for each row from what hangs on it."""
    return Column(name, label, name, kind, made=made, is_sortable=False)


def _rows(model: str) -> Any:
    return apps.get_model(model)._default_manager


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
        known=known_companies,
        standing=standing,
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
    Column("first_name", _("First name"), "first_name"),
    Column("middle_name", _("Middle name"), "middle_name"),
    Column("last_name", _("Last name"), "last_name"),
    Column("phone_extension", _("Extension"), "phone_extension"),
    Column("other_numbers", _("Other numbers"), "other_numbers"),
    Column("email_2", _("E-mail 2"), "email_2"),
    Column("vat_number", _("VAT number"), "vat_number"),
    Column("registration_number", _("Registration number"), "registration_number"),
    Column(
        "correspondence",
        _("Correspondence"),
        "correspondence",
        Kind.CHOICE,
        choices=lambda user: Correspondence.choices,
        is_grouped=True,
    ),
    Column(
        "business_relation",
        _("Business relation"),
        "relation",
        Kind.CHOICE,
        choices=lambda user: Relation.choices,
        is_grouped=True,
    ),
    coded("territory", _("Territory"), Territory),
    coded("salutation", _("Salutation"), Salutation),
    coded("organizational_level", _("Organizational level"), OrganizationalLevel),
    several("industry_groups", _("Industry groups"), IndustryGroup, CompanysIndustry, "industry_group"),
    several(
        *("job_responsibilities", _("Job responsibilities"), JobResponsibility, PersonsResponsibility),
        "job_responsibility",
    ),
    several("mailing_groups", _("Mailing groups"), MailingGroup, ContactsMailing, "mailing_group"),
    tag_column("contact"),
    derived("opportunity_count", _("Opportunities"), Kind.NUMBER, of_opportunities("count")),
    derived("estimated_value", _("Estimated value"), Kind.MONEY, of_opportunities("estimated_value")),
    derived("calculated_value", _("Calculated value"), Kind.MONEY, of_opportunities("calculated_value")),
    derived("interaction_cost", _("Cost of interactions"), Kind.MONEY, of_interactions("cost")),
    derived("interaction_duration", _("Minutes of interactions"), Kind.NUMBER, of_interactions("duration")),
    derived("next_task_on", _("Next task"), Kind.DAY, next_task),
    Column("minor", _("Minor"), "minor", Kind.FLAG, is_grouped=True),
    Column("parental_consent", _("Parental consent received"), "parental_consent", Kind.FLAG, is_grouped=True),
)
