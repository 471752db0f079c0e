"""The best schedules and the front of adoption against public cost, as sentences."""

import numpy as np

from analysis.search.front import HISTORY, Front
from analysis.search.settings import Case
from analysis.search.study import Problem, SearchAnswer


def problem_words(problem: Problem, answer: SearchAnswer) -> list[str]:
    """Say what the best schedule of one problem is, what it brings, and whether both searches agree."""
    best, unit, past = problem.search.best, answer.unit, answer.history
    here = problem.judged
    units, cost = float(here.units.mean()), float(here.cost.mean())
    return [
        f"{problem.objective.capitalize()}, {problem.family}: {problem.path}.",
        f"  Brings {units:,.5g} {unit} for {cost:,.4g} bnCNY (history {past.units.mean():,.5g} for "
        f"{past.cost.mean():,.4g}), means over {here.units.shape[1]} draws.",
        f"  Better than history in {problem.better:.0%} of draws; objective {problem.value:,.5g} against "
        f"{problem.value_history:,.5g}{problem.budget_words}.",
        f"  {problem.search.words}; {best.runs + best.passes:,} runs along slopes to the best end, "
        f"{problem.search.free.runs:,} without.",
    ]


def assumption_words(asked: Case, mcpf: float, timing: float) -> list[str]:
    """Say what a search takes for granted: the worth of a unit, the cost of money, and what buyers see coming."""
    seen = f"{asked.announced:.0%} of buyers see a searched schedule one anticipation horizon ahead"
    rush = "nobody rushes before a cut" if timing == 0 else "buyers rush before a cut they see"
    return [
        f"Assumed: {asked.benefit:g} bnCNY per {asked.unit} ({asked.benefit_source}); "
        f"a yuan of public money costs {1 + mcpf:g}.",
        f"Assumed: {seen}, and at a timing elasticity of {timing:g} {rush}. "
        "An abrupt end costs nothing in the model beyond idle capacity and lost learning.",
    ]


def front_words(front: Front, unit: str, share: float) -> list[str]:
    """Say where history stands on the front."""
    table = front.table.set_index("schedule")
    here = table.loc[HISTORY]
    efficient = table[table["on the front"]]
    year = here["year of the share"]
    reached = (
        f"{share:.0%} of the market, kept for a year, from {year:.1f}"
        if np.isfinite(year)
        else f"{share:.0%} of the market never kept for a year"
    )
    lines = [
        f"History: {here['units']:,.5g} {unit} ({here['units low']:,.5g} to {here['units high']:,.5g}) for "
        f"{here['cost']:,.4g} bnCNY ({here['cost low']:,.4g} to {here['cost high']:,.4g}); {reached}.",
        f"{len(efficient)} of {len(table)} schedules are on the front (medians; in brackets the middle half of draws).",
    ]
    by = here["dominated by"]
    if isinstance(by, str):
        other = table.loc[by]
        lines.append(
            f"History is dominated, cheapest by '{by}': {other['units']:,.5g} {unit} for {other['cost']:,.4g} bnCNY."
        )
    else:
        lines.append("History is on the front: no schedule tried brings more for less.")
    if front.hindsight == 0:
        return [*lines, "No schedule tried dominates history in any draw."]
    lines.append(
        f"Most likely to dominate history: '{front.best}', in {front.probability:.0%} of draws; "
        f"some schedule, chosen after the fact, in {front.hindsight:.0%}."
    )
    return lines
