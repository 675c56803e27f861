"""Every key of the product. The list that people see is made of this; what a key presses carries it as `data-key`.

The board handles its own keys on the card in focus. A test compares this list with the templates.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Words = str | Promise
OR, THEN, WITH = pgettext_lazy("keys", "or"), pgettext_lazy("keys", "then"), "+"


class Shortcut(NamedTuple):
    keys: tuple[Words, ...]
    does: Words
    between: Words = OR


class Group(NamedTuple):
    title: Words
    shortcuts: tuple[Shortcut, ...]


GROUPS = (
    Group(
        _("Everywhere"),
        (
            Shortcut(("/",), _("Search and commands")),
            Shortcut((pgettext_lazy("key", "Ctrl"), "K"), _("Search and commands, also while typing"), WITH),
            Shortcut(("?",), _("Show this list")),
            Shortcut(("G", "H"), _("Go home"), THEN),
            Shortcut(("G", "B"), _("Go to the board"), THEN),
            Shortcut(("G", "L"), _("Go to the list of opportunities"), THEN),
            Shortcut(("G", "C"), _("Go to the contacts"), THEN),
            Shortcut(("G", "T"), _("Go to the agenda"), THEN),
            Shortcut(("G", "I"), _("Go to the interactions"), THEN),
            Shortcut((pgettext_lazy("key", "Esc"),), _("Close what has opened")),
        ),
    ),
    Group(
        _("On lists and the board"),
        (
            Shortcut(("N",), _("New one")),
            Shortcut(("F",), _("Show the filters")),
        ),
    ),
    Group(
        _("On a row of a list"),
        (
            Shortcut(("X",), _("Select it, or take it out")),
            Shortcut((pgettext_lazy("key", "Shift"), "↑", "↓"), _("Select the next one too"), WITH),
        ),
    ),
    Group(
        _("On a card of the board"),
        (
            Shortcut(("←", "↑", "→", "↓"), _("Go to another card or column"), ""),
            Shortcut((pgettext_lazy("key", "Home"),), _("Go to the first column")),
            Shortcut((pgettext_lazy("key", "Enter"),), _("Open the opportunity")),
            Shortcut(("M",), _("Move to a stage, which a digit or letter then chooses")),
            Shortcut((pgettext_lazy("key", "Shift"), "←"), _("To the previous stage"), WITH),
            Shortcut((pgettext_lazy("key", "Shift"), "→"), _("To the next stage"), WITH),
            Shortcut(("W",), _("Win")),
            Shortcut(("L",), _("Lose")),
            Shortcut(("T",), _("New task")),
        ),
    ),
    Group(
        _("On the page of an opportunity"),
        (
            Shortcut(("J",), _("Next opportunity")),
            Shortcut(("K",), _("Previous opportunity")),
            Shortcut(("U",), _("Undo the last step")),
            Shortcut(("T",), _("New task")),
            Shortcut(("L",), _("Log a call")),
        ),
    ),
)
