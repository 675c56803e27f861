"""Who looks like whom (domain A.10.3). Rules are kept by managers in the set-up pages; PostgreSQL keeps the signs and pairs
(migration 0012). A hit is said and never forbids anything."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

from contacts.duplicate_models import DuplicateRule, RulePart, SeparateContacts, in_words
from contacts.models import Contact
from contacts.names import Parts
from salespeople.models import User

FEW = 5  # so many hits are said beside a field
TEXTS = (
    *("name", "email", "email_2", "phone", "mobile", "vat_number", "registration_number"),
    *("address", "post_code", "city", "home_page"),
)
TYPED = (*TEXTS, *Parts._fields, "company")
# domain A.10.3, but for what begins and ends alike everywhere: country codes of telephones, endings of e-mails
COMPARED = ("name", "address", "city", "phone", "vat_number", "post_code", "email", "mobile")
WHOLE, BOTH = RulePart.Piece.WHOLE, DuplicateRule.AppliesTo.BOTH
USUAL: tuple[tuple[str, int, tuple[tuple[str, str], ...]], ...] = (
    (BOTH, 100, (("email", WHOLE),)),
    (BOTH, 100, (("number", WHOLE),)),
    (BOTH, 100, (("name", WHOLE), ("company", WHOLE))),
    (BOTH, 100, (("vat_number", WHOLE),)),
    (DuplicateRule.AppliesTo.COMPANY, 60, tuple((field, piece) for field in COMPARED for piece in ("first", "last"))),
)


FOUND = """
SELECT l.contact_id, r.hit, (SELECT array_agg(p.field::text ORDER BY p.id) FROM contacts_rulepart p WHERE p.rule_id = r.id)
  FROM contacts_like(jsonb_populate_record(NULL::contacts_contact, %(typed)s)) l
  JOIN contacts_duplicaterule r ON r.id = l.rule_id
 WHERE r.warns
   AND NOT EXISTS (SELECT FROM contacts_separatecontacts s
                    WHERE s.one_id = least(%(key)s, l.contact_id) AND s.other_id = greatest(%(key)s, l.contact_id))
 ORDER BY r.id
"""


@dataclass
class Hit:
    """A contact that looks like the one that is typed, and why. `field`: beside which one it is said."""

    contact: Contact
    reasons: list[str]
    field: str


def make_rules(rules: Any = DuplicateRule, parts: Any = RulePart) -> None:
    """The usual ones, where there are none at all, and what they find."""
    if rules.objects.exists():
        return
    for applies_to, hit, compared in USUAL:
        rule = rules.objects.create(applies_to=applies_to, hit=hit)
        parts.objects.bulk_create(parts(rule=rule, field=field, piece=piece) for field, piece in compared)
    find_again(rules.objects.values_list("pk", flat=True))


@transaction.atomic
def find_again(rules: Iterable[int]) -> None:
    """Compare every contact anew by these rules: after they changed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT compare_every_contact(%s)", [list(rules)])


def alike(user: User, typed: Contact) -> list[Hit]:
    """Those the person may see that look like `typed`, which need not be saved: one statement, two where there are any."""
    found = _found(typed)
    if not found:
        return []
    contacts = Contact.objects.visible_to(user).select_related("company").filter(pk__in=list(found))
    hits = [Hit(contact, *_said(found[contact.pk])) for contact in contacts]
    return sorted(hits, key=lambda hit: (-len(hit.reasons), hit.contact.name, hit.contact.pk))[:FEW]


def _found(typed: Contact) -> dict[int, list[tuple[int, list[str]]]]:
    """By the key of each contact: percentages and fields of the rules."""
    told: dict[str, Any] = {"id": typed.pk, "kind": typed.kind[:7], "company_id": typed.company_id}
    for name in TEXTS:
        field: Any = Contact._meta.get_field(name)
        told[name] = getattr(typed, name)[: field.max_length]
    found: dict[int, list[tuple[int, list[str]]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(FOUND, {"key": typed.pk or 0, "typed": json.dumps(told)})
        for key, hit, fields in cursor.fetchall():
            found.setdefault(key, []).append((hit, fields))
    return found


def _said(rules: list[tuple[int, list[str]]]) -> tuple[list[str], str]:
    return [in_words(hit, fields) for hit, fields in rules], rules[0][1][0]


def set_apart(first: int, second: int, by: User) -> None:
    """These two are no duplicates. Idempotent."""
    SeparateContacts.objects.get_or_create({"by": by}, **SeparateContacts.between(first, second))


def take_back(first: int, second: int) -> None:
    SeparateContacts.objects.filter(**SeparateContacts.between(first, second)).delete()


def reasons_of(rules: "models.QuerySet[DuplicateRule]") -> dict[int, str]:
    return {rule.pk: str(rule) for rule in rules.prefetch_related("parts")}
