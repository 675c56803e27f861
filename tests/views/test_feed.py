"""The calendar at a secret address: what stands in it, for whom it is there, and what other programs ask of it."""

import datetime
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from icalendar import Calendar

from collaboration import lifecycle as collaboration
from collaboration.models import Preferences
from crm.lib.refusals import Discreet
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tasks.models import Task

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
TODAY = datetime.date(2026, 3, 2)


@pytest.fixture(autouse=True)
def monday(company: Company) -> Any:
    with time_machine.travel("2026-03-02 08:00", tick=False):
        yield


@pytest.fixture
def feed(rep: User) -> str:
    return f"/tasks/feed/{collaboration.renew_calendar(rep)}.ics"


def make(user: User, days: int = 0, **values: Any) -> Task:
    given: dict[str, Any] = {"description": "Call", "salesperson": user.salesperson, "on": TODAY, "by": user}
    return tasks.create(**given | {"due_on": TODAY + datetime.timedelta(days=days)} | values)


def events(client: Client, feed: str) -> dict[str, Any]:
    answer = client.get(feed)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    return {str(one["SUMMARY"]): one for one in Calendar.from_ical(answer.content).walk("VEVENT")}


def test_tasks_are_days_and_meetings_have_their_hour(client: Client, feed: str, rep: User) -> None:
    task = make(rep, description="Call; ask, and\\or\nlisten", location="Oulu, Finland")
    meeting = make(
        rep, 40, description="Meet", kind="meeting", starts_at=datetime.time(14), duration=90
    )  # after the clocks went forward
    found = events(client, feed)
    assert set(found) == {task.description, "Meet"}
    day = found[task.description]
    assert (day["DTSTART"].dt, str(day["LOCATION"]), str(day["TRANSP"])) == (TODAY, "Oulu, Finland", "TRANSPARENT")
    assert str(day["UID"]) == f"task-{task.pk}@127.0.0.1"
    begins = found["Meet"]["DTSTART"]
    assert begins.params["TZID"] == "Europe/Helsinki"
    assert begins.dt.astimezone(datetime.UTC).isoformat() == "2026-04-11T11:00:00+00:00"
    assert found["Meet"]["DURATION"].dt == datetime.timedelta(minutes=90)
    assert b"BEGIN:VTIMEZONE" in client.get(feed).content
    tasks.change(meeting, version=1, description="Meet again", on=TODAY, by=rep)
    again = events(client, feed)["Meet again"]
    assert (str(again["UID"]), again["SEQUENCE"]) == (f"task-{meeting.pk}@127.0.0.1", 1)


def test_only_what_is_open_mine_and_near(client: Client, feed: str, rep: User, rep2: User, of: Salesperson) -> None:
    for days in (-31, -30, 365, 366):
        make(rep, days, description=f"In {days}")
    make(rep2, description="Not mine")
    tasks.cancel(make(rep, description="Not to be done"), version=1, on=TODAY, by=rep)
    make(rep2, description="Invited", kind="meeting", all_day=True, attendees=[tasks.Taking(rep.salesperson)])
    assert set(events(client, feed)) == {"In -30", "In 365", "Invited"}


def test_asked_again_it_says_that_nothing_changed(client: Client, feed: str, rep: User) -> None:
    task = make(rep)
    first = client.get(feed)
    etag = first["ETag"]
    assert (first["Cache-Control"], first["X-Robots-Tag"]) == ("private, no-cache", "noindex, nofollow")
    again = client.get(feed, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    tasks.change(task, version=1, description="Other", on=TODAY, by=rep)
    assert client.get(feed, headers={"If-None-Match": etag}).status_code == 200
    assert client.post(feed).status_code == 405


def test_for_whom_it_is_not_there(client: Client, feed: str, rep: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert client.get("/tasks/feed/none.ics").status_code == 404
        User.objects.filter(pk=rep.pk).update(is_active=False)
        assert client.get(feed).status_code == 404
        User.objects.filter(pk=rep.pk).update(is_active=True)
        assert client.get(feed).status_code == 200
        collaboration.revoke_calendar(rep)
        assert client.get(feed).status_code == 404
    assert "feed" not in caplog.text


def test_the_log_leaves_the_secret_out() -> None:
    record = logging.LogRecord("x", 40, "", 0, "Server Error: %s", ("/tasks/feed/abc-_123.ics",), None)
    assert Discreet("%(message)s").format(record) == "Server Error: /tasks/feed/….ics"


def test_a_new_address_ends_the_one_before(client: Client, client_for: SignIn, feed: str, rep: User) -> None:
    own = client_for(rep)
    assert f"http://testserver{feed}" in own.get("/account/").content.decode()
    own.post("/account/calendar/")
    key = Preferences.objects.get().calendar_key
    assert key and key not in feed and f"/tasks/feed/{key}.ics" in own.get("/account/").content.decode()
    assert [client.get(one).status_code for one in (feed, f"/tasks/feed/{key}.ics")] == [404, 200]
    own.post("/account/calendar/", {"revoke": "1"})
    assert client.get(f"/tasks/feed/{key}.ics").status_code == 404
    assert own.get("/account/calendar/").status_code == 405


def test_asked_too_often_it_waits(client: Client, feed: str) -> None:
    assert [client.get(feed).status_code for _ in range(61)] == [200] * 60 + [429]


def test_words_of_another_language_and_its_marks(client: Client, feed: str, rep: User) -> None:
    make(rep, description="Nuki-äänestys 🎉 " + "x" * 80)
    assert set(events(client, feed)) == {"Nuki-äänestys 🎉 " + "x" * 80}
    assert max(len(line) for line in client.get(feed).content.split(b"\r\n")) <= 75
