"""What a schedule pays of each instrument as numbers, for whoever moves it without this code: a page in a browser.

Nothing is written down twice: every number is read off the paths that runs are given. A share of an instrument that is
left is paid as `low` + (`full` - `low`) x share, and nothing once none is left; which share is left, and when, the
corners of a shape say (`models/schedules/law.py`), and those of equal steps here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.policy import history
from models.schedules.change import Change, equal_steps, revised
from models.schedules.file import Schedule
from models.schedules.instruments import Instrument, instruments
from models.schedules.law import Corners
from models.schedules.paths import Grid, Moves, grid
from models.schedules.run import Draws, applied, most_cut
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Paid:
    """What is paid of an instrument at the moments of a run, (point,): with all of it, and with hardly any left."""

    full: Array
    low: Array


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """An instrument under a schedule whose amounts go on: as paid now, and as buyers expect it a horizon ahead.

    `ahead` is None where buyers see nothing of it ahead; `past` is the case's history now, (point,); `given` says
    whether the schedule gives it an amount of its own.
    """

    about: Instrument
    now: Paid
    ahead: Paid | None
    past: Array
    given: bool


def described(model: Model, schedule: Schedule, until: float) -> tuple[Grid, float, dict[str, Described]]:
    """Return the moments of a run, how far ahead buyers see (years), and every instrument of the case under a schedule.

    InputError for a schedule whose instruments decline or wait for a trigger, or whose amounts depend on the run.
    """
    for name, change in schedule.instruments.items():
        if change.shape != "keep" or change.end is not None or (change.amount and change.amount.share_of_price):
            raise InputError(f"{schedule.name}: {name}: what it is cannot be said before a run, or not by one share")
    draws, at = Draws(model, {}, until, 1), grid(model, until)
    known, ahead = instruments(schedule.case), float(draws.horizon[0])
    changes = {name: schedule.instruments.get(name, Change()) for name in known}
    half = {"shape": "tiers", "tiers": [{"at": float(at.times[0]), "fraction": 0.5}]}
    halves = {name: revised(change, half, name) for name, change in changes.items()}
    full, less = (applied(draws, schedule.changed(some, schedule.name)) for some in (changes, halves))
    found = {}
    for name, about in known.items():
        whole, part = full.move(name), less.move(name)
        if most_cut(full, name).any():
            raise InputError(f"{schedule.name}: {name}: it would exceed the price, so what is paid depends on the run")
        seen = _paid(whole, part, at.times + ahead) if about.announced else None
        if seen is not None:
            told = whole.announced(at.times, np.array([ahead])).reshape(-1)
            if np.abs(told - seen.full).max() > _ROUNDING * max(1.0, float(np.abs(told).max())):
                raise InputError(f"{schedule.name}: {name}: buyers do not expect what is paid {ahead:g} years later")
        past = np.interp(at.times, *history(model, about.variable))
        found[name] = Described(about, _paid(whole, part, at.times), seen, past, changes[name].amount is not None)
    return at, ahead, found


def step_corners(count: int) -> Corners:
    """Return the corners of a decline in equal steps, read off the share that such a change leaves."""
    change = Change(shape="tiers", start=2000.0, tiers=equal_steps(count, 1.0))
    parts = np.array([tier.after for tier in change.tiers])
    left = change.share_left(parts, 0.0)
    before = np.append(1.0, left[:-1])
    return Corners(tuple(zip(parts.tolist(), before.tolist(), left.tolist(), strict=True)))


def _paid(whole: Moves, half: Moves, times: Array) -> Paid:
    """Return what is paid of all of an instrument, and, on the line through it and its half, of hardly any."""
    full, part = (np.broadcast_to(np.asarray(one.path(times)).reshape(-1), times.shape) for one in (whole, half))
    return Paid(full, 2 * part - full)
