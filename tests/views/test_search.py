"""Search, as a page and as the options of the palette: what it finds, for whom, at which cost."""

import html
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
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, SavedView, User
from tests.factories import ContactFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def make(company: Company, jo: Salesperson, cycle: SalesCycle, acme: Contact) -> Callable[..., Opportunity]:
    def opportunity(**values: Any) -> Opportunity:
        return make_opportunity(**{"contact": acme, "salesperson": jo, "cycle": cycle} | values)

    return opportunity


def found(response: Any) -> dict[str, list[str]]:
    if response.context is not None:
        return {group.key: [str(hit.label) for hit in group.hits] for group in response.context["results"].groups}
    parts = re.split(r'role="group" aria-labelledby="palette-(\w+)"', response.content.decode())[1:]
    return {key: options(part) for key, part in zip(parts[::2], parts[1::2], strict=True)}


def options(markup: str) -> list[str]:
    """Labels of the palette's options, but for those that lead to all."""
    labels = re.findall(r'role="option".*?<span>(.*?)(?: <span class="reason"|</span>)', markup, re.DOTALL)
    return [html.unescape(label) for label in labels if not label.startswith(("All ", "Show all"))]


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@both_ways
def test_every_kind_is_found(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], ann: Contact, headers: dict[str, str]
) -> None:
    deal = make(description="New thrones", contact=ann, number="OP77")
    view = SavedView.objects.create(owner=rep, page="quotes:list", name="Old and new", query="which=current")
    response = client_for(rep).get("/search/", {"q": "new"}, headers=headers)
    assert found(response) == {
        "opportunities": ["New thrones"],
        "views": ["Old and new"],
        "actions": ["New opportunity", "New task", "New contact"],
    }
    page = html.unescape(response.content.decode())
    for url in (deal.get_absolute_url(), view.url, "/opportunities/new/", "/contacts/new/"):
        assert f'href="{url}"' in page
    assert "5 results" in words(response)
    assert "OP77 · ACME · Ann Lee · Not started" in words(response)
    for typed in ("ann", "acme", "op77", "thr new", "ÁNN"):
        assert found(client_for(rep).get("/search/", {"q": typed}, headers=headers))["opportunities"] == ["New thrones"]
    assert found(client_for(rep).get("/search/", {"q": "ann"}, headers=headers))["contacts"] == ["Ann Lee"]


def test_the_palette_waits_for_the_second_character(
    client_for: Sign, rep: User, make: Callable[..., Opportunity]
) -> None:
    make(description="Chairs")
    client = client_for(rep)
    for typed, rows in (("c", False), (" c ", False), ("ch", True), ("c ch", True)):
        with CaptureQueriesContext(connection) as seen:
            response = client.get("/search/", {"q": typed}, headers=HX)
        assert ("opportunities" in found(response)) is rows, typed
        assert len(seen) == (5 if rows else 2)
        assert ("Type two characters" in words(response)) is not rows
    assert found(client.get("/search/", {"q": "c"}))["opportunities"] == ["Chairs"]


@pytest.mark.parametrize("rows", [1, 30])
@pytest.mark.parametrize("who", ["rep", "manager"])
def test_queries(
    request: pytest.FixtureRequest, client_for: Sign, make: Callable[..., Opportunity], rep: User, who: str, rows: int
) -> None:
    for number in range(rows):
        make(contact=ContactFactory(name=f"Chairmakers {number}"))
        given = {"page": "contacts:list", "shared": True, "name": f"Chair {number}"}
        SavedView.objects.create(owner=rep, **given)
    client = client_for(request.getfixturevalue(who))
    client.get("/search/")
    for headers, most in ((HX, 6), ({}, 20)):
        with CaptureQueriesContext(connection) as seen:
            response = client.get("/search/", {"q": "chair"}, headers=headers)
        assert len(seen) == 5  # session, user; opportunities, contacts, views
        counted = {key: len(labels) for key, labels in found(response).items()}
        assert counted == dict.fromkeys(("opportunities", "contacts", "views"), min(rows, most))
        assert f"{3 * rows} results" in words(response)
    with CaptureQueriesContext(connection) as seen:
        client.get("/search/", headers=HX)
    assert len(seen) == 2


@both_ways
def test_all_of_them_are_where_the_link_leads(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], headers: dict[str, str]
) -> None:
    for _ in range(21):
        make(contact=ContactFactory(name="Chair & Co"))
    client = client_for(rep)
    page = client.get("/search/", {"q": "chair & co"}, headers=headers)
    for address, name in (("/opportunities/", "opportunities"), ("/contacts/", "contacts")):
        assert f"All 21 {name}" in words(page)
        link = re.search(rf'href="({address}\?q=[^"]*)"', page.content.decode())
        assert link
        assert client.get(html.unescape(link.group(1))).context["totals"].count == 21


