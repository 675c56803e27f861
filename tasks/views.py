import datetime
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from contacts.models import Contact
from crm.lib.editing import INVALID, OK, STALE, posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.address import carried, with_query
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from salespeople import saved_views
from salespeople.models import Company, Salesperson, SavedView, Team
from salespeople.requests import SignedIn
from tasks import agenda_views, forms, lifecycle
from tasks.agenda_views import later
from tasks.listing import TASKS
from tasks.models import Task

VIEW, ADD, CHANGE = "tasks.view_task", "tasks.add_task", "tasks.change_task"
NAMED = ("salesperson", "team", "contact", "company", "opportunity", "completed_by", "follows")
CLOSED_SHOWN = 5  # so many of the last closed ones stand on the page of a contact
SHOWN = 10  # so many open tasks stand on the page of something else; the list has them all
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class About(NamedTuple):
    """What the address names: whom or what a task is about, and whose it is."""

    opportunity: Any = None
    contact: Contact | None = None
    company: Contact | None = None
    salesperson: Salesperson | None = None
    team: Team | None = None

    @property
    def query(self) -> str:
        return "&".join(f"{name}={row.pk}" for name, row in self._asdict().items() if row)

    @property
    def listed(self) -> str:
        """The same tasks as an address of the list."""
        others, whom = self.apart
        words = {name: row.pk for name, row in others.items()}
        return urlencode(words | ({"involving": whom.pk} if whom else {}))

    @property
    def apart(self) -> tuple[dict[str, Any], Contact | None]:
        """Whose tasks, and the contact: its tasks are those of the meetings that it takes part in, too."""
        named = {name: row for name, row in self._asdict().items() if row}
        whom = named.pop("contact", None) or named.pop("company", None)
        return named, whom


class Asked(NamedTuple):
    """The page that a form was opened on, which it carries as `word`: the card of something, the agenda, the calendar."""

    word: str
    query: QueryDict

    @property
    def written(self) -> str:
        return self.query.urlencode()


def _asked(request: SignedIn) -> Asked | None:
    carrying = ((word, carried(request, word)) for word in ("card", "agenda", "calendar"))
    return next((Asked(word, query) for word, query in carrying if query is not None), None)


@require_safe
def task_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, TASKS, SavedView.Page.TASKS)


@require_safe
def card(request: SignedIn) -> HttpResponse:
    """The open tasks of one opportunity, contact, company, salesperson or team, with what can be done at once."""
    return _card(request, request.GET)


@get_or_post
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """A new task about what the address names. From a card of open tasks it answers with that card."""
    asked = _asked(request)
    about = _about(request, request.GET if asked is None else asked.query)
    _require_open(request, about)
    form = forms.TaskForm(
        posted(request), user=request.user, opportunity=about.opportunity, initial=_proposed(request, about)
    )
    status = OK
    if form.is_bound and "find" not in request.POST:
        task = _created(request, form, about) if form.is_valid() else None
        if task is not None:
            messages.success(request, _("The task “%(task)s” was made.") % {"task": task})
            return _after(
                request, asked, about.opportunity or about.contact or about.company or about.salesperson or task
            )
        status = INVALID
    context = {"form": form, "about": about, "back": _back(about), "asked": asked}
    return render_page(request, "tasks/new.html", context, partial="form", status=status)


