"""What an address selects for a person, and one page of it: what list, export, bulk actions and the walk from row to row
have in common. Totals count every row that is visible and that the filters leave, whatever the page shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict

from crm.lib.listing import keyset
from crm.lib.listing.address import Address, read
from crm.lib.listing.cells import Cells
from crm.lib.listing.columns import Column
from crm.lib.listing.keyset import Page
from crm.lib.listing.listing import Listing, Row

PAGE = 50
FEW = 2000  # so many rows are sorted sooner than found on a walk along their order


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
    def __init__(self, listing: Listing, user: Any, query: QueryDict, *, size: int | None = None) -> None:
        """`size`: of a page, where it is not the usual one."""
        self.listing, self.user, self.size = listing, user, size
        self.filters = listing.filters(query, queryset=listing.visible(user), user=user, offers=False)
        self.understood: bool = self.filters.is_valid()
        self.address: Address = read(listing, query, self.filters.filters, user)
        self._keys: list[int] | None = None  # of all rows, where counting them told

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
        if {column.name for column in self.summed} - kept.sums:
            return None
        return kept.left_by(self.filters)

    @cached_property
    def _beside(self) -> Any:
        """The rows that running totals do not count; None where there are none."""
        kept = self.listing.totals
        rows = None if kept is None or self._kept is None else kept.beside(self.user)
        return None if rows is None else self.filters.filter_queryset(rows).order_by()

    @property
    def _counted(self) -> list[tuple[Any, dict[str, Any]]]:
        """What is counted, and how: running totals and what is beside them, else the rows themselves."""
        sums = {f"sum_{column.name}": Sum(column.path) for column in self.summed}
        by_rows = {"count_all": Count("pk")} | sums
        if self._kept is None:
            return [(self.rows, by_rows)]
        known = {f"sum_{column.name}": Sum(column.name) for column in self.summed}
        kept = (self._kept, {"count_all": Coalesce(Sum("count"), 0)} | known)
        return [kept] if self._beside is None else [kept, (self._beside, by_rows)]

    def _figures(self, path: str = "") -> Any:
        """The figures, of each value of the path; one query. A value may come twice. Where the rows themselves are counted
        and are few, their keys too, so that the page need not find them again."""
        counted = self._counted
        if not path and len(counted) == 1:
            rows, figures = counted[0]
            if self._kept is None:
                figures["keys"] = keyset.FirstKeys("pk", most=FEW + 1)
            return [rows.aggregate(**figures)]
        grouped = [
            (rows if path else rows.annotate(all=Value(1))).values(path or "all").annotate(**figures)
            for rows, figures in counted
        ]
        return grouped[0].union(*grouped[1:], all=True) if len(grouped) > 1 else grouped[0]

    def _told(self, found: Row) -> Totals:
        return Totals(found["count_all"], {column.name: found[f"sum_{column.name}"] for column in self.summed})

    @cached_property
    def totals(self) -> Totals:
        """Of all rows; where they are grouped, the sum of the groups."""
        totals = Totals(0, {column.name: None for column in self.summed})
        if self.address.group is not None:
            found = list(self.groups.values())
        else:
            figures = list(self._figures())
            self._keys = figures[0].get("keys")
            found = list(map(self._told, figures))
        for told in found:
            totals.add(told)
        return totals

    @property
    def _found(self) -> Any:
        """The rows among which the page's are looked for."""
        if self.totals.count > FEW:
            return self.rows
        if self._keys is None:
            return keyset.few(self.rows)
        return keyset.of_keys(self.listing.visible(self.user), self._keys)

    @cached_property
    def groups(self) -> dict[Any, Totals]:
        """The totals of every group, by what its rows have in common; one query."""
        group = self.address.group
        assert group is not None
        path = group.key or group.path
        found: dict[Any, Totals] = {}
        for row in self._figures(path):
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
        fields = Cells.needs(self.listing, address.columns, self.user)
        if address.group:
            fields += [path for path in (address.group.path, address.group.key) if path]
        count, size = self.totals.count, self.size or PAGE
        if not count:
            return Page([], has_before=False, has_after=False)
        rows = self._found
        if address.at_end:
            return keyset.last_page(order, rows, fields, size, count)
        if address.after:
            return keyset.page_after(order, rows, fields, size, address.after)
        if address.before:
            return keyset.page_before(order, rows, fields, size, address.before)
        return keyset.first_page(order, rows, fields, size)

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
