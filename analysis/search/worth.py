"""What a schedule brings and costs over draws of the posterior, with exact slopes by the levers that shape it.

Units and cost are sums of values of the run with fixed weights: units at the horizon, and the present value of what
is paid (each step's growth discounted from its middle). So one backward pass gives the slopes of either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from analysis.draws.ended import named
from analysis.draws.generic import with_support
from analysis.search.moving import moving
from analysis.search.settings import Case, Level, SearchStudy
from analysis.unknowns.outcomes import SHARE, UNITS
from models.case import load_case
from models.files.settings import NEVER
from models.policy import TimePath, history, with_announced
from models.schedules.knots import knots_model
from stockflow import Model, Term
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.gradients.gradient import Gradient
from stockflow.over_time import QUARTER, present_weights, year_reached

CHUNK = 4096  # runs in memory at a time
FAR = 1e15  # how many times its own size a value is compared from, so that a square acts as a slope
DECLINE = ("decline start", "decline length")


@dataclass(frozen=True, slots=True)
class Measures:
    """What schedules give in every draw, (schedule, draw): units, cost (bnCNY, present value), year of the share."""

    units: Array
    cost: Array
    reached: Array


class Judge(Protocol):
    """What a search asks: the measures of schedules (schedule, lever), and their slopes (draw, lever) at one."""

    def measures(self, x: Array) -> Measures:
        """Return what each schedule gives in every draw."""

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return derivatives of units and of cost by the levers at one schedule, (draw, lever) each."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """How runs are read: units at `horizon`, money to `until` at a discount `rate`, the year of a `share`.

    `cost` weighs cumulative variables of the model.
    """

    horizon: float
    until: float
    cost: Mapping[str, float]
    rate: float
    base_year: float
    share: float

    @property
    def outputs(self) -> list[str]:
        """Variables to be saved every quarter."""
        return list(dict.fromkeys([UNITS, SHARE, *self.cost]))

    def read(self, times: Array, values: Mapping[str, Array]) -> Array:
        """Return units, cost and year of the share of runs, (3, run), from outputs (run, time) by name."""
        weights, end = present_weights(times, self.rate, self.base_year), int(np.searchsorted(times, self.horizon)) + 1
        cost = sum(weight * (values[name] @ weights) for name, weight in self.cost.items())
        reached = year_reached(times[:end], values[SHARE][:, :end], self.share)
        return np.array([values[UNITS][:, end - 1], cost, reached])

    def slopes(self, initial_time: float) -> dict[str, list[tuple[str, float, float]]]:
        """What units and cost are made of: (variable, time, weight) of every value that counts."""
        count = round((self.until - initial_time) / QUARTER) + 1
        times: Array = initial_time + np.arange(count, dtype=float) * QUARTER
        weights = present_weights(times, self.rate, self.base_year)
        paid = [(n, float(t), f * float(w)) for n, f in self.cost.items() for t, w in zip(times, weights, strict=True)]
        return {"units": [(UNITS, self.horizon, 1.0)], "cost": paid}


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """Runs of one model over draws, (draw,) each constant, with some other constants as levers."""

    model: Model
    levers: tuple[str, ...]
    samples: Mapping[str, Array]
    ledger: Ledger
    _gradients: dict[str, Gradient] = field(default_factory=dict, init=False, repr=False)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(next(iter(self.samples.values())))

    def measures(self, x: Array) -> Measures:
        """Return units at the horizon, cost and year of the share of schedules (schedule, lever) in every draw.

        Raises InputError for a run that leaves the numbers.
        """
        outputs = self.ledger.outputs
        simulator = self.model.simulator((*self.samples, *self.levers), outputs, self.ledger.until, QUARTER)
        rows = self._rows(x)
        found = np.empty((3, len(rows)))
        for first in range(0, len(rows), CHUNK):
            piece = slice(first, min(first + CHUNK, len(rows)))
            values = simulator(rows[piece])
            if len(bad := np.argwhere(~np.isfinite(values))):
                run = zip((*self.samples, *self.levers), rows[piece][bad[0, 0]], strict=True)
                told = ", ".join(f"{n} {v:.4g}" for n, v in run)
                raise InputError(f"{self.model.file.name}: a run leaves the numbers: {told}")
            found[:, piece] = self.ledger.read(
                simulator.times, dict(zip(outputs, values.transpose(2, 0, 1), strict=True))
            )
        return Measures(*found.reshape(3, len(x), self.draws))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return derivatives of units and of cost by each lever at one schedule, (draw, lever) each."""
        rows, count = self._rows(np.asarray(x, dtype=float)[None]), len(self.levers)
        units, cost = (self._gradient(what)(rows)[1][:, -count:] for what in ("units", "cost"))
        return units, cost

    def _rows(self, x: Array) -> Array:
        """Inputs of every run, draws within schedules: (schedule x draw, input)."""
        drawn = np.column_stack(list(self.samples.values()))
        return np.column_stack([np.tile(drawn, (len(x), 1)), np.repeat(x, len(drawn), axis=0)])

    def _gradient(self, what: str) -> Gradient:
        if what not in self._gradients:
            # the square of (value + far)/scale has the slope 2 far/scale^2 as long as far outweighs the value
            terms = [
                Term(
                    name, -float(np.copysign(FAR, slope)), float(np.sqrt(2 * FAR / abs(slope))), at, transform="linear"
                )
                for name, at, slope in self.ledger.slopes(self.model.initial_time)[what]
                if slope
            ]
            inputs = (*self.samples, *self.levers)
            self._gradients[what] = self.model.gradient(terms, inputs, self.ledger.until, QUARTER)
        return self._gradients[what]


def ledger_of(case: str, study: SearchStudy) -> Ledger:
    """Return how runs of `case` are read."""
    asked = study.case(case)
    until = asked.horizon + asked.tail
    return Ledger(asked.horizon, until, asked.cost, study.rate, study.base_year, study.grid.share)


def worth_of(case: str, study: SearchStudy, samples: Mapping[str, Array], levers: Sequence[str], level: Level) -> Worth:
    """Return the judge of schedules of `case` that knots or the straight decline draw, support before at `level`."""
    return Worth(search_model(case, study.case(case), level), tuple(levers), samples, ledger_of(case, study))


def search_model(case: str, asked: Case, level: Level) -> Model:
    """Return the model with knots placed, support at `level`, and the schedule announced as the study says."""
    model = case_model(case, asked)[0]
    if level != "history":
        paths = {model.variable(name).name: _held(model, name, asked.held_from) for name in asked.drivers}
        model = model.with_series(with_announced(paths, model))
    model = knots_model(model)
    model = moving(model, named(case, asked.ends)) if asked.ends else model
    return model.with_constants(
        {"first knot year": asked.first_knot, "knot spacing": asked.spacing, "decline announced": asked.announced}
    )


def case_model(case: str, asked: Case) -> tuple[Model, str]:
    """Return the model of a case, with a subsidy to be scheduled where it pays none, and that in words."""
    return with_support(load_case(case).model, asked.offered, asked.offered_from, asked.horizon)


def _held(model: Model, name: str, year: float) -> TimePath:
    """History up to `year`, and what it paid then for good; InputError for what the model computes."""
    xs, ys = history(model, name)
    before = xs < year
    return np.append(xs[before], year), np.append(ys[before], np.interp(year, xs, ys))


def neutral(levers: Sequence[str]) -> Array:
    """Return the values of levers, (1, lever), that leave the given support as it is."""
    special = {"decline start": NEVER, "decline length": 5.0}
    return np.array([[special.get(name, 1.0) for name in levers]])
