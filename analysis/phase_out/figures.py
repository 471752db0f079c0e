"""Figures of a study: shares by schedule, safe exit years, the fiscal account, regret. Arrays in, figure out.

Every figure is readable in grey: lines differ by dash, areas by hatch. `PAGE` is the width in inches of a page
(17.5 cm).
"""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from analysis.phase_out.account import ARREARS_ROW, LINES
from analysis.phase_out.answer import PhaseOutAnswer
from analysis.phase_out.by_instrument.apart import from_words, safe_year, stroke_words
from analysis.phase_out.results import Results
from analysis.phase_out.runs import main_arm, only
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.style import BLUE, drawing, legend_below, panels, save
from models.case import load_case

CM = 1 / 2.54
PAGE = 17.5 * CM
SMALL = {"font.size": 7.5, "axes.labelsize": 7.5, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
         "legend.fontsize": 7, "lines.linewidth": 1.4, "hatch.linewidth": 0.5, "savefig.bbox": "standard",
         "savefig.dpi": 200}  # fmt: skip
BANDS = ("#c9d6df", "#8fabbf")  # 90%, 50%
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
FILLS = (("#1b4965", ""), ("#edae49", "///"), ("#66a182", "..."), ("#d1495b", "\\\\\\"), ("#bbbbbb", ""))
MARKERS = {"low": "v", "central": "o", "high": "^"}
PANELS = 6
LIGHT = 0.55  # probability up to which text on a cell is dark
MOST_LINES = 4  # lines of the account drawn apart; the rest is drawn as one


def draw_all(answer: PhaseOutAnswer, stem: Path) -> list[Path]:
    """Draw every figure of an answer beside `stem`, with its numbers; returns the PNG files, safe exits first."""
    found = answer.results

    def beside(name: str) -> Path:
        return stem.with_name(f"{stem.name}_figure_{name}")

    return [
        safe_exit(found, answer.said.answers, beside("safe_exit")),
        share_fans(found, shown(found), beside("shares")),
        fiscal_stack(found, beside("account")),
        regret(found, beside("regret")),
    ]


