"""The order of instructions: those on which the longest chain of others waits go first.

A time step is one long block, far longer than what a processor looks ahead, and in the order of the
equations most of it waits for the exp or division before it.  Starting each
instruction when its operands would be ready keeps several chains of work going side by side.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence

_NAMES = re.compile(r"%[\w.]+")
# cycles until a result can be used, about the same on the processors of the last ten years
_CYCLES: Mapping[str, int] = {
    "fdiv": 14,
    **dict.fromkeys(("sqrt", "gather"), 20),
    "load": 5,
    **dict.fromkeys(("fmuladd", "fmul", "fadd", "fsub", "fcmp", "trunc"), 4),
    "bitcast": 0,
}
_OTHERWISE = 1
# vector instructions begun per cycle
_WIDTH = 2


def reordered(lines: Sequence[str]) -> list[str]:
    """Return instructions without side effects, each of which names its result, in a better order."""
    operands = _operands(lines)
    users: list[list[int]] = [[] for _ in lines]
    for place, needed in enumerate(operands):
        for one in needed:
            users[one].append(place)
    cycles = [_latency(line) for line in lines]
    chain = list(cycles)
    for place in reversed(range(len(lines))):
        chain[place] += max((chain[one] for one in users[place]), default=0)
    waiting = [len(needed) for needed in operands]
    possible = [0.0] * len(lines)
    # by the moment they can begin, and then among those that can by the longest chain behind them
    coming = [(0.0, place) for place, count in enumerate(waiting) if not count]
    ready: list[tuple[int, int]] = []
    now, order = 0.0, list[str]()
    while coming or ready:
        if not ready:
            now = max(now, coming[0][0])
        while coming and coming[0][0] <= now:
            place = heapq.heappop(coming)[1]
            heapq.heappush(ready, (-chain[place], place))
        place = heapq.heappop(ready)[1]
        order.append(lines[place])
        for one in users[place]:
            possible[one] = max(possible[one], now + cycles[place])
            waiting[one] -= 1
            if not waiting[one]:
                heapq.heappush(coming, (possible[one], one))
        now += 1 / _WIDTH
    return order


def waits(lines: Sequence[str]) -> bool:
    """Return whether the longest chain of instructions takes longer than beginning all of them does."""
    ends: list[int] = []
    for line, needed in zip(lines, _operands(lines), strict=True):
        ends.append(_latency(line) + max((ends[one] for one in needed), default=0))
    return max(ends, default=0) > len(lines) / _WIDTH


def _operands(lines: Sequence[str]) -> list[list[int]]:
    """Return, for each instruction, the places of those among the others whose results it takes."""
    results: dict[str, int] = {}
    operands = []
    for place, line in enumerate(lines):
        result, *names = _NAMES.findall(line)
        operands.append(sorted({results[name] for name in names if name in results}))
        results[result] = place
    return operands


def _latency(line: str) -> int:
    operation = line.partition("=")[2]
    return next((cycles for name, cycles in _CYCLES.items() if name in operation), _OTHERWISE)
