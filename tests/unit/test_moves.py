"""The pure rule of the moves, without a database (domain B.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportunities.gates import Facts
from opportunities.models import Action, Status
from opportunities.moves import Move, moves
from salescycles.models import Stage


def cycle(*stages: str) -> list[Stage]:
    """Stages with keys 1, 2, 3 …; “s” may be skipped, “q” needs a quote."""
    return [
        Stage(
            pk=number,
            number=number * 10,
            description=f"Stage {number}",
            allow_skip="s" in rules,
            quote_required="q" in rules,
        )
        for number, rules in enumerate(stages, start=1)
    ]


def ways(stages: list[Stage], here: int | None, *, has_quote: bool = False) -> list[Move]:
    status = Status.IN_PROGRESS if here else Status.NOT_STARTED
    return moves(status=status, stage_id=here, stages=stages, facts=Facts(quote=has_quote))


def kinds(found: list[Move]) -> dict[int, tuple[str, str | None]]:
    return {way.stage.pk: (way.action, way.refusal.code if way.refusal else None) for way in found}


def test_not_started_offers_the_first_alone():
    assert kinds(ways(cycle("s", "s", "s"), None)) == {
        1: ("started", None),
        2: ("started", "E15"),
        3: ("started", "E15"),
    }


def test_no_stage_offers_nothing():
    assert ways([], None) == []


@pytest.mark.parametrize("status", [Status.WON, Status.LOST])
def test_closed_offers_nothing(status):
    found = moves(status=status, stage_id=None, stages=cycle("", ""), facts=Facts(quote=True))
    assert [(way.is_open, way.why_not) for way in found] == [(False, "The opportunity is closed.")] * 2


def test_all_kinds():
    assert kinds(ways(cycle("", "", "", "s", "", ""), 3)) == {
        1: ("jump", None),
        2: ("previous", None),
        4: ("next", None),
        5: ("skip", None),
        6: ("skip", "E15"),
    }


def test_neither_the_stage_itself_nor_the_target_need_allow_skip():
    assert kinds(ways(cycle("", "s", ""), 1))[3] == ("skip", None)


def test_the_reason_names_the_stage():
    refused = ways(cycle("", "", "s", ""), 1)[2]
    assert refused.why_not == "The stage “Stage 2” cannot be skipped."


def test_a_quote_is_needed_for_the_target_and_for_what_is_passed_over():
    stages = cycle("", "s", "sq", "")
    assert kinds(ways(stages, 1)) == {2: ("next", None), 3: ("skip", "E16"), 4: ("skip", "E16")}
    assert all(way.is_open for way in ways(stages, 1, has_quote=True))


def test_no_quote_is_needed_for_what_was_passed_before_or_for_going_back():
    stages = cycle("q", "q", "q", "")
    assert kinds(ways(stages, 3)) == {1: ("jump", None), 2: ("previous", None), 4: ("next", None)}


def test_what_cannot_be_skipped_comes_before_the_quote():
    assert kinds(ways(cycle("", "q", ""), 1))[3] == ("skip", "E15")


stage_rules = st.lists(st.sampled_from(["", "s", "q", "sq"]), min_size=1, max_size=7)


@given(rules=stage_rules, data=st.data(), has_quote=st.booleans())
def test_laws(rules, data, has_quote):
    stages = cycle(*rules)
    here = data.draw(st.integers(1, len(stages)))
    found = ways(stages, here, has_quote=has_quote)
    assert [way.stage.pk for way in found] == [stage.pk for stage in stages if stage.pk != here]
    back = [way for way in found if way.stage.pk < here]
    assert all(way.is_open for way in back)
    assert [way.action for way in found].count(Action.NEXT) == (here < len(stages))
    assert [way.action for way in found].count(Action.PREVIOUS) == (here > 1)
    ahead = [way for way in found if way.stage.pk > here]
    for way in ahead:
        over = stages[here : way.stage.pk - 1]
        skippable = all(stage.allow_skip for stage in over)
        quoted = has_quote or not any(stage.quote_required for stage in [*over, way.stage])
        assert way.is_open == (skippable and quoted)


@given(rules=stage_rules, data=st.data())
def test_a_quote_opens_ways_and_closes_none(rules, data):
    stages = cycle(*rules)
    here = data.draw(st.integers(1, len(stages)))
    without = {way.stage.pk for way in ways(stages, here) if way.is_open}
    assert without <= {way.stage.pk for way in ways(stages, here, has_quote=True) if way.is_open}
