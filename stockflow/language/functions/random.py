"""Random numbers of several distributions, each from one number between 0 and 1 that its place in the model draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from stockflow.language import equations as eq
from stockflow.language.functions import curves, laws, memory, vectors
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused, Tree

_ZERO, _ONE, _HUNDRED = eq.Number(0.0), eq.Number(1.0), eq.Number(100.0)
# a table of quantiles: its points evenly between so many standard deviations of a normal number; and the most of counts
_POINTS, _FURTHEST, _MOST_COUNTS = 1025, 8.0, 3000
_LEAST_SHAPE = 0.01
# of a mean that changes: its binary digits, and the largest count that a mean below 1 gives
_DIGITS, _MOST_OF_ONE = 10, 18
# in standard deviations of a count, what never comes
_FAR = 40.0
Ends = tuple[eq.Expression | None, eq.Expression | None]


@dataclass(frozen=True, slots=True)
class _Law:
    """A distribution in closed form: the share of it below a value, and the value at a share."""

    share: Callable[[eq.Expression], eq.Expression]
    value: Callable[[eq.Expression], eq.Expression]


def uniform(reader: Place) -> eq.Expression:
    """A number between 0 and 1 drawn at this place, which the hidden name it would have identifies."""
    return eq.Random(reader.promise("draw").name)


def random_uniform(reader: Place, tree: Call) -> eq.Expression:
    """A number between two others."""
    low, high = (reader.read(one) for one in tree.arguments[:2])
    return memory.plus(low, memory.times(memory.minus(high, low), uniform(reader)))


def monte_carlo(reader: Place, tree: Call) -> eq.Expression:
    """MONTECARLO of Stella: 1 with so many per cent of chance in a unit of time, else 0."""
    chance = memory.times(reader.read(tree.arguments[0]), reader.step)
    return vectors.choice(eq.Operation("<", (memory.times(_HUNDRED, uniform(reader)), chance)), _ONE, _ZERO)


# ---- in closed form: of any expressions


def _drawn(reader: Place, law: _Law, ends: Ends) -> eq.Expression:
    """Return a number of a distribution, cut off at the ends that there are."""
    low, high = ends
    share = uniform(reader)
    if low is not None or high is not None:
        below = _ZERO if low is None else law.share(low)
        above = _ONE if high is None else law.share(high)
        share = memory.plus(below, memory.times(share, memory.minus(above, below)))
    return law.value(share)


def _normal(mean: eq.Expression, deviation: eq.Expression) -> _Law:
    return _Law(
        lambda value: eq.Operation("normal share", (memory.over(memory.minus(value, mean), deviation),)),
        lambda share: memory.plus(mean, memory.times(deviation, eq.Operation("normal quantile", (share,)))),
    )


def _lognormal(mean: eq.Expression, deviation: eq.Expression) -> _Law:
    """The logarithm of a number is normal."""
    inner = _normal(mean, deviation)
    return _Law(
        lambda value: inner.share(eq.Operation("ln", (eq.Operation("max", (value, eq.Number(1e-300))),))),
        lambda share: eq.Operation("exp", (inner.value(share),)),
    )


def _weibull(shape: eq.Expression, scale: eq.Expression, shift: eq.Expression = _ZERO) -> _Law:
    """Weibull's distribution; of shape 1, the exponential one."""

    def share(value: eq.Expression) -> eq.Expression:
        part = memory.over(eq.Operation("max", (memory.minus(value, shift), _ZERO)), scale)
        return memory.minus(_ONE, eq.Operation("exp", (eq.Operation("negative", (_power(part, shape),)),)))

    def value(share: eq.Expression) -> eq.Expression:
        left = eq.Operation("negative", (eq.Operation("ln", (memory.minus(_ONE, share),)),))
        return memory.plus(shift, memory.times(scale, _power(left, memory.over(_ONE, shape))))

    return _Law(share, value)


