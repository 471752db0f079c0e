"""What depends on what, and which feedback loops that makes.

A link runs from a variable to each variable whose equation reads it while time passes; initial values
make dependencies but no feedback.  Every feedback loop lies inside one strongly connected component.
All loops of a component can be astronomically many, so `independent_loops` gives a basis of them: the
shortest loops none of which is a combination of others, as many as links - variables + 1, in the spirit
of the shortest independent loop set of Oliva (2004), System Dynamics Review 20(4), 313-336.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stockflow.language import equations as eq
from stockflow.language.order import reached
from stockflow.language.source import warn

#: variable -> variables it has a link to
Links = Mapping[str, tuple[str, ...]]
Link = tuple[str, str]
_MOST_CANDIDATES = 5_000_000
# variables of a large component through which loops are looked for
_MOST_SAMPLED = 200


def read_names(expression: eq.Expression) -> tuple[str, ...]:
    """Return every variable an expression reads, lookups included, each once."""
    return eq.named(expression, (eq.Reference, eq.LookupCall))


def pairs(loop: Sequence[str]) -> list[Link]:
    """Return the links of a loop, the last from its last member to its first."""
    return list(zip(loop, (*loop[1:], loop[0]), strict=True))


def moving_part(expression: eq.Expression) -> eq.Expression:
    """Return the part of a right-hand side that acts while time passes: a rate, an input, all of it, or 0 for none."""
    match expression:
        case eq.Integral(part, _) | eq.DelayFixed(part, _, _) | eq.ActiveInitial(part, _):
            return part
        case eq.Initial():
            return eq.Number(0.0)
        case _:
            return expression


def signed_flows(expression: eq.Expression) -> Iterator[tuple[str, int]]:
    """Yield the variables that a stock's rate adds (1) or takes off (-1) as whole terms."""
    if isinstance(expression, eq.Integral):
        yield from ((term.name, sign) for term, sign in eq.terms(expression.rate) if isinstance(term, eq.Reference))


def depends_on(equations: eq.Equations, name: str, direct: bool = False) -> tuple[str, ...]:
    """Return what a variable's value is made of, in file order: directly, or through any chain."""
    return _closure(equations, name, _reads(equations), direct)


def used_by(equations: eq.Equations, name: str, direct: bool = False) -> tuple[str, ...]:
    """Return the variables that a variable acts on, in file order: directly, or through any chain."""
    return _closure(equations, name, _reversed(_reads(equations)), direct)


def links(equations: eq.Equations) -> Links:
    """Return, for every variable, those it acts on while time passes."""
    if not equations.links:
        read = {name: read_names(moving_part(one.expression)) for name, one in equations.variables.items()}
        equations.links.update(_reversed(read))
    return equations.links


def components(equations: eq.Equations) -> tuple[tuple[str, ...], ...]:
    """Return the sets of variables that all act on each other, largest first, members in file order."""
    return _components(links(equations))


def _components(graph: Links) -> tuple[tuple[str, ...], ...]:
    order = {name: place for place, name in enumerate(graph)}
    loops = (sorted(one, key=order.__getitem__) for one in strong(graph) if len(one) > 1 or one[0] in graph[one[0]])
    return tuple(sorted(map(tuple, loops), key=lambda one: (-len(one), order[one[0]])))


