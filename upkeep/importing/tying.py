"""Rows become what hangs on contacts and opportunities (`ties`), by the verbs of these alone. A row says in full what it is about: an
address by contact and code, a business relation by contact and relation. What it leaves blank stays, and nothing is taken away."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from collaboration.lifecycle import history
from collaboration.models import ContactRole, Involvement
from contacts import lifecycle as contacts
from contacts import phones
from contacts.codes import BusinessRelation
from contacts.lifecycle import Periods
from contacts.models import RELATIONS, AlternativeAddress, Contact, ContactsRelation
from contacts.names import validate_visible
from opportunities import lifecycle as opportunities
from opportunities.models import Opportunity
from salespeople.models import Company, Grant, User
from upkeep.importing.linking import Coming, Unknown, World
from upkeep.importing.models import ImportKind, ImportRun
from upkeep.importing.rows import Taken, Verdict, differing
from upkeep.importing.ties import PLACE, periods_of, periods_told, state

REQUIRED = forms.Field.default_error_messages["required"]


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.look_up([one.get("contact", "") for one in found])
    world.read_found()
    world.look_up_opportunities({one.get("opportunity", "") for one in found} - {""})


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError, Stale."""
    with history(world.user):
        return TAKE[world.run.kind](world, given)


def _said(given: dict[str, Any], name: str) -> str:
    """Raises ValidationError."""
    if not given.get(name):
        raise ValidationError({name: REQUIRED}, code="required")
    return str(given[name])


def _contact(world: World, given: dict[str, Any]) -> Contact:
    """One that the person sees. Raises ValidationError."""
    said = _said(given, "contact")
    found = world.contact("contact", said)
    if isinstance(found, Coming):
        raise Unknown("contact", said)
    return found


def _own_contact(world: World, given: dict[str, Any]) -> Contact:
    """One that the person may change. Raises ValidationError."""
    contact = _contact(world, given)
    if not contact.may_be_changed_by(world.user):
        raise _fixed("contact", contact)
    return contact


def _own_opportunity(world: World, given: dict[str, Any]) -> Opportunity:
    """One that the person may change. Raises ValidationError."""
    opportunity = world.opportunity(_said(given, "opportunity"))
    if not opportunity.may_be_changed_by(world.user):
        raise _fixed("opportunity", opportunity)
    return opportunity


def _fixed(field: str, record: Any) -> ValidationError:
    said = _("You may see, but not change: %(contacts)s.")
    return ValidationError({field: ValidationError(said, code="fixed", params={"contacts": record})})


def _unchanged(key: int, label: str) -> Taken:
    return Taken(Verdict.UNCHANGED, key, label)


def _written(world: World, key: int, label: str, before: dict[str, Any]) -> Taken:
    """`before`: as it stood, blank where it is new."""
    if world.dry:
        return Taken(Verdict.UPDATED if before else Verdict.CREATED, key, label)
    after = state(world.run.kind, key)
    if not before:
        return Taken(Verdict.CREATED, key, label, before={"was": {}, "is": after})
    was = differing(before, after)
    return Taken(Verdict.UPDATED, key, label, before={"was": was, "is": {name: after[name] for name in was}})


# ── of contacts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _address(world: World, given: dict[str, Any]) -> Taken:
    contact = _own_contact(world, given)
    there = AlternativeAddress.objects.filter(contact=contact, code=_said(given, "code")).first()
    typed = _cleaned(world, given, (there.country if there else "") or contact.country)
    code = typed.pop("code")
    label = f"{contact}: {code}"
    if there and _says(there, typed):
        stood = periods_of(there.pk)
        if _with(stood, given) == stood:
            return _unchanged(there.pk, label)
    contacts.hold(contact)
    before = state(world.run.kind, there.pk) if there else {}
    periods = _with(periods_told(before["periods"]) if before else {}, given)
    address = contacts.write_address(contact, code=code, by=world.user, periods=periods, **typed)
    return _written(world, address.pk, label, before)


def _cleaned(world: World, given: dict[str, Any], country: str) -> dict[str, Any]:
    """What each field says of its value; numbers are dialled in `country` where the row names none. Raises ValidationError."""
    typed = {name: " ".join(str(given[name]).splitlines()) for name in ("code", *PLACE) if name in given}
    if "country" in typed:
        typed["country"] = world.country(typed["country"])
    if "home_page" in typed and "//" not in typed["home_page"]:
        typed["home_page"] = f"https://{typed['home_page']}"
    typed = _dialled(typed, typed.get("country") or country or world.usual_country)
    wrong: dict[str, Any] = {}
    for name, said in typed.items():
        field: Any = AlternativeAddress._meta.get_field(name)
        try:
            typed[name] = field.clean(said, None)
            validate_visible(typed[name])
        except ValidationError as refused:
            wrong[name] = refused
    if wrong:
        raise ValidationError(wrong)
    return typed


def _dialled(typed: dict[str, str], country: str) -> dict[str, str]:
    """With telephone numbers as they are dialled in the country; what is none stays as it was typed."""
    read = {name: phones.read(typed.get(name, ""), country) for name in ("phone", "mobile")}
    behind = read["phone"].extension if read["phone"] else ""
    extension = {"phone_extension": behind} if behind else {}
    return extension | typed | {name: found.number for name, found in read.items() if found}


def _with(periods: Periods, given: dict[str, Any]) -> Periods:
    """And the one of the row; of one that stands already a blank end changes nothing. Raises ValidationError."""
    if "ends_on" in given:
        _said(given, "starts_on")
    begins = given.get("starts_on")
    return periods | {begins: given.get("ends_on") or periods.get(begins)} if begins else periods


