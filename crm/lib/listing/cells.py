"""Rows of a table as markup, and values as text. How a column is written is decided once for a page, not for each row."""

import datetime
from collections.abc import Callable, Container, Iterable, Sequence
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.lib import dates, money
from crm.lib.listing.columns import Column, Kind
from crm.lib.listing.keyset import field_of
from crm.lib.listing.listing import Listing, Reader, Row

Write = Callable[[Any], str]
FIGURES = (Kind.NUMBER, Kind.MONEY, Kind.PERCENT)
SHORT = (Kind.DAY, Kind.MOMENT)


def writer(listing: Listing, column: Column, reader: Reader, user: Any = None) -> Write:
    """Writes a value that is not blank, escaped."""
    if column.kind is Kind.MONEY:
        return money.money_formatter(reader.currency, reader.language)
    if column.kind is Kind.PERCENT:
        return money.percent_formatter(reader.language)
    if column.kind is Kind.NUMBER:
        return money.number_formatter(reader.language)
    if column.kind is Kind.DAY:
        return lambda day: dates.day_short(day, reader.language)
    if column.kind is Kind.SEVERAL:
        return lambda names: escape(", ".join(names))
    if column.kind is Kind.MOMENT:
        return lambda instant: _moment(instant, reader.language)
    if column.kind in (Kind.CHOICE, Kind.FLAG):
        return _labelled(listing, column, user)
    return escape


def _moment(instant: datetime.datetime, language: str) -> str:
    return dates.moment(timezone.localtime(instant), language)


def _labelled(listing: Listing, column: Column, user: Any) -> Write:
    if column.kind is Kind.FLAG:
        return {True: _("yes"), False: _("no")}.__getitem__
    choices = column.choices(user) if column.choices else field_of(listing.model, column.path).choices or ()
    labels = {word: escape(str(label)) for word, label in choices}
    return lambda word: labels.get(word) or escape(str(word))


class Pencil(NamedTuple):
    """The link that edits a cell, but for the row's key and name: what stands before, between and after them."""

    edit: str
    before: str
    between: str
    after: str


PENCIL = '<svg class="icon" aria-hidden="true"><use href="#pencil"/></svg></a>'  # drawn once on the page


class Cells:
    """Makes the markup of rows: the first column is the row's heading and leads to its page. `back` is the address to which
    editing a cell leads back; without one nothing is edited."""

    def __init__(
        self,
        listing: Listing,
        columns: Sequence[Column],
        reader: Reader,
        user: Any,
        opens: str,
        *,
        picks: bool,
        back: str | None = None,
    ) -> None:
        self.listing, self.reader, self.back = listing, reader, back
        self.opens, self.root = escape(opens), reverse(f"{listing.space}:detail", args=[0])
        editing = listing.editing if back is not None else None
        self.allows = editing.allows(user) if editing else None
        self.columns = [self._prepared(column, user) for column in columns]
        self.picks = escape(_("Select")) if picks else ""

    @staticmethod
    def needs(listing: Listing, columns: Iterable[Column], user: Any) -> list[Any]:
        """Every path that is read of a row, and what is put together for it, with its name."""
        found: list[Any] = ["pk", listing.named, *(listing.editing.needs if listing.editing else ())]
        for column in columns:
            cell, made = listing.cell(column), column.put_together(user)
            found += [
                column.read_as if made is None else (column.read_as, made),
                *cell.needs,
                *([column.key] if column.key else []),
                *([(f"{column.name}_aside", column.aside[1](user))] if column.aside else []),
            ]
        return found

    def _prepared(self, column: Column, user: Any) -> tuple[Any, ...]:
        cell = self.listing.cell(column)
        css = "number" if column.kind in FIGURES else "nowrap" if column.kind in SHORT else ""
        opening = f'<td class="{css}"' if css else "<td"
        opening += f' data-label="{escape(str(column.label))}">'
        link, key = "", column.path
        if cell.page.endswith(":"):
            link = f'<a href="{cell.page}{{}}">{{}}</a>'
        elif cell.page:
            link, key = '<a href="{}">{{}}</a>'.format(reverse(cell.page, args=[0]).replace("/0/", "/{}/")), column.key
        write = cell.write or writer(self.listing, column, self.reader, user)
        return (
            column.read_as,
            write,
            opening,
            cell.also,
            link,
            key,
            self._pencil(column),
        )

    def _pencil(self, column: Column) -> Pencil | None:
        editing = self.listing.editing
        if not column.edit or not editing or self.back is None:
            return None
        verb, _colon, field = column.edit.partition(":")
        url = self.listing.address() + editing.address.format(key="{}", verb=verb, field=field)
        before, after = f"{url}&list={quote(self.back, safe='')}".split("{}")
        label = _("Edit: %(name)s") % {"name": column.label}
        between = f'{escape(after)}" data-column="{column.name}" aria-label="{escape(label)}, '
        return Pencil(column.edit, f'<a class="edit-here" href="{escape(before)}', between, f'">{PENCIL}')

    def rows(self, rows: Iterable[Row]) -> SafeString:
        return SafeString("".join(map(self.row, rows)))

    def row(self, row: Row, mark: str = "") -> str:
        """`mark` is said beside its name."""
        allowed = self.allows(row) if self.allows else ()
        name = escape(str(row[self.listing.named]))
        cells = [self._name(row, name, allowed, mark)]
        for path, write, opening, also, link, key, pencil in self.columns[1:]:
            value = row[path]
            text = "" if value is None or value == "" else write(value)
            if text and link:
                text = link.format(escape(str(row[key])), text)
            if pencil and pencil.edit in allowed:
                text += f"{pencil.before}{row['pk']}{pencil.between}{name}{pencil.after}"
            if also is not None:
                text += also(row, self.reader)
            cells.append(f"{opening}{text}</td>" if text else "<td></td>")
        return f'<tr id="row-{row["pk"]}">{"".join(cells)}</tr>'

    def _name(self, row: Row, name: str, allowed: Container[str], mark: str) -> str:
        path, write, _opening, also, _link, _key, pencil = self.columns[0]
        value = row[path]
        text = f'–<span class="visually-hidden"> {name}</span>' if value is None or value == "" else write(value)
        more = also(row, self.reader) if also is not None else ""
        key = str(row["pk"])
        if pencil and pencil.edit in allowed:
            more = f"{pencil.before}{key}{pencil.between}{name}{pencil.after}{more}"
        pick = (
            f'<td class="pick"><input class="form-check-input" type="checkbox" name="key" value="{key}" form="bulk" '
            f'aria-label="{self.picks}: {name}"></td>'
            if self.picks
            else ""
        )
        return f'{pick}<th scope="row"><a href="{self.root.replace("/0/", f"/{key}/")}{self.opens}">{text}</a>{more}{mark}</th>'


def tally(count: int) -> dict[str, str]:
    """A number for the sentence that counts."""
    return {"shown": money.format_number(count, get_language() or "en")}
