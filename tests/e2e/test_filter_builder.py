"""An and/or filter is put together by mouse, by keyboard and without scripts, and ends in the same address."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Hand, Keyboard, MakeHand, Mouse
from tests.factories import make_opportunity

WHERE = "/opportunities/?where=1:estimated_value:min:1000&where=1:closing_on:is:this_year&where=2:contact:is:{contact}"


@pytest.fixture
def deals(
    company: Company, cycle: SalesCycle, acme: Contact, beta: Contact, jo: Salesperson, rep: User
) -> dict[str, Opportunity]:
    today = company.today()
    given: dict[str, Any] = {"salesperson": jo, "cycle": cycle, "stage": 1, "by": rep, "on": today}
    return {
        "large": make_opportunity(contact=acme, value=5000, description="Large", closing_on=today, **given),
        "late": make_opportunity(
            contact=acme, value=5000, description="Late", closing_on=today + datetime.timedelta(days=800), **given
        ),
        "beta": make_opportunity(contact=beta, value=1, description="Beta's", closing_on=today, **given),
    }


def condition(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Condition {number}", exact=True)


def choose(hand: Hand, field: Locator, option: str) -> None:
    """A select by mouse, or by typing what it should say."""
    if isinstance(hand, Mouse):
        field.select_option(label=option)
    else:
        hand.go_to(field)
        hand.page.keyboard.type(option)
    hand.page.wait_for_timeout(600)  # the pause after which the controls follow, and the answer


def write(hand: Hand, field: Locator, text: str) -> None:
    if isinstance(hand, Mouse):
        field.fill(text)
        field.blur()
    else:
        hand.go_to(field)
        hand.page.keyboard.type(text)
        hand.page.keyboard.press("Tab")
    hand.page.wait_for_timeout(600)


@pytest.mark.parametrize("make_hand", [Mouse, Keyboard])
def test_with_scripts(
    page: Page,
    make_hand: MakeHand,
    deals: dict[str, Opportunity],
    beta: Contact,
    rep: User,
    sign_in: Callable[..., None],
) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/filter/")
    hand = make_hand(page)
    first, second, third = (condition(page, number) for number in (1, 2, 3))
    choose(hand, first.get_by_label("Field"), "Estimated value")
    hand.finds_focus_at(first.get_by_label("Field"))
    choose(hand, first.get_by_label("Comparison"), "is at least")
    write(hand, first.get_by_label("Value"), "1,000")
    hand.press("button", "Add a condition")
    hand.finds_focus_at(second.get_by_label("Field"))
    expect(first.get_by_label("Value")).to_have_value("1,000")
    choose(hand, second.get_by_label("Field"), "Closing date")
    choose(hand, second.get_by_label("Period"), "this year")
    expect(second.get_by_label("Day")).to_have_count(0)
    hand.press("button", "Add an “or” group")
    hand.finds_focus_at(third.get_by_label("Field"))
    choose(hand, third.get_by_label("Field"), "Contact")
    write(hand, third.get_by_label("Find by name"), "bet")
    expect(third.get_by_label("Value")).to_have_value(str(beta.pk))
    hand.press("button", "Add a condition: Group 1")
    expect(condition(page, 4)).to_be_visible()
    hand.press("button", "Remove: Condition 3")
    expect(condition(page, 4)).to_have_count(0)
    hand.press("button", "Show")
    page.wait_for_url("**/opportunities/?where=**")
    assert page.url.endswith(WHERE.format(contact=beta.pk))
    expect(page.get_by_role("link", name="Large", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Beta's", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Late", exact=True)).to_have_count(0)


def test_enter_shows_and_what_is_wrong_is_marked(
    page: Page, deals: dict[str, Opportunity], rep: User, sign_in: Callable[..., None]
) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/filter/?where=1:estimated_value:min:1000&order=number")
    value = condition(page, 1).get_by_label("Value")
    value.fill("lots")
    value.press("Enter")
    expect(page.get_by_text("“lots” is not a number.").first).to_be_visible()
    expect(value).to_be_focused()
    expect(value).to_have_value("lots")
    value.fill("2000")
    value.press("Enter")
    page.wait_for_url("**/opportunities/?where=1:estimated_value:min:2000&order=number")


def test_without_scripts(
    plain_page: Page, deals: dict[str, Opportunity], beta: Contact, rep: User, sign_in: Callable[..., None]
) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto("/opportunities/filter/?next=board")
    update = page.get_by_role("button", name="Update the fields")
    first, second, third = (condition(page, number) for number in (1, 2, 3))
    first.get_by_label("Field").select_option(label="Estimated value")
    update.click()
    first.get_by_label("Comparison").select_option(label="is at least")
    first.get_by_label("Value").fill("1,000")
    page.get_by_role("button", name="Add a condition").click()
    second.get_by_label("Field").select_option(label="Closing date")
    update.click()
    second.get_by_label("Period").select_option(label="this year")
    page.get_by_role("button", name="Add an “or” group").click()
    third.get_by_label("Field").select_option(label="Contact")
    update.click()
    third.get_by_label("Find by name").fill("bet")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/opportunities/board/?where=**")
    assert page.url.endswith(WHERE.format(contact=beta.pk).replace("/opportunities/", "/opportunities/board/"))
    expect(page.locator(f"#card-{deals['large'].pk}")).to_be_visible()
    expect(page.locator(f"#card-{deals['beta'].pk}")).to_be_visible()
    expect(page.locator(f"#card-{deals['late'].pk}")).to_have_count(0)
    chips = page.get_by_label("Active filters")
    expect(chips.get_by_role("listitem")).to_have_text(
        [
            "Estimated value is at least €1,000.00Remove",
            "Closing date is this yearRemove",
            "orContact is BETARemove",
        ]
    )
