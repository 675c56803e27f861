"""What every list does with its address: columns, orders, pages, groups, the forms beside it; and that all its figures agree."""

import datetime
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from crm.lib.listing import selection
from opportunities import lifecycle
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
LIST = "/opportunities/"


@pytest.fixture
def deals(
    acme: Contact,
    ann: Contact,
    beta: Contact,
    jo: Salesperson,
    of: Salesperson,
    cycle: SalesCycle,
    company: Company,
    price_w: CloseCode,
) -> list[Opportunity]:
    """Twenty-three with ties and blanks in every column; some without salesperson, some won."""
    Contact.objects.filter(pk=beta.pk).update(city="Turku", country="FI")
    today, made = company.today(), []
    for number in range(23):
        stage = (None, 1, 2, 1)[number % 4]
        given: dict[str, Any] = {
            "contact": (acme, ann, beta)[number % 3],
            "salesperson": (jo, of, None if stage is None else jo)[number % 3],
            "cycle": cycle if stage or number % 2 else None,
            "stage": stage,
            "estimated_value": (1000, None if stage is None else 70, Decimal("0.55"))[number % 3],
            "description": f"deal {number % 5}",
            "priority": ("high", "normal", "low")[number % 3],
            "closing_on": today + datetime.timedelta(days=number % 3) if stage else None,
            "on": today,
        }
        made.append(make_opportunity(**given))
    for deal in made[1:20:8]:
        lifecycle.close(
            fresh(deal), version=deal.version, outcome="won", close_code=price_w, sales_value=33, on=today, by=None
        )
    return [fresh(deal) for deal in made]


def keys(response: Any) -> list[int]:
    return [row["pk"] for row in response.context["page"]]


def pages(client: Client, query: str, step: str = "next") -> Iterator[Any]:
    """Every page that the links of that step lead to."""
    url = query
    for _ in range(60):
        response = client.get(f"{LIST}{url}")
        assert response.status_code == 200
        yield response
        links = {link["word"]: link["url"] for link in response.context["pages"]}
        if not links.get(step):
            return
        url = links[step]
    raise AssertionError("the pages do not end")


ORDERS = (
    "",
    "order=closing_on",
    "order=-closing_on",
    "order=-estimated_value,closing_on",
    "order=estimated_value,-closing_on,description",
    "order=contact_city,-priority",
    "order=salesperson,-stage,number",
    "order=-status,sales_value",
    "order=chances_are_manual,-created_on",
    "q=deal",
    "q=deal&order=closing_on,-number",
    "group=stage",
    "group=salesperson&order=-estimated_value,closing_on",
    "group=contact_country&order=-closing_on",
    "group=status&order=-status,description",
)


