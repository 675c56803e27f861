"""Reading the ledger: what a stage was called when an entry was recorded, and whether the ledger is sound.

`faults` compares each present with its current entry and each ledger with itself. It never writes. What one row alone
can break is not restated here: the check constraints of the models are asked again, row by row. Messages are in English,
like the command that prints them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import BooleanField, Case, CheckConstraint, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from crm.lib.prepared import Prepared
from opportunities.models import TRACKED, EntryQuerySet, Opportunity, OpportunityEntry


def with_stage_names(entries: EntryQuerySet) -> EntryQuerySet:
    """Adds `stage_name`, what the stage of each entry was called when the entry was recorded; None without a stage.

    What was recorded before the stage's history begins gets the oldest name known.
    """
    history = apps.get_model("salescycles", "StageEvent").objects.filter(pgh_obj=OuterRef("stage_id"))
    known_at = Greatest("recorded_at", Coalesce("imported_at", "recorded_at"))
    then = history.filter(pgh_created_at__lte=OuterRef("known_at")).order_by("-pgh_created_at", "-pgh_id")
    oldest = history.order_by("pgh_created_at", "pgh_id")
    return entries.alias(known_at=known_at).annotate(
        stage_name=Coalesce(
            Subquery(then.values("description")[:1]),
            Subquery(oldest.values("description")[:1]),
            F("stage__description"),
        )
    )


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `code` is stable; `step` is None where the present itself is meant."""

    code: str
    number: str
    step: int | None
    what: str

    def __str__(self) -> str:
        row = self.number if self.step is None else f"{self.number} step {self.step}"
        return f"{row}: {self.what} [{self.code}]"


def faults() -> Iterator[Fault]:
    """Every fault of every opportunity and its ledger, by kind. A sound database yields nothing."""
    yield from _broken_row_rules(Opportunity)
    yield from _broken_row_rules(OpportunityEntry)
    for sql in (_PRESENT.format(differing=_DIFFERING), _CURRENT, _STEPS, _LIVE, _VOIDED, _UNDOES):
        yield from _read(sql)
    yield from _read(_AGAINST_SET_UP.format(row=_PRESENT_ROW))
    yield from _read(_AGAINST_SET_UP.format(row=_LEDGER_ROW))
    yield from _read(_TOTALS)


def _read(sql: str) -> Iterator[Fault]:
    """A check yields one row for a fault: code, number of the opportunity, step, what is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for row in cursor.fetchall():
            yield Fault(*row)


def _keeping(model: type[Opportunity] | type[OpportunityEntry]) -> QuerySet[Any, Any]:
    """Rows that break a check constraint of their model, as if the database had lost it. One pass for all rules."""
    kept = {
        f"keeps_{rule.name}": Case(
            When(rule.condition, then=Value(True)), default=Value(False), output_field=BooleanField()
        )
        for rule in _rules(model)
    }
    broken = Q()
    for alias in kept:
        broken |= Q(**{alias: False})
    return model._base_manager.annotate(**kept).filter(broken).values(*_named(model), *kept)


_BROKEN: Prepared[Any] = Prepared(_keeping)


def _broken_row_rules(model: type[Opportunity] | type[OpportunityEntry]) -> Iterator[Fault]:
    names = _named(model)
    for row in _BROKEN.rows(model):
        for rule in _rules(model):
            if not row[f"keeps_{rule.name}"]:
                yield Fault(rule.name, row[names[0]], row.get("step"), f"breaks the rule {rule.name}")


def _rules(model: type[Opportunity] | type[OpportunityEntry]) -> list[CheckConstraint]:
    return [rule for rule in model._meta.constraints if isinstance(rule, CheckConstraint)]


def _named(model: type[Opportunity] | type[OpportunityEntry]) -> list[str]:
    return ["number"] if model is Opportunity else ["opportunity__number", "step"]


# The running totals against the rows that they count.
_TOTALS = """
SELECT 'totals_differ', concat_ws(' ', status, 'stage ' || stage_id, 'salesperson ' || salesperson_id), NULL,
       format('the running totals count %s too many, worth %s', sum(n), sum(value))
  FROM (SELECT archived, status, sales_cycle_id, stage_id, salesperson_id, count AS n, estimated_value AS value,
               calculated_value AS weighted, sales_value AS won FROM opportunities_runningtotal
        UNION ALL
        SELECT archived, status, sales_cycle_id, stage_id, salesperson_id, -1, -coalesce(estimated_value, 0),
               -coalesce(calculated_value, 0), -coalesce(sales_value, 0) FROM opportunities_opportunity) AS known
 GROUP BY archived, status, sales_cycle_id, stage_id, salesperson_id
