"""The page where a filter is put together: what it offers, keeps, refuses, and which address it ends in."""

import random
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from opportunities.filters import OpportunityFilter
from opportunities.models import Opportunity
from quotes.models import Quote
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import ContactFactory, QuoteFactory, SourceFactory, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
ROWS = {**HX, "HX-Target": "conditions"}
FILTER = "/opportunities/filter/"


@pytest.fixture
def deals(
    acme: Contact, beta: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, company: Company
) -> dict[str, Opportunity]:
    """Two of the rep's, one of the other's, one of nobody's."""
    on = company.today()
    given: dict[str, Any] = {"cycle": cycle, "stage": 1, "on": on, "closing_on": on}
    return {
        "small": make_opportunity(contact=acme, salesperson=jo, value=10, description="Small", **given),
        "large": make_opportunity(contact=beta, salesperson=jo, value=5000, description="Large", **given),
        "other": make_opportunity(contact=acme, salesperson=of, value=5000, description="Other", **given),
        "free": make_opportunity(contact=acme, value=7, description="Free", on=on),
    }


@pytest.fixture
def client(client_for: Sign, manager: User, company: Company) -> Client:
    return client_for(manager)


def query(*pairs: tuple[str, Any]) -> str:
    made = QueryDict(mutable=True)
    for name, value in pairs:
        made.appendlist(name, str(value))
    return made.urlencode()


def row(number: int, column: str, operator: str, *values: Any, group: int = 1, **more: Any) -> list[tuple[str, Any]]:
    words = {"group": group, "column": column, "operator": operator, **more}
    return [(f"w{number}-{name}", word) for name, word in words.items()] + [(f"w{number}-value", one) for one in values]


def leads_to(response: Any) -> str:
    assert response.status_code == 302, response.content.decode()
    found: str = response.headers["Location"]
    return found


# ── the address it ends in ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        (row(1, "description", "contains", "50% a:b"), "1:description:contains:50%25%20a:b"),
        (row(1, "estimated_value", "min", "1,000"), "1:estimated_value:min:1000"),
        (row(1, "estimated_value", "between", "1", until="2.50"), "1:estimated_value:between:1..2.5"),
        (row(1, "closing_on", "is", period="this_quarter"), "1:closing_on:is:this_quarter"),
        (row(1, "closing_on", "before", "2026-03-31", period=""), "1:closing_on:before:2026-03-31"),
        (row(1, "closing_on", "between", "2026-01-01", until="2026-01-31"), "1:closing_on:between:2026-01-01..2026-01-31"),
        (row(1, "closing_on", "more_ago", "030"), "1:closing_on:more_ago:30"),
        (row(1, "status", "one_of", "won", "lost"), "1:status:one_of:won,lost"),
        (row(1, "source", "blank"), "1:source:blank"),
        (row(1, "chances_are_manual", "is", "yes"), "1:chances_are_manual:is:yes"),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_the_canonical_address(client: Client, typed: Any, where: str) -> None:
    response = client.get(f"{FILTER}?{query(*typed, ('apply', '1'))}")
    assert leads_to(response).replace("+", "%20") == f"/opportunities/?where={where}"


def test_numbers_are_read_as_the_language_writes_them(client: Client) -> None:
    client.cookies["django_language"] = "fi"
    typed = row(1, "estimated_value", "min", "1 234,5")
    address = leads_to(client.get(f"{FILTER}?{query(*typed, ('apply', '1'))}"))
    assert address == "/opportunities/?where=1:estimated_value:min:1234.5"
    shown = client.get(FILTER + "?" + address.partition("?")[2]).content.decode()
    assert 'name="w1-value" value="1234,5"' in shown


def test_groups_are_numbered_anew_and_blank_rows_left_out(client: Client) -> None:
    typed = [
        *row(4, "number", "blank", group=9),
        *row(2, "", "", group=5),
        *row(7, "number", "not_blank", group=2),
        *row(8, "status", "is", "won", group=9),
    ]
    address = leads_to(client.get(f"{FILTER}?{query(*typed, ('apply', '1'))}"))
    assert address == "/opportunities/?where=1:number:not_blank&where=3:number:blank&where=3:status:is:won"


