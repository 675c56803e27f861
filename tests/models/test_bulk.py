"""Bulk actions: the preview is the run, versions decide, the batch goes back for 24 hours."""

import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from opportunities import bulk, lifecycle
from opportunities.effects import WORD_JOINER
from opportunities.models import Batch, Door, Opportunity, OpportunityEntry
from salescycles.models import Stage
from tests.factories import QuoteFactory, SourceFactory, fresh, make_cycle, make_opportunity
from tests.models.lifecycle_words import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound_ledger", "company")]
ON = {"on": day(2), "reason": ""}


def now(*rows: Opportunity) -> dict[int, int]:
    return {row.pk: fresh(row).version for row in rows}


def told(outcome: bulk.Outcome) -> dict[str, Any]:
    return {
        "changed": [row.before.pk for row in outcome.changed],
        "unchanged": [row.before.pk for row in outcome.unchanged],
        "refused": {row.before.pk: row.why for row in outcome.refused},
        "gone": outcome.gone,
        "effect": outcome.effect.replace(WORD_JOINER, ""),
    }


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Opportunity, OpportunityEntry, Batch)]


def both(user: Any, rows: Any, verb: str, **values: Any) -> dict[str, Any]:
    """What the preview says; nothing is written by it, and the run does exactly that."""
    before = everything()
    seen = rows if isinstance(rows, dict) else now(*rows)
    foretold = bulk.preview(user, dict.fromkeys(seen), verb, values | ON)
    assert everything() == before
    done = bulk.run(user, seen, verb, values | ON)
    assert told(done) == told(foretold)
    assert [row.after and row.after.version for row in done.rows] == [
        row.after and row.after.version for row in foretold.rows
    ]
    changed = {row.pk: row for row in Opportunity.objects.filter(pk__in=[row.before.pk for row in done.changed])}
    assert {key: row.version for key, row in changed.items()} == {
        row.before.pk: row.before.version + 1 for row in done.changed
    }
    assert (done.batch is None) == (not done.changed)
    return told(done)


# ── what each verb does ──────────────────────────────────────────────────────────────────────────────────────────────


def test_move(at_stage, cycle, rep, acme, jo):
    present, offer = cycle.stages.filter(number__in=(2, 3))
    Stage.objects.filter(pk=offer.pk).update(quote_required=True)
    other = make_opportunity(contact=acme, salesperson=jo, by=rep, cycle=make_cycle("OTHER"), stage=1)
    first, there, quoted, waiting, nothing = at_stage(2), at_stage(2), at_stage(2), at_stage(0), at_stage(2)
    QuoteFactory(opportunity=there)
    lifecycle.move(fresh(there), version=fresh(there).version, to=offer, on=day(2), by=rep)
    QuoteFactory(opportunity=quoted)
    rows = (other, first, there, quoted, waiting, nothing)
    assert both(rep, rows, "move", to=offer) == {
        "changed": [quoted.pk],
        "unchanged": [there.pk],
        "refused": {
            other.pk: "The stage belongs to another sales cycle.",
            first.pk: "The stage “Offer” needs a quote. Add one first.",
            waiting.pk: "It has not started yet; it starts at the stage “Initial”.",
            nothing.pk: "The stage “Offer” needs a quote. Add one first.",
        },
        "gone": 0,
        "effect": "Weighted value +€400.00.",
    }
    assert (fresh(quoted).stage, fresh(first).stage) == (offer, present)


def test_moving_to_the_first_stage_starts_what_has_not_started(at_stage, cycle, rep):
    waiting, running = at_stage(0), at_stage(2)
    assert both(rep, (waiting, running), "move", to=cycle.stages.get(number=1))["changed"] == [waiting.pk, running.pk]
    assert [fresh(row).entries.get(replaced_at=None).action for row in (waiting, running)] == ["started", "previous"]


def test_moving_says_which_fields_are_missing(at_stage, cycle, rep):
    unknown = at_stage(0, value=1, estimated_value=None)
    outcome = bulk.preview(rep, {unknown.pk: None}, "move", {"to": cycle.stages.get(number=1), **ON})
    (row,) = outcome.refused
    assert (row.why, [str(name) for name in row.missing]) == (
        "Enter an estimated value above zero.",
        ["estimated value"],
    )
    assert not outcome.changed


