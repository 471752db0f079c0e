"""Whether a rise of a cause raises or lowers its effect, other things equal.

First from the equation alone: sums, products with factors of known sign, monotone curves and functions.
What that leaves open is measured: the slope of the equation at one moment of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from stockflow.compiler.simulator import Task, compiled
from stockflow.insight.structure import Link, moving_part
from stockflow.language import equations as eq
from stockflow.language.clock import one_step
from stockflow.language.curve import Table

# signs: 1 (never below zero), -1 (never above), 0 (zero), None (not known)
Sign = int | None
_RISING = frozenset({"exp", "ln", "sqrt", "min", "max", "+"})
_NEVER_NEGATIVE = frozenset({"exp", "sqrt", "abs", "pulse"})
_STEP = 1e-5
_NOISE = 1e-13


def signs_told(equations: eq.Equations, pairs: Iterable[Link]) -> dict[Link, Sign]:
    """Return the sign of each link (cause, effect) as far as the effect's equation tells it."""
    reader = _Reader(equations.variables)
    return {
        (cause, effect): reader.slope(moving_part(equations.variables[effect].expression), cause)
        for cause, effect in pairs
    }


def signs_measured(
    equations: eq.Equations, pairs: Iterable[Link], values: Mapping[str, float], time: float
) -> dict[Link, Sign]:
    """Return the sign of the slope of each effect's equation in its cause, at given values and time.

    `values` holds every variable that the effects read.  None where the slope is zero or not finite:
    in a saturated MIN, say.
    """
    wanted = list(pairs)
    probe = {effect: f"={effect}" for _, effect in wanted}
    causes = tuple(dict.fromkeys(cause for cause, _ in wanted))
    if not wanted or not all(np.isfinite(values[name]) for name in causes):
        return dict.fromkeys(wanted)
    frozen = _frozen(equations, values, time)
    for effect, name in probe.items():
        one = equations.variables[effect]
        frozen[name] = replace(one, name=name, expression=moving_part(one.expression), value=None)
    simulator = compiled(Task(eq.Equations(equations.source, frozen), causes, tuple(probe.values())))
    base = np.array([values[name] for name in causes])
    steps = np.diag(_STEP * np.where(base == 0.0, 1.0, np.abs(base)))
    results = simulator(np.concatenate([base + steps, base - steps]))[:, 0, :]
    above, below = results[: len(causes)], results[len(causes) :]
    slopes = np.where(np.abs(above - below) > _NOISE * np.abs(above), above - below, 0.0)
    column = {effect: place for place, effect in enumerate(probe)}
    row = {cause: place for place, cause in enumerate(causes)}
    return {(cause, effect): _sign(float(slopes[row[cause], column[effect]])) or None for cause, effect in wanted}


def _frozen(equations: eq.Equations, values: Mapping[str, float], time: float) -> dict[str, eq.Variable]:
    """Every variable as a constant, on a clock that starts at the given time and makes one step."""
    step = one_step(equations, "signs of links")
    clock = {"initial time": time, "final time": time + step, "time step": step, "saveper": step}
    out = {}
    for name, one in equations.variables.items():
        number = clock.get(name.casefold().replace("_", " "), values.get(name))
        out[name] = one if number is None else replace(one, expression=eq.Number(float(number)))
    return out


def _sign(value: float) -> Sign:
    return 1 if value > 0 else -1 if value < 0 else 0 if value == 0 else None


def _joined(signs: Iterable[Sign]) -> Sign:
    """The sign of a sum: known if all its terms agree."""
    found = set(signs) - {0}
    return 0 if not found else found.pop() if len(found) == 1 else None


def _times(left: Sign, right: Sign) -> Sign:
    if left == 0 or right == 0:
        return 0
    return None if left is None or right is None else left * right


def _minus(sign: Sign) -> Sign:
    return None if sign is None else -sign


