"""Differentiates a graph: derivatives are more nodes of the same graph, compiled by the same back end.

Every operation says how fast it changes with each of its arguments (`partials`).  `pulled` carries
sensitivities from results back to what they are made of.  At a kink the derivative is one-sided: to
the right for ABS, for a lookup and for MIN and MAX with a constant; MIN and MAX of two things that
change count the first at a tie.  A comparison and a truncation do not change, so a jump has no
derivative.  A flow of exactly zero stays zero: a branch that is not taken passes nothing on, not
even NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from stockflow.compiler.graph import INPUT, STATE, TRUTH, Graph
from stockflow.language.curve import Table
from stockflow.language.order import reached

Partials = tuple[tuple[int, int], ...]

# what does not change when its arguments change a little
_STEPS = frozenset({*TRUTH, "number", "trunc"})
# rates of change with each argument that are the same everywhere
_LINEAR = {"add": (1.0, 1.0), "sub": (1.0, -1.0), "neg": (-1.0,)}
_FINITE = frozenset({"time", "input", "state", "number", "lookup", *TRUTH})
_KEEPS_FINITE = frozenset({"add", "sub", "mul", "neg", "min", "max", "abs", "trunc", "select"})


def partials(graph: Graph, node: int) -> Partials:
    """Return pairs (node it depends on, rate of change with it) of one operation.

    Raises ValueError for an operation without a rule.
    """
    op, args, payload = graph.nodes[node]
    if op in _STEPS or not args:
        return ()
    if isinstance(payload, Table):
        return ((args[0], slope(graph, args[0], payload)),)
    if op in _LINEAR:
        return tuple((one, graph.constant(rate)) for one, rate in zip(args, _LINEAR[op], strict=True))
    rule = _RULES.get(op)
    if rule is None:
        raise ValueError(f"no derivative for {op}")
    return rule(graph, node, *args)


def slope(graph: Graph, argument: int, table: Table) -> int:
    """Return the slope of a table, at one of its points that to the right of it, and 0 beyond its ends."""
    xs, ys = table.xs, table.ys
    result = graph.constant(0.0)
    for left, right, low, high in reversed(list(zip(xs, xs[1:], ys, ys[1:], strict=False))):
        here = graph.constant((high - low) / (right - left))
        result = graph.apply("select", graph.apply("lt", argument, graph.constant(right)), here, result)
    before = graph.apply("lt", argument, graph.constant(xs[0]))
    return graph.apply("select", before, graph.constant(0.0), result)


class Calculus:
    """Adds the derivatives of nodes to their graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._finite: dict[int, bool] = {}

    def pulled(self, seeds: Mapping[int, int], stop: Callable[[int], bool]) -> dict[int, int]:
        """Return the sensitivity of all seeded nodes together to each node where `stop` holds.

        `seeds` gives the sensitivity of the final result to some nodes, each itself a node.
        """
        graph = self.graph
        found: dict[int, int] = {}
        waiting = dict(seeds)
        for node in reversed(graph.reachable(seeds)):
            flow = waiting.pop(node, None)
            if flow is None or not graph.stage[node] & (STATE | INPUT):
                continue
            if stop(node):
                found[node] = flow
                continue
            for argument, partial in partials(graph, node):
                share = self.times(flow, partial)
                if graph.value(share) != 0.0:
                    earlier = waiting.get(argument)
                    waiting[argument] = share if earlier is None else graph.apply("add", earlier, share)
        return found

    def times(self, flow: int, partial: int) -> int:
        """Return flow * partial, but 0 for a flow of 0 even if the partial is infinite."""
        return self.guarded(flow, partial, self._product(flow, partial))

    def _product(self, flow: int, partial: int) -> int:
        graph, zero = self.graph, self.graph.constant(0.0)
        known, (op, args, _) = graph.value(partial), graph.nodes[partial]
        if 0.0 in (graph.value(flow), known):
            return zero
        if known == 1.0:
            return flow
        if known == -1.0:
            return graph.apply("neg", flow)
        return graph.apply("select", args[0], flow, zero) if op == "number" else graph.apply("mul", flow, partial)

    def guarded(self, switch: int, other: int, product: int) -> int:
        """Return a product of two, but 0 where the first is 0 and the second need not be finite."""
        graph, zero = self.graph, self.graph.constant(0.0)
        if graph.value(switch) is not None or graph.nodes[switch].op == "number" or self.finite(other):
            return product
        return graph.apply("select", graph.apply("eq", switch, zero), zero, product)

    def finite(self, node: int) -> bool:
        """Say whether a node of finite leaves is surely finite, overflow of sums and products aside."""
        nodes, known = self.graph.nodes, self._finite
        for one in sorted(reached([node], lambda one: () if one in known else nodes[one].args)):
            if one not in known:
                known[one] = self._is_finite(one)
        return known[node]

    def _is_finite(self, node: int) -> bool:
        graph = self.graph
        op, args, _ = graph.nodes[node]
        if op == "const":
            return math.isfinite(graph.value(node) or 0.0)
        if op == "div":
            return bool(graph.value(args[1])) and self._finite[args[0]]
        return op in _FINITE or (op in _KEEPS_FINITE and all(self._finite[one] for one in args))


