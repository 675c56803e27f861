"""Tasks and activities."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from crm.lib.in_use import uses
from opportunities import lifecycle as journey
from salescycles.models import Activity, ActivityStep
from salespeople.models import Company, Salesperson, Team, User
from tasks import lifecycle
from tasks.calendar import DAY, last_day
from tasks.models import Attendee, Status, Task
from tests.factories import QuoteFactory, TeamFactory, fresh
from tests.scenarios.test_beginning import codes

pytestmark = pytest.mark.django_db
Day = Callable[[int], datetime.date]
KINDS = pytest.mark.parametrize("kind", ["task", "call", "meeting"])


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def t1(jo: Salesperson) -> Team:
    return TeamFactory(code="T1", name="T1", members=[jo])


@pytest.fixture
def make(rep: User, day: Day) -> Callable[..., Task]:
    return lambda **values: lifecycle.create(by=rep, on=day(2), **{"description": "Do it"} | values)


def timed(kind: str) -> dict[str, Any]:
    return {"kind": kind, "all_day": kind == "meeting"}


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def plan(code: str, *steps: dict[str, Any]) -> Activity:
    activity = Activity.objects.create(code=code)
    for number, step in enumerate(steps, start=1):
        ActivityStep.objects.create(activity=activity, number=number, **{"description": f"Step {number}"} | step)
    return activity


def test_s014_a_meeting_made_from_an_opportunity(at_stage, make, jo):
    deal = at_stage(1)
    task = again(make(opportunity=deal, salesperson=jo, **timed("meeting")))
    assert (task.opportunity, task.kind, task.salesperson) == (deal, "meeting", jo)


def test_s015_another_salesperson_keeps_the_opportunity(at_stage, make, jo, of, rep, day):
    deal = at_stage(1)
    task = make(opportunity=deal, salesperson=jo, **timed("meeting"))
    lifecycle.reassign(task, version=1, salesperson=of, on=day(2), by=rep)
    assert [*of.tasks.values_list("opportunity", flat=True)] == [deal.pk]
    assert jo.tasks.count() == 0


def test_s016_a_task_that_is_not_to_be_done_is_cancelled(at_stage, make, jo, rep, day):
    """Ours: docs/decisions.md, “A task is cancelled, not deleted”. The reference deletes it."""
    deal = at_stage(1)
    lifecycle.cancel(make(opportunity=deal, salesperson=jo), version=1, on=day(2), by=rep)
    assert (deal.tasks.open().count(), deal.tasks.count()) == (0, 1)


def test_s057_a_stage_with_one_phone_call_makes_one_task(at_stage, ann, cycle, rep, day):
    cycle.stages.filter(number=2).update(activity=plan("CALL", {"kind": "call"}))
    deal = at_stage(1, contact=ann)
    QuoteFactory(opportunity=deal)
    journey.move(deal, version=2, to=cycle.stages.get(number=2), on=day(2), by=rep)
    assert [task.kind for task in deal.tasks.all()] == ["call"]


def test_s110_a_task_of_a_contact_is_one_row(make, acme, jo):
    make(contact=acme, salesperson=jo)
    assert list(Task.objects.of_contact(acme).values_list("contact", "company")) == [(acme.pk, acme.pk)]


def test_s134_a_team_that_meets_has_e_mail(make, t1, hr):
    t1.members.add(hr)
    with pytest.raises(ValidationError) as refused:
        make(team=t1, **timed("meeting"))
    assert codes(refused) == {"team": ["R-TASK-TEAM"]}
    assert "Helena Ray" in refused.value.message_dict["team"][0]


def test_s135_a_team_s_task_is_found_by_team_contact_and_member(make, t1, acme, rep):
    """Ours: docs/decisions.md, “A task is one row, a team's too”."""
    task = make(team=t1, contact=acme)
    assert [*t1.tasks.all()] == [*acme.tasks.all()] == [*Task.objects.visible_to(rep)] == [task]


def test_s136_a_cancelled_team_task_is_open_to_nobody(make, t1, acme, rep, day):
    task = make(team=t1, contact=acme)
    lifecycle.cancel(task, version=1, on=day(2), by=rep)
    assert (again(task).cancelled, Task.objects.open().count()) == (True, 0)


def test_s141_an_activity_for_a_contact_and_a_team(acme, t1, rep, jo, day):
    activity = plan(
        "PLAN",
        {"priority": "low"},
        {"kind": "call", "date_formula": "1W"},
        {"kind": "meeting", "priority": "high", "date_formula": "2W"},
    )
    how = {"on": day(2), "by": rep, "team": t1, "contact": acme}
    with pytest.raises(ValidationError) as refused:
        lifecycle.assign(activity, **how)
    assert codes(refused) == {"organizer": ["organizer"]}
    lifecycle.assign(activity, **how, organizer=jo)
    made = Task.objects.order_by("due_on")
    assert [(task.due_on, task.kind, task.priority, task.description) for task in made] == [
        (day(2), "task", "low", "Step 1"),
        (day(9), "call", "normal", "Step 2"),
        (day(16), "meeting", "high", "Step 3"),
    ]
    assert [*Task.objects.visible_to(rep).filter(team=t1, contact=acme).order_by("due_on")] == [*made]
    assert [*Attendee.objects.values_list("salesperson", "role")] == [(jo.pk, "organizer")]


