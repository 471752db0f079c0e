"""Distributions of random numbers by Vensim's names, for draws in a run and for samples of constants alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from stockflow.arrays import Array

#: arguments of each distribution in order, as the manual names them
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "RANDOM UNIFORM": ("min", "max"),
    "RANDOM NORMAL": ("min", "max", "mean", "sd"),
    "RANDOM TRIANGULAR": ("min", "max", "start", "peak", "stop"),
    "RANDOM EXPONENTIAL": ("min", "max", "shift", "stretch"),
    "RANDOM GAMMA": ("min", "max", "order", "shift", "stretch"),
    "RANDOM WEIBULL": ("min", "max", "shape", "shift", "stretch"),
    "RANDOM BETA": ("min", "max", "A", "B", "shift", "stretch"),
    "RANDOM POISSON": ("min", "max", "mean of counts", "shift", "stretch"),
    "RANDOM BINOMIAL": ("min", "max", "P", "N", "shift", "stretch"),
    "RANDOM NEGATIVE BINOMIAL": ("min", "max", "P", "N", "shift", "stretch"),
}
#: arguments that must be above 0, and those that must not fall from one to the next
ABOVE_ZERO = ("sd", "stretch", "scale", "increment", "order", "shape", "A", "B", "mean of counts")
IN_ORDER = (("start", "peak"), ("peak", "stop"))
#: of Weibull's distribution
LEAST_SHAPE = 0.01
# how far counts reach, and the share between two ends that is told from none
_MOST_COUNTED, _LEAST_SHARE = 1e9, 1e-12


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution of SciPy, over real numbers or counts, multiplied by `stretch` before `shift` is added."""

    distribution: Any
    shift: float = 0.0
    stretch: float = 1.0

    @property
    def counts(self) -> bool:
        """Say whether it gives whole numbers, before these are stretched."""
        return not hasattr(self.distribution.dist, "pdf")

    def at(self, share: Array, low: float, high: float) -> Array | None:
        """Return the values below which shares (any shape, 0 to 1) lie of what is between two ends.

        None where nothing is between them.
        """
        law = self.distribution
        low, high = ((end - self.shift) / self.stretch for end in (low, high))
        if self.counts and np.isfinite(low):
            # counts between the ends, which stretching may have moved by a rounding error
            low = np.ceil(round(low, 9))
        if self.counts and np.isfinite(high):
            high = np.floor(round(high, 9))
        with np.errstate(all="ignore"):
            ends = (low - 1 if self.counts else low, high)
            below, above = law.cdf(ends)
            # in the upper half by what is left above, which has its digits there
            upper = below > 0.5
            if upper:
                below, above = law.sf(ends)
            if not abs(above - below) > _LEAST_SHARE * max(above, below):
                return None
            drawn = np.clip((law.isf if upper else law.ppf)(below + share * (above - below)), low, high)
        return np.asarray(self.shift + self.stretch * drawn, dtype=float)


def wrong(name: str, given: Mapping[str, float]) -> tuple[str, str] | None:
    """Return what is wrong with the arguments of a distribution and what they must be, None if nothing is."""
    if not given["min"] < given["max"]:
        return f"min {given['min']:g} is not below max {given['max']:g}", "min < max"
    for what, value in given.items():
        if what not in {"min", "max"} and not math.isfinite(value):
            return f"{what} of {name} is {value:g}", "a finite number"
    for what in ABOVE_ZERO:
        if what in given and not given[what] > 0:
            return f"{what} of {name} is {given[what]:g}", f"{what} above 0"
    if "P" in given and not 0 <= given["P"] <= 1:
        return f"P of {name} is {given['P']:g}", "P from 0 to 1"
    if "NEGATIVE" in name and given["P"] == 0:
        return f"P of {name} is 0", "P above 0"
    if "N" in given and (given["N"] < 1 or given["N"] != int(given["N"])):
        return f"N of {name} is {given['N']:g}", "a whole number from 1"
    counted = given.get("mean of counts", given.get("N", 0.0) / (given["P"] if "NEGATIVE" in name else 1.0))
    if counted > _MOST_COUNTED:
        return f"{name} counts to {counted:g}", f"at most {_MOST_COUNTED:g}"
    if "WEIBULL" in name and given["shape"] < LEAST_SHAPE:
        return f"shape of {name} is {given['shape']:g}", f"shape from {LEAST_SHAPE:g} on"
    corners = [given[one] for one in ("start", "peak", "stop") if one in given]
    if corners and not (corners == sorted(corners) and corners[0] < corners[2]):
        return "start, peak and stop are not in order", "start <= peak <= stop, start < stop"
    return None


def law(name: str, given: Mapping[str, float]) -> Law:
    """Return the distribution of that name in capitals for its arguments, as the manual names both.

    Exponential and Weibull have mean 1 before stretching.  Gamma likewise: order O has scale 1/O.  The negative
    binomial counts all trials until N succeed.
    """
    from scipy import special, stats  # takes longer to load than most models to read

    shift, stretch = given.get("shift", 0.0), given.get("stretch", 1.0)
    match name:
        case "RANDOM NORMAL":
            return Law(stats.norm(), given["mean"], given["sd"])
        case "RANDOM TRIANGULAR":
            width = given["stop"] - given["start"]
            return Law(stats.triang((given["peak"] - given["start"]) / width), given["start"], width)
        case "RANDOM EXPONENTIAL":
            return Law(stats.expon(), shift, stretch)
        case "RANDOM GAMMA":
            return Law(stats.gamma(given["order"], scale=1 / given["order"]), shift, stretch)
        case "RANDOM WEIBULL":
            mean = float(special.gamma(1 + 1 / given["shape"]))
            return Law(stats.weibull_min(given["shape"], scale=1 / mean), shift, stretch)
        case "RANDOM BETA":
            beta: Any = stats.beta(given["A"], given["B"])
            # its own quantiles raise an overflow at small shares
            beta.ppf = partial(special.betaincinv, given["A"], given["B"])
            beta.isf = partial(special.betainccinv, given["A"], given["B"])
            return Law(beta, shift, stretch)
        case "RANDOM POISSON":
            return Law(stats.poisson(given["mean of counts"]), shift, stretch)
        case "RANDOM BINOMIAL":
            return Law(stats.binom(given["N"], given["P"]), shift, stretch)
        case _:
            return Law(stats.nbinom(given["N"], given["P"], loc=given["N"]), shift, stretch)
