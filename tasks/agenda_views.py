"""The agenda: what is to be done, by when, and done from there."""

import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.editing import INVALID, OK
from crm.lib.fragments import render_page
from salespeople.requests import SignedIn
from tasks import agenda
from tasks.forms import WhoseForm
from tasks.models import Task

VIEW, ADD = "tasks.view_task", "tasks.add_task"


@require_safe
def show_agenda(request: SignedIn) -> HttpResponse:
    return show(request, request.GET)


def show(request: SignedIn, query: QueryDict, *, done: Task | None = None) -> HttpResponse:
    """As the address `query` says it. The focus goes to what follows `done`. Raises PermissionDenied."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    form = WhoseForm(query, user=request.user)
    today = agenda.today_of(request.user)
    word = form.cleaned_data["whose"] if form.is_valid() else ""
    sections = agenda.sections(request.user, word, today) if form.is_valid() else []
    context: dict[str, Any] = {
        "form": form,
        "sections": sections,
        "today": today,
        "later": later(today),
        "query": agenda.written({"whose": word}),
        "list_url": agenda.all_url(which="open", whose=word),
        "may_add": request.user.has_perm(ADD),
        "focus": agenda.after(sections, done) if done else None,
        "was_done": done is not None,
    }
    return render_page(
        request, "tasks/agenda.html", context, partial="agenda", status=OK if form.is_valid() else INVALID
    )


def later(today: datetime.date) -> list[tuple[str, datetime.date]]:
    """Days that one click postpones to."""
    return [
        (_("Tomorrow"), today + datetime.timedelta(days=1)),
        (_("Next Monday"), today + datetime.timedelta(days=7 - today.weekday())),
        (_("In a week"), today + datetime.timedelta(days=7)),
    ]
