"""Value, chances, probability and closing date of one step (domain B.4, B.6, C). Pure but for what it is handed."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from django.utils.translation import gettext_lazy as _

from crm.lib import date_formula
from crm.lib.guard import Guard
from crm.lib.money import round_half_up
from opportunities.models import Door, Opportunity
from salescycles.models import SalesCycle, Stage


class Keep(Enum):
    """`KEEP` as a value of a verb means: not asked for; what is known stays or the set-up proposes."""

    KEEP = "keep"


KEEP = Keep.KEEP
Figure = TypeVar("Figure", bound=Decimal | Keep | None)


def rounded(figure: Figure) -> Figure:
    """An amount or percentage as it is stored: two decimals, half away from zero. Rules look at what is stored."""
    return round_half_up(figure) if isinstance(figure, Decimal | int) else figure  # type: ignore[return-value]


@dataclass(frozen=True)
class Asked:
    """What the salesperson says. None for chances means the stage's; for value and date it means left blank."""

    estimated_value: Decimal | None | Keep = KEEP
    chances: Decimal | None | Keep = KEEP
    closing_on: datetime.date | None | Keep = KEEP

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimated_value", rounded(self.estimated_value))
        object.__setattr__(self, "chances", rounded(self.chances))


NOTHING_ASKED = Asked()


def known_to_stage(stage: Stage, on: datetime.date) -> datetime.date | None:
    """The closing date that the stage's date formula proposes from `on`; None where it has no formula."""
    return date_formula.apply(stage.date_formula, on) if stage.date_formula else None


def proposed_closing(opportunity: Opportunity, stage: Stage, on: datetime.date) -> datetime.date:
    """The formula's date when a new stage with one is entered, else the user's own, else the day itself (R-EST-DATE).

    Before the start the user's own date, if known, comes first."""
    own = opportunity.closing_on
    if opportunity.is_not_started and own:
        return own
    changes = opportunity.stage_id != stage.pk
    return (known_to_stage(stage, on) if changes else None) or own or on


def figures(cycle: SalesCycle, stage: Stage, *, chances: Decimal | None, manual: bool) -> dict[str, Any]:
    """Chances (blank: the stage's), the mark, completed and probability, in percent with two decimals (R-EST)."""
    chances = stage.chances if chances is None else chances
    probability = round_half_up(cycle.probability(chances=chances, completed=stage.completed))
    return {
        "chances": chances,
        "chances_are_manual": manual,
        "completed": stage.completed,
        "probability": probability,
    }


def check(
    guard: Guard, *, value: Decimal | None, closing_on: datetime.date | None, on: datetime.date, door: str
) -> None:
    """R-UPD-CHK 5, 7 and 8. An import may leave the value unknown and bring a closing date of the past."""
    if door == Door.IMPORT:
        guard(value is None or value >= 0, "estimated_value", _("A value cannot be negative."), "E10")
        return
    guard(value is not None and value > 0, "estimated_value", _("Enter an estimated value above zero."), "E10")
    guard(closing_on is not None, "closing_on", _("Enter the estimated closing date."), "E08")
    guard(
        closing_on is None or closing_on >= on,
        "closing_on",
        _("The closing date cannot lie before the date of this change."),
        "E11",
    )


def check_chances(guard: Guard, chances: Decimal | None | Keep) -> None:
    guard(
        chances is None or chances is KEEP or 0 <= chances <= 100,
        "chances",
        _("Chances lie between 0 and 100 %."),
        "E10",
    )
