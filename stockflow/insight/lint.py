"""What a careful reader would ask about a model file, in the manner of SDM-Doc.

Nothing found here stops a model from running.  A warning is something to mend; a note is a matter of
judgement or a rule of thumb that can be wrong, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stockflow.insight.lint_moments import inexact_moments, jumps_inside_steps, short_pulses
from stockflow.insight.structure import read_names
from stockflow.insight.units import read_unit
from stockflow.language import equations as eq
from stockflow.language.clock import first_step
from stockflow.language.curve import Table
from stockflow.language.order import reached, same_moment

_STEPS_OF_A_DELAY = 4
_MOST_VARIABLES = 10
_MOST_PARTS = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark: a key of `CODES`, the variable, its line in the file if known, and a sentence."""

    code: str
    variable: str
    line: int | None
    text: str

    @property
    def severity(self) -> str:
        """Either "warning" or "note"."""
        return CODES[self.code][0]

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{self.variable}: {self.text} [{self.code}]"


def lint(equations: eq.Equations) -> tuple[Finding, ...]:
    """Return all findings in file order; what holds for many elements of an array stands once, at the first."""
    order = {name: place for place, name in enumerate(equations.variables)}
    rank = {code: place for place, code in enumerate(CODES)}
    found: dict[tuple[str, str], Finding] = {}
    for code, (_, _, check) in CODES.items():
        for name, text in check(equations):
            line = equations.variables[name].line or None
            found.setdefault((code, _array(name)), Finding(code, name, line, text))
    return tuple(sorted(found.values(), key=lambda one: (order[one.variable], rank[one.code])))


def _own(equations: eq.Equations) -> Iterator[eq.Variable]:
    return (one for one in equations.visible.values() if one.kind != "control")


def _array(name: str) -> str:
    return name.partition("[")[0]


