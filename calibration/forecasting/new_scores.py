"""Scoring an accepted fit on observations that it never saw, against the naive forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.forecasting.ahead import Comparison, Fitted, accepted_fit, compared
from calibration.forecasting.scores import MODEL, Skill, best_naive, crps_of
from calibration.observed.money import Prices, convert, parse_unit
from calibration.own.data import Row, by_series, read_rows
from calibration.own.forecast import about
from stockflow.errors import InputError, unknown

NOTHING_NAIVE = "no naive forecast could be made; nothing is won or lost"


@dataclass(frozen=True, slots=True, eq=False)
class NewScore:
    """One series on new observations: every forecaster's draws and scores, and the last year the fit has seen."""

    comparison: Comparison
    observed: tuple[float, ...]
    skills: dict[str, Skill]


def score_case(name: str, data: Path, since: int | None = None) -> tuple[NewScore, ...]:
    """Score the accepted fit of a case on the observations in `data`, rows before the year `since` left out.

    Columns are those of `calibration.own.data`; series are named, and values given, as in the case's observations (of a
    shipped case: the names and units of its target file, or a unit that converts). InputError by row for a series that
    the fit does not have, a unit that does not convert, and an observation of a year that the fit has seen.
    """
    fitted = accepted_fit(name)
    rows = tuple(row for row in read_rows(data) if since is None or row.year >= since)
    if not rows:
        raise InputError(f"{data}: no observation from {since} on")
    _refuse_seen(fitted, rows)
    found = _values(fitted, rows)
    out = []
    for series, points in found.items():
        years, values = zip(*sorted(points.items()), strict=True)
        comparison = compared(fitted, series, years, *about(fitted, series))
        out.append(NewScore(comparison, values, comparison.scored(np.array(values))))
    return tuple(out)


def _refuse_seen(fitted: Fitted, rows: Sequence[Row]) -> None:
    for row in rows:
        if row.series not in fitted.names:
            raise unknown("fitted series", row.series, fitted.names, row.place, listed=True)
        last = int(fitted.series(row.series).years[-1])
        if row.year <= last:
            raise InputError(
                f"{row.place}: {row.series} of {row.year} is not after {last}, the last year that the fit has seen; "
                f"score with --from {last + 1} or take the row out"
            )


def _values(fitted: Fitted, rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """Return the rows by series and year, in the units of the targets."""
    own = fitted.case.home.units_of()
    if own is not None:
        read = by_series(rows, own)
        return {one.name: dict(zip(one.years, one.in_model, strict=True)) for one in read.values()}
    out: dict[str, dict[int, float]] = {}
    prices = Prices.read()
    for row in rows:
        target = fitted.series(row.series).target
        value = row.value
        if row.unit != target.unit:
            try:
                value = convert(value, row.year, parse_unit(row.unit), parse_unit(target.unit), prices)
            except InputError as reason:
                raise InputError(
                    f"{row.place}: {row.series} is in {row.unit!r}, not {target.unit!r}: {reason}"
                ) from None
        if row.year > fitted.case.model.final_time - 1:
            raise InputError(
                f"{row.place}: year {row.year} is after the run, which ends {fitted.case.model.final_time:g}"
            )
        out.setdefault(row.series, {})[row.year] = value
    return out


def score_table(skills: Mapping[str, Mapping[str, Skill]]) -> pd.DataFrame:
    """One row per series and forecaster, best CRPS first: years, CRPS and log score (of logarithms), coverage, wins."""
    rows = []
    for series, known in skills.items():
        ranked = sorted(known.items(), key=lambda pair: pair[1].mean_crps)
        for who, skill in ranked:
            rows.append(
                {
                    "series": series, "forecaster": who, "years": len(skill.years), "first": skill.years[0],
                    "last": skill.years[-1], "CRPS": skill.mean_crps, "log score": skill.mean_log_score,
                    "inside 50%": skill.coverage[0.5], "inside 90%": skill.coverage[0.9],
                    "best": "yes" if who == ranked[0][0] else "",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def score_words(scores: Sequence[NewScore]) -> list[str]:
    """Say of each series who wins, and by how much the model beats the best naive forecast or loses to it."""
    out = []
    for one in scores:
        for who, why in one.comparison.absent.items():
            out.append(f"{one.comparison.name}: no {who}: {why}")
        best = best_naive(crps_of(one.skills))
        if best is None:
            out.append(f"{one.comparison.name}: {NOTHING_NAIVE}")
            continue
        ratio = one.skills[MODEL].mean_crps / one.skills[best].mean_crps
        told = "wins against" if ratio < 1 else "loses to"
        out.append(f"{one.comparison.name}: the model {told} the best naive forecast, {best} (CRPS ratio {ratio:.2f})")
    return out
