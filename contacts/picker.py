"""A field that finds one of very many contacts."""

import functools
from typing import Any

from django import forms
from django.utils.choices import normalize_choices
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from salespeople.models import User

PICKED = 50  # a picker shows at most so many contacts; searching brings the others


def pick_contacts(user: User, text: str, chosen: Any) -> list[tuple[Any, str]]:
    """At most `PICKED` contacts that match `text`, and the chosen one: choices of a select that never grows too long."""
    contacts = Contact.objects.visible_to(user).usable().select_related("company")
    found = list(contacts.search(text)[:PICKED])
    if str(chosen or "").isdecimal() and all(str(contact.pk) != str(chosen) for contact in found):
        found += contacts.filter(pk=chosen)
    return [("", str(_("– choose –"))), *((contact.pk, contact_label(contact)) for contact in found)]


def contact_label(contact: Contact) -> str:
    return f"{contact.name} ({contact.company.name})" if contact.company else contact.name


class ContactPicker(forms.Form):
    """Finds a contact by words: while typing by scripts (static/crm/picker.js), without them by the button "Find"."""

    contact_search = forms.CharField(
        label=_("Find a contact"),
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "autocomplete": "off",
                "data-finds": "contact",
                "data-say-found": _("Contacts to choose from:"),
                "hx-sync": "this:replace",
            }
        ),
    )
    contact = forms.ModelChoiceField(Contact.objects.none(), label=_("Contact"))

    def offer_contacts(self, user: User) -> None:
        field = self.fields["contact"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Contact.objects.visible_to(user)
        # asked for only where it is shown, and once: Django goes through the choices of a select twice
        field.widget.choices = normalize_choices(functools.cache(lambda: self.contacts_offered(user)))

    def contacts_offered(self, user: User) -> list[tuple[Any, str]]:
        data: Any = self.data if self.is_bound else {}
        text = str(data.get("contact_search", "")).replace("\0", "")[:100]
        chosen = data.get("contact") or self.get_initial_for_field(self.fields["contact"], "contact")
        return pick_contacts(user, text, chosen)
