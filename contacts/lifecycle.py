"""The verbs of contacts: the only way to make or change one. Refusals are `ValidationError`s keyed by field.

A value is handed in when somebody said it. What nobody said comes from the rules of contacts and from the company
(R-CON-DEF, R-CON-INH); what a company says goes on to its people (R-CON-PROP).
"""

import copy
import datetime
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collaboration import lifecycle as collaboration
from collaboration.models import Tag
from collaboration.notify import shared
from contacts import names, vat
from contacts.addresses import WHERE
from contacts.codes import ContactSetup, Relation, Territory
from contacts.models import MANY, RELATIONS, AddressPeriod, AlternativeAddress, Contact, ContactsRelation
from contacts.names import Parts
from crm.lib.in_use import in_use
from crm.lib.numbers import give_numbers, next_keys, next_number, next_numbers
from salespeople.models import Grant, Salesperson, User

ALWAYS = ("salesperson", "territory", "country", "language")  # what a new company brings, whatever stood there
# fields that go together, with their switch: they follow where all of them are blank or still those of the company
TOGETHER = (
    ("address", WHERE),
    ("communication", ("phone", "phone_extension")),
    ("communication", ("mobile",)),
    ("communication", ("email",)),
    ("communication", ("home_page",)),
    ("communication", ("correspondence",)),
)
MOST_PERIODS = 100  # of an address
PERSONAL = ("initials", "organizational_level", "minor", "parental_consent", "job_responsibilities")

Refusals = dict[str, ValidationError]
Mover = Callable[..., int]
movers: list[Mover] = []  # apps above say here what they do when a person goes to another company (R-CON-MOVE)


class Saved(NamedTuple):
    """What was written, and what followed from it."""

    contact: Contact
    people: int = 0  # of the company, that took over something
    opportunities: int = 0  # that stayed with the company which the person left
    is_blocked: bool = False  # for privacy, by a rule and not by who saved it


AT_ONCE = 100  # keys that are drawn together


class Gathered:
    """New contacts that wait to be written together. Who takes in many sets it as `gathering`: `create` then asks all that it ever
    asks, reads once what it would read for each, and hands in what it would write. What the database refuses at `write` it refuses
    of all; who gathers takes them one by one then. `numbers` draws so many."""

    def __init__(self, numbers: Callable[[int], list[str]] | None = None) -> None:
        self.numbers = numbers or partial(next_numbers, Contact, "CT")
        self.keys = next_keys(Contact, AT_ONCE)
        self.setup = ContactSetup.current()
        self.waiting: dict[int, tuple[Contact, dict[str, Any]]] = {}
        self.held: dict[int, Contact] = {}
        self._usual: dict[int, Salesperson | None] = {}
        self._known = 0

    def add(self, contact: Contact, typed: dict[str, Any]) -> None:
        contact.pk = next(self.keys)
        self.waiting[contact.pk] = contact, {name: typed[name] for name in MANY if name in typed}

    def begin(self) -> None:
        """Something is done that may be refused as a whole."""
        self._known = len(self.waiting)

    def forget(self) -> None:
        """All is as it was when that began."""
        for key in list(self.waiting)[self._known :]:
            del self.waiting[key]

    def has_number(self, number: str) -> bool:
        return any(contact.number == number for contact, _many in self.waiting.values())

    def hold(self, companies: Iterable[int]) -> None:
        rows = Contact.objects.select_for_update(no_key=True).filter(pk__in=set(companies) - set(self.held))
        self.held |= {company.pk: company for company in rows.order_by("pk")}

    def company(self, company: Contact) -> Contact:
        """One that waits is nobody else's; any other is held until the transaction ends."""
        if company.pk in self.waiting:
            return self.waiting[company.pk][0]
        if company.pk not in self.held:
            self.hold([company.pk])
        return self.held[company.pk]

    def usual_of(self, territory: Territory) -> Salesperson | None:
        if territory.pk not in self._usual:
            self._usual[territory.pk] = territory.usual_salesperson()
        return self._usual[territory.pk]

    def write(self) -> None:
        """Raises IntegrityError."""
        contacts = [contact for contact, _many in self.waiting.values()]
        give_numbers(contacts, self.numbers)
        Contact.objects.bulk_create(contacts)
        for name in MANY:
            field: Any = Contact._meta.get_field(name)
            field.remote_field.through.objects.bulk_create(
                tie for contact, many in self.waiting.values() for tie in _ties(contact, field, many.get(name, ()))
            )
        self.waiting, self._known = {}, 0


gathering: ContextVar[Gathered | None] = ContextVar("contacts_gathering", default=None)


