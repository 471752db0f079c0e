"""The neutral form of a model: variables and the expressions that define them.

Nothing here knows a file format or a way of computing.  Expressions are trees of frozen nodes;
names inside them are display names, so they compare with `==`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from stockflow.errors import InputError, UnknownNameError, unknown
from stockflow.language.curve import Table
from stockflow.language.operations import ARGUMENTS, ARITHMETIC
from stockflow.names import plain

Kind = Literal["stock", "flow", "auxiliary", "constant", "lookup", "control"]
CONTROLS = ("initial time", "final time", "time step", "saveper")
Method = Literal["Euler", "RK2", "Heun", "RK4", "RK2 auto", "RK4 auto"]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Time:
    """The simulated time."""


@dataclass(frozen=True, slots=True)
class Random:
    """A number between 0 and 1, new in every step of every run; equal sites draw equal numbers."""

    site: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of another variable, by display name."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One arithmetic, logical or built-in operation; `operator` is a key of `ARGUMENTS`."""

    operator: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        expected = ARGUMENTS[self.operator]
        if len(self.arguments) != expected:
            raise InputError(f"{self.operator.upper()} takes {expected} arguments, not {len(self.arguments)}")


@dataclass(frozen=True, slots=True)
class WithLookup:
    """The value of `table` at `argument`, in the unit of the variable it defines."""

    argument: Expression
    table: Table


@dataclass(frozen=True, slots=True)
class LookupCall:
    """The value of the lookup variable `name` at `argument`."""

    name: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class Integral:
    """A stock: starts at `initial` and gains `rate` per unit of time; a step takes `floored` ones to 0 at least."""

    rate: Expression
    initial: Expression
    floored: bool = False


@dataclass(frozen=True, slots=True)
class Content(Integral):
    """What a conveyor, queue or oven holds; `there` is what it has in a step per unit of time, by Euler's method.

    What is left of `there` by rounding alone is nothing.
    """

    there: Expression = Number(0.0)


@dataclass(frozen=True, slots=True)
class DelayFixed:
    """`input` as it was `delay` ago; `initial` until then."""

    input: Expression
    delay: Expression
    initial: Expression


