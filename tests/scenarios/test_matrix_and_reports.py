"""The tasks matrix, printed reports, and a contact's next task."""

import datetime
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client

from interactions import lifecycle as interactions
from interactions.models import Interaction
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.factories import CloseCodeFactory, SourceFactory, TeamFactory
from tests.scenarios.test_tasks import plan

pytestmark = pytest.mark.django_db
Day = Callable[[int], datetime.date]


@pytest.fixture(autouse=True)
def on_the_work_date(company: Company) -> Any:
    with time_machine.travel(datetime.datetime(2026, 3, 2, 10, tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def make(rep: User, jo: Salesperson, day: Day) -> Callable[..., Task]:
    def made(**values: Any) -> Task:
        owner = {} if "team" in values or "salesperson" in values else {"salesperson": jo}
        return lifecycle.create(by=rep, on=day(2), **{"description": "Do it"} | owner | values)

    return made


@pytest.fixture
def client(client_for: Callable[[User], Client], rep: User) -> Client:
    return client_for(rep)


def first_cells(client: Client, query: str) -> dict[str, int]:
    """What stands in the first period, by row; the list that a cell leads to has just that many."""
    found = {}
    for row in client.get(f"/tasks/matrix/?by=day&day=2026-03-02&{query}").context["table"]:
        cell, url = row["cells"][0]
        found[row["name"]] = cell.many
        assert client.get(url).context["totals"].count == cell.many
    return found


def test_s111_the_next_task_of_a_contact_leads_to_those_it_leads_or_attends(client, make, acme, ann, beta, of, day):
    make(contact=ann, due_on=day(9))
    meets = {"kind": "meeting", "all_day": True}
    make(description="Ann comes too", due_on=day(5), attendees=[lifecycle.Taking(ann)], **meets)
    make(description="BETA's own", contact=beta, due_on=day(3))
    make(description="Ann came", due_on=day(2), attendees=[lifecycle.Taking(ann)], **meets)
    lifecycle.cancel(Task.objects.get(description="Ann came"), version=1, on=day(2), by=None)
    for whom, word in ((ann, "contact"), (acme, "company")):
        assert f'hx-get="/tasks/card/?{word}={whom.pk}"' in client.get(f"/contacts/{whom.pk}/").content.decode()
        card = client.get(f"/tasks/card/?{word}={whom.pk}").content.decode()
        url = f"/tasks/?involving={whom.pk}&amp;which=open"
        assert f'Next task: <a href="{url}"><time datetime="2026-03-05">5 March 2026</time></a>' in card
        rows = client.get(url.replace("&amp;", "&")).context["page"]
        assert [row["description"] for row in rows] == ["Ann comes too", "Do it"]
    assert "Next task" not in client.get(f"/tasks/card/?salesperson={of.pk}").content.decode()


def test_s165_one_open_task_of_a_salesperson(client, make, jo):
    make()
    assert first_cells(client, f"rows=salesperson&salesperson={jo.pk}") == {"Jim Olive": 1}


def test_s166_one_task_of_a_team(client, make, jo):
    team = TeamFactory(code="T1", name="T1", members=[jo])
    make(team=team)
    make()
    assert first_cells(client, f"rows=team&team={team.pk}") == {"T1": 1}


def test_s167_one_task_of_a_campaign(client, make, at_stage, day):
    """Ours: docs/decisions.md, “A task's source is that of its opportunity”."""
    fair = SourceFactory(code="C1", description="Trade fair", starts_on=day(1), ends_on=day(31))
    make(opportunity=at_stage(1, source=fair))
    make()
    assert first_cells(client, f"rows=source&source={fair.pk}") == {"Trade fair": 1}


@pytest.mark.parametrize("status", ["not_started", "in_progress", "waiting", "postponed"])
def test_s168_by_status(client, make, status):
    for each in ("not_started", "in_progress", "waiting", "postponed"):
        make(status=each)
    assert first_cells(client, f"which={status}") == {"Jim Olive": 1}


def test_s170_closed_ones_too(client, make, rep, day):
    lifecycle.complete(make(), version=1, on=day(2), by=rep)
    assert first_cells(client, "which=completed&closed=1") == {"Jim Olive": 1}
    assert first_cells(client, "closed=1") == {"Jim Olive": 1}
    assert first_cells(client, "") == {}


def test_s171_the_contact_number_as_figure(client, make, acme):
    make(contact=acme)
    page = client.get("/tasks/matrix/?by=day&figure=number")
    (cell, url), *_ = page.context["table"][0]["cells"]
    assert cell.names == ["CT1"]
    assert f'<a href="{url.replace("&", "&amp;")}">CT1</a></td>' in page.content.decode()


def test_s172_without_contact_the_cell_is_blank(client, make):
    make()
    page = client.get("/tasks/matrix/?by=day&figure=number")
    assert page.context["table"][0]["cells"][0][0].names == []
    row = page.content.decode().partition("<tbody>")[2].partition("</th>")[2]
    assert row.strip().startswith("<td></td>")


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def printed(client: Client, label: str, words: str = "") -> dict[str, list[dict[str, str]]]:
    """The report of that name, as the page of reports leads to it: by group its rows, by the headings of their columns."""
    page = client.get(f"/reports/?{words}")
    (url,) = [each.url for _, reports in page.context["groups"] for each in reports if str(each.label) == label]
    text = client.get(url).content.decode()
    assert f"<h1>{label}</h1>" in text
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', text)
    found: dict[str, list[dict[str, str]]] = {}
    for body in re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL):
        group = re.search(r'<th scope="rowgroup"[^>]*>([^<]+)', body)
        for row in re.findall(r'<tr id="row-\d+">(.*?)</tr>', body):
            cells = re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", row)
            plain = [html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]
            found.setdefault(group[1] if group else "", []).append(dict(zip(heads, plain, strict=True)))
    return found


def test_s174_details_of_an_opportunity(client, at_stage, cycle, acme, rep, day):
    steps = ({"description": "Ring up", "priority": "high", "date_formula": "1W"},)
    cycle.stages.filter(number=1).update(activity=plan("CALL", *steps), date_formula="2W")
    cycle.stages.filter(number=3).update(activity=plan("LATER", *steps), date_formula="1M")
    deal = at_stage(1)
    text = client.get(f"/opportunities/{deal.pk}/report/").content.decode()
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition("What happened")[2].partition("</main>")[0]))
    happened, _, ahead = told.partition(" Planned ")
    assert "2026-03-02 Started: Initial current" in happened
    assert "2026-03-09 Ring up · Task · High · Not started · Jim Olive" in happened
    assert "2026-03-02 Present 2026-04-02 Offer 2026-04-09 Ring up · Task · High · planned 2026-04-02 Sign" in ahead
    assert "ACME" in text
    journey.close(deal, version=2, outcome="lost", close_code=CloseCodeFactory(outcome="lost"), on=day(2), by=rep)
    assert "Planned" not in client.get(f"/opportunities/{deal.pk}/report/").content.decode()


