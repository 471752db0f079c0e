"""Values of expressions of time and constants alone, at one moment: what decides a model before it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from stockflow.errors import InputError
from stockflow.language.equations import ARITHMETIC, Expression, Number, Operation, Reference, Time, Variable
from stockflow.names import plain

_DEEPEST = 200
_MOST_STEPS = 100_000
_SLACK = 1e-5
_KNOWN: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **ARITHMETIC,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "=": np.equal,
        "<>": np.not_equal,
        "and": np.logical_and,
        "or": np.logical_or,
        "not": np.logical_not,
        "if then else": np.where,
        "min": np.minimum,
        "max": np.maximum,
        "abs": np.abs,
        "integer": np.trunc,
        "exp": np.exp,
        "ln": np.log,
        "sqrt": np.sqrt,
    }
)


class Moment:
    """One moment of a run, in which `meaning` returns the expression of a variable, None for one that is unknown.

    Without a `time`, or a `step` that is a number, what needs it has no value.
    """

    def __init__(self, time: float | None, step: float, meaning: Callable[[str], Expression | None]) -> None:
        self.time, self.step, self.meaning = time, step, meaning
        self.known: dict[str, float | None] = {}

    def value(self, expression: Expression, depth: int = 0) -> float | None:
        """Return the value of an expression; None for one that remembers, or reads what does."""
        match expression:
            case Number(value):
                return value
            case Time():
                return self.time
            case Reference(name):
                if name not in self.known:
                    meaning = self.meaning(name) if depth < _DEEPEST else None
                    self.known[name] = None if meaning is None else self.value(meaning, depth + 1)
                return self.known[name]
            case Operation(operator, arguments) if depth < _DEEPEST:
                values = [self.value(one, depth + 1) for one in arguments]
                return self._applied(operator, [one for one in values if one is not None], len(values))
        return None

    def _applied(self, operator: str, values: list[float], count: int) -> float | None:
        if len(values) < count:
            return None
        if operator == "step" and self.time is not None and not math.isnan(self.step):
            return values[0] * (values[1] < self.time + self.step / 2)
        if operator not in _KNOWN:
            return None
        with np.errstate(all="ignore"):
            return float(_KNOWN[operator](*map(np.float64, values)))


def with_controls(source: str, variables: Mapping[str, Variable]) -> tuple[dict[str, Variable], set[str]]:
    """Return variables in which controls that move with time have numbers, and the names of what these depend on.

    FINAL TIME has the number at which it is reached, SAVEPER that of the initial time; a TIME STEP that moves has none.
    InputError for a FINAL TIME that is never reached.
    """
    by_key = {plain(one.name): one for one in variables.values() if not one.owner}
    names = ("initial time", "time step", "final time", "saveper")
    initial, step, final, period = (by_key.get(name) for name in names)
    if initial is None or step is None or final is None or period is None:
        return dict(variables), set()
    read: set[str] = set()

    def meaning(name: str) -> Expression | None:
        read.add(name)
        return variables[name].expression if name in variables else None

    still = Moment(None, math.nan, meaning)
    start, length = still.value(initial.expression), still.value(step.expression)
    if start is None or (length is not None and not length > 0):
        return dict(variables), set()
    found, fixed = dict(variables), set[str]()
    length = math.nan if length is None else length
    for one in (step, final, period):
        if still.value(one.expression) is not None:
            continue
        value = Moment(start, length, meaning).value(one.expression)
        if value is not None:
            fixed |= read
        if value is not None and one is not step:
            found[one.name] = replace(one, value=value)
    end, steps = over_time(final, variables, length), over_time(step, variables, math.nan)
    if end is not None and found[final.name] is not final:
        reached = _reached(source, final, end, start, steps or (lambda _: length))
        found[final.name] = replace(final, value=reached)
    return found, fixed


def _reached(
    source: str, final: Variable, end: Callable[[float], float], time: float, steps: Callable[[float], float]
) -> float:
    for _ in range(_MOST_STEPS):
        step = steps(time)
        if not step > 0 or not time < end(time) - _SLACK * step:
            return time
        time += step
    raise InputError(f"{source}: FINAL TIME (line {final.line}) is not reached in {_MOST_STEPS} steps")


def over_time(one: Variable, variables: Mapping[str, Variable], step: float) -> Callable[[float], float] | None:
    """Return what a control that moves with time and constants is at a time, None for one that does not move."""

    def meaning(name: str) -> Expression | None:
        return variables[name].expression if name in variables else None

    if Moment(None, step, meaning).value(one.expression) is not None:
        return None
    return lambda time: _number(Moment(time, step, meaning).value(one.expression))


def _number(value: float | None) -> float:
    return math.nan if value is None else value
