"""A payoff: how far runs are from what was observed, worked out while their outputs are still in cache.

The description is data (`Term`), and so are observed values and scales in the compiled code of a gradient: one
instruction stream compares any list of terms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockflow.arrays import Array
from stockflow.compiler import cache
from stockflow.compiler.llvm import Code, Kernel, generate, load, memory_of, processor
from stockflow.compiler.pieces import in_pieces
from stockflow.compiler.plan import plan
from stockflow.compiler.rewrite import simplify
from stockflow.compiler.simulator import checked
from stockflow.compiler.system import System, lower
from stockflow.errors import InputError
from stockflow.language import codec
from stockflow.language.clock import Clock, clock
from stockflow.language.equations import Equations

# most runs that go through one call: their outputs should stay in the second cache
_TOGETHER = 256


@dataclass(frozen=True, slots=True)
class Term:
    """One observation of a variable and how far a run may be from it.

    The modelled value is that of `variable` at the time `at`, or its growth since the time `since`;
    both must be saved times.  The residual is (f(modelled) - f(observed)) / scale * sqrt(weight), f being
    the natural logarithm or, for `transform` "linear", the value itself.  `observed` is in the unit of
    the variable, `scale` in that unit or for "log" a pure number.
    """

    variable: str
    observed: float
    scale: float
    at: float
    since: float | None = None
    transform: Literal["log", "linear"] = "log"
    weight: float = 1.0

    def __post_init__(self) -> None:
        place = f"term {self.variable!r} at {self.at:.15g}"
        for name in ("observed", "scale", "at", "since", "weight"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"{place}: {name} is {value}, which is not a finite number")
        if self.transform not in {"log", "linear"}:
            raise InputError(f"{place}: transform is {self.transform!r}, but must be 'log' or 'linear'")
        if self.transform == "log" and not self.observed > 0:
            raise InputError(f"{place}: observed is {self.observed:g}, but must be above 0 for its logarithm")
        if not self.scale > 0:
            raise InputError(f"{place}: scale is {self.scale:g}, but must be above 0")
        if self.weight < 0:
            raise InputError(f"{place}: weight is {self.weight:g}, but must not be below 0")
        if self.since is not None and not self.since < self.at:
            raise InputError(f"{place}: since is {self.since:.15g}, but must be before it")

    @property
    def times(self) -> tuple[float, ...]:
        """The one or two times at which the variable is read."""
        return (self.at,) if self.since is None else (self.at, self.since)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What terms read and compare with, as arrays.

    `moments` keeps only the times that are read and ends with the last of them.  `places`, shape
    (term, 2), says where the two values of a term stand among the values (time, output) of a run;
    `numbers`, shape (term, 4), are 1 for growth, 1 for a logarithm, the transformed observation and
    the factor of the residual.
    """

    outputs: tuple[str, ...]
    moments: Clock
    places: NDArray[np.int64]
    numbers: Array

    def residuals(self, outputs: Array) -> Array:
        """Return the residuals (run, term) of outputs (run, time, output)."""
        later, earlier = np.take(outputs.reshape(len(outputs), -1), self.places.T, axis=1).swapaxes(0, 1)
        growth, logarithmic, target, factor = self.numbers.T
        with np.errstate(all="ignore"):
            modelled = later - np.where(growth != 0.0, earlier, 0.0)
            if (logs := logarithmic != 0.0).any():
                modelled[:, logs] = np.log(modelled[:, logs])
            return np.asarray((modelled - target) * factor)


def comparison(equations: Equations, terms: Sequence[Term]) -> Comparison:
    """Return terms as arrays; InputError for no terms, an unknown variable and a time that is not saved."""
    if not terms:
        raise InputError(f"{equations.source}: a payoff needs at least one term")
    names = [readable(equations, term.variable) for term in terms]
    outputs = tuple(dict.fromkeys(names))
    moments, rows = kept(equations, [(term.variable, time) for term in terms for time in term.times])
    found = iter(rows)
    places, numbers = [], []
    for name, term in zip(names, terms, strict=True):
        read = [next(found) * len(outputs) + outputs.index(name) for _ in term.times]
        places.append((read[0], read[-1]))
        logarithmic = term.transform == "log"
        target = math.log(term.observed) if logarithmic else term.observed
        numbers.append((float(term.since is not None), float(logarithmic), target, math.sqrt(term.weight) / term.scale))
    return Comparison(outputs, moments, np.array(places, dtype=np.int64), np.array(numbers))


