"""create, start, and what is known before the start."""

import datetime
import zoneinfo
from decimal import Decimal

import pytest

from opportunities import lifecycle
from opportunities.models import Action, Door, Opportunity, Status
from salescycles.models import SalesCycle
from salespeople.models import Company
from tests.factories import ContactFactory, SalespersonFactory, SourceFactory, fresh, make_cycle
from tests.models.lifecycle_words import change, columns, day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


def create(contact, by, **values):
    return lifecycle.create(**{"description": "Chairs", "contact": contact, "on": day(2), "by": by} | values)


def test_create_fills_every_column(ann, acme, jo, rep, cycle):
    source = SourceFactory()
    entry = create(
        ann,
        rep,
        description=" Chairs ",
        number="op-7 ",
        created_on=day(1),
        sales_cycle=cycle,
        priority="high",
        source=source,
        estimated_value=Decimal(500),
        chances=Decimal("12.345"),
        closing_on=day(20),
        reason=" Fair ",
    )
    assert columns(entry) == {
        "description": "Chairs",
        "priority": "high",
        "source_id": source.pk,
        "competitor_id": None,
        "contact_id": ann.pk,
        "company_id": acme.pk,
        "salesperson_id": jo.pk,
        "sales_cycle_id": cycle.pk,
        "status": Status.NOT_STARTED,
        "stage_id": None,
        "stage_before_id": None,
        "stage_entered_on": None,
        "estimated_value": 500,
        "chances": Decimal("12.35"),
        "chances_are_manual": True,
        "completed": None,
        "probability": None,
        "closing_on": day(20),
        "closed_on": None,
        "close_code_id": None,
        "sales_value": None,
        "archived": False,
        "calculated_value": 0,
        "action": Action.CREATED,
        "by_id": rep.pk,
        "door": Door.SCREEN,
        "batch_id": None,
        "reason": "Fair",
        "undoes": None,
        "overrode": None,
        "happened_on": day(1),
        "voided_at": None,
        "imported_at": None,
    }
    opportunity = Opportunity.objects.get()
    assert (opportunity.number, opportunity.created_on, opportunity.version) == ("OP-7", day(1), 1)
    assert (entry.step, entry.until, entry.replaced_at) == (1, None, None)


def test_create_and_start_writes_two_entries(acme, rep, cycle):
    entry = create(acme, rep, sales_cycle=cycle, created_on=day(1), start=True, estimated_value=Decimal(500))
    assert [(e.step, e.action, e.happened_on) for e in entry.opportunity.entries.all()] == [
        (1, Action.CREATED, day(1)),
        (2, Action.STARTED, day(2)),
    ]
    assert entry.opportunity.version == 2


def test_numbers_follow_one_another_and_pass_over_taken_ones(acme, rep):
    first = create(acme, rep).opportunity
    following = f"OP{int(first.number[2:]) + 1:06}"
    create(acme, rep, number=following)
    assert create(acme, rep).opportunity.number == f"OP{int(first.number[2:]) + 2:06}"


def test_a_rep_s_own_salesperson_is_taken(acme, jo, rep):
    assert create(acme, rep).salesperson == jo


def test_a_manager_may_leave_the_salesperson_open(acme, manager):
    assert create(acme, manager).salesperson is None


def test_the_company_of_a_lone_person_is_the_person(pia, rep):
    assert create(pia, rep).company == pia


def test_a_blocked_default_cycle_is_not_proposed(acme, rep):
    make_cycle(is_default=False)
    assert create(acme, rep).sales_cycle is None


def test_no_cycle_may_be_asked_for(acme, rep):
    make_cycle(is_default=True)
    assert create(acme, rep, sales_cycle=None).sales_cycle is None


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"description": "  "}, {"description": "E08"}),
        ({"description": "x" * 101}, {"description": "too_long"}),
        ({"created_on": day(3)}, {"created_on": "E14"}),
        ({"on": datetime.date(2999, 1, 1)}, {"on": "E14"}),
        ({"estimated_value": Decimal(-1)}, {"estimated_value": "E10"}),
        ({"chances": Decimal(101)}, {"chances": "E10"}),
        ({"chances": Decimal(-1)}, {"chances": "E10"}),
        ({"closing_on": day(1)}, {"closing_on": "E11"}),
        ({"priority": "urgent"}, {"priority": "choice"}),
    ],
    ids=str,
)
def test_create_refuses(acme, rep, values, codes):
    with refuses(**codes):
        create(acme, rep, **values)
    assert not Opportunity.objects.exists()


def test_create_refuses_what_is_blocked(rep):
    blocked = {
        "contact": ContactFactory(privacy_blocked=True),
        "salesperson": SalespersonFactory(blocked=True),
        "sales_cycle": SalesCycle.objects.create(code="B", blocked=True),
        "source": SourceFactory(blocked=True),
    }
    with refuses(contact="privacy", salesperson="blocked", sales_cycle="E22", source="blocked"):
        create(by=rep, **blocked)


