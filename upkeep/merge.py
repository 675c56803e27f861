"""Merging contacts, and taking a merge back. A merged contact stays as a row with `merged_into`; what is closed and the ledger go
on naming it, reads follow it (`ContactQuerySet.standing_for`). Every merge records what it changed. Refusals are
`ValidationError`s; what somebody else changed meanwhile raises `Changed`."""

import datetime
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import lifecycle as contact_verbs
from contacts.addresses import WHERE
from contacts.models import AddressPeriod, AlternativeAddress, Contact
from contacts.names import Parts
from crm.lib.races import is_busy
from opportunities import lifecycle
from opportunities.models import Batch, Door, Opportunity
from salespeople.models import Grant, User
from tasks import lifecycle as task_verbs
from tasks.models import Task
from upkeep.merging_models import Merge, MergedRow

MOST = 5  # contacts in one merge

# Fields that are chosen together. Number, type and day of creation stay those of the survivor.
CHOICES: dict[str, tuple[str, ...]] = {
    "name": ("name", *Parts._fields),
    **{name: (name,) for name in ("initials", "company", "job_title", "organizational_level")},
    "address": WHERE,
    "country": ("country",),
    "phone": ("phone", "phone_extension"),
    **{name: (name,) for name in ("mobile", "other_numbers", "email", "email_2", "home_page")},
    **{name: (name,) for name in ("vat_number", "registration_number", "language", "correspondence")},
    **{name: (name,) for name in ("salutation", "salesperson", "territory")},
    "privacy_blocked": ("minor", "parental_consent", "privacy_blocked"),
}


@dataclass(frozen=True)
class Owned:
    """Rows of `model` whose `field` names the contact that they belong to: they go to the survivor. One stays where the survivor
    has its like, with the same values of `like`."""

    model: str
    field: str
    words: Any
    like: tuple[str, ...] = ()

    @property
    def rows(self) -> Any:
        return apps.get_model(self.model)._base_manager.order_by("pk")


# Every key to a contact stands in one of the two tables; a test fails where one is missing.
OWNED = (
    Owned("contacts.Contact", "company", gettext_lazy("people")),
    Owned("contacts.Contact", "merged_into", gettext_lazy("contacts merged earlier")),
    Owned(
        "contacts.PersonsResponsibility",
        "contact",
        gettext_lazy("job responsibilities"),
        like=("job_responsibility_id",),
    ),
    Owned("contacts.CompanysIndustry", "contact", gettext_lazy("industry groups"), like=("industry_group_id",)),
    Owned("contacts.ContactsMailing", "contact", gettext_lazy("mailing groups"), like=("mailing_group_id",)),
    Owned(
        "contacts.ContactsRelation",
        "contact",
        gettext_lazy("business relations"),
        like=("business_relation_id",),
    ),
    Owned("salespeople.Grant", "contact", gettext_lazy("with whom it is shared"), like=("salesperson_id", "team_id")),
    Owned("collaboration.Comment", "contact", gettext_lazy("comments")),
    Owned("collaboration.Attachment", "contact", gettext_lazy("files")),
    Owned("collaboration.Tagging", "contact", gettext_lazy("tags"), like=("tag_id",)),
    Owned(
        "collaboration.Involvement",
        "contact",
        gettext_lazy("parts in opportunities"),
        like=("opportunity_id", "role_id"),
    ),
    Owned("interactions.Interaction", "contact", gettext_lazy("interactions")),
    Owned("interactions.Interaction", "company", gettext_lazy("interactions of the company")),
    Owned("tasks.Attendee", "contact", gettext_lazy("parts in meetings"), like=("task_id",)),
    Owned("upkeep.ExternalKey", "contact", gettext_lazy("keys of other systems")),
)
NOT_MOVED = {
    ("contacts.AlternativeAddress", "contact"): "moved with its periods by `_move_addresses`",
    ("contacts.AddressPeriod", "contact"): "moved with its address",
    ("opportunities.Opportunity", "contact"): "open ones by a step of their own; what is closed keeps whom it names",
    ("opportunities.Opportunity", "company"): "the same",
    ("opportunities.OpportunityEntry", "contact"): "the ledger is not rewritten",
    ("opportunities.OpportunityEntry", "company"): "the ledger is not rewritten",
    ("tasks.Task", "contact"): "by `_move_tasks`, with their companies",
    ("tasks.Task", "company"): "the same",
    ("contacts.ContactSign", "contact"): "kept by PostgreSQL",
    ("contacts.LikelyPair", "one"): "kept by PostgreSQL",
    ("contacts.LikelyPair", "other"): "kept by PostgreSQL",
    ("contacts.SeparateContacts", "one"): "what was decided of a contact is no decision about another",
    ("contacts.SeparateContacts", "other"): "the same",
    ("collaboration.Notification", "contact"): "what somebody was told stays as it was told",
    ("upkeep.Merge", "survivor"): "the record itself",
    ("upkeep.Merge", "merged"): "the record itself",
}
ADDRESSES = gettext_lazy("alternative addresses")
TASKS = gettext_lazy("tasks")


