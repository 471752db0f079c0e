"""In which order variables can be computed; a loop without a stock is an error that names its members."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from stockflow.errors import LoopError
from stockflow.language import equations as eq
from stockflow.language.curve import Table

Node = TypeVar("Node", bound=Hashable)
_MOST_SHOWN = 20  # of the variables of a loop


def evaluation_order(equations: eq.Equations, wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return variables so that each follows what it reads at the same moment.

    Stocks, delays and initial values are known when a moment begins, so they read nothing.
    `wanted` restricts the result to these names and what they need.
    """
    return _order(equations, wanted, same_moment, "a loop without a stock")


def initial_order(equations: eq.Equations, wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return variables so that each follows what its value at the initial time is made of."""
    if wanted is None:
        wanted = needed_at_start(equations)
    return _order(equations, wanted, lambda one: eq.references(starting_part(one)), "a loop of initial values")


def made_of(equations: eq.Equations, names: Iterable[str]) -> tuple[str, ...]:
    """Return variables with everything they depend on, through stocks and delays too, in file order."""
    seen = reached(names, lambda name: eq.references(equations.variables[name].expression))
    return tuple(name for name in equations.variables if name in seen)


def reached(roots: Iterable[Node], below: Callable[[Node], Iterable[Node]]) -> dict[Node, None]:
    """Return the roots and all that lies below them, by any chain, as keys in the order of the walk."""
    seen: dict[Node, None] = {}
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen[node] = None
            todo.extend(below(node))
    return seen


def needed_at_start(equations: eq.Equations) -> tuple[str, ...]:
    """Return the variables whose initial value the run needs: stocks, delays, INITIAL and what they read."""
    names: dict[str, None] = {}
    for name, one in equations.variables.items():
        if isinstance(one.expression, (eq.Integral, eq.DelayFixed, eq.Initial)):
            names[name] = None
        if isinstance(one.expression, eq.DelayFixed):
            names.update(dict.fromkeys(eq.references(one.expression.delay)))
    return tuple(names)


def same_moment(expression: eq.Expression) -> tuple[str, ...]:
    """Return what an expression reads at the moment it is computed: nothing if it is known before."""
    if isinstance(expression, eq.ActiveInitial):
        return eq.references(expression.expression)
    return () if isinstance(expression, (eq.Integral, eq.DelayFixed, eq.Initial, Table)) else eq.references(expression)


def starting_part(expression: eq.Expression) -> eq.Expression:
    """Return what the value of an expression at the initial time is made of: a part of it, or all of it."""
    match expression:
        case eq.Integral(_, part) | eq.DelayFixed(_, _, part) | eq.ActiveInitial(_, part) | eq.Initial(part):
            return part
        case _:
            return expression


def _order(
    equations: eq.Equations,
    wanted: Iterable[str] | None,
    reads: Callable[[eq.Expression], tuple[str, ...]],
    complaint: str,
) -> tuple[str, ...]:
    """Depth-first, without recursion: a chain of variables may be longer than Python's stack."""
    done: dict[str, None] = {}
    for root in equations.variables if wanted is None else wanted:
        path: dict[str, None] = {}
        todo = [] if root in done else [(root, False)]
        while todo:
            name, finished = todo.pop()
            if finished:
                done[path.popitem()[0]] = None
            elif name in done:
                continue
            elif name in path:
                members = list(path)
                loop = members[members.index(name) :]
                more = [f"({len(loop) - _MOST_SHOWN} more)"] if len(loop) > _MOST_SHOWN else []
                shown = " -> ".join([*loop[:_MOST_SHOWN], *more, name])
                raise LoopError(f"{equations.source}: {complaint}: {shown}")
            else:
                needs = [one for one in reads(equations.variables[name].expression) if one not in done]
                if not needs:
                    done[name] = None
                    continue
                path[name] = None
                todo.append((name, True))
                todo += [(one, False) for one in reversed(needs)]
    return tuple(done)
