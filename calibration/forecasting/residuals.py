"""The residual report: how a model met each series, as a system dynamics modeller knows it from a payoff report.

Errors are modelled minus observed, of values in the series' unit or of natural logarithms. Years may have gaps:
what looks at neighbouring years uses only pairs that lie exactly that far apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fitting.estimates import SeriesFit
from calibration.forecasting.scores import TheilShares, mape, theil_shares
from stockflow.arrays import Array
from stockflow.errors import InputError

LAGS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Residuals:
    """Residuals of one series; `None` stands where too few years or no variation leave a figure undefined.

    `mean_error` and `rmse` are in `unit`; `mape` and `mae_over_mean` are fractions; `mean_log_error` and
    `rms_log_error` are of logarithms. `durbin_watson` and `autocorrelations` (lags 1 to 3) are of the log errors,
    the latter about their mean, with `band` = 2/sqrt(n) as the approximate 95% limit of white noise (Barlas 1990).
    """

    name: str
    unit: str
    used: tuple[int, ...]
    skipped: tuple[int, ...]
    r2_logs: float | None
    r2_values: float | None
    mean_error: float
    mape: float
    mae_over_mean: float
    rmse: float
    mean_log_error: float
    rms_log_error: float
    shares: TheilShares
    log_shares: TheilShares
    durbin_watson: float | None
    autocorrelations: tuple[float | None, ...]
    band: float


def residuals(series: SeriesFit, skipped: Iterable[int] = ()) -> Residuals:
    """Report on one series; `skipped` are years with an observation that was left out.

    Values that are not positive, years out of order or a skipped year that was used are an `InputError`.
    """
    years = np.asarray(series.years, dtype=np.int64)
    observed = np.asarray(series.observed, dtype=np.float64)
    modelled = np.asarray(series.modelled, dtype=np.float64)
    left_out = tuple(sorted({int(year) for year in skipped}))
    _check(series.name, series.unit, years, observed, modelled, left_out)
    error, log_observed, log_modelled = modelled - observed, np.log(observed), np.log(modelled)
    log_error = log_modelled - log_observed
    return Residuals(
        name=series.name,
        unit=series.unit,
        used=tuple(int(year) for year in years),
        skipped=left_out,
        r2_logs=r_squared(log_modelled, log_observed),
        r2_values=r_squared(modelled, observed),
        mean_error=float(np.mean(error)),
        mape=mape(modelled, observed),
        mae_over_mean=float(np.mean(np.abs(error)) / np.mean(observed)),
        rmse=float(np.sqrt(np.mean(error**2))),
        mean_log_error=float(np.mean(log_error)),
        rms_log_error=float(np.sqrt(np.mean(log_error**2))),
        shares=theil_shares(modelled, observed),
        log_shares=theil_shares(log_modelled, log_observed),
        durbin_watson=durbin_watson(years, log_error),
        autocorrelations=tuple(autocorrelation(years, log_error, lag) for lag in LAGS),
        band=2 / float(np.sqrt(len(years))),
    )


def r_squared(modelled: Array, observed: Array) -> float | None:
    """1 - (sum of squared errors)/(sum of squares about the observed mean), negative for a fit worse than the mean."""
    spread = float(np.sum((observed - observed.mean()) ** 2))
    return 1 - float(np.sum((modelled - observed) ** 2)) / spread if spread > 0 else None


def durbin_watson(years: NDArray[np.int64], error: Array) -> float | None:
    """Sum of squared yearly changes of the error over its sum of squares (Durbin and Watson 1950): 2 if independent.

    Where years are missing, only changes over one year count and their sum is scaled up to the n - 1 of no gap.
    """
    power = float(np.sum(error**2))
    consecutive = np.diff(years) == 1
    if power == 0 or not consecutive.any():
        return None
    changes = np.diff(error)[consecutive]
    return float(np.sum(changes**2)) * (len(error) - 1) / len(changes) / power


def autocorrelation(years: NDArray[np.int64], error: Array, lag: int) -> float | None:
    """Sum of products of deviations `lag` years apart over the sum of their squares (Box and Jenkins 1976).

    Where years are missing, the products of the pairs there are count, scaled up to the n - lag of no gap.
    """
    deviation = error - error.mean()
    power = float(np.sum(deviation**2))
    _, here, there = np.intersect1d(years, years - lag, return_indices=True)
    if power == 0 or not len(here) or len(error) <= lag:
        return None
    return float(np.sum(deviation[here] * deviation[there])) * (len(error) - lag) / len(here) / power


def residual_reports(
    series: Iterable[SeriesFit], skipped: Mapping[str, Collection[int]] | None = None
) -> tuple[Residuals, ...]:
    """Report on several series; `skipped` gives left-out years by series name, and a name not among them is refused."""
    every, left_out = tuple(series), skipped or {}
    strange = sorted(set(left_out) - {one.name for one in every})
    if strange:
        raise InputError(f"skipped years given for {strange[0]!r}, which is no series of this report")
    return tuple(residuals(one, left_out.get(one.name, ())) for one in every)


def residual_table(reports: Iterable[Residuals]) -> pd.DataFrame:
    """Return one row per series, its name as index; columns name their unit, "series unit" being that in `unit`.

    Undefined figures are NaN. Um, Us and Uc are the shares of unequal means, unequal variation and the rest.
    """
    rows = [_row(one) for one in reports]
    return pd.DataFrame(rows).set_index("series") if rows else pd.DataFrame()


def _row(one: Residuals) -> dict[str, object]:
    nothing = float("nan")
    return {
        "series": one.name,
        "unit": one.unit,
        "first year": one.used[0],
        "last year": one.used[-1],
        "points used": len(one.used),
        "points skipped": len(one.skipped),
        "R2 of logs [1]": nothing if one.r2_logs is None else one.r2_logs,
        "R2 of values [1]": nothing if one.r2_values is None else one.r2_values,
        "MAPE [%]": 100 * one.mape,
        "MAE/mean [%]": 100 * one.mae_over_mean,
        "mean error [series unit]": one.mean_error,
        "RMSE [series unit]": one.rmse,
        "mean log error [1]": one.mean_log_error,
        "RMS log error [1]": one.rms_log_error,
        "Um [1]": one.shares.bias,
        "Us [1]": one.shares.variance,
        "Uc [1]": one.shares.covariance,
        "Um of logs [1]": one.log_shares.bias,
        "Us of logs [1]": one.log_shares.variance,
        "Uc of logs [1]": one.log_shares.covariance,
        "Durbin-Watson [1]": nothing if one.durbin_watson is None else one.durbin_watson,
        **{
            f"autocorrelation lag {lag} [1]": nothing if value is None else value
            for lag, value in zip(LAGS, one.autocorrelations, strict=True)
        },
        "band of autocorrelation [1]": one.band,
    }


def _check(
    name: str, unit: str, years: NDArray[np.int64], observed: Array, modelled: Array, skipped: tuple[int, ...]
) -> None:
    if not len(years) or not len(years) == len(observed) == len(modelled):
        raise InputError(
            f"series {name!r}: {len(years)} years, {len(observed)} observed and {len(modelled)} modelled values; "
            "needs equally many, at least one"
        )
    late = np.flatnonzero(np.diff(years) <= 0)
    if len(late):
        raise InputError(f"series {name!r}: year {years[late[0] + 1]} follows {years[late[0]]}; years must increase")
    for what, values in (("observed", observed), ("modelled", modelled)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if len(bad):
            raise InputError(
                f"series {name!r}: {what} value {values[bad[0]]:g} {unit} in {years[bad[0]]}; must be > 0"
            )  # fmt: skip
    both = sorted(set(skipped) & set(years.tolist()))
    if both:
        raise InputError(f"series {name!r}: year {both[0]} is both used and skipped")
