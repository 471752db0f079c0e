"""How large a workbook would be in memory, found before anything reads it: a few bytes can stand for billions of cells.

Readers unpack every part, and fill a sheet up to its last cell, be all others empty.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from functools import reduce
from pathlib import Path

from stockflow.language.definition import Refused

_MOST_UNPACKED = 50_000_000
_MOST_CELLS = 5_000_000
_SHEET = re.compile(r"worksheets/[^/]*\.xml$")
_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]*?\br=["']([A-Z]{0,4})([0-9]{1,9})["']""")
# the sheets of an OpenDocument, whose rows and cells may say how often they are repeated
_OPEN_SHEETS = "content.xml"
_OPEN_TAG = re.compile(rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*)>")
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated=["']([0-9]{1,12})["']""")


def check_workbook(name: str, path: Path) -> None:
    """Raise Refused for a workbook that is damaged, that unpacks to too much, or whose cells reach too far."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
                raise Refused([f"file {name!r}, which unpacks to more than {_MOST_UNPACKED} bytes"])
            sheets = {part: packed.read(part) for part in packed.namelist() if _is_sheets(part)}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Refused([f"file {name!r}, which cannot be unpacked ({error}),"]) from error
    for part, text in sheets.items():
        for rows, columns in _repeats(text) if part == _OPEN_SHEETS else [_reach(text)]:
            if rows * columns > _MOST_CELLS:
                cells = f"{rows} rows and {columns} columns, more than {_MOST_CELLS} cells"
                raise Refused([f"file {name!r}, of which a sheet has {cells}"])


def _is_sheets(part: str) -> bool:
    return part == _OPEN_SHEETS or _SHEET.search(part) is not None


def _reach(sheet: bytes) -> tuple[int, int]:
    """Return how many rows and columns the cells of a sheet reach, which tell their own places."""
    row = column = 1
    for letters, digits in _CELL.findall(sheet):
        row = max(row, int(digits))
        column = max(column, reduce(lambda sum_, letter: 26 * sum_ + letter - ord("A") + 1, letters, 0))
    return row, column


def _repeats(sheets: bytes) -> list[tuple[int, int]]:
    """Return how many rows and columns the filled cells of each sheet of an OpenDocument reach."""
    found, rows, row, column, repeated = [(0, 0)], 0, 0, 0, 0
    for tag, attributes in _OPEN_TAG.findall(sheets):
        again = _REPEATED.search(attributes)
        count = int(again[1]) if again else 1
        if tag == b"table":
            found.append((0, 0))
            rows = repeated = 0
        elif tag == b"table-row":
            rows, repeated, column = rows + repeated, count, 0
        else:
            column += count
            if b"office:value" in attributes:
                row = rows + repeated
                found[-1] = max(found[-1][0], row), max(found[-1][1], column)
    return found
