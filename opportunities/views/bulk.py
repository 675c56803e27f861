"""Bulk actions: choose what, fill in, preview, run; and the batches that came of it, with their undo."""

import datetime
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.models import Contact
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.jobs import watching
from crm.lib.listing.filters import key_of
from crm.lib.races import Busy
from crm.lib.refusals import one_or_404
from crm.lib.undo import undo_offer
from opportunities import background
from opportunities import bulk as runs
from opportunities.bulk import BUSY, AlreadyRun, Outcome
from opportunities.bulk_forms import FORMS, BulkForm, in_words
from opportunities.bulk_selection import Selection, list_query, selection
from opportunities.ledger import with_stage_names
from opportunities.models import Batch, BatchRow, Door, Opportunity, OpportunityEntry
from opportunities.timeline import changes
from opportunities.views.access import CHANGE, require
from salespeople.models import Company
from salespeople.requests import SignedIn

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
LISTED = 200  # the latest ones, or the first rows of one
SHOWN = 20  # rows of a reason, and reasons
ADMIN_LIST = "admin:opportunities_opportunity_changelist"
KEPT_FOR = {"24h": datetime.timedelta(hours=24), "30d": datetime.timedelta(days=30)}


@get_or_post
def bulk(request: SignedIn) -> HttpResponse:
    """The rows come as `key`, as `all` with the list's `query`, or as `seen` by a preview. What to do next says `do`."""
    require(request, CHANGE)
    data = request.POST if request.method == "POST" else request.GET
    verb = data.get("action") or request.GET.get("action", "")
    try:
        chosen = selection(request.user, data)
    except ValidationError as refusal:
        back = _list(list_query(data.get("query", "")).urlencode(), data.get("door", ""))
        context = {"refusals": refusal.messages, "back": back}
        return _show(request, "none", context, status=422)
    if verb not in FORMS or not chosen.rows:
        step = "choose" if chosen.rows else "none"
        return _show(request, step, _of(chosen), status=422 if step == "none" and "seen" in data else 200)
    do = request.POST.get("do", "")
    form = FORMS[verb](
        request.POST if do else None, rows=chosen.rows, user=request.user, today=_today(), cycles=chosen.cycles
    )
    if do not in ("preview", "run"):
        return _ask(request, verb, chosen, form)
    if not form.is_valid():
        return _ask(request, verb, chosen, form, status=422)
    return _preview(request, verb, chosen, form) if do == "preview" else _run(request, verb, chosen, form)


def begin(request: SignedIn, verb: str, keys: Iterable[int], query: str) -> HttpResponse:
    """The form of the action for what was picked in the admin pages, whose list `query` leads back to."""
    data = QueryDict(mutable=True)
    data.update({"door": Door.ADMIN, "query": query, "keys": ",".join(map(str, keys))})
    try:
        chosen = selection(request.user, data)
    except ValidationError as refusal:
        back = _list(list_query(query).urlencode(), Door.ADMIN)
        return _show(request, "none", {"refusals": refusal.messages, "back": back}, status=422)
    form = FORMS[verb](None, rows=chosen.rows, user=request.user, today=_today(), cycles=chosen.cycles)
    return _ask(request, verb, chosen, form)


def _today() -> datetime.date:
    return Company.current().today()


def _list(query: str, door: str = "") -> str:
    url = reverse(ADMIN_LIST if door == Door.ADMIN else "opportunities:list")
    return f"{url}?{query}" if query else url


def _of(chosen: Selection) -> dict[str, Any]:
    return {"chosen": chosen, "verbs": Batch.Verb, "back": _list(chosen.query, chosen.door)}


