"""Residuals over the years, one panel per series: what is left when the model has said what it can."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.plain.style import GREY, legend_below, panels, save
from calibration.fitting.estimates import SeriesFit
from calibration.forecasting.residuals import residuals

COLUMNS = 3
RANGE = 2.0  # standardised residuals beyond this are called large, as in the 95% range of a normal


def residual_panels(title: str, series: Sequence[SeriesFit], stem: Path) -> Path:
    """Draw log residuals over their stated error, year by year, with their lag-one autocorrelation; return the PNG."""
    with panels(len(series), COLUMNS, (3.5, 2.3), title=title) as (figure, axes):
        for ax, one in zip(axes.flat, series, strict=False):
            _panel(ax, one, residuals(one))
        for row in axes:
            row[0].set_ylabel("log residual\n(stated errors)")
        told = "$r_1$: lag-one autocorrelation of the log residuals, with the 95% range of white noise"
        legend_below(figure, axes.flat[:1], 3, told)
    return save(figure, residual_numbers(series), stem)


def residual_numbers(series: Sequence[SeriesFit]) -> pd.DataFrame:
    """Return what is drawn as one tidy table: log residual (modelled over observed) and that over the stated error."""
    return pd.concat(
        [
            pd.DataFrame(
                {"series": s.name, "year": s.years, "log residual": s.errors, "stated error of log": s.sigma,
                 "residual in stated errors": s.errors / np.asarray(s.sigma)}
            )
            for s in series
        ],
        ignore_index=True,
    )  # fmt: skip


def _panel(ax: Axes, one: SeriesFit, report: Mapping[str, Any]) -> None:
    values = one.errors / np.asarray(one.sigma)
    ax.axhspan(-RANGE, RANGE, color="#e9eef2", label="within two stated errors")
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.vlines(one.years, 0, values, color=GREY, linewidth=1)
    ax.plot(one.years, values, "o", color="#d1495b", markersize=3.5, label="model above (+) or below (-) observation")
    limit = 1.1 * max(RANGE * 1.25, float(np.max(np.abs(values))))
    ax.set_ylim(-limit, limit)
    ax.margins(x=0.08)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    note = "" if one.use == "closed loop" else f" ({one.use})"
    lag, band = report["autocorrelation lag 1 [1]"], report["band of autocorrelation [1]"]
    told = f"$r_1$ not told by {len(values)} points"
    if np.isfinite(lag) and band < 1:  # below, white noise gives any value
        shown = f"{lag:.2f}".replace("-", "\N{MINUS SIGN}")
        told = f"$r_1$ = {shown} (white noise $\\pm${band:.2f})"
    ax.set_title(f"{one.name}{note}\n{told}", fontweight="normal")
