"""The matrix of tasks: what the list shows, counted by period. Its address is that of the list, with words of its own."""

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.editing import INVALID, OK
from crm.lib.fragments import is_fragment, render_page
from crm.lib.listing.address import with_query
from crm.lib.listing.conditions import SAFE, WHERE, in_address
from crm.lib.listing.filters import key_of
from crm.lib.listing.periods import DAY
from crm.lib.listing.words import VIEW
from salespeople.models import User
from salespeople.requests import SignedIn
from tasks import matrix
from tasks.agenda import today_of
from tasks.filters import TaskFilter
from tasks.listing import TASKS
from tasks.matrix import BYS, FIGURES, NUMBER, ROWS, By, Period, Rows
from tasks.models import Task

VIEW_TASKS = "tasks.view_task"
TEMPLATE = "tasks/matrix.html"
OWN = ("rows", "by", "figure", "day", "closed", "page")
CHOSEN = ("which", "priority", "salesperson", "team")  # filters on the page; the others are put together elsewhere
PERIOD = ("due_from", "due_to")
MOST_PAGES = 10_000


class Seen(NamedTuple):
    """What the address says: the words of the matrix, and the filters that the list knows too."""

    query: QueryDict
    rows: Rows
    offered: list[Rows]
    by: By
    figure: str
    day: datetime.date
    closed: bool
    page: int
    filters: TaskFilter
    unknown: list[str]

    @property
    def listed(self) -> QueryDict:
        """The same tasks as an address of the list."""
        query = self.query.copy()
        for word in OWN:
            query.pop(word, None)
        if not self.closed and not query.get("which"):
            query["which"] = "open"
        return query

    def link(self, **words: str) -> str:
        """`?…` with these words; from the first rows on, unless it says otherwise."""
        query = self.query.copy()
        for word, value in words.items():
            query.pop(word, None)
            if value:
                query[word] = value
        return f"?{query.urlencode(safe=SAFE)}"


@require_safe
def show_matrix(request: SignedIn) -> HttpResponse:
    if not request.user.has_perm(VIEW_TASKS):
        raise PermissionDenied
    today = today_of(request.user)
    seen = _read(request.GET, request.user, today)
    shown = matrix.periods(seen.by, seen.day, today)
    understood = seen.filters.is_valid()
    context = _context(seen, shown) | {"may_add": request.user.has_perm("tasks.add_task"), "understood": understood}
    if understood:
        context |= _counted(seen, shown)
    response = render_page(request, TEMPLATE, context, partial="matrix", status=OK if understood else INVALID)
    if is_fragment(request):
        response["HX-Push-Url"] = request.path + seen.link(page=str(seen.page) if seen.page > 1 else "")
    return response


def _read(given: QueryDict, user: User, today: datetime.date) -> Seen:
    """What cannot be honoured is left out and said."""
    query = given.copy()
    for word in [word for word in query if word == VIEW or not any(query.getlist(word))]:
        del query[word]
    rows = {word: each for word, each in ROWS.items() if not each.needs or user.has_perm(each.needs)}
    unknown = [word for word in query if word not in {*TaskFilter.base_filters, *OWN}]
    choices: dict[str, Any] = {"rows": rows, "by": BYS, "figure": FIGURES}
    unknown += [f"{word}={query[word]}" for word in choices if word in query and query[word] not in choices[word]]
    unknown += [f"day={query['day']}"] if "day" in query and _day(query.get("day")) is None else []
    page = key_of(query.get("page"))
    for word in [*(said.partition("=")[0] for said in unknown), "page"]:
        query.pop(word, None)
    return Seen(
        query=query,
        rows=rows[query.get("rows", "salesperson")],
        offered=list(rows.values()),
        by=BYS[query.get("by", "week")],
        figure=query.get("figure", NUMBER),
        day=matrix.within(_day(query.get("day")) or today),
        closed="closed" in query,
        page=max(min(page or 1, MOST_PAGES), 1),
        filters=TaskFilter(query, queryset=Task.objects.visible_to(user), user=user),
        unknown=[word[:50].replace("\0", "") for word in unknown],
    )


def _day(text: str | None) -> datetime.date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _context(seen: Seen, shown: list[Period]) -> dict[str, Any]:
    root = reverse("tasks:matrix")
    form = seen.filters.form
    kept = [word for word in seen.query if word not in (*OWN, *CHOSEN)]
    before = matrix.day_of(seen.by, seen.day, -seen.by.many)[0]
    return {
        "seen": seen,
        "root": root,
        "periods": shown,
        "fields": [form[word] for word in CHOSEN],
        "filters": seen.filters,
        "kept": [(word, value) for word in kept for value in seen.query.getlist(word)],
        "rows_offered": seen.offered,
        "bys": list(BYS.values()),
        "figures": list(FIGURES.items()),
        "unknown": seen.unknown,
        "chips": [chip for chip in seen.filters.chips if chip["name"] not in CHOSEN],
        "clear": seen.link(**dict.fromkeys(TaskFilter.base_filters, "")),
        "earlier": seen.link(day=str(matrix.within(before))),
        "later": seen.link(day=str(matrix.within(shown[-1].last + DAY))),
        "now": seen.link(day=""),
        "filter_url": reverse("tasks:filter") + seen.link(next="matrix"),
        "list_url": with_query(TASKS.address(), seen.listed, safe=SAFE),
    }


def _counted(seen: Seen, shown: list[Period]) -> dict[str, Any]:
    rows: Any = seen.filters.qs
    if not seen.closed and not seen.query.get("which"):
        rows = rows.open()
    found = matrix.count(rows, seen.rows, shown, seen.figure, seen.page)
    every = Period(shown[0].first, shown[-1].last, "", is_now=False)
    table = [
        {
            "name": row.name,
            "also": row.also,
            "cells": [
                (cell, _list_of(seen, period, row.key) if cell.many else "")
                for cell, period in zip(row.cells, shown, strict=True)
            ],
            "total": row.total,
            "url": _list_of(seen, every, row.key),
        }
        for row in found.rows
    ]
    return {
        "table": table,
        "totals": [(many, _list_of(seen, period)) for many, period in zip(found.totals, shown, strict=True)],
        "total": found.total,
        "total_url": _list_of(seen, every),
        "nobody": _("%(column)s: none") % {"column": TASKS.by_name[seen.rows.word].label},
        "before_url": seen.link(page=str(seen.page - 1)) if seen.page > 1 else "",
        "after_url": seen.link(page=str(seen.page + 1)) if found.has_more else "",
    }


ANY = object()


def _list_of(seen: Seen, period: Period, key: Any = ANY) -> str:
    """The list of just these tasks: of a period, and of the row with that key; None is the row of the blanks."""
    query = seen.listed
    asked = seen.filters.form.cleaned_data
    since, until = (asked.get(word) for word in PERIOD)
    query["due_from"] = str(max(filter(None, (period.first, since))))
    query["due_to"] = str(min(filter(None, (period.last, until))))
    if key is None:
        query.setlist(WHERE, [*_with_blank(query.getlist(WHERE), seen.rows.word)])
    elif key is not ANY:
        query[seen.rows.word] = str(key)
    return with_query(TASKS.address(), query, safe=SAFE)


def _with_blank(where: list[str], column: str) -> Iterator[str]:
    """The conditions, and in each of their groups that this column is blank."""
    yield from where
    groups = dict.fromkeys(text.partition(":")[0] for text in where if text.strip()) or {"1": None}
    yield from (in_address(int(group), column, "blank", "") for group in groups)
