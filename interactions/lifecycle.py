"""The verbs of interactions: the one room for every change of one. Keyword-only; `on` is the business date of today, `by` the user,
`version` what the person looked at. Refusals are `ValidationError`s keyed by field; somebody else's faster change raises
`Stale`."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import OperationalError, transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collaboration.lifecycle import history
from contacts.lifecycle import lock
from contacts.models import Contact
from crm.lib.guard import Guard
from crm.lib.money import round_half_up
from crm.lib.races import is_busy
from interactions.models import LONGEST, MOST_MINUTES, Direction, Evaluation, Interaction, Kind, Side
from salespeople.models import User
from tasks.lifecycle import belongs

P = ParamSpec("P")
R = TypeVar("R")
MOST_COST = Decimal("999999999999.99")
YEARS = range(1900, 3000)
WORDS: dict[str, type[TextChoices]] = {
    "kind": Kind,
    "direction": Direction,
    "initiated_by": Side,
    "evaluation": Evaluation,
}
CHANGED = (
    *("kind", "direction", "initiated_by", "happened_on", "started_at", "description", "text", "failed"),
    *("evaluation", "cost", "duration", "contact", "opportunity", "salesperson", "template"),
)


class Stale(Exception):
    """Someone was faster: the interaction is no longer what the person looked at."""


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """One transaction, kept under the name of `by`; a lock that is not to be had in time answers like a lost race."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        by: Any = kwargs["by"]
        try:
            with history(by), transaction.atomic():
                return function(*args, **kwargs)
        except OperationalError as error:
            if is_busy(error):
                raise Stale from error
            raise

    return run


@verb
def log(*, by: User | None, on: datetime.date, **values: Any) -> Interaction:
    """It happened, today unless said otherwise. The opportunity, or the task it came of, gives what is not said. Raises
    ValidationError."""
    made = Interaction(**_proposed(values, on), logged_by=by)
    guard = Guard()
    _check(guard, made, before=Interaction(), on=on)
    guard.raise_if_any()
    made.company = made.contact.company or made.contact
    made.save(force_insert=True)
    return made


@verb
def record(
    *, by: User | None, on: datetime.date, company: Contact | None = None, cancelled: bool = False, **values: Any
) -> Interaction:
    """An interaction as a file tells of it. `company` is the contact's of that time; people, template, contact and
    opportunity may be out of use by now. `logged_at` may say when it was logged elsewhere. Raises ValidationError."""
    made = Interaction(**_proposed(values, on), logged_by=by, cancelled=cancelled)
    guard = Guard()
    recorded = values.get("logged_at")
    said = _("It cannot have been recorded in the future.")
    guard(recorded is None or recorded <= timezone.now(), "logged_at", said, "E14")
    _check(guard, made, before=Interaction(), on=on, company=company, is_history=True)
    guard.raise_if_any()
    made.company = company or made.contact.company or made.contact
    made.save(force_insert=True)
    return made


@verb
def change(interaction: Interaction, *, version: int, by: User | None, on: datetime.date, **values: Any) -> Interaction:
    """Other values of one that stands. Raises ValidationError, Stale."""
    now = _locked(interaction, version)
    guard = Guard()
    guard(not now.cancelled, "__all__", _("The interaction is cancelled. Restore it first."), "cancelled")
    guard.raise_if_any()
    before = Interaction(**{name: getattr(now, name) for name in CHANGED})
    for name, value in values.items():
        setattr(now, name, value)
    _check(guard, now, before=before, on=on)
    guard.raise_if_any()
    written = [name for name in CHANGED if name in values]
    if now.contact_id != before.contact_id:
        now.company = now.contact.company or now.contact
        written.append("company")
    _write(now, *written)
    return now


@verb
def cancel(interaction: Interaction, *, version: int, by: User | None) -> Interaction:
    """It stays, and counts no more. Raises ValidationError, Stale."""
    return _cancelled(interaction, version, by, is_so=True)


@verb
def restore(interaction: Interaction, *, version: int, by: User | None) -> Interaction:
    """It counts after all. Raises ValidationError, Stale."""
    return _cancelled(interaction, version, by, is_so=False)


@verb
def become(interaction: Interaction, *, version: int, opportunity: Any, by: User | None) -> Interaction:
    """An opportunity was made of it, and it is about that one from now on (R-FROM-LOG). Raises ValidationError, Stale."""
    now = _locked(interaction, version)
    guard = Guard()
    said = _("An opportunity is made of an interaction that is not cancelled and about none yet.")
    guard(now.can_become_opportunity, "__all__", said, "R-FROM-LOG")
    said = _("The contact does not belong to the opportunity's company.")
    guard(belongs(now.contact, opportunity), "contact", said, "R-TASK-LINK")
    guard.raise_if_any()
    now.opportunity = opportunity
    _write(now, "opportunity")
    return now


