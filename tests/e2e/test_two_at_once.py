"""Two tabs, two clicks, and a session that ended meanwhile."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import labelled
from tests.factories import fresh, make_opportunity

SignIn = Callable[[Page, User], None]


@pytest.fixture
def deal(
    company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User, price_w: CloseCode
) -> Opportunity:
    """At the first of four stages, worth 1 000."""
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def address(deal: Opportunity) -> str:
    return f"/opportunities/{deal.pk}/"


def actions(deal: Opportunity) -> list[str]:
    assert [str(fault) for fault in faults()] == []
    return list(deal.entries.order_by("step").values_list("action", flat=True))


@pytest.mark.parametrize("scripts", [True, False], ids=["in place", "scripts off"])
def test_a_stale_save_keeps_what_was_typed_and_saves_on_the_second_try(
    page: Page, plain_page: Page, deal: Opportunity, rep: User, manager: User, sign_in: SignIn, scripts: bool
) -> None:
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto(address(deal))
    tab.get_by_role("link", name="Revise", exact=True).click()
    labelled(tab, "Estimated value").fill("4,321.00")
    labelled(tab, "Reason").fill("they want more")
    today = Company.current().today()
    other = {"estimated_value": 1500, "chances": 44}
    lifecycle.revise(deal, version=deal.version, **other, on=today, by=manager)  # the other person
    tab.get_by_role("button", name="Save the estimate").click()
    conflict = tab.get_by_role("alert")
    expect(conflict).to_contain_text("Someone was faster.")
    expect(conflict).to_contain_text("Manager")
    expect(conflict.get_by_role("row")).to_have_count(2)
    cells = ["Estimated value", "€1,000.00", "€1,500.00", "€4,321.00"]
    expect(conflict.get_by_role("row").last.locator("th, td")).to_have_text(cells)
    expect(labelled(tab, "Chances of success %")).to_have_value("44.00")
    expect(labelled(tab, "Estimated value")).to_have_value("4,321.00")
    expect(labelled(tab, "Reason")).to_have_value("they want more")
    if scripts:
        expect(conflict).to_be_focused()
    assert fresh(deal).estimated_value == 1500
    tab.get_by_role("button", name="Save the estimate").click()
    expect(tab.locator(".tile", has_text="Estimated value")).to_contain_text("4,321.00")
    assert (fresh(deal).estimated_value, fresh(deal).chances) == (4321, 44)
    assert actions(deal) == ["created", "started", "revised", "revised"]


@pytest.mark.parametrize("scripts", [True, False], ids=["in place", "scripts off"])
def test_changes_of_different_fields_are_both_kept(
    page: Page, plain_page: Page, deal: Opportunity, rep: User, manager: User, sign_in: SignIn, scripts: bool
) -> None:
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto(address(deal))
    tab.get_by_role("link", name="Revise", exact=True).click()
    labelled(tab, "Estimated value").fill("4,321.00")
    lifecycle.revise(deal, version=deal.version, chances=44, on=Company.current().today(), by=manager)
    tab.get_by_role("button", name="Save the estimate").click()
    expect(tab.locator("#messages")).to_contain_text("What Manager changed in between was kept.")
    expect(tab.locator(".tile", has_text="Estimated value")).to_contain_text("4,321.00")
    assert (fresh(deal).estimated_value, fresh(deal).chances) == (4321, 44)
    assert actions(deal) == ["created", "started", "revised", "revised"]


def test_a_stale_button_says_so_and_moves_nothing(
    page: Page, deal: Opportunity, rep: User, manager: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(address(deal))
    lifecycle.move(deal, version=deal.version, to=deal.sales_cycle.stages.get(number=2), on=deal.created_on, by=manager)
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Someone was faster.")
    assert actions(deal) == ["created", "started", "next"]


def test_a_move_that_another_tab_has_just_made_is_done_already(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(address(deal))
    other = page.context.new_page()
    other.goto(address(deal))
    other.get_by_role("button", name="Next: Present").first.click()
    expect(other.locator("[aria-current=step]")).to_contain_text("Present")
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.locator("#messages")).to_contain_text("This was done already.")
    assert actions(deal) == ["created", "started", "next"]


def test_a_double_click_moves_one_stage(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(address(deal))
    page.get_by_role("button", name="Next: Present").first.dblclick()
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert actions(deal) == ["created", "started", "next"]


def test_a_second_click_before_the_answer_sends_nothing(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(address(deal))
    page.route("**/move/", lambda route: _late(page, route))
    button = page.get_by_role("button", name="Next: Present").first
    button.click()
    button.click(force=True)
    button.click(force=True)
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert actions(deal) == ["created", "started", "next"]


def _late(page: Page, route: Route) -> None:
    page.wait_for_timeout(500)
    route.continue_()


def test_the_second_half_of_a_double_click_does_not_hit_the_next_button(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    """The answer may be there between the two clicks, and another Next stands where the first one stood."""
    sign_in(page, rep)
    page.goto(address(deal))
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    box = page.get_by_role("button", name="Next: Offer").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    assert actions(deal) == ["created", "started", "next"]


@pytest.mark.parametrize("scripts", [True, False], ids=["in place", "scripts off"])
def test_signed_out_in_another_tab(
    page: Page, plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn, scripts: bool
) -> None:
    """A button leads to the sign-in page, whole, and from there back; nothing of it lands inside the page."""
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto(address(deal))
    tab.context.clear_cookies(name="sessionid")
    tab.get_by_role("button", name="Next: Present").first.click()
    tab.wait_for_url(re.compile("/login/"))
    expect(tab.get_by_role("heading", level=1)).to_have_text("Sign in")
    told = "You were signed out. Sign in to go on." if scripts else "Please sign in to continue."
    expect(tab.get_by_role("main")).to_contain_text(told)
    expect(tab.locator("#verb")).to_have_count(0)
    assert actions(deal) == ["created", "started"]
    labelled(tab, "E-mail").fill(rep.email)
    labelled(tab, "Password").fill("demo")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab).to_have_url(re.compile(address(deal)))


def test_a_skip_that_was_forged_is_refused_with_its_reason(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    """A button that asks for a stage behind one that cannot be skipped."""
    sign_in(page, rep)
    page.goto(address(deal))
    assert deal.sales_cycle
    sign = deal.sales_cycle.stages.get(number=4)
    page.locator("form [name=to]").first.evaluate("(field, key) => field.value = key", str(sign.pk))
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.get_by_role("alert").first).to_contain_text("cannot be skipped")
    assert actions(deal) == ["created", "started"]
