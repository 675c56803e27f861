"""Single letters, the list of keys, typing that is not lost, and what is said when an answer fails or is late."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Locator, Page, Request, Route, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import labelled
from tests.factories import fresh, make_opportunity

SignIn = Callable[[Page, User], None]
FOCUS_IN_DIALOG = "document.querySelector('#help').contains(document.activeElement)"
NO_SERVER = "The server does not answer."


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    """At the first of four stages, worth 1 000."""
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


@pytest.fixture
def desk(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> Page:
    """The rep's, at the list of opportunities."""
    sign_in(page, rep)
    page.goto("/opportunities/")
    return page


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def list_of_keys(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Keyboard shortcuts")


# ── letters ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_letters_and_pairs_press_what_carries_them(desk: Page) -> None:
    keys(desk, "n")
    expect(heading(desk)).to_have_text("New opportunity")
    for second, title in {"h": "My open opportunities", "c": "Contacts", "l": "Opportunities"}.items():
        keys(desk, "g", second)
        expect(heading(desk)).to_have_text(title)


def test_f_opens_the_filters_and_letters_typed_into_a_field_are_letters(desk: Page) -> None:
    keys(desk, "f")
    expect(labelled(desk, "Value from")).to_be_visible()
    keys(desk, "Escape")
    expect(labelled(desk, "Value from")).to_be_hidden()
    desk.locator("#filter").get_by_label("Search").focus()
    keys(desk, "n", "g", "h", "/")
    expect(desk.locator("#filter").get_by_label("Search")).to_have_value("ngh/")
    expect(heading(desk)).to_have_text("Opportunities")


@pytest.mark.parametrize("pressed", ["Shift+N", "Control+n", "Alt+n", "Meta+n"])
def test_another_key_is_not_the_letter(desk: Page, pressed: str) -> None:
    desk.evaluate("addEventListener('click', event => event.isTrusted || (document.title = 'pressed'))")
    keys(desk, pressed)
    expect(desk).not_to_have_title("pressed")
    expect(heading(desk)).to_have_text("Opportunities")


def test_a_pair_in_two_breaths_is_two_letters(desk: Page) -> None:
    keys(desk, "g")
    desk.wait_for_timeout(1100)
    keys(desk, "h")
    expect(heading(desk)).to_have_text("Opportunities")
    keys(desk, "g", "n")  # begun as a pair, n is not the letter alone
    expect(heading(desk)).to_have_text("Opportunities")


def test_a_key_that_was_handled_is_left_in_peace(desk: Page) -> None:
    desk.evaluate("document.body.addEventListener('keydown', event => event.preventDefault())")
    keys(desk, "n", "g", "h", "?")
    expect(heading(desk)).to_have_text("Opportunities")
    expect(list_of_keys(desk)).to_have_count(0)


def test_where_a_menu_is_open_only_what_is_in_it_counts(desk: Page) -> None:
    desk.get_by_role("button", name="User menu").click()
    keys(desk, "n", "g", "h")
    expect(heading(desk)).to_have_text("Opportunities")
    keys(desk, "?")
    expect(list_of_keys(desk)).to_be_visible()


def test_in_a_narrow_window_the_pairs_reach_the_hidden_navigation(desk: Page) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    keys(desk, "g", "c")
    expect(heading(desk)).to_have_text("Contacts")


def test_switched_off_and_on_in_the_menu(desk: Page, rep: User) -> None:
    desk.goto("/opportunities/?q=thing")
    desk.get_by_role("button", name="User menu").click()
    desk.get_by_role("button", name="Off", exact=True).click()
    expect(desk.locator("body")).to_have_attribute("data-shortcuts", "off")
    expect(desk).to_have_url(re.compile(r"/opportunities/\?q=thing$"))
    keys(desk, "g", "h", "n", "?")
    expect(list_of_keys(desk)).to_have_count(0)
    expect(heading(desk)).to_have_text("Opportunities")
    desk.get_by_role("button", name="User menu").click()
    expect(desk.get_by_role("button", name="Off", exact=True)).to_have_attribute("aria-pressed", "true")
    desk.get_by_role("button", name="On", exact=True).click()
    expect(desk.locator("body")).not_to_have_attribute("data-shortcuts", "off")
    keys(desk, "g", "h")
    expect(heading(desk)).to_have_text("My open opportunities")


def test_with_scripts_off_the_list_is_a_page_and_the_switch_works(plain_page: Page, rep: User, sign_in: SignIn) -> None:
    sign_in(plain_page, rep)
    plain_page.goto("/")
    plain_page.get_by_role("button", name="User menu").click()
    plain_page.get_by_role("link", name="List of keys").click()
    expect(heading(plain_page)).to_have_text("Keyboard shortcuts")
    plain_page.get_by_role("button", name="User menu").click()
    plain_page.get_by_role("button", name="Off", exact=True).click()
    expect(heading(plain_page)).to_have_text("Keyboard shortcuts")
    assert User.objects.get(pk=rep.pk).shortcuts is False


# ── the list of keys ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_opens_holds_the_focus_and_gives_it_back(
    desk: Page, check_accessibility: Callable[[Page], None]
) -> None:
    new = desk.get_by_role("link", name="New opportunity")
    new.focus()
    keys(desk, "?")
    expect(list_of_keys(desk)).to_be_visible()
    expect(list_of_keys(desk).get_by_role("heading", level=1)).to_be_focused()
    check_accessibility(desk)
    for _ in range(4):
        keys(desk, "Tab")
        assert desk.evaluate(f"document.activeElement === document.body || {FOCUS_IN_DIALOG}")
    keys(desk, "n", "g", "h")
    expect(list_of_keys(desk)).to_be_visible()
    keys(desk, "Escape")
    expect(list_of_keys(desk)).to_be_hidden()
    expect(new).to_be_focused()
    keys(desk, "?")
    list_of_keys(desk).get_by_role("button", name="Dismiss").click()
    expect(list_of_keys(desk)).to_be_hidden()


