"""Runs of a case held against the first of them: a table over time, and in words where they differ most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from analysis.draws.runs import drawn
from analysis.draws.runs import run as run_drawn
from analysis.plain.language import listed, term, worded
from analysis.plain.progress import each
from analysis.plain.units import customary
from analysis.runs.asked import AskedRun, column_of, units_in_words
from calibration.fitting.payoff import fitted_series, reading
from calibration.fitting.targets import load_targets
from models.case import load_case
from models.files.settings import NotNegative, Positive, SettingsFile, Text
from models.home import Home
from models.policy import known_variable
from models.run import changed_model, run_case
from models.schedules.run import Draws, applied
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import quantiles
from stockflow.language.equations import Integral, Reference
from stockflow.names import plain

SAME = 1e-9  # of the largest value: what a table of ten digits can lose


class CompareStudy(SettingsFile):
    """What a comparison shows unless told otherwise."""

    shipped = Path(__file__).parents[1] / "studies" / "compare.toml"
    variables: Annotated[tuple[Text, ...], Field(min_length=1)]
    before: NotNegative
    visible: Positive


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Runs on common `times`, (time,): `values` by variable, (run, draw, time); `units` are the model's in words.

    One draw is one run, at the values of the case's file; `basis` says in words what several are.
    """

    home: Home
    labels: tuple[str, ...]
    times: Array
    values: Mapping[str, Array]
    units: Mapping[str, str]
    basis: str

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(next(iter(self.values.values())).shape[1])

    def alike(self, one: int, other: int, name: str) -> bool:
        """Whether a variable is the same in two runs, by their places."""
        return _apart(self.values[name][[one, other]]) <= SAME

    def since(self, study: CompareStudy) -> float:
        """Return the first year worth showing: some before any difference that can be seen, else the first there is."""
        parts = np.array([np.ptp(v, axis=0).max(0) > study.visible * np.abs(v).max() for v in self.values.values()])
        seen = self.times[parts.any(0)]
        return float(max(self.times[0], np.floor(seen[0]) - study.before)) if len(seen) else float(self.times[0])


def compare(
    home: Home, asked: Sequence[AskedRun], variables: Sequence[str], until: float | None, draws: int | None
) -> tuple[Compared, Mapping[str, xr.Dataset]]:
    """Run what was asked for, once or over the same `draws` of the posterior; also return the single runs by label.

    InputError for what a run refuses, saved runs under draws, and runs without a time in common.
    """
    model = load_case(home.name).model
    names = list(dict.fromkeys(known_variable(model, one, "--variables").name for one in variables))
    single: dict[str, xr.Dataset] = {}
    found, basis = [], ""
    for one in each(asked, worded("compare {case}", case=term(home.label)), "run"):
        if one.saved is not None:
            if draws is not None:
                raise InputError(f"--draws: {one.label} is one saved run; leave it out, or --draws")
            columns = {name: column_of(one, name, model.variable(name).unit).to_numpy()[None, :] for name in names}
            found.append((one.saved.index.to_numpy(dtype=float), columns))
            continue
        single[one.label] = run_case(home.name, one.settings, one.policy, until, schedule=one.schedule)
        if draws is None:
            values = {name: single[one.label][name].to_numpy()[None, :] for name in names}
            found.append((single[one.label]["time"].to_numpy(), values))
        else:
            times, values, basis = _over_draws(home, one, names, until, draws)
            found.append((times, values))
    times = found[0][0]
    for one, (other, _) in zip(asked, found, strict=True):
        times = np.intersect1d(times, other)
        if not len(times):
            raise InputError(f"{one.label}: no time in common with {asked[0].label}")
    held = {name: np.stack([v[name][:, np.isin(t, times)] for t, v in found]) for name in names}
    words = units_in_words(home)
    units = {name: words(model.variable(name).unit) for name in names}
    return Compared(home, tuple(one.label for one in asked), times, held, units, basis), single


def _over_draws(
    home: Home, asked: AskedRun, names: Sequence[str], until: float | None, draws: int
) -> tuple[Array, dict[str, Array], str]:
    """Return times, values by variable, (draw, time), and what the draws are; a setting holds in every draw."""
    model = changed_model(home.name, asked.settings, asked.policy)
    of, by_hand = drawn(home.name, draws, model), set(map(plain, asked.settings))
    kept = {n: v for n, v in of.samples.items() if plain(n) not in by_hand and model.variable(n).kind == "constant"}
    of, last = replace(of, samples=kept), model.final_time if until is None else until
    paths = applied(Draws(model, kept, last, None), asked.schedule).paths() if asked.schedule is not None else {}
    runs = run_drawn(of, names, last, series=paths)
    return runs.times, {name: runs.values[name] for name in names}, of.basis


