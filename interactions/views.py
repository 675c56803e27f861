import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.models import Contact
from crm.lib.editing import INVALID, OK, STALE, posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.address import carried, with_query
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from interactions import lifecycle
from interactions.forms import InteractionForm, by_template, typed
from interactions.listing import INTERACTIONS
from interactions.models import Interaction, Kind, deals
from salespeople import saved_views
from salespeople.models import Company, Salesperson, SavedView
from salespeople.requests import SignedIn
from tasks.models import Task

VIEW, ADD = "interactions.view_interaction", "interactions.add_interaction"
NAMED = ("contact", "company", "salesperson", "task", "template", "logged_by", "opportunity")
SHOWN = 10  # so many stand on the page of something else; the list has them all
LOGGED = "interaction-logged"  # what the timeline of an opportunity listens to
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class About(NamedTuple):
    """What the address names: whom or what an interaction is about, whose it is, the task that it came of."""

    opportunity: Any = None
    contact: Contact | None = None
    company: Contact | None = None
    salesperson: Salesperson | None = None
    task: Task | None = None

    @property
    def query(self) -> str:
        return "&".join(f"{name}={row.pk}" for name, row in self._asdict().items() if row)

    @property
    def deal(self) -> Any:
        return self.opportunity or (self.task and self.task.opportunity)


@require_safe
def interaction_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, INTERACTIONS, SavedView.Page.INTERACTIONS)


@require_safe
def card(request: SignedIn) -> HttpResponse:
    """What was talked about with one contact or company, of one opportunity or salesperson: figures, and the latest."""
    return _card(request, request.GET)


@get_or_post
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """Logs an interaction with or about what the address names. “Find” and “apply” (a template) only fill in the form."""
    about = _about(request, request.GET)
    if about.deal is not None and about.deal.is_fixed_for(request.user):
        raise PermissionDenied
    form = InteractionForm(
        posted(request), user=request.user, opportunity=about.deal, initial=_proposed(request, about)
    )
    status = OK
    if form.is_bound and _only_fills_in(request):
        form = InteractionForm(None, user=request.user, opportunity=about.deal, initial=_filled_in(request))
    elif form.is_bound:
        made = _logged(request, form, about) if form.is_valid() else None
        if made is not None:
            _say_logged(request, made)
            return _after(request, about, made)
        status = INVALID
    asked = carried(request, "card")
    context = {"form": form, "about": about, "back": _back(about), "card_query": asked and asked.urlencode()}
    return render_page(request, "interactions/new.html", context, partial="form", status=status)


def _only_fills_in(request: SignedIn) -> bool:
    return bool({"find", "apply"} & set(request.POST))


def _filled_in(request: SignedIn) -> dict[str, Any]:
    return typed(request.POST) | (by_template(request.POST) if "apply" in request.POST else {})


