"""What goes on in the background, as a person sees it: the inbox, one's settings, and a run of many with its bar."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from collaboration import lifecycle as collaboration
from collaboration.models import Notification, Preferences
from contacts.models import Contact
from opportunities import background
from opportunities.ledger import faults
from opportunities.models import Batch, Opportunity, OpportunityEntry
from salescycles.models import SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import Hand, Keyboard, Mouse
from tests.factories import make_opportunity
from tests.worker import working

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, rep: User) -> Opportunity:
    given: dict[str, Any] = {"contact": acme, "salesperson": rep.salesperson, "cycle": cycle, "by": rep}
    return make_opportunity(stage=1, description="Chairs", on=company.today(), **given)


def test_a_mention_is_counted_opened_and_read(
    page: Page, sign_in: SignIn, deal: Opportunity, rep: User, manager: User
) -> None:
    collaboration.write("opportunity", deal.pk, text="look @Manager", by=rep)
    collaboration.write("contact", deal.contact_id, text="and here @Manager", by=rep)
    sign_in(page, manager)
    page.goto("/")
    page.get_by_role("link", name="Inbox 2 unread").click()
    page.get_by_role("link", name="Mentions", exact=True).click()
    expect(page.locator(".called")).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Open .*Chairs")).click()
    expect(page).to_have_url(re.compile(f"{deal.get_absolute_url()}#comment-"))
    page.get_by_role("link", name="Inbox 1 unread").click()
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.locator(".called")).to_have_count(1)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("link", name="Inbox", exact=True)).to_be_visible()
    assert not Notification.objects.unread().exists()


def test_settings_with_a_mouse(page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(page, rep)
    settle(page, Mouse(page))


def test_settings_with_scripts_off(plain_page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(plain_page, rep)
    settle(plain_page, Mouse(plain_page))


def test_settings_by_keyboard_only(page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(page, rep)
    settle(page, Keyboard(page))


def settle(page: Page, hand: Hand) -> None:
    page.goto("/account/")
    hand.toggle("Agenda of the day by mail")
    hand.press("button", "Save")
    expect(page.get_by_text("Your settings were saved.").first).to_be_visible()
    expect(page.get_by_label("Agenda of the day by mail")).not_to_be_checked()
    hand.press("button", "Make an address")
    expect(page.get_by_label("Secret address")).to_have_value(re.compile(r"/tasks/feed/[\w-]{43}\.ics$"))
    assert Preferences.objects.get().agenda is False


@pytest.fixture
def many(company: Company, cycle: SalesCycle, acme: Contact, rep: User) -> list[Opportunity]:
    """250 that are not started."""
    given: dict[str, Any] = {"contact": acme, "salesperson": rep.salesperson, "cycle": cycle, "by": rep}
    given["on"] = company.today() - datetime.timedelta(days=1)
    return [make_opportunity(description=f"Chairs {at}", **given) for at in range(250)]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_run_of_250(
    page: Page, plain_page: Page, sign_in: SignIn, rep: User, many: list[Opportunity], scripts: bool
) -> None:
    here = page if scripts else plain_page
    sign_in(here, rep)
    here.goto("/opportunities/bulk/?all=1&query=status%3Dopen&action=edit")
    expect(here.locator("#list-dialog-title")).to_have_text("Edit the facts: 250 opportunities chosen")
    here.get_by_label("Priority").select_option("high")
    here.get_by_role("button", name="Preview").click()
    # 200 are really tried
    expect(here.get_by_text("250 are chosen. These are the first 200 of them")).to_be_visible(timeout=60_000)
    here.get_by_role("button", name="Change 250 in the background").click()
    expect(here.get_by_role("heading", name="Waits for its turn")).to_be_visible()
    expect(here.get_by_text("0 of 250 are done.")).to_be_visible()
    expect(here.get_by_text("No worker is at work just now.")).to_be_visible()
    batch = Batch.objects.get()
    with working():
        if not scripts:
            while Batch.objects.get().is_under_way:
                here.wait_for_timeout(500)
            here.get_by_role("link", name="How far is it?").click()
        expect(here.get_by_role("heading", name="Done", exact=True)).to_be_visible(timeout=90_000)
    expect(here.get_by_text("250 of 250 are done. Changed: 250.")).to_be_visible()
    expect(here.get_by_role("heading", name="Changed (250)")).to_be_visible()
    assert OpportunityEntry.objects.filter(batch=batch).count() == 250
    assert Opportunity.objects.filter(priority="high").count() == 250
    assert list(faults()) == []


def test_a_run_is_stopped(page: Page, sign_in: SignIn, rep: User, deal: Opportunity, company: Company) -> None:
    batch = background.start(rep, [deal.pk], "edit", {"priority": "high", "on": company.today(), "reason": ""})
    sign_in(page, rep)
    page.goto(batch.get_absolute_url())
    page.get_by_role("button", name="Stop the run").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    expect(page.get_by_text("The run was stopped. Not done: 1.")).to_be_visible()
