"""Stalled deals: the strip, the columns, the filter and the marks on cards, list and page say the same."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities.models import Opportunity, StageLimit
from salescycles.models import SalesCycle, Stage
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import make_opportunity
from tests.views.waiting import stalled_by_stage, waiting

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
BOARD, LIST = "/opportunities/board/", "/opportunities/"
DAY = datetime.timedelta(days=1)


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deals(
    acme: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, rep: User, today: datetime.date
) -> dict[str, Opportunity]:
    """By the days they stand at the first stage, where three quarters leave within 14, or at the second, where 4 are expected."""
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    StageLimit.objects.bulk_create(
        StageLimit(stage=stage, days=14 if stage.number == 1 else None, visits=8, learned_on=today)
        for stage in cycle.stages.all()
    )
    Stage.objects.filter(sales_cycle=cycle, number=2).update(expected_days=4)
    Stage.objects.filter(sales_cycle=cycle, number=1).update(expected_days=1)

    def stands(stage: int, days: int, who: Salesperson = jo) -> Opportunity:
        return make_opportunity(
            contact=acme, salesperson=who, cycle=cycle, stage=stage, on=today - days * DAY, closing_on=today + DAY
        )

    made = {
        "fresh": stands(1, 13),
        "amber": stands(1, 14),
        "delayed": stands(1, 20),
        "red": stands(1, 21),
        "red with a step": stands(1, 30),
        "expected": stands(2, 4),
        "expected red": stands(2, 6),
        "never": stands(3, 300),
        "somebody else's": stands(1, 99, of),
        "waiting": make_opportunity(contact=acme, salesperson=jo, cycle=cycle, on=today - 50 * DAY),
    }
    for name in ("delayed", "red with a step"):
        tasks.create(description="Call", opportunity=made[name], salesperson=jo, due_on=today, on=today, by=rep)
    return made


TONES = {"amber": {"amber", "expected"}, "red": {"red", "red with a step", "expected red"}}
MARK = re.compile(r'<span class="mark mark-(amber|red)" title="(\d+ days?, [^"]+)">')


def text(response: Any) -> str:
    return str(response.content.decode())


def marked(markup: str, start: str) -> dict[int, tuple[str, str]]:
    """Of each card or row, by its key: tone and words of its mark."""
    found = {}
    for part in markup.split(start)[1:]:
        key = re.search(r"/opportunities/(\d+)/", part)
        if key and (mark := MARK.search(part)):
            found[int(key[1])] = (mark[1], mark[2])
    return found


def expected(deals: dict[str, Opportunity]) -> dict[int, str]:
    return {deals[name].pk: tone for tone, names in TONES.items() for name in names}


def test_header_filter_and_marks_are_equal(client_for: Sign, rep: User, deals: dict[str, Opportunity]) -> None:
    client, wanted = client_for(rep), expected(deals)
    board = client.get(BOARD)
    figure, _stepless = waiting(client)
    assert (figure["label"], figure["count"], figure["tone"]) == ("Stalled", len(wanted), "amber")
    names = {column.key: str(column.name) for column in board.context["columns"] if column.stage}
    assert {names[key]: count for key, count in stalled_by_stage(client).items()} == {
        "Initial": 3,
        "Present": 2,
        "Offer": 0,
        "Sign": 0,
    }
    assert all(f'<span id="stalled-{key}"></span>' in text(board) for key in names)
    on_cards = marked(text(board), '<li class="deal"')
    listed = client.get(figure["url"])
    assert {row["pk"] for row in listed.context["page"]} == set(wanted)
    in_list = marked(text(client.get(LIST)), "<tr")
    on_pages = {}
    for deal in deals.values():
        stall = client.get(deal.get_absolute_url()).context["stall"] if deal.salesperson == rep.salesperson else None
        if stall:
            on_pages[deal.pk] = (stall.tone, stall.words)
    assert on_cards == in_list == on_pages
    assert {pk: tone for pk, (tone, _words) in on_cards.items()} == wanted


@pytest.mark.parametrize("which", ["amber", "red", "any"])
@pytest.mark.parametrize("words", ["", "&q=chairs", "&salesperson=me", "&where=1:number:not_blank"])
def test_board_list_and_file_filter_alike(
    client_for: Sign, rep: User, deals: dict[str, Opportunity], which: str, words: str
) -> None:
    names = TONES["amber"] | TONES["red"] if which == "any" else TONES[which]
    client, wanted = client_for(rep), {deals[name].pk for name in names}
    assert {row["pk"] for row in client.get(f"{LIST}?stalled={which}{words}").context["page"]} == wanted
    board = client.get(f"{BOARD}?stalled={which}{words}")
    assert {int(card["pk"]) for column in board.context["columns"] for card in column.cards} == wanted
    figure = waiting(client, f"stalled={which}{words}")[0]
    assert (figure["label"], figure["count"], figure["tone"]) == ("Stalled", len(wanted), "amber")
    answer = client.get(f"/opportunities/export/?as=csv&columns=number&stalled={which}{words}")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").split()
    assert sorted(lines[1:]) == sorted(deals[name].number for name in names)


def test_what_the_marks_say(client_for: Sign, rep: User, deals: dict[str, Opportunity]) -> None:
    client = client_for(rep)
    page = text(client.get(deals["red"].get_absolute_url()))
    assert "21 days, three quarters of deals leave within 14" in page
    assert "4 days, expected 4" in text(client.get(deals["expected"].get_absolute_url()))
    assert 'class="stall"' not in text(client.get(deals["delayed"].get_absolute_url()))
    chip = client.get(f"{LIST}?stalled=red")
    assert "Stalled: Red" in text(chip)
    refused = client.get(f"{LIST}?stalled=green")
    assert refused.status_code == 422


def test_a_card_that_moves_says_so_no_more(
    client_for: Sign, rep: User, deals: dict[str, Opportunity], cycle: SalesCycle
) -> None:
    client, deal = client_for(rep), deals["red"]
    client.get(BOARD)
    data = {"version": deal.version, "to": cycle.stages.get(number=2).pk, "board": ""}
    answer = text(client.post(f"/opportunities/{deal.pk}/move/", data, headers=HX))
    assert marked(answer, '<li class="deal"') == {}
    assert stalled_by_stage(client)[str(deal.stage_id)] == 2  # the column that it left


def test_no_page_learns_limits(
    client_for: Sign, rep: User, deals: dict[str, Opportunity], today: datetime.date
) -> None:
    StageLimit.objects.update(learned_on=today - DAY)
    client = client_for(rep)
    for page in (LIST, BOARD):
        client.get(page)
    assert set(StageLimit.objects.values_list("learned_on", flat=True)) == {today - DAY}
    assert waiting(client)[0]["count"] == len(marked(text(client.get(BOARD)), '<li class="deal"')) == 5


@pytest.mark.parametrize("query", ["", "?stalled=any"])
def test_it_costs_no_statement_more(client_for: Sign, rep: User, deals: dict[str, Opportunity], query: str) -> None:
    client, counted = client_for(rep), []
    for address in (BOARD, LIST, deals["red"].get_absolute_url()):
        client.get(address + query)
        with CaptureQueriesContext(connection) as seen:
            client.get(address + query)
        counted.append(len(seen))
    assert counted == ([5, 5, 7] if not query else [5, 5, 8])  # with its neighbours in the selection