class Changed(Exception):
    """Somebody was faster: a contact is no longer what the person looked at."""


@dataclass
class Done:
    """What one merge did, or would do. `moved`: what, and how many; `followed`: keys of open opportunities."""

    merge: Merge
    moved: list[tuple[Any, int]] = field(default_factory=list)
    left: list[tuple[Any, int]] = field(default_factory=list)  # with the merged contact: the survivor has the like
    changed: list[str] = field(default_factory=list)  # fields of the survivor
    followed: list[int] = field(default_factory=list)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def fingerprint(contacts: Iterable[Contact]) -> str:
    """What the contacts said when they were looked at."""
    said = [(contact.pk, sorted(_values(contact).items())) for contact in sorted(contacts, key=lambda one: one.pk)]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def check(contacts: Sequence[Contact], user: User) -> None:
    """Whether these can be merged by this person, whichever of them survives. Raises ValidationError."""
    if len(contacts) > MOST:
        raise ValidationError(_("At most %(most)s contacts can be merged at once.") % {"most": MOST}, code="many")
    if len(contacts) < 2:
        raise ValidationError(_("Choose two different contacts: one cannot be merged with itself."), code="itself")
    _check_each(contacts)
    if len({contact.kind for contact in contacts}) > 1:
        raise ValidationError(_("A company and a person cannot be one contact."), code="kind")
    fixed = [contact.name for contact in contacts if not contact.may_be_changed_by(user)]
    if fixed:
        said = _("You may see, but not change: %(contacts)s.")
        raise ValidationError(said, code="fixed", params={"contacts": ", ".join(fixed)})
    if all(contact.archived for contact in contacts):
        raise ValidationError(_("All of them are archived: restore the one that is to be kept."), code="archived")


def _check_each(contacts: Sequence[Contact]) -> None:
    keys = {contact.pk for contact in contacts}
    for contact in contacts:
        if contact.merged_into_id:
            raise ValidationError(merged_already(contact), code="merged")
        if contact.company_id in keys:
            said = _("%(person)s is a person of %(company)s: they cannot be one contact.")
            names = {"person": contact.name, "company": contact.company}
            raise ValidationError(said, code="own_company", params=names)


def merged_already(contact: Contact) -> str:
    merge = Merge.objects.filter(merged=contact, undone_at=None).select_related("by").first()
    names = {"contact": contact.name, "survivor": contact.merged_into}
    if merge is None:
        return _("%(contact)s was merged with %(survivor)s already.") % names
    return _("%(contact)s was merged with %(survivor)s already, by %(by)s.") % (names | {"by": merge.by})


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def preview(keys: Iterable[int], **how: Any) -> list[Done]:
    """The merge itself, rolled back: no second copy of the rules can disagree with it."""
    with transaction.atomic():
        done = merge(keys, **how)
        connection.check_constraints()
        transaction.set_rollback(True)
    return done


