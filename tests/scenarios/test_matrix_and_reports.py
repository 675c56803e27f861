"""The tasks matrix, printed reports, and a contact's next task."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client

from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.factories import SourceFactory, TeamFactory

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
