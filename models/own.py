"""A technology of the user's own: a folder NAME with case.toml, policy.csv and scenario.csv on the generic market.

The folder says what differs from the generic case (`cases/generic.toml`): the clock, the units of cost and volume with
their way into the model's money and units, any parameter, any policy or scenario path. All equations are those of
`core.part` and `generic.part`. Once calibrated, the estimates in NAME/results/fit.toml take the place of the values.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from models.files.build import DRIVER_FOLDERS, FOLDER, assembled, read_drivers
from models.files.casefile import CaseFile, Control, Parameter, Text, read_case_file
from models.files.series import Point, Series
from models.files.settings import Positive, Strict, Year, read_settings, read_toml
from stockflow.errors import InputError, unknown

GENERIC = "generic"
CASE_FILE, FIT = "case.toml", "results/fit.toml"
PATHS = ("policy.csv", "scenario.csv")
MONEY, UNIT = "bnCNY/unit", "unit/Year"
NEEDED = ("market size", "reference cost")
DIVISORS = (*NEEDED, "content per unit")  # what something is taken as a share of


class Cost(Strict):
    """What an observed `unit_cost` is: its unit, what 1 of it is in bnCNY of 2020 per unit of the model, and its kind.

    A "price" is what buyers pay, a "cost" what makers spend.
    """

    unit: Text
    in_model: Positive
    kind: Literal["price", "cost"]
    source: Text


class Volume(Strict):
    """The unit of observed volumes, how many units of the model 1 of it is, and what a unit of the model is called."""

    unit: Text
    in_model: Positive
    model_unit: Text
    source: Text


class Change(Strict):
    """A parameter that differs from the generic case; what is left out stays as it is there."""

    value: float
    source: Text
    evidence: Literal["paper", "read", "recalled", "derived", "assumed", "fit"]
    low: float | None = None
    high: float | None = None


class Clock(Strict):
    """Year from which durations are counted besides the start of the run, and where it is from."""

    year: Year
    source: Text


class OwnFile(Strict):
    """The whole case.toml of a technology of the user's own."""

    title: Text
    control: Control
    cost: Cost
    volume: Volume
    clocks: Mapping[str, Clock] = {}
    parameters: Mapping[str, Change] = {}

    @property
    def yearly(self) -> str:
        """Unit of a yearly volume."""
        return f"{self.volume.unit}/year"

    def factor(self, unit: str) -> tuple[float, str] | None:
        """Return what 1 `unit` is in the model, and in which of its units; None for no unit of this case."""
        if unit == self.cost.unit:
            return self.cost.in_model, MONEY
        if unit.casefold() == self.yearly.casefold():
            return self.volume.in_model, UNIT
        return (self.volume.in_model, "unit") if unit == self.volume.unit else None

    def shown(self, unit: str) -> tuple[str, float]:
        """Return the case's own unit for what is in `unit` in the model, and what 1 of it is there."""
        names = {MONEY: self.cost.unit, UNIT: self.yearly, "unit": self.volume.unit}
        if unit not in names:
            return unit, 1.0
        return names[unit], self.cost.in_model if unit == MONEY else self.volume.in_model


def read_own(folder: Path) -> OwnFile:
    """Read case.toml; InputError names file, key, value and bound."""
    try:
        return read_settings(folder / CASE_FILE, OwnFile)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None


def own_numbers(folder: Path, fitted: bool = True) -> CaseFile:
    """Return all numbers of the case: the generic ones, those of case.toml, and, if `fitted`, the accepted estimates.

    InputError for a parameter that the generic case does not have or a value outside its bounds.
    """
    own, generic = read_own(folder), read_case_file(FOLDER / "cases" / f"{GENERIC}.toml")
    table = dict(generic.parameters)
    for name, change in own.parameters.items():
        place = f'{folder / CASE_FILE}: parameters."{name}"'
        if name not in table:
            raise unknown("parameter", name, table, place)
        table[name] = _changed(table[name], change.model_dump(exclude_none=True), place)
    for name, row in (_estimates(folder) if fitted else {}).items():
        if name in table:
            told = {"value": row["value"], "source": FIT, "evidence": "fit"}
            table[name] = _changed(table[name], told, f"{folder / FIT}: {name}", f"; {again(folder)}")
    units: dict[str, tuple[str, ...]] = {
        "unit": (own.volume.model_unit,),
        "content": (f"{own.volume.model_unit} made",),
    }
    return CaseFile(title=own.title, control=own.control, units=units, parameters=table)


