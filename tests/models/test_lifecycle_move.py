"""move and revise: figures, closing dates, quotes."""

from decimal import Decimal

import pytest

from opportunities import lifecycle
from opportunities.models import Action
from tests.factories import QuoteFactory, fresh, make_cycle
from tests.models.lifecycle_words import change, day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


def move(opportunity, number, by=None, **values):
    """To the stage with that number."""
    opportunity = fresh(opportunity)
    stage = opportunity.sales_cycle.stages.get(number=number)
    return lifecycle.move(opportunity, **{"version": opportunity.version, "to": stage, "on": day(2), "by": by} | values)


def revise(opportunity, by=None, **values):
    opportunity = fresh(opportunity)
    return lifecycle.revise(opportunity, **{"version": opportunity.version, "on": day(2), "by": by} | values)


# ── move ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_move_changes_these_columns(at_stage, cycle, manager):
    opportunity = at_stage(1, closing_on=day(20))
    move(opportunity, 2, manager, on=day(5), estimated_value=Decimal("1200.505"), reason="They called")
    assert change(opportunity) == {
        "stage_id": cycle.stages.get(number=2).pk,
        "stage_before_id": cycle.stages.get(number=1).pk,
        "stage_entered_on": day(5),
        "estimated_value": Decimal("1200.51"),
        "chances": 60,
        "completed": 40,
        "probability": 24,
        "calculated_value": Decimal("288.12"),
        "action": Action.NEXT,
        "by_id": manager.pk,
        "reason": "They called",
        "happened_on": day(5),
    }


@pytest.mark.parametrize(
    ("start", "to", "action"),
    [(1, 2, Action.NEXT), (1, 3, Action.SKIP), (1, 4, Action.SKIP), (4, 3, Action.PREVIOUS), (4, 2, Action.JUMP)],
)
def test_the_entry_says_which_kind_of_move_it_was(at_stage, cycle, start, to, action):
    opportunity = at_stage(start)
    cycle.stages.update(allow_skip=True)
    assert move(opportunity, to).action == action


def test_move_refuses(at_stage, rep):
    opportunity = at_stage(2)
    other = make_cycle("OTHER").stages.get(number=1)
    with refuses(to="E15"):
        move(opportunity, 2)
    with refuses(to="E15"):
        move(opportunity, 4)
    with refuses(to="E15"):
        move(opportunity, 3, to=other)
    with refuses(to="E15"):
        move(at_stage(0), 1)
    with refuses(on="E14"):
        move(opportunity, 3, on=day(1), closing_on=day(9))
    with refuses(estimated_value="E10", closing_on="E11", chances="E10"):
        move(opportunity, 3, estimated_value=Decimal(0), closing_on=day(1), chances=Decimal(-1))
    with refuses(closing_on="E08"):
        move(opportunity, 3, closing_on=None)
    assert fresh(opportunity).version == 3


def test_a_closing_date_of_the_past_must_be_typed_anew(at_stage):
    opportunity = at_stage(1, closing_on=day(4))
    with refuses(closing_on="E11"):
        move(opportunity, 2, on=day(5))
    assert move(opportunity, 2, on=day(5), closing_on=day(5)).closing_on == day(5)


# ── closing dates ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_user_s_date_stays_where_the_stage_has_no_formula(at_stage):
    assert move(at_stage(1, closing_on=day(20)), 2, on=day(5)).closing_on == day(20)


def test_the_formula_of_the_entered_stage_proposes(at_stage, cycle):
    cycle.stages.filter(number=2).update(date_formula="1W+1D")
    opportunity = at_stage(1, closing_on=day(20))
    assert move(opportunity, 2, on=day(5)).closing_on == day(13)
    assert revise(opportunity, on=day(7)).closing_on == day(13)


def test_a_typed_closing_date_wins_over_the_formula(at_stage, cycle):
    cycle.stages.filter(number=2).update(date_formula="1W")
    assert move(at_stage(1, closing_on=day(20)), 2, closing_on=day(30)).closing_on == day(30)


# ── chances ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def figures(entry):
    return entry.chances, entry.chances_are_manual


def test_a_move_takes_the_stage_s_chances_and_clears_the_mark(at_stage):
    opportunity = at_stage(1)
    assert figures(revise(opportunity, chances=Decimal(33))) == (33, True)
    assert figures(move(opportunity, 2)) == (60, False)


def test_typed_chances_win_in_every_kind_of_move(at_stage, cycle):
    opportunity = at_stage(2)
    cycle.stages.update(allow_skip=True)
    for to in (1, 3, 2, 4, 1):  # previous, skip, previous, skip, jump
        assert figures(move(opportunity, to, chances=Decimal(7))) == (7, True)


def test_where_the_stage_does_not_decide_manual_chances_stay(at_stage, cycle):
    opportunity = at_stage(1)
    cycle.stage_decides = False
    cycle.save()
    assert figures(move(opportunity, 2)) == (60, False)
    revise(opportunity, chances=Decimal(33))
    assert figures(move(opportunity, 3)) == (33, True)
    assert figures(move(opportunity, 4, chances=None)) == (33, True)
    assert figures(move(opportunity, 3, chances=Decimal(5))) == (5, True)
    revise(opportunity, chances=None)
    assert figures(move(opportunity, 2)) == (60, False)


