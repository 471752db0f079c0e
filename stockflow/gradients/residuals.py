"""The instructions that turn outputs of runs into residuals, a vector of runs at a time."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.compiler import cache
from stockflow.compiler.llvm import processor
from stockflow.compiler.machine import assembled, linked
from stockflow.compiler.vector import Writer
from stockflow.gradients.routine import Routine

_SIGNATURE = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2, ctypes.c_int64, *[ctypes.c_void_p] * 2
)


def residual(writer: Writer, later: str, earlier: str, numbers: str) -> tuple[str, str, str]:
    """Write the residual of one term, its rate of change with the later value, and whether the earlier counts.

    `numbers` points to the row of the term, as `stockflow.gradients.payoff.Comparison` describes it.
    """
    growth, logarithmic, target, factor = (_number(writer, numbers, column) for column in range(4))
    zero = writer.number(0.0)
    grows = writer.compare("une", growth, zero)
    modelled = writer.exact("sub", later, writer.select(grows, earlier, zero))
    as_log = writer.compare("une", logarithmic, zero)
    transformed = writer.select(as_log, writer.log(modelled), modelled)
    found = writer.let(f"fmul {writer.double} {writer.exact('sub', transformed, target)}, {factor}")
    rate = writer.let(f"fdiv {writer.double} {factor}, {modelled}")
    return found, writer.select(as_log, rate, factor), grows


def _number(writer: Writer, numbers: str, column: int) -> str:
    place = writer.let(f"getelementptr double, ptr {numbers}, i64 {column}")
    return writer.spread(writer.let(f"load double, ptr {place}"))


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """Compiled instructions for vectors of `width` runs; `engine` owns what `function` points to."""

    width: int
    function: Any
    engine: Any

    def reduced(self, outputs: Array, places: NDArray[np.int64], numbers: Array) -> tuple[Array, Array]:
        """Return sums of squared residuals (run,) and residuals (run, term) of outputs (run, time, output)."""
        runs, terms = len(outputs), len(places)
        blocks = -(-runs // self.width)
        found, total = np.empty((blocks, terms, self.width)), np.empty((blocks, self.width))
        outputs = np.ascontiguousarray(outputs)
        stride = outputs.shape[1] * outputs.shape[2]
        arrays = [array.ctypes.data for array in (outputs, places, numbers, found, total)]
        self.function(arrays[0], runs, stride, *arrays[1:3], terms, *arrays[3:])
        return total.reshape(-1)[:runs], found.transpose(0, 2, 1).reshape(-1, terms)[:runs]


@functools.cache
def compile_residuals(width: int) -> Reduction:
    """Return the instructions for vectors of `width` runs; they are the same for all models and terms."""
    text = _Loops(Writer(width)).text()
    engine = linked(cache.kept("residuals", (text, *processor()), lambda: assembled(text)))
    return Reduction(width, _SIGNATURE(engine.get_function_address("reduce")), engine)


class _Loops(Routine):
    """Writes the loops over vectors of runs and over the terms of each."""

    def text(self) -> str:
        """Return the module, with the entry point `reduce`."""
        writer, width = self.writer, self.writer.width
        integer = writer.integer
        last = writer.spread(writer.let("sub i64 %runs, 1"), "i64")
        stride = writer.spread("%stride", "i64")
        with self.counting("0", writer.let(f"udiv i64 {writer.let(f'add i64 %runs, {width - 1}')}, {width}")) as block:
            lanes = f"<{', '.join(f'i64 {lane}' for lane in range(width))}>"
            run = writer.integers("add", writer.spread(writer.let(f"mul i64 {block}, {width}"), "i64"), lanes)
            # the last vector is filled up with the last run
            beyond = writer.let(f"icmp sgt {integer} {run}, {last}")
            run = writer.let(f"select {writer.truth} {beyond}, {integer} {last}, {integer} {run}")
            base = writer.integers("mul", run, stride)
            found = self.place("%residuals", writer.let(f"mul i64 {block}, %count"))
            total = self.place("%totals", block)
            self.put(writer.number(0.0), total)
            with self.counting("0", "%count") as term:
                places = [writer.spread(one, "i64") for one in self.two_places(term)]
                later, earlier = (writer.gathered("%outputs", writer.integers("add", base, one)) for one in places)
                numbers = writer.let(f"getelementptr [4 x double], ptr %numbers, i64 {term}")
                one, *_ = residual(writer, later, earlier, numbers)
                self.put(one, found, term)
                self.put(writer.fused(one, one, self.get(total)), total)
        arguments = "ptr %outputs, i64 %runs, i64 %stride, ptr %places, ptr %numbers, i64 %count"
        function = self.function("reduce", f"{arguments}, ptr %residuals, ptr %totals", internal=False)
        return "\n".join([*writer.globals, *sorted(writer.declarations), function])
