"""Parts of a page that are kept from one rendering to the next."""

from typing import Any

import pytest
from django.template import Context, Template
from django.utils import translation


class Counter:
    """Says a new number each time it is read."""

    def __init__(self) -> None:
        self.times = 0

    def next(self) -> int:
        self.times += 1
        return self.times


@pytest.fixture
def read() -> Any:
    page = Template("{% load kept %}{% kept who %}{{ counter.next }} {% csrf_token %}{% endkept %}")
    counter = Counter()

    def read(who: str, token: str = "t") -> str:
        return page.render(Context({"who": who, "counter": counter, "csrf_token": token}))

    return read


def test_it_is_rendered_once_for_each_combination(read: Any) -> None:
    assert [read("a")[0], read("a")[0], read("b")[0], read("a")[0]] == ["1", "1", "2", "1"]


def test_each_language_has_its_own(read: Any) -> None:
    with translation.override("fi"):
        assert read("a").startswith("1")
    with translation.override("de"):
        assert read("a").startswith("2")


def test_the_token_is_always_the_pages_own(read: Any) -> None:
    assert 'value="first"' in read("a", "first")
    assert 'value="second"' in read("a", "second")
    assert "first" not in read("a", "second")


def test_nothing_is_kept_while_developing(read: Any, settings: Any) -> None:
    settings.DEBUG = True
    assert [read("a")[0], read("a")[0]] == ["1", "2"]
