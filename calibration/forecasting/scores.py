"""How good a forecast was: scores of predictive draws against what was observed, all in natural logarithms.

Every forecaster, model or naive, is scored by the same functions. Draws are (draw, year), observations (year,).
Lower is better for CRPS, log score (negative log density), MAPE, sMAPE and U2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import quantiles

MODEL, COMBINED, POOL = "model", "model and reference", "naive pool"  # forecasters that are no single naive forecast
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class TheilShares:
    """Mean square error split into unequal means, unequal variation and what is left: sum 1, or all 0 if no error."""

    bias: float
    variance: float
    covariance: float


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """Test of equal expected loss: negative `statistic` says that the first forecaster lost less.

    `kernel` says how the long-run variance was made: the truncated sum of Diebold and Mariano, or Bartlett weights
    where that sum was not positive. With few years the power is low: a large p-value shows no equality.
    """

    statistic: float
    p_value: float
    years: int
    kernel: Literal["truncated", "Bartlett"]


@dataclass(frozen=True, slots=True)
class Skill:
    """Scores of one forecaster for one series from one origin; tuples have one entry per forecast year.

    CRPS and log score are of natural logarithms; MAPE and sMAPE of the median, as fractions; `u2` is the root mean
    square log error over that of no change since the origin, NaN where nothing changed; `coverage` is the share of
    years inside each central interval; `inside` says which years; `shares` split the mean square log error of the
    median.
    """

    series: str
    origin: int
    forecaster: str
    years: tuple[int, ...]
    crps: tuple[float, ...]
    log_score: tuple[float, ...]
    inside: Mapping[float, tuple[bool, ...]]
    mape: float
    smape: float
    u2: float
    shares: TheilShares

    @property
    def mean_crps(self) -> float:
        """Mean over the forecast years."""
        return float(np.mean(self.crps))

    @property
    def mean_log_score(self) -> float:
        """Mean over the forecast years."""
        return float(np.mean(self.log_score))

    @property
    def coverage(self) -> dict[float, float]:
        """Share of years inside the central interval of each level."""
        return {level: float(np.mean(inside)) for level, inside in self.inside.items()}


def is_naive(forecaster: str) -> bool:
    """Whether a forecaster is a single naive forecast: not the model, nor made of several."""
    return forecaster not in {MODEL, COMBINED, POOL}


def best_naive(crps: Mapping[str, float]) -> str | None:
    """Return the single naive forecast with the lowest mean CRPS, chosen in hindsight, if there is any."""
    return min((who for who in crps if is_naive(who)), key=lambda who: crps[who], default=None)


def crps_of(skills: Mapping[str, Skill]) -> dict[str, float]:
    """Return the mean CRPS of each forecaster."""
    return {who: skill.mean_crps for who, skill in skills.items()}


def crps(draws: Array, observed: Array) -> Array:
    """Continuous ranked probability score (year,) of the empirical distribution of `draws`.

    mean |x - y| - mean |x - x'| / 2, the second mean from sorted draws as sum (2i - n - 1) x_(i) / n^2
    (Gneiting and Raftery 2007, JASA 102: 359-378; Jordan, Krueger and Lerch 2019, J. Stat. Softw. 90(12)).
    """
    n = _check(draws, observed)
    weights = (2 * np.arange(1, n + 1) - n - 1)[:, None]
    spread = np.sum(weights * np.sort(draws, axis=0), axis=0) / n**2
    return np.asarray(np.mean(np.abs(draws - observed), axis=0) - spread)


def log_score(draws: Array, observed: Array) -> Array:
    """Negative log density (year,) of the observed values under a Gaussian kernel estimate from `draws`.

    Bandwidth 0.9 min(sd, IQR/1.34) n^(-1/5) (Silverman 1986, eq. 3.31), which heavy tails do not inflate. Far outside
    the draws the kernel's own tail decides, harshly: read CRPS first. Draws without spread are an `InputError`.
    """
    n = _check(draws, observed)
    quartiles = quantiles(draws, [0.25, 0.75])
    width = 0.9 * np.minimum(np.std(draws, axis=0, ddof=1), (quartiles[1] - quartiles[0]) / 1.34) * n**-0.2
    if (width <= 0).any():
        raise InputError(f"forecast year {int(np.argmax(width <= 0)) + 1}: draws do not differ, so have no density")
    logs = stats.norm.logpdf(observed, loc=draws, scale=width)
    return np.asarray(np.log(n) - logsumexp(logs, axis=0))


def inside(draws: Array, observed: Array, level: float) -> NDArray[np.bool_]:
    """Whether each observation (year,) lies in the central interval that holds `level` of the draws."""
    _check(draws, observed)
    if not 0 < level < 1:
        raise InputError(f"interval level {level:g}; must be > 0 and < 1")
    low, high = quantiles(draws, [(1 - level) / 2, (1 + level) / 2])
    return np.asarray((low <= observed) & (observed <= high))


def mape(forecast: Array, observed: Array) -> float:
    """Mean absolute error over the observed value, as a fraction; arguments in natural units (year,)."""
    return float(np.mean(np.abs(forecast - observed) / np.abs(observed)))


def smape(forecast: Array, observed: Array) -> float:
    """Mean of 2|f - y|/(|f| + |y|), between 0 and 2 (Makridakis 1993, Int. J. Forecasting 9: 527-529)."""
    return float(np.mean(2 * np.abs(forecast - observed) / (np.abs(forecast) + np.abs(observed))))


def theil_u2(forecast: Array, observed: Array, origin: float) -> float:
    """Root mean square error over that of the no-change forecast `origin` (Theil 1966): below 1 beats no change.

    NaN where no observation leaves the value at the origin: no change makes no error that another could be measured by.
    """
    no_change = float(np.sum((observed - origin) ** 2))
    if no_change <= 0:
        return float("nan")
    return float(np.sqrt(np.sum((forecast - observed) ** 2) / no_change))


def theil_shares(forecast: Array, observed: Array) -> TheilShares:
    """Shares of the mean square error: (mean f - mean y)^2, (sd f - sd y)^2 and 2(1 - r) sd f sd y over it.

    Population sd (Theil 1966; Sterman 1984, Dynamica 10: 51-66). All zero where there is no error.
    """
    error = float(np.mean((forecast - observed) ** 2))
    if error == 0:
        return TheilShares(0.0, 0.0, 0.0)
    f, y = forecast - np.mean(forecast), observed - np.mean(observed)
    product = float(np.std(f) * np.std(y))
    return TheilShares(
        float((np.mean(forecast) - np.mean(observed)) ** 2) / error,
        float((np.std(f) - np.std(y)) ** 2) / error,
        2 * (product - float(np.mean(f * y))) / error,
    )


def diebold_mariano(first: Array, second: Array, horizon: int) -> DieboldMariano:
    """Compare the losses (year,) of two forecasters `horizon` steps ahead, with the small-sample correction.

    S = mean d / sqrt(V), V = (g0 + 2 sum of autocovariances to lag h-1)/n (Diebold and Mariano 1995, JBES 13), times
    sqrt((n + 1 - 2h + h(h-1)/n)/n), against t of n - 1 degrees (Harvey, Leybourne and Newbold 1997, Int. J.
    Forecasting 13: 281-291). Losses of unequal number, fewer than horizon + 1 or never different: `InputError`.
    """
    n = len(first)
    if len(second) != n or horizon < 1 or n < max(horizon + 1, 2):
        raise InputError(
            f"Diebold-Mariano at horizon {horizon}: {n} and {len(second)} losses; "
            f"needs equally many, at least {max(horizon + 1, 2)}"
        )
    d = first - second
    deviation = d - np.mean(d)
    lags = [float(np.sum(deviation[k:] * deviation[: n - k])) / n for k in range(horizon)]
    if lags[0] <= 1e-30 * max(float(np.max(np.abs(d))), 1.0) ** 2:
        raise InputError(f"Diebold-Mariano at horizon {horizon}: all {n} loss differences equal, no variance")
    variance = lags[0] + 2 * sum(lags[1:])
    kernel: Literal["truncated", "Bartlett"] = "truncated"
    if variance <= 0:
        kernel = "Bartlett"
        variance = lags[0] + 2 * sum((1 - k / horizon) * lags[k] for k in range(1, horizon))
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = float(correction * np.mean(d) / np.sqrt(variance / n))
    return DieboldMariano(statistic, float(2 * stats.t.sf(abs(statistic), n - 1)), n, kernel)


def score(
    series: str, origin: int, forecaster: str, years: Sequence[int], draws: Array, observed: Array, at_origin: float
) -> Skill:
    """Score draws (draw, year) in natural units against observed values (year,) and the value at the origin.

    All must be positive; the median of the draws stands for the forecast where a single value is needed.
    """
    place = f"{forecaster} of {series!r} from {origin}"
    for what, values in (("draw", draws), ("observation", observed), ("value at the origin", np.array([at_origin]))):
        if not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"{place}: a {what} is not a positive number")
    if len(years) != draws.shape[-1]:
        raise InputError(f"{place}: {draws.shape[-1]} drawn years for {len(years)} years")
    logs, y, median = np.log(draws), np.log(observed), np.median(draws, axis=0)
    return Skill(
        series=series,
        origin=origin,
        forecaster=forecaster,
        years=tuple(int(year) for year in years),
        crps=tuple(float(v) for v in crps(logs, y)),
        log_score=tuple(float(v) for v in log_score(logs, y)),
        inside={level: tuple(bool(v) for v in inside(logs, y, level)) for level in LEVELS},
        mape=mape(median, observed),
        smape=smape(median, observed),
        u2=theil_u2(np.log(median), y, float(np.log(at_origin))),
        shares=theil_shares(np.log(median), y),
    )


def compare(first: Skill, second: Skill, horizon: int = 1) -> DieboldMariano:
    """Compare two forecasters' CRPS year by year; other series, origin or years are an `InputError`.

    Neither p-value says much. A large one shows no equality, as years are few. A small one shows no difference if the
    second was chosen in hindsight, or where losses of neighbouring years are correlated: `horizon` 1 counts no
    correlation, and at 0.6 a nominal 5% rejects a quarter to a third of equals over 4 to 11 years (simulated).
    """
    if (first.series, first.origin, first.years) != (second.series, second.origin, second.years):
        raise InputError(
            f"cannot compare {first.forecaster} of {first.series!r} from {first.origin} with "
            f"{second.forecaster} of {second.series!r} from {second.origin}: series, origin and years must agree"
        )
    return diebold_mariano(np.asarray(first.crps), np.asarray(second.crps), horizon)


def _check(draws: Array, observed: Array) -> int:
    if draws.ndim != 2 or observed.shape != draws.shape[1:] or len(draws) < 2:
        raise InputError(f"draws {draws.shape} and observations {observed.shape}; needs (draw, year) and (year,)")
    if not (np.isfinite(draws).all() and np.isfinite(observed).all()):
        raise InputError("draws or observations are not all finite numbers")
    return len(draws)