def merge(
    keys: Iterable[int], *, survivor: int, picks: Mapping[str, int], seen: str, by: User, on: datetime.date
) -> list[Done]:
    """All of `keys` become the survivor. `picks` says of fields whose values it takes. All rows are locked by ascending key
    first, against whoever names them meanwhile too. Raises ValidationError, Changed."""
    try:
        with transaction.atomic():
            contacts = _locked(keys)
            check(contacts, by)
            if fingerprint(contacts) != seen:
                raise Changed
            kept = next((contact for contact in contacts if contact.pk == survivor), None)
            if kept is None or kept.archived:
                said = _("Choose which contact is kept: one that is not archived.")
                raise ValidationError({"survivor": ValidationError(said, code="survivor")})
            return [_merge_one(kept, other, picks, by, on) for other in contacts if other.pk != kept.pk]
    except lifecycle.Stale as error:
        raise Changed from error
    except OperationalError as error:
        if not is_busy(error):
            raise
        raise Changed from error


def _locked(keys: Iterable[int]) -> list[Contact]:
    """As they stand now; nobody makes a row that names them until the transaction ends."""
    held = Contact.objects.select_for_update(of=("self",)).select_related("company", "merged_into")
    return list(held.filter(pk__in=list(keys)).order_by("pk"))


def _merge_one(survivor: Contact, other: Contact, picks: Mapping[str, int], by: User, on: datetime.date) -> Done:
    done = Done(Merge(survivor=survivor, merged=other, by=by))
    rows: list[MergedRow] = []
    _take_values(survivor, other, picks, rows, done, by, on)
    for owned in OWNED:
        _move(owned, survivor, other, rows, done)
    _raise_grants(survivor, other, rows)
    _move_addresses(survivor, other, rows, done)
    _move_opportunities(survivor, other, rows, done, on)
    _move_tasks(survivor, other, rows, done)
    Contact.objects.filter(pk=other.pk).update(merged_into=survivor)
    done.merge.save(force_insert=True)
    for row in rows:
        row.merge = done.merge
    MergedRow.objects.bulk_create(rows)
    return done


def _take_values(
    survivor: Contact,
    other: Contact,
    picks: Mapping[str, int],
    rows: list[MergedRow],
    done: Done,
    by: User,
    on: datetime.date,
) -> None:
    chosen = [choice for choice, key in picks.items() if key == other.pk and choice in CHOICES]
    fields = [name for choice in chosen for name in CHOICES[choice]]
    if not fields:
        return
    before = _values(survivor)
    typed = _as_typed({name: getattr(other, name) for name in fields if name != "company"}, survivor)
    contact_verbs.change(survivor, by=by, on=on, **typed)
    if "company" in chosen:
        Contact.objects.filter(pk=survivor.pk).update(company=other.company)
    survivor.refresh_from_db()
    now = _values(survivor)
    changed = [name for name in now if now[name] != before[name]]
    if changed:
        rows.append(_row(survivor, {name: before[name] for name in changed}, {name: now[name] for name in changed}))
        done.changed = [choice for choice in chosen if set(columns_of(CHOICES[choice])) & set(changed)]


def _as_typed(values: dict[str, Any], contact: Contact) -> dict[str, Any]:
    """As the verb takes a name: of a person its parts, where they are known."""
    if contact.is_company or not any(values.get(part) for part in Parts._fields):
        return {name: value for name, value in values.items() if name not in Parts._fields}
    return {name: value for name, value in values.items() if name != "name"}


def _move(owned: Owned, survivor: Contact, other: Contact, rows: list[MergedRow], done: Done) -> None:
    mine = owned.rows.filter(**{owned.field: other})
    column = f"{owned.field}_id"
    held = set(owned.rows.filter(**{owned.field: survivor}).values_list(*owned.like)) if owned.like else set()
    found = mine.values_list("pk", *owned.like)
    moved = [key for key, *like in found if not owned.like or tuple(like) not in held]
    owned.rows.filter(pk__in=moved).update(**{owned.field: survivor})
    before, after = {column: other.pk}, {column: survivor.pk}
    rows += [MergedRow(model=owned.model, key=key, before=before, after=after) for key in moved]
    _tell(done, owned.words, len(moved), len(found) - len(moved))


def _raise_grants(survivor: Contact, other: Contact, rows: list[MergedRow]) -> None:
    """Who might edit the merged one may edit the survivor."""
    for grant in Grant.objects.filter(contact=other, may_edit=True):
        lower = Grant.objects.filter(
            contact=survivor, salesperson=grant.salesperson_id, team=grant.team_id, may_edit=False
        )
        rows += [_row(row, {"may_edit": False}, {"may_edit": True}) for row in lower]
        lower.update(may_edit=True)


