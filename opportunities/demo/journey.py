"""A deal taken through the verbs on days gone by."""

import datetime
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils import timezone

from contacts import lifecycle as contacts
from contacts import phones
from contacts.models import Contact
from crm.lib.numbers import next_number
from opportunities import lifecycle
from opportunities.demo.sorting import Sorting
from opportunities.models import Batch, Door, Opportunity, OpportunityEntry
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salespeople.models import Company, Salesperson, User


class World:
    """What deals refer to, by code, and the clock that they are recorded by."""

    def __init__(self) -> None:
        company = Company.current()
        self.today = company.today()
        self.zone = zoneinfo.ZoneInfo(company.time_zone)
        self.now = timezone.now() - datetime.timedelta(minutes=1)  # the database's clock may be a little behind
        self.batch = Batch.objects.create(door=Door.COMMAND)
        self.salespeople = {one.code: one for one in Salesperson.objects.all()}
        self.users = {
            one.salesperson.code: one for one in User.objects.select_related("salesperson") if one.salesperson
        }
        self.close_codes = {one.code: one for one in CloseCode.objects.all()}
        self.sorting = Sorting()
        self.sources = list(Source.objects.all())
        cycles = SalesCycle.objects.prefetch_related("stages")  # read once: each move asks for all stages
        self.cycles: dict[str, dict[int, Stage]] = {
            cycle.code: {stage.number: stage for stage in cycle.stages.all()} for cycle in cycles
        }

    def recorded_at(self, day: datetime.date, nth: int) -> datetime.datetime:
        """Midday of `day`, some minutes later for each further step of that day; never later than now."""
        midday = datetime.datetime.combine(day, datetime.time(12), tzinfo=self.zone)
        return min(midday + datetime.timedelta(minutes=10 * nth), self.now)

    def how(self, day: datetime.date, nth: int) -> lifecycle.How:
        return {
            "door": Door.COMMAND,
            "batch": self.batch,
            "recorded_at": self.recorded_at(day, nth),
            "imported_at": self.now,
        }


class Journey:
    """One opportunity from its creation on; each step is recorded at midday of its own day."""

    def __init__(self, world: World, *, on: datetime.date, by: User | None, **values: Any) -> None:
        self.world, self.by, self.day, self.nth = world, by, on, 0
        self.opportunity: Opportunity = lifecycle.create(on=on, by=by, **values, **world.how(on, 0)).opportunity

    def step(self, verb: Callable[..., OpportunityEntry], *, on: datetime.date, **values: Any) -> None:
        """Take one step by a verb of `lifecycle`, which may refuse it."""
        self.nth = self.nth + 1 if on == self.day else 0
        self.day = on
        seen = self.opportunity
        verb(seen, version=seen.version, on=on, **({"by": self.by} | values), **self.world.how(on, self.nth))

    def undo(self, reason: str) -> None:
        """Take the last step back, today: a voiding is recorded when it is made."""
        seen = self.opportunity
        lifecycle.undo(seen, version=seen.version, by=self.by, reason=reason, door=Door.COMMAND, batch=self.world.batch)

    def enter(self, stage: Stage, *, on: datetime.date, value: Decimal, **estimates: Any) -> None:
        """Start at, or move to, a stage; a stage that needs a quote gets one over `value`."""
        if stage.quote_required:
            self.quote(value, on=on)
        estimates |= {"estimated_value": value}
        if self.opportunity.is_not_started:
            self.step(lifecycle.start, on=on, **estimates)
        else:
            self.step(lifecycle.move, to=stage, on=on, **estimates)

    def quote(self, amount: Decimal, *, on: datetime.date) -> None:
        """Have a current quote over `amount`; an earlier one over another amount stays, but is current no more."""
        current = Quote.objects.current().filter(opportunity=self.opportunity)
        if current.filter(net_amount=amount).exists():
            return
        current.update(is_current=False)
        Quote.objects.create(
            number=next_number(Quote, "QU"), opportunity=self.opportunity, quoted_on=on, net_amount=amount
        )


def make_contact(**values: Any) -> Contact:
    """By the verb; telephone numbers as people write them."""
    found = phones.read(values["phone"])
    assert found, values["phone"]
    return contacts.create(by=None, **values | {"phone": found.number}).contact
