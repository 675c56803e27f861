"""The matrix of tasks: rows, periods, figures; every figure is that of the list it leads to."""

import datetime
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.factories import ContactFactory, SourceFactory, TeamFactory, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., Task]
HX = {"HX-Request": "true"}
DAY = datetime.timedelta(days=1)
WEDNESDAY = datetime.date(2026, 3, 4)
MATRIX = "/tasks/matrix/"


@pytest.fixture(autouse=True)
def on_a_wednesday(company: Company) -> Any:
    with time_machine.travel(datetime.datetime(2026, 3, 4, 10, tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def make(jo: Salesperson, rep: User) -> Make:
    def made(description: str = "Do it", days: int = 0, **values: Any) -> Task:
        owner = {} if "team" in values or "salesperson" in values else {"salesperson": jo}
        due = {"description": description, "due_on": WEDNESDAY + days * DAY}
        return lifecycle.create(by=rep, on=WEDNESDAY, **due | owner | values)

    return made


@pytest.fixture
def tasks(
    make: Make,
    jo: Salesperson,
    of: Salesperson,
    ann: Contact,
    acme: Contact,
    beta: Contact,
    cycle: SalesCycle,
    rep: User,
) -> None:
    """Of two people and a team, with and without contact and source, over three weeks; one done, one cancelled."""
    fair, web = SourceFactory(code="FAIR", description="Trade fair"), SourceFactory(code="WEB", description="")
    deals = [
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=WEDNESDAY, source=source)
        for source in (fair, web, None)
    ]
    north = TeamFactory(members=[jo, of], name="North")
    make("JO now", 0, contact=ann, priority="high")
    make("JO soon", 1, opportunity=deals[0])
    make("JO next week", 7, opportunity=deals[1], contact=acme)
    make("OF now", 0, salesperson=of, contact=beta)
    make("North, in two weeks", 14, team=north, opportunity=deals[2])
    make("JO before", -9)
    lifecycle.complete(make("JO done", 0, contact=beta), version=1, on=WEDNESDAY, by=rep)
    lifecycle.cancel(make("JO cancelled", 1), version=1, on=WEDNESDAY, by=rep)


def figures(response: Any) -> dict[str, list[int]]:
    """By row, what stands in the periods that have something, and the total."""
    return {
        row["name"]: [cell.many for cell, _ in row["cells"] if cell.many] + [row["total"]]
        for row in response.context["table"]
    }


def links(response: Any) -> dict[str, int]:
    """Every figure of the page, by where it leads."""
    table = response.content.decode().partition('class="table-list matrix"')[2].partition("</table>")[0]
    return {html.unescape(url): int(text) for url, text in re.findall(r'<a href="([^"]+)">(\d+)</a>', table)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"Jim Olive": [2, 1, 3], "Otis Falls": [1, 1], "": [1, 1]}),
        ("rows=team", {"North": [1, 1], "": [3, 1, 4]}),
        ("rows=source", {"Trade fair": [1, 1], "WEB": [1, 1], "": [2, 1, 3]}),
        ("rows=contact", {"ACME": [1, 1, 1, 3], "Ann Lee": [1, 1], "BETA": [1, 1]}),
        ("rows=company", {"ACME": [2, 1, 1, 4], "BETA": [1, 1]}),
        ("by=day", {"Jim Olive": [1, 1, 1, 3], "Otis Falls": [1, 1]}),
        ("by=month", {"Jim Olive": [3, 3], "Otis Falls": [1, 1], "": [1, 1]}),
        ("by=month&day=2026-02-10", {"Jim Olive": [1, 3, 4], "Otis Falls": [1, 1], "": [1, 1]}),
        ("by=quarter", {"Jim Olive": [4, 4], "Otis Falls": [1, 1], "": [1, 1]}),
        ("by=year&day=2021-01-01", {"Jim Olive": [4, 4], "Otis Falls": [1, 1], "": [1, 1]}),
        ("closed=1", {"Jim Olive": [4, 1, 5], "Otis Falls": [1, 1], "": [1, 1]}),
        ("which=completed", {"Jim Olive": [1, 1]}),
        ("which=cancelled&closed=1", {"Jim Olive": [1, 1]}),
        ("priority=high", {"Jim Olive": [1, 1]}),
        ("salesperson=me&rows=contact", {"ACME": [1, 1, 2], "Ann Lee": [1, 1]}),
        ("where=1:contact:blank", {}),
        ("where=1:priority:is:high&where=2:salesperson:blank&rows=source", {"": [1, 1, 2]}),
        ("due_from=2026-03-05&due_to=2026-03-12", {"Jim Olive": [1, 1, 2]}),
        ("q=soon", {"Jim Olive": [1, 1]}),
    ],
)
def test_every_figure_is_that_of_its_list(
    client_for: Sign, rep: User, manager: User, tasks: None, query: str, expected: dict[str, list[int]]
) -> None:
    """Read by somebody who sees everything; “me” is JO."""
    jo = rep.salesperson_id
    User.objects.filter(pk=rep.pk).update(salesperson=None)
    User.objects.filter(pk=manager.pk).update(salesperson=jo)
    client = client_for(manager)
    page = client.get(f"{MATRIX}?{query}")
    assert page.status_code == 200 and page.context["unknown"] == []
    assert figures(page) == expected
    found = links(page)
    assert bool(found) is bool(expected)
    for url, number in found.items():
        answer = client.get(url)
        assert (answer.status_code, answer.context["unknown"]) == (200, []), url
        assert answer.context["totals"].count == number, url
    assert page.context["total"] == sum(row[-1] for row in expected.values())