def _setup() -> ContactSetup:
    gathered = gathering.get()
    return gathered.setup if gathered else ContactSetup.current()


def begun(
    kind: str,
    *,
    company: Contact | None,
    by: User | None,
    typed: Collection[str] = (),
    territory: Territory | None = None,
) -> Contact:
    """A new contact as it begins (R-CON-DEF), a person with what it shares with its company (R-CON-INH). Not saved; what
    goes together with something in `typed` is left blank. Its salesperson is who makes it, else who alone covers the
    territory, else the usual one."""
    setup, gathered = _setup(), gathering.get()
    territory = territory or setup.territory
    own = by.salesperson if by else None
    salutation = setup.company_salutation if kind == Contact.Kind.COMPANY else setup.person_salutation
    own = own if own and own.is_usable else None
    usual = setup.salesperson if setup.salesperson and setup.salesperson.is_usable else None
    if own is None and territory is not None:
        usual = (gathered.usual_of(territory) if gathered else territory.usual_salesperson()) or usual
    contact = Contact(
        kind=kind,
        company=company,
        salesperson=own or usual,
        salutation=salutation,
        **{name: getattr(setup, name) for name in ("territory", "country", "language", "correspondence")},
    )
    if company:
        _take_over(contact, company, before=Contact(), typed=typed, setup=setup)
    return contact


def create(*, by: User | None, **typed: Any) -> Saved:
    """A new contact; what is not handed in is the usual (`begun`). Raises ValidationError."""
    gathered = gathering.get()
    one: AbstractContextManager[Any] = nullcontext() if gathered else transaction.atomic()
    with one:
        kind, company = typed.get("kind", Contact.Kind.COMPANY), _held(typed.get("company"))
        contact = begun(kind, company=company, by=by, typed=typed, territory=typed.get("territory"))
        is_blocked = _write(contact, typed)
        _refuse(_wrong(contact, typed))
        if gathered:
            gathered.add(contact, typed)
        else:
            contact.number = contact.number or next_number(Contact, "CT")
            contact.save(force_insert=True)
            _set_many(contact, typed)
    return Saved(contact, is_blocked=is_blocked)


@transaction.atomic
def change(contact: Contact, *, by: User | None, on: datetime.date, **typed: Any) -> Saved:
    """Other values. A person takes over what it shares with a new company, and leaves open opportunities with the old one;
    what a company changes goes to its people who still had the same. `on` is the business date. Raises ValidationError."""
    contact = lock(contact.pk)
    _refuse(_merged(contact))
    before = copy.copy(contact)
    setup = ContactSetup.current()
    if typed.get("company") and typed["company"].pk != before.company_id:
        company = _held(typed["company"])
        assert company
        _take_over(contact, company, before=before.company or Contact(), typed=typed, setup=setup)
    is_blocked = _write(contact, typed)
    _refuse(_wrong(contact, typed, before))
    _save_changes(contact, before)
    _set_many(contact, typed)
    people = _pass_on(contact, before, setup) if contact.is_company else 0
    opportunities = 0
    if before.company and contact.company_id != before.company_id:
        opportunities = sum(mover(contact, before.company, on=on, by=by) for mover in movers)
    return Saved(contact, people, opportunities, is_blocked)


def lock(pk: int) -> Contact:
    """The contact as it stands now, held until the transaction ends."""
    return Contact.objects.select_for_update(no_key=True, of=("self",)).select_related("company").get(pk=pk)


def _held(company: Contact | None) -> Contact | None:
    """The company cannot change between what a person takes over from it and the person's own row."""
    gathered = gathering.get()
    if company and gathered:
        return gathered.company(company)
    return Contact.objects.select_for_update(no_key=True).get(pk=company.pk) if company else None


# ── what a person shares with its company ────────────────────────────────────────────────────────────────────────────


def _take_over(
    person: Contact, company: Contact, *, before: Contact, typed: Collection[str], setup: ContactSetup
) -> None:
    """R-CON-INH: what was typed stays; `before` is the company that the person comes from, or a blank one."""
    for name in ALWAYS:
        if setup.shares(name) and name not in typed:
            _set(person, _values(company, (name,)))
    for switch, fields in TOGETHER:
        mine = _values(person, fields)
        is_theirs = not any(mine.values()) or mine == _values(before, fields)
        if setup.shares(switch) and is_theirs and not set(fields) & set(typed):
            _set(person, _values(company, fields))


