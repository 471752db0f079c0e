"""One right side to one expression: names found, subscripts decided, signs applied, functions handed on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from stockflow.errors import InputError
from stockflow.language import allocation, calls
from stockflow.language import equations as eq
from stockflow.language.definition import Definition, Refused
from stockflow.language.place import Place
from stockflow.language.scope import Translation
from stockflow.language.vectors import joined
from stockflow.names import plain

_DEEPEST = 150
# longer sums are written as a shallow tree, which no stack is too small for
_LONG = 64
_KINDS: Mapping[str, Literal["hold", "extrapolate", "steps"]] = MappingProxyType(
    {"interpolate": "hold", "extrapolate": "extrapolate", "hold_backward": "steps"}
)
_NESTED = MappingProxyType({"Integ": "stock", "DelayFixed": "fixed delay", "Initial": "initial"})


def variables_of(translation: Translation, definitions: Sequence[Definition]) -> dict[str, eq.Variable]:
    """Return all variables of a file; what cannot be read is in `translation.refused` then."""
    for one in definitions:
        translation.refuse(translation.define(translation.main, one), one)
    main = translation.main
    for key, elements in main.definitions.items():
        for coordinates, one in elements.items():
            name = translation.ranges.label(main.spelling[key], coordinates)
            reader = Reader(translation, main, name, name, one, coordinates)
            expression = reader.expression()
            translation.refuse(reader.refused, one)
            texts = (one.unit, one.documentation, one.group, one.limits)
            translation.add(eq.Variable(name, "auxiliary", *texts, expression, eq.number(expression), one.line))
    return translation.variables


class Reader(Place):
    """Reads a definition for one element of its array, from PySD's syntax tree."""

    def expression(self) -> eq.Expression:
        """Return the whole right side; what is not supported is in `refused` then."""
        if self.definition.problems:
            return eq.Number(0.0)
        if len({plain(one) for one in self.definition.subscripts}) < len(self.definition.subscripts):
            return self.refuse("the same subscript twice on the left side")
        result = self.attempt(lambda: self.top(self.definition.tree))
        return self.refuse("expression nested too deeply") if _depth(result) > _DEEPEST else result

    def top(self, tree: Any) -> eq.Expression:
        """Read what may be a whole right side: here stocks, delays and tables need no hidden variable."""
        match type(tree).__name__:
            case "IntegStructure" if not isinstance(tree.non_negative, bool):
                return self.refuse("INTEG with three arguments")
            case "IntegStructure":
                return eq.Integral(self.read(tree.flow), self.read(tree.initial), tree.non_negative)
            case "DelayFixedStructure":
                return eq.DelayFixed(self.read(tree.input), self.read(tree.delay_time), self.read(tree.initial))
            case "InitialStructure":
                return eq.Initial(self.read(tree.initial))
            case "CallStructure" if tree.function.reference == "active_initial" and len(tree.arguments) == 2:
                return eq.ActiveInitial(self.read(tree.arguments[0]), self.read(tree.arguments[1]))
            case "LookupsStructure":
                return self.table(tree)
            case "ndarray":
                return self.entry(tree)
            case "GetConstantsStructure" | "GetDataStructure" | "GetLookupsStructure" | "DataStructure":
                return self.translation.external.read(tree, self.definition, self.coordinates, self.ranges)
        return self.read(tree)

    def read(self, tree: Any) -> eq.Expression:
        """Read any part of a right side."""
        self.translation.spend()
        if isinstance(tree, (int, float)):
            try:
                return eq.Number(float(tree))
            except OverflowError:
                return self.refuse("number beyond 1e308")
        kind = type(tree).__name__.removesuffix("Structure")
        match kind:
            case "Arithmetic":
                return _arithmetic(tree.operators, [self.read(one) for one in tree.arguments])
            case "Logic":
                signs = [one.lower().strip(":") for one in tree.operators]
                return _logic(signs, [self.read(one) for one in tree.arguments])
            case "Reference":
                return self.attempt(lambda: self.reference(tree))
            case "Call":
                return self.attempt(lambda: calls.call(self, tree))
            case "Game":
                return self.read(tree.expression)
            case "InlineLookups":
                return self.attempt(lambda: eq.WithLookup(self.read(tree.argument), self.table(tree.lookups)))
            case "Integ" | "DelayFixed" | "Initial":
                return self.keep(_NESTED[kind], self.top(tree))
            case "Delay" | "DelayN" | "Smooth" | "SmoothN" | "Trend" | "Forecast" | "SampleIfTrue":
                return self.attempt(lambda: calls.remembering(self, kind, tree))
            case "AllocateByPriority":
                return self.attempt(lambda: allocation.by_priority(self, tree))
            case "AllocateAvailable":
                return self.attempt(lambda: allocation.available(self, tree))
            case "ndarray":
                return self.refuse("list of numbers inside an expression")
            case "str":
                return self.refuse(f"text {tree!r}")
        return self.refuse(kind.upper())

    def table(self, tree: Any) -> eq.Table:
        """Return the points of a table; Refused if they are none."""
        if type(tree).__name__ != "LookupsStructure":
            raise Refused(["table without points"])
        try:
            return eq.Table(tuple(map(float, tree.x)), tuple(map(float, tree.y)), _KINDS[tree.type])
        except (InputError, OverflowError) as error:
            raise Refused([f"table ({error})"]) from error

    def entry(self, array: Any) -> eq.Expression:
        """Return the number of a list or matrix that belongs to this element."""
        choices = [self.ranges.choices(one) for one in self.definition.subscripts]
        count = math.prod(map(len, choices))
        if array.size != count:
            return self.refuse(f"list of {array.size} numbers for {count} elements")
        at = tuple(one.index(here) for one, here in zip(choices, self.coordinates, strict=True))
        return eq.Number(float(np.asarray(array).reshape([len(one) for one in choices])[at]))

    def reference(self, tree: Any) -> eq.Expression:
        """Return what a name stands for: an argument, Time, a variable or the place of a subscript."""
        key = plain(tree.reference)
        if key in self.scope.arguments:
            return self.scope.arguments[key]
        if self._bare(key) == "time":
            return eq.Time()
        if not self.defined(key):
            place = self.ranges.position(tree.reference, self.bound)
            if place is not None:
                return eq.Number(float(place))
        name, definition = self.find(tree)
        if definition.lookup:
            return self.refuse(f"lookup {name!r} without an argument")
        return eq.Reference(name)


