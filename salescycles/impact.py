"""What a change of a cycle in use does, said before it is done (docs/definitions.md, "The impact of a change of a cycle").

A `Picture` is what a cycle says that counts. It is taken before and after; the change itself is made and rolled back, so the
figures are asked of the very rows that would stand there.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.db.models import Case, Count, DecimalField, F, QuerySet, Sum, Value, When
from django.db.models.functions import Round
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from crm.lib.money import format_money, format_percent
from salescycles.models import SalesCycle, Stage
from salespeople.models import Company

KEPT = gettext_lazy(
    "Opportunities keep the chances, the completion and the probability of their last step; they take over the new ones at their next move or revision, and at no other change. Chances that were typed by hand stay then too, as far as the cycle lets them."
)
SAID_OF_CYCLE = {
    "probability_method": KEPT,
    "stage_decides": gettext_lazy("This counts from the next move on."),
    "blocked": gettext_lazy(
        "What is in progress goes on; what has not started cannot start while the cycle is blocked."
    ),
}
OF_GATE = gettext_lazy("This counts from the next move on; what stands here already stays.")
SAID_OF_STAGE = {
    "number": gettext_lazy(
        "The columns of the board and what is next, previous or skipped change at once; nothing moves by itself."
    ),
    "completed": KEPT,
    "chances": KEPT,
    "quote_required": OF_GATE,
    "document_required": OF_GATE,
    "minimum_value": OF_GATE,
    "required_fields": OF_GATE,
    "roles": OF_GATE,
    "allow_skip": gettext_lazy("This counts from the next move on."),
    "allow_back": gettext_lazy("This counts from the next move on."),
    "date_formula": gettext_lazy("This counts for who enters from now on; closing dates that are known stay."),
    "activity": gettext_lazy("This counts for who enters from now on; tasks that were made stay as they are."),
    "expected_days": gettext_lazy(
        "The marks of stalled deals follow at once, where the stage has no history of its own."
    ),
}
FIGURES = {"probability_method", "completed", "chances"}


class Change(NamedTuple):
    label: Any
    before: str
    after: str


class Figures(NamedTuple):
    """Of what stands at a stage: how `many`, and their values; `later` is the weighted value once each was revised."""

    many: int = 0
    estimated: Decimal = Decimal(0)
    weighted: Decimal = Decimal(0)
    later: Decimal = Decimal(0)


@dataclass(frozen=True)
class Picture:
    cycle: SalesCycle
    stages: dict[int, Stage]

    @classmethod
    def of(cls, key: int) -> "Picture":
        """As the rows say now."""
        cycle = SalesCycle.objects.get(pk=key)
        stages = Stage.objects.filter(sales_cycle=key).select_related("activity").order_by("number")
        return cls(cycle, {stage.pk: stage for stage in stages})

    def differs_from(self, other: "Picture") -> bool:
        return self._print(other) != other._print(other)

    def _print(self, known: "Picture") -> list[Any]:
        """A new stage has no key yet that stays."""
        own = [getattr(self.cycle, name) for name in SAID_OF_CYCLE]
        rows = [
            [key if key in known.stages else 0, *(self._raw(stage, name) for name in SAID_OF_STAGE)]
            for key, stage in self.stages.items()
        ]
        return [own, sorted(rows)]

    @staticmethod
    def _raw(stage: Stage, name: str) -> str:
        return str(getattr(stage, Stage._meta.get_field(name).attname))  # type: ignore[union-attr]


@dataclass
class Part:
    """What changes of one stage, or of the cycle itself (`stage` is None)."""

    name: str
    stage: Stage | None
    changes: list[Change] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    recounts: bool = False


@dataclass
class Impact:
    """`waiting`: open ones that have not started. `total` sums the stages."""

    parts: list[Part]
    total: Figures
    waiting: int
    token: str

    @property
    def is_live(self) -> bool:
        return bool(self.total.many or self.waiting)

    @property
    def recounts(self) -> bool:
        return any(part.recounts for part in self.parts)


def impact(before: Picture, after: Picture, user: Any) -> Impact:
    """To be asked while `after` stands in the database. Figures count what the person may see, `waiting` too."""
    seen = _opportunities().objects.visible_to(user).filter(sales_cycle=after.cycle.pk, archived=False)
    figures = _figures(seen.filter(status="in_progress"), after)
    total = Figures(*map(sum, zip(*figures.values(), strict=True))) if figures else Figures()  # type: ignore[arg-type]
    parts = list(_parts(before, after, figures, total))
    waiting = seen.filter(status="not_started").count()
    return Impact(parts, total, waiting, token(before, after))


def token(before: Picture, after: Picture) -> str:
    """Names this very change."""
    return hashlib.sha256(repr([before._print(before), after._print(before)]).encode()).hexdigest()[:16]


def is_used(cycle: SalesCycle) -> bool:
    """Whether anybody's open opportunities are in it."""
    rows = _opportunities().objects.filter(sales_cycle=cycle.pk, closed_on__isnull=True, archived=False)
    return bool(rows.exists())


