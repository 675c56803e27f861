"""Handing over: rules, the run, what changed between preview and run, two at once, and taking it back."""

import datetime
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.codes import Territory
from contacts.lifecycle import create
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tasks.models import Task
from tests.factories import ContactFactory, TeamFactory, fresh, make_opportunity
from upkeep import handover
from upkeep.handover import KINDS, AlreadyRun, next_rows
from upkeep.handover_models import Handed, Handover, HandoverRun
from upkeep.handover_rules import Rule, assign

pytestmark = pytest.mark.django_db
ALL = tuple(kind.name for kind in KINDS)


@pytest.fixture
def north(jo: Salesperson, of: Salesperson) -> Territory:
    territory = Territory.objects.create(code="N", description="The north")
    territory.salespeople.add(jo, of)
    return territory


@pytest.fixture
def deals(
    company: Company, jo: Salesperson, acme: Contact, bo: Contact, cycle: SalesCycle, price_w: CloseCode
) -> list[Opportunity]:
    """Not started, in progress at BETA (whose salesperson is OF); a won one stays with who had it."""
    today = company.today()
    given: dict[str, Any] = {"salesperson": jo, "cycle": cycle, "on": today}
    waiting = make_opportunity(contact=acme, value=500, **given)
    running = make_opportunity(contact=bo, stage=2, value=1000, **given)
    won = make_opportunity(contact=acme, stage=1, **given)
    lifecycle.close(won, version=won.version, outcome="won", close_code=price_w, sales_value=9, on=today, by=None)
    return [waiting, running]


def everything(leaver: Salesperson, user: User) -> tuple[list[Any], dict[Any, int]]:
    rows = next_rows(leaver, user, ALL)
    return rows, {(kind, row.pk): getattr(row, "version", 0) for kind, row in rows}


def all_to(rows: list[Any], to: Salesperson) -> dict[Any, Salesperson]:
    return {(kind, row.pk): to for kind, row in rows}


def run(user: User, leaver: Salesperson, to: Salesperson, **how: Any) -> handover.Outcome:
    rows, seen = everything(leaver, user)
    return handover.run(user, leaver, seen, all_to(rows, to), **{"token": uuid4()} | how)


def test_what_a_salesperson_has(
    deals: list[Opportunity], manager: User, rep2: User, jo: Salesperson, acme: Contact, north: Territory
) -> None:
    """Closed opportunities and archived contacts are history; nobody sees more here than elsewhere."""
    TeamFactory(members=[jo])
    ContactFactory(salesperson=jo, archived=True)
    assert {kind.name: kind.rows(jo, manager).count() for kind in KINDS} == {
        "opportunities": 2,
        "tasks": 0,
        "contacts": 1,
        "territories": 1,
        "memberships": 1,
    }
    assert KINDS[0].rows(jo, rep2).count() == 0
    assert [(kind, row.pk) for kind, row in next_rows(jo, manager, ALL)] == [
        *(("opportunities", deal.pk) for deal in deals),
        ("contacts", acme.pk),
        ("territories", north.pk),
    ]


def test_the_rules(
    deals: list[Opportunity], manager: User, jo: Salesperson, of: Salesperson, hr: Salesperson, acme: Contact
) -> None:
    """ACME belongs to the leaver and to no territory; BETA's person to nobody, its company to OF."""
    waiting, running = (("opportunities", deal.pk) for deal in deals)
    contact = ("contacts", acme.pk)
    rows, _seen = everything(jo, manager)

    def given(rule: str, *to: Salesperson) -> dict[Any, str]:
        fresh_rows, _seen = everything(jo, manager)
        return {key: one.code for key, one in assign(rule, fresh_rows, to, jo, manager).items()}

    assert given(Rule.ONE, hr) == {waiting: "HR", running: "HR", contact: "HR"}
    assert given(Rule.TURNS, hr, of) == {waiting: "HR", running: "OF", contact: "HR"}
    assert given(Rule.CONTACT) == {running: "OF"}
    assert given(Rule.CONTACT, hr) == {waiting: "HR", running: "OF", contact: "HR"}
    assert given(Rule.EACH, hr) == {}
    assert given(Rule.TERRITORY) == {}
    south = Territory.objects.create(code="S")
    south.salespeople.add(jo, hr)
    Contact.objects.filter(pk=acme.pk).update(territory=south)
    assert given(Rule.TERRITORY) == {waiting: "HR", contact: "HR", ("territories", south.pk): "HR"}
    Salesperson.objects.filter(pk=hr.pk).update(blocked=True)
    assert given(Rule.TERRITORY) == {}
    assert len(rows) == 3


