"""What every list does with its address: order, pages, and saying what it could not honour."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest

PAGE = 50
LONGEST = 50  # so much of a word that nobody knows is shown


def key_of(text: str | None) -> int | None:
    """The key that a hand-made address may hold; None for anything that is no key."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 20 else None


def ordered(rows: QuerySet, order: str, orders: Mapping[str, str], default: str) -> QuerySet:
    """By a word of `orders`, with `-` downwards; blanks last; by `default` where the word is unknown."""
    word = order if order.removeprefix("-") in orders else default
    column = F(orders[word.removeprefix("-")])
    down = word.startswith("-")
    by = column.desc(nulls_last=True) if down else column.asc(nulls_last=True)
    return rows.order_by(by, "-pk" if down else "pk")


def listing(
    request: HttpRequest, filters: Any, rows: QuerySet, orders: Mapping[str, str], default: str
) -> dict[str, Any]:
    """What a list's template needs: one page of `rows` with the exact count, and what of the address was not understood."""
    paginator = Paginator(ordered(rows, request.GET.get("order", ""), orders, default), PAGE)
    return {
        "filters": filters,
        "page": paginator.get_page(request.GET.get("page", 1)),
        "understood": filters.is_valid(),
        "filtered": any(request.GET.get(name) for name in filters.filters),
        "unknown": unknown(request, filters.filters, orders),
        "order": request.GET.get("order", ""),
    }


def unknown(request: HttpRequest, names: Any, orders: Mapping[str, str]) -> list[str]:
    """Words of the address that the list cannot honour."""
    found = [name for name in request.GET if name not in {*names, "order", "page", "view"}]
    order, page = request.GET.get("order", ""), request.GET.get("page", "1")
    if order and order.removeprefix("-") not in orders:
        found.append(f"order={order}")
    if not key_of(page):
        found.append(f"page={page}")
    return [word[:LONGEST].replace("\0", "") for word in found]
