"""Runs in the background: slice by slice, each row once, also where a worker is killed between."""

import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from collaboration.models import Notification, Tag, Tagging
from contacts.models import Contact
from opportunities import background, bulk, lifecycle
from opportunities.background import progress, start, start_undo, take_slice
from opportunities.bulk import AlreadyRun
from opportunities.ledger import faults
from opportunities.models import Batch, BatchRow, Opportunity, OpportunityEntry
from opportunities.packing import packed, unpacked
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity
from tests.worker import waiting, work

pytestmark = pytest.mark.django_db
SLICE = "opportunities.take_slice"


@pytest.fixture(autouse=True)
def sound(db: None) -> Iterator[None]:
    yield
    assert [str(fault) for fault in faults()] == []


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)


@pytest.fixture
def rows(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> list[Opportunity]:
    """Five, at stage 1."""
    given: dict[str, Any] = {"contact": acme, "salesperson": jo, "cycle": cycle, "stage": 1, "by": rep}
    return [make_opportunity(**given, on=company.today()) for _ in range(5)]


def values(company: Company) -> dict[str, Any]:
    return {"priority": "high", "on": company.today(), "reason": "because"}


def keys(rows: list[Opportunity]) -> list[int]:
    return [row.pk for row in rows]


def steps(batch: Batch) -> list[int]:
    """Of how many rows the batch made a step, each counted as often as it did."""
    return sorted(OpportunityEntry.objects.filter(batch=batch).values_list("opportunity", flat=True))


def test_slice_by_slice(rows: list[Opportunity], rep: User, company: Company) -> None:
    batch = start(rep, keys(rows), "edit", values(company), asked=[("priority", "High")])
    assert (batch.state, waiting()) == ("queued", [(SLICE, {"batch": batch.pk})])
    assert steps(batch) == []
    seen = []
    while work(1):
        now = Batch.objects.get(pk=batch.pk)
        seen.append((now.state, progress(now)["changed"], len(steps(batch))))
    assert seen == [("running", 2, 2), ("running", 4, 4), ("running", 5, 5), ("done", 5, 5)]
    assert steps(batch) == keys(rows)
    assert {row.priority for row in Opportunity.objects.all()} == {"high"}
    assert set(OpportunityEntry.objects.filter(batch=batch).values_list("door", "by", "reason")) == {
        ("bulk", rep.pk, "because")
    }


def test_what_becomes_of_each_row(rows: list[Opportunity], rep: User, of: Salesperson, company: Company) -> None:
    today = company.today()
    how: dict[str, Any] = {"on": today, "by": rep}
    lifecycle.edit(rows[0], version=2, priority="high", **how)
    batch = start(rep, keys(rows), "edit", values(company))
    lifecycle.edit(rows[1], version=2, priority="low", **how)
    lifecycle.reassign(rows[2], version=2, salesperson=of, **how)
    work()
    results = dict(BatchRow.objects.values_list("opportunity", "result"))
    assert [results[row.pk] for row in rows] == ["unchanged", "refused", "gone", "changed", "changed"]
    done = Batch.objects.get(pk=batch.pk)
    assert progress(done) | {"done": 5} == {
        "changed": 2,
        "unchanged": 1,
        "refused": 1,
        "gone": 1,
        "waiting": 0,
        "done": 5,
    }
    (reason,) = background.reasons(done, rep, 20)
    assert reason["why"] == "Changed meanwhile by Rep: Edited." and reason["count"] == 1
    assert [row.pk for row in reason["rows"]] == [rows[1].pk]


def test_a_slice_that_is_done_again_does_nothing_twice(rows: list[Opportunity], rep: User, company: Company) -> None:
    batch = start(rep, keys(rows), "edit", values(company))
    for _ in range(10):
        take_slice(batch.pk)
    work()
    assert steps(batch) == keys(rows)


def test_stopped_after_the_present_slice(rows: list[Opportunity], rep: User, company: Company) -> None:
    batch = start(rep, keys(rows), "edit", values(company))
    work(1)
    assert (background.cancel(batch.pk), background.cancel(batch.pk)) == (True, False)
    assert work() == [SLICE]
    assert (steps(batch), Batch.objects.get(pk=batch.pk).state) == (keys(rows)[:2], "cancelled")
    assert progress(Batch.objects.get(pk=batch.pk))["waiting"] == 3


def test_who_may_not_any_more_is_stopped(rows: list[Opportunity], rep: User, company: Company) -> None:
    batch = start(rep, keys(rows), "edit", values(company))
    work(1)
    rep.groups.clear()
    work()
    assert (steps(batch), Batch.objects.get(pk=batch.pk).state) == (keys(rows)[:2], "cancelled")


def test_what_cannot_go_on_is_stopped(
    rows: list[Opportunity], rep: User, of: Salesperson, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    batch = start(rep, keys(rows), "reassign", {"salesperson": of, "on": company.today(), "reason": ""})
    of.delete()
    work()
    assert (steps(batch), Batch.objects.get(pk=batch.pk).state) == ([], "cancelled")
    assert f"batch {batch.pk} was stopped" in caplog.text


def test_new_owners_are_told_once(
    rows: list[Opportunity], manager: User, of: Salesperson, rep2: User, company: Company
) -> None:
    start(manager, keys(rows), "reassign", {"salesperson": of, "on": company.today(), "reason": ""})
    work()
    (told,) = Notification.objects.all()
    assert (told.user, told.kind, told.count, told.by) == (rep2, "assigned", 5, manager)


def test_the_same_preview_runs_once(rows: list[Opportunity], rep: User, company: Company) -> None:
    token = uuid4()
    batch = start(rep, keys(rows), "edit", values(company), token=token)
    with pytest.raises(AlreadyRun) as first:
        start(rep, keys(rows), "edit", values(company), token=token)
    assert first.value.batch == batch
    assert BatchRow.objects.count() == 5


def test_it_is_taken_back_in_the_background_too(rows: list[Opportunity], rep: User, company: Company) -> None:
    batch = start(rep, keys(rows), "edit", values(company))
    assert not bulk.can_be_undone(rep, batch)
    work()
    batch.refresh_from_db()
    assert bulk.can_be_undone(rep, batch)
    lifecycle.revise(fresh(rows[4]), version=3, chances=5, on=company.today(), by=rep)
    undo = start_undo(rep, batch)
    with pytest.raises(AlreadyRun):
        start_undo(rep, batch)
    work()
    assert [fresh(row).priority for row in rows] == ["normal"] * 4 + ["high"]
    assert progress(Batch.objects.get(pk=undo.pk))["changed"] == 4


def test_tags_of_many_and_their_undo(rows: list[Opportunity], rep: User) -> None:
    fair = Tag.objects.create(name="Fair")
    lifecycle.tag(rows[0], tag=fair, by=rep)
    batch = start(rep, keys(rows), "tag", {"tag": fair})
    work()
    done = Batch.objects.get(pk=batch.pk)
    assert (done.state, progress(done)["changed"], progress(done)["unchanged"]) == ("done", 4, 1)
    assert Tagging.objects.count() == 5 and steps(batch) == []
    undoing = background.start_undo(rep, done)
    work()
    assert Batch.objects.get(pk=undoing.pk).verb == "untag"
    assert list(Tagging.objects.values_list("opportunity", flat=True)) == [rows[0].pk]


def test_values_come_through_the_queue(cycle: SalesCycle, of: Salesperson) -> None:
    given = {
        "to": cycle.stages.get(number=2),
        "salesperson": of,
        "on": datetime.date(2026, 3, 2),
        "chances": Decimal("12.50"),
        "cancel_tasks": True,
        "shift": "1W",
    }
    assert unpacked(packed(given)) == given


def test_asking_costs_the_same_for_any_number(
    rows: list[Opportunity], rep: User, company: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rep = User.objects.get(pk=rep.pk)
    assert rep.has_perm("opportunities.view_opportunity") and rep.reach
    for count in (1, 5):
        with django_assert_num_queries(9):  # the batch and its rows, and four of savepoints
            start(rep, keys(rows)[:count], "edit", values(company))


KILLED = """
import os, sys, django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from opportunities import bulk, lifecycle
bulk.AT_ONCE = 2
from crm.lib import jobs
whole, seen = lifecycle.edit, []
def edit(*args, **how):
    done = whole(*args, **how)
    seen.append(1)
    if len(seen) == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    return done
bulk.STEPS["edit"] = edit
for _ in range(8):
    jobs.work(wait=False)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_in_the_middle_of_a_slice(rows: list[Opportunity], rep: User, company: Company) -> None:
    """The row that it had just written is written again by the next one, and only once."""
    batch = start(rep, keys(rows), "edit", values(company))
    command = [sys.executable, "-c", KILLED, connection.settings_dict["NAME"], "3"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(settings.BASE_DIR)}
    connection.close()
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert steps(batch) == keys(rows)[:2]
    assert Batch.objects.get(pk=batch.pk).state == "running"
    with connection.cursor() as cursor:  # time goes by
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 minute'")
    command[-1] = "0"
    until(
        lambda: subprocess.run(command, env=environment, check=True) and not Batch.objects.get(pk=batch.pk).is_under_way
    )
    assert steps(batch) == keys(rows)
    assert progress(Batch.objects.get(pk=batch.pk))["changed"] == 5


def until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < end
