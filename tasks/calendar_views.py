"""The calendar: tasks by day, week and month. The page is a table; a script draws a calendar in its place, by the same addresses."""

import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.editing import INVALID, OK
from crm.lib.fragments import render_page
from salespeople.requests import SignedIn
from tasks import agenda, calendar, whose
from tasks.calendar import MONTH, ONE_DAY, WEEK
from tasks.forms import CalendarForm
from tasks.models import Task, TaskQuerySet

VIEW, ADD = "tasks.view_task", "tasks.add_task"


@require_safe
def show_calendar(request: SignedIn) -> HttpResponse:
    _let_in(request)
    form = CalendarForm(request.GET, user=request.user)
    today = agenda.today_of(request.user)
    understood = form.is_valid()
    span = calendar.span_of(_by(request.GET), _day(request.GET.get("day")) or today)
    rows = calendar.within(_rows(request, form), span.first, span.last) if understood else Task.objects.none()
    tasks, has_more = calendar.shown(rows, request.user)
    language = get_language() or "en"
    words = form.words() if understood else {}
    weeks = calendar.weeks(span, tasks)
    context: dict[str, Any] = {
        "form": form,
        "span": span,
        "weeks": weeks,
        "today": today,
        "has_more": has_more,
        "most": calendar.MOST,
        "query": agenda.written(words),
        "whose_query": agenda.written({"whose": words.get("whose", "")}),
        "list_url": agenda.all_url(which="open", **words),
        "events_url": f"{reverse('tasks:events')}?{agenda.written(words)}",
        "bys": [(MONTH, _("Month")), (WEEK, _("Week")), (ONE_DAY, _("Day"))],
        "locale_js": f"vendor/fullcalendar/locales/{language}/global.js" if language != "en" else "",
        "may_add": request.user.has_perm(ADD),
    }
    return render_page(request, "tasks/calendar.html", context, status=OK if understood else INVALID)


@require_safe
def events(request: SignedIn) -> HttpResponse:
    """Open tasks from `first` to `last`, both included; `more` says that there are more than are told."""
    _let_in(request)
    form = CalendarForm(request.GET, user=request.user, offers=False)
    first, last = (_day(request.GET.get(word)) for word in ("first", "last"))
    if not form.is_valid() or first is None or last is None or not 0 <= (last - first).days < calendar.MOST_DAYS:
        return JsonResponse({"error": _("The filters could not be understood, so nothing is shown:")}, status=INVALID)
    tasks, has_more = calendar.shown(calendar.within(_rows(request, form), first, last), request.user)
    today = agenda.today_of(request.user)
    return JsonResponse({"events": calendar.events(tasks, today), "more": has_more})


def _let_in(request: SignedIn) -> None:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied


def _rows(request: SignedIn, form: CalendarForm) -> TaskQuerySet:
    values = form.cleaned_data
    rows = whose.narrowed(Task.objects.visible_to(request.user).open(), values["whose"], request.user)
    return rows.filter(kind=values["kind"]) if values["kind"] else rows


def _by(query: QueryDict) -> str:
    return by if (by := query.get("by")) in (MONTH, WEEK, ONE_DAY) else MONTH


def _day(text: str | None) -> datetime.date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None
