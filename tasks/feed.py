"""A person's open tasks and meetings as an iCalendar, at an address that only the person knows."""

import datetime
import hashlib
import zoneinfo
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from icalendar import Calendar, Event

from collaboration.models import Preferences
from salespeople.auth import with_rights
from salespeople.models import Company, User
from tasks.models import Task
from tasks.reminding import own

BACK, AHEAD = datetime.timedelta(days=30), datetime.timedelta(days=365)
MOST = 2000  # tasks of a calendar
OFTEN, WITHIN = 60, 600  # so many times in so many seconds
HEADERS = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex, nofollow"}


@login_not_required
@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponseBase:
    """404 for an address that was never given, was ended, or is of somebody who may not sign in any more."""
    wants = Preferences.objects.filter(calendar_key=key, user__is_active=True).first()
    if wants is None:
        return _answer(404)
    if _too_often(key):
        return _answer(429, {"Retry-After": str(WITHIN)})
    person: User = with_rights(User.objects.all()).get(pk=wants.pk)
    body, changed = _written(person)
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    whole = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    headers = HEADERS | {"ETag": etag, "Content-Disposition": 'inline; filename="agenda.ics"'}
    if changed:
        headers["Last-Modified"] = http_date(changed.timestamp())
    for name, value in headers.items():
        whole[name] = value
    return get_conditional_response(request, etag, response=whole) or whole


def _answer(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    """Marked as logged: the log would keep the address, which is the secret."""
    response = HttpResponse(status=status, content_type="text/plain", headers=HEADERS | (headers or {}))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _too_often(key: str) -> bool:
    name = f"tasks.feed.{hashlib.sha256(key.encode()).hexdigest()}"
    cache.add(name, 0, WITHIN)
    try:
        return cache.incr(name) > OFTEN
    except ValueError:  # forgotten this very moment
        return False


def _written(person: User) -> tuple[bytes, datetime.datetime | None]:
    """The calendar, and when the latest of its tasks was changed."""
    today = timezone.localdate(timezone=person.zone)
    rows = Task.objects.visible_to(person).open().filter(own(person), due_on__range=(today - BACK, today + AHEAD))
    events: Any = Task._meta.get_field("events").related_model
    changes = events.objects.filter(pgh_obj=OuterRef("pk")).order_by("-pgh_created_at").values("pgh_created_at")
    named = rows.select_related("opportunity", "contact").annotate(changed_at=Subquery(changes[:1]))
    tasks: list[Any] = list(named.in_order()[:MOST])
    with translation.override(person.language or settings.LANGUAGE_CODE):
        calendar = Calendar()
        calendar.add("prodid", "-//CRM//Agenda//EN")
        calendar.add("version", "2.0")
        calendar.add("x-wr-calname", _("CRM: %(person)s") % {"person": person})
        zone = zoneinfo.ZoneInfo(Company.current().time_zone)
        for task in tasks:
            calendar.add_component(_event(task, zone))
        if any(task.starts_at for task in tasks):
            calendar.add_missing_timezones()
    return calendar.to_ical(), max((task.changed_at for task in tasks if task.changed_at), default=None)


def _event(task: Any, zone: zoneinfo.ZoneInfo) -> Event:
    """Without a start it takes the whole day and blocks none of it."""
    event = Event()
    host = settings.SITE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    event.add("uid", f"task-{task.pk}@{host}")
    event.add("summary", task.description)
    event.add("dtstamp", task.changed_at or datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
    event.add("last-modified", task.changed_at or datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
    event.add("sequence", task.version - 1)
    if task.starts_at:
        begins = datetime.datetime.combine(task.due_on, task.starts_at, zone)
        event.add("dtstart", begins)
        event.add("duration", datetime.timedelta(minutes=task.duration))
    else:
        event.add("dtstart", task.due_on)
        event.add("transp", "OPAQUE" if task.all_day else "TRANSPARENT")
    if task.location:
        event.add("location", task.location)
    about = [str(one) for one in (task.opportunity, task.contact) if one]
    url = f"{settings.SITE_URL}{task.get_absolute_url()}"
    event.add("description", "\n".join([*about, url]))
    event.add("url", url)
    return event
