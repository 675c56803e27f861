"""Two people at once: real threads, each with a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction

from contacts.models import Contact
from crm.lib.races import Busy
from opportunities import bulk, lifecycle
from opportunities.ledger import faults
from opportunities.lifecycle import Stale
from opportunities.models import Batch, Opportunity, OpportunityEntry
from tests import factories
from tests.factories import fresh
from tests.models.lifecycle_words import day
from upkeep import merge as merging
from upkeep.merging_models import Merge

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, ROUNDS = 8, 5


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each act answers, an exception included; all begin at the same moment."""
    answers: list[object] = [None] * len(acts)
    ready = threading.Barrier(len(acts))

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            ready.wait(timeout=20)
            answers[number] = acts[number]()
        except Exception as refusal:
            answers[number] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers


def won(answers: list[object]) -> list[OpportunityEntry]:
    """The entries of those who were first; everybody else is Stale."""
    lost = [answer for answer in answers if not isinstance(answer, OpportunityEntry)]
    assert [type(answer) for answer in lost] == [Stale] * len(lost), lost
    return [answer for answer in answers if isinstance(answer, OpportunityEntry)]


def test_of_many_simultaneous_moves_one_wins(at_stage, cycle, rep):
    opportunity = at_stage(1)
    first, second = cycle.stages.filter(number__in=(1, 2))
    for round_ in range(ROUNDS):
        version = fresh(opportunity).version
        to = first if round_ % 2 else second

        def move(seen=version, to=to):
            return lifecycle.move(fresh(opportunity), version=seen, to=to, on=day(2), by=rep)

        (entry,) = won(at_once(*[move] * THREADS))
        assert entry.step == version + 1
        assert (fresh(opportunity).version, opportunity.entries.count()) == (version + 1, version + 1)
    assert list(faults()) == []


def test_all_have_read_before_one_writes(at_stage, cycle, rep):
    """Every guard passes for everybody: only the number of rows that the update finds decides."""
    read = [at_stage(1)]
    read += [fresh(read[0]) for _ in range(THREADS - 1)]
    to = cycle.stages.get(number=2)
    acts = [lambda o=o: lifecycle.move(o, version=2, to=to, on=day(2), by=rep) for o in read]
    assert len(won(at_once(*acts))) == 1
    assert fresh(read[0]).entries.count() == 3
    assert list(faults()) == []


def test_two_different_verbs_at_once(at_stage, cycle, rep, price_l):
    for _ in range(ROUNDS):
        opportunity = at_stage(2)
        one, two, three = (fresh(opportunity) for _ in range(3))
        answers = at_once(
            lambda o=one: lifecycle.move(o, version=3, to=cycle.stages.get(number=3), on=day(2), by=rep),
            lambda o=two: lifecycle.close(o, version=3, outcome="lost", close_code=price_l, on=day(2), by=rep),
            lambda o=three: lifecycle.undo(o, version=3, by=rep),
        )
        assert len(won(answers)) == 1
        assert (fresh(opportunity).version, opportunity.entries.count()) == (4, 4)
    assert list(faults()) == []


def test_two_undos_at_once_take_back_one_step(at_stage, rep):
    for _ in range(ROUNDS):
        opportunity = at_stage(3)
        read = [fresh(opportunity) for _ in range(4)]
        (entry,) = won(at_once(*[lambda o=o: lifecycle.undo(o, version=4, by=rep) for o in read]))
        assert (entry.undoes, fresh(opportunity).stage.number) == (4, 2)
    assert list(faults()) == []


def test_a_double_click_creates_one(acme, jo, rep):
    def create():
        return lifecycle.create(description="Chairs", contact=acme, on=day(2), by=rep, number="OP77")

    for _ in range(ROUNDS):
        answers = at_once(*[create] * 4)
        refused = [answer for answer in answers if isinstance(answer, ValidationError)]
        assert [list(refusal.error_dict) for refusal in refused] == [["number"]] * len(refused)
        assert Opportunity.objects.count() == 1
    assert list(faults()) == []


def test_numbers_drawn_at_once_differ(acme, rep):
    def create():
        return lifecycle.create(description="Chairs", contact=acme, on=day(2), by=rep)

    assert len(won(at_once(*[create] * THREADS))) == THREADS
    assert Opportunity.objects.count() == THREADS
    assert list(faults()) == []


