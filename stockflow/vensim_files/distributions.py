"""The distributions of Vensim's sensitivity controls, after "Distributions" in its reference manual.

Each draws a number, multiplies it by `stretch`, adds `shift`, and is cut off at min and max.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from scipy import special, stats

#: arguments of each distribution in order, as the manual names them
ARGUMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "VECTOR": ("min", "max", "increment"),
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
)


@dataclass(frozen=True, slots=True)
class Law:
    """A frozen distribution of scipy, before it is stretched and shifted."""

    law: Any
    shift: float
    stretch: float


def continuous(name: str, arguments: Sequence[float]) -> Law | None:
    """Return the distribution over real numbers of that name, None if it is over whole numbers.

    Exponential and Weibull have mean 1 before stretching.  Gamma likewise: order O has scale 1/O.
    """
    given = dict(zip(ARGUMENTS[name], arguments, strict=True))
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
            return Law(stats.beta(given["A"], given["B"]), shift, stretch)
    return None


def discrete(name: str, arguments: Sequence[float]) -> Law:
    """Return the distribution over whole numbers of that name.

    The negative binomial counts all trials until N succeed.
    """
    given = dict(zip(ARGUMENTS[name], arguments, strict=True))
    shift, stretch = given["shift"], given["stretch"]
    if name == "RANDOM POISSON":
        return Law(stats.poisson(given["mean of counts"]), shift, stretch)
    if name == "RANDOM BINOMIAL":
        return Law(stats.binom(given["N"], given["P"]), shift, stretch)
    return Law(stats.nbinom(given["N"], given["P"], loc=given["N"]), shift, stretch)
