"""Text search without extensions: text is folded (case and accents), split in words and matched by word prefix."""

import re
import unicodedata

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Expression, F, Func, GeneratedField, TextField, Value
from django.db.models.functions import Concat

_FOLDED = {
    character: base
    for character in map(chr, range(0xC0, 0x250))
    if len(base := unicodedata.normalize("NFD", character)[0].lower()) == 1 and base.isascii() and base.isalpha()
} | dict(zip("ØøŁłĐđßẞıİÆæŒœÞþ", "oollddssiiaaoott", strict=True))
_FROM = "".join(_FOLDED)
_TO = "".join(_FOLDED.values())
MOST_WORDS = 8


class Fold(Func):
    """Lower case, no accents, a blank for everything that is neither letter nor digit. Immutable, so it can be generated."""

    template = f"regexp_replace(translate(lower(%(expressions)s), '{_FROM}', '{_TO}'), '[^[:alnum:]]+', ' ', 'g')"


class SimpleVector(Func):
    function = "to_tsvector"
    template = "to_tsvector('simple'::regconfig, %(expressions)s)"
    output_field = SearchVectorField()


def search_column(*fields: str) -> GeneratedField:
    """A generated tsvector over the folded text of `fields`."""
    joined: list[Expression | F | Value] = []
    for field in fields:
        joined += [F(field), Value(" ")]
    return GeneratedField(
        expression=SimpleVector(Fold(Concat(*joined, output_field=TextField()))),
        output_field=SearchVectorField(),
        db_persist=True,
        editable=False,
    )


def words(text: str) -> list[str]:
    """The folded words of what somebody typed; at most eight, so that no input makes a costly query."""
    folded = "".join(_FOLDED.get(character, character) for character in text.lower())
    return re.findall(r"[^\W_]+", folded)[:MOST_WORDS]


def prefix_query(text: str) -> SearchQuery | None:
    """A query that matches rows having, for every word of `text`, a word that begins with it. None without a word."""
    terms = [f"'{word}':*" for word in words(text)]
    return SearchQuery(" & ".join(terms), config="simple", search_type="raw") if terms else None
