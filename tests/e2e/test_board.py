"""A rep's morning on the board: with a mouse, by keyboard only, on a phone and with scripts off; and what goes wrong."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle, Stage
from salespeople.models import Company, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
TOMORROW = datetime.timedelta(days=1)


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def world(company: Company, cycle: SalesCycle, price_w: CloseCode, price_l: CloseCode) -> SalesCycle:
    """CY as the default; its third stage cannot be skipped, and none needs a quote."""
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    Stage.objects.filter(sales_cycle=cycle, number=2).update(allow_skip=True)
    return cycle


@pytest.fixture
def deals(world: SalesCycle, acme: Contact, rep: User, today: datetime.date) -> dict[str, Opportunity]:
    """Chairs not started, Desks and Lamps at Initial."""
    made = {}
    for name, stage, value in (("Chairs", None, 500), ("Desks", 1, 2000), ("Lamps", 1, 1000)):
        made[name] = make_opportunity(
            contact=acme,
            salesperson=rep.salesperson,
            cycle=world,
            stage=stage,
            by=rep,
            on=today,
            value=value,
            description=name,
            closing_on=today + TOMORROW,
        )
    return made


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def card(page: Page, name: str) -> Locator:
    return page.locator(".deal", has=page.get_by_role("link", name=name, exact=True))


def drag(page: Page, what: Locator, to: Locator) -> None:
    """By hand: press, move in steps, let go."""
    start = what.locator(".deal-who").bounding_box()
    assert start
    page.mouse.move(start["x"] + 10, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, start["y"] + 15, steps=4)
    to.scroll_into_view_if_needed()
    end = to.bounding_box()
    assert end
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 40, steps=12)
    page.wait_for_timeout(150)
    page.mouse.up()
    expect(page.locator(".deal-saving")).to_have_count(0)


def cards_of(page: Page, name: str) -> Locator:
    return column(page, name).locator(".cards")


def morning(page: Page, sign_in: Callable[..., None], rep: User) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/board/")


def test_drags_are_the_same_moves_as_buttons(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    drag(page, card(page, "Chairs"), cards_of(page, "Initial"))
    expect(column(page, "Initial").get_by_role("link", name="Chairs", exact=True)).to_be_visible()
    expect(column(page, "Initial").locator(".column-count")).to_have_text("3")
    drag(page, card(page, "Desks"), cards_of(page, "Offer"))
    expect(column(page, "Offer").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    actions = {name: fresh(deal).entries.current().get().action for name, deal in deals.items()}
    assert actions == {"Chairs": "started", "Desks": "skip", "Lamps": "started"}
    expect(column(page, "Offer").locator(".column-sums")).to_contain_text("€2,000.00")
    page.get_by_role("button", name="Undo").click()
    expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    expect(column(page, "Offer").locator(".column-count")).to_have_text("0")
    page.reload()
    expect(column(page, "Initial").locator(".deal")).to_have_count(3)
    assert list(faults()) == []


def test_a_forbidden_drop_goes_back_with_the_reason(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    drag(page, card(page, "Desks"), cards_of(page, "Sign"))
    expect(page.locator("#board-hint")).to_have_text("The stage “Offer” cannot be skipped.")
    expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    assert fresh(deals["Desks"]).version == deals["Desks"].version


def test_a_missing_field_is_asked_for_on_the_card(
    page: Page, sign_in: Callable[..., None], rep: User, world: SalesCycle, acme: Contact, today: datetime.date
) -> None:
    deal = make_opportunity(
        contact=acme, salesperson=rep.salesperson, cycle=world, on=today, value=0, description="Rugs", by=rep
    )
    morning(page, sign_in, rep)
    drag(page, card(page, "Rugs"), cards_of(page, "Initial"))
    asked = card(page, "Rugs").get_by_label(re.compile("Estimated value"))
    expect(asked).to_be_focused()
    expect(column(page, "Not started").get_by_role("link", name="Rugs", exact=True)).to_be_visible()
    asked.fill("750")
    asked.press("Enter")
    expect(column(page, "Initial").get_by_role("link", name="Rugs", exact=True)).to_be_visible()
    assert fresh(deal).estimated_value == Decimal(750)


def test_won_opens_its_form_and_cancel_puts_the_card_back(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    drag(page, card(page, "Desks"), page.locator("#drop-ends .drop-won"))
    dialog = page.get_by_role("dialog", name="Close the opportunity")
    expect(dialog).to_be_visible()
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    drag(page, card(page, "Desks"), page.locator("#drop-ends .drop-won"))
    dialog.get_by_label("Sales value").fill("1900")
    dialog.get_by_role("button", name="Close the opportunity").click()
    expect(dialog).to_be_hidden()
    expect(card(page, "Desks")).to_have_count(0)
    expect(column(page, "Won").locator(".column-count strong")).to_have_text("1")
    assert fresh(deals["Desks"]).sales_value == Decimal(1900)


def test_by_keyboard_only(page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]) -> None:
    morning(page, sign_in, rep)
    keys, chairs = page.keyboard, page.get_by_role("link", name="Chairs", exact=True)
    for _ in range(60):
        if chairs.evaluate("one => one === document.activeElement"):
            break
        keys.press("Tab")
    expect(chairs).to_be_focused()
    keys.press("ArrowRight")
    expect(page.get_by_role("link", name="Desks", exact=True)).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("link", name="Lamps", exact=True)).to_be_focused()
    keys.press("Shift+ArrowRight")
    expect(column(page, "Present").get_by_role("link", name="Lamps", exact=True)).to_be_focused()
    keys.press("m")
    expect(page.locator("#ways")).to_be_visible()
    keys.press("2")  # the second way: the menu names every stage but the own one
    expect(column(page, "Offer").get_by_role("link", name="Lamps", exact=True)).to_be_focused()
    keys.press("u")
    expect(column(page, "Present").get_by_role("link", name="Lamps", exact=True)).to_be_visible()
    page.get_by_role("link", name="Lamps", exact=True).focus()
    keys.press("n")
    expect(column(page, "Present").locator(".quick").get_by_label(re.compile("Description"))).to_be_focused()
    keys.press("Escape")
    page.get_by_role("link", name="Lamps", exact=True).focus()
    keys.press("l")
    dialog = page.get_by_role("dialog", name="Close the opportunity")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Lamps", exact=True)).to_be_focused()
    keys.press("Enter")
    panel = page.get_by_role("dialog", name="Opportunity", exact=True)
    expect(panel).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/opportunities/{deals['Lamps'].pk}/"))
    keys.press("Escape")
    expect(panel).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/opportunities/board/"))
    expect(page.get_by_role("link", name="Lamps", exact=True)).to_be_focused()


def test_a_deal_changed_in_the_panel_is_right_on_the_board(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    page.get_by_role("link", name="Desks", exact=True).click()
    panel = page.get_by_role("dialog", name="Opportunity", exact=True)
    panel.get_by_role("button", name="Next: Present").first.click()
    expect(panel.locator(".stage-current")).to_contain_text("Present")
    panel.get_by_role("button", name="Close the panel").click()
    expect(column(page, "Present").get_by_role("link", name="Desks", exact=True)).to_be_focused()
    expect(column(page, "Present").locator(".column-count")).to_have_text("1")
    page.get_by_role("link", name="Desks", exact=True).click()
    expect(panel).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Desks")


def test_on_a_phone(phone: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]) -> None:
    morning(phone, sign_in, rep)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_role("navigation", name="Stages").get_by_role("link", name=re.compile("Initial")).tap()
    phone.wait_for_timeout(600)
    box = column(phone, "Initial").bounding_box()
    assert box and box["x"] < 40 and box["width"] > 300
    card(phone, "Desks").get_by_role("link", name=re.compile("Move to.*Desks")).tap()
    phone.locator("#ways").get_by_role("button", name=re.compile("Present")).tap()
    expect(column(phone, "Present").locator(".column-count")).to_have_text("1")
    assert fresh(deals["Desks"]).entries.current().get().action == "next"


def test_with_scripts_off(
    plain_page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(plain_page, sign_in, rep)
    card(plain_page, "Desks").get_by_role("link", name=re.compile("Move to.*Desks")).click()
    plain_page.get_by_role("radio", name=re.compile("Present")).check()
    plain_page.get_by_role("button", name="Move", exact=True).click()
    expect(plain_page).to_have_url(re.compile("/opportunities/board/"))
    expect(column(plain_page, "Present").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    plain_page.get_by_role("button", name="Undo").click()
    assert fresh(deals["Desks"]).entries.current().get().action == "undone"
    plain_page.goto("/opportunities/board/")
    column(plain_page, "Not started").get_by_role("link", name=re.compile("Add")).click()
    plain_page.get_by_label(re.compile("Description")).fill("Sofas")
    plain_page.get_by_label(re.compile("Find a contact")).fill("ACME")
    plain_page.get_by_role("button", name="Find").click()
    plain_page.get_by_label(re.compile(r"^\s*Contact")).select_option(label="ACME")
    plain_page.get_by_role("button", name="Create").click()
    expect(column(plain_page, "Not started").get_by_role("link", name="Sofas", exact=True)).to_be_visible()


def test_quick_add_stays_open_for_the_next_one(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    column(page, "Initial").get_by_role("link", name=re.compile("Add")).click()
    form = column(page, "Initial").locator(".quick")
    expect(form.get_by_label(re.compile("Description"))).to_be_focused()
    form.get_by_label(re.compile("Description")).fill("Sofas")
    form.get_by_label(re.compile("Find a contact")).fill("Nobody Yet")
    form.get_by_role("button", name="Find").click()
    form.get_by_label(re.compile(r"^\s*Contact")).select_option(label="New company “Nobody Yet”")
    form.get_by_label(re.compile("Estimated value")).fill("300")
    form.get_by_role("button", name="Create").click()
    expect(column(page, "Initial").get_by_role("link", name="Sofas", exact=True)).to_be_visible()
    expect(form.get_by_label(re.compile("Description"))).to_have_value("")
    expect(column(page, "Initial").locator(".column-count")).to_have_text("3")
    made = Opportunity.objects.get(description="Sofas")
    assert (made.stage and made.stage.description, made.contact.name) == ("Initial", "Nobody Yet")
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_quick_drags_of_one_card(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    page.get_by_role("link", name="Desks", exact=True).focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(column(page, "Present").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    steps = list(fresh(deals["Desks"]).entries.order_by("step").values_list("action", flat=True))
    assert steps[:3] == ["created", "started", "next"] and len(steps) <= 4
    assert list(faults()) == []


@pytest.mark.parametrize("how", ["moved", "closed", "gone", "no stage"])
def test_somebody_was_faster(
    page: Page,
    sign_in: Callable[..., None],
    rep: User,
    manager: User,
    world: SalesCycle,
    deals: dict[str, Opportunity],
    price_l: CloseCode,
    rep2: User,
    today: datetime.date,
    how: str,
) -> None:
    morning(page, sign_in, rep)
    deal: Any = fresh(deals["Desks"])
    common = {"version": deal.version, "on": today, "by": manager}
    if how == "moved":
        lifecycle.move(deal, to=world.stages.get(number=2), **common)
    elif how == "closed":
        lifecycle.close(deal, outcome="lost", close_code=price_l, **common)
    elif how == "gone":
        lifecycle.reassign(deal, salesperson=rep2.salesperson, **common)
    else:
        world.stages.get(number=3).delete()
    drag(page, card(page, "Desks"), cards_of(page, "Offer"))
    message = page.locator("#messages .message-error")
    expect(message).to_be_visible()
    if how == "moved":
        expect(message).to_contain_text("Manager: Next: Present")
        expect(column(page, "Present").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    elif how == "no stage":
        expect(message).to_contain_text("not part of the sales cycle")
        expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    else:
        expect(card(page, "Desks")).to_have_count(0)
    assert list(faults()) == []


def test_a_server_that_does_not_answer(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity], troubles: list[str]
) -> None:
    morning(page, sign_in, rep)

    def cut(route: Route) -> None:
        route.abort()

    page.route("**/move/", cut)
    drag(page, card(page, "Desks"), cards_of(page, "Present"))
    expect(page.locator("#messages .message-error")).to_be_visible()
    expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    expect(page.locator(".deal-saving")).to_have_count(0)
    troubles.clear()


def test_a_drop_after_signing_out(
    page: Page, sign_in: Callable[..., None], rep: User, deals: dict[str, Opportunity]
) -> None:
    morning(page, sign_in, rep)
    page.context.clear_cookies(name="sessionid")
    drag(page, card(page, "Desks"), cards_of(page, "Present"))
    expect(page.get_by_text("You were signed out. Sign in to go on.").first).to_be_visible()
    assert fresh(deals["Desks"]).version == deals["Desks"].version


def test_other_peoples_changes_are_announced_and_move_nothing(
    page: Page,
    sign_in: Callable[..., None],
    rep: User,
    manager: User,
    world: SalesCycle,
    deals: dict[str, Opportunity],
    today: datetime.date,
) -> None:
    page.clock.install()
    morning(page, sign_in, rep)
    drag_free = page.get_by_role("link", name="Lamps", exact=True)
    drag_free.focus()
    page.keyboard.press("Shift+ArrowRight")  # one's own change is not news
    page.clock.run_for(1000)
    expect(column(page, "Present").locator(".column-count")).to_have_text("1")
    deal = fresh(deals["Desks"])
    lifecycle.move(deal, version=deal.version, to=world.stages.get(number=2), on=today, by=manager)
    page.clock.run_for(21000)
    expect(page.locator("#changes")).to_contain_text("1 opportunity was changed by somebody else.")
    expect(column(page, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    page.get_by_role("link", name="Refresh").click()
    page.clock.run_for(1000)
    expect(column(page, "Present").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    expect(page.locator("#changes")).to_be_empty()
