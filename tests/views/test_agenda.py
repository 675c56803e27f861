"""The agenda: its parts, whose tasks it shows, and what is done from it."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, Team, User
from tasks import lifecycle
from tasks.agenda import SHOWN
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
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=WEDNESDAY)


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def shown(response: Any) -> dict[str, list[str]]:
    return {part.word: [task.description for task in part.tasks] for part in response.context["sections"]}


def text(response: Any) -> str:
    return str(response.content.decode())


def test_parts_of_a_wednesday(client_for: Sign, rep: User, make: Make) -> None:
    for description, days in [("late", -1), ("now", 0), ("soon", 1), ("Sunday", 4), ("Monday", 5), ("far", 400)]:
        make(description, days)
    lifecycle.complete(make("done", -3), version=1, on=WEDNESDAY, by=rep)
    page = client_for(rep).get("/tasks/agenda/")
    assert shown(page) == {
        "overdue": ["late"],
        "today": ["now"],
        "week": ["soon", "Sunday"],
        "later": ["Monday", "far"],
    }
    assert re.findall(r"<h2 id=\"part-(\w+)\">.*?mark-\w+\">(\d+)<", text(page)) == [
        ("overdue", "1"),
        ("today", "1"),
        ("week", "2"),
        ("later", "2"),
    ]
    for words in ("Yesterday", "Tomorrow", "Sunday", "Monday", "in 13 months"):
        assert f">{words}</time>" in text(page)


def test_on_sunday_the_week_is_over(client_for: Sign, rep: User, make: Make) -> None:
    make("tomorrow", 5)
    with time_machine.travel(datetime.datetime(2026, 3, 8, 10, tzinfo=datetime.UTC), tick=False):
        assert shown(client_for(rep).get("/tasks/agenda/")) == {"later": ["tomorrow"]}


def test_today_is_the_persons_day(client_for: Sign, rep: User, make: Make) -> None:
    make("now")
    User.objects.filter(pk=rep.pk).update(time_zone="Pacific/Auckland")
    with time_machine.travel(datetime.datetime(2026, 3, 4, 20, tzinfo=datetime.UTC), tick=False):
        client = client_for(rep)
        assert shown(client.get("/tasks/agenda/")) == {"overdue": ["now"]}
        assert [row["description"] for row in client.get("/tasks/?which=overdue").context["page"]] == ["now"]


def test_meetings_stand_by_their_time(client_for: Sign, rep: User, make: Make) -> None:
    at = datetime.time
    for description, start in [("two", at(14)), ("nine", at(9, 30))]:
        make(description, kind="meeting", starts_at=start, duration=30, location="Helsinki")
    make("whenever")
    page = client_for(rep).get("/tasks/agenda/")
    assert shown(page) == {"today": ["whenever", "nine", "two"]}
    for words in ("09:30", "14:00", "Helsinki"):
        assert words in text(page)


# ── whose ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def people(make: Make, jo: Salesperson, of: Salesperson, hr: Salesperson) -> Team:
    team = TeamFactory(members=[jo, hr], name="North")
    make("JO's")
    make("HR's", salesperson=hr)
    make("OF's", salesperson=of)
    make("North's", team=team)
    make("OF meets JO", kind="meeting", all_day=True, salesperson=of, attendees=[lifecycle.Taking(jo)])
    return team


def test_mine_are_my_own_those_of_my_teams_and_meetings_i_attend(client_for: Sign, rep: User, people: Team) -> None:
    page = client_for(rep).get("/tasks/agenda/")
    assert shown(page) == {"today": ["JO's", "North's", "OF meets JO"]}
    assert [word for word, _ in page.context["form"].fields["whose"].choices] == ["me", "Teams", ""]


@pytest.mark.parametrize(
    ("who", "found"),
    [
        ("", ["JO's", "HR's", "OF's", "North's", "OF meets JO"]),
        ("jo", ["JO's", "North's", "OF meets JO"]),
        ("hr", ["HR's", "North's"]),
        ("team", ["JO's", "HR's", "North's"]),
    ],
)
def test_a_manager_looks_at_others(
    client_for: Sign,
    manager: User,
    people: Team,
    jo: Salesperson,
    hr: Salesperson,
    who: str,
    found: list[str],
) -> None:
    word = {"": "", "jo": str(jo.pk), "hr": str(hr.pk), "team": f"team-{people.pk}"}[who]
    client = client_for(manager)
    assert shown(client.get(f"/tasks/agenda/?whose={word}")) == {"today": found}
    listed = client.get(f"/tasks/?which=today&whose={word}&order=due_on")
    assert {row["description"] for row in listed.context["page"]} == set(found)


def test_a_person_one_may_not_see_is_refused(client_for: Sign, rep: User, people: Team, of: Salesperson) -> None:
    client = client_for(rep)
    for word in (of.pk, "team-99999", "team-", "x", "0"):
        page = client.get("/tasks/agenda/", {"whose": word})
        assert (page.status_code, shown(page)) == (422, {}), word
        assert client.get("/tasks/", {"whose": word}).status_code == 422


def test_who_leads_a_team_is_offered_its_people(client_for: Sign, rep2: User, of: Salesperson, hr: Salesperson) -> None:
    TeamFactory(members=[hr], manager=of, name="South")
    rep2.user_permissions.add(Permission.objects.get(codename="view_subtree_task"))
    offered = client_for(rep2).get("/tasks/agenda/").context["form"].fields["whose"].choices
    assert [(word, [name for _, name in of] if isinstance(of, list) else of) for word, of in offered] == [
        ("me", "Mine"),
        ("Teams", ["South"]),
        ("Salespeople", ["Helena Ray"]),
        ("", "Everybody"),
    ]


def test_somebody_without_a_role_has_no_agenda(client_for: Sign, outsider: User) -> None:
    assert client_for(outsider).get("/tasks/agenda/").status_code == 403


def test_what_was_shared_only_to_see_offers_nothing(
    client_for: Sign, rep2: User, of: Salesperson, make: Make, deal: Opportunity
) -> None:
    make("shared", opportunity=deal)
    make("own", opportunity=deal, salesperson=of)
    Grant.objects.create(opportunity=deal, salesperson=of)
    page = client_for(rep2).get("/tasks/agenda/?whose=")
    assert {task.description: task.may for part in page.context["sections"] for task in part.tasks} == {
        "shared": False,
        "own": True,
    }


# ── how much ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_part_shows_its_first_and_leads_to_exactly_all(client_for: Sign, rep: User, make: Make) -> None:
    for number in range(SHOWN + 1):
        make(f"late {number:02}", -number - 1)
    make("now")
    client = client_for(rep)
    page = client.get("/tasks/agenda/")
    late, now = page.context["sections"]
    assert (late.total, len(late.tasks), late.tasks[0].description) == (21, 20, "late 20")
    assert (late.all_url, now.has_more) == ("/tasks/?which=overdue&whose=me", False)
    assert f'href="{late.all_url.replace("&", "&amp;")}">all 21' in text(page)
    assert client.get(late.all_url).context["totals"].count == 21


@pytest.mark.parametrize("rows", [1, 30])
def test_queries(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        make("late", -1 - number, opportunity=deal)
        make("now", number, opportunity=deal)
    client = client_for(rep)
    client.get("/tasks/agenda/")
    with django_assert_num_queries(6):  # session, user, teams, people, counts, tasks
        client.get("/tasks/agenda/")


# ── what is done from it ─────────────────────────────────────────────────────────────────────────────────────────────


def test_completed_in_place_with_what_follows(client_for: Sign, rep: User, make: Make, deal: Opportunity) -> None:
    task, other = make("Call them", opportunity=deal), make("Then this")
    client = client_for(rep)
    form = client.get(f"/tasks/{task.pk}/complete/?agenda=whose%3Dme", headers=HX)
    assert 'name="agenda" value="whose=me"' in text(form)
    sent = {"version": 1, "agenda": "whose=me", "outcome": "They buy", "next_description": "Offer"}
    answer = client.post(f"/tasks/{task.pk}/complete/", sent | {"next_due_on": "2026-03-05"}, headers=HX)
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#agenda", "innerHTML")
    assert shown(answer) == {"today": ["Then this"], "week": ["Offer"]}
    assert answer.context["focus"] == other.pk
    assert "“Offer” follows." in text(answer)
    assert (again(task).outcome, Task.objects.get(description="Offer").opportunity) == ("They buy", deal)


def test_the_last_one_leaves_the_focus_with_what_is_said(client_for: Sign, rep: User, make: Make) -> None:
    task = make("Call them")
    answer = client_for(rep).post(f"/tasks/{task.pk}/complete/", {"version": 1, "agenda": "whose=me"}, headers=HX)
    assert (shown(answer), answer.context["focus"]) == ({}, None)
    assert "data-focus" in text(answer)


def test_postponed_in_place(client_for: Sign, rep: User, make: Make) -> None:
    task = make("Call them", -2)
    sent = {"version": 1, "agenda": "whose=me", "to": "2026-03-05"}
    answer = client_for(rep).post(f"/tasks/{task.pk}/postpone/", sent, headers=HX)
    assert shown(answer) == {"week": ["Call them"]}
    assert (again(task).due_on, again(task).status) == (WEDNESDAY + DAY, "postponed")


def test_refused_and_stale_stay_where_they_were_asked(client_for: Sign, rep: User, make: Make) -> None:
    task = make("Call them")
    client = client_for(rep)
    refused = client.post(f"/tasks/{task.pk}/postpone/", {"version": 1, "agenda": "", "to": "2026-03-04"}, headers=HX)
    assert (refused.status_code, refused.has_header("HX-Retarget")) == (422, False)
    lifecycle.postpone(task, version=1, to=WEDNESDAY + DAY, on=WEDNESDAY, by=rep)
    stale = client.post(f"/tasks/{task.pk}/complete/", {"version": 1, "agenda": ""}, headers=HX)
    assert (stale.status_code, again(task).is_open) == (409, True)


def test_a_plain_form_leads_back(client_for: Sign, rep: User, make: Make) -> None:
    task = make("Call them")
    client = client_for(rep)
    assert 'href="/tasks/agenda/?whose=me"' in text(client.get(f"/tasks/{task.pk}/complete/?agenda=whose%3Dme"))
    answer = client.post(f"/tasks/{task.pk}/complete/", {"version": 1, "agenda": "whose=me"})
    assert (answer.status_code, answer["Location"]) == (302, "/tasks/agenda/?whose=me")
    assert again(task).closed_on == WEDNESDAY