@contextmanager
def lock_held(opportunity: Opportunity) -> Iterator[None]:
    """Another connection has the row in an open transaction."""
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Opportunity.objects.select_for_update().get(pk=opportunity.pk)
                locked.set()
                done.wait(timeout=20)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(timeout=20)
    try:
        yield
    finally:
        done.set()
        holder.join(timeout=20)


@pytest.fixture
def short_lock_timeout() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def test_a_lock_not_had_in_time_answers_stale(at_stage, cycle, rep, short_lock_timeout):
    opportunity = at_stage(1)
    to = cycle.stages.get(number=2)
    with lock_held(opportunity), pytest.raises(Stale) as stale:
        lifecycle.move(opportunity, version=2, to=to, on=day(2), by=rep)
    assert (stale.value.seen, stale.value.since()) == (2, [])
    entry = lifecycle.move(fresh(opportunity), version=2, to=to, on=day(2), by=rep, estimated_value=Decimal(7))
    assert (entry.step, list(faults())) == (3, [])


def test_a_lock_not_had_in_time_spoils_no_surrounding_transaction(at_stage, rep, short_lock_timeout):
    """A bulk action goes on with the next opportunity."""
    held, free = at_stage(1), at_stage(1)
    with lock_held(held), transaction.atomic():
        with pytest.raises(Stale):
            lifecycle.revise(held, version=2, on=day(2), by=rep)
        lifecycle.revise(free, version=2, on=day(2), by=rep)
    assert (fresh(held).version, fresh(free).version) == (2, 3)
    assert list(faults()) == []


# ── bulk actions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_runs_over_the_same_rows_at_once(at_stage, cycle, rep, manager):
    """Whoever locks the first row first does all of them; the other does none, and says who was faster."""
    for _ in range(ROUNDS):
        rows = [at_stage(1) for _ in range(20)]
        seen = {row.pk: 2 for row in rows}
        second = cycle.stages.select_related("sales_cycle").get(number=2)
        answers = at_once(
            lambda seen=seen, to=second: bulk.run(rep, seen, "move", {"to": to, "on": day(2), "reason": ""}),
            lambda seen=seen: bulk.run(
                manager, dict(reversed(seen.items())), "edit", {"priority": "low", "on": day(2)}
            ),
        )
        assert sorted((len(one.changed), len(one.refused)) for one in answers) == [(0, 20), (20, 0)]
        winner = next(one.batch for one in answers if one.batch)
        said = {row.why for one in answers for row in one.refused}
        assert said == {
            "Changed meanwhile by Rep: Next." if winner.by == rep else "Changed meanwhile by Manager: Edited."
        }
        assert {fresh(row).version for row in rows} == {3}
    assert list(faults()) == []


def test_one_preview_sent_twice_at_once_runs_once(at_stage, rep):
    for _ in range(ROUNDS):
        rows, token = [at_stage(1) for _ in range(5)], uuid4()
        seen = {row.pk: 2 for row in rows}

        def sent(seen=seen, token=token):
            return bulk.run(rep, seen, "edit", {"priority": "low", "on": day(2)}, token=token)

        answers = at_once(*[sent] * 4)
        (done,) = [answer for answer in answers if isinstance(answer, bulk.Outcome)]
        others = [answer for answer in answers if answer is not done]
        assert [(type(other), other.batch) for other in others] == [(bulk.AlreadyRun, done.batch)] * 3
        assert {fresh(row).version for row in rows} == {3}
    assert list(faults()) == []


def test_a_run_and_a_single_change_at_once(at_stage, rep, manager):
    """The one row goes to one of them; the others are the run's."""
    for _ in range(ROUNDS):
        rows = [at_stage(1) for _ in range(5)]
        seen = {row.pk: 2 for row in rows}
        done, single = at_once(
            lambda seen=seen: bulk.run(rep, seen, "edit", {"priority": "low", "on": day(2)}),
            lambda one=rows[2]: lifecycle.edit(fresh(one), version=2, priority="high", on=day(2), by=manager),
        )
        refused = [row.before.pk for row in done.refused]
        assert refused == ([] if isinstance(single, Stale) else [rows[2].pk])
        assert {fresh(row).version for row in rows} == {3}
    assert list(faults()) == []


