"""Outflows of stocks that may not fall below 0: each takes what is there after those before it.

What is there is the stock and what flows in during a step, less what earlier outflows take.  An inflow that depends on
the outflow in the same moment, as in a circle of such stocks, counts only in the step after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stockflow.language.definition import Definition
from stockflow.language.order import reached
from stockflow.language.tree import Call, Chain, Literal, Name, Stock, Tree, walk
from stockflow.names import plain


def limited(definitions: Sequence[Definition]) -> list[Definition]:
    """Return definitions in which the outflows of non-negative stocks take no more than is there."""
    uses = {plain(one.name): _read(one.tree) for one in definitions}
    most: dict[str, Tree] = {}
    for one in definitions:
        if isinstance(one.tree, Stock) and one.tree.floored and not most.keys() & _keys(one.tree.outflows):
            most.update(_most(one.name, one.tree, uses))
    return [_with_most(one, most) for one in definitions]


def _read(tree: Tree | None) -> set[str]:
    """Return what a tree reads in the moment it is computed; a stock is known before."""
    if tree is None or isinstance(tree, Stock):
        return set()
    return {plain(one.name) for one in walk(tree) if isinstance(one, (Name, Call))}


def _keys(flows: Iterable[Tree]) -> set[str]:
    return {plain(one.name) for one in flows if isinstance(one, Name)}


def _most(name: str, stock: Stock, uses: Mapping[str, set[str]]) -> dict[str, Tree]:
    """Return the most that each outflow of a stock may take; `uses` are extended by what that reads."""
    most: dict[str, Tree] = {}
    taken: list[Name] = []
    for flow in _in_order([one for one in stock.outflows if isinstance(one, Name)], uses):
        key = plain(flow.name)
        there: list[Tree] = [Chain(("/",), (Name(name), Name("TIME STEP")))]
        for inflow in stock.inflows:
            needed = _read(inflow)
            if key not in reached(needed, lambda one: uses.get(one, ())):
                there.append(inflow)
                uses[key].update(needed)
        uses[key].update(_keys(taken))
        signs = "+" * (len(there) - 1) + "-" * len(taken)
        whole: Tree = Chain(tuple(signs), (*there, *taken)) if signs else there[0]
        most[key] = Call("max", (whole, Literal(0.0)))
        taken.append(flow)
    return most


def _in_order(flows: list[Name], uses: Mapping[str, set[str]]) -> list[Name]:
    """Return outflows in their order, but each after those that it reads."""
    result: list[Name] = []
    while len(flows) > 1:
        keys = {id(one): plain(one.name) for one in flows}
        below = {id(one): reached(uses.get(keys[id(one)], ()), lambda key: uses.get(key, ())) for one in flows}
        free = [one for one in flows if not any(keys[id(other)] in below[id(one)] for other in flows if other != one)]
        first = free[0] if free else flows[0]
        flows = [one for one in flows if one is not first]
        result.append(first)
    return [*result, *flows]


def _with_most(one: Definition, most: Mapping[str, Tree]) -> Definition:
    found = most.get(plain(one.name))
    return one if found is None or one.tree is None else replace(one, tree=Call("min", (one.tree, found)))
