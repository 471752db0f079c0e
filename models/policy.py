"""A policy: what a government changes against the case's own history, as a small CSV file.

Columns `variable,year,value,unit` and, if wanted, `source,evidence,note`. Straight lines join the points and
the ends hold, so a variable with one row is constant and a dated step needs two rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.files.series import Series, read_series
from stockflow import Model, Variable
from stockflow.arrays import Array
from stockflow.errors import InputError, UnknownNameError, unknown
from stockflow.language.equations import Number, WithLookup, references

TimePath = tuple[NDArray[np.float64], NDArray[np.float64]]

SCALE = 20.0  # times the largest value of history beyond which a value is doubted

# What buyers see coming is the same path read ahead, so a new path moves both.
ANNOUNCED = {
    "feed in tariff": "announced tariff",
    "central subsidy": "announced central subsidy",
    "local subsidy ratio": "announced local subsidy ratio",
}


def read_policy(path: str | Path, model: Model) -> dict[str, TimePath]:
    """Return (times, values) by display name, ready for `model.with_series`.

    A new path of a support that is announced in advance brings its announced path along, read ahead by the
    anticipation horizon of `model`, unless the file gives that path itself. Raises InputError with file and
    row for a variable the model does not have or computes itself, a unit other than the model's, a value
    outside the variable's limits, a path outside the run, and whatever `read_series` refuses.
    """
    changed: dict[str, TimePath] = {}
    for series in read_series(Path(path), sourced=False).values():
        variable = _variable(series, model)
        _check(series, variable, model)
        changed[variable.name] = (np.array(series.years), np.array(series.values))
    if not changed:
        raise InputError(f"{path}: no rows")
    return with_announced(changed, model)


def with_announced(paths: Mapping[str, TimePath], model: Model) -> dict[str, TimePath]:
    """Return `paths` and, for each support announced in advance, its announced path unless that is given too."""
    whole = dict(paths)
    for name, announced in ANNOUNCED.items():
        if name in whole and announced not in whole and announced in model.variables:
            ahead = model.variable("anticipation horizon").value
            if ahead is None:
                told = "'anticipation horizon' is not a constant of this model: give the announced path yourself"
                raise InputError(told)
            times, values = whole[name]
            whole[announced] = (times - ahead, values)
    return whole


def history(model: Model, variable: str) -> tuple[Array, Array]:
    """Return the points of a driver as the model has them: (years, values); one point for a constant."""
    one = model.variable(variable)
    match one.expression:
        case Number(value):
            return np.array([model.initial_time]), np.array([value])
        case WithLookup(_, table):
            return np.array(table.xs), np.array(table.ys)
    raise InputError(f"{model.file.name}: {one.name!r} is computed by the model, not a path over time")


def doubts_of_scale(paths: Mapping[str, Sequence[float]], model: Model) -> list[str]:
    """Say of which variables the values given go beyond SCALE times the largest that the case's history has.

    Such a value may be meant, but most are in another unit: fen for yuan, yuan for thousands of them.
    """
    out = []
    for name in (name for name in paths if name not in ANNOUNCED.values()):  # these follow from what is given
        variable, values = model.variable(name), paths[name]
        largest, usual = max(map(abs, values)), float(np.abs(history(model, variable.name)[1]).max())
        if largest > SCALE * usual > 0:
            out.append(
                f"{variable.name!r} goes to {largest:g} {variable.unit}, {largest / usual:.3g} times the largest of "
                f"the case's history, {usual:.4g}: is it in {variable.unit}?"
            )
    return out


def known_variable(model: Model, name: str, place: str) -> Variable:
    """Return a variable of the model; InputError, at `place`, with the nearest names if there is none."""
    try:
        return model.variable(name)
    except UnknownNameError:
        raise unknown("variable", name, model.variables, place) from None


def _variable(series: Series, model: Model) -> Variable:
    place = series.points[0].place
    variable = known_variable(model, series.name, place)
    if variable.kind != "constant" and not is_driver(variable):
        told = f"{variable.name!r} is a {variable.kind} computed by the model"
        raise InputError(f"{place}: {told}; a policy moves inputs and constants")
    return variable


def is_driver(variable: Variable) -> bool:
    """Whether the equation is a path over time and nothing else, as every policy and scenario series is."""
    expression = variable.expression
    return isinstance(expression, WithLookup) and set(references(expression)) <= {"anticipation horizon"}


def _check(series: Series, variable: Variable, model: Model) -> None:
    first, last = series.points[0], series.points[-1]
    if first.year > model.final_time or (last.year < model.initial_time and first is not last):
        span = f"{model.initial_time:g}-{model.final_time:g}"
        raise InputError(f"{first.place}: {variable.name!r} has no point inside the run, {span}")
    low, high = variable.limits
    for point in series.points:
        if point.unit != variable.unit:
            raise InputError(f"{point.place}: {variable.name!r} is in {variable.unit!r}, not {point.unit!r}")
        if (low is not None and point.value < low) or (high is not None and point.value > high):
            bounds = " to ".join("any" if bound is None else f"{bound:g}" for bound in (low, high))
            shown = f"{variable.name!r} = {point.value:g} {variable.unit}"
            raise InputError(f"{point.place}: {shown} is outside {bounds}")