def _quotient(graph: Graph, node: int, above: int, below: int) -> Partials:
    inverse = node if graph.value(above) == 1.0 else graph.apply("div", graph.constant(1.0), below)
    return ((above, inverse), (below, graph.apply("neg", graph.apply("mul", node, inverse))))


def _exponential(graph: Graph, node: int, argument: int) -> Partials:
    op, args, _ = graph.nodes[argument]
    if op == "mul":
        for exponent, logarithm in (args, args[::-1]):
            if graph.nodes[logarithm].op == "log":
                return _power(graph, node, graph.nodes[logarithm].args[0], exponent, logarithm)
    return ((argument, node),)


def _power(graph: Graph, node: int, base: int, exponent: int, logarithm: int) -> Partials:
    """Differentiate exp(exponent log base), also where the base is 0 and the logarithm infinite."""
    apply, zero, one = graph.apply, graph.constant(0.0), graph.constant(1.0)
    at_zero = apply("eq", base, zero)
    above = apply("select", apply("lt", one, exponent), zero, graph.constant(math.inf))
    limit = apply("select", apply("eq", exponent, one), one, above)
    rate = apply("mul", exponent, apply("div", node, base))
    return (
        (base, apply("select", at_zero, limit, rate)),
        (exponent, apply("select", at_zero, zero, apply("mul", node, logarithm))),
    )


def _size(graph: Graph, node: int, argument: int) -> Partials:
    below = graph.apply("lt", argument, graph.constant(0.0))
    return ((argument, graph.apply("select", below, graph.constant(-1.0), graph.constant(1.0))),)


def _smaller(graph: Graph, node: int, left: int, right: int) -> Partials:
    return _either(graph, graph.apply("lt" if _fixed(graph, right) else "le", left, right), left, right)


def _larger(graph: Graph, node: int, left: int, right: int) -> Partials:
    return _either(graph, graph.apply("lt" if _fixed(graph, left) else "le", right, left), left, right)


def _fixed(graph: Graph, node: int) -> bool:
    return not graph.stage[node] & (STATE | INPUT)


def _either(graph: Graph, truth: int, yes: int, no: int) -> Partials:
    return ((yes, graph.apply("number", truth)), (no, graph.apply("number", graph.apply("not", truth))))


_Rule = Callable[..., Partials]
_RULES: Mapping[str, _Rule] = {
    "mul": lambda graph, _, left, right: ((left, right), (right, left)),
    "div": _quotient,
    "exp": _exponential,
    "log": lambda graph, _, argument: ((argument, graph.apply("div", graph.constant(1.0), argument)),),
    "sqrt": lambda graph, node, argument: ((argument, graph.apply("div", graph.constant(0.5), node)),),
    "abs": _size,
    "min": _smaller,
    "max": _larger,
    "select": lambda graph, _, *args: _either(graph, *args),
}
