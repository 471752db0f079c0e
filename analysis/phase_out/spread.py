"""Many draws of one number as a median with 50% and 90% intervals; an event that never comes stays "never"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockflow.arrays import Array
from stockflow.intervals import FAN, quantiles


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

    @property
    def cells(self) -> dict[str, float]:
        """Median and intervals as the columns of a table."""
        return {"median": self.median, "50% low": self.low50, "50% high": self.high50, "90% low": self.low90,
                "90% high": self.high90}  # fmt: skip


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
    """Return median and intervals of `values` (draw,) by the rule of `quantiles`."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return Spread(np.nan, np.nan, np.nan, np.nan, np.nan, reached=np.nan, defined=0.0)
    finite = np.isfinite(known)
    low90, low50, median, high50, high90 = (float(q) for q in quantiles(known, FAN))
    return Spread(median, low50, high50, low90, high90, float(finite.mean()), known.size / values.size)


def table(rows: Sequence[tuple[str, Measure]]) -> pd.DataFrame:
    """One row for each pair of a schedule's label and a measure: median, intervals, how often reached and defined."""
    return pd.DataFrame(
        [
            {"schedule": label, "measure": one.name, "unit": one.unit} | s.cells
            | {"reached": s.reached, "defined": s.defined}
            for label, one in rows
            for s in (one.spread,)
        ]
    )  # fmt: skip