def _show(request: SignedIn, step: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    context |= {"step": step, "step_template": f"opportunities/bulk/{step}.html"}
    return render_page(request, "opportunities/bulk/bulk.html", context, partial="step", status=status)


def _ask(request: SignedIn, verb: str, chosen: Selection, form: BulkForm, *, status: int = 200) -> HttpResponse:
    return _show(request, "form", _of(chosen) | {"verb": Batch.Verb(verb), "form": form}, status=status)


def _busy(request: SignedIn, verb: str, chosen: Selection, form: BulkForm) -> HttpResponse:
    form.add_error(None, BUSY)
    return _ask(request, verb, chosen, form, status=409)


def _preview(request: SignedIn, verb: str, chosen: Selection, form: BulkForm, *, status: int = 200) -> HttpResponse:
    try:
        outcome = runs.preview(request.user, dict.fromkeys(chosen.seen), verb, form.values())
    except Busy:
        return _busy(request, verb, chosen, form)
    seen = {} if chosen.is_big else dict.fromkeys(chosen.seen, 0) | outcome.seen
    context = _of(chosen) | {
        "verb": Batch.Verb(verb),
        "form": form,
        "outcome": outcome,
        "asked": in_words(verb, form.asked()),
        "seen": ",".join(f"{key}:{version}" for key, version in seen.items()),
        "token": uuid4(),
    }
    return _show(request, "preview", context, status=status)


def _run(request: SignedIn, verb: str, chosen: Selection, form: BulkForm) -> HttpResponse:
    """Exactly what the preview showed; rows that changed since are left out. Sent twice it answers twice, and runs once."""
    token = _token(request.POST)
    if token is not None and chosen.is_big:
        return _start(request, verb, chosen, form, token)
    if token is None or "seen" not in request.POST:
        return _preview(request, verb, chosen, form, status=422)
    try:
        outcome = runs.run(
            request.user, chosen.seen, verb, form.values(), asked=form.asked(), token=token, door=chosen.door
        )
    except AlreadyRun as first:
        return _to_batch(request, first.batch, chosen.query)
    except Busy:
        return _busy(request, verb, chosen, form)
    if outcome.batch is None:
        messages.warning(request, _("Nothing was changed. This is how it stands now."))
        return _preview(request, verb, chosen, form, status=409 if any(row.is_stale for row in outcome.rows) else 422)
    _tell(request, outcome)
    return _to_batch(request, outcome.batch, chosen.query)


def _start(request: SignedIn, verb: str, chosen: Selection, form: BulkForm, token: UUID) -> HttpResponse:
    """In the background. Where the list selects others by now than at the preview, that is shown first."""
    if request.POST.get("total") != str(chosen.count) and not Batch.objects.filter(token=token).exists():
        messages.warning(request, _("The list selects others now than before. This is how it stands now."))
        return _preview(request, verb, chosen, form, status=409)
    try:
        started = background.start(
            request.user, chosen.keys, verb, form.values(), asked=form.asked(), token=token, door=chosen.door
        )
    except AlreadyRun as first:
        started = first.batch
    except Busy:
        return _busy(request, verb, chosen, form)
    return _to_batch(request, started, chosen.query)


def _token(data: QueryDict) -> UUID | None:
    try:
        return UUID(data.get("token", ""))
    except ValueError:
        return None


def _to_batch(request: SignedIn, batch: Batch, query: str = "") -> HttpResponse:
    url = batch.get_absolute_url()
    return redirect_to(request, f"{url}?{urlencode({'query': query})}" if query else url)


def _tell(request: SignedIn, outcome: Outcome) -> None:
    """How many, the effect on the totals, and the undo, where something is left to see that could be taken back."""
    batch, count = outcome.batch, len(outcome.changed)
    assert batch is not None
    said = ngettext("%(count)d opportunity was changed.", "%(count)d opportunities were changed.", count)
    if batch.undoes:
        said = ngettext("%(count)d opportunity was put back.", "%(count)d opportunities were put back.", count)
    still_there = not batch.undoes and any(row.after for row in outcome.changed)
    tags = undo_offer(reverse("opportunities:batch-undo", args=[batch.pk]), 0) if still_there else ""
    messages.success(request, " ".join(filter(None, [said % {"count": count}, outcome.effect])), extra_tags=tags)
    if outcome.refused:
        count = len(outcome.refused)
        left = ngettext("%(count)d was left as it is.", "%(count)d were left as they are.", count)
        messages.warning(request, left % {"count": count})


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def batches(request: SignedIn) -> HttpResponse:
    """The runs of the last days: one's own, or everybody's for who may see them. Counts what the person may see."""
    since = request.GET.get("since", "")
    within = KEPT_FOR.get(since, KEPT_FOR["30d"])
    every = "all" in request.GET and request.user.has_perm("opportunities.view_batch")
    found = Batch.objects.visible_to(request.user).filter(made_at__gt=timezone.now() - within)
    runs_of = list((found if every else found.filter(by=request.user)).select_related("by").order_by("-pk")[:LISTED])
    counts = _counts(request, runs_of)
    context = {
        "rows": [
            {"batch": one, "asked": in_words(one.verb, one.asked), "count": counts.get(one.pk, 0)} for one in runs_of
        ],
        "since": since if since in KEPT_FOR else "30d",
        "every": every,
        "may_see_every": request.user.has_perm("opportunities.view_batch"),
    }
    return render_page(request, "opportunities/bulk/batches.html", context)


def _counts(request: SignedIn, found: list[Batch]) -> dict[int, int]:
    visible = Opportunity.objects.visible_to(request.user)
    steps: Any = OpportunityEntry.objects.filter(batch__in=[one.pk for one in found])
    tagged: Any = BatchRow.objects.filter(
        batch__in=[one.pk for one in found if one.verb in runs.BACK], result="changed"
    )
    counts: dict[int, int] = {}
    for rows in (steps, tagged):
        seen = rows.filter(opportunity__in=visible).order_by()
        counts |= dict(seen.values_list("batch").annotate(count=Count("pk")))
    return counts


def _batch_or_404(request: SignedIn, pk: int) -> Batch:
    return one_or_404(request, Batch.objects.visible_to(request.user).select_related("by", "undoes"), pk)


@require_safe
def batch(request: SignedIn, pk: int) -> HttpResponse:
    """Who, when, what, and every row that the person may see: what was changed, and what was left and why."""
    found = _batch_or_404(request, pk)
    visible = Opportunity.objects.visible_to(request.user)
    changed = runs.changed_by(found)
    seen = changed.filter(opportunity__in=visible)
    rows = list(dict(seen[: LISTED + 1]))
    count = len(rows) if len(rows) <= LISTED else seen.count()
    refused = dict(found.refused)
    asked_of: Any = Contact.objects.visible_to(request.user) if found.verb == Batch.Verb.CREATE else visible
    left = {row.pk: row for row in asked_of.filter(pk__in=list(refused)).order_by("pk")}
    reasons: dict[str, list[Opportunity | Contact]] = {}
    for key, row in left.items():
        reasons.setdefault(refused[key], []).append(row)
    context = {
        "batch": found,
        "asked": in_words(found.verb, found.asked),
        "rows": _told(found, rows[:LISTED]),
        "count": count,
        "gone": changed.count() - count,
        "reasons": _reasons(request, found)
        if found.total is not None
        else [
            {"why": why, "count": len(of_it), "rows": of_it}
            for why, of_it in sorted(reasons.items(), key=lambda one: -len(one[1]))
        ],
        "left": len(left),
        "may_undo": rows and runs.can_be_undone(request.user, found),
        "undone_by": list(Batch.objects.filter(undoes=found).order_by("pk")),
        "back": _back(found, list_query(request.GET.get("query", "")).urlencode()),
    } | _progress(request, found)
    return render_page(request, "opportunities/bulk/batch.html", context)


def _reasons(request: SignedIn, found: Batch) -> list[dict[str, Any]]:
    return background.reasons(found, request.user, SHOWN)


def _progress(request: SignedIn, found: Batch) -> dict[str, Any]:
    """How far a run in the background is, and when to ask again."""
    if found.total is None:
        return {}
    asked = key_of(request.GET.get("asked")) or 0
    told = {"progress": background.progress(found), "may_cancel": _may_cancel(request, found)}
    return told | watching(asked, under_way=found.is_under_way, first=2)


def _may_cancel(request: SignedIn, found: Batch) -> bool:
    own = found.by_id == request.user.pk or request.user.has_perm("opportunities.view_batch")
    return own and request.user.has_perm(CHANGE)


@require_safe
def batch_progress(request: SignedIn, pk: int) -> HttpResponse:
    """The part of the batch's page that asks again by itself. Once the run is over, the page is loaded anew."""
    found = _batch_or_404(request, pk)
    if found.total is None or not is_fragment(request):
        return redirect_to(request, found)
    context = {"batch": found} | _progress(request, found)
    response = render(request, "opportunities/bulk/progress.html", context)
    if not found.is_under_way:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def batch_cancel(request: SignedIn, pk: int) -> HttpResponse:
    found = _batch_or_404(request, pk)
    if not _may_cancel(request, found):
        raise PermissionDenied
    if background.cancel(found.pk):
        messages.success(request, _("The run is stopped. What is done stays as it is."))
    else:
        messages.warning(request, _("The run was over already."))
    return redirect_to(request, found)


def _back(found: Batch, query: str) -> str:
    """What was made for contacts was chosen in their list."""
    if found.verb != Batch.Verb.CREATE:
        return _list(query, found.door)
    return f"{reverse('contacts:list')}?{query}" if query else reverse("contacts:list")


def _named(entries: Any) -> Any:
    return entries.select_related("opportunity", "close_code", "source", "contact", "salesperson", "sales_cycle")


def _told(found: Batch, keys: list[int]) -> list[dict[str, Any]]:
    """Each with what was changed; the step before ended at the very instant at which it was recorded. Tags leave no step."""
    if found.verb in runs.BACK:
        tagged = Opportunity.objects.filter(pk__in=keys).order_by("pk")
        return [{"opportunity": one, "action": found.get_verb_display(), "is_last": True} for one in tagged]
    entries: Any = OpportunityEntry.objects.filter(batch=found, opportunity__in=keys)
    entries = list(with_stage_names(_named(entries)).order_by("opportunity_id"))
    before: Any = OpportunityEntry.objects.filter(
        opportunity__in=[entry.opportunity_id for entry in entries],
        replaced_at__in=[entry.recorded_at for entry in entries],
    )
    by_step = {(one.opportunity_id, one.step): one for one in with_stage_names(_named(before))}
    return [
        {
            "opportunity": entry.opportunity,
            "action": entry.get_action_display(),
            "changes": list(changes(by_step.get((entry.opportunity_id, entry.step - 1)), entry)),
            "is_last": entry.opportunity.version == entry.step,
        }
        for entry in entries
    ]


@get_or_post
def batch_undo(request: SignedIn, pk: int) -> HttpResponse:
    """First what would be put back and what not, then the same for real: each row by `undo`, as a batch of its own."""
    found = _batch_or_404(request, pk)
    require(request, CHANGE)
    if not runs.can_be_undone(request.user, found):
        messages.warning(request, _("This batch cannot be taken back (any more)."))
        return _to_batch(request, found)
    dry = request.method != "POST"
    count = runs.changed_by(found).count()
    if not dry and count > runs.AT_ONCE:
        return _start_undo(request, found)
    try:
        outcome = runs.undo(request.user, found, dry=dry)
    except Busy:
        messages.error(request, BUSY)
        return redirect_to(request, "opportunities:batch-undo", pk)
    if dry:
        context = {"batch": found, "outcome": outcome, "asked": in_words(found.verb, found.asked), "count": count}
        return render_page(request, "opportunities/bulk/undo.html", context)
    if outcome.batch is None:
        return _nothing_undone(request, found)
    _tell(request, outcome)
    return _to_batch(request, outcome.batch)


def _start_undo(request: SignedIn, found: Batch) -> HttpResponse:
    try:
        return _to_batch(request, background.start_undo(request.user, found))
    except AlreadyRun as first:
        return _to_batch(request, first.batch)
    except Busy:
        messages.error(request, BUSY)
        return redirect_to(request, "opportunities:batch-undo", found.pk)


def _nothing_undone(request: SignedIn, found: Batch) -> HttpResponse:
    """Sent twice, it leads to what the first one did."""
    first = Batch.objects.filter(undoes=found, by=request.user).order_by("pk").first()
    if first is None:
        messages.warning(request, _("Nothing was changed. This is how it stands now."))
        return redirect_to(request, "opportunities:batch-undo", found.pk)
    return _to_batch(request, first)
