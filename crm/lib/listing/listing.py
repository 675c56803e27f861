"""How the rows of one model are listed: its columns, how they look, its filters and its addresses."""

import datetime
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from crm.lib.listing.columns import Column
from crm.lib.listing.keyset import By, Order

Row = Mapping[str, Any]
Words = str | Promise


@dataclass(frozen=True)
class Reader:
    """For whom values are written: the language, the company's currency and business day."""

    language: str
    currency: str
    today: datetime.date


@dataclass(frozen=True)
class Cell:
    """How a column looks, beside what its kind says. `write` makes a value, which is not blank, markup instead. `also` is markup behind the value, made of the row, for which `needs`
    names more paths, or what is put together for it, each a name with its expression. `page` is the name of the address of the row that is related, or a scheme such as `mailto:`. `within`
    leads to what the value belongs to: a heading says it first, and groups are sorted by it first. `filter` is the word
    of the FilterSet that leaves one group, and `without` its value where the group is that of the blanks."""

    write: Callable[[Any], str] | None = None
    also: Callable[[Row, Reader], str] | None = None
    needs: tuple[Any, ...] = ()
    page: str = ""
    within: str = ""
    filter: str = ""
    without: str = ""


PLAIN = Cell()


@dataclass(frozen=True)
class RunningTotals:
    """Totals that the database keeps: rows of `model` with a `count`, the sums by the names of their columns, and the
    `words` of the FilterSet that they can tell apart by fields of the same names. `beside` gives for a
    user the rows that the person sees and `visible` does not count; None where there are none."""

    model: type[models.Model]
    words: frozenset[str]
    sums: frozenset[str]
    groups: frozenset[str]  # paths to what rows can be put together by
    beside: Callable[[Any], Any]

    def left_by(self, filters: Any) -> Any:
        """Those of the rows that the filters leave; None where the filters ask more than the totals tell apart."""
        asked = {word for word, value in filters.form.cleaned_data.items() if value not in (None, "", [], ())}
        if asked - self.words:
            return None
        manager: Any = self.model._default_manager
        return filters.filter_queryset(manager.visible_to(filters.user)).order_by()


@dataclass(frozen=True)
class Editing:
    """How cells are edited where they stand, by who has `permission`. `address`, below the list's own, is that of the form of
    one field: the key of the row, and verb and field of the column's `edit` are put into it. That page reads `list`, which
    says where it was asked from. `allows` says for a user of a row which words of `edit` can be done to it, for
    which `needs` names paths."""

    permission: str
    allows: Callable[[Any], Callable[[Row], Container[str]]]
    needs: tuple[str, ...] = ()
    address: str = "{key}/{verb}/?field={field}"


@dataclass(frozen=True)
class Empty:
    """What is said where there is nothing to list: at all, or for these filters."""

    title: Words
    text: Words
    filtered: Words
    symbol: str


@dataclass(frozen=True)
class Link:
    """To another page, by the name of its address, for who has `permission`. Of the picked rows `icon` and `label` stand on a
    button, which takes them there."""

    label: Words
    address: str
    icon: str
    permission: str

    @property
    def url(self) -> str:
        return reverse(self.address)


@dataclass(frozen=True)
class Report:
    """A list to be printed: the words of its address. `of` is the word that says whose rows it has, where it has no others."""

    label: Words
    query: str
    of: str = ""


@dataclass(frozen=True)
class Listing:
    """`space` is the app's space of addresses, with `list`, `filter`, `columns`, `export` and `detail` in it; `counted` says how many
    rows there are. `order` is that of an address without one. `named` leads to what a row is called. `permission` opens
    the list; without one it is empty for who may see nothing. `others` are names of addresses of the same space that look at
    the same rows in another way. `totals` are read where they know all that an address asks. `bulk`, the name of an address, takes the rows that were
    picked, from who has `bulk_permission`; `bulk_words` say what becomes of the selected ones, and of all that match; `bulk_also` are pages
    that take the picked rows too. `links` lead from the list to pages about the same rows; `reports` stand among all others."""

    space: str
    model: type[models.Model]
    title: Words
    counted: Callable[[int], str]
    empty: Empty
    columns: tuple[Column, ...]
    filters: Callable[..., Any]
    named: str
    order: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    permission: str = ""
    new: Words = ""
    new_permission: str = ""
    others: tuple[str, ...] = ()
    totals: RunningTotals | None = None
    bulk: str = ""
    bulk_permission: str = ""
    bulk_icon: str = "edit"
    bulk_words: tuple[Words, Words] = (
        gettext_lazy("Change the selected ones …"),
        gettext_lazy("Change all that match …"),
    )
    bulk_also: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    reports: tuple[Report, ...] = ()
    editing: Editing | None = None

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def view_permission(self) -> str:
        return f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"

    @cached_property
    def usual(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_default)

    def cell(self, column: Column) -> Cell:
        return self.cells.get(column.name, PLAIN)

    def is_open_to(self, user: Any) -> bool:
        return not self.permission or user.has_perm(self.permission)

    def visible(self, user: Any) -> Any:
        manager: Any = self.model._default_manager
        return manager.visible_to(user)

    def address(self, name: str = "list") -> str:
        return reverse(f"{self.space}:{name}")

    def sorting(self, words: tuple[tuple[Column, bool], ...], group: Column | None = None, user: Any = None) -> Order:
        """By the group first, each path once; the key goes the way of the first column, and the newest come first without."""
        found = [*self._grouping(group, words)]
        for column, down in words:
            made = column.made(user) if column.made else None
            found.append(By(self.model, column.order or column.path, down, made))
        once = {by.path: by for by in reversed(found)}
        key_down = words[0][1] if words else True
        return Order(tuple(by for by in found if once[by.path] is by), key_down)

    def _grouping(self, group: Column | None, words: tuple[tuple[Column, bool], ...]) -> list[By]:
        if group is None:
            return []
        down = dict(words).get(group, False)
        paths = (self.cell(group).within, group.order or group.path, group.key)
        return [By(self.model, path, down) for path in paths if path]
