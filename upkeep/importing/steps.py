"""The one place where an import takes steps with an opportunity: each by its verb, through the door `import`, with `imported_at`.

What lies in the past was recorded elsewhere: it gets an instant of its own day (midday, and some minutes later for each further
step), never before the step that it follows, and never later than now. Where the file says when it was recorded, that instant
counts, and one before the last step's is refused.
"""

import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from opportunities import lifecycle
from opportunities.models import Door, Opportunity, Status
from salescycles.models import CloseCode, SalesCycle, Stage
from upkeep.importing.linking import World

MINUTES = 10  # between steps of one day


class Steps:
    """One opportunity from where it stands on; `count` steps were taken."""

    def __init__(self, world: World, there: Opportunity | None, recorded_at: datetime.datetime | None) -> None:
        self.world, self.opportunity, self.asked_at = world, there, recorded_at
        self.count, self.is_new = 0, there is None
        self.last = lifecycle.last_recorded(there) if there else None

    def _how(self, on: datetime.date) -> lifecycle.How:
        how: lifecycle.How = {"door": Door.IMPORT, "batch": self.world.run.batch, "imported_at": self.world.now}
        recorded_at = self._recorded_at(on)
        if recorded_at:
            how["recorded_at"] = self.last = recorded_at
        return how

    def _recorded_at(self, on: datetime.date) -> datetime.datetime | None:
        """None: now, by the clock of the database. Raises ValidationError."""
        world, last = self.world, self.last
        if self.asked_at:
            self._refuse_out_of_order(self.asked_at)
            first = last is None or self.asked_at >= last
            return self.asked_at if first else last
        if on >= world.today:
            return None
        midday = datetime.datetime.combine(on, datetime.time(12), tzinfo=world.zone)
        follows = last + datetime.timedelta(minutes=MINUTES) if last and last >= midday else midday
        return max(min(follows, world.past), last or follows)

    def _refuse_out_of_order(self, at: datetime.datetime) -> None:
        if at > self.world.now:
            raise ValidationError({"recorded_at": _("It cannot have been recorded in the future.")})
        if self.last and at < self.last and not self.count:
            raise ValidationError(
                {
                    "recorded_at": _(
                        "It was recorded before the last step. Sort the file by when its rows were recorded."
                    )
                }
            )

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, *, on: datetime.date, number: str, reason: str, **values: Any) -> None:
        if self.world.dry and not self.world.is_gathering:
            number = number or f"?{self.world.drawn()}"
        cycle: SalesCycle | None = self.world.cycle
        entry = lifecycle.create(
            on=on, by=self.world.user, sales_cycle=cycle, number=number, reason=reason, **values, **self._how(on)
        )
        self.opportunity, self.count = entry.opportunity, 1
        self._remember(on)

    def enter(self, stage: Stage, *, on: datetime.date, **values: Any) -> None:
        """The stage, from wherever it stands; what has not started begins at the first one, what was closed is reopened."""
        now = self._now()
        estimates = {name: values[name] for name in ("estimated_value", "chances", "closing_on") if name in values}
        if now.is_closed:
            self.world.alone()  # it asks more of the ledger
            self._take(lifecycle.reopen, on=on, to=stage, reason=str(_("Import")))
            return
        if now.is_not_started:
            self._take(lifecycle.start, on=on, **estimates)
        elif now.stage_id == stage.pk:
            self.revise(on=on, **estimates)
        if now.stage_id != stage.pk:
            self._walk(stage, on=on, **estimates)

    def _walk(self, stage: Stage, *, on: datetime.date, **estimates: Any) -> None:
        """At once where the cycle allows that, else stage by stage, since none may be passed over."""
        now = self._now()
        way = next((way for way in lifecycle.moves(now) if way.stage.pk == stage.pk), None)
        if way is not None and way.refusal and getattr(way.refusal, "code", "") == "E15":
            between = [one for one in self.world.stages if now.stage and now.stage.number < one.number < stage.number]
            for one in between:
                self._take(lifecycle.move, on=on, to=one)
        self._take(lifecycle.move, on=on, to=stage, **estimates)

    def close(
        self, outcome: str, code: CloseCode | None, *, on: datetime.date, sales_value: Decimal | None, reason: str
    ) -> None:
        now = self._now()
        if now.is_closed:
            if now.status == outcome:
                return
            raise ValidationError({"status": _("It is closed here, and otherwise. Reopen it first.")})
        past = {"cancel_tasks": not self.is_new or on >= self.world.today}  # history makes no tasks
        self._take(
            lifecycle.close, on=on, outcome=outcome, close_code=code, sales_value=sales_value, reason=reason, **past
        )

    def revise(self, *, on: datetime.date, **values: Any) -> None:
        """Where value, chances or date differ from what stands there. What is closed keeps them."""
        now = self._now()
        if now.is_closed:
            return
        names = ("estimated_value", "chances", "closing_on")
        known = {"chances": now.chances if now.chances_are_manual else None}
        asked = {
            name: values[name]
            for name in names
            if name in values and values[name] != known.get(name, getattr(now, name))
        }
        if asked:
            self._take(lifecycle.revise, on=on, **asked)

    def facts(self, *, on: datetime.date, **values: Any) -> None:
        """Description, priority, source, competitor, contact and salesperson, as far as they differ."""
        now = self._now()
        facts = {
            name: values[name]
            for name in ("description", "priority", "source", "competitor")
            if name in values and getattr(now, name) != values[name]
        }
        if facts:
            self._take(lifecycle.edit, on=on, **facts)
        going = {
            name: values[name]
            for name in ("contact", "salesperson")
            if name in values and getattr(now, f"{name}_id") != values[name].pk
        }
        if going and not now.is_closed:
            self._take(lifecycle.reassign, on=on, **going)

    def _take(self, verb: Any, *, on: datetime.date, **values: Any) -> None:
        now = self._now()
        verb(now, version=now.version, on=on, by=self.world.user, **values, **self._how(on))
        self.count += 1
        self._refresh(now)
        self._remember(on)

    def _remember(self, on: datetime.date) -> None:
        """What the next verb would ask the database for."""
        self._now().last_happened_on = on  # type: ignore[attr-defined]

    def _refresh(self, now: Opportunity) -> None:
        """Verbs write the present's columns by their keys; what they lead to is read from what is known."""
        now.stage = next((stage for stage in self.world.stages if stage.pk == now.stage_id), None)
        if now.stage is None and now.status == Status.IN_PROGRESS:
            self.opportunity = Opportunity.objects.get(pk=now.pk)

    def _now(self) -> Opportunity:
        assert self.opportunity is not None
        return self.opportunity
