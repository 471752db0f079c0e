"""Sensitivity as sentences: what it hinges on, and where it fails."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.plain.language import listed, marked, one_by_one, sentence, sentences, term, translated, worded
from analysis.plain.shown import capital
from analysis.plain.units import customary
from analysis.unknowns.discovery import Box, Found
from analysis.unknowns.given_data import REMOVED
from analysis.unknowns.indices import STILL
from analysis.unknowns.sensitivity import MORRIS, SHAPLEY, TOTAL

NAMED = 3  # unknowns named in a sentence
TOLD = 2
MEANING = {  # of the methods that sentences are made from, the first two that were used
    REMOVED: marked("of the variance would go if it were known (joint draws)"),
    TOTAL: marked("of the variance with its interactions (independent ranges)"),
    SHAPLEY: marked("of the variance by Shapley effects (independent ranges)"),
    MORRIS: marked("of the largest mean effect (independent ranges)"),
}


def methods_used(table: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Return those of the wanted methods that the table has."""
    return [one for one in wanted if (table["method"] == one).any()]


def hinges(table: pd.DataFrame, year: float) -> Iterator[str]:
    """Say what every answer hinges on in a year: the strongest unknowns, with intervals, and what did not converge."""
    for one in methods_used(table, tuple(MEANING))[:TOLD]:
        part = table[(table["method"] == one) & (table["year"] == year)]
        for answer, rows in part.groupby("answer", sort=False):
            told = _strongest(rows, one)
            yield worded("{answer}, {year:g}: {told}", answer=capital(term(str(answer))), year=year, told=told)


def _strongest(rows: pd.DataFrame, method: str) -> str:
    if (rows["why"] == STILL).all():
        return worded("does not vary; nothing moves it ({method}).", method=term(method))
    told = []
    for row in rows.head(NAMED).to_dict("records"):
        low, high = max(row["value"] - row["half_width"], 0.0), row["value"] + row["half_width"]
        way = worded("more where it is high") if row["direction"] > 0 else worded("less where it is high")
        doubts = [] if row["converged"] else [worded("not converged")]
        doubts += [worded("no influence shown")] if row["influence"] is False else []
        told.append(
            worded(
                "{unknown} ({value:.0%}, {low:.0%} to {high:.0%}; {way})",
                unknown=term(row["unknown"]),
                value=row["value"],
                low=low,
                high=high,
                way=listed([way, *doubts]),
            )
        )
    open_ = int((~rows["converged"].astype(bool)).sum())
    rest = worded("all indices converged")
    if open_:
        rest = worded("{some} of {all} indices not converged", some=open_, all=len(rows))
    return worded(
        "{each}. In brackets: {meaning}; {rest}.", each=one_by_one(told), meaning=term(MEANING[method]), rest=rest
    )


def convergence(table: pd.DataFrame) -> Iterator[str]:
    """Say for every method how many indices converged, and what held the others up."""
    for method, rows in table.groupby("method", sort=False):
        moving = rows[rows["why"] != STILL]
        good = int(moving["converged"].sum())
        parts = [
            worded("{method}: {good} of {all} indices converged", method=term(str(method)), good=good, all=len(moving))
        ]
        bad = moving[~moving["converged"].astype(bool)]
        if len(bad):
            worst = bad.sort_values("value", ascending=False).iloc[0]
            parts.append(
                worded(
                    "for instance {unknown} for {answer} in {year:g}: {why}",
                    unknown=term(worst["unknown"]),
                    answer=term(worst["answer"]),
                    year=worst["year"],
                    why=one_by_one(map(term, worst["why"].split("; "))),
                )
            )
        if len(moving) < len(rows):
            parts.append(worded("{count} of answers that do not vary", count=len(rows) - len(moving)))
        yield sentence(one_by_one(parts))


def fails(found: Found, units: Mapping[str, str]) -> list[str]:
    """Say where a schedule fails: one sentence a box, held-out draws only."""
    head = worded(
        "Failure, {failure}: {rate:.0%} of {draws:,} draws.",
        failure=term(found.failure),
        rate=found.rate,
        draws=found.draws,
    )
    if not found.boxes:
        return [sentences([head, worded("No box: {why}.", why=term(found.why))])]
    return [head, *(f"  {box_words(box, units)}" for box in found.boxes)]


def box_words(box: Box, units: Mapping[str, str]) -> str:
    """Say a box in words with units."""
    bounds = [_bound(name, low, high, units.get(name, "")) for name, (low, high) in box.bounds.items()]
    together = translated(" and ").join(filter(None, (listed(bounds[:-1]), bounds[-1])))
    return worded(
        "{bounds}: {coverage:.0%} of failures, {density:.0%} dense ({low:.0%} to {high:.0%}), {support:.0%} of "
        "held-out draws; chance of so dense a box {p:.1g}",
        bounds=together,
        coverage=box.coverage,
        density=box.density,
        low=box.density_low,
        high=box.density_high,
        support=box.support,
        p=box.p,
    )


def _bound(name: str, low: float, high: float, unit: str) -> str:
    told, first, last = term(name), _value(name, low, unit), _value(name, high, unit)
    if np.isfinite(low) and np.isfinite(high):
        return worded("{name} from {first} to {last}", name=told, first=first, last=last)
    if np.isfinite(low):
        return worded("{name} above {value}", name=told, value=first)
    return worded("{name} below {value}", name=told, value=last)


def _value(name: str, value: float, unit: str) -> str:
    if unit == "Dmnl":
        return f"{value:.1%}" if name.endswith(("learning rate", "share")) else f"{value:.2g}"
    factor, named = customary(unit)
    return worded("{value} {unit}", value=f"{factor * value:.2g}", unit=named)
