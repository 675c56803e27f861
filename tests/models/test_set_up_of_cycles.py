"""A cycle checked for contradictions, copied, begun from a pattern; what a change of it does to opportunities under way."""

import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, transaction

from opportunities import lifecycle
from opportunities.models import Opportunity, StageLimit
from salescycles.checks_of_cycles import contradictions, hints
from salescycles.copying import copy_cycle
from salescycles.impact import Figures, Picture, impact, is_used, token
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salescycles.starters import STARTERS, begin_with
from salespeople.models import Company, User
from tests.factories import WORK_DATE, SourceFactory, fresh, make_cycle, make_opportunity


def stage(number: int, completed: int = 0, chances: int = 0, **values: Any) -> Stage:
    return Stage(
        number=number, description=f"S{number}", completed=completed, chances=chances, expected_days=7, **values
    )


def wrong(*stages: Stage, **cycle: Any) -> list[str]:
    return contradictions(SalesCycle(code="X", **cycle), stages)


# ── contradictions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cycle_that_rises_contradicts_nothing() -> None:
    assert wrong(stage(1, 10, 10), stage(2, 10, 10), stage(3, 90, 95)) == []
    assert hints(SalesCycle(code="X"), [stage(1, 10, 10)]) == []


def test_a_cycle_without_stages_is_said() -> None:
    assert wrong() == ["The cycle has no stages, so nothing can start in it."]


def test_percentages_that_fall_are_said_of_the_very_pair() -> None:
    assert wrong(stage(1, 10, 10), stage(2, 50, 60), stage(3, 49, 60), stage(4, 90, 59)) == [
        "Completed % falls from “S2” to “S3”, though the deal goes on.",
        "The chances of success fall from “S3” to “S4”, though the deal goes on.",
    ]


@pytest.mark.parametrize(("method", "counts"), [("multiply", False), ("chances", False), ("average", True)])
def test_a_last_stage_that_counts_nothing_depends_on_the_method(method: str, counts: bool) -> None:
    said = "At the last stage, “S1”, the probability is 0 %: just before it is won, a deal counts nothing."
    assert wrong(stage(1, 90, 0), probability_method=method) == ([] if counts else [said])


def test_a_formula_that_leads_back_is_said() -> None:
    ahead = ("", "CM", "2W", "WD1", "-1D+1M")
    assert wrong(*(stage(at, 50, 50, date_formula=formula) for at, formula in enumerate(ahead))) == []
    assert wrong(stage(1, 50, 50, date_formula="-1W")) == [
        "The date formula -1W of “S1” proposes a closing date before the stage is entered, which is refused."
    ]


@pytest.mark.django_db
def test_a_gate_that_cannot_be_met_cuts_off_the_last_stage(rep: User, viewer: User) -> None:
    role, nobodys = rep.groups.get().pk, Group.objects.create(name="Nobody's").pk

    def with_roles(*roles: int) -> list[str]:
        return wrong(stage(1, 10, 10), stage(2, 20, 20, roles=list(roles)), stage(3, 30, 30))

    said = ["Nobody can enter “S2”: nobody has one of its roles. So the last stage, “S3”, is never reached."]
    assert [with_roles(), with_roles(role), with_roles(nobodys, role), with_roles(nobodys)] == [[], [], [], said]
    User.objects.filter(pk=rep.pk).update(is_active=False)
    assert with_roles(role) == said


def test_what_is_only_worth_a_look_is_a_hint() -> None:
    first, second = stage(1, 10, 10, quote_required=True), stage(2, 10, 10)
    second.expected_days = None
    assert hints(SalesCycle(code="X"), [first, second]) == [
        "“S1” requires a quote, but a start does not ask for one: only who comes back from another cycle, or reopens here.",
        "Without expected days, deals stall unnoticed until the stage has a history of its own: S2.",
    ]


