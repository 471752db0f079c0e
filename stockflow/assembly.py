"""The text of a compiled plan: one function for a block of runs, and one that loops over blocks."""

from __future__ import annotations

from collections.abc import Iterable

from stockflow.plan import Plan
from stockflow.vector import Writer


class Assembly:
    """Writes LLVM assembly for a plan, `width` runs at a time.

    Memory of one thread: `workspace` vectors, first one for each output, then the rings of delays.
    """

    def __init__(self, plan: Plan, width: int) -> None:
        self.plan = plan
        self.states = plan.system.states
        self.outputs = plan.system.outputs
        self.graph = plan.system.graph
        self.writer = Writer(width)
        self.names: dict[int, str] = {}
        self.rings: dict[int, int] = {}
        self.workspace = len(self.outputs)
        for place, state in enumerate(self.states):
            if state.delay:
                self.rings[place] = self.workspace
                self.workspace += state.delay

    def text(self) -> str:
        """Return the module, with the entry point `simulate`."""
        writer = self.writer
        last = self.prologue()
        self.filled_rings()
        last = f"filled{max(self.rings)}" if self.rings else last
        start = self.taken()
        self.step()
        self.observation()
        new = self.advance()
        loop = self.taken()
        arguments = "ptr noalias %values, ptr noalias %out, ptr noalias %table, ptr noalias %saved, ptr noalias %work"
        head = [f"define void @block({arguments}) noinline {{", "entry:", *start, "  br label %loop", "loop:"]
        head += [
            f"  %k = phi i64 [0, %{last}], [%k1, %next]",
            f"  %row = phi ptr [%out, %{last}], [%rownext, %next]",
        ]
        for place, state in enumerate(self.states):
            initial = self.name(state.initial)
            head.append(f"  %s{place} = phi {writer.double} [{initial}, %{last}], [{new[place]}, %next]")
        block = [*head, *loop, "exit:", "  ret void", "}"]
        return "\n".join([*writer.globals, *sorted(writer.declarations), *block, self.driver()])

    def taken(self) -> list[str]:
        """Return the lines written so far and begin anew."""
        lines, self.writer.lines = self.writer.lines, []
        return lines

    def name(self, node: int) -> str:
        """Return the name or literal of a node that has been computed."""
        value, truth = self.graph.value(node), self.graph.truth(node)
        if value is not None:
            return self.writer.number(value)
        if truth is not None:
            return self.writer.always(truth)
        return self.names[node]

    def compute(self, nodes: Iterable[int]) -> None:
        """Write operations in order, skipping constants and what has a name already."""
        for node in nodes:
            if node not in self.names and self.graph.stage[node]:
                args = [self.name(one) for one in self.graph.nodes[node].args]
                self.names[node] = self.writer.operation(self.graph, node, args)

    def prologue(self) -> str:
        """Gather the inputs of every lane, and compute what is constant in a run; return the last label."""
        writer, inputs = self.writer, len(self.plan.system.inputs)
        wanted = self.graph.reachable([*self.plan.hoisted, *(state.initial for state in self.states)])
        for node in wanted:
            op, _, payload = self.graph.nodes[node]
            if op == "input":
                vector = "poison"
                for lane in range(writer.width):
                    place = writer.let(f"getelementptr double, ptr %values, i64 {lane * inputs + int(str(payload))}")
                    value = writer.let(f"load double, ptr {place}")
                    vector = writer.let(f"insertelement {writer.double} {vector}, double {value}, i64 {lane}")
                self.names[node] = vector
        self.compute(wanted)
        return "entry"

    def filled_rings(self) -> None:
        """Fill the memory of every delay with its initial value."""
        line, double, last = self.writer.line, self.writer.double, "entry"
        for place, first in self.rings.items():
            state = self.states[place]
            line(f"br label %fill{place}")
            self.writer.lines.append(f"fill{place}:")
            line(f"%f{place} = phi i64 [{first}, %{last}], [%g{place}, %fill{place}]")
            line(f"%p{place} = getelementptr {double}, ptr %work, i64 %f{place}")
            line(f"store {double} {self.name(state.initial)}, ptr %p{place}, align 8")
            line(f"%g{place} = add i64 %f{place}, 1")
            line(f"%c{place} = icmp ult i64 %g{place}, {first + state.delay}")
            line(f"br i1 %c{place}, label %fill{place}, label %filled{place}")
            last = f"filled{place}"
            self.writer.lines.append(f"{last}:")

    def step(self) -> None:
        """Compute rates at the present moment, then branch on whether it is kept."""
        writer, graph = self.writer, self.graph
        offset = writer.let(f"mul i64 %k, {self.plan.table.shape[1]}")
        for column, node in enumerate(self.plan.series):
            at = writer.let(f"add i64 {offset}, {column}")
            place = writer.let(f"getelementptr double, ptr %table, i64 {at}")
            vector = writer.spread(writer.let(f"load double, ptr {place}"))
            truth = graph.is_truth(node)
            self.names[node] = writer.compare("une", vector, writer.number(0.0)) if truth else vector
        for node in [*self.plan.body, *self.plan.observed]:
            op, _, payload = graph.nodes[node]
            if op == "state":
                self.names[node] = f"%s{payload}"
        self.compute(self.plan.body)
        writer.line("%savedplace = getelementptr i8, ptr %saved, i64 %k")
        writer.line("%savedbyte = load i8, ptr %savedplace")
        writer.line("%keep = icmp ne i8 %savedbyte, 0")
        writer.line("br i1 %keep, label %observe, label %next")

    def observation(self) -> None:
        """Store outputs as vectors, then lane by lane to where each run's rows stand."""
        writer, double, count = self.writer, self.writer.double, len(self.outputs)
        inside = dict(self.names)
        writer.lines.append("observe:")
        self.compute(self.plan.observed)
        for column, node in enumerate(self.outputs):
            place = writer.let(f"getelementptr {double}, ptr %work, i64 {column}")
            writer.line(f"store {double} {self.name(node)}, ptr {place}, align 8")
        self.names = inside
        writer.line("br label %spread")
        writer.lines.append("spread:")
        writer.line("%j = phi i64 [0, %observe], [%j1, %spread]")
        place = writer.let(f"getelementptr {double}, ptr %work, i64 %j")
        vector = writer.let(f"load {double}, ptr {place}, align 8")
        stride = count * int(self.plan.clock.saved.sum())
        for lane in range(writer.width):
            value = writer.let(f"extractelement {double} {vector}, i64 {lane}")
            at = writer.let(f"add i64 %j, {lane * stride}")
            target = writer.let(f"getelementptr double, ptr %row, i64 {at}")
            writer.line(f"store double {value}, ptr {target}")
        writer.line("%j1 = add i64 %j, 1")
        writer.line(f"%more = icmp ult i64 %j1, {count}")
        writer.line("br i1 %more, label %spread, label %spreaddone")
        writer.lines.append("spreaddone:")
        writer.line(f"%rowafter = getelementptr double, ptr %row, i64 {count}")
        writer.line("br label %next")

    def advance(self) -> list[str]:
        """Take one Euler step; return the names of the new states."""
        writer, double = self.writer, self.writer.double
        writer.lines.append("next:")
        writer.line("%rownext = phi ptr [%row, %loop], [%rowafter, %spreaddone]")
        writer.line("%k1 = add i64 %k, 1")
        new = []
        for place, state in enumerate(self.states):
            rate = self.name(state.rate)
            if not state.delay:
                step = writer.number(self.plan.clock.step)
                new.append(writer.fused(rate, step, f"%s{place}"))
                continue
            slots = []
            for moment in ("%k", "%k1"):
                turn = writer.let(f"urem i64 {moment}, {state.delay}")
                at = writer.let(f"add i64 {turn}, {self.rings[place]}")
                slots.append(writer.let(f"getelementptr {double}, ptr %work, i64 {at}"))
            writer.line(f"store {double} {rate}, ptr {slots[0]}, align 8")
            new.append(writer.let(f"load {double}, ptr {slots[1]}, align 8"))
        writer.line(f"%done = icmp uge i64 %k1, {len(self.plan.clock.times)}")
        writer.line("br i1 %done, label %exit, label %loop")
        return new

    def driver(self) -> str:
        """Return the entry point: blocks `first` to `last`, exclusive, of all runs."""
        width = self.writer.width
        rows = int(self.plan.clock.saved.sum())
        return f"""
define void @simulate(ptr %values, ptr %out, i64 %first, i64 %last, ptr %table, ptr %saved, ptr %work) {{
entry:
  br label %blocks
blocks:
  %b = phi i64 [%first, %entry], [%b1, %blocks]
  %vo = mul i64 %b, {width * len(self.plan.system.inputs)}
  %v = getelementptr double, ptr %values, i64 %vo
  %oo = mul i64 %b, {width * rows * len(self.outputs)}
  %o = getelementptr double, ptr %out, i64 %oo
  call void @block(ptr %v, ptr %o, ptr %table, ptr %saved, ptr %work)
  %b1 = add i64 %b, 1
  %more = icmp slt i64 %b1, %last
  br i1 %more, label %blocks, label %done
done:
  ret void
}}
"""
