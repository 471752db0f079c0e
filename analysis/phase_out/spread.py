"""Many draws of one number as a median with 50% and 90% intervals; an event that never comes stays "never"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from stockflow.arrays import Array
from stockflow.intervals import FAN, quantiles

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 50% interval and 90% interval over draws; infinite where that part of the draws never gets there.

    `reached` is the share of the defined draws that are finite, `defined` the share of all draws in which the number
    has a meaning (a cost per additional unit has none without additional units).
    """

    low90: float
    low50: float
    median: float
    high50: float
    high90: float
    reached: float
    defined: float

    @property
    def cells(self) -> dict[str, float]:
        """Median and intervals as the columns of a table."""
        return cells((self.low90, self.low50, self.median, self.high50, self.high90))


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


def cells(fan: Iterable[T]) -> dict[str, T]:
    """Return quantiles at the probabilities of `FAN` as the columns of a table, the median first."""
    low90, low50, median, high50, high90 = fan
    return {"median": median, "50% low": low50, "50% high": high50, "90% low": low90, "90% high": high90}


def spread(values: Array) -> Spread:
    """Return median and intervals of `values` (draw,) by the rule of `quantiles`."""
    known = values[~np.isnan(values)]
    reached = float(np.isfinite(known).mean()) if known.size else np.nan
    low90, low50, median, high50, high90 = (float(q) for q in quantiles(known, FAN))
    return Spread(low90, low50, median, high50, high90, reached, known.size / max(values.size, 1))


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
