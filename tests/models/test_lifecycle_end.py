"""close, reopen, archive and restore."""

from decimal import Decimal

import pytest

from opportunities import lifecycle
from opportunities.models import Action, Opportunity, Status
from tests.factories import CloseCodeFactory, QuoteFactory, fresh, make_cycle, make_opportunity
from tests.models.lifecycle_words import change, day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.fixture
def close(price_w, rep):
    def win(opportunity, **values):
        opportunity = fresh(opportunity)
        values = {"outcome": "won", "close_code": price_w, "on": day(4), "by": rep} | values
        return lifecycle.close(opportunity, version=opportunity.version, **values)

    return win


@pytest.fixture
def reopen(rep, cycle):
    def to_stage(opportunity, number, **values):
        opportunity = fresh(opportunity)
        values = {
            "to": number and cycle.stages.get(number=number),
            "reason": "Came back",
            "on": day(9),
            "by": rep,
        } | values
        return lifecycle.reopen(opportunity, version=opportunity.version, **values)

    return to_stage


def test_winning_changes_these_columns(at_stage, close, cycle, price_w):
    opportunity = at_stage(2, closing_on=day(20))
    close(opportunity, sales_value=Decimal("875.505"), reason="Best offer")
    assert change(opportunity) == {
        "status": Status.WON,
        "stage_id": None,
        "stage_before_id": cycle.stages.get(number=2).pk,
        "stage_entered_on": None,
        "chances": 100,
        "completed": 100,
        "probability": 100,
        "closing_on": day(4),
        "closed_on": day(4),
        "close_code_id": price_w.pk,
        "sales_value": Decimal("875.51"),
        "calculated_value": Decimal("875.51"),
        "action": Action.WON,
        "reason": "Best offer",
        "happened_on": day(4),
    }


def test_losing_changes_these_columns(at_stage, close, cycle, price_l):
    opportunity = at_stage(2, closing_on=day(20))
    close(opportunity, outcome="lost", close_code=price_l)
    assert change(opportunity) == {
        "status": Status.LOST,
        "stage_id": None,
        "stage_before_id": cycle.stages.get(number=2).pk,
        "stage_entered_on": None,
        "chances": 0,
        "completed": 100,
        "probability": 0,
        "closing_on": day(4),
        "closed_on": day(4),
        "close_code_id": price_l.pk,
        "calculated_value": 0,
        "action": Action.LOST,
        "happened_on": day(4),
    }


def test_one_not_started_may_be_closed(acme, rep, close, price_l):
    opportunity = lifecycle.create(description="Chairs", contact=acme, on=day(2), by=rep, sales_cycle=None).opportunity
    close(opportunity, outcome="lost", close_code=price_l)
    opportunity = fresh(opportunity)
    assert (opportunity.status, opportunity.stage_before, opportunity.sales_cycle) == (Status.LOST, None, None)


def test_winning_takes_the_net_amount_of_the_current_quote(at_stage, close):
    opportunity = at_stage(2)
    QuoteFactory(opportunity=opportunity, is_current=False, net_amount=1)
    QuoteFactory(opportunity=opportunity, net_amount=Decimal("250.10"))
    assert close(opportunity).sales_value == Decimal("250.10")


def test_a_typed_sales_value_wins_over_the_quote(at_stage, close):
    opportunity = at_stage(2)
    QuoteFactory(opportunity=opportunity)
    assert close(opportunity, sales_value=Decimal(3)).sales_value == 3


def test_a_quote_over_nothing_is_no_sales_value(at_stage, close):
    opportunity = at_stage(2)
    QuoteFactory(opportunity=opportunity, net_amount=0)
    with refuses(sales_value="E19"):
        close(opportunity)


def test_close_refuses(at_stage, close, price_l, acme, manager):
    opportunity = at_stage(2)
    blocked = CloseCodeFactory(code="OLD", outcome="won", blocked=True)
    cases = [
        ({"sales_value": None}, {"sales_value": "E19"}),
        ({"sales_value": Decimal("0.004")}, {"sales_value": "E19"}),
        ({"sales_value": Decimal(-5)}, {"sales_value": "E19"}),
        ({"close_code": price_l, "sales_value": Decimal(5)}, {"close_code": "E18"}),
        ({"close_code": None, "sales_value": Decimal(5)}, {"close_code": "E18"}),
        ({"close_code": blocked, "sales_value": Decimal(5)}, {"close_code": "E22"}),
        ({"outcome": "lost", "close_code": price_l, "sales_value": Decimal(5)}, {"sales_value": "E19"}),
        ({"outcome": "", "close_code": price_l}, {"outcome": "E17", "close_code": "E18"}),
        ({"on": day(1), "sales_value": Decimal(5)}, {"on": "E14"}),
        ({"on": None, "sales_value": Decimal(5)}, {"on": "E08"}),
    ]
    for values, codes in cases:
        with refuses(**codes):
            close(opportunity, **values)
    unassigned = make_opportunity(contact=acme, by=manager)
    with refuses(salesperson="E08"):
        close(unassigned, outcome="lost", close_code=price_l)
    assert not Opportunity.objects.filter(closed_on__isnull=False).exists()


# ── reopen ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reopening_changes_these_columns(at_stage, close, reopen, cycle):
    opportunity = at_stage(3, closing_on=day(20))
    lifecycle.revise(opportunity, version=4, on=day(3), by=None, chances=Decimal(33))
    close(opportunity, sales_value=Decimal(900))
    reopen(opportunity, 2)
    assert change(opportunity) == {
        "status": Status.IN_PROGRESS,
        "stage_id": cycle.stages.get(number=2).pk,
        "stage_entered_on": day(9),
        "chances": 33,
        "chances_are_manual": True,
        "completed": 40,
        "probability": Decimal("13.2"),
        "closing_on": day(20),
        "closed_on": None,
        "close_code_id": None,
        "sales_value": None,
        "calculated_value": 132,
        "action": Action.REOPENED,
        "reason": "Came back",
        "happened_on": day(9),
    }


