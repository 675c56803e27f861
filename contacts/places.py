"""Countries by their ISO codes, named in the reader's language."""

from django_countries import countries as iso_countries


def countries() -> dict[str, str]:
    """Code → name, by name."""
    return {code: str(name) for code, name in iso_countries}


def country_name(code: str) -> str:
    """The code itself where it is unknown."""
    return countries().get(code, code)
