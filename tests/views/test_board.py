"""The board of a sales cycle: page and fragment, totals, what the address says, who sees what, and the verbs from there."""

import datetime
import html
import random
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.templatetags.kept import KEPT
from opportunities import lifecycle
from opportunities.board import ORDERS
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry
from opportunities.stalling import learn
from salescycles.models import CloseCode, SalesCycle, Stage
from salespeople.models import Company, Salesperson, User
from tests.factories import QuoteFactory, fresh, make_cycle, make_opportunity
from tests.views.waiting import waiting

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
    """Keys by number."""
    return {stage.number: str(stage.pk) for stage in cycle.stages.all()}


@pytest.fixture
def make(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, today: datetime.date) -> Make:
    """Of JO, made yesterday, worth 1 000, closing in 30 days, unless said otherwise."""

    def opportunity(**values: Any) -> Opportunity:
        given = {
            "contact": acme,
            "salesperson": jo,
            "cycle": cycle,
            "by": rep,
            "on": today - datetime.timedelta(days=1),
        }
        return make_opportunity(**given | {"closing_on": today + datetime.timedelta(days=30)} | values)

    return opportunity


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def columns(response: Any) -> dict[str, Any]:
    return {column.key: column for column in response.context["columns"]}


def shown(response: Any) -> list[int]:
    """Keys of the cards that the markup shows, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<li class="deal[^>]* data-pk="(\d+)"', response.content.decode())]


def words(response: Any) -> str:
    """The text without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def statements(seen: CaptureQueriesContext) -> int:
    return sum("SAVEPOINT" not in query["sql"] for query in seen.captured_queries)


def ledger(opportunity: Opportunity) -> list[tuple[str, int]]:
    return list(opportunity.entries.order_by("step").values_list("action", "step"))


def post(client: Client, opportunity: Opportunity, verb: str, headers: Any = HX, **values: Any) -> Any:
    """As the board does: with the version that stands now and the board's address."""
    data = {"version": fresh(opportunity).version, "board": ""} | values
    return client.post(f"/opportunities/{opportunity.pk}/{verb}/", data, headers=headers)


def close(opportunity: Opportunity, code: CloseCode, on: datetime.date, **values: Any) -> Opportunity:
    seen = fresh(opportunity)
    lifecycle.close(seen, version=seen.version, outcome=code.outcome, close_code=code, on=on, by=None, **values)
    return fresh(opportunity)


@pytest.mark.parametrize("who", ["rep", "manager", "viewer"])
def test_running_totals_and_counted_ones_agree(
    request: pytest.FixtureRequest,
    client_for: Sign,
    make: Make,
    of: Salesperson,
    who: str,
    today: datetime.date,
    price_w: CloseCode,
    price_l: CloseCode,
) -> None:
    """The bare address is answered by running totals; a condition that leaves every row has them counted."""
    late, later = today - datetime.timedelta(days=1), today + datetime.timedelta(days=40)
    for day in (late, today, later):
        make(stage=1, closing_on=day, estimated_value=777)
        make(stage=2, closing_on=day, estimated_value=Decimal("0.01"), salesperson=of)
    make(salesperson=None, estimated_value=None)
    close(make(stage=2, value=50), price_w, today, sales_value=40)
    close(make(stage=2, value=50), price_l, today)
    client = client_for(request.getfixturevalue(who))
    told = []
    for address in (BOARD, f"{BOARD}?where=1:number:not_blank", BOARD):
        response = client.get(address)
        told.append(({key: column.totals for key, column in columns(response).items()}, response.context["strip"]))
    assert [list(map(figures_of, strip)) for _, strip in told[1:]] == [list(map(figures_of, told[0][1]))] * 2
    assert told[0][0] == told[1][0] == told[2][0]
    assert sum(totals.overdue for totals in told[0][0].values()) == {"rep": 1, "manager": 2, "viewer": 2}[who]


def figures_of(figure: dict[str, Any]) -> tuple[Any, Any]:
    return figure.get("count"), figure.get("amount")


def test_each_sees_an_own_board_at_the_same_address(
    client_for: Sign, make: Make, of: Salesperson, rep: User, rep2: User, manager: User
) -> None:
    mine, others = make(stage=1), make(stage=1, salesperson=of)
    for _ in range(2):
        for user, seen in ((rep, [mine.pk]), (rep2, [others.pk]), (manager, [mine.pk, others.pk])):
            response = client_for(user).get(BOARD)
            assert sorted(shown(response)) == seen
            assert sum(column.totals.count for column in response.context["columns"]) == len(seen)


# ── how much is asked of the database ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rows", [1, 60])
def test_queries_of_the_board(
    client_for: Sign, make: Make, cycle: SalesCycle, rep: User, manager: User, subtests: pytest.Subtests, rows: int
) -> None:
    """Session, user; stages of all cycles; totals, cards; for a manager the salespeople of the filter."""
    for number in range(rows):
        make(stage=1 + number % 2)
    for user, quotes, headers in product((rep, manager), (False, True), ({}, HX)):
        with subtests.test(user=user, quotes=quotes, headers=headers):
            KEPT.clear()
            cycle.stages.filter(number=3).update(quote_required=quotes)
            client = client_for(user)
            client.get(BOARD)  # the company's row is now kept
            with CaptureQueriesContext(connection) as seen:
                response = client.get(BOARD, headers=headers)
            assert (len(seen), len(shown(response))) == (5, min(rows, 50))