def test_to_who_has_the_least(
    deals: list[Opportunity], manager: User, jo: Salesperson, of: Salesperson, hr: Salesperson, beta: Contact
) -> None:
    """HR has 800 already: the 1 000 goes to OF, then the 500 to HR."""
    make_opportunity(contact=beta, salesperson=hr, value=800)
    rows = next_rows(jo, manager, ["opportunities"])
    told = {key: one.code for (_kind, key), one in assign(Rule.LEAST, rows, [of, hr], jo, manager).items()}
    assert told == {deals[1].pk: "OF", deals[0].pk: "HR"}


def test_preview_and_run_say_the_same_and_only_the_run_writes(
    deals: list[Opportunity], manager: User, jo: Salesperson, of: Salesperson, acme: Contact, north: Territory
) -> None:
    rows, seen = everything(jo, manager)
    before = handover.preview(manager, jo, seen, all_to(rows, of))
    assert {fresh(deal).salesperson_id for deal in deals} == {jo.pk} and not Handover.objects.exists()
    after = run(manager, jo, of, reason="left us")
    for outcome in (before, after):
        (told,) = outcome.by_person
        assert (told["to"], told["opportunities"], told["contacts"], told["territories"]) == (of, 2, 1, 1)
        assert (told["value"], told["weighted"]) == (1500, 240)
        assert outcome.refused == []
    acme.refresh_from_db()
    assert {fresh(deal).salesperson_id for deal in deals} == {acme.salesperson_id} == {of.pk}
    assert list(north.salespeople.all()) == [of]
    assert Opportunity.objects.filter(salesperson=jo).get().status == "won"
    assert after.run and after.run.batch
    steps = after.run.batch.opportunityentry_set.order_by("opportunity")
    assert [(step.action, step.reason) for step in steps] == [("reassigned", "left us")] * 2
    assert [str(fault) for fault in faults()] == []


def test_whoever_follows_the_company_is_remembered_and_comes_back(
    company: Company, manager: User, jo: Salesperson, of: Salesperson, acme: Contact, ann: Contact
) -> None:
    Contact.objects.filter(pk=ann.pk).update(salesperson=jo)
    outcome = handover.run(manager, jo, {("contacts", acme.pk): 0}, {("contacts", acme.pk): of}, token=uuid4())
    assert outcome.run
    assert list(Handed.objects.values_list("key", flat=True)) == [acme.pk, ann.pk]
    assert set(Contact.objects.filter(pk__in=[acme.pk, ann.pk]).values_list("salesperson", flat=True)) == {of.pk}
    assert handover.undo(manager, outcome.run) == (2, 0)
    assert set(Contact.objects.filter(pk__in=[acme.pk, ann.pk]).values_list("salesperson", flat=True)) == {jo.pk}


def test_undo_leaves_what_was_changed_since(
    deals: list[Opportunity],
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    hr: Salesperson,
    acme: Contact,
    north: Any,
) -> None:
    made = run(manager, jo, hr).run
    assert made
    changed = fresh(deals[0])
    lifecycle.edit(changed, version=changed.version, description="New", on=changed.created_on, by=manager)
    Contact.objects.filter(pk=acme.pk).update(salesperson=of)
    assert handover.undo(manager, made) == (
        2,
        2,
    )  # one opportunity and the territory; the other one and the contact stay
    assert [fresh(deal).salesperson_id for deal in deals] == [hr.pk, jo.pk]
    acme.refresh_from_db()
    assert acme.salesperson_id == of.pk
    assert set(north.salespeople.all()) == {jo, of}
    assert handover.undo(manager, made) == (0, 0)
    assert [str(fault) for fault in faults()] == []


