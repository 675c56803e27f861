"""axe on every page, in both themes, on a desktop and a phone. No rule is switched off and nothing is let pass.

Each address is loaded once and looked at four times: a theme and a size change nothing but styles. On a phone no page is
wider than the screen.
"""

import datetime
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from collaboration import lifecycle as collaboration
from collaboration.models import Attachment, Comment, ContactRole, Notification, Tag
from contacts import lifecycle as contacts
from contacts.models import AddressPeriod, AlternativeAddress, Contact
from interactions import lifecycle as interactions
from interactions.models import InteractionTemplate
from opportunities import background, lifecycle
from opportunities.models import Batch, Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Grant, Salesperson, SavedView, User
from tasks import lifecycle as tasks
from tests.factories import (
    WORK_DATE,
    ContactFactory,
    QuoteFactory,
    SalespersonFactory,
    TeamFactory,
    fresh,
    make_opportunity,
)
from upkeep import merge as merging
from upkeep.merging_models import Merge

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# The document is the same in the dark: there only its colours can be wrong.
THEMES: dict[str, Any] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}
# axe reads the same few colours thousands of times, a third of its time; each is read once here.
READY = """() => {
  const read = new Map(), { Color } = axe.commons.color, { parseString } = Color.prototype;
  Color.prototype.parseString = function (text) {
    if (!read.has(text)) read.set(text, parseString.call(new Color(0, 0, 0), text));
    const { r, g, b, alpha } = read.get(text);
    return Object.assign(this, { r, g, b, alpha });
  };
  const still = new CSSStyleSheet();
  still.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
}"""
# The theme as theme.js sets it, but at once: a colour on its way to another has any contrast. Then axe, of which only what
# is wrong comes back.
LOOK = """([theme, options]) => {
  document.documentElement.dataset.bsTheme = theme;
  document.querySelector("meta[name=color-scheme]").content = theme;
  return axe.run(options).then(answer => answer.violations);
}"""


