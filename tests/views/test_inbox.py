"""The inbox page by page, and the page of one's own settings."""

import datetime
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from collaboration.models import Kind, Notification, Preferences
from collaboration.notify import tell
from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks.models import Task
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
HX = {"HX-Request": "true"}
INBOX = "/collaboration/inbox/"
CHOSEN = {"inbox": ["mentioned", "shared"], "mail": "reminder", "morning": "09:30", "reminder": "1d"}


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


@pytest.fixture
def client(client_for: SignIn, rep: User) -> Client:
    return client_for(rep)


def told(rep: User, deal: Opportunity, manager: User, count: int) -> list[Notification]:
    for _ in range(count):
        tell(Kind.SHARED, "opportunity", deal.pk, by=manager, users=[rep.pk])
    return list(Notification.objects.order_by("-pk"))


def test_older_ones_are_on_the_next_page(
    client: Client,
    deal: Opportunity,
    rep: User,
    manager: User,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr("collaboration.views.SHOWN", 3)
    rows = told(rep, deal, manager, 7)
    with django_assert_num_queries(4):  # session, user, what stands there, how many are unread
        first = client.get(INBOX)
    assert first.context["notifications"] == rows[:3] and first.context["next"] == rows[2].pk
    second = client.get(f"{INBOX}?after={rows[2].pk}")
    last = client.get(f"{INBOX}?after={rows[5].pk}")
    assert second.context["notifications"] == rows[3:6]
    assert (last.context["notifications"], last.context["next"]) == (rows[6:], None)
    assert f"?after={rows[5].pk}" in second.content.decode()
    for odd in ("?after=x", "?which=all&kind=gossip", f"?after={'9' * 40}"):
        assert client.get(INBOX + odd).status_code == 200
    assert "<html" not in client.get(INBOX, headers=HX).content.decode()


def test_all_are_read(client: Client, client_for: SignIn, deal: Opportunity, rep: User, manager: User) -> None:
    told(rep, deal, manager, 2)
    assert "2<span" in client.get("/").content.decode().split('class="inbox-count">')[1][:10]
    tell(Kind.SHARED, "opportunity", deal.pk, by=rep, users=[manager.pk])
    client.post(f"{INBOX}read/", {"all": "1"})
    assert set(Notification.objects.unread().values_list("user", flat=True)) == {manager.pk}
    assert "inbox-count" not in client.get("/").content.decode()


def test_opening_leads_to_the_record(client: Client, deal: Opportunity, rep: User, manager: User) -> None:
    (row,) = told(rep, deal, manager, 1)
    page = client.get(INBOX).content.decode()
    assert "Manager shared this with you" in page and deal.get_absolute_url() in page
    assert client.post(f"{INBOX}read/", {"open": row.pk})["Location"] == deal.get_absolute_url()
    assert not Notification.objects.unread().exists()


def test_settings_are_saved(client: Client, rep: User, company: Company) -> None:
    assert "The company&#x27;s: Europe/Helsinki" in client.get("/account/").content.decode()
    answer = client.post("/account/", CHOSEN | {"language": "nb", "time_zone": "Europe/Oslo", "agenda": "on"})
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    wants = Preferences.objects.get()
    assert (wants.inbox, wants.mail, wants.agenda, wants.weekdays_only, wants.reminder) == (
        ["mentioned", "shared"],
        ["reminder"],
        True,
        False,
        "1d",
    )
    assert wants.morning == datetime.time(9, 30)
    rep.refresh_from_db()
    assert (rep.language, rep.time_zone) == ("nb", "Europe/Oslo")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("language", "tlh"),
        ("morning", "25:00"),
        ("morning", ""),
        ("mail", "gossip"),
        ("reminder", "15m"),
    ],
)
def test_settings_that_are_none_are_refused(client: Client, company: Company, field: str, value: str) -> None:
    for headers in ({}, HX):
        answer = client.post("/account/", CHOSEN | {field: value}, headers=headers)
        assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not Preferences.objects.exists()


def test_a_new_task_proposes_the_usual_reminder(
    client: Client, rep: User, company: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Preferences.objects.create(user=rep, reminder="1d")
    assert '<option value="1d" selected>' in client.get("/tasks/new/").content.decode()
    given = {"description": "Call", "due_on": "2100-01-04", "salesperson": rep.salesperson_id}
    client.post("/tasks/new/", given)
    client.post("/tasks/new/", given | {"description": "Silent", "reminder": ""})
    assert dict(Task.objects.values_list("description", "reminder")) == {"Call": "1d", "Silent": ""}
    task = Task.objects.get(description="Call")
    client.post(task.get_absolute_url(), given | {"description": "Call again", "version": 1})
    task.refresh_from_db()
    assert (task.description, task.reminder) == ("Call again", "1d")
