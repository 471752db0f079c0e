"""Figures of what the data can tell apart: profiles, correlations, the ridge of learning by doing and searching."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from scipy.stats import gaussian_kde, norm

from analysis.plain.language import term, worded
from analysis.plain.lines import fill
from analysis.plain.style import GREY, drawing, legend_below, panels, save
from analysis.plain.units import beside_numbers
from analysis.trust.identifiability import Identified
from analysis.trust.ridge import Ridge
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.profiles import Profile
from stockflow.arrays import Array
from stockflow.intervals import interval

COLUMNS = 5
PRIOR, POSTERIOR, LINE = "#c9d3d9", "#1b4965", "#d1495b"
FINE = 120  # points of a drawn density
CEILING = 6.0  # rise up to which profiles are drawn
FEW, MANY = 5.0, 60.0  # largest over smallest value from which an axis is logarithmic, and has decades only
WIDTH = 34  # characters of a panel's title


def profile_panels(found: Identified, title: str, stem: Path) -> Path:
    """Draw, for every parameter, the profile of the data alone over prior and posterior density; return the PNG."""
    frames = []
    with panels(len(found.names), COLUMNS, (12 / COLUMNS, 2.35), title=title) as (figure, axes):
        for i, (ax, profile) in enumerate(zip(axes.flat, found.profiles, strict=False)):
            one, row = found.payoff.coordinates[i], found.parameters.iloc[i]
            _densities(ax, one, profile, None if found.draws is None else found.draws[:, i])
            _profile(ax, profile, found.drop)
            ax.axvline(row["mode"], color=GREY, linewidth=0.8, linestyle=":")
            if one.logarithmic and profile.values[-1] > FEW * profile.values[0]:
                _logarithmic(ax, profile.values[-1] / profile.values[0])
            told = worded("{name}: {verdict}", name=term(one.name), verdict=term(row["verdict"]))
            ax.set_title(fill(told, WIDTH), fontsize=7.6, fontweight="normal")
            ax.set_xlabel(worded("value ({unit})", unit=beside_numbers(row["unit"])), fontsize=7.5)
            frames.append(pd.DataFrame({"parameter": one.name, "value": profile.values, "rise": profile.rise}))
        for line in axes:
            line[0].set_ylabel(worded("rise of objective (1)"))
        legend_below(figure, axes.flat[:1], 5)
    return save(figure, pd.concat(frames, ignore_index=True), stem)


def _profile(ax: Axes, profile: Profile, drop: float) -> None:
    ax.plot(profile.values, profile.rise, "o-", color=LINE, markersize=3, linewidth=1.4, zorder=4,
            label=worded("data without this prior, all else refitted"))  # fmt: skip
    _limit(ax, drop)
    ax.set_ylim(0, CEILING)
    ax.tick_params(labelsize=7)
    ax.locator_params("x", nbins=5)


def _limit(ax: Axes, drop: float) -> None:
    told = worded("95% interval: rise of {drop:g}", drop=drop)
    ax.axhline(drop, color="#222222", linewidth=0.8, linestyle="--", label=told)


def _logarithmic(ax: Axes, ratio: float) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if ratio > MANY else (1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _densities(ax: Axes, one: Coordinate, profile: Profile, draws: Array | None) -> None:
    """Prior and posterior density of the coordinate, scaled to the panel: only their shapes are compared."""
    x = np.linspace(one.inward(profile.values[0]), one.inward(profile.values[-1]), FINE)
    prior = norm.pdf(x, one.centre, one.prior.spread)
    known = None if draws is None else np.asarray(gaussian_kde(draws)(x))
    top = CEILING * 0.9 / max(prior.max(), 0.0 if known is None else known.max())
    ax.fill_between(one.outward(x), prior * top, color=PRIOR, linewidth=0, label=worded("prior (density)"))
    if known is not None:
        ax.fill_between(
            one.outward(x), known * top, color=POSTERIOR, alpha=0.35, linewidth=0, label=worded("posterior (density)")
        )


def learning_ridge(ridge: Ridge, drop: float, title: str, stem: Path) -> Path:
    """Draw doing against searching with the draws, the objective along the ridge, and what stays fixed on it."""
    searching = 100 * ridge.profile.values
    table = pd.DataFrame(
        {"searching rate": ridge.profile.values, "doing rate": ridge.doing, "rise of objective": ridge.profile.rise,
         "fall per doubling of both": ridge.joint, "fall per doubling of experience": ridge.together,
         "share due to research": ridge.credit}
    )  # fmt: skip
    with drawing(1, 3, figsize=(11.5, 3.4), title=title) as (figure, axes):
        _rates(axes[0], ridge)
        axes[1].plot(searching, ridge.profile.rise, "o-", color=LINE, markersize=3.5)
        _limit(axes[1], drop)
        axes[1].set_ylabel(worded("rise of objective (1)"))
        axes[1].set_ylim(0, max(1.2 * drop, 1.1 * float(ridge.profile.rise.max())))
        _fall(axes[2], ridge)
        for ax in axes:
            ax.set_xlabel(worded("learning by searching held at (% per doubling)"))
            ax.xaxis.set_major_locator(MaxNLocator(6))
            ax.legend(loc="best", fontsize=7.5)
    return save(figure, table, stem)


def _rates(ax: Axes, ridge: Ridge) -> None:
    """Doing against searching: the posterior's draws, the refits, the fit."""
    if ridge.draws is not None and ridge.free:
        ax.plot(100 * ridge.draws[1], 100 * ridge.draws[0], ".", color=POSTERIOR, alpha=0.2, markersize=3,
                label=worded("posterior draws"))  # fmt: skip
    elif ridge.draws is not None:
        low, _, high = interval(100 * ridge.draws[0])
        ax.vlines(
            100 * ridge.fitted[1],
            low,
            high,
            color=POSTERIOR,
            linewidth=3,
            label=worded("posterior, 90% (searching held)"),
        )
    ax.plot(100 * ridge.profile.values, 100 * ridge.doing, "o-", color=LINE, markersize=3.5,
            label=worded("refitted to each searching rate"))  # fmt: skip
    ax.plot(
        100 * ridge.fitted[1],
        100 * ridge.fitted[0],
        "*",
        color="#222222",
        markersize=10,
        label=worded("as fitted"),
        zorder=5,
    )
    ax.set_ylabel(worded("learning by doing\n(% off learned cost per doubling)"))
    ax.set_ylim(bottom=0)


def _fall(ax: Axes, ridge: Ridge) -> None:
    """What stays nearly fixed on the ridge, and what does not: the fall of cost and the share due to research."""
    searching = 100 * ridge.profile.values
    ax.plot(searching, 100 * ridge.together, "o-", markersize=3.5,
            label=worded("fall per doubling of experience,\nresearch as it came"))  # fmt: skip
    ax.plot(searching, 100 * ridge.credit, "s--", color="#66a182", markersize=3.5,
            label=worded("share of the fall due to research"))  # fmt: skip
    ax.set_ylabel(worded("share (%)"))
    ax.set_ylim(0, 100)
