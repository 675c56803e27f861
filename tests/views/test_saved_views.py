"""The pages of saved views, and the tabs on every page that has them."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from salescycles.models import SalesCycle
from salespeople import saved_views
from salespeople.models import Company, DefaultView, SavedView, User

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Make = Callable[..., SavedView]
HX = {"HX-Request": "true"}
PAGES = {
    "opportunities:list": ("/opportunities/", "status=open", "status=won"),
    "opportunities:board": ("/opportunities/board/", "priority=high", "priority=low"),
    "contacts:list": ("/contacts/", "kind=person", "kind=company"),
    "quotes:list": ("/quotes/", "which=current", "which=former"),
    "tasks:list": ("/tasks/", "which=open", "which=closed"),
    "interactions:list": ("/interactions/", "kind=call", "kind=note"),
    "salespeople:list": ("/salespeople/", "state=usable", "state=blocked"),
}
every_page = pytest.mark.parametrize("page", PAGES)
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def make(rep: User, company: Company, cycle: SalesCycle) -> Make:
    """The rep's, of the list of opportunities, unless said otherwise."""

    def view(name: str = "Mine", page: str = "opportunities:list", **values: Any) -> SavedView:
        given = {"owner": rep, "page": page, "name": name, "query": PAGES[page][1]}
        return SavedView.objects.create(**given | values)

    return view


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def tabs(response: Any) -> list[tuple[str, bool]]:
    """Names of the tabs, and whether it is the one that is open."""
    nav = re.search(r'<div class="view-tabs">\s*<nav.*?</nav>', response.content.decode(), re.DOTALL)
    found = re.findall(r'<li><a href="[^"]*"( aria-current="page")?>(.*?)</a></li>', nav.group() if nav else "")
    return [(html.unescape(re.sub(r"<[^>]*>", " ", name)).split("  ")[0].strip(), bool(on)) for on, name in found]


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# ── tabs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@both_ways
@every_page
def test_every_page_has_its_tabs(client: Client, make: Make, page: str, headers: dict[str, str]) -> None:
    address, query, other = PAGES[page]
    view = make("Of this page", page)
    make("Of another page", "contacts:list" if page != "contacts:list" else "quotes:list")
    response = client.get(f"{address}?view={view.pk}&{query}", headers=headers)
    assert (response.status_code, tabs(response)) == (200, [("All", False), ("Of this page", True)])
    assert "Changed:" not in words(response)
    assert f'<input type="hidden" name="view" value="{view.pk}" form="filter">' in response.content.decode()
    assert view.url in html.unescape(response.content.decode())
    response = client.get(f"{address}?view={view.pk}&{other}", headers=headers)
    assert tabs(response) == [("All", False), ("Of this page", True)]
    for offer in ("Changed:", "Save the view", "Save as a new view", "Reset the view"):
        assert offer in words(response)
    assert f'name="query" value="{other}"' in response.content.decode()
    response = client.get(f"{address}?view=", headers=headers)
    assert tabs(response) == [("All", True), ("Of this page", False)]


@every_page
def test_there_is_a_form_for_the_open_view_to_go_with(client: Client, make: Make, page: str) -> None:
    assert client.get(f"{PAGES[page][0]}?view=").content.decode().count('id="filter"') == 1


@every_page
def test_a_page_without_views_and_filters_says_nothing_of_them(client: Client, make: Make, page: str) -> None:
    response = client.get(PAGES[page][0])
    assert response.status_code == 200 and "view-tabs" not in response.content.decode()
    response = client.get(f"{PAGES[page][0]}?{PAGES[page][1]}")
    assert tabs(response) == [("All", True)] and "Save as a view" in words(response)


@both_ways
@every_page
@pytest.mark.parametrize("key", ["999999", "x", "%00", "9" * 40, "-1", "{private}", "{of_another_page}"])
def test_a_view_that_is_not_there_is_said_and_the_rest_honoured(
    client: Client, make: Make, manager: User, page: str, key: str, headers: dict[str, str]
) -> None:
    private = make("Secret plan", page, owner=manager)
    other = make("Elsewhere", "contacts:list" if page != "contacts:list" else "quotes:list")
    address, query, _ = PAGES[page]
    asked = key.format(private=private.pk, of_another_page=other.pk)
    response = client.get(f"{address}?view={asked}&{query}", headers=headers)
    assert response.status_code == 200
    assert "The view that this address names is not there" in words(response)
    assert tabs(response) == [("All", True)]
    assert "Secret plan" not in response.content.decode()
    filters = response.context["filters"]
    assert filters.form.cleaned_data[query.partition("=")[0]] == query.partition("=")[2]
    assert f"view={asked}" not in words(response), "the page knows this word"


