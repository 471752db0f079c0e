"""Adoption against fiscal cost: which schedules no other beats on both, and where history stands.

A schedule dominates another if it costs no more and brings no less, and is better in one of the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.ended import only
from analysis.plain.language import worded
from analysis.search.settings import Case, Grid, SearchStudy
from analysis.search.worth import Measures, case_model, ledger_of
from analysis.unknowns.outcomes import Tell
from models.home import home_of
from models.schedules.file import Schedule, load_schedule, revised, unchanged
from models.schedules.run import finite_runs
from models.schedules.variants import variants
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError
from stockflow.intervals import quantiles

HISTORY = "history"
HALF = (0.25, 0.5, 0.75)
DIGITS = 9  # figures that agree to so many digits count as equal


@dataclass(frozen=True, slots=True)
class Schedules:
    """Schedules by label, with what kind of schedule each is, and what they give in every draw."""

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    found: Measures

    def __post_init__(self) -> None:
        if not len(self.labels) == len(self.kinds) == len(self.found.units):
            raise InputError(f"{len(self.labels)} labels, {len(self.kinds)} kinds, {len(self.found.units)} schedules")
        if twice := [one for at, one in enumerate(self.labels) if one in self.labels[:at]]:
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


def settled(values: Array) -> Array:
    """Return values cut to nine digits, so that two ways to run the same schedule come out equal."""
    size = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    scale = 10.0 ** (DIGITS - 1 - size)
    return np.asarray(np.round(values * scale) / scale)


def efficient(cost: Array, gain: Array) -> Flags:
    """Say which points, (point,), no other dominates: least cost, most gain. Equal points stand or fall together."""
    return np.asarray(~dominates(cost[:, None], gain[:, None], cost, gain).any(axis=0))


def dominates(cost: Array, gain: Array, other_cost: Array, other_gain: Array) -> Flags:
    """Say where the first of two is no dearer and no worse, and better in one of the two; shapes broadcast."""
    better = (cost < other_cost) | (gain > other_gain)
    return np.asarray((cost <= other_cost) & (gain >= other_gain) & better)


def front(schedules: Schedules) -> Front:
    """Return the front over medians, and how history stands; InputError if history is not among the schedules."""
    if HISTORY not in schedules.labels:
        raise InputError(f"no schedule is called {HISTORY!r}, so nothing can be compared with it")
    units, cost = settled(schedules.found.units), settled(schedules.found.cost)
    here = schedules.labels.index(HISTORY)
    low_u, mid_u, high_u = quantiles(units.T, HALF)
    low_c, mid_c, high_c = quantiles(cost.T, HALF)
    beats = dominates(cost, units, cost[here], units[here])
    chances = beats.mean(axis=1)
    table = pd.DataFrame(
        {
            "schedule": schedules.labels, "kind": schedules.kinds, "units": mid_u, "units low": low_u,
            "units high": high_u, "cost": mid_c, "cost low": low_c, "cost high": high_c,
            "year of the share": _median_year(schedules.found.reached), "on the front": efficient(mid_c, mid_u),
            "dominated by": _dominators(schedules.labels, mid_c, mid_u),
            "probability of dominating history": chances,
        }
    )  # fmt: skip
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
    middle = quantiles(late.T, [0.5])[0]
    return np.where(np.isfinite(middle), middle, np.nan)


def joined(parts: Sequence[Schedules]) -> Schedules:
    """Return several sets of schedules, over the same draws, as one."""
    found = Measures(
        *(np.concatenate([getattr(p.found, name) for p in parts]) for name in ("units", "cost", "reached"))
    )
    return Schedules(
        tuple(label for p in parts for label in p.labels), tuple(kind for p in parts for kind in p.kinds), found
    )


def grid(case: str, study: SearchStudy, samples: Mapping[str, Array], tell: Tell = lambda _: None) -> Schedules:
    """Run history, and every shape from every start over every length: on history, and on support held.

    Schedules are variants of the base file; buyers see their declines one anticipation horizon ahead, as in history.
    """
    asked, model, ledger = study.case(case), case_model(case, study.case(case))[0], ledger_of(case, study)
    plans = [(HISTORY, HISTORY, unchanged(home_of(case).entry)), *_plans(case, study.grid, asked)]
    draws = len(next(iter(samples.values())))
    runs = len(plans) * draws
    tell(worded("{runs:,} runs: {schedules} schedules in {draws} draws", runs=runs, schedules=len(plans), draws=draws))
    found = np.empty((3, len(plans), draws))
    for place, (_, _, schedule) in enumerate(plans):
        found[:, place] = ledger.read(*finite_runs(model, schedule, samples, ledger.outputs, ledger.until))
    labels, kinds, _ = zip(*plans, strict=True)
    return Schedules(labels, kinds, Measures(*found))


def _plans(case: str, grid: Grid, asked: Case) -> Iterator[tuple[str, str, Schedule]]:
    """Label, kind and schedule of the grid; support held moves only what declines after it is held."""
    base = only(load_schedule(asked.base, home_of(case).entry), asked.ends)
    made = [("", base, asked.starts)]
    if asked.hold:
        if missing := [name for name in asked.hold if name not in base.instruments]:
            raise InputError(f"{base.name}: does not move {missing[0]!r}, so the grid cannot hold it")
        held = {"amount": {"hold_from": asked.held_from}}
        kept = {name: revised(base.instruments[name], held, f"{base.name}: {name}") for name in asked.hold}
        late = tuple(year for year in asked.starts if year > asked.held_from)
        made.append((f"held from {asked.held_from:g}, ", base.changed(kept, f"{base.name}_held"), late))
    for before, schedule, starts in made:
        for one in variants(schedule, grid.shapes, starts, grid.lengths):
            change = next(iter(one.instruments.values()))
            over = "" if change.length is None else f" over {change.length:g} years"
            yield (f"{before}{change.shape} from {change.start:g}{over}", f"{before}{change.shape}", one)
