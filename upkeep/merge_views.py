"""Pages of merging: choose what is kept, preview, merge; what was merged, and taking it back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.template.defaultfilters import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts import phones
from contacts.duplicate_models import LikelyPair
from contacts.models import Contact
from contacts.places import country_name
from contacts.templatetags.places import language_name
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from opportunities.models import Opportunity
from salespeople.models import Company
from salespeople.requests import SignedIn
from upkeep import merge as merging
from upkeep.merge import CHOICES, MOST, Changed, Done
from upkeep.merging_models import Merge

MERGE, VIEW = "contacts.merge_contact", "contacts.view_contact"
FOUND = 20  # contacts that a search offers
PREFIX = "take_"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(MERGE, raise_exception=True)
def merge(request: SignedIn) -> HttpResponse:
    """The contacts come as `key`, two to five. What to do next says `do`."""
    if request.method != "POST" and is_fragment(request):
        return redirect_to(request, request.get_full_path())
    data = request.POST if request.method == "POST" else request.GET
    sent = [key_of(key) or 0 for key in data.getlist("key")]
    contacts = _read(request, sent)
    context: dict[str, Any] = {"contacts": contacts, "gone": _gone(request, sent, contacts)}
    if len(contacts) < 2:
        itself = len(contacts) == 1 and len(sent) > len(set(sent))
        context |= _offered(request, contacts, data.get("q", "")[:100])
        context["refused"] = [_("A contact cannot be merged with itself.")] if itself else []
        return _show(request, context, status=422 if itself or context["gone"] else 200)
    try:
        merging.check(contacts, request.user)
    except ValidationError as refusal:
        return _show(request, context | {"refused": refusal.messages, "stuck": True}, status=422)
    context |= _chosen(request, contacts)
    do = request.POST.get("do", "")
    return _do(request, context, do) if do in ("preview", "run") else _show(request, context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def merges(request: SignedIn, pk: int) -> HttpResponse:
    """What was merged into a contact, by whom and when."""
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    rows = Merge.objects.filter(survivor=contact).select_related("merged", "by", "undone_by").order_by("-pk")
    context = {"contact": contact, "merges": rows}
    return render_page(request, "upkeep/merges.html", context, partial="rows")


@require_safe
@permission_required(VIEW, raise_exception=True)
def merge_detail(request: SignedIn, pk: int) -> HttpResponse:
    """What one merge moved and changed."""
    found = _merge_of(request, pk)
    may_undo = found.undone_at is None and request.user.has_perm(MERGE)
    return render_page(request, "upkeep/merge_detail.html", _record(request, found) | {"may_undo": may_undo})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(MERGE, raise_exception=True)
def merge_undo(request: SignedIn, pk: int) -> HttpResponse:
    """Shows what would come back and what stays; a POST takes the merge back."""
    found = _merge_of(request, pk)
    how: dict[str, Any] = {"by": request.user, "on": Company.current().today()}
    does = merging.undo if request.method == "POST" else merging.preview_undo
    try:
        undone = does(found.pk, **how)
    except ValidationError as refusal:
        context = _record(request, found) | {"refused": refusal.messages}
        return render_page(request, "upkeep/merge_undo.html", context, status=422)
    except Changed:
        refused = [_("Somebody is changing these contacts just now. Please send it again.")]
        context = _record(request, found) | {"refused": refused}
        return render_page(request, "upkeep/merge_undo.html", context, status=409)
    if request.method != "POST":
        context = _record(request, found) | {"stayed": _stayed(request, undone.stayed)}
        return render_page(request, "upkeep/merge_undo.html", context)
    names = {"merged": found.merged.name, "survivor": found.survivor.name}
    messages.success(request, _("%(merged)s and %(survivor)s are two contacts again.") % names)
    return redirect_to(request, found)


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(request: SignedIn, keys: list[int]) -> list[Contact]:
    related = ("company", "salesperson", "territory", "salutation", "organizational_level")
    visible = Contact.objects.visible_to(request.user).select_related(*related)
    return list(visible.filter(pk__in=keys).order_by("pk"))


def _gone(request: SignedIn, keys: list[int], contacts: list[Contact]) -> list[str]:
    """What is said of keys that lead to no contact that is to be seen."""
    missing = set(keys) - {contact.pk for contact in contacts}
    if not missing:
        return []
    seen = Contact.objects.order_by().visible_to(request.user).values("pk")
    merged = Contact.objects.filter(pk__in=missing, merged_into__in=seen).select_related("merged_into")
    said = [merging.merged_already(contact) for contact in merged]
    unknown = len(missing) - len(said)
    return [*said, _("A chosen contact is not there any more, or not yours to see.")] if unknown else said


def _offered(request: SignedIn, contacts: list[Contact], text: str) -> dict[str, Any]:
    """With whom the one that is chosen can be merged: what looks alike, or what a search finds."""
    rows = Contact.objects.visible_to(request.user).select_related("company")
    if contacts:
        one = contacts[0]
        pairs = LikelyPair.objects.filter(other=one).values_list("one", flat=True)
        pairs = pairs.union(LikelyPair.objects.filter(one=one).values_list("other", flat=True))
        rows = rows.filter(kind=one.kind).exclude(pk=one.pk)
        rows = rows.search(text) if text.strip() else rows.filter(pk__in=list(pairs[:FOUND]))
    else:
        rows = rows.search(text) if text.strip() else rows.none()
    return {"offered": list(rows[:FOUND]), "q": text}


def _chosen(request: SignedIn, contacts: list[Contact]) -> dict[str, Any]:
    """The form as it was sent, else as it is proposed: the oldest one is kept, and what it does not say is filled."""
    data = request.POST
    kept = [contact.pk for contact in contacts if not contact.archived]
    survivor = key_of(data.get("survivor"))
    survivor = survivor if survivor in kept else kept[0]
    ordered = sorted(contacts, key=lambda contact: contact.pk != survivor)
    picks = {}
    for choice in CHOICES:
        sent = key_of(data.get(PREFIX + choice))
        known = sent if sent in {contact.pk for contact in contacts} else None
        picks[choice] = known or _proposed(choice, ordered)
    seen = data.get("seen") or merging.fingerprint(contacts)
    return {"survivor": survivor, "picks": picks, "seen": seen, "rows": _rows(contacts, picks)}


def _proposed(choice: str, ordered: list[Contact]) -> int:
    said = [contact for contact in ordered if any(getattr(contact, name) for name in CHOICES[choice])]
    if choice == "privacy_blocked":
        said = [contact for contact in ordered if contact.privacy_blocked]
    return (said or ordered)[0].pk


def _rows(contacts: list[Contact], picks: dict[str, int]) -> list[dict[str, Any]]:
    """Fields whose values differ, side by side."""
    found = []
    for choice, names in CHOICES.items():
        said = [tuple(getattr(contact, name) for name in names) for contact in contacts]
        if len(set(said)) > 1:
            values = [(contact, in_words(contact, choice), contact.pk == picks[choice]) for contact in contacts]
            found.append({"name": PREFIX + choice, "label": _label(choice), "values": values})
    return found


def _label(choice: str) -> str:
    field: Any = Contact._meta.get_field(choice)
    return str(_("Privacy") if choice == "privacy_blocked" else capfirst(field.verbose_name))


def in_words(contact: Contact, choice: str) -> str:
    """What the contact says in fields that are chosen together."""
    if choice == "name":
        return contact.name
    if choice == "privacy_blocked":
        said = [_label_of(name) for name in CHOICES[choice] if getattr(contact, name)]
        return ", ".join(said) or _("Not blocked")
    write: dict[str, Callable[[str], str]] = {
        "country": country_name,
        "language": language_name,
        "phone": phones.shown,
        "mobile": phones.shown,
    }
    texts = [str(getattr(contact, name) or "") for name in CHOICES[choice]]
    if choice == "correspondence":
        return str(contact.get_correspondence_display())
    return ", ".join(write.get(choice, str)(text) for text in texts if text)


def _label_of(name: str) -> str:
    field: Any = Contact._meta.get_field(name)
    return str(capfirst(field.verbose_name))


def _do(request: SignedIn, context: dict[str, Any], do: str) -> HttpResponse:
    contacts = context["contacts"]
    how: dict[str, Any] = {"survivor": context["survivor"], "picks": context["picks"], "seen": context["seen"]}
    how |= {"by": request.user, "on": Company.current().today()}
    does = merging.merge if do == "run" else merging.preview
    try:
        done = does([contact.pk for contact in contacts], **how)
    except ValidationError as refusal:
        return _show(request, context | {"refused": _told(refusal)}, status=422)
    except Changed:
        return _again(request, contacts)
    if do == "preview":
        return _show(request, context | {"outcome": [_outcome(request, one) for one in done]})
    names = {"merged": ", ".join(one.merge.merged.name for one in done), "survivor": done[0].merge.survivor.name}
    messages.success(request, _("%(merged)s was merged with %(survivor)s.") % names)
    return redirect_to(request, done[0].merge.survivor)


def _again(request: SignedIn, before: list[Contact]) -> HttpResponse:
    """Somebody was faster: what stands now, to be chosen anew."""
    keys = [contact.pk for contact in before]
    contacts = _read(request, keys)
    context: dict[str, Any] = {"contacts": contacts, "gone": _gone(request, keys, contacts)}
    context["refused"] = [
        _("Somebody changed one of these contacts meanwhile. This is how they stand now; look again.")
    ]
    if len(contacts) < 2:
        return _show(request, context | _offered(request, contacts, ""), status=409)
    request.POST = data = request.POST.copy()  # type: ignore[assignment]
    data.pop("seen", None)
    return _show(request, context | _chosen(request, contacts), status=409)


def _told(refusal: ValidationError) -> list[str]:
    """With the field, where the verb named one."""
    if not hasattr(refusal, "error_dict"):
        return refusal.messages
    names = {field.name: capfirst(str(field.verbose_name)) for field in Contact._meta.fields}
    return [
        f"{names[name]}: {text}" if name in names else str(text)
        for name, texts in refusal.message_dict.items()
        for text in texts
    ]


def _outcome(request: SignedIn, done: Done) -> dict[str, Any]:
    """What the preview says of one merge; opportunities as far as the person sees them."""
    visible = Opportunity.objects.visible_to(request.user)
    followed = list(visible.filter(pk__in=done.followed).order_by("pk"))
    return {
        "merged": done.merge.merged,
        "moved": done.moved,
        "left": done.left,
        "changed": [_label(choice) for choice in done.changed],
        "followed": followed,
        "hidden": len(done.followed) - len(followed),
        "closed": visible.of_contact(done.merge.merged).exclude(pk__in=done.followed).count(),
    }


def _show(request: SignedIn, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render_page(request, "upkeep/merge.html", context | {"most": MOST}, partial="step", status=status)


# ── what was merged ──────────────────────────────────────────────────────────────────────────────────────────────────


def _merge_of(request: SignedIn, pk: int) -> Merge:
    related = ("survivor", "merged", "by", "undone_by")
    found: Merge = one_or_404(request, Merge.objects.visible_to(request.user).select_related(*related), pk)
    return found


def _record(request: SignedIn, found: Merge) -> dict[str, Any]:
    """What is told of a merge: what it moved by kinds, which fields it changed, opportunities as far as they are seen."""
    counts: dict[str, int] = {}
    changed: list[str] = []
    keys = []
    words = {(owned.model, f"{owned.field}_id"): owned.words for owned in merging.OWNED}
    words[("contacts.AlternativeAddress", "contact_id")] = merging.ADDRESSES
    words |= {("tasks.Task", column): merging.TASKS for column in ("contact_id", "company_id")}
    for row in found.rows.all():
        if row.model == Opportunity._meta.label:
            keys.append(row.key)
        elif row.model == Contact._meta.label and row.key == found.survivor_id:
            changed = [
                _label(choice) for choice, names in CHOICES.items() if set(merging.columns_of(names)) & set(row.before)
            ]
        else:
            said = str(words.get((row.model, next(iter(row.before))), row.model))
            counts[said] = counts.get(said, 0) + 1
    visible = Opportunity.objects.visible_to(request.user).filter(pk__in=keys).order_by("pk")
    return {
        "merge": found,
        "moved": list(counts.items()),
        "changed": changed,
        "followed": list(visible),
        "stayed": _stayed(request, found.stayed),
    }


def _stayed(request: SignedIn, stayed: list[list[Any]]) -> list[dict[str, Any]]:
    """What stays with the survivor, in words; an opportunity only where it is seen."""
    why = {
        "new": _("new since the merge"),
        "changed": _("changed since the merge"),
        "refused": _("could not be given back"),
    }
    keys = [row[1] for row in stayed if row[0] == "opportunity"]
    seen = Opportunity.objects.visible_to(request.user).in_bulk(keys)
    told: list[dict[str, Any]] = []
    for kind, *what in stayed:
        if kind == "opportunity" and what[0] in seen:
            told.append({"row": seen[what[0]], "why": why[what[1]]})
        elif kind == "field":
            told.append({"label": _label(what[0]), "why": why["changed"]})
        elif kind == "row":
            told.append({"label": _kind(what[0]), "why": why["changed"]})
    return told


def _kind(model: str) -> str:
    words = {owned.model: owned.words for owned in merging.OWNED}
    words |= {"contacts.AlternativeAddress": merging.ADDRESSES, "tasks.Task": merging.TASKS}
    return str(capfirst(str(words.get(model, model))))
