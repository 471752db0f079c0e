"""The residual report of a calibration: points used and left out, errors, Theil shares, autocorrelation, per series."""

import pandas as pd

from calibration.fitting.estimates import Calibration
from calibration.fitting.targets import SeriesTarget, Targets, load_targets
from calibration.forecasting.residuals import residual_table
from calibration.observed.observations import observed

PLACES = 3  # decimals shown; the file has all
SHORT = {
    "unit": "unit", "points used": "used", "points skipped": "left out", "R2 of logs [1]": "R2 logs",
    "MAPE [%]": "MAPE (%)", "RMSE [series unit]": "RMSE (unit)", "RMS log error [1]": "rms log error",
    "Um of logs [1]": "Um", "Us of logs [1]": "Us", "Uc of logs [1]": "Uc", "Durbin-Watson [1]": "Durbin-Watson",
    "autocorrelation lag 1 [1]": "r1", "autocorrelation lag 2 [1]": "r2", "autocorrelation lag 3 [1]": "r3",
    "band of autocorrelation [1]": "white noise within",
}  # fmt: skip


def residual_report(calibration: Calibration) -> pd.DataFrame:
    """Return one row per series, its name first, with every figure of `residual_table`."""
    targets = load_targets(calibration.case, calibration.targets_file)
    skipped = {one.name: years_left_out(targets.named(one.name), targets) for one in calibration.closed.series}
    return residual_table(calibration.closed.series, skipped)


def years_left_out(target: SeriesTarget, targets: Targets) -> tuple[int, ...]:
    """Years in which the sources of a series hold an observation that its window leaves out."""
    found = observed(target.sources, target.unit, combine=target.combine)
    last = min(target.last_year, targets.last_year)
    return tuple(int(year) for year in found.index if not target.first_year <= year <= last)


def short_report(report: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a reader looks at first; Theil shares, R2 and autocorrelations are of logarithms."""
    return report[["series", *SHORT]].rename(columns=SHORT).round(PLACES)
