"""Text search without extensions: text is folded (case and accents), split in words and matched by word prefix. Telephone
numbers stand beside the words as tokens of their own: whole, as typed in their country, and from the last digit on."""

import re
import unicodedata
from itertools import groupby
from typing import Any, TypeVar

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Expression, F, Func, GeneratedField, Q, QuerySet, TextField, Value
from django.db.models.functions import Collate, Concat

Rows = TypeVar("Rows", bound=QuerySet[Any])
# Letters that are no others with an accent. All at once letters and accents would take twenty times as long.
LETTERS, PLAIN = "ØøŁłĐđßẞıİÆæŒœÞþĦħŦŧ", "oollddssiiaaootthhtt"
ACCENTS = r"[\u0300-\u036f]"
FOLDED = (
    "regexp_replace(lower(translate(normalize(regexp_replace("
    f"normalize(%s, NFD), '{ACCENTS}', '', 'g'), NFC), '{LETTERS}', '{PLAIN}')), '[^[:alnum:]]+', ' ', 'g')"
)
_PLAIN = str.maketrans(LETTERS, PLAIN)
MOST_WORDS = 8
LAST = "\U0010ffff"  # behind every letter
FEWEST_DIGITS = 4  # of a telephone number
# a part that is typed as the domain of an e-mail: its end is a word of very many rows
DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*\.([a-z]{2}|com|org|net|info|biz|edu|gov|example)", re.IGNORECASE)
# How long the code of a country is, by its first digits (ITU-T E.164, assigned codes).
COUNTRY_CODE = (
    r"^\+(1|7|2[07]|2[1-689]\d|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d|8[1246]|8[03578]\d|"
    r"9[0-58]|9[679]\d)0?"
)


class Fold(Func):
    """Lower case, no accents, a blank for everything that is neither letter nor digit. Immutable, so it can be generated."""

    template = FOLDED % "%(expressions)s"


def beginning(field: str) -> Collate:
    """The folded `field` in the order of its bytes: an index of it finds how the field begins, in that order."""
    return Collate(Fold(field), "C")


class SimpleVector(Func):
    function = "to_tsvector"
    template = "to_tsvector('simple'::regconfig, %(expressions)s)"
    output_field = SearchVectorField()


class WithTokens(Func):
    """A vector and the tokens of `phones`, numbers in E.164, and `emails`. `+358955501004`, `#955501004` as in its country without
    a leading zero, and `~400105559853`, backwards, so that the last digits are a prefix too; `=ann@acme.example`, and
    `@acme.example`: as words they would share the last one with everybody. No position is kept: nothing asks for one."""

    output_field = SearchVectorField()
    template = "strip(%(vector)s) || array_to_tsvector(array_remove(ARRAY[%(tokens)s]::text[], NULL))"

    def __init__(self, vector: Any, *fields: str, phones: int = 0, **extra: Any) -> None:
        """The first `phones` of the fields are telephone numbers, the others e-mails."""
        super().__init__(vector, *fields, phones=phones, **extra)

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        (vector, params), *fields = [compiler.compile(expression) for expression in self.get_source_expressions()]
        tokens = []
        for at, (field, _none) in enumerate(fields):
            known = f"NULLIF({field}, '')"
            tokens += self._phone(known) if at < self.extra["phones"] else self._email(f"lower({known})")
        return self.template % {"vector": vector, "tokens": ", ".join(tokens)}, params

    def _phone(self, number: str) -> list[str]:
        return [
            number,
            f"'#' || regexp_replace({number}, '{COUNTRY_CODE}', '')",
            f"'~' || reverse(ltrim({number}, '+'))",
        ]

    def _email(self, email: str) -> list[str]:
        return [f"'=' || {email}", f"'@' || split_part({email}, '@', 2)"]


class Tokens(SearchQuery):
    """A query that is taken as it stands: what is not made of words is not to be split in words."""

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="(%(expressions)s)::tsquery")


def search_vector(*fields: str) -> SimpleVector:
    """The words of the folded text of `fields`."""
    joined: list[Expression | F | Value] = []
    for field in fields:
        joined += [F(field), Value(" ")]
    return SimpleVector(Fold(Concat(*joined, output_field=TextField())))


