"""Alternative addresses of a contact: made, changed and taken away on pages of their own."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.address_forms import AddressForm
from contacts.models import AlternativeAddress, Contact
from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
from crm.lib.refusals import one_or_404
from salespeople.requests import SignedIn

CHANGE = "contacts.change_contact"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def new(request: SignedIn, pk: int) -> HttpResponse:
    contact = _contact(request, pk)
    form = AddressForm(posted(request), contact=contact)
    if form.is_bound and form.submit():
        messages.success(request, _("The address %(code)s was added.") % {"code": form.instance})
        return redirect_to(request, contact)
    return _page(request, form, contact)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def edit(request: SignedIn, pk: int) -> HttpResponse:
    instance = _address(request, pk)
    contact = instance.contact
    form = AddressForm(posted(request), contact=contact, instance=instance)
    if form.is_bound and form.submit():
        messages.success(request, _("The address %(code)s was saved.") % {"code": form.instance})
        return redirect_to(request, contact)
    return _page(request, form, contact)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(CHANGE, raise_exception=True)
def delete(request: SignedIn, pk: int) -> HttpResponse:
    """Asks once; a POST deletes."""
    instance = _address(request, pk)
    contact = instance.contact
    if request.method != "POST":
        return render_page(request, "contacts/address_delete.html", {"address": instance, "contact": contact})
    instance.delete()
    messages.success(request, _("The address %(code)s was deleted.") % {"code": instance})
    return redirect_to(request, contact)


def _contact(request: SignedIn, pk: int) -> Contact:
    contact: Contact = one_or_404(request, Contact.objects.visible_to(request.user), pk)
    _require_change(request, contact)
    return contact


def _address(request: SignedIn, pk: int) -> AlternativeAddress:
    visible = Contact.objects.visible_to(request.user)
    of_visible = AlternativeAddress.objects.filter(contact__in=visible).select_related("contact")
    address: AlternativeAddress = one_or_404(request, of_visible, pk)
    _require_change(request, address.contact)
    return address


def _require_change(request: SignedIn, contact: Contact) -> None:
    """403 for a contact that one may see but not change. Raises PermissionDenied."""
    if not contact.may_be_changed_by(request.user):
        raise PermissionDenied


def _page(request: SignedIn, form: Any, contact: Contact) -> HttpResponse:
    context = {"form": form, "contact": contact, "address": form.instance if form.instance.pk else None}
    return render_page(request, "contacts/address.html", context, partial="form", status=form.status)
