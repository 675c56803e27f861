"""A day with tasks, told once and lived with a mouse, with scripts off and by keyboard only; and dragging in the calendar."""

import datetime
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep, SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Task
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled
from tests.factories import make_opportunity

SignIn = Callable[[Page, User], None]
DAY = datetime.timedelta(days=1)


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def other_day(today: datetime.date) -> datetime.date:
    """Of the same week, so that it stands in the same row."""
    return today - DAY if today.weekday() == 6 else today + DAY


@pytest.fixture
def deal(cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User, today: datetime.date) -> Opportunity:
    """Its first stage asks to write, to call and to meet."""
    plan = Activity.objects.create(code="INIT")
    for number, (description, kind) in enumerate([("Write", "task"), ("Call", "call"), ("Meet", "meeting")], start=1):
        ActivityStep.objects.create(activity=plan, number=number, description=description, kind=kind)
    cycle.stages.filter(number=1).update(activity=plan)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep, on=today, description="Chairs")


def due(description: str) -> datetime.date:
    return Task.objects.get(description=description).due_on


def still_open() -> set[str]:
    return set(Task.objects.open().values_list("description", flat=True))


def event(page: Page, description: str) -> Locator:
    return page.locator("#calendar").get_by_role("link", name=description)


def drag(page: Page, what: Locator, where: Locator) -> None:
    start, end = what.bounding_box(), where.bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 10, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, start["y"] + start["height"] / 2, steps=3)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    page.wait_for_timeout(100)  # the calendar looks where it is
    page.mouse.up()


def write_day(hand: Hand, label: str, day: datetime.date) -> None:
    """By keyboard it is reached like any field; in which order its parts are typed, the language of the machine's browser says."""
    field = labelled(hand.page, label)
    if isinstance(hand, Keyboard):
        hand.go_to(field)
    field.fill(str(day))


def day_of(page: Page, day: datetime.date) -> Locator:
    return page.locator(f'#calendar [data-date="{day}"]').first


def test_with_a_mouse(
    page: Page, deal: Opportunity, rep: User, sign_in: SignIn, today: datetime.date, other_day: datetime.date
) -> None:
    sign_in(page, rep)
    hand = Mouse(page)
    start_and_complete(page, hand, deal, other_day)
    hand.press("link", "Calendar")
    expect(event(page, "Call")).to_be_visible()
    drag(page, event(page, "Call"), day_of(page, other_day))
    expect(page.locator("#messages")).to_contain_text("The date was changed.")
    expect(day_of(page, other_day).get_by_role("link", name="Call")).to_be_visible()
    assert due("Call") == other_day
    cancel_by_a_move_and_undo(page, hand, deal)
    find_the_agenda_right(page, hand, other_day > today)


@pytest.mark.parametrize("with_scripts", [True, False], ids=["by keyboard only", "with scripts off"])
def test_without_dragging(
    page: Page,
    plain_page: Page,
    deal: Opportunity,
    rep: User,
    sign_in: SignIn,
    today: datetime.date,
    other_day: datetime.date,
    with_scripts: bool,
) -> None:
    page = page if with_scripts else plain_page
    hand: Hand = Keyboard(page) if with_scripts else Mouse(page)
    sign_in(page, rep)
    start_and_complete(page, hand, deal, other_day, plain=not with_scripts)
    hand.press("link", "Calendar")
    if with_scripts:  # what is there before the scripts goes when they come
        expect(event(page, "Call")).to_be_visible()
    hand.press("link", "Call")
    hand.press("link", "Another date")
    write_day(hand, "Date", other_day)
    hand.press("button", "Save")
    expect(page.get_by_text("The date was changed.").first).to_be_visible()
    assert due("Call") == other_day
    cancel_by_a_move_and_undo(page, hand, deal)
    find_the_agenda_right(page, hand, other_day > today)


def start_and_complete(page: Page, hand: Hand, deal: Opportunity, day: datetime.date, *, plain: bool = False) -> None:
    page.goto(deal.get_absolute_url())
    hand.press("button", "Start: Initial")
    expect(page.get_by_role("heading", level=1)).to_contain_text("In progress")
    assert still_open() == {"Write", "Call", "Meet"}
    page.goto(deal.get_absolute_url())
    if plain:
        hand.press("link", "Show the open tasks")
    for task in ("Write", "Call", "Meet"):
        expect(page.get_by_role("link", name=task, exact=True)).to_be_visible()
    page.goto("/")
    hand.press("link", "Tasks")
    expect(page.get_by_role("heading", level=2)).to_have_text([re.compile(r"Today\s+3")])
    hand.press("link", "Complete : Write")
    hand.write("What came of it", "They want it")
    hand.write("What follows", "Send the offer")
    write_day(hand, "on", day)
    hand.press("button", "Complete the task")
    expect(page.get_by_role("link", name="Send the offer", exact=True)).to_be_visible()
    expect(page.locator("#part-today")).to_have_text(re.compile(r"Today\s+2"))
    assert Task.objects.get(description="Write").outcome == "They want it"
    assert due("Send the offer") == day


