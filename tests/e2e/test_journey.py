"""An opportunity's whole way, told once and walked with a mouse, with scripts off and by keyboard only."""

import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled

QUOTE_REASON = "The stage “Offer” needs a quote. Add one first."
SKIP_REASON = f"The stage “Offer” cannot be skipped. {QUOTE_REASON}"


@pytest.fixture
def world(
    company: Company,
    cycle: SalesCycle,
    acme: Contact,
    beta: Contact,
    price_w: CloseCode,
    price_l: CloseCode,
) -> SalesCycle:
    """CY, whose third stage needs a quote, as the default cycle."""
    cycle.stages.filter(number=3).update(quote_required=True)
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    return cycle


def test_with_a_mouse(page: Page, world: SalesCycle, rep: User) -> None:
    walk(page, Mouse(page), rep)


def test_with_scripts_off(plain_page: Page, world: SalesCycle, rep: User) -> None:
    walk(plain_page, Mouse(plain_page), rep)


@pytest.mark.slow
def test_by_keyboard_only(page: Page, world: SalesCycle, rep: User) -> None:
    walk(page, Keyboard(page), rep)


def walk(page: Page, hand: Hand, rep: User) -> None:
    sign_in(page, hand, rep)
    create_from_a_contact(page, hand)
    start_and_move(page, hand)
    be_refused_a_skip(page, hand)
    revise_and_reset(page, hand)
    meet_the_stage_that_needs_a_quote(page, hand)
    win_and_undo(page, hand)


