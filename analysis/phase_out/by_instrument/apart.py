"""The exit question for single instruments: what ends, what goes on, and two criteria side by side.

Against continued support: the share of the market `years_after` an exit's start over that of the same draw in which
all support goes on. Against its own past: how far, and for how long, the share falls below the highest that the same
run had since the start of the exit, beside what it does in the same time if all support goes on. Neither judges the
first years alone, so the largest loss in them is told, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.phase_out.account import ARREARS, SUPPORT, TOTAL, outlay
from analysis.phase_out.adoption import MARKET, SOLD
from analysis.phase_out.by_instrument.happened import happened_table
from analysis.phase_out.exit import SafeYears, safe_years
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.prepare import prepared
from analysis.phase_out.runs import Values, family, yearly_share
from analysis.phase_out.study import Apart, ExitStudy, PhaseOutStudy
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import load_targets
from models.case import load_case
from models.schedules.file import Schedule, load_schedule
from models.schedules.law import Exit
from models.schedules.run import run_schedule
from models.schedules.variants import variants
from stockflow.arrays import Array, Flags
from stockflow.intervals import interval_columns
from stockflow.names import plain
from stockflow.over_time import QUARTER

READ = (SOLD, MARKET, SUPPORT.stock, TOTAL, ARREARS)


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """Exits of one shape and length from some instruments; arrays are (start, draw).

    `ratio` is the share `years_after` the start over that with continued support; `fall` how far the share lies below
    its own earlier highest at the worst, as a part of it, and `held` the same with continued support; `below` for how
    many years by more than the study's `own_fall`; `saved` the present value of public money not spent, bnCNY;
    `after` the ratio `years_after` the last step, not a number after the study's horizon.
    """

    ends: Apart
    family: str
    starts: Array
    ratio: Array
    fall: Array
    held: Array
    below: Array
    saved: Array
    lost: Array
    lost_in: Array
    after: Array

    def against_support(self, study: PhaseOutStudy) -> SafeYears:
        """When the exit is safe against continued support."""
        return self._safe(study, self.ratio >= study.exit.share_kept)

    def against_past(self, study: PhaseOutStudy) -> SafeYears:
        """When the exit is safe against its own past."""
        return self._safe(study, self.fall - self.held <= study.exit.own_fall)

    def after_its_end(self, study: PhaseOutStudy) -> SafeYears:
        """When the exit is safe against continued support as long after its last step; starts judged by then alone."""
        known = int(np.flatnonzero(np.isfinite(self.after).any(axis=1)).max(initial=-1)) + 1  # starts increase
        return self._safe(study, self.after[:known] >= study.exit.share_kept, self.starts[:known])

    def _safe(self, study: PhaseOutStudy, kept: Flags, starts: Array | None = None) -> SafeYears:
        return safe_years(self.family, self.starts if starts is None else starts, kept, study.exit.probability)


def setback(times: Array, share: Array, start: float, years: float, least: float) -> tuple[Array, Array]:
    """Return how far a share, (draw, time), falls below its own highest since `start`, and for how many years.

    The first is the largest part of that highest value lost within `years`, (draw,); the second counts the time in
    which more than `least` of it is lost. A run without a share has no setback.
    """
    window = (times >= start - 1e-9) & (times <= start + years + 1e-9)
    own = np.nan_to_num(share[:, window])
    highest = np.maximum.accumulate(own, axis=1)
    lost = np.where(highest > 0, 1.0 - own / np.where(highest > 0, highest, 1.0), 0.0)
    return lost.max(axis=1), (lost > least).sum(axis=1) * (times[1] - times[0])


def largest_loss(times: Array, share: Array, held: Array, start: float, years: int) -> tuple[Array, Array]:
    """Return the largest part of the share `held`, in a year of the first `years` after `start`, that `share` lacks.

    Both shares are those over the last year, (draw, time); the loss and the year in which it is largest are (draw,).
    """
    ends = [int(np.searchsorted(times, start + year + 1 - 1e-9)) for year in range(years)]
    lost = np.where(held[:, ends] > 0, 1.0 - share[:, ends] / np.where(held[:, ends] > 0, held[:, ends], 1.0), 0.0)
    return lost.max(axis=1), start + lost.argmax(axis=1)


def most_often(values: Array) -> tuple[float, float]:
    """Return the value that most draws have, and in which share of them."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()]), float(counts.max() / len(values))


