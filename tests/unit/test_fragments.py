"""Page or fragment: who gets which, and what comes with it."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path

from crm.lib.fragments import is_fragment, redirect_to, render_page

PAGE = "<body>{% partialdef results inline %}<p>{{ word }}</p>{% endpartialdef %}</body>"


urlpatterns = [path("somewhere/<int:pk>/", lambda request, pk: HttpResponse(), name="somewhere")]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def template(settings: Any, tmp_path: Path) -> str:
    """A page with a part named results."""
    (tmp_path / "page.html").write_text(PAGE)
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [tmp_path, *templates[0]["DIRS"]]
    templates[0]["OPTIONS"]["context_processors"] = ["django.contrib.messages.context_processors.messages"]
    settings.TEMPLATES = templates
    return "page.html"


@pytest.fixture
def asked() -> Callable[..., HttpRequest]:
    def make(**headers: str) -> HttpRequest:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = RequestFactory().get("/", headers=names)
        request._messages = CookieStorage(request)
        return request

    return make


Asked = Callable[..., HttpRequest]


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, False),
        ({"HX_Request": "true"}, True),
        ({"HX_Request": "true", "HX_Boosted": "true"}, False),
        ({"HX_Request": "true", "HX_History_Restore_Request": "true"}, False),
    ],
)
def test_who_wants_a_fragment(asked: Asked, headers: dict[str, str], answer: bool) -> None:
    assert is_fragment(asked(**headers)) is answer


def test_a_browser_gets_the_page(asked: Asked, template: str) -> None:
    response = render_page(asked(), template, {"word": "all"}, partial="results")
    assert response.content.decode() == "<body><p>all</p></body>"
    assert response.headers["Vary"] == "HX-Request"


def test_htmx_gets_the_part(asked: Asked, template: str) -> None:
    response = render_page(asked(HX_Request="true"), template, {"word": "part"}, partial="results", status=422)
    assert response.content.decode() == "<p>part</p>"
    assert response.status_code == 422
    assert response.headers["Vary"] == "HX-Request"


def test_the_fragment_stands_in_the_page(asked: Asked, template: str) -> None:
    whole = render_page(asked(), template, {"word": "same"}, partial="results")
    part = render_page(asked(HX_Request="true"), template, {"word": "same"}, partial="results")
    assert part.content in whole.content


def test_a_page_without_the_part_is_given_whole(asked: Asked, template: str) -> None:
    assert b"<body>" in render_page(asked(HX_Request="true"), template).content


def test_messages_come_with_a_fragment(asked: Asked, template: str) -> None:
    request = asked(HX_Request="true")
    messages.success(request, "Moved to <Proposal>")
    content = render_page(request, template, {"word": "part"}, partial="results").content.decode()
    assert content.startswith("<p>part</p>")
    assert 'hx-swap-oob="beforeend:#messages"' in content
    assert "Moved to &lt;Proposal&gt;" in content


def test_an_error_message_is_an_alert(asked: Asked, template: str) -> None:
    request = asked(HX_Request="true")
    messages.error(request, "No")
    assert 'role="alert"' in render_page(request, template, partial="results").content.decode()


def test_after_a_post_htmx_is_told_and_a_browser_redirected(asked: Asked) -> None:
    told = redirect_to(asked(HX_Request="true"), "/contacts/")
    assert (told.status_code, told.headers["HX-Redirect"]) == (200, "/contacts/")
    redirected = redirect_to(asked(), "/contacts/")
    assert (redirected.status_code, redirected.headers["Location"]) == (302, "/contacts/")


def test_a_boosted_post_is_redirected(asked: Asked) -> None:
    assert redirect_to(asked(HX_Request="true", HX_Boosted="true"), "/").status_code == 302


def test_a_redirect_by_the_name_of_a_page(asked: Asked) -> None:
    assert redirect_to(asked(), "somewhere", 7).headers["Location"] == "/somewhere/7/"