def test_undo_for_24_hours(
    deals: list[Opportunity], manager: User, viewer: User, jo: Salesperson, of: Salesperson
) -> None:
    made = run(manager, jo, of).run
    assert made and handover.can_be_undone(manager, made) and not handover.can_be_undone(viewer, made)
    made.made_at = timezone.now() - datetime.timedelta(hours=24)
    assert not handover.can_be_undone(manager, made)


def test_a_deal_that_changed_between_preview_and_run_is_left(
    deals: list[Opportunity], manager: User, jo: Salesperson, of: Salesperson, acme: Contact
) -> None:
    rows, seen = everything(jo, manager)
    lifecycle.edit(deals[0], version=1, description="New", on=deals[0].created_on, by=manager)
    Contact.objects.filter(pk=acme.pk).update(salesperson=None)
    outcome = handover.run(manager, jo, seen, all_to(rows, of), token=uuid4())
    assert [line.row.pk for line in outcome.handed] == [deals[1].pk]
    assert [line.why for line in outcome.refused] == [
        "Changed meanwhile by Manager: Edited.",
        "It is no longer this salesperson's.",
    ]
    assert fresh(deals[0]).salesperson_id == jo.pk


def test_nobody_blocked_gets_anything(
    deals: list[Opportunity], manager: User, jo: Salesperson, hr: Salesperson, north: Territory
) -> None:
    Salesperson.objects.filter(pk=hr.pk).update(privacy_blocked=True)
    hr.refresh_from_db()
    outcome = run(manager, jo, hr)
    assert (outcome.run, {line.why for line in outcome.refused}) == (
        None,
        {"Helena Ray is blocked and cannot be chosen."},
    )
    assert not Handover.objects.exists() and jo in north.salespeople.all()


def test_who_sees_only_some_hands_over_only_these(
    deals: list[Opportunity], rep2: User, manager: User, jo: Salesperson, of: Salesperson
) -> None:
    _rows, seen = everything(jo, manager)
    outcome = handover.run(
        rep2,
        jo,
        {key: 1 for key in seen if key[0] == "opportunities"},
        {("opportunities", deal.pk): of for deal in deals},
        token=uuid4(),
    )
    assert (outcome.lines, outcome.run) == ([], None)
    assert {fresh(deal).salesperson_id for deal in deals} == {jo.pk}


def test_many_go_in_runs_of_so_many_under_one_heading(
    monkeypatch: pytest.MonkeyPatch, deals: list[Opportunity], manager: User, jo: Salesperson, of: Salesperson
) -> None:
    monkeypatch.setattr("upkeep.handover.AT_ONCE", 2)
    first = run(manager, jo, of)
    assert first.run and [line.kind for line in first.lines] == ["opportunities"] * 2
    second = run(manager, jo, of, handover=first.run.handover)
    assert [line.kind for line in second.lines] == ["contacts"]
    assert next_rows(jo, manager, ALL) == []
    assert (Handover.objects.count(), HandoverRun.objects.count()) == (1, 2)


@pytest.mark.parametrize("rows", [1, 10])
def test_queries_of_a_preview(
    company: Company, manager: User, jo: Salesperson, of: Salesperson, acme: Contact, cycle: SalesCycle, rows: int
) -> None:
    """For each opportunity what its verb asks (5), whatever it costs besides."""
    Contact.objects.filter(pk=acme.pk).update(salesperson=None)
    for _row in range(rows):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=company.today())
    found, seen = everything(jo, manager)
    with CaptureQueriesContext(connection) as queries:
        handover.preview(manager, jo, seen, all_to(found, of))
    assert (len(queries) - BESIDE) / rows == EACH


