"""What an answer hinges on: evidence, parameters, and a table of answers by third of the draws."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.phase_out.hinges import THIRDS, Evidence, drivers, of_draws, rank_correlation, thirds
from analysis.phase_out.results import Results
from analysis.phase_out.spread import spread
from analysis.plain.language import listed, one_by_one, sentence, term, worded
from analysis.plain.shown import capital
from analysis.plain.units import customary


def thirds_table(found: Results, response: str, evidence: Evidence | None, best: bool = True) -> pd.DataFrame:
    """The main answers by third of the draws as a small table: answers down, thirds across."""
    split = thirds(found, response, evidence)
    split = split[~split["answer"].str.startswith("first start" if best else ("first start", "least mean regret"))]
    last = found.safe[0].starts[-1] if found.safe else found.study.horizon
    cells = split.assign(
        text=[_cell(value, unit, last) for value, unit in zip(split["value"], split["unit"], strict=True)],
        answer=[term(one) for one in split["answer"]],
    )
    wide = cells.pivot_table(index="answer", columns="draws", values="text", aggfunc="first", sort=False)[list(THIRDS)]
    wide.columns = [term(third) for third in THIRDS]
    return wide.reset_index(names=worded("answer"))


def evidence_words(found: Results, response: str, evidence: Evidence | None) -> Iterator[str]:
    """Which evidence decides between the responses."""
    yield sentence(term(found.study.texts.evidence))
    if evidence is not None:
        s = spread(evidence.effect)
        rho = rank_correlation(of_draws(found, response), evidence.effect)
        reads = ""
        if abs(rho) > 0.5 and rho > 0:
            reads = worded(": who trusts the observed effect more reads the table further to the right")
        elif abs(rho) > 0.5:
            reads = worded(": who trusts the observed effect more reads the table further to the left")
        yield worded(
            "{effect}: observed {value:.2f} with standard deviation {deviation:.2f} ({source}); in the posterior "
            "{median:.2f} (50%: {low50:.2f} to {high50:.2f}; 90%: {low90:.2f} to {high90:.2f}), a compromise of "
            "that, the series and the prior. Its rank correlation with {response} is {rho:+.2f}{reads}.",
            effect=capital(term(evidence.name)), value=evidence.value, deviation=evidence.deviation,
            source=term(evidence.source), median=s.median, low50=s.low50, high50=s.high50, low90=s.low90,
            high90=s.high90, response=term(response), rho=rho, reads=reads,
        )  # fmt: skip


def driver_words(found: Results) -> list[str]:
    """The parameters that go most with the first answers, over the draws."""
    table = drivers(found)
    cells = []
    for answer in dict.fromkeys(table["answer"]):
        top = table[table["answer"] == answer].head(3)
        pairs = zip(top["parameter"], top["rank correlation"], strict=True)
        each = listed(f"{term(name)} {rho:+.2f}" for name, rho in pairs)
        cells.append(worded("{answer}: {each}", answer=term(answer), each=each))
    if not cells:
        return []
    return [worded("Rank correlations over the draws, strongest first. {each}.", each=capital(one_by_one(cells)))]


def _cell(value: object, unit: str, last: float) -> str:
    if not isinstance(value, float):
        return term(str(value))
    if np.isnan(value):
        return worded("not defined")
    if np.isinf(value):
        return worded("none to {last:g}", last=last)
    return f"{value:.0f}" if value > 1000 else f"{customary(unit)[0] * value:.2g}"
