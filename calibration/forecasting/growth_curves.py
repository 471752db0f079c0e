"""Growth towards a ceiling as naive forecasts: logistic, Gompertz and Bass curves with bounded parameters.

Curves are fitted to logarithms by least squares inside a box; their misfit is a first-order autoregression that
starts from the last residual and dies away, so a forecast jumps off at the last value as far as residuals persist.
A young series hardly knows its ceiling, nor a short one its autocorrelation, so both are drawn and not fixed, from
the likelihood with everything flat inside the box: proposals from the Gauss-Newton covariance are resampled by their
weights (Rubin 1988) and then moved by differences between each other (ter Braak 2006, Stat. Comput. 16: 239-249).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares
from scipy.stats import multivariate_t

from calibration.forecasting.settings import Ceiling, Curves
from calibration.observed.history import Baseline, History, Years, natural
from stockflow.arrays import Array
from stockflow.errors import InputError

Measure: TypeAlias = Literal["flow", "level"]
LogCurve: TypeAlias = Callable[[Array, Array], Array]
"""Parameters (run, parameter) and years from the origin (year,) to log values (run, year)."""

EXACT = 1e-6  # sd of the log error below which a curve counts as exact
GRID = 12  # points per parameter searched for starts
STARTS = 4
MEMORIES = 10  # values of the autocorrelation tried
PROPOSALS = 4  # per draw kept and value of the autocorrelation
POPULATION = 400  # fewest draws moved together
MOVES = 150  # pairs of steps, one per half
TAIL = 4  # degrees of freedom of the proposal: heavier tails than the target
SHARPEST = 1e8  # largest ratio of precisions between directions of a proposal, for its shape to be invertible


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A curve to be fitted to `logs` (year,) at times `t` (year,), `gaps` (year - 1,) apart, inside a box.

    `low` and `high` (parameter,) bound the parameters, zero and `memory_high` the autocorrelation of the misfit.
    """

    curve: LogCurve
    t: Array
    logs: Array
    gaps: Years
    low: Array
    high: Array
    memory_high: float

    def white(self, parameters: Array, memory: Array) -> Array:
        """Return the misfit (run, year) of `parameters` (run, parameter), freed of its autocorrelation (run,).

        Error e after g years leaves (e(t) - memory^g e(t-g)) / sqrt(1 - memory^(2g)); the first stands as it is.
        """
        error = self.logs - self.curve(parameters, self.t)
        kept = memory[:, None] ** self.gaps
        later = (error[:, 1:] - kept * error[:, :-1]) / np.sqrt(1 - kept**2)
        return np.concatenate([error[:, :1], later], axis=1)

    def log_density(self, parameters: Array, memory: Array) -> tuple[Array, Array]:
        """Return log likelihood (run,), the misfit's sd integrated out under a density of 1/sd, and sums of squares.

        RSS^(-n/2) times the product of (1 - memory^(2g))^(-1/2) (Gelman et al. 2013, section 14.2, after whitening).
        """
        n = len(self.logs)
        squares = np.maximum(np.sum(self.white(parameters, memory) ** 2, axis=1), n * EXACT**2)
        constant = -0.5 * np.sum(np.log1p(-(memory[:, None] ** (2 * self.gaps))), axis=1)
        return np.asarray(constant - 0.5 * n * np.log(squares)), np.asarray(squares)

    def allows(self, parameters: Array, memory: Array) -> NDArray[np.bool_]:
        """Whether parameters (run, parameter) and autocorrelation (run,) lie inside the box."""
        inside = np.all((parameters >= self.low) & (parameters <= self.high), axis=1)
        return np.asarray(inside & (memory >= 0) & (memory <= self.memory_high))


def log_logistic(p: Array, t: Array) -> Array:
    """Logarithm of M / (1 + exp(-k (t - t0))) for parameters (log M, k, t0) (Verhulst 1838)."""
    return np.asarray(p[:, :1] - np.logaddexp(0.0, -p[:, 1:2] * (t - p[:, 2:3])))


def log_gompertz(p: Array, t: Array) -> Array:
    """Logarithm of M exp(-exp(-k (t - t0))) for parameters (log M, k, t0) (Gompertz 1825; Winsor 1932)."""
    return np.asarray(p[:, :1] - np.exp(np.minimum(-p[:, 1:2] * (t - p[:, 2:3]), 50.0)))


def log_bass_level(p: Array, since: Array) -> Array:
    """Logarithm of M F(s) for parameters (log M, log p, q), `since` years after the launch.

    F(s) = (1 - exp(-(p+q)s)) / (1 + (q/p) exp(-(p+q)s)) (Bass 1969, Management Science 15: 215-227).
    """
    speed, ratio = _bass_terms(p)
    return np.asarray(p[:, :1] + np.log(-np.expm1(-speed * since)) - np.logaddexp(0.0, ratio - speed * since))


