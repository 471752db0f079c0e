"""Runs ahead: every named world with every named policy, over the posterior. Nothing after the data tests them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, Runs
from analysis.paths.study import Ahead, Forward, PathStudy, Quantity
from models.policy import is_driver, known_variable
from models.schedules.file import load_schedule
from models.schedules.run import run_schedule
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError, UnknownNameError, unknown
from stockflow.intervals import interval
from stockflow.over_time import QUARTER


@dataclass(frozen=True, slots=True, eq=False)
class Future(Runs):
    """One world under one policy: `values` by quantity told, (draw, time)."""

    scenario: str
    policy: str


def futures(of: Drawn, study: PathStudy) -> list[Future]:
    """Run every scenario of the study with every policy of it; the first of each is what is expected.

    Raises InputError for a case without such runs, a factor or path of what is no driver of the model, values outside
    a driver's limits, and an unknown schedule.
    """
    check_forward(of.case, of.model, study)
    forward = study.forward[of.case]
    return [
        _future(of, study, forward, scenario, policy) for scenario in forward.scenarios for policy in forward.policies
    ]


def check_forward(case: str, model: Model, study: PathStudy) -> None:
    """Refuse, before anything is run, what the study asks of a case and its model cannot give (see `futures`)."""
    if case not in study.forward:
        raise unknown("case with runs ahead", case, study.forward, listed=True)
    forward, place = study.forward[case], f"study of paths: forward.{case}"
    if max(forward.years) > model.final_time:
        raise InputError(f"{place}.years: {max(forward.years):g} is after the end of the run, {model.final_time:g}")
    for label, quantity in forward.quantities.items():
        _check(model, quantity, f"{place}.quantities.{label}")
    for name, one in {**forward.scenarios, **forward.policies}.items():
        for driver in (*one.factors, *one.paths):
            _driver(model, driver, f"{place}: {name!r}")
        if one.schedule is not None:
            load_schedule(one.schedule, case)


def _future(of: Drawn, study: PathStudy, forward: Forward, scenario: str, policy: str) -> Future:
    world, rules = forward.scenarios[scenario], forward.policies[policy]
    model = of.model
    for name, one in ((scenario, world), (policy, rules)):
        model = changed(model, one, f"study of paths: forward.{of.case}: {name!r}")
    until, told = of.until(study.until), forward.quantities
    outputs = list(dict.fromkeys(name for one in told.values() for name in (one.of, one.over) if name is not None))
    if rules.schedule is None:
        batch = model.runs(of.samples, outputs, until=until, save_period=QUARTER).dataset()
    else:
        batch = run_schedule(model, load_schedule(rules.schedule, of.case), of.samples, outputs, until, QUARTER)
    times = batch["time"].to_numpy()
    runs = Runs(times, {name: batch[model.variable(name).name].to_numpy() for name in outputs})
    return Future(times, {label: _told(one, runs) for label, one in told.items()}, scenario, policy)


def _check(model: Model, one: Quantity, place: str) -> None:
    for name in filter(None, (one.of, one.over)):
        known_variable(model, name, place)
    unit = model.variable(one.of).unit
    if one.over is not None:
        unit = "1" if model.variable(one.over).unit == unit else f"{unit} / {model.variable(one.over).unit}"
    if one.unit != ("1" if unit == "Dmnl" else unit):
        raise InputError(f"{place}: {one.of!r} is told in {one.unit!r}, the model has {unit!r}")


def _told(one: Quantity, runs: Runs) -> Array:
    values = runs.values[one.of]
    if one.over is not None:
        return np.asarray(values / runs.values[one.over])
    return values if one.since is None else np.asarray(values - runs.at(one.of, one.since)[:, None])


def changed(model: Model, one: Ahead, place: str) -> Model:
    """Return the model with drivers multiplied by the factors, or replaced from a path's first year on."""
    names = [*one.factors, *one.paths]
    if not names:
        return model
    for name in names:
        _driver(model, name, place)
    went = model.runs({}, names, save_period=model.time_step).dataset().isel(run=0)
    times = went["time"].to_numpy()
    series = {}
    for name, points in one.factors.items():
        years, factors = zip(*points, strict=True)
        series[name] = (times, went[model.variable(name).name].to_numpy() * np.interp(times, years, factors))
    for name, path in one.paths.items():
        if path.unit != model.variable(name).unit:
            raise InputError(f"{place}: {name!r} is in {path.unit!r}, not {model.variable(name).unit!r}")
        years, points = zip(*path.points, strict=True)
        before = went[model.variable(name).name].to_numpy()
        series[name] = (times, np.where(times < years[0], before, np.interp(times, years, points)))
    return model.with_series(series)


def _driver(model: Model, name: str, place: str) -> None:
    try:
        moves = is_driver(model.variable(name))
    except UnknownNameError:
        raise unknown("driver", name, model.variables, place) from None
    if not moves:
        raise InputError(f"{place}: {name!r} is no driver: the model computes it")


def future_table(case: str, found: Sequence[Future], forward: Forward) -> pd.DataFrame:
    """Return a row per scenario, policy, quantity and year of the study: median and 90% over draws."""
    rows = []
    for one in found:
        for label, quantity in forward.quantities.items():
            for year in forward.years:
                low, middle, high = interval(one.at(label, year))
                rows.append({"case": case, "scenario": one.scenario, "policy": one.policy, "quantity": label,
                             "unit": quantity.shown, "year": year, "low": low, "median": middle,
                             "high": high})  # fmt: skip
    return pd.DataFrame(rows)
