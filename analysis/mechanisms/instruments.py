"""Every policy instrument, changed one at a time in the same draws: stages, cost, price, adoption, public money.

All inputs that any instrument uses are left open in one compiled model, so every change is a batch of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.generic import entry_of
from analysis.draws.runs import Drawn, Runs, run
from analysis.draws.stages import STAGES, later
from analysis.mechanisms.instrument_study import FACTORS, Change, InstrumentStudy, Lever, levers
from analysis.mechanisms.knockouts import SALES, change_of, moves, outcomes, output_of
from analysis.plain.language import term, worded
from analysis.plain.progress import each
from models.policy import with_announced
from stockflow.arrays import Array
from stockflow.intervals import interval_columns

OUTLAY = "Cumulative Fiscal Outlay"
COMPARED = (
    OUTLAY, "unit cost", "Price", "concept abandonment", "river crossing", "prototype abandonment", "valley crossing",
    "technology import", "imitative entry", "design exit",
)  # fmt: skip
# what the inputs are in one batch: years, none of a constant, and values, (draw,) or (draw or 1, year)
Setting = Mapping[str, tuple[Array, Array]]
SAID: Mapping[str, str] = {"half": "-50%", "more": "+50%", "off": "off", "on": "on", "to": "to"}


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One change of one instrument in a case, and what the same draws are compared with.

    `delay` is years later by stage, (draw, stage), infinite if only the run compared with reaches it, NaN if neither;
    `moves` are changes as shares, (draw,), by outcome.  `clipped` says that a bound of the model cut the change short.
    """

    lever: Lever
    change: Change
    setting: str
    assumption: bool
    clipped: bool
    delay: Array
    stages: Array
    reference: Array
    moves: Mapping[str, Array]

    @property
    def acts(self) -> bool:
        """Whether it moves anything at all."""
        return moves(self.delay, *self.moves.values())


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """All changes of all instruments in one case; `absent` says why an instrument is not among them."""

    case: str
    basis: str
    until: float
    compared: float
    base: Runs
    tried: tuple[Tried, ...]
    absent: Mapping[str, str]


def instruments(of: Drawn, study: InstrumentStudy) -> Instruments:
    """Try every change of every instrument of a case."""
    asked, entry = study.case(of.case), entry_of(of.case, study.cases)
    until = of.until(asked.until)
    found = levers(of.case, study, of.model)
    present = {name: lever for name, lever in found.items() if lever is not None}
    history = _history(of, present, entry)

    def runs(setting: Setting) -> Runs:
        constants = {name: values for name, (years, values) in setting.items() if not years.size}
        series = {name: path for name, path in setting.items() if name not in constants}
        return run(of, (*outcomes(of), *COMPARED), until, constants, with_announced(series, of.model))

    base, tried, absent = runs(history), [], {}
    for name, lever in each(found.items(), worded("instruments of {case}", case=term(of.case)), "instrument"):
        changes = lever.changes(entry, until) if lever is not None else ()
        if lever is None or not changes:
            absent[name] = "no such input" if lever is None else f"history has no {lever.variable}"
            continue
        setting, reference, helped = history, base, False
        needed = present.get(lever.instrument.needs)
        if needed is not None and needed.unused(until) and entry in needed.instrument.on:
            setting, _, _ = changed(history, needed, "on", entry)
            reference, helped = runs(setting), True
        for change in changes:
            new, value, clipped = changed(setting, lever, change, entry)
            assumption = lever.assumption or change == "on" or helped
            tried.append(_compared(lever, change, value, assumption, clipped, runs(new), reference, asked.compared))
    return Instruments(of.case, of.basis, until, asked.compared, base, tuple(tried), absent)


def _history(of: Drawn, found: Mapping[str, Lever], entry: str) -> Setting:
    """What every input is without a change, on grids that have every point that any instrument puts on."""
    drawn = {of.model.variable(name).name: values for name, values in of.samples.items()}
    setting = {}
    for lever in sorted(found.values(), key=lambda one: not one.constant):  # a path takes the place of a constant
        if lever.constant:
            values = drawn.get(lever.variable, np.full(of.count, lever.values[0]))
            setting[lever.variable] = lever.times, values
            continue
        points = [year for one in found.values() if one.variable == lever.variable
                  for year, _ in one.instrument.on.get(entry, ())]  # fmt: skip
        grid = np.unique(np.concatenate([lever.times, points]))
        if len(grid) == 1:
            grid = np.append(grid, grid + 1.0)
        setting[lever.variable] = grid, np.interp(grid, lever.times, lever.values)[None]
    return setting


def changed(setting: Setting, lever: Lever, change: Change, case: str) -> tuple[Setting, str, bool]:
    """Return a setting with one lever moved, what it is moved to in words, and whether a bound cut it short."""
    one, said = lever.instrument, SAID[change]
    grid, old = setting[lever.variable]
    if change == "on":
        years, values = np.array(one.on[case]).T
        new = np.full_like(old, values[0]) if lever.constant else np.interp(grid, years, values)[None]
        begins = "" if lever.constant else f" from {years[values != 0][0]:.0f}"
        said = f"{np.abs(values).max():g} {lever.unit}{begins}"
    elif change == "to" and one.to is not None:
        new, said = np.full_like(old, one.to), f"{one.to:g} {lever.unit}"
    elif change == "off" and case in one.off:
        new, said = np.full_like(old, one.off[case]), f"off ({one.off[case]:g})"
    else:
        new = old * FACTORS[change]
    kept = np.clip(new, *lever.limits)
    return {**setting, lever.variable: (grid, kept)}, said, bool(np.any(kept != new))


def _compared(
    lever: Lever, change: Change, value: str, assumption: bool, clipped: bool, runs: Runs, reference: Runs, year: float
) -> Tried:
    last = float(runs.times[-1])
    moves = {
        "unit cost": change_of(runs, reference, "unit cost", year),
        "price": change_of(runs, reference, "Price", year),
        "domestic sales": change_of(runs, reference, SALES, last),
        "output": change_of(runs, reference, output_of(runs.values), last),
        "fiscal outlay": change_of(runs, reference, OUTLAY, last),
    }
    stages, before = runs.stages(), reference.stages()
    return Tried(lever, change, value, assumption, clipped, later(stages, before), stages, before, moves)


def instrument_table(found: Instruments) -> pd.DataFrame:
    """One row for each instrument, change and outcome, with 90% intervals; absent instruments have one row each."""
    rows = []
    for one in found.tried:
        about = {
            "case": found.case, "instrument": one.lever.instrument.name, "paper": one.lever.instrument.paper,
            "input": one.lever.variable, "change": one.change, "setting": one.setting, "clipped": one.clipped,
            "evidence": ", ".join(one.lever.evidence), "assumption": one.assumption, "acts": one.acts,
        }  # fmt: skip
        outcomes = {f"years to {stage}": one.delay[:, place] for place, stage in enumerate(STAGES)}
        named = {"unit cost": f"unit cost in {found.compared:g}", "price": f"price in {found.compared:g}"}
        outcomes |= {named.get(name, f"{name} to {found.until:g}"): values for name, values in one.moves.items()}
        for name, values in outcomes.items():
            rows.append({**about, "outcome": name, **interval_columns(values, "effect"), "basis": found.basis})
    rows += [
        {"case": found.case, "instrument": name, "change": "absent", "setting": why, "basis": found.basis}
        for name, why in found.absent.items()
    ]
    return pd.DataFrame(rows)
