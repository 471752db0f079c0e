"""Any fit looked ahead: draws of its series in years after the last one fitted, naive forecasts beside them, scores.

An error of the last fitted year is carried forward: that of a volume fades, a cost starts from its last observation.
The fit is given here: that to all years, or one to what was known in a year (`calibration.forecasting.forecast`).

Forecasts are also made of forecasts, by rules named in advance: nothing is learnt, and nothing chosen by what came. The
combination offered to users is half the model and half a reference; the equal-weight pool of all naive forecasts stands
beside it as what somebody without a model would take.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from calibration.fitting.fit import closed_payoff
from calibration.fitting.payoff import FittedSeries, Payoff, reading
from calibration.fitting.targets import load_targets
from calibration.forecasting.baselines import Experience, extrapolated_experience, known_experience, naive_draws
from calibration.forecasting.scores import COMBINED, MODEL, POOL, Skill, best_naive, crps_of, is_naive, score
from calibration.forecasting.settings import BaselineSettings, Kind
from calibration.observed.history import History, Years, natural
from calibration.records.results import accepted_posterior
from models.case import Case, load_case
from stockflow.arrays import Array
from stockflow.errors import unknown
from stockflow.over_time import QUARTER

Mode = Literal["conditional", "unconditional"]
MODES: tuple[Mode, ...] = ("conditional", "unconditional")
Past = Callable[[], History]
REFERENCES: Mapping[Kind, str] = {"cost": "Wright's law", "flow": "Gompertz", "level": "Gompertz"}
ELSE = "Moore's law"  # the reference of any series whose own one could not be made


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit with its draws: `x` are coordinates (run, size) of `payoff`; `case` is what it is a fit of."""

    case: Case
    payoff: Payoff
    x: Array
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fitted series."""
        return tuple(one.target.name for one in self.payoff.series)

    @cached_property
    def last(self) -> Array:
        """Modelled values (run, series) of the last fitted year of each series, in its unit."""
        return np.stack([values[:, -1] for values in self.payoff.series_values(self.x)], axis=1)

    def place(self, name: str) -> int:
        """Return the place of a fitted series; InputError for one that is not fitted."""
        if name not in self.names:
            raise unknown("fitted series", name, self.names)
        return self.names.index(name)

    def series(self, name: str) -> FittedSeries:
        """Return a fitted series."""
        return self.payoff.series[self.place(name)]

    def modelled(self, name: str, years: Years) -> Array:
        """Return modelled values (run, year) of a series, in its unit."""
        place = self.place(name)
        return modelled_after(self.payoff, self.x, {place: years})[place]

    def ahead(
        self, name: str, years: Years, kind: Kind, modelled: Array | None = None, rng: np.random.Generator | None = None
    ) -> Array:
        """Return draws (run, year) of what will be observed in `years` after the last fitted one.

        `modelled` are the modelled values in these years, where they are known already. A cost starts from its last
        observation itself; the last error of a volume counts as much as it did in the fit.
        """
        place, series = self.place(name), self.series(name)
        _, sigma, rho = self.payoff.space.split(self.x)
        last = np.log(series.values[-1]) - np.log(self.last[:, place])
        errors = carried_forward(
            last if kind == "cost" else last / series.multiplier[-1], sigma[:, place], rho[:, place], kind,
            int(series.years[-1]), years, self.payoff.errors.degrees, self.rng(name) if rng is None else rng,
        )  # fmt: skip
        return natural(np.log(self.modelled(name, years) if modelled is None else modelled) + errors)

    def rng(self, name: str) -> np.random.Generator:
        """Return the generator of a series: the same for the same fit and name."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


def accepted_fit(name: str) -> Fitted:
    """Return the accepted fit of a case with its kept draws; InputError if there is none, or it is out of date."""
    case = load_case(name)
    posterior = accepted_posterior(case.name)
    targets = load_targets(case.name)
    payoff = closed_payoff(case, targets)
    known = {**posterior.parameters, **posterior.reported}
    values = np.stack([known[one] for one in payoff.space.names], axis=1)
    return Fitted(case, payoff, payoff.space.inward(values), targets.seed)