def sign_in(page: Page, hand: Hand, rep: User) -> None:
    page.goto("/login/")
    hand.finds_focus_at(labelled(page, "E-mail"))
    hand.write("E-mail", rep.email)
    hand.write("Password", "demo")
    hand.press("button", "Sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("My open opportunities")


def create_from_a_contact(page: Page, hand: Hand) -> None:
    hand.press("link", "Contacts")
    hand.press("link", "ACME")
    expect(page.get_by_role("heading", level=1)).to_have_text("ACME")
    hand.press("link", "New opportunity")
    expect(chosen(page, "Contact")).to_have_text("ACME")
    expect(chosen(page, "Salesperson")).to_contain_text("Jim Olive")
    hand.write("Description", "Forty chairs")
    hand.write("Estimated value", "1,000.00")
    hand.toggle("Start at the first stage at once")
    hand.press("button", "Create")
    stands_at(page, "Not started", stage=None)
    expect(page.get_by_role("main").get_by_role("link", name="ACME", exact=True).first).to_be_visible()
    opportunity = deal()
    assert opportunity.contact.name == "ACME"
    assert opportunity.salesperson and opportunity.salesperson.code == "JO"
    assert opportunity.estimated_value == Decimal(1000)
    says("created")


def start_and_move(page: Page, hand: Hand) -> None:
    hand.press("button", "Start: Initial")
    stands_at(page, "In progress", stage="Initial")
    hand.finds_focus_at(page.get_by_role("heading", level=1))
    says("created", "started")
    hand.press("button", "Next: Present")
    stands_at(page, "In progress", stage="Present")
    hand.finds_focus_at(page.get_by_role("heading", level=1))
    says("created", "started", "next")


def be_refused_a_skip(page: Page, hand: Hand) -> None:
    is_dimmed(page, "Skip: Sign", SKIP_REASON)
    hand.press_dimmed("Skip: Sign")
    stands_at(page, "In progress", stage="Present")
    says("created", "started", "next")


def revise_and_reset(page: Page, hand: Hand) -> None:
    hand.press("link", "Revise")
    expect(page.get_by_role("heading", name="Revise the estimate").last).to_be_visible()
    if hand_is_helped(page):
        hand.finds_focus_at(page.get_by_role("heading", name="Revise the estimate", level=2))
    hand.write("Chances of success %", "175")
    hand.press("button", "Save the estimate")
    expect(page.get_by_role("alert").first).to_contain_text("Chances of success %")
    expect(labelled(page, "Chances of success %")).to_have_value("175")
    if hand_is_helped(page):
        hand.finds_focus_at(page.get_by_role("alert"))
    hand.write("Chances of success %", "75")
    hand.write("Estimated value", "2,500")
    hand.press("button", "Save the estimate")
    expect(page.get_by_text("manual", exact=True).first).to_be_visible()
    expect(tile(page, "Chances of success %")).to_contain_text("75")
    expect(tile(page, "Estimated value")).to_contain_text("2,500.00")
    hand.press("button", "reset to the stage's")
    expect(page.get_by_text("manual", exact=True)).to_have_count(0)
    expect(tile(page, "Chances of success %")).to_contain_text("60")
    assert (deal().chances, deal().chances_are_manual, deal().estimated_value) == (60, False, 2500)
    says("created", "started", "next", "revised", "revised")


def meet_the_stage_that_needs_a_quote(page: Page, hand: Hand) -> None:
    expect(page.get_by_text("asks for: Quote").first).to_be_visible()
    hand.press("button", "Next: Offer")
    expect(page.get_by_role("alert").first).to_contain_text(QUOTE_REASON)
    expect(labelled(page, "Net amount of the quote")).to_be_visible()
    hand.press("link", "Cancel")
    hand.press("link", "Add a quote")
    hand.write("Net amount", "2,400")
    hand.press("button", "Add the quote")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Forty chairs")
    quote = deal().quotes.get()
    assert (quote.net_amount, quote.is_current) == (2400, True)
    expect(page.get_by_role("link", name=quote.number)).to_be_visible()
    hand.press("button", "Next: Offer")
    stands_at(page, "In progress", stage="Offer")
    says("created", "started", "next", "revised", "revised", "next")


def win_and_undo(page: Page, hand: Hand) -> None:
    hand.press("link", "Close")
    expect(page.get_by_role("heading", name="Close", exact=True).last).to_be_visible()
    hand.pick("Won")
    hand.press("button", "Close the opportunity")
    stands_at(page, "Won", stage=None)
    expect(tile(page, "Sales value")).to_contain_text("2,400.00")
    won = deal()
    assert (won.status, won.sales_value, won.calculated_value) == ("won", 2400, 2400)
    assert won.close_code and won.close_code.code == "PRICE_W"
    hand.press("button", "Undo: Won")
    stands_at(page, "In progress", stage="Offer")
    undone = deal()
    assert (undone.status, undone.sales_value, undone.close_code) == ("in_progress", None, None)
    says("created", "started", "next", "revised", "revised", "next", "won", "undone")
    assert [entry.step for entry in undone.entries.order_by("step") if entry.voided_at] == [6, 7]


# ── what page and database say ───────────────────────────────────────────────────────────────────────────────────────


def deal() -> Opportunity:
    return Opportunity.objects.select_related("contact", "salesperson", "stage", "close_code").get()


def says(*actions: str) -> None:
    """The ledger tells exactly these steps, by the rep at the screen, and is sound."""
    entries = list(deal().entries.order_by("step").select_related("by"))
    assert [entry.action for entry in entries] == list(actions)
    assert {(entry.by.email if entry.by else None, entry.door) for entry in entries} == {("rep@example.com", "screen")}
    assert [str(fault) for fault in faults()] == []


def stands_at(page: Page, status: str, *, stage: str | None) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"Forty chairs\s+{status}"))
    here = page.locator("[aria-current=step]")
    if stage:
        expect(here).to_contain_text(stage)
    else:
        expect(here).to_have_count(0)


def is_dimmed(page: Page, name: str, reason: str) -> None:
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(reason)
    expect(page.get_by_text(reason).first).to_be_visible()


def tile(page: Page, label: str) -> Any:
    return page.locator(".tile").filter(has=page.get_by_text(label, exact=True))


def chosen(page: Page, label: str) -> Any:
    return labelled(page, label).locator("option:checked")


def hand_is_helped(page: Page) -> bool:
    """Whether a form opens in place; without scripts it is a page of its own."""
    return page.url.rstrip("/").rsplit("/", 1)[-1].isdecimal()
