"""How contacts are listed."""

from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from collaboration.columns import tag_badges
from contacts import phones
from contacts.columns import COLUMNS
from contacts.filters import ContactFilter
from contacts.models import Contact
from crm.lib.listing.cells import tally
from crm.lib.listing.listing import Cell, Empty, Link, Listing, Reader, Report, Row
from crm.templatetags.crm import badge


def marks_and_job(row: Row, reader: Reader) -> str:
    blocked = f" {badge(_('Privacy blocked'), 'amber', 'alert')}" if row["privacy_blocked"] else ""
    archived = f" {badge(_('Archived'), 'grey', 'archive')}" if row["archived"] else ""
    job = row["job_title"]
    return blocked + archived + (f'<span class="sub">{escape(job)}</span>' if job else "")


def number(e164: str) -> str:
    return escape(phones.shown(e164))


def mobile_instead(row: Row, reader: Reader) -> str:
    mobile = row["mobile"]
    return f'<a href="tel:{escape(mobile)}">{number(mobile)}</a>' if mobile and not row["phone"] else ""


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
        "name": Cell(also=marks_and_job, needs=("privacy_blocked", "archived", "job_title")),
        "kind": Cell(filter="kind"),
        "company": Cell(page="contacts:detail", filter="company"),
        "country": Cell(filter="country"),
        "business_relation": Cell(filter="business_relation"),
        "phone": Cell(write=number, also=mobile_instead, needs=("mobile",), page="tel:"),
        "mobile": Cell(write=number, page="tel:"),
        "salesperson": Cell(page="salespeople:detail", filter="salesperson", without="none"),
        "tags": Cell(write=tag_badges),
        "email": Cell(page="mailto:"),
    },
    filters=ContactFilter,
    named="name",
    order="name",
    permission="contacts.view_contact",
    reports=(
        Report(
            gettext_lazy("List of contacts"),
            "columns=name,kind,address,post_code,city,country,interaction_cost,interaction_duration,opportunity_count,"
            "estimated_value,calculated_value,next_task_on&order=name",
        ),
    ),
    new=gettext_lazy("New contact"),
    new_permission="contacts.add_contact",
    bulk="opportunities:new-for-many",
    bulk_permission="opportunities.add_opportunity",
    bulk_icon="plus",
    bulk_words=(gettext_lazy("New opportunities for the selected ones …"), gettext_lazy("For all that match …")),
    bulk_also=(Link(gettext_lazy("Merge the selected ones …"), "upkeep:merge", "merge", "contacts.merge_contact"),),
    links=(
        Link(gettext_lazy("Likely duplicates"), "contacts:duplicates", "copy", "contacts.view_contact"),
        Link(gettext_lazy("Import"), "import:list", "upload", "upkeep.add_importrun"),
    ),
)
