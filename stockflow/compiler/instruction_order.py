"""The order of instructions: those on which the longest chain of others waits go first.

A time step is one long block, far longer than what a processor looks ahead, and in the order of the
equations most of it waits for the exp or division before it.  Starting each
instruction when its operands would be ready keeps several chains of work going side by side, as many as there are
registers for.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence

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
# vectors that the narrower processors hold at a time, and of how many that free one the best is chosen
_REGISTERS, _LATEST = 16, 8


def reordered(lines: Sequence[str]) -> list[str]:
    """Return instructions without side effects, each of which names its result, in a better order."""
    return [lines[place] for place in _Order(lines)]


def waiting(lines: Sequence[str]) -> float:
    """Return how long the longest chain of instructions takes, over how long it takes to begin all of them."""
    ends: list[int] = []
    for line, needed in zip(lines, _operands(lines), strict=True):
        ends.append(_latency(line) + max((ends[one] for one in needed), default=0))
    return max(ends, default=0) * _WIDTH / max(len(lines), 1)


class _Order:
    """The places of instructions, one after the other, as a processor begins them.

    It is the one of the longest chain that comes, of all that can begin; where results that are still wanted fill the
    registers, it is one of the latest after which no more are.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.operands = _operands(lines)
        self.users: list[list[int]] = [[] for _ in lines]
        for place, needed in enumerate(self.operands):
            for one in needed:
                self.users[one].append(place)
        self.cycles = [_latency(line) for line in lines]
        self.chain = list(self.cycles)
        for place in reversed(range(len(lines))):
            self.chain[place] += max((self.chain[one] for one in self.users[place]), default=0)
        self.missing = [len(needed) for needed in self.operands]
        self.wanted = [len(some) for some in self.users]
        self.begun, self.can = [False] * len(lines), [False] * len(lines)
        self.possible = [0.0] * len(lines)
        self.coming = [(0.0, place) for place, count in enumerate(self.missing) if not count]
        self.ready: list[tuple[int, int]] = []
        self.freeing: list[int] = []

    def __iter__(self) -> Iterator[int]:
        now, held = 0.0, 0
        for _ in self.operands:
            now = self._look(now)
            place = self._freeing() if held > _REGISTERS and self.freeing else self.ready[0][1]
            self.begun[place] = True
            held += bool(self.wanted[place]) - sum(self.wanted[one] == 1 for one in self.operands[place])
            self._take(place)
            for one in self.users[place]:
                self.possible[one] = max(self.possible[one], now + self.cycles[place])
                self.missing[one] -= 1
                if not self.missing[one]:
                    heapq.heappush(self.coming, (self.possible[one], one))
            yield place
            now += 1 / _WIDTH

    def _look(self, now: float) -> float:
        """Find what can begin, now or at the first moment at which anything can; return that."""
        self._drop()
        if not self.ready:
            now = max(now, self.coming[0][0])
        while self.coming and self.coming[0][0] <= now:
            place = heapq.heappop(self.coming)[1]
            heapq.heappush(self.ready, (-self.chain[place], place))
            self.can[place] = True
            self._note(place)
        return now

    def _drop(self) -> None:
        while self.ready and self.begun[self.ready[0][1]]:
            heapq.heappop(self.ready)
        while self.freeing and self.begun[self.freeing[-1]]:
            self.freeing.pop()

    def _freed(self, place: int) -> int:
        """Return how many registers fewer are held after an instruction."""
        return sum(self.wanted[one] == 1 for one in self.operands[place]) - bool(self.wanted[place])

    def _note(self, place: int) -> None:
        if self._freed(place) >= 0:
            self.freeing.append(place)

    def _freeing(self) -> int:
        """Return the one of the latest that frees most."""
        self.freeing[-_LATEST:] = latest = [one for one in self.freeing[-_LATEST:] if not self.begun[one]]
        return max(reversed(latest), key=lambda one: (self._freed(one), self.chain[one]))

    def _take(self, place: int) -> None:
        """Its operands are wanted once less, which may let the last that wants one free a register."""
        for one in self.operands[place]:
            self.wanted[one] -= 1
            if self.wanted[one] == 1:
                last = next(user for user in self.users[one] if not self.begun[user])
                if self.can[last]:
                    self._note(last)


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
