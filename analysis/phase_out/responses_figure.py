"""Figures of a study of schedules under three responses of buyers."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from analysis.phase_out.responses import PAID_AND_OWED, RESPONSES, PhaseOut
from analysis.plain.style import GREY, LINES, MARKERS, STYLE, save


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
