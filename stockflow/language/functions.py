"""The functions of each dialect: how many arguments they take, and the expressions they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from stockflow.language import allocation, memory, vectors
from stockflow.language import equations as eq
from stockflow.language.calls import column, everything, rows
from stockflow.language.definition import Function, Refused
from stockflow.language.place import Place
from stockflow.language.tree import Call, Literal, Name, Tree, subscripts_of
from stockflow.names import plain

_MOST_ORDERS = 1000
_ONE = eq.Number(1.0)
_ZERO = Literal(0.0)
Remembering = Callable[[Place, eq.Expression, eq.Expression, eq.Expression, int], eq.Expression]


def _operation(operator: str, *order: int) -> Function:
    """A function that is one operation, of its arguments in another `order` if one is given."""
    count = eq.ARGUMENTS[operator]

    def make(reader: Place, tree: Call) -> eq.Expression:
        arguments = [tree.arguments[place] for place in order or range(count)]
        return eq.Operation(operator, tuple(reader.read(one) for one in arguments))

    return Function(count, count, make)


def _by_count(*functions: Function) -> Function:
    """A function that means another one for every number of arguments."""
    known = {one.least: one.make for one in functions}
    return Function(min(known), max(known), lambda reader, tree: known[len(tree.arguments)](reader, tree))


def _delayed(make: Remembering, order: int, starts: tuple[int, int] = (2, 2)) -> Function:
    """A delay or smooth of an order; without an initial value it starts from its input."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        source, time, initial = (*tree.arguments, tree.arguments[0])[:3]
        return make(reader, reader.read(source), reader.read(time), reader.read(initial), order)

    return Function(*starts, read)


def _of_order(make: Remembering, order: int, least: int = 4) -> Function:
    """A delay or smooth of the order that one of its arguments, at the place `order`, is."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        source, time, *others = tree.arguments
        initial = next((one for place, one in enumerate(others, 2) if place != order), source)
        parts = [reader.read(one) for one in (source, time, initial)]
        return make(reader, parts[0], parts[1], parts[2], _order(reader, tree.arguments[order]))

    return Function(least, 4, read)


def _order(reader: Place, tree: Tree) -> int:
    """Return the order of a delay, which must be known when the file is read."""
    value = reader.fixed(reader.read(tree))
    if value is None or not 1 <= value <= _MOST_ORDERS:
        raise Refused(["order of a delay that is not a number of the file from 1 to 1000"])
    return int(value)


def _read_all(make: Callable[..., eq.Expression], least: int, most: int, *missing: Tree) -> Function:
    """A function of a place and its arguments, in order; `missing` stand for those left out at the end."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        trees = (*tree.arguments, *missing[len(missing) - (most - len(tree.arguments)) :])[:most]
        return make(reader, *(reader.read(one) for one in trees))

    return Function(least, most, read)


def _whole(make: Callable[..., eq.Expression], count: int, part: str) -> Function:
    """A function that makes a kind of variable of its own."""
    return Function(count, count, lambda reader, tree: make(*map(reader.read, tree.arguments)), part)


def _fixed_delay(reader: Place, tree: Call) -> eq.Expression:
    source, time, initial = (*tree.arguments, tree.arguments[0])[:3]
    return eq.DelayFixed(reader.read(source), reader.read(time), reader.read(initial))


def _reduction(operator: str) -> Function:
    return Function(
        1, 1, lambda reader, tree: vectors.joined(operator, [row[0] for row in rows(reader, tree.arguments)])
    )


def _extreme(operator: str) -> Function:
    """MIN or MAX of XMILE: of two values, or of all elements of an array."""

    def make(reader: Place, tree: Call) -> eq.Expression:
        if len(tree.arguments) == 1:
            return vectors.joined(operator, everything(reader, tree.arguments[0]))
        return eq.Operation(operator, tuple(reader.read(one) for one in tree.arguments))

    return Function(1, 2, make)


def _count(reader: Place, tree: Call) -> eq.Expression:
    one = tree.arguments[0]
    return eq.Number(float(len(reader.ranges.choices(one.name if isinstance(one, Name) else ""))))