def log_bass_flow(p: Array, since: Array) -> Array:
    """Logarithm of M (F(s) - F(s - 1)): adoptions of the year that ends `since` years after the launch.

    Srinivasan and Mason 1986, Marketing Science 5: 169-178; written so that it does not cancel late in life.
    """
    speed, ratio = _bass_terms(p)
    before = since - 1
    rise = -speed * before + np.log(-np.expm1(-speed)) + np.logaddexp(0.0, ratio)
    return np.asarray(
        p[:, :1] + rise - np.logaddexp(0.0, ratio - speed * before) - np.logaddexp(0.0, ratio - speed * since)
    )


def _bass_terms(p: Array) -> tuple[Array, Array]:
    innovation, imitation = np.exp(p[:, 1:2]), p[:, 2:3]
    return innovation + imitation, np.log(imitation) - p[:, 1:2]


def logistic(settings: Curves, ceiling: Ceiling) -> Baseline:
    """Logistic curve through the series itself, a flow or a level: symmetric growth to a ceiling inside bounds."""
    return _three_parameters("a logistic curve", log_logistic, settings, ceiling)


def gompertz(settings: Curves, ceiling: Ceiling) -> Baseline:
    """Gompertz curve through the series itself, a flow or a level: growth whose rate falls exponentially."""
    return _three_parameters("a Gompertz curve", log_gompertz, settings, ceiling)


def _three_parameters(name: str, curve: LogCurve, settings: Curves, ceiling: Ceiling) -> Baseline:
    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        _check_growth(history, settings.fewest, name)
        top = np.log(ceiling.within(history.name, history.unit, float(history.values.max())))
        box = [(top[0], top[1]), settings.rate, settings.midpoint]
        return _forecast(_problem(curve, history, 0.0, box, settings), history.horizons(years), draws, rng)

    return forecast


def bass(settings: Curves, ceiling: Ceiling, measure: Measure) -> Baseline:
    """Bass diffusion with bounded p, q and M, launched at the start of the first observed year.

    A "flow" is fitted as adoptions per year and M bounds their sum (a multiple of the sum observed so far, missing
    years filled in along the logarithm); it falls after the peak, since nobody buys twice. A "level" is fitted
    as adoptions so far and M bounds the level.
    """
    curve = log_bass_flow if measure == "flow" else log_bass_level

    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        _check_growth(history, settings.fewest, "a Bass curve")
        every = np.arange(history.years[0], history.last_year + 1)
        adopted = float(np.sum(np.exp(np.interp(every, history.years, history.logs))))
        largest = adopted if measure == "flow" else float(history.values.max())
        top = np.log(ceiling.within(history.name, history.unit, largest))
        innovation = np.log(settings.innovation)
        box = [(top[0], top[1]), (innovation[0], innovation[1]), settings.imitation]
        age = float(history.last_year - history.years[0] + 1)
        return _forecast(_problem(curve, history, age, box, settings), history.horizons(years), draws, rng)

    return forecast


def _check_growth(history: History, fewest: int, name: str) -> None:
    history.require(fewest, name)
    trend = float(np.polyfit(history.years - history.years.mean(), history.logs, 1)[0])
    if trend <= 0:
        raise InputError(
            f"series {history.name!r}: log trend {trend:.3g} per year up to {history.last_year}; "
            f"{name} needs a growing series"
        )


def _problem(
    curve: LogCurve, history: History, age: float, box: Sequence[tuple[float, float]], settings: Curves
) -> Problem:
    low, high = np.array(box, dtype=float).T
    t = (history.years - history.last_year).astype(float) + age
    return Problem(curve, t, history.logs, history.gaps, low, high, settings.memory_high)


def fit_curve(problem: Problem) -> list[tuple[float, Array, Array]]:
    """Return per value of the autocorrelation: it, the best parameters (parameter,) and the Jacobian (year, parameter).

    Generalised least squares on the whitened misfit: without autocorrelation from the best points of a grid over
    the box, then each value from the best of the one before.
    """
    low, high = problem.low, problem.high

    def climb(start: Array, memory: float) -> OptimizeResult:
        def misfit(x: Array) -> Array:
            return np.asarray(problem.white(x[None, :], np.array([memory]))[0])

        return least_squares(misfit, start, bounds=(low, high), x_scale=high - low)

    axes = [np.linspace(a, b, GRID + 2)[1:-1] for a, b in zip(low, high, strict=True)]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    rank = np.argsort(-problem.log_density(grid, np.zeros(len(grid)))[0], kind="stable")
    end = min((climb(start, 0.0) for start in grid[rank[:STARTS]]), key=lambda one: float(one.cost))
    ends = [(0.0, np.asarray(end.x), np.asarray(end.jac))]
    for memory in np.linspace(0.0, problem.memory_high, MEMORIES)[1:]:
        end = climb(ends[-1][1], float(memory))
        ends.append((float(memory), np.asarray(end.x), np.asarray(end.jac)))
    return ends


