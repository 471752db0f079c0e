"""Profiles: everything else refitted while one parameter is held, so that the data speak without its prior.

Half the likelihood-ratio statistic of one parameter is the rise of the objective over its lowest; 1.92 is the 95%
point (Raue et al. 2009). The objective leaves out the held parameter's own prior and keeps the other priors.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from calibration.fitting.coordinates import Coordinate
from calibration.fitting.fit import climb, coordinates_of, descent, one_thread
from calibration.fitting.payoff import Payoff
from calibration.fitting.posterior import Tick
from stockflow.arrays import Array

STEPS = 200  # optimiser steps of one refit
SAME = 1e-9  # a flat step: nothing to extrapolate from


@dataclass(frozen=True, slots=True)
class Profile:
    """One parameter held at `values` (point,): objective without its own prior (point,), refitted coordinates.

    `bounds` are those of the parameter; values are in its own unit.
    """

    name: str
    values: Array
    objective: Array
    points: Array
    bounds: tuple[float, float]

    @property
    def rise(self) -> Array:
        """Objective above the lowest of the profile, (point,)."""
        return np.asarray(self.objective - self.objective.min())

    def accepted(self, drop: float) -> tuple[float | None, float | None]:
        """Ends of the values whose objective rises by less than `drop`, between points; None where it never does."""
        low, high = (self._end(step, drop) for step in (-1, 1))
        return low, high

    def closed(self, drop: float) -> bool:
        """Whether the data alone bound the parameter on both sides."""
        return None not in self.accepted(drop)

    def _end(self, step: int, drop: float) -> float | None:
        here, rise = int(np.argmin(self.objective)), self.rise
        while 0 <= here + step < len(self.values):
            there = here + step
            if rise[there] >= drop:
                share = (drop - rise[here]) / (rise[there] - rise[here])
                return float(self.values[here] + share * (self.values[there] - self.values[here]))
            here = there
        return None


def mode_near(payoff: Payoff, values: Mapping[str, float]) -> Array:
    """Climb to the mode (size,) from natural values by name; what is not named begins at its prior's centre."""
    return climb(payoff, coordinates_of(payoff, values)[None])[0]


def refit(payoff: Payoff, start: Array, held: int, scale: Array) -> tuple[Array, float]:
    """Maximise over all coordinates but `held` from `start` (size,); return coordinates and objective, all priors in.

    `scale` (size,) is how far each coordinate is expected to matter: the posterior standard deviation.
    """
    low, high = payoff.space.bounds
    point = np.clip(start, low, high)
    low[held] = high[held] = point[held]
    answer = descent(payoff, point, scale, (low, high), STEPS, ftol=1e-7, gtol=1e-3)
    return np.clip(answer.x * scale, low, high), float(answer.fun)


def profiled(
    payoff: Payoff,
    name: str,
    values: Sequence[float],
    best: Array,
    covariance: Array,
    enough: float = np.inf,
    tick: Tick | None = None,
) -> Profile:
    """Refit at each of `values`, increasing, going outward from `best` (size,), no further than a rise of `enough`.

    The first refit to each side starts where the curvature `covariance` (size, size) expects it, the others where the
    last two point.
    """
    place = payoff.space.names.index(name)
    one = payoff.coordinates[place]
    least = float(one.outward(np.asarray(one.bounds[0])))
    held = np.array([float(one.inward(np.asarray(max(value, least)))) for value in values])
    scale = np.sqrt(np.diag(covariance))
    slope = covariance[:, place] / covariance[place, place]
    found: dict[int, tuple[Array, float]] = {}
    lowest = np.inf
    for order in (np.flatnonzero(held >= best[place]), np.flatnonzero(held < best[place])[::-1]):
        last, direction = best, slope
        for i in order:
            step = held[i] - last[place]
            start = last + direction * step
            start[place] = held[i]
            point, whole = refit(payoff, start, place, scale)
            found[int(i)] = point, whole - one.own_prior(held[i])
            direction = (point - last) / step if abs(step) > SAME else slope
            last, lowest = point, min(lowest, found[int(i)][1])
            if tick:
                tick()
            if found[int(i)][1] > lowest + enough:
                break
    kept = sorted(found)
    natural = np.array([float(one.outward(np.asarray(held[i]))) for i in kept])
    return Profile(
        name, natural, np.array([found[i][1] for i in kept]), np.array([found[i][0] for i in kept]), (one.low, one.high)
    )


def grid(one: Coordinate, centre: float, spread: float, points: int, wide: float = 2.33) -> Array:
    """Values (point,) over the wider of prior and posterior 98% range within the bounds, about `points` of them.

    `centre` and `spread` are the posterior's, as coordinates; values lie at the centre, one and two spreads from it
    (three points: one spread), and evenly from there to the ends.
    """
    low, high = one.bounds
    first = max(low, min(one.centre - wide * one.prior.spread, centre - wide * spread))
    last = min(high, max(one.centre + wide * one.prior.spread, centre + wide * spread))
    reach = min(2, (points - 1) // 2)
    near = centre + spread * np.arange(-reach, reach + 1.0)
    rest = (points - len(near)) // 2
    outer = [np.linspace(near[0], first, rest + 1)[1:], np.linspace(near[-1], last, rest + 1)[1:]]
    inside = np.concatenate([outer[0], near, outer[1]])
    return np.unique(one.outward(np.unique(np.clip(inside, first, last))))


def all_profiles(
    payoff: Payoff,
    best: Array,
    covariance: Array,
    grids: Sequence[tuple[str, Array]],
    enough: float,
    workers: int,
    tick: Tick | None = None,
) -> tuple[Profile, ...]:
    """Profile several parameters, each over its values, on `workers` threads; the numbers do not depend on them."""
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        return tuple(pool.map(lambda g: profiled(payoff, g[0], list(g[1]), best, covariance, enough, tick), grids))


def with_free(payoff: Payoff, extra: Coordinate, best: Array, value: float) -> tuple[Payoff, Array]:
    """Return the payoff with one more free parameter, last among them, and `best` (size,) with its value put in."""
    free = (*payoff.coordinates, extra)
    wider = Payoff(payoff.model, free, payoff.series, payoff.events, payoff.effects, payoff.ranges, payoff.space.errors)
    return wider, np.insert(best, len(payoff.coordinates), float(extra.inward(np.asarray(value))))