def own_drivers(folder: Path) -> dict[str, Series]:
    """Return every path of the case, in units of the model: the generic ones, replaced by those of policy and scenario.

    A path that neither gives stays as it is in the generic case: none of it. InputError with file and row for an
    unknown name, a unit that is neither the model's nor one of the case's own, whatever `read_series` refuses, and a
    market size or reference cost that is not given, since the generic ones stand only for the place.
    """
    own = read_own(folder)
    usual = read_drivers([FOLDER / kind / f"{GENERIC}.csv" for kind in DRIVER_FOLDERS])
    found: dict[str, Series] = {}
    for name, series in read_drivers(file for one in PATHS if (file := folder / one).exists()).items():
        if name not in usual:
            raise unknown("variable", name, usual, series.points[0].place)
        for point in series.points if name in DIVISORS else ():
            if point.value <= 0:
                raise InputError(f"{point.place}: {name!r} {point.value:g} {point.unit} must be above 0")
        found[name] = Series(name, tuple(_in_model(p, usual[name].unit, own) for p in series.points))
    for name in NEEDED:
        if name not in found:
            raise InputError(f"{folder / PATHS[-1]}: no rows of {name!r}, which every technology must have")
    return {**usual, **found}


def own_text(folder: Path, fitted: bool = True) -> str:
    """Return the text of the Vensim file of the case, complete and free of anything beside it, without diagrams."""
    numbers = own_numbers(folder, fitted)
    return assembled(folder.resolve().name, GENERIC, folder / CASE_FILE, numbers, own_drivers(folder), drawn=False)


def again(folder: Path) -> str:
    """Return what to do where the fit in the folder cannot be used."""
    return f"run `techcycle calibrate {folder} --data {folder / 'observations.csv'}`"


def own_parts() -> tuple[Path, ...]:
    """Return the files that hold the equations and the shared drivers of such a case."""
    parts = (FOLDER / "vensim" / "parts" / f"{name}.part" for name in ("core", GENERIC))
    return (*parts, *(FOLDER / kind / f"{GENERIC}.csv" for kind in DRIVER_FOLDERS))


def _changed(one: Parameter, told: Mapping[str, Any], place: str, remedy: str = "") -> Parameter:
    row = {**one.model_dump(), **told}
    for end, limit, wrong in (("low", 0.0, one.low >= 0 and (row["low"] < 0 or row["low"] == 0 < one.low)),
                              ("high", 1.0, one.high == 1 < row["high"])):  # fmt: skip
        if wrong:
            raise InputError(f"{place}: {end} {row[end]:g} {one.unit} is beyond {limit:g}, the end of its sense")
    if not row["low"] <= row["value"] <= row["high"]:
        span = f"{row['low']:g} to {row['high']:g}"
        raise InputError(f"{place}: value {row['value']:g} {one.unit} is outside {span}{remedy}")
    return Parameter.model_validate(row)


def _in_model(point: Point, unit: str, own: OwnFile) -> Point:
    if point.unit == unit:
        return point
    known = own.factor(point.unit)
    if known is None or known[1] != unit.replace("content/Year", UNIT):
        asked = {MONEY: own.cost.unit, UNIT: own.yearly, "content/Year": own.yearly}.get(unit)
        wanted = f"{unit!r}" if asked is None else f"{asked!r} (or {unit!r}, the model's)"
        raise InputError(f"{point.place}: {point.name!r} is in {point.unit!r}, not {wanted}")
    return replace(point, value=point.value * known[0], unit=unit)


def _estimates(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    file = folder / FIT
    if not file.is_file():
        return {}
    try:
        rows = read_toml(file)["estimates"]
        return {str(name): {"value": float(row["value"])} for name, row in rows.items()}
    except InputError as error:
        raise InputError(f"{folder / 'results'}: {error}; {again(folder)}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not a calibration record: {error!r}; {again(folder)}") from None
