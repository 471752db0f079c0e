"""Random numbers of several distributions, each from one number between 0 and 1 that its place in the model draws."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

from stockflow.language import equations as eq
from stockflow.language.functions import memory, vectors
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused

_ZERO, _ONE = eq.Number(0.0), eq.Number(1.0)
# of a distribution of whole numbers: its mean, or how often something is tried
_MOST = 1000.0


def uniform(reader: Place) -> eq.Expression:
    """A number between 0 and 1 drawn at this place, which the hidden name it would have identifies."""
    return eq.Random(reader.promise("draw").name)


def random_uniform(reader: Place, tree: Call) -> eq.Expression:
    """A number between two others."""
    low, high = (reader.read(one) for one in tree.arguments[:2])
    return memory.plus(low, memory.times(memory.minus(high, low), uniform(reader)))


def random_normal(reader: Place, tree: Call) -> eq.Expression:
    """A normal number cut off at both ends, by the inverse of its distribution."""
    low, high, mean, deviation = (reader.read(one) for one in tree.arguments[:4])
    below, above = (
        eq.Operation("normal share", (memory.over(memory.minus(end, mean), deviation),)) for end in (low, high)
    )
    share = memory.plus(below, memory.times(uniform(reader), memory.minus(above, below)))
    return memory.plus(mean, memory.times(deviation, eq.Operation("normal quantile", (share,))))


def random_exponential(reader: Place, tree: Call) -> eq.Expression:
    """An exponential number cut off at both ends, by the inverse of its distribution."""
    low, high, shift, scale = (reader.read(one) for one in tree.arguments[:4])
    start = eq.Operation("max", (low, shift))
    beyond = eq.Operation("exp", (eq.Operation("negative", (memory.over(memory.minus(high, start), scale),)),))
    share = memory.minus(_ONE, memory.times(uniform(reader), memory.minus(_ONE, beyond)))
    return memory.minus(start, memory.times(scale, eq.Operation("ln", (share,))))


def normal(reader: Place, tree: Call) -> eq.Expression:
    """NORMAL of XMILE: mean, standard deviation and, after the seed, limits that cut both ends off."""
    mean, deviation, *rest = tree.arguments
    if len(rest) == 2:
        raise Refused(["NORMAL with a lower end and no upper one"])
    if len(rest) == 3:
        return random_normal(reader, Call(tree.name, (rest[1], rest[2], mean, deviation)))
    drawn = eq.Operation("normal quantile", (uniform(reader),))
    return memory.plus(reader.read(mean), memory.times(reader.read(deviation), drawn))


def exponential(reader: Place, tree: Call) -> eq.Expression:
    """EXPRND of XMILE: an exponential number with a mean."""
    drawn = eq.Operation("negative", (eq.Operation("ln", (uniform(reader),)),))
    return memory.times(reader.read(tree.arguments[0]), drawn)


def triangular(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM TRIANGULAR: from a start over a peak to a stop, cut off at both ends."""
    parts = [reader.keep("bound", reader.read(one)) for one in tree.arguments[:5]]
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


def poisson(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM POISSON: a whole number with a mean, stretched, shifted and cut off at both ends."""
    low, high, mean, shift, stretch = _numbers(reader, tree, 5)
    if not 0 < mean <= _MOST:
        raise Refused([f"{_title(tree)} with a mean that is not above 0 and at most {_MOST:g}"])
    last = int(mean + 40.0 * math.sqrt(mean) + 40.0)
    shares = (math.exp(one * math.log(mean) - mean - math.lgamma(one + 1.0)) for one in range(last))
    return _whole(reader, (_title(tree), mean), shares, (low, high, shift, stretch))


def binomial(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM BINOMIAL: how many of some draws succeed, stretched, shifted and cut off at both ends."""
    low, high, chance, draws, shift, stretch = _numbers(reader, tree, 6)
    if not (0 < chance < 1 and 1 <= draws <= _MOST and draws == int(draws)):
        raise Refused([f"{_title(tree)} without a chance between 0 and 1 and 1 to {_MOST:g} draws"])
    count = int(draws)
    shares = (math.comb(count, one) * chance**one * (1.0 - chance) ** (count - one) for one in range(count + 1))
    return _whole(reader, (_title(tree), chance, draws), shares, (low, high, shift, stretch))


def _title(tree: Call) -> str:
    return tree.name.replace("_", " ").upper()


def _numbers(reader: Place, tree: Call, count: int) -> list[float]:
    """Return the arguments before the seed, which shape a table and so must be numbers of the file."""
    found = [reader.fixed(reader.read(one)) for one in tree.arguments[:count]]
    known = [one for one in found if one is not None]
    if len(known) < count:
        raise Refused([f"{_title(tree)} of what is not a number of the file"])
    return known


def _whole(
    reader: Place, kind: tuple[Hashable, ...], shares: Iterable[float], cut: tuple[float, float, float, float]
) -> eq.Expression:
    """Return a number drawn from shares of 0, 1, 2, ..; `kind` is the name of the distribution and what shapes it."""
    table = reader.translation.once((*kind, *cut), lambda: _steps(f"{kind[0]}", shares, *cut))
    return eq.WithLookup(uniform(reader), table)


def _steps(title: str, shares: Iterable[float], low: float, high: float, shift: float, stretch: float) -> eq.Table:
    """Return a table in which each number between its ends holds as long as its share."""
    values = ((shift + stretch * one, share) for one, share in enumerate(shares))
    inside = [(value, share) for value, share in values if low <= value <= high]
    total = math.fsum(share for _, share in inside)
    if not total > 0:
        raise Refused([f"{title} with nothing between its ends"])
    # of numbers whose shares are too small to move on, the last holds
    steps: dict[float, float] = {}
    reached = 0.0
    for value, share in inside:
        steps[reached / total] = value
        reached += share
    return eq.Table(tuple(steps), tuple(steps.values()), "steps")
