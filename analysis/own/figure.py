"""The figure of a user's technology: observed, fit, forecast fan, and a naive forecast, one panel per fitted series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis.plain.style import GREY, legend_below, log_tick, panels, save
from calibration.fitting.estimates import SeriesFit
from calibration.forecasting.scores import best_naive, crps_of
from calibration.own.data import shown_in
from calibration.own.forecast import Fan, Hindcast
from models.home import Home
from stockflow.intervals import FAN

FIT, AHEAD, NAIVE = "#1b4965", "#d1495b", "#222222"
NAMES = ("5%", "25%", "median", "75%", "95%")


def own_forecast_figure(title: str, fans: Sequence[Fan], back: Hindcast | None, stem: Path) -> Path:
    """Draw every series on a logarithmic axis in the user's unit; return the PNG.

    The naive forecast is the one that did best in the hindcast, where there is one, else the first that can be made.
    """
    with panels(len(fans), len(fans), (4.6, 3.7), title=f"{title}: fit and forecast") as (figure, axes):
        for ax, fan in zip(axes.flat, fans, strict=True):
            _panel(ax, fan, naive_of(fan, back))
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, fan_table(fans), stem)


def in_own_units(series: Sequence[SeriesFit], home: Home) -> tuple[SeriesFit, ...]:
    """Return fitted series with observed and modelled values in the units of the case's observations."""
    out = []
    for one in series:
        unit, factor = shown_in(home, one.name, one.unit)
        observed, modelled = (tuple(v / factor for v in values) for values in (one.observed, one.modelled))
        out.append(replace(one, unit=unit, observed=observed, modelled=modelled))
    return tuple(out)


def naive_of(fan: Fan, back: Hindcast | None) -> str | None:
    """Return the naive forecast to draw beside the model's: the best of the hindcast, else the first."""
    skills = {} if back is None else back.skills.get(fan.name, {})
    crps = {who: value for who, value in crps_of(skills).items() if who in fan.naive}
    return best_naive(crps) or next(iter(fan.naive), None)


def fan_table(fans: Sequence[Fan]) -> pd.DataFrame:
    """Return what is drawn and more: observations, quantiles, naive medians, a row per series and year."""
    frames = []
    for fan in fans:
        seen = dict(zip(fan.years.tolist(), fan.observed.tolist(), strict=True))
        for kind, years, values in (("fit", fan.fit_years, fan.fit), ("forecast", fan.ahead_years, fan.ahead)):
            frame = pd.DataFrame({"series": fan.name, "unit": fan.unit, "year": years, "kind": kind})
            frame["observed"] = [seen.get(int(year), np.nan) for year in years]
            for name, row in zip(NAMES, values, strict=True):
                frame[name] = row
            for who, median in fan.naive.items():
                frame[who] = median if kind == "forecast" else np.nan
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _panel(ax: Axes, fan: Fan, naive: str | None) -> None:
    middle = FAN.index(0.5)
    ax.fill_between(fan.fit_years, fan.fit[0], fan.fit[-1], color=FIT, alpha=0.25, linewidth=0, label="fit, 90%")
    ax.plot(fan.fit_years, fan.fit[middle], color=FIT, label="fit, median")
    years, ahead = fan.ahead_years, fan.ahead
    ax.fill_between(years, ahead[0], ahead[-1], color=AHEAD, alpha=0.16, linewidth=0, label="forecast, 90%")
    ax.fill_between(years, ahead[1], ahead[-2], color=AHEAD, alpha=0.34, linewidth=0, label="forecast, 50%")
    ax.plot(years, ahead[middle], color=AHEAD, linestyle="--", label="forecast, median")
    if naive is not None:
        ax.plot(years, fan.naive[naive], color=NAIVE, linestyle=":", linewidth=1.5, label="naive forecast, median")
    ax.plot(fan.years, fan.observed, "o", color=GREY, markersize=3.2, label="observed", zorder=5)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high / low < 30:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(log_tick))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_ylabel("share (1)" if fan.unit == "1" else fan.unit)
    ax.set_title(f"{fan.name.replace('_', ' ')}\nnaive: {naive or 'none'}", fontweight="normal")
