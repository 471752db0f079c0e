"""What is computed when: once per run, once per time step, or only when a moment is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockflow.arrays import Array
from stockflow.compiler.graph import INPUT, TIME, Graph
from stockflow.compiler.system import System
from stockflow.language.clock import SCHEMES, Clock
from stockflow.language.equations import Method


@dataclass(frozen=True, slots=True)
class Layout:
    """What is not computed in a moment: `series` stand in a row of the table, `hoisted` are constant in a run."""

    series: tuple[int, ...]
    hoisted: tuple[int, ...]


def layout(graph: Graph, roots: Sequence[int]) -> Layout:
    """Return what the computation of some nodes finds ready in every moment."""
    everything, used = graph.reachable(roots), set(roots)
    for node in everything:
        if graph.is_fast(node):
            used.update(graph.nodes[node].args)
    series, hoisted = (
        [one for one in everything if one in used and graph.stage[one] == kind] for kind in (TIME, INPUT)
    )
    return Layout(tuple(series), tuple(hoisted))


def table(graph: Graph, series: Sequence[int], times: Array) -> Array:
    """Return the values of series, shape (time, series)."""
    columns = graph.evaluate(series, times)
    return np.ascontiguousarray(np.column_stack(columns)) if columns else np.zeros((len(times), 0))


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes of a system sorted by how often they are needed.

    `series` depend on nothing but time: their values for every step stand in `table`, shape
    (step, series), or (half step, series) for RK4; with automatic steps there are none, and the table has the times of
    the steps.  `hoisted` are constant in a run; `body` is
    computed in every step and `observed` only where outputs are kept.  `points` counts the values
    of open tables that a run brings along behind its inputs.
    """

    system: System
    clock: Clock
    series: tuple[int, ...]
    table: Array
    hoisted: tuple[int, ...]
    body: tuple[int, ...]
    observed: tuple[int, ...]
    method: Method = "Euler"
    points: int = 0


def plan(system: System, clock: Clock, method: Method = "Euler", points: int = 0) -> Plan:
    """Return the plan for running a system on a clock."""
    graph = system.graph
    rates = [state.rate for state in system.states]
    roots = [*rates, *system.outputs]
    where = layout(graph, roots)
    if automatic := bool(SCHEMES[method].order):
        where = Layout((), where.hoisted)
    leaves = frozenset([*where.series, *where.hoisted])
    known = {node for node in graph.reachable(roots) if not graph.stage[node] or node in leaves}
    body = [node for node in graph.reachable(rates, leaves) if node not in known]
    inside = known.union(body)
    observed = [node for node in graph.reachable(system.outputs, leaves) if node not in inside]
    values = clock.times[:, None].copy() if automatic else table(graph, where.series, clock.evaluated(method))
    return Plan(system, clock, where.series, values, where.hoisted, tuple(body), tuple(observed), method, points)
