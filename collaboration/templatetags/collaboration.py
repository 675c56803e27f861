from typing import Any

from django import template
from django.template import Context
from django.template.defaultfilters import linebreaksbr
from django.utils.html import escape, urlize
from django.utils.safestring import SafeString

from collaboration.models import Notification
from collaboration.notify import reason

register = template.Library()


@register.filter
def said(text: str) -> SafeString:
    """What somebody wrote: lines are kept, addresses of pages and of mail are links."""
    shown = urlize(text, nofollow=True, autoescape=True) if "." in text else escape(text)
    return SafeString(linebreaksbr(SafeString(shown)))


@register.simple_tag(takes_context=True)
def unread_notifications(context: Context) -> int:
    """How many of the signed-in person are unread. Who has none, which comes with the person, costs no query; else those
    are counted whose records the person still sees."""
    user: Any = context["user"]
    if getattr(user, "unread", 0) == 0:
        return 0
    return Notification.objects.to(user).unread().count()


@register.simple_tag
def why(told: Notification) -> str:
    """Why somebody is told, in a sentence: who did what."""
    return reason(told)
