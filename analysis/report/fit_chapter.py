"""What the report says of the fit of one case: tables, how the starts ended, and which response the series accept."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import chi2

from analysis.fits.tables import effect_table, estimate_table, misfits, residual_report, series_table, short_report
from analysis.plain.language import listed, term, worded
from calibration.fitting.estimates import Calibration
from calibration.fitting.targets import load_targets
from models.case import load_case


def fit_chapter(calibration: Calibration, ridge: pd.DataFrame | None) -> dict[str, object]:
    """Return what the page says of one calibrated case, and of its response to support where there is a ridge."""
    off = misfits({one.name: one.misfits for one in calibration.closed.series})
    return {
        "name": calibration.case,
        "title": load_case(calibration.case).title,
        "estimates": estimate_table(calibration),
        "series": series_table(calibration),
        "residuals": short_report(residual_report(calibration)),
        "fit_words": [*fit_words(calibration)],
        "misfits": [worded("{series}: model over observation {years}", series=term(name), years=years)
                    for name, years in off],
        "events": event_table(calibration),
        "support": None if ridge is None else {
            "effects": effect_table(calibration), "ridge": ridge, "ridge_words": ridge_words(ridge, calibration),
            "response": calibration.response,
        },
    }  # fmt: skip


def event_table(calibration: Calibration) -> pd.DataFrame:
    """One row per dated event that was fitted: when the model has it, when it was, with the stated deviation."""
    found = {name: year for fit in (*(fit for _, fit in calibration.partial), calibration.closed)
             for name, year in fit.events.items()}  # fmt: skip
    known = {one.name: one for one in load_targets(calibration.case, calibration.targets_file).events}
    return pd.DataFrame(
        [{"event": name, "model": round(year, 1), "observed": known[name].year, "sd (years)": known[name].sd}
         for name, year in found.items()]
    )  # fmt: skip


def fit_words(calibration: Calibration) -> Iterator[str]:
    """Say how the fit went: starts and other valleys, bounds, what the data could not tell."""
    closed = calibration.closed
    ends = np.array([s.objective_after for s in closed.starts])
    yield worded(
        "{starts} starts (seed {seed}); best objective {best:.1f}, worst {worst:.1f}.",
        starts=len(ends),
        seed=calibration.seed,
        best=ends.min(),
        worst=ends.max(),
    )
    for level in sorted({round(float(e), 1) for e in ends} - {round(float(ends.min()), 1)})[:2]:
        there = [s for s in closed.starts if round(s.objective_after, 1) == level]
        apart = {e.name: abs(there[0].values[e.name] - e.value) / (e.high - e.low) for e in closed.estimates}
        name = max(apart, key=lambda one: apart[one])
        yield worded(
            "{count} ended at {level:g} instead, where {name} is {other:.3g} rather than {value:.3g}; "
            "intervals cover every end within 2 of the best.",
            count=len(there), level=level, name=term(name), other=there[0].values[name], value=closed.values[name],
        )  # fmt: skip
    bounds = [
        worded("{name} ({place})", name=term(e.name), place=term(e.at_bound)) for e in closed.estimates if e.at_bound
    ]
    yield worded("Bounds hit: {bounds}.", bounds=listed(bounds) or term("none"))
    if weak := [e.name for e in closed.estimates if e.learned < 0.2]:
        yield worded(
            "The data hardly moved {names} from their priors (spread less than 20% below the one stated).",
            names=listed(map(term, weak)),
        )


def ridge_words(ridge: pd.DataFrame, calibration: Calibration) -> str:
    """Say which values of the response the series alone would accept."""
    response = calibration.response
    # within the approximate 90% of the best row (likelihood ratio)
    near = ridge.loc[ridge["objective"] <= ridge["objective"].min() + 0.5 * chi2.ppf(0.9, 1), response]
    low, high = near.min(), near.max()
    kept = worded("only {low:g}", low=low) if low == high else worded("{low:g} to {high:g}", low=low, high=high)
    return worded(
        "Of the values tried ({tried}) the series alone accept {kept} at about 90%, the residuals' size and "
        "autocorrelation allowed for; at {last:g} the objective is {rise:.0f} above its lowest.",
        tried=listed(f"{v:g}" for v in ridge[response]), kept=kept, last=ridge[response].iloc[-1],
        rise=ridge["objective"].iloc[-1] - ridge["objective"].min(),
    )  # fmt: skip
