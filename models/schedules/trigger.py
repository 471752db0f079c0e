"""When the condition of a trigger first holds: statistics of a run, quarter by quarter."""

from collections.abc import Mapping

import numpy as np

from models.schedules.change import Trigger
from stockflow.arrays import Array
from stockflow.over_time import QUARTER

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "market share": ("Cumulative Domestic Sales", "addressable demand"),
    "cost parity ratio": ("unsubsidised user cost", "trigger benchmark"),
    "cumulative volume": ("Cumulative Domestic Sales",),
}


def needs(trigger: Trigger) -> tuple[str, ...]:
    """Return the variables whose quarterly values decide."""
    return _NEEDS[trigger.on]


def statistic(trigger: Trigger, times: Array, values: Mapping[str, Array]) -> Array:
    """Return what the trigger looks at, shape (run, time), from values saved every quarter; NaN where not yet known.

    The market share is that of the last four quarters: sales over what could have been sold.
    """
    first = values[_NEEDS[trigger.on][0]]
    if trigger.on == "cumulative volume":
        return first
    second = values[_NEEDS[trigger.on][1]]
    if trigger.on == "cost parity ratio":
        return first / second
    share = np.full(first.shape, np.nan)
    back = round(1.0 / QUARTER)
    quarters = (second[:, 1:] + second[:, :-1]) / 2 * QUARTER
    total = np.concatenate([np.zeros((len(second), 1)), np.cumsum(quarters, axis=1)], axis=1)
    share[:, back:] = (first[:, back:] - first[:, :-back]) / (total[:, back:] - total[:, :-back])
    return share


def first_date(trigger: Trigger, times: Array, values: Mapping[str, Array]) -> Array:
    """Return the first quarter in which the condition holds, shape (run,); infinite where it never does."""
    seen = statistic(trigger, times, values)
    with np.errstate(invalid="ignore"):
        holds = seen <= trigger.level if trigger.on == "cost parity ratio" else seen >= trigger.level
    if trigger.not_before is not None:
        holds &= times >= trigger.not_before
    return np.where(holds.any(axis=1), times[np.argmax(holds, axis=1)], np.inf)
