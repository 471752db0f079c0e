"""How often numbers of each size occur: histograms that stay small however many numbers they take in.

A number belongs to the bin that its sign, exponent and first binary digits name, so that bins are as
wide, relative to what is in them, everywhere.  Counts are whole numbers: in whatever order or in
however many histograms numbers are counted, the sum is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array

# sign and exponent of a double
_HEADS = 4096
_MANTISSA = 52
_FIRST_PAGES = 64
MOST = 2**32 - 1


def digits(accuracy: float) -> int:
    """Return how many binary digits bring the middle of a bin within a share `accuracy` of all in it."""
    return max(1, math.ceil(-math.log2(accuracy)) - 1)


class Histogram:
    """Histograms of so many columns, with `bits` binary digits of each number.

    `pages` has for every column, sign and exponent the place in `counts` of its 2^bits bins, or -1.
    """

    def __init__(self, columns: int, bits: int) -> None:
        self.columns, self.bits = columns, bits
        self.pages = np.full((columns, _HEADS), -1, dtype=np.int32)
        self.counts = np.zeros((_FIRST_PAGES, 2**bits), dtype=np.uint32)
        self.used = 0
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)

    def add(self, values: Array) -> None:
        """Count finite numbers, shape (number, column)."""
        if not len(values):
            return
        np.minimum(self.low, values.min(axis=0), out=self.low)
        np.maximum(self.high, values.max(axis=0), out=self.high)
        # column by column, so that the bins of one stay in the first cache
        words = np.ascontiguousarray(values.T).view(np.int64)
        slots = (words >> _MANTISSA) & (_HEADS - 1)
        slots += np.arange(0, self.pages.size, _HEADS)[:, None]
        if len(new := np.unique(slots[self.pages.take(slots) < 0])):
            self._open(new)
        bins = (words >> (_MANTISSA - self.bits)) & (2**self.bits - 1)
        bins += self.pages.take(slots).astype(np.int64) << self.bits
        np.add.at(self.counts.reshape(-1), bins.reshape(-1), np.uint32(1))

    def _open(self, slots: NDArray[np.int64]) -> None:
        """Give places in `counts` to columns with a sign and exponent that have none yet."""
        self.pages.put(slots, np.arange(self.used, self.used + len(slots)))
        self.used += len(slots)
        while self.used > len(self.counts):
            # full: as many pages again
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])

    def bins(self, column: int) -> tuple[Array, NDArray[np.int64]]:
        """Return the middle and the count of every bin of a column that is not empty."""
        heads = np.flatnonzero(self.pages[column] >= 0)
        counts = self.counts[self.pages[column, heads]]
        rows, places = np.nonzero(counts)
        words = heads[rows].astype(np.uint64) << np.uint64(_MANTISSA)
        halves = 2 * places.astype(np.uint64) + np.uint64(1)
        middles = (words | halves << np.uint64(_MANTISSA - self.bits - 1)).view(np.float64)
        # without an exponent a number is 0 or smaller than any that can be told from it
        middles[heads[rows] % (_HEADS // 2) == 0] = 0.0
        return middles, counts[rows, places].astype(np.int64)


def quantiles(histograms: Sequence[Histogram], probabilities: Array) -> Array:
    """Return quantiles, shape (probability, column), of all that was counted; NaN where nothing was.

    A quantile lies on the straight line between two neighbours in order of size, as NumPy's does; each
    of the two is known to the width of its bin, and the least and the greatest number exactly.
    """
    columns = histograms[0].columns
    low = np.min([one.low for one in histograms], axis=0)
    high = np.max([one.high for one in histograms], axis=0)
    out = np.full((len(probabilities), columns), np.nan)
    for column in range(columns):
        middles, counts = (np.concatenate(part) for part in zip(*(one.bins(column) for one in histograms), strict=True))
        if not len(middles):
            continue
        order = np.argsort(middles, kind="stable")
        upto = np.cumsum(counts[order])
        place = probabilities * (upto[-1] - 1)
        below = np.floor(place).astype(np.int64)
        beside = np.minimum(below + 1, upto[-1] - 1)
        two = [_ranked(middles[order], upto, rank, low[column], high[column]) for rank in (below, beside)]
        out[:, column] = two[0] + (two[1] - two[0]) * (place - below)
    return out


def _ranked(middles: Array, upto: NDArray[np.int64], ranks: NDArray[np.int64], low: float, high: float) -> Array:
    found = np.clip(middles[np.searchsorted(upto, ranks, side="right")], low, high)
    return np.where(ranks == 0, low, np.where(ranks == upto[-1] - 1, high, found))
