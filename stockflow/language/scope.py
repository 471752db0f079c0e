"""What is known while a file is read: definitions by name and element, variables made, what is not supported.

Arrays become one variable per element; what one equation needs beside its own variable stands in hidden variables,
named after it.  All that is not supported is collected, with variable and line, before anything is refused.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stockflow.language.definition import Definition, Function, Macro, TooLarge
from stockflow.language.equations import Expression, Variable
from stockflow.language.external import External
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Entries, Name, Refused, walk
from stockflow.names import plain

_MOST_VARIABLES = 400_000
# operations as they are written, and what sums, functions and macros make of them beyond that
_MOST_PARTS = 2_500_000
_MOST_MADE = 3_000_000
# letters of a name that take as much memory as an operation
_LETTERS = 64
Made = TypeVar("Made")


@dataclass(slots=True)
class Scope:
    """Where names are looked up: the model, or one use of a macro.

    `definitions` are by compared name and elements, as are the `names` of variables that were asked for; `arguments`
    are a macro's, `prefix` comes before the names of what the macro defines, and `depth` counts the macros around it.
    """

    definitions: dict[str, dict[tuple[str, ...], Definition]] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)
    names: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)
    arguments: Mapping[str, Expression] = field(default_factory=dict)
    prefix: str = ""
    depth: int = 0

    def label(self, name: str) -> str:
        """Return the full name of what is defined here."""
        return f"{self.prefix}~{name}" if self.prefix else name


@dataclass(slots=True)
class Translation:
    """Turns the definitions of one file into variables.

    `functions` are those of its dialect, `macros` its own, both by compared name; `aliases` are names of variables, and
    `arrays` the ranges of those whose file tells them apart from their equations.
    """

    ranges: Ranges
    external: External
    functions: Mapping[str, Function]
    macros: Mapping[str, Macro]
    aliases: Mapping[str, str]
    arrays: Mapping[str, Sequence[str]] = field(default_factory=dict)
    main: Scope = field(default_factory=Scope)
    variables: dict[str, Variable] = field(default_factory=dict)
    # how often a name of a hidden variable was asked for
    taken: Counter[str] = field(default_factory=Counter)
    refused: dict[str, None] = field(default_factory=dict)
    # what is read otherwise than the file asks
    notes: dict[str, None] = field(default_factory=dict)
    structural: set[str] = field(default_factory=set)
    # what several elements of an array read, by what it is made of
    known: dict[Hashable, Any] = field(default_factory=dict)
    # data whose points are being read, and those for which that is too deep
    reading: dict[str, None] = field(default_factory=dict)
    too_deep: set[str] = field(default_factory=set)
    elements: int = 0
    foreseen: int = 0
    parts: int = 0

    def refuse(self, items: Iterable[str], one: Definition) -> None:
        """Note what is not supported in a definition, each item once."""
        place = f" (line {one.line})" if one.line else ""
        for item in (*one.problems, *items):
            self.refused[f"{item} in {one.name!r}{place}"] = None

    def define(self, scope: Scope, one: Definition) -> list[str]:
        """Enter a definition for each of its elements; return what is wrong with it."""
        key = plain(one.name)
        if key == "time":
            return ["definition of Time, which is built in,"]
        scope.spelling.setdefault(key, one.name)
        elements = scope.definitions.setdefault(key, {})
        try:
            choices = [self.ranges.choices(subscript) for subscript in one.subscripts]
            left_out: set[tuple[str, ...]] = set()
            for exception in one.exceptions:
                excepted = [self.ranges.choices(subscript) for subscript in exception]
                self.foresee(math.prod(map(len, excepted)))
                left_out.update(itertools.product(*excepted))
        except Refused as error:
            return error.items
        count = math.prod(map(len, choices))
        if count > _MOST_VARIABLES:
            return [f"array of more than {_MOST_VARIABLES} elements"]
        if scope is self.main:
            self.foresee(count * self.size(one, choices))
        else:  # written once, however often it is used; a use takes as much again
            self.spend(2 * count * self.size(one, choices))
        if any(len(other) != len(choices) for other in (*itertools.islice(elements, 1), *one.exceptions)):
            return ["another number of subscripts"]
        wanted = [one for one in itertools.product(*choices) if one not in left_out]
        self.elements += len(wanted)
        self.check(self.elements)
        twice = next((coordinates for coordinates in wanted if coordinates in elements), None)
        elements.update((coordinates, one) for coordinates in wanted if coordinates not in elements)
        return [] if twice is None else [f"second definition of {self.ranges.label(one.name, twice)!r}"]

    def along(self, scope: Scope, key: str, count: int) -> list[tuple[set[str], set[str]]]:
        """Return, for each subscript of an array, what it is called and its elements; all of it must be defined."""

        def found() -> list[tuple[set[str], set[str]]]:
            elements = scope.definitions[key]
            given = () if scope.prefix else self.arrays.get(key, ())
            lefts = {tuple(given)} if len(given) == count else {one.subscripts for one in elements.values()}
            return [({plain(one[at]) for one in lefts}, {one[at] for one in elements}) for at in range(count)]

        return self.once(("along", scope.prefix, key), found)

    def in_order(self, scope: Scope, key: str) -> tuple[list[tuple[str, ...]], dict[tuple[str, ...], int]]:
        """Return the elements of an array in the order of its ranges, and the place of each; all must be defined."""

        def found() -> tuple[list[tuple[str, ...]], dict[tuple[str, ...], int]]:
            order = sorted(scope.definitions[key], key=lambda one: [self.ranges.rank(each) for each in one])
            return order, {one: at for at, one in enumerate(order)}

        return self.once(("in order", scope.prefix, key), found)

    def name(self, scope: Scope, key: str, coordinates: tuple[str, ...]) -> str:
        """Return the full name of a variable, one text wherever it is read, by its compared name and elements."""
        if not coordinates:
            return scope.label(scope.spelling[key])
        made = scope.names.setdefault(key, {})
        found = made.get(coordinates)
        if found is None:
            found = made[coordinates] = scope.label(self.ranges.label(scope.spelling[key], coordinates))
        return found

    def add(self, one: Variable) -> None:
        """Enter a variable; TooLarge if there are too many."""
        self.variables[one.name] = one
        self.check(len(self.variables))

    def check(self, count: int) -> None:
        """Raise TooLarge for so many variables if they are too many."""
        if count > _MOST_VARIABLES:
            raise TooLarge(f"more than {_MOST_VARIABLES} variables, counting array elements and parts of functions")

    def has_tables(self, scope: Scope, key: str) -> bool:
        """Say whether elements of an array are tables."""
        found = scope.definitions[key]
        return self.once(("tables", scope.prefix, key), lambda: any(one.lookup for one in found.values()))

    def once(self, made_of: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is made of something, made here if no element made it before."""
        if made_of not in self.known:
            self.known[made_of] = make()
        made: Made = self.known[made_of]
        return made

    def size(self, one: Definition, choices: Sequence[Sequence[str]]) -> int:
        """Return about how many operations a definition is for each element; long names count as several."""
        inside = sum(max(len(self.ranges.spelling[name]) for name in each) for each in choices if each)
        # of a list only one entry belongs to an element
        parts = [] if one.tree is None or isinstance(one.tree, Entries) else list(walk(one.tree))
        names = [part for part in parts if isinstance(part, Name)]
        long = sum((len(name) + inside) // _LETTERS for name in (one.name, *(part.name for part in names)))
        return 1 + len(parts) + long + sum(map(self.repeated, names))

    def repeated(self, name: Name) -> int:
        """Return how many operations a name makes beside one, where it runs over all elements of ranges."""
        marked = [plain(one).rstrip("!") for one in name.subscripts if one.endswith("!")]
        return 2 * math.prod(len(self.ranges.members.get(one, ())) for one in marked) if marked else 0

    def foresee(self, count: int) -> None:
        """Count operations that are written; TooLarge if there are too many, before any of them is read."""
        self.foreseen += count
        if self.foreseen > _MOST_PARTS:
            raise TooLarge(f"more than {_MOST_PARTS} operations, counting array elements")

    def spend(self, count: int = 1) -> None:
        """Count parts of expressions; TooLarge if there are many more than are written."""
        self.parts += count
        if self.parts > self.foreseen + _MOST_MADE:
            raise TooLarge(f"more than {_MOST_MADE} operations that sums, functions and macros are made of")
