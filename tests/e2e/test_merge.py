"""Two contacts that look alike become one, and two again: by mouse, by keyboard only, with scripts off."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled
from tests.factories import ContactFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]


@pytest.fixture
def twin() -> Contact:
    made: Contact = ContactFactory(number="CT9", name="Acme Oy", city="Oulu")
    return made


@pytest.fixture
def deal(twin: Contact, jo: Salesperson, cycle: SalesCycle, company: Company) -> Opportunity:
    return make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1, on=company.today())


def test_with_a_mouse(page: Page, sign_in: SignIn, manager: User, acme: Contact, deal: Opportunity) -> None:
    sign_in(page, manager)
    walk(page, Mouse(page), acme, deal)


def test_with_a_keyboard(page: Page, sign_in: SignIn, manager: User, acme: Contact, deal: Opportunity) -> None:
    sign_in(page, manager)
    walk(page, Keyboard(page), acme, deal)


def test_with_scripts_off(plain_page: Page, sign_in: SignIn, manager: User, acme: Contact, deal: Opportunity) -> None:
    sign_in(plain_page, manager)
    walk(plain_page, Mouse(plain_page), acme, deal)


def walk(page: Page, hand: Hand, acme: Contact, deal: Opportunity) -> None:
    page.goto("/contacts/duplicates/")
    hand.press("link", "Merge ACME, Acme Oy")
    expect(page.get_by_role("group", name="Contact that is kept")).to_be_visible()
    hand.press("button", "Preview")
    expect(page.get_by_text("Nothing is written yet.").first).to_be_visible()
    expect(page.get_by_role("link", name=str(deal))).to_be_visible()
    hand.press("button", "Merge")
    expect(page.get_by_text("Acme Oy was merged with ACME.").first).to_be_visible()
    assert page.url.endswith(f"/contacts/{acme.pk}/")
    assert (fresh(deal).contact, Contact.objects.get(pk=acme.pk).city) == (acme, "Oulu")
    page.goto(f"/upkeep/contacts/{acme.pk}/merges/")
    hand.press("link", "Take back Acme Oy")
    hand.press("button", "Take back")
    expect(page.get_by_text("Acme Oy and ACME are two contacts again.").first).to_be_visible()
    assert (fresh(deal).contact.name, Contact.objects.get(pk=acme.pk).city) == ("Acme Oy", "")


def test_several_are_picked_in_the_list(
    page: Page, sign_in: SignIn, manager: User, acme: Contact, twin: Contact
) -> None:
    sign_in(page, manager)
    page.goto("/contacts/")
    for name in ("ACME", "Acme Oy"):
        page.get_by_role("checkbox", name=f"Select: {name}", exact=True).check()
    page.get_by_role("button", name="Merge the selected ones …").click()
    expect(page.get_by_role("heading", name="What is kept?")).to_be_visible()
    expect(page.get_by_role("group", name="City")).to_have_count(0)
    expect(page.get_by_role("group", name="Address").get_by_role("radio")).to_have_count(2)


def test_what_looks_alike_is_said_while_typing(
    page: Page, sign_in: SignIn, rep: User, acme: Contact, company: Company
) -> None:
    sign_in(page, rep)
    page.goto("/contacts/new/")
    labelled(page, "Name").fill("Acme GmbH")
    labelled(page, "Number").fill("NEW")
    expect(page.locator("#alike-name").get_by_role("link", name="ACME", exact=True)).to_be_visible()
    expect(labelled(page, "Name")).to_have_value("Acme GmbH")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The contact Acme GmbH was created.").first).to_be_visible()


def test_without_scripts_it_is_asked(
    plain_page: Page, sign_in: SignIn, rep: User, acme: Contact, company: Company
) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto("/contacts/new/")
    labelled(page, "Name").fill("Acme GmbH")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("This looks like a contact that is there already.").first).to_be_visible()
    page.get_by_role("button", name="Save anyway").click()
    expect(page.get_by_text("The contact Acme GmbH was created.").first).to_be_visible()
