from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Salesperson, User
from tests import factories


@pytest.fixture
def sound_ledger(db: None) -> Iterator[None]:
    """Asks after the test whether every ledger is sound."""
    yield
    assert [str(fault) for fault in faults()] == []


@pytest.fixture
def at_stage(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User) -> Callable[..., Opportunity]:
    """An opportunity at stage n of CY, worth 1 000, closing on 31 March; 0 is not started."""

    def make(number: int = 1, **values: Any) -> Opportunity:
        values = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": rep} | values
        return factories.make_opportunity(stage=number or None, **values)

    return make
