"""Arrays of Vensim as XMILE has them: whole ranges as dimensions, one equation for all elements or one for each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stockflow.language.definition import Definition, Parsed
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Call, Entries, Name, Refused, Tree, walk
from stockflow.language.vensim.equation import Left
from stockflow.names import plain


@dataclass(frozen=True, slots=True)
class Array:
    """All equations of one variable, and the ranges that it is an array over, by the names they have in the file."""

    name: str
    definitions: tuple[Definition, ...]
    dimensions: tuple[str, ...]
    refused: tuple[str, ...] = ()

    @property
    def first(self) -> Definition:
        """The definition with the texts of the variable."""
        return next((one for one in self.definitions if one.unit or one.documentation), self.definitions[0])


def arrays(parsed: Parsed, ranges: Ranges) -> dict[str, Array]:
    """Return all variables by compared name, in file order; what is no array of XMILE is refused in it."""
    families: dict[str, list[Definition]] = {}
    for one in parsed.definitions:
        families.setdefault(plain(one.name), []).append(one)
    return {key: _array(own, parsed, ranges) for key, own in families.items()}


def _array(own: Sequence[Definition], parsed: Parsed, ranges: Ranges) -> Array:
    name, count = own[0].name, len(own[0].subscripts)
    if not count:
        return Array(name, tuple(own), ())
    inside = [tuple(one) for definition in own for one in coordinates_of(definition, ranges)]
    spelled = {plain(one): one for one in parsed.ranges}
    found: list[str] = []
    for place in range(count):
        elements = {one[place] for one in inside}
        written = [plain(one.subscripts[place]) for one in own]
        fitting = (one for one in (*written, *spelled) if set(ranges.members.get(one, ())) == elements)
        dimension = next(fitting, None)
        if dimension is None:
            return Array(name, tuple(own), (), ("array over elements that are no range of their own",))
        found.append(spelled[dimension])
    if len(inside) < math.prod(len(ranges.choices(one)) for one in found):
        return Array(name, tuple(own), (), ("array of which elements are left out",))
    return Array(name, tuple(own), tuple(found))


def coordinates_of(one: Definition | Left, ranges: Ranges) -> Iterator[tuple[str, ...]]:
    """Return the elements that a definition or left side is for."""
    left_out = {
        each
        for exception in one.exceptions
        for each in itertools.product(*(ranges.choices(name) for name in exception))
    }
    all_of_them = itertools.product(*(ranges.choices(name) for name in one.subscripts))
    return (each for each in all_of_them if each not in left_out)


def one_for_all(array: Array, ranges: Ranges) -> bool:
    """Say whether one equation with the names of the dimensions says it for all elements."""
    one = array.definitions[0]
    own = {plain(name) for name in array.dimensions}
    if len(array.definitions) > 1 or one.exceptions or isinstance(one.tree, Entries) or one.tree is None:
        return False
    if tuple(map(plain, one.subscripts)) != tuple(map(plain, array.dimensions)):
        return False
    named = [tree for tree in walk(one.tree) if isinstance(tree, (Name, Call))]
    if not all(ranges.counts_alike(tree.name) for tree in named):
        return False
    used = {plain(name) for tree in named for name in tree.subscripts}
    return all(name.endswith("!") or name in own or name not in ranges.members for name in used)


def each_element(array: Array, ranges: Ranges) -> Iterator[tuple[tuple[str, ...], Definition, Tree, Mapping[str, str]]]:
    """Yield for every element: its subscripts, its definition, its right side, and what ranges stand for in it."""
    for one in array.definitions:
        for coordinates in coordinates_of(one, ranges):
            pairs = zip(map(plain, one.subscripts), coordinates, strict=True)
            bound = {name: element for name, element in pairs if name in ranges.members}
            tree = right_side(one)
            if isinstance(tree, Entries):
                tree = tree.values[ranges.row(one.subscripts, coordinates)[1]]
            yield tuple(ranges.spelling[each] for each in coordinates), one, tree, bound


def right_side(one: Definition) -> Tree:
    """Return the tree of a definition."""
    if one.tree is None:
        raise Refused(["equation that cannot be parsed"])
    return one.tree
