"""Where a technology of the user's own is heading, and what its fit would have said of the last years held out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import NotConvergedError
from calibration.fitting.convergence import diagnose
from calibration.fitting.fit import climb, closed_payoff
from calibration.fitting.payoff import Payoff, fitted_series
from calibration.fitting.posterior import Draws, quantities, sample
from calibration.fitting.targets import Targets, load_targets
from calibration.forecasting.ahead import Comparison, Fitted, accepted_fit, compared
from calibration.forecasting.forecast import modelled_after
from calibration.forecasting.holdout import seen_by
from calibration.forecasting.scores import Skill
from calibration.forecasting.settings import HERE as FORECASTS
from calibration.forecasting.settings import Kind, load_forecast_settings
from calibration.observed.history import History, Years
from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, shown_in
from calibration.own.settings import OwnSettings, load_own_settings
from calibration.own.targets import FLOOR, seen_priors
from calibration.records.results import depends_on
from models.case import Case
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown
from stockflow.intervals import FAN, quantiles


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """One series, past and future, in the user's unit: observed years, and quantiles (FAN, year) of two kinds.

    `fit` is what the model says of the observed span, without the error of single observations; `ahead` what will be
    observed after it. `naive` is the median (year,) of each naive forecast in the same later years.
    """

    name: str
    unit: str
    years: Years
    observed: Array
    fit_years: Years
    fit: Array
    ahead_years: Years
    ahead: Array
    naive: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Hindcast:
    """Forecasts of the last years from a fit that never saw them, with the scores of model and naive forecasts."""

    origin: int
    comparisons: tuple[Comparison, ...]
    observed: Mapping[str, tuple[float, ...]]
    skills: Mapping[str, Mapping[str, Skill]]


KINDS: Mapping[str, Kind] = {COST: "cost", ANNUAL: "flow", CUMULATIVE: "level", SHARE: "level"}


def about(fitted: Fitted, series: str) -> tuple[Kind, History | None]:
    """Return what kind of quantity a series is and what Wright's law would follow.

    The settings of forecasts say so of their cases; elsewhere the names of `calibration.own.data` do. InputError for a
    series of which neither tells.
    """
    settings, case = load_forecast_settings(), fitted.case
    if case.home.entry in settings.cases:
        told = settings.of(load_targets(case.name))
        source = told.experience_of(series)
        return told.kinds[series], None if source is None else source.history()
    if series not in KINDS:
        raise unknown("series", series, KINDS, f"{FORECASTS.name}: cases: nothing is said of case {case.label!r}")
    return KINDS[series], cumulative_of(fitted) if series == COST else None


def cumulative_of(fitted: Fitted) -> History | None:
    """Return what a cost may follow: cumulative volume as observed, or summed yearly volumes on what came before.

    What came before is the middle of the fit's draws at the end of the year before the first volume. None where shares
    alone were observed, or a year of the volumes is missing.
    """
    targets = load_targets(fitted.case.name)
    shown = next((one for one in targets.series if one.name == CUMULATIVE), None)
    if shown is None and ANNUAL not in fitted.names:
        return None
    if shown is not None:
        known = fitted_series(shown, targets.last_year)
        return History(CUMULATIVE, known.years, known.values, "unit")
    volumes = fitted.series(ANNUAL)
    if (np.diff(volumes.years) != 1).any():
        return None
    begin = float(volumes.years[0])
    runs = fitted.case.model.runs(
        {c.name: fitted.payoff.space.values(fitted.x)[:, i] for i, c in enumerate(fitted.payoff.coordinates)},
        ["cumulative volume"], until=begin + 1,
    ).dataset()  # fmt: skip
    before = float(np.median(runs["cumulative volume"].sel(time=begin).to_numpy()))
    return History(CUMULATIVE, volumes.years, before + np.cumsum(volumes.values), "unit")


def fans(name: str, until: int) -> tuple[Fan, ...]:
    """Return the forecast of every fitted series to the year `until`; InputError for a year that cannot be reached."""
    fitted, out = accepted_fit(name), []
    end = fitted.case.model.final_time - 1
    for series in fitted.names:
        known = fitted.series(series)
        last = int(known.years[-1])
        if not last < until <= end:
            raise InputError(f"--until {until}: must be after {last}, the last year of {series}, and at most {end:g}")
        ahead = np.arange(last + 1, until + 1)
        found = _possible(compared(fitted, series, [int(year) for year in ahead], *about(fitted, series)))
        unit, back = shown_in(fitted.case.home, series, known.target.unit)
        years = np.arange(int(known.years[0]), last + 1)
        out.append(
            Fan(
                series, unit, known.years, known.values / back, years,
                quantiles(fitted.modelled(series, years), FAN) / back, ahead,
                quantiles(found.draws["model"], FAN) / back,
                {who: np.median(d, axis=0) / back for who, d in found.draws.items() if who != "model"},
            )
        )  # fmt: skip
    return tuple(out)


def _possible(found: Comparison) -> Comparison:
    """Return forecasts of a share with no draw above 1, the model's and the naive ones alike.

    Not for scores: a forecast with every draw at 1 has no density.
    """
    if found.name != SHARE:
        return found
    return replace(found, draws={who: np.minimum(draws, 1.0) for who, draws in found.draws.items()})


def hindcast(
    name: str, tick: Callable[[], object] | None = None, workers: int | None = None
) -> tuple[Hindcast | None, str]:
    """Fit again without the last years and score what that fit says of them; None and the reason if there are too few.

    Drivers and sampling are those of the accepted fit, priors what they would have been then; drivers are as the case
    has them. NotConvergedError if what the scores are made of, the forecasts year by year and the errors, breaks its
    rules: single parameters, which fewer years tell even less, are not reported.
    """
    fitted, settings = accepted_fit(name), load_own_settings()
    longest = max(len(one.years) for one in fitted.payoff.series)
    held = settings.hindcast.years(longest)
    if not held:
        return None, f"no hindcast: {longest} years in the longest series, fewer than {settings.hindcast.fewest}"
    origin = min(int(one.years[-1]) for one in fitted.payoff.series) - held
    short = [
        one.target.name for one in fitted.payoff.series if int((one.years <= origin).sum()) < settings.fewest
    ]  # fmt: skip
    if short:
        return None, f"no hindcast: {short[0]} has fewer than {settings.fewest} years by {origin}"
    targets = targets_at(fitted, settings, origin)
    payoff = _payoff_at(fitted.case, targets, origin)
    best, _ = climb(payoff, payoff.space.scatter(targets.starts, targets.seed))
    free = [one.name for one in payoff.coordinates]
    digest = f"{depends_on(fitted.case.name, free, targets.file)} {origin} {targets.free[FLOOR].centre:.6g}"
    kept = hashlib.sha256(digest.encode()).hexdigest()[:12]
    folder = fitted.case.home.record.parent / "chains" / f"hindcast_{kept}"
    for rules in settings.chains(targets.sampling):
        draws = sample(payoff, best, rules, targets.seed, folder, digest, tick, workers)
        found = diagnose(_forecast_quantities(payoff, draws, fitted, origin), draws.diverging)
        if not (failures := found.failures(rules)):
            break
    else:
        raise NotConvergedError(f"hindcast from {origin}: {'; '.join(failures)}; chains kept in {folder}")
    return _scored(
        Fitted(fitted.case, payoff, draws.thinned(targets.sampling.keep).flat, targets.seed), fitted, origin
    ), ""


def _forecast_quantities(payoff: Payoff, draws: Draws, whole: Fitted, origin: int) -> dict[str, Array]:
    """Return what a score is made of, (chain, draw) each: log forecasts by series and year, sizes, persistences."""
    places = range(len(payoff.series))
    later = {i: (y := whole.series(payoff.series[i].target.name).years)[y > origin] for i in places}
    shape, out = draws.coordinates.shape[:2], {}
    for i, values in modelled_after(payoff, draws.flat, later).items():
        for k, year in enumerate(later[i]):
            out[f"{payoff.series[i].target.name} in {year}"] = np.log(values[:, k]).reshape(shape)
    known, count = quantities(payoff, draws), len(payoff.coordinates)
    return {**out, **{name: known[name] for name in payoff.space.names[count:]}}


def targets_at(fitted: Fitted, settings: OwnSettings, origin: int) -> Targets:
    """Return the target file of the fit with the priors that costs up to `origin` give."""
    targets, cost = load_targets(fitted.case.name), fitted.series(COST)
    seen = [float(value) for value in cost.values[cost.years <= origin]]
    return targets.model_copy(update={"free": seen_priors(targets.free, seen, settings)})


def _payoff_at(case: Case, targets: Targets, origin: int) -> Payoff:
    """Return the payoff of what was known by `origin`: nothing that the fit to all years estimated is left in it."""
    centres = {case.model.variable(name).name: prior.centre for name, prior in targets.free.items()}
    return closed_payoff(replace(case, model=case.model.with_constants(centres)), seen_by(targets, origin))


def _scored(at: Fitted, whole: Fitted, origin: int) -> Hindcast:
    comparisons, observed, skills = [], {}, {}
    for name in at.names:
        series = whole.series(name)
        later = series.years > origin
        years = [int(year) for year in series.years[later]]
        one = compared(at, name, years, *about(at, name))
        comparisons.append(one)
        observed[name] = tuple(float(v) for v in series.values[later])
        skills[name] = one.scored(series.values[later])
    return Hindcast(origin, tuple(comparisons), observed, skills)