def cancel_by_a_move_and_undo(page: Page, hand: Hand, deal: Opportunity) -> None:
    page.goto(deal.get_absolute_url())
    hand.press("link", "with details : Present")
    hand.toggle("Cancel the open tasks")
    hand.press("button", "Move")
    expect(page.locator("[aria-current=step]")).to_contain_text("Present")
    assert still_open() == set()
    page.goto("/tasks/agenda/")
    expect(page.get_by_text("Nothing is to be done")).to_be_visible()
    page.goto(deal.get_absolute_url())
    hand.press("button", "Undo: Next")
    expect(page.locator("[aria-current=step]")).to_contain_text("Initial")
    assert still_open() == {"Call", "Meet", "Send the offer"}


def find_the_agenda_right(page: Page, hand: Hand, is_ahead: bool) -> None:
    page.goto("/tasks/agenda/")
    parts = page.locator(".agenda-part")
    expect(parts).to_have_count(2)
    today = parts.filter(has=page.locator("#part-today"))
    expect(today.locator(".agenda-title")).to_have_text(["Meet"])
    rest = parts.last if is_ahead else parts.first
    expect(rest.locator(".agenda-title")).to_have_text(["Call", "Send the offer"])
    expect(rest.get_by_role("heading", level=2)).to_contain_text("2")


def test_what_somebody_else_moved_is_put_back_and_why_is_said(
    page: Page, jo: Salesperson, rep: User, sign_in: SignIn, today: datetime.date, other_day: datetime.date
) -> None:
    task = lifecycle.create(description="Call", salesperson=jo, on=today, due_on=today, by=rep)
    sign_in(page, rep)
    page.goto("/tasks/calendar/")
    expect(event(page, "Call")).to_be_visible()
    lifecycle.change(task, version=1, description="Call them", on=today, by=rep)
    drag(page, event(page, "Call"), day_of(page, other_day))
    expect(page.locator("#messages")).to_contain_text("Somebody else changed this task")
    expect(page.locator("#announcer")).to_contain_text("Put back.")
    expect(day_of(page, today).get_by_role("link", name="Call them")).to_be_visible()
    assert due("Call them") == today
    drag(page, event(page, "Call them"), day_of(page, other_day))
    expect(page.locator("#messages")).to_contain_text("The date was changed.")
    assert due("Call them") == other_day


def test_a_meeting_gets_another_time_and_a_task_none(
    page: Page, jo: Salesperson, rep: User, sign_in: SignIn, today: datetime.date
) -> None:
    at = datetime.time(9)
    lifecycle.create(
        description="Meet", kind="meeting", starts_at=at, duration=60, salesperson=jo, on=today, due_on=today, by=rep
    )
    lifecycle.create(description="Write", salesperson=jo, on=today, due_on=today, by=rep)
    sign_in(page, rep)
    page.goto("/tasks/calendar/?by=day")
    meeting = event(page, "Meet")
    box = meeting.bounding_box()
    assert box
    x, y, hour = box["x"] + 40, box["y"] + box["height"] / 2, box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 2 * hour, steps=10)
    page.wait_for_timeout(100)  # the calendar looks where it is
    page.mouse.up()
    expect(page.locator("#messages")).to_contain_text("The date was changed.")
    meant = Task.objects.get(description="Meet")
    assert (meant.starts_at, meant.duration, meant.due_on) == (datetime.time(11), 60, today)
    drag(page, event(page, "Write"), event(page, "Meet"))
    expect(page.locator("#announcer")).to_contain_text("Only a meeting has a time.")
    assert Task.objects.get(description="Write").version == 1


def test_the_address_says_what_is_shown(page: Page, rep: User, sign_in: SignIn, today: datetime.date) -> None:
    sign_in(page, rep)
    page.goto("/tasks/calendar/?by=month&day=2026-03-04")
    page.get_by_role("link", name="Week", exact=True).click()
    expect(page).to_have_url(re.compile(r"by=week&day=2026-03-0[24]$"))
    page.get_by_role("link", name="Later").click()
    expect(page).to_have_url(re.compile(r"by=week&day=2026-03-(09|11)$"))
    expect(page.locator("#calendar-title")).to_contain_text("March 2026")
    page.reload()
    expect(page.locator("[data-calendar-by][aria-current]")).to_have_text("Week")
    page.get_by_label("Type").select_option("call")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"kind=call.*by=week|by=week.*kind=call"))


def test_on_a_phone(phone: Page, jo: Salesperson, rep: User, sign_in: SignIn, today: datetime.date) -> None:
    lifecycle.create(description="Call", salesperson=jo, on=today, due_on=today, by=rep)
    sign_in(phone, rep)
    for address in ("/tasks/agenda/", "/tasks/calendar/", "/tasks/calendar/?by=week"):
        phone.goto(address)
        expect(phone.get_by_role("link", name="Call", exact=True).first).to_be_visible()
        assert phone.evaluate("document.documentElement.scrollWidth") == 390, address
