"""Pages of a list by the values of the row at their edge: a page deep inside costs what the first one does, and nothing is
shown twice or left out when rows come and go. Any number of columns, upwards and downwards mixed; blanks come last either
way, and the key decides between equals.
"""

import base64
import binascii
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Aggregate, BigIntegerField, BooleanField, Case, F, Func, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import NullIf
from django.utils import timezone

END = "end"  # in place of a cursor: the last page
LONGEST = 2000  # characters of a cursor
BIG = 2**63


@dataclass(frozen=True)
class By:
    """One column of an order: the field that `path` leads to, as it is sorted. A choice is sorted in the order of its
    choices, and a text that is empty counts as blank."""

    model: type[models.Model]
    path: str
    down: bool = False
    made: Any = None  # the expression, where it is put together for each row

    @property
    def field(self) -> Any:
        return field_of(self.model, self.path) if self.made is None else self.made.output_field

    @property
    def name(self) -> str:
        """What it is called in a query: the path itself, or an expression's alias."""
        return self.path if self.expression is None else f"by_{self.path}"

    @property
    def expression(self) -> Any:
        if self.made is not None:
            return self.made
        field = self.field
        if field.choices:
            ranks = [When(**{self.path: word}, then=Value(rank)) for rank, (word, _) in enumerate(field.choices)]
            return Case(*ranks, output_field=models.IntegerField())
        if isinstance(field, models.CharField) and field.blank:
            return NullIf(F(self.path), Value(""))
        return None

    def of(self, row: Any) -> Any:
        """The value that an instance is sorted by."""
        value = row
        for name in self.path.split("__"):
            value = getattr(value, name, None)
        if value is not None and self.field.choices:
            return [word for word, _ in self.field.choices].index(value)
        return None if value == "" else value

    @property
    def ordering(self) -> Any:
        column = F(self.name)
        return column.desc(nulls_last=True) if self.down else column.asc(nulls_last=True)

    def is_value(self, value: Any) -> Q:
        return Q((f"{self.name}__isnull", True)) if value is None else Q((self.name, value))

    def beyond(self, value: Any, *, forwards: bool) -> Q:
        """What comes after the value, or before it."""
        if value is None:
            return Q(pk__in=[]) if forwards else Q((f"{self.name}__isnull", False))
        further = Q((f"{self.name}__{'lt' if self.down is forwards else 'gt'}", value))
        return further | Q((f"{self.name}__isnull", True)) if forwards and self.may_be_blank else further

    @property
    def may_be_blank(self) -> bool:
        return self.made is not None or "__" in self.path or bool(self.field.null or self.field.blank)

    def read(self, value: Any) -> Any:
        """A value of a cursor as the column has it. Raises ValueError."""
        return None if value is None else _read(self.field, value)


@cache
def field_of(model: Any, path: str) -> Any:
    """The field that a path of relations leads to."""
    found: Any = None
    for name in path.split("__"):
        found = model._meta.get_field(name)
        model = found.related_model or model
    return found.output_field if found.generated else found


def _read(field: Any, value: Any) -> Any:
    if field.choices or isinstance(field, models.IntegerField | models.ForeignKey):
        if type(value) is int and -BIG < value < BIG:
            return value
    elif isinstance(field, models.BooleanField):
        if type(value) is bool:
            return value
    elif type(value) is str and "\0" not in value:
        return _read_text(field, value)
    raise ValueError(value)


def _read_text(field: Any, text: str) -> Any:
    if isinstance(field, models.DecimalField):
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            raise ValueError(text) from error
        if not number.is_finite() or abs(number) >= Decimal(10) ** (field.max_digits - field.decimal_places):
            raise ValueError(text)
        return number.quantize(Decimal(1).scaleb(-field.decimal_places))
    if isinstance(field, models.DateTimeField):
        moment = datetime.datetime.fromisoformat(text)
        if timezone.is_naive(moment):
            raise ValueError(text)
        return moment.astimezone(datetime.UTC)
    return datetime.date.fromisoformat(text) if isinstance(field, models.DateField) else text


