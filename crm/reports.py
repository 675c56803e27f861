"""The lists that are made to be printed, of all apps."""

from typing import Any, NamedTuple

from django.http import QueryDict

from contacts.listing import CONTACTS
from crm.lib.listing.address import with_query
from crm.lib.listing.conditions import SAFE
from crm.lib.listing.export import AS, CSV
from crm.lib.listing.listing import Listing, Report
from opportunities.listing import OPPORTUNITIES
from salespeople.models import User
from tasks.listing import TASKS

LISTINGS = (TASKS, OPPORTUNITIES, CONTACTS)
WHOSE = ("salesperson", "team")  # words of an address that say of whom


class Offered(NamedTuple):
    label: Any
    url: str
    filter: str
    csv: str


def reports_for(user: User, whose: dict[str, str]) -> list[tuple[Any, list[Offered]]]:
    """By list; `whose` are words of `WHOSE`: then only lists that know them, and no reports of others."""
    found = []
    for listing in LISTINGS:
        filters: Any = listing.filters
        asked = {word for word in whose if word in filters.base_filters}
        if user.has_perm(listing.view_permission) and (asked or not whose):
            offered = [
                _offered(listing, each, whose) for each in listing.reports if not asked or each.of in ("", *asked)
            ]
            found.append((listing.title, offered))
    return [each for each in found if each[1]]


def _offered(listing: Listing, report: Report, whose: dict[str, str]) -> Offered:
    query = QueryDict(report.query, mutable=True)
    query.update(whose)

    def url(name: str, **words: str) -> str:
        asked = query.copy()
        asked.update(words)
        return with_query(listing.address(name), asked, safe=SAFE)

    return Offered(report.label, url("print"), url("filter", next="print"), url("export", **{AS: CSV}))
