"""The pages of opportunities: page, fragment, refused, invalid, stale, exact query counts."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import WORK_DATE, QuoteFactory, fresh, make_cycle, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    """At stage 1 of CY, worth 1 000, closing in a month from today."""
    closing = company.today() + datetime.timedelta(days=30)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, closing_on=closing)


def address(deal: Opportunity, verb: str = "") -> str:
    return f"/opportunities/{deal.pk}/{verb + '/' if verb else ''}"


def stage(deal: Opportunity, number: int) -> int:
    assert deal.sales_cycle
    return deal.sales_cycle.stages.get(number=number).pk


def test_home_shows_my_open_opportunities(client_for: Sign, rep: User, deal: Opportunity) -> None:
    page = client_for(rep).get("/").content.decode()
    assert deal.description in page
    assert "€1,000.00" in page


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, deal: Opportunity) -> None:
    client = client_for(rep)
    page, fragment = client.get("/opportunities/"), client.get("/opportunities/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert fragment.content.decode().strip() in page.content.decode()
    assert "HX-Request" in page["Vary"]


def test_detail_says_where_it_stands(client_for: Sign, rep: User, deal: Opportunity) -> None:
    page = client_for(rep).get(address(deal)).content.decode()
    for words in ("Chairs", "ACME", "Jim Olive", "Initial", "Present", 'aria-current="step"', "Created", "Started"):
        assert words in page


def test_move_by_button_and_by_fragment(client_for: Sign, rep: User, deal: Opportunity) -> None:
    client = client_for(rep)
    answer = client.post(address(deal, "move"), {"version": deal.version, "to": stage(deal, 2)})
    assert answer.status_code == 302 and answer["Location"] == address(deal)
    deal = fresh(deal)
    assert (deal.stage.number, deal.version) == (2, 3)
    answer = client.post(address(deal, "move"), {"version": 3, "to": stage(deal, 3)}, headers=HX)
    assert answer.status_code == 200 and answer["HX-Retarget"] == "#state"
    assert fresh(deal).stage.number == 3
    assert (
        client.get(address(deal), headers=HX).content.decode().split("<nav")[0].split("csrf")[0]
        in answer.content.decode()
    )


KEPT = [f'<section id="{name}" hx-preserve></section>' for name in ("facts", "people", "quotes")]


def test_what_a_move_cannot_change_stays_on_the_page_as_it_is(client_for: Sign, rep: User, deal: Opportunity) -> None:
    client = client_for(rep)
    for verb, data, kept in (
        ("move", {"to": stage(deal, 2)}, KEPT),
        ("revise", {"estimated_value": "1500"}, KEPT),
        ("edit", {"description": "Tables"}, []),
        ("undo", {}, []),
    ):
        seen = fresh(deal).version
        answer = client.post(address(deal, verb), {"version": seen} | data, headers=HX)
        assert answer.status_code == 200
        assert [piece for piece in KEPT if piece in answer.content.decode()] == kept, verb


def test_what_somebody_else_changed_meanwhile_is_shown(
    client_for: Sign, rep: User, manager: User, deal: Opportunity
) -> None:
    """The value fits beside the other's change of a fact, so that it is saved; the page has the fact then."""
    seen = deal.version
    client_for(manager).post(address(deal, "edit"), {"version": seen, "description": "Tables", "priority": "normal"})
    data = {"version": seen, "estimated_value": "1500"}
    answer = client_for(rep).post(address(deal, "revise"), data, headers=HX)
    assert answer.status_code == 200 and fresh(deal).version == seen + 2
    assert not any(piece in answer.content.decode() for piece in KEPT)