def test_a_revision_keeps_manual_chances_and_none_resets_them(at_stage):
    opportunity = at_stage(1)
    revise(opportunity, chances=Decimal(33))
    assert figures(revise(opportunity, estimated_value=Decimal(5))) == (33, True)
    assert figures(revise(opportunity, chances=None)) == (20, False)


def test_zero_means_zero(at_stage):
    opportunity = at_stage(1)
    entry = revise(opportunity, chances=Decimal(0))
    assert (*figures(entry), entry.probability) == (0, True, 0)
    assert figures(revise(opportunity, estimated_value=Decimal(5))) == (0, True)
    assert figures(move(opportunity, 2, chances=Decimal(0))) == (0, True)


def test_probability_comes_from_the_chances_as_they_are_stored(at_stage):
    entry = revise(at_stage(2), chances=Decimal("33.335"))
    assert (entry.chances, entry.probability) == (Decimal("33.34"), Decimal("13.34"))


def test_set_up_changed_later_leaves_the_figures_until_the_next_step(at_stage, cycle):
    opportunity = at_stage(2)
    cycle.stages.filter(number=2).update(chances=10, completed=50)
    assert (fresh(opportunity).chances, fresh(opportunity).probability) == (60, 24)
    entry = revise(opportunity)
    assert (entry.chances, entry.completed, entry.probability) == (10, 50, 5)


def test_the_worked_example(acme, jo, rep, price_w):
    """Domain C.3, the whole table."""
    stages = (("A", 2, 10), ("B", 35, 25), ("C", 70, 60), ("D", 85, 80), ("E", 95, 100))
    cycle = make_cycle("EX", stages=stages)
    opportunity = lifecycle.create(
        description="Chairs", contact=acme, sales_cycle=cycle, on=day(4), by=rep, start=True,
        estimated_value=Decimal(10000), closing_on=day(31),
    ).opportunity  # fmt: skip
    move(opportunity, 2, on=day(7), chances=Decimal(30))
    move(opportunity, 3, on=day(11), estimated_value=Decimal(12000), chances=Decimal(55))
    revise(opportunity, on=day(13), estimated_value=Decimal(9000), chances=Decimal(60))
    move(opportunity, 4, on=day(17), chances=Decimal(80))
    move(opportunity, 2, on=day(18))
    opportunity = fresh(opportunity)
    lifecycle.close(
        opportunity, version=7, outcome="won", close_code=price_w, on=day(26), by=rep, sales_value=Decimal(8800)
    )
    rows = opportunity.entries.filter(step__gt=1).order_by("step")
    assert [(e.action, e.chances, e.probability, e.calculated_value, e.days) for e in rows] == [
        (Action.STARTED, 10, Decimal("0.2"), 20, 3),
        (Action.NEXT, 30, Decimal("10.5"), 1050, 4),
        (Action.NEXT, 55, Decimal("38.5"), 4620, 2),
        (Action.REVISED, 60, 42, 3780, 4),
        (Action.NEXT, 80, 68, 6120, 1),
        (Action.JUMP, 25, Decimal("8.75"), Decimal("787.5"), 8),
        (Action.WON, 100, 100, 8800, None),
    ]


# ── quotes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_next_needs_the_quote_that_its_stage_requires(at_stage, cycle):
    cycle.stages.filter(number=3).update(quote_required=True)
    opportunity = at_stage(2)
    with refuses(to="E16"):
        move(opportunity, 3)
    quote = QuoteFactory(opportunity=opportunity, is_current=False)
    with refuses(to="E16"):
        move(opportunity, 3)
    quote.is_current = True
    quote.save()
    assert move(opportunity, 3).action == Action.NEXT


def test_skip_needs_the_quote_of_a_stage_passed_over(at_stage, cycle):
    cycle.stages.update(allow_skip=True)
    cycle.stages.filter(number=2).update(quote_required=True)
    opportunity = at_stage(1)
    with refuses(to="E16"):
        move(opportunity, 4)
    QuoteFactory(opportunity=opportunity)
    assert move(opportunity, 4).action == Action.SKIP


def test_first_previous_jump_and_revise_need_no_quote(at_stage, cycle):
    opportunity = at_stage(4)
    cycle.stages.update(quote_required=True)
    assert move(opportunity, 3).action == Action.PREVIOUS
    assert revise(opportunity).action == Action.REVISED
    assert move(opportunity, 1).action == Action.JUMP
    assert at_stage(1).is_in_progress


# ── revise ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_revise_changes_these_columns(at_stage, manager):
    opportunity = at_stage(2)
    revise(opportunity, manager, on=day(4), estimated_value=Decimal(500), chances=Decimal(50), closing_on=day(9))
    assert change(opportunity) == {
        "estimated_value": 500,
        "chances": 50,
        "chances_are_manual": True,
        "probability": 20,
        "calculated_value": 100,
        "closing_on": day(9),
        "action": Action.REVISED,
        "by_id": manager.pk,
        "happened_on": day(4),
    }


def test_a_revision_without_a_change_confirms(at_stage, rep):
    opportunity = at_stage(2)
    revise(opportunity, rep)
    assert change(opportunity) == {"action": Action.REVISED}


def test_revise_refuses(at_stage):
    opportunity = at_stage(2)
    with refuses(estimated_value="E10", closing_on="E11", chances="E10"):
        revise(opportunity, estimated_value=Decimal("0.004"), closing_on=day(1), chances=Decimal("100.01"))
    with refuses(on="E14"):
        revise(opportunity, on=day(1), closing_on=day(9))
    assert fresh(opportunity).version == 3
