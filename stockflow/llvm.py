"""Compiles a plan to machine code: a vector of runs goes through all time steps with its state in registers.

One compiled function takes a range of blocks of `width` runs.  The last block is filled up with
copies of the last run, so every run goes through the same instructions whatever its neighbours,
its place or the number of threads.  Calls release Python's lock.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from stockflow.assembly import Assembly
from stockflow.plan import Plan

_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 3)
# pieces per thread: enough to even out threads of unequal speed
_PIECES = 4


@dataclass(frozen=True, slots=True)
class Kernel:
    """A compiled plan.

    `workspace` counts the vectors one thread needs for memory; `engine` owns the machine code that
    `function` points to.
    """

    plan: Plan
    width: int
    workspace: int
    function: Any
    engine: Any

    def run(self, values: NDArray[np.float64], threads: int | None = None) -> NDArray[np.float64]:
        """Return outputs, shape (run, time, output), for input values of shape (run, input)."""
        runs, width = len(values), self.width
        blocks = -(-runs // width)
        saved = np.ascontiguousarray(self.plan.clock.saved, dtype=np.uint8)
        shape = (blocks * width, int(saved.sum()), len(self.plan.system.outputs))
        out = np.empty(shape)
        if not runs:
            return out
        filled = np.empty((blocks * width, values.shape[1]))
        filled[:runs] = values
        filled[runs:] = values[-1]
        table = self.plan.table

        def piece(first: int, last: int) -> None:
            work = np.empty((self.workspace, width))
            places = [array.ctypes.data for array in (filled, out, table, saved, work)]
            self.function(*places[:2], first, last, *places[2:])

        workers = min(threads or available_threads(), blocks)
        if workers == 1:
            piece(0, blocks)
        else:
            cuts = np.linspace(0, blocks, min(blocks, workers * _PIECES) + 1).astype(int).tolist()
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(piece, cuts[:-1], cuts[1:]))
        return out[:runs]


def available_threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def vector_width() -> int:
    """Return how many doubles one vector register of this processor holds."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


def compile_plan(plan: Plan, width: int | None = None) -> Kernel:
    """Return machine code for a plan on this processor."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    width = width or vector_width()
    assembly = Assembly(plan, width)
    module = binding.parse_assembly(assembly.text())
    module.verify()
    features = binding.get_host_cpu_features()
    flags = features.flatten() + (",-prefer-256-bit" if features.get("avx512f") else "")
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=flags, opt=2, codemodel="jitdefault"
    )
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return Kernel(plan, width, assembly.workspace, _SIGNATURE(engine.get_function_address("simulate")), engine)
