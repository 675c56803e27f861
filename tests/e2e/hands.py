"""Hands that work a page: one with a mouse, one with a keyboard only. Both know the same words, so a journey is told once.

Everything is found as a person finds it: by its role and its accessible name.
"""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

TABS = 150  # so many presses of Tab reach everything on a page

# The focus can be seen: the element has a ring and stands inside the window.
SEEN = """element => {
  const ring = getComputedStyle(element), box = element.getBoundingClientRect();
  return ring.outlineStyle !== 'none' && parseFloat(ring.outlineWidth) > 0
    && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
}"""
FOCUSED = "document.activeElement === document.body ? 'nothing' : document.activeElement.outerHTML.slice(0, 160)"


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, role: Any, name: str) -> None:
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def press_dimmed(self, name: str) -> None:
        """What says that it is off can still be clicked; nothing may come of it."""
        self.page.get_by_role("button", name=name, exact=True).click(force=True)

    def write(self, label: str, text: str) -> None:
        labelled(self.page, label).fill(text)

    def toggle(self, label: str) -> None:
        labelled(self.page, label).click()

    def pick(self, name: str) -> None:
        self.page.get_by_role("radio", name=name, exact=True).check()

    def finds_focus_at(self, locator: Locator) -> None:
        """A mouse needs no focus."""


class Keyboard:
    """Tab, Shift-Tab, Enter, Space, arrows and typing. Every stop must show where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, role: Any, name: str) -> None:
        self.go_to(self.page.get_by_role(role, name=name, exact=True))
        self.page.keyboard.press("Enter")

    def press_dimmed(self, name: str) -> None:
        self.go_to(self.page.get_by_role("button", name=name, exact=True))
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Space")

    def write(self, label: str, text: str) -> None:
        self.go_to(labelled(self.page, label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def toggle(self, label: str) -> None:
        self.go_to(labelled(self.page, label))
        self.page.keyboard.press("Space")

    def pick(self, name: str) -> None:
        """Tab into the group of radio buttons, then arrows to the one that is wanted."""
        wanted = self.page.get_by_role("radio", name=name, exact=True)
        self.go_to(self.page.get_by_role("radio"))
        for _ in range(20):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to “{name}”")

    def go_to(self, wanted: Locator) -> None:
        """Tab on until it has the focus, which must then be seen. What stands before is reached by Shift-Tab."""
        wanted.first.wait_for()
        key = "Shift+Tab" if wanted.evaluate_all(STANDS_BEFORE) else "Tab"
        passed = []
        for _ in range(TABS):
            if self._is_at(wanted):
                return self._sees()
            self.page.keyboard.press(key)
            passed.append(self.page.evaluate(FOCUSED))
        raise AssertionError("not reached; passed:\n" + "\n".join(passed))

    def finds_focus_at(self, locator: Locator) -> None:
        expect(locator).to_be_focused()

    def _sees(self) -> None:
        for _ in range(20):  # the window may still be scrolling
            if self.page.locator(":focus").evaluate(SEEN):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"cannot be seen: {self.page.evaluate(FOCUSED)}")

    def _is_at(self, wanted: Locator) -> bool:
        return bool(wanted.evaluate_all("found => found.includes(document.activeElement)"))


# Of all that was found nothing stands after the focus.
STANDS_BEFORE = """found => document.activeElement !== document.body && found.every(one =>
  document.activeElement.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING)"""

Hand = Mouse | Keyboard
MakeHand = Callable[[Page], Hand]


def labelled(page: Page, label: str) -> Locator:
    """The field of that label, which may carry the mark of a required one."""
    return page.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*\*?\s*$"))
