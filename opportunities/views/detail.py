"""The page of one opportunity."""

import datetime
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from collaboration.forms import CommentForm
from collaboration.pages import COMMENT
from contacts.models import Contact
from contacts.places import countries
from crm.lib.fragments import is_fragment, render_page
from crm.lib.listing.address import read, with_query
from crm.lib.listing.words import SHAPES
from crm.lib.prepared import Prepared
from interactions.models import Kind
from opportunities import lifecycle
from opportunities.beside import Talk, beside
from opportunities.filters import OpportunityFilter
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from opportunities.stalling import Stall, limit_of, stall_of
from opportunities.timeline import SHOWN, postponements, timeline, woven
from opportunities.views import access
from opportunities.views.access import visible_or_404
from opportunities.views.board import board_of
from quotes.models import Quote
from salescycles.models import Stage
from salespeople.models import Company
from salespeople.requests import SignedIn

QUOTES = Prepared(lambda _shape, opportunity: Quote.objects.filter(opportunity=opportunity), planned=True)
TEMPLATE = "opportunities/detail.html"
LISTED = (*OpportunityFilter.base_filters, *SHAPES)  # what of an address shapes the list


@require_safe
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One opportunity: who and what, the path, the open moves, the figures and the ledger."""
    opportunity = visible_or_404(request, pk)
    partial = "timeline" if request.headers.get("HX-Target") == "timeline" else "state"
    context = state_of(request, opportunity)
    if not is_fragment(request):
        context |= _selection(request, opportunity)
    return render_page(request, TEMPLATE, context, partial=partial)


def back_to(request: SignedIn) -> str:
    """Where the way back leads: the list or the board, as it was when the opportunity was opened from there."""
    if request.GET.get("from") == "board" and (board := board_of(request)):
        return with_query(reverse("opportunities:board"), board)
    if request.GET.get("from") == "board":
        return with_query(reverse("opportunities:board"), _kept(request, *LISTED, "more", "cards"))
    return with_query(reverse("opportunities:list"), _kept(request, *LISTED))


def _selection(request: SignedIn, opportunity: Opportunity) -> dict[str, Any]:
    """The way back, and the opportunities before and after this one in what the address selects; nothing without that."""
    query = _kept(request, *LISTED, "from")
    if not query:
        return {}
    filters = OpportunityFilter(query, queryset=Opportunity.objects.visible_to(request.user), user=request.user)
    order = read(OPPORTUNITIES, query, filters.filters, request.user).order
    found = order.neighbours(filters.qs, opportunity) if filters.is_valid() else None
    before, after = (
        key
        and with_query(reverse("opportunities:detail", args=[key]), _kept(request, *LISTED, "from", "board", "show"))
        for key in found or (None, None)
    )
    return {"back": back_to(request), "before": before, "after": after}


def _kept(request: SignedIn, *names: str) -> QueryDict:
    """These parameters of the address."""
    kept = request.GET.copy()
    for name in request.GET.keys() - set(names):
        del kept[name]
    return kept


def _address(request: SignedIn, opportunity: Opportunity) -> QueryDict:
    """The query of the page's address: of this request, or of the page for which a fragment is."""
    url = urlsplit(HtmxDetails(request).current_url_abs_path or "" if is_fragment(request) else "")
    here = opportunity.get_absolute_url()
    if request.path == here:
        return request.GET
    return QueryDict(url.query if url.path == here else "")


def _choices(opportunity: Opportunity, query: QueryDict, shown: str) -> list[dict[str, Any]]:
    """What the timeline can be narrowed to: label, address, and which one is chosen."""
    choices = []
    for word, label in {"": pgettext_lazy("steps", "All"), **SHOWN}.items():
        other = query.copy()
        other.pop("show", None)
        if word:
            other["show"] = word
        url = with_query(opportunity.get_absolute_url(), other)
        choices.append({"label": label, "url": url, "chosen": word == shown})
    return choices


