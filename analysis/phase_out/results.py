"""The results of a study: every schedule's runs read once, what they say kept by draw, and tables and bands made of it.

Paths are reduced to one number for each draw as they are read, so memory holds one schedule at a time beside the two
that all are compared with: the supported path and the run without support.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.phase_out.account import account, check, outlay, yearly
from analysis.phase_out.adoption import MARKET, SOLD, adoption
from analysis.phase_out.exit import SafeYears, Waiting, against_none, regret_table, safe_years, waiting, welfare
from analysis.phase_out.runs import Arm, Runs, Values, finite_draws, main_arm, only, where, yearly_share
from analysis.phase_out.spread import Measure, table
from analysis.phase_out.study import PhaseOutStudy, Reported
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError
from stockflow.intervals import FAN, quantiles

SIGNALS = {"nev": ("support per unit", "tax exemption"), "pv": ("premium per sale",)}


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Answer of a study over `draws` (parameters, (draw,) each), of all drawn those that are `kept`: the others
    were not finite under some schedule.

    `measures` holds, for each arm, its numbers by name; `units` and `spent` are (arm, draw), the second in present
    value; `shares` are bands (arm, quantile, time) of the share over the last year at `times`; `accounts` has a row
    for each schedule, line and year; `gap` is the largest relative gap found in any account. `reported` are published
    figures with what the first named schedule has in their place. `after_end` judges the exits that take time so many
    years after their end, as far as the horizon lets, where `safe` counts from their start.
    """

    study: PhaseOutStudy
    arms: tuple[Arm, ...]
    draws: Mapping[str, Array]
    kept: Flags
    times: Array
    measures: tuple[Mapping[str, Measure], ...]
    units: Array
    spent: Array
    shares: Array
    accounts: pd.DataFrame
    gap: float
    safe: tuple[SafeYears, ...]
    after_end: tuple[SafeYears, ...]
    waits: tuple[Waiting, ...]
    reported: tuple[tuple[Reported, Measure], ...]

    @property
    def failed(self) -> int:
        """Number of draws that are left out because some run of theirs is not finite."""
        return int((~self.kept).sum())

    @property
    def size(self) -> int:
        """Number of draws."""
        return int(self.units.shape[1])

    def place(self, label: str) -> int:
        """Place of the arm of that label."""
        return [arm.label for arm in self.arms].index(label)

    def measure(self, label: str, name: str) -> Measure:
        """One number of one arm."""
        return self.measures[self.place(label)][name]

    def told(self) -> list[tuple[Arm, Mapping[str, Measure]]]:
        """Return the arms told of in words, with their numbers: the first named one, continued support, no support."""
        places = dict.fromkeys((main_arm(self.arms), only(self.arms, "supported"), only(self.arms, "no support")))
        return [(self.arms[place], self.measures[place]) for place in places]

    def table(self) -> pd.DataFrame:
        """One row per schedule and measure: median, 50% and 90% intervals."""
        return table([(p.label, m) for p, own in zip(self.arms, self.measures, strict=True) for m in own.values()])

    def share_table(self) -> pd.DataFrame:
        """One row per schedule and saved time: quantiles of the share over the last year."""
        frames = [
            pd.DataFrame({"schedule": arm.label, "year": self.times}
                         | {f"{p:.0%}": band for p, band in zip(FAN, own, strict=True)})
            for arm, own in zip(self.arms, self.shares, strict=True)
        ]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def safe_table(self) -> pd.DataFrame:
        """One row per family and start: how likely the share is not kept, and how many draws hold from there on."""
        counted = self.study.exit.counted_from
        return pd.DataFrame(
            [
                {"exit": one.family, "counted from": since, "start": start, "probability of failing": failing,
                 "draws safe from this start": float((one.by_draw == start).mean())}
                for since, families in ((counted, self.safe), ("end", self.after_end))
                for one in families
                for start, failing in zip(one.starts, one.failing, strict=True)
            ]
        )  # fmt: skip

    def gains(self, worth: str) -> Array:
        """W (arm, draw) at the "low", "central" or "high" worth of a unit."""
        stated = self.study.worth
        return welfare(stated.values[worth], stated.cost_of_funds, self.units, self.spent)

    def regret(self) -> pd.DataFrame:
        """One row per worth of a unit and schedule: mean, 90% and largest regret, probability of being best."""
        names = [arm.label for arm in self.arms]
        tables = [
            regret_table(names, self.gains(worth)).assign(worth=worth, unit="bnCNY")
            for worth in self.study.worth.values
        ]
        return pd.concat(tables, ignore_index=True)


