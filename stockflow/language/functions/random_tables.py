"""Random numbers of distributions whose arguments are numbers of the file: each is looked up in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import numpy as np

from stockflow.language import equations as eq
from stockflow.language.curve import Table
from stockflow.language.functions import curves, laws, memory, random, vectors
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused

_ZERO, _ONE = eq.Number(0.0), eq.Number(1.0)
# a table of quantiles: its points evenly between so many standard deviations of a normal number; and the most of counts
_POINTS, _FURTHEST, _MOST_COUNTS = 1025, 8.0, 3000
# of a mean that changes: its binary digits, and the largest count that a mean below 1 gives
_DIGITS, _MOST_OF_ONE = 10, 18
# in standard deviations of a count, what never comes
_FAR = 40.0


def tabled(reader: Place, tree: Call) -> eq.Expression:
    """A distribution of Vensim whose quantiles have no closed form, stretched, shifted and cut off at both ends."""
    names = laws.ARGUMENTS[random.title(tree)]
    given = dict(zip(names, random.numbers(reader, tree, tree.arguments[: len(names)]), strict=True))
    return _of_table(reader, tree, random.title(tree), given)


def binomial(reader: Place, tree: Call) -> eq.Expression:
    """BINOMIAL of Stella: how many of so many trials succeed; a chance that is none is 1, as the manual says."""
    count, chance = random.numbers(reader, tree, tree.arguments[:2])
    given = {"P": chance if 0.0 <= chance <= 1.0 else 1.0, "N": count}
    return _with_ends(reader, tree, 2, "RANDOM BINOMIAL", given)


def poisson(reader: Place, tree: Call) -> eq.Expression:
    """POISSON: a count with a mean, which may change, below 1024, where nothing is cut off."""
    mean, structural = reader.read(tree.arguments[0]), set(reader.translation.structural)
    if len(tree.arguments) > 2 or reader.fixed(mean) is not None:
        (value,) = random.numbers(reader, tree, tree.arguments[:1])
        return _with_ends(reader, tree, 1, "RANDOM POISSON", {"mean of counts": value})
    reader.translation.structural.intersection_update(structural)  # it is not fixed by this
    mean = reader.keep("mean", mean)
    whole, drawn = reader.keep("whole", vectors.floor(mean)), reader.keep("drawn", random.uniform(reader))
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
        parts.append(vectors.choice(odd, eq.WithLookup(random.uniform(reader), table), _ZERO))
    inside = eq.Operation(
        "and", (eq.Operation(">=", (mean, _ZERO)), eq.Operation("<", (mean, eq.Number(2.0**_DIGITS))))
    )
    return vectors.choice(inside, vectors.joined("+", parts), eq.Number(math.nan))


def beta(reader: Place, tree: Call) -> eq.Expression:
    """BETA of Stella: of two shapes."""
    one, other = random.numbers(reader, tree, tree.arguments[:2])
    return _with_ends(reader, tree, 2, "RANDOM BETA", {"A": one, "B": other})


def gamma(reader: Place, tree: Call) -> eq.Expression:
    """GAMMA of Stella: of a shape and a scale."""
    shape, scale = random.numbers(reader, tree, tree.arguments[:2])
    return _with_ends(reader, tree, 2, "RANDOM GAMMA", {"order": shape, "stretch": shape * scale})


def _with_ends(reader: Place, tree: Call, count: int, name: str, given: Mapping[str, float]) -> eq.Expression:
    random.ends(reader, tree, count)
    low, high = (*random.numbers(reader, tree, tree.arguments[count + 1 :]), math.nan, math.nan)[:2]
    ends = {"min": -math.inf if math.isnan(low) else low, "max": math.inf if math.isnan(high) else high}
    return _of_table(reader, tree, name, {**ends, **given})


def _of_table(reader: Place, tree: Call, name: str, given: Mapping[str, float]) -> eq.Expression:
    """Return a number of a distribution by Vensim's name for its arguments by theirs."""
    if (problem := laws.wrong(name, given)) is not None:
        raise Refused([f"{random.title(tree)}: {problem[0]} ({problem[1]})"])
    law = laws.law(name, given)
    make = partial(_steps if law.counts else _quantiles, random.title(tree), law, given["min"], given["max"])
    table = reader.translation.once((name, *given.values()), make)
    drawn = random.uniform(reader)
    return eq.WithLookup(drawn if law.counts else eq.Operation("normal quantile", (drawn,)), table)


def _quantiles(title: str, law: laws.Law, low: float, high: float) -> Table:
    """Return the numbers of a distribution that lie as far up in it as normal numbers in theirs."""
    from scipy.special import ndtr

    normal = np.linspace(-_FURTHEST, _FURTHEST, _POINTS)
    found = law.at(ndtr(normal), low, high)
    if found is None:
        raise Refused([f"{title} with nothing between its ends"])
    return Table(tuple(map(float, normal)), tuple(map(float, found)))


def _steps(title: str, law: laws.Law, low: float, high: float) -> Table:
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
    return Table(tuple(steps), tuple(steps.values()), "steps")


def _counts(mean: float) -> Table:
    return _steps("POISSON", laws.law("RANDOM POISSON", {"mean of counts": mean}), -math.inf, math.inf)


def of_lookup(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM LOOKUP: a table as the density of a number, which is stretched, shifted and cut off at both ends."""
    low, high, shift, stretch = random.numbers(reader, tree, tree.arguments[1:5])
    table = curves.named_table(reader, tree.arguments[0])
    if not stretch > 0 or min(table.ys) < 0:
        raise Refused([f"{random.title(tree)} with a density below 0, or a stretch that is not above it"])
    ends = ((low - shift) / stretch, (high - shift) / stretch)
    parts = reader.translation.once(("density", id(table), ends), lambda: _densities(random.title(tree), table, *ends))
    # where the number lies: the share and the place of the point before it, density and slope there
    drawn = reader.keep("share", random.uniform(reader))
    before, x, density, slope = (eq.WithLookup(drawn, one) for one in parts)
    beyond = reader.keep("share beyond", memory.minus(drawn, before))
    start = reader.keep("density", density)
    bend = memory.times(memory.times(eq.Number(2.0), slope), beyond)
    root = eq.Operation("sqrt", (eq.Operation("max", (memory.plus(memory.times(start, start), bend), _ZERO)),))
    way = memory.over(memory.times(eq.Number(2.0), beyond), memory.plus(start, root))
    there = memory.plus(x, vectors.choice(eq.Operation(">", (beyond, _ZERO)), way, _ZERO))
    return memory.plus(eq.Number(shift), memory.times(eq.Number(stretch), there))


def _densities(title: str, table: Table, low: float, high: float) -> tuple[Table, ...]:
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
    return tuple(Table(tuple(rows), column, "steps") for column in columns)
