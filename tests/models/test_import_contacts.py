"""Contacts out of a file: what becomes of each row, what a run leaves behind when it is killed or taken back."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts import lifecycle
from contacts.models import Contact, ContactSign, LikelyPair
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
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path
    return


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
    assert (urun.name, urun.kind, urun.phone, urun.country, urun.salesperson) == (
        "Ürün Oy",
        "company",
        "+35895550100",
        "FI",
        jo,
    )
    assert (aino.name, aino.kind, aino.company, aino.country) == ("Aino Ek", "person", urun, "FI")
    assert int(aino.number[2:]) == int(urun.number[2:]) + 1  # a trial draws none


def test_a_key_finds_what_is_there_and_blank_cells_change_nothing(manager: User) -> None:
    first = "Id,Name,City,Phone\n7,ACME,Oulu,+358 9 5550100\n8,Beta,Turku,\n"
    columns = {"0": "external_key", "1": "name", "2": "city", "3": "phone"}
    taken(brought(manager, first, system="hubspot", key="external_key", columns=columns))
    assert list(ExternalKey.objects.order_by("key").values_list("system", "key", "contact__name")) == [
        ("hubspot", "7", "ACME"),
        ("hubspot", "8", "Beta"),
    ]
    again = taken(
        brought(manager, "Id,Name,City,Phone\n7,ACME Oy,,\n8,Beta,Turku,\n9,Gamma,Espoo,\n", system="hubspot")
    )
    assert again.options["columns"]["0"] == "external_key"  # as it was chosen for the same columns
    assert told(again) == [(2, "updated", ""), (3, "unchanged", ""), (4, "created", "")]
    acme = Contact.objects.get(external_keys__key="7")
    assert (acme.name, acme.city, acme.phone) == ("ACME Oy", "Oulu", "+35895550100")


def test_an_undo_gives_back_what_stood_there(manager: User) -> None:
    acme = lifecycle.create(by=None, name="ACME", city="Oulu").contact
    beta = lifecycle.create(by=None, name="Beta", city="Oulu").contact
    events: Any = apps.get_model("contacts", "ContactEvent").objects
    text = "Name,City,Company\nACME,Turku,\nBeta,Turku,\nNew Oy,Turku,\nAino Ek,,Newer Oy\nBo Berg,,Other Oy\n"
    run = taken(brought(manager, text, key="name", missing=True))
    assert told(run) == [(line, "updated" if line < 4 else "created", "") for line in range(2, 7)]
    assert Contact.objects.count() == 7  # with two companies that were made on the way
    lifecycle.change(beta, by=None, on=Company.current().today(), county="Uusimaa")
    lifecycle.change(Contact.objects.get(name="Bo Berg"), by=None, on=Company.current().today(), city="Oulu")
    assert undoing.start(run)
    work()
    run.refresh_from_db()
    assert run.state == "undone"
    assert told(run) == [
        (2, "undone", ""),
        (3, "touched", ""),
        (4, "undone", ""),
        (5, "undone", ""),
        (6, "touched", ""),
    ]
    assert sorted(Contact.objects.values_list("name", "city")) == [
        ("ACME", "Oulu"),
        ("Beta", "Turku"),
        ("Bo Berg", "Oulu"),
        ("Other Oy", ""),
    ]
    assert events.filter(pgh_obj=acme.pk).count() == 3  # made, changed, put back


def test_what_hangs_on_a_contact_keeps_it(manager: User, client: Any) -> None:
    run = taken(brought(manager, "Name\nACME\nBeta\n"))
    acme = Contact.objects.get(name="ACME")
    lifecycle.create(by=None, kind="person", name="Ann Lee", company=acme)
    undoing.start(run)
    work()
    assert told(run) == [(2, "touched", ""), (3, "undone", "")]
    assert not Contact.objects.filter(name="Beta").exists()


def test_a_killed_slice_leaves_nothing_and_is_done_again(manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(running.AT_ONCE, "contacts", 2)
    run = checked(brought(manager, "Name\n" + "".join(f"C{at}\n" for at in range(5))))
    assert running.start(run)
    running.take_slice(run.pk)

    class Killed(BaseException):
        pass

    def killed(rows: list[ImportRow]) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(running, "_mark", lambda world, noted: killed(noted))
        with pytest.raises(Killed):
            running.take_slice(run.pk)
    run.refresh_from_db()
    assert (run.done, Contact.objects.count(), len(told(run))) == (2, 2, 2)
    work()
    run.refresh_from_db()
    assert (run.state, run.done) == ("done", 5)
    assert sorted(Contact.objects.values_list("name", flat=True)) == [f"C{at}" for at in range(5)]
    assert [line for line, _verdict, _why in told(run)] == [2, 3, 4, 5, 6]


def test_rows_that_are_only_tried_are_compared_with_nobody(manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their signs would be written for nothing; what goes in has them, and so has what is saved after a trial."""
    signs: list[int] = []
    take_all = running._take_all

    def counted(*args: Any) -> Any:
        noted = take_all(*args)
        signs.append(ContactSign.objects.count())
        return noted

    monkeypatch.setattr(running, "_take_all", counted)
    before = ContactSign.objects.count()
    taken(brought(manager, "Name,E-mail\nTwin Oy,info@twin.example\nTwin Oyj,info@twin.example\n", key=""))
    assert signs[0] == before < signs[1]
    assert LikelyPair.objects.count() > 0


