"""The figure of a schedule: the path of every instrument against history."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.phase_out.schedule_words import Shown
from analysis.plain.language import term, worded
from analysis.plain.lines import fill
from analysis.plain.style import legend_below, panels, save
from analysis.plain.units import beside_numbers
from stockflow.arrays import Array

COLUMNS = 2
TITLE = 44  # characters over a panel
HISTORY = "#b9c2c9"
MARGIN = 2.0  # years shown beside the years in which something is paid


def schedule_paths(shown: Shown, stem: Path) -> Path:
    """Draw each variable's path under the schedule over history, one panel each; leaves PNG, SVG and CSV."""
    names = list(shown.paths)
    columns = min(COLUMNS, len(names))
    span, title = _span(shown), fill(term(shown.schedule.title), TITLE * columns)
    with panels(len(names), columns, (3.6, 2.1), 0.9, title=title, fontsize=10) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, shown, name, span)
        legend_below(figure, axes.flat[:1], 2)
    return save(figure, numbers(shown), stem)


def numbers(shown: Shown) -> pd.DataFrame:
    """Every path at every time step as one tidy table."""
    return pd.concat(
        [
            pd.DataFrame({"variable": name, "unit": shown.units[name], "year": shown.at.times, "history": past,
                          "schedule": path})
            for name, (past, path) in shown.paths.items()
        ],
        ignore_index=True,
    )  # fmt: skip


def _panel(ax: Axes, shown: Shown, name: str, span: tuple[float, float]) -> None:
    past, path = shown.paths[name]
    times = shown.at.times
    ax.plot(times, past, color=HISTORY, linewidth=4.5, label=worded("history"), zorder=3)
    ax.plot(times, path, color="#a4243b", linewidth=1.5, label=worded("schedule"), zorder=4)
    ax.set_xlim(*span)
    top = _top(times, past, path, span)
    ax.set_ylim(0, top)
    if (past[(times >= span[0]) & (times <= span[1])] > top).any():
        ax.annotate(
            worded("history: {most:g}, off the scale", most=past.max()),
            (0.97, 0.9),
            xycoords="axes fraction", ha="right", fontsize=8,
        )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    unit = shown.units[name]
    ax.set_ylabel(worded("share (1)") if unit == "Dmnl" else beside_numbers(unit))
    ax.set_xlabel(worded("year"))
    ax.set_title(term(name))


def _span(shown: Shown) -> tuple[float, float]:
    """Return the years between which any path moves, with a margin: the same for all panels."""
    times = shown.at.times
    moves = np.flatnonzero(np.any([np.diff(path) != 0.0 for both in shown.paths.values() for path in both], axis=0))
    first, last = (0, len(times) - 1) if not len(moves) else (moves[0], moves[-1] + 1)
    return max(times[0], times[first] - MARGIN), min(times[-1], times[last] + MARGIN)


def _top(times: Array, past: Array, path: Array, span: tuple[float, float]) -> float:
    """A budget far above need would flatten the schedule: then the schedule alone sets the scale."""
    seen = (times >= span[0]) & (times <= span[1])
    most, own = float(max(past[seen].max(), path[seen].max())), float(path[seen][-1])
    if own > 0 and most > 50 * own:
        return 2.0 * own
    return 1.08 * most if most > 0 else 1.0