def _depth(expression: eq.Expression) -> int:
    deepest, todo = 0, [(expression, 1)]
    while todo:
        one, depth = todo.pop()
        deepest = max(deepest, depth)
        todo += [(part, depth + 1) for part in eq.children(one)]
    return deepest


def _arithmetic(operators: Sequence[str], values: list[eq.Expression]) -> eq.Expression:
    """Join values by operators of one precedence: sums and products from the left, powers from the right."""
    if operators[0] == "negative":
        return eq.Operation("negative", (values[0],))
    if operators[0] == "^":
        return _power(values)
    if len(values) > _LONG and set(operators) <= {"+", "-"}:
        signed = [
            eq.Operation("negative", (one,)) if sign == "-" else one
            for sign, one in zip(["+", *operators], values, strict=True)
        ]
        return joined("+", signed)
    result = values[0]
    for operator, value in zip(operators, values[1:], strict=True):
        result = eq.Operation(operator, (result, value))
    return result


def _power(values: list[eq.Expression]) -> eq.Expression:
    """Take powers from the right; the sign of a literal base belongs to the result.

    A base that was in parentheses with its sign is a difference by now, not a literal.
    """
    base = values[0]
    negative = isinstance(base, eq.Number) and base.value < 0
    first = eq.Number(-base.value) if isinstance(base, eq.Number) and negative else base
    *others, result = [first, *values[1:]]
    for value in reversed(others):
        result = eq.Operation("^", (value, result))
    return eq.Operation("negative", (result,)) if negative else result


def _logic(operators: Sequence[str], values: list[eq.Expression]) -> eq.Expression:
    """Join values by comparisons, or by AND before OR; only what is missing differs from itself."""
    if operators[0] == "not":
        return eq.Operation("not", (values[0],))
    if operators[0] in {"=", "<>"} and len(values) == 2 and any(_missing(one) for one in values):
        other = values[1] if _missing(values[0]) else values[0]
        return eq.Operation("<>" if operators[0] == "=" else "=", (other, other))
    groups: list[eq.Expression] = [values[0]]
    for operator, value in zip(operators, values[1:], strict=True):
        if operator == "or":
            groups.append(value)
        else:
            groups[-1] = eq.Operation(operator, (groups[-1], value))
    return joined("or", groups)


def _missing(one: eq.Expression) -> bool:
    return isinstance(one, eq.Number) and one.value != one.value