def table(found: Compared, yearly: bool) -> pd.DataFrame:
    """Return a row for each variable and time: every run, then its difference from the first and its ratio to it.

    Over draws these are medians, and the difference, taken in each draw, has the ends of its central 90%.
    """
    at = found.times % 1 == 0 if yearly else np.ones(len(found.times), dtype=bool)
    first, parts = found.labels[0], []
    for name, values in found.values.items():
        shown = values[:, :, at]
        rows: dict[str, object] = {"variable": name, "unit": found.units[name], "time": found.times[at]}
        rows |= {label: np.median(run, axis=0) for label, run in zip(found.labels, shown, strict=True)}
        for label, run in zip(found.labels[1:], shown[1:], strict=True):
            low, middle, high = quantiles(run - shown[0])
            rows[f"{label}, difference from {first}"] = middle
            if found.draws > 1:
                rows |= {f"{label}, difference, 5%": low, f"{label}, difference, 95%": high}
            rows[f"{label}, ratio to {first}"] = np.median(_ratio(run, shown[0]), axis=0)
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def brief(found: Compared, since: float, columns: int = 8) -> pd.DataFrame:
    """Return a row for each variable and run, a column for some whole years from `since` on: medians over draws.

    Units, and with them values, are the customary ones of the language spoken.
    """
    whole = np.flatnonzero((found.times % 1 == 0) & (found.times >= since))
    chosen = whole[:: -(-len(whole) // columns)] if len(whole) else np.arange(len(found.times))[-1:]
    rows = []
    for name, values in found.values.items():
        factor, unit = customary(found.units[name])
        for place, label in enumerate(found.labels):
            heads = {"variable": term(name), "unit": unit} if not place else {"variable": "", "unit": ""}
            middle = factor * np.median(values[place][:, chosen], axis=0)
            years = {f"{found.times[i]:g}": value for i, value in zip(chosen, middle, strict=True)}
            rows.append({**heads, "run": label} | years)
    return pd.DataFrame(rows)


def words(found: Compared) -> list[str]:
    """Say of each run and variable where it differs most from the first, and which runs are the same in all of them."""
    lines = [
        worded("{run} is the same as {first} in all variables shown.", run=term(other), first=term(label))
        for (one, label), (place, other) in combinations(enumerate(found.labels), 2)
        if all(found.alike(one, place, name) for name in found.values)
    ]
    for place, label in enumerate(found.labels[1:], 1):
        same = [name for name in found.values if found.alike(0, place, name)]
        if len(same) == len(found.values):
            continue
        first = term(found.labels[0])
        lines.append(worded("{run} against {first}, where they differ most:", run=term(label), first=first))
        lines += [f"  {_most(found, place, name)}" for name in found.values if name not in same]
        lines += ["  " + worded("the same: {variables}", variables=listed(map(term, same)))] if same else []
    return lines


def observations(home: Home, name: str) -> tuple[str, Array, Array] | None:
    """Return series, times and values, in the model's unit, of what a fit of the case compares with a variable.

    That is a series of the variable itself, or of a stock that gathers it and nothing else; None where there is none.
    """
    if not home.targets.is_file():
        return None
    model = load_case(home.name).model
    for target in load_targets(home.name).series:
        quantity, measure = model.variable(target.quantity), target.measure
        match quantity.expression:
            case Integral(rate=Reference(name=gathered)) if measure == "yearly difference":
                read, at = gathered, "mid year"
            case _:
                read, at = ("", "") if measure == "yearly difference" else (quantity.name, measure)
        if plain(read) == plain(name):
            seen = fitted_series(target)
            return target.name, np.array([reading(name, at, float(year)).at for year in seen.years]), seen.values
    return None


def _most(found: Compared, place: int, name: str) -> str:
    first, run = found.values[name][0], found.values[name][place]
    low, middle, high = quantiles(run - first)
    at = int(np.argmax(np.abs(middle)))
    before, after = (float(np.median(one[:, at])) for one in (first, run))
    ratio = float(np.median(_ratio(run, first)[:, at]))
    factor, unit = customary(found.units[name])
    change = _digits(factor * middle[at])
    told = worded(
        "{variable}: {change} in {time:g}, {after} instead of {before}",
        variable=term(name),
        change=change if unit == "1" else worded("{value} {unit}", value=change, unit=unit),
        time=found.times[at],
        after=_digits(factor * after, 4, ""),
        before=_digits(factor * before, 4, ""),
    )
    if np.isfinite(ratio):
        told += worded(" ({change:+.1%})", change=ratio - 1)
    if found.draws > 1:
        told += worded("; 90% of draws {low} to {high}", low=_digits(factor * low[at]), high=_digits(factor * high[at]))
    return told


def _digits(value: float, digits: int = 3, sign: str = "+") -> str:
    """Return a number with so many digits, in full where it is large."""
    return f"{value:{sign},.0f}" if 1000 <= abs(value) < 1e7 else f"{value:{sign}.{digits}g}"


def _ratio(run: Array, first: Array) -> Array:
    """Return run over first, not a number where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(first == 0, np.nan, run / first))


def _apart(two: Array) -> float:
    """Return by how much two runs differ at most, as a share of the largest value of both."""
    largest = float(np.abs(two).max())
    return float(np.abs(two[0] - two[1]).max()) / largest if largest else 0.0