def test_revise_to_a_date_or_by_a_shift(at_stage, rep, price_l):
    early, late, waiting, closed = (
        at_stage(1, closing_on=day(10)),
        at_stage(1, closing_on=day(20)),
        at_stage(0),
        at_stage(1),
    )
    lifecycle.close(closed, version=2, outcome="lost", close_code=price_l, on=day(2), by=rep)
    rows = (early, late, waiting, closed)
    over = {closed.pk: "The opportunity is closed. Reopen it first."}
    dated = both(rep, rows, "revise", closing_on=day(20))
    assert dated == {
        "changed": [early.pk, waiting.pk], "unchanged": [late.pk], "refused": over, "gone": 0, "effect": "",
    }  # fmt: skip
    shifted = both(rep, rows, "revise", shift="1W+1D")
    assert (shifted["changed"], shifted["refused"]) == ([early.pk, late.pk, waiting.pk], over)
    assert [fresh(row).closing_on for row in (early, late, waiting)] == [day(28)] * 3
    assert both(rep, rows, "revise", shift="0D")["unchanged"] == [early.pk, late.pk, waiting.pk]


def test_a_shift_needs_a_date_and_stays_in_the_calendar(at_stage, rep):
    waiting, running = at_stage(0), at_stage(1)
    said = both(rep, (waiting, running), "revise", shift="999Y")
    assert said["refused"] == {
        waiting.pk: "There is no closing date to shift.",
        running.pk: "The shifted closing date would lie outside the calendar.",
    }
    back = both(rep, (running,), "revise", shift="-1M")
    assert back["refused"] == {running.pk: "The closing date cannot lie before the date of this change."}


def test_revise_values(at_stage, rep):
    one, two = at_stage(1), at_stage(1, value=400)
    said = both(rep, (one, two), "revise", estimated_value=Decimal(1000), chances=Decimal(20))
    assert said["changed"] == [one.pk, two.pk], "chances of one's own are not the stage's, even where they are equal"
    assert said["effect"] == "Open value +€600.00, weighted value +€12.00."
    assert both(rep, (one, two), "revise", estimated_value=Decimal(1000))["unchanged"] == [one.pk, two.pk]


def test_edit(at_stage, rep, price_w):
    fair = SourceFactory()
    plain, high, won = at_stage(1), at_stage(1, priority="high", source=fair), at_stage(1)
    lifecycle.close(won, version=2, outcome="won", close_code=price_w, sales_value=5, on=day(2), by=rep)
    assert both(rep, (plain, high, won), "edit", priority="high", source=fair) == {
        "changed": [plain.pk],
        "unchanged": [high.pk],
        "refused": {won.pk: "This cannot be changed once the opportunity is closed."},
        "gone": 0,
        "effect": "",
    }


def test_reassign_hands_away(at_stage, rep, manager, of, jo):
    one, two = at_stage(1), at_stage(1, salesperson=of)
    said = both(rep, {one.pk: 2, two.pk: 2, 999999: 1}, "reassign", salesperson=of)
    assert said == {
        "changed": [one.pk], "unchanged": [], "refused": {}, "gone": 2,
        "effect": "Open value −€1,000.00, weighted value −€20.00.",
    }  # fmt: skip
    assert both(manager, (one, two), "reassign", salesperson=jo)["effect"] == ""


def test_close_won_at_the_quote_or_the_estimate(at_stage, rep, price_w):
    estimated, quoted, unknown = at_stage(1), at_stage(1), at_stage(0, estimated_value=None)
    QuoteFactory(opportunity=quoted, net_amount=250)
    said = both(rep, (estimated, quoted, unknown), "close", outcome="won", close_code=price_w)
    assert said["refused"] == {unknown.pk: "Enter a sales value above zero."}
    assert [fresh(row).sales_value for row in (estimated, quoted)] == [1000, 250]
    assert said["effect"] == "Open value −€2,000.00, weighted value −€40.00, won value +€1,250.00."


