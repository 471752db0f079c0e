"""What runs cost that are reduced while their outputs are in cache, beside runs whose outputs are stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from benchmarks.machine import cost
from stockflow import Model, Term
from stockflow.arrays import Array
from stockflow.commands.bench import timed

Job = Callable[[], object]

_RUNS = 10_000
_GRADIENTS = 512
_SINGLE = 40
_PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
_YEARS = 14
_SCALE = 0.2
STORED = "outputs stored"


@dataclass(frozen=True, slots=True)
class Reduced:
    """Processor microseconds of a run by what becomes of its outputs, and of gradients.

    `equations` are those of a payoff without the comparison.  `gradient` is the cost of value and
    gradient in the cost of a payoff; `chain` and `single` are the milliseconds one gradient and one
    payoff take alone.  `inputs` are differentiated, `terms` compared.
    """

    work: dict[str, float]
    equations: float
    inputs: int
    terms: int
    gradient: float
    chain: float
    single: float


@dataclass(frozen=True, slots=True)
class Million:
    """`runs` runs with quantiles of `outputs` outputs at `times` times: seconds, and bytes beyond the inputs."""

    case: str
    runs: int
    outputs: int
    times: int
    seconds: float
    processor: float
    memory: int | None
    stored: int


def reductions(model: Model, inputs: tuple[str, ...], outputs: tuple[str, ...], values: Array, rounds: int) -> Reduced:
    """Measure all ways in turn, `rounds` times over, on one thread; all `inputs` are differentiated."""
    terms = _terms(model, inputs, outputs, values)
    values = values[:_RUNS]
    simulator, payoff = model.simulator(inputs, outputs), model.payoff(terms, inputs)
    columns = dict(zip(inputs, values.T, strict=True))
    jobs: Mapping[str, tuple[int, Job]] = {
        STORED: (len(values), partial(simulator, values, 1)),
        "payoff": (len(values), partial(payoff, values, 1)),
        "quantiles": (len(values), lambda: model.runs(columns, outputs, threads=1).quantiles(_PROBABILITIES)),
        "equations": (len(values), partial(payoff.kernel.run, values, 1)),
        "gradient": (_GRADIENTS, partial(model.gradient(terms, inputs), values[:_GRADIENTS], 1)),
    }
    work = dict.fromkeys(jobs, np.inf)
    for _ in range(rounds):
        for name, (runs, job) in jobs.items():
            work[name] = min(work[name], 1e6 * cost(job).processor / min(runs, len(values)))
    equations, slope = work.pop("equations"), work.pop("gradient")
    narrow = [model.gradient(terms, inputs, width=width) for width in (1, 2, 4)]
    chain = min(_alone(partial(one, values[:1], 1)) for one in narrow)
    single = _alone(partial(payoff, values[:1], 1))
    return Reduced(work, equations, len(inputs), len(terms), slope / work["payoff"], chain, single)


def million(case: str, model: Model, inputs: tuple[str, ...], outputs: tuple[str, ...], values: Array) -> Million:
    """Take quantiles over all of `values` on all processors, at yearly times."""
    columns = dict(zip(inputs, values.T, strict=True))

    def asked(samples: Mapping[str, Array]) -> xr.Dataset:
        return model.runs(samples, outputs, save_period=1.0).quantiles(_PROBABILITIES)

    times = len(asked({name: one[:8] for name, one in columns.items()})["time"])
    spent = cost(partial(asked, columns))
    stored = 8 * len(values) * times * len(outputs)
    return Million(case, len(values), len(outputs), times, spent.seconds, spent.processor, spent.memory, stored)


def _terms(model: Model, inputs: tuple[str, ...], outputs: tuple[str, ...], values: Array) -> list[Term]:
    """Say that every output was seen in each of the last years, where a run that is not timed has it."""
    simulator = model.simulator(inputs, outputs)
    run, times = simulator(values[-1:])[0], simulator.times
    years = np.arange(np.floor(times[-1]) - _YEARS + 1, np.floor(times[-1]) + 1)
    rows = [int(np.abs(times - year).argmin()) for year in years]
    return [
        Term(name, float(run[row, place]), _SCALE, at=float(times[row]))
        for place, name in enumerate(outputs)
        for row in rows
        if run[row, place] > 0
    ]


def _alone(job: Job) -> float:
    """Return the least milliseconds of one call."""
    return 1e3 * min(timed(job)[1] for _ in range(_SINGLE))