def test_filters_and_other_words_of_the_address_go_along(client: Client) -> None:
    pairs = [
        ("q", ""),
        ("priority", "high"),
        ("order", "-number"),
        ("columns", "number"),
        ("columns", "stage"),
        ("after", "3"),
        *row(1, "status", "is", "won"),
        ("apply", "1"),
    ]
    address = leads_to(client.get(f"{FILTER}?{query(*pairs)}"))
    assert address == "/opportunities/?where=1:status:is:won&priority=high&order=-number&columns=number&columns=stage"
    board = leads_to(client.get(f"{FILTER}?{query(*pairs, ('next', 'board'))}"))
    assert board.startswith("/opportunities/board/?where=1:status:is:won&priority=high")
    elsewhere = leads_to(client.get(f"{FILTER}?{query(*pairs, ('next', '//evil.example'))}"))
    assert elsewhere.startswith("/opportunities/?")


def test_an_opened_address_shows_again_what_was_typed(client: Client, cycle: SalesCycle, acme: Contact) -> None:
    stage = cycle.stages.get(number=2)
    words = (
        "where=1:closing_on:is:last_45_days&where=1:estimated_value:between:1..2.5"
        f"&where=2:stage:is:{stage.pk}&where=2:contact:one_of:{acme.pk}&where=2:status:one_of:won,lost"
    )
    response = client.get(f"{FILTER}?{words}&order=number")
    assert response.status_code == 200
    again = [(field.html_name, one) for form in forms_of(response) for field in form for one in values(field)]
    assert leads_to(client.get(f"{FILTER}?{query(*again, ('order', 'number'), ('apply', '1'))}")) == (
        f"/opportunities/?{words}&order=number"
    )
    assert '<option value="last_45_days" selected>the last 45 days</option>' in response.content.decode()


def forms_of(response: Any) -> list[Any]:
    return [form for group in response.context["groups"] for form in group]


def values(field: Any) -> list[Any]:
    value = field.value()
    return value if isinstance(value, list) else [value or ""]


def test_htmx_is_told_where_to_go(client: Client) -> None:
    response = client.get(f"{FILTER}?{query(*row(1, 'number', 'blank'), ('apply', '1'))}", headers=HX)
    assert response.headers["HX-Redirect"] == "/opportunities/?where=1:number:blank"


# ── putting it together ──────────────────────────────────────────────────────────────────────────────────────────────


def test_it_begins_with_one_blank_row(client: Client) -> None:
    response = client.get(FILTER)
    assert [(form.typed.group, sorted(form.fields)) for form in forms_of(response)] == [(1, ["column", "group"])]


@pytest.mark.parametrize(
    ("button", "groups", "focus"),
    [
        (("add", "1"), [1, 1, 1, 2], 3),
        (("add", "2"), [1, 1, 2, 2], 4),
        (("add", "99"), [1, 1, 2, 2], 4),
        (("or", "1"), [1, 1, 2, 3], 4),
        (("drop", "3"), [1, 1], 2),
        (("drop", "1"), [1, 2], 1),
        (("drop", "77"), [1, 1, 2], None),
        (("add", "٣"), [1, 1, 2], None),
    ],
)
def test_buttons(client: Client, button: tuple[str, str], groups: list[int], focus: int | None) -> None:
    typed = [*row(1, "number", "is", "a"), *row(2, "status", "is", ""), *row(3, "number", "min", "x", group=2)]
    response = client.get(f"{FILTER}?{query(*typed, button)}", headers=ROWS)
    assert response.status_code == 200
    forms = forms_of(response)
    assert [form.typed.group for form in forms] == groups
    focused = [form.number for form in forms if "data-focus" in form.fields["column"].widget.attrs]
    assert focused == ([focus] if focus else [])
    assert response.content.decode().strip().startswith('<div id="conditions"')


def test_another_column_brings_its_operators_and_control(client: Client) -> None:
    shown = client.get(f"{FILTER}?{query(*row(1, 'closing_on', 'contains', 'x'))}", headers=ROWS).content.decode()
    assert '<select name="w1-period"' in shown and '<input type="date" name="w1-value"' in shown
    assert '<option value="contains"' not in shown and "is not a day" not in shown
    shown = client.get(f"{FILTER}?{query(*row(1, 'closing_on', 'is', period='today'))}", headers=ROWS).content.decode()
    assert 'name="w1-value"' not in shown
    shown = client.get(f"{FILTER}?{query(*row(1, 'status', 'is'))}", headers=ROWS).content.decode()
    assert '<option value="won">Won</option>' in shown


