"""An address becomes what a list shows: which columns, in which order, in which groups, from which row on. What it cannot
honour is left out and kept as words to be said; what it means is written again as one short address."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, QueryDict

from crm.lib.listing.columns import Column
from crm.lib.listing.conditions import SAFE
from crm.lib.listing.keyset import END, Order
from crm.lib.listing.listing import Listing
from crm.lib.listing.words import EMBEDDED, OF_LIST, PLACES, VIEW

MOST_COLUMNS, MOST_ORDERS = 60, 5  # a file may have all that there are
LONGEST = 1000  # characters of a list of words
SAID, MOST_SAID = 50, 20  # characters of a word that nobody knows, and how many of them are said
MOST_CARRIED = 100  # words of an address that a form carries: after a step was written nothing may be refused any more
LONGEST_CARRIED = 8000


@dataclass(frozen=True)
class Address:
    """`after` and `before` hold the values of the row at the edge; `at_end` asks for the last page. `query` is the address
    again, of understood words only and without the place in the list."""

    listing: Listing
    columns: tuple[Column, ...]
    words: tuple[tuple[Column, bool], ...]  # the columns sorted by, and whether downwards
    group: Column | None
    after: list[Any] | None
    before: list[Any] | None
    at_end: bool
    embedded: bool
    unknown: tuple[str, ...]
    query: QueryDict
    user: Any = None  # who asks: of what is put together for a row, that person sees a part

    @cached_property
    def order(self) -> Order:
        return self.listing.sorting(self.words, self.group, self.user)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The address as words that a form keeps."""
        return [(word, str(value)) for word in self.query for value in self.query.getlist(word)]

    @property
    def here(self) -> str:
        """`?…` with the place in the list."""
        order = self.order
        places = {"after": self.after, "before": self.before}
        words = {name: order.written(place) for name, place in places.items() if place}
        return self.link(**words | ({"before": END} if self.at_end else {}))

    def link(self, **words: str | list[str] | None) -> str:
        """`?…` with these words set, or None taken out. What then says nothing says that no view is meant."""
        query = self.query.copy()
        for word, value in words.items():
            query.pop(word, None)
            if value:
                query.setlist(word, [value] if isinstance(value, str) else value)
        return f"?{query.urlencode(safe=SAFE) or f'{VIEW}='}"


def with_query(url: str, query: QueryDict, *, safe: str = "") -> str:
    """The address with these words, of which the characters in `safe` stay as they are."""
    return f"{url}?{query.urlencode(safe=safe or None)}" if query else url


def read(listing: Listing, query: QueryDict, filters: Iterable[str], user: Any = None) -> Address:
    unknown: list[str] = [word for word in query if word not in {*filters, *OF_LIST}]
    columns = tuple(_columns(listing, query, unknown))
    words = tuple(_orders(listing, query, unknown))
    group = _group(listing, query, unknown)
    order = listing.sorting(words or sorted_as_usual(listing), group, user)
    places = {name: _place(order, name, query, unknown) for name in PLACES}
    if places["after"] and places["before"]:
        unknown.append("before")
        places["before"] = None
    at_end = query.get("before") == END and not places["after"]
    said = [word[:SAID].replace("\0", "") for word in dict.fromkeys(unknown)]
    return Address(
        listing=listing,
        columns=columns or listing.usual,
        words=words or sorted_as_usual(listing),
        group=group,
        after=places["after"],
        before=places["before"],
        at_end=at_end,
        embedded=EMBEDDED in query,
        unknown=tuple(said[:MOST_SAID]),
        query=_again(query, filters, columns, words, group),
        user=user,
    )


def carried(request: HttpRequest, name: str) -> QueryDict | None:
    """The address of the page from which a form was sent, which it carries under that name; None where it carries none."""
    text = request.POST.get(name, request.GET.get(name))
    if text is None:
        return None
    return QueryDict("&".join(text[:LONGEST_CARRIED].replace("\0", "").split("&")[:MOST_CARRIED]))


def sorted_as_usual(listing: Listing) -> tuple[tuple[Column, bool], ...]:
    return tuple(_orders(listing, QueryDict(f"order={listing.order}"), []))


def written(words: Iterable[tuple[Column, bool]]) -> str:
    """`-estimated_value,closing_on`"""
    return ",".join(f"{'-' if down else ''}{column.name}" for column, down in words)


def _again(
    query: QueryDict,
    filters: Iterable[str],
    columns: tuple[Column, ...],
    words: tuple[tuple[Column, bool], ...],
    group: Column | None,
) -> QueryDict:
    again = QueryDict(mutable=True)
    for word in query:
        values = [value for value in query.getlist(word) if value]
        if word in filters and values:
            again.setlist(word, values)
    own = {"columns": ",".join(column.name for column in columns), "order": written(words)}
    own |= {"group": group.name if group else "", VIEW: query.get(VIEW, "")}
    again.update({word: value for word, value in own.items() if value})
    return again


def _listed(query: QueryDict, name: str) -> Iterator[str]:
    """`a,b`, or the same word several times as a form sends it; each once."""
    text = ",".join(value[:LONGEST] for value in query.getlist(name)[:MOST_COLUMNS])
    yield from dict.fromkeys(word for word in text[:LONGEST].split(",") if word)


def _columns(listing: Listing, query: QueryDict, unknown: list[str]) -> Iterator[Column]:
    for at, word in enumerate(_listed(query, "columns")):
        if word in listing.by_name and at < MOST_COLUMNS:
            yield listing.by_name[word]
        else:
            unknown.append(f"columns={word}")


def _orders(listing: Listing, query: QueryDict, unknown: list[str]) -> Iterator[tuple[Column, bool]]:
    known: set[str] = set()
    for word in _listed(query, "order"):
        name = word.removeprefix("-")
        column = listing.by_name.get(name)
        if column is None or not column.is_sortable or name in known or len(known) == MOST_ORDERS:
            unknown.append(f"order={word}")
            continue
        known.add(name)
        yield column, word.startswith("-")


def _group(listing: Listing, query: QueryDict, unknown: list[str]) -> Column | None:
    word = query.get("group", "")
    column = listing.by_name.get(word)
    if word and (column is None or not column.is_grouped):
        unknown.append(f"group={word}")
        return None
    return column


def _place(order: Order, name: str, query: QueryDict, unknown: list[str]) -> list[Any] | None:
    cursor = query.get(name, "")
    if not cursor or (name == "before" and cursor == END):
        return None
    try:
        return order.read(cursor)
    except ValueError:
        unknown.append(f"{name}={cursor}")
        return None
