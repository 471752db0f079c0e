"""Forecasts as fans over the years, from the past or ahead, beside the best naive ones; and their scores by origin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from analysis.plain.language import listed, marked, term, worded
from analysis.plain.style import BLACK, GREY, drawing, end_labels, legend_below, log_axis, panels, save
from analysis.plain.units import customary
from calibration.forecasting.ahead import ScoredForecast, SeriesForecast
from calibration.forecasting.forecast import CaseForecast
from calibration.forecasting.record import REFERENCE
from calibration.forecasting.scores import MODEL, best_naive, crps_of
from calibration.own.forecast import Fan
from models.case import CASES, load_case
from stockflow.arrays import Array
from stockflow.intervals import FAN, quantiles

COLUMNS = 3
NAMES = ("5%", "25%", "median", "75%", "95%")
SHOWN = (2016, 2019)  # origins drawn where they were run, else the last ones
COLOURS = ("#1b4965", "#d1495b")
BACK = 8  # observed years shown before the first origin
MARKS = {
    "last value": "v", "Moore's law": "s", "Wright's law": "D", "exponential": "^", "logistic": "P", "Gompertz": "X",
    "Bass": "*",
}  # fmt: skip
MODES = {
    "conditional": ("#1b4965", "o-", marked("drivers as they were")),
    "unconditional": ("#d1495b", "o--", marked("drivers as expected")),
}


def forecast_fans(title: str, forecasts: Sequence[CaseForecast], stem: Path) -> Path:
    """Draw observations, the model's 50% and 90% intervals and the best naive median from two origins; return the PNG.

    `forecasts` are of one case and mode; logarithmic axes, units of the series.
    """
    chosen = [one for one in forecasts if one.origin in SHOWN] or list(forecasts)[-2:]
    names = list(dict.fromkeys(series.name for one in chosen for series in one.series))
    with panels(len(names), COLUMNS, (3.5, 2.7), 0.5, title=title) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, name, [series for one in chosen if (series := one.named(name)) is not None])
        told = worded("dotted: median of the naive forecast that did best, named under each title")
        legend_below(figure, axes.flat, 5, told)
    return save(figure, fan_numbers(chosen), stem)


def fan_numbers(forecasts: Sequence[CaseForecast]) -> pd.DataFrame:
    """Return what is drawn as one tidy table: observation, quantiles of the model, best naive median, by year."""
    frames = []
    for one in forecasts:
        for series in one.series:
            best = series.best_naive
            naive = np.full(len(series.years), np.nan) if best is None else np.median(series.draws[best], axis=0)
            rows = dict(zip(NAMES, quantiles(series.draws[MODEL], FAN), strict=True))
            about = {"mode": one.mode, "origin": one.origin, "series": series.name, "unit": series.history.unit}
            told = {"year": series.years, "observed": series.observed, **rows, "best naive": best or ""}
            frames.append(pd.DataFrame({**about, **told, "best naive median": naive}))
    return pd.concat(frames, ignore_index=True)


def forecast_skill(title: str, table: pd.DataFrame, series: Sequence[str], stem: Path) -> Path:
    """Draw CRPS of the log by origin, a panel for each of `series` that was scored; lower is better."""
    series = [name for name in series if name in set(table["series"])]
    columns = 2 if len(series) in {2, 4} else 3
    told = table[table["series"].isin(series) & table["forecaster"].isin({MODEL, *MARKS})]
    with panels(len(series), columns, (10.5 / columns, 2.5), 0.9, title=title) as (figure, axes):
        for ax, name in zip(axes.flat, series, strict=False):
            _skill_panel(ax, name, told[told["series"] == name])
        legend_below(figure, axes.flat, 2)
    return save(figure, told[["mode", "series", "origin", "forecaster", "years", "CRPS"]], stem)


def _skill_panel(ax: Axes, name: str, table: pd.DataFrame) -> None:
    origins = sorted(table["origin"].unique())
    places = {origin: place for place, origin in enumerate(origins)}
    naive = table[(table["forecaster"] != MODEL) & (table["mode"] == "conditional")]
    labels = []
    for who, mark in MARKS.items():
        part = naive[naive["forecaster"] == who].sort_values("origin")
        at = part["origin"].map(places)
        ax.plot(at, part["CRPS"], marker=mark, color=GREY, markersize=3.5, alpha=0.6, linewidth=0.6)
        labels += [(term(who), value, GREY) for value in part["CRPS"].tail(1)]
    for mode, (colour, line, told) in MODES.items():
        part = table[(table["forecaster"] == MODEL) & (table["mode"] == mode)]
        ax.plot(part["origin"].map(places), part["CRPS"], line, color=colour, markersize=4, linewidth=1.4,
                label=worded("model, {drivers}", drivers=term(told)))  # fmt: skip
    ax.set_xticks(range(len(origins)), [f"{origin}" for origin in origins])
    ax.set_xlim(-0.4, len(origins) - 0.6)
    log_axis(ax)
    end_labels(ax, labels, 0.08)
    ax.set_xlabel(worded("forecast from the end of"))
    ax.set_ylabel(worded("CRPS of the logarithm (1)"))
    ax.set_title(term(name))


def yardstick_figure(rows: pd.DataFrame, stem: Path) -> Path:
    """Draw errors of forecasts, drivers as then expected, over that of the curve named in advance; under 1 is better.

    `rows` are those of `study.yardsticks`: a line for each, first of all cases together.
    """
    part = rows[(rows["mode"] == "unconditional") & (rows["over"] == REFERENCE)]
    told = [
        worded("{middle:.2f} ({low:.2f} to {high:.2f})", middle=middle, low=low, high=high)
        for middle, low, high in part[["ratio", "5%", "95%"]].to_numpy()
    ]
    title = worded(
        "Error of forecasts over that of a curve named in advance: {alone};\naveraged with it {averaged}",
        alone=told[0],
        averaged=told[1],
    )
    labels = []
    with drawing(figsize=(7.2, 0.3 * len(part) + 1.5), title=title, fontsize=9.5) as (figure, ax):
        for y, row in enumerate(part.to_dict("records")):
            alone = row["forecaster"] == MODEL
            ax.plot([row["5%"], row["95%"]], [y, y], color=BLACK, linewidth=2)
            ax.plot(row["ratio"], y, "o" if alone else "s", color=BLACK, mfc=BLACK if alone else "white", markersize=6)
            where = term(load_case(row["case"]).title) if row["case"] in CASES else worded("Together")
            labels.append(worded("{case}: model alone", case=where) if alone else worded("averaged with the curve"))
            ax.text(1.01, y, told[y], va="center", fontsize=8.5, transform=ax.get_yaxis_transform())
        ax.axvline(1, color=GREY, linestyle="--", linewidth=1)
        ax.set_yticks(range(len(part)), labels)
        ax.set_ylim(len(part) - 0.5, -0.5)
        ax.set_xlabel(
            worded(
                "CRPS of the logarithm over that of the curve (1); lines: 90% over resampled series.\n"
                "Left of the dashed line the forecast is better than the curve"
            )
        )
        ax.grid(axis="y", visible=False)
    return save(figure, part, stem)


def ahead_fans(title: str, fans: Sequence[Fan], back: CaseForecast | None, stem: Path) -> Path:
    """Draw fit and forecast of every series in the unit of the case's observations; return the PNG.

    The naive forecast is the one that did best in the hindcast, where there is one, else the first that can be made.
    """
    with panels(len(fans), len(fans), (4.6, 3.7), title=worded("{case}: fit and forecast", case=title)) as (
        figure,
        axes,
    ):
        for ax, fan in zip(axes.flat, fans, strict=True):
            _ahead_panel(ax, fan, naive_of(fan, back))
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, ahead_numbers(fans), stem)


def naive_of(fan: Fan, back: CaseForecast | None) -> str | None:
    """Return the naive forecast to draw beside the model's: the best of the hindcast, else the first."""
    scored = None if back is None else back.named(fan.name)
    crps = crps_of(scored.skills) if scored else {}
    return best_naive({who: value for who, value in crps.items() if who in fan.naive}) or next(iter(fan.naive), None)


