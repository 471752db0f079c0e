"""Runs that begin where a change begins to matter: states that are kept on the way, and which moments read what.

A point of a curve over time is read from some moment on.  What was computed before it is the same whatever its value,
so a page keeps the states of all runs at some moments, `stops`, and begins at the last of them that is not later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from stockflow.compiler.graph import TIME, Path
from stockflow.compiler.plan import Plan
from stockflow.language.clock import SCHEMES

#: moments at which states are kept
MOST_STOPS = 16
_STATE = re.compile(r"^  %s(\d+) = phi (<\d+ x double>) \[(.+), %\w+\], \[(.+), %next\]$", re.MULTILINE)


def read_from(plan: Plan) -> list[int]:
    """Return, for every open value of a run, the first moment whose computation reads it, or their number if none does.

    It is 0 for all where that is not known beforehand: what starting values are made of, tables that are read at
    anything but a time that is the same in all runs, and models with fixed delays, whose memory is not kept.
    """
    graph, states, clock, scheme = plan.system.graph, plan.system.states, plan.clock, SCHEMES[plan.method]
    starting = set(graph.reachable([*plan.hoisted, *(state.initial for state in states)]))
    found = np.full(plan.points, len(clock.times))
    for node in graph.reachable([*starting, *(state.rate for state in states), *plan.system.outputs]):
        op, args, payload = graph.nodes[node]
        if op != "path" or not isinstance(payload, Path):
            continue
        values = found[payload.first : payload.first + payload.points]  # a view
        if node in starting or graph.stage[args[0]] != TIME or any(state.delay for state in states):
            values[:] = 0
            continue
        rows = graph.evaluate(args, clock.evaluated(plan.method))[0]
        below = np.clip(np.trunc(np.nan_to_num(rows)), 0, payload.points - 2)
        for point in range(payload.points):
            (reading,) = np.nonzero((below == point) | (below == point - 1))
            if len(reading):
                # the step before a moment reads some rows further than its own
                moment = (int(reading[0]) - 1 - max(scheme.rows)) // scheme.stride + 1
                values[point] = min(values[point], max(moment, 0))
    return [int(one) for one in found]


def stops(read: Sequence[int], moments: int) -> list[int]:
    """Return at most MOST_STOPS of the moments at which some value is first read, evenly chosen."""
    wanted = sorted({one for one in read if 0 < one < moments})
    places = np.linspace(0, len(wanted) - 1, min(MOST_STOPS, len(wanted))).round().astype(int)
    return [wanted[place] for place in places]


def resumable(text: str) -> str:
    """Return the assembly of a plan whose `simulate` takes three arguments more: `from`, `to` and `held`.

    It runs the moments from `from` up to, but without, `to`.  It leaves the states of `to` in `held`, vectors of shape
    (block, state), and begins with what stands there unless `from` is 0.
    """
    states = [found.groups() for found in _STATE.finditer(text)]
    double = states[0][1] if states else ""
    begin, end = ["  %resumed = icmp ne i64 %from, 0"], []
    for place, _, initial, new in states:
        at = f"  %at{place} = getelementptr {double}, ptr %held, i64 {place}"
        begin += [at, f"  %held{place} = load {double}, ptr %at{place}, align 8"]
        begin += [f"  %begin{place} = select i1 %resumed, {double} %held{place}, {double} {initial}"]
        end += [f"  store {double} {new}, ptr %at{place}, align 8"]
    more, vector = "i64 %from, i64 %to, ptr", double or "i8"
    block = f"  %h = getelementptr {vector}, ptr %held, i64 %heldbefore"
    changes = [
        (r"(define void @block\(.*i64 %seed)\)", rf"\1, {more} noalias %held)"),
        (r"(define void @simulate\(.*i64 %count)\)", rf"\1, {more} %held)"),
        (r"(  call void @block\(.*i64 %seed)\)", rf"{block}\n\1, {more} %h)"),
        (r"(  %before = mul i64 %b, .*)", rf"\1\n  %heldbefore = mul i64 %b, {len(states)}"),
        (r"  br label %loop\nloop:", "\n".join([*begin, "  br label %loop", "loop:"])),
        (r"  %k = phi i64 \[0, ", "  %k = phi i64 [%from, "),
        (r"(  %done = icmp uge i64 %k1, )\d+", r"\1%to"),
        (r"exit:\n", "\n".join(["exit:", *end, ""])),
    ]
    text = _STATE.sub(lambda found: found[0].replace(f"[{found[3]}, ", f"[%begin{found[1]}, ", 1), text)
    for old, new in changes:
        text, count = re.subn(old, new, text)
        if count != 1:
            raise RuntimeError(f"the assembly has {count} places for {old!r}, not one")
    return text
