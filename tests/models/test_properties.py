"""Whatever three people do at random, the ledger stays sound, and what `moves` offers is what `move` accepts.

500 sequences of 20 verbs, seeded: the same ones in every run. A refused verb leaves no trace.
"""

import datetime
import random
from collections import Counter
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.lifecycle import Stale
from opportunities.models import Action, Opportunity
from salescycles.models import SalesCycle, Stage
from salespeople.models import Company
from tests.factories import QuoteFactory, SourceFactory, make_cycle

BATCHES, SEQUENCES, LENGTH = 10, 50, 20


def maybe(rng: random.Random, chance: float, **values: Any) -> dict[str, Any]:
    """Those of the values that the dice let through."""
    return {name: value for name, value in values.items() if rng.random() < chance}


class Town:
    """Three users, their contacts, two cycles with rules drawn at random, and codes of both kinds."""

    def __init__(self, rng: random.Random, users, salespeople, contacts, codes) -> None:
        self.rng, self.users, self.salespeople, self.contacts, self.codes = rng, users, salespeople, contacts, codes
        self.sources = [SourceFactory(), None]
        steps = ("A", 10, 20), ("B", 40, 60), ("C", 80, 80), ("D", 95, 100)
        self.cycles = [
            make_cycle("ONE", stages=steps),
            make_cycle("TWO", stages=steps[:3], stage_decides=False, probability_method="average"),
        ]
        self.today = Company.current().today()

    def redraw(self) -> None:
        """Other rules for the stages: may be skipped, needs a quote, proposes a closing date."""
        for stage in Stage.objects.all():
            stage.allow_skip, stage.quote_required = self.rng.random() < 0.6, self.rng.random() < 0.25
            stage.date_formula = self.rng.choice(["", "", "1W", "CM+10D"])
            stage.save()
        self.stages = list(Stage.objects.select_related("sales_cycle"))

    def create(self) -> Opportunity:
        rng = self.rng
        on = self.today - datetime.timedelta(days=rng.randint(70, 100))
        entry = lifecycle.create(
            description="Walk",
            contact=rng.choice(self.contacts),
            salesperson=rng.choice([*self.salespeople, *self.salespeople, None]),
            sales_cycle=rng.choice([*self.cycles, *self.cycles, None]),
            on=on,
            by=rng.choice(self.users),
            **maybe(rng, 0.7, estimated_value=Decimal(1000), closing_on=on + datetime.timedelta(days=60)),
            **maybe(rng, 0.3, chances=Decimal(rng.randint(0, 100))),
        )
        if rng.random() < 0.5:
            QuoteFactory(opportunity=entry.opportunity)
        return entry.opportunity


def read(pk: int) -> Opportunity:
    return Opportunity.objects.with_last_date().select_related("sales_cycle", "stage__sales_cycle").get(pk=pk)