def shown(found: Results) -> list[str]:
    """Labels of the schedules worth a panel: the first named, continued, none, an exit of each family, other named."""
    first = dict.fromkeys(found.arms[i].label for i in (main_arm(found.arms), 0, 1))
    labels = list(first)
    for one in found.safe:
        start = one.year if np.isfinite(one.year) else one.starts[len(one.starts) // 2]
        labels += [p.label for p in found.arms if p.role == "grid" and p.family == one.family and p.start == start]
    labels += [arm.label for arm in found.arms if arm.role == "named" and arm.label not in first]
    return labels[:PANELS]


def share_fans(found: Results, labels: Sequence[str], stem: Path) -> Path:
    """Draw the share over the last year with its 50% and 90% bands, one panel per schedule, two abreast."""
    held = 100 * found.shares[only(found.arms, "supported"), 2]
    size, about = (PAGE / 2, 4.2 * CM), _dress(found, "share of the market by schedule")
    with panels(len(labels), 2, size, 1.2 * CM, sharex=True, sharey=True, **about) as (figure, axes):
        for left, (ax, label) in enumerate(zip(axes.flat, labels, strict=False), 1 - len(labels)):
            own = 100 * found.shares[found.place(label)]
            ax.fill_between(found.times, own[0], own[4], color=BANDS[0], linewidth=0, label="90% of draws")
            ax.fill_between(found.times, own[1], own[3], color=BANDS[1], linewidth=0, label="50% of draws")
            ax.plot(found.times, own[2], color=BLUE, label="median")
            ax.plot(found.times, held, color="#222222", linestyle=":", label="median, continued support")
            ax.set_title(label)
            ax.set_ylim(0, 100)
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            ax.set_xlabel("year" if left > -2 else "")
            ax.tick_params(labelbottom=left > -2)
        for ax in axes[:, 0]:
            ax.set_ylabel("share over the\nlast year (%)")
        legend_below(figure, axes.flat[:1], 4)
    table = found.share_table().set_index(["schedule", "year"]).loc[list(labels)]
    return save(figure, (100 * table).assign(unit="%").reset_index(), stem)


def safe_exit(found: Results, by_instrument: pd.DataFrame, stem: Path) -> Path:
    """Draw how often an exit from each start fails: by instrument where the study answers so, else for all support."""
    everything = [
        {"ends": "all support", "exit": one.family, "safe from": one.year, "failing": one.failing.tolist()}
        for one in found.safe
    ]
    return strips(by_instrument if len(by_instrument) else pd.DataFrame(everything), found.study, stem)


def strips(answers: pd.DataFrame, study: PhaseOutStudy, stem: Path) -> Path:
    """Draw, for each set of instruments and exit, how often an exit from each start fails; leaves PNG, SVG and CSV.

    `answers` are those of `apart.answers`. A cell is a start; darker is more often below continued support.
    """
    starts = np.asarray(study.grid.starts)
    rows = answers.reset_index(drop=True)
    failing = np.array(list(rows["failing"]), dtype=float)
    names = [f"{row['ends']},\n{row['exit']}: {from_words(safe_year(row, study))}" for row in rows.to_dict("records")]
    step, limit = study.grid.step, study.exit.probability
    title = fill(f"{load_case(study.case).title}, at a stroke: {stroke_words(answers, study)}", 92)
    with drawing(figsize=(8.4, 0.52 * len(rows) + 1.5), title=title, fontsize=9.5) as (figure, ax):
        edges = np.append(starts - step / 2, starts[-1] + step / 2)
        image = ax.pcolormesh(edges, np.arange(len(rows) + 1), failing, cmap="Greys", vmin=0, vmax=1, edgecolor="white")
        for place, row in enumerate(failing):
            for start, share in zip(starts, row, strict=True):
                safe = share < limit
                ax.text(start, place + 0.5, "safe" if safe else f"{100 * share:.0f}", ha="center", va="center",
                        fontsize=6, color="#222222" if share < LIGHT else "white")  # fmt: skip
        ax.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=7.5)
        ax.set_xticks(starts, [f"{start:.0f}" for start in starts], rotation=90, fontsize=7)
        ax.invert_yaxis()
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_xlabel(
            f"start of the end (year). Numbers: draws (%) whose market share {study.exit.years_after:g} years later "
            f"is below {study.exit.share_kept:g} of that\nwith all support going on; safe: under {limit:.0%}",
            fontsize=8,
        )
        figure.colorbar(image, ax=ax, label="draws that fail (share)", shrink=0.8, pad=0.01)
    table = pd.DataFrame(
        [
            {"ends": row["ends"], "exit": row["exit"], "start": start, "share of draws that fail": share}
            for row, own in zip(rows.to_dict("records"), failing, strict=True)
            for start, share in zip(starts, own, strict=True)
        ]
    )
    return save(figure, table, stem)