def test_the_page_works_as_page_dialog_and_rows(client: Client) -> None:
    typed = query(*row(1, "number", "is", "a"))
    page, dialog, rows = (client.get(f"{FILTER}?{typed}", headers=headers) for headers in ({}, HX, ROWS))
    assert "<html" in page.content.decode()
    assert dialog.content.decode().strip().startswith('<form id="filter-form"')
    assert dialog.content.decode().strip() in page.content.decode()
    assert rows.content.decode().strip() in page.content.decode()


def test_a_name_finds_a_contact(client: Client, acme: Contact) -> None:
    typed = row(1, "contact", "is", find="acm")
    assert leads_to(client.get(f"{FILTER}?{query(*typed, ('apply', '1'))}")) == (
        f"/opportunities/?where=1:contact:is:{acme.pk}"
    )
    other = ContactFactory(name="ACME Norge")
    refused = client.get(f"{FILTER}?{query(*typed, ('apply', '1'))}")
    assert refused.status_code == 422
    shown = refused.content.decode()
    assert "Choose one of those found." in shown
    assert f'<option value="{other.pk}">ACME Norge</option>' in shown
    chosen = row(1, "contact", "is", other.pk, find="acm", found="acm")
    assert leads_to(client.get(f"{FILTER}?{query(*chosen, ('apply', '1'))}")).endswith(f"is:{other.pk}")
    nothing = client.get(f"{FILTER}?{query(*row(1, 'contact', 'is', acme.pk, find='zzz'), ('apply', '1'))}")
    assert "Nothing of that name was found." in nothing.content.decode()


# ── what is not understood ───────────────────────────────────────────────────────────────────────────────────────────


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(client: Client) -> None:
    typed = [*row(1, "estimated_value", "min", "lots"), *row(2, "closing_on", "is", "2026-02-30", period="")]
    pairs = [*typed, ("q", "find me"), ("closing_from", "soon"), ("order", "number"), ("apply", "1")]
    for headers in ({}, HX):
        response = client.get(f"{FILTER}?{query(*pairs)}", headers=headers)
        assert response.status_code == 422
        shown = response.content.decode()
        assert "“lots” is not a number." in shown and "“2026-02-30” is not a day" in shown
        assert 'value="lots"' in shown and 'value="find me"' in shown and 'value="soon"' in shown
        assert '<input type="hidden" name="order" value="number">' in shown
        assert re.search(r'name="w1-value"[^>]*aria-invalid="true"', shown)
        assert 'id="id_w1-value_error"' in shown


def test_a_broken_address_is_opened_with_its_errors(client: Client) -> None:
    response = client.get(f"{FILTER}?where=1:secret:is:x&where=1:status:is:gone&where=2:number:min:3")
    assert response.status_code == 422
    assert [form.refusal for form in forms_of(response)] == [
        "“1:secret:is:x”: this list has no such column.",
        "“gone” is not one of the choices.",
        "“min” is no way to compare it.",
    ]


def test_too_much_is_refused(client: Client) -> None:
    many = [pair for at in range(1, 32) for pair in row(at, "number", "blank")]
    response = client.get(f"{FILTER}?{query(*many, ('apply', '1'))}")
    assert response.status_code == 422
    assert "At most 30 conditions." in response.content.decode()
    assert len(forms_of(response)) == 31


# ── list and board ───────────────────────────────────────────────────────────────────────────────────────────────────


def numbers(response: Any) -> set[str]:
    return {row["number"] for row in response.context["page"].rows}


def test_list_and_board_agree(client: Client, deals: dict[str, Opportunity], cycle: SalesCycle) -> None:
    words = query(
        ("where", "1:estimated_value:min:1000"), ("where", "1:closing_on:is:today"), ("where", "2:contact_city:is:Oulu")
    )
    listed = client.get(f"/opportunities/?{words}&sales_cycle={cycle.pk}&status=open")
    assert numbers(listed) == {deals["large"].number, deals["other"].number}
    board = client.get(f"/opportunities/board/?{words}&sales_cycle={cycle.pk}")
    assert sum(column.totals.count for column in board.context["columns"]) == listed.context["totals"]["count"] == 2
    shown = board.content.decode()
    for deal in deals.values():
        assert (f'id="card-{deal.pk}"' in shown) == (deal in (deals["large"], deals["other"]))
    assert [(chip["words"], chip.get("begins")) for chip in board.context["chips"][1:]] == [
        ("Estimated value is at least €1,000.00", False),
        ("Closing date is today", False),
        ("Contact's city is “Oulu”", True),
    ]
    assert board.context["chips"][1]["without"] == (
        f"?where=1:closing_on:is:today&where=2:contact_city:is:Oulu&sales_cycle={cycle.pk}"
    )
    assert '<input type="hidden" name="where" value="1:closing_on:is:today"' in shown
    builder = re.search(r'href="(/opportunities/filter/[^"]*)"', shown)
    assert builder
    again = client.get(unescape(builder[1]))
    assert again.context["next"] == "board" and len(forms_of(again)) == 3