def ahead_numbers(fans: Sequence[Fan]) -> pd.DataFrame:
    """Return what is drawn and more: observations, quantiles, the others' medians, a row per series and year."""
    frames = []
    for fan in fans:
        seen = dict(zip(fan.history.years.tolist(), fan.history.values.tolist(), strict=True))
        ahead = quantiles(fan.draws[MODEL], FAN)
        for kind, years, values in (("fit", fan.fit_years, fan.fit), ("forecast", np.array(fan.years), ahead)):
            frame = pd.DataFrame({"series": fan.name, "unit": fan.history.unit, "year": years, "kind": kind})
            frame["observed"] = [seen.get(int(year), np.nan) for year in years]
            for name, row in zip(NAMES, values, strict=True):
                frame[name] = row
            for who in (who for who in fan.draws if who != MODEL):
                frame[who] = np.median(fan.draws[who], axis=0) if kind == "forecast" else np.nan
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _ahead_panel(ax: Axes, fan: Fan, naive: str | None) -> None:
    (fit, ahead), factor = COLOURS, customary(fan.history.unit)[0]
    fitted = factor * np.asarray(fan.fit)
    wide, text = worded("fit, 90%"), worded("naive forecast, median")
    ax.fill_between(fan.fit_years, fitted[0], fitted[-1], color=fit, alpha=0.25, linewidth=0, label=wide)
    ax.plot(fan.fit_years, fitted[FAN.index(0.5)], color=fit, label=worded("fit, median"))
    _bands(ax, fan, worded("forecast"), ahead, "--")
    if naive is not None:
        median = factor * np.median(fan.draws[naive], axis=0)
        ax.plot(fan.years, median, color="#222222", linestyle=":", linewidth=1.5, label=text)
    _observed(ax, fan.history.years, factor * fan.history.values)
    name = term(fan.name.replace("_", " "))
    _axes(ax, fan.history.unit, worded("{series}\nnaive: {naive}", series=name, naive=term(naive or "none")))


