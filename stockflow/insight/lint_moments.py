"""What a careful reader would ask about STEP and PULSE: where their moments are not what the file seems to say."""

from __future__ import annotations

from collections.abc import Iterator

from stockflow.language.clock import SCHEMES, first_step, moving_step
from stockflow.language.equations import Equations, Expression, Number, Operation, Reference, number, walk

# place of the width among the arguments; a train has pulses of one time step at least
_WIDTH = {"pulse": 1}
_TITLES = {"step": "STEP", "pulse": "PULSE", "pulse train": "PULSE TRAIN"}
# a time step without a part finer than this adds up exactly over any run
_FINEST = 2.0**-32


def short_pulses(equations: Equations) -> Iterator[tuple[str, str]]:
    """Yield pulses of known width that are shorter than a time step; a width of 0 is one time step."""
    step = first_step(equations)
    for name, one in _calls(equations):
        if one.operator in _WIDTH:
            width = _value(equations, one.arguments[_WIDTH[one.operator]])
            if width and width < step * (1 - 1e-9):
                yield (
                    name,
                    f"the width of {_TITLES[one.operator]} is {width:.6g}, below TIME STEP {step:.6g}: nothing, if the"
                    " middle of no step falls in it; a width of 0 is one TIME STEP",
                )


def inexact_moments(equations: Equations) -> Iterator[tuple[str, str]]:
    """Yield steps and pulses of a model whose time steps do not add up exactly."""
    step = first_step(equations)
    if moving_step(equations) is not None or (step / _FINEST).is_integer():
        return
    for name, one in _calls(equations):
        if _halfway(equations, one, step):
            yield (
                name,
                f"{_TITLES[one.operator]} may begin or end one step off, as TIME STEP {step:.6g} is no whole number"
                " times a power of two",
            )


def jumps_inside_steps(equations: Equations) -> Iterator[tuple[str, str]]:
    """Yield steps and pulses that Runge-Kutta reads within a time step."""
    # automatic steps hold what switches with time
    if equations.method != "Euler" and not SCHEMES[equations.method].order:
        for name, one in _calls(equations):
            yield (
                name,
                f"{_TITLES[one.operator]} under {equations.method} is read inside a TIME STEP, too, and may change"
                " there; in Vensim it does not",
            )


def _calls(equations: Equations) -> Iterator[tuple[str, Operation]]:
    """Yield every STEP, PULSE and PULSE TRAIN with the variable of the file that it stands in."""
    for one in equations.variables.values():
        for part in walk(one.expression):
            if isinstance(part, Operation) and part.operator in _TITLES:
                yield one.owner or one.name, part


def _halfway(equations: Equations, one: Operation, step: float) -> bool:
    """Say whether rounding may decide on a moment, as each is compared with the middle of a time step."""
    start, *lengths = one.arguments[1:] if one.operator == "step" else one.arguments[:3]
    values = [_value(equations, part) for part in (start, *lengths)]
    begin = equations.control("initial time")
    moments = [None if value is None else value - begin * (not place) for place, value in enumerate(values)]
    return any(value is None or abs(value / step - round(value / step)) > 0.25 for value in moments)


def _value(equations: Equations, expression: Expression) -> float | None:
    """Return the value of arithmetic on numbers and constants, else None."""
    if isinstance(expression, Reference):
        return equations.variables[expression.name].value
    if isinstance(expression, Operation):
        values = [_value(equations, one) for one in expression.arguments]
        known = tuple(Number(value) for value in values if value is not None)
        return number(Operation(expression.operator, known)) if len(known) == len(values) else None
    return number(expression)
