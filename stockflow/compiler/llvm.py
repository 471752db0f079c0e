"""Compiles a plan to machine code: a vector of runs goes through all time steps with its state in registers.

One compiled function takes a range of blocks of `width` runs.  The last block is filled up with
copies of the last run, so every run goes through the same instructions whatever its neighbours,
its place or the number of threads.  Calls release Python's lock.
"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import __version__ as llvmlite_version
from llvmlite import binding
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.compiler.machine import assembled, is_long, linked
from stockflow.compiler.pieces import in_pieces

if TYPE_CHECKING:
    from stockflow.compiler.plan import Plan

_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 6, *[ctypes.c_int64] * 2)
# vectors on the stack for each instruction, at most
_SLOTS = 2
# the most vectors of runs copied at a time
_LARGEST_PIECE = 64


@dataclass(frozen=True, slots=True)
class Code:
    """Machine code for a plan, with all it needs to run; it can be kept in a file.

    A run brings `columns` numbers, its inputs and then its tables, and gives `outputs` numbers at
    every saved moment.  `workspace` counts the vectors one thread needs for memory, and `stack` the bytes of its stack.
    """

    width: int
    workspace: int
    stack: int
    columns: int
    outputs: int
    saved: NDArray[np.uint8]
    table: Array
    machine: tuple[bytes, ...]

    def packed(self) -> bytes:
        """Return everything as bytes."""
        numbers = [
            self.width,
            self.workspace,
            self.stack,
            self.columns,
            self.outputs,
            *self.table.shape,
            len(self.saved),
            *map(len, self.machine),
        ]
        head = json.dumps(numbers).encode()
        return b"".join([head, b"\n", self.table.tobytes(), self.saved.tobytes(), *self.machine])

    @classmethod
    def unpacked(cls, content: bytes) -> Code:
        """Return what `packed` made bytes of."""
        head, _, rest = content.partition(b"\n")
        width, workspace, stack, columns, outputs, rows, series, steps, *lengths = json.loads(head)
        table = np.frombuffer(rest, dtype=np.float64, count=rows * series).reshape(rows, series).copy()
        saved = np.frombuffer(rest, dtype=np.uint8, count=steps, offset=table.nbytes).copy()
        ends = np.cumsum([table.nbytes + steps, *lengths]).tolist()
        machine = tuple(rest[first:last] for first, last in pairwise(ends))
        return cls(width, workspace, stack, columns, outputs, saved, table, machine)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Code that is loaded; `engine` owns the machine code that `function` points to."""

    code: Code
    function: Any
    engine: Any

    def run(
        self,
        values: Array,
        threads: int | None = None,
        tables: Sequence[Array] = (),
        seed: int = 0,
        numbers: NDArray[np.int64] | None = None,
        spare: list[Array] | None = None,
    ) -> Array:
        """Return outputs, shape (run, time, output), for input values of shape (run, input).

        `tables` hold the y values of open tables, each (run, point).  Random numbers depend on
        `seed` and on a run's number, 0, 1, 2, ... if there are no `numbers`.  Outputs stand in
        memory taken from `spare` if there is some that is large enough; `memory_of` gives it back.
        """
        code, runs, width = self.code, len(values), self.code.width
        shape = -(-runs // width) * width, int(code.saved.sum()), code.outputs
        out = _memory(shape, spare)
        parts = [values, *tables]
        numbers = np.arange(runs) if numbers is None else numbers

        def piece(first: int, last: int) -> None:
            blocks = -(-(last - first) // width)
            rows = np.minimum(np.arange(first, first + blocks * width), runs - 1)
            filled = np.concatenate([part[rows] for part in parts], axis=1)
            work = np.empty((code.workspace, width))
            arrays = (filled, out[first:], code.table, code.saved, work, numbers[rows])
            self.function(*(one.ctypes.data for one in arrays), seed, blocks)

        in_pieces(piece, runs, width, _LARGEST_PIECE * width, threads, code.stack)
        return out[:runs]


def _memory(shape: tuple[int, int, int], spare: list[Array] | None) -> Array:
    """Return uninitialised memory; fresh pages of the system cost as much as many time steps."""
    wanted = math.prod(shape)
    try:
        found = spare.pop() if spare else None
    except IndexError:  # another thread was quicker
        found = None
    if found is None or found.size < wanted:
        found = np.empty(wanted)
    return found[:wanted].reshape(shape)


def memory_of(outputs: Array) -> Array:
    """Return all the memory that outputs of a run stand in, to be spared for others."""
    base = outputs.base
    return base if isinstance(base, np.ndarray) else outputs.reshape(-1)


def vector_width() -> int:
    """Return how many doubles one vector register of this processor holds."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


def processor() -> tuple[str, ...]:
    """Return what machine code depends on beside its plan: the processor and the compiler."""
    version = ".".join(map(str, binding.llvm_version_info))
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), llvmlite_version, version


def generate(plan: Plan, width: int | None = None, make: Callable[..., bytes] | None = None) -> Code:
    """Return machine code for a plan on this processor, by default for as many runs at a time as are quickest.

    That is one vector register of runs, or two where a time step is one long chain of operations, in which the
    processor would wait for each of them: a second vector is computed meanwhile. `make` makes the code of a module,
    as `assembled` does.
    """
    from stockflow.compiler.adaptive import written
    from stockflow.compiler.parted import PartedAssembly, can_be_parted, is_parted
    from stockflow.compiler.skeleton import Skeleton

    machine: list[bytes] = []
    made, stacks = make or assembled, [0]

    def add(module: str) -> None:
        machine.append(made(module, alone=False))
        # a function of it calls no other
        stacks.append(stack_of(max(module.split("\ndefine "), key=len), assembly.writer.width))

    usual = width or vector_width()
    assembly: Skeleton = PartedAssembly(plan, usual, add) if is_parted(plan) else written(plan, usual)
    text = assembly.text()
    if is_long(text) and can_be_parted(plan):
        assembly = PartedAssembly(plan, usual, add)
        text = assembly.text()
    if width is None and assembly.waiting > 1:
        assembly = written(plan, 2 * vector_width())
        text = assembly.text()
    width = assembly.writer.width
    saved = plan.clock.saved.astype(np.uint8)
    machine.append(made(text))
    stack, outputs = stack_of(text, width) + max(stacks), len(assembly.outputs)
    return Code(width, assembly.workspace, stack, assembly.columns, outputs, saved, plan.table, tuple(machine))


def stack_of(text: str, width: int) -> int:
    """Return how many bytes of a stack a module takes at most, where every instruction leaves vectors on it.

    Code that keeps what it can in registers leaves less than an eighth of that there.
    """
    most = _SLOTS * text.count("\n") * 8 * width
    return most if is_long(text) else most // 4


def load(code: Code) -> Kernel:
    """Return the code ready to run in this process."""
    engine = linked(*code.machine)
    return Kernel(code, _SIGNATURE(engine.get_function_address("simulate")), engine)
