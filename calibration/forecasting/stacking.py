"""Mixtures of forecasts: weights that would have scored best by the origin, and draws from the mixture.

The weights minimise the mean CRPS of the mixture over forecasts from earlier origins, in the years that had been
observed by the new one (linear pools: Hall and Mitchell 2007, Int. J. Forecasting 23; scores of mixtures: Grimit et
al. 2006, Q. J. R. Meteorol. Soc. 132).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, minimize

from calibration.forecasting.ahead import ScoredForecast
from calibration.forecasting.scores import STACK, Skill, score
from stockflow.arrays import Array
from stockflow.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A mixture: weights by forecaster, origins and number of forecast years they were chosen on, draws, scores.

    Without an earlier origin to learn from, `origins` is empty and the weights are equal.
    """

    weights: Mapping[str, float]
    origins: tuple[int, ...]
    years: int
    draws: Array
    skill: Skill


def mean_distance(first: Array, second: Array) -> float:
    """Mean |x - y| over all pairs of two samples (draw,), by sorting."""
    x, y = np.sort(first), np.sort(second)
    below = np.searchsorted(y, x)
    sums = np.concatenate([[0.0], np.cumsum(y)])
    total = np.sum(x * below - sums[below] + (sums[-1] - sums[below]) - x * (len(y) - below))
    return float(total / (len(x) * len(y)))


def crps_parts(logs: Sequence[Array], observed: float) -> tuple[Array, Array]:
    """Return a (forecaster,) and B (forecaster, forecaster) such that the CRPS of weights w is w a - w B w / 2.

    `logs` are each forecaster's draws (draw,) of one logarithm: a is the mean distance to the observation, B between
    forecasters.
    """
    count = len(logs)
    alone = np.array([float(np.mean(np.abs(one - observed))) for one in logs])
    between = np.zeros((count, count))
    for i in range(count):
        for j in range(i, count):
            between[i, j] = between[j, i] = mean_distance(logs[i], logs[j])
    return alone, between


def best_weights(alone: Array, between: Array) -> Array:
    """Return the weights (forecaster,) >= 0 with sum 1 that minimise w a - w B w / 2, which is convex on them."""
    count = len(alone)
    start = np.full(count, 1 / count)

    def loss(w: Array) -> tuple[float, Array]:
        return float(w @ alone - 0.5 * w @ between @ w), np.asarray(alone - between @ w)

    answer = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints=LinearConstraint(np.ones((1, count)), 1.0, 1.0),
        options={"maxiter": 500, "ftol": 1e-12},
    )
    if not answer.success:
        raise InputError(f"weights of a mixture of {count} forecasts were not found: {answer.message}")
    weights = np.clip(answer.x, 0.0, None)
    return np.asarray(weights / weights.sum())


def stack(now: ScoredForecast, earlier: Sequence[ScoredForecast], seed: int, doubt: float = 0.0) -> Stack:
    """Mix the forecasters of `now` with weights learnt from `earlier` forecasts of the same series.

    Only earlier origins at which all the same forecasters stood count, and of them only years up to the new origin.
    Equal weights count as `doubt` years of record: few years, hanging together, would else choose one forecaster.
    Draws are whole paths taken from each forecaster in proportion to its weight.
    """
    names = list(now.draws)
    parts, origins = [], []
    for past in earlier:
        if past.name != now.name or past.mode != now.mode:
            raise InputError(f"a stack of {now.name!r} ({now.mode}) cannot learn from {past.name!r} ({past.mode})")
        known = [k for k, year in enumerate(past.years) if year <= now.origin]
        if past.origin >= now.origin or not known or not set(names) <= set(past.draws):
            continue
        origins.append(past.origin)
        logs = {name: np.log(past.draws[name]) for name in names}
        parts += [crps_parts([logs[n][:, k] for n in names], float(np.log(past.observed[k]))) for k in known]
    weights = np.full(len(names), 1 / len(names))
    if parts:
        learnt = best_weights(np.mean([a for a, _ in parts], axis=0), np.mean([b for _, b in parts], axis=0))
        weights = (len(parts) * learnt + doubt * weights) / (len(parts) + doubt)
    rng = np.random.default_rng([seed, now.origin, zlib.crc32(now.name.encode()), len(names)])
    drawn = mixed([now.draws[name] for name in names], weights, rng)
    skill = score(now.name, now.origin, STACK, now.years, drawn, now.observed, float(now.history.values[-1]))
    return Stack(dict(zip(names, map(float, weights), strict=True)), tuple(origins), len(parts), drawn, skill)


def mixed(draws: Sequence[Array], weights: Array, rng: np.random.Generator) -> Array:
    """Return as many draws (draw, year) as each forecaster has, shared out by largest remainder."""
    total = len(draws[0])
    exact = weights * total
    share = np.floor(exact).astype(int)
    for i in np.argsort(share - exact, kind="stable")[: total - int(share.sum())]:
        share[i] += 1
    return np.concatenate([one[rng.permutation(total)[:n]] for one, n in zip(draws, share, strict=True)])
