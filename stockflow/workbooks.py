"""What a workbook would be in memory, found before anything reads it.

Readers unpack every part of a workbook, and fill a sheet up to its last cell, be all others empty: a few bytes can
stand for billions of cells.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from functools import reduce
from pathlib import Path
from typing import BinaryIO

_MOST_UNPACKED = 50_000_000
_MOST_CELLS = 5_000_000
_SHEET = re.compile(r"worksheets/[^/]*\.xml$")
_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]*?\br=["']([A-Z]{0,4})([0-9]{1,9})["']""")
# the sheets of an OpenDocument, whose rows and cells may say how often they are repeated
_OPEN_SHEETS = "content.xml"
_OPEN_TAG = re.compile(rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*)>")
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated=["']([0-9]{1,12})["']""")


def workbook_fault(file: Path | BinaryIO) -> str:
    """Say in words why a workbook is not to be read: damaged, unpacks to too much, cells too far; "" for none.

    What is no packed file at all has no fault here.
    """
    if not zipfile.is_zipfile(file):
        return ""
    try:
        with zipfile.ZipFile(file) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
                return f"which unpacks to more than {_MOST_UNPACKED} bytes"
            parts = [part for part in packed.namelist() if part == _OPEN_SHEETS or _SHEET.search(part)]
            sheets = {part: packed.read(part) for part in parts}
    # an encrypted part, and a way of packing that is not known, are a RuntimeError and a NotImplementedError
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        return f"which cannot be unpacked ({error}),"
    for part, text in sheets.items():
        for rows, columns in _repeats(text) if part == _OPEN_SHEETS else [_reach(text)]:
            if rows * columns > _MOST_CELLS:
                return f"of which a sheet has {rows} rows and {columns} columns, more than {_MOST_CELLS} cells"
    return ""


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