def test_close_lost(at_stage, rep, price_l):
    running, waiting = at_stage(2), at_stage(0)
    both(rep, (running, waiting), "close", outcome="lost", close_code=price_l)
    assert [fresh(row).close_code for row in (running, waiting)] == [price_l] * 2


def test_archive_and_restore(at_stage, rep):
    waiting, running, away = at_stage(0), at_stage(1), at_stage(0)
    lifecycle.archive(away, version=1, on=day(2), by=rep)
    rows = (waiting, running, away)
    said = both(rep, rows, "archive")
    assert (said["changed"], said["unchanged"]) == ([waiting.pk], [away.pk])
    assert said["refused"] == {running.pk: "An opportunity in progress cannot be archived. Close it first."}
    said = both(rep, rows, "restore")
    assert (said["changed"], said["unchanged"], said["refused"]) == ([waiting.pk, away.pk], [running.pk], {})


# ── batch, versions, limits ──────────────────────────────────────────────────────────────────────────────────────────


def test_one_batch_and_one_entry_each(at_stage, rep):
    rows = [at_stage(1) for _ in range(3)]
    token = uuid4()
    outcome = bulk.run(
        rep, now(*rows), "edit", {"priority": "low", **ON, "reason": "tidy"}, asked=[("priority", "Low")], token=token
    )
    batch = Batch.objects.get()
    assert outcome.batch == batch
    assert (batch.door, batch.by, batch.verb, batch.asked, batch.refused, batch.token) == (
        Door.BULK, rep, "edit", [["priority", "Low"]], [], token,
    )  # fmt: skip
    entries = OpportunityEntry.objects.filter(batch=batch).order_by("pk")
    assert [(e.opportunity_id, e.step, e.action, e.by, e.door, e.reason) for e in entries] == [
        (row.pk, 3, "edited", rep, Door.BULK, "tidy") for row in rows
    ]


def test_a_row_changed_since_the_preview_is_left(at_stage, rep, manager):
    mine, theirs = at_stage(1), at_stage(1)
    seen = now(mine, theirs)
    lifecycle.revise(theirs, version=2, estimated_value=Decimal(7), on=day(2), by=manager)
    lifecycle.edit(fresh(theirs), version=3, priority="low", on=day(2), by=None)
    outcome = bulk.run(rep, seen, "revise", {"shift": "1D", **ON})
    why = "Changed meanwhile by Manager, the system: Revised, Edited."
    assert told(outcome)["refused"] == {theirs.pk: why}
    assert outcome.batch and outcome.batch.refused == [[theirs.pk, why]]
    assert (fresh(mine).version, fresh(theirs).version) == (3, 4)


def test_without_a_change_there_is_no_batch(at_stage, rep):
    row = at_stage(1)
    outcome = bulk.run(rep, now(row), "archive", ON, token=uuid4())
    assert (outcome.batch, Batch.objects.count(), fresh(row).version) == (None, 0, 2)


def test_at_most_200(rep, manager):
    for act in (bulk.preview, bulk.run):
        with pytest.raises(ValidationError) as refused:
            act(rep, dict.fromkeys(range(201), 1), "archive", ON)
        assert refused.value.messages == ["You chose 201. At most 200 can be changed in one run: choose fewer."]


def test_the_same_preview_runs_once(at_stage, rep):
    row, token = at_stage(1), uuid4()
    first = bulk.run(rep, now(row), "edit", {"priority": "low", **ON}, token=token)
    with pytest.raises(bulk.AlreadyRun) as again:
        bulk.run(rep, now(row), "edit", {"priority": "high", **ON}, token=token)
    assert again.value.batch == first.batch
    assert (fresh(row).priority, Batch.objects.count()) == ("low", 1)


def test_somebody_elses_token_tells_nothing(at_stage, rep, manager):
    row, token = at_stage(1), uuid4()
    bulk.run(rep, now(row), "edit", {"priority": "low", **ON}, token=token)
    with pytest.raises(Exception, match="token"):
        bulk.run(manager, now(row), "edit", {"priority": "high", **ON}, token=token)


