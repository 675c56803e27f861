"""The verbs of quotes. Each locks the opportunity first, so that of two people only one is at it; refusals are
`ValidationError`s keyed by field. At most one quote of an opportunity is current, and it is the one added or chosen last."""

import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from crm.lib.numbers import next_number
from quotes.models import Quote
from salespeople.models import Company


@transaction.atomic
def add(*, opportunity: Any, quoted_on: datetime.date | None, net_amount: Decimal | None, number: str = "") -> Quote:
    """A new quote of an opportunity in progress (R-QUOTE-NEW); it becomes the current one. Raises ValidationError."""
    locked = lock(opportunity.pk)
    number = number.strip().upper()
    _refuse(_not_in_progress(locked) | _private(locked) | _wrong(quoted_on, net_amount) | _taken(number))
    assert quoted_on is not None and net_amount is not None
    Quote.objects.current().filter(opportunity=locked).update(is_current=False)
    number = number or next_number(Quote, "QU")
    return _saved(Quote(opportunity=locked, number=number, quoted_on=quoted_on, net_amount=net_amount))


@transaction.atomic
def change(quote: Quote, *, quoted_on: datetime.date | None, net_amount: Decimal | None, number: str) -> Quote:
    """Another number, date or amount, until the opportunity is closed. Raises ValidationError."""
    locked = lock(quote.opportunity_id)
    number = number.strip().upper() or quote.number
    _refuse(_closed(locked) | _wrong(quoted_on, net_amount) | _taken(number, other_than=quote))
    assert quoted_on is not None and net_amount is not None
    quote.number, quote.quoted_on, quote.net_amount = number, quoted_on, net_amount
    return _saved(quote, update_fields=["number", "quoted_on", "net_amount"])


@transaction.atomic
def make_current(quote: Quote) -> Quote:
    """Of several quotes this one counts from now on. Raises ValidationError."""
    locked = lock(quote.opportunity_id)
    _refuse(_not_in_progress(locked))
    Quote.objects.current().filter(opportunity=locked).exclude(pk=quote.pk).update(is_current=False)
    Quote.objects.filter(pk=quote.pk).update(is_current=True)
    quote.is_current = True
    return quote


def lock(opportunity_id: int) -> Any:
    """The opportunity as it stands now, held until the transaction ends. Its model is known by the relation only."""
    opportunities: Any = Quote._meta.get_field("opportunity").related_model
    return (
        opportunities.objects.select_for_update(no_key=True, of=("self",))
        .select_related("contact", "company", "salesperson")
        .get(pk=opportunity_id)
    )


# ── what the guards ask ──────────────────────────────────────────────────────────────────────────────────────────────

Refusals = dict[str, ValidationError]


def _refuse(refusals: Refusals) -> None:
    if refusals:
        raise ValidationError(refusals)


def _not_in_progress(opportunity: Any) -> Refusals:
    if opportunity.is_in_progress:
        return {}
    return {"opportunity": ValidationError(_("A quote needs an opportunity in progress."), code="E27")}


def _closed(opportunity: Any) -> Refusals:
    if not opportunity.is_closed:
        return {}
    said = _("The opportunity is closed. Reopen it first.")
    return {"opportunity": ValidationError(said, code="E20")}


def _private(opportunity: Any) -> Refusals:
    for who in (opportunity.contact, opportunity.company, opportunity.salesperson):
        if who is not None and who.privacy_blocked:
            said = _("%(contact)s is blocked for privacy.")
            return {"opportunity": ValidationError(said, code="privacy", params={"contact": who})}
    return {}


def _wrong(quoted_on: datetime.date | None, net_amount: Decimal | None) -> Refusals:
    refusals: Refusals = {}
    if quoted_on is None:
        refusals["quoted_on"] = ValidationError(_("Enter the date."), code="E08")
    elif quoted_on > Company.current().today():
        refusals["quoted_on"] = ValidationError(_("The date cannot lie in the future."), code="E14")
    if net_amount is None or net_amount <= 0:
        refusals["net_amount"] = ValidationError(_("Enter an amount above zero."), code="E10")
    return refusals


def _taken(number: str, other_than: Quote | None = None) -> Refusals:
    known = Quote.objects.filter(number=number).first() if number else None
    return {"number": _number_taken()} if known and known != other_than else {}


def _number_taken() -> ValidationError:
    return ValidationError(_("There is a quote with this number already."), code="unique")


def _saved(quote: Quote, **how: Any) -> Quote:
    try:
        with transaction.atomic():
            quote.save(**how)
    except IntegrityError as error:  # somebody gave the same number at the same time
        if "quotes_quote_number" not in str(error):
            raise
        raise ValidationError({"number": _number_taken()}) from error
    return quote
