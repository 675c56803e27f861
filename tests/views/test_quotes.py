"""The pages of quotes: a quote is seen by whoever sees its opportunity."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from quotes import lifecycle
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import WORK_DATE, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
HUGE = "99999999999999999999"


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1)


@pytest.fixture
def quote(deal: Opportunity) -> Quote:
    return add(deal, "Q1")


def add(deal: Opportunity, number: str = "") -> Quote:
    return lifecycle.add(opportunity=deal, quoted_on=WORK_DATE, net_amount=Decimal(250), number=number)


def typed(deal: Opportunity, **values: Any) -> dict[str, Any]:
    return {"opportunity": deal.pk, "quoted_on": "2026-03-02", "net_amount": "1.234,50"} | values


def edited(client: Client, quote: Quote, **values: Any) -> dict[str, Any]:
    version = client.get(f"/quotes/{quote.pk}/").context["form"].version
    return {"number": "Q1", "quoted_on": "2026-03-02", "net_amount": "250", "version": version} | values


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, quote: Quote) -> None:
    client = client_for(rep)
    page, fragment = client.get("/quotes/"), client.get("/quotes/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert fragment.content.decode().strip() in page.content.decode()
    for words in ("Q1", "Chairs", "ACME", "Jim Olive", "€250.00", "1 quote"):
        assert words in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Q2", "Q1"]),
        ("order=number", ["Q1", "Q2"]),
        ("which=current", ["Q2"]),
        ("which=former", ["Q1"]),
        ("q=chairs+q1", ["Q1"]),
        ("q=nothing", []),
    ],
)
def test_list_filters_and_sorts(
    client_for: Sign, rep: User, deal: Opportunity, quote: Quote, query: str, found: list[str]
) -> None:
    add(deal, "Q2")
    answer = client_for(rep).get(f"/quotes/?{query}")
    assert [shown["number"] for shown in answer.context["page"]] == found


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("page=2", 200, "left them out: page"),
        (f"before={HUGE}", 200, f"before={HUGE}"),
        ("order=evil", 200, "order=evil"),
        ("which=best", 422, "best is not one of the available choices"),
        ("q=%00", 422, "Null characters are not allowed"),
    ],
)
def test_hand_made_addresses_are_answered_in_words(
    client_for: Sign, rep: User, query: str, status: int, said: str
) -> None:
    answer = client_for(rep).get(f"/quotes/?{query}")
    assert answer.status_code == status
    assert said in answer.content.decode()


ADDRESSES = ["/quotes/{quote}/", "/quotes/new/?opportunity={deal}"]
MAY = {
    "rep": [200, 200],
    "rep2": [404, 404],
    "manager": [200, 200],
    "administrator": [200, 200],
    "viewer": [200, 403],
    "outsider": [404, 403],
}


@pytest.mark.parametrize("who", MAY)
def test_who_may_open_what(
    client_for: Sign, request: pytest.FixtureRequest, deal: Opportunity, quote: Quote, who: str
) -> None:
    client = client_for(request.getfixturevalue(who))
    names = {"quote": quote.pk, "deal": deal.pk}
    assert [client.get(address.format(**names)).status_code for address in ADDRESSES] == MAY[who]
    listed = client.get("/quotes/")
    assert listed.status_code == (403 if who == "outsider" else 200)
    assert ("Q1" in listed.content.decode()) == (MAY[who][0] == 200)


@pytest.mark.parametrize(("who", "status"), [("rep2", 404), ("viewer", 403), ("outsider", None)])
def test_who_may_not_changes_nothing(
    client_for: Sign, request: pytest.FixtureRequest, deal: Opportunity, quote: Quote, who: str, status: int | None
) -> None:
    client = client_for(request.getfixturevalue(who))
    answers = [
        client.post("/quotes/new/", typed(deal)),
        client.post(f"/quotes/{quote.pk}/", {"number": "Q9", "quoted_on": "2026-03-02", "net_amount": "1"}),
        client.post(f"/quotes/{quote.pk}/make-current/"),
    ]
    assert {answer.status_code for answer in answers} <= ({status} if status else {403, 404})
    assert list(Quote.objects.values_list("number", "net_amount")) == [("Q1", Decimal(250))]


def test_what_does_not_exist_is_404(client_for: Sign, rep: User) -> None:
    client = client_for(rep)
    for address in (
        f"/quotes/{HUGE}/",
        f"/quotes/new/?opportunity={HUGE}",
        "/quotes/new/?opportunity=%00",
        "/quotes/0/",
    ):
        assert client.get(address).status_code == 404
    assert client.post("/quotes/new/", {"opportunity": "abc"}).status_code == 404


def test_make_current_acts_only_by_post(client_for: Sign, rep: User, quote: Quote) -> None:
    assert client_for(rep).get(f"/quotes/{quote.pk}/make-current/").status_code == 405


def test_without_an_opportunity_the_page_says_where_quotes_are_made(client_for: Sign, rep: User) -> None:
    client = client_for(rep)
    answer = client.get("/quotes/new/")
    assert answer.status_code == 200
    assert "/opportunities/?status=in_progress" in answer.content.decode()
    assert client.post("/quotes/new/", {"net_amount": "1"}).status_code == 422


def test_a_new_quote_leads_back_to_its_opportunity(
    client_for: Sign, rep: User, deal: Opportunity, quote: Quote
) -> None:
    client = client_for(rep)
    form = client.get(f"/quotes/new/?opportunity={deal.pk}").context["form"]
    assert form["net_amount"].value() == Decimal(1000)
    answer = client.post("/quotes/new/", typed(deal))
    assert answer["Location"] == deal.get_absolute_url()
    made = deal.quotes.current().get()
    assert made.number.startswith("QU") and made.net_amount == Decimal("1234.50")
    assert deal.quotes.count() == 2


def test_a_new_quote_by_htmx_is_told_where_to_go(client_for: Sign, rep: User, deal: Opportunity) -> None:
    answer = client_for(rep).post(f"/quotes/new/?opportunity={deal.pk}", typed(deal), headers=HX)
    assert answer["HX-Redirect"] == deal.get_absolute_url()


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"net_amount": "0"}, "net_amount", "Enter an amount above zero."),
        ({"net_amount": "-5"}, "net_amount", "Enter an amount above zero."),
        ({"net_amount": ""}, "net_amount", "required"),
        ({"net_amount": "lots"}, "net_amount", "number"),
        ({"net_amount": "1" * 20}, "net_amount", "digits"),
        ({"quoted_on": "2999-01-01"}, "quoted_on", "future"),
        ({"quoted_on": "0001-01-01"}, "quoted_on", "valid date"),
        ({"quoted_on": "soon"}, "quoted_on", "valid date"),
        ({"number": "q1"}, "number", "There is a quote with this number already."),
        ({"number": "Q\0"}, "number", "Null characters are not allowed."),
        ({"number": "Q" * 21}, "number", "at most 20 characters"),
    ],
)
def test_invalid_input_is_422_at_the_field(
    client_for: Sign, rep: User, deal: Opportunity, quote: Quote, values: dict[str, str], field: str, said: str
) -> None:
    answer = client_for(rep).post("/quotes/new/", typed(deal, number="KEPT") | values)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert said in answer.context["form"].errors[field][0]
    assert ('value="KEPT"' in answer.content.decode()) == (field != "number")
    assert Quote.objects.get().is_current


def test_only_while_in_progress(
    client_for: Sign, rep: User, deal: Opportunity, quote: Quote, price_w: CloseCode
) -> None:
    client = client_for(rep)
    change = edited(client, quote, net_amount="9")
    journey.close(deal, version=deal.version, outcome="won", close_code=price_w, on=WORK_DATE, by=rep)
    assert "needs an opportunity in progress" in client.get(f"/quotes/new/?opportunity={deal.pk}").content.decode()
    answer = client.post("/quotes/new/", typed(deal))
    assert answer.status_code == 422
    assert "A quote needs an opportunity in progress." in answer.content.decode()
    assert "its quotes stay as they are" in client.get(f"/quotes/{quote.pk}/").content.decode()
    answer = client.post(f"/quotes/{quote.pk}/", change)
    assert answer.status_code == 422
    assert "The opportunity is closed." in answer.content.decode()
    assert Quote.objects.get().net_amount == Decimal(250)


def test_change_and_the_second_of_two_tabs(client_for: Sign, rep: User, manager: User, quote: Quote) -> None:
    first, second = client_for(rep), client_for(manager)
    one, two = edited(first, quote, net_amount="300"), edited(second, quote, net_amount="400", number="Q7")
    assert first.post(f"/quotes/{quote.pk}/", one)["Location"] == f"/opportunities/{quote.opportunity_id}/"
    answer = second.post(f"/quotes/{quote.pk}/", two)
    assert answer.status_code == 409
    assert {(row.saved, row.typed) for row in answer.context["form"].meanwhile} == {("Q1", "Q7"), ("300.00", "400")}
    assert 'value="400"' in answer.content.decode()
    assert Quote.objects.get().net_amount == Decimal(300)
    again = two | {"version": answer.context["form"].version}
    assert second.post(f"/quotes/{quote.pk}/", again).status_code == 302
    assert Quote.objects.values_list("number", "net_amount").get() == ("Q7", Decimal(400))


def test_make_another_one_current(client_for: Sign, rep: User, deal: Opportunity, quote: Quote) -> None:
    add(deal, "Q2")
    client = client_for(rep)
    assert f'action="/quotes/{quote.pk}/make-current/"' in client.get(f"/quotes/{quote.pk}/").content.decode()
    assert client.post(f"/quotes/{quote.pk}/make-current/")["Location"] == deal.get_absolute_url()
    assert deal.quotes.current().get() == quote


def test_a_viewer_reads_and_is_offered_nothing(client_for: Sign, viewer: User, quote: Quote) -> None:
    page = client_for(viewer).get(f"/quotes/{quote.pk}/").content.decode()
    assert "€250.00" in page and 'name="net_amount"' not in page and "make-current" not in page
    assert "/quotes/new/" not in client_for(viewer).get("/quotes/").content.decode()


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list(
    client_for: Sign, rep: User, deal: Opportunity, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for _row in range(rows):
        add(deal)
    client = client_for(rep)
    client.get("/quotes/")
    with django_assert_num_queries(4):
        client.get("/quotes/")


def test_queries_of_the_page(
    client_for: Sign, rep: User, quote: Quote, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(rep)
    client.get("/quotes/")
    with django_assert_num_queries(3):
        client.get(f"/quotes/{quote.pk}/")


@pytest.mark.django_db(transaction=True)
def test_race_of_two_new_quotes_on_the_screen(client_for: Sign, rep: User, deal: Opportunity) -> None:
    clients = [client_for(rep) for _each in range(6)]

    def send(client: Client) -> int:
        try:
            return client.post("/quotes/new/", typed(deal)).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(send, clients)) == {302}
    assert (deal.quotes.count(), deal.quotes.current().count()) == (6, 1)