def test_open_ones_first_and_an_exact_number_before_all(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], price_l: CloseCode
) -> None:
    lost = make(number="OP1", description="Lost")
    lifecycle.close(
        fresh(lost), version=1, outcome="lost", close_code=price_l, on=lost.created_on, by=rep, reason="price"
    )
    make(number="OP12", description="Older")
    make(number="OP13", description="Newer")
    client = client_for(rep)
    assert found(client.get("/search/?q=op"))["opportunities"] == ["Newer", "Older", "Lost"]
    assert found(client.get("/search/?q=op1"))["opportunities"] == ["Lost", "Newer", "Older"]
    assert found(client.get("/search/?q=OP1"))["opportunities"] == ["Lost", "Newer", "Older"]


@pytest.mark.parametrize(
    ("who", "deals", "contacts", "views"),
    [("rep", 1, 1, 1), ("rep2", 0, 1, 1), ("manager", 1, 1, 1), ("viewer", 1, 1, 1), ("outsider", 0, 0, 0)],
)
def test_only_what_the_person_may_see(
    request: pytest.FixtureRequest,
    client_for: Sign,
    make: Callable[..., Opportunity],
    administrator: User,
    who: str,
    deals: int,
    contacts: int,
    views: int,
) -> None:
    make(contact=ContactFactory(name="Velvet"))
    for shared in (True, False):
        SavedView.objects.create(owner=administrator, page="opportunities:list", name=f"Velvet {shared}", shared=shared)
    response = client_for(request.getfixturevalue(who)).get("/search/?q=velvet")
    counted = {group.key: group.count for group in response.context["results"].groups}
    expected = {"opportunities": deals, "contacts": contacts, "views": views}
    assert counted == {key: count for key, count in expected.items() if count}


@pytest.mark.parametrize(
    ("who", "pages", "actions"),
    [
        ("manager", 10, 8),
        ("rep", 9, 7),
        ("viewer", 9, 4),
        ("outsider", 5, 4),
    ],
)
def test_pages_and_actions_that_the_person_may(
    request: pytest.FixtureRequest, client_for: Sign, company: Company, who: str, pages: int, actions: int
) -> None:
    client = client_for(request.getfixturevalue(who))
    response = client.get("/search/")
    assert {key: len(labels) for key, labels in found(response).items()} == {"pages": pages, "actions": actions}
    for group in response.context["results"].groups:
        for hit in group.hits:
            if not hit.place.form:
                assert client.get(hit.url).status_code in (200, 302), hit
            assert not hit.place.form or f'id="{hit.place.form}"' in response.content.decode()


@pytest.mark.parametrize("typed", ["sign out", "SIGN", "out s"])
def test_words_of_an_action_in_any_order(client_for: Sign, rep: User, company: Company, typed: str) -> None:
    assert found(client_for(rep).get("/search/", {"q": typed}))["actions"] == ["Sign out"]


@both_ways
@pytest.mark.parametrize(
    "typed",
    [
        *(
            "\0",
            "a\0b",
            "x" * 10_000,
            "é" * 5_000,
            "\u202e\u2066ab\u2069",
            "\u200b",
            "' OR 1=1 --",
            "a & b | !c:*",
            "(((",
        ),
        *("<script>alert(1)</script>", "%", "_", "\\", "٣٣", "💥💥", "a " * 3000, "ﬀ", "İı", "\ud7ff"),
    ],
    ids=lambda typed: ascii(typed[:12]),
)
def test_whatever_is_typed(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], headers: Any, typed: str
) -> None:
    make()
    response = client_for(rep).get("/search/", {"q": typed}, headers=headers)
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()
    assert ("Only the first 200 characters" in words(response)) is (len(typed) > 200)
    for url in re.findall(r'href="(/\w+/\?q=[^"]*)"', response.content.decode()):
        assert client_for(rep).get(html.unescape(url)).status_code == 200


@pytest.mark.parametrize(
    "query", ["q=%ff%fe", "q=a&q=b", "Q=x", "q[]=x", "here=9999999999999&q=ab", "here=x&q=ab", "&" * 500]
)
def test_any_address(client_for: Sign, rep: User, make: Callable[..., Opportunity], query: str) -> None:
    assert client_for(rep).get(f"/search/?{query}", headers=HX).status_code == 200


def test_the_palette_counts_what_its_page_offers(client_for: Sign, rep: User, company: Company) -> None:
    for here, said in (("", "3 results"), ("3", "6 results"), ("500", "102 results")):
        response = client_for(rep).get("/search/", {"q": "new", "here": here}, headers=HX)
        assert words(response).endswith(said)


def test_nothing_was_found(client_for: Sign, rep: User, company: Company) -> None:
    page = client_for(rep).get("/search/?q=zebra")
    assert "0 results" in words(page) and "Nothing was found" in words(page)


def test_only_who_is_signed_in(client: Client) -> None:
    assert client.get("/search/?q=x").headers["Location"] == "/login/?next=/search/%3Fq%3Dx"
    login = client.get("/login/").content.decode()
    assert "palette-field" not in login and "/search/" not in login


def test_every_page_has_a_search(client_for: Sign, outsider: User) -> None:
    for address in ("/", "/keyboard/", "/no/such/page/"):
        page = client_for(outsider).get(address).content.decode()
        assert page.count('action="/search/"') == 2 and "data-palette-open" in page
