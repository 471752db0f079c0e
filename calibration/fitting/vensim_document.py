"""How a target file made of Vensim's files is written: the document, its table of observations, the manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from calibration.observed.money import parse_unit
from calibration.observed.tables import written
from stockflow.errors import InputError
from stockflow.files import reason
from stockflow.vensim_files.data import Column, VensimData
from stockflow.vensim_files.files import Control, Element, PayoffDefinition

_USED = {"MULTIPLE_START", "RESTART_MAX", "SEED"}


@dataclass(frozen=True, slots=True)
class Imported:
    """A target file and the table it takes its observations from, as texts, with the table's name."""

    table: str
    targets: str
    rows: str
    manifest: str

    def write(self, targets: Path, folder: Path) -> tuple[Path, Path, Path]:
        """Write the target file, and table and manifest into `folder`, which is made if need be: all or none.

        Raises InputError for a folder that cannot be made or written, and for a file that is there already.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made: {reason(error)}") from None
        paths = targets, folder / f"{self.table}.csv", folder / f"{self.table}.toml"
        for path in paths:
            if path.exists():
                raise InputError(f"{path}: is there already; give another name or move it away")
        try:
            for path, text in zip(paths, (self.targets, self.rows, self.manifest), strict=True):
                path.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            for path in paths:
                path.unlink(missing_ok=True)
            raise InputError(f"{error.filename}: cannot be written: {reason(error)}") from error
        return paths


@dataclass(frozen=True, slots=True)
class FittedTo:
    """One observed series on its way: years of its positive values in `unit`, and the error of their logarithm."""

    element: Element
    column: Column
    unit: str
    measure: str
    years: tuple[int, ...]
    sigma: float
    scope: str


def entry(one: FittedTo, table: str, region: str) -> dict[str, Any]:
    """Return the entry of one series in a target file."""
    span = {"first_year": one.years[0], "last_year": one.years[-1]}
    source = {"table": table, "series": one.column.name, "region": region, "unit": one.unit, **span}
    return {
        "name": one.column.name,
        "quantity": one.element.variable,
        "measure": one.measure,
        "unit": one.unit,
        "sigma": one.sigma,
        **span,
        "scope": one.scope,
        "sources": [source],
    }


def toml(said: Mapping[str, Any], payoff: PayoffDefinition, control: Control, data: VensimData) -> str:
    """Return a target file as text; its head says where it came from and what was left behind."""
    names = ", ".join(Path(one).name for one in (payoff.file, control.file, data.file))
    left = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in control.options.items()
        if name not in _USED
    ]
    left += [f"{one.name} | {one.extra}" for one in control.parameters if one.extra]
    text = tomlkit.document()
    text.add(tomlkit.comment(f"Read from {names}."))
    if left:
        text.add(tomlkit.comment(f"Left behind: {'; '.join(left)}."))
    text.update(said)
    return tomlkit.dumps(text)


def rows(series: Sequence[FittedTo], data: VensimData, region: str) -> str:
    """Return the table of observations as text."""
    return written(
        (one.column.name, region, year, repr(value), one.unit, data.file, "read", f"time {time:g} in {data.file}")
        for one in series
        for year, value, time in zip(one.years, one.column.values, one.column.times, strict=True)
    )


def manifest(series: Sequence[FittedTo], data: VensimData, region: str) -> str:
    """Return the manifest of the table as text."""
    entries = []
    for one in series:
        price_year = parse_unit(one.unit).price_year
        entries.append(
            {
                "name": one.column.name,
                "unit": one.unit,
                "regions": [region],
                "role": "outcome",
                "meaning": f"what {one.element.variable} is compared with",
                "scope": f"as in {data.file}",
                "time_basis": "mean of the year" if one.measure == "mid year" else "end of the year",
                **({} if price_year is None else {"currency_year": price_year}),
                "breaks": [],
            }
        )
    return tomlkit.dumps(
        {
            "title": f"Observations of {data.file}",
            "layout": "series",
            "first_year": min(one.years[0] for one in series),
            "last_year": max(one.years[-1] for one in series),
            "origin": f"{data.file}, a table of data for Vensim",
            "licence": "not stated in the file; that of its author",
            "series": entries,
        }
    )
