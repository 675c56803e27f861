"""Shared with a colleague: to see, when nothing can be dragged, then to edit; and withdrawn. With scripts on and off."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, User
from tests.e2e.test_board import card, cards_of, column, drag
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, rep: User) -> Opportunity:
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    seller, today = rep.salesperson, company.today()
    return make_opportunity(
        contact=acme, salesperson=seller, cycle=cycle, stage=1, by=rep, on=today, description="Desks", closing_on=today
    )


def share(page: Page, deal: Opportunity, right: str) -> None:
    page.goto(deal.get_absolute_url())
    page.get_by_role("link", name="Share", exact=True).click()
    page.get_by_label("Share with").select_option(label="Otis Falls")
    page.get_by_label(right, exact=True).check()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_text("Shared with Otis Falls.").first).to_be_visible()


def test_to_see_then_to_edit_then_no_more(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., None],
    deal: Opportunity,
    rep: User,
    rep2: User,
) -> None:
    mine, theirs = new_context().new_page(), new_context().new_page()
    sign_in(mine, rep)
    sign_in(theirs, rep2)
    theirs.goto("/opportunities/board/")
    expect(card(theirs, "Desks")).to_have_count(0)
    share(mine, deal, "To see")
    theirs.reload()
    expect(card(theirs, "Desks").get_by_role("link", name="Move to")).to_have_count(0)
    drag(theirs, card(theirs, "Desks"), cards_of(theirs, "Present"))
    expect(column(theirs, "Initial").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    assert fresh(deal).version == deal.version
    share(mine, deal, "To see and to edit")
    expect(mine.get_by_label("Share with")).to_have_value("")
    theirs.reload()
    drag(theirs, card(theirs, "Desks"), cards_of(theirs, "Present"))
    expect(column(theirs, "Present").get_by_role("link", name="Desks", exact=True)).to_be_visible()
    assert fresh(deal).version == deal.version + 1
    mine.get_by_role("button", name=re.compile("Withdraw")).click()
    expect(mine.get_by_text("No longer shared with Otis Falls.").first).to_be_visible()
    theirs.reload()
    expect(card(theirs, "Desks")).to_have_count(0)


def test_without_scripts(
    plain_page: Page, sign_in: Callable[..., None], deal: Opportunity, rep: User, rep2: User
) -> None:
    sign_in(plain_page, rep)
    share(plain_page, deal, "To see")
    assert list(Grant.objects.values_list("salesperson", "may_edit")) == [(rep2.salesperson_id, False)]
    plain_page.get_by_role("button", name=re.compile("Withdraw")).click()
    expect(plain_page.get_by_text("No longer shared").first).to_be_visible()
    assert not Grant.objects.exists()
