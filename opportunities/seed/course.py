"""What happens to a seeded opportunity, and on which days: drawn by the dice, in a fixed order."""

import datetime
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from math import log
from random import Random
from typing import NamedTuple

from opportunities.demo.course import working_day
from opportunities.models import Status
from opportunities.seed.life import DAY, Life
from opportunities.seed.world import DAYS, World

Act = Callable[[datetime.date], None]
Acts = list[list[Act]]  # what belongs together stays together
NOT_STARTED = 0.1  # of the open ones
NOBODYS = 0.3  # of those not started
WON = 0.45  # of the closed ones


class Plan(NamedTuple):
    """How it ends, or stands today, and between which days everything happens."""

    created_on: datetime.date
    last_on: datetime.date
    fate: str


def plans(world: World, count: int, share_open: float) -> list[Plan]:
    """In the order of creation. Many of the last months, few older ones; what is open is rather young."""
    return sorted(plan(world.random, world.today, share_open) for _ in range(count))


def plan(random: Random, today: datetime.date, share_open: float) -> Plan:
    if random.random() < share_open:
        fate = Status.NOT_STARTED if random.random() < NOT_STARTED else Status.IN_PROGRESS
        age = min(1 + int(random.expovariate(1 / (25 if fate == Status.NOT_STARTED else 80))), DAYS)
        days = age - min(1 + int(random.expovariate(1 / 14)), age)  # some days of quiet until today
    else:
        fate = Status.WON if random.random() < WON else Status.LOST
        age = 1 + int((DAYS - 1) * random.random() ** 1.3)
        days = min(int(random.lognormvariate(log(45), 0.7)), age - 1)
    created_on = today - age * DAY
    return Plan(created_on, created_on + days * DAY, fate.value)


def live(world: World, plan: Plan) -> Life:
    """One opportunity with everything that happens to it."""
    random, account = world.random, world.account()
    path = random.choice(list(world.paths.values()))
    life = Life(world, path, account, imported=random.random() < 0.04)
    own = account.salesperson if random.random() < 0.6 else world.salesperson()
    nobodys = plan.fate == Status.NOT_STARTED and random.random() < NOBODYS
    created_on = working_day(plan.created_on)
    life.create(created_on, salesperson=None if nobodys else own)
    acts = list(chain.from_iterable(acts_of(life, plan.fate)))
    for act, day in zip(acts, days_of(random, len(acts), created_on, plan.last_on), strict=True):
        act(day)
    return life


def days_of(random: Random, count: int, first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
    """A working day for each of so many acts, in order, both ends included."""
    span = max((last - first).days, 0)
    for drawn in sorted(random.randint(0, span) for _ in range(count)):
        yield max(working_day(first + drawn * DAY), first)


def acts_of(life: Life, fate: str) -> Acts:
    random = life.random
    if fate == Status.NOT_STARTED:
        return waiting(life, random)
    if fate == Status.LOST and random.random() < 0.12:
        return [[partial(life.close, fate)], *afterwards(life, random)]
    acts: Acts = [[life.start], *walk(life, random, fate)]
    spice(acts, life, random)
    if fate in (Status.WON, Status.LOST):
        acts += [[partial(life.close, fate)], *afterwards(life, random)]
    return acts


def waiting(life: Life, random: Random) -> Acts:
    every: list[tuple[float, Act]] = [
        (0.06, life.correct),
        (0.2, life.learn),
        (0.1, life.edit),
        (0.05, life.choose_cycle),
        (0.08, life.meet_another),
    ]
    return [[act] for chance, act in every if random.random() < chance]


def walk(life: Life, random: Random, fate: str) -> Acts:
    """From stage to stage as far as it came, some over a stage, some back or in another cycle."""
    last = len(life.path.stages) - 1
    if fate == Status.WON:
        target = max(last - (random.random() < 0.25), 0)
    else:
        target = min(int(random.expovariate(1 / 1.6)), last)
    if random.random() < 0.03 and len(life.world.paths) > 1:
        return [[partial(enter_or_stay, life, 1)], [partial(life.change_cycle, target)]]
    stops = list(route(life, random, target))
    if target and random.random() < 0.07:
        stops += [target - 1, target]
    if fate == Status.IN_PROGRESS and target > 1 and random.random() < 0.1:
        stops.append(random.randint(0, target - 2))
    return [[partial(life.enter, stop)] for stop in stops]


def enter_or_stay(life: Life, at: int, on: datetime.date) -> None:
    if at < len(life.path.stages):
        life.enter(at, on)
    else:
        life.revise(on)


def route(life: Life, random: Random, target: int) -> Iterator[int]:
    at = 0
    while at < target:
        over = life.path.ways.get((at, at + 2))
        at += 2 if over and over.is_open and at + 2 <= target and random.random() < 0.15 else 1
        yield at


def spice(acts: Acts, life: Life, random: Random) -> None:
    """What happens in between: each of these leaves the opportunity at the stage where it was."""
    every: list[tuple[float, list[Act]]] = [
        (0.3, [life.revise]),
        (0.3, [life.postpone]),
        (0.12, [life.edit]),
        (0.1, [life.hand_over]),
        (0.05, [life.meet_another]),
        (0.04, [life.correct]),
        (0.04, [life.err, life.undo]),
        (0.04, [partial(life.close, Status.LOST), life.reopen]),
    ]
    for chance, group in every:
        if random.random() < chance:
            acts.insert(random.randint(1, len(acts)), group)


def afterwards(life: Life, random: Random) -> Acts:
    acts: Acts = []
    if random.random() < 0.02:
        acts.append([life.correct])
    if random.random() < 0.05:
        acts.append([life.archive, life.restore] if random.random() < 0.2 else [life.archive])
    return acts
