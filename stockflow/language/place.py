"""A place in a file where an expression is read: what names and subscripts mean there, and its hidden variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from stockflow.errors import InputError
from stockflow.language.at_time import Moment
from stockflow.language.curve import Table
from stockflow.language.definition import OPEN, Definition
from stockflow.language.equations import (
    Expression,
    Number,
    Operation,
    Reference,
    Time,
    Variable,
    WithLookup,
    kind,
    number,
)
from stockflow.language.operations import ARITHMETIC
from stockflow.language.scope import Scope, Translation
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Call, Name, Refused, Tree
from stockflow.names import plain

# references from constant to constant that are followed
_DEEPEST_FIXED = 20
# data made of data that are read for them
_DEEPEST_DATA = 40
#: what is said of parts inside each other that the stack is too small for
TOO_DEEP = "expression nested too deeply"


class TooDeep(RecursionError):
    """What stands inside each other too deeply for the whole right side in whose name it is read."""


@dataclass(slots=True, eq=False)
class Place(ABC):
    """The right side of one element's definition; what reads trees is in `stockflow.language.reader`.

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

    @abstractmethod
    def expression(self) -> Expression:
        """Return the whole right side; what is not supported is in `refused` then."""

    def refusing(self) -> Expression:
        """Return the whole right side; what stands too deeply in it is refused, unless data are read that need it."""
        try:
            return self.expression()
        except RecursionError as error:  # macros in macros, each of which is nested not too deeply
            if self.translation.reading:
                raise
            return self.refuse(str(error) if isinstance(error, TooDeep) else TOO_DEEP)

    @abstractmethod
    def read(self, tree: Tree) -> Expression:
        """Read any part of a right side."""

    def refuse(self, what: str) -> Expression:
        """Note what is not supported and go on."""
        self.refused.append(what)
        return Number(0.0)

    def attempt(self, read: Callable[[], Expression], line: int = 0) -> Expression:
        """Read something that stands in a line, turning what is raised into what is noted."""
        try:
            return read()
        except Refused as error:
            items = error.items
        except InputError as error:
            items = [str(error)]
        apart = f" at line {line}" if line and self.definition.line and line != self.definition.line else ""
        self.refused += [f"{item.removesuffix(',')}{apart}" if apart else item for item in items]
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
        """Take a new name for a hidden variable of this equation, which `fulfil` gives its expression later."""
        taken, first = self.translation.taken, f"{self.name}~{what}"
        name = first
        while taken[name]:
            taken[first] += 1
            name = f"{first} {taken[first]}"
        taken[name] += 1
        return Reference(name)

    def fulfil(self, promised: Reference, expression: Expression) -> None:
        """Set the expression of a hidden variable."""
        line = self.definition.line
        sort, value = kind(expression)
        self.translation.add(Variable(promised.name, sort, "", "", "", OPEN, expression, value, line, self.owner))

    def within(self, bound: Mapping[str, str], read: Callable[[], Expression]) -> Expression:
        """Read something with ranges standing for other elements."""
        before = self.bound
        self.bound = {**before, **bound}
        try:
            return read()
        finally:
            self.bound = before

    def definite(self, tree: Name, *, points: bool = False) -> Expression:
        """Return the expression of what a name means, which is fixed by this; of data, their mere `points`."""
        scope, key, coordinates = self._found(tree)
        name = self.named(scope, key, coordinates).name
        self.translation.structural.add(name)
        definition = scope.definitions[key][coordinates]
        if points and definition.data:
            definition = replace(definition, data="")
        other = type(self)(self.translation, scope, self.owner, name, definition, coordinates)
        return self.translation.once(("points" if points else "definite", name), other.expression)

    def fixed(self, expression: Expression, depth: int = 0) -> float | None:
        """Return the number that an expression of constants is, all of which are fixed by this; None for others."""
        if isinstance(expression, Operation) and expression.operator in ARITHMETIC:
            parts = [self.fixed(one, depth + 1) for one in expression.arguments]
            if any(one is None for one in parts) or depth > _DEEPEST_FIXED:
                return None
            return number(Operation(expression.operator, tuple(Number(one) for one in parts if one is not None)))
        if isinstance(expression, Reference) and depth <= _DEEPEST_FIXED:
            meaning = self.meaning(expression.name)
            return None if meaning is None else self.fixed(meaning, depth + 1)
        return number(expression)

    def meaning(self, name: str) -> Expression | None:
        """Return the expression of a variable of the model, which is fixed by this; None for another name."""
        self.translation.structural.add(name)
        found = self._of_model(name)
        if found is None:
            return None
        return self.translation.once(("definite", name), self._elsewhere(name, *found).expression)

    def points(self, name: str) -> Table | None:
        """Return the points of a data variable of the model, which are fixed by this; None for another name."""
        found = self._of_model(name)
        if found is None or found[0].data is None:
            return None
        self.translation.structural.add(name)
        definition = replace(found[0], data="")
        made = self.translation.once(("points", name), partial(self._read_points, name, definition, found[1]))
        return made.table if isinstance(made, WithLookup) and isinstance(made.argument, Time) else None

    def _read_points(self, name: str, definition: Definition, coordinates: tuple[str, ...]) -> Expression:
        reading, refused = self.translation.reading, self.translation.too_deep
        if name in reading or name in refused or len(reading) >= _DEEPEST_DATA:
            refused.update(reading)
            raise TooDeep(f"data made of data more than {_DEEPEST_DATA} deep, or of themselves,")
        reading[name] = None
        try:
            return self._elsewhere(name, definition, coordinates).expression()
        finally:
            del reading[name]

    def _of_model(self, name: str) -> tuple[Definition, tuple[str, ...]] | None:
        """Return the definition of a variable of the model, and the elements that are meant."""
        array, _, inside = name.removesuffix("]").partition("[")
        coordinates = tuple(map(plain, inside.split(","))) if inside else ()
        definition = self.translation.main.definitions.get(plain(array), {}).get(coordinates)
        return None if definition is None else (definition, coordinates)

    def _elsewhere(self, name: str, definition: Definition, coordinates: tuple[str, ...]) -> Place:
        """Return the place of another variable of the model."""
        return type(self)(self.translation, self.translation.main, self.owner, name, definition, coordinates)

    def at_start(self, expression: Expression) -> float | None:
        """Return the number that an expression of time and constants is at the initial time, None for others."""
        start = Reference(self.translation.main.spelling.get("initial time", "INITIAL TIME"))
        time, step = self.fixed(start), self.fixed(self.step)
        return None if time is None or step is None else Moment(time, step, self.meaning).value(expression)

    def named(self, scope: Scope, key: str, coordinates: tuple[str, ...]) -> Reference:
        """Return the variable of a compared name for some elements; Refused if no equation defines it."""
        if coordinates not in scope.definitions[key]:
            label = self.ranges.label(scope.spelling[key], coordinates)
            raise Refused([f"{label!r}, which no equation defines"])
        return Reference(self.translation.name(scope, key, coordinates))

    def _bare(self, key: str) -> str:
        """Take off the $ with which a macro marks names of the model around it."""
        return key.removesuffix("$") if self.scope.prefix else key

    def defined(self, key: str) -> tuple[Scope, str] | None:
        """Return where a compared name is defined, and as what, or None."""
        if key in self.scope.definitions:  # as nearly all names
            return self.scope, key
        for scope in (self.scope, self.translation.main):
            for one in (key, self._bare(key), self.translation.aliases.get(key, key)):
                if one in scope.definitions:
                    return scope, one
        return None

    def find(self, tree: Name | Call) -> tuple[str, Definition]:
        """Return the variable that a name with subscripts means, and its definition."""
        scope, key, coordinates = self._found(tree)
        return self.translation.name(scope, key, coordinates), scope.definitions[key][coordinates]

    def _found(self, tree: Name | Call) -> tuple[Scope, str, tuple[str, ...]]:
        """Return where a name is defined, as what, and the elements that are meant."""
        found = self.defined(plain(tree.name))
        if found is None:
            raise self.ranges.unknown("name", tree.name, self.scope.spelling)
        scope, key = found
        elements, name = scope.definitions[key], scope.spelling[key]
        if not elements:
            raise Refused([f"{name!r}, which has no elements"])
        count = len(next(iter(elements)))
        subscripts, own = tree.subscripts, self.translation.arrays.get(key, ())
        if len(own) == len(subscripts):
            subscripts = tuple(map(self.ranges.numbered, own, subscripts))
        coordinates = (
            tuple([self.bound.get(plain(one)) or self.ranges.element(one, self.bound) for one in subscripts])
            if subscripts
            else self.implied(scope, key, count)
        )
        if len(coordinates) != count:
            raise Refused([f"{len(coordinates)} subscripts of {name!r}, which has {count}"])
        if coordinates not in elements:
            self.named(scope, key, coordinates)
        return scope, key, coordinates

    def implied(self, scope: Scope, key: str, count: int) -> tuple[str, ...]:
        """Return the elements an array has where it is named without subscripts: those of the left side."""
        along = self.translation.along
        if not self.coordinates and not count:
            return ()
        mine = along(self.scope, plain(self.definition.name), len(self.coordinates))
        own = [(names, one) for (names, _), one in zip(mine, self.coordinates, strict=True)]
        result: list[str] = []
        for names, inside in along(scope, key, count):
            # of ranges that share elements, as those with numbers do, the one of the same name is meant
            fitting = sorted((one for one in own if one[1] in inside), key=lambda one: names.isdisjoint(one[0]))
            if not fitting:
                raise Refused(["array without subscripts"])
            result.append(fitting[0][1])
            own.remove(fitting[0])
        return tuple(result)
