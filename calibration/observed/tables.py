"""Tables of observations: a CSV file of facts and a TOML manifest that says what they mean.

Every row is checked before anything uses it, so nothing downstream asks again whether a value has a
unit, a source and a place in the manifest. A bad row is refused with file, row, column and value.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import BeforeValidator, ConfigDict, Field

from models.files.settings import Strict, Text, read_settings, valid
from stockflow.errors import InputError, unknown
from stockflow.files import read_bytes, read_text
from stockflow.numerals import number

DATA = Path(__file__).parents[1] / "data"


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


Number = Annotated[float, BeforeValidator(number)]
NotNegative = Annotated[Number, Field(ge=0)]
MaybeNumber = Annotated[Number | None, BeforeValidator(_blank_is_none)]
MaybeCount = Annotated[Annotated[int, BeforeValidator(number)] | None, BeforeValidator(_blank_is_none)]
Evidence = Literal["read", "recalled"]


class _Row(Strict):
    # cells are texts, from which the types below make what they stand for
    model_config = ConfigDict(strict=False, str_strip_whitespace=True)


class Observation(_Row):
    """One measured value; `year` is a calendar year, or a decimal date where the series says so."""

    series: Text
    region: Text
    year: Number
    value: NotNegative
    unit: Text
    source: Text
    source_kind: Evidence
    note: str


class Milestone(_Row):
    """One dated stage of one technology."""

    technology: Text
    stage: Literal["discovery", "invention", "first_commercial", "takeoff", "mass_market"]
    year: Number
    source: Text
    source_kind: Evidence
    note: str


class Duration(_Row):
    """One published duration; `low` and `high` bound the sample of `n` cases where the study gives them."""

    study: Text
    scope: Text
    measure: Text
    n: MaybeCount
    value: MaybeNumber
    low: MaybeNumber
    high: MaybeNumber
    unit: Text
    source: Text
    source_kind: Evidence
    note: str


class Figure(_Row):
    """One figure or dated event of the paper behind the model."""

    id: Text
    case: Literal["PV", "NEV", "IC", "mRNA", "general", "China"]
    section: Text
    quote_zh: str
    description_en: Text
    quantity: str
    value_low: MaybeNumber
    value_high: MaybeNumber
    unit: str
    year_start: MaybeNumber
    year_end: MaybeNumber
    role: Literal["target", "driver", "event", "context"]
    note: str


class Break(Strict):
    """Years (first, last) in which a series means something else, and what."""

    years: tuple[int, int]
    what: Text


class Series(Strict):
    """What one series in one unit means; `currency_year` is the price base of money, absent otherwise."""

    name: Text
    unit: Text
    regions: tuple[Text, ...] = Field(min_length=1)
    role: Literal["outcome", "driver", "context"]
    meaning: Text
    scope: Text
    time_basis: Literal["flow of the year", "mean of the year", "end of the year", "date", "total of several years"]
    currency_year: int | Literal["nominal"] | None = None
    last_year: int | None = None
    breaks: tuple[Break, ...]
    choice: str = ""


class Manifest(Strict):
    """Title, origin and licence of a table, the years it may hold, and its series."""

    title: Text
    layout: Literal["series", "timeline", "duration", "figure"]
    origin: Text
    licence: Text
    first_year: int
    last_year: int
    notes: str = ""
    series: tuple[Series, ...] = ()


# by layout: kind of row, columns that tell rows apart, and columns of years that must lie in the manifest's.
# A series has its own last year, so its years are checked with its manifest entry.
_LAYOUTS: dict[str, tuple[type[_Row], tuple[str, ...], tuple[str, ...]]] = {
    "series": (Observation, ("series", "region", "year", "unit"), ()),
    "timeline": (Milestone, ("technology", "stage", "year", "source"), ("year",)),
    "duration": (Duration, ("study", "scope", "measure", "source"), ()),
    "figure": (Figure, ("id",), ("year_start", "year_end")),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A checked table: `rows` holds one observation per row, in file order, columns as in the file."""

    name: str
    manifest: Manifest
    rows: pd.DataFrame

    def entry(self, series: str, unit: str) -> Series:
        """Return the manifest entry of `series` in `unit`; an unknown one raises InputError."""
        units = [one.unit for one in self.manifest.series if one.name == series]
        if not units:
            raise unknown("series", series, {one.name for one in self.manifest.series}, self.name)
        if unit not in units:
            raise unknown(f"unit of {series!r}", unit, units, self.name)
        return next(one for one in self.manifest.series if (one.name, one.unit) == (series, unit))

    def values(self, series: str, region: str, unit: str) -> dict[float, float]:
        """Return {year: value} of one series in `unit`, in order of time; nothing found raises InputError."""
        entry = self.entry(series, unit)
        if region not in entry.regions:
            raise unknown(f"region of {series!r}", region, entry.regions, self.name)
        rows = self.rows
        found = rows[(rows["series"] == series) & (rows["region"] == region) & (rows["unit"] == unit)]
        return dict(sorted(zip(found["year"].tolist(), found["value"].tolist(), strict=True)))


