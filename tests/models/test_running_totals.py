"""Totals that triggers keep are those of the rows, whatever happens, to several people at once."""

import datetime
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.http import QueryDict

from crm.lib.listing.selection import Selection
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity, RunningTotal
from salespeople.models import Grant
from tests.factories import TeamFactory, fresh, make_opportunity
from tests.models.row_rules import execute

DAY = datetime.date(2026, 3, 2)
KIND = ("archived", "status", "sales_cycle_id", "stage_id", "salesperson_id")
VALUES = ("estimated_value", "calculated_value", "sales_value")


def kept() -> dict[tuple[Any, ...], tuple[Any, ...]]:
    rows = RunningTotal.objects.values(*KIND).annotate(n=Sum("count"), **{f"of_{name}": Sum(name) for name in VALUES})
    figures = {tuple(row[name] for name in KIND): (row["n"], *(row[f"of_{name}"] for name in VALUES)) for row in rows}
    return {kind: found for kind, found in figures.items() if any(found)}


def counted() -> dict[tuple[Any, ...], tuple[Any, ...]]:
    rows = Opportunity.objects.order_by().values(*KIND)
    rows = rows.annotate(n=Count("pk"), **{f"of_{name}": Sum(name) for name in VALUES})
    return {tuple(row[name] for name in KIND): (row["n"], *(row[f"of_{name}"] or 0 for name in VALUES)) for row in rows}


@pytest.mark.django_db
def test_they_follow_every_step(acme, jo, of, cycle, rep, price_w, price_l):
    free = make_opportunity(contact=acme, by=rep, on=DAY, value=7)
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=DAY, value=1000)
    assert kept() == counted() and len(counted()) == 2
    second = cycle.stages.get(number=2)
    lifecycle.move(fresh(deal), version=2, to=second, on=DAY, by=rep)
    assert kept() == counted() and (False, "in_progress", cycle.pk, second.pk, jo.pk) in kept()
    lifecycle.revise(fresh(deal), version=3, on=DAY, by=rep, estimated_value=Decimal("1234.56"))
    lifecycle.reassign(fresh(deal), version=4, on=DAY, by=rep, salesperson=of)
    assert kept() == counted() and kept()[False, "in_progress", cycle.pk, second.pk, of.pk][1] == Decimal("1234.56")
    lifecycle.close(fresh(deal), version=5, outcome="won", close_code=price_w, on=DAY, by=rep, sales_value=Decimal(900))
    assert kept() == counted() and kept()[False, "won", cycle.pk, None, of.pk][3] == 900
    lifecycle.undo(fresh(deal), version=6, by=rep)
    lifecycle.archive(fresh(free), version=1, on=DAY, by=rep)
    assert kept() == counted() and len(counted()) == 2
    assert not list(faults())


@pytest.mark.django_db
def test_what_is_rolled_back_counts_for_nothing(acme, jo, cycle, rep):
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=DAY, value=1000)
    before = kept()
    with transaction.atomic():
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=DAY, value=50)
        assert kept() == counted() != before
        transaction.set_rollback(True)
    assert kept() == before == counted()


@pytest.mark.django_db
def test_a_wrong_total_is_found(acme, jo, cycle, rep):
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=DAY, value=1000)
    execute("UPDATE opportunities_runningtotal SET count = count + 1 WHERE stage_id IS NOT NULL")
    assert [(fault.code, fault.what) for fault in faults()] == [
        ("totals_differ", "the running totals count 1 too many, worth 0.00")
    ]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_anybody(acme, jo, cycle, rep):
    """Both change a row of one kind; the second does not wait until the first one's transaction ends."""
    first, second = (
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=DAY, value=100) for _ in "ab"
    )
    begun, done = threading.Event(), threading.Event()

    def other() -> None:
        try:
            begun.wait(10)
            lifecycle.revise(fresh(second), version=2, on=DAY, by=rep, estimated_value=Decimal(300))
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    with transaction.atomic():
        lifecycle.revise(fresh(first), version=2, on=DAY, by=rep, estimated_value=Decimal(200))
        begun.set()
        assert done.wait(10), "it waited for this transaction"
    thread.join()
    assert kept() == counted()
    assert max(RunningTotal.objects.filter(stage__isnull=False).values_list("slot", flat=True)) > 0


