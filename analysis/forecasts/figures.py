"""Forecasts from the past as fans over the years, one panel per series, titled with the best naive forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis.plain.style import GREY, legend_below, panels, save
from calibration.forecasting.forecast import CaseForecast, SeriesForecast
from calibration.forecasting.scores import MODEL
from stockflow.intervals import FAN, quantiles

COLUMNS = 3
SHOWN = (2016, 2019)  # origins drawn where they were run, else the last ones
COLOURS = ("#1b4965", "#d1495b")
BACK = 8  # observed years shown before the first origin


def forecast_fans(title: str, forecasts: Sequence[CaseForecast], stem: Path) -> Path:
    """Draw observations, the model's 50% and 90% intervals and the best naive median from two origins; return the PNG.

    `forecasts` are of one case and mode; logarithmic axes, units of the series.
    """
    chosen = [one for one in forecasts if one.origin in SHOWN] or list(forecasts)[-2:]
    names = list(dict.fromkeys(series.name for one in chosen for series in one.series))
    with panels(len(names), COLUMNS, (3.5, 2.7), 0.5, title=title) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, name, [series for one in chosen if (series := one.named(name)) is not None])
        told = "dotted: median of the naive forecast that did best, named under each title"
        legend_below(figure, axes.flat, 5, told)
    return save(figure, fan_numbers(chosen), stem)


def fan_numbers(forecasts: Sequence[CaseForecast]) -> pd.DataFrame:
    """Return what is drawn as one tidy table: observation, quantiles of the model, best naive median, by year."""
    frames = []
    for one in forecasts:
        for series in one.series:
            low, first, middle, third, high = quantiles(series.draws[MODEL], FAN)
            best = series.best_naive
            naive = np.full(len(series.years), np.nan) if best is None else np.median(series.draws[best], axis=0)
            frames.append(
                pd.DataFrame(
                    {"mode": one.mode, "origin": one.origin, "series": series.name, "unit": series.history.unit,
                     "year": series.years, "observed": series.observed, "5%": low, "25%": first, "median": middle,
                     "75%": third, "95%": high, "best naive": best or "", "best naive median": naive}
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _panel(ax: Axes, name: str, forecasts: Sequence[SeriesForecast]) -> None:
    for one, colour in zip(forecasts, COLOURS[-len(forecasts) :] if len(forecasts) < 2 else COLOURS, strict=True):
        low, first, middle, third, high = quantiles(one.draws[MODEL], FAN)
        years = np.array(one.years)
        text = f"from {one.origin}"
        ax.fill_between(years, low, high, color=colour, alpha=0.18, linewidth=0, label=f"model {text}, 90%")
        ax.fill_between(years, first, third, color=colour, alpha=0.35, linewidth=0, label=f"model {text}, 50%")
        ax.plot(years, middle, color=colour, label=f"model {text}, median")
        if len(years) == 1:
            ax.errorbar(years, middle, [middle - low, high - middle], color=colour, fmt=".", elinewidth=1)
        if one.best_naive is not None:
            naive = np.median(one.draws[one.best_naive], axis=0)
            ax.plot(years, naive, color=colour, linestyle=":", label=f"best naive {text}")
    last, earliest = forecasts[-1], forecasts[0]
    years = np.concatenate([last.history.years, last.years])
    values = np.concatenate([last.history.values, last.observed])
    shown = years > earliest.origin - BACK
    ax.plot(years[shown], values[shown], "o", color=GREY, markersize=3.2, label="observed", zorder=5)
    _axes(ax)
    ax.set_ylabel("share (1)" if last.history.unit == "1" else last.history.unit)
    best = ", ".join(f"{one.best_naive} ({one.origin})" for one in forecasts if one.best_naive)
    ax.set_title(f"{name}\n{best or 'no naive forecast'}", fontweight="normal")


def _axes(ax: Axes) -> None:
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high / low < 30:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
