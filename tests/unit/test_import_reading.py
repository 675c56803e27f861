"""Files as rows: encodings, delimiters, formats of dates and numbers, and what is not believed of a file."""

import codecs
import datetime
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from openpyxl import Workbook
from xlsxwriter import Workbook as Written

from upkeep.importing import reading, sheets, values
from upkeep.importing.reading import Row, Unreadable, detected, headers_of, read_spool, rows, sample_of, write_spool

TEXT = "Nimi;Città;Größe\r\nÄlä Öy;Forlì;1\r\n"


def of(path: Path, content: bytes, name: str = "rows.csv") -> tuple[Path, dict[str, str]]:
    path = path / name
    path.write_bytes(content)
    return path, detected(path, name)


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8-sig"),
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_encodings_are_detected(tmp_path: Path, encoding: str, mark: bytes, found: str) -> None:
    path, how = of(tmp_path, mark + TEXT.encode(encoding))
    assert how == {"format": "csv", "encoding": found, "delimiter": ";"}
    assert headers_of(path, how) == ["Nimi", "Città", "Größe"]
    assert sample_of(path, how)[0].cells == ["Älä Öy", "Forlì", "1"]


def test_cyrillic_is_told_from_latin(tmp_path: Path) -> None:
    text = "Имя,Город\n" + "Общество с ограниченной ответственностью,Санкт-Петербург\n" * 20
    assert of(tmp_path, text.encode("cp1251"))[1]["encoding"] == "cp1251"


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiters_are_detected(tmp_path: Path, sign: str) -> None:
    lines = [["Name", "Value", "Note"], ["ACME", "1.5", "x"], ["Beta", "2.5", "y"]]
    path, how = of(tmp_path, "\n".join(sign.join(line) for line in lines).encode())
    assert how["delimiter"] == sign
    assert [row.cells for row in sample_of(path, how)] == lines[1:]


def test_mixed_ends_of_lines_marks_in_the_middle_and_duplicate_headers(tmp_path: Path) -> None:
    path, how = of(tmp_path, "Name,Name\r\nA,1\nB,2\rC,3\n\ufeffD,'=4\n\n".encode())
    assert headers_of(path, how) == ["Name", "Name"]
    told = [(row.line, row.cells) for row in sample_of(path, how)]
    assert told == [(2, ["A", "1"]), (3, ["B", "2"]), (4, ["C", "3"]), (5, ["D", "=4"])]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n", "The file is empty."),
        (b"\xd0\xcf\x11\xe0abc", "This is a spreadsheet in the old format XLS. Save it as XLSX or CSV."),
        (b"PK\x03\x04 cut off", "The spreadsheet is damaged or cut off, or it is no XLSX file."),
    ],
)
def test_what_is_no_file_of_rows(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why[:-1]):
        of(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            'a,b\n1,"2\n3,4\n',
            "The file ends in the middle of row 2: it was cut off, or a quotation mark is not closed.",
        ),
        (
            'a,b\n1,"2"3\n',
            "Row 2 cannot be read: after a closing quotation mark comes something else than the delimiter.",
        ),
        ("a,b\n1," + "x" * 100_001 + "\n", "A cell of row 2 has more than 100000 characters."),
    ],
)
def test_what_breaks_off(tmp_path: Path, text: str, why: str) -> None:
    path, how = of(tmp_path, text.encode())
    with pytest.raises(Unreadable) as caught:
        list(reading.rows(path, how))
    assert str(caught.value).startswith(why)


def test_5000_columns(tmp_path: Path) -> None:
    path, how = of(tmp_path, (",".join(f"c{at}" for at in range(5000)) + "\n").encode())
    with pytest.raises(Unreadable, match="The file has 5000 columns; at most 500 are read"):
        headers_of(path, how)


def test_another_encoding_than_chosen(tmp_path: Path) -> None:
    path, how = of(tmp_path, TEXT.encode("cp1252"))
    with pytest.raises(Unreadable, match="The file is not in UTF-8: choose another encoding"):
        headers_of(path, how | {"encoding": "utf-8-sig"})


def book(path: Path, *lines: list[Any]) -> Path:
    file = Workbook()
    for line in lines:
        file.active.append(line)
    file.save(path)
    return path