def test_refused_skip_shows_the_reason_and_keeps_what_was_typed(client_for: Sign, rep: User, deal: Opportunity) -> None:
    answer = client_for(rep).post(
        address(deal, "move"), {"version": deal.version, "to": stage(deal, 3), "estimated_value": "1,234.56"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "cannot be skipped" in page and "1,234.56" in page
    assert fresh(deal).version == deal.version


def test_invalid_input_is_422_at_the_field(client_for: Sign, rep: User, deal: Opportunity) -> None:
    typed = {"version": deal.version, "estimated_value": "many", "chances": "140", "closing_on": "2026-13-45"}
    answer = client_for(rep).post(address(deal, "revise"), typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    for text in ("many", "140", "2026-13-45", 'aria-invalid="true"'):
        assert text in page
    assert fresh(deal).version == deal.version


def test_stale_is_409_with_the_present_and_everything_typed(client_for: Sign, rep: User, deal: Opportunity) -> None:
    client = client_for(rep)
    closing = deal.closing_on
    first = {"version": deal.version, "estimated_value": "2000", "chances": "", "closing_on": closing}
    assert client.post(address(deal, "revise"), first).status_code == 302
    second = {
        "version": deal.version,
        "estimated_value": "3000",
        "chances": "33",
        "closing_on": closing,
        "reason": "grew",
    }
    answer = client.post(address(deal, "revise"), second)
    page = answer.content.decode()
    assert answer.status_code == 409
    for text in ("Someone was faster", "€2,000.00", 'value="3000"', 'value="33"', "grew", 'value="3"'):
        assert text in page
    assert fresh(deal).estimated_value == 2000


def test_revise_edit_reassign_close_reopen_undo_correct_archive_restore(
    client_for: Sign, manager: User, deal: Opportunity, of: Salesperson, price_w: CloseCode
) -> None:
    client = client_for(manager)

    def post(verb: str, **values: Any) -> Opportunity:
        answer = client.post(address(deal, verb), {"version": fresh(deal).version} | values)
        assert answer.status_code == 302, answer.content.decode()
        return fresh(deal)

    assert post("revise", estimated_value="1500", chances="45").chances_are_manual
    assert not post("revise", chances="").chances_are_manual
    assert post("edit", description="Tables", priority="high", source="").description == "Tables"
    assert post("reassign", salesperson=of.pk).salesperson == of
    closed = post("close", outcome="won", close_code=price_w.pk, sales_value="1400.50")
    assert (closed.status, closed.calculated_value) == ("won", Decimal("1400.50"))
    assert post("undo").is_in_progress
    assert post("close", outcome="won", sales_value="1400").close_code == price_w, "the only code of its kind"
    assert post("reopen", to=stage(deal, 2), reason="they came back", closing_on=closed.closed_on).stage.number == 2
    assert post("close", outcome="won", sales_value="1400").is_closed
    assert post("archive").archived
    assert not post("restore").archived
    undone = post("undo")
    assert undone.archived


def test_forms_open_as_pages_and_as_fragments(client_for: Sign, manager: User, deal: Opportunity) -> None:
    client = client_for(manager)
    for verb in (
        "move",
        "revise",
        "edit",
        "reassign",
        "change-cycle",
        "close",
        "undo",
        "correct",
        "archive",
        "reopen",
        "start",
    ):
        for headers in ({}, HX):
            answer = client.get(address(deal, verb), headers=headers)
            assert answer.status_code == 200, verb
            assert ("<html" in answer.content.decode()) is (headers == {}), verb


def test_new_keeps_its_context_and_creates_two_steps(
    client_for: Sign, rep: User, acme: Contact, cycle: SalesCycle, company: Company
) -> None:
    SalesCycle.objects.update(is_default=True)
    client = client_for(rep)
    page = client.get(f"/opportunities/new/?contact={acme.pk}").content.decode()
    assert f'<option value="{acme.pk}" selected>' in page
    assert "the first stage&#x27;s own, 20" in page
    typed = {
        "description": "Desks",
        "contact": acme.pk,
        "sales_cycle": cycle.pk,
        "estimated_value": "900",
        "chances": "",
        "closing_on": company.today(),
        "created_on": WORK_DATE,
        "start": "on",
    }
    answer = client.post("/opportunities/new/", typed)
    made = Opportunity.objects.get()
    assert answer.status_code == 302 and answer["Location"] == made.get_absolute_url()
    assert (made.created_on, made.salesperson, made.version, made.stage.number) == (WORK_DATE, rep.salesperson, 2, 1)


def test_new_refuses_in_words_and_keeps_what_was_typed(client_for: Sign, rep: User, acme: Contact) -> None:
    answer = client_for(rep).post("/opportunities/new/", {"description": "De\0sks", "contact": "99999999999999999999"})
    assert answer.status_code == 422
    answer = client_for(rep).post("/opportunities/new/", {"description": "Desks", "contact": acme.pk, "start": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "Choose a sales cycle first" in page and 'value="Desks"' in page
    assert not Opportunity.objects.exists()


def test_find_searches_contacts_without_losing_anything(
    client_for: Sign, rep: User, acme: Contact, ann: Contact
) -> None:
    answer = client_for(rep).post("/opportunities/new/", {"description": "Desks", "contact_search": "ann", "find": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200 and "Ann Lee (ACME)" in page and 'value="Desks"' in page
    assert "ACME</option>" not in page.replace("(ACME)</option>", "")


def test_without_a_cycle_a_rep_is_told_whom_to_ask_and_a_manager_where(
    client_for: Sign, rep: User, manager: User
) -> None:
    assert "Ask your sales manager" in client_for(rep).get("/opportunities/new/").content.decode()
    assert "/admin/salescycles/salescycle/add/" in client_for(manager).get("/opportunities/new/").content.decode()


VERBS = (
    "",
    "start",
    "move",
    "revise",
    "edit",
    "reassign",
    "change-cycle",
    "close",
    "reopen",
    "undo",
    "correct",
    "archive",
    "restore",
)


@pytest.mark.parametrize("who", ["rep2", "outsider"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_visible_does_not_exist(
    client_for: Sign, request: pytest.FixtureRequest, deal: Opportunity, who: str, verb: str
) -> None:
    client = client_for(request.getfixturevalue(who))
    assert client.get(address(deal, verb)).status_code == 404
    if verb:
        assert client.post(address(deal, verb), {"version": deal.version}).status_code == 404
    assert fresh(deal).version == deal.version


@pytest.mark.parametrize("verb", VERBS[1:])
def test_a_viewer_sees_and_changes_nothing(client_for: Sign, viewer: User, deal: Opportunity, verb: str) -> None:
    client = client_for(viewer)
    assert client.get(address(deal)).status_code == 200
    assert client.post(address(deal, verb), {"version": deal.version}).status_code == 403
    assert fresh(deal).version == deal.version


def test_lists_and_totals_of_others_are_empty(client_for: Sign, rep2: User, deal: Opportunity) -> None:
    client = client_for(rep2)
    for url in ("/", "/opportunities/", f"/opportunities/?contact={deal.contact_id}", "/opportunities/?q=chairs"):
        page = client.get(url).content.decode()
        assert "Chairs" not in page and "1,000.00" not in page, url


def test_only_managers_see_what_has_no_salesperson(
    client_for: Sign, rep: User, viewer: User, manager: User, administrator: User, acme: Contact
) -> None:
    lead = make_opportunity(contact=acme, by=manager, description="Web lead")
    seen = {
        user.email: client_for(user).get(address(lead)).status_code for user in (rep, viewer, manager, administrator)
    }
    assert list(seen.values()) == [404, 404, 200, 200]


def test_reassigning_away_takes_the_rep_to_the_list(
    client_for: Sign, rep: User, deal: Opportunity, of: Salesperson
) -> None:
    answer = client_for(rep).post(address(deal, "reassign"), {"version": deal.version, "salesperson": of.pk})
    assert answer.status_code == 302 and answer["Location"] == "/opportunities/"


HOSTILE = (
    "page=abc&order=evil&nonsense=1",
    "page=99999999999999999999",
    "page=-1",
    "status=dead",
    "stage=999999999999999999999999",
    "contact=999999999999999999999999",
    "contact=%00",
    "q=%00%27%22",
    "q=" + "x%20" * 300,
    "closing_from=notadate&value_from=lots",
    "value_to=1e400",
    "salesperson=none",
    "archived=maybe",
    "q=%27%3A*%20%26%20!",
)


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hand_made_address_never_breaks(client_for: Sign, manager: User, deal: Opportunity, query: str) -> None:
    answer = client_for(manager).get(f"/opportunities/?{query}")
    assert answer.status_code in (200, 422)


def test_unknown_parts_of_the_address_are_said(client_for: Sign, manager: User, deal: Opportunity) -> None:
    page = client_for(manager).get("/opportunities/?order=evil&colour=red&page=2").content.decode()
    assert "left them out: colour, page, order=evil" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=chai", True),
        ("q=acm", True),
        ("q=zebra", False),
        ("status=in_progress", True),
        ("status=won", False),
        ("status=open", True),
        ("status=closed", False),
        ("salesperson=me", True),
        ("priority=high", False),
        ("value_from=999&value_to=1,000.00", True),
        ("value_from=1001", False),
        ("closing_to=2026-01-01", False),
        ("archived=true", False),
    ],
)
def test_each_filter(client_for: Sign, rep: User, deal: Opportunity, query: str, found: bool) -> None:
    page = client_for(rep).get(f"/opportunities/?{query}").content.decode()
    assert (f">{deal.description}</a>" in page) is found


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list_do_not_grow(
    client_for: Sign,
    rep: User,
    acme: Contact,
    jo: Salesperson,
    cycle: SalesCycle,
    company: Company,
    rows: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(rows):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, by=rep)
    client = client_for(rep)
    client.get("/opportunities/")  # the company's row is now kept
    with django_assert_num_queries(5):  # session, user, saved views, totals, page
        client.get("/opportunities/?status=open")


@pytest.mark.parametrize("steps", [1, 20])
def test_queries_of_the_page_do_not_grow(
    client_for: Sign,
    rep: User,
    deal: Opportunity,
    steps: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(rep)
    for step in range(steps):
        client.post(address(deal, "revise"), {"version": fresh(deal).version, "estimated_value": str(1000 + step)})
    with django_assert_num_queries(7):  # session, user, opportunity, stages, entries, what is beside them, quotes
        client.get(address(deal))


@pytest.mark.parametrize("steps", [1, 20])
def test_queries_of_a_move(
    client_for: Sign, rep: User, deal: Opportunity, steps: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(rep)
    SalesCycle.objects.update(stage_decides=False)
    deal.sales_cycle.stages.filter(number=3).update(
        quote_required=True
    )  # whether there is one comes with the opportunity
    for step in range(steps):
        client.post(address(deal, "revise"), {"version": fresh(deal).version, "estimated_value": str(1000 + step)})
    data = {"version": fresh(deal).version, "to": stage(deal, 2)}
    # session, user; opportunity, stages; present, old entry, new entry (in a savepoint: 2 more); opportunity, entries, what
    # hangs on it
    with django_assert_num_queries(12):
        answer = client.post(address(deal, "move"), data, headers=HX)
    assert answer.status_code == 200 and fresh(deal).stage.number == 2


@pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])
@pytest.mark.parametrize("to", ["of another cycle", "gone", "12e3", "\0", "-1"])
def test_a_stage_that_is_not_of_the_cycle_is_said_to_be_none(
    client_for: Sign, rep: User, deal: Opportunity, price_l: CloseCode, to: str, headers: dict[str, str]
) -> None:
    client = client_for(rep)
    keys = {"of another cycle": make_cycle("OTHER").stages.get(number=2).pk, "gone": 987654321}
    data: dict[str, Any] = {"version": deal.version, "to": keys.get(to, to), "reason": "because"}
    answer = client.post(address(deal, "move"), data, headers=headers)
    assert answer.status_code == 422
    assert "This stage is not part of the sales cycle (any more)." in answer.content.decode()
    lifecycle.close(
        fresh(deal), version=deal.version, outcome="lost", close_code=price_l, on=Company.current().today(), by=rep
    )
    data["version"] += 1
    answer = client.post(address(deal, "reopen"), data, headers=headers)
    assert answer.status_code == 422
    assert "This stage is not part of the sales cycle (any more)." in answer.content.decode()
    assert fresh(deal).version == data["version"]


def test_winning_with_a_quote_proposes_it_and_says_when_another_amount_is_typed(
    client_for: Sign, rep: User, deal: Opportunity, price_w: CloseCode
) -> None:
    QuoteFactory(opportunity=deal, number="Q77", net_amount=Decimal(250))
    client = client_for(rep)
    assert "quote Q77, €250.00" in client.get(address(deal, "close") + "?outcome=won").content.decode()
    data = {"version": deal.version, "outcome": "won", "close_code": price_w.pk, "sales_value": "240"}
    page = client.post(address(deal, "close"), data, follow=True).content.decode()
    assert "The quote Q77 says another amount" in page
    assert fresh(deal).sales_value == 240


def test_a_quote_number_is_text_and_not_markup(client_for: Sign, rep: User, deal: Opportunity) -> None:
    QuoteFactory(opportunity=deal, number="<B>Q</B>", net_amount=Decimal(250))
    page = client_for(rep).get(address(deal, "close") + "?outcome=won").content.decode()
    assert "<B>Q" not in page and "&lt;B&gt;Q" in page


def test_a_button_that_is_refused_or_late_opens_the_form_with_what_is_proposed(
    client_for: Sign, rep: User, deal: Opportunity
) -> None:
    client = client_for(rep)
    assert client.post(address(deal, "move"), {"version": deal.version, "to": stage(deal, 2)}).status_code == 302
    late = client.post(address(deal, "move"), {"version": deal.version, "to": stage(deal, 3)}, headers=HX)
    page = late.content.decode()
    assert late.status_code == 409
    assert 'value="1000.00"' in page and f'value="{deal.closing_on}"' in page
    again = {
        "version": 3,
        "to": stage(deal, 3),
        "estimated_value": "1000.00",
        "chances": "",
        "closing_on": deal.closing_on,
    }
    assert client.post(address(deal, "move"), again).status_code == 302
    assert fresh(deal).stage.number == 3


def figures_of(client: Client, whose: str) -> tuple[list[str], list[str]]:
    """The tiles of the open ones and of all."""
    page = client.get(f"/opportunities/?{whose}&embedded=1", headers=HX).content.decode()
    told = [text.split("</span>")[0] for text in page.split('class="tile-value">')[1:]]
    return told[:3], told[3:6]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_the_worked_check_of_a_contacts_figures(
    client_for: Sign,
    rep: User,
    ann: Contact,
    acme: Contact,
    jo: Salesperson,
    cycle: SalesCycle,
    price_w: CloseCode,
    price_l: CloseCode,
    company: Company,
    outcome: str,
) -> None:
    """E.3: 1 000 at a stage of 60 % chances and 40 % completed; a company's figures include its people, not the reverse."""
    cycle.stages.filter(number=2).update(chances=60, completed=40)
    client = client_for(rep)
    deal = make_opportunity(contact=ann, salesperson=jo, cycle=cycle, stage=2, value=1000, by=rep)
    running, nothing = ["1", "€1,000.00", "€240.00"], ["0", "€0.00", "€0.00"]
    for whose in (f"contact={ann.pk}", f"company={acme.pk}", f"salesperson={jo.pk}"):
        assert figures_of(client, whose) == (running, running)
    assert figures_of(client, f"contact={acme.pk}") == (nothing, nothing)
    code = {"won": price_w, "lost": price_l}[outcome]
    sent = {"version": deal.version, "outcome": outcome, "close_code": code.pk}
    sent |= {"sales_value": "1000"} if outcome == "won" else {}
    assert client.post(address(deal, "close"), sent).status_code == 302
    ended = ["1", "€1,000.00", "€1,000.00" if outcome == "won" else "€0.00"]
    for whose in (f"contact={ann.pk}", f"company={acme.pk}"):
        assert figures_of(client, whose) == (nothing, ended)


def test_the_block_on_a_contact_names_open_ones_and_all(
    client_for: Sign, rep: User, deal: Opportunity, price_w: CloseCode
) -> None:
    client = client_for(rep)
    won = make_opportunity(
        contact=deal.contact, salesperson=deal.salesperson, cycle=deal.sales_cycle, stage=1, by=rep, value=500
    )
    client.post(address(won, "close"), {"version": won.version, "outcome": "won", "sales_value": "450"})
    page = client.get(f"/opportunities/?company={deal.company_id}&embedded=1", headers=HX)
    told = [text.split("</span>")[0] for text in page.content.decode().split('class="tile-value">')[1:]]
    assert told == ["1", "€1,000.00", "€20.00", "2", "€1,500.00", "€470.00"]
    assert page.content.decode().count("open ones") == 2 and page.content.decode().count("won and lost ones too") == 3
    assert "Open opportunities" in page.content.decode() and "All opportunities" in page.content.decode()
