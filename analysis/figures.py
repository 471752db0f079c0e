"""Arrays in, figure out: no arithmetic beyond scaling. Every figure leaves PNG, SVG and its numbers as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.phase_out import PAID_AND_OWED, RESPONSES, PhaseOut
from calibration.estimates import Calibration, SeriesFit, Variant
from models.case import load_case
from stockflow.errors import InputError

STYLE = Path(__file__).parent / "house.mplstyle"
FAR_END = 100.0  # ends of starts further than this above the best are told in words, not drawn
GREY = "#5f6b73"
LINES = {"historical": ("#222222", "-"), "cliff": ("#d1495b", "--"), "linear": ("#1b4965", "-."),
         "exponential": ("#66a182", ":"), "cost-triggered": ("#edae49", (0, (5, 1, 1, 1, 1, 1)))}  # fmt: skip
MARKERS = {"low": "v", "central": "o", "high": "^"}


def save(figure: Figure, numbers: pd.DataFrame, stem: Path) -> Path:
    """Write `stem`.png, .svg and .csv; return the PNG's path. InputError if they cannot be written."""
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(stem.with_suffix(".png"))
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
        numbers.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.8g")
    except OSError as error:
        raise InputError(f"{stem}.png: cannot be written: {error.strerror}") from None
    finally:
        plt.close(figure)
    return stem.with_suffix(".png")


def series_against_data(title: str, series: Sequence[SeriesFit], stem: Path) -> Path:
    """Draw every series of a calibration with its observations, on a logarithmic axis where it spans a decade."""
    columns = min(3, len(series))
    rows = -(-len(series) // columns)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(rows, columns, figsize=(3.5 * columns, 2.75 * rows), squeeze=False)
        for ax, one in zip(axes.flat, series, strict=False):
            _one_series(ax, one)
        for ax in axes.flat[len(series) :]:
            ax.set_visible(False)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return save(figure, series_numbers(series), stem)


def series_numbers(series: Sequence[SeriesFit]) -> pd.DataFrame:
    """Observed and modelled values of every series as one tidy table."""
    frames = [
        pd.DataFrame(
            {"series": s.name, "year": s.years, "observed": s.observed, "model": s.modelled, "unit": s.unit,
             "log error": s.errors, "stated sigma": s.sigma}
        )
        for s in series
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _one_series(ax: Axes, one: SeriesFit) -> None:
    ax.errorbar(
        one.years,
        one.observed,
        yerr=[
            np.asarray(one.observed) * (1 - np.exp(-np.asarray(one.sigma))),
            np.asarray(one.observed) * (np.exp(np.asarray(one.sigma)) - 1),
        ],
        fmt="o", color=GREY, markersize=3.5, elinewidth=0.8, label="observed, with stated error", zorder=3,
    )  # fmt: skip
    ax.plot(one.years, one.modelled, color="#d1495b", label="model", zorder=4)
    values = np.asarray(one.observed)
    if values.max() > 10 * values.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(log_tick))
    else:
        ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_ylabel("share (1)" if one.unit == "1" else one.unit)
    note = "" if one.use == "closed loop" else f" ({one.use})"
    ax.set_title(f"{one.name}{note}\n$R^2$ of logs {one.r2:.3f}, rms log error {one.rms:.2f}", fontweight="normal")


def log_tick(value: float, _: int = 0) -> str:
    """Return a tick of a logarithmic axis: in full within what is easily read, else with a power of ten."""
    if 1e-4 <= value < 1e5:
        return f"{value:,.0f}" if value >= 1 else f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1" else f"${mantissa}\\times{power}$"


def estimates_against_priors(calibration: Calibration, stem: Path) -> Path:
    """Draw each estimate's interval in units of its prior: what the data moved, and what they could not."""
    rows = [e for _, fit in calibration.partial for e in fit.estimates if e.name not in calibration.closed.values]
    rows += list(calibration.closed.estimates)
    table = pd.DataFrame(
        [
            {"parameter": e.name, "step": e.step, "unit": e.unit, "estimate": e.value, "low": e.low, "high": e.high,
             "learned": e.learned, "at bound": e.at_bound, **_standardised(e.prior_shape, e.prior_centre,
                                                                         e.prior_spread, e.low, e.value, e.high)}
            for e in rows
        ]
    )  # fmt: skip
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(7.4, 0.36 * len(table) + 1.2))
        y = np.arange(len(table))[::-1]
        kinds = dict.fromkeys(e.interval for e in rows)
        ax.axvspan(-1.645, 1.645, color="#e9eef2", label="prior, 90%")
        ax.hlines(y, table["z low"], table["z high"], color="#1b4965", linewidth=3, label=" and ".join(kinds))
        ax.plot(table["z"], y, "o", color="#d1495b", label="estimate")
        ax.set_yticks(y, [f"{r['parameter']} = {r['estimate']:.3g} {_unit(r['unit'])}" for _, r in table.iterrows()])
        ax.set_xlabel("distance from the prior's centre (prior standard deviations)")
        figure.legend(loc="outside lower center", ncols=3)
        ax.set_title(f"{load_case(calibration.case).title}:\nwhat the data say of each free parameter")
    return save(figure, table, stem)


def _unit(unit: str) -> str:
    return "" if unit == "Dmnl" else unit