def test_a_process_killed_in_the_middle_of_a_run_leaves_nothing(at_stage, rep, monkeypatch):
    """Its connection goes with it. What was sent can be sent again."""
    rows, token = [at_stage(1) for _ in range(10)], uuid4()
    seen = {row.pk: 2 for row in rows}
    values = {"priority": "low", "on": day(2)}

    def killed_at_the_sixth(opportunity, **how):
        if opportunity.pk == rows[5].pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return lifecycle.edit(opportunity, **how)

    monkeypatch.setitem(bulk.STEPS, "edit", killed_at_the_sixth)
    (answer,) = at_once(lambda: bulk.run(rep, seen, "edit", values, token=token))
    assert isinstance(answer, OperationalError)
    assert ({fresh(row).version for row in rows}, Batch.objects.count()) == ({2}, 0)
    monkeypatch.undo()
    assert len(bulk.run(rep, seen, "edit", values, token=token).changed) == 10
    assert list(faults()) == []


def test_a_row_locked_for_too_long_stops_the_run_before_it_writes(at_stage, rep, short_lock_timeout):
    rows = [at_stage(1) for _ in range(3)]
    seen = {row.pk: 2 for row in rows}
    with lock_held(rows[1]):
        for act in (bulk.run, bulk.preview):
            with pytest.raises(Busy):
                act(rep, seen, "edit", {"priority": "low", "on": day(2)})
    assert {fresh(row).version for row in rows} == {2}
    assert Batch.objects.count() == 0


def test_a_preview_writes_nothing_and_holds_nothing(at_stage, rep):
    """Its locks end with it: somebody else changes the same row right after."""
    row = at_stage(1)
    assert bulk.preview(rep, {row.pk: None}, "edit", {"priority": "low", "on": day(2)}).changed
    (entry,) = at_once(lambda: lifecycle.edit(fresh(row), version=2, priority="high", on=day(2), by=rep))
    assert (entry.step, fresh(row).entries.count()) == (3, 3)
    assert list(faults()) == []


def test_of_many_who_merge_the_same_two_one_does(acme, company, manager):
    for round_ in range(ROUNDS):
        twin = factories.ContactFactory(name=f"Acme {round_}")
        both = Contact.objects.filter(pk__in=[acme.pk, twin.pk])
        seen = merging.fingerprint(both)

        def merge(twin=twin, seen=seen, keeps=(acme.pk, twin.pk)):
            how = {"picks": {}, "seen": seen, "by": manager, "on": day(2)}
            return merging.merge([acme.pk, twin.pk], survivor=keeps[0], **how)

        answers = at_once(*[merge] * 4)
        lost = [answer for answer in answers if isinstance(answer, Exception)]
        assert len(lost) == 3, answers
        assert {type(answer) for answer in lost} <= {ValidationError, merging.Changed}, lost
        assert Merge.objects.filter(merged=twin).count() == 1
    assert list(faults()) == []


def test_a_new_opportunity_and_a_merge_at_once(acme, company, manager, rep):
    """Whichever is first: no open opportunity names a merged contact."""
    for round_ in range(ROUNDS):
        twin = factories.ContactFactory(name=f"Acme {round_}")
        seen = merging.fingerprint(Contact.objects.filter(pk__in=[acme.pk, twin.pk]))
        how = {"picks": {}, "seen": seen, "by": manager, "on": day(2), "survivor": acme.pk}
        answers = at_once(
            lambda twin=twin: lifecycle.create(description="Chairs", contact=twin, on=day(2), by=rep),
            lambda keys=(acme.pk, twin.pk), how=how: merging.merge(keys, **how),
        )
        assert isinstance(answers[0], OpportunityEntry | ValidationError | Stale), answers
        assert not isinstance(answers[1], Exception), answers
        assert not Opportunity.objects.open().filter(contact__merged_into__isnull=False).exists()
    assert list(faults()) == []


def test_two_who_take_the_same_merge_back(acme, company, manager):
    twin = factories.ContactFactory(name="Acme again")
    seen = merging.fingerprint(Contact.objects.filter(pk__in=[acme.pk, twin.pk]))
    how = {"by": manager, "on": day(2)}
    (done,) = merging.merge([acme.pk, twin.pk], survivor=acme.pk, picks={}, seen=seen, **how)
    answers = at_once(*[lambda: merging.undo(done.merge.pk, **how)] * 3)
    assert sorted(type(answer).__name__ for answer in answers) == ["Merge", "ValidationError", "ValidationError"]
