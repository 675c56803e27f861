"""How long a deal may stand at a stage: what is learned from the ledger, and which deals stand too long."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction

from contacts.models import Contact
from opportunities import jobs, lifecycle, stalling
from opportunities.models import Opportunity, StageLimit
from opportunities.stalling import Limit, Stalled, limit, stall_of
from salescycles.models import CloseCode, SalesCycle, Stage
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import WORK_DATE, fresh, make_opportunity

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
TODAY, LATER = WORK_DATE + 100 * DAY, WORK_DATE + 1000 * DAY
Visit = Callable[..., Opportunity]


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def first(cycle: SalesCycle) -> Stage:
    return cycle.stages.get(number=1)


@pytest.fixture
def visit(acme: Contact, jo: Salesperson, cycle: SalesCycle) -> Visit:
    """A deal that stood so many days at the first stage, from the work date or so many days later, and went on."""

    def made(days: int, after: int = 0) -> Opportunity:
        begun = WORK_DATE + after * DAY
        deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=begun, closing_on=LATER)
        move(deal, 2, begun + days * DAY)
        return fresh(deal)

    return made


def move(deal: Opportunity, stage: int, on: datetime.date) -> None:
    now = fresh(deal)
    assert now.sales_cycle
    lifecycle.move(now, version=now.version, to=now.sales_cycle.stages.get(number=stage), on=on, by=None)


def learned(stage: Stage, today: datetime.date = TODAY) -> tuple[int | None, int]:
    stalling.learn_anew(today)
    found = StageLimit.objects.get(stage=stage)
    assert found.learned_on == today
    return found.days, found.visits


# ── what is learned ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_three_quarters_of_eight_visits(visit: Visit, first: Stage) -> None:
    for days in (1, 2, 3, 4, 5, 6, 40):
        visit(days)
    assert learned(first) == (None, 7)
    visit(7)
    assert learned(first) == (6, 8)
    assert stalling.learn_anew(TODAY) == 1  # the others stages know too little


def test_a_visit_is_a_day_at_least(visit: Visit, first: Stage) -> None:
    for _ in range(8):
        visit(0)
    assert learned(first) == (1, 8)


def test_only_the_last_twelve_months_count(visit: Visit, first: Stage) -> None:
    for _ in range(4):
        visit(10)
        visit(30, after=20)
    ended = WORK_DATE + 10 * DAY
    assert learned(first, ended.replace(year=2027) - DAY) == (30, 8)
    assert learned(first, ended.replace(year=2027)) == (None, 4)


def test_what_is_still_there_does_not_count(visit: Visit, first: Stage, acme: Contact, jo: Salesperson) -> None:
    make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    visit(3)
    assert learned(first) == (None, 1)


def test_a_revision_begins_no_new_visit(visit: Visit, first: Stage, acme: Contact, jo: Salesperson) -> None:
    for _ in range(7):
        visit(9)
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    lifecycle.revise(deal, version=2, on=WORK_DATE + 5 * DAY, by=None)
    lifecycle.edit(fresh(deal), version=3, description="Other", on=WORK_DATE + 6 * DAY, by=None)
    move(deal, 2, WORK_DATE + 9 * DAY)
    assert learned(first) == (9, 8)


def test_coming_back_begins_one(visit: Visit, first: Stage) -> None:
    deal = visit(2)
    move(deal, 1, WORK_DATE + 4 * DAY)
    assert learned(first) == (None, 1)
    move(deal, 2, WORK_DATE + 30 * DAY)
    assert learned(first) == (None, 2)


def test_coming_back_on_the_same_day_too(visit: Visit, first: Stage) -> None:
    deal = visit(0)
    move(deal, 1, WORK_DATE)
    for days in (0, 0, 0, 0, 0, 0):
        visit(days)
    move(deal, 2, WORK_DATE + 20 * DAY)
    assert learned(first) == (1, 8)  # of nothing and of twenty days, not one of twenty


def test_winning_ends_a_visit(first: Stage, acme: Contact, jo: Salesperson, price_w: CloseCode) -> None:
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    how: dict[str, Any] = {"outcome": "won", "close_code": price_w, "sales_value": 1, "by": None}
    lifecycle.close(deal, version=2, on=WORK_DATE + 3 * DAY, **how)
    assert learned(first) == (None, 1)


def test_what_was_taken_back_never_happened(visit: Visit, first: Stage, rep: User) -> None:
    deal = visit(3)
    lifecycle.undo(deal, version=deal.version, by=rep)
    assert learned(first) == (None, 0)
    move(deal, 2, WORK_DATE + 9 * DAY)
    assert learned(first) == (None, 1)


def test_a_day_is_learned_from_once(visit: Visit, first: Stage) -> None:
    assert stalling.learn(TODAY)
    for _ in range(8):
        visit(5)
    assert not stalling.learn(TODAY)
    assert StageLimit.objects.get(stage=first).days is None
    assert stalling.learn(TODAY + DAY)
    assert StageLimit.objects.get(stage=first).days == 5
    Stage.objects.create(sales_cycle=first.sales_cycle, number=9, description="New")
    assert stalling.learn(TODAY + DAY)
    assert StageLimit.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_one_learns_at_a_time(cycle: SalesCycle, company: Company) -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [stalling.LEARNING])
            assert not stalling.learn(TODAY)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [stalling.LEARNING])
    finally:
        other.close()
    assert stalling.learn(TODAY)


def test_the_command(visit: Visit, first: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(8):
        visit(5)
    call_command("learn_limits")
    assert capsys.readouterr().out == "1 stages with a limit of their own.\n"
    assert StageLimit.objects.get(stage=first).learned_on == Company.current().today()


@pytest.mark.parametrize("days", [0, 3651])
def test_expected_days_are_days(first: Stage, days: int) -> None:
    first.expected_days = days
    with pytest.raises(ValidationError):
        first.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        Stage.objects.filter(pk=first.pk).update(expected_days=days)


# ── who stands too long ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "allowed", "has_next_step", "tone"),
    [
        (13, 14, False, None),
        (14, 14, False, "amber"),
        (14, 14, True, None),
        (20, 14, False, "amber"),
        (21, 14, False, "red"),
        (21, 14, True, "red"),
        (0, 1, False, None),
        (1, 1, False, "amber"),
        (2, 1, True, "red"),
        (22, 15, False, "amber"),  # one and a half times 15 is 22.5
        (23, 15, False, "red"),
        (999, None, False, None),
    ],
)
@pytest.mark.parametrize("is_learned", [True, False])
def test_amber_at_the_limit_and_red_at_one_and_a_half(
    acme: Contact,
    jo: Salesperson,
    first: Stage,
    days: int,
    allowed: int | None,
    has_next_step: bool,
    tone: str | None,
    is_learned: bool,
) -> None:
    """The database and the marks say the same."""
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    today = WORK_DATE + days * DAY
    if has_next_step:
        tasks.create(description="Call", opportunity=deal, salesperson=jo, due_on=today, on=WORK_DATE, by=None)
    tasks.create(description="Late", opportunity=deal, salesperson=jo, due_on=today - DAY, on=WORK_DATE, by=None)
    StageLimit.objects.create(stage=first, days=allowed if is_learned else None, visits=8, learned_on=today)
    expected = None if is_learned or allowed is None else allowed
    Stage.objects.filter(pk=first.pk).update(expected_days=expected)
    known = limit(allowed if is_learned else None, expected)
    stall = stall_of(entered_on=WORK_DATE, limit=known, has_next_step=has_next_step, today=today)
    assert (stall and stall.tone) == tone
    found = {which.value: Opportunity.objects.stalled(which, today).count() for which in Stalled}
    assert found == {"any": int(bool(tone)), "amber": int(tone == "amber"), "red": int(tone == "red")}


def test_what_was_learned_counts_before_what_was_typed() -> None:
    assert (limit(14, 30), limit(None, 30), limit(None, None)) == (Limit(14, True), Limit(30, False), None)


def test_what_the_mark_says() -> None:
    def said(days: int, known: Limit) -> str:
        stall = stall_of(entered_on=TODAY - days * DAY, limit=known, has_next_step=False, today=TODAY)
        assert stall
        return stall.words

    assert said(21, Limit(14, True)) == "21 days, three quarters of deals leave within 14"
    assert said(1, Limit(1, False)) == "1 day, expected 1"


def test_only_what_is_in_progress_is_stalled(acme: Contact, jo: Salesperson, first: Stage, price_l: CloseCode) -> None:
    Stage.objects.update(expected_days=1)
    make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle)
    lost = make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    standing = make_opportunity(contact=acme, salesperson=jo, cycle=first.sales_cycle, stage=1, closing_on=LATER)
    assert [*Opportunity.objects.stalled("any", TODAY)] == [standing]


def test_limits_take_two_statements(visit: Visit, django_assert_num_queries: Any) -> None:
    visit(3)
    with django_assert_num_queries(5):  # between savepoints: whether it is time, as long as it takes, and learning
        assert stalling.learn(TODAY)
    with django_assert_num_queries(3):
        assert not stalling.learn(TODAY)
    assert connection.in_atomic_block


@pytest.mark.django_db
def test_the_worker_learns_once_a_day(first: Stage, company: Company) -> None:
    StageLimit.objects.all().delete()
    jobs.learn_limits()
    assert StageLimit.objects.get(stage=first).learned_on == company.today()
    StageLimit.objects.update(visits=77)
    jobs.learn_limits()
    assert StageLimit.objects.get(stage=first).visits == 77