@pytest.mark.parametrize("rows", [1, 60])
@pytest.mark.parametrize("quotes", [False, True])
@pytest.mark.parametrize("who", ["rep", "manager"])
def test_queries_of_a_move(
    request: pytest.FixtureRequest,
    client_for: Sign,
    make: Make,
    cycle: SalesCycle,
    stages: dict[int, str],
    who: str,
    quotes: bool,
    rows: int,
) -> None:
    """Session, user; opportunity, stages; present, old entry, new entry; stages of all cycles, opportunity, totals."""
    deals = [make(stage=1) for _ in range(rows)]
    cycle.stages.filter(number=3).update(quote_required=quotes)
    client = client_for(request.getfixturevalue(who))
    client.get(BOARD)
    data = {"version": 2, "to": stages[2], "board": ""}
    with CaptureQueriesContext(connection) as seen:
        response = client.post(f"/opportunities/{deals[0].pk}/move/", data, headers=HX)
    assert (response.status_code, statements(seen)) == (200, 10)


def test_queries_of_the_rest(client: Client, make: Make, stages: dict[int, str], company: Company) -> None:
    deal = make(stage=1)
    client.get(BOARD)
    for address, queries in (  # session, user, stages of all cycles, and …
        (f"{BOARD}changes/?since=1&board=", 4),  # the entries
        (f"/opportunities/{deal.pk}/card/?board=", 5),  # totals, card
        (f"{BOARD}new/?column={stages[1]}&board=", 5),  # totals, contacts
    ):
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address, headers=HX).status_code == 200
        assert len(seen) == queries, address
    waiting = make()
    with CaptureQueriesContext(connection) as seen:  # as a move
        response = client.post(f"/opportunities/{waiting.pk}/start/", {"version": 1, "board": ""}, headers=HX)
    assert (response.status_code, statements(seen)) == (200, 10)


# ── columns, totals, cards ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_column_counts_all_and_shows_the_first(client: Client, make: Make, stages: dict[int, str]) -> None:
    for value in range(1, 27):
        make(stage=1, value=value * 100)
    response = client.get(BOARD)
    column = columns(response)[stages[1]]
    assert (column.totals.count, column.totals.value, column.totals.weighted) == (26, 35100, 702)
    assert (column.loaded, column.has_more) == (25, True)
    page = words(response)
    assert "Initial 26 €35,100.00 weighted €702.00" in page
    assert "25 of 26 Show more" in page
    assert column.more_url == f"{BOARD}?more={stages[1]}.50"
    response = client.get(column.more_url)
    assert (len(shown(response)), columns(response)[stages[1]].has_more) == (26, False)
    assert "26 of 26" in words(response) and "Show more : Initial" not in words(response)


def test_more_of_one_column_keeps_more_of_another(client: Client, make: Make, stages: dict[int, str]) -> None:
    for _ in range(27):
        make(stage=1)
        make(stage=2)
    response = client.get(f"{BOARD}?more={stages[1]}.26")
    found = columns(response)
    assert [found[stages[number]].loaded for number in (1, 2)] == [26, 25]
    assert found[stages[2]].more_url == f"{BOARD}?more={stages[1]}.26&more={stages[2]}.50"
    assert found[stages[1]].more_url == f"{BOARD}?more={stages[1]}.51"


@pytest.fixture
def mixed(
    make: Make, of: Salesperson, beta: Contact, price_w: CloseCode, price_l: CloseCode, today: datetime.date
) -> list[Opportunity]:
    """Of both salespeople and of nobody, at every place, due in this month, later, and overdue."""
    before, later = today - datetime.timedelta(days=1), today + datetime.timedelta(days=40)
    deals = [make(value=10), make(salesperson=None, by=None, value=20), make(salesperson=of, contact=beta, value=40)]
    for stage, value in ((1, 300), (1, 700), (2, 1100), (4, 1300)):
        deals += [make(stage=stage, value=value, closing_on=today)]
        deals += [make(stage=stage, value=value + 1, salesperson=of, contact=beta, closing_on=later, priority="high")]
        deals += [make(stage=stage, value=value + 2, closing_on=before)]
    for stage, value in ((1, 5000), (2, 6000)):
        close(make(stage=stage, value=value), price_w, today, sales_value=value + 50)
        close(make(stage=stage, value=value, salesperson=of, contact=beta), price_l, today)
    return deals


@pytest.mark.parametrize("who", ["manager", "rep", "viewer"])
def test_columns_say_what_the_list_says(
    request: pytest.FixtureRequest,
    client_for: Sign,
    mixed: list[Opportunity],
    cycle: SalesCycle,
    stages: dict[int, str],
    today: datetime.date,
    subtests: pytest.Subtests,
    who: str,
) -> None:
    client = client_for(request.getfixturevalue(who))
    for query in ("", "q=BETA", "priority=high", "value_from=700", "salesperson=me", f"closing_to={today}"):
        with subtests.test(query=query):
            columns_agree(client, cycle, stages, who, query)


