"""The whole company goes into a file and comes back row by row; what does not fit is refused whole."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from collaboration import lifecycle as collaboration
from collaboration.models import Attachment
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry, RunningTotal
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.emptying import empty_tables
from tests.factories import make_opportunity
from upkeep import company_archive
from upkeep.company_archive import ArchiveError

pytestmark = pytest.mark.django_db(transaction=True)
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path / "files"
    return tmp_path


@pytest.fixture
def archived(files: Path, acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Path:
    """An archive of two opportunities with an attached file; the database and the files are empty again."""
    on = company.today()
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=on, closing_on=on)
    lifecycle.move(deal, version=deal.version, to=cycle.stages.get(number=2), on=on, by=rep)
    make_opportunity(contact=acme, salesperson=jo, by=rep, on=on)
    return archive_and_empty(files / "company.zip", rep)


def archive_and_empty(path: Path, by: User) -> Path:
    file = SimpleUploadedFile("terms.txt", "Ünïque\n".encode())
    collaboration.attach("opportunity", Opportunity.objects.earliest("pk").pk, files=[file], by=by)
    call_command("archive_company", path)
    empty_tables()
    default_storage.delete(stored_name(path))
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def stored_name(path: Path) -> str:
    return str(json.loads(members(path)["manifest.json"])["files"][0])


def rewritten(path: Path, change: Change) -> Path:
    inside = members(path)
    change(inside)
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return other


def manifest_with(**parts: Any) -> Change:
    def change(inside: dict[str, bytes]) -> None:
        inside["manifest.json"] = json.dumps(json.loads(inside["manifest.json"]) | parts).encode()

    return change


@pytest.mark.slow
def test_the_whole_demo_comes_back_as_it_was(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo_data", verbosity=0)
    archived = archive_and_empty(files / "company.zip", User.objects.earliest("pk"))
    call_command("restore_company", archived)
    assert " tables restored." in capsys.readouterr().out
    again = archived.with_name("again.zip")
    rows = company_archive.write(again)
    before, after = members(archived), members(again)
    first, second = json.loads(before.pop("manifest.json")), json.loads(after.pop("manifest.json"))
    assert first.pop("made_at") < second.pop("made_at")
    assert (before, first) == (after, second)
    assert rows["opportunities_opportunity"] == Opportunity.objects.count() == 99
    assert rows["opportunities_opportunityentry"] == OpportunityEntry.objects.count() > 300
    assert not {"django_session", "procrastinate_jobs", "django_migrations"} & rows.keys()
    assert b"\xc3\x9cn\xc3\xafque\n" in after.values()
    with default_storage.open(Attachment.objects.get().file.name) as file:
        assert file.read() == "Ünïque\n".encode()
    assert oct(again.stat().st_mode & 0o777) == "0o600"
    assert [*faults()] == []


def test_guards_and_derived_figures_work_again(archived: Path) -> None:
    company_archive.restore(archived)
    deal = Opportunity.objects.in_progress().filter(archived=False).order_by("pk")[0]
    last = Opportunity.objects.latest("pk")
    made = make_opportunity(contact=deal.contact, salesperson=deal.salesperson, on=Company.current().today())
    assert (made.pk, made.number) == (last.pk + 1, f"OP{int(last.number[2:]) + 1:06}")
    for broken in (
        "UPDATE opportunities_opportunityentry SET reason = 'x'",
        "DELETE FROM opportunities_opportunityentry",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(broken)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM salescycles_stage")
    assert sum(RunningTotal.objects.values_list("count", flat=True)) == Opportunity.objects.count()
    assert [*faults()] == []


def test_a_database_in_use_is_left_alone(archived: Path, manager: User) -> None:
    with pytest.raises(CommandError, match=r"not empty: there are rows of salespeople\.User\."):
        call_command("restore_company", archived)
    assert [*User.objects.all()] == [manager]


def drop_a_row(inside: dict[str, bytes]) -> None:
    table = "tables/opportunities_opportunityentry.jsonl"
    inside[table] = inside[table].split(b"\n", 1)[1]


def drop_the_contacts(inside: dict[str, bytes]) -> None:
    inside["tables/contacts_contact.jsonl"] = b""
    told = json.loads(inside["manifest.json"])
    told["tables"]["contacts_contact"] = 0
    inside["manifest.json"] = json.dumps(told).encode()


def break_a_row(inside: dict[str, bytes]) -> None:
    inside["tables/contacts_contact.jsonl"] += b'{"id": "one"}\n'


def drop_the_file(inside: dict[str, bytes]) -> None:
    del inside[f"files/{json.loads(inside['manifest.json'])['files'][0]}"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_a_row, "The archive says .* rows of opportunities_opportunityentry and holds"),
        (drop_the_contacts, "do not fit together"),
        (break_a_row, "Rows of contacts_contact cannot be read"),
        (drop_the_file, "lacks the file"),
        (manifest_with(files=["../../outside"]), "lacks the file"),
        (manifest_with(migrations=["contacts.9999_of_tomorrow"]), "another version.*contacts.9999_of_tomorrow"),
        (manifest_with(tables={}), "other tables"),
        (manifest_with(format=2), "no manifest of this format"),
        (lambda inside: inside.pop("manifest.json") and None, "no manifest of this format"),
        (lambda inside: inside.pop("tables/tasks_task.jsonl") and None, "lacks the table tasks_task"),
    ],
)
def test_what_does_not_fit_changes_nothing(archived: Path, change: Change, words: str) -> None:
    changed = rewritten(archived, change)
    with pytest.raises(ArchiveError, match=words):
        company_archive.restore(changed)
    assert not Opportunity.objects.exists()
    assert not User.objects.exists()
    assert not default_storage.exists(stored_name(archived))
    company_archive.restore(archived)
    assert [*faults()] == []


def test_a_file_cut_short_is_none(archived: Path) -> None:
    whole = archived.read_bytes()
    for part in (whole[: len(whole) // 2], b"", b"no archive"):
        archived.write_bytes(part)
        with pytest.raises(ArchiveError, match="cannot be read as an archive"):
            company_archive.restore(archived)


def test_nothing_is_written_over(archived: Path) -> None:
    with pytest.raises(CommandError, match="it is there already"):
        call_command("archive_company", archived)
