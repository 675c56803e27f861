"""A message may offer to take back what it tells of. The offer travels as data, since a message may wait for the next page;
the form is made where the message is shown, with that page's own token."""

from typing import NamedTuple

MARK = "undo"


class Offer(NamedTuple):
    """Where to post what: `version` is the one that the step made."""

    url: str
    version: int


def undo_offer(url: str, version: int) -> str:
    """For `extra_tags` of a message."""
    return f"{MARK} {version} {url}"


def offered(tags: str | None) -> Offer | None:
    """What `undo_offer` wrote, or None."""
    mark, _, rest = (tags or "").partition(" ")
    version, _, url = rest.partition(" ")
    return Offer(url, int(version)) if mark == MARK and version.isdecimal() else None
