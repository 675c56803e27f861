"""One seeded opportunity from its creation on. Each method takes one step as the verb of `lifecycle` would; nothing is
asked of the database. Which steps, and when, `course` decides."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crm.lib.priority import Priority
from opportunities.demo import customers
from opportunities.demo.course import price
from opportunities.models import CLOSED, TRACKED, Action, Door, Status
from opportunities.seed import words
from opportunities.seed.world import Account, Path, World

State = dict[str, Any]
NOTHING: State = dict.fromkeys(TRACKED) | {"chances_are_manual": False, "archived": False}
KEPT = ("status", "estimated_value", "chances", "chances_are_manual", "completed", "probability", "closing_on")
MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(1)
HUNDRED, ZERO = Decimal(100), Decimal(0)


@dataclass(slots=True)
class Entry:
    """A row of the ledger. `round` counts the undos before it, `voids` names the steps that fall with it."""

    step: int
    action: str
    state: State
    happened_on: datetime.date
    recorded_at: datetime.datetime
    by_id: int | None
    door: str
    round: int
    reason: str = ""
    undoes: int | None = None
    until: datetime.date | None = None
    replaced_at: datetime.datetime | None = None
    voids: list[int] = field(default_factory=list)


class Life:
    def __init__(self, world: World, path: Path, account: Account, *, imported: bool) -> None:
        self.world, self.random, self.path, self.account = world, world.random, path, account
        self.door = Door.IMPORT if imported else Door.COMMAND
        self.entries: list[Entry] = []
        self.live: list[Entry] = []
        self.quotes: list[list[Any]] = []  # date, net amount, current?
        self.round = 0

    @property
    def state(self) -> State:
        return self.entries[-1].state

    @property
    def at(self) -> int:
        """The stage at which it stands, counted from 0."""
        return self.path.at[self.state["stage_id"]]

    # ── how a step is written ────────────────────────────────────────────────────────────────────────────────────────

    def _instant(self, on: datetime.date) -> datetime.datetime:
        """When a step of that day was entered: in working hours, now and then a day or two later; after the one before."""
        late = self.random.randint(1, 2) if self.random.random() < 0.1 else 0
        day = min(on + late * DAY, self.world.today - DAY)
        drawn = self.world.morning(day) + self.random.randint(0, 500) * MINUTE
        return max(drawn, self.entries[-1].recorded_at + self.random.randint(1, 3) * MINUTE) if self.entries else drawn

    def _add(self, state: State, action: str, on: datetime.date, at: datetime.datetime, **more: Any) -> Entry:
        by = self.world.users.get(state["salesperson_id"])
        entry = Entry(len(self.entries) + 1, action, state, on, at, by, self.door, self.round, **more)
        self.entries.append(entry)
        self.live.append(entry)
        return entry

    def _step(self, changes: State, action: str, on: datetime.date, **more: Any) -> None:
        at = self._instant(on)
        self.live[-1].until, self.live[-1].replaced_at = on, at
        self._add(self.state | changes, action, on, at, **more)

    def _restate(self, on: datetime.date, reason: str) -> Entry:
        """Void the last live step and the one before; that one's state stands again. Returns the step taken back."""
        at = self._instant(on)
        before, wrong = self.live[-2:]
        del self.live[-2:]
        self.round += 1
        more = {"reason": reason, "undoes": wrong.step, "voids": [before.step, wrong.step]}
        self._add(before.state, Action.UNDONE, before.happened_on, at, **more)
        return wrong

    # ── before the start ─────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, on: datetime.date, *, salesperson: int | None, known: float = 0.6) -> None:
        """Not started; value and closing date are known with the probability `known`."""
        description, worth = self.random.choice(self.world.wants)
        where = self.random.choice(words.WHERE)
        self.worth = price(worth / 3 * self.random.lognormvariate(0, 0.8))
        state = NOTHING | {
            "description": f"{description}, {where}" if where else description,
            "priority": self.random.choices(Priority.values, cum_weights=(15, 75, 100))[0],
            "source_id": self.random.choice(self.world.sources),
            "competitor_id": None,
            "contact_id": self.random.choice(self.account.contacts),
            "company_id": self.account.key,
            "salesperson_id": salesperson,
            "sales_cycle_id": self.path.cycle.pk,
            "status": Status.NOT_STARTED,
        }
        if self.random.random() < known:
            state |= {"estimated_value": self.worth, "closing_on": self._some_day_after(on)}
        if self.random.random() < 0.04:
            state |= {"chances": Decimal(self.random.randint(2, 18) * 5), "chances_are_manual": True}
        self.created_on = on
        self._add(state, Action.CREATED, on, self._instant(on))

    def learn(self, on: datetime.date) -> None:
        """A revision before the start."""
        changes = {"estimated_value": self.worth, "closing_on": self._some_day_after(on)}
        self._step(changes, Action.REVISED, on)

    def choose_cycle(self, on: datetime.date) -> None:
        """Another cycle before the start."""
        others = [path for path in self.world.paths.values() if path is not self.path]
        if others:
            self.path = self.random.choice(others)
            self._step({"sales_cycle_id": self.path.cycle.pk}, Action.CYCLE_CHANGED, on)

    # ── under way ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _some_day_after(self, on: datetime.date) -> datetime.date:
        return on + datetime.timedelta(min(10 + int(self.random.lognormvariate(3.4, 0.8)), 400))

    def _closing_on(self, on: datetime.date) -> datetime.date:
        """The date known, put off where it has passed. An import may bring one of the past."""
        known = self.state["closing_on"]
        if known is None or (known < on and self.door != Door.IMPORT):
            return self._some_day_after(on)
        return known

    def _typed_chances(self, at: int) -> Decimal | None:
        """Now and then the salesperson knows better than the stage."""
        if self.random.random() > 0.25:
            return None
        felt = int(self.path.stages[at].chances) + self.random.choice((-15, -10, -5, 5, 10))
        return Decimal(min(95, max(0, felt)))

    def _enter(
        self, at: int, on: datetime.date, before: State, chances: Decimal | None, *, keeps_manual: bool
    ) -> State:
        own = before["chances"] if before["chances_are_manual"] and keeps_manual else None
        stage = self.path.stages[at].pk
        changes: State = dict(self.path.figures(at, own if chances is None else chances))
        if before["stage_id"] != stage:
            changes |= {"stage_id": stage, "stage_before_id": before["stage_id"], "stage_entered_on": on}
        return changes

    def start(self, on: datetime.date) -> None:
        changes = self._enter(0, on, self.state, self._typed_chances(0), keeps_manual=True)
        unknown = self.door == Door.IMPORT and self.random.random() < 0.4
        changes["estimated_value"] = None if unknown else self.state["estimated_value"] or self.worth
        changes |= {"closing_on": self._closing_on(on), "status": Status.IN_PROGRESS}
        self._step(changes, Action.STARTED, on)

    def enter(self, at: int, on: datetime.date) -> None:
        """Move to another stage, however far; with a quote where one is needed."""
        way = self.path.ways[self.at, at]
        if way.needs_quote:
            self._have_quote(on)
        keeps = not self.path.cycle.stage_decides
        changes = self._enter(at, on, self.state, self._typed_chances(at), keeps_manual=keeps)
        changes |= {"estimated_value": self._value(0.25, 0.88, 1.1), "closing_on": self._closing_on(on)}
        back = way.action in (Action.PREVIOUS, Action.JUMP)
        self._step(changes, way.action, on, reason=self.random.choice(customers.WENT_BACK) if back else "")

    def _value(self, chance: float, low: float, high: float) -> Decimal | None:
        """The value known or, with that chance, another one."""
        value: Decimal | None = self.state["estimated_value"]
        if value is None or self.random.random() > chance:
            return value
        return price(float(value) * self.random.uniform(low, high))

    def _has_quote(self) -> bool:
        return any(current for _, _, current in self.quotes)

    def _have_quote(self, on: datetime.date) -> None:
        if not self._has_quote():
            self._add_quote(on, self.state["estimated_value"] or self.worth)

    def _add_quote(self, on: datetime.date, amount: Decimal) -> None:
        for quote in self.quotes:
            quote[2] = False
        self.quotes.append([on, amount, True])

    def revise(self, on: datetime.date) -> None:
        changes = self._enter(self.at, on, self.state, None, keeps_manual=True)
        value = self._value(0.9, 0.75, 1.3)
        if value and self._has_quote() and self.random.random() < 0.5:
            self._add_quote(on, value)
        changes |= {"estimated_value": value, "closing_on": self._closing_on(on)}
        self._step(changes, Action.REVISED, on, reason=self.random.choice(customers.REVISED))

    def postpone(self, on: datetime.date) -> None:
        changes = self._enter(self.at, on, self.state, None, keeps_manual=True)
        changes["closing_on"] = self._some_day_after(max(on, self.state["closing_on"]))
        self._step(changes, Action.REVISED, on, reason=self.random.choice(customers.POSTPONED))

    def change_cycle(self, at: int, on: datetime.date) -> None:
        """Another cycle, to its stage `at`."""
        others = [path for path in self.world.paths.values() if path is not self.path]
        if not others:
            return
        before, self.path = self.state, self.random.choice(others)
        at = min(at, len(self.path.stages) - 1)
        if self.path.stages[at].quote_required:
            self._have_quote(on)
        changes = self._enter(at, on, before, None, keeps_manual=not self.path.cycle.stage_decides)
        changes |= {"sales_cycle_id": self.path.cycle.pk, "closing_on": self._closing_on(on)}
        self._step(changes, Action.CYCLE_CHANGED, on, reason=self.random.choice(words.CYCLE_CHANGED))

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def edit(self, on: datetime.date) -> None:
        if self.random.random() < 0.5:
            others = [priority for priority in Priority.values if priority != self.state["priority"]]
            self._step({"priority": self.random.choice(others)}, Action.EDITED, on)
        else:
            description = f"{self.state['description'].split(',')[0]}, {self.random.randint(2, 9)} rooms"
            self._step({"description": description}, Action.EDITED, on)

    def hand_over(self, on: datetime.date) -> None:
        """To another salesperson, or to the first one."""
        other = self.world.salesperson()
        if other != self.state["salesperson_id"]:
            reason = self.random.choice(customers.HANDED_OVER)
            self._step({"salesperson_id": other}, Action.REASSIGNED, on, reason=reason)

    def meet_another(self, on: datetime.date) -> None:
        """Another contact of the same company."""
        others = [contact for contact in self.account.contacts if contact != self.state["contact_id"]]
        if others:
            self._step({"contact_id": self.random.choice(others)}, Action.REASSIGNED, on)

    # ── the end, and back ────────────────────────────────────────────────────────────────────────────────────────────

    def close(self, outcome: str, on: datetime.date) -> None:
        won = outcome == Status.WON
        offered = next((amount for _, amount, current in self.quotes if current), None)
        paid = offered or self.state["estimated_value"] or self.worth
        if won and self.random.random() < 0.2:
            paid = price(float(paid) * 0.95)
        changes = {
            "status": outcome,
            "stage_id": None,
            "stage_before_id": self.state["stage_id"],
            "stage_entered_on": None,
            "completed": HUNDRED,
            "chances": HUNDRED if won else ZERO,
            "probability": HUNDRED if won else ZERO,
            "chances_are_manual": False,
            "closing_on": on,
            "closed_on": on,
            "close_code_id": self.random.choice(self.world.codes[outcome]),
            "sales_value": paid if won else None,
        }
        self._step(changes, Action(outcome), on)

    def reopen(self, on: datetime.date) -> None:
        """To the stage that it was closed from."""
        before = next(entry.state for entry in reversed(self.live) if entry.state["closed_on"] is None)
        at = self.path.at[before["stage_id"]]
        if self.path.stages[at].quote_required:
            self._have_quote(on)
        state = {name: before[name] for name in KEPT} | self._enter(at, on, before, None, keeps_manual=True)
        stage = self.path.stages[at].pk
        state |= {"stage_id": stage, "stage_entered_on": on, "stage_before_id": before["stage_id"]}
        state |= {"closed_on": None, "close_code_id": None, "sales_value": None}
        if state["closing_on"] < on and self.door != Door.IMPORT:
            state["closing_on"] = self._some_day_after(on)
        self._step(state, Action.REOPENED, on, reason=self.random.choice(words.REOPENED))

    def archive(self, on: datetime.date) -> None:
        self._step({"archived": True}, Action.ARCHIVED, on, reason="Entered twice")

    def restore(self, on: datetime.date) -> None:
        self._step({"archived": False}, Action.RESTORED, on, reason="Was right after all")

    # ── mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def err(self, on: datetime.date) -> None:
        """A step that `undo` takes back: one stage too far, or lost by mistake."""
        further = self.path.ways.get((self.at, self.at + 1))
        if further and further.is_open and (self._has_quote() or not further.needs_quote):
            self.enter(self.at + 1, on)
        else:
            self.close(Status.LOST, on)

    def undo(self, on: datetime.date) -> None:
        self._restate(on, "Entered by mistake")

    def correct(self, on: datetime.date) -> None:
        """The last step again, some days earlier; not where no day is free, nor what was taken back or corrected already."""
        wrong = self.live[-1]
        if wrong.undoes is not None:
            return
        if wrong.step == 1:
            self._correct_first(on, wrong)
            return
        before = self.live[-2]
        free = (wrong.happened_on - before.happened_on).days
        if free:
            day = wrong.happened_on - self.random.randint(1, free) * DAY
            reason = "Entered with the wrong date"
            self._restate(on, reason)
            state = wrong.state | dates_of_step(wrong, before, day)
            at = self.entries[-1].recorded_at + datetime.timedelta(milliseconds=2)
            self.live[-1].until, self.live[-1].replaced_at = day, at
            self._add(state, wrong.action, day, at, reason=reason, undoes=wrong.step)

    def _correct_first(self, on: datetime.date, wrong: Entry) -> None:
        self.created_on = wrong.happened_on - self.random.randint(1, 9) * DAY
        at = self._instant(on)
        self.live.clear()
        self.round += 1
        reason = "Entered with the wrong date"
        self._add(wrong.state, Action.CREATED, self.created_on, at, reason=reason, undoes=1, voids=[1])


def dates_of_step(wrong: Entry, before: Entry, day: datetime.date) -> State:
    """The dates that the step itself set, moved to `day`."""
    state, dates = wrong.state, {}
    if state["stage_entered_on"] == wrong.happened_on and state["stage_id"] != before.state["stage_id"]:
        dates["stage_entered_on"] = day
    if state["status"] in CLOSED and before.state["status"] not in CLOSED:
        dates |= {"closed_on": day, "closing_on": day}
    return dates
