"""Definitions to variables: arrays become one variable per element, functions that remember become stocks.

What one equation needs beside its own variable stands in hidden variables, named after it.  All that
is not supported is collected, with variable and line, before anything is refused.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from stockflow.language.definition import Definition, Macro, Refused, TooLarge
from stockflow.language.equations import Variable, number
from stockflow.language.external import External
from stockflow.language.reader import Reader, Scope
from stockflow.language.subscripts import Ranges
from stockflow.names import plain

_MOST_VARIABLES = 100_000
_MOST_PARTS = 1_000_000


class Translation:
    """Turns the definitions of one file into variables; `aliases` are other names of some."""

    def __init__(
        self,
        ranges: Ranges,
        external: External,
        macros: Iterable[Macro] = (),
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.ranges = ranges
        self.external = external
        self.macros = {plain(macro.name): macro for macro in macros}
        self.aliases = aliases
        self.main = Scope()
        self.variables: dict[str, Variable] = {}
        self.taken: set[str] = set()
        self.refused: list[str] = []
        self.structural: set[str] = set()
        self.parts = 0

    def variables_of(self, definitions: Sequence[Definition]) -> dict[str, Variable]:
        """Return all variables; what cannot be read is in `refused` then."""
        for one in definitions:
            self.refuse(self.define(self.main, one), one)
        for key, elements in self.main.definitions.items():
            for coordinates, one in elements.items():
                name = self.ranges.label(self.main.spelling[key], coordinates)
                reader = Reader(self, self.main, name, name, one, coordinates)
                expression = reader.expression()
                self.refuse(reader.refused, one)
                texts = (one.unit, one.documentation, one.group, one.limits)
                self.add(Variable(name, "auxiliary", *texts, expression, number(expression), one.line))
        return self.variables

    def refuse(self, items: Iterable[str], one: Definition) -> None:
        """Note what is not supported in a definition, each item once."""
        place = f" (line {one.line})" if one.line else ""
        for item in (*one.problems, *items):
            text = f"{item} in {one.name!r}{place}"
            if text not in self.refused:
                self.refused.append(text)

    def define(self, scope: Scope, one: Definition) -> list[str]:
        """Enter a definition for each of its elements; return what is wrong with it."""
        key = plain(one.name)
        if key == "time":
            return ["definition of Time, which is built in,"]
        scope.spelling.setdefault(key, one.name)
        elements = scope.definitions.setdefault(key, {})
        try:
            choices = [self.ranges.choices(subscript) for subscript in one.subscripts]
            if math.prod(map(len, choices)) > _MOST_VARIABLES:
                return [f"array of more than {_MOST_VARIABLES} elements"]
            left_out = {
                coordinates
                for exception in one.exceptions
                for coordinates in itertools.product(*map(self.ranges.choices, exception))
            }
        except Refused as error:
            return error.items
        if any(len(other) != len(choices) for other in (*elements, *left_out)):
            return ["another number of subscripts"]
        wanted = [one for one in itertools.product(*choices) if one not in left_out]
        twice = next((coordinates for coordinates in wanted if coordinates in elements), None)
        elements.update((coordinates, one) for coordinates in wanted if coordinates not in elements)
        return [] if twice is None else [f"second definition of {self.ranges.label(one.name, twice)!r}"]

    def add(self, one: Variable) -> None:
        """Enter a variable; TooLarge if there are too many."""
        self.variables[one.name] = one
        if len(self.variables) > _MOST_VARIABLES:
            raise TooLarge(f"more than {_MOST_VARIABLES} variables, counting array elements and parts of functions")

    def spend(self, count: int = 1) -> None:
        """Count parts of expressions; TooLarge if there are too many."""
        self.parts += count
        if self.parts > _MOST_PARTS:
            raise TooLarge(f"more than {_MOST_PARTS} operations, counting array elements")
