"""From equations to a function of input values, and the checks on what it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockflow.compiler import cache
from stockflow.compiler.llvm import Code, Kernel, generate, load, processor
from stockflow.compiler.machine import remembered
from stockflow.errors import InputError, unknown
from stockflow.garbage import uncollected
from stockflow.language import codec
from stockflow.language.clock import Clock, clock
from stockflow.language.equations import Equations

if TYPE_CHECKING:
    from stockflow.compiler.plan import Plan
    from stockflow.compiler.system import System

# most memory that the outputs of one call take
_MOST_BYTES = 2**34


@dataclass(frozen=True, slots=True)
class Task:
    """What to compile: which constants differ between runs, which variables are wanted.

    `equations` hold the method of integration.  `tables` give the number of points of each open
    table, in their order, by the variable whose y values differ between runs.  A watched task
    gives at every step one number in place of its outputs: which of them, counted from 1, is the
    first that is not finite, or 0.
    """

    equations: Equations
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tables: tuple[tuple[str, int], ...] = ()
    watched: bool = False

    def clock(self) -> Clock:
        """Return the moments of a run."""
        moments = clock(self.equations)
        return replace(moments, saved=np.ones_like(moments.saved)) if self.watched else moments

    def plan(self) -> Plan:
        """Return what is computed when."""
        from stockflow.compiler.plan import plan
        from stockflow.compiler.rewrite import simplify
        from stockflow.compiler.system import lower

        system = lower(self.equations, self.inputs, self.outputs)
        system = simplify(_watched(system) if self.watched else system)
        return plan(system, self.clock(), self.equations.method, sum(points for _, points in self.tables))


@dataclass(frozen=True, slots=True, eq=False)
class Simulator:
    """A compiled run of one model: `inputs` are constants that differ between runs.

    Calling it is pure; it can be called from several threads.  It pickles as its task, and is
    compiled anew, or found in the cache, where it is unpickled.  `digest` is a hash of the equations.
    """

    task: Task
    digest: str
    times: NDArray[np.float64]
    kernel: Kernel

    @property
    def inputs(self) -> tuple[str, ...]:
        """Display names of the inputs."""
        return self.task.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Display names of the outputs."""
        return self.task.outputs

    @property
    def source(self) -> str:
        """The name of the model file, for messages."""
        return self.task.equations.source

    def __call__(
        self,
        values: ArrayLike,
        threads: int | None = None,
        tables: Mapping[str, ArrayLike] | None = None,
        seed: int = 0,
        numbers: ArrayLike | None = None,
        spare: list[NDArray[np.float64]] | None = None,
    ) -> NDArray[np.float64]:
        """Return the outputs, shape (run, time, output), C order, of runs with the given inputs.

        `values` has shape (run, input), in the units of the model file; limits are not checked.
        `tables` holds, for each series and lookup that was left open, its values, (run, point).
        Random numbers depend on `seed` and on the number of the run, its place if no `numbers`
        are given.  Outputs stand in memory taken from `spare`, if there is some that is large enough.
        Every run gives the same bits whatever the number of threads and the other runs.
        Raises InputError for a wrong shape or a value that is not finite.
        """
        array = checked(values, self.inputs, self.source)
        if not 0 <= seed < 2**63:
            raise InputError(f"seed is {seed}, but must be from 0 to 2^63 - 1")
        counted = np.arange(len(array)) if numbers is None else np.asarray(numbers, dtype=np.int64)
        if counted.shape != (len(array),):
            raise InputError(f"{self.source}: run numbers have shape {counted.shape}, not ({len(array)},)")
        size = 8 * len(array) * len(self.times) * len(self.outputs)
        given = self._tables(tables or {}, len(array))
        try:
            if size > _MOST_BYTES:
                raise MemoryError
            return self.kernel.run(array, threads, given, seed, counted, spare)
        except MemoryError:
            raise InputError(
                f"{self.source}: {len(array)} runs of {len(self.outputs)} outputs at {len(self.times)} saved times are"
                f" {size / 1e9:.3g} GB, too much for memory; keep fewer outputs, save less often or take runs in pieces"
            ) from None

    def _tables(self, given: Mapping[str, ArrayLike], runs: int) -> list[NDArray[np.float64]]:
        expected = dict(self.task.tables)
        for name in given:
            if name not in expected:
                raise unknown("open series or lookup", name, expected, self.source)
        arrays = []
        for name, points in expected.items():
            if name not in given:
                raise InputError(f"{self.source}: no values for {name}, which differs between runs")
            array = np.asarray(given[name], dtype=np.float64)
            if array.shape != (runs, points):
                raise InputError(f"{self.source}: values of {name} have shape {array.shape}, not ({runs}, {points})")
            if not np.isfinite(array).all():
                run, point = np.argwhere(~np.isfinite(array))[0]
                raise InputError(
                    f"{self.source}: {name} is {array[run, point]} in run {run}, point {point}, which is not finite"
                )
            arrays.append(array)
        return arrays

    def __reduce__(self) -> tuple[Any, ...]:
        return compiled, (self.task,)


def checked(values: ArrayLike, inputs: Sequence[str], source: str) -> NDArray[np.float64]:
    """Return input values, shape (run, input), as an array; InputError unless all are finite numbers."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(inputs):
        raise InputError(f"{source}: input values have shape {array.shape}, but must be (run, {len(inputs)})")
    if not np.isfinite(array).all():
        run, column = np.argwhere(~np.isfinite(array))[0]
        raise InputError(f"{source}: {inputs[column]} is {array[run, column]} in run {run}, which is not finite")
    return array


def _watched(system: System) -> System:
    graph, first = system.graph, system.graph.constant(0.0)
    for place, node in reversed(list(enumerate(system.outputs))):
        finite = graph.apply("eq", graph.apply("sub", node, node), graph.constant(0.0))
        first = graph.apply("select", finite, first, graph.constant(place + 1.0))
    return replace(system, outputs=(first,))


@uncollected()
def compiled(task: Task) -> Simulator:
    """Return the simulator for a task, from the cache if it was compiled before."""
    digest = codec.digest(task.equations)
    wanted = json.dumps([task.inputs, task.outputs, task.tables, task.watched])
    sources = (digest, wanted, *processor())
    code = cache.kept("code", sources, lambda: generate(task.plan(), make=remembered), Code.packed, Code.unpacked)
    return Simulator(task, digest, task.clock().saved_times, load(code))
