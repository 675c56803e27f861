"""On the cards of the board: what a move would do, the archive, the first column by one key, value and date edited in place."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle, Stage
from salespeople.models import Company, User
from tests.e2e.hands import Keyboard
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]
BOARD = "/opportunities/board/"


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deals(cycle: SalesCycle, acme: Contact, rep: User, today: datetime.date) -> dict[str, Opportunity]:
    """Chairs not started, Desks and Lamps at Initial."""
    Stage.objects.filter(sales_cycle=cycle, number=2).update(allow_skip=True)
    given = {"contact": acme, "salesperson": rep.salesperson, "cycle": cycle, "by": rep, "on": today}
    closing = today + datetime.timedelta(days=30)
    return {
        name: make_opportunity(**given, stage=stage, value=value, description=name, closing_on=closing)
        for name, stage, value in (("Chairs", None, 500), ("Desks", 1, 2000), ("Lamps", 1, 1000))
    }


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def card(page: Page, name: str) -> Locator:
    return page.locator(".deal", has=page.get_by_role("link", name=name, exact=True))


def value(page: Page, what: str) -> Locator:
    return page.get_by_role("link", name=re.compile(rf"Edit: {what}$"))


def pick_up(page: Page, what: Locator) -> None:
    start = what.locator(".deal-who").bounding_box()
    assert start
    page.mouse.move(start["x"] + 10, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, start["y"] + 15, steps=4)


def let_go(page: Page, to: Locator) -> None:
    end = to.bounding_box()
    assert end
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + min(40, end["height"] / 2), steps=12)
    page.wait_for_timeout(150)
    page.mouse.up()
    expect(page.locator(".deal-saving")).to_have_count(0)


@pytest.mark.parametrize(
    ("method", "decides", "chances", "name", "to", "says"),
    [
        ("multiply", True, None, "Desks", "Present", "weighted value +\u2060€440.00"),
        ("average", False, "33.33", "Desks", "Offer", "weighted value +\u2060€700.00"),
        ("multiply", False, "12.37", "Desks", "Present", "weighted value +\u2060€74.20"),
        ("multiply", True, "12.37", "Desks", "Present", "weighted value +\u2060€455.20"),
        ("multiply", True, "12.37", "Chairs", "Initial", "weighted value +\u2060€6.20"),
    ],
)
def test_a_column_says_what_the_message_will(
    page: Page,
    sign_in: SignIn,
    rep: User,
    cycle: SalesCycle,
    deals: dict[str, Opportunity],
    today: datetime.date,
    method: str,
    decides: bool,
    chances: str | None,
    name: str,
    to: str,
    says: str,
) -> None:
    SalesCycle.objects.filter(pk=cycle.pk).update(probability_method=method, stage_decides=decides)
    seen = fresh(deals[name])
    given = Decimal(chances) if chances else None
    lifecycle.revise(seen, version=seen.version, chances=given, on=today, by=rep)
    sign_in(page, rep)
    page.goto(BOARD)
    pick_up(page, card(page, name))
    expect(column(page, to)).to_have_attribute("data-effect", says)
    let_go(page, column(page, to).locator(".cards"))
    expect(page.locator("[data-effect]")).to_have_count(0)
    expect(column(page, to).get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(page.locator("#messages")).to_contain_text(says, ignore_case=True)


def test_what_is_closed_or_has_not_started_is_dropped_into_the_archive(
    page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity], today: datetime.date, price_l: CloseCode
) -> None:
    lifecycle.close(deals["Lamps"], version=2, outcome="lost", close_code=price_l, on=today, by=rep)
    sign_in(page, rep)
    page.goto(f"{BOARD}?more=lost.25")
    archive, won = page.locator(".drop-archive"), page.locator(".drop-won")
    pick_up(page, card(page, "Desks"))
    expect(won).to_be_visible()
    expect(archive).to_be_hidden()
    let_go(page, column(page, "Initial").locator(".cards"))
    card(page, "Lamps").scroll_into_view_if_needed()
    pick_up(page, card(page, "Lamps"))
    expect(archive).to_be_visible()
    expect(won).to_be_hidden()
    let_go(page, column(page, "Sign").locator(".cards"))
    expect(page.locator("#board-hint")).to_have_text("It is closed. Reopen it first.")
    expect(column(page, "Lost").get_by_role("link", name="Lamps", exact=True)).to_be_visible()
    pick_up(page, card(page, "Lamps"))
    let_go(page, archive)
    expect(card(page, "Lamps")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Lamps")).to_have_count(1)
    page.locator(".board").evaluate("board => board.scrollTo(0, 0)")
    pick_up(page, card(page, "Chairs"))
    expect(archive).to_be_visible()
    expect(won).to_be_visible()
    let_go(page, archive)
    expect(card(page, "Chairs")).to_have_count(0)
    card(page, "Lamps").get_by_role("link", name="Archive").click()
    expect(card(page, "Lamps")).to_have_count(0)
    assert [fresh(deal).archived for deal in deals.values()] == [True, False, True]


def test_archive_and_home_by_keyboard(page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    sign_in(page, rep)
    page.goto(BOARD)
    desks, chairs = (page.get_by_role("link", name=name, exact=True) for name in ("Desks", "Chairs"))
    desks.focus()
    page.locator(".board").evaluate("board => board.scrollTo(600, 0)")
    page.keyboard.press("Home")
    expect(chairs).to_be_focused()
    assert page.locator(".board").evaluate("board => board.scrollLeft") < 10
    page.keyboard.press("m")
    page.keyboard.press("a")
    expect(card(page, "Chairs")).to_have_count(0)
    assert fresh(deals["Chairs"]).archived


def test_value_and_date_on_the_card_by_mouse(
    page: Page, sign_in: SignIn, rep: User, manager: User, deals: dict[str, Opportunity], today: datetime.date
) -> None:
    sign_in(page, rep)
    page.goto(BOARD)
    wanted = value(page, "Estimated value, Desks")
    expect(wanted).to_contain_text("€2,000.00")
    wanted.click()
    field = card(page, "Desks").get_by_role("textbox", name="Estimated value")
    expect(field).to_be_focused()
    field.fill("0")
    field.press("Enter")
    expect(card(page, "Desks")).to_contain_text("Enter an estimated value above zero.")
    lifecycle.revise(fresh(deals["Desks"]), version=2, estimated_value=Decimal(2222), on=today, by=manager)
    field.fill("3000")
    field.press("Enter")
    expect(card(page, "Desks")).to_contain_text("Someone was faster.")
    field.press("Enter")
    expect(card(page, "Desks").locator(".deal-line")).to_contain_text("€3,000.00")
    expect(wanted).to_be_focused()
    expect(column(page, "Initial").locator(".column-sums")).to_contain_text("€4,000.00")
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Desks").locator(".deal-line")).to_contain_text("€2,222.00")


def test_value_and_date_on_the_card_by_keyboard(
    page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity], today: datetime.date
) -> None:
    sign_in(page, rep)
    page.goto(BOARD)
    hand, keys = Keyboard(page), page.keyboard
    hand.go_to(value(page, "Estimated value, Desks"))
    keys.press("Enter")
    field = card(page, "Desks").get_by_role("textbox", name="Estimated value")
    expect(field).to_be_focused()
    keys.type("1")
    keys.press("Escape")
    expect(field).to_have_count(0)
    expect(value(page, "Estimated value, Desks")).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("link", name="Lamps", exact=True)).to_be_focused()
    hand.go_to(value(page, "Closing date, Desks"))
    keys.press("Enter")
    expect(card(page, "Desks").get_by_label("Estimated closing date")).to_be_focused()
    day = today + datetime.timedelta(days=40)
    card(page, "Desks").get_by_label("Estimated closing date").fill(str(day))
    keys.press("Enter")
    expect(value(page, "Closing date, Desks")).to_be_focused()
    assert fresh(deals["Desks"]).closing_on == day


def test_without_scripts(plain_page: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto(f"{BOARD}?q=Desks")
    value(page, "Estimated value, Desks").click(force=True)
    page.get_by_role("textbox", name="Estimated value").fill("2500")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(rf"/opportunities/board/\?q=Desks#card-{deals['Desks'].pk}$"))
    expect(card(page, "Desks")).to_contain_text("€2,500.00")
    page.goto(f"/opportunities/{deals['Desks'].pk}/")
    page.get_by_role("button", name="Next: Present", exact=True).first.dblclick()
    expect(page).to_have_url(re.compile(rf"/opportunities/{deals['Desks'].pk}/$"))
    expect(page.get_by_text("Someone was faster.")).to_have_count(0)
    assert [entry.action for entry in deals["Desks"].entries.order_by("step")][-2:] == ["revised", "next"]


def test_on_a_phone(phone: Page, sign_in: SignIn, rep: User, deals: dict[str, Opportunity]) -> None:
    sign_in(phone, rep)
    phone.goto(f"{BOARD}#column-{deals['Desks'].stage_id}")
    wanted = value(phone, "Estimated value, Desks")
    wanted.tap()
    phone.get_by_role("textbox", name="Estimated value").fill("2500")
    phone.get_by_role("button", name="Save").tap()
    expect(card(phone, "Desks")).to_contain_text("€2,500.00")
