"""Random numbers of distributions in closed form, whose parameters and ends are any expressions.

Each is drawn in the tail that holds its ends, however far out they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from stockflow.language import equations as eq
from stockflow.language.functions import laws, memory, random, vectors
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused

_ZERO, _ONE, _TWO = eq.Number(0.0), eq.Number(1.0), eq.Number(2.0)
_LOWEST, _HIGHEST = eq.Number(-math.inf), eq.Number(math.inf)
# in scales, beyond which the tail of a symmetric distribution has a form of its own
_TAIL = eq.Number(30.0)
# of a number between ends: its share, the nearer end and the farther one
_Tail = Callable[[eq.Expression, eq.Expression, eq.Expression], eq.Expression]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A number between two ends, and the smallest and the largest one that its distribution has."""

    value: eq.Expression
    least: eq.Expression = _LOWEST
    most: eq.Expression = _HIGHEST


_Law = Callable[..., _Drawn]


def _op(operator: str, *arguments: eq.Expression) -> eq.Expression:
    return eq.Operation(operator, arguments)


def _checked(reader: Place, tree: Call, given: Mapping[str, eq.Expression], law: Callable[[], _Drawn]) -> eq.Expression:
    """Return a number of a distribution between its ends: no number where its arguments are wrong.

    Where these are all written as numbers, wrong ones are refused.
    """
    name, low, high = random.title(tree), given["min"], given["max"]
    literal = {what: eq.number(one) for what, one in given.items()}
    known = {what: value for what, value in literal.items() if value is not None}
    # without a deviation all numbers are the mean, as where random numbers are switched off
    spread = {what: value for what, value in known.items() if (what, value) != ("sd", 0.0)}
    if len(known) == len(given) and (problem := laws.wrong(name, spread)) is not None:
        raise Refused([f"{name}: {problem[0]} ({problem[1]})"])
    drawn = law()
    least, most = eq.number(drawn.least), eq.number(drawn.most)
    if len(known) == len(given) and least is not None and most is not None:
        if not (known["min"] < most and known["max"] > least):
            raise Refused([f"{name} with nothing between its ends"])
        conditions = []
    else:
        conditions = [_op("<=", low, high), _op("<=", low, drawn.most), _op("<=", drawn.least, high)]
        conditions += [
            _op(">=" if what == "sd" else ">", given[what], _ZERO) for what in laws.ABOVE_ZERO if what in given
        ]
        conditions += [_op("<=", given[one], given[other]) for one, other in laws.IN_ORDER if one in given]
    kept = _op("max", _op("min", drawn.value, high), low)
    return vectors.choice(vectors.joined("and", conditions), kept, eq.Number(math.nan)) if conditions else kept


def _exceeded(share: eq.Expression, near: eq.Expression, far: eq.Expression) -> eq.Expression:
    """Return how far an exponential number of mean 1 between two ends is beyond the nearer one."""
    whole = memory.minus(_ONE, _op("exp", memory.minus(near, far)))
    return _op("negative", _op("ln", memory.minus(_ONE, memory.times(share, whole))))


def _by_hazard(reader: Place, near: eq.Expression, far: eq.Expression) -> eq.Expression:
    """Return an exponential number of mean 1 between two ends."""
    near = near if eq.number(near) == 0.0 else reader.keep("end", near)
    return memory.plus(near, _exceeded(random.uniform(reader), near, far))


@dataclass(frozen=True, slots=True)
class _Symmetric:
    """A distribution around 0: its share below a value, the value at a share, and its upper tail."""

    share: Callable[[eq.Expression], eq.Expression]
    value: Callable[[eq.Expression], eq.Expression]
    tail: _Tail


def _normal_tail(share: eq.Expression, near: eq.Expression, far: eq.Expression) -> eq.Expression:
    """Return a normal number in the tail, as its logarithm has it: its share is about its density over x."""
    square, other = memory.times(near, near), memory.times(far, far)
    ratio = memory.times(memory.over(near, far), _op("exp", memory.over(memory.minus(square, other), _TWO)))
    left = memory.minus(_ONE, memory.times(share, memory.minus(_ONE, ratio)))
    first = memory.minus(square, memory.times(_TWO, _op("ln", left)))
    return _op("sqrt", memory.minus(first, _op("ln", memory.over(first, square))))


