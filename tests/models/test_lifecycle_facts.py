"""edit, reassign, change_cycle."""

from decimal import Decimal

import pytest

from opportunities import lifecycle
from opportunities.models import Action
from tests.factories import ContactFactory, QuoteFactory, SalespersonFactory, SourceFactory, fresh, make_cycle
from tests.models.lifecycle_words import change, day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


def run(verb, opportunity, **values):
    opportunity = fresh(opportunity)
    return verb(opportunity, **{"version": opportunity.version, "on": day(3), "by": None} | values)


def lose(opportunity, code):
    return run(lifecycle.close, opportunity, outcome="lost", close_code=code)


def test_edit_changes_these_columns(at_stage, rep):
    source = SourceFactory()
    for opportunity in (at_stage(0), at_stage(2)):
        run(lifecycle.edit, opportunity, description=" Tables ", priority="low", source=source, reason="x")
        assert change(opportunity) == {
            "description": "Tables",
            "priority": "low",
            "source_id": source.pk,
            "action": Action.EDITED,
            "by_id": None,
            "reason": "x",
            "happened_on": day(3),
        }
        run(lifecycle.edit, opportunity, source=None)
        assert fresh(opportunity).source is None


def test_edit_refuses(at_stage):
    opportunity = at_stage(2)
    for values, codes in (
        ({}, {"__all__": "unchanged"}),
        ({"description": "Chairs", "priority": "normal", "source": None}, {"__all__": "unchanged"}),
        ({"description": " "}, {"description": "E08"}),
        ({"description": "x" * 101}, {"description": "too_long"}),
        ({"priority": "urgent"}, {"priority": "choice"}),
        ({"source": SourceFactory(blocked=True)}, {"source": "blocked"}),
        ({"description": "x", "on": day(1)}, {"on": "E14"}),
    ):
        with refuses(**codes):
            run(lifecycle.edit, opportunity, **values)
    assert fresh(opportunity).version == 3


def test_a_source_blocked_since_may_stay(at_stage):
    source = SourceFactory()
    opportunity = at_stage(2, source=source)
    source.blocked = True
    source.save()
    run(lifecycle.edit, opportunity, source=source, description="Tables")
    assert fresh(opportunity).source == source


def test_once_closed_only_the_description_changes(at_stage, price_l):
    opportunity = at_stage(2)
    lose(opportunity, price_l)
    with refuses(priority="E20", source="E20"):
        run(lifecycle.edit, opportunity, priority="low", source=SourceFactory(), description="x")
    assert run(lifecycle.edit, opportunity, description="Tables").description == "Tables"


# ── reassign ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reassign_changes_these_columns(at_stage, of, ann, acme):
    opportunity = at_stage(2)
    run(lifecycle.reassign, opportunity, salesperson=of, contact=ann, by=None)
    assert change(opportunity) == {
        "salesperson_id": of.pk,
        "contact_id": ann.pk,
        "action": Action.REASSIGNED,
        "by_id": None,
        "happened_on": day(3),
    }
    assert opportunity.entries.filter(salesperson=of).count() == 1  # earlier entries keep theirs


def test_before_the_start_any_contact_will_do(at_stage, bo, beta):
    opportunity = at_stage(0)
    entry = run(lifecycle.reassign, opportunity, contact=bo)
    assert (entry.contact, entry.company) == (bo, beta)


def test_a_contact_that_moves_away_takes_no_opportunity_along(at_stage, ann, acme, beta):
    opportunity = at_stage(2, contact=ann)
    ann.company = beta
    ann.save()
    assert fresh(opportunity).company == acme
    run(lifecycle.edit, opportunity, description="Tables")
    assert fresh(opportunity).company == acme


