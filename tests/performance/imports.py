"""The rows "import": contacts and opportunities out of a CSV file, beside what PostgreSQL needs for the same rows by COPY; and the most
memory that the worker had; then all of it taken back. In a database of its own, made anew for each run.

`python -m tests.performance --only import --count 200000`; `--kind contacts` leaves opportunities out.
"""

import csv
import io
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import call_command
from django.db import connection

from contacts.models import Contact, ContactSign
from opportunities.demo.setup import make_setup
from opportunities.models import Opportunity, OpportunityEntry, OpportunityWords
from salespeople.models import Salesperson, User
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.models import ExternalKey, ImportRun

WHO = "manager@demo.example"
KINDS = ("contacts", "opportunities")
COMPANIES = 10  # people of each, and opportunities


def run(count: int, kind: str) -> None:
    database()
    with TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = folder
        if kind == "opportunities":
            measured("contacts", max(count // COMPANIES, 1), Path(folder))
        back = []
        for each in KINDS:
            if each in (kind or each):
                were = counts()
                print(measured(each, count, Path(folder)), flush=True)
                back.append((ImportRun.objects.latest("pk"), were))
        call_command("check_ledger")
        for made, were in reversed(back):
            print(undone(made, count, were), flush=True)
        call_command("check_ledger")


def database() -> None:
    name = settings.DATABASES["default"]["NAME"]
    settings.DATABASES["default"]["EMBEDDED"].start()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    call_command("migrate", interactive=False, verbosity=0)
    make_setup()


def rows_of(kind: str, count: int) -> list[str]:
    """The headers, then a pattern for each row."""
    if kind == "contacts":
        return ["Id,Name,City,E-mail,Country", "{0},Company {0},Oulu,mail{0}@company{0}.example,FI"]
    person = Salesperson.objects.values_list("code", flat=True).order_by("pk")[0]
    started = "Id,Title,Contact,Owner,Created,Started on,Amount"
    return [started, f"{{0}},Chairs {{0}},Company {{1}},{person},2025-01-07,2025-01-10,{{0}}"]


def write(path: Path, kind: str, count: int) -> None:
    headers, pattern = rows_of(kind, count)
    companies = max(count // COMPANIES, 1)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{headers}\n")
        for at in range(1, count + 1):
            file.write(pattern.format(at, (at - 1) % companies + 1) + "\n")


def measured(kind: str, count: int, folder: Path) -> str:
    path = folder / f"{kind}.csv"
    write(path, kind, count)
    file = TemporaryUploadedFile(path.name, "text/csv", path.stat().st_size, None)
    with path.open("rb") as source:
        for chunk in iter(lambda: source.read(1_000_000), b""):
            file.write(chunk)
    file.seek(0)
    made = bring(User.objects.get(email=WHO), kind, "", file)
    running.check(made)
    running.spool(made.pk)
    before = memory()
    tried = taken(made.pk)
    running.start(ImportRun.objects.get(pk=made.pk))
    ours = taken(made.pk)
    most, plain = memory(), copied(path)
    found = running.verdicts(ImportRun.objects.get(pk=made.pk), dry=False)
    assert found == {"created": count}, found
    return (
        f"import {kind}: {count:,} rows in {ours:.1f} s, {count / ours:.0f} rows/s (tried: {count / tried:.0f} rows/s); "
        f"COPY {plain:.2f} s, {ours / plain:.0f} x COPY; most memory {most:.0f} MiB, +{most - before:.0f} by its slices"
    )


def taken(key: int) -> float:
    """Seconds until no slice is left."""
    began = time.perf_counter()
    while ImportRun.objects.get(pk=key).is_under_way:
        running.take_slice(key)
    return time.perf_counter() - began


def undone(made: ImportRun, count: int, were: list[int]) -> str:
    undoing.start(ImportRun.objects.get(pk=made.pk))
    began = time.perf_counter()
    while ImportRun.objects.get(pk=made.pk).is_under_way:
        undoing.take_slice(made.pk)
    took = time.perf_counter() - began
    assert (running.verdicts(made, dry=False), counts()) == ({"undone": count}, were)
    return f"import {made.kind}: taken back in {took:.1f} s, {count / took:.0f} rows/s; most memory {memory():.0f} MiB"


def counts() -> list[int]:
    """Rows of what an import makes."""
    made: list[Any] = [Contact, ContactSign, Opportunity, OpportunityEntry, OpportunityWords, ExternalKey]
    return [model.objects.count() for model in made]


def memory() -> float:
    """The most that this process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def copied(path: Path) -> float:
    """Seconds for the same cells in a table without keys, triggers or indexes."""
    with path.open(encoding="utf-8", newline="") as file, connection.cursor() as cursor:
        columns = ", ".join(f"c{at} text" for at, _name in enumerate(next(csv.reader(file))))
        cursor.execute(f"CREATE TEMP TABLE plain ({columns})")
        began = time.perf_counter()
        with cursor.copy("COPY plain FROM STDIN (FORMAT csv)") as rows:
            for chunk in iter(lambda: file.read(io.DEFAULT_BUFFER_SIZE * 8), ""):
                rows.write(chunk)
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE plain")
    return took