def test_the_strip_leads_to_the_same_rows(client: Client, deals: dict[str, Opportunity], cycle: SalesCycle) -> None:
    board = client.get(f"/opportunities/board/?where=1:estimated_value:max:100&sales_cycle={cycle.pk}")
    figures = {figure["label"]: figure for figure in board.context["strip"]}
    assert figures["Open"]["count"] == 1
    assert numbers(client.get(figures["Open"]["url"])) == {deals["small"].number}


def test_closing_dates_in_conditions_widen_the_closed_columns(client: Client, cycle: SalesCycle) -> None:
    assert client.get(f"/opportunities/board/?sales_cycle={cycle.pk}").context["closed_days"] == 30
    asked = client.get(f"/opportunities/board/?sales_cycle={cycle.pk}&where=1:closed_on:is:last_year")
    assert asked.context["closed_days"] is None


def test_the_opportunitys_page_knows_the_selection(client: Client, deals: dict[str, Opportunity]) -> None:
    words = "where=1:estimated_value:is:5000&order=number"
    page = client.get(f"/opportunities/{deals['large'].pk}/?{words}")
    assert f"/opportunities/{deals['other'].pk}/" in {page.context["before"], page.context["after"]} or any(
        f"/opportunities/{deals['other'].pk}/?" in str(page.context[side]) for side in ("before", "after")
    )
    assert QueryDict(page.context["back"].partition("?")[2]).getlist("where") == ["1:estimated_value:is:5000"]


@pytest.mark.parametrize("where", ["1:salesperson:is:{of}", "1:salesperson:is:999", "1:stage:is:x", "x"])
def test_values_of_others_are_refused_in_words(
    client_for: Sign, rep: User, of: Salesperson, deals: dict[str, Opportunity], where: str
) -> None:
    client = client_for(rep)
    for page in ("/opportunities/", "/opportunities/board/", FILTER):
        response = client.get(f"{page}?{query(('where', where.format(of=of.pk)))}")
        assert response.status_code == 422, page
        shown = response.content.decode()
        assert "is not one of the choices" in shown or "is not a condition" in shown or "no such column" in shown
        assert "Otis Falls" not in shown and "Large" not in shown


def test_the_same_address_is_each_persons_own(
    client_for: Sign, rep: User, rep2: User, deals: dict[str, Opportunity]
) -> None:
    for user, own in ((rep, {"small", "large"}), (rep2, {"other"})):
        listed = client_for(user).get("/opportunities/?where=1:salesperson:is:me")
        assert numbers(listed) == {deals[name].number for name in own}


def test_the_other_lists_understand_conditions(client: Client, deals: dict[str, Opportunity], acme: Contact) -> None:
    quote: Quote = QuoteFactory(opportunity=deals["small"], net_amount=11)
    QuoteFactory(opportunity=deals["large"], net_amount=9)
    for address, found in (
        ("/quotes/?where=1:net_amount:min:10&where=1:contact:begins:ac", [quote]),
        ("/contacts/?where=1:salesperson:is_not:blank", None),
        ("/contacts/?where=1:name:is:acme&where=2:created_at:before:2000-01-01", [acme]),
        ("/salespeople/?where=1:code:is:jo", [Salesperson.objects.get(code="JO")]),
    ):
        response = client.get(address)
        assert response.status_code == (422 if found is None else 200)
        assert [row["pk"] for row in response.context["page"].rows] == [each.pk for each in found or []]


@pytest.mark.parametrize("place", ["opportunities", "contacts", "salespeople", "quotes"])
def test_every_list_has_the_page(client: Client, client_for: Sign, outsider: User, place: str) -> None:
    response = client.get(f"/{place}/filter/?where=1:number:blank" if place != "salespeople" else f"/{place}/filter/")
    assert response.status_code == 200
    assert response.context["clear"] == f"/{place}/?view="
    assert client_for(outsider).get(f"/{place}/filter/").status_code == 403


