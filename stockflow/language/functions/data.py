"""Data made of other data: numbers at the times of their points, and in between as the keyword says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from stockflow.language import equations as eq
from stockflow.language.at_time import Moment
from stockflow.language.curve import Table
from stockflow.language.external import kept
from stockflow.language.operations import MISSING
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused, Tree

# of data that are not on the line between their points
_KEYWORDS = frozenset({"hold_backward", "look_forward", "raw"})


def equation(reader: Place, tree: Tree, how: str, missing: float | None = None) -> eq.Expression:
    """Return the data that an equation of data and constants makes, in between their points as the keyword `how` says.

    They have numbers at the times at which all data of the equation have points; where `missing` stands for points that
    are not there, at those of any.  An equation without data is as it is written; Refused where it has a keyword.
    """
    whole = reader.read(tree)
    series = _series(reader, whole)
    if not series:
        if how in _KEYWORDS:
            raise Refused([f"data with the keyword {how.replace('_', ' ').upper()} of what is no data"])
        return whole
    if len(series) == 1 and isinstance(whole, eq.Reference):
        table = next(iter(series.values()))
    else:
        table = _joined(reader, whole, series, missing)
    return eq.WithLookup(eq.Time(), kept(table, how, reader.fixed(reader.step) if how == "raw" else None))


def if_missing(reader: Place, tree: Call) -> eq.Expression:
    """X IF MISSING: data of an equation wherever any of them has a point, with a number for those that have none."""
    if reader.definition.data is None or tree is not reader.definition.tree:
        raise Refused(["X IF MISSING that is not the whole of a data equation"])
    number = reader.fixed(reader.read(tree.arguments[1]))
    if number is None:
        raise Refused(["X IF MISSING with what is no number of the file"])
    return equation(reader, tree.arguments[0], reader.definition.data, number)


def _series(reader: Place, whole: eq.Expression) -> dict[str, Table]:
    """Return the points of all data in an equation, by name; Refused for what is neither data nor constant beside."""
    names = eq.references(whole)
    found = {name: reader.points(name) for name in names}
    series = {name: table for name, table in found.items() if table is not None}
    others = [name for name in names if series and name not in series and reader.fixed(eq.Reference(name)) is None]
    if others:
        raise Refused([f"data of {others[0]!r}, which is neither data nor constant,"])
    return series


def _joined(reader: Place, whole: eq.Expression, series: Mapping[str, Table], missing: float | None) -> Table:
    """Return the points of an equation of data."""
    all_times = [frozenset(one.xs) for one in series.values()]
    found = frozenset.intersection(*all_times) if missing is None or len(series) == 1 else frozenset.union(*all_times)
    if not found:
        raise Refused(["data of data that have no time in common"])
    times, values = sorted(found), list[float]()
    known = {name: dict(zip(one.xs, one.ys, strict=True)) for name, one in series.items()}
    for time in times:
        value = Moment(time, math.nan, _at(reader, known, time, missing)).value(whole)
        if value is None or not math.isfinite(value) or value == MISSING:
            raise Refused([f"data that are no number at {time:.15g}"])
        values.append(value)
    return Table(tuple(times), tuple(values))


def _at(
    reader: Place, known: Mapping[str, Mapping[float, float]], time: float, missing: float | None
) -> Callable[[str], eq.Expression | None]:
    """Return what names mean at a time: a number for data, of those without a point the one that stands for it."""

    def meaning(name: str) -> eq.Expression | None:
        if name not in known:
            return reader.meaning(name)
        value = known[name].get(time, missing)
        return None if value is None else eq.Number(value)

    return meaning