def _select(reader: Place, tree: Call) -> eq.Expression:
    action, error = (eq.number(reader.read(one)) for one in tree.arguments[3:])
    if action is None or error != 0:
        raise Refused(["VECTOR SELECT with an action that is not a number, or an error action that is not 0"])
    found = rows(reader, tree.arguments[:2])
    missing = reader.read(tree.arguments[2])
    return vectors.select([row[0] for row in found], [row[1] for row in found], missing, int(action))


def _rank(reader: Place, tree: Call) -> eq.Expression:
    values, place = column(reader, tree.arguments[0])
    return vectors.rank(values, place, reader.read(tree.arguments[1]))


def _sort_order(reader: Place, tree: Call) -> eq.Expression:
    values, place = column(reader, tree.arguments[0])
    direction = reader.read(tree.arguments[1])
    ranks = [reader.keep("rank", vectors.rank(values, one, direction)) for one in range(len(values))]
    return vectors.sort_order(ranks, place)


def _reorder(reader: Place, tree: Call) -> eq.Expression:
    values, _ = column(reader, tree.arguments[0])
    return vectors.picked(values, reader.read(tree.arguments[1]))


def _inverse(reader: Place, tree: Call) -> eq.Expression:
    matrix = tree.arguments[0]
    last = subscripts_of(matrix)[-2:]
    here = reader.coordinates[-2:]
    if len(last) != 2 or len(here) != 2:
        raise Refused(["INVERT MATRIX of what has not two subscripts"])
    down, across = (reader.ranges.choices(one) for one in last)
    if here[0] not in down or here[1] not in across:
        raise Refused(["INVERT MATRIX with other subscripts than on the left side"])
    entries = [
        [reader.within({plain(last[0]): row, plain(last[1]): one}, lambda: reader.read(matrix)) for one in across]
        for row in down
    ]
    return vectors.inverse(entries, down.index(here[0]), across.index(here[1]))


def _time_value(reader: Place, tree: Call) -> eq.Expression:
    relative, offset, measure = (reader.read(one) for one in tree.arguments)
    if eq.number(relative) != 0 or eq.number(measure) != 0:
        raise Refused(["GET TIME VALUE other than of the present time in the time unit of the model"])
    return memory.plus(eq.Time(), offset)


def _uniform(reader: Place) -> eq.Expression:
    """A number between 0 and 1 drawn at this place, which the hidden name it would have identifies."""
    return eq.Random(reader.promise("draw").name)


def _random_uniform(reader: Place, tree: Call) -> eq.Expression:
    low, high = (reader.read(one) for one in tree.arguments[:2])
    return memory.plus(low, memory.times(memory.minus(high, low), _uniform(reader)))


def _random_normal(reader: Place, tree: Call) -> eq.Expression:
    """A normal number cut off at both ends, by the inverse of its distribution."""
    low, high, mean, deviation = (reader.read(one) for one in tree.arguments[:4])
    below, above = (
        eq.Operation("normal share", (memory.over(memory.minus(end, mean), deviation),)) for end in (low, high)
    )
    share = memory.plus(below, memory.times(_uniform(reader), memory.minus(above, below)))
    return memory.plus(mean, memory.times(deviation, eq.Operation("normal quantile", (share,))))


def _random_exponential(reader: Place, tree: Call) -> eq.Expression:
    """An exponential number cut off at both ends, by the inverse of its distribution."""
    low, high, shift, scale = (reader.read(one) for one in tree.arguments[:4])
    start = eq.Operation("max", (low, shift))
    beyond = eq.Operation("exp", (eq.Operation("negative", (memory.over(memory.minus(high, start), scale),)),))
    share = memory.minus(_ONE, memory.times(_uniform(reader), memory.minus(_ONE, beyond)))
    return memory.minus(start, memory.times(scale, eq.Operation("ln", (share,))))


