"""Many draws of a number as quantiles: the one rule for every median and interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stockflow.arrays import Array

INTERVAL = (0.05, 0.5, 0.95)  # ends and median of the central 90%
FAN = (0.05, 0.25, 0.5, 0.75, 0.95)  # with those of the central 50%


def quantiles(values: Array, probabilities: Sequence[float] = INTERVAL) -> Array:
    """Return the quantiles over the first axis of `values` (draw, ...), shape (probability, ...).

    Draws that are not a number have no meaning and are left out; without any other the quantiles are not numbers.
    With n finite draws left, quantile p lies at place 1 + p (n - 1) in order of size, between neighbours on a straight
    line (definition 7 of Hyndman and Fan 1996, Am. Stat. 50: 361-365, the default of NumPy and R). Infinite draws are
    counted where they belong: as infinity stands for "never", and nothing lies between a year and never, each quantile
    is then the least draw that has at least the share p of the draws at or below it (their definition 1).
    """
    values = np.asarray(values, dtype=float)
    if len(values) and np.isfinite(values).all():
        return np.asarray(np.quantile(values, probabilities, axis=0))
    columns = values.reshape(len(values), math.prod(values.shape[1:])).T
    found = [_of_known(column[~np.isnan(column)], probabilities) for column in columns]
    return np.array(found).T.reshape(len(probabilities), *values.shape[1:])


def interval(values: Array) -> tuple[float, float, float]:
    """Return lower end of the central 90% interval, median and upper end of `values` (draw,), as `quantiles` has it."""
    low, median, high = (float(q) for q in quantiles(values))
    return low, median, high


def interval_columns(values: Array, median: str, low: str = "low", high: str = "high") -> dict[str, float]:
    """Return what `interval` says of `values` (draw,) as columns of a table: the median first, then both ends."""
    least, middle, most = interval(values)
    return {median: middle, low: least, high: most}


def _of_known(known: Array, probabilities: Sequence[float]) -> Array:
    if not known.size:
        return np.full(len(probabilities), np.nan)
    if np.isfinite(known).all():
        return np.asarray(np.quantile(known, probabilities))
    return np.asarray(np.quantile(known, probabilities, method="inverted_cdf"))
