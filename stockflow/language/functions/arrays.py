"""Functions of whole arrays: sums and means, sorting, selecting, picking by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from stockflow.language import equations as eq
from stockflow.language.definition import Function
from stockflow.language.functions import vectors
from stockflow.language.functions.calls import column, everything, marked, rows
from stockflow.language.functions.memory import minus, over, plus, times
from stockflow.language.operations import MISSING
from stockflow.language.place import Place
from stockflow.language.scope import Scope
from stockflow.language.tree import Call, Name, Refused, Tree, subscripts_of
from stockflow.names import plain

_HALF = eq.Number(0.5)
_INVERTED = 12
MOST_LISTED = 1000


def values(reader: Place, tree: Tree) -> list[eq.Expression]:
    """Return all elements of an array, named alone or with the ranges over which they are taken.

    These are marked, or are ranges that the left side does not have.
    """
    if isinstance(tree, Name) and not tree.subscripts:
        return everything(reader, tree)
    if isinstance(tree, Name):
        free = reader.ranges.members.keys() - reader.bound.keys()
        tree = replace(tree, subscripts=tuple(f"{one}!" if plain(one) in free else one for one in tree.subscripts))
    return [row[0] for row in rows(reader, [tree])]


def listed(reader: Place, tree: Call) -> list[eq.Expression]:
    """Return the arguments of a call, of arrays with stars all elements, or all elements of the only one.

    Without subscripts, arrays among others are those of the left side, or all elements where that is no array.
    """
    one = tree.arguments[0]
    if len(tree.arguments) == 1 and isinstance(one, Name) and (one.subscripts or reader.defined(plain(one.name))):
        return values(reader, one)
    found: list[eq.Expression] = []
    for one in tree.arguments:
        if not reader.coordinates and isinstance(one, Name) and not one.subscripts and _is_array(reader, one.name):
            found += values(reader, one)
            continue
        free = marked([one], reader.translation.functions)
        found += [row[0] for row in rows(reader, [one])] if free else [reader.read(one)]
    return found


def _is_array(reader: Place, name: str) -> bool:
    found = None if plain(name) in reader.scope.arguments else reader.defined(plain(name))
    return found is not None and () not in found[0].definitions[found[1]]


def reduction(operator: str) -> Function:
    """A function that joins the elements over the ranges marked with `!`."""

    def make(reader: Place, tree: Call) -> eq.Expression:
        return vectors.joined(operator, [row[0] for row in rows(reader, tree.arguments)])

    return Function(1, 1, make, of_arrays=True)


def of_array(operator: str) -> Function:
    """A function that joins the elements of an array, whether marked or not."""

    def make(reader: Place, tree: Call) -> eq.Expression:
        return vectors.joined(operator, values(reader, tree.arguments[0]))

    return Function(1, 1, make, of_arrays=True)


def extreme(operator: str) -> Function:
    """MIN or MAX of XMILE: of some values, or of all elements of an array."""

    def make(reader: Place, tree: Call) -> eq.Expression:
        return vectors.joined(operator, listed(reader, tree))

    return Function(1, MOST_LISTED, make, of_arrays=True)


def size(reader: Place, tree: Call) -> eq.Expression:
    """SIZE: how many elements an array or a range has."""
    one = tree.arguments[0]
    if isinstance(one, Name) and reader.defined(plain(one.name)) is None and plain(one.name) in reader.ranges.members:
        return count(reader, tree)
    return eq.Number(float(len(values(reader, tree.arguments[0]))))


def mean(reader: Place, tree: Call) -> eq.Expression:
    """MEAN of some values, or of the elements of an array."""
    found = listed(reader, tree)
    return over(vectors.joined("+", found), eq.Number(float(len(found))))


def deviation(reader: Place, tree: Call) -> eq.Expression:
    """STDDEV: the root of the mean square distance of the elements of an array from their mean."""
    found = values(reader, tree.arguments[0])
    count = eq.Number(float(len(found)))
    middle = reader.keep("mean", over(vectors.joined("+", found), count))
    squares = [times(minus(one, middle), minus(one, middle)) for one in found]
    return eq.Operation("sqrt", (over(vectors.joined("+", squares), count),))


def _place(reader: Place, tree: Tree, what: str) -> tuple[Scope, str, list[tuple[str, ...]], int]:
    """Return where an array is defined and as what, all its elements in order, and the place of the one named."""
    found = reader.defined(plain(tree.name)) if isinstance(tree, Name) else None
    if found is None or not isinstance(tree, Name):
        raise Refused([f"{what} of what is no array"])
    scope, key = found
    here = tuple(reader.ranges.element(one, reader.bound) for one in tree.subscripts)
    if reader.translation.has_tables(scope, key):
        raise Refused([f"{what} of the lookup {tree.name!r}"])
    if here not in scope.definitions[key]:
        raise Refused([f"{what} with {len(here)} subscripts of {tree.name!r}"])
    order, places = reader.translation.in_order(scope, key)
    return scope, key, order, places[here]


def _named(reader: Place, scope: Scope, key: str, elements: Sequence[tuple[str, ...]]) -> list[eq.Expression]:
    reader.translation.spend(len(elements))
    return [reader.named(scope, key, one) for one in elements]


def element_map(reader: Place, tree: Call) -> eq.Expression:
    """VECTOR ELM MAP: the element that stands so many places behind the one named, in the order of the array."""
    scope, key, elements, here = _place(reader, tree.arguments[0], "VECTOR ELM MAP")
    index = plus(reader.read(tree.arguments[1]), eq.Number(float(here)))
    fixed = eq.number(index)
    if fixed is not None:
        place = round(fixed)
        return reader.named(scope, key, elements[place]) if 0 <= place < len(elements) else eq.Number(MISSING)
    whole = reader.keep("element", eq.Operation("integer", (plus(index, _HALF),)))
    return vectors.element(_named(reader, scope, key, elements), whole)


def vector_lookup(reader: Place, tree: Call) -> eq.Expression:
    """VECTOR LOOKUP: the elements along the last subscript as the y values of a table, evenly between two x values."""
    named, x, low, high, how = tree.arguments
    mode = reader.fixed(reader.read(how))
    if not isinstance(named, Name) or not named.subscripts or mode not in {0, 2, 3, 4}:
        raise Refused(["VECTOR LOOKUP with a mode other than 0, 2, 3 or 4"])
    scope, key, elements, here = _place(reader, named, "VECTOR LOOKUP")
    first = reader.ranges.element(named.subscripts[-1], reader.bound)
    inside = max((one for one in reader.ranges.members.values() if first in one), key=len, default=(first,))
    points = _named(reader, scope, key, elements[here : here + len(inside)])
    last = len(points) - 1
    if inside.index(first) or last < 1:
        raise Refused(["VECTOR LOOKUP of an array from another element than its first"])
    share = over(minus(reader.read(x), reader.read(low)), minus(reader.read(high), reader.read(low)))
    place = reader.keep("place", times(share, eq.Number(float(last))))
    inner = eq.Operation("min", (eq.Operation("max", (place, eq.Number(0.0))), eq.Number(float(last))))
    if mode == 2:
        return vectors.element(points, vectors.floor(inner))
    if mode == 4:
        return vectors.element(points, eq.Operation("negative", (vectors.floor(eq.Operation("negative", (inner,))),)))
    value = vectors.between(points, reader.keep("inner place", inner))
    if mode == 3:
        before = times(eq.Operation("min", (place, eq.Number(0.0))), minus(points[1], points[0]))
        beyond = eq.Operation("max", (minus(place, eq.Number(float(last))), eq.Number(0.0)))
        value = plus(value, plus(before, times(beyond, minus(points[-1], points[-2]))))
    return value


def count(reader: Place, tree: Call) -> eq.Expression:
    """ELMCOUNT: how many elements a range has."""
    one = tree.arguments[0]
    return eq.Number(float(len(reader.ranges.choices(one.name if isinstance(one, Name) else ""))))


def select(reader: Place, tree: Call, swapped: bool = False) -> eq.Expression:
    """VECTOR SELECT: one number from the elements that are selected; action 5 may have its powers `swapped`."""
    asked, error = reader.read(tree.arguments[3]), reader.fixed(reader.read(tree.arguments[4]))
    if error not in {0, 1, 2, 3}:
        raise Refused(["VECTOR SELECT with an error action that is not 0, 1, 2 or 3"])
    action = reader.fixed(asked)
    found = rows(reader, tree.arguments[:2])
    missing = reader.read(tree.arguments[2])
    selection, given = [row[0] for row in found], [row[1] for row in found]
    if action is not None:
        return vectors.select(selection, given, missing, int(action), int(error), swapped)
    reader.translation.spend(vectors.ACTIONS * len(found))
    every = [vectors.select(selection, given, missing, one, int(error), swapped) for one in range(vectors.ACTIONS)]
    return vectors.element(every, reader.keep("action", eq.Operation("integer", (asked,))))


def rank(reader: Place, tree: Call) -> eq.Expression:
    """VECTOR RANK: the place of this element among all."""
    values, place = column(reader, tree.arguments[0])
    return vectors.rank(values, place, reader.read(tree.arguments[1]))


def sort_order(reader: Place, tree: Call) -> eq.Expression:
    """VECTOR SORT ORDER: which element has the place of this one."""
    values, place = column(reader, tree.arguments[0])
    direction = reader.read(tree.arguments[1])
    ranks = reader.translation.once(
        ("ranks", tuple(values), direction),
        lambda: tuple(reader.keep("rank", vectors.rank(values, one, direction)) for one in range(len(values))),
    )
    return vectors.sort_order(ranks, place)


def reorder(reader: Place, tree: Call) -> eq.Expression:
    """VECTOR REORDER: the element of a number."""
    values, _ = column(reader, tree.arguments[0])
    return vectors.picked(values, reader.read(tree.arguments[1]))


def inverse(reader: Place, tree: Call) -> eq.Expression:
    """INVERT MATRIX: this element of the inverse."""
    matrix = tree.arguments[0]
    last = subscripts_of(matrix)[-2:]
    here = reader.coordinates[-2:]
    if len(last) != 2 or len(here) != 2:
        raise Refused(["INVERT MATRIX of what has not two subscripts"])
    down, across = (reader.ranges.choices(one) for one in last)
    if here[0] not in down or here[1] not in across:
        raise Refused(["INVERT MATRIX with other subscripts than on the left side"])
    if len(down) != len(across) or len(down) > _INVERTED:
        raise Refused([f"INVERT MATRIX of {len(down)} rows and {len(across)} columns (at most {_INVERTED}, square)"])
    entries = [
        [reader.within({plain(last[0]): row, plain(last[1]): one}, lambda: reader.read(matrix)) for one in across]
        for row in down
    ]
    made = reader.translation.once(
        ("inverse", tuple(map(tuple, entries))), lambda: vectors.inverse(partial(reader.keep, "inverse"), entries)
    )
    return made[down.index(here[0])][across.index(here[1])]
