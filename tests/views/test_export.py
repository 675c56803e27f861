"""A list as a file: exactly what is filtered, sorted and shown, values as what they are, and nothing that a spreadsheet runs."""

import csv
import datetime
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection, transaction
from django.db.models import F, Func, IntegerField
from django.test import Client
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lib.listing import export, selection
from crm.lib.listing.files import NOT_IN_A_CELL
from opportunities import lifecycle
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from quotes.listing import QUOTES
from salescycles.models import CloseCode, SalesCycle
from salespeople.listing import SALESPEOPLE
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tasks.listing import TASKS
from tests.factories import WORK_DATE, ContactFactory, QuoteFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
LIST, FILE = "/opportunities/", "/opportunities/export/"
LISTINGS = (OPPORTUNITIES, CONTACTS, SALESPEOPLE, QUOTES, TASKS)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


@pytest.fixture
def deals(
    acme: Contact, ann: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle, company: Company
) -> list[Opportunity]:
    """Eleven with ties and blanks; each third without salesperson, two lost."""
    today, made = company.today(), []
    for number in range(11):
        stage = (None, 1, 2)[number % 3]
        made.append(
            make_opportunity(
                contact=(acme, ann)[number % 2],
                salesperson=(jo, of)[number // 3 % 2] if stage else None,
                cycle=cycle if stage else None,
                stage=stage,
                estimated_value=(1000, Decimal("0.55"), 70)[number % 3] if stage else None,
                description=f"deal {number % 4}",
                closing_on=today + datetime.timedelta(days=number % 3) if stage else None,
                on=today,
            )
        )
    lost = CloseCode.objects.create(code="L", outcome="lost")
    for deal in made[1:6:4]:
        lifecycle.close(fresh(deal), version=deal.version, outcome="lost", close_code=lost, on=today, by=None)
    return [fresh(deal) for deal in made]


def csv_of(client: Client, query: str, place: str = FILE) -> list[list[str]]:
    response = client.get(f"{place}?{query}&as=csv")
    assert response.status_code == 200, response.getvalue().decode()
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def sheet_of(client: Client, query: str, place: str = FILE) -> Any:
    response = client.get(f"{place}?{query}&as=xlsx")
    assert response.status_code == 200, response.getvalue().decode()
    book = load_workbook(io.BytesIO(response.getvalue()))
    assert len(book.sheetnames) == 1
    return book.active


def values(sheet: Any) -> list[list[Any]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.fixture
def strange(acme: Contact, jo: Salesperson, cycle: SalesCycle, company: Company) -> Opportunity:
    Contact.objects.filter(pk=acme.pk).update(name='A "quoted", ünïcode 🙂', country="FI")
    Salesperson.objects.filter(pk=jo.pk).update(name="@jo", job_title="-1")
    return make_opportunity(
        contact=acme,
        salesperson=jo,
        cycle=cycle,
        stage=2,
        estimated_value=Decimal("1234567.80"),
        description="=HYPERLINK(1)",
        number="OP-1",
        closing_on=datetime.date(2099, 12, 31),
        on=company.today(),
        priority="high",
    )


SHOWN = (
    "number,description,contact,salesperson,salesperson_job_title,stage,estimated_value,probability,calculated_value,"
    "closing_on,status,priority,contact_country,chances_are_manual,sales_value,closed_on"
)


def test_a_csv_file_to_the_byte(client_for: Sign, manager: User, strange: Opportunity) -> None:
    response = client_for(manager).get(f"{FILE}?columns={SHOWN}&as=csv")
    told = response.getvalue()
    assert told.decode() == (
        "\ufeffNumber,Description,Contact,Salesperson,Salesperson's job title,Stage,Estimated value,Probability %,"
        "Calculated value,Closing date,Status,Priority,Contact's country,Manual chances,Sales value,Date closed\r\n"
        'OP-1,\'=HYPERLINK(1),"A ""quoted"", ünïcode 🙂",\'@jo,\'-1,Present,1234567.80,24.00,296296.27,'
        "2099-12-31,In progress,High,Finland,no,,\r\n"
    )
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert int(response["Content-Length"]) == len(told)
    assert "no-store" in response["Cache-Control"]


def test_a_sheet_has_what_the_values_are(client_for: Sign, manager: User, strange: Opportunity) -> None:
    sheet = sheet_of(client_for(manager), f"columns={SHOWN}")
    cells = {head.value: cell for head, cell in zip(*sheet.iter_rows(max_row=2), strict=True)}
    assert {name: (cell.value, cell.data_type, cell.number_format) for name, cell in cells.items()} == {
        "Number": ("OP-1", "s", "General"),
        "Description": ("=HYPERLINK(1)", "s", "General"),
        "Contact": ('A "quoted", ünïcode 🙂', "s", "General"),
        "Salesperson": ("@jo", "s", "General"),
        "Salesperson's job title": ("-1", "s", "General"),
        "Stage": ("Present", "s", "General"),
        "Estimated value": (1234567.8, "n", "#,##0.00 [$EUR]"),
        "Probability %": (0.24, "n", "0.00%"),
        "Calculated value": (296296.27, "n", "#,##0.00 [$EUR]"),
        "Closing date": (datetime.datetime.fromisoformat("2099-12-31"), "d", "yyyy-mm-dd"),
        "Status": ("In progress", "s", "General"),
        "Priority": ("High", "s", "General"),
        "Contact's country": ("Finland", "s", "General"),
        "Manual chances": ("no", "s", "General"),
        "Sales value": (None, "n", "General"),
        "Date closed": (None, "n", "General"),
    }
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Opportunities", "A2", "A1:P2")
    assert all(head.font.b for head in sheet[1])
    widths = [sheet.column_dimensions[letter].width for letter in "AGJ"]
    assert [round(width) for width in widths] == [33, 20, 17]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(client_for: Sign, manager: User, acme: Contact, text: str) -> None:
    """In every text of a contact; a sheet has no carriage returns."""
    words = ("name", "city", "county", "job_title", "address")
    Contact.objects.filter(pk=acme.pk).update(**dict.fromkeys(words, text))
    client, query = client_for(manager), f"columns={','.join(words)}"
    assert csv_of(client, query, "/contacts/export/")[1] == [f"'{text}"] * 5
    sheet = sheet_of(client, query, "/contacts/export/")
    assert [(cell.value, cell.data_type) for cell in sheet[2]] == [(text.replace("\r", ""), "s")] * 5


def test_numbers_below_zero_stay_numbers(
    client_for: Sign, manager: User, strange: Opportunity, company: Company
) -> None:
    """Nothing of ours is below zero today: the writer does not know that."""
    rows = Opportunity.objects.values("pk")
    sheet = export.Sheet("x", [export.Field("n", export.Kind.MONEY, -F("estimated_value"))], rows, "JPY")
    as_csv, as_xlsx = io.BytesIO(), io.BytesIO()
    export.write_csv(sheet, as_csv)
    export.write_xlsx(sheet, as_xlsx)
    assert as_csv.getvalue().decode("utf-8-sig") == "n\r\n-1234567.80\r\n"
    cell = load_workbook(as_xlsx).active["A2"]
    assert (cell.value, cell.data_type, cell.number_format) == (-1234567.8, "n", "#,##0 [$JPY]")


def test_what_a_sheet_cannot_hold_is_cleaned(client_for: Sign, manager: User, acme: Contact) -> None:
    text = "a\x01b\x0bc\x1fd\ufffee\nf"
    assert NOT_IN_A_CELL.sub("", text) == "abcde\nf"
    Contact.objects.filter(pk=acme.pk).update(name=text)
    client = client_for(manager)
    assert values(sheet_of(client, "columns=name", "/contacts/export/")) == [["Name"], ["abcde\nf"]]
    assert csv_of(client, "columns=name", "/contacts/export/") == [["Name"], [text]]


def test_days_before_a_sheet_knows_any_are_text(client_for: Sign, manager: User, strange: Opportunity) -> None:
    QuoteFactory(opportunity=strange, quoted_on=datetime.date(1899, 12, 31))
    assert values(sheet_of(client_for(manager), "columns=quoted_on", "/quotes/export/")) == [["Date"], ["1899-12-31"]]


def test_in_the_persons_language_and_zone(client_for: Sign, manager: User, acme: Contact) -> None:
    User.objects.filter(pk=manager.pk).update(language="de", time_zone="America/New_York")
    moment = datetime.datetime(2026, 1, 1, 3, 30, 15, 999999, tzinfo=datetime.UTC)
    Contact.objects.filter(pk=acme.pk).update(created_at=moment, country="FI")
    client, query = client_for(manager), "columns=kind,country,privacy_blocked,created_at"
    told = csv_of(client, query, "/contacts/export/")
    assert told == [
        ["Art", "Land", "Datenschutzsperre", told[0][3]],
        ["Unternehmen", "Finnland", "nein", "2025-12-31 22:30:15"],
    ]
    sheet = values(sheet_of(client, query, "/contacts/export/"))
    assert sheet == [told[0], [*told[1][:3], datetime.datetime.fromisoformat("2025-12-31T22:30:15")]]


# ── the same rows as the list ────────────────────────────────────────────────────────────────────────────────────────


def walked(client: Client, query: str, place: str = LIST) -> Iterator[Any]:
    """The rows of every page of the list."""
    url: str | None = f"?{query}"
    while url:
        page = client.get(f"{place}{url}")
        assert page.status_code == 200
        yield from page.context["page"]
        url = {link["word"]: link["url"] for link in page.context["pages"]}.get("next")


@pytest.mark.parametrize(
    "query",
    [
        "columns=number",
        "columns=number,status&order=-estimated_value,closing_on&q=deal",
        "columns=number&group=salesperson&order=-description",
        "columns=number&status=in_progress&where=1:closing_on:is:next_30_days",
        "columns=number&salesperson=none",
        "columns=number&order=number&status=won",
        "columns=number&where=1:closing_on:less_ahead:0",
    ],
)
def test_rows_and_order_are_those_of_the_list(
    client_for: Sign, manager: User, deals: list[Opportunity], query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PAGE", 4)
    client = client_for(manager)
    expected = [row["number"] for row in walked(client, query)]
    assert [row[0] for row in csv_of(client, query)[1:]] == expected
    assert [row[0] for row in values(sheet_of(client, query))[1:]] == expected
    assert bool(expected) is not query.endswith(("won", "ahead:0"))


def test_a_file_is_always_whole(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    """A page and its place say nothing for a file."""
    client = client_for(manager)
    for query in ("before=end", "after=WzFd", "embedded=1", "after=nonsense&before=nonsense"):
        assert len(csv_of(client, query)) == 12, query


def test_usual_columns_without_any_chosen(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    assert csv_of(client_for(manager), "")[0] == [str(column.label) for column in OPPORTUNITIES.usual]


@pytest.mark.parametrize("who", ["rep", "rep2", "manager", "administrator", "viewer", "outsider"])
def test_list_pages_board_and_file_agree(
    request: pytest.FixtureRequest,
    client_for: Sign,
    deals: list[Opportunity],
    who: str,
    cycle: SalesCycle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For every role: the count in the list's header, its pages, the board's headers of open ones, both files."""
    monkeypatch.setattr(selection, "PAGE", 3)
    client = client_for(request.getfixturevalue(who))
    query = f"status=open&sales_cycle={cycle.pk}&columns=number,estimated_value"
    for each in ("columns=number,estimated_value", query):
        totals = client.get(f"{LIST}?{each}").context["totals"]
        pages = [row["number"] for row in walked(client, each)]
        rows, sheet = csv_of(client, each)[1:], values(sheet_of(client, each))[1:]
        assert (len(pages), len(rows), len(sheet)) == (totals.count,) * 3
        assert pages == [number for number, _ in rows] == [number for number, _ in sheet]
        assert sum(Decimal(value) for _, value in rows if value) == (totals["estimated_value"] or 0)
    board = client.get(f"{LIST}board/?sales_cycle={cycle.pk}")
    heads = [column.totals.count for column in board.context["columns"] if not column.is_closed]
    assert sum(heads) == totals.count
    seen = {"rep": 3, "rep2": 2, "outsider": 0}
    assert totals.count == seen.get(who, 5)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.space)
def test_every_list_with_every_column(client_for: Sign, manager: User, strange: Opportunity, listing: Any) -> None:
    QuoteFactory(opportunity=strange)
    tasks.create(description="Call", salesperson=strange.salesperson, opportunity=strange, on=WORK_DATE, by=None)
    client, place = client_for(manager), f"/{listing.space}/export/"
    query = f"columns={','.join(column.name for column in listing.columns[:30])}"
    told, sheet = csv_of(client, query, place), values(sheet_of(client, query, place))
    assert told[0] == sheet[0] == [str(column.label) for column in listing.columns[:30]]
    assert len(told) == len(sheet) == client.get(f"/{listing.space}/").context["totals"].count + 1 > 1


# ── who may, and what is refused ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_who_may_not_see_the_list_gets_no_file(
    client_for: Sign, outsider: User, deals: list[Opportunity], kind: str
) -> None:
    client = client_for(outsider)
    for listing in LISTINGS[1:]:
        assert client.get(f"/{listing.space}/export/?as={kind}").status_code == 403
    assert len(csv_of(client, "")) == 1, "headings alone"
    assert Client().get(f"{FILE}?as={kind}")["Location"].startswith("/login/")


def test_only_read(client_for: Sign, manager: User) -> None:
    client = client_for(manager)
    assert client.post(f"{FILE}?as=csv").status_code == 405
    head = client.head(f"{FILE}?as=csv")
    assert (head.status_code, head.getvalue()) == (200, b"")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Choose what kind of file it shall be."),
        ("as=", "Choose what kind of file it shall be."),
        ("as=pdf", "Choose what kind of file it shall be."),
        ("as=csv&as=CSV", "Choose what kind of file it shall be."),
        ("as=csv&status=nonsense", "Status: Select a valid choice."),
        ("as=csv&value_from=lots", "Value from: Enter a number."),
        ("as=xlsx&where=1:nothing:is:5", "this list has no such column"),
        ("as=csv&columns=number,nonsense", "Nobody knows these parts of the address: columns=nonsense"),
        ("as=xlsx&order=nonsense&colour=red", "Nobody knows these parts of the address: colour, order=nonsense"),
        ("as=csv&group=description", "Nobody knows these parts of the address: group=description"),
    ],
)
def test_what_is_not_understood_is_said_and_no_file(client_for: Sign, manager: User, query: str, said: str) -> None:
    response = client_for(manager).get(f"{FILE}?{query}")
    assert response.status_code == 422 and not response.streaming
    assert said in " ".join(response.context["refusals"])
    assert "No file was made" in response.content.decode()
    assert "Content-Disposition" not in response


def test_a_sheet_has_so_much_room(
    client_for: Sign, manager: User, deals: list[Opportunity], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for(manager)
    monkeypatch.setattr(export, "MOST_ROWS", 11)
    assert len(values(sheet_of(client, "columns=number"))) == 12
    monkeypatch.setattr(export, "MOST_ROWS", 10)
    refused = client.get(f"{FILE}?columns=number&as=xlsx")
    assert refused.status_code == 422
    assert refused.context["refusals"] == ["A sheet of XLSX has room for 10 rows. CSV has no such limit."]
    assert f'href="{FILE}?columns=number&amp;as=csv"' in refused.content.decode()
    assert len(csv_of(client, "columns=number")) == 12


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_database_that_takes_too_long(
    client_for: Sign, manager: User, deals: list[Opportunity], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before anything is sent: no file ends in its middle."""
    write = export.WRITERS[kind]

    def slowly(sheet: Any, file: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 50")
            slow = Func(template="(pg_sleep(5) IS NULL)::int", output_field=IntegerField())
            write(sheet._replace(fields=[export.Field("n", export.Kind.NUMBER, slow)]), file)

    monkeypatch.setitem(export.WRITERS, kind, slowly)
    response = client_for(manager).get(f"{FILE}?as={kind}")
    assert response.status_code == 503
    assert response.context["refusals"][0].startswith("The database took too long.")


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_open(
    client_for: Sign, manager: User, deals: list[Opportunity], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside a transaction a cursor would outlive its query, and the connection goes back to the pool."""
    client = client_for(manager)

    def open_cursors() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE is_holdable")
            return cursor.fetchone()[0]

    assert len(values(sheet_of(client, ""))) == 12
    assert open_cursors() == 0
    seen: list[int] = []

    def failing(*_: Any) -> None:
        seen.append(open_cursors())
        raise RuntimeError

    monkeypatch.setattr("crm.lib.listing.files._writer", lambda *_: failing)
    with pytest.raises(RuntimeError):
        client.get(f"{FILE}?as=xlsx")
    assert (seen, open_cursors()) == ([1], 0)


@pytest.mark.parametrize(("kind", "count"), [("csv", 3), ("xlsx", 4)])
@pytest.mark.parametrize("many", [1, 40])
def test_queries(
    client_for: Sign,
    manager: User,
    deals: list[Opportunity],
    company: Company,
    kind: str,
    count: int,
    many: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """Session, user, the rows; for XLSX their count; names only where the address has keys."""
    ContactFactory.create_batch(many)
    client = client_for(manager)
    client.get(LIST)
    for place in (FILE, "/contacts/export/"):
        with django_assert_num_queries(count):
            assert client.get(f"{place}?as={kind}").getvalue()
    with django_assert_num_queries(count + 1):
        assert client.get(f"{FILE}?as={kind}&salesperson={deals[1].salesperson_id}").getvalue()


# ── the pages that offer it ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_name_of_the_file(client_for: Sign, manager: User, company: Company) -> None:
    client = client_for(manager)
    today = company.today()
    for kind in ("csv", "xlsx"):
        response = client.get(f"{FILE}?as={kind}")
        assert response["Content-Disposition"] == f'attachment; filename="Opportunities {today}.{kind}"'
        assert response.getvalue()
    User.objects.filter(pk=manager.pk).update(language="de")
    response = client.get("/salespeople/export/?as=csv")
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''Verk%C3%A4ufer%20{today}.csv"
    assert response.getvalue()


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.space)
def test_a_list_offers_its_files(client_for: Sign, manager: User, strange: Opportunity, listing: Any) -> None:
    client = client_for(manager)
    page = client.get(f"/{listing.space}/?q=x&order=number&after=nonsense").content.decode()
    for kind in ("csv", "xlsx"):
        word = "" if "number" not in listing.by_name else "&amp;order=number"
        assert f'href="/{listing.space}/export/?q=x{word}&amp;as={kind}"' in page
    assert "/export/" not in client.get(f"/{listing.space}/?embedded=1").content.decode()


def test_the_board_offers_the_list_as_a_file(
    client_for: Sign, manager: User, deals: list[Opportunity], cycle: SalesCycle
) -> None:
    client = client_for(manager)
    page = client.get(f"{LIST}board/?q=deal&order=-estimated_value&cards=compact").content.decode()
    assert f'href="{FILE}?q=deal&amp;sales_cycle={cycle.pk}&amp;as=csv"' in page
    assert len(csv_of(client, f"q=deal&sales_cycle={cycle.pk}")) == 8


def test_a_file_is_smaller_than_its_rows(client_for: Sign, manager: User, deals: list[Opportunity]) -> None:
    """The sheet is packed, and no part of it names this machine or a person."""
    response = client_for(manager).get(f"{FILE}?as=xlsx")
    with ZipFile(io.BytesIO(response.getvalue())) as file:
        assert "<f>" not in file.read("xl/worksheets/sheet1.xml").decode()
        assert manager.email not in file.read("docProps/core.xml").decode()
