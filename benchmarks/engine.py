"""Speed of stockflow beside other engines: one process, engines in turn, the best of several rounds.

Run with `make bench`.  Only ratios travel from one machine to another.  Every engine's outputs are
compared with stockflow's before it is timed.  `--large` adds batches of 100,000 runs.  When all models
were measured, RESULTS.md and results.json, from which README.md takes its table, are written anew.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

import stockflow
from benchmarks import table
from benchmarks.engines import Engine, Job, engines, startup
from benchmarks.machine import Cost, cost, machine
from benchmarks.reductions import million, reductions
from benchmarks.table import Result, Row, Timing
from models.case import CASES, Case, load_case
from stockflow.arrays import Array

INPUTS = (
    "doing learning rate",
    "searching learning rate",
    "reference component cost",
    "price sensitivity",
    "cost sensitivity",
    "contact with adopters",
    "contact with others",
    "domestic offset",
    "extrapolation weight",
    "variety elasticity",
    "performance exponent",
    "capacity build time",
)
# as many as a posterior has
SLOPES = (*INPUTS, "capacity life", "price adjustment time", "target markup")
OUTPUTS = ("market share", "Cumulative Domestic Sales", "Price", "Capacity", "Cumulative Fiscal Outlay")
SIZES = (1, 100, 10_000)
LARGE = 100_000
MANY = 1_000_000
SPREAD = 0.05
SEED = 20251123
TOLERANCE = 1e-9
_HERE = Path(__file__).parent
_MODELS = Path(stockflow.__file__).parent.parent / "models" / "vensim"


def samples(case: Case, runs: int, names: Sequence[str] = INPUTS) -> Array:
    """Return inputs, shape (run, input): the case's values, each within its range, spread by a twentieth."""
    parameters = [case.parameters[name] for name in names]
    value, low, high = (np.array([getattr(one, field) for one in parameters]) for field in ("value", "low", "high"))
    factors = np.random.default_rng(SEED).uniform(1 - SPREAD, 1 + SPREAD, (runs, len(names)))
    return np.clip(value * factors, low, high)


def distance(one: Array, other: Array) -> float:
    """Return the largest difference as a share of the largest finite size of that output in that run of `other`.

    Where neither is finite they agree; where only one is, they are infinitely far apart.
    """
    known = np.isfinite(one) & np.isfinite(other)
    if (np.isfinite(one) != np.isfinite(other)).any():
        return np.inf
    size = np.abs(np.where(known, other, 0.0)).max(axis=1)
    apart = np.abs(np.where(known, one, 0.0) - np.where(known, other, 0.0)).max(axis=1)
    return float((apart / np.where(size > 0, size, 1.0)).max())


def compared(contestants: Sequence[Engine], values: Array) -> list[float]:
    """Return how far each engine is from the first; ArithmeticError if one that must be alike is not."""
    expected = contestants[0].run(values[: max(one.checked for one in contestants)])
    distances = []
    for one in contestants:
        far = distance(one.run(values[: one.checked]), expected[: one.checked])
        if one.alike and not far <= TOLERANCE:
            raise ArithmeticError(f"{one.name} differs from {contestants[0].name} by {far:.1e}, above {TOLERANCE:g}")
        distances.append(far)
    return distances


def timings(
    contestants: Sequence[Engine], values: Array, before: Sequence[Timing | None], rounds: int, patience: float
) -> list[Timing]:
    """Time one batch with every engine in turn, `rounds` times over.

    An engine whose time for a run does not depend on the batch is not run where its `before`, the
    next smaller batch, foretells more than `patience` seconds; nor is any once it has used them up.
    """
    foretold = [
        last.at(len(values)) if one.steady and last is not None else None
        for one, last in zip(contestants, before, strict=True)
    ]
    costs: list[list[Cost]] = [[] for _ in contestants]
    for _ in range(rounds):
        for one, spent, guess in zip(contestants, costs, foretold, strict=True):
            slow = guess is not None and guess.best > patience
            if not slow and sum(each.seconds for each in spent) < patience:
                spent.append(cost(partial(one.run, values)))
    return [
        Timing(len(values), tuple(spent)) if spent or guess is None else guess
        for spent, guess in zip(costs, foretold, strict=True)
    ]


def measured(name: str, sizes: Sequence[int], rounds: int, patience: float) -> Result:
    """Compare and time all engines on one of the models."""
    case = load_case(name)
    job = Job(_MODELS / f"{name}.mdl", INPUTS, OUTPUTS)
    contestants = list(engines(job))
    values = samples(case, max(sizes))
    distances = compared(contestants, values)
    columns: list[list[Timing]] = []
    before: Sequence[Timing | None] = [None] * len(contestants)
    for size in sizes:
        columns.append(timings(contestants, values[:size], before, rounds, patience))
        before = columns[-1]
    rows = tuple(
        Row(one.name, one.read, one.prepare, far, tuple(column[place] for column in columns))
        for place, (one, far) in enumerate(zip(contestants, distances, strict=True))
    )
    planned = case.model.simulator(INPUTS, OUTPUTS).task.plan()
    reduced = reductions(case.model, SLOPES, OUTPUTS, samples(case, max(sizes), SLOPES), rounds)
    return Result(name, len(planned.clock.times) - 1, rows, startup(job), reduced)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.engine", description=__doc__)
    parser.add_argument("--models", default=",".join(CASES), help="which models, separated by commas")
    parser.add_argument("--rounds", type=int, default=5, help="how often each engine gets its turn")
    parser.add_argument("--patience", type=float, default=12.0, help="seconds for one engine and batch size")
    parser.add_argument("--large", action="store_true", help=f"also batches of {LARGE:,} runs")
    options = parser.parse_args(arguments)
    sizes = (*SIZES, LARGE) if options.large else SIZES
    # read and compile times are those without anything kept from before
    os.environ["STOCKFLOW_CACHE"] = "off"
    where = machine()
    names = options.models.split(",")
    text = table.head("the engine", "make bench", where)
    print("\n".join(text), flush=True)
    results = []
    for name in names:
        results.append(measured(name, sizes, options.rounds, options.patience))
        text += [*table.speeds(results[-1]), ""]
        print("\n".join(table.speeds(results[-1])), flush=True)
    case = load_case(names[0])
    many = million(names[0], case.model, INPUTS, OUTPUTS, samples(case, MANY))
    rest = [table.reduced(results), table.million(many), table.targets(results)]
    text += [line for part in (*rest, table.noise(results)) for line in (*part, "")]
    print("\n".join(text), flush=True)
    if set(names) == set(CASES):
        content = {"machine": asdict(where), "results": [asdict(one) for one in results], "million": asdict(many)}
        (_HERE / "results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        (_HERE / "RESULTS.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