def test_s175_the_list_equals_the_record(client, at_stage):
    deal = at_stage(2)
    assert printed(client, "List of opportunities") == {
        "": [
            {
                "Number": deal.number,
                "Description": deal.description + deal.number,
                "Sales cycle": "CY",
                "Stage": "Present",
                "Salesperson": "Jim Olive",
                "Source": "",
                "Contact": "ACME",
                "Probability %": "24%",
                "Completed %": "40%",
                "Status": "In progress",
            }
        ]
    }


def test_s177_opportunities_of_a_salesperson(client, at_stage, jo):
    deal = at_stage(2)
    found = printed(client, "Opportunities of salespeople", f"salesperson={jo.pk}")
    assert list(found) == ["Jim Olive"]
    (row,) = found["Jim Olive"]
    assert row == {
        "Description": deal.description + deal.number,
        "Number": deal.number,
        "Contact": "ACME",
        "Creation date": "2026-03-02",
        "Status": "In progress",
        "Priority": "Normal",
        "Estimated value": "€1,000.00",
        "Calculated value": "€240.00",
        "Probability %": "24%",
        "Chances of success %": "60%",
        "Completed %": "40%",
        "Source": "",
        "Date closed": "",
    }


def test_s179_the_list_of_contacts_has_the_derived_figures(client, at_stage, make, acme, ann, beta, jo, rep, day):
    deal = at_stage(2)
    won = at_stage(1, contact=ann)
    code = CloseCodeFactory(outcome="won")
    journey.close(won, version=2, outcome="won", close_code=code, sales_value=800, on=day(2), by=rep)
    make(opportunity=deal, due_on=day(20))
    make(contact=ann, due_on=day(9))
    for contact, cost, duration in ((acme, 10, 20), (ann, 8, 15)):
        interactions.log(description="Call", contact=contact, cost=cost, duration=duration, on=day(2), by=rep)
    wanted = (
        *("Cost of interactions", "Minutes of interactions", "Opportunities"),
        *("Estimated value", "Calculated value", "Next task"),
    )
    (rows,) = printed(client, "List of contacts").values()
    assert {row["Name"]: [row[head] for head in wanted] for row in rows} == {
        "ACME": ["€18.00", "35", "2", "€2,000.00", "€1,040.00", "2026-03-09"],
        "Ann Lee": ["€8.00", "15", "1", "€1,000.00", "€800.00", "2026-03-09"],
        "BETA": ["€0.00", "0", "0", "€0.00", "€0.00", ""],
    }
    for contact, row in ((acme, rows[0]), (ann, rows[1])):
        figures = Interaction.objects.of_contact(contact).figures()
        totals = Opportunity.objects.of_contact(contact).totals()
        assert row["Cost of interactions"] == f"€{figures['cost']}" and row["Estimated value"].startswith("€")
        assert row["Opportunities"] == str(totals["count"])
        assert row["Calculated value"].replace(",", "") == f"€{totals['calculated_value']}"


def test_s180_tasks_of_a_salesperson_and_of_a_team(client, make, jo):
    make(description="JO's own", priority="high")
    team = TeamFactory(code="T1", name="T1", members=[jo])
    make(description="The team's", team=team, status="waiting")
    of_people = printed(client, "Tasks of salespeople", f"salesperson={jo.pk}")
    of_teams = printed(client, "Tasks of teams", f"team={team.pk}")
    heads = ("Date", "Description", "Status", "Priority")
    assert {who: [[row[head] for head in heads] for row in rows] for who, rows in (of_people | of_teams).items()} == {
        "Jim Olive": [["2026-03-02", "JO's own", "Not started", "High"]],
        "T1": [["2026-03-02", "The team's", "Waiting", "Normal"]],
    }
    assert printed(client, "Tasks of teams") == of_teams
