"""Figures of sensitivity: tornado, index bands over time, boxes of failure."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.plain.language import term, worded
from analysis.plain.lines import fill
from analysis.plain.style import BLACK, GREY, RED, STROKES, legend_below, panels, save
from analysis.plain.units import beside_numbers
from analysis.unknowns.discovery import Found
from analysis.unknowns.study import SensitivityAnswer

SHOWN = 8  # unknowns in a tornado
LINES = 5  # unknowns followed over time


def tornado(table: pd.DataFrame, method: str, year: float, title: str, stem: Path) -> Path:
    """Draw the strongest unknowns of every answer in a year with intervals; hollow where an index has not converged."""
    rows = table[(table["method"] == method) & (table["year"] == year) & table["value"].notna()]
    names = list(dict.fromkeys(rows["answer"]))
    with panels(len(names), 2, (3.8, 2.6), title=title, fontsize=10) as (figure, axes):
        for ax, answer in zip(axes.flat, names, strict=False):
            part = rows[rows["answer"] == answer].head(SHOWN).iloc[::-1]
            _bars(ax, part)
            ax.set_title(term(str(answer)))
        for ax in axes[-1]:
            ax.set_xlabel(worded("{name} ({place})", name=term(method), place="1"))
    return save(figure, rows, stem)


def _bars(ax: Axes, part: pd.DataFrame) -> None:
    up = part["direction"].to_numpy() > 0
    good = part["converged"].to_numpy(dtype=bool)
    for place, row in enumerate(part.to_dict("records")):
        face = "#8fa9bd" if up[place] else "#e8b4ba"
        ax.barh(place, row["value"], height=0.62, facecolor=face if good[place] else "white", edgecolor=BLACK,
                linewidth=0.7, hatch="" if up[place] else "////")  # fmt: skip
        ends = [row["value"] - row["half_width"], row["value"] + row["half_width"]]
        ax.plot(ends, [place] * 2, color=BLACK, linewidth=1.2)
    ax.set_yticks(range(len(part)), part["unknown"].map(term), fontsize=7.5)
    ax.set_xlim(left=min(0.0, float((part["value"] - part["half_width"]).min())))
    ax.grid(axis="y", visible=False)


def index_bands(table: pd.DataFrame, method: str, title: str, stem: Path) -> Path:
    """Draw the indices of the strongest unknowns over the years with their intervals; hollow where not converged."""
    rows = table[(table["method"] == method) & table["value"].notna()]
    names = list(dict.fromkeys(rows["answer"]))
    strongest = rows.groupby("unknown")["value"].max().sort_values(ascending=False).head(LINES).index
    shared = {"sharex": True, "sharey": True}
    with panels(len(names), 2, (3.8, 2.6), title=title, fontsize=10, **shared) as (figure, axes):
        for ax, answer in zip(axes.flat, names, strict=False):
            for unknown, (colour, line, mark) in zip(strongest, STROKES, strict=True):
                part = rows[(rows["answer"] == answer) & (rows["unknown"] == unknown)].sort_values("year")
                _band(ax, part, term(str(unknown)), colour, line, mark)
            ax.set_title(term(str(answer)))
        for ax in axes[:, 0]:
            ax.set_ylabel(worded("{name} ({place})", name=term(method), place="1"))
        for ax in axes[-1]:
            ax.set_xlabel(worded("year"))
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, rows[rows["unknown"].isin(strongest)], stem)


def _band(ax: Axes, part: pd.DataFrame, name: str, colour: str, line: Any, mark: str) -> None:
    years, value, width = (part[key].to_numpy(dtype=float) for key in ("year", "value", "half_width"))
    good = part["converged"].to_numpy(dtype=bool)
    ax.fill_between(years, value - width, value + width, color=colour, alpha=0.16, linewidth=0)
    ax.plot(years, value, color=colour, linestyle=line, linewidth=1.3)
    ax.plot(years[good], value[good], mark, color=colour, markersize=4)
    ax.plot(years[~good], value[~good], mark, color=colour, mfc="white", markersize=4)
    ax.plot([], [], color=colour, linestyle=line, marker=mark, markersize=4, label=name)


def failure_boxes(answer: SensitivityAnswer, title: str, stem: Path) -> Path:
    """Draw draws that fail and those that do not over the two unknowns that bound most boxes, with the boxes."""
    failing = [one for one in answer.boxes if one.boxes]
    columns = max(len(failing), 1)
    with panels(columns, columns, (3.9, 3.5), title=fill(title, 42 * columns), fontsize=10) as (figure, axes):
        frames = [_cloud(ax, answer, one) for ax, one in zip(axes.flat, failing, strict=False)]
        if not failing:
            axes[0, 0].text(0.5, 0.5, worded("no box found"), ha="center", transform=axes[0, 0].transAxes)
            axes[0, 0].set_axis_off()
        else:
            legend_below(figure, axes.flat[:1], 3)
    return save(figure, pd.concat(frames) if frames else pd.DataFrame(), stem)


def _cloud(ax: Axes, answer: SensitivityAnswer, one: Found) -> pd.DataFrame:
    assert answer.found is not None
    failed = answer.found.failures[one.failure]
    counted: dict[str, float] = {}
    for box in one.boxes:
        for name in box.bounds:
            counted[name] = counted.get(name, 0.0) + box.coverage
    apart = {
        name: abs(float(values[failed].mean() - values[~failed].mean())) / float(values.std())
        for name, values in answer.samples.items()
        if name not in counted
    }
    x, y = [*sorted(counted, key=lambda name: -counted[name]), *sorted(apart, key=lambda name: -apart[name])][:2]
    xs, ys = answer.samples[x], answer.samples[y]
    ax.plot(xs[~failed], ys[~failed], "o", color=GREY, mfc="none", markersize=2.6, alpha=0.6, label=worded("holds"))
    ax.plot(xs[failed], ys[failed], "x", color=RED, markersize=3, alpha=0.8, label=worded("fails"))
    units = {u.name: u.unit.replace("Dmnl", "1") for u in answer.ranges}
    limits = [(float(v.min()), float(v.max())) for v in (xs, ys)]
    for place, box in enumerate(one.boxes):
        (left, right), (low, high) = (
            tuple(np.clip(box.bounds.get(name, (-np.inf, np.inf)), *ends))
            for name, ends in zip((x, y), limits, strict=True)
        )
        ax.add_patch(Rectangle((left, low), right - left, high - low, fill=False, edgecolor=BLACK, linewidth=1.4,
                               label=worded("box (other bounds not shown)") if place == 0 else None))  # fmt: skip
    ax.set_xlabel(worded("{name} ({place})", name=term(x), place=beside_numbers(units[x])))
    ax.set_ylabel(worded("{name} ({place})", name=term(y), place=beside_numbers(units[y])))
    ax.set_title(fill(term(one.failure), 47), fontsize=8)
    return pd.DataFrame({"failure": one.failure, x: xs, y: ys, "failed": failed})