HAVING sum(n) <> 0 OR sum(value) <> 0 OR sum(weighted) <> 0 OR sum(won) <> 0
"""

_DIFFERING = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM e.{name} THEN '{name}' END" for name in TRACKED)

# The present against the entry that made it.
_PRESENT = """
SELECT 'present_differs', o.number, e.step, 'the present differs in ' || differing
  FROM opportunities_opportunity o
  JOIN opportunities_opportunityentry e ON e.opportunity_id = o.id AND e.replaced_at IS NULL
 CROSS JOIN LATERAL concat_ws(', ', {differing}) AS differing
 WHERE differing <> ''
UNION ALL
SELECT 'present_without_entry', o.number, NULL, format('no entry has the step %s of its version', o.version)
  FROM opportunities_opportunity o
 WHERE NOT EXISTS (SELECT FROM opportunities_opportunityentry e WHERE e.opportunity_id = o.id AND e.step = o.version)
UNION ALL
SELECT 'version_is_not_the_last_step', o.number, NULL, format('its version is %s, its last step %s', o.version, last)
  FROM opportunities_opportunity o
 CROSS JOIN LATERAL (SELECT max(step) FROM opportunities_opportunityentry e WHERE e.opportunity_id = o.id) AS steps (last)
 WHERE last <> o.version
UNION ALL
SELECT 'created_on_differs', o.number, first.step, format('begins on %s, but was created on %s', happened_on, o.created_on)
  FROM opportunities_opportunity o
 CROSS JOIN LATERAL (
       SELECT step, happened_on FROM opportunities_opportunityentry e
        WHERE e.opportunity_id = o.id AND voided_at IS NULL ORDER BY step LIMIT 1) AS first
 WHERE first.happened_on <> o.created_on
"""

# Exactly one entry is the current one, and it is the present's.
_CURRENT = """
SELECT CASE WHEN found = 0 THEN 'no_current_entry'
            WHEN found > 1 THEN 'two_current_entries'
            ELSE 'version_is_not_the_current_step' END,
       number, NULL,
       CASE WHEN found = 0 THEN 'it has no current entry'
            WHEN found > 1 THEN format('it has %s current entries', found)
            ELSE format('its version is %s, its current entry is step %s', version, step) END
  FROM (SELECT o.number, o.version, count(e.id) AS found, max(e.step) AS step
          FROM opportunities_opportunity o
          LEFT JOIN opportunities_opportunityentry e ON e.opportunity_id = o.id AND e.replaced_at IS NULL
         GROUP BY o.id) AS currents
 WHERE found <> 1 OR step <> version
"""

# All entries in the order of their steps: 1, 2, 3 …, each recorded when the one before was replaced.
_STEPS = """
SELECT fault.code, o.number, chain.step, fault.what
  FROM (SELECT opportunity_id, step, action, status, recorded_at, replaced_at,
               lag(step, 1, 0) OVER ledger AS step_before, lead(recorded_at) OVER ledger AS next_recorded_at
          FROM opportunities_opportunityentry
        WINDOW ledger AS (PARTITION BY opportunity_id ORDER BY step)) AS chain
  JOIN opportunities_opportunity o ON o.id = chain.opportunity_id
 CROSS JOIN LATERAL (VALUES
       ('steps_broken', step <> step_before + 1, format('follows step %s', step_before)),
       ('recorded_chain_broken', next_recorded_at IS NOT NULL AND replaced_at IS DISTINCT FROM next_recorded_at,
        format('was replaced at %s, but the next step was recorded at %s', replaced_at, next_recorded_at)),
       ('first_entry_is_not_created', chain.step = 1 AND (chain.action <> 'created' OR chain.status <> 'not_started'),
        'the first entry is not the creation')
       ) AS fault (code, broken, what)
 WHERE fault.broken
