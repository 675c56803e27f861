"""Probability by the cycle's method, its rounding, and the proposed closing date (domain C), without a database."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportunities.estimates import KEEP, Asked, figures, proposed_closing
from opportunities.models import Opportunity, Status
from salescycles.models import SalesCycle, Stage

percent = st.decimals(0, 100, places=2)
METHODS = SalesCycle.ProbabilityMethod.values


@pytest.mark.parametrize(
    ("method", "at_60_40", "at_20_50"),
    [("multiply", 24, 10), ("average", 50, 35), ("chances", 60, 20), ("completed", 40, 50)],
)
def test_the_four_methods(method, at_60_40, at_20_50):
    cycle = SalesCycle(probability_method=method)
    assert cycle.probability(chances=Decimal(60), completed=Decimal(40)) == at_60_40
    assert cycle.probability(chances=Decimal(20), completed=Decimal(50)) == at_20_50


@given(method=st.sampled_from(METHODS), chances=percent, completed=percent)
def test_probability_is_a_percentage_with_two_decimals(method, chances, completed):
    found = figures(
        SalesCycle(probability_method=method), Stage(chances=1, completed=completed), chances=chances, manual=True
    )
    assert 0 <= found["probability"] <= 100
    assert found["probability"] == found["probability"].quantize(Decimal("0.01"))
    assert (found["chances"], found["completed"], found["chances_are_manual"]) == (chances, completed, True)


@given(chances=percent, completed=percent)
def test_multiplied_it_never_exceeds_either(chances, completed):
    probability = SalesCycle(probability_method="multiply").probability(chances=chances, completed=completed)
    assert probability <= min(chances, completed)


def test_half_is_rounded_away_from_zero():
    found = figures(
        SalesCycle(probability_method="average"), Stage(completed=Decimal("0.01")), chances=Decimal(0), manual=True
    )
    assert found["probability"] == Decimal("0.01")


def test_blank_chances_are_the_stage_s_and_zero_is_zero():
    stage = Stage(chances=Decimal(60), completed=Decimal(50))
    assert figures(SalesCycle(), stage, chances=None, manual=False)["chances"] == 60
    assert figures(SalesCycle(), stage, chances=Decimal(0), manual=True)["probability"] == 0


def test_what_is_asked_is_looked_at_as_it_is_stored():
    asked = Asked(estimated_value=Decimal("0.005"), chances=Decimal("33.335"))
    assert (asked.estimated_value, asked.chances) == (Decimal("0.01"), Decimal("33.34"))
    assert Asked() == Asked(KEEP, KEEP, KEEP)
    assert Asked(estimated_value=None, chances=None).chances is None


DAY, OWN = datetime.date(2026, 3, 2), datetime.date(2026, 5, 1)


@pytest.mark.parametrize(
    ("status", "stage", "formula", "own", "expected"),
    [
        ("not_started", None, "1W", None, datetime.date(2026, 3, 9)),
        ("not_started", None, "1W", OWN, OWN),
        ("not_started", None, "", None, DAY),
        ("in_progress", 1, "CM", OWN, datetime.date(2026, 3, 31)),
        ("in_progress", 1, "", OWN, OWN),
        ("in_progress", 1, "", None, DAY),
        ("in_progress", 2, "CM", OWN, OWN),
        ("in_progress", 2, "CM", None, DAY),
    ],
)
def test_the_proposed_closing_date(status, stage, formula, own, expected):
    """Entering stage 2; where it stands there already, the formula has had its say."""
    opportunity = Opportunity(status=Status(status), stage_id=stage, closing_on=own)
    assert proposed_closing(opportunity, Stage(pk=2, date_formula=formula), DAY) == expected
