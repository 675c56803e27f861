"""Short tables that come in and go out as files: salespeople, and what is set up. What a file has of a table is what it takes."""

from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, F, OuterRef, QuerySet, Value, When
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from collaboration.models import ContactRole, Tag
from contacts.codes import (
    BusinessRelation,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from crm.lib.listing.columns import Kind, joined
from crm.lib.listing.files import Field, Sheet, labelled
from interactions.models import InteractionGroup, InteractionTemplate
from salescycles.models import Activity, ActivityStep, CloseCode, Competitor, PercentField, Source
from salespeople.models import Company, Salesperson, Team
from upkeep.importing.models import ImportKind

CODED = ("code", "description")


class Table(NamedTuple):
    """`key`: the field by which a row is found, within the row that the field `within` names. `several`: what a file calls rows of
    another model → the name under which they hang on the row."""

    model: Any
    fields: tuple[str, ...] = CODED
    key: str = "code"
    within: str = ""
    several: dict[str, str] = {}


TABLES: dict[str, Table] = {
    ImportKind.SALESPEOPLE: Table(
        Salesperson,
        (
            *("code", "name", "job_title", "email", "email_2", "phone", "commission"),
            *("blocked", "privacy_blocked"),
        ),
        several={"team": "teams"},
    ),
    ImportKind.TEAMS: Table(Team, ("code", "name", "parent", "manager")),
    ImportKind.CLOSE_CODES: Table(CloseCode, (*CODED, "outcome", "blocked")),
    ImportKind.SOURCES: Table(Source, (*CODED, "starts_on", "ends_on", "blocked")),
    ImportKind.COMPETITORS: Table(Competitor, ("code", "name", "blocked")),
    ImportKind.ACTIVITIES: Table(Activity),
    ImportKind.STEPS: Table(
        ActivityStep,
        ("activity", "number", "kind", "description", "priority", "date_formula"),
        key="number",
        within="activity",
    ),
    ImportKind.TERRITORIES: Table(Territory, several={"salespeople": "salespeople"}),
    ImportKind.SALUTATIONS: Table(Salutation),
    ImportKind.LEVELS: Table(OrganizationalLevel),
    ImportKind.RESPONSIBILITIES: Table(JobResponsibility),
    ImportKind.INDUSTRIES: Table(IndustryGroup),
    ImportKind.MAILINGS: Table(MailingGroup),
    ImportKind.RELATIONS: Table(BusinessRelation, (*CODED, "account")),
    ImportKind.TAGS: Table(Tag, ("name", "colour", "for_opportunity", "for_contact", "archived"), key="name"),
    ImportKind.ROLES: Table(ContactRole, (*CODED, "blocked")),
    ImportKind.GROUPS: Table(InteractionGroup),
    ImportKind.TEMPLATES: Table(
        InteractionTemplate,
        (*CODED, "group", "kind", "direction", "initiated_by", "cost", "duration", "blocked"),
    ),
}
# what is looked up by a name, and how a row calls it in a file
LINKED: dict[type[models.Model], str] = {
    Salesperson: "salesperson",
    Team: "team",
    Activity: "activity",
    InteractionGroup: "group",
}


def field_of(table: Table, name: str) -> Any:
    """The field behind a column of a file."""
    return table.model._meta.get_field(table.several.get(name, name))


def label_of(table: Table, name: str) -> Any:
    field = field_of(table, name)
    return getattr(field, "verbose_name", None) or field.related_model._meta.verbose_name_plural


def kind_of(table: Table, name: str) -> str:
    """As of a `Target`: how a cell of the column is read."""
    field = field_of(table, name)
    if field.related_model:
        return LINKED[field.related_model]
    if field.choices:
        return name
    return next((kind for of, kind in KINDS if isinstance(field, of)), "text")


KINDS: tuple[tuple[type[models.Field], str], ...] = (
    (models.BooleanField, "flag"),
    (models.DateField, "day"),
    (PercentField, "percent"),
    (models.DecimalField, "money"),
)


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sheet_of(kind: str) -> Sheet:
    """Every row, so that each comes in again after those that it names."""
    table = TABLES[kind]
    fields = [_told(table, name) for name in (*table.fields, *table.several)]
    title = capfirst(str(table.model._meta.verbose_name_plural))
    return Sheet(title, fields, _in_order(table), Company.current().currency)


def _told(table: Table, name: str) -> Field:
    field = field_of(table, name)
    label = capfirst(str(label_of(table, name)))
    if field.many_to_many:
        names = field.related_model._default_manager.filter(**{field.remote_field.name: OuterRef("pk")})
        return Field(label, Kind.SEVERAL, joined(ArraySubquery(names.order_by("code").values("code"))))
    if field.related_model:
        return Field(label, Kind.RELATION, F(f"{name}__code"))
    if isinstance(field, models.BooleanField):
        return Field(label, Kind.FLAG, labelled(name, {"true": _("yes"), "false": _("no")}))
    if field.choices:
        return Field(label, Kind.CHOICE, labelled(name, {word: str(said) for word, said in field.flatchoices}))
    kind = Kind.NUMBER if isinstance(field, models.IntegerField) else OUT.get(kind_of(table, name), Kind.TEXT)
    return Field(label, kind, F(name))


OUT = {"day": Kind.DAY, "percent": Kind.PERCENT, "money": Kind.MONEY}


def _in_order(table: Table) -> QuerySet[Any]:
    rows: QuerySet[Any] = table.model._default_manager.all()
    if "parent" not in table.fields:
        return rows.order_by(*filter(None, (table.within and f"{table.within}__code", table.key)))
    above = dict(rows.order_by("code").values_list("pk", "parent"))
    placed: list[int] = []

    def place(key: int) -> None:
        if key not in placed:
            if above[key] is not None:
                place(above[key])
            placed.append(key)

    for key in above:
        place(key)
    return rows.order_by(Case(*(When(pk=key, then=Value(at)) for at, key in enumerate(placed)), default=Value(0)))
