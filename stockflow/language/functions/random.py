"""Random numbers, each from one number between 0 and 1 that its place in the model draws."""

from __future__ import annotations

import math

from stockflow.language import equations as eq
from stockflow.language.functions import memory, vectors
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused, Tree

_ZERO, _ONE, _HUNDRED = eq.Number(0.0), eq.Number(1.0), eq.Number(100.0)
Ends = tuple[eq.Expression, eq.Expression]


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


def pink_noise(reader: Place, tree: Call) -> eq.Expression:
    """RANDOM PINK NOISE: normal numbers that stay alike for a time, whatever the time step and the method.

    A time below the time step counts as one.
    """
    mean, deviation, time = (reader.read(one) for one in tree.arguments[:3])
    most = eq.Operation("max", (time, reader.step))
    part = reader.keep("part", memory.over(reader.step, most))

    def white(spread: eq.Expression) -> eq.Expression:
        drawn = eq.Operation("normal quantile", (uniform(reader),))
        return memory.plus(mean, memory.times(memory.times(deviation, spread), drawn))

    noise = reader.promise("pink noise")
    # so that it spreads as far as it should at every time
    wide = eq.Operation("sqrt", (memory.over(memory.minus(eq.Number(2.0), part), part),))
    following = reader.keep("next", memory.plus(noise, memory.times(part, memory.minus(white(wide), noise))))
    reader.fulfil(noise, eq.DelayFixed(following, reader.step, white(_ONE)))
    return noise


def ends(reader: Place, tree: Call, count: int) -> Ends:
    """Return the ends of a distribution of Stella, which follow the seed after so many parameters.

    One that is NAN, or not there, is infinite.
    """
    if len(tree.arguments) > count + 3:
        raise Refused([f"{title(tree)} with a time for which its number is kept"])
    given: list[eq.Expression | None] = [reader.read(one) for one in tree.arguments[count + 1 :]]
    low, high = (*given, None, None)[:2]
    return _or(low, -math.inf), _or(high, math.inf)


def _or(end: eq.Expression | None, instead: float) -> eq.Expression:
    fixed = None if end is None else eq.number(end)
    return eq.Number(instead) if end is None or (fixed is not None and math.isnan(fixed)) else end


def title(tree: Call) -> str:
    """Return the name of a function as messages have it."""
    return tree.name.replace("_", " ").upper()


def numbers(reader: Place, tree: Call, trees: tuple[Tree, ...]) -> list[float]:
    """Return arguments that shape a table and so must be numbers of the file."""
    found = [reader.fixed(reader.read(one)) for one in trees]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        raise Refused([f"{title(tree)} of what is not a number of the file"])
    return known