def load_table(name: str, folder: Path = DATA) -> Table:
    """Read and check `<name>.csv` and `<name>.toml` in `folder`.

    Raises InputError, one line with file, row, column and value, for: an unknown table, a missing or
    additional column, an empty unit or source, a value that is not a finite number, a duplicate, a year
    out of range, a series, unit or region the manifest does not know, and a manifest without licence. Files that are
    as they were are not checked again: the table is the same object, not to be changed.
    """
    names = sorted(path.stem for path in folder.glob("*.csv"))
    if name not in names:
        raise unknown("table", name, names)
    files = (folder / f"{name}.toml", folder / f"{name}.csv")
    return _checked_table(name, folder, tuple(read_bytes(one) for one in files if one.exists()))


@lru_cache(maxsize=64)
def _checked_table(name: str, folder: Path, _contents: tuple[bytes, ...]) -> Table:
    """Read and check the files anew; their contents are there to tell whether they have changed."""
    manifest = _read_manifest(folder / f"{name}.toml")
    path = folder / f"{name}.csv"
    kind, key, years = _LAYOUTS[manifest.layout]
    numbered = list(_read_rows(path, kind))
    _refuse_duplicates(path, numbered, key)
    for line, row in numbered:
        for column in years:
            place = f"{path.name} row {line} column {column}"
            _check_year(place, getattr(row, column), manifest.first_year, manifest.last_year)
    if manifest.layout == "series":
        _check_series(path, numbered, manifest)
    rows = [row.model_dump() for _, row in numbered]
    return Table(name, manifest, pd.DataFrame(rows, columns=list(kind.model_fields)))


def written(rows: Iterable[Sequence[object]]) -> str:
    """Return a table of observations as text; a row has the cells of an `Observation`, in order."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(Observation.model_fields), *rows])
    return text.getvalue()


def _read_manifest(path: Path) -> Manifest:
    if not path.exists():
        raise InputError(f"{path.name}: the table has no manifest")
    manifest = read_settings(path, Manifest)
    names = [(one.name, one.unit) for one in manifest.series]
    for series, unit in names:
        if names.count((series, unit)) > 1:
            raise InputError(f"{path.name} key series: {series!r} in {unit!r} is described twice")
    return manifest


def _read_rows(path: Path, model: type[_Row]) -> Iterable[tuple[int, _Row]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    header = list(reader.fieldnames or ())
    missing = [one for one in model.model_fields if one not in header]
    additional = [one for one in header if one not in model.model_fields]
    if missing or additional or len(set(header)) != len(header):
        wrong = f"column {missing[0]} is missing" if missing else f"column {(additional or header)[0]} is too many"
        raise InputError(f"{path.name} row 1: {wrong}; expected {','.join(model.model_fields)}")
    try:
        numbered = [(reader.line_num, raw) for raw in reader]
    except csv.Error as error:
        raise InputError(f"{path.name} after row {reader.line_num}: {error}") from error
    for line, raw in numbered:
        if None in raw or None in raw.values():
            raise InputError(f"{path.name} row {line}: {len(header)} columns expected")
        yield line, valid(model, raw, f"{path.name} row {line}")


def _refuse_duplicates(path: Path, numbered: Sequence[tuple[int, _Row]], key: Sequence[str]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for line, row in numbered:
        identity = tuple(getattr(row, column) for column in key)
        if identity in seen:
            shown = ", ".join(str(part) for part in identity)
            raise InputError(
                f"{path.name} row {line} columns {'+'.join(key)}: duplicate of row {seen[identity]}: {shown}"
            )
        seen[identity] = line


def _check_year(place: str, year: float | None, first: int, last: int) -> None:
    if year is not None and not first <= math.floor(year) <= last:
        raise InputError(f"{place}: {year:.10g} is outside {first} to {last}")


def _check_series(path: Path, numbered: Sequence[tuple[int, _Row]], manifest: Manifest) -> None:
    known = {(one.name, one.unit): one for one in manifest.series}
    used = set()
    for line, row in numbered:
        assert isinstance(row, Observation)
        entry = known.get((row.series, row.unit))
        place = f"{path.name} row {line}"
        if entry is None:
            raise InputError(f"{place} column series: {row.series!r} in {row.unit!r} has no manifest entry")
        if row.region not in entry.regions:
            raise InputError(f"{place} column region: {row.region!r} is not in {', '.join(entry.regions)}")
        last = manifest.last_year if entry.last_year is None else entry.last_year
        _check_year(f"{place} column year", row.year, manifest.first_year, last)
        used.add((row.series, row.unit))
    for series, unit in known.keys() - used:
        raise InputError(f"{path.stem}.toml key series: {series!r} in {unit!r} has no row in {path.name}")
