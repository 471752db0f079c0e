"""Runs of a user's technology over its posterior: stage dates, and what ending its support would do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.draws.stages import STAGE_OUTPUTS, STAGES, date_stages
from analysis.paths.study import clocks_of, load_path_study
from calibration.forecasting.ahead import Fitted, accepted_fit
from models.home import Home
from models.schedules.file import Schedule, unchanged
from models.schedules.instruments import instruments
from models.schedules.law import Exit
from models.schedules.run import run_schedule
from models.schedules.variants import variants
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval
from stockflow.over_time import QUARTER

DRAWS = 200
START = "start of the run"
ACCOUNT = (
    "Cumulative Domestic Sales", "market share", "Price", "Cumulative Support Outlay", "Cumulative Fiscal Outlay",
)  # fmt: skip


def runs_of(
    fitted: Fitted, outputs: Sequence[str], until: float, schedule: Schedule | None = None
) -> tuple[Array, dict[str, Array]]:
    """Run up to DRAWS evenly spaced draws, under a schedule if given; return times and values (run, time) by output."""
    chosen = np.unique(np.linspace(0, len(fitted.x) - 1, min(DRAWS, len(fitted.x))).astype(int))
    values = fitted.payoff.space.values(fitted.x[chosen])
    sample = {one.name: values[:, i] for i, one in enumerate(fitted.payoff.coordinates)}
    asked = unchanged(fitted.case.home.entry) if schedule is None else schedule
    batch = run_schedule(fitted.case.model, asked, sample, outputs, until, QUARTER)
    return batch["time"].to_numpy(), {name: batch[name].to_numpy() for name in outputs}


def own_paths(name: str) -> pd.DataFrame:
    """Return a row per clock and stage: median and 90% interval of date and duration over the posterior.

    A stage met in all draws when the run starts has no date: it came earlier. A draw that does not reach a stage by
    the end of the run counts as later than all, infinite, as with the shipped cases; `reached` is the share of draws
    that do, `in window` the share whose duration is in the paths study's window.
    """
    fitted = accepted_fit(name)
    model = fitted.case.model
    study = load_path_study()
    low, high = study.window
    times, values = runs_of(fitted, STAGE_OUTPUTS, model.final_time)
    count = len(next(iter(values.values())))
    dated = [date_stages(times, {key: rows[i] for key, rows in values.items()}) for i in range(count)]
    rows = []
    for clock, start in clocks_of(name, study).items():
        for stage in STAGES:
            ends = np.array([one[stage] for one in dated])
            met = bool((ends <= model.initial_time).all())
            quantiles = np.full(3, np.nan) if met else np.array(interval(ends))
            spans, known = ends - start, ends > model.initial_time
            rows.append(
                {
                    "clock": clock, "clock year": start, "stage": stage,
                    "reached": float(np.isfinite(ends).mean()),
                    "note": "before the run" if met else "",
                    **dict(zip(("year low", "year", "year high"), quantiles, strict=True)),
                    **dict(zip(("years low", "years", "years high"), quantiles - start, strict=True)),
                    "in window": float((known & (spans >= low) & (spans <= high)).mean()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def own_phase_out(
    name: str, until: float, start: float | None = None, shape: Exit = "cliff", length: float = 5.0
) -> pd.DataFrame:
    """Compare support as the case has it with support that ends, over the posterior, at the year `until`.

    Support is what the case gives buyers: a schedule ends every such instrument by `shape` from the year `start`, over
    `length` years, by default a cliff at the start of the run, which is no support at all. Columns are median and
    90% interval of each figure with support, without, and of the difference draw by draw. InputError for a case
    without support, and years that do not fit the run.
    """
    fitted = accepted_fit(name)
    model, home = fitted.case.model, fitted.case.home
    begin = model.initial_time if start is None else start
    if not (model.initial_time <= begin < until <= model.final_time):
        span = f"{model.initial_time:g} to {model.final_time:g}"
        raise InputError(f"a phase-out from {begin:g} seen at {until:g}: must lie in the run, {span}, in this order")
    ended = {key: one for key, one in instruments(home.entry).items() if one.to_buyers}
    paid = runs_of(fitted, sorted({one.money for one in ended.values()}), until)[1]
    if not any(flow.any() for flow in paid.values()):
        told = " and ".join(repr(one.variable) for one in ended.values())
        raise InputError(
            f"{home.drivers[0]}: {told} are never above 0 by {until:g}: no support to end; give it there and calibrate "
            "again"
        )
    (ending,) = variants(unchanged(home.entry), [shape], [begin], [length], tuple(ended))
    with_, without = (
        {key: rows[:, -1] for key, rows in runs_of(fitted, ACCOUNT, until, one)[1].items()} for one in (None, ending)
    )
    rows = []
    for key in ACCOUNT:
        back, unit = _shown(key, home, model.variable(key).unit)
        parts = {
            "with": with_[key] / back,
            "without": without[key] / back,
            "difference": (without[key] - with_[key]) / back,
        }
        row: dict[str, object] = {"figure": key, "unit": unit}
        for told, values in parts.items():
            low, median, high = interval(values)
            row |= {f"{told} low": low, told: median, f"{told} high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _shown(figure: str, home: Home, unit: str) -> tuple[float, str]:
    """Return what 1 of the unit in which a figure is shown is in the model's, and that unit."""
    own = home.units_of()
    if figure == "market share" or own is None:
        return 1.0, "1" if unit == "Dmnl" else unit
    if figure == "Price":
        return own.cost.in_model, own.cost.unit
    return (own.volume.in_model, own.volume.unit) if figure == "Cumulative Domestic Sales" else (1.0, "bnCNY2020")
