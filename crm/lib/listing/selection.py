"""What an address selects for a person, and one page of it: what list, export, bulk actions and the walk from row to row
have in common. Totals count every row that is visible and that the filters leave, whatever the page shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import QueryDict

from crm.lib.listing import keyset
from crm.lib.listing.address import Address, read
from crm.lib.listing.cells import Cells
from crm.lib.listing.columns import Column
from crm.lib.listing.keyset import Page
from crm.lib.listing.listing import Listing, Row

PAGE = 50


@dataclass
class Totals:
    """How many rows, and the sum of each column that is summed; None where no row has a value."""

    count: int
    sums: dict[str, Decimal | None]

    def __getitem__(self, name: str) -> Any:
        return self.count if name == "count" else self.sums[name]

    def add(self, other: "Totals") -> None:
        self.count += other.count
        for name, more in other.sums.items():
            known = self.sums[name]
            self.sums[name] = more if known is None else known + (more or 0)


class Selection:
    def __init__(self, listing: Listing, user: Any, query: QueryDict) -> None:
        self.listing, self.user = listing, user
        self.filters = listing.filters(query, queryset=listing.visible(user), user=user, offers=False)
        self.understood: bool = self.filters.is_valid()
        self.address: Address = read(listing, query, self.filters.filters)

    @cached_property
    def rows(self) -> Any:
        """All of them, in no order."""
        return self.filters.qs.order_by() if self.understood else self.listing.visible(self.user).none()

    @property
    def ordered(self) -> QuerySet:
        return self.address.order.sort(self.rows)

    @property
    def summed(self) -> list[Column]:
        return [column for column in self.address.columns if column.is_summed]

    @cached_property
    def _kept(self) -> Any:
        """The running totals of these rows; None where the address asks more than they tell apart."""
        kept, group = self.listing.totals, self.address.group
        if kept is None or not self.understood or (group is not None and (group.key or group.path) not in kept.groups):
            return None
        asked = {word for word, value in self.filters.form.cleaned_data.items() if value not in (None, "", [], ())}
        if asked - kept.words or {column.name for column in self.summed} - kept.sums:
            return None
        if not kept.knows(self.user):
            return None
        return self.filters.filter_queryset(kept.visible(self.user)).order_by()

    @property
    def _counted(self) -> Any:
        return self.rows if self._kept is None else self._kept

    @property
    def _figures(self) -> dict[str, Any]:
        if self._kept is not None:
            count, paths = Coalesce(Sum("count"), 0), {column.name: column.name for column in self.summed}
            return {"count_all": count} | {f"sum_{name}": Sum(path) for name, path in paths.items()}
        return {"count_all": Count("pk")} | {f"sum_{column.name}": Sum(column.path) for column in self.summed}

    def _told(self, found: Row) -> Totals:
        return Totals(found["count_all"], {column.name: found[f"sum_{column.name}"] for column in self.summed})

    @cached_property
    def totals(self) -> Totals:
        """Of all rows; where they are grouped, the sum of the groups."""
        if self.address.group is None:
            return self._told(self._counted.aggregate(**self._figures))
        totals = Totals(0, {column.name: None for column in self.summed})
        for group in self.groups.values():
            totals.add(group)
        return totals

    @cached_property
    def groups(self) -> dict[Any, Totals]:
        """The totals of every group, by what its rows have in common; one query."""
        group = self.address.group
        assert group is not None
        path = group.key or group.path
        found: dict[Any, Totals] = {}
        for row in self._counted.values(path).annotate(**self._figures):
            key, told = _known(row[path]), self._told(row)
            if not told.count:
                continue
            if key in found:
                found[key].add(told)
            else:
                found[key] = told
        return found

    @cached_property
    def page(self) -> Page:
        """The rows of the address's page, with the exact count known already; one query."""
        address, order = self.address, self.address.order
        fields = Cells.needs(self.listing, address.columns)
        if address.group:
            fields += [path for path in (address.group.path, address.group.key) if path]
        if not self.totals.count:
            return Page([], has_before=False, has_after=False)
        if address.at_end:
            return keyset.last_page(order, self.rows, fields, PAGE, self.totals.count)
        if address.after:
            return keyset.page_after(order, self.rows, fields, PAGE, address.after)
        if address.before:
            return keyset.page_before(order, self.rows, fields, PAGE, address.before)
        return keyset.first_page(order, self.rows, fields, PAGE)

    def parts(self) -> Iterator[tuple[Any, list[Row], bool]]:
        """The page's rows by groups: what they have in common, the rows, and whether the group began on an earlier page."""
        group = self.address.group
        assert group is not None
        path, edge = group.key or group.path, self.page.edge
        sort_name = self._identity.name
        rows: list[Row] = []
        for row in self.page.rows:
            if rows and _known(rows[-1][path]) != _known(row[path]):
                yield _known(rows[0][path]), rows, self._goes_on(rows[0], edge, sort_name)
                rows = []
            rows.append(row)
        if rows:
            yield _known(rows[0][path]), rows, self._goes_on(rows[0], edge, sort_name)

    @property
    def _identity(self) -> keyset.By:
        """The last column that the order has for the sake of the group: equal within it, different outside."""
        group = self.address.group
        assert group is not None
        wanted = group.key or group.order or group.path
        return next(by for by in self.address.order.columns if by.path == wanted)

    def _goes_on(self, first: Row, edge: dict[str, Any] | None, name: str) -> bool:
        return bool(edge) and first is self.page.rows[0] and edge is not None and edge[name] == first[name]


def _known(value: Any) -> Any:
    return None if value == "" else value
