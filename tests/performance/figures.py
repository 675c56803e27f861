"""Arithmetic of the benchmark and the table that it prints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import mean, median


@dataclass(frozen=True)
class Goal:
    """At most so many statements, and so many times the bare view's time, at 100 000 and at 1 000 000 opportunities."""

    statements: int
    small: float
    big: float

    def ratio(self, count: int) -> float:
        return self.small if count < 500_000 else self.big


@dataclass
class Taken:
    """What was measured of one row; times in milliseconds."""

    name: str
    goal: Goal
    statements: int = 0
    size: int = 0
    errors: int = 0
    times: list[float] = field(default_factory=list)
    bare_times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    bare_rates: list[float] = field(default_factory=list)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least `share` of them do not exceed (nearest rank)."""
    ranked = sorted(values)
    rank = -(-len(ranked) * round(share * 100) // 100)
    return ranked[max(rank, 1) - 1]


def ratio(ours: float, bare: float) -> float:
    """How many times the bare one; 0 where nothing was measured."""
    return ours / bare if bare else 0.0


HEADINGS = (
    *("", "SQL", "goal", "median", "p95", "V", "x V", "goal", "req/s", "V", "x V", "KiB", "errors"),
)  # fmt: skip


def cells(taken: Taken, count: int) -> list[str]:
    """One row of the table. "x V" is time over V's time at c=1, and V's rate over ours at c=8: 1 is as fast as V."""
    ours, bare = median(taken.times), median(taken.bare_times)
    rate, bare_rate = mean(taken.rates), mean(taken.bare_rates)
    return [
        taken.name,
        str(taken.statements),
        str(taken.goal.statements),
        f"{ours:.1f}",
        f"{percentile(taken.times, 0.95):.1f}",
        f"{bare:.1f}",
        f"{ratio(ours, bare):.2f}",
        f"{taken.goal.ratio(count):.1f}",
        f"{rate:.0f}",
        f"{bare_rate:.0f}",
        f"{ratio(bare_rate, rate):.2f}",
        f"{taken.size / 1024:.0f}",
        str(taken.errors),
    ]


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Columns side by side, the first to the left, the others to the right."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(zip(line, widths)))  # noqa: B905
        for line in lines
    )
