"""Syntax trees of equations as they are written, before names and subscripts mean anything.

Both dialects give these nodes.  Operators are those of `operations.ARGUMENTS`; names are as they are spelled.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stockflow.errors import InputError
from stockflow.language.curve import Table


class Refused(Exception):
    """What in one equation is not supported, item by item."""

    def __init__(self, items: list[str]) -> None:
        super().__init__("; ".join(items))
        self.items = items


@dataclass(frozen=True, slots=True)
class Literal:
    """A number; what is missing (`:NA:`) is one, too."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text between single quotes, which names a file or a place in one."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name with its subscripts; one that ends with `!` runs over all elements of its range.

    `line` is where it stands in the file, as with a call.
    """

    name: str
    subscripts: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Prefix:
    """An operator before its one operand: `negative` or `not`."""

    operator: str
    argument: Tree


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands of one precedence in a row, with the operators between them."""

    operators: tuple[str, ...]
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function, macro or table of a name with arguments in parentheses.

    `outputs` are the variables that a macro's further results become.
    """

    name: str
    arguments: tuple[Tree, ...]
    subscripts: tuple[str, ...] = ()
    outputs: tuple[Name, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Output:
    """A further result of a macro, by its place: the equation of a variable that a call names."""

    call: Call
    place: int


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a table, sorted by x; what makes them no table is found when it is read."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    kind: str = "hold"

    def table(self) -> Table:
        """Return the table; Refused for points that are none.

        Of points at one x the first holds there and the last just beyond: what lies between them is a vertical step.
        """
        places: dict[float, list[float]] = {}
        for x, y in zip(self.xs, self.ys, strict=True):
            places.setdefault(x, []).append(y)
        if len(places) == 1 < len(self.xs):
            raise Refused([f"table of several points at one x, {self.xs[0]:.15g},"])
        points = [
            point
            for x, ys in places.items()
            for point in ([(x, ys[0])] if len(set(ys)) == 1 else [(x, ys[0]), (self._beyond(x), ys[-1])])
        ]
        try:
            return Table(tuple(x for x, _ in points), tuple(y for _, y in points), self.kind)  # type: ignore[arg-type]
        except InputError as error:
            raise Refused([f"table ({error})"]) from error

    def _beyond(self, x: float) -> float:
        """Return what is just beyond an x: the slope of a step must be a number there, near 0 too."""
        return max(math.nextafter(x, math.inf), x + (self.xs[-1] - self.xs[0]) * sys.float_info.epsilon)


@dataclass(frozen=True, slots=True)
class WithTable:
    """A table of its own at an argument: WITH LOOKUP, or a graphical function beside an equation."""

    argument: Tree
    points: Points


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock written as its flows, in XMILE; `floored` ones do not fall below 0.

    `holder` says how a conveyor, queue or oven lets its flows in and out.
    """

    inflows: tuple[Tree, ...]
    outflows: tuple[Tree, ...]
    initial: Tree
    floored: bool = False
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A conveyor, queue or oven, as its `kind` says, and what is in it, `stock`.

    `inflows` are what comes in, of which other conveyors and ovens decide on those of the compared names `driven`;
    `settings` are its parts by their tags, and `marks` those that are set.  `leaks` are the fractions of its outflows
    that leak, None for others, and `zones` the parts of its length in which they do, from its entry.  `before` is what
    takes from a queue and may hold it back, and `overflow` the place of the outflow that takes what is held back.
    """

    kind: str
    stock: Name
    inflows: tuple[Tree, ...]
    outflows: tuple[Name, ...]
    settings: Mapping[str, Tree] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    leaks: tuple[Tree | None, ...] = ()
    zones: tuple[tuple[float, float], ...] = ()
    driven: frozenset[str] = frozenset()
    before: Holder | None = None
    overflow: int | None = None


@dataclass(frozen=True, slots=True)
class LetIn:
    """What a conveyor or oven lets in of what a flow asks for, which is its inflow at a place."""

    holder: Holder
    place: int
    asked: Tree


@dataclass(frozen=True, slots=True)
class LetOut:
    """What a conveyor, queue or oven lets out through its outflow at a place."""

    holder: Holder
    place: int


@dataclass(frozen=True, slots=True)
class Entries:
    """The elements of an array one by one, in the order of its subscripts."""

    values: tuple[Tree, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Data that the file names and another file holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A part that stands in many places and is worked out once, as a hidden variable of that name."""

    name: str
    tree: Tree


Tree = (
    Literal
    | Text
    | Name
    | Prefix
    | Chain
    | Call
    | Output
    | Points
    | WithTable
    | Stock
    | LetIn
    | LetOut
    | Entries
    | Unfilled
    | Kept
)


#: stands where a subscript is a number that is computed
COMPUTED = "?"
#: the call of a name with such subscripts: what those outside are, the name, and the numbers
INDEXED = "[expression]"


def children(tree: Tree) -> tuple[Tree, ...]:
    """Return the direct parts of a tree."""
    match tree:
        case Chain(_, arguments) | Call(_, arguments) | Entries(arguments):
            return arguments
        case Output(call):
            return (call,)
        case Prefix(_, argument):
            return (argument,)
        case WithTable(argument, points):
            return (argument, points)
        case Stock(inflows, outflows, initial):
            return (*inflows, *outflows, initial)
        case LetIn(holder, _, asked):
            return (asked, *_read_by(holder))
        case LetOut(holder):
            return _read_by(holder)
        case _:
            return ()


def _read_by(holder: Holder) -> tuple[Tree, ...]:
    """Return what the flows of a conveyor, queue or oven are made of, beside what was asked of them."""
    parts = (holder.stock, *holder.settings.values(), *(one for one in holder.leaks if one is not None))
    return (*parts, *holder.inflows, *(_read_by(holder.before) if holder.before else ()))


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield a tree and all its parts, in the order in which they are written."""
    todo = [tree]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(reversed(children(one)))


def with_marks(ranges: Sequence[str]) -> tuple[str, ...]:
    """Return ranges with marks, over each of which something runs on its own, also where one stands twice."""
    return tuple(f"{one}{'!' * (1 + ranges[:place].count(one))}" for place, one in enumerate(ranges))


def subscripts_of(tree: Tree) -> tuple[str, ...]:
    """Return the subscripts of a name, nothing for all else."""
    return tree.subscripts if isinstance(tree, Name) else ()
