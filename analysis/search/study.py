"""A whole search of one case: every objective over every family of schedules, judged on more draws; then the front."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.plain.language import listed, term, worded
from analysis.plain.shown import significant
from analysis.plain.units import customary
from analysis.search.front import Front, Schedules, front, grid, joined, settled
from analysis.search.search import Goal, Levers, Search, search
from analysis.search.settings import Case, Family, Objective, SearchStudy
from analysis.search.worth import DECLINE, Measures, case_model, neutral, worth_of
from analysis.unknowns.outcomes import Tell
from calibration.fitting.inference_data import Posterior
from models.schedules.knots import knot_names
from stockflow.arrays import Array

SHORTEST, LONGEST = 0.5, 15.0  # years that the straight decline may take


@dataclass(frozen=True, slots=True)
class Problem:
    """One objective over one family of schedules: the search, and its best end judged on more draws.

    `value` and `value_history` are the objective on those draws; `better` is the share of them in which the end has
    more of it than history; for units on a budget, in which it has more units, whatever they cost in that draw.
    """

    family: Family
    objective: Objective
    search: Search
    judged: Measures
    value: float
    value_history: float
    better: float
    years: Array
    shares: Array
    path: str
    budget_words: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """All problems of a case, history on the same draws, and the front of the grid with the ends of the searches.

    `offered` says which subsidy was put there to be searched for, in a case that pays none.
    """

    case: str
    unit: str
    history: Measures
    problems: tuple[Problem, ...]
    front: Front
    share: float
    offered: str


def run_search(case: str, study: SearchStudy, posterior: Posterior, tell: Tell = lambda _: None) -> SearchAnswer:
    """Search every problem of the study, judge the ends on more draws, and place them on the front."""
    asked = study.case(case)
    _, offered = case_model(case, asked)
    if offered:
        tell(offered)
    few, many = posterior.spread(study.draws), posterior.spread(study.judged)
    names = knot_names()
    of_few, past = (worth_of(case, study, draws, names, "history").measures(neutral(names)) for draws in (few, many))
    budget = asked.budget * float(of_few.cost.mean())
    problems, ends = [], []
    shown = posterior.spread(study.grid.draws)
    for family in study.families:
        levers = levers_of(asked, family)
        judge = worth_of(case, study, few, levers.names, asked.level)
        for objective in study.objectives:
            on_budget = objective == "units for the budget"
            goal = Goal(asked.benefit, study.mcpf, study.worst, budget if on_budget else np.inf, on_budget)
            told = partial(_tell, tell, f"{objective}, {family}")
            found = search(judge, goal, levers, study, told)
            judged = worth_of(case, study, many, levers.names, asked.level).measures(found.best.x[None])
            problems.append(_problem(asked, family, objective, found, judged, past))
            measured = worth_of(case, study, shown, levers.names, asked.level).measures(found.best.x[None])
            ends.append(Schedules((f"searched: {objective}, {family}",), ("searched",), measured))
    whole = joined([grid(case, study, shown, tell), *ends])
    return SearchAnswer(case, asked.unit, past, tuple(problems), front(whole), study.grid.share, offered)


def _tell(tell: Tell, what: str, text: str) -> None:
    tell(worded("{what}: {part}", what=term(what), part=text))


def levers_of(asked: Case, family: Family) -> Levers:
    """Return what a family of schedules may move: falling shares at knots, or the start and length of a decline."""
    if family == "knots":
        names = knot_names()
        return Levers(names, np.zeros(len(names)), np.ones(len(names)), falling=True)
    return Levers(DECLINE, np.array([asked.first_knot, SHORTEST]), np.array([asked.horizon, LONGEST]), falling=False)


def _problem(
    asked: Case, family: Family, objective: Objective, found: Search, judged: Measures, past: Measures
) -> Problem:
    goal = found.goal
    gained, before = (goal.worth(one.units, one.cost)[0] for one in (judged, past))
    years, shares = path_of(asked, family, found.best.x)
    if family == "knots":
        path = path_words(years, shares)
    else:
        start, length = found.best.x
        path = worded(
            "full support to {start:.1f}, then a straight line to nothing over {length:.1f} years",
            start=start,
            length=length,
        )
    before_words, money, (factor, unit) = "", "", customary("bnCNY")
    if asked.level != "history":
        before_words = worded(" (of support as in {year:g}, held)", year=asked.held_from)
    if np.isfinite(goal.budget):
        money = worded("; budget {sum} {unit}", sum=significant(factor * goal.budget, 4), unit=unit)
    return Problem(
        family, objective, found, judged, float(goal.value(judged)[0]), float(goal.value(past)[0]),
        float((settled(gained) > settled(before)).mean()), years, shares, path + before_words, money,
    )  # fmt: skip


def path_of(asked: Case, family: Family, x: Array) -> tuple[Array, Array]:
    """Return years and shares of support left along an end's path, for words and figures."""
    if family == "knots":
        return asked.first_knot + asked.spacing * np.arange(len(x), dtype=float), x
    start, length = x
    years = np.array([asked.first_knot, start, start + length, max(asked.horizon, start + length)])
    return years, np.array([1.0, 1.0, 0.0, 0.0])


def path_words(years: Array, shares: Array) -> str:
    """Say a path of support at knots; equal neighbours are told once."""
    parts: list[str] = []
    for i, (year, share) in enumerate(zip(years, shares, strict=True)):
        inner = 0 < i < len(shares) - 1
        if inner and abs(share - shares[i - 1]) < 0.005 and abs(share - shares[i + 1]) < 0.005:
            continue
        parts.append(worded("{share:.0%} in {year:g}", share=share, year=year))
    return worded("support left {each}", each=listed(parts))
