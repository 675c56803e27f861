"""Every scenario ends with a sound ledger; none touches anything but the product's own doors."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Salesperson, User
from tests import factories


@pytest.fixture(autouse=True)
def sound_ledger(db: None) -> Iterator[None]:
    yield
    assert [str(fault) for fault in faults()] == []


@pytest.fixture
def day() -> Callable[[int], datetime.date]:
    """A day of March 2026; the work date is the 2nd."""
    return lambda of_march: datetime.date(2026, 3, of_march)


@pytest.fixture
def at_stage(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User) -> Callable[..., Opportunity]:
    """“O at stage n” of the scenarios; 0 is not started."""

    def make(number: int = 1, **values: Any) -> Opportunity:
        values = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": rep} | values
        return factories.make_opportunity(stage=number or None, **values)

    return make
