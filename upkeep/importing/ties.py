"""What hangs on contacts and opportunities, as files that come in again: alternative addresses with their periods, business relations
of contacts, people and co-owners of opportunities. A row names what it hangs on by its number; the name beside it is for who reads
the file. There may be very many of them, so they go out as a list does, as far as a person sees what they hang on."""

import datetime
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import F
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from collaboration.models import Involvement
from contacts.lifecycle import Periods
from contacts.models import AddressPeriod, AlternativeAddress, Contact, ContactsRelation
from contacts.places import countries
from crm.lib.listing.columns import Kind
from crm.lib.listing.files import Field, Sheet, labelled
from opportunities.models import Opportunity
from salespeople.models import Company, Grant, User
from upkeep.importing.fields import OF
from upkeep.importing.models import ImportKind
from upkeep.importing.rows import as_json

PLACE = (
    *("name", "address", "address_2", "post_code", "city", "county", "country", "phone", "phone_extension", "mobile"),
    *("email", "home_page"),
)


class Tie(NamedTuple):
    """`of`: the key by which it hangs. `columns`: what of it counts, and is given back. `paths`: where each column of a file comes from,
    by the name of its target; what is no target is there to be read. Who takes it out needs the permissions of `seen`, who brings it in
    those of `written`."""

    model: Any
    of: str
    columns: tuple[str, ...]
    paths: dict[str, str]
    order: tuple[str, ...]
    seen: tuple[str, ...]
    written: tuple[str, ...]


NAMED = {"contact": "contact__number", "contact_name": "contact__name"}
DEAL = {"opportunity": "opportunity__number", "opportunity_name": "opportunity__description"}
VIEW_CONTACT, CHANGE_CONTACT = "contacts.view_contact", "contacts.change_contact"
VIEW_DEAL, CHANGE_DEAL = "opportunities.view_opportunity", "opportunities.change_opportunity"

TIES: dict[str, Tie] = {
    ImportKind.ADDRESSES: Tie(
        AlternativeAddress,
        "contact",
        ("contact_id", "code", *PLACE),
        NAMED
        | {name: name for name in ("code", *PLACE)}
        | {name: f"periods__{name}" for name in ("starts_on", "ends_on")},
        ("contact__number", "code", "periods__starts_on"),
        (VIEW_CONTACT, "contacts.view_alternativeaddress"),
        (CHANGE_CONTACT, "contacts.add_alternativeaddress", "contacts.change_alternativeaddress"),
    ),
    ImportKind.RELATED: Tie(
        ContactsRelation,
        "contact",
        ("contact_id", "business_relation_id", "number"),
        {**NAMED, "business_relations": "business_relation__code", "number": "number"},
        ("contact__number", "business_relation__code"),
        (VIEW_CONTACT,),
        (CHANGE_CONTACT,),
    ),
    ImportKind.PEOPLE: Tie(
        Involvement,
        "opportunity",
        ("opportunity_id", "contact_id", "role_id"),
        {**DEAL, **NAMED, "role": "role__code"},
        ("opportunity__number", "contact__number", "role__code"),
        (VIEW_DEAL, VIEW_CONTACT),
        (CHANGE_DEAL,),
    ),
    ImportKind.CO_OWNERS: Tie(
        Grant,
        "opportunity",
        ("opportunity_id", "salesperson_id", "may_edit", "is_co_owner"),
        {**DEAL, "salesperson": "salesperson__code", "salesperson_name": "salesperson__name"},
        ("opportunity__number", "salesperson__code"),
        (VIEW_DEAL,),
        (CHANGE_DEAL,),
    ),
}


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sheet_of(kind: str, user: User) -> Sheet:
    """Every row of what the person sees: of an address one for each of its periods."""
    tie = TIES[kind]
    fields = [_told(kind, name, path) for name, path in tie.paths.items()]
    return Sheet(capfirst(str(ImportKind(kind).label)), fields, _seen(tie, user), Company.current().currency)


def _told(kind: str, name: str, path: str) -> Field:
    target = next((target for target in OF[kind] if target.name == name), None)
    if target is None:
        beside = {
            "contact_name": _("Contact name"),
            "opportunity_name": _("Description"),
            "salesperson_name": _("Name"),
        }
        return Field(beside[name], Kind.RELATION, F(path))
    label = capfirst(str(target.label))
    if target.kind == "country":
        return Field(label, Kind.CHOICE, labelled(path, countries()))
    return Field(label, Kind.DAY if target.kind == "day" else Kind.TEXT, F(path))


def _seen(tie: Tie, user: User) -> Any:
    rows = tie.model._default_manager.order_by(*tie.order)
    if "contact" in tie.paths:
        rows = rows.filter(contact__in=Contact.objects.order_by().visible_to(user).values("pk"))
    if "opportunity" in tie.paths:
        rows = rows.filter(opportunity__in=Opportunity.objects.order_by().visible_to(user).values("pk"))
    return rows.filter(is_co_owner=True) if tie.model is Grant else rows


# ── as it stands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def state(kind: str, key: int) -> dict[str, Any]:
    """What counts of it, as JSON holds it. Blank where it is gone."""
    told = TIES[kind].model._default_manager.filter(pk=key).values(*TIES[kind].columns).first()
    if told is None:
        return {}
    if kind == ImportKind.ADDRESSES:
        told["periods"] = sorted(periods_of(key).items())
    return as_json(told)


def periods_of(address: int) -> Periods:
    """As they stand."""
    return dict(AddressPeriod.objects.filter(alternative_address=address).values_list("starts_on", "ends_on"))


def periods_told(told: list[list[str | None]]) -> Periods:
    """Of a `state`."""
    day = datetime.date.fromisoformat
    return {day(begins): day(ends) if ends else None for begins, ends in told if begins}


def records(kind: str, keys: Iterable[int | None]) -> dict[int, Any]:
    """The contact or the opportunity on which each hangs that is there."""
    tie = TIES[kind]
    return {
        row.pk: getattr(row, tie.of) for row in tie.model._default_manager.filter(pk__in=keys).select_related(tie.of)
    }
