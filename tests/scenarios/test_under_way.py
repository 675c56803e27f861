"""Moving, revising and closing."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from opportunities import lifecycle
from opportunities.models import Action, Status
from salescycles.models import SalesCycle
from tests.factories import fresh, make_cycle
from tests.scenarios.test_beginning import codes


def offered(opportunity) -> dict[int, str]:
    """The open moves: stage number and kind."""
    return {way.stage.number: way.action for way in lifecycle.moves(opportunity) if way.is_open}


def test_s052_the_offered_stages_can_be_listed(at_stage):
    opportunity = at_stage(2)
    assert [(str(way.stage), way.is_open) for way in lifecycle.moves(opportunity)] == [
        ("Initial", True),
        ("Offer", True),
        ("Sign", False),
    ]


def test_s053_a_move_shows_the_description_of_its_stage(at_stage):
    opportunity = at_stage(1)
    assert str(opportunity.stage) == opportunity.stage.description == "Initial"
    proposed = next(way for way in lifecycle.moves(opportunity) if way.action == Action.NEXT)
    assert str(proposed.stage) == proposed.stage.description == "Present"


def test_s060_typed_chances_win_over_the_stage_s(at_stage, cycle, rep, day):
    """Ours: docs/decisions.md, “A typed chance wins”. The reference takes the stage's 80."""
    cycle.stages.filter(number=2).update(allow_skip=True)
    opportunity = at_stage(1)
    offer = cycle.stages.get(number=3)
    entry = lifecycle.move(opportunity, version=2, to=offer, on=day(2), by=rep, chances=Decimal(25))
    assert (entry.action, entry.chances, entry.chances_are_manual) == (Action.SKIP, 25, True)
    lifecycle.undo(fresh(opportunity), version=3, by=rep)
    entry = lifecycle.move(fresh(opportunity), version=4, to=offer, on=day(2), by=rep)
    assert (entry.chances, entry.chances_are_manual) == (80, False)


def test_s197_next_ends_the_entry_before(at_stage, cycle, rep, day):
    opportunity = at_stage(1, closing_on=day(31))
    lifecycle.move(opportunity, version=2, to=cycle.stages.get(number=2), on=day(9), by=rep)
    old, new = opportunity.entries.get(step=2), opportunity.entries.current().get()
    assert (old.replaced_at is None, old.days, old.closed_on) == (False, 7, None)
    assert (new.step, new.action, new.stage_before.number, new.stage.number) == (3, Action.NEXT, 1, 2)


def test_s198_previous(at_stage, cycle, rep, day):
    opportunity = at_stage(3)
    entry = lifecycle.move(opportunity, version=4, to=cycle.stages.get(number=2), on=day(2), by=rep)
    assert (entry.stage.number, entry.action, entry.chances) == (2, Action.PREVIOUS, 60)


def test_s200_a_stage_that_cannot_be_skipped(at_stage, cycle, rep, day):
    opportunity = at_stage(1)
    assert offered(opportunity) == {2: Action.NEXT}
    with pytest.raises(ValidationError) as refused:
        lifecycle.move(opportunity, version=2, to=cycle.stages.get(number=3), on=day(2), by=rep)
    assert codes(refused) == {"to": ["E15"]}
    assert "“Present” cannot be skipped" in refused.value.message_dict["to"][0]


def test_s202_a_single_stage_ahead_is_next_not_skip(at_stage, cycle):
    cycle.stages.update(allow_skip=True)
    assert {number: kind for number, kind in offered(at_stage(3)).items() if number > 3} == {4: Action.NEXT}


def test_s204_a_jump_needs_two_stages_behind(at_stage):
    assert offered(at_stage(2)) == {1: Action.PREVIOUS, 3: Action.NEXT}
    assert offered(at_stage(3)) == {1: Action.JUMP, 2: Action.PREVIOUS, 4: Action.NEXT}


def test_s205_first_alone_before_the_start(at_stage, cycle):
    cycle.stages.update(allow_skip=True)
    assert offered(at_stage(0)) == {1: Action.STARTED}


def test_s205_no_next_at_the_last_stage(at_stage, rep, day):
    """Ours: confirming there is a revision (docs/decisions.md, “Confirming at the last stage is a revision”)."""
    opportunity = at_stage(4)
    assert Action.NEXT not in offered(opportunity).values()
    entry = lifecycle.revise(opportunity, version=5, on=day(2), by=rep)
    assert (entry.action, entry.stage.number) == (Action.REVISED, 4)


def test_s207_going_back_needs_no_quote(at_stage, cycle, rep, day):
    opportunity = at_stage(2)
    cycle.stages.filter(number=1).update(quote_required=True)
    entry = lifecycle.move(opportunity, version=3, to=cycle.stages.get(number=1), on=day(2), by=rep)
    assert entry.action == Action.PREVIOUS


def revise_at_stage_1(at_stage, rep, on, **values):
    opportunity = at_stage(1)
    lifecycle.revise(opportunity, version=2, on=on, by=rep, **values)
    return fresh(opportunity)


