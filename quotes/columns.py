"""What a list can show of a quote, and of the opportunity it belongs to."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.columns import contacts, known_contacts, standing
from crm.lib.listing.columns import Column, Kind
from quotes.models import Quote
from salespeople.columns import people
from salespeople.models import User

OPPORTUNITY = Quote._meta.get_field("opportunity")


def opportunities(user: User) -> QuerySet:
    """By the relation: this app knows no opportunity by import."""
    model: Any = OPPORTUNITY.related_model
    return model.objects.visible_to(user)


def statuses(user: User) -> Iterator[tuple[str, Any]]:
    model: Any = OPPORTUNITY.related_model
    yield from model._meta.get_field("status").choices


COLUMNS = (
    Column("number", _("Number"), "number", is_default=True),
    Column("quoted_on", _("Date"), "quoted_on", Kind.DAY, is_default=True),
    Column("net_amount", _("Net amount"), "net_amount", Kind.MONEY, is_default=True, is_summed=True),
    Column(
        "opportunity",
        _("Opportunity"),
        "opportunity__description",
        Kind.RELATION,
        key="opportunity_id",
        rows=opportunities,
        is_default=True,
        is_grouped=True,
    ),
    Column(
        "contact",
        _("Contact"),
        "opportunity__contact__name",
        Kind.RELATION,
        key="opportunity__contact_id",
        rows=contacts,
        known=known_contacts,
        standing=standing,
        is_default=True,
        is_grouped=True,
    ),
    Column(
        "salesperson",
        _("Salesperson"),
        "opportunity__salesperson__name",
        Kind.RELATION,
        key="opportunity__salesperson_id",
        choices=people,
        is_default=True,
        is_grouped=True,
    ),
    Column("is_current", _("Current"), "is_current", Kind.FLAG, is_grouped=True),
    Column(
        "company",
        _("Company"),
        "opportunity__company__name",
        Kind.RELATION,
        key="opportunity__company_id",
        rows=contacts,
        known=known_contacts,
        standing=standing,
        is_grouped=True,
    ),
    Column("opportunity_number", _("Opportunity's number"), "opportunity__number"),
    Column(
        "opportunity_status",
        _("Opportunity's status"),
        "opportunity__status",
        Kind.CHOICE,
        choices=statuses,
        is_grouped=True,
    ),
    Column("opportunity_closing_on", _("Opportunity's closing date"), "opportunity__closing_on", Kind.DAY),
    Column(
        "opportunity_estimated_value",
        _("Opportunity's estimated value"),
        "opportunity__estimated_value",
        Kind.MONEY,
    ),
)
