"""Quantiles of outputs over many runs, counted while the outputs of a few runs are in cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stockflow.arrays import Array
from stockflow.batches.histogram import MOST, Histogram, digits, quantiles
from stockflow.batches.pieces import in_pieces
from stockflow.compiler.llvm import memory_of
from stockflow.compiler.simulator import Simulator
from stockflow.errors import InputError

# most runs, and most numbers, that go through one call: they should stay in the second cache
_TOGETHER, _NUMBERS = 256, 2**16
_FINEST, _COARSEST = 1e-4, 0.25


def counted_quantiles(
    outputs: Callable[[int, int, list[Array]], Array],
    simulator: Simulator,
    runs: int,
    probabilities: Array,
    accuracy: float,
    threads: int | None,
) -> tuple[Array, int, float]:
    """Return quantiles, shape (probability, time, output), how many runs were left out, and the relative error.

    `outputs` makes the runs from one number to another, exclusive, in spare memory.  Runs that are not finite
    throughout are left out.
    """
    shape = len(simulator.times), len(simulator.outputs)
    bits = digits(accuracy)
    # every histogram is here while no thread counts with it
    histograms: list[Histogram] = []
    failures: list[int] = []
    spare: list[Array] = []

    def piece(first: int, last: int) -> None:
        made = outputs(first, last, spare)
        rows = made.reshape(last - first, -1)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            failures.append(int((~finite).sum()))
            rows = np.ascontiguousarray(rows[finite])
        try:
            histogram = histograms.pop()
        except IndexError:
            histogram = Histogram(shape[0] * shape[1], bits)
        histogram.add(rows)
        histograms.append(histogram)
        spare.append(memory_of(made))

    width = simulator.kernel.code.width
    together = max(width, min(_TOGETHER, _NUMBERS // (shape[0] * shape[1])) // width * width)
    in_pieces(piece, runs, width, together, threads)
    return quantiles(histograms, probabilities).reshape(-1, *shape), sum(failures), 0.5 ** (bits + 1)


def checked_probabilities(probabilities: Sequence[float], accuracy: float, runs: int) -> Array:
    """Return probabilities as an array; InputError for one outside 0 to 1, and for what cannot be counted."""
    wanted = np.asarray(probabilities, dtype=float)
    if wanted.ndim != 1 or not len(wanted):
        raise InputError(f"probabilities have shape {wanted.shape}, but must be a list of at least one")
    bad = wanted[~((wanted >= 0) & (wanted <= 1))]
    if len(bad):
        raise InputError(f"a probability is {bad[0]:g}, but must be from 0 to 1")
    if not _FINEST <= accuracy <= _COARSEST:
        raise InputError(f"accuracy is {accuracy:g}, but must be from {_FINEST:g} to {_COARSEST:g}")
    if not 1 <= runs <= MOST:
        raise InputError(f"quantiles of {runs} runs, but there must be from 1 to {MOST}")
    return wanted
