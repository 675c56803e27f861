"""Creating and starting an opportunity; deleting it, which is archiving."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from opportunities import lifecycle
from opportunities.models import Action, Opportunity, Status
from salescycles.models import SalesCycle
from tests.factories import fresh, make_opportunity


def codes(refused: pytest.ExceptionInfo[ValidationError]) -> dict[str, list[str | None]]:
    return {field: [error.code for error in errors] for field, errors in refused.value.error_dict.items()}


def test_s008_first_starts_at_the_first_stage(at_stage, cycle, rep, day):
    """Ours: `start` (docs/decisions.md, “A start is a verb of its own”)."""
    opportunity = at_stage(0)
    lifecycle.start(opportunity, version=1, on=day(2), by=rep, estimated_value=Decimal(700))
    opportunity = fresh(opportunity)
    assert (opportunity.sales_cycle, opportunity.stage.number) == (cycle, 1)
    assert (opportunity.estimated_value, opportunity.status) == (700, Status.IN_PROGRESS)


def test_s009_one_in_progress_cannot_be_deleted(at_stage, rep, day):
    """Ours: deleting is archiving (docs/decisions.md, “Deleting is archiving”)."""
    opportunity = at_stage(1)
    with pytest.raises(ValidationError) as refused:
        lifecycle.archive(opportunity, version=2, on=day(2), by=rep)
    assert codes(refused) == {"__all__": ["E01"]}
    with pytest.raises(ProtectedError):
        opportunity.delete()
    assert Opportunity.objects.listed().get() == opportunity


def test_s013_a_skip_is_not_offered_before_the_start(at_stage, cycle, rep, day):
    cycle.stages.update(allow_skip=True)
    opportunity = at_stage(0)
    for stage in cycle.stages.filter(number__gt=1):
        with pytest.raises(ValidationError) as refused:
            lifecycle.move(opportunity, version=1, to=stage, on=day(2), by=rep)
        assert codes(refused) == {"to": ["E15"]}


def test_s036_created_without_starting(at_stage):
    """Ours: it has one entry, `created` (docs/decisions.md, “A first entry, `created`”)."""
    opportunity = at_stage(0)
    assert opportunity.status == Status.NOT_STARTED
    entry = opportunity.entries.get()
    assert (entry.step, entry.action, entry.stage, entry.status) == (1, Action.CREATED, None, Status.NOT_STARTED)


def test_s037_the_creation_date_is_the_work_date(acme, rep, day):
    entry = lifecycle.create(description="Chairs", contact=acme, on=day(2), by=rep)
    assert Opportunity.objects.get().created_on == entry.happened_on == day(2)


def test_s098_figures_of_a_contact(at_stage, acme, ann, beta, jo, cycle, rep, day):
    opportunity = at_stage(0, value=350)
    cycle.stages.filter(number=1).update(completed=40)
    lifecycle.start(opportunity, version=1, on=day(2), by=rep, chances=Decimal(50))
    make_opportunity(contact=beta, salesperson=jo, cycle=cycle, by=rep)
    expected = {"count": 1, "estimated_value": Decimal(350), "calculated_value": Decimal(70)}
    assert Opportunity.objects.of_contact(acme).totals() == expected
    assert Opportunity.objects.of_contact(ann).totals()["count"] == 0


def test_s192_multiply(at_stage, cycle, rep, day):
    cycle.stages.filter(number=1).update(chances=60, completed=40)
    opportunity = at_stage(0)
    lifecycle.start(opportunity, version=1, on=day(2), by=rep, estimated_value=Decimal(500))
    opportunity = fresh(opportunity)
    assert (opportunity.chances, opportunity.chances_are_manual) == (60, False)
    assert (opportunity.probability, opportunity.calculated_value) == (24, 120)


def test_s230_not_started_and_lost_ones_may_go(at_stage, price_l, rep, day):
    """Ours: out of the lists, history kept (docs/decisions.md, “Deleting is archiving”)."""
    waiting, lost = at_stage(0), at_stage(1)
    lifecycle.archive(waiting, version=1, on=day(2), by=rep)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=day(2), by=rep)
    lifecycle.archive(fresh(lost), version=3, on=day(2), by=rep)
    assert not Opportunity.objects.listed().exists()
    assert [entry.action for entry in lost.entries.all()] == ["created", "started", "lost", "archived"]


def test_s230_one_in_progress_may_not(at_stage, rep, day):
    with pytest.raises(ValidationError) as refused:
        lifecycle.archive(at_stage(1), version=2, on=day(2), by=rep)
    assert codes(refused) == {"__all__": ["E01"]}


def test_s240_a_cycle_without_stages_cannot_be_started(acme, jo, rep, day):
    """Ours: whichever way it is asked (docs/decisions.md, “Starting needs a salesperson and a usable cycle with stages”)."""
    empty = SalesCycle.objects.create(code="EMPTY")
    opportunity = make_opportunity(contact=acme, salesperson=jo, cycle=empty, by=rep)
    with pytest.raises(ValidationError) as refused:
        lifecycle.start(opportunity, version=1, on=day(2), by=rep)
    assert codes(refused) == {"sales_cycle": ["E12"]}
    with pytest.raises(ValidationError) as refused:
        make_opportunity(contact=acme, salesperson=jo, cycle=empty, stage=1, by=rep)
    assert codes(refused) == {"sales_cycle": ["E12"]}
    assert Opportunity.objects.get() == opportunity
