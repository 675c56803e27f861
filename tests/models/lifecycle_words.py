"""Words that the tests of the verbs share."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from opportunities.models import Opportunity, OpportunityEntry

NOT_COMPARED = {"id", "opportunity_id", "step", "recorded_at", "replaced_at", "until"}


def day(of_march: int) -> datetime.date:
    """A day of March 2026; the work date is the 2nd."""
    return datetime.date(2026, 3, of_march)


@contextmanager
def refuses(**codes: str) -> Iterator[None]:
    """The verb refuses, with exactly this code at each field; two codes at one field are joined by a blank."""
    with pytest.raises(ValidationError) as refused:
        yield
    found = {field: " ".join(str(error.code) for error in errors) for field, errors in refused.value.error_dict.items()}
    assert found == codes


def columns(entry: OpportunityEntry) -> dict[str, Any]:
    """Every column of an entry but its keys and instants, with the calculated value."""
    fields = [field.attname for field in OpportunityEntry._meta.local_fields]
    stored = OpportunityEntry.objects.filter(pk=entry.pk).values(*fields).get()
    return {name: value for name, value in stored.items() if name not in NOT_COMPARED}


def change(opportunity: Opportunity) -> dict[str, Any]:
    """What the last step changed, of all columns of the entry: the others are equal to those of the step before."""
    *_, before, after = opportunity.entries.order_by("step")
    assert after.step == before.step + 1
    old, new = columns(before), columns(after)
    return {name: value for name, value in new.items() if value != old[name]}


def live_steps(opportunity: Opportunity) -> list[int]:
    return list(opportunity.entries.live().order_by("step").values_list("step", flat=True))
