"""Says which equations do not balance: whether both sides of each one have the same unit.

Vensim's unit text is free, so it is read tolerantly: products, quotients, whole powers and
parentheses of names, in any case, with `Dmnl` or `1` for none.  A literal number is dimensionless,
but 0 fits every unit; so does a constant's own number, which has the unit of the constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from stockflow.language import equations as eq
from stockflow.names import plain

#: powers of base units in alphabetical order, none of them 0
Unit = tuple[tuple[str, Fraction], ...]
NONE: Unit = ()
_TOKEN = re.compile(r"\s*(?:(\*\*|[*/^()])|([^*/^()]+))")
_EXPONENT = re.compile(r"[+-]?\d{1,3}(\.\d{1,3})?")
_MOST_PARENTHESES = 50
_DIMENSIONLESS = frozenset({"dmnl", "dimensionless", "1"})
_SAME = frozenset({"+", "-", "min", "max", "modulo", "quantum"})
_PURE = frozenset({"exp", "ln", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"})
_COMPARED = frozenset({"<", "<=", ">", ">=", "=", "<>"})


def unbalanced(equations: eq.Equations, equivalences: Iterable[Sequence[str]] = ()) -> list[str]:
    """Return one line for each equation that does not balance: variable, left unit, right unit.

    `equivalences` are sets of unit names that mean the same, beside those the model file declares.
    """
    aliases = {
        plain(one): plain(names[0]) for names in [*equations.equivalences, *equivalences] if names for one in names
    }
    checker = _Checker(equations, aliases)
    lines = (checker.line(one) for one in equations.visible.values())
    return [line for line in lines if line]


def read_unit(text: str, aliases: dict[str, str] | None = None) -> Unit:
    """Return the unit a text stands for; ValueError if it is empty or cannot be read.

    >>> read_unit("bnCNY*Year/unit") == read_unit("bnCNY/(unit/Year)")
    True
    """
    tokens = [(operator, plain(name)) for operator, name in _TOKEN.findall(text.strip())]
    if not tokens:
        raise ValueError("no unit")
    if sum(operator == "(" for operator, _ in tokens) > _MOST_PARENTHESES:
        raise ValueError(f"unit with more than {_MOST_PARENTHESES} parentheses")
    reader = _UnitReader(tokens, aliases or {})
    unit = reader.product()
    if reader.at < len(tokens):
        raise ValueError(f"unit {text!r} cannot be read")
    return unit


def unit_text(unit: Unit, spelling: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a unit in the notation of model files, names as in `spelling`."""

    def factor(name: str, power: Fraction) -> str:
        spelled = spelling.get(name, name)
        return spelled if power == 1 else f"{spelled}^{power}"

    above = "*".join(factor(name, power) for name, power in unit if power > 0)
    below = "".join(f"/{factor(name, -power)}" for name, power in unit if power < 0)
    return f"{above or '1'}{below}" if unit else "Dmnl"


def _times(left: Unit, right: Unit, sign: int = 1) -> Unit:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, Fraction(0)) + sign * power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _power(unit: Unit, exponent: Fraction) -> Unit:
    return tuple((name, power * exponent) for name, power in unit) if exponent else NONE


@dataclass(slots=True)
class _UnitReader:
    tokens: list[tuple[str, str]]
    aliases: dict[str, str]
    at: int = 0

    def product(self) -> Unit:
        unit = self.factor()
        while self.at < len(self.tokens) and self.tokens[self.at][0] in {"*", "/"}:
            sign = 1 if self.tokens[self.at][0] == "*" else -1
            self.at += 1
            unit = _times(unit, self.factor(), sign)
        return unit

    def factor(self) -> Unit:
        operator, name = self.take()
        if operator == "(":
            unit = self.product()
            if self.take()[0] != ")":
                raise ValueError("unit with an open parenthesis")
        elif name in _DIMENSIONLESS:
            unit = NONE
        elif name and not name[0].isdigit():
            unit = ((self.aliases.get(name, name), Fraction(1)),)
        else:
            raise ValueError(f"unit with {operator or name!r} out of place")
        if self.at < len(self.tokens) and self.tokens[self.at][0] in {"^", "**"}:
            self.at += 1
            exponent = self.take()[1]
            if not _EXPONENT.fullmatch(exponent):
                raise ValueError(f"unit with the power {exponent[:20]!r}")
            unit = _power(unit, Fraction(exponent))
        return unit

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ValueError("unit that ends too early")
        self.at += 1
        return self.tokens[self.at - 1]


