"""What follows for a decision: cost against no support, the safe exit year, regret, and the value of waiting a year."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.phase_out.adoption import SOLD
from analysis.phase_out.runs import Values
from analysis.phase_out.spread import Measure, spread
from analysis.phase_out.study import PhaseOutStudy
from stockflow.arrays import Array, Flags
from stockflow.intervals import quantiles

Verdict = Literal["safe", "not decided", "not safe"]
FEW = 1e-3  # additional units below this share of all units are none


@dataclass(frozen=True, slots=True, eq=False)
class SafeYears:
    """Exits of one shape and length: does the share hold, by start and draw, and what follows.

    `kept` is (start, draw). `year` is the earliest start whose probability of failing is below what the study allows,
    infinite if none is; `lasting` says whether every later start is safe too. `by_draw` is the start from which on
    the share is kept in that draw, infinite where even the last start fails.
    """

    family: str
    starts: Array
    kept: Flags
    failing: Array
    year: float
    lasting: bool
    by_draw: Array


def safe_years(family: str, starts: Array, kept: Flags, allowed: float) -> SafeYears:
    """Return when an exit is safe; starts increase, `kept` is (start, draw), `allowed` the probability of failing."""
    failing = (~kept).mean(axis=1)
    safe = failing < allowed
    place = int(np.argmax(safe)) if safe.any() else len(starts)
    onward = np.logical_and.accumulate(kept[::-1], axis=0)[::-1]
    by_draw = np.where(onward.any(axis=0), starts[np.argmax(onward, axis=0)], np.inf)
    year = float(starts[place]) if safe.any() else np.inf
    return SafeYears(family, starts, kept, failing, year, bool(safe[place:].all()) and bool(safe.any()), by_draw)


def undecided(starts: Array, failing: Array, draws: int, allowed: float) -> tuple[float, float]:
    """Return the earliest and the latest start that may be the first safe one, as far as so many draws can tell.

    The first start whose `verdict` is another than "not safe", and the first that is safe by it; infinite where there
    is none. `failing` is (start,).
    """
    error = doubt(allowed, draws)
    earliest, latest = (
        float(starts[np.argmax(safe)]) if safe.any() else np.inf
        for safe in (failing < allowed + error, failing < allowed - error)
    )
    return earliest, latest


def doubt(allowed: float, draws: int) -> float:
    """Return what so many draws cannot tell from `allowed`: two standard errors of a probability that they estimate."""
    return 2 * sampling_error(allowed, draws)


def verdict(failing: float, draws: int, allowed: float) -> Verdict:
    """Say whether an end is safe as far as so many draws can tell: it fails in less than `allowed` by `doubt`."""
    error = doubt(allowed, draws)
    return "safe" if failing < allowed - error else "not decided" if failing < allowed + error else "not safe"


def sampling_error(probability: float, draws: int) -> float:
    """Standard error of a probability estimated from a number of independent draws."""
    return float((probability * (1 - probability) / draws) ** 0.5)


def against_none(
    study: PhaseOutStudy, values: Values, none: Values, offered: Flags, spent: Array, spent_none: Array, at: int
) -> list[Measure]:
    """Cost per additional unit and share of free riders against the run without support, draw by draw.

    `values`, `none` are (draw, time), `at` the place of the horizon, `offered` (draw, time) says at which times more
    support is on offer than in the run without, `spent` and `spent_none` (draw,) are present values of public money.
    Additional units are all those to the horizon, those that support made later through learning and familiarity too;
    what one costs is said by `per_additional_unit`. Free riders are the part of the units sold under support that the
    run without it sells in the same time: 1 - additional / supported units, both while support lasts.
    """
    sold, other = values[SOLD][:, : at + 1], none[SOLD][:, : at + 1]
    extra, per_unit = sold[:, -1] - other[:, -1], per_additional_unit(sold[:, -1], other[:, -1], spent - spent_none)
    drew, anyway = (np.sum(np.diff(one, axis=1) * offered[:, :at], axis=1) for one in (sold, other))
    rate, unit = f"at {study.rate:.0%}", study.texts.per_unit
    return [
        Measure("additional units", study.texts.unit, extra),
        Measure(f"additional outlay, {rate}", "bnCNY", spent - spent_none),
        Measure(f"cost per additional unit, {rate}", unit, per_unit),
        Measure("worth of a unit at which support pays", unit, per_unit * (1 + study.worth.cost_of_funds)),
        Measure("units that drew support", study.texts.unit, drew),
        Measure("free riders", "1", _ratio(anyway, drew, drew > 0)),
    ]


def per_additional_unit(units: Array, fewer: Array, cost: Array) -> Array:
    """Cost of each of the units that one run has more than another, draw by draw; not a number without a thousandth."""
    return _ratio(cost, units - fewer, units - fewer > FEW * np.maximum(units, fewer))


def welfare(worth: float, cost_of_funds: float, units: Array, spent: Array) -> Array:
    """W = B x units - (1 + marginal cost of public funds) x present value of public money; any shape."""
    return np.asarray(worth * units - (1 + cost_of_funds) * spent)


def regrets(gains: Array) -> Array:
    """What each schedule leaves on the table in each draw: the best W of that draw less its own, (schedule, draw)."""
    return np.asarray(gains.max(axis=0) - gains)


def regret_table(names: Sequence[str], gains: Array) -> pd.DataFrame:
    """One row per schedule: mean, 90% and largest regret, and how often it is the best of all, from W (schedule, draw).

    Schedules that are equally good share the draw between them.
    """
    regret = regrets(gains)
    best = regret <= 1e-9 * np.maximum(1.0, np.abs(gains.max(axis=0)))
    return pd.DataFrame(
        {
            "schedule": list(names),
            "mean regret": regret.mean(axis=1),
            "90% regret": quantiles(regret.T, [0.9])[0],
            "largest regret": regret.max(axis=1),
            "probability of best": (best / best.sum(axis=0)).mean(axis=1),
        }
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a year's delay of an exit changes, draw by draw: units, public money, and W for each worth of a unit."""

    family: str
    start: float
    units: Array
    spent: Array
    gains: Mapping[str, Array]

    @property
    def marginal(self) -> Array:
        """Public money per unit gained, (draw,): not a number in draws that gain none."""
        return _ratio(self.spent, self.units, self.units > 0)


