"""The points of a curve, and how it goes between and beyond them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

from stockflow.errors import InputError


@dataclass(frozen=True, slots=True)
class Table:
    """Points of a curve: piecewise linear, or `steps` that hold each value until the next point.

    Outside its points it holds its end values, or goes on in the direction of its ends (`extrapolate`).
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    kind: Literal["hold", "extrapolate", "steps"] = "hold"

    def __post_init__(self) -> None:
        if not self.xs or len(self.xs) != len(self.ys):
            raise InputError(f"a table needs as many x as y values, not {len(self.xs)} and {len(self.ys)}")
        for x, y in zip(self.xs, self.ys, strict=True):
            if not (math.isfinite(x) and math.isfinite(y)):
                raise InputError(f"a table has the point ({x:g}, {y:g}), which is not finite")
        for left, right in zip(self.xs, self.xs[1:], strict=False):
            if not left < right:
                raise InputError(f"the x values of a table must increase, but {right:.15g} follows {left:.15g}")
        if self.kind == "extrapolate" and len(self.xs) > 1 and (self.is_step(0) or self.is_step(-1)):
            raise InputError("a table that goes on beyond its ends ends with a vertical step")

    def is_step(self, segment: int) -> bool:
        """Say whether a segment, counted from 0 or backward from -1, is so short that it stands for a vertical step."""
        at = segment % (len(self.xs) - 1)
        left, right = self.xs[at], self.xs[at + 1]
        return right - left <= 4.0 * sys.float_info.epsilon * max(abs(left), abs(right), self.xs[-1] - self.xs[0])

    def forward(self) -> Table:
        """Return the steps of a table in which each value holds from just after the point before it."""
        after = (math.nextafter(x, math.inf) for x in self.xs[:-1])
        return Table((self.xs[0], *after), self.ys, "steps")
