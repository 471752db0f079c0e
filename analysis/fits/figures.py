"""Arrays in, figure out: no arithmetic beyond scaling. Every figure leaves PNG, SVG and its numbers as CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from analysis.plain.language import term, translated, worded
from analysis.plain.lines import fill
from analysis.plain.style import GREY, drawing, legend_below, log_tick, panels, save
from analysis.plain.units import beside_numbers, customary
from calibration.fitting.estimates import Calibration, SeriesFit, Variant
from calibration.forecasting.residuals import residuals
from models.case import load_case

PER = {"contract price": "/dose"}  # what the unit in its target file leaves out
RANGE = 2.0  # standardised residuals beyond this are called large, as in the 95% range of a normal


def series_against_data(title: str, series: Sequence[SeriesFit], stem: Path) -> Path:
    """Draw every series of a calibration with its observations, shares aside on a log axis if it spans a decade."""
    columns = min(3, len(series))
    with panels(len(series), columns, (3.5, 2.75), title=title) as (figure, axes):
        for ax, one in zip(axes.flat, series, strict=False):
            _one_series(ax, one)
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, series_numbers(series), stem)


def series_numbers(series: Sequence[SeriesFit]) -> pd.DataFrame:
    """Observed and modelled values of every series as one tidy table."""
    return pd.concat(
        [pd.DataFrame({"series": s.name, "year": s.years, "observed": s.observed, "model": s.modelled, "unit": s.unit,
                       "log error": s.errors, "stated sigma": s.sigma}) for s in series],
        ignore_index=True,
    )  # fmt: skip


def _one_series(ax: Axes, one: SeriesFit) -> None:
    factor, unit = customary(one.unit + PER.get(one.name, ""))
    values, sigma = factor * np.asarray(one.observed), np.asarray(one.sigma)
    ax.errorbar(
        one.years, values, yerr=[values * (1 - np.exp(-sigma)), values * (np.exp(sigma) - 1)],
        fmt="o", color=GREY, markersize=3.5, elinewidth=0.8, label=worded("observed, with stated error"), zorder=3,
    )  # fmt: skip
    ax.plot(one.years, factor * np.asarray(one.modelled), color="#d1495b", label=worded("model"), zorder=4)
    if one.unit == "1":
        ax.set_ylim(0, max(1.0, 1.05 * values.max()))
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    elif values.max() > 10 * values.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(log_tick))
    else:
        ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_ylabel(worded("share (%)") if one.unit == "1" else unit)
    errors = worded("$R^2$ of logs {r2:.3f}, rms log error {rms:.2f}", r2=one.r2, rms=one.rms)
    ax.set_title(f"{fill(_name(one), 38)}\n{errors}", fontweight="normal")


def _name(one: SeriesFit) -> str:
    if one.use == "closed loop":
        return term(one.name)
    return worded("{name} ({place})", name=term(one.name), place=term(one.use))


def residual_panels(title: str, series: Sequence[SeriesFit], stem: Path) -> Path:
    """Draw log residuals over their stated error, year by year, with their lag-one autocorrelation; return the PNG."""
    with panels(len(series), 3, (3.5, 2.3), title=title) as (figure, axes):
        for ax, one in zip(axes.flat, series, strict=False):
            _residual_panel(ax, one, residuals(one))
        for row in axes:
            row[0].set_ylabel(worded("log residual\n(stated errors)"))
        told = worded("$r_1$: lag-one autocorrelation of the log residuals, with the 95% range of white noise")
        legend_below(figure, axes.flat[:1], 3, told)
    return save(figure, residual_numbers(series), stem)


def residual_numbers(series: Sequence[SeriesFit]) -> pd.DataFrame:
    """Return what is drawn as one tidy table: log residual (modelled over observed) and that over the stated error."""
    return pd.concat(
        [pd.DataFrame({"series": s.name, "year": s.years, "log residual": s.errors, "stated error of log": s.sigma,
                       "residual in stated errors": s.errors / np.asarray(s.sigma)}) for s in series],
        ignore_index=True,
    )  # fmt: skip


def _residual_panel(ax: Axes, one: SeriesFit, report: Mapping[str, Any]) -> None:
    values = one.errors / np.asarray(one.sigma)
    ax.axhspan(-RANGE, RANGE, color="#e9eef2", label=worded("within two stated errors"))
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.vlines(one.years, 0, values, color=GREY, linewidth=1)
    told = worded("model above (+) or below (-) observation")
    ax.plot(one.years, values, "o", color="#d1495b", markersize=3.5, label=told)
    limit = 1.1 * max(RANGE * 1.25, float(np.max(np.abs(values))))
    ax.set_ylim(-limit, limit)
    ax.margins(x=0.08)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    lag, band = report["autocorrelation lag 1 [1]"], report["band of autocorrelation [1]"]
    told = worded("$r_1$ not told by {count} points", count=len(values))
    if np.isfinite(lag) and band < 1:  # below, white noise gives any value
        shown = f"{lag:.2f}".replace("-", "\N{MINUS SIGN}")
        told = worded("$r_1$ = {lag} (white noise $\\pm${band:.2f})", lag=shown, band=band)
    ax.set_title(f"{_name(one)}\n{told}", fontweight="normal")


def estimates_against_priors(calibration: Calibration, stem: Path) -> Path:
    """Draw each estimate's interval in units of its prior: what the data moved, and what they could not."""
    rows = [e for _, fit in calibration.partial for e in fit.estimates if e.name not in calibration.closed.values]
    rows += list(calibration.closed.estimates)
    table = pd.DataFrame([
        {"parameter": e.name, "step": e.step, "unit": e.unit, "estimate": e.value, "low": e.low, "high": e.high,
         "learned": e.learned, "at bound": e.at_bound,
         **_standardised(e.prior_shape, e.prior_centre, e.prior_spread, e.low, e.value, e.high)}
        for e in rows
    ])  # fmt: skip
    with drawing(figsize=(7.4, 0.36 * len(table) + 1.2)) as (figure, ax):
        y = np.arange(len(table))[::-1]
        kinds = dict.fromkeys(e.interval for e in rows)
        ax.axvspan(-1.645, 1.645, color="#e9eef2", label=worded("prior, 90%"))
        told = translated(" and ").join(map(term, kinds))
        ax.hlines(y, table["z low"], table["z high"], color="#1b4965", linewidth=3, label=told)
        ax.plot(table["z"], y, "o", color="#d1495b", label=worded("estimate"))
        units = table["unit"].replace("Dmnl", "")
        shown = zip(table["parameter"], table["estimate"], units, strict=True)
        ax.set_yticks(y, [f"{term(name)} = {value:.3g} {beside_numbers(unit)}" for name, value, unit in shown])
        ax.set_xlabel(worded("distance from the prior's centre (prior standard deviations)"))
        figure.legend(loc="outside lower center", ncols=3)
        case = term(load_case(calibration.case).title)
        ax.set_title(worded("{case}:\nwhat the data say of each free parameter", case=case))
    return save(figure, table, stem)