def test_a_stage_that_nobody_comes_to_is_a_hint(cycle, acme, jo, company) -> None:
    """One left “Initial” within the year and stands at “Present”; the cycle has been in use for longer."""
    stages = list(cycle.stages.order_by("number"))
    Stage.objects.update(expected_days=7)
    today = company.today()

    def hinted() -> list[str]:
        return hints(cycle, list(cycle.stages.order_by("number")))

    for at, visits in zip(stages, (1, 0, 0, 0), strict=True):
        StageLimit.objects.create(stage=at, visits=visits, learned_on=today)
    made = {"contact": acme, "salesperson": jo, "cycle": cycle}
    make_opportunity(**made, stage=2, on=today - datetime.timedelta(days=300), closing_on=today)
    assert hinted() == []  # not yet a year in use
    make_opportunity(**made, stage=3, on=today - datetime.timedelta(days=366), closing_on=today)
    assert hinted() == [
        f"Nobody came to these stages in the last twelve months: {stages[2]}, {stages[3]}.",
    ]
    assert hints(SalesCycle(code="NEW"), [stage(1, 10, 10)]) == []


# ── the impact of a change ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_impact_says_what_a_revision_would_make_of_each(cycle, acme, jo, manager) -> None:
    """Present is 40/60: 1 000 at 24 %; one with chances typed by hand, 2 000 at 50 × 40 %. Then it is 50/70, by average."""
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2)
    typed = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, value=Decimal("2000.05"))
    lifecycle.revise(typed, version=typed.version, chances=Decimal(50), on=WORK_DATE, by=None)
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle)
    before = Picture.of(cycle.pk)
    cycle.stages.filter(number=2).update(completed=50, chances=70)
    SalesCycle.objects.filter(pk=cycle.pk).update(probability_method="average")
    found = impact(before, Picture.of(cycle.pk), manager)
    own, present = found.parts
    assert [change[1:] for change in own.changes] == [
        ("Multiply: chances × completed", "Average of chances and completed")
    ]
    assert [(str(change.label), *change[1:]) for change in present.changes] == [
        ("completed %", "40%", "50%"),
        ("chances of success %", "60%", "70%"),
    ]
    later = Decimal("600.00") + Decimal("1000.03")  # 60 % of 1 000; 50 % of 2 000.05
    assert present.figures == Figures(2, Decimal("3000.05"), Decimal("640.01"), later)
    assert (found.total, found.waiting, found.recounts, len(present.said)) == (present.figures, 1, True, 1)
    for one in Opportunity.objects.filter(status="in_progress"):
        lifecycle.revise(one, version=one.version, on=WORK_DATE, by=None)
    assert Opportunity.objects.filter(status="in_progress").totals()["calculated_value"] == later


@pytest.mark.django_db
def test_the_impact_says_gates_in_words(cycle: SalesCycle, manager: User, company: Company) -> None:
    before = Picture.of(cycle.pk)
    role = manager.groups.get()
    cycle.stages.filter(number=2).update(
        minimum_value=5000,
        required_fields=["source", "competitor"],
        roles=[role.pk],
        document_required=True,
        allow_back=False,
    )
    (part,) = impact(before, Picture.of(cycle.pk), manager).parts
    assert {str(change.label): change[1:] for change in part.changes} == {
        "document required": ("No", "Yes"),
        "minimum value": ("–", "€5,000.00"),
        "required fields": ("–", "Source, Competitor"),
        "roles that may enter": ("–", role.name),
        "allow back": ("Yes", "No"),
    }
    assert part.said == [
        "This counts from the next move on; what stands here already stays.",
        "This counts from the next move on.",
    ]
    assert not part.recounts


def test_running_ones_keep_their_figures_until_their_next_step(cycle, acme, jo, manager) -> None:
    """What the page says, taken at its word: facts and another salesperson change no figure, a move does."""
    one = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2)
    cycle.stages.update(completed=90, chances=90)
    lifecycle.edit(one, version=one.version, description="Tables", on=WORK_DATE, by=None)
    one = fresh(one)
    assert (one.chances, one.completed, one.probability, one.calculated_value) == (60, 40, 24, 240)
    lifecycle.move(one, version=one.version, to=cycle.stages.get(number=3), on=WORK_DATE, by=None)
    assert fresh(one).calculated_value == 810
    out = StringIO()
    call_command("check_ledger", stdout=out)


def test_only_what_counts_is_a_difference(cycle) -> None:
    before = Picture.of(cycle.pk)
    cycle.stages.filter(number=1).update(description="Named anew", colour="teal", exit_criteria="Yes")
    assert not Picture.of(cycle.pk).differs_from(before)
    cycle.stages.filter(number=1).update(allow_skip=True)
    assert Picture.of(cycle.pk).differs_from(before)


