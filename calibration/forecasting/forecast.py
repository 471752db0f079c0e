"""A forecast from the past: fitted to what was known at the end of a year, scored on what came after.

Targets are cut at the origin, the posterior is sampled anew, the modelled years after it are read off the runs, and
the last misfit is carried forward (`calibration.forecasting.ahead`). "Conditional" forecasts run with drivers as they
really were; "unconditional" ones with drivers as expected at the origin (`drivers_ahead`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np

from calibration.errors import NotConvergedError
from calibration.fitting.convergence import Diagnostics, diagnose
from calibration.fitting.fit import climb, closed_payoff, joint_priors
from calibration.fitting.payoff import FittedSeries, Payoff, fitted_series
from calibration.fitting.posterior import Draws, Tick, quantities, sample
from calibration.fitting.targets import DrivenVariable, PartialStep, Sampling, SeriesTarget, Targets
from calibration.forecasting.ahead import Fitted, Mode, ScoredForecast, forecast_from, modelled_after
from calibration.forecasting.drivers_ahead import Expectations, expectations
from calibration.forecasting.settings import ForecastSettings
from calibration.observed.history import Years
from calibration.observed.observations import Source, observed
from calibration.observed.tables import DATA, load_table
from models.case import Case
from stockflow.arrays import Array
from stockflow.errors import InputError

FEWEST = 3  # observations that a series must have by the origin to be fitted


@dataclass(frozen=True, slots=True, eq=False)
class CaseForecast:
    """All series of a case from one origin; `untold` says of which no forecast is scored, and why."""

    case: str
    origin: int
    mode: Mode
    series: tuple[ScoredForecast, ...]
    untold: Mapping[str, str]
    diagnostics: Diagnostics

    def named(self, series: str) -> ScoredForecast | None:
        """Return the forecast of a series, if there is one."""
        return next((one for one in self.series if one.name == series), None)


@dataclass(frozen=True, slots=True)
class Refit:
    """How a fit to fewer years is made: rules of sampling to try in turn, starts and seed, and where its chains are."""

    rules: tuple[Sampling, ...]
    starts: int
    seed: int
    folder: Path

    def digest(self, payoff: Payoff, about: str) -> str:
        """Digest of all that the draws depend on: model text with its drivers, priors, what was observed, and this."""
        total = hashlib.sha256(payoff.model.file.text.encode())
        for part in (payoff.coordinates, payoff.events, payoff.effects, payoff.ranges, payoff.space.errors):
            total.update(repr(part).encode())
        for one in payoff.series:
            total.update(repr((one.target, one.years.tolist(), one.values.tolist(), one.sigma.tolist())).encode())
        return f"{total.hexdigest()[:16]} {about} {self.rules[0]!r} {self.starts} {self.seed}"


def forecast_case(
    case: Case,
    targets: Targets,
    origin: int,
    mode: Mode,
    folder: Path,
    settings: ForecastSettings,
    tick: Tick | None = None,
    expected: Expectations | None = None,
) -> CaseForecast:
    """Forecast every series of `case` from the end of `origin`; finished chains in `folder` are used again.

    Left out, the `expected` drivers are those of the shipped files.

    InputError if nothing was observed by the origin or nothing after it. NotConvergedError, with the chains kept in
    `folder`, if a modelled value breaks the rules of `settings`: nothing is scored from such draws.
    """
    about = settings.of(targets)
    later = {one.name: fitted_series(one) for one in targets.series}
    if not any((one.years > origin).any() for one in later.values()):
        raise InputError(f"{targets.case}: nothing is observed after {origin}, so no forecast from there can be scored")
    payoff = payoff_at(case, targets, origin, mode, expected)
    whole = {i: later[one.target.name] for i, one in enumerate(payoff.series)}
    ahead = {i: years for i, one in whole.items() if len(years := one.years[one.years > origin])}
    how = Refit((settings.rules(targets.case),), settings.starts, settings.seed, folder)
    draws, modelled, found = refitted(payoff, f"{origin} {mode}", how, ahead, tick=tick)
    fitted, made = Fitted(case, payoff, draws.flat, settings.seed), []
    for i, years in ahead.items():
        name = payoff.series[i].target.name
        source, rng = about.experience_of(name), np.random.default_rng([settings.seed, origin, crc32(name.encode())])
        forecast = forecast_from(
            origin, mode, fitted, name, years, about.kinds[name], source.history if source else None,
            (rng, rng), modelled[i], known=mode == "conditional",
        )  # fmt: skip
        made.append(forecast.scored(whole[i].values[whole[i].years > origin]))
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


def refitted(
    payoff: Payoff, about: str, how: Refit, later: Mapping[int, Years], errors: bool = False, tick: Tick | None = None
) -> tuple[Draws, dict[int, Array], Diagnostics]:
    """Fit what was known and sample it; return the draws, the modelled values `later`, and what speaks for them.

    What must keep the rules is what a score is made of: the logarithm of every modelled value in the years `later` of
    the series at each place and, asked for, sizes and persistences of the `errors`. NotConvergedError, with the chains
    kept in their folder, if it breaks the last of the rules; InputError for a modelled value that is not positive.
    """
    best, _ = climb(payoff, payoff.space.scatter(how.starts, how.seed))
    digest = how.digest(payoff, about)
    for rules in how.rules:
        draws = sample(payoff, best, rules, how.seed, how.folder, digest, tick)
        modelled = modelled_after(payoff, draws.flat, later)
        reported = _reported(payoff, draws, modelled, later, errors)
        found = diagnose(reported, draws.diverging)
        if not (failures := found.failures(rules)):
            return draws, modelled, found
    raise NotConvergedError(f"forecast from {about}: {'; '.join(failures)}; chains kept in {how.folder}")


def _reported(
    payoff: Payoff, draws: Draws, modelled: Mapping[int, Array], later: Mapping[int, Years], errors: bool
) -> dict[str, Array]:
    """Return what must have converged, (chain, draw) each, by name."""
    shape, out = draws.coordinates.shape[:2], {}
    for i, values in modelled.items():
        name = payoff.series[i].target.name
        if not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"{name}: a modelled value from {later[i][0]} on is not a positive number")
        for k, year in enumerate(later[i]):
            out[f"{name} in {year}"] = np.log(values[:, k]).reshape(shape)
    known = quantities(payoff, draws) if errors else {}
    return out | {name: known[name] for name in payoff.space.names[len(payoff.coordinates) :] if errors}


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


def seen_by(targets: Targets, year: int) -> Targets:
    """Return `targets` as they could have been written at the end of `year`.

    Series end there and are left out with fewer than three observations; dates, ranges and effects that came or were
    published later are left out; so are partial steps of which, or of whose drivers, nothing is left. InputError when
    no series is left.
    """
    kept = [_cut(one, year) for one in targets.series if one.first_year <= year]
    series = tuple(one for one in kept if _count(one) >= FEWEST)
    if not series:
        raise InputError(f"{targets.case}: no series has {FEWEST} observations by {year}")
    names = {one.name for one in series}
    events = tuple(one for one in targets.events if one.year < year + 1)
    happened = {one.name for one in events}
    steps = [_step(one, names, happened, year) for one in targets.partial]
    return targets.model_copy(
        update={
            "last_year": year,
            "series": series,
            "events": events,
            "effects": tuple(one for one in targets.effects if one.known_from <= year),
            "ranges": tuple(one for one in targets.ranges if one.last_year <= year),
            "partial": tuple(one for one in steps if one is not None),
        }
    )


def _cut(series: SeriesTarget, year: int) -> SeriesTarget:
    return series.model_copy(update={"last_year": min(series.last_year, year), "sources": _sources(series, year)})


def _sources(one: SeriesTarget | DrivenVariable, year: int) -> tuple[Source, ...]:
    """Sources cut at `year`; none if nothing is left of a series, or of one of the parts that it is a sum of."""
    begun = [source for source in one.sources if source.first_year <= year]
    left = [source.model_copy(update={"last_year": min(source.last_year, year)}) for source in begun]
    known = tuple(source for source in left if _holds(source))
    return () if one.combine == "sum" and len(known) < len(left) else known


def _holds(source: Source) -> bool:
    """Whether the window of a source holds an observation."""
    table = load_table(source.table, source.folder or DATA)
    years = table.values(source.series, source.region, source.unit)
    return any(source.first_year <= math.floor(year) <= source.last_year for year in years)


def _count(series: SeriesTarget) -> int:
    if not series.sources:
        return 0
    table = observed(series.sources, series.unit, combine=series.combine)
    return int(((table.index >= series.first_year) & (table.index <= series.last_year)).sum())


def _step(step: PartialStep, series: set[str], events: set[str], year: int) -> PartialStep | None:
    left = tuple(name for name in step.series if name in series), tuple(name for name in step.events if name in events)
    driven = tuple(one.model_copy(update={"sources": _sources(one, year)}) for one in step.driven)
    if not any(left) or not all(one.sources for one in driven):
        return None
    return step.model_copy(update={"series": left[0], "events": left[1], "driven": driven})