def strong(graph: Links) -> Iterator[list[str]]:
    """Yield the strongly connected components of a graph (Tarjan), without recursion: a chain may be long."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: dict[str, None] = {}
    for root in graph:
        todo = [] if root in numbers else [(root, iter(graph[root]))]
        while todo:
            name, others = todo[-1]
            if name not in numbers:
                numbers[name] = lowest[name] = len(numbers)
                path[name] = None
            fresh = None
            for other in others:
                if other not in numbers:
                    fresh = other
                    break
                if other in path:
                    lowest[name] = min(lowest[name], numbers[other])
            if fresh is not None:
                todo.append((fresh, iter(graph[fresh])))
                continue
            todo.pop()
            if todo:
                lowest[todo[-1][0]] = min(lowest[todo[-1][0]], lowest[name])
            if lowest[name] == numbers[name]:
                component = [path.popitem()[0]]
                while component[-1] != name:
                    component.append(path.popitem()[0])
                yield component


def independent_loops(equations: eq.Equations) -> tuple[tuple[str, ...], ...]:
    """Return a basis of the feedback loops, shortest first, each in causal order.

    Loops of one component come together.  Each has the shortest length among the loops that are no
    combination of those before it; between equals, the one whose members come first in the file.
    Where components have more than five million pairs of a variable and a link together, the largest of them give a
    sample: the shortest loops through some of their variables, stocks first, with a warning that says so.
    """
    graph = links(equations)
    order = {name: place for place, name in enumerate(equations.variables)}
    inside = [_inside(graph, component) for component in _components(graph)]
    fewest = sorted(range(len(inside)), key=lambda place: len(inside[place]) * _arrows(inside[place]))
    sizes = itertools.accumulate(len(inside[place]) * _arrows(inside[place]) for place in fewest)
    listed = {place for place, size in zip(fewest, sizes, strict=True) if size <= _MOST_CANDIDATES}
    out: list[tuple[str, ...]] = []
    left = _MOST_CANDIDATES
    for place, one in enumerate(inside):
        if _arrows(one) == len(one):
            loops = [_only_loop(one)]
        elif place in listed:
            loops = _independent(one, _candidates(one))
        else:
            effort = len(one) + _arrows(one)
            count = max(1, min(_MOST_SAMPLED, left // effort, len(one)))
            left -= count * effort
            stocks_first = sorted(one, key=lambda name: (equations.variables[name].kind != "stock", order[name]))
            loops = _independent(one, _sampled(one, stocks_first[:count]))
            warn(
                f"{equations.source}: {len(one)} variables with {_arrows(one)} links act on each other: of their"
                f" feedback loops these are a sample, the shortest through {count} of them"
            )
        out += [_from_first_stock(loop, equations, order) for loop in loops]
    return tuple(out)


def _inside(graph: Links, component: Sequence[str]) -> Links:
    members = set(component)
    return {name: tuple(one for one in graph[name] if one in members) for name in component}


def _arrows(graph: Links) -> int:
    return sum(map(len, graph.values()))


def _reads(equations: eq.Equations) -> dict[str, tuple[str, ...]]:
    return {name: read_names(one.expression) for name, one in equations.variables.items()}


def _reversed(graph: Links) -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {name: [] for name in graph}
    for name, others in graph.items():
        for other in others:
            out[other].append(name)
    return {name: tuple(others) for name, others in out.items()}


def _closure(equations: eq.Equations, name: str, graph: Links, direct: bool) -> tuple[str, ...]:
    """Follow links from a variable; hidden variables are parts of others, so a direct link runs through them."""
    own = graph[equations.find(name).name]
    seen = reached(own, lambda one: graph[one] if not direct or equations.variables[one].owner else ())
    return tuple(one for one in equations.visible if one in seen)


def _independent(graph: Links, loops: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the loops that are no combination, mod 2, of those before them, up to as many as make a basis."""
    numbers = {(a, b): place for place, (a, b) in enumerate((a, b) for a in graph for b in graph[a])}
    wanted = len(numbers) - len(graph) + 1
    leads: dict[int, int] = {}
    out: list[tuple[str, ...]] = []
    for loop in loops:
        marks = bytearray(len(numbers) // 8 + 1)
        for pair in pairs(loop):
            marks[numbers[pair] // 8] |= 1 << numbers[pair] % 8
        bits = int.from_bytes(marks, "little")
        while bits and bits.bit_length() in leads:
            bits ^= leads[bits.bit_length()]
        if bits:
            leads[bits.bit_length()] = bits
            out.append(loop)
            if len(out) == wanted:
                break
    return out


def _only_loop(graph: Links) -> tuple[str, ...]:
    """Return the loop of a component with as many links as variables."""
    loop = [next(iter(graph))]
    while len(loop) < len(graph):
        loop += graph[loop[-1]]
    return tuple(loop)


def _candidates(graph: Links) -> Iterator[tuple[str, ...]]:
    """Yield loops by Horton's way: vertex -> link -> vertex along shortest paths, shortest first, each once."""
    names, forwards = list(graph), _numbered(graph)
    backwards: list[list[int]] = [[] for _ in names]
    for start, others in enumerate(forwards):
        for end in others:
            backwards[end].append(start)
    arrows = [(start, end) for start, others in enumerate(forwards) for end in others]
    found: set[tuple[int, ...]] = set()
    for vertex in range(len(names)):
        away, back = _before(forwards, vertex), _before(backwards, vertex)
        for start, end in arrows:
            head, tail = _path(away, vertex, start)[::-1], _path(back, vertex, end)[:-1]
            if not set(head).intersection(tail):
                loop = [*head, *tail]
                first = loop.index(min(loop))
                found.add(tuple(loop[first:] + loop[:first]))
    for places in sorted(found, key=lambda one: (len(one), one)):
        yield tuple(names[place] for place in places)


def _sampled(graph: Links, through: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a shortest loop through each of some variables, each once, shortest first."""
    names, forwards = list(graph), _numbered(graph)
    order = {name: place for place, name in enumerate(names)}
    found: dict[frozenset[int], tuple[str, ...]] = {}
    for vertex in map(order.__getitem__, through):
        before = _before(forwards, vertex)
        last = next(one for one in before if vertex in forwards[one])
        loop = _path(before, vertex, last)[::-1]
        found.setdefault(frozenset(loop), tuple(names[one] for one in loop))
    return sorted(found.values(), key=len)


def _numbered(graph: Links) -> list[list[int]]:
    """Return a graph by the places of its vertices, neighbours in order."""
    order = {name: place for place, name in enumerate(graph)}
    return [sorted(order[one] for one in others) for others in graph.values()]


def _before(graph: Sequence[Sequence[int]], root: int) -> dict[int, int]:
    """Return, for each vertex, the one before it on a shortest way from the root: the first of those found."""
    before = {root: root}
    todo = [root]
    for one in todo:
        for other in graph[one]:
            if other not in before:
                before[other] = one
                todo.append(other)
    return before


def _path(before: Mapping[int, int], root: int, place: int) -> list[int]:
    """Return the way from a vertex back to the root of a tree, both ends included."""
    path = [place]
    while path[-1] != root:
        path.append(before[path[-1]])
    return path


def _from_first_stock(loop: tuple[str, ...], equations: eq.Equations, order: Mapping[str, int]) -> tuple[str, ...]:
    """Turn a loop so that it starts with its first stock in file order, or its first member without one."""
    rank = [(equations.variables[name].kind != "stock", order[name]) for name in loop]
    first = rank.index(min(rank))
    return loop[first:] + loop[:first]
