"""Who gets what, when somebody leaves: each rule says for every row whose it will be, or that nobody is known."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import cycle
from typing import Any

from django.db import models
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from opportunities.models import Opportunity
from salespeople.models import Salesperson, User


class Rule(models.TextChoices):
    ONE = "one", _("All to one")
    TERRITORY = "territory", _("To who covers the contact's territory")
    CONTACT = "contact", _("Opportunities and tasks to the contact's salesperson, people to their company's")
    TURNS = "turns", _("In turn to several")
    LEAST = "least", _("To whoever of several has the least open value")
    EACH = "each", _("One by one")


Chosen = dict[tuple[str, int], Salesperson]
SEVERAL = (Rule.TURNS, Rule.LEAST)


def assign(
    rule: str, rows: Sequence[tuple[str, Any]], to: Sequence[Salesperson], leaver: Salesperson, user: User
) -> Chosen:
    """`rows` are kinds with their rows. `to` are the ones who were named: of the rules that look at the contact they get, in
    turn, what the rule knows nobody for. A task of an opportunity goes to who gets that, or has it already."""
    if rule == Rule.EACH:
        return {}
    asked = {Rule.TERRITORY: _covers(rows, leaver), Rule.CONTACT: _of_contact(leaver)}.get(Rule(rule), _nobody)
    turns = cycle(to or [None])
    chosen: dict[tuple[str, int], Salesperson | None] = {}
    if rule == Rule.LEAST:
        chosen |= _to_least([one for one in rows if one[0] != "tasks"], to, user)
    for kind, row in sorted(rows, key=lambda one: one[0] == "tasks"):
        if (kind, row.pk) not in chosen:
            seller = _seller(row, chosen, leaver) if kind == "tasks" and rule != Rule.ONE else None
            chosen[kind, row.pk] = seller or asked(kind, row) or next(turns)
    return {key: somebody for key, somebody in chosen.items() if somebody is not None}


def _seller(task: Any, chosen: Mapping[tuple[str, int], Salesperson | None], leaver: Salesperson) -> Salesperson | None:
    """Who gets the task's opportunity, or has it already."""
    if task.opportunity is None:
        return None
    known: Salesperson | None = chosen.get(("opportunities", task.opportunity_id)) or task.opportunity.salesperson
    return known if known and known.is_usable and known.pk != leaver.pk else None


def _nobody(kind: str, row: Any) -> Salesperson | None:
    return None


def _contact(kind: str, row: Any) -> Contact | None:
    return row if kind == "contacts" else getattr(row, "contact", None)


def _of_contact(leaver: Salesperson) -> Callable[[str, Any], Salesperson | None]:
    def found(kind: str, row: Any) -> Salesperson | None:
        contact = _contact(kind, row)
        if contact is None:
            return None
        asked = [contact.salesperson, contact.company.salesperson if contact.company else None]
        return next((one for one in asked if one and one.is_usable and one.pk != leaver.pk), None)

    return found


def _covers(rows: Iterable[tuple[str, Any]], leaver: Salesperson) -> Callable[[str, Any], Salesperson | None]:
    """Several who cover one territory take turns."""
    turns: dict[int, Any] = {}

    def found(kind: str, row: Any) -> Salesperson | None:
        contact = _contact(kind, row)
        territory: Any = row if kind == "territories" else contact and contact.territory
        if territory is None:
            return None
        if territory.pk not in turns:
            able = [one for one in territory.salespeople.all() if one.is_usable and one.pk != leaver.pk]
            turns[territory.pk] = cycle(able or [None])
        somebody: Salesperson | None = next(turns[territory.pk])
        return somebody

    return found


def _to_least(rows: Sequence[tuple[str, Any]], to: Sequence[Salesperson], user: User) -> Chosen:
    """The biggest first, each to who has the least by then; what has no value goes in turn."""
    mine = Opportunity.objects.visible_to(user).open().filter(salesperson__in=to).order_by()
    known = dict(mine.values_list("salesperson").annotate(value=Sum("estimated_value")))
    value = {one.pk: known.get(one.pk) or Decimal(0) for one in to}
    turns, chosen = cycle(to), Chosen()
    for kind, row in sorted(rows, key=lambda one: -(getattr(one[1], "estimated_value", None) or 0)):
        worth = getattr(row, "estimated_value", None)
        somebody = min(to, key=lambda one: value[one.pk]) if worth else next(turns)
        value[somebody.pk] += worth or Decimal(0)
        chosen[kind, row.pk] = somebody
    return chosen
