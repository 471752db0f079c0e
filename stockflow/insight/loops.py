"""The feedback loops of a model, each with its polarity and a name made from its stocks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stockflow.compiler.simulator import Task, compiled
from stockflow.insight.polarity import Sign, signs_measured, signs_told
from stockflow.insight.structure import independent_loops, pairs
from stockflow.language.equations import Equations

_LETTERS: Mapping[Sign, str] = {1: "R", -1: "B", None: "U"}
_WORDS: Mapping[Sign, str] = {1: "reinforcing", -1: "balancing", None: "undetermined"}


@dataclass(frozen=True, slots=True)
class Loop:
    """A feedback loop: `members` in causal order, each acting on the next and the last on the first.

    It starts with its first stock in file order.  `sign` is 1 for a reinforcing loop, -1 for a
    balancing one and None where it could not be told.  `certain` says that the equations alone tell
    it, within the limits written in the file, and not the slopes at one moment of one run.
    """

    name: str
    members: tuple[str, ...]
    stocks: tuple[str, ...]
    sign: Sign
    certain: bool

    @property
    def polarity(self) -> str:
        """The sign in words."""
        return _WORDS[self.sign]

    @property
    def length(self) -> int:
        """The number of members."""
        return len(self.members)


def feedback_loops(equations: Equations) -> tuple[Loop, ...]:
    """Return the shortest independent loops with polarity, in the order of `independent_loops`.

    Where the equations leave a polarity open, slopes halfway through the base run decide.  Loops
    inside one DELAY or SMOOTH are left out.
    """
    found = independent_loops(equations)
    signs = signs_told(equations, (pair for loop in found for pair in pairs(loop)))
    told = {pair for pair, sign in signs.items() if sign}
    open_links = [pair for pair, sign in signs.items() if sign is None]
    if open_links:
        time, values = _halfway(equations)
        signs |= signs_measured(equations, open_links, values, time)
    seen: dict[tuple[tuple[str, ...], Sign], bool] = {}
    for loop in found:
        known = [sign for pair in pairs(loop) if (sign := signs[pair])]
        sign = math.prod(known) if len(known) == len(loop) else None
        members = tuple(name for name in loop if not equations.variables[name].owner)
        if members:
            seen.setdefault((members, sign), sign is not None and told.issuperset(pairs(loop)))
    names = _names(equations, list(seen))
    return tuple(
        Loop(name, members, _stocks(equations, members), sign, certain)
        for name, ((members, sign), certain) in zip(names, seen.items(), strict=True)
    )


def _halfway(equations: Equations) -> tuple[float, dict[str, float]]:
    """Return the middle of the base run and the value of everything then."""
    names = tuple(name for name, one in equations.variables.items() if one.kind != "lookup")
    simulator = compiled(Task(equations, (), names))
    middle = len(simulator.times) // 2
    values = simulator(np.empty((1, 0)))[0, middle]
    return float(simulator.times[middle]), dict(zip(names, values.tolist(), strict=True))


def _stocks(equations: Equations, loop: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in loop if equations.variables[name].kind == "stock")


def _names(equations: Equations, loops: Sequence[tuple[tuple[str, ...], Sign]]) -> Iterator[str]:
    """Name loops `R2 Population via births`, after their stocks and the member they share least."""
    shared = Counter(name for members, _ in loops for name in members)
    counts: Counter[Sign] = Counter()
    for members, sign in loops:
        counts[sign] += 1
        stocks = _stocks(equations, members) or members[:1]
        others = [name for name in members if name not in stocks]
        via = f" via {min(others, key=lambda one: shared[one])}" if others else ""
        yield f"{_LETTERS[sign]}{counts[sign]} {' -> '.join(stocks)}{via}"