@dataclass(frozen=True, slots=True)
class Initial:
    """The value of `expression` at the initial time."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class ActiveInitial:
    """The value of `expression` in the run, but of `initial` in what the run starts from."""

    expression: Expression
    initial: Expression


Remembering = Integral | Content | DelayFixed | Initial | ActiveInitial
Expression = Number | Time | Random | Reference | Operation | WithLookup | LookupCall | Remembering | Table


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the direct parts of an expression."""
    if isinstance(expression, Operation):
        return expression.arguments
    if isinstance(expression, (Reference, Number)):
        return ()
    match expression:
        case WithLookup(argument, table):
            return (argument, table)
        case LookupCall(_, argument):
            return (argument,)
        case Content(one, initial, _, there):
            return (one, initial, there)
        case Integral(one, initial) | ActiveInitial(one, initial):
            return (one, initial)
        case DelayFixed(flow, delay, initial):
            return (flow, delay, initial)
        case Initial(inner):
            return (inner,)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and all its parts."""
    todo: list[Expression] = [expression]
    while todo:
        one = todo.pop()
        yield one
        if parts := children(one):
            todo.extend(reversed(parts))


def references(expression: Expression) -> tuple[str, ...]:
    """Return the names of the variables an expression reads, each once, in order of appearance."""
    return named(expression, (Reference,))


def named(expression: Expression, kinds: tuple[type[Reference | LookupCall], ...]) -> tuple[str, ...]:
    """Return the names in parts of some kinds, each once, in order of appearance."""
    if isinstance(expression, Number):
        return ()
    names: dict[str, None] = {}
    known: set[int] = set()  # a part may stand in many places
    todo: list[Expression] = [expression]
    while todo:
        one = todo.pop()
        if isinstance(one, Operation):
            if id(one) not in known:
                known.add(id(one))
                todo += one.arguments[::-1]
        elif not isinstance(one, Number):
            if isinstance(one, kinds):
                names[one.name] = None
            if not isinstance(one, Reference):
                todo += children(one)[::-1]
    return tuple(names)


def terms(expression: Expression, sign: int = 1) -> Iterator[tuple[Expression, int]]:
    """Yield the terms of a sum, each with the sign (1 or -1) that +, - and signs at the top give it."""
    match expression:
        case Operation("+", (left, right)):
            yield from terms(left, sign)
            yield from terms(right, sign)
        case Operation("-", (left, right)):
            yield from terms(left, sign)
            yield from terms(right, -sign)
        case Operation("negative", (inner,)):
            yield from terms(inner, -sign)
        case _:
            yield expression, sign


@dataclass(frozen=True, slots=True)
class Variable:
    """One named quantity of a model.

    `unit` is text as written in the file; `limits` are the bounds written beside it (None: open).
    `value` is the number of a constant or control variable and None for everything else.
    A flow is an auxiliary that some stock adds or takes off as a whole term of its rate.
    `line` is where its equation stands in the file.  A hidden variable holds a part of the equation
    of its `owner`, such as the stocks inside a SMOOTH3; it has no unit of its own.
    """

    name: str
    kind: Kind
    unit: str
    documentation: str
    group: str
    limits: tuple[float | None, float | None]
    expression: Expression
    value: float | None = None
    line: int = 0
    owner: str = ""

    def check(self, value: float) -> None:
        """Raise InputError if `value` is not finite or outside the limits."""
        low, high = self.limits
        bounds = f"[{'?' if low is None else f'{low:g}'}, {'?' if high is None else f'{high:g}'}]"
        if not math.isfinite(value):
            raise InputError(f"{self.name} is {value} {self.unit}, which is not a finite number")
        if (low is not None and value < low) or (high is not None and value > high):
            raise InputError(f"{self.name} is {value:.15g} {self.unit}, outside {bounds}")


@dataclass(frozen=True, slots=True)
class Equations:
    """All variables of a model in file order; `source` names the file in messages.

    `equivalences` are the sets of unit names the file declares equal, `method` is how it asks to be
    integrated.  `structural` are constants that decided how many hidden variables there are;
    `notes` say what is read otherwise than the file asks.  `visible` are those the file names.
    Kinds are worked out here, so a changed expression may turn a stock into an auxiliary and its
    flows with it.
    """

    source: str
    variables: Mapping[str, Variable]
    equivalences: tuple[tuple[str, ...], ...] = ()
    method: Method = "Euler"
    structural: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    visible: Mapping[str, Variable] = field(init=False, repr=False)
    #: what each variable acts on, where `stockflow.insight.structure` has found it
    links: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _index: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        flows = _flows(self.variables)
        sorted_out = {name: _with_kind(one, flows, self.variables) for name, one in self.variables.items()}
        object.__setattr__(self, "variables", MappingProxyType(sorted_out))
        hidden = any(one.owner for one in sorted_out.values())
        named = {name: one for name, one in sorted_out.items() if not one.owner} if hidden else sorted_out
        object.__setattr__(self, "visible", MappingProxyType(named))
        object.__setattr__(self, "_index", MappingProxyType({plain(name): name for name in named}))
        for name in CONTROLS:
            if name not in self._index:
                raise InputError(f"{self.source}: the control variable {name.upper()} is missing")

    def elements(self, name: str) -> tuple[str, ...]:
        """Return the display names of all elements of an array, or of the variable itself.

        UnknownNameError if there is neither.
        """
        key = plain(name)
        if key in self._index:
            return (self._index[key],)
        found = tuple(one for other, one in self._index.items() if other.startswith(f"{key}["))
        return found or (self.find(name).name,)

    def find(self, name: str) -> Variable:
        """Return the variable of that name in any spelling; UnknownNameError if there is none."""
        display = self._index.get(plain(name))
        if display is None:
            within = [one for key, one in self._index.items() if key.startswith(f"{plain(name)}[")]
            if within:
                raise UnknownNameError(f"{self.source}: {name!r} is an array; name an element such as {within[0]!r}")
            raise unknown("variable", name, self.visible, self.source)
        return self.variables[display]

    def control(self, name: str) -> float:
        """Return the number of a control variable."""
        one = self.find(name)
        if one.value is None:
            line = f" (line {one.line})" if one.line else ""
            raise InputError(f"{self.source}: {one.name}{line} must be a number, not an equation")
        return one.value

    def changed(self, expressions: Mapping[str, Expression]) -> Equations:
        """Return the same model with other expressions for some variables, by display name.

        Raises InputError for another value of a constant that decided the structure of the model.
        """
        variables = dict(self.variables)
        for name, expression in expressions.items():
            if name in self.structural and expression != variables[name].expression:
                raise InputError(f"{self.source}: {name} decides how an equation is built, so it is fixed by the file")
            variables[name] = replace(variables[name], expression=expression)
        return replace(self, variables=variables)

    def __reduce__(self) -> tuple[type[Equations], tuple[Any, ...]]:
        parts = (self.equivalences, self.method, self.structural, self.notes)
        return Equations, (self.source, dict(self.variables), *parts)


def number(expression: Expression, known: Mapping[str, float | None] = MappingProxyType({})) -> float | None:
    """Return the value of an expression of literal numbers, `known` names and arithmetic alone, else None."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Reference):
        return known.get(expression.name)
    if not isinstance(expression, Operation) or expression.operator not in ARITHMETIC:
        return None
    values: list[np.float64] = []
    for one in expression.arguments:
        value = number(one, known)
        if value is None:
            return None
        values.append(np.float64(value))
    with np.errstate(all="ignore"):
        return float(ARITHMETIC[expression.operator](*values))


