"""Which moves are open from here, and why the others are not. Pure: buttons, forms, board and guards all ask here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from opportunities.gates import ANYBODY, FILLED_IN, Facts, Mover, Unmet, no_way_back, not_skipped, of_facts, of_roles
from opportunities.models import Action, Status
from salescycles.models import Stage


@dataclass(frozen=True)
class Move:
    """The way from where an opportunity stands to `stage`. `barred` says why nobody can go it; `unmet` are the conditions of
    the stages entered and passed over that are not met."""

    stage: Stage
    action: Action
    barred: ValidationError | None = None
    unmet: tuple[Unmet, ...] = ()
    mover: Mover = ANYBODY

    @property
    def refusal(self) -> ValidationError | None:
        """The first reason; None when the way is open."""
        return self.barred or next((one.error for one in self.unmet), None)

    @property
    def is_open(self) -> bool:
        return self.refusal is None

    @property
    def can_be_asked(self) -> bool:
        """Whether the person may go it after all: by filling in what is missing, or by passing over the gate."""
        return self.barred is None and (self.mover.overrides or all(one.gate in self.mover.fills for one in self.unmet))

    @property
    def why_not(self) -> str:
        errors = [self.barred] if self.barred else [one.error for one in self.unmet]
        return " ".join(message for error in errors for message in error.messages)

    @property
    def asks_for(self) -> str:
        """What can be filled in, in short."""
        return ", ".join(dict.fromkeys(str(one.gate.label) for one in self.unmet if one.gate in FILLED_IN))

    @property
    def stands_against(self) -> str:
        """What nothing can be filled in for."""
        return " ".join(text for one in self.unmet if one.gate not in FILLED_IN for text in one.error.messages)


def moves(
    *, status: str, stage_id: int | None, stages: Sequence[Stage], facts: Facts, mover: Mover = ANYBODY
) -> list[Move]:
    """One move for every stage of the cycle but the current one, in the cycle's order (domain B.5).

    `stages` is the whole cycle ordered by number. Not started: only the first stage is open.
    """
    if status == Status.NOT_STARTED:
        return [_start(stages, at, facts, mover) for at in range(len(stages))]
    here = next((at for at, stage in enumerate(stages) if stage.pk == stage_id), None)
    if status != Status.IN_PROGRESS or here is None:
        closed = ValidationError(_("The opportunity is closed."), code="E20")
        return [Move(stage, Action.JUMP, closed) for stage in stages]
    return [_move(stages, here, there, facts, mover) for there in range(len(stages)) if there != here]


def _start(stages: Sequence[Stage], at: int, facts: Facts, mover: Mover) -> Move:
    if at:
        return Move(stages[at], Action.STARTED, _not_first(stages[0]))
    return Move(stages[at], Action.STARTED, None, tuple(entering(stages[at], facts, mover, starts=True)), mover)


def _not_first(first: Stage) -> ValidationError:
    return ValidationError(
        _("It has not started yet; it starts at the stage “%(stage)s”."), code="E15", params={"stage": first}
    )


def _move(stages: Sequence[Stage], here: int, there: int, facts: Facts, mover: Mover) -> Move:
    stage = stages[there]
    if there < here:
        action = Action.PREVIOUS if there == here - 1 else Action.JUMP
        unmet = [*(() if stage.allow_back else (no_way_back(stage),)), *of_roles(stage, mover)]
        return Move(stage, action, None, tuple(unmet), mover)
    action = Action.NEXT if there == here + 1 else Action.SKIP
    over = stages[here + 1 : there]
    unmet = [not_skipped(one) for one in over if not one.allow_skip]
    unmet += [one for entered in (*over, stage) for one in entering(entered, facts, mover)]
    return Move(stage, action, None, tuple(unmet), mover)


def entering(stage: Stage, facts: Facts, mover: Mover, *, starts: bool = False) -> Iterator[Unmet]:
    """What is not met of a stage that is entered or passed over. A start never needs a quote: before it there can be none
    (R-QUOTE-REQ)."""
    yield from of_roles(stage, mover)
    for one in of_facts(stage, facts):
        if not (starts and one.gate == "quote"):
            yield one