def modelled_after(payoff: Payoff, x: Array, years: Mapping[int, Years]) -> dict[int, Array]:
    """Return modelled values (run, year), series' unit, of coordinates `x` in `years` of the series at each place."""
    terms = [
        reading(payoff.series[i].target.quantity, payoff.series[i].target.measure, float(year))
        for i, wanted in years.items()
        for year in wanted
    ]
    names = [one.name for one in payoff.coordinates]
    runs = payoff.model.payoff(terms, names, save_period=QUARTER).residuals(payoff.space.values(x)[:, : len(names)])
    ends = np.cumsum([len(wanted) for wanted in years.values()])[:-1]
    return dict(zip(years, np.split(np.asarray(runs), ends, axis=1), strict=True))


def carried_forward(
    last: Array,
    sigma: Array,
    rho: Array,
    kind: Kind,
    last_year: int,
    years: Years,
    degrees: float,
    rng: np.random.Generator,
) -> Array:
    """Draw errors (run, year) after `last_year`, given each run's last error, size and persistence, (run,) each.

    z_t = phi z_before + s e_t, e_t ~ Student-t(degrees), over a gap of g years. A volume keeps the autoregression of
    `calibration.fitting.likelihood`: phi = rho^g, s = sigma sqrt(1 - phi^2); so the mean is rho^h z_last and the
    variance sigma^2 (1 - rho^2h) degrees/(degrees - 2). A cost walks at random by the yearly innovation of that
    autoregression: phi = 1, s = sigma sqrt((1 - rho^2) g); so the mean is z_last and the variance
    h sigma^2 (1 - rho^2) degrees/(degrees - 2). What a cost is off by stays: over 20 pairs of cost and origin, 2012 to
    2019, the walk had 0.82 of the autoregression's CRPS, over 24 of volumes 1.12.
    """
    z, before = np.asarray(last, dtype=float), last_year
    out = np.empty((len(z), len(years)))
    for k, year in enumerate(years):
        gap = int(year) - before
        if kind == "cost":
            phi, size = np.ones_like(rho), sigma * np.sqrt((1 - rho**2) * gap)
        else:
            phi = rho**gap
            size = sigma * np.sqrt(1 - phi**2)
        z = phi * z + size * rng.standard_t(degrees, len(z))
        out[:, k], before = z, int(year)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class SeriesForecast:
    """One series from one origin: what was known then, and every forecaster's draws (draw, year) in its unit.

    `draws` holds the model's under "model", each naive forecast's under its name, and what is made of these,
    in that order. `absent` says which forecasts could not be made and why.
    Drivers are as they were or as the case has them ("conditional"), or as expected at the origin.
    """

    origin: int
    mode: Mode
    kind: Kind
    history: History
    years: tuple[int, ...]
    draws: Mapping[str, Array]
    absent: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the series."""
        return self.history.name

    @property
    def naive(self) -> tuple[str, ...]:
        """Names of the naive forecasts that could be made."""
        return tuple(filter(is_naive, self.draws))

    @property
    def reference(self) -> str | None:
        """The naive forecast that was named in advance for a series of this kind, if it could be made."""
        return reference(self.kind, self.draws)

    def scored(self, observed: Array) -> ScoredForecast:
        """Return the forecast with the scores of every forecaster against the observed values (year,)."""
        last = float(self.history.values[-1])
        skills = {
            who: score(self.name, self.origin, who, self.years, values, observed, last)
            for who, values in self.draws.items()
        }
        return ScoredForecast(
            self.origin, self.mode, self.kind, self.history, self.years, self.draws, self.absent, observed, skills
        )


@dataclass(frozen=True, slots=True, eq=False)
class ScoredForecast(SeriesForecast):
    """A forecast with what came, (year,), and the scores of every forecaster."""

    observed: Array
    skills: Mapping[str, Skill]

    @property
    def best_naive(self) -> str | None:
        """The naive forecast with the lowest mean CRPS in hindsight, if there is any."""
        return best_naive(crps_of(self.skills))


def compared(fitted: Fitted, name: str, years: Sequence[int], kind: Kind, past: Past | None = None) -> SeriesForecast:
    """Forecast a series from the last year fitted, by the model and by every naive forecast that its history allows.

    `past` gives the cumulative quantity that Wright's law follows; it is drawn ahead from what is known of it in the
    last year of the series.
    """
    origin, rngs = int(fitted.series(name).years[-1]), (fitted.rng(name), fitted.rng(f"naive {name}"))
    when = np.asarray(years, dtype=np.int64)
    return forecast_from(origin, "conditional", fitted, name, when, kind, past, rngs)


def forecast_from(
    origin: int,
    mode: Mode,
    fitted: Fitted,
    name: str,
    years: Years,
    kind: Kind,
    past: Past | None,
    rngs: tuple[np.random.Generator, np.random.Generator],
    modelled: Array | None = None,
    known: bool = False,
) -> SeriesForecast:
    """Forecast a series from the end of `origin`; `rngs` are the generators of the model's and the naive forecasts.

    `modelled` are the modelled values in `years`, where they are known already. Where the path of what Wright's law
    follows is `known`, it is taken as it was.
    """
    settings, series, rng = BaselineSettings.load(), fitted.series(name), rngs[1]
    history = History(name, series.years, series.values, series.target.unit)
    draws: dict[str, Array] = {MODEL: fitted.ahead(name, years, kind, modelled, rngs[0])}

    def experience() -> Experience | None:
        if past is None:
            return None
        if known:
            return known_experience(past(), origin)
        walk = settings.moore
        return extrapolated_experience(past().until(origin), years, walk.memory, walk.fewest, len(fitted.x), rng)

    drawn, absent = naive_draws(history, years, kind, experience, settings, len(fitted.x), rng)
    return SeriesForecast(
        origin, mode, kind, history, tuple(map(int, years)), *with_mixtures(draws | drawn, absent, kind)
    )


def reference(kind: Kind, forecasters: Collection[str]) -> str | None:
    """Name the reference of a series among the `forecasters` there are: that of its kind, else Moore's law."""
    return next((who for who in (REFERENCES[kind], ELSE) if who in forecasters), None)


