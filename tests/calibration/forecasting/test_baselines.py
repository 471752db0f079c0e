"""What the naive forecasts promise: the distributions of their papers, paths that hang together, clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from calibration.forecasting import baselines, growth_curves
from calibration.forecasting.baselines import Experience
from calibration.forecasting.growth_curves import Problem
from calibration.forecasting.scores import crps
from calibration.forecasting.settings import BASELINES, BaselineSettings, Ceiling, Curves
from calibration.observed.history import Baseline, History, natural
from stockflow.arrays import Array
from stockflow.errors import InputError

SETTINGS = BaselineSettings.load()
CURVES = SETTINGS.curves
DRAWS = 40_000
T3 = stats.t(3)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def history(logs: Array, first: int = 2000, name: str = "price") -> History:
    return History(name, np.arange(first, first + len(logs)), np.exp(logs), "CNY2020/W")


def walk(m: int = 12, seed: int = 4) -> History:
    return history(np.concatenate([[0.0], np.cumsum(rng(seed).normal(-0.1, 0.15, m))]))


def assert_student(draws: Array, centre: float, scale: float, freedom: int) -> None:
    """Every fifth percentile within four standard errors of that of the Student-t distribution."""
    found = stats.t.cdf((np.log(draws) - centre) / scale, freedom)
    shares = np.linspace(0.05, 0.95, 19)
    inside = np.mean(found[:, None] < shares, axis=0)
    assert np.abs(inside - shares) == pytest.approx(0, abs=4 * 0.5 / np.sqrt(len(draws)))


# --- Moore's law ------------------------------------------------------------------------------------------------


def farmer_lafond(tau: float, m: int, theta: float) -> float:
    """A* of Farmer and Lafond 2016, over 1 + theta^2."""
    top = -2 * theta + (1 + 2 * (m - 1) * theta / m + theta**2) * (tau + tau**2 / m)
    return top / (1 + theta**2)


def forecast_variance(past: Array, ahead: Array, memory: float) -> Array:
    """Return the variance of the forecast error (year,), in units of the squared spread, of a series without gaps.

    Lafond et al. 2018, for correlated noise: `past` (m + 1,) has changes X and `ahead` (year,), which holds every
    year from the first on, rises by S from the origin; with H_j = -S X_j / sum(X^2) the variance is
    (memory^2 H_1^2 + sum_j (H_j + memory H_(j+1))^2 + (memory + H_m)^2 + (tau-1)(1+memory)^2 + 1) / (1 + memory^2).
    """
    x = np.diff(past)
    h = -(ahead - past[-1])[:, None] * x / np.sum(x**2)
    tau = np.arange(1, len(ahead) + 1)
    known = memory**2 * h[:, 0] ** 2 + np.sum((h[:, :-1] + memory * h[:, 1:]) ** 2, axis=1) + (memory + h[:, -1]) ** 2
    return np.asarray((known + (tau - 1) * (1 + memory) ** 2 + 1) / (1 + memory**2))


@pytest.mark.parametrize("theta", [0.0, 0.63])
def test_the_error_of_moore_is_student_with_the_variance_of_farmer_and_lafond(theta: float) -> None:
    past = walk()
    changes = np.diff(past.logs)
    m, mu, k = len(changes), changes.mean(), np.std(changes, ddof=1)
    draws = baselines.moore(theta, 4)(past, np.array([2013, 2016, 2022]), DRAWS, rng())
    for column, tau in enumerate((1, 4, 10)):
        scale = k * np.sqrt(farmer_lafond(tau, m, theta))
        assert_student(draws[:, column], past.logs[-1] + mu * tau, scale, m - 1)


def test_without_memory_the_variance_is_tau_plus_tau_squared_over_m() -> None:
    past = np.arange(21.0)
    found = forecast_variance(past, np.arange(21.0, 31.0), 0.0)
    tau = np.arange(1, 11)
    assert found == pytest.approx(tau + tau**2 / 20)


def test_the_variance_of_lafond_with_steady_experience_is_that_of_farmer_and_lafond() -> None:
    # Wright's law becomes Moore's when experience grows at a steady rate, whatever the rate
    past, ahead = 0.3 * np.arange(16.0), 0.3 * np.arange(16.0, 26.0)
    for memory in (0.19, 0.63):
        expected = [farmer_lafond(tau, 15, memory) for tau in range(1, 11)]
        assert forecast_variance(past, ahead, memory) == pytest.approx(np.array(expected))


def test_long_histories_and_horizons_approach_the_published_limit_of_the_variance() -> None:
    # (1 + theta)^2/(1 + theta^2) (tau + tau^2/m): 1.90 times the uncorrelated one at theta = 0.63
    ratio = farmer_lafond(500, 500, 0.63) / (500 + 500**2 / 500)
    assert ratio == pytest.approx(1.63**2 / 1.3969, rel=5e-3)


def test_moore_with_a_gap_takes_the_drift_from_end_to_end_and_weighs_the_long_change_less() -> None:
    past = History("price", np.array([2000, 2001, 2002, 2006, 2007]), np.exp([0.0, -0.1, -0.3, -0.6, -0.8]), "1")
    slope, spread = baselines.first_difference(past, past.years.astype(float), 0.0)
    assert slope == pytest.approx(-0.8 / 7)
    errors = np.array([-0.1, -0.2, -0.3, -0.2]) - slope * np.array([1, 1, 4, 1])
    assert spread == pytest.approx(np.sqrt(np.sum(errors**2 / np.array([1, 1, 4, 1])) / 3))


def test_the_noise_of_a_change_over_three_years_is_the_sum_worked_by_hand() -> None:
    # u3 + 1.5 u2 + 1.5 u1 + 0.5 u0 has variance 5.75; one year, u1 + 0.5 u0, has 1.25
    assert baselines.change_variance(np.array([1, 3]), 0.5) == pytest.approx([1, 5.75 / 1.25])


def test_half_the_hindcasts_of_moore_fall_inside_its_half_interval() -> None:
    forecast, hits = baselines.moore(0.63, 4), []
    for seed in range(400):
        u = rng(seed).normal(0, 0.1, 14)
        logs = np.cumsum(-0.05 + u[1:] + 0.63 * u[:-1])
        draws = forecast(history(logs[:8]), np.array([2012]), 400, rng(seed))
        low, high = np.quantile(np.log(draws[:, 0]), [0.25, 0.75])
        hits.append(low < logs[12] < high)
    assert 0.4 < np.mean(hits) < 0.6


# --- Wright's law -----------------------------------------------------------------------------------------------


def uneven(m: int = 12) -> tuple[History, Experience]:
    growth = rng(8).uniform(0.1, 0.5, m + 10)
    path = np.concatenate([[0.0], np.cumsum(growth)])
    noise = rng(9).normal(0, 0.08, m)
    cost = history(np.concatenate([[0.0], np.cumsum(-0.32 * growth[:m] + noise)]))
    cumulative = History("experience", np.arange(2000, 2000 + m + 11), np.exp(path), "GW")
    return cost, baselines.known_experience(cumulative, 2000 + m)


def test_the_error_of_wright_is_student_with_the_variance_of_lafond() -> None:
    cost, experience = uneven()
    x, y = np.diff(experience.past.logs), np.diff(cost.logs)
    omega = np.sum(x * y) / np.sum(x**2)
    sigma = np.sqrt(np.sum((y - omega * x) ** 2) / (len(y) - 1))
    ahead = np.log(experience.values)
    variance = forecast_variance(experience.past.logs, ahead, 0.19)
    years = np.array([2013, 2017, 2022])
    draws = baselines.wright(experience, 0.19, 4)(cost, years, DRAWS, rng())
    for column, year in enumerate(years):
        at = year - 2013
        centre = cost.logs[-1] + omega * (ahead[at] - experience.past.logs[-1])
        assert_student(draws[:, column], centre, sigma * np.sqrt(variance[at]), len(y) - 1)


def test_without_memory_the_variance_of_wright_is_tau_plus_squared_rise_over_information() -> None:
    _, experience = uneven()
    past, ahead = experience.past.logs, np.log(experience.values)
    expected = np.arange(1, 11) + (ahead - past[-1]) ** 2 / np.sum(np.diff(past) ** 2)
    assert forecast_variance(past, ahead, 0.0) == pytest.approx(expected)


def test_a_cost_that_follows_wrights_law_exactly_is_forecast_exactly() -> None:
    _, experience = uneven()
    cost = history(2.0 - 0.32 * experience.past.logs)
    draws = baselines.wright(experience, 0.19, 4)(cost, experience.years, 50, rng())
    expected = np.exp(2.0 - 0.32 * np.log(experience.values))
    assert draws == pytest.approx(np.tile(expected, (50, 1)), rel=1e-9)


def test_drawn_experience_widens_the_forecast_of_wright() -> None:
    cost, known = uneven()
    drawn = baselines.extrapolated_experience(known.past, known.years, 0.63, 4, DRAWS, rng(2))
    sure = Experience(known.past, known.years, np.median(drawn.values, axis=0))
    spreads = [
        stats.iqr(np.log(baselines.wright(one, 0.19, 4)(cost, known.years, DRAWS, rng())[:, -1]))
        for one in (sure, drawn)
    ]
    assert spreads[1] > 1.1 * spreads[0]


def test_extrapolated_experience_never_falls_and_its_first_addition_drifts_as_moore() -> None:
    _, known = uneven()
    drawn = baselines.extrapolated_experience(known.past, known.years, 0.63, 4, 4000, rng(2)).values
    assert (np.diff(drawn, axis=1) >= 0).all()
    added = History("added", known.past.years[1:], np.diff(known.past.values), "GW")
    median = float(np.exp(added.logs[-1] + np.diff(added.logs).mean()))
    assert np.median(drawn[:, 0] - known.past.values[-1]) == pytest.approx(median, rel=0.05)


def test_experience_that_does_not_cover_the_cost_or_the_forecast_is_refused_by_year() -> None:
    cost, experience = uneven()
    forecast = baselines.wright(experience, 0.19, 4)
    with pytest.raises(InputError, match="no value ahead in 2030"):
        forecast(cost, np.array([2030]), 10, rng())
    early = History("price", cost.years - 3, cost.values, cost.unit)
    with pytest.raises(InputError, match="no value in 1997, where the cost is observed"):
        forecast(early, np.array([2013]), 10, rng())
    with pytest.raises(InputError, match="ends in 2012, nothing after 2012"):
        baselines.known_experience(experience.past, 2012)
    flat = Experience(History("experience", cost.years, np.ones(13), "GW"), np.array([2013]), np.ones(1))
    with pytest.raises(InputError, match="experience never changes"):
        baselines.wright(flat, 0.19, 4)(cost, np.array([2013]), 10, rng())


# --- exponential and last value ---------------------------------------------------------------------------------


def test_the_exponential_has_the_prediction_interval_of_least_squares() -> None:
    past = walk()
    line = stats.linregress(np.arange(5), past.logs[-5:])
    s = np.sqrt(np.sum((past.logs[-5:] - line.intercept - line.slope * np.arange(5)) ** 2) / 3)
    draws = baselines.exponential(5)(past, np.array([2013, 2018]), DRAWS, rng())
    for column, t in enumerate((5, 10)):
        scale = s * np.sqrt(1 + 1 / 5 + (t - 2) ** 2 / 10)
        assert_student(draws[:, column], line.intercept + line.slope * t, scale, 3)


def test_the_exponential_sees_nothing_before_its_window() -> None:
    past = walk()
    other = history(np.concatenate([past.logs[:-5] + 3.0, past.logs[-5:]]))
    years = np.array([2013, 2015])
    one, two = (baselines.exponential(5)(h, years, 20, rng()) for h in (past, other))
    assert one == pytest.approx(two)


def test_the_last_value_spreads_with_the_root_of_the_horizon() -> None:
    past = walk()
    steps = np.diff(past.logs)
    draws = baselines.last_value(3)(past, np.array([2013, 2021]), DRAWS, rng())
    for column, tau in enumerate((1, 9)):
        scale = np.sqrt(np.mean(steps**2) * tau)
        assert_student(draws[:, column], past.logs[-1], scale, len(steps))


def test_the_last_value_counts_a_step_over_a_gap_by_the_root_of_its_years() -> None:
    past = History("price", np.array([2000, 2004, 2005]), np.exp([0.0, 0.4, 0.6]), "1")
    draws = baselines.last_value(3)(past, np.array([2006]), DRAWS, rng())
    assert_student(draws[:, 0], 0.6, np.sqrt((0.2**2 + 0.2**2) / 2), 2)


# --- curves with a ceiling --------------------------------------------------------------------------------------

TIMES = {
    "logistic": np.arange(-14.0, 1.0),
    "Gompertz": np.arange(-14.0, 1.0),
    "Bass flow": np.arange(1.0, 16.0),
    "Bass level": np.arange(1.0, 16.0),
}
TRUTH = {
    "logistic": (growth_curves.log_logistic, np.array([np.log(80.0), 0.45, -4.0])),
    "Gompertz": (growth_curves.log_gompertz, np.array([np.log(80.0), 0.25, -4.0])),
    "Bass flow": (growth_curves.log_bass_flow, np.array([np.log(900.0), np.log(0.004), 0.5])),
    "Bass level": (growth_curves.log_bass_level, np.array([np.log(900.0), np.log(0.004), 0.5])),
}
MAKERS: dict[str, Callable[[Curves, Ceiling], Baseline]] = {
    "logistic": growth_curves.logistic,
    "Gompertz": growth_curves.gompertz,
    "Bass flow": lambda curves, ceiling: growth_curves.bass(curves, ceiling, "flow"),
    "Bass level": lambda curves, ceiling: growth_curves.bass(curves, ceiling, "level"),
}


def grown(name: str, noise: float = 0.0, seed: int = 0, years: int = 15) -> tuple[History, Array]:
    """Return a history of `years` made by the curve itself, and its true values in the five years after."""
    curve, truth = TRUTH[name]
    t = TIMES[name][-15:][:years]
    ahead = t[-1] + np.arange(1.0, 6.0)
    logs = curve(truth[None], t)[0] + noise * rng(seed).normal(size=years)
    return history(logs, name=name), np.exp(curve(truth[None], ahead)[0])


@pytest.mark.parametrize("name", TRUTH)
def test_a_curve_forecasts_its_own_noiseless_history_exactly(name: str) -> None:
    past, ahead = grown(name)
    draws = MAKERS[name](CURVES, SETTINGS.default_ceiling)(past, np.arange(2015, 2020), 200, rng())
    assert np.median(draws, axis=0) == pytest.approx(ahead, rel=1e-3)


@pytest.mark.parametrize(
    "name", [name if name == "Gompertz" else pytest.param(name, marks=pytest.mark.slow) for name in TRUTH]
)
def test_ninety_per_cent_intervals_of_a_curve_cover_its_own_future_about_as_often(name: str) -> None:
    forecast, hits = MAKERS[name](CURVES, SETTINGS.default_ceiling), []
    for seed in range(30):
        past, ahead = grown(name, noise=0.1, seed=seed, years=11)
        draws = forecast(past, np.arange(2011, 2016), 400, rng(seed))
        actual = np.log(ahead) + 0.1 * rng(1000 + seed).normal(size=5)
        low, high = np.quantile(np.log(draws), [0.05, 0.95], axis=0)
        hits += ((low < actual) & (actual < high)).tolist()
    assert 0.8 < np.mean(hits) < 0.99, f"{np.mean(hits):.2f}"


def test_the_logistic_is_half_its_ceiling_at_the_midpoint_and_gompertz_one_part_in_e() -> None:
    p = np.array([[np.log(50.0), 0.3, -2.0]])
    assert np.exp(growth_curves.log_logistic(p, np.array([-2.0])))[0, 0] == pytest.approx(25)
    assert np.exp(growth_curves.log_gompertz(p, np.array([-2.0])))[0, 0] == pytest.approx(50 / np.e)
    for curve in (growth_curves.log_logistic, growth_curves.log_gompertz):
        assert np.exp(curve(p, np.array([200.0])))[0, 0] == pytest.approx(50)


def test_bass_peaks_when_and_as_high_as_its_paper_derives_and_the_flows_sum_to_the_level() -> None:
    # Bass 1969: the flow peaks at ln(q/p)/(p+q) with height M (p+q)^2/(4q); a year around it is a little lower
    p = np.array([[np.log(39.66), np.log(0.00511), 0.8387]])
    peak = np.log(0.8387 / 0.00511) / (0.8387 + 0.00511)
    around = float(np.exp(growth_curves.log_bass_flow(p, np.array([peak + 0.5])))[0, 0])
    height = 39.66 * (0.8387 + 0.00511) ** 2 / (4 * 0.8387)
    assert height * 0.97 < around < height
    since = np.arange(1.0, 41.0)
    flows = np.exp(growth_curves.log_bass_flow(p, since))[0]
    assert np.cumsum(flows) == pytest.approx(np.exp(growth_curves.log_bass_level(p, since))[0], rel=1e-9)


def test_a_bass_curve_through_nearly_exponential_growth_is_drawn_though_its_parameters_hardly_differ_in_effect() -> (
    None
):
    noise = rng(4).normal(0, 0.05, 13)
    past = history(np.log(2) + 0.2 * np.arange(1, 14) + noise, name="size")
    draws = growth_curves.bass(CURVES, SETTINGS.default_ceiling, "level")(past, np.array([2013, 2019]), 300, rng())
    assert np.isfinite(draws).all()
    assert np.log(np.median(draws[:, 0])) == pytest.approx(np.log(2) + 0.2 * 14, abs=0.15)


def test_bass_stays_finite_long_after_everyone_has_adopted() -> None:
    p = np.array([[0.0, np.log(0.1), 1.5]])
    logs = growth_curves.log_bass_flow(p, np.array([300.0]))
    assert np.isfinite(logs).all()
    assert logs[0, 0] < -400


def problem(past: History, memory_high: float = 0.9) -> Problem:
    top = float(np.log(past.values.max()))
    t = (past.years - past.last_year).astype(float)
    low, high = np.array([top, 0.02, -20.0]), np.array([top + np.log(100), 1.5, 40.0])
    return Problem(growth_curves.log_logistic, t, past.logs, past.gaps, low, high, memory_high)


def test_a_young_series_leaves_the_ceiling_open_and_an_old_one_settles_it() -> None:
    spread = []
    for years in (8, 15):
        one = problem(grown("logistic", noise=0.03, years=years)[0])
        points = growth_curves.draw_parameters(one, 2000, rng())[0]
        assert ((points >= one.low) & (points <= one.high)).all()
        spread.append(np.std(points[:, 0]))
    assert spread[1] < 0.15
    assert spread[0] > 5 * spread[1]


def test_the_misfit_is_freed_of_its_autocorrelation_over_gaps_too() -> None:
    noise = rng().normal(size=(60_000, 5))
    for i in range(1, 5):
        noise[:, i] = 0.6 * noise[:, i - 1] + 0.8 * noise[:, i]
    years = np.array([0, 1, 3, 4])
    # a curve that is minus its parameters against logs of zero makes the parameters the misfit
    one = Problem(lambda p, t: -p, years.astype(float), np.zeros(4), np.diff(years), np.zeros(1), np.ones(1), 0.9)
    assert np.cov(one.white(noise[:, years], np.full(60_000, 0.6)).T) == pytest.approx(np.eye(4), abs=0.02)


def test_the_density_is_the_student_likelihood_of_the_autoregression() -> None:
    # multivariate normal with the variance integrated out: |R|^(-1/2) (e' R^-1 e)^(-n/2)
    error, years = np.array([[0.3, -0.1, 0.4, 0.2]]), np.array([0, 1, 3, 4])
    one = Problem(lambda p, t: -p, years.astype(float), np.zeros(4), np.diff(years), np.zeros(1), np.ones(1), 0.9)
    r = 0.6 ** np.abs(years[:, None] - years[None, :])
    square = float((error @ np.linalg.inv(r) @ error.T)[0, 0])
    density, squares = one.log_density(error, np.array([0.6]))
    assert squares[0] == pytest.approx(square)
    assert density[0] == pytest.approx(-0.5 * np.log(np.linalg.det(r)) - 2 * np.log(square))


def test_a_misfit_at_the_origin_dies_away_by_its_autocorrelation(monkeypatch: pytest.MonkeyPatch) -> None:
    past, ahead = grown("logistic")
    high = History(past.name, past.years, np.append(past.values[:-1], past.values[-1] * np.exp(0.4)), past.unit)
    sure = (np.tile(TRUTH["logistic"][1], (3, 1)), np.full(3, 0.8), np.full(3, 1e-12))
    monkeypatch.setattr(growth_curves, "draw_parameters", lambda *_: sure)
    draws = MAKERS["logistic"](CURVES, SETTINGS.default_ceiling)(high, np.array([2015, 2016, 2019]), 3, rng())
    expected = np.log(ahead[[0, 1, 4]]) + 0.4 * 0.8 ** np.array([1, 2, 5])
    assert np.log(draws) == pytest.approx(np.tile(expected, (3, 1)), abs=1e-9)


@pytest.mark.slow
def test_drawn_parameters_follow_the_density_on_a_grid() -> None:
    one = problem(grown("logistic", noise=0.15, years=10)[0])
    cells = zip(one.low, one.high, (40, 90, 100), strict=True)
    axes = [low + (high - low) * (np.arange(n) + 0.5) / n for low, high, n in cells]
    grid = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
    memories = 0.9 * (np.arange(18) + 0.5) / 18
    density = np.stack([one.log_density(grid, np.full(len(grid), memory))[0] for memory in memories])
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    parameters, memory, _ = growth_curves.draw_parameters(one, 8000, rng())
    assert memory.mean() == pytest.approx(float(weight.sum(axis=1) @ memories), abs=0.03)
    mean = weight.sum(axis=0) @ grid
    sd = np.sqrt(weight.sum(axis=0) @ (grid - mean) ** 2)
    assert np.abs(parameters.mean(axis=0) - mean) / sd == pytest.approx(0, abs=0.1)
    assert parameters.std(axis=0) / sd == pytest.approx(1, abs=0.1)


def test_a_ceiling_in_the_series_own_unit_holds_the_curve_below_it() -> None:
    past, _ = grown("logistic", noise=0.02, years=8)
    lid = 1.05 * float(past.values.max())
    ceiling = Ceiling(low=0.0, high=lid, unit="CNY2020/W", source="test")
    draws = growth_curves.logistic(CURVES, ceiling)(past, np.array([2030]), 2000, rng())
    open_draws = growth_curves.logistic(CURVES, SETTINGS.default_ceiling)(past, np.array([2030]), 2000, rng())
    assert np.median(draws) < lid * 1.02
    assert np.median(open_draws) > 2 * lid


def test_a_ceiling_already_passed_or_in_another_unit_is_refused() -> None:
    past, _ = grown("logistic")
    for unit, text in (("CNY2020/W", "at or above its ceiling 1"), ("GW", "ceiling in GW, values in CNY2020/W")):
        with pytest.raises(InputError, match=text):
            growth_curves.logistic(CURVES, Ceiling(low=0.0, high=1.0, unit=unit, source="test"))(
                past, np.array([2015]), 10, rng()
            )


def test_a_falling_series_has_no_growth_curve() -> None:
    past = history(-0.1 * np.arange(10.0))
    for maker in MAKERS.values():
        with pytest.raises(InputError, match="needs a growing series"):
            maker(CURVES, SETTINGS.default_ceiling)(past, np.array([2011]), 10, rng())


# --- all of them ------------------------------------------------------------------------------------------------


def every_forecast() -> dict[str, tuple[Baseline, History]]:
    cost, experience = uneven()
    quantity, _ = grown("logistic", noise=0.1)
    found = {n: (f, cost) for n, f in baselines.naive_forecasts(SETTINGS, "price", "cost", experience).items()}
    for kind in ("flow", "level"):
        named = baselines.naive_forecasts(SETTINGS, "logistic", kind)
        found |= {f"{name} of a {kind}": (f, quantity) for name, f in named.items()}
    return found


@pytest.mark.parametrize("name", every_forecast())
def test_every_forecast_gives_positive_draws_by_year_that_repeat_from_the_seed(name: str) -> None:
    forecast, past = every_forecast()[name]
    years = past.last_year + np.array([1, 3, 7])
    one, two = forecast(past, years, 300, rng(5)), forecast(past, years, 300, rng(5))
    assert one.shape == (300, 3)
    assert (one > 0).all()
    assert np.isfinite(one).all()
    assert np.array_equal(one, two)
    assert not np.array_equal(one, forecast(past, years, 300, rng(6)))


@pytest.mark.parametrize("name", every_forecast())
def test_draws_of_a_forecast_are_paths_whose_neighbouring_years_go_together(name: str) -> None:
    forecast, past = every_forecast()[name]
    draws = np.log(forecast(past, past.last_year + np.arange(1, 9), 2000, rng(5)))
    assert stats.spearmanr(draws[:, -2], draws[:, -1]).statistic > 0.1
    assert stats.iqr(draws[:, -1]) > stats.iqr(draws[:, 0]) * 0.9


@pytest.mark.parametrize("name", every_forecast())
def test_every_forecast_refuses_a_history_that_is_too_short_by_name_and_number(name: str) -> None:
    forecast, past = every_forecast()[name]
    short = History(past.name, past.years[-2:], past.values[-2:], past.unit)
    with pytest.raises(InputError, match=rf"series '{past.name}': 2 observations up to \d+; .* needs at least \d"):
        forecast(short, np.array([past.last_year + 1]), 10, rng())


@pytest.mark.parametrize("name", every_forecast())
def test_every_forecast_refuses_years_that_do_not_lie_after_the_origin_in_order(name: str) -> None:
    forecast, past = every_forecast()[name]
    last = past.last_year
    for years in ([last], [last + 2, last + 1], []):
        with pytest.raises(InputError, match=rf"must increase and lie after the origin {last}|no value ahead"):
            forecast(past, np.array(years, dtype=np.int64), 10, rng())


def test_on_a_random_walk_with_drift_moore_beats_no_change() -> None:
    score: dict[str, list[float]] = {"moore": [], "last": []}
    for seed in range(60):
        logs = np.cumsum(rng(seed).normal(-0.2, 0.1, 20))
        past, years = history(logs[:15]), np.arange(2015, 2020)
        for name, forecast in (("moore", baselines.moore(0.0, 4)), ("last", baselines.last_value(3))):
            draws = forecast(past, years, 500, rng(seed))
            score[name].append(float(np.mean(crps(np.log(draws), logs[15:]))))
    assert np.mean(score["moore"]) < 0.6 * np.mean(score["last"])


def test_tails_beyond_the_range_of_numbers_are_held_at_its_end() -> None:
    held = natural(np.array([-1e6, 0.0, 1e6]))
    assert np.isfinite(held).all()
    assert (held > 0).all()
    assert held[1] == 1


@pytest.mark.parametrize(
    ("years", "values", "text"),
    [
        ([2000, 2000], [1.0, 2.0], "year 2000 follows 2000"),
        ([2000, 2001], [1.0, 0.0], r"value 0 GW in 2001; must be > 0"),
        ([2000, 2001], [1.0, float("nan")], r"value nan GW in 2001; must be > 0"),
        ([2000], [1.0, 2.0], "1 years and 2 values"),
        ([], [], "at least one"),
    ],
)
def test_a_history_that_makes_no_sense_is_refused(years: list[int], values: list[float], text: str) -> None:
    with pytest.raises(InputError, match=text):
        History("size", np.array(years, dtype=np.int64), np.array(values), "GW")


def test_a_history_knows_nothing_after_the_year_it_is_cut_at() -> None:
    past = walk()
    assert past.until(2005).years.tolist() == list(range(2000, 2006))
    with pytest.raises(InputError, match="starts in 2000, nothing observed up to 1990"):
        past.until(1990)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("memory = 0.63", "memory = 1.63", r"baselines.toml: moore.memory: .*less than 1 \(got 1.63\)"),
        ("rate = [0.02, 1.5]", "rate = [2.0, 1.5]", "rate 2 to 1.5 ends before it starts"),
        ("window = 5 ", "windows = 5 ", "exponential.window"),
        ("high = 100.0", "high = 0.5", "bounds 1 to 0.5 end before they start"),
        ("[wright]", "[wright", "baselines.toml"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_file_key_and_value(
    tmp_path: Path, old: str, new: str, text: str
) -> None:
    text_of = BASELINES.read_text(encoding="utf-8")
    assert old in text_of
    file = tmp_path / "baselines.toml"
    file.write_text(text_of.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=text):
        BaselineSettings.load(file)