def fiscal_stack(found: Results, stem: Path) -> Path:
    """Draw yearly public money by line (means over draws), the first named schedule beside continued support."""
    labels = [found.arms[main_arm(found.arms)].label]
    labels += [p.label for p in found.arms if p.role == "supported" and p.label not in labels]
    rows = found.accounts[found.accounts["schedule"].isin(labels)]
    titles = [line.title for line in LINES]
    size = rows[rows["line"].isin(titles)].groupby("line")["mean"].sum()
    drawn = sorted(titles, key=lambda t: -size[t])[:MOST_LINES]
    owing = bool(rows.loc[rows["line"] == ARREARS_ROW, "mean"].max() > 1)
    options = _dress(found, "public money by schedule")
    options |= {"figsize": (PAGE, (6.5 + 3 * owing) * CM), "height_ratios": [2, 1][: 1 + owing], "squeeze": False}
    with drawing(1 + owing, len(labels), sharex=True, sharey="row", **options) as (figure, axes):
        for ax, label in zip(axes[0], labels, strict=True):
            part = rows[rows["schedule"] == label].pivot_table(index="year", columns="line", values="mean")
            money = part[titles].fillna(0.0)
            stack = [*(money[t].to_numpy() for t in drawn), money.drop(columns=drawn).sum(axis=1).to_numpy()]
            floor = np.zeros(len(money))
            for (colour, hatch), title, flow in zip(FILLS, [*drawn, "all other lines"], stack, strict=True):
                ax.bar(money.index, flow, 1.0, bottom=floor, color=colour, hatch=hatch, edgecolor="white",
                       linewidth=0.2, label=title, align="edge")  # fmt: skip
                floor = floor + flow
            if found.study.tail:
                ax.axvline(found.study.horizon, color="#222222", linewidth=0.8, linestyle=":")
                ax.annotate("earlier contracts", (found.study.horizon, 1.02), xytext=(3, 0), textcoords="offset points",
                            xycoords=("data", "axes fraction"), fontsize=6.5)  # fmt: skip
            ax.set_title(label)
            axes[-1, labels.index(label)].set_xlabel("year")
            if owing:
                owed = part[ARREARS_ROW]
                axes[1, labels.index(label)].plot(owed.index + 1, owed, color="#222222")
        axes[0, 0].set_ylabel("public money\n(billion CNY of 2020 a year)")
        if owing:
            axes[1, 0].set_ylabel("owed, not paid\n(billion CNY\nof 2020)")
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, rows, stem)


def regret(found: Results, stem: Path) -> Path:
    """Draw mean regret and probability of being best: named schedules as rows, exits along their start."""
    table = found.regret()
    columns = len(found.safe) + 1
    about = _dress(found, "regret by schedule")
    with drawing(2, columns, figsize=(PAGE, 10.5 * CM), sharey="row", squeeze=False, **about) as (figure, axes):
        for j, one in enumerate([*found.safe, None]):
            arms = [p for p in found.arms if (p.family == one.family if one else p.role != "grid")]
            at = np.array([p.start for p in arms]) if one else np.arange(len(arms))
            for i, worth in enumerate(found.study.worth.values):
                rows = table[table["worth"] == worth].set_index("schedule").loc[[p.label for p in arms]]
                style = {"marker": MARKERS[worth], "markersize": 3.2, "color": FILLS[i][0],
                         "linestyle": DASHES[i] if one else "", "clip_on": False,
                         "label": f"{worth} worth of a unit"}  # fmt: skip
                axes[0, j].plot(at, rows["mean regret"], **style)
                axes[1, j].plot(at, 100 * rows["probability of best"], **style)
            if one is None:
                axes[1, j].set_xticks(at, [p.label for p in arms], rotation=90)
                axes[0, j].set_xticks(at, [""] * len(arms))
                axes[0, j].set_xlim(-0.6, len(arms) - 0.4)
                axes[1, j].set_xlim(-0.6, len(arms) - 0.4)
            else:
                axes[1, j].set_xlabel("start of the exit (year)")
                for ax in axes[:, j]:
                    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes[0, j].set_title("no exit, or another" if one is None else one.family)
        axes[0, 0].set_ylabel("mean regret\n(billion CNY of 2020)")
        axes[0, 0].set_yscale("symlog", linthresh=10)
        axes[0, 0].set_ylim(bottom=0)
        axes[1, 0].set_ylabel("best of all schedules\n(% of draws)")
        axes[1, 0].set_ylim(bottom=0)
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, table, stem)


def _dress(found: Results, what: str) -> dict[str, Any]:
    """Title and style of a figure, as `drawing` and `panels` take them."""
    return {"title": f"{load_case(found.study.case).title}: {what}", "fontsize": 9, "style": SMALL}
