"""One Vensim equation to one expression, through PySD's grammar."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from stockflow.equations import (
    ARGUMENTS,
    DelayFixed,
    Expression,
    Initial,
    Integral,
    LookupCall,
    Number,
    Operation,
    Reference,
    Table,
    Time,
    WithLookup,
)
from stockflow.errors import InputError, unknown
from stockflow.names import plain

_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        name.replace(" ", "_"): name
        for name in ARGUMENTS
        if name[0].isalpha() and name not in {"and", "or", "not", "negative"}
    }
)


class Refused(Exception):
    """What in one equation is not supported, item by item."""

    def __init__(self, items: list[str]) -> None:
        super().__init__("; ".join(items))
        self.items = items


def parse(equation: str, names: Mapping[str, str], lookups: frozenset[str]) -> Expression:
    """Return the right-hand side of an equation.

    `names` gives the display name for each compared name of the model, `lookups` the compared names
    that are lookups.  Raises Refused with every unsupported construct and unknown name.
    """
    component = _component(equation)
    reader = _Reader(names, lookups)
    expression = reader.top(component)
    if reader.refused:
        raise Refused(reader.refused)
    return expression


def _component(equation: str) -> Any:
    # the parser library is PySD's affair: its errors are taken from where PySD uses it
    from pysd.translators.vensim.vensim_element import Element, parsimonious

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            component = Element(equation=equation, units="", documentation="").parse()
            if hasattr(component, "parse"):
                component.parse()
    except (parsimonious.exceptions.ParseError, parsimonious.exceptions.VisitationError) as error:
        reason = str(error).splitlines()[0]
        raise Refused([f"equation that cannot be parsed ({reason})"]) from error
    return component


class _Reader:
    """Walks PySD's syntax tree of one equation and collects what it must refuse."""

    def __init__(self, names: Mapping[str, str], lookups: frozenset[str]) -> None:
        self.names = names
        self.lookups = lookups
        self.refused: list[str] = []

    def refuse(self, what: str) -> Expression:
        self.refused.append(what)
        return Number(0.0)

    def top(self, component: Any) -> Expression:
        """Read a whole right-hand side: only here may stocks, delays and tables stand."""
        kind = type(component).__name__
        if kind not in {"Component", "UnchangeableConstant", "Lookup"}:
            return self.refuse({"Data": "data", "SubscriptRange": "subscript range"}.get(kind, kind.lower()))
        if any(component.subscripts):
            return self.refuse("subscripts")
        tree = component.ast
        match type(tree).__name__:
            case "IntegStructure" if tree.non_negative is not False:
                return self.refuse("INTEG with three arguments")
            case "IntegStructure":
                return Integral(self.read(tree.flow), self.read(tree.initial))
            case "DelayFixedStructure":
                return DelayFixed(self.read(tree.input), self.read(tree.delay_time), self.read(tree.initial))
            case "InitialStructure":
                return Initial(self.read(tree.initial))
            case "InlineLookupsStructure":
                table = self.table(tree.lookups)
                return WithLookup(self.read(tree.argument), table) if table else Number(0.0)
            case "LookupsStructure":
                return self.table(tree) or Number(0.0)
        return self.read(tree)

    def table(self, tree: Any) -> Table | None:
        try:
            return Table(tuple(map(float, tree.x)), tuple(map(float, tree.y)))
        except InputError as error:
            self.refuse(f"table ({error})")
            return None

    def read(self, tree: Any) -> Expression:
        if isinstance(tree, (int, float)) and not np.isnan(tree):
            return Number(float(tree))
        readers: dict[str, Callable[[Any], Expression]] = {
            "ArithmeticStructure": self.arithmetic,
            "LogicStructure": self.logic,
            "ReferenceStructure": self.reference,
            "CallStructure": self.call,
        }
        reader = readers.get(type(tree).__name__)
        if reader is not None:
            return reader(tree)
        for part in vars(tree).values() if type(tree).__name__.endswith("Structure") else ():
            if type(part).__name__.endswith("Structure"):
                self.read(part)
        if isinstance(tree, float):
            return self.refuse("missing value :NA:")
        if isinstance(tree, np.ndarray):
            return self.refuse("list of numbers")
        name = type(tree).__name__.removesuffix("Structure")
        inside = {"Integ": "INTEG", "DelayFixed": "DELAY FIXED", "InlineLookups": "WITH LOOKUP", "Initial": "INITIAL"}
        if name in inside:
            return self.refuse(f"{inside[name]} inside an expression (it must be the whole equation)")
        return self.refuse(name.upper())

    def arithmetic(self, tree: Any) -> Expression:
        operators = list(tree.operators)
        values = [self.read(one) for one in tree.arguments]
        if operators == ["negative"]:
            return Operation("negative", (values[0],))
        if operators[0] == "^":
            # PySD's tree has lost whether -2^2 or (-2)^2 was written
            if isinstance(values[0], Number) and values[0].value < 0:
                return self.refuse("power of a negative literal")
            result = values.pop()
            while values:
                result = Operation("^", (values.pop(), result))
            return result
        result = values[0]
        for operator, value in zip(operators, values[1:], strict=True):
            result = Operation(operator, (result, value))
        return result

    def logic(self, tree: Any) -> Expression:
        operators = [operator.lower().strip(":") for operator in tree.operators]
        values = [self.read(one) for one in tree.arguments]
        if operators == ["not"]:
            return Operation("not", (values[0],))
        if len(set(operators)) > 1:
            return self.refuse(":AND: and :OR: mixed without parentheses")
        result = values[0]
        for operator, value in zip(operators, values[1:], strict=True):
            result = Operation(operator, (result, value))
        return result

    def reference(self, tree: Any) -> Expression:
        if getattr(tree, "subscripts", None):
            return self.refuse(f"subscripts of {tree.reference!r}")
        key = plain(tree.reference)
        if key == "time":
            return Time()
        if key not in self.names:
            return self.refuse(str(unknown("name", tree.reference, self.names.values())))
        if key in self.lookups:
            return self.refuse(f"lookup {self.names[key]!r} without an argument")
        return Reference(self.names[key])

    def call(self, tree: Any) -> Expression:
        function = tree.function.reference
        key = plain(function)
        values = tuple(self.read(one) for one in tree.arguments)
        if key in self.lookups:
            if len(values) != 1:
                return self.refuse(f"{len(values)} arguments for the lookup {self.names[key]!r}")
            return LookupCall(self.names[key], values[0])
        if key in self.names:
            return self.refuse(f"call of {self.names[key]!r}, which is not a lookup,")
        if function not in _FUNCTIONS:
            return self.refuse(f"function {function.replace('_', ' ').upper()}")
        try:
            return Operation(_FUNCTIONS[function], values)
        except InputError as error:
            return self.refuse(str(error))