def _move_addresses(survivor: Contact, other: Contact, rows: list[MergedRow], done: Done) -> None:
    """A code that is taken gets a number. One that begins on a day when another one of the survivor does stays."""
    codes = set(survivor.alternative_addresses.values_list("code", flat=True))
    begun = set(AddressPeriod.objects.filter(contact=survivor).values_list("starts_on", flat=True))
    moved = left = 0
    for address in other.alternative_addresses.prefetch_related("periods"):
        starts = {period.starts_on for period in address.periods.all()}
        if starts & begun:
            left += 1
            continue
        code = _free(address.code, codes)
        _give_address(address.pk, survivor.pk, code)
        before, after = {"contact_id": other.pk, "code": address.code}, {"contact_id": survivor.pk, "code": code}
        rows.append(_row(address, before, after))
        codes.add(code)
        begun |= starts
        moved += 1
    _tell(done, ADDRESSES, moved, left)


def _free(code: str, taken: set[str]) -> str:
    numbered = (f"{code[:7]}-{number}" for number in range(2, 100))
    return code if code not in taken else next(one for one in numbered if one not in taken)


def _give_address(key: int, contact: int, code: str) -> None:
    AddressPeriod.objects.filter(alternative_address=key).update(contact=contact)
    AlternativeAddress.objects.filter(pk=key).update(contact=contact, code=code)


def _move_opportunities(
    survivor: Contact, other: Contact, rows: list[MergedRow], done: Done, on: datetime.date
) -> None:
    """Open ones, by a step each in one batch; those of the survivor too, where it has another company now."""
    concerned = Q(contact=other) | Q(company=other) | Q(contact=survivor)
    reason = _("%(merged)s was merged with %(survivor)s") % {"merged": other.name, "survivor": survivor.name}
    for opportunity in _open(concerned):
        contact = survivor.pk if opportunity.contact_id == other.pk else opportunity.contact_id
        company = survivor.pk if opportunity.company_id == other.pk else opportunity.company_id
        company = survivor.account_id if contact == survivor.pk else company
        before = {"contact_id": opportunity.contact_id, "company_id": opportunity.company_id}
        after = {"contact_id": contact, "company_id": company}
        if before != after:
            batch = done.merge.batch = done.merge.batch or Batch.objects.create(door=Door.SCREEN, by=done.merge.by)
            entry = _follow(opportunity, after, batch, reason, on)
            rows.append(_row(opportunity, before, after | {"version": entry.step}))
            done.followed.append(opportunity.pk)


def _open(condition: Q) -> Iterator[Opportunity]:
    held = Opportunity.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    yield from held.open().filter(condition)


def _follow(opportunity: Opportunity, whom: Mapping[str, int], batch: Batch, reason: str, on: datetime.date) -> Any:
    return lifecycle.follow_merge(
        opportunity,
        version=opportunity.version,
        contact_id=whom["contact_id"],
        company_id=whom["company_id"],
        on=on,
        by=batch.by,
        reason=reason,
        batch=batch,
    )


def _move_tasks(survivor: Contact, other: Contact, rows: list[MergedRow], done: Done) -> None:
    """Open and closed ones, after the opportunities that they belong to. What the survivor still has to do goes along where it
    has another company now, as its opportunities do."""
    account = survivor.account_id
    goes_along = Q(opportunity__isnull=True) | Q(opportunity__in=done.followed)
    steps: tuple[tuple[Q, dict[str, int]], ...] = (
        (Q(contact=other), {"contact_id": survivor.pk, "company_id": account}),
        (Q(company=other), {"company_id": survivor.pk}),
        (Q(contact=survivor, closed_on__isnull=True) & ~Q(company=account) & goes_along, {"company_id": account}),
    )
    moved = 0
    for condition, values in steps:
        held = Task.objects.select_for_update(no_key=True, of=("self",)).filter(condition).order_by("pk")
        tasks = list(held.only("contact_id", "company_id", "version"))
        for task in tasks:
            before = {"contact_id": task.contact_id, "company_id": task.company_id}
            rows.append(_row(task, before, before | values | {"version": task.version + 1}))
        task_verbs.follow_merge([task.pk for task in tasks], **values)
        moved += len(tasks)
    _tell(done, TASKS, moved, 0)