def _pareto(shape: eq.Expression, scale: eq.Expression) -> _Law:
    return _Law(
        lambda value: memory.minus(_ONE, _power(memory.over(scale, eq.Operation("max", (value, scale))), shape)),
        lambda share: memory.over(scale, _power(memory.minus(_ONE, share), memory.over(_ONE, shape))),
    )


def _logistic(mean: eq.Expression, scale: eq.Expression) -> _Law:
    return _Law(
        lambda value: memory.over(
            _ONE, memory.plus(_ONE, eq.Operation("exp", (memory.over(memory.minus(mean, value), scale),)))
        ),
        lambda share: memory.plus(
            mean, memory.times(scale, eq.Operation("ln", (memory.over(share, memory.minus(_ONE, share)),)))
        ),
    )


def _power(value: eq.Expression, exponent: eq.Expression) -> eq.Expression:
    return value if eq.number(exponent) == 1 else eq.Operation("^", (value, exponent))


def random_normal(reader: Place, tree: Call) -> eq.Expression:
    """A normal number cut off at both ends."""
    low, high, mean, deviation = (reader.read(one) for one in tree.arguments[:4])
    return _drawn(reader, _normal(mean, deviation), (low, high))


def random_exponential(reader: Place, tree: Call) -> eq.Expression:
    """An exponential number cut off at both ends."""
    low, high, shift, scale = (reader.read(one) for one in tree.arguments[:4])
    return _drawn(reader, _weibull(_ONE, scale, shift), (low, high))


