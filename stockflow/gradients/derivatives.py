"""A system with the derivatives of its step: which nodes are computed forward, backward and at the ends.

Leaves of the graph that stand for what is carried backward are "state" nodes with places beyond those
of the states: first what arrives for each rate, then for each output, then for each slow node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stockflow.compiler.graph import INPUT, Graph
from stockflow.compiler.rewrite import simplify
from stockflow.compiler.system import State, System
from stockflow.gradients.adjoint import Calculus

# worth remembering on the way forward: dearer to compute again than to fetch from the second cache
_DEAR = frozenset({"exp", "log", "sqrt", "lookup"})


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Nodes of one graph.

    `back` and `observed_back` give for states (by place) what flows to them from rates and from
    outputs; `slow` are nodes that are the same in all steps, `gathered` and `observed_gathered` what
    flows to them (by place among `slow`).  `ends` are the derivatives with respect to each input,
    made of what arrived at the initial states and at the slow nodes.  `taped` are dear nodes of the
    rates that `back` needs again.
    """

    graph: Graph
    inputs: tuple[str, ...]
    states: tuple[State, ...]
    outputs: tuple[int, ...]
    slow: tuple[int, ...]
    back: Mapping[int, int]
    gathered: Mapping[int, int]
    observed_back: Mapping[int, int]
    observed_gathered: Mapping[int, int]
    ends: tuple[int, ...]
    taped: tuple[int, ...]


def is_slow(graph: Graph, node: int) -> bool:
    """Say whether a node has one value in a whole run, which inputs decide."""
    return graph.stage[node] == INPUT


def with_derivatives(system: System) -> Derivatives:
    """Return the system with its derivatives, simplified once more."""
    graph, states = system.graph, system.states
    count, calculus = len(states), Calculus(graph)

    def leaf(kind: int, place: int) -> int:
        return graph.add("state", (), count + kind + place)

    def stop(node: int) -> bool:
        return graph.nodes[node].op == "state" or is_slow(graph, node)

    rates = calculus.pulled(joined(graph, [(one.rate, leaf(0, at)) for at, one in enumerate(states)]), stop)
    seen = calculus.pulled(joined(graph, [(one, leaf(count, at)) for at, one in enumerate(system.outputs)]), stop)
    slow = tuple(sorted(node for node in {*rates, *seen} if is_slow(graph, node)))
    first = count + len(system.outputs)
    arrived = [(one.initial, leaf(0, at)) for at, one in enumerate(states)]
    arrived += [(node, leaf(first, at)) for at, node in enumerate(slow)]
    found = calculus.pulled(joined(graph, arrived), lambda node: graph.nodes[node].op == "input")
    ends = _by_place(graph, found, "input")
    derivatives = (
        _by_place(graph, rates, "state"),
        {slow.index(node): flow for node, flow in rates.items() if is_slow(graph, node)},
        _by_place(graph, seen, "state"),
        {slow.index(node): flow for node, flow in seen.items() if is_slow(graph, node)},
        {place: ends.get(place, graph.constant(0.0)) for place in range(len(system.inputs))},
    )
    return _simplified(system, slow, derivatives)


def joined(graph: Graph, pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return flows by node, those to the same node added; constants take none."""
    result: dict[int, int] = {}
    for node, flow in pairs:
        if graph.value(node) is None:
            result[node] = graph.apply("add", result[node], flow) if node in result else flow
    return result


def _by_place(graph: Graph, flows: Mapping[int, int], op: str) -> dict[int, int]:
    """Return the flows to states, or to inputs, by their places."""
    return {int(str(graph.nodes[node].payload)): flow for node, flow in flows.items() if graph.nodes[node].op == op}


def _simplified(system: System, slow: tuple[int, ...], derivatives: tuple[dict[int, int], ...]) -> Derivatives:
    states = system.states
    roots = [node for one in states for node in (one.initial, one.rate)]
    roots += [*system.outputs, *slow]
    for group in derivatives:
        roots += group.values()
    small = simplify(replace(system, states=(), outputs=tuple(roots)))
    new = iter(small.outputs)
    states = tuple(replace(one, initial=next(new), rate=next(new)) for one in states)
    outputs = tuple(next(new) for _ in system.outputs)
    slow = tuple(next(new) for _ in slow)
    back, gathered, seen_back, seen_gathered, ends = ({key: next(new) for key in group} for group in derivatives)
    graph = small.graph
    body = set(graph.reachable([one.rate for one in states]))
    needed = graph.reachable([*back.values(), *gathered.values()])
    taped = tuple(node for node in needed if node in body and graph.nodes[node].op in _DEAR and graph.is_fast(node))
    flows = back, gathered, seen_back, seen_gathered
    return Derivatives(graph, system.inputs, states, outputs, slow, *flows, tuple(ends.values()), taped)
