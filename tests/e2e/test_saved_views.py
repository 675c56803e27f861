"""Saved views in a real browser: saved, changed, reset, shared, what opens first; with a mouse, keyboard only, without
scripts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, DefaultView, Salesperson, SavedView, User
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled
from tests.factories import make_opportunity

SignIn = Callable[[Page, User], None]
hands = pytest.mark.parametrize("hand", [Mouse, Keyboard], ids=["mouse", "keyboard"])


@pytest.fixture
def deals(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> list[Opportunity]:
    """One of high priority, one of low."""
    given = {"contact": acme, "salesperson": jo, "cycle": cycle, "stage": 1, "by": rep, "on": company.today()}
    return [
        make_opportunity(description=f"Deal {priority}", priority=priority, **given) for priority in ("high", "low")
    ]


def tabs(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Saved views").get_by_role("link")


def current(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Saved views").locator("[aria-current=page]")


def see(page: Page, *seen: str) -> None:
    for name in ("Deal high", "Deal low"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(int(name in seen))


def saves_changes_and_resets(hand: Hand) -> None:
    """The story: save what the filter shows as what opens first, change it, reset, change and save."""
    page = hand.page
    page.goto("/opportunities/?priority=high")
    hand.press("link", "Save as a view")
    page.get_by_role("heading", name="Save as a view: Opportunities").wait_for()
    hand.write("Name", "Urgent")
    hand.toggle("Open first")
    hand.press("button", "Save")
    expect(current(page)).to_have_text(re.compile("Urgent"))
    see(page, "Deal high")
    page.goto("/opportunities/")
    expect(current(page)).to_have_text(re.compile("Urgent"))
    see(page, "Deal high")
    hand.press("link", "All")
    expect(current(page)).to_have_text("All")
    see(page, "Deal high", "Deal low")
    page.goto("/opportunities/")
    page.goto(f"{page.url}&status=won")
    expect(page.get_by_text("Changed:").first).to_be_visible()
    see(page)
    hand.press("link", "Reset the view")
    expect(page.get_by_text("Changed:")).to_have_count(0)
    see(page, "Deal high")
    page.goto(page.url.replace("priority=high", "priority=low"))
    hand.press("button", "Save the view")
    expect(page.get_by_text("Changed:")).to_have_count(0)
    see(page, "Deal low")
    assert SavedView.objects.get().query == "priority=low"


@hands
def test_saved_changed_reset(
    page: Page, rep: User, sign_in: SignIn, deals: list[Opportunity], hand: Callable[[Page], Hand]
) -> None:
    sign_in(page, rep)
    saves_changes_and_resets(hand(page))


def test_the_same_without_scripts(plain_page: Page, rep: User, sign_in: SignIn, deals: list[Opportunity]) -> None:
    sign_in(plain_page, rep)
    saves_changes_and_resets(Mouse(plain_page))


def narrow(page: Page, status: str) -> None:
    page.get_by_role("link", name=re.compile(r"^Filter( \d+ active)?$")).click()
    dialog = page.get_by_role("dialog", name="Filter: Opportunities")
    dialog.get_by_label("Status").select_option(status)
    dialog.get_by_role("button", name="Show", exact=True).click()


def test_a_filter_in_place_keeps_the_view_open_and_says_that_it_changed(
    page: Page, rep: User, sign_in: SignIn, deals: list[Opportunity]
) -> None:
    view = SavedView.objects.create(owner=rep, page="opportunities:list", name="Urgent", query="priority=high")
    sign_in(page, rep)
    page.goto(view.url)
    narrow(page, "won")
    expect(page.get_by_text("Changed:").first).to_be_visible()
    expect(current(page)).to_have_text("Urgent")
    expect(page).to_have_url(re.compile(rf"view={view.pk}"))
    narrow(page, "")
    expect(page.get_by_text("Changed:")).to_have_count(0)
    expect(current(page)).to_have_text("Urgent")


def test_shared_and_copied(
    page: Page, new_context: Callable, rep: User, manager: User, sign_in: SignIn, deals: list[Opportunity]
) -> None:
    view = SavedView.objects.create(owner=manager, page="opportunities:board", name="Urgent", query="priority=high")
    sign_in(page, manager)
    page.goto(view.url)
    page.get_by_role("link", name="Name and share").click()
    dialog = page.get_by_role("dialog", name=re.compile("Change the view"))
    expect(dialog).to_be_visible()
    labelled(page, "Shared with everybody").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text("The view “Urgent” was saved.")
    other = new_context().new_page()
    sign_in(other, rep)
    other.goto("/opportunities/board/?view=")
    tabs(other).filter(has_text="Urgent").click()
    expect(other.get_by_text("Shared by Manager. It shows what you may see.").first).to_be_visible()
    expect(other.get_by_role("button", name="Save the view")).to_have_count(0)
    other.get_by_role("link", name="Save as a new view").click()
    labelled(other, "Name").fill("")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_role("dialog").get_by_text("This could not be saved yet.").first).to_be_visible()
    labelled(other, "Name").fill("My urgent ones")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(current(other)).to_have_text("My urgent ones")
    assert SavedView.objects.get(owner=rep).query == "priority=high"


def test_put_in_order_made_default_and_deleted(
    page: Page, rep: User, sign_in: SignIn, deals: list[Opportunity], check_accessibility: Callable[[Page], None]
) -> None:
    for position, name in enumerate(("One", "Two")):
        SavedView.objects.create(owner=rep, page="opportunities:list", name=name, position=position, query="q=deal")
    sign_in(page, rep)
    page.goto("/opportunities/?view=")
    page.get_by_role("link", name="Manage views").click()
    page.get_by_role("button", name="Move up: Two").click()
    expect(page.locator(".view-list li").first).to_contain_text("Two")
    page.get_by_role("button", name=re.compile("^Open first ?: Two$")).click()
    expect(page.locator("#messages")).to_contain_text("“Two” opens first from now on.")
    assert DefaultView.objects.get().view.name == "Two"
    check_accessibility(page)
    page.get_by_role("link", name=re.compile("^Change ?: Two$")).click()
    page.get_by_role("link", name="Delete …").click()
    check_accessibility(page)
    page.get_by_role("button", name="Delete").click()
    expect(tabs(page)).to_have_text(["All", "One"])
