"""Many runs as a Dataset: what was asked for, with units, where it came from, and which runs failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array, Flags
from stockflow.batches.failure import first_failures
from stockflow.batches.quantiles import checked_probabilities, counted_quantiles
from stockflow.compiler.simulator import Simulator
from stockflow.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

# runs simulated at a time when failed runs are looked at again
_LOOKED_AT = 512


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

        simulator, wanted = self.simulator, checked_probabilities(probabilities, accuracy, len(self.values))

        def outputs(begin: int, end: int, spare: list[Array]) -> Array:
            return self._simulated(simulator, np.arange(begin, end), 1, spare)

        found, failed, error = counted_quantiles(outputs, simulator, len(self.values), wanted, accuracy, self.threads)
        data = {
            name: (("quantile", "time"), found[:, :, place], dict(self.variables[name]))
            for place, name in enumerate(simulator.outputs)
        }
        coordinates = {"quantile": wanted, "time": ("time", simulator.times, dict(self.time))}
        counts = {"runs": len(self.values), "failed": failed, "relative_error": error}
        return xr.Dataset(data, coordinates, {**self.origin, **counts})

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
        data = {
            name: (("run", "time"), results[:, :, place], dict(self.variables[name]))
            for place, name in enumerate(simulator.outputs)
        }
        coordinates = {
            "run": np.arange(begin, end),
            "time": ("time", simulator.times, dict(self.time)),
            "finite": ("run", finite),
            "first_bad_time": ("run", times, dict(self.time)),
            "first_bad_variable": ("run", names),
        }
        return xr.Dataset(data, coordinates, dict(self.origin))

    def _simulated(
        self,
        simulator: Simulator,
        runs: NDArray[np.int64],
        threads: int | None,
        spare: list[Array] | None = None,
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
            times[rows], names[rows] = first_failures(watch, self._simulated(watch, begin + rows, self.threads))
        for row in failed[names[failed] == ""]:
            step, place = np.argwhere(~np.isfinite(results[row]))[0]
            times[row], names[row] = self.simulator.times[step], self.simulator.outputs[place]
        return times, names.astype(str)
