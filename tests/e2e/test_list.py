"""A list is filtered, sorted, put in columns and groups, and its rows are picked: with scripts and without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db
SignIn = Callable[..., None]


@pytest.fixture(autouse=True)
def deals(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> None:
    for name, stage, value in (("Chairs", 1, 300), ("Desks", 2, 200), ("Lamps", None, 100)):
        make_opportunity(
            contact=acme,
            salesperson=jo,
            cycle=cycle,
            stage=stage,
            by=rep,
            on=company.today(),
            description=name,
            value=value,
        )


def names(page: Page) -> list[str]:
    return page.locator("tbody tr:not(.group) th a:not(.edit-here)").all_text_contents()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_filter_columns_order_and_groups(
    page: Page, plain_page: Page, rep: User, sign_in: SignIn, scripts: bool, company: Company
) -> None:
    tab = page if scripts else plain_page
    sign_in(tab, rep)
    tab.goto("/opportunities/")
    tab.get_by_role("link", name="Filter", exact=True).click()
    expect(tab.get_by_role("dialog", name="Filter: Opportunities")).to_have_count(1 if scripts else 0)
    tab.get_by_label("Value from").fill("150")
    tab.get_by_role("button", name="Show", exact=True).click()
    expect(tab.get_by_text("2 opportunities").first).to_be_visible()
    expect(tab.get_by_role("dialog")).to_have_count(0)
    assert names(tab) == ["Desks", "Chairs"]
    tab.get_by_role("link", name="Columns and order").click()
    tab.get_by_label("Sort by", exact=True).select_option("-estimated_value")
    tab.get_by_label("Priority", exact=True).check()
    tab.get_by_role("button", name="Up: Contact").click()
    expect(tab.get_by_role("button", name="Up: Description")).to_be_visible()
    tab.get_by_role("button", name="Show", exact=True).click()
    expect(tab.locator("thead th").first).to_have_text("Contact")
    expect(tab.locator("thead th").last).to_have_text("Priority")
    expect(tab.locator("tbody tr").first).to_contain_text("Chairs")
    tab.get_by_label("Group by").select_option("stage")
    if not scripts:
        tab.get_by_role("button", name="Group", exact=True).click()
    expect(tab.locator("tr.group")).to_have_text(
        [re.compile("Initial.*€300.00", re.DOTALL), re.compile("Present.*€200.00", re.DOTALL)]
    )
    tab.get_by_role("link", name=re.compile("Value from: 150")).click()
    expect(tab.get_by_text("3 opportunities").first).to_be_visible()
    expect(tab.locator("tr.group").last).to_contain_text("Stage: none")
    expect(tab).to_have_url(re.compile(r"group=stage"))


def test_rows_are_picked_by_mouse_and_keys(page: Page, rep: User, sign_in: SignIn, company: Company) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/?order=description")
    bar = page.get_by_role("button", name="Change the selected ones …")
    expect(bar).to_be_hidden()
    page.get_by_role("link", name="Chairs", exact=True).focus()
    page.keyboard.press("x")
    expect(page.get_by_text("selected: 1").first).to_be_visible()
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("selected: 2").first).to_be_visible()
    expect(page.get_by_label("Select: Desks")).to_be_focused()
    page.get_by_label("Select all of this page").check()
    expect(page.get_by_text("selected: 3").first).to_be_visible()
    page.get_by_role("button", name="Select none").click()
    expect(bar).to_be_hidden()
    page.get_by_label("Select: Chairs").check()
    bar.click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="1 opportunity chosen")).to_be_visible()