def test_reopening_without_manual_chances_takes_the_stage_s(at_stage, close, reopen):
    opportunity = at_stage(3, closing_on=day(20))
    close(opportunity, sales_value=Decimal(900))
    entry = reopen(opportunity, 3)
    assert (entry.chances, entry.chances_are_manual, entry.stage_before.number) == (80, False, 3)


def test_a_past_closing_date_must_be_typed_anew(at_stage, close, reopen):
    opportunity = at_stage(3, closing_on=day(8))
    close(opportunity, sales_value=Decimal(900))
    with refuses(closing_on="E11"):
        reopen(opportunity, 3)
    assert reopen(opportunity, 3, closing_on=day(30)).closing_on == day(30)


def test_the_old_date_returns_even_where_the_stage_has_a_formula(at_stage, close, reopen, cycle):
    opportunity = at_stage(3, closing_on=day(20))
    cycle.stages.filter(number=2).update(date_formula="1W")
    close(opportunity, sales_value=Decimal(900))
    assert reopen(opportunity, 2).closing_on == day(20)


def test_one_that_never_started_goes_back_to_not_started(at_stage, close, reopen, price_l):
    opportunity = at_stage(0, chances=Decimal(40), closing_on=day(5))
    close(opportunity, outcome="lost", close_code=price_l)
    with refuses(to="E15"):
        reopen(opportunity, 1)
    entry = reopen(opportunity, None)
    assert (entry.status, entry.stage, entry.chances, entry.chances_are_manual) == (Status.NOT_STARTED, None, 40, True)
    assert (entry.closing_on, entry.calculated_value, entry.completed) == (day(5), 0, None)


def test_reopen_refuses(at_stage, close, reopen):
    opportunity = at_stage(3, closing_on=day(20))
    with refuses(__all__="E20"):
        reopen(opportunity, 3)
    close(opportunity, sales_value=Decimal(900))
    other = make_cycle("OTHER").stages.get(number=1)
    with refuses(to="E08", reason="E08"):
        reopen(opportunity, None, reason=" ")
    with refuses(to="E15"):
        reopen(opportunity, 1, to=other)
    with refuses(on="E14"):
        reopen(opportunity, 1, on=day(3))
    with refuses(estimated_value="E10"):
        reopen(opportunity, 1, estimated_value=Decimal(0))
    assert fresh(opportunity).is_closed


def test_reopening_needs_the_quote_of_the_chosen_stage(at_stage, close, reopen, cycle):
    opportunity = at_stage(3, closing_on=day(20))
    close(opportunity, sales_value=Decimal(900))
    cycle.stages.filter(number=2).update(quote_required=True)
    with refuses(to="E16"):
        reopen(opportunity, 2)
    assert reopen(opportunity, 3).stage.number == 3  # only the chosen stage counts
    close(opportunity, on=day(9), sales_value=Decimal(900))
    QuoteFactory(opportunity=opportunity)
    assert reopen(opportunity, 2).stage.number == 2


# ── archive, restore ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_archiving_and_restoring_change_these_columns(at_stage, rep):
    opportunity = at_stage(0)
    lifecycle.archive(opportunity, version=1, on=day(3), by=rep, reason="A double")
    assert change(opportunity) == {
        "archived": True,
        "action": Action.ARCHIVED,
        "reason": "A double",
        "happened_on": day(3),
    }
    lifecycle.restore(fresh(opportunity), version=2, on=day(4), by=rep)
    assert change(opportunity) == {
        "archived": False,
        "action": Action.RESTORED,
        "reason": "",
        "happened_on": day(4),
    }


def test_archive_and_restore_refuse(at_stage, rep):
    how = {"on": day(3), "by": rep}
    with refuses(__all__="E01"):
        lifecycle.archive(at_stage(1), version=2, **how)
    opportunity = at_stage(0)
    with refuses(__all__="archived"):
        lifecycle.restore(opportunity, version=1, **how)
    with refuses(on="E14"):
        lifecycle.archive(opportunity, version=1, on=day(1), by=rep)
    lifecycle.archive(opportunity, version=1, **how)
    opportunity = fresh(opportunity)
    with refuses(__all__="archived"):
        lifecycle.archive(opportunity, version=2, **how)
    with refuses(on="E14"):
        lifecycle.restore(opportunity, version=2, on=day(2), by=rep)


def test_nothing_happens_to_an_archived_one(at_stage, rep, cycle, price_l, ann):
    opportunity = at_stage(0)
    lifecycle.archive(opportunity, version=1, on=day(3), by=rep)
    opportunity = fresh(opportunity)
    how = {"version": 2, "on": day(3), "by": rep}
    for verb in (
        lambda: lifecycle.start(opportunity, **how),
        lambda: lifecycle.move(opportunity, to=cycle.stages.first(), **how),
        lambda: lifecycle.revise(opportunity, **how),
        lambda: lifecycle.edit(opportunity, description="x", **how),
        lambda: lifecycle.reassign(opportunity, contact=ann, **how),
        lambda: lifecycle.change_cycle(opportunity, sales_cycle=None, **how),
        lambda: lifecycle.close(opportunity, outcome="lost", close_code=price_l, **how),
        lambda: lifecycle.reopen(opportunity, reason="x", **how),
    ):
        with refuses(__all__="archived"):
            verb()
