"""Observations of a technology of the user's own: one CSV, checked row by row, turned into the model's units."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from models.files.series import COMMENT
from models.files.settings import FIRST_YEAR, LAST_YEAR, SettingsFile
from models.home import Home
from models.own import OwnFile
from stockflow.errors import InputError, unknown
from stockflow.numerals import number
from stockflow.tables import table_text

SHEET = "observations"  # of a workbook with several
COLUMNS = ("series", "year", "value", "unit", "source")
COST, CUMULATIVE, ANNUAL, SHARE = "unit_cost", "cumulative_volume", "annual_volume", "share"
SERIES = (COST, CUMULATIVE, ANNUAL, SHARE)
SMALLEST = 1e-30  # of a value in the units of the model; the largest is one over it
_CHINESE = re.compile("[\u4e00-\u9fff]")
_YEAR = re.compile(r"(\d{4})年(?:不变价|价)?")


class ChineseWords(SettingsFile):
    """Names of columns and series, scales and units, by their Chinese words."""

    shipped = Path(__file__).parents[1] / "targets" / "chinese.toml"
    columns: Mapping[str, str]
    series: Mapping[str, str]
    scales: Mapping[str, str]
    units: Mapping[str, str]


@cache
def chinese_words() -> ChineseWords:
    """Read the words."""
    return ChineseWords.load()


def known_unit(text: str) -> str:
    """Return a unit in the words that `parse_unit` knows; what holds no Chinese, or an unknown word, stays.

    2020年元/千瓦 becomes CNY2020/kW, 万辆/年 becomes 10^4 vehicle/year.
    """
    if not _CHINESE.search(text):
        return text
    year = _YEAR.search(text)
    parts = _YEAR.sub("", text).replace("每", "/").strip().split("/")
    told = [_part(part.strip(), year[1] if year else "") for part in parts]
    return text if None in told else "/".join(str(one) for one in told)


def _part(text: str, year: str) -> str | None:
    """One thing with its scale: 万千瓦 is 10^4 kW; None for a word that is not known."""
    known = chinese_words()
    if text in known.units:
        name = known.units[text]
        return name + (year if re.fullmatch("[A-Z]{3}", name) else "")
    for word, scale in known.scales.items():
        if text.startswith(word) and (rest := _part(text.removeprefix(word), year)) is not None:
            return f"{scale} {rest}"
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """One observation as it was written; `place` is its file and row."""

    series: str
    year: int
    value: float
    unit: str
    source: str
    place: str


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read the table, in any form that `table_text` reads; lines below the first that begin with `#` are comments.

    Chinese names of columns, series and units are read as `chinese.toml` has them. Raises InputError with file, row,
    value and bound for columns other than COLUMNS, a
    row of another length, a series or unit or source left out, a year that is not whole or not between 1700 and 2200, a
    value that is not a finite number above 0, and a year that a series has twice.
    """
    text = table_text(path, SHEET)
    lines = ["" if number and line.startswith(COMMENT) else line for number, line in enumerate(text.splitlines())]
    reader = csv.reader(io.StringIO("\n".join(lines)), strict=True)
    last = 1
    rows: dict[tuple[str, int], Row] = {}
    try:
        names = (cell.strip() for cell in next(reader, []))
        if (header := tuple(chinese_words().columns.get(name, name) for name in names)) != COLUMNS:
            raise InputError(f"{path} row 1: columns {','.join(header)!r}; must be exactly {','.join(COLUMNS)!r}")
        for cells in reader:
            last = reader.line_num
            if not cells:
                continue
            row = _row(cells, f"{path} row {reader.line_num}")
            if there := rows.get((row.series, row.year)):
                raise InputError(f"{row.place}: {row.series} of {row.year} stands already in {there.place}")
            rows[row.series, row.year] = row
    except csv.Error as error:
        raise InputError(f"{path} row {last + 1}: not CSV: {error}") from None
    if not rows:
        raise InputError(f"{path}: no observations")
    return tuple(rows.values())


def _row(cells: Sequence[str], place: str) -> Row:
    if len(cells) != len(COLUMNS):
        raise InputError(f"{place}: {len(cells)} fields; must be {len(COLUMNS)}: {','.join(COLUMNS)}")
    series, year, value, unit, source = (" ".join(cell.split()) for cell in cells)
    for column, text in zip(COLUMNS, (series, year, value, unit, source), strict=True):
        if not text:
            raise InputError(f"{place}: {column} is missing")
    series, unit = chinese_words().series.get(series, series), known_unit(unit)
    when, amount = number(year, f"{place}: year"), number(value, f"{place}: value")
    if when != math.floor(when) or not FIRST_YEAR <= when <= LAST_YEAR:
        raise InputError(f"{place}: year {year} is not a whole year from {FIRST_YEAR:g} to {LAST_YEAR:g}")
    if amount <= 0:
        raise InputError(f"{place}: value {value} {unit} of {series} is not above 0")
    return Row(series, int(when), amount, unit, source, place)


