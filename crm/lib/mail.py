"""A mail in the language and the time zone of who gets it: plain text and simple HTML, from two templates of one name."""

import zoneinfo
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import timezone, translation


def mailbox() -> Any:
    """An open connection to the mail server. Where there is none it raises before anything was promised to be sent."""
    box = get_connection()
    box.open()
    return box


def send(
    box: Any, to: str, template: str, context: Mapping[str, Any], *, language: str, zone: zoneinfo.ZoneInfo
) -> None:
    """`template` names `mail/….subject.txt`, `mail/….txt` and `mail/….html`. `context` is made ready before: it is rendered
    three times."""
    with ExitStack() as stack:
        stack.enter_context(translation.override(language or settings.LANGUAGE_CODE))
        stack.enter_context(timezone.override(zone))
        shown = {"site": settings.SITE_URL, "language": translation.get_language(), **context}
        subject, text, page = (
            render_to_string(f"mail/{template}{part}", shown) for part in (".subject.txt", ".txt", ".html")
        )
    mail = EmailMultiAlternatives(" ".join(subject.split()), text.strip() + "\n", to=[to], connection=box)
    mail.attach_alternative(page, "text/html")
    mail.send()