# ── hostile addresses ────────────────────────────────────────────────────────────────────────────────────────────────

PIECES = (
    *("1", "2", "0", "-1", "999", "1e9", "٣", "", ":", "::", ",", "..", "%", "_", "\\", "'", '"', ";", "\0", "\ud7ff"),
    *(
        "description",
        "estimated_value",
        "closing_on",
        "stage",
        "contact",
        "status",
        "chances_are_manual",
        "salesperson",
    ),
    *("contact_city", "number", "pk", "salesperson__user__password", "__class__", "is", "is_not", "contains", "begins"),
    *(
        "between",
        "one_of",
        "min",
        "max",
        "before",
        "after",
        "more_ago",
        "less_ahead",
        "blank",
        "not_blank",
        "me",
        "none",
    ),
    *(
        "today",
        "last_9999_days",
        "next_99999_days",
        "this_week",
        "2026-02-29",
        "9999-12-31",
        "0000-00-00",
        "NaN",
        "1E5",
    ),
    *("-0", "99999999999999999999", "12.345678", "1..2", "9..1", "yes", "won", "\u202e", "😀", "ß", "İ", "x" * 300),
)


def hostile(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8)))
    value = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 3)))
    column, operator = chance.choice(PIECES[20:33]), chance.choice(PIECES[33:50])
    return f"{chance.choice(PIECES[:6])}:{column}:{operator}:{value}"


@pytest.mark.slow
def test_thousands_of_hostile_conditions_do_no_harm(client_for: Sign, rep: User, deals: dict[str, Opportunity]) -> None:
    """Never an error of the server, never another person's row: by the FilterSet 4000 times, by the pages some."""
    own = {deals["small"].pk, deals["large"].pk}
    visible = Opportunity.objects.visible_to(rep)
    chance, answered = random.Random(2026), 0
    for _ in range(4000):
        made = QueryDict(mutable=True)
        made.setlist("where", [hostile(chance) for _ in range(chance.choice([1, 1, 1, 2, 5]))])
        filters = OpportunityFilter(made, queryset=visible, user=rep)
        if filters.is_valid():
            answered += 1
            assert set(filters.qs.values_list("pk", flat=True)) <= own
            assert all(chip["words"] for chip in filters.chips)
    assert answered > 100
    client = client_for(rep)
    for at in range(120):
        pairs = [("where", hostile(chance)) for _ in range(chance.randint(0, 3))]
        pairs += [(f"w{chance.randint(0, 9)}-{name}", chance.choice(PIECES)) for name in FORM_WORDS if at % 2]
        pairs += [(chance.choice(["apply", "add", "or", "drop", "update", "next"]), chance.choice(PIECES))]
        for page in (FILTER, "/opportunities/", "/opportunities/board/"):
            response = client.get(f"{page}?{query(*pairs)}")
            assert response.status_code in (200, 302, 422), (page, pairs)
            assert "Other" not in re.sub(r"<option.*?</option>", "", response.content.decode())


FORM_WORDS = ("group", "column", "operator", "value", "until", "period", "find", "found")


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "queries"),
    [
        ("", 0),
        ("where=1:estimated_value:min:1&where=2:closing_on:is:this_quarter&where=2:contact_city:blank", 0),
        ("where=1:salesperson:is:me", 0),
        ("where=1:stage:is:{stage}&where=2:stage:is_not:{stage}", 1),
        ("where=1:contact:is:{contact}", 1),
        ("where=1:stage:is:{stage}&where=1:source:is_not:{source}&where=1:contact:is:{contact}", 3),
    ],
)
def test_conditions_cost_a_query_only_for_the_names_they_need(
    rep: User, deals: dict[str, Opportunity], acme: Contact, words: str, queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    rep.has_perm("opportunities.view_opportunity")
    keys = {"stage": deals["small"].stage_id, "contact": acme.pk, "source": SourceFactory().pk}
    made = QueryDict(words.format(**keys))
    visible = Opportunity.objects.visible_to(rep)
    Company.current()
    with django_assert_num_queries(queries):
        filters = OpportunityFilter(made, queryset=visible, user=rep)
        assert filters.is_valid() and len(filters.chips) == len(made.getlist("where"))
    with django_assert_num_queries(1):
        list(filters.qs)
