"""Files as rows: CSV of any delimiter and encoding, XLSX, and the JSON of an interface. Nothing is believed of a file: how large it
becomes when unpacked, how wide and how long its rows are is bounded, and what cannot be read is said in a sentence.

Rows come one after the other, so memory does not grow with the file. A cell is a text, a number (Decimal) or nothing; dates of a
spreadsheet are texts like 2026-01-31.
"""

import codecs
import csv
import datetime
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.etree.ElementTree import ParseError

from charset_normalizer import from_bytes
from django.utils.translation import gettext_lazy as _
from openpyxl.utils.exceptions import InvalidFileException

from upkeep.importing.sheets import Book, Percent, TooLong, Value

Cell = str | Decimal | None
MOST_COLUMNS = 500
LONGEST_CELL = 100_000  # characters
MOST_UNPACKED = 2_000_000_000  # bytes of a spreadsheet
MOST_RATIO = 200  # how much smaller a packed file may be than what is in it
MOST_WHOLE = 50_000_000  # bytes of what is held in memory: JSON, and what of a spreadsheet says how it looks
STREAMED = re.compile(r"sharedStrings\.xml$|(^|/)worksheets/[^/]+\.xml$|(^|/)media/")
SAMPLE = 20  # rows
HEAD = 1_000_000  # bytes that are looked at to guess an encoding
BOM = "\ufeff"
ENCODINGS = (
    ("utf-8-sig", "UTF-8"),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16 LE"),
    ("utf-16-be", "UTF-16 BE"),
    ("cp1252", "Windows-1252"),
    ("cp1250", "Windows-1250"),
    ("cp1251", "Windows-1251"),
    ("cp1253", "Windows-1253"),
    ("cp1254", "Windows-1254"),
    ("cp1257", "Windows-1257"),
    ("iso8859-15", "ISO 8859-15"),
    ("mac-roman", "Mac Roman"),
)
DELIMITERS = ((",", _("Comma")), (";", _("Semicolon")), ("\t", _("Tab")), ("|", _("Bar")))
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257"]
ASCII = {chr(code) for code in range(128)}
# what is written in western Europe; a text of these alone is not taken for one of another code page
WESTERN = set("äöåéèàùìòâêîôûëïüçñßæøáíóúýÄÖÅÉÈÀÙÌÒÂÊÎÔÛËÏÜÇÑÆØÁÍÓÚÝ€–—’‘“”„…«»§°·´£•½¼µ±×\xa0")
FORMULA = ("=", "+", "-", "@")
ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}


DAMAGED = (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, EOFError, ParseError, ValueError, TypeError)


class Unreadable(Exception):
    """Says why, to a person."""

    def __init__(self, why: Any, **params: Any) -> None:
        super().__init__(str(why) % params if params else str(why))


class Row(NamedTuple):
    """`line` counts records from 1, the headers being the first."""

    line: int
    cells: list[Cell]


# ── what a file is ───────────────────────────────────────────────────────────────────────────────────────────────────


