"""Tables as people save them, as CSV text: other encodings and separators, decimal commas, wide digits, workbooks.

Whatever is guessed is said by a `TableWarning`; a table that is CSV in UTF-8 already is left as it is.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
import zlib
from pathlib import Path

from stockflow.errors import InputError, ReadingWarning
from stockflow.files import read_bytes, read_text, shown
from stockflow.workbooks import workbook_fault

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "\uff0c": "full-width commas"}
_COMMA = re.compile(r"[-+]?\d+,\d+")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_NUMBER_LIKE = re.compile(r"[\d+\-.,eE% ]+")


class TableWarning(ReadingWarning):
    """What was guessed of a table, in words."""


def table_text(path: str | Path, sheet: str = "") -> str:
    r"""Return a table as CSV text: commas between cells, points in numbers, one line for each row, `\n` between lines.

    Read are UTF-8 with or without a mark, UTF-16 with its mark, GB18030 where the bytes are not UTF-8; cells apart by
    commas, semicolons, tabs or full-width commas, as the first line has them; and of an .xlsx workbook the sheet called
    `sheet` (in lower case), or else the first that holds anything. Digits may be full-width. Where cells are not apart
    by commas, a comma in a number is decimal if any number of the table can only be read so. Raises InputError for a
    file that is none of these, and, by row, for numbers whose comma may be decimal or mark thousands.
    """
    content = read_bytes(path)
    if content.startswith(b"PK\x03\x04"):
        rows, separator = _workbook(Path(path), content, sheet), ";"  # a comma in a cell sets nothing apart
    else:
        text = _decoded(path, content)
        first = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(_SEPARATORS, key=first.count)  # commas where none is more frequent
        if separator == "," and not any(
            unicodedata.normalize("NFKC", one) != one for one in set(text) if one.isdigit()
        ):
            return text
        if separator != ",":
            _say(path, f"its cells are apart by {_SEPARATORS[separator]}")
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
        except csv.Error as error:
            raise InputError(f"{shown(path)}: not a table: {error}") from None
    rows = [[_plain(cell) for cell in row] for row in rows]
    if separator != ",":
        rows = _with_points(path, rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([" ".join(cell.split()) for cell in row] for row in rows)
    return out.getvalue()


def _say(path: str | Path, words: str) -> None:
    warnings.warn(f"{shown(path)}: {words}", TableWarning, stacklevel=3)


def _decoded(path: str | Path, content: bytes) -> str:
    if content.startswith(_WIDE_MARKS):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"{shown(path)}: not UTF-16 text: {error.reason}") from None
        _say(path, "read as UTF-16")
        return io.StringIO(text, newline=None).read()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            return read_text(path)  # which says where it is not UTF-8
        _say(path, "is not UTF-8; read as GB18030 (Chinese). If its words look wrong, save it as UTF-8")
        return io.StringIO(text, newline=None).read()
    return read_text(path)


def _plain(cell: str) -> str:
    """A cell with ASCII digits and signs, if it is a number."""
    narrow = unicodedata.normalize("NFKC", cell).replace("\N{MINUS SIGN}", "-")
    return narrow if _NUMBER_LIKE.fullmatch(narrow) else cell


def _with_points(path: str | Path, rows: list[list[str]]) -> list[list[str]]:
    """Turn decimal commas into points."""
    found = [
        (place, cell.strip()) for place, row in enumerate(rows, 1) for cell in row if _COMMA.fullmatch(cell.strip())
    ]
    if not found:
        return rows
    if all(_THOUSANDS.fullmatch(cell) for _, cell in found):
        place, cell = found[0]
        told = f"{shown(path)} row {place}: {cell}: its comma may be decimal or mark thousands"
        raise InputError(f"{told}; write a point, or no mark")
    _say(path, f"its decimal commas are read as points ({found[0][1]} in row {found[0][0]})")
    return [[cell.replace(",", ".") if _COMMA.fullmatch(cell.strip()) else cell for cell in row] for row in rows]


def _workbook(path: Path, content: bytes, wanted: str) -> list[list[str]]:
    """Return the cells of the sheet `wanted`, or of the first that holds anything."""
    import pandas as pd  # slow to import, and hardly ever needed here

    if fault := workbook_fault(io.BytesIO(content)):
        raise InputError(f"{shown(path)}: a workbook {fault.rstrip(',')}")
    try:
        book = pd.read_excel(io.BytesIO(content), sheet_name=None, header=None, dtype=object, engine="openpyxl")
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, zlib.error, EOFError) as error:
        raise InputError(f"{shown(path)}: not a workbook that can be read: {' '.join(str(error).split())}") from None
    sheets = {
        str(title): [[_cell(value) for value in row] for row in sheet.itertuples(index=False)]
        for title, sheet in book.items()
    }
    full = {title: rows for title, rows in sheets.items() if any(cell for row in rows for cell in row)}
    if not full:
        raise InputError(f"{shown(path)}: a workbook without anything in it")
    title = next((one for one in full if one.strip().casefold() == wanted), "")
    if not title:
        title, *others = full
        _say(path, f"sheet {title!r} is read" + (f", not {', '.join(map(repr, others))}" if others else ""))
    width = max(place for row in full[title] for place, cell in enumerate(row, 1) if cell)
    return [row[:width] if any(row) else [] for row in full[title]]


def _cell(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - what is not a number is an empty cell
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