class Walk:
    """One opportunity's life: each step one verb with values drawn at random, sensible more often than not."""

    def __init__(self, town: Town) -> None:
        self.town, self.rng, self.pk = town, town.rng, town.create().pk
        self.opportunity = read(self.pk)

    def step(self) -> tuple[str, bool]:
        """One random verb; its name and whether it was accepted."""
        opportunity, rng = self.opportunity, self.rng
        verb = rng.choice(self.likely(opportunity)) if rng.random() < 0.8 else rng.choice(self.verbs)
        days = rng.choice([0, 0, 0, 1, 1, 3, -1])
        self.on = opportunity.last_happened_on + datetime.timedelta(days=days)
        how = {"version": opportunity.version - (rng.random() < 0.08), "by": rng.choice(self.town.users)}
        if verb is not Walk.undo:
            how["on"] = self.on
        try:
            verb(self, opportunity, how)
        except (ValidationError, Stale):
            return verb.__name__, False
        self.opportunity = read(self.pk)
        return verb.__name__, True

    def likely(self, opportunity: Opportunity) -> list[Callable[..., object]]:
        if opportunity.archived:
            return [Walk.restore]
        if opportunity.is_closed:
            return [Walk.reopen, Walk.reopen, Walk.archive, Walk.undo, Walk.correct, Walk.edit]
        if opportunity.is_not_started:
            return [
                Walk.start,
                Walk.start,
                Walk.start,
                Walk.revise,
                Walk.edit,
                Walk.reassign,
                Walk.change_cycle,
                Walk.archive,
            ]
        return [
            *[Walk.move] * 8,
            Walk.revise,
            Walk.revise,
            Walk.close,
            Walk.undo,
            Walk.correct,
            Walk.edit,
            Walk.change_cycle,
        ]

    def estimates(self) -> dict[str, Any]:
        rng = self.rng
        return (
            maybe(rng, 0.5, closing_on=self.on + datetime.timedelta(days=rng.choice([0, 10, 40, -1])))
            | maybe(rng, 0.3, estimated_value=rng.choice([Decimal("1234.56"), Decimal(9), Decimal(0), None]))
            | maybe(rng, 0.3, chances=rng.choice([None, Decimal(0), Decimal("33.333"), Decimal(100), Decimal(101)]))
        )

    def stage(self, opportunity: Opportunity) -> Stage | None:
        own = [stage for stage in self.town.stages if stage.sales_cycle_id == opportunity.sales_cycle_id]
        return self.rng.choice([*own, *own, *own, self.rng.choice(self.town.stages)])

    def start(self, opportunity, how):
        lifecycle.start(opportunity, **how, **self.estimates())

    def move(self, opportunity, how):
        lifecycle.move(opportunity, to=self.stage(opportunity), **how, **self.estimates())

    def revise(self, opportunity, how):
        lifecycle.revise(opportunity, **how, **self.estimates())

    def edit(self, opportunity, how):
        facts = {
            "description": self.rng.choice(["Walk", "Run", " "]),
            "priority": self.rng.choice(["low", "high"]),
            "source": self.rng.choice(self.town.sources),
        }
        lifecycle.edit(opportunity, **how, **maybe(self.rng, 0.5, **facts))

    def reassign(self, opportunity, how):
        people = {"salesperson": self.rng.choice(self.town.salespeople), "contact": self.rng.choice(self.town.contacts)}
        lifecycle.reassign(opportunity, **how, **maybe(self.rng, 0.6, **people))

    def change_cycle(self, opportunity, how):
        cycle: SalesCycle = self.rng.choice(self.town.cycles)
        to = self.rng.choice([stage for stage in self.town.stages if stage.sales_cycle_id == cycle.pk])
        lifecycle.change_cycle(opportunity, sales_cycle=cycle, to=to, reason="why", **how, **self.estimates())

    def close(self, opportunity, how):
        outcome = self.rng.choice(["won", "lost"])
        code = self.town.codes[outcome if self.rng.random() < 0.9 else "won"]
        value = Decimal("900.10") if outcome == "won" and self.rng.random() < 0.8 else None
        lifecycle.close(opportunity, outcome=outcome, close_code=code, sales_value=value, **how)

    def reopen(self, opportunity, how):
        to = None if opportunity.stage_before_id is None else self.stage(opportunity)
        days = datetime.timedelta(days=30)
        lifecycle.reopen(opportunity, to=to, reason="back", closing_on=self.on + days, **how)

    def undo(self, opportunity, how):
        lifecycle.undo(opportunity, **how)

    def correct(self, opportunity, how):
        lifecycle.correct(opportunity, **how)

    def archive(self, opportunity, how):
        lifecycle.archive(opportunity, **how)

    def restore(self, opportunity, how):
        lifecycle.restore(opportunity, **how)

    verbs = (start, move, revise, edit, reassign, change_cycle, close, reopen, undo, correct, archive, restore)


def accepted(verb: Callable[[], Any]) -> Any:
    """The action of the entry that the verb would write, or None where it refuses; nothing stays."""
    with transaction.atomic():
        try:
            return verb().action
        except ValidationError:
            return None
        finally:
            transaction.set_rollback(True)


def check_offers(pk: int, stages: list[Stage]) -> None:
    """Every stage of every cycle is tried: `move` accepts exactly the open moves, as the kind that was offered."""
    opportunity = read(pk)
    ways = [way for way in lifecycle.moves(opportunity) if way.is_open]
    how = {"version": opportunity.version, "on": opportunity.last_happened_on, "by": None}
    how |= {"estimated_value": Decimal(5), "closing_on": opportunity.last_happened_on}
    tried = {stage.pk: accepted(lambda to=stage: lifecycle.move(copy(opportunity), to=to, **how)) for stage in stages}
    taken = {stage: action for stage, action in tried.items() if action}
    assert taken == {way.stage.pk: way.action for way in ways if way.action != Action.STARTED}
    if opportunity.salesperson_id and not opportunity.archived:
        started = accepted(lambda: lifecycle.start(copy(opportunity), **how))
        assert started == next((way.action for way in ways if way.action == Action.STARTED), None)


def check_steps(pk: int) -> None:
    opportunity = read(pk)
    assert list(opportunity.entries.order_by("step").values_list("step", flat=True)) == [
        *range(1, opportunity.version + 1)
    ]


@pytest.fixture
def town(request, rep, rep2, manager, jo, of, acme, ann, bo, pia, price_w, price_l):
    codes = {"won": price_w, "lost": price_l}
    return Town(random.Random(request.param), [rep, rep2, manager], [jo, of], [acme, ann, bo, pia], codes)


@pytest.mark.parametrize("town", range(BATCHES), indirect=True)
def test_random_lives(town, capsys):
    tried: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for number in range(SEQUENCES):
        if number % 10 == 0:
            town.redraw()
        walk = Walk(town)
        for _ in range(LENGTH):
            verb, was_accepted = walk.step()
            tried[verb] += 1
            taken[verb] += was_accepted
        check_steps(walk.pk)
        check_offers(walk.pk, town.stages)
    assert [str(fault) for fault in faults()] == []
    share = taken.total() / tried.total()
    with capsys.disabled():
        print(f"\n{tried.total()} random verbs in {SEQUENCES} sequences: {share:.0%} accepted")
    assert share >= 1 / 3
    assert set(taken) == {verb.__name__ for verb in Walk.verbs}
    assert min(taken.values()) > 0, taken