def readable(equations: Equations, name: str) -> str:
    """Return the display name of a variable that has a value; InputError if there is none."""
    one = equations.find(name)
    if one.kind == "lookup":
        raise InputError(f"{equations.source}: {one.name} is a lookup, which has no value of its own")
    return one.name


def kept(equations: Equations, points: Sequence[tuple[str, float]]) -> tuple[Clock, list[int]]:
    """Return the clock that saves only the times of points (name, time), and the row of each point."""
    moments = clock(equations)
    times = moments.saved_times
    nearest = [int(np.abs(times - time).argmin()) for _, time in points]
    for (name, time), one in zip(points, nearest, strict=True):
        if not abs(times[one] - time) < moments.step * 1e-5:
            raise InputError(
                f"{equations.source}: {name} is read at {time:.15g}, which is not a saved time;"
                f" the nearest is {times[one]:.15g}"
            )
    used = np.unique(nearest)
    steps = np.flatnonzero(moments.saved)[used]
    saved = np.zeros(steps[-1] + 1, dtype=bool)
    saved[steps] = True
    rows = np.searchsorted(used, nearest).tolist()
    return replace(moments, times=moments.times[: steps[-1] + 1], saved=saved), rows


def differentiable(equations: Equations, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> System:
    """Return the system of some outputs, simplified; InputError if it draws random numbers."""
    system = simplify(lower(equations, inputs, outputs))
    graph = system.graph
    roots = [node for state in system.states for node in (state.initial, state.rate)]
    for node in graph.reachable([*roots, *system.outputs]):
        op, _, payload = graph.nodes[node]
        if op in {"random", "initial random"}:
            raise InputError(f"{equations.source}: derivatives of random numbers are not supported: {payload}")
    return system


@dataclass(frozen=True, slots=True, eq=False)
class Payoff:
    """Compiled runs of one model up to the last observation, reduced to their squared residuals.

    Calling it is pure; it can be called from several threads.  A run gives the same bits whatever the
    number of threads and the other runs.  A modelled value that has no logarithm makes the payoff of
    its run NaN or infinite, and touches no other.
    """

    equations: Equations
    inputs: tuple[str, ...]
    terms: tuple[Term, ...]
    comparison: Comparison
    kernel: Kernel

    def __call__(self, values: ArrayLike, threads: int | None = None, seed: int = 0) -> Array:
        """Return the sum of squared residuals, shape (run,), for input values of shape (run, input).

        Raises InputError for a wrong shape or a value that is not finite.
        """
        return self._reduced(checked(values, self.inputs, self.equations.source), threads, seed, None)

    def residuals(self, values: ArrayLike, threads: int | None = None, seed: int = 0) -> Array:
        """Return the residuals, shape (run, term); the sum of their squares is the payoff."""
        array = checked(values, self.inputs, self.equations.source)
        out = np.empty((len(array), len(self.terms)))
        self._reduced(array, threads, seed, out)
        return out

    def _reduced(self, values: Array, threads: int | None, seed: int, residuals: Array | None) -> Array:
        total = np.empty(len(values))
        spare: list[Array] = []

        def piece(first: int, last: int) -> None:
            outputs = self.kernel.run(values[first:last], 1, (), seed, np.arange(first, last), spare)
            found = self.comparison.residuals(outputs)
            with np.errstate(over="ignore"):
                total[first:last] = np.square(found).sum(axis=1)
            if residuals is not None:
                residuals[first:last] = found
            spare.append(memory_of(outputs))

        in_pieces(piece, len(values), self.kernel.code.width, _TOGETHER, threads)
        return total

    def __reduce__(self) -> tuple[Any, ...]:
        return payoff, (self.equations, self.inputs, self.terms)


def payoff(equations: Equations, inputs: tuple[str, ...], terms: Sequence[Term]) -> Payoff:
    """Return the payoff of runs whose constants `inputs`, by display name, are left open."""
    compared = comparison(equations, terms)
    asked = codec.digest(equations), json.dumps([inputs, compared.outputs]), compared.moments.saved.tobytes()

    def code() -> bytes:
        system = simplify(lower(equations, inputs, compared.outputs))
        return generate(plan(system, compared.moments, equations.method)).packed()

    kernel = load(Code.unpacked(cache.kept("payoff", (*asked, *processor()), code)))
    return Payoff(equations, inputs, tuple(terms), compared, kernel)
