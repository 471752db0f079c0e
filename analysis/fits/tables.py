"""A calibration as tables that one can paste: estimates, errors, effects, starts, and the residual report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import pandas as pd

from analysis.plain.language import listed, marked, term, worded
from calibration.fitting.estimates import Calibration
from calibration.fitting.targets import SeriesTarget, Targets, load_targets
from calibration.forecasting.residuals import residual_table
from calibration.observed.observations import observed
from calibration.own.data import shown_in
from models.home import home_of

ESTIMATES = marked(
    "Estimates (mode) with 90% intervals; learned is the share of the prior's spread, as stated in the target file "
    "before its bounds, that is gone"
)
PLACES = 3  # decimals shown; the file has all
SHORT = {
    "unit": "unit", "points used": "used", "points skipped": "left out", "R2 of logs [1]": "R2 logs",
    "MAPE [%]": "MAPE (%)", "RMSE [series unit]": "RMSE (unit)", "RMS log error [1]": "rms log error",
    "Um of logs [1]": "Um", "Us of logs [1]": "Us", "Uc of logs [1]": "Uc", "Durbin-Watson [1]": "Durbin-Watson",
    "autocorrelation lag 1 [1]": "r1", "autocorrelation lag 2 [1]": "r2", "autocorrelation lag 3 [1]": "r3",
    "band of autocorrelation [1]": "white noise within",
}  # fmt: skip


def calibration_tables(calibration: Calibration) -> dict[str, pd.DataFrame]:
    """Return the tables that a calibration is read from, by title."""
    return {
        ESTIMATES: estimate_table(calibration),
        marked("Error of every series (natural logarithms)"): series_table(calibration),
        marked("Residual report (Theil shares, R2 and autocorrelations of logarithms)"): short_report(
            residual_report(calibration)
        ),
        marked("Causal effects and dates"): effect_table(calibration),
        marked("How the starts ended"): start_table(calibration),
    }


def in_case_units(calibration: Calibration) -> Calibration:
    """Return the calibration with its series in the units of the case's observations."""
    series = []
    for one in calibration.closed.series:
        unit, factor = shown_in(home_of(calibration.case), one.name, one.unit)
        observed, modelled = (tuple(v / factor for v in values) for values in (one.observed, one.modelled))
        series.append(replace(one, unit=unit, observed=observed, modelled=modelled))
    return replace(calibration, closed=replace(calibration.closed, series=tuple(series)))


def estimate_table(calibration: Calibration) -> pd.DataFrame:
    """One row per estimate, the closed loop last."""
    fits = [fit for _, fit in calibration.partial] + [calibration.closed]
    rows = {e.name: e for fit in fits for e in fit.estimates}
    return pd.DataFrame(
        [
            {"parameter": e.name, "estimate": e.value, "low": e.low, "high": e.high, "unit": e.unit,
             "interval": e.interval, "learned": e.learned, "at bound": e.at_bound or "no", "step": e.step}
            for e in rows.values()
        ]
    )  # fmt: skip


def series_table(calibration: Calibration) -> pd.DataFrame:
    """One row per observed series: R2 and root mean square of log errors, bias, lag-one autocorrelation."""
    return pd.DataFrame(
        [
            {"series": s.name, "unit": s.unit, "first": s.years[0], "last": s.years[-1], "points": len(s.years),
             "R2 of logs": s.r2, "rms log error": s.rms, "bias": s.bias, "lag-1": s.autocorrelation, "use": s.use}
            for s in calibration.closed.series
        ]
    )  # fmt: skip


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


def effect_table(calibration: Calibration) -> pd.DataFrame:
    """Causal effects under each response, and dated events."""
    rows = [
        {
            "what": name,
            "under": worded(
                "{size} response ({name} = {value:.2f})",
                size=term(v.name), name=term(calibration.response), value=v.response,
            ),
            "value": value,
        }
        for v in calibration.variants
        for name, value in v.effects.items()
    ]  # fmt: skip
    for step, fit in (*calibration.partial, ("closed loop", calibration.closed)):
        rows += [{"what": name, "under": step, "value": value} for name, value in fit.events.items()]
    return pd.DataFrame(rows, columns=["what", "under", "value"])


def start_table(calibration: Calibration) -> pd.DataFrame:
    """One row per start of the closed loop, best end first."""
    table = pd.DataFrame([asdict(s) for s in calibration.closed.starts]).drop(columns="values")
    return table.sort_values("objective_after").rename(columns=lambda c: c.replace("_", " "))


def misfits(series: Mapping[str, Sequence[tuple[int, float]]]) -> list[tuple[str, str]]:
    """Return each series that has years off by more than a factor of 1.5, and model over observation in them."""
    told = {
        name: listed(worded("{ratio:.2g} in {year}", ratio=ratio, year=year) for year, ratio in years)
        for name, years in series.items()
    }
    return [(name, years) for name, years in told.items() if years]
