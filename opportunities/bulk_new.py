"""One new opportunity for each of many contacts: what it would make, and making it. The preview is the run, rolled back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.bulk import begun, by_reason, refuse_too_many, tell_new_owners
from opportunities.models import Batch, Door, Opportunity
from salespeople.models import Salesperson, User


@dataclass
class Line:
    """What became of one contact: an opportunity, or the reasons why there is none."""

    contact: Contact
    made: Opportunity | None = None
    why: str = ""


@dataclass
class Outcome:
    lines: list[Line]
    batch: Batch | None = None

    @cached_property
    def made(self) -> list[Line]:
        return [line for line in self.lines if line.made]

    @cached_property
    def refused(self) -> list[Line]:
        return [line for line in self.lines if not line.made]

    @cached_property
    def reasons(self) -> list[tuple[str, list[Line]]]:
        return by_reason(self.refused)


def read(user: User, keys: Iterable[int]) -> list[Contact]:
    """Those of them that the person may see, by ascending key."""
    return list(
        Contact.objects.visible_to(user).filter(pk__in=keys).select_related("company", "salesperson").order_by("pk")
    )


def preview(user: User, contacts: Sequence[Contact], values: Mapping[str, Any]) -> Outcome:
    """Numbers are not drawn: nobody would find those of a preview again. Raises ValidationError for too many."""
    with transaction.atomic():
        outcome = _make(user, contacts, values, None)
        connection.check_constraints()  # what a run would hear of at its commit
        transaction.set_rollback(True)
    return outcome


def run(
    user: User,
    contacts: Sequence[Contact],
    values: Mapping[str, Any],
    *,
    asked: Iterable[tuple[str, str]] = (),
    token: UUID | None = None,
) -> Outcome:
    """All in one transaction as one batch; a refused one leaves the others alone. Where nothing is made there is no batch.
    Raises AlreadyRun (of the same token), Busy, ValidationError for too many."""
    with transaction.atomic():
        batch = begun(user, Batch(door=Door.BULK, by=user, verb=Batch.Verb.CREATE, asked=list(asked), token=token))
        outcome = _make(user, contacts, values, batch)
        if not outcome.made:
            transaction.set_rollback(True)
            return outcome
        if outcome.refused:
            batch.refused = [[line.contact.pk, line.why] for line in outcome.refused]
            batch.save(update_fields=["refused"])
        tell_new_owners(batch)
        outcome.batch = batch
    return outcome


def _make(user: User, contacts: Sequence[Contact], values: Mapping[str, Any], batch: Batch | None) -> Outcome:
    refuse_too_many(len(contacts))
    how: dict[str, Any] = {**values, "by": user, "door": Door.BULK, "batch": batch}
    lines = []
    for contact in contacts:
        line, number = Line(contact), "" if batch else f"·{contact.pk}"
        salesperson = how.get("salesperson") or _salesperson_of(contact, user)
        try:
            line.made = lifecycle.create(
                **how | {"contact": contact, "number": number, "salesperson": salesperson}
            ).opportunity
        except ValidationError as refusal:
            line.why = " ".join(dict.fromkeys(refusal.messages))
        lines.append(line)
    return Outcome(lines)


def _salesperson_of(contact: Contact, user: User) -> Salesperson | None:
    found = (one for one in (contact.salesperson, user.salesperson) if one and one.is_usable)
    return next(found, None)
