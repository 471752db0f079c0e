"""What an answer hinges on: the answers again for weak, middling and strong responses, and rank correlations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from analysis.phase_out.exit import regret_table, safe_years
from analysis.phase_out.results import Results
from analysis.phase_out.runs import main_arm
from analysis.phase_out.spread import Measure, spread
from analysis.plain.language import marked
from stockflow.arrays import Array
from stockflow.names import plain

THIRDS = (marked("lowest third"), marked("middle third"), marked("highest third"))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A causal effect that decides: as observed outside the series (value, deviation, source), and in every draw."""

    name: str
    value: float
    deviation: float
    source: str
    effect: Array


def thirds(found: Results, response: str, evidence: Evidence | None) -> pd.DataFrame:
    """The main answers once for each third of the draws, ordered by the parameter `response`.

    One row per third and answer: median and 90% interval where it is a number of every draw, one value where it is
    about all draws of the third (a probability, a safe year).
    """
    main = found.arms[main_arm(found.arms)].label
    rows = []
    order = np.array_split(np.argsort(of_draws(found, response), kind="stable"), len(THIRDS))
    for name, places in zip(THIRDS, order, strict=True):
        rows.append(_numbers(name, Measure(response, "1", of_draws(found, response)[places])))
        if evidence is not None:
            rows.append(_numbers(name, Measure(evidence.name, "1", evidence.effect[places])))
        for one in found.safe:
            again = safe_years(one.family, one.starts, one.kept[:, places], found.study.exit.probability)
            rows.append(_one(name, f"safe exit year, {one.family}", "year", again.year))
            rows.append(_numbers(name, Measure(f"first start that holds, {one.family}", "year", again.by_draw)))
        rows.append(_one(name, f"probability of relapse, {main}", "1",
                         found.measure(main, "relapse").values[places].mean()))  # fmt: skip
        for what in (f"cost per additional unit, at {found.study.rate:.0%}", "free riders"):
            one_measure = found.measure(main, what)
            rows.append(_numbers(name, Measure(f"{what}, {main}", one_measure.unit, one_measure.values[places])))
        for worth in found.study.worth.values:
            table = regret_table([p.label for p in found.arms], found.gains(worth)[:, places])
            best = table["schedule"].iloc[int(np.argmin(table["mean regret"]))]
            rows.append(_one(name, f"least mean regret, {worth} worth of a unit", "schedule", best))
    return pd.DataFrame(rows)


def drivers(found: Results) -> pd.DataFrame:
    """Rank correlations of every parameter with the main answers over the draws, strongest first for each answer.

    A draw without a safe start ranks after the last start; draws in which an answer has no meaning are left out.
    An answer that is the same in all draws hinges on nothing here and is left out.
    """
    main = found.arms[main_arm(found.arms)].label
    answers = {f"first start that holds, {one.family}": one.by_draw for one in found.safe}
    for what in (f"cost per additional unit, at {found.study.rate:.0%}", "free riders", "years in relapse"):
        answers[f"{what}, {main}"] = found.measure(main, what).values
    rows = []
    for answer, values in answers.items():
        known = ~np.isnan(values)
        if known.sum() > 2 and len(np.unique(values[known])) > 1:
            for name, draws in found.draws.items():
                if len(np.unique(draws[known])) > 1:
                    rho = rank_correlation(draws[known], values[known])
                    rows.append({"answer": answer, "parameter": name, "rank correlation": rho})
    table = pd.DataFrame(rows, columns=["answer", "parameter", "rank correlation"])
    order = table.assign(size=-table["rank correlation"].abs(), at=table["answer"].map(list(answers).index))
    return table.loc[order.sort_values(["at", "size"]).index].reset_index(drop=True)


def rank_correlation(one: Array, other: Array) -> float:
    """Spearman's rank correlation; equal values share their rank, infinite ones rank last, a constant has 0."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (one, other)]
    size = np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1]))
    return float(ranks[0] @ ranks[1] / size) if size > 0 else 0.0


def of_draws(found: Results, parameter: str) -> Array:
    """Values of a parameter, in any spelling, in every draw."""
    return next(values for name, values in found.draws.items() if plain(name) == plain(parameter))


def _numbers(third: str, one: Measure) -> dict[str, object]:
    s = spread(one.values)
    return _one(third, one.name, one.unit, s.median) | {"90% low": s.low90, "90% high": s.high90}


def _one(third: str, answer: str, unit: str, value: object) -> dict[str, object]:
    return {"draws": third, "answer": answer, "unit": unit, "value": value, "90% low": np.nan, "90% high": np.nan}
