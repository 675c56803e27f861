"""Spreadsheets (XLSX) as rows, in memory that does not grow with them: a sheet is parsed as it is unpacked, and its table of texts
lies on the disk as far as it was read. openpyxl knows where the sheets are, and which styles are dates."""

import datetime
import re
from array import array
from collections.abc import Iterator
from functools import cache, lru_cache
from math import isfinite
from tempfile import TemporaryFile
from typing import IO, Any
from xml.parsers import expat

from openpyxl.packaging.manifest import Override
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.datetime import from_excel
from openpyxl.xml.constants import SHARED_STRINGS

CHUNK = 64 * 1024  # bytes that are unpacked at a time
TOGETHER = 64  # texts that are written and read together
NEAR = 2048  # such pieces that stay in memory
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384  # of any sheet
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
LETTERS = re.compile(r"([A-Za-z]{1,3})[0-9]+")
Value = str | int | float | bool | datetime.date | datetime.time | datetime.timedelta | None


class Damaged(ValueError):
    """It is not what a spreadsheet looks like."""


class TooLong(ValueError):
    """A cell has more characters than are read."""


class Percent(float):
    """A share of 1 that people see as a percentage."""


class Book:
    """Raises BadZipFile, KeyError, ValueError, OSError where it is damaged, when it is opened and when its rows are read."""

    def __init__(self, file: IO[bytes], longest: int) -> None:
        reader: Any = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        self._archive, self._book, self._longest = reader.archive, reader.wb, longest
        texts: Override | None = reader.package.find(SHARED_STRINGS)
        self._texts = Texts(self._archive.open(texts.PartName[1:]), longest) if texts else None
        self.sheets: dict[str, str] = {
            sheet.name: part.target
            for sheet, part in reader.parser.find_sheets()
            if part.target in reader.valid_files and "chartsheet" not in part.Type
        }

    def close(self) -> None:
        if self._texts:
            self._texts.close()
        self._archive.close()

    def rows(self, name: str) -> Iterator[tuple[int, list[Value]]]:
        """Rows that have cells, each with its number."""
        sheet = _Sheet(self, self._longest)
        with self._archive.open(self.sheets[name]) as stream:
            for chunk in iter(lambda: stream.read(CHUNK), b""):
                yield from sheet.fed(chunk)
            yield from sheet.fed(b"", is_last=True)

    def text(self, at: int) -> str:
        if self._texts is None:
            raise Damaged
        return self._texts[at]

    @cache  # noqa: B019 - few styles, and a book is soon gone
    def look(self, style: int) -> str:
        """Whether a number of that style is a `day`, a `duration`, a `share` or nothing of these."""
        if style in self._book._date_formats:
            return "day"
        if style in self._book._timedelta_formats:
            return "duration"
        known = self._book._cell_styles[style].numFmtId if style < len(self._book._cell_styles) else 0
        own = self._book._number_formats
        format_ = BUILTIN_FORMATS.get(known, "") if known < 164 else own[known - 164] if known - 164 < len(own) else ""
        return "share" if "%" in format_ else ""

    def moment(self, number: float, look: str) -> Value:
        try:
            found: Value = from_excel(number, self._book.epoch, timedelta=look == "duration")
        except (OverflowError, ValueError):
            return "#VALUE!"
        return found