def detected(path: Path, name: str) -> dict[str, str]:
    """Format, encoding, delimiter or sheet, as far as the file tells them. Raises Unreadable."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip(b"\0 \t\r\n" + codecs.BOM_UTF8):
        raise Unreadable(_("The file is empty."))
    if head.startswith(b"PK\x03\x04"):
        return {"format": "xlsx", "sheet": _sheets(path)[0]}
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(_("This is a spreadsheet in the old format XLS. Save it as XLSX or CSV."))
    if head.lstrip(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[") and name.lower().endswith(".json"):
        return {"format": "json"}
    encoding = guessed_encoding(path, head)
    text = head.decode(encoding, "replace")
    return {"format": "csv", "encoding": encoding, "delimiter": guessed_delimiter(text)}


def guessed_encoding(path: Path, head: bytes) -> str:
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    if (half := head[:4000].count(0)) > len(head[:4000]) // 5:
        even = head[:4000:2].count(0)
        return "utf-16-be" if even > half - even else "utf-16-le"
    if _is_utf8(path):
        return "utf-8-sig"
    sample = b"\n".join(line for line in head.splitlines() if not line.isascii())[:20_000]
    if set(sample.decode("cp1252", "replace")) - ASCII <= WESTERN:
        return "cp1252"
    best = from_bytes(sample, cp_isolation=CODE_PAGES).best()
    known = best.encoding if best else ""
    return known if known in CODE_PAGES else "cp1252"


def _is_utf8(path: Path) -> bool:
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        with path.open("rb") as file:
            while chunk := file.read(HEAD):
                decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def guessed_delimiter(text: str) -> str:
    """The one by which the first lines fall into most columns, and as many in each."""
    lines = text.splitlines()[:SAMPLE]
    best, most = ",", 0.0
    for sign, _name in DELIMITERS:
        try:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=sign) if cells]
        except csv.Error:  # said once its rows are read
            continue
        width = widths[0] if widths else 1
        score = width * sum(each == width for each in widths) / max(len(widths), 1)
        if width > 1 and score > most:
            best, most = sign, score
    return best


# ── its rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def headers_of(path: Path, reading: dict[str, str]) -> list[str]:
    """Names of the columns; a nameless one with cells below is called by its place. Raises Unreadable."""
    first = next(rows(path, reading), None)
    if first is None:
        raise Unreadable(_("The file is empty."))
    names = [str(cell or "").strip() for cell in first.cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Unreadable(_("The first row has no names of columns."))
    if len(names) > MOST_COLUMNS:
        said = _("The file has %(count)d columns; at most %(most)d are read. Was the right delimiter found?")
        raise Unreadable(said, count=len(names), most=MOST_COLUMNS)
    return names


def sample_of(path: Path, reading: dict[str, str], count: int = SAMPLE) -> list[Row]:
    """Its first rows below the headers. Raises Unreadable."""
    return list(islice(rows(path, reading), 1, 1 + count))


def rows(path: Path, reading: dict[str, str]) -> Iterator[Row]:
    """The headers and all that is below them, but blank rows. Raises Unreadable."""
    how = {"csv": _csv, "xlsx": _xlsx, "json": _json}[reading["format"]]
    try:
        for row in how(path, reading):
            if any(cell not in (None, "") for cell in row.cells):
                yield row
    except UnicodeError as wrong:
        said = _("The file is not in %(encoding)s: choose another encoding.")
        raise Unreadable(said, encoding=dict(ENCODINGS).get(reading.get("encoding", ""), "UTF-8")) from wrong


def _csv(path: Path, reading: dict[str, str]) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    encoding, line = reading.get("encoding") or "utf-8-sig", 0
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=reading.get("delimiter") or ",", strict=True)
        try:
            for line, cells in enumerate(reader, start=1):
                yield Row(line, [_text(cell) for cell in cells])
        except csv.Error as wrong:
            raise Unreadable(_why(wrong), line=line + 1, most=LONGEST_CELL) from wrong


def _why(wrong: csv.Error) -> Any:
    if "unexpected end" in str(wrong):
        return _("The file ends in the middle of row %(line)d: it was cut off, or a quotation mark is not closed.")
    if "larger than" in str(wrong):
        return _("A cell of row %(line)d has more than %(most)d characters. Is a quotation mark not closed?")
    return _("Row %(line)d cannot be read: after a closing quotation mark comes something else than the delimiter.")


def _text(text: str) -> str:
    """Without marks of the beginning, which files put together have in the middle, and without the apostrophe by which exports
    keep a text from being a formula."""
    text = text.replace(BOM, "").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def _sheets(path: Path) -> list[str]:
    with _book(path) as book:
        return list(book.sheets)


@contextmanager
def _book(path: Path) -> Iterator[Any]:
    """The spreadsheet, once it is known how large it is. Raises Unreadable."""
    with ExitStack() as opened:
        try:
            refuse_bombs(path)
            # by its name it would be refused: a stored file has none that says what it is
            book = Book(opened.enter_context(path.open("rb")), LONGEST_CELL)
        except DAMAGED as wrong:
            raise Unreadable(_("The spreadsheet is damaged or cut off, or it is no XLSX file.")) from wrong
        opened.callback(book.close)
        if not book.sheets:
            raise Unreadable(_("The file is empty."))
        yield book


def refuse_bombs(path: Path) -> None:
    """Raises Unreadable, BadZipFile. What is in a packed file never becomes longer than it says beforehand."""
    with zipfile.ZipFile(path) as packed:
        unpacked = sum(part.file_size for part in packed.infolist())
        whole = sum(part.file_size for part in packed.infolist() if not STREAMED.search(part.filename))
    too_dense = unpacked > 100_000_000 and unpacked > MOST_RATIO * path.stat().st_size
    if unpacked > MOST_UNPACKED or too_dense:
        said = _("Unpacked the spreadsheet would take %(size)d MB. It was not opened.")
        raise Unreadable(said, size=unpacked // 1_000_000)
    if whole > MOST_WHOLE:
        raise Unreadable(_("The spreadsheet has more in it than its rows: pictures, or formats. Save it as CSV."))


def _xlsx(path: Path, reading: dict[str, str]) -> Iterator[Row]:
    with _book(path) as book:
        chosen = reading.get("sheet", "")
        line = 0
        try:
            for line, cells in book.rows(chosen if chosen in book.sheets else next(iter(book.sheets))):
                yield Row(line, [_plain(cell) for cell in cells])
        except TooLong as wrong:
            said = _("A cell of row %(line)d has more than %(most)d characters.")
            raise Unreadable(said, line=line + 1, most=LONGEST_CELL) from wrong
        except DAMAGED as wrong:
            raise Unreadable(_("The spreadsheet is damaged or cut off, or it is no XLSX file.")) from wrong


def _plain(cell: Value) -> Cell:
    if cell is None or isinstance(cell, str):
        return _text(cell) if cell else None
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, Percent):
        return (Decimal(float.__repr__(cell)) * 100).normalize()
    if isinstance(cell, int | float):
        return Decimal(str(cell))
    if isinstance(cell, datetime.datetime):
        midnight = (cell.hour, cell.minute, cell.second) == (0, 0, 0)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, datetime.date) else str(cell)


def _json(path: Path, reading: dict[str, str]) -> Iterator[Row]:
    """A list of objects, or one with such a list below `value`. Its keys are the columns; read whole, since an interface answers
    page by page."""
    if path.stat().st_size > MOST_WHOLE:
        raise Unreadable(_("The file is too large for JSON. Save it as CSV."))
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal, parse_int=Decimal)
    except (json.JSONDecodeError, RecursionError) as wrong:
        raise Unreadable(_("The file is no JSON, or it was cut off.")) from wrong
    found = told.get("value") if isinstance(told, dict) else told
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(_("The file holds no list of records."))
    names = list(dict.fromkeys(name for one in found for name in one if not name.startswith("@")))
    yield Row(1, [*names])
    for line, one in enumerate(found, start=2):
        yield Row(line, [_json_cell(one.get(name)) for name in names])


def _json_cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return "1" if value else "0"
    if value is None or isinstance(value, Decimal):
        return value
    return _text(value) if isinstance(value, str) else json.dumps(value, default=str)


# ── the spool: the same rows, of which a worker takes some at a time ─────────────────────────────────────────────────


def write_spool(path: Path, reading: dict[str, str], file: IO[bytes]) -> int:
    """Returns how many rows there are below the headers. Raises Unreadable."""
    count = 0
    for row in islice(rows(path, reading), 1, None):
        cells = [{"n": str(cell)} if isinstance(cell, Decimal) else cell for cell in row.cells]
        file.write(json.dumps([row.line, cells], ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


def read_spool(path: Path, offset: int, count: int) -> tuple[list[Row], int]:
    """The next rows, and where the ones after them begin."""
    found = []
    with path.open("rb") as file:
        file.seek(offset)
        for line in islice(iter(file.readline, b""), count):
            at, cells = json.loads(line)
            found.append(Row(at, [Decimal(cell["n"]) if isinstance(cell, dict) else cell for cell in cells]))
        return found, file.tell()
