"""What a card of the board says of itself for scripts, its fields edited in place, and what is sent twice."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.lib import dates
from opportunities import lifecycle, repeats
from opportunities.models import Opportunity, OpportunityEntry
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., Opportunity]
HX = {"HX-Request": "true"}
BOARD = "/opportunities/board/"
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def stages(cycle: SalesCycle) -> dict[int, str]:
    return {stage.number: str(stage.pk) for stage in cycle.stages.all()}


@pytest.fixture
def make(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, today: datetime.date) -> Make:
    def opportunity(**values: Any) -> Opportunity:
        given: dict[str, Any] = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": rep, "on": today}
        return make_opportunity(**given | {"closing_on": today + datetime.timedelta(days=30)} | values)

    return opportunity


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def post(client: Client, deal: Opportunity, verb: str, headers: Any = HX, **values: Any) -> Any:
    data = {"version": fresh(deal).version} | values
    return client.post(f"/opportunities/{deal.pk}/{verb}", data, headers=headers)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def card(page: str, deal: Opportunity) -> str:
    found = re.search(rf'<li class="deal" id="card-{deal.pk}".*?</li>', page, re.DOTALL)
    assert found
    return found[0]


# ── what a move does to the weighted total ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "odds"),
    [
        ("multiply", ["2.00 0.000 10.000", "24.00 0.000 40.000", "64.00 0.000 80.000", "95.00 0.000 95.000"]),
        ("average", ["15.00 5.000 55.000", "50.00 20.000 70.000", "80.00 40.000 90.000", "97.50 47.500 97.500"]),
        ("chances", ["20.00 0.000 100.000", "60.00 0.000 100.000", "80.00 0.000 100.000", "100.00 0.000 100.000"]),
        ("completed", ["10.00 10.000 10.000", "40.00 40.000 40.000", "80.00 80.000 80.000", "95.00 95.000 95.000"]),
    ],
)
def test_every_stage_says_the_probability_that_a_card_gets_there(
    client: Client, cycle: SalesCycle, make: Make, method: str, odds: list[str]
) -> None:
    SalesCycle.objects.filter(pk=cycle.pk).update(probability_method=method)
    make()
    page = client.get(BOARD).content.decode()
    assert re.findall(r'data-odds="([^"]+)"', page) == odds
    assert "data-keeps-chances" not in page
    SalesCycle.objects.filter(pk=cycle.pk).update(stage_decides=False)
    assert "data-keeps-chances" in client.get(BOARD).content.decode()


def test_a_card_says_its_value_and_chances_of_its_own(
    client_for: Sign, client: Client, viewer: User, make: Make, today: datetime.date, price_l: CloseCode
) -> None:
    plain, own, unknown, lost = make(stage=2), make(stage=1), make(estimated_value=None), make(stage=1)
    lifecycle.revise(own, version=2, chances=Decimal("12.5"), on=today, by=None)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=today, by=None)
    page = client.get(f"{BOARD}?more=lost.25").content.decode()
    assert ' data-value="1000.00" data-weighted="240.00">' in card(page, plain)
    assert ' data-value="1000.00" data-weighted="12.50" data-chances="12.50">' in card(page, own)
    for silent in (unknown, lost):
        assert "data-value" not in card(page, silent)
    assert "data-value" not in client_for(viewer).get(BOARD).content.decode()


# ── archive ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_has_not_started_or_is_closed_can_be_archived_on_the_board(
    client_for: Sign, client: Client, viewer: User, make: Make, today: datetime.date, price_l: CloseCode
) -> None:
    waiting, running, lost = make(), make(stage=1), make(stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=today, by=None)
    page = client.get(f"{BOARD}?more=lost.25").content.decode()
    way = f'href="/opportunities/{lost.pk}/archive/?board=more%3Dlost.25" data-archive>'
    assert way in card(page, lost) and "data-archive" not in card(page, waiting) + card(page, running)
    assert page.count('data-to="archive"') == 1, "in the menu of what has not started"
    assert "data-archive" not in client_for(viewer).get(f"{BOARD}?more=lost.25").content.decode()
    for deal in (waiting, lost):
        answer = post(client, deal, "archive/", board="more=lost.25")
        assert (answer.status_code, fresh(deal).archived) == (200, True)
        assert f'<li data-gone="{deal.pk}"></li>' in answer.content.decode()
        assert told(answer)[-1].startswith("Archived.")
    refused = post(client, running, "archive/", board="")
    assert (refused.status_code, refused["HX-Reswap"]) == (422, "none")
    assert "An opportunity in progress cannot be archived." in told(refused)[-1]
    assert f'id="card-{running.pk}"' in refused.content.decode() and not fresh(running).archived


# ── value and closing date on the card ───────────────────────────────────────────────────────────────────────────────


def test_value_and_closing_date_are_edited_on_the_card(
    client_for: Sign, client: Client, viewer: User, make: Make, today: datetime.date, price_l: CloseCode
) -> None:
    deal, lost = make(stage=1, description="Chairs & more"), make(stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=today, by=None)
    page = client.get(f"{BOARD}?q=chairs&more=lost.25").content.decode()
    links = re.findall(r'<a class="deal-edit" href="([^"]+)" data-column="\w+">(.*?)</a>', card(page, deal))
    start = f"/opportunities/{deal.pk}/revise/?board=q%3Dchairs%26more%3Dlost.25&amp;field="
    day = dates.day_short(deal.closing_on, "en")
    hidden = '<span class="visually-hidden"> Edit: {}, Chairs &amp; more</span>'
    assert links == [
        (f"{start}estimated_value", '<strong class="number">€1,000.00</strong>' + hidden.format("Estimated value")),
        (f"{start}closing_on", day + hidden.format("Closing date")),
    ]
    assert "deal-edit" not in card(page, lost)
    assert "deal-edit" not in client_for(viewer).get(BOARD).content.decode()
    form = client.get(links[0][0].replace("&amp;", "&"), headers=HX).content.decode()
    assert 'name="board" value="q=chairs&amp;more=lost.25"' in form and "data-edit" in form
    with CaptureQueriesContext(connection) as seen:
        answer = post(
            client, deal, "revise/?field=estimated_value", version=2, board="q=chairs", estimated_value="3000"
        )
    assert sum("SAVEPOINT" not in each["sql"] for each in seen.captured_queries) - 1 == 11
    assert answer.status_code == 200 and "€3,000.00" in card(answer.content.decode(), deal)
    assert told(answer)[-1] == "Revised. Open value +\u2060€2,000.00, weighted value +\u2060€40.00."
    plain = post(client, deal, "revise/?field=estimated_value", {}, board="q=chairs", estimated_value="7")
    assert plain["Location"] == f"{BOARD}?q=chairs#card-{deal.pk}"


def test_a_refusal_stands_in_the_form_on_the_card(client: Client, make: Make, manager: User, today: Any) -> None:
    deal = make(stage=1)
    answer = post(client, deal, "revise/?field=closing_on", board="", closing_on="2020-01-01")
    page = answer.content.decode()
    assert answer.status_code == 422 and "HX-Reswap" not in answer and 'value="2020-01-01"' in page
    lifecycle.revise(fresh(deal), version=2, estimated_value=Decimal(5), on=today, by=manager)
    answer = post(client, deal, "revise/?field=estimated_value", version=2, board="", estimated_value="7")
    assert answer.status_code == 409 and "HX-Reswap" not in answer and 'value="7"' in answer.content.decode()


def test_a_form_of_the_board_on_its_own_page_leads_back_with_scripts(client: Client, make: Make) -> None:
    deal = make(stage=1)
    here = f"http://testserver/opportunities/{deal.pk}/revise/?board=q%3Dchairs&field=chances"
    answer = post(client, deal, "revise/?field=chances", HX | {"HX-Current-URL": here}, board="q=chairs", chances="33")
    assert answer["HX-Redirect"] == f"{BOARD}?q=chairs#card-{deal.pk}"


@both_ways
def test_given_away_between_fetching_and_writing(
    client: Client,
    make: Make,
    stages: dict[int, str],
    of: Salesperson,
    manager: User,
    today: datetime.date,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deal = make(stage=1)

    def beaten(*args: Any, **options: Any) -> Any:
        lifecycle.reassign(fresh(deal), version=2, salesperson=of, on=today, by=manager)
        raise lifecycle.Stale(deal.pk, 2)

    monkeypatch.setattr("opportunities.views.verbs.lifecycle.move", beaten)
    answer = post(client, deal, "move/", headers, board="", to=stages[2])
    assert answer.status_code == 404 and "Chairs" not in answer.content.decode()
    if headers:
        assert f'<li data-gone="{deal.pk}"></li>' in answer.content.decode() and answer["HX-Reswap"] == "none"
        assert told(answer)[-1] == "This opportunity is not there any more, or no longer yours to see."


# ── sent twice ───────────────────────────────────────────────────────────────────────────────────────────────────────


def twice(client: Client, deal: Opportunity, verb: str, headers: Any = None, **values: Any) -> tuple[Any, int]:
    """The second answer to one form, and how many steps the second one took."""
    data = {"version": fresh(deal).version} | values
    url = f"/opportunities/{deal.pk}/{verb}/"
    first = client.post(url, data, headers=headers)
    assert first.status_code == 302 or headers, first.content
    before = fresh(deal).version
    return client.post(url, data, headers=headers), fresh(deal).version - before


def test_the_second_half_of_a_double_click_leads_to_the_deal(
    client: Client, make: Make, stages: dict[int, str], price_l: CloseCode, today: datetime.date
) -> None:
    deal, waiting, other = make(stage=1), make(), make(stage=1)
    for opportunity, verb, values in (
        (deal, "move", {"to": stages[2]}),
        (deal, "move", {"to": stages[1], "chances": "", "reason": " back "}),
        (deal, "move", {"to": stages[2], "estimated_value": "7", "closing_on": today, "on": today}),
        (deal, "undo", {}),
        (deal, "close", {"outcome": "lost"}),
        (waiting, "archive", {}),
        (waiting, "restore", {}),
        (waiting, "start", {}),
    ):
        answer, steps = twice(client, opportunity, verb, **values)
        assert (answer.status_code, steps) == (302, 0), (verb, values)
        assert answer["Location"] == f"/opportunities/{opportunity.pk}/"
        assert told(answer)[-1] == "This was done already."
    page = client.get(f"/opportunities/{waiting.pk}/").content.decode()
    assert page.count("This was done already.") == 8
    answer, _ = twice(client, other, "move", to=stages[2], board="q=x")
    assert answer["Location"] == f"{BOARD}?q=x#card-{other.pk}"
    answer, steps = twice(client, other, "move", HX, to=stages[1], board="")
    assert (answer.status_code, steps) == (200, 0) and f'id="card-{other.pk}"' in answer.content.decode()


def test_anything_else_is_a_conflict_still(
    client_for: Sign, client: Client, manager: User, make: Make, stages: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = make(stage=1)
    asked = {"version": 2, "to": stages[2], "reason": "x"}
    url = f"/opportunities/{deal.pk}/move/"
    assert client.post(url, asked).status_code == 302
    assert client.post(url, asked).status_code == 302
    for other in (
        {"to": stages[1]},
        {"reason": ""},
        {"estimated_value": "9"},
        {"chances": "9"},
        {"closing_on": "2999-01-01"},
    ):
        assert client.post(url, asked | other).status_code == 409, other
    assert client_for(manager).post(url, asked).status_code == 409, "somebody else's"
    monkeypatch.setattr(repeats, "AT_ONCE", datetime.timedelta(0))
    assert client.post(url, asked).status_code == 409, "long ago"
    monkeypatch.undo()
    assert client.post(f"/opportunities/{deal.pk}/undo/", {"version": 3}).status_code == 302
    assert client.post(url, asked).status_code == 409, "two steps"
    assert OpportunityEntry.objects.filter(opportunity=deal).count() == 4