def _panel(ax: Axes, name: str, forecasts: Sequence[ScoredForecast]) -> None:
    last, earliest = forecasts[-1], forecasts[0]
    factor = customary(last.history.unit)[0]
    for one, colour in zip(forecasts, COLOURS[-len(forecasts) :] if len(forecasts) < 2 else COLOURS, strict=True):
        low, middle, high = _bands(ax, one, worded("model from {origin}", origin=one.origin), colour, "-")
        if len(one.years) == 1:
            ax.errorbar(one.years, middle, [middle - low, high - middle], color=colour, fmt=".", elinewidth=1)
        if one.best_naive is not None:
            naive = factor * np.median(one.draws[one.best_naive], axis=0)
            text = worded("best naive from {origin}", origin=one.origin)
            ax.plot(one.years, naive, color=colour, linestyle=":", label=text)
    years = np.concatenate([last.history.years, last.years])
    values = factor * np.concatenate([last.history.values, last.observed])
    shown = years > earliest.origin - BACK
    _observed(ax, years[shown], values[shown])
    best = listed(
        worded("{name} ({place})", name=term(one.best_naive), place=one.origin) for one in forecasts if one.best_naive
    )
    best = best or worded("no naive forecast")
    _axes(ax, last.history.unit, f"{term(name)}\n{best}")


def _observed(ax: Axes, years: ArrayLike, values: Array) -> None:
    ax.plot(years, values, "o", color=GREY, markersize=3.2, label=worded("observed"), zorder=5)


def _bands(ax: Axes, one: SeriesForecast, text: str, colour: str, line: str) -> tuple[Array, Array, Array]:
    """Draw the model's draws as 90% and 50% bands and a median; return the median and the ends of the wide one."""
    low, first, middle, third, high = customary(one.history.unit)[0] * np.asarray(quantiles(one.draws[MODEL], FAN))
    wide, narrow = worded("{what}, 90%", what=text), worded("{what}, 50%", what=text)
    ax.fill_between(one.years, low, high, color=colour, alpha=0.18, linewidth=0, label=wide)
    ax.fill_between(one.years, first, third, color=colour, alpha=0.35, linewidth=0, label=narrow)
    ax.plot(one.years, middle, color=colour, linestyle=line, label=worded("{what}, median", what=text))
    return low, middle, high


def _axes(ax: Axes, unit: str, title: str) -> None:
    log_axis(ax)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_ylabel(worded("share (1)") if unit == "1" else customary(unit)[1])
    ax.set_title(title, fontweight="normal")
