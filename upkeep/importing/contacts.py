"""Rows become contacts, by the verbs of contacts alone."""

from typing import Any

from django.core.exceptions import ValidationError

from contacts import lifecycle, phones
from contacts.codes import IndustryGroup
from contacts.models import MANY, Contact
from contacts.names import Parts
from upkeep.importing.fields import plain, words_of
from upkeep.importing.linking import SEVERAL, Coming, Unknown, World, parts
from upkeep.importing.rows import Taken, Verdict, external_key, hidden

COMPANY_WORDS = {"company", "organization", "organisation", "yritys", "bedrijf", "azienda", "unternehmen", "firma"}
PERSON_WORDS = {"person", "contact", "individual", "henkilo", "persoon", "persona"}
PERSONAL = (
    *("first_name", "middle_name", "last_name", "company", "job_title", "organizational_level"),
    *("job_responsibilities", "minor", "parental_consent"),
)
CHECKED = (
    *("name", "first_name", "middle_name", "last_name", "number", "job_title", "address", "address_2", "post_code"),
    *("city", "county", "other_numbers", "email", "email_2", "home_page", "language", "registration_number"),
    *("phone_extension",),
)
LINKED = {
    "salesperson": "salesperson",
    "territory": "territory",
    "salutation": "salutation",
    "organizational_level": "level",
}
NOT_KEPT = ("external_key", "industry_groups", "kind", "tags")


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.look_up([*(one.get("company", "") for one in found)])
    by = world.options.get("key")
    if by in ("number", "name"):
        world.look_up([one.get(by, "") for one in found])
    world.read_found()
    if world.contacts:
        named = [one["company"] for one in found if one.get("company") in world.found]
        companies = [world.contact("company", name) for name in named if world.found[name] != SEVERAL]
        world.contacts.hold(one.account_id for one in companies if isinstance(one, Contact))
    world.know_keys({external_key(one) for one in found} - {""})


def take(world: World, given: dict[str, Any]) -> Taken:
    """Raises ValidationError."""
    key = external_key(given)
    there = _there(world, given, key)
    typed, made = _typed(world, given, there)
    if isinstance(there, Coming):
        return Taken(Verdict.UPDATED, label=there.label)
    taken = _change(world, there, typed) if there else _create(world, typed)
    world.name(key, taken.key)
    return taken._replace(made=made)


def _there(world: World, given: dict[str, Any], key: str) -> Contact | Coming | None:
    """The contact that the row is about, by the key that was chosen. Raises ValidationError."""
    found = _named(world, given, key)
    if found is None or isinstance(found, Coming):
        return found
    world.alone()
    there = Contact.objects.visible_to(world.user).select_related("company").filter(pk=found).first()
    if there is None or not there.may_be_changed_by(world.user):
        raise hidden()
    return there


def _named(world: World, given: dict[str, Any], key: str) -> int | Coming | None:
    """Raises Unknown where several are meant."""
    by = world.options.get("key", "")
    if by == "external_key":
        return world.keys.get(key)
    if by == "email":
        return world.by_email(given.get("email", ""))
    if not by or not given.get(by):
        return None
    try:
        found = world.contact(by, given[by])
    except Unknown as unknown:
        if unknown.code == "several":
            raise
        return None
    return found if isinstance(found, Coming) else found.pk


# ── the row as the verbs are asked ───────────────────────────────────────────────────────────────────────────────────


def _typed(world: World, given: dict[str, Any], there: Any) -> tuple[dict[str, Any], list[int]]:
    """Values by fields of a contact, and the companies that were made for it. Raises ValidationError."""
    typed = {name: value for name, value in given.items() if name not in NOT_KEPT}
    is_new = not isinstance(there, Contact)
    typed["kind"] = kind = _kind(given) if is_new else there.kind
    if "country" in typed:
        typed["country"] = world.country(typed["country"])
    if "language" in typed:
        typed["language"] = world.language(typed["language"])
    if "correspondence" in typed:
        typed["correspondence"] = world.word(Contact, "correspondence", typed["correspondence"])
    for name, field in LINKED.items():
        if name in typed:
            typed[name] = world.one(field, typed[name])
    if "mailing_groups" in typed:
        typed["mailing_groups"] = world.several("mailing", typed["mailing_groups"])
    made: list[int] = []
    if kind == Contact.Kind.COMPANY:
        typed = _of_company(world, given, typed, is_new=is_new)
    else:
        made = _of_person(world, typed)
    _read_numbers(world, typed, there)
    _check(typed)
    return typed, made


