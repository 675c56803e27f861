"""Many at once: previewed, run and taken back with a mouse, by keyboard only, with scripts off, and in a dialog."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Batch, Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]


@pytest.fixture
def deals(company: Company, cycle: SalesCycle, acme: Contact, rep: User) -> list[Opportunity]:
    """Chairs, Desks and Lamps at Initial, worth 1 000 each, and Beds not started."""
    today = company.today()
    given: dict[str, Any] = {"contact": acme, "salesperson": rep.salesperson, "cycle": cycle, "by": rep, "on": today}
    given["closing_on"] = today + datetime.timedelta(days=30)
    made = [make_opportunity(stage=1, description=name, **given) for name in ("Chairs", "Desks", "Lamps")]
    return [*made, make_opportunity(description="Beds", **given)]


def test_with_a_mouse(page: Page, sign_in: SignIn, deals: list[Opportunity], rep: User, manager: User) -> None:
    sign_in(page, rep)
    walk(page, Mouse(page), deals, manager)


def test_with_scripts_off(
    plain_page: Page, sign_in: SignIn, deals: list[Opportunity], rep: User, manager: User
) -> None:
    sign_in(plain_page, rep)
    walk(plain_page, Mouse(plain_page), deals, manager)


def test_by_keyboard_only(page: Page, sign_in: SignIn, deals: list[Opportunity], rep: User, manager: User) -> None:
    sign_in(page, rep)
    walk(page, Keyboard(page), deals, manager)


def walk(page: Page, hand: Hand, deals: list[Opportunity], manager: User) -> None:
    page.goto("/opportunities/bulk/?" + "&".join(f"key={deal.pk}" for deal in deals))
    title = page.locator("#list-dialog-title")
    expect(title).to_have_text("4 opportunities chosen")
    hand.press("button", "Move")
    expect(title).to_have_text("Move: 4 opportunities chosen")
    hand.press("button", "Preview")
    expect(page.get_by_text("This could not be saved yet.").first).to_be_visible()
    choose(page, hand, "To stage", "Cycle CY: Present")
    hand.write("Reason", "Trade fair")
    hand.press("button", "Preview")
    expect(title).to_have_text("Move: preview")
    hand.press("button", "Change the form")
    expect(labelled(page, "Reason")).to_have_value("Trade fair")
    hand.press("button", "Preview")
    expect(title).to_have_text("Move: preview")
    expect(page.get_by_text("It has not started yet; it starts at the stage “Initial”. (1)")).to_be_visible()
    assert {fresh(deal).version for deal in deals} == {1, 2}
    hand.press("button", "Change 3 opportunities")
    expect(page.get_by_role("heading", level=1)).to_have_text("Move")
    expect(page.locator("#messages")).to_contain_text("3 opportunities were changed.")
    assert [fresh(deal).stage and fresh(deal).stage.number for deal in deals] == [2, 2, 2, None]
    lifecycle.edit(fresh(deals[2]), version=3, priority="high", on=Company.current().today(), by=manager)
    hand.press("link", "Undo the batch")
    expect(page.get_by_text("Changed meanwhile by Manager: Edited. (1)")).to_be_visible()
    hand.press("button", "Put 2 opportunities back")
    expect(page.get_by_role("heading", level=1)).to_have_text("Undo")
    expect(page.locator("#messages")).to_contain_text("2 opportunities were put back.")
    assert [fresh(deal).stage and fresh(deal).stage.number for deal in deals] == [1, 1, 2, None]
    hand.press("link", "What was changed lately")
    expect(page.get_by_role("row")).to_have_count(3)
    assert list(faults()) == []


def choose(page: Page, hand: Hand, label: str, option: str) -> None:
    if isinstance(hand, Keyboard):
        hand.go_to(labelled(page, label))
        page.keyboard.type(option)
    else:
        labelled(page, label).select_option(label=option)


def test_the_message_takes_it_back(page: Page, sign_in: SignIn, deals: list[Opportunity], rep: User) -> None:
    sign_in(page, rep)
    page.goto(f"/opportunities/bulk/?action=revise&key={deals[0].pk}&key={deals[1].pk}")
    page.get_by_label("Shift the closing date by").fill("1W")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Change 2 opportunities").dblclick()
    expect(page.locator("#messages")).to_contain_text("2 opportunities were changed.")
    assert Batch.objects.count() == 1
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("u")
    expect(page.locator("#messages")).to_contain_text("2 opportunities were put back.")
    assert [fresh(deal).closing_on for deal in deals[:2]] == [deals[0].closing_on] * 2
    assert list(faults()) == []


def test_over_the_list_it_is_a_dialog(page: Page, sign_in: SignIn, deals: list[Opportunity], rep: User) -> None:
    """Named by the title of the step; who cancels is where the list stood, with the same rows picked."""
    sign_in(page, rep)
    page.goto("/opportunities/?order=description")
    page.get_by_role("link", name="Chairs", exact=True).focus()
    page.keyboard.press("x")
    opener, dialog = page.get_by_role("button", name="Change the selected ones …"), page.get_by_role("dialog")
    opener.click()
    expect(dialog.get_by_role("heading", name="1 opportunity chosen")).to_be_focused()
    dialog.get_by_role("button", name="Edit the facts").click()
    dialog.get_by_label("Priority").select_option("high")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/opportunities/?order=description")
    expect(page.get_by_text("selected: 1").first).to_be_visible()
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Edit the facts").click()
    expect(dialog.get_by_label("Priority")).to_have_value("")
    dialog.get_by_label("Priority").select_option("high")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("heading", name="Edit the facts: preview")).to_be_focused()
    dialog.get_by_role("button", name="Change 1 opportunity").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit the facts")
    assert fresh(deals[0]).priority == "high"