def _opportunities() -> Any:
    related: Any = Stage._meta.get_field("opportunity")
    return related.related_model


def _figures(rows: QuerySet[Any], after: Picture) -> dict[int, Figures]:
    """By stage; one query. Rounded row by row, as a revision stores it."""
    percent = DecimalField(max_digits=12, decimal_places=4)
    stages = after.stages.values()
    if not stages:
        return {}
    own = Case(*(When(stage=one.pk, then=Value(one.chances)) for one in stages), output_field=percent)
    chances = Case(When(chances_are_manual=True, then=F("chances")), default=own, output_field=percent)
    completed = Case(*(When(stage=one.pk, then=Value(one.completed)) for one in stages), output_field=percent)
    asked = {
        "multiply": chances * completed / 100,
        "average": (chances + completed) / 2,
        "chances": chances,
        "completed": completed,
    }[after.cycle.probability_method]
    later = Round(F("estimated_value") * Round(asked, precision=2) / 100, precision=2, output_field=percent)
    found = rows.order_by().values("stage").annotate(
        many=Count("pk"), estimated=Sum("estimated_value"), weighted=Sum("calculated_value"), later=Sum(later)
    )  # fmt: skip
    zero = Decimal(0)
    return {
        row["stage"]: Figures(row["many"], row["estimated"] or zero, row["weighted"] or zero, row["later"] or zero)
        for row in found
    }


def _parts(before: Picture, after: Picture, figures: dict[int, Figures], total: Figures) -> Iterator[Part]:
    own = _part(Part(str(after.cycle), None, figures=total), before.cycle, after.cycle, SAID_OF_CYCLE)
    if own.changes:
        yield own
    for key, stage in after.stages.items():
        part = Part(str(stage), stage, figures=figures.get(key, Figures()))
        if key not in before.stages:
            part.said = [
                _("A new stage: nothing stands here yet, and what stands before it meets it at its next move.")
            ]
            yield part
            continue
        _part(part, before.stages[key], stage, SAID_OF_STAGE)
        if part.changes:
            yield part
    for key in before.stages.keys() - after.stages.keys():
        yield Part(str(before.stages[key]), None, said=[_("The stage goes; no opportunity ever stood here.")])


def _part(part: Part, before: Any, after: Any, said: dict[str, Any]) -> Part:
    for name, words in said.items():
        then, now = getattr(before, name), getattr(after, name)
        if then == now:
            continue
        label = type(after)._meta.get_field(name).verbose_name
        part.changes.append(Change(label, _in_words(before, name), _in_words(after, name)))
        part.recounts |= name in FIGURES
        if words not in part.said:
            part.said.append(words)
    return part


def _in_words(row: Any, name: str) -> str:
    if name in GATES_IN_WORDS and getattr(row, name) not in (None, []):
        return GATES_IN_WORDS[name](getattr(row, name))
    display = getattr(row, f"get_{name}_display", None)
    value = display() if display else getattr(row, name)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, Decimal):
        return format_percent(value, get_language() or "en")
    return "–" if value in (None, "", []) else str(value)


def _money(value: Decimal) -> str:
    return format_money(value, Company.current().currency, get_language() or "en")


def _required(names: list[str]) -> str:
    return ", ".join(str(Stage.Fact(name).label) for name in names)


def _roles(keys: list[int]) -> str:
    return ", ".join(Group.objects.filter(pk__in=keys).order_by("name").values_list("name", flat=True))


GATES_IN_WORDS: dict[str, Callable[[Any], str]] = {
    "minimum_value": _money,
    "required_fields": _required,
    "roles": _roles,
}
