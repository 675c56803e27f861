"""Alternative addresses of a contact: made, changed and taken away on pages of their own."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.address_forms import AddressForm
from contacts.models import AlternativeAddress, Contact
from crm.lib.editing import posted
from crm.lib.fragments import redirect_to, render_page
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
    return get_object_or_404(Contact.objects.visible_to(request.user), pk=pk)


def _address(request: SignedIn, pk: int) -> AlternativeAddress:
    visible = Contact.objects.visible_to(request.user)
    return get_object_or_404(AlternativeAddress.objects.select_related("contact"), pk=pk, contact__in=visible)


def _page(request: SignedIn, form: Any, contact: Contact) -> HttpResponse:
    context = {"form": form, "contact": contact, "address": form.instance if form.instance.pk else None}
    return render_page(request, "contacts/address.html", context, partial="form", status=form.status)
