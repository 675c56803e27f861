from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts.forms import ContactForm
from contacts.listing import CONTACTS
from contacts.models import Contact
from contacts.places import countries
from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.listing.filters import key_of
from crm.lib.refusals import one_or_404
from salespeople import saved_views
from salespeople import sharing as sharing_page
from salespeople.models import SavedView
from salespeople.requests import SignedIn

PEOPLE = 50  # so many of a company's people stand on its page; the list has them all
VIEW, ADD, CHANGE = "contacts.view_contact", "contacts.add_contact", "contacts.change_contact"
EVERY = "contacts.view_every_contact"


@require_safe
def contact_list(request: SignedIn) -> HttpResponse:
    return saved_views.show_list(request, CONTACTS, SavedView.Page.CONTACTS)


@require_safe
@permission_required(VIEW, raise_exception=True)
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """One contact: facts, a company's people, and by their address its opportunities."""
    visible = Contact.objects.visible_to(request.user)
    contact = one_or_404(request, visible.select_related("company", "salesperson"), pk)
    people = list(contact.people.visible_to(request.user)[: PEOPLE + 1]) if contact.is_company else []
    may_change = contact.may_be_changed_by(request.user)
    context = {
        "contact": contact,
        "may_change": may_change,
        "may_share": may_change and contact.is_held_by(request.user),
        "address": _address(contact),
        "people": people[:PEOPLE],
        "more_people": len(people) > PEOPLE,
        "query": f"{'company' if contact.is_company else 'contact'}={pk}",
        "new_query": "" if contact.privacy_blocked else f"contact={pk}",
    }
    return render_page(request, "contacts/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD, raise_exception=True)
def new(request: SignedIn) -> HttpResponse:
    """A new contact; `?company=` makes it a person of that company."""
    company = _company_of_address(request)
    form = ContactForm(posted(request), user=request.user, initial=_proposals(request, company))
    if form.is_bound and form.submit():
        messages.success(request, _("The contact %(name)s was created.") % {"name": form.instance.name})
        return _to(request, form.instance)
    context = {"form": form, "of_company": company}
    return render_page(request, "contacts/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def edit(request: SignedIn, pk: int) -> HttpResponse:
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    if not contact.may_be_changed_by(request.user):
        raise PermissionDenied
    form = ContactForm(posted(request), instance=contact, user=request.user)
    if form.is_bound and form.submit():
        messages.success(request, _("The contact %(name)s was saved.") % {"name": form.instance.name})
        return _to(request, form.instance)
    context = {"form": form, "contact": contact}
    return render_page(request, "contacts/form.html", context, partial="form", status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def sharing(request: SignedIn, pk: int) -> HttpResponse:
    """With whom a contact is shared: for who may change it by a right. A grant is not passed on."""
    contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    if not contact.is_held_by(request.user):
        raise PermissionDenied
    return sharing_page.show(request, contact, "contact")


def _to(request: SignedIn, contact: Contact) -> HttpResponse:
    """The page of what was saved, if it is still to be seen."""
    user = request.user
    if user.has_perm(EVERY) or Contact.objects.visible_to(user).filter(pk=contact.pk).exists():
        return redirect_to(request, contact)
    messages.info(request, _("The contact belongs to somebody else and is not yours to see."))
    return redirect_to(request, "contacts:list")


def _address(contact: Contact) -> list[str]:
    """The lines of the address that are not blank."""
    town = f"{contact.post_code} {contact.city}".strip()
    country = countries().get(contact.country, contact.country)
    return [line for line in (contact.address, contact.address_2, town, contact.county, country) if line]


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
    """A person takes over what it usually shares with its company; any other contact is the user's own."""
    if company is None:
        own = request.user.salesperson
        return {"salesperson": own.pk if own and own.is_usable else None}
    shared = ("salesperson", "country", "language")
    return {"kind": Contact.Kind.PERSON, "company": company.pk} | {name: getattr(company, name) for name in shared}
