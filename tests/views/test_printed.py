"""Lists and opportunities made for paper."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import ContactFactory, TeamFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deals(acme: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, today: datetime.date) -> list[Any]:
    how = {"contact": acme, "cycle": cycle, "stage": 1, "on": today}
    return [
        make_opportunity(description=f"Deal {number:02}", salesperson=jo if number % 3 else of, **how)
        for number in range(60)
    ]


def rows(text: str) -> list[str]:
    return re.findall(r'<tr id="row-\d+"><th scope="row"><a [^>]+>([^<]+)</a>', text)


def test_a_list_is_printed_whole(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    """More rows than a page of the list has; nothing to pick or edit; groups with their sums, sorted as the address says."""
    client = client_for(manager)
    query = "group=salesperson&columns=description,estimated_value&order=-description&status=open"
    listed = client.get(f"/opportunities/?{query}")
    assert f'href="{listed.context["print_url"]}"'.replace("&", "&amp;") in listed.content.decode()
    page = client.get(listed.context["print_url"])
    text = page.content.decode()
    names = [deal.description for deal in reversed(deals)]
    jos = [name for name in names if int(name[-2:]) % 3]
    assert rows(text) == jos + [name for name in names if name not in jos]
    assert re.findall(
        r'rowgroup"[^>]*>([^<]+)<span class="sub">([^<]+)</span></th><td class="number">([^<]+)', text
    ) == [
        ("Jim Olive", "40 opportunities", "€40,000.00"),
        ("Otis Falls", "20 opportunities", "€20,000.00"),
    ]
    assert 'type="checkbox"' not in text and "edit-here" not in text
    assert "Status: Open" in text and "60 opportunities" in text
    assert client.get(page.context["narrow"]).status_code == 200
    there = client.get(page.context["narrow"] + "&apply=1").headers["Location"]
    assert there.startswith("/opportunities/print/?") and "group=salesperson" in there


def test_more_than_fits_on_paper_is_said(
    client_for: Sign, manager: User, deals: list[Opportunity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.lib.listing.printed.MOST", 30)
    text = client_for(manager).get("/opportunities/print/?order=description").content.decode()
    assert rows(text) == [deal.description for deal in deals[:30]]
    assert "Only the first 30 rows are here." in text


def test_what_is_not_understood_is_said(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    client = client_for(manager)
    wrong = client.get("/opportunities/print/?value_from=lots")
    assert (wrong.status_code, rows(wrong.content.decode())) == (422, [])
    assert client.get("/opportunities/print/?luck=1").context["unknown"] == ["luck"]


def test_only_what_the_person_may_see(client_for: Sign, rep: User, outsider: User, deals: list[Opportunity]) -> None:
    assert len(rows(client_for(rep).get("/opportunities/print/").content.decode())) == 40
    assert client_for(outsider).get("/tasks/print/").status_code == 403
    assert client_for(outsider).get(f"/opportunities/{deals[0].pk}/report/").status_code == 404
    assert client_for(outsider).get("/reports/").context["groups"] == []


def test_a_stage_behind_the_calendars_end_begins_with_the_one_before_it(
    client_for: Sign, manager: User, acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date
) -> None:
    """A date formula may lead to a year that nobody means, or off the calendar; the report says what it can, as a plan of tasks does."""
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today)
    cycle.stages.filter(number__gt=1).update(date_formula="7000Y")
    page = client_for(manager).get(f"/opportunities/{deal.pk}/report/")
    assert page.status_code == 200
    assert [each.starts_on for each in page.context["report"].ahead] == [today] * 3


def test_which_reports_there_are(client_for: Sign, rep: User, jo: Salesperson) -> None:
    client = client_for(rep)
    team = TeamFactory(members=[jo], name="North")

    def offered(query: str = "") -> list[str]:
        page = client.get(f"/reports/{query}")
        for _, reports in page.context["groups"]:
            for each in reports:
                assert {client.get(url).status_code for url in (each.url, each.filter)} == {200}, each
                file: Any = client.get(each.csv)
                assert file.getvalue().startswith(b"\xef\xbb\xbf"), each
        return [str(each.label) for _, reports in page.context["groups"] for each in reports]

    people, teams = "Tasks of salespeople", "Tasks of teams"
    deals = ["List of opportunities", "Opportunities of salespeople"]
    assert offered() == [people, teams, *deals, "List of contacts"]
    assert offered(f"?salesperson={jo.pk}") == [people, *deals, "List of contacts"]
    assert offered(f"?team={team.pk}") == [teams, *deals]
    assert client.get("/reports/?team=999").status_code == 404
    for place, link in (
        ("/tasks/", "/reports/"),
        ("/salespeople/", "/reports/"),
        (jo.get_absolute_url(), f"/reports/?salesperson={jo.pk}"),
        (team.get_absolute_url(), f"/reports/?team={team.pk}"),
    ):
        assert f'href="{link}"' in client.get(place).content.decode(), place


def test_the_statements_do_not_grow(
    client_for: Sign, manager: User, acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date
) -> None:
    client, counts = client_for(manager), []
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today)
    tasks.create(description="x", opportunity=deal, salesperson=jo, on=today, by=None)
    contacts = "columns=name,opportunity_count,estimated_value,interaction_cost,next_task_on"
    for _ in range(2):
        for url in (
            "/tasks/print/?group=salesperson",
            f"/contacts/print/?{contacts}",
            f"/opportunities/{deal.pk}/report/",
        ):
            client.get(url)
            with CaptureQueriesContext(connection) as asked:
                client.get(url)
            counts.append(len(asked))
        for number in range(19):
            ContactFactory(name=f"Contact {number}")
            tasks.create(description="x", opportunity=deal, salesperson=jo, on=today, by=None)
            deal = fresh(deal)
            lifecycle.revise(deal, version=deal.version, estimated_value=number + 1, on=today, by=None)
    assert counts[:3] == counts[3:] == [4, 4, 6]


def test_figures_of_contacts_follow_merges_and_rights(
    client_for: Sign,
    rep: User,
    manager: User,
    acme: Contact,
    beta: Contact,
    jo: Salesperson,
    of: Salesperson,
    cycle: SalesCycle,
) -> None:
    for contact, salesperson in ((acme, jo), (acme, of), (beta, of)):
        make_opportunity(contact=contact, salesperson=salesperson, cycle=cycle, stage=1)
    Contact.objects.filter(pk=beta.pk).update(merged_into=acme)

    def told(user: User) -> dict[str, Any]:
        page = client_for(user).get("/contacts/?columns=name,opportunity_count&order=name")
        return {row["name"]: row["opportunity_count"] for row in page.context["page"]}

    assert (told(manager), told(rep)["ACME"]) == ({"ACME": 3}, 1)
