"""Random numbers of several distributions, each from one number between 0 and 1 that its place in the model draws."""

from __future__ import annotations

from stockflow.language import equations as eq
from stockflow.language import memory
from stockflow.language.place import Place
from stockflow.language.tree import Call

_ONE = eq.Number(1.0)


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
    if len(rest) == 3:
        return random_normal(reader, Call(tree.name, (rest[1], rest[2], mean, deviation)))
    drawn = eq.Operation("normal quantile", (uniform(reader),))
    return memory.plus(reader.read(mean), memory.times(reader.read(deviation), drawn))


def exponential(reader: Place, tree: Call) -> eq.Expression:
    """EXPRND of XMILE: an exponential number with a mean."""
    drawn = eq.Operation("negative", (eq.Operation("ln", (uniform(reader),)),))
    return memory.times(reader.read(tree.arguments[0]), drawn)
