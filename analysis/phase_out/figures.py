"""Figures of a study: shares by schedule, safe exit years, the fiscal account, regret. Arrays in, figure out.

Every figure is readable in grey: lines differ by dash, areas by hatch. `PAGE` is the width in inches of a page
(17.5 cm).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.phase_out.account import ARREARS_ROW, LINES
from analysis.phase_out.answer import PhaseOutAnswer
from analysis.phase_out.by_instrument.apart_told import at_a_stroke, exit_words, shortly, worse_later
from analysis.phase_out.exit import doubt
from analysis.phase_out.results import Results
from analysis.phase_out.runs import main_arm, only
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.language import listed, marked, term, worded
from analysis.plain.lines import fill
from analysis.plain.style import BLUE, drawing, legend_below, panels, save
from analysis.plain.units import customary
from models.case import load_case
from stockflow.arrays import Array, Flags

CM = 1 / 2.54
PAGE = 17.5 * CM
SMALL = {"font.size": 7.5, "axes.labelsize": 7.5, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
         "legend.fontsize": 7, "lines.linewidth": 1.4, "hatch.linewidth": 0.5}  # fmt: skip
BANDS = ("#c9d6df", "#8fabbf")  # 90%, 50%
FILLS = (("#1b4965", ""), ("#edae49", "///"), ("#66a182", "..."), ("#d1495b", "\\\\\\"), ("#bbbbbb", ""))
NAMES = {"support kept": marked("early support kept")}  # beside "continued support", which is another
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
    size, about = (PAGE / 2, 4.2 * CM), _dress(found, worded("share of the market by schedule"))
    with panels(len(labels), 2, size, 1.2 * CM, sharex=True, sharey=True, **about) as (figure, axes):
        for left, (ax, label) in enumerate(zip(axes.flat, labels, strict=False), 1 - len(labels)):
            own = 100 * found.shares[found.place(label)]
            ax.fill_between(found.times, own[0], own[4], color=BANDS[0], linewidth=0, label=worded("90% of draws"))
            ax.fill_between(found.times, own[1], own[3], color=BANDS[1], linewidth=0, label=worded("50% of draws"))
            ax.plot(found.times, own[2], color=BLUE, label=worded("median"))
            ax.plot(found.times, held, color="#222222", linestyle=":", label=worded("median, continued support"))
            ax.set_title(term(NAMES.get(label, label)))
            ax.set_ylim(0, 100)
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            ax.set_xlabel(worded("year") if left > -2 else "")
            ax.tick_params(labelbottom=left > -2)
        for ax in axes[:, 0]:
            ax.set_ylabel(worded("share over the\nlast year (%)"))
        legend_below(figure, axes.flat[:1], 4)
    table = found.share_table().set_index(["schedule", "year"]).loc[list(labels)]
    return save(figure, (100 * table).assign(unit="%").reset_index(), stem)


def safe_exit(found: Results, by_instrument: pd.DataFrame, stem: Path) -> Path:
    """Draw how often an exit from each start fails: by instrument where the study answers so, else for all support."""
    everything = [
        {"ends": marked("all support"), "exit": one.family, "safe from": one.year, "failing": one.failing.tolist()}
        for one in found.safe
    ]
    return strips(by_instrument if len(by_instrument) else pd.DataFrame(everything), found.study, stem)


def strips(answers: pd.DataFrame, study: PhaseOutStudy, stem: Path) -> Path:
    """Draw, for each set of instruments and exit, how often an exit from each start fails; leaves PNG, SVG and CSV.

    `answers` are those of `apart.answers`. A cell is a start; darker is more often below continued support.
    """
    starts = np.asarray(study.grid.starts)
    rows, names = [], []
    for row in answers.to_dict("records"):
        safe, exit = shortly(row, study), exit_words(row)
        rows.append(row)
        names.append(worded("{ends},\n{exit}: {safe}", ends=term(row["ends"]), safe=safe, exit=exit))
        if (late := worse_later(row, study)) is not None:
            rows.append({**late, "exit": f"{row['exit']}, judged after its end"})
            safe, years = shortly(late, study), study.exit.years_after
            names.append(
                worded(
                    "{ends},\n{years:g} years after the last step:\n{safe}",
                    ends=term(row["ends"]), years=years, safe=safe,
                )
            )  # fmt: skip
    failing = np.array([[*row["failing"], *[np.nan] * (len(starts) - len(row["failing"]))] for row in rows])
    limit = study.exit.probability
    title = fill(at_a_stroke(answers, study), 92)
    with drawing(figsize=(9.2, 0.56 * len(rows) + 1.5), title=title, fontsize=10.5) as (figure, ax):
        image = _cells(ax, failing, [[_percent(share, limit) for share in row] for row in failing])
        error = np.array([doubt(limit, row["draws"]) for row in rows])[:, None]
        _mark(ax, failing < limit - error, (failing < limit + error) & (failing >= limit - error))
        ax.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8.5)
        ax.set_xticks(np.arange(len(starts)) + 0.5, [f"{start:.0f}" for start in starts], rotation=90, fontsize=8.5)
        ax.set_xlabel(
            worded(
                "start of the end (year). Numbers: draws (%) whose market share {years:g} years later is below "
                "{kept:g} of that with all\nsupport going on. Framed: safe. Hatched: too near to "
                "{limit:.0%} for {draws} draws to tell.",
                years=study.exit.years_after, kept=study.exit.share_kept, limit=limit, draws=rows[0]["draws"],
            ),
            fontsize=9,
        )  # fmt: skip
        figure.colorbar(image, ax=ax, label=worded("draws that fail (%)"), shrink=0.8, pad=0.01)
    cells = {"start": [starts] * len(rows), "share of draws that fail": list(failing)}
    table = pd.DataFrame(rows)[["ends", "exit"]].assign(**cells).explode(list(cells))
    return save(figure, table.astype(dict.fromkeys(cells, float)), stem)


def _cells(ax: Axes, shade: Array, words: Sequence[Sequence[str]]) -> QuadMesh:
    """Draw a table (row, column) of words on cells that go from white at 0 to black at 1."""
    image = ax.pcolormesh(100 * shade, cmap="Greys", vmin=0, vmax=100, edgecolor="white")
    for row, line in enumerate(words):
        for column, word in enumerate(line):
            colour = "#222222" if shade[row, column] < LIGHT else "white"
            ax.text(column + 0.5, row + 0.5, word, ha="center", va="center", fontsize=7, color=colour)
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return image


def _percent(share: float, limit: float) -> str:
    """Return a share in per cent for a cell, to a tenth where it is near a limit; nothing for none."""
    if not np.isfinite(share):
        return ""
    return f"{100 * share:.1f}" if abs(share - limit) <= limit / 2 else f"{100 * share:.0f}"


def _mark(ax: Axes, framed: Flags, hatched: Flags) -> None:
    """Frame cells of a table (row, column), each run of them in a row by itself, and hatch others."""
    for row, line in enumerate(framed):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(int)))
        for first, end in edges.reshape(-1, 2):
            ax.add_patch(
                Rectangle(
                    (first + 0.04, row + 0.06), end - first - 0.08, 0.88, fill=False, edgecolor=BLUE, linewidth=1.4
                )
            )
    for row, column in np.argwhere(hatched):
        ax.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="#777777", hatch="////", linewidth=0))
        ax.texts[row * hatched.shape[1] + column].set_bbox({"facecolor": "white", "linewidth": 0, "pad": 0.6})


def fiscal_stack(found: Results, stem: Path) -> Path:
    """Draw yearly public money by line (means over draws), the first named schedule beside continued support."""
    labels = [found.arms[main_arm(found.arms)].label]
    labels += [p.label for p in found.arms if p.role == "supported" and p.label not in labels]
    rows = found.accounts[found.accounts["schedule"].isin(labels)]
    titles = [line.title for line in LINES]
    size = rows[rows["line"].isin(titles)].groupby("line")["mean"].sum()
    drawn = sorted(titles, key=lambda t: -size[t])[:MOST_LINES]
    money = customary("bnCNY")[0]
    owing = bool(rows.loc[rows["line"] == ARREARS_ROW, "mean"].max() > 1)
    options = _dress(found, worded("public money by schedule"))
    options |= {"figsize": (PAGE, (6.5 + 3 * owing) * CM), "height_ratios": [2, 1][: 1 + owing], "squeeze": False}
    with drawing(1 + owing, len(labels), sharex=True, sharey="row", **options) as (figure, axes):
        for ax, label in zip(axes[0], labels, strict=True):
            part = rows[rows["schedule"] == label].pivot_table(index="year", columns="line", values="mean")
            paid = money * part[titles].fillna(0.0)
            stack = [*(paid[t].to_numpy() for t in drawn), paid.drop(columns=drawn).sum(axis=1).to_numpy()]
            floor = np.zeros(len(paid))
            for (colour, hatch), title, flow in zip(FILLS, [*drawn, marked("all other lines")], stack, strict=True):
                ax.bar(paid.index, flow, 1.0, bottom=floor, color=colour, hatch=hatch, edgecolor="white",
                       linewidth=0.2, label=term(title), align="edge")  # fmt: skip
                floor = floor + flow
            if found.study.tail:
                ax.axvline(found.study.horizon, color="#222222", linewidth=0.8, linestyle=":")
                ax.annotate(worded("earlier contracts"), (found.study.horizon, 1.02), xytext=(3, 0),
                            textcoords="offset points", xycoords=("data", "axes fraction"), fontsize=6.5)  # fmt: skip
            ax.set_title(term(label))
            axes[-1, labels.index(label)].set_xlabel(worded("year"))
            if owing:
                owed = part[ARREARS_ROW]
                axes[1, labels.index(label)].plot(owed.index + 1, money * owed, color="#222222")
        axes[0, 0].set_ylabel(worded("public money\n(billion CNY of 2020 a year)"))
        if owing:
            axes[1, 0].set_ylabel(worded("owed, not paid\n(billion CNY\nof 2020)"))
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, rows, stem)


def regret(found: Results, stem: Path) -> Path:
    """Draw mean regret and probability of being best as tables: exits by their start, then the other schedules."""
    table, worths = found.regret(), list(found.study.worth.values)
    wide = table.pivot(index="worth", columns="schedule").loc[worths]
    worst = wide["mean regret"].to_numpy().max(axis=1, keepdims=True)
    what = worded(
        "mean regret (trillion CNY of 2020), by worth of a unit,\nand below it in how many draws no schedule is better"
    )
    size = (PAGE, 3.4 * (len(found.safe) + 1) * CM)
    with drawing(len(found.safe) + 1, 1, figsize=size, squeeze=False, **_dress(found, what)) as (figure, axes):
        for ax, one in zip(axes.flat, [*found.safe, None], strict=True):
            arms = [p for p in found.arms if (p.family == one.family if one else p.role != "grid")]
            labels = [p.label for p in arms]
            mean, best = (wide[name][labels].to_numpy() for name in ("mean regret", "probability of best"))
            words = [
                [f"{round(m / 1000, 2):.2g}" + f"\n{b:.0%}" * int(b >= 0.005) for m, b in zip(*row, strict=True)]
                for row in zip(mean, best, strict=True)
            ]
            image = _cells(ax, mean / worst, words)
            ax.set_yticks(np.arange(len(worths)) + 0.5, [term(f"{worth} worth") for worth in worths])
            ticks = [f"{p.start:.0f}" if one else term(NAMES.get(p.label, p.label)).replace(" ", "\n") for p in arms]
            ax.set_xticks(np.arange(len(arms)) + 0.5, ticks)
            ax.set_title(worded("no exit, or another") if one is None else term(one.family))
        figure.colorbar(image, ax=axes, label=worded("% of the largest at that worth"), pad=0.01)
    return save(figure, table, stem)


def _dress(found: Results, what: str) -> dict[str, Any]:
    """Title and style of a figure, as `drawing` and `panels` take them."""
    alone = [term(one.name) for one in found.study.apart] if len(found.study.apart) == 1 else []
    title = worded("{case}: {exit}", case=term(load_case(found.study.case).title), exit=listed([*alone, what]))
    return {"title": title, "fontsize": 9, "style": SMALL}