def test_only_what_the_person_may_see(client_for: Sign, rep: User, rep2: User, make: Make, of: Salesperson) -> None:
    make("JO's")
    make("OF's", salesperson=of)
    assert figures(client_for(rep).get(MATRIX)) == {"Jim Olive": [1, 1]}
    assert figures(client_for(rep2).get(MATRIX)) == {"Otis Falls": [1, 1]}


def test_sources_are_for_who_sees_opportunities(client_for: Sign, rep: User, make: Make) -> None:
    rep.groups.clear()
    rep.user_permissions.add(*Permission.objects.filter(codename="view_task"))
    make()
    page = client_for(rep).get(f"{MATRIX}?rows=source")
    assert page.context["unknown"] == ["rows=source"]
    assert [each.word for each in page.context["rows_offered"]] == ["salesperson", "team", "contact", "company"]
    assert figures(page) == {"Jim Olive": [1, 1]}


def test_nobody_without_the_right(client_for: Sign, outsider: User) -> None:
    assert client_for(outsider).get(MATRIX).status_code == 403


def test_names_instead_of_numbers(client_for: Sign, manager: User, make: Make, acme: Contact, ann: Contact) -> None:
    many = [ContactFactory(number=f"M{number}", name=f"Many {number}") for number in range(5)]
    for contact in (acme, acme, ann):
        make(contact=contact)
    for contact in many:
        make(contact=contact, days=7)
    make(days=14)
    client = client_for(manager)
    cells = [cell for cell, _ in client.get(f"{MATRIX}?figure=number").context["table"][0]["cells"]]
    assert [(cell.many, cell.names, cell.more) for cell in cells[:3]] == [
        (3, ["CT1", "CT2"], 0),
        (5, ["M0", "M1", "M2"], 2),
        (1, [], 0),
    ]
    text = client.get(f"{MATRIX}?figure=name").content.decode()
    assert re.findall(r'class="matrix-names"><a [^>]+>([^<]+)<', text) == ["ACME, Ann Lee", "Many 0, Many 1, Many 2 +2"]


def test_periods_and_the_way_between_them(client_for: Sign, rep: User) -> None:
    client = client_for(rep)
    days = {
        by: [(period.first, period.last) for period in client.get(f"{MATRIX}?by={by}").context["periods"]]
        for by in ("day", "week", "month", "quarter", "year")
    }
    date = datetime.date
    assert {by: (len(found), found[0], found[-1]) for by, found in days.items()} == {
        "day": (10, (WEDNESDAY, WEDNESDAY), (date(2026, 3, 13), date(2026, 3, 13))),
        "week": (8, (date(2026, 3, 2), date(2026, 3, 8)), (date(2026, 4, 20), date(2026, 4, 26))),
        "month": (12, (date(2026, 3, 1), date(2026, 3, 31)), (date(2027, 2, 1), date(2027, 2, 28))),
        "quarter": (8, (date(2026, 1, 1), date(2026, 3, 31)), (date(2027, 10, 1), date(2027, 12, 31))),
        "year": (6, (date(2026, 1, 1), date(2026, 12, 31)), (date(2031, 1, 1), date(2031, 12, 31))),
    }
    for by, found in days.items():
        page = client.get(f"{MATRIX}?by={by}&rows=team")
        earlier, later = page.context["earlier"], page.context["later"]
        assert "rows=team" in earlier and "rows=team" in later
        after = client.get(MATRIX + later).context["periods"]
        assert after[0].first == found[-1][1] + DAY
        back = client.get(MATRIX + client.get(MATRIX + later).context["earlier"]).context["periods"]
        assert [(period.first, period.last) for period in back] == found
        before = client.get(MATRIX + earlier).context["periods"]
        assert before[-1].last + DAY == found[0][0]
    assert [period.title for period in client.get(MATRIX).context["periods"]][:2] == ["Week 10", "Week 11"]
    assert [period.is_now for period in client.get(MATRIX).context["periods"]][:2] == [True, False]


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31", "9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("by", ["day", "week", "month", "quarter", "year"])
def test_at_the_ends_of_time(client_for: Sign, rep: User, make: Make, day: str, by: str) -> None:
    make()
    client = client_for(rep)
    page = client.get(f"{MATRIX}?by={by}&day={day}")
    assert page.status_code == 200
    for way in ("earlier", "later"):
        assert client.get(MATRIX + page.context[way]).status_code == 200