def _of_company(world: World, given: dict[str, Any], typed: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
    kept = {name: value for name, value in typed.items() if name not in PERSONAL}
    if is_new and "name" not in kept and "company" in given:
        kept["name"] = given["company"]
    if "industry_groups" in given:
        said = parts(given["industry_groups"], lambda some: plain(some) in world.industries)
        kept["industry_groups"] = [_industry(world, one) for one in said]
    return kept


def _of_person(world: World, typed: dict[str, Any]) -> list[int]:
    """Returns the keys of companies that were made."""
    made: list[int] = []
    if "company" in typed:
        company, made = _company(world, typed.pop("company"))
        if company is not None:
            typed["company"] = company
    if any(part in typed for part in Parts._fields):
        typed.pop("name", None)
    if "job_responsibilities" in typed:
        typed["job_responsibilities"] = world.several("responsibility", typed["job_responsibilities"])
    return made


def _kind(given: dict[str, Any]) -> str:
    said = plain(given.get("kind", ""))
    meant = words_of(Contact, "kind").get(said)
    if meant or said in COMPANY_WORDS:
        return meant or Contact.Kind.COMPANY
    if said in PERSON_WORDS or any(given.get(name) for name in PERSONAL if name != "company"):
        return Contact.Kind.PERSON
    return Contact.Kind.PERSON if given.get("company") and given.get("name") else Contact.Kind.COMPANY


def _company(world: World, said: str) -> tuple[Contact | None, list[int]]:
    """None where an earlier row of the file will have made it, which a dry run cannot name. Raises ValidationError."""
    found, made = found_or_made(world, "company", said)
    if found is None:
        return None, []
    return (found if found.is_company else found.company), made


def found_or_made(world: World, field: str, said: str) -> tuple[Contact | None, list[int]]:
    """Whom the file means, else, where that was asked for, a company of that name alone, with the keys of what was made. None
    where an earlier row will have made it. Raises ValidationError."""
    try:
        found = world.contact(field, said)
    except Unknown as unknown:
        if not world.options.get("missing") or unknown.code == "several":
            raise
        return _made_company(world, said)
    return (None if isinstance(found, Coming) else found), []


def _made_company(world: World, said: str) -> tuple[Contact, list[int]]:
    typed: dict[str, Any] = {"kind": Contact.Kind.COMPANY, "name": said}
    _check(typed)
    company = _created(world, typed)
    world.learn(world.found, said, company.pk)
    return company, [company.pk]


def _industry(world: World, said: str) -> IndustryGroup:
    try:
        found: IndustryGroup = world.one("industry", said)
    except Unknown:
        if not world.options.get("missing"):
            raise
        world.alone()
        code = plain(said).upper()[:10] or "?"
        found, _is_new = IndustryGroup.objects.get_or_create(code=code, defaults={"description": said[:100]})
        world.learn(world.industries, plain(said), found)
    return found


def _read_numbers(world: World, typed: dict[str, Any], there: Any) -> None:
    """By the country of the contact, else of its company, else the usual one. What is no number stays as it was typed."""
    company = typed.get("company")
    country = typed.get("country") or getattr(there, "country", "") or (company.country if company else "")
    country = country or world.usual_country
    for name in ("phone", "mobile"):
        if name not in typed:
            continue
        found = phones.read(typed[name], country)
        if found:
            typed[name] = found.number
            if name == "phone" and found.extension:
                typed["phone_extension"] = found.extension
        else:
            others = [*filter(None, [typed.get("other_numbers") or getattr(there, "other_numbers", "")])]
            said = typed.pop(name)
            if said not in ", ".join(others):
                typed["other_numbers"] = ", ".join([*others, said])


def _check(typed: dict[str, Any]) -> None:
    """What each field says of its value. Raises ValidationError."""
    if "home_page" in typed and "//" not in typed["home_page"]:
        typed["home_page"] = f"https://{typed['home_page']}"
    wrong: dict[str, Any] = {}
    for name in CHECKED:
        if name in typed:
            field: Any = Contact._meta.get_field(name)
            try:
                typed[name] = field.clean(" ".join(str(typed[name]).split()), None)
            except ValidationError as refused:
                wrong[name] = refused
    if wrong:
        raise ValidationError(wrong)


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _create(world: World, typed: dict[str, Any]) -> Taken:
    contact = _created(world, typed)
    return Taken(Verdict.CREATED, contact.pk, contact.name)


def _created(world: World, typed: dict[str, Any]) -> Contact:
    if world.dry and not world.is_gathering and "number" not in typed:
        typed["number"] = f"?{world.drawn()}"  # numbers are not drawn for nothing
    contact = lifecycle.create(by=world.user, **typed).contact
    world.made(contact)
    return contact


def _change(world: World, there: Contact, typed: dict[str, Any]) -> Taken:
    changes = {name: value for name, value in typed.items() if _differs(there, name, value)}
    if not changes:
        return Taken(Verdict.UNCHANGED, there.pk, there.name)
    before = _state(there)
    for name in set(MANY) & set(changes):
        changes[name] = [*changes[name], *getattr(there, name).all()]  # what hangs on it stays
    contact = lifecycle.change(there, by=world.user, on=world.today, **changes).contact
    world.changed()
    after = _state(contact)
    was = {name: value for name, value in before.items() if after[name] != value}
    return Taken(Verdict.UPDATED, contact.pk, contact.name, before=was)


def _differs(there: Contact, name: str, value: Any) -> bool:
    if name in MANY:
        return bool({one.pk for one in value} - set(getattr(there, name).values_list("pk", flat=True)))
    if hasattr(value, "pk"):
        return getattr(there, f"{name}_id") != value.pk
    return bool(getattr(there, name) != value)


def _state(contact: Contact) -> dict[str, Any]:
    """Its columns, as JSON holds them."""
    columns = [
        field.attname
        for field in Contact._meta.concrete_fields
        if not field.generated and field.name not in ("created_at", "id", "relation")
    ]
    state: dict[str, Any] = {name: getattr(contact, name) for name in columns}
    return state | {name: sorted(getattr(contact, name).order_by().values_list("pk", flat=True)) for name in MANY}
