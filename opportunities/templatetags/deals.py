"""Pieces of the page of an opportunity that stand on it many times."""

from typing import Any

from django import template
from django.template import Context
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.lib.icons import ICONS
from crm.templatetags.crm import NOTHING, shown
from opportunities.timeline import Change

register = template.Library()


@register.simple_tag(takes_context=True)
def edit_here(context: Context, verb: str, field: str, name: Any) -> SafeString:
    """The button that edits one field of the opportunity (at `here`) where it stands, by the form of `verb`; `name` says
    what. `edited` had the focus. The form comes into `<div id="edit-{{ field }}" class="edit-place">`."""
    url = f"{context['here']}{verb}/?field={field}"
    return format_html(
        '<a class="edit-here" href="{}" hx-get="{}" hx-target="#edit-{}" data-edit-opener="edit-{}"{}>{}'
        '<span class="visually-hidden">{}</span></a>',
        url,
        url,
        field,
        field,
        SafeString(" data-focus") if context.get("edited") == field else NOTHING,
        ICONS["edit"],
        _("Edit: %(name)s") % {"name": name},
    )


@register.simple_tag(takes_context=True)
def told_change(context: Context, change: Change) -> SafeString:
    """What a step changed: from what to what."""
    after = conditional_escape(shown(context, change.after, change.kind))
    if change.before is None or change.before == "":
        return SafeString(after)
    before = shown(context, change.before, change.kind)
    return format_html('<del><span class="visually-hidden">{} </span>{}</del> → {}', _("before:"), before, after)