BESIDE, EACH = 15, 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["the same twice", "two managers"])
def test_two_at_once(
    deals: list[Opportunity],
    manager: User,
    administrator: User,
    jo: Salesperson,
    of: Salesperson,
    hr: Salesperson,
    acme: Contact,
    how: str,
) -> None:
    """Each row goes once. The same preview sent twice finds its first run; of two managers the second hears who was faster."""
    rows, seen = everything(jo, manager)
    token, barrier = uuid4(), Barrier(2)
    who = [(manager, of, token), (manager, of, token) if how == "the same twice" else (administrator, hr, uuid4())]
    told: list[Any] = []

    def one(user: User, to: Salesperson, token: Any) -> None:
        barrier.wait()
        try:
            told.append(handover.run(user, jo, seen, all_to(rows, to), token=token))
        except AlreadyRun as first:
            told.append(first)
        finally:
            close_old_connections()
            connection.close()

    threads = [Thread(target=one, args=each) for each in who]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [one for one in told if isinstance(one, handover.Outcome)]
    assert sorted(len(one.handed) for one in runs) == ([3] if how == "the same twice" else [0, 3])
    assert HandoverRun.objects.count() == Handover.objects.count() == 1
    assert len({fresh(deal).salesperson_id for deal in deals} - {jo.pk}) == 1
    assert Opportunity.objects.filter(version=deals[0].version + 1, pk=deals[0].pk).exists()
    assert [str(fault) for fault in faults()] == []


def test_the_one_who_covers_the_territory_gets_its_new_contacts(
    company: Company, manager: User, rep: User, of: Salesperson, hr: Salesperson
) -> None:
    """One's own come first; where several cover it, nobody is meant."""
    south = Territory.objects.create(code="S")
    south.salespeople.add(of)
    assert create(by=manager, name="A", territory=south).contact.salesperson == of
    assert create(by=rep, name="B", territory=south).contact.salesperson == rep.salesperson
    south.salespeople.add(hr)
    assert create(by=manager, name="C", territory=south).contact.salesperson is None
    Salesperson.objects.filter(pk=of.pk).update(blocked=True)
    assert create(by=manager, name="D", territory=south).contact.salesperson == hr


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def to_do(deals: list[Opportunity], manager: User, jo: Salesperson, acme: Contact, bo: Contact) -> dict[str, Task]:
    """Of the leaver: two of the deals, one about a contact without one, one about nobody. Closed ones and the team's stay."""

    def make(**values: Any) -> Task:
        owner = {} if "team" in values else {"salesperson": jo}
        return tasks.create(by=manager, on=deals[0].created_on, **{"description": "Call"} | owner | values)

    tasks.cancel(make(), version=1, on=deals[0].created_on, by=manager)
    make(team=TeamFactory(members=[jo]))
    return {
        "waiting": make(opportunity=deals[0]),
        "running": make(opportunity=deals[1]),
        "bo": make(contact=bo),
        "nobody": make(),
    }


def owners(to_do: dict[str, Task]) -> list[tuple[str, int]]:
    rows = Task.objects.in_bulk([task.pk for task in to_do.values()])
    return [
        (str(rows[task.pk].salesperson and rows[task.pk].salesperson.code), rows[task.pk].version)
        for task in to_do.values()
    ]


def test_open_tasks_are_handed_over_once_and_go_back(
    to_do: dict[str, Task], manager: User, jo: Salesperson, of: Salesperson, deals: list[Opportunity]
) -> None:
    """An opportunity takes none along, so each changes once."""
    rows, seen = everything(jo, manager)
    assert [row.pk for kind, row in rows if kind == "tasks"] == [task.pk for task in to_do.values()]
    before = handover.preview(manager, jo, seen, all_to(rows, of))
    assert owners(to_do) == [("JO", 1)] * 4
    after = run(manager, jo, of)
    for outcome in (before, after):
        assert (outcome.by_person[0]["tasks"], outcome.by_person[0]["opportunities"], outcome.refused) == (4, 2, [])
    assert owners(to_do) == [("OF", 2)] * 4
    assert Task.objects.filter(salesperson=jo).count() == 1 and after.run
    tasks.change(to_do["bo"], version=2, description="Write", on=deals[0].created_on, by=manager)
    Salesperson.objects.filter(pk=jo.pk).update(blocked=True)
    assert handover.undo(manager, after.run) == (6, 1)  # two deals, three tasks and the contact
    assert owners(to_do) == [("JO", 3), ("JO", 3), ("OF", 3), ("JO", 3)]


