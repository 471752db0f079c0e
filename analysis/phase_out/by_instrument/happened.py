"""Changes of support that were made: what was observed, and what the model says, with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.phase_out.study import Happened
from analysis.plain.language import marked, one_by_one, sentence, sentences, term, translated, worded
from analysis.plain.shown import capital
from calibration.fitting.inference_data import Posterior
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import EffectTarget, Targets
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval

WHERE = {
    (False, True): marked("inside the interval"), (False, False): marked("OUTSIDE the interval"),
    (True, True): marked("at the very end of the interval"), (True, False): marked("just OUTSIDE the interval"),
}  # fmt: skip
COLUMNS = ("what", "check", "observed", "model", "low", "high", "inside")


def happened_table(targets: Targets, posterior: Posterior, asked: Sequence[Happened]) -> pd.DataFrame:
    """One row for each change: observed, median and 90% interval of the model, and whether the first lies inside.

    The interval is that of the model over the draws, without error of observation. InputError for a series or an effect
    that the fit lacks, and for a series without the years.
    """
    rows = []
    for one in asked:
        if one.effect:
            target, values = effect_of(one.effect, targets, posterior, "happened")
            observed = target.value
        else:
            observed, values = _growth(one, targets, posterior)
        low, median, high = interval(values)
        rows.append((one.what, one.check, observed, median, low, high, low <= observed <= high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def happened_words(table: pd.DataFrame) -> list[str]:
    """One sentence for each change."""
    return [
        worded(
            "{what}: observed {observed:.0%}, model {model:.0%} (90%: {low:.0%} to {high:.0%}), {where}.",
            what=capital(term(row["what"])), observed=row["observed"], model=row["model"], low=row["low"],
            high=row["high"], where=translated(WHERE[_edge(row), bool(row["inside"])]),
        )
        for row in table.to_dict("records")
    ]  # fmt: skip


def objection(table: pd.DataFrame, evidence: str) -> str:
    """What speaks against an answer: each change made that the model misses or hardly meets, and the evidence."""
    last = sentence(term(evidence))
    told = [
        (
            worded(
                "{what} (observed {observed:.0%}, model {model:.0%})",
                what=term(row["what"]), observed=row["observed"], model=row["model"],
            ),
            _edge(row), row["inside"],
        )
        for row in table.to_dict("records")
    ]  # fmt: skip
    just = [what for what, edge, _ in told if edge]
    missed = [what for what, edge, inside in told if not (edge or inside)]
    said = [worded("the model misses: {missed}", missed=one_by_one(missed))] if missed else []
    said += [worded("the model barely reproduces: {just}", just=one_by_one(just))] if just else []
    return sentences([sentence(one_by_one(said)), last] if said else [last])


def _edge(row: Mapping[Hashable, Any]) -> bool:
    """Whether an observation is as large as an end of the interval, as far as both are shown."""
    return f"{row['observed']:.0%}" in {f"{row['low']:.0%}", f"{row['high']:.0%}"}


def failing(table: pd.DataFrame) -> list[str]:
    """Return the checks that fail: with one of them no schedule is called the best."""
    return [str(what) for what in table.loc[table["check"] & ~table["inside"].astype(bool), "what"]]


def effect_of(name: str, targets: Targets, posterior: Posterior, place: str) -> tuple[EffectTarget, Array]:
    """Return an effect of the target file and what it is in every draw; InputError, at `place`, if the fit lacks it."""
    known = {target.name: target for target in targets.effects}
    if name not in known or name not in posterior.reported:
        having = ", ".join(map(repr, known)) or "none"
        raise InputError(f"{place}: effect {name!r} is not in the fit of {posterior.case}; it has {having}")
    return known[name], posterior.reported[name]


def _growth(one: Happened, targets: Targets, posterior: Posterior) -> tuple[float, Array]:
    known = {target.name: target for target in targets.series}
    if one.series not in known or one.series not in posterior.series:
        having = ", ".join(map(repr, posterior.series))
        raise InputError(f"happened: series {one.series!r} is not in the fit of {posterior.case}; it has {having}")
    observed = fitted_series(known[one.series])
    years, modelled, _ = posterior.series[one.series]
    for year in (one.before, one.after):
        if year not in years or year not in observed.years:
            raise InputError(f"happened: {one.series!r} of {posterior.case} has no observation of {year}")
    places = [list(years).index(year) for year in (one.after, one.before)]
    seen = [float(observed.values[np.flatnonzero(observed.years == year)[0]]) for year in (one.after, one.before)]
    return seen[0] / seen[1] - 1, np.asarray(modelled[:, places[0]] / modelled[:, places[1]] - 1)
