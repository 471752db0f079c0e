"""Adoption under a schedule: shares and when they are reached, relapse, purchases pulled forward, capacity idled."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.phase_out.runs import Runs, Values, yearly_share
from analysis.phase_out.spread import Measure
from analysis.phase_out.study import PhaseOutStudy
from stockflow.arrays import Array
from stockflow.over_time import year_reached

SOLD, MADE, SHARE = "Cumulative Domestic Sales", "Cumulative Production", "market share"
MARKET, PLANT, RUSH = "Cumulative addressable demand", "Cumulative Capacity", "Cumulative pull forward"
OUTSTANDING = "Pulled Forward Demand"


def adoption(study: PhaseOutStudy, times: Array, values: Values, supported: Values) -> list[Measure]:
    """Everything about adoption under one schedule, against the supported path of the same draws.

    `values` and `supported` hold (draw, time) for every variable; `times` are quarters.
    """
    seen = (times >= study.since - 1e-9) & (times <= study.horizon + 1e-9)
    own, other = (yearly_share(times, one[SOLD], one[MARKET])[:, seen] for one in (values, supported))
    return [
        *share_years(study, times, values),
        Measure(f"units sold to {study.horizon:g}", study.texts.unit, values[SOLD][:, seen][:, -1]),
        Measure(f"share of the market in {study.horizon - 1:g}", "1", own[:, -1]),
        *relapse(times[seen], own, other, study.exit.share_kept),
        *pulled_forward(values[RUSH][:, seen], values[OUTSTANDING][:, seen], study.texts.unit),
        *idle(times[seen], values[MADE][:, seen], values[PLANT][:, seen], study.full_use, study.texts.unit),
    ]


def share_years(study: PhaseOutStudy, times: Array, values: Values) -> list[Measure]:
    """Year from which each share of the market is kept for a year; infinite where it is not reached by the horizon."""
    end = int(np.searchsorted(times, study.horizon + 1e-9))
    paths = values[SHARE][:, :end]
    return [Measure(f"year of {level:.0%}", "year", year_reached(times[:end], paths, level)) for level in study.shares]


def relapse(times: Array, share: Array, supported: Array, kept: float) -> list[Measure]:
    """How far and how long the share over the last year falls below `kept` times that of the supported path.

    Arrays are (draw, time). A time without a market share on the supported path cannot be fallen below.
    """
    known = np.nan_to_num(supported) > 0
    ratio = np.where(known, share / np.where(known, supported, 1.0), 1.0)
    below = ratio < kept
    ever = below.any(axis=1)
    first = np.where(ever, times[np.argmax(below, axis=1)], np.inf)
    step = times[1] - times[0]
    return [
        Measure("relapse", "probability", ever.astype(float)),
        Measure("first year of the relapse", "year", first),
        Measure("years in relapse", "years", below.sum(axis=1) * step),
        Measure("still in relapse at the horizon", "probability", below[:, -1].astype(float)),
        Measure("least share against the supported path", "1", ratio.min(axis=1)),
    ]


def pulled_forward(rushed: Array, outstanding: Array, unit: str) -> list[Measure]:
    """Purchases brought forward by announced cuts: in sum from the first time on, and outstanding at the peak."""
    return [
        Measure("pulled forward by announcements", unit, rushed[:, -1] - rushed[:, 0]),
        Measure("pulled forward, peak outstanding", unit, outstanding.max(axis=1)),
    ]


def rush_table(study: PhaseOutStudy, runs: Mapping[float, Runs]) -> pd.DataFrame:
    """Purchases brought forward by announcements, one row per schedule and value of the constant that allows them."""
    rows = []
    for value, own in runs.items():
        begin, end = own.at(study.since), own.at(study.horizon) + 1
        for place, arm in enumerate(own.arms):
            values = own.read(place)
            for one in pulled_forward(values[RUSH][:, begin:end], values[OUTSTANDING][:, begin:end], study.texts.unit):
                row = {"value": value, "schedule": arm.label, "measure": one.name, "unit": one.unit}
                rows.append(row | one.spread.cells)
    return pd.DataFrame(rows)


def idle(times: Array, made: Array, plant: Array, full: float, unit: str) -> list[Measure]:
    """Capacity left idle: unit-years in sum, the worst quarter, and years under the use called `full`.

    `made` is output and `plant` capacity, both summed up over time, (draw, time): their growth over a quarter gives
    that quarter's utilisation without sampling error. A quarter without capacity has none idle.
    """
    output, capacity = np.diff(made, axis=1), np.diff(plant, axis=1)
    use = np.where(capacity > 0, output / np.where(capacity > 0, capacity, 1.0), 1.0)
    return [
        Measure("capacity idle, summed over years", unit, (capacity - output).sum(axis=1)),
        Measure("idle share of capacity, worst quarter", "1", 1 - use.min(axis=1)),
        Measure(f"years with utilisation under {full:g}", "years", (use < full).sum(axis=1) * (times[1] - times[0])),
    ]
