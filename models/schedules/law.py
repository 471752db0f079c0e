"""How support falls: the shapes that a schedule can name, what each is called, and the share that it leaves.

Laws are pure functions of how far a decline has come: all before its start, never rising, nothing from its end on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from stockflow.arrays import Array

Exit = Literal["cliff", "linear", "exponential"]  # whole once its start is given, and its length where it has one
Shape = Literal[Exit, "keep", "tiers"]
DECAY = 3.0  # EXP(-3) leaves 5 percent at the end of an exponential decline; then nothing


@dataclass(frozen=True, slots=True)
class Law:
    """One shape: `words` with the place of its length, and what is `left` at a part of it, 0 to 1 (None: at once)."""

    words: str
    left: Callable[[Array], Array] | None = None


LAWS: Mapping[Exit, Law] = MappingProxyType(
    {
        "cliff": Law("ends at once"),  # nothing is left from its start on: see `share_left`
        "linear": Law("falls in a straight line over {length:g} years", lambda part: 1.0 - part),
        "exponential": Law(
            "falls by the same share every year, to 5% after {length:g} years, and ends",
            lambda part: np.exp(-DECAY * part),
        ),
    }
)
SLOPES: tuple[Exit, ...] = tuple(name for name, law in LAWS.items() if law.left is not None)


def is_exit(shape: Shape) -> TypeGuard[Exit]:
    """Whether support falls by a law of this table: it is neither kept nor given step by step."""
    return shape in LAWS


def share_left(shape: Exit, times: ArrayLike, began: ArrayLike, length: float | None = None) -> Array:
    """Return the share that is left at `times` of a decline that began in `began` (never: infinite), broadcast.

    `length` is in years, and needed where the shape slopes.
    """
    when, start = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(began, dtype=float))
    running, law = when >= start, LAWS[shape].left
    if law is None or length is None:
        return np.where(running, 0.0, 1.0)
    part = np.where(running, when - np.where(running, start, 0.0), 0.0) / length
    return np.where(running, np.where(part >= 1.0, 0.0, np.maximum(law(part), 0.0)), 1.0)


@dataclass(frozen=True, slots=True)
class Corners:
    """Where a law bends: (part of its length, share just before, share from there on); the last share holds.

    Between corners a share changes by equal amounts, or by equal `ratios`.
    """

    points: tuple[tuple[float, float, float], ...]
    ratios: bool = False


def corners(shape: Exit) -> Corners:
    """Return the corners of a law, read off `share_left`, which stays the law.

    ValueError for one that moves neither by equal amounts nor by equal ratios.
    """
    if shape not in SLOPES:
        return Corners(((0.0, 1.0, float(share_left(shape, 0.0, 0.0))),))
    parts = np.arange(9) / 8
    seen = share_left(shape, parts, 0.0, 1.0)
    for ratios in (False, True):
        values = np.log(seen[:-1]) if ratios else seen[:-1]
        line = values[0] + parts * (values[4] - values[0]) * 2
        if np.abs(values - line[:-1]).max() <= 1e-12:
            before = float(np.exp(line[-1]) if ratios else line[-1])
            return Corners(((0.0, 1.0, float(seen[0])), (1.0, before, float(seen[-1]))), ratios)
    raise ValueError(f"{shape}: neither equal amounts nor equal ratios")
