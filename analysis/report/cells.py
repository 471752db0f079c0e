"""Tables and figures of the paper as the cells that pages show."""

import re
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
from markupsafe import Markup

from analysis.plain.language import language, term, worded
from analysis.plain.units import beside_numbers
from analysis.scoreboard.board import Row, Spread, Unanswered
from calibration.observed.tables import load_table

TINY = 1e-9  # what rounding leaves of a zero


def cell(value: float | None, unit: str) -> str:
    """Return one figure of the scoreboard: dates with a decimal, numbers with three significant digits."""
    if value is None:
        return "-"
    return f"{value:.1f}" if "date" in unit or unit == "year" else f"{value:.3g}"


def described(one: Row | Unanswered) -> str:
    """Return what a figure of the paper says, in Chinese in the paper's own words."""
    return paper_quotes().get(one.id, term(one.description)) if language() == "zh" else one.description


@cache
def paper_quotes() -> Mapping[str, str]:
    """Return the words of the paper by the name of the figure that stands in them."""
    rows = load_table("paper_figures").rows
    return {str(row["id"]): str(row["quote_zh"]) for row in rows.to_dict("records") if row["quote_zh"]}


def spread_cell(spread: Spread | None, unit: str) -> str:
    """Return the posterior of one figure: median and 5-95%, "never" where the draws at that end never get there."""
    if spread is None:
        return ""
    told = [worded("never") if v is None else cell(v, unit) for v in (spread.median, spread.low, spread.high)]
    return worded("{median} ({low} to {high})", median=told[0], low=told[1], high=told[2])


def html_table(table: pd.DataFrame, digits: int = 3) -> Markup:
    """Return a table as HTML that scrolls by itself, by keyboard too; numbers with `digits` significant digits."""

    def shown(value: object) -> str:
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            return "-"
        if isinstance(value, float) and abs(value) < TINY:
            return "0"
        if isinstance(value, float):
            return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.{digits}g}"
        return beside_numbers(str(value))

    told = table.map(shown).rename(
        columns=lambda name: term(str(name)) if re.search("[A-Za-z]", str(name)) else str(name)
    )
    made = told.to_html(index=False, border=0, classes="numbers", escape=True)
    plain = Markup(re.sub(r"\n\s+<", "\n<", made))  # indents are a tenth of a page
    return Markup('<div class="wide" tabindex="0" role="group" aria-label="{}">{}</div>').format(worded("table"), plain)
