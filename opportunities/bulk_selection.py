"""Which opportunities a bulk action is for: keys, keys as a preview saw them, or everything that a list's address selects."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from crm.lib.listing import words
from crm.lib.listing.listing import Listing
from opportunities.bulk import AT_ONCE, read, refuse_too_many
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from salespeople.models import User

SEEN = re.compile(r"(-?\d{1,18}):(\d{1,9})")


@dataclass
class Selection:
    """`rows` by ascending key. `seen`: every key that was asked for, with the version of a preview, else of now; 0 where
    there is no such row, or not for this person. `query` leads back to the list."""

    rows: list[Opportunity]
    seen: dict[int, int]
    query: str = ""

    @property
    def gone(self) -> int:
        return len(self.seen) - len(self.rows)


def selection(user: User, data: QueryDict) -> Selection:
    """Raises ValidationError, in words, for too many and for an address that is not understood."""
    query = list_query(data.get("query", ""))
    seen = {int(key): int(version) for key, version in SEEN.findall(data.get("seen", ""))}
    keys = list(seen) or asked_for(user, data, query, OPPORTUNITIES)
    refuse_too_many(len(keys))
    rows = read(user, keys)
    return Selection(rows, seen or dict.fromkeys(keys, 0) | {row.pk: row.version for row in rows}, query.urlencode())


def asked_for(user: User, data: QueryDict, query: QueryDict, listing: Listing) -> list[int]:
    """Raises ValidationError."""
    return _everything(user, query, listing) if "all" in data else _keys(data)


def _keys(data: QueryDict) -> list[int]:
    """What is no key names nothing, and is counted as not there."""
    sent = dict.fromkeys(data.getlist("key"))
    return [int(key) if key.isascii() and key.isdecimal() and len(key) < 19 else -at for at, key in enumerate(sent, 1)]


def list_query(address: str) -> QueryDict:
    """The query of a list's address, which may be given whole; it leads nowhere else."""
    path, mark, query = address.partition("#")[0].partition("?")
    return QueryDict(query if mark or path.startswith("/") else path)


def _everything(user: User, query: QueryDict, listing: Listing) -> list[int]:
    """The filters read it as for the list; a word that they do not know might have left rows out, so it is refused."""
    filters = listing.filters(query, queryset=listing.visible(user), user=user)
    unknown = [name[:50] for name in query if name not in filters.filters and name not in words.EVERY]
    if unknown or not filters.is_valid():
        said = _("The address of the list could not be understood, so nothing is chosen: %(words)s")
        raise ValidationError(said, code="address", params={"words": ", ".join(unknown or filters.form.errors)})
    keys = filters.qs.order_by("pk").values_list("pk", flat=True)
    found = list(keys[: AT_ONCE + 1])
    if len(found) > AT_ONCE:
        refuse_too_many(keys.count())
    return found
