"""What is computed when: once per run, once per time step, or only when a moment is saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stockflow.compiler.graph import INPUT, STATE, TIME
from stockflow.compiler.system import System
from stockflow.language.clock import Clock
from stockflow.language.equations import Method


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes of a system sorted by how often they are needed.

    `series` depend on nothing but time: their values for every step stand in `table`, shape
    (step, series), or (half step, series) for RK4.  `hoisted` are constant in a run; `body` is
    computed in every step and `observed` only where outputs are kept.  `points` counts the values
    of open tables that a run brings along behind its inputs.
    """

    system: System
    clock: Clock
    series: tuple[int, ...]
    table: NDArray[np.float64]
    hoisted: tuple[int, ...]
    body: tuple[int, ...]
    observed: tuple[int, ...]
    method: Method = "Euler"
    points: int = 0


def plan(system: System, clock: Clock, method: Method = "Euler", points: int = 0) -> Plan:
    """Return the plan for running a system on a clock."""
    graph = system.graph
    rates = [state.rate for state in system.states]
    everything = graph.reachable([*rates, *system.outputs])
    used = {*rates, *system.outputs}
    for node in everything:
        if graph.stage[node] & STATE or graph.stage[node] == TIME | INPUT:
            used.update(graph.nodes[node].args)
    series = tuple(node for node in everything if node in used and graph.stage[node] == TIME)
    hoisted = tuple(node for node in everything if node in used and graph.stage[node] == INPUT)
    leaves = frozenset([*series, *hoisted])
    known = {node for node in everything if not graph.stage[node] or node in leaves}
    body = [node for node in graph.reachable(rates, leaves) if node not in known]
    inside = known.union(body)
    observed = [node for node in graph.reachable(system.outputs, leaves) if node not in inside]
    times = clock.evaluated(method)
    columns = graph.evaluate(series, times)
    table = np.ascontiguousarray(np.column_stack(columns)) if columns else np.zeros((len(times), 0))
    return Plan(system, clock, series, table, hoisted, tuple(body), tuple(observed), method, points)
