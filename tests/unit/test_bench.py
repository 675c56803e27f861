"""The benchmark's own arithmetic (tests/performance)."""

import pytest

from tests.performance.figures import Goal, Taken, aligned, cells, percentile, ratio
from tests.performance.traffic import Ask, shared

GOAL = Goal(6, 1.5, 1.6)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10), (0.95, 19), (0.96, 20), (1, 20), (0, 1)])
def test_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile([*range(20, 0, -1)], share) == expected


def test_percentile_of_one() -> None:
    assert percentile([7.5], 0.95) == 7.5


def test_ratio_of_nothing_measured_is_zero() -> None:
    assert (ratio(12, 8), ratio(12, 0)) == (1.5, 0)


def test_goals_grow_with_the_table() -> None:
    assert (GOAL.ratio(100_000), GOAL.ratio(1_000_000)) == (1.5, 1.6)


def test_a_row_of_the_table() -> None:
    taken = Taken(
        "list", GOAL, 5, 41_000, 1, times=[12, 10, 90], bare_times=[8, 8, 8], rates=[90, 110], bare_rates=[200]
    )
    assert cells(taken, 100_000) == [
        *("list", "5", "6", "12.0", "90.0", "8.0", "1.50", "1.5", "100", "200", "2.00", "40", "1")
    ]


def test_columns_stand_below_each_other() -> None:
    assert aligned([("", "SQL"), ("list", "5")]) == "      SQL\nlist    5"


def test_pairs_of_moves_stay_with_one_person() -> None:
    asks = [Ask(str(at)) for at in range(21)]
    assert [[ask.path for ask in mine] for mine in shared(asks, 3)] == [
        ["0", "1", "2", "3", "4", "5"],
        ["6", "7", "8", "9", "10", "11"],
        ["12", "13", "14", "15", "16", "17"],
    ]
    with pytest.raises(ValueError, match="too few"):
        shared(asks[:5], 3)
