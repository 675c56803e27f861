"""How one believable deal goes: what happens, on which days, at which figures."""

import datetime
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from crm.lib.priority import Priority
from opportunities import lifecycle
from opportunities.demo import customers
from opportunities.demo.journey import Journey, World
from opportunities.models import Status
from salescycles.models import Stage
from salespeople.models import User

OTHER = {"NEW": "EXISTING", "EXISTING": "NEW"}
PASSED_OVER = {"NEW": 3, "EXISTING": 2}  # the stage that a skip leaves out
IN_PLACE = ("revised", "postponed", "handed_over", "edited")
# days from today to the closing date
DUE = {"overdue": (-9, -1), "this_week": (0, 7), "later": (8, 45), "far": (46, 120)}
QUIET = {"overdue": (10, 25)}  # days since the last step: an overdue deal has not been touched after its date


class Plan(NamedTuple):
    """Where a deal is to arrive, and what happens to it on the way."""

    who: str
    cycle: str
    stage: int
    due: str
    twist: str


Act = int | str  # a stage entered, by its number, or the name of something else that happens


def acts_of(plan: Plan, last: int, random: Random) -> list[Act]:
    """What happens after the creation, in order. `last` is the number of the cycle's last stage."""
    path: list[Act] = list(range(1, plan.stage + 1))
    over = PASSED_OVER[plan.cycle]
    match plan.twist:
        case "skipped" if plan.stage > over:
            path.remove(over)
        case "went_back" if plan.stage < last:
            path += [plan.stage + 1, plan.stage]
        case "jumped" if plan.stage + 1 < last:
            path += [plan.stage + 1, plan.stage + 2, plan.stage]
        case "undone":
            path += [plan.stage + 1 if plan.stage < last else "revised", "undone"]
        case "reopened":
            path += ["lost", "reopened"]
        case "cycle_changed":
            path = [*range(1, min(plan.stage, 2) + 1), "cycle_changed"]
        case twist if twist in IN_PLACE:
            path.insert(random.randint(1, len(path)), twist)
    return path


def price(amount: float) -> Decimal:
    """An amount as people write it: the bigger, the rounder."""
    step = 10 if amount < 2_000 else 100 if amount < 20_000 else 500
    return Decimal(max(step, round(amount / step) * step))


class Course:
    """A deal on its way. Every date, value and chance is drawn from `random`, in a fixed order.

    All happened up to `days_ago`, and the closing date lies about as far from that day as `DUE` says."""

    def __init__(
        self, world: World, random: Random, plan: Plan, manager: User, worth: int, *, days_ago: int = 0
    ) -> None:
        self.world, self.random, self.plan, self.manager = world, random, plan, manager
        self.stages = world.cycles[plan.cycle]
        self.at = 0  # the number of the stage entered last
        self.acts = acts_of(plan, max(self.stages), random)
        self.value = price(worth * random.uniform(0.85, 1.2))
        base = world.today - datetime.timedelta(days_ago)
        self.days = self.draw_days(base)
        self.closing_on = self.final_closing_on = base + datetime.timedelta(random.randint(*DUE[plan.due]))
        if "postponed" in self.acts:
            day = self.days[self.acts.index("postponed") + 1]
            self.closing_on = min(
                day + datetime.timedelta(random.randint(0, 5)), self.final_closing_on - datetime.timedelta(1)
            )

    def draw_days(self, base: datetime.date) -> list[datetime.date]:
        """A working day for the creation and for each act, in order, up to `base`."""
        ago = self.random.randint(*QUIET.get(self.plan.due, (0, 12)))
        days = []
        for _ in range(len(self.acts) + 1):
            days.append(working_day(base - datetime.timedelta(ago)))
            ago += self.random.randint(2, 13)
        return days[::-1]

    def run(self, **facts: Any) -> Journey:
        """Create the deal and let everything happen."""
        cycle = OTHER[self.plan.cycle] if self.plan.twist == "cycle_changed" else self.plan.cycle
        who = self.plan.who
        if "handed_over" in self.acts:
            who = "EH" if who != "EH" else "JO"
        self.journey = Journey(
            self.world,
            on=self.days[0],
            by=self.user_of(who),
            salesperson=self.world.salespeople[who],
            sales_cycle=self.world.cycles[cycle][1].sales_cycle,
            **facts,
        )
        for act, day in zip(self.acts, self.days[1:], strict=True):
            if isinstance(act, int):
                self.enter(self.world.cycles[cycle][act], day)
            else:
                getattr(self, act)(day)
        return self.journey

    def user_of(self, who: str) -> User:
        """The salesperson's own user; the manager enters what the others do."""
        return self.world.users.get(who, self.manager)

    def enter(self, stage: Stage, on: datetime.date) -> None:
        reason = ""
        if stage.number < self.at:
            reason = self.random.choice(customers.WENT_BACK)
        elif self.random.random() < 0.25:
            self.value = price(float(self.value) * self.random.uniform(0.88, 1.1))
        self.journey.enter(
            stage, on=on, value=self.value, chances=self.chances(stage), closing_on=self.closing_on, reason=reason
        )
        self.at = stage.number

    def chances(self, stage: Stage) -> Decimal | None:
        """Now and then the salesperson knows better than the stage."""
        if self.random.random() > 0.3:
            return None
        felt = int(stage.chances) + self.random.choice((-15, -10, 10, 15))
        return Decimal(min(95, max(5, felt)))

    def revised(self, on: datetime.date) -> None:
        self.value = price(float(self.value) * self.random.uniform(0.75, 1.3))
        reason = self.random.choice(customers.REVISED)
        self.journey.step(lifecycle.revise, on=on, estimated_value=self.value, reason=reason)

    def postponed(self, on: datetime.date) -> None:
        self.closing_on = self.final_closing_on
        reason = self.random.choice(customers.POSTPONED)
        self.journey.step(lifecycle.revise, on=on, closing_on=self.closing_on, reason=reason)

    def handed_over(self, on: datetime.date) -> None:
        salesperson = self.world.salespeople[self.plan.who]
        reason = self.random.choice(customers.HANDED_OVER)
        self.journey.step(lifecycle.reassign, on=on, by=self.manager, salesperson=salesperson, reason=reason)
        self.journey.by = self.user_of(self.plan.who)

    def edited(self, on: datetime.date) -> None:
        raised = Priority.NORMAL if self.journey.opportunity.priority == Priority.HIGH else Priority.HIGH
        self.journey.step(lifecycle.edit, on=on, priority=raised)

    def undone(self, on: datetime.date) -> None:
        """Today, whatever `on` says: a voiding is recorded when it is made."""
        self.journey.undo("Entered by mistake")

    def lost(self, on: datetime.date) -> None:
        code = self.world.close_codes["POSTPND_L"]
        self.journey.step(lifecycle.close, on=on, outcome=Status.LOST, close_code=code)

    def reopened(self, on: datetime.date) -> None:
        self.journey.step(
            lifecycle.reopen,
            on=on,
            to=self.stages[self.plan.stage],
            closing_on=self.closing_on,
            reason="The budget came after all",
        )

    def cycle_changed(self, on: datetime.date) -> None:
        to = self.stages[self.plan.stage]
        if to.quote_required:
            self.journey.quote(self.value, on=on)
        reason = "They have bought from us before" if self.plan.cycle == "EXISTING" else "A new company of theirs"
        self.journey.step(lifecycle.change_cycle, on=on, sales_cycle=to.sales_cycle, to=to, reason=reason)


def working_day(day: datetime.date) -> datetime.date:
    """The day, or the Friday before a weekend."""
    return day - datetime.timedelta(max(0, day.weekday() - 4))
