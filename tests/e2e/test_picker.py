"""A contact is found while its name is typed, on every form that asks for one."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from salescycles.models import SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import labelled
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("address", ["/opportunities/new/", "/tasks/new/"])
def test_found_while_typing(
    page: Page, sign_in: Callable[..., Any], manager: User, company: Company, cycle: SalesCycle, address: str
) -> None:
    wanted, other = ContactFactory(name="Zebra Works"), ContactFactory(name="Quiet Harbour")
    sign_in(page, manager)
    page.goto(address)
    field, choices = page.get_by_label("Find a contact"), labelled(page, "Contact")
    field.press_sequentially("zeb")
    expect(choices.locator("option")).to_have_count(2)
    expect(page.locator("#announcer")).to_have_text("Contacts to choose from: 1")
    expect(field).to_be_focused()
    choices.select_option(str(wanted.pk))
    field.fill("harb")
    expect(choices.locator(f"option[value='{other.pk}']")).to_have_count(1)
    expect(choices).to_have_value(str(wanted.pk))
    expect(field).to_have_value("harb")


def test_a_choice_made_while_the_answer_is_on_its_way_stays(
    page: Page, sign_in: Callable[..., Any], manager: User, company: Company, cycle: SalesCycle
) -> None:
    first, second = ContactFactory(name="Zebra Works"), ContactFactory(name="Quiet Harbour")
    sign_in(page, manager)
    page.goto("/opportunities/new/")
    choices = labelled(page, "Contact")
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_label("Find a contact").fill("harb")
        choices.select_option(str(first.pk))
    expect(choices.locator(f"option[value='{second.pk}']")).to_have_count(1)
    expect(choices.locator("option")).to_have_count(3)
    expect(choices).to_have_value(str(first.pk))
