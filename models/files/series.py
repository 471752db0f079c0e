"""Tidy CSV tables of paths over time (drivers and policies): read once, refused row by row.

Columns `variable,year,value,unit` and, by the kind of table, `source,evidence,note`. Between two points a
path is a straight line; before the first and after the last point it holds its end value. Lines below the first that
begin with `#` are comments.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from models.files.settings import FIRST_YEAR, LAST_YEAR
from stockflow.errors import InputError
from stockflow.numerals import number
from stockflow.tables import table_text

COMMENT = ("#", '"#')  # how a comment begins, in a cell that holds a comma too
SHEET = "policy"  # of a workbook with several
EVIDENCE = ("paper", "read", "recalled", "derived", "assumed")
_NEEDED = ("variable", "year", "value", "unit")
COLUMNS = (*_NEEDED, "source", "evidence", "note")


@dataclass(frozen=True, slots=True)
class Point:
    """One row: `value` in `unit` at `year`; `place` is the file and line it stands in."""

    name: str
    year: float
    value: float
    unit: str
    source: str
    evidence: str
    place: str


@dataclass(frozen=True, slots=True)
class Series:
    """One variable over time: its points in file order, at least one, years increasing, one unit."""

    name: str
    points: tuple[Point, ...]

    @property
    def unit(self) -> str:
        """Unit of every value."""
        return self.points[0].unit

    @property
    def years(self) -> tuple[float, ...]:
        """Decimal years of the points."""
        return tuple(point.year for point in self.points)

    @property
    def values(self) -> tuple[float, ...]:
        """Values of the points."""
        return tuple(point.value for point in self.points)


def read_series(path: Path, *, sourced: bool) -> dict[str, Series]:
    """Read a table; `sourced` demands a source and an evidence mark in every row, as for drivers.

    Raises InputError with file and line for an unknown or missing column, a missing unit or source, a value
    that is not a finite number, a year that can only be a typo, years that do not
    increase within a variable, and a variable in two blocks.
    """
    needed = (*_NEEDED, "source", "evidence") if sourced else _NEEDED
    groups: dict[str, list[Point]] = {}
    previous = ""
    for point in _points(path, needed):
        key = " ".join(point.name.replace("_", " ").split()).casefold()
        rows = groups.setdefault(key, [])
        _follow(rows, point, contiguous=not rows or previous == key)
        rows.append(point)
        previous = key
    return {rows[0].name: Series(rows[0].name, tuple(rows)) for rows in groups.values()}


def _points(path: Path, needed: tuple[str, ...]) -> list[Point]:
    lines = [
        "" if line.startswith(COMMENT) else line for line in table_text(path, SHEET).splitlines()
    ]  # empty rows are passed over
    reader = csv.DictReader(lines, strict=True)
    try:
        columns = tuple(reader.fieldnames or ())
    except csv.Error as error:
        raise InputError(f"{path} row 1: not CSV: {error}") from None
    for column in columns:
        if column not in COLUMNS:
            raise InputError(f"{path} row 1: unknown column {column!r}; known: {', '.join(COLUMNS)}")
    for column in needed:
        if columns.count(column) != 1:
            raise InputError(f"{path} row 1: column {column!r} stands {columns.count(column)} times, not once")
    try:
        return [_point(row, f"{path} row {reader.line_num}", needed) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path} row {reader.line_num}: not CSV: {error}") from None


def _point(row: dict[str, str], place: str, needed: tuple[str, ...]) -> Point:
    if None in row or None in row.values():
        raise InputError(f"{place}: not as many fields as columns")
    for column in needed:
        if not row[column].strip():
            raise InputError(f"{place}: {column} is missing")
    evidence = row.get("evidence", "").strip()
    if evidence and evidence not in EVIDENCE:
        raise InputError(f"{place}: evidence {evidence!r} is none of {', '.join(EVIDENCE)}")
    year, value = (number(row[column], f"{place}: {column}") for column in ("year", "value"))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(f"{place}: year {row['year'].strip()} is outside {FIRST_YEAR:g} to {LAST_YEAR:g}")
    source = " ".join(row.get("source", "").split())
    return Point(row["variable"].strip(), year, value, row["unit"].strip(), source, evidence, place)


def _follow(rows: list[Point], point: Point, *, contiguous: bool) -> None:
    if not rows:
        return
    if not contiguous:
        raise InputError(f"{point.place}: {point.name!r} is given twice; its first block starts at {rows[0].place}")
    if point.year <= rows[-1].year:
        raise InputError(f"{point.place}: year {point.year:g} of {point.name!r} does not follow {rows[-1].year:g}")
    if point.unit != rows[0].unit:
        raise InputError(f"{point.place}: unit {point.unit!r} of {point.name!r} was {rows[0].unit!r} above")
