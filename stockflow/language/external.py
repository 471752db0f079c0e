"""Numbers that a model takes from files beside it, read by PySD's readers of tables."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stockflow.arrays import Array
from stockflow.files import note, shown
from stockflow.language.definition import Definition, Refused
from stockflow.language.equations import Expression, Number, Table, Time, WithLookup
from stockflow.language.subscripts import Ranges
from stockflow.workbooks import workbook_fault

_LARGEST = 50_000_000
_MOST_POINTS = 1_000_000


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
        if fault := workbook_fault(path):
            raise Refused([f"file {name!r}, {fault}"])
        note(path)

    def elements(self, where: Any) -> list[str]:
        """Return the elements of a range that a file lists; raises Refused if it cannot be read."""
        from pysd.py_backend.external import ExtSubscript

        cells = (where["tab"], where["firstcell"], where["lastcell"], where["prefix"])
        self.check(where["file"])
        with _reading():
            found = ExtSubscript(where["file"], *cells, self.folder.resolve()).subscript
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
        with _reading():
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


@contextmanager
def _reading() -> Iterator[None]:
    """Refuse what PySD's readers fail with inside."""
    # PySD's readers, pandas and openpyxl have no error of their own: a damaged table, or a place that it does not have,
    # ends in one of these, each of which a test brings about; nothing of this package runs inside
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Refused([f"file that cannot be read ({' '.join(str(error).split())})"]) from error
