"""The row "search": what the palette asks of contacts, measured by fetching the same rows by their keys, not by V. It has a
database of its own with so many made-up contacts: `--only search --count 1000000`."""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from contacts.models import Contact
from crm import search
from opportunities.demo.setup import make_setup
from salespeople.models import User
from tests.performance.figures import aligned, ratio

NAME, WHO, SHOWN, TIMES, GOAL = "search", "manager@demo.example", 6, 31, 10
RARE = "Zwetschkenbaum"
FIRST = [
    "Anna",
    "Emil",
    "Émile",
    "Matti",
    "Liisa",
    "Jürgen",
    "Karin",
    "Olga",
    "Pekka",
    "Sari",
    "Timo",
    "Ulla",
    "Ville",
    "Wim",
    "Yann",
    "Zoe",
    "Aino",
    "Göran",
    "Åke",
    "Östen",
]
BEGIN = [
    "Ber",
    "Lind",
    "Gra",
    "Hol",
    "Sand",
    "Vir",
    "Kor",
    "Mül",
    "Nie",
    "Sal",
    "Tam",
    "Ran",
    "Pel",
    "Mar",
    "Hei",
    "Kos",
    "Lah",
    "Ek",
    "Sjö",
    "Nor",
    "Wes",
    "Gar",
    "Dal",
    "Ros",
    "Fal",
]
MIDDLE = ["g", "ta", "na", "der", "ber", "mi", "le", "so", "gri", "ki", "la", "ne", "ro", "va"]
END = [
    "ström",
    "nen",
    "qvist",
    "sen",
    "mann",
    "er",
    "berg",
    "lund",
    "sson",
    "ler",
    "inen",
    "ova",
    "holm",
    "stedt",
    "hoff",
    "dahl",
    "rup",
    "vik",
    "gård",
    "mäki",
]
CITIES = [
    "Helsinki",
    "Espoo",
    "Turku",
    "Oulu",
    "Stockholm",
    "Göteborg",
    "Oslo",
    "Bergen",
    "København",
    "Berlin",
    "München",
    "Köln",
    "Wien",
    "Utrecht",
    "Milano",
]
BLANK = (
    *("middle_name", "initials", "job_title", "other_numbers", "email_2", "language", "correspondence", "vat_number"),
    *("registration_number", "address", "address_2", "post_code", "county", "phone_extension", "home_page"),
)
NO = ("privacy_blocked", "minor", "parental_consent", "archived")


def run(count: int, *, fresh: bool) -> None:
    """Raises SystemExit without the embedded server."""
    _fill(count, fresh=fresh)
    user = User.objects.get(email=WHO)
    some = Contact.objects.order_by("pk")[Contact.objects.count() // 2]
    typed = {
        "rare word": RARE,
        "common word": "anna",
        "one letter": "a",
        "two words": "anna lind",
        "two words, last first": "lind anna",
        "phone, national": f"09 {some.phone[5:]}",
        "phone, last digits": some.phone[-6:],
        "e-mail": some.email,
        "domain": f"@{some.email.partition('@')[2]}",
        "domain without @": some.email.partition("@")[2],
        "number": some.number,
    }
    rows = [("", "found", "search", "by key", "x", "goal")]
    rows += [_measured(name, text, user) for name, text in typed.items()]
    print(f"{count:,} contacts; milliseconds of one kind of result, {SHOWN} rows")
    print(aligned(rows))


def _measured(name: str, text: str, user: User) -> tuple[str, ...]:
    group = search._contacts(user, text, SHOWN)
    keys = [int(hit.url.rstrip("/").rpartition("/")[2]) for hit in group.hits]
    ours, by_key = _times(
        lambda: search._contacts(user, text, SHOWN),
        lambda: list(Contact.objects.filter(pk__in=keys).select_related("company")),
    )
    told = f"{group.said}+" if group.is_cut else str(group.count)
    return name, told, f"{ours:.1f}", f"{by_key:.1f}", f"{ratio(ours, by_key):.1f}", str(GOAL)


def _times(*asks: Callable[[], Any]) -> list[float]:
    """The median of each, asked in turn."""
    taken: list[list[float]] = [[] for _ask in asks]
    for _turn in range(TIMES):
        for ask, times in zip(asks, taken, strict=True):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)
    return [median(times) for times in taken]


def _fill(count: int, *, fresh: bool) -> None:
    database = settings.DATABASES["default"]
    if "EMBEDDED" not in database:
        sys.exit("The benchmark makes a database of its own on the embedded server: unset DATABASE_URL.")
    database["EMBEDDED"].start()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database["NAME"]])
        there = cursor.fetchone() is not None
        if there and fresh:
            cursor.execute(f'DROP DATABASE "{database["NAME"]}" WITH (FORCE)')
        if fresh or not there:
            cursor.execute(f'CREATE DATABASE "{database["NAME"]}"')
    call_command("migrate", interactive=False, verbosity=0)
    if not User.objects.exists():
        make_setup()
    if (missing := count - Contact.objects.count()) > 0:
        _make(missing)


def _make(count: int) -> None:
    """Three companies among ten contacts; names of some thousand surnames. The history is not written: it is not searched."""
    blank = dict.fromkeys(BLANK, "''") | dict.fromkeys(NO, "false")
    given = {
        "number": "'ZZ' || lpad(at::text, 8, '0')",
        "kind": "CASE WHEN is_company THEN 'company' ELSE 'person' END",
        "name": "CASE WHEN is_company THEN last || ' AB' ELSE first || ' ' || last END",
        "first_name": "CASE WHEN is_company THEN '' ELSE first END",
        "last_name": "CASE WHEN is_company THEN '' ELSE last END",
        "email": "'mail' || at || '@firm' || at / 10 || '.example'",
        "city": f"(%(cities)s::text[])[1 + (h / 13) %% {len(CITIES)}]",
        "country": "'FI'",
        "phone": "'+3589' || lpad((h %% 10000000)::text, 7, '0')",
        "mobile": "CASE WHEN is_company THEN '' ELSE '+35840' || lpad((h / 3 %% 10000000)::text, 7, '0') END",
        "created_at": "now()",
    } | blank
    parts = [
        f"(%({name})s::text[])[1 + (h / {step}) %% {len(words)}]"
        for name, step, words in (("begin", 50, BEGIN), ("middle", 1500, MIDDLE), ("end", 22500, END))
    ]
    last = " || ".join(parts)
    statement = f"""
        INSERT INTO contacts_contact ({", ".join(given)}) SELECT {", ".join(given.values())} FROM (
          SELECT at, h, at %% 10 < 3 AS is_company, CASE at WHEN 5 THEN %(rare)s ELSE {last} END AS last,
                 (%(first)s::text[])[1 + h %% {len(FIRST)}] AS first
            FROM (SELECT at, (hashint8(at) & 2147483647)::bigint AS h FROM generate_series(1, %(count)s) AS at) AS drawn
          OFFSET 0) AS made"""
    words = {"cities": CITIES, "begin": BEGIN, "middle": MIDDLE, "end": END, "first": FIRST, "rare": RARE}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DROP INDEX contacts_by_word")
        cursor.execute(statement, words | {"count": count})
        cursor.execute("CREATE INDEX contacts_by_word ON contacts_contact USING gin (search)")
        cursor.execute("VACUUM ANALYZE contacts_contact")
        cursor.execute("RESET session_replication_role")