def draw_parameters(problem: Problem, draws: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draw parameters (draw, parameter), autocorrelation and sd of the misfit, (draw,) each, jointly inside the box.

    sd^2 is RSS over chi-square of n degrees, n the number of years.
    """
    points = _moved(problem, _resampled(problem, max(draws, POPULATION), rng), rng)[:draws]
    parameters, memory = points[:, :-1], points[:, -1]
    _, squares = problem.log_density(parameters, memory)
    spread = np.sqrt(squares / rng.chisquare(len(problem.logs), size=draws))
    return parameters, memory, np.asarray(spread)


def _resampled(problem: Problem, draws: int, rng: np.random.Generator) -> Array:
    """Return points (draw, parameter and autocorrelation) by importance from proposals around each best point.

    They are Student-t with the Gauss-Newton precision plus that of the box, 12/width^2; outside the box none counts.
    Everything is measured in widths of the box, where a direction known very sharply is proposed a little too wide.
    """
    n, k, width = len(problem.logs), len(problem.low), problem.high - problem.low
    found: list[tuple[Array, Array]] = []
    for memory, best, jacobian in fit_curve(problem):
        variance = float(problem.log_density(best[None, :], np.array([memory]))[1][0]) / (n - k)
        values, vectors = np.linalg.eigh((jacobian * width).T @ (jacobian * width) / variance + 12 * np.eye(k))
        shape = (vectors / np.minimum(values, SHARPEST * values[0])) @ vectors.T
        proposal = multivariate_t(loc=best / width, shape=(shape + shape.T) / 2, df=TAIL, seed=rng)
        points = np.asarray(proposal.rvs(PROPOSALS * draws)).reshape(-1, k) * width
        points = np.column_stack([points, np.full(len(points), memory)])
        points = points[problem.allows(points[:, :-1], points[:, -1])]
        density, _ = problem.log_density(points[:, :-1], points[:, -1])
        found.append((points, density - np.atleast_1d(proposal.logpdf(points[:, :-1] / width))))
    every, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    weight = np.exp(weight - weight.max())
    return np.asarray(every[rng.choice(len(every), size=draws, p=weight / weight.sum())])


def _moved(problem: Problem, points: Array, rng: np.random.Generator) -> Array:
    """Move `points` (draw, coordinate) by Metropolis steps along differences of two points of the other half.

    Rare heavy weights leave copies behind and the autocorrelation on its grid; the moves spread both out.
    """
    points = points.copy()
    half, width = len(points) // 2, points.shape[1]
    step = 2.38 / np.sqrt(2 * width)
    jitter = 1e-3 * np.append(problem.high - problem.low, problem.memory_high)
    density, _ = problem.log_density(points[:, :-1], points[:, -1])
    for move in range(2 * MOVES):
        own, other = (slice(half), points[half:]) if move % 2 else (slice(half, None), points[:half])
        here = points[own]
        pair = other[rng.integers(len(other), size=(2, len(here)))]
        there = here + step * (pair[0] - pair[1]) + jitter * rng.standard_normal(here.shape)
        allowed = problem.allows(there[:, :-1], there[:, -1])
        there = np.where(allowed[:, None], there, here)
        new, _ = problem.log_density(there[:, :-1], there[:, -1])
        taken = allowed & (np.log(rng.random(len(here))) < new - density[own])
        points[own] = np.where(taken[:, None], there, here)
        density[own] = np.where(taken, new, density[own])
    return points


def _forecast(problem: Problem, horizons: Years, draws: int, rng: np.random.Generator) -> Array:
    """Draw values (draw, year): a drawn curve times the autoregression of its misfit from the last year on."""
    parameters, memory, spread = draw_parameters(problem, draws, rng)
    last = problem.t[-1:]
    error = problem.logs[-1] - problem.curve(parameters, last)[:, 0]
    shock = spread * np.sqrt(1 - memory**2)
    path = np.empty((draws, int(horizons[-1])))
    for year in range(path.shape[1]):
        error = memory * error + shock * rng.standard_normal(draws)
        path[:, year] = error
    return natural(problem.curve(parameters, last + horizons) + path[:, horizons - 1])