def test_opened_from_the_menu_the_focus_goes_back_to_its_button(desk: Page) -> None:
    button = desk.get_by_role("button", name="User menu")
    button.focus()
    keys(desk, "Enter")
    desk.get_by_role("link", name="List of keys").focus()
    keys(desk, "Enter")
    expect(list_of_keys(desk)).to_be_visible()
    expect(desk.locator("#user-menu")).to_be_hidden()
    keys(desk, "Escape")
    expect(button).to_be_focused()


# ── what is typed ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def asked(desk: Page) -> list[str]:
    """How often leaving was asked about; the answer is to leave."""
    kinds: list[str] = []

    def answer(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.accept()

    desk.on("dialog", answer)
    return kinds


def test_leaving_asks_and_what_was_typed_comes_back(desk: Page, asked: list[str]) -> None:
    desk.goto("/opportunities/new/")
    labelled(desk, "Description").press_sequentially("Forty chairs")
    labelled(desk, "Priority").select_option("high")
    labelled(desk, "Start at the first stage at once").uncheck()
    desk.get_by_role("link", name="Contacts").click()
    expect(heading(desk)).to_have_text("Contacts")
    assert asked == ["beforeunload"]
    desk.goto("/opportunities/new/")
    expect(labelled(desk, "Description")).to_have_value("Forty chairs")
    expect(labelled(desk, "Priority")).to_have_value("high")
    expect(labelled(desk, "Start at the first stage at once")).not_to_be_checked()
    expect(restored(desk)).to_be_visible()
    expect(desk.locator("#announcer")).to_have_text("Restored what you typed.")
    desk.get_by_role("button", name="Discard").click()
    expect(labelled(desk, "Description")).to_have_value("")
    expect(labelled(desk, "Start at the first stage at once")).to_be_checked()
    expect(restored(desk)).to_have_count(0)
    desk.goto("/opportunities/new/")
    expect(labelled(desk, "Description")).to_have_value("")
    assert asked == ["beforeunload"]


def test_what_was_typed_and_taken_away_again_is_nothing_to_lose(desk: Page, asked: list[str]) -> None:
    desk.goto("/opportunities/new/")
    labelled(desk, "Description").press_sequentially("x")
    keys(desk, "Backspace")
    desk.goto("/opportunities/")
    assert asked == []
    assert "Forty" not in kept(desk)


def test_a_refused_form_is_kept_and_a_sent_one_is_forgotten(desk: Page, asked: list[str], acme: Contact) -> None:
    """As a page of its own: refused with 422, then sent."""
    desk.goto(f"/opportunities/new/?contact={acme.pk}")
    labelled(desk, "Description").fill("Forty chairs")
    labelled(desk, "Start at the first stage at once").uncheck()
    labelled(desk, "Chances of success %").fill("175")
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_role("alert").first).to_contain_text("This could not be saved yet.")
    expect(restored(desk)).to_have_count(0)
    assert "Forty chairs" in kept(desk)
    labelled(desk, "Chances of success %").fill("75")
    desk.get_by_role("button", name="Create").click()
    expect(heading(desk)).to_contain_text("Forty chairs")
    assert asked == []
    assert "Forty chairs" not in kept(desk)


