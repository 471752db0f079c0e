"""Which constants and lookups a reader may move, and how far: the file's own ranges, else a stated rule."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stockflow.arrays import Array
from stockflow.compiler.system import delay_constants
from stockflow.errors import InputError
from stockflow.language.curve import Table
from stockflow.language.equations import Variable, WithLookup
from stockflow.model import Model

#: sliders that are shown where nobody names any, and curves
MOST_SLIDERS, MOST_CURVES = 16, 6
# a range that is wider than so many times a constant's value says what is possible, not what is worth trying
_WIDEST = 100.0
# constants that are tried at once: the outputs of thousands would fill the memory
_AT_ONCE = 64
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Slider:
    """From where to where a constant's slider goes, in its unit; `rule` says in words why."""

    low: float
    high: float
    rule: str


def slider(one: Variable, drawn: Array | None = None) -> Slider:
    """Return the range of a constant's slider: that of the file, else 0 to twice the value; widened to its draws.

    Of a value of 0 that is 0 to 1, or from -1 where the file has a limit below 0.  Both ends are the same where the
    limits leave nothing to move.
    """
    value = one.value or 0.0
    low, high = one.limits
    if low is not None and high is not None and low < high and _worth_trying(low, high, value):
        found = Slider(low, high, "range: the model file's")
    else:
        below = (low is not None and low < 0) or (high is not None and high <= 0)
        whole = sorted((0.0, 2.0 * value)) if value else [-1.0 if below else 0.0, 1.0]
        least, most = (-_LARGEST if low is None else low), (_LARGEST if high is None else high)
        ends = [min(max(end, least), most) for end in whole]
        within = "" if ends == whole or low is high is None else ", within its limits"
        usual = f"0 to twice the value{within}" if value else f"{ends[0]:g} to {ends[1]:g}"
        if not ends[0] < ends[1]:  # a value outside the file's own limits
            ends, usual = sorted((value, ends[0])), "from the value to the nearest limit"
        found = Slider(ends[0], ends[1], f"range: {usual}; the model file {_given(low, high, value)}")
    if drawn is None or (drawn.min() >= found.low and drawn.max() <= found.high):
        return found
    return Slider(min(found.low, float(drawn.min())), max(found.high, float(drawn.max())), f"{found.rule}; its samples")


def movable(model: Model, outputs: Sequence[str]) -> list[str]:
    """Return the constants that outputs are made of and a run may set, in file order; none that is not finite."""
    made = {one for output in outputs for one in model.depends_on(output)} | set(outputs)
    fixed = {*delay_constants(model.equations), *model.equations.structural}
    free = (model.variable(name) for name in model.constants if name in made and name not in fixed)
    return [one.name for one in free if math.isfinite(one.value or 0.0) and moves(one)]


def moves(one: Variable) -> bool:
    """Say whether a constant's own limits leave a slider anything to move."""
    span = slider(one)
    return span.low < span.high


def strongest(model: Model, names: Sequence[str], outputs: Sequence[str], most: int = MOST_SLIDERS) -> list[str]:
    """Return the `most` constants whose sliders move the outputs furthest, in the order given.

    Each is put to both ends of its slider; what counts is the mean distance of an output from the base run, as a share
    of the largest size the output has in the base run, at the output where it is greatest. A run that is not finite
    counts for nothing.
    """
    if len(names) <= most:
        return list(names)
    base = [float(model.variable(name).value or 0.0) for name in names]
    simulator = model.simulator(names, outputs)
    (whole,) = simulator([base])
    scale = np.abs(whole).max(axis=0)
    far = np.zeros((len(names), 2))
    for begin in range(0, len(names), _AT_ONCE):
        some = range(begin, min(begin + _AT_ONCE, len(names)))
        values = np.tile(base, (len(some), 2, 1))
        for row, place in enumerate(some):
            span = slider(model.variable(names[place]))
            values[row, :, place] = span.low, span.high
        runs = simulator(values.reshape(-1, len(names)))
        with np.errstate(all="ignore"):
            share = (np.abs(runs - whole).mean(axis=1) / np.where(scale > 0, scale, 1.0)).max(axis=1)
        far[some] = np.where(np.isfinite(share), share, 0.0).reshape(-1, 2)
    first = set(np.argsort(-far.max(axis=1), kind="stable")[:most].tolist())
    return [name for place, name in enumerate(names) if place in first]


def curves(model: Model, outputs: Sequence[str]) -> list[str]:
    """Return the lookups, and the variables that are one, that outputs are made of, in file order."""
    made = {one for output in outputs for one in model.depends_on(output)} | set(outputs)
    return [name for name, one in model.variables.items() if name in made and points(one) is not None]


def points(one: Variable) -> Table | None:
    """Return the points of a lookup or of a variable that is WITH LOOKUP, None for any other."""
    match one.expression:
        case Table() | WithLookup(_, Table()):
            table = one.expression if isinstance(one.expression, Table) else one.expression.table
            return table if len(table.xs) > 1 else None
    return None


def tables(model: Model, names: Sequence[str]) -> Mapping[str, Table]:
    """Return the points of lookups by display name; InputError for a name that is none or stands twice."""
    found: dict[str, Table] = {}
    for name in names:
        one = model.variable(name)
        table = points(one)
        if table is None:
            raise InputError(f"{model.file.name}: {one.name} is no lookup of two points or more ({one.kind})")
        if one.name in found:
            raise InputError(f"{model.file.name}: the curve {one.name} is named twice")
        found[one.name] = table
    return found


def _worth_trying(low: float, high: float, value: float) -> bool:
    most = _WIDEST * abs(value) if value else _LARGEST
    return low <= value <= high and high - low <= most


def _given(low: float | None, high: float | None, value: float) -> str:
    if low is None or high is None:
        bounds = [
            f"{word} {_shown(bound)}" for word, bound in (("at least", low), ("at most", high)) if bound is not None
        ]
        return f"says {bounds[0]}" if bounds else "gives no limits"
    why = "too wide for a slider" if low <= value <= high else "without the value"
    return f"says {_shown(low)} to {_shown(high)}, {why}"


def _shown(bound: float) -> str:
    return f"{bound:,.6g}" if abs(bound) >= 1e15 else f"{bound:,.15g}"
