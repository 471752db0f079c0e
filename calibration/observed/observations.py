"""Observed series in the units of the model, built from the tables beside this module.

A series is composed of sources, each a window of years of one published series. Nothing is
interpolated: a year without an observation is absent from the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean
from typing import Literal, get_args

import pandas as pd
from pydantic import Field, model_validator

from calibration.observed.money import Prices, Unit, convert, parse_unit
from calibration.observed.tables import DATA, Series, Table, load_table
from models.files.settings import Strict, WholeYear
from stockflow.errors import InputError

Combine = Literal["geometric mean", "sum"]


class Source(Strict):
    """The years `first_year` to `last_year` of one published series, times `factor`.

    `factor` has no unit: -1 subtracts, and another value states a chosen correction. The table is looked for in
    `folder` if that is given, else among the project's own; it is no key of a file: `load_targets` fills it in for a
    table that lies beside the target file.
    """

    table: str
    series: str
    region: str
    unit: str
    first_year: WholeYear
    last_year: WholeYear
    factor: float = 1.0
    folder: Path | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _usable(self) -> Source:
        if self.first_year > self.last_year:
            raise ValueError(f"{self.series}: first year {self.first_year} is after {self.last_year}")
        if self.factor == 0:
            raise ValueError(f"{self.series}: factor is 0, which leaves nothing of it")
        return self

    def covers(self, year: int) -> bool:
        """Tell whether `year` lies in the window."""
        return self.first_year <= year <= self.last_year


def observed(
    sources: Sequence[Source], unit: str, combine: Combine = "geometric mean", folder: Path = DATA
) -> pd.Series[float]:
    """Return the observations of `sources` in `unit`, indexed by calendar year, without gaps filled.

    Money in `unit` must be CNY2020, for example `CNY2020/W`, `CNY2020/kWh`, `GW/Year`,
    `million vehicles/Year`, `million vehicles` or `1` (a share). Where windows overlap, `combine` says
    how: "geometric mean" of the sources that have the year, or "sum", which leaves a gap unless every
    source whose window holds the year has it. Raises InputError for no source, an unknown table,
    series, region or unit, a source with no observation in its window, a year that is not whole, a
    conversion that does not exist, and a value not above 0 under the geometric mean.
    """
    if not sources:
        raise InputError("an observed series needs at least one source")
    if combine not in get_args(Combine):
        raise InputError(f"combine is {combine!r}, not one of {get_args(Combine)}")
    prices, target = Prices.read(folder), parse_unit(unit)
    parts = [_values(one, load_table(one.table, one.folder or folder), target, prices) for one in sources]
    years = sorted({year for part in parts for year in part})
    found: dict[int, float] = {}
    for year in years:
        there = [part[year] for part in parts if year in part]
        if combine == "geometric mean":
            found[year] = _geometric_mean(there, sources, year)
        elif len(there) == sum(one.covers(year) for one in sources):
            found[year] = sum(there)
    index = pd.Index(list(found), dtype="int64", name="year")
    return pd.Series(list(found.values()), index=index, name=unit, dtype="float64")


def _values(source: Source, table: Table, target: Unit, prices: Prices) -> dict[int, float]:
    entry = table.entry(source.series, source.unit)
    unit = _unit_of(entry, table.name)
    result: dict[int, float] = {}
    for year, value in table.values(source.series, source.region, source.unit).items():
        if not source.covers(math.floor(year)):
            continue
        if year != math.floor(year):
            raise InputError(f"{table.name} {source.series}: {year} is a date within a year, not a year")
        result[int(year)] = source.factor * convert(value, year, unit, target, prices)
    if not result:
        raise InputError(
            f"{table.name} {source.series} {source.region}: nothing observed from {source.first_year}"
            f" to {source.last_year}"
        )
    return result


def _unit_of(entry: Series, table: str) -> Unit:
    """Return the unit of a series, its price base and its year completed by the manifest."""
    unit = parse_unit(entry.unit)
    if unit.currency and unit.price_year is None:
        unit = replace(unit, price_year=entry.currency_year)
    if unit.price_year != entry.currency_year:
        raise InputError(
            f"{table}.toml key {entry.name}: currency_year {entry.currency_year} does not fit {entry.unit!r}"
        )
    return unit.per_year() if entry.time_basis == "flow of the year" else unit


def _geometric_mean(values: Sequence[float], sources: Sequence[Source], year: int) -> float:
    if min(values) <= 0:
        names = ", ".join(f"{one.table} {one.series}" for one in sources)
        raise InputError(f"{names}: {min(values):g} in {year} has no geometric mean, must be above 0")
    return geometric_mean(values)
