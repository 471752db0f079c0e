"""Outflows of stocks that may not fall below 0: each takes what is there after those before it.

What is there is the stock and what flows in during a step, less what earlier outflows take.  An inflow that depends on
the outflow in the same moment, as in a circle of such stocks, counts only in the step after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from stockflow.language.definition import Definition
from stockflow.language.tree import Call, Chain, Kept, LetOut, Literal, Name, Stock, Tree, walk
from stockflow.names import plain

# terms of what an outflow may take: what is left after so many others is worked out once for all that come after
_MOST_TERMS = 64


def limited(definitions: Sequence[Definition]) -> list[Definition]:
    """Return definitions in which the outflows of non-negative stocks take no more than is there.

    Those of a stock that shares one with another, which the standard does not have, stay as they are.
    """
    uses = _Uses()
    for one in definitions:
        uses.add(plain(one.name), _read(one.tree))
    left = Counter(key for one in {one.name: one.tree for one in definitions}.values() for key in _left(one))
    most: dict[str, Tree] = {}
    for one in definitions:
        if isinstance(one.tree, Stock) and one.tree.floored and all(left[key] == 1 for key in _left(one.tree)):
            most.update(_most(one.name, one.tree, uses))
    return [_with_most(one, most) for one in definitions]


class _Uses:
    """What each variable reads in the moment it is computed, and what reads it, as that grows."""

    def __init__(self) -> None:
        self.reads: dict[str, set[str]] = {}
        self.readers: dict[str, set[str]] = {}

    def add(self, name: str, read: Iterable[str]) -> None:
        """Note that a variable reads others."""
        own = self.reads.setdefault(name, set())
        for one in read:
            own.add(one)
            self.readers.setdefault(one, set()).add(name)

    def below(self, name: str) -> Set[str]:
        """Return what a variable reads itself."""
        return self.reads.get(name, frozenset())

    def reach(self, names: Iterable[str], *goals: str) -> bool:
        """Say whether one of some variables is one of others or reads it, by any chain.

        The search goes from both ends in turns, so that it is over when the smaller of both sides is through.
        """
        below, above = dict.fromkeys(names), dict.fromkeys(goals)
        downwards, upwards = list(below), list(above)
        while downwards and upwards:
            for todo, seen, other, following in (
                (downwards, below, above, self.reads),
                (upwards, above, below, self.readers),
            ):
                one = todo.pop()
                if one in other:
                    return True
                fresh = [each for each in following.get(one, ()) if each not in seen]
                seen.update(dict.fromkeys(fresh))
                todo.extend(fresh)
        return False


def _read(tree: Tree | None) -> set[str]:
    """Return what a tree reads in the moment it is computed; a stock and what comes off a belt are known before."""
    if tree is None or isinstance(tree, Stock):
        return set()
    if isinstance(tree, LetOut) and tree.holder.kind != "queue" and "arrest" not in tree.holder.settings:
        return set()
    return {plain(one.name) for one in walk(tree) if isinstance(one, (Name, Call))}


def _left(tree: Tree | None) -> set[str]:
    return _keys(tree.outflows) if isinstance(tree, Stock) else set()


def _keys(flows: Iterable[Tree]) -> set[str]:
    return {plain(one.name) for one in flows if isinstance(one, Name)}


def _most(name: str, stock: Stock, uses: _Uses) -> dict[str, Tree]:
    """Return the most that each outflow of a stock may take; `uses` are extended by what that reads."""
    begun = Chain(("/",), (Name(name), Name("TIME STEP")))
    most: dict[str, Tree] = {}
    taken: list[Name] = []
    left: dict[tuple[int, ...], _Left] = {}
    for flow in _in_order([one for one in stock.outflows if isinstance(one, Name)], uses):
        key = plain(flow.name)
        there: list[Tree] = [begun]
        for inflow in stock.inflows:
            needed = _read(inflow)
            if not uses.reach(needed, key):
                there.append(inflow)
                uses.add(key, needed)
        uses.add(key, _keys(taken[-1:]))  # which reads those before it
        counted = left.setdefault(tuple(map(id, there)), _Left(there))
        most[key] = Call("max", (counted.after(taken), Literal(0.0)))
        taken.append(flow)
    return most


class _Left:
    """What is left of what is there, outflow by outflow."""

    def __init__(self, there: Sequence[Tree]) -> None:
        self.terms = list(there)
        self.signs = "+" * (len(there) - 1)
        self.taken = 0

    def after(self, taken: Sequence[Name]) -> Tree:
        """Return what is left after some outflows: those of the call before and more."""
        for flow in taken[self.taken :]:
            if len(self.terms) >= _MOST_TERMS:
                self.terms, self.signs = [Kept("left", self.whole())], ""
            self.terms.append(flow)
            self.signs += "-"
        self.taken = len(taken)
        return self.whole()

    def whole(self) -> Tree:
        return Chain(tuple(self.signs), tuple(self.terms)) if self.signs else self.terms[0]


def _in_order(flows: Sequence[Name], uses: _Uses) -> list[Name]:
    """Return outflows in their order, but each after those that it reads."""
    keys = [plain(one.name) for one in flows]
    places = range(len(flows))
    waits = {
        one: {other for other in places if keys[other] != keys[one] and uses.reach(uses.below(keys[one]), keys[other])}
        if uses.reach(uses.below(keys[one]), *keys)
        else set[int]()
        for one in places
    }
    result: list[Name] = []
    while waits:
        # flows of a loop, which is refused later, stay as they are
        first = next((one for one, others in waits.items() if not others & waits.keys()), next(iter(waits)))
        del waits[first]
        result.append(flows[first])
    return result


def _with_most(one: Definition, most: Mapping[str, Tree]) -> Definition:
    found = most.get(plain(one.name))
    return one if found is None or one.tree is None else replace(one, tree=Call("min", (one.tree, found)))
