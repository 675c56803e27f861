"""Countries by their ISO codes, named in the reader's language."""

from functools import lru_cache

from django.utils.translation import get_language
from django_countries import countries as iso_countries


def countries() -> dict[str, str]:
    """Code → name, by name."""
    return names_in(get_language() or "en")


@lru_cache(maxsize=16)
def names_in(language: str) -> dict[str, str]:
    """Kept for each language: naming and sorting them takes 6 ms."""
    return {code: str(name) for code, name in iso_countries}


def country_name(code: str) -> str:
    """The code itself where it is unknown."""
    return countries().get(code, code)
