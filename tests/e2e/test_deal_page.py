"""The page of an opportunity: edit in place, undo, the timeline's choice, and the way through a selection."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import labelled
from tests.factories import fresh, make_opportunity

SignIn = Callable[[Page, User], None]


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    """At the first of four stages, worth 1 000."""
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_a_value_is_edited_where_it_stands_by_keyboard(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    opener = page.get_by_role("link", name="Edit: Estimated value")
    opener.focus()
    page.keyboard.press("Enter")
    expect(labelled(page, "Estimated value")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("77")
    page.keyboard.press("Escape")
    expect(labelled(page, "Estimated value")).to_have_count(0)
    expect(opener).to_be_focused()
    assert fresh(deal).version == 2
    page.keyboard.press("Enter")
    expect(labelled(page, "Estimated value")).to_have_value("1000.00")
    expect(labelled(page, "Estimated value")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    page.keyboard.press("Enter")
    expect(labelled(page, "Estimated value")).to_have_accessible_description("Enter an estimated value above zero.")
    expect(labelled(page, "Estimated value")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("2,500")
    page.keyboard.press("Tab")
    page.keyboard.type("they want more")
    page.keyboard.press("Enter")
    expect(page.locator(".tile", has_text="Estimated value")).to_contain_text("2,500.00")
    expect(opener).to_be_focused()
    expect(opener).to_be_in_viewport()
    assert deal.entries.get(step=3).reason == "they want more"


def test_cancel_gives_the_focus_back(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    opener = page.get_by_role("link", name="Edit: Priority")
    opener.click()
    labelled(page, "Priority").select_option("High")
    page.get_by_role("link", name="Cancel").click()
    expect(labelled(page, "Priority")).to_have_count(0)
    expect(opener).to_be_focused()
    assert page.url.endswith(deal.get_absolute_url()) and fresh(deal).version == 2


def test_without_scripts_it_is_a_page(plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(plain_page, rep)
    plain_page.goto(deal.get_absolute_url())
    plain_page.get_by_role("link", name="Edit: Description").click()
    labelled(plain_page, "Description").fill("")
    plain_page.get_by_role("button", name="Save").click()
    expect(plain_page.get_by_role("alert")).to_contain_text("This field is required.")
    labelled(plain_page, "Description").fill("Tables")
    plain_page.get_by_role("button", name="Save").click()
    expect(plain_page.get_by_role("heading", level=1)).to_contain_text("Tables")
    assert fresh(deal).version == 3


def test_a_form_opened_beside_stays_open_through_a_move(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.get_by_role("link", name="Edit: Priority").click()
    labelled(page, "Priority").select_option("High")
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    expect(labelled(page, "Priority")).to_have_value("high")
    expect(page.locator("#facts")).to_contain_text("Creation date")
    for name in ("facts", "people", "quotes"):
        expect(page.locator(f"#{name} > .card-header")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False], ids=["in place", "scripts off"])
def test_a_move_is_undone_from_its_message(
    page: Page, plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn, scripts: bool
) -> None:
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto(deal.get_absolute_url())
    tab.get_by_role("button", name="Next: Present").first.click()
    said = tab.locator("#messages")
    expect(said).to_contain_text(re.compile(r"Next: Present\. Weighted value \+.?€220\.00\."))
    said.get_by_role("button", name="Undo", exact=True).click()
    expect(tab.locator("[aria-current=step]")).to_contain_text("Initial")
    expect(said).to_contain_text("Undone.")
    expect(said.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    if scripts:
        expect(tab.get_by_role("heading", level=1)).to_be_focused()
    assert list(deal.entries.order_by("step").values_list("action", flat=True))[2:] == ["next", "undone"]


def test_the_message_stays_ten_seconds_and_while_it_is_pointed_at(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.clock.install()
    page.goto(deal.get_absolute_url())
    page.get_by_role("button", name="Next: Present").first.click()
    undo = page.locator("#messages").get_by_role("button", name="Undo", exact=True)
    undo.hover()
    page.clock.run_for(25000)
    expect(undo).to_be_visible()
    page.mouse.move(300, 10)
    page.clock.run_for(10500)
    expect(undo).to_have_count(0)


def test_only_the_last_step_s_message_offers_undo(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    for stage in ("Present", "Offer"):
        page.get_by_role("button", name=f"Next: {stage}").first.click()
        expect(page.locator("[aria-current=step]")).to_contain_text(stage)
    expect(page.locator("#messages").get_by_role("button", name="Undo", exact=True)).to_have_count(1)
    expect(page.locator("#messages [name=version]")).to_have_value("4")


def test_a_late_undo_says_what_followed(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    other = page.context.new_page()
    page.get_by_role("button", name="Next: Present").first.click()
    undo = page.locator("#messages").get_by_role("button", name="Undo", exact=True)
    undo.hover()
    other.goto(deal.get_absolute_url())
    other.get_by_role("button", name="Next: Offer").first.click()
    expect(other.locator("[aria-current=step]")).to_contain_text("Offer")
    undo.click()
    expect(page.get_by_role("alert")).to_contain_text("Next: Offer")
    expect(page.get_by_role("alert")).to_be_focused()
    assert fresh(deal).version == 4


# Another answer arrives elsewhere on the page in the moment between a swap of the timeline and its settling.
MEANWHILE = """document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "timeline" && !target.closest?.("#timeline")) return;
  window.met = true;
  document.dispatchEvent(new CustomEvent("htmx:beforeSwap", {
    detail: { target: document.querySelector("header"), xhr: new XMLHttpRequest() } }));
})"""


def test_what_arrives_elsewhere_does_not_take_the_focus(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.evaluate(MEANWHILE)
    facts = page.get_by_role("link", name="Facts", exact=True)
    facts.click()
    expect(facts).to_have_attribute("aria-current", "true")
    expect(facts).to_be_focused()
    assert page.evaluate("window.met")


@pytest.mark.parametrize("scripts", [True, False], ids=["in place", "scripts off"])
def test_walking_a_selection_and_narrowing_the_timeline(
    page: Page,
    plain_page: Page,
    deal: Opportunity,
    acme: Contact,
    jo: Salesperson,
    rep: User,
    sign_in: SignIn,
    scripts: bool,
) -> None:
    make_opportunity(contact=acme, salesperson=jo, by=rep, description="Desks", value=10)
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto("/opportunities/?status=open&order=-estimated_value")
    tab.get_by_role("link", name="Chairs", exact=True).click()
    expect(tab.get_by_role("link", name="Previous in this selection")).to_have_count(0)
    facts = tab.get_by_role("link", name="Facts", exact=True)
    facts.click()
    expect(tab.get_by_text("No step of this kind yet.").first).to_be_visible()
    expect(facts).to_have_attribute("aria-current", "true")
    if scripts:
        expect(facts).to_be_focused()
    expect(tab).to_have_url(re.compile(r"\?status=open&order=-estimated_value&show=facts$"))
    tab.get_by_role("button", name="Next: Present").first.click()
    expect(tab.locator("[aria-current=step]")).to_contain_text("Present")
    if not scripts:  # after a round trip by itself the page has forgotten where it came from
        return
    expect(facts).to_have_attribute("aria-current", "true")
    tab.get_by_role("link", name="Next in this selection").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Desks")
    expect(tab.get_by_role("link", name="Next in this selection")).to_have_count(0)
    tab.get_by_role("link", name="Back to the list").click()
    expect(tab).to_have_url(re.compile(r"/opportunities/\?status=open&order=-estimated_value$"))
