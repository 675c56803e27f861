"""What all verbs share: the version comes first, doors, imports, query counts."""

import datetime
from decimal import Decimal

import pytest

from opportunities import lifecycle
from opportunities.lifecycle import Stale
from opportunities.models import Batch, Door, Opportunity
from tests.factories import QuoteFactory, fresh
from tests.models.lifecycle_words import day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


def verbs(opportunity, stage, code, contact):
    """Every verb on an existing opportunity, asked for something that other guards refuse too."""
    how = {"version": 1, "by": None}
    dated = how | {"on": datetime.date(2999, 1, 1)}
    return {
        "start": lambda: lifecycle.start(opportunity, **dated),
        "move": lambda: lifecycle.move(opportunity, to=stage, **dated),
        "revise": lambda: lifecycle.revise(opportunity, estimated_value=Decimal(-1), **dated),
        "edit": lambda: lifecycle.edit(opportunity, description="", **dated),
        "reassign": lambda: lifecycle.reassign(opportunity, salesperson=None, **dated),
        "change_cycle": lambda: lifecycle.change_cycle(opportunity, sales_cycle=None, **dated),
        "close": lambda: lifecycle.close(opportunity, outcome="", close_code=None, **dated),
        "reopen": lambda: lifecycle.reopen(opportunity, reason="", **dated),
        "archive": lambda: lifecycle.archive(opportunity, **dated),
        "restore": lambda: lifecycle.restore(opportunity, **dated),
        "correct": lambda: lifecycle.correct(opportunity, **dated),
        "undo": lambda: lifecycle.undo(opportunity, **how),
    }


def test_the_version_is_compared_before_anything_else(at_stage, cycle, price_w, ann, django_assert_num_queries):
    opportunity = at_stage(2)
    for verb in verbs(opportunity, cycle.stages.get(number=4), price_w, ann).values():
        with django_assert_num_queries(3), pytest.raises(Stale) as stale:  # the transaction alone, nothing read
            verb()
        assert [entry.step for entry in stale.value.since()] == [2, 3]
    assert fresh(opportunity).version == 3


def test_a_row_that_changed_since_it_was_read_is_stale(at_stage, cycle, rep):
    """The form's version fits what was read, yet somebody was faster."""
    read = at_stage(2)
    lifecycle.edit(fresh(read), version=3, on=day(2), by=rep, description="Tables")
    with pytest.raises(Stale):
        lifecycle.move(read, version=3, to=cycle.stages.get(number=3), on=day(2), by=rep)
    assert (fresh(read).version, read.entries.count()) == (4, 4)


def test_closed_comes_before_the_date(at_stage, price_l, rep):
    opportunity = at_stage(1)
    lifecycle.close(opportunity, version=2, outcome="lost", close_code=price_l, on=day(3), by=rep)
    with refuses(__all__="E20"):
        lifecycle.revise(fresh(opportunity), version=3, on=day(1), by=rep, estimated_value=Decimal(0))


def test_the_entry_says_how_it_came_in(at_stage, manager):
    batch = Batch.objects.create(door=Door.BULK, by=manager)
    entry = lifecycle.edit(
        at_stage(1), version=2, on=day(2), by=manager, description="Tables", door=Door.BULK, batch=batch
    )
    assert (entry.door, entry.batch, entry.by, entry.imported_at) == (Door.BULK, batch, manager, None)


# ── imports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_may_leave_the_value_unknown_and_bring_past_dates(acme, jo, cycle):
    how = {"by": None, "door": Door.IMPORT}
    opportunity = lifecycle.create(
        description="Old", contact=acme, salesperson=jo, sales_cycle=cycle, on=day(5), start=True,
        closing_on=day(1), **how,
    ).opportunity  # fmt: skip
    entry = lifecycle.move(fresh(opportunity), version=2, to=cycle.stages.get(number=2), on=day(6), **how)
    assert (entry.estimated_value, entry.calculated_value, entry.closing_on) == (None, None, day(1))
    assert Opportunity.objects.totals() == {"count": 1, "estimated_value": None, "calculated_value": None}


