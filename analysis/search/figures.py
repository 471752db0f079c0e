"""Figures of the search: the front of adoption against public cost, best paths of support."""

from pathlib import Path

import pandas as pd

from analysis.plain.language import marked, term, worded
from analysis.plain.style import BLACK, BLUE, GREY, RED, STROKES, drawing, save
from analysis.plain.units import customary
from analysis.search.front import HISTORY, Front
from analysis.search.study import SearchAnswer

REACH = 1.5  # how far the axis of cost goes beyond history and the ends of searches
ENDS = ("", " low", " high")  # of a quantity's columns
SHAPE_MARKS = {"cliff": "s", "linear": "o", "exponential": "^"}


def adoption_against_cost(front: Front, unit: str, title: str, stem: Path) -> Path:
    """Draw every schedule's median units against median cost, the front, ends of searches, and history with spreads."""
    factors = {"units": customary(unit)[0], "cost": customary("bnCNY")[0]}
    table = front.table.assign(
        **{f"{name}{end}": factor * front.table[f"{name}{end}"] for name, factor in factors.items() for end in ENDS}
    )
    line, ends = table[table["on the front"]].sort_values("cost"), table[table["kind"] == "searched"]
    here = table[table["schedule"] == HISTORY].iloc[0]
    right = REACH * max(here["cost high"], float(ends["cost"].max()) if len(ends) else 0.0)
    with drawing(figsize=(5.6, 3.9)) as (figure, ax):
        for held, face, words in (
            (False, "none", marked("{shape} decline of history")),
            (True, GREY, marked("{shape} decline of support held")),
        ):
            for shape, mark in SHAPE_MARKS.items():
                part = table[table["kind"].str.endswith(shape) & (table["kind"].str.startswith("held") == held)]
                part = part[part["cost"] <= right]
                if len(part):
                    ax.plot(part["cost"], part["units"], mark, color=GREY, mfc=face, markersize=3.2, alpha=0.8,
                            label=worded(words, shape=term(shape)))  # fmt: skip
        shown = line[line["cost"] <= right]
        ax.fill_between(shown["cost"], shown["units low"], shown["units high"], color=BLUE, alpha=0.12, linewidth=0,
                        label=worded("front, middle half of draws"))  # fmt: skip
        ax.step(
            shown["cost"], shown["units"], where="post", color=BLUE, linewidth=1.4, label=worded("front of medians")
        )
        ax.plot(ends["cost"], ends["units"], "P", color="#edae49", mec=BLACK, markersize=7, zorder=6,
                label=worded("found by search"))  # fmt: skip
        wide, tall = ([[here[k] - here[f"{k} low"]], [here[f"{k} high"] - here[k]]] for k in ("cost", "units"))
        ax.errorbar(here["cost"], here["units"], xerr=wide, yerr=tall, fmt="*", color=RED, mec=BLACK, markersize=12,
                    capsize=2, label=worded("history, middle half of draws"), zorder=5)  # fmt: skip
        if beyond := int((table["cost"] > right).sum()):
            told = worded("{count} dearer schedules not shown", count=beyond)
            ax.text(0.99, 0.03, told, transform=ax.transAxes, ha="right", fontsize=7.5)
        ax.set_xlabel(worded("public money, present value (billion CNY of 2020)"))
        ax.set_ylabel(worded("sold to the horizon ({unit})", unit=customary(unit)[1]))
        ax.set_title(title)
        figure.legend(loc="outside lower center", ncols=2, fontsize=7.5)
    return save(figure, front.table, stem)


def best_paths(answer: SearchAnswer, title: str, stem: Path) -> Path:
    """Draw the share of support that the best schedules leave over time."""
    frames = []
    with drawing(figsize=(5.6, 3.2)) as (figure, ax):
        for problem, (colour, line, mark) in zip(answer.problems, STROKES, strict=False):
            label = f"{problem.objective}, {problem.family}"
            left, told = 100 * problem.shares, term(label)
            ax.plot(problem.years, left, color=colour, linestyle=line, marker=mark, markersize=4, label=told)
            frames.append(pd.DataFrame({"schedule": label, "year": problem.years, "share": problem.shares}))
        ax.set_xlabel(worded("year"))
        ax.set_ylabel(worded("support left (%)"))
        ax.set_ylim(-3, 104)
        ax.set_title(title)
        figure.legend(loc="outside lower center", ncols=2)
    return save(figure, pd.concat(frames, ignore_index=True), stem)
