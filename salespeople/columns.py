"""What a list can show of a salesperson."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from crm.lib.listing.columns import Column, Kind
from salespeople.models import Salesperson, User


def people(user: User) -> Iterator[tuple[str, object]]:
    """Who may be named in a condition: “me” first, for whoever is a salesperson."""
    if user.salesperson_id:
        yield "me", _("Me")
    for key, name in Salesperson.objects.visible_to(user).values_list("pk", "name"):
        yield str(key), name


COLUMNS = (
    Column("name", _("Name"), "name", is_default=True),
    Column("code", _("Code"), "code", is_default=True),
    Column("job_title", _("Job title"), "job_title", is_default=True, is_grouped=True),
    Column("email", _("E-mail"), "email", is_default=True),
    Column("phone", _("Phone"), "phone", is_default=True),
    Column("commission", _("Commission %"), "commission", Kind.PERCENT, is_default=True),
    Column("email_2", _("E-mail 2"), "email_2"),
    Column("blocked", _("Blocked"), "blocked", Kind.FLAG, is_grouped=True),
    Column("privacy_blocked", _("Privacy blocked"), "privacy_blocked", Kind.FLAG, is_grouped=True),
)
