"""Many runs as a Dataset: what was asked for, with units, where it came from, and which runs failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array, Flags
from stockflow.batches.histogram import MOST, Histogram, digits, quantiles
from stockflow.compiler.llvm import memory_of
from stockflow.compiler.pieces import in_pieces
from stockflow.compiler.simulator import Simulator, Task
from stockflow.errors import InputError
from stockflow.language.curve import Table
from stockflow.language.order import evaluation_order, made_of

if TYPE_CHECKING:
    import xarray as xr

# runs simulated at a time when failed runs are looked at again
_LOOKED_AT = 512
# most runs, and most numbers, that are counted in one go: they should stay in the second cache
_TOGETHER, _NUMBERS = 256, 2**16
_FINEST, _COARSEST = 1e-4, 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Runs that have been checked and can be computed piece by piece.

    `values` has shape (run, input); `tables` holds the y values of open series and lookups, each
    (run, point).  `watch` gives the simulator for a second look at runs that failed.
    """

    simulator: Simulator
    watch: Callable[[], Simulator]
    values: Array
    tables: Mapping[str, Array]
    seed: int
    threads: int | None
    variables: Mapping[str, Mapping[str, str]]
    time: Mapping[str, str]
    origin: Mapping[str, str | float]

    def pieces(self, size: int) -> Iterator[xr.Dataset]:
        """Yield the runs in order as `dataset` does, at most `size` in each, which are all that memory holds.

        The coordinate `run` counts on, and the numbers are those of one batch, bit for bit.  InputError for a `size`
        below 1.
        """
        if size < 1:
            raise InputError(f"pieces of {size} runs, but there must be at least 1 in each")
        return (self.dataset(begin, begin + size) for begin in range(0, len(self.values), size))

    def quantiles(self, probabilities: Sequence[float], accuracy: float = 1e-3) -> xr.Dataset:
        """Return quantiles of outputs over the runs, dimensions (quantile, time); no run is stored.

        A quantile lies between two neighbours in order of size, as NumPy's does by default, and each of the two is
        within a share `accuracy` of its size; the least and the greatest are exact.  Memory does not grow with the
        number of runs: for each thread, output and saved time 16 kB and, at that accuracy, 2 kB for every power of two
        that values spread over.  Runs that are not finite throughout are left out, and counted in the attribute
        `failed`.  Raises InputError for a probability outside 0 to 1 and an accuracy outside 1e-4 to 0.25.
        """
        import xarray as xr

        simulator, runs = self.simulator, len(self.values)
        wanted, bits = _checked(probabilities, accuracy, runs), digits(accuracy)
        shape = len(simulator.times), len(simulator.outputs)
        # every histogram is here while no thread counts with it
        histograms: list[Histogram] = []
        failures: list[int] = []
        spare: list[Array] = []

        def piece(first: int, last: int) -> None:
            made = self._simulated(simulator, np.arange(first, last), 1, spare)
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
        in_pieces(piece, runs, width, together, self.threads)
        found = quantiles(histograms, wanted).reshape(-1, *shape)
        counts = {"runs": runs, "failed": sum(failures), "relative_error": 0.5 ** (bits + 1)}
        coordinates = {"quantile": wanted, "time": ("time", simulator.times, dict(self.time))}
        return xr.Dataset(self._data(("quantile", "time"), found), coordinates, {**self.origin, **counts})

    def dataset(self, begin: int = 0, end: int | None = None) -> xr.Dataset:
        """Return runs `begin` to `end`, exclusive, dimensions (run, time), one data variable for each output.

        The coordinate `finite` is False for a run in which any output is not finite at any saved time;
        `first_bad_time` and `first_bad_variable` then say at which step of the run, and in which variable that the
        outputs depend on, that began.  Nothing is dropped.
        """
        import xarray as xr

        end = len(self.values) if end is None else min(end, len(self.values))
        simulator = self.simulator
        results = self._simulated(simulator, np.arange(begin, end), self.threads)
        finite = np.asarray(np.isfinite(results).all(axis=(1, 2)))
        times, names = self._failures(results, finite, begin)
        coordinates = {
            "run": np.arange(begin, end),
            "time": ("time", simulator.times, dict(self.time)),
            "finite": ("run", finite),
            "first_bad_time": ("run", times, dict(self.time)),
            "first_bad_variable": ("run", names),
        }
        return xr.Dataset(self._data(("run", "time"), results), coordinates, dict(self.origin))

    def _data(self, dimensions: tuple[str, str], found: Array) -> dict[str, Any]:
        """Outputs by name for a Dataset, of numbers of shape (any, time, output)."""
        names = self.simulator.outputs
        return {name: (dimensions, found[:, :, at], dict(self.variables[name])) for at, name in enumerate(names)}

    def _simulated(
        self, simulator: Simulator, runs: NDArray[np.int64], threads: int | None, spare: list[Array] | None = None
    ) -> Array:
        tables = {name: one[runs] for name, one in self.tables.items()}
        return simulator(self.values[runs], threads, tables, self.seed, runs, spare)

    def _failures(self, results: Array, finite: Flags, begin: int) -> tuple[Array, NDArray[np.str_]]:
        """Say where each run failed: what a second look finds, or else the first output that is bad."""
        times = np.full(len(finite), np.nan)
        names = np.full(len(finite), "", dtype=object)
        failed = np.flatnonzero(~finite)
        for first in range(0, len(failed), _LOOKED_AT):
            rows = failed[first : first + _LOOKED_AT]
            watch = self.watch()
            times[rows], names[rows] = _first_failures(watch, self._simulated(watch, begin + rows, self.threads))
        for row in failed[names[failed] == ""]:
            step, place = np.argwhere(~np.isfinite(results[row]))[0]
            times[row], names[row] = self.simulator.times[step], self.simulator.outputs[place]
        return times, names.astype(str)


def watching(task: Task) -> Task:
    """Return the watched task of all that the outputs of a task are made of, in order of evaluation.

    The first of them that is not finite, at the first moment when any is not, is where it began:
    all that it reads at that moment is finite.
    """
    variables = task.equations.variables
    ordered = evaluation_order(task.equations, made_of(task.equations, task.outputs))
    outputs = tuple(name for name in ordered if not isinstance(variables[name].expression, Table))
    return replace(task, outputs=outputs, watched=True)


def _first_failures(watch: Simulator, codes: Array) -> tuple[Array, list[str]]:
    """Return time and name of the first number that is not finite, by run; NaN and "" where all are.

    `codes` is what the simulator of a watched task gives, shape (run, step, 1).
    """
    failed = codes[:, :, 0] > 0
    steps = failed.argmax(axis=1)
    places = codes[np.arange(len(codes)), steps, 0].astype(int)
    times = np.where(places > 0, watch.times[steps], np.nan)
    return times, [watch.outputs[place - 1] if place else "" for place in places]


def _checked(probabilities: Sequence[float], accuracy: float, runs: int) -> Array:
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
