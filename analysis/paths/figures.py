"""Figures of paths: industries on one axis, durations by clock, the start-by-end matrix, runs ahead, a race."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, PercentFormatter

from analysis.draws.stages import LARGE, LAST, PRODUCT, RIVER, STAGES
from analysis.paths.durations import Dated
from analysis.paths.forward import Future
from analysis.paths.latecomers import Following
from analysis.paths.study import Forward, PathStudy, Quantity
from analysis.plain.language import marked, one_by_one, term, worded
from analysis.plain.lines import fill
from analysis.plain.shown import when
from analysis.plain.style import BLACK, drawing, end_labels, panels, save
from analysis.plain.units import customary
from models.case import load_case
from stockflow.arrays import Array
from stockflow.intervals import quantiles

MARKS = {"river crossed": "|", "product": "D", "share 1%": "o", "share 10%": "s", "share 20%": "P",
         "self-sustaining": "*"}  # fmt: skip
BANDS = {
    marked("Devil's River: first clock to first design"): ("#8aa5b8", 1.0),
    marked("Valley of Death: to first product"): ("#b9cbd8", 1.0),
    marked("Darwinian Sea: to self-sustaining"): ("#dfeae3", 1.0),
    marked("25-35 years from the first clock"): ("#edae49", 0.45),
    marked("policy"): ("#7d5ba6", 1.0),
}
LINES = (("#222222", "-"), ("#d1495b", "--"), ("#1b4965", "-."), ("#66a182", ":"), ("#7d5ba6", (0, (5, 1, 1, 1, 1, 1))))
LATEST = 2042  # last year on the axis of paths
RACED_FROM = 1970.0  # first year on that of a race


def industry_paths(paths: Sequence[Dated], study: PathStudy, stem: Path) -> Path:
    """Draw the industries on one axis: stages as marks with 90% bars, barriers as bands, policies as bars."""
    rows: list[dict[str, object]] = []
    with drawing(figsize=(11, 1.75 * len(paths) + 1.6)) as (figure, ax):
        for i, path in enumerate(paths):
            y = float(len(paths) - 1 - i)
            rows += _bands(ax, path, y, study.window) + _clocks(ax, path, y) + _stages(ax, path, y)
            rows += _policies(ax, path, y)
        ax.set_yticks(range(len(paths)), [_wrapped(p) for p in reversed(paths)])
        ax.set_ylim(-0.62, len(paths) - 0.45)
        ax.set_xlim(1943, LATEST)
        ax.set_xlabel(worded("year"))
        ax.grid(axis="y", visible=False)
        marks = [
            ax.plot([], [], MARKS[s], color=BLACK, label=term(s), markersize=8, markeredgewidth=1.4)[0] for s in STAGES
        ]
        bands = [Patch(color=colour, alpha=alpha, label=term(text)) for text, (colour, alpha) in BANDS.items()]
        figure.legend(handles=marks + bands, loc="outside lower center", ncols=4)
        ax.set_title(
            worded(
                "From discovery to large-scale industry: stages as the model dates them, medians and 90% of draws; "
                "hollow: observed"
            )
        )
    return save(figure, pd.DataFrame(rows), stem)


def _wrapped(path: Dated) -> str:
    mark = "" if path.posterior else worded("\n(one run)")
    return term(path.title).replace(" in ", "\nin ") + mark


def _bands(ax: Axes, path: Dated, y: float, window: tuple[float, float]) -> list[dict[str, object]]:
    edges = [min(path.about.clocks.values()), *(path.spread(stage)[1] for stage in (RIVER, PRODUCT, LAST))]
    rows: list[dict[str, object]] = []
    river, valley, sea, claim, _ = BANDS.values()
    for (colour, _alpha), begins, ends, stage in zip(
        (river, valley, sea), edges, edges[1:], (RIVER, PRODUCT, LAST), strict=False
    ):
        if path.already(stage) or not np.isfinite(begins):
            continue
        last = ends if np.isfinite(ends) else LATEST
        ax.barh(y, last - begins, left=begins, height=0.26, color=colour, edgecolor="white", linewidth=0.6)
        rows.append({"case": path.case, "what": "barrier", "name": f"ends with {stage}", "year": begins, "to": ends})
    if path.already(PRODUCT):
        ax.annotate(worded("product before {year:g}", year=path.initial_time), (path.initial_time, y), xytext=(-4, 0),
                    textcoords="offset points", ha="right", va="center", fontsize=7.5)  # fmt: skip
    begin = edges[0]
    ax.barh(y, window[1] - window[0], left=begin + window[0], height=0.5, color=claim[0], alpha=claim[1], zorder=1)
    return rows


def _clocks(ax: Axes, path: Dated, y: float) -> list[dict[str, object]]:
    ordered = sorted(path.about.clocks.items(), key=lambda one: one[1])
    for i, (name, year) in enumerate(ordered):
        top = y + 0.2 + 0.09 * (len(ordered) - 1 - i)  # the earliest highest, so that no later line crosses its name
        ax.vlines(year, y - 0.17, top, color=BLACK, linewidth=1.1, zorder=4)
        ax.annotate(f"{term(name)} {year:g}", (year, top), xytext=(2, 1), textcoords="offset points", fontsize=7.5,
                    va="bottom")  # fmt: skip
    return [{"case": path.case, "what": "clock", "name": name, "year": year} for name, year in ordered]


def _stages(ax: Axes, path: Dated, y: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for i, stage in enumerate(STAGES):
        low, middle, high = path.spread(stage)
        level = y + (0.08, 0.0, -0.08)[i % 3]
        if np.isfinite(middle) and not path.already(stage):
            if path.posterior:
                ax.plot([low, min(high, LATEST)], [level, level], color=BLACK, linewidth=1.0, zorder=4)
            ax.plot(middle, level, MARKS[stage], color=BLACK, markersize=7, markeredgewidth=1.4, zorder=5)
        told = {"name": stage, "year": middle, "low": low, "high": high}
        rows.append({"case": path.case, "what": "stage, model", **told})
        if stage in path.about.observed:
            seen = path.about.observed[stage]
            ax.plot(seen, y - 0.22, MARKS[stage], color=BLACK, mfc="white", markersize=6, zorder=5)
            rows.append({"case": path.case, "what": "stage, observed", "name": stage, "year": seen})
    return rows


def _policies(ax: Axes, path: Dated, y: float) -> list[dict[str, object]]:
    for i, policy in enumerate(path.about.policies):
        level = y - 0.34 - 0.13 * i
        ax.barh(level, policy.last - policy.first, left=policy.first, height=0.06, color=BANDS["policy"][0])
        early = policy.first < 1970  # no room for the name before the bar
        ax.annotate(term(policy.name), (policy.last if early else policy.first, level), xytext=(3 if early else -3, 0),
                    textcoords="offset points", ha="left" if early else "right", va="center", fontsize=7.5,
                    color="#4f3b73")  # fmt: skip
    return [
        {"case": path.case, "what": f"policy {end}", "name": policy.name, "year": year}
        for policy in path.about.policies
        for end, year in (("start", policy.first), ("end", policy.last))
    ]


def _groups(ax: Axes, titles: Sequence[str], gap: float, left: float) -> Array:
    """Return where rows stand, those of one title together, and write each title in the gap before its rows."""
    first, weight = [i == 0 or titles[i - 1] != title for i, title in enumerate(titles)], rcParams["axes.titleweight"]
    places = np.arange(len(titles)) + gap * np.cumsum(first)
    for place, title in zip(places[first], np.array(titles)[first], strict=True):
        ax.text(left, place - 0.65 * gap, title, fontweight=weight, fontsize=8.5, va="center")
    return places


def clock_figure(table: pd.DataFrame, published: pd.DataFrame, study: PathStudy, stem: Path) -> Path:
    """Draw the years from every clock to a tenth of the market, and those of other technologies, on one axis."""
    part = table[(table["stage"] == LARGE) & table["years"].notna()]
    pairs = published[
        published["from"].isin(["invention", "first commercial"]) & published["to"].ne("first commercial")
    ]
    titles = [term(load_case(case).title) for case in part["case"]]
    labels = [
        worded("from {clock} {year:g}", clock=term(clock), year=year)
        for clock, year in part[["clock", "clock year"]].itertuples(index=False)
    ]
    labels += [
        worded("{start} to {end} ({count})", start=term(a), end=term(b), count=n)
        for a, b, n in pairs[["from", "to", "technologies"]].itertuples(index=False)
    ]
    ends = part.groupby(titles, sort=False)["years"].agg(["min", "max"])
    told = [
        worded("{case} {first} to {last}", case=case, first=when(low, ".0f"), last=when(high, ".0f"))
        for case, low, high in ends.itertuples()
    ]
    title = worded("Years to 10% of the market, by the clock chosen: {each}", each=one_by_one(told) or worded("none"))
    titles += [worded("Other technologies (how many)")] * len(pairs)
    with drawing(figsize=(7.2, 0.27 * len(labels) + 2.2), title=fill(title, 82), fontsize=9.5) as (figure, ax):
        ax.axvspan(*study.window, color=BANDS["25-35 years from the first clock"][0], alpha=0.35, linewidth=0)
        places = _groups(ax, titles, 1.1, 0.6)
        for y, row in zip(places, part.to_dict("records"), strict=False):
            ax.plot([row["years low"], min(row["years high"], 100.0)], [y, y], color=BLACK, linewidth=2)
            ax.plot(row["years"], y, "s", color=BLACK, markersize=5)
            if pd.notna(row["observed years"]):
                ax.plot(row["observed years"], y + 0.28, "s", color=BLACK, mfc="white", markersize=4)
        for y, row in zip(places[len(part) :], pairs.to_dict("records"), strict=True):
            ax.plot([row["lower quartile"], row["upper quartile"]], [y, y], color="#7d5ba6", linewidth=4, alpha=0.6,
                    solid_capstyle="butt")  # fmt: skip
            ax.plot(row["median"], y, "D", color="#4f3b73", markersize=5)
        ax.set_yticks(places, labels)
        ax.set_ylim(places[-1] + 0.6, -0.1)
        ax.set_xlim(0, 90)
        ax.set_xlabel(
            worded(
                "years; squares: median and 90% of draws (hollow: observed);\n"
                "diamonds: median and quartiles; shaded: {low:g} to {high:g} years",
                low=study.window[0],
                high=study.window[1],
            )
        )
        ax.grid(axis="y", visible=False)
    return save(figure, pd.concat([part, pairs]), stem)


def duration_matrix(table: pd.DataFrame, study: PathStudy, stem: Path) -> Path:
    """Draw the start-by-end matrix: median and 90% of the years, cells shaded by the share of draws in the window."""
    starts = table.drop_duplicates(["case", "clock"])[["case", "clock", "clock year"]].to_dict("records")
    title = worded(
        "Years from each clock to each stage: median and 90% of draws. Dash: before the model starts.\n"
        "Shaded: share of draws within {low:g} to {high:g} years, from none to all",
        low=study.window[0],
        high=study.window[1],
    )
    with drawing(figsize=(9.2, 0.46 * len(starts) + 2.2), title=title, fontsize=9.5) as (figure, ax):
        places = _groups(ax, [term(load_case(one["case"]).title) for one in starts], 0.55, 0.0)
        for i, one in zip(places, starts, strict=True):
            part = table[(table["case"] == one["case"]) & (table["clock"] == one["clock"])].set_index("stage")
            for j, stage in enumerate(STAGES):
                row = part.loc[stage]
                share = 0.0 if np.isnan(row["in window"]) else float(row["in window"])
                ax.add_patch(Rectangle((j, i), 1, 1, facecolor="#f4f4f4", edgecolor="white", linewidth=2))
                ax.add_patch(Rectangle((j, i), 1, 1, facecolor="#edae49", alpha=share, edgecolor="white", linewidth=2))
                ax.text(j + 0.5, i + 0.5, _cell(row), ha="center", va="center", fontsize=8.2, linespacing=1.25)
        ax.set_xlim(0, len(STAGES))
        ax.set_ylim(places[-1] + 1, 0)
        ax.set_xticks(np.arange(len(STAGES)) + 0.5, map(term, STAGES))
        labels = [worded("from {clock} {year:g}", clock=term(one["clock"]), year=one["clock year"]) for one in starts]
        ax.set_yticks(places + 0.5, labels)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return save(figure, table, stem)


def _cell(row: pd.Series) -> str:
    if np.isnan(row["years"]):
        return "-"
    if not np.isfinite(row["years"]):
        return worded("never")
    if row["years low"] == row["years high"]:
        return f"{row['years']:.1f}"
    return worded(
        "{years:.1f}\n{low:.1f} to {high}",
        years=row["years"], low=row["years low"], high=when(row["years high"], ".1f"),
    )  # fmt: skip


def forward_panels(title: str, found: Sequence[Future], forward: Forward, since: float, stem: Path) -> Path:
    """Draw every quantity ahead, left by scenario under the first policy, right by policy in the first scenario."""
    first_world, first_policy = next(iter(forward.scenarios)), next(iter(forward.policies))
    sides = (
        (
            worded("worlds, {policy}", policy=term(first_policy)),
            [one for one in found if one.policy == first_policy],
            "scenario",
        ),
        (
            worded("policies, {world}", world=term(first_world)),
            [one for one in found if one.scenario == first_world],
            "policy",
        ),
    )
    rows: list[dict[str, object]] = []
    count = len(forward.quantities)
    with panels(2 * count, 2, (4.2, 1.8), 1.4, sharex=True) as (figure, axes):
        for column, (side, runs, by) in enumerate(sides):
            for line, (label, quantity) in enumerate(forward.quantities.items()):
                ax = axes[line, column]
                first, factor = max(since, quantity.since or since), customary(quantity.shown)[0]
                for one, (colour, dashes) in zip(runs, LINES, strict=False):
                    rows += _fan(ax, one, label, getattr(one, by), colour, dashes, first, factor)
                own = column == 0 or quantity.since is not None  # what adds up over years has no common size
                ax.set_title(_titled(label, quantity, column) if own else "", fontsize=8.8)
                shown = runs if own else found
                _scale(ax, quantity, [factor * one.values[label][:, one.times >= first] for one in shown])
                if quantity.since is not None:
                    ends = [factor * float(np.median(one.values[label][:, -1])) for one in runs]
                    named = zip(ends, LINES, strict=False)
                    end_labels(ax, [(f"{value:,.0f}", value, colour) for value, (colour, _) in named], 0.14)
                if not own:
                    ax.sharey(axes[line, 0])
                    ax.tick_params(labelleft=False)
            axes[0, column].annotate(side, (0, 1), xytext=(0, 22), xycoords="axes fraction", fontsize=9.5,
                                     textcoords="offset points", fontweight=rcParams["axes.titleweight"])  # fmt: skip
            axes[-1, column].set_xlabel(worded("year"))
            handles, names = axes[0, column].get_legend_handles_labels()
            axes[-1, column].legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=1)
        note = worded(
            "{case}: runs ahead\nlines: medians; band: 90% of draws in the first world under the first policy",
            case=title,
        )
        figure.suptitle(note, x=0.01, ha="left", fontsize=9.5)
    return save(figure, pd.DataFrame(rows), stem)


def _fan(
    ax: Axes, one: Future, label: str, name: str, colour: str, dashes: object, since: float, factor: float
) -> list[dict[str, object]]:
    seen = one.times >= since
    times, values = one.times[seen], one.values[label][:, seen]
    low, middle, high = quantiles(values)
    if colour == BLACK:
        ax.fill_between(times, factor * low, factor * high, color=colour, alpha=0.15, linewidth=0)
    ax.plot(times, factor * middle, color=colour, linestyle=dashes, label=term(name), linewidth=1.5)
    return [
        {"quantity": label, "scenario": one.scenario, "policy": one.policy, "year": t, "low": a, "median": b, "high": c}
        for t, a, b, c in zip(times, low, middle, high, strict=True)
    ]


def _titled(label: str, quantity: Quantity, column: int) -> str:
    unit = customary(quantity.shown)[1]
    if quantity.shown == "1":
        unit = worded("ratio") if quantity.over else "%"
    told = worded("{what}, {unit}", what=term(label), unit=unit)
    return worded("{what}; own axis", what=told) if column else told


def _scale(ax: Axes, quantity: Quantity, values: Sequence[Array]) -> None:
    least, most = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    if quantity.shown == "1" and quantity.over is None:
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
        ax.set_ylim(0, 1)
        return
    if least > 0 and most > 300 * least:
        ax.set_yscale("log")
        return
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.10g}"))
    if least >= 0:
        ax.set_ylim(bottom=0)


def race_figure(answer: Following, stem: Path) -> Path:
    """Draw `answer` over time from 1970 and save picture and numbers under `stem`."""
    race = answer.race
    told = {race.study.leader_title: race.leader_share}
    told |= {follower.title: race.shares[key] for key, follower in race.study.followers.items()}
    seen = race.times >= RACED_FROM
    rows = []
    with drawing(figsize=(6.5, 3.8)) as (figure, ax):
        for (title, share), (colour, line), mark in zip(told.items(), LINES, "os^D", strict=False):
            low, median, high = 100 * quantiles(share[:, seen])
            ax.fill_between(race.times[seen], low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(race.times[seen], median, line, color=colour, label=term(title))
            part = answer.shares[answer.shares["country"] == title]
            ax.plot(part["year"] + 0.5, 100 * part["observed"], mark, color=colour, markersize=5, mfc="white")
            rows.append(pd.DataFrame({"country": title, "time": race.times[seen], "low": low, "median": median,
                                      "high": high}))  # fmt: skip
        for follower in race.study.followers.values():
            ax.axvline(follower.entry, color="#9aa5ab", linewidth=0.8, zorder=0)
            enters = worded("{country} enters", country=term(follower.title))
            ax.annotate(enters, (follower.entry, 102), ha="center", fontsize=8, color="#5f6b73", annotation_clip=False)
        ax.set_ylim(0, 100)
        ax.set_ylabel(worded("share of world sales (%)"))
        ax.set_xlabel(worded("year"))
        figure.legend(loc="outside lower center", ncols=3)
        head = worded(
            "{race}\nShares of the market are missed by {points:.0f} points (root mean square).\n"
            "Marks: observed. Lines: {basis}",
            race=term(race.study.title),
            points=100 * answer.share_error,
            basis=term(answer.basis),
        )
        figure.suptitle(head, x=0.01, ha="left", fontsize=9.5)
    return save(figure, pd.concat(rows, ignore_index=True), stem)
