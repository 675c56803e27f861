"""Saved views: what the database refuses, who sees which, what of an address is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.http import QueryDict

from salescycles.models import SalesCycle, Stage
from salespeople import saved_views
from salespeople.models import DefaultView, SavedView, User, pages_open_to
from tests.factories import make_cycle

pytestmark = pytest.mark.django_db
Make = Callable[..., SavedView]
LIST, BOARD = SavedView.Page.OPPORTUNITIES, SavedView.Page.BOARD


@pytest.fixture
def make(rep: User) -> Make:
    def view(name: str = "Mine", **values: Any) -> SavedView:
        return SavedView.objects.create(**{"owner": rep, "page": LIST, "name": name, "query": "status=open"} | values)

    return view


def refused(by: str, act: Callable[[], Any]) -> None:
    def at_once() -> None:
        with transaction.atomic():
            act()
            connection.check_constraints()

    with pytest.raises(IntegrityError) as error:
        at_once()
    assert error.value.__cause__.diag.constraint_name == by


# ── rows that must not exist ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_name_for_each_owner_and_page_whatever_its_case(make: Make, manager: User) -> None:
    make("Mine")
    refused("one_view_of_a_name_for_each_owner_and_page", lambda: make("mINE"))
    make("Mine", page=BOARD)
    make("Mine", owner=manager)
    assert SavedView.objects.count() == 3


@pytest.mark.parametrize("name", ["", " ", "\n\t "])
def test_no_view_without_a_name(make: Make, name: str) -> None:
    refused("saved_view_is_not_nameless", lambda: make(name))


@pytest.mark.parametrize("page", ["", "home", "admin:index", "opportunities:detail"])
def test_no_view_of_another_page(make: Make, page: str) -> None:
    refused("page_of_a_view_is_known", lambda: make(page=page))


def test_one_default_for_each_person_and_page(make: Make, rep: User, manager: User) -> None:
    one, other, board = make("One"), make("Other"), make("Board", page=BOARD)
    DefaultView.objects.create(user=rep, page=LIST, view=one)
    second = DefaultView(user=rep, page=LIST, view=other)
    refused("one_default_view_for_each_person_and_page", second.save)
    DefaultView.objects.create(user=rep, page=BOARD, view=board)
    DefaultView.objects.create(user=manager, page=LIST, view=one)
    assert DefaultView.objects.count() == 3


def test_a_default_is_a_view_of_its_page(make: Make, rep: User) -> None:
    wrong = DefaultView(user=rep, page=BOARD, view=make())
    refused("default_view_is_of_its_page", wrong.save)


def test_a_view_goes_with_its_owner_and_a_default_with_its_view(make: Make, manager: User) -> None:
    view = make(owner=manager, shared=True)
    saved_views.set_default(view, manager, wanted=True)
    manager.delete()
    assert (SavedView.objects.count(), DefaultView.objects.count()) == (0, 0)


# ── who sees which, and in which order ───────────────────────────────────────────────────────────────────────────────


def names(user: User, page: str = LIST) -> list[str]:
    return [tab.name for tab in saved_views.tabs(user, page, QueryDict()).views]


def test_own_ones_and_what_others_share(make: Make, rep: User, rep2: User, manager: User, outsider: User) -> None:
    make("private")
    make("shared", shared=True)
    make("of the manager", owner=manager, shared=True)
    make("kept by the manager", owner=manager)
    make("own of nobody's role", owner=outsider)
    make("of contacts", page="contacts:list", shared=True)
    assert names(rep) == ["private", "shared", "of the manager"]
    assert names(rep2) == ["of the manager", "shared"]
    assert names(manager) == ["kept by the manager", "of the manager", "shared"]
    assert names(outsider) == ["own of nobody's role"]
    assert names(rep2, "contacts:list") == ["of contacts"]
    assert names(outsider, "contacts:list") == []


def test_own_ones_first_in_their_order(make: Make, rep: User, manager: User) -> None:
    for position, name in enumerate(("b", "c", "a")):
        make(name, position=position)
    make("A of another", owner=manager, shared=True)
    assert names(rep) == ["b", "c", "a", "A of another"]
    view = SavedView.objects.get(name="a")
    for up, order in ((True, "bac"), (True, "abc"), (True, "abc"), (False, "bac"), (False, "bca"), (False, "bca")):
        saved_views.move(view, up=up)
        assert "".join(names(rep)[:3]) == order


def test_what_is_no_longer_shared_is_nobodys_default(make: Make, rep2: User) -> None:
    view = make(shared=True)
    saved_views.set_default(view, rep2, wanted=True)
    assert saved_views.tabs(rep2, LIST, QueryDict()).landing == f"/opportunities/?status=open&view={view.pk}"
    SavedView.objects.filter(pk=view.pk).update(shared=False)
    assert saved_views.tabs(rep2, LIST, QueryDict()).landing == ""


def test_another_default_takes_the_place_of_the_first(make: Make, rep: User) -> None:
    one, other = make("One"), make("Other")
    for view, wanted, left in ((one, True, one), (other, True, other), (one, False, other), (other, False, None)):
        saved_views.set_default(view, rep, wanted)
        found = DefaultView.objects.filter(user=rep).first()
        assert (found and found.view) == left


# ── one query, or none ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("views", [0, 1, 30])
def test_tabs_take_one_query_or_come_with_other_rows(
    make: Make, rep: User, manager: User, cycle: SalesCycle, views: int, django_assert_num_queries: Any
) -> None:
    for number in range(views):
        make(f"View {number:02}", position=number, owner=(rep, manager)[number % 2], shared=True)
    if views:
        saved_views.set_default(SavedView.objects.first(), rep, wanted=True)
    make_cycle("OTHER")
    rep.has_perm("x")
    with django_assert_num_queries(1):
        alone = saved_views.tabs(rep, LIST, QueryDict())
    stages: QuerySet[Stage] = Stage.objects.order_by("-number")
    with django_assert_num_queries(1):
        rows = list(saved_views.beside(stages, LIST, pages_open_to(rep), rep.pk))
        beside = saved_views.tabs(rep, LIST, QueryDict(), saved_views.brought(rows))
    assert alone == beside
    assert len(alone.views) == views
    assert sum(row.saved_views is not None for row in rows) == 1


def test_without_rows_to_bring_them_they_are_asked_for(make: Make, rep: User) -> None:
    make()
    rows = list(saved_views.beside(Stage.objects.all(), LIST, pages_open_to(rep), rep.pk))
    assert (rows, saved_views.brought(rows)) == ([], None)
    assert [tab.name for tab in saved_views.tabs(rep, LIST, QueryDict(), None).views] == ["Mine"]


# ── what of an address is kept, and what it says about the open view ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("", ""),
        ("q=&status=", ""),
        ("status=open&q=a+b", "q=a+b&status=open"),
        ("salesperson=me&before=3&view=7&embedded=1&more=5.50&new=1&from=board&after=9", "salesperson=me"),
        ("where=b&order=x&where=a", "order=x&where=b&where=a"),
        ("q=%00x%00", "q=x"),
        ("q=%E2%80%AEx", "q=%E2%80%AEx"),
        ("%00=", ""),
        ("&&==&=", ""),
    ],
)
def test_what_of_an_address_is_kept(address: str, kept: str) -> None:
    assert saved_views.canonical(QueryDict(address)) == kept
    assert saved_views.canonical(QueryDict(kept)) == kept


def test_an_address_out_of_a_form() -> None:
    assert saved_views.canonical_text("view=3&status=open&q=x&after=2&y=") == "q=x&status=open"
    assert saved_views.canonical_text("&" * 2000) == ""
    assert saved_views.canonical_text("x" * 2001) == "x" * 2001


@pytest.mark.parametrize(
    ("address", "opened", "missing", "changed", "bare"),
    [
        ("", False, False, False, True),
        ("view=", False, False, False, False),
        ("q=x", False, False, False, False),
        ("view={pk}&status=open", True, False, False, False),
        ("view={pk}&status=open&after=2&q=", True, False, False, False),
        ("view={pk}&status=open&q=x", True, False, True, False),
        ("view={pk}", True, False, True, False),
        ("view=0{pk}&status=open", True, False, False, False),
        ("view=999999999&status=open", False, True, False, False),
        ("view=" + "9" * 30, False, True, False, False),
        ("view=%00", False, True, False, False),
        ("view=٣", False, True, False, False),
        ("view=new", False, True, False, False),
    ],
)
def test_what_an_address_says_of_its_view(
    make: Make, rep: User, address: str, opened: bool, missing: bool, changed: bool, bare: bool
) -> None:
    view = make()
    tabs = saved_views.tabs(rep, LIST, QueryDict(address.format(pk=view.pk)))
    assert (tabs.open is not None, tabs.is_missing, tabs.is_changed, tabs.is_bare) == (opened, missing, changed, bare)
    saved_views.set_default(view, rep, wanted=True)
    landing = saved_views.tabs(rep, LIST, QueryDict(address.format(pk=view.pk))).landing
    assert landing == (view.url if bare else "")


def test_a_view_of_everything_has_an_address(make: Make) -> None:
    view = make(query="")
    assert view.url == f"/opportunities/?view={view.pk}"
