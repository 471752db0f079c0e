"""What each loop is for: stage dates and sales without it, in the same draw, over the draws of a posterior.

A loop is cut by holding one or two of its variables (`cut` in the study file) from a year on: at a given value, or at
the value they have then.  A cut through a variable that several loops share cuts them all; the study file says which.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.runs import OWN, Drawn, Runs, held, own_paths, run
from analysis.draws.stages import STAGE_OUTPUTS, STAGES, later
from analysis.mechanisms.loop_study import Held, LoopStudy
from analysis.plain.language import listed, term, worded
from analysis.plain.progress import each
from stockflow.arrays import Array
from stockflow.intervals import interval_columns

SALES = "Cumulative Domestic Sales"
OUTPUTS = ("Cumulative Functions", "Cumulative Production")  # in order of preference: a chip is not what it was
LEAST_CHANGE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Knockout:
    """One loop cut in every draw: years later for each stage, (draw, stage), and change of sums, (draw,) each.

    A stage that only the run with the loop reaches is infinitely later, one that neither reaches is NaN; changes are
    shares of what the same draw has with the loop.
    """

    loop: str
    polarity: str
    cut: Held
    since: float
    delay: Array
    sales: Array
    output: Array

    @property
    def acts(self) -> bool:
        """Whether cutting it changes anything."""
        return moves(self.delay, self.sales)


def knockouts(of: Drawn, study: LoopStudy) -> list[Knockout]:
    """Cut every loop of a case that has a cut, one at a time."""
    settings = study.case(of.case)
    until = of.until(settings.until)
    with_all = run(of, outcomes(of), until)
    found = []
    for name in each(study.loops_of(of.case), worded("loops of {case}", case=term(of.case)), "loop"):
        loop = study.named(name)
        cut = loop.cut_of(of.case)
        if not cut:
            continue
        since = of.model.initial_time if loop.since == "start" else settings.since
        without = cut_run(of, cut, since, until)
        delay = later(without.stages(), with_all.stages())
        sums = (change_of(without, with_all, one, until) for one in (SALES, output_of(with_all.values)))
        found.append(Knockout(name, loop.polarity, cut, since, delay, *sums))
    return found


def cut_run(of: Drawn, cut: Held, since: float, until: float) -> Runs:
    """Run every draw with variables held from a year on."""
    return run(of, outcomes(of), until, series=held(own_paths(of, cut, until), cut, since))


def research_elasticity(of: Drawn, study: LoopStudy) -> Array:
    """Return the elasticity of output to the stock of firms' research at the end of the runs, (draw,).

    ln(output ratio) / ln(stock ratio) of two runs of the same draw, one with a lower research intensity throughout;
    the stock sums research spending, which grows old as knowledge does (perpetual inventory).
    """
    about, until = study.research, of.until(study.case(of.case).until)
    output = output_of(of.model.variables)
    names = (output, about.spending, about.intensity, about.obsolescence)
    base = run(of, names, until)
    fewer = run(of, names, until, samples={about.intensity: about.factor * base.values[about.intensity][:, 0]})
    age = until - base.times
    left = np.exp(-base.values[about.obsolescence][:, :1] * age)
    stocks = [(runs.values[about.spending] * left).sum(1) for runs in (fewer, base)]
    made = [runs.at(output, until) for runs in (fewer, base)]
    return np.asarray(np.log(made[0] / made[1]) / np.log(stocks[0] / stocks[1]))


def output_of(names: Container[str]) -> str:
    """Return the variable that sums the output of a case: functions where units hold ever more of them, else units."""
    return next(name for name in OUTPUTS if name in names)


def outcomes(of: Drawn) -> tuple[str, ...]:
    """Return the variables that a case with a cut loop is compared by."""
    return (*STAGE_OUTPUTS, SALES, output_of(of.model.variables))


def moves(delay: Array, *shares: Array) -> bool:
    """Say whether any stage comes at another time, or any change, a share, is more than `LEAST_CHANGE`."""
    sizes = np.abs(np.concatenate([delay.ravel(), *shares]))
    return bool((sizes > LEAST_CHANGE).any())


def change_of(runs: Runs, reference: Runs, variable: str, year: float) -> Array:
    """Return the change of a variable in a year as a share of the reference, (draw,)."""
    before = reference.at(variable, year)
    return np.asarray(runs.at(variable, year) / np.where(before > 0, before, np.nan) - 1.0)


def cut_words(cut: Held) -> str:
    """Say what a cut holds."""
    told = [worded("{name} at its own value", name=term(name)) if value == OWN else f"{term(name)} = {value:g}"
            for name, value in cut.items() if value == OWN or not isinstance(value, str)]  # fmt: skip
    others = ((name, value) for name, value in cut.items() if isinstance(value, str) and value != OWN)
    return listed([*told, *(worded("{name} as {value}", name=term(name), value=term(value)) for name, value in others)])


def knockout_table(case: str, basis: str, found: list[Knockout], years: float) -> pd.DataFrame:
    """One row for each loop and outcome: change without the loop with its 90% interval over the draws."""
    rows = []
    for one in found:
        about = {
            "case": case,
            "loop": one.loop,
            "polarity": one.polarity,
            "cut": cut_words(one.cut),
            "since": one.since,
        }
        outcomes = {f"years to {stage}": one.delay[:, place] for place, stage in enumerate(STAGES)}
        outcomes |= {f"domestic sales to {years:g}": one.sales, f"output to {years:g}": one.output}
        for name, values in outcomes.items():
            known = values[~np.isnan(values)]
            rows.append(
                {
                    **about, "outcome": name, **interval_columns(values, "change"),
                    "later or more": float((known > LEAST_CHANGE).mean()) if known.size else np.nan,
                    "never reached": float(np.isposinf(values).mean()), "draws": known.size, "basis": basis,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
