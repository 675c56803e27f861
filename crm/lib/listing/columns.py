"""What a list can show of a row: the words of its address, and where each value is found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import QuerySet
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


@dataclass(frozen=True)
class Column:
    """`name` is the word in addresses (`columns`, `order`, `group`, `where`); `path` leads from the row to the value that is
    shown and sorted by, `key` (relations only) to the key that is compared and grouped by. `choices`, of choices and
    relations, is asked with the user: keys as text with their labels, limited to what that user may see; "me" among them
    is the user's own salesperson. Relations too many to be listed have `rows` instead, the ones that user may see, which
    know `search`."""

    name: str
    label: Promise | str
    path: str
    kind: Kind = Kind.TEXT
    key: str = ""
    choices: Callable[[Any], Choices] | None = None
    rows: Callable[[Any], QuerySet] | None = None
    order: str = ""  # sorted by this path, where it is not `path`
    is_default: bool = False  # shown where the address does not choose columns
    is_sortable: bool = True
    is_summed: bool = False  # totals and subtotals say its sum
    is_grouped: bool = False  # rows can be put together by it
    standing: Callable[[Any], QuerySet] | None = None  # rows that stand for those of these keys: compared alike
    edit: str = ""  # the verb and field that change it in place: "revise:estimated_value"
