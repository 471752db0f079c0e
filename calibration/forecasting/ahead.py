"""Any fit looked ahead: draws of its series in years after the last one fitted, naive forecasts beside them, scores.

An error of the last fitted year is carried forward through the autoregression of the errors, as in forecasts from the
past (`calibration.forecasting.forecast`); here the fit is given and nothing is fitted again.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.fitting.fit import closed_payoff
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import load_targets
from calibration.forecasting.baseline_settings import Settings, load_settings
from calibration.forecasting.baselines import Experience, extrapolated_experience, naive_forecasts
from calibration.forecasting.forecast import carried_forward, modelled_after
from calibration.forecasting.scores import MODEL, Skill, score
from calibration.forecasting.settings import Kind
from calibration.observed.history import History, Years, natural
from calibration.records.results import accepted_posterior
from models.case import Case, load_case
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown


@dataclass(frozen=True, slots=True, eq=False)
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

    def ahead(self, name: str, years: Years) -> Array:
        """Return draws (run, year) of what will be observed in `years` after the last fitted one."""
        place, series = self.place(name), self.series(name)
        _, sigma, rho = self.payoff.space.split(self.x)
        fitted = self.payoff.series_values(self.x)[place][:, -1]
        last = (np.log(series.values[-1]) - np.log(fitted)) / series.multiplier[-1]
        errors = carried_forward(
            last, sigma[:, place], rho[:, place], int(series.years[-1]), years, self.payoff.errors.degrees,
            self.rng(name),
        )  # fmt: skip
        return natural(np.log(self.modelled(name, years)) + errors)

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


def history_of(series: FittedSeries) -> History:
    """Return what a naive forecast may know: the fitted observations."""
    return History(series.target.name, series.years, series.values, series.target.unit)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Forecasts of one series: draws (draw, year) in its unit by forecaster, the model first; why others are absent."""

    name: str
    history: History
    years: tuple[int, ...]
    draws: Mapping[str, Array]
    absent: Mapping[str, str]

    def scored(self, observed: Array) -> dict[str, Skill]:
        """Return the scores of every forecaster against the observed values (year,)."""
        last, origin = float(self.history.values[-1]), self.history.last_year
        return {who: score(self.name, origin, who, self.years, d, observed, last) for who, d in self.draws.items()}


def compared(
    fitted: Fitted,
    name: str,
    years: Sequence[int],
    kind: Kind,
    cumulative: History | None = None,
    naive: Settings | None = None,
) -> Comparison:
    """Forecast a series by the model and by every naive forecast that its history allows.

    `cumulative` is what Wright's law follows, known no later than the series; it is drawn ahead from its own past.
    """
    settings, when = naive or load_settings(), np.asarray(years, dtype=np.int64)
    history, count, rng = history_of(fitted.series(name)), len(fitted.x), fitted.rng(f"naive {name}")
    draws: dict[str, Array] = {MODEL: fitted.ahead(name, when)}
    absent: dict[str, str] = {}
    experience: Experience | None = None
    if kind == "cost" and cumulative is not None:
        try:
            past = cumulative.until(history.last_year)
            experience = extrapolated_experience(past, when, settings.moore.memory, settings.moore.fewest, count, rng)
        except InputError as reason:
            absent["Wright's law"] = str(reason)
    for who, forecast in naive_forecasts(settings, name, kind, experience).items():
        known = history if experience is None or who != "Wright's law" else _within(history, experience.past)
        try:
            draws[who] = forecast(known, when, count, rng)
        except InputError as reason:
            absent[who] = str(reason)
    return Comparison(name, history, tuple(int(year) for year in when), draws, absent)


def _within(history: History, past: History) -> History:
    """Return the years of a cost in which experience is known too; the last must be among them."""
    both = np.isin(history.years, past.years)
    if not both[-1]:
        raise InputError(f"experience {past.name!r}: no value in {history.last_year}, the last year of the cost")
    return History(history.name, history.years[both], history.values[both], history.unit)
