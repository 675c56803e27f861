"""What a list can show of a row: the words of its address, and where each value is found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils.functional import Promise

Choices = Iterable[tuple[str, Any]]


class Kind(Enum):
    """What a value is: how it looks, how it is compared, and what becomes of it in an export."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"  # in the company's currency
    PERCENT = "percent"  # 0 to 100
    DAY = "day"
    MOMENT = "moment"
    CHOICE = "choice"  # a stored word with a label
    FLAG = "flag"  # yes or no
    RELATION = "relation"  # a row of another model, shown by its name, compared by its key
    SEVERAL = "several"  # rows of another model, shown by their names, compared by their keys


@dataclass(frozen=True)
class Links:
    """What ties rows to several others: `rows` are the ties, of which `of` leads to the row, `key` to the key of the other one and
    `name` to its name. `shown` is what a cell is made of, where it is not the name."""

    rows: Callable[[], QuerySet]
    of: str
    key: str
    name: str
    shown: Any = None

    def keys(self, others: Any = None) -> QuerySet:
        """Keys of the rows that have one of the others, or any at all."""
        ties = self.rows().order_by()
        return (ties if others is None else ties.filter(**{f"{self.key}__in": others})).values(self.of)

    def told(self, what: Any) -> ArraySubquery:
        """Of each row, what its ties say, by name."""
        ties = self.rows().filter(**{self.of: OuterRef("pk")}).order_by(self.name, "pk")
        return ArraySubquery(ties.values(told=what))

    @property
    def cell(self) -> ArraySubquery:
        return self.told(self.shown if self.shown is not None else F(self.name))

    @property
    def names(self) -> Func:
        """As one text."""
        return joined(self.told(F(self.name)))


def joined(told: Any) -> Func:
    texts = Cast(told, ArrayField(TextField()))  # of none at all PostgreSQL would not know what they are
    return Func(texts, Value(", "), function="array_to_string", output_field=TextField())


def time_of_day(path: str) -> Func:
    """As 09:30; with its seconds where it has some."""
    told = Cast(path, TextField())
    return Func(told, Value(":00$"), Value(""), function="regexp_replace", output_field=TextField())


@dataclass(frozen=True)
class Column:
    """`name` is the word in addresses (`columns`, `order`, `group`, `where`); `path` leads from the row to the value that is
    shown and sorted by, `key` (relations only) to the key that is compared and grouped by. `choices`, of choices and
    relations, is asked with the user: keys as text with their labels, limited to what that user may see; "me" among them
    is the user's own salesperson. Relations too many to be listed have `rows` instead, the ones that user may see, which
    know `search`. `aside` is a text that goes with the value, with its label: the cell shows it (`{name}_aside` of the row),
    a file has it as a column of its own. What is `made` has its own name for a path; a figure that is made is compared in no condition."""

    name: str
    label: Promise | str
    path: str
    kind: Kind = Kind.TEXT
    key: str = ""
    choices: Callable[[Any], Choices] | None = None
    rows: Callable[[Any], QuerySet] | None = None
    known: Callable[[Any], QuerySet] | None = (
        None  # rows that may be named by their key, where they are more than `rows`
    )
    order: str = ""  # sorted by this path, where it is not `path`
    is_default: bool = False  # shown where the address does not choose columns
    is_sortable: bool = True
    is_summed: bool = False  # totals and subtotals say its sum
    is_grouped: bool = False  # rows can be put together by it
    links: Links | None = None  # of several
    standing: Callable[[Any], QuerySet] | None = None  # rows that stand for those of these keys: compared alike
    edit: str = ""  # the verb and field that change it in place: "revise:estimated_value"
    made: Callable[[Any], Any] | None = (
        None  # put together for each row: the expression, as far as the user sees its rows
    )
    aside: tuple[Promise | str, Callable[[Any], Any]] | None = None

    def put_together(self, user: Any) -> Any:
        """The expression that a cell is made of; None where a path leads to its value."""
        if self.made:
            return self.made(user)
        return self.links.cell if self.links else None

    @property
    def read_as(self) -> str:
        """What a row that is read calls its cell. What is put together has no path, and its name may be a field's."""
        if self.links:
            return f"{self.name}_told"
        return self.name if self.made else self.path

    def in_file(self, user: Any) -> Any:
        """The same as one value; None where a path leads to it."""
        if self.links:
            return joined(self.made(user)) if self.made else self.links.names
        return self.put_together(user)
