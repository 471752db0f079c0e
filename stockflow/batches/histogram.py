"""How often numbers of each size occur: histograms that stay small however many numbers they take in.

A number belongs to the bin that its sign, exponent and first binary digits name, so that bins are as
wide, relative to what is in them, everywhere.  Counts are whole numbers: in whatever order or in
however many histograms numbers are counted, the sum is the same.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.compiler import cache
from stockflow.compiler.llvm import processor
from stockflow.compiler.machine import assembled, linked

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 2
)
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
        self.used = np.zeros(1, dtype=np.int64)
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)

    def add(self, values: Array) -> None:
        """Count finite numbers, shape (number, column), C order."""
        if not len(values):
            return
        np.minimum(self.low, values.min(axis=0), out=self.low)
        np.maximum(self.high, values.max(axis=0), out=self.high)
        (count, _), at = _compiled(), 0
        while True:
            # column by column, so that the bins of one stay in the first cache
            arrays = (self.pages, self.counts, self.used)
            at = count(
                values.ctypes.data,
                at,
                values.size,
                len(values),
                *(one.ctypes.data for one in arrays),
                len(self.counts),
                self.bits,
            )
            if at == values.size:
                return
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


@functools.cache
def _compiled() -> tuple[Any, Any]:
    """Return the loop that counts, from a place on, and the owner of its code; a new page without room stops it."""
    engine = linked(cache.kept("histogram", (_TEXT, *processor()), lambda: assembled(_TEXT)))
    function = _SIGNATURE(engine.get_function_address("count"))
    return function, engine


_ARGUMENTS = "ptr %values, i64 %begin, i64 %end, i64 %rows, ptr %pages, ptr %counts, ptr %used, i64 %room, i64 %bits"
_TEXT = f"""
define i64 @count({_ARGUMENTS}) {{
entry:
  %size = shl i64 1, %bits
  %last = sub i64 %size, 1
  %away = sub i64 {_MANTISSA}, %bits
  %columns = udiv i64 %end, %rows
  %row0 = urem i64 %begin, %rows
  %column0 = udiv i64 %begin, %rows
  br label %loop
loop:
  %at = phi i64 [%begin, %entry], [%next, %counted]
  %row = phi i64 [%row0, %entry], [%row2, %counted]
  %column = phi i64 [%column0, %entry], [%column2, %counted]
  %before = mul i64 %row, %columns
  %cell = add i64 %before, %column
  %place = getelementptr i64, ptr %values, i64 %cell
  %word = load i64, ptr %place, align 8
  %head = lshr i64 %word, {_MANTISSA}
  %heads = mul i64 %column, {_HEADS}
  %slot = add i64 %heads, %head
  %page = getelementptr i32, ptr %pages, i64 %slot
  %known = load i32, ptr %page, align 4
  %missing = icmp slt i32 %known, 0
  br i1 %missing, label %new, label %old
new:
  %taken = load i64, ptr %used, align 8
  %full = icmp sge i64 %taken, %room
  br i1 %full, label %stop, label %open
open:
  %fresh = trunc i64 %taken to i32
  store i32 %fresh, ptr %page, align 4
  %taken1 = add i64 %taken, 1
  store i64 %taken1, ptr %used, align 8
  br label %old
old:
  %found = phi i32 [%known, %loop], [%fresh, %open]
  %wide = zext i32 %found to i64
  %start = shl i64 %wide, %bits
  %shifted = lshr i64 %word, %away
  %digits = and i64 %shifted, %last
  %bin = add i64 %start, %digits
  %target = getelementptr i32, ptr %counts, i64 %bin
  %had = load i32, ptr %target, align 4
  %after = add i32 %had, 1
  store i32 %after, ptr %target, align 4
  br label %counted
counted:
  %next = add i64 %at, 1
  %row1 = add i64 %row, 1
  %column1 = add i64 %column, 1
  %turned = icmp eq i64 %row1, %rows
  %row2 = select i1 %turned, i64 0, i64 %row1
  %column2 = select i1 %turned, i64 %column1, i64 %column
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %stop
stop:
  %reached = phi i64 [%at, %new], [%next, %counted]
  ret i64 %reached
}}
"""
