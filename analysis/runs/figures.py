"""The figure of a comparison: a panel for each variable, a line for each run, observations as points."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.plain.language import listed, term, worded
from analysis.plain.lines import width
from analysis.plain.style import GREY, STROKES, legend_below, panels, save
from analysis.plain.units import customary
from analysis.runs.compare import Compared, observations
from models.case import load_case
from stockflow.errors import InputError
from stockflow.intervals import quantiles

LONGEST = 60  # columns of what the title says of the runs


def check_count(count: int) -> None:
    """Raise InputError for more runs than lines that can be told apart in grey."""
    if count > len(STROKES):
        raise InputError(f"{count} runs: at most {len(STROKES)} lines can be told apart; compare fewer at once")


def run_lines(found: Compared, numbers: pd.DataFrame, since: float, stem: Path) -> Path:
    """Draw every variable from `since` on; leaves PNG, SVG and `numbers` as CSV, and returns the PNG's path."""
    names, labels = list(found.values), list(map(term, found.labels))
    told = worded("{runs} against {first}", runs=listed(labels[1:]), first=labels[0])
    if width(told) > LONGEST:
        told = worded("{count} runs", count=len(labels))
    title = worded("{case}: {words}", case=term(load_case(found.home.name).title), words=told)
    note = worded("medians and central 90% of {basis}", basis=term(found.basis)) if found.draws > 1 else ""
    with panels(len(names), min(3, len(names)), (3.4, 2.3), 0.5, title=title, fontsize=10) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, found, name, since)
        legend_below(figure, axes.flat[: len(names)], 3, note)
    return save(figure, numbers, stem)


def _panel(ax: Axes, found: Compared, name: str, since: float) -> None:
    at, (factor, unit) = found.times >= since, customary(found.units[name])
    times, values = found.times[at], factor * found.values[name][:, :, at]
    for place, (label, run, (color, dashes, marker)) in enumerate(zip(found.labels, values, STROKES, strict=False)):
        low, middle, high = quantiles(run)
        every = max(1, len(times) // 6)
        marks = (place * every // len(found.labels), every)  # none over another's
        ax.plot(
            times,
            middle,
            color=color,
            linestyle=dashes,
            marker=marker,
            markevery=marks,
            markersize=4,
            label=term(label),
        )
        if found.draws > 1:
            ax.fill_between(times, low, high, color=color, alpha=0.12, linewidth=0)
    seen = observations(found.home, name)
    if seen is not None and (inside := (seen[1] >= since) & (seen[1] <= times[-1])).any():
        ax.plot(
            seen[1][inside], factor * seen[2][inside], "x", color=GREY, markersize=5, label=worded("observed"), zorder=4
        )
    if np.nanmin(values) >= 0:
        ax.set_ylim(bottom=0.0)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_title(term(name))
    ax.set_ylabel(worded("fraction (1)") if unit == "1" else unit)
    ax.set_xlabel(worded("year"))
