"""The order of instructions: those on which the longest chain of others waits go first.

A time step is one long block, far longer than what a processor looks ahead, and in the order of the
equations most of it waits for the exp or division before it.  Starting each
instruction when its operands would be ready keeps several chains of work going side by side.
"""

from __future__ import annotations

import heapq
import math
import re
from bisect import insort
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
# where registers are full, the instruction that frees most is looked for among so many
_NEXT = 24


def reordered(lines: Sequence[str], registers: float = math.inf) -> list[str]:
    """Return instructions without side effects, each of which names its result, in a better order.

    Compilers that keep the order want it to spare registers; LLVM does so itself for a processor.
    """
    operands = _operands(lines)
    users: list[list[int]] = [[] for _ in lines]
    for place, needed in enumerate(operands):
        for one in needed:
            users[one].append(place)
    cycles = [_latency(line) for line in lines]
    chain = list(cycles)
    for place in reversed(range(len(lines))):
        chain[place] += max((chain[one] for one in users[place]), default=0)
    missing, wanted = [len(needed) for needed in operands], [len(some) for some in users]
    possible = [0.0] * len(lines)
    # by the moment they can begin, and then among those that can by the longest chain behind them
    coming = [(0.0, place) for place, count in enumerate(missing) if not count]
    ready: list[tuple[int, int]] = []
    now, order, held = 0.0, list[str](), 0

    def freed(at: int) -> int:
        """Return how many results fewer are held after the one of those ready that stands there."""
        place = -ready[at][1]
        return sum(wanted[one] == 1 for one in operands[place]) - bool(wanted[place])

    while coming or ready:
        if not ready:
            now = max(now, coming[0][0])
        while coming and coming[0][0] <= now:
            place = heapq.heappop(coming)[1]
            insort(ready, (chain[place], -place))
        last = len(ready) - 1
        some = range(last, max(-1, last - _NEXT), -1) if held > registers else [last]
        place = -ready.pop(max(some, key=freed))[1]
        order.append(lines[place])
        held += bool(wanted[place])
        for one in operands[place]:
            wanted[one] -= 1
            held -= not wanted[one]
        for one in users[place]:
            possible[one] = max(possible[one], now + cycles[place])
            missing[one] -= 1
            if not missing[one]:
                heapq.heappush(coming, (possible[one], one))
        now += 1 / _WIDTH
    return order


def waiting(lines: Sequence[str]) -> float:
    """Return how long the longest chain of instructions takes, over how long it takes to begin all of them."""
    ends: list[int] = []
    for line, needed in zip(lines, _operands(lines), strict=True):
        ends.append(_latency(line) + max((ends[one] for one in needed), default=0))
    return max(ends, default=0) * _WIDTH / max(len(lines), 1)


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
