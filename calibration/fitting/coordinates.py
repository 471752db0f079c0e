"""The space a fit walks in: parameters, scales of errors and their persistence, with priors and bounds.

Three spaces: natural values; coordinates, where priors are normal (logarithms for lognormal priors and for scales);
and the whole real line, a logit of each bounded coordinate, in which the sampler moves.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit, ndtr, ndtri

from calibration.fitting.targets import ErrorModel, Prior
from stockflow.arrays import Array

EDGE = 1e-9
TINY, FAR = 1e-9, 6.0  # a logarithm that may go to zero ends at TINY, or so many spreads below a centre near it


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One free parameter in the space the optimiser walks: the logarithm for a lognormal prior."""

    name: str
    prior: Prior
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        """Whether the optimiser sees the logarithm of the parameter."""
        return self.prior.shape == "lognormal"

    def inward(self, value: Array) -> Array:
        """Parameter value to optimiser coordinate."""
        return np.log(value) if self.logarithmic else np.asarray(value, dtype=float)

    def outward(self, x: Array) -> Array:
        """Optimiser coordinate to parameter value."""
        return np.exp(x) if self.logarithmic else np.asarray(x, dtype=float)

    @property
    def centre(self) -> float:
        """The prior's centre as a coordinate."""
        return float(self.inward(np.asarray(self.prior.centre)))

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds as coordinates."""
        low = self.low
        if self.logarithmic:
            low = max(low, min(TINY, self.prior.centre * float(np.exp(-FAR * self.prior.spread))))
        return float(self.inward(np.asarray(low))), float(self.inward(np.asarray(self.high)))

    def own_prior(self, x: float) -> float:
        """Minus the log density of the parameter's own prior at a coordinate, up to a constant."""
        return float(0.5 * ((x - self.centre) / self.prior.spread) ** 2)


