"""The same plan interpreted by NumPy: one array operation for each node, over a block of runs at a time."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.usual import refuse_unusual
from stockflow.arrays import Array
from stockflow.compiler.graph import NUMPY
from stockflow.compiler.plan import Plan
from stockflow.language.equations import Table

# runs taken together: enough to hide Python, few enough for the caches
BLOCK = 1000


class _Instruction(NamedTuple):
    node: int
    function: Callable[..., Any]
    args: tuple[int, ...]


class VectorNumpy:
    """A plan ready to be interpreted; raises ValueError for a plan that it is not written for."""

    def __init__(self, plan: Plan, block: int = BLOCK) -> None:
        refuse_unusual(plan)
        self.plan = plan
        self.block = block
        graph, states = plan.system.graph, plan.system.states
        roots = [*plan.hoisted, *(state.initial for state in states)]
        self._constants = {node: _constant(plan, node) for node in range(len(graph.nodes)) if not graph.stage[node]}
        self._start = self._instructions(graph.reachable(roots))
        self._body = self._instructions(plan.body)
        self._observed = self._instructions(plan.observed)
        moving = [*plan.body, *plan.observed]
        self._held = [(node, _place(plan, node)) for node in moving if graph.nodes[node].op == "state"]

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
        plan, states = self.plan, self.plan.system.states
        known = self._at_start(inputs)
        now = [np.full(len(out), known[state.initial]) for state in states]
        rings = {place: np.tile(now[place], (state.delay, 1)) for place, state in enumerate(states) if state.delay}
        row = 0
        for moment, saved in enumerate(plan.clock.saved):
            known.update(zip(plan.series, self._series(moment), strict=True))
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

    def _at_start(self, inputs: Array) -> dict[int, Any]:
        known = dict(self._constants)
        graph = self.plan.system.graph
        for node, (op, _, _) in enumerate(graph.nodes):
            if op == "input":
                known[node] = inputs[_place(self.plan, node)]
        _compute(self._start, known)
        return known

    def _series(self, moment: int) -> Iterable[Any]:
        graph = self.plan.system.graph
        for node, number in zip(self.plan.series, self.plan.table[moment], strict=True):
            yield number != 0.0 if graph.is_truth(node) else number

    def _instructions(self, nodes: Iterable[int]) -> list[_Instruction]:
        """What is to be computed, in order: all but constants, inputs and states."""
        graph = self.plan.system.graph
        found = []
        for node in nodes:
            op, args, payload = graph.nodes[node]
            if not graph.stage[node] or op in {"input", "state"}:
                continue
            if isinstance(payload, Table):
                found.append(_Instruction(node, partial(np.interp, xp=payload.xs, fp=payload.ys), args))
            elif op in NUMPY:
                found.append(_Instruction(node, NUMPY[op], args))
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


def _place(plan: Plan, node: int) -> int:
    return int(str(plan.system.graph.nodes[node].payload))
