"""A real Chromium against a real server. Whatever the browser complains about on the way fails the test.

* `page`: the plugin's page, at desktop size; `phone`: one of 390 × 844; `plain_page`: one with scripts off.
* `sign_in(page, user)`: by the session's cookie, on no page yet; `sign_in_by_form` for tests that begin at the door.
* `check_accessibility(page)`: axe finds nothing.
* `troubles`: what the browser complained about so far; a test that means to provoke something clears it.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, WebError, expect
from pytest_django.live_server_helper import LiveServer

from salespeople.models import User
from tests.e2e import chromium

# Playwright's synchronous interface keeps an event loop in this thread, where Django would refuse to ask the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

expect.set_options(timeout=15_000)  # a busy machine is slow; what comes at once is not waited for

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# The browser logs every answer of 400 and more as an error; an answer that matters is judged by `_judge_answer`.
REFUSED_ANSWER = "Failed to load resource: the server responded with a status of 4"
# What htmx says of a request whose page was left before the answer came; of one that failed it also says htmx:sendError.
CUT_SHORT = ("htmx:sendAbort", "htmx:afterRequest")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | chromium.launch_options()


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"locale": "en-GB", "timezone_id": "Europe/Helsinki"}


@pytest.fixture(scope="session")
def live_server(live_server: LiveServer) -> LiveServer:
    """WhiteNoise answers for static files, as in production, so that the browser need not ask for each of them on each page."""
    live_server.thread.httpd.set_app(WSGIHandler())
    return live_server


@pytest.fixture(scope="session")
def base_url(live_server: LiveServer) -> str:
    """Let tests say page.goto("/opportunities/")."""
    return live_server.url


@pytest.fixture
def troubles() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def new_context(
    new_context: Callable[..., BrowserContext], troubles: list[str], live_server: LiveServer
) -> Callable[..., BrowserContext]:
    """Make browser contexts in which every trouble is noted."""

    def watched(**options: Any) -> BrowserContext:
        context = new_context(**{"viewport": DESKTOP} | options)
        context.on("console", lambda message: _judge_message(message, troubles))
        context.on("weberror", lambda error: _judge_error(error, troubles))
        context.on("response", lambda response: _judge_answer(response, troubles))
        return context

    return watched


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()


@pytest.fixture
def plain_page(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(java_script_enabled=False).new_page()


@pytest.fixture
def sign_in(base_url: str) -> Callable[[Page, User], None]:
    def by_cookie(page: Page, user: User) -> None:
        client = Client()
        client.force_login(user)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": base_url}])

    return by_cookie


@pytest.fixture
def sign_in_by_form() -> Callable[[Page, User], None]:
    def through_the_form(page: Page, user: User) -> None:
        page.goto("/login/")
        page.fill("[name=username]", user.email)
        page.fill("[name=password]", "demo")
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login/" not in url)

    return through_the_form


@pytest.fixture
def check_accessibility() -> Callable[[Page], None]:
    """Run axe on a page, with every rule on; it must find nothing."""

    def run(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return run


def _judge_message(message: ConsoleMessage, troubles: list[str]) -> None:
    """Note errors and warnings; violations of the content security policy are among them."""
    if message.type in {"error", "warning"} and not message.text.startswith((REFUSED_ANSWER, *CUT_SHORT)):
        troubles.append(f"{message.type}: {message.text}")


def _judge_error(error: WebError, troubles: list[str]) -> None:
    troubles.append(f"uncaught: {error.error}")


def _judge_answer(response: Response, troubles: list[str]) -> None:
    if response.status >= 500 or (response.status >= 400 and "/static/" in response.url):
        troubles.append(f"{response.status}: {response.url}")
