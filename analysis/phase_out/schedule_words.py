"""What a schedule says, in words and as a yearly table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.plain.language import listed, marked, one_by_one, term, translated, worded
from analysis.plain.units import beside_numbers, customary
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

UNITS = {"nev": marked("a unit is a million vehicles, so bnCNY/unit is thousand yuan a vehicle"),
         "pv": marked("a unit is a GW, and bnCNY/TWh is yuan per kilowatt-hour"),
         "generic": marked("a unit is what the case counts in")}  # fmt: skip


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
    told = [worded("{instrument} {fate}", instrument=term(name), fate=fate) for name, fate in moved.items() if fate]
    still = [term(name) for name in names.values() if not moved.get(name)]
    return worded(
        "{schedule}: {changes}; as in history to {until}: {still}",
        schedule=shown.schedule.name, until=until, changes=listed(told) or worded("nothing changes"),
        still=listed(still) or worded("nothing"),
    )  # fmt: skip


def _fate(shown: Shown, name: str, began: float | None) -> str:
    """What becomes of one path in the run; nothing where it is that of history."""
    past, path = shown.paths[name]
    differs, paid = np.flatnonzero(past != path), np.flatnonzero(path > 0.0)
    if not len(differs):
        return ""
    first = shown.at.times[differs[0]]
    first = first if began is None else min(first, began)
    if not len(paid):
        return worded("is nil throughout")
    if paid[-1] == len(path) - 1:
        return worded(
            "differs from {first:g} on and is held to {until:g} (then {value})",
            first=first, until=shown.applied.draws.until, value=_counted(path[-1], shown.units[name]),
        )  # fmt: skip
    end = shown.at.times[paid[-1] + 1]
    if end <= first:
        return worded("ends in {end:g}", end=end)
    return worded("falls from {first:g} and ends in {end:g}", first=first, end=end)


def words(schedule: Schedule) -> list[str]:
    """Return the schedule in sentences, a line for each instrument."""
    lines = [
        worded("{name}: {title} ({case}).", name=schedule.name, title=term(schedule.title), case=schedule.case),
        worded("Source: {source}.", source=term(schedule.source)),
    ]
    known = instruments(schedule.case)
    for name, change in schedule.instruments.items():
        about = known[name]
        lines.append(
            worded(
                "- {instrument} ({about}, {unit}): {said}.",
                instrument=term(name), about=term(about.words), unit=beside_numbers(about.unit),
                said=one_by_one(_sentences(change, about)),
            )
        )  # fmt: skip
    others = [name for name in known if name not in schedule.instruments]
    if others:
        lines.append(worded("As in history: {instruments}.", instruments=listed(map(term, others))))
    return lines


def _sentences(change: Change, about: Instrument) -> Iterator[str]:
    yield _amount(change.amount)
    if change.shape != "keep":
        if is_exit(change.shape):
            falls = translated(LAWS[change.shape].words).format(length=change.length)
        else:
            falls = _tiers(change, about)
        yield worded("{falls} {when}", falls=falls, when=_when(change)).rstrip()
    if change.floor:
        yield worded("not below {floor:.0%} of it", floor=change.floor)
    acts = "" if change.shape != "keep" or not change.begins else worded(" {when}", when=_when(change))
    if change.cap is not None:
        most = _counted(change.cap.value, change.cap.unit)
        yield worded("at most {value}{since}", value=most, since=acts or _since(change))
    if change.annual_budget is not None:
        most = _counted(change.annual_budget.value, change.annual_budget.unit)
        yield worded("paid from at most {value}{since}", value=most, since=acts or _since(change))
    if change.end is not None:
        yield worded("nothing from {end:g} on", end=change.end)
    if change.shape != "keep" or change.end is not None:
        yield _announced(change)
    if change.reallocate is not None:
        share, to = change.reallocate.share, change.reallocate.to
        yield worded(
            "{share:.0%} of what a year saves against no change goes to {to} in that year", share=share, to=term(to)
        )


def _counted(value: float, unit: str) -> str:
    factor, name = customary(unit)
    told = f"{factor * value:.4g}"
    return told if unit == "Dmnl" else worded("{value} {unit}", value=told, unit=name)


def _since(change: Change) -> str:
    return worded(" once that has begun") if change.begins else ""


def _amount(amount: Amount | None) -> str:
    if amount is None:
        return worded("as in history")
    since = "" if amount.since is None else worded(" from {year:g} on", year=amount.since)
    if amount.value is not None:
        return worded("{value}{since}", value=_counted(amount.value, str(amount.unit)), since=since)
    if amount.share_of_price is not None:
        return worded("{share:.3g} of the price{since}", share=amount.share_of_price, since=since)
    if amount.hold_from is not None:
        return worded("as in history until {year:g}, then held", year=amount.hold_from)
    years = [year for year, _ in amount.path]
    sources = len({one.source for one in amount.stretches or ()})
    told = worded(" from {count} sources", count=sources) if sources else ""
    return worded(
        "an own path of {points} points{sources}, {first:g} to {last:g}",
        points=len(years), sources=told, first=years[0], last=years[-1],
    )  # fmt: skip


def _tiers(change: Change, about: Instrument) -> str:
    steps = []
    for tier in change.tiers:
        level = f"{tier.fraction:.0%}" if tier.fraction is not None else _counted(tier.value or 0.0, about.unit)
        if tier.at is not None:
            steps.append(worded("{level} in {at:g}", level=level, at=tier.at))
        else:
            steps.append(worded("{level} after {years:g} years", level=level, years=tier.after))
    return worded("steps down to {steps}", steps=listed(steps))


def _when(change: Change) -> str:
    if change.trigger is not None:
        return _condition(change.trigger)
    return worded("from {start:g} on", start=change.start) if change.start is not None else ""


def _condition(trigger: Trigger) -> str:
    said = {
        "market share": marked("once the market share of the last four quarters reaches {level:.3g}"),
        "cost parity ratio": marked("once cost without support falls to {level:.3g} of the benchmark"),
        "cumulative volume": marked("once {level:g} units have been sold at home"),
    }[trigger.on]
    said, first = worded(said, level=trigger.level), trigger.not_before
    return said if first is None else worded("{said}, not before {year:g}", said=said, year=first)


def _announced(change: Change) -> str:
    if not change.announced:
        return worded("by surprise")
    years = worded("a year") if change.announced == 1 else worded("{years:g} years", years=change.announced)
    if change.trigger is not None:
        return worded("announced {years} ahead, and so that long after its trigger", years=years)
    return worded("announced {years} ahead", years=years)