def _tell(done: Done, words: Any, moved: int, left: int) -> None:
    if moved:
        done.moved.append((words, moved))
    if left:
        done.left.append((words, left))


def _row(row: Any, before: dict[str, Any], after: dict[str, Any]) -> MergedRow:
    return MergedRow(model=row._meta.label, key=row.pk, before=before, after=after)


def _values(contact: Contact) -> dict[str, Any]:
    """Every column that can change, by its attribute."""
    names = (field.attname for field in Contact._meta.concrete_fields if not field.generated)
    return {name: getattr(contact, name) for name in names if name not in ("id", "created_at")}


def columns_of(names: Iterable[str]) -> list[str]:
    found: list[Any] = [Contact._meta.get_field(name) for name in names]
    return [column.attname for column in found]


# ── taking back ──────────────────────────────────────────────────────────────────────────────────────────────────────


def preview_undo(key: int, **how: Any) -> Merge:
    with transaction.atomic():
        merge = undo(key, **how)
        connection.check_constraints()
        transaction.set_rollback(True)
    return merge


def undo(key: int, *, by: User, on: datetime.date) -> Merge:
    """Both contacts stand again, each with what it had, as far as that is as the merge left it; `stayed` says what is not, and
    what came later. Raises ValidationError, Changed."""
    try:
        with transaction.atomic():
            return _undo(key, by, on)
    except lifecycle.Stale as error:
        raise Changed from error
    except OperationalError as error:
        if not is_busy(error):
            raise
        raise Changed from error


def _undo(key: int, by: User, on: datetime.date) -> Merge:
    found = Merge.objects.get(pk=key)
    by_key = {contact.pk: contact for contact in _locked([found.survivor_id, found.merged_id])}
    merge = Merge.objects.select_for_update(of=("self",)).select_related("undone_by").get(pk=key)
    survivor = by_key[merge.survivor_id]
    _check_undo(merge, survivor, by)
    stayed: list[list[Any]] = []
    Contact.objects.filter(pk=merge.merged_id).update(merged_into=None)
    for row in merge.rows.all():
        if row.model == Task._meta.label:
            stayed += _give_task_back(row, [what for kind, what, *_why in stayed if kind == "opportunity"])
        else:
            stayed += _give_back(row, merge, survivor, by, on)
    known = [row.key for row in merge.rows.all() if row.model == Opportunity._meta.label]
    theirs = Opportunity.objects.filter(Q(contact=survivor) | Q(company=survivor)).exclude(pk__in=known)
    later = theirs.filter(entries__step=1, entries__recorded_at__gt=merge.made_at).order_by("pk")
    stayed += [["opportunity", pk, "new"] for pk in later.values_list("pk", flat=True)]
    merge.undone_at, merge.undone_by, merge.stayed = timezone.now(), by, stayed
    merge.save(update_fields=["undone_at", "undone_by", "undo_batch", "stayed"])
    return merge


def _check_undo(merge: Merge, survivor: Contact, by: User) -> None:
    if merge.undone_at:
        said = _("This merge was taken back by %(by)s already.") % {"by": merge.undone_by}
        raise ValidationError(said, code="undone")
    if survivor.merged_into_id:
        said = _("%(contact)s itself was merged with %(survivor)s since: take that back first.")
        names = {"contact": survivor.name, "survivor": survivor.merged_into}
        raise ValidationError(said, code="merged", params=names)
    if not survivor.may_be_changed_by(by):
        said = _("You may see, but not change: %(contacts)s.")
        raise ValidationError(said, code="fixed", params={"contacts": survivor.name})
    later = _later_over(merge)
    if later:
        said = _("The merge of %(merged)s with %(survivor)s since then changed the same: take that back first.")
        names = {"merged": later.merged.name, "survivor": later.survivor.name}
        raise ValidationError(said, code="later", params=names)