def _cancelled(interaction: Interaction, version: int, by: User | None, *, is_so: bool) -> Interaction:
    now = _locked(interaction, version)
    guard = Guard()
    guard(now.cancelled is not is_so, "__all__", _("Nothing was changed."), "unchanged")
    guard.raise_if_any()
    now.cancelled = is_so
    _write(now, "cancelled")
    return now


def _locked(interaction: Interaction, version: int) -> Interaction:
    """As it stands now, held until the transaction ends. Raises Stale."""
    named = ("contact", "company", "salesperson", "template", "opportunity__contact", "opportunity__company")
    held = Interaction.objects.select_for_update(no_key=True, of=("self",)).select_related(*named)
    now = held.get(pk=interaction.pk)
    if now.version != version:
        raise Stale
    return now


def _write(interaction: Interaction, *fields: str) -> None:
    interaction.version += 1
    interaction.save(update_fields=[*fields, "version"])


def _proposed(values: dict[str, Any], on: datetime.date) -> dict[str, Any]:
    """What the task, then the opportunity says goes for what is not said (R-TASK-LOG, A.12)."""
    values = {"happened_on": on, **values}
    task = values.get("task")
    if task is not None and values.get("opportunity") is None:
        values["opportunity"] = task.opportunity
    sources = [source for source in (task, values.get("opportunity")) if source is not None]
    if values.get("contact") is None:
        found = next((source.contact for source in sources if source.contact), None)
        values["contact"] = found and (found.merged_into or found)
    if "salesperson" not in values:
        values["salesperson"] = next((source.salesperson for source in sources if source.salesperson), None)
    return values


def _check(
    guard: Guard,
    row: Interaction,
    *,
    before: Interaction,
    on: datetime.date,
    is_history: bool = False,
    company: Contact | None = None,
) -> None:
    """What was chosen before may be blocked by now, and so may what is told of `is_history`."""
    row.description, row.text = row.description.strip(), row.text.strip()
    if guard(bool(row.description), "description", _("Enter a description."), "E08"):
        guard(len(row.description) <= 100, "description", _("At most 100 characters."), "too_long")
    guard(len(row.text) <= LONGEST, "text", _("At most 10,000 characters."), "too_long")
    for field, words in WORDS.items():
        known = getattr(row, field) in (*words.values, *(() if field == "kind" else ("",)))
        guard(known, field, _("Choose one of the list."), "choice")
    _check_day(guard, row.happened_on, on)
    row.cost = round_half_up(row.cost)
    guard(0 <= row.cost <= MOST_COST, "cost", _("Enter 0 or more, with two decimals."), "value")
    lasts = 0 <= row.duration <= MOST_MINUTES
    guard(lasts, "duration", _("Enter 0 minutes or more, at most a month."), "value")
    _check_contact(guard, row, before, is_history=is_history, company=company)
    if is_history:
        return
    if row.salesperson is not None and row.salesperson_id != before.salesperson_id:
        said = _("%(salesperson)s is blocked and cannot be chosen.")
        guard(row.salesperson.is_usable, "salesperson", said, "blocked", salesperson=row.salesperson)
    if row.template is not None and row.template_id != before.template_id:
        said = _("The template “%(template)s” is blocked.")
        guard(not row.template.blocked, "template", said, "blocked", template=row.template)


def _check_day(guard: Guard, day: datetime.date | None, on: datetime.date) -> None:
    if not guard(day is not None, "happened_on", _("Enter the date."), "E08"):
        return
    assert day is not None
    if guard(day.year in YEARS, "happened_on", _("Enter a date between 1900 and 2999."), "E08"):
        said = _("It has not happened yet. What is to come is a task.")
        guard(day <= on, "happened_on", said, "E14")


def _check_contact(
    guard: Guard, row: Interaction, before: Interaction, *, is_history: bool, company: Contact | None
) -> None:
    opportunity = row.opportunity
    if not guard(row.contact_id is not None, "contact", _("Choose a contact."), "E08"):
        return
    if row.contact_id != before.contact_id:
        row.contact = lock(row.contact_id)  # a merge that is under way ends first
    contact = row.contact
    if contact.pk != before.contact_id:
        said = _("%(contact)s is blocked for privacy.")
        guard(not contact.privacy_blocked, "contact", said, "privacy", contact=contact)
        usable = is_history or not contact.archived
        guard(usable, "contact", _("%(contact)s is archived."), "archived", contact=contact)
        said = _("%(contact)s was merged with another contact. Choose that one.")
        guard(contact.merged_into_id is None, "contact", said, "merged", contact=contact)
    if opportunity is None:
        return
    if opportunity.pk != before.opportunity_id:
        usable = is_history or not opportunity.archived
        guard(usable, "opportunity", _("The opportunity is archived."), "archived")
    elif contact.pk == before.contact_id:
        return  # a person may have gone elsewhere since
    said = _("The contact does not belong to the opportunity's company.")
    together = belongs(contact, opportunity) or (company is not None and company.pk == opportunity.company_id)
    guard(together, "contact", said, "R-TASK-LINK")
