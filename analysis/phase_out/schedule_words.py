"""What a schedule says, in words and as a yearly table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.case import load_case
from models.own import GENERIC
from models.run import one_run
from models.schedules.change import Amount, Change, Trigger
from models.schedules.file import Schedule
from models.schedules.instruments import Instrument, instruments
from models.schedules.law import LAWS, is_exit
from models.schedules.paths import Grid, grid, yearly
from models.schedules.run import AppliedSchedule, most_cut
from stockflow.arrays import Array
from stockflow.errors import InputError

UNITS = {"nev": "a unit is a million vehicles, so bnCNY/unit is thousand yuan a vehicle",
         "pv": "a unit is a GW, and bnCNY/TWh is yuan per kilowatt-hour",
         "generic": "a unit is what the case counts in"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """The paths of a schedule in one run of its case at the accepted values: (history, schedule) by variable."""

    schedule: Schedule
    applied: AppliedSchedule
    at: Grid
    paths: Mapping[str, tuple[Array, Array]]
    units: Mapping[str, str]

    @property
    def began(self) -> dict[str, float | None]:
        """The year in which the decline of each instrument begins in this run; None for never."""
        dates = {name: float(move.began.reshape(-1)[0]) for name, move in self.applied.moving.items()}
        return {name: date if date <= self.applied.draws.until else None for name, date in dates.items()}

    @property
    def cut(self) -> dict[str, float]:
        """By how much at most a payment is cut at the price in this run, where it is."""
        most = {name: float(most_cut(self.applied, name)[0]) for name in self.applied.moving}
        return {name: value for name, value in most.items() if value > 0}

    def table(self) -> pd.DataFrame:
        """Return yearly means, a row for each year from the first to the last in which a path moves.

        A variable has a column, and one for its history where the two differ.
        """
        years = np.floor(self.at.times)
        columns: dict[str, Array] = {"year": np.unique(years)}
        firsts = np.flatnonzero(np.diff(years, prepend=-np.inf))
        for name, both in self.paths.items():
            if (both[0] != both[1]).any():
                columns[f"{name}, history"] = yearly(self.at, both[0][None, :])[0, firsts]
            columns[name] = yearly(self.at, both[1][None, :])[0, firsts]
        table = pd.DataFrame(columns)
        table["year"] = table["year"].astype(int)
        moves = np.flatnonzero((table.drop(columns="year").diff().iloc[1:] != 0.0).any(axis=1))
        return table.iloc[moves[0] : moves[-1] + 2].reset_index(drop=True) if len(moves) else table


def show_schedule(schedule: Schedule, until: float) -> Shown:
    """Run a schedule once on its case, at the accepted values, and return its paths to `until`.

    InputError for a schedule of technologies of one's own: it belongs to no single case.
    """
    if schedule.case == GENERIC:
        raise InputError(f"{schedule.name}: of no single case: `techcycle run CASE --schedule` says what it does")
    return of_run(schedule, one_run(load_case(schedule.case).model, schedule, until))


def of_run(schedule: Schedule, plan: AppliedSchedule) -> Shown:
    """Return the paths of a schedule in the one run that it was applied to."""
    model, at = plan.draws.model, grid(plan.draws.model, plan.draws.until)
    paths = {
        name: (np.broadcast_to(past, at.times.shape), np.atleast_2d(path)[0])
        for name, (past, path) in plan.moved(at).items()
        if not name.startswith("announced")
    }
    return Shown(schedule, plan, at, paths, {name: model.variable(name).unit for name in paths})


def in_brief(shown: Shown) -> str:
    """Return one line: which instruments end in the run and when, which are held at what, which are left alone."""
    until = f"{shown.applied.draws.until:g}"
    names = {about.variable: name for name, about in instruments(shown.schedule.case).items()}
    moved = {names.get(path, path): _fate(shown, path, shown.began.get(names.get(path, ""))) for path in shown.paths}
    told = [f"{name} {fate}" for name, fate in moved.items() if fate]
    still = [name for name in names.values() if not moved.get(name)]
    return (
        f"{shown.schedule.name}: {', '.join(told) or 'nothing changes'}; as in history to {until}: "
        f"{', '.join(still) or 'nothing'}"
    )


def _fate(shown: Shown, name: str, began: float | None) -> str:
    """What becomes of one path in the run; nothing where it is that of history."""
    past, path = shown.paths[name]
    differs, paid = np.flatnonzero(past != path), np.flatnonzero(path > 0.0)
    if not len(differs):
        return ""
    first = shown.at.times[differs[0]]
    first = first if began is None else min(first, began)
    if not len(paid):
        return "is nil throughout"
    if paid[-1] == len(path) - 1:
        unit = "" if shown.units[name] == "Dmnl" else f" {shown.units[name]}"
        return f"differs from {first:g} on and is held to {shown.applied.draws.until:g} (then {path[-1]:.4g}{unit})"
    end = shown.at.times[paid[-1] + 1]
    return f"ends in {end:g}" if end <= first else f"falls from {first:g} and ends in {end:g}"


def words(schedule: Schedule) -> list[str]:
    """Return the schedule in sentences, a line for each instrument."""
    lines = [f"{schedule.name}: {schedule.title} ({schedule.case}).", f"Source: {schedule.source}."]
    known = instruments(schedule.case)
    for name, change in schedule.instruments.items():
        said = "; ".join(_sentences(change, known[name]))
        lines.append(f"- {name} ({known[name].words}, {known[name].unit}): {said}.")
    others = [name for name in known if name not in schedule.instruments]
    if others:
        lines.append(f"As in history: {', '.join(others)}.")
    return lines


def _sentences(change: Change, about: Instrument) -> Iterator[str]:
    yield _amount(change.amount)
    if change.shape != "keep":
        falls = (
            LAWS[change.shape].words.format(length=change.length) if is_exit(change.shape) else _tiers(change, about)
        )
        yield f"{falls} {_when(change)}".rstrip()
    if change.floor:
        yield f"not below {change.floor:.0%} of it"
    acts = "" if change.shape != "keep" or not change.begins else f" {_when(change)}"
    if change.cap is not None:
        yield f"at most {change.cap.value:g} {change.cap.unit}{acts or _since(change)}"
    if change.annual_budget is not None:
        yield f"paid from at most {change.annual_budget.value:g} {change.annual_budget.unit}{acts or _since(change)}"
    if change.end is not None:
        yield f"nothing from {change.end:g} on"
    if change.shape != "keep" or change.end is not None:
        yield _announced(change)
    if change.reallocate is not None:
        share, to = change.reallocate.share, change.reallocate.to
        yield f"{share:.0%} of what a year saves against no change goes to {to} in that year"


def _since(change: Change) -> str:
    return " once that has begun" if change.begins else ""


def _amount(amount: Amount | None) -> str:
    if amount is None:
        return "as in history"
    since = "" if amount.since is None else f" from {amount.since:g} on"
    if amount.value is not None:
        return f"{amount.value:g} {amount.unit}{since}"
    if amount.share_of_price is not None:
        return f"{amount.share_of_price:.3g} of the price{since}"
    if amount.hold_from is not None:
        return f"as in history until {amount.hold_from:g}, then held"
    years = [year for year, _ in amount.path]
    sources = len({one.source for one in amount.stretches or ()})
    told = f" from {sources} sources" if sources else ""
    return f"an own path of {len(years)} points{told}, {years[0]:g} to {years[-1]:g}"


def _tiers(change: Change, about: Instrument) -> str:
    steps = []
    for tier in change.tiers:
        level = f"{tier.fraction:.0%}" if tier.fraction is not None else f"{tier.value:g} {about.unit}"
        steps.append(f"{level} {f'in {tier.at:g}' if tier.at is not None else f'after {tier.after:g} years'}")
    return f"steps down to {', '.join(steps)}"


def _when(change: Change) -> str:
    if change.trigger is not None:
        return _condition(change.trigger)
    return f"from {change.start:g} on" if change.start is not None else ""


def _condition(trigger: Trigger) -> str:
    said = {
        "market share": f"once the market share of the last four quarters reaches {trigger.level:.3g}",
        "cost parity ratio": f"once cost without support falls to {trigger.level:.3g} of the benchmark",
        "cumulative volume": f"once {trigger.level:g} units have been sold at home",
    }[trigger.on]
    return said if trigger.not_before is None else f"{said}, not before {trigger.not_before:g}"


def _announced(change: Change) -> str:
    if not change.announced:
        return "by surprise"
    after = ", and so that long after its trigger" if change.trigger is not None else ""
    years = "a year" if change.announced == 1 else f"{change.announced:g} years"
    return f"announced {years} ahead{after}"