class Exits:
    """Runs of exits from a path of support over some draws, each against the same draws with all support going on.

    `read` names more outputs than judging needs; `base` is the supported path of the study if not given.
    """

    def __init__(
        self, study: ExitStudy, draws: Mapping[str, Array], read: Sequence[str] = READ, base: Schedule | None = None
    ) -> None:
        self.study, self.draws = study, draws
        self.model = prepared(study, load_case(study.case).model)
        self.outputs, self.until = tuple(dict.fromkeys((*READ, *read))), study.horizon + study.tail
        self.times = np.arange(self.model.initial_time, self.until + QUARTER / 2, QUARTER)
        self.base = base or load_schedule(study.supported, study.case)
        self.supported = self.run(self.base)
        self.held = self._share(self.supported)

    def run(self, schedule: Schedule) -> Values:
        """Return the outputs under a schedule, (draw, time) each."""
        found = run_schedule(self.model, schedule, self.draws, self.outputs, self.until, QUARTER)
        return {name: np.ascontiguousarray(found[name]) for name in self.outputs}

    def schedule(
        self, ends: Sequence[str], shape: Exit, start: float, length: float, announced: float | None = None
    ) -> Schedule:
        """Return the base with some instruments ending, announced so many years ahead if given."""
        return variants(self.base, [shape], [start], () if shape == "cliff" else (length,), ends, announced)[0]

    def judged(self, values: Values, start: float, length: float) -> tuple[Array, ...]:
        """Return what `Ended` holds of an exit in its order, (draw,) each."""
        study, share, asked = self.study, self._share(values), self.study.exit
        ratio = share / self.held
        at, late = (int(np.searchsorted(self.times, start + later - 1e-9))
                    for later in (asked.years_after, length + asked.years_after))  # fmt: skip
        after = ratio[:, late] if start + length + asked.years_after <= study.horizon else np.full(len(ratio), np.nan)
        own, other = (setback(self.times, s, start, asked.years_after, asked.own_fall) for s in (share, self.held))
        spent = [outlay(study, self.times, one, study.rate) for one in (self.supported, values)]
        lost = largest_loss(self.times, share, self.held, start, asked.loss_years)
        return ratio[:, at], own[0], other[0], own[1], spent[0] - spent[1], *lost, after

    def ended(self, ends: Apart, shape: Exit, length: float, starts: Sequence[float]) -> Ended:
        """Run exits of one shape and length from every start."""
        each = [
            self.judged(self.run(self.schedule(ends.ends, shape, start, length)), start, length) for start in starts
        ]
        return Ended(
            ends, family(shape, length), np.asarray(starts), *(np.array(one) for one in zip(*each, strict=True))
        )

    def _share(self, values: Values) -> Array:
        return yearly_share(self.times, values[SOLD], values[MARKET])


def apart(study: PhaseOutStudy, draws: Mapping[str, Array]) -> list[Ended]:
    """Answer a study for each set of instruments that it sets apart, over `draws`; none if it sets none apart."""
    if not study.apart:
        return []
    exits = Exits(study, draws)
    return [
        exits.ended(one, shape, length, study.grid.starts)
        for one in study.apart
        for shape, length in study.grid.families
    ]


def apart_table(study: PhaseOutStudy, found: Sequence[Ended]) -> pd.DataFrame:
    """One row for each set of instruments, exit and start: both criteria, public money saved, 90% intervals."""
    rows = []
    for one in found:
        for place, start in enumerate(one.starts):
            row = {
                "ends": one.ends.name, "goes on": one.ends.goes_on, "exit": one.family, "start": start,
                "below continued support": float((~(one.ratio[place] >= study.exit.share_kept)).mean()),
                "below own past": float((one.fall[place] - one.held[place] > study.exit.own_fall).mean()),
            }  # fmt: skip
            parts = {"share over continued support": one.ratio[place], "deepest fall below own past": one.fall[place],
                     "deepest fall with continued support": one.held[place], "years below own past": one.below[place],
                     "saved (bnCNY)": one.saved[place],
                     f"largest loss in years 1 to {study.exit.loss_years}": one.lost[place],
                     "share over continued support, after its end": one.after[place]}  # fmt: skip
            for name, values in parts.items():
                row |= interval_columns(values, name, f"{name} low", f"{name} high")
            rows.append(
                row | dict(zip(("year of it", "in so many draws"), most_often(one.lost_in[place]), strict=True))
            )
    return pd.DataFrame(rows)


