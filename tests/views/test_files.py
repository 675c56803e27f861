"""Files of opportunities and contacts: what is taken, under which name, who has them, and what becomes of those removed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from collaboration import lifecycle
from collaboration.files import cleaned
from collaboration.models import Attachment
from contacts.models import Contact
from crm.lib.uploads import MEGABYTE
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Grant, Salesperson, User
from tests.factories import ContactFactory, make_opportunity, make_user
from upkeep import merge as merging

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.ATTACHMENT_MOST_MB = 1
    return tmp_path / "files"


@pytest.fixture
def deal(company: Any, acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep)


@pytest.fixture(params=["opportunity", "contact"])
def record(request: pytest.FixtureRequest, deal: Opportunity) -> Any:
    return deal if request.param == "opportunity" else deal.contact


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def of(record: Any) -> str:
    return f"/collaboration/files/?{record._meta.model_name}={record.pk}"


def sent(name: str = "offer.pdf", content: bytes = b"%PDF-1", kind: str = "text/html") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type=kind)


def attached(record: Any, by: User, **file: Any) -> Attachment:
    (row,) = lifecycle.attach(record._meta.model_name, record.pk, files=[sent(**file)], by=by)
    return row


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# ── what is taken ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_several_are_attached_at_once_under_names_that_tell_nothing(
    client: Client, record: Any, rep: User, folder: Path
) -> None:
    answer = client.post(of(record), {"file": [sent(), sent("Prices of May.CSV", b"a,b")]})
    assert (answer.status_code, answer["Location"]) == (302, f"{record.get_absolute_url()}#files")
    rows = Attachment.objects.order_by("pk")
    field = record._meta.model_name
    assert [(row.name, row.size, row.content_type, row.uploaded_by, getattr(row, field)) for row in rows] == [
        ("offer.pdf", 6, "application/pdf", rep, record),
        ("Prices of May.CSV", 3, "text/csv", rep, record),
    ]
    assert {path.read_bytes() for path in kept(folder)} == {b"%PDF-1", b"a,b"}
    assert not [path for path in kept(folder) if "offer" in str(path) or path.suffix]
    assert {path.stat().st_mode & 0o777 for path in kept(folder)} == {0o600}
    page = client.get(of(record)).content.decode()
    assert "Prices of May.CSV" in page and "Rep" in page and "3\N{NO-BREAK SPACE}bytes" in page


def test_what_is_sent_in_place_is_answered_by_the_card(client: Client, deal: Opportunity) -> None:
    answer = client.post(of(deal), {"file": [sent()]}, headers=HX)
    said = answer.content.decode()
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "files-changed")
    assert "offer.pdf" in said and "The file is attached." in said and "<html" not in said


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\boot.txt", "boot.txt"),
        ("a\0b.pdf", "ab.pdf"),
        ("in\r\nvoice\t 1.pdf", "invoice 1.pdf"),
        ("cod\N{RIGHT-TO-LEFT OVERRIDE}fdp.txt", "codfdp.txt"),
        ("x" * 10_000 + ".pdf", "x" * 196 + ".pdf"),
        ("y" * 10_000, "y" * 200),
        ("Angebot für Müller.pdf", "Angebot für Müller.pdf"),
    ],
)
def test_a_name_is_one_line_without_a_path_or_marks(name: str, known: str) -> None:
    assert cleaned(name) == known


def test_a_hostile_name_stays_in_the_folder(client: Client, deal: Opportunity, folder: Path) -> None:
    hostile = ("../../outside.txt", "/etc/cron.d/x.txt", "a\N{RIGHT-TO-LEFT OVERRIDE}txt.pdf")
    client.post(of(deal), {"file": [sent(name) for name in hostile]})
    assert sorted(row.name for row in Attachment.objects.all()) == ["atxt.pdf", "outside.txt", "x.txt"]
    assert len(kept(folder)) == 3 and kept(folder.parent) == kept(folder)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        *((f"page.{kind}", b"x", "is of a kind that is not taken") for kind in ("html", "svg", "js", "exe", "pdf.exe")),
        *((name, b"x", "is of a kind that is not taken") for name in ("page.html.", "pdf", ".pdf", "page.pdf/x")),
        ("empty.pdf", b"", "“empty.pdf” is empty."),
        ("large.pdf", b"x" * (MEGABYTE + 1), "“large.pdf” is larger than 1 MB."),
    ],
)
def test_refused_by_the_name_and_nothing_of_it_is_kept(
    client: Client, deal: Opportunity, folder: Path, name: str, content: bytes, said: str
) -> None:
    """With it what was sent along."""
    answer = client.post(of(deal), {"file": [sent(), sent(name, content, "application/pdf")]})
    assert answer.status_code == 422
    (error,) = answer.context["form"].errors["file"]
    assert said in error
    assert (Attachment.objects.count(), kept(folder)) == (0, [])


def test_as_large_as_may_be_is_taken(client: Client, deal: Opportunity) -> None:
    assert client.post(of(deal), {"file": [sent(content=b"x" * MEGABYTE)]}).status_code == 302
    assert Attachment.objects.get().size == MEGABYTE


def test_what_comes_by_way_of_the_disk_is_moved_into_the_folder(
    client: Client, deal: Opportunity, folder: Path, settings: Any
) -> None:
    settings.ATTACHMENT_MOST_MB = 3
    assert client.post(of(deal), {"file": [sent(content=b"x" * 3 * MEGABYTE)]}).status_code == 302
    (path,) = kept(folder)
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (3 * MEGABYTE, 0o600)


def test_what_is_too_large_is_dropped_while_it_comes(client: Client, deal: Opportunity) -> None:
    """Its bytes reach neither memory nor disk; its size is known."""
    answer = client.post(of(deal), {"file": [sent(content=b"x" * 4 * MEGABYTE)]})
    (file,) = answer.wsgi_request.FILES.getlist("file")
    assert (file.size, file.file) == (4 * MEGABYTE, None)


def test_none_and_too_many_at_once(client: Client, deal: Opportunity) -> None:
    for files, said in (([], "Choose a file first."), ([sent()] * 11, "At most 10 files at once.")):
        answer = client.post(of(deal), {"file": files})
        assert (answer.status_code, answer.context["form"].errors["file"]) == (422, [said])
    assert client.post(of(deal), {"file": [sent() for _ in range(10)]}).status_code == 302


def test_a_record_has_a_hundred_at_most(deal: Opportunity, rep: User, folder: Path) -> None:
    given = {"opportunity": deal, "size": 1, "content_type": "text/plain", "uploaded_by": rep}
    Attachment.objects.bulk_create(Attachment(name="a.txt", file=str(key), **given) for key in range(99))
    first = attached(deal, rep)
    with pytest.raises(ValidationError) as refusal:
        attached(deal, rep)
    assert refusal.value.message_dict == {"file": ["At most 100 files hang on one record."]}
    assert len(kept(folder)) == 1
    lifecycle.remove(first, by=rep)
    attached(deal, rep)


def test_rows_that_must_not_exist(deal: Opportunity, rep: User) -> None:
    given = {"opportunity": deal, "name": "a.txt", "size": 1, "uploaded_by": rep, "file": "a"}
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("attachment_is_of_one_record", {"contact": deal.contact}),
        ("attachment_is_of_one_record", {"opportunity": None}),
        ("attachment_is_not_empty", {"size": 0}),
        ("attachment_is_not_nameless", {"name": " "}),
        ("attachment_is_removed_by_somebody", {"removed_by": rep}),
    )
    for name, values in wrong:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Attachment.objects.create(**given | values)


# ── the file and its row are one ─────────────────────────────────────────────────────────────────────────────────────


def test_no_file_is_left_where_the_row_is_not_committed(
    deal: Opportunity, rep: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_named: Any) -> None:
        assert len(kept(folder)) == 1
        raise RuntimeError

    monkeypatch.setattr(Attachment.objects, "bulk_create", fail)
    with pytest.raises(RuntimeError):
        attached(deal, rep)
    assert kept(folder) == []


@pytest.mark.django_db(transaction=True)
def test_it_is_not_attached_within_somebody_elses_transaction(deal: Opportunity, rep: User, folder: Path) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        attached(deal, rep)
    assert (Attachment.objects.count(), kept(folder)) == (0, [])


def test_a_removed_one_goes_with_the_commit_and_its_row_stays(
    client: Client,
    record: Any,
    rep: User,
    folder: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    row = attached(record, rep)
    asked = client.get(f"/collaboration/files/{row.pk}/remove/")
    assert "does not come back" in asked.content.decode()
    with django_capture_on_commit_callbacks() as callbacks:
        answer = client.post(f"/collaboration/files/{row.pk}/remove/", headers=HX)
    assert (answer.status_code, answer["HX-Trigger"], answer["HX-Retarget"]) == (200, "files-changed", "#files")
    assert "No file yet." in answer.content.decode()
    assert len(kept(folder)) == 1 and len(callbacks) == 1
    callbacks[0]()
    row.refresh_from_db()
    assert (kept(folder), row.removed_by, row.name) == ([], rep, "offer.pdf") and row.removed_at
    assert not lifecycle.remove(row, by=rep)
    for address in ("", "remove/"):
        assert client.get(f"/collaboration/files/{row.pk}/{address}").status_code == 404
    page = client.get(record.get_absolute_url()).content.decode()
    assert "File “offer.pdf” attached" in page and "File “offer.pdf” removed" in page


def test_a_merge_takes_them_along_and_back(deal: Opportunity, rep: User, manager: User, company: Any) -> None:
    twin = ContactFactory(name="Acme again")
    row = attached(twin, rep)
    both = Contact.objects.filter(pk__in=[deal.contact_id, twin.pk])
    (done,) = merging.merge(
        [deal.contact_id, twin.pk],
        survivor=deal.contact_id,
        picks={},
        seen=merging.fingerprint(both),
        by=manager,
        on=company.today(),
    )
    row.refresh_from_db()
    assert row.contact_id == deal.contact_id and ("files", 1) in [(str(what), many) for what, many in done.moved]
    merging.undo(done.merge.pk, by=manager, on=company.today())
    row.refresh_from_db()
    assert row.contact_id == twin.pk


# ── who has them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_download_is_a_file_to_keep_and_nothing_else(client: Client, record: Any, rep: User) -> None:
    row = attached(record, rep, name="Räkning; 1.txt", content=b"<script>alert(1)</script>")
    answer: Any = client.get(f"/collaboration/files/{row.pk}/")
    assert answer.streaming and answer.getvalue() == b"<script>alert(1)</script>"
    assert {name: answer[name] for name in ("Content-Type", "Content-Disposition", "Content-Length")} == {
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment; filename*=utf-8''R%C3%A4kning%3B%201.txt",
        "Content-Length": "25",
    }
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, no-store"


def test_of_a_record_that_is_not_seen_there_is_none(client_for: Sign, deal: Opportunity, rep: User, rep2: User) -> None:
    row, other = attached(deal, rep), client_for(rep2)
    for address in (of(deal), f"/collaboration/files/{row.pk}/", f"/collaboration/files/{row.pk}/remove/"):
        assert other.get(address).status_code == other.post(address).status_code == 404 or address.endswith(
            f"{row.pk}/"
        )
        assert other.get(address).status_code == 404
    for wrong in ("", "?opportunity=x", "?contact=999999", "?task=1"):
        assert other.get(f"/collaboration/files/{wrong}").status_code == 404


def test_who_only_sees_reads_and_who_attached_removes(
    client_for: Sign, deal: Opportunity, rep: User, rep2: User, of: Salesperson, viewer: User
) -> None:
    """Who it was shared with to see may attach, like comment; what others attached stays."""
    Grant.objects.create(opportunity=deal, salesperson=of)
    theirs, mine = attached(deal, rep), attached(deal, rep2)
    address = f"/collaboration/files/?opportunity={deal.pk}"
    assert client_for(viewer).get(address).context["form"] is None
    assert client_for(viewer).post(address, {"file": [sent()]}).status_code == 403
    for user, row, status in ((viewer, theirs, 403), (rep2, theirs, 403), (rep2, mine, 200), (rep, mine, 200)):
        shown = dict(client_for(user).get(address).context["files"])
        answer: Any = client_for(user).get(f"/collaboration/files/{row.pk}/")
        assert (answer.status_code, answer.getvalue()) == (200, b"%PDF-1")
        assert client_for(user).get(f"/collaboration/files/{row.pk}/remove/").status_code == status
        assert shown[row] is (status == 200)


def test_a_file_that_is_gone_from_the_disk_is_said_in_words(client: Client, deal: Opportunity, rep: User) -> None:
    row = attached(deal, rep)
    Path(row.file.path).unlink()
    answer = client.get(f"/collaboration/files/{row.pk}/")
    assert answer.status_code == 404 and "its content is not where the files are kept" in answer.content.decode()
    assert "offer.pdf" in client.get(of(deal)).content.decode()


@pytest.mark.parametrize("many", [1, 20])
def test_what_the_card_costs(
    client: Client, deal: Opportunity, rep: User, many: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(many):
        attached(deal, make_user(f"{number}@example.com"))
    client.get(of(deal))
    with django_assert_num_queries(4):  # session, user, opportunity, files
        assert len(client.get(of(deal)).context["files"]) == many
