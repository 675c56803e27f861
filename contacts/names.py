"""A person's name and its parts (domain A.10): editing the parts rebuilds the name, and a whole name is split in parts."""

from typing import NamedTuple

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

validate_visible = RegexValidator(
    "^[^\\x01-\\x1f\\x7f\\u202a-\\u202e\\u2066-\\u2069]*$",
    _("There are invisible marks in it that turn the direction of writing or break the line; type it anew."),
)

validate_readable = RegexValidator(
    "^[^\\ufffd]*$", _("Some characters did not arrive as they were typed (�); type them anew.")
)


class Parts(NamedTuple):
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""

    @property
    def name(self) -> str:
        """The parts that are there, with a blank between."""
        return " ".join(part for part in self if part)


def split(name: str) -> Parts:
    """A single word is a first name. Otherwise the last word is the surname; of more than two words, the one before it is the
    middle name and the rest the first name."""
    words = name.split()
    if len(words) < 2:
        return Parts("".join(words))
    if len(words) == 2:
        return Parts(words[0], "", words[1])
    return Parts(" ".join(words[:-2]), words[-2], words[-1])