_COMMON: Mapping[str, Function] = MappingProxyType(
    {
        **{
            name: _operation(name)
            for name in (
                *("exp", "ln", "sqrt", "abs", "integer", "sin", "cos", "tan", "arcsin", "arccos", "arctan"),
                *("sinh", "cosh", "tanh", "min", "max", "zidz", "xidz", "step", "pulse", "modulo", "quantum", "log"),
                *("if then else", "ramp"),
            )
        },
        "power": _operation("^"),
        "pi": Function(0, 0, lambda reader, tree: eq.Number(math.pi)),
        "log10": Function(
            1, 1, lambda reader, tree: eq.Operation("log", (reader.read(tree.arguments[0]), eq.Number(10.0)))
        ),
        "sum": _reduction("+"),
        "prod": _reduction("*"),
        "vmin": _reduction("min"),
        "vmax": _reduction("max"),
        "delay1": _delayed(memory.delay, 1),
        "delay3": _delayed(memory.delay, 3),
        "trend": _read_all(memory.trend, 3, 3),
        "npv": _read_all(memory.present_value, 4, 4),
        "elmcount": Function(1, 1, _count),
        "vector select": Function(5, 5, _select),
        "vector rank": Function(2, 2, _rank),
        "vector sort order": Function(2, 2, _sort_order),
        "vector reorder": Function(2, 2, _reorder),
        "invert matrix": Function(2, 2, _inverse),
        "allocate by priority": Function(5, 5, allocation.by_priority),
        "allocate available": Function(3, 3, allocation.available),
        "get time value": Function(3, 3, _time_value),
        "random 0 1": Function(0, 0, lambda reader, tree: _uniform(reader)),
        "random uniform": Function(3, 3, _random_uniform),
        "random normal": Function(5, 5, _random_normal),
        "random exponential": Function(5, 5, _random_exponential),
    }
)
VENSIM: Mapping[str, Function] = MappingProxyType(
    {
        **_COMMON,
        "integ": _whole(eq.Integral, 2, "stock"),
        "initial": _whole(eq.Initial, 1, "initial"),
        "active initial": _whole(eq.ActiveInitial, 2, "active initial"),
        "delay fixed": Function(3, 3, _fixed_delay, "fixed delay"),
        "delay1i": _delayed(memory.delay, 1, (3, 3)),
        "delay3i": _delayed(memory.delay, 3, (3, 3)),
        "delay n": _of_order(memory.delay_n, 3),
        "smooth": _delayed(memory.smooth, 1),
        "smoothi": _delayed(memory.smooth, 1, (3, 3)),
        "smooth3": _delayed(memory.smooth, 3),
        "smooth3i": _delayed(memory.smooth, 3, (3, 3)),
        "smooth n": _of_order(memory.smooth, 3),
        "forecast": _read_all(memory.forecast, 3, 4, _ZERO),
        "sample if true": _read_all(memory.sample, 3, 3),
        # its width comes before its interval
        "pulse train": _operation("pulse train", 0, 2, 1, 3),
        "game": Function(1, 1, lambda reader, tree: reader.read(tree.arguments[0])),
    }
)
XMILE: Mapping[str, Function] = MappingProxyType(
    {
        **_COMMON,
        "init": _whole(eq.Initial, 1, "initial"),
        "delay": Function(2, 3, _fixed_delay, "fixed delay"),
        "delay1": _delayed(memory.delay, 1, (2, 3)),
        "delay3": _delayed(memory.delay, 3, (2, 3)),
        "delayn": _of_order(memory.delay_n, 2, 3),
        "smth1": _delayed(memory.smooth, 1, (2, 3)),
        "smth3": _delayed(memory.smooth, 3, (2, 3)),
        "smthn": _of_order(memory.smooth, 2, 3),
        "trend": _read_all(memory.trend, 2, 3, _ZERO),
        "forcst": _read_all(memory.forecast, 3, 4, _ZERO),
        "int": _operation("integer"),
        "ramp": _by_count(_operation("endless ramp"), _operation("ramp")),
        # the amount comes first
        "pulse": _by_count(_operation("impulse", 1, 0), _operation("impulses", 1, 2, 0)),
        "safediv": _by_count(_operation("zidz"), _operation("xidz")),
        "min": _extreme("min"),
        "max": _extreme("max"),
    }
)
