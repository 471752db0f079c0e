"""The best schedules and the front of adoption against public cost, as sentences."""

from collections.abc import Iterator

import numpy as np

from analysis.plain.language import term, worded
from analysis.plain.shown import capital, significant
from analysis.plain.units import customary
from analysis.search.front import HISTORY, Front
from analysis.search.settings import Case
from analysis.search.study import Problem, SearchAnswer


def problem_words(problem: Problem, answer: SearchAnswer) -> Iterator[str]:
    """Say what the best schedule of one problem is, what it brings, and whether both searches agree."""
    best, unit, past = problem.search.best, answer.unit, answer.history
    here, (factor, named), (money, bn) = problem.judged, customary(unit), customary("bnCNY")
    objective, family = capital(term(problem.objective)), term(problem.family)
    yield worded("{objective}, {family}: {path}.", objective=objective, family=family, path=problem.path)
    yield "  " + worded(
        "Brings {units} {unit} for {cost} {money} (history {past_units} for {past_cost}), means over {draws} draws.",
        units=significant(factor * float(here.units.mean()), 5),
        unit=named,
        cost=significant(money * float(here.cost.mean()), 4),
        money=bn,
        past_units=significant(factor * past.units.mean(), 5),
        past_cost=significant(money * past.cost.mean(), 4),
        draws=here.units.shape[1],
    )
    yield "  " + worded(
        "Better than history in {better:.0%} of draws; objective {value:,.5g} against {history:,.5g}{budget}.",
        better=problem.better,
        value=problem.value,
        history=problem.value_history,
        budget=problem.budget_words,
    )
    yield "  " + worded(
        "{search}; {runs:,} runs along slopes to the best end, {free:,} without.",
        search=problem.search.words,
        runs=best.runs + best.passes,
        free=problem.search.free.runs,
    )


def assumption_words(asked: Case, mcpf: float, timing: float) -> list[str]:
    """Say what a search takes for granted: the worth of a unit, the cost of money, and what buyers see coming."""
    rush = worded("nobody rushes before a cut") if timing == 0 else worded("buyers rush before a cut they see")
    (factor, unit), (money, bn) = customary(asked.unit), customary("bnCNY")
    return [
        worded(
            "Assumed: {benefit:g} {money} per {unit} ({source}); a yuan of public money costs {cost:g}.",
            benefit=money * asked.benefit / factor,
            money=bn,
            unit=unit,
            source=term(asked.benefit_source),
            cost=1 + mcpf,
        ),
        worded(
            "Assumed: {announced:.0%} of buyers see a searched schedule one anticipation horizon ahead, and at a "
            "timing elasticity of {timing:g} {rush}. An abrupt end costs nothing in the model beyond idle capacity and "
            "lost learning.",
            announced=asked.announced,
            timing=timing,
            rush=rush,
        ),
    ]


def front_words(front: Front, unit: str, share: float) -> list[str]:
    """Say where history stands on the front."""
    table = front.table.set_index("schedule")
    here = table.loc[HISTORY].to_dict()
    efficient = table[table["on the front"]]
    year, (factor, named), (money, bn) = here["year of the share"], customary(unit), customary("bnCNY")
    reached = worded("{share:.0%} of the market never kept for a year", share=share)
    if np.isfinite(year):
        reached = worded("{share:.0%} of the market, kept for a year, from {year:.1f}", share=share, year=year)
    lines = [
        worded(
            "History: {units} {unit} ({low} to {high}) for {cost} {money} ({cheap} to {dear}); {reached}.",
            units=significant(factor * here["units"], 5),
            unit=named,
            low=significant(factor * here["units low"], 5),
            high=significant(factor * here["units high"], 5),
            cost=significant(money * here["cost"], 4),
            money=bn,
            cheap=significant(money * here["cost low"], 4),
            dear=significant(money * here["cost high"], 4),
            reached=reached,
        ),
        worded(
            "{some} of {all} schedules are on the front (medians; in brackets the middle half of draws).",
            some=len(efficient),
            all=len(table),
        ),
    ]
    by = here["dominated by"]
    if isinstance(by, str):
        other = table.loc[by].to_dict()
        lines.append(
            worded(
                "History is dominated, cheapest by '{schedule}': {units} {unit} for {cost} {money}.",
                schedule=term(by),
                units=significant(factor * other["units"], 5),
                unit=named,
                cost=significant(money * other["cost"], 4),
                money=bn,
            )
        )
    else:
        lines.append(worded("History is on the front: no schedule tried brings more for less."))
    if front.hindsight == 0:
        return [*lines, worded("No schedule tried dominates history in any draw.")]
    lines.append(
        worded(
            "Most likely to dominate history: '{schedule}', in {probability:.0%} of draws; some schedule, chosen after "
            "the fact, in {hindsight:.0%}.",
            schedule=term(front.best),
            probability=front.probability,
            hindsight=front.hindsight,
        )
    )
    return lines
