"""What is to be done next: on the page of a deal by mouse, by keyboard, and with scripts off; on the board by a key."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks.models import Task
from tests.e2e.hands import Keyboard, labelled
from tests.factories import make_opportunity

SignIn = Callable[[Page, User], None]


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_added_postponed_and_completed_where_it_stands(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    card = page.locator("#tasks")
    expect(card).to_contain_text("Needs a next step")
    card.get_by_label("What is to be done").fill("Call them")
    card.get_by_role("button", name="Add").click()
    expect(card.get_by_role("link", name="Call them", exact=True)).to_be_visible()
    expect(card).not_to_contain_text("Needs a next step")
    card.get_by_text("Postpone: Call them").click()
    card.get_by_role("button", name="In a week").click()
    expect(card).not_to_contain_text("Today")
    card.get_by_role("link", name=re.compile("^Complete")).click()
    labelled(page, "What came of it").fill("They want it")
    labelled(page, "What follows").fill("Send the offer")
    labelled(page, "on").fill("2030-03-04")
    page.get_by_role("button", name="Complete the task").click()
    expect(card.get_by_role("link", name="Send the offer", exact=True)).to_be_visible()
    expect(card.get_by_role("link", name="Call them", exact=True)).to_have_count(0)
    assert [task.outcome for task in Task.objects.order_by("pk")] == ["They want it", ""]


def test_by_keyboard_from_the_deal(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    expect(page.locator("#tasks")).to_contain_text("Needs a next step")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(rf"/tasks/new/\?opportunity={deal.pk}$"))
    hand = Keyboard(page)
    hand.write("Description", "Write a letter")
    hand.press("button", "Make the task")
    expect(page).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))
    assert [task.opportunity for task in Task.objects.all()] == [deal]


def test_by_a_key_from_the_board(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/board/")
    card = page.locator(f"#card-{deal.pk}")
    expect(card).to_contain_text("no next step")
    card.locator(".deal-title").focus()
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(rf"/tasks/new/\?opportunity={deal.pk}$"))


def test_without_scripts(plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.get_by_role("link", name="New task").click()
    labelled(page, "Description").fill("Call them")
    page.get_by_role("button", name="Make the task").click()
    page.get_by_role("link", name="Show the open tasks").click()
    page.get_by_role("link", name="Call them").click()
    page.get_by_text("Postpone: Call them").click()
    page.get_by_role("button", name="In a week").click()
    page.get_by_role("link", name="Complete").click()
    labelled(page, "What came of it").fill("They want it")
    page.get_by_role("button", name="Complete the task").click()
    expect(page.get_by_role("main")).to_contain_text("They want it")
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("heading", name="Change the task")).to_be_visible()
    assert Task.objects.get().version == 4
