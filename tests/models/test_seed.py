"""Seeded opportunities: the same for the same seed, uneven as life is, sound, and reached by the verbs step by step."""

import datetime
import hashlib
from collections.abc import Callable
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F
from django.test import TestCase

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import TRACKED, Action, Opportunity, OpportunityEntry, Status
from quotes.models import Quote
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson
from tasks.models import Task

COUNT, SAMPLE = 3000, 200
DAY = datetime.date(2026, 3, 2)
SAID = [
    "number",
    "description",
    "priority",
    "source__code",
    "contact__name",
    "company__name",
    "salesperson__name",
    "sales_cycle__code",
    "status",
    "stage__number",
    "stage_before__number",
    "stage_entered_on",
    "estimated_value",
    "chances",
    "chances_are_manual",
    "completed",
    "probability",
    "closing_on",
    "closed_on",
    "close_code__code",
    "sales_value",
    "archived",
    "calculated_value",
]
STEP = ["step", "action", "door", "reason", "undoes", "happened_on", "until", "recorded_at", "replaced_at", "voided_at"]


def seed(count: int, **options: Any) -> str:
    out = StringIO()
    call_command("seed", count, stdout=out, **options)
    return out.getvalue()


def digest(**options: Any) -> str:
    """What 150 seeded opportunities are, in a database that is empty before and after; keys and numbers apart."""
    with transaction.atomic():
        seed(150, today=DAY, **options)
        told = [
            list(Opportunity.objects.order_by("pk").values_list("created_on", "version", *SAID[1:])),
            list(OpportunityEntry.objects.order_by("opportunity", "step").values_list(*STEP, *SAID[1:])),
            list(Contact.objects.order_by("pk").values_list("name", "company__name", "email", "created_at")),
            list(Quote.objects.order_by("pk").values_list("quoted_on", "net_amount", "is_current")),
            list(Salesperson.objects.order_by("pk").values_list("code", "name")),
            list(Task.objects.order_by("pk").values_list("description", "due_on", "starts_at", "closed_on", "outcome")),
        ]
        transaction.set_rollback(True)
    return hashlib.sha256(repr(told).encode()).hexdigest()


@pytest.mark.django_db
def test_the_same_seed_makes_the_same_rows():
    first = digest()
    assert digest() == first
    assert digest(seed=7) != first
    assert digest(open=0.4) != first


@pytest.mark.django_db
def test_another_day_moves_everything():
    with transaction.atomic():
        seed(20, today=DAY)
        days = list(Opportunity.objects.order_by("pk").values_list("created_on", flat=True))
        transaction.set_rollback(True)
    seed(20, today=DAY + datetime.timedelta(weeks=1))
    later = list(Opportunity.objects.order_by("pk").values_list("created_on", flat=True))
    assert later == [day + datetime.timedelta(weeks=1) for day in days]


