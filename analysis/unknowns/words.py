"""Sensitivity as sentences: what it hinges on, and where it fails."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.unknowns.discovery import Box, Found
from analysis.unknowns.given_data import REMOVED
from analysis.unknowns.indices import STILL
from analysis.unknowns.sensitivity import MORRIS, SHAPLEY, TOTAL

NAMED = 3  # unknowns named in a sentence
TOLD = 2
MEANING = {  # of the methods that sentences are made from, the first two that were used
    REMOVED: "of the variance would go if it were known (joint draws)",
    TOTAL: "of the variance with its interactions (independent ranges)",
    SHAPLEY: "of the variance by Shapley effects (independent ranges)",
    MORRIS: "of the largest mean effect (independent ranges)",
}


def methods_used(table: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Return those of the wanted methods that the table has."""
    return [one for one in wanted if (table["method"] == one).any()]


def hinges(table: pd.DataFrame, year: float) -> list[str]:
    """Say what every answer hinges on in a year: the strongest unknowns, with intervals, and what did not converge."""
    lines = []
    for one in methods_used(table, tuple(MEANING))[:TOLD]:
        part = table[(table["method"] == one) & (table["year"] == year)]
        for answer, rows in part.groupby("answer", sort=False):
            lines.append(f"{str(answer).capitalize()}, {year:g}: {_strongest(rows, one)}")
    return lines


def _strongest(rows: pd.DataFrame, method: str) -> str:
    if (rows["why"] == STILL).all():
        return f"does not vary; nothing moves it ({method})."
    told = []
    for row in rows.head(NAMED).to_dict("records"):
        low, high = max(row["value"] - row["half_width"], 0.0), row["value"] + row["half_width"]
        way = "more" if row["direction"] > 0 else "less"
        doubt = "" if row["converged"] else ", not converged"
        chance = ", no influence shown" if row["influence"] is False else ""
        told.append(
            f"{row['unknown']} ({row['value']:.0%}, {low:.0%} to {high:.0%}; {way} where it is high{doubt}{chance})"
        )
    open_ = int((~rows["converged"].astype(bool)).sum())
    rest = "all indices converged" if not open_ else f"{open_} of {len(rows)} indices not converged"
    return f"{'; '.join(told)}. In brackets: {MEANING[method]}; {rest}."


def convergence(table: pd.DataFrame) -> list[str]:
    """Say for every method how many indices converged, and what held the others up."""
    lines = []
    for method, rows in table.groupby("method", sort=False):
        moving = rows[rows["why"] != STILL]
        good = int(moving["converged"].sum())
        line = f"{method}: {good} of {len(moving)} indices converged"
        bad = moving[~moving["converged"].astype(bool)]
        if len(bad):
            worst = bad.sort_values("value", ascending=False).iloc[0]
            line += f"; for instance {worst['unknown']} for {worst['answer']} in {worst['year']:g}: {worst['why']}"
        if len(moving) < len(rows):
            line += f"; {len(rows) - len(moving)} of answers that do not vary"
        lines.append(line + ".")
    return lines


def fails(found: Found, units: Mapping[str, str]) -> list[str]:
    """Say where a schedule fails: one sentence a box, held-out draws only."""
    head = f"Failure, {found.failure}: {found.rate:.0%} of {found.draws:,} draws."
    if not found.boxes:
        return [f"{head} No box: {found.why}."]
    return [head, *(f"  {box_words(box, units)}" for box in found.boxes)]


def box_words(box: Box, units: Mapping[str, str]) -> str:
    """Say a box in words with units."""
    bounds = [_bound(name, low, high, units.get(name, "")) for name, (low, high) in box.bounds.items()]
    listed = " and ".join(filter(None, (", ".join(bounds[:-1]), bounds[-1])))
    return (
        f"{listed}: {box.coverage:.0%} of failures, {box.density:.0%} dense ({box.density_low:.0%} to "
        f"{box.density_high:.0%}), {box.support:.0%} of held-out draws; chance of so dense a box {box.p:.1g}"
    )


def _bound(name: str, low: float, high: float, unit: str) -> str:
    if np.isfinite(low) and np.isfinite(high):
        return f"{name} from {_value(name, low, unit)} to {_value(name, high, unit)}"
    return f"{name} above {_value(name, low, unit)}" if np.isfinite(low) else f"{name} below {_value(name, high, unit)}"


def _value(name: str, value: float, unit: str) -> str:
    if unit == "Dmnl":
        return f"{value:.1%}" if name.endswith(("learning rate", "share")) else f"{value:.2g}"
    return f"{value:.2g} {unit}"