def _created(request: SignedIn, form: forms.TaskForm, about: About) -> Task | None:
    try:
        return lifecycle.create(by=request.user, on=_today(), opportunity=about.opportunity, **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return None


@get_or_post
@permission_required(ADD, raise_exception=True)
def assign(request: SignedIn) -> HttpResponse:
    """All tasks of an activity for what the address names."""
    about = _about(request, request.GET)
    _require_open(request, about)
    form = forms.AssignForm(posted(request), user=request.user, initial={"on": _today()} | _owner(request, about))
    if form.is_valid():
        values = dict(form.cleaned_data)
        contact = about.contact or about.company
        try:
            made = lifecycle.assign(
                values.pop("activity"), by=request.user, opportunity=about.opportunity, contact=contact, **values
            )
        except ValidationError as refusal:
            form.refuse(refusal)
        else:
            said = ngettext("%(count)d task was made.", "%(count)d tasks were made.", len(made))
            messages.success(request, said % {"count": len(made)})
            return redirect_to(request, _back(about))
    context = {"form": form, "about": about, "back": _back(about)}
    return render_page(request, "tasks/assign.html", context, partial="form", status=INVALID if form.errors else OK)


@get_or_post
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One task, what can be done with it, and the form to change it."""
    task = _task(request, pk)
    if request.method == "POST":
        _require_change(request, task)
    form = forms.TaskForm(posted(request), user=request.user, task=task, opportunity=task.opportunity)
    status = OK
    if form.is_bound and "find" not in request.POST:
        status = _changed(request, task, form)
        if status == OK:
            messages.success(request, _("The task was saved."))
            return _to(request, task.pk)
    return _show(request, task, form=form, status=status)


def _changed(request: SignedIn, task: Task, form: forms.TaskForm) -> int:
    """200 where it was saved, 422 where it was refused, 409 where somebody was faster."""
    if not form.is_valid():
        return INVALID
    version = form.cleaned_data["version"] or task.version
    try:
        lifecycle.change(task, version=version, by=request.user, on=_today(), **form.values())
    except ValidationError as refusal:
        form.refuse(refusal)
        return INVALID
    except lifecycle.Stale:
        _say_stale(form, task)
        return STALE
    return OK


def _say_stale(form: Any, task: Task) -> None:
    """What was typed stays; sent again it is on purpose."""
    form.add_error(
        None, _("Somebody else changed this task in the meantime. Compare, and save again if it should still be so.")
    )
    form.data = form.data.copy()
    form.data["version"] = str(task.version)


# ── one verb each ────────────────────────────────────────────────────────────────────────────────────────────────────


@get_or_post
def complete(request: SignedIn, pk: int) -> HttpResponse:
    """Done, with what came of it and what follows, in one step."""
    return _verb(request, pk, forms.CompleteForm, lifecycle.complete, _("The task is completed."))


@get_or_post
def postpone(request: SignedIn, pk: int) -> HttpResponse:
    return _verb(request, pk, forms.PostponeForm, lifecycle.postpone, _("The task is postponed."))


@get_or_post
def reschedule(request: SignedIn, pk: int) -> HttpResponse:
    """To another day or time: by its form, or by dragging it in the calendar, which sends the same."""
    return _verb(request, pk, forms.RescheduleForm, lifecycle.reschedule, _("The date was changed."))


@get_or_post
def reassign(request: SignedIn, pk: int) -> HttpResponse:
    return _verb(request, pk, forms.ReassignForm, lifecycle.reassign, _("The task is reassigned."))


@get_or_post
def cancel(request: SignedIn, pk: int) -> HttpResponse:
    return _verb(request, pk, forms.CancelForm, lifecycle.cancel, _("The task is cancelled."))


@get_or_post
def reopen(request: SignedIn, pk: int) -> HttpResponse:
    return _verb(request, pk, forms.ReopenForm, lifecycle.reopen, _("The task is open again."))


def _verb(
    request: SignedIn, pk: int, form_class: type[forms.VerbForm], verb: Callable[..., Any], said: str
) -> HttpResponse:
    task = _task(request, pk)
    _require_change(request, task)
    form = form_class(posted(request), task=task, user=request.user, today=_today())
    status = INVALID if form.errors else OK
    if form.is_valid():
        try:
            done = verb(task, version=form.cleaned_data["version"], by=request.user, **form.values())
        except ValidationError as refusal:
            form.refuse(refusal)
            status = INVALID
        except lifecycle.Stale:
            _say_stale(form, task)
            status = STALE
        else:
            messages.success(request, " ".join([said, *_following(done)]))
            _offer_to_log(request, done)
            return _after(request, _asked(request), task)
    asked = _asked(request)
    if asked and asked.word == "calendar" and status != OK and is_fragment(request):
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return render_page(request, "tasks/calendar.html", partial="said", status=status)
    context = {"form": form, "task": task, "asked": asked, "back": _page(request, asked) if asked else task}
    return render_page(request, "tasks/verb.html", context, partial="form", status=status)


def _offer_to_log(request: SignedIn, done: Any) -> None:
    """A call or a meeting that took place can be logged (R-TASK-LOG): an app above does that, at its address."""
    if not isinstance(done, lifecycle.Done) or not done.task.can_be_logged:
        return
    if request.user.has_perm("interactions.add_interaction"):
        url = f"{reverse('interactions:new')}?task={done.task.pk}"
        messages.info(request, format_html('<a href="{}">{}</a>', url, _("Log it as an interaction")))


def _following(done: Any) -> list[str]:
    made = [one for one in (done.next, done.follow_up) if one] if isinstance(done, lifecycle.Done) else []
    return [_("“%(task)s” follows.") % {"task": one} for one in made]


# ── what a view fetches, and where it leads ──────────────────────────────────────────────────────────────────────────


def _today() -> datetime.date:
    return Company.current().today()


def _task(request: SignedIn, pk: int) -> Task:
    task: Task = one_or_404(request, Task.objects.visible_to(request.user).select_related(*NAMED), pk)
    return task


def _may_change(request: SignedIn, task: Task) -> bool:
    return request.user.has_perm(CHANGE) and not task.is_fixed_for(request.user)


def _require_change(request: SignedIn, task: Task) -> None:
    """403 for what one may see but not change. Raises PermissionDenied."""
    if not _may_change(request, task):
        raise PermissionDenied


def _require_open(request: SignedIn, about: About) -> None:
    """403 for an opportunity that was shared only to see. Raises PermissionDenied."""
    if about.opportunity is not None and about.opportunity.is_fixed_for(request.user):
        raise PermissionDenied


def _about(request: SignedIn, query: QueryDict) -> About:
    """The rows that the address names, each through its own door. Raises Http404."""
    opportunities: Any = Task._meta.get_field("opportunity").related_model
    doors: dict[str, Any] = {
        "opportunity": opportunities.objects.visible_to(request.user).select_related("contact", "salesperson"),
        "contact": Contact.objects.visible_to(request.user).select_related("salesperson"),
        "company": Contact.objects.visible_to(request.user).companies().select_related("salesperson"),
        "salesperson": Salesperson.objects.visible_to(request.user),
        "team": Team.objects.visible_to(request.user),
    }
    named = {name: key_of(query.get(name)) for name in doors if query.get(name)}
    return About(**{name: one_or_404(request, doors[name], key or 0) for name, key in named.items()})


def _owner(request: SignedIn, about: About) -> dict[str, Any]:
    """Whose a new one is by default (R-TASK-DEF): named, of the opportunity, of the contact, one's own."""
    if about.team:
        return {"team": about.team}
    contact = about.contact or about.company
    found = (about.salesperson, about.opportunity and about.opportunity.salesperson, contact and contact.salesperson)
    usual = next((one for one in (*found, request.user.salesperson) if one and one.is_usable), None)
    return {"salesperson": usual}


def _proposed(request: SignedIn, about: About) -> dict[str, Any]:
    contact = about.contact or about.company or (about.opportunity and about.opportunity.contact)
    return {"due_on": _today(), "contact": contact} | _owner(request, about)


def _back(about: About) -> Any:
    return about.opportunity or about.contact or about.company or about.salesperson or TASKS.address()


def _after(request: SignedIn, asked: Asked | None, to: Any) -> HttpResponse:
    """The page that asked, else the page of what it was about."""
    if asked is None:
        return _to(request, to.pk) if isinstance(to, Task) else redirect_to(request, to)
    if not is_fragment(request):
        return redirect_to(request, _page(request, asked))
    if asked.word == "calendar":
        return render_page(request, "tasks/calendar.html", partial="said")
    if asked.word == "card":
        response, place = _card(request, asked.query), "#tasks"
    else:
        response, place = agenda_views.show(request, asked.query, done=to), "#agenda"
    response["HX-Retarget"], response["HX-Reswap"] = place, "innerHTML"
    return response


def _page(request: SignedIn, asked: Asked) -> Any:
    if asked.word == "card":
        return _back(_about(request, asked.query))
    return with_query(reverse(f"tasks:{asked.word}"), asked.query)


def _to(request: SignedIn, pk: int) -> HttpResponse:
    """The page of the task, if it is still to be seen."""
    if Task.objects.visible_to(request.user).filter(pk=pk).exists():
        return redirect_to(request, "tasks:detail", pk)
    messages.info(request, _("The task belongs to somebody else and is not yours to see."))
    return redirect_to(request, "tasks:list")


def _show(request: SignedIn, task: Task, *, form: forms.TaskForm, status: int) -> HttpResponse:
    context = {
        "task": task,
        "form": form,
        "may_change": _may_change(request, task),
        "today": _today(),
        "later": later(_today()),
        "attendees": list(task.attendees.select_related("salesperson", "contact")) if task.is_meeting else [],
    }
    return render_page(request, "tasks/detail.html", context, partial="form", status=status)


def _card(request: SignedIn, query: QueryDict) -> HttpResponse:
    """Raises Http404."""
    about = _about(request, query)
    if not about.query or not request.user.has_perm(VIEW):
        raise Http404
    rows = _of(about, Task.objects.visible_to(request.user).open())
    tasks = list(rows.select_related("salesperson", "team").in_order()[: SHOWN + 1])
    whom = about.contact or about.company
    closed = Task.objects.visible_to(request.user).filter(closed_on__isnull=False).select_related("completed_by")
    deal = about.opportunity
    fixed = deal is not None and deal.is_fixed_for(request.user)
    comes = tasks and (
        tasks[-1].due_on >= _today() or (len(tasks) > SHOWN and rows.filter(due_on__gte=_today()).exists())
    )
    context = {
        "tasks": tasks[:SHOWN],
        "needs_step": deal is not None and deal.is_in_progress and not comes,
        "has_more": len(tasks) > SHOWN,
        "closed": list(_of(about, closed).order_by("-closed_on", "-pk")[:CLOSED_SHOWN]) if whom else [],
        "closed_url": with_query(TASKS.address(), QueryDict(f"{about.listed}&which=closed&order=-closed_on")),
        "query": about.query,
        "all_url": with_query(TASKS.address(), QueryDict(f"{about.listed}&which=open")),
        "whom": whom,
        "today": _today(),
        "later": later(_today()),
        "may_add": request.user.has_perm(ADD) and not fixed,
        "may_change": request.user.has_perm(CHANGE) and not fixed,
        "owner": _owner(request, about),
    }
    return render_page(request, "tasks/card.html", context, partial="card")


def _of(about: About, rows: QuerySet[Task]) -> Any:
    others, whom = about.apart
    found: Any = rows.filter(**others)
    return found.involving([whom.pk]) if whom else found