def _standardised(shape: str, centre: float, spread: float, *values: float) -> dict[str, float]:
    """Low end, estimate and high end in prior standard deviations (of the logarithm for a lognormal prior)."""
    scale = np.log if shape == "lognormal" else np.asarray
    z = (scale(np.array(values)) - scale(np.array(centre))) / spread
    return {"z low": float(z[0]), "z": float(z[1]), "z high": float(z[2])}


def ends_of_starts(calibration: Calibration, stem: Path) -> Path:
    """Draw where every start of the optimiser ended: one valley or many."""
    table = pd.DataFrame(
        [
            {"start": s.number, "objective before": s.objective_before, "objective after": s.objective_after,
             "evaluations": s.evaluations, "stopped": s.stopped}
            for s in calibration.closed.starts
        ]
    ).sort_values("objective after")  # fmt: skip
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(5.2, 2.8))
        rank = np.arange(1, len(table) + 1)
        ax.plot(rank, table["objective after"], "o-", color="#1b4965", markersize=4)
        ax.set_xlabel("starts, best end first (number)")
        ax.set_ylabel("objective at the end\n(minus log posterior, 1)")
        least = table["objective after"].min()
        shown = table["objective after"][table["objective after"] <= least + FAR_END]
        ax.set_ylim(least - 0.5, max(shown.max(), least + 5) + 0.5)
        if left := len(table) - len(shown):
            worst = table["objective after"].max()
            ax.annotate(f"{left} off the scale, worst {worst:.0f}", (0.03, 0.9), xycoords="axes fraction")
        ax.set_title(f"{load_case(calibration.case).title}:\nhow {len(table)} starts ended")
    return save(figure, table, stem)


def ridge(case: str, response: str, variants: Sequence[Variant], effect: str, stem: Path) -> Path:
    """Draw the fit and the implied causal effect along the held policy response."""
    table = pd.DataFrame(
        {
            response: [v.response for v in variants],
            "objective": [v.objective for v in variants],
            effect or "effect": [v.effects.get(effect, np.nan) for v in variants],
        }
    )
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2 if effect else 1, figsize=(7.6 if effect else 4.4, 2.7), squeeze=False)
        axes[0, 0].plot(table[response], table["objective"], "o-")
        axes[0, 0].set_ylabel("objective of the series alone\n(minus log posterior, 1)")
        if effect:
            axes[0, 1].plot(table[response], table[effect], "o-", color="#d1495b")
            axes[0, 1].set_ylabel("share of 2015-18 sales\ncaused by subsidies (1)")
            axes[0, 1].set_ylim(0, 1)
        for ax in axes.flat:
            ax.set_xlabel(f"{response} held at (1)")
        axes[0, 0].set_title(f"{load_case(case).title}:\nwhat the series alone can tell apart")
    return save(figure, table, stem)


def phase_out_paths(answer: PhaseOut, title: str, stem: Path) -> Path:
    """Draw share and support outlay over time by schedule, one column per response, for the middle start."""
    middle = answer.study.starts[len(answer.study.starts) // 2]
    trigger = answer.study.trigger_ratios[len(answer.study.trigger_ratios) // 2]
    shown = [
        i for i, s in enumerate(answer.schedules)
        if s.shape == "historical" or s.start == middle or s.trigger_ratio == trigger
    ]  # fmt: skip
    first = np.searchsorted(answer.times, min(answer.study.starts) - 4)
    frames = []
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(2, 3, figsize=(10.5, 5.6), sharex=True, sharey="row")
        for r, response in enumerate(RESPONSES):
            for i in shown:
                plan = answer.schedules[i]
                colour, line = LINES[plan.shape]
                for row, name in enumerate(("market share", PAID_AND_OWED)):
                    values = answer.paths[name][r, i, first:]
                    scaled = values * 100 if row == 0 else values
                    axes[row, r].plot(answer.times[first:], scaled, color=colour, linestyle=line, label=plan.label)
                    frames.append(
                        pd.DataFrame(
                            {"response": response, "schedule": plan.label, "variable": name,
                             "year": answer.times[first:], "value": values}
                        )
                    )  # fmt: skip
            axes[0, r].set_title(f"{response} response")
            axes[1, r].set_xlabel("year")
        axes[0, 0].set_ylabel("share of the market (%)")
        axes[1, 0].set_ylabel("support paid so far and owed\n(billion CNY of 2020)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return save(figure, pd.concat(frames, ignore_index=True), stem)


def phase_out_costs(answer: PhaseOut, title: str, stem: Path) -> Path:
    """Draw, for every schedule and response, cumulative adoption against history and support paid."""
    table = answer.table
    labels = [s.label for s in answer.schedules]
    y = np.arange(len(labels))[::-1]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(10, 0.34 * len(labels) + 1.5), sharey=True)
        for offset, response in zip((0.22, 0.0, -0.22), RESPONSES, strict=True):
            part = table[table["response"] == response].set_index("schedule").loc[labels]
            style = {"marker": MARKERS[response], "linestyle": "", "label": f"{response} response", "markersize": 5.5}
            axes[0].plot(100 * part["units against history"], y + offset, **style)
            axes[1].plot(part["support paid and owed"], y + offset, **style)
        axes[0].axvline(0, color=GREY, linewidth=0.8)
        axes[0].set_yticks(y, labels)
        horizon = f"{answer.study.horizon:g}"
        axes[0].set_xlabel(f"cumulative sales to {horizon} against history (%)")
        axes[1].set_xlabel(f"support paid by {horizon} or owed then (billion CNY of 2020)")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return save(figure, table, stem)
