"""How likely observations are given a run: logarithms with autocorrelated Student errors, dates, effects, ranges.

Every function returns a log density up to a constant of the data and its slopes, exact and vectorised over runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, gammaln, log_ndtr

from stockflow.arrays import Array, Flags

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class YearlyErrors:
    """Observed logarithms of several series, one after the other, and how their errors hang together.

    For year t of a series, z_t = (ln y_t - ln m_t) / multiplier_t and
    z_t = phi z_before + sigma sqrt(1 - phi^2) e_t, phi = rho^gap for a gap of `gap` years, e_t ~ Student-t(degrees);
    the first year has phi = 0 (a first-order autoregression with gaps: Jones 1980; Student errors: Lange 1989).
    All arrays have shape (observation,); `before` is the place of the year before, or the own place for the first.
    """

    owner: Indices
    log_observed: Array
    multiplier: Array
    before: Indices
    gap: Array
    degrees: float

    @property
    def first(self) -> Flags:
        """Whether an observation is the first of its series."""
        return np.asarray(self.before == np.arange(len(self.before)))

    def density(self, modelled: Array, sigma: Array, rho: Array) -> tuple[Array, Array, Array, Array]:
        """Log density of each observed logarithm given those before, and slopes of its sum.

        Takes modelled values (run, observation), sizes and persistences (run, series); returns (run, observation)
        and the slopes by the modelled values, by the logarithm of the sizes and by the persistences.
        """
        z = (self.log_observed - np.log(modelled)) / self.multiplier
        keeps = rho[:, self.owner]
        phi = np.where(self.first, 0.0, keeps**self.gap)
        root = np.sqrt(1 - phi**2)
        scale = sigma[:, self.owner] * root
        q = (z - phi * z[:, self.before]) / scale
        nu = self.degrees
        fixed = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        each = fixed - np.log(scale * self.multiplier) - 0.5 * (nu + 1) * np.log1p(q**2 / nu)
        by_q = -(nu + 1) * q / (nu + q**2)
        by_u = by_q / scale
        by_z = by_u.copy()
        by_z += _gathered(np.where(self.first, 0.0, -phi * by_u), self.before, by_z.shape[1])
        by_scale = -(1 + by_q * q)  # times d ln scale
        by_phi = -by_u * z[:, self.before] + by_scale * (-phi / root**2)
        by_rho = np.where(self.first, 0.0, by_phi * self.gap * keeps ** (self.gap - 1))
        return (
            each,
            -by_z / (self.multiplier * modelled),
            _gathered(by_scale, self.owner, sigma.shape[1]),
            _gathered(by_rho, self.owner, rho.shape[1]),
        )


def _gathered(each: Array, places: Indices, size: int) -> Array:
    """Sum the columns of `each` (run, observation) that go to the same place, (run, size)."""
    return np.stack([np.bincount(places, weights=row, minlength=size) for row in each])


def yearly_errors(series: Sequence[tuple[NDArray[np.int64], Array, Array]], degrees: float) -> YearlyErrors:
    """Join series, each (years, observed values, multipliers of the error), years increasing."""
    years, values, multiplier = (np.concatenate([np.empty(0), *(one[part] for one in series)]) for part in range(3))
    owner = np.repeat(np.arange(len(series)), np.array([len(one[0]) for one in series], dtype=np.int64))
    place, first = np.arange(len(owner)), np.diff(owner, prepend=-1) != 0
    gap = np.where(first, 1.0, np.diff(years, prepend=0.0))
    return YearlyErrors(owner, np.log(values), multiplier, np.where(first, place, place - 1), gap, degrees)


def normal(value: Array, centre: float, sd: float) -> tuple[Array, Array]:
    """Log density of a normal around `centre` up to a constant, and its slope, per run."""
    z = (value - centre) / sd
    return -0.5 * z**2, -z / sd


def soft_range(value: Array, low: float | None, high: float | None, width: float) -> tuple[Array, Array]:
    """Log of Phi((m - low)/width) Phi((high - m)/width), a side left out being 1, and its slope, per run."""
    total, slope = np.zeros_like(value), np.zeros_like(value)
    for end, sign in ((low, 1.0), (high, -1.0)):
        if end is not None:
            z = sign * (value - end) / width
            total += log_ndtr(z)
            # the slope of ln Phi is the normal density over Phi, which does not cancel far out if written so
            slope += sign * (np.sqrt(2 / np.pi) / erfcx(-z / np.sqrt(2))) / width
    return total, slope


def crossing(times: Array, values: Array, level: float) -> tuple[Array, Array]:
    """Time at which each run (run, time) first reaches `level`, between saved times, and its slopes (run, time).

    Where a run reaches the level this is its `year_reached` with `hold` 0. Where it never does the time grows with what
    is missing, log(level / last value) years past the last saved time, so that an optimiser is drawn towards it.
    """
    runs = len(values)
    when, slopes = np.empty(runs), np.zeros_like(values)
    for run in range(runs):
        row = values[run]
        above = np.flatnonzero(row >= level)
        if above.size == 0:
            top = int(np.argmax(row))
            last = max(float(row[top]), 1e-12 * abs(level))
            when[run] = times[-1] + np.log(level / last)
            slopes[run, top] = -1 / last if row[top] > 1e-12 * abs(level) else 0.0
        elif above[0] == 0:
            when[run] = times[0]
        else:
            i = int(above[0])
            step, rise = times[i] - times[i - 1], row[i] - row[i - 1]
            share = (level - row[i - 1]) / rise
            when[run] = times[i - 1] + share * step
            slopes[run, i - 1] = -step / rise * (1 - share)
            slopes[run, i] = -step / rise * share
    return when, slopes
