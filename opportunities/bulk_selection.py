"""Which opportunities a bulk action is for: keys, keys as a preview saw them, or everything that a list's address selects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from crm.lib.listing import words
from crm.lib.listing.listing import Listing
from opportunities.bulk import AT_ONCE, read, refuse_too_many
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Door, Opportunity
from salespeople.models import User

SEEN = re.compile(r"(-?\d{1,18}):(\d{1,9})")


@dataclass
class Selection:
    """`rows` by ascending key. `seen`: every key that was asked for, with the version of a preview, else of now; 0 where
    there is no such row, or not for this person. `query` leads back to the list. Of more than one transaction takes, `rows`
    are the first ones, and `keys` are all of them; `all` where the list's address says which. `door`: where it was chosen, in
    the list or in the admin pages, to whose list `query` leads back then."""

    rows: list[Opportunity]
    seen: dict[int, int]
    query: str = ""
    keys: list[int] = field(default_factory=list)
    all: bool = False
    door: str = Door.BULK

    @property
    def gone(self) -> int:
        return len(self.seen) - len(self.rows)

    @property
    def asked_keys(self) -> Iterable[int]:
        return self.keys or self.seen

    @property
    def is_big(self) -> bool:
        return bool(self.keys)

    @property
    def count(self) -> int:
        return len(self.keys) or len(self.rows)

    @cached_property
    def cycles(self) -> set[int | None]:
        """Of all of them."""
        if not self.is_big:
            return {row.sales_cycle_id for row in self.rows}
        rows = Opportunity.objects.filter(pk__in=self.keys).order_by()
        return set(rows.values_list("sales_cycle", flat=True).distinct())


def selection(user: User, data: QueryDict) -> Selection:
    """Raises ValidationError, in words, for too many and for an address that is not understood."""
    chosen = _chosen(user, data)
    chosen.door = Door.ADMIN if data.get("door") == Door.ADMIN and user.is_staff else Door.BULK
    return chosen


def _chosen(user: User, data: QueryDict) -> Selection:
    query = list_query(data.get("query", ""))
    seen = {int(key): int(version) for key, version in SEEN.findall(data.get("seen", ""))}
    refuse_too_many(len(seen))
    keys = list(seen) or asked_for(user, data, query, OPPORTUNITIES, most=settings.BULK_LIMIT)
    refuse_too_many(len(keys), settings.BULK_LIMIT)
    if len(keys) > AT_ONCE:
        return _of_many(user, keys, query.urlencode(), "all" in data)
    rows = read(user, keys)
    return Selection(rows, seen or dict.fromkeys(keys, 0) | {row.pk: row.version for row in rows}, query.urlencode())


def _of_many(user: User, keys: list[int], query: str, all_of_it: bool) -> Selection:
    there = (
        keys
        if all_of_it
        else list(Opportunity.objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))
    )
    keys = sorted(there)
    rows = read(user, keys[:AT_ONCE])
    return Selection(rows, {row.pk: row.version for row in rows}, query, keys, all_of_it)


def asked_for(user: User, data: QueryDict, query: QueryDict, listing: Listing, most: int | None = None) -> list[int]:
    """Raises ValidationError."""
    return _everything(user, query, listing, AT_ONCE if most is None else most) if "all" in data else _keys(data)


def _keys(data: QueryDict) -> list[int]:
    """What is no key names nothing, and is counted as not there. Many come as one field, `keys`."""
    sent = dict.fromkeys(data.getlist("key") + list(filter(None, data.get("keys", "").split(","))))
    return [int(key) if key.isascii() and key.isdecimal() and len(key) < 19 else -at for at, key in enumerate(sent, 1)]


def list_query(address: str) -> QueryDict:
    """The query of a list's address, which may be given whole; it leads nowhere else."""
    path, mark, query = address.partition("#")[0].partition("?")
    return QueryDict(query if mark or path.startswith("/") else path)


def _everything(user: User, query: QueryDict, listing: Listing, most: int) -> list[int]:
    """The filters read it as for the list; a word that they do not know might have left rows out, so it is refused."""
    filters = listing.filters(query, queryset=listing.visible(user), user=user)
    unknown = [name[:50] for name in query if name not in filters.filters and name not in words.EVERY]
    if unknown or not filters.is_valid():
        said = _("The address of the list could not be understood, so nothing is chosen: %(words)s")
        raise ValidationError(said, code="address", params={"words": ", ".join(unknown or filters.form.errors)})
    keys = filters.qs.order_by("pk").values_list("pk", flat=True)
    found = list(keys[: most + 1])
    if len(found) > most:
        refuse_too_many(keys.count(), most)
    return found
