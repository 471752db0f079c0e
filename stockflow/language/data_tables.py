"""Tables of data as Vensim reads and writes them: time down the first column or across the first row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.names import plain
from stockflow.numerals import as_number, number

_LARGEST = 10_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """One series: `times` increase, `values` are in the variable's unit, `places` say where each value stands."""

    name: str
    times: tuple[float, ...]
    values: tuple[float, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VensimData:
    """The series of one file by plain name; `file` is the file's own name without its folder."""

    file: str
    columns: Mapping[str, Column]


def read_data(path: str | Path) -> VensimData:
    """Read a table of data: commas in a .csv file, tabs in any other.

    The first cell is empty or begins with "time"; time runs across where all other cells of the first row are
    numbers.  An empty cell is no observation.  Raises InputError with file, line and column for a cell that is no
    number, times that do not increase, a name that stands twice, and a series without values.
    """
    file = Path(path)
    if file.suffix.lower() in {".vdf", ".vdfx"}:
        raise InputError(
            f"{file}: is Vensim's own data file, whose form is not published; export it as a table (.csv, .tab)"
        )
    text = read_text(file, _LARGEST)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="," if file.suffix.lower() == ".csv" else "\t")
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise InputError(f"{file}: not a table: {error}") from error
    if not rows or len(rows[0][1]) < 2 or len(rows) < 2:
        raise InputError(f"{file}: needs a first row and a first column, one of times and one of names")
    corner, across = rows[0][1][0], all(as_number(cell) is not None for cell in rows[0][1][1:] if cell)
    if corner and not plain(corner).startswith("time"):
        raise InputError(f"{file}: line {rows[0][0]}: first cell is {corner!r}; expected Time or nothing")
    width = len(rows[0][1])
    for at, row in rows:
        if len(row) > width:
            raise InputError(f"{file}: line {at}: {len(row)} cells; expected {width} as in the first row")
    grid = [[*row, *[""] * (width - len(row))] for _, row in rows]
    places = [[f"{file}: line {at}, column {column + 1}" for column in range(width)] for at, _ in rows]
    if across:
        grid, places = [list(one) for one in zip(*grid, strict=True)], [list(one) for one in zip(*places, strict=True)]
    return _columns(file, grid, places)


def _columns(file: Path, grid: Sequence[Sequence[str]], places: Sequence[Sequence[str]]) -> VensimData:
    """Return the series of a table with time down the first column."""
    times = [number(row[0], f"{where[0]}:") for row, where in zip(grid[1:], places[1:], strict=True)]
    for before, after, where in zip(times[:-1], times[1:], places[2:], strict=True):
        if not before < after:
            raise InputError(f"{where[0]}: time {after:g} comes after {before:g}; expected times that increase")
    found: dict[str, Column] = {}
    for column, name in enumerate(grid[0][1:], start=1):
        cells = [
            (time, number(row[column], f"{where[column]}:"), where[column])
            for time, row, where in zip(times, grid[1:], places[1:], strict=True)
            if row[column]
        ]
        if not name or plain(name) in found:
            wrong = f"{name!r} stands twice" if name else "a series without a name"
            raise InputError(f"{places[0][column]}: {wrong}; expected one name for each series")
        if not cells:
            raise InputError(f"{places[0][column]}: {name!r} has no values; expected at least one")
        found[plain(name)] = Column(name.replace('"', ""), *zip(*cells, strict=True))
    return VensimData(file.name, found)
