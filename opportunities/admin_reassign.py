"""The one bulk action of the admin pages: many opportunities to another salesperson."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from opportunities import bulk
from opportunities.admin_forms import ReassignForm
from opportunities.bulk import AT_ONCE
from opportunities.models import Opportunity
from salespeople.models import Company, Salesperson

TOLD = 20  # refusals named one by one


@admin.action(description=_("Reassign to another salesperson"), permissions=["change"])
def reassign(page: Any, request: HttpRequest, chosen: QuerySet[Opportunity]) -> HttpResponse | None:
    """Asks to whom and why, then reassigns."""
    if "seen" in request.POST:
        form = ReassignForm(request.user, request.POST)
        if form.is_valid():
            _run(request, **form.cleaned_data)
            return None
        return _ask(page, request, form, _known(page, request, form))
    found: Any = chosen
    rows = list(found.with_names().order_by("pk")[: AT_ONCE + 1])
    if len(rows) > AT_ONCE:
        text = _("At most %(count)d opportunities can be reassigned at once. Choose fewer.")
        messages.warning(request, text % {"count": AT_ONCE})
        return None
    seen = ",".join(f"{row.pk}:{row.version}" for row in rows)
    return _ask(page, request, ReassignForm(request.user, initial={"seen": seen}), rows) if rows else None


def _known(page: Any, request: HttpRequest, form: ReassignForm) -> Any:
    keys = list(form.cleaned_data.get("seen", {}))[:AT_ONCE]
    return page.get_queryset(request).with_names().filter(pk__in=keys).order_by("pk")


def _ask(page: Any, request: HttpRequest, form: ReassignForm, rows: Iterable[Opportunity]) -> HttpResponse:
    context = page.admin_site.each_context(request) | {
        "title": _("Reassign to another salesperson"),
        "opts": page.opts,
        "form": form,
        "rows": rows,
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": page.media,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/opportunities/opportunity/reassign.html", context, status=status)


def _run(request: HttpRequest, *, seen: dict[int, int], salesperson: Salesperson, reason: str, tasks_too: bool) -> None:
    user: Any = request.user
    values = {"salesperson": salesperson, "reason": reason, "tasks_too": tasks_too, "on": Company.current().today()}
    asked = [(name, str(words)) for name, words in (("salesperson", salesperson), ("reason", reason)) if words]
    try:
        outcome = bulk.run(user, seen, bulk.Verb.REASSIGN, values, asked=asked)
    except ValidationError as refusal:
        messages.warning(request, refusal.messages[0])
    except bulk.Busy:
        messages.warning(request, _("Somebody is at work on some of these just now. Nothing was changed."))
    else:
        refused = [(row.before, row.why or _("Nothing was changed.")) for row in outcome.rows if not row.is_changed]
        _tell(request, len(outcome.changed), refused, outcome.gone)


def _tell(request: HttpRequest, changed: int, refused: list[tuple[Opportunity, Any]], gone: int) -> None:
    if changed:
        text = ngettext("%(count)d opportunity was reassigned.", "%(count)d opportunities were reassigned.", changed)
        messages.success(request, text % {"count": changed})
    if refused or gone:
        text = ngettext("%(count)d was refused:", "%(count)d were refused:", len(refused) + gone)
        messages.warning(request, text % {"count": len(refused) + gone})
    for name, why in refused[:TOLD]:
        messages.warning(request, _("%(opportunity)s: %(reason)s") % {"opportunity": name, "reason": why})
    if len(refused) > TOLD:
        messages.warning(request, _("… and %(count)d more") % {"count": len(refused) - TOLD})
    if gone:
        text = ngettext("%(count)d cannot be found any more.", "%(count)d cannot be found any more.", gone)
        messages.warning(request, text % {"count": gone})
