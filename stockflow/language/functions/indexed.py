"""Elements of arrays by a number that is computed, as XMILE has them: `m[range - 1]`, `m[INT(x)]`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from stockflow.language import equations as eq
from stockflow.language.functions import vectors
from stockflow.language.place import Place
from stockflow.language.tree import COMPUTED, Call, Literal, Name, Refused, Tree, subscripts_of
from stockflow.names import plain

# operations of each element of which one is chosen
_PARTS = 8
_NEAR = 1e-6  # how far from a whole number an index may be, as sums of time steps are


def is_one(tree: Call) -> bool:
    """Say whether a call of this name is an element by its place, and none that a file writes in quotes."""
    return len(tree.arguments) > 2 and COMPUTED in subscripts_of(tree.arguments[1])


def element(reader: Place, tree: Call) -> eq.Expression:
    """The element of a name at some places, from 1, which are read; the first argument is what others are.

    An index that is no whole number gives no number.
    """
    outside, named, *indices = tree.arguments
    if not isinstance(named, Name) or named.subscripts.count(COMPUTED) != len(indices):  # a name with quotes
        raise Refused(["index of what is no array"])
    named = own(reader, named)
    found = reader.defined(plain(named.name))
    if found is None:
        raise reader.ranges.unknown("name", named.name, reader.scope.spelling)
    ranges = reader.translation.arrays.get(found[1], ())
    if len(ranges) != len(named.subscripts):
        raise Refused([f"{len(named.subscripts)} subscripts of {named.name!r}, which has {len(ranges)}"])
    places = [at for at, one in enumerate(named.subscripts) if one == COMPUTED]
    choices = {at: reader.ranges.choices(ranges[at]) for at in places}
    asked = {at: _index(reader, one) for at, one in zip(places, indices, strict=True)}
    other = eq.Number(outside.value if isinstance(outside, Literal) else 0.0)
    return _among(reader, named, other, choices, asked)


def own(reader: Place, tree: Name) -> Name:
    """Return a name with subscripts, which may be SELF: the variable whose equation it stands in."""
    is_self = plain(tree.name) == "self" and reader.defined("self") is None
    return Name(reader.definition.name, tree.subscripts, tree.line) if is_self else tree


def _index(reader: Place, tree: Tree) -> eq.Expression:
    """Return an index; a name that is neither a subscript nor a variable is told as the former."""
    if isinstance(tree, Name) and not tree.subscripts and not _known(reader, tree.name):
        raise reader.ranges.unknown("subscript", tree.name, reader.ranges.spelling)
    index = reader.read(tree)
    return index if eq.number(index) is not None else reader.keep("index", index)


def _known(reader: Place, name: str) -> bool:
    key = plain(name)
    own = key in reader.scope.arguments or key in reader.translation.functions or key == "time"
    return own or reader.defined(key) is not None or reader.ranges.known(key)


def _among(
    reader: Place,
    named: Name,
    outside: eq.Expression,
    choices: Mapping[int, Sequence[str]],
    asked: Mapping[int, eq.Expression],
) -> eq.Expression:
    """Return the element at the places that are asked for, one after the other."""
    if not asked:
        return reader.read(named)
    (place, index), *others = asked.items()

    def inside(one: str) -> eq.Expression:
        subscripts = (*named.subscripts[:place], one, *named.subscripts[place + 1 :])
        return _among(reader, Name(named.name, subscripts, named.line), outside, choices, dict(others))

    elements, fixed = choices[place], eq.number(index)
    if fixed is not None:
        at = round(fixed) if math.isfinite(fixed) else 0
        if not abs(fixed - at) <= _NEAR:
            raise Refused([f"index {fixed:.15g} of {named.name!r}, no whole number,"])
        return inside(elements[at - 1]) if 1 <= at <= len(elements) else outside
    reader.translation.spend(_PARTS * len(elements))
    whole = vectors.floor(eq.Operation("+", (index, eq.Number(0.5))))
    apart = eq.Operation("abs", (eq.Operation("-", (index, whole)),))
    before = eq.Operation("<", (whole, eq.Number(1.0)))
    after = eq.Operation(">", (whole, eq.Number(float(len(elements)))))
    kept = [
        vectors.choice(eq.Operation("=", (whole, eq.Number(float(at)))), inside(one), eq.Number(0.0))
        for at, one in enumerate(elements, 1)
    ]
    value = vectors.choice(eq.Operation("or", (before, after)), outside, vectors.joined("+", kept))
    # what is no number is near none
    return vectors.choice(eq.Operation("<=", (apart, eq.Number(_NEAR))), value, eq.Number(math.nan))
