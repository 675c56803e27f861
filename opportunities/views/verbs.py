"""One view per verb: fetch what is visible, ask the form, act, answer."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from collaboration import lifecycle as collaboration
from collaboration.pages import COMMENT
from contacts.models import Contact
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.editing import back_to, list_of, show_row
from crm.lib.listing.filters import key_of
from crm.lib.refusals import log_hidden, one_or_404
from crm.lib.undo import undo_offer
from interactions import lifecycle as interactions
from interactions.models import Interaction
from opportunities import filling, forms, lifecycle
from opportunities.effects import Share, effect, outside_campaign, share
from opportunities.listing import OPPORTUNITIES
from opportunities.merging import NOTHING, Merge, merge
from opportunities.models import Action, Opportunity, OpportunityEntry
from opportunities.repeats import is_repeat
from opportunities.timeline import Told, timeline
from opportunities.views.access import ADD, find, require, require_change, visible
from opportunities.views.board import Seen, address, board_of, read
from opportunities.views.board import answer as board_answer
from opportunities.views.detail import state_of
from opportunities.views.lists import help_without_cycle, more
from salespeople.listing import reader
from salespeople.models import Company, Salesperson, User
from salespeople.requests import SignedIn

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
Verb = Callable[..., OpportunityEntry]
ON_CARD = (forms.MoveForm, forms.StartForm, forms.UndoForm, forms.ArchiveForm)
MOVES_ON = (Action.NEXT, Action.PREVIOUS, Action.SKIP, Action.JUMP, Action.REVISED)  # changes no fact
ENTERS = (Action.STARTED, Action.NEXT, Action.PREVIOUS, Action.SKIP, Action.JUMP, Action.CYCLE_CHANGED, Action.REOPENED)


def _answer(request: SignedIn, pk: int, form_class: type[forms.VerbForm], verb: Verb, **options: Any) -> HttpResponse:
    opportunity = find(request, pk)
    if opportunity is None:
        return _gone(request, pk)
    require_change(request, opportunity)
    data = request.POST if request.method == "POST" else None
    today = Company.current().today()
    asked = options.copy()
    options |= {"user": request.user, "today": today, "files": request.FILES if data is not None else None}
    form = form_class(data, opportunity=opportunity, **options)
    only_shown = data is None or "find" in data  # “Find” only searches contacts
    if only_shown or not form.is_valid():
        return _show(request, form, status=200 if only_shown else 422)
    seen, before = form.cleaned_data["version"], share(opportunity)
    try:
        entry = verb(opportunity, version=seen, by=request.user, **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return _show(request, form, status=422)
    except lifecycle.Stale as stale:
        return _conflict(request, form, stale, verb, **asked)
    return _done(request, form, entry, before)


def _gone(request: SignedIn, pk: int) -> HttpResponse:
    """404 for what is not visible; a board is told, and takes the card away; so is a list, where what was typed stays."""
    query, listed = board_of(request), list_of(request)
    log_hidden(request, Opportunity, pk)
    if not is_fragment(request) or (query is None and listed is None):
        raise Http404
    if listed is not None and "field" in request.GET:
        response = render_page(request, "opportunities/verb.html", partial="gone", status=404)
        response["HX-Reswap"] = "afterbegin"
        return response
    messages.error(request, _("This opportunity is not there any more, or no longer yours to see."))
    if query is None:
        assert listed is not None
        return _row(request, listed, pk, status=404)
    return board_answer(request, query, pk, status=404)


def _row(request: SignedIn, listed: QueryDict, pk: int, **options: Any) -> HttpResponse:
    """The opportunity as the list shows it from which it was changed."""
    return show_row(request, OPPORTUNITIES, reader(), listed, pk, more=more, **options)


def _show(request: SignedIn, form: forms.VerbForm, *, status: int, **context: Any) -> HttpResponse:
    if form.is_bound:
        form.fill_in()
    query, listed = board_of(request), list_of(request)
    if status in (409, 422) and _in_place(request):
        if query is not None and isinstance(form, ON_CARD):
            return _refused_on_board(request, form, query, status, context.get("since", ()))
        if listed is not None and isinstance(form, forms.UndoForm):
            _tell_refusal(request, form, _("Nothing was undone."), context.get("since", ()))
            return _row(request, listed, form.opportunity.pk, status=status)
    action = f"{request.path}?field={form.only}" if form.only else request.path
    context |= {"form": form, "opportunity": form.opportunity, "action": action, "back": _back(request, form)}
    context |= {"board_query": None if query is None else query.urlencode()}
    context |= {"list_query": None if listed is None else listed.urlencode()}
    partial = "field" if form.only else "form"
    return render_page(request, "opportunities/verb.html", context, partial=partial, status=status)


def _back(request: SignedIn, form: forms.VerbForm) -> str:
    """Where the form was asked from."""
    query, listed = board_of(request), list_of(request)
    if query is not None:
        return address(query)
    return (
        form.opportunity.get_absolute_url() if listed is None else back_to(OPPORTUNITIES, listed, form.opportunity.pk)
    )


def _refused_on_board(
    request: SignedIn, form: forms.VerbForm, query: QueryDict, status: int, since: Iterable[Told]
) -> HttpResponse:
    """The card as it stands now. Fields that are missing are asked for on the card, where that is all that is missing or
    the gate may be passed over; anything else is said in a line."""
    missing = [field for field in form if field.errors and not field.is_hidden and field.name != "to"]
    barred = form.errors.get("to") or form.non_field_errors()
    if status == 422 and ((missing and not barred) or "override" in form.fields):
        return board_answer(request, query, form.opportunity.pk, status=status, ask=form)
    said = _("“%(opportunity)s” was not moved.") % {"opportunity": form.opportunity.description}
    _tell_refusal(request, form, said, since)
    return board_answer(request, query, form.opportunity.pk, status=status)


def _tell_refusal(request: SignedIn, form: forms.VerbForm, said: str, since: Iterable[Told]) -> None:
    """In a line: what did not happen, why, and who was faster with what."""
    reasons = [str(reason) for errors in form.errors.values() for reason in errors]
    for told in since:
        what = (
            f"{told.entry.get_action_display()}: {told.stage_name}"
            if told.stage_name
            else told.entry.get_action_display()
        )
        reasons.append(f"{told.entry.by or _('the system')}: {what}.")
    messages.error(request, " ".join([said, *dict.fromkeys(reasons)]))


def _conflict(
    request: SignedIn, form: forms.VerbForm, stale: lifecycle.Stale, verb: Verb, **options: Any
) -> HttpResponse:
    """Somebody was faster. What does not touch their change is saved beside it; else the answer is the present state, what
    happened since, and the form again with everything that was typed."""
    opportunity = find(request, stale.pk)
    if opportunity is None:
        return _gone(request, stale.pk)
    told = timeline(opportunity)
    since = [one for one in told if one.entry.step > stale.seen]
    steps = [one.entry for one in since]
    if is_repeat(form, steps, request.user):
        return _done(request, form, steps[0], share(opportunity), repeated=True)
    seen = next((one.entry for one in told if one.entry.step == stale.seen), None)
    merged = merge(form.terms(seen), form.terms(opportunity), form.asked()) if seen and since else NOTHING
    again = form.once_more(opportunity, merged.theirs, **options)
    answer = None if merged.clashes else _beside(request, form, again, verb, merged, since)
    return answer or _show(request, again, status=409, since=since, who=_names(since), clashes=merged.clashes)


def _beside(
    request: SignedIn, form: forms.VerbForm, again: forms.VerbForm, verb: Verb, merged: Merge, since: list[Told]
) -> HttpResponse | None:
    """Save what only I changed. None where nothing of mine is left, the verb refuses, or somebody was faster once more."""
    opportunity, values, before = again.opportunity, form.values(), share(again.opportunity)
    if not merged.mine:
        said_all = merged.agreed and not values.get("reason")
        return _done(request, again, None, before, since) if said_all else None
    values = {name: value for name, value in values.items() if name not in form.own} | merged.mine
    try:
        entry = verb(opportunity, version=opportunity.version, by=request.user, **values)
    except ValidationError as refusal:
        again.refuse(refusal)
        return None
    except lifecycle.Stale:
        return None
    return _done(request, again, entry, before, since)


def _done(
    request: SignedIn,
    form: forms.VerbForm,
    entry: OpportunityEntry | None,
    before: Share,
    since: Iterable[Told] = (),
    *,
    repeated: bool = False,
) -> HttpResponse:
    """Say what happened and show the new state, read again from the top. No entry: there was nothing left to save.
    `repeated`: the entry was there already."""
    pk, query = form.opportunity.pk, board_of(request)
    seen = read(request.user, query) if query is not None and _in_place(request) else None
    if seen and seen.board:
        opportunity = seen.board.marked(visible(request)).filter(pk=pk).first()
    else:
        opportunity = find(request, pk, like=form.opportunity)  # a verb changes no set-up
    said = [_("This was done already.")] if repeated else list(_said(form, entry, opportunity, since))
    if opportunity is None:
        messages.success(request, " ".join(said))
        messages.info(request, _("The opportunity now belongs to somebody else and is no longer yours to see."))
    else:
        said.insert(1, effect(before, share(opportunity)))
        offered = undo_offer(reverse("opportunities:undo", args=[pk]), entry.step) if entry and not entry.undoes else ""
        messages.success(request, " ".join(filter(None, said)), extra_tags=offered)
    return _shown(request, form, entry, opportunity, seen)


def _shown(
    request: SignedIn,
    form: forms.VerbForm,
    entry: OpportunityEntry | None,
    opportunity: Opportunity | None,
    seen: Seen | None,
) -> HttpResponse:
    """The new state where the verb was asked from: on the board, in a list, on the page of the opportunity."""
    pk, query, listed = form.opportunity.pk, board_of(request), list_of(request)
    if not _in_place(request):
        return redirect_to(request, _then(form, query, listed, opportunity))
    if query is not None:
        key = entry.pk if entry else None
        return board_answer(request, query, pk, entry=key, seen=seen, opportunity=opportunity)
    if listed is not None:
        return _row(request, listed, pk, edited=form.only)
    if opportunity is None:
        return redirect_to(request, OPPORTUNITIES.address())
    keeps_beside = entry is not None and entry.action in MOVES_ON and request.POST.get("version") == str(entry.step - 1)
    context = state_of(request, opportunity, keeps_beside=keeps_beside) | {"edited": form.only}
    response = render_page(request, "opportunities/detail.html", context, partial="state")
    response["HX-Retarget"], response["HX-Reswap"] = "#state", "outerHTML"
    return response


def _then(
    form: forms.VerbForm, query: QueryDict | None, listed: QueryDict | None, opportunity: Opportunity | None
) -> str:
    """Where a page of a form leads when it is done."""
    pk = form.opportunity.pk
    if query is not None:
        return f"{address(query)}#card-{pk}"
    if listed is not None:
        return back_to(OPPORTUNITIES, listed, pk)
    return opportunity.get_absolute_url() if opportunity else OPPORTUNITIES.address()


def _in_place(request: SignedIn) -> bool:
    return is_fragment(request) and not _on_own_page(request)


def _on_own_page(request: SignedIn) -> bool:
    """Whether the form stands on the page of its own address, which has no place for the state of the opportunity."""
    return (HtmxDetails(request).current_url_abs_path or "").partition("?")[0] == request.path


def _names(since: Iterable[Told]) -> str:
    return ", ".join(sorted({str(told.entry.by or _("the system")) for told in since}))


def _said(
    form: forms.VerbForm, entry: OpportunityEntry | None, opportunity: Opportunity | None, since: Iterable[Told]
) -> Iterator[str]:
    others = {"who": _names(since)}
    if entry is None:
        yield _("%(who)s saved the same already.") % others
        return
    if isinstance(form, forms.CorrectForm):
        yield _("The date was corrected.")
        return
    entered = opportunity.stage if opportunity and entry.action in ENTERS else None
    yield f"{entry.get_action_display()}: {entered}." if entered else f"{entry.get_action_display()}."
    if opportunity and entry.action == Action.EDITED and "source" in form.changed_data:
        yield outside_campaign(opportunity)
    if isinstance(form, forms.CloseForm) and form.quote and form.differs_from_quote:
        yield _("The quote %(number)s says another amount.") % {"number": form.quote.number}
    if since:
        yield _("What %(who)s changed in between was kept.") % others


@get_or_post
def start(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.StartForm, filling.start)


@get_or_post
def move(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.MoveForm, filling.move, wanted=request.GET.get("to", ""))


@get_or_post
def revise(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.ReviseForm, lifecycle.revise, only=request.GET.get("field", ""))


@get_or_post
def edit(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.EditForm, lifecycle.edit, only=request.GET.get("field", ""))


@get_or_post
def reassign(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.ReassignForm, lifecycle.reassign, only=request.GET.get("field", ""))


@get_or_post
def change_cycle(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.ChangeCycleForm, filling.change_cycle)


@get_or_post
def close(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.CloseForm, lifecycle.close, wanted=request.GET.get("outcome", ""))


@get_or_post
def reopen(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.ReopenForm, filling.reopen)


@get_or_post
def undo(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.UndoForm, lifecycle.undo)


@get_or_post
def correct(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.CorrectForm, lifecycle.correct)


@get_or_post
def archive(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.ArchiveForm, lifecycle.archive)


@get_or_post
def restore(request: SignedIn, pk: int) -> HttpResponse:
    return _answer(request, pk, forms.RestoreForm, lifecycle.restore)


@get_or_post
def new(request: SignedIn) -> HttpResponse:
    """A new opportunity; the context it was asked from (contact, salesperson) is kept. "Find" only searches contacts."""
    require(request, ADD)
    data = request.POST if request.method == "POST" else None
    talk = _talk(request)
    form = forms.NewForm(data, initial=_context_of(request, talk), user=request.user, today=Company.current().today())
    finding = data is not None and "find" in data
    if data is None or finding or not form.is_valid():
        return _show_new(request, form, finding, talk, status=200 if data is None or finding else 422)
    try:
        with transaction.atomic():
            entry = lifecycle.create(by=request.user, **form.values())
            _goes_on(talk, entry.opportunity, request.user)
    except ValidationError as refusal:
        form.refuse(refusal)
        return _show_new(request, form, finding, talk, status=422)
    except interactions.Stale:
        form.add_error(None, _("Somebody is changing this just now. Please send it again."))
        return _show_new(request, form, finding, talk, status=409)
    opportunity = entry.opportunity
    messages.success(request, _("Created: %(opportunity)s.") % {"opportunity": opportunity})
    if late := outside_campaign(opportunity):
        messages.warning(request, late)
    if not visible(request).filter(pk=opportunity.pk).exists():
        messages.info(request, _("The opportunity belongs to somebody else and is not yours to see."))
        return redirect_to(request, "opportunities:list")
    return redirect_to(request, "opportunities:detail", opportunity.pk)


def _show_new(
    request: SignedIn, form: forms.NewForm, finding: bool, talk: Interaction | None, *, status: int
) -> HttpResponse:
    context = {"form": form, "finding": finding, "talk": talk, **help_without_cycle(request)}
    return render_page(request, "opportunities/new.html", context, partial="form", status=status)


def _talk(request: SignedIn) -> Interaction | None:
    """The interaction that the address names, of which an opportunity is to be made. Raises Http404, PermissionDenied."""
    named = request.POST.get("interaction") or request.GET.get("interaction")
    if not named:
        return None
    rows = Interaction.objects.visible_to(request.user).select_related("contact", "salesperson", "opportunity")
    talk: Interaction = one_or_404(request, rows, key_of(named) or 0)
    if not talk.may_be_changed_by(request.user):
        raise PermissionDenied
    return talk


def _goes_on(talk: Interaction | None, opportunity: Opportunity, by: User) -> None:
    """The interaction is about the new opportunity; what was said is its first comment (R-FROM-LOG). Raises ValidationError,
    `interactions.Stale`."""
    if talk is None:
        return
    interactions.become(talk, version=talk.version, opportunity=opportunity, by=by)
    if talk.text.strip() and by.has_perm(COMMENT):
        collaboration.write("opportunity", opportunity.pk, text=talk.text, by=by)


def _context_of(request: SignedIn, talk: Interaction | None = None) -> dict[str, Any]:
    """Contact and salesperson that the address names, where they are visible; a contact brings its salesperson. An interaction
    brings both, and its description."""
    initial: dict[str, Any] = {}
    if talk is not None:
        found = {"description": talk.description, "contact": talk.contact_id, "start": False}
        usable = talk.salesperson if talk.salesperson and talk.salesperson.is_usable else None
        return found | ({"salesperson": usable.pk} if usable else {})
    contact = _named(Contact.objects.visible_to(request.user).select_related("salesperson"), request, "contact")
    salesperson = _named(Salesperson.objects.visible_to(request.user), request, "salesperson")
    if contact:
        initial["contact"] = contact.pk
        salesperson = salesperson or contact.salesperson
    if salesperson and salesperson.is_usable:
        initial["salesperson"] = salesperson.pk
    return initial


def _named(rows: Any, request: SignedIn, name: str) -> Any:
    key = request.GET.get(name, "")
    return rows.filter(pk=key).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None
