"""What a calibration found: estimates with intervals, the picture of every series, the ends of the starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stockflow.arrays import Array

POOR = float(np.log(1.5))  # log error from which a single year is called a misfit


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a fit says of one parameter: value (the mode) with a 90% interval, in `unit`; `interval` says of what kind.

    `learned` is 1 - (posterior sd)/(spread of the prior as the target file states it, before its bounds), in the fitted
    coordinate and not below 0: where bounds cut the prior, some of it is theirs and not the data's.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    prior_centre: float
    prior_spread: float
    prior_shape: str
    learned: float
    at_bound: str
    step: str
    interval: str = "approximate 90%"


@dataclass(frozen=True, slots=True)
class Interval:
    """What a posterior says of one quantity: median and central 90% interval, how much was learned, convergence."""

    median: float
    low: float
    high: float
    learned: float
    rhat: float
    bulk: float
    tail: float


@dataclass(frozen=True, slots=True)
class SeriesFit:
    """How one series was met: errors are of natural logarithms."""

    name: str
    unit: str
    use: str
    years: tuple[int, ...]
    observed: tuple[float, ...]
    modelled: tuple[float, ...]
    sigma: tuple[float, ...]

    @property
    def errors(self) -> Array:
        """Modelled minus observed logarithm, per year."""
        return np.asarray(np.log(np.maximum(self.modelled, 1e-12)) - np.log(np.asarray(self.observed)))

    @property
    def rms(self) -> float:
        """Root mean square of the log error."""
        return float(np.sqrt(np.mean(self.errors**2)))

    @property
    def r2(self) -> float:
        """Share of the variance of the observed logarithm explained (may be negative)."""
        return r_squared(self.errors, np.log(np.asarray(self.observed)))

    @property
    def bias(self) -> float:
        """Mean log error."""
        return float(np.mean(self.errors))

    @property
    def misfits(self) -> tuple[tuple[int, float], ...]:
        """Years off by more than a factor of 1.5, worst first, with the model's value over the observed one."""
        bad = [(year, error) for year, error in zip(self.years, self.errors, strict=True) if abs(error) > POOR]
        return tuple((year, float(np.exp(error))) for year, error in sorted(bad, key=lambda one: -abs(one[1])))

    @property
    def autocorrelation(self) -> float:
        """Lag-one autocorrelation of the log error about zero."""
        e = self.errors
        return float(np.sum(e[1:] * e[:-1]) / np.sum(e**2)) if len(e) > 2 else 0.0


def r_squared(error: Array, observed: Array) -> float:
    """1 - (sum of squared errors)/(sum of squares about the observed mean), negative for a fit worse than the mean."""
    spread = float(np.sum((observed - observed.mean()) ** 2))
    return 1 - float(np.sum(error**2)) / spread if spread > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Start:
    """Where one start of the optimiser began and ended: objective, parameter values, steps taken, why it stopped."""

    number: int
    objective_before: float
    objective_after: float
    evaluations: int
    stopped: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """One optimum: estimates, the residual picture behind them, and how the starts ended."""

    estimates: tuple[Estimate, ...]
    series: tuple[SeriesFit, ...]
    effects: Mapping[str, float]
    events: Mapping[str, float]
    objective: float
    starts: tuple[Start, ...]

    @property
    def values(self) -> dict[str, float]:
        """Parameter values by name."""
        return {e.name: e.value for e in self.estimates}


@dataclass(frozen=True, slots=True)
class Variant:
    """The same fit with the policy response held at a value: what else the data would accept."""

    name: str
    response: float
    objective: float
    effects: Mapping[str, float]
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything a calibration of one case produced; `values` is what to run the model with."""

    case: str
    response: str
    partial: tuple[tuple[str, Fit], ...]
    closed: Fit
    variants: tuple[Variant, ...]
    seed: int
    targets_file: Path | None = None

    @property
    def values(self) -> dict[str, float]:
        """Estimates of the partial steps, overridden by those of the closed loop."""
        return {**held_values(self.partial), **self.closed.values}


def held_values(partial: Sequence[tuple[str, Fit]]) -> dict[str, float]:
    """Return the estimates of the partial steps, later steps overriding earlier ones."""
    return {name: value for _, fit in partial for name, value in fit.values.items()}
