"""Many draws of one number as a median with 50% and 90% intervals; an event that never comes stays "never"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockflow.arrays import Array

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 50% interval and 90% interval over draws; infinite where that part of the draws never gets there.

    `reached` is the share of the defined draws that are finite, `defined` the share of all draws in which the number
    has a meaning (a cost per additional unit has none without additional units).
    """

    median: float
    low50: float
    high50: float
    low90: float
    high90: float
    reached: float
    defined: float


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """One number for every draw, (draw,): infinite is "never", not a number is "has no meaning in this draw"."""

    name: str
    unit: str
    values: Array

    @property
    def spread(self) -> Spread:
        """The values as median and intervals."""
        return spread(self.values)


def spread(values: Array) -> Spread:
    """Return median and intervals of `values` (draw,).

    With all values finite, quantiles lie between neighbours as NumPy's do. With some infinite ("never"), each is one
    of the values, since nothing lies between a year and never.
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return Spread(np.nan, np.nan, np.nan, np.nan, np.nan, reached=np.nan, defined=0.0)
    finite = np.isfinite(known)
    low90, low50, median, high50, high90 = quantiles(known)
    return Spread(median, low50, high50, low90, high90, float(finite.mean()), known.size / values.size)


def quantiles(values: Array) -> list[float]:
    """Return the five quantiles of `values` (draw,), none of them NaN, least first."""
    ordered = np.sort(values)
    if np.isfinite(ordered).all():
        return [float(q) for q in np.quantile(ordered, PROBABILITIES)]
    return [float(ordered[max(0, int(np.ceil(p * len(ordered) - 1e-9)) - 1)]) for p in PROBABILITIES]


def bands(values: Array) -> Array:
    """Return the five quantiles over the draws of paths (draw, time), shape (quantile, time), least first."""
    return np.asarray(np.quantile(values, PROBABILITIES, axis=0))


def table(rows: Sequence[tuple[str, Measure]]) -> pd.DataFrame:
    """One row for each pair of a schedule's label and a measure: median, intervals, how often reached and defined."""
    return pd.DataFrame(
        [
            {"schedule": label, "measure": one.name, "unit": one.unit, "median": s.median, "50% low": s.low50,
             "50% high": s.high50, "90% low": s.low90, "90% high": s.high90, "reached": s.reached,
             "defined": s.defined}
            for label, one in rows
            for s in (one.spread,)
        ]
    )  # fmt: skip
