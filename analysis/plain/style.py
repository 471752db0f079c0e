"""How figures look, and what each leaves behind: PNG, SVG and its numbers as CSV."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.plain.language import LANGUAGES, language
from stockflow.files import write_whole

STYLE = Path(__file__).parent / "house.mplstyle"
HAN, HAN_FONT = Path(__file__).parent / "fonts" / "han.otf", "techcycle Han"  # for what DejaVu Sans lacks
font_manager.fontManager.addfont(HAN)
font_manager.fontManager.ttflist.append(replace(font_manager.fontManager.ttflist[-1], weight=700))  # bold, too
BLACK, GREY, RED, BLUE = "#222222", "#5f6b73", "#d1495b", "#1b4965"
STROKES = (("#1b4965", "-", "o"), ("#d1495b", "--", "s"), ("#edae49", "-.", "^"), ("#66a182", ":", "D"),
           ("#7d5ba6", (0, (5, 1, 1, 1, 1, 1)), "v"))  # fmt: skip


@contextmanager
def drawing(
    rows: int = 1,
    columns: int = 1,
    *,
    title: str = "",
    fontsize: float = 11,
    style: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[tuple[Figure, Any]]:
    """Yield a figure with `title` at its upper left, and its axes, while the house style and `style` over it hold.

    `options` are those of `plt.subplots`, which says what shape the axes have.
    """
    # Han characters come in one weight: bold figures among them would stand out
    weight = "normal" if language() == "zh" else "bold"
    with plt.style.context([STYLE, {"axes.titleweight": weight}, style or {}]):
        figure, axes = plt.subplots(rows, columns, **options)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=fontsize, fontweight=weight, parse_math=False)
        yield figure, axes


@contextmanager
def panels(
    count: int, columns: int, size: tuple[float, float], below: float = 0.0, **options: Any
) -> Iterator[tuple[Figure, Any]]:
    """Yield a `drawing` of `count` panels, `columns` abreast, and its axes (rows, columns); those left over are hidden.

    A panel is `size` inches wide and high; `below` inches are added for the legend.
    """
    rows = -(-count // columns)
    figsize = (size[0] * columns, size[1] * rows + below)
    with drawing(rows, columns, figsize=figsize, squeeze=False, **options) as (figure, axes):
        for ax in axes.flat[count:]:
            ax.set_visible(False)
        yield figure, axes


def legend_below(figure: Figure, axes: Iterable[Axes], columns: int, note: str = "") -> None:
    """Put one legend under the figure: what is labelled in any of the axes, each label once, `note` over it."""
    labelled = {text: handle for ax in axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    options = {"title": note, "title_fontsize": 8.5} if note else {}
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=columns, **options)


def end_labels(ax: Axes, labels: Iterable[tuple[str, float, str]], gap: float) -> None:
    """Write each (text, value, colour) beside the axes at its value, but `gap` of their height apart, limits as set."""
    ordered = sorted(labels, key=lambda one: one[1])
    places = [float((ax.transData - ax.transAxes).transform((ax.get_xlim()[1], value))[1]) for _, value, _ in ordered]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i, (text, _, colour) in enumerate(ordered):
        at = min(places[i], 1 - gap * (len(places) - 1 - i))
        ax.annotate(
            text,
            (1, at),
            xytext=(3, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=colour,
        )


def save(figure: Figure, numbers: pd.DataFrame, stem: Path) -> Path:
    """Write `stem`.png, .svg and .csv; return the PNG's path. InputError if they cannot be written.

    In a folder of another language, as `Folder.figure` has them, the PNG alone: the rest lies with the plain names.
    """
    again = stem.parent.name in LANGUAGES and stem.parent.parent.name == "figures"
    try:
        for ending, options in (("png", {}), ("svg", {"metadata": {"Date": None}}))[: 1 if again else 2]:
            picture = io.BytesIO()
            with plt.style.context(STYLE):  # which holds what ids in SVG are made from
                figure.savefig(picture, format=ending, **options)  # type: ignore[arg-type]
            figure.set_layout_engine("none")  # laid out once: the second file is the same picture
            write_whole(stem.with_suffix(f".{ending}"), picture.getvalue())
        if not again:
            write_whole(stem.with_suffix(".csv"), numbers.to_csv(index=False, float_format="%.8g"))
    finally:
        plt.close(figure)
    return stem.with_suffix(".png")


def log_axis(ax: Axes) -> None:
    """Give a panel a logarithmic axis that has more than one labelled tick."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high / low < 30:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(log_tick))
    ax.yaxis.set_minor_formatter(NullFormatter())


def log_tick(value: float, _: int = 0) -> str:
    """Return a tick of a logarithmic axis: in full within what is easily read, else with a power of ten."""
    if 1e-4 <= value < 1e5:
        return f"{value:,.0f}" if value >= 1 else f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1" else f"${mantissa}\\times{power}$"
