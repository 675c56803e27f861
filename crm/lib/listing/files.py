"""Rows as files. CSV is written by PostgreSQL itself, XLSX from rows that come a few at a time: neither needs more memory for
more rows."""

import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from babel.numbers import get_currency_precision
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Case, DateTimeField, F, Func, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, Left
from django.db.models.lookups import In
from xlsxwriter import Workbook

from crm.lib.listing.columns import Kind

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet may take for a formula
TO_CHAR = {Kind.DAY: "YYYY-MM-DD", Kind.MOMENT: "YYYY-MM-DD HH24:MI:SS"}  # whatever DateStyle the server has
AT_ONCE = 2000  # rows fetched for XLSX
MOST_ROWS = 1_048_576 - 1  # of a sheet, below its headings
LONGEST_TEXT = 32_767  # characters of a cell
NOT_IN_A_CELL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")  # of a sheet, which has at most 31 characters
FIRST_YEAR = 1900  # of which a sheet knows dates
WIDTHS = {
    Kind.TEXT: 32,
    Kind.RELATION: 26,
    Kind.SEVERAL: 26,
    Kind.CHOICE: 18,
    Kind.FLAG: 10,
    Kind.DAY: 12,
    Kind.MOMENT: 20,
}
WIDTH_OF_FIGURES = 16

Write = Callable[[int, int, Any], Any]


class NoRoom(Exception):
    """There are more rows than a sheet has."""


class Field(NamedTuple):
    """`value` is its expression in a query: a text, a number, a day, or a moment as the clock on the wall shows it."""

    label: str
    kind: Kind
    value: Any

    @property
    def as_text(self) -> Any:
        """As it stands in a CSV file; numbers are numbers there too."""
        if self.kind in TO_CHAR:
            return Func(self.value, Value(TO_CHAR[self.kind]), function="to_char", output_field=TextField())
        return inert(self.value) if self.kind in (Kind.TEXT, Kind.RELATION, Kind.SEVERAL) else self.value


class Sheet(NamedTuple):
    """What becomes a file: `rows` in their order, of which `fields` are shown."""

    name: str
    fields: list[Field]
    rows: QuerySet
    currency: str


def inert(text: Any) -> Any:
    """With an apostrophe before what a spreadsheet would run."""
    return Case(
        When(In(Left(text, 1), FORMULA), then=Concat(Value("'"), text, output_field=TextField())),
        default=text,
        output_field=TextField(),
    )


def labelled(path: str, labels: dict[str, str]) -> Any:
    """The label of a stored word; an unknown word as it is. Looked up: a CASE of all countries takes longer than the rows."""
    word = Cast(path, TextField())
    label = Func(
        Value(json.dumps(labels)), word, template="%(expressions)s", arg_joiner="::jsonb ->> ", output_field=TextField()
    )
    return Coalesce(label, inert(word))


def on_the_wall(path: str, zone: datetime.tzinfo) -> Any:
    """A moment as the clock of the zone showed it, to the second."""
    template = "date_trunc('second', %(expressions)s)"
    return Func(F(path), Value(str(zone)), arg_joiner=" AT TIME ZONE ", template=template, output_field=DateTimeField())


def write_csv(sheet: Sheet, file: IO[bytes]) -> None:
    """RFC 4180, in UTF-8 with a mark at its beginning, by which spreadsheets know it."""
    headings = io.StringIO()
    csv.writer(headings).writerow([field.label for field in sheet.fields])
    file.write(headings.getvalue().encode("utf-8-sig"))
    write = file.write
    for line in _copied(sheet.rows.values_list(*(field.as_text for field in sheet.fields))):
        write(line[:-1])
        write(b"\r\n")


def _copied(rows: QuerySet) -> Iterator[Any]:
    """Each row as PostgreSQL writes it, which ends its lines by a line feed alone."""
    connection: Any = connections[rows.db]
    try:
        statement, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return
    told = f"COPY ({connection.ops.compose_sql(statement, values)}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(told) as lines:
        yield from lines


def write_xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    """One sheet: headings that stay and filter, numbers as numbers, days as days, and no text that is a formula. Raises NoRoom."""
    with TemporaryDirectory() as folder, Workbook(file, {"constant_memory": True, "tmpdir": folder}) as book:
        page = book.add_worksheet(NOT_IN_A_NAME.sub(" ", sheet.name)[:31])
        page.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for at, field in enumerate(sheet.fields):
            width = max(WIDTHS.get(field.kind, WIDTH_OF_FIGURES), len(field.label) + 4)
            page.set_column(at, at, width)
            page.write_string(0, at, field.label, bold)
        writers = [_writer(book, page, field.kind, sheet.currency) for field in sheet.fields]
        number = 0
        rows = sheet.rows.values_list(*(field.value for field in sheet.fields))
        with closing(rows.iterator(chunk_size=AT_ONCE)) as found:  # type: ignore[type-var]
            for number, row in enumerate(found, start=1):
                if number > MOST_ROWS:
                    raise NoRoom
                for at, value in enumerate(row):
                    if value is not None and value != "":
                        writers[at](number, at, value)
        page.autofilter(0, 0, number, len(sheet.fields) - 1)


def _writer(book: Any, page: Any, kind: Kind, currency: str) -> Write:
    """Writes a value that is not blank into row and column."""

    def as_text(row: int, at: int, value: str) -> None:
        page.write_string(row, at, NOT_IN_A_CELL.sub("", value)[:LONGEST_TEXT])

    def formatted(format_: str) -> Any:
        return book.add_format({"num_format": format_})

    if kind is Kind.MONEY:
        places = get_currency_precision(currency)
        money = formatted(f"#,##0{'.' if places else ''}{'0' * places} [${currency}]")
        return lambda row, at, value: page.write_number(row, at, value, money)
    if kind is Kind.PERCENT:
        percent = formatted("0.00%")
        return lambda row, at, value: page.write_number(row, at, value / 100, percent)
    if kind is Kind.NUMBER:
        return lambda row, at, value: page.write_number(row, at, value)
    if kind in (Kind.DAY, Kind.MOMENT):
        day = formatted("yyyy-mm-dd" if kind is Kind.DAY else "yyyy-mm-dd hh:mm:ss")
        return lambda row, at, value: (
            page.write_datetime(row, at, value, day) if value.year >= FIRST_YEAR else as_text(row, at, str(value))
        )
    return as_text
