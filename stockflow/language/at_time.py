"""Values of expressions of time and constants alone, at one moment: what decides a model before it runs."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stockflow.errors import InputError
from stockflow.language.curve import Table
from stockflow.language.equations import (
    Expression,
    LookupCall,
    Number,
    Operation,
    Reference,
    Time,
    Variable,
    WithLookup,
)
from stockflow.language.operations import DIRECT, NEARLY_HALF, SMALL
from stockflow.names import plain

_DEEPEST = 200
# of steps that move, or on the way to an end that does; and how often the shortest goes into the first
_MOST_WALKED, _SHORTEST = 100_000, 1e7
# operations that controls are worked out by at all these steps
_MOST_VALUED = 1_000_000
#: slack, as a share of the time step, for the final time and the save grid
SLACK = 1e-5


def _quantum(value: float, unit: float) -> Any:
    return value if unit < SMALL else unit * np.trunc(value / unit)


_KNOWN: Mapping[str, Callable[..., Any]] = {
    **{operator: function for operator, (_, function) in DIRECT.items()},
    ">": np.greater,
    ">=": np.greater_equal,
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"arc{name}": getattr(np, f"arc{name}") for name in ("sin", "cos", "tan")},
    "log": lambda value, base: np.log(value) / np.log(base),
    "quantum": _quantum,
    "modulo": lambda value, unit: value - _quantum(value, unit),
    "zidz": lambda above, below: 0.0 if abs(below) < SMALL else above / below,
    "xidz": lambda above, below, instead: instead if abs(below) < SMALL else above / below,
}
# what switches with time: of the time, the time step and its arguments, as runs have it
_TIMED: Mapping[str, Callable[..., float]] = {
    "step": lambda time, step, height, start: height * (start < time + step / 2),
    "pulse": lambda time, step, start, width: _pulse(time + step * NEARLY_HALF, start, width or step),
    "pulse train": lambda time, step, start, every, width, end: _train(
        time + step * NEARLY_HALF, start, every, max(width, step), end
    ),
    "ramp": lambda time, step, slope, start, end: _ramp(time, slope, start, min(end, time)),
    "endless ramp": lambda time, step, slope, start: _ramp(time, slope, start, time),
}


def _pulse(middle: float, start: float, width: float) -> float:
    return float(start < middle < start + width)


def _train(middle: float, start: float, every: float, width: float, end: float) -> float:
    if every == 0:
        return _pulse(middle, start, width)
    return float(start < middle < end and (middle - start) % every < width)


def _ramp(time: float, slope: float, start: float, end: float) -> float:
    return slope * (end - start) * (start < time + SMALL)


def _looked_up(table: Table, x: float) -> float:
    """Return the value of a table of any kind."""
    xs, ys = table.xs, table.ys
    if table.kind == "steps":
        return ys[max(bisect_right(xs, x) - 1, 0)]
    found = float(np.interp(x, xs, ys))
    if table.kind == "extrapolate" and len(xs) > 1:
        for end, beside, beyond in ((0, 1, min(x - xs[0], 0.0)), (-1, -2, max(x - xs[-1], 0.0))):
            found += beyond * (ys[end] - ys[beside]) / (xs[end] - xs[beside])
    return found


class Moment:
    """One moment of a run, in which `meaning` returns the expression of a variable, None for one that is unknown.

    Without a `time`, or a `step` that is a number, what needs it has no value.  `unknown` then names the first variable
    or function that has none.  `worked` counts the operations.
    """

    def __init__(self, time: float | None, step: float, meaning: Callable[[str], Expression | None]) -> None:
        self.time, self.step, self.meaning = time, step, meaning
        self.known: dict[str, float | None] = {}
        self.unknown = ""
        self.worked = 0

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
                    self.unknown = self.unknown or ("" if self.known[name] is not None else name)
                return self.known[name]
            case WithLookup(argument, table) if depth < _DEEPEST:
                return self._looked_up(table, argument, depth)
            case LookupCall(name, argument) if depth < _DEEPEST:
                return self._looked_up(self.meaning(name), argument, depth)
            case Operation(operator, arguments) if depth < _DEEPEST:
                values = [self.value(one, depth + 1) for one in arguments]
                return self._applied(operator, [one for one in values if one is not None], len(values))
        return None

    def _looked_up(self, table: Expression | None, argument: Expression, depth: int) -> float | None:
        self.worked += 1
        x = self.value(argument, depth + 1)
        return _looked_up(table, x) if isinstance(table, Table) and x is not None else None

    def _applied(self, operator: str, values: list[float], count: int) -> float | None:
        self.worked += 1
        if len(values) < count:
            return None
        with np.errstate(all="ignore"):
            if operator in _TIMED and self.time is not None and not math.isnan(self.step):
                return float(_TIMED[operator](self.time, self.step, *values))
            if operator in _KNOWN:
                return float(_KNOWN[operator](*map(np.float64, values)))
        self.unknown = self.unknown or operator.upper()
        return None


def with_controls(source: str, variables: Mapping[str, Variable]) -> tuple[Mapping[str, Variable], set[str]]:
    """Return variables in which controls that move with time have numbers, and the names of what these depend on.

    FINAL TIME has the number at which it is reached, SAVEPER that of the initial time; a TIME STEP that moves has none.
    InputError for a FINAL TIME that is never reached.
    """
    by_key = {plain(name): one for name, one in variables.items() if not one.owner and not name.endswith("]")}
    names = ("initial time", "time step", "final time", "saveper")
    initial, step, final, period = (by_key.get(name) for name in names)
    if initial is None or step is None or final is None or period is None:
        return variables, set()
    read: set[str] = set()

    def meaning(name: str) -> Expression | None:
        read.add(name)
        return variables[name].expression if name in variables else None

    still = Moment(None, math.nan, meaning)
    start = still.value(initial.expression)
    length = None if start is None else first_length(step, variables, start)
    if start is None or (length is not None and not length > 0):
        return variables, set()
    found, fixed = dict[str, Variable](), set[str]()
    length = math.nan if length is None else length
    for one in (step, final, period):
        if still.value(one.expression) is not None:
            continue
        value = Moment(start, length, meaning).value(one.expression)
        if value is not None:
            fixed |= read
        if value is not None and one is not step:
            found[one.name] = replace(one, value=value)
    end, steps = over_time(final, variables, length), over_time(step, variables, length)
    if end is not None and final.name in found:
        reached = walked(source, step, start, steps or (lambda _: length), final, end)[-1]
        found[final.name] = replace(final, value=reached)
    return {**variables, **found} if found else variables, fixed


def walked(
    source: str,
    one: Variable,
    time: float,
    steps: Callable[[float], float],
    final: Variable,
    end: Callable[[float], float],
) -> list[float]:
    """Return the moments of a run, from a time on, that takes `steps` of TIME STEP, `one`, until FINAL TIME ends it.

    InputError for steps that are not above 0, or too many.
    """
    place, times, first = f"{source}: TIME STEP (line {one.line})", [time], steps(time)
    while len(times) <= _MOST_WALKED and _worked(steps, end) <= _MOST_VALUED:
        step, last = steps(time), end(time)
        if not (math.isfinite(step) and step > 0):
            raise InputError(f"{place} is {step:g} at {time:.15g}, but must be above 0")
        if not time < last - SLACK * step:
            return times
        if step < first / _SHORTEST:
            raise InputError(f"{place} falls from {first:g} to {step:g} at {time:.15g}: let it be longer")
        time += step
        times.append(time)
    raise InputError(
        f"{source}: FINAL TIME (line {final.line}) is not reached in {len(times) - 1} steps, at {time:.15g}:"
        f" let TIME STEP (line {one.line}) be longer, or the run end earlier"
    )


def first_length(one: Variable, variables: Mapping[str, Variable], start: float) -> float | None:
    """Return what TIME STEP, `one`, is at the initial time, None for what remembers.

    What switches with time in it does so as if steps were short, or later as long as the first.
    """
    return Moment(start, SLACK, _meanings(variables)).value(one.expression)


def unknown(one: Variable, variables: Mapping[str, Variable], start: float) -> str:
    """Return the variable or function for which a control has no value that moves with time and constants."""
    moment = Moment(start, SLACK, _meanings(variables))
    return moment.unknown if moment.value(one.expression) is None else ""


class Moved:
    """What a control that moves with time is at a time; `worked` counts the operations that this took so far."""

    def __init__(self, expression: Expression, step: float, meaning: Callable[[str], Expression | None]) -> None:
        self.expression, self.step, self.meaning, self.worked = expression, step, meaning, 0

    def __call__(self, time: float) -> float:
        """Return what it is at a time, not a number where it has no value."""
        moment = Moment(time, self.step, self.meaning)
        value = moment.value(self.expression)
        self.worked += moment.worked
        return math.nan if value is None else value


def _worked(*of: Callable[[float], float]) -> int:
    return sum(one.worked for one in of if isinstance(one, Moved))


def over_time(one: Variable, variables: Mapping[str, Variable], step: float) -> Moved | None:
    """Return what a control that moves with time and constants is at a time, None for one that does not move."""
    meaning = _meanings(variables)
    if Moment(None, step, meaning).value(one.expression) is not None:
        return None
    return Moved(one.expression, step, meaning)


def _meanings(variables: Mapping[str, Variable]) -> Callable[[str], Expression | None]:
    return lambda name: variables[name].expression if name in variables else None
