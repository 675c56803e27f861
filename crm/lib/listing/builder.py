"""The page where filters and conditions are put together: a GET form that ends in the address of the list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django_htmx.middleware import HtmxDetails

from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.address import with_query
from crm.lib.listing.conditions import MOST_CONDITIONS, MOST_GROUPS, SAFE, WHERE
from crm.lib.listing.filters import ListFilter
from crm.lib.listing.row import ConditionForm, Typed
from crm.lib.listing.words import PLACES, VIEW

ACTS = ("apply", "add", "or", "drop", "update")  # names of its buttons; none that a <form> has as its own method
NEXT = "next"
TEMPLATE = "filter.html"
CONDITIONS = "partials/list/conditions.html"


@dataclass
class Draft:
    """What was typed so far, and the row that gets the focus."""

    rows: list[Typed] = field(default_factory=list)
    focus: int | None = None

    def act(self, query: QueryDict) -> None:
        """Do what the pressed button says."""
        groups = [row.group for row in self.rows]
        to = query.get("add", "")
        if to.isascii() and to.isdecimal():
            self._append(min(int(to[:3]), max(groups, default=1)))
        elif "or" in query and len(set(groups)) < MOST_GROUPS:
            self._append(max(groups, default=0) + 1)
        elif "drop" in query:
            gone = next((at for at, _ in enumerate(self.rows, 1) if str(at) == query["drop"]), None)
            if gone:
                del self.rows[gone - 1]
                self.focus = max(gone - 1, 1)
        self.rows = in_order(self.rows or [Typed()])

    def _append(self, group: int) -> None:
        if len(self.rows) < MOST_CONDITIONS:
            self.rows.append(Typed(group=group))
            self.rows.sort(key=lambda row: row.group)
            self.focus = max(at for at, row in enumerate(self.rows, 1) if row.group == group)


def in_order(rows: Sequence[Typed]) -> list[Typed]:
    """By their groups, which count from 1 on."""
    by_group = groupby(sorted(rows, key=lambda row: row.group), lambda row: row.group)
    return [replace(row, group=number) for number, (_, rows) in enumerate(by_group, 1) for row in rows]


def builder(
    request: HttpRequest,
    make: Callable[[QueryDict], ListFilter],
    *,
    back: Mapping[str, str],
    heading: Any,
) -> HttpResponse:
    """`make` makes the FilterSet of an address; `back` says where to show the rows, by the address's word `next`: the list
    is `""`. Answers with the page, 422 where something is not understood, or leads to the canonical address."""
    query = request.GET
    typed = Typed.of_form(query)
    is_typed = bool(typed) or any(act in query for act in ACTS)
    draft = Draft(in_order(typed if is_typed else Typed.of_address(query.getlist(WHERE))))
    applies = "apply" in query
    data = _without_rows(query)
    judged = applies or not is_typed
    if not applies:
        draft.act(query)
    asked = make(data)
    forms = [
        ConditionForm(row, number=at, columns=asked.columns, asker=asked.asker, path=request.path, judge=judged)
        for at, row in enumerate(draft.rows, 1)
    ]
    data.setlist(WHERE, [form.address for form in forms if form.is_understood and form.address])
    filters = make(data)
    filters.form.auto_id = "filter_%s"  # beside the form of the list
    understood = filters.is_valid() and all(form.is_understood for form in forms)
    url = back.get(query.get(NEXT, ""), back[""])
    carried = _carried(query, filters)
    if applies and understood:
        return redirect_to(request, with_query(url, _canonical(data, filters, carried), safe=SAFE))
    if draft.focus:
        forms[draft.focus - 1].fields["column"].widget.attrs["data-focus"] = True
    context = {
        "heading": heading,
        "filters": filters,
        "plain": [each for each in filters.form.visible_fields() if each.name != WHERE],
        "hidden": [each for each in filters.form.hidden_fields() if each.name != WHERE],
        "groups": [list(rows) for _, rows in groupby(forms, lambda form: form.typed.group)],
        "limits": filters.form.errors.get(WHERE, []) if judged else [],
        "judged": judged and not understood,
        "carried": [(name, value) for name in carried for value in carried.getlist(name)],
        "next": query.get(NEXT, ""),
        "clear": with_query(url, carried, safe=SAFE) if carried else f"{url}?{VIEW}=",
        "path": request.path,
        "may_add": len(forms) < MOST_CONDITIONS,
        "may_or": len(forms) < MOST_CONDITIONS and draft.rows[-1].group < MOST_GROUPS,
    }
    status = 422 if context["judged"] else 200
    if is_fragment(request) and HtmxDetails(request).target == "conditions":
        return render_page(request, CONDITIONS, context, status=status)
    return render_page(request, TEMPLATE, context, partial="form", status=status)


def _without_rows(query: QueryDict) -> QueryDict:
    """What the FilterSet reads of it, but for the conditions."""
    data = query.copy()
    for name in query:
        if Typed.is_of_form(name) or name in (*ACTS, WHERE):
            del data[name]
    return data


def _carried(query: QueryDict, filters: ListFilter) -> QueryDict:
    """Words of the address that shape the list and are no filter: order, columns, grouping, view …"""
    carried = _without_rows(query)
    for name in (*filters.filters, *PLACES, NEXT):
        carried.pop(name, None)
    return carried


def _canonical(data: QueryDict, filters: ListFilter, carried: QueryDict) -> QueryDict:
    query = QueryDict(mutable=True)
    for name in filters.filters:
        values = [value for value in data.getlist(name) if value.strip()]
        if values:
            query.setlist(name, values)
    for name in carried:
        query.setlist(name, carried.getlist(name))
    return query
