"""axe on every page, in both themes, on a desktop and a phone. No rule is switched off and nothing is let pass."""

import datetime
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from contacts.models import AddressPeriod, AlternativeAddress, Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Grant, Salesperson, SavedView, User
from tests.factories import QuoteFactory, TeamFactory, fresh, make_opportunity

SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def deals(
    company: Company,
    cycle: SalesCycle,
    acme: Contact,
    ann: Contact,
    jo: Salesperson,
    rep: User,
    price_w: CloseCode,
    price_l: CloseCode,
) -> dict[str, Opportunity]:
    """Not started; in progress with manual chances, overdue, with a quote; won."""
    cycle.stages.filter(number=3).update(quote_required=True)
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    today = company.today()
    given: dict[str, Any] = {"salesperson": jo, "cycle": cycle, "by": rep, "on": today - datetime.timedelta(days=9)}
    waiting = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep, on=given["on"])
    running = make_opportunity(contact=ann, stage=2, closing_on=today - datetime.timedelta(days=2), **given)
    lifecycle.revise(running, version=running.version, chances=33, on=given["on"], by=rep)
    won = make_opportunity(contact=acme, stage=1, **given)
    lifecycle.close(won, version=won.version, outcome="won", close_code=price_w, sales_value=900, on=today, by=rep)
    QuoteFactory(opportunity=running)
    Grant.objects.create(opportunity=running, team=TeamFactory(members=[jo]), may_edit=True)
    place = AlternativeAddress.objects.create(contact=acme, code="SUMMER", city="Hanko", country="FI")
    AddressPeriod.objects.create(contact=acme, alternative_address=place, starts_on=today)
    Contact.objects.filter(pk=acme.pk).update(phone="+35895550100", country="FI", vat_number="FI20774740")
    acme.mailing_groups.create(code="NEWS", description="Newsletter")
    return {"waiting": fresh(waiting), "running": fresh(running), "won": fresh(won)}


