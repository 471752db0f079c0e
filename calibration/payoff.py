"""The payoff: how far a run is from everything that was observed, as one vector of standardised residuals.

Optimiser, interval and score all use this one function. A sum of squares of its residuals is minus twice the
log posterior density up to a constant, for independent normal errors of the logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.observations import observed
from calibration.targets import EffectTarget, EventTarget, Prior, SeriesTarget
from stockflow import Model
from stockflow.errors import InputError

Array = NDArray[np.float64]
TINY = 1e-12
FAR = 50.0  # residual given to a run that is not finite: worse than any honest one


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One free parameter in the space the optimiser walks: the logarithm for a lognormal prior."""

    name: str
    prior: Prior
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        """Whether the optimiser sees the logarithm of the parameter."""
        return self.prior.shape == "lognormal"

    def inward(self, value: Array) -> Array:
        """Parameter value to optimiser coordinate."""
        return np.log(value) if self.logarithmic else np.asarray(value, dtype=float)

    def outward(self, x: Array) -> Array:
        """Optimiser coordinate to parameter value."""
        return np.exp(x) if self.logarithmic else np.asarray(x, dtype=float)

    @property
    def centre(self) -> float:
        """The prior's centre as a coordinate."""
        return float(self.inward(np.asarray(self.prior.centre)))

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds as coordinates."""
        low = max(self.low, 1e-9) if self.logarithmic else self.low
        return float(self.inward(np.asarray(low))), float(self.inward(np.asarray(self.high)))


@dataclass(frozen=True, slots=True)
class FittedSeries:
    """Observed years and values (model unit) of one series, with the error of each logarithm."""

    target: SeriesTarget
    years: NDArray[np.int64]
    values: Array
    sigma: Array


def fitted_series(target: SeriesTarget) -> FittedSeries:
    """Collect the observations of `target` inside its window; none at all is an `InputError`."""
    table = observed([one.source() for one in target.sources], target.unit, combine=target.combine)
    table = table[(table.index >= target.first_year) & (table.index <= target.last_year)]
    if table.empty:
        raise InputError(f"series {target.name!r}: no observation in {target.first_year}-{target.last_year}")
    values: Array = np.asarray(table.to_numpy(), dtype=np.float64)
    if (values <= 0).any():
        year = int(table.index[int(np.argmax(values <= 0))])
        raise InputError(f"series {target.name!r}: value {values.min():g} {target.unit} in {year} is not positive")
    sigma = np.where(values < target.small, 2.0, 1.0) * target.sigma
    return FittedSeries(target, table.index.to_numpy(dtype=np.int64), values, sigma)


class Payoff:
    """Residuals of a batch of parameter vectors against series, dates, effects and priors.

    `model` carries everything held fixed; `coordinates` are the free parameters in order. The object is
    immutable after construction and a call changes nothing.
    """

    def __init__(
        self,
        model: Model,
        coordinates: Sequence[Coordinate],
        series: Sequence[FittedSeries],
        events: Sequence[EventTarget] = (),
        effects: Sequence[EffectTarget] = (),
    ) -> None:
        self.model = model
        self.coordinates = tuple(coordinates)
        self.series = tuple(series)
        self.events = tuple(events)
        self.effects = tuple(effects)
        toggles = dict.fromkeys(name for effect in effects for name in effect.without)
        self._toggles = {name: _constant(model, name) for name in toggles}
        outputs = [s.target.quantity for s in self.series]
        outputs += [t.quantity for t in self.events] + [t.quantity for t in self.effects]
        self._column = {name: i for i, name in enumerate(dict.fromkeys(outputs))}
        last = [float(s.years.max()) + 1 for s in self.series]
        last += [t.year + 6 for t in self.events] + [t.last_year for t in self.effects]
        self._simulate = model.simulator(
            inputs=[c.name for c in self.coordinates] + list(self._toggles),
            outputs=list(self._column),
            until=min(float(np.ceil(max(last))), model.final_time),
            save_period=0.25 if self.events else 1.0,
        )
        self.times: Array = self._simulate.times

    @property
    def size(self) -> int:
        """Number of residuals: one per observation, event, effect and free parameter."""
        return sum(len(s.years) for s in self.series) + len(self.events) + len(self.effects) + len(self.coordinates)

    def outward(self, x: Array) -> Array:
        """Coordinates (run, parameter) to parameter values (run, parameter)."""
        x = np.atleast_2d(x)
        if not self.coordinates:
            return np.empty((len(x), 0))
        return np.stack([c.outward(x[:, i]) for i, c in enumerate(self.coordinates)], axis=1)

    def residuals(self, x: Array) -> Array:
        """Standardised residuals (run, size) of coordinates `x` (run, parameter)."""
        x = np.atleast_2d(np.asarray(x, dtype=float))
        run = self._run(x)
        parts = [self._series_residuals(run, s) for s in self.series]
        parts += [self._event_residuals(run, t)[:, None] for t in self.events]
        parts += [((self.effect(x, run, t) - t.value) / t.sd)[:, None] for t in self.effects]
        parts += [((x[:, i] - c.centre) / c.prior.spread)[:, None] for i, c in enumerate(self.coordinates)]
        joined = np.concatenate(parts, axis=1)
        return np.asarray(np.where(np.isfinite(joined), np.clip(joined, -FAR, FAR), FAR))

    def residuals_at(self, x: Array) -> Array:
        """Residuals (size,) at one point."""
        return np.asarray(self.residuals(x)[0])

    def jacobian(self, x: Array, step: float = 1e-4) -> Array:
        """Central differences of the residuals (size, parameter) at one point, in one batch of runs."""
        x = np.asarray(x, dtype=float)
        h = np.array([step * c.prior.spread for c in self.coordinates])
        both = np.concatenate([x + np.diag(h), x - np.diag(h)])
        values = self.residuals(both)
        n = len(h)
        return np.asarray(((values[:n] - values[n:]) / (2 * h[:, None])).T)

    def objective(self, x: Array) -> Array:
        """Half the sum of squared residuals, per run: minus the log posterior density up to a constant."""
        return np.asarray(0.5 * np.sum(self.residuals(x) ** 2, axis=1))

    def series_values(self, x: Array) -> list[Array]:
        """Modelled values (run, year) of every series in its own unit."""
        run = self._run(np.atleast_2d(np.asarray(x, dtype=float)))
        return [self._read(run, s) for s in self.series]

    def effect(self, x: Array, factual: Array, target: EffectTarget) -> Array:
        """Share of the quantity's growth in the window that is lost without the policy, per run."""
        without = self._run(np.atleast_2d(x), target.without)
        column = self._column[self._name(target.quantity)]
        first, last = self._at(target.first_year), self._at(target.last_year)
        grown = factual[:, last, column] - factual[:, first, column]
        lost = without[:, last, column] - without[:, first, column]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - lost / grown)

    def effects_at(self, x: Array) -> dict[str, float]:
        """Return the causal effects at one point by name."""
        x = np.atleast_2d(np.asarray(x, dtype=float))
        run = self._run(x)
        return {t.name: float(self.effect(x, run, t)[0]) for t in self.effects}

    def events_at(self, x: Array) -> dict[str, float]:
        """Return the dates of the events at one point by name (infinite when never reached)."""
        run = self._run(np.atleast_2d(np.asarray(x, dtype=float)))
        return {t.name: float(self._crossing(run, t)[0]) for t in self.events}

    def _run(self, x: Array, toggles: Mapping[str, float] | None = None) -> Array:
        values = {**self._toggles, **(toggles or {})}
        fixed = np.tile([values[name] for name in self._toggles], (len(x), 1)) if self._toggles else None
        parameters = self.outward(x)
        inputs = parameters if fixed is None else np.concatenate([parameters, fixed], axis=1)
        return np.asarray(self._simulate(np.ascontiguousarray(inputs)))

    def _name(self, quantity: str) -> str:
        return quantity if quantity in self._column else self.model.variable(quantity).name

    def _at(self, year: float) -> int:
        index = int(np.searchsorted(self.times, year - 1e-6))
        if index >= len(self.times) or abs(self.times[index] - year) > 1e-6:
            raise InputError(f"{self.model.file.name}: year {year:g} is not a saved time of the run")
        return index

    def _read(self, run: Array, series: FittedSeries) -> Array:
        column = run[:, :, self._column[self._name(series.target.quantity)]]
        measure = series.target.measure
        if measure == "mid year":
            return np.stack([np.interp(series.years + 0.5, self.times, one) for one in column])
        ends = np.array([self._at(float(y) + 1) for y in series.years])
        if measure == "year end":
            return np.asarray(column[:, ends])
        starts = np.array([self._at(float(y)) for y in series.years])
        return np.asarray(column[:, ends] - column[:, starts])

    def _series_residuals(self, run: Array, series: FittedSeries) -> Array:
        modelled = np.maximum(self._read(run, series), TINY)
        return np.asarray((np.log(modelled) - np.log(series.values)) / series.sigma)

    def _crossing(self, run: Array, target: EventTarget) -> Array:
        column = run[:, :, self._column[self._name(target.quantity)]]
        return np.array([first_crossing(self.times, one, target.level) for one in column])

    def _event_residuals(self, run: Array, target: EventTarget) -> Array:
        late = self.times[-1] + 1.0
        return np.asarray((np.minimum(self._crossing(run, target), late) - target.year) / target.sd)