def test_a_form_in_place_is_forgotten_once_it_was_sent(desk: Page, asked: list[str], deal: Opportunity) -> None:
    revise(desk, deal, chances="175")
    expect(desk.get_by_role("alert").first).to_contain_text("This could not be saved yet.")
    assert "175" in kept(desk)
    labelled(desk, "Chances of success %").fill("75")
    desk.get_by_role("button", name="Save the estimate").click()
    expect(desk.get_by_text("manual", exact=True).first).to_be_visible()
    assert asked == []
    assert kept(desk) == "{}"


def test_neither_secrets_nor_versions_are_kept(desk: Page, deal: Opportunity) -> None:
    desk.goto(f"/opportunities/{deal.pk}/revise/")
    labelled(desk, "Reason").fill("because")
    token = desk.locator("main [name=csrfmiddlewaretoken]").first.input_value()
    text = kept(desk)
    assert "because" in text
    assert "version" not in text
    assert token not in text


def test_signing_out_forgets_all_of_it(desk: Page, asked: list[str]) -> None:
    desk.goto("/opportunities/new/")
    labelled(desk, "Description").fill("Forty chairs")
    desk.get_by_role("button", name="User menu").click()
    desk.get_by_role("button", name="Sign out").click()
    expect(heading(desk)).to_have_text("Sign in")
    assert desk.evaluate("sessionStorage.getItem('typed')") is None


def test_another_person_finds_nothing(desk: Page, asked: list[str], rep2: User, sign_in: SignIn) -> None:
    desk.goto("/opportunities/new/")
    labelled(desk, "Description").fill("Forty chairs")
    desk.context.clear_cookies(name="sessionid")
    sign_in(desk, rep2)
    desk.goto("/opportunities/new/")
    expect(labelled(desk, "Description")).to_have_value("")
    assert "Forty" not in desk.evaluate("sessionStorage.getItem('typed')")


def restored(page: Page) -> Locator:
    return page.get_by_role("main").get_by_text("Restored what you typed.")


def kept(page: Page) -> str:
    text: str = page.evaluate("JSON.stringify(JSON.parse(sessionStorage.getItem('typed') ?? '{}').forms ?? {})")
    return text


def revise(page: Page, deal: Opportunity, *, chances: str) -> None:
    """The form in place, filled and sent."""
    page.goto(f"/opportunities/{deal.pk}/")
    page.get_by_role("link", name="Revise", exact=True).click()
    labelled(page, "Chances of success %").fill(chances)
    page.get_by_role("button", name="Save the estimate").click()


# ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_network_is_said_once_stays_and_is_told_to_scripts(
    desk: Page, deal: Opportunity, troubles: list[str]
) -> None:
    desk.goto(f"/opportunities/{deal.pk}/")
    desk.evaluate("document.title = ''; document.addEventListener('crm:trouble', e => document.title += e.detail.kind)")
    desk.route("**/revise/", lambda route: route.abort())
    for told in ("network", "networknetwork"):
        desk.get_by_role("link", name="Revise", exact=True).click()
        expect(desk.locator("[data-trouble]")).to_contain_text(NO_SERVER)
        expect(desk).to_have_title(told)
    expect(desk.get_by_role("alert")).to_have_count(1)
    desk.get_by_role("button", name="Dismiss").click()
    expect(desk.get_by_role("alert")).to_have_count(0)
    desk.evaluate("document.querySelector('nav.actions').dataset.quiet = ''")
    desk.get_by_role("link", name="Revise", exact=True).click()
    expect(desk).to_have_title("networknetworknetwork")
    expect(desk.get_by_role("alert")).to_have_count(0)
    troubles.clear()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "The server is busy."),
        (503, "The server is busy."),
        (500, "That did not go through."),
        (403, "Your role does not include this."),
    ],
)
def test_each_refusal_of_the_server_has_its_words(
    desk: Page, deal: Opportunity, troubles: list[str], status: int, said: str
) -> None:
    desk.route("**/revise/", lambda route: route.fulfill(status=status, body=""))
    desk.goto(f"/opportunities/{deal.pk}/")
    desk.get_by_role("link", name="Revise", exact=True).click()
    expect(desk.get_by_role("alert")).to_contain_text(said)
    troubles.clear()


