"""Scarce supplies shared among claims by priority."""

from __future__ import annotations

from collections.abc import Sequence

from stockflow.language.equations import Expression, Number, Operation, Reference
from stockflow.language.functions import memory, vectors
from stockflow.language.functions.calls import column
from stockflow.language.place import Place
from stockflow.language.tree import Call, Name, Refused, subscripts_of
from stockflow.names import plain

# operations of what a claim gets at one of two prices
_PARTS = 12


def by_priority(reader: Place, tree: Call) -> Expression:
    """ALLOCATE BY PRIORITY: claims of higher priority first, those within `width` of it in part."""
    request, priority, _, width, supply = tree.arguments
    requests, place = column(reader, request)
    priorities, _ = column(reader, priority)
    breadth = reader.read(width)
    wide = reader.translation.once(("width", breadth), lambda: reader.keep("width", breadth))
    claims = [(asked, first, wide) for asked, first in zip(requests, priorities, strict=True)]
    return _allocation(reader, claims, place, reader.read(supply))


def available(reader: Place, tree: Call) -> Expression:
    """ALLOCATE AVAILABLE with rectangular profiles: each claim has a priority, and a width around it."""
    asked, profiles, supply = tree.arguments
    requests, place = column(reader, asked)
    last = plain(subscripts_of(asked)[-1])
    found = reader.defined(plain(profiles.name)) if isinstance(profiles, Name) else None
    given = subscripts_of(profiles)
    if found is None or found[0].prefix or len(given) < 2:
        raise Refused(["ALLOCATE AVAILABLE without profiles by element"])
    scope, key = found
    parts = list(dict.fromkeys(elements[-1] for elements in scope.definitions[key] if elements))
    if len(parts) < 3:
        raise Refused(["ALLOCATE AVAILABLE with profiles of less than three parts"])
    claims: list[tuple[Expression, Expression, Expression]] = []
    for request, one in zip(requests, reader.ranges.choices(last), strict=True):
        with_one = {**reader.bound, last: one}
        base = tuple(reader.ranges.element(subscript, with_one) for subscript in given[:-1])
        profile, middle, width = (reader.named(scope, key, (*base, part)) for part in parts[:3])
        if reader.fixed(profile) != 1:
            raise Refused(["ALLOCATE AVAILABLE with a profile other than 1 (rectangular)"])
        claims.append((request, memory.plus(middle, memory.times(Number(0.5), width)), width))
    return _allocation(reader, claims, place, reader.read(supply))


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