def waiting(family: str, starts: Array, units: Array, spent: Array, study: PhaseOutStudy) -> list[Waiting]:
    """Return the change from each start to the start a year later, where there is one; arrays are (start, draw)."""
    out = []
    for i, start in enumerate(starts):
        later = np.flatnonzero(np.abs(starts - start - 1) < 1e-9)
        if later.size:
            more, cost = units[later[0]] - units[i], spent[later[0]] - spent[i]
            gains = {
                name: welfare(worth, study.worth.cost_of_funds, more, cost)
                for name, worth in study.worth.values.items()
            }
            out.append(Waiting(family, float(start), more, cost, gains))
    return out


def waiting_table(found: Sequence[Waiting], study: PhaseOutStudy) -> pd.DataFrame:
    """One row per exit, start and quantity: median and intervals, and how likely waiting is to gain."""
    rows = []
    for one in found:
        quantities = [
            ("units", study.texts.unit, one.units),
            (f"outlay, at {study.rate:.0%}", "bnCNY", one.spent),
            ("outlay per unit", study.texts.per_unit, one.marginal),
            *((f"W, {name} worth of a unit", "bnCNY", gain) for name, gain in one.gains.items()),
        ]
        for name, unit, values in quantities:
            s, known = spread(values), values[~np.isnan(values)]
            above = float((known > 0).mean()) if known.size else np.nan
            row = {"exit": one.family, "start": one.start, "change of": name, "unit": unit}
            rows.append(row | s.cells | {"probability above 0": above, "defined": s.defined})
    return pd.DataFrame(rows)


def _ratio(top: Array, bottom: Array, known: Flags) -> Array:
    return np.where(known, top / np.where(known, bottom, 1.0), np.nan)
