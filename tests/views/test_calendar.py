"""The calendar: which days it shows, what stands on them, and what a drag sends."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import calendar, lifecycle
from tasks.models import Task
from tests.factories import TeamFactory, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., Task]
HX = {"HX-Request": "true"}
DAY = datetime.timedelta(days=1)
WEDNESDAY = datetime.date(2026, 3, 4)


@pytest.fixture(autouse=True)
def on_a_wednesday(company: Company) -> Any:
    with time_machine.travel(datetime.datetime(2026, 3, 4, 10, tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def make(jo: Salesperson, rep: User) -> Make:
    def made(description: str, days: int = 0, **values: Any) -> Task:
        owner = {} if "team" in values or "salesperson" in values else {"salesperson": jo}
        due = {"description": description, "due_on": WEDNESDAY + days * DAY}
        return lifecycle.create(by=rep, on=WEDNESDAY, **due | owner | values)

    return made


@pytest.fixture
def meeting(make: Make) -> Task:
    return make("Meet", kind="meeting", starts_at=datetime.time(9, 30), duration=45)


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=WEDNESDAY)


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def standing(page: Any) -> dict[str, list[str]]:
    """By day, as month and day."""
    cells = [cell for week in page.context["weeks"] for cell in week]
    return {f"{cell.day:%m-%d}": [task.description for task in cell.tasks] for cell in cells if cell.tasks}


def told(client: Client, query: str = "", first: str = "2026-03-01", last: str = "2026-03-31") -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/tasks/calendar/events/?first={first}&last={last}&{query}").json()
    return answer


# ── which days ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("by", "day", "first", "last", "before", "after"),
    [
        ("month", "2026-03-04", "2026-02-23", "2026-04-05", "2026-02-01", "2026-04-01"),
        ("month", "2024-02-29", "2024-01-29", "2024-03-03", "2024-01-01", "2024-03-01"),
        ("month", "2026-12-31", "2026-11-30", "2027-01-03", "2026-11-01", "2027-01-01"),
        ("week", "2026-03-08", "2026-03-02", "2026-03-08", "2026-03-01", "2026-03-15"),
        ("day", "2026-03-29", "2026-03-29", "2026-03-29", "2026-03-28", "2026-03-30"),
        ("month", "1800-01-01", "1900-01-29", "1900-03-04", "1900-01-01", "1900-03-01"),
        ("month", "9999-12-31", "2999-10-28", "2999-12-01", "2999-10-01", "2999-12-01"),
    ],
)
def test_spans(by: str, day: str, first: str, last: str, before: str, after: str) -> None:
    span = calendar.span_of(by, datetime.date.fromisoformat(day))
    assert [str(one) for one in (span.first, span.last, span.before, span.after)] == [first, last, before, after]


def test_a_month_of_whole_weeks_with_the_way_on(client_for: Sign, rep: User, make: Make) -> None:
    make("first shown", -9)
    make("too early", -10)
    make("now")
    page = client_for(rep).get("/tasks/calendar/")
    shown = page.content.decode()
    assert (page.context["span"].title, len(page.context["weeks"])) == ("March 2026", 6)
    assert standing(page) == {"02-23": ["first shown"], "03-04": ["now"]}
    for day in ("2026-02-01", "2026-04-01"):
        assert f'href="?whose=me&amp;by=month&amp;day={day}"' in shown


@pytest.mark.parametrize("query", ["by=year", "day=2026-02-30", "day=soon", "by=&day="])
def test_what_says_nothing_shows_this_month(client_for: Sign, rep: User, query: str) -> None:
    page = client_for(rep).get(f"/tasks/calendar/?{query}")
    assert (page.status_code, page.context["span"].title) == (200, "March 2026")


def test_a_day_shows_all_of_it_and_a_month_leads_there(client_for: Sign, rep: User, make: Make) -> None:
    for number in range(8):
        make(f"task {number}")
    client = client_for(rep)
    month = client.get("/tasks/calendar/")
    assert 'day=2026-03-04">3 more' in month.content.decode()
    day = client.get("/tasks/calendar/?by=day&day=2026-03-04")
    assert [len(tasks) for tasks in (*standing(month).values(), *standing(day).values())] == [5, 8]


def test_what_takes_days_stands_on_each_of_them(client_for: Sign, rep: User, make: Make) -> None:
    begins = datetime.time(22)
    make("fair", -5, kind="meeting", all_day=True, duration=3 * 1440)  # 27 February to 1 March
    make("night", 1, kind="meeting", starts_at=begins, duration=121)
    make("evening", 6, kind="meeting", starts_at=begins, duration=120)
    client = client_for(rep)
    assert standing(client.get("/tasks/calendar/")) == {
        "02-27": ["fair"],
        "02-28": ["fair"],
        "03-01": ["fair"],
        "03-05": ["night"],
        "03-06": ["night"],
        "03-10": ["evening"],
    }
    for day, found in [("03-01", ["fair"]), ("03-02", []), ("03-06", ["night"]), ("03-07", []), ("03-11", [])]:
        events = told(client, first=f"2026-{day}", last=f"2026-{day}")["events"]
        assert [event["title"] for event in events] == found, day


# ── what a script is told ────────────────────────────────────────────────────────────────────────────────────────────


def test_events(client_for: Sign, rep: User, make: Make, meeting: Task) -> None:
    task = make("Call them", -1, kind="call")
    lifecycle.complete(make("done"), version=1, on=WEDNESDAY, by=rep)
    answer = told(client_for(rep))
    assert answer["more"] is False
    call, meets = answer["events"]
    assert call == {
        "id": task.pk,
        "title": "Call them",
        "start": "2026-03-03",
        "end": "2026-03-04",
        "allDay": True,
        "url": f"/tasks/{task.pk}/",
        "editable": True,
        "durationEditable": False,
        "tone": "red",
        "kind": "Phone call",
        "isMeeting": False,
        "version": 1,
        "reschedule": f"/tasks/{task.pk}/reschedule/",
    }
    assert (meets["start"], meets["end"], meets["allDay"], meets["tone"]) == (
        "2026-03-04T09:30:00",
        "2026-03-04T10:15:00",
        False,
        "green",
    )


def test_only_what_the_person_sees(
    client_for: Sign, rep2: User, of: Salesperson, make: Make, deal: Opportunity
) -> None:
    make("JO's")
    make("shared", opportunity=deal)
    make("OF's", salesperson=of)
    Grant.objects.create(opportunity=deal, salesperson=of)
    client = client_for(rep2)
    assert {event["title"]: event["editable"] for event in told(client, "whose=")["events"]} == {
        "shared": False,
        "OF's": True,
    }
    assert [event["title"] for event in told(client)["events"]] == ["OF's"]


def test_whose_and_type_narrow_page_and_events(
    client_for: Sign, manager: User, make: Make, jo: Salesperson, hr: Salesperson
) -> None:
    team = TeamFactory(members=[jo])
    make("JO calls", kind="call")
    make("JO")
    make("HR", salesperson=hr)
    client = client_for(manager)
    for query, found in [
        ("", ["JO calls", "JO", "HR"]),
        (f"whose={hr.pk}", ["HR"]),
        (f"whose=team-{team.pk}", ["JO calls", "JO"]),
        (f"whose=team-{team.pk}&kind=call", ["JO calls"]),
    ]:
        assert [event["title"] for event in told(client, query)["events"]] == found, query
        assert standing(client.get(f"/tasks/calendar/?{query}")) == {"03-04": found}
        listed = client.get(client.get(f"/tasks/calendar/?{query}").context["list_url"])
        assert {row["description"] for row in listed.context["page"]} == set(found)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "first=2026-03-01",
        "first=2026-03-02&last=2026-03-01",
        "first=2026-03-01&last=2026-05-02",
        "first=9999-12-31&last=0001-01-01",
        "first=2026-02-30&last=2026-03-01",
        "first=2026-03-01&last=2026-03-31&whose=999",
        "first=2026-03-01&last=2026-03-31&kind=party",
    ],
)
def test_events_that_are_not_understood(client_for: Sign, rep: User, make: Make, query: str) -> None:
    make("now")
    answer = client_for(rep).get(f"/tasks/calendar/events/?{query}")
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


def test_a_filter_that_is_not_understood_shows_nothing(client_for: Sign, rep: User, make: Make) -> None:
    make("now")
    page = client_for(rep).get("/tasks/calendar/?kind=party")
    assert (page.status_code, standing(page)) == (422, {})


def test_more_than_can_be_shown_is_said(
    client_for: Sign, rep: User, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "MOST", 2)
    for number in range(2):
        make(f"task {number}")
    client = client_for(rep)
    assert (told(client)["more"], client.get("/tasks/calendar/").context["has_more"]) == (False, False)
    make("one more")
    assert (told(client)["more"], len(told(client)["events"])) == (True, 2)
    assert "only the first 2 are shown" in client.get("/tasks/calendar/").content.decode()


@pytest.mark.parametrize("rows", [1, 30])
def test_queries(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        make("task", number % 20, opportunity=deal)
    client = client_for(rep)
    told(client)
    with django_assert_num_queries(3):  # session, user, tasks
        told(client)
    with django_assert_num_queries(5):  # teams and people to choose from, too
        client.get("/tasks/calendar/")


def test_somebody_without_a_role_has_none(client_for: Sign, outsider: User) -> None:
    client = client_for(outsider)
    assert [client.get(f"/tasks/calendar/{page}").status_code for page in ("", "events/")] == [403, 403]


# ── another date ─────────────────────────────────────────────────────────────────────────────────────────────────────


def moved(task: Task) -> tuple[Any, ...]:
    now = again(task)
    return now.due_on, now.all_day, now.starts_at, now.duration, now.status, now.version


def test_to_a_later_day_it_is_postponed_to_an_earlier_one_not(make: Make, rep: User) -> None:
    later, earlier = make("later"), make("earlier", 3)
    for task in (later, earlier):
        lifecycle.reschedule(task, version=1, due_on=WEDNESDAY + DAY, on=WEDNESDAY, by=rep)
    assert moved(later) == (WEDNESDAY + DAY, False, None, None, "postponed", 2)
    assert moved(earlier) == (WEDNESDAY + DAY, False, None, None, "not_started", 2)


def test_a_meeting_keeps_who_takes_part(meeting: Task, rep: User) -> None:
    at = datetime.time(14)
    lifecycle.reschedule(meeting, version=1, due_on=WEDNESDAY, starts_at=at, duration=90, on=WEDNESDAY, by=rep)
    assert moved(meeting) == (WEDNESDAY, False, at, 90, "not_started", 2)
    assert meeting.attendees.count() == 1


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"due_on": None}, {"due_on"}),
        ({"due_on": datetime.date(3000, 1, 1)}, {"due_on"}),
        ({"starts_at": datetime.time(9)}, {"starts_at"}),
        ({"all_day": True}, {"all_day"}),
    ],
)
def test_a_plain_task_has_only_a_day(make: Make, rep: User, values: dict[str, Any], fields: set[str]) -> None:
    task = make("task")
    with pytest.raises(ValidationError) as refused:
        lifecycle.reschedule(task, version=1, on=WEDNESDAY, by=rep, **{"due_on": WEDNESDAY} | values)
    assert set(refused.value.error_dict) == fields
    assert again(task).version == 1


def test_dragged_it_answers_with_what_is_said(client_for: Sign, rep: User, meeting: Task) -> None:
    sent = {"version": 1, "due_on": "2026-03-06", "starts_at": "11:00", "duration": 60, "calendar": "whose=me"}
    answer = client_for(rep).post(f"/tasks/{meeting.pk}/reschedule/", sent, headers=HX)
    assert (answer.status_code, "The date was changed." in answer.content.decode()) == (200, True)
    assert moved(meeting) == (datetime.date(2026, 3, 6), False, datetime.time(11), 60, "postponed", 2)


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"version": 1, "due_on": "2026-03-06"}, 422, "Enter the start, or all day."),
        ({"version": 7, "due_on": "2026-03-06", "all_day": "on"}, 409, "Somebody else changed this task"),
    ],
)
def test_refused_a_drag_hears_why(
    client_for: Sign, rep: User, meeting: Task, sent: dict[str, Any], status: int, said: str
) -> None:
    answer = client_for(rep).post(f"/tasks/{meeting.pk}/reschedule/", sent | {"calendar": ""}, headers=HX)
    assert (answer.status_code, said in answer.content.decode()) == (status, True)
    assert "<form" not in answer.content.decode()
    assert again(meeting).version == 1


def test_the_same_form_as_a_page(client_for: Sign, rep: User, meeting: Task, make: Make) -> None:
    client, task = client_for(rep), make("task")
    page = client.get(f"/tasks/{task.pk}/reschedule/").content.decode()
    assert ('name="due_on" value="2026-03-04"' in page, "starts_at" in page) == (True, False)
    assert 'name="starts_at" value="09:30' in client.get(f"/tasks/{meeting.pk}/reschedule/").content.decode()
    answer = client.post(f"/tasks/{task.pk}/reschedule/", {"version": 1, "due_on": "2026-03-05"})
    assert (answer["Location"], again(task).due_on) == (f"/tasks/{task.pk}/", WEDNESDAY + DAY)
