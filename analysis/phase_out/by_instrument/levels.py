"""What each further step of support costs for each unit that it adds: an instrument at some levels of what was paid.

Over a span of years the instrument is paid at a part of what the base has, as well known ahead as that; before, after
and beside it all else is the base's. Every level has the same draws, so a step is a difference within a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.draws.ended import named
from analysis.draws.runs import drawn
from analysis.phase_out.account import outlay
from analysis.phase_out.adoption import SOLD
from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.by_instrument.named import PAID, base_of, file_label, given_to_buyers
from analysis.phase_out.exit import per_additional_unit
from analysis.phase_out.runs import Values
from analysis.phase_out.spread import Measure
from analysis.phase_out.study import ExitStudy, PhaseOutStudy
from analysis.phase_out.words import often
from analysis.plain.language import term, worded
from models.home import home_of
from models.policy import history
from models.run import one_run
from models.schedules.change import Amount, Change
from models.schedules.file import Schedule
from models.schedules.instruments import Instrument, instruments
from models.schedules.paths import grid
from stockflow import Model
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError
from stockflow.numerals import number
from stockflow.over_time import QUARTER

MOST = 1000.0  # percent
CUT = 1e-6  # of a level that is short of it by rounding alone


@dataclass(frozen=True, slots=True)
class Step:
    """What one level has more than a lower one, both in percent, by draw: units, public money, cost of such a unit."""

    low: float
    high: float
    units: Measure
    spent: Measure
    cost: Measure

    @property
    def words(self) -> str:
        """The step in words."""
        return worded("{low:g}% to {high:g}%", low=self.low, high=self.high)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """An instrument, or some together, at levels of what was paid from `start` to `until`.

    `percents` increase; `units` (sold by the horizon), `early` (by `until`), in the model's units, and `spent` (present
    value, bnCNY) are (level, draw); `unit` and `per_unit` are words and what 1 of each is in the model.
    """

    study: ExitStudy
    ends: tuple[str, ...]
    start: float
    until: float
    against: str
    base: str
    percents: tuple[float, ...]
    units: Array
    early: Array
    spent: Array
    unit: tuple[str, float]
    per_unit: tuple[str, float]
    warnings: tuple[str, ...]

    @property
    def label(self) -> str:
        """What the files of an answer are called."""
        return file_label("levels", home_of(self.study.case).label, *self.ends, f"{self.start:g}", f"{self.until:g}",
                          self.against)  # fmt: skip

    @property
    def steps(self) -> list[Step]:
        """Each level against the one below it."""
        return [self.step(low, high) for low, high in pairwise(self.percents)]

    @property
    def sums(self) -> list[Step]:
        """The lowest level against what was paid, where both are asked for, and against the highest."""
        highs = [high for high in (100.0, self.percents[-1]) if high in self.percents[2:]]
        return [self.step(self.percents[0], high) for high in dict.fromkeys(highs)]

    def step(self, low: float, high: float) -> Step:
        """What one level has more than another."""
        a, b = (self.percents.index(one) for one in (low, high))
        (unit, of_unit), (per_unit, of_cost) = self.unit, self.per_unit
        cost = per_additional_unit(self.units[b], self.units[a], self.spent[b] - self.spent[a])
        return Step(
            low, high, Measure("additional units", unit, (self.units[b] - self.units[a]) / of_unit),
            Measure("additional outlay", "bnCNY", self.spent[b] - self.spent[a]),
            Measure("cost per additional unit", per_unit, cost / of_cost),
        )  # fmt: skip

    @property
    def table(self) -> pd.DataFrame:
        """One row for each step, then for the sums: medians and intervals, and how often the cost is defined."""
        rows = []
        for kind, steps in (("step", self.steps), ("sum", self.sums)):
            for one in steps:
                row: dict[str, object] = {"kind": kind, "from (%)": one.low, "to (%)": one.high}
                for part in (one.units, one.spent, one.cost):
                    row |= {f"{part.name}, unit": part.unit}
                    row |= {f"{part.name}, {name}": value for name, value in part.spread.cells.items()}
                rows.append(row | {"cost defined in": one.cost.spread.defined})
        return pd.DataFrame(rows)


def percents_of(text: str, place: str = "--levels") -> tuple[float, ...]:
    """Return levels in percent, increasing, from text such as "0,50,100"; InputError for what are none, or too few."""
    found = tuple(sorted({number(one, f"{place}:") for one in text.split(",")}))
    if len(found) < 2 or not 0 <= found[0] <= found[-1] <= MOST:
        raise InputError(f"{place} {text}: must be two or more percentages of what was paid, from 0 to {MOST:g}")
    return found


def at_levels(
    study: ExitStudy, ends: Sequence[str], start: float, until: float | None, percents: Sequence[float],
    against: str, draws: int,
) -> Levels:  # fmt: skip
    """Run instruments at levels of what the base pays from `start` to `until`, by default the horizon of the study.

    InputError for an instrument that the case lacks, and for a span outside the years in which money is counted.
    """
    home, until = home_of(study.case), study.horizon if until is None else until
    ends = tuple(one.name for one in named(study.case, ends))
    if not study.since <= start < until <= study.horizon or start / QUARTER % 1 or until / QUARTER % 1:
        span = f"{study.since:g} to {study.horizon:g}"
        raise InputError(f"--start {start:g} --until {until:g}: must be quarters of a year in order, from {span}")
    base, of = base_of(study, against), drawn(study.case, draws)
    exits = Exits(study, of.samples, [*PAID, *(one.variable for one in instruments(home.entry).values())], base)
    ends = ends or given_to_buyers(exits, home)
    given = [support_of(base, exits.model, name, (start, until), exits.until) for name in ends]
    warnings = [] if of.posterior else [of.basis]
    warnings += [one.nothing(base, start, until) for one in given if not (one.paid > one.over)[one.inside].any()]
    ends_at, soon = (int(np.searchsorted(exits.times, year - 1e-9)) for year in (study.horizon, until))
    units, early, spent = [], [], []
    for percent in percents:
        made = scaled(base, given, percent / 100)
        values = exits.supported if percent == 100 else exits.run(made)
        warnings += [short for one in given if (short := one.cut(exits.times, values, percent))]
        units.append(values[SOLD][:, ends_at])
        early.append(values[SOLD][:, soon])
        spent.append(outlay(study, exits.times, values, study.rate))
    if isinstance(study, PhaseOutStudy):
        words = (study.texts.unit, 1.0), (study.texts.per_unit, 1.0)
    else:
        own = home.units()
        words = own.shown("unit"), own.shown("bnCNY/unit")
    return Levels(
        study, ends, start, until, against, base.title, tuple(percents), np.array(units), np.array(early),
        np.array(spent), *words, tuple(warnings),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """What a base pays of an instrument at all `times` of a run, what is above `over` being support, (time,) each.

    `inside` says which times lie in the span in which its level is another.
    """

    about: Instrument
    times: Array
    paid: Array
    over: Array
    inside: Flags

    def at(self, factor: float) -> Array:
        """What is paid with so many times the support in the span; nothing at all where none of it is left."""
        other = self.over + (self.paid - self.over) * factor if factor else np.zeros_like(self.paid)
        return np.where(self.inside & (self.paid > self.over), other, self.paid)

    def nothing(self, base: Schedule, start: float, until: float) -> str:
        """Say that there is none of it in the span."""
        return worded(
            "{instrument}: nothing of it is paid from {start:g} to {until:g} ({base}): no level of it changes anything",
            instrument=term(self.about.name), start=start, until=until, base=term(base.title),
        )  # fmt: skip

    def cut(self, times: Array, values: Values, percent: float) -> str:
        """Say in how many draws a level is not paid in full, as it would exceed the price or all there is; else ""."""
        wanted = np.interp(times, self.times, self.at(percent / 100))
        short = (wanted - values[self.about.variable] > CUT * np.abs(wanted)).any(axis=1).mean()
        if not short:
            return ""
        return worded(
            "{instrument}: {percent:g}% is not paid in full at all times in {often} of the draws: no buyer gets more "
            "than the price, nor more than all that there is",
            instrument=term(self.about.name), percent=percent, often=often(float(short)),
        )  # fmt: skip


def support_of(base: Schedule, model: Model, name: str, span: tuple[float, float], end: float) -> Support:
    """Return what a base, known before it is run, pays of an instrument until `end`."""
    move = one_run(model, base.changed({name: base.instruments.get(name, Change())}, base.name), end).move(name)
    times, over = grid(model, end).times, move.about.over
    return Support(
        move.about, times, move.path(times).reshape(-1),
        np.interp(times, *history(model, over)) if over else np.zeros_like(times),
        (times >= span[0]) & (times < span[1]),
    )  # fmt: skip


def scaled(base: Schedule, given: Sequence[Support], factor: float) -> Schedule:
    """Return the base with so many times the support of some instruments in their span."""
    made = {}
    for one in given:
        most = np.inf if one.about.most is None else one.about.most
        points = tuple(zip(one.times.tolist(), np.minimum(one.at(factor), most).tolist(), strict=True))
        made[one.about.name] = Change(amount=Amount(unit=one.about.unit, points=points))
    return base.changed(made, f"{base.name}_at_{factor:g}")