def _pass_on(company: Contact, before: Contact, setup: ContactSetup) -> int:
    """R-CON-PROP. Returns how many people took over something."""
    steps = [
        (_values(before, fields), _values(company, fields))
        for switch, fields in (*((name, (name,)) for name in ALWAYS), *TOGETHER)
        if setup.shares(switch) and _values(before, fields) != _values(company, fields)
    ]
    if not steps:
        return 0
    same = [Q(**{name: value for name, value in old.items() if value is not None}) & _blank(old) for old, _new in steps]
    people = Contact.objects.filter(company=company)
    count = people.filter(Q(*same, _connector=Q.OR)).count()
    if not count:
        return 0
    for (_old, new), condition in zip(steps, same, strict=True):
        people.filter(condition).update(**new)
    return count


def _blank(values: dict[str, Any]) -> Q:
    return Q(**{f"{name}__isnull": True for name, value in values.items() if value is None})


def _values(contact: Contact, fields: Iterable[str]) -> dict[str, Any]:
    """By columns: what is only compared and passed on need not be fetched."""
    columns = [Contact._meta.get_field(name).attname for name in fields]  # type: ignore[union-attr]
    return {column: getattr(contact, column) for column in columns}


def _set(row: Contact | AlternativeAddress, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────────


def _write(contact: Contact, typed: dict[str, Any]) -> bool:
    """Put what was typed into the contact. Returns whether a rule of privacy blocked it (R-PRIV)."""
    minor, consent, was = contact.minor, contact.parental_consent, contact.privacy_blocked
    was_person = not contact.is_company and bool(contact.pk)
    _set(contact, {name: value for name, value in typed.items() if name not in MANY})
    _name(contact, typed, became_person=not was_person)
    is_more_private = (contact.minor and not minor) or contact.parental_consent != consent
    contact.privacy_blocked |= is_more_private
    return is_more_private and not typed.get("privacy_blocked", was)


def _name(contact: Contact, typed: dict[str, Any], *, became_person: bool) -> None:
    """Parts rebuild the name, a name is split in parts; a company has no parts."""
    if contact.is_company:
        contact.name = contact.name.strip()
        _set(contact, Parts()._asdict())
    elif any(part in typed for part in Parts._fields):
        _set(contact, Parts(*(" ".join(part.split()) for part in contact.parts))._asdict())
        contact.name = contact.parts.name
    elif "name" in typed or became_person:
        _set(contact, names.split(contact.name)._asdict())
        contact.name = contact.parts.name


def _save_changes(contact: Contact, before: Contact) -> None:
    fields = [field for field in Contact._meta.concrete_fields if not field.generated]
    changed = [field.name for field in fields if getattr(contact, field.attname) != getattr(before, field.attname)]
    if changed:
        contact.save(update_fields=changed)
    if contact.archived and not before.archived and contact.is_company:
        Contact.objects.filter(company=contact).update(archived=True)


def _set_many(contact: Contact, typed: dict[str, Any]) -> None:
    for name in MANY:
        if name in typed and name != RELATIONS:
            getattr(contact, name).set(typed[name])
    if RELATIONS in typed:
        _set_relations(contact, typed[RELATIONS])


def _set_relations(contact: Contact, numbers: dict[int, str]) -> None:
    ContactsRelation.objects.filter(contact=contact).exclude(business_relation__in=numbers).delete()
    ContactsRelation.objects.bulk_create(
        _ties(contact, Contact._meta.get_field(RELATIONS), numbers),
        update_conflicts=True,
        unique_fields=["contact", "business_relation"],
        update_fields=["number"],
    )


def _ties(contact: Contact, field: Any, chosen: Any) -> list[Any]:
    """Rows of what the contact is sorted by: `chosen` are codes, of business relations numbers by their keys."""
    if field.name == RELATIONS:
        numbers = dict(chosen).items()
        return [ContactsRelation(contact=contact, business_relation_id=key, number=number) for key, number in numbers]
    return [field.remote_field.through(contact=contact, **{field.m2m_reverse_field_name(): one}) for one in chosen]


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse(refusals: Refusals) -> None:
    if refusals:
        raise ValidationError(dict(refusals))


def _wrong(contact: Contact, typed: dict[str, Any], before: Contact | None = None) -> Refusals:
    found = _wrong_name(contact) | _wrong_company(contact) | _wrong_vat(contact, typed)
    is_renumbered = contact.number and (before is None or contact.number != before.number)
    if is_renumbered and _is_taken(contact):
        found["number"] = ValidationError(_("There is a contact with this number already."), code="taken")
    salesperson = typed.get("salesperson")
    if salesperson and not salesperson.is_usable and not (before and before.salesperson_id == salesperson.pk):
        found["salesperson"] = ValidationError(
            _("%(salesperson)s is blocked and cannot be chosen."), code="blocked", params={"salesperson": salesperson}
        )
    if contact.minor and not contact.parental_consent and not contact.privacy_blocked:
        found["privacy_blocked"] = ValidationError(
            _("A minor stays blocked until a parent's consent is received."), code="minor"
        )
    found |= _wrong_kind(contact, typed) | _wrong_relations(contact, typed, before)
    if before and contact.kind != before.kind:
        found |= _wrong_change_of_kind(before)
    if before and contact.archived and not before.archived:
        found |= _wrong_end(before)
    return found


def _is_taken(contact: Contact) -> bool:
    """Its number is another one's."""
    gathered = gathering.get()
    if gathered and gathered.has_number(contact.number):
        return True
    return Contact.objects.exclude(pk=contact.pk).filter(number=contact.number).exists()


def _merged(contact: Contact) -> Refusals:
    if contact.merged_into_id is None:
        return {}
    said = _("%(contact)s was merged with %(survivor)s meanwhile; change that one.")
    names = {"contact": contact.name, "survivor": contact.merged_into}
    return {"__all__": ValidationError(said, code="merged", params=names)}


def _wrong_name(contact: Contact) -> Refusals:
    field = "name" if contact.is_company else "first_name"
    if not contact.name:
        return {field: ValidationError(_("A contact needs a name."), code="required")}
    longest: Any = Contact._meta.get_field("name").max_length
    if len(contact.name) > longest:
        text = _("The whole name has %(length)s characters; there is room for %(longest)s.")
        return {field: ValidationError(text, code="long", params={"length": len(contact.name), "longest": longest})}
    return {}


def _wrong_company(contact: Contact) -> Refusals:
    if contact.company is None:
        return {}
    if contact.is_company:
        return {"company": ValidationError(_("Only a person can belong to a company."), code="kind")}
    if contact.company_id == contact.pk or not contact.company.is_company or contact.company.merged_into_id:
        return {"company": ValidationError(_("Choose a company of the list."), code="no_company")}
    return {}


def _wrong_vat(contact: Contact, typed: dict[str, Any]) -> Refusals:
    """What stood there before the rules did is not asked for."""
    if not {"vat_number", "country"} & set(typed):
        return {}
    try:
        contact.vat_number = vat.checked(contact.vat_number, contact.country)
    except ValidationError as refused:
        return {"vat_number": refused}
    return {}


def _wrong_kind(contact: Contact, typed: dict[str, Any]) -> Refusals:
    fields = PERSONAL if contact.is_company else ("industry_groups",)
    message = _("Only a person has this.") if contact.is_company else _("Only a company has this.")
    return {name: ValidationError(message, code="kind") for name in fields if typed.get(name)}


def _wrong_relations(contact: Contact, typed: dict[str, Any], before: Contact | None) -> Refusals:
    """What a person's company is to us is said there; one number means one contact."""
    numbers: dict[int, str] | None = typed.get(RELATIONS)
    if contact.company_id and numbers:
        said = _("A person of a company has the business relations of the company: write them there.")
        return {RELATIONS: ValidationError(said, code="of_company")}
    joins = contact.company_id and before and before.company_id is None
    if joins and numbers is None and before and before.relation != Relation.NONE:
        said = _("First take away its business relations: a person of a company has those of the company.")
        return {"company": ValidationError(said, code="relations")}
    same = [Q(business_relation=key, number=number) for key, number in (numbers or {}).items() if number]
    others = ContactsRelation.objects.exclude(contact=contact.pk).filter(contact__merged_into__isnull=True)
    linked = others.exclude(business_relation__account="").select_related("business_relation")
    taken = linked.filter(Q(*same, _connector=Q.OR)).first() if same else None
    if taken:
        said = _("%(relation)s is the number of another contact already.")
        return {RELATIONS: ValidationError(said, code="taken", params={"relation": taken})}
    return {}


def _wrong_change_of_kind(before: Contact) -> Refusals:
    """R-CON-TYPE: history stays with what it was made with, and nothing is dropped on the quiet."""
    if before.is_company and before.people.exists():
        return {"kind": ValidationError(_("A company that people belong to stays a company."), code="people")}
    if before.is_company and before.relation != Relation.NONE:
        said = _("A company with business relations stays a company: take them away first, and save.")
        return {"kind": ValidationError(said, code="relations")}
    if in_use(before):
        return {
            "kind": ValidationError(
                _("A contact with opportunities, tasks or interactions keeps its type."), code="history"
            )
        }
    bound = [field for field in ("job_responsibilities", "industry_groups") if getattr(before, field).exists()]
    bound += [name for name in ("job_title", "organizational_level", "initials", "minor") if getattr(before, name)]
    if bound:
        labels: list[Any] = [Contact._meta.get_field(name) for name in bound]
        kept = ", ".join(str(label.verbose_name) for label in labels)
        text = _("First take away what the other type cannot have: %(kept)s.")
        return {"kind": ValidationError(text, code="bound", params={"kept": kept})}
    return {}


def _wrong_end(before: Contact) -> Refusals:
    """R-CON-DEL: what is open is finished first."""
    opportunities: Any = Contact._meta.get_field("opportunity").related_model
    tasks: Any = Contact._meta.get_field("tasks").related_model
    theirs = Q(contact=before) | Q(company=before)
    if opportunities.objects.filter(theirs).open().exists():
        return {"archived": ValidationError(_("It has open opportunities: close or reassign them first."), code="open")}
    if tasks.objects.filter(theirs).open().exists():
        return {"archived": ValidationError(_("It has open tasks: complete or cancel them first."), code="open_tasks")}
    return {}


def tag(contact: Contact, *, tag: Tag, by: User | None, give: bool = True) -> None:
    """Give a tag, or take it away; what is so already stays. Raises ValidationError."""
    with transaction.atomic():
        Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
        verb = collaboration.tag if give else collaboration.untag
        verb("contact", contact.pk, tag, by=by)


@transaction.atomic
def share(
    contact: Contact, *, by: User | None, may_edit: bool, salesperson_id: int | None = None, team_id: int | None = None
) -> Grant:
    """With a salesperson or a team; anew it changes what for."""
    to: dict[str, Any] = {"contact_id": contact.pk, "salesperson_id": salesperson_id, "team_id": team_id}
    grant, is_new = Grant.objects.update_or_create({"may_edit": may_edit}, **to)
    if is_new:
        shared("contact", contact.pk, by=by, salesperson=salesperson_id, team=team_id)
    return grant


# ── alternative addresses ────────────────────────────────────────────────────────────────────────────────────────────

Periods = dict[datetime.date, datetime.date | None]  # when each begins → when it ends, if that is known


def hold(contact: Contact) -> None:
    """What hangs on it is changed by nobody else until the transaction ends. Raises ValidationError where it was merged."""
    _refuse(_merged(lock(contact.pk)))


@transaction.atomic
def write_address(
    contact: Contact, *, code: str, by: User | None, periods: Periods | None = None, **typed: Any
) -> AlternativeAddress:
    """The alternative address of this code: a new one, or other values of the one that is there; what is not handed in stays.
    `periods` are all in which it holds. Raises ValidationError."""
    hold(contact)
    address = AlternativeAddress.objects.filter(contact=contact, code=code).first()
    is_new = address is None
    address = address or AlternativeAddress(contact=contact, code=code)
    changed = [name for name, value in typed.items() if getattr(address, name) != value]
    _set(address, typed)
    address.clean_fields(exclude=["contact"])
    with collaboration.history(by):
        if is_new:
            address.save(force_insert=True)
        elif changed:
            address.save(update_fields=changed)
        if periods is not None:
            _set_periods(address, periods)
    return address


def _set_periods(address: AlternativeAddress, periods: Periods) -> None:
    stood = {period.starts_on: period for period in address.periods.all()}
    _refuse(_wrong_periods(address, periods, new=set(periods) - set(stood)))
    for begins, period in stood.items():
        if begins not in periods:
            period.delete()
    for begins, ends in periods.items():
        if begins not in stood:
            AddressPeriod.objects.create(
                alternative_address=address, contact_id=address.contact_id, starts_on=begins, ends_on=ends
            )
        elif stood[begins].ends_on != ends:
            stood[begins].ends_on = ends
            stood[begins].save(update_fields=["ends_on"])


def _wrong_periods(address: AlternativeAddress, periods: Periods, *, new: set[datetime.date]) -> Refusals:
    if any(ends and ends < begins for begins, ends in periods.items()):
        return {"ends_on": ValidationError(_("A period does not end before it begins."), code="order")}
    if len(periods) > MOST_PERIODS:
        said = _("An address has at most %(most)d periods.")
        return {"starts_on": ValidationError(said, code="many", params={"most": MOST_PERIODS})}
    others = AddressPeriod.objects.filter(contact=address.contact_id).exclude(alternative_address=address.pk)
    if new and others.filter(starts_on__in=new).exists():
        return {"starts_on": ValidationError(_("Another address of this contact begins on this day."), code="taken")}
    return {}


def remove_address(address: AlternativeAddress, *, by: User | None) -> None:
    """With its periods."""
    with transaction.atomic(), collaboration.history(by):
        hold(address.contact)
        address.delete()
