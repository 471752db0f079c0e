"""A forecast from the past: fitted to what was known at the end of a year, scored on what came after.

Targets are cut at the origin, the posterior is sampled anew, the modelled years after it are read off the runs, and
the last misfit is carried forward through the autoregression of the errors. "Conditional" forecasts run with drivers
as they really were; "unconditional" ones with drivers as expected at the origin (`drivers_ahead`).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import NotConvergedError
from calibration.fitting.convergence import Diagnostics, diagnose
from calibration.fitting.fit import climb, closed_payoff, joint_priors
from calibration.fitting.payoff import FittedSeries, Payoff, fitted_series, reading
from calibration.fitting.posterior import Draws, sample
from calibration.fitting.targets import Targets
from calibration.forecasting.baseline_settings import Settings, load_settings
from calibration.forecasting.baselines import Experience, extrapolated_experience, known_experience, naive_forecasts
from calibration.forecasting.drivers_ahead import Expectations, expectations
from calibration.forecasting.holdout import FEWEST, seen_by
from calibration.forecasting.scores import MODEL, Skill, best_naive, crps_of, score
from calibration.forecasting.settings import CaseSettings, ForecastSettings, load_forecast_settings
from calibration.observed.history import History, Years, natural
from models.case import Case
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.over_time import QUARTER

Mode = Literal["conditional", "unconditional"]
MODES: tuple[Mode, ...] = ("conditional", "unconditional")


@dataclass(frozen=True, slots=True, eq=False)
class SeriesForecast:
    """One series from one origin: what was known, what came, and every forecaster's draws (draw, year) in `unit`.

    `draws` holds the model's under "model" and each naive forecast's under its name, in that order; `skills` their
    scores. `absent` says which naive forecasts could not be made and why.
    """

    origin: int
    mode: Mode
    history: History
    years: tuple[int, ...]
    observed: Array
    draws: Mapping[str, Array]
    skills: Mapping[str, Skill]
    absent: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the series."""
        return self.history.name

    @property
    def naive(self) -> tuple[str, ...]:
        """Names of the naive forecasts that could be made."""
        return tuple(name for name in self.draws if name != MODEL)

    @property
    def best_naive(self) -> str | None:
        """The naive forecast with the lowest mean CRPS in hindsight, if there is any."""
        return best_naive(crps_of(self.skills))


@dataclass(frozen=True, slots=True, eq=False)
class CaseForecast:
    """All series of a case from one origin; `untold` says of which no forecast is scored, and why."""

    case: str
    origin: int
    mode: Mode
    series: tuple[SeriesForecast, ...]
    untold: Mapping[str, str]
    diagnostics: Diagnostics

    def named(self, series: str) -> SeriesForecast | None:
        """Return the forecast of a series, if there is one."""
        return next((one for one in self.series if one.name == series), None)


def forecast_case(
    case: Case,
    targets: Targets,
    origin: int,
    mode: Mode,
    folder: Path,
    settings: ForecastSettings | None = None,
    tick: Callable[[], object] | None = None,
    workers: int | None = None,
    naive: Settings | None = None,
    expected: Expectations | None = None,
) -> CaseForecast:
    """Forecast every series of `case` from the end of `origin`; finished chains in `folder` are used again.

    Left out, `settings`, those of the `naive` forecasts and the `expected` drivers are the shipped files'.

    InputError if nothing was observed by the origin or nothing after it. NotConvergedError, with the chains kept in
    `folder`, if a modelled value breaks the rules of `settings`: nothing is scored from such draws.
    """
    settings = settings or load_forecast_settings()
    settings = settings.model_copy(update={"sampling": settings.rules(targets.case)})
    about = settings.of(targets)
    later = {one.name: fitted_series(one) for one in targets.series}
    if not any((one.years > origin).any() for one in later.values()):
        raise InputError(f"{targets.case}: nothing is observed after {origin}, so no forecast from there can be scored")
    payoff = payoff_at(case, targets, origin, mode, expected)
    draws = _sampled(payoff, settings, folder, f"{origin} {mode}", tick, workers)
    scored = [i for i, one in enumerate(payoff.series) if (later[one.target.name].years > origin).any()]
    ahead = {i: later[payoff.series[i].target.name].years for i in scored}
    modelled = modelled_after(payoff, draws.flat, {i: years[years > origin] for i, years in ahead.items()})
    found = _converged(payoff, draws, modelled, settings, folder, origin, mode)
    fitted = payoff.series_values(draws.flat)
    made = [
        _one_series(payoff, draws, i, later[payoff.series[i].target.name], fitted[i], modelled[i], origin, mode,
                    about, settings, naive or load_settings())
        for i in scored
    ]  # fmt: skip
    return CaseForecast(targets.case, origin, mode, tuple(made), _untold(targets, payoff, later, origin), found)


def payoff_at(case: Case, targets: Targets, origin: int, mode: Mode, expected: Expectations | None = None) -> Payoff:
    """Return the payoff as it stood at the end of `origin`.

    Whatever is estimated from all years is free here too, with its prior alone where its own step has no data yet:
    no value fitted to later years is left in the model.
    """
    cut = seen_by(targets, origin)
    free = joint_priors(targets)
    centres = {case.model.variable(name).name: prior.centre for name, prior in free.items()}
    model = case.model.with_constants(centres)
    if mode == "unconditional":
        model = (expected or expectations(case.name)).at(model, origin)
    return closed_payoff(replace(case, model=model), cut.model_copy(update={"free": free}))


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
    last: Array, sigma: Array, rho: Array, last_year: int, years: Years, degrees: float, rng: np.random.Generator
) -> Array:
    """Draw errors (run, year) after `last_year`, given each run's last error, size and persistence, (run,) each.

    z_t = phi z_before + sigma sqrt(1 - phi^2) e_t, phi = rho^gap, e_t ~ Student-t(degrees), as in
    `calibration.fitting.likelihood`; so the mean is rho^h z_last and the variance
    sigma^2 (1 - rho^2h) degrees/(degrees - 2).
    """
    z, before = np.asarray(last, dtype=float), last_year
    out = np.empty((len(z), len(years)))
    for k, year in enumerate(years):
        phi = rho ** (int(year) - before)
        z = phi * z + sigma * np.sqrt(1 - phi**2) * rng.standard_t(degrees, len(z))
        out[:, k], before = z, int(year)
    return out