def test_two_stages_that_change_places_with_all_they_say_are_a_difference(cycle) -> None:
    first, second = cycle.stages.filter(number__lte=2)
    before = Picture.of(cycle.pk)
    for one, other in ((first, second), (second, first)):
        Stage.objects.filter(pk=one.pk).update(
            number=100 + other.number, completed=other.completed, chances=other.chances
        )
    for one, number in ((first, 2), (second, 1)):
        Stage.objects.filter(pk=one.pk).update(number=number)
    assert Picture.of(cycle.pk).differs_from(before)


def test_a_new_stage_has_the_same_token_whatever_key_it_gets(cycle) -> None:
    before, tokens = Picture.of(cycle.pk), []
    for _ in range(2):
        with transaction.atomic():
            Stage.objects.create(sales_cycle=cycle, number=9, description="Late")
            tokens.append(token(before, Picture.of(cycle.pk)))
            transaction.set_rollback(True)
    assert tokens[0] == tokens[1] != token(before, before)


def test_a_cycle_is_in_use_while_something_is_open_in_it(cycle, acme, jo, price_l) -> None:
    assert not is_used(cycle)
    one = make_opportunity(contact=acme, salesperson=jo, cycle=cycle)
    assert is_used(cycle)
    lifecycle.close(one, version=one.version, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    assert not is_used(cycle)


# ── copies and beginnings ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_copy_has_the_stages_and_waits_blocked(cycle) -> None:
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True, probability_method="average")
    cycle.stages.filter(number=2).update(quote_required=True, colour="red", exit_criteria="Signed", date_formula="2W")
    cycle.refresh_from_db()
    made = copy_cycle(cycle)
    assert (made.code, made.description, made.blocked, made.is_default) == ("CY-2", "Copy of Cycle CY", True, False)
    assert made.probability_method == "average"
    facts = [field.name for field in Stage._meta.fields if field.name not in ("id", "sales_cycle")]
    assert list(made.stages.values_list(*facts)) == list(cycle.stages.values_list(*facts))
    assert not set(made.stages.values_list("pk")) & set(cycle.stages.values_list("pk"))
    assert copy_cycle(cycle).code == "CY-3"
    assert SalesCycle.objects.get(is_default=True) == cycle


def test_a_long_code_is_cut_for_its_copy(db) -> None:
    made = copy_cycle(make_cycle("A" * 20))
    assert made.code == "A" * 18 + "-2"


@pytest.mark.parametrize("starter", STARTERS, ids=lambda one: one.code)
def test_every_starter_is_a_cycle_one_can_use(db, starter) -> None:
    cycle = begin_with(starter)
    stages = list(cycle.stages.all())
    for one in (cycle, *stages):
        one.full_clean()
    assert contradictions(cycle, stages) == hints(cycle, stages) == []
    assert (cycle.is_default, cycle.blocked, len(stages)) == (True, False, len(starter.steps))
    assert all(one.exit_criteria for one in stages)


def test_close_codes_come_along_only_where_there_are_none(db) -> None:
    begin_with(STARTERS[0])
    assert CloseCode.objects.count() == 6
    second = begin_with(STARTERS[0])
    assert (second.code, second.is_default, CloseCode.objects.count()) == ("PROJECTS-2", False, 6)


# ── sources with dates ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_runs_between_its_days(db) -> None:
    fair = SourceFactory(code="FAIR", starts_on=WORK_DATE, ends_on=WORK_DATE)
    before, after = WORK_DATE.replace(day=1), WORK_DATE.replace(day=3)
    assert [fair.runs_on(day) for day in (before, WORK_DATE, after)] == [False, True, False]
    assert Source(code="WEB").runs_on(WORK_DATE)
    with pytest.raises(IntegrityError, match="source_does_not_end_before_it_starts"), transaction.atomic():
        Source.objects.filter(pk=fair.pk).update(ends_on=before)


def test_a_colour_is_one_of_the_palette(cycle) -> None:
    with pytest.raises(IntegrityError, match="stage_has_a_known_colour"), transaction.atomic():
        cycle.stages.update(colour="pink")
