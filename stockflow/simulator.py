"""From equations to a function of input values, and the checks on what it is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockflow.clock import clock
from stockflow.equations import Equations
from stockflow.errors import InputError
from stockflow.llvm import Kernel, compile_plan
from stockflow.plan import plan
from stockflow.rewrite import simplify
from stockflow.system import lower


@dataclass(frozen=True, slots=True, eq=False)
class Simulator:
    """A compiled run of one model: `inputs` are constants that differ between runs.

    Calling it is pure; it can be called from several threads.
    """

    source: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    times: NDArray[np.float64]
    kernel: Kernel

    def __call__(self, values: ArrayLike, threads: int | None = None) -> NDArray[np.float64]:
        """Return the outputs, shape (run, time, output), C order, of runs with the given inputs.

        `values` has shape (run, input), in the units of the model file; limits are not checked.
        Every run gives the same bits whatever the number of threads and the other runs.  Raises
        InputError for a wrong shape or a value that is not finite.
        """
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self.inputs):
            raise InputError(
                f"{self.source}: input values have shape {array.shape}, but must be (run, {len(self.inputs)})"
            )
        if not np.isfinite(array).all():
            run, column = np.argwhere(~np.isfinite(array))[0]
            raise InputError(
                f"{self.source}: {self.inputs[column]} is {array[run, column]} in run {run}, which is not finite"
            )
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}, but must be at least 1")
        return self.kernel.run(array, threads)


def compiled(equations: Equations, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Simulator:
    """Return the simulator for constants and variables given by display name."""
    moments = clock(equations)
    kernel = compile_plan(plan(simplify(lower(equations, inputs, outputs)), moments))
    return Simulator(equations.source, inputs, outputs, moments.saved_times, kernel)
