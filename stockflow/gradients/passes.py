"""The loops of a gradient as LLVM assembly: forward through all moments, compare, and backward again.

What each step was at is kept on the way forward.  If that takes too much memory, only the states at
the beginning of each stretch of steps are kept, and a stretch is run again before its way back.
Inputs of fixed delays, and what flows back to them, are kept for all steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager

from stockflow.compiler.plan import Layout
from stockflow.compiler.vector import Writer
from stockflow.gradients.derivatives import Derivatives
from stockflow.gradients.routine import Routine
from stockflow.language.clock import Clock, Scheme

_SHARED = "ptr %table, ptr %marks, ptr %work"
_COMPARED = "ptr %places, ptr %numbers, i64 %count, ptr %residuals, ptr %total"


class Passes(Routine):
    """Writes the loops over all `steps` of a clock, in stretches of `length`.

    The workspace of one thread takes `size` vectors of runs; its arrays begin at `places` and are as long as `sizes`
    says, all counted in vectors.  What is kept of a stage takes `kept`.  All steps are one stretch unless that takes
    more than `most` vectors.
    """

    def __init__(
        self, what: Derivatives, where: Layout, writer: Writer, scheme: Scheme, moments: Clock, most: int
    ) -> None:
        super().__init__(writer)
        self.what, self.scheme = what, scheme
        self.columns, self.step, self.steps = len(where.series), moments.step, len(moments.times) - 1
        self.states = range(len(what.states))
        self.delays = {at: one.delay for at, one in enumerate(what.states) if one.delay}
        count, seen = len(what.states), int(moments.saved.sum()) * len(what.outputs)
        self.kept = count + len(what.taped)
        step = self.kept * len(scheme.ahead)
        # beginnings of stretches and one stretch together take least where they take the same
        self.length = self.steps if step * self.steps <= most else math.ceil(math.sqrt(self.steps * count / step))
        self.stretches = -(-self.steps // max(self.length, 1))
        self.sizes = {
            "h": len(where.hoisted),
            "seen": seen,
            "flows": seen,
            **dict.fromkeys(("now", "rates", "flow", "seed", "back"), count),
            "sums": len(what.slow),
            "final": count,
            "begins": (self.stretches + 1) * count,
            "tape": self.length * step,
        }
        for at, delay in self.delays.items():
            self.sizes[f"past{at}"] = self.sizes[f"later{at}"] = self.steps + 1 + delay
        *begins, self.size = itertools.accumulate(self.sizes.values(), initial=0)
        self.places = dict(zip(self.sizes, begins, strict=True))

    def text(self) -> list[str]:
        """Return all functions, with the entry point `gradient`."""
        return [self.forward(), self.compare(), self.backward(), self.block(), self.driver()]

    def forward(self) -> str:
        """Take steps `from` to `to`, exclusive, from the states `begin` to the states `end`."""
        scheme, now, rates = self.scheme, self.array("now"), self.array("rates")
        for at in self.states:
            self.put(self.get("%begin", at), now, at)
        with self.counting("%from", "%to") as k:
            tape = self.tape(k)
            self.observe(k, tape, now)
            new = {at: self.get(now, at) for at in self.states if at not in self.delays}
            for stage, ahead in enumerate(scheme.ahead):
                x = self.place(tape, stage * self.kept)
                for at in self.states if stage else ():
                    there = self.get(tape, at)
                    if at in new:
                        there = self.plus(there, self.get(rates, at), ahead * self.step)
                    self.put(there, x, at)
                self.moment("rates", x, self.row(k, stage), rates)
                for at, vector in new.items():
                    new[at] = self.plus(vector, self.get(rates, at), scheme.weights[stage] * self.step)
                for at, delay in self.delays.items() if not stage else ():
                    self.put(self.get(rates, at), self.array(f"past{at}"), self.writer.let(f"add i64 {k}, {delay}"))
            for at, vector in new.items():
                self.put(vector, now, at)
        for at in self.states:
            self.put(self.get(now, at), "%end", at)
        return self.function("forward", f"{_SHARED}, i64 %from, i64 %to, ptr %begin, ptr %end")

    def observe(self, moment: str, x: str, now: str) -> None:
        """Bring together the states of a moment in `x`, and compute the outputs if they are kept."""
        for at in self.states:
            self.put(self.get(self.array(f"past{at}"), moment) if at in self.delays else self.get(now, at), x, at)
        with self.where_kept(moment) as first:
            self.moment("observe", x, self.row(moment), self.place(self.array("seen"), first))

    def compare(self) -> str:
        """Turn what was seen into residuals, their sum of squares, and what flows back from it."""
        writer = self.writer
        self.put(writer.number(0.0), "%total")
        with self.counting("0", "%count") as i:
            rows = (writer.let(f"getelementptr [2 x i64], ptr %places, i64 {i}, i64 {column}") for column in (0, 1))
            places = [writer.let(f"load i64, ptr {row}") for row in rows]
            numbers = writer.let(f"getelementptr [4 x double], ptr %numbers, i64 {i}")
            later, earlier = (self.get(self.array("seen"), place) for place in places)
            found, rate, grows = _residual(writer, later, earlier, numbers)
            self.put(found, "%residuals", i)
            self.put(writer.fused(found, found, self.get("%total")), "%total")
            flow = writer.let(f"fmul {writer.double} {writer.exact('add', found, found)}, {rate}")
            back = writer.let(f"fneg {writer.double} {flow}")
            self.add(flow, self.array("flows"), places[0])
            self.add(writer.select(grows, back, writer.number(0.0)), self.array("flows"), places[1])
        return self.function("compare", f"{_SHARED}, {_COMPARED}")

    def backward(self) -> str:
        """Go back from step `to`, exclusive, to step `from`; `flow` is what flows to the states."""
        let, zero, scheme = self.writer.let, self.writer.number(0.0), self.scheme
        flow, seed, back = (self.array(name) for name in ("flow", "seed", "back"))
        count, last = let("sub i64 %to, %from"), let("sub i64 %to, 1")
        with self.counting("0", count) as done:
            k = let(f"sub i64 {last}, {done}")
            tape = self.tape(k)
            flows = {at: self.get(flow, at) for at in self.states if at not in self.delays}
            new = {at: flows.get(at, zero) for at in self.states}
            for stage in reversed(range(len(scheme.ahead))):
                for at in self.states:
                    if at in flows:
                        arrives = self.plus(None, flows[at], scheme.weights[stage] * self.step)
                        if stage + 1 < len(scheme.ahead):
                            arrives = self.plus(arrives, self.get(back, at), scheme.ahead[stage + 1] * self.step)
                    elif stage:
                        arrives = zero
                    else:
                        arrives = self.get(self.array(f"later{at}"), let(f"add i64 {k}, {self.delays[at]}"))
                    self.put(arrives, seed, at)
                x = self.place(tape, stage * self.kept)
                self.moment("back", x, self.row(k, stage), seed, back, self.array("sums"))
                for at in self.states:
                    new[at] = self.writer.exact("add", new[at], self.get(back, at))
            for at, vector in new.items():
                self.put(vector, flow, at)
            self.unobserve(k, tape)
        return self.function("backward", f"{_SHARED}, i64 %from, i64 %to")

    def unobserve(self, moment: str, x: str) -> None:
        """Add what flows from kept outputs to the states of a moment; delays keep theirs for earlier."""
        flow = self.array("flow")
        with self.where_kept(moment) as first:
            seed = self.place(self.array("flows"), first)
            self.moment("unobserve", x, self.row(moment), seed, flow, self.array("sums"))
        for at in self.delays:
            self.put(self.get(flow, at), self.array(f"later{at}"), moment)

    def block(self) -> str:
        """Do all for one vector of runs."""
        let, zero, steps, stretches = self.writer.let, self.writer.number(0.0), self.steps, self.stretches
        begins, final, flow = (self.array(name) for name in ("begins", "final", "flow"))
        self.call("begin", "ptr %values", f"ptr {self.array('h')}", f"ptr {begins}")
        for name in ("sums", "flows", "flow", *(f"later{at}" for at in self.delays)):
            self.fill(self.array(name), self.sizes[name], zero)
        for at, delay in self.delays.items():
            self.fill(self.array(f"past{at}"), delay, self.get(begins, at))
        with self.counting("0", str(stretches)) as j:
            self.stretch("forward", j)
        self.observe(str(steps), final, self.place(begins, stretches * len(self.states)))
        self.call("compare", _SHARED, _COMPARED)
        self.unobserve(str(steps), final)
        with self.counting("0", str(stretches)) as done:
            j = let(f"sub i64 {stretches - 1}, {done}")
            with self.when(let(f"icmp ne i64 {done}, 0")):
                self.stretch("forward", j)
            self.stretch("backward", j)
        for at, delay in self.delays.items():
            self.put(zero, flow, at)
            with self.counting("0", str(min(delay, steps + 1))) as moment:
                self.add(self.get(self.array(f"later{at}"), moment), flow, at)
        self.call("end", "ptr %values", f"ptr {flow}", f"ptr {self.array('sums')}", "ptr %gradient")
        return self.function("block", f"ptr %values, {_SHARED}, {_COMPARED}, ptr %gradient")

    def stretch(self, name: str, number: str) -> None:
        """Run one stretch of steps forward or backward."""
        let, length = self.writer.let, self.length
        first = let(f"mul i64 {number}, {length}")
        beyond = let(f"add i64 {first}, {length}")
        short = let(f"icmp slt i64 {beyond}, {self.steps}")
        last = let(f"select i1 {short}, i64 {beyond}, i64 {self.steps}")
        arguments = [_SHARED, f"i64 {first}", f"i64 {last}"]
        if name == "forward":
            begin = self.place(self.array("begins"), let(f"mul i64 {number}, {len(self.states)}"))
            arguments += [f"ptr {begin}", f"ptr {self.place(begin, len(self.states))}"]
        self.call(name, *arguments)

    def driver(self) -> str:
        """Do all for so many vectors of runs."""
        inputs = len(self.what.inputs)
        arrays = {"values": inputs, "residuals": "%count", "total": 1, "gradient": inputs}
        with self.counting("0", "%blocks") as b:
            place = {
                name: self.place(f"%{name}", self.writer.let(f"mul i64 {b}, {size}")) for name, size in arrays.items()
            }
            ends = f"ptr {place['residuals']}, ptr {place['total']}, ptr {place['gradient']}"
            self.call("block", f"ptr {place['values']}", _SHARED, "ptr %places, ptr %numbers, i64 %count", ends)
        given = f"ptr %values, {_SHARED}, {_COMPARED}, ptr %gradient, i64 %blocks"
        return self.function("gradient", given, internal=False)

    def array(self, name: str) -> str:
        """Return the address of an array of the workspace."""
        return self.place("%work", self.places[name])

    def tape(self, moment: str) -> str:
        """Return the address of what is kept of a step in the present stretch."""
        let = self.writer.let
        size = self.kept * len(self.scheme.ahead)
        return self.place(self.array("tape"), let(f"mul i64 {let(f'sub i64 {moment}, %from')}, {size}"))

    def row(self, moment: str, stage: int = 0) -> str:
        """Return the address of the series of a stage."""
        let = self.writer.let
        first = let(f"mul i64 {moment}, {self.columns * self.scheme.stride}")
        at = let(f"add i64 {first}, {self.columns * self.scheme.rows[stage]}")
        return let(f"getelementptr double, ptr %table, i64 {at}")

    @contextmanager
    def where_kept(self, moment: str) -> Iterator[str]:
        """Do what is written inside at moments that are kept; gives the place of their first output."""
        let = self.writer.let
        mark = let(f"load i64, ptr {let(f'getelementptr i64, ptr %marks, i64 {moment}')}")
        with self.when(let(f"icmp sge i64 {mark}, 0")):
            yield let(f"mul i64 {mark}, {len(self.what.outputs)}")

    def moment(self, name: str, x: str, row: str, *arrays: str) -> None:
        """Call a function of one moment."""
        self.call(name, *(f"ptr {one}" for one in (x, self.array("h"), row, *arrays)))

    def plus(self, term: str | None, vector: str, factor: float) -> str:
        """Return term + vector * factor; no term is 0."""
        if term is None:
            return self.writer.arithmetic("mul", vector, self.writer.number(factor))
        return self.writer.fused(vector, self.writer.number(factor), term)


def _residual(writer: Writer, later: str, earlier: str, numbers: str) -> tuple[str, str, str]:
    """Write the residual of one term, its rate of change with the later value, and whether the earlier counts.

    `numbers` points to the row of the term, as `stockflow.gradients.payoff.Comparison` describes it.
    """
    growth, logarithmic, target, factor = (writer.everywhere(numbers, column) for column in range(4))
    zero = writer.number(0.0)
    grows = writer.compare("une", growth, zero)
    modelled = writer.exact("sub", later, writer.select(grows, earlier, zero))
    as_log = writer.compare("une", logarithmic, zero)
    transformed = writer.select(as_log, writer.log(modelled), modelled)
    found = writer.let(f"fmul {writer.double} {writer.exact('sub', transformed, target)}, {factor}")
    rate = writer.let(f"fdiv {writer.double} {factor}, {modelled}")
    return found, writer.select(as_log, rate, factor), grows
