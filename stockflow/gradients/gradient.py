"""Exact derivatives with respect to constants: of a payoff by going backward, of outputs by going along.

Both differentiate the computed run itself, step by step, so they are exact for the time step used.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockflow.arrays import Array
from stockflow.compiler import cache
from stockflow.compiler.llvm import processor, stack_of, vector_width
from stockflow.compiler.machine import assembled, linked
from stockflow.compiler.pieces import in_pieces
from stockflow.compiler.plan import table
from stockflow.compiler.simulator import checked
from stockflow.compiler.vector import Writer
from stockflow.errors import InputError
from stockflow.gradients.derivatives import with_derivatives
from stockflow.gradients.moment import Functions, shared_layout
from stockflow.gradients.passes import Passes
from stockflow.gradients.payoff import Comparison, Term, comparison, differentiable
from stockflow.language.clock import SCHEMES
from stockflow.language.equations import Equations

_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 6, ctypes.c_int64, *[ctypes.c_void_p] * 3, ctypes.c_int64)
# bytes of one thread for what is kept of the steps, before stretches are run twice
_KEPT = 64 * 2**20
_WIDTHS = (1, 2, 4, 8, 16)
# bytes of a cache line
_LINE = 64
# most vectors of runs that go through one call
_TOGETHER = 64
# how many times its own size a pulled value is compared from
_FAR = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """Compiled runs of one model up to the last observation, and back: the payoff and its gradient.

    Calling it is pure; it can be called from several threads.  A run gives the same bits whatever the
    number of threads and the other runs.  `workspace` counts the bytes one thread needs,
    and `stack` those of its stack.
    """

    equations: Equations
    inputs: tuple[str, ...]
    terms: tuple[Term, ...]
    comparison: Comparison
    table: Array
    marks: NDArray[np.int64]
    width: int
    workspace: int
    stack: int
    function: Any
    engine: Any
    # workspaces between calls: giving one back to the system costs as much as running a few runs
    _spare: list[Array] = field(default_factory=list, repr=False)

    def __call__(self, values: ArrayLike, threads: int | None = None) -> tuple[Array, Array]:
        """Return the payoff, shape (run,), and its derivatives, shape (run, input).

        `values` has shape (run, input); derivatives are per unit of each input.  Those of a run whose
        payoff is not finite mean nothing; other runs are not touched.  Raises InputError for a wrong
        shape or a value that is not finite.
        """
        return self._swept(checked(values, self.inputs, self.equations.source), self.comparison.numbers, threads)

    def _swept(self, array: Array, numbers: Array, threads: int | None) -> tuple[Array, Array]:
        runs, width = len(array), self.width
        total, gradient = np.empty(runs), np.empty(array.shape)

        def piece(first: int, last: int) -> None:
            blocks = -(-(last - first) // width)
            filled = array[np.minimum(np.arange(first, first + blocks * width), last - 1)]
            found = np.empty((blocks, len(self.terms), width))
            sums, slopes = np.empty((blocks, width)), np.empty((blocks, len(self.inputs), width))
            try:
                work = self._spare.pop()
            except IndexError:
                work = aligned(self.workspace // 8)
            before = (filled, self.table, self.marks, work, self.comparison.places, numbers)
            after = (found, sums, slopes)
            self.function(
                *(one.ctypes.data for one in before), len(self.terms), *(one.ctypes.data for one in after), blocks
            )
            self._spare.append(work)
            total[first:last] = sums.reshape(-1)[: last - first]
            gradient[first:last] = slopes.transpose(0, 2, 1).reshape(filled.shape)[: last - first]

        in_pieces(piece, runs, width, _TOGETHER * width, threads, self.stack)
        return total, gradient

    def pullback(self, values: ArrayLike, read: ArrayLike, slopes: ArrayLike) -> Array:
        """Return how any function of what the terms read changes with the inputs, shape (input,), at one run.

        `values` (input,) are the run's inputs, `read` (term,) the values, or growths, that the terms read there, and
        `slopes` (term,) the derivatives of the function by them.  Observations and scales of the terms play no part.
        Raises InputError for a wrong shape or a value that is not finite.
        """
        source = self.equations.source
        array, terms = np.asarray(values, dtype=float), len(self.terms)
        if array.shape != (len(self.inputs),):
            raise InputError(f"{source}: input values have shape {array.shape}, but must be ({len(self.inputs)},)")
        array = checked(array[None], self.inputs, source)
        at, along = np.asarray(read, dtype=float), np.asarray(slopes, dtype=float)
        for name, one in (("read", at), ("slopes", along)):
            if one.shape != (terms,):
                raise InputError(f"{source}: {name} has shape {one.shape}, but must be ({terms},)")
            for place in np.flatnonzero(~np.isfinite(one)):
                term = self.terms[place]
                raise InputError(
                    f"{source}: {name} of {term.variable} at {term.at:.15g} is {one[place]}, which is not finite"
                )
        # the square of factor * (value - (read - far)) has the slope 2 * factor^2 * far, which is the one asked for;
        # far away, the rounding of the value does not count
        far = np.copysign(_FAR * np.maximum(np.abs(at), 1.0), along)
        numbers = self.comparison.numbers.copy()
        numbers[:, 1], numbers[:, 2], numbers[:, 3] = 0.0, at - far, np.sqrt(0.5 * along / far)
        return np.asarray(self._swept(array, numbers, 1)[1][0])

    def __reduce__(self) -> tuple[Any, ...]:
        return gradient, (self.equations, self.inputs, self.terms, self.width)


def aligned(count: int) -> Array:
    """Return so many doubles, uninitialised, beginning with a cache line: no vector straddles two."""
    longer = np.empty(count + _LINE // 8)
    first = -longer.ctypes.data % _LINE // 8
    return longer[first : first + count]


def gradient(
    equations: Equations, inputs: tuple[str, ...], terms: Sequence[Term], width: int | None = None
) -> Gradient:
    """Return the payoff and gradient of runs whose constants `inputs`, by display name, are left open.

    Vectors hold `width` runs.  Raises InputError for terms that cannot be read, for an input that
    decides the length of a fixed delay, for random numbers, and for a method with automatic steps.
    """
    if SCHEMES[equations.method].order:
        fixed = equations.method.removesuffix(" auto")
        raise InputError(f"{equations.source}: slopes need a fixed time step, not {equations.method}: take {fixed}")
    width = vector_width() if width is None else width
    if width not in _WIDTHS:
        raise InputError(f"width is {width}, but must be 1, 2, 4, 8 or 16")
    compared = comparison(equations, terms)
    moments = compared.moments
    what = with_derivatives(differentiable(equations, inputs, compared.outputs))
    where, writer = shared_layout(what), Writer(width)
    series = table(what.graph, where.series, moments.evaluated(equations.method))
    passes = Passes(what, where, writer, SCHEMES[equations.method], moments, _KEPT // (8 * width))
    functions = [*Functions(what, where, writer).text(), *passes.text()]
    text = "\n".join([*writer.globals, *sorted(writer.declarations), *functions])
    engine = linked(cache.kept("gradient", (text, *processor()), lambda: assembled(text)))
    marks = np.where(moments.saved, np.cumsum(moments.saved) - 1, -1)
    function, workspace = _SIGNATURE(engine.get_function_address("gradient")), 8 * width * passes.size
    stack = stack_of(text, width)
    return Gradient(equations, inputs, tuple(terms), compared, series, marks, width, workspace, stack, function, engine)