def test_a_spreadsheet(tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 31)
    path = book(
        tmp_path / "a.xlsx", ["Name", "Day", "Value", "Sum"], ["ACME", day, 1234.5, "=1+1"], ["Beta", None, 7, True]
    )
    how = detected(path, "a.xlsx")
    assert how == {"format": "xlsx", "sheet": "Sheet"}
    assert [row.cells for row in sample_of(path, how)] == [
        ["ACME", "2026-01-31", Decimal("1234.5")],
        ["Beta", None, Decimal(7), "1"],
    ]


def test_a_spreadsheet_that_was_cut_off(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["Name"], *([f"row {at}"] for at in range(500)))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(Unreadable, match="damaged or cut off"):
        detected(path, "a.xlsx")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["Name"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/bomb.xml", "w") as file:
        for _ in range(150):
            file.write(b"0" * 1_000_000)
    with pytest.raises(Unreadable, match="Unpacked the spreadsheet would take 150 MB"):
        detected(path, "a.xlsx")


SHEET = '<worksheet xmlns="urn:x"><sheetData>{}</sheetData></worksheet>'
TEXTS = '<sst xmlns="urn:x">{}</sst>'


def inside(path: Path, **parts: str) -> Path:
    """A spreadsheet with a table of texts; its sheet or these written otherwise."""
    with Written(str(path)) as file:
        file.add_worksheet().write_string(0, 0, "A")
    names = {"xl/worksheets/sheet1.xml": "sheet", "xl/sharedStrings.xml": "texts"}
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, parts.get(names.get(name, ""), content))
    return path


def test_percentages_are_read_as_they_are_seen(tmp_path: Path) -> None:
    file = Workbook()
    file.active.append(["Chances", "Value"])
    file.active.append([0.375, 0.375])
    file.active["A2"].number_format = "0.0 %"
    file.save(tmp_path / "a.xlsx")
    how = {"format": "xlsx", "sheet": "Sheet"}
    assert sample_of(tmp_path / "a.xlsx", how)[0].cells == [Decimal("37.5"), Decimal("0.375")]


def test_texts_of_a_spreadsheet(tmp_path: Path) -> None:
    """In several fonts, with how they are said beside them, escaped; in the table, in the cell, or of a formula."""
    path = tmp_path / "a.xlsx"
    texts = "<si><r><t>Rich </t></r><r><t>text</t></r></si><si><t>山</t><rPh><t>yama</t></rPh></si><si><t>_x0041__x005F_x0042_</t></si>"
    cells = "".join(f'<c t="s"><v>{at}</v></c>' for at in range(3))
    cells += (
        '<c t="inlineStr"><is><t>in</t></is></c><c t="str"><f>A1</f><v>of a formula</v></c><c t="e"><v>#REF!</v></c>'
    )
    inside(
        path,
        texts=TEXTS.format(texts),
        sheet=SHEET.format(f'<row r="3">{cells}</row><row><c r="C4"><v>007</v></c></row>'),
    )
    (first, second) = rows(path, {"format": "xlsx"})
    assert first == Row(3, ["Rich text", "山", "A_x0042_", "in", "of a formula", "#REF!"])
    assert second == Row(4, [None, None, Decimal(7)])


