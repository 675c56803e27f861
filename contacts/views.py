from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.forms.models import model_to_dict
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from collaboration import pages
from collaboration.forms import CommentForm
from collaboration.models import Tag
from collaboration.told import OF_CONTACT, events, read, tags
from contacts import lifecycle
from contacts.addresses import Addressed
from contacts.codes import Relation
from contacts.forms import ContactForm
from contacts.lifecycle import Saved, begun
from contacts.listing import CONTACTS
from contacts.models import AlternativeAddress, Contact
from contacts.places import country_name
from crm.lib.editing import posted
from crm.lib.fragments import is_fragment, redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from salespeople import saved_views
from salespeople import sharing as sharing_page
from salespeople.models import Company, Grant, SavedView
from salespeople.requests import SignedIn

TEMPLATE = "contacts/detail.html"
PEOPLE = 50  # so many of a company's people stand on its page; the list has them all
VIEW, ADD, CHANGE = "contacts.view_contact", "contacts.add_contact", "contacts.change_contact"
EVERY = "contacts.view_every_contact"


def follows_merges(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The address of a merged contact leads to the one that it was merged into, where that one is seen. Not for good (302):
    a merge can be taken back."""

    @wraps(view)
    def find(request: SignedIn, pk: int) -> HttpResponse:
        try:
            return view(request, pk)
        except Http404:
            survivor = Contact.objects.visible_to(request.user).filter(merged=pk).first()
            if survivor is None:
                raise
            return redirect_to(request, survivor)

    return find


@require_safe
def contact_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, CONTACTS, SavedView.Page.CONTACTS)


@require_safe
@permission_required(VIEW, raise_exception=True)
@follows_merges
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One contact: facts, a company's people, and by their address its opportunities."""
    related = ("company", "salesperson", "salutation", "territory", "organizational_level")
    visible = Contact.objects.visible_to(request.user).annotate(
        has_merged=Exists(Contact.objects.filter(merged_into=OuterRef("pk")))
    )
    contact = one_or_404(request, visible.select_related(*related), pk)
    return render_page(request, TEMPLATE, page_of(request, contact))


def page_of(request: SignedIn, contact: Contact) -> dict[str, Any]:
    """What the page of a contact is made of."""
    people = list(contact.people.visible_to(request.user)[: PEOPLE + 1]) if contact.is_company else []
    elsewhere = _elsewhere(contact)
    may_change = contact.may_be_changed_by(request.user)
    return told_of(request, contact) | {
        "contact": contact,
        "may_change": may_change,
        "may_merge": may_change and request.user.has_perm("contacts.merge_contact"),
        "may_share": may_change and contact.is_held_by(request.user),
        "address": lines(contact),
        "elsewhere": elsewhere,
        "now_at": next((place for place in elsewhere if place.is_now), None),
        "groups": _groups(contact),
        "people": people[:PEOPLE],
        "more_people": len(people) > PEOPLE,
        "query": f"{'company' if contact.is_company else 'contact'}={contact.pk}",
        "tasks_query": f"involving={contact.pk}",
        "new_query": f"contact={contact.pk}" if contact.is_usable else "",
    }


def told_of(request: SignedIn, contact: Contact) -> dict[str, Any]:
    """Tags and comments, in one statement, and the form of a new comment."""
    lines = read(OF_CONTACT, contact.pk)
    return {
        "tags": tags(lines),
        "tag_root": reverse("contacts:list"),
        "tags_url": reverse("contacts:tags", args=[contact.pk]) if contact.may_be_changed_by(request.user) else "",
        "events": events(lines, request.user),
        "comment_form": CommentForm() if request.user.has_perm(pages.COMMENT) else None,
        "comment_url": reverse("contacts:comment", args=[contact.pk]),
        "mention_of": f"contact={contact.pk}",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(VIEW, raise_exception=True)
def comment(request: SignedIn, pk: int) -> HttpResponse:
    """A comment needs only that one sees the contact."""
    related = ("company", "salesperson", "salutation", "territory", "organizational_level")
    contact = Contact.objects.visible_to(request.user).select_related(*related).filter(pk=pk).first()
    if contact is None:
        return pages.gone(request, Contact, pk)

    def show(status: int = 200, **more: Any) -> HttpResponse:
        context = told_of(request, contact) if is_fragment(request) else page_of(request, contact)
        return render_page(request, TEMPLATE, context | more, partial="timeline", status=status)

    return pages.comment(request, contact, "contact", show)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def tag(request: SignedIn, pk: int) -> HttpResponse:
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    if not contact.may_be_changed_by(request.user):
        raise PermissionDenied

    def mark(tag: Tag, *, give: bool) -> None:
        lifecycle.tag(contact, tag=tag, by=request.user, give=give)

    def done() -> HttpResponse:
        messages.success(request, _("Saved."))
        return redirect_to(request, contact)

    return pages.tags(request, contact, "contact", mark, done)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """A new contact; `?company=` makes it a person of that company, `?kind=` says its type."""
    company = _company_of_address(request)
    today = Company.current().today()
    form = ContactForm(posted(request), user=request.user, on=today, initial=_proposals(request, company))
    if form.is_bound and form.submit():
        messages.success(request, _("The contact %(name)s was created.") % {"name": form.instance.name})
        _say_what_followed(request, form.saved)
        return _to(request, form.instance)
    context = {"form": form, "of_company": company}
    return render_page(request, "contacts/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
@follows_merges
def edit(request: SignedIn, pk: int) -> HttpResponse:
    contact = one_or_404(request, Contact.objects.visible_to(request.user).with_codes(), pk)
    if not contact.may_be_changed_by(request.user):
        raise PermissionDenied
    form = ContactForm(posted(request), instance=contact, user=request.user, on=Company.current().today())
    if form.is_bound and form.submit():
        messages.success(request, _("The contact %(name)s was saved.") % {"name": form.instance.name})
        _say_what_followed(request, form.saved)
        return _to(request, form.instance)
    context = {"form": form, "contact": contact}
    return render_page(request, "contacts/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
@follows_merges
def sharing(request: SignedIn, pk: int) -> HttpResponse:
    """With whom a contact is shared: for who may change it by a right. A grant is not passed on."""
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    if not contact.is_held_by(request.user):
        raise PermissionDenied

    def give(*, contact_id: int, **given: Any) -> Grant:
        return lifecycle.share(contact, by=request.user, **given)

    return sharing_page.show(request, contact, "contact", give=give)


def _to(request: SignedIn, contact: Contact) -> HttpResponse:
    """The page of what was saved, if it is still to be seen."""
    user = request.user
    if user.has_perm(EVERY) or Contact.objects.visible_to(user).filter(pk=contact.pk).exists():
        return redirect_to(request, contact)
    messages.info(request, _("The contact belongs to somebody else and is not yours to see."))
    return redirect_to(request, "contacts:list")


def lines(place: Addressed) -> list[str]:
    """The lines of the address that are not blank."""
    country = country_name(place.country) if place.country else ""
    return [line for line in (place.address, place.address_2, place.town, place.county, country) if line]


def _elsewhere(contact: Contact) -> list[AlternativeAddress]:
    """The alternative addresses, the one that holds today marked."""
    today = Company.current().today()
    found = list(contact.alternative_addresses.prefetch_related("periods"))
    holding = [
        (period.starts_on, place.pk) for place in found for period in place.periods.all() if period.holds_on(today)
    ]
    now = max(holding, default=(today, 0))[1]
    for place in found:
        place.lines, place.is_now = lines(place), place.pk == now
    return found


def _groups(contact: Contact) -> list[tuple[Any, list[Any]]]:
    """What the contact is sorted by, where it is."""
    names = ("industry_groups" if contact.is_company else "job_responsibilities", "mailing_groups")
    fields: list[Any] = [Contact._meta.get_field(name) for name in names]
    found = [(field.verbose_name, list(getattr(contact, field.name).all())) for field in fields]
    if contact.relation != Relation.NONE and not contact.company_id:
        relations = contact.relations.select_related("business_relation").order_by("business_relation")
        found.append((_("business relations"), list(relations)))
    return [(label, rows) for label, rows in found if rows]


def _say_what_followed(request: SignedIn, saved: Saved | None) -> None:
    if saved is None:
        return
    if saved.people:
        text = ngettext(
            "%(count)d person of the company took it over.",
            "%(count)d people of the company took it over.",
            saved.people,
        )
        messages.info(request, text % {"count": saved.people})
    if saved.opportunities:
        text = ngettext(
            "%(count)d open opportunity stayed with the former company.",
            "%(count)d open opportunities stayed with the former company.",
            saved.opportunities,
        )
        messages.info(request, text % {"count": saved.opportunities})
    if saved.is_blocked:
        messages.warning(
            request,
            _(
                "The contact is now blocked for privacy, because minor or parental consent changed. Unblock it when it may be used."
            ),
        )


def _company_of_address(request: SignedIn) -> Contact | None:
    """The company named by `?company=`; one that does not exist is said and passed over."""
    asked = request.GET.get("company")
    if not asked:
        return None
    company = Contact.objects.visible_to(request.user).companies().filter(pk=key_of(asked) or 0).first()
    if company is None:
        messages.warning(request, _("There is no such company; choose one below."))
    return company


def _proposals(request: SignedIn, company: Contact | None) -> dict[str, Any]:
    """A new contact as the rules of contacts begin it."""
    is_person = company or request.GET.get("kind") == Contact.Kind.PERSON
    kind = Contact.Kind.PERSON if is_person else Contact.Kind.COMPANY
    return model_to_dict(begun(kind, company=company, by=request.user), ContactForm.Meta.fields)
