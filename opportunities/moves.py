"""Which moves are open from here, and why the others are not. Pure: buttons, forms, board and guards all ask here."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from opportunities.models import Action, Status
from salescycles.models import Stage


@dataclass(frozen=True)
class Move:
    """The way from where an opportunity stands to `stage`. `refusal` is None when the way is open."""

    stage: Stage
    action: Action
    refusal: ValidationError | None

    @property
    def is_open(self) -> bool:
        return self.refusal is None

    @property
    def why_not(self) -> str:
        return self.refusal.messages[0] if self.refusal else ""


def moves(*, status: str, stage_id: int | None, stages: Sequence[Stage], has_quote: bool) -> list[Move]:
    """One move for every stage of the cycle but the current one, in the cycle's order (domain B.5).

    `stages` is the whole cycle ordered by number. Not started: only the first stage is open.
    """
    if status == Status.NOT_STARTED:
        return [
            Move(stage, Action.STARTED, None if at == 0 else _not_first(stages[0])) for at, stage in enumerate(stages)
        ]
    here = next((at for at, stage in enumerate(stages) if stage.pk == stage_id), None)
    if status != Status.IN_PROGRESS or here is None:
        closed = ValidationError(_("The opportunity is closed."), code="E20")
        return [Move(stage, Action.JUMP, closed) for stage in stages]
    return [_move(stages, here, there, has_quote) for there in range(len(stages)) if there != here]


def _not_first(first: Stage) -> ValidationError:
    return ValidationError(
        _("It has not started yet; it starts at the stage “%(stage)s”."), code="E15", params={"stage": first}
    )


def _move(stages: Sequence[Stage], here: int, there: int, has_quote: bool) -> Move:
    stage = stages[there]
    if there < here:
        return Move(stage, Action.PREVIOUS if there == here - 1 else Action.JUMP, None)
    action = Action.NEXT if there == here + 1 else Action.SKIP
    return Move(
        stage, action, _skip_refusal(stages[here + 1 : there]) or quote_refusal(stages[here + 1 : there + 1], has_quote)
    )


def _skip_refusal(passed_over: Sequence[Stage]) -> ValidationError | None:
    """R-SKIP: every stage passed over allows it."""
    for stage in passed_over:
        if not stage.allow_skip:
            return ValidationError(_("The stage “%(stage)s” cannot be skipped."), code="E15", params={"stage": stage})
    return None


def quote_refusal(entered: Sequence[Stage], has_quote: bool) -> ValidationError | None:
    """R-QUOTE-REQ: none of the stages entered or passed over may lack the quote that it requires."""
    for stage in entered:
        if stage.quote_required and not has_quote:
            return ValidationError(
                _("The stage “%(stage)s” needs a quote. Add one first."), code="E16", params={"stage": stage}
            )
    return None
