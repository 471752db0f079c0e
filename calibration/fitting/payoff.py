"""The payoff: the log density of everything that was observed, given a run, plus the priors.

Optimiser, sampler, profile and score all use this one function. Its slopes are exact: those of the errors are written
in `calibration.fitting.likelihood`, those of the run come from going backward through it
(`stockflow.gradients.gradient`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calibration.fitting.coordinates import Coordinate, Space
from calibration.fitting.likelihood import YearlyErrors, crossing, normal, soft_range, yearly_errors
from calibration.fitting.targets import EffectTarget, ErrorModel, EventTarget, RangeTarget, SeriesTarget
from calibration.observed.observations import observed
from stockflow import Model, Term
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.over_time import QUARTER

LATEST = 6.0  # years after an event's date to which a run is carried to find it


@dataclass(frozen=True, slots=True)
class FittedSeries:
    """Observed years and values (model unit) of one series, with the stated error of each logarithm."""

    target: SeriesTarget
    years: NDArray[np.int64]
    values: Array
    sigma: Array

    @property
    def multiplier(self) -> Array:
        """How many times the series' own error each year's is: more below the reporting threshold."""
        return np.asarray(self.sigma / self.target.sigma)


def fitted_series(target: SeriesTarget, last_year: int | None = None) -> FittedSeries:
    """Collect the observations of `target` inside its window; none at all is an `InputError`.

    Nothing after `last_year` is read, where that is given.
    """
    end = target.last_year if last_year is None else min(target.last_year, last_year)
    table = observed(target.sources, target.unit, combine=target.combine)
    table = table[(table.index >= target.first_year) & (table.index <= end)]
    if table.empty:
        raise InputError(f"series {target.name!r}: no observation in {target.first_year}-{end}")
    values: Array = np.asarray(table.to_numpy(), dtype=np.float64)
    if (values <= 0).any():
        place = int(np.argmax(values <= 0))
        raise InputError(
            f"series {target.name!r}: value {values[place]:g} {target.unit} in {table.index[place]} is not above 0"
        )
    sigma = np.where(values < target.small, 2.0, 1.0) * target.sigma
    return FittedSeries(target, table.index.to_numpy(dtype=np.int64), values, sigma)


def reading(quantity: str, measure: str, year: float) -> Term:
    """Return how a year of a quantity is read off a run; the other fields of the term do not matter."""
    if measure == "yearly difference":
        return Term(quantity, 0.0, 1.0, at=year + 1, since=year, transform="linear")
    return Term(quantity, 0.0, 1.0, at=year + (1.0 if measure == "year end" else 0.5), transform="linear")


class Payoff:
    """Log density and slopes of coordinates against series, dates, effects, ranges and priors.

    `model` carries everything held fixed; `coordinates` are the free parameters in order. A call changes nothing that
    another could see. Vectors of coordinates are those of `space`.
    """

    def __init__(
        self,
        model: Model,
        coordinates: Sequence[Coordinate],
        series: Sequence[FittedSeries],
        events: Sequence[EventTarget] = (),
        effects: Sequence[EffectTarget] = (),
        ranges: Sequence[RangeTarget] = (),
        errors: ErrorModel | None = None,
    ) -> None:
        self.model = model
        self.series, self.events = tuple(series), tuple(events)
        self.effects, self.ranges = tuple(effects), tuple(ranges)
        errors = errors or ErrorModel()
        names, stated = [s.target.name for s in series], [s.target.sigma for s in series]
        self.space = Space(tuple(coordinates), tuple(names), np.array(stated, dtype=float), errors)
        self.errors: YearlyErrors = yearly_errors([(s.years, s.values, s.multiplier) for s in series], errors.degrees)
        toggles = dict.fromkeys(name for effect in effects for name in effect.without)
        self._toggles = {name: _constant(model, name) for name in toggles}
        self._terms: list[Term] = []
        self._of_series = [self._read(reading(s.target.quantity, s.target.measure, float(y)) for y in s.years)
                           for s in self.series]  # fmt: skip
        self._yearly = slice(len(self._terms))
        self._of_events = [self._read(self._saved(t.quantity, -np.inf, t.year + LATEST)) for t in self.events]
        self._of_effects = [self._read(_growth(t)) for t in self.effects]
        self._of_ranges = [self._read(self._range_terms(t)) for t in self.ranges]
        self._event_times = [np.array([t.at for t in self._terms[p]]) for p in self._of_events]
        self._inputs = [c.name for c in coordinates] + list(self._toggles)
        if self._terms:
            self._values = model.payoff(self._terms, self._inputs, save_period=QUARTER).residuals

    @cached_property
    def _back(self) -> Callable[[Array, Array, Array], Array]:
        """The way back through a run, compiled for the first who asks for slopes: many ask for values alone."""
        return self.model.gradient(self._terms, self._inputs, save_period=QUARTER, width=2).pullback

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The free parameters."""
        return self.space.parameters

    def readings(self, x: Array, toggles: Mapping[str, float] | None = None) -> Array:
        """What the targets read off the runs of coordinates `x` (run, size), shape (run, reading)."""
        given = self._given(np.atleast_2d(x), toggles)
        return np.asarray(self._values(given)) if self._terms else np.empty((len(given), 0))

    def log_density(self, x: Array) -> Array:
        """Log posterior density of coordinates (run, size) up to a constant, (run,); minus infinity where undefined."""
        return self._assessed(np.atleast_2d(np.asarray(x, dtype=float)), want_slopes=False)[0]

    def log_density_and_slopes(self, x: Array) -> tuple[float, Array]:
        """Log posterior density at one point (size,) and its slopes (size,): minus infinity and 0 where undefined."""
        total, slopes = self._assessed(np.atleast_2d(np.asarray(x, dtype=float)), want_slopes=True)
        return float(total[0]), slopes

    def objective(self, x: Array) -> Array:
        """Minus the log posterior density, per run: what the optimiser makes small."""
        return -self.log_density(x)

    def on_the_line(self, u: Array) -> tuple[float, Array]:
        """Log density and slopes where the sampler moves: the whole real line in every direction."""
        if not np.isfinite(u).all():
            return -np.inf, np.zeros(self.space.size)
        x = self.space.from_line(u)
        total, slopes = self.log_density_and_slopes(x)
        volume, of_volume, stretch = self.space.line_density(u)
        return total + volume, slopes * stretch + of_volume

    def pointwise(self, x: Array) -> list[Array]:
        """Log density of each observation given those before it, (run, year) for each series."""
        x = np.atleast_2d(x)
        _, sigma, rho = self.space.split(x)
        each = self.errors.density(self.readings(x)[:, self._yearly], sigma, rho)[0]
        ends = np.cumsum([len(s.years) for s in self.series])[:-1]
        return np.split(each, ends, axis=1)

    def series_values(self, x: Array) -> list[Array]:
        """Modelled values (run, year) of every series in its own unit."""
        readings = self.readings(x)
        return [readings[:, part] for part in self._of_series]

    def effects_at(self, x: Array) -> dict[str, Array]:
        """Return the causal effects by name, (run,) each."""
        x = np.atleast_2d(np.asarray(x, dtype=float))
        if not self.effects:
            return {}
        factual = self.readings(x)
        return {
            t.name: 1 - self._compared(x, factual, t)[:, part.stop - 1] / factual[:, part.start]
            for t, part in zip(self.effects, self._of_effects, strict=True)
        }

    def events_at(self, x: Array) -> dict[str, Array]:
        """Return the dates of the events by name, (run,) each; past the last saved time where never reached."""
        if not self.events:
            return {}
        readings = self.readings(x)
        parts = zip(self.events, self._of_events, self._event_times, strict=True)
        return {t.name: crossing(times, readings[:, part], t.level)[0] for t, part, times in parts}

    def ranges_at(self, x: Array) -> dict[str, Array]:
        """Return what the stated ranges are about, by name, (run,) each."""
        if not self.ranges:
            return {}
        readings = self.readings(x)
        return {t.name: _ranged(t, readings[:, part])[0] for t, part in zip(self.ranges, self._of_ranges, strict=True)}

    def _assessed(self, x: Array, want_slopes: bool) -> tuple[Array, Array]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            total, by_x = self.space.log_prior(x)
            if not self._terms:
                return total, by_x[0]
            readings = self.readings(x)
            by_reading = np.zeros_like(readings)
            total = total + self._of_factual(x, readings, by_reading, by_x)
            pulled: list[tuple[Mapping[str, float] | None, Array, Array]] = []
            for target, part in zip(self.effects, self._of_effects, strict=True):
                other = self._compared(x, readings, target)
                total = np.where(np.isfinite(other).all(axis=1), total, -np.inf)
                grown, lost = readings[:, part.start], other[:, part.stop - 1]
                found, slope = normal(1 - lost / grown, target.value, target.sd)
                total = total + found
                by_reading[:, part.start] += slope * lost / grown**2
                by_other = by_reading if target.then else np.zeros_like(readings)
                by_other[:, part.stop - 1] -= slope / grown
                if not target.then:
                    pulled.append((target.without, other, by_other))
            whole = np.isfinite(readings).all(axis=1) & (readings[:, self._yearly] > 0).all(axis=1)
            total = np.where(np.isfinite(total) & whole, total, -np.inf)
            if not want_slopes or not np.isfinite(total[0]):
                return total, np.zeros(self.space.size)
            pulled.append((None, readings, by_reading))
            p = len(self.coordinates)
            for without, values, slopes in pulled:
                back = self._back(self._given(x, without)[0], values[0], slopes[0])
                by_x[0, :p] += back[:p] * self.space.stretch(x)[0]
        return total, by_x[0]

    def _of_factual(self, x: Array, readings: Array, by_reading: Array, by_x: Array) -> Array:
        total = np.zeros(len(x))
        if self.series:
            _, sigma, rho = self.space.split(x)
            p, n = len(self.coordinates), len(self.series)
            each, by_modelled, by_sigma, by_rho = self.errors.density(readings[:, self._yearly], sigma, rho)
            total += each.sum(axis=1)
            by_reading[:, self._yearly] += by_modelled
            by_x[:, p : p + n] += by_sigma
            by_x[:, p + n :] += by_rho
        for target, part, times in zip(self.events, self._of_events, self._event_times, strict=True):
            when, by_value = crossing(times, readings[:, part], target.level)
            found, slope = normal(when, target.year, target.sd)
            total += found
            by_reading[:, part] += slope[:, None] * by_value
        for stated, part in zip(self.ranges, self._of_ranges, strict=True):
            value, by_value = _ranged(stated, readings[:, part])
            found, slope = soft_range(value, stated.low, stated.high, stated.width)
            total += np.where(np.isfinite(value), found, -np.inf)
            by_reading[:, part] += slope[:, None] * by_value
        return total

    def _compared(self, x: Array, readings: Array, target: EffectTarget) -> Array:
        """Readings (run, reading) of what an effect is measured against: a run without a policy, or the same run."""
        return readings if target.then else self.readings(x, target.without)

    def _given(self, x: Array, toggles: Mapping[str, float] | None) -> Array:
        p = len(self.coordinates)
        out = np.empty((len(x), len(self._inputs)))
        out[:, :p] = self.space.values(x)[:, :p]
        for place, (name, usual) in enumerate(self._toggles.items()):
            out[:, p + place] = (toggles or {}).get(name, usual)
        return out

    def _read(self, terms: Iterable[Term]) -> slice:
        first = len(self._terms)
        self._terms += terms
        return slice(first, len(self._terms))

    def _saved(self, quantity: str, first: float, last: float) -> list[Term]:
        begin = max(first, self.model.initial_time)
        count = int(np.floor((min(last, self.model.final_time) - self.model.initial_time) / QUARTER)) + 1
        times = self.model.initial_time + QUARTER * np.arange(count)
        return [Term(quantity, 0.0, 1.0, at=float(t), transform="linear") for t in times[times >= begin]]

    def _range_terms(self, target: RangeTarget) -> list[Term]:
        if target.kind == "lowest":
            return self._saved(target.quantity, target.first_year, target.last_year + 1.0)
        every = range(target.first_year, target.last_year + 1)
        years = (every[0], every[-1]) if target.kind == "fall" else every
        return [reading(target.quantity, target.measure, float(y)) for y in years]


def _ranged(target: RangeTarget, values: Array) -> tuple[Array, Array]:
    """What a range is about, (run,), and its slopes by the readings, (run, reading)."""
    slopes = np.zeros_like(values)
    if target.kind == "mean":
        slopes += 1 / values.shape[1]
        return values.mean(axis=1), slopes
    if target.kind == "lowest":
        place = np.argmin(values, axis=1)
        slopes[np.arange(len(values)), place] = 1.0
        return values.min(axis=1), slopes
    slopes[:, 0], slopes[:, 1] = values[:, 1] / values[:, 0] ** 2, -1 / values[:, 0]
    return 1 - values[:, 1] / values[:, 0], slopes


def _growth(target: EffectTarget) -> list[Term]:
    return [Term(target.quantity, 0.0, 1.0, at=last, since=first, transform="linear") for first, last in target.windows]


def _constant(model: Model, name: str) -> float:
    variable = model.variable(name)
    if variable.value is None:
        raise InputError(f"{model.file.name}: {variable.name!r} is not a constant and cannot be toggled")
    return float(variable.value)