def results(study: PhaseOutStudy, runs: Runs) -> Results:
    """Read all runs of a study and return what they say; InputError if no draw is finite under every schedule."""
    kept = finite_draws(runs)
    if not kept.any():
        raise InputError(f"{study.title}: no draw gives finite runs under every schedule")
    runs = runs if kept.all() else where(runs, kept)
    reader = _Reader(study, runs)
    for place in range(len(runs.arms)):
        reader.take(place)
    safe, after_end, waits = _families(study, runs, reader)
    main = runs.read(main_arm(runs.arms)) if study.reported else {}
    reported = [
        (one, Measure(one.variable, "bnCNY", main[one.variable][:, runs.at(one.time)])) for one in study.reported
    ]
    return Results(
        study, runs.arms, runs.draws, kept, reader.shown_times, tuple(reader.measures),
        np.array(reader.units), np.array(reader.spent), np.array(reader.shares),
        pd.concat(reader.accounts, ignore_index=True), reader.gap, safe, after_end, waits, tuple(reported),
    )  # fmt: skip


class _Reader:
    """Reads the arms one after the other and keeps what each says."""

    def __init__(self, study: PhaseOutStudy, runs: Runs) -> None:
        self.study, self.runs = study, runs
        self.supported, self.none = (runs.read(only(runs.arms, role)) for role in ("supported", "no support"))
        self.end = runs.at(study.horizon)
        self.begin = runs.at(study.since)
        self.shown_times = runs.times[self.begin : self.end + 1]
        self.spent_none = outlay(study, runs.times, self.none, study.rate)
        self.held = self._share(self.supported)
        self.measures: list[Mapping[str, Measure]] = []
        self.units: list[Array] = []
        self.spent: list[Array] = []
        self.shares: list[Array] = []
        self.kept: dict[str, list[Flags | None]] = {"start": [], "end": []}
        self.accounts: list[pd.DataFrame] = []
        self.gap = 0.0

    def take(self, place: int) -> None:
        study, arm, times = self.study, self.runs.arms[place], self.runs.times
        values = self.runs.read(place)
        self.gap = max(self.gap, check(values, arm.label))
        spent = outlay(study, times, values, study.rate)
        # at which saved times more support is on offer than in the run without, (draw, time)
        offered = np.any([values[name] > self.none[name] + 1e-12 for name in SIGNALS[study.case]], axis=0)
        found = [
            *adoption(study, times, values, self.supported),
            *account(study, times, values),
            *against_none(study, values, self.none, offered, spent, self.spent_none, self.end),
        ]
        share = self._share(values)
        self.measures.append({one.name: one for one in found})
        self.units.append(values[SOLD][:, self.end])
        self.spent.append(spent)
        self.shares.append(quantiles(share[:, self.begin : self.end + 1], FAN))
        self.accounts.append(yearly(study, times, values, arm.label))
        for since, kept in self.kept.items():
            kept.append(self._kept(arm, share, arm.length if since == "end" else 0.0))

    def _share(self, values: Values) -> Array:
        return yearly_share(self.runs.times, values[SOLD], values[MARKET])

    def _kept(self, arm: Arm, share: Array, later: float) -> Flags | None:
        """Whether the share is kept, (draw,); None for what is no exit, or would be judged after the horizon."""
        asked = self.study.exit
        judged = arm.start + later + asked.years_after
        if arm.role != "grid" or judged > self.study.horizon:
            return None
        at = self.runs.at(judged)
        return np.asarray(share[:, at] >= asked.share_kept * self.held[:, at])


def _families(
    study: PhaseOutStudy, runs: Runs, reader: _Reader
) -> tuple[tuple[SafeYears, ...], tuple[SafeYears, ...], tuple[Waiting, ...]]:
    """Safe years as the study counts them, those counted from the end where that differs, and waits, by family."""
    safe, after_end, waits = [], [], []
    names = dict.fromkeys(arm.family for arm in runs.arms if arm.role == "grid")
    for name in names:
        places = sorted((i for i, arm in enumerate(runs.arms) if arm.family == name), key=lambda i: runs.arms[i].start)
        starts = np.array([runs.arms[i].start for i in places])
        safe.append(_safe(study, name, starts, [reader.kept[study.exit.counted_from][i] for i in places]))
        late = [reader.kept["end"][i] for i in places]
        if study.exit.counted_from == "start" and runs.arms[places[0]].length > 0 and late[0] is not None:
            after_end.append(_safe(study, name, starts, late))
        units, spent = (np.array([of[i] for i in places]) for of in (reader.units, reader.spent))
        waits += waiting(name, starts, units, spent, study)
    return tuple(safe), tuple(after_end), tuple(waits)


def _safe(study: PhaseOutStudy, name: str, starts: Array, kept: Sequence[Flags | None]) -> SafeYears:
    judged = [one for one in kept if one is not None]  # starts increase: the first ones
    return safe_years(name, starts[: len(judged)], np.array(judged), study.exit.probability)