@pytest.fixture
def teammate(rep2, jo, of, hr):
    """Sees the opportunities of a whole team."""
    TeamFactory(members=[jo, of, hr])
    rep2.user_permissions.add(Permission.objects.get(codename="view_team_opportunity"))
    return rep2


@pytest.fixture
def sharee(rep2, of, hr, company):
    """Sees unassigned ones of contacts of the team, and what `shares` shares."""
    company.unassigned_seen_by = "team"
    company.save()
    TeamFactory(members=[of, hr])
    return rep2


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["rep", "rep2", "teammate", "sharee", "manager", "administrator", "viewer", "outsider"])
def test_a_list_reads_them_where_they_know_enough(request, who, acme, beta, jo, of, cycle, rep, price_l):
    """The totals of the list and of its groups, whoever reads, are those counted row by row."""
    for number, (contact, whose) in enumerate([(acme, jo), (beta, jo), (acme, of), (beta, of), (acme, jo)]):
        make_opportunity(
            contact=contact, salesperson=whose, cycle=cycle, stage=number % 3, by=rep, on=DAY, value=100 + number
        )
    make_opportunity(contact=acme, by=rep, on=DAY, value=7)
    make_opportunity(contact=beta, by=rep, on=DAY, value=11)
    user = request.getfixturevalue(who)
    if who == "sharee":  # one of somebody else, an own one, an unassigned one that is seen anyway
        for deal in (*Opportunity.objects.order_by("salesperson__code", "pk")[1:4], Opportunity.objects.latest("pk")):
            Grant.objects.create(opportunity=deal, salesperson=of)
        assert Opportunity.objects.visible_to(user).count() == 6
    for query, reads in [
        ("", True),
        ("status=open", True),
        ("salesperson=none", True),
        (f"stage={cycle.stages.get(number=2).pk}&sales_cycle={cycle.pk}", True),
        ("archived=true", True),
        ("group=stage", True),
        ("group=salesperson&status=in_progress&columns=description,sales_value,estimated_value", True),
        ("group=priority", False),
        ("priority=high", False),
        ("where=1:estimated_value:min:101", False),
        ("q=deal", False),
    ]:
        selection = Selection(OPPORTUNITIES, user, QueryDict(query))
        if not selection.understood:
            continue  # what this person may not ask for
        assert (selection._kept is not None) is reads, query
        rows = selection.rows.aggregate(n=Count("pk"), of=Sum("estimated_value"), weighted=Sum("calculated_value"))
        told = selection.totals
        assert told.count == rows["n"], query
        assert (told.sums.get("estimated_value") or 0) == (rows["of"] or 0), query
        if "calculated_value" in told.sums:
            assert (told.sums["calculated_value"] or 0) == (rows["weighted"] or 0), query


@pytest.mark.django_db
def test_what_they_do_not_know_is_added(company, rep, jo, acme, beta, django_assert_num_queries):
    """In the same statement."""
    company.unassigned_seen_by = "team"
    company.save()
    make_opportunity(contact=acme, salesperson=jo, by=rep, on=DAY, value=5)
    for contact, value in ((acme, 7), (beta, 11)):
        make_opportunity(contact=contact, on=DAY, value=value)
    for query, count, value in (("", 2, 12), ("group=salesperson", 2, 12), ("salesperson=none", 1, 7)):
        selection = Selection(OPPORTUNITIES, rep, QueryDict(query))
        assert selection._kept is not None and selection._beside.count() == 1
        with django_assert_num_queries(1):
            assert selection.totals.count == count
        assert (selection.totals.count, selection.totals.sums["estimated_value"]) == (count, value)
