"""Fans: how outputs of many runs spread over time, as bands around the median.

The one picture of this package that is drawn with matplotlib, which is imported when a fan is drawn.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from stockflow.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: shares of all runs that Vensim's confidence bounds hold between them, from the inside out
SHARES = (0.5, 0.75, 0.95, 1.0)
#: the probabilities of their ends and of the median, increasing
PROBABILITIES = (*((1 - share) / 2 for share in reversed(SHARES)), 0.5, *((1 + share) / 2 for share in SHARES))
ENDINGS = (".pdf", ".png", ".svg")
_SHADES = ("#3a6ea5", "#7ba3cc", "#b3cbe3", "#dce7f2")
_COLUMNS = 3


def draw_fan(quantiles: xr.Dataset, title: str, path: Path) -> None:
    """Write a picture of `Model.quantiles` at PROBABILITIES: a panel for each output, its unit on the axis.

    Raises InputError if matplotlib is not installed; the kind of picture is that of the file's ending.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            f"{path}: a figure needs matplotlib, which is not installed: `pip install matplotlib`"
        ) from None
    names = [str(name) for name in quantiles]
    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(4.2 * columns + 0.4, 3.0 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    times, median = quantiles["time"].to_numpy(), len(SHARES)
    for panel, name in zip(panels, names, strict=False):
        values = quantiles[name].to_numpy()
        for place in reversed(range(len(SHARES))):
            low, high = values[median - 1 - place], values[median + 1 + place]
            panel.fill_between(times, low, high, color=_SHADES[place], lw=0, label=f"{SHARES[place]:.0%} of runs")
        panel.plot(times, values[median], color="#12263f", lw=1.5, label="median")
        time_unit, unit = quantiles["time"].attrs["unit"], quantiles[name].attrs["unit"]
        panel.set(title=name, xlabel=f"Time ({time_unit})", ylabel=unit)
        panel.margins(x=0)
    for panel in panels:
        panel.set_axis_off()
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