@pytest.fixture
def deals(
    company: Company,
    cycle: SalesCycle,
    acme: Contact,
    ann: Contact,
    jo: Salesperson,
    rep: User,
    manager: User,
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
    gone = ContactFactory(name="Acme again")
    seen = merging.fingerprint(Contact.objects.filter(pk__in=[acme.pk, gone.pk]))
    how: dict[str, Any] = {"picks": {}, "seen": seen, "by": User.objects.get(salesperson=jo), "on": today}
    merging.merge([acme.pk, gone.pk], survivor=acme.pk, **how)
    ContactFactory(number="TWIN", name="Acme Oy", city="Oulu", email="info@acme.example")
    acme.mailing_groups.create(code="NEWS", description="Newsletter")
    acme.business_relations.create(code="CUST", description="Customer", account="customer")
    hang(running, acme, rep)
    values = {"priority": "high", "on": today, "reason": ""}
    background.start(User.objects.get(salesperson=jo), [running.pk, waiting.pk], "edit", values)
    collaboration.renew_calendar(manager)
    return {"waiting": fresh(waiting), "running": fresh(running), "won": fresh(won)}


def hang(running: Opportunity, acme: Contact, rep: User) -> None:
    """Comments that call the manager, a file, tags of every colour, people, a co-owner, a competitor."""
    for text in ("Is this so? @Manager https://example.com/a", "@Manager again\nand a second line"):
        collaboration.write("opportunity", running.pk, text=text, by=rep)
    collaboration.write("contact", acme.pk, text="Call before noon", by=rep)
    file = SimpleUploadedFile("Floor plan of the second storey, as measured.pdf", b"%PDF-1")
    collaboration.attach("opportunity", running.pk, files=[file], by=rep)
    for colour in Tag.Colour:
        tag = Tag.objects.create(name=f"Tag {colour}", colour=colour)
        lifecycle.tag(running, tag=tag, by=rep)
        contacts.tag(acme, tag=tag, by=rep)
    role = ContactRole.objects.create(code="DECIDES", description="Decision maker")
    lifecycle.involve(running, contact=acme, role=role, by=rep)
    other = SalespersonFactory(name="Otis Falls")
    lifecycle.share(running, by=rep, may_edit=True, is_co_owner=True, salesperson_id=other.pk)
    Notification.objects.filter(pk=Notification.objects.latest("pk").pk).update(read_at=timezone.now())


@pytest.fixture
def views(deals: dict[str, Opportunity], manager: User) -> list[SavedView]:
    """The manager's own, and one that a rep shares."""
    rep = User.objects.get(salesperson=deals["won"].salesperson)
    return [
        SavedView.objects.create(owner=manager, page="opportunities:list", name="Mine", query="priority=normal"),
        SavedView.objects.create(owner=rep, page="opportunities:board", name="Ours", query="priority=low", shared=True),
    ]


@pytest.fixture
def open_page(
    new_context: Callable[..., BrowserContext], sign_in: Callable[..., None], views: list[SavedView], manager: User
) -> Callable[[dict[str, int]], Page]:
    """A page of that size, with the manager signed in."""

    def open_at(size: dict[str, int]) -> Page:
        page = new_context(viewport=size, reduced_motion="reduce").new_page()
        sign_in(page, manager)
        return page

    return open_at


def lists(deals: dict[str, Opportunity], views: list[SavedView]) -> Iterator[str]:
    yield from ("/", "/opportunities/", "/opportunities/?q=nothing+such", "/opportunities/new/")
    yield from (
        "/opportunities/?group=stage&columns=closing_on,sales_value,number&status=open&luck=1",
        "/opportunities/?value_from=lots",
        "/opportunities/columns/?order=-number",
        "/opportunities/export/?as=pdf",
        "/quotes/columns/",
    )
    yield from ("/opportunities/filter/", "/opportunities/filter/?status=open", "/contacts/filter/")
    words = (
        "where=1:closing_on:is:this_quarter&where=1:estimated_value:between:1..2&where=2:stage:one_of:1&where=2:x:is:1"
    )
    yield f"/opportunities/filter/?{words}&where=3:contact:is:{deals['won'].contact_id}"
    yield from ("/salespeople/filter/", "/quotes/filter/?where=1:quoted_on:between:x..y")
    board = "/opportunities/board/"
    yield from (board, f"{board}?more=won.25&priority=normal&cards=compact", f"{board}?order=luck&sales_cycle=999")
    yield f"{board}new/?column={deals['running'].stage_id}"
    yield f"{board}?where=1:closing_on:is:this_quarter&where=2:salesperson:not_blank"


def opportunities(deals: dict[str, Opportunity], views: list[SavedView]) -> Iterator[str]:
    waiting, running, won = (f"/opportunities/{deals[name].pk}/" for name in ("waiting", "running", "won"))
    yield from (waiting, running, won, f"{waiting}start/")
    for verb in ("move", "revise", "edit", "reassign", "change-cycle", "close", "undo", "correct"):
        yield f"{running}{verb}/"
    for field in ("revise/?field=estimated_value", "edit/?field=priority", "reassign/?field=contact"):
        yield running + field
    yield f"{running}?order=number&show=estimates"
    yield f"{won}reopen/"
    yield from (
        f"{running}report/",
        f"{won}report/",
        "/reports/",
        f"/reports/?salesperson={deals['won'].salesperson_id}",
    )
    yield from ("/opportunities/print/?group=salesperson&status=open&luck=1", "/opportunities/print/?value_from=lots")
    yield f"{won}archive/"
    yield f"{running}sharing/?right=owner"
    yield from (f"{running}people/", f"{running}tags/", f"{running}?show=comments")
    yield f"/opportunities/involving/{deals['won'].contact_id}/"
    comment = Comment.objects.earliest("pk")
    yield from (f"/collaboration/comments/{comment.pk}/{act}/" for act in ("edit", "delete"))
    deal, file = deals["running"].pk, Attachment.objects.get()
    yield from (f"/collaboration/files/?opportunity={deal}", f"/collaboration/files/{file.pk}/remove/")
    yield from ("/collaboration/inbox/", "/collaboration/inbox/?which=unread&kind=shared", "/account/")
    yield from (batch.get_absolute_url() for batch in Batch.objects.filter(state="queued"))


def records(deals: dict[str, Opportunity], views: list[SavedView]) -> Iterator[str]:
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
        "/contacts/?archived=true&columns=name,tags",
        f"/contacts/{contact}/tags/",
        "/opportunities/new/many/?all=1&query=archived%3Dtrue",
        f"/opportunities/new/many/?key={contact}&key={person}",
    )
    merged, twin = Merge.objects.get(), Contact.objects.get(number="TWIN")
    yield from (
        "/contacts/duplicates/",
        "/contacts/duplicates/?apart=1",
        "/upkeep/merge/",
        f"/upkeep/merge/?key={contact}",
        f"/upkeep/merge/?key={contact}&key={twin.pk}",
        f"/upkeep/merge/?key={contact}&key={person}",
        f"/upkeep/contacts/{contact}/merges/",
        f"/upkeep/merges/{merged.pk}/",
        f"/upkeep/merges/{merged.pk}/undo/",
    )
    yield from (
        "/salespeople/",
        f"/salespeople/{salesperson}/",
        "/salespeople/new/",
        f"/salespeople/{salesperson}/edit/",
        "/salespeople/teams/",
        f"/salespeople/teams/{Grant.objects.get(team__isnull=False).team_id}/",
        "/upkeep/handovers/",
        "/import/",
        f"/upkeep/handovers/of/{salesperson}/",
    )
    of_running = f"?opportunity={deals['running'].pk}"
    task = tasks.create(
        description="Call",
        salesperson=deals["running"].salesperson,
        opportunity=deals["running"],
        on=WORK_DATE,
        by=None,
        interval="1W",
        recurs_from="due",
    )
    yield from ("/tasks/", "/tasks/agenda/?whose=", "/tasks/agenda/", "/tasks/filter/")
    yield from (f"/tasks/calendar/?by={by}&whose=" for by in ("month", "week", "day"))
    yield from ("/tasks/matrix/", "/tasks/matrix/?rows=contact&by=day&figure=name&closed=1&luck=1&q=call")
    yield from ("/tasks/print/?group=salesperson", "/contacts/print/?columns=name,next_task_on,estimated_value")
    yield "/tasks/matrix/?day=2001-01-01&priority=lots"
    yield from ("/tasks/new/", f"/tasks/new/{of_running}", f"/tasks/assign/{of_running}")
    yield from (f"/tasks/card/{of_running}", f"/tasks/{task.pk}/", f"/opportunities/{deals['running'].pk}/")
    yield from (
        f"/tasks/{task.pk}/{verb}/" for verb in ("complete", "postpone", "reschedule", "reassign", "cancel", "reopen")
    )
    talk = interactions.log(
        description="Called",
        opportunity=deals["running"],
        text="They want twelve",
        failed=True,
        evaluation="positive",
        on=WORK_DATE,
        by=None,
    )
    InteractionTemplate.objects.create(code="OUTGOING", description="Outgoing call")
    yield from ("/interactions/", "/interactions/filter/", f"/interactions/new/{of_running}", "/interactions/new/")
    yield from (
        f"/interactions/card/?company={contact}",
        f"/interactions/{talk.pk}/",
        f"/opportunities/new/?interaction={talk.pk}",
    )
    yield from (f"/contacts/{contact}/", f"/opportunities/{deals['running'].pk}/?show=talks")
    quote = deals["running"].quotes.get()
    yield from ("/quotes/", "/quotes/new/", f"/quotes/new/?opportunity={deals['running'].pk}", f"/quotes/{quote.pk}/")


