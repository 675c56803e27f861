"""What a list can show of an opportunity, and of those it belongs to."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Case, QuerySet, Subquery, When
from django.utils.translation import gettext_lazy as _

from collaboration.columns import tag_column
from contacts.columns import contacts, every_country, known_contacts, standing
from crm.lib.listing.columns import Column, Kind, Links
from crm.lib.priority import Priority
from opportunities import sight
from opportunities.models import Status, coming_tasks
from salescycles.models import CloseCode, Competitor, SalesCycle, Source, Stage
from salespeople.models import Company, Grant, User
from tasks.models import Task


def statuses(user: User) -> Iterator[tuple[str, Any]]:
    yield from Status.choices


def priorities(user: User) -> Iterator[tuple[str, Any]]:
    yield from Priority.choices


def owners(user: User) -> Iterator[tuple[str, Any]]:
    """Who sees only the own opportunities is offered nobody else."""
    if user.salesperson_id:
        yield "me", _("Me")
    if sight.sight_of(user).others:
        yield from ((str(key), name) for key, name in sight.owners(user).values_list("pk", "name"))
    elif user.salesperson_id:
        yield str(user.salesperson_id), str(user.salesperson)


def co_owners() -> QuerySet[Grant]:
    return Grant.objects.filter(is_co_owner=True)


def known(user: User, rows: Any) -> Any:
    """Names of the set-up say something of the opportunities: nobody else reads them."""
    return rows if user.has_perm("opportunities.view_opportunity") else rows.none()


def cycles(user: User) -> Iterator[tuple[str, str]]:
    for cycle in known(user, SalesCycle.objects.all()):
        yield str(cycle.pk), str(cycle)


def stages(user: User) -> Iterator[tuple[str, str]]:
    """With their cycle, since several cycles have stages of one name."""
    rows = Stage.objects.select_related("sales_cycle").order_by("sales_cycle__code", "number")
    for stage in known(user, rows):
        yield str(stage.pk), f"{stage} ({stage.sales_cycle})"


def sources(user: User) -> Iterator[tuple[str, str]]:
    for source in known(user, Source.objects.all()):
        yield str(source.pk), str(source)


def competitors(user: User) -> Iterator[tuple[str, str]]:
    for competitor in known(user, Competitor.objects.all()):
        yield str(competitor.pk), str(competitor)


def close_codes(user: User) -> Iterator[tuple[str, str]]:
    for code in known(user, CloseCode.objects.all()):
        yield str(code.pk), str(code)


def next_step(field: str) -> Callable[[User], Any]:
    """Of the task that is the next step of an open opportunity, as on the board."""

    kind: Any = Task._meta.get_field(field)

    def made(user: User) -> Any:
        coming = Subquery(coming_tasks(Company.current().today()).values(field)[:1])
        return Case(When(closed_on__isnull=True, then=coming), output_field=kind)

    return made


COLUMNS = (
    Column("description", _("Description"), "description", is_default=True, edit="edit:description"),
    Column(
        "contact",
        _("Contact"),
        "contact__name",
        Kind.RELATION,
        key="contact_id",
        rows=contacts,
        known=known_contacts,
        standing=standing,
        is_default=True,
        is_grouped=True,
        edit="reassign:contact",
    ),
    Column(
        "salesperson",
        _("Salesperson"),
        "salesperson__name",
        Kind.RELATION,
        key="salesperson_id",
        choices=owners,
        is_default=True,
        is_grouped=True,
        edit="reassign:salesperson",
    ),
    Column(
        "stage",
        _("Stage"),
        "stage__description",
        Kind.RELATION,
        key="stage_id",
        choices=stages,
        order="stage__number",
        is_default=True,
        is_grouped=True,
    ),
    Column(
        "estimated_value",
        _("Estimated value"),
        "estimated_value",
        Kind.MONEY,
        is_default=True,
        is_summed=True,
        edit="revise:estimated_value",
    ),
    Column("probability", _("Probability %"), "probability", Kind.PERCENT, is_default=True),
    Column("calculated_value", _("Calculated value"), "calculated_value", Kind.MONEY, is_default=True, is_summed=True),
    Column("closing_on", _("Closing date"), "closing_on", Kind.DAY, is_default=True, edit="revise:closing_on"),
    Column("number", _("Number"), "number"),
    Column(
        "company",
        _("Company"),
        "company__name",
        Kind.RELATION,
        key="company_id",
        rows=contacts,
        known=known_contacts,
        standing=standing,
        is_grouped=True,
    ),
    Column("status", _("Status"), "status", Kind.CHOICE, choices=statuses, is_grouped=True),
    Column(
        "priority", _("Priority"), "priority", Kind.CHOICE, choices=priorities, is_grouped=True, edit="edit:priority"
    ),
    Column(
        "sales_cycle",
        _("Sales cycle"),
        "sales_cycle__code",
        Kind.RELATION,
        key="sales_cycle_id",
        choices=cycles,
        is_grouped=True,
    ),
    Column(
        "source",
        _("Source"),
        "source__code",
        Kind.RELATION,
        key="source_id",
        choices=sources,
        is_grouped=True,
        edit="edit:source",
    ),
    Column(
        "competitor",
        _("Competitor"),
        "competitor__code",
        Kind.RELATION,
        key="competitor_id",
        choices=competitors,
        is_grouped=True,
        edit="edit:competitor",
    ),
    Column("chances", _("Chances of success %"), "chances", Kind.PERCENT, edit="revise:chances"),
    Column("chances_are_manual", _("Manual chances"), "chances_are_manual", Kind.FLAG, is_grouped=True),
    Column("completed", _("Completed %"), "completed", Kind.PERCENT),
    Column("sales_value", _("Sales value"), "sales_value", Kind.MONEY, is_summed=True),
    Column("created_on", _("Creation date"), "created_on", Kind.DAY),
    Column("stage_entered_on", _("At the stage since"), "stage_entered_on", Kind.DAY),
    Column("closed_on", _("Date closed"), "closed_on", Kind.DAY),
    Column(
        "close_code",
        _("Close code"),
        "close_code__code",
        Kind.RELATION,
        key="close_code_id",
        choices=close_codes,
        is_grouped=True,
    ),
    Column("contact_job_title", _("Contact's job title"), "contact__job_title", is_grouped=True),
    Column("contact_city", _("Contact's city"), "contact__city", is_grouped=True),
    Column(
        "contact_country",
        _("Contact's country"),
        "contact__country",
        Kind.CHOICE,
        choices=every_country,
        is_grouped=True,
    ),
    Column("contact_email", _("Contact's e-mail"), "contact__email"),
    Column("company_city", _("Company's city"), "company__city", is_grouped=True),
    Column(
        "company_country",
        _("Company's country"),
        "company__country",
        Kind.CHOICE,
        choices=every_country,
        is_grouped=True,
    ),
    tag_column("opportunity"),
    Column(
        "co_owners",
        _("Co-owners"),
        "grants",
        Kind.SEVERAL,
        choices=owners,
        links=Links(co_owners, "opportunity", "salesperson", "salesperson__name"),
        is_sortable=False,
    ),
    Column(
        "next_step",
        _("Next step"),
        "next_step",
        Kind.DAY,
        made=next_step("due_on"),
        aside=(_("What comes next"), next_step("description")),
    ),
    Column("salesperson_code", _("Salesperson's code"), "salesperson__code"),
    Column("salesperson_job_title", _("Salesperson's job title"), "salesperson__job_title", is_grouped=True),
)