class TestSeeded(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.said = seed(COUNT)
        cls.today = Company.current().today()

    def test_it_says_what_it_added(self):
        entries, quotes, tasks = OpportunityEntry.objects.count(), Quote.objects.count(), Task.objects.count()
        told = f"{entries:,} entries, {quotes:,} quotes and {tasks:,} tasks"
        assert f"Added {COUNT:,} opportunities with {told}" in self.said

    def test_most_of_what_is_in_progress_has_one_open_task(self):
        open_ones = Task.objects.open()
        running = Opportunity.objects.in_progress()
        with_one = running.filter(pk__in=open_ones.values("opportunity")).count()
        assert 0.6 < with_one / running.count() < 0.8
        assert open_ones.count() == with_one == open_ones.filter(opportunity__in=running).count()
        late, today = (open_ones.due(when, self.today).count() / with_one for when in ("overdue", "today"))
        assert (0.1 < late < 0.3, 0 < today < 0.25) == (True, True)

    def test_what_was_done_was_done_in_time_and_stands_on_that_day(self):
        done = Task.objects.filter(closed_on__isnull=False)
        assert done.count() > COUNT / 2
        assert not done.filter(closed_on__gte=self.today).exists()
        assert not done.exclude(completed_by=F("salesperson")).exclude(cancelled=True).exists()
        told = Task.pgh_event_model.objects.filter(closed_on__isnull=False)
        assert told.count() == done.count()
        assert not told.exclude(pgh_created_at__date=F("closed_on")).exists()

    def test_a_meeting_is_organized_by_whose_it_is(self):
        meetings = Task.objects.filter(kind="meeting")
        organized = meetings.filter(attendees__role="organizer", attendees__salesperson=F("salesperson"))
        assert organized.count() == meetings.count() > 0

    def test_the_ledger_is_sound(self):
        assert [str(fault) for fault in faults()] == []

    def test_every_kind_of_step_is_there(self):
        assert set(OpportunityEntry.objects.values_list("action", flat=True)) == set(Action.values)
        corrected = OpportunityEntry.objects.filter(undoes__isnull=False).exclude(action=Action.UNDONE)
        assert corrected.filter(action=Action.CREATED).exists()
        assert corrected.exclude(action=Action.CREATED).exists()

    def test_some_salespeople_sell_many_times_what_others_do(self):
        assert Salesperson.objects.count() == 50
        sold = Opportunity.objects.exclude(salesperson=None).values_list("salesperson").annotate(count=Count("pk"))
        counts = sorted(count for _, count in sold)
        assert len(counts) == 50
        assert counts[-1] > 6 * counts[0]
        assert counts[-1] < COUNT / 5

    def test_some_contacts_are_better_customers(self):
        assert Contact.objects.count() == COUNT / 5
        bought = Opportunity.objects.values_list("company").annotate(count=Count("pk"))
        counts = sorted(count for _, count in bought)
        assert counts[-1] > 20 * counts[len(counts) // 2]
        outside = Opportunity.objects.exclude(company__in=Contact.objects.filter(company=None)).count()
        assert outside == 0

    def test_half_are_open_and_a_tenth_of_these_not_started(self):
        counts = dict(Opportunity.objects.values_list("status").annotate(Count("pk")))
        still_open = counts[Status.NOT_STARTED] + counts[Status.IN_PROGRESS]
        assert 0.47 < still_open / COUNT < 0.53
        assert 0.07 < counts[Status.NOT_STARTED] / still_open < 0.13
        assert 0.35 < counts[Status.WON] / (COUNT - still_open) < 0.55
        nobodys = Opportunity.objects.filter(salesperson=None)
        assert 0.2 < nobodys.count() / counts[Status.NOT_STARTED] < 0.4

    def test_it_goes_back_eighteen_months_and_most_of_it_is_recent(self):
        days = list(Opportunity.objects.order_by("created_on").values_list("created_on", flat=True))
        assert 500 < (self.today - days[0]).days < 570
        assert (self.today - days[COUNT // 2]).days < 180
        assert days[-1] < self.today
        running = Opportunity.objects.in_progress()
        assert 0.05 < running.overdue(self.today).count() / running.count() < 0.4

    def test_values_are_few_big_and_many_small(self):
        known = Opportunity.objects.exclude(estimated_value=None).values_list("estimated_value", flat=True)
        values = sorted(value for value in known if value is not None)
        assert values[-1] > 20 * values[len(values) // 2] > 100 * values[0]

    def test_steps_are_recorded_when_they_happened_or_soon_after_and_brought_in_now(self):
        for entry in OpportunityEntry.objects.live():
            late = (entry.recorded_at.date() - entry.happened_on).days
            assert late >= 0
            assert entry.imported_at and entry.recorded_at < entry.imported_at
        entries = OpportunityEntry.objects.order_by("pk").values_list("recorded_at", flat=True)
        disorder = sum(later < earlier for earlier, later in pairwise(entries))
        assert disorder < 10  # rows of a period lie together

    def test_numbers_go_on_from_the_sequences(self):
        taken = set(Opportunity.objects.values_list("number", flat=True))
        entry = lifecycle.create(description="Next", contact=Contact.objects.first(), on=self.today, by=None)
        assert entry.opportunity.number not in taken
        assert len(taken) == COUNT
        assert entry.opportunity.pk > Opportunity.objects.exclude(pk=entry.opportunity.pk).latest("pk").pk

    def test_replaying_the_ledgers_by_the_verbs_arrives_at_the_same(self):
        """A sample of any, and of those where something was taken back."""
        every = Opportunity.objects.order_by("pk").values_list("pk", flat=True)
        mended = every.filter(entries__voided_at__isnull=False).distinct()
        sample = {*every[:: COUNT // SAMPLE], *mended[:60]}
        for opportunity in Opportunity.objects.filter(pk__in=sample).order_by("pk"):
            ledger = list(opportunity.entries.order_by("step"))
            again = Replay(opportunity, ledger).run()
            assert story(list(again.entries.order_by("step"))) == story(ledger), opportunity
            assert [getattr(again, name) for name in TRACKED] == [getattr(opportunity, name) for name in TRACKED]
            assert (again.version, again.created_on) == (opportunity.version, opportunity.created_on)
        assert [str(fault) for fault in faults()] == []

    def test_a_second_time_adds(self):
        seed(100, seed=2)
        assert Opportunity.objects.count() == COUNT + 100
        assert Salesperson.objects.count() == 50
        assert [str(fault) for fault in faults()] == []


def story(ledger: list[OpportunityEntry]) -> list[Any]:
    """Everything of a ledger but its keys and instants."""
    said = ("step", "action", "reason", "undoes", "happened_on", "until", *TRACKED, "calculated_value")
    return [
        [*(getattr(entry, name) for name in said), entry.voided_at is None, entry.replaced_at is None]
        for entry in ledger
    ]


class Replay:
    """The same steps again, by the verbs, into a new opportunity."""

    def __init__(self, opportunity: Opportunity, ledger: list[OpportunityEntry]) -> None:
        self.ledger, self.model = ledger, opportunity

    def run(self) -> Opportunity:
        first, *rest = self.ledger
        self.pk = lifecycle.create(
            description=first.description,
            contact=first.contact,
            on=first.happened_on,
            by=None,
            salesperson=first.salesperson,
            sales_cycle=first.sales_cycle,
            priority=first.priority,
            source=first.source,
            estimated_value=first.estimated_value,
            chances=first.chances,
            closing_on=first.closing_on,
            reason=first.reason,
            door=first.door,
        ).opportunity.pk
        for quote in self.model.quotes.all():
            Quote.objects.create(
                opportunity_id=self.pk,
                number=f"R{quote.number}",
                quoted_on=quote.quoted_on,
                net_amount=quote.net_amount,
                is_current=quote.is_current,
            )
        while rest:
            rest = rest[self.take(*rest[:2]) :]
        return Opportunity.objects.get(pk=self.pk)

    def take(self, entry: OpportunityEntry, after: OpportunityEntry | None = None) -> int:
        """Take the step; a correction writes two entries. Returns how many."""
        if entry.action == Action.CREATED:
            self.do(lifecycle.correct, entry, on=entry.happened_on)
        elif entry.action != Action.UNDONE:
            verb, name = VERBS[entry.action]
            self.do(verb, entry, on=entry.happened_on, **name(entry))
        elif after and after.undoes == entry.undoes and after.action != Action.UNDONE:
            self.do(lifecycle.correct, entry, on=after.happened_on)
            return 2
        else:
            self.do(lifecycle.undo, entry)
        return 1

    def do(self, verb: Callable[..., Any], entry: OpportunityEntry, **values: Any) -> None:
        opportunity = Opportunity.objects.get(pk=self.pk)
        verb(opportunity, version=entry.step - 1, by=None, reason=entry.reason, door=entry.door, **values)


def estimates(entry: OpportunityEntry) -> dict[str, Any]:
    chances = entry.chances if entry.chances_are_manual else None
    return {"estimated_value": entry.estimated_value, "chances": chances, "closing_on": entry.closing_on}


def moved(entry: OpportunityEntry) -> dict[str, Any]:
    return {"to": entry.stage, **estimates(entry)}


def cycle_changed(entry: OpportunityEntry) -> dict[str, Any]:
    running = moved(entry) if entry.stage else {}
    return {"sales_cycle": entry.sales_cycle, **running}


def closed(entry: OpportunityEntry) -> dict[str, Any]:
    return {"outcome": entry.status, "close_code": entry.close_code, "sales_value": entry.sales_value}


def reopened(entry: OpportunityEntry) -> dict[str, Any]:
    return {"to": entry.stage, "closing_on": entry.closing_on}


def edited(entry: OpportunityEntry) -> dict[str, Any]:
    return {"description": entry.description, "priority": entry.priority, "source": entry.source}


def reassigned(entry: OpportunityEntry) -> dict[str, Any]:
    return {"salesperson": entry.salesperson, "contact": entry.contact}


def nothing(entry: OpportunityEntry) -> dict[str, Any]:
    return {}


VERBS: dict[str, tuple[Callable[..., Any], Callable[[OpportunityEntry], dict[str, Any]]]] = {
    Action.STARTED: (lifecycle.start, estimates),
    Action.NEXT: (lifecycle.move, moved),
    Action.SKIP: (lifecycle.move, moved),
    Action.PREVIOUS: (lifecycle.move, moved),
    Action.JUMP: (lifecycle.move, moved),
    Action.REVISED: (lifecycle.revise, estimates),
    Action.EDITED: (lifecycle.edit, edited),
    Action.REASSIGNED: (lifecycle.reassign, reassigned),
    Action.CYCLE_CHANGED: (lifecycle.change_cycle, cycle_changed),
    Action.WON: (lifecycle.close, closed),
    Action.LOST: (lifecycle.close, closed),
    Action.REOPENED: (lifecycle.reopen, reopened),
    Action.ARCHIVED: (lifecycle.archive, nothing),
    Action.RESTORED: (lifecycle.restore, nothing),
}


@pytest.mark.django_db
def test_beside_what_somebody_set_up():
    """Cycles that are there are used, as their rules say: no other is made."""
    cycle = SalesCycle.objects.create(code="OWN", stage_decides=False)
    for number, needs in ((1, False), (3, True), (7, False)):
        cycle.stages.create(number=number, description=f"S{number}", chances=number * 10, quote_required=needs)
    seed(300)
    assert set(Opportunity.objects.values_list("sales_cycle__code", flat=True)) == {"OWN"}
    assert not OpportunityEntry.objects.filter(action=Action.SKIP).exists()
    beyond = Opportunity.objects.filter(stage__number__gte=3)
    assert beyond.exists() and not beyond.exclude(quotes__is_current=True).exists()
    for opportunity in Opportunity.objects.order_by("pk")[:50]:
        ledger = list(opportunity.entries.order_by("step"))
        assert story(list(Replay(opportunity, ledger).run().entries.order_by("step"))) == story(ledger)
    assert [str(fault) for fault in faults()] == []


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"count": 0}, {"open": 1.5}, {"today": datetime.date(2999, 1, 1)}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(CommandError, match="N is at least 1"):
        seed(**({"count": 1} | wrong))


@pytest.mark.django_db
def test_a_named_database_gets_none_unless_asked(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere")
    monkeypatch.delenv("DEMO", raising=False)
    with pytest.raises(CommandError, match="--anyway"):
        seed(1)
    assert not Opportunity.objects.exists()
    seed(1, anyway=True)
    assert Opportunity.objects.count() == 1
