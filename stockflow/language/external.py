"""Numbers that a model takes from files beside it: constants, tables, paths over time, elements of ranges."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest
from pathlib import Path

from stockflow.files import note, shown
from stockflow.language import sheets
from stockflow.language.curve import Table
from stockflow.language.data_tables import Column, read_data
from stockflow.language.definition import Definition, Listed
from stockflow.language.equations import Expression, Number, Time, WithLookup
from stockflow.language.operations import MISSING
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Call, Points, Refused, Text
from stockflow.names import plain
from stockflow.workbooks import workbook_fault

_LARGEST = 50_000_000
_MOST_POINTS = 1_000_000
_MOST_CELLS = 5_000_000
_CLOSE = 1e-6  # to the time of a number that has no other time, as a share
_ROW = re.compile("[0-9]{1,7}")
#: what is taken from a file, by function, with the number of texts that say where it stands
FROM_FILES: Mapping[str, tuple[str, int]] = {
    f"get {how} {what}": (what, count)
    for how in ("direct", "xls")
    for what, count in (("constants", 3), ("lookups", 4), ("data", 4))
}


class External:
    """Reads files that lie in some folders or below them, the first that has one, and no others; none without a folder.

    `tags` are files by the names that the model has for them, and `data` tables of what it leaves to be filled.
    """

    def __init__(
        self, folder: str, folders: Sequence[str] = (), tags: Mapping[str, str] | None = None, data: Sequence[str] = ()
    ) -> None:
        self.folders = [Path(one) for one in (folder, *folders) if one]
        self.tags = {plain(tag.removeprefix("?")): file for tag, file in (tags or {}).items()}
        self.series: dict[str, Column] = {}
        for table in data:
            self.series.update(read_data(table).columns)
        self.known: dict[int, list[tuple[list[float], list[float]]]] = {}
        self.sheets: dict[tuple[str, str], sheets.Cells] = {}

    def check(self, name: str, beside: Path | None = None) -> Path:
        """Return the file of a name, looked for first `beside` a file that names it.

        Refused if it is outside the folders, missing or too large.
        """
        if name.startswith("?"):
            tag = plain(name[1:])
            if tag not in self.tags:
                raise Refused([f"file {name!r}, a name for which no file is given (--tag {shown(name)}=FILE)"])
            name = self.tags[tag]
        try:
            inside = [one.resolve() for one in self.folders]
            found = [(one / name).resolve() for one in (*([beside.parent] if beside else []), *self.folders)]
            paths = [path for path in found if any(map(path.is_relative_to, inside))]
            path = next((one for one in paths if one.is_file()), None)
            size = 0 if path is None else path.stat().st_size
        # longer than names may be, with a character that none may have, or a circle of links
        except (OSError, ValueError, RuntimeError):
            raise Refused([f"file {shown(name)!r}, which no file can be called,"]) from None
        where = " and ".join(map(str, self.folders)) or "."
        if not paths:
            raise Refused([f"file {name!r} outside the folder {where}"])
        if path is None:
            raise Refused([f"file {name!r}, which is not in {where},"])
        if size > _LARGEST:
            raise Refused([f"file {name!r} of more than {_LARGEST} bytes"])
        if fault := workbook_fault(path):
            raise Refused([f"file {name!r}, {fault}"])
        note(path)
        return path

    def elements(self, where: Listed) -> list[str]:
        """Return the elements of a range that a file lists; raises Refused if it cannot be read."""
        cells = self._sheet(where.file, where.tab)
        top, left, bottom, right = self._area(where.file, where.tab, where.first) or (*sheets.corner(where.first), 0, 0)
        if not bottom:
            last = sheets.CELL.fullmatch(where.last)
            alone = (where.last, "") if _ROW.fullmatch(where.last) else ("", where.last)
            digits, letters = (last[2], last[1]) if last else alone
            bottom = int(digits) if digits else len(cells)
            right = sheets.column(letters) + 1 if letters else max(map(len, cells), default=0)
        found = [one for row in cells[top:bottom] for one in row[left:right] if one not in {None, ""}]
        if not found:
            raise Refused([f"range of no elements in {where.file!r}"])
        whole = (int(one) if isinstance(one, float) and one.is_integer() else one for one in found)
        return [f"{where.prefix}{one}" for one in whole]

    def filled(self, name: str, how: str, step: float | None = None) -> Expression:
        """Return the path over time that a table has for a data variable; Refused if none has it.

        `step` is the time step, where :RAW: data need it.
        """
        column = self.series.get(plain(name))
        if column is None:
            raise Refused(["data without a file: give a table that has a column of that name (--data FILE)"])
        return WithLookup(Time(), _table(column.times, column.values, how, step))

    def read(
        self, tree: Call, definition: Definition, coordinates: Sequence[str], ranges: Ranges, step: float | None = None
    ) -> Expression:
        """Return the number, table or path over time of one element of a definition.

        `step` is the time step, where :RAW: data need it.  Raises Refused if the file
        lies outside the folder or cannot be read.
        """
        what, count = FROM_FILES[plain(tree.name)]
        texts = [one.value for one in tree.arguments if isinstance(one, Text)]
        if len(texts) != count or len(tree.arguments) != count:
            raise Refused([f"{tree.name.upper()} takes {count} texts in single quotes"])
        sizes, place = ranges.row(definition.subscripts, coordinates)
        if id(tree) not in self.known:
            make = self._constants if what == "constants" else self._series
            self.known[id(tree)] = make(texts, sizes)
        xs, ys = self.known[id(tree)][place]
        if what == "constants":
            if math.isnan(ys[0]):
                raise Refused([f"cell from {texts[2]!r} on in {texts[0]!r} that holds no number,"])
            return Number(ys[0])
        table = _table(xs, ys, definition.data or "", step)
        return table if what == "lookups" else WithLookup(Time(), table)

    def _constants(self, texts: Sequence[str], sizes: Sequence[int]) -> list[tuple[list[float], list[float]]]:
        """Return the numbers of an array in the order of its elements."""
        file, tab, cell = texts
        shape = list(sizes)
        while len(shape) > 2 and 1 in shape:
            shape.remove(1)
        if len(shape) > 2:
            raise Refused([f"constants of {len(shape)} ranges from a file, more than two"])
        rows, columns = [1] * (2 - len(shape)) + shape
        turned = cell.endswith("*") and rows * columns > 1
        if turned:
            rows, columns = columns, rows
        cell = cell.rstrip("*")
        area = self._area(file, tab, cell)
        if area is None:
            top, left = sheets.corner(cell)
            area = (top, left, top + rows, left + columns)
        elif (area[2] - area[0], area[3] - area[1]) != (rows, columns):
            raise Refused([f"cells {cell!r} of {file!r}, which are not {rows} rows and {columns} columns"])
        found = self._numbers(file, tab, area)
        if any(len(row) < columns for row in found) or len(found) < rows:
            raise Refused([f"cell {cell!r} of {file!r}, which lies outside its table,"])
        if turned:
            found = _turned(found)
        return [([], [one]) for row in found for one in row]

    def _series(self, texts: Sequence[str], sizes: Sequence[int]) -> list[tuple[list[float], list[float]]]:
        """Return, for each element of an array, the points of its table."""
        file, tab, along, cell = texts
        if sum(size > 1 for size in sizes) > 1:
            raise Refused(["series of several ranges from a file, more than one"])
        count = math.prod(sizes)
        across = _ROW.fullmatch(along)
        named = None if across else self._area(file, tab, along)
        if named is not None:
            xs = [one for row in self._numbers(file, tab, named) for one in row]
            area = self._area(file, tab, cell)
            if area is None:
                raise Refused([f"cells {cell!r} of {file!r}, which have no such name,"])
            columns = self._numbers(file, tab, area)
            if named[3] - named[1] == 1:
                columns = _turned(columns)
        else:
            top, left = sheets.corner(cell)
            end = 1 << 30
            table = self._sheet(file, tab)
            if count * len(table) > _MOST_CELLS:
                raise Refused([f"{count} series in {len(table)} rows of {file!r}, more than {_MOST_CELLS} cells"])
            if across:
                xs = [one for row in self._numbers(file, tab, (int(along) - 1, left, int(along), end)) for one in row]
                columns = self._numbers(file, tab, (top, left, top + count, end))
            else:
                beside = sheets.column(along)
                xs = [row[0] if row else math.nan for row in self._numbers(file, tab, (top, beside, end, beside + 1))]
                columns = _turned(self._numbers(file, tab, (top, left, end, left + count)))
        if len(columns) != count:
            raise Refused([f"{len(columns)} series at {cell!r} of {file!r}, not {count},"])
        if named is not None and any(len(one) != len(xs) for one in columns):
            raise Refused([f"cells {cell!r} of {file!r}, which are not as many as {along!r}"])
        return [_points(xs, ys, f"{cell!r} of {file!r}") for ys in columns]

    def _numbers(self, file: str, tab: str, area: sheets.Area) -> list[list[float]]:
        """Return the cells of an area, as far as the table goes; what is no number is missing."""
        top, left, bottom, right = area
        if top < 0 or left < 0:
            raise Refused([f"cell of {file!r} before the first row or column"])
        return [[sheets.number(one) for one in row[left:right]] for row in self._sheet(file, tab)[top:bottom]]

    def _sheet(self, file: str, tab: str) -> sheets.Cells:
        """Return all cells of a sheet, or of a file of text whose cells `tab` sets apart."""
        if (file, tab) not in self.sheets:
            path = self.check(file)
            self.sheets[file, tab] = sheets.reading(file, lambda: sheets.cells(path, tab))
        return self.sheets[file, tab]

    def _area(self, file: str, tab: str, name: str) -> sheets.Area | None:
        """Return the cells that a workbook calls by a name, None for the place of a cell."""
        if sheets.CELL.fullmatch(name) or (name.isalpha() and len(name) <= 2):
            return None
        path = self.check(file)
        if path.suffix.lower() not in sheets.EXCEL:
            raise Refused([f"cell {name!r} of {file!r}, which is no place in a table,"])
        return sheets.reading(file, lambda: sheets.named(path, tab, name))


def _turned(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the columns of rows, of which short ones end with what is missing."""
    return [list(one) for one in zip_longest(*rows, fillvalue=math.nan)]