def test_a_stopped_run_goes_on_where_it_was(manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(running.AT_ONCE, "contacts", 2)
    run = checked(brought(manager, "Name\n" + "".join(f"C{at}\n" for at in range(5))))
    running.start(run)
    running.take_slice(run.pk)
    assert running.cancel(run.pk)
    work()
    assert Contact.objects.count() == 2
    assert running.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert Contact.objects.count() == 5 and len(told(run)) == 5


def test_two_imports_at_once_of_the_same_file(manager: User) -> None:
    columns = {"0": "external_key", "1": "name"}
    runs = [
        brought(manager, "Id,Name\n1,ACME\n2,Beta\n", system="hubspot", columns=columns, key="external_key")
        for _ in "ab"
    ]
    for run in runs:
        checked(run)
    for run in runs:
        running.start(run)
    work()
    assert [told(run)[0][1] for run in runs] == ["created", "unchanged"]
    assert Contact.objects.count() == 2


def test_what_was_made_for_a_refused_row_is_forgotten(manager: User) -> None:
    text = "Name,Company,E-mail,VAT number,Country\nAnn Lee,New Oy,,FI123,FI\nBo Ek,New Oy,,,\n"
    run = taken(brought(manager, text, missing=True))
    verdicts = [(line, verdict) for line, verdict, _why in told(run)]
    assert verdicts == [(2, "refused"), (3, "created")]
    assert Contact.objects.get(name="Bo Ek").company == Contact.objects.get(name="New Oy")


def test_a_row_that_is_too_long_and_one_that_arrived_garbled(manager: User) -> None:
    run = taken(brought(manager, "Name,City\nACME,Oulu,more\nB\ufffdta,Oulu\n" + "x" * 101 + ",Oulu\nGood,Oulu\n"))
    assert told(run) == [
        (2, "refused", "The row has more cells than there are headers: 3."),
        (3, "refused", "Some characters did not arrive as they were typed (�); type them anew."),
        (4, "refused", "Name: Ensure this value has at most 100 characters (it has 101)."),
        (5, "created", ""),
    ]


def test_a_file_that_breaks_off_says_so(manager: User) -> None:
    """At once where it is short; once all of it was read where it is long."""
    said = "The file ends in the middle of row %d: it was cut off, or a quotation mark is not closed."
    with pytest.raises(ValidationError) as caught:
        brought(manager, 'Name,City\nACME,Oulu\n"Beta,Turku\n')
    assert caught.value.messages == [said % 3]
    assert not ImportRun.objects.exists()
    run = checked(brought(manager, "Name,City\n" + "ACME,Oulu\n" * 300 + '"Beta,Turku\n'))
    assert (run.state, run.why, told(run, dry=True)) == ("broken", said % 302, [])
    assert waiting() == []


def test_who_lost_the_right_goes_no_further(manager: User) -> None:
    run = checked(brought(manager, "Name\nACME\n"))
    running.start(run)
    manager.groups.clear()
    work()
    run.refresh_from_db()
    assert (run.state, Contact.objects.count()) == ("stopped", 0)


def test_a_key_that_is_too_long_is_refused_with_its_row(manager: User) -> None:
    run = taken(brought(manager, f"Id,Name\n{'7' * 201},ACME\n8,Beta\n", key="external_key"))
    said = "The key of the other system is longer than 200 characters."
    assert told(run) == [(2, "refused", said), (3, "created", "")]
