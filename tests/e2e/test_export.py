"""What a person sees in a list is taken away as a file: by mouse, by keyboard, without scripts."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from contacts.models import Contact
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Keyboard, Mouse
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db
SignIn = Callable[..., None]


@pytest.fixture(autouse=True)
def deals(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, of: Salesperson) -> None:
    """Two of the rep, one of somebody else."""
    for name, value, who in (("Chairs", 300, jo), ("=Desks", 200, jo), ("Lamps", 100, of)):
        values = {"contact": acme, "cycle": cycle, "stage": 1, "on": company.today(), "salesperson": who}
        make_opportunity(**values, description=name, value=value)


@pytest.mark.parametrize("hands", ["mouse", "keyboard", "plain"])
def test_the_file_is_what_is_seen(
    page: Page, plain_page: Page, rep: User, sign_in: SignIn, hands: str, tmp_path: Path, company: Company
) -> None:
    tab = plain_page if hands == "plain" else page
    hand = Keyboard(tab) if hands == "keyboard" else Mouse(tab)
    sign_in(tab, rep)
    tab.goto("/opportunities/?columns=description,estimated_value&order=estimated_value&group=stage")
    expect(tab.get_by_text("2 opportunities").first).to_be_visible()
    assert tab.locator("tbody tr:not(.group) th a:not(.edit-here)").all_text_contents() == ["=Desks", "Chairs"]
    for kind in ("CSV", "XLSX"):
        with tab.expect_download() as started:
            hand.press("link", f"Export {kind}")
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        assert file.name == f"Opportunities {company.today()}.{kind.lower()}"
        if kind == "CSV":
            rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
            assert rows == [["Description", "Estimated value"], ["'=Desks", "200.00"], ["Chairs", "300.00"]]
        else:
            cells = [list(row) for row in load_workbook(file).active.iter_rows(values_only=True)]
            assert cells == [["Description", "Estimated value"], ["=Desks", 200], ["Chairs", 300]]
    expect(tab.get_by_text("2 opportunities").first).to_be_visible()


def test_a_refusal_is_read_not_saved(page: Page, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/export/?as=csv&columns=number,nonsense")
    expect(page.get_by_role("alert")).to_contain_text("Nobody knows these parts of the address: columns=nonsense")
    page.get_by_role("link", name="Back to the list").click()
    expect(page).to_have_url(re.compile(r"/opportunities/\?columns=number$"))
    expect(page.get_by_text("2 opportunities").first).to_be_visible()


def test_from_the_board(page: Page, rep: User, sign_in: SignIn, tmp_path: Path) -> None:
    sign_in(page, rep)
    page.goto("/opportunities/board/?q=Chairs")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export the list CSV").click()
    file = tmp_path / "chairs.csv"
    started.value.save_as(file)
    assert [line.split(",")[0] for line in file.read_text("utf-8-sig").splitlines()] == ["Description", "Chairs"]
