"""Tasks: what the database refuses, and the verbs."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.db import IntegrityError, transaction
from django.test import RequestFactory

from contacts import lifecycle as contact_verbs
from contacts.models import Contact
from crm.lib.in_use import uses
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep
from salespeople.models import Company, Salesperson, Team, User
from tasks import lifecycle
from tasks.models import Attendee, Status, Task
from tasks.recurring import goes_forward
from tests.factories import TeamFactory
from tests.models.lifecycle_words import day, refuses

pytestmark = pytest.mark.django_db
TODAY = day(2)


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def team(jo: Salesperson, of: Salesperson) -> Team:
    return TeamFactory(code="T1", name="North", members=[jo, of])


@pytest.fixture
def make(jo: Salesperson, rep: User) -> Callable[..., Task]:
    def made(**values: Any) -> Task:
        owner = {} if "team" in values or "salesperson" in values else {"salesperson": jo}
        return lifecycle.create(by=rep, on=TODAY, **{"description": "Call them"} | owner | values)

    return made


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"salesperson": None}, "task_is_a_persons_or_a_teams"),
        ({"description": ""}, "task_is_described"),
        ({"kind": "party"}, "task_of_known_words"),
        ({"closed_on": TODAY}, "task_is_closed_when_completed_or_cancelled"),
        ({"status": "completed"}, "task_is_closed_when_completed_or_cancelled"),
        ({"cancelled": True}, "task_is_closed_when_completed_or_cancelled"),
        ({"kind": "meeting"}, "meeting_at_a_time_or_all_day"),
        ({"duration": 5}, "meeting_at_a_time_or_all_day"),
        ({"kind": "meeting", "all_day": True, "duration": 0}, "task_lasts_a_minute_to_ten_years"),
        ({"due_on": datetime.date(1899, 12, 31)}, "task_in_years_that_a_person_means"),
        ({"interval": "1W"}, "task_recurs_from_something"),
    ],
)
def test_the_database_refuses(columns: dict[str, Any], name: str, make: Callable[..., Task]) -> None:
    task = make()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Task.objects.filter(pk=task.pk).update(**columns)
    assert refused.value.__cause__.diag.constraint_name == name


def test_a_team_s_task_is_completed_by_somebody(make: Callable[..., Task], team: Team) -> None:
    task = make(team=team)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Task.objects.filter(pk=task.pk).update(status="completed", closed_on=TODAY)
    assert refused.value.__cause__.diag.constraint_name == "task_done_by_somebody_once_completed"


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"description": " "}, {"description": "E08"}),
        ({"description": "x" * 101}, {"description": "too_long"}),
        ({"due_on": None}, {"due_on": "E08"}),
        ({"salesperson": None}, {"salesperson": "R-TASK-REQ"}),
        ({"status": "completed"}, {"status": "choice"}),
        ({"duration": 30}, {"duration": "kind"}),
        ({"kind": "meeting"}, {"starts_at": "E08", "duration": "E08"}),
        ({"kind": "meeting", "all_day": True, "starts_at": datetime.time(9)}, {"starts_at": "all_day"}),
        ({"kind": "meeting", "all_day": True, "duration": 5270401}, {"duration": "R-TASK-REQ"}),
        ({"interval": "1W"}, {"recurs_from": "R-TASK-REC"}),
        ({"recurs_from": "due"}, {"interval": "R-TASK-REC"}),
        ({"interval": "-1W", "recurs_from": "due"}, {"interval": "R-TASK-REC"}),
        ({"interval": "CM", "recurs_from": "due"}, {"interval": "R-TASK-REC"}),
        ({"interval": "soon", "recurs_from": "due"}, {"interval": "R-TASK-REC"}),
    ],
)
def test_what_a_new_task_must_be(values: dict[str, Any], codes: dict[str, str], make: Callable[..., Task]) -> None:
    with refuses(**codes):
        make(**values)
    assert Task.objects.count() == 0


@pytest.mark.parametrize(
    ("interval", "forward"),
    [("1W", True), ("CM+1D", True), ("WD1", True), ("1M", True), ("1D-1D", False), ("CM", False), ("1Y-366D", False)],
)
def test_an_interval_goes_forward_from_every_day(interval: str, forward: bool) -> None:
    assert goes_forward(interval) is forward


def test_a_task_belongs_to_a_person_or_a_team(make: Callable[..., Task], jo: Salesperson, team: Team) -> None:
    with refuses(team="R-TASK-REQ"):
        make(salesperson=jo, team=team)
    jo.blocked = True
    with refuses(salesperson="blocked"):
        make(salesperson=jo)


def test_contact_and_opportunity_belong_together(
    make: Callable[..., Task], at_stage: Callable[..., Opportunity], ann: Contact, beta: Contact
) -> None:
    deal = at_stage(1)
    assert (make(opportunity=deal).contact, make(opportunity=deal).company) == (deal.contact, deal.contact)
    assert make(opportunity=deal, contact=ann).company == deal.company
    with refuses(contact="R-TASK-LINK"):
        make(opportunity=deal, contact=beta)


def test_a_contact_that_may_not_be_used(make: Callable[..., Task], acme: Contact, beta: Contact) -> None:
    acme.privacy_blocked, beta.archived = True, True
    with refuses(contact="privacy"):
        make(contact=acme)
    with refuses(contact="archived"):
        make(contact=beta)


def test_completing_says_when_who_and_what(make: Callable[..., Task], rep: User, jo: Salesperson) -> None:
    task = make()
    with refuses(on="E14"):
        lifecycle.complete(task, version=1, on=Company.current().today() + datetime.timedelta(days=1), by=rep)
    done = lifecycle.complete(task, version=1, on=day(3), by=rep, outcome=" They want it ")
    assert (done.next, done.follow_up) == (None, None)
    task = again(task)
    assert (task.status, task.closed_on, task.completed_by, task.outcome) == (
        Status.COMPLETED,
        day(3),
        jo,
        "They want it",
    )
    assert (task.version, task.events.count()) == (2, 2)
    with refuses(__all__="closed"):
        lifecycle.complete(task, version=2, on=day(3), by=rep)


def test_completing_a_team_s_task_needs_somebody(
    make: Callable[..., Task], team: Team, manager: User, of: Salesperson
) -> None:
    task = make(team=team)
    with refuses(completed_by="R-TASK-CLOSE"):
        lifecycle.complete(task, version=1, on=TODAY, by=manager)
    assert lifecycle.complete(task, version=1, on=TODAY, by=manager, completed_by=of).task.completed_by == of
    other = make(team=team)
    assert lifecycle.cancel(other, version=1, on=TODAY, by=manager).task.completed_by is None


def test_a_follow_up_comes_with_the_completion_or_not_at_all(
    make: Callable[..., Task], at_stage: Callable[..., Opportunity], rep: User, jo: Salesperson
) -> None:
    task = make(opportunity=at_stage(1))
    with refuses(description="E08"):
        lifecycle.complete(task, version=1, on=TODAY, by=rep, follow_up={"description": "", "due_on": day(9)})
    assert again(task).is_open
    done = lifecycle.complete(task, version=1, on=TODAY, by=rep, follow_up={"description": "Send it", "due_on": day(9)})
    following = Task.objects.get(follows=task)
    assert done.follow_up == following
    assert (following.opportunity, following.contact, following.salesperson) == (task.opportunity, task.contact, jo)
    assert (following.description, following.due_on, following.status) == ("Send it", day(9), Status.NOT_STARTED)


@pytest.mark.parametrize(("base", "next_due"), [("due", day(9)), ("closing", day(12))])
def test_a_recurring_task_comes_again(base: str, next_due: datetime.date, make: Callable[..., Task], rep: User) -> None:
    task = make(interval="1w", recurs_from=base, status="waiting")
    assert task.interval == "1w"
    done = lifecycle.complete(again(task), version=1, on=day(5), by=rep)
    assert done.next is not None
    following = again(done.next)
    assert (following.due_on, following.status, following.interval) == (next_due, Status.NOT_STARTED, "1W")
    assert (following.recurs_from, following.follows_id, following.version) == (base, task.pk, 1)


def test_the_next_one_is_made_once(make: Callable[..., Task], rep: User) -> None:
    task = make(interval="1W", recurs_from="due")
    lifecycle.complete(task, version=1, on=TODAY, by=rep)
    lifecycle.reopen(task, version=2, on=TODAY, by=rep)
    assert lifecycle.complete(task, version=3, on=TODAY, by=rep).next is None
    assert Task.objects.filter(follows=task).count() == 1


def test_reopening(make: Callable[..., Task], rep: User) -> None:
    completed, cancelled = make(), make(status="waiting")
    lifecycle.complete(completed, version=1, on=TODAY, by=rep)
    lifecycle.cancel(cancelled, version=1, on=TODAY, by=rep)
    assert (again(cancelled).status, again(cancelled).closed_on) == (Status.WAITING, TODAY)
    for task, status in ((completed, Status.IN_PROGRESS), (cancelled, Status.WAITING)):
        lifecycle.reopen(task, version=2, on=TODAY, by=rep)
        task = again(task)
        assert (task.status, task.closed_on, task.cancelled, task.completed_by) == (status, None, False, None)
        with refuses(__all__="open"):
            lifecycle.reopen(task, version=3, on=TODAY, by=rep)


def test_postponing_is_to_a_later_day(make: Callable[..., Task], rep: User) -> None:
    task = make()
    with refuses(to="later"):
        lifecycle.postpone(task, version=1, to=TODAY, on=TODAY, by=rep)
    lifecycle.postpone(task, version=1, to=day(9), on=TODAY, by=rep)
    assert (again(task).due_on, again(task).status) == (day(9), Status.POSTPONED)


def test_reassigning(make: Callable[..., Task], rep: User, of: Salesperson, team: Team) -> None:
    task = make()
    lifecycle.reassign(task, version=1, team=team, on=TODAY, by=rep)
    assert (again(task).salesperson, again(task).team) == (None, team)
    lifecycle.reassign(task, version=2, salesperson=of, on=TODAY, by=rep)
    assert (again(task).salesperson, again(task).team) == (of, None)
    with refuses(__all__="unchanged"):
        lifecycle.reassign(task, version=3, salesperson=of, on=TODAY, by=rep)
    with refuses(salesperson="R-TASK-REQ"):
        lifecycle.reassign(task, version=3, on=TODAY, by=rep)


def test_somebody_was_faster(make: Callable[..., Task], rep: User) -> None:
    task = make()
    lifecycle.change(task, version=1, on=TODAY, by=rep, description="Write them")
    for verb in (
        lambda: lifecycle.change(task, version=1, on=TODAY, by=rep, description="Visit them"),
        lambda: lifecycle.complete(task, version=1, on=TODAY, by=rep),
        lambda: lifecycle.postpone(task, version=1, to=day(9), on=TODAY, by=rep),
    ):
        with pytest.raises(lifecycle.Stale):
            verb()
    assert (again(task).description, again(task).is_open, again(task).version) == ("Write them", True, 2)


def test_changing(make: Callable[..., Task], rep: User, ann: Contact, acme: Contact) -> None:
    task = make()
    changed = lifecycle.change(
        task, version=1, on=TODAY, by=rep, contact=ann, due_on=day(4), status="in_progress", priority="high"
    )
    assert again(changed).company == acme
    assert (changed.due_on, changed.status, changed.priority) == (day(4), "in_progress", "high")
    lifecycle.change(task, version=2, on=TODAY, by=rep, contact=None)
    assert (again(task).contact, again(task).company) == (None, None)


def attending(task: Task) -> list[tuple[str, str]]:
    return [(str(one), one.role) for one in task.attendees.all()]


def test_a_meeting_has_an_organizer(
    make: Callable[..., Task], jo: Salesperson, of: Salesperson, ann: Contact, rep: User
) -> None:
    plain = make(kind="meeting", starts_at=datetime.time(9), duration=60)
    assert attending(plain) == [("Jim Olive", "organizer")]
    taking = [lifecycle.Taking(ann), lifecycle.Taking(of, Attendee.Role.OPTIONAL)]
    lifecycle.change(plain, version=1, on=TODAY, by=rep, attendees=taking)
    assert attending(plain) == [("Jim Olive", "organizer"), ("Ann Lee", "required"), ("Otis Falls", "optional")]
    twice = [lifecycle.Taking(ann), lifecycle.Taking(ann)]
    with refuses(attendees="twice"):
        lifecycle.change(plain, version=2, on=TODAY, by=rep, attendees=twice)
    with refuses(organizer="organizer"):
        make(kind="meeting", all_day=True, attendees=[lifecycle.Taking(ann, Attendee.Role.ORGANIZER)])
    with refuses(attendees="kind"):
        make(attendees=[lifecycle.Taking(ann)])


def test_an_activity_in_as_many_statements_as_one_step(
    jo: Salesperson, rep: User, django_assert_num_queries: Any
) -> None:
    many = Activity.objects.create(code="MANY")
    ActivityStep.objects.bulk_create(
        ActivityStep(activity=many, number=number, description="x") for number in range(1, 11)
    )
    with django_assert_num_queries(4):  # SAVEPOINT, steps, tasks, RELEASE
        made = lifecycle.assign(many, on=TODAY, by=rep, salesperson=jo)
    assert len(made) == Task.objects.count() == 10


def whom(task: Task) -> tuple[Any, Any, int]:
    now = again(task)
    return now.contact, now.company, now.version


def test_a_person_who_moves_leaves_open_tasks_with_the_company(
    make: Callable[..., Task], at_stage: Any, ann: Contact, beta: Contact, rep: User, acme: Contact
) -> None:
    """R-CON-MOVE: with or without an opportunity, also one that is not the person's. What is closed names whom it named."""
    free, bound, done = make(contact=ann), make(contact=ann, opportunity=at_stage(1)), make(contact=ann)
    lifecycle.complete(done, version=1, on=TODAY, by=rep)
    contact_verbs.change(ann, by=rep, on=TODAY, company=beta)
    assert (whom(free), whom(bound), whom(done)) == ((acme, acme, 2), (acme, acme, 2), (ann, acme, 2))