def answers(study: PhaseOutStudy, found: Sequence[Ended], response: Array) -> pd.DataFrame:
    """One row for each set of instruments and exit: the safe year, by third of the response, and starts with setbacks.

    `response` (draw,) orders the draws; a year that never comes is infinite. `fails` is how often the exit from the
    safe year falls below continued support, or from the safest start where none is safe, and `failing` how often from
    each start, `failing after` how often as long after its last step, of those starts that the horizon lets judge;
    `setback if from` and `setbacks` name the starts from which the share falls below its own past in too many draws.
    """
    order = np.array_split(np.argsort(response, kind="stable"), len(THIRDS))
    rows = []
    for one in found:
        first, second = one.against_support(study), one.against_past(study)
        at = list(one.starts).index(first.year) if np.isfinite(first.year) else int(np.argmin(first.failing))
        back = one.starts[second.failing >= study.exit.probability]
        row = {
            "ends": one.ends.name, "goes on": one.ends.goes_on, "exit": one.family, "draws": len(response),
            "safe from": first.year, "fails": float(first.failing[at]), "at": float(one.starts[at]),
            "setback if from": spans(back, study.grid.step), "setbacks": back.tolist(),
            "failing": [round(float(share), 4) for share in first.failing],
            "failing after": [round(float(share), 4) for share in one.after_its_end(study).failing],
        }  # fmt: skip
        for third, places in zip(THIRDS, order, strict=True):
            kept = one.ratio[:, places] >= study.exit.share_kept
            row[third] = safe_years(one.family, one.starts, kept, study.exit.probability).year
        rows.append(row)
    return pd.DataFrame(rows)


def spans(years: Array, step: float = 1.0) -> str:
    """Years of a grid as words: "2016 to 2018, 2020", "none"."""
    runs = np.split(years, np.flatnonzero(np.diff(years) > step) + 1) if len(years) else []
    return ", ".join(f"{run[0]:g}" if len(run) == 1 else f"{run[0]:g} to {run[-1]:g}" for run in runs) or "none"


def together(found: Sequence[Ended], start: float | None) -> pd.DataFrame:
    """What instruments do together beyond their sum, for each exit from `start`: a joint set against its single ones.

    Logarithm of the share's ratio when all end, less the sum of those when each ends alone, with 90% interval over the
    draws; below 0 the joint exit costs more share than the single ones together.
    """
    rows = []
    for one in found:
        parts = [
            other for other in found
            if other.family == one.family and other is not one and set(other.ends.ends) < set(one.ends.ends)
        ]  # fmt: skip
        covered = {plain(name) for part in parts for name in part.ends.ends} == {plain(name) for name in one.ends.ends}
        if start is None or not covered:
            continue
        at = list(one.starts).index(start)
        beyond = np.log(one.ratio[at]) - sum(np.log(part.ratio[at]) for part in parts)
        rows.append({"ends": one.ends.name, "exit": one.family, "start": start, **interval_columns(beyond, "beyond")})
    return pd.DataFrame(rows, columns=["ends", "exit", "start", "beyond", "low", "high"])


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What is said beside a study's own exits: answers by instrument, what ends do together, and what happened.

    `starts` has a row for every start, and none where the answers are those on record.
    """

    answers: pd.DataFrame
    together: pd.DataFrame
    happened: pd.DataFrame
    starts: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All of it as tables, by name."""
        return {
            "by_instrument": self.answers, "by_instrument_starts": self.starts, "together": self.together,
            "happened": self.happened,
        }  # fmt: skip


def beside(study: PhaseOutStudy, posterior: Posterior, response: str) -> Beside:
    """Answer a study by instrument over its draws, and put what happened beside the model."""
    draws = posterior.spread(study.draws)
    found = apart(study, draws)
    order = next(values for name, values in draws.items() if plain(name) == plain(response))
    happened = happened_table(load_targets(study.case), posterior, study.happened)
    return Beside(answers(study, found, order), together(found, study.together), happened, apart_table(study, found))
