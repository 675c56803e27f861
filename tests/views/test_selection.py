"""From opportunity to opportunity in the order of the list, and back; and what the timeline can be narrowed to."""

import datetime
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from crm.lib.listing.address import read
from opportunities import lifecycle
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture
def deals(
    acme: Contact, ann: Contact, beta: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, company: Company
) -> list[Opportunity]:
    """Nine with equal, different and unknown values in every column that a list can be ordered by."""
    today = company.today()
    made = []
    for number, (contact, salesperson, stage, value) in enumerate(
        [
            (acme, jo, 1, 1000),
            (ann, of, None, None),
            (beta, None, None, 500),
            (acme, jo, 2, 1000),
            (beta, of, 1, 700),
            (acme, None, None, None),
            (ann, jo, 3, 500),
            (acme, jo, None, 1000),
            (beta, of, 1, 1000),
        ]
    ):
        given: dict[str, Any] = {
            "contact": contact,
            "salesperson": salesperson,
            "cycle": cycle if stage or number % 2 else None,
            "stage": stage,
            "estimated_value": value,
            "description": "Ångström" if number % 4 == 1 else f"deal {number % 3}",
            "priority": ("high", "normal", "low")[number % 3],
            "closing_on": today + datetime.timedelta(days=number % 3) if stage else None,
        }
        made.append(make_opportunity(**given))
    return [fresh(deal) for deal in made]


SORTED = [column.name for column in OPPORTUNITIES.columns if column.is_sortable]
WORDS = [
    *("", "order=nonsense", "order=-nonsense", "order=-", "order=number&group=nonsense"),
    *(f"order={word}" for word in SORTED),
    *(f"order=-{word}" for word in SORTED),
    "order=-estimated_value,closing_on",
    "order=closing_on,-estimated_value,description",
    "order=salesperson&order=-closing_on",
    "order=-priority,status,-number",
    "group=status",
    "group=stage&order=-estimated_value,closing_on",
    "group=salesperson&order=-salesperson,number",
    "group=contact_city&order=-contact",
]


