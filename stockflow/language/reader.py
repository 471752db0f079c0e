"""One right side to one expression: names found, subscripts decided, functions handed on, hidden variables made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from stockflow.errors import InputError, unknown
from stockflow.language import allocation, calls, operators
from stockflow.language import equations as eq
from stockflow.language.definition import OPEN, Definition, Refused
from stockflow.language.scope import Scope, Translation
from stockflow.language.subscripts import Ranges, subscripts_of
from stockflow.names import plain

_DEEPEST = 150
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


@dataclass(slots=True, eq=False)
class Reader:
    """Reads the definition of one element of an array, or of a variable without subscripts, from PySD's syntax tree.

    `owner` is the variable of the file in whose name this happens, `name` the variable that gets the
    expression: another one only inside macros.
    """

    translation: Translation
    scope: Scope
    owner: str
    name: str
    definition: Definition
    coordinates: tuple[str, ...]
    ranges: Ranges = field(init=False)
    bound: Mapping[str, str] = field(init=False)
    refused: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.ranges = self.translation.ranges
        bound = zip(map(plain, self.definition.subscripts), self.coordinates, strict=True)
        self.bound = {name: element for name, element in bound if name in self.ranges.members}

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

    def refuse(self, what: str) -> eq.Expression:
        """Note what is not supported and go on."""
        self.refused.append(what)
        return eq.Number(0.0)

    def attempt(self, read: Callable[[], eq.Expression]) -> eq.Expression:
        """Read something, turning what is raised into what is noted."""
        try:
            return read()
        except Refused as error:
            self.refused += error.items
        except InputError as error:
            self.refused.append(str(error))
        return eq.Number(0.0)

    @property
    def step(self) -> eq.Expression:
        """The time step of the model."""
        return eq.Reference(self.translation.main.spelling.get("time step", "TIME STEP"))

    def keep(self, what: str, expression: eq.Expression) -> eq.Reference:
        """Make a hidden variable of this equation."""
        kept = self.promise(what)
        self.fulfil(kept, expression)
        return kept

    def promise(self, what: str) -> eq.Reference:
        """Take a new name for a hidden variable of this equation, which `fulfil` gives its expression later."""
        name, count = f"{self.name}~{what}", 1
        while name in self.translation.taken:
            count += 1
            name = f"{self.name}~{what} {count}"
        self.translation.taken.add(name)
        return eq.Reference(name)

    def fulfil(self, promised: eq.Reference, expression: eq.Expression) -> None:
        """Set the expression of a hidden variable."""
        line = self.definition.line
        hidden = eq.Variable(promised.name, "auxiliary", "", "", "", OPEN, expression, None, line, self.owner)
        self.translation.add(hidden)

    def within(self, bound: Mapping[str, str], read: Callable[[], eq.Expression]) -> eq.Expression:
        """Read something with ranges standing for other elements."""
        before = self.bound
        self.bound = {**before, **bound}
        try:
            return read()
        finally:
            self.bound = before

    def fixed(self, expression: eq.Expression) -> float | None:
        """Return a number, or that of a constant which is fixed by this; None for anything else."""
        main = self.translation.main
        if isinstance(expression, eq.Reference):
            self.translation.structural.add(expression.name)
            name, _, inside = expression.name.removesuffix("]").partition("[")
            coordinates = tuple(map(plain, inside.split(","))) if inside else ()
            definition = main.definitions.get(plain(name), {}).get(coordinates)
            if definition is None:
                return None
            expression = Reader(self.translation, main, self.owner, self.name, definition, coordinates).expression()
        return eq.number(expression)

    def named(self, scope: Scope, key: str, coordinates: tuple[str, ...]) -> eq.Reference:
        """Return the variable of a compared name for some elements; Refused if no equation defines it."""
        label = self.ranges.label(scope.spelling[key], coordinates)
        if coordinates not in scope.definitions[key]:
            raise Refused([f"{label!r}, which no equation defines"])
        return eq.Reference(scope.label(label))

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

    def find(self, tree: Any) -> tuple[str, Definition]:
        """Return the variable that a name with subscripts means, and its definition."""
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
        return self.named(scope, key, coordinates).name, elements[coordinates]

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


def _depth(expression: eq.Expression) -> int:
    deepest, todo = 0, [(expression, 1)]
    while todo:
        one, depth = todo.pop()
        deepest = max(deepest, depth)
        todo += [(part, depth + 1) for part in eq.children(one)]
    return deepest
