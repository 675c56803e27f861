"""What is to be done next: marks of the board, the strip's number and the filter say the same."""

import datetime
import re
from collections.abc import Callable
from io import BytesIO
from itertools import product
from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import fresh, make_opportunity
from tests.views.waiting import waiting

pytestmark = pytest.mark.django_db
BOARD, LIST = "/opportunities/board/", "/opportunities/"
DAY = datetime.timedelta(days=1)
# description of an opportunity: on which days from today something is to be done
DEALS: dict[str, tuple[int, ...]] = {
    "nothing": (),
    "late": (-1,),
    "late and later": (-1, 5),
    "today": (0,),
    "today and later": (3, 0),
    "later": (7,),
}
MARKS = {
    "nothing": ["no next step"],
    "late": ["overdue step", "no next step"],
    "late and later": ["overdue step"],
    "today": ["step today"],
    "today and later": ["step today"],
    "later": [],
}


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deals(
    acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, price_l: CloseCode, today: datetime.date
) -> dict[str, Opportunity]:
    """Those of `DEALS` in progress; one that waits and one that was lost, with nothing to be done; one whose task is done."""
    how = {"contact": acme, "salesperson": jo, "cycle": cycle, "on": today, "closing_on": today + 30 * DAY}
    made = {name: make_opportunity(description=name, stage=1, **how) for name in DEALS}
    for name, days in DEALS.items():
        for nth, day in enumerate(days):
            tasks.create(
                description=f"Step {nth}",
                opportunity=made[name],
                salesperson=jo,
                due_on=today + day * DAY,
                on=today,
                by=rep,
            )
    make_opportunity(description="waiting", **how)
    lost = make_opportunity(description="lost", stage=1, **how)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=today, by=rep)
    over = tasks.create(description="Done", opportunity=made["nothing"], salesperson=jo, on=today, by=rep)
    tasks.complete(over, version=1, on=today, by=rep)
    return made


@pytest.fixture
def client(client_for: Callable[[User], Client], rep: User) -> Client:
    return client_for(rep)


def cards(response: Any) -> dict[str, Any]:
    return {card["description"]: card for column in response.context["columns"] for card in column.cards}


def listed(client: Client, query: str) -> set[str]:
    return {row["description"] for row in client.get(f"{LIST}?{query}").context["page"]}


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ("none", {"nothing", "late"}),
        ("overdue", {"late", "late and later"}),
        ("today", {"today", "today and later"}),
        ("planned", {"late and later", "later"}),
    ],
)
def test_the_filter_of_list_and_board(
    client: Client, deals: dict[str, Opportunity], which: str, found: set[str]
) -> None:
    assert listed(client, f"next_step={which}") == found
    assert set(cards(client.get(f"{BOARD}?next_step={which}"))) == found


def test_marks_count_and_filter_agree(client: Client, deals: dict[str, Opportunity]) -> None:
    response = client.get(BOARD)
    words = {"overdue step", "step today", "no next step"}
    text = response.content.decode()
    for name, marks in MARKS.items():
        card = text.partition(f'id="card-{deals[name].pk}"')[2].partition("</li>")[0]
        assert [word for word in ("overdue step", "step today", "no next step") if word in card] == marks, name
    idle = text.partition(">waiting</a>")[2].partition("</li>")[0]
    assert not any(word in idle for word in words)
    marked = {name for name, card in cards(response).items() if card.is_stepless}
    _stalled, figure = waiting(client)
    assert figure["label"] == "No next step"
    assert figure["url"] == response.context["attention"][1]["url"]
    assert (marked, figure["count"], figure["tone"]) == ({"nothing", "late"}, 2, "amber")
    assert listed(client, figure["url"].partition("?")[2]) == marked
    assert [found["count"] for found in waiting(client, "priority=normal")] == [0, 2]
    assert waiting(client, "priority=high")[1:] == [figure | {"count": 0, "tone": "", "url": ANY}]
    assert [found["label"] for found in waiting(client, "next_step=today")] == ["Stalled"]
    for query in ("status=won", "status=not_started", "value_from=lots", "sales_cycle=999&status=x"):
        assert waiting(client, query) == [], query


def test_the_number_comes_after_the_page(client: Client, deals: dict[str, Opportunity]) -> None:
    """The page names the link and asks for its number; the answer is the same link with the number."""
    page = client.get(f"{BOARD}?priority=normal").content.decode()
    there = page.partition('aria-label="What waits for somebody"')[2].partition("</ul>")[0]
    assert 'hx-get="/opportunities/board/attention/?board=priority%3Dnormal" hx-trigger="load"' in there
    assert re.search(r"<span>No next step</span> <strong></strong>", there)
    assert [(found["label"], found["count"]) for found in waiting(client, "priority=normal")] == [
        ("Stalled", 0),
        ("No next step", 2),
    ]
    with CaptureQueriesContext(connection) as asked:
        client.get(f"{BOARD}attention/", {"board": "priority=normal"}, headers={"HX-Request": "true"})
    assert len(asked) == 4
    bare = client.get(f"{BOARD}attention/", {"board": "priority=normal"})
    assert (bare.status_code, bare.headers["Location"]) == (302, f"{BOARD}?priority=normal")


def test_the_card_says_what_comes_next(client: Client, deals: dict[str, Opportunity], today: datetime.date) -> None:
    found = cards(client.get(BOARD))
    assert {name: (found[name]["next_on"], found[name]["next_what"]) for name in DEALS} == {
        "nothing": (None, None),
        "late": (None, None),
        "late and later": (today + 5 * DAY, "Step 1"),
        "today": (today, "Step 0"),
        "today and later": (today, "Step 1"),
        "later": (today + 7 * DAY, "Step 0"),
    }