def test_what_is_not_understood_is_said(client_for: Sign, rep: User, make: Make) -> None:
    make()
    client = client_for(rep)
    page = client.get(f"{MATRIX}?rows=cats&by=hour&figure=x&day=soon&luck=1&page=x&view=3")
    assert (page.status_code, figures(page)) == (200, {"Jim Olive": [1, 1]})
    assert page.context["unknown"] == ["luck", "rows=cats", "by=hour", "figure=x", "day=soon"]
    wrong = client.get(f"{MATRIX}?priority=lots")
    assert wrong.status_code == 422 and "nothing is shown" in wrong.content.decode()
    assert "table" not in wrong.context


def test_a_fragment_is_part_of_the_page(client_for: Sign, rep: User, make: Make) -> None:
    make()
    client = client_for(rep)
    page, part = client.get(f"{MATRIX}?by=month&rows="), client.get(f"{MATRIX}?by=month&rows=", headers=HX)
    assert part.content.decode() in page.content.decode()
    assert part.headers["HX-Push-Url"] == f"{MATRIX}?by=month"


def test_the_builder_of_filters_leads_back(client_for: Sign, rep: User, make: Make) -> None:
    make()
    client = client_for(rep)
    page = client.get(f"{MATRIX}?by=month&closed=1&priority=normal")
    assert client.get(page.context["filter_url"]).status_code == 200
    answer = client.get(page.context["filter_url"] + "&apply=1")
    there, _, query = answer.headers["Location"].partition("?")
    assert (there, sorted(query.split("&"))) == (MATRIX, ["by=month", "closed=1", "priority=normal"])


def test_the_statements_do_not_grow_with_the_rows(client_for: Sign, manager: User, make: Make, jo: Salesperson) -> None:
    client = client_for(manager)
    make(contact=ContactFactory(name="The first"))
    counts = []
    for _ in range(2):
        for query in ("rows=contact", "rows=contact&figure=name", "rows=salesperson&priority=normal"):
            client.get(f"{MATRIX}?{query}")
            with CaptureQueriesContext(connection) as asked:
                client.get(f"{MATRIX}?{query}")
            counts.append(len(asked))
        for number in range(19):
            make(contact=ContactFactory(name=f"Contact {number}"))
    assert counts == [6] * 6  # session, user; salespeople, teams to choose from; rows, totals


def test_many_rows_come_in_pages(client_for: Sign, manager: User, make: Make, jo: Salesperson) -> None:
    for number in range(101):
        contact = ContactFactory(name=f"Contact {number:03}")
        Task.objects.create(description="x", due_on=WEDNESDAY, salesperson=jo, contact=contact, company=contact)
    client = client_for(manager)
    first = client.get(f"{MATRIX}?rows=contact")
    assert (len(first.context["table"]), first.context["total"], first.context["before_url"]) == (100, 101, "")
    second = client.get(MATRIX + first.context["after_url"])
    assert [row["name"] for row in second.context["table"]] == ["Contact 100"]
    assert (second.context["total"], second.context["after_url"]) == (101, "")
    assert client.get(MATRIX + second.context["before_url"]).context["table"][0]["name"] == "Contact 000"


def test_the_list_and_the_other_looks_lead_here(client_for: Sign, rep: User) -> None:
    client = client_for(rep)
    for place in ("/tasks/", "/tasks/agenda/", "/tasks/calendar/"):
        assert f'href="{MATRIX}' in client.get(place).content.decode(), place