@both_ways
@every_page
def test_what_opens_first(client: Client, make: Make, rep: User, page: str, headers: dict[str, str]) -> None:
    address = PAGES[page][0]
    view = make("First", page)
    saved_views.set_default(view, rep, wanted=True)
    response = client.get(address, headers=headers)
    assert (response.status_code, response.headers["Location"]) == (302, view.url)
    assert tabs(client.get(response.headers["Location"])) == [("All", False), ("First", True)]
    for said in ("view=", PAGES[page][2], "q=x"):
        assert client.get(f"{address}?{said}", headers=headers).status_code == 200


def test_somebody_elses_may_open_first_as_long_as_it_is_shared(
    client: Client, make: Make, rep: User, manager: User
) -> None:
    view = make("Ours", owner=manager, shared=True)
    assert client.post(f"/views/{view.pk}/default/", {"default": "on"}).status_code == 302
    assert client.get("/opportunities/").headers["Location"] == view.url
    page = client.get(view.url)
    assert "Shared by Manager. It shows what you may see." in words(page)
    assert "Save the view" not in words(page)
    SavedView.objects.update(shared=False)
    assert client.get("/opportunities/").status_code == 200


def test_the_way_back_knows_the_view(client: Client, make: Make, rep: User) -> None:
    board = make("B", "opportunities:board")
    page = client.get(board.url).content.decode()
    assert (
        f"view={board.pk}&amp;"
        not in page.partition('class="views"')[2].partition("</nav>")[0].partition("List")[0][-200:]
    )
    assert f"?priority=high&view={board.pk}" in html.unescape(page)
    listed = html.unescape(client.get(f"/opportunities/?view={make().pk}&status=open").content.decode())
    assert '/opportunities/board/?status=open"' in listed, "a view of the list is none of the board"


@pytest.mark.parametrize("page", ["contacts:list", "quotes:list", "salespeople:list", "opportunities:list"])
@pytest.mark.parametrize("views", [1, 20])
def test_tabs_take_one_query_at_most(client: Client, make: Make, page: str, views: int) -> None:
    address, query, _ = PAGES[page]
    for number in range(views):
        make(f"View {number}", page)
    client.get(f"{address}?{query}")
    with CaptureQueriesContext(connection) as seen:
        client.get(f"{address}?{query}")
    rows = {"contacts:list": 4, "quotes:list": 4, "salespeople:list": 5, "opportunities:list": 4}
    assert len(seen) == rows[page]
    assert sum("salespeople_savedview" in query["sql"] for query in seen.captured_queries) == 1


@both_ways
@pytest.mark.parametrize(("who", "queries"), [("rep", 5), ("manager", 5)])
def test_the_board_needs_no_query_of_its_own_for_them(
    request: pytest.FixtureRequest, client_for: Sign, make: Make, who: str, queries: int, headers: dict[str, str]
) -> None:
    for number in range(20):
        make(f"View {number}", "opportunities:board", shared=True)
    client = client_for(request.getfixturevalue(who))
    client.get("/opportunities/board/?view=")
    with CaptureQueriesContext(connection) as seen:
        response = client.get("/opportunities/board/?view=", headers=headers)
    assert (len(seen), len(tabs(response))) == (queries, 21)


# ── saving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@both_ways
@every_page
def test_saved_as_a_view(client: Client, make: Make, rep: User, page: str, headers: dict[str, str]) -> None:
    make("Earlier", page, position=4)
    address, query, _ = PAGES[page]
    offered = html.unescape(client.get(f"{address}?{query}&after=1&q=").content.decode())
    link = re.search(r'href="(/views/new/\?[^"]*)"', offered)
    assert link and link.group(1) == f"/views/new/?page={quote(page, safe='')}&query={quote(query, safe='')}"
    form = client.get(link.group(1), headers=headers)
    assert (form.status_code, f'name="query" value="{query}"' in form.content.decode()) == (200, True)
    sent = {"page": page, "query": f"{query}&more=7&view=3&q=", "name": " Mine ", "shared": "on", "is_default": "on"}
    answer = client.post("/views/new/", sent, headers=headers)
    view = SavedView.objects.get(name="Mine")
    assert (view.owner, view.page, view.query, view.shared, view.position) == (rep, page, query, True, 5)
    assert DefaultView.objects.get().view == view
    assert answer.headers["HX-Redirect" if headers else "Location"] == view.url
    assert tabs(client.get(view.url)) == [("All", False), ("Earlier", False), ("Mine", True)]