def test_a_verb_on_the_board_answers_with_the_same_card(client: Client, deals: dict[str, Opportunity]) -> None:
    deal = deals["today"]
    data = {"version": deal.version, "to": deal.sales_cycle.stages.get(number=2).pk, "board": ""}
    answer = client.post(f"{LIST}{deal.pk}/move/", data, headers={"HX-Request": "true"})
    assert "step today" in answer.content.decode() and "No next step" in answer.content.decode()
    one = client.get(f"{LIST}{deal.pk}/card/?board=", headers={"HX-Request": "true"}).content.decode()
    assert 'class="deal-step"' in one
    assert fresh(deal).stage.number == 2


def test_the_deal_page_s_card_says_that_it_needs_one(client: Client, deals: dict[str, Opportunity]) -> None:
    needs = {
        name
        for name, deal in deals.items()
        if "Needs a next step" in client.get(f"/tasks/card/?opportunity={deal.pk}").content.decode()
    }
    assert needs == {"nothing", "late"}


def test_the_board_still_costs_five_statements(client: Client, deals: dict[str, Opportunity]) -> None:
    client.get(BOARD)
    for query, headers in product(("", "?next_step=none"), ({}, {"HX-Request": "true"})):
        with CaptureQueriesContext(connection) as seen:
            client.get(f"{BOARD}{query}", headers=headers)
        assert len(seen) == 5


# ── the column of the list ───────────────────────────────────────────────────────────────────────────────────────────


SHOWN = "columns=description,next_step"


def steps(client: Client, query: str = "") -> dict[str, tuple[str, list[str]]]:
    """By description of a row: what the column says, and its marks."""
    rows = re.findall(r'<tr id="row-\d+">(.*?)</tr>', client.get(f"{LIST}?{SHOWN}&{query}").content.decode())
    told = {}
    for row in rows:
        name = re.search(r"<a [^>]+>([^<]+)</a>", row)
        cell = row.partition("</th>")[2]
        assert name
        marks = re.findall(r'<span class="mark[^>]*>.*?([a-z ]+)</span>', cell)
        told[name[1]] = (re.sub(r"<[^>]+>", "", re.sub(r'<span class="mark.*', "", cell)).strip(), marks)
    return told


def test_the_column_agrees_with_board_filter_and_card(
    client: Client, deals: dict[str, Opportunity], today: datetime.date
) -> None:
    told = steps(client)
    on_board = cards(client.get(BOARD))
    assert set(told) == {*DEALS, "waiting", "lost"}
    assert {name: told[name][1] for name in DEALS} == MARKS
    for name in DEALS:
        card = on_board[name]
        assert told[name][0] == (f"{card['next_on']} {card['next_what']}" if card["next_on"] else ""), name
    assert told["waiting"] == told["lost"] == ("", [])
    for which, mark in (("none", "no next step"), ("overdue", "overdue step"), ("today", "step today")):
        assert {name for name, (_, marks) in told.items() if mark in marks} == listed(client, f"next_step={which}")


def test_the_column_is_sorted_by_its_date(client: Client, deals: dict[str, Opportunity]) -> None:
    """What has none comes last, either way; pages by their edge and the walk from deal to deal know the order."""
    up = [*steps(client, "order=next_step,description")]
    assert up == ["today", "today and later", "late and later", "later", "late", "lost", "nothing", "waiting"]
    assert [*steps(client, "order=-next_step,description")] == [*up[2:4][::-1], *up[:2], *up[4:]]
    walked = ["today"]
    url = f"{LIST}{deals['today'].pk}/?order=next_step,description"
    while after := client.get(url).context["after"]:
        url = after
        walked.append(client.get(url).context["opportunity"].description)
    assert walked == up


def test_pages_of_the_column(client: Client, deals: dict[str, Opportunity], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.lib.listing.selection.PAGE", 3)
    query = f"{SHOWN}&order=next_step,description"
    found, url = [], f"{LIST}?{query}"
    while url:
        page = client.get(url)
        found.append([row["description"] for row in page.context["page"]])
        url = next((LIST + step["url"] for step in page.context["pages"] if step["rel"] == "next" and step["url"]), "")
    assert found == [["today", "today and later", "late and later"], ["later", "late", "lost"], ["nothing", "waiting"]]
    back = client.get(f"{LIST}?{query}&before=end")
    assert [row["description"] for row in back.context["page"]] == found[-1]


def test_a_file_has_the_day_and_the_words(client: Client, deals: dict[str, Opportunity], today: datetime.date) -> None:
    file: Any = client.get(f"{LIST}export/?{SHOWN}&order=description&as=csv")
    lines = file.getvalue().decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Description,Next step,What comes next"
    assert lines[1:5] == [
        "late,,",
        f"late and later,{today + 5 * DAY},Step 1",
        f"later,{today + 7 * DAY},Step 0",
        "lost,,",
    ]
    sheet: Any = client.get(f"{LIST}export/?{SHOWN}&order=description&as=xlsx")
    rows = load_workbook(BytesIO(sheet.getvalue())).active.iter_rows(values_only=True)
    assert [row[1:] for row in rows][2:3] == [(datetime.datetime.combine(today + 5 * DAY, datetime.time.min), "Step 1")]


def test_the_column_costs_no_statement(client: Client, deals: dict[str, Opportunity]) -> None:
    client.get(LIST)
    counted = []
    for query in ("", "columns=description", SHOWN, f"{SHOWN}&order=next_step"):
        with CaptureQueriesContext(connection) as asked:
            client.get(f"{LIST}?{query or 'view='}")
        counted.append(len(asked))
        assert any("tasks_task" in each["sql"] for each in asked) is (query != "columns=description")
    assert counted == [5, 5, 5, 5]
