"""Files attached, fetched and removed where the deal stands, and with scripts off."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from collaboration.models import Attachment
from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import make_opportunity

SignIn = Callable[[Page, User], None]
OFFER: Any = {"name": "Offer.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1"}
PAGE: Any = {"name": "page.html", "mimeType": "text/html", "buffer": b"<p>"}


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_attached_fetched_and_removed(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn, check_accessibility: Callable[[Page], None]
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    card, timeline = page.locator("#files"), page.locator("#timeline")
    expect(card).to_contain_text("No file yet.")
    card.get_by_label("Files").set_input_files([PAGE])
    card.get_by_role("button", name="Attach").click()
    expect(card.locator(".errorlist")).to_have_text("“page.html” is of a kind that is not taken.")
    check_accessibility(page)
    card.get_by_label("Files").set_input_files([OFFER, OFFER | {"name": "Plan.txt"}])
    card.get_by_role("button", name="Attach").click()
    expect(card.get_by_role("listitem")).to_have_count(2)
    expect(timeline).to_contain_text("File “Offer.pdf” attached")
    with page.expect_download() as download:
        card.get_by_role("link", name="Offer.pdf", exact=True).click()
    assert download.value.suggested_filename == "Offer.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1"
    card.get_by_role("link", name="Remove Offer.pdf").click()
    expect(card).to_contain_text("The file is deleted and does not come back.")
    check_accessibility(page)
    card.get_by_role("button", name="Remove").click()
    expect(card.get_by_role("listitem")).to_have_count(1)
    expect(timeline).to_contain_text("File “Offer.pdf” removed")


def test_with_scripts_off(plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.get_by_role("link", name="Show the files").click()
    page.get_by_label("Files").set_input_files([OFFER])
    page.get_by_role("button", name="Attach").click()
    expect(page).to_have_url(re.compile(rf"/opportunities/{deal.pk}/#files$"))
    page.get_by_role("link", name="Show the files").click()
    page.get_by_role("link", name="Remove Offer.pdf").click()
    page.get_by_role("button", name="Remove").click()
    expect(page).to_have_url(re.compile(rf"/opportunities/{deal.pk}/#files$"))
    assert not Attachment.objects.standing().exists()
