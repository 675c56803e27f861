"""What became of tasks: on the timeline of their opportunity and on the page of their contact."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today)


@pytest.fixture
def make(deal: Opportunity, jo: Salesperson, rep: User, today: datetime.date) -> Callable[[str], Task]:
    return lambda name: lifecycle.create(by=rep, on=today, description=name, opportunity=deal, salesperson=jo)


def told(client: Client, deal: Opportunity, show: str) -> list[str]:
    page = client.get(f"{deal.get_absolute_url()}?show={show}")
    return [one.words for one in page.context["timeline"] if hasattr(one, "words")]


def test_what_was_closed_stands_on_the_timeline_also_when_it_is_open_again(
    client_for: Sign, rep: User, deal: Opportunity, make: Callable[[str], Task], today: datetime.date
) -> None:
    make("Open")
    done, off = make("Call them"), make("Write")
    client = client_for(rep)
    client.post(f"/tasks/{done.pk}/complete/", {"version": 1, "outcome": "They want it"})
    lifecycle.cancel(off, version=1, on=today, by=rep)
    lifecycle.reopen(off, version=2, on=today, by=rep)
    assert told(client, deal, "tasks") == [
        "Task “Write” opened again",
        "Task “Write” cancelled",
        "Task “Call them” completed",
    ]
    assert told(client, deal, "facts") == []
    page = client.get(f"{deal.get_absolute_url()}?show=tasks").content.decode()
    assert f'<a href="/tasks/{done.pk}/">Task “Call them” completed</a>' in page
    assert ("They want it" in page, "Jim Olive" in page) == (True, True)


def test_a_move_that_cancels_tells_of_each(
    client_for: Sign, rep: User, deal: Opportunity, make: Callable[[str], Task], today: datetime.date
) -> None:
    for name in ("One", "Two"):
        make(name)
    to = deal.sales_cycle.stages.get(number=2) if deal.sales_cycle else None
    journey.move(fresh(deal), version=2, to=to, on=today, by=rep, cancel_tasks=True)
    assert sorted(told(client_for(rep), deal, "tasks")) == ["Task “One” cancelled", "Task “Two” cancelled"]


def test_the_last_closed_ones_stand_with_the_contact(
    client_for: Sign, rep: User, deal: Opportunity, acme: Contact, make: Callable[[str], Task], today: datetime.date
) -> None:
    for number in range(6):
        lifecycle.complete(make(f"Done {number}"), version=1, on=today, by=rep, outcome=f"So {number}")
    client = client_for(rep)
    card: Any = client.get(f"/tasks/card/?company={acme.pk}")
    assert [task.description for task in card.context["closed"]] == [f"Done {number}" for number in (5, 4, 3, 2, 1)]
    assert "So 5" in card.content.decode()
    listed = client.get(card.context["closed_url"])
    assert len(listed.context["page"]) == 6
