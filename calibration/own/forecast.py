"""Where a technology of the user's own is heading, and what its fit would have said of the last years held out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from calibration.fitting.payoff import fitted_series
from calibration.fitting.posterior import Tick
from calibration.fitting.targets import Targets, load_targets
from calibration.forecasting.ahead import Fitted, Past, SeriesForecast, accepted_fit, compared
from calibration.forecasting.forecast import CaseForecast, Refit, payoff_at, refitted
from calibration.forecasting.settings import FORECASTS, ForecastSettings, Kind
from calibration.observed.history import History, Years
from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, shown_in
from calibration.own.settings import OwnSettings, load_own_settings
from calibration.own.targets import seen_priors
from models.files.digest import digest_of
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown
from stockflow.intervals import FAN, quantiles

FAR = 20  # years after the last observation that a forecast goes unless told otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Fan(SeriesForecast):
    """A forecast in the unit of the case's observations, with what the model says of the years that were observed.

    `fit` holds quantiles (FAN, year) of that, in `fit_years`, without the error of single observations.
    """

    fit_years: Years
    fit: Array


KINDS: Mapping[str, Kind] = {COST: "cost", ANNUAL: "flow", CUMULATIVE: "level", SHARE: "level"}


def about(fitted: Fitted, series: str) -> tuple[Kind, Past | None]:
    """Return what kind of quantity a series is and what Wright's law would follow.

    The settings of forecasts say so of their cases; elsewhere the names of `calibration.own.data` do. InputError for a
    series of which neither tells.
    """
    settings, case = ForecastSettings.load(), fitted.case
    if case.home.entry in settings.cases:
        told = settings.of(load_targets(case.name))
        source = told.experience_of(series)
        return told.kinds[series], None if source is None else source.history
    if series not in KINDS:
        raise unknown("series", series, KINDS, f"{FORECASTS.name}: cases: nothing is said of case {case.label!r}")
    volumes = cumulative_of(fitted) if series == COST else None
    return KINDS[series], None if volumes is None else lambda: volumes


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


def fans(name: str, until: int | None = None) -> tuple[Fan, ...]:
    """Return the forecast of every fitted series to the year `until`; InputError for a year that cannot be reached.

    No draw of a share is above 1, the model's and the naive ones alike. (Not so for scores: a forecast with every draw
    at 1 has no density.)
    """
    fitted, out = accepted_fit(name), []
    last_year, end = load_targets(name).last_year + FAR if until is None else until, fitted.case.model.final_time - 1
    for series in fitted.names:
        known = fitted.series(series)
        last = int(known.years[-1])
        if not last < last_year <= end:
            raise InputError(
                f"--until {last_year}: must be after {last}, the last year of {series}, and at most {end:g}"
            )
        found = compared(fitted, series, range(last + 1, last_year + 1), *about(fitted, series))
        unit, back = shown_in(fitted.case.home, series, known.target.unit)
        most, years = 1.0 if series == SHARE else np.inf, np.arange(int(known.years[0]), last + 1)
        out.append(
            Fan(
                found.origin, found.mode, found.kind,
                History(series, known.years, known.values / back, unit), found.years,
                {who: np.minimum(draws, most) / back for who, draws in found.draws.items()}, found.absent,
                years, quantiles(fitted.modelled(series, years), FAN) / back,
            )
        )  # fmt: skip
    return tuple(out)


def hindcast(name: str, tick: Tick | None = None) -> tuple[CaseForecast | None, str]:
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
    short = [one.target.name for one in fitted.payoff.series if int((one.years <= origin).sum()) < settings.fewest]
    if short:
        return None, f"no hindcast: {short[0]} has fewer than {settings.fewest} years by {origin}"
    targets = targets_at(fitted, settings, origin)
    payoff = payoff_at(fitted.case, targets, origin, "conditional")
    chains = fitted.case.home.record.parent / "chains"
    how = Refit(settings.chains(targets.sampling), targets.starts, targets.seed, chains)
    how = replace(how, folder=chains / f"hindcast_{digest_of(how.digest(payoff, str(origin)))[:12]}")
    whole = [fitted.series(one.target.name) for one in payoff.series]
    later = {i: one.years[one.years > origin] for i, one in enumerate(whole)}
    draws, _, found = refitted(payoff, str(origin), how, later, True, tick)
    at = Fitted(fitted.case, payoff, draws.thinned(targets.sampling.keep).flat, targets.seed)
    made = [
        compared(at, series, later[i].tolist(), *about(at, series)).scored(whole[i].values[whole[i].years > origin])
        for i, series in enumerate(at.names)
    ]
    return CaseForecast(targets.case, origin, "conditional", tuple(made), {}, found), ""


def targets_at(fitted: Fitted, settings: OwnSettings, origin: int) -> Targets:
    """Return the target file of the fit with the priors that costs up to `origin` give."""
    targets, cost = load_targets(fitted.case.name), fitted.series(COST)
    seen = [float(value) for value in cost.values[cost.years <= origin]]
    return targets.model_copy(update={"free": seen_priors(targets.free, seen, settings)})