def addresses(deals: dict[str, Opportunity]) -> Iterator[str]:
    waiting, running, won = (f"/opportunities/{deals[name].pk}/" for name in ("waiting", "running", "won"))
    yield from ("/", "/opportunities/", "/opportunities/?q=nothing+such", "/opportunities/new/", waiting, running, won)
    lists = "/opportunities/"
    yield from (
        f"{lists}?group=stage&columns=closing_on,sales_value,number&status=open&luck=1",
        f"{lists}?value_from=lots",
    )
    yield from (
        f"{lists}filter/?status=open",
        f"{lists}columns/?order=-number",
        "/contacts/filter/",
        "/opportunities/export/?as=pdf",
        "/quotes/columns/",
    )
    board = "/opportunities/board/"
    yield from (board, f"{board}?more=won.25&priority=normal&cards=compact", f"{board}?order=luck&sales_cycle=999")
    yield f"{board}new/?column={deals['running'].stage_id}"
    yield f"{waiting}start/"
    for verb in ("move", "revise", "edit", "reassign", "change-cycle", "close", "undo", "correct"):
        yield f"{running}{verb}/"
    for field in ("revise/?field=estimated_value", "edit/?field=priority", "reassign/?field=contact"):
        yield running + field
    yield f"{running}?order=number&show=estimates"
    yield f"{won}reopen/"
    yield f"{won}archive/"
    yield f"{running}sharing/"
    contact, person, salesperson = deals["won"].contact_id, deals["running"].contact_id, deals["won"].salesperson_id
    yield from (
        "/contacts/",
        f"/contacts/{contact}/",
        f"/contacts/{person}/",
        "/contacts/new/",
        f"/contacts/{person}/edit/",
        f"/contacts/{person}/sharing/",
        f"/contacts/{contact}/edit/",
        f"/contacts/{contact}/addresses/new/",
        f"/contacts/addresses/{AlternativeAddress.objects.get().pk}/",
        f"/contacts/addresses/{AlternativeAddress.objects.get().pk}/delete/",
        "/contacts/?archived=true",
        "/opportunities/new/many/?all=1&query=archived%3Dtrue",
        f"/opportunities/new/many/?key={contact}&key={person}",
    )
    yield from (
        "/salespeople/",
        f"/salespeople/{salesperson}/",
        "/salespeople/new/",
        f"/salespeople/{salesperson}/edit/",
    )
    quote = deals["running"].quotes.get()
    yield from ("/quotes/", "/quotes/new/", f"/quotes/new/?opportunity={deals['running'].pk}", f"/quotes/{quote.pk}/")
    words = (
        "where=1:closing_on:is:this_quarter&where=1:estimated_value:between:1..2&where=2:stage:one_of:1&where=2:x:is:1"
    )
    yield from ("/opportunities/filter/", f"/opportunities/filter/?{words}&where=3:contact:is:{contact}")
    yield from ("/contacts/filter/", "/salespeople/filter/", "/quotes/filter/?where=1:quoted_on:between:x..y")
    yield "/opportunities/board/?where=1:closing_on:is:this_quarter&where=2:salesperson:not_blank"
    chosen = "/opportunities/bulk/?key=999999&" + "&".join(f"key={deal.pk}" for deal in deals.values())
    yield from (
        chosen,
        *(f"{chosen}&action={verb}" for verb in ("move", "revise", "edit", "reassign", "close", "archive")),
    )
    yield from ("/opportunities/bulk/", "/opportunities/bulk/?all=1&query=luck%3D1", "/opportunities/batches/")
    yield from ("/keyboard/", "/no/such/page/", "/search/", "/search/?q=chairs", "/search/?q=nothing+such")
    own, shared = SavedView.objects.order_by("pk")
    yield from (own.url, f"{own.url}&status=won", shared.url, "/contacts/?view=999", "/views/", f"/views/{own.pk}/")
    yield from (f"/views/{shared.pk}/", f"/views/{own.pk}/delete/", "/views/new/?page=contacts:list&query=q%3Dx")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    new_context: Callable[..., BrowserContext],
    base_url: str,
    deals: dict[str, Opportunity],
    manager: User,
    theme: str,
    size: str,
) -> None:
    context = new_context(viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce")
    context.add_cookies([{"name": "theme", "value": theme, "url": base_url}])
    page = context.new_page()
    found = []
    page.goto("/login/")
    found += violations(page)
    page.locator("form").first.evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    page.get_by_role("alert").wait_for()
    found += violations(page)
    let_in(context, base_url, manager)
    SavedView.objects.create(owner=manager, page="opportunities:list", name="Mine", query="priority=normal")
    rep = User.objects.get(salesperson=deals["won"].salesperson)
    SavedView.objects.create(owner=rep, page="opportunities:board", name="Ours", query="priority=low", shared=True)
    for address in addresses(deals):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found += violations(page)
    found += on_answers(page, deals["running"])
    found += on_edits_in_place(page, deals["running"])
    found += on_dialogs(page, deals["running"])
    found += on_cells_of_the_list(page, deals["running"])
    found += on_a_card(page, deals["running"])
    found += on_a_bulk_action(page, list(deals.values()))
    assert not found, "\n".join(found)


def on_answers(page: Page, running: Opportunity) -> Iterator[str]:
    """Forms in place and as pages of their own: not valid, and in conflict."""
    for in_place in (True, False):
        page.goto(f"/opportunities/{running.pk}/" + ("" if in_place else "revise/"))
        if in_place:
            page.get_by_role("link", name="Revise").click()
        page.get_by_label("Chances of success %").fill("175")
        page.get_by_role("button", name="Save the estimate").click()
        page.get_by_text("This could not be saved yet.").wait_for()
        yield from violations(page)
        page.locator("#verb [name=version]").evaluate("field => field.value = '1'")
        page.get_by_label("Chances of success %").fill("75")
        page.get_by_role("button", name="Save the estimate").click()
        page.get_by_text("Someone was faster.").wait_for()
        yield from violations(page)


def on_edits_in_place(page: Page, running: Opportunity) -> Iterator[str]:
    """Forms of one field, as they open, refused and in conflict; and the message with its undo."""
    page.goto(f"/opportunities/{running.pk}/")
    for name in ("Description", "Priority", "Contact", "Estimated value"):
        page.get_by_role("link", name=f"Edit: {name}").click()
        page.locator(".edit-form").get_by_label(name).wait_for()
    yield from violations(page)
    form = page.locator("#edit-estimated_value form")
    form.get_by_label("Estimated value").fill("0")
    form.get_by_role("button", name="Save").click()
    form.get_by_text("Enter an estimated value above zero.").wait_for()
    yield from violations(page)
    form.locator("[name=version]").evaluate("field => field.value = '1'")
    form.get_by_label("Estimated value").fill("7")
    lifecycle.revise(fresh(running), version=running.version, estimated_value=8, on=Company.current().today(), by=None,
                     closing_on=Company.current().today())  # fmt: skip
    form.get_by_role("button", name="Save").click()
    form.get_by_text("Someone was faster.").wait_for()
    yield from violations(page)
    form.get_by_label("Estimated value").press("Enter")
    page.locator("#messages").get_by_role("button", name="Undo", exact=True).wait_for()
    yield from violations(page)


def on_dialogs(page: Page, running: Opportunity) -> Iterator[str]:
    """The palette as it opens, with results and with none; the form of a view, and refused."""
    page.goto(f"/opportunities/{running.pk}/")
    page.keyboard.press("Control+k")
    field, status = page.get_by_role("combobox", name="Search and commands"), page.locator("#palette-status")
    page.get_by_role("option", name="Sign out").wait_for()
    yield from violations(page)
    for typed, said in (("chairs", "3 results"), ("nothing such", "0 results")):
        field.fill(typed)
        status.get_by_text(said).wait_for()
        yield from violations(page)
    page.goto("/opportunities/?status=won")
    page.get_by_role("link", name="Save as a view").click()
    page.locator("#view-dialog").get_by_label("Name").wait_for()
    yield from violations(page)
    page.locator("#view-dialog").get_by_role("button", name="Save").click()
    page.get_by_text("This could not be saved yet.").wait_for()
    yield from violations(page)


def on_cells_of_the_list(page: Page, running: Opportunity) -> Iterator[str]:
    """Forms as they open, refused, and saved so that the row matches no longer."""
    page.goto("/opportunities/?group=stage&status=in_progress&value_to=2000")
    form = page.locator(".edit-form")
    for name in ("Contact", "Closing date", "Estimated value"):
        page.get_by_role("link", name=f"Edit: {name}, {running.description}", exact=True).first.click(force=True)
        form.get_by_label(name).wait_for()
        yield from violations(page)
    for value, said in (("0", "Enter an estimated value above zero."), ("2001", "no longer matches the filters")):
        form.get_by_label("Estimated value").fill(value)
        form.get_by_role("button", name="Save").click()
        page.get_by_text(said).wait_for()
        yield from violations(page)


def on_a_card(page: Page, running: Opportunity) -> Iterator[str]:
    """Value and closing date edited on a card of the board: as it opens, and refused."""
    page.goto(f"/opportunities/board/?q={running.number}")
    for name in ("Closing date", "Estimated value"):
        page.locator(f"#card-{running.pk}").get_by_role("link", name=f"Edit: {name}").click()
        page.locator(".edit-form").get_by_label(re.compile(name, re.IGNORECASE)).wait_for()
        yield from violations(page)
    page.locator(".edit-form").get_by_label("Estimated value").fill("0")
    page.locator(".edit-form").get_by_role("button", name="Save").click()
    page.get_by_text("Enter an estimated value above zero.").wait_for()
    yield from violations(page)


def on_a_bulk_action(page: Page, deals: list[Opportunity]) -> Iterator[str]:
    """Refused, previewed, run, its batch, what an undo would do, and the list of batches."""
    page.goto("/opportunities/bulk/?action=edit&key=999999&" + "&".join(f"key={deal.pk}" for deal in deals))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("This could not be saved yet.").wait_for()
    yield from violations(page)
    page.get_by_label("Priority").select_option("high")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Change 2 opportunities").wait_for()
    yield from violations(page)
    page.get_by_role("button", name="Change 2 opportunities").click()
    page.locator("#messages").get_by_role("button", name="Undo", exact=True).wait_for()
    yield from violations(page)
    page.get_by_role("link", name="Undo the batch").click()
    page.get_by_role("button", name="Put 2 opportunities back").wait_for()
    yield from violations(page)
    page.goto("/opportunities/batches/?all=1")
    yield from violations(page)


def violations(page: Page) -> list[str]:
    """What axe found on the page as it stands, one line for each element."""
    answer = Axe().run(page).response
    where = page.url.split("/", 3)[3]
    return [
        f"/{where}: {each['impact']} {each['id']}: {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in answer["violations"]
        for node in each["nodes"]
    ]


def let_in(context: BrowserContext, base_url: str, user: User) -> None:
    """Signed in without the form, which other tests walk through."""
    client = Client()
    client.force_login(user)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": base_url}])
