"""The text of a compiled plan: one function for a block of runs, and one that loops over blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

from stockflow.compiler.graph import TIME, Path
from stockflow.compiler.instruction_order import reordered, waits
from stockflow.compiler.plan import Plan
from stockflow.compiler.vector import Writer, literal
from stockflow.language.clock import SCHEMES

_BLOCK = ", ".join(f"ptr noalias %{name}" for name in ("values", "out", "table", "saved", "work", "runs"))
# The code generator takes a time that grows with the square of a block of instructions: one of more than so many is cut
# into parts of fewer.
_LONGEST_BLOCK = 4000
_PART = 500


class Assembly:
    """Writes LLVM assembly for a plan, `width` runs at a time.

    Memory of one thread: `workspace` vectors, first one for each output, then the rings of delays,
    then the open tables, whose y values stand behind the inputs in a run's row of `values`, unless they are
    `laid` there before the call.  After `text`, `waits` says whether a time step takes as long as its longest chain of
    instructions.
    """

    #: what is 0 in the first stage of a step
    first_stage = "%stage"

    def __init__(self, plan: Plan, width: int, laid: bool = False) -> None:
        self.plan = plan
        self.states = plan.system.states
        self.outputs = plan.system.outputs
        self.graph = plan.system.graph
        self.writer = Writer(width)
        self.names: dict[int, str] = {}
        self.rings: dict[int, int] = {}
        self.scheme = SCHEMES[plan.method]
        self.staged = len(self.scheme.parts) > 1
        self.waits = False
        self.workspace = len(self.outputs)
        for place, state in enumerate(self.states):
            # what is remembered for one step alone is handed on, but where a step has stages
            if state.delay > 1 or (state.delay and self.staged):
                self.rings[place] = self.workspace
                self.workspace += state.delay
        self.points = self.workspace
        self.workspace += plan.points
        self.gathered = 0 if laid else plan.points
        self.columns = len(plan.system.inputs) + self.gathered
        self.totals: dict[int, str] = {}
        self.probes: dict[int, str] = {}
        self.stored: set[int] = set()
        self.last = ""
        self.moving = [place for place, state in enumerate(self.states) if not state.delay]

    def text(self) -> str:
        """Return the module, with the entry point `simulate`."""
        writer = self.writer
        last = self.filled_rings(self.prologue())
        start = self.taken()
        self.body()
        self.observation()
        new = self.advance()
        loop = self.taken()
        # spilled vectors that straddle two cache lines would cost a quarter of the speed
        aligned = f"alignstack({8 * writer.width})"
        head = [f"define void @block({_BLOCK}, i64 %seed) noinline {aligned} {{", "entry:", *start]
        row = "%rowbegin" if self.staged else "%row"
        head += [
            "  br label %loop",
            "loop:",
            f"  %k = phi i64 [0, %{last}], [%k1, %next]",
            f"  {row} = phi ptr [%out, %{last}], [%rownext, %next]",
        ]
        for place, state in enumerate(self.states):
            initial = self.name(state.initial)
            head.append(f"  %s{place} = phi {writer.double} [{initial}, %{last}], [{new[place]}, %next]")
        block = [*head, *(self.stage_head() if self.staged else ()), *loop, "exit:", "  ret void", "}"]
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
            if node in self.names or not self.graph.stage[node]:
                continue
            op, args, payload = self.graph.nodes[node]
            if op == "path":
                self.names[node] = self.path(node)
            elif op in {"random", "initial random"}:
                self.names[node] = self.random(str(payload), "%k" if op == "random" else "0")
            else:
                self.names[node] = self.writer.operation(self.graph, node, [self.name(one) for one in args])

    def path(self, node: int) -> str:
        """Read an open table; where all runs are at the same position, whole vectors at once."""
        writer, (_, (position,), payload) = self.writer, self.graph.nodes[node]
        assert isinstance(payload, Path)
        first, count = payload
        start = self.points + first
        lanes = ", ".join(f"i64 {start * writer.width + lane}" for lane in range(writer.width))

        def together(index: str) -> str:
            scalar = writer.let(f"extractelement {writer.integer} {index}, i64 0")
            return writer.get("%work", writer.let(f"add i64 {scalar}, {start}"))

        def apart(index: str) -> str:
            row = writer.integers("mul", index, writer.whole(writer.width))
            return writer.gathered("%work", writer.integers("add", row, f"<{lanes}>"))

        alike = self.graph.stage[position] in ({0} if self.scheme.order else {0, TIME})
        return writer.curve(self.name(position), count, together if alike else apart)

    def random(self, site: str, step: str) -> str:
        """Draw a number that depends on seed, site, step and run alone."""
        writer = self.writer
        key = int.from_bytes(hashlib.sha256(site.encode()).digest()[:8], "little", signed=True)
        run = writer.let(f"load {writer.integer}, ptr %runs, align 8")
        keys = (writer.spread("%seed", "i64"), writer.whole(key))
        return writer.uniform(writer.threefry(keys, (writer.spread(step, "i64"), run)))

    def prologue(self) -> str:
        """Gather inputs and open tables, compute what is constant in a run; return the last label."""
        writer = self.writer
        wanted = self.graph.reachable([*self.plan.hoisted, *(state.initial for state in self.states)])
        for node in wanted:
            op, _, payload = self.graph.nodes[node]
            if op == "input":
                self.names[node] = writer.lanes("%values", int(str(payload)), self.columns)
        last = "entry"
        if self.gathered:
            writer.line("br label %tables")
            writer.lines.append("tables:")
            writer.line("%point = phi i64 [0, %entry], [%nextpoint, %tables]")
            at = writer.let("getelementptr double, ptr %values, i64 %point")
            vector = writer.lanes(at, len(self.plan.system.inputs), self.columns)
            writer.put(vector, "%work", writer.let(f"add i64 %point, {self.points}"))
            writer.line("%nextpoint = add i64 %point, 1")
            writer.line(f"%unread = icmp ult i64 %nextpoint, {self.gathered}")
            writer.line("br i1 %unread, label %tables, label %read")
            last = "read"
            writer.lines.append("read:")
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
        for column, node in enumerate(self.plan.series):
            vector = writer.everywhere("%table", writer.let(f"add i64 {offset}, {column}"))
            truth = graph.is_truth(node)
            self.names[node] = writer.compare("une", vector, writer.number(0.0)) if truth else vector
        for node in [*self.plan.body, *self.plan.observed]:
            op, _, payload = graph.nodes[node]
            if op == "state":
                held = self.states[int(str(payload))].delay or not self.staged
                self.names[node] = f"%{'s' if held else 'x'}{payload}"
        self.compute(self.plan.body)
        self.waits = waits(writer.lines)
        writer.lines = reordered(writer.lines)
        self.put_early()
        self.last = self.cut("stages" if self.staged else "loop")
        if self.staged:
            writer.line(f"%begins = icmp eq i64 {self.first_stage}, 0")
            writer.line("br i1 %begins, label %first, label %further")
            writer.lines.append("first:")
        writer.line("%savedplace = getelementptr i8, ptr %saved, i64 %k")
        writer.line("%savedbyte = load i8, ptr %savedplace")
        writer.line("%keep = icmp ne i8 %savedbyte, 0")
        if self.staged:
            self.remember()
        writer.line(f"br i1 %keep, label %observe, label %{'further' if self.staged else 'next'}")

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
        writer, double, count = self.writer, self.writer.double, len(self.outputs)
        inside, before = dict(self.names), self.taken()
        self.compute(self.plan.observed)
        for column, node in enumerate(self.outputs):
            if column not in self.stored:
                writer.put(self.name(node), "%work", column)
        self.names = inside
        last = self.cut("observe")
        writer.lines = [*before, "observe:", *writer.lines]
        writer.line("br label %spread")
        writer.lines.append("spread:")
        writer.line(f"%j = phi i64 [0, %{last}], [%j1, %spread]")
        vector = writer.get("%work", "%j")
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
        writer.line(f"br label %{'further' if self.staged else 'next'}")

    def advance(self) -> list[str]:
        """Take one step; return the names of the new states."""
        writer = self.writer
        new: dict[int, str] = {}
        if self.staged:
            writer.lines.append("further:")
            writer.line(f"%rownext = phi ptr [%row, %{self.last}], [%row, %first], [%rowafter, %spreaddone]")
            writer.line("%k1 = add i64 %k, 1")
            new = self.combined_stages()
        else:
            writer.lines.append("next:")
            writer.line(f"%rownext = phi ptr [%row, %{self.last}], [%rowafter, %spreaddone]")
            writer.line("%k1 = add i64 %k, 1")
            step = writer.number(self.plan.clock.step)
            for place, state in enumerate(self.states):
                if not state.delay:
                    new[place] = writer.fused(self.name(state.rate), step, f"%s{place}")
                elif place not in self.rings:
                    new[place] = self.name(state.rate)
            self.remember()
        for place in self.rings:
            new[place] = writer.get("%work", self.slot(place, "%k1"))
        writer.line(f"%done = icmp uge i64 %k1, {len(self.plan.clock.times)}")
        writer.line("br i1 %done, label %exit, label %loop")
        return [new[place] for place in range(len(self.states))]

    def remember(self) -> None:
        """Store the present input of every delay."""
        for place in self.rings:
            self.writer.put(self.name(self.states[place].rate), "%work", self.slot(place, "%k"))

    def slot(self, place: int, moment: str) -> str:
        """Return which vector of `%work` belongs to a moment in a delay's ring."""
        writer = self.writer
        turn = writer.let(f"urem i64 {moment}, {self.states[place].delay}")
        return writer.let(f"add i64 {turn}, {self.rings[place]}")

    def stage_head(self) -> list[str]:
        """Open the loop over the stages of a step, of which the last moment needs only the first."""
        double, rows = self.writer.double, self.scheme.rows
        lines = [
            f"  %final = icmp eq i64 %k, {len(self.plan.clock.times) - 1}",
            f"  %count = select i1 %final, i64 1, i64 {len(self.scheme.parts)}",
            "  br label %stages",
            "stages:",
            "  %stage = phi i64 [0, %loop], [%stage1, %further]",
            "  %row = phi ptr [%rowbegin, %loop], [%rownext, %further]",
        ]
        for place in self.moving:
            lines.append(f"  %x{place} = phi {double} [%s{place}, %loop], [{self.probes[place]}, %further]")
            lines.append(f"  %a{place} = phi {double} [zeroinitializer, %loop], [{self.totals[place]}, %further]")
        return [
            *lines,
            "  %stage1 = add i64 %stage, 1",
            f"  %halves = {'lshr i64 %stage1, 1' if rows[-1] == len(rows) // 2 else f'mul i64 %stage, {rows[1]}'}",
            "  %whole = mul i64 %k, 2",
            "  %moment = add i64 %whole, %halves",
        ]

    def by_stage(self, values: Sequence[float]) -> str:
        """Return, spread over a vector, the one of `values` that belongs to the present stage."""
        chosen = f"double {literal(values[-1])}"
        for stage, (value, after) in reversed(list(enumerate(pairwise(values), start=1))):
            if value != after:
                before = self.writer.let(f"icmp ult i64 %stage, {stage}")
                chosen = f"double {self.writer.let(f'select i1 {before}, double {literal(value)}, {chosen}')}"
        return self.writer.spread(chosen.removeprefix("double "))

    def combined_stages(self) -> dict[int, str]:
        """Add up the rates in parts and move on to the next stage, or from the last to the next moment."""
        writer, step, scheme = self.writer, self.plan.clock.step, self.scheme
        weight = self.by_stage(scheme.parts)
        ahead = self.by_stage([share * step for share in scheme.ahead[1:]])
        for place in self.moving:
            rate = self.name(self.states[place].rate)
            self.totals[place] = writer.fused(weight, rate, f"%a{place}")
            self.probes[place] = writer.fused(ahead, rate, f"%s{place}")
        writer.line("%again = icmp ult i64 %stage1, %count")
        writer.line("br i1 %again, label %stages, label %next")
        writer.lines.append("next:")
        share = writer.number(step / sum(scheme.parts))
        return {place: writer.fused(share, self.totals[place], f"%s{place}") for place in self.moving}

    def driver(self) -> str:
        """Return the entry point, for so many blocks of runs; `%runs` are their numbers."""
        width = self.writer.width
        rows = int(self.plan.clock.saved.sum())
        return f"""
define void @simulate(ptr %values, ptr %out, ptr %table, ptr %saved, ptr %work, ptr %runs, i64 %seed, i64 %count) {{
entry:
  br label %blocks
blocks:
  %b = phi i64 [0, %entry], [%b1, %blocks]
  %vo = mul i64 %b, {width * self.columns}
  %v = getelementptr double, ptr %values, i64 %vo
  %oo = mul i64 %b, {width * rows * len(self.outputs)}
  %o = getelementptr double, ptr %out, i64 %oo
  %before = mul i64 %b, {width}
  %r = getelementptr i64, ptr %runs, i64 %before
  call void @block(ptr %v, ptr %o, ptr %table, ptr %saved, ptr %work, ptr %r, i64 %seed)
  %b1 = add i64 %b, 1
  %more = icmp slt i64 %b1, %count
  br i1 %more, label %blocks, label %done
done:
  ret void
}}
"""