@both_ways
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "   "}, "This field is required."),
        ({"name": "x" * 41}, "at most 40 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"name": "MINE"}, "You have a view of this name here already."),
        ({"query": "q=" + "x" * 2000}, "This address has too many filters to be saved: take some away."),
    ],
)
def test_refused(client: Client, make: Make, headers: dict[str, str], values: dict[str, str], said: str) -> None:
    make("Mine")
    sent = {"page": "opportunities:list", "query": "status=won", "name": "Other"} | values
    answer = client.post("/views/new/", sent, headers=headers)
    assert answer.status_code == 422 and said in words(answer)
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("page", ["", "home", "admin:index", "\0", "opportunities:detail"])
def test_no_view_of_another_page(client: Client, page: str) -> None:
    assert client.get("/views/new/", {"page": page}).status_code == 404
    assert client.post("/views/new/", {"page": page, "name": "x"}).status_code == 404


@pytest.mark.parametrize("query", ["\0", "&" * 1999, "é" * 1999, "x" * 50_000, "%ff%00=%00", "view=1&view=2", "=&=&="])
def test_any_address_can_be_asked_to_be_kept(client: Client, make: Make, query: str) -> None:
    view = make()
    assert client.get("/views/new/", {"page": "contacts:list", "query": query}).status_code == 200
    sent = {"page": "contacts:list", "query": query, "name": "x"}
    assert client.post("/views/new/", sent).status_code in (302, 422)
    assert client.post(f"/views/{view.pk}/save/", {"query": query}).status_code == 302


def test_the_changed_address_is_saved(client: Client, make: Make) -> None:
    view = make()
    answer = client.post(f"/views/{view.pk}/save/", {"query": "status=won&after=3&view=1"})
    view.refresh_from_db()
    assert (view.query, answer.headers["Location"]) == ("status=won", view.url)
    client.post(
        f"/views/{view.pk}/save/", {"query": "q=" + "x" * 2000}, headers={"Referer": "http://testserver/contacts/"}
    )
    view.refresh_from_db()
    assert view.query == "status=won"


@both_ways
def test_renamed_shared_and_made_default(client: Client, make: Make, rep: User, headers: dict[str, str]) -> None:
    view = make()
    form = client.get(f"/views/{view.pk}/", headers=headers)
    version = form.context["form"].version if not headers else client.get(f"/views/{view.pk}/").context["form"].version
    sent = {"version": version, "name": "Renamed", "shared": "on", "is_default": "on"}
    answer = client.post(f"/views/{view.pk}/", sent, headers=headers)
    view.refresh_from_db()
    assert (view.name, view.shared, view.query) == ("Renamed", True, "status=open")
    assert answer.headers["HX-Redirect" if headers else "Location"] == view.url
    assert DefaultView.objects.filter(user=rep, view=view).count() == 1
    version = client.get(f"/views/{view.pk}/").context["form"].version
    client.post(f"/views/{view.pk}/", {"version": version, "name": "Renamed"})
    view.refresh_from_db()
    assert (view.shared, DefaultView.objects.count()) == (False, 0)


def test_only_a_default_is_changed(client: Client, make: Make) -> None:
    view = make()
    version = client.get(f"/views/{view.pk}/").context["form"].version
    client.post(f"/views/{view.pk}/", {"version": version, "name": "Mine", "is_default": "on"})
    assert DefaultView.objects.count() == 1


def test_put_in_order(client: Client, make: Make) -> None:
    first, second = make("First", position=1), make("Second", position=2)
    for to, order in (
        ("up", [second, first]),
        ("up", [second, first]),
        ("down", [first, second]),
        ("x", [first, second]),
    ):
        answer = client.post(f"/views/{second.pk}/order/", {"to": to})
        assert answer.headers["Location"] == f"/views/#view-{second.pk}"
        assert list(SavedView.objects.order_by("position")) == order


def test_deleted_after_asking(client: Client, make: Make, rep: User, manager: User) -> None:
    view = make(shared=True)
    for user in (rep, manager):
        saved_views.set_default(view, user, wanted=True)
    asked = client.get(f"/views/{view.pk}/delete/")
    assert "everybody loses it. 1 other person sees it first." in words(asked)
    answer = client.post(f"/views/{view.pk}/delete/")
    assert answer.headers["Location"] == "/opportunities/?view="
    assert (SavedView.objects.count(), DefaultView.objects.count()) == (0, 0)


