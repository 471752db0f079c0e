"""The paths of a schedule: for every variable that it moves, values at every time step of every run.

A path is given at each step of the engine, so that a step in it acts from its date on, whatever the date, and a path
that equals the case's history has the same bits as the history itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.policy import history, is_driver
from models.schedules.change import Change
from models.schedules.instruments import Instrument
from stockflow import Model
from stockflow.arrays import Array
from stockflow.language.clock import clock
from stockflow.language.equations import Number, WithLookup, references

LUSTRUM = 5.0  # years


@dataclass(frozen=True, slots=True)
class Grid:
    """The moments at which a run reads its paths: evenly spaced, shape (point,)."""

    times: Array

    @property
    def step(self) -> float:
        """Years from one moment to the next."""
        return float(self.times[1] - self.times[0])

    def read(self, values: Array, times: Array) -> Array:
        """Return `values`, shape (run, point) or (point,) on the grid, at other `times`, straight in between."""
        place = np.clip((times - self.times[0]) / self.step, 0.0, len(self.times) - 1.0)
        low = np.minimum(place.astype(int), len(self.times) - 2)
        share = place - low
        if values.ndim == 2 and times.ndim == 2:
            below, above = (np.take_along_axis(values, low + one, axis=1) for one in (0, 1))
        else:
            below, above = values[..., low], values[..., low + 1]
        return np.where(share == 0.0, below, np.where(share == 1.0, above, below + share * (above - below)))


def grid(model: Model, until: float) -> Grid:
    """Return the moments of a run of `model` to `until`, half steps too where it is integrated by Runge-Kutta."""
    moments = clock(model.equations)
    evaluated = moments.evaluated(model.equations.method)
    return Grid(evaluated[evaluated <= until + model.time_step / 2])


def yearly(grid: Grid, values: Array) -> Array:
    """Return the mean of `values`, (run, point), over the calendar year of each point."""
    years = np.floor(grid.times)
    starts = np.flatnonzero(np.diff(years, prepend=-np.inf))
    counts = np.diff(np.append(starts, len(years)))
    return np.repeat(np.add.reduceat(values, starts, axis=1) / counts, counts, axis=1)


def computed(model: Model, variable: str) -> bool:
    """Whether the model computes a variable, where a driver or a constant is a path that is known beforehand."""
    one = model.variable(variable)
    return not isinstance(one.expression, Number) and not is_driver(one)


@dataclass(frozen=True, slots=True)
class Before:
    """What the same draws do without the schedule, on the grid, shape (run, point), by variable."""

    grid: Grid
    values: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Moves:
    """One instrument of a schedule on one model: its paths, once it is known when the decline began.

    `began` has shape () for a dated decline and (run, 1) for a triggered one; never is infinite. `limit` is the
    highest payment that leaves a price, on the grid of `before`, (run, point), or None where none is needed; history
    itself is never cut.
    `beside` is the same schedule's change of what is paid on top of each yuan of this instrument.
    """

    about: Instrument
    change: Change
    model: Model
    before: Before
    began: Array
    limit: Array | None = None
    beside: Moves | None = None

    def path(self, times: Array) -> Array:
        """Return the value at `times`, shape (point,) or (run, point)."""
        return self._by_date(lambda one: one._at(times, one.began, one.change.end), times)

    def past(self, times: Array) -> Array:
        """Return the case's history at `times`."""
        return np.interp(times, *history(self.model, self.about.variable))

    def announced(self, times: Array, horizon: Array) -> Array:
        """Return what buyers at `times` expect `horizon` years later, by what has been announced until then."""
        unaware = self.announced_past(times, horizon)
        if self.change.amount is not None or self._always_capped:
            unaware = self._at(times + horizon, np.array(np.inf), None)
        ahead = times + horizon
        return self._by_date(lambda one: np.where(times >= one.known, one.path(ahead), unaware), ahead)

    def announced_past(self, times: Array, horizon: Array) -> Array:
        """Return what the case's history has buyers expect at `times`."""
        expression = self.model.variable(self.about.announced).expression
        # what is announced is read at a later time than now, until a path replaces it
        ahead = isinstance(expression, WithLookup) and any(references(expression))
        return np.interp(times + horizon if ahead else times, *history(self.model, self.about.announced))

    @property
    def known(self) -> Array:
        """The year from which buyers know of the decline, shape of `began`."""
        return np.asarray(self.began - self.change.announced)

    def base(self, times: Array) -> Array:
        """Return what would be paid without a decline at `times`: the case's history, or the own amount."""
        amount = self.change.amount
        if amount is None:
            return self.past(times)
        if amount.path:
            years, values = np.array(amount.path).T
            return np.asarray(np.interp(times, years, values), dtype=float)
        if amount.hold_from is not None:
            return self.past(np.minimum(times, amount.hold_from))
        if amount.value is not None:
            new: Array = np.full(times.shape, amount.value)
        else:
            price = self.before.grid.read(self.before.values[self.about.price], times)
            new = (amount.share_of_price or 0.0) * price / self._beside(times) + self._over(times)
        return new if amount.since is None else np.where(times >= amount.since, new, self.past(times))

    def most(self, times: Array, price: Array) -> Array:
        """Return the highest value that leaves a buyer a price of 0, given the price at `times`."""
        return np.asarray(price / self._beside(times) + self._over(times))

    def usual(self, times: Array) -> Array:
        """Return what gives a buyer as much as in history, with what is now paid on top: history is never cut."""
        if self.beside is None:
            return self.past(times)
        return self.past(times) * (1.0 + self.beside.past(times)) / self._beside(times)

    def _at(self, times: Array, began: Array, end: float | None) -> Array:
        base = self.base(times)
        left = self.change.share_left(times, began, end)
        value = np.where(left < 1.0, self._declined(base, times, left), base) if (left < 1.0).any() else base
        if any(tier.value is not None for tier in self.change.tiers):
            own = self.change.tier_value(times, began)
            value = np.where(np.isnan(own) | (left <= 0.0), value, own)
        if self.change.cap is not None:
            acts = self._always_capped | (times >= began)
            value = np.where(acts, np.minimum(value, self.change.cap.value), value)
        if self.limit is not None:
            value = np.minimum(value, np.maximum(self.before.grid.read(self.limit, times), self.usual(times)))
        return value

    def _by_date(self, value: Callable[[Moves], Array], times: Array) -> Array:
        """Return `value`, computed once for all runs that begin alike where nothing else differs between runs."""
        amount = self.change.amount
        priced = self.limit is not None or (amount is not None and amount.share_of_price is not None)
        if self.began.ndim < 2 or len(self.began) == 1 or priced or times.ndim > 1:
            return value(self)
        dates, place = np.unique(self.began, return_inverse=True)
        found = value(replace(self, began=dates[:1] if len(dates) == 1 else dates[:, None]))
        rows = np.broadcast_to(found, (len(dates), len(times)))  # one row for all where none begins in time
        return rows[0] if len(dates) == 1 else rows[place.reshape(-1)]

    @property
    def _always_capped(self) -> bool:
        return self.change.cap is not None and not self.change.begins

    def _declined(self, base: Array, times: Array, left: Array) -> Array:
        """A decline takes away what is above `over`; with no such support left nothing is paid at all."""
        if not self.about.over:
            return base * left
        over = self._over(times)
        return np.where(left <= 0.0, 0.0, np.where(base > over, over + (base - over) * left, base))

    def _over(self, times: Array) -> Array:
        if not self.about.over:
            return np.zeros(times.shape)
        return np.interp(times, *history(self.model, self.about.over))

    def _beside(self, times: Array) -> Array:
        """What one yuan of this instrument is for the buyer, with what is paid on top of it."""
        if not self.about.beside:
            return np.ones(times.shape)
        if self.beside is not None:
            return 1.0 + self.beside.path(times)
        return 1.0 + np.interp(times, *history(self.model, self.about.beside))


def trimmed(grid: Grid, past: Array, values: Array) -> tuple[Array, Array]:
    """Return (times, values) without the flat ends of a path, so that a run carries no more points than it needs.

    Cut where neither the path nor the case's history moves, at whole lustra, so that schedules of a kind share their
    times and with them the compiled run. The last value stands twice: the engine then holds it without rounding.
    """
    steps = [(np.diff(np.atleast_2d(one), axis=1) != 0.0).any(axis=0) for one in (past, values)]
    moving = np.flatnonzero(steps[0] | steps[1])
    first, last = (0, 1) if not len(moving) else (int(moving[0]), int(moving[-1]) + 1)
    low = np.floor(grid.times[first] / LUSTRUM) * LUSTRUM
    high = np.ceil((grid.times[last] + grid.step) / LUSTRUM) * LUSTRUM
    kept = (grid.times >= low) & (grid.times <= high)
    times, shown = grid.times[kept], values[..., kept]
    return np.append(times, times[-1] + grid.step), np.concatenate([shown, shown[..., -1:]], axis=-1)
