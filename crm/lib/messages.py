"""The catalogues of translated texts, without GNU gettext.

`python -m crm.lib.messages compile` makes the git-ignored .mo files of the .po files that changed;
`python -m crm.lib.messages update` reads the source for new texts and brings every .po file up to date.
"""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
LOCALE = ROOT / "locale"
SKIPPED = (".*", "tests", "static", "staticfiles", "locale", "docs", "node_modules")
METHODS = [("**.py", "python"), ("templates/**.html", "crm.lib.messages:extract_template")]
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
COMMENT_MARK = "Translators"


def compile_catalogues(locale: Path = LOCALE) -> list[Path]:
    """Make the .mo file of each .po file that is newer than it; return those that were made."""
    stale = [po for po in sorted(locale.glob("*/LC_MESSAGES/*.po")) if _is_stale(po)]
    for po in stale:
        new = po.with_suffix(".mo.new")
        with po.open("rb") as source, new.open("wb") as target:
            write_mo(target, read_po(source))
        new.replace(po.with_suffix(".mo"))
    return stale


def update_catalogues(root: Path = ROOT, locale: Path = LOCALE) -> Catalog:
    """Bring every .po file up to date with the texts in the source, guessing nothing; return the texts found."""
    texts = _texts_of_the_source(root)
    for po in sorted(locale.glob("*/LC_MESSAGES/django.po")):
        with po.open("rb") as file:
            catalog = read_po(file, locale=po.parent.parent.name)
        catalog.update(texts, no_fuzzy_matching=True, keep_user_comments=True)
        with po.open("wb") as file:
            write_po(file, catalog, width=120, include_lineno=False, sort_by_file=True, ignore_obsolete=True)
    return texts


def extract_template(file: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Yield the texts of a Django template (a Babel extraction method)."""
    source = templatize(file.read().decode())
    calls = re.sub(r"(?m)^[ \t]+", "", source)  # what is left of the HTML must not look like indented code
    yield from extract_python(BytesIO(calls.encode()), keywords, comment_tags, options)


def _texts_of_the_source(root: Path) -> Catalog:
    catalog = Catalog(project="crm")
    found = extract_from_dir(
        root,
        METHODS,
        keywords=KEYWORDS,
        comment_tags=[COMMENT_MARK],
        directory_filter=lambda folder: not any(Path(folder).match(pattern) for pattern in SKIPPED),
    )
    for filename, _lineno, message, comments, context in found:
        catalog.add(message, locations=[(filename, 0)], auto_comments=comments, context=context)
    return catalog


def _is_stale(po: Path) -> bool:
    mo = po.with_suffix(".mo")
    return not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime


if __name__ == "__main__":
    if "update" in sys.argv:
        update_catalogues()
    compile_catalogues()