@KINDS
def test_s142_a_recurring_task_is_stored_as_such(make, jo, kind):
    task = again(make(salesperson=jo, interval="1W", recurs_from="due", **timed(kind)))
    assert (task.recurs, task.interval, task.recurs_from) == (True, "1W", "due")


@KINDS
def test_s143_others_do_not_recur(make, jo, kind):
    assert again(make(salesperson=jo, **timed(kind))).recurs is False


def test_s145_a_cancelled_recurring_task_comes_again(make, jo, rep, day):
    """Ours: docs/decisions.md, “Completed and cancelled are two things”. The reference calls it completed."""
    task = make(salesperson=jo, interval="1W", recurs_from="due")
    lifecycle.cancel(task, version=1, on=day(2), by=rep)
    task, following = again(task), Task.objects.open().get()
    assert (task.cancelled, task.is_open, task.status) == (True, False, Status.NOT_STARTED)
    assert (following.due_on, following.recurs) == (day(9), True)


def test_s146_without_its_interval_none_follows(make, jo, rep, day):
    task = make(salesperson=jo, interval="1W", recurs_from="due")
    lifecycle.change(task, version=1, interval="", recurs_from="", on=day(2), by=rep)
    lifecycle.complete(task, version=2, on=day(2), by=rep)
    assert Task.objects.open().count() == 0


@KINDS
def test_s148_a_team_s_task_goes_to_a_salesperson(make, t1, of, rep, day, kind):
    task = make(team=t1, **timed(kind))
    lifecycle.reassign(task, version=1, salesperson=of, on=day(2), by=rep)
    assert ([*of.tasks.all()], t1.tasks.count()) == ([task], 0)


def who_forbids(row: Any, user: User) -> list[str]:
    request = RequestFactory().get("/")
    request.user = user
    return [str(line) for line in uses([row], request, site)]


def test_s150_a_meeting_of_several_days_is_kept_exactly(make, jo):
    for days in (1, 6):
        task = again(make(salesperson=jo, kind="meeting", all_day=True, duration=days * 24 * 60))
        assert (task.all_day, task.duration, last_day(task)) == (True, days * 24 * 60, task.due_on + DAY * (days - 1))


def test_s153_a_meeting_s_page_names_contact_and_company(make, jo, ann, client_for, rep):
    page = client_for(rep).get(make(salesperson=jo, contact=ann, **timed("meeting")).get_absolute_url())
    assert {name for name in ("Ann Lee", "ACME") if name in page.content.decode()} == {"Ann Lee", "ACME"}


def test_s155_a_salesperson_with_an_open_task_is_not_deleted(make, of, administrator):
    make(salesperson=of)
    assert len(who_forbids(of, administrator)) == 1


def test_s156_nor_one_with_closed_tasks(make, of, administrator, day):
    """Ours: docs/decisions.md, “A task is cancelled, not deleted”. The reference deletes such a salesperson."""
    lifecycle.complete(make(salesperson=of), version=1, on=day(2), by=administrator)
    assert len(who_forbids(of, administrator)) == 1


def test_s161_from_a_salesperson_s_page_salesperson_and_team_can_be_chosen(jo, t1, client_for, rep):
    form = client_for(rep).get(f"/tasks/new/?salesperson={jo.pk}").context["form"]
    assert form["salesperson"].initial == jo
    assert [form.fields[name].disabled for name in ("salesperson", "team")] == [False, False]


def test_s162_a_salesperson_or_a_team_not_both(make, t1, jo):
    with pytest.raises(ValidationError) as refused:
        make(salesperson=jo, team=t1)
    assert codes(refused) == {"team": ["R-TASK-REQ"]}


def test_s163_the_date_of_a_plain_task_changes(make, jo, rep, day):
    task = make(salesperson=jo)
    lifecycle.change(task, version=1, due_on=day(3), on=day(2), by=rep)
    assert again(task).due_on == day(3)


def test_s164_meetings_are_supported(make, jo):
    """Ours: the reference's hosted edition refuses them."""
    assert again(make(salesperson=jo, **timed("meeting"))).is_meeting


def test_s214_a_revision_makes_no_tasks(at_stage, cycle, rep, day):
    cycle.stages.filter(number=1).update(activity=plan("TWO", {}, {}))
    cycle.stages.filter(number=2).update(activity=plan("THREE", {}, {}, {}))
    deal = at_stage(1)
    journey.revise(deal, version=2, on=day(2), by=rep)
    assert deal.tasks.count() == 2
    journey.move(fresh(deal), version=3, to=cycle.stages.get(number=2), on=day(2), by=rep)
    assert deal.tasks.count() == 5


def test_s217_an_activity_without_steps_is_one_task(at_stage, cycle, day):
    Activity.objects.create(code="EMPTY", description="Think of something")
    cycle.stages.filter(number=1).update(activity=Activity.objects.get())
    task = at_stage(1).tasks.get()
    assert (task.due_on, task.description, task.activity_step) == (day(2), "Think of something", None)


def test_s226_tasks_stay_when_nobody_asks_for_them(at_stage, make, jo, hr, of, rep, day):
    deal = at_stage(1)
    tasks = [make(opportunity=deal, salesperson=who) for who in (jo, hr)]
    entry = journey.reassign(deal, version=2, salesperson=of, on=day(2), by=rep)
    assert (entry.salesperson, [again(task).salesperson for task in tasks]) == (of, [jo, hr])