def test_signed_in_anew_in_another_tab(
    desk: Page, asked: list[str], deal: Opportunity, rep: User, sign_in_by_form: SignIn, troubles: list[str]
) -> None:
    desk.goto(f"/opportunities/{deal.pk}/")
    desk.get_by_role("link", name="Revise", exact=True).click()
    labelled(desk, "Chances of success %").fill("75")
    other = desk.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="User menu").click()
    other.get_by_role("button", name="Sign out").click()
    sign_in_by_form(other, rep)
    desk.get_by_role("button", name="Save the estimate").click()
    expect(desk.get_by_role("alert")).to_contain_text("You signed in again in another tab.")
    troubles.clear()
    with desk.expect_navigation():
        desk.get_by_role("button", name="Reload").click()
    desk.get_by_role("link", name="Revise", exact=True).click()
    expect(restored(desk)).to_be_visible()
    assert asked == []
    desk.get_by_role("button", name="Save the estimate").click()
    expect(desk.get_by_text("manual", exact=True).first).to_be_visible()
    assert fresh(deal).chances == 75


def test_signed_out_meanwhile_the_sign_in_page_says_so_and_leads_back(
    desk: Page, asked: list[str], deal: Opportunity, rep: User
) -> None:
    desk.goto(f"/opportunities/{deal.pk}/revise/?from=here")
    labelled(desk, "Chances of success %").fill("75")
    desk.context.clear_cookies(name="sessionid")
    desk.get_by_role("button", name="Save the estimate").click()
    expect(desk.get_by_role("main")).to_contain_text("You were signed out. Sign in to go on.")
    labelled(desk, "E-mail").fill(rep.email)
    labelled(desk, "Password").fill("demo")
    desk.get_by_role("button", name="Sign in").click()
    expect(desk).to_have_url(re.compile(rf"/opportunities/{deal.pk}/revise/\?from=here$"))
    expect(labelled(desk, "Chances of success %")).to_have_value("75")
    assert asked == []


# ── waiting and announcing ───────────────────────────────────────────────────────────────────────────────────────────


def test_waiting_shows_after_a_while_and_is_marked_busy(desk: Page, deal: Opportunity) -> None:
    held: list[Route] = []
    desk.route("**/revise/", lambda route: held.append(route))
    desk.goto(f"/opportunities/{deal.pk}/")
    place = desk.locator("#verb")
    with desk.expect_request("**/revise/"):
        desk.get_by_role("link", name="Revise", exact=True).click()
    expect(place).to_have_attribute("aria-busy", "true")
    line = "getComputedStyle(document.querySelector('.topbar'), '::after')"
    assert desk.evaluate(f"{line}.animationDelay") == "0.3s"
    desk.wait_for_timeout(500)
    assert desk.evaluate(f"{line}.opacity") == "1"
    held[0].continue_()
    expect(labelled(desk, "Chances of success %")).to_be_visible()
    expect(place).not_to_have_attribute("aria-busy", "true")
    assert desk.evaluate(f"{line}.content") == "none"


def test_what_is_announced_at_once_is_read_together_and_the_same_again(desk: Page) -> None:
    announcer = desk.locator("#announcer")
    say = "text => document.dispatchEvent(new CustomEvent('crm:announce', {detail: text}))"
    desk.evaluate(f"['Picked up.', 'Over Offer.'].forEach({say})")
    expect(announcer).to_have_text("Picked up. Over Offer.")
    desk.evaluate(f"({say})('Moved.')")
    assert announcer.text_content() == ""
    expect(announcer).to_have_text("Moved.")


def test_no_page_asks_for_an_icon_that_is_not_there(page: Page, administrator: User, sign_in: SignIn) -> None:
    sign_in(page, administrator)
    missing: list[str] = []
    page.on("requestfinished", lambda request: missing.extend(not_there(request)))
    for address in ("/admin/", "/favicon.ico"):
        page.goto(address)
    assert missing == []


def not_there(request: Request) -> list[str]:
    response = request.response()
    return [request.url] if response and response.status == 404 else []
