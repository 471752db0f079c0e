"""What is read off a path: the year in which it reaches a level, and what its growth is worth in another year."""

from __future__ import annotations

import numpy as np

from stockflow.arrays import Array

QUARTER = 0.25  # years between the saved values that dates, yearly sums and lowest values are read from
LASTS = 1.0  # years that a level must be kept: a rush before a dated cut is no stage of an industry


def year_reached(times: Array, values: Array, level: float, hold: float = LASTS) -> Array:
    """Return the year in which paths `values` (..., time) reach `level` and stay for `hold` years, (...,).

    Staying to the last time counts as staying. The year lies on the straight line between the saved values before and
    after; it is the first time for a path that begins there, infinite for one that never gets there. With `hold` 0 it
    is the first year at or above the level, with infinity the year from which on the path never falls below again.
    """
    count = len(times)
    above = np.asarray(values) >= level
    falls = np.minimum.accumulate(np.where(above, count, np.arange(count))[..., ::-1], axis=-1)[..., ::-1]
    stays = above & ((falls == count) | (times[np.minimum(falls, count - 1)] - times >= hold))
    place = np.argmax(stays, axis=-1)
    before = np.maximum(place - 1, 0)
    low, high = (np.take_along_axis(values, one[..., None], -1)[..., 0] for one in (before, place))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(place > 0, (level - low) / (high - low), 0.0)
    return np.where(stays.any(axis=-1), times[before] + share * (times[place] - times[before]), np.inf)


def discount(times: Array | float, rate: float, base_year: float) -> Array:
    """Return what 1 paid at `times` is worth in `base_year`: (1 + rate)^(base_year - time)."""
    return np.asarray((1 + rate) ** (base_year - np.asarray(times)))


def present_value(times: Array, cumulative: Array, rate: float, base_year: float) -> Array:
    """Return the value in `base_year` of the growth of `cumulative` (..., time), each step at its middle, (...,)."""
    return np.asarray(np.sum(np.diff(cumulative) * discount(_middle(times), rate, base_year), axis=-1))


def present_weights(times: Array, rate: float, base_year: float) -> Array:
    """Return what the value of a cumulative variable at each time counts in its `present_value`, (time,)."""
    steps = np.pad(discount(_middle(times), rate, base_year), 1)
    return np.asarray(steps[:-1] - steps[1:])


def _middle(times: Array) -> Array:
    return np.asarray((times[1:] + times[:-1]) / 2)
