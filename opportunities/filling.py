"""What a stage's gate lacks is filled in, and the move is made, in one transaction: all of it or nothing. Each part goes
through its own verb, so the ledger tells them apart."""

import datetime
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from collaboration import lifecycle as collaboration
from collaboration.models import Attachment
from opportunities import lifecycle
from opportunities.models import Opportunity, OpportunityEntry
from quotes import lifecycle as quotes
from salespeople.models import User

Verb = Callable[..., OpportunityEntry]
FACTS = ("source", "competitor")


def fill_and(
    verb: Verb,
    opportunity: Opportunity,
    *,
    version: int,
    on: datetime.date,
    by: User,
    quote_amount: Decimal | None = None,
    document: UploadedFile | None = None,
    **values: Any,
) -> OpportunityEntry:
    """`verb`, after what of `source`, `competitor`, `contact`, a quote of that net amount and a document is given. Raises
    ValidationError, Stale."""
    facts = {name: values.pop(name) for name in FACTS if values.get(name) is not None}
    contact = values.pop("contact", None)
    if not facts and contact is None and quote_amount is None and document is None:
        return verb(opportunity, version=version, on=on, by=by, **values)
    step = partial(_fill_and, verb, version=version, on=on, by=by, facts=facts, contact=contact, amount=quote_amount)
    files = [] if document is None else [document]
    try:
        with collaboration.stored("opportunity", opportunity.pk, files=files, by=by) as rows:
            return step(opportunity, rows=rows, values=values)
    except ValidationError as refusal:
        raise _named(refusal) from refusal


def _named(refusal: ValidationError) -> ValidationError:
    """By the fields that ask for it here."""
    names = {"file": "document", "net_amount": "quote_amount"}
    return ValidationError({names.get(name, name): errors for name, errors in refusal.error_dict.items()})


def _fill_and(verb: Verb, opportunity: Opportunity, **given: Any) -> OpportunityEntry:
    """On a copy: a refusal leaves `opportunity` as it was."""
    return _filled(copy(opportunity), verb=verb, **given)


@lifecycle.verb
def _filled(
    opportunity: Opportunity,
    *,
    verb: Verb,
    version: int,
    on: datetime.date,
    by: User,
    facts: dict[str, Any],
    contact: Any,
    amount: Decimal | None,
    rows: list[Attachment],
    values: dict[str, Any],
) -> OpportunityEntry:
    how: dict[str, Any] = {"on": on, "by": by}
    facts = {name: value for name, value in facts.items() if value.pk != getattr(opportunity, f"{name}_id")}
    if facts:
        version = lifecycle.edit(opportunity, version=version, **facts, **how).step
    if contact is not None and contact.pk != opportunity.contact_id:
        version = lifecycle.reassign(opportunity, version=version, contact=contact, tasks_too=True, **how).step
    if rows:
        collaboration.hang("opportunity", opportunity.pk, rows)
    if amount is not None:
        quotes.add(opportunity=opportunity, quoted_on=on, net_amount=amount)
    for known in ("has_current_quote", "has_document"):  # read before
        opportunity.__dict__.pop(known, None)
    return verb(opportunity, version=version, **values, **how)


def start(opportunity: Opportunity, **values: Any) -> OpportunityEntry:
    return fill_and(lifecycle.start, opportunity, **values)


def move(opportunity: Opportunity, **values: Any) -> OpportunityEntry:
    return fill_and(lifecycle.move, opportunity, **values)


def change_cycle(opportunity: Opportunity, **values: Any) -> OpportunityEntry:
    return fill_and(lifecycle.change_cycle, opportunity, **values)


def reopen(opportunity: Opportunity, **values: Any) -> OpportunityEntry:
    return fill_and(lifecycle.reopen, opportunity, **values)
