"""How support falls once its decline has begun: the share that is left, by shape.

Laws are pure functions of arrays: 1 before the start, never rising, 0 from the end on. The shapes and the factor of
the exponential are those of the phase-out clock in the model files, except that an exponential decline ends at its
length, where 5% is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.schedules.change import Change
from stockflow.arrays import Array

DECAY = 3.0  # EXP(-3) leaves 5 percent, as in the model files


def share_left(change: Change, times: ArrayLike, began: ArrayLike, end: float | None = None) -> Array:
    """Return the share of the base that is left at `times` of a decline that began in `began` (never: infinite).

    The two broadcast against each other; nothing is left from `end` on. Tiers that are own values leave 1 here: see
    `tier_value`.
    """
    when, start = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(began, dtype=float))
    left = np.ones(when.shape)
    running = when >= start
    since = np.where(running, when - np.where(running, start, 0.0), 0.0)
    if change.shape == "cliff":
        left[running] = 0.0
    elif change.length is not None:
        along = since / change.length
        sloping = 1.0 - along if change.shape == "linear" else np.exp(-DECAY * along)
        left = np.where(running, np.where(along >= 1.0, 0.0, np.maximum(sloping, 0.0)), 1.0)
    elif change.tiers and change.tiers[0].fraction is not None:
        for tier in change.tiers:
            left = np.where(_reached(tier.at, tier.after, when, start), tier.fraction or 0.0, left)
    left = np.where(running, np.maximum(left, change.floor), left)
    if end is not None:
        left = np.where(when >= end, 0.0, left)
    return left


def tier_value(change: Change, times: ArrayLike, began: ArrayLike) -> Array:
    """Return the own value of the tier in force at `times`, NaN before the first one and for other changes."""
    when, start = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(began, dtype=float))
    value = np.full(when.shape, np.nan)
    for tier in change.tiers:
        if tier.value is not None:
            value = np.where(_reached(tier.at, tier.after, when, start), tier.value, value)
    return value


def _reached(at: float | None, after: float | None, when: Array, start: Array) -> NDArray[np.bool_]:
    return np.asarray(when >= (at if at is not None else start + (after or 0.0)))
