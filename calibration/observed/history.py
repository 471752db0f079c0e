"""What a naive forecast is made from: the observed years of one series up to the origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.errors import InputError

Years: TypeAlias = NDArray[np.int64]

LARGEST_LOG = 700.0  # exp of more is no floating point number


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Observed values of one series in `unit`; the last year is the origin of a forecast.

    `years` (year,) increase strictly and may have gaps; `values` (year,) are positive. Anything else is an
    `InputError` that names series, year and value.
    """

    name: str
    years: Years
    values: Array
    unit: str

    def __post_init__(self) -> None:
        if self.years.ndim != 1 or self.years.shape != self.values.shape or not len(self.years):
            raise InputError(
                f"series {self.name!r}: {self.years.size} years and {self.values.size} values; "
                "needs as many values as years, at least one"
            )
        late = np.flatnonzero(np.diff(self.years) <= 0)
        if len(late):
            year, before = self.years[late[0] + 1], self.years[late[0]]
            raise InputError(f"series {self.name!r}: year {year} follows {before}; years must increase")
        bad = np.flatnonzero(~(np.isfinite(self.values) & (self.values > 0)))
        if len(bad):
            raise InputError(
                f"series {self.name!r}: value {self.values[bad[0]]:g} {self.unit} in {self.years[bad[0]]}; must be > 0"
            )

    @property
    def logs(self) -> Array:
        """Natural logarithms of the values (year,)."""
        return np.asarray(np.log(self.values))

    @property
    def gaps(self) -> Years:
        """Years from each observation to the next (year - 1,); all one where no year is missing."""
        return np.diff(self.years)

    @property
    def last_year(self) -> int:
        """The origin: the last observed year."""
        return int(self.years[-1])

    def until(self, year: int) -> History:
        """Return the history known at the end of `year`; nothing known is an `InputError`."""
        known = self.years <= year
        if not known.any():
            raise InputError(f"series {self.name!r}: starts in {self.years[0]}, nothing observed up to {year}")
        return History(self.name, self.years[known], self.values[known], self.unit)

    def require(self, fewest: int, forecast: str) -> None:
        """Raise an `InputError` if fewer than `fewest` observations stand for a `forecast`."""
        if len(self.years) < fewest:
            raise InputError(
                f"series {self.name!r}: {len(self.years)} observations up to {self.last_year}; "
                f"a forecast by {forecast} needs at least {fewest}"
            )

    def horizons(self, years: Years) -> Years:
        """Return years from the origin to each of `years` (year,); they must increase and lie after it."""
        ahead = np.asarray(years, dtype=np.int64) - self.last_year
        if not len(ahead) or ahead[0] < 1 or (np.diff(ahead) <= 0).any():
            raise InputError(
                f"series {self.name!r}: forecast years {[int(y) for y in years]}; "
                f"must increase and lie after the origin {self.last_year}"
            )
        return np.asarray(ahead)


Baseline: TypeAlias = Callable[[History, Years, int, np.random.Generator], Array]
"""A forecast: history, years (year,), number of draws and generator to values (draw, year) in the series' unit."""


def natural(log_draws: Array) -> Array:
    """Return values of drawn logarithms; beyond e^700 either way, where numbers end, they are held at the end.

    Few degrees of freedom make tails so heavy that a draw can leave the range of floating point numbers.
    """
    return np.asarray(np.exp(np.clip(log_draws, -LARGEST_LOG, LARGEST_LOG)))


def student_scale(freedom: int, draws: int, rng: np.random.Generator) -> Array:
    """Return factors (draw, 1) that turn normal draws into Student-t ones of `freedom` degrees, common to all years."""
    return np.asarray(np.sqrt(freedom / rng.chisquare(freedom, size=(draws, 1))))
