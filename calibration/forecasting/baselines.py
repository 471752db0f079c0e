"""Naive forecasts that a model must beat: each from its paper, each a distribution and not a line.

All of them see the history up to the origin alone and return draws (draw, year) in the series' unit. Draws of
one forecast are whole paths: a draw that is high in one year tends to be high in the next. The curves with a
ceiling (logistic, Gompertz, Bass) are in `calibration.forecasting.growth_curves`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from calibration.forecasting.growth_curves import bass, gompertz, logistic
from calibration.forecasting.settings import BaselineSettings, Kind
from calibration.observed.history import Baseline, History, Years, natural, student_scale
from stockflow.arrays import Array
from stockflow.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """Cumulative quantity that drives Wright's law: observed `past`, and `values` in the forecast `years`.

    `values` are (year,) for a known path and (draw, year) for one that is itself drawn, in the unit of `past`.
    """

    past: History
    years: Years
    values: Array

    def __post_init__(self) -> None:
        self.past.horizons(self.years)
        if self.values.shape[-1] != len(self.years) or self.values.ndim > 2:
            raise InputError(f"experience {self.past.name!r}: {self.values.shape} values for {len(self.years)} years")
        if not (np.isfinite(self.values) & (self.values > 0)).all():
            raise InputError(f"experience {self.past.name!r}: a value {self.values.min():g} ahead; must be > 0")

    def logs_in(self, years: Years) -> Array:
        """Return logarithms of past experience in `years` (year,); a year without one is an `InputError`."""
        missing = np.setdiff1d(years, self.past.years)
        if len(missing):
            raise InputError(f"experience {self.past.name!r}: no value in {missing[0]}, where the cost is observed")
        return np.asarray(self.past.logs[np.searchsorted(self.past.years, years)])

    def logs_ahead(self, years: Years, draws: int) -> Array:
        """Return logarithms in forecast `years` as (1, year) or (draw, year)."""
        missing = np.setdiff1d(years, self.years)
        if len(missing):
            raise InputError(f"experience {self.past.name!r}: no value ahead in {missing[0]}")
        values = np.atleast_2d(self.values)[:, np.searchsorted(self.years, years)]
        if len(values) not in {1, draws}:
            raise InputError(f"experience {self.past.name!r}: {len(values)} paths for {draws} draws")
        return np.asarray(np.log(values))


def change_variance(gaps: Years, memory: float) -> Array:
    """Return the noise variance of a change over `gaps` years, in units of that of one year.

    Yearly noise is u(t) + memory u(t-1), so g years sum to 1 + memory^2 + (g-1)(1+memory)^2 variances of u.
    """
    one = 1 + memory**2
    return np.asarray((one + (gaps - 1) * (1 + memory) ** 2) / one)


def first_difference(history: History, past: Array, memory: float) -> tuple[float, float]:
    """Fit log value changes to changes of `past` (year,), without a constant; return slope and sd of a yearly change.

    slope = sum(X Y / g) / sum(X^2 / g), spread^2 = sum((Y - slope X)^2 / w) / (n - 1) for n changes over g years,
    w as in `change_variance`. Without gaps these are the estimators of Lafond et al. 2018, and for X = 1
    the mean and sample variance of Farmer and Lafond 2016.
    """
    y, x, gaps = np.diff(history.logs), np.diff(past), history.gaps
    information = float(np.sum(x**2 / gaps))
    if information <= 0:
        raise InputError(f"series {history.name!r}: experience never changes, so no slope can be estimated")
    slope = float(np.sum(x * y / gaps)) / information
    return slope, float(np.sqrt(np.sum((y - slope * x) ** 2 / change_variance(gaps, memory)) / (len(y) - 1)))


def _difference_draws(
    history: History, past: Array, ahead: Array, memory: float, years: Years, draws: int, rng: np.random.Generator
) -> Array:
    """Draw log values (draw, year) given the regressor `past` (year,) and `ahead` (1 or draw, year).

    Noise is drawn for the observed years too: the slope was estimated from one such sample, and its error and the
    last observed noise carry over. The variance is that of Lafond et al. 2018 for correlated noise, gaps allowed for.
    """
    slope, spread = first_difference(history, past, memory)
    horizons = history.horizons(years)
    span = history.last_year - int(history.years[0])
    u = rng.standard_normal((draws, span + int(horizons[-1]) + 1))
    level = np.cumsum(np.pad(u[:, 1:] + memory * u[:, :-1], ((0, 0), (1, 0))), axis=1)
    x, gaps = np.diff(past), history.gaps
    noise = np.diff(level[:, history.years - history.years[0]], axis=1)
    slope_error = np.sum(x * noise / gaps, axis=1, keepdims=True) / np.sum(x**2 / gaps)
    rise = ahead - past[-1]
    error = level[:, span + horizons] - level[:, span : span + 1] - slope_error * rise
    scale = spread / np.sqrt(1 + memory**2) * student_scale(len(gaps) - 1, draws, rng)
    return np.asarray(history.logs[-1] + slope * rise + scale * error)


def wright(experience: Experience, memory: float, fewest: int) -> Baseline:
    """Wright's law with correlated noise: log cost falls in proportion to log experience.

    Change of log cost = -omega (change of log experience) + u(t) + memory u(t-1), fitted in first differences, so
    the forecast starts from the last observed cost. The error is Student-t with n - 1 degrees for n changes and
    grows with the horizon; it includes the error of omega. Lafond et al. 2018, Technological Forecasting and
    Social Change 128: 104-117; `memory` as used by Way et al. 2022, Joule 6: 2057-2082.
    """

    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        history.require(fewest, "Wright's law")
        past, ahead = experience.logs_in(history.years), experience.logs_ahead(years, draws)
        return natural(_difference_draws(history, past, ahead, memory, years, draws, rng))

    return forecast


def moore(memory: float, fewest: int) -> Baseline:
    """Moore's law as a random walk with drift and correlated noise, for falling costs and growing quantities alike.

    Change of the logarithm = mu + u(t) + memory u(t-1). With m changes, K the sample sd of a change and horizon tau
    the error is K sqrt(A / (1 + memory^2)) times Student-t of m - 1 degrees,
    A = -2 memory + (1 + 2(m-1) memory/m + memory^2)(tau + tau^2/m).
    Farmer and Lafond 2016, Research Policy 45: 647-665.
    """

    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        history.require(fewest, "Moore's law")
        past = history.years.astype(np.float64)
        ahead = np.asarray(years, dtype=np.float64)[None, :]
        return natural(_difference_draws(history, past, ahead, memory, years, draws, rng))

    return forecast


def exponential(window: int) -> Baseline:
    """Log-linear trend through the last `window` observations, jumping off at the line and not at the last value.

    The usual prediction interval of ordinary least squares: Student-t of n - 2 degrees with variance
    s^2 (1 + 1/n + (t - mean t)^2 / sum (t - mean t)^2), s^2 = RSS/(n - 2) (Draper and Smith 1998).
    """

    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        history.require(max(window, 3), f"an exponential through {window} observations")
        history.horizons(years)
        logs, when = history.logs[-window:], history.years[-window:].astype(np.float64)
        t, ahead = when - when.mean(), np.asarray(years) - when.mean()
        slope = float(np.sum(t * logs) / np.sum(t**2))
        line = logs.mean() + slope * t
        freedom = len(logs) - 2
        s = np.sqrt(np.sum((logs - line) ** 2) / freedom)
        level = rng.standard_normal((draws, 1)) / np.sqrt(len(logs))
        tilt = rng.standard_normal((draws, 1)) / np.sqrt(np.sum(t**2))
        noise = rng.standard_normal((draws, len(ahead)))
        scale = s * student_scale(freedom, draws, rng)
        return natural(logs.mean() + slope * ahead + scale * (level + tilt * ahead + noise))

    return forecast


def last_value(fewest: int) -> Baseline:
    """No change: a random walk of the logarithm without drift.

    The sd of a yearly step is the root mean square of the observed steps, each over the root of its gap; n steps
    leave n degrees of freedom, so the error at horizon tau is sd sqrt(tau) times Student-t of n degrees.
    """

    def forecast(history: History, years: Years, draws: int, rng: np.random.Generator) -> Array:
        history.require(max(fewest, 2), "the last value")
        horizons = history.horizons(years)
        steps = np.diff(history.logs) / np.sqrt(history.gaps)
        sd = float(np.sqrt(np.mean(steps**2)))
        walk = np.cumsum(rng.standard_normal((draws, int(horizons[-1]))), axis=1)[:, horizons - 1]
        return natural(history.logs[-1] + sd * student_scale(len(steps), draws, rng) * walk)

    return forecast


def known_experience(cumulative: History, origin: int) -> Experience:
    """Return experience whose true path after `origin` is known: for forecasts conditional on what drives them."""
    later = cumulative.years > origin
    if not later.any():
        raise InputError(f"experience {cumulative.name!r}: ends in {cumulative.last_year}, nothing after {origin}")
    return Experience(cumulative.until(origin), cumulative.years[later], cumulative.values[later])


def extrapolated_experience(
    cumulative: History, years: Years, memory: float, fewest: int, draws: int, rng: np.random.Generator
) -> Experience:
    """Return experience drawn from its own past: yearly additions drift as in `moore` and are summed, so none falls.

    `cumulative` (unit of experience) must rise; an addition over a gap counts as its yearly mean. The additions are a
    geometric random walk with drift, as in Lafond et al. 2018.
    """
    additions = np.diff(cumulative.values) / cumulative.gaps
    added = History(f"yearly additions to {cumulative.name}", cumulative.years[1:], additions, cumulative.unit)
    every = np.arange(cumulative.last_year + 1, int(np.max(years)) + 1)
    paths = cumulative.values[-1] + np.cumsum(moore(memory, fewest)(added, every, draws, rng), axis=1)
    wanted = cumulative.horizons(years) - 1
    return Experience(cumulative, np.asarray(years, dtype=np.int64), paths[:, wanted])


def naive_draws(
    history: History,
    years: Years,
    kind: Kind,
    experience: Callable[[], Experience | None],
    settings: BaselineSettings,
    count: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], dict[str, str]]:
    """Draw each naive forecast (draw, year), by name; and say why some could not be made: too few years, mostly."""
    absent: dict[str, str] = {}
    driver: Experience | None = None
    try:
        driver = experience()
    except InputError as reason:
        absent["Wright's law"] = str(reason)
    drawn: dict[str, Array] = {}
    for who, forecast in naive_forecasts(settings, history.name, kind, driver).items():
        try:
            known = history if driver is None or who != "Wright's law" else _within(history, driver.past)
            drawn[who] = forecast(known, years, count, rng)
        except InputError as reason:
            absent[who] = str(reason)
    return drawn, absent


def _within(history: History, past: History) -> History:
    """Return the years of a cost in which experience is known too; the last must be among them."""
    both = np.isin(history.years, past.years)
    if not both[-1]:
        raise InputError(f"experience {past.name!r}: no value in {history.last_year}, the last year of the cost")
    return History(history.name, history.years[both], history.values[both], history.unit)


def naive_forecasts(
    settings: BaselineSettings, series: str, kind: Kind, experience: Experience | None = None
) -> Mapping[str, Baseline]:
    """Return every naive forecast that fits `series` by name, set up from `settings`.

    A cost takes Wright's law where `experience` is given; a quantity, a yearly "flow" or a "level", takes the
    curves with a ceiling.
    """
    common: dict[str, Baseline] = {
        "Moore's law": moore(settings.moore.memory, settings.moore.fewest),
        "exponential": exponential(settings.exponential.window),
        "last value": last_value(settings.last_value.fewest),
    }
    if kind == "cost":
        if experience is None:
            return common
        return {"Wright's law": wright(experience, settings.wright.memory, settings.wright.fewest), **common}
    curves, ceiling = settings.curves, settings.ceilings.get(series, settings.default_ceiling)
    of_adoptions = settings.default_ceiling if kind == "flow" else ceiling  # a flow's own bounds a yearly rate
    return {
        **common,
        "logistic": logistic(curves, ceiling),
        "Gompertz": gompertz(curves, ceiling),
        "Bass": bass(curves, of_adoptions, kind),
    }
