"""Somebody leaves: what there is goes to others, by mouse, by keyboard only, and with scripts off; and comes back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Hand, Keyboard, Mouse
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, of: Salesperson) -> Opportunity:
    today = company.today()
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today, description="Desks")


def journey(page: Page, hand: Hand, jo: Salesperson, of: Salesperson, deal: Opportunity) -> None:
    page.goto(jo.get_absolute_url())
    hand.press("link", "Hand over")
    expect(page.get_by_role("heading", name="Hand over what Jim Olive has")).to_be_visible()
    hand.toggle("Otis Falls")
    hand.press("button", "Preview")
    expect(page.get_by_label("To whom: ACME")).to_have_value(str(of.pk))
    hand.press("button", "Hand over as chosen")
    expect(page.get_by_role("heading", name="Handover of what Jim Olive had")).to_be_visible()
    expect(page.get_by_text("2 were handed over.").first).to_be_visible()
    assert fresh(deal).salesperson_id == of.pk
    undo = page.get_by_role("button", name="Undo this run")
    if isinstance(hand, Keyboard):
        hand.go_to(undo)
        page.keyboard.press("Enter")
    else:
        undo.click()
    expect(page.get_by_text("2 went back.").first).to_be_visible()
    assert fresh(deal).salesperson_id == jo.pk


@pytest.mark.parametrize("make", [Mouse, Keyboard])
def test_handed_over_and_taken_back(
    page: Page,
    sign_in: Callable[..., None],
    make: Callable[[Page], Any],
    deal: Opportunity,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
) -> None:
    sign_in(page, manager)
    journey(page, make(page), jo, of, deal)


def test_without_scripts(
    plain_page: Page, sign_in: Callable[..., None], deal: Opportunity, manager: User, jo: Salesperson, of: Salesperson
) -> None:
    sign_in(plain_page, manager)
    journey(plain_page, Mouse(plain_page), jo, of, deal)
    plain_page.goto("/search/?q=falls")
    plain_page.get_by_role("link", name="Otis Falls").click()
    expect(plain_page.get_by_role("heading", name="Otis Falls")).to_be_visible()


def test_the_pages_of_a_handover_are_accessible(
    page: Page,
    sign_in: Callable[..., None],
    check_accessibility: Callable[[Page], None],
    deal: Opportunity,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
) -> None:
    sign_in(page, manager)
    page.goto(f"/upkeep/handovers/of/{jo.pk}/")
    check_accessibility(page)
    page.get_by_label("Otis Falls").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="What would go to whom").wait_for()
    check_accessibility(page)
    page.get_by_role("button", name="Hand over as chosen").click()
    page.get_by_role("button", name="Undo this run").wait_for()
    check_accessibility(page)