def test_reassign_refuses(at_stage, of, beta, price_l, jo, acme):
    opportunity = at_stage(2)
    for values, codes in (
        ({}, {"__all__": "unchanged"}),
        ({"salesperson": jo, "contact": acme}, {"__all__": "unchanged"}),
        ({"contact": beta}, {"contact": "E06"}),
        ({"contact": None}, {"contact": "E09"}),
        ({"salesperson": None}, {"salesperson": "R-CHG-SP"}),
        ({"salesperson": SalespersonFactory(blocked=True)}, {"salesperson": "blocked"}),
        ({"salesperson": SalespersonFactory(privacy_blocked=True)}, {"salesperson": "blocked"}),
        ({"contact": ContactFactory(kind="person", company=acme, privacy_blocked=True)}, {"contact": "privacy"}),
        ({"salesperson": of, "on": day(1)}, {"on": "E14"}),
    ):
        with refuses(**codes):
            run(lifecycle.reassign, opportunity, **values)
    lose(opportunity, price_l)
    with refuses(__all__="E20"):
        run(lifecycle.reassign, opportunity, salesperson=of)


# ── change_cycle ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def other():
    return make_cycle("OTHER", stages=(("Talk", 10, 30), ("Deal", 50, 90)))


def test_changing_the_cycle_while_running_changes_these_columns(at_stage, cycle, other):
    opportunity = at_stage(2, closing_on=day(20))
    deal = other.stages.get(number=2)
    run(lifecycle.change_cycle, opportunity, sales_cycle=other, to=deal, reason="Grew")
    assert change(opportunity) == {
        "sales_cycle_id": other.pk,
        "stage_id": deal.pk,
        "stage_before_id": cycle.stages.get(number=2).pk,
        "stage_entered_on": day(3),
        "chances": 90,
        "completed": 50,
        "probability": 45,
        "calculated_value": 450,
        "action": Action.CYCLE_CHANGED,
        "by_id": None,
        "reason": "Grew",
        "happened_on": day(3),
    }


def test_before_the_start_the_cycle_is_free(at_stage, other):
    opportunity = at_stage(0)
    run(lifecycle.change_cycle, opportunity, sales_cycle=None)
    run(lifecycle.change_cycle, opportunity, sales_cycle=other)
    assert change(opportunity) == {"sales_cycle_id": other.pk}


def test_the_new_cycle_decides_whether_manual_chances_stay(at_stage, other):
    opportunity = at_stage(2, closing_on=day(20))
    run(lifecycle.revise, opportunity, chances=Decimal(7))
    to = other.stages.get(number=1)
    other.stage_decides = False
    other.save()
    entry = run(lifecycle.change_cycle, opportunity, sales_cycle=other, to=to, reason="Grew")
    assert (entry.chances, entry.chances_are_manual) == (7, True)


def test_change_cycle_refuses(at_stage, cycle, other, price_l):
    opportunity = at_stage(2, closing_on=day(20))
    deal = other.stages.get(number=2)
    blocked = make_cycle("BLOCKED", blocked=True)
    asked = {"sales_cycle": other, "to": deal, "reason": "Grew"}
    for values, codes in (
        ({"sales_cycle": cycle, "to": cycle.stages.get(number=1)}, {"__all__": "unchanged"}),
        ({"sales_cycle": blocked, "to": blocked.stages.get(number=1)}, {"sales_cycle": "E22"}),
        ({"sales_cycle": None}, {"sales_cycle": "E08", "to": "E15"}),
        ({"to": cycle.stages.get(number=1)}, {"to": "E15"}),
        ({"to": None}, {"to": "E08"}),
        ({"reason": ""}, {"reason": "E08"}),
        ({"estimated_value": Decimal(0)}, {"estimated_value": "E10"}),
        ({"on": day(1)}, {"on": "E14"}),
    ):
        with refuses(**codes):
            run(lifecycle.change_cycle, opportunity, **asked | values)
    lose(opportunity, price_l)
    with refuses(__all__="E20"):
        run(lifecycle.change_cycle, opportunity, **asked)


def test_changing_the_cycle_needs_the_quote_of_the_chosen_stage(at_stage, other):
    opportunity = at_stage(2, closing_on=day(20))
    other.stages.filter(number=2).update(quote_required=True)
    asked = {"sales_cycle": other, "to": other.stages.get(number=2), "reason": "Grew"}
    with refuses(to="E16"):
        run(lifecycle.change_cycle, opportunity, **asked)
    QuoteFactory(opportunity=opportunity)
    assert run(lifecycle.change_cycle, opportunity, **asked).stage.number == 2
