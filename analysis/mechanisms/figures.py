"""Figures of loops, barriers and instruments: arrays in, figure out; every one leaves PNG, SVG and its numbers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.mechanisms.instrument_study import BARRIERS
from analysis.mechanisms.loop_study import Look
from analysis.mechanisms.loops import Dominance, dominance_table
from analysis.mechanisms.takeover import TakenOver
from analysis.plain.language import listed, marked, term, worded
from analysis.plain.style import BLACK, GREY, drawing, legend_below, save
from models.case import load_case
from stockflow.arrays import Array
from stockflow.intervals import quantiles

SUPPORT, LEARNED = "#d1495b", "#1b4965"
NAMED = 8  # loops drawn apart; the others go together
REST = "#d9dde0"
SIDES = ((0.0, None), (None, 0.0))  # what is above 0, and what is below
Looks = Mapping[str, Look]  # of loops by name


def loop_panels(
    title: str, found: Dominance, taken: TakenOver, shown: tuple[float, float], looks: Looks, stem: Path
) -> Path:
    """Draw what loops do in one case over time, the strongest with intervals, and learning against support."""
    chosen = (found.years >= shown[0]) & (found.years <= shown[1])
    years = found.years[chosen]
    share, signed = found.share[:, chosen], found.signed[:, chosen]
    order = np.argsort(-share.mean(axis=(0, 1)), kind="stable")
    top = [int(i) for i in order[:NAMED] if share[..., i].any()]
    with drawing(3, 1, figsize=(7.6, 9.2), height_ratios=[1.35, 1.0, 1.0], title=title) as (figure, axes):
        _stacked(axes[0], years, signed.mean(axis=0), found, looks, top)
        of = worded(": median, 90% of draws") if found.posterior else worded(": one run")
        learning = next((i for i, name in enumerate(found.names) if name.startswith("R1 ")), None)
        lines = dict.fromkeys([*top[:3], *([] if learning is None else [learning])])
        _bands(axes[1], years, share, found, looks, lines, of)
        _against(axes[2], taken, of)
        for ax in axes:
            ax.yaxis.set_major_formatter(PercentFormatter(1.0))
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        for ax in axes[:2]:
            ax.set_xlim(years[0], years[-1])
    table = dominance_table(found)
    numbers = table[(table["year"] >= shown[0]) & (table["year"] <= shown[1])]
    return save(figure, numbers, stem)


def _stacked(ax: Axes, years: Array, signed: Array, found: Dominance, looks: Looks, top: Sequence[int]) -> None:
    rest = signed[:, [i for i in range(len(found.names)) if i not in top]]
    parts = [(found.names[i], signed[:, i], looks[found.names[i]].colour, looks[found.names[i]].hatch) for i in top]
    parts += [(marked("all others"), np.sum(np.clip(rest, *side), axis=1), REST, "") for side in SIDES]
    starts = [np.zeros(len(years)) for _ in SIDES]
    told: set[str] = set()
    for name, values, colour, hatch in parts:
        for place, side in enumerate(SIDES):
            height = np.clip(values, *side)
            if height.any():
                ax.fill_between(
                    years, starts[place], starts[place] + height, facecolor=colour, hatch=hatch, edgecolor="white",
                    linewidth=0.3, label="_nolegend_" if name in told else term(name),
                )  # fmt: skip
                told.add(name)
                starts[place] = starts[place] + height
    ax.axhline(0, color="#222222", linewidth=0.8)
    ax.set_ylim(-1, 1)
    ax.set_ylabel(worded("share of all named loops\n(balancing below 0)"))
    ax.set_title(
        worded("What each loop does: mean over draws") if found.posterior else worded("What each loop does: one run")
    )


def _bands(ax: Axes, years: Array, share: Array, found: Dominance, looks: Looks, lines: Iterable[int], of: str) -> None:
    for style, one in zip(("-", "--", "-.", ":"), lines, strict=False):
        name = found.names[one]
        _fan(ax, years, share[..., one], looks[name].colour, style, term(name))
    ax.axhline(found.level, color=GREY, linewidth=0.8)
    ax.text(years[0], found.level + 0.02, worded(" dominates"), fontsize=8, color=GREY)
    ax.set_ylim(0, 1)
    ax.set_ylabel(worded("share of all named loops"))
    ax.set_title(worded("Strongest loops and learning") + of)


def _fan(ax: Axes, years: Array, values: Array, colour: str, style: str, label: str) -> None:
    """Draw the median of values (draw, year) as a line with a band of 90%."""
    low, middle, high = quantiles(values)
    ax.fill_between(years, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.plot(years, middle, style, color=colour, label=label)


def _against(ax: Axes, taken: TakenOver, of: str) -> None:
    for values, colour, style, label in (
        (taken.from_support, BLACK, "--", worded("support ended")),
        (taken.from_learned, LEARNED, "-", worded("what was learned since {since:g} undone", since=taken.since)),
        (taken.from_learning, GREY, ":", worded("learning stopped")),
    ):
        _fan(ax, taken.years, values, colour, style, label)
    shown = np.isfinite(taken.year).mean() > 0.5
    if shown:
        ax.axvline(quantiles(taken.year)[1], color="#222222", linewidth=0.8)
    ax.set_ylim(min(0.0, float(taken.from_learning.min()), float(taken.from_support.min())), 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(worded("year of the cut"))
    ax.set_ylabel(worded("sales lost in the {window:g}\nyears after", window=taken.window))
    ax.set_title(worded("Learning against support") + of + (worded("; line: takeover") if shown else ""))


def knockout_panels(title: str, table: pd.DataFrame, outcomes: Sequence[str], looks: Looks, stem: Path) -> Path:
    """Draw what each loop is for: change of two outcomes without it, median and 90% of draws; a cross for never."""
    loops = list(dict.fromkeys(table["loop"]))[::-1]
    size = (8.6, 0.3 * len(loops) + 1.4)
    with drawing(1, len(outcomes), figsize=size, title=title, sharey=True, squeeze=False) as (figure, axes):
        for ax, outcome in zip(axes.flat, outcomes, strict=True):
            part = table[table["outcome"] == outcome].set_index("loop").reindex(loops)
            _intervals(ax, part, looks)
            _measured(ax, outcome, marked("{outcome}: {change}"))
        axes[0, 0].set_yticks(range(len(loops)), map(term, loops))
        note = worded("median and 90% of draws; cross at the edge: never within the run")
        figure.supxlabel(note, fontsize=8)
    return save(figure, table[table["outcome"].isin(outcomes)], stem)


def _measured(ax: Axes, outcome: str, form: str) -> None:
    if outcome.startswith("years"):
        stage = term(outcome.removeprefix("years to "))
        ax.set_xlabel(worded(form, outcome=stage, change=worded("years later")))
        return
    ax.set_xlabel(worded(form, outcome=term(outcome), change=worded("change")))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))


def _intervals(ax: Axes, part: pd.DataFrame, looks: Looks) -> None:
    """Points with intervals; what has no upper end runs to the edge, what is never reached is a cross there."""
    numbers = part[["change", "low", "high"]].to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    least, most = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    edge = most + 0.12 * max(most - least, 1e-9)
    for y, (middle, low, high) in enumerate(numbers):
        if np.isnan(middle):
            continue
        ends = np.clip([low, high], least + most - edge, edge)
        colour = looks[str(part.index[y])].colour
        ax.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="butt", alpha=0.55)
        ax.plot(min(middle, edge), y, "x" if np.isposinf(middle) else "o", color=colour, markersize=5)
    ax.axvline(0, color="#222222", linewidth=0.8)


def barrier_panels(title: str, waits: pd.DataFrame, stem: Path) -> Path:
    """Draw how long each industry waited at each barrier, on one axis of years."""
    cases = list(dict.fromkeys(waits["case"]))
    shades = dict(zip(BARRIERS, (("#1b4965", ""), ("#66a182", "////"), ("#edae49", "....")), strict=True))
    with drawing(figsize=(7.6, 0.75 * len(cases) + 1.5), title=title) as (figure, ax):
        for y, case in enumerate(reversed(cases)):
            for row in waits[waits["case"] == case].to_dict("records"):
                colour, hatch = shades[str(row["barrier"])]
                if row["crossed before the run starts"] or not np.isfinite(row["begins"]):
                    continue
                end = row["crossed"] if np.isfinite(row["crossed"]) else row["until"]
                ax.barh(y, end - row["begins"], left=row["begins"], height=0.5, color=colour, hatch=hatch,
                        edgecolor="white", label=term(str(row["barrier"])))  # fmt: skip
                high = row["crossed, high"] if np.isfinite(row["crossed, high"]) else row["until"]
                ax.plot([row["crossed, low"], high], [y, y], color="#222222", linewidth=1.4)
            early = waits[(waits["case"] == case) & waits["crossed before the run starts"].astype(bool)]
            if len(early):
                crossed = worded("{barriers}: before", barriers=listed(map(term, early["barrier"])))
                ax.text(float(early["crossed"].min()), y + 0.27, crossed, va="bottom", fontsize=8)
        titles = [term(load_case(case).title).replace(" in ", "\nin ") for case in reversed(cases)]
        ax.set_yticks(range(len(cases)), titles)
        ax.use_sticky_edges = False
        ax.margins(x=0.03)
        ax.set(xlabel=worded("year; lines: 90% of draws"), ylim=(-0.4, len(cases) - 0.3))
        legend_below(figure, [ax], 3)
    return save(figure, waits, stem)


CHANGES = {
    "half": ("-50%", "v", GREY),
    "more": ("+50%", "^", LEARNED),
    "off": (marked("none of it"), "s", SUPPORT),
    "on": (marked("put on"), "o", "#66a182"),
    "to": (marked("set to a value"), "D", "#7d5ba6"),
}


def instrument_panels(title: str, table: pd.DataFrame, outcomes: Sequence[str], stem: Path) -> Path:
    """Draw every instrument's effect on some outcomes: less of it, more of it, none of it, or put on."""
    rows = table[table["outcome"].isin(outcomes)]
    outcomes = [one for one in outcomes if rows.loc[rows["outcome"] == one, "effect"].notna().any()]
    names = list(dict.fromkeys(rows["instrument"]))[::-1]
    place = {name: y for y, name in enumerate(names)}
    size = (9.6, 0.27 * len(names) + 1.5)
    with drawing(1, len(outcomes), figsize=size, title=title, sharey=True, squeeze=False) as (figure, axes):
        for ax, outcome in zip(axes.flat, outcomes, strict=True):
            part = rows[rows["outcome"] == outcome]
            finite = part["effect"].replace([np.inf, -np.inf], np.nan).dropna()
            edge = 1.1 * max(float(finite.abs().max()), 1e-9) if len(finite) else 1.0
            for row in part.to_dict("records"):
                _, mark, colour = CHANGES[str(row["change"])]
                y = place[str(row["instrument"])]
                low, middle, high = (float(np.clip(row[k], -edge, edge)) for k in ("low", "effect", "high"))
                ax.plot([low, high], [y, y], color=colour, linewidth=1.6, alpha=0.5)
                for end, beyond in ((-edge, row["low"] < -edge), (edge, row["high"] > edge)):
                    if beyond:
                        ax.plot(end, y, "<" if end < 0 else ">", color=colour, markersize=5, alpha=0.5)
                ax.plot(middle, y, mark, color=colour, markersize=4, fillstyle="none" if row["assumption"] else "full")
            ax.axvline(0, color="#222222", linewidth=0.8)
            _measured(ax, outcome, marked("{outcome}:\n{change}"))
        axes[0, 0].set_yticks(range(len(names)), map(term, names))
        for words, mark, colour in CHANGES.values():
            axes[0, 0].plot([], [], mark, color=colour, markersize=4, label=term(words))
        note = worded("median and 90% of draws; arrow: the interval goes on; open mark: by assumption")
        figure.legend(loc="outside lower center", ncols=5, title=note)
    return save(figure, rows, stem)
