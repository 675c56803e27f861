"""Countries by their ISO codes, named in the reader's language."""

import unicodedata
from functools import lru_cache

from babel import Locale
from django.utils.translation import get_language

from crm.lib.money import locale_of

NO_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}  # groups and placeholders that Babel names too


def countries() -> dict[str, str]:
    """Code → name, by name."""
    return _countries(get_language() or "en")


@lru_cache(maxsize=16)
def _countries(language: str) -> dict[str, str]:
    names = Locale.parse(locale_of(language)).territories
    known = {
        code: name for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
    }
    return dict(sorted(known.items(), key=lambda pair: _folded(pair[1])))


def _folded(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c)).casefold()
