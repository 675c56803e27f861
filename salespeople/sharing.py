"""Sharing one record with a person or a team, to see or to edit: the page that gives and withdraws it. What is given counts
from the next request on (`salespeople.reach`); every grant and withdrawal stays in the history, and in the log."""

import logging
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from salespeople.models import Grant, Salesperson, Team, User
from salespeople.requests import SignedIn

logger = logging.getLogger("salespeople")
PERSON, TEAM = "person", "team"
TOLD = 50  # the latest changes
WHAT = {
    "insert": gettext_lazy("Shared with"),
    "update": gettext_lazy("Changed for"),
    "delete": gettext_lazy("Withdrawn from"),
}


RIGHTS = [("see", gettext_lazy("To see")), ("edit", gettext_lazy("To see and to edit"))]
CO_OWNER = ("owner", gettext_lazy("As a co-owner: to see and to edit, named beside the salesperson"))
Give = Callable[..., Grant]
Withdraw = Callable[[Grant], Any]


class ShareForm(forms.Form):
    to = forms.ChoiceField(label=gettext_lazy("Share with"))
    right = forms.ChoiceField(
        label=gettext_lazy("What for"),
        choices=RIGHTS,
        initial="see",
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any, *, user: User, owner: int | None, right: str, owned: bool) -> None:
        super().__init__(data, initial={"right": right})
        if owned:
            self.fields["right"].choices = [*RIGHTS, CO_OWNER]  # type: ignore[attr-defined]
        people = Salesperson.objects.visible_to(user).usable().exclude(pk=owner or 0)
        groups = (
            (_("People"), PERSON, people.values_list("pk", "name")),
            (_("Teams"), TEAM, Team.objects.visible_to(user).values_list("pk", "name")),
        )
        offered = [(label, [(f"{kind}-{key}", name) for key, name in rows]) for label, kind, rows in groups]
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("– choose –")), *((label, rows) for label, rows in offered if rows)]

    def what_for(self) -> dict[str, bool]:
        right = self.cleaned_data["right"]
        return {"may_edit": right != "see"} | ({"is_co_owner": True} if right == "owner" else {})

    def to_whom(self) -> dict[str, Any]:
        kind, _dash, key = self.cleaned_data["to"].partition("-")
        return {"salesperson_id" if kind == PERSON else "team_id": int(key)}


def show(request: SignedIn, record: Any, field: str, *, give: Give, withdraw: Withdraw | None = None) -> HttpResponse:
    """The page of a record that `field` of a grant points to. 422 where nobody was chosen. `give` is the verb of the record;
    one that can have co-owners has `withdraw` too."""
    owned = withdraw is not None
    withdraw = withdraw or Grant.delete
    given = Grant.objects.filter(**{field: record})
    if request.method == "POST" and "withdraw" in request.POST:
        for grant in given.filter(pk=key_of(request.POST["withdraw"]) or 0).select_related("salesperson", "team"):
            withdraw(grant)
            _log(request, "withdrawn", record, grant)
            messages.success(request, _("No longer shared with %(whom)s.") % {"whom": grant})
        return redirect_to(request, request.path)
    right = request.GET.get("right", "see")
    form = ShareForm(posted(request), user=request.user, owner=record.salesperson_id, right=right, owned=owned)
    if form.is_bound and form.is_valid():
        try:
            grant = give(**form.what_for(), **form.to_whom(), **{f"{field}_id": record.pk})
        except ValidationError as refusal:
            form.add_error("to", refusal.messages)
        else:
            _log(request, "granted", record, grant)
            messages.success(request, _("Shared with %(whom)s.") % {"whom": grant})
            return redirect_to(request, request.path)
    rows = given.select_related("salesperson", "team").order_by("team__name", "salesperson__name", "pk")
    context = {"record": record, "form": form, "grants": rows, "told": _told(record, field)}
    return render_page(request, "sharing.html", context, status=422 if form.errors else 200)


def _told(record: Model, field: str) -> list[dict[str, Any]]:
    """What was shared and withdrawn, the latest first: what happened, with whom, for what, when, by whom."""
    events: Any = Grant._meta.get_field("events").related_model
    rows = events.objects.filter(**{field: record}).select_related("salesperson", "team", "pgh_context")
    rows = list(rows.order_by("-pk")[:TOLD])
    keys = [(row.pgh_context.metadata.get("user") if row.pgh_context else None) for row in rows]
    people = User.objects.in_bulk({key for key in keys if key})
    return [
        {
            "what": WHAT[row.pgh_label],
            "whom": row.salesperson or row.team or "–",
            "may_edit": row.may_edit,
            "is_co_owner": row.is_co_owner,
            "is_gone": row.pgh_label == "delete",
            "at": row.pgh_created_at,
            "by": people.get(key) if key else None,
        }
        for row, key in zip(rows, keys, strict=True)
    ]


def _log(request: SignedIn, what: str, record: Model, grant: Grant) -> None:
    whom = f"salesperson {grant.salesperson_id}" if grant.salesperson_id else f"team {grant.team_id}"
    right = "as a co-owner" if grant.is_co_owner else "to edit" if grant.may_edit else "to see"
    logger.info("%s: %s %s, %s, %s, by user %s", what, record._meta.model_name, record.pk, whom, right, request.user.pk)