def kind(expression: Expression) -> tuple[Kind, float | None]:
    """Return what kind of variable an expression alone makes, and the number of a constant."""
    if isinstance(expression, Table):
        return "lookup", None
    if isinstance(expression, Integral):
        return "stock", None
    value = number(expression)
    return "auxiliary" if value is None else "constant", value


def _flows(variables: Mapping[str, Variable]) -> frozenset[str]:
    expressions = (one.expression for one in variables.values() if not one.owner)
    stocks = (one for one in expressions if isinstance(one, Integral))
    parts = (part for stock in stocks for part, _ in terms(stock.rate))
    return frozenset(part.name for part in parts if isinstance(part, Reference))


def _with_kind(one: Variable, flows: frozenset[str], variables: Mapping[str, Variable]) -> Variable:
    sort, value = kind(one.expression)
    if sort in {"constant", "auxiliary"} and not one.name.endswith("]") and plain(one.name) in CONTROLS:
        sort, value = "control", _control_value(one.name, variables)
        value = one.value if value is None else value
    elif sort == "auxiliary" and one.name in flows:
        sort = "flow"
    # a negative zero is another value
    known = one.kind == sort and (one.value is value or repr(one.value) == repr(value))
    return one if known else replace(one, kind=sort, value=value)


def _control_value(name: str, variables: Mapping[str, Variable]) -> float | None:
    """Return the number that arithmetic on constants is, such as `FINAL TIME = INITIAL TIME + horizon`."""
    reads: dict[str, tuple[str, ...]] = {}
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in reads and one in variables:
            reads[one] = references(variables[one].expression)
            todo += reads[one]
    known: dict[str, float | None] = {}
    try:
        for one in TopologicalSorter(reads).static_order():
            known[one] = number(variables[one].expression, known) if one in variables else None
    except CycleError:
        return None
    return known[name]
