"""The sums that sensitivity indices of variance are made of, taken while outputs of a few runs are in cache.

Two independent samples A and B of the inputs give, for every base sample, a run of A, a run of A with
each one of the inputs taken from B, and a run of B: the layout of Saltelli et al., Computer Physics
Communications 181 (2010) 259-270.  The share of the variance of an output that an input explains alone,
S = mean(f(B) (f(AB) - f(A))) / V, is that paper's estimator; with all its interactions, T =
mean((f(A) - f(AB))^2) / 2V, that of Jansen, Computer Physics Communications 117 (1999) 35-43.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.batches.pieces import in_order
from stockflow.compiler.llvm import memory_of
from stockflow.compiler.simulator import Simulator
from stockflow.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

# most numbers, and most runs, of one piece: they should stay in the second cache
_NUMBERS, _RUNS = 2**16, 256
# parts of the sums that are left out in turn, to see how far the indices depend on them
_GROUPS = 16


@dataclass(frozen=True, slots=True, eq=False)
class IndexSums:
    """Sums over base samples, each of shape (group, ...) with times and outputs last.

    Base samples are dealt to groups in turn; `samples` counts those of a group and `failed` those left
    out because any of their runs was not finite throughout.  Outputs are measured from `origin`, (time,
    output), those of one of the runs, so that sums keep their digits.  `start` is the sum of f(A), `level`
    of f(A) and f(B), `square` of their squares, shape (group, time, output); `change` of f(AB) - f(A),
    `cross` of f(B) times that and `jump` of its square, shape (group, input, time, output).
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    times: Array
    failed: int
    origin: Array
    samples: NDArray[np.int64]
    level: Array
    square: Array
    change: Array
    cross: Array
    jump: Array
    start: Array

    def indices(self) -> xr.Dataset:
        """Return `first` and `total`, dimensions (input, time, output), and `mean` and `variance`.

        `first_error` and `total_error` are standard errors from leaving out one group of base samples
        after the other, NaN for less than two groups.  Where an output does not vary indices are NaN.
        """
        import xarray as xr

        used = np.flatnonzero(self.samples)
        whole = self._estimates(used)
        errors = [np.full_like(one, np.nan) for one in whole[:2]]
        if len(used) > 1:
            without = [self._estimates(np.delete(used, place)) for place in range(len(used))]
            for place in range(2):
                parts = np.array([one[place] for one in without])
                errors[place] = np.sqrt((len(used) - 1) * parts.var(axis=0))
        full, flat = ("input", "time", "output"), ("time", "output")
        names = ("first", "total", "first_error", "total_error")
        data: dict[str, tuple[tuple[str, ...], Array]] = {
            name: (full, one) for name, one in zip(names, (*whole[:2], *errors), strict=True)
        }
        data |= {"mean": (flat, whole[2]), "variance": (flat, whole[3])}
        coordinates = {"input": list(self.inputs), "time": self.times, "output": list(self.outputs)}
        return xr.Dataset(data, coordinates, {"base_samples": int(self.samples.sum()), "failed": self.failed})

    def _estimates(self, groups: NDArray[np.int64]) -> tuple[Array, Array, Array, Array]:
        """First and total indices, mean and variance from some of the groups."""
        level, square, change, cross, jump, start = (
            one[groups].sum(axis=0) for one in (self.level, self.square, self.change, self.cross, self.jump, self.start)
        )
        count, inputs = int(self.samples[groups].sum()), len(self.inputs)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = level / (2 * count)
            variance = np.maximum(square / (2 * count) - mean**2, 0.0)
            # about the mean of all runs, those of mixed inputs too, products scatter least
            centre = (level + change.sum(axis=0) + inputs * start) / ((inputs + 2) * count)
            first = (cross - centre * change) / count / variance
            total = jump / (2 * count) / variance
        return first, total, self.origin + mean, variance


def index_sums(simulator: Simulator, a: Array, b: Array, seed: int, threads: int | None) -> IndexSums:
    """Return the sums for two samples of inputs, shape (base sample, input); InputError for none.

    The same samples give the same bits whatever the number of threads.  Runs are numbered in the order
    of the layout, which is what random numbers depend on.
    """
    if not len(a):
        raise InputError(f"{simulator.source}: sensitivity indices need at least one base sample")
    runs = a.shape[1] + 2
    columns = len(simulator.times) * len(simulator.outputs)
    most = max(1, min(_RUNS, _NUMBERS // columns) // runs)
    # about as many base samples in each group
    together = -(-len(a) // (_GROUPS * -(-len(a) // (_GROUPS * most))))
    origin = simulator(a[:1], 1, seed=seed)[0]
    origin = np.where(np.isfinite(origin), origin, 0.0)

    spare: list[Array] = []

    def piece(begin: int) -> tuple[int, list[Array]]:
        end = min(begin + together, len(a))
        rows = np.repeat(a[begin:end, None, :], runs, axis=1)
        for column in range(a.shape[1]):
            rows[:, column + 1, column] = b[begin:end, column]
        rows[:, -1] = b[begin:end]
        numbers = np.arange(begin * runs, end * runs)
        outputs = simulator(rows.reshape(-1, a.shape[1]), 1, seed=seed, numbers=numbers, spare=spare)
        outputs -= origin
        sums = _sums(outputs.reshape(end - begin, runs, *origin.shape))
        spare.append(memory_of(outputs))
        return sums

    samples = np.zeros(_GROUPS, dtype=np.int64)
    total: list[Array] = []
    for number, (count, sums) in enumerate(in_order(piece, range(0, len(a), together), threads)):
        group = number % _GROUPS
        total = total or [np.zeros((_GROUPS, *one.shape)) for one in sums]
        samples[group] += count
        for whole, part in zip(total, sums, strict=True):
            whole[group] += part
    failed = len(a) - int(samples.sum())
    return IndexSums(simulator.inputs, simulator.outputs, simulator.times, failed, origin, samples, *total)


def _sums(outputs: Array) -> tuple[int, list[Array]]:
    """Count base samples that are finite throughout and add up outputs, shape (base sample, run, time, output)."""
    finite = np.isfinite(outputs).all(axis=(1, 2, 3))
    if not finite.all():
        outputs = outputs[finite]
    first, mixed, last = outputs[:, 0], outputs[:, 1:-1], outputs[:, -1]
    change = mixed - first[:, None]
    level, square = (first + last).sum(axis=0), (first**2 + last**2).sum(axis=0)
    cross, jump = (last[:, None] * change).sum(axis=0), (change**2).sum(axis=0)
    return len(outputs), [level, square, change.sum(axis=0), cross, jump, first.sum(axis=0)]
