"""What a step of an opportunity does to its tasks, and what it costs."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts import lifecycle as contact_verbs
from contacts.models import Contact
from opportunities import bulk, lifecycle
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep, CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as task_verbs
from tasks.models import Attendee, Task
from tests.factories import WORK_DATE, fresh, make_cycle, make_opportunity
from tests.models.lifecycle_words import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound_ledger")]
Made = tuple[str, datetime.date, bool]


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def at_stage(at_stage: Callable[..., Opportunity]) -> Callable[..., Opportunity]:
    """Closing late enough for every step that is taken here."""
    return lambda number, **values: at_stage(number, **{"closing_on": day(31)} | values)


def activity(code: str, *steps: tuple[str, str, str]) -> Activity:
    made = Activity.objects.create(code=code)
    for number, (description, formula, kind) in enumerate(steps, start=1):
        ActivityStep.objects.create(
            activity=made, number=number, description=description, date_formula=formula, kind=kind
        )
    return made


@pytest.fixture
def planned(cycle: SalesCycle) -> SalesCycle:
    """Stage 1 asks to write and to call, stage 2 to meet; stages 3 and 4 ask for nothing."""
    first = activity("INIT", ("Write", "", "task"), ("Call", "1W", "call"))
    cycle.stages.filter(number=1).update(activity=first)
    cycle.stages.filter(number=2).update(activity=activity("MEET", ("Meet", "2D", "meeting")))
    return cycle


def told(opportunity: Opportunity) -> list[Made]:
    """Description, day and whether it is open."""
    return [(task.description, task.due_on, task.is_open) for task in opportunity.tasks.order_by("pk")]


def go(opportunity: Opportunity, number: int, **values: Any) -> Opportunity:
    now = fresh(opportunity)
    to = now.sales_cycle.stages.get(number=number)
    lifecycle.move(now, **{"version": now.version, "to": to, "on": day(3), "by": None} | values)
    return fresh(now)


def take_back(opportunity: Opportunity) -> Opportunity:
    now = fresh(opportunity)
    lifecycle.undo(now, version=now.version, by=None)
    return fresh(now)


STARTED: list[Made] = [("Write", day(2), True), ("Call", day(9), True)]
CANCELLED: list[Made] = [("Write", day(2), False), ("Call", day(9), False)]
MET: list[Made] = [("Meet", day(5), True)]


def test_create_and_start_makes_the_tasks_of_the_first_stage(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson, ann: Contact, acme: Contact
) -> None:
    deal = at_stage(1, contact=ann)
    assert told(deal) == STARTED
    task = deal.tasks.get(description="Call")
    assert (task.salesperson, task.contact, task.company, task.kind) == (jo, ann, acme, "call")
    assert (task.entry, task.activity_step.number) == (deal.entries.get(step=2), 2)


def test_every_way_into_a_stage_makes_its_tasks(at_stage: Callable[..., Opportunity], planned: SalesCycle) -> None:
    planned.stages.update(allow_skip=True, quote_required=False)
    deal = at_stage(0)
    lifecycle.start(deal, version=1, on=day(2), by=None)
    assert told(deal) == STARTED
    for number, count in ((2, 3), (4, 3), (1, 5), (2, 6), (1, 8)):  # next, skip, jump, next, previous
        deal = go(deal, number)
        assert deal.tasks.count() == count
    actions = list(deal.entries.order_by("step").values_list("action", flat=True))
    assert actions == ["created", "started", "next", "skip", "jump", "next", "previous"]


def test_a_meeting_of_a_stage_takes_all_day_and_is_organized(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson
) -> None:
    meeting = go(at_stage(1), 2).tasks.get(kind="meeting")
    assert (meeting.all_day, meeting.due_on) == (True, day(5))
    assert list(meeting.attendees.values_list("salesperson", "role")) == [(jo.pk, Attendee.Role.ORGANIZER)]


def test_another_cycle_makes_the_tasks_of_the_chosen_stage(
    at_stage: Callable[..., Opportunity], planned: SalesCycle
) -> None:
    deal, other = at_stage(1), make_cycle("OTHER")
    other.stages.filter(number=3).update(activity=activity("ELSE", ("Explain", "", "task")))
    how = {"sales_cycle": other, "to": other.stages.get(number=3), "on": day(3), "by": None, "reason": "Bigger"}
    lifecycle.change_cycle(deal, version=2, **how)
    assert told(deal) == [*STARTED, ("Explain", day(3), True)]


def test_a_move_cancels_only_when_asked(at_stage: Callable[..., Opportunity], planned: SalesCycle) -> None:
    assert told(go(at_stage(1), 2)) == [*STARTED, *MET]
    deal = go(at_stage(1), 2, cancel_tasks=True)
    assert told(deal) == [*CANCELLED, *MET]
    cancelled = deal.tasks.filter(cancelled=True).values_list("closed_on", "cancelled_in__step")
    assert set(cancelled) == {(day(3), 3)}


def test_closing_cancels_and_its_undo_brings_back(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, price_l: CloseCode
) -> None:
    deal = at_stage(1)
    done = deal.tasks.get(description="Write")
    task_verbs.complete(done, version=1, on=day(2), by=None)
    lifecycle.close(deal, version=2, outcome="lost", close_code=price_l, on=day(4), by=None, cancel_tasks=True)
    assert told(deal) == CANCELLED
    deal = take_back(deal)
    assert told(deal) == [("Write", day(2), False), ("Call", day(9), True)]
    assert deal.tasks.filter(cancelled=True).count() == 0


def test_undo_takes_back_what_nobody_touched(at_stage: Callable[..., Opportunity], planned: SalesCycle) -> None:
    deal = go(at_stage(1), 2, cancel_tasks=True)
    deal = take_back(deal)
    assert told(deal) == [*STARTED, ("Meet", day(5), False)]
    assert deal.tasks.get(description="Meet").cancelled_in == deal.entries.current().get()
    deal = take_back(deal)  # one step further back: the start, with its tasks
    assert told(deal) == [*CANCELLED, ("Meet", day(5), False)]


def test_undoing_again_brings_back_what_the_step_before_had_cancelled(
    at_stage: Callable[..., Opportunity], planned: SalesCycle
) -> None:
    deal = go(at_stage(1), 2, cancel_tasks=True)
    deal = go(deal, 3, on=day(6), cancel_tasks=True)
    assert [due for *due, is_open in told(deal) if is_open] == []
    deal = take_back(deal)
    assert told(deal) == [*CANCELLED, *MET]
    assert told(take_back(deal)) == [*STARTED, ("Meet", day(5), False)]


def test_what_somebody_did_with_a_fact_between_moves_disturbs_nothing(
    at_stage: Callable[..., Opportunity], planned: SalesCycle
) -> None:
    deal = go(at_stage(1), 2, cancel_tasks=True)
    lifecycle.edit(deal, version=3, priority="high", on=day(3), by=None)
    deal = take_back(deal)
    assert told(deal) == [*CANCELLED, *MET]
    assert told(take_back(deal)) == [*STARTED, ("Meet", day(5), False)]


def test_undo_leaves_what_somebody_touched(at_stage: Callable[..., Opportunity], planned: SalesCycle) -> None:
    deal = go(at_stage(1), 2)
    task = deal.tasks.get(description="Meet")
    task_verbs.postpone(task, version=1, to=day(8), on=day(3), by=None)
    assert told(take_back(deal)) == [*STARTED, ("Meet", day(8), True)]


def test_a_corrected_date_moves_the_tasks_of_the_step(
    at_stage: Callable[..., Opportunity], planned: SalesCycle
) -> None:
    deal = go(at_stage(1), 2, on=day(5))
    lifecycle.correct(deal, version=3, on=day(3), by=None)
    assert told(deal) == [*STARTED, *MET]
    assert told(take_back(deal)) == [*STARTED, ("Meet", day(5), False)]


def test_reassigning_takes_the_tasks_of_the_former_salesperson_along(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, of: Salesperson, hr: Salesperson
) -> None:
    deal = at_stage(1)
    task_verbs.create(description="Hers", salesperson=hr, opportunity=deal, on=day(2), by=None)
    lifecycle.reassign(deal, version=2, salesperson=of, on=day(2), by=None, tasks_too=True)
    assert [task.salesperson for task in deal.tasks.order_by("pk")] == [of, of, hr]


def test_undo_gives_the_tasks_back_that_a_reassignment_took_along(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson, of: Salesperson, hr: Salesperson
) -> None:
    deal = at_stage(1)
    of_before = task_verbs.create(description="His before", salesperson=of, opportunity=deal, on=day(2), by=None)
    lifecycle.reassign(deal, version=2, salesperson=of, on=day(2), by=None, tasks_too=True)
    went_on, done = deal.tasks.exclude(pk=of_before.pk).order_by("pk")

    def whose() -> list[Salesperson | None]:
        return [task.salesperson for task in deal.tasks.order_by("pk")]

    assert whose() == [of, of, of]
    deal = take_back(deal)
    assert whose() == [jo, jo, of]
    lifecycle.reassign(deal, version=4, salesperson=of, on=day(2), by=None, tasks_too=True)
    task_verbs.reassign(went_on, version=4, salesperson=hr, on=day(2), by=None)
    task_verbs.complete(done, version=4, on=day(2), by=None)
    take_back(deal)
    assert whose() == [hr, of, of]


def test_a_reassignment_that_stands_again_can_be_taken_back_too(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson, of: Salesperson
) -> None:
    deal = at_stage(1)
    lifecycle.reassign(deal, version=2, salesperson=of, on=day(2), by=None, tasks_too=True)
    deal = take_back(go(fresh(deal), 2))
    assert {task.salesperson for task in deal.tasks.open()} == {of}
    deal = take_back(deal)
    assert {task.salesperson for task in deal.tasks.open()} == {jo}


def test_undo_gives_tasks_back_to_the_former_contact(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, ann: Contact, acme: Contact, of: Salesperson
) -> None:
    deal = at_stage(1)
    lifecycle.reassign(deal, version=2, contact=ann, salesperson=of, on=day(2), by=None, tasks_too=True)
    assert {(task.contact, task.salesperson) for task in deal.tasks.all()} == {(ann, of)}
    take_back(deal)
    assert {(task.contact, task.company, task.salesperson) for task in deal.tasks.all()} == {
        (acme, acme, deal.entries.get(step=2).salesperson)
    }


def test_undo_of_a_reassignment_that_left_the_tasks_leaves_them_too(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson, of: Salesperson
) -> None:
    deal = at_stage(1)
    lifecycle.reassign(deal, version=2, salesperson=of, on=day(2), by=None)
    task = deal.tasks.first()
    assert task is not None
    task_verbs.reassign(task, version=1, salesperson=of, on=day(2), by=None)
    take_back(deal)
    assert [task.salesperson for task in deal.tasks.order_by("pk")] == [of, jo]


def test_a_corrected_reassignment_can_be_taken_back_with_its_tasks(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, jo: Salesperson, of: Salesperson
) -> None:
    deal = at_stage(1)
    lifecycle.reassign(deal, version=2, salesperson=of, on=day(5), by=None, tasks_too=True)
    lifecycle.correct(fresh(deal), version=3, on=day(3), by=None)
    take_back(deal)
    assert {task.salesperson for task in deal.tasks.all()} == {jo}


def test_another_contact_takes_the_tasks_along_only_when_asked(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, ann: Contact, acme: Contact
) -> None:
    deal = at_stage(1)
    lifecycle.reassign(deal, version=2, contact=ann, on=day(2), by=None)
    assert {task.contact for task in deal.tasks.all()} == {acme}
    lifecycle.reassign(fresh(deal), version=3, contact=acme, on=day(2), by=None)
    lifecycle.reassign(fresh(deal), version=4, contact=ann, on=day(2), by=None, tasks_too=True)
    assert {(task.contact, task.company) for task in deal.tasks.all()} == {(ann, acme)}


def test_a_contact_who_leaves_the_company_leaves_the_tasks_of_its_opportunities(
    at_stage: Callable[..., Opportunity], planned: SalesCycle, ann: Contact, acme: Contact, beta: Contact
) -> None:
    deal = at_stage(1, contact=ann)
    contact_verbs.change(ann, by=None, on=day(2), company=beta)
    assert {(task.contact, task.company) for task in deal.tasks.all()} == {(acme, acme)}


def test_bulk_actions_do_the_same(
    at_stage: Callable[..., Opportunity],
    planned: SalesCycle,
    rep: User,
    of: Salesperson,
    price_l: CloseCode,
) -> None:
    deals = [at_stage(1, description=name) for name in ("One", "Two")]
    seen = {deal.pk: deal.version for deal in deals}
    moved = bulk.run(rep, seen, "move", {"to": planned.stages.get(number=2), "on": day(3), "cancel_tasks": True})
    assert [told(deal) for deal in deals] == [[*CANCELLED, *MET]] * 2
    assert moved.batch is not None
    bulk.undo(rep, moved.batch)
    assert [told(deal) for deal in deals] == [[*STARTED, ("Meet", day(5), False)]] * 2
    seen = dict.fromkeys(seen)
    closing = {"outcome": "lost", "close_code": price_l, "on": day(3), "cancel_tasks": True}
    bulk.preview(rep, seen, "close", closing)
    assert Task.objects.open().count() == 4
    bulk.run(rep, seen, "close", closing)
    assert Task.objects.open().count() == 0


def statements(act: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def test_ten_steps_cost_as_many_statements_as_one(
    acme: Contact, jo: Salesperson, cycle: SalesCycle, django_assert_num_queries: Any
) -> None:
    second = cycle.stages.filter(number=2)
    counted = []
    for number, steps in (("NONE", 0), ("ONE", 1), ("TEN", 10)):
        deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1)
        if steps:
            second.update(activity=activity(number, *[("Do it", "1D", "task")] * steps))
        to = second.get()
        counted.append(
            statements(lambda deal=deal, to=to: lifecycle.move(deal, version=2, to=to, on=WORK_DATE, by=None))
        )
    assert counted[1] == counted[2] == counted[0] + 2
    assert Task.objects.count() == 11
