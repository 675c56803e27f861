"""What a list can show of an interaction."""

from django.utils.translation import gettext_lazy as _

from contacts.columns import contacts, derived
from crm.lib.listing.columns import Column, Kind, time_of_day
from interactions import models
from interactions.models import InteractionTemplate
from salespeople.columns import people
from salespeople.models import User
from tasks.columns import opportunities


def templates(user: User) -> list[tuple[str, str]]:
    if not user.has_perm("interactions.view_interaction"):
        return []
    return [(str(row.pk), str(row)) for row in InteractionTemplate.objects.all()]


COLUMNS = (
    Column("description", _("Description"), "description", is_default=True),
    Column("happened_on", _("Date"), "happened_on", Kind.DAY, is_default=True),
    Column(
        "kind",
        _("Type"),
        "kind",
        Kind.CHOICE,
        choices=lambda user: models.Kind.choices,
        is_default=True,
        is_grouped=True,
    ),
    Column(
        "contact",
        _("Contact"),
        "contact__name",
        Kind.RELATION,
        key="contact_id",
        rows=contacts,
        is_default=True,
        is_grouped=True,
    ),
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
        "salesperson",
        _("Salesperson"),
        "salesperson__name",
        Kind.RELATION,
        key="salesperson_id",
        choices=people,
        is_default=True,
        is_grouped=True,
    ),
    Column(
        "evaluation",
        _("Evaluation"),
        "evaluation",
        Kind.CHOICE,
        choices=lambda user: models.Evaluation.choices,
        is_default=True,
        is_grouped=True,
    ),
    Column("duration", _("Duration in minutes"), "duration", Kind.NUMBER, is_default=True, is_summed=True),
    Column("cost", _("Cost"), "cost", Kind.MONEY, is_summed=True),
    Column(
        "direction",
        _("Direction"),
        "direction",
        Kind.CHOICE,
        choices=lambda user: models.Direction.choices,
        is_grouped=True,
    ),
    Column(
        "initiated_by",
        _("Initiated by"),
        "initiated_by",
        Kind.CHOICE,
        choices=lambda user: models.Side.choices,
        is_grouped=True,
    ),
    Column("failed", _("Attempt failed"), "failed", Kind.FLAG, is_grouped=True),
    Column("company", _("Company"), "company__name", Kind.RELATION, key="company_id", rows=contacts, is_grouped=True),
    Column(
        "template",
        _("Template"),
        "template__code",
        Kind.RELATION,
        key="template_id",
        choices=templates,
        is_grouped=True,
    ),
    Column("text", _("What was said"), "text"),
    derived("time", _("Time"), Kind.TEXT, lambda user: time_of_day("started_at")),
    Column("contact_number", _("Contact's number"), "contact__number"),
    Column("opportunity_number", _("Opportunity's number"), "opportunity__number"),
    Column("logged_at", _("Logged at"), "logged_at", Kind.MOMENT),
    Column("cancelled", _("Cancelled"), "cancelled", Kind.FLAG, is_grouped=True),
)
