"""How fast the operations of a model could go at most, and which share of that the engine reaches.

The bound knows only arithmetic: every operation of the plan at the rate this processor sustains for
many independent ones of its kind, measured with the engine's own code.  Divisions and square roots
run in a unit of their own beside everything else, so that the longer of the two queues counts.
Loads, copies between registers and memory, stores of outputs and waiting are free; they are the rest.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.machine import cost
from stockflow.compiler.graph import STATE, Graph
from stockflow.compiler.llvm import compile_plan, vector_width
from stockflow.compiler.plan import Plan, plan
from stockflow.compiler.system import State, System
from stockflow.language.clock import Clock
from stockflow.language.equations import Table

# chains side by side: few leave the processor waiting, many do not fit into its registers
_LANES = (6, 10, 16)
_STEPS = 2000
_BLOCKS = 8
_ROUNDS = 7
_LENGTH = 8

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("add", "sub", "mul", "neg", "abs", "trunc"), "arithmetic"),
    **dict.fromkeys(("lt", "le", "eq", "ne", "and", "or", "not", "select", "number"), "choice"),
    **{op: op for op in ("div", "sqrt", "exp", "log")},
}
_Builder = Callable[[Graph, list[int], int], int]
Kind = str | Table


@dataclass(frozen=True, slots=True)
class _Chain:
    """`build` makes a rate of `length` operations of one kind, each the argument of the next, and `sums` sums."""

    build: _Builder
    length: int
    sums: int = 0


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`operations` counts a time step's vector operations by kind; `runs` is runs/s of one core at most."""

    operations: dict[str, float]
    runs: float


class Rates:
    """Seconds that one vector operation of a kind takes when many independent ones are under way."""

    def __init__(self) -> None:
        self._empty = {lanes: _seconds(lambda graph, states, place: states[place], lanes) for lanes in _LANES}
        self._known: dict[Kind, float] = {}

    def of(self, kind: Kind) -> float:
        """Return the seconds for one vector, measuring them the first time."""
        if kind not in self._known:
            chain = _Chain(_table(kind), 1) if isinstance(kind, Table) else _CHAINS[kind]
            sums = chain.sums * self.of("arithmetic") if chain.sums else 0.0
            spent = min(_seconds(chain.build, lanes) - empty for lanes, empty in self._empty.items())
            self._known[kind] = max(spent - sums, 0.0) / chain.length
        return self._known[kind]


def ceiling(planned: Plan, rates: Rates) -> Ceiling:
    """Return the bound for a plan."""
    counts = operations(planned)
    divisions = ("div", "sqrt")
    divider = sum(counts[kind] * rates.of(kind) for kind in divisions) + counts["log"] * rates.of("div")
    others = sum(count * rates.of("arithmetic" if kind in divisions else kind) for kind, count in counts.items())
    seconds = max(divider, others) * len(planned.clock.times)
    named: defaultdict[str, float] = defaultdict(float)
    for kind, count in counts.items():
        named["lookup" if isinstance(kind, Table) else kind] += count
    return Ceiling(dict(named), vector_width() / seconds)


def operations(planned: Plan) -> dict[Kind, float]:
    """Count vector operations of a time step by kind, a table being a kind of its own.

    A product that only a sum takes is one operation with it.  What is computed only for outputs
    counts by the share of moments that are kept.  A minimum or maximum with a constant is a "bound".
    """
    graph, states = planned.system.graph, planned.system.states
    counts: defaultdict[Kind, float] = defaultdict(float)
    counts["arithmetic"] = sum(1.0 for state in states if not state.delay)
    moving = [*planned.body, *planned.observed]
    roots = [*(state.rate for state in states), *planned.system.outputs]
    uses = Counter([*roots, *(arg for node in moving for arg in graph.nodes[node].args)])
    share = float(planned.clock.saved.mean())
    for nodes, weight in ((planned.body, 1.0), (planned.observed, share)):
        for node in nodes:
            op, args, payload = graph.nodes[node]
            if isinstance(payload, Table):
                counts[payload] += weight
            elif op in {"min", "max"}:
                bounded = any(graph.value(one) is not None for one in args)
                counts["bound" if bounded else "extreme"] += weight
            elif op in _KINDS:
                counts[_KINDS[op]] += weight
            products = [one for one in args if graph.nodes[one].op == "mul" and uses[one] == 1]
            if op in {"add", "sub"} and any(graph.stage[one] & STATE for one in products):
                counts["arithmetic"] -= weight
    return counts


def _seconds(builder: _Builder, lanes: int) -> float:
    """Return the processor seconds one of so many chains takes for a step of the rate that `builder` makes."""
    graph = Graph()
    now = [graph.add("state", (), place) for place in range(lanes)]
    start = graph.add("input", (), 0)
    states = tuple(
        State(f"s{place}", graph.apply("add", start, graph.constant(place / 100)), builder(graph, now, place))
        for place in range(lanes)
    )
    saved = np.arange(_STEPS) == _STEPS - 1
    clock = Clock(1e-12, np.arange(_STEPS, dtype=np.float64) * 1e-12, saved)
    # an output that needs every chain, or the compiler would drop the others
    total = functools.reduce(lambda one, other: graph.apply("add", one, other), now)
    kernel = compile_plan(plan(System(graph, ("start",), states, (total,)), clock))
    values = np.ones((vector_width() * _BLOCKS, 1))
    best = min(cost(lambda: kernel.run(values, threads=1)).processor for _ in range(_ROUNDS))
    return best / (_BLOCKS * _STEPS * lanes)


def _repeated(*ops: str) -> _Builder:
    """Two-sided operations of a chain with its neighbours; chains side by side take different ones."""

    def build(graph: Graph, states: list[int], place: int) -> int:
        result = states[place]
        for turn in range(_LENGTH):
            result = graph.apply(ops[place % len(ops)], result, states[(place + turn + 1) % len(states)])
        return result

    return build


def _bounded(graph: Graph, states: list[int], place: int) -> int:
    """Bounds that are constants, with sums between them, or the compiler would join them."""
    result = states[place]
    for turn in range(_LENGTH):
        bound = graph.apply("max", result, graph.constant(0.5 + turn / 10))
        result = graph.apply("add", bound, states[(place + turn + 1) % len(states)])
    return result


def _chosen(graph: Graph, states: list[int], place: int) -> int:
    """Comparisons and selections in turn."""
    result = states[place]
    for turn in range(0, _LENGTH, 2):
        left, right = (states[(place + turn + ahead) % len(states)] for ahead in (1, 2))
        result = graph.apply("select", graph.apply("lt", result, left), right, result)
    return result


def _once(op: str) -> _Builder:
    return lambda graph, states, place: graph.apply(op, states[place])


def _table(table: Table) -> _Builder:
    return lambda graph, states, place: graph.lookup(states[place], table)


_CHAINS: Mapping[str, _Chain] = {
    "arithmetic": _Chain(_repeated("add", "mul"), _LENGTH),
    "extreme": _Chain(_repeated("min", "max"), _LENGTH),
    "bound": _Chain(_bounded, _LENGTH, sums=_LENGTH),
    "choice": _Chain(_chosen, _LENGTH),
    "div": _Chain(_repeated("div"), _LENGTH),
    **{op: _Chain(_once(op), 1) for op in ("sqrt", "exp", "log")},
}
