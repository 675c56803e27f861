"""What a list can show of a salesperson."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.translation import gettext_lazy as _

from crm.lib.listing.columns import Column, Kind, Links
from salespeople.models import Membership, Salesperson, Team, User


def people(user: User) -> Iterator[tuple[str, object]]:
    """Who may be named in a condition: “me” first, for whoever is a salesperson."""
    if user.salesperson_id:
        yield "me", _("Me")
    for key, name in Salesperson.objects.visible_to(user).values_list("pk", "name"):
        yield str(key), name


def teams(user: User) -> Iterator[tuple[str, str]]:
    for team in Team.objects.visible_to(user).order_by("name", "pk"):
        yield str(team.pk), team.name


def names_of_teams(user: User) -> ArraySubquery:
    return ArraySubquery(
        Team.objects.visible_to(user).filter(members=OuterRef("pk")).order_by("name", "pk").values("name")
    )


def open_figure(name: str) -> Callable[[User], Any]:
    """Of a salesperson's open opportunities, which an app further left knows."""

    def made(user: User) -> Any:
        opportunities: Any = apps.get_model("opportunities.Opportunity")._default_manager
        return opportunities.open_figure(name, user, salesperson=OuterRef("pk"))

    return made


COLUMNS = (
    Column("name", _("Name"), "name", is_default=True),
    Column("code", _("Code"), "code", is_default=True),
    Column("job_title", _("Job title"), "job_title", is_default=True, is_grouped=True),
    Column("email", _("E-mail"), "email", is_default=True),
    Column("phone", _("Phone"), "phone", is_default=True),
    Column(
        "team",
        _("Teams"),
        "memberships",
        Kind.SEVERAL,
        choices=teams,
        links=Links(Membership.objects.all, "salesperson", "team", "team__name"),
        made=names_of_teams,
        is_default=True,
        is_sortable=False,
    ),
    Column(
        "open_count", _("Open opportunities"), "open_count", Kind.NUMBER, made=open_figure("count"), is_default=True
    ),
    Column(
        "open_value",
        _("Open value"),
        "open_value",
        Kind.MONEY,
        made=open_figure("estimated_value"),
        is_default=True,
    ),
    Column("commission", _("Commission %"), "commission", Kind.PERCENT),
    Column("email_2", _("E-mail 2"), "email_2"),
    Column("blocked", _("Blocked"), "blocked", Kind.FLAG, is_grouped=True),
    Column("privacy_blocked", _("Privacy blocked"), "privacy_blocked", Kind.FLAG, is_grouped=True),
)
