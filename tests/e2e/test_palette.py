"""The command palette in a real browser: by mouse, by keyboard only; and the page that does its work without scripts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, SavedView, User
from tests.factories import fresh, make_opportunity

SignIn = Callable[[Page, User], None]
OPEN = {"key": "/", "control": "Control+k", "command": "Meta+k"}


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    return make_opportunity(
        contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today(), description="Velvet thrones"
    )


@pytest.fixture
def desk(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> Page:
    sign_in(page, rep)
    page.goto("/opportunities/")
    return page


def palette(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Search and commands")


def field(page: Page) -> Locator:
    return palette(page).get_by_role("combobox")


def chosen(page: Page) -> Locator:
    return palette(page).locator("[role=option][aria-selected=true]")


def told(page: Page) -> Locator:
    return palette(page).get_by_role("status")


@pytest.mark.parametrize("key", OPEN.values(), ids=OPEN)
def test_opened_by_a_key_and_closed_by_escape(desk: Page, key: str) -> None:
    new = desk.get_by_role("link", name="New opportunity")
    new.focus()
    desk.keyboard.press(key)
    expect(field(desk)).to_be_focused()
    expect(palette(desk).get_by_role("option", name="Contacts", exact=True)).to_be_visible()
    expect(chosen(desk)).to_have_count(0)  # Enter does nothing that nobody asked for
    desk.keyboard.press("Enter")
    expect(palette(desk)).to_be_visible()
    desk.keyboard.press("Escape")
    expect(palette(desk)).to_be_hidden()
    expect(new).to_be_focused()


def test_control_k_works_while_typing_and_with_letters_switched_off(desk: Page, rep: User) -> None:
    User.objects.filter(pk=rep.pk).update(shortcuts=False)
    desk.reload()
    desk.keyboard.press("/")
    expect(palette(desk)).to_be_hidden()
    desk.get_by_label("Search", exact=True).first.focus()
    desk.keyboard.press("Control+k")
    expect(field(desk)).to_be_focused()


def test_by_keyboard_only(desk: Page, deal: Opportunity, check_accessibility: Callable[[Page], None]) -> None:
    desk.keyboard.press("/")
    desk.keyboard.type("velv")
    expect(chosen(desk)).to_have_text(re.compile("Velvet thrones"))
    expect(told(desk)).to_have_text("1 result")
    expect(field(desk)).to_have_attribute("aria-activedescendant", chosen(desk).get_attribute("id") or "none")
    expect(field(desk)).to_have_attribute("aria-expanded", "true")
    check_accessibility(desk)
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))


def test_arrows_go_round(desk: Page, rep: User) -> None:
    SavedView.objects.create(owner=rep, page="contacts:list", name="New people", query="kind=person")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("new")
    expect(told(desk)).to_have_text("5 results")
    names = [name.split("  ")[0] for name in palette(desk).get_by_role("option").all_text_contents()]
    assert [name.strip()[:15] for name in names] == [
        "New opportunity",
        "New people Cont",
        "New opportunity",
        "New task",
        "New contact",
    ]
    for key, at in (
        ("ArrowDown", 1),
        ("ArrowDown", 2),
        ("ArrowUp", 1),
        ("ArrowUp", 0),
        ("ArrowUp", 4),
        ("ArrowDown", 0),
    ):
        desk.keyboard.press(key)
        expect(palette(desk).get_by_role("option").nth(at)).to_have_attribute("aria-selected", "true")
        expect(chosen(desk)).to_have_count(1)
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(r"/contacts/\?kind=person&view="))


def test_by_mouse(desk: Page) -> None:
    desk.get_by_role("link", name="Search").click()
    expect(field(desk)).to_be_focused()
    palette(desk).get_by_role("option", name="Contacts", exact=True).click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Contacts")
    desk.get_by_role("link", name="Search").click()
    field(desk).fill("dark")
    expect(told(desk)).to_have_text("1 result")
    palette(desk).get_by_role("option", name="Appearance: dark").click()
    expect(palette(desk)).to_be_hidden()
    expect(desk.locator("html")).to_have_attribute("data-bs-theme", "dark")
    desk.get_by_role("link", name="Search").click()
    field(desk).fill("sign")
    expect(told(desk)).to_have_text("1 result")
    palette(desk).get_by_role("option", name="Sign out").click()
    expect(desk).to_have_url(re.compile("/login/"))


def test_the_verbs_and_moves_of_a_deal(desk: Page, deal: Opportunity) -> None:
    desk.goto(deal.get_absolute_url())
    desk.keyboard.press("Control+k")
    here = palette(desk).get_by_role("group", name="On this page")
    expect(here.get_by_role("option", name="Next: Present").first).to_be_visible()
    desk.keyboard.type("next pres")
    expect(chosen(desk)).to_have_text("Next: Present")
    desk.keyboard.press("Enter")
    expect(palette(desk)).to_be_hidden()
    expect(desk.locator("#messages")).to_contain_text("Present")
    assert fresh(deal).stage.number == 2
    desk.keyboard.press("Control+k")
    desk.keyboard.type("reas")
    expect(chosen(desk)).to_have_text("Reassign")
    desk.keyboard.press("Enter")
    expect(desk.locator("#verb form")).to_be_visible()


def test_enter_waits_for_the_results(desk: Page, deal: Opportunity) -> None:
    def late(route: Route) -> None:
        desk.wait_for_timeout(300)
        route.continue_()

    desk.keyboard.press("/")
    expect(palette(desk).get_by_role("option").first).to_be_visible()
    desk.route("**/search/**", late)
    desk.keyboard.type("thrones")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))


def test_when_the_server_does_not_answer_the_palette_says_so(desk: Page, troubles: list[str]) -> None:
    desk.keyboard.press("/")
    expect(palette(desk).get_by_role("option").first).to_be_visible()
    desk.route("**/search/**", lambda route: route.abort())
    desk.keyboard.type("thrones")
    expect(told(desk)).to_contain_text("The server does not answer.")
    troubles.clear()


def test_without_scripts_there_is_a_field_and_a_page(
    plain_page: Page, rep: User, deal: Opportunity, sign_in: SignIn
) -> None:
    sign_in(plain_page, rep)
    plain_page.goto("/")
    box = plain_page.get_by_role("search", name="Search").get_by_role("searchbox")
    box.fill("velvet")
    box.press("Enter")
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Search")
    expect(plain_page.get_by_text("1 result", exact=True).first).to_be_visible()
    plain_page.get_by_role("link", name="Velvet thrones").click()
    expect(plain_page).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))
    plain_page.goto("/search/?q=dark")
    plain_page.get_by_role("button", name="Appearance: dark").click()
    expect(plain_page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_on_the_phone(phone: Page, rep: User, deal: Opportunity, sign_in: SignIn) -> None:
    sign_in(phone, rep)
    phone.goto("/")
    phone.get_by_role("link", name="Search").tap()
    expect(field(phone)).to_be_focused()
    field(phone).fill("velvet")
    palette(phone).get_by_role("option", name=re.compile("Velvet thrones")).tap()
    expect(phone).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))
