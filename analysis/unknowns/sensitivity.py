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
Find = Callable[["Answer"], list[Index]]
MORRIS, FIRST, TOTAL, SHAPLEY = "Morris mean effect", "Sobol first order", "Sobol total", "Shapley effect"


@dataclass(frozen=True, slots=True)
class Answer:
    """The numbers `y`, (run,), of one answer in one year; the first `half` runs are half of the sample's blocks."""

    name: str
    year: float
    y: Array
    half: int


def _indices(
    unknowns: Sequence[Unknown], evaluate: Evaluate, sample: Array, blocks: int, methods: Sequence[str], found: Find
) -> list[Index]:
    """Return what is `found` of every answer in every year over a sample, (run, unknown), of `blocks` equal blocks.

    An answer that does not vary, or not in the first half of the blocks, has no index by any of the `methods`.
    """
    years, values = evaluate(sample)
    names, half = [one.name for one in unknowns], len(sample) // blocks * (blocks // 2)
    rows = []
    for answer, columns in values.items():
        for year, y in zip(years.tolist(), columns.T, strict=True):
            if varies(y) and varies(y[:half]):
                rows += found(Answer(answer, year, y, half))
            else:
                rows += [one for method in methods for one in still(answer, year, names, method)]
    return rows


def morris(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Morris, confidence: float) -> list[Index]:
    """Return mean absolute elementary effects over the whole range of each unknown, as shares of the largest.

    `evaluate` takes (run, unknown) and returns years and answers (run, year) by name. An effect has converged if its
    interval is narrow and its place in the order holds when half the trajectories are left out; small effects need
    no stable place (Campolongo et al. 2007, Environmental Modelling & Software 22:1509).
    """
    about = problem(unknowns)
    sample = morris_sample(about, rule.trajectories, num_levels=rule.levels, seed=rule.seed)

    def effects(y: Array) -> tuple[Array, Array, Array]:
        found = morris_analysis.analyze(
            about, sample[: len(y)], y, num_resamples=rule.resamples, conf_level=confidence, num_levels=rule.levels,
            seed=rule.seed,
        )  # fmt: skip
        star, width, mean = (np.asarray(found[key], dtype=float) for key in ("mu_star", "mu_star_conf", "mu"))
        return star / star.max(), width / star.max(), mean / np.where(star > 0, star, 1.0)

    def found(of: Answer) -> list[Index]:
        value, width, mean = effects(of.y)
        halved = effects(of.y[: of.half])[0]
        before, after = rankdata(-value), rankdata(-halved)
        rows = []
        for i, one in enumerate(unknowns):
            good, why = verdict(value[i], width[i], 0.0, rule.width, np.inf)
            if abs(before[i] - after[i]) > rule.ranks and max(value[i], halved[i]) > rule.small:
                good, told = False, f"place {before[i]:g} of all trajectories, {after[i]:g} of half of them"
                why = "; ".join(filter(None, (why, told)))
            numbers = value[i], width[i], halved[i]
            rows.append(Index(of.name, of.year, one.name, MORRIS, *numbers, good, why, None, mean[i]))
        return rows

    return _indices(unknowns, evaluate, sample, rule.trajectories, [MORRIS], found)


def sobol(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Sobol, confidence: float) -> list[Index]:
    """Return first-order and total shares of variance of each unknown (Saltelli et al. 2010), evenly distributed.

    Base samples are scrambled Sobol points; intervals are SALib's, from resampled base samples.
    """
    about = problem(unknowns)
    sample = sobol_sample.sample(about, rule.base_samples, calc_second_order=False, seed=rule.seed)

    def found(of: Answer) -> list[Index]:
        whole, part = (
            sobol_analysis.analyze(
                about, y, calc_second_order=False, num_resamples=resamples, conf_level=confidence, seed=rule.seed
            )
            for y, resamples in ((of.y, rule.resamples), (of.y[: of.half], 2))
        )
        return [
            index
            for method, key in ((FIRST, "S1"), (TOTAL, "ST"))
            for index in _shares(of, method, unknowns, sample, (whole[key], whole[f"{key}_conf"], part[key]), rule)
        ]

    return _indices(unknowns, evaluate, sample, rule.base_samples, [FIRST, TOTAL], found)


def shapley(unknowns: Sequence[Unknown], evaluate: Evaluate, rule: Shapley, confidence: float) -> list[Index]:
    """Return Shapley effects as shares of variance, which add up to one (Goda 2021, RESS 213:107702)."""
    about = problem(unknowns)
    sample = shapley_sample.sample(about, rule.trajectories, seed=rule.seed)

    def found(of: Answer) -> list[Index]:
        whole, part = (
            shapley_analysis.analyze(about, sample[: len(y)], y, conf_level=confidence) for y in (of.y, of.y[: of.half])
        )
        key = "shapley_normalized"
        return _shares(of, SHAPLEY, unknowns, sample, (whole[key], whole[f"{key}_conf"], part[key]), rule)

    return _indices(unknowns, evaluate, sample, rule.trajectories, [SHAPLEY], found)


def _shares(
    of: Answer, method: str, unknowns: Sequence[Unknown], sample: Array, found: Sequence[Array], rule: Sobol | Shapley
) -> list[Index]:
    """Shares of variance with their verdicts; `found`: share, half width, share from half the sample."""
    rows = []
    for one, column, value, width, halved in zip(unknowns, sample.T, *found, strict=True):
        good, why = verdict(value, width, halved - value, rule.width, rule.halved)
        way = float(spearmanr(column, of.y).statistic)
        rows.append(
            Index(of.name, of.year, one.name, method, value, width, halved, good, why, bool(value > width), way)
        )
    return rows