@pytest.mark.parametrize("query", WORDS)
def test_neighbours_are_those_of_the_list(
    deals: list[Opportunity], query: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = read(OPPORTUNITIES, QueryDict(query), ()).order
    rows = Opportunity.objects.with_names().select_related("stage__sales_cycle")
    keys = [deal.pk for deal in order.sort(rows)]
    beside = dict(zip(keys, zip([None, *keys], [*keys[1:], None], strict=False), strict=True))
    for deal in rows:
        with django_assert_num_queries(2 if "next_step" in query else 1):  # a task of the row is asked for first
            assert order.neighbours(Opportunity.objects.all(), deal) == beside[deal.pk]


def test_what_is_not_among_the_rows_has_no_neighbours(deals: list[Opportunity]) -> None:
    others = Opportunity.objects.exclude(pk=deals[4].pk)
    assert read(OPPORTUNITIES, QueryDict("order=number"), ()).order.neighbours(others, deals[4]) is None


def links(page: str) -> dict[str, str]:
    """The ways that the selection offers, by what they are."""
    part = re.search(r'<nav class="selection".*?</nav>', page, re.DOTALL)
    found = re.findall(
        r'<a class="[^"]*"(?: rel="(\w+)" data-key="(\w)")? href="([^"]*)"', part.group() if part else ""
    )
    return {rel + key: unescape(url) for rel, key, url in found}


def test_walking_the_list(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    """Each link of the list leads to a page from which the whole list can be walked, and back to it."""
    client = client_for(manager)
    query = "q=deal&order=-estimated_value"
    page = client.get(f"/opportunities/?{query}&page=1").content.decode()
    listed = [unescape(url) for url in re.findall(r'<th scope="row"><a href="([^"]+)"', page)]
    assert len(listed) == 7 and all(url.endswith(f"/?{query}") for url in listed)
    walked, url = [], listed[0]
    while url:
        walked.append(url)
        found = links(client.get(url).content.decode())
        assert found[""] == f"/opportunities/?{query}"
        assert found.get("prevk") == (walked[-2] if len(walked) > 1 else None)
        url = found.get("nextj", "")
    assert walked == listed


def test_the_list_without_any_filter_can_be_walked_too(
    client_for: Sign, manager: User, deals: list[Opportunity]
) -> None:
    client = client_for(manager)
    page = client.get("/opportunities/").content.decode()
    first = re.search(r'<th scope="row"><a href="([^"]+)"', page).group(1)
    assert first == f"/opportunities/{deals[-1].pk}/?from=list"
    found = links(client.get(first).content.decode())
    assert found == {"": "/opportunities/", "nextj": f"/opportunities/{deals[-2].pk}/?from=list"}


def test_only_what_is_visible_is_walked(client_for: Sign, rep: User, deals: list[Opportunity]) -> None:
    found = links(client_for(rep).get(f"/opportunities/{deals[3].pk}/?order=number").content.decode())
    assert found["prevk"] == f"/opportunities/{deals[0].pk}/?order=number", "1 and 2 are not the rep's"
    assert found["nextj"] == f"/opportunities/{deals[6].pk}/?order=number", "4 and 5 are not the rep's"


def test_one_outside_of_the_selection_says_nothing_but_the_way_back(
    client_for: Sign, manager: User, deals: list[Opportunity]
) -> None:
    client = client_for(manager)
    page = client.get(f"/opportunities/{deals[0].pk}/?status=not_started").content.decode()
    assert links(page) == {"": "/opportunities/?status=not_started"}
    assert links(client.get(f"/opportunities/{deals[0].pk}/").content.decode()) == {}
    assert links(client.get(f"/opportunities/{deals[0].pk}/?show=moves&field=x").content.decode()) == {}


def test_what_the_timeline_shows_stays_on_the_way(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    page = client_for(manager).get(f"/opportunities/{deals[0].pk}/?order=number&show=facts&page=3").content.decode()
    found = links(page)
    assert found["nextj"] == f"/opportunities/{deals[1].pk}/?order=number&show=facts"
    assert found[""] == "/opportunities/?order=number"


@pytest.mark.parametrize(
    "query",
    [
        "order=evil",
        "status=dead",
        "stage=999999999999999999999999",
        "contact=%00",
        "q=%00%27%22",
        "q=" + "x%20" * 300,
        "closing_from=notadate&value_from=lots",
        "value_to=1e400",
        "salesperson=none&order=-",
        "archived=maybe",
        "from=nowhere",
        "from=board",
        "show=%00&order=%00",
        "order=estimated_value&order=number&show=x",
    ],
)
def test_a_hand_made_address_never_breaks(
    client_for: Sign, manager: User, deals: list[Opportunity], query: str
) -> None:
    for headers in ({}, HX, HX | {"HX-Target": "timeline"}):
        assert client_for(manager).get(f"/opportunities/{deals[0].pk}/?{query}", headers=headers).status_code == 200
    said = HX | {"HX-Current-URL": f"http://testserver/opportunities/{deals[0].pk}/?{query}"}
    data = {"version": fresh(deals[0]).version, "description": f"Tables {query}"[:100]}
    answer = client_for(manager).post(f"/opportunities/{deals[0].pk}/edit/", data, headers=said)
    assert answer.status_code == 200


@pytest.mark.parametrize("who", ["rep", "manager"])
@pytest.mark.parametrize("steps", [1, 20])
def test_queries_do_not_grow(
    client_for: Sign,
    request: pytest.FixtureRequest,
    deals: list[Opportunity],
    steps: int,
    who: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(request.getfixturevalue(who))
    for step in range(steps):
        lifecycle.edit(
            fresh(deals[0]), version=2 + step, description=f"Chairs {step}", on=Company.current().today(), by=None
        )
    # session, user, opportunity, stages, entries, what hangs on it, quotes; neighbours
    with django_assert_num_queries(8):
        page = client.get(f"/opportunities/{deals[0].pk}/?status=open&order=-estimated_value").content.decode()
    assert "nextj" in links(page)


# ── the timeline ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def told(
    acme: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, price_l: CloseCode, company: Company
) -> Any:
    """Every kind of step, a revision taken back among them."""
    today = company.today()
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, on=today)
    for verb, values in (
        (lifecycle.revise, {"estimated_value": 5, "on": today}),
        (lifecycle.undo, {}),
        (lifecycle.edit, {"description": "Tables", "on": today}),
        (lifecycle.reassign, {"salesperson": of, "on": today}),
        (lifecycle.close, {"outcome": "lost", "close_code": price_l, "on": today}),
    ):
        deal = fresh(deal)
        verb(deal, version=deal.version, by=None, **values)
    return deal


def steps(page: str) -> list[str]:
    return re.findall(r'<div class="timeline-head"><strong>(\w+)', page)


def chosen(page: str) -> list[str]:
    return re.findall(r'aria-current="true">([^<]+)</a>', page.split('class="choices"')[1].split("</nav>")[0])


KINDS = ("moves", "estimates", "facts", "comments", "talks", "tasks")


@pytest.mark.parametrize(
    ("show", "choice", "shown"),
    [
        ("", "All", ["Lost", "Reassigned", "Edited", "Undone", "Revised", "Next", "Started", "Created"]),
        ("nonsense", "All", ["Lost", "Reassigned", "Edited", "Undone", "Revised", "Next", "Started", "Created"]),
        ("moves", "Moves", ["Lost", "Next", "Started", "Created"]),
        ("estimates", "Estimates", ["Undone", "Revised"]),
        ("facts", "Facts", ["Reassigned", "Edited"]),
    ],
)
def test_the_timeline_narrowed(
    client_for: Sign, manager: User, told: Opportunity, show: str, choice: str, shown: list[str]
) -> None:
    client = client_for(manager)
    url = f"{told.get_absolute_url()}?status=closed&show={show}"
    page = client.get(url).content.decode()
    fragment = client.get(url, headers=HX | {"HX-Target": "timeline"}).content.decode()
    assert (steps(page), chosen(page)) == (shown, [choice])
    assert fragment.strip().startswith('<div id="timeline">') and fragment.split("csrf")[0].strip() in page
    links = [unescape(url) for url in re.findall(r'class="choice" href="([^"]+)"', page)]
    assert links == [
        f"{told.get_absolute_url()}?status=closed{end}" for end in ("", *(f"&show={kind}" for kind in KINDS))
    ]


def test_an_empty_choice_says_so(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    page = client_for(manager).get(f"{deals[1].get_absolute_url()}?show=estimates").content.decode()
    assert steps(page) == [] and "No step of this kind yet." in page


def test_a_step_keeps_what_the_timeline_shows(client_for: Sign, manager: User, told: Opportunity) -> None:
    told = fresh(told)
    here = HX | {"HX-Current-URL": f"http://testserver{told.get_absolute_url()}?order=number&show=facts"}
    data = {"version": told.version, "description": "Desks"}
    page = client_for(manager).post(f"{told.get_absolute_url()}edit/", data, headers=here).content.decode()
    assert (steps(page), chosen(page)) == (["Edited", "Reassigned", "Edited"], ["Facts"])
    assert f'href="{told.get_absolute_url()}?order=number"' in page
