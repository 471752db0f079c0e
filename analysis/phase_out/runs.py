"""The runs of a study as its results read them: schedule by schedule, one array (draw, time) for each variable."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from analysis.ensembles.ensemble import Evaluator
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError

Values = Mapping[str, Array]
Role = Literal["supported", "no support", "named", "grid"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a study: label of its schedule, part in the comparison, and what an exit of the grid is made of."""

    label: str
    role: Role
    shape: str = ""
    start: float = np.nan
    length: float = 0.0

    @property
    def family(self) -> str:
        """Which exits it is compared with, from year to year: those of its shape and length."""
        return family(self.shape, self.length) if self.role == "grid" else ""


def family(shape: str, length: float) -> str:
    """Name exits of one shape and length, a term: "cliff", "linear over 5 years"."""
    return shape if length == 0 else f"{shape} over {length:g} year{'' if length == 1 else 's'}"


def only(arms: Sequence[Arm], role: Role) -> int:
    """Return the place of the one arm with that part in the comparison."""
    (place,) = [i for i, arm in enumerate(arms) if arm.role == role]
    return place


def main_arm(arms: Sequence[Arm]) -> int:
    """Return the place of the first schedule that the study names, else of the supported path."""
    return next((i for i, arm in enumerate(arms) if arm.role == "named"), only(arms, "supported"))


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """All runs of a study: every arm for the same draws.

    `read` gives one arm's values, each (draw, time), by place in `arms`; arms are read one at a time, so that an
    ensemble larger than memory can be read through. `draws` are the parameters of the draws, (draw,) each.
    """

    arms: tuple[Arm, ...]
    times: Array
    draws: Mapping[str, Array]
    read: Callable[[int], Values]

    def at(self, year: float) -> int:
        """Place of a saved time; InputError, naming it, for one that is not saved."""
        place = int(np.searchsorted(self.times, year - 1e-9))
        if place == len(self.times) or abs(self.times[place] - year) > 1e-9:
            raise InputError(f"{year:g} is not a saved time ({self.times[0]:g} to {self.times[-1]:g})")
        return place


def finite_draws(runs: Runs) -> Flags:
    """Which draws are finite throughout under every arm, (draw,)."""
    kept = np.ones(len(next(iter(runs.draws.values()))), dtype=bool)
    for place in range(len(runs.arms)):
        for one in runs.read(place).values():
            kept &= np.isfinite(one).all(axis=1)
    return kept


def where(runs: Runs, kept: Flags) -> Runs:
    """Return the same runs with some draws only."""

    def part(values: Values) -> Values:
        return {name: one[kept] for name, one in values.items()}

    return Runs(runs.arms, runs.times, part(runs.draws), lambda place: part(runs.read(place)))


def yearly_share(times: Array, sold: Array, wanted: Array) -> Array:
    """Share of the market over the last year at every saved time, (draw, time), from sales and market summed up.

    The first year has none and is not a number; so is a year without a market.
    """
    step = round(1 / (times[1] - times[0]))
    share = np.full_like(sold, np.nan)
    market = wanted[:, step:] - wanted[:, :-step]
    np.divide(sold[:, step:] - sold[:, :-step], market, out=share[:, step:], where=market > 0)
    return share


def by_name(names: Sequence[str], values: Array) -> Values:
    """Return values (draw, time, variable) as one array (draw, time) for each variable."""
    return {name: np.ascontiguousarray(values[:, :, i]) for i, name in enumerate(names)}


def in_memory(evaluator: Evaluator, arms: Sequence[Arm], draws: Mapping[str, Array]) -> Runs:
    """Return runs that are computed when they are read, and kept."""
    count = len(next(iter(draws.values())))

    @cache
    def read(place: int) -> Values:
        return by_name(evaluator.outputs, evaluator.evaluate(place, 0, count))

    return Runs(tuple(arms), np.asarray(evaluator.times), draws, read)
