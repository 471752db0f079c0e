"""Quantiles of outputs over many runs, counted while the outputs of a few runs are in cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stockflow.batches.batch import Batch
from stockflow.batches.histogram import MOST, Sketch, digits, quantiles
from stockflow.batches.pieces import in_pieces
from stockflow.compiler.llvm import memory_of
from stockflow.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

# most runs, and most numbers, that go through one call: they should stay in the second cache
_TOGETHER, _NUMBERS = 256, 2**16
_FINEST, _COARSEST = 1e-4, 0.25


def batch_quantiles(batch: Batch, probabilities: Sequence[float], accuracy: float) -> xr.Dataset:
    """Return quantiles of every output at every saved time, dimensions (quantile, time).

    Runs that are not finite throughout are left out and counted in the attribute `failed`.
    """
    import xarray as xr

    wanted = _checked(probabilities, accuracy, len(batch.values))
    simulator = batch.simulator
    shape = len(simulator.times), len(simulator.outputs)
    bits = digits(accuracy)
    # every sketch is here while no thread counts with it
    sketches: list[Sketch] = []
    failures: list[int] = []
    spare: list[NDArray[np.float64]] = []

    def piece(first: int, last: int) -> None:
        found = batch.outputs(first, last, spare)
        outputs = found.reshape(last - first, -1)
        finite = np.isfinite(outputs).all(axis=1)
        if not finite.all():
            failures.append(int((~finite).sum()))
            outputs = np.ascontiguousarray(outputs[finite])
        try:
            sketch = sketches.pop()
        except IndexError:
            sketch = Sketch(shape[0] * shape[1], bits)
        sketch.add(outputs)
        sketches.append(sketch)
        spare.append(memory_of(found))

    width = simulator.kernel.code.width
    together = max(width, min(_TOGETHER, _NUMBERS // (shape[0] * shape[1])) // width * width)
    in_pieces(piece, len(batch.values), width, together, batch.threads)
    found = quantiles(sketches, wanted).reshape(len(wanted), *shape)
    data = {
        name: (("quantile", "time"), found[:, :, place], dict(batch.variables[name]))
        for place, name in enumerate(simulator.outputs)
    }
    coordinates = {"quantile": wanted, "time": ("time", simulator.times, dict(batch.time))}
    counts = {"runs": len(batch.values), "failed": sum(failures), "relative_error": 0.5 ** (bits + 1)}
    return xr.Dataset(data, coordinates, {**batch.origin, **counts})


def _checked(probabilities: Sequence[float], accuracy: float, runs: int) -> NDArray[np.float64]:
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
