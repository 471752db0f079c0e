"""Scoring an accepted fit on observations that it never saw, against the naive forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.forecasting.ahead import Fitted, ScoredForecast, accepted_fit, compared
from calibration.forecasting.scores import COMBINED, MODEL
from calibration.observed.money import Prices, convert, parse_unit
from calibration.own.data import Row, by_series, read_rows
from calibration.own.forecast import about
from stockflow.errors import InputError, unknown


def score_case(name: str, data: Path, since: int | None = None) -> tuple[ScoredForecast, ...]:
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
        out.append(compared(fitted, series, years, *about(fitted, series)).scored(np.array(values)))
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


def skill_table(scores: Sequence[ScoredForecast]) -> pd.DataFrame:
    """One row per series and forecaster, best CRPS first: years, CRPS and log score (of logarithms), coverage, wins."""
    rows = []
    for one in scores:
        ranked = sorted(one.skills.items(), key=lambda pair: pair[1].mean_crps)
        for who, skill in ranked:
            rows.append(
                {
                    "series": one.name, "forecaster": who, "years": len(skill.years), "first": skill.years[0],
                    "last": skill.years[-1], "CRPS": skill.mean_crps, "log score": skill.mean_log_score,
                    "inside 50%": skill.coverage[0.5], "inside 90%": skill.coverage[0.9],
                    "best": "yes" if who == ranked[0][0] else "",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def skill_words(scores: Sequence[ScoredForecast]) -> list[str]:
    """Say of each series who wins, and by how much the model beats the best naive forecast in hindsight or loses to it.

    The same ratio is given for the model combined with the reference named in advance.
    """
    out = []
    for one in scores:
        out += [f"{one.name}: no {who}: {why}" for who, why in one.absent.items()]
        best, model = one.best_naive, one.skills[MODEL]
        if best is None:
            out.append(f"{one.name}: no naive forecast could be made; nothing is won or lost")
            continue
        ratio = model.mean_crps / one.skills[best].mean_crps
        half = ""
        if COMBINED in one.skills:
            both = one.skills[COMBINED].mean_crps / one.skills[best].mean_crps
            half = f"; half and half with {one.reference} {both:.2f}"
        told = f"{one.name}: the model {'wins against' if ratio < 1 else 'loses to'} the best naive forecast, {best}"
        inside = "" if ratio < 1 else f"; {model.coverage[0.9]:.0%} of years inside its 90% interval"
        advice = "" if ratio < 1 else f": for a forecast of {one.name} alone take {best}"
        out.append(f"{told} (CRPS ratio {ratio:.2f}{half}{inside}){advice}")
    return out
