"""How figures look, and what each leaves behind: PNG, SVG and its numbers as CSV."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")


import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from stockflow.files import write_whole

STYLE = Path(__file__).parent / "house.mplstyle"


GREY = "#5f6b73"


def save(figure: Figure, numbers: pd.DataFrame, stem: Path) -> Path:
    """Write `stem`.png, .svg and .csv; return the PNG's path. InputError if they cannot be written."""
    try:
        for ending, options in (("png", {}), ("svg", {"metadata": {"Date": None}})):
            picture = io.BytesIO()
            figure.savefig(picture, format=ending, **options)  # type: ignore[arg-type]
            write_whole(stem.with_suffix(f".{ending}"), picture.getvalue())
        write_whole(stem.with_suffix(".csv"), numbers.to_csv(index=False, float_format="%.8g"))
    finally:
        plt.close(figure)
    return stem.with_suffix(".png")


def log_tick(value: float, _: int = 0) -> str:
    """Return a tick of a logarithmic axis: in full within what is easily read, else with a power of ten."""
    if 1e-4 <= value < 1e5:
        return f"{value:,.0f}" if value >= 1 else f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1" else f"${mantissa}\\times{power}$"


BLACK, RED, BLUE = "#222222", "#d1495b", "#1b4965"


STROKES = (("#1b4965", "-", "o"), ("#d1495b", "--", "s"), ("#edae49", "-.", "^"), ("#66a182", ":", "D"),
           ("#7d5ba6", (0, (5, 1, 1, 1, 1, 1)), "v"))  # fmt: skip
