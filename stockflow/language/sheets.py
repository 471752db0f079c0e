"""The cells of workbooks and of tables of text, and the places in them."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import TypeVar

from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.language.tree import Refused
from stockflow.numerals import as_number

_LARGEST = 50_000_000
EXCEL = frozenset({".xlsx", ".xlsm"})
_WORKBOOKS = EXCEL | {".xls", ".xlsb", ".odf", ".ods", ".odt"}
#: the place of a cell, such as B5
CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_Found = TypeVar("_Found")
Cells = list[list[object]]
#: rows and columns from the first up to, not including, the last
Area = tuple[int, int, int, int]


def reading(name: str, read: Callable[[], _Found]) -> _Found:
    """Return what a file holds; refuse what the libraries that read workbooks and tables fail with inside."""
    # they have no error of their own: a damaged workbook, or a sheet that it does not have, ends in one of these
    try:
        return read()
    except (ValueError, TypeError, LookupError, OSError, csv.Error, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise Refused([str(error)]) from error
        raise Refused([f"file {name!r} that cannot be read ({' '.join(str(error).split())})"]) from error


def cells(path: Path, tab: str) -> Cells:
    """Return the cells of a sheet, its name in any case, or of a file of text whose cells `tab` sets apart."""
    if path.suffix.lower() not in _WORKBOOKS:
        return _text(path, tab)
    if path.suffix.lower() in EXCEL:
        import openpyxl

        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book[_titled(book.sheetnames, tab)]
            sheet.reset_dimensions()
            return [list(row) for row in sheet.iter_rows(values_only=True)]
        finally:
            book.close()
    import pandas as pd

    with pd.ExcelFile(path) as other:
        title = _titled(map(str, other.sheet_names), tab)
        frame = pd.read_excel(other, sheet_name=title, header=None, dtype=object)
    return [[None if one != one else one for one in row] for row in frame.values.tolist()]  # noqa: PLR0124


def _titled(titles: Iterable[str], tab: str) -> str:
    found = next((one for one in titles if one.lower() == tab.lower()), None)
    if found is None:
        raise ValueError(f"it has no sheet {tab!r}")
    return found


def named(path: Path, tab: str, name: str) -> Area:
    """Return the cells that a workbook calls by a name, which must lie in a sheet."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    title = _titled(book.sheetnames, tab)
    known = {**book.defined_names, **book[title].defined_names}
    book.close()
    found = next((one for key, one in known.items() if key.lower() == name.lower()), None)
    places = list(found.destinations) if found is not None else []
    if len(places) != 1 or places[0][0].lower() != tab.lower():
        raise ValueError(f"its sheet {tab!r} has no cells called {name!r}")
    first, _, last = places[0][1].partition(":")
    (top, left), (bottom, right) = corner(first), corner(last or first)
    return top, left, bottom + 1, right + 1


def _text(path: Path, tab: str) -> Cells:
    """Return the cells of a file of text, apart by `tab` if that is a sign, else by commas or tabs."""
    usual = "," if path.suffix.lower() == ".csv" else "\t"
    sign = tab if tab and not tab[0].isalnum() else usual
    return [list(row) for row in csv.reader(io.StringIO(read_text(path, _LARGEST)), delimiter=sign)]


def corner(name: str) -> tuple[int, int]:
    """Return row and column, from 0, of a cell such as B5; Refused for what is none."""
    found = CELL.fullmatch(name)
    if found is None or int(found[2]) == 0:
        raise Refused([f"cell {name!r}, which is no place in a table,"])
    return int(found[2]) - 1, column(found[1])


def column(letters: str) -> int:
    """Return a column, from 0, by its letters."""
    if not re.fullmatch("[A-Za-z]{1,3}", letters):
        raise Refused([f"column {letters!r}, which is no place in a table,"])
    return reduce(lambda sum_, one: 26 * sum_ + ord(one) - ord("A") + 1, letters.upper(), 0) - 1


def number(cell: object) -> float:
    """Return the number in a cell; what is none is missing."""
    if isinstance(cell, (int, float)):
        return float(cell)
    value = as_number(cell) if isinstance(cell, str) else None
    return math.nan if value is None else value