def _logged(request: SignedIn, form: InteractionForm, about: About) -> Interaction | None:
    try:
        return lifecycle.log(by=request.user, on=_today(), task=about.task, **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return None


def _say_logged(request: SignedIn, made: Interaction) -> None:
    """With the way to an opportunity, where there is none yet (R-FROM-LOG)."""
    said = _("The interaction is logged.")
    if made.can_become_opportunity and request.user.has_perm("opportunities.add_opportunity"):
        url, label = become_url(made), _("Create an opportunity from it")
        messages.success(request, format_html('{} <a href="{}">{}</a>', said, url, label))
    else:
        messages.success(request, said)


def become_url(interaction: Interaction) -> str:
    return f"{reverse('opportunities:new')}?interaction={interaction.pk}"


@get_or_post
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One interaction, and the form to change it."""
    found = _interaction(request, pk)
    if request.method == "POST":
        _require_change(request, found)
    form = InteractionForm(posted(request), user=request.user, interaction=found, opportunity=found.opportunity)
    status = OK
    if form.is_bound and _only_fills_in(request):
        form = InteractionForm(
            None,
            user=request.user,
            interaction=found,
            opportunity=found.opportunity,
            initial=_filled_in(request) | {"failed": "failed" in request.POST},
        )
    elif form.is_bound:
        status = _changed(request, found, form)
        if status == OK:
            messages.success(request, _("The interaction was saved."))
            return _to(request, found)
    context = {
        "interaction": found,
        "form": form,
        "may_change": found.may_be_changed_by(request.user),
        "become_url": become_url(found) if found.can_become_opportunity else "",
    }
    return render_page(request, "interactions/detail.html", context, partial="form", status=status)


def _changed(request: SignedIn, found: Interaction, form: InteractionForm) -> int:
    """200 where it was saved, 422 where it was refused, 409 where somebody was faster."""
    if not form.is_valid():
        return INVALID
    version = form.cleaned_data["version"] or found.version
    try:
        lifecycle.change(found, version=version, by=request.user, on=_today(), **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return INVALID
    except lifecycle.Stale:
        said = _("Somebody else changed this meanwhile. Compare, and save again if it should still be so.")
        form.add_error(None, said)
        form.data = request.POST.copy()
        form.data["version"] = str(found.version)  # sent again it is on purpose
        return STALE
    return OK


@require_POST
def cancel(request: SignedIn, pk: int) -> HttpResponse:
    return _marked(request, pk, lifecycle.cancel, _("The interaction is cancelled and counts no more."))


@require_POST
def restore(request: SignedIn, pk: int) -> HttpResponse:
    return _marked(request, pk, lifecycle.restore, _("The interaction counts again."))


def _marked(request: SignedIn, pk: int, verb: Callable[..., Interaction], said: str) -> HttpResponse:
    found = _interaction(request, pk)
    _require_change(request, found)
    try:
        verb(found, version=key_of(request.POST.get("version")) or 0, by=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    except lifecycle.Stale:
        messages.error(request, _("Somebody else changed this meanwhile. Nothing was done: look at it again."))
    else:
        messages.success(request, said)
    return redirect_to(request, found)


# ── what a view fetches, and where it leads ──────────────────────────────────────────────────────────────────────────


def _today() -> datetime.date:
    return Company.current().today()


def _interaction(request: SignedIn, pk: int) -> Interaction:
    found: Interaction = one_or_404(request, Interaction.objects.visible_to(request.user).select_related(*NAMED), pk)
    return found


def _require_change(request: SignedIn, found: Interaction) -> None:
    """403 for what one may see but not change. Raises PermissionDenied."""
    if not found.may_be_changed_by(request.user):
        raise PermissionDenied


def _about(request: SignedIn, query: QueryDict) -> About:
    """The rows that the address names, each through its own door. Raises Http404."""
    user = request.user
    doors: dict[str, Any] = {
        "opportunity": deals().visible_to(user).select_related("contact", "company", "salesperson"),
        "contact": Contact.objects.visible_to(user).select_related("salesperson"),
        "company": Contact.objects.visible_to(user).companies().select_related("salesperson"),
        "salesperson": Salesperson.objects.visible_to(user),
        "task": Task.objects.visible_to(user).select_related("contact", "salesperson", "opportunity__contact"),
    }
    named = {name: key_of(query.get(name)) for name in doors if query.get(name)}
    return About(**{name: one_or_404(request, doors[name], key or 0) for name, key in named.items()})


def _proposed(request: SignedIn, about: About) -> dict[str, Any]:
    """Of the task what it was about, how long it took and what came of it (R-TASK-LOG); the time where it is of today."""
    task, deal = about.task, about.deal
    kind = request.GET.get("kind", "")
    values: dict[str, Any] = {"happened_on": _today(), "kind": kind if kind in Kind.values else Kind.CALL}
    if task is not None:
        known = task.kind if task.kind in Kind.values else Kind.NOTE
        values |= {"kind": known, "description": task.description, "duration": task.duration or 0}
        values |= {"happened_on": task.closed_on or _today(), "started_at": task.starts_at, "text": task.outcome}
    contact = about.contact or about.company or (task and task.contact) or (deal and deal.contact)
    people: list[Any] = [about.salesperson, task and task.salesperson, request.user.salesperson]
    people += [deal and deal.salesperson, contact and contact.salesperson]
    values["salesperson"] = next((one for one in people if one and one.is_usable), None)
    return values | {"contact": contact, "opportunity": deal}


def _back(about: About) -> Any:
    return (
        about.task or about.opportunity or about.contact or about.company or about.salesperson or INTERACTIONS.address()
    )


def _after(request: SignedIn, about: About, made: Interaction) -> HttpResponse:
    """The card that asked; the opportunity's page is told, and shows it on its timeline; else the page it was about."""
    asked = carried(request, "card")
    if asked is not None and is_fragment(request):
        response = _card(request, asked)
        response["HX-Retarget"], response["HX-Reswap"] = "#interactions", "innerHTML"
        return response
    if about.opportunity is not None and is_fragment(request):
        response = render_page(request, "interactions/new.html", partial="logged")
        response["HX-Trigger"] = LOGGED
        return response
    if asked is not None:
        return redirect_to(request, _back(_about(request, asked)))
    return redirect_to(request, _back(about)) if about.query else _to(request, made)


def _to(request: SignedIn, found: Interaction) -> HttpResponse:
    """Its page, if it is still to be seen."""
    if Interaction.objects.visible_to(request.user).filter(pk=found.pk).exists():
        return redirect_to(request, "interactions:detail", found.pk)
    messages.info(request, _("It is about somebody else's opportunity now and not yours to see."))
    return redirect_to(request, "interactions:list")


def _card(request: SignedIn, query: QueryDict) -> HttpResponse:
    """Raises Http404."""
    about = _about(request, query)
    if not about.query or about.task or not request.user.has_perm(VIEW):
        raise Http404
    named = {name: row for name, row in about._asdict().items() if row}
    rows = Interaction.objects.visible_to(request.user).filter(**named)
    latest = list(rows.standing().select_related("contact", "salesperson", "opportunity")[: SHOWN + 1])
    contact = about.contact or about.company
    context = {
        "interactions": latest[:SHOWN],
        "has_more": len(latest) > SHOWN,
        "figures": rows.figures(),
        "query": about.query,
        "all_url": with_query(INTERACTIONS.address(), QueryDict(about.query)),
        "new_query": f"contact={contact.pk}" if contact and contact.is_usable else "",
        "kinds": Kind.choices,
        "may_add": request.user.has_perm(ADD),
    }
    return render_page(request, "interactions/card.html", context, partial="card")
