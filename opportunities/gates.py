"""What a stage asks of whoever enters it or passes over it (docs/definitions.md, "Stage gates"). Pure: `moves` asks here, and so
do all who move."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.lib.money import format_money
from salescycles.models import Stage
from salespeople.models import Company, User

OVERRIDE = "opportunities.override_gates"


class Gate(TextChoices):
    """One condition of a stage."""

    SKIP = "skip", _("Not to be skipped")
    BACK = "back", _("No way back")
    ROLE = "role", _("Role")
    SOURCE = "source", _("Source")
    COMPETITOR = "competitor", _("Competitor")
    PERSON = "contact", _("A person as contact")
    CHANCES = "chances", _("Own chances of success")
    VALUE = "value", _("Minimum value")
    QUOTE = "quote", _("Quote")
    DOCUMENT = "document", _("Document")


# What can be filled in where the move is asked for, and the right that it takes beside that to move.
FILLED_IN = {
    Gate.SOURCE: "",
    Gate.COMPETITOR: "",
    Gate.PERSON: "",
    Gate.CHANCES: "",
    Gate.VALUE: "",
    Gate.QUOTE: "quotes.add_quote",
    Gate.DOCUMENT: "collaboration.add_attachment",
}


@dataclass(frozen=True)
class Facts:
    """What gates ask of an opportunity. `quote` is whether it has a current one, `chances` whether they are its own."""

    source: bool = False
    competitor: bool = False
    contact: bool = False
    chances: bool = False
    quote: bool = False
    document: bool = False
    value: Decimal | None = None


@dataclass(frozen=True)
class Mover:
    """Who moves, and the roles; without roles nobody is asked for them."""

    roles: frozenset[int] | None = None
    user: User | None = None

    @classmethod
    def of(cls, user: User | None, stages: Iterable[Stage]) -> Self:
        """The roles are asked for where one of `stages` names some."""
        named = user is not None and not user.is_superuser and any(stage.roles for stage in stages)
        return cls(user.roles if user and named else None, user)

    @cached_property
    def fills(self) -> frozenset[Gate]:
        """What the person can fill in where a move is asked for."""
        user = self.user
        return frozenset(gate for gate, right in FILLED_IN.items() if user and (not right or user.has_perm(right)))

    @cached_property
    def overrides(self) -> bool:
        """Whether the person may pass over a gate."""
        return self.user is not None and self.user.has_perm(OVERRIDE)


ANYBODY = Mover()


@dataclass(frozen=True)
class Unmet:
    """A condition of `stage` that is not met. `field` is where forms and refusals say so."""

    stage: Stage
    gate: Gate
    field: str
    error: ValidationError

    @property
    def name(self) -> str:
        """As the ledger keeps it."""
        return f"{self.stage.pk}.{self.gate.value}"


@dataclass(frozen=True)
class Amount:
    """Written as its reader writes money."""

    value: Decimal

    def __str__(self) -> str:
        return format_money(self.value, Company.current().currency, get_language() or "en")


def _unmet(stage: Stage, gate: Gate, field: str, said: Any, code: str, **params: Any) -> Unmet:
    return Unmet(stage, gate, field, ValidationError(said, code=code, params={"stage": stage, **params}))


def not_skipped(stage: Stage) -> Unmet:
    """R-SKIP."""
    return _unmet(stage, Gate.SKIP, "to", _("The stage “%(stage)s” cannot be skipped."), "E15")


def no_way_back(stage: Stage) -> Unmet:
    return _unmet(stage, Gate.BACK, "to", _("There is no way back to the stage “%(stage)s”."), "gate_back")


def of_roles(stage: Stage, mover: Mover) -> Iterator[Unmet]:
    if mover.roles is not None and stage.roles and mover.roles.isdisjoint(stage.roles):
        said = _("Your role may not move opportunities to the stage “%(stage)s”.")
        yield _unmet(stage, Gate.ROLE, "to", said, "gate_role")


SAID = {
    Gate.SOURCE: _("The stage “%(stage)s” needs a source."),
    Gate.COMPETITOR: _("The stage “%(stage)s” needs a competitor."),
    Gate.PERSON: _("The stage “%(stage)s” needs a person as contact."),
    Gate.CHANCES: _("The stage “%(stage)s” needs your own chances of success."),
}


def of_facts(stage: Stage, facts: Facts) -> Iterator[Unmet]:
    """What the stage requires and `facts` lack (R-QUOTE-REQ for the quote)."""
    for gate, said in SAID.items():
        if gate.value in stage.required_fields and not getattr(facts, gate.value):
            yield _unmet(stage, gate, gate.value, said, "gate_field")
    least = stage.minimum_value
    if least is not None and (facts.value is None or facts.value < least):
        said = _("The stage “%(stage)s” needs an estimated value of at least %(least)s.")
        yield _unmet(stage, Gate.VALUE, "estimated_value", said, "gate_value", least=Amount(least))
    if stage.quote_required and not facts.quote:
        yield _unmet(stage, Gate.QUOTE, "to", _("The stage “%(stage)s” needs a quote. Add one first."), "E16")
    if stage.document_required and not facts.document:
        said = _("The stage “%(stage)s” needs an attached document. Attach one first.")
        yield _unmet(stage, Gate.DOCUMENT, "to", said, "gate_document")
