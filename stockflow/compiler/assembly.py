"""The text of a compiled plan: one function for a block of runs, and one that loops over blocks."""

from __future__ import annotations

from stockflow.compiler.instruction_order import reordered, waiting
from stockflow.compiler.plan import Plan
from stockflow.compiler.skeleton import BLOCK, Skeleton
from stockflow.compiler.vector import Writer

# The code generator takes a time that grows with the square of a block of instructions: one of more than so many is cut
# into parts of fewer.
_LONGEST_BLOCK = 4000
_PART = 500


class Assembly(Skeleton):
    """Writes a plan as one function, in which states and all that is computed from them stand in registers."""

    def __init__(self, plan: Plan, width: int, laid: bool = False, writer: type[Writer] = Writer) -> None:
        super().__init__(plan, width, laid, writer)
        self.totals: dict[int, str] = {}
        self.probes: dict[int, str] = {}
        self.stored: set[int] = set()
        self.last = ""

    def text(self) -> str:
        """Return the module, with the entry point `simulate`."""
        writer = self.writer
        last = self.filled_rings(self.prologue())
        start = self.taken()
        self.body()
        self.observation()
        new = self.advance()
        loop = self.taken()
        head = [*start, *self.over_moments(last)]
        for place, state in enumerate(self.states):
            initial = self.name(state.initial)
            head.append(f"  %s{place} = phi {writer.double} [{initial}, %{last}], [{new[place]}, %next]")
        body = [*head, *(self.stage_head() if self.staged else ()), *loop, "exit:", "  ret void", "}"]
        block = [self.defined("block", BLOCK), "entry:", *writer.opening(), *body]
        return "\n".join([*writer.globals, *sorted(writer.declarations), *block, self.driver()])

    def prologue(self) -> str:
        """Gather inputs and open tables, compute what is constant in a run; return the last label."""
        writer = self.writer
        wanted = self.graph.reachable([*self.plan.hoisted, *(state.initial for state in self.states)])
        for node in wanted:
            op, _, payload = self.graph.nodes[node]
            if op == "input":
                self.names[node] = writer.lanes("%values", int(str(payload)), self.columns)
        last = self.read_tables()
        self.compute(wanted)
        return last

    def filled_rings(self, last: str) -> str:
        """Fill the memory of every delay with its initial value; return the last label."""
        line = self.writer.line
        for place, first in self.rings.items():
            state = self.states[place]
            line(f"br label %fill{place}")
            self.writer.lines.append(f"fill{place}:")
            line(f"%f{place} = phi i64 [{first}, %{last}], [%g{place}, %fill{place}]")
            self.writer.put(self.name(state.initial), "%work", f"%f{place}")
            line(f"%g{place} = add i64 %f{place}, 1")
            line(f"%c{place} = icmp ult i64 %g{place}, {first + state.delay}")
            line(f"br i1 %c{place}, label %fill{place}, label %filled{place}")
            last = f"filled{place}"
            self.writer.lines.append(f"{last}:")
        return last

    def body(self) -> None:
        """Compute rates at the present moment, then branch on whether it is kept."""
        writer, graph = self.writer, self.graph
        self.moments()
        moment = "%moment" if self.staged and not self.scheme.order else "%k"
        offset = writer.let(f"mul i64 {moment}, {self.plan.table.shape[1]}")
        row = writer.let(f"getelementptr inbounds double, ptr %table, i64 {offset}")
        for column, node in enumerate(self.plan.series):
            vector = writer.everywhere(row, column)
            truth = graph.is_truth(node)
            self.names[node] = writer.compare("une", vector, writer.number(0.0)) if truth else vector
        for node in [*self.plan.body, *self.plan.observed]:
            op, _, payload = graph.nodes[node]
            if op == "state":
                held = self.states[int(str(payload))].delay or not self.staged
                self.names[node] = f"%{'s' if held else 'x'}{payload}"
        self.compute(self.plan.body)
        self.waiting = waiting(writer.lines)
        writer.lines = reordered(writer.lines, writer.registers)
        self.put_early()
        self.last = self.cut("stages" if self.staged else "loop")
        self.asked_whether_kept()
        if self.staged:
            self.remember()
        writer.line(f"br i1 %keep, label %observe, label %{self.after}")

    def moments(self) -> None:
        """Name the times of a stage where no table has what depends on them."""

    def put_early(self) -> None:
        """Store outputs of a long step where they are computed: thousands that wait for its end fill the stack."""
        writer = self.writer
        if len(writer.lines) <= _LONGEST_BLOCK:
            return
        wanted: dict[str, list[int]] = {}
        for column, node in enumerate(self.outputs):
            if node in self.names:
                wanted.setdefault(self.names[node], []).append(column)
        for line in self.taken():
            writer.lines.append(line)
            name = line.partition(" = ")[0].strip()
            for column in wanted.get(name, ()):
                writer.put(name, "%work", column)
                self.stored.add(column)

    def cut(self, label: str) -> str:
        """Cut the lines written so far into parts if they are too long for one block; return the last one's label."""
        writer, lines = self.writer, self.taken()
        long = len(lines) > _LONGEST_BLOCK
        begun = label
        for place, line in enumerate(lines):
            if long and place and not place % _PART:
                label = f"{begun}part{place}"
                writer.line(f"br label %{label}")
                writer.lines.append(f"{label}:")
            writer.lines.append(line)
        return label

    def observation(self) -> None:
        """Store outputs as vectors, then lane by lane to where each run's rows stand."""
        writer = self.writer
        inside, before = dict(self.names), self.taken()
        self.compute(self.plan.observed)
        for column, node in enumerate(self.outputs):
            if column not in self.stored:
                writer.put(self.name(node), "%work", column)
        self.names = inside
        last = self.cut("observe")
        writer.lines = [*before, "observe:", *writer.lines]
        self.spread(last)

    def advance(self) -> list[str]:
        """Take one step; return the names of the new states."""
        writer = self.writer
        new: dict[int, str] = {}
        self.gone_on(self.last)
        if self.staged:
            new = self.combined_stages()
        else:
            step = writer.number(self.plan.clock.step)
            for place, state in enumerate(self.states):
                if not state.delay:
                    new[place] = writer.fused(self.name(state.rate), step, f"%s{place}")
                elif place not in self.rings:
                    new[place] = self.name(state.rate)
            self.remember()
        for place in self.rings:
            new[place] = writer.get("%work", self.slot(place, "%k1"))
        self.ended()
        return [new[place] for place in range(len(self.states))]

    def remember(self) -> None:
        """Store the present input of every delay."""
        for place in self.rings:
            self.writer.put(self.name(self.states[place].rate), "%work", self.slot(place, "%k"))

    def stage_head(self) -> list[str]:
        """Open the loop over the stages of a step, with what each state is in them."""
        double = self.writer.double
        lines = self.over_stages()
        for place in self.moving:
            lines.append(f"  %x{place} = phi {double} [%s{place}, %loop], [{self.probes[place]}, %further]")
            lines.append(f"  %a{place} = phi {double} [zeroinitializer, %loop], [{self.totals[place]}, %further]")
        return [*lines, *self.stage_moment()]

    def combined_stages(self) -> dict[int, str]:
        """Add up the rates in parts and move on to the next stage, or from the last to the next moment."""
        writer = self.writer
        weight, ahead = self.weights()
        for place in self.moving:
            rate = self.name(self.states[place].rate)
            self.totals[place] = writer.fused(weight, rate, f"%a{place}")
            self.probes[place] = writer.fused(ahead, rate, f"%s{place}")
        self.left_stages()
        share = self.share()
        return {place: writer.fused(share, self.totals[place], f"%s{place}") for place in self.moving}
