"""A cell of a list edited where it stands: who is offered it, what the answer brings, what goes wrong, and the way without
scripts."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., Opportunity]
HX = {"HX-Request": "true"}
LIST = "/opportunities/"
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def make(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, today: datetime.date) -> Make:
    """Of JO, at the first stage, worth 1 000, closing in 30 days, unless said otherwise."""

    def opportunity(**values: Any) -> Opportunity:
        given: dict[str, Any] = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": rep, "on": today, "stage": 1}
        return make_opportunity(**given | {"closing_on": today + datetime.timedelta(days=30)} | values)

    return opportunity


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def offered(page: Any) -> list[tuple[str, str]]:
    """Address and name of every pencil."""
    found = re.findall(r'<a class="edit-here" href="([^"]+)"[^>]*aria-label="([^"]+)"', page.content.decode())
    return [(unescape(address), unescape(name)) for address, name in found]


def save(client: Client, deal: Opportunity, edit: str, query: str = "", headers: Any = HX, **values: Any) -> Any:
    verb, field = edit.split(":")
    data = {"version": fresh(deal).version, "list": query} | values
    return client.post(f"{LIST}{deal.pk}/{verb}/?field={field}", data, headers=headers)


def row_of(response: Any) -> str:
    """The row that the answer brings."""
    found = re.search(r"<template>(.*)</template>", response.content.decode(), re.DOTALL)
    assert found
    return found[1]


def totals_of(response: Any) -> str:
    """The line above the list that the answer brings."""
    said: str = response.content.decode().split('id="list-totals"')[1].split('id="list-note"')[0]
    return said


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# ── what is offered ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_field_that_the_verbs_allow_has_a_pencil(client: Client, make: Make) -> None:
    deal = make(description="Chairs & more")
    columns = [column for column in OPPORTUNITIES.columns if column.edit]
    assert len(columns) == 9
    names = ",".join(column.name for column in columns)
    page = client.get(f"{LIST}?columns={names}&status=open")
    back = quote(f"status=open&columns={names}", safe="")
    assert offered(page) == [
        (
            "{}{}/{}/?field={}&list={}".format(LIST, deal.pk, *column.edit.split(":"), back),
            f"Edit: {column.label}, Chairs & more",
        )
        for column in columns
    ]
    for address, _ in offered(page):
        form = client.get(address, headers=HX)
        assert form.status_code == 200
        assert f'name="list" value="status=open&amp;columns={quote(names, safe="")}"' in form.content.decode()


def test_a_blank_cell_has_its_pencil_too(client: Client, make: Make) -> None:
    make(stage=None, closing_on=None)
    page = client.get(f"{LIST}?columns=number,closing_on,source,company").content.decode()
    assert page.count("field=closing_on") == page.count("field=source") == 1
    assert '<td class="nowrap" data-label="Closing date"><a class="edit-here"' in page


def test_what_is_closed_archived_or_not_mine_to_change_has_none(
    client_for: Sign, client: Client, viewer: User, make: Make, price_l: CloseCode, today: datetime.date
) -> None:
    lost, waiting = make(), make(stage=None)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=today, by=None)
    lifecycle.archive(waiting, version=1, on=today, by=None)
    assert [name for _, name in offered(client.get(LIST))] == ["Edit: Description, Chairs"]
    assert offered(client.get(f"{LIST}?archived=true")) == []
    assert offered(client_for(viewer).get(LIST)) == []
    assert offered(client.get(f"{LIST}?embedded=1")) == []
    assert offered(client.get("/contacts/")) == [], "no list but that of the opportunities is edited yet"


def test_the_place_in_the_list_is_kept(client: Client, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.lib.listing.selection.PAGE", 1)
    first, second = make(description="A"), make(description="B")
    after = client.get(f"{LIST}?order=description").context["pages"][2]["url"]
    address, _ = offered(client.get(LIST + after))[0]
    assert address == f"{LIST}{second.pk}/edit/?field=description&list={quote(after[1:], safe='')}"
    answer = save(client, second, "revise:estimated_value", after[1:], {}, estimated_value="7")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{after}#row-{second.pk}")
    assert [row["pk"] for row in client.get(LIST + after).context["page"]] == [second.pk] != [first.pk]


# ── what the answer brings ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_row_the_totals_and_the_message(client: Client, make: Make, today: datetime.date) -> None:
    deal, other = make(description="Chairs"), make(description="Desks", value=500)
    query = "status=open&columns=description,estimated_value,calculated_value,closing_on"
    before = client.get(f"{LIST}?{query}")
    answer = save(client, deal, "revise:estimated_value", query, estimated_value="3000")
    assert (answer.status_code, answer["HX-Reswap"]) == (200, "none")
    assert (fresh(deal).estimated_value, fresh(other).estimated_value) == (3000, 500)
    row = row_of(answer)
    now = re.search(rf'<tr id="row-{deal.pk}">.*?</tr>', client.get(f"{LIST}?{query}").content.decode(), re.DOTALL)
    assert now
    assert row.replace(' hx-swap-oob="true"', "").replace(" data-focus", "") == now[0], "as the list shows it"
    assert now[0] not in before.content.decode() and "€3,000.00" in row
    assert re.findall(r'data-column="(\w+)" data-focus', row) == ["estimated_value"]
    assert row.count("data-focus") == 1
    assert "2 opportunities" in totals_of(answer) and "€3,500.00" in totals_of(answer)
    assert told(answer) == ["Revised. Open value +\u2060€2,000.00, weighted value +\u2060€40.00."]
    assert f'action="{LIST}{deal.pk}/undo/"' in answer.content.decode()
    assert "Changed since" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", ""),
        ("order=-estimated_value", "Changed since: the order is that of when the list was loaded."),
        (
            "group=stage",
            "Changed since: groups, subtotals and order are those of when the list was loaded.",
        ),
    ],
)
def test_what_is_as_it_was_loaded_is_said(client: Client, make: Make, query: str, said: str) -> None:
    deal = make()
    page = save(client, deal, "revise:estimated_value", query, estimated_value="9").content.decode()
    assert ("Changed since" in page) is bool(said) and said in page
    assert (f'<a href="{LIST}?{query}" hx-get="{LIST}?{query}" hx-target="#results">Refresh</a>' in page) is bool(said)


def test_what_matches_no_longer_stays_and_says_so(client: Client, make: Make) -> None:
    deal, _ = make(), make(value=2000)
    answer = save(client, deal, "revise:estimated_value", "value_from=1000", estimated_value="999")
    assert "no longer matches the filters" in row_of(answer) and "€999.00" in row_of(answer)
    assert "1 opportunity<" in totals_of(answer) and "€2,000.00" in totals_of(answer)
    answer = save(client, deal, "revise:estimated_value", "value_from=1000", estimated_value="1000")
    assert "no longer matches the filters" not in row_of(answer) and "2 opportunities" in totals_of(answer)


@pytest.mark.parametrize("query", ["", "group=salesperson&order=-closing_on", "salesperson={}&status=open"])
@pytest.mark.parametrize("rows", [1, 20])
def test_queries(client: Client, make: Make, rows: int, query: str, jo: Salesperson) -> None:
    """Session, user; opportunity, stages; cycle; present, old entry, new entry; opportunity; names where the address has keys;
    totals, row."""
    deal, *_others = [make() for _ in range(rows)]
    query = query.format(jo.pk)
    client.get(LIST)
    with CaptureQueriesContext(connection) as seen:
        answer = save(client, deal, "revise:estimated_value", query, estimated_value="5")
    asked = sum("SAVEPOINT" not in each["sql"] for each in seen.captured_queries)
    own = 1  # the version, which the test itself asks for
    assert (answer.status_code, asked - own) == (200, 12 if "salesperson=" in query else 11)


def test_undo_from_the_list_brings_the_row_back(client: Client, make: Make) -> None:
    deal = make()
    save(client, deal, "revise:estimated_value", "status=open", estimated_value="5")
    undo = {"version": fresh(deal).version, "list": "status=open"}
    answer = client.post(f"{LIST}{deal.pk}/undo/", undo, headers=HX)
    assert (answer.status_code, answer["HX-Reswap"]) == (200, "none")
    assert "€1,000.00" in row_of(answer) and '<th scope="row"><a data-focus ' in row_of(answer)
    twice = client.post(f"{LIST}{deal.pk}/undo/", undo, headers=HX)
    assert (twice.status_code, told(twice)[-1]) == (200, "This was done already.")
    late = client.post(f"{LIST}{deal.pk}/undo/", undo | {"version": 1}, headers=HX)
    assert (late.status_code, late["HX-Reswap"]) == (409, "none")
    assert told(late)[-1].startswith("Nothing was undone.") and "€1,000.00" in row_of(late)
    plain = client.post(f"{LIST}{deal.pk}/undo/", {"version": fresh(deal).version, "list": "status=open"})
    assert plain["Location"] == f"{LIST}?status=open#row-{deal.pk}"


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


@both_ways
def test_a_refusal_keeps_what_was_typed(client: Client, make: Make, headers: dict[str, str]) -> None:
    deal = make()
    answer = save(client, deal, "revise:closing_on", "status=open", headers, closing_on="2020-01-01")
    page = answer.content.decode()
    assert (answer.status_code, fresh(deal).version) == (422, 2)
    assert "The closing date cannot lie before the date of this change." in page and 'value="2020-01-01"' in page
    assert 'name="list" value="status=open"' in page and ("<html" in page) is (headers == {})
    assert f'href="{LIST}?status=open#row-{deal.pk}"' in page, "cancel leads back"


@both_ways
def test_a_conflict_shows_both_and_saving_again_decides(
    client: Client, make: Make, manager: User, today: datetime.date, headers: dict[str, str]
) -> None:
    deal = make()
    lifecycle.revise(fresh(deal), version=2, estimated_value=Decimal(2000), on=today, by=manager)
    answer = save(client, deal, "revise:estimated_value", "status=open", headers, version=2, estimated_value="3000")
    page = answer.content.decode()
    assert answer.status_code == 409 and "€2,000.00" in page and 'value="3000"' in page
    assert 'name="list" value="status=open"' in page and 'name="version" value="3"' in page
    answer = save(client, deal, "revise:estimated_value", "status=open", headers, estimated_value="3000")
    assert answer.status_code == (200 if headers else 302) and fresh(deal).estimated_value == 3000


@pytest.mark.parametrize("way", ["gone before", "gone while saving"])
def test_a_row_that_has_gone_is_said_in_the_cell(
    client: Client,
    make: Make,
    of: Salesperson,
    manager: User,
    today: datetime.date,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deal, given = make(), {"version": 2, "salesperson": of, "on": today, "by": manager}
    if way == "gone before":
        lifecycle.reassign(fresh(deal), **given)
    else:
        revise = lifecycle.revise

        def beaten(*args: Any, **options: Any) -> Any:
            lifecycle.reassign(fresh(deal), **given)
            monkeypatch.setattr("opportunities.views.verbs.lifecycle.revise", revise)
            raise lifecycle.Stale(deal.pk, 2)

        monkeypatch.setattr("opportunities.views.verbs.lifecycle.revise", beaten)
    answer = save(client, deal, "revise:estimated_value", version=2, estimated_value="3000")
    assert (answer.status_code, answer["HX-Reswap"]) == (404, "afterbegin"), "the form itself stays"
    page = answer.content.decode()
    assert "not there any more, or no longer yours to see" in page and 'role="alert"' in page
    assert "Chairs" not in page and "OF" not in page
    assert client.get(f"{LIST}{deal.pk}/revise/?field=estimated_value&list=").status_code == 404
    undone = client.post(f"{LIST}{deal.pk}/undo/", {"version": 3, "list": ""}, headers=HX)
    assert (undone.status_code, undone["HX-Reswap"]) == (404, "none") and "Chairs" not in undone.content.decode()


def test_giving_it_away_says_so_in_its_place(client: Client, make: Make, of: Salesperson) -> None:
    deal = make()
    answer = save(client, deal, "reassign:salesperson", "columns=number,salesperson", salesperson=of.pk)
    assert (answer.status_code, fresh(deal).salesperson) == (200, of)
    assert '<td colspan="3" tabindex="-1" data-focus>Not there any more, or no longer yours to see.</td>' in row_of(
        answer
    )
    assert told(answer)[-1].endswith("no longer yours to see.")
    plain = save(client, make(), "reassign:salesperson", "status=open", {}, salesperson=of.pk)
    assert plain["Location"].startswith(f"{LIST}?status=open#row-")


@pytest.mark.parametrize(
    "query", ["%00", "luck=1&luck=2", "after=zz&before=zz", "where=9:x:is:1", "value_from=lots", "x" * 9000, "&" * 3000]
)
def test_any_list_in_a_form(client: Client, make: Make, query: str) -> None:
    deal = make()
    for headers in ({}, HX):
        answer = save(client, deal, "revise:estimated_value", query, headers, estimated_value="5")
        assert answer.status_code in (200, 302)
        assert (
            client.get(f"{LIST}{deal.pk}/revise/", {"field": "chances", "list": query}, headers=headers).status_code
            == 200
        )


def test_who_may_not_change_is_refused(client_for: Sign, viewer: User, make: Make) -> None:
    deal = make()
    assert save(client_for(viewer), deal, "revise:estimated_value", estimated_value="5").status_code == 403


# ── without scripts ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_of_the_form_leads_back_to_the_row(client: Client, make: Make, today: datetime.date) -> None:
    deal = make()
    address, _ = next(each for each in offered(client.get(f"{LIST}?status=open")) if "field=closing_on" in each[0])
    page = client.get(address).content.decode()
    assert "<html" in page and '<input type="hidden" name="list" value="status=open">' in page
    day = today + datetime.timedelta(days=31)
    answer = save(client, deal, "revise:closing_on", "status=open", {}, closing_on=day)
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?status=open#row-{deal.pk}")
    back = client.get(answer["Location"]).content.decode()
    assert f'<tr id="row-{deal.pk}">' in back and "Revised." in back


def test_a_form_that_stands_on_its_own_page_leads_back_with_scripts_too(client: Client, make: Make) -> None:
    deal = make()
    headers = HX | {"HX-Current-URL": f"http://testserver{LIST}{deal.pk}/revise/?field=chances&list=status%3Dopen"}
    answer = save(client, deal, "revise:chances", "status=open", headers, chances="33")
    assert answer["HX-Redirect"] == f"{LIST}?status=open#row-{deal.pk}"