def _one_series(
    payoff: Payoff,
    draws: Draws,
    place: int,
    whole: FittedSeries,
    fitted: Array,
    modelled: Array,
    origin: int,
    mode: Mode,
    about: CaseSettings,
    settings: ForecastSettings,
    naive: Settings,
) -> SeriesForecast:
    series = payoff.series[place]
    later = whole.years > origin
    years, observed, name = whole.years[later], whole.values[later], series.target.name
    history = History(name, series.years, series.values, series.target.unit)
    rng = np.random.default_rng([settings.seed, origin, zlib.crc32(name.encode())])
    _, sigma, rho = payoff.space.split(draws.flat)
    last = (np.log(series.values[-1]) - np.log(fitted[:, -1])) / series.multiplier[-1]
    errors = carried_forward(last, sigma[:, place], rho[:, place], history.last_year, years, payoff.errors.degrees, rng)
    made: dict[str, Array] = {MODEL: natural(np.log(modelled) + errors)}
    drawn, absent = _naive(history, years, origin, mode, about, naive, len(draws.flat), rng)
    made |= drawn
    skills = {
        who: score(name, origin, who, [int(y) for y in years], values, observed, float(series.values[-1]))
        for who, values in made.items()
    }
    return SeriesForecast(origin, mode, history, tuple(map(int, years)), observed, made, skills, absent)


def _naive(
    history: History,
    years: Years,
    origin: int,
    mode: Mode,
    about: CaseSettings,
    naive: Settings,
    count: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], dict[str, str]]:
    """Draws of each naive forecast by name, and why some could not be made: too few years, mostly."""
    absent: dict[str, str] = {}
    experience: Experience | None = None
    source = about.experience_of(history.name)
    if source is not None:
        try:
            whole = source.history()
            experience = (
                known_experience(whole, origin)
                if mode == "conditional"
                else extrapolated_experience(
                    whole.until(origin), years, naive.moore.memory, naive.moore.fewest, count, rng
                )
            )
        except InputError as reason:
            absent["Wright's law"] = str(reason)
    drawn: dict[str, Array] = {}
    for who, forecast in naive_forecasts(naive, history.name, about.kinds[history.name], experience).items():
        try:
            drawn[who] = forecast(history, years, count, rng)
        except InputError as reason:
            absent[who] = str(reason)
    return drawn, absent


def _sampled(
    payoff: Payoff,
    settings: ForecastSettings,
    folder: Path,
    about: str,
    tick: Callable[[], object] | None,
    workers: int | None,
) -> Draws:
    digest = f"{_depends_on(payoff)} {about} {settings.sampling!r} {settings.starts} {settings.seed}"
    best, _ = climb(payoff, payoff.space.scatter(settings.starts, settings.seed))
    return sample(payoff, best, settings.sampling, settings.seed, folder, digest, tick, workers)


def _depends_on(payoff: Payoff) -> str:
    """Digest of all that the draws depend on: model text with its drivers, priors, and what was observed by then."""
    total = hashlib.sha256(payoff.model.file.text.encode())
    for part in (payoff.coordinates, payoff.events, payoff.effects, payoff.ranges, payoff.space.errors):
        total.update(repr(part).encode())
    for one in payoff.series:
        total.update(repr((one.target, one.years.tolist(), one.values.tolist(), one.sigma.tolist())).encode())
    return total.hexdigest()[:16]


def _converged(
    payoff: Payoff,
    draws: Draws,
    modelled: Mapping[int, Array],
    settings: ForecastSettings,
    folder: Path,
    origin: int,
    mode: Mode,
) -> Diagnostics:
    """Return diagnostics of the logarithm of every modelled value; NotConvergedError if they break the rules."""
    shape = draws.coordinates.shape[:2]
    reported: dict[str, Array] = {}
    for i, values in modelled.items():
        name = payoff.series[i].target.name
        if not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"{name} from {origin}: a modelled value after the origin is not a positive number")
        for k in range(values.shape[1]):
            reported[f"{name}, value {k + 1} after {origin}"] = np.log(values[:, k]).reshape(shape)
    found = diagnose(reported, draws.diverging)
    if failures := found.failures(settings.sampling):
        raise NotConvergedError(f"{mode} forecast from {origin}: {'; '.join(failures)}; chains kept in {folder}")
    return found


def _untold(targets: Targets, payoff: Payoff, later: Mapping[str, FittedSeries], origin: int) -> dict[str, str]:
    """Say of which series no forecast is scored, and why."""
    fitted = {one.target.name for one in payoff.series}
    out = {}
    for one in targets.series:
        if not (later[one.name].years > origin).any():
            out[one.name] = f"nothing observed after {origin}"
        elif one.use != "closed loop":
            out[one.name] = f"not fitted ({one.use})"
        elif one.name not in fitted:
            known = int((later[one.name].years <= origin).sum())
            out[one.name] = f"not fitted: {known} observations by {origin}, fewer than {FEWEST}"
    return out