@dataclass(frozen=True, slots=True)
class Observed:
    """One series in file order of its years, values as written, and what turns them into the model's units."""

    name: str
    unit: str
    rows: tuple[Row, ...]
    factor: float

    @property
    def years(self) -> tuple[int, ...]:
        """Observed years, increasing."""
        return tuple(row.year for row in self.rows)

    @property
    def in_model(self) -> tuple[float, ...]:
        """Values in the model's units, by year."""
        return tuple(row.value * self.factor for row in self.rows)


def way_of(series: str, own: OwnFile) -> tuple[str, float]:
    """Return the unit in which the case takes a series, and what 1 of it is in the model's."""
    if series == COST:
        return own.cost.unit, own.cost.in_model
    if series == SHARE:
        return "1", 1.0
    return own.yearly if series == ANNUAL else own.volume.unit, own.volume.in_model


def shown_in(home: Home, series: str, unit: str) -> tuple[str, float]:
    """Return the unit in which the case's observations have a series, and what 1 of it is in the model's.

    `unit` is that of its target, which holds for a case that says nothing of its own.
    """
    own = home.units_of()
    return (unit, 1.0) if own is None else way_of(series, own)


def by_series(rows: Sequence[Row], own: OwnFile) -> dict[str, Observed]:
    """Return the observations of each series, years increasing.

    Raises InputError by row for an unknown series, a unit other than the case's, a share above 1, a year outside the
    run, and a cumulative volume that falls.
    """
    found: dict[str, list[Row]] = {}
    first, last = own.control.initial_time, own.control.final_time
    for row in rows:
        if row.series not in SERIES:
            raise InputError(f"{unknown('series', row.series, SERIES, row.place)}; known: {', '.join(SERIES)}")
        wanted, factor = way_of(row.series, own)
        if row.unit.casefold() != wanted.casefold():
            hint = "; shares are fractions" if row.series == SHARE else ""
            raise InputError(f"{row.place}: {row.series} is in {row.unit!r}, not {wanted!r} as case.toml says{hint}")
        in_model = row.value * factor
        if not SMALLEST <= in_model <= 1 / SMALLEST:
            raise InputError(
                f"{row.place}: value {row.value:g} {row.unit} of {row.series} is {in_model:g} in units of the model, "
                f"outside {SMALLEST:g} to {1 / SMALLEST:g} (case.toml: cost.in_model, volume.in_model)"
            )
        if row.series == SHARE and row.value > 1:
            raise InputError(f"{row.place}: share {row.value:g} is above 1; shares are fractions")
        if not first <= row.year <= last - 1:
            raise InputError(
                f"{row.place}: year {row.year} is outside the run, {first:g} to {last - 1:g} "
                "(case.toml: control.initial_time, final_time)"
            )
        found.setdefault(row.series, []).append(row)
    out = {}
    for name in SERIES:
        if name in found:
            ordered = tuple(sorted(found[name], key=lambda row: row.year))
            unit, factor = way_of(name, own)
            out[name] = Observed(name, unit, ordered, factor)
    for before, after in pairwise(out[CUMULATIVE].rows) if CUMULATIVE in out else ():
        if after.value < before.value:
            raise InputError(
                f"{after.place}: cumulative_volume falls from {before.value:g} in {before.year} to {after.value:g} "
                f"{after.unit} in {after.year}"
            )
    return out


def require(observed: Mapping[str, Observed], fewest: int, path: Path) -> None:
    """Raise InputError unless there is a cost and a volume or share, each with at least `fewest` years."""
    if COST not in observed:
        raise InputError(f"{path}: no {COST}; needs {COST} and at least one of {', '.join(SERIES[1:])}")
    if len(observed) < 2:
        raise InputError(f"{path}: only {COST}; needs at least one of {', '.join(SERIES[1:])} too")
    for one in observed.values():
        if len(one.rows) < fewest:
            raise InputError(f"{one.rows[-1].place}: {one.name} has {len(one.rows)} years; needs at least {fewest}")