def columns_agree(client: Client, cycle: SalesCycle, stages: dict[int, str], who: str, query: str) -> None:
    response = client.get(f"{BOARD}?{query}")
    for key, column in columns(response).items():
        place = f"status=in_progress&stage={key}" if key.isdecimal() else f"status={key}"
        listed = client.get(f"/opportunities/?{query}&sales_cycle={cycle.pk}&{place}")
        if listed.status_code == 422:  # who is nobody's salesperson cannot ask for own ones: neither here nor there
            assert (query, response.status_code, column.totals.count) == ("salesperson=me", 422, 0)
            continue
        totals = listed.context["totals"]
        value = totals["calculated_value" if key == "won" else "estimated_value"]
        assert column.totals.count == totals["count"], key
        assert column.totals.value == (value or 0), key
        assert column.totals.weighted == (totals["calculated_value"] or 0), key
    if not query:
        counts = {"manager": (3, 3, 3), "viewer": (2, 3, 3), "rep": (1, 2, 2)}[who]
        found = columns(response)
        assert tuple(found[key].totals.count for key in ("not_started", stages[2], stages[4])) == counts


@pytest.mark.parametrize("who", ["manager", "rep", "viewer"])
def test_the_strip_leads_to_what_it_counts(
    request: pytest.FixtureRequest,
    client_for: Sign,
    mixed: list[Opportunity],
    stages: dict[int, str],
    today: datetime.date,
    subtests: pytest.Subtests,
    who: str,
) -> None:
    client, later = client_for(request.getfixturevalue(who)), today + datetime.timedelta(days=35)
    for query in (
        "",
        "q=BETA",
        "priority=high&order=-created_on&more=won.25&cards=compact",
        f"closing_to={today}",
        f"closing_from={today}&closing_to={today}",
        f"closing_from={later}",
        "closing_to=2020-01-01",
        "status=in_progress",
        "status=not_started",
        "status=open",
        "status=won",
        "status=closed",
        "archived=true",
        f"stage={stages[1]}",
        "value_to=1000",
    ):
        with subtests.test(query=query):
            strip_agrees(client, query)


def strip_agrees(client: Client, query: str) -> None:
    response = client.get(f"{BOARD}?{query}")
    strip = response.context["strip"]
    if strip and "not_started" not in query:
        strip = [*strip, *waiting(client, query)]
        assert len(strip) == 7
    open_rows = 0 if "status=won" in query or "status=closed" in query else 1
    assert bool(strip) is bool(open_rows)
    for figure in strip:
        listed = client.get(figure["url"])
        assert (listed.status_code, listed.context["unknown"]) == (200, []), figure["url"]
        totals = listed.context["totals"]
        if "amount" in figure:
            name = "calculated_value" if "calculated_value" in figure["url"] else "estimated_value"
            assert figure["amount"] == (totals[name] or 0), figure["url"]
        else:
            assert figure["count"] == totals["count"], figure["url"]


def test_the_strip_in_words(client: Client, mixed: list[Opportunity], today: datetime.date) -> None:
    assert learn(today)
    response = client.get(BOARD)
    counts = {str(figure["label"]): figure.get("count", figure.get("amount")) for figure in response.context["strip"]}
    in_month = 8 if (today - datetime.timedelta(days=1)).month == today.month else 4
    assert counts == {
        "Open": 9,
        "Value": Decimal(6818),
        "Weighted": counts["Weighted"],
        "Closing this month": in_month,
        "Overdue": 4,
    }
    assert [(figure["label"], figure["count"]) for figure in waiting(client)] == [("Stalled", 4), ("No next step", 8)]
    assert (
        sum(column.totals.weighted for column in columns(response).values() if not column.is_closed)
        == counts["Weighted"]
    )
    assert "Overdue 4" in words(response) and "Value €6,818.00" in words(response)


def test_won_and_lost_look_back_30_days_unless_dates_are_named(
    client: Client, make: Make, price_w: CloseCode, price_l: CloseCode, today: datetime.date
) -> None:
    def ago(days: int) -> datetime.date:
        return today - datetime.timedelta(days=days)

    for days, value in ((30, 1), (31, 2), (0, 4)):
        close(make(stage=1, on=ago(40)), price_w, ago(days), sales_value=value)
    close(make(stage=1, on=ago(40), value=8), price_l, ago(31))
    lately = client.get(BOARD)
    found = columns(lately)
    assert (found["won"].totals.count, found["won"].totals.value, found["lost"].totals.count) == (2, 5, 0)
    assert found["won"].is_collapsed and found["lost"].is_collapsed and shown(lately) == []
    assert words(lately).count("closed in the last 30 days") == 2
    assert found["won"].more_url == f"{BOARD}?more=won.25"
    opened = client.get(found["won"].more_url)
    assert len(shown(opened)) == 2 and not columns(opened)["won"].is_collapsed
    named = client.get(f"{BOARD}?closed_from={ago(31)}&more=won.25&more=lost.25")
    found = columns(named)
    assert (found["won"].totals.count, found["won"].totals.value, found["lost"].totals.value) == (3, 7, 8)
    assert len(shown(named)) == 4 and "closed in the last" not in words(named)
    named = client.get(f"{BOARD}?closed_to={ago(31)}&more=won.25")
    assert (columns(named)["won"].totals.value, len(shown(named))) == (2, 1)


def test_archived_ones_are_left_out(client: Client, make: Make, today: datetime.date) -> None:
    deal = make()
    lifecycle.archive(deal, version=1, on=today, by=None)
    assert columns(client.get(BOARD))["not_started"].totals.count == 0
    assert columns(client.get(f"{BOARD}?archived=true"))["not_started"].totals.count == 1


