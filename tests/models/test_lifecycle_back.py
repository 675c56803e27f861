"""undo and correct: a mistake is voided, not overwritten."""

import datetime
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from opportunities import lifecycle
from opportunities.lifecycle import Stale
from opportunities.models import Action, Status
from tests.factories import fresh
from tests.models.lifecycle_words import columns, day, live_steps, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.fixture
def walked(at_stage, cycle, rep):
    """Steps 1 created on the 2nd, 2 started on the 2nd, 3 next on the 5th, 4 next on the 7th."""
    opportunity = at_stage(1, closing_on=day(20))
    for version, number, on in ((2, 2, day(5)), (3, 3, day(7))):
        lifecycle.move(fresh(opportunity), version=version, to=cycle.stages.get(number=number), on=on, by=rep)
    return opportunity


def undo(opportunity, by=None, **values):
    opportunity = fresh(opportunity)
    return lifecycle.undo(opportunity, **{"version": opportunity.version, "by": by} | values)


def correct(opportunity, on, by=None, **values):
    opportunity = fresh(opportunity)
    return lifecycle.correct(opportunity, **{"version": opportunity.version, "on": on, "by": by} | values)


def test_undo_voids_two_and_appends_the_state_before(walked, manager):
    entry = undo(walked, manager, reason="Wrong one")
    third, wrong, again = walked.entries.filter(step__gte=3)
    assert (again, again.step, fresh(walked).version) == (entry, 5, 5)
    told = {"action": Action.UNDONE, "by_id": manager.pk, "reason": "Wrong one", "undoes": 4, "voided_at": None}
    assert columns(again) == columns(third) | told
    assert again.happened_on == day(5)
    assert third.voided_at == wrong.voided_at == wrong.replaced_at == again.recorded_at
    assert third.replaced_at == wrong.recorded_at
    assert (third.until, wrong.until, again.until) == (day(7), None, None)
    assert live_steps(walked) == [1, 2, 5]
    assert fresh(walked).stage.number == 2


def test_undo_twice_takes_back_one_more(walked):
    undo(walked)
    entry = undo(walked)
    assert (entry.step, entry.undoes, entry.stage.number, entry.happened_on) == (6, 5, 1, day(2))
    assert live_steps(walked) == [1, 6]
    entry = undo(walked)
    assert (entry.status, entry.undoes, live_steps(walked)) == (Status.NOT_STARTED, 6, [7])
    with refuses(__all__="undo"):
        undo(walked)


def test_there_is_nothing_before_the_creation(at_stage, rep):
    with refuses(__all__="undo"):
        undo(at_stage(0))


def test_undo_of_a_close(walked, price_w, rep):
    before = fresh(walked)
    lifecycle.close(before, version=4, outcome="won", close_code=price_w, on=day(9), by=rep, sales_value=Decimal(900))
    undo(walked)
    after = fresh(walked)
    assert (after.status, after.stage.number, after.closing_on) == (Status.IN_PROGRESS, 3, day(20))
    assert (after.closed_on, after.close_code, after.sales_value, after.calculated_value) == (None, None, None, 640)


def test_undo_of_an_archive(at_stage, rep):
    opportunity = at_stage(0)
    lifecycle.archive(opportunity, version=1, on=day(3), by=rep)
    undo(opportunity)
    assert not fresh(opportunity).archived


def test_life_goes_on_after_an_undo(walked, cycle, rep):
    undo(walked)
    with refuses(on="E14"):
        lifecycle.move(fresh(walked), version=5, to=cycle.stages.get(number=3), on=day(4), by=rep)
    entry = lifecycle.move(fresh(walked), version=5, to=cycle.stages.get(number=3), on=day(6), by=rep)
    assert (entry.step, entry.stage_entered_on) == (6, day(6))
    assert [e.days for e in walked.entries.live().order_by("step")] == [0, 3, 1, None]


def test_undo_is_refused_when_something_followed(walked, rep, manager):
    seen = fresh(walked)
    lifecycle.edit(fresh(walked), version=4, on=day(8), by=manager, description="Tables")
    lifecycle.revise(fresh(walked), version=5, on=day(8), by=rep, closing_on=day(30))
    with pytest.raises(Stale) as stale:
        undo(walked, version=4)
    assert [(e.step, e.action, e.by) for e in stale.value.since()] == [
        (5, Action.EDITED, manager),
        (6, Action.REVISED, rep),
    ]
    with pytest.raises(Stale):
        lifecycle.undo(seen, version=4, by=rep)
    assert fresh(walked).version == 6


def later(**hours_or_minutes):
    return time_machine.travel(timezone.now() + datetime.timedelta(**hours_or_minutes), tick=True)


def test_undo_is_possible_for_24_hours(walked, rep):
    with later(hours=24, minutes=1), refuses(__all__="undo_late"):
        undo(walked, rep)
    with later(hours=23, minutes=59):
        undo(walked, rep)
    assert live_steps(walked) == [1, 2, 5]


