"""Cells of the list of opportunities edited where they stand: by mouse, by keyboard only, on a phone, with scripts off; and
what goes wrong."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Keyboard
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deals(cycle: SalesCycle, acme: Contact, rep: User, today: datetime.date) -> dict[str, Opportunity]:
    closing = today + datetime.timedelta(days=30)
    given = {"contact": acme, "salesperson": rep.salesperson, "cycle": cycle, "stage": 1, "by": rep, "on": today}
    return {
        name: make_opportunity(**given, value=value, description=name, closing_on=closing)
        for name, value in (("Chairs", 300), ("Desks", 200), ("Lamps", 100))
    }


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def pencil(page: Page, what: str) -> Locator:
    return page.get_by_role("link", name=f"Edit: {what}", exact=True)


def cell(page: Page, name: str, label: str) -> Locator:
    return row(page, name).locator(f"[data-label='{label}']")


def test_by_mouse(page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/?order=-estimated_value&value_from=100")
    page.get_by_label("Select: Lamps").check()
    chairs, lamps = pencil(page, "Estimated value, Chairs"), pencil(page, "Estimated value, Lamps")
    expect(chairs).to_have_css("opacity", "0")
    row(page, "Chairs").hover()
    expect(chairs).to_have_css("opacity", "1")
    chairs.click()
    field = cell(page, "Chairs", "Estimated value").locator(".edit-form").get_by_label("Estimated value")
    expect(field).to_be_focused()
    field.fill("350")
    lamps.click(force=True)  # another one: the first closes
    expect(field).to_have_count(0)
    cell(page, "Lamps", "Estimated value").locator(".edit-form").get_by_label("Estimated value").fill("99")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("no longer matches the filters").first).to_be_visible()
    expect(cell(page, "Lamps", "Estimated value")).to_contain_text("€99.00")
    expect(page.locator("#list-totals")).to_contain_text("2 opportunities")
    expect(page.locator("#list-totals")).to_contain_text("€500.00")
    expect(page.locator("#list-note")).to_contain_text("the order is that of when the list was loaded")
    expect(page.get_by_label("Select: Lamps")).to_be_checked()
    expect(page.locator("tbody th a:not(.edit-here)")).to_have_text(["Chairs", "Desks", "Lamps"])
    expect(pencil(page, "Estimated value, Lamps")).to_be_focused()
    chairs.click(force=True)
    expect(field).to_have_value("350")  # what was typed is still there
    page.get_by_role("button", name="Save").click()
    expect(cell(page, "Chairs", "Estimated value")).to_contain_text("€350.00")
    page.get_by_role("button", name="Undo").click()
    expect(cell(page, "Chairs", "Estimated value")).to_contain_text("€300.00")
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_role("link", name="Lamps", exact=True)).to_have_count(0)
    expect(page.locator("#list-note")).to_be_empty()
    assert [fresh(deal).estimated_value for deal in deals.values()] == [300, 200, 99]


def test_by_keyboard_only(
    page: Page, sign_in: SignIn, rep: User, of: Salesperson, deals: dict[str, Opportunity], today: datetime.date
) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/?order=description&columns=description,salesperson,estimated_value,closing_on")
    hand, keys = Keyboard(page), page.keyboard
    hand.press("link", "Edit: Estimated value, Desks")
    field = cell(page, "Desks", "Estimated value").locator(".edit-form").get_by_label("Estimated value")
    expect(field).to_be_focused()
    keys.press("Control+A")
    keys.type("x")  # a letter is a letter
    keys.press("Enter")
    expect(page.get_by_text("Enter a number.").first).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_value("x")
    keys.press("Escape")
    expect(field).to_have_count(0)
    expect(pencil(page, "Estimated value, Desks")).to_be_focused()
    expect(cell(page, "Desks", "Estimated value")).to_contain_text("€200.00")
    keys.press("Enter")
    expect(field).to_have_value("200.00")
    expect(field).to_be_focused()
    keys.press("Control+A")
    keys.type("250")
    keys.press("Tab")  # goes on and saves nothing
    expect(cell(page, "Desks", "Estimated value").locator(".edit-form").get_by_label("Reason")).to_be_focused()
    assert fresh(deals["Desks"]).estimated_value == 200
    keys.press("Shift+Tab")
    keys.press("Enter")
    expect(cell(page, "Desks", "Estimated value")).to_contain_text("€250.00")
    expect(pencil(page, "Estimated value, Desks")).to_be_focused()
    keys.press("Tab")
    expect(pencil(page, "Closing date, Desks")).to_be_focused()
    hand.press("link", "Edit: Salesperson, Desks")
    select = cell(page, "Desks", "Salesperson").locator(".edit-form").get_by_label("Salesperson")
    expect(select).to_be_focused()
    keys.type("Otis")
    hand.press("button", "Save")
    expect(page.get_by_role("cell", name="Not there any more, or no longer yours to see.")).to_be_focused()
    assert fresh(deals["Desks"]).salesperson == of
    assert fresh(deals["Desks"]).estimated_value == Decimal(250)


def test_somebody_was_faster_and_took_it_away(
    page: Page,
    sign_in: SignIn,
    rep: User,
    manager: User,
    of: Salesperson,
    deals: dict[str, Opportunity],
    today: datetime.date,
) -> None:
    desks = deals["Desks"]
    sign_in(page, rep)
    page.goto("/opportunities/")
    pencil(page, "Estimated value, Desks").click(force=True)
    place = cell(page, "Desks", "Estimated value")
    place.locator(".edit-form").get_by_label("Estimated value").fill("250")
    lifecycle.revise(fresh(desks), version=2, estimated_value=Decimal(222), on=today, by=manager)
    page.get_by_role("button", name="Save").click()
    expect(place.get_by_text("Someone was faster.").first).to_be_visible()
    expect(place.locator(".edit-form").get_by_label("Estimated value")).to_have_value("250")
    lifecycle.reassign(fresh(desks), version=3, salesperson=of, on=today, by=manager)
    for _ in range(2):
        page.get_by_role("button", name="Save").click()
        expect(place.get_by_text("not there any more, or no longer yours to see")).to_have_count(1)
        expect(place.locator(".edit-form").get_by_label("Estimated value")).to_have_value("250")
    page.get_by_role("link", name="Cancel").click()
    expect(place.locator("form")).to_have_count(0)
    assert fresh(desks).estimated_value == 222


def test_on_a_phone(phone: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    sign_in(phone, rep)
    phone.goto("/opportunities/")
    wanted = pencil(phone, "Estimated value, Desks")
    expect(wanted).to_have_css("opacity", "1")
    wanted.tap()
    phone.locator(".edit-form").get_by_label("Estimated value").fill("250")
    phone.get_by_role("button", name="Save").tap()
    expect(cell(phone, "Desks", "Estimated value")).to_contain_text("€250.00")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_with_scripts_off(plain_page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto("/opportunities/?order=description&status=open")
    pencil(page, "Estimated value, Desks").click(force=True)
    expect(page.get_by_role("heading", name="Revise", level=1)).to_be_visible()
    page.get_by_label("Estimated value").fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Enter an estimated value above zero.").first).to_be_visible()
    page.get_by_label("Estimated value").fill("250")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(rf"/opportunities/\?status=open&order=description#row-{deals['Desks'].pk}$"))
    expect(page.get_by_text("Revised.").first).to_be_visible()
    expect(cell(page, "Desks", "Estimated value")).to_contain_text("€250.00")
    pencil(page, "Closing date, Desks").click(force=True)
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(rf"#row-{deals['Desks'].pk}$"))
