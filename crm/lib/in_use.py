"""Who uses a row that somebody wants to delete: from the keys that the models declare, so it fits every app.

A person reads the names of what they may see; the rest is only counted. A row that stands for another one (an entry of
the ledger for its opportunity) is listed as that one, once.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_permission_codename
from django.db.models import CASCADE, PROTECT, RESTRICT, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

LISTED = 20  # names; the others are counted

Found = dict[type[Model], Q]


def uses(objects: Iterable[Model], request: HttpRequest, site: AdminSite) -> list[SafeString]:
    """One line for each row that forbids deleting `objects` (all of one model); empty when nothing does."""
    objects = list(objects)
    if not objects:
        return []
    now, before = _split(_protecting(type(objects[0]), [row.pk for row in objects]), site)
    lines = [line for model, rows in now.items() for line in _lines(model, rows, request, site, "%(row)s")]
    for model, rows in before.items():
        earlier = rows & ~now.get(model, Q(pk__in=[]))
        lines += _lines(model, earlier, request, site, str(_("%(row)s, in its history")))
    return lines


def in_use(row: Model) -> bool:
    """Whether anything forbids deleting `row`."""
    found = _protecting(type(row), [row.pk])
    return any(model._base_manager.filter(condition).exists() for model, condition in found.items())


def visible(model: type[Model], request: HttpRequest) -> QuerySet[Any]:
    """What the person may see of a model: its own `visible_to`, else all or nothing by permission."""
    manager: Any = model._default_manager
    if hasattr(manager, "visible_to"):
        return manager.visible_to(request.user)
    permission = f"{model._meta.app_label}.{get_permission_codename('view', model._meta)}"
    return manager.all() if request.user.has_perm(permission) else manager.none()


def _protecting(model: type[Model], keys: Any) -> Found:
    """Conditions on the rows that protect those of `model` with `keys`, also through what would be deleted with them."""
    found: Found = {}
    relation: Any
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)):
            continue
        target, condition = relation.related_model, Q(**{f"{relation.field.name}__in": keys})
        if relation.on_delete in (PROTECT, RESTRICT):
            found[target] = found.get(target, Q(pk__in=[])) | condition
        elif relation.on_delete is CASCADE:
            for deeper, more in _protecting(target, target._base_manager.filter(condition).values("pk")).items():
                found[deeper] = found.get(deeper, Q(pk__in=[])) | more
    return found


def _split(found: Found, site: AdminSite) -> tuple[Found, Found]:
    """Rows that use it now, and those for which another row (`ModelAdmin.listed_as`) remembers that they did."""
    now: Found = {}
    before: Found = {}
    for model, condition in found.items():
        name = getattr(site._registry.get(model), "listed_as", None)
        if name is None:
            now[model] = condition
        else:
            keys = model._base_manager.filter(condition).values(name)
            key: Any = model._meta.get_field(name)
            before[key.related_model] = before.get(key.related_model, Q(pk__in=[])) | Q(pk__in=keys)
    return now, before


def _lines(model: type[Model], condition: Q, request: HttpRequest, site: AdminSite, pattern: str) -> list[SafeString]:
    total = model._base_manager.filter(condition).count()
    if not total:
        return []
    seen = visible(model, request).filter(condition)
    rows = list(seen[:LISTED])
    many = seen.count() if len(rows) == LISTED else len(rows)
    lines = [_line(row, site, pattern) for row in rows]
    if many > len(rows):
        more = many - len(rows)
        lines.append(_said(ngettext("… and %(count)d more", "… and %(count)d more", more) % {"count": more}))
    if total > many:
        hidden = {"count": total - many, "what": model._meta.verbose_name_plural}
        text = ngettext(
            "%(count)d that you may not see (%(what)s)", "%(count)d that you may not see (%(what)s)", total - many
        )
        lines.append(_said(text % hidden))
    return lines


def _said(text: str) -> SafeString:
    return format_html("{}", text)


def _line(row: Any, site: AdminSite, pattern: str) -> SafeString:
    """Opportunity: OP000001 Chairs (Won), linked to its admin page if there is one."""
    state = f" ({row.get_status_display()})" if hasattr(row, "get_status_display") else ""
    name = pattern % {"row": f"{row}{state}"}
    kind = capfirst(row._meta.verbose_name)
    try:
        url = reverse(f"{site.name}:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return format_html("{}: {}", kind, name)
    return format_html('{}: <a href="{}">{}</a>', kind, url, name)