class _Parser:
    """What sheets and tables of texts have in common: elements without their prefixes, texts of the ones that are `kept`, and none
    of what only says how something is pronounced."""

    kept: tuple[str, ...]

    def __init__(self, longest: int) -> None:
        self.longest, self.length, self.parts, self.silent = longest, 0, [""], 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse

    def parse(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self.parser.Parse(chunk, is_last)
        except expat.ExpatError as wrong:
            raise Damaged(str(wrong)) from wrong

    def _refuse(self, *_said: Any) -> None:
        raise Damaged("a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name[name.rfind(":") + 1 :]
        if name == "rPh":
            self.silent += 1
        elif name in self.kept and not self.silent:
            self.parser.CharacterDataHandler = self._collect
        else:
            self.begin(name, attributes)

    def _end(self, name: str) -> None:
        name = name[name.rfind(":") + 1 :]
        if name == "rPh":
            self.silent -= 1
        elif name in self.kept:
            self.parser.CharacterDataHandler = None
        else:
            self.finish(name)

    def _collect(self, text: str) -> None:
        self.length += len(text)
        if self.length > self.longest:
            raise TooLong
        self.parts.append(text)

    def taken(self) -> str:
        """What was collected since."""
        text = "".join(self.parts)
        self.parts, self.length = [], 0
        return ESCAPED.sub(_sign, text) if "_x" in text else text

    def begin(self, name: str, attributes: dict[str, str]) -> None: ...

    def finish(self, name: str) -> None: ...


class _Sheet(_Parser):
    kept = ("v", "t")

    def __init__(self, book: Book, longest: int) -> None:
        super().__init__(longest)
        self.book, self.found = book, list[tuple[int, list[Value]]]()
        self.row, self.cells, self.at, self.kind, self.style = 0, list[Value](), 0, "n", 0

    def fed(self, chunk: bytes, *, is_last: bool = False) -> list[tuple[int, list[Value]]]:
        self.parse(chunk, is_last=is_last)
        found, self.found = self.found, []
        return found

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self.at = _column(attributes["r"]) if "r" in attributes else len(self.cells)
            self.kind, self.style = attributes.get("t", "n"), int(attributes.get("s", 0))
            self.parts, self.length = [], 0
        elif name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.cells = []
            if not 0 < self.row <= MOST_ROWS:
                raise Damaged("a row beyond the last one")

    def finish(self, name: str) -> None:
        if name == "c":
            value = self._value(self.taken())
            if value is not None:
                if self.at >= len(self.cells):
                    self.cells.extend([None] * (self.at + 1 - len(self.cells)))
                self.cells[self.at] = value
        elif name == "row":
            if self.cells:
                self.found.append((self.row, self.cells))
            self.cells = []

    def _value(self, said: str) -> Value:
        if not said:
            return None
        if self.kind == "s":
            return self.book.text(int(said))
        if self.kind == "b":
            return said.strip() == "1"
        if self.kind == "d":
            return datetime.datetime.fromisoformat(said.strip())
        if self.kind != "n":
            return said
        look = self.book.look(self.style)
        if not look and said.isdecimal():
            return int(said)
        number = float(said)
        if not isfinite(number):
            return said
        return Percent(number) if look == "share" else self.book.moment(number, look) if look else number


class Texts(_Parser):
    """The table of texts, read no further than it is asked for. A sheet names its texts mostly in their order."""

    kept = ("t",)

    def __init__(self, stream: IO[bytes], longest: int) -> None:
        super().__init__(longest)
        self._stream, self._file = stream, TemporaryFile()  # noqa: SIM115 - closed with the book
        self._starts, self._last, self._is_read = array("Q", [0]), list[str](), False
        self.near = lru_cache(NEAR)(self._piece)

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def __getitem__(self, at: int) -> str:
        while at >= self._count and not self._is_read:
            chunk = self._stream.read(CHUNK)
            self._is_read = not chunk
            self.parse(chunk, is_last=self._is_read)
        if not 0 <= at < self._count:
            raise Damaged("a text that is not there")
        piece, place = divmod(at, TOGETHER)
        return self._last[place] if piece == len(self._starts) - 1 else self.near(piece)[place]

    @property
    def _count(self) -> int:
        return (len(self._starts) - 1) * TOGETHER + len(self._last)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self.parts, self.length = [], 0

    def finish(self, name: str) -> None:
        if name != "si":
            return
        self._last.append(self.taken())
        if len(self._last) == TOGETHER:
            written = "\0".join(self._last).encode()  # XML has no such sign
            self._file.seek(self._starts[-1])
            self._file.write(written)
            self._starts.append(self._starts[-1] + len(written))
            self._last = []

    def _piece(self, at: int) -> list[str]:
        self._file.seek(self._starts[at])
        written = self._file.read(self._starts[at + 1] - self._starts[at])
        return written.decode().split("\0")


def _sign(found: re.Match[str]) -> str:
    """What a spreadsheet writes as `_x000D_`; as it stands where that is no sign of a text."""
    sign = chr(int(found[1], 16))
    return found[0] if sign == "\0" or "\ud800" <= sign <= "\udfff" else sign


@lru_cache(maxsize=4096)
def _letters(letters: str) -> int:
    at = 0
    for letter in letters.upper():
        at = at * 26 + ord(letter) - 64
    return at - 1


def _column(place: str) -> int:
    """Of a place such as AB12, from 0."""
    found = LETTERS.fullmatch(place)
    at = _letters(found[1]) if found else MOST_COLUMNS
    if at >= MOST_COLUMNS:
        raise Damaged("a column beyond the last one")
    return at
