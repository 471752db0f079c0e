"""The text of a long plan: what a moment computes as many short functions, whose values meet in memory.

The code generator takes a time that grows with the square of a function's length.  Here it grows with the number of
functions that are not alike, and each of them keeps what it can in registers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial

from stockflow.compiler.alike import ENTRIES, Alike
from stockflow.compiler.graph import Graph
from stockflow.compiler.plan import Plan
from stockflow.compiler.skeleton import BLOCK, Skeleton
from stockflow.compiler.vector import Writer
from stockflow.language.clock import SCHEMES

# nodes, states and outputs of a plan from which on its code is made so
_LONG = 2000
# instructions of a function
_PART = 200
# instructions of a module, of which the code generator holds all in memory
_MODULE = 20_000
# calls of a function, whose time grows with the square of their number, too
_CALLS = 100
_SHARED = "ptr %values, ptr %table, ptr %work, ptr %runs"
_GIVEN = f"{_SHARED}, i64 %k, i64 %moment, i64 %stage, {ENTRIES}"
_CALL = "  call void @"
_MOMENT, _START = ("%k", "%moment", "%stage"), ("0", "0", "0")


def can_be_parted(plan: Plan) -> bool:
    """Say whether a plan can be made in parts: one with automatic steps is one function, however long."""
    return not SCHEMES[plan.method].order


def is_parted(plan: Plan) -> bool:
    """Say whether the code of a plan is made in parts."""
    system = plan.system
    size = sum(map(len, (plan.hoisted, plan.body, plan.observed, system.states, system.outputs)))
    return size > _LONG and can_be_parted(plan)


def _late(graph: Graph, nodes: Sequence[int], needed: Container[int]) -> frozenset[int]:
    """Return the products that one sum alone takes: they are computed with it, for both may become one instruction."""
    users: dict[int, list[int]] = {}
    for node in nodes:
        for arg in graph.nodes[node].args:
            users.setdefault(arg, []).append(node)
    late: set[int] = set()
    for node in reversed(nodes):
        found = users.get(node, ())
        if graph.nodes[node].op in {"mul", "neg"} and len(found) == 1 and node not in needed:
            user = graph.nodes[found[0]].op
            if user in {"add", "sub"} or (user == "neg" and found[0] in late):
                late.add(node)
    return frozenset(late)


class _Calling(Writer):
    """Writes exp and log as calls of functions: written out each time, they would be most of a long plan."""

    def exp(self, x: str) -> str:
        return self.called("exponential", x)

    def log(self, x: str) -> str:
        return self.called("logarithm", x)

    def called(self, function: str, x: str) -> str:
        """Return the value of a function of one vector."""
        self.declarations.add(f"declare {self.double} @{function}({self.double})")
        return self.let(f"call {self.double} @{function}({self.double} {x})")


def _functions(width: int) -> str:
    """Return the functions that `_Calling` calls."""
    writer, found = Writer(width), list[str]()
    for name, write in (("exponential", writer.exp), ("logarithm", writer.log)):
        result = write("%x")
        head = f"define {writer.double} @{name}({writer.double} %x) noinline {{"
        found += [head, "entry:", *writer.lines, f"  ret {writer.double} {result}", "}"]
        writer.lines = []
    return "\n".join([*sorted(writer.declarations), *found])


class PartedAssembly(Skeleton):
    """Writes a plan with a function for every few hundred instructions.

    Behind the memory of all assemblies, `workspace` has a vector for each value that one function leaves to others: of
    a state what it holds and, where a step has stages, where it is probed and what its rates add up to.  `text` hands
    all modules but its own to `module` as they are written: together they would fill the memory.
    """

    def __init__(self, plan: Plan, width: int, module: Callable[[str], None]) -> None:
        super().__init__(plan, width)
        self.module = module
        self.writer = _Calling(width)
        self.alike = Alike(width)
        self.groups: list[str] = []
        self.length = 0
        self.column_of = {node: column for column, node in reversed(list(enumerate(self.outputs)))}
        self.series = {node: column for column, node in enumerate(plan.series)}
        self.slots: dict[int, int] = {}
        # computed in the present function, and after which place of a sequence each node is needed last
        self.fresh: list[int] = []
        self.needed: dict[int, int] = {}
        self.late: frozenset[int] = frozenset()
        self.reached = 0
        self.weighed: tuple[str, str] | None = None
        self.held = [self.room() for _ in self.states]
        self.probed, self.added = list(self.held), list(self.held)
        for place in self.moving if self.staged else ():
            self.probed[place], self.added[place] = self.room(), self.room()
        # rates that are states are read before any state moves on
        rates = {state.rate for state in self.states if self.graph.nodes[state.rate].op == "state"}
        self.copied = {node: self.room() for node in sorted(rates)}

    def text(self) -> str:
        """Return the module, with the entry point `simulate`."""
        last = self.read_tables()
        begun = [*self.plan.hoisted, *(state.initial for state in self.states)]
        places = range(len(self.states))
        begin = [
            *self.taken(),
            *self.computed("begin", self.graph.reachable(begun), begun, _START),
            *self.parts("initial", [partial(self.begin, place) for place in places], _START),
            *self.over_moments(last),
        ]
        block = [*begin, *self.moment()]
        self.close()
        groups, block = (
            [self.called(line) if line.startswith(_CALL) else line for line in lines] for lines in (self.groups, block)
        )
        parts = [
            f"declare void @{name}({_GIVEN}, i64 %seed)" for name in {name for name, _ in self.alike.calls.values()}
        ]
        parts += self.alike.tables()
        code = [self.defined("block", BLOCK), "entry:", *block, "exit:", "  ret void", "}"]
        return "\n".join([*parts, _functions(self.writer.width), self.fill(), *groups, *code, self.driver()])

    def close(self) -> None:
        """Hand on the functions written so far as a module."""
        writer, fill = self.writer, f"declare void @fill(ptr, {self.writer.double}, i64, i64)"
        self.module("\n".join([*writer.globals, *sorted(writer.declarations), fill, *self.alike.module()]))
        self.length, writer.globals = 0, []

    def called(self, line: str) -> str:
        """Return the call of a function as that of the one that is made for it, with a table."""
        name, given = line.removeprefix(_CALL).split("(")
        made, entries = self.alike.calls.get(name, (name, ()))
        return f"{_CALL}{made}({given.replace('null', f'@{name}.entries') if entries else given}"

    def moment(self) -> list[str]:
        """Return what is done in every moment."""
        plan, lines = self.plan, list[str]()
        if self.staged:
            lines += self.parts("probe", [partial(self.probe, place) for place in self.moving], ("%k", "0", "0"))
            lines += [*self.over_stages(), *self.stage_moment()]
        else:
            lines += ["  %moment = add i64 %k, 0", "  %stage = add i64 0, 0"]
        observed = [arg for node in plan.observed for arg in self.graph.nodes[node].args]
        rates = [state.rate for state in self.states]
        lines += self.computed("body", plan.body, [*rates, *self.outputs, *observed], _MOMENT)
        self.asked_whether_kept()
        lines += self.taken()
        remember = self.parts("remember", [partial(self.remember_one, place) for place in self.rings], _MOMENT)
        lines += remember if self.staged else []
        lines += [f"  br i1 %keep, label %observe, label %{self.after}", "observe:"]
        lines += self.computed("observe", plan.observed, self.outputs, _MOMENT)
        lines += self.parts("output", [partial(self.put_out, column) for column in range(len(self.outputs))], _MOMENT)
        self.spread("observe")
        self.gone_on("stages" if self.staged else "loop")
        lines += self.taken()
        lines += [] if self.staged else remember
        lines += self.parts("copy", [partial(self.copy, node) for node in self.copied], _MOMENT)
        if self.staged:
            lines += self.parts("combine", [partial(self.combine, place) for place in self.moving], _MOMENT)
            self.left_stages()
            lines += self.taken()
        lines += self.parts("advance", [partial(self.advance_one, place) for place in range(len(self.states))], _MOMENT)
        self.ended()
        return [*lines, *self.taken()]

    def room(self) -> int:
        """Return the place of one more vector in `%work`."""
        self.workspace += 1
        return self.workspace - 1

    def name(self, node: int) -> str:
        """Return the name of a node in the present function, or its literal."""
        if node in self.late:
            self.compute([node])
        elif node not in self.names and self.graph.stage[node]:
            self.names[node] = self.loaded(node)
        return super().name(node)

    def loaded(self, node: int) -> str:
        """Load what another function left, or what depends on time alone."""
        writer, (op, _, payload) = self.writer, self.graph.nodes[node]
        if node in self.series:
            offset = writer.let(f"mul i64 %moment, {self.plan.table.shape[1]}")
            vector = writer.everywhere("%table", writer.let(f"add i64 {offset}, {self.series[node]}"))
        else:
            vector = writer.get("%work", self.probed[int(str(payload))] if op == "state" else self.slots[node])
        return writer.compare("une", vector, writer.number(0.0)) if self.graph.is_truth(node) else vector

    def parts(self, what: str, jobs: Iterable[Callable[[], None]], moment: Sequence[str]) -> list[str]:
        """Do some jobs, each of which writes instructions, into as many functions as it takes; return their calls."""
        names: list[str] = []
        # names are those of a function: what is alike has the same
        count, self.writer.count, self.names = self.writer.count, 0, {}
        for job in jobs:
            job()
            if len(self.writer.lines) >= _PART:
                names.append(self.function(f"{what}{len(names)}"))
        if self.writer.lines:
            names.append(self.function(f"{what}{len(names)}"))
        self.writer.count = count
        if len(names) <= _CALLS:
            return [self.call(name, moment) for name in names]
        return [
            self.group(f"{what}from{first}", names[first : first + _CALLS], moment)
            for first in range(0, len(names), _CALLS)
        ]

    def function(self, name: str) -> str:
        """Make a function of the instructions written so far; return its name."""
        for node in self.fresh:
            if self.needed.get(node, -1) > self.reached:
                self.leave(node)
        self.length += self.alike.add(name, self.defined(name, _GIVEN), self.taken())
        self.names, self.fresh, self.weighed = {}, [], None
        if self.length >= _MODULE:
            self.close()
        self.writer.count = 0
        return name

    def group(self, name: str, names: Iterable[str], moment: Sequence[str]) -> str:
        """Make a function that calls others; return its call."""
        calls = [self.call(one, _MOMENT) for one in names]
        self.groups += [self.defined(name, _GIVEN), "entry:", *calls, "  ret void", "}"]
        return self.call(name, moment)

    def call(self, name: str, moment: Sequence[str]) -> str:
        """Return the call of a function in a moment."""
        return f"{_CALL}{name}({_SHARED}, {', '.join(f'i64 {one}' for one in moment)}, ptr null, i64 %seed)"

    def leave(self, node: int) -> None:
        """Store a node for other functions; an output where it is looked for."""
        vector = self.names[node]
        if self.graph.is_truth(node):
            vector = self.writer.let(f"uitofp {self.writer.truth} {vector} to {self.writer.double}")
        if node not in self.slots:
            self.slots[node] = self.column_of[node] if node in self.column_of else self.room()
        self.writer.put(vector, "%work", self.slots[node])

    def computed(self, what: str, nodes: Sequence[int], needed: Iterable[int], moment: Sequence[str]) -> list[str]:
        """Write functions that compute nodes in their order, of which some are needed afterwards; return the calls."""
        graph, last = self.graph, dict.fromkeys(needed, len(nodes))
        self.late = _late(graph, nodes, last)
        for place, node in reversed(list(enumerate(nodes))):
            there = last[node] if node in self.late else place
            for arg in graph.nodes[node].args:
                last[arg] = max(there, last.get(arg, there))
        self.needed = last
        wanted = [partial(self.compute_one, place, one) for place, one in enumerate(nodes) if one not in self.late]
        calls = self.parts(what, wanted, moment)
        self.needed, self.late = {}, frozenset()
        return calls

    def compute_one(self, place: int, node: int) -> None:
        """Compute a node; one that is not computed here is loaded where it is read."""
        op, _, payload = self.graph.nodes[node]
        if op == "state" or not self.graph.stage[node]:
            return
        if op == "input":
            self.names[node] = self.writer.lanes("%values", int(str(payload)), self.columns)
        else:
            self.compute([node])
        self.fresh.append(node)
        self.reached = place

    def begin(self, place: int) -> None:
        """Store what a state starts from, and fill the memory of a delay with it."""
        state, initial = self.states[place], self.name(self.states[place].initial)
        self.writer.put(initial, "%work", self.held[place])
        if place in self.rings:
            first = self.rings[place]
            ends = f"i64 {first}, i64 {first + state.delay}"
            self.writer.line(f"call void @fill(ptr %work, {self.writer.double} {initial}, {ends})")

    def fill(self) -> str:
        """Return the function that stores one vector in a row of places."""
        double = self.writer.double
        return f"""define void @fill(ptr %work, {double} %vector, i64 %first, i64 %last) {{
entry:
  br label %loop
loop:
  %at = phi i64 [%first, %entry], [%next, %loop]
  %place = getelementptr {double}, ptr %work, i64 %at
  store {double} %vector, ptr %place, align 8
  %next = add i64 %at, 1
  %more = icmp ult i64 %next, %last
  br i1 %more, label %loop, label %done
done:
  ret void
}}"""

    def probe(self, place: int) -> None:
        """Begin the stages of a step with what a state holds, and no rates yet."""
        self.writer.put(self.writer.get("%work", self.held[place]), "%work", self.probed[place])
        self.writer.put("zeroinitializer", "%work", self.added[place])

    def remember_one(self, place: int) -> None:
        """Store the present input of a delay."""
        self.writer.put(self.name(self.states[place].rate), "%work", self.slot(place, "%k"))

    def put_out(self, column: int) -> None:
        """Store an output that no function has left where it is looked for."""
        node = self.outputs[column]
        if self.slots.get(node) != column:
            self.writer.put(self.name(node), "%work", column)

    def copy(self, node: int) -> None:
        """Keep a state that is a rate while states move on."""
        self.writer.put(self.name(node), "%work", self.copied[node])

    def rate(self, place: int) -> str:
        """Return the rate of a state while states move on."""
        node = self.states[place].rate
        return self.writer.get("%work", self.copied[node]) if node in self.copied else self.name(node)

    def combine(self, place: int) -> None:
        """Add the rate of a state in the present stage, and follow it to the next."""
        writer = self.writer
        self.weighed = self.weighed or self.weights()
        weight, ahead = self.weighed
        rate = self.rate(place)
        held, added = (writer.get("%work", slots[place]) for slots in (self.held, self.added))
        writer.put(writer.fused(weight, rate, added), "%work", self.added[place])
        writer.put(writer.fused(ahead, rate, held), "%work", self.probed[place])

    def advance_one(self, place: int) -> None:
        """Take a state to the next moment."""
        writer = self.writer
        if place in self.rings:
            following = writer.let("add i64 %k, 1")
            new = writer.get("%work", self.slot(place, following))
        elif self.states[place].delay:
            new = self.rate(place)
        else:
            share = self.share() if self.staged else writer.number(self.plan.clock.step)
            rate = writer.get("%work", self.added[place]) if self.staged else self.rate(place)
            new = writer.fused(share, rate, writer.get("%work", self.held[place]))
        writer.put(new, "%work", self.held[place])