"""

# The live entries alone: each ends on the day when the next begins; the last has no end and is the current one.
_LIVE = """
SELECT fault.code, o.number, chain.step, fault.what
  FROM (SELECT opportunity_id, step, happened_on, until, replaced_at,
               lead(step) OVER ledger AS next, lead(happened_on) OVER ledger AS next_on
          FROM opportunities_opportunityentry WHERE voided_at IS NULL
        WINDOW ledger AS (PARTITION BY opportunity_id ORDER BY step)) AS chain
  JOIN opportunities_opportunity o ON o.id = chain.opportunity_id
 CROSS JOIN LATERAL (VALUES
       ('dates_broken', until IS DISTINCT FROM next_on,
        format('ends on %s, but the next live step begins on %s',
               coalesce(until::text, 'no day'), coalesce(next_on::text, 'no day'))),
       ('until_before_happened_on', until < happened_on, format('ends on %s, before it begins', until)),
       ('ended_without_successor', next IS NULL AND replaced_at IS NOT NULL, 'the last live step is not the current one')
       ) AS fault (code, broken, what)
 WHERE fault.broken
"""

_VOIDED = """
SELECT 'voided_without_successor', o.number, e.step, 'is voided, but no later step took it back at that instant'
  FROM opportunities_opportunityentry e
  JOIN opportunities_opportunity o ON o.id = e.opportunity_id
 WHERE e.voided_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM opportunities_opportunityentry later
                    WHERE later.opportunity_id = e.opportunity_id AND later.step > e.step
                      AND later.undoes IS NOT NULL AND later.recorded_at = e.voided_at)
"""

_UNDOES = """
SELECT 'undoes_nothing', o.number, e.step,
       coalesce(format('takes back step %s, which is no voided step before it', e.undoes), 'takes back no step')
  FROM opportunities_opportunityentry e
  JOIN opportunities_opportunity o ON o.id = e.opportunity_id
 WHERE (e.undoes IS NOT NULL OR e.action = 'undone')
   AND NOT EXISTS (SELECT FROM opportunities_opportunityentry wrong
                    WHERE wrong.opportunity_id = e.opportunity_id AND wrong.step = e.undoes
                      AND wrong.step < e.step AND wrong.voided_at IS NOT NULL)
"""

# What a row says against the row that it points to, and against the formula (docs/definitions.md, "Calculated value").
_PRESENT_ROW = "SELECT *, NULL::integer AS step FROM opportunities_opportunity"
_LEDGER_ROW = "SELECT e.*, o.number FROM opportunities_opportunityentry e JOIN opportunities_opportunity o ON o.id = e.opportunity_id"
_AGAINST_SET_UP = """
SELECT fault.code, t.number, t.step, fault.what
  FROM ({row}) t
  LEFT JOIN salescycles_stage stage ON stage.id = t.stage_id
  LEFT JOIN salescycles_closecode code ON code.id = t.close_code_id
 CROSS JOIN LATERAL (SELECT CASE t.status WHEN 'won' THEN t.sales_value
                                          WHEN 'in_progress' THEN round(t.estimated_value * t.probability / 100, 2)
                                          ELSE 0 END) AS formula (calculated_value)
 CROSS JOIN LATERAL (VALUES
       ('stage_of_another_cycle', t.stage_id IS NOT NULL AND stage.sales_cycle_id IS DISTINCT FROM t.sales_cycle_id,
        'its stage is not of its sales cycle'),
       ('close_code_of_other_kind', t.close_code_id IS NOT NULL AND code.outcome IS DISTINCT FROM t.status,
        'its close code is not of its outcome'),
       ('calculated_value_wrong', t.calculated_value IS DISTINCT FROM formula.calculated_value,
        format('its calculated value is %s, by the formula %s',
               coalesce(t.calculated_value::text, 'unknown'), coalesce(formula.calculated_value::text, 'unknown')))
       ) AS fault (code, broken, what)
 WHERE fault.broken
"""
