"""What a list can show of a task, and of those it is about."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from contacts.columns import contacts, derived, known_contacts, standing
from crm.lib.listing.columns import Column, Kind, Links, joined, time_of_day
from crm.lib.priority import Priority
from crm.lib.reminder import Reminder
from salescycles.models import Source, TaskKind
from salespeople.columns import people
from salespeople.models import Team, User
from tasks.models import Attendee, Base, Status, Task

SEES_SOURCES = "opportunities.view_opportunity"


def opportunities(user: User) -> QuerySet:
    """By the relation: this app knows no opportunity by import."""
    model: Any = Task._meta.get_field("opportunity").related_model
    return model.objects.visible_to(user)


def kinds(user: User) -> Iterator[tuple[str, Any]]:
    yield from TaskKind.choices


def statuses(user: User) -> Iterator[tuple[str, Any]]:
    yield from Status.choices


def priorities(user: User) -> Iterator[tuple[str, Any]]:
    yield from Priority.choices


def sources(user: User) -> Iterator[tuple[str, str]]:
    """Those of opportunities: a name of theirs for who sees some."""
    rows = Source.objects.all() if user.has_perm(SEES_SOURCES) else Source.objects.none()
    for source in rows:
        yield str(source.pk), str(source)


def teams(user: User) -> Iterator[tuple[str, str]]:
    for key, name in Team.objects.visible_to(user).values_list("pk", "name"):
        yield str(key), name


def our_people() -> QuerySet[Attendee]:
    return Attendee.objects.filter(salesperson__isnull=False).exclude(role=Attendee.Role.ORGANIZER)


def attending(**such: Any) -> Callable[[User], Func]:
    """Names of such people who take part, as one text."""
    name = Coalesce("salesperson__name", "contact__name")
    rows = Attendee.objects.filter(task=OuterRef("pk"), **such).order_by("pk")
    return lambda user: joined(ArraySubquery(rows.values(told=name)))


COLUMNS = (
    Column("description", _("Description"), "description", is_default=True),
    Column("due_on", _("Date"), "due_on", Kind.DAY, is_default=True),
    Column("kind", _("Type"), "kind", Kind.CHOICE, choices=kinds, is_default=True, is_grouped=True),
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
        "team", _("Team"), "team__name", Kind.RELATION, key="team_id", choices=teams, is_default=True, is_grouped=True
    ),
    Column("status", _("Status"), "status", Kind.CHOICE, choices=statuses, is_default=True, is_grouped=True),
    Column("priority", _("Priority"), "priority", Kind.CHOICE, choices=priorities, is_grouped=True),
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
    Column(
        "source",
        _("Source"),
        "opportunity__source__code",
        Kind.RELATION,
        key="opportunity__source_id",
        choices=sources,
        is_grouped=True,
    ),
    Column("closed_on", _("Date closed"), "closed_on", Kind.DAY),
    Column("cancelled", _("Cancelled"), "cancelled", Kind.FLAG, is_grouped=True),
    Column(
        "completed_by",
        _("Completed by"),
        "completed_by__name",
        Kind.RELATION,
        key="completed_by_id",
        choices=people,
        is_grouped=True,
    ),
    Column("outcome", _("Outcome"), "outcome"),
    Column("location", _("Place"), "location"),
    Column("all_day", _("All day"), "all_day", Kind.FLAG, is_grouped=True),
    derived("start_time", _("Start time"), Kind.TEXT, lambda user: time_of_day("starts_at")),
    Column("duration", _("Duration in minutes"), "duration", Kind.NUMBER, is_summed=True),
    derived("organizer", _("Organizer"), Kind.TEXT, attending(role=Attendee.Role.ORGANIZER)),
    Column(
        "people",
        _("Our people"),
        "people",
        Kind.SEVERAL,
        choices=people,
        links=Links(our_people, "task", "salesperson", "salesperson__name"),
        is_sortable=False,
    ),
    derived("guests", _("Their people"), Kind.TEXT, attending(contact__isnull=False)),
    derived("optional", _("Optional attendees"), Kind.TEXT, attending(role=Attendee.Role.OPTIONAL)),
    Column("interval", _("Repeated after"), "interval"),
    Column("recurs_from", _("Counted from"), "recurs_from", Kind.CHOICE, choices=lambda user: Base.choices),
    Column("reminder", _("Reminder"), "reminder", Kind.CHOICE, choices=lambda user: Reminder.choices),
    Column("contact_number", _("Contact's number"), "contact__number"),
    Column("opportunity_number", _("Opportunity's number"), "opportunity__number"),
)
