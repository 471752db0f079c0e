"""One right side to one expression: names found, subscripts decided, functions handed on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stockflow.errors import InputError, unknown
from stockflow.language import allocation, calls, operators
from stockflow.language.definition import Definition, Refused
from stockflow.language.equations import (
    ActiveInitial,
    DelayFixed,
    Expression,
    Initial,
    Integral,
    Number,
    Reference,
    Table,
    Time,
    Variable,
    WithLookup,
    children,
    number,
)
from stockflow.names import plain

if TYPE_CHECKING:
    from stockflow.language.translate import Translation

_DEEPEST = 150
_KINDS: Mapping[str, Literal["hold", "extrapolate", "steps"]] = MappingProxyType(
    {"interpolate": "hold", "extrapolate": "extrapolate", "hold_backward": "steps"}
)
_NESTED = MappingProxyType({"Integ": "stock", "DelayFixed": "fixed delay", "Initial": "initial"})


@dataclass(slots=True)
class Scope:
    """Where names are looked up: the model, or one use of a macro.

    `definitions` are by compared name and elements, `arguments` a macro's, `prefix` comes before the
    names of what the macro defines, and `depth` counts the macros around it.
    """

    definitions: dict[str, dict[tuple[str, ...], Definition]] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Expression] = field(default_factory=dict)
    prefix: str = ""
    depth: int = 0

    def label(self, name: str) -> str:
        """Return the full name of what is defined here."""
        return f"{self.prefix}~{name}" if self.prefix else name


class Reader:
    """Reads a definition for one element of its array.

    `owner` is the variable of the file in whose name this happens, `name` the variable that gets the
    expression: another one only inside macros.
    """

    def __init__(
        self,
        translation: Translation,
        scope: Scope,
        owner: str,
        name: str,
        definition: Definition,
        coordinates: tuple[str, ...],
    ) -> None:
        self.translation = translation
        self.ranges = translation.ranges
        self.scope = scope
        self.owner = owner
        self.name = name
        self.definition = definition
        self.coordinates = coordinates
        self.bound = self.ranges.bindings(definition.subscripts, coordinates)
        self.refused: list[str] = []

    def expression(self) -> Expression:
        """Return the whole right side; what is not supported is in `refused` then."""
        if self.definition.problems:
            return Number(0.0)
        if len({plain(one) for one in self.definition.subscripts}) < len(self.definition.subscripts):
            return self.refuse("the same subscript twice on the left side")
        result = self.attempt(lambda: self.top(self.definition.tree))
        return self.refuse("expression nested too deeply") if _depth(result) > _DEEPEST else result

    def refuse(self, what: str) -> Expression:
        """Note what is not supported and go on."""
        self.refused.append(what)
        return Number(0.0)

    def attempt(self, read: Callable[[], Expression]) -> Expression:
        """Read something, turning what is raised into what is noted."""
        try:
            return read()
        except Refused as error:
            self.refused += error.items
        except InputError as error:
            self.refused.append(str(error))
        return Number(0.0)

    @property
    def step(self) -> Expression:
        """The time step of the model."""
        return Reference(self.translation.main.spelling.get("time step", "TIME STEP"))

    def keep(self, what: str, expression: Expression) -> Reference:
        """Make a hidden variable of this equation."""
        kept = self.promise(what)
        self.fulfil(kept, expression)
        return kept

    def promise(self, what: str) -> Reference:
        """Take a new name for a hidden variable of this equation."""
        name, count = f"{self.name}~{what}", 1
        while name in self.translation.taken:
            count += 1
            name = f"{self.name}~{what} {count}"
        self.translation.taken.add(name)
        return Reference(name)

    def fulfil(self, promised: Reference, expression: Expression) -> None:
        """Set the expression of a hidden variable."""
        line = self.definition.line
        hidden = Variable(promised.name, "auxiliary", "", "", "", (None, None), expression, None, line, self.owner)
        self.translation.add(hidden)

    def within(self, bound: Mapping[str, str], read: Callable[[], Expression]) -> Expression:
        """Read something with ranges standing for other elements."""
        before = self.bound
        self.bound = {**before, **bound}
        try:
            return read()
        finally:
            self.bound = before

    def top(self, tree: Any) -> Expression:
        """Read what may be a whole right side: here stocks, delays and tables need no hidden variable."""
        match type(tree).__name__:
            case "IntegStructure" if not isinstance(tree.non_negative, bool):
                return self.refuse("INTEG with three arguments")
            case "IntegStructure":
                return Integral(self.read(tree.flow), self.read(tree.initial), tree.non_negative)
            case "DelayFixedStructure":
                return DelayFixed(self.read(tree.input), self.read(tree.delay_time), self.read(tree.initial))
            case "InitialStructure":
                return Initial(self.read(tree.initial))
            case "CallStructure" if tree.function.reference == "active_initial" and len(tree.arguments) == 2:
                return ActiveInitial(self.read(tree.arguments[0]), self.read(tree.arguments[1]))
            case "LookupsStructure":
                return self.table(tree)
            case "ndarray":
                return self.entry(tree)
            case "GetConstantsStructure" | "GetDataStructure" | "GetLookupsStructure" | "DataStructure":
                return self.translation.external.read(tree, self.definition, self.coordinates, self.ranges)
        return self.read(tree)

    def read(self, tree: Any) -> Expression:
        """Read any part of a right side."""
        self.translation.spend()
        if isinstance(tree, (int, float)):
            try:
                return Number(float(tree))
            except OverflowError:
                return self.refuse("number beyond 1e308")
        kind = type(tree).__name__.removesuffix("Structure")
        match kind:
            case "Arithmetic":
                return operators.arithmetic(tree.operators, [self.read(one) for one in tree.arguments])
            case "Logic":
                signs = [one.lower().strip(":") for one in tree.operators]
                return operators.logic(signs, [self.read(one) for one in tree.arguments])
            case "Reference":
                return self.attempt(lambda: self.reference(tree))
            case "Call":
                return self.attempt(lambda: calls.call(self, tree))
            case "Game":
                return self.read(tree.expression)
            case "InlineLookups":
                return self.attempt(lambda: WithLookup(self.read(tree.argument), self.table(tree.lookups)))
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

    def fixed(self, expression: Expression) -> float | None:
        """Return a number, or that of a constant which is fixed by this; None for anything else."""
        main = self.translation.main
        if isinstance(expression, Reference):
            self.translation.structural.add(expression.name)
            name, _, inside = expression.name.removesuffix("]").partition("[")
            coordinates = tuple(map(plain, inside.split(","))) if inside else ()
            definition = main.definitions.get(plain(name), {}).get(coordinates)
            if definition is None:
                return None
            expression = Reader(self.translation, main, self.owner, self.name, definition, coordinates).expression()
        return number(expression)

    def named(self, scope: Scope, key: str, coordinates: tuple[str, ...]) -> Reference:
        """Return the variable of a compared name for some elements; Refused if no equation defines it."""
        label = self.ranges.label(scope.spelling[key], coordinates)
        if coordinates not in scope.definitions[key]:
            raise Refused([f"{label!r}, which no equation defines"])
        return Reference(scope.label(label))

    def table(self, tree: Any) -> Table:
        """Return the points of a table; Refused if they are none."""
        if type(tree).__name__ != "LookupsStructure":
            raise Refused(["table without points"])
        try:
            return Table(tuple(map(float, tree.x)), tuple(map(float, tree.y)), _KINDS[tree.type])
        except (InputError, OverflowError) as error:
            raise Refused([f"table ({error})"]) from error

    def entry(self, array: Any) -> Expression:
        """Return the number of a list or matrix that belongs to this element."""
        choices = [self.ranges.choices(one) for one in self.definition.subscripts]
        count = math.prod(map(len, choices))
        if array.size != count:
            return self.refuse(f"list of {array.size} numbers for {count} elements")
        at = tuple(one.index(here) for one, here in zip(choices, self.coordinates, strict=True))
        return Number(float(np.asarray(array).reshape([len(one) for one in choices])[at]))

    def reference(self, tree: Any) -> Expression:
        """Return what a name stands for: an argument, Time, a variable or the place of a subscript."""
        key = plain(tree.reference)
        if key in self.scope.arguments:
            return self.scope.arguments[key]
        if self._bare(key) == "time":
            return Time()
        if not self.defined(key):
            place = self.ranges.position(tree.reference, self.bound)
            if place is not None:
                return Number(float(place))
        name, definition, _ = self.find(tree)
        if definition.lookup:
            return self.refuse(f"lookup {name!r} without an argument")
        return Reference(name)

    def _bare(self, key: str) -> str:
        """Take off the $ with which a macro marks names of the model around it."""
        return key.removesuffix("$") if self.scope.prefix else key

    def defined(self, key: str) -> tuple[Scope, str] | None:
        """Return where a compared name is defined, and as what, or None."""
        for scope in (self.scope, self.translation.main):
            for one in (key, self._bare(key), self.translation.aliases.get(key, key)):
                if one in scope.definitions:
                    return scope, one
        return None

    def find(self, tree: Any) -> tuple[str, Definition, tuple[str, ...]]:
        """Return the variable that a name with subscripts means, its definition and its elements."""
        found = self.defined(plain(tree.reference))
        if found is None:
            raise Refused([str(unknown("name", tree.reference, self.scope.spelling.values()))])
        scope, key = found
        elements, name = scope.definitions[key], scope.spelling[key]
        if not elements:
            raise Refused([f"{name!r}, which has no elements"])
        count = len(next(iter(elements)))
        subscripts = subscripts_of(tree)
        coordinates = (
            tuple(self.ranges.element(one, self.bound) for one in subscripts)
            if subscripts
            else self.implied(elements, count)
        )
        if len(coordinates) != count:
            raise Refused([f"{len(coordinates)} subscripts of {name!r}, which has {count}"])
        label = self.ranges.label(name, coordinates)
        if coordinates not in elements:
            raise Refused([f"{label!r}, which no equation defines"])
        return scope.label(label), elements[coordinates], coordinates

    def implied(self, elements: Iterable[tuple[str, ...]], count: int) -> tuple[str, ...]:
        """Return the elements an array has where it is named without subscripts: those of the left side."""
        own = list(self.coordinates)
        result: list[str] = []
        for place in range(count):
            inside = {one[place] for one in elements}
            fitting = [one for one in own if one in inside]
            if not fitting:
                raise Refused(["array without subscripts"])
            result.append(fitting[0])
            own.remove(fitting[0])
        return tuple(result)


def subscripts_of(tree: Any) -> tuple[str, ...]:
    """Return the subscripts of a name in PySD's syntax tree."""
    inside = getattr(tree, "subscripts", None)
    return tuple(inside.subscripts) if inside else ()


def _depth(expression: Expression) -> int:
    deepest, todo = 0, [(expression, 1)]
    while todo:
        one, depth = todo.pop()
        deepest = max(deepest, depth)
        todo += [(part, depth + 1) for part in children(one)]
    return deepest
