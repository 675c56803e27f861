"""The page of one opportunity."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from contacts.models import Contact
from crm.lib.fragments import render_page
from opportunities import lifecycle
from opportunities.models import Opportunity
from opportunities.timeline import postponements, timeline
from opportunities.views.access import CHANGE, visible_or_404
from salescycles.models import Stage
from salespeople.models import Company
from salespeople.requests import SignedIn


@require_safe
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One opportunity: who and what, the path, the open moves, the figures and the ledger."""
    opportunity = visible_or_404(request, pk)
    return render_page(request, "opportunities/detail.html", state_of(request, opportunity), partial="state")


def state_of(request: SignedIn, opportunity: Opportunity) -> dict[str, Any]:
    """What the page of an opportunity and its fragment are made of."""
    today = Company.current().today()
    stages = lifecycle.stages_of(opportunity)
    moves = lifecycle.moves(opportunity, stages)
    told = timeline(opportunity)
    steps = [step.entry for step in told]
    live = [entry for entry in steps if entry.voided_at is None]
    current = opportunity.stage_id or opportunity.stage_before_id
    done = next((stage.number for stage in stages if stage.pk == current), 0)
    ways = {way.stage.pk: way for way in moves}
    may_change = request.user.has_perm(CHANGE)
    return {
        "opportunity": opportunity,
        "today": today,
        "path": [_step(stage, opportunity, done, ways.get(stage.pk), live, today) for stage in stages],
        "next_move": next((way for way in moves if way.action in ("next", "started")), None),
        "moves": moves,
        "timeline": told,
        "can_undo": may_change and len(live) > 1 and lifecycle.can_still_be_undone(live[0], steps),
        "last_step": told[0].entry,
        "postponements": postponements(live),
        "days_at_stage": (today - opportunity.stage_entered_on).days if opportunity.stage_entered_on else None,
        "contact": opportunity.contact,
        "where": _where(opportunity.contact),
        "is_overdue": opportunity.is_in_progress and opportunity.closing_on and opportunity.closing_on < today,
        "quotes": list(opportunity.quotes.all()),
        "may_change": may_change,
        "may_edit": may_change and not opportunity.archived,
        "may_revise": may_change and opportunity.is_open and not opportunity.archived,
        "may_quote": request.user.has_perm("quotes.add_quote"),
    }


def _where(contact: Contact) -> list[str]:
    """The lines of the address."""
    town = " ".join(filter(None, (contact.post_code, contact.city)))
    return [line for line in (contact.address, contact.address_2, town, contact.county, contact.country) if line]


def _step(stage: Stage, opportunity: Opportunity, done: int, way: Any, live: list[Any], today: Any) -> dict[str, Any]:
    """A stage of the path: done, current or coming; the days spent at it so far, over all live visits."""
    here = stage.pk == opportunity.stage_id
    days = sum(((entry.until or today) - entry.happened_on).days for entry in live if entry.stage_id == stage.pk)
    visited = any(entry.stage_id == stage.pk for entry in live)
    passed = stage.number < done or (opportunity.is_closed and stage.number == done)
    state = "current" if here else "done" if passed else "coming"
    return {"stage": stage, "state": state, "days": days if visited else None, "way": way}
