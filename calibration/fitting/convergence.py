"""Whether draws of several chains may be believed: R-hat, effective draws, and the rules they are held against.

Formulae of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization, folding, and localization: an
improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16(2), as ArviZ computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.fitting.targets import Sampling
from stockflow.arrays import Array, Flags

_FEWEST = 4  # draws of a chain


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Convergence of every reported quantity: rank-normalised R-hat, effective draws of bulk and tails."""

    names: tuple[str, ...]
    rhat: Array
    bulk: Array
    tail: Array
    divergent: float
    draws: int

    def failures(self, rules: Sampling) -> list[str]:
        """Say what breaks the rules, worst first; empty when all is well."""
        said = []
        checks = (
            ("R-hat", self.rhat, rules.largest_rhat, "above", 1.0),
            ("bulk ESS", self.bulk, rules.smallest_ess, "below", -1.0),
            ("tail ESS", self.tail, rules.smallest_ess, "below", -1.0),
        )
        for what, values, bound, side, sign in checks:
            excess = np.where(np.isfinite(values), sign * (values - bound), np.inf)
            if (excess > 0).any():
                worst, count = int(np.argmax(excess)), int((excess > 0).sum())
                said.append(
                    f"{what} of {self.names[worst]!r} is {values[worst]:.4g}, {side} {bound:g} ({count} in all)"
                )
        if self.divergent > rules.most_divergent:
            said.append(f"{self.divergent:.2%} of transitions diverged, above {rules.most_divergent:.2%}")
        return said


def diagnose(quantities: Mapping[str, Array], diverging: Flags) -> Diagnostics:
    """Return the diagnostics of named quantities, each (chain, draw).

    Those of a quantity that never moves, or is not always a number, are not numbers.
    """
    rhats, bulks, tails = ([f(np.asarray(q, dtype=float)) for q in quantities.values()] for f in (rhat, bulk, tail))
    return Diagnostics(
        tuple(quantities), np.array(rhats), np.array(bulks), np.array(tails), float(diverging.mean()), diverging.size
    )


def rhat(draws: Array) -> float:
    """Return rank-normalised split R-hat of draws (chain, draw), the larger of that of the bulk and of the tails."""
    if _not_comparable(draws, chains=2):
        return np.nan
    halves = _split(draws)
    return max(_ratio(_normal_scores(halves)), _ratio(_normal_scores(np.abs(halves - np.median(halves)))))


def bulk(draws: Array) -> float:
    """Return the effective number of draws (chain, draw) for the bulk: that of their rank-normalised values."""
    return np.nan if _not_comparable(draws) else _effective(_normal_scores(_split(draws)))


def tail(draws: Array) -> float:
    """Return the effective number of draws (chain, draw) for the tails: the smaller for the 5% and 95% quantiles."""
    if _not_comparable(draws):
        return np.nan
    return min(_effective(_split((draws <= level).astype(float))) for level in np.quantile(draws, [0.05, 0.95]))


def _not_comparable(draws: Array, chains: int = 1) -> bool:
    return draws.shape[0] < chains or draws.shape[1] < _FEWEST or not np.isfinite(draws).all()


def _split(draws: Array) -> Array:
    """Return the halves of each chain as chains of their own."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws: Array) -> Array:
    """Return the normal quantiles of the ranks among all draws, with Blom's offset of 3/8 (equation 14)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(draws, method="average").reshape(draws.shape)
    return np.asarray(ndtri((ranks - 3 / 8) / (draws.size + 1 / 4)))


def _ratio(chains: Array) -> float:
    """Return R-hat of chains (chain, draw) (equations 1 to 4), not a number where nothing moves."""
    within = np.var(chains, axis=1, ddof=1).mean()
    if within == 0:
        return np.nan
    count = chains.shape[1]
    between = count * np.var(chains.mean(axis=1), ddof=1)
    return float(np.sqrt((between / within + count - 1) / count))


def _effective(chains: Array) -> float:
    """Return the effective number of draws of chains (chain, draw) (equations 10 to 13).

    Autocorrelations are summed in pairs up to the first pair that is not positive, and no pair counts for more than
    the one before it (Geyer 1992). Anticorrelated draws count for at most N log10(N).
    """
    total, count = chains.size, chains.shape[1]
    if np.ptp(chains) < np.finfo(float).resolution:
        return float(total)
    covariances = _autocovariances(chains).mean(axis=0)
    within = covariances[0] * count / (count - 1)
    above = covariances[0] + np.var(chains.mean(axis=1), ddof=1)
    correlations = 1 - (within - covariances) / above
    correlations[0] = 1.0
    pairs = correlations[: 2 * max((count - 1) // 2, 1)].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    last = int(ends[0]) if ends.size else len(pairs) - 1
    even = correlations[2 * last]
    rest = even if even > 0 or pairs[last] >= 0 else 0.0
    time = -1 + 2 * np.minimum.accumulate(pairs[:last]).sum() + rest
    return float(total / max(time, 1 / np.log10(total)))


def _autocovariances(chains: Array) -> Array:
    """Return the autocovariances (chain, lag) of chains (chain, draw), each divided by the number of draws."""
    count = chains.shape[1]
    spectrum = np.fft.rfft(chains - chains.mean(axis=1, keepdims=True), n=2 * count, axis=1)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, n=2 * count, axis=1)[:, :count] / count)