def _says(row: Any, typed: dict[str, Any]) -> bool:
    return all(getattr(row, name) == value for name, value in typed.items())


def _relation(world: World, given: dict[str, Any]) -> Taken:
    contact = _own_contact(world, given)
    relation: BusinessRelation = world.one("relation", _said(given, RELATIONS))
    typed = {"number": _number(given["number"])} if "number" in given else {}
    label = f"{contact}: {relation}"
    rows = ContactsRelation.objects.filter(contact=contact)
    there = rows.filter(business_relation=relation).first()
    if there and _says(there, typed):
        return _unchanged(there.pk, label)
    contacts.hold(contact)
    before = state(world.run.kind, there.pk) if there else {}
    numbers = _numbers(contact.pk) | {relation.pk: typed.get("number", "")}
    contacts.change(contact, by=world.user, on=world.today, **{RELATIONS: numbers})
    return _written(world, rows.get(business_relation=relation).pk, label, before)


def _number(said: str) -> str:
    """Raises ValidationError."""
    field: Any = ContactsRelation._meta.get_field("number")
    try:
        return str(field.clean(said, None))
    except ValidationError as refused:
        raise ValidationError({"number": refused.messages}) from refused


def _numbers(contact: int) -> dict[int, str]:
    return dict(ContactsRelation.objects.filter(contact=contact).values_list("business_relation", "number"))


# ── of opportunities ─────────────────────────────────────────────────────────────────────────────────────────────────


def _person(world: World, given: dict[str, Any]) -> Taken:
    opportunity = _own_opportunity(world, given)
    contact = _contact(world, given)
    role: ContactRole = world.one("role", _said(given, "role"))
    label = f"{opportunity.number} {contact}: {role}"
    rows = Involvement.objects.filter(opportunity=opportunity, contact=contact, role=role)
    there = rows.first()
    if there:
        return _unchanged(there.pk, label)
    opportunities.involve(opportunity, contact=contact, role=role, by=world.user)
    return _written(world, rows.get().pk, label, {})


def _co_owner(world: World, given: dict[str, Any]) -> Taken:
    """As on the page of sharing: what one has only by a grant is not passed on."""
    opportunity = _own_opportunity(world, given)
    if not opportunity.is_held_by(world.user):
        raise _fixed("opportunity", opportunity)
    person = world.one("salesperson", _said(given, "salesperson"))
    label = f"{opportunity.number}: {person}"
    there = Grant.objects.filter(opportunity=opportunity, salesperson=person).first()
    if there and there.is_co_owner:
        return _unchanged(there.pk, label)
    before = state(world.run.kind, there.pk) if there else {}
    grant = _shared(opportunity, person.pk, is_co_owner=True, may_edit=True)
    return _written(world, grant.pk, label, before)


def _shared(opportunity: Opportunity, salesperson: int, *, may_edit: bool, is_co_owner: bool) -> Grant:
    """By nobody, since an import tells nobody of what it does; the history around knows whose run it is. Raises ValidationError."""
    try:
        return opportunities.share(
            opportunity, by=None, may_edit=may_edit, is_co_owner=is_co_owner, salesperson_id=salesperson
        )
    except ValidationError as refused:
        raise ValidationError({"salesperson": refused.messages}) from refused


TAKE: dict[str, Callable[[World, dict[str, Any]], Taken]] = {
    ImportKind.ADDRESSES: _address,
    ImportKind.RELATED: _relation,
    ImportKind.PEOPLE: _person,
    ImportKind.CO_OWNERS: _co_owner,
}


# ── and back ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_back(run: ImportRun, key: int, was: dict[str, Any] | None) -> None:
    """Of what stands as the run left it: gone where the run made it, else with the values of `was`. Raises ValidationError, Stale."""
    with history(run.by):
        BACK[run.kind](key, was, run.by)


def _address_back(key: int, was: dict[str, Any] | None, by: User) -> None:
    address = AlternativeAddress.objects.select_related("contact").get(pk=key)
    if was is None:
        contacts.remove_address(address, by=by)
        return
    typed: dict[str, Any] = {name: value for name, value in was.items() if name in PLACE}
    periods = periods_told(was["periods"]) if "periods" in was else None
    contacts.write_address(address.contact, code=address.code, by=by, periods=periods, **typed)


def _relation_back(key: int, was: dict[str, Any] | None, by: User) -> None:
    tie = ContactsRelation.objects.select_related("contact").get(pk=key)
    numbers = _numbers(tie.contact_id)
    if was is None:
        del numbers[tie.business_relation_id]
    else:
        numbers[tie.business_relation_id] = was["number"]
    contacts.change(tie.contact, by=by, on=Company.current().today(), **{RELATIONS: numbers})


def _person_back(key: int, was: dict[str, Any] | None, by: User) -> None:
    tie = Involvement.objects.select_related("opportunity").get(pk=key)
    opportunities.release(tie.opportunity, involvement=key, by=by)


def _co_owner_back(key: int, was: dict[str, Any] | None, by: User) -> None:
    grant = Grant.objects.select_related("opportunity").get(pk=key)
    assert grant.opportunity and grant.salesperson_id
    if was is None:
        opportunities.withdraw(grant.opportunity, grant=grant, by=by)
    else:
        may_edit = was.get("may_edit", grant.may_edit)
        _shared(grant.opportunity, grant.salesperson_id, may_edit=may_edit, is_co_owner=was["is_co_owner"])


BACK: dict[str, Callable[[int, dict[str, Any] | None, User], None]] = {
    ImportKind.ADDRESSES: _address_back,
    ImportKind.RELATED: _relation_back,
    ImportKind.PEOPLE: _person_back,
    ImportKind.CO_OWNERS: _co_owner_back,
}
