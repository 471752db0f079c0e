"""The functions of one moment, forward and backward, as LLVM assembly.

Every function reads and writes arrays of vectors: `x` the states and then what is remembered of the
moment, `h` the slow nodes, `row` the series of the moment, one double each.  Backward functions take
`seed`, what flows to the rates or outputs, and add to or write what flows to states and slow nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stockflow.compiler.instruction_order import reordered
from stockflow.compiler.plan import Layout, layout
from stockflow.compiler.vector import Writer
from stockflow.gradients.derivatives import Derivatives, is_slow
from stockflow.gradients.routine import Routine


def shared_layout(what: Derivatives) -> Layout:
    """Return where all functions find what is not computed in a moment: series in `row`, the hoisted in `h`."""
    roots = [*(one.rate for one in what.states), *what.outputs]
    for group in (what.back, what.gathered, what.observed_back, what.observed_gathered):
        roots += group.values()
    return layout(what.graph, roots)


class Functions(Routine):
    """Writes the functions of a system, one after the other, with one writer."""

    def __init__(self, what: Derivatives, where: Layout, writer: Writer) -> None:
        super().__init__(writer)
        self.what = what
        self.where = where
        self.graph = what.graph
        self.names: dict[int, str] = {}
        self.leaves: dict[int, tuple[str, int]] = {}

    def text(self) -> list[str]:
        """Return all functions."""
        what, count = self.what, len(self.what.states)
        tape = {node: count + at for at, node in enumerate(what.taped)}
        rates = {at: one.rate for at, one in enumerate(what.states)}
        return [
            self.begin(),
            self.forward("rates", rates, tape),
            self.forward("observe", dict(enumerate(what.outputs)), {}),
            self.backward("back", 0, what.back, what.gathered, tape, fresh=True),
            self.backward("unobserve", count, what.observed_back, what.observed_gathered, {}, fresh=False),
            self.end(),
        ]

    def begin(self) -> str:
        """Inputs to slow nodes and initial states."""
        self.slow_nodes([*self.where.hoisted, *(one.initial for one in self.what.states)])
        for at, node in enumerate(self.where.hoisted):
            self.store(node, "%h", at)
        for at, one in enumerate(self.what.states):
            self.store(one.initial, "%x", at)
        return self.closed("begin", "values", "h", "x")

    def forward(self, name: str, results: dict[int, int], tape: dict[int, int]) -> str:
        """States to results; what is dear goes behind the states."""
        self.load({})
        self.compute([*results.values(), *tape])
        self.writer.lines = reordered(self.writer.lines)
        for node, at in tape.items():
            self.store(node, "%x", at)
        for at, node in results.items():
            self.store(node, "%out", at)
        return self.closed(name, "x", "h", "row", "out")

    def backward(
        self,
        name: str,
        kind: int,
        back: Mapping[int, int],
        gathered: Mapping[int, int],
        tape: dict[int, int],
        fresh: bool,
    ) -> str:
        """Carry flows from rates or outputs to states, written if `fresh` and else added, and slow nodes, added."""
        groups = (("%out", back), ("%sums", gathered))
        self.load(tape, kind)
        self.compute([node for _, group in groups for node in group.values()])
        self.writer.lines = reordered(self.writer.lines)
        for array, group in groups:
            for at, node in group.items():
                self.store(node, array, at, add=not (fresh and array == "%out"))
        if fresh:
            for at in range(len(self.what.states)):
                if at not in back:
                    self.store(self.graph.constant(0.0), "%out", at)
        return self.closed(name, "x", "h", "row", "seed", "out", "sums")

    def end(self) -> str:
        """What flowed to initial states and slow nodes, to inputs."""
        nodes = self.graph.reachable(self.what.ends)
        count = len(self.what.states)
        self.slow_nodes([node for node in nodes if is_slow(self.graph, node)])
        for node in nodes:
            op, _, payload = self.graph.nodes[node]
            if op == "state":
                place = int(str(payload)) - count
                beyond = place - count - len(self.what.outputs)
                self.names[node] = self.get("%x", place) if place < count else self.get("%sums", beyond)
        self.compute(nodes)
        for at, node in enumerate(self.what.ends):
            self.store(node, "%out", at)
        return self.closed("end", "values", "x", "sums", "out")

    def slow_nodes(self, roots: Sequence[int]) -> None:
        """Gather the inputs of every lane, and compute what depends on nothing else."""
        nodes = self.graph.reachable(roots)
        for node in nodes:
            op, _, payload = self.graph.nodes[node]
            if op == "input":
                self.names[node] = self.writer.lanes("%values", int(str(payload)), len(self.what.inputs))
        self.compute(nodes)

    def load(self, tape: Mapping[int, int], kind: int = 0) -> None:
        """Say where the leaves of a moment are; flows of `kind` stand in `seed`."""
        count = len(self.what.states)
        self.leaves = {node: ("%row", at) for at, node in enumerate(self.where.series)}
        self.leaves |= {node: ("%h", at) for at, node in enumerate(self.where.hoisted)}
        self.leaves |= {node: ("%x", at) for node, at in tape.items()}
        for node, (op, _, payload) in enumerate(self.graph.nodes):
            if op == "state":
                place = int(str(payload))
                self.leaves[node] = ("%x", place) if place < count else ("%seed", place - count - kind)

    def compute(self, nodes: Iterable[int]) -> None:
        """Write operations, each after its arguments, skipping constants and what has a name already."""
        todo = list(nodes)[::-1]
        while todo:
            node = todo[-1]
            if node in self.names or not self.graph.stage[node]:
                todo.pop()
                continue
            if node in self.leaves:
                self.names[node] = self.fetched(node)
                continue
            args = self.graph.nodes[node].args
            missing = [one for one in args if one not in self.names and self.graph.stage[one]]
            if missing:
                todo += missing[::-1]
            else:
                self.names[node] = self.writer.operation(self.graph, node, [self.name(one) for one in args])

    def fetched(self, node: int) -> str:
        """Load a leaf; 0 or 1 may stand for truth."""
        array, at = self.leaves[node]
        vector = self.writer.everywhere(array, at) if array == "%row" else self.get(array, at)
        return self.writer.compare("une", vector, self.writer.number(0.0)) if self.graph.is_truth(node) else vector

    def name(self, node: int) -> str:
        """Return the name or literal of a node that has been computed."""
        return self.writer.known(self.graph, node) or self.names[node]

    def store(self, node: int, array: str, at: int, add: bool = False) -> None:
        """Store or add a node; truth becomes 0 or 1."""
        vector = self.name(node)
        if self.graph.is_truth(node):
            vector = self.writer.let(f"uitofp {self.writer.truth} {vector} to {self.writer.double}")
        (self.add if add else self.put)(vector, array, at)

    def closed(self, name: str, *arguments: str) -> str:
        """Return the function that was written."""
        self.names, self.leaves = {}, {}
        return self.function(name, ", ".join(f"ptr noalias %{one}" for one in arguments))
