"""The list of keys, the switch for single letters, the icon's address and what the sign-in page says."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from crm.keyboard import GROUPS
from salespeople.models import User

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
OFF = 'data-shortcuts="off"'

# The board and the browser handle these themselves.
WITHOUT_MARK = {"esc", "enter", "← ↑ → ↓", "shift ←", "shift →", "ctrl k", "m", "w", "l", "x", "shift ↑ ↓", "home"}


def marked() -> set[str]:
    """Every data-key of templates and filters."""
    sources = [*settings.BASE_DIR.glob("templates/**/*.html"), *settings.BASE_DIR.glob("crm/lib/listing/filters.py")]
    return {key for file in sources for key in re.findall(r'data-key(?:="|": ")([^"]+)"', file.read_text())}


def listed() -> set[str]:
    return {" ".join(map(str, shortcut.keys)).lower() for group in GROUPS for shortcut in group.shortcuts}


def test_every_key_is_in_the_list() -> None:
    assert marked() - listed() == set()


def test_no_key_is_listed_that_nothing_carries() -> None:
    assert listed() - marked() - WITHOUT_MARK == set()


def test_the_list_is_a_page_and_a_fragment(client_for: Sign, outsider: User) -> None:
    client = client_for(outsider)
    page, fragment = (client.get("/keyboard/", headers=headers) for headers in ({}, {"HX-Request": "true"}))
    assert (page.status_code, fragment.status_code) == (200, 200)
    assert page.content.count(b"<kbd>") == fragment.content.count(b"<kbd>") == 42
    assert b"<main" in page.content
    assert b"<main" not in fragment.content
    assert b'method="dialog"' not in page.content


def test_switched_off_and_on_again(client_for: Sign, rep: User, rep2: User) -> None:
    client = client_for(rep)
    assert OFF not in client.get("/").content.decode()
    answer = client.post("/keyboard/", {"shortcuts": "off"}, headers={"Referer": "http://testserver/contacts/?q=x"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://testserver/contacts/?q=x")
    assert OFF in client.get("/").content.decode()
    assert OFF in client_for(rep).get("/no/such/page/").content.decode()
    assert OFF not in client_for(rep2).get("/").content.decode()
    client.post("/keyboard/", {"shortcuts": "on"})
    assert OFF not in client.get("/").content.decode()


@pytest.mark.parametrize("typed", [{}, {"shortcuts": ""}, {"shortcuts": "1"}])
def test_what_is_neither_on_nor_off_changes_nothing(client_for: Sign, rep: User, typed: dict[str, str]) -> None:
    User.objects.filter(pk=rep.pk).update(shortcuts=False)
    assert client_for(rep).post("/keyboard/", typed).status_code == 302
    rep.refresh_from_db()
    assert rep.shortcuts is False


def test_it_leads_nowhere_else(client_for: Sign, rep: User) -> None:
    answer = client_for(rep).post("/keyboard/", {"shortcuts": "on", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_queries(client_for: Sign, rep: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = client_for(rep)
    client.get("/keyboard/")
    with django_assert_num_queries(2):  # session, user
        client.get("/keyboard/")
    with django_assert_num_queries(3):
        client.post("/keyboard/", {"shortcuts": "off"})


def test_only_who_is_signed_in() -> None:
    answer = Client().post("/keyboard/", {"shortcuts": "off"})
    assert answer.headers["Location"] == "/login/?next=/keyboard/"
    assert 'data-key="?"' not in Client().get("/login/").content.decode()


def test_the_icon_is_found_where_browsers_look() -> None:
    answer = Client().get("/favicon.ico")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/static/crm/icon.svg")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?ended=1&next=/contacts/", "You were signed out. Sign in to go on."),
        ("?next=/contacts/", "Please sign in to continue."),
        ("", None),
    ],
)
def test_the_sign_in_page_says_why(query: str, said: str | None) -> None:
    page = Client().get(f"/login/{query}").content.decode()
    sentences = ("You were signed out.", "Please sign in to continue.")
    assert [one for one in sentences if one in page] == [one for one in sentences if said and said.startswith(one)]


def test_a_form_with_an_old_token_says_what_happened(rep: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(rep)
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.post("/contacts/new/", {"name": "x"}, headers=headers)
        assert answer.status_code == 403
        assert "data-signed-in-anew" in answer.content.decode()
