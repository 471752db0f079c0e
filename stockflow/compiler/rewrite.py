"""Makes a system cheaper without changing what it computes beyond a few units in the last place.

Products take their slowly changing factors first, so that these leave the time loop; a divisor that
is slow or shared becomes a reciprocal; powers become exp and log, or products for small exponents.
Sums keep their order: their rounding may matter.  A divisor below 1e-308 is out of scope.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from stockflow.compiler.graph import Graph
from stockflow.compiler.system import System
from stockflow.language.curve import Table

_LARGEST_PRODUCT = 16


def simplify(system: System) -> System:
    """Return an equivalent system on a new graph that holds only what is needed."""
    return _Rewriter(system).result()


class _Rewriter:
    def __init__(self, system: System) -> None:
        self.system = system
        self.old = system.graph
        self.new = Graph()
        self.map: dict[int, int] = {}
        roots = [node for state in system.states for node in (state.initial, state.rate)]
        self.roots = frozenset([*roots, *system.outputs])
        self.live = self.old.reachable(self.roots)
        self.uses = Counter(arg for node in self.live for arg in self.old.nodes[node].args)
        divisions = (self.old.nodes[node] for node in self.live if self.old.nodes[node].op == "div")
        self.divisors = Counter(node.args[1] for node in divisions)

    def result(self) -> System:
        for node in self.live:
            self.map[node] = self.rewritten(node)
        states = tuple(
            replace(state, initial=self.map[state.initial], rate=self.map[state.rate]) for state in self.system.states
        )
        outputs = tuple(self.map[node] for node in self.system.outputs)
        return replace(self.system, graph=self.new, states=states, outputs=outputs)

    def rewritten(self, node: int) -> int:
        op, args, payload = self.old.nodes[node]
        new = tuple(self.map[one] for one in args)
        if op in {"mul", "div"}:
            return self.product(node)
        if op == "pow":
            return power(self.new, *new)
        if isinstance(payload, Table):
            return self.new.lookup(new[0], payload)
        return self.new.apply(op, *new) if payload is None and args else self.new.add(op, new, payload)

    def product(self, node: int) -> int:
        numerators, divisors = self.factors(node, top=True)
        above, below = [self.map[one] for one in numerators], []
        one = self.new.constant(1.0)
        for divisor in divisors:
            new = self.map[divisor]
            if not self.new.is_fast(new) or self.divisors[divisor] > 1:
                above.append(self.new.apply("div", one, new))
            else:
                below.append(new)
        above = [factor for factor in above if factor != one] or [one]
        result = self.multiplied(above)
        return self.new.apply("div", result, self.multiplied(below)) if below else result

    def factors(self, node: int, top: bool = False) -> tuple[list[int], list[int]]:
        """Flatten products and quotients that nothing else uses into factors above and below."""
        op, args, _ = self.old.nodes[node]
        private = top or (self.uses[node] == 1 and node not in self.roots)
        if op == "mul" and private:
            left, right = self.factors(args[0]), self.factors(args[1])
            return left[0] + right[0], left[1] + right[1]
        if op == "div" and private:
            above, below = self.factors(args[0])
            inner = self.factors(args[1])
            return above, below + (inner[0] if not inner[1] else [args[1]])
        return [node], []

    def multiplied(self, factors: list[int]) -> int:
        """Multiply, slowly changing factors first, each stage on its own as long as possible."""
        ordered = sorted(factors, key=lambda one: (self.new.is_fast(one), self.new.stage[one], one))
        result = ordered[0]
        for factor in ordered[1:]:
            result = self.new.apply("mul", result, factor)
        return result


def power(graph: Graph, base: int, exponent: int) -> int:
    """Return base ** exponent as NumPy defines it, in terms of products, exp and log.

    A negative base needs a whole exponent, else the result is NaN; 0 to a negative power is infinite;
    anything to the power 0 is 1.  The relative error of exp(e log b) is about |e log b| ulp.
    """
    apply, constant = graph.apply, graph.constant
    known = graph.value(exponent)
    if known is not None and graph.value(base) is not None:
        return apply("pow", base, exponent)
    if known is not None and abs(known) <= _LARGEST_PRODUCT and known == int(known):
        return _whole_power(graph, base, int(known))
    if known == 0.5:
        return apply("sqrt", base)
    fixed = graph.value(base)
    if fixed is not None and fixed > 0.0:
        return apply("exp", apply("mul", exponent, constant(math.log(fixed))))
    if known is not None and math.isfinite(known) and known != int(known):
        return apply("exp", apply("mul", exponent, apply("log", base)))
    return _general_power(graph, base, exponent)


def _general_power(graph: Graph, base: int, exponent: int) -> int:
    """Cover every sign; all that concerns the exponent alone leaves the loop when it is an input."""
    apply, constant = graph.apply, graph.constant
    one, zero = constant(1.0), constant(0.0)
    size = apply("exp", apply("mul", exponent, apply("log", apply("abs", base))))
    half = apply("mul", exponent, constant(0.5))
    whole = apply("eq", apply("trunc", exponent), exponent)
    even = apply("eq", apply("trunc", half), half)
    sign = apply("select", whole, apply("select", even, one, constant(-1.0)), constant(float("nan")))
    signed = apply("select", apply("lt", base, zero), apply("mul", size, sign), size)
    return apply("select", apply("eq", exponent, zero), one, signed)


def _whole_power(graph: Graph, base: int, exponent: int) -> int:
    """Multiply by repeated squaring."""
    if exponent < 0:
        return graph.apply("div", graph.constant(1.0), _whole_power(graph, base, -exponent))
    result, square = graph.constant(1.0), base
    while exponent:
        if exponent & 1:
            result = square if graph.value(result) == 1.0 else graph.apply("mul", result, square)
        exponent >>= 1
        if exponent:
            square = graph.apply("mul", square, square)
    return result
