"""Scarce supplies shared among claims by priority."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockflow.language.equations import Expression, Number, Operation, Reference
from stockflow.language.functions import memory, vectors
from stockflow.language.functions.calls import column
from stockflow.language.place import Place
from stockflow.language.tree import Call, Name, Refused, subscripts_of
from stockflow.names import plain

# operations of what a claim gets at one of two prices
_PARTS = 12
_HALF, _ONE = Number(0.5), Number(1.0)
# how many widths from its middle each shape ends: rectangles, triangles, normal and exponential curves
_REACH = {1: 0.5, 2: 0.5, 3: 9.0, 4: 37.0}
_HALVINGS = 52
# the least width of each shape: of normal curves the least deviation that Vensim takes
_NARROWEST = {1: 1e-6, 2: 1e-6, 3: 0.05, 4: 1e-6}


@dataclass(frozen=True, slots=True)
class Claim:
    """What is asked for with a priority, and in which shape that is spread over prices around it."""

    request: Expression
    middle: Expression
    width: Expression
    shape: int

    def spread(self) -> Expression:
        """Return how wide the claim is, which no claim is less than a little."""
        return Operation("max", (self.width, Number(_NARROWEST[self.shape])))

    def received(self, price: Expression) -> Expression:
        """Return what the claim gets at a price: half of it at its middle, less above."""
        below = memory.over(memory.minus(self.middle, price), self.spread())
        return memory.times(self.request, _SHARES[self.shape](below))


def _clamped(below: Expression) -> Expression:
    return Operation("max", (Number(0.0), Operation("min", (_ONE, memory.plus(below, _HALF)))))


def _triangular(below: Expression) -> Expression:
    part = _clamped(below)
    rest = memory.minus(_ONE, part)
    rising, falling = (memory.times(Number(2.0), memory.times(one, one)) for one in (part, rest))
    return vectors.choice(Operation("<", (part, _HALF)), rising, memory.minus(_ONE, falling))


def _exponential(below: Expression) -> Expression:
    tail = memory.times(_HALF, Operation("exp", (Operation("negative", (Operation("abs", (below,)),)),)))
    return vectors.choice(Operation(">", (below, Number(0.0))), memory.minus(_ONE, tail), tail)


_SHARES: dict[int, Callable[[Expression], Expression]] = {
    1: _clamped,
    2: _triangular,
    3: lambda below: Operation("normal share", (below,)),
    4: _exponential,
}


def by_priority(reader: Place, tree: Call) -> Expression:
    """ALLOCATE BY PRIORITY: claims of higher priority first, those within `width` of it in part."""
    request, priority, _, width, supply = tree.arguments
    requests, place = column(reader, request)
    priorities, _ = column(reader, priority)
    if len(priorities) != len(requests):
        raise Refused([f"ALLOCATE BY PRIORITY of {len(requests)} requests with {len(priorities)} priorities"])
    breadth = reader.read(width)
    wide = reader.translation.once(("width", breadth), lambda: reader.keep("width", breadth))
    claims = [(asked, first, wide) for asked, first in zip(requests, priorities, strict=True)]
    return _allocation(reader, claims, place, reader.read(supply))


def available(reader: Place, tree: Call) -> Expression:
    """ALLOCATE AVAILABLE: each claim has a shape, a priority, and a width around it."""
    asked, profiles, supply = tree.arguments
    requests, place = column(reader, asked)
    last = plain(subscripts_of(asked)[-1])
    found = reader.defined(plain(profiles.name)) if isinstance(profiles, Name) else None
    given = subscripts_of(profiles)
    if found is None or found[0].prefix or len(given) < 2:
        raise Refused(["ALLOCATE AVAILABLE without profiles by element"])
    scope, key = found
    defined = {elements[-1] for elements in scope.definitions[key] if elements}
    parts = sorted(defined, key=reader.ranges.rank)
    parts = parts[parts.index(plain(given[-1])) :] if plain(given[-1]) in defined else []
    if len(parts) < 3:
        raise Refused(["ALLOCATE AVAILABLE with profiles of less than three parts from the one that is named on"])
    claims: list[Claim] = []
    for request, one in zip(requests, reader.ranges.choices(last), strict=True):
        with_one = {**reader.bound, last: one}
        base = tuple(reader.ranges.element(subscript, with_one) for subscript in given[:-1])
        profile, middle, width = (reader.named(scope, key, (*base, part)) for part in parts[:3])
        shape = reader.fixed(profile)
        if shape not in _REACH:
            raise Refused(["ALLOCATE AVAILABLE with a profile that is not the number 1, 2, 3 or 4 in the file"])
        if shape != 3:  # normal curves of no width are as narrow as they may be
            _check(reader, width)
        claims.append(Claim(request, middle, width, int(shape)))
    there = Operation("max", (reader.read(supply), Number(0.0)))
    if all(one.shape == 1 for one in claims):
        ranked = [
            (one.request, memory.plus(one.middle, memory.times(_HALF, one.spread())), one.spread()) for one in claims
        ]
        return _allocation(reader, ranked, place, there)
    return _searched(reader, claims, place, there)


def _check(reader: Place, width: Reference) -> None:
    """Raise Refused for a width that the file has as a number which is not above 0; another may be set in its place."""
    before = set(reader.translation.structural)
    found = reader.fixed(width)
    reader.translation.structural.intersection_update(before)
    if found is not None and not found > 0:
        raise Refused([f"ALLOCATE AVAILABLE with the width {found:g}, {width.name!r}, which is not above 0,"])


def _searched(reader: Place, claims: Sequence[Claim], place: int, supply: Expression) -> Expression:
    """Find one price for claims of any shapes by halving the range it is in; serve one."""

    def price() -> Reference:
        reader.translation.spend(_PARTS * _HALVINGS * len(claims))
        reaches = [memory.times(Number(_REACH[one.shape]), one.spread()) for one in claims]
        ends = [
            (memory.minus(one.middle, far), memory.plus(one.middle, far))
            for one, far in zip(claims, reaches, strict=True)
        ]
        low: Expression = reader.keep("low", vectors.joined("min", [least for least, _ in ends]))
        high: Expression = reader.keep("high", vectors.joined("max", [most for _, most in ends]))
        wanted = reader.keep("supply", supply)
        for _ in range(_HALVINGS):
            middle = reader.keep("price", memory.times(_HALF, memory.plus(low, high)))
            taken = reader.keep("taken", vectors.joined("+", [one.received(middle) for one in claims]))
            enough = Operation(">=", (taken, wanted))
            low = reader.keep("low", vectors.choice(enough, middle, low))
            high = reader.keep("high", vectors.choice(enough, high, middle))
        return reader.keep("price", memory.times(_HALF, memory.plus(low, high)))

    return claims[place].received(reader.translation.once(("price", tuple(claims), supply), price))


def _allocation(
    reader: Place, claims: Sequence[tuple[Expression, Expression, Expression]], place: int, supply: Expression
) -> Expression:
    """Find one price for all claims, each of a size, the price where it begins and a width; serve one.

    Supply beyond all claims is nobody's.
    """

    def price() -> Reference:
        reader.translation.spend(_PARTS * len(claims) ** 2)
        prices = [begin for _, begin, _ in claims] + [memory.minus(begin, width) for _, begin, width in claims]
        totals = [
            reader.keep("taken", vectors.joined("+", [vectors.received(*claim, price) for claim in claims]))
            for price in prices
        ]
        most = reader.keep("supply", Operation("min", (supply, vectors.joined("max", totals))))
        return reader.keep("price", vectors.clearing_price(totals, prices, most))

    return vectors.received(*claims[place], reader.translation.once(("price", tuple(claims), supply), price))
