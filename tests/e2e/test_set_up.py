"""Stages in another order, and a cycle copied: with the mouse, with the keyboard only, and with scripts off."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from salescycles.models import SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import Keyboard

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(company: Company, cycle: SalesCycle) -> str:
    """Gaps between the numbers stay; equal percentages, so that no order contradicts itself."""
    for stage in cycle.stages.order_by("-number"):
        cycle.stages.filter(pk=stage.pk).update(number=10 * stage.number, completed=50, chances=50, expected_days=9)
    return f"/admin/salescycles/salescycle/{cycle.pk}/change/"


def order(cycle: SalesCycle) -> list[tuple[int, str]]:
    return list(cycle.stages.order_by("number").values_list("number", "description"))


def test_a_stage_is_dragged_to_another_place(
    page: Page, sign_in: Callable[..., None], manager: User, cycle: SalesCycle, here: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1600})  # all of it: near an edge the page scrolls by itself
    sign_in(page, manager)
    page.goto(here)
    handles = page.locator(".has_original .reorder-handle")
    expect(handles).to_have_count(4)
    handles.nth(3).scroll_into_view_if_needed()
    source, target = handles.nth(3).bounding_box(), handles.nth(0).bounding_box()
    assert source and target
    page.mouse.move(source["x"] + 5, source["y"] + 5)
    page.mouse.down()
    page.mouse.move(target["x"] + 5, target["y"] + 20, steps=12)
    page.mouse.move(target["x"] + 5, target["y"] - 4, steps=5)
    page.mouse.up()
    expect(page.locator(".reorder-said")).to_have_text("Sign: 1 / 4")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert order(cycle) == [(10, "Sign"), (20, "Initial"), (30, "Present"), (40, "Offer")]


def test_a_stage_is_moved_and_the_cycle_copied_by_the_keyboard(
    page: Page, sign_in: Callable[..., None], manager: User, cycle: SalesCycle, here: str
) -> None:
    hand = Keyboard(page)
    sign_in(page, manager)
    page.goto(here)
    hand.press("link", "Skip to main content")
    handle = page.get_by_role("button", name="Drag to move this row, or press the arrow keys: Offer")
    hand.go_to(handle)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(handle).to_be_focused()
    expect(page.locator(".reorder-said")).to_have_text("Offer: 1 / 4")
    hand.press("button", "Save and continue editing")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert order(cycle) == [(10, "Offer"), (20, "Initial"), (30, "Present"), (40, "Sign")]
    hand.press("link", "Skip to main content")
    hand.press("button", "Copy")
    expect(page.get_by_text("was copied as CY-2")).to_be_visible()
    made = SalesCycle.objects.get(code="CY-2")
    assert (order(made), made.blocked) == (order(cycle), True)


def test_a_cycle_is_copied_with_the_mouse_and_a_new_stage_takes_a_place(
    page: Page, sign_in: Callable[..., None], manager: User, here: str
) -> None:
    sign_in(page, manager)
    page.goto(here)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("was copied as CY-2")).to_be_visible()
    page.get_by_role("button", name="Add another Stage").click()
    page.locator("#id_stages-5-description").fill("Late")
    page.locator("#stages-5 .reorder-handle").press("ArrowUp")
    expect(page.locator("#id_stages-5-number")).to_have_value("41")
    page.locator("#id_stages-5-completed").fill("50")
    page.locator("#id_stages-5-chances").fill("50")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    made = SalesCycle.objects.get(code="CY-2")
    assert order(made)[-1] == (41, "Late")


def test_without_scripts_numbers_order_the_stages(
    plain_page: Page, sign_in: Callable[..., None], manager: User, cycle: SalesCycle, here: str
) -> None:
    sign_in(plain_page, manager)
    plain_page.goto(here)
    plain_page.locator("#id_stages-3-number").fill("5")
    plain_page.get_by_role("button", name="Save", exact=True).click()
    assert order(cycle)[0] == (5, "Sign")
    plain_page.goto(here)
    plain_page.get_by_role("button", name="Copy", exact=True).click()
    assert SalesCycle.objects.filter(code="CY-2").exists()