def test_tasks_of_a_company_that_may_not_be_used_keep_the_person(
    make: Callable[..., Task], ann: Contact, beta: Contact, rep: User, acme: Contact
) -> None:
    task = make(contact=ann)
    Contact.objects.filter(pk=acme.pk).update(privacy_blocked=True)
    contact_verbs.change(ann, by=rep, on=TODAY, company=beta)
    assert whom(task) == (ann, acme, 1)


def test_a_contact_with_open_tasks_is_not_archived(
    make: Callable[..., Task], ann: Contact, rep: User, acme: Contact
) -> None:
    """R-CON-DEL; those of its people count."""
    task = make(contact=ann)
    for contact in (ann, acme):
        with refuses(archived="open_tasks"):
            contact_verbs.change(contact, by=rep, on=TODAY, archived=True)
    lifecycle.cancel(task, version=1, on=TODAY, by=rep)
    assert contact_verbs.change(acme, by=rep, on=TODAY, archived=True).contact.archived


def test_a_contact_with_tasks_keeps_its_type_and_is_not_deleted(
    make: Callable[..., Task], rep: User, administrator: User, acme: Contact
) -> None:
    """R-CON-TYPE, whether the task is open or closed."""
    lifecycle.cancel(make(contact=acme), version=1, on=TODAY, by=rep)
    with refuses(kind="history"):
        contact_verbs.change(acme, by=rep, on=TODAY, kind="person")
    request = RequestFactory().get("/")
    request.user = administrator
    (line,) = uses([acme], request, site)
    assert "Call them (Not started)" in line
