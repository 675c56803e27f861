"""Who moved opportunities in spite of a stage's conditions: counted, and one by one."""

import datetime
import zoneinfo
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from django import forms
from django.db.models import Count
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from crm.lib.fields import DayField
from crm.lib.fragments import render_page
from crm.lib.listing.row import ReadableDayInput
from opportunities.gates import OVERRIDE, Gate
from opportunities.models import EntryQuerySet, Opportunity, OpportunityEntry
from opportunities.views.access import require
from salescycles.models import Stage
from salespeople.models import Company, User
from salespeople.requests import SignedIn

DAYS, LISTED = 90, 100
CHOSEN = ("stage", "by", "gate")


class Counted(NamedTuple):
    """So many moves by one person passed over the same conditions, each a key of a stage and a gate."""

    by: int | None
    passed: tuple[tuple[int, str], ...]
    moves: int


class PeriodForm(forms.Form):
    since = DayField(label=gettext_lazy("From"), required=False, widget=ReadableDayInput)
    until = DayField(label=gettext_lazy("To"), required=False, widget=ReadableDayInput)
    stage = forms.TypedChoiceField(label=gettext_lazy("Stage"), required=False, coerce=int, empty_value=None)
    by = forms.TypedChoiceField(label=gettext_lazy("Person"), required=False, coerce=int, empty_value=None)
    gate = forms.TypedChoiceField(label=gettext_lazy("Condition"), required=False, empty_value=None)


@require_safe
def overrides(request: SignedIn) -> HttpResponse:
    """Of opportunities that the person may see. Each move counts once in all, and once for each condition it passed over."""
    require(request, OVERRIDE)
    today = Company.current().today()
    since, until = today - datetime.timedelta(days=DAYS), today
    form = PeriodForm(request.GET or None, initial={"since": since, "until": until})
    for name in CHOSEN:  # what cannot be chosen is told apart below, once what there is was read
        form.fields[name].choices = [(value, value) for value in request.GET.getlist(name)]  # type: ignore[attr-defined]
    understood = not form.is_bound or form.is_valid()
    asked: dict[str, Any] = form.cleaned_data if form.is_bound else {}
    since, until = asked.get("since") or since, asked.get("until") or until
    seen = _within(request, since, until) if understood else OpportunityEntry.objects.none()
    counted = _counted(seen)
    stages = {stage.pk: stage for stage in _stages(counted)}
    people = {user.pk: user for user in User.objects.filter(pk__in={one.by for one in counted})}
    form.fields["stage"].choices = _choices((key, f"{stages[key].sales_cycle}: {stages[key]}") for key in stages)  # type: ignore[attr-defined]
    form.fields["by"].choices = _choices((key, str(person)) for key, person in people.items())  # type: ignore[attr-defined]
    form.fields["gate"].choices = _choices((gate.value, gate.label) for gate in Gate)  # type: ignore[attr-defined]
    chosen = [one for one in counted if _is_asked(one, asked)]
    rows = _narrowed(seen, asked).select_related("opportunity", "by").order_by("-recorded_at", "-pk")[:LISTED]
    context = {
        "form": form,
        "understood": understood,
        "moves": sum(one.moves for one in chosen),
        "tables": _tables(chosen, asked, stages, people),
        "rows": [(row, _passed(row.overrode or (), stages)) for row in rows],
        "listed": LISTED,
    }
    return render_page(request, "opportunities/overrides.html", context, status=200 if understood else 422)


def _within(request: SignedIn, since: datetime.date, until: datetime.date) -> EntryQuerySet:
    """By the day on which it was done, in the company's zone."""
    zone = zoneinfo.ZoneInfo(Company.current().time_zone)
    first = datetime.datetime.combine(since, datetime.time.min, zone)
    end = datetime.datetime.combine(until + datetime.timedelta(days=1), datetime.time.min, zone)
    seen: EntryQuerySet = OpportunityEntry.objects.overriding()
    seen = seen.filter(recorded_at__gte=first, recorded_at__lt=end)
    return seen.filter(opportunity__in=Opportunity.objects.visible_to(request.user))


def _counted(seen: EntryQuerySet) -> list[Counted]:
    rows = seen.order_by().values_list("by", "overrode").annotate(moves=Count("pk"))
    return [Counted(by, tuple(_parts(name) for name in overrode), moves) for by, overrode, moves in rows]


def _parts(name: str) -> tuple[int, str]:
    stage, _dot, gate = name.partition(".")
    return int(stage), gate


def _stages(counted: Iterable[Counted]) -> list[Stage]:
    keys = {stage for one in counted for stage, _gate in one.passed}
    return list(Stage.objects.filter(pk__in=keys).select_related("sales_cycle").order_by("sales_cycle__code", "number"))


def _choices(found: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    return [("", _("– all –")), *found]


def _counts(passed: tuple[int, str], asked: dict[str, Any]) -> bool:
    """Whether this condition is among what was asked for."""
    stage, gate = passed
    return asked.get("stage") in (None, stage) and asked.get("gate") in (None, gate)


def _is_asked(one: Counted, asked: dict[str, Any]) -> bool:
    return asked.get("by") in (None, one.by) and any(_counts(passed, asked) for passed in one.passed)


def _narrowed(seen: EntryQuerySet, asked: dict[str, Any]) -> EntryQuerySet:
    if asked.get("by") is not None:
        seen = seen.filter(by=asked["by"])
    stage, gate = asked.get("stage"), asked.get("gate")
    if stage is not None:
        gates = [gate] if gate else Gate.values
        seen = seen.filter(overrode__overlap=[f"{stage}.{one}" for one in gates])
    elif gate:
        keys = Stage.objects.values_list("pk", flat=True)
        seen = seen.filter(overrode__overlap=[f"{key}.{gate}" for key in keys])
    return seen


def _tables(
    chosen: list[Counted], asked: dict[str, Any], stages: dict[int, Stage], people: dict[int, User]
) -> list[dict[str, Any]]:
    gates: Counter[str] = Counter()
    places: Counter[int] = Counter()
    persons: Counter[int | None] = Counter()
    for one in chosen:
        persons[one.by] += one.moves
        passed = [pair for pair in one.passed if _counts(pair, asked)]
        gates.update(dict.fromkeys({gate for _stage, gate in passed}, one.moves))
        places.update(dict.fromkeys({stage for stage, _gate in passed}, one.moves))
    return [
        _table(_("By condition"), _("Condition"), ((_gate_label(gate), many) for gate, many in gates.most_common())),
        _table(_("By stage"), _("Stage"), ((_stage_name(key, stages), many) for key, many in places.most_common())),
        _table(
            _("By person"),
            _("Person"),
            ((people[key or 0], many) for key, many in persons.most_common() if key in people),
        ),
    ]


def _table(title: str, head: str, rows: Iterable[tuple[Any, int]]) -> dict[str, Any]:
    return {"title": title, "head": head, "rows": list(rows)}


def _gate_label(gate: str) -> Any:
    return Gate(gate).label if gate in Gate.values else gate


def _stage_name(key: int, stages: dict[int, Stage]) -> str:
    return f"{stages[key].sales_cycle}: {stages[key]}" if key in stages else _("a stage that is gone")


def _passed(names: Iterable[str], stages: dict[int, Stage]) -> list[str]:
    """The conditions of each stage."""
    found: dict[str, list[str]] = {}
    for stage, gate in map(_parts, names):
        where = str(stages[stage]) if stage in stages else _("a stage that is gone")
        found.setdefault(where, []).append(str(_gate_label(gate)))
    return [f"{where}: {', '.join(gates)}" for where, gates in found.items()]