def first_crossing(times: Array, values: Array, level: float) -> float:
    """Time at which `values` first reach `level`, interpolated between saved times; infinite if never."""
    above = np.flatnonzero(values >= level)
    if above.size == 0:
        return float("inf")
    i = int(above[0])
    if i == 0:
        return float(times[0])
    rise = (level - values[i - 1]) / (values[i] - values[i - 1])
    return float(times[i - 1] + rise * (times[i] - times[i - 1]))


def lasting_crossing(times: Array, values: Array, level: float, hold: float = 1.0) -> float:
    """Time at which `values` reach `level` and then stay there for `hold` years; infinite if never.

    A rush before a dated cut may touch a level for a few months: that is no stage of an industry.
    """
    above = values >= level
    start = 0
    while start < len(times):
        first = start + int(np.argmax(above[start:])) if above[start:].any() else len(times)
        if first == len(times):
            return float("inf")
        gone = np.flatnonzero(~above[first:])
        end = first + int(gone[0]) if gone.size else len(times)
        if end == len(times) or times[end] - times[first] >= hold:
            return first_crossing(times[max(first - 1, 0) :], values[max(first - 1, 0) :], level)
        start = end
    return float("inf")


def _constant(model: Model, name: str) -> float:
    variable = model.variable(name)
    if variable.value is None:
        raise InputError(f"{model.file.name}: {variable.name!r} is not a constant and cannot be toggled")
    return float(variable.value)
