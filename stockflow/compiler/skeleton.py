"""What every assembly of a plan has: its memory, names of values, the loops over moments and stages, the way out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import pairwise

from stockflow.compiler.graph import TIME, Path
from stockflow.compiler.plan import Plan
from stockflow.compiler.vector import Writer, literal
from stockflow.language.clock import SCHEMES

#: what the function that runs a block is given
BLOCK = ", ".join(f"ptr noalias %{name}" for name in ("values", "out", "table", "saved", "work", "runs"))


class Skeleton(ABC):
    """Writes LLVM assembly for a plan, `width` runs at a time.

    Memory of one thread: `workspace` vectors, first one for each output, then the rings of delays,
    then the open tables, whose y values stand behind the inputs in a run's row of `values`, unless they are
    `laid` there before the call.  `waiting` is how long the longest chain of instructions of a time step takes, over
    how long it takes to begin all of them, where that is known.
    """

    #: what is 0 in the first stage of a step
    first_stage = "%stage"

    def __init__(self, plan: Plan, width: int, laid: bool = False, writer: type[Writer] = Writer) -> None:
        self.plan = plan
        self.states = plan.system.states
        self.outputs = plan.system.outputs
        self.graph = plan.system.graph
        self.writer = writer(width)
        self.names: dict[int, str] = {}
        self.rings: dict[int, int] = {}
        self.scheme = SCHEMES[plan.method]
        self.staged = len(self.scheme.parts) > 1
        self.after = "further" if self.staged else "next"
        self.waiting = 0.0
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
        self.moving = [place for place, state in enumerate(self.states) if not state.delay]

    @abstractmethod
    def text(self) -> str:
        """Return the module with the entry point `simulate`."""

    def taken(self) -> list[str]:
        """Return the lines written so far and begin anew."""
        lines, self.writer.lines = self.writer.lines, []
        return lines

    def defined(self, name: str, arguments: str) -> str:
        """Return the head of a function; spilled vectors that straddle two cache lines would cost a quarter of the
        speed."""
        return f"define void @{name}({arguments}, i64 %seed) noinline alignstack({8 * self.writer.width}) {{"

    def over_moments(self, last: str) -> list[str]:
        """Open the loop over the moments of a run, which is entered from the label `last`."""
        row = "%rowbegin" if self.staged else "%row"
        return [
            "  br label %loop",
            "loop:",
            f"  %k = phi i64 [0, %{last}], [%k1, %next]",
            f"  {row} = phi ptr [%out, %{last}], [%rownext, %next]",
        ]

    def name(self, node: int) -> str:
        """Return the name or literal of a node that has been computed."""
        return self.writer.known(self.graph, node) or self.names[node]

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
            return writer.get(writer.place("%work", scalar), start)

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

    def read_tables(self) -> str:
        """Gather open tables; return the last label."""
        if not self.gathered:
            return "entry"
        writer = self.writer
        writer.line("br label %tables")
        writer.lines.append("tables:")
        writer.line("%point = phi i64 [0, %entry], [%nextpoint, %tables]")
        at = writer.let("getelementptr double, ptr %values, i64 %point")
        vector = writer.lanes(at, len(self.plan.system.inputs), self.columns)
        writer.put(vector, "%work", writer.let(f"add i64 %point, {self.points}"))
        writer.line("%nextpoint = add i64 %point, 1")
        writer.line(f"%unread = icmp ult i64 %nextpoint, {self.gathered}")
        writer.line("br i1 %unread, label %tables, label %read")
        writer.lines.append("read:")
        return "read"

    def asked_whether_kept(self) -> None:
        """Look up whether the present moment is kept; the further stages of a step are not asked."""
        line = self.writer.line
        if self.staged:
            line(f"%begins = icmp eq i64 {self.first_stage}, 0")
            line("br i1 %begins, label %first, label %further")
            self.writer.lines.append("first:")
        line("%savedplace = getelementptr i8, ptr %saved, i64 %k")
        line("%savedbyte = load i8, ptr %savedplace")
        line("%keep = icmp ne i8 %savedbyte, 0")

    def spread(self, last: str) -> None:
        """Store the vectors of outputs lane by lane, coming from the label `last`."""
        writer, double, count = self.writer, self.writer.double, len(self.outputs)
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
        writer.line(f"br label %{self.after}")

    def gone_on(self, last: str) -> None:
        """Open what comes after a moment, or after a stage of it, whose computation ends at the label `last`."""
        writer = self.writer
        writer.lines.append(f"{self.after}:")
        first = "[%row, %first], " if self.staged else ""
        writer.line(f"%rownext = phi ptr [%row, %{last}], {first}[%rowafter, %spreaddone]")
        writer.line("%k1 = add i64 %k, 1")

    def ended(self) -> None:
        """Go on with the next moment, if there is one."""
        self.writer.line(f"%done = icmp uge i64 %k1, {len(self.plan.clock.times)}")
        self.writer.line("br i1 %done, label %exit, label %loop")

    def slot(self, place: int, moment: str) -> str:
        """Return which vector of `%work` belongs to a moment in a delay's ring."""
        writer = self.writer
        turn = writer.let(f"urem i64 {moment}, {self.states[place].delay}")
        return writer.let(f"add i64 {turn}, {self.rings[place]}")

    def over_stages(self) -> list[str]:
        """Open the loop over stages, of which the last moment needs only the first."""
        return [
            f"  %final = icmp eq i64 %k, {len(self.plan.clock.times) - 1}",
            f"  %count = select i1 %final, i64 1, i64 {len(self.scheme.parts)}",
            "  br label %stages",
            "stages:",
            "  %stage = phi i64 [0, %loop], [%stage1, %further]",
            "  %row = phi ptr [%rowbegin, %loop], [%rownext, %further]",
        ]

    def stage_moment(self) -> list[str]:
        """Say at which half step a stage is."""
        rows = self.scheme.rows
        return [
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

    def weights(self) -> tuple[str, str]:
        """Return how much the rates of the present stage count, and how far they are followed to the next."""
        scheme = self.scheme
        ahead = [share * self.plan.clock.step for share in scheme.ahead[1:]]
        return self.by_stage(scheme.parts), self.by_stage(ahead)

    def left_stages(self) -> None:
        """Go on with the next stage, if there is one."""
        self.writer.line("%again = icmp ult i64 %stage1, %count")
        self.writer.line("br i1 %again, label %stages, label %next")
        self.writer.lines.append("next:")

    def share(self) -> str:
        """Return what the sum of all stages' rates is multiplied by for a step."""
        return self.writer.number(self.plan.clock.step / sum(self.scheme.parts))

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