@pytest.mark.parametrize("size", [1, 4, 22, 23])
@pytest.mark.parametrize("query", ORDERS)
def test_pages_are_the_whole_set_each_row_once(
    client_for: Sign,
    manager: User,
    deals: list[Opportunity],
    query: str,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if size == 1 and not query.startswith("order=-estimated"):
        size = 5  # one row a page takes long: once is enough
    monkeypatch.setattr(selection, "PAGE", size)
    monkeypatch.setattr(selection, "FEW", 0 if size in (4, 23) else 100)  # found on a walk, or sorted
    client = client_for(manager)
    forth = list(pages(client, f"?{query}"))
    walked = [key for response in forth for key in keys(response)]
    assert sorted(walked) == sorted(deal.pk for deal in deals)
    last = f"?{query}&before=end"
    back = list(pages(client, last, "previous"))
    assert [keys(response) for response in reversed(back)] == [keys(response) for response in forth]
    assert all(response.context["totals"].count == 23 for response in forth)
    total = forth[0].context["totals"]["estimated_value"]
    assert total == sum(deal.estimated_value or 0 for deal in deals)
    if "group" in query:
        told = [heading for response in forth for heading, _ in response.context["parts"]]
        anew = [heading for heading in told if not heading.continued]
        assert len({heading.text for heading in told}) == len(anew)
        assert sum(int(heading.counted.split()[0]) for heading in anew) == 23
        sums = [heading.cells[0]["value"] for heading in anew]
        assert sum(Decimal(text.strip("€").replace(",", "")) for text in sums) == total


def test_blanks_come_last_either_way(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    client = client_for(manager)
    for column in ("closing_on", "estimated_value", "salesperson", "contact_city", "stage"):
        for sign in ("", "-"):
            rows = client.get(f"{LIST}?order={sign}{column}&columns={column}").context["page"].rows
            values = [row[OPPORTUNITIES.by_name[column].path] for row in rows]
            known = [value for value in values if value not in (None, "")]
            assert values[: len(known)] == known and 0 < len(known) < 23, (sign, column)


def test_choices_are_sorted_as_they_are_named(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    rows = client_for(manager).get(f"{LIST}?order=-priority,status&columns=priority,status").context["page"].rows
    assert list(dict.fromkeys(row["priority"] for row in rows)) == ["high", "normal", "low"]
    high = [row["status"] for row in rows if row["priority"] == "high"]
    assert list(dict.fromkeys(high)) == ["not_started", "in_progress", "won"]


def test_chosen_columns_in_the_chosen_order(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    page = client_for(manager).get(f"{LIST}?columns=sales_value,number,contact_country,chances_are_manual")
    shown = page.content.decode()
    heads = re.findall(r'<th scope="col".*?</th>', shown.split("<thead>")[1].split("</thead>")[0], re.DOTALL)
    assert [re.sub("<[^>]+>", "", head).strip() for head in heads] == [
        "Sales value",
        "Number",
        "Contact&#x27;s country",
        "Manual chances",
    ]
    assert page.context["totals"].sums == {"sales_value": 99}
    assert "Finland" in shown and "€99.00" in shown
    # a blank first column still leads to the row, by its name
    assert f'–<span class="visually-hidden"> {deals[22].description}</span></a>' in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("columns=description,nonsense,number", ["columns=nonsense"]),
        ("order=number,nonsense&order=-number", ["order=nonsense", "order=-number"]),
        ("order=number,status,priority,stage,contact,company", ["order=company"]),
        ("group=description", ["group=description"]),
        ("group=%00", ["group="]),
        ("after=W10", ["after=W10"]),
        ("after=WzEsMl0&order=number", ["after=WzEsMl0"]),
        ("before=" + "A" * 3000, ["before=" + "A" * 43]),
        ("page=2&colour=red", ["page", "colour"]),
        ("columns=" + ",".join(f"x{number}" for number in range(99)), [f"columns=x{number}" for number in range(20)]),
    ],
)
def test_what_is_not_understood_is_said_and_left_out(
    client_for: Sign, manager: User, deals: list[Opportunity], query: str, said: list[str]
) -> None:
    page = client_for(manager).get(f"{LIST}?{query}")
    assert (page.status_code, page.context["unknown"]) == (200, said)
    assert len(keys(page)) == 23
    assert unescape(page.content.decode()).count(said[0].replace("\0", "")) >= 1


def test_the_address_is_written_again_without_what_means_nothing(client_for: Sign, manager: User) -> None:
    query = "status=&q=deal&columns=number&columns=status&order=-number&order=&group=&colour=red&after=zz"
    answer = client_for(manager).get(f"{LIST}?{query}", headers=HX)
    assert answer["HX-Push-Url"] == f"{LIST}?q=deal&columns=number,status&order=-number"
    assert client_for(manager).get(LIST, headers=HX)["HX-Push-Url"] == LIST
    assert "HX-Push-Url" not in client_for(manager).get(f"{LIST}?embedded=1", headers=HX)


def test_chips_name_what_the_address_names_by_its_key(
    client_for: Sign, manager: User, deals: list[Opportunity], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    deal = next(deal for deal in deals if deal.stage_id and deal.contact_id != deal.company_id)
    query = f"salesperson={deal.salesperson_id}&sales_cycle={deal.sales_cycle_id}&stage={deal.stage_id}"
    query += f"&contact={deal.contact_id}&company={deal.company_id}&columns=number"
    client = client_for(manager)
    client.get(LIST)
    with django_assert_num_queries(6):  # session, user, saved views, names, totals, page
        page = client.get(f"{LIST}?{query}")
    assert [chip["words"] for chip in page.context["chips"]] == [
        f"Salesperson: {deal.salesperson}",
        f"Sales cycle: {deal.sales_cycle}",
        f"Stage: {deal.stage}",
        f"Contact: {deal.contact}",
        f"Company: {deal.company}",
    ]
    assert page.context["chips"][2]["href"] == "?" + query.replace(f"&stage={deal.stage_id}", "")
    assert deal.pk in keys(page)


@pytest.mark.parametrize("query", ["", "group=salesperson", "group=stage&order=-closing_on", "before=end"])
def test_queries(
    client_for: Sign,
    manager: User,
    deals: list[Opportunity],
    query: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(manager)
    client.get(LIST)
    with django_assert_num_queries(5):  # session, user, saved views, totals (of the groups), page
        client.get(f"{LIST}?{query}")


def test_a_group_goes_on_and_says_so(
    client_for: Sign, manager: User, deals: list[Opportunity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PAGE", 5)
    client = client_for(manager)
    first = client.get(f"{LIST}?group=status")
    second = client.get(LIST + {link["word"]: link["url"] for link in first.context["pages"]}["next"])
    told = [(heading.text, heading.continued) for heading, _ in second.context["parts"]]
    assert [heading.text for heading, _ in first.context["parts"]] == ["Not started"]
    assert told == [("Not started", True), ("In progress", False)]
    assert "continued" in second.content.decode() and "continued" not in first.content.decode()


def test_a_heading_leads_to_its_group(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    client = client_for(manager)
    for word in ("status", "stage", "salesperson", "priority", "sales_cycle", "contact", "company"):
        page = client.get(f"{LIST}?group={word}&order=number")
        for heading, _ in page.context["parts"]:
            if heading.url:
                alone = client.get(f"{LIST}{heading.url}")
                assert alone.context["counted"] == heading.counted, (word, heading.text)
            else:
                assert heading.text.endswith(": none")
    page = client.get(f"{LIST}?group=salesperson").context["parts"]
    assert [heading.url for heading, _ in page][-1] == "?group=salesperson&salesperson=none"


def test_the_board_gets_what_it_understands(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    client = client_for(manager)
    for query, carried in (
        ("q=deal&priority=high&columns=number&order=-estimated_value", "?q=deal&priority=high&order=-estimated_value"),
        ("order=number,closing_on&after=x", "?view="),
        ("group=stage&order=closing_on", "?group=stage&order=closing_on"),
    ):
        view = client.get(f"{LIST}?{query}").context["views"][0]
        assert view["url"] == f"/opportunities/board/{carried}"
    assert client.get(view["url"]).context["unknown"] == ["group"], "said, not passed over"


# ── the forms beside it ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["opportunities", "contacts", "salespeople", "quotes"])
@pytest.mark.parametrize("form", ["filter", "columns"])
def test_the_forms_are_pages_and_fragments(client_for: Sign, manager: User, place: str, form: str) -> None:
    client = client_for(manager)
    page, fragment = (client.get(f"/{place}/{form}/?q=x&group=&order=", headers=headers) for headers in ({}, HX))
    assert (page.status_code, fragment.status_code) == (200, 200)
    assert "<main" in page.content.decode() and "<main" not in fragment.content.decode()
    assert 'name="q" value="x"' in page.content.decode() and 'class="message-close' in fragment.content.decode()


def test_the_filter_form_keeps_the_shape_and_offers_everybody(
    client_for: Sign, manager: User, deals: list[Opportunity], jo: Salesperson, of: Salesperson
) -> None:
    client = client_for(manager)
    page = client.get(f"{LIST}filter/?status=open&columns=number&order=-number&group=status&contact=5").content.decode()
    for word, value in (("columns", "number"), ("order", "-number"), ("group", "status"), ("contact", "5")):
        assert re.search(rf'<input type="hidden" name="{word}" value="{value}"', page), word
    assert '<option value="open" selected>' in page
    assert f'<option value="{jo.pk}">{jo}</option>' in page and f'<option value="{of.pk}">{of}</option>' in page
    refused = client.get(f"{LIST}filter/?value_from=lots")
    assert refused.status_code == 422 and "Enter a number." in refused.content.decode()


def test_columns_are_moved_by_buttons(client_for: Sign, manager: User) -> None:
    client = client_for(manager)

    def shown(query: str) -> list[str]:
        return [column.name for column in client.get(f"{LIST}columns/?{query}").context["shown"]]

    chosen = "columns=number&columns=status&columns=stage"
    assert shown(chosen) == ["number", "status", "stage"]
    assert shown(f"{chosen}&up=stage") == ["number", "stage", "status"]
    assert shown(f"{chosen}&down=number") == ["status", "number", "stage"]
    assert shown(f"{chosen}&up=number&down=nonsense") == ["number", "status", "stage"]
    page = client.get(f"{LIST}columns/?{chosen}&order=-number,status&q=x&up=stage")
    assert [sort["chosen"] for sort in page.context["sorts"]] == ["-number", "status", ""]
    assert '<input type="hidden" name="q" value="x">' in page.content.decode()


@pytest.mark.parametrize("form", ["", "filter/", "columns/"])
@pytest.mark.parametrize("place", ["contacts", "salespeople", "quotes"])
def test_who_may_not_see_it_is_not_let_in(client_for: Sign, outsider: User, place: str, form: str) -> None:
    assert client_for(outsider).get(f"/{place}/{form}").status_code == 403


# ── picking rows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_picked_only_where_there_is_something_to_do(
    client_for: Sign, manager: User, viewer: User, deals: list[Opportunity]
) -> None:
    page = client_for(manager).get(f"{LIST}?status=open&order=number").content.decode()
    picked = re.findall(r'type="checkbox" name="key" value="(\d+)" form="bulk" aria-label="Select: ([^"]+)"', page)
    wanted = [deal for deal in sorted(deals, key=lambda deal: deal.number) if deal.closed_on is None]
    assert picked == [(str(deal.pk), deal.description) for deal in wanted]
    bulk = "/opportunities/bulk/"
    opening = f'method="get" action="{bulk}" hx-get="{bulk}" hx-target="#list-dialog" data-bulk>'
    assert f'<form id="bulk" class="list-bulk" {opening}' in page
    assert '<input type="hidden" name="query" value="status=open&amp;order=number">' in page
    assert f'name="all" value="1">Change all that match … ({len(wanted)})' in page
    for client, query in ((client_for(viewer), ""), (client_for(manager), "?embedded=1")):
        assert 'name="key"' not in client.get(f"{LIST}{query}").content.decode()
