"""Adoption against fiscal cost: which schedules no other beats on both, and where history stands.

A schedule dominates another if it costs no more and brings no less, and is better in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.laboratory.search_settings import Case, Grid, Study
from analysis.laboratory.worth import CLOCK, Measures, history, worth_of
from analysis.phase_out import SHAPES
from stockflow.errors import InputError

Array = NDArray[np.float64]
HISTORY = "history"
HALF = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Schedules:
    """Schedules by label, with what kind of schedule each is, and what they give in every draw."""

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    found: Measures

    def __post_init__(self) -> None:
        if not len(self.labels) == len(self.kinds) == len(self.found.units):
            raise InputError(f"{len(self.labels)} labels, {len(self.kinds)} kinds, {len(self.found.units)} schedules")
        twice = [one for at, one in enumerate(self.labels) if one in self.labels[:at]]
        if twice:
            raise InputError(f"schedule {twice[0]!r} stands twice")


@dataclass(frozen=True, slots=True)
class Front:
    """One row per schedule, and what dominates history.

    `table`: label, kind, medians and quartiles of units and cost (present value, bnCNY), median year of the share
    (NaN if half the draws never reach it), whether the medians are on the front, what dominates them, and the
    probability over draws that the schedule dominates history. `hindsight` is the probability that some schedule
    does, whichever it is in each draw.
    """

    table: pd.DataFrame
    best: str
    probability: float
    hindsight: float


def efficient(cost: Array, gain: Array) -> NDArray[np.bool_]:
    """Say which points, (point,), no other dominates: least cost, most gain. Equal points stand or fall together."""
    order = np.lexsort((-gain, cost))
    keep = np.zeros(len(cost), dtype=bool)
    most, at_cost = -np.inf, np.nan
    for place in order:
        best = gain[place] > most or (gain[place] == most and cost[place] == at_cost)
        keep[place] = best
        if gain[place] > most:
            most, at_cost = gain[place], cost[place]
    return keep


def dominates(cost: Array, gain: Array, other_cost: Array, other_gain: Array) -> NDArray[np.bool_]:
    """Say where the first of two is no dearer and no worse, and better in one of the two; shapes broadcast."""
    better = (cost < other_cost) | (gain > other_gain)
    return np.asarray((cost <= other_cost) & (gain >= other_gain) & better)


def front(schedules: Schedules) -> Front:
    """Return the front over medians, and how history stands; InputError if history is not among the schedules."""
    if HISTORY not in schedules.labels:
        raise InputError(f"no schedule is called {HISTORY!r}, so nothing can be compared with it")
    units, cost = schedules.found.units, schedules.found.cost
    here = schedules.labels.index(HISTORY)
    low_u, mid_u, high_u = np.quantile(units, HALF, axis=1)
    low_c, mid_c, high_c = np.quantile(cost, HALF, axis=1)
    beats = dominates(cost, units, cost[here], units[here])
    table = pd.DataFrame(
        {
            "schedule": schedules.labels, "kind": schedules.kinds, "units": mid_u, "units low": low_u,
            "units high": high_u, "cost": mid_c, "cost low": low_c, "cost high": high_c,
            "year of the share": _median_year(schedules.found.reached), "on the front": efficient(mid_c, mid_u),
            "dominated by": _dominators(schedules.labels, mid_c, mid_u),
            "probability of dominating history": beats.mean(axis=1),
        }
    )  # fmt: skip
    chances = beats.mean(axis=1)
    best = int(np.argmax(chances))
    return Front(table, schedules.labels[best], float(chances[best]), float(beats.any(axis=0).mean()))


def _dominators(labels: Sequence[str], cost: Array, gain: Array) -> list[str | None]:
    """For each schedule, the one that dominates it with most units saved or money saved: the cheapest such."""
    out: list[str | None] = []
    for c, g in zip(cost, gain, strict=True):
        over = np.flatnonzero(dominates(cost, gain, c, g))
        out.append(labels[over[np.argmin(cost[over])]] if len(over) else None)
    return out


def _median_year(reached: Array) -> Array:
    late = np.where(np.isfinite(reached), reached, np.inf)
    middle = np.median(late, axis=1)
    return np.where(np.isfinite(middle), middle, np.nan)


def joined(parts: Sequence[Schedules]) -> Schedules:
    """Return several sets of schedules, over the same draws, as one."""
    found = Measures(*(np.concatenate([getattr(p.found, name) for p in parts]) for name in ("units", "cost", "reached")))
    return Schedules(
        tuple(label for p in parts for label in p.labels), tuple(kind for p in parts for kind in p.kinds), found
    )


def grid(
    case: str, study: Study, samples: Mapping[str, Array], level: str, tell: Callable[[str], object] = lambda _: None
) -> Schedules:
    """Run every shape from every start over every length, support before it at `level`, and history itself.

    Unlike the core's own clock, nothing here is announced ahead: see `decline announced` in the knots part.
    """
    asked = study.case(case)
    plans = list(_plans(study.grid, asked))
    judge = worth_of(case, study, samples, CLOCK, level)
    tell(f"{len(plans) * judge.draws:,} runs: {len(plans)} schedules from the {level} in {judge.draws} draws")
    labels = [_label(*plan, level) for plan in plans]
    x = np.array([[SHAPES[shape], start, length] for shape, start, length in plans])
    return Schedules(tuple(labels), tuple(plan[0] for plan in plans), judge.measures(x))


def past(case: str, study: Study, samples: Mapping[str, Array]) -> Schedules:
    """Run history, as it was."""
    judge = worth_of(case, study, samples, CLOCK, "historical path")
    return Schedules((HISTORY,), (HISTORY,), judge.measures(history(CLOCK)))


def _plans(grid: Grid, asked: Case) -> list[tuple[str, float, float]]:
    plans = [
        (shape, start, length)
        for shape, start, length in product(grid.shapes, asked.starts, grid.lengths)
        if shape != "cliff"
    ]
    cliffs = [("cliff", start, 1.0) for start in asked.starts] if "cliff" in grid.shapes else []
    return cliffs + plans


def _label(shape: str, start: float, length: float, level: str) -> str:
    over = "" if shape == "cliff" else f" over {length:g} years"
    what = "support at its maximum, then " if level == "historical maximum" else ""
    return f"{what}{shape} from {start:g}{over}"