_NORMAL = _Symmetric(partial(_op, "normal share"), partial(_op, "normal quantile"), _normal_tail)
_LOGISTIC = _Symmetric(
    lambda value: memory.over(_ONE, memory.plus(_ONE, _op("exp", _op("negative", value)))),
    lambda share: _op("ln", memory.over(share, memory.minus(_ONE, share))),
    lambda share, near, far: memory.plus(near, _exceeded(share, near, far)),
)


def _around(reader: Place, law: _Symmetric, low: eq.Expression, high: eq.Expression) -> eq.Expression:
    """Return a number between two ends in scales, which grows with its share: in the lower half, or turned there."""
    share = random.uniform(reader)
    if (eq.number(low), eq.number(high)) == (-math.inf, math.inf):
        return law.value(share)
    low, high = reader.keep("low", low), reader.keep("high", high)
    turned = _op(">", low, _ZERO)
    under, over = _op("negative", high), _op("negative", low)
    below = law.share(vectors.choice(turned, under, low))
    above = law.share(vectors.choice(turned, over, high))
    part = reader.keep("part", vectors.choice(turned, memory.minus(_ONE, share), share))
    inside = law.value(memory.plus(below, memory.times(part, memory.minus(above, below))))
    near, far = reader.keep("near", _op("max", low, under)), _op("max", high, over)
    outside = _op("negative", law.tail(memory.minus(_ONE, part), near, far))
    found = reader.keep("drawn", vectors.choice(_op(">", near, _TAIL), outside, inside))
    return vectors.choice(turned, _op("negative", found), found)


def _of_scale(law: _Symmetric, reader: Place, ends: random.Ends, mean: eq.Expression, scale: eq.Expression) -> _Drawn:
    low, high = (memory.over(memory.minus(end, mean), scale) for end in ends)
    return _Drawn(memory.plus(mean, memory.times(scale, _around(reader, law, low, high))))


_normal, _logistic = partial(_of_scale, _NORMAL), partial(_of_scale, _LOGISTIC)


def _lognormal(reader: Place, ends: random.Ends, mean: eq.Expression, deviation: eq.Expression) -> _Drawn:
    """The logarithm of a number is normal."""
    low, high = (_op("ln", _op("max", end, _ZERO)) for end in ends)
    return _Drawn(_op("exp", _normal(reader, (low, high), mean, deviation).value), _ZERO)


def _weibull(
    reader: Place, ends: random.Ends, shape: eq.Expression, scale: eq.Expression, shift: eq.Expression = _ZERO
) -> _Drawn:
    """Weibull's distribution; of shape 1, the exponential one."""
    near, far = (
        _ZERO
        if eq.number(end) == -math.inf
        else _power(memory.over(_op("max", memory.minus(end, shift), _ZERO), scale), shape)
        for end in ends
    )
    drawn = _power(_by_hazard(reader, near, far), memory.over(_ONE, shape))
    return _Drawn(memory.plus(shift, memory.times(scale, drawn)), shift)


def _exponential(reader: Place, ends: random.Ends, scale: eq.Expression, shift: eq.Expression = _ZERO) -> _Drawn:
    return _weibull(reader, ends, _ONE, scale, shift)


def _pareto(reader: Place, ends: random.Ends, shape: eq.Expression, scale: eq.Expression) -> _Drawn:
    near, far = (memory.times(shape, _op("ln", memory.over(_op("max", end, scale), scale))) for end in ends)
    return _Drawn(memory.times(scale, _op("exp", memory.over(_by_hazard(reader, near, far), shape))), scale)


def _power(value: eq.Expression, exponent: eq.Expression) -> eq.Expression:
    return value if eq.number(exponent) == 1 else _op("^", value, exponent)


def random_normal(reader: Place, tree: Call) -> eq.Expression:
    """A normal number cut off at both ends."""
    given = _given(reader, tree, laws.ARGUMENTS["RANDOM NORMAL"])
    low, high, mean, deviation = given.values()
    return _checked(reader, tree, given, lambda: _normal(reader, (low, high), mean, deviation))


def random_exponential(reader: Place, tree: Call) -> eq.Expression:
    """An exponential number cut off at both ends."""
    given = _given(reader, tree, laws.ARGUMENTS["RANDOM EXPONENTIAL"])
    low, high, shift, scale = given.values()
    return _checked(reader, tree, given, lambda: _exponential(reader, (low, high), scale, shift))