def test_the_fragment_is_a_part_of_the_page(client: Client, mixed: list[Opportunity], stages: dict[int, str]) -> None:
    for query in ("", "?q=BETA&more=won.25", f"?more={stages[1]}.1&order=-created_on", "?sales_cycle=999"):
        page, fragment = client.get(BOARD + query), client.get(BOARD + query, headers=HX)
        assert page.status_code == fragment.status_code
        assert fragment.content.decode().strip() in page.content.decode()
        assert '<div id="board"' in fragment.content.decode()[:60] and "<html" not in fragment.content.decode()
        assert "HX-Request" in page["Vary"] and "HX-Request" in fragment["Vary"]


def test_without_a_cycle_the_page_says_so(client_for: Sign, rep: User, manager: User, company: Company) -> None:
    assert "Ask your sales manager to set one up." in words(client_for(rep).get(BOARD))
    assert "Set up a sales cycle" in words(client_for(manager).get(BOARD))


def test_the_default_cycle_is_shown_unless_another_is_named(client: Client, cycle: SalesCycle, make: Make) -> None:
    other = make_cycle("ZZ", is_default=True)
    make(stage=1)
    assert client.get(BOARD).context["board"].cycle == other
    response = client.get(f"{BOARD}?sales_cycle={cycle.pk}")
    assert (response.context["board"].cycle, len(shown(response))) == (cycle, 1)


# ── what the address says ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", ["", *ORDERS])
def test_each_order(client: Client, make: Make, today: datetime.date, order: str) -> None:
    """Cards, and the numbers by which a card finds its place on an open page."""

    def ago(days: int) -> datetime.date:
        return today - datetime.timedelta(days=days)

    rows: dict[str, dict[str, Any]] = {
        "early": {"closing_on": today, "value": 50, "on": ago(3)},
        "dear": {"closing_on": today + datetime.timedelta(days=9), "value": 90, "on": ago(5)},
        "cheap": {"closing_on": today + datetime.timedelta(days=9), "value": 10, "on": ago(1)},
    }
    made = {name: make(stage=1, **values).pk for name, values in rows.items()}
    expected = {
        "closing_on": ("early", "dear", "cheap"),
        "-estimated_value": ("dear", "early", "cheap"),
        "stage_entered_on": ("dear", "early", "cheap"),
        "-created_on": ("cheap", "early", "dear"),
    }
    response = client.get(f"{BOARD}?order={order}")
    assert shown(response) == [made[name] for name in expected[order or "closing_on"]]
    ranks = re.findall(r'data-rank="([^"]*)"', response.content.decode())
    numbers = [[int(number) for number in rank.split()] for rank in ranks]
    assert numbers == sorted(numbers)
    assert response.context["unknown"] == []


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_unknown_stands_last(client: Client, make: Make, today: datetime.date, order: str) -> None:
    blank = make(closing_on=None, estimated_value=None, value=0)
    known = make(value=5)
    response = client.get(f"{BOARD}?order={order}")
    assert shown(response) == (
        [blank.pk, known.pk] if order in ("stage_entered_on", "-created_on") else [known.pk, blank.pk]
    )
    ranks = re.findall(r'data-rank="([^"]*)"', response.content.decode())
    numbers = [[int(number) for number in rank.split()] for rank in ranks]
    assert numbers == sorted(numbers)


def test_what_the_board_does_not_know_is_said(client: Client, make: Make) -> None:
    response = client.get(f"{BOARD}?order=luck&colour=red&page=2")
    assert response.status_code == 200
    assert "left them out: colour, page, order=luck" in words(response)
    assert shown(response) == shown(client.get(BOARD))


def hostile(stages: dict[int, str], foreign: str) -> list[str]:
    first = stages[1]
    return [
        "order=%00",
        "%00=%00",
        "order=-order&order=",
        "more=a.b",
        "more=.",
        "more=",
        "more=..",
        f"more={first}.0&more=not_started.0&more=" + "&more=".join(f"{key}.0" for key in stages.values()),
        f"more={first}.-5",
        f"more={first}.99999&more={first}.999999999999",
        f"more={first}.%D9%A3",
        "more=won.%C2%B2",
        "more=won.%00",
        "sales_cycle=999",
        "sales_cycle=99999999999999999999999",
        "sales_cycle=-1",
        "sales_cycle=%D9%A3",
        "sales_cycle=%00",
        f"stage={foreign}",
        "stage=%00",
        "stage=' OR 1=1",
        "salesperson=%00",
        "salesperson=99999999999999999999",
        "contact=99999999999999999999",
        "contact=%D9%A3",
        "company=-1",
        "q=%00",
        "q=" + "x" * 5000,
        "value_from=1e999",
        "value_to=NaN",
        "closing_from=9999-99-99",
        "closed_from=0000-00-00",
        "closed_to=%00",
        "archived=maybe",
        "status=%00",
        "priority=%F0%9F%92%A9",
        "cards=%00&new=%00",
        "&&&==&=",
        "%ff%fe=%ff",
    ]


def test_hostile_addresses(client: Client, make: Make, stages: dict[int, str]) -> None:
    make(stage=1)
    foreign = str(make_cycle("OTHER").stages.get(number=1).pk)
    for query in hostile(stages, foreign):
        for headers in ({}, HX):
            response = client.get(f"{BOARD}?{query}", headers=headers)
            assert response.status_code in (200, 422), query
        assert client.get(f"{BOARD}changes/?since=1&board={quote(query)}").status_code == 200, query


def test_an_open_column_is_never_shown_empty_while_it_is_not(
    client: Client, make: Make, stages: dict[int, str]
) -> None:
    deal = make(stage=1)
    response = client.get(f"{BOARD}?more={stages[1]}.0&more=not_started.0")
    assert shown(response) == [deal.pk]


