"""Which unknowns drive an answer, on independent ranges: Morris screening, Sobol indices, Shapley effects.

Samplers and estimators are SALib's (Herman and Usher 2017, J. Open Source Software 2(9):97). Every index is found
twice, from all of the sample and from its first half, and carries a verdict; the rules stand in the study file.
Shapley effects here are for independent unknowns (Goda 2021): SALib's estimator asks for that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from SALib.analyze import morris as morris_analysis
from SALib.analyze import shapley as shapley_analysis
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import shapley as shapley_sample
from SALib.sample import sobol as sobol_sample
from SALib.sample.morris import sample as morris_sample
from scipy.stats import rankdata, spearmanr

from analysis.unknowns.indices import Index, still, varies, verdict
from analysis.unknowns.settings import Morris, Shapley, Sobol
from analysis.unknowns.unknowns import Unknown, problem
from stockflow.arrays import Array

Evaluate = Callable[[Array], tuple[Array, Mapping[str, Array]]]
MORRIS, FIRST, TOTAL, SHAPLEY = "Morris mean effect", "Sobol first order", "Sobol total", "Shapley effect"


@dataclass(frozen=True, slots=True)
class Design:
    """A sample of unknowns, (run, unknown), that `blocks` equal blocks of runs make up, and the answers' numbers."""

    unknowns: Sequence[Unknown]
    sample: Array
    blocks: int
    years: Array
    values: Mapping[str, Array]

    @property
    def names(self) -> list[str]:
        """Names of the unknowns in order."""
        return [one.name for one in self.unknowns]

    def first_half(self) -> int:
        """Number of runs in the first half of the blocks."""
        return len(self.sample) // self.blocks * (self.blocks // 2)


def morris(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Morris, confidence: float) -> list[Index]:
    """Return mean absolute elementary effects over the whole range of each unknown, as shares of the largest.

    `evaluate` takes (run, unknown) and returns years and answers (run, year) by name. An effect has converged if its
    interval is narrow and its place in the order holds when half the trajectories are left out; small effects need
    no stable place (Campolongo et al. 2007, Environmental Modelling & Software 22:1509).
    """
    sample = morris_sample(problem(unknowns), rule.trajectories, num_levels=rule.levels, seed=rule.seed)
    design = Design(unknowns, sample, rule.trajectories, *evaluate(sample))
    return [one for answer, place in _places(design) for one in _morris_one(design, answer, place, rule, confidence)]


def _morris_one(design: Design, answer: str, place: int, rule: Morris, confidence: float) -> list[Index]:
    y, year, half = design.values[answer][:, place], float(design.years[place]), design.first_half()
    if not varies(y) or not varies(y[:half]):
        return still(answer, year, design.names, MORRIS)

    def effects(count: int) -> tuple[Array, Array, Array]:
        found = morris_analysis.analyze(
            problem(design.unknowns), design.sample[:count], y[:count], num_resamples=rule.resamples,
            conf_level=confidence, num_levels=rule.levels, seed=rule.seed,
        )  # fmt: skip
        star, width, mean = (np.asarray(found[key], dtype=float) for key in ("mu_star", "mu_star_conf", "mu"))
        return star / star.max(), width / star.max(), mean / np.where(star > 0, star, 1.0)

    value, width, mean = effects(len(y))
    halved = effects(half)[0]
    before, after = rankdata(-value), rankdata(-halved)
    rows = []
    for i, name in enumerate(design.names):
        good, why = verdict(value[i], width[i], 0.0, rule.width, np.inf)
        moved = abs(before[i] - after[i])
        if moved > rule.ranks and max(value[i], halved[i]) > rule.small:
            good, told = False, f"place {before[i]:g} of all trajectories, {after[i]:g} of half of them"
            why = "; ".join(filter(None, (why, told)))
        rows.append(Index(answer, year, name, MORRIS, value[i], width[i], halved[i], good, why, None, mean[i]))
    return rows


def sobol(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Sobol, confidence: float) -> list[Index]:
    """Return first-order and total shares of variance of each unknown (Saltelli et al. 2010), evenly distributed.

    Base samples are scrambled Sobol points; intervals are SALib's, from resampled base samples.
    """
    sample = sobol_sample.sample(problem(unknowns), rule.base_samples, calc_second_order=False, seed=rule.seed)
    design = Design(unknowns, sample, rule.base_samples, *evaluate(sample))
    return [one for answer, place in _places(design) for one in _sobol_one(design, answer, place, rule, confidence)]


def _sobol_one(design: Design, answer: str, place: int, rule: Sobol, confidence: float) -> list[Index]:
    y, year, half = design.values[answer][:, place], float(design.years[place]), design.first_half()
    if not varies(y) or not varies(y[:half]):
        return still(answer, year, design.names, FIRST) + still(answer, year, design.names, TOTAL)

    def shares(count: int, resamples: int) -> dict[str, Array]:
        found = sobol_analysis.analyze(
            problem(design.unknowns), y[:count], calc_second_order=False, num_resamples=resamples,
            conf_level=confidence, seed=rule.seed,
        )  # fmt: skip
        return {key: np.asarray(found[key], dtype=float) for key in ("S1", "S1_conf", "ST", "ST_conf")}

    whole, part, ways = shares(len(y), rule.resamples), shares(half, 2), _directions(design, y)
    rows = []
    for method, key in ((FIRST, "S1"), (TOTAL, "ST")):
        found = (whole[key], whole[f"{key}_conf"], part[key], ways)
        rows += _shares(answer, year, method, design.names, found, rule)
    return rows


def shapley(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Shapley, confidence: float) -> list[Index]:
    """Return Shapley effects as shares of variance, which add up to one (Goda 2021, RESS 213:107702)."""
    sample = shapley_sample.sample(problem(unknowns), rule.trajectories, seed=rule.seed)
    design = Design(unknowns, sample, rule.trajectories, *evaluate(sample))
    return [one for answer, place in _places(design) for one in _shapley_one(design, answer, place, rule, confidence)]


def _shapley_one(design: Design, answer: str, place: int, rule: Shapley, confidence: float) -> list[Index]:
    y, year, half = design.values[answer][:, place], float(design.years[place]), design.first_half()
    if not varies(y) or not varies(y[:half]):
        return still(answer, year, design.names, SHAPLEY)
    whole, part = (
        shapley_analysis.analyze(problem(design.unknowns), design.sample[:n], y[:n], conf_level=confidence)
        for n in (len(y), half)
    )
    found = (*(whole[f"shapley_normalized{end}"] for end in ("", "_conf")), part["shapley_normalized"])
    return _shares(answer, year, SHAPLEY, design.names, (*found, _directions(design, y)), rule)


def _shares(
    answer: str, year: float, method: str, names: Sequence[str], found: Sequence[Array], rule: Sobol | Shapley
) -> list[Index]:
    """Shares of variance with their verdicts; `found`: share, half width, share from half the sample, direction."""
    rows = []
    for name, value, width, halved, way in zip(names, *found, strict=True):
        good, why = verdict(value, width, halved - value, rule.width, rule.halved)
        rows.append(Index(answer, year, name, method, value, width, halved, good, why, bool(value > width), way))
    return rows


def _places(design: Design) -> list[tuple[str, int]]:
    return [(answer, place) for answer in design.values for place in range(len(design.years))]


def _directions(design: Design, y: Array) -> Array:
    return np.array([float(spearmanr(column, y).statistic) for column in design.sample.T])
