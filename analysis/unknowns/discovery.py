"""Scenario discovery: for which unknowns a schedule fails, as boxes in words (Bryant and Lempert 2010, TFSC 77:34).

Boxes are leaves of a decision tree (CART, scikit-learn), grown on part of the draws and judged on draws it never saw:
coverage is the share of all failures in the box, density the share of failures among its draws, support its share of
draws. Trees cut draws apart, so boxes do not overlap. PRIM would give one box at a time; the kept library that has it
brings a plotting and a statistics package along for that one function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.tree import DecisionTreeClassifier

from analysis.unknowns.settings import Discovery
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError

Bounds = Mapping[str, tuple[float, float]]
Places = NDArray[np.int64]
LEAF = -1  # scikit-learn's mark of a node without children


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds of some unknowns, (low, high) with infinity for none, and how failures fall into them.

    `coverage`, `density` and `support` are shares of the held-out draws; `density_low` and `density_high` bound the
    density at 95% (Wilson), `p` is the chance of so dense a box at the overall rate (binomial test, one-sided), and
    `trained_density` the density in the draws that the box was made from.
    """

    bounds: Bounds
    coverage: float
    density: float
    support: float
    density_low: float
    density_high: float
    p: float
    trained_density: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for boxes gave: the rate of failure, boxes from the widest coverage down, and why if none."""

    failure: str
    rate: float
    draws: int
    held_out: int
    boxes: tuple[Box, ...]
    why: str


def discover(failure: str, samples: Mapping[str, Array], failed: Flags, rule: Discovery) -> Found:
    """Look for boxes of unknowns, (draw,) each, in which `failed`, (draw,), is dense.

    Raises InputError if lengths differ. Too few failures, or too few successes, is an answer, not an error.
    """
    size = len(failed)
    if short := [name for name, column in samples.items() if len(column) != size]:
        raise InputError(f"{failure}: {short[0]!r} has {len(samples[short[0]])} draws, failures have {size}")
    rate, rng = float(failed.mean()), np.random.default_rng(rule.seed)
    order = rng.permutation(size)
    cut = round(size * (1 - rule.held_out))
    seen, kept = np.sort(order[:cut]), np.sort(order[cut:])
    if min(failed.sum(), size - failed.sum()) < rule.fewest:
        hits = int(failed.sum())
        why = f"{hits} of {size} draws fail: at least {rule.fewest} failures and as many successes are needed"
        return Found(failure, rate, size, len(kept), (), why)
    names, matrix = list(samples), np.column_stack(list(samples.values()))
    tree = DecisionTreeClassifier(
        max_depth=rule.depth, min_samples_leaf=rule.smallest, random_state=rule.seed, min_impurity_decrease=1e-3
    ).fit(matrix[seen], failed[seen])
    judged = (_judged(bounds, samples, failed, seen, kept) for bounds in _leaves(tree, names))
    dense = [one for one in judged if one and one.trained_density >= rule.density and one.p <= rule.significance]
    boxes = sorted(dense, key=lambda one: -one.coverage)
    why = (
        "" if boxes else f"no box of {rule.depth} unknowns is {rule.density:.0%} dense beyond chance in held-out draws"
    )
    return Found(failure, rate, size, len(kept), tuple(boxes), why)


def _judged(bounds: Bounds, samples: Mapping[str, Array], failed: Flags, seen: Places, kept: Places) -> Box | None:
    inside = np.ones(len(failed), dtype=bool)
    for name, (low, high) in bounds.items():
        inside &= (samples[name] > low) & (samples[name] <= high)  # bounds belong to the box below them
    there, hits = int(inside[kept].sum()), int((inside & failed)[kept].sum())
    if not bounds or not there or not failed[kept].any():
        return None
    test = binomtest(hits, there, float(failed[seen].mean()), alternative="greater")
    interval = binomtest(hits, there).proportion_ci(0.95, method="wilson")
    return Box(
        bounds, hits / int(failed[kept].sum()), hits / there, there / len(kept),
        float(interval.low), float(interval.high), float(test.pvalue), float(failed[seen][inside[seen]].mean()),
    )  # fmt: skip


def _leaves(tree: DecisionTreeClassifier, names: Sequence[str]) -> list[Bounds]:
    """Bounds of every leaf: the tightest on its way from the root."""
    nodes = tree.tree_

    def below(node: int, bounds: Bounds) -> list[Bounds]:
        if nodes.children_left[node] == LEAF:
            return [bounds]
        name, cut = names[nodes.feature[node]], float(nodes.threshold[node])
        low, high = bounds.get(name, (-np.inf, np.inf))
        left = below(nodes.children_left[node], {**bounds, name: (low, min(high, cut))})
        return left + below(nodes.children_right[node], {**bounds, name: (max(low, cut), high)})

    return below(0, {})