def test_at_most_a_thousand_cards_are_asked_for(client: Client, make: Make, stages: dict[int, str]) -> None:
    make(stage=1)
    assert columns(client.get(f"{BOARD}?more={stages[1]}.99999"))[stages[1]].shown == 1000


@pytest.mark.slow
def test_any_address(client: Client, make: Make, stages: dict[int, str], cycle: SalesCycle) -> None:
    """Seeded at random: words the board knows with values nobody expects, and the other way round."""
    make(stage=1)
    dice = random.Random(7)
    names = [
        *("order", "more", "cards", "new", "sales_cycle", "stage", "salesperson", "contact", "company", "q", "status"),
        *("closing_from", "closed_to", "closed_from", "value_from", "value_to", "archived", "priority", "x", "\0", ""),
    ]
    values = [
        *("", "\0", "-1", "0", "1", "999", "9" * 30, "٣", "²", "a.b", ".", "won.25", "lost.0", "not_started.0", "none"),
        *("me", "true", "2026-02-30", "2026-11-21", "1e5", "NaN", "-estimated_value", "open", "<b>", "' --", "é" * 300),
        *(f"{key}.{many}" for key in stages.values() for many in ("0", "50", "-1", "٣", "999999")),
        *stages.values(),
        str(cycle.pk),
    ]
    for _ in range(300):
        pairs = [(dice.choice(names), dice.choice(values)) for _ in range(dice.randint(1, 5))]
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
        response = client.get(f"{BOARD}?{query}", headers=dice.choice([{}, HX]))
        assert response.status_code in (200, 422), query


@pytest.mark.parametrize(
    "board",
    ["\0", "x" * 100_000, "&" * 1500, "%ff%00", "sales_cycle=999", "more=.&order=luck", "stage=1e3", "é" * 5000, "="],
    ids=lambda board: repr(board[:20]),
)
def test_any_board_in_a_form(client: Client, make: Make, stages: dict[int, str], board: str) -> None:
    """The move is done, or nothing is and the answer says 400: never half."""
    deal = make(stage=1)
    response = post(client, deal, "move", to=stages[2], board=board)
    assert response.status_code in (200, 400)
    assert fresh(deal).version == (3 if response.status_code == 200 else 2)
    response = post(client, deal, "move", to=stages[3], board=board, headers={})
    assert response.status_code in (302, 400)
    assert len(response.get("Location", "")) < 15_000
    for address in (f"/opportunities/{deal.pk}/card/", f"{BOARD}changes/", f"{BOARD}new/"):
        assert client.get(address, {"board": board, "since": "1"}, headers=HX).status_code in (200, 400)


@pytest.mark.parametrize("since", ["", "\0", "-1", "9" * 18, "9" * 30, "٣", "x"])
def test_any_since(client: Client, make: Make, since: str) -> None:
    make(stage=1)
    response = client.get(f"{BOARD}changes/", {"since": since, "own": since, "board": ""}, headers=HX)
    assert (response.status_code, response.content.strip()) == (200, b"")


def test_a_card_of_a_key_beyond_all(client: Client, make: Make) -> None:
    make()
    response = client.get(f"/opportunities/{'9' * 25}/card/?board=", headers=HX)
    assert response.status_code == 200 and f'data-gone="{"9" * 25}"' in response.content.decode()


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("who", "seen", "status"),
    [("rep", True, 200), ("rep2", False, 200), ("manager", True, 200), ("viewer", True, 200), ("outsider", False, 200)],
)
def test_cards_totals_changes_and_card(
    request: pytest.FixtureRequest,
    client_for: Sign,
    make: Make,
    stages: dict[int, str],
    rep2: User,
    who: str,
    seen: bool,
    status: int,
) -> None:
    deal = make(stage=1, description="Velvet thrones")
    client = client_for(request.getfixturevalue(who))
    response = client.get(BOARD)
    assert response.status_code == status
    assert shown(response) == ([deal.pk] if seen else [])
    assert columns(response)[stages[1]].totals.count == int(seen)
    assert next(figure["count"] for figure in response.context["strip"]) == int(seen)
    card = client.get(f"/opportunities/{deal.pk}/card/?board=", headers=HX).content.decode()
    assert ("Velvet thrones" in card) is seen and (f'data-gone="{deal.pk}"' in card) is not seen
    changes = words(client.get(f"{BOARD}changes/?since=0&board=", headers=HX))
    assert ("1 opportunity was changed by somebody else." in changes) is seen


@pytest.mark.parametrize(("who", "may"), [("rep", True), ("manager", True), ("viewer", False), ("outsider", False)])
def test_only_who_may_change_is_offered_to(
    request: pytest.FixtureRequest, client_for: Sign, make: Make, stages: dict[int, str], who: str, may: bool
) -> None:
    deal = make(stage=1)
    client = client_for(request.getfixturevalue(who))
    page = client.get(BOARD).content.decode()
    for offer in ("data-may-change", f"/opportunities/{deal.pk}/move/?board=", "data-quick-open"):
        assert (offer in page) is may
    status = post(client, deal, "move", to=stages[2]).status_code
    assert status == {"viewer": 403, "outsider": 404}.get(who, 200)
    assert fresh(deal).version == (3 if may else 2)
    assert client.get(f"{BOARD}new/").status_code == (200 if may else 403)
    assert client.post(f"{BOARD}new/", {"description": "X"}).status_code == (422 if may else 403)