def _buried_constants(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    for one in _own(equations):
        if one.kind not in {"constant", "lookup"}:
            numbers = dict.fromkeys(f"{value:.6g}" for value in _numbers(one.expression))
            if numbers:
                what = "the number" if len(numbers) == 1 else "the numbers"
                yield one.name, f"{what} {', '.join(numbers)} should be a named constant with unit and source"


def _numbers(expression: eq.Expression) -> Iterator[float]:
    if isinstance(expression, eq.Number):
        if expression.value not in {0.0, 1.0}:
            yield expression.value
        return
    parts = eq.children(expression)
    if isinstance(expression, eq.Operation) and parts[-1] == eq.Number(2.0) and expression.operator in {"^", "ln"}:
        parts = parts[:-1]
    for part in parts:
        yield from _numbers(part)


def _no_documentation(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    return ((one.name, "has no comment") for one in _own(equations) if not one.documentation.strip())


def _no_unit(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    return ((one.name, "has no unit") for one in equations.visible.values() if not one.unit.strip())


def _unread(equations: eq.Equations, *kinds: str) -> Iterator[eq.Variable]:
    read = {name for one in equations.variables.values() for name in read_names(one.expression) if name != one.name}
    return (one for one in _own(equations) if one.kind in kinds and one.name not in read)


def _unused(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    return ((one.name, f"no equation reads this {one.kind}") for one in _unread(equations, "constant", "lookup"))


def _output_only(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    return ((one.name, "no equation reads it: an output, or a leftover") for one in _unread(equations, "auxiliary"))


def _short_delays(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    step, time = equations.find("time step"), first_step(equations)
    limit = _STEPS_OF_A_DELAY * time
    users: dict[str, str] = {}
    for one in equations.variables.values():
        for name in _divisors(one.expression):
            users.setdefault(name, one.owner or one.name)
    for name, user in users.items():
        one = equations.variables[name]
        if one is step or one.value is None:  # a stock over TIME STEP is emptied in one step, as meant
            continue
        if 0 < one.value < limit and _same_unit(one.unit, step.unit):
            yield (
                name,
                (
                    f"is {one.value:.6g} {one.unit}, shorter than {_STEPS_OF_A_DELAY} time steps ({limit:.6g}),"
                    f" so {user!r} depends on TIME STEP"
                ),
            )


def _divisors(expression: eq.Expression) -> Iterator[str]:
    for one in eq.walk(expression):
        if isinstance(one, eq.Operation) and one.operator in {"/", "zidz", "xidz"}:
            for factor in _factors(one.arguments[1]):
                if isinstance(factor, eq.Reference):
                    yield factor.name


def _factors(expression: eq.Expression) -> Iterator[eq.Expression]:
    if isinstance(expression, eq.Operation) and expression.operator == "*":
        for part in expression.arguments:
            yield from _factors(part)
    else:
        yield expression


def _same_unit(one: str, other: str) -> bool:
    try:
        return read_unit(one) == read_unit(other)
    except ValueError:
        return False


def _similar_names(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in equations.visible:
        first = seen.setdefault(re.sub(r"[\W_]+", "", name.casefold()), name)
        if first != name:
            yield name, f"differs from {first!r} only in case, spaces or punctuation"


def _not_monotone(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    """Curves over time are histories, not responses, and may go up and down."""
    paths = _paths_over_time(equations)
    for one in _own(equations):
        for part in eq.walk(one.expression):
            if isinstance(part, Table) and one.name not in paths:
                steps = [right - left for left, right in zip(part.ys, part.ys[1:], strict=False)]
                if any(step > 0 for step in steps) and any(step < 0 for step in steps):
                    at = part.xs[part.ys.index(max(part.ys))]
                    yield one.name, f"the curve both rises and falls; its highest point is at {at:.6g}"


def _paths_over_time(equations: eq.Equations) -> frozenset[str]:
    paths: set[str] = set()
    responses: set[str] = set()
    for one in _own(equations):
        for part in eq.walk(one.expression):
            if isinstance(part, eq.WithLookup) and _clock(equations, part.argument):
                paths.add(one.name)
            elif isinstance(part, eq.LookupCall):
                (paths if _clock(equations, part.argument) else responses).add(part.name)
    return frozenset(paths - responses)


def _clock(equations: eq.Equations, argument: eq.Expression) -> bool:
    """Say whether an expression is Time, shifted or scaled by constants at most."""
    parts = list(eq.walk(argument))
    fixed = all(equations.variables[one.name].value is not None for one in parts if isinstance(one, eq.Reference))
    return fixed and any(isinstance(one, eq.Time) for one in parts)


def _may_go_negative(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    """Rule of thumb: an outflow that the stock itself has no part in can empty it below zero."""
    variables = equations.variables
    for one in _own(equations):
        low, expression = one.limits[0], one.expression
        if isinstance(expression, eq.Integral) and not (low is not None and low < 0):
            for term in _outflows(expression.rate):
                if one.name not in reached(read_names(term), lambda name: same_moment(variables[name].expression)):
                    flow = term.name if isinstance(term, eq.Reference) else ""
                    what = repr(flow) if flow in equations.visible else "an outflow"
                    yield one.name, f"{what} takes from it without depending on it, so it may go below zero"


def _outflows(rate: eq.Expression, sign: int = 1) -> Iterator[eq.Expression]:
    """Yield the terms of a rate that are taken off and are not plainly zero."""
    for term, own in eq.terms(rate, sign):
        match term:
            case eq.Operation("*" | "/", (left, right)) if not isinstance(left, eq.Reference) and read_names(left):
                yield from (eq.Operation(term.operator, (one, right)) for one in _outflows(left, own))
            case _:
                if own < 0 and term != eq.Number(0.0):
                    yield term


def _long_equations(equations: eq.Equations) -> Iterator[tuple[str, str]]:
    for one in _own(equations):
        variables = len({_array(name) for name in read_names(one.expression)})
        parts = sum(not isinstance(part, Table) for part in eq.walk(one.expression))
        if variables > _MOST_VARIABLES or parts > _MOST_PARTS:
            yield one.name, f"reads {variables} variables in {parts} parts; give intermediate results a name"


#: code -> (severity, what it means, what finds it)
CODES: Mapping[str, tuple[str, str, Callable[[eq.Equations], Iterator[tuple[str, str]]]]] = {
    "no-documentation": ("warning", "the variable has no comment", _no_documentation),
    "no-unit": ("warning", "the variable has no unit", _no_unit),
    "unused": ("warning", "no equation reads this constant or lookup", _unused),
    "short-delay": ("warning", "a time constant is shorter than four time steps", _short_delays),
    "short-pulse": ("warning", "a pulse is shorter than a time step, which Vensim makes it last", short_pulses),
    "inexact-moment": ("warning", "a step or pulse in a model whose time steps do not add up exactly", inexact_moments),
    "jump-inside-step": (
        "warning",
        "a step or pulse under Runge-Kutta, which reads it within a time step",
        jumps_inside_steps,
    ),
    "similar-names": ("warning", "two names differ only in case, spaces or punctuation", _similar_names),
    "buried-constant": (
        "note",
        "a number other than 0, 1, an exponent 2 and LN(2) stands inside an equation",
        _buried_constants,
    ),
    "output-only": ("note", "no equation reads this auxiliary: an output, or a leftover", _output_only),
    "not-monotone": ("note", "a curve both rises and falls", _not_monotone),
    "may-go-negative": ("note", "an outflow does not depend on the stock it empties", _may_go_negative),
    "long-equation": ("note", "an equation that is hard to read", _long_equations),
}
