"""How contacts are listed."""

from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.columns import COLUMNS
from contacts.filters import ContactFilter
from contacts.models import Contact
from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Listing, Reader, Row
from crm.templatetags.crm import badge


def block_and_job(row: Row, reader: Reader) -> str:
    blocked = f" {badge(_('Privacy blocked'), 'amber', 'alert')}" if row["privacy_blocked"] else ""
    job = row["job_title"]
    return blocked + (f'<span class="sub">{escape(job)}</span>' if job else "")


def mobile_instead(row: Row, reader: Reader) -> str:
    return "" if row["phone"] else escape(row["mobile"])


CONTACTS = Listing(
    space="contacts",
    model=Contact,
    title=gettext_lazy("Contacts"),
    counted=lambda count: ngettext("%(shown)s contact", "%(shown)s contacts", count) % tally(count),
    empty=Empty(
        gettext_lazy("No contacts yet"),
        gettext_lazy("A contact is a company or a person you sell to."),
        gettext_lazy("No contact fits this filter"),
        "contact",
    ),
    columns=COLUMNS,
    cells={
        "name": Cell(block_and_job, needs=("privacy_blocked", "job_title")),
        "kind": Cell(filter="kind"),
        "company": Cell(page="contacts:detail", filter="company"),
        "country": Cell(filter="country"),
        "phone": Cell(mobile_instead, needs=("mobile",)),
        "salesperson": Cell(page="salespeople:detail", filter="salesperson", without="none"),
        "email": Cell(page="mailto:"),
    },
    filters=ContactFilter,
    named="name",
    order="name",
    permission="contacts.view_contact",
    new=gettext_lazy("New contact"),
    new_permission="contacts.add_contact",
)
