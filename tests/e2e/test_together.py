"""Working together on one deal: comments with a mention, tags, people. By mouse, by keyboard only, without scripts, on a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from collaboration.models import Comment, ContactRole, Involvement, Notification, Tag, Tagging
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Keyboard, MakeHand, Mouse
from tests.factories import fresh, make_opportunity

SignIn = Callable[[Page, User], None]
by_both = pytest.mark.parametrize("make_hand", [Mouse, Keyboard], ids=["mouse", "keyboard"])


@pytest.fixture
def deal(
    acme: Contact, ann: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, manager: User, company: Company
) -> Opportunity:
    User.objects.filter(pk=manager.pk).update(name="Marketta Vuorela")
    Tag.objects.create(name="Tender", colour="blue")
    ContactRole.objects.create(code="DECIDES", description="Decision maker")
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_what_arrives_elsewhere_on_the_page_leaves_the_offered_names(
    page: Page, sign_in: SignIn, deal: Opportunity, rep: User, manager: User
) -> None:
    sign_in(page, rep)
    held: list[Route] = []
    page.route("**/tasks/card/**", lambda route: held.append(route))
    page.goto(deal.get_absolute_url())
    field = page.get_by_role("textbox", name="Write a comment")
    field.press_sequentially("@mar")
    option = page.get_by_role("option", name="Marketta Vuorela")
    expect(option).to_be_visible()
    with page.expect_response("**/tasks/card/**"):
        held[0].continue_()
    expect(page.locator("#tasks.htmx-request")).to_have_count(0)
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    expect(option).to_be_visible()
    page.keyboard.press("Enter")
    expect(field).to_have_value("@Marketta Vuorela ")


@by_both
def test_a_comment_calls_a_colleague(
    page: Page, sign_in: SignIn, deal: Opportunity, rep: User, manager: User, make_hand: MakeHand
) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    hand = make_hand(page)
    hand.write("Write a comment", "May we go down? ")
    page.keyboard.press("End")
    page.keyboard.type("@mar")
    option = page.get_by_role("option", name="Marketta Vuorela")
    expect(option).to_have_attribute("aria-selected", "true")
    field = page.get_by_role("textbox", name="Write a comment")
    expect(field).to_have_attribute("aria-activedescendant", "mention-0")
    page.keyboard.press("Enter")
    expect(field).to_have_value("May we go down? @Marketta Vuorela ")
    expect(option).to_have_count(0)
    page.keyboard.type("please")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".comment-text")).to_have_text("May we go down? @Marketta Vuorela please")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    assert Notification.objects.get().user == manager
    hand.press("link", "Edit comment")
    hand.write("Comment", "Done already")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".comment-text")).to_have_text("Done already")
    assert not Notification.objects.exists()
    hand.press("link", "Delete comment")
    hand.finds_focus_at(page.get_by_role("button", name="Delete", exact=True))
    hand.press("button", "Delete")
    expect(page.get_by_text("The comment was deleted.").first).to_be_visible()
    assert not Comment.objects.exists()


@by_both
def test_tags_and_people(page: Page, sign_in: SignIn, deal: Opportunity, rep: User, make_hand: MakeHand) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    hand = make_hand(page)
    hand.press("link", "Add a tag")
    hand.toggle("Tender")
    hand.press("button", "Save")
    expect(page.locator(".tags .tag-link")).to_have_text("Tender")
    hand.press("link", "Add a person")
    expect(page.locator("select[name=contact]")).to_be_visible()
    page.locator("select[name=contact]").select_option(label="Ann Lee")
    page.locator("select[name=role]").select_option(label="Decision maker")
    hand.press("button", "Add")
    expect(page.locator(".people")).to_contain_text("Ann Lee")
    assert (Tagging.objects.count(), Involvement.objects.count()) == (1, 1)
    hand.press("button", "Remove Ann Lee, Decision maker")
    expect(page.get_by_text("Nobody beside the contact yet.").first).to_be_visible()


def test_without_scripts(plain_page: Page, sign_in: SignIn, deal: Opportunity, rep: User, manager: User) -> None:
    page, hand = plain_page, Mouse(plain_page)
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    hand.write("Write a comment", "@Marketta Vuorela look")
    hand.press("button", "Comment")
    expect(page.locator(".comment-text")).to_have_text("@Marketta Vuorela look")
    hand.press("link", "Add a tag")
    hand.toggle("Tender")
    hand.press("button", "Save")
    expect(page.locator(".tags .tag-link")).to_have_text("Tender")
    hand.press("link", "Edit comment")
    hand.write("Comment", "look again, @Marketta Vuorela")
    hand.press("button", "Save")
    expect(page.locator(".comment-text")).to_have_text("look again, @Marketta Vuorela")
    sign_in(page, manager)
    page.goto("/")
    page.get_by_role("link", name="Inbox 1 unread").click()
    page.get_by_role("button", name="Open").click()
    expect(page).to_have_url(re.compile(f"{deal.get_absolute_url()}#comment-{Comment.objects.get().pk}$"))
    assert not Notification.objects.unread().exists()


def test_what_was_typed_outlives_a_refusal(
    page: Page, sign_in: SignIn, deal: Opportunity, rep: User, of: Salesperson
) -> None:
    """Taken from sight meanwhile: what was typed stays in the field."""
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    field = page.get_by_role("textbox", name="Write a comment")
    field.fill("long thoughts")
    lifecycle.reassign(fresh(deal), version=deal.version, salesperson=of, on=deal.created_on, by=None)
    field.press("Control+Enter")
    expect(page.get_by_text("no longer yours to see").first).to_be_visible()
    expect(field).to_have_value("long thoughts")
    kept = page.evaluate("sessionStorage.getItem('typed')")
    assert "long thoughts" in kept
    field.fill("")


def test_a_move_loses_no_comment_that_is_being_typed(page: Page, sign_in: SignIn, deal: Opportunity, rep: User) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.get_by_role("textbox", name="Write a comment").fill("half a thought")
    page.get_by_role("button", name="Next: Present").first.click()
    expect(page.locator(".stage[aria-current=step]")).to_contain_text("Present")
    expect(page.get_by_role("textbox", name="Write a comment")).to_have_value("half a thought")
    page.get_by_role("textbox", name="Write a comment").fill("")


def test_on_a_phone(phone: Page, sign_in: SignIn, deal: Opportunity, rep: User) -> None:
    sign_in(phone, rep)
    phone.goto(deal.get_absolute_url())
    phone.get_by_role("textbox", name="Write a comment").tap()
    phone.keyboard.type("call @mark")
    phone.get_by_role("option", name="Marketta Vuorela").tap()
    expect(phone.get_by_role("textbox", name="Write a comment")).to_have_value("call @Marketta Vuorela ")
    phone.get_by_role("button", name="Comment", exact=True).tap()
    expect(phone.locator(".comment-text")).to_have_text("call @Marketta Vuorela")
    width = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