def test_opportunities_alone_leave_the_tasks(
    to_do: dict[str, Task], manager: User, jo: Salesperson, of: Salesperson
) -> None:
    rows = next_rows(jo, manager, ["opportunities"])
    seen = {(kind, row.pk): row.version for kind, row in rows}
    assert len(handover.run(manager, jo, seen, all_to(rows, of), token=uuid4()).handed) == 2
    assert owners(to_do) == [("JO", 1)] * 4


def test_a_task_goes_with_its_opportunity(
    to_do: dict[str, Task], manager: User, jo: Salesperson, of: Salesperson, hr: Salesperson, acme: Contact
) -> None:
    """Whatever the rule, but all to one; without one it is looked for like the opportunity of its contact."""

    def given(rule: str, *to: Salesperson, kinds: tuple[str, ...] = ("opportunities", "tasks")) -> dict[str, str]:
        chosen = assign(rule, next_rows(jo, manager, kinds), to, jo, manager)
        found = {name: chosen.get(("tasks", task.pk)) for name, task in to_do.items()}
        return {name: one.code for name, one in found.items() if one}

    assert given(Rule.EACH, hr) == {}
    assert given(Rule.ONE, hr) == {"waiting": "HR", "running": "HR", "bo": "HR", "nobody": "HR"}
    assert given(Rule.CONTACT) == {"running": "OF", "bo": "OF"}
    assert given(Rule.CONTACT, kinds=("tasks",)) == {"running": "OF", "bo": "OF"}
    assert given(Rule.TURNS, hr, of) == {"waiting": "HR", "running": "OF", "bo": "HR", "nobody": "OF"}
    assert given(Rule.LEAST, hr, of) == {"waiting": "OF", "running": "HR", "bo": "HR", "nobody": "OF"}
    south = Territory.objects.create(code="S")
    south.salespeople.add(jo, hr)
    Contact.objects.filter(pk=acme.pk).update(territory=south)
    assert given(Rule.TERRITORY) == {"waiting": "HR"}
    lifecycle.reassign(
        to_do["waiting"].opportunity, version=1, salesperson=of, on=Company.current().today(), by=manager
    )
    assert given(Rule.TURNS, hr, kinds=("tasks",)) == {"waiting": "OF", "running": "HR", "bo": "HR", "nobody": "HR"}


def test_a_task_that_changed_between_preview_and_run_is_left(
    to_do: dict[str, Task], manager: User, jo: Salesperson, of: Salesperson, hr: Salesperson, deals: list[Opportunity]
) -> None:
    rows, seen = everything(jo, manager)
    on = deals[0].created_on
    tasks.postpone(to_do["waiting"], version=1, to=on + datetime.timedelta(days=1), on=on, by=manager)
    tasks.reassign(to_do["running"], version=1, salesperson=hr, on=on, by=manager)
    outcome = handover.run(manager, jo, seen, all_to(rows, of), token=uuid4())
    assert [(line.row.pk, line.why) for line in outcome.refused] == [
        (to_do["waiting"].pk, "Somebody changed it meanwhile."),
        (to_do["running"].pk, "It is no longer this salesperson's."),
    ]
    assert owners(to_do) == [("JO", 2), ("HR", 2), ("OF", 2), ("OF", 2)]


@pytest.mark.parametrize("rows", [1, 10])
def test_queries_of_tasks(
    company: Company, manager: User, jo: Salesperson, of: Salesperson, acme: Contact, rows: int
) -> None:
    """For each what its verb asks: SAVEPOINT, the row, its change, RELEASE; beside them the rows, the rights and what a preview costs."""
    Contact.objects.filter(pk=acme.pk).update(salesperson=None)
    for _row in range(rows):
        tasks.create(by=manager, on=company.today(), description="Call", salesperson=jo, contact=acme)
    found, seen = everything(jo, manager)
    with CaptureQueriesContext(connection) as queries:
        handover.preview(manager, jo, seen, all_to(found, of))
    assert len(queries) == 4 * rows + 7