# ── whose they are ───────────────────────────────────────────────────────────────────────────────────────────────────

DEEDS = {"": "post", "save/": "post", "default/": "post", "order/": "post", "delete/": "post"}


@pytest.mark.parametrize("who", ["rep2", "manager", "administrator", "viewer", "outsider"])
def test_what_is_private_does_not_exist_for_others(
    request: pytest.FixtureRequest, client_for: Sign, make: Make, who: str
) -> None:
    make("Secret plan")
    view = SavedView.objects.get()
    client = client_for(request.getfixturevalue(who))
    for deed in ("", "delete/"):
        assert client.get(f"/views/{view.pk}/{deed}").status_code == 404
    for deed in DEEDS:
        answer = client.post(f"/views/{view.pk}/{deed}", {"name": "x", "query": "q=x", "default": "on", "to": "up"})
        assert answer.status_code == 404, deed
    assert "Secret plan" not in client.get("/views/").content.decode()
    assert "Secret plan" not in client.get("/opportunities/?view=").content.decode()
    view.refresh_from_db()
    assert (view.name, view.query, DefaultView.objects.count()) == ("Secret plan", "status=open", 0)


@pytest.mark.parametrize(
    ("who", "may_delete"), [("rep2", False), ("viewer", False), ("manager", True), ("administrator", True)]
)
def test_what_is_shared_is_looked_at_and_copied_only(
    request: pytest.FixtureRequest, client_for: Sign, make: Make, who: str, may_delete: bool
) -> None:
    view = make("Ours", shared=True)
    client = client_for(request.getfixturevalue(who))
    page = client.get(f"/views/{view.pk}/")
    assert page.status_code == 200 and "shared by Rep" in words(page)
    assert ("Delete" in words(page)) is may_delete
    for deed in ("", "save/", "order/"):
        answer = client.post(f"/views/{view.pk}/{deed}", {"name": "x", "query": "q=x", "to": "up"})
        assert answer.status_code == 403, deed
    copied = client.post("/views/new/", {"page": view.page, "query": view.query, "name": "Ours"})
    copy = SavedView.objects.exclude(pk=view.pk).get()
    assert (copied.status_code, copy.query, copy.shared) == (302, "status=open", False)
    assert client.post(f"/views/{view.pk}/delete/").status_code == (302 if may_delete else 403)
    assert SavedView.objects.filter(pk=view.pk).exists() is not may_delete


def test_without_the_right_to_a_page_there_are_no_views_of_it(client_for: Sign, make: Make, outsider: User) -> None:
    view = make("Ours", shared=True)
    client = client_for(outsider)
    assert client.get(f"/views/{view.pk}/").status_code == 404
    assert "Ours" not in client.get("/opportunities/?view=").content.decode()
    assert client.get("/views/new/?page=opportunities:list").status_code == 404
    assert client.post("/views/new/", {"page": "contacts:list", "name": "x"}).status_code == 404


def test_the_list_of_views(client: Client, make: Make, rep: User, manager: User, company: Company) -> None:
    mine, ours = make("Mine"), make("Ours", "contacts:list", owner=manager, shared=True)
    saved_views.set_default(mine, rep, wanted=True)
    page = client.get("/views/")
    found = {(str(label), row.name, row.is_default) for label, rows in page.context["pages"] for row in rows}
    assert found == {("Opportunities", "Mine", True), ("Contacts", "Ours", False)}
    text = page.content.decode()
    assert f"/views/{mine.pk}/order/" in text and f"/views/{ours.pk}/order/" not in text
    with CaptureQueriesContext(connection) as seen:
        client.get("/views/")
    assert len(seen) == 9  # session, user, and one for each page
    SavedView.objects.all().delete()
    assert "No saved views yet" in words(client.get("/views/"))


def test_relative_words_stay_relative(
    client: Client, client_for: Sign, make: Make, rep2: User, jo: Any, of: Any
) -> None:
    """“Me” is whoever looks."""
    view = make("Own ones", query="salesperson=me", shared=True)
    for user, who in ((client, jo), (client_for(rep2), of)):
        filters = user.get(view.url).context["filters"]
        assert filters.form.cleaned_data["salesperson"] == "me"
        assert f'"salespeople_salesperson"."id" = {who.pk}' in str(filters.qs.query) or str(who.pk) in str(
            filters.qs.query
        )
