"""The same plan interpreted by NumPy: one array operation for each node, over a block of runs at a time."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.scalar_c import refuse_unusual
from stockflow.arrays import Array
from stockflow.compiler.graph import NUMPY
from stockflow.compiler.plan import Plan
from stockflow.language.equations import Table

# runs taken together: enough to hide Python, few enough for the caches
BLOCK = 1000
# a node, what computes it, and from which others
_Instruction = tuple[int, Callable[..., Any], tuple[int, ...]]


class VectorNumpy:
    """A plan ready to be interpreted; raises ValueError for a plan that it is not written for."""

    def __init__(self, plan: Plan, block: int = BLOCK) -> None:
        refuse_unusual(plan)
        self.plan = plan
        self.block = block
        graph, states = plan.system.graph, plan.system.states
        roots = [*plan.hoisted, *(state.initial for state in states)]
        self._constants: dict[int, Any] = {
            node: _constant(plan, node) for node in range(len(graph.nodes)) if not graph.stage[node]
        }
        self._start = self._instructions(graph.reachable(roots))
        self._body = self._instructions(plan.body)
        self._observed = self._instructions(plan.observed)
        self._inputs = _places(plan, "input", range(len(graph.nodes)))
        self._held = _places(plan, "state", [*plan.body, *plan.observed])

    def __call__(self, values: Array) -> Array:
        """Return outputs, shape (run, time, output), for inputs of shape (run, input)."""
        out = np.empty((len(values), int(self.plan.clock.saved.sum()), len(self.plan.system.outputs)))
        with np.errstate(all="ignore"):
            for first in range(0, len(values), self.block):
                rows = slice(first, first + self.block)
                self._run(np.ascontiguousarray(values[rows].T, dtype=float), out[rows])
        return out

    def _run(self, inputs: Array, out: Array) -> None:
        """Fill `out`, shape (run, time, output), from `inputs`, shape (input, run)."""
        plan, states, graph = self.plan, self.plan.system.states, self.plan.system.graph
        known = self._constants | {node: inputs[place] for node, place in self._inputs}
        _compute(self._start, known)
        now = [np.full(len(out), known[state.initial]) for state in states]
        rings = {place: np.tile(now[place], (state.delay, 1)) for place, state in enumerate(states) if state.delay}
        row = 0
        for moment, saved in enumerate(plan.clock.saved):
            for node, number in zip(plan.series, plan.table[moment], strict=True):
                known[node] = number != 0.0 if graph.is_truth(node) else number
            known.update((node, now[place]) for node, place in self._held)
            _compute(self._body, known)
            if saved:
                _compute(self._observed, known)
                for column, node in enumerate(plan.system.outputs):
                    out[:, row, column] = known[node]
                row += 1
            for place, ring in rings.items():
                ring[moment % len(ring)] = known[states[place].rate]
            now = [
                rings[place][(moment + 1) % state.delay].copy()
                if state.delay
                else now[place] + known[state.rate] * plan.clock.step
                for place, state in enumerate(states)
            ]

    def _instructions(self, nodes: Iterable[int]) -> list[_Instruction]:
        """What is to be computed, in order: all but constants, inputs and states."""
        graph = self.plan.system.graph
        found: list[_Instruction] = []
        for node in nodes:
            op, args, payload = graph.nodes[node]
            if not graph.stage[node] or op in {"input", "state"}:
                continue
            if isinstance(payload, Table):
                found.append((node, partial(np.interp, xp=payload.xs, fp=payload.ys), args))
            elif op in NUMPY:
                found.append((node, NUMPY[op], args))
            else:
                raise ValueError(f"the NumPy engine has no {op}")
        return found


def _compute(instructions: Iterable[_Instruction], known: dict[int, Any]) -> None:
    for node, function, args in instructions:
        known[node] = function(*[known[one] for one in args])


def _constant(plan: Plan, node: int) -> float | bool:
    graph = plan.system.graph
    value = graph.value(node)
    return bool(graph.truth(node)) if value is None else value


def _places(plan: Plan, op: str, nodes: Iterable[int]) -> list[tuple[int, int]]:
    """Return the inputs, or the states, among nodes, each with its place."""
    known = plan.system.graph.nodes
    return [(node, int(str(known[node].payload))) for node in nodes if known[node].op == op]
