"""Handing over what a leaving salesperson has: what there is, a rule, a preview, runs of at most so many rows, the end."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.codes import Territory
from contacts.models import Contact
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.races import Busy
from crm.lib.refusals import one_or_404
from opportunities.bulk import AT_ONCE, BUSY
from opportunities.models import Opportunity, OpportunityEntry
from salespeople.admin import may_manage
from salespeople.models import Company, Salesperson, User
from salespeople.requests import SignedIn
from tasks.models import Task
from upkeep import handover as runs
from upkeep.handover import KINDS, AlreadyRun, Key, Outcome
from upkeep.handover_forms import STAYS, HandoverForm
from upkeep.handover_models import Handover, HandoverRun
from upkeep.handover_rules import assign

ADD, VIEW = "upkeep.add_handover", "upkeep.view_handover"
NEEDED = (ADD, "opportunities.change_opportunity", "contacts.change_contact")
LISTED = 200  # the latest ones
ROWS = 25  # of a run that one page shows, each with a choice of its own


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(NEEDED, raise_exception=True)
def hand_over(request: SignedIn, pk: int) -> HttpResponse:
    """What the salesperson has and by which rule it goes; `do` says what is next: `preview` or `run`; `page` is a preview of other
    rows. A `handover` that was begun goes on."""
    leaver = one_or_404(request, Salesperson.objects.visible_to(request.user), pk)
    begun = _begun(request, leaver)
    do = "preview" if "page" in request.POST else request.POST.get("do", "")
    form = HandoverForm(request.POST if do else None, leaver=leaver, user=request.user)
    context = {"leaver": leaver, "handover": begun, "form": form, "at_once": AT_ONCE} | _company()
    if do not in ("preview", "run"):
        return _show(request, context | _has(request.user, leaver))
    if not form.is_valid():
        return _show(request, context | _has(request.user, leaver), status=422)
    return _run(request, context, form) if do == "run" else _preview(request, context, form)


def _company() -> dict[str, Any]:
    return {"currency": Company.current().currency}


def _begun(request: SignedIn, leaver: Salesperson) -> Handover | None:
    data = request.POST if request.method == "POST" else request.GET
    key = key_of(data.get("handover"))
    return Handover.objects.visible_to(request.user).filter(pk=key, salesperson=leaver).first() if key else None


def _has(user: User, leaver: Salesperson) -> dict[str, Any]:
    """What the leaver has: how many of each, and the value of the opportunities; teams by name."""
    rows: list[dict[str, Any]] = [{"kind": kind, "count": kind.rows(leaver, user).count()} for kind in KINDS]
    worth = (
        runs.KINDS[0]
        .rows(leaver, user)
        .order_by()
        .aggregate(value=Sum("estimated_value"), weighted=Sum("calculated_value"))
    )
    account = User.objects.filter(salesperson=leaver).first()
    return {
        "has": rows,
        "worth": worth,
        "left": sum(row["count"] for row in rows if row["kind"].moves),
        "teams": [membership.team for membership in KINDS[-1].rows(leaver, user)],
        "may_block": user.has_perm("salespeople.change_salesperson") and not leaver.blocked,
        "account": account,
        "may_deactivate": account is not None and _may_deactivate(user, account),
    }


def _may_deactivate(user: User, account: User) -> bool:
    able = user.has_perm("salespeople.change_user") and may_manage(user, account)
    return able and account.is_active and account.pk != user.pk


def _show(request: SignedIn, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render_page(request, "upkeep/handover.html", context, status=status)


def _preview(request: SignedIn, context: dict[str, Any], form: HandoverForm, *, status: int = 200) -> HttpResponse:
    """The next rows, each with whom the rule gives it to or who was chosen for it, and what a run would do."""
    user, leaver, own = request.user, context["leaver"], form.own_choices()
    rows = runs.next_rows(leaver, user, form.cleaned_data["what"])
    to = list(form.cleaned_data["to"])
    chosen: dict[Key, Any] = dict(assign(form.cleaned_data["rule"], rows, to, leaver, user)) | own
    seen = {(kind, row.pk): getattr(row, "version", 0) for kind, row in rows}
    going = {key: somebody for key, somebody in chosen.items() if somebody and key in seen}
    try:
        outcome = runs.preview(user, leaver, seen, going, form.cleaned_data["reason"])
    except Busy:
        form.add_error(None, BUSY)
        return _show(request, context | _has(user, leaver), status=409)
    whys = {(line.kind, line.row.pk): line.why for line in outcome.refused}
    pages = _pages(request, rows)
    field: Any = form.fields["to"]
    context |= {
        "outcome": outcome,
        "people": list(field.queryset),
        "stays": STAYS,
        "rows": [
            {"kind": kind, "row": row, "to": chosen.get((kind, row.pk)), "why": whys.get((kind, row.pk), "")}
            for kind, row in pages["shown"]
        ],
        "pages": pages,
        "others": [
            (f"to-{kind}-{row.pk}", getattr(chosen.get((kind, row.pk)), "pk", STAYS)) for kind, row in pages["hidden"]
        ],
        "seen": ",".join(f"{kind}:{key}:{version}" for (kind, key), version in seen.items()),
        "more": sum(kind.rows(leaver, user).count() for kind in KINDS if kind.name in form.cleaned_data["what"])
        - len(rows),
        "token": uuid4(),
        "names": {kind.name: kind.label for kind in KINDS},
    }
    return render_page(request, "upkeep/handover_preview.html", context, status=status)


def _pages(request: SignedIn, rows: list[Any]) -> dict[str, Any]:
    """Which of the rows are shown: those of the page that was asked for, or was open; choices of the others are carried along."""
    asked = key_of(request.POST.get("page", request.POST.get("at"))) or 1
    last = max(-(-len(rows) // ROWS), 1)
    at = min(asked, last)
    start = (at - 1) * ROWS
    shown = rows[start : start + ROWS]
    return {
        "at": at,
        "before": at - 1,
        "after": at + 1 if at < last else 0,
        "first": start + 1,
        "last": start + len(shown),
        "count": len(rows),
        "shown": shown,
        "hidden": rows[:start] + rows[start + ROWS :],
    }


def _run(request: SignedIn, context: dict[str, Any], form: HandoverForm) -> HttpResponse:
    """The rows of the preview, each to whom its choice says; what changed since is left out. Sent twice it runs once."""
    seen, token = _seen(request.POST), _token(request.POST)
    if not seen or token is None or len(seen) > AT_ONCE:
        return _preview(request, context, form, status=422)
    going = {key: one for key, one in form.own_choices().items() if one and key in seen}
    try:
        outcome = runs.run(
            request.user,
            context["leaver"],
            seen,
            going,
            token=token,
            reason=form.cleaned_data["reason"],
            handover=context["handover"],
        )
    except AlreadyRun as first:
        return redirect_to(request, first.run.handover)
    except Busy:
        form.add_error(None, BUSY)
        return _show(request, context | _has(request.user, context["leaver"]), status=409)
    if outcome.run is None:
        messages.warning(request, _("Nothing was changed. This is how it stands now."))
        return _preview(request, context, form, status=409 if outcome.refused else 422)
    _tell(request, outcome)
    return redirect_to(request, outcome.run.handover)


def _seen(data: QueryDict) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for part in data.get("seen", "").split(","):
        kind, _colon, rest = part.partition(":")
        key, _colon, version = rest.partition(":")
        known, seen = key_of(key), key_of(version)
        if known is not None and seen is not None and kind in {one.name for one in KINDS if one.moves}:
            found[kind, known] = seen
    return found


def _token(data: QueryDict) -> UUID | None:
    try:
        return UUID(data.get("token", ""))
    except ValueError:
        return None


def _tell(request: SignedIn, outcome: Outcome) -> None:
    count, left = len(outcome.handed), len(outcome.refused)
    said = ngettext("%(count)d was handed over.", "%(count)d were handed over.", count)
    messages.success(request, said % {"count": count})
    if left:
        stays = ngettext("%(count)d was left as it is: %(why)s", "%(count)d were left as they are: %(why)s", left)
        messages.warning(request, stays % {"count": left, "why": " ".join(why for why, _lines in outcome.reasons)})


@require_safe
@permission_required(VIEW, raise_exception=True)
def handover(request: SignedIn, pk: int) -> HttpResponse:
    """One handover: every run with what went to whom, as far as the person sees it, and what is left."""
    found = one_or_404(request, Handover.objects.visible_to(request.user).select_related("salesperson", "by"), pk)
    user = request.user
    made = list(found.runs.select_related("batch", "by"))
    told = [{"run": each, "handed": _handed(user, each), "may_undo": runs.can_be_undone(user, each)} for each in made]
    left = sum(kind.rows(found.salesperson, user).count() for kind in KINDS if kind.moves)
    context = {"handover": found, "runs": told, "left": left, "may_go_on": user.has_perms(NEEDED)}
    return render_page(request, "upkeep/handover_detail.html", context)


def _handed(user: User, made: HandoverRun) -> list[tuple[Any, Any]]:
    """What went, as far as it is seen, and to whom."""
    found: list[tuple[Any, Any]] = []
    if made.batch_id:
        entries: Any = OpportunityEntry.objects.filter(batch=made.batch_id).select_related("opportunity", "salesperson")
        seen = entries.filter(opportunity__in=Opportunity.objects.visible_to(user))
        found += [(entry.opportunity, entry.salesperson) for entry in seen.order_by("opportunity_id")]
    handed = list(made.handed.select_related("to").order_by("key"))
    seen_ones: tuple[tuple[str, Any], ...] = (
        ("tasks", Task.objects.visible_to(user)),
        ("contacts", Contact.objects.visible_to(user)),
        ("territories", Territory.objects.all()),
    )
    for kind, rows in seen_ones:
        by_key = rows.in_bulk([one.key for one in handed if one.kind == kind])
        found += [(by_key[one.key], one.to) for one in handed if one.kind == kind and one.key in by_key]
    return found


@require_safe
@permission_required(VIEW, raise_exception=True)
def handovers(request: SignedIn) -> HttpResponse:
    rows = Handover.objects.visible_to(request.user).select_related("salesperson", "by")[:LISTED]
    return render_page(request, "upkeep/handovers.html", {"rows": rows})


@require_POST
@permission_required(NEEDED, raise_exception=True)
def undo(request: SignedIn, pk: int) -> HttpResponse:
    """Takes one run back: what nothing followed."""
    made = one_or_404(request, HandoverRun.objects.select_related("handover"), pk)
    if not runs.can_be_undone(request.user, made):
        messages.warning(request, _("This run cannot be taken back (any more)."))
        return redirect_to(request, made.handover)
    try:
        back, stayed = runs.undo(request.user, made)
    except Busy:
        messages.error(request, BUSY)
        return redirect_to(request, made.handover)
    messages.success(request, ngettext("%(count)d went back.", "%(count)d went back.", back) % {"count": back})
    if stayed:
        said = ngettext("%(count)d was changed since and stays.", "%(count)d were changed since and stay.", stayed)
        messages.warning(request, said % {"count": stayed})
    return redirect_to(request, made.handover)


@require_POST
@permission_required(ADD, raise_exception=True)
def finish(request: SignedIn, pk: int) -> HttpResponse:
    """The end: the salesperson cannot be picked any more (`block`), and who it is does not sign in any more (`deactivate`)."""
    leaver = one_or_404(request, Salesperson.objects.visible_to(request.user), pk)
    user, account = request.user, User.objects.filter(salesperson=leaver).first()
    if "block" in request.POST:
        if not user.has_perm("salespeople.change_salesperson"):
            raise PermissionDenied
        Salesperson.objects.filter(pk=leaver.pk).update(blocked=True)
        messages.success(request, _("%(name)s cannot be picked any more.") % {"name": leaver})
    if "deactivate" in request.POST and account is not None and account.is_active:
        if not _may_deactivate(user, account):
            raise PermissionDenied
        User.objects.filter(pk=account.pk).update(is_active=False)
        messages.success(request, _("%(name)s does not sign in any more.") % {"name": account})
    return redirect_to(request, reverse("salespeople:detail", args=[leaver.pk]))
