"""The pages of tasks."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep, SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.factories import TeamFactory, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., Task]
HX = {"HX-Request": "true"}
WEEK = datetime.timedelta(days=7)


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today)


@pytest.fixture
def make(jo: Salesperson, rep: User, today: datetime.date) -> Make:
    def made(**values: Any) -> Task:
        owner = {} if "team" in values or "salesperson" in values else {"salesperson": jo}
        return lifecycle.create(by=rep, on=today, **{"description": "Call them"} | owner | values)

    return made


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def text(response: Any) -> str:
    return str(response.content.decode())


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, make: Make, deal: Opportunity) -> None:
    make(opportunity=deal, interval="1W", recurs_from="due")
    client = client_for(rep)
    page, fragment = client.get("/tasks/"), client.get("/tasks/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert text(fragment).strip() in text(page)
    for words in ("Call them", "Chairs", "ACME", "Jim Olive", "1 task"):
        assert words in text(page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Late", "Now", "Later", "Done", "Off"]),
        ("which=open", ["Late", "Now", "Later"]),
        ("which=overdue", ["Late"]),
        ("which=today", ["Now"]),
        ("which=closed", ["Done", "Off"]),
        ("which=completed", ["Done"]),
        ("which=cancelled", ["Off"]),
        ("which=waiting", ["Later"]),
        ("kind=call", ["Now"]),
        ("q=lat", ["Late", "Later"]),
        ("salesperson=me&which=open", ["Late", "Now"]),
        ("order=-description", ["Off", "Now", "Later", "Late", "Done"]),
    ],
)
def test_list_filters_and_sorts(
    client_for: Sign, rep: User, make: Make, today: datetime.date, of: Salesperson, query: str, found: list[str]
) -> None:
    day = datetime.timedelta(days=1)
    make(description="Late", due_on=today - day)
    make(description="Now", kind="call")
    team = TeamFactory(members=[rep.salesperson])
    make(description="Later", due_on=today + day, status="waiting", team=team)
    for name, verb in (("Done", lifecycle.complete), ("Off", lifecycle.cancel)):
        verb(make(description=name, due_on=today + 2 * day), version=1, on=today, by=rep)
    answer = client_for(rep).get(f"/tasks/?{query}")
    assert [shown["description"] for shown in answer.context["page"]] == found


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, django_assert_num_queries: Any, rows: int
) -> None:
    for _ in range(rows):
        make(opportunity=deal)
    client = client_for(rep)
    client.get("/tasks/")
    with django_assert_num_queries(5):  # session, user, saved views, count, rows
        client.get("/tasks/")


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────────────────────


def seen_by(user: User) -> set[str]:
    return set(Task.objects.visible_to(User.objects.get(pk=user.pk)).values_list("description", flat=True))


def grant(user: User, *names: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def test_own_ones_those_of_own_teams_and_those_of_opportunities_one_sees(
    make: Make, deal: Opportunity, rep: User, rep2: User, of: Salesperson, hr: Salesperson, outsider: User
) -> None:
    team = TeamFactory(members=[of, hr])
    make(description="JO's")
    make(description="OF's", salesperson=of)
    make(description="HR's", salesperson=hr)
    make(description="the team's", team=team)
    make(description="of JO's deal", salesperson=hr, opportunity=deal)
    make(description="meeting", kind="meeting", all_day=True, attendees=[lifecycle.Taking(of)])
    assert seen_by(rep) == {"JO's", "of JO's deal", "meeting"}
    assert seen_by(rep2) == {"OF's", "the team's", "meeting"}
    assert seen_by(outsider) == set()
    grant(rep2, "view_team_task")
    assert seen_by(rep2) == {"OF's", "HR's", "the team's", "meeting", "of JO's deal"}


def test_who_leads_sees_by_subtree_and_who_sees_all_sees_all(
    make: Make, rep: User, rep2: User, of: Salesperson, hr: Salesperson, manager: User, viewer: User
) -> None:
    team = TeamFactory(members=[hr], manager=of)
    make(description="HR's", salesperson=hr)
    make(description="the team's", team=team)
    assert seen_by(rep2) == set()
    grant(rep2, "view_subtree_task")
    assert seen_by(rep2) == seen_by(manager) == seen_by(viewer) == {"HR's", "the team's"}
    assert seen_by(rep) == set()


ADDRESSES = ("", "complete/", "postpone/", "reassign/", "cancel/", "reopen/")
MAY = {
    "rep": [200, 200, 200, 200, 200, 200],
    "rep2": [404] * 6,
    "manager": [200, 200, 200, 200, 200, 200],
    "viewer": [200, 403, 403, 403, 403, 403],
    "outsider": [404] * 6,
}


@pytest.mark.parametrize("who", MAY)
def test_who_may_open_what(client_for: Sign, request: pytest.FixtureRequest, make: Make, who: str) -> None:
    task, client = make(), client_for(request.getfixturevalue(who))
    assert [client.get(f"/tasks/{task.pk}/{address}").status_code for address in ADDRESSES] == MAY[who]


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("rep2", 404), ("outsider", 404)])
def test_who_may_not_changes_nothing(
    client_for: Sign, request: pytest.FixtureRequest, make: Make, who: str, status: int
) -> None:
    task, client = make(), client_for(request.getfixturevalue(who))
    for address in ADDRESSES:
        answer = client.post(f"/tasks/{task.pk}/{address}", {"version": 1, "description": "Mine", "to": "2030-01-01"})
        assert answer.status_code == status, address
    assert (again(task).version, Task.objects.count()) == (1, 1)


def test_a_deal_that_was_shared_to_see_gets_no_task(
    client_for: Sign, rep2: User, of: Salesperson, make: Make, deal: Opportunity
) -> None:
    task = make(opportunity=deal)
    Grant.objects.create(opportunity=deal, salesperson=of)
    client = client_for(rep2)
    assert client.get(f"/tasks/{task.pk}/").status_code == 200
    assert client.get(f"/tasks/{task.pk}/complete/").status_code == 403
    assert client.get(f"/tasks/new/?opportunity={deal.pk}").status_code == 403
    assert client.get(f"/tasks/assign/?opportunity={deal.pk}").status_code == 403
    assert b"<form" not in client.get(f"/tasks/card/?opportunity={deal.pk}", headers=HX).content


# ── making one ───────────────────────────────────────────────────────────────────────────────────────────────────────


def proposed(client: Client, query: str) -> dict[str, Any]:
    form = client.get(f"/tasks/new/?{query}").context["form"]
    return {name: form.initial.get(name) for name in ("due_on", "contact", "salesperson", "team")}


def test_what_is_proposed(
    client_for: Sign,
    rep: User,
    deal: Opportunity,
    beta: Contact,
    of: Salesperson,
    jo: Salesperson,
    today: datetime.date,
) -> None:
    client, team = client_for(rep), TeamFactory()
    usual = {"due_on": today, "contact": None, "salesperson": jo, "team": None}
    assert proposed(client, "") == usual
    assert proposed(client, f"opportunity={deal.pk}") == usual | {"contact": deal.contact}
    assert proposed(client, f"contact={beta.pk}") == usual | {"contact": beta, "salesperson": of}
    assert proposed(client, f"salesperson={of.pk}") == usual | {"salesperson": of}
    assert proposed(client, f"team={team.pk}") == usual | {"salesperson": None, "team": team}
    assert client.get("/tasks/new/?opportunity=987654321").status_code == 404


def test_s161_s162_a_person_or_a_team(client_for: Sign, rep: User, jo: Salesperson, today: datetime.date) -> None:
    """Ours: both can be chosen in the form, and one of them must be."""
    client, team = client_for(rep), TeamFactory()
    form = client.get(f"/tasks/new/?salesperson={jo.pk}").context["form"]
    assert not form.fields["salesperson"].disabled and not form.fields["team"].disabled
    typed = {"description": "Call", "due_on": today.isoformat(), "salesperson": jo.pk, "team": team.pk}
    answer = client.post("/tasks/new/", typed)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["team"])
    assert client.post("/tasks/new/", typed | {"salesperson": ""}).status_code == 302
    assert Task.objects.get().team == team


def test_a_new_task_of_a_deal(client_for: Sign, rep: User, deal: Opportunity, jo: Salesperson) -> None:
    typed = {
        "description": "Show them",
        "due_on": "2030-03-04",
        "kind": "meeting",
        "starts_at": "09:30",
        "duration": "45",
        "location": "Here",
        "priority": "high",
        "salesperson": jo.pk,
        "contact": deal.contact_id,
        "interval": "1m",
        "recurs_from": "due",
        "guests": [deal.contact_id],
    }
    answer = client_for(rep).post(f"/tasks/new/?opportunity={deal.pk}", typed)
    assert (answer.status_code, answer["Location"]) == (302, deal.get_absolute_url())
    task = Task.objects.get()
    assert (task.opportunity, task.contact, task.kind, task.priority) == (deal, deal.contact, "meeting", "high")
    assert (task.due_on, task.starts_at, task.duration) == (datetime.date(2030, 3, 4), datetime.time(9, 30), 45)
    assert (task.interval, task.recurs_from, task.location) == ("1M", "due", "Here")
    assert [str(one) for one in task.attendees.all()] == ["Jim Olive", "ACME"]


def test_who_organizes_a_meeting_is_chosen(
    client_for: Sign, rep: User, make: Make, jo: Salesperson, of: Salesperson, hr: Salesperson
) -> None:
    client = client_for(rep)
    task = make(kind="meeting", all_day=True)
    path = task.get_absolute_url()
    assert client.get(path).context["form"]["organizer"].value() == jo.pk
    typed = {"description": "Meet", "due_on": task.due_on, "kind": "meeting", "all_day": "on", "salesperson": jo.pk}

    def taking_part(version: int, **values: Any) -> list[tuple[str, str]]:
        assert client.post(path, typed | {"version": version} | values).status_code == 302
        return sorted(task.attendees.values_list("salesperson__name", "role"))

    assert taking_part(1, organizer=of.pk, people=[jo.pk, of.pk, hr.pk]) == [
        ("Helena Ray", "required"),
        ("Jim Olive", "required"),
        ("Otis Falls", "organizer"),
    ]
    shown = client.get(path).context["form"]
    assert (shown["organizer"].value(), shown["people"].value()) == (of.pk, [jo.pk, hr.pk])
    assert taking_part(2) == [("Jim Olive", "organizer")]


def test_what_is_wrong_is_said_at_the_field(client_for: Sign, rep: User, deal: Opportunity) -> None:
    typed = {"description": "", "due_on": "soon", "interval": "weekly"}
    answer = client_for(rep).post(f"/tasks/new/?opportunity={deal.pk}", typed)
    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == ["description", "due_on", "interval"]
    assert Task.objects.count() == 0


def test_finding_a_contact_makes_no_task(client_for: Sign, rep: User, acme: Contact, jo: Salesperson) -> None:
    typed = {"description": "Call", "due_on": "2030-03-04", "contact_search": "acm", "find": "1", "salesperson": jo.pk}
    answer = client_for(rep).post("/tasks/new/", typed)
    assert (answer.status_code, Task.objects.count()) == (200, 0)
    assert "ACME" in text(answer)


def test_an_activity_by_hand(client_for: Sign, rep: User, acme: Contact, jo: Salesperson) -> None:
    activity = Activity.objects.create(code="PLAN")
    for number, formula in ((1, ""), (2, "1W")):
        ActivityStep.objects.create(
            activity=activity, number=number, description=f"Step {number}", date_formula=formula
        )
    client = client_for(rep)
    assert client.get(f"/tasks/assign/?contact={acme.pk}").status_code == 200
    answer = client.post(f"/tasks/assign/?contact={acme.pk}", {"activity": activity.pk, "on": "2030-03-04"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["salesperson"])
    typed = {"activity": activity.pk, "on": "2030-03-04", "salesperson": jo.pk}
    assert client.post(f"/tasks/assign/?contact={acme.pk}", typed)["Location"] == acme.get_absolute_url()
    assert list(Task.objects.values_list("due_on", "contact")) == [
        (datetime.date(2030, 3, 4), acme.pk),
        (datetime.date(2030, 3, 11), acme.pk),
    ]


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_changing_where_it_stands(client_for: Sign, rep: User, make: Make, jo: Salesperson) -> None:
    task, client = make(), client_for(rep)
    typed = {"version": 1, "description": "Write", "due_on": "2030-03-04", "salesperson": jo.pk, "status": "waiting"}
    assert client.post(f"/tasks/{task.pk}/", typed)["Location"] == f"/tasks/{task.pk}/"
    assert (again(task).description, again(task).status, again(task).kind) == ("Write", "waiting", "task")
    stale = client.post(f"/tasks/{task.pk}/", typed | {"description": "Visit"}, headers=HX)
    assert stale.status_code == 409
    assert "Visit" in text(stale) and "Somebody else changed this task" in text(stale)
    assert again(task).description == "Write"
    form = stale.context["form"]
    assert client.post(f"/tasks/{task.pk}/", typed | {"description": "Visit", "version": form["version"].value()})
    assert again(task).description == "Visit"


def test_completing_with_outcome_and_follow_up_in_one_step(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, today: datetime.date
) -> None:
    task, client = make(opportunity=deal), client_for(rep)
    typed = {"version": 1, "outcome": "They want it", "next_description": "Send the offer"}
    answer = client.post(f"/tasks/{task.pk}/complete/", typed)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["next_due_on"])
    assert again(task).is_open
    answer = client.post(f"/tasks/{task.pk}/complete/", typed | {"next_due_on": "2030-03-04"}, follow=True)
    assert "“Send the offer” follows." in text(answer)
    assert (again(task).closed_on, again(task).outcome) == (today, "They want it")
    following = Task.objects.get(follows=task)
    assert (following.opportunity, following.due_on) == (deal, datetime.date(2030, 3, 4))


def test_a_team_s_task_asks_who_completed_it(
    client_for: Sign, manager: User, make: Make, of: Salesperson, jo: Salesperson
) -> None:
    task = make(team=TeamFactory(members=[of]))
    client = client_for(manager)
    assert client.post(f"/tasks/{task.pk}/complete/", {"version": 1}).status_code == 422
    assert client.post(f"/tasks/{task.pk}/complete/", {"version": 1, "completed_by": jo.pk}).status_code == 422
    assert client.post(f"/tasks/{task.pk}/complete/", {"version": 1, "completed_by": of.pk}).status_code == 302
    assert again(task).completed_by == of


def test_postponing_in_one_click(client_for: Sign, rep: User, make: Make, today: datetime.date) -> None:
    task, client = make(), client_for(rep)
    page = text(client.get(f"/tasks/{task.pk}/"))
    offered = [today + datetime.timedelta(days=1), today + datetime.timedelta(days=7 - today.weekday()), today + WEEK]
    for day in offered:
        assert f'name="to" value="{day.isoformat()}"' in page
    answer = client.post(f"/tasks/{task.pk}/postpone/", {"version": 1, "to": offered[2].isoformat()})
    assert (answer.status_code, again(task).due_on, again(task).status) == (302, today + WEEK, "postponed")
    assert client.post(f"/tasks/{task.pk}/postpone/", {"version": 2, "to": today.isoformat()}).status_code == 422
    assert client.post(f"/tasks/{task.pk}/postpone/", {"version": 1, "to": "2030-01-01"}).status_code == 409


def test_cancel_reassign_and_reopen(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, of: Salesperson
) -> None:
    task, client = make(opportunity=deal), client_for(rep)
    assert client.post(f"/tasks/{task.pk}/reassign/", {"version": 1, "salesperson": of.pk}).status_code == 302
    assert client.post(f"/tasks/{task.pk}/cancel/", {"version": 2, "outcome": "No need"}).status_code == 302
    assert (again(task).salesperson, again(task).cancelled, again(task).outcome) == (of, True, "No need")
    assert (
        client.post(f"/tasks/{task.pk}/", {"version": 3, "description": "x", "due_on": "2030-01-01"}).status_code == 422
    )
    assert client.post(f"/tasks/{task.pk}/reopen/", {"version": 3}).status_code == 302
    assert again(task).is_open


def test_who_gives_a_task_away_is_told_that_it_is_gone(
    client_for: Sign, rep: User, make: Make, of: Salesperson
) -> None:
    task = make()
    answer = client_for(rep).post(f"/tasks/{task.pk}/reassign/", {"version": 1, "salesperson": of.pk}, follow=True)
    assert answer.redirect_chain == [("/tasks/", 302)]
    assert "not yours to see" in text(answer)


# ── on the pages of other things ─────────────────────────────────────────────────────────────────────────────────────


def test_the_card_of_a_deal(client_for: Sign, rep: User, make: Make, deal: Opportunity, today: datetime.date) -> None:
    first, client = make(opportunity=deal), client_for(rep)
    query = f"opportunity={deal.pk}"
    shown = text(client.get(f"/tasks/card/?{query}", headers=HX))
    assert "Call them" in shown and "Today" in shown and "<html" not in shown
    typed = {"description": "Write", "due_on": today.isoformat(), "salesperson": deal.salesperson_id, "card": query}
    answer = client.post(f"/tasks/new/?{query}", typed, headers=HX)
    assert (answer.status_code, answer["HX-Retarget"]) == (200, "#tasks")
    assert "Write" in text(answer) and "Call them" in text(answer)
    answer = client.post(f"/tasks/{first.pk}/complete/", {"version": 1, "card": query}, headers=HX)
    assert answer["HX-Retarget"] == "#tasks"
    assert "Write" in text(answer) and "Call them" not in text(answer)
    refused = client.post(f"/tasks/new/?{query}", typed | {"description": ""}, headers=HX)
    assert refused.status_code == 422 and f'name="card" value="{query}"' in text(refused)
    plain = client.post(f"/tasks/new/?{query}", typed)
    assert (plain.status_code, plain["Location"]) == (302, deal.get_absolute_url())


@pytest.mark.parametrize("query", ["", "opportunity=987654321", "opportunity=x", "contact=99999999999999999999"])
def test_a_card_of_nothing_is_not_there(client_for: Sign, rep: User, query: str) -> None:
    assert client_for(rep).get(f"/tasks/card/?{query}", headers=HX).status_code == 404


def test_the_card_costs_the_same_for_one_and_for_ten(
    client_for: Sign, rep: User, make: Make, deal: Opportunity
) -> None:
    client, counted = client_for(rep), []
    for many in (1, 9):
        for _ in range(many):
            make(opportunity=deal)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/tasks/card/?opportunity={deal.pk}", headers=HX)
        counted.append(len(queries))
    assert counted == [4, 4]  # session, user, opportunity, tasks


def test_pages_that_show_tasks(
    client_for: Sign, rep: User, make: Make, deal: Opportunity, acme: Contact, jo: Salesperson
) -> None:
    client = client_for(rep)
    for page, query, listed in (
        (deal.get_absolute_url(), f"opportunity={deal.pk}", f"opportunity={deal.pk}"),
        (acme.get_absolute_url(), f"company={acme.pk}", f"involving={acme.pk}"),
        (jo.get_absolute_url(), f"salesperson={jo.pk}", f"salesperson={jo.pk}"),
    ):
        shown = text(client.get(page))
        assert f'hx-get="/tasks/card/?{query}"' in shown, page
        assert f'href="/tasks/?{listed}&amp;which=open"' in shown
        assert client.get(f"/tasks/card/?{query}", headers=HX).status_code == 200
        assert client.get(f"/tasks/new/?{query}").status_code == 200
    assert 'data-key="t"' in text(client.get(deal.get_absolute_url()))
