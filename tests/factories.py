"""One factory per model; opportunities are made by the product's own verbs."""

import datetime
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth.models import Group

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salespeople.models import Salesperson, Team, User
from salespeople.roles import STAFF_ROLES

WORK_DATE = datetime.date(2026, 3, 2)  # the Monday of the scenarios


class SalespersonFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Salesperson

    code = factory.Sequence(lambda n: f"S{n}")
    name = factory.LazyAttribute(lambda made: f"Salesperson {made.code}")


class TeamFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Team
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"TEAM{n}")
    name = factory.LazyAttribute(lambda made: f"Team {made.code}")

    @factory.post_generation
    def members(self: Team, create: bool, people: Any, **how: Any) -> None:
        self.members.add(*people or ())


class ContactFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Contact

    number = factory.Sequence(lambda n: f"T{n}")
    name = factory.LazyAttribute(lambda made: f"Contact {made.number}")
    kind = Contact.Kind.COMPANY


class SalesCycleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SalesCycle

    code = factory.Sequence(lambda n: f"C{n}")
    description = factory.LazyAttribute(lambda made: f"Cycle {made.code}")


class StageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Stage

    sales_cycle = factory.SubFactory(SalesCycleFactory)
    number = factory.Sequence(lambda n: n + 1)
    description = factory.LazyAttribute(lambda made: f"Stage {made.number}")
    completed = 40
    chances = 60


class CloseCodeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CloseCode

    code = factory.Sequence(lambda n: f"CODE{n}")
    outcome = "won"


class SourceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Source

    code = factory.Sequence(lambda n: f"SOURCE{n}")


class QuoteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Quote

    number = factory.Sequence(lambda n: f"Q{n}")
    quoted_on = WORK_DATE
    net_amount = Decimal(250)


def make_user(email: str, *, role: str | None = None, salesperson: Salesperson | None = None, **values: Any) -> User:
    """A user in a role (a group of `salespeople.roles`); read again, so that permissions come as in a request."""
    user = User.objects.create_user(
        email, "demo", name=email.split("@")[0].title(), salesperson=salesperson, is_staff=role in STAFF_ROLES, **values
    )
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def make_cycle(code: str = "CY", stages: tuple[tuple[str, int, int], ...] = (), **values: Any) -> SalesCycle:
    """The scenarios' cycle, or one with the given stages of (description, completed, chances), numbered from 1."""
    stages = stages or (("Initial", 10, 20), ("Present", 40, 60), ("Offer", 80, 80), ("Sign", 95, 100))
    cycle = SalesCycleFactory(code=code, **values)
    for number, (description, completed, chances) in enumerate(stages, start=1):
        StageFactory(sales_cycle=cycle, number=number, description=description, completed=completed, chances=chances)
    return cycle


def fresh(opportunity: Opportunity) -> Opportunity:
    """The opportunity as it stands now, without anything cached."""
    return Opportunity.objects.get(pk=opportunity.pk)


def make_opportunity(
    *,
    contact: Contact,
    salesperson: Salesperson | None = None,
    cycle: SalesCycle | None = None,
    stage: int | None = None,
    by: User | None = None,
    on: datetime.date = WORK_DATE,
    value: Decimal | int = 1000,
    **values: Any,
) -> Opportunity:
    """Not started, or at stage number `stage` of its cycle, walked there by next moves on `on`."""
    values = {"description": "Chairs", "estimated_value": Decimal(value)} | values
    entry = lifecycle.create(
        contact=contact, salesperson=salesperson, sales_cycle=cycle, on=on, by=by, start=stage is not None, **values
    )
    opportunity = fresh(entry.opportunity)
    for to in cycle.stages.filter(number__gt=1, number__lte=stage or 0) if cycle else ():
        lifecycle.move(opportunity, version=opportunity.version, to=to, on=on, by=by)
        opportunity = fresh(opportunity)
    return opportunity
