"""The residual report: how a model met each series, as a system dynamics modeller knows it from a payoff report.

Errors are modelled minus observed, of values in the series' unit or of natural logarithms. Years may have gaps:
what looks at neighbouring years uses only pairs that lie exactly that far apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fitting.estimates import SeriesFit, r_squared
from calibration.forecasting.scores import mape, theil_shares
from calibration.observed.history import History
from stockflow.arrays import Array
from stockflow.errors import InputError

LAGS = (1, 2, 3)


def residuals(series: SeriesFit, skipped: Iterable[int] = ()) -> dict[str, Any]:
    """Report on one series, each figure under its name with its unit, "series unit" being that in `unit`.

    NaN stands where too few years or no variation leave a figure undefined. Um, Us and Uc are the shares of unequal
    means, unequal variation and the rest. Durbin-Watson and autocorrelations are of the log errors, the latter about
    their mean, with 2/sqrt(n) as the approximate 95% limit of white noise (Barlas 1990). `skipped` are years with an
    observation that was left out. Values that are not positive, years out of order or a skipped year that was used are
    an `InputError`.
    """
    years = np.asarray(series.years, dtype=np.int64)
    observed = np.asarray(series.observed, dtype=np.float64)
    modelled = np.asarray(series.modelled, dtype=np.float64)
    History(f"{series.name}, observed", years, observed, series.unit)
    History(f"{series.name}, modelled", years, modelled, series.unit)
    left_out = {int(year) for year in skipped}
    if both := sorted(left_out & set(series.years)):
        raise InputError(f"series {series.name!r}: year {both[0]} is both used and skipped")
    error, log_observed, log_modelled = modelled - observed, np.log(observed), np.log(modelled)
    shares, log_shares = theil_shares(modelled, observed), theil_shares(log_modelled, log_observed)
    return {
        "series": series.name,
        "unit": series.unit,
        "first year": int(years[0]),
        "last year": int(years[-1]),
        "points used": len(years),
        "points skipped": len(left_out),
        "R2 of logs [1]": series.r2,
        "R2 of values [1]": r_squared(error, observed),
        "MAPE [%]": 100 * mape(modelled, observed),
        "MAE/mean [%]": 100 * float(np.mean(np.abs(error)) / np.mean(observed)),
        "mean error [series unit]": float(np.mean(error)),
        "RMSE [series unit]": float(np.sqrt(np.mean(error**2))),
        "mean log error [1]": series.bias,
        "RMS log error [1]": series.rms,
        "Um [1]": shares.bias,
        "Us [1]": shares.variance,
        "Uc [1]": shares.covariance,
        "Um of logs [1]": log_shares.bias,
        "Us of logs [1]": log_shares.variance,
        "Uc of logs [1]": log_shares.covariance,
        "Durbin-Watson [1]": durbin_watson(years, log_modelled - log_observed),
        **{f"autocorrelation lag {k} [1]": autocorrelation(years, log_modelled - log_observed, k) for k in LAGS},
        "band of autocorrelation [1]": 2 / float(np.sqrt(len(years))),
    }


def durbin_watson(years: NDArray[np.int64], error: Array) -> float:
    """Sum of squared yearly changes of the error over its sum of squares (Durbin and Watson 1950): 2 if independent.

    Where years are missing, only changes over one year count and their sum is scaled up to the n - 1 of no gap.
    """
    power = float(np.sum(error**2))
    consecutive = np.diff(years) == 1
    if power == 0 or not consecutive.any():
        return float("nan")
    changes = np.diff(error)[consecutive]
    return float(np.sum(changes**2)) * (len(error) - 1) / len(changes) / power


def autocorrelation(years: NDArray[np.int64], error: Array, lag: int) -> float:
    """Sum of products of deviations `lag` years apart over the sum of their squares (Box and Jenkins 1976).

    Where years are missing, the products of the pairs there are count, scaled up to the n - lag of no gap; where that
    comes to more than 1 either way the pairs are too few to tell: not a number.
    """
    deviation = error - error.mean()
    power = float(np.sum(deviation**2))
    _, here, there = np.intersect1d(years, years - lag, return_indices=True)
    if power == 0 or not len(here) or len(error) <= lag:
        return float("nan")
    found = float(np.sum(deviation[here] * deviation[there])) * (len(error) - lag) / len(here) / power
    return found if abs(found) <= 1 else float("nan")


def residual_table(series: Iterable[SeriesFit], skipped: Mapping[str, Collection[int]] | None = None) -> pd.DataFrame:
    """Return a row of `residuals` for each series; `skipped` gives left-out years by name, which must be among them."""
    every, left_out = tuple(series), skipped or {}
    if strange := sorted(set(left_out) - {one.name for one in every}):
        raise InputError(f"skipped years given for {strange[0]!r}, which is no series of this report")
    return pd.DataFrame([residuals(one, left_out.get(one.name, ())) for one in every])
