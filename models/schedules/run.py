"""Runs of a schedule: its paths in place of the drivers, and passes for what must be known from the run itself.

What depends on the run is found from an earlier pass over the same draws. Triggers: up to its trigger a run is the
run without the change, so the first quarter in which a condition holds is read there; of several, the earliest in
each draw is fixed and the draws are run again. Prices and money saved: from the run without the schedule. Money is
put elsewhere year by year, as saved by the schedule before it is put there; what that in turn changes is not followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from models.policy import history
from models.schedules.change import TRIGGERS, Change
from models.schedules.file import Schedule
from models.schedules.instruments import instruments
from models.schedules.paths import Before, Grid, Moves, computed, grid, trimmed, yearly
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.names import plain
from stockflow.over_time import QUARTER

Paths = dict[str, tuple[Array, Array]]
_CHUNK = 4096  # runs in memory at a time
PRICE_PASSES = 60  # each brings payments about three times closer to the price, later where buyers look ahead
CENT = 1e-6  # a share of the price that counts as no overpayment


@dataclass(frozen=True, slots=True)
class Draws:
    """The runs of one block: a model, its samples of constants, and to when."""

    model: Model
    samples: Mapping[str, ArrayLike]
    until: float
    threads: int | None

    @property
    def count(self) -> int:
        """Number of runs."""
        return max((np.size(one) for one in self.samples.values()), default=1)

    @property
    def horizon(self) -> Array:
        """How far ahead buyers see, shape (1,) or (run, 1)."""
        for name, values in self.samples.items():
            if plain(name) == plain("anticipation horizon"):
                return np.asarray(values, dtype=float).reshape(-1, 1)
        value = self.model.variable("anticipation horizon").value
        if value is None:
            raise InputError(f"{self.model.file.name}: 'anticipation horizon' is not a constant of this model")
        return np.array([value])

    def batch(self, paths: Paths, outputs: Sequence[str], save_period: float | None) -> xr.Dataset:
        """Return the runs on some paths."""
        return self.model.runs(self.samples, outputs, self.until, save_period, self.threads, series=paths).dataset()

    def values(self, paths: Paths, outputs: Sequence[str], save_period: float) -> Before:
        """Return outputs on an even grid, each (run, point)."""
        found = self.batch(paths, outputs, save_period)
        return Before(Grid(found["time"].to_numpy()), {name: found[name].to_numpy() for name in outputs})


@dataclass(frozen=True, slots=True)
class AppliedSchedule:
    """A schedule on a block of draws: what moves, by instrument, and money put elsewhere, (run, point) by variable.

    Everything is known that must be found from runs: dates of triggers, payments bound by a price, money saved.
    """

    draws: Draws
    case: str
    moving: Mapping[str, Moves]
    extra: Mapping[str, Array]

    def move(self, name: str) -> Moves:
        """Return what an instrument does, with what is paid on top of it."""
        one = self.moving[name]
        on_top = [other for other in self.moving.values() if other.about.variable == one.about.beside]
        return replace(one, beside=on_top[0]) if on_top else one

    def with_move(self, name: str, **new: object) -> AppliedSchedule:
        """Return the plan with one instrument's date or limit set."""
        return replace(self, moving={**self.moving, name: replace(self.moving[name], **new)})  # type: ignore[arg-type]

    def paths(self) -> Paths:
        """Return the series that the model is run on; a variable that moves as in history is left to the model."""
        at = grid(self.draws.model, self.draws.until)
        moved = self.moved(at)
        return {name: trimmed(at, *both) for name, both in moved.items() if (both[0] != both[1]).any()}

    def moved(self, at: Grid) -> dict[str, tuple[Array, Array]]:
        """Return (history, schedule) of every variable, each (point,) or (run, point) at the moments of `at`."""
        made: dict[str, tuple[Array, Array]] = {}
        for name in self.moving:
            move = self.move(name)
            made[move.about.variable] = move.past(at.times), move.path(at.times)
            if move.about.announced:
                ahead = self.draws.horizon
                made[move.about.announced] = move.announced_past(at.times, ahead), move.announced(at.times, ahead)
            if move.change.annual_budget is not None:
                made[move.about.budget] = self._budget(move, at)
        for variable, more in self.extra.items():
            past = np.interp(at.times, *history(self.draws.model, variable))
            _, own = made.get(variable, (past, past))
            made[variable] = past, own + more
        return made

    def _budget(self, move: Moves, at: Grid) -> tuple[Array, Array]:
        assert move.change.annual_budget is not None
        budget = move.about.budget
        if budget in move.before.values:
            usual = move.before.grid.read(move.before.values[budget], at.times)
        else:
            usual = np.interp(at.times, *history(self.draws.model, budget))
        acts = at.times >= move.began if move.change.begins else np.full(at.times.shape, True)
        return usual, np.where(acts, np.minimum(usual, move.change.annual_budget.value), usual)


