"""The answers that unknowns may move: each needs the same draw under several plans, as it is a difference of runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.plain.language import term, worded
from analysis.unknowns.settings import NamedSchedule, Question
from models.case import Case
from models.schedules.run import finite_runs
from stockflow import Model
from stockflow.arrays import Array, Flags
from stockflow.over_time import QUARTER, present_value

Samples = Mapping[str, Array]
Tell = Callable[[str], object]
UNITS, SHARE, OUTLAY = "Cumulative Domestic Sales", "market share", "Cumulative Fiscal Outlay"
LOST, SHARE_KEPT, SPENT, ADDED = "units lost", "market share", "fiscal outlay", "additional units"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Every answer for every run and year, (run, year) by name; and where the phase-out failed, (run,).

    `failures` has one entry for each way to fail, in words.
    """

    years: Array
    values: Mapping[str, Array]
    failures: Mapping[str, Flags]


def outcomes(case: Case, question: Question, samples: Samples, tell: Tell = lambda _: None) -> Outcomes:
    """Run the samples of constants, (run,) each, under the three plans of the question and return the answers.

    Units, in that of the question, are counted since the start of the clock, the share, a fraction, is the mean of the
    year that begins then, under the phase-out, and outlay is all public money so far under it, bnCNY of 2020.
    Raises InputError if any run leaves the numbers.
    """
    runs, size = {}, len(next(iter(samples.values())))
    for plan in (question.supported, question.phase_out, question.no_support):
        tell(worded("{runs:,} runs: {schedule}", runs=size, schedule=term(plan.name)))
        runs[plan.name] = _runs(case.model, plan, case.home.entry, question, samples)
    kept, out, none = (runs[p.name] for p in (question.supported, question.phase_out, question.no_support))
    times = kept["time"]
    at = np.searchsorted(times, question.years)
    values = {
        LOST: (kept[UNITS] - out[UNITS])[:, at],
        SHARE_KEPT: _over_a_year(out[SHARE], at),
        SPENT: out[OUTLAY][:, at],
        ADDED: (kept[UNITS] - none[UNITS])[:, at],
    }
    return Outcomes(np.array(question.years), values, _failures(question, times, kept, out, none))


def _failures(question: Question, times: Array, kept: Samples, out: Samples, none: Samples) -> dict[str, Flags]:
    when = question.begins + question.after
    place = np.searchsorted(times, [when])
    low = (_over_a_year(out[SHARE], place) < question.share_kept * _over_a_year(kept[SHARE], place))[:, 0]
    last = int(np.searchsorted(times, question.years[-1]))
    more = (out[UNITS] - none[UNITS])[:, last]
    end = int(np.searchsorted(times, question.years[-1] + question.tail)) + 1
    dearer = present_value(times[:end], (out["cost"] - none["cost"])[:, :end], question.rate, question.base_year)
    dear = dearer > question.cost_bound * np.maximum(more, 0.0)
    return {
        f"share of the year from {when:g} below {question.share_kept:.0%} of the supported path's": low,
        f"cost per additional unit above {question.cost_bound:g} bnCNY per {question.unit}": dear,
    }


def _over_a_year(values: Array, at: NDArray[np.int64]) -> Array:
    """Mean of the year that begins at each of the places, (run, place), from quarterly values (run, time)."""
    quarters = round(1 / QUARTER)
    return np.asarray(np.mean([values[:, at + step] for step in range(quarters)], axis=0))


def _runs(model: Model, plan: NamedSchedule, case: str, question: Question, samples: Samples) -> dict[str, Array]:
    outputs = list(dict.fromkeys([UNITS, SHARE, OUTLAY, *question.cost]))
    until = question.years[-1] + max(question.tail, 1.0)
    times, values = finite_runs(model, plan.load(case), samples, outputs, until)
    cost = sum(weight * values[name] for name, weight in question.cost.items())
    return {"time": times, "cost": np.asarray(cost), **values}