def test_an_import_brings_no_negative_value(at_stage):
    with refuses(estimated_value="E10"):
        lifecycle.revise(
            at_stage(1), version=2, on=day(5), by=None, door=Door.IMPORT, estimated_value=Decimal(-1)
        )  # fmt: skip


def instant(of_march):
    return datetime.datetime(2026, 3, of_march, 12, tzinfo=datetime.UTC)


def test_an_import_gives_the_instants_of_its_steps(acme, jo, cycle):
    arrived = instant(30)
    how = {"by": None, "door": Door.IMPORT, "imported_at": arrived}
    opportunity = lifecycle.create(
        description="Old", contact=acme, salesperson=jo, sales_cycle=cycle, on=day(2), start=True,
        recorded_at=instant(2), **how,
    ).opportunity  # fmt: skip
    to = cycle.stages.get(number=2)
    lifecycle.move(fresh(opportunity), version=2, to=to, on=day(9), recorded_at=instant(10), **how)
    entries = opportunity.entries.order_by("step")
    assert [(e.recorded_at, e.replaced_at, e.imported_at) for e in entries] == [
        (instant(2), instant(2), arrived),
        (instant(2), instant(10), arrived),
        (instant(10), None, arrived),
    ]
    lifecycle.correct(fresh(opportunity), version=3, on=day(8), by=None)
    assert opportunity.entries.get(step=3).voided_at > instant(30)


# ── query counts: two of them begin and end the transaction ───────────────────────────────────────────────────────────

COUNTS = {
    "create": 7,
    "create and start": 14,
    "start": 6,
    "move": 6,
    "move where a quote is needed": 8,  # asked again once the row is held
    "revise": 6,
    "close": 5,
}


@pytest.fixture
def read(at_stage, cycle):
    """Read as a page does."""

    def with_all(number):
        made = at_stage(number, closing_on=day(20))
        return Opportunity.objects.with_names().with_last_date().get(pk=made.pk)

    return with_all


def test_queries_of_create(acme, jo, cycle, rep, django_assert_num_queries):
    how = {"description": "Chairs", "contact": acme, "salesperson": jo, "sales_cycle": cycle, "on": day(2), "by": rep}
    lifecycle.create(**how)
    with django_assert_num_queries(COUNTS["create"]):
        lifecycle.create(**how)
    with django_assert_num_queries(COUNTS["create and start"]):
        lifecycle.create(**how, start=True, estimated_value=Decimal(1))


def test_queries_of_move(read, cycle, rep, django_assert_num_queries):
    opportunity, to = read(1), cycle.stages.get(number=2)
    with django_assert_num_queries(COUNTS["move"]):
        lifecycle.move(opportunity, version=2, to=to, on=day(2), by=rep)
    cycle.stages.filter(number=3).update(quote_required=True)
    QuoteFactory(opportunity=opportunity)
    again, to = Opportunity.objects.with_names().with_last_date().get(), cycle.stages.get(number=3)
    with django_assert_num_queries(COUNTS["move where a quote is needed"]):
        lifecycle.move(again, version=3, to=to, on=day(2), by=rep)


def test_queries_of_start(read, rep, django_assert_num_queries):
    opportunity = read(0)
    with django_assert_num_queries(COUNTS["start"]):
        lifecycle.start(opportunity, version=1, on=day(2), by=rep)


def test_queries_of_revise(read, rep, django_assert_num_queries):
    opportunity = read(1)
    with django_assert_num_queries(COUNTS["revise"]):
        lifecycle.revise(opportunity, version=2, on=day(2), by=rep, estimated_value=Decimal(5))


def test_queries_of_close(read, rep, price_w, django_assert_num_queries):
    opportunity = read(1)
    with django_assert_num_queries(COUNTS["close"]):
        lifecycle.close(
            opportunity, version=2, outcome="won", close_code=price_w, on=day(2), by=rep, sales_value=Decimal(5)
        )
