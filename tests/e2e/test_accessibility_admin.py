"""axe on the admin pages that are used most, by day and by night. No rule is switched off and nothing is let pass."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.test_accessibility import THEMES
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
# said when axe reads what style sheets import by writing it into the page, which our policy forbids
OF_AXE = ("Applying inline style", "Couldn't load preload assets")
LOOK = "options => axe.run(options).then(answer => answer.violations)"


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, company: Company, price_l: CloseCode) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=company.today())


def pages(cycle: SalesCycle) -> Iterator[str]:
    yield "/admin/"
    yield "/admin/salescycles/salescycle/"
    yield f"/admin/salescycles/salescycle/{cycle.pk}/change/"
    yield "/admin/salescycles/closecode/"
    yield f"/admin/salescycles/closecode/{CloseCode.objects.get().pk}/change/"
    yield "/admin/salescycles/activity/"
    yield "/admin/opportunities/opportunity/"


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_set_up(
    theme: str,
    page: Page,
    sign_in: Callable[..., None],
    manager: User,
    cycle: SalesCycle,
    deal: Opportunity,
    troubles: list[str],
) -> None:
    sign_in(page, manager)
    page.emulate_media(color_scheme=theme)
    found = []
    for address in pages(cycle):
        page.goto(address)
        found += violations(page, theme)
        assert not page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.goto("/admin/opportunities/opportunity/")
    page.locator("#action-toggle").check()
    action = page.locator("select[name=action]")
    action.select_option(index=1)
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_load_state()
    found += violations(page, theme)
    assert not found, "\n".join(dict.fromkeys(found))
    troubles[:] = [one for one in troubles if not any(words in one for words in OF_AXE)]


def violations(page: Page, theme: str) -> list[str]:
    """One line for each element."""
    page.evaluate(AXE_SCRIPT)
    return [
        f"{page.url.split('/', 3)[3]} ({theme}): {each['id']}: {node['html'][:160]}"
        for each in page.evaluate(LOOK, {"resultTypes": ["violations"], **THEMES[theme]})
        for node in each["nodes"]
    ]
