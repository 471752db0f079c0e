"""A target file made of Vensim's payoff definition, optimisation control and a table of data.

A target file takes observations from a table beside a manifest, so the data become such a table too.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any, Literal

import tomlkit

from calibration.fitting.targets import Targets
from calibration.observed.money import Prices, convert, parse_unit
from calibration.observed.tables import written
from models.files.settings import FIRST_YEAR, LAST_YEAR, valid
from stockflow import Model
from stockflow.errors import InputError, unknown
from stockflow.files import reason
from stockflow.language.data_tables import Column, VensimData
from stockflow.names import plain
from stockflow.vensim_files.files import Control, Element, PayoffDefinition, Search

Measure = Literal["at the time", "mid year", "year end"]

#: what Vensim itself starts chance from
DEFAULT_SEED = 1234
_DECADE = 10.0
_OF_CONTROL = {"free", "starts", "seed", "response", "response_grid"}  # keys of a target file that the control gives
_USED = {"MULTIPLE_START", "RESTART_MAX", "SEED"}  # options of a control that a target file says


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


def to_targets(
    payoff: PayoffDefinition,
    control: Control,
    data: VensimData,
    case: str,
    table: str,
    region: str,
    measure: Measure = "at the time",
    units: Mapping[str, str] | None = None,
    response: str | None = None,
    starts: int | None = None,
    seed: int | None = None,
    model: Model | None = None,
) -> Imported:
    """Return the target file of `case` that fits what the Vensim files fit, and its table of observations.

    Weights become errors: `*C` holds 1/sd, `*CG` the sd and `*CK` the variance, of the logarithm with an L.  An error
    that is not of the logarithm is divided by the geometric mean of its data, as target files fit logarithms.  A
    search range becomes a prior centred at the start (the model's value if the file gives none) whose spread is a
    quarter of the range, of its logarithm where a positive range spans more than a decade.

    With `measure` "at the time" a value at a whole time is compared with the run at that time, as Vensim does (the end
    of the year before), and at a half with the middle of the year; otherwise whole times are calendar years, read at
    their middle or end.  `units` (by variable) go before those of the model.  `starts` and `seed` go before the
    control's RESTART_MAX and SEED.

    Raises InputError with file and line for what a target file cannot say: policy payoffs and priors, other errors
    than Gaussian, weights that vary, data that are missing or not positive, parameters without both bounds or with
    steps, and units that the tables do not know.
    """
    _check_names(table, region)
    compared = [one.variable for one in payoff.elements]
    for name in units or {}:
        if plain(name) not in map(plain, compared):
            raise unknown("compared variable", name, compared, f"{payoff.file}: unit of a variable")
    series = tuple(_series(one, data, measure, units or {}, control, model) for one in payoff.elements)
    _refuse_twice(series)
    priors = {one.name: _prior(one, model) for one in control.parameters}
    first = control.parameters[0] if response is None else _named(control, response)
    said: dict[str, Any] = {
        "case": case,
        "last_year": max(one.years[-1] for one in series),
        "starts": _starts(control) if starts is None else starts,
        "seed": int(control.options.get("SEED", DEFAULT_SEED)) if seed is None else seed,
        "response": first.name,
        "response_grid": _grid(first, priors[first.name]["centre"]),
        "free": priors,
        "series": [_entry(one, table, region) for one in series],
    }
    try:
        valid(Targets, said, "")
    except InputError as error:
        key = re.split(r"[.:]", str(error))[0]
        raise InputError(f"{control.file if key in _OF_CONTROL else payoff.file}: {error}") from None
    text = _toml(said, payoff, control, data)
    return Imported(table, text, _rows(series, data, region), _manifest(series, data, region))


def _check_names(table: str, region: str) -> None:
    if not re.fullmatch(r"\w[\w.-]*", table):
        raise InputError(f"table {table!r}: expected the name of a file without its folder and ending: letters, digits,"
                         " _ - .")  # fmt: skip
    if not region.strip():
        raise InputError(f"region {region!r}: expected where the data were observed")


def _named(control: Control, name: str) -> Search:
    for one in control.parameters:
        if plain(one.name) == plain(name):
            return one
    raise unknown("searched parameter", name, [one.name for one in control.parameters], control.file)


def _series(
    element: Element,
    data: VensimData,
    measure: Measure,
    units: Mapping[str, str],
    control: Control,
    model: Model | None,
) -> FittedTo:
    line = element.line
    if element.kind != "calibration" or element.data is None:
        raise line.refusal(f"*{element.code} is a {element.kind} payoff, which compares nothing with data", "*C")
    if element.distribution not in {"", "G", "K"} or element.transform not in {"", "L"}:
        raise line.refusal(
            f"*{element.code} has errors that a target file cannot state", "*C, *CG or *CK, with L or not"
        )
    column = data.columns.get(plain(element.data))
    if column is None:
        known = [one.name for one in data.columns.values()]
        raise unknown("data series", element.data, known, f"{line.file}: line {line.number}: {data.file}")
    for time, value, place in zip(column.times, column.values, column.places, strict=True):
        if value <= 0:
            raise InputError(
                f"{place}: {column.name} is {value:g} at time {time:g};"
                " expected a value above 0, as errors are of logarithms"
            )
    how, years = _years(column, measure)
    unit = _unit(element, units, model)
    error, told = _error(element, control, model)
    middle = geometric_mean(column.values)
    sigma = error if element.transform else error / middle
    scope = f"{data.file} as compared in {Path(line.file).name} line {line.number}: error {told}"
    if not element.transform:
        scope += f", here over the geometric mean {middle:.6g} of the data"
    return FittedTo(element, column, unit, how, years, sigma, scope)


def _years(column: Column, measure: Measure) -> tuple[str, tuple[int, ...]]:
    """Return how a year is read off the run, and the year of each value."""
    halves = [time * 2 for time in column.times]
    allowed = "whole times or times at a half" if measure == "at the time" else "whole times, which are calendar years"
    odd = {round(one) % 2 for one in halves}
    for one, time, place in zip(halves, column.times, column.places, strict=True):
        if abs(one - round(one)) > 1e-6 or (measure != "at the time" and round(one) % 2):
            raise InputError(f"{place}: {column.name} is observed at time {time:g}; expected {allowed}")
        if not FIRST_YEAR <= time <= LAST_YEAR:
            span = f"{FIRST_YEAR:g} to {LAST_YEAR:g}"
            raise InputError(f"{place}: {column.name} is observed at time {time:g}; expected a year from {span}")
    if len(odd) > 1:
        raise InputError(f"{column.places[0]}: {column.name} has whole times and halves; expected one or the other")
    if measure != "at the time":
        return measure, tuple(round(time) for time in column.times)
    if odd == {1}:
        return "mid year", tuple(math.floor(time) for time in column.times)
    return "year end", tuple(round(time) - 1 for time in column.times)


def _unit(element: Element, units: Mapping[str, str], model: Model | None) -> str:
    """Return the unit of the observed variable, which the tables must know."""
    given = {plain(name): unit for name, unit in units.items()}
    line, unit = element.line, given.get(plain(element.variable))
    if unit is None and model is not None:
        unit = line.variable(element.variable, model).unit
    if unit is None:
        raise line.refusal(f"the unit of {element.variable} is not known", "a model or a unit for it")
    unit = "1" if plain(unit) in {"dmnl", "dimensionless", ""} else unit
    try:
        parsed = parse_unit(unit)
        convert(1.0, 2020, parsed, parsed, Prices.read())
    except InputError as error:
        remedy = f'a unit that the tables know, given by --unit "{element.variable}=UNIT"'
        raise line.refusal(f"{element.variable}: {error}", remedy) from None
    return unit


def _error(element: Element, control: Control, model: Model | None) -> tuple[float, str]:
    """Return the standard deviation that a weight stands for, and how it was said."""
    line, weight = element.line, element.weight
    told = f"from weight {weight}"
    if isinstance(weight, str):
        if plain(weight) in {plain(one.name) for one in control.parameters}:
            raise line.refusal(f"weight {weight} is itself searched for", "a weight that is a number or a constant")
        if model is None:
            raise line.refusal(f"weight {weight} is a name, which needs the model", "a number, or a model")
        one = line.constant(weight, model)
        if one.value is None or one.value <= 0:
            raise line.refusal(f"weight {weight} is {one.value}", "a constant above 0")
        told, weight = f"{told} = {one.value:g}", one.value
    sd = {"": 1 / weight, "G": weight, "K": math.sqrt(weight)}[element.distribution]
    return sd, f"{sd:.6g}{' of the logarithm' if element.transform else ''} {told} of *{element.code}"


def _refuse_twice(series: Sequence[FittedTo]) -> None:
    seen: dict[str, Element] = {}
    for one in series:
        key = plain(one.column.name)
        if key in seen:
            line = one.element.line
            raise line.refusal(f"data {one.column.name} are compared in line {seen[key].line.number} too", "each once")
        seen[key] = one.element


def _prior(one: Search, model: Model | None) -> dict[str, Any]:
    """Return a prior that is as wide as the search."""
    low, high = one.low, one.high
    if not isinstance(low, float) or not isinstance(high, float):
        missing = "both bounds as numbers, or a model that knows them"
        raise one.line.refusal(f"{one.name} is searched without bounds that are numbers", missing)
    if not low < high:
        raise one.line.refusal(f"{one.name} is held at {low:g}", "low < high")
    if "DIS" in one.extra.upper():
        raise one.line.refusal(f"{one.name} moves in steps ({one.extra})", "a parameter that moves freely")
    centre, said = one.start, "start of the search"
    if centre is None and model is not None:
        centre, said = one.line.constant(one.name, model).value, "value in the model"
    if centre is None or not low <= centre <= high:
        raise one.line.refusal(f"{one.name} has no start within {low:g} to {high:g}", "low <= name = start <= high")
    wide = low > 0 and high / low > _DECADE
    spread = math.log(high / low) / 4 if wide else (high - low) / 4
    how = "a quarter of the range's logarithm" if wide else "a quarter of the range"
    place = f"{Path(one.line.file).name} line {one.line.number}"
    return {
        "shape": "lognormal" if wide else "normal",
        "centre": centre,
        "spread": spread,
        "source": f"search range {low:g} to {high:g} in {place}; centre is the {said}, spread {how}",
    }


def _grid(one: Search, centre: float) -> list[float]:
    """Return the ends of the search and a value between: the centre, or the middle if that is an end."""
    assert isinstance(one.low, float)
    assert isinstance(one.high, float)
    return [one.low, centre if one.low < centre < one.high else (one.low + one.high) / 2, one.high]


def _starts(control: Control) -> int:
    if str(control.options.get("MULTIPLE_START", "OFF")).upper() in {"OFF", ""}:
        return 1
    count = int(control.options.get("RESTART_MAX", 0))
    if count < 1:
        raise InputError(f"{control.file}: starts again without end, as RESTART_MAX is {count}; say how many starts")
    return count


def _entry(one: FittedTo, table: str, region: str) -> dict[str, Any]:
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


def _toml(said: Mapping[str, Any], payoff: PayoffDefinition, control: Control, data: VensimData) -> str:
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


def _rows(series: Sequence[FittedTo], data: VensimData, region: str) -> str:
    """Return the table of observations as text."""
    return written(
        (one.column.name, region, year, repr(value), one.unit, data.file, "read", f"time {time:g} in {data.file}")
        for one in series
        for year, value, time in zip(one.years, one.column.values, one.column.times, strict=True)
    )


def _manifest(series: Sequence[FittedTo], data: VensimData, region: str) -> str:
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