def search_column(*fields: str, phones: tuple[str, ...] = (), emails: tuple[str, ...] = ()) -> GeneratedField:
    """A generated tsvector over the folded text of `fields`, and the tokens of `phones` and `emails`."""
    return GeneratedField(
        expression=WithTokens(search_vector(*fields), *phones, *emails, phones=len(phones)),
        output_field=SearchVectorField(),
        db_persist=True,
        editable=False,
    )


def words(text: str) -> list[str]:
    """The folded words of what somebody typed; at most eight, so that no input makes a costly query."""
    bare = re.sub(ACCENTS, "", unicodedata.normalize("NFD", text))
    folded = unicodedata.normalize("NFC", bare).translate(_PLAIN).lower()
    return re.findall(r"[^\W_]+", folded)[:MOST_WORDS]


def searched(rows: Rows, text: str, column: str) -> Rows:
    """Those of `rows` whose `column` has, for every word of `text`, a word that begins with it; digits that stand together may
    also be those of a telephone number, what has an @ is an e-mail or its domain, and what looks like a domain may be one.
    All of them for blanks, none for what has no word."""
    parts = _parts(text)
    if not parts:
        return rows.none() if text.strip() else rows
    # a condition for each word: by one for all of them the index takes a quarter longer to find what has two frequent ones
    return rows.filter(*(Q(**{column: part}) for part in parts))


def beginning_with(rows: Rows, text: str, field: str) -> list[Rows]:
    """Those of `rows` whose `field` begins with the words of `text`, as they stand or the last one first, in the order of an index
    of `beginning`: each a part of what `searched` finds. Nothing for one word, or where something else than words was typed."""
    typed = words(text)
    if len(typed) < 2 or any(map(_is_no_word, text.split())):
        return []
    found = []
    for order in ((*typed,), (typed[-1], *typed[:-1])):
        first = " ".join(order)
        named = rows.alias(beginning=beginning(field)).filter(beginning__gte=first, beginning__lt=f"{first}{LAST}")
        found.append(named.order_by("beginning"))
    return found


def _is_no_word(typed: str) -> bool:
    return "@" in typed or bool(DOMAIN.fullmatch(typed) or re.search(r"\d", typed))


def _parts(text: str) -> list[Any]:
    typed = text.split()
    emails = [part.lower() for part in typed if "@" in part and words(part)][:MOST_WORDS]
    domains = [part.lower() for part in typed if DOMAIN.fullmatch(part)][:MOST_WORDS]
    parts: list[Any] = [Tokens(f"{_quoted(part if part.startswith('@') else f'={part}')}:*") for part in emails]
    parts += [_domain(part) for part in domains]
    others = (part for part in typed if "@" not in part and not DOMAIN.fullmatch(part))
    for are_digits, found in groupby(words(" ".join(others)), key=_is_digits):
        group = list(found)
        digits = "".join(group)
        if are_digits and len(digits) >= FEWEST_DIGITS:
            parts.append(_begun(*group) | _phone(digits))
        else:
            parts += map(_begun, group)
    return parts


def _begun(*begin: str) -> SearchQuery:
    return SearchQuery(" & ".join(f"'{word}':*" for word in begin), config="simple", search_type="raw")


def _domain(typed: str) -> Any:
    """The domain of an e-mail, or how one begins, or words as they may stand in a name; the last one whole: every word that begins
    like it would have to be read, and nearly everybody has one."""
    *begin, last = words(typed)
    found = " & ".join([*(f"'{word}':*" for word in begin), f"'{last}'"])
    return Tokens(f"{_quoted(f'@{typed}')}:* | {_quoted(f'={typed}')}:*") | SearchQuery(
        found, config="simple", search_type="raw"
    )


def _quoted(token: str) -> str:
    escaped = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _is_digits(word: str) -> bool:
    return word.isascii() and word.isdecimal()


def _phone(digits: str) -> Tokens:
    """How a number begins, with the code of its country or without, or how it ends. Zeros before it belong to dialling."""
    begins = digits.lstrip("0")
    ways = [f"'~{digits[::-1]}':*", *([f"'+{begins}':*", f"'#{begins}':*"] if begins else [])]
    return Tokens(" | ".join(ways))