def random_weibull(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM WEIBULL: of mean 1 before it is stretched, shifted and cut off at both ends."""
    given = _given(reader, tree, laws.ARGUMENTS["RANDOM WEIBULL"])
    low, high, shape, shift, stretch = given.values()
    fixed = reader.fixed(shape)
    if fixed is None or not fixed >= laws.LEAST_SHAPE:
        raise Refused([f"{random.title(tree)} with a shape that is no number of the file from {laws.LEAST_SHAPE} on"])
    scale = memory.over(stretch, eq.Number(math.gamma(1.0 + 1.0 / fixed)))
    return _checked(reader, tree, given, lambda: _weibull(reader, (low, high), eq.Number(fixed), scale, shift))


def _given(reader: Place, tree: Call, names: Sequence[str]) -> dict[str, eq.Expression]:
    """Return the arguments of a distribution by their names."""
    return {name: reader.read(one) for name, one in zip(names, tree.arguments, strict=False)}


#: distributions of XMILE and Stella, with the names of their parameters
CLOSED: Mapping[str, tuple[tuple[str, ...], _Law]] = {
    "normal": (("mean", "sd"), _normal),
    "lognormal": (("mean", "sd"), _lognormal),
    "logistic": (("mean", "scale"), _logistic),
    "pareto": (("shape", "scale"), _pareto),
    "weibull": (("shape", "scale"), _weibull),
    "exprnd": (("scale",), _exponential),
}


def closed(name: str, reader: Place, tree: Call) -> eq.Expression:
    """A distribution of XMILE or Stella in closed form, with a seed and ends after its parameters."""
    names, law = CLOSED[name]
    parameters, ends = _given(reader, tree, names), random.ends(reader, tree, len(names))
    given = {"min": ends[0], "max": ends[1], **parameters}
    return _checked(reader, tree, given, lambda: law(reader, ends, *parameters.values()))


def random_triangular(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM TRIANGULAR: from a start over a peak to a stop, cut off at both ends."""
    return _triangular(reader, tree, _given(reader, tree, laws.ARGUMENTS["RANDOM TRIANGULAR"]))


def triangular(reader: Place, tree: Call) -> eq.Expression:
    """TRIANGULAR of Stella: from a lower end over the most likely value to an upper end."""
    corners = _given(reader, tree, ("start", "peak", "stop"))
    return _triangular(reader, tree, dict(zip(("min", "max"), random.ends(reader, tree, 3), strict=True)) | corners)


def _triangular(reader: Place, tree: Call, given: Mapping[str, eq.Expression]) -> eq.Expression:
    bounds = [one if isinstance(one, eq.Number) else reader.keep("bound", one) for one in given.values()]
    given = dict(zip(given, bounds, strict=True))
    return _checked(reader, tree, given, lambda: _of_corners(reader, *bounds))


def _of_corners(reader: Place, *parts: eq.Expression) -> _Drawn:
    low, high, start, peak, stop = parts
    width, rise, fall = memory.minus(stop, start), memory.minus(peak, start), memory.minus(stop, peak)

    def clamped(value: eq.Expression, least: eq.Expression, most: eq.Expression) -> eq.Expression:
        return _op("max", _op("min", value, most), least)

    def part(square: eq.Expression, side: eq.Expression) -> eq.Expression:
        return vectors.choice(_op(">", side, _ZERO), memory.over(square, memory.times(width, side)), _ZERO)

    def share(end: eq.Expression) -> eq.Expression:
        risen = memory.minus(clamped(end, start, peak), start)
        ahead = memory.minus(stop, clamped(end, peak, stop))
        fallen = memory.minus(memory.times(fall, fall), memory.times(ahead, ahead))
        return memory.plus(part(memory.times(risen, risen), rise), part(fallen, fall))

    below = reader.keep("share", share(low))
    part_of = memory.times(random.uniform(reader), memory.minus(share(high), below))
    drawn = reader.keep("drawn", memory.plus(below, part_of))
    left = memory.times(_op("max", memory.minus(_ONE, drawn), _ZERO), memory.times(width, fall))
    up = memory.plus(start, _op("sqrt", memory.times(drawn, memory.times(width, rise))))
    down = memory.minus(stop, _op("sqrt", left))
    return _Drawn(vectors.choice(_op("<=", memory.times(drawn, width), rise), up, down), start, stop)
