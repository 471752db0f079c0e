"""Numbers that a model takes from files beside it, read by PySD's readers of tables.

Readers unpack every part of a workbook, and fill a sheet up to its last cell, be all others empty: a few bytes can
stand for billions of cells.  So what a workbook would be in memory is found before anything reads it.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from stockflow.arrays import Array
from stockflow.files import note, shown
from stockflow.language.definition import Definition, Refused
from stockflow.language.equations import Expression, Number, Table, Time, WithLookup
from stockflow.language.subscripts import Ranges

_LARGEST = 50_000_000
_MOST_POINTS = 1_000_000
_MOST_UNPACKED = 50_000_000
_MOST_CELLS = 5_000_000
_SHEET = re.compile(r"worksheets/[^/]*\.xml$")
_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]*?\br=["']([A-Z]{0,4})([0-9]{1,9})["']""")
# the sheets of an OpenDocument, whose rows and cells may say how often they are repeated
_OPEN_SHEETS = "content.xml"
_OPEN_TAG = re.compile(rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*)>")
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated=["']([0-9]{1,12})["']""")


class External:
    """Reads files that lie in one folder or below it, and no others; none without a folder."""

    def __init__(self, folder: str) -> None:
        self.nowhere = not folder
        self.folder = Path(folder)
        self.known: dict[int, Any] = {}

    def check(self, name: str) -> None:
        """Raise Refused if a file is outside the folder, missing or too large."""
        inside = self.folder.resolve()
        if name.startswith("?"):
            raise Refused([f"file {name!r}, which names a setting of Vensim"])
        try:
            path = (inside / name).resolve()
            there, size = path.is_file(), path.stat().st_size if path.is_file() else 0
        except (OSError, ValueError):  # longer than names may be, or with a character that none may have
            raise Refused([f"file {shown(name)!r}, which no file can be called,"]) from None
        if self.nowhere or not path.is_relative_to(inside):
            raise Refused([f"file {name!r} outside the folder {self.folder}"])
        if not there:
            raise Refused([f"file {name!r}, which is not in {self.folder},"])
        if size > _LARGEST:
            raise Refused([f"file {name!r} of more than {_LARGEST} bytes"])
        _check_workbook(name, path)
        note(path)

    def elements(self, where: Any) -> list[str]:
        """Return the elements of a range that a file lists; raises Refused if it cannot be read."""
        from pysd.py_backend.external import ExtSubscript

        cells = (where["tab"], where["firstcell"], where["lastcell"], where["prefix"])
        self.check(where["file"])
        found = _attempt(lambda: ExtSubscript(where["file"], *cells, self.folder.resolve()).subscript)
        if not found:
            raise Refused([f"range of no elements in {where['file']!r}"])
        return [str(one) for one in found]

    def read(self, tree: Any, definition: Definition, coordinates: Sequence[str], ranges: Ranges) -> Expression:
        """Return the number, table or path over time of one element of a definition.

        Raises Refused if the file lies outside the folder or cannot be read.
        """
        choices = [ranges.choices(one) for one in definition.subscripts]
        at = tuple(inside.index(one) for inside, one in zip(choices, coordinates, strict=True))
        if id(tree) not in self.known:
            self.known[id(tree)] = self._data(tree, definition, choices)
        data = self.known[id(tree)]
        if type(tree).__name__ == "GetConstantsStructure":
            return Number(float(np.asarray(data, dtype=float).reshape([len(one) for one in choices])[at]))
        xs = np.asarray(data[data.dims[0]].values, dtype=float)
        ys = np.asarray(data.values, dtype=float)
        column = int(np.ravel_multi_index(at, [len(one) for one in choices])) if at else 0
        table = _table(xs, ys.reshape(len(xs), -1)[:, column], definition.data or "interpolate")
        return table if type(tree).__name__ == "GetLookupsStructure" else WithLookup(Time(), table)

    def _data(self, tree: Any, definition: Definition, choices: Sequence[Sequence[str]]) -> Any:
        from pysd.py_backend import external

        kind = type(tree).__name__.removesuffix("Structure")
        if kind == "Data":
            raise Refused(["data without a file"])
        self.check(tree.file)
        axes = {str(place): list(inside) for place, inside in enumerate(choices)}
        last = (axes, self.folder.resolve(), axes, definition.name)

        def made() -> Any:
            match kind:
                case "GetConstants":
                    one = external.ExtConstant(tree.file, tree.tab, tree.cell, *last)
                case "GetLookups":
                    one = external.ExtLookup(tree.file, tree.tab, tree.x_row_or_col, tree.cell, *last)
                case _:
                    how = definition.data or "interpolate"
                    one = external.ExtData(tree.file, tree.tab, tree.time_row_or_col, tree.cell, how, *last)
            one.initialize()
            return one.data

        return _attempt(made)


def _table(xs: Array, ys: Array, how: str) -> Table:
    good = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[good], ys[good]
    if len(xs) > _MOST_POINTS:
        raise Refused([f"table of more than {_MOST_POINTS} points"])
    if how == "look_forward":
        # each value holds from just after the point before it
        xs = np.concatenate([xs[:1], np.nextafter(xs[:-1], np.inf)])
    elif how not in {"interpolate", "hold_backward"}:
        raise Refused([f"data with the keyword {how.upper()}"])
    return Table(tuple(xs.tolist()), tuple(ys.tolist()), "hold" if how == "interpolate" else "steps")


def _attempt(read: Callable[[], Any]) -> Any:
    # PySD's readers, pandas and openpyxl have no error of their own: a damaged table, or a place that it does not have,
    # ends in one of these, each of which a test brings about; nothing of this package runs inside
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Refused([f"file that cannot be read ({' '.join(str(error).split())})"]) from error


def _check_workbook(name: str, path: Path) -> None:
    """Raise Refused for a workbook that is damaged, that unpacks to too much, or whose cells reach too far."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
                raise Refused([f"file {name!r}, which unpacks to more than {_MOST_UNPACKED} bytes"])
            parts = [part for part in packed.namelist() if part == _OPEN_SHEETS or _SHEET.search(part)]
            sheets = {part: packed.read(part) for part in parts}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Refused([f"file {name!r}, which cannot be unpacked ({error}),"]) from error
    for part, text in sheets.items():
        for rows, columns in _repeats(text) if part == _OPEN_SHEETS else [_reach(text)]:
            if rows * columns > _MOST_CELLS:
                cells = f"{rows} rows and {columns} columns, more than {_MOST_CELLS} cells"
                raise Refused([f"file {name!r}, of which a sheet has {cells}"])


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