def the_rest(deals: dict[str, Opportunity], views: list[SavedView]) -> Iterator[str]:
    chosen = "/opportunities/bulk/?key=999999&" + "&".join(f"key={deal.pk}" for deal in deals.values())
    yield from (
        chosen,
        *(f"{chosen}&action={verb}" for verb in ("move", "revise", "edit", "reassign", "close", "archive")),
    )
    yield from ("/opportunities/bulk/", "/opportunities/bulk/?all=1&query=luck%3D1", "/opportunities/batches/")
    yield from ("/opportunities/overrides/", "/opportunities/overrides/?since=soon")
    yield from ("/keyboard/", "/no/such/page/", "/search/", "/search/?q=chairs", "/search/?q=nothing+such")
    own, shared = views
    yield from (own.url, f"{own.url}&status=won", shared.url, "/contacts/?view=999", "/views/", f"/views/{own.pk}/")
    yield from (f"/views/{shared.pk}/", f"/views/{own.pk}/delete/", "/views/new/?page=contacts:list&query=q%3Dx")


@pytest.mark.slow
@pytest.mark.parametrize("addresses", [lists, opportunities, records, the_rest])
def test_axe_finds_nothing(
    addresses: Callable[..., Iterator[str]],
    open_page: Callable[..., Page],
    deals: dict[str, Opportunity],
    views: list[SavedView],
) -> None:
    page = open_page(DESKTOP)
    found = []
    for address in addresses(deals, views):
        page.goto(address)
        settle(page)
        found += violations(page, DESKTOP, PHONE)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_at_the_door(new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(reduced_motion="reduce").new_page()
    page.goto("/login/")
    found = violations(page, DESKTOP, PHONE)
    page.locator("form").first.evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    page.get_by_role("alert").wait_for()
    found += violations(page, DESKTOP, PHONE)
    assert not found, "\n".join(found)


def on_answers(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """Forms in place and as pages of their own: not valid, and in conflict."""
    running = deals["running"]
    for in_place in (True, False):
        page.goto(f"/opportunities/{running.pk}/" + ("" if in_place else "revise/"))
        if in_place:
            page.get_by_role("link", name="Revise").click()
        page.get_by_label("Chances of success %").fill("175")
        page.get_by_role("button", name="Save the estimate").click()
        page.get_by_text("This could not be saved yet.").first.wait_for()
        yield from violations(page)
        page.locator("#verb [name=version]").evaluate("field => field.value = '1'")
        page.get_by_label("Chances of success %").fill("75")
        page.get_by_role("button", name="Save the estimate").click()
        page.get_by_text("Someone was faster.").first.wait_for()
        yield from violations(page)


def on_edits_in_place(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """Forms of one field, as they open, refused and in conflict; and the message with its undo."""
    running = deals["running"]
    page.goto(f"/opportunities/{running.pk}/")
    for name in ("Description", "Priority", "Contact", "Estimated value"):
        page.get_by_role("link", name=f"Edit: {name}").click()
        page.locator(".edit-form").get_by_label(name).wait_for()
    yield from violations(page)
    form = page.locator("#edit-estimated_value form")
    form.get_by_label("Estimated value").fill("0")
    form.get_by_role("button", name="Save").click()
    form.get_by_text("Enter an estimated value above zero.").first.wait_for()
    yield from violations(page)
    form.locator("[name=version]").evaluate("field => field.value = '1'")
    form.get_by_label("Estimated value").fill("7")
    lifecycle.revise(fresh(running), version=running.version, estimated_value=8, on=Company.current().today(), by=None,
                     closing_on=Company.current().today())  # fmt: skip
    form.get_by_role("button", name="Save").click()
    form.get_by_text("Someone was faster.").first.wait_for()
    yield from violations(page)
    form.get_by_label("Estimated value").press("Enter")
    page.locator("#messages").get_by_role("button", name="Undo", exact=True).wait_for()
    yield from violations(page)


def on_dialogs(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """The palette as it opens, with results and with none; the form of a view, and refused."""
    running = deals["running"]
    page.goto(f"/opportunities/{running.pk}/")
    page.keyboard.press("Control+k")
    field, status = page.get_by_role("combobox", name="Search and commands"), page.locator("#palette-status")
    page.get_by_role("option", name="Sign out").wait_for()
    yield from violations(page)
    for typed, said in (("chairs", "3 results"), ("nothing such", "0 results")):
        field.fill(typed)
        status.get_by_text(said).first.wait_for()
        yield from violations(page)
    page.goto("/opportunities/?status=won")
    page.get_by_role("link", name="Save as a view").click()
    page.locator("#view-dialog").get_by_label("Name").wait_for()
    yield from violations(page)
    page.locator("#view-dialog").get_by_role("button", name="Save").click()
    page.get_by_text("This could not be saved yet.").first.wait_for()
    yield from violations(page)


def on_cells_of_the_list(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """Forms as they open, refused, and saved so that the row matches no longer."""
    running = deals["running"]
    today = Company.current().today()
    lifecycle.revise(running, version=running.version, closing_on=today, on=today, by=None)
    page.goto("/opportunities/?group=stage&status=in_progress&value_to=2000")
    form = page.locator(".edit-form")
    for name in ("Contact", "Closing date", "Estimated value"):
        page.get_by_role("link", name=f"Edit: {name}, {running.description}", exact=True).first.click(force=True)
        form.get_by_label(name).wait_for()
        yield from violations(page)
    for value, said in (("0", "Enter an estimated value above zero."), ("2001", "no longer matches the filters")):
        form.get_by_label("Estimated value").fill(value)
        form.get_by_role("button", name="Save").click()
        page.get_by_text(said).first.wait_for()
        yield from violations(page)


def on_a_card(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """Value and closing date edited on a card of the board: as it opens, and refused."""
    running = deals["running"]
    page.goto(f"/opportunities/board/?q={running.number}")
    for name in ("Closing date", "Estimated value"):
        page.locator(f"#card-{running.pk}").get_by_role("link", name=f"Edit: {name}").click()
        page.locator(".edit-form").get_by_label(re.compile(name, re.IGNORECASE)).wait_for()
        yield from violations(page)
    page.locator(".edit-form").get_by_label("Estimated value").fill("0")
    page.locator(".edit-form").get_by_role("button", name="Save").click()
    page.get_by_text("Enter an estimated value above zero.").first.wait_for()
    yield from violations(page)


def on_a_bulk_action(page: Page, deals: dict[str, Opportunity]) -> Iterator[str]:
    """Refused, previewed, run, its batch, what an undo would do, and the list of batches."""
    page.goto("/opportunities/bulk/?action=edit&key=999999&" + "&".join(f"key={deal.pk}" for deal in deals.values()))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("This could not be saved yet.").first.wait_for()
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


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "work", [on_answers, on_edits_in_place, on_dialogs, on_cells_of_the_list, on_a_card, on_a_bulk_action]
)
def test_axe_finds_nothing_at_work(
    work: Callable[..., Iterator[str]],
    size: dict[str, int],
    open_page: Callable[..., Page],
    deals: dict[str, Opportunity],
) -> None:
    found = list(work(open_page(size), deals))
    assert not found, "\n".join(found)


def settle(page: Page) -> None:
    """Wait until what the page asked for after it was loaded stands in it."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def violations(page: Page, *sizes: dict[str, int]) -> list[str]:
    """What is wrong with the page as it stands, in both themes and these sizes, one line for each element."""
    found = []
    if not page.evaluate("window.axe !== undefined"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(READY)
    sizes = sizes or (page.viewport_size,)
    for theme, rules in THEMES.items():
        page.emulate_media(color_scheme=theme)
        for size in sizes if theme == "light" else reversed(sizes):  # what stays as it is costs nothing
            page.set_viewport_size(size)
            found += too_wide(page)
            found += broken_rules(page, theme, rules)
    return found


def too_wide(page: Page) -> list[str]:
    """A phone shows a page that is wider as a whole, too small to read."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"{place(page)}: {wide} pixels wide"] if wide > width(page) else []


def broken_rules(page: Page, theme: str, rules: dict[str, Any]) -> list[str]:
    return [
        f"{place(page)}: {each['impact']} {each['id']}: {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in page.evaluate(LOOK, [theme, {"resultTypes": ["violations"], **rules}])
        for node in each["nodes"]
    ]


def place(page: Page) -> str:
    theme = page.evaluate("document.documentElement.dataset.bsTheme")
    return f"/{page.url.split('/', 3)[3]} ({theme}, {width(page)})"


def width(page: Page) -> int:
    assert page.viewport_size
    return page.viewport_size["width"]