@pytest.mark.parametrize("door", ["import", "command"])
def test_who_replays_the_past_may_undo_at_any_time(walked, rep, door):
    with later(days=100):
        undo(walked, rep, door=door)
    assert live_steps(walked) == [1, 2, 5]


def test_a_step_that_an_undo_wrote_again_is_as_old_as_it_was(at_stage, cycle, rep):
    """Undo does not make young what it leaves standing."""
    days_ago = timezone.now() - datetime.timedelta(days=2)
    opportunity = at_stage(1, closing_on=day(20), recorded_at=days_ago)
    for number in (2, 3):
        how = {"recorded_at": days_ago + datetime.timedelta(minutes=1)} if number == 2 else {}
        present = fresh(opportunity)
        to = cycle.stages.get(number=number)
        lifecycle.move(present, version=present.version, to=to, on=day(5), by=rep, **how)
    undo(opportunity)
    for _ in range(2):
        with refuses(__all__="undo_late"):
            undo(opportunity)
        lifecycle.revise(fresh(opportunity), version=fresh(opportunity).version, on=day(6), by=rep)
        undo(opportunity)
    correct(opportunity, day(6))
    with refuses(__all__="undo_late"):
        undo(opportunity)
    lifecycle.revise(fresh(opportunity), version=fresh(opportunity).version, on=day(6), by=rep)
    undo(opportunity)


# ── correct ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_correct_appends_the_step_again_with_another_date(walked, manager):
    correct(walked, day(9), manager, reason="It was Monday")
    third, wrong, again, step = walked.entries.filter(step__gte=3)
    assert [e.step for e in (third, wrong, again, step)] == [3, 4, 5, 6]
    assert (again.action, again.undoes, again.happened_on, again.until) == (Action.UNDONE, 4, day(5), day(9))
    told = {"happened_on": day(9), "stage_entered_on": day(9), "by_id": manager.pk, "reason": "It was Monday"}
    assert columns(step) == columns(wrong) | told | {"undoes": 4, "voided_at": None}
    assert step.action == Action.NEXT
    assert live_steps(walked) == [1, 2, 5, 6]
    assert fresh(walked).stage_entered_on == day(9)


def test_correct_of_a_close_moves_its_dates(walked, price_w, rep):
    lifecycle.close(
        fresh(walked), version=4, outcome="won", close_code=price_w, on=day(9), by=rep, sales_value=Decimal(900)
    )
    correct(walked, day(8))
    closed = fresh(walked)
    assert (closed.closed_on, closed.closing_on, closed.version) == (day(8), day(8), 7)


def test_correct_of_a_revision_leaves_the_stage_s_date(walked, rep):
    lifecycle.revise(fresh(walked), version=4, on=day(9), by=rep, estimated_value=Decimal(5))
    correct(walked, day(8))
    assert (fresh(walked).stage_entered_on, walked.entries.current().get().happened_on) == (day(7), day(8))


def test_correct_of_a_revision_on_the_day_of_entering_leaves_the_stage_s_date(walked, rep):
    lifecycle.revise(fresh(walked), version=4, on=day(7), by=rep, estimated_value=Decimal(5))
    correct(walked, day(8))
    assert fresh(walked).stage_entered_on == day(7)


def test_correct_of_the_creation(at_stage):
    opportunity = at_stage(0)
    correct(opportunity, day(1))
    assert (fresh(opportunity).created_on, fresh(opportunity).version) == (day(1), 2)
    first, again = opportunity.entries.all()
    assert (first.voided_at is None, again.action, again.undoes) == (False, Action.CREATED, 1)
    correct(opportunity, datetime.date(2025, 1, 1))
    assert live_steps(opportunity) == [3]


def test_a_corrected_step_can_be_undone_and_corrected_again(walked):
    correct(walked, day(9))
    correct(walked, day(10))
    undo(walked)
    opportunity = fresh(walked)
    assert (opportunity.stage.number, opportunity.stage_entered_on) == (2, day(5))


def test_a_change_of_facts_may_be_dated_after_the_closing_date(walked, rep):
    """An overdue opportunity can be edited, so the date of that can be corrected too."""
    lifecycle.edit(fresh(walked), version=4, on=day(19), by=rep, description="Tables")
    correct(walked, day(21))
    correct(walked, day(22))
    assert walked.entries.current().get().happened_on == day(22)
    lifecycle.revise(fresh(walked), version=9, on=day(22), by=rep, closing_on=day(23))
    with refuses(on="E11"):
        correct(walked, day(24))


def test_correct_refuses(walked):
    with refuses(on="unchanged"):
        correct(walked, day(7))
    with refuses(on="E14"):
        correct(walked, day(4))
    with refuses(on="E14 E11"):
        correct(walked, datetime.date(2999, 1, 1))
    with refuses(on="E11"):
        correct(walked, day(21))
    with refuses(on="E08"):
        correct(walked, None)
    with pytest.raises(Stale):
        correct(walked, day(8), version=3)
    assert fresh(walked).version == 4
