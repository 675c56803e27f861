"""The list of likely duplicates, and what somebody decides about a pair."""

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.postgres.aggregates import ArrayAgg
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.duplicate_models import DuplicateRule, LikelyPair, SeparateContacts
from contacts.duplicates import reasons_of, set_apart, take_back
from contacts.models import Contact
from contacts.views import CHANGE, VIEW
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from salespeople.requests import SignedIn

PAGE = 25
BEHIND = re.compile(r"(\d{1,18}),(\d{1,18})")


@require_safe
@permission_required(VIEW, raise_exception=True)
def duplicates(request: SignedIn) -> HttpResponse:
    """Pairs with their reasons, the newest contacts first: those that nobody decided about, or with `apart` those that are
    none. `rule` leaves one rule's; a page begins behind the pair `after`."""
    rules = reasons_of(DuplicateRule.objects.filter(active=True))
    rule = key_of(request.GET.get("rule"))
    apart = "apart" in request.GET
    pairs = _apart(request) if apart else _likely(request, rule)
    after = BEHIND.fullmatch(request.GET.get("after", ""))
    rows = pairs
    if after:
        other, one = map(int, after.groups())
        rows = pairs.filter(Q(other__lt=other) | Q(other=other, one__lt=one))
    found = list(rows.order_by("-other", "-one")[: PAGE + 1])
    contacts = _contacts([row[key] for row in found for key in ("one", "other")])
    more, found = found[PAGE:], found[:PAGE]
    shown = [
        row | {"one": contacts[row["one"]], "other": contacts[row["other"]], "why": _why(row.get("rules"), rules)}
        for row in found
    ]
    words: dict[str, Any] = {"apart": 1} if apart else {"rule": rule} if rule else {}
    last = f"{found[-1]['other']},{found[-1]['one']}" if more else ""
    context = {
        "pairs": shown,
        "count": pairs.count(),
        "rules": rules,
        "rule": rule,
        "apart": apart,
        "is_later": bool(after),
        "first": f"?{urlencode(words)}",
        "next": f"?{urlencode(words | {'after': last}, safe=',')}" if more else "",
        "here": request.GET.urlencode(safe=","),
        "may_change": request.user.has_perm(CHANGE),
        "may_merge": request.user.has_perm("contacts.merge_contact"),
    }
    return render_page(request, "contacts/duplicates.html", context)


@require_POST
@permission_required(CHANGE, raise_exception=True)
def decide(request: SignedIn) -> HttpResponse:
    """These two are no duplicates; or they may be, after all (`back`). By who sees both and may change one."""
    visible = Contact.objects.visible_to(request.user)
    one, other = (one_or_404(request, visible, key_of(request.POST.get(name)) or 0) for name in ("one", "other"))
    if one == other or not (one.may_be_changed_by(request.user) or other.may_be_changed_by(request.user)):
        raise PermissionDenied
    names = {"one": one.name, "other": other.name}
    if "back" in request.POST:
        take_back(one.pk, other.pk)
        messages.success(request, _("%(one)s and %(other)s are compared again.") % names)
    else:
        set_apart(one.pk, other.pk, request.user)
        messages.success(request, _("%(one)s and %(other)s are kept as two.") % names)
    query = QueryDict(request.POST.get("query", "")).urlencode(safe=",")
    return redirect_to(request, f"../?{query}" if query else "contacts:duplicates")


def _likely(request: SignedIn, rule: int | None) -> Any:
    pairs = LikelyPair.objects.visible_to(request.user).undecided()
    if rule:
        pairs = pairs.filter(rule=rule)
    return pairs.values("other", "one").annotate(rules=ArrayAgg("rule_id", order_by="rule_id"))


def _apart(request: SignedIn) -> Any:
    seen = Contact.objects.visible_to(request.user).order_by().values("pk")
    return SeparateContacts.objects.filter(one__in=seen, other__in=seen).values("other", "one", "made_at", "by__name")


def _contacts(keys: list[int]) -> dict[int, Contact]:
    return Contact.objects.select_related("company", "salesperson").in_bulk(keys)


def _why(keys: list[int] | None, rules: dict[int, str]) -> list[str]:
    return [rules[key] for key in keys or () if key in rules]
