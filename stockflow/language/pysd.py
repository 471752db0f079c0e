"""What PySD makes of a file where it differs from the manual of Vensim and the standard of XMILE, for comparing runs.

The table of differences is on the page "What is read".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from stockflow.language import equations as eq
from stockflow.language.definition import Function
from stockflow.language.functions import arrays, dialects, memory, vectors
from stockflow.language.functions.dialects import whole
from stockflow.language.parser import BINDING, PRODUCT, SUM
from stockflow.language.place import Place
from stockflow.language.tree import Call, Tree
from stockflow.language.vensim.equation import Equation as Vensim
from stockflow.language.xmile.equation import Equation as Xmile

_SLACK = eq.Number(1e-6)
_HALF, _ONE, _ZERO, _FAR = (eq.Number(one) for one in (0.5, 1.0, 0.0, 1e300))


class VensimEquation(Vensim):
    """An equation of Vensim: what is missing is not a number."""

    missing = math.nan


class XmileEquation(Xmile):
    """An equation of XMILE: operators bind otherwise, and a remainder has the sign of its value."""

    negation = 3
    binding: Mapping[str, float] = {**BINDING, "mod": (SUM + PRODUCT) / 2}

    def chained(self, operators: Sequence[str], arguments: Sequence[Tree]) -> Tree:
        """Return operands with their operators."""
        result = arguments[0]
        if operators[0] != "mod":
            return super().chained(operators, arguments)
        for one in arguments[1:]:
            result = Call("modulo", (result, one))
        return result


def _between(low: eq.Expression, value: eq.Expression, high: eq.Expression) -> eq.Expression:
    return eq.Operation("and", (eq.Operation("<=", (low, value)), eq.Operation("<", (value, high))))


def _pulse(start: eq.Expression, width: eq.Expression) -> eq.Expression:
    on = _between(memory.minus(start, _SLACK), eq.Time(), memory.plus(start, width))
    return vectors.choice(on, _ONE, _ZERO)


def _train(start: eq.Expression, width: eq.Expression, interval: eq.Expression, end: eq.Expression) -> eq.Expression:
    passed = memory.plus(memory.minus(eq.Time(), start), _SLACK)
    phase = eq.Operation("<", (eq.Operation("modulo", (passed, interval)), width))
    on = eq.Operation("and", (_between(start, eq.Time(), end), phase))
    once = eq.Operation("=", (interval, _ZERO))
    return vectors.choice(once, _pulse(start, width), vectors.choice(on, _ONE, _ZERO))


def _amount(reader: Place, tree: Call) -> eq.Expression:
    """PULSE of XMILE: an amount, the first time and an interval."""
    amount, start, *interval = (reader.read(one) for one in tree.arguments)
    width = memory.times(_HALF, reader.step)
    on = _train(start, width, interval[0], _FAR) if interval else _pulse(start, width)
    return memory.times(on, memory.over(amount, reader.step))


_SELECT = Function(5, 5, lambda reader, tree: arrays.select(reader, tree, swapped=True), of_arrays=True)
VENSIM: Mapping[str, Function] = {
    **dialects.VENSIM,
    "pulse": whole(_pulse, 2),
    "pulse train": whole(_train, 4),
    "vector select": _SELECT,
}
XMILE: Mapping[str, Function] = {**dialects.XMILE, "pulse": Function(2, 3, _amount), "int": dialects.VENSIM["integer"]}
