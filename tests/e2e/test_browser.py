"""The browser, the server and the watch over both work at all."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from salespeople.models import User


def test_the_sign_in_page_has_its_style(page: Page) -> None:
    page.goto("/login/")
    radius = page.locator("button.btn-primary").evaluate("button => getComputedStyle(button).borderRadius")
    assert radius not in {"", "0px"}


def test_sign_in_works_with_scripts_off(plain_page: Page, rep: User, sign_in_by_form: Callable[..., None]) -> None:
    sign_in_by_form(plain_page, rep)
    expect(plain_page.locator("h1")).to_be_visible()


def test_the_sign_in_page_fits_a_phone(phone: Page) -> None:
    phone.goto("/login/")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_breaks_the_content_security_policy_is_noted(page: Page, troubles: list[str]) -> None:
    page.goto("/login/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'var broken = 1'}))"
    )
    assert "Content Security Policy" in troubles.pop()


def test_an_error_in_a_script_is_noted(page: Page, troubles: list[str]) -> None:
    page.goto("/login/")
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('planted') })")
    assert "planted" in troubles.pop()
