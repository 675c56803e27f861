"""Contacts out of a file: what becomes of each row, what a run leaves behind when it is killed or taken back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts import lifecycle
from contacts.models import Contact
from salespeople.models import Company, Salesperson, User
from tests.worker import waiting, work
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.models import ExternalKey, ImportRow, ImportRun

pytestmark = pytest.mark.django_db
CSV = (
    "Company name;First name;Last name;E-mail;Phone;Country;Salesperson\r\n"
    "Ürün Oy;;;info@urun.example;09 5550100;Finland;Jim Olive\r\n"
    "Ürün Oy;Aino;Ek;aino@urun.example;;;JO\r\n"
    "Nobody;Bo;Berg;not an address;;;\r\n"
    ";Cy;Dahl;cy@example.com;12;;Jim Olivr\r\n"
)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    yield


def brought(user: User, text: str, kind: str = "contacts", system: str = "", **options: Any) -> ImportRun:
    run = bring(user, kind, system, SimpleUploadedFile("rows.csv", text.encode()))
    run.options |= options
    run.save()
    return run


def checked(run: ImportRun) -> ImportRun:
    assert running.check(run)
    work()
    return ImportRun.objects.get(pk=run.pk)


def taken(run: ImportRun) -> ImportRun:
    checked(run)
    assert running.start(run)
    work()
    return ImportRun.objects.get(pk=run.pk)


def told(run: ImportRun, *, dry: bool = False) -> list[tuple[int, str, str]]:
    return list(run.rows.filter(dry=dry).order_by("line").values_list("line", "verdict", "why"))


def test_rows_become_companies_and_people(manager: User, jo: Salesperson) -> None:
    run = brought(manager, CSV)
    assert run.reading == {"format": "csv", "encoding": "utf-8-sig", "delimiter": ";"}
    assert run.options["columns"] == {
        "0": "company",
        "1": "first_name",
        "2": "last_name",
        "3": "email",
        "4": "phone",
        "5": "country",
        "6": "salesperson",
    }
    dry = checked(run)
    assert (dry.state, dry.total, dry.done) == ("checked", 4, 4)
    assert not Contact.objects.exists()
    verdicts = [
        (2, "created", ""),
        (3, "created", ""),
        (4, "refused", "There is no “Nobody”."),
        (5, "refused", "There is no “Jim Olivr”."),
    ]
    assert told(run, dry=True) == verdicts
    done = taken(run)
    assert (done.state, done.done) == ("done", 4)
    assert told(run) == verdicts
    urun, aino = Contact.objects.order_by("pk")
    assert (urun.name, urun.kind, urun.phone, urun.country, urun.salesperson) == ("Ürün Oy", "company", "+35895550100", "FI", jo)
    assert (aino.name, aino.kind, aino.company, aino.country) == ("Aino Ek", "person", urun, "FI")
    assert (urun.number, aino.number) == ("CT000001", "CT000002")
