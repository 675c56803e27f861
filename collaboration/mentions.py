"""Who is called by a comment: `@` and a name, or an e-mail address, as it stands in the text."""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, CharField, Count, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat, Lower

from collaboration.models import Notification, Preferences, records
from salespeople.auth import with_rights
from salespeople.models import User

OFFERED = 8
FROM = 2  # so many characters are typed before anybody is offered
LOOKED_AT = 40  # of those whose name fits, so many are asked whether they see the record
CALL = re.compile(r"(?<![\w@.])@(?=\w)")

unread = Notification.objects.unread().filter(user=OuterRef("pk")).order_by().values("user")
UNREAD = Coalesce(Subquery(unread.annotate(count=Count("pk")).values("count")), 0)


usual = Preferences.objects.filter(pk=OuterRef("pk")).values("reminder")
USUAL_REMINDER = Coalesce(Subquery(usual), Value(""))


def called(text: str) -> tuple[list[User], list[str]]:
    """Who is called, each once, and the names that several people have: those call nobody, an e-mail address would."""
    if not CALL.search(text):
        return [], []
    low = text.lower()
    people: Any = with_rights(User.objects.filter(is_active=True)).filter(
        _stands_in(low, "name") | _stands_in(low, "email")
    )
    by_word: dict[str, list[User]] = {}
    for person in people:
        for word in {person.name.lower(), person.email.lower()} - {""}:
            by_word.setdefault(word, []).append(person)
    found: dict[int, User] = {}
    several: dict[str, str] = {}
    for call in CALL.finditer(text):
        word = _longest(low[call.end() :], by_word)
        if len(by_word.get(word, ())) == 1:
            found[by_word[word][0].pk] = by_word[word][0]
        elif word:
            several[word] = by_word[word][0].name
    return list(found.values()), list(several.values())


def _stands_in(text: str, field: str) -> Q:
    word = Concat(Value("@"), Lower(field), output_field=CharField())
    return Q(Q(**{f"{field}__gt": ""}), _Within(Value(text, output_field=CharField()), word))


class _Within(Func):
    """Whether the second text stands in the first one."""

    function = "strpos"
    template = "(%(function)s(%(expressions)s) > 0)"
    arity = 2
    output_field = BooleanField()


def _longest(rest: str, words: Iterable[str]) -> str:
    """The longest of the words that the text begins with, and ends it there."""
    fits = (word for word in words if rest.startswith(word) and not re.match(r"\w", rest[len(word) :]))
    return max(fits, key=len, default="")


def who_sees(people: Iterable[User], field: str, key: int) -> set[int]:
    """Keys of those of them who see the record; one query for all."""
    parts = [
        records(field).visible_to(person).filter(pk=key).order_by().values_list(Value(person.pk), flat=True)
        for person in people
    ]
    return set(parts[0].union(*parts[1:], all=True)) if parts else set()


def offered(typed: str, field: str, key: int) -> list[User]:
    """People to be called whose name has a word that begins so, or whose e-mail address does, and who see the record.
    `word` is what calls each of them."""
    typed = typed.strip().lower()
    if len(typed) < FROM:
        return []
    names = User.objects.filter(is_active=True)
    fits = Q(name__istartswith=typed) | Q(name__icontains=f" {typed}") | Q(email__istartswith=typed)
    known = names.filter(name__iexact=OuterRef("name")).order_by().values("is_active").annotate(count=Count("pk"))
    people: Any = with_rights(names.filter(fits)).annotate(namesakes=Subquery(known.values("count")))
    found = list(people.order_by("name", "pk")[:LOOKED_AT])
    seeing = who_sees(found, field, key)
    chosen = [person for person in found if person.pk in seeing][:OFFERED]
    for person in chosen:
        person.word = person.name if person.name and person.namesakes == 1 else person.email
    return chosen