def quantile_average(first: Array, second: Array) -> Array:
    """Average two forecasts half and half in quantiles of the logarithm; takes and returns draws (draw, year).

    Year by year, the k-th smallest draw is the geometric mean of the k-th smallest of both, which must have as many
    (Vincentization: Ratcliff 1979, Psychological Bulletin 86: 446-461; Lichtendahl, Grushka-Cockayne and Winkler 2013,
    Management Science 59: 1594-1611). Draws stay paths: each takes, in every year, the place that the draw of `first`
    has among its own.
    """
    places = np.argsort(np.argsort(first, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(np.sqrt(first * np.take_along_axis(np.sort(second, axis=0), places, axis=0)))


def with_mixtures(
    draws: Mapping[str, Array], absent: Mapping[str, str], kind: Kind
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return `draws` of the model and the naive forecasts with the combination and the pool; and what is `absent`, why.

    The pool is linear, with equal weights: the draws of all naive forecasts, of which each has as many.
    """
    naive = {who: values for who, values in draws.items() if who != MODEL}
    mixed: dict[str, Array] = {}
    missing = dict(absent)
    if (other := reference(kind, naive)) is not None:
        mixed[COMBINED] = quantile_average(draws[MODEL], naive[other])
    else:
        reasons = {who: absent.get(who, "nothing is known that it could follow") for who in (REFERENCES[kind], ELSE)}
        missing[COMBINED] = "; ".join(f"no {who}: {why}" for who, why in reasons.items())
    if naive:
        mixed[POOL] = np.concatenate(list(naive.values()))
    return {**draws, **mixed}, missing