def test_s208_a_value_of_zero_is_refused(at_stage, rep, day):
    with pytest.raises(ValidationError) as refused:
        revise_at_stage_1(at_stage, rep, day(2), estimated_value=Decimal(0))
    assert codes(refused) == {"estimated_value": ["E10"]}


def test_s209_chances_of_zero_mean_zero(at_stage, rep, day):
    """Ours: docs/decisions.md, “Zero is a chance”. The reference refuses them (E10)."""
    opportunity = revise_at_stage_1(at_stage, rep, day(2), chances=Decimal(0))
    assert (opportunity.chances, opportunity.chances_are_manual, opportunity.probability) == (0, True, 0)
    assert opportunity.calculated_value == 0


def test_s210_a_blank_closing_date_is_refused(at_stage, rep, day):
    with pytest.raises(ValidationError) as refused:
        revise_at_stage_1(at_stage, rep, day(2), closing_on=None)
    assert codes(refused) == {"closing_on": ["E08"]}


def test_s211_a_closing_date_before_the_change_is_refused(at_stage, rep, day):
    with pytest.raises(ValidationError) as refused:
        revise_at_stage_1(at_stage, rep, day(2), closing_on=day(1))
    assert codes(refused) == {"closing_on": ["E11"]}


def test_s211_the_day_of_the_change_is_accepted(at_stage, rep, day):
    assert revise_at_stage_1(at_stage, rep, day(2), closing_on=day(2)).closing_on == day(2)


def test_s219_winning_needs_a_sales_value(at_stage, price_w, rep, day):
    opportunity = at_stage(1)
    how = {"version": 2, "outcome": "won", "close_code": price_w, "on": day(2), "by": rep}
    with pytest.raises(ValidationError) as refused:
        lifecycle.close(opportunity, **how, sales_value=Decimal(0))
    assert codes(refused) == {"sales_value": ["E19"]}
    lifecycle.close(opportunity, **how, sales_value=Decimal("875.50"))
    opportunity = fresh(opportunity)
    assert (opportunity.calculated_value, opportunity.estimated_value) == (Decimal("875.50"), 1000)


def test_s221_a_closed_one_is_not_closed_or_revised_again(at_stage, cycle, price_w, rep, day):
    opportunity = at_stage(1)
    how = {"on": day(2), "by": rep}
    lifecycle.close(
        opportunity, version=2, outcome="won", close_code=price_w, sales_value=Decimal(1), **how
    )  # fmt: skip
    opportunity = fresh(opportunity)
    for again in (
        lambda: lifecycle.close(opportunity, version=3, outcome="won", close_code=price_w, **how),
        lambda: lifecycle.revise(opportunity, version=3, **how),
        lambda: lifecycle.move(opportunity, version=3, to=cycle.stages.get(number=2), **how),
    ):
        with pytest.raises(ValidationError) as refused:
            again()
        assert codes(refused) == {"__all__": ["E20"]}


def test_s227_the_salesperson_cannot_be_emptied(at_stage, rep, day):
    for opportunity in (at_stage(0), at_stage(1)):
        with pytest.raises(ValidationError) as refused:
            lifecycle.reassign(opportunity, version=opportunity.version, on=day(2), by=rep, salesperson=None)
        assert codes(refused) == {"salesperson": ["R-CHG-SP"]}


def test_s229_the_cycle_of_a_running_one_changes_only_on_purpose(at_stage, rep, day):
    """Ours: to a chosen stage and with a reason (docs/decisions.md, “Changing the cycle while running”). The reference
    refuses."""
    opportunity, other = at_stage(1), make_cycle("OTHER")
    how = {"version": 2, "sales_cycle": other, "on": day(2), "by": rep}
    with pytest.raises(ValidationError) as refused:
        lifecycle.change_cycle(opportunity, **how)
    assert codes(refused) == {"reason": ["E08"], "to": ["E08"]}
    lifecycle.change_cycle(opportunity, **how, to=other.stages.get(number=3), reason="Bigger than thought")
    opportunity = fresh(opportunity)
    assert (opportunity.sales_cycle, opportunity.stage.number, opportunity.status) == (other, 3, Status.IN_PROGRESS)


def test_s229_the_cycle_changes_freely_before_the_start_unless_blocked(at_stage, rep, day):
    opportunity, other = at_stage(0), make_cycle("OTHER")
    lifecycle.change_cycle(opportunity, version=1, sales_cycle=other, on=day(2), by=rep)
    opportunity = fresh(opportunity)
    assert opportunity.sales_cycle == other
    blocked = SalesCycle.objects.create(code="BLOCKED", blocked=True)
    with pytest.raises(ValidationError) as refused:
        lifecycle.change_cycle(opportunity, version=2, sales_cycle=blocked, on=day(2), by=rep)
    assert codes(refused) == {"sales_cycle": ["E22"]}