@dataclass(frozen=True, slots=True)
class Space:
    """All coordinates of one fit: parameters first, then a scale and a persistence for each series.

    A scale is the logarithm of the error's size, half-normal with the stated error as its scale (Gelman 2006); a
    persistence is the lag-one autocorrelation, uniform. `centre` is the prior's centre (the stated error, a third of
    the largest persistence) and `spread` a natural step. Vectors have shape (size,) or (run, size).
    """

    parameters: tuple[Coordinate, ...]
    series: tuple[str, ...]
    stated: Array
    errors: ErrorModel
    low: Array = field(init=False)
    high: Array = field(init=False)
    centre: Array = field(init=False)
    spread: Array = field(init=False)
    logarithmic: NDArray[np.int64] = field(init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all coordinates in order."""
        scales = [f"error of {one}" for one in self.series]
        return (*(c.name for c in self.parameters), *scales, *(f"persistence of {one}" for one in self.series))

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.parameters) + 2 * len(self.series)

    def __post_init__(self) -> None:
        n, widest = len(self.series), float(np.log(self.errors.widest))
        rows = [c.bounds for c in self.parameters]
        rows += [(float(np.log(s)) - widest, float(np.log(s)) + widest) for s in self.stated]
        rows += [(0.0, self.errors.largest_persistence)] * n
        low, high = np.array(rows, dtype=float).reshape(-1, 2).T
        middle = [self.errors.largest_persistence / 3] * n
        centre = np.array([*(c.centre for c in self.parameters), *np.log(self.stated), *middle])
        spread = np.array([*(c.prior.spread for c in self.parameters), *[0.5] * n, *[0.25] * n])
        logarithmic = np.array([*(c.logarithmic for c in self.parameters), *[True] * n, *[False] * n], dtype=bool)
        for name, value in (("low", low), ("high", high), ("centre", centre), ("spread", spread)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "logarithmic", np.flatnonzero(logarithmic))

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bound of every coordinate."""
        return self.low.copy(), self.high.copy()

    def split(self, x: Array) -> tuple[Array, Array, Array]:
        """Coordinates (run, size) as parameter coordinates, error sizes and persistences, (run, ...) each."""
        p, n = len(self.parameters), len(self.series)
        return x[:, :p], np.exp(x[:, p : p + n]), x[:, p + n :]

    def values(self, x: Array) -> Array:
        """Natural values (run, size) of coordinates: parameters, error sizes, persistences."""
        out = np.array(np.atleast_2d(x), dtype=float)
        out[:, self.logarithmic] = np.exp(out[:, self.logarithmic])
        return out

    def inward(self, values: Array) -> Array:
        """Coordinates (run, size) of natural values."""
        out = np.array(np.atleast_2d(values), dtype=float)
        out[:, self.logarithmic] = np.log(out[:, self.logarithmic])
        return out

    def stretch(self, x: Array) -> Array:
        """Derivative of each parameter's value by its coordinate, (run, parameter)."""
        p = len(self.parameters)
        out = np.ones((len(x), p))
        places = self.logarithmic[self.logarithmic < p]
        out[:, places] = np.exp(x[:, places])
        return out

    def log_prior(self, x: Array) -> tuple[Array, Array]:
        """Log density of the prior in coordinates up to a constant, (run,), and its slopes, (run, size)."""
        p, n = len(self.parameters), len(self.series)
        centre, spread = self.centre, self.spread
        slopes = np.zeros_like(x)
        z = (x[:, :p] - centre[:p]) / spread[:p]
        slopes[:, :p] = -z / spread[:p]
        ratio = np.exp(2 * (x[:, p : p + n] - centre[p : p + n]))
        slopes[:, p : p + n] = 1 - ratio
        total = -0.5 * np.sum(z**2, axis=1) + np.sum(x[:, p : p + n] - 0.5 * ratio, axis=1)
        return total, slopes

    def to_line(self, x: Array) -> Array:
        """Coordinates strictly inside the bounds to the whole line."""
        return np.asarray(logit(np.clip((x - self.low) / (self.high - self.low), EDGE, 1 - EDGE)))

    def from_line(self, u: Array) -> Array:
        """Points of the whole line to coordinates inside the bounds."""
        return np.asarray(self.low + (self.high - self.low) * expit(u))

    def line_density(self, u: Array) -> tuple[float, Array, Array]:
        """Log of the volume change at `u`, (size,), its slopes, and the slope of each coordinate."""
        width, share = self.high - self.low, expit(u)
        volume = float(np.sum(log_expit(u) + log_expit(-u) + np.log(width)))
        return volume, 1 - 2 * share, width * share * (1 - share)

    def prior_draws(self, count: int, seed: int | np.random.Generator) -> Array:
        """Coordinates (run, size) drawn from the prior truncated at the bounds."""
        return self._from_cube(np.random.default_rng(seed).random((count, self.size)))

    def scatter(self, count: int, seed: int) -> Array:
        """Starting points (start, size): the prior's centre, then Sobol points of the truncated prior."""
        from scipy.stats import qmc  # takes half a second, which commands that fit nothing need not wait for

        sampler = qmc.Sobol(max(self.size, 1), seed=np.random.default_rng(seed))
        power = max(1, int(np.ceil(np.log2(max(count, 2)))))
        points = self._from_cube(sampler.random_base2(power)[: count - 1, : self.size])
        p = len(self.parameters)
        points[:, p:] = self.centre[p:]  # errors follow the misfit: nothing is gained by scattering them
        low, high = self.bounds
        margin = 1e-3 * self.spread
        return np.asarray(np.clip(np.concatenate([self.centre[None], points])[:count], low + margin, high - margin))

    def _from_cube(self, cube: Array) -> Array:
        p, n = len(self.parameters), len(self.series)
        low, high = self.bounds
        out = np.empty_like(cube)
        centre, spread = self.centre, self.spread
        below, above = ndtr((low - centre) / spread), ndtr((high - centre) / spread)
        share = below + cube * (above - below)
        out[:, :p] = centre[:p] + spread[:p] * ndtri(np.clip(share[:, :p], EDGE, 1 - EDGE))
        span = [2 * ndtr(np.exp(b[p : p + n]) / self.stated) - 1 for b in (low, high)]
        half = span[0] + cube[:, p : p + n] * (span[1] - span[0])
        out[:, p : p + n] = np.log(self.stated * ndtri(0.5 + 0.5 * np.clip(half, EDGE, 1 - EDGE)))
        out[:, p + n :] = low[p + n :] + cube[:, p + n :] * (high - low)[p + n :]
        return np.clip(out, low + EDGE, high - EDGE)
