"""One equation of a model file as its reader hands it on, before arrays are taken apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stockflow.language.tree import Refused, Tree
from stockflow.names import plain

if TYPE_CHECKING:
    from stockflow.language.equations import Expression

#: bounds of a variable, None where it has none
Limits = tuple[float | None, float | None]
OPEN: Limits = (None, None)
#: of all ranges together
MOST_ELEMENTS = 1_000_000


class TooLarge(Exception):
    """The model has more parts than can be written out; reading ends here."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The equation of a variable, or of some elements of an array.

    `subscripts` are names of ranges or elements, `exceptions` such lists that are left out; `tree` is
    the right side, None where it cannot be read.  `data` is the keyword that says how values between
    data points are found, empty for data without one.
    """

    name: str
    subscripts: tuple[str, ...]
    exceptions: tuple[tuple[str, ...], ...]
    tree: Tree | None
    unit: str = ""
    documentation: str = ""
    group: str = ""
    limits: Limits = OPEN
    line: int = 0
    lookup: bool = False
    data: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Macro:
    """Equations with open parameters; `name` is also the variable whose value it gives.

    `outputs` are further variables of which each use gives the values, too.
    """

    name: str
    parameters: tuple[str, ...]
    definitions: tuple[Definition, ...]
    line: int = 0
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a dialect: how many arguments it takes, and what makes its expression of a place and a call.

    The expression of one with a `part` may only be the whole of a variable: inside another it stands in a hidden one
    of that name.  One of arrays (`of_arrays`) runs over the subscripts that are marked in its arguments.
    """

    least: int
    most: int
    make: Callable[..., Expression]
    part: str = ""
    of_arrays: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A range whose elements stand in a file: between two cells of a sheet, with a prefix before each."""

    file: str
    tab: str
    first: str
    last: str
    prefix: str


@dataclass(slots=True)
class Parsed:
    """What the entries of a file define."""

    definitions: list[Definition] = field(default_factory=list)
    macros: dict[str, Macro] = field(default_factory=dict)
    ranges: dict[str, Sequence[str]] = field(default_factory=dict)
    mappings: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    #: ranges of arrays by compared name, where a file tells them apart from their equations
    arrays: Mapping[str, Sequence[str]] = field(default_factory=dict)
    imported: list[tuple[str, Listed]] = field(default_factory=list)
    #: what is read otherwise than the file asks
    notes: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _size: int = 0

    def add_range(self, name: str, elements: Sequence[str]) -> None:
        """Enter a range; Refused if another one has that name; TooLarge if all have too many elements."""
        if plain(name) in self._known:
            if list(self.ranges.get(name, ())) == list(elements):
                return
            raise Refused([f"second definition of the range {name!r}"])
        self._size += len(elements)
        if self._size > MOST_ELEMENTS:
            raise TooLarge(f"ranges of more than {MOST_ELEMENTS} elements together, up to the range {name!r}")
        self._known.add(plain(name))
        self.ranges[name] = elements

    def add_macro(self, macro: Macro) -> None:
        """Enter a macro; Refused if there is one of that name."""
        if plain(macro.name) in self.macros:
            raise Refused([f"second definition of the macro {macro.name!r} (line {macro.line})"])
        self.macros[plain(macro.name)] = macro
