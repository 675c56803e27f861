"""What a list can show of what hangs on its rows."""

from collections.abc import Iterator

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from collaboration.models import Tag, Tagging
from crm.lib.listing.columns import Column, Kind, Links
from crm.templatetags.crm import badge
from salespeople.models import User

COLOURED = Concat("tag__colour", Value(" "), "tag__name", output_field=CharField())


def tags(user: User) -> Iterator[tuple[str, str]]:
    for tag in Tag.objects.visible_to(user):
        yield str(tag.pk), tag.name


def tag_links(field: str) -> Links:
    def ties() -> QuerySet[Tagging]:
        return Tagging.objects.filter(**{f"{field}__isnull": False})

    return Links(ties, field, "tag", "tag__name", COLOURED)


def tag_column(field: str) -> Column:
    """Of a list of records that are called so in the keys."""
    return Column("tags", _("Tags"), "taggings", Kind.SEVERAL, choices=tags, links=tag_links(field), is_sortable=False)


def tag_badges(coloured: list[str]) -> str:
    """The tags of a row: each is its colour, a blank and its name."""
    pairs = (tag.split(" ", 1) for tag in coloured)
    return " ".join(badge(name, colour, "tag") for colour, name in pairs)