def test_texts_are_read_as_far_as_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of them lie on the disk; a sheet may ask for them in any order."""
    monkeypatch.setattr(sheets, "CHUNK", 500)
    path = tmp_path / "a.xlsx"
    texts = TEXTS.format("".join(f"<si><t>tëxt {at}</t></si>" for at in range(1000)))
    numbers = [0, 999, 1, 500, 64, 63]
    cells = "".join(f'<row><c t="s"><v>{at}</v></c></row>' for at in numbers)
    inside(path, texts=texts, sheet=SHEET.format(cells))
    assert [row.cells for row in rows(path, {"format": "xlsx"})] == [[f"tëxt {at}"] for at in numbers]
    with path.open("rb") as file:
        opened = sheets.Book(file, 100)
        assert opened.text(3) == "tëxt 3" and opened._texts and opened._texts._count < 100
        opened.close()


@pytest.mark.parametrize(
    ("sheet", "why"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + SHEET.format("<row><c><v>&b;</v></c></row>"), "damaged"),
        (SHEET.format('<row><c t="s"><v>99</v></c></row>'), "damaged"),
        (SHEET.format('<row><c t="s"><v>-1</v></c></row>'), "damaged"),
        (SHEET.format('<row><c t="s"><v>one</v></c></row>'), "damaged"),
        (SHEET.format('<row r="99999999999"><c><v>1</v></c></row>'), "damaged"),
        (SHEET.format('<row r="0"><c><v>1</v></c></row>'), "damaged"),
        (SHEET.format('<row><c r="XFE1"><v>1</v></c></row>'), "damaged"),
        (SHEET.format('<row><c r="ABCDEFG1"><v>1</v></c></row>'), "damaged"),
        (SHEET.format('<row><c t="d"><v>never</v></c></row>'), "damaged"),
        (SHEET.format('<row><c s="x"><v>1</v></c></row>'), "damaged"),
        (SHEET.format("<row><c><v>1</v></row>"), "damaged"),
        (SHEET.format(f"<row><c t='str'><v>{'x' * 100_001}</v></c></row>"), "row 1 has more than 100000 characters"),
    ],
)
def test_a_sheet_that_is_none(tmp_path: Path, sheet: str, why: str) -> None:
    path = inside(tmp_path / "a.xlsx", sheet=sheet)
    with pytest.raises(Unreadable, match=why):
        list(rows(path, {"format": "xlsx"}))


def test_a_style_nobody_knows_is_none(tmp_path: Path) -> None:
    path = inside(tmp_path / "a.xlsx", sheet=SHEET.format('<row><c s="999"><v>1.5</v></c></row>'))
    assert [row.cells for row in rows(path, {"format": "xlsx"})] == [[Decimal("1.5")]]


def test_the_json_of_an_interface(tmp_path: Path) -> None:
    told = {
        "@odata.context": "x",
        "value": [{"@odata.etag": "y", "number": "CT1", "privacyBlocked": False, "amount": 1.5}],
    }
    path, how = of(tmp_path, json.dumps(told).encode(), "a.json")
    assert how == {"format": "json"}
    assert headers_of(path, how) == ["number", "privacyBlocked", "amount"]
    assert sample_of(path, how)[0].cells == ["CT1", "0", Decimal("1.5")]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Unreadable, match="The file is no JSON, or it was cut off"):
        headers_of(path, how)


def test_the_spool_is_taken_in_pieces(tmp_path: Path) -> None:
    path, how = of(tmp_path, b"a,b\n1,x\n2,y\n3,z\n")
    spool = tmp_path / "spool"
    with spool.open("wb") as file:
        assert write_spool(path, how, file) == 3
    first, offset = read_spool(spool, 0, 2)
    rest, end = read_spool(spool, offset, 2)
    assert [row.cells for row in first + rest] == [["1", "x"], ["2", "y"], ["3", "z"]]
    assert [row.line for row in first + rest] == [2, 3, 4]
    assert end == spool.stat().st_size and read_spool(spool, end, 2) == ([], end)


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("10/20/2016", "mdy", (2016, 10, 20)),
        ("20.10.2016", "dmy", (2016, 10, 20)),
        ("3-1-17", "dmy", (2017, 1, 3)),
        ("2016-10-20", "mdy", (2016, 10, 20)),
        ("2016-10-20T08:15:00Z", "dmy", (2016, 10, 20)),
        ("31.01.2026 14:30", "dmy", (2026, 1, 31)),
    ],
)
def test_days(text: str, order: str, day: tuple[int, int, int]) -> None:
    assert values.day(text, order) == datetime.date(*day)


@pytest.mark.parametrize(
    ("text", "order"), [("20/10/2016", "mdy"), ("2016-02-30", "ymd"), ("soon", "dmy"), ("1/1/0001", "dmy")]
)
def test_no_days(text: str, order: str) -> None:
    with pytest.raises(ValidationError, match="is no date in the format that was chosen"):
        values.day(text, order)


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("1,234.50", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234,5 €", ",", "1234.5"),
        ("$-12", ".", "-12"),
        ("1'000", ".", "1000"),
        ("35 %", ",", "35"),
    ],
)
def test_numbers(text: str, mark: str, number: str) -> None:
    assert values.number(text, mark) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "mark"), [("1.234,50", "."), ("12,34", "."), ("NaN", "."), ("a lot", ","), ("1,2,3", ",")]
)
def test_no_numbers(text: str, mark: str) -> None:
    with pytest.raises(ValidationError, match="is no number in the format that was chosen"):
        values.number(text, mark)


def test_formats_are_guessed() -> None:
    assert values.guessed_order(["1/2/2016", "10/20/2016"]) == "mdy"
    assert values.guessed_order(["1.2.2016", "20.10.2016"]) == "dmy"
    assert values.guessed_order(["2016-10-20"]) in ("dmy", "mdy", "ymd")
    assert values.guessed_mark(["1.234,50", "3"]) == ","
    assert values.guessed_mark(["1,234.50", "3"]) == "."