def _points(xs: Sequence[float], ys: Sequence[float], where: str) -> tuple[list[float], list[float]]:
    """Return the points of a table, by x; what has no number on either side is left out."""
    found = sorted((x, y) for x, y in zip(xs, ys, strict=False) if math.isfinite(x) and math.isfinite(y))
    if not found:
        raise Refused([f"series at {where}, which has no numbers,"])
    if len(found) > _MOST_POINTS:
        raise Refused([f"table of more than {_MOST_POINTS} points"])
    return [x for x, _ in found], [y for _, y in found]


def _table(xs: Sequence[float], ys: Sequence[float], how: str, step: float | None) -> Table:
    return kept(Points(tuple(xs), tuple(ys), "hold").table(), how, step)


def kept(points: Table, how: str, step: float | None = None) -> Table:
    """Return the points of data as a keyword has them: in between, of the last or the next one, or at points alone.

    Those at points alone stand for less than half a time `step` on both sides.
    """
    match how:
        case "hold_backward":
            return replace(points, kind="steps")
        case "look_forward":
            return points.forward()
        case "raw":
            return _alone(points, step or math.inf)
    return points


def _alone(points: Table, step: float) -> Table:
    """Return a table that has its values close to its points, and `:NA:` between them."""
    xs, ys = [points.xs[0] - 1.0], [MISSING]
    gaps = [step, *(right - left for left, right in pairwise(points.xs)), step]
    for x, y, (before, after) in zip(points.xs, points.ys, pairwise(gaps), strict=True):
        near = min(_CLOSE * max(1.0, abs(x)), before / 4.0, after / 4.0, step / 4.0)
        xs += [x - near, x + near]
        ys += [y, MISSING]
    return Table(tuple(xs), tuple(ys), "steps")
