"""Functions of a table by its name, read in other ways than between its points, and of data at any time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from stockflow.errors import InputError
from stockflow.language import equations as eq
from stockflow.language.curve import Table
from stockflow.language.functions import calls, memory, vectors
from stockflow.language.operations import MISSING
from stockflow.language.place import Place
from stockflow.language.tree import Call, Name, Refused, Tree
from stockflow.names import plain


def call(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP of XMILE: a graphical function by its name, at an argument; or, as converters write, a function by its."""
    named, argument = tree.arguments
    if not isinstance(named, Name):
        raise Refused(["LOOKUP of what is no graphical function"])
    if not reader.defined(plain(named.name)) and plain(named.name) in reader.translation.functions:
        return calls.call(reader, Call(named.name, (argument,)))
    name, definition = reader.find(named)
    if not definition.lookup:
        raise Refused([f"LOOKUP of {name!r}, which is no graphical function"])
    return eq.LookupCall(name, reader.read(argument))


def extrapolated(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP EXTRAPOLATE: beyond its ends a table goes on in their direction."""
    return _with(reader, tree, lambda table: replace(table, kind="extrapolate"))


def backward(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP BACKWARD: the value of the last point at or before the argument."""
    return _with(reader, tree, lambda table: replace(table, kind="steps"))


def forward(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP FORWARD: the value of the next point at or after the argument."""
    return _with(reader, tree, Table.forward)


def inverted(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP INVERT: the first x at which a table that only rises, or only falls, has a value."""
    return _with(reader, tree, _inverse)


def _inverse(table: Table) -> Table:
    points = list(zip(table.ys, table.xs, strict=True))
    if points[0][0] > points[-1][0]:
        points.reverse()
        points = [one for one, after in zip(points, [*points[1:], (math.inf, 0.0)], strict=True) if one[0] != after[0]]
    else:
        points = [one for one, before in zip(points, [(-math.inf, 0.0), *points], strict=False) if one[0] != before[0]]
    try:
        return Table(tuple(y for y, _ in points), tuple(x for _, x in points))
    except InputError as error:
        raise Refused(["LOOKUP INVERT of a table that neither only rises nor only falls"]) from error


def area(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP AREA: what lies below a table from one x to another; beyond its ends it holds its end values."""
    table = named_table(reader, tree.arguments[0])
    parts = reader.translation.once(("area", id(table)), lambda: _areas(table))

    def until(end: Tree) -> eq.Expression:
        x = reader.keep("end", reader.read(end))
        before, at, value, line = (eq.WithLookup(x, one) for one in parts)
        height = memory.plus(value, line)
        return memory.plus(before, memory.times(memory.minus(x, at), memory.times(eq.Number(0.5), height)))

    return memory.minus(until(tree.arguments[2]), until(tree.arguments[1]))


def _areas(table: Table) -> tuple[Table, ...]:
    """Return, of the point before an x, the area up to it, its place and its value; and the table itself."""
    reached = [0.0]
    for (left, low), (right, high) in pairwise(zip(table.xs, table.ys, strict=True)):
        reached.append(reached[-1] + (right - left) * (low + high) / 2.0)
    steps = (Table(table.xs, ys, "steps") for ys in (tuple(reached), table.xs, table.ys))
    return (*steps, replace(table, kind="hold"))


def slope(reader: Place, tree: Call) -> eq.Expression:
    """LOOKUP SLOPE of mode 1: at a point the mean of both sides, beyond the ends that of the last segment."""
    table = named_table(reader, tree.arguments[0])
    if reader.fixed(reader.read(tree.arguments[2])) != 1 or len(table.xs) < 2:
        raise Refused(["LOOKUP SLOPE with a mode other than 1, or of a single point"])
    if any(map(table.is_step, range(len(table.xs) - 1))):
        raise Refused(["LOOKUP SLOPE of a table with a vertical step"])
    return _with(reader, tree, _slopes)


def _slopes(table: Table) -> Table:
    points = zip(table.xs, table.ys, strict=True)
    slopes = [(high - low) / (right - left) for (left, low), (right, high) in pairwise(points)]
    xs, ys = [table.xs[0]], [slopes[0]]
    for x, before, after in zip(table.xs[1:], slopes, slopes[1:], strict=False):
        xs += [x, math.nextafter(x, math.inf)]
        ys += [(before + after) / 2.0, after]
    return Table(tuple(xs), tuple(ys), "steps")


def between_times(reader: Place, tree: Call) -> eq.Expression:
    """GET DATA BETWEEN TIMES: data at a time, in between (0), of the next (1) or last (-1) point; missing outside."""
    table = _data(reader, tree.arguments[0])
    mode = reader.fixed(reader.read(tree.arguments[2]))
    if mode not in {-1, 0, 1}:
        raise Refused(["GET DATA BETWEEN TIMES with a mode other than -1, 0 or 1"])

    def made() -> Table:
        return table.forward() if mode == 1 else replace(table, kind="hold" if mode == 0 else "steps")

    points = reader.translation.once(("between times", mode, id(table)), made)
    time = reader.keep("time", reader.read(tree.arguments[1]))
    before = eq.Operation("<", (time, eq.Number(table.xs[0])))
    after = eq.Operation(">", (time, eq.Number(table.xs[-1])))
    outside = eq.Operation("or", (before, after))
    return vectors.choice(outside, eq.Number(MISSING), eq.WithLookup(time, points))


def end_time(reader: Place, tree: Call, end: int) -> eq.Expression:
    """GET DATA FIRST TIME and LAST TIME: when data begin and end."""
    return eq.Number(_data(reader, tree.arguments[0]).xs[end])


def _with(reader: Place, tree: Call, make: Callable[[Table], Table]) -> eq.Expression:
    """Return what a function makes of the table that its first argument names, at its second one."""
    table = named_table(reader, tree.arguments[0])
    made = reader.translation.once((plain(tree.name), id(table)), lambda: make(table))
    return eq.WithLookup(reader.read(tree.arguments[1]), made)


def table_of(reader: Place, tree: Tree) -> Table | None:
    """Return the points of a lookup by its name, which this fixes; None for what is none."""
    found = reader.definite(tree) if isinstance(tree, Name) and reader.find(tree)[1].lookup else None
    return found if isinstance(found, Table) else None


def named_table(reader: Place, tree: Tree) -> Table:
    """Return the points of a lookup by its name, which this fixes."""
    found = table_of(reader, tree)
    if found is None:
        raise Refused(["function of a lookup with what is none"])
    return found


def _data(reader: Place, tree: Tree) -> Table:
    """Return the points of a data variable by its name, whatever keyword it has."""
    found = reader.definite(tree, points=True) if isinstance(tree, Name) else None
    if isinstance(found, eq.Reference):  # data that read other data
        found = reader.meaning(found.name)
    if not isinstance(found, eq.WithLookup) or not isinstance(found.argument, eq.Time) or found.table.kind != "hold":
        raise Refused(["function of data with what is no data variable"])
    return found.table
