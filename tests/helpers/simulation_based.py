"""Is the sampler right? Simulation-based calibration: Talts, Betancourt, Simpson, Vehtari and Gelman 2018.

Parameters are drawn from the prior, observations from the model with them, and the posterior of those observations is
sampled. Over many repetitions the rank of what was drawn among the posterior's draws is uniform, whatever the model, if
likelihood, slopes, prior and sampler are all right; a wrong size of the errors shows as a U, a wrong centre as a slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chisquare

from calibration.fitting.fit import climb
from calibration.fitting.inference_data import replicated
from calibration.fitting.likelihood import soft_range, yearly_errors
from calibration.fitting.payoff import Payoff
from calibration.fitting.posterior import sample_chain
from calibration.fitting.targets import Sampling
from stockflow.arrays import Array
from stockflow.cores import usable_cores
from stockflow.errors import InputError

TRIES = 1000  # draws of the prior among which one must give a run that can be observed


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks (replication, coordinate), 0 to `draws`, of what was drawn from the prior among `draws` of the posterior.

    `divergent` is the share of transitions that diverged, over all replications.
    """

    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    draws: int
    divergent: float

    def counts(self, bins: int) -> NDArray[np.int64]:
        """Histogram (coordinate, bin) of the ranks; InputError unless bins of equal size hold all `draws` + 1 ranks."""
        if bins < 2 or (self.draws + 1) % bins:
            raise InputError(f"{bins} bins do not divide the {self.draws + 1} ranks that there can be")
        place = self.ranks * bins // (self.draws + 1)
        return np.stack([np.bincount(column, minlength=bins) for column in place.T])

    def chances(self, bins: int) -> dict[str, float]:
        """Chance of ranks at least as uneven, by coordinate, were they uniform (chi-square test of the histogram)."""
        return {name: float(chisquare(row).pvalue) for name, row in zip(self.names, self.counts(bins), strict=True)}


def observing(
    payoff: Payoff, values: Sequence[Array], dates: Sequence[float] = (), effects: Sequence[float] = ()
) -> Payoff:
    """Return the same payoff had other things been observed: values (year,) for each series, in the same years.

    Errors keep the sizes stated for the observations in place now; `dates` of the events and values of the
    `effects` stay as they are unless given. InputError for a wrong shape or a value that is not positive.
    """
    series = []
    for one, other in zip(payoff.series, values, strict=True):
        if other.shape != one.values.shape or not (np.isfinite(other) & (other > 0)).all():
            raise InputError(f"series {one.target.name!r}: values must be {len(one.years)} positive numbers")
        series.append(replace(one, values=np.array(other, dtype=float)))
    out = copy(payoff)
    out.series = tuple(series)
    out.errors = yearly_errors([(s.years, s.values, s.multiplier) for s in series], payoff.errors.degrees)
    if dates:
        given = zip(payoff.events, dates, strict=True)
        out.events = tuple(one.model_copy(update={"year": float(year)}) for one, year in given)
    if effects:
        found = zip(payoff.effects, effects, strict=True)
        out.effects = tuple(one.model_copy(update={"value": float(value)}) for one, value in found)
    return out


def simulated(payoff: Payoff, rng: np.random.Generator) -> tuple[Array, Payoff]:
    """Draw coordinates (size,) from the prior and observations from the model; return them as a payoff of the draw.

    Stated ranges, which are no observations, belong to the prior: a draw is kept with the chance that they give it.
    So does being defined at all. InputError if no draw in a thousand can be kept.
    """
    for _ in range(TRIES):
        x = payoff.space.prior_draws(1, rng)[0]
        kept = np.isfinite(payoff.log_density(x)[0])
        found = payoff.ranges_at(x) if kept else {}
        chance = sum(soft_range(found[r.name], r.low, r.high, r.width)[0][0] for r in payoff.ranges if kept)
        kept = kept and np.log(rng.random()) < chance
        if kept:
            break
    else:
        raise InputError(f"{payoff.model.file.name}: no draw of the prior in {TRIES} gives a run that can be observed")
    values = [part[0] for part in replicated(payoff, x, int(rng.integers(2**63)))]
    dates, effects = payoff.events_at(x), payoff.effects_at(x)
    return x, observing(
        payoff,
        values,
        [rng.normal(dates[one.name][0], one.sd) for one in payoff.events],
        [rng.normal(effects[one.name][0], one.sd) for one in payoff.effects],
    )


def rank(payoff: Payoff, rules: Sampling, keep: int, seed: int) -> tuple[NDArray[np.int64], int]:
    """Rank one draw of the prior: ranks (coordinate,) among `keep` evenly spaced draws of one chain, and divergences.

    The chain starts as a calibration's does, near the mode that is found from the prior's centre.
    """
    x, made = simulated(payoff, np.random.default_rng(seed))
    mode, _ = climb(made, made.space.centre[None])
    draws = sample_chain(made, mode, rules, seed, chain=0)
    spaced = draws.flat[rules.draws // keep - 1 :: rules.draws // keep][:keep]
    return np.sum(spaced < x, axis=0, dtype=np.int64), int(draws.diverging.sum())


def ranks(
    payoff: Payoff, replications: int, rules: Sampling, keep: int, seed: int, tick: Callable[[], object] | None = None
) -> Ranks:
    """Return the ranks of so many draws of the prior; the observations in `payoff` play no part, only their years.

    `rules` says how long each chain tunes and draws; of its draws `keep` are ranked among, few enough to be nearly
    independent. Seeds are `seed`, `seed` + 1 and so on. InputError if there are fewer draws than are kept.
    """
    if not 1 <= keep <= rules.draws:
        raise InputError(f"keep is {keep}, but must be 1 to {rules.draws}, the draws of a chain")

    def work(number: int) -> tuple[NDArray[np.int64], int]:
        found = rank(payoff, rules, keep, seed + number)
        if tick:
            tick()
        return found

    with ThreadPoolExecutor(usable_cores()) as pool:
        found = list(pool.map(work, range(replications)))
    divergent = sum(count for _, count in found) / (replications * rules.draws)
    return Ranks(payoff.space.names, np.stack([row for row, _ in found]), keep, divergent)