def _standardised(shape: str, centre: float, spread: float, *values: float) -> dict[str, float]:
    """Low end, estimate and high end in prior standard deviations (of the logarithm for a lognormal prior)."""
    scale = np.log if shape == "lognormal" else np.asarray
    z = (scale(np.array(values)) - scale(np.array(centre))) / spread
    return {"z low": float(z[0]), "z": float(z[1]), "z high": float(z[2])}


def ridge(case: str, response: str, variants: Sequence[Variant], effect: str, stem: Path) -> Path:
    """Draw the fit and the implied causal effect along the held policy response."""
    found = [(one.response, one.objective, one.effects.get(effect, np.nan)) for one in variants]
    table = pd.DataFrame(found, columns=[response, "objective", effect or "effect"])
    columns, width = (2, 7.6) if effect else (1, 4.4)
    with drawing(1, columns, figsize=(width, 2.7), squeeze=False) as (figure, axes):
        axes[0, 0].plot(table[response], table["objective"], "o-")
        axes[0, 0].set_ylabel(worded("objective of the series alone\n(minus log posterior, 1)"))
        if effect:
            axes[0, 1].plot(table[response], 100 * table[effect], "o-", color="#d1495b")
            axes[0, 1].set_ylabel(worded("share of 2015-18 sales\ncaused by subsidies (%)"))
            axes[0, 1].set_ylim(0, 100)
        for ax in axes.flat:
            ax.set_xlabel(worded("{response} held at (1)", response=term(response)))
        title = term(load_case(case).title)
        axes[0, 0].set_title(worded("{case}:\nwhat the series alone can tell apart", case=title))
    return save(figure, table, stem)