# ── undo ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_of_200_rows_three_changed_since_197_go_back(at_stage, rep, manager, cycle):
    rows = [at_stage(1) for _ in range(200)]
    moved = bulk.run(rep, now(*rows), "move", {"to": cycle.stages.get(number=2), **ON})
    assert (len(moved.changed), moved.effect.replace(WORD_JOINER, "")) == (200, "Weighted value +€44,000.00.")
    for row in rows[:2]:
        lifecycle.edit(fresh(row), version=3, priority="high", on=day(2), by=manager)
    lifecycle.revise(fresh(rows[2]), version=3, estimated_value=Decimal(1), on=day(2), by=rep)
    assert moved.batch
    before = everything()
    foretold = bulk.undo(rep, moved.batch, dry=True)
    assert everything() == before
    undone = bulk.undo(rep, moved.batch)
    assert told(undone) == told(foretold)
    assert told(undone)["refused"] == {
        rows[0].pk: "Changed meanwhile by Manager: Edited.",
        rows[1].pk: "Changed meanwhile by Manager: Edited.",
        rows[2].pk: "Changed meanwhile by Rep: Revised.",
    }
    assert len(undone.changed) == 197
    assert undone.batch and (undone.batch.undoes, undone.batch.verb) == (moved.batch, "undo")
    assert OpportunityEntry.objects.filter(batch=undone.batch, action="undone", undoes=3).count() == 197
    assert Opportunity.objects.filter(stage__number=1).count() == 197
    again = bulk.undo(rep, moved.batch)
    assert (again.batch, len(again.refused)) == (None, 200)


def test_undo_of_what_was_archived_and_reassigned(at_stage, rep, manager, of, jo):
    waiting = at_stage(0)
    gone = bulk.run(rep, now(waiting), "archive", ON).batch
    assert gone and bulk.undo(rep, gone).changed
    away = bulk.run(rep, now(waiting), "reassign", {"salesperson": of, **ON}).batch
    assert away
    assert told(bulk.undo(rep, away)) == {"changed": [], "unchanged": [], "refused": {}, "gone": 1, "effect": ""}
    assert bulk.undo(manager, away).changed
    assert (fresh(waiting).archived, fresh(waiting).salesperson) == (False, jo)


def test_who_may_undo_and_for_how_long(at_stage, rep, rep2, manager, viewer):
    batch = bulk.run(rep, now(at_stage(1)), "edit", {"priority": "low", **ON}).batch
    assert batch
    may = [bulk.can_be_undone(user, batch) for user in (rep, manager, rep2, viewer)]
    assert may == [True, True, False, False]
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=24, minutes=1)):
        assert not bulk.can_be_undone(rep, batch)
    undone = bulk.undo(rep, batch).batch
    assert undone and not bulk.can_be_undone(rep, undone)


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def statements(act: Any) -> int:
    with CaptureQueriesContext(connection) as asked:
        act()
    return len(asked)


@pytest.mark.parametrize(
    ("verb", "each"),
    [("move", 5), ("revise", 5), ("edit", 5), ("reassign", 5), ("close", 5), ("archive", 5), ("undo", 7)],
)
def test_statements_for_each_row(at_stage, manager, cycle, of, price_w, verb, each):
    """Savepoint and release, present, end of the old entry, the new one; an undo reads the last two entries too, and
    asks whether there are tasks."""
    values: dict[str, Any] = {
        "move": {"to": cycle.stages.select_related("sales_cycle").get(number=2)},
        "revise": {"shift": "1D"},
        "edit": {"priority": "low"},
        "reassign": {"salesperson": of},
        "close": {"outcome": "won", "close_code": price_w},
    }.get(verb, {}) | ({} if verb == "undo" else ON)
    counted = []
    manager.has_perm("warm")
    for count in (1, 20):
        rows = [at_stage(0 if verb == "archive" else 1) for _ in range(count)]
        if verb == "undo":
            done = bulk.run(manager, now(*rows), "edit", {"priority": "low", **ON}).batch
            assert done
            counted.append(statements(lambda batch=done: bulk.undo(manager, batch)))
        else:
            seen = now(*rows)
            counted.append(statements(lambda seen=seen: bulk.run(manager, seen, verb, values)))
    assert counted[1] - counted[0] == 19 * each
    more = {"undo": 1, "reassign": 2}  # who gets how many, and telling them
    assert counted[0] == each + 10 + more.get(verb, 0)
