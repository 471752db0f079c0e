"""Functions by name: those of arithmetic, of whole ranges, of random numbers, lookups and macros."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from stockflow.errors import unknown
from stockflow.language import equations as eq
from stockflow.language import memory, vectors
from stockflow.language.definition import Macro, Refused
from stockflow.language.place import Place
from stockflow.language.scope import Scope
from stockflow.language.subscripts import subscripts_of
from stockflow.names import plain

_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        **{
            name.replace(" ", "_"): name
            for name in eq.ARGUMENTS
            if name[0].isalpha() and name not in {"and", "or", "not", "negative", "normal share", "normal quantile"}
        },
        "power": "^",
        "Xramp": "endless ramp",
        "Xpulse": "impulse",
        "Xpulse_train": "impulses",
    }
)
_REDUCTIONS: Mapping[str, str] = MappingProxyType({"sum": "+", "prod": "*", "vmin": "min", "vmax": "max"})
_MOST_SORTED = 64
_MOST_SUMMED = 100_000
_DEEPEST_MACRO = 20
_MOST_ORDERS = 1000
_ONE = eq.Number(1.0)


def call(reader: Place, tree: Any) -> eq.Expression:
    """Return the expression of a function call; raises Refused if it is not supported."""
    function = tree.function.reference
    key = plain(function)
    trees = tree.arguments
    if key in reader.translation.macros:
        return _macro(reader, reader.translation.macros[key], trees)
    if reader.defined(key):
        return _lookup(reader, tree)
    if function in _REDUCTIONS:
        return vectors.joined(_REDUCTIONS[function], [row[0] for row in _rows(reader, trees)])
    if function in _SPECIAL:
        expected, make = _SPECIAL[function]
        if len(trees) != expected:
            raise Refused([f"{function.replace('_', ' ').upper()} with {len(trees)} arguments, not {expected}"])
        return make(reader, tree)
    values = tuple(reader.read(one) for one in trees)
    if function not in _FUNCTIONS:
        raise Refused([f"function {function.replace('_', ' ').upper()}"])
    return eq.Operation(_FUNCTIONS[function], values)


def _lookup(reader: Place, tree: Any) -> eq.Expression:
    name, definition = reader.find(tree.function)
    if not definition.lookup:
        raise Refused([f"call of {name!r}, which is not a lookup,"])
    if len(tree.arguments) != 1:
        raise Refused([f"{len(tree.arguments)} arguments for the lookup {name!r}"])
    return eq.LookupCall(name, reader.read(tree.arguments[0]))


def remembering(reader: Place, kind: str, tree: Any) -> eq.Expression:
    """Read a function that is made of stocks."""
    part = {name: reader.read(one) for name, one in vars(tree).items() if name != "order"}
    match kind:
        case "Delay" | "DelayN" | "Smooth" | "SmoothN":
            make = memory.delay if kind == "Delay" else memory.delay_n if kind == "DelayN" else memory.smooth
            time = part["delay_time"] if kind.startswith("Delay") else part["smooth_time"]
            return make(reader, part["input"], time, part["initial"], _order(reader, tree.order))
        case "Trend":
            return memory.trend(reader, part["input"], part["average_time"], part["initial_trend"])
        case "Forecast":
            average, horizon, start = part["average_time"], part["horizon"], part["initial_trend"]
            return memory.forecast(reader, part["input"], average, horizon, start)
    return memory.sample(reader, part["condition"], part["input"], part["initial"])


def _order(reader: Place, tree: Any) -> int:
    """Return the order of a delay, which must be known when the file is read."""
    value = reader.fixed(reader.read(tree))
    if value is None or not 1 <= value <= _MOST_ORDERS:
        raise Refused(["order of a delay that is not a number of the file from 1 to 1000"])
    return int(value)


def _rows(reader: Place, trees: Sequence[Any]) -> list[list[eq.Expression]]:
    """Read expressions for all elements of the ranges marked with `!` in them."""
    marked = [one for one in dict.fromkeys(_marked(list(trees))) if one not in reader.bound]
    if not marked:
        raise Refused(["sum without a subscript marked with !"])
    choices = [reader.ranges.choices(one.removesuffix("!")) for one in marked]
    count = math.prod(map(len, choices))
    if count > _MOST_SUMMED:
        raise Refused([f"sum over {count} elements, more than {_MOST_SUMMED},"])
    reader.translation.spend(count)
    bindings = (dict(zip(marked, elements, strict=True)) for elements in itertools.product(*choices))
    return [[reader.within(bound, partial(reader.read, one)) for one in trees] for bound in bindings]


def _marked(tree: Any) -> Iterable[str]:
    """Yield the subscripts marked with `!` in a tree."""
    if isinstance(tree, (list, tuple)):
        for one in tree:
            yield from _marked(one)
    elif type(tree).__name__ == "SubscriptsReferenceStructure":
        yield from (plain(one) for one in tree.subscripts if one.endswith("!"))
    elif type(tree).__name__.endswith("Structure"):
        yield from _marked(list(vars(tree).values()))


def _everything(reader: Place, operator: str, tree: Any) -> eq.Expression:
    """Join all elements of an array that is named without subscripts."""
    found = reader.defined(plain(getattr(tree, "reference", "")))
    if found is None:
        raise Refused([str(unknown("array", getattr(tree, "reference", ""), reader.scope.spelling.values()))])
    scope, key = found
    names = [reader.ranges.label(scope.spelling[key], one) for one in scope.definitions[key]]
    return vectors.joined(operator, [eq.Reference(scope.label(one)) for one in names])


def column(reader: Place, tree: Any) -> tuple[list[eq.Expression], int]:
    """Read a vector along its last subscript; return it with the place of this element."""
    if not (subscripts := subscripts_of(tree)):
        raise Refused(["vector without a subscript"])
    last = subscripts[-1]
    choices = reader.ranges.choices(last)
    if len(choices) > _MOST_SORTED:
        raise Refused([f"sorting of more than {_MOST_SORTED} elements"])
    here = reader.ranges.element(last, reader.bound)
    values = [reader.within({plain(last): one}, lambda: reader.read(tree)) for one in choices]
    return values, choices.index(here)


def _count(reader: Place, tree: Any) -> eq.Expression:
    return eq.Number(float(len(reader.ranges.choices(getattr(tree.arguments[0], "reference", "")))))


def _select(reader: Place, tree: Any) -> eq.Expression:
    action, error = (eq.number(reader.read(one)) for one in tree.arguments[3:])
    if action is None or error != 0:
        raise Refused(["VECTOR SELECT with an action that is not a number, or an error action that is not 0"])
    rows = _rows(reader, tree.arguments[:2])
    missing = reader.read(tree.arguments[2])
    return vectors.select([row[0] for row in rows], [row[1] for row in rows], missing, int(action))


def _rank(reader: Place, tree: Any) -> eq.Expression:
    values, place = column(reader, tree.arguments[0])
    return vectors.rank(values, place, reader.read(tree.arguments[1]))


def _sort_order(reader: Place, tree: Any) -> eq.Expression:
    values, place = column(reader, tree.arguments[0])
    direction = reader.read(tree.arguments[1])
    ranks = [reader.keep("rank", vectors.rank(values, one, direction)) for one in range(len(values))]
    return vectors.sort_order(ranks, place)


def _reorder(reader: Place, tree: Any) -> eq.Expression:
    values, _ = column(reader, tree.arguments[0])
    return vectors.picked(values, reader.read(tree.arguments[1]))


def _inverse(reader: Place, tree: Any) -> eq.Expression:
    matrix = tree.arguments[0]
    last = subscripts_of(matrix)[-2:]
    here = reader.coordinates[-2:]
    if len(last) != 2 or len(here) != 2:
        raise Refused(["INVERT MATRIX of what has not two subscripts"])
    rows, columns = (reader.ranges.choices(one) for one in last)
    if here[0] not in rows or here[1] not in columns:
        raise Refused(["INVERT MATRIX with other subscripts than on the left side"])
    entries = [
        [reader.within({plain(last[0]): row, plain(last[1]): one}, lambda: reader.read(matrix)) for one in columns]
        for row in rows
    ]
    return vectors.inverse(entries, rows.index(here[0]), columns.index(here[1]))


def _time_value(reader: Place, tree: Any) -> eq.Expression:
    relative, offset, measure = (reader.read(one) for one in tree.arguments)
    if eq.number(relative) != 0 or eq.number(measure) != 0:
        raise Refused(["GET TIME VALUE other than of the present time in the time unit of the model"])
    return memory.plus(eq.Time(), offset)


def _uniform(reader: Place) -> eq.Expression:
    """A number between 0 and 1 drawn at this place, which the hidden name it would have identifies."""
    return eq.Random(reader.promise("draw").name)


def _random_uniform(reader: Place, tree: Any) -> eq.Expression:
    low, high = (reader.read(one) for one in tree.arguments[:2])
    return memory.plus(low, memory.times(memory.minus(high, low), _uniform(reader)))


def _random_normal(reader: Place, tree: Any) -> eq.Expression:
    """A normal number cut off at both ends, by the inverse of its distribution."""
    low, high, mean, deviation = (reader.read(one) for one in tree.arguments[:4])
    below, above = (
        eq.Operation("normal share", (memory.over(memory.minus(end, mean), deviation),)) for end in (low, high)
    )
    share = memory.plus(below, memory.times(_uniform(reader), memory.minus(above, below)))
    return memory.plus(mean, memory.times(deviation, eq.Operation("normal quantile", (share,))))


def _random_exponential(reader: Place, tree: Any) -> eq.Expression:
    """An exponential number cut off at both ends, by the inverse of its distribution."""
    low, high, shift, scale = (reader.read(one) for one in tree.arguments[:4])
    start = eq.Operation("max", (low, shift))
    beyond = eq.Operation("exp", (eq.Operation("negative", (memory.over(memory.minus(high, start), scale),)),))
    share = memory.minus(_ONE, memory.times(_uniform(reader), memory.minus(_ONE, beyond)))
    return memory.minus(start, memory.times(scale, eq.Operation("ln", (share,))))


def _macro(reader: Place, macro: Macro, trees: Sequence[Any]) -> eq.Expression:
    """Write out one use of a macro, in hidden variables."""
    if len(trees) != len(macro.parameters):
        raise Refused([f"{len(trees)} arguments for the macro {macro.name!r}"])
    if reader.scope.depth >= _DEEPEST_MACRO:
        raise Refused([f"macro {macro.name!r} inside itself"])
    values = [reader.read(one) for one in trees]
    given = {
        plain(name): value if isinstance(value, (eq.Number, eq.Reference, eq.Time)) else reader.keep(name, value)
        for name, value in zip(macro.parameters, values, strict=True)
    }
    translation, prefix = reader.translation, reader.promise(macro.name).name
    inner = Scope(arguments=given, prefix=prefix, depth=reader.scope.depth + 1)
    problems = [item for one in macro.definitions for item in (*one.problems, *translation.define(inner, one))]
    for key, elements in inner.definitions.items():
        for coordinates, one in elements.items():
            name = inner.label(reader.ranges.label(inner.spelling[key], coordinates))
            part = type(reader)(translation, inner, reader.owner, name, one, coordinates)
            reader.fulfil(eq.Reference(name), part.expression())
            problems += part.refused
    if () not in inner.definitions.get(plain(macro.name), {}):
        problems.append("no equation for its own name")
    if problems:
        raise Refused([f"{item} in the macro {macro.name!r}" for item in problems])
    return eq.Reference(inner.label(inner.spelling[plain(macro.name)]))


#: functions with their own reading: number of arguments, and what makes the expression
_SPECIAL: Mapping[str, tuple[int, Callable[[Place, Any], eq.Expression]]] = MappingProxyType(
    {
        "active_initial": (2, lambda reader, tree: reader.keep("active initial", reader.top(tree))),
        "vmin_xmile": (1, lambda reader, tree: _everything(reader, "min", tree.arguments[0])),
        "vmax_xmile": (1, lambda reader, tree: _everything(reader, "max", tree.arguments[0])),
        "elmcount": (1, _count),
        "vector_select": (5, _select),
        "vector_rank": (2, _rank),
        "vector_sort_order": (2, _sort_order),
        "vector_reorder": (2, _reorder),
        "invert_matrix": (2, _inverse),
        "npv": (4, lambda reader, tree: memory.present_value(reader, *map(reader.read, tree.arguments))),
        "get_time_value": (3, _time_value),
        "pi": (0, lambda reader, tree: eq.Number(math.pi)),
        "log10": (1, lambda reader, tree: eq.Operation("log", (reader.read(tree.arguments[0]), eq.Number(10.0)))),
        "random_0_1": (0, lambda reader, tree: _uniform(reader)),
        "random_uniform": (3, _random_uniform),
        "random_normal": (5, _random_normal),
        "random_exponential": (5, _random_exponential),
    }
)