@dataclass(frozen=True)
class Order:
    """Columns, then the key, which decides between equals."""

    columns: tuple[By, ...]
    key_down: bool = True

    def made(self) -> dict[str, Any]:
        """What has to be known of a row beside its fields, for `alias` or `annotate`."""
        return {by.name: by.expression for by in self.columns if by.expression is not None}

    def names(self) -> list[str]:
        """What a cursor consists of."""
        return [*(by.name for by in self.columns), "pk"]

    def ordering(self) -> list[Any]:
        return [*(by.ordering for by in self.columns), "-pk" if self.key_down else "pk"]

    def sort(self, rows: QuerySet, *, backwards: bool = False) -> QuerySet:
        rows = rows.alias(**self.made()).order_by(*self.ordering())
        return rows.reverse() if backwards else rows

    def beyond(self, values: Sequence[Any], *, forwards: bool) -> Q:
        """The rows after the one with these values, or those before it."""
        *known, key = values
        found = Q((f"pk__{'lt' if self.key_down is forwards else 'gt'}", key))
        for by, value in zip(reversed(self.columns), reversed(known), strict=True):
            found = by.beyond(value, forwards=forwards) | (by.is_value(value) & found)
        return found

    def side(self, rows: QuerySet, values: Sequence[Any], *, forwards: bool) -> QuerySet:
        """The rows after these values, nearest first, or those before them."""
        return self.sort(rows, backwards=not forwards).filter(self.beyond(values, forwards=forwards))

    def neighbours(self, rows: QuerySet, row: Any) -> tuple[int | None, int | None] | None:
        """Keys of the rows before and after this one, in one query; None where it is not among the rows. What is put together
        for a row takes another query."""
        made = {by.name: by.made for by in self.columns if by.made is not None}
        known = (rows.filter(pk=row.pk).order_by().values(**made).first() or {}) if made else {}
        values = [*(known[by.name] if by.name in known else by.of(row) for by in self.columns), row.pk]
        sides = [Subquery(self.side(rows, values, forwards=way).values("pk")[:1]) for way in (False, True)]
        return rows.filter(pk=row.pk).order_by().values_list(*sides).first()

    def cursor(self, row: Mapping[str, Any]) -> str:
        """The place of a row in an address."""
        return self.written([row[name] for name in self.names()])

    @staticmethod
    def written(place: Sequence[Any]) -> str:
        values = [_written(value) for value in place]
        text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, cursor: str) -> list[Any]:
        """What `cursor` wrote. Raises ValueError for anything else."""
        if len(cursor) > LONGEST or not cursor.isascii():
            raise ValueError(cursor)
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
            values = json.loads(text)
        except (binascii.Error, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(cursor) from error
        if type(values) is not list or len(values) != len(self.columns) + 1:
            raise ValueError(cursor)
        key = values[-1]
        if type(key) is not int or not 0 <= key < BIG:
            raise ValueError(cursor)
        return [*(by.read(value) for by, value in zip(self.columns, values, strict=False)), key]


def _written(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


class OneOf(Func):
    """`key = ANY (array)`: the array is made first, then its rows are fetched by their key."""

    template, arg_joiner = "(%(expressions)s))", " = ANY ("
    output_field = BooleanField()


class FirstKeys(Aggregate):
    """The keys of the rows, of at most so many of them."""

    template = "(ARRAY_AGG(%(expressions)s))[:%(most)s]"
    output_field = ArrayField(BigIntegerField())

    def __init__(self, key: Any, *, most: int, **extra: Any) -> None:
        super().__init__(key, most=most, **extra)


@dataclass(frozen=True)
class Page:
    """Rows as dicts; which pages there are beside them."""

    rows: list[dict[str, Any]]
    has_before: bool
    has_after: bool
    edge: dict[str, Any] | None = None  # the row before the first, where it was read

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def few(rows: QuerySet) -> QuerySet:
    """The same rows, found first and put in order then. Postgres would rather walk along the order and look at every row
    that it passes, which is slow where few fit."""
    return rows.model._base_manager.filter(OneOf(F("pk"), ArraySubquery(rows.order_by().values("pk"))))


def of_keys(rows: QuerySet, keys: Sequence[int]) -> QuerySet:
    """The rows of these keys."""
    return rows.filter(OneOf(F("pk"), Value(list(keys), ArrayField(BigIntegerField()))))


def first_page(order: Order, rows: QuerySet, fields: Sequence[Any], size: int) -> Page:
    found = _fetch(order, rows, order.sort(rows), fields, size + 1)
    return Page(found[:size], has_before=False, has_after=len(found) > size)


def last_page(order: Order, rows: QuerySet, fields: Sequence[Any], size: int, count: int) -> Page:
    """So many rows that the pages before it are full."""
    left = count % size or size
    found = _fetch(order, rows, order.sort(rows, backwards=True), fields, left + 1)
    has_before = len(found) > left
    return Page(found[-left:], has_before, has_after=False, edge=found[0] if has_before else None)


def page_after(order: Order, rows: QuerySet, fields: Sequence[Any], size: int, values: Sequence[Any]) -> Page:
    found = _fetch(order, rows, order.side(rows, values, forwards=True), fields, size + 1)
    edge = dict(zip(order.names(), values, strict=True))
    return Page(found[:size], has_before=True, has_after=len(found) > size, edge=edge)


def page_before(order: Order, rows: QuerySet, fields: Sequence[Any], size: int, values: Sequence[Any]) -> Page:
    found = _fetch(order, rows, order.side(rows, values, forwards=False), fields, size + 1)
    has_before = len(found) > size
    return Page(found[-size:], has_before, has_after=True, edge=found[0] if has_before else None)


def _fetch(order: Order, rows: QuerySet, wanted: QuerySet, fields: Sequence[Any], size: int) -> list[dict[str, Any]]:
    """In two steps of one query: the keys of the page in its order, for which only what decides it is joined; then what is
    shown of those rows."""
    keys = ArraySubquery(wanted.values("pk")[:size])
    found = rows.model._base_manager.filter(OneOf(F("pk"), keys)).annotate(**order.made()).order_by(*order.ordering())
    return list(told(found, [*fields, *order.names()]))


def told(rows: QuerySet, fields: Sequence[Any]) -> QuerySet[Any, dict[str, Any]]:
    """What the paths lead to, and what is put together for a row: a name with its expression."""
    made: dict[str, Any] = dict(field for field in fields if isinstance(field, tuple))
    return rows.values(*dict.fromkeys(field for field in fields if isinstance(field, str)), **made)
