"""How values look: money, percentages, numbers, dates, icons, badges, meters. Presentation only.

All of it is cheap enough for a row loop: formats are read once per language, icons are ready-made strings. Blank values
show as a dash.
"""

from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crm.lib import dates, money
from crm.lib.icons import ICONS
from crm.lib.theme import theme_of
from crm.lib.undo import Offer, offered

register = template.Library()

NOTHING = SafeString("")
STATUS_LOOKS = {
    "not_started": ("grey", "circle"),
    "in_progress": ("blue", "play"),
    "won": ("green", "check"),
    "lost": ("red", "x"),
}


def _language() -> str:
    return get_language() or "en"


@register.filter(name="money")
def money_filter(value: Any, currency: str) -> str:
    """`{{ opportunity.estimated_value|money:currency }}`"""
    return money.money_formatter(currency or "EUR", _language())(_number(value))


@register.filter
def percent(value: Any) -> str:
    """`{{ opportunity.chances|percent }}`: 0–100, trailing zeros dropped."""
    return money.percent_formatter(_language())(_number(value))


@register.filter
def number(value: Any, places: int | None = None) -> str:
    """`{{ count|number }}` or, with fixed decimals, `{{ days|number:1 }}`."""
    return money.number_formatter(_language(), places)(_number(value))


@register.filter
def day_short(value: date | None) -> str:
    """`{{ opportunity.closing_on|day_short }}`: for tables."""
    return dates.day_short(value or None, _language())


@register.filter
def day(value: date | None) -> str:
    """`{{ opportunity.closing_on|day }}`: with the month's name, for headings and sentences."""
    return dates.day_long(value or None, _language())


@register.filter
def day_from(value: date, today: date) -> str:
    """`{{ task.due_on|day_from:today }}`: how far it is."""
    return dates.day_from(value, today, _language())


@register.filter
def clock(value: time) -> str:
    """`{{ task.starts_at|clock }}`"""
    return dates.clock(value, _language())


@register.filter
def moment(value: datetime | None) -> str:
    """`{{ entry.recorded_at|moment }}`: day and time in the reader's time zone."""
    if value and timezone.is_aware(value):
        value = timezone.localtime(value)
    return dates.moment(value or None, _language())


@register.simple_tag(takes_context=True)
def shown(context: Context, value: Any, kind: str) -> str:
    """`{% shown change.after change.kind %}`: money, percent, day, or as it is; a text (the stage's own) stays a text."""
    if value is None or value == "":
        return money.BLANK
    if isinstance(value, str):
        return value
    if kind == "money":
        return money_filter(value, str(context.get("currency") or ""))
    looks = {"percent": percent, "day": day_short}
    return looks.get(kind, str)(value)


@register.filter
def initials(name: str) -> str:
    """`{{ user.name|initials }}`: the first letters of the first and the last word."""
    words = str(name).split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "plus" %}`: an ornament; with a label (`{% icon "alert" _("Overdue") %}`) it says so to screen readers."""
    if not label:
        return ICONS[name]
    return format_html('{}<span class="visually-hidden">{}</span>', ICONS[name], label)


@register.simple_tag
def badge(label: Any, tone: str = "grey", icon: str = "") -> SafeString:
    """`{% badge _("Overdue") "red" "alert" %}`. Tones: grey, blue, green, amber, red."""
    return _badge(str(label), tone, icon)


@register.simple_tag
def status_badge(status: str, label: Any) -> SafeString:
    """`{% status_badge opportunity.status opportunity.get_status_display %}`"""
    return _badge(str(label), *STATUS_LOOKS.get(status, ("grey", "")))


@register.simple_tag
def meter(value: Any, label: Any = "") -> SafeString | str:
    """`{% meter opportunity.probability %}`: a bar of 0–100 with its figure. Give a label where no heading names it."""
    text = percent(value)
    return text if _number(value) is None else _meter(str(value), text, str(label))


@register.filter
def undo_offered(message: Any) -> Offer | None:
    """`{% with undo=message|undo_offered %}`: the form that a message brings, or None."""
    return offered(message.extra_tags)


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """`{% theme as chosen %}`: "light", "dark" or "" (as the system says)."""
    request: HttpRequest | None = context.get("request")
    return theme_of(request) if request else ""


@register.simple_tag(takes_context=True)
def current(context: Context, section: str) -> SafeString:
    """`<a {% current "contacts" %}>`: marks the navigation's entry for this page ("page") or its section ("true")."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None or section not in (match.view_name, match.app_name):
        return SafeString("")
    here = match.view_name == section or match.url_name == "list"
    return SafeString('aria-current="page"' if here else 'aria-current="true"')


def _number(value: Any) -> money.Value:
    """A template writes a missing value as an empty string."""
    return None if value is None or value == "" else value


# A list repeats few of these, and escaping costs more than all the rest: keep what was made. A text marked safe equals the
# same text unmarked, so a cache cannot tell them apart: escape always.
@lru_cache(maxsize=512)
def _badge(label: str, tone: str, icon: str) -> SafeString:
    return format_html('<span class="mark mark-{}">{}{}</span>', tone, ICONS[icon] if icon else NOTHING, escape(label))


@lru_cache(maxsize=2048)
def _meter(width: str, text: str, label: str) -> SafeString:
    named = format_html('<span class="visually-hidden">{}: </span>', escape(label)) if label else NOTHING
    return format_html(
        '<span class="meter"><svg class="meter-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" '
        'focusable="false"><rect width="{}" height="8" fill="currentColor"/></svg>{}<span>{}</span></span>',
        width,
        named,
        text,
    )
