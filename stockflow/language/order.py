"""In which order variables can be computed; a loop without a stock is an error that names its members."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stockflow.errors import LoopError
from stockflow.language.equations import (
    ActiveInitial,
    DelayFixed,
    Equations,
    Expression,
    Initial,
    Integral,
    Table,
    references,
)


def evaluation_order(equations: Equations, wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return variables so that each follows what it reads at the same moment.

    Stocks, delays and initial values are known when a moment begins, so they read nothing.
    `wanted` restricts the result to these names and what they need.
    """
    return _order(equations, wanted, _same_moment, "a loop without a stock")


def initial_order(equations: Equations, wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return variables so that each follows what its value at the initial time is made of."""
    if wanted is None:
        wanted = needed_at_start(equations)
    return _order(equations, wanted, _at_start, "a loop of initial values")


def needed_at_start(equations: Equations) -> tuple[str, ...]:
    """Return the variables whose initial value the run needs: stocks, delays, INITIAL and what they read."""
    names: dict[str, None] = {}
    for name, one in equations.variables.items():
        match one.expression:
            case Integral() | Initial():
                names[name] = None
            case DelayFixed(_, delay, _):
                names[name] = None
                names.update(dict.fromkeys(references(delay)))
    return tuple(names)


def _same_moment(expression: Expression) -> tuple[str, ...]:
    if isinstance(expression, ActiveInitial):
        return references(expression.expression)
    return () if isinstance(expression, (Integral, DelayFixed, Initial, Table)) else references(expression)


def _at_start(expression: Expression) -> tuple[str, ...]:
    match expression:
        case Integral(_, initial) | DelayFixed(_, _, initial) | ActiveInitial(_, initial):
            return references(initial)
        case _:
            return references(expression)


def _order(
    equations: Equations,
    wanted: Iterable[str] | None,
    reads: Callable[[Expression], tuple[str, ...]],
    complaint: str,
) -> tuple[str, ...]:
    """Depth-first, without recursion: a chain of variables may be longer than Python's stack."""
    done: dict[str, None] = {}
    for root in equations.variables if wanted is None else wanted:
        path: list[str] = []
        todo = [(root, False)]
        while todo:
            name, finished = todo.pop()
            if finished:
                done[path.pop()] = None
            elif name in done:
                continue
            elif name in path:
                loop = " -> ".join([*path[path.index(name) :], name])
                raise LoopError(f"{equations.source}: {complaint}: {loop}")
            else:
                path.append(name)
                todo.append((name, True))
                needs = reads(equations.variables[name].expression)
                todo += [(one, False) for one in reversed(needs)]
    return tuple(done)