class _Checker:
    """Finds the unit of expressions; None stands for 0 and for what is already complained about."""

    def __init__(self, equations: eq.Equations, aliases: dict[str, str]) -> None:
        self.equations = equations
        self.problems: list[str] = []
        self.units: dict[str, Unit | None] = {}
        self.unreadable: dict[str, str] = {}
        self.spelling: dict[str, str] = {}
        for name, one in equations.visible.items():
            for _, word in _TOKEN.findall(one.unit):
                self.spelling.setdefault(plain(word), word.strip())
            try:
                self.units[name] = read_unit(one.unit, aliases)
            except ValueError as error:
                self.units[name] = None
                self.unreadable[name] = str(error)
        self.time = self.units[equations.find("time step").name]
        # what conveyors, queues and ovens are made of counts time in steps, and has no unit of its own
        contents = [one for one in equations.variables.values() if isinstance(one.expression, eq.Content)]
        flows = {name for one in contents for name in (one.name, *eq.references(one.expression))}
        self.units.update({one.name: None for one in equations.variables.values() if one.owner in flows})

    def text(self, unit: Unit) -> str:
        return unit_text(unit, self.spelling)

    def line(self, one: eq.Variable) -> str:
        """Return what is wrong with one equation, or nothing."""
        if one.name in self.unreadable:
            return f"{one.name}: {self.unreadable[one.name]}"
        if one.kind in {"constant", "control", "lookup"}:
            return ""
        self.problems = []
        own = self.units[one.name]
        self.top(one.expression, own)
        return f"{one.name}: {'; '.join(self.problems)}" if self.problems else ""

    def top(self, expression: eq.Expression, own: Unit | None) -> None:
        """Check a whole right-hand side against the unit of its variable."""
        match expression:
            case eq.Integral(rate, initial):
                per_time = None if own is None or self.time is None else _times(own, self.time, -1)
                self.demand(per_time, self.unit(rate), "rate")
                self.demand(own, self.unit(initial), "initial value")
            case eq.DelayFixed(flow, delay, initial):
                self.demand(own, self.unit(flow), "delayed value")
                self.demand(self.time, self.unit(delay), "delay")
                self.demand(own, self.unit(initial), "initial value")
            case eq.Initial(inner):
                self.demand(own, self.unit(inner), "right side")
            case eq.ActiveInitial(inner, initial):
                self.demand(own, self.unit(inner), "right side")
                self.demand(own, self.unit(initial), "initial value")
            case eq.WithLookup(argument, _):
                self.unit(argument)
            case _:
                self.demand(own, self.unit(expression), "right side")

    def demand(self, left: Unit | None, right: Unit | None, what: str) -> None:
        if left is not None and right is not None and left != right:
            self.problems.append(f"unit {self.text(left)}, but {what} {self.text(right)}")

    def same(self, units: Sequence[Unit | None], what: str) -> Unit | None:
        known = [one for one in units if one is not None]
        for one in known[1:]:
            if one != known[0]:
                self.problems.append(f"{what} joins {self.text(known[0])} with {self.text(one)}")
        return known[0] if known else None

    def bare(self, unit: Unit | None, what: str) -> None:
        if unit:
            self.problems.append(f"{what} must be Dmnl, but is {self.text(unit)}")

    def unit(self, expression: eq.Expression) -> Unit | None:
        """Return the unit of an expression, noting what does not fit inside it."""
        match expression:
            case eq.Number(value):
                return None if value == 0 else NONE
            case eq.Time():
                return self.time
            case eq.Random():
                return NONE
            case eq.Reference(name):
                return self.units[name] if name in self.units else self.inferred(name)
            case eq.LookupCall(name, argument):
                self.unit(argument)
                return self.units[name]
            case eq.Operation("^", (base, exponent)):
                return self.power(base, exponent)
            case eq.Operation(operator, arguments):
                return self.operation(operator, [self.unit(one) for one in arguments])
        return None

    def inferred(self, name: str) -> Unit | None:
        """Return the unit of a hidden variable, which what it starts from or consists of decides."""
        expression = self.equations.variables[name].expression
        match expression:
            case eq.Integral(_, start) | eq.DelayFixed(_, _, start) | eq.Initial(start) | eq.ActiveInitial(start, _):
                self.units[name] = self.unit(start)
                self.top(expression, self.units[name])
            case _:
                self.units[name] = None
                self.units[name] = self.unit(expression)
        return self.units[name]

    def power(self, base: eq.Expression, exponent: eq.Expression) -> Unit | None:
        unit, known = self.unit(base), eq.number(exponent)
        self.bare(self.unit(exponent), "exponent")
        if known is not None and known.is_integer():
            return None if unit is None else _power(unit, Fraction(int(known)))
        self.bare(unit, "base of a power")
        return NONE

    def operation(self, operator: str, units: list[Unit | None]) -> Unit | None:
        if operator in _SAME:
            return self.same(units, operator.upper())
        if operator in _COMPARED:
            self.same(units, operator)
            return NONE
        if operator in _PURE:
            for one in units:
                self.bare(one, f"argument of {operator.upper()}")
            return NONE
        match operator:
            case "*" | "/":
                left, right = units
                return None if left is None or right is None else _times(left, right, 1 if operator == "*" else -1)
            case "sqrt":
                return None if units[0] is None else _power(units[0], Fraction(1, 2))
            case "if then else":
                return self.same(units[1:], "IF THEN ELSE")
            case "xidz" | "zidz":
                ratio = None if units[0] is None or units[1] is None else _times(units[0], units[1], -1)
                return self.same([ratio, *units[2:]], operator.upper())
            case "step" | "ramp" | "pulse" | "pulse train" | "endless ramp" | "impulse" | "impulses":
                return self.timed(operator, units)
            case "and" | "or" | "not":
                return NONE
        return units[0]

    def timed(self, operator: str, units: list[Unit | None]) -> Unit | None:
        """Check functions of time: their moments are times; slopes are per time, amounts become rates."""
        amount = units[0] if operator in {"step", "ramp", "endless ramp"} else units[-1]
        moments = units[1:] if operator in {"step", "ramp", "endless ramp"} else units
        if operator in {"impulse", "impulses"}:
            moments = units[:-1]
        self.same([self.time, *moments], operator.upper())
        if operator in {"pulse", "pulse train"}:
            return NONE
        if operator == "step" or amount is None or self.time is None:
            return amount
        return _times(amount, self.time, 1 if operator.endswith("ramp") else -1)
