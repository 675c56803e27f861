"""A form sent twice, by a double click where no script holds the second one back: the step that the first one took is what
the second one asks for."""

import datetime
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from opportunities import forms
from opportunities.estimates import rounded
from opportunities.gate_fields import GateFields
from opportunities.models import Action, OpportunityEntry
from salespeople.models import User

AT_ONCE = datetime.timedelta(seconds=10)
TAKES = {
    forms.StartForm: {Action.STARTED},
    forms.MoveForm: {Action.NEXT, Action.PREVIOUS, Action.SKIP, Action.JUMP},
    forms.CloseForm: {Action.WON, Action.LOST},
    forms.ArchiveForm: {Action.ARCHIVED},
    forms.RestoreForm: {Action.RESTORED},
    forms.UndoForm: {Action.UNDONE},
}


FILLS = {Action.EDITED, Action.REASSIGNED}  # what a form fills in before the step that it is for


def is_repeat(form: forms.VerbForm, since: Sequence[OpportunityEntry], user: User) -> bool:
    """Whether the first of `since`, the steps since what the form shows, newest first, is the person's own, seconds old, and just
    what is asked; there are no others but what the form filled in."""
    if not since:
        return False
    entry, *before = since
    filled = isinstance(form, GateFields) and any(form.sent(name) for name in form.gated)
    if any(not filled or one.action not in FILLS or one.by_id != user.pk for one in before):
        return False
    if entry.by_id != user.pk or timezone.now() - entry.recorded_at > AT_ONCE:
        return False
    if entry.action not in TAKES.get(type(form), ()) or (entry.undoes and entry.undoes != form.cleaned_data["version"]):
        return False
    asked = form.values()
    return asked.pop("override", False) <= (entry.overrode is not None) and all(
        _says(entry, name, value) for name, value in asked.items()
    )


def _says(entry: OpportunityEntry, name: str, value: Any) -> bool:
    """Whether the entry has this value; a blank is what the verb filled in itself."""
    match name:
        case "to":
            return entry.stage_id == value.pk
        case "on":
            return entry.happened_on == value
        case "reason":
            return entry.reason == value.strip()
        case "outcome":
            return entry.status == value
        case "chances" if value is None:
            return not entry.chances_are_manual
        case "cancel_tasks" | "tasks_too" | "quote_amount" | "document":  # what became of them, the entry does not say
            return True
        case "sales_value" | "closing_on" | "close_code" if value is None:
            return True
        case _:
            known: Any = getattr(entry, name)
            return bool(known == rounded(value))
