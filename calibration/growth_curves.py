"""Growth towards a ceiling as naive forecasts: logistic, Gompertz and Bass curves with bounded parameters.

Curves are fitted to logarithms by least squares inside a box. The ceiling of a young series is hardly known, so
parameters are drawn, not fixed: proposals from the Gauss-Newton covariance (with the box as a wide prior) are
reweighted by the likelihood with a flat density in the box (importance resampling, Rubin 1988). The misfit of the
curve is a first-order autoregression that starts from the last residual and dies away, so a forecast jumps off
at the last value when residuals persist and at the curve when they do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import multivariate_t

from calibration.baseline_settings import Ceiling, Curves
from calibration.history import Array, Baseline, History, Years, natural
from stockflow.errors import InputError

Measure: TypeAlias = Literal["flow", "level"]
LogCurve: TypeAlias = Callable[[Array, Array], Array]
"""Parameters (run, parameter) and years from the origin (year,) to log values (run, year)."""

EXACT = 1e-6  # sd of the log error below which a curve counts as exact
GRID = 12  # points per parameter searched for starts
STARTS = 4
PROPOSALS = 20  # per draw kept
TAIL = 4  # degrees of freedom of the proposal: heavier tails than the target


@dataclass(frozen=True, slots=True, eq=False)
class FittedCurve:
    """A curve at its best parameters inside `low` to `high` (parameter,), and what the residuals are like.

    `residuals` (year,) are observed minus fitted logarithms; `spread` is their sd for n - k degrees of freedom,
    `memory` their autocorrelation from one year to the next.
    """

    curve: LogCurve
    best: Array
    low: Array
    high: Array
    jacobian: Array
    residuals: Array
    spread: float
    memory: float
    freedom: int


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
        low = np.array([top[0], settings.rate[0], settings.midpoint[0]])
        high = np.array([top[1], settings.rate[1], settings.midpoint[1]])
        fit = fit_curve(curve, history, (history.years - history.last_year).astype(float), low, high, settings)
        return _predict(fit, history, history.horizons(years), 0.0, draws, rng)

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
        low = np.array([top[0], np.log(settings.innovation[0]), settings.imitation[0]])
        high = np.array([top[1], np.log(settings.innovation[1]), settings.imitation[1]])
        age = float(history.last_year - history.years[0] + 1)
        since = (history.years - history.last_year).astype(float) + age
        fit = fit_curve(curve, history, since, low, high, settings)
        return _predict(fit, history, history.horizons(years), age, draws, rng)

    return forecast


def _check_growth(history: History, fewest: int, name: str) -> None:
    history.require(fewest, name)
    trend = float(np.polyfit(history.years - history.years.mean(), history.logs, 1)[0])
    if trend <= 0:
        raise InputError(
            f"series {history.name!r}: log trend {trend:.3g} per year up to {history.last_year}; "
            f"{name} needs a growing series"
        )


def fit_curve(curve: LogCurve, history: History, t: Array, low: Array, high: Array, settings: Curves) -> FittedCurve:
    """Fit `curve` to the logarithms at times `t` (year,) inside the box, from the best points of a grid."""
    logs = history.logs

    def misfit(x: Array) -> Array:
        return np.asarray(curve(x[None, :], t)[0] - logs)

    axes = [np.linspace(a, b, GRID + 2)[1:-1] for a, b in zip(low, high, strict=True)]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    rank = np.argsort(np.sum((curve(grid, t) - logs) ** 2, axis=1), kind="stable")
    ends = [least_squares(misfit, start, bounds=(low, high), x_scale=high - low) for start in grid[rank[:STARTS]]]
    end = min(ends, key=lambda one: float(one.cost))
    residuals = -np.asarray(end.fun)
    freedom = len(logs) - len(low)
    spread = max(float(np.sqrt(np.sum(residuals**2) / freedom)), EXACT)
    memory = float(np.clip(_lag_one(residuals, history.gaps), 0.0, settings.memory_high))
    return FittedCurve(
        curve, np.asarray(end.x), low, high, np.asarray(end.jac), residuals, spread, memory, freedom
    )  # fmt: skip


def _lag_one(residuals: Array, gaps: Years) -> float:
    """Lag-one autocorrelation about zero, from the pairs of residuals one year apart."""
    power = float(np.sum(residuals**2))
    products = (residuals[1:] * residuals[:-1])[gaps == 1]
    return float(np.sum(products)) / power if power > 0 else 0.0


def draw_parameters(fit: FittedCurve, t: Array, logs: Array, draws: int, rng: np.random.Generator) -> Array:
    """Draw parameters (draw, parameter) from the likelihood of `logs` (year,) at `t` with a flat density in the box.

    Residual variance counts (1 + memory)/(1 - memory) times, because autocorrelated years say less than they number.
    """
    variance = fit.spread**2 * (1 + fit.memory) / (1 - fit.memory)
    precision = fit.jacobian.T @ fit.jacobian / variance + np.diag(12 / (fit.high - fit.low) ** 2)
    proposal = multivariate_t(loc=fit.best, shape=np.linalg.inv(precision), df=TAIL, seed=rng)
    points = np.asarray(proposal.rvs(PROPOSALS * draws)).reshape(-1, len(fit.best))
    points = np.vstack([fit.best, points[np.all((points >= fit.low) & (points <= fit.high), axis=1)]])
    squares = np.sum((fit.curve(points, t) - logs) ** 2, axis=1)
    weight = -squares / (2 * variance) - np.atleast_1d(proposal.logpdf(points))
    weight = np.exp(weight - weight.max())
    return np.asarray(points[rng.choice(len(points), size=draws, p=weight / weight.sum())])


def _predict(
    fit: FittedCurve, history: History, horizons: Years, age: float, draws: int, rng: np.random.Generator
) -> Array:
    """Draw values (draw, year): a drawn curve times the autoregression of its misfit from the last year on."""
    t = (history.years - history.last_year).astype(float) + age
    parameters = draw_parameters(fit, t, history.logs, draws, rng)
    spread = fit.spread * np.sqrt(fit.freedom / rng.chisquare(fit.freedom, size=draws))
    error = history.logs[-1] - fit.curve(parameters, t[-1:])[:, 0]
    path = np.empty((draws, int(horizons[-1])))
    for year in range(path.shape[1]):
        shock = spread * np.sqrt(1 - fit.memory**2) * rng.standard_normal(draws)
        error = fit.memory * error + shock
        path[:, year] = error
    return natural(fit.curve(parameters, horizons.astype(float) + age) + path[:, horizons - 1])
