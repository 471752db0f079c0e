"""From a study to runs: the model with its sums, the plans with their schedules, and what computes or reads them."""

from __future__ import annotations

from analysis.laboratory.account import ARREARS, CREDITS, LEVY, LINES, PROMISED, RETURNED, SUPPORT_AND_TAX, TOTAL, sums
from analysis.laboratory.adoption import MADE, MARKET, OUTSTANDING, PLANT, RUSH, SHARE, SOLD
from analysis.laboratory.results import SIGNALS
from analysis.laboratory.study import Study
from stockflow import Model
from stockflow.accumulate import with_sums

NEVER_AGAIN = 2200.0  # no run gets there


def prepared(study: Study, model: Model) -> Model:
    """Return the model with the sums that the results read, and no new support from the horizon on.

    Until the horizon every value keeps its bits; after it only contracts that exist are paid: the tail.
    """
    closing = {"support suspension start": study.horizon, "support suspension end": NEVER_AGAIN}
    return with_sums(model.with_constants(closing), sums(study.case))


def outputs(study: Study) -> tuple[str, ...]:
    """Names of all variables that the results of a study read."""
    apart = CREDITS if study.case == "nev" else LEVY
    lines = [line.stock for line in (*LINES, RETURNED, PROMISED, apart)]
    adoption = (SHARE, SOLD, MADE, MARKET, PLANT, RUSH, OUTSTANDING)
    return (*adoption, *lines, TOTAL, SUPPORT_AND_TAX, ARREARS, *SIGNALS[study.case])
