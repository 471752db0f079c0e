"""The three barriers: how long each industry waited at each, what was lost there, and what shortens the wait.

Devil's River is crossed with the first prototype, the Valley of Death with the first product on sale, the Darwinian Sea
when a tenth of the market and parity without support hold together.  A barrier crossed before the model starts has no
wait that the model could tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, Runs
from analysis.draws.stages import STAGES
from analysis.mechanisms.instrument_study import BARRIERS, Change
from analysis.mechanisms.instruments import Instruments, Tried
from analysis.paths.study import PathStudy, path_of
from stockflow.arrays import Array
from stockflow.intervals import interval, interval_columns

RIVER, VALLEY, SEA = BARRIERS
# the stage that ends each barrier; it begins where the one before ends, the first with the first clock of the industry
ENDS: Mapping[str, str] = {RIVER: "river crossed", VALLEY: "product", SEA: "self-sustaining"}
# what comes in or leaves, and what of it is lost
ATTRITION: Mapping[str, tuple[tuple[str, ...], str]] = {
    RIVER: (("river crossing", "concept abandonment"), "concept abandonment"),
    VALLEY: (("valley crossing", "prototype abandonment"), "prototype abandonment"),
    SEA: (("valley crossing", "technology import", "imitative entry"), "design exit"),
}
MOST = 3  # levers listed in words
TELLING = 0.05  # years; a lever that moves a wait by less is not listed in words
TOWARDS: tuple[Change, ...] = ("more", "on", "to", "half")  # changes that are not the taking away of an instrument


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """One barrier of one industry: dates and wait in years, (draw,); infinite if never crossed, NaN if not known.

    `lost` is the share lost by the end of the run, (draw,): of concepts or prototypes that wait no longer, or of
    designs that ever came to market.
    """

    barrier: str
    begins: Array
    ends: Array
    lost: Array
    before: bool

    @property
    def years(self) -> Array:
        """Years between beginning and end, (draw,)."""
        if self.before:
            return np.full_like(self.ends, np.nan)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.ends - self.begins)


@dataclass(frozen=True, slots=True, eq=False)
class Shortened:
    """What one change of one instrument does to the wait at one barrier: years more, (draw,)."""

    barrier: str
    tried: Tried
    years: Array

    @property
    def helps(self) -> bool:
        """Whether more of an instrument, in the median, shortens the wait by `TELLING` and brings its end forward.

        A wait also shortens where the barrier before takes longer: that does not help.
        """
        end = self.tried.delay[:, STAGES.index(ENDS[self.barrier])]
        return self.tried.change in TOWARDS and interval(self.years)[1] < -TELLING and interval(end)[1] < 0


@dataclass(frozen=True, slots=True, eq=False)
class Barriers:
    """All barriers of one industry, and what every instrument that is meant for a barrier does to its wait."""

    case: str
    basis: str
    until: float
    waits: tuple[Wait, ...]
    shortened: tuple[Shortened, ...]


def barriers(of: Drawn, found: Instruments, paths: PathStudy) -> Barriers:
    """Date the barriers of a case in every draw, and what the instruments that were tried in it do to each wait."""
    clock = min(path_of(of.case, paths).clocks.values())
    waits, shortened = [], []
    for barrier in BARRIERS:
        begins, ends = _dates(found.base.stages(), barrier, clock)
        before = bool(np.all(ends <= of.model.initial_time))
        waits.append(Wait(barrier, begins, ends, _lost(found.base, barrier), before))
        for one in found.tried:
            if barrier in one.lever.instrument.barriers and not before:
                new, old = (_dates(stages, barrier, clock) for stages in (one.stages, one.reference))
                with np.errstate(invalid="ignore"):
                    shortened.append(Shortened(barrier, one, (new[1] - new[0]) - (old[1] - old[0])))
    return Barriers(of.case, found.basis, found.until, tuple(waits), tuple(shortened))


def _dates(stages: Array, barrier: str, clock: float) -> tuple[Array, Array]:
    """Return when the wait at a barrier begins and ends, (draw,) each."""
    place, ends = BARRIERS.index(barrier), [stages[:, STAGES.index(stage)] for stage in ENDS.values()]
    return ends[place - 1] if place else np.full(len(stages), clock), ends[place]


def _lost(runs: Runs, barrier: str) -> Array:
    """Return the share lost by the end of the run: sums of flows by the trapezoidal rule between saved values."""
    came, lost = ATTRITION[barrier]
    sums = {name: np.asarray(np.trapezoid(runs.values[name], runs.times, axis=1)) for name in (*came, lost)}
    total = np.sum([sums[name] for name in came], axis=0)
    return np.asarray(np.divide(sums[lost], total, out=np.full(total.shape, np.nan), where=total > 0))


def barrier_table(found: Barriers) -> pd.DataFrame:
    """One row for each barrier: dates, wait and loss with 90% intervals, share of draws that cross it."""
    rows = []
    for one in found.waits:
        row = {"case": found.case, "barrier": one.barrier, "crossed before the run starts": one.before}
        told = {"begins": one.begins, "crossed": one.ends, "years": one.years, "lost": one.lost}
        for name, values in told.items():
            row |= interval_columns(values, name, f"{name}, low", f"{name}, high")
        row |= {"crosses": float(np.isfinite(one.ends).mean()), "until": found.until, "basis": found.basis}
        rows.append(row)
    return pd.DataFrame(rows)


def lever_table(found: Barriers) -> pd.DataFrame:
    """One row for each instrument and change at each barrier: years more of waiting, with 90% interval."""
    rows = []
    for one in found.shortened:
        low, middle, high = interval(one.years)
        known = one.years[~np.isnan(one.years)]
        shorter = float((known < 0).mean()) if known.size else np.nan
        about = (found.case, one.barrier, one.tried.lever.instrument.name, one.tried.change, one.tried.setting)
        rows.append((*about, middle, low, high, shorter, one.tried.assumption, found.basis))
    columns = ["case", "barrier", "instrument", "change", "setting", "years", "low", "high", "shorter"]
    return pd.DataFrame(rows, columns=[*columns, "assumption", "basis"])


def strongest_levers(found: Barriers, barrier: str) -> list[Shortened]:
    """Return the changes that help most at a barrier, by the median, one for each instrument."""
    helping = [one for one in found.shortened if one.barrier == barrier and one.helps]
    best: dict[str, Shortened] = {}
    for one in sorted(helping, key=lambda each: interval(each.years)[1]):
        best.setdefault(one.tried.lever.instrument.name, one)
    return list(best.values())[:MOST]