def _later_over(merge: Merge) -> Merge | None:
    """The latest merge that stands and changed what this one had changed before."""
    mine: dict[tuple[str, int], set[str]] = {}
    for row in merge.rows.all():
        mine.setdefault((row.model, row.key), set()).update(row.before)
    standing = MergedRow.objects.filter(merge__undone_at=None, merge__gt=merge.pk, key__in={key for _, key in mine})
    for row in standing.select_related("merge__survivor", "merge__merged").order_by("-merge"):
        if mine.get((row.model, row.key), set()) & set(row.before):
            return row.merge
    return None


def _as_left_before(row: MergedRow, version: int) -> None:
    """It stands again as an earlier merge left it, which finds it by its version."""
    for earlier in MergedRow.objects.filter(
        model=row.model, key=row.key, merge__undone_at=None, after__version=row.after["version"] - 1
    ).exclude(merge=row.merge_id):
        earlier.after["version"] = version
        earlier.save(update_fields=["after"])


def _give_back(row: MergedRow, merge: Merge, survivor: Contact, by: User, on: datetime.date) -> list[list[Any]]:
    """What of the row stayed as it is, by words that `told` understands."""
    if row.model == Opportunity._meta.label:
        return _give_opportunity_back(row, merge, by, on)
    if row.model == Contact._meta.label and row.key == survivor.pk:
        return _give_values_back(row, survivor, by, on)
    rows: Any = apps.get_model(row.model)._base_manager
    if not rows.filter(pk=row.key, **row.after).exists():
        return [["row", row.model, row.key]]
    if row.model == AlternativeAddress._meta.label:
        _give_address(row.key, row.before["contact_id"], row.before["code"])
    else:
        rows.filter(pk=row.key).update(**row.before)
    return []


def _give_opportunity_back(row: MergedRow, merge: Merge, by: User, on: datetime.date) -> list[list[Any]]:
    opportunity = next(_open(Q(pk=row.key, version=row.after["version"])), None)
    if opportunity is None:
        return [["opportunity", row.key, "changed"]]
    batch = merge.undo_batch = merge.undo_batch or Batch.objects.create(door=Door.SCREEN, by=by)
    reason = _("The merge of %(merged)s with %(survivor)s was taken back")
    names = {"merged": merge.merged.name, "survivor": merge.survivor.name}
    try:
        with transaction.atomic():
            entry = _follow(opportunity, row.before, batch, reason % names, on)
    except ValidationError:
        return [["opportunity", row.key, "refused"]]
    _as_left_before(row, entry.step)
    return []


def _give_task_back(row: MergedRow, stayed: Sequence[int]) -> list[list[Any]]:
    """One of an opportunity that `stayed` stays with it."""
    held = Task.objects.select_for_update(no_key=True, of=("self",)).filter(pk=row.key, version=row.after["version"])
    task = held.only("opportunity_id").first()
    if task is None or task.opportunity_id in stayed:
        return [["row", row.model, row.key]]
    task_verbs.follow_merge([task.pk], **row.before)
    _as_left_before(row, row.after["version"] + 1)
    return []


def _give_values_back(row: MergedRow, survivor: Contact, by: User, on: datetime.date) -> list[list[Any]]:
    """Fields that are chosen together go back together, where nobody changed one of them since."""
    stayed: list[list[Any]] = []
    back: dict[str, Any] = {}
    for choice, names in CHOICES.items():
        columns = [name for name in columns_of(names) if name in row.before]
        if any(getattr(survivor, name) != row.after[name] for name in columns):
            stayed.append(["field", choice])
        else:
            back |= {name: row.before[name] for name in columns}
    company = {"company_id": back.pop("company_id")} if "company_id" in back else {}
    if "name" in back:
        back = {part: row.before.get(part, getattr(survivor, part)) for part in Parts._fields} | back
    back = _as_typed(back, survivor)
    try:
        with transaction.atomic():
            if back:
                contact_verbs.change(survivor, by=by, on=on, **back)
            if company:
                Contact.objects.filter(pk=survivor.pk).update(**company)
    except ValidationError as refused:
        stayed += [["field", name] for name in refused.error_dict]
    return stayed
