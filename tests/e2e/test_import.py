"""An import as a person sees it: the file, its columns, the trial, the run with its bar, what was refused, and the way back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, User
from tests.worker import working
from upkeep.importing.models import ImportRun

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]
ROWS = "Opportunity;Customer;Sales rep;Stage;Expected close date;Value\r\n"


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deals.csv"
    deals = [f"Chairs {at};ACME;Jim Olive;Present;31.12.2031;1.234,50\r\n" for at in range(120)]
    others = ["Tables;ACMEE;Jim Olive;Present;31.12.2031;1\r\n", "Lamps;;Jim Olive;Present;;2\r\n"]
    path.write_text(ROWS + "".join(deals + others), encoding="cp1252")
    return path


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_file_goes_in_and_comes_out_again(
    page: Page,
    plain_page: Page,
    sign_in: SignIn,
    manager: User,
    acme: Contact,
    cycle: SalesCycle,
    price_w: CloseCode,
    price_l: CloseCode,
    file: Path,
    scripts: bool,
    check_accessibility: Callable[[Page], None],
) -> None:
    here = page if scripts else plain_page
    sign_in(here, manager)
    here.goto("/opportunities/")
    here.get_by_role("link", name="Import", exact=True).click()
    here.get_by_role("radio", name="Opportunities").check()
    here.get_by_role("button", name="File").set_input_files(file)
    here.get_by_role("button", name="Continue").click()
    expect(here.get_by_label("Customer")).to_have_value("contact")
    expect(here.get_by_label("Order of dates")).to_have_value("dmy")
    expect(here.get_by_label("Decimal mark")).to_have_value(",")
    expect(here.get_by_label("Opportunity", exact=True)).to_have_value("description")
    if scripts:
        check_accessibility(here)
    here.get_by_role("button", name="Try all rows").click()
    expect(here.get_by_role("heading", name="Is being checked")).to_be_visible()
    with working():
        over(here, "Checked", scripts)
        expect(here.get_by_role("button", name="Import 120 rows")).to_be_visible()
        expect(here.get_by_text("There is no “ACMEE”. (1)")).to_be_visible()
        expect(here.get_by_label("Did you mean … ACMEE")).to_have_value("ACME")
        if scripts:
            check_accessibility(here)
        here.get_by_role("button", name="Use these and try again").click()
        over(here, "Checked", scripts)
        here.get_by_role("button", name="Import 121 rows").click()
        over(here, "Done", scripts)
        expect(here.get_by_text("122 of 122 are done.")).to_be_visible()
        assert Opportunity.objects.filter(status="in_progress", stage__description="Present").count() == 121
        here.get_by_role("link", name="Take the import back").click()
        here.get_by_role("button", name="Take it back").click()
        over(here, "Taken back", scripts)
    assert not Opportunity.objects.exists()
    assert list(faults()) == []


def over(here: Page, state: str, scripts: bool) -> None:
    """The page follows by itself; without scripts it is asked again."""
    if not scripts:
        while ImportRun.objects.get().is_under_way:
            here.wait_for_timeout(300)
        if (link := here.get_by_role("link", name="How far is it?")).is_visible():
            link.click()
    expect(here.get_by_role("heading", name=state, exact=True)).to_be_visible(timeout=90_000)
