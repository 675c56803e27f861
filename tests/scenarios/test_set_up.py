"""Cycles, stages and close codes: what is set up, and what may be changed or deleted."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from opportunities import lifecycle
from opportunities.ledger import with_stage_names
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle, Stage
from tests.factories import CloseCodeFactory, fresh, make_cycle, make_opportunity


def stage_names(opportunity):
    """What the stage of each step was called then, in one query."""
    return [entry.stage_name for entry in with_stage_names(opportunity.entries.order_by("step"))]


def start_with_first(method, contact, salesperson, by, on, value):
    cycle = make_cycle("ONE", stages=(("Only", 40, 60),), probability_method=method)
    opportunity = make_opportunity(contact=contact, salesperson=salesperson, cycle=cycle, by=by, on=on)
    lifecycle.start(opportunity, version=1, on=on, by=by, estimated_value=Decimal(value))
    return fresh(opportunity)


def test_s001_method_average_of_chances_and_completed(acme, jo, rep, day):
    opportunity = start_with_first("average", acme, jo, rep, day(2), 500)
    assert (opportunity.probability, opportunity.calculated_value) == (50, 250)


def test_s003_method_completed(acme, jo, rep, day):
    opportunity = start_with_first("completed", acme, jo, rep, day(2), 500)
    assert (opportunity.probability, opportunity.calculated_value) == (40, 200)


def test_s005_a_close_code_is_created(db):
    CloseCode.objects.create(code="price_x", description="Price", outcome="won")
    code = CloseCode.objects.get(code="PRICE_X")
    assert (code.description, code.outcome, code.blocked) == ("Price", "won", False)


def test_s006_a_close_code_changes_its_kind(db):
    code = CloseCodeFactory(code="PRICE_X", outcome="won")
    code.outcome, code.description = "lost", "Too dear"
    code.save()
    assert CloseCode.objects.values_list("outcome", "description").get(code="PRICE_X") == ("lost", "Too dear")


def test_s006_a_close_code_in_use_keeps_its_kind(at_stage, price_w, rep, day):
    """Ours: docs/decisions.md, “Deleting is archiving”."""
    opportunity = at_stage(1)
    lifecycle.close(
        opportunity, version=2, outcome="won", close_code=price_w, on=day(2), by=rep, sales_value=Decimal(900)
    )
    price_w.outcome = "lost"
    with pytest.raises(IntegrityError, match="_code_of_its_outcome"), transaction.atomic():
        price_w.save()


def test_s007_a_close_code_is_deleted(price_w):
    price_w.delete()
    assert not CloseCode.objects.filter(code="PRICE_W").exists()


def test_s026_figures_of_a_cycle(at_stage, acme, jo, rep):
    at_stage(1)  # 1 000 at 20 % × 10 %
    at_stage(2, value=500)  # 60 % × 40 %
    at_stage(0, value=700)  # not started: no calculated value
    other = make_cycle("OTHER")
    make_opportunity(contact=acme, salesperson=jo, cycle=other, stage=1, by=rep)
    totals = Opportunity.objects.filter(sales_cycle__code="CY").totals()
    assert totals == {"count": 3, "estimated_value": Decimal(2200), "calculated_value": Decimal(140)}


@pytest.mark.django_db(transaction=True)
def test_s044_an_entry_shows_the_stage_by_name(at_stage):
    opportunity = at_stage(1)
    assert stage_names(opportunity) == [None, "Initial"]
    assert str(opportunity.stage) == "Initial"


@pytest.mark.django_db(transaction=True)
def test_s045_an_entry_keeps_the_name_that_its_stage_had(at_stage, cycle, rep, day, django_assert_num_queries):
    """The name comes from the stage, not from what was typed; ours: and from the stage as it was then
    (docs/decisions.md, “An entry shows its stage's name of that time”)."""
    opportunity = at_stage(1)
    Stage.objects.filter(sales_cycle=cycle, number=1).update(description="First talk")
    lifecycle.revise(opportunity, version=2, on=day(2), by=rep, estimated_value=Decimal(900))
    Stage.objects.filter(sales_cycle=cycle, number=1).update(description="Hello")
    with django_assert_num_queries(1):
        assert stage_names(opportunity) == [None, "Initial", "First talk"]
    assert str(fresh(opportunity).stage) == "Hello"


@pytest.mark.django_db(transaction=True)
def test_s045_an_entry_recorded_before_the_stage_was_known_shows_its_oldest_name(acme, jo, cycle, rep, day):
    """A seed may give an old `recorded_at`: the names were not kept then."""
    long_ago = cycle.stages.get(number=1).events.get().pgh_created_at.replace(year=2020)
    entry = lifecycle.create(
        description="Old", contact=acme, salesperson=jo, sales_cycle=cycle, start=True, by=rep,
        on=day(2).replace(year=2020), estimated_value=Decimal(1), recorded_at=long_ago.replace(month=12),
    )  # fmt: skip
    cycle.stages.filter(number=1).update(description="Renamed")
    assert stage_names(entry.opportunity) == [None, "Initial"]


def test_s085_a_new_opportunity_gets_the_default_cycle(acme, jo, rep, day):
    default = make_cycle(is_default=True)
    make_cycle("ANOTHER")
    entry = lifecycle.create(description="Chairs", contact=acme, salesperson=jo, on=day(2), by=rep)
    assert entry.sales_cycle == default


def test_s232_a_cycle_in_use_is_kept(at_stage, cycle):
    at_stage(1)
    with pytest.raises(ProtectedError):
        cycle.delete()
    assert SalesCycle.objects.filter(code="CY").exists()


def test_s232_a_cycle_of_closed_or_not_started_ones_is_kept_too(at_stage, cycle, price_l, rep, day):
    """Ours: docs/decisions.md, “Deleting is archiving”. The reference deletes it, and the past with it."""
    opportunity = at_stage(0)
    with pytest.raises(ProtectedError):
        cycle.delete()
    lifecycle.close(opportunity, version=1, outcome="lost", close_code=price_l, on=day(2), by=rep)
    with pytest.raises(ProtectedError):
        cycle.delete()


def test_s232_a_cycle_not_in_use_goes_with_its_stages(cycle):
    cycle.delete()
    assert not Stage.objects.filter(sales_cycle__code="CY").exists()
