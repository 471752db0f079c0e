"""Runs that begin where a change begins to matter: states that are kept on the way, and which moments read what.

A point of a curve over time is read from some moment on, and some constants matter from one on.  What was computed
before it is the same, so a page keeps the states of all runs at some moments, `stops`, and begins at the last of them
that is not later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from stockflow.arrays import Flags
from stockflow.compiler.assembly import Assembly
from stockflow.compiler.graph import TIME, Graph, Path
from stockflow.compiler.plan import Plan
from stockflow.language.clock import SCHEMES

#: moments at which states are kept
MOST_STOPS = 32
# bytes that all of them take in a browser
_MOST_BYTES = 2**24
_STATE = re.compile(r"^  %s(\d+) = phi <\d+ x double> \[(.+), %\w+\], \[(.+), %next\]$", re.MULTILINE)


def points_from(plan: Plan) -> list[int]:
    """Return, for every open value of a run, the first moment whose computation reads it, or their number if none does.

    It is 0 for all where that is not known beforehand: tables that are read at anything but a time or a place that is
    the same in all runs, and automatic steps.
    """
    if SCHEMES[plan.method].order:
        return [0] * plan.points
    graph, states, times = plan.system.graph, plan.system.states, plan.clock.evaluated(plan.method)
    found = np.full(plan.points, len(plan.clock.times))
    for node in graph.reachable([*plan.hoisted, *(state.initial for state in states), *_roots(plan)]):
        op, args, payload = graph.nodes[node]
        if op != "path" or not isinstance(payload, Path):
            continue
        values = found[payload.first : payload.first + payload.points]  # a view
        if graph.stage[args[0]] not in {0, TIME}:
            values[:] = 0
            continue
        below = np.clip(np.trunc(graph.evaluate(args, times)[0]), 0, payload.points - 2)
        for point in range(payload.points):
            values[point] = min(values[point], _moment(plan, (below == point) | (below == point - 1)))
    return [int(one) for one in found]


def inputs_from(plan: Plan) -> list[int]:
    """Return, for every input, the first moment at which it can matter while its sign is kept, or their number.

    It is 0 but for what is multiplied by something that is 0 until then, or chosen only from then on, by time alone.
    A product with 0 is 0 of the input's sign, hence the condition.
    """
    if SCHEMES[plan.method].order:
        return [0] * len(plan.system.inputs)
    graph, states, times = plan.system.graph, plan.system.states, plan.clock.evaluated(plan.method)
    order = graph.reachable([*(state.initial for state in states), *_roots(plan)])
    series = [one for one in order if graph.stage[one] == TIME]
    nonzero = {one: values != 0 for one, values in zip(series, graph.evaluate(series, times), strict=True)}
    always = np.ones(len(times), dtype=bool)
    found = []
    for place in range(len(plan.system.inputs)):
        matters: dict[int, Flags] = {}
        for node in order:
            op, args, payload = graph.nodes[node]
            own = [matters[one] for one in args if one in matters]
            if op == "input" and payload == place:
                matters[node] = always
            elif own and op == "select" and args[0] in nonzero:
                chosen, (first, second) = nonzero[args[0]], (matters.get(one, ~always) for one in args[1:])
                matters[node] = np.where(chosen, first, second)
            elif own and op == "mul" and (other := _beside(graph, args, place)) in nonzero:
                matters[node] = nonzero[other]
            elif own:
                matters[node] = own[0] if len(own) == 1 else np.logical_or.reduce(own)
        known = not any(state.initial in matters for state in states)
        rows = [matters[one] for one in _roots(plan) if one in matters] if known else [always]
        found.append(_moment(plan, np.logical_or.reduce([~always, *rows])))
    return found


def _roots(plan: Plan) -> list[int]:
    return [*(state.rate for state in plan.system.states), *plan.system.outputs]


def _beside(graph: Graph, args: Sequence[int], place: int) -> int | None:
    """Return the other factor of a product with an input itself."""
    return next((args[1 - at] for at in (0, 1) if graph.nodes[args[at]][::2] == ("input", place)), None)


def _moment(plan: Plan, rows: Flags) -> int:
    """Return the first moment that rows of the table belong to, or the number of moments if none is marked."""
    if not rows.any():
        return len(plan.clock.times)
    scheme = SCHEMES[plan.method]
    # the step before a moment reads some rows further than its own
    return max(0, (int(rows.argmax()) - 1 - max(scheme.rows)) // scheme.stride + 1)


def stops(wanted: Iterable[int], moments: int, size: int) -> list[int]:
    """Return at most MOST_STOPS of the wanted moments, evenly chosen, fewer if states take `size` bytes at each."""
    some = sorted({one for one in wanted if 0 < one < moments})
    most = min(MOST_STOPS, _MOST_BYTES // max(size, 1), len(some))
    return [some[place] for place in np.linspace(0, len(some) - 1, most).round().astype(int)]


def resumable(assembly: Assembly) -> tuple[str, int]:
    """Return the text of an assembly whose `simulate` takes three arguments more: `from`, `to` and `held`.

    It runs the moments from `from` up to, but without, `to`.  It leaves the states of `to`, and behind them the memory
    of all delays, in `held`, and begins with what stands there unless `from` is 0.  The number returned is that of the
    vectors of a block in `held`.
    """
    text = assembly.text()
    states = [found.groups() for found in _STATE.finditer(text)]
    double = f"<{assembly.writer.width} x double>"
    rings = assembly.points - len(assembly.outputs)
    size = len(states) + rings
    copied = f"i64 {rings * 8 * assembly.writer.width}"
    begin, end = ["  %resumed = icmp ne i64 %from, 0"], []
    if rings:
        begin += [f"  %ringsheld = getelementptr inbounds {double}, ptr %held, i64 {len(states)}"]
        begin += [f"  %rings = getelementptr inbounds {double}, ptr %work, i64 {len(assembly.outputs)}"]
        begin += [f"  %ringsize = select i1 %resumed, {copied}, i64 0"]
        begin += ["  call void @llvm.memcpy.p0.p0.i64(ptr %rings, ptr %ringsheld, i64 %ringsize, i1 false)"]
        end += [f"  call void @llvm.memcpy.p0.p0.i64(ptr %ringsheld, ptr %rings, {copied}, i1 false)"]
        text = f"declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n{text}"
    for place, initial, new in states:
        at = f"  %at{place} = getelementptr inbounds {double}, ptr %held, i64 {place}"
        begin += [at, f"  %held{place} = load {double}, ptr %at{place}, align 8"]
        begin += [f"  %begin{place} = select i1 %resumed, {double} %held{place}, {double} {initial}"]
        end += [f"  store {double} {new}, ptr %at{place}, align 8"]
    more = "i64 %from, i64 %to, ptr"
    block = f"  %h = getelementptr inbounds {double}, ptr %held, i64 %heldbefore"
    changes = [
        (r"(define void @block\(.*i64 %seed)\)", rf"\1, {more} noalias %held)"),
        (r"(define void @simulate\(.*i64 %count)\)", rf"\1, {more} %held)"),
        (r"(  call void @block\(.*i64 %seed)\)", rf"{block}\n\1, {more} %h)"),
        (r"(  %before = mul i64 %b, .*)", rf"\1\n  %heldbefore = mul i64 %b, {size}"),
        (r"  br label %loop\nloop:", "\n".join([*begin, "  br label %loop", "loop:"])),
        (r"  %k = phi i64 \[0, ", "  %k = phi i64 [%from, "),
        (r"(  %done = icmp uge i64 %k1, )\d+", r"\1%to"),
        (r"exit:\n", "\n".join(["exit:", *end, ""])),
    ]
    text = _STATE.sub(lambda found: found[0].replace(f"[{found[2]}, ", f"[%begin{found[1]}, ", 1), text)
    for old, new in changes:
        text, count = re.subn(old, new, text)
        if count != 1:
            raise RuntimeError(f"the assembly has {count} places for {old!r}, not one")
    return text, size