def state_of(request: SignedIn, opportunity: Opportunity, *, keeps_beside: bool = False) -> dict[str, Any]:
    """What the page of an opportunity and its fragment are made of. `keeps_beside`: facts, people and quotes stay on the page
    as they are."""
    today = Company.current().today()
    stages = lifecycle.stages_of(opportunity)
    moves = lifecycle.moves(opportunity, stages, by=request.user)
    told = timeline(opportunity)
    hung = beside(opportunity, request.user)
    steps = [step.entry for step in told]
    query = _address(request, opportunity)
    shown = query.get("show", "") if query.get("show") in SHOWN else ""
    live = [entry for entry in steps if entry.voided_at is None]
    current = opportunity.stage_id or opportunity.stage_before_id
    done = next((stage.number for stage in stages if stage.pk == current), 0)
    ways = {way.stage.pk: way for way in moves}
    may_change = access.may_change(request, opportunity)
    return {
        "opportunity": opportunity,
        "here": opportunity.get_absolute_url(),
        "today": today,
        "path": [_step(stage, opportunity, done, ways.get(stage.pk), live, today) for stage in stages],
        "next_move": next((way for way in moves if way.action in ("next", "started")), None),
        "moves": moves,
        "timeline": [one for one in woven(told, hung.events) if shown in ("", one.kind)],
        "tags": hung.tags,
        "tag_root": reverse("opportunities:list"),
        "talks": _figures(hung.talks),
        "talk_kinds": Kind.choices,
        "log_url": f"{reverse('interactions:new')}?opportunity={opportunity.pk}",
        "may_log": request.user.has_perm("interactions.add_interaction") and not opportunity.is_fixed_for(request.user),
        "people": hung.people,
        "co_owners": hung.co_owners,
        "comment_form": CommentForm() if request.user.has_perm(COMMENT) else None,
        "comment_url": f"{opportunity.get_absolute_url()}comment/",
        "mention_of": f"opportunity={opportunity.pk}",
        "choices": _choices(opportunity, query, shown),
        "can_undo": may_change and len(live) > 1 and lifecycle.can_still_be_undone(live[0], steps),
        "last_action": told[0].action,
        "postponements": postponements(live),
        "days_at_stage": (today - opportunity.stage_entered_on).days if opportunity.stage_entered_on else None,
        "stall": _stall(opportunity, stages, today),
        "contact": opportunity.contact,
        "where": _where(opportunity.contact),
        "is_overdue": opportunity.is_in_progress and opportunity.closing_on and opportunity.closing_on < today,
        "quotes": [] if keeps_beside else QUOTES.rows(None, opportunity.pk),
        "keeps_beside": keeps_beside,
        "tasks_query": f"opportunity={opportunity.pk}",
        "may_change": may_change,
        "may_edit": may_change and not opportunity.archived,
        "may_revise": may_change and opportunity.is_open and not opportunity.archived,
        "may_quote": request.user.has_perm("quotes.add_quote") and not opportunity.is_fixed_for(request.user),
        "may_share": may_change and opportunity.is_held_by(request.user),
        "is_shared_with_me": not opportunity.is_held_by(request.user),
    }


def _stall(opportunity: Opportunity, stages: list[Stage], today: datetime.date) -> Stall | None:
    here = next((stage for stage in stages if stage.pk == opportunity.stage_id), None)
    last = opportunity.last_step_on  # type: ignore[attr-defined]
    return stall_of(
        entered_on=opportunity.stage_entered_on,
        limit=limit_of(here) if here else None,
        has_next_step=last is not None and last >= today,
        today=today,
    )


def _figures(talks: list[Talk]) -> dict[str, Any]:
    """How many interactions, what they cost and how long they took (E.4); nothing where there are none."""
    sums = {"cost": sum(talk.cost for talk in talks), "duration": sum(talk.duration for talk in talks)}
    return {"count": len(talks), **sums} if talks else {}


def _where(contact: Contact) -> list[str]:
    """The lines of the address."""
    town = " ".join(filter(None, (contact.post_code, contact.city)))
    country = countries().get(contact.country, contact.country)
    return [line for line in (contact.address, contact.address_2, town, contact.county, country) if line]


def _step(stage: Stage, opportunity: Opportunity, done: int, way: Any, live: list[Any], today: Any) -> dict[str, Any]:
    """A stage of the path: done, current or coming; the days spent at it so far, over all live visits."""
    here = stage.pk == opportunity.stage_id
    days = sum(((entry.until or today) - entry.happened_on).days for entry in live if entry.stage_id == stage.pk)
    visited = any(entry.stage_id == stage.pk for entry in live)
    passed = stage.number < done or (opportunity.is_closed and stage.number == done)
    state = "current" if here else "done" if passed else "coming"
    return {"stage": stage, "state": state, "days": days if visited else None, "way": way}
