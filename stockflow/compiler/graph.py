"""A graph of scalar operations: equal nodes are shared, constants folded, and every node knows its stage.

A node is a number; its operation, arguments and payload stand in `Graph.nodes`, and arguments come
before what uses them.  Truth values are nodes of their own kind; `number` turns them into 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stockflow.arrays import Array
from stockflow.language.curve import Table
from stockflow.language.operations import DIRECT
from stockflow.language.order import reached

# stages are sets of bits: what a node's value may depend on
TIME, INPUT, STATE = 1, 2, 4

TRUTH = frozenset({"lt", "le", "eq", "ne", "and", "or", "not"})
NUMPY: Mapping[str, Callable[..., Any]] = {
    **dict(DIRECT.values()),
    "number": lambda truth: np.asarray(truth, dtype=float),
}
# what a node depends on by itself, beside its arguments
_OWN_STAGE: Mapping[str, int] = {
    "time": TIME,
    "input": INPUT,
    "state": STATE,
    "path": INPUT,
    "random": TIME | INPUT,
    "initial random": INPUT,
}


@dataclass(frozen=True, slots=True)
class OpenTable(Table):
    """A table whose y values differ from run to run; `ys` are 0, 1, 2, ... in their place.

    `first` is the place of its first y value among the open values of a run.
    """

    first: int = 0


class Node(NamedTuple):
    """One operation.  `payload` is a constant's bits, the place of an input or state, or a table."""

    op: str
    args: tuple[int, ...]
    payload: Hashable = None


class Path(NamedTuple):
    """Which open values of a run a path goes through: so many `points` from the place `first`."""

    first: int
    points: int


class Graph:
    """Grows while equations are lowered or rewritten, and is only read afterwards."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.stage: list[int] = []
        self._known: dict[Node, int] = {}

    def add(self, op: str, args: tuple[int, ...] = (), payload: Hashable = None) -> int:
        """Return the node for exactly this operation, sharing an equal one."""
        node = Node(op, args, payload)
        number = self._known.get(node)
        if number is None:
            number = self._known[node] = len(self.nodes)
            self.nodes.append(node)
            stage = _OWN_STAGE.get(op, 0)
            for one in args:
                stage |= self.stage[one]
            self.stage.append(stage)
        return number

    def constant(self, value: float) -> int:
        """Return the node of a number; bits are the payload, so that NaN equals itself."""
        return self.add("const", (), float(value).hex())

    def value(self, node: int) -> float | None:
        """Return the number of a constant node, else None."""
        op, _, payload = self.nodes[node]
        return float.fromhex(str(payload)) if op == "const" else None

    def is_truth(self, node: int) -> bool:
        """Say whether a node is a truth value rather than a number."""
        return self.nodes[node].op in TRUTH

    def is_fast(self, node: int) -> bool:
        """Say whether a node is computed anew in every time step of every run."""
        return bool(self.stage[node] & STATE) or self.stage[node] == TIME | INPUT

    def as_number(self, node: int) -> int:
        """Return the node as a number, a truth value becoming 0 or 1."""
        return self.apply("number", node) if self.is_truth(node) else node

    def as_truth(self, node: int) -> int:
        """Return the node as a truth value, a number being true unless it is 0 (NaN is true)."""
        if self.is_truth(node):
            return node
        op, args, _ = self.nodes[node]
        return args[0] if op == "number" else self.add("ne", (node, self.constant(0.0)))

    def truth(self, node: int) -> bool | None:
        """Return the value of a truth node made of constants alone, else None."""
        if not self.is_truth(node) or self.stage[node]:
            return None
        op, args, _ = self.nodes[node]
        values = [self.truth(one) if self.is_truth(one) else self.value(one) for one in args]
        return bool(NUMPY[op](*values))

    def apply(self, op: str, *args: int) -> int:
        """Return the node of an operation on nodes, folded if they are constants."""
        if op in {"and", "or", "not"}:
            args = tuple(self.as_truth(one) for one in args)
        elif op == "select":
            args = (self.as_truth(args[0]), self.as_number(args[1]), self.as_number(args[2]))
            chosen = self.truth(args[0])
            if chosen is not None or args[1] == args[2]:
                return args[1] if chosen or args[1] == args[2] else args[2]
        elif op != "number":
            args = tuple(self.as_number(one) for one in args)
        if op not in TRUTH and not any(self.stage[one] for one in args):
            values = [self.truth(one) if self.is_truth(one) else self.value(one) for one in args]
            if all(one is not None for one in values):
                with np.errstate(all="ignore"):
                    return self.constant(float(NUMPY[op](*(np.float64(one) for one in values))))
        return self.add(op, args)

    def polynomial(self, x: int, coefficients: Sequence[float]) -> int:
        """Return the node of a polynomial's value, lowest power first."""
        result = self.constant(coefficients[-1])
        for one in reversed(coefficients[:-1]):
            result = self.apply("add", self.apply("mul", result, x), self.constant(one))
        return result

    def lookup(self, argument: int, table: Table) -> int:
        """Return the node of a table's value at a node."""
        argument = self.as_number(argument)
        value = self.value(argument)
        if len(table.xs) == 1:
            return self.constant(table.ys[0])
        if value is not None:
            return self.constant(float(np.interp(value, table.xs, table.ys)))
        return self.add("lookup", (argument,), table)

    def reachable(self, roots: Iterable[int], stop: frozenset[int] = frozenset()) -> list[int]:
        """Return the nodes that roots are made of, in order of evaluation, not looking below `stop`."""
        return sorted(reached(roots, lambda node: () if node in stop else self.nodes[node].args))

    def evaluate(self, wanted: Sequence[int], times: Array) -> list[Array]:
        """Return the values, shape (time,), of nodes that depend on nothing but time."""
        values: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for node in self.reachable(wanted):
                op, args, payload = self.nodes[node]
                if op == "const":
                    values[node] = self.value(node)
                elif op == "time":
                    values[node] = times
                elif isinstance(payload, Table):
                    values[node] = np.interp(values[args[0]], payload.xs, payload.ys)
                else:
                    values[node] = NUMPY[op](*(values[one] for one in args))
        return [np.broadcast_to(np.asarray(values[node], dtype=float), times.shape) for node in wanted]
