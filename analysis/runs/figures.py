"""The figure of a comparison: a panel for each variable, a line for each run, observations as points."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator

from analysis.plain.style import GREY, STROKES, STYLE, legend_below, panels, save
from analysis.runs.compare import Compared, observations
from models.case import load_case
from stockflow.errors import InputError
from stockflow.intervals import quantiles

SEEN, LONGEST = "observed", 60


def check_count(count: int) -> None:
    """Raise InputError for more runs than lines that can be told apart in grey."""
    if count > len(STROKES):
        raise InputError(f"{count} runs: at most {len(STROKES)} lines can be told apart; compare fewer at once")


def figure_names(labels: Sequence[str]) -> list[str]:
    """Return what runs are called in a figure: by their place where its font lacks a character of their own name."""
    with plt.style.context(STYLE):
        font = get_font(findfont(FontProperties()))
    drawn = [all(font.get_char_index(ord(one)) for one in label) for label in labels]
    return [label if whole else f"run {at}" for at, (label, whole) in enumerate(zip(labels, drawn, strict=True), 1)]


def run_lines(found: Compared, numbers: pd.DataFrame, since: float, stem: Path) -> Path:
    """Draw every variable from `since` on; leaves PNG, SVG and `numbers` as CSV, and returns the PNG's path."""
    names, labels = list(found.values), figure_names(found.labels)
    told = f"{', '.join(labels[1:])} against {labels[0]}"
    told = told if len(told) <= LONGEST else f"{len(labels)} runs"
    title = f"{load_case(found.home.name).title}: {told}"
    with panels(len(names), min(3, len(names)), (3.4, 2.3), 0.5, title=title, fontsize=10) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, found, name, labels, since)
        shown = axes.flat[: len(names)]
        legend_below(figure, shown, 3, f"medians and central 90% of {found.basis}" if found.draws > 1 else "")
    return save(figure, numbers, stem)


def _panel(ax: Axes, found: Compared, name: str, labels: Sequence[str], since: float) -> None:
    at = found.times >= since
    times, values = found.times[at], found.values[name][:, :, at]
    for place, (label, run, (color, dashes, marker)) in enumerate(zip(labels, values, STROKES, strict=False)):
        low, middle, high = quantiles(run)
        every = max(1, len(times) // 6)
        marks = (place * every // len(labels), every)  # none over another's
        ax.plot(times, middle, color=color, linestyle=dashes, marker=marker, markevery=marks, markersize=4, label=label)
        if found.draws > 1:
            ax.fill_between(times, low, high, color=color, alpha=0.12, linewidth=0)
    seen = observations(found.home, name)
    if seen is not None and (inside := (seen[1] >= since) & (seen[1] <= times[-1])).any():
        ax.plot(seen[1][inside], seen[2][inside], "x", color=GREY, markersize=5, label=SEEN, zorder=4)
    if np.nanmin(values) >= 0:
        ax.set_ylim(bottom=0.0)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_title(name)
    unit = found.units[name]
    ax.set_ylabel("fraction (1)" if unit == "1" else unit)
    ax.set_xlabel("Year")