def random_weibull(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM WEIBULL: of mean 1 before it is stretched, shifted and cut off at both ends."""
    low, high, shape, shift, stretch = (reader.read(one) for one in tree.arguments[:5])
    fixed = reader.fixed(shape)
    if fixed is None or not fixed >= _LEAST_SHAPE:
        raise Refused([f"{_title(tree)} with a shape that is no number of the file from {_LEAST_SHAPE} on"])
    scale = memory.over(stretch, eq.Number(math.gamma(1.0 + 1.0 / fixed)))
    return _drawn(reader, _weibull(eq.Number(fixed), scale, shift), (low, high))


#: distributions of XMILE and Stella, with the number of their parameters
CLOSED: Mapping[str, tuple[int, Callable[..., _Law]]] = MappingProxyType(
    {
        "normal": (2, _normal),
        "lognormal": (2, _lognormal),
        "logistic": (2, _logistic),
        "pareto": (2, _pareto),
        "weibull": (2, _weibull),
        "exprnd": (1, partial(_weibull, _ONE)),
    }
)


def closed(name: str, reader: Place, tree: Call) -> eq.Expression:
    """A distribution of XMILE or Stella in closed form, with a seed and ends after its parameters."""
    count, law = CLOSED[name]
    ends = _ends(reader, tree, count)
    return _drawn(reader, law(*(reader.read(one) for one in tree.arguments[:count])), ends)


def _ends(reader: Place, tree: Call, count: int) -> Ends:
    """Return the ends of a distribution of Stella, which follow the seed after so many parameters; NAN is none."""
    if len(tree.arguments) > count + 3:
        raise Refused([f"{_title(tree)} with a time for which its number is kept"])
    given = [reader.read(one) for one in tree.arguments[count + 1 :]]
    low, high = (*(None if _is_nan(one) else one for one in given), None, None)[:2]
    return low, high


def _is_nan(expression: eq.Expression) -> bool:
    fixed = eq.number(expression)
    return fixed is not None and math.isnan(fixed)


def random_triangular(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM TRIANGULAR: from a start over a peak to a stop, cut off at both ends."""
    return _triangular(reader, *(reader.keep("bound", reader.read(one)) for one in tree.arguments[:5]))


def triangular(reader: Place, tree: Call) -> eq.Expression:
    """TRIANGULAR of Stella: from a lower end over the most likely value to an upper end."""
    corners = [reader.keep("bound", reader.read(one)) for one in tree.arguments[:3]]
    ends = zip(_ends(reader, tree, 3), (corners[0], corners[2]), strict=True)
    low, high = (corner if one is None else reader.keep("bound", one) for one, corner in ends)
    return _triangular(reader, low, high, *corners)


def _triangular(reader: Place, *parts: eq.Expression) -> eq.Expression:
    low, high, start, peak, stop = parts
    width, rise, fall = memory.minus(stop, start), memory.minus(peak, start), memory.minus(stop, peak)

    def clamped(value: eq.Expression, least: eq.Expression, most: eq.Expression) -> eq.Expression:
        return eq.Operation("max", (eq.Operation("min", (value, most)), least))

    def part(square: eq.Expression, side: eq.Expression) -> eq.Expression:
        whole = memory.over(square, memory.times(width, side))
        return vectors.choice(eq.Operation(">", (side, _ZERO)), whole, _ZERO)

    def share(end: eq.Expression) -> eq.Expression:
        risen = memory.minus(clamped(end, start, peak), start)
        ahead = memory.minus(stop, clamped(end, peak, stop))
        fallen = memory.minus(memory.times(fall, fall), memory.times(ahead, ahead))
        return memory.plus(part(memory.times(risen, risen), rise), part(fallen, fall))

    below = reader.keep("share", share(low))
    drawn = reader.keep("drawn", memory.plus(below, memory.times(uniform(reader), memory.minus(share(high), below))))
    left = memory.times(memory.minus(_ONE, drawn), memory.times(width, fall))
    up = memory.plus(start, eq.Operation("sqrt", (memory.times(drawn, memory.times(width, rise)),)))
    down = memory.minus(stop, eq.Operation("sqrt", (left,)))
    return vectors.choice(eq.Operation("<=", (memory.times(drawn, width), rise)), up, down)


# ---- by tables: of numbers of the file


def tabled(reader: Place, tree: Call) -> eq.Expression:
    """A distribution of Vensim whose quantiles have no closed form, stretched, shifted and cut off at both ends."""
    names = laws.ARGUMENTS[_title(tree)]
    given = dict(zip(names, _numbers(reader, tree, tree.arguments[: len(names)]), strict=True))
    return _of_table(reader, tree, _title(tree), given)


def binomial(reader: Place, tree: Call) -> eq.Expression:
    """BINOMIAL of Stella: how many of so many trials succeed."""
    count, chance = _numbers(reader, tree, tree.arguments[:2])
    return _with_ends(reader, tree, 2, "RANDOM BINOMIAL", {"P": chance, "N": count})


def poisson(reader: Place, tree: Call) -> eq.Expression:
    """POISSON: a count with a mean, which may change, below 1024, where nothing is cut off."""
    mean, structural = reader.read(tree.arguments[0]), set(reader.translation.structural)
    if len(tree.arguments) > 2 or reader.fixed(mean) is not None:
        (value,) = _numbers(reader, tree, tree.arguments[:1])
        return _with_ends(reader, tree, 1, "RANDOM POISSON", {"mean of counts": value})
    reader.translation.structural.intersection_update(structural)  # it is not fixed by this
    mean = reader.keep("mean", mean)
    whole, drawn = reader.keep("whole", vectors.floor(mean)), reader.keep("drawn", uniform(reader))
    # a sum of counts whose means are the powers of 2 in the mean, and of one with the rest, below 1
    rest = reader.keep("rest", memory.minus(mean, whole))
    share = reached = reader.keep("share", eq.Operation("exp", (eq.Operation("negative", (rest,)),)))
    parts = [vectors.choice(eq.Operation(">", (drawn, reached)), _ONE, _ZERO)]
    for count in range(1, _MOST_OF_ONE):
        share = reader.keep("share", memory.over(memory.times(share, rest), eq.Number(float(count))))
        reached = reader.keep("reached", memory.plus(reached, share))
        parts.append(vectors.choice(eq.Operation(">", (drawn, reached)), _ONE, _ZERO))
    for power in (2.0**digit for digit in range(_DIGITS)):
        table = reader.translation.once(("POISSON", power), partial(_counts, power))
        half = (eq.Operation("integer", (memory.over(whole, eq.Number(one)),)) for one in (power, 2.0 * power))
        odd = eq.Operation(">", (next(half), memory.times(eq.Number(2.0), next(half))))
        parts.append(vectors.choice(odd, eq.WithLookup(uniform(reader), table), _ZERO))
    inside = eq.Operation(
        "and", (eq.Operation(">=", (mean, _ZERO)), eq.Operation("<", (mean, eq.Number(2.0**_DIGITS))))
    )
    return vectors.choice(inside, vectors.joined("+", parts), eq.Number(math.nan))


def beta(reader: Place, tree: Call) -> eq.Expression:
    """BETA of Stella: of two shapes."""
    one, other = _numbers(reader, tree, tree.arguments[:2])
    return _with_ends(reader, tree, 2, "RANDOM BETA", {"A": one, "B": other})


def gamma(reader: Place, tree: Call) -> eq.Expression:
    """GAMMA of Stella: of a shape and a scale."""
    shape, scale = _numbers(reader, tree, tree.arguments[:2])
    return _with_ends(reader, tree, 2, "RANDOM GAMMA", {"order": shape, "stretch": shape * scale})


def _with_ends(reader: Place, tree: Call, count: int, name: str, given: Mapping[str, float]) -> eq.Expression:
    _ends(reader, tree, count)
    low, high = (*_numbers(reader, tree, tree.arguments[count + 1 :]), math.nan, math.nan)[:2]
    ends = {"min": -math.inf if math.isnan(low) else low, "max": math.inf if math.isnan(high) else high}
    return _of_table(reader, tree, name, {**ends, **given})


def _of_table(reader: Place, tree: Call, name: str, given: Mapping[str, float]) -> eq.Expression:
    """Return a number of a distribution by Vensim's name for its arguments by theirs."""
    if (problem := laws.wrong(name, given)) is not None:
        raise Refused([f"{_title(tree)}: {problem[0]} ({problem[1]})"])
    law = laws.law(name, given)
    make = partial(_steps if law.counts else _quantiles, _title(tree), law, given["min"], given["max"])
    table = reader.translation.once((name, *given.values()), make)
    drawn = uniform(reader)
    return eq.WithLookup(drawn if law.counts else eq.Operation("normal quantile", (drawn,)), table)


def _quantiles(title: str, law: laws.Law, low: float, high: float) -> eq.Table:
    """Return the numbers of a distribution that lie as far up in it as normal numbers in theirs."""
    from scipy.special import ndtr

    normal = np.linspace(-_FURTHEST, _FURTHEST, _POINTS)
    found = law.at(ndtr(normal), low, high)
    if found is None:
        raise Refused([f"{title} with nothing between its ends"])
    return eq.Table(tuple(map(float, normal)), tuple(map(float, found)))


def _steps(title: str, law: laws.Law, low: float, high: float) -> eq.Table:
    """Return a table in which each number between its ends holds as long as its share."""
    first, last = law.distribution.support()
    mean, far = law.distribution.mean(), _FAR * (law.distribution.std() + 1.0)
    first, last = max(first, math.floor(mean - far)), min(last, math.ceil(mean + far))
    if not last - first < _MOST_COUNTS:
        raise Refused([f"{title} of more than {_MOST_COUNTS} different numbers"])
    counts = np.arange(first, last + 1.0)
    values = law.shift + law.stretch * counts
    inside = (values >= low) & (values <= high)
    shares = law.distribution.pmf(counts)[inside]
    if not shares.sum() > 0:
        raise Refused([f"{title} with nothing between its ends"])
    reached = np.concatenate([[0.0], np.cumsum(shares)[:-1]]) / shares.sum()
    # of numbers whose shares are too small to move on, the last holds
    steps = dict(zip(map(float, reached), map(float, values[inside]), strict=True))
    return eq.Table(tuple(steps), tuple(steps.values()), "steps")


def _counts(mean: float) -> eq.Table:
    return _steps("POISSON", laws.law("RANDOM POISSON", {"mean of counts": mean}), -math.inf, math.inf)


def of_lookup(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM LOOKUP: a table as the density of a number, which is stretched, shifted and cut off at both ends."""
    low, high, shift, stretch = _numbers(reader, tree, tree.arguments[1:5])
    table = curves.named_table(reader, tree.arguments[0])
    if not stretch > 0 or min(table.ys) < 0:
        raise Refused([f"{_title(tree)} with a density below 0, or a stretch that is not above it"])
    ends = ((low - shift) / stretch, (high - shift) / stretch)
    parts = reader.translation.once(("density", id(table), ends), lambda: _densities(_title(tree), table, *ends))
    # where the number lies: the share and the place of the point before it, density and slope there
    drawn = reader.keep("share", uniform(reader))
    before, x, density, slope = (eq.WithLookup(drawn, one) for one in parts)
    beyond = reader.keep("share beyond", memory.minus(drawn, before))
    start = reader.keep("density", density)
    bend = memory.times(memory.times(eq.Number(2.0), slope), beyond)
    root = eq.Operation("sqrt", (eq.Operation("max", (memory.plus(memory.times(start, start), bend), _ZERO)),))
    way = memory.over(memory.times(eq.Number(2.0), beyond), memory.plus(start, root))
    there = memory.plus(x, vectors.choice(eq.Operation(">", (beyond, _ZERO)), way, _ZERO))
    return memory.plus(eq.Number(shift), memory.times(eq.Number(stretch), there))


def _densities(title: str, table: eq.Table, low: float, high: float) -> tuple[eq.Table, ...]:
    """Return, by share, the share and place of the point of a density before it, the density there and its slope."""
    low, high = max(low, table.xs[0]), min(high, table.xs[-1])
    xs = sorted({low, high, *(one for one in table.xs if low < one < high)}) if low < high else []
    points = list(zip(xs, map(float, np.interp(xs, table.xs, table.ys)), strict=True))
    areas = [(right - left) * (y + z) / 2.0 for (left, y), (right, z) in pairwise(points)]
    total = math.fsum(areas)
    if not total > 0:
        raise Refused([f"{title} with nothing between its ends"])
    rows: dict[float, tuple[float, float, float]] = {}
    reached = 0.0
    for ((left, y), (right, z)), area in zip(pairwise(points), areas, strict=True):
        if area > 0:
            rows[reached / total] = (left, y / total, (z - y) / (right - left) / total)
        reached += area
    columns = zip(*((share, *row) for share, row in rows.items()), strict=True)
    return tuple(eq.Table(tuple(rows), column, "steps") for column in columns)


# ---- with a memory


def pink_noise(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM PINK NOISE: normal numbers that stay alike for a time, whatever the time step and the method.

    A time below the time step counts as one.
    """
    mean, deviation, time = (reader.read(one) for one in tree.arguments[:3])
    most = eq.Operation("max", (time, reader.step))
    part = reader.keep("part", memory.over(reader.step, most))

    def white(spread: eq.Expression) -> eq.Expression:
        return _drawn(reader, _normal(mean, memory.times(deviation, spread)), (None, None))

    noise = reader.promise("pink noise")
    # so that it spreads as far as it should at every time
    wide = eq.Operation("sqrt", (memory.over(memory.minus(eq.Number(2.0), part), part),))
    following = reader.keep("next", memory.plus(noise, memory.times(part, memory.minus(white(wide), noise))))
    reader.fulfil(noise, eq.DelayFixed(following, reader.step, white(_ONE)))
    return noise


def _title(tree: Call) -> str:
    return tree.name.replace("_", " ").upper()


def _numbers(reader: Place, tree: Call, trees: tuple[Tree, ...]) -> list[float]:
    """Return arguments that shape a table and so must be numbers of the file."""
    found = [reader.fixed(reader.read(one)) for one in trees]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        raise Refused([f"{_title(tree)} of what is not a number of the file"])
    return known