def test_initials_stand_on_the_card_unless_the_view_says_whose_it_is(
    client_for: Sign, manager: User, rep: User, make: Make, jo: Salesperson
) -> None:
    make(stage=1)
    title = '<span class="initials" title="Jim Olive">'
    assert title in client_for(manager).get(BOARD).content.decode()
    assert title not in client_for(manager).get(f"{BOARD}?salesperson={jo.pk}").content.decode()
    assert title not in client_for(rep).get(BOARD).content.decode()


def test_changes_counts_others_opportunities_once_and_not_my_own(
    client: Client, make: Make, manager: User, today: datetime.date, stages: dict[int, str], of: Salesperson
) -> None:
    one, other, foreign = make(stage=1), make(stage=1), make(stage=1, salesperson=of)
    since = client.get(BOARD).context["newest"]
    assert since == OpportunityEntry.objects.latest("pk").pk
    mine = post(client, other, "move", to=stages[2])
    own = re.search(r'data-own="(\d+)"', mine.content.decode())
    assert own and int(own.group(1)) == OpportunityEntry.objects.latest("pk").pk

    def changed() -> str:
        address = f"{BOARD}changes/?since={since}&own=x,{own.group(1)}&board=q%3DChairs"
        return words(client.get(address, headers=HX))

    for deal in (one, one, foreign):
        seen = fresh(deal)
        lifecycle.revise(seen, version=seen.version, estimated_value=Decimal(seen.version), on=today, by=manager)
        assert changed() == "1 opportunity was changed by somebody else. Refresh"
    seen = fresh(other)
    lifecycle.revise(seen, version=seen.version, on=today, by=manager)
    assert changed() == "2 opportunities were changed by others. Refresh"


# ── verbs from the board ─────────────────────────────────────────────────────────────────────────────────────────────


def answered(response: Any, deal: Opportunity, at: str, version: int) -> None:
    """The card as it stands now, all headers, the strip; nothing takes the place of what was clicked."""
    text = response.content.decode()
    assert response["HX-Reswap"] == "none"
    card = re.search(rf'id="card-{deal.pk}" data-pk="{deal.pk}" data-version="(\d+)" data-at="(\w+)"', text)
    assert card and card.groups() == (str(version), at)
    assert '<div id="strip" hx-swap-oob="innerHTML">' in text and '<div id="arrivals" hx-swap-oob="beforeend">' in text
    heads = re.findall(r'<div id="head-(\w+)" hx-swap-oob="innerHTML">', text)
    stages = Stage.objects.filter(sales_cycle=deal.sales_cycle_id).order_by("number")
    assert heads == ["not_started", *(str(stage.pk) for stage in stages), "won", "lost"]
    assert [str(fault) for fault in faults()] == []


def said(response: Any) -> str:
    """All messages beside the answer."""
    text = response.content.decode().partition('hx-swap-oob="beforeend:#messages"')[2]
    found = re.findall(r'class="message-text">(.*?)</div>', text, re.DOTALL)
    return html.unescape(" ".join(found)).replace("\u2060", "")


def test_start_next_back_and_undo(client: Client, make: Make, stages: dict[int, str]) -> None:
    deal = make()
    response = post(client, deal, "start", to=stages[1])
    answered(response, deal, stages[1], 2)
    assert said(response) == "Started: Initial. Weighted value +€20.00."
    response = post(client, deal, "move", to=stages[2])
    answered(response, deal, stages[2], 3)
    assert said(response) == "Next: Present. Weighted value +€220.00."
    column = columns(client.get("/opportunities/board/"))
    assert [column[stages[number]].totals.count for number in (1, 2)] == [0, 1]
    assert f'data-own="{deal.entries.get(step=3).pk}"' in response.content.decode()
    response = post(client, deal, "move", to=stages[1])
    answered(response, deal, stages[1], 4)
    response = post(client, deal, "undo")
    answered(response, deal, stages[2], 5)
    assert said(response) == "Undone. Weighted value +€220.00."
    assert ledger(deal) == [("created", 1), ("started", 2), ("next", 3), ("previous", 4), ("undone", 5)]


@both_ways
def test_a_refused_skip_says_why(client: Client, make: Make, stages: dict[int, str], headers: dict[str, str]) -> None:
    deal = make(stage=1)
    response = post(client, deal, "move", headers, to=stages[3])
    assert response.status_code == 422
    if headers:
        answered(response, deal, stages[1], 2)
        assert said(response) == "“Chairs” was not moved. The stage “Present” cannot be skipped."
        assert "data-ask" not in response.content.decode()
    else:
        assert "The stage “Present” cannot be skipped." in words(response)
        assert f'href="{BOARD}"' in response.content.decode()
    assert ledger(deal) == [("created", 1), ("started", 2)]


def test_a_stage_that_needs_a_quote(client: Client, make: Make, cycle: SalesCycle, stages: dict[int, str]) -> None:
    cycle.stages.filter(number=2).update(quote_required=True)
    deal = make(stage=1)
    response = post(client, deal, "move", to=stages[2])
    assert response.status_code == 422
    answered(response, deal, stages[1], 2)
    assert "The stage “Present” needs a quote." in response.content.decode()
    lacks = '<li [^>]*data-lacks="quote"'
    assert len(re.findall(lacks, response.content.decode())) == 1
    QuoteFactory(opportunity=deal)
    page = client.get(BOARD).content.decode()
    assert re.findall(lacks, page) == []
    response = post(client, deal, "move", to=stages[2])
    answered(response, deal, stages[2], 3)
    assert re.findall(lacks, response.content.decode()) == []


