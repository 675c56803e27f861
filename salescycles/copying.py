"""A cycle of its own, made after another one or after a pattern for a trade."""

from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from salescycles.models import SalesCycle, Stage

LONGEST = SalesCycle._meta.get_field("code").max_length or 20


@transaction.atomic
def copy_cycle(cycle: SalesCycle) -> SalesCycle:
    """With all its stages, under a code that is free. It is blocked, so that nobody uses it before somebody looked at it."""
    stages = list(cycle.stages.order_by("number"))
    made = SalesCycle.objects.get(pk=cycle.pk)
    made.pk, made.code, made.is_default, made.blocked = None, free_code(cycle.code), False, True
    made.description = (_("Copy of %(cycle)s") % {"cycle": cycle})[:100]
    made.save(force_insert=True)
    for stage in stages:
        stage.pk, stage.sales_cycle = None, made
    Stage.objects.bulk_create(stages)
    return made


def free_code(code: str) -> str:
    """CODE-2, or the next number that nobody has."""
    taken = set(SalesCycle.objects.values_list("code", flat=True))
    tries = (f"{code[: LONGEST - len(ending)]}{ending}" for ending in (f"-{number}" for number in count(2)))
    return next(one for one in tries if one not in taken)
