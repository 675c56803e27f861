"""Search, as a page and as the options of the palette: what it finds, for whom, at which cost."""

import html
import random
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
from tests.factories import (
    ContactFactory,
    QuoteFactory,
    SalespersonFactory,
    TeamFactory,
    fresh,
    make_opportunity,
)

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
        assert len(seen) == (9 if rows else 2)
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
        assert len(seen) == 10  # session, user; opportunities and contacts twice; quotes, salespeople, teams, views
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
        ("manager", 21, 9),
        ("rep", 18, 8),
        ("viewer", 18, 4),
        ("outsider", 8, 4),
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


def test_quotes_salespeople_and_teams(
    client_for: Sign, rep: User, rep2: User, outsider: User, make: Callable[..., Opportunity], jo: Salesperson
) -> None:
    QuoteFactory(number="QU000077", opportunity=make(description="Thrones", stage=1), net_amount=1250)
    SalespersonFactory(name="Émile Müller", code="EM", job_title="Closer")
    TeamFactory(name="Équipe Nord", code="NORD", members=[jo])
    for typed, kind, labels in (
        ("qu000077", "quotes", ["QU000077"]),
        ("QU0000", "quotes", ["QU000077"]),
        ("emile", "salespeople", ["Émile Müller"]),
        ("muller clo", "salespeople", ["Émile Müller"]),
        ("nord equ", "teams", ["Équipe Nord"]),
    ):
        assert found(client_for(rep).get("/search/", {"q": typed}))[kind] == labels, typed
        assert kind not in found(client_for(outsider).get("/search/", {"q": typed})), typed
    assert "quotes" not in found(client_for(rep2).get("/search/?q=qu000077"))
    assert "€1,250.00 · " in words(client_for(rep).get("/search/?q=qu000077"))


@pytest.mark.parametrize(
    "typed",
    [
        *("+358 9 5550 1004", "00358955501004", "358 (9) 555-01004", "+358 9 555", "3589555", "09 5550 1004"),
        *("(09) 555", "9555 01", "95550", "1004", "01004", "040 123 4567", "4567", "+358 40", "ann 1004", "1004 ann"),
    ],
)
def test_a_telephone_number_finds_its_contact_and_the_opportunity(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], ann: Contact, typed: str
) -> None:
    make(description="New thrones", contact=ann)
    Contact.objects.filter(pk=ann.pk).update(phone="+358955501004", mobile="+358401234567")
    response = client_for(rep).get("/search/", {"q": typed}, headers=HX)
    assert found(response)["contacts"] == ["Ann Lee"]
    assert found(response)["opportunities"] == ["New thrones"]


@pytest.mark.parametrize("typed", ["004", "5550", "5501", "1005", "+46 9 555", "08 555"])
def test_other_digits_find_nobody(client_for: Sign, rep: User, ann: Contact, typed: str) -> None:
    """Fewer than four of the last digits, some from the middle, another country."""
    Contact.objects.filter(pk=ann.pk).update(phone="+358955501004")
    assert "contacts" not in found(client_for(rep).get("/search/", {"q": typed}, headers=HX))


@pytest.mark.parametrize(
    ("phone", "typed"),
    [
        *(("+12025550123", "202 555 0123"), ("+442079460018", "020 7946 0018"), ("+390612345678", "06 1234 5678")),
        *(("+37212345678", "1234 5678"), ("+79161234567", "916 123"), ("+972501234567", "050-123 45 67")),
    ],
)
def test_as_in_its_own_country(client_for: Sign, rep: User, ann: Contact, phone: str, typed: str) -> None:
    Contact.objects.filter(pk=ann.pk).update(phone=phone)
    assert found(client_for(rep).get("/search/", {"q": typed}))["contacts"] == ["Ann Lee"]


@pytest.mark.parametrize(
    "typed", ["ann.lee@acme.example", "ANN.LEE@", "ann.lee", "acme.exa", "@acme.exa", "AL@second.example"]
)
def test_an_e_mail_finds_its_contact(client_for: Sign, rep: User, ann: Contact, typed: str) -> None:
    Contact.objects.filter(pk=ann.pk).update(email="ann.lee@acme.example", email_2="al@second.example")
    assert found(client_for(rep).get("/search/", {"q": typed}))["contacts"] == ["Ann Lee"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("acme.example", {"Ann Lee", "Acme.Example Oy"}),
        ("ACME.Example", {"Ann Lee", "Acme.Example Oy"}),
        ("acme.exam", {"Ann Lee", "Acme.Example Oy"}),
        ("acme.example oy", {"Acme.Example Oy"}),
        ("lee acme.example", {"Ann Lee"}),
        ("shop.acme.example", set()),
        ("ann.le", {"Ann Lee"}),
        ("st.gallen", {"St. Gallen"}),
        ("st.gall", {"St. Gallen"}),
        ("acme.fi", set()),
    ],
)
def test_a_domain_without_its_mark(client_for: Sign, rep: User, ann: Contact, typed: str, expected: set[str]) -> None:
    Contact.objects.filter(pk=ann.pk).update(email="ann.lee@acme.example")
    for name in ("Acme.Example Oy", "St. Gallen"):
        ContactFactory(name=name)
    assert set(found(client_for(rep).get("/search/", {"q": typed})).get("contacts", [])) == expected


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        *(("Émile Zola", "emile"), ("Emile Zola", "émile"), ("Jürgen Müller", "muller"), ("Nguyễn Văn", "nguyen")),
        *(("E\u0301mile", "emile"), ("Smørrebrød", "smorre"), ("Łódź", "lodz")),
    ],
)
def test_case_and_accents_do_not_count(client_for: Sign, rep: User, name: str, typed: str) -> None:
    ContactFactory(name=name)
    assert found(client_for(rep).get("/search/", {"q": typed}))["contacts"] == [name]


