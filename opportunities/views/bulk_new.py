"""New opportunities for many contacts: fill in, preview, run."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.address import with_query
from crm.lib.races import Busy
from crm.lib.undo import undo_offer
from opportunities import bulk_new as runs
from opportunities.bulk import BUSY, AlreadyRun, refuse_too_many
from opportunities.bulk_forms import CreateForm, in_words
from opportunities.bulk_new import Outcome
from opportunities.bulk_selection import asked_for, list_query
from opportunities.models import Batch
from opportunities.views.access import ADD, require, visible
from salespeople.models import Company
from salespeople.requests import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def new_for_many(request: SignedIn) -> HttpResponse:
    """The contacts come as `key`, or as `all` with the list's `query`. What to do next says `do`."""
    require(request, ADD)
    data = request.POST if request.method == "POST" else request.GET
    query = list_query(data.get("query", ""))
    try:
        keys = asked_for(request.user, data, query, CONTACTS)
        refuse_too_many(len(keys))
    except ValidationError as refusal:
        return _show(request, {"refusals": refusal.messages, "back": with_query(CONTACTS.address(), query)}, status=422)
    contacts = runs.read(request.user, keys)
    context = {
        "contacts": contacts,
        "gone": len(keys) - len(contacts),
        "query": query.urlencode(),
        "back": with_query(CONTACTS.address(), query),
    }
    if not contacts:
        return _show(request, context)
    do = request.POST.get("do", "")
    form = CreateForm(request.POST if do else None, rows=contacts, user=request.user, today=Company.current().today())
    context["form"] = form
    if do not in ("preview", "run"):
        return _show(request, context)
    if not form.is_valid():
        return _show(request, context, status=422)
    return _run(request, contacts, form, context) if do == "run" else _preview(request, contacts, form, context)


def _show(request: SignedIn, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render_page(request, "opportunities/bulk/new.html", context, partial="step", status=status)


def _preview(
    request: SignedIn, contacts: list[Contact], form: CreateForm, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    outcome = runs.preview(request.user, contacts, form.values())
    context |= {"outcome": outcome, "asked": in_words(Batch.Verb.CREATE, form.asked()), "token": uuid4()}
    return _show(request, context, status=status)


def _run(request: SignedIn, contacts: list[Contact], form: CreateForm, context: dict[str, Any]) -> HttpResponse:
    """Sent twice it answers twice, and runs once."""
    try:
        token = UUID(request.POST.get("token", ""))
    except ValueError:
        return _preview(request, contacts, form, context, status=422)
    try:
        outcome = runs.run(request.user, contacts, form.values(), asked=form.asked(), token=token)
    except AlreadyRun as first:
        return _to_batch(request, first.batch, context["query"])
    except Busy:
        form.add_error(None, BUSY)
        return _show(request, context, status=409)
    if outcome.batch is None:
        messages.warning(request, _("Nothing was changed. This is how it stands now."))
        return _preview(request, contacts, form, context, status=422)
    _tell(request, outcome)
    return _to_batch(request, outcome.batch, context["query"])


def _to_batch(request: SignedIn, batch: Batch, query: str) -> HttpResponse:
    """The way back leads to the contacts."""
    return redirect_to(request, f"{batch.get_absolute_url()}?{urlencode({'query': query})}")


def _tell(request: SignedIn, outcome: Outcome) -> None:
    assert outcome.batch
    count = len(outcome.made)
    text = ngettext("%(count)d opportunity was created.", "%(count)d opportunities were created.", count)
    seen = visible(request).filter(pk__in=[line.made.pk for line in outcome.made if line.made]).exists()
    tags = undo_offer(reverse("opportunities:batch-undo", args=[outcome.batch.pk]), 0) if seen else ""
    messages.success(request, text % {"count": count}, extra_tags=tags)
    if outcome.refused:
        left = len(outcome.refused)
        text = ngettext("%(count)d contact was left out.", "%(count)d contacts were left out.", left)
        messages.warning(request, text % {"count": left})