def run_schedule(
    model: Model,
    schedule: Schedule,
    samples: Mapping[str, ArrayLike],
    outputs: Sequence[str],
    until: float | None = None,
    save_period: float | None = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Return the runs of a schedule as `Batch.dataset` does, dimensions (run, time).

    Coordinates beside those of a batch, dimensions (run, instrument): `began`, the year in which the decline of an
    instrument began within the run (NaN: never; the end where there is nothing but an end), and `cut`, the largest
    amount by which its payment was cut because it would have exceeded the price, in its unit.

    A schedule of dated declines of history takes one pass over the draws; own amounts above history, shares of the
    price and reallocations one or two more, each triggered instrument one more. Memory grows with the draws given.
    Raises InputError as `Model.runs` does, and for a model that lacks a variable of the case.
    """
    draws = Draws(model, samples, model.final_time if until is None else until, threads)
    plan = applied(draws, schedule)
    found = draws.batch(plan.paths(), outputs, save_period)
    names, runs = list(plan.moving), found.sizes["run"]
    began, cut = np.full((runs, len(names)), np.nan), np.zeros((runs, len(names)))
    for place, name in enumerate(names):
        when = plan.moving[name].began.reshape(-1)
        began[:, place] = np.where(when <= draws.until, when, np.nan)
        cut[:, place] = most_cut(plan, name)
    coordinates = {"instrument": names, "began": (("run", "instrument"), began, {"unit": "Year"}),
                   "cut": (("run", "instrument"), cut)}  # fmt: skip
    return found.assign_coords(coordinates).assign_attrs(schedule=schedule.name)


def finite_runs(
    model: Model, schedule: Schedule, samples: Mapping[str, ArrayLike], outputs: Sequence[str], until: float
) -> tuple[Array, dict[str, Array]]:
    """Return quarterly times, and outputs (run, time) by name, of the runs of a schedule, some at a time in memory.

    InputError as `run_schedule` and, with its constants, for a run that leaves the numbers.
    """
    columns = {name: np.asarray(column, dtype=float) for name, column in samples.items()}
    times, pieces = np.empty(0), []
    for first in range(0, max(map(np.size, columns.values()), default=1), _CHUNK):
        given = {name: column[first : first + _CHUNK] for name, column in columns.items()}
        piece = run_schedule(model, schedule, given, outputs, until, QUARTER)
        bad = np.flatnonzero(~piece["finite"].to_numpy())
        if len(bad):
            told = ", ".join(f"{name} {column[bad[0]]:.4g}" for name, column in given.items())
            when, where = float(piece["first_bad_time"][bad[0]]), str(piece["first_bad_variable"].to_numpy()[bad[0]])
            raise InputError(
                f"{schedule.name}: {len(bad)} runs leave the numbers, the first at {when:g} in {where!r}: {told}"
            )
        times = piece["time"].to_numpy()
        pieces.append([piece[name].to_numpy() for name in outputs])
    return times, {name: np.concatenate(parts) for name, parts in zip(outputs, zip(*pieces, strict=True), strict=True)}


def applied(draws: Draws, schedule: Schedule) -> AppliedSchedule:
    """Return a schedule on some draws with everything known that must be found from runs."""
    plan = _first_plan(draws, schedule)
    bound = [name for name in plan.moving if _may_exceed(plan, name)]
    plan = _with_before(plan, bound)
    for name in bound:
        plan = _limited(plan, name, plan.moving[name].before)
    for _ in range(PRICE_PASSES):
        plan = _reallocated(_triggered(replace(plan, extra={})))
        if not bound:
            return plan
        prices = sorted({plan.moving[name].about.price for name in bound})
        now = draws.values(plan.paths(), prices, draws.model.time_step)
        over = [name for name in bound if _overpays(plan.move(name), now)]
        if not over:
            return plan
        for name in over:
            plan = _limited(plan, name, now)
    raise InputError(f"{schedule.name}: {over[0]}: still above the price after {PRICE_PASSES} passes")


def _first_plan(draws: Draws, schedule: Schedule) -> AppliedSchedule:
    """Dated declines have their dates, triggered ones have not begun, nothing is known of other runs."""
    changes, known = dict(schedule.instruments), instruments(schedule.case)
    for about in known.values():
        for name, change in schedule.instruments.items():
            if change.amount is not None and about.beside == known[name].variable:
                changes.setdefault(about.name, Change())  # more on top can exceed the price too
    nothing = Before(grid(draws.model, draws.until), {})
    moving = {
        name: Moves(known[name], change, draws.model, nothing, np.array(_began(change)))
        for name, change in changes.items()
    }
    return AppliedSchedule(draws, schedule.case, moving, {})


def _began(change: Change) -> float:
    if change.began is not None:
        return change.began
    return change.end if change.end is not None and change.trigger is None else np.inf


def _may_exceed(plan: AppliedSchedule, name: str) -> bool:
    """Whether a payment can lie above history, which alone needs the price as its limit."""
    move = plan.move(name)
    if not move.about.price:
        return False
    times = move.before.grid.times
    for one in (move, move.beside):
        amount = None if one is None else one.change.amount
        if one is None or amount is None:
            continue
        if amount.share_of_price is not None or bool((one.base(times) > one.past(times)).any()):
            return True
    return False


def _with_before(plan: AppliedSchedule, bound: Sequence[str]) -> AppliedSchedule:
    """Run without the schedule, if anything of that must be known: prices, money saved, a budget that is computed."""
    wanted = {plan.moving[name].about.price for name in bound}
    for move in plan.moving.values():
        if move.change.reallocate is not None:
            wanted.add(move.about.money)
        if move.change.annual_budget is not None and computed(plan.draws.model, move.about.budget):
            wanted.add(move.about.budget)
    if not wanted:
        return plan
    before = plan.draws.values({}, sorted(wanted), plan.draws.model.time_step)
    return replace(plan, moving={name: replace(move, before=before) for name, move in plan.moving.items()})


def _limited(plan: AppliedSchedule, name: str, now: Before) -> AppliedSchedule:
    """Bound a payment by the price of a run, and by any bound that it had."""
    move = plan.move(name)
    limit = move.most(now.grid.times, now.values[move.about.price])
    return plan.with_move(name, limit=limit if move.limit is None else np.minimum(limit, move.limit))


def _overpays(move: Moves, now: Before) -> bool:
    times = now.grid.times
    most = np.maximum(move.most(times, now.values[move.about.price]), move.usual(times))
    return bool((move.path(times) > most * (1 + CENT)).any())


def most_cut(plan: AppliedSchedule, name: str) -> Array:
    """Return by how much at most a payment was cut at the price, shape (run,) or (1,)."""
    move = plan.move(name)
    if move.limit is None:
        return np.zeros(1)
    times = move.before.grid.times
    cut = np.atleast_2d(replace(move, limit=None).path(times) - move.path(times))
    return np.asarray(cut.max(axis=1))


def _triggered(plan: AppliedSchedule) -> AppliedSchedule:
    """Fix, in every draw, the dates at which triggered declines begin: the earliest first, then run again."""
    waiting = {name: move.change.trigger for name, move in plan.moving.items() if move.change.trigger is not None}
    if not waiting:
        return plan
    runs = plan.draws.count
    dates = {name: np.full(runs, np.inf) for name in waiting}
    outputs = sorted({one for trigger in waiting.values() for one in TRIGGERS[trigger.on][1]})
    for _ in waiting:
        plan = _dated(plan, dates)
        now = plan.draws.values(plan.paths(), outputs, QUARTER)
        seen = {name: trigger.first_date(now.grid.times, now.values) for name, trigger in waiting.items()}
        unfixed = {name: np.where(np.isinf(dates[name]), seen[name], np.inf) for name in waiting}
        earliest = np.min(list(unfixed.values()), axis=0)
        dates = {
            name: np.where(unfixed[name] == earliest, np.minimum(dates[name], earliest), dates[name])
            for name in waiting
        }
        still = np.isinf(list(dates.values())).any(axis=0)
        if not (np.isfinite(earliest) & still).any():  # no run has changed that waits for more
            break
    return _dated(plan, dates)


def _dated(plan: AppliedSchedule, dates: Mapping[str, Array]) -> AppliedSchedule:
    """Set when triggered declines begin: `announced` years after the dates of their triggers, shape (run,)."""
    for name, date in dates.items():
        plan = plan.with_move(name, began=(date + plan.moving[name].change.announced)[:, None])
    return plan


def _reallocated(plan: AppliedSchedule) -> AppliedSchedule:
    """Put a share of what each calendar year saves, against the run without the schedule, where it shall go."""
    giving = [name for name, move in plan.moving.items() if move.change.reallocate is not None]
    if not giving:
        return plan
    lines = sorted({plan.moving[name].about.money for name in giving})
    now = plan.draws.values(plan.paths(), lines, plan.draws.model.time_step)
    at = grid(plan.draws.model, plan.draws.until)
    extra: dict[str, Array] = {}
    for name in giving:
        move = plan.moving[name]
        assert move.change.reallocate is not None
        line, to = move.about.money, instruments(plan.case)[move.change.reallocate.to].variable
        saved = yearly(now.grid, move.before.values[line] - now.values[line])
        more = move.change.reallocate.share * np.maximum(saved, 0.0)
        extra[to] = extra.get(to, 0.0) + now.grid.read(more, at.times)
    return replace(plan, extra=extra)
