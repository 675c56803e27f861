"""How long a deal may stand at a stage: learned from the stage's own completed visits, else typed on the stage. Marks, counts and
filters ask here (docs/definitions.md, "Stalled")."""

import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crm.lib.icons import ICONS
from crm.templatetags.crm import number
from salescycles.models import Stage
from tasks.models import Task

FEWEST = 8  # completed visits from which something is learned
LEARNING = 4_270_071  # the advisory lock of who learns


class Stalled(models.TextChoices):
    """`ANY` of the two."""

    ANY = "any", gettext_lazy("Amber or red")
    AMBER = "amber", gettext_lazy("Amber")
    RED = "red", gettext_lazy("Red")


class Limit(NamedTuple):
    """In days. Learned: within so many days three quarters of the deals leave the stage."""

    days: int
    is_learned: bool


class Stall(NamedTuple):
    """How a deal stands that stays too long: amber from the limit on, unless something is to be done; red from one and a half
    times the limit."""

    tone: str
    days: int
    limit: Limit

    @property
    def days_in_words(self) -> str:
        return ngettext("%(days)s day", "%(days)s days", self.days) % {"days": number(self.days)}

    @property
    def why(self) -> str:
        within = {"days": number(self.limit.days)}
        if self.limit.is_learned:
            return _("three quarters of deals leave within %(days)s") % within
        return _("expected %(days)s") % within

    @property
    def words(self) -> str:
        return f"{self.days_in_words}, {self.why}"

    @property
    def badge(self) -> SafeString:
        """For a card or a row: the days; the rest on pointing, and for screen readers."""
        return stall_badge(self, get_language() or "")


@lru_cache(maxsize=2048)
def stall_badge(stall: Stall, language: str) -> SafeString:
    """The same for many cards of a board; `language` is the reader's, whom it speaks to."""
    days, why = stall.days_in_words, stall.why
    return format_html(
        '<span class="mark mark-{}" title="{}, {}">{}{}<span class="visually-hidden">, {}</span></span>',
        stall.tone,
        days,
        why,
        ICONS["clock"],
        days,
        why,
    )


def stall_of(
    *, entered_on: datetime.date | None, limit: Limit | None, has_next_step: bool, today: datetime.date
) -> Stall | None:
    """None where it does not stand too long, or nobody knows how long that is. `has_next_step`: today or later."""
    if entered_on is None or limit is None:
        return None
    days = (today - entered_on).days
    if 2 * days >= 3 * limit.days:
        return Stall(Stalled.RED.value, days, limit)
    return Stall(Stalled.AMBER.value, days, limit) if days >= limit.days and not has_next_step else None


def limit(learned: int | None, expected: int | None) -> Limit | None:
    if learned is not None:
        return Limit(learned, is_learned=True)
    return None if expected is None else Limit(expected, is_learned=False)


# ── the same, asked of the database ──────────────────────────────────────────────────────────────────────────────────

LEARNED, EXPECTED = "stage__limit__days", "stage__expected_days"


class DaysBefore(Func):
    """A day, less a number of days."""

    template, arg_joiner = "(%(expressions)s)", " - "
    output_field = models.DateField()


class HalfMore(Func):
    """One and a half times a number, rounded up."""

    template = "((%(expressions)s * 3 + 1) / 2)"
    output_field = models.IntegerField()


def allowed_days() -> Coalesce:
    """Of the opportunity around. Not within a condition: there Django would leave out the stages without a limit of their own."""
    return Coalesce(F(LEARNED), F(EXPECTED))


def is_stalled(which: str, on: datetime.date) -> Q:
    """Of an opportunity in progress with `allowed_days`."""
    today, allowed = Value(on, models.DateField()), F("allowed_days")
    amber_since, red_since = DaysBefore(today, allowed), DaysBefore(today, HalfMore(allowed))
    idle: Any = ~Exists(_open_tasks().filter(due_on__gte=on))
    red = Q(stage_entered_on__lte=red_since)
    amber = Q(stage_entered_on__lte=amber_since, stage_entered_on__gt=red_since) & idle
    match Stalled(which):
        case Stalled.RED:
            return red
        case Stalled.AMBER:
            return amber
        case _:
            return red | amber


def last_step() -> Subquery:
    """The day of the last open task of the opportunity around: there is a next step where it is not before today."""
    return Subquery(_open_tasks().order_by("-due_on").values("due_on")[:1])


def first_step() -> Subquery:
    """The day of the first open task of the opportunity around: something is late where it is before today."""
    return Subquery(_open_tasks().order_by("due_on").values("due_on")[:1])


def _open_tasks() -> QuerySet[Task]:
    return Task.objects.open().filter(opportunity=OuterRef("pk"))


def with_limits(stages: QuerySet[Stage]) -> QuerySet[Stage]:
    """Adds `learned_days`."""
    return stages.annotate(learned_days=F("limit__days"))


def limit_of(stage: Any) -> Limit | None:
    """Of a stage that was read with limits."""
    return limit(stage.learned_days, stage.expected_days)


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def learn(today: datetime.date) -> bool:
    """Unless somebody else is about it, or has done so today. Says whether it was done. However long it takes: no page waits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_IS_OLD, {"today": today, "lock": LEARNING})
        if not cursor.fetchone()[0]:
            return False
        _learn(cursor, today)
    return True


def learn_anew(today: datetime.date) -> int:
    """In any case, however long it takes. Returns of how many stages something is known."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LEARNING])
        _learn(cursor, today)
        cursor.execute("SELECT count(days) FROM opportunities_stagelimit")
        return int(cursor.fetchone()[0])


def _learn(cursor: Any, today: datetime.date) -> None:
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute(_LEARN, {"today": today, "fewest": FEWEST})


_IS_OLD = """
SELECT pg_try_advisory_xact_lock(%(lock)s)
   AND EXISTS (SELECT FROM salescycles_stage stage LEFT JOIN opportunities_stagelimit known ON known.stage_id = stage.id
                WHERE known.learned_on IS NULL OR known.learned_on < %(today)s)
"""
# A visit is ended by a live entry that is not at its stage, whatever entries there were while it stood there. What ended
# before says nothing of one that ended within the twelve months: it need not be read.
_LEARN = """
INSERT INTO opportunities_stagelimit AS known (stage_id, days, visits, learned_on)
SELECT stage.id, CASE WHEN left_it.visits >= %(fewest)s THEN greatest(left_it.within, 1) END, coalesce(left_it.visits, 0),
       %(today)s::date
  FROM salescycles_stage stage
  LEFT JOIN (
       SELECT stage_id, count(*) AS visits,
              percentile_disc(0.75) WITHIN GROUP (ORDER BY until - stage_entered_on) AS within
         FROM (SELECT stage_id, stage_entered_on, until,
                      lead(stage_id) OVER ledger IS NOT DISTINCT FROM stage_id AS stays
                 FROM opportunities_opportunityentry
                WHERE voided_at IS NULL AND (until IS NULL OR until > %(today)s::date - interval '1 year')
               WINDOW ledger AS (PARTITION BY opportunity_id ORDER BY step)) AS stood
        WHERE stage_id IS NOT NULL AND until IS NOT NULL AND NOT stays
        GROUP BY stage_id) AS left_it ON left_it.stage_id = stage.id
    ON CONFLICT (stage_id) DO UPDATE
   SET days = excluded.days, visits = excluded.visits, learned_on = excluded.learned_on
"""
