"""The tabs of a list or of the board: its saved views, which of them is open, and whether the address has left it.

All of it is in the address: `view` names the open view, and what the address says beside it is compared with what the view
says. `?view=` and anything else without a key is “All”; an address that says nothing at all opens the person's default.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import JSONObject
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from crm.lib.listing import views
from crm.lib.listing.filters import key_of
from crm.lib.listing.listing import Listing
from crm.lib.listing.selection import Selection
from crm.lib.listing.words import EMBEDDED, FLEETING, VIEW
from crm.lib.prepared import Prepared
from salespeople.listing import reader
from salespeople.models import DefaultView, SavedView, User, pages_open_to
from salespeople.requests import SignedIn

LONGEST = 2000
FACTS = ("pk", "name", "query", "shared", "owner_id", "owner__name", "owner__email", "is_default")


def canonical(query: QueryDict) -> str:
    """What a view keeps of an address: two that show the same have the same. Blanks filter nothing; words of one name
    keep their order."""
    words = [
        (name, value.replace("\0", ""))
        for name, values in query.lists()
        if name and name not in FLEETING
        for value in values
        if value
    ]
    return urlencode(sorted(words, key=itemgetter(0)))


def canonical_text(text: str) -> str:
    """The same of an address that a form brings; what is too long to be kept stays as it is, to be refused."""
    if len(text) > LONGEST:
        return text
    return canonical(QueryDict("&".join(word for word in text.replace("\0", "").split("&") if word.partition("=")[2])))


@dataclass(frozen=True)
class Tab:
    """One saved view; `owner` is the name of whoever shares it."""

    pk: int
    name: str
    query: str
    url: str
    owner: str
    is_own: bool
    is_shared: bool
    is_default: bool


@dataclass(frozen=True)
class Tabs:
    """`asked` is the key in the address, as it was written; `query` what the address says beside it."""

    page: str
    query: str
    asked: str
    is_bare: bool
    views: list[Tab]

    @cached_property
    def open(self) -> Tab | None:
        return next((tab for tab in self.views if str(tab.pk) == self.asked), None)

    @property
    def is_missing(self) -> bool:
        """The address names a view that there is not, or not for this person, or not of this page."""
        return bool(self.asked) and self.open is None

    @property
    def is_changed(self) -> bool:
        return self.open is not None and self.open.query != self.query

    @property
    def all_url(self) -> str:
        return f"{reverse(self.page)}?{VIEW}="

    @property
    def landing(self) -> str:
        """Where an address that says nothing leads: the person's default view. Blank where there is none."""
        return next((tab.url for tab in self.views if tab.is_default), "") if self.is_bare else ""

    @property
    def new_url(self) -> str:
        """The form that saves what the address says as a view of its own."""
        kept = {"page": self.page, "query": self.query[: LONGEST + 1]}
        return f"{reverse('saved_views:new')}?{urlencode(kept)}"


def of_page(page: str, pages: tuple[str, ...], owner: int) -> QuerySet[SavedView]:
    """The views of a page that the user of that key may see, to whom these pages are open, in the order of the tabs."""
    default = DefaultView.objects.filter(user=owner, view=OuterRef("pk"))
    views = SavedView.objects.within(pages, owner).filter(page=page)
    return views.in_order(owner).annotate(is_default=Exists(default))


def _tabs(shape: tuple[str, tuple[str, ...]], owner: int) -> QuerySet[Any, dict[str, Any]]:
    return of_page(*shape, owner).values(*FACTS)


TABS = Prepared(_tabs)


def tabs(user: User, page: str, query: QueryDict, rows: Iterable[dict[str, Any]] | None = None) -> Tabs:
    """The tabs of `page` (a name of `SavedView.Page`) at the address `query`. One query; none where a query for something
    else brought the `rows` (`beside`)."""
    rows = TABS.rows((page, pages_open_to(user)), user.pk) if rows is None else rows
    views = [
        Tab(
            pk=row["pk"],
            name=row["name"],
            query=row["query"],
            url=SavedView(pk=row["pk"], page=page, query=row["query"]).url,
            owner=row["owner__name"] or row["owner__email"],
            is_own=row["owner_id"] == user.pk,
            is_shared=row["shared"],
            is_default=row["is_default"],
        )
        for row in rows
    ]
    asked = query.get(VIEW, "")
    known = key_of(asked)
    return Tabs(page, canonical(query), str(known) if known is not None else asked, not query, views)


def show_list(
    request: SignedIn, listing: Listing, page: str, *, more: Callable[[Selection], dict[str, Any]] | None = None
) -> HttpResponse:
    """A list with its tabs; an address that says nothing leads to the default view. Within another page it has none."""
    if EMBEDDED in request.GET:
        return views.show_list(request, listing, reader(), more=more)
    shown = tabs(request.user, page, request.GET)
    if shown.landing:
        return HttpResponseRedirect(shown.landing)
    return views.show_list(
        request, listing, reader(), more=lambda selection: {"tabs": shown} | (more(selection) if more else {})
    )


def beside(rows: QuerySet, page: str, pages: tuple[str, ...], owner: int) -> QuerySet:
    """`rows` with the views of a page as `saved_views` of the first of them: a page that reads these rows anyway needs no
    query for its tabs."""
    views = ArraySubquery(of_page(page, pages, owner).values(row=JSONObject(**{fact: fact for fact in FACTS})))
    first = rows.model._default_manager.order_by("pk").values("pk")[:1]
    return rows.annotate(saved_views=Case(When(pk=Subquery(first), then=views), default=None))


def brought(rows: Iterable[Any]) -> list[dict[str, Any]] | None:
    """What `beside` brought; None where there was no row to bring it."""
    return next((row.saved_views for row in rows if row.saved_views is not None), None)


def set_default(view: SavedView, user: User, wanted: bool) -> None:
    """Make it what the person sees first on its page, or no longer."""
    if wanted:
        DefaultView.objects.update_or_create(user=user, page=view.page, defaults={"view": view})
    else:
        DefaultView.objects.filter(user=user, view=view).delete()


def move(view: SavedView, *, up: bool) -> None:
    """One place up or down among the owner's views of the page; positions are counted anew."""
    views = list(SavedView.objects.filter(owner=view.owner_id, page=view.page).order_by("position", "pk"))
    at = views.index(view)
    to = at - 1 if up else at + 1
    if 0 <= to < len(views):
        views[at], views[to] = views[to], views[at]
    for position, each in enumerate(views):
        each.position = position
    SavedView.objects.bulk_update(views, ["position"])
