"""What contradicts itself in a sales cycle, in words, before it is used. A check is a function of the cycle and its stages that
says a sentence for each contradiction."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from crm.lib import date_formula
from salescycles.models import SalesCycle, Stage
from salespeople.models import Company, User

Check = Callable[[SalesCycle, Sequence[Stage]], Iterator[str]]
YEAR = datetime.timedelta(days=365)
PROBES = [datetime.date(2027, month, day) for month in range(1, 13) for day in (1, 15, 28)]


def contradictions(cycle: SalesCycle, stages: Sequence[Stage]) -> list[str]:
    """`stages` by number."""
    return [said for check in CHECKS for said in check(cycle, stages)]


def hints(cycle: SalesCycle, stages: Sequence[Stage]) -> list[str]:
    """What may well be meant so, but is worth a look."""
    return [said for check in HINTS for said in check(cycle, stages)]


def has_stages(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    if not stages:
        yield _("The cycle has no stages, so nothing can start in it.")


def completed_does_not_fall(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    for before, stage in pairwise(stages):
        if stage.completed < before.completed:
            said = _("Completed %% falls from “%(before)s” to “%(stage)s”, though the deal goes on.")
            yield said % {"before": before, "stage": stage}


def chances_do_not_fall(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    for before, stage in pairwise(stages):
        if stage.chances < before.chances:
            said = _("The chances of success fall from “%(before)s” to “%(stage)s”, though the deal goes on.")
            yield said % {"before": before, "stage": stage}


def last_stage_counts(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    last = stages[-1] if stages else None
    if last and not cycle.probability(chances=Decimal(last.chances), completed=Decimal(last.completed)):
        said = _(
            "At the last stage, “%(stage)s”, the probability is 0 %%: just before it is won, a deal counts nothing."
        )
        yield said % {"stage": last}


def last_stage_can_be_reached(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    """Whoever cannot enter a stage does not come past it either: a stage that is skipped asks for its gate too."""
    for stage in stages:
        if stage.roles and not _somebody_has(stage.roles):
            said = _(
                "Nobody can enter “%(stage)s”: nobody has one of its roles. So the last stage, “%(last)s”, is never reached."
            )
            yield said % {"stage": stage, "last": stages[-1]}


def _somebody_has(roles: Sequence[int]) -> bool:
    """An administrator's rights are not asked for roles, but a cycle that only administrators walk is not meant."""
    return User.objects.filter(is_active=True, groups__in=roles).exists()


def formulas_lead_ahead(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    for stage in stages:
        if stage.date_formula and all(date_formula.apply(stage.date_formula, day) < day for day in PROBES):
            said = _(
                "The date formula %(formula)s of “%(stage)s” proposes a closing date before the stage is entered, which is refused."
            )
            yield said % {"formula": stage.date_formula, "stage": stage}


def first_stage_asks_for_no_quote(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    if stages and stages[0].quote_required:
        said = _(
            "“%(stage)s” requires a quote, but a start does not ask for one: only who comes back from another cycle, or reopens here."
        )
        yield said % {"stage": stages[0]}


def days_are_expected(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    without = [stage for stage in stages if stage.expected_days is None]
    if without:
        said = _("Without expected days, deals stall unnoticed until the stage has a history of its own: %(stages)s.")
        yield said % {"stages": ", ".join(str(stage) for stage in without)}


def somebody_comes(cycle: SalesCycle, stages: Sequence[Stage]) -> Iterator[str]:
    """Of a cycle that is in use for longer than a year. Who came and left, its limit knows, which is learned each day."""
    opportunity: Any = SalesCycle._meta.get_field("opportunity").related_model
    if cycle.pk is None:
        return
    since, here = Company.current().today() - YEAR, opportunity.objects.filter(sales_cycle=cycle.pk)
    if not here.filter(created_on__lt=since).exists():
        return
    came = here.filter(stage_entered_on__gte=since).values("stage")
    lonely = set(
        Stage.objects.filter(sales_cycle=cycle.pk, limit__visits=0).exclude(pk__in=came).values_list("pk", flat=True)
    )
    if lonely:
        said = _("Nobody came to these stages in the last twelve months: %(stages)s.")
        yield said % {"stages": ", ".join(str(stage) for stage in stages if stage.pk in lonely)}


CHECKS: list[Check] = [
    has_stages,
    completed_does_not_fall,
    chances_do_not_fall,
    last_stage_counts,
    last_stage_can_be_reached,
    formulas_lead_ahead,
]
HINTS: list[Check] = [first_stage_asks_for_no_quote, days_are_expected, somebody_comes]
