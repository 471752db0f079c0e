"""What a schedule brings and costs over draws of the posterior, with exact slopes by the levers that shape it.

Units and cost are sums of values of the run with fixed weights: units at the horizon, and the present value of what
is paid (each step's growth discounted from its middle). So one backward pass gives the slopes of either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.laboratory.answers import SHARE, STEP, UNITS
from analysis.laboratory.search_settings import Case, Study
from models.knots import NEUTRAL_START, knot_names, knots_model
from models.policy import TimePath, with_announced
from stockflow import Model, Term
from stockflow.equations import WithLookup
from stockflow.errors import InputError
from stockflow.gradient import Gradient

Array = NDArray[np.float64]
CHUNK = 4096  # runs in memory at a time
FAR = 1e15  # how many times its own size a value is compared from, so that a square acts as a slope
CLOCK = ("phase out shape", "phase out start", "phase out length")
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


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """Runs of one model over draws, with some constants as levers; `share` is the one whose year is noted."""

    model: Model
    levers: tuple[str, ...]
    samples: Mapping[str, Array]
    horizon: float
    until: float
    cost: Mapping[str, float]
    rate: float
    base_year: float
    share: float
    _gradients: dict[str, Gradient] = field(default_factory=dict, init=False, repr=False)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(next(iter(self.samples.values())))

    def measures(self, x: Array) -> Measures:
        """Return units at the horizon, cost and year of the share of schedules (schedule, lever) in every draw.

        Raises InputError for a run that leaves the numbers.
        """
        outputs = list(dict.fromkeys([UNITS, SHARE, *self.cost]))
        simulator = self.model.simulator((*self.samples, *self.levers), outputs, self.until, STEP)
        place = {name: outputs.index(name) for name in outputs}
        weights, last = self._weights(simulator.times), int(np.searchsorted(simulator.times, self.horizon))
        rows = self._rows(x)
        found = np.empty((3, len(rows)))
        for first in range(0, len(rows), CHUNK):
            piece = slice(first, min(first + CHUNK, len(rows)))
            values = simulator(rows[piece])
            if not np.isfinite(values).all():
                self._refuse(rows[piece], values)
            found[0, piece] = values[:, last, place[UNITS]]
            found[1, piece] = sum(
                weight * (values[:, :, place[name]] @ weights) for name, weight in self.cost.items()
            )
            found[2, piece] = lasting(simulator.times[: last + 1], values[:, : last + 1, place[SHARE]], self.share)
        return Measures(*found.reshape(3, len(x), self.draws))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return derivatives of units and of cost by each lever at one schedule, (draw, lever) each."""
        rows, count = self._rows(np.asarray(x, dtype=float)[None]), len(self.levers)
        return tuple(self._gradient(what)(rows)[1][:, -count:] for what in ("units", "cost"))  # type: ignore[return-value]

    def _rows(self, x: Array) -> Array:
        """Inputs of every run, draws within schedules: (schedule x draw, input)."""
        drawn = np.column_stack(list(self.samples.values()))
        return np.column_stack([np.tile(drawn, (len(x), 1)), np.repeat(x, len(drawn), axis=0)])

    def _weights(self, times: Array) -> Array:
        """What a cumulative variable's value at each time counts in the present value of its growth."""
        discount = (1 + self.rate) ** (self.base_year - (times[1:] + times[:-1]) / 2)
        return np.concatenate([[0.0], discount]) - np.concatenate([discount, [0.0]])

    def _gradient(self, what: str) -> Gradient:
        if what not in self._gradients:
            if what == "units":
                read = [(UNITS, self.horizon, 1.0)]
            else:
                times = np.arange(round((self.until - self.model.initial_time) / STEP) + 1) * STEP
                times += self.model.initial_time
                weights = self._weights(times)
                read = [
                    (name, float(time), factor * float(weight))
                    for name, factor in self.cost.items()
                    for time, weight in zip(times, weights, strict=True)
                ]
            # the square of (value + far)/scale has the slope 2 far/scale^2 as long as far outweighs the value
            terms = [
                Term(name, -np.copysign(FAR, slope), float(np.sqrt(2 * FAR / abs(slope))), at, transform="linear")
                for name, at, slope in read
                if slope
            ]
            inputs = (*self.samples, *self.levers)
            self._gradients[what] = self.model.gradient(terms, inputs, self.until, STEP)
        return self._gradients[what]

    def _refuse(self, rows: Array, values: Array) -> None:
        run = int(np.argwhere(~np.isfinite(values))[0, 0])
        told = ", ".join(f"{n} {v:.4g}" for n, v in zip((*self.samples, *self.levers), rows[run], strict=True))
        raise InputError(f"{self.model.file.name}: a run leaves the numbers: {told}")


def lasting(times: Array, shares: Array, level: float) -> Array:
    """Year from which shares, (run, time), stay at `level` or above to the end, interpolated; NaN if they do not."""
    below = shares < level
    last = below.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1)
    found = np.full(len(shares), np.nan)
    always, crossed = ~below.any(axis=1), below.any(axis=1) & (last < below.shape[1] - 1)
    found[always] = times[0]
    rows, at = np.flatnonzero(crossed), last[crossed]
    low, high = shares[rows, at], shares[rows, at + 1]
    found[rows] = times[at] + (level - low) / (high - low) * (times[at + 1] - times[at])
    return found


def worth_of(case: str, study: Study, samples: Mapping[str, Array], levers: Sequence[str], level: str) -> Worth:
    """Return the judge of schedules of `case`: levers are knots, the straight decline, or the core's own clock."""
    asked = study.case(case)
    model = search_model(case, asked, level)
    return Worth(model, tuple(levers), samples, asked.horizon, asked.horizon + asked.tail, asked.cost, study.rate,
                 study.base_year, study.grid.share)  # fmt: skip


def search_model(case: str, asked: Case, level: str) -> Model:
    """Return the model with knots placed, support at `level`, and the schedule announced as the study says."""
    model = knots_model(case).with_constants(
        {"first knot year": asked.first_knot, "knot spacing": asked.spacing, "decline announced": asked.announced}
    )
    if level == "historical path":
        return model
    paths = {model.variable(name).name: _held_at_maximum(model, name) for name in asked.drivers}
    return model.with_series(with_announced(paths, model))


def _held_at_maximum(model: Model, name: str) -> TimePath:
    expression = model.variable(name).expression
    if not isinstance(expression, WithLookup):
        raise InputError(f"{model.file.name}: {name!r} is no path over time, so it has no historical maximum to hold")
    return np.array(expression.table.xs), np.maximum.accumulate(expression.table.ys)


def knot_years(asked: Case) -> Array:
    """Return the years in which the knots stand."""
    return asked.first_knot + asked.spacing * np.arange(len(knot_names()))


def history(levers: Sequence[str]) -> Array:
    """Return the values of levers, (1, lever), that leave the given support as it is."""
    neutral = {"decline start": NEUTRAL_START, "decline length": 5.0, "phase out shape": 0.0,
               "phase out start": NEUTRAL_START, "phase out length": 5.0}  # fmt: skip
    return np.array([[neutral.get(name, 1.0) for name in levers]])