class _Reader:
    """Signs of expressions and of their slopes, from numbers, limits and the shape of formulas."""

    def __init__(self, variables: Mapping[str, eq.Variable]) -> None:
        self.variables = variables
        self.read: dict[int, tuple[eq.Expression, frozenset[str]]] = {}
        self.slopes: Mapping[str, Callable[[tuple[eq.Expression, ...], list[Sign]], Sign]] = {
            "-": lambda _, slopes: _joined([slopes[0], _minus(slopes[1])]),
            "negative": lambda _, slopes: _minus(slopes[0]),
            "*": self.product,
            "/": lambda args, slopes: self.product(args, [slopes[0], _minus(slopes[1])]),
            "^": self.power,
            "abs": lambda args, slopes: _times(self.sign(args[0]), slopes[0]),
            "if then else": lambda _, slopes: _joined(slopes[1:]) if slopes[0] == 0 else None,
        }

    def sign(self, expression: eq.Expression) -> Sign:
        """Return the sign an expression always has, if it can be told."""
        match expression:
            case eq.Number(value):
                return _sign(value)
            case eq.Reference(name):
                return self.of_variable(self.variables[name])
            case eq.WithLookup(_, table):
                return _of_values(table.ys)
            case eq.LookupCall(name, _):
                points = self.variables[name].expression
                return _of_values(points.ys) if isinstance(points, Table) else None
            case eq.Operation(operator, arguments):
                return self.of_operation(operator, arguments)
            case _:
                return None

    def of_variable(self, one: eq.Variable) -> Sign:
        low, high = one.limits
        if low is not None and low >= 0:
            return 1
        if high is not None and high <= 0:
            return -1
        return None if one.value is None else _sign(one.value)

    def of_operation(self, operator: str, arguments: tuple[eq.Expression, ...]) -> Sign:
        if operator in _NEVER_NEGATIVE:
            return 1
        signs = [self.sign(one) for one in arguments]
        match operator:
            case "+":
                return _joined(signs)
            case "-":
                return _joined([signs[0], _minus(signs[1])])
            case "negative":
                return _minus(signs[0])
            case "*" | "/" | "zidz":
                return _times(signs[0], signs[1])
            case "max":
                return 1 if 1 in signs else _joined(signs)
            case "min":
                return -1 if -1 in signs else _joined(signs)
            case "^":
                return 1 if signs[0] == 1 else None
            case "if then else":
                return _joined(signs[1:])
            case "xidz":
                return _joined([_times(signs[0], signs[1]), signs[2]])
        return None

    def slope(self, expression: eq.Expression, name: str) -> Sign:
        """Return the sign of the slope in one variable; 0 if the expression does not read it."""
        match expression:
            case eq.Reference(other):
                return 1 if other == name else 0
            case eq.WithLookup(argument, table):
                return _times(_direction(table.ys), self.slope(argument, name))
            case eq.LookupCall(lookup, argument):
                points = self.variables[lookup].expression
                direction = _direction(points.ys) if isinstance(points, Table) else None
                return _times(direction, self.slope(argument, name))
            case eq.Operation(operator, arguments) if name in self.reads(expression):
                slopes = [self.slope(one, name) for one in arguments]
                if operator in _RISING:
                    return _joined(slopes)
                rule = self.slopes.get(operator)
                return rule(arguments, slopes) if rule else None
        return 0 if name not in self.reads(expression) else None

    def reads(self, expression: eq.Expression) -> frozenset[str]:
        """Return the names of the variables that an expression reads, which is asked of each part for every cause."""
        if id(expression) not in self.read:
            self.read[id(expression)] = expression, frozenset(eq.references(expression))
        return self.read[id(expression)][1]

    def product(self, args: tuple[eq.Expression, ...], slopes: list[Sign]) -> Sign:
        return _joined([_times(slopes[0], self.sign(args[1])), _times(slopes[1], self.sign(args[0]))])

    def power(self, args: tuple[eq.Expression, ...], slopes: list[Sign]) -> Sign:
        """A base that is never negative rises to a power with the sign of the exponent."""
        if slopes[1] != 0 or self.sign(args[0]) != 1:
            return None
        return _times(slopes[0], self.sign(args[1]))


def _of_values(values: tuple[float, ...]) -> Sign:
    return 1 if min(values) >= 0 else -1 if max(values) <= 0 else None


def _direction(values: tuple[float, ...]) -> Sign:
    """Return whether a curve only rises or only falls."""
    steps = np.diff(values)
    return 0 if not steps.any() else 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else None
