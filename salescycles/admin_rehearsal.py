"""A cycle is saved in two steps where that has consequences: made and rolled back to say what it does, then made for good.

So the figures and contradictions are those of the very rows that would stand there, and no second copy of a rule is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.lib.money import format_percent, round_half_up
from salescycles.checks_of_cycles import contradictions, hints
from salescycles.impact import Impact, Picture, impact, is_used, token
from salescycles.models import SalesCycle, Stage
from salespeople.models import Company

NOT_SAVED = _("Nothing is saved yet.")
PREVIEW, BACK, CONFIRMED = "_preview", "_back", "_confirmed"
NOT_CARRIED = {"csrfmiddlewaretoken", PREVIEW, BACK, CONFIRMED}


class NotYet(Exception):
    """What was saved is rolled back: it is only to be looked at, or to be confirmed first."""

    def __init__(self, after: Picture, found: Impact | None) -> None:
        super().__init__()
        self.after, self.found = after, found


@dataclass
class Course:
    """What a cycle gives: of each stage the probability under every method, and what contradicts itself."""

    cycle: SalesCycle
    stages: list[Stage]

    @property
    def methods(self) -> list[tuple[Any, bool]]:
        """Each with whether it is the cycle's."""
        return [(one.label, one == self.cycle.probability_method) for one in SalesCycle.ProbabilityMethod]

    @property
    def rows(self) -> Iterator[tuple[Stage, list[tuple[str, bool]]]]:
        language = get_language() or "en"
        for stage in self.stages:
            given = {"chances": Decimal(stage.chances), "completed": Decimal(stage.completed)}
            found = (
                (SalesCycle(probability_method=one).probability(**given), one) for one in self.cycle.ProbabilityMethod
            )
            yield (
                stage,
                [
                    (format_percent(round_half_up(percent), language), one == self.cycle.probability_method)
                    for percent, one in found
                ],
            )

    @property
    def contradictions(self) -> list[str]:
        return contradictions(self.cycle, self.stages)

    @property
    def hints(self) -> list[str]:
        return hints(self.cycle, self.stages)


class Rehearsed:
    """For the page of one cycle."""

    admin_site: Any
    opts: Any
    get_changeform_initial_data: Any

    def is_back(self, request: HttpRequest) -> bool:
        return hasattr(request, "rehearsed") or BACK in request.POST

    def before_saving(self, request: Any, cycle: SalesCycle, change: bool) -> None:
        request.before = Picture.of(cycle.pk) if change else None

    def after_saving(self, request: Any, cycle: SalesCycle) -> None:
        """Raises NotYet."""
        before, after = request.before, Picture.of(cycle.pk)
        if PREVIEW in request.POST:
            raise NotYet(after, None)
        known = before or Picture(after.cycle, {})
        if before and not after.differs_from(before):
            return
        if request.POST.get(CONFIRMED) == token(known, after):
            return
        wrong = not after.cycle.blocked and contradictions(after.cycle, list(after.stages.values()))
        if wrong or (before and is_used(after.cycle)):
            raise NotYet(after, impact(known, after, request.user) if before else None)

    def changeform_view(
        self, request: Any, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        view: Any = super().changeform_view  # type: ignore[misc]
        try:
            return view(request, object_id, form_url, extra_context)
        except NotYet as rehearsed:
            if PREVIEW not in request.POST:
                return self._ask(request, rehearsed)
            request.rehearsed = rehearsed
        return view(request, object_id, form_url, extra_context)

    def render_change_form(self, request: Any, context: Any, *more: Any, **options: Any) -> Any:
        """Below the form stands what the cycle gives: as it is, or as it was typed."""
        obj: SalesCycle | None = context.get("original")
        rehearsed: NotYet | None = getattr(request, "rehearsed", None)
        picture = rehearsed.after if rehearsed else Picture.of(obj.pk) if obj else None
        if picture:
            context |= {"course": Course(picture.cycle, list(picture.stages.values())), "is_rehearsed": bool(rehearsed)}
        if self.is_back(request) and self._only_back(context):
            context["errors"] = None
            messages.info(request, _("Nothing is saved yet: this is what you typed."))
        response: TemplateResponse = super().render_change_form(request, context, *more, **options)  # type: ignore[misc]
        return response

    def _only_back(self, context: Any) -> bool:
        """Whether nothing else is wrong."""
        found = list(context["errors"])
        return len(found) == 1 and list(found[0]) == [NOT_SAVED]

    def _ask(self, request: Any, rehearsed: NotYet) -> TemplateResponse:
        after, before = rehearsed.after, request.before
        carried = [
            (name, value) for name in request.POST if name not in NOT_CARRIED for value in request.POST.getlist(name)
        ]
        course = Course(after.cycle, list(after.stages.values()))
        context = self.admin_site.each_context(request) | {
            "title": _("What this change does"),
            "opts": self.opts,
            "cycle": after.cycle,
            "course": course,
            "wrong": [] if after.cycle.blocked else course.contradictions,
            "impact": rehearsed.found,
            "token": token(before or Picture(after.cycle, {}), after),
            "carried": carried,
            "currency": Company.current().currency,
            "action": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/salescycles/salescycle/impact.html", context)