def test_words_from_different_places(
    client_for: Sign, rep: User, make: Callable[..., Opportunity], ann: Contact
) -> None:
    """Of the opportunity, its contact and its company; also after any of them got another name."""
    deal = make(description="New thrones", contact=ann)
    client = client_for(rep)

    def deals(typed: str) -> list[str]:
        return found(client.get("/search/", {"q": typed})).get("opportunities", [])

    assert deals("throne ann") == deals("acme ann thr") == deals("lee acme") == ["New thrones"]
    assert deals("throne bo") == []
    Contact.objects.filter(pk=ann.pk).update(name="Bo Lee", first_name="")
    assert (deals("throne bo"), deals("throne ann")) == (["New thrones"], [])
    lifecycle.edit(fresh(deal), version=1, description="Old chairs", on=deal.created_on, by=rep)
    assert (deals("chairs bo"), deals("throne bo")) == (["Old chairs"], [])
    beta = ContactFactory(name="BETA")
    lifecycle.reassign(fresh(deal), version=2, contact=beta, on=deal.created_on, by=rep)
    assert (deals("chairs beta"), deals("chairs bo"), deals("chairs acme")) == (["Old chairs"], [], [])


def test_what_very_many_have_is_cut(
    client_for: Sign, rep: User, monkeypatch: pytest.MonkeyPatch, company: Company
) -> None:
    monkeypatch.setattr("crm.search.COUNTED", 30)
    ContactFactory.create_batch(30, name="Alder", city="")
    page = client_for(rep).get("/search/?q=ald")
    assert "30 results" in words(page) and "All 30 contacts" in words(page)
    ContactFactory(name="Alder", number="ALD1")
    page = client_for(rep).get("/search/?q=ald")
    assert "More than 30 results" in words(page) and "All 3" not in words(page) and "Show all" in words(page)
    assert len(found(page)["contacts"]) == 20
    first = Contact.objects.order_by("pk")[0]
    response = client_for(rep).get("/search/", {"q": first.number})
    assert response.context["results"].groups[0].hits[0].url == first.get_absolute_url()


@pytest.mark.parametrize("typed", ["anna lind", "ÅNNA Lind", "lind anna"])
def test_of_very_many_with_two_words_the_first_by_name(
    client_for: Sign, rep: User, monkeypatch: pytest.MonkeyPatch, company: Company, typed: str
) -> None:
    monkeypatch.setattr("crm.search.COUNTED", 3)
    first = {"Anná Lindholm", "Anna Lind-Berg", "Anna Lindgård", "Anna Lindström"}
    for name in ("Anna Lindvik", *first):
        ContactFactory(name=name)
    gone = ContactFactory(name="Anna Lind")
    Contact.objects.filter(pk=gone.pk).update(merged_into=Contact.objects.get(name="Anna Lindvik"))
    ContactFactory(name="Lena Lind", city="Anna")
    page = client_for(rep).get("/search/", {"q": typed})
    assert set(found(page)["contacts"]) == first
    assert "More than 3 results" in words(page)


@pytest.mark.parametrize(
    ("typed", "begun"),
    [
        *(
            ("anna lind", {"Anna Lindvik", "Ånna-Lind", "Lind, Anna"}),
            ("LIND ánn", {"Lind, Anna"}),
            ("ann lind", {"Lind, Anna"}),
        ),
        *(("anna", set()), ("anna@x.fi lind", set()), ("anna lind.fi", set()), ("anna 1004", set())),
    ],
)
def test_how_names_begin(company: Company, typed: str, begun: set[str]) -> None:
    for name in ("Anna Lindvik", "Ånna-Lind", "Annabel Lind", "Lind, Anna", "Anna 1004", "Anna Z Lind"):
        ContactFactory(name=name)
    found_by = [set(rows.values_list("name", flat=True)) for rows in Contact.objects.beginning_with(typed)]
    assert set().union(*found_by) == begun <= set(Contact.objects.search(typed).values_list("name", flat=True))


@pytest.mark.slow
def test_thousands_of_random_texts(client_for: Sign, rep: User, rep2: User, make: Callable[..., Opportunity]) -> None:
    """No trouble, and never a row of somebody else's."""
    hidden = make(description="Velvet thrones", number="OPHIDDEN")
    client, chance = client_for(rep2), random.Random(7)
    marks = "abc velthron OPHID 0123456789 +()-.@'\"\\%_:*&|!<>~#\0\u0301éßıÅ中ع💥\u202e"
    for nth in range(3000):
        typed = "".join(chance.choices(marks, k=chance.randint(1, 30)))
        assert not Opportunity.objects.visible_to(rep2).search(typed.replace("\0", "")).exists(), typed
        if nth % 20:
            continue
        response = client.get("/search/", {"q": typed}, headers=HX if nth % 40 else {})
        assert response.status_code == 200, typed
        assert hidden.get_absolute_url() not in response.content.decode(), typed


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