def test_without_a_closing_date_the_start_proposes_its_own_day(
    client: Client, make: Make, today: datetime.date
) -> None:
    """R-EST-DATE: the card need not ask."""
    deal = make(closing_on=None)
    assert post(client, deal, "start").status_code == 200
    assert fresh(deal).closing_on == today
    assert ledger(deal) == [("created", 1), ("started", 2)]


def test_a_missing_value_is_asked_for_on_the_card(client: Client, make: Make, stages: dict[int, str]) -> None:
    deal = make(estimated_value=None)
    response = post(client, deal, "start")
    assert response.status_code == 422
    answered(response, deal, "not_started", 1)
    form = asked(response)
    assert form["fields"] == ["estimated_value"] and form["hidden"] == {"board": "", "version": "1"}
    assert form["action"] == f"/opportunities/{deal.pk}/start/"
    response = post(client, deal, "start", estimated_value="-5")
    assert response.status_code == 422 and asked(response)["fields"] == ["estimated_value"]
    assert 'value="-5"' in response.content.decode()
    response = post(client, deal, "start", estimated_value="77.50")
    answered(response, deal, stages[1], 2)
    assert fresh(deal).estimated_value == Decimal("77.50")


def test_a_closing_date_that_has_passed_is_asked_for_on_the_card(
    client: Client, make: Make, stages: dict[int, str], today: datetime.date
) -> None:
    deal = make(stage=1, closing_on=today - datetime.timedelta(days=1))
    response = post(client, deal, "move", to=stages[2], board="q=Chairs&order=-created_on")
    assert response.status_code == 422
    form = asked(response)
    assert form["fields"] == ["closing_on"]
    assert form["hidden"] == {"board": "q=Chairs&order=-created_on", "version": "2", "to": stages[2]}
    response = client.post(form["action"], form["hidden"] | {"closing_on": str(today)}, headers=HX)
    answered(response, deal, stages[2], 3)
    assert ledger(deal)[2:] == [("next", 3)]


def asked(response: Any) -> dict[str, Any]:
    """The form on the card: where it goes, its visible fields, its hidden ones but the token."""
    text = response.content.decode().partition("data-ask")[2].partition("</form>")[0]
    inputs = re.findall(r"<(?:input|select|textarea)[^>]*>", text)
    named = [(re.search(r'name="(\w+)"', each), re.search(r'value="([^"]*)"', each), each) for each in inputs]
    hidden = {
        name.group(1): html.unescape(value.group(1))
        for name, value, each in named
        if name and value and "hidden" in each
    }
    hidden.pop("csrfmiddlewaretoken", None)
    found = re.search(r'hx-post="([^"]+)"', text)
    fields = [name.group(1) for name, _, each in named if name and 'type="hidden"' not in each]
    return {"action": found.group(1) if found else "", "fields": fields, "hidden": hidden}


@both_ways
def test_somebody_was_faster(
    client: Client,
    make: Make,
    stages: dict[int, str],
    manager: User,
    today: datetime.date,
    headers: dict[str, str],
) -> None:
    deal = make(stage=1)
    lifecycle.move(deal, version=2, to=Stage.objects.get(pk=stages[2]), on=today, by=manager)
    response = post(client, deal, "move", headers, to=stages[2], version=2)
    assert response.status_code == 409
    if headers:
        answered(response, deal, stages[2], 3)
        assert said(response) == "“Chairs” was not moved. Manager: Next: Present."
    else:
        assert "Someone was faster" in words(response)
    assert ledger(deal) == [("created", 1), ("started", 2), ("next", 3)]


@both_ways
def test_somebody_started_it(
    client: Client, make: Make, stages: dict[int, str], manager: User, today: datetime.date, headers: dict[str, str]
) -> None:
    deal = make()
    lifecycle.start(deal, version=1, on=today, by=manager)
    response = post(client, deal, "start", headers, to=stages[1], version=1)
    assert response.status_code == 409
    if headers:
        answered(response, deal, stages[1], 2)
        assert said(response) == "“Chairs” was not moved. Manager: Started: Initial."
    assert ledger(deal) == [("created", 1), ("started", 2)]


def test_somebody_closed_it(
    client: Client, make: Make, stages: dict[int, str], manager: User, today: datetime.date, price_l: CloseCode
) -> None:
    deal = make(stage=1)
    lifecycle.close(deal, version=2, outcome="lost", close_code=price_l, on=today, by=manager)
    response = post(client, deal, "move", to=stages[2], version=2)
    assert response.status_code == 409
    answered(response, deal, "lost", 3)
    assert "Manager: Lost." in said(response)
    response = post(client, deal, "move", to=stages[2])
    assert response.status_code == 422
    answered(response, deal, "lost", 3)
    assert said(response) == "“Chairs” was not moved. The opportunity is closed. Reopen it first."
    assert ledger(deal)[2:] == [("lost", 3)]


