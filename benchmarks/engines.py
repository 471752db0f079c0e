"""The engines under comparison, each as one function from inputs to outputs over the same model file.

And how long a user waits from calling Python to the first results, with nothing kept and with a cache.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import stockflow
from benchmarks.scalar_c import ScalarC
from stockflow.arrays import Array
from stockflow.commands.bench import timed
from stockflow.compiler.llvm import generate, load
from stockflow.compiler.plan import plan
from stockflow.compiler.simulator import Simulator
from stockflow.compiler.system import lower
from stockflow.reference import interpolate_quickly

_COMPILATIONS = 3
_STARTS = 5
_PROGRAM = """
import sys, numpy, stockflow
model = stockflow.load({path!r})
simulator = model.simulator({inputs!r}, {outputs!r})
simulator(numpy.array([[model.variable(name).value for name in simulator.inputs]]))
print("pysd" in sys.modules)
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What every engine is asked: `outputs` of a model file at every saved time, for values of `inputs`."""

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """`run` takes inputs, shape (run, input), and returns outputs, shape (run, time, output).

    `read` and `prepare` are the seconds spent, once, on the file and on what makes it ready to run.
    `steady` says that the time for a run does not depend on how many are asked for at once;
    `checked` is the number of runs whose outputs are compared before the engine is timed, and
    `alike` says that they must agree.
    """

    name: str
    run: Callable[[Array], Array]
    read: float
    prepare: float
    steady: bool = False
    checked: int = 20
    alike: bool = True


def engines(job: Job) -> Iterator[Engine]:
    """Give every engine that is installed, stockflow first, since the others are compared with it."""
    model, read = timed(partial(stockflow.load, job.path))
    simulator = model.simulator(job.inputs, job.outputs)
    yield from _stockflow(simulator, read)
    yield from _scalar_c(simulator, read)
    if importlib.util.find_spec("simlin") is not None:
        yield from _pysimlin(job)
    yield from _pysd(job)


def _stockflow(simulator: Simulator, read: float) -> Iterator[Engine]:
    """Compiling is timed past any cache."""
    task = simulator.task
    prepare = min(timed(lambda: load(generate(task.plan())))[1] for _ in range(_COMPILATIONS))
    for threads in (1, 2):
        yield Engine(_threaded("stockflow", threads), partial(simulator, threads=threads), read, prepare)


def _scalar_c(simulator: Simulator, read: float) -> Iterator[Engine]:
    """From the simplified plan, the stronger yardstick, and from the equations before any rewriting."""
    if shutil.which("gcc") is None:
        return
    task = simulator.task
    compiled, prepare = timed(lambda: ScalarC(task.plan()))
    for threads in (1, 2):
        yield Engine(_threaded("scalar C", threads), partial(compiled, threads=threads), read, prepare, steady=True)
    plain = plan(lower(task.equations, task.inputs, task.outputs), task.clock())
    compiled, prepare = timed(lambda: ScalarC(plain))
    name = _threaded("scalar C of equations as written", 2)
    yield Engine(name, partial(compiled, threads=2), read, prepare, steady=True)


def _pysimlin(job: Job) -> Iterator[Engine]:
    """Its quickest way to many runs: one simulation for each thread, reset between runs.

    Its outputs may differ: it gives DELAY FIXED as an exponential delay of first order, and ZIDZ and
    XIDZ take as zero 0 alone, where Vensim and PySD take what is below 1e-6.
    """
    import simlin

    model, read = timed(lambda: simlin.load(job.path))
    first, prepare = timed(model.simulate)
    simulations = [first, model.simulate()]

    def loop(simulation: Any, values: Array) -> list[Array]:
        results = []
        for row in values:
            simulation.reset()
            for name, value in zip(job.inputs, row.tolist(), strict=True):
                simulation.set_value(name, value)
            simulation.run_to_end()
            results.append(np.column_stack([simulation.get_series(name) for name in job.outputs]))
        return results

    def run(values: Array, threads: int) -> Array:
        parts = [part for part in np.array_split(values, threads) if len(part)]
        if len(parts) == 1:
            return np.array(loop(first, values))
        with ThreadPoolExecutor(threads) as pool:
            return np.array([one for part in pool.map(loop, simulations, parts) for one in part])

    for threads in (1, 2):
        name = _threaded("pysimlin", threads)
        yield Engine(name, partial(run, threads=threads), read, prepare, steady=True, alike=False)


def _pysd(job: Job) -> Iterator[Engine]:
    """PySD as it is and, for a model with lookups, with those of single numbers done by NumPy.

    That gives the same bits much faster.  WITH LOOKUP is no matter: PySD itself leaves it to NumPy.
    """
    model, read = timed(partial(_translated, job.path))
    if model._lookup_elements:
        patched, again = timed(partial(_translated, job.path))
        interpolate_quickly(patched)
        run = partial(_pysd_runs, patched, job.inputs, job.outputs)
        yield Engine("PySD, lookups patched", run, again, 0.0, steady=True, checked=3)
    run = partial(_pysd_runs, model, job.inputs, job.outputs)
    yield Engine("PySD", run, read, 0.0, steady=True, checked=1)


def _translated(path: Path) -> Any:
    """Read a copy, because PySD writes beside the file, with all digits of its tables."""
    import pysd

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = shutil.copy(path, folder)
        with np.printoptions(precision=17, floatmode="unique"):
            return pysd.read_vensim(copy)


def _pysd_runs(model: Any, inputs: Sequence[str], outputs: Sequence[str], values: Array) -> Array:
    results = []
    for row in values:
        params = dict(zip(inputs, row.tolist(), strict=True))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = model.run(params=params, return_columns=list(outputs))
        results.append(frame[list(outputs)].to_numpy(dtype=float))
    return np.array(results)


def _threaded(name: str, threads: int) -> str:
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from process start to the first results; `imports` says whether PySD was loaded with a cache."""

    fresh: float
    cached: float
    imports: bool


def startup(job: Job) -> Startup:
    """Measure a first process on an empty cache folder, then the best of several on the same folder."""
    program = _PROGRAM.format(path=str(job.path), inputs=job.inputs, outputs=job.outputs)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", program]
        environment = os.environ | {"STOCKFLOW_CACHE": folder}

        def once() -> str:
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

        _, fresh = timed(once)
        rounds = [timed(once) for _ in range(_STARTS)]
    return Startup(fresh, min(seconds for _, seconds in rounds), rounds[-1][0] == "True")
