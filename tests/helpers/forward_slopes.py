"""Exact derivatives of outputs at chosen times, forward: every state takes along how it changes with some inputs.

A second opinion on the gradients of the engine, which go
backward.  It is one more system, so it runs wherever runs do.  A lane follows a few inputs at once; a run takes
as many lanes as that needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockflow.batches.checked import Checked
from stockflow.compiler.graph import INPUT, STATE
from stockflow.compiler.llvm import Kernel, generate, load
from stockflow.compiler.pieces import in_pieces
from stockflow.compiler.plan import plan
from stockflow.compiler.rewrite import simplify
from stockflow.compiler.simulator import checked
from stockflow.compiler.system import System
from stockflow.errors import InputError
from stockflow.gradients.adjoint import Calculus, partials
from stockflow.gradients.payoff import differentiable, kept, readable
from stockflow.language.equations import Equations, Method
from stockflow.model import Model

Point = tuple[str, float]

# most inputs one lane follows: more share the run itself, fewer leave more in registers
_FOLLOWED = 4
# most lanes that go through one call
_TOGETHER = 64


@dataclass(frozen=True, slots=True, eq=False)
class Jacobian:
    """Compiled runs of one model that follow how outputs change with inputs.

    Calling it is pure; it can be called from several threads.  A run gives the same bits whatever the
    number of threads and the other runs.
    """

    equations: Equations
    inputs: tuple[str, ...]
    points: tuple[Point, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    kernel: Kernel

    def __call__(self, values: ArrayLike, threads: int | None = None) -> NDArray[np.float64]:
        """Return derivatives, shape (run, point, input), for input values of shape (run, input).

        They are in the unit of the point's variable per unit of the input.  Raises InputError for a
        wrong shape or a value that is not finite.
        """
        array = checked(values, self.inputs, self.equations.source)
        runs, inputs = array.shape
        result = np.empty((runs, len(self.points), inputs))
        groups, followed = lanes(inputs)
        seeds = np.eye(groups * followed, inputs).reshape(groups, followed * inputs)

        def piece(first: int, last: int) -> None:
            repeated = np.repeat(array[first:last], groups, axis=0)
            filled = np.concatenate([repeated, np.tile(seeds, (last - first, 1))], axis=1)
            outputs = self.kernel.run(filled, 1)
            slopes = outputs.reshape(last - first, groups, outputs.shape[1], -1, followed)
            chosen = slopes[:, :, self.rows, self.columns].transpose(0, 2, 1, 3)
            result[first:last] = chosen.reshape(last - first, len(self.points), -1)[:, :, :inputs]

        if groups:
            in_pieces(piece, runs, 1, max(_TOGETHER // groups, 1), threads)
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        return jacobian, (self.equations, self.inputs, self.points)


def forward_slopes(
    model: Model,
    inputs: Sequence[str],
    points: Sequence[Point],
    until: float | None = None,
    save_period: float | None = None,
    method: Method | None = None,
) -> Jacobian:
    """Return the compiled derivatives of variables at saved times, `points`, with respect to `inputs` of a model."""
    asked = Checked(model.equations)
    return jacobian(asked.moments(until, save_period, method), asked.inputs(inputs), points)


def jacobian(equations: Equations, inputs: tuple[str, ...], points: Sequence[Point]) -> Jacobian:
    """Return derivatives of `points`, each a variable and a saved time, with respect to `inputs`.

    Raises InputError for a point that cannot be read, for an input that decides the length of a
    fixed delay, and for random numbers.
    """
    if not points:
        raise InputError(f"{equations.source}: derivatives of outputs need at least one point")
    names = [readable(equations, name) for name, _ in points]
    outputs = tuple(dict.fromkeys(names))
    moments, rows = kept(equations, points)

    system = simplify(following(differentiable(equations, inputs, outputs), lanes(len(inputs))[1]))
    kernel = load(generate(plan(system, moments, equations.method)))
    columns = tuple(outputs.index(name) for name in names)
    return Jacobian(equations, inputs, tuple(points), tuple(rows), columns, kernel)


def lanes(inputs: int) -> tuple[int, int]:
    """Return how many lanes a run takes, and how many inputs each of them follows."""
    groups = -(-inputs // _FOLLOWED)
    return groups, -(-inputs // max(groups, 1))


def pushed(calculus: Calculus, roots: Iterable[int], seeds: Mapping[int, int]) -> dict[int, int]:
    """Return the change of every node that roots are made of, given the changes of some leaves.

    Nodes that do not change are left out.
    """
    graph = calculus.graph
    changes = dict(seeds)
    for node in graph.reachable(roots, frozenset(seeds)):
        if node in changes or not graph.stage[node] & (STATE | INPUT):
            continue
        for argument, partial in partials(graph, node):
            if argument in changes:
                share = calculus.guarded(partial, changes[argument], calculus.times(changes[argument], partial))
                changes[node] = graph.apply("add", changes[node], share) if node in changes else share
    return changes


def following(system: System, directions: int) -> System:
    """Return the system whose outputs are the changes of the outputs of another, for each direction.

    A direction is a rate of change for each input; they are inputs too, after the others.
    """
    graph, count = system.graph, len(system.inputs)
    calculus = Calculus(graph)
    roots = [node for state in system.states for node in (state.initial, state.rate)]
    changes = []
    for direction in range(directions):
        seeds = {
            graph.add("input", (), at): graph.add("input", (), count * (direction + 1) + at) for at in range(count)
        }
        first = len(system.states) * (direction + 1)
        for at in range(len(system.states)):
            seeds[graph.add("state", (), at)] = graph.add("state", (), first + at)
        changes.append(pushed(calculus, [*roots, *system.outputs], seeds))
    zero = graph.constant(0.0)
    states = [*system.states]
    for change in changes:
        states += [
            replace(one, initial=change.get(one.initial, zero), rate=change.get(one.rate, zero))
            for one in system.states
        ]
    outputs = tuple(change.get(node, zero) for node in system.outputs for change in changes)
    names = tuple(f"{name} {number}" for number in range(directions) for name in system.inputs)
    return replace(system, inputs=system.inputs + names, states=tuple(states), outputs=outputs)
