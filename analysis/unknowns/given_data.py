"""Which unknowns drive an answer, from joint draws as they are: valid when unknowns are correlated.

Three indices, all SALib's: the share of variance that knowing one unknown would remove (the correlation ratio over
classes of equal count, less what chance gives: Kelley's epsilon squared), PAWN (Pianosi and Wagener 2018; the median
distance of distributions over slices) and Borgonovo's delta (Plischke et al. 2013). None of them says which of two
correlated unknowns acts: both carry what they share. Shuffled copies of the unknowns play no part by construction; an
index that is not clearly above those of such dummies shows no influence.

SALib's estimators of the first and the third are called one by one: its `delta.analyze` resamples in three ways of
which one is wanted, takes half a minute an answer, and turns errors into notes. Shapley effects of correlated unknowns
need conditional draws of the posterior, which no kept library makes from given draws, so they are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from SALib.analyze import delta as delta_analysis
from SALib.analyze import pawn as pawn_analysis
from scipy.stats import norm, spearmanr

from analysis.plain.language import term, worded
from analysis.unknowns.indices import Index, still, varies, verdict
from analysis.unknowns.outcomes import Outcomes
from analysis.unknowns.settings import GivenData
from stockflow.arrays import Array
from stockflow.errors import InputError

Estimate = Callable[[Array, Array], Array]
REMOVED, PAWN, DELTA = "variance removed", "PAWN", "delta"
GRID = 100  # points of the densities that delta compares, as in SALib


def given_data(
    samples: Mapping[str, Array],
    found: Outcomes,
    rule: GivenData,
    confidence: float,
    deep: Sequence[float],
    tell: Callable[[str], object] = lambda _: None,
) -> list[Index]:
    """Return the indices of every unknown (draw,) for every answer (draw, year).

    Delta, which is slow, is found for the years in `deep` only. An index has converged if its interval, from
    resampled draws, is narrow, and what it has above the shuffled columns holds when every second draw is left out.
    Raises InputError for fewer than 20 draws in a slice, and for an unknown that does not vary.
    """
    names, matrix = list(samples), np.column_stack(list(samples.values()))
    if len(matrix) < 20 * rule.slices:
        raise InputError(f"{len(matrix)} draws are too few for {rule.slices} slices: {20 * rule.slices} are needed")
    if flat := [name for name, column in samples.items() if not varies(column)]:
        raise InputError(f"{flat[0]!r} is the same in all draws")
    rng = np.random.default_rng(rule.seed)
    picked = rng.integers(len(names), size=rule.dummies)
    dummies = np.column_stack([rng.permutation(matrix[:, place]) for place in picked])
    removed, pawn = partial(_removed, classes=rule.classes), partial(_pawn, slices=rule.slices)
    estimates: dict[str, Estimate] = {REMOVED: removed, PAWN: pawn, DELTA: _delta}
    rows: list[Index] = []
    for answer, values in found.values.items():
        tell(worded("indices from {draws:,} joint draws: {answer}", draws=len(matrix), answer=term(answer)))
        for place, year in enumerate(found.years):
            for method, estimate in estimates.items():
                if method != DELTA or year in deep:
                    about = (answer, float(year), method)
                    rows += _one(about, names, matrix, dummies, values[:, place], estimate, rule, confidence)
    return rows


def _one(
    about: tuple[str, float, str],
    names: Sequence[str],
    x: Array,
    dummies: Array,
    y: Array,
    estimate: Estimate,
    rule: GivenData,
    confidence: float,
) -> list[Index]:
    answer, year, method = about
    if not varies(y) or not varies(y[::2]):
        return still(answer, year, names, method)
    value, chance = estimate(x, y), estimate(dummies, y)
    halved, chance_halved = estimate(x[::2], y[::2]), estimate(dummies[::2], y[::2])
    rng = np.random.default_rng(rule.seed)
    again = [rng.integers(len(y), size=len(y)) for _ in range(rule.resamples)]
    width = norm.ppf(0.5 + confidence / 2) * np.std([estimate(x[at], y[at]) for at in again], axis=0, ddof=1)
    rows, line = [], float(chance.mean() + rule.beyond * chance.std(ddof=1))
    for i, name in enumerate(names):
        shift = (halved[i] - chance_halved.mean()) - (value[i] - chance.mean())
        good, why = verdict(value[i], width[i], shift, rule.width, rule.halved)
        matters, way = bool(value[i] > line), float(spearmanr(x[:, i], y).statistic)
        rows.append(Index(answer, year, name, method, value[i], width[i], halved[i], good, why, matters, way))
    return rows


def _classes(count: int) -> Array:
    """Bounds of the classes that SALib's delta cuts an unknown into, by number of draws (Plischke et al. 2013)."""
    exponent = 2.0 / (7.0 + np.tanh((1500.0 - count) / 500.0))
    return np.linspace(0, count, min(int(np.ceil(count**exponent)), 48) + 1)


def _removed(x: Array, y: Array, classes: int) -> Array:
    bounds = np.linspace(0, len(y), classes + 1)
    raw = np.array([float(delta_analysis.sobol_first(y, column, bounds)) for column in x.T])
    return 1 - (1 - raw) * (len(y) - 1) / (len(y) - classes)


def _delta(x: Array, y: Array) -> Array:
    classes, grid = _classes(len(y)), np.linspace(y.min(), y.max(), GRID)
    return np.array([float(delta_analysis.calc_delta(y, grid, column, classes)) for column in x.T])


def _pawn(x: Array, y: Array, slices: int) -> Array:
    about = {"num_vars": x.shape[1], "names": [str(i) for i in range(x.shape[1])]}
    return np.asarray(pawn_analysis.analyze(about, x, y, S=slices)["median"], dtype=float)
