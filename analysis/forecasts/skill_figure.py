"""Accepted forecast scores as a figure: the model among the naive forecasts, by series, origin and kind of drivers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from analysis.plain.style import GREY, legend_below, log_axis, panels, save
from calibration.forecasting.scores import MODEL

MARKS = {
    "last value": "v", "Moore's law": "s", "Wright's law": "D", "exponential": "^", "logistic": "P", "Gompertz": "X",
    "Bass": "*",
}  # fmt: skip
MODES = {
    "conditional": ("#1b4965", "o-", "drivers as they were"),
    "unconditional": ("#d1495b", "o--", "drivers as expected"),
}


def forecast_skill(title: str, table: pd.DataFrame, series: Sequence[str], stem: Path) -> Path:
    """Draw CRPS of the log by origin, a panel for each of `series` that was scored; lower is better."""
    series = [name for name in series if name in set(table["series"])]
    columns = 2 if len(series) in {2, 4} else 3
    told = table[table["series"].isin(series) & table["forecaster"].isin({MODEL, *MARKS})]
    with panels(len(series), columns, (10.5 / columns, 2.5), 0.9, title=title) as (figure, axes):
        for ax, name in zip(axes.flat, series, strict=False):
            _panel(ax, name, told[told["series"] == name])
        legend_below(figure, axes.flat, 5)
    return save(figure, told[["mode", "series", "origin", "forecaster", "years", "CRPS"]], stem)


def _panel(ax: Axes, name: str, table: pd.DataFrame) -> None:
    origins = sorted(table["origin"].unique())
    places = {origin: place for place, origin in enumerate(origins)}
    naive = table[(table["forecaster"] != MODEL) & (table["mode"] == "conditional")]
    for who, mark in MARKS.items():
        part = naive[naive["forecaster"] == who]
        ax.plot(part["origin"].map(places), part["CRPS"], mark, color=GREY, markersize=4.5, alpha=0.75, label=who,
                linestyle="none")  # fmt: skip
    for mode, (colour, line, told) in MODES.items():
        part = table[(table["forecaster"] == MODEL) & (table["mode"] == mode)]
        ax.plot(part["origin"].map(places), part["CRPS"], line, color=colour, markersize=4, linewidth=1.4,
                label=f"model, {told}")  # fmt: skip
    ax.set_xticks(range(len(origins)), [f"{origin}" for origin in origins])
    ax.set_xlim(-0.4, len(origins) - 0.6)
    log_axis(ax)
    ax.set_xlabel("forecast from the end of")
    ax.set_ylabel("CRPS of the logarithm (1)")
    ax.set_title(name)