def test_create_refuses_a_number_twice(acme, rep):
    create(acme, rep, number="OP7")
    with refuses(number="unique"):
        create(acme, rep, number=" op7")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_company_s(acme, rep, zone):
    """The latest business date is the day in the company's time zone, not the server's."""
    Company.objects.create(name="Far away", time_zone=zone)
    today = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).date()
    create(acme, rep, on=today)
    with refuses(on="E14"):
        create(acme, rep, on=today + datetime.timedelta(days=1))


# ── start ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def start(opportunity, by, **values):
    opportunity = fresh(opportunity)
    return lifecycle.start(opportunity, **{"version": opportunity.version, "on": day(3), "by": by} | values)


def test_start_changes_these_columns(at_stage, cycle, rep, manager):
    opportunity = at_stage(0)
    start(opportunity, manager, reason="Called")
    assert change(opportunity) == {
        "status": Status.IN_PROGRESS,
        "stage_id": cycle.stages.get(number=1).pk,
        "stage_entered_on": day(3),
        "chances": 20,
        "completed": 10,
        "probability": 2,
        "closing_on": day(3),
        "calculated_value": 20,
        "action": Action.STARTED,
        "by_id": manager.pk,
        "reason": "Called",
        "happened_on": day(3),
    }
    created = opportunity.entries.get(step=1)
    assert (created.until, created.days) == (day(3), 1)
    assert created.replaced_at == opportunity.entries.get(step=2).recorded_at


def test_start_takes_what_was_known(at_stage, rep):
    opportunity = at_stage(0, chances=Decimal(50), closing_on=day(20))
    entry = start(opportunity, rep)
    assert (entry.estimated_value, entry.chances, entry.chances_are_manual) == (1000, 50, True)
    assert (entry.closing_on, entry.probability) == (day(20), 5)


def test_start_takes_what_is_typed(at_stage, rep):
    opportunity = at_stage(0, chances=Decimal(50), closing_on=day(20))
    entry = start(opportunity, rep, estimated_value=Decimal(9), chances=None, closing_on=day(4))
    assert (entry.estimated_value, entry.chances, entry.chances_are_manual, entry.closing_on) == (9, 20, False, day(4))


def test_start_proposes_the_closing_date_by_the_formula(at_stage, cycle, rep):
    cycle.stages.filter(number=1).update(date_formula="2W")
    assert start(at_stage(0), rep).closing_on == day(17)
    assert start(at_stage(0, closing_on=day(9)), rep).closing_on == day(9)


def test_the_lowest_number_is_the_first_stage(at_stage, cycle, rep):
    cycle.stages.filter(number=1).update(number=90)
    assert start(at_stage(0), rep).stage.number == 2


def test_start_refuses_without_salesperson_and_cycle(acme, manager):
    with refuses(salesperson="E08", sales_cycle="E08"):
        start(create(acme, manager, sales_cycle=None).opportunity, manager)


def test_start_refuses_a_blocked_cycle(at_stage, cycle, rep):
    opportunity = at_stage(0)
    SalesCycle.objects.update(blocked=True)
    with refuses(sales_cycle="E22"):
        start(opportunity, rep)


def test_start_refuses_twice(at_stage, rep):
    with refuses(__all__="E21"):
        start(at_stage(1), rep)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"estimated_value": None}, {"estimated_value": "E10"}),
        ({"estimated_value": Decimal(0)}, {"estimated_value": "E10"}),
        ({"estimated_value": Decimal("0.004")}, {"estimated_value": "E10"}),
        ({"closing_on": None}, {"closing_on": "E08"}),
        ({"closing_on": day(2)}, {"closing_on": "E11"}),
        ({"chances": Decimal(101)}, {"chances": "E10"}),
        ({"on": day(1)}, {"on": "E14"}),
        ({"on": None, "closing_on": day(9)}, {"on": "E08"}),
    ],
    ids=str,
)
def test_start_refuses_estimates(at_stage, rep, values, codes):
    opportunity = at_stage(0)
    with refuses(**codes):
        start(opportunity, rep, **values)
    assert fresh(opportunity).is_not_started


# ── before the start ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_revise_before_the_start_may_leave_all_unknown(at_stage, rep):
    opportunity = at_stage(0, chances=Decimal(50), closing_on=day(20))
    lifecycle.revise(
        opportunity, version=1, on=day(3), by=rep, estimated_value=None, chances=None, closing_on=None
    )  # fmt: skip
    assert change(opportunity) == {
        "estimated_value": None,
        "chances": None,
        "chances_are_manual": False,
        "closing_on": None,
        "action": Action.REVISED,
        "happened_on": day(3),
    }


def test_revise_before_the_start_refuses(at_stage, rep):
    with refuses(estimated_value="E10", closing_on="E11"):
        lifecycle.revise(
            at_stage(0), version=1, on=day(3), by=rep, estimated_value=Decimal(-1), closing_on=day(1)
        )  # fmt: skip