@both_ways
def test_the_stage_was_deleted(client: Client, make: Make, stages: dict[int, str], headers: dict[str, str]) -> None:
    deal = make(stage=1)
    Stage.objects.get(pk=stages[2]).delete()
    response = post(client, deal, "move", headers, to=stages[2], board=f"more={stages[2]}.50")
    assert response.status_code == 422
    if headers:
        answered(response, deal, stages[1], 2)
        assert "This stage is not part of the sales cycle (any more)." in said(response)
        assert f"head-{stages[2]}" not in response.content.decode()
    assert ledger(deal) == [("created", 1), ("started", 2)]


@both_ways
def test_it_was_given_to_somebody_else(
    client: Client,
    make: Make,
    stages: dict[int, str],
    of: Salesperson,
    manager: User,
    today: datetime.date,
    headers: dict[str, str],
) -> None:
    deal = make(stage=1)
    lifecycle.reassign(deal, version=2, salesperson=of, on=today, by=manager)
    response = post(client, deal, "move", headers, to=stages[2], version=2)
    assert response.status_code == 404
    text = response.content.decode()
    assert "Chairs" not in text
    if headers:
        assert f'<li data-gone="{deal.pk}"></li>' in text and response["HX-Reswap"] == "none"
        assert said(response) == "This opportunity is not there any more, or no longer yours to see."
        assert text.count('<p class="column-count"><strong>0</strong>') == 7
    else:
        assert "data-gone" not in text
    assert ledger(deal)[2:] == [("reassigned", 3)]


def test_giving_it_away_takes_the_card_away(client: Client, make: Make, of: Salesperson) -> None:
    deal = make(stage=1)
    response = post(client, deal, "reassign", salesperson=of.pk)
    assert response.status_code == 200
    assert f'<li data-gone="{deal.pk}"></li>' in response.content.decode()
    assert "no longer yours to see" in said(response)


def test_a_move_out_of_the_filter_takes_the_card_away(client: Client, make: Make, stages: dict[int, str]) -> None:
    deal = make(stage=1)
    response = post(client, deal, "move", to=stages[2], board=f"stage={stages[1]}")
    assert response.status_code == 200 and fresh(deal).version == 3
    assert f'<li data-gone="{deal.pk}"></li>' in response.content.decode()


def test_won_by_the_form(client: Client, make: Make, stages: dict[int, str], price_w: CloseCode) -> None:
    deal = make(stage=1)
    form = client.get(f"/opportunities/{deal.pk}/close/?outcome=won&board=q%3DChairs", headers=HX).content.decode()
    assert '<input type="hidden" name="board" value="q=Chairs">' in form
    refused = post(client, deal, "close", outcome="won", board="q=Chairs")
    assert refused.status_code == 422
    assert '<input type="hidden" name="board" value="q=Chairs">' in refused.content.decode()
    assert "HX-Reswap" not in refused
    response = post(client, deal, "close", outcome="won", sales_value="950", board="q=Chairs&more=won.25")
    answered(response, deal, "won", 3)
    assert said(response) == "Won. Open value −€1,000.00, weighted value −€20.00, won value +€950.00."
    won = columns(client.get("/opportunities/board/?q=Chairs"))["won"].totals
    assert (won.count, won.value) == (1, 950)
    response = post(client, deal, "undo")
    answered(response, deal, stages[1], 4)
    assert ledger(deal) == [("created", 1), ("started", 2), ("won", 3), ("undone", 4)]


def test_the_way_back_without_scripts(
    client: Client, make: Make, stages: dict[int, str], price_l: CloseCode, of: Salesperson
) -> None:
    deal = make()
    query = f"q=Chairs&order=-created_on&more={stages[1]}.50"
    back = f"{BOARD}?{query}#card-{deal.pk}"
    sent: tuple[tuple[str, dict[str, Any]], ...] = (
        ("start", {}),
        ("move", {"to": stages[2]}),
        ("undo", {}),
        ("close", {"outcome": "lost"}),
        ("reopen", {"to": stages[1], "reason": "again", "closing_on": "2999-01-01"}),
        ("reassign", {"salesperson": of.pk}),
    )
    for verb, values in sent:
        response = post(client, deal, verb, {}, board=query, **values)
        assert (response.status_code, response["Location"]) == (302, back), verb
    page = client.get(f"{BOARD}?{query}")
    assert "Started: Initial." in words(page) and "no longer yours to see" in words(page)
    assert [action for action, _ in ledger(deal)] == [
        *("created", "started", "next", "undone", "lost", "reopened", "reassigned")
    ]


def test_the_card_again(client: Client, make: Make, stages: dict[int, str]) -> None:
    deal = make(stage=2)
    response = client.get(f"/opportunities/{deal.pk}/card/?board=", headers=HX)
    answered(response, deal, stages[2], 3)
    on_page = re.search(rf'<li class="deal" id="card-{deal.pk}".*?</li>', client.get(BOARD).content.decode(), re.DOTALL)
    assert on_page and on_page.group(0) in response.content.decode()
    moved = post(client, deal, "move", to=stages[1]).content.decode()
    on_page = re.search(rf'<li class="deal" id="card-{deal.pk}".*?</li>', client.get(BOARD).content.decode(), re.DOTALL)
    assert on_page and on_page.group(0) in moved
    plain = client.get(f"/opportunities/{deal.pk}/card/?board=q%3DChairs")
    assert plain["Location"] == f"{BOARD}?q=Chairs#card-{deal.pk}"


@pytest.mark.parametrize("address", [BOARD, f"{BOARD}changes/", "/opportunities/1/card/"])
def test_reading_addresses_take_no_post(client: Client, company: Company, address: str) -> None:
    assert client.post(address, {"board": ""}).status_code == 405
