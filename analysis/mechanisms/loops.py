"""Which named loops do what an industry does, year by year: Loops That Matter over the draws of a posterior.

A year's share of a loop is the mean, over all time steps of the year, of the size of its relative score among the named
loops of the study; a loop that has several paths does what they do together.  Policy is no loop, so scores say
nothing of it: learning is held against support in `takeover`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.draws.runs import Drawn
from analysis.mechanisms.loop_study import LoopStudy, single_paths
from stockflow.arrays import Array
from stockflow.insight.structure import pairs
from stockflow.intervals import interval_columns

YEAR = 1.0
SAME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Dominance:
    """Shares of loops in one case: `years`, (year,), are whole calendar years, `names` the loops, in study order.

    `share` and `signed` have shape (draw, year, loop): size and sum with sign of what a loop does, of all named loops;
    both are 0 in a year in which nothing moves, and for loops that cannot act on most others.  `named` is the share of
    named loops among them and all independent loops of the model, (year,), a median over some draws.
    """

    case: str
    basis: str
    posterior: bool
    level: float
    years: Array
    names: tuple[str, ...]
    polarity: tuple[str, ...]
    share: Array
    signed: Array
    named: Array

    @property
    def dominates(self) -> Array:
        """Probability, (year, loop), that a loop alone does at least the level."""
        return np.asarray((self.share >= self.level).mean(axis=0))

    @property
    def in_smallest_set(self) -> Array:
        """Probability, (year, loop), that a loop is in the smallest set of loops that together do the level."""
        return np.asarray(smallest_sets(self.share, self.level).mean(axis=0))

    @property
    def strongest(self) -> Array:
        """Probability, (year, loop), that no loop does more."""
        top = self.share.max(axis=-1, keepdims=True)
        return np.asarray(((self.share >= top - SAME) & (top > 0)).mean(axis=0))


def loop_dominance(of: Drawn, study: LoopStudy, compared: bool = True) -> Dominance:
    """Score the named loops of a case in every draw.  Raises InputError for a path with a link the model has not.

    `named` is NaN where they are not `compared` with the model's independent loops, which takes as long again.
    """
    settings = study.case(of.case)
    loops = study.loops_of(of.case)
    paths = list(single_paths(loops))
    until = of.until(settings.until)
    scores = of.model.loop_scores(dict(of.samples), {name: path for _, name, path in paths}, until, YEAR)
    main = _main(scores["partition"].to_numpy())
    sizes, signs = (scores[name].to_numpy() * main for name in ("mean_share", "mean_relative_score"))
    names = tuple(loops)
    group = np.array([names.index(loop) for loop, _, _ in paths])
    share, signed = (
        np.stack([x[..., group == i].sum(-1) for i in range(len(names))], -1)[:, 1:] for x in (sizes, signs)
    )
    polarity = tuple(study.named(name).polarity for name in names)
    years = scores["time"].to_numpy()[1:] - YEAR
    known = _named_share(of, study, until) if compared else np.full(len(years), np.nan)
    return Dominance(of.case, of.basis, of.posterior, study.dominant, years, names, polarity, share, signed, known)


def _main(partition: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Say which loops are of the group that most are of: only loops that can act on each other are compared."""
    groups, counts = np.unique(partition, return_counts=True)
    return np.asarray(partition == groups[counts.argmax()])


def _named_share(of: Drawn, study: LoopStudy, until: float) -> Array:
    """Return the median share, (year,), of named loops among them and the model's independent loops."""
    named = {name: path for _, name, path in single_paths(study.loops_of(of.case))}
    known = {_links(of, path) for path in named.values()}
    others = {
        f"independent {loop.name}": loop.members for loop in of.model.loops() if _links(of, loop.members) not in known
    }
    few = np.unique(np.linspace(0, of.count - 1, min(study.compared_draws, of.count)).astype(int))
    samples = {name: values[few] for name, values in of.samples.items()}
    scores = of.model.loop_scores(samples, {**named, **others}, until, YEAR)
    main = scores["mean_share"].to_numpy() * _main(scores["partition"].to_numpy())
    mine, total = main[:, 1:, : len(named)].sum(-1), main[:, 1:].sum(-1)
    shares = np.divide(mine, total, out=np.full_like(total, np.nan), where=total > 0)
    return np.array([np.median(one[~np.isnan(one)]) if (~np.isnan(one)).any() else 0.0 for one in shares.T])


def _links(of: Drawn, path: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    return frozenset(pairs([of.model.variable(name).name for name in path]))


def smallest_sets(share: Array, level: float) -> NDArray[np.bool_]:
    """Return which loops (last axis) belong to the smallest set that does at least `level`, strongest first.

    Where all loops together do less, there is none.
    """
    order = np.argsort(-share, axis=-1, kind="stable")
    ranked = np.take_along_axis(share, order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    enough = (share.sum(axis=-1, keepdims=True) >= level - SAME) & (ranked > 0)
    chosen = (before < level - SAME) & enough
    out = np.zeros(share.shape, dtype=bool)
    np.put_along_axis(out, order, chosen, axis=-1)
    return out


def dominance_table(found: Dominance) -> pd.DataFrame:
    """One row for each year and loop: share with its 90% interval, sum with sign, probabilities."""
    alone, joint, first = found.dominates, found.in_smallest_set, found.strongest
    return pd.DataFrame(
        [
            {
                "case": found.case, "year": int(year), "loop": name, "expected": found.polarity[i],
                **interval_columns(found.share[:, y, i], "share"), "signed": float(np.median(found.signed[:, y, i])),
                "dominates alone": alone[y, i], "in smallest set": joint[y, i], "strongest": first[y, i],
                "named of all loops scored": found.named[y],
            }
            for y, year in enumerate(found.years) for i, name in enumerate(found.names)
        ]
    )  # fmt: skip


def phases(found: Dominance, first: float, last: float) -> list[tuple[int, int, str, float]]:
    """Return stretches of years by the loop most probably strongest: first year, last year, loop, mean probability."""
    out: list[tuple[int, int, str, float]] = []
    chosen: list[float] = []
    for y, year in enumerate(found.years):
        best = int(found.strongest[y].argmax())
        if not first <= year <= last or not found.strongest[y, best] > 0:
            continue
        name, probability = found.names[best], float(found.strongest[y, best])
        if out and out[-1][2] == name and out[-1][1] == int(year) - 1:
            chosen.append(probability)
            out[-1] = (out[-1][0], int(year), name, float(np.mean(chosen)))
        else:
            chosen = [probability]
            out.append((int(year), int(year), name, probability))
    return out
