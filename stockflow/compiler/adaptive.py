"""Runs with automatic steps: each run cuts every time step into as many parts as its tolerances ask for.

A part is integrated once in one go and once in two halves; the halves are taken where both agree, and where the rates
of one moment do, lest both miss alike.  Parts are powers of a half of the time step, so that each run meets the next
moment exactly, and each run goes its own way, whatever the others of its vector do; its last part is the first that it
tries in the next time step, a quarter of that at most.  What is random, delayed or switched by time (STEP, PULSE, RAMP)
holds for a whole time step; data and lookups of Time do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from stockflow.compiler.assembly import Assembly
from stockflow.compiler.plan import Plan
from stockflow.compiler.vector import Writer
from stockflow.language.clock import SCHEMES

#: the shortest part, of a time step; a stock that does not meet its tolerances with it goes on as no number
SHORTEST = 2.0**-14
# the longest part that begins a time step, so that what is short and lies within is met
_LONGEST_FIRST = 0.25
# how many tolerances the rates in the middle of a part (for a method of second order, up to it) may be apart, and how
# much more in the shortest
_APART, _APART_SHORTEST = 1000.0, 10.0


class Adaptive(Assembly):
    """Writes a plan in which the stages of a step are gone through again and again until it is done.

    One turn has three times the stages of the method: for the whole part, and for each of its halves.  Vectors are
    `%tau`, how much of the time step is behind a run, and `%size`, its next part; of each state `%y`, where that
    begins, `%b`, where the stages at hand do, `%f`, where the whole part ended, `%r`, its rate a stage before, and
    `%w`, 1 where rates of this part were too far apart.
    """

    first_stage = "%turns"

    def __init__(self, plan: Plan, width: int, laid: bool = False, writer: type[Writer] = Writer) -> None:
        super().__init__(plan, width, laid, writer)
        self.stages = len(self.scheme.parts)
        self.next: dict[str, str] = {}
        # where the last part of a run is kept between time steps
        self.kept = self.points
        self.points += 1
        self.workspace += 1

    def filled_rings(self, last: str) -> str:
        """Fill the memory of delays, and the part with which a run begins."""
        self.writer.put(self.writer.number(_LONGEST_FIRST), "%work", self.kept)
        return super().filled_rings(last)

    def moments(self) -> None:
        """Name the time of the present stage in every run, and that at which the time step began."""
        writer, step, ahead = self.writer, self.plan.clock.step, self.scheme.ahead
        held = writer.everywhere("%table", "%k")
        way = self.by_stage([*ahead, *(one / 2 for one in ahead), *(0.5 + one / 2 for one in ahead)])
        part = writer.fused(way, "%size", "%tau")
        now = writer.fused(part, writer.number(step), held)
        for node, (op, _, payload) in enumerate(self.graph.nodes):
            if op == "time":
                self.names[node] = held if payload == "held" else now

    def stage_head(self) -> list[str]:
        """Open the loop over stages."""
        double = self.writer.double
        lines = [
            f"  %final = icmp eq i64 %k, {len(self.plan.clock.times) - 1}",
            f"  %keptat = getelementptr {double}, ptr %work, i64 {self.kept}",
            f"  %begun = load {double}, ptr %keptat, align 8",
            "  br label %stages",
            "stages:",
            "  %turns = phi i64 [0, %loop], [1, %further]",
            f"  %stage = phi i64 [0, %loop], [{self.next['stage']}, %further]",
            "  %row = phi ptr [%rowbegin, %loop], [%rownext, %further]",
            f"  %tau = phi {double} [zeroinitializer, %loop], [{self.next['tau']}, %further]",
            f"  %size = phi {double} [%begun, %loop], [{self.next['size']}, %further]",
        ]
        for place in self.moving:
            for name in "xyb":
                lines.append(
                    f"  %{name}{place} = phi {double} [%s{place}, %loop], [{self.next[f'{name}{place}']}, %further]"
                )
            for name in "afrw":
                new = self.next[f"{name}{place}"]
                lines.append(f"  %{name}{place} = phi {double} [zeroinitializer, %loop], [{new}, %further]")
        return lines

    def ends(self, which: Sequence[int]) -> str:
        """Return whether a stage is the last of one of these: whole part (0), its first half (1), its second (2)."""
        marks = [
            float(at // self.stages in which and at % self.stages == self.stages - 1) for at in range(3 * self.stages)
        ]
        return self.writer.compare("ogt", self.by_stage(marks), self.writer.number(0.5))

    def both(self, op: str, left: str, right: str) -> str:
        """Join two truth values of every run."""
        return self.writer.let(f"{op} {self.writer.truth} {left}, {right}")

    def combined_stages(self) -> dict[int, str]:
        """Go on to the next stage, judge the part at the end of its halves, and leave when every run is done."""
        writer, scheme, number = self.writer, self.scheme, self.writer.number
        arithmetic, select = writer.arithmetic, writer.select
        count = 3 * self.stages
        weight, ahead = self.by_stage(scheme.parts * 3), self.by_stage([*scheme.ahead[1:], 0.0] * 3)
        share = self.by_stage([1.0] * self.stages + [0.5] * (2 * self.stages))
        piece = arithmetic("mul", arithmetic("mul", share, "%size"), number(self.plan.clock.step))
        probing, whole = arithmetic("mul", ahead, piece), arithmetic("mul", piece, number(1.0 / sum(scheme.parts)))
        totals, probes, results = {}, {}, {}
        for place in self.moving:
            rate = self.name(self.states[place].rate)
            totals[place] = writer.fused(weight, rate, f"%a{place}")
            probes[place] = writer.fused(probing, rate, f"%b{place}")
            results[place] = writer.fused(whole, totals[place], f"%b{place}")
        apart = {place: self.apart(place, piece) for place in self.moving}
        taken, value = self.judged(results, apart)
        every, of_whole, of_half = self.ends((0, 1, 2)), self.ends((0,)), self.ends((1,))
        for place in self.moving:
            y = select(taken, value[place], f"%y{place}")
            begun = select(of_half, results[place], y)
            self.next |= {
                f"y{place}": y,
                f"b{place}": select(every, begun, f"%b{place}"),
                f"x{place}": select(every, begun, probes[place]),
                f"a{place}": select(every, number(0.0), totals[place]),
                f"f{place}": select(of_whole, results[place], f"%f{place}"),
                f"r{place}": self.name(self.states[place].rate),
                f"w{place}": select(self.ends((2,)), number(0.0), apart[place]),
            }
        writer.line("%stageup = add i64 %stage, 1")
        writer.line(f"%turned = icmp eq i64 %stageup, {count}")
        self.next["stage"] = writer.let("select i1 %turned, i64 0, i64 %stageup")
        waiting = writer.compare("olt", self.next["tau"], number(1.0))
        more = "false"
        for lane in range(writer.width):
            more = writer.let(f"or i1 {more}, {writer.let(f'extractelement {writer.truth} {waiting}, i64 {lane}')}")
        writer.line(f"%again = select i1 %final, i1 false, i1 {more}")
        writer.line("br i1 %again, label %stages, label %next")
        writer.lines.append("next:")
        first = number(_LONGEST_FIRST)
        shorter = writer.compare("olt", self.next["size"], first)
        writer.put(select(shorter, self.next["size"], first), "%work", self.kept)
        return {place: self.next[f"y{place}"] for place in self.moving}

    def bound(self, place: int, times: float = 1.0) -> str:
        """Return so many times what a state may be off."""
        writer, (absolute, relative) = self.writer, self.plan.clock.tolerances
        least = writer.number(absolute * times)
        size = writer.arithmetic("mul", writer.intrinsic("fabs", f"%y{place}"), writer.number(relative * times))
        return writer.select(writer.compare("ogt", size, least), size, least)

    def apart(self, place: int, piece: str) -> str:
        """Return 1 where the rates that a state has in the middle have been too far apart in this part."""
        writer = self.writer
        middle = [float(at % self.stages == self.stages // 2) for at in range(3 * self.stages)]
        here = writer.compare("ogt", self.by_stage(middle), writer.number(0.5))
        change = writer.exact("sub", self.name(self.states[place].rate), f"%r{place}")
        change = writer.intrinsic("fabs", writer.arithmetic("mul", change, piece))
        shortest = writer.compare("ole", "%size", writer.number(SHORTEST))
        least = self.bound(place, _APART)
        most = writer.arithmetic("mul", least, writer.number(_APART_SHORTEST))
        far = writer.compare("ogt", change, writer.select(shortest, most, least))
        return writer.select(self.both("and", here, far), writer.number(1.0), f"%w{place}")

    def judged(self, results: dict[int, str], apart: dict[int, str]) -> tuple[str, dict[int, str]]:
        """Return in which runs a part is done, and its values; note how the time step goes on.

        Its error is what the halves differ from the whole by, as the order of the method has it.
        """
        writer, number, select = self.writer, self.writer.number, self.writer.select
        order = 2.0**self.scheme.order
        never = writer.compare("ogt", number(0.0), number(1.0))
        close, wrong, refused = never, {}, never
        shortest = writer.compare("ole", "%size", number(SHORTEST))
        for place in self.moving:
            off = writer.intrinsic("fabs", writer.exact("sub", results[place], f"%f{place}"))
            error = writer.arithmetic("mul", off, number(1.0 / (order - 1.0)))
            bound = self.bound(place)
            far = writer.compare("ogt", apart[place], number(0.5))
            wrong[place] = self.both("or", far, writer.compare("ogt", error, bound))
            refused = self.both("or", refused, wrong[place])
            # twice the part would make it as many times larger
            grown = writer.arithmetic("mul", error, number(4.0 * order))
            close = self.both("or", close, writer.compare("ogt", grown, bound))
        here = self.both("and", self.ends((2,)), writer.compare("olt", "%tau", number(1.0)))
        refused = self.both("and", refused, self.both("xor", shortest, writer.always(True)))
        taken = self.both("and", here, self.both("xor", refused, writer.always(True)))
        tau = select(taken, writer.exact("add", "%tau", "%size"), "%tau")
        twice = writer.exact("add", "%size", "%size")
        halved = select(self.both("and", here, refused), writer.arithmetic("mul", "%size", number(0.5)), "%size")
        parts = writer.arithmetic("div", tau, twice)
        even = writer.compare("oeq", parts, writer.intrinsic("trunc", parts))
        fits = self.both("and", even, writer.compare("olt", tau, number(1.0)))
        grows = self.both("and", self.both("and", taken, fits), self.both("xor", close, writer.always(True)))
        self.next |= {"tau": tau, "size": select(grows, twice, halved)}
        return taken, {
            place: select(self.both("and", wrong[place], shortest), number(math.nan), result)
            for place, result in results.items()
        }


def written(plan: Plan, width: int, laid: bool = False, writer: type[Writer] = Writer) -> Assembly:
    """Return what writes a plan, `width` runs at a time."""
    return (Adaptive if SCHEMES[plan.method].order else Assembly)(plan, width, laid, writer)
