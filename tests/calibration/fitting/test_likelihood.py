"""Every term of the payoff against numbers worked out by hand, and every slope against differences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from calibration_helpers import (
    EFFECT,
    EVENT,
    GAPS_IN_PRICES,
    RANGES,
    RATES,
    SIZES,
    STEP,
    YEARS,
    growth_model,
    prices,
    series,
    series_target,
    size,
    stated,
    whole_payoff,
)  # fmt: skip
from scipy.stats import halfnorm, lognorm, norm, t, truncnorm

import stockflow
from calibration.fitting.coordinates import Coordinate, Space
from calibration.fitting.likelihood import crossing, normal, soft_range, yearly_errors
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import ErrorModel, EventTarget, Prior
from stockflow.over_time import year_reached

GAPS = GAPS_IN_PRICES
DOUBTFUL = np.array([True, True, False, False, True])
HERE = np.array([np.log(0.12), 2.3, np.log(0.13), np.log(0.08), 0.35, 0.6])


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    return growth_model(tmp_path_factory.mktemp("models"))


def slope(function: Callable[[float], float], at: float, step: float = 1e-4) -> float:
    """Derivative by central differences of fourth order."""
    one, two = (function(at + n * step) - function(at - n * step) for n in (1, 2))
    return (8 * one - two) / (12 * step)


def test_who_asks_for_values_alone_waits_for_no_slopes(
    growth: stockflow.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    gradient = stockflow.Model.gradient
    monkeypatch.setattr(stockflow.Model, "gradient", lambda *a, **k: asked.append(a) or gradient(*a, **k))
    payoff = whole_payoff(growth)
    assert np.isfinite(payoff.log_density(HERE)).all()
    assert asked == []
    for _ in range(2):
        payoff.log_density_and_slopes(HERE)
    assert len(asked) == 1


# ---- autocorrelated Student errors ------------------------------------------------------------------------------


def by_hand(years, observed, modelled, multiplier, sigma, rho, degrees) -> list[float]:
    """Log density of each logarithm given those before it, written out with scipy's Student-t."""
    z = [np.log(y / m) / k for y, m, k in zip(observed, modelled, multiplier, strict=True)]
    out = [t.logpdf(z[0], degrees, scale=sigma) - np.log(multiplier[0])]
    for i, (before, after) in enumerate(pairwise(years), 1):
        phi = rho ** (after - before)
        scale = sigma * np.sqrt(1 - phi**2)
        out.append(t.logpdf(z[i], degrees, loc=phi * z[i - 1], scale=scale) - np.log(multiplier[i]))
    return out


def test_the_density_of_yearly_errors_is_that_of_students_t_around_an_autoregression() -> None:
    observed = [np.array([1.0, 1.4, 2.2]), np.array([9.0, 7.0, 4.0, 4.4, 3.0])]
    years = [np.array([2010, 2011, 2012]), GAPS]
    factors = [np.ones(3), np.where(DOUBTFUL, 2.0, 1.0)]
    errors = yearly_errors(list(zip(years, observed, factors, strict=True)), 4.0)
    modelled = np.array([[1.1, 1.3, 2.0, 8.0, 6.0, 5.0, 4.0, 2.0], [0.2, 1.4, 9.0, 9.0, 7.0, 4.0, 4.4, 3.0]])
    sigma, rho = np.array([[0.1, 0.3], [0.2, 0.05]]), np.array([[0.5, 0.7], [0.0, 0.79]])
    each = errors.density(modelled, sigma, rho)[0]
    for run in range(2):
        parts = [
            by_hand(years[k], observed[k], part, factors[k], sigma[run, k], rho[run, k], 4.0)
            for k, part in enumerate(np.split(modelled[run], [3]))
        ]
        np.testing.assert_allclose(each[run], np.concatenate(parts), rtol=1e-12)


def test_many_degrees_without_persistence_are_independent_normal_errors() -> None:
    errors = yearly_errors([(GAPS, np.arange(1.0, 6.0), np.ones(5))], 200.0)
    modelled = np.arange(1.0, 6.0)[None] * 1.1
    each = errors.density(modelled, np.array([[0.2]]), np.array([[0.0]]))[0]
    np.testing.assert_allclose(each[0], norm.logpdf(np.log(1 / 1.1), scale=0.2), rtol=5e-3)


def test_one_observation_has_no_persistence() -> None:
    errors = yearly_errors([(GAPS[:1], np.array([2.0]), np.array([1.0]))], 4.0)
    each, _, _, by_rho = errors.density(np.array([[2.5]]), np.array([[0.2]]), np.array([[0.7]]))
    assert each[0, 0] == pytest.approx(t.logpdf(np.log(2 / 2.5), 4, scale=0.2))
    assert by_rho[0, 0] == 0


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.79])
def test_slopes_of_the_density_are_those_of_differences(rho: float) -> None:
    errors = yearly_errors([(GAPS, np.arange(1.0, 6.0), np.where(DOUBTFUL, 2.0, 1.0)),
                            (GAPS[:2], np.array([3.0, 4.0]), np.ones(2))], 4.0)  # fmt: skip
    base = np.array([1.2, 1.5, 3.3, 4.1, 7.0, 2.8, 4.2])
    sizes, keeps = np.array([0.15, 0.4]), np.array([rho, 0.5])

    def total(values: np.ndarray) -> float:
        parts = values[:7], np.exp(values[7:9]), values[9:]
        return float(errors.density(*(part[None] for part in parts))[0].sum())

    at = np.concatenate([base, np.log(sizes), keeps])
    found = np.concatenate([s[0] for s in errors.density(base[None], sizes[None], keeps[None])[1:]])
    for i in range(11):
        if i == 9 and rho == 0.0:  # the edge: only to the right
            one = total(at + 1e-6 * np.eye(11)[i]) - total(at)
            assert found[i] == pytest.approx(one / 1e-6, rel=1e-4)
        else:
            assert found[i] == pytest.approx(slope(lambda v: total(np.r_[at[:i], v, at[i + 1 :]]), at[i]), rel=1e-6)  # noqa: B023


# ---- dates, effects, ranges ------------------------------------------------------------------------------------------


def test_a_normal_statement_costs_half_the_square_of_its_distance() -> None:
    value, by_value = normal(np.array([2004.0, 2005.0, 2006.4]), 2005.0, 0.7)
    np.testing.assert_allclose(value, [-0.5 / 0.49, 0.0, -2.0])
    np.testing.assert_allclose(by_value, [1 / 0.49, 0.0, -2 / 0.7])


@pytest.mark.parametrize(("low", "high"), [(1.0, 2.0), (1.0, None), (None, 2.0), (None, None)])
def test_a_soft_range_is_the_chance_that_both_edges_are_kept(low: float | None, high: float | None) -> None:
    value = np.array([-3.0, 0.9, 1.0, 1.4, 2.0, 2.3, 9.0])
    total, by_value = soft_range(value, low, high, 0.25)
    chance = np.ones(7)
    chance *= norm.cdf((value - low) / 0.25) if low is not None else 1.0
    chance *= norm.cdf((high - value) / 0.25) if high is not None else 1.0
    np.testing.assert_allclose(total, np.log(chance), rtol=1e-10, atol=1e-15)
    for place, one in enumerate(value):
        expected = slope(lambda v: float(soft_range(np.array([v]), low, high, 0.25)[0][0]), one)
        assert by_value[place] == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_slope_of_a_soft_range_stays_exact_far_outside() -> None:
    far = np.array([-1e3, -1e6, -1e9, 1e9])
    total, by_value = soft_range(far, 0.0, None, 1.0)
    np.testing.assert_allclose(by_value, [1e3 + 1e-3, 1e6, 1e9, 0.0], rtol=1e-8)
    assert np.isfinite(total).all()
    _, falling = soft_range(-far, None, 0.0, 1.0)
    np.testing.assert_allclose(falling, -by_value)


def test_a_crossing_lies_between_the_times_where_the_line_says() -> None:
    times = np.array([2000.0, 2000.25, 2000.5, 2000.75])
    values = np.array([[1.0, 2.0, 4.0, 3.0], [5.0, 4.0, 9.0, 9.0], [1.0, 1.5, 2.0, 1.0]])
    when, slopes = crossing(times, values, 3.0)
    np.testing.assert_allclose(when, [2000.375, 2000.0, 2000.75 + np.log(1.5)])
    np.testing.assert_array_equal(when[:2], year_reached(times, values[:2], 3.0, hold=0.0))
    np.testing.assert_allclose(slopes[0], [0.0, -0.0625, -0.0625, 0.0])
    np.testing.assert_allclose(slopes[1], 0.0)
    np.testing.assert_allclose(slopes[2], [0.0, 0.0, -0.5, 0.0])


def test_a_level_that_nothing_approaches_is_very_late_and_still_a_number() -> None:
    when, slopes = crossing(np.array([2000.0, 2001.0]), np.array([[0.0, 0.0], [-1.0, -2.0]]), 3.0)
    np.testing.assert_allclose(when, 2001 + np.log(1e12))
    assert (slopes == 0).all()


def test_an_event_is_a_normal_of_the_date_at_which_the_run_reaches_its_level(growth: stockflow.Model) -> None:
    x = np.array([np.log(0.2), 2.0])
    payoff = Payoff(growth, (RATES, SIZES), (), (EVENT,))
    prior = Payoff(growth, (RATES, SIZES), ())
    exact = 2000 + np.log(2) / (32 * np.log1p(0.2 / 32))
    assert payoff.events_at(x)["doubled"][0] == pytest.approx(exact, abs=2e-3)
    expected = -0.5 * ((payoff.events_at(x)["doubled"][0] - 2005) / 0.7) ** 2
    assert payoff.log_density(x)[0] - prior.log_density(x)[0] == pytest.approx(expected, rel=1e-12)


def test_an_event_that_never_comes_is_late_by_the_logarithm_of_what_is_missing(growth: stockflow.Model) -> None:
    late = EventTarget(name="giant", quantity="Size", level=1e4, year=2010, sd=2.0, source="test")
    found = Payoff(growth, (RATES, SIZES), (), (late,)).events_at(np.array([np.log(0.1), 2.0]))["giant"][0]
    assert found == pytest.approx(2016 + np.log(1e4 / size(0.1, 16)), rel=1e-12)


def test_an_effect_is_what_a_run_without_the_policy_lacks(growth: stockflow.Model) -> None:
    x = np.array([np.log(0.2), 2.0])
    payoff, prior = Payoff(growth, (RATES, SIZES), (), effects=(EFFECT,)), Payoff(growth, (RATES, SIZES), ())
    expected = 1 - (size(0.1, 10) - 2) / (size(0.2, 10) - 2)
    assert payoff.effects_at(x)[EFFECT.name][0] == pytest.approx(expected, rel=1e-12)
    cost = -0.5 * ((expected - 0.5) / 0.1) ** 2
    assert payoff.log_density(x)[0] - prior.log_density(x)[0] == pytest.approx(cost, rel=1e-10)


def test_a_step_is_what_the_window_after_it_lacks_in_the_same_run(growth: stockflow.Model) -> None:
    x = np.array([np.log(0.2), 2.0])
    payoff, prior = Payoff(growth, (RATES, SIZES), (), effects=(STEP,)), Payoff(growth, (RATES, SIZES), ())
    expected = 1 - (size(0.2, 7) - size(0.2, 5)) / (size(0.2, 5) - size(0.2, 3))
    assert payoff.effects_at(x)[STEP.name][0] == pytest.approx(expected, rel=1e-12)
    cost = -0.5 * ((expected + 0.3) / 0.2) ** 2
    assert payoff.log_density(x)[0] - prior.log_density(x)[0] == pytest.approx(cost, rel=1e-10)


def test_ranges_read_means_falls_and_lowest_values(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, (RATES, SIZES), (), ranges=RANGES)
    found = {name: value[0] for name, value in payoff.ranges_at(np.array([np.log(0.2), 2.0])).items()}
    price = [10 / size(0.2, year + 0.5) ** 0.3 for year in range(3, 9)]
    assert found["mean price"] == pytest.approx(np.mean(price), rel=1e-12)
    assert found["fall of the price"] == pytest.approx(1 - (size(0.2, 4) / size(0.2, 9)) ** 0.3, rel=1e-12)
    assert found["least size"] == pytest.approx(size(0.2, 4), rel=1e-12)
    assert found["mean growth"] == pytest.approx((size(0.2, 9) - size(0.2, 3)) / 6, rel=1e-12)
    expected = 0.0
    for one in RANGES:
        for edge, sign in ((one.low, 1), (one.high, -1)):
            expected += norm.logcdf(sign * (found[one.name] - edge) / one.width) if edge is not None else 0.0
    prior = Payoff(growth, (RATES, SIZES), ())
    x = np.array([np.log(0.2), 2.0])
    assert payoff.log_density(x)[0] - prior.log_density(x)[0] == pytest.approx(expected, rel=1e-10)


# ---- the whole payoff ------------------------------------------------------------------------------------------------


def test_the_whole_payoff_is_the_sum_of_its_terms_worked_out_by_hand(growth: stockflow.Model) -> None:
    payoff = whole_payoff(growth)
    rate, start, sizes, keeps = np.exp(HERE[0]), HERE[1], np.exp(HERE[2:4]), HERE[4:]
    expected = norm.logpdf(HERE[0], np.log(0.1), 1.0) - norm.logpdf(0) + norm.logpdf(start, 2.0, 1.0) - norm.logpdf(0)
    expected += sum(np.log(s / 0.1) - 0.5 * (s / 0.1) ** 2 for s in sizes) + 2 * np.log(0.1)
    one, two = payoff.series
    grown = [size(rate, year + 1 - 2000, start) for year in one.years]
    fallen = [10 / size(rate, year + 0.5 - 2000, start) ** 0.3 for year in two.years]
    expected += sum(by_hand(one.years, one.values, grown, np.ones(3), sizes[0], keeps[0], 4.0))
    expected += sum(by_hand(two.years, two.values, fallen, np.where(DOUBTFUL, 2, 1), sizes[1], keeps[1], 4.0))
    for event, sd in (("doubled", 0.7), ("giant", 2.0)):
        year = {"doubled": 2005, "giant": 2010}[event]
        expected -= 0.5 * ((payoff.events_at(HERE)[event][0] - year) / sd) ** 2
    for effect in (EFFECT, STEP):
        expected -= 0.5 * ((payoff.effects_at(HERE)[effect.name][0] - effect.value) / effect.sd) ** 2
    for stated_range in RANGES:
        value = payoff.ranges_at(HERE)[stated_range.name][0]
        for edge, sign in ((stated_range.low, 1), (stated_range.high, -1)):
            expected += norm.logcdf(sign * (value - edge) / stated_range.width) if edge is not None else 0.0
    assert payoff.log_density(HERE)[0] == pytest.approx(expected, rel=1e-10)
    assert payoff.objective(HERE)[0] == -payoff.log_density(HERE)[0]


def test_every_slope_of_the_whole_payoff_is_that_of_differences(growth: stockflow.Model) -> None:
    payoff = whole_payoff(growth)
    for x in (
        HERE,
        HERE + np.array([0.5, -1.0, 0.3, 0.4, -0.2, 0.1]),
        HERE - np.array([0.7, 0.3, 0.5, -0.5, 0.1, 0.3]),
    ):
        value, slopes = payoff.log_density_and_slopes(x)
        assert value == payoff.log_density(x)[0]
        for i in range(6):
            expected = slope(lambda v: payoff.log_density(np.r_[x[:i], v, x[i + 1 :]])[0], x[i], 1e-5)  # noqa: B023
            assert slopes[i] == pytest.approx(expected, rel=1e-5, abs=1e-6), payoff.space.names[i]


def test_slopes_on_the_line_are_those_of_differences(growth: stockflow.Model) -> None:
    payoff = whole_payoff(growth)
    u = payoff.space.to_line(HERE)
    value, slopes = payoff.on_the_line(u)
    assert np.isfinite(value)
    for i in range(6):
        expected = slope(lambda v: payoff.on_the_line(np.r_[u[:i], v, u[i + 1 :]])[0], u[i], 1e-4)  # noqa: B023
        assert slopes[i] == pytest.approx(expected, rel=1e-5, abs=1e-6), payoff.space.names[i]


def test_pointwise_densities_add_up_to_what_the_series_contribute(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, (RATES, SIZES), (series(noise=0.1), prices(GAPS, DOUBTFUL)))
    each = payoff.pointwise(np.stack([HERE, HERE + 0.1]))
    assert [part.shape for part in each] == [(2, 20), (2, 5)]
    prior = payoff.space.log_prior(np.stack([HERE, HERE + 0.1]))[0]
    np.testing.assert_allclose(sum(part.sum(axis=1) for part in each) + prior, payoff.log_density([HERE, HERE + 0.1]))


# ---- runs that are undefined -----------------------------------------------------------------------------------------


def undefined(growth: stockflow.Model, what: str) -> Payoff:
    """A payoff that is undefined once the stock has passed 1000, which it does at a rate of 0.8."""
    room = "logarithm of room"
    late = np.array([2018, 2019])
    parts = {
        "series": {"series": (FittedSeries(series_target("room", room), late, np.array([6.0, 6.0]), np.full(2, 0.1)),)},
        "event": {"events": (EventTarget(name="e", quantity=room, level=6.0, year=2013, sd=1.0, source="test"),)},
        "range": {"ranges": (stated("r", quantity=room, first_year=2015, last_year=2018, high=7.0),)},
        "fall": {"ranges": (stated("r", quantity=room, kind="fall", first_year=2012, last_year=2018, high=7.0),)},
        "lowest": {"ranges": (stated("r", quantity=room, kind="lowest", first_year=2015, last_year=2018, low=1.0),)},
        "effect": {"effects": (EFFECT.model_copy(update={"quantity": room}),)},
    }  # fmt: skip
    given = {"series": (), **parts[what]}
    return Payoff(growth, (RATES, SIZES), **given)


@pytest.mark.parametrize("what", ["series", "event", "range", "fall", "lowest", "effect"])
def test_a_run_that_is_undefined_has_no_density_and_never_a_density_that_is_no_number(
    growth: stockflow.Model, what: str
) -> None:
    payoff = undefined(growth, what)
    bad, good = payoff.space.centre.copy(), payoff.space.centre.copy()
    bad[0], good[0] = np.log(0.88), np.log(0.15)
    assert payoff.log_density(np.stack([bad, good]))[0] == -np.inf
    assert np.isfinite(payoff.log_density(np.stack([bad, good]))[1])
    value, slopes = payoff.log_density_and_slopes(bad)
    assert value == -np.inf
    assert (slopes == 0).all()
    assert payoff.on_the_line(payoff.space.to_line(bad))[0] == -np.inf
    assert np.isfinite(payoff.log_density_and_slopes(good)[1]).all()


def test_a_run_that_is_only_undefined_without_the_policy_has_no_density(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    model = growth_model(tmp_path_factory.mktemp("other"))
    effect = EFFECT.model_copy(update={"without": {"support": 9.0}})
    watched = stated("r", quantity="logarithm of room", first_year=2015, last_year=2018, high=9.0)
    payoff = Payoff(model, (RATES, SIZES), (), effects=(effect,), ranges=(watched,))
    x = np.array([np.log(0.2), 2.0])
    assert payoff.log_density(x)[0] == -np.inf
    value, slopes = payoff.log_density_and_slopes(x)
    assert value == -np.inf
    assert (slopes == 0).all()


def test_a_modelled_value_that_is_not_positive_has_no_density(growth: stockflow.Model) -> None:
    falling = series_target("loss", "price", "yearly difference")  # the price falls: its growth is negative
    payoff = Payoff(growth, (RATES, SIZES), (FittedSeries(falling, YEARS[:5], np.ones(5), np.full(5, 0.1)),))
    assert payoff.log_density_and_slopes(payoff.space.centre)[0] == -np.inf


def test_far_out_on_the_line_the_density_is_a_number_or_minus_infinity(growth: stockflow.Model) -> None:
    payoff = whole_payoff(growth)
    for size_of_step in (1e2, 1e6, 1e300, np.inf, np.nan):
        for sign in (-1.0, 1.0):
            value, slopes = payoff.on_the_line(np.full(6, sign * size_of_step))
            assert not np.isnan(value)
            assert np.isfinite(slopes).all()


# ---- priors ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def priors() -> Space:
    return Space((RATES, SIZES), ("a", "b"), np.array([0.1, 0.3]), ErrorModel(largest_persistence=0.7, widest=5.0))


def test_prior_densities_are_normal_in_coordinates_half_normal_in_size_and_flat_in_persistence(priors: Space) -> None:
    rng = np.random.default_rng(1)
    x = priors.prior_draws(50, rng)
    found, slopes = priors.log_prior(x)
    expected = norm.logpdf(x[:, 0], np.log(0.1), 1.0) + norm.logpdf(x[:, 1], 2.0, 1.0)
    for column, scale in ((2, 0.1), (3, 0.3)):
        expected += halfnorm.logpdf(np.exp(x[:, column]), scale=scale) + x[:, column]  # + x: the volume of a logarithm
    assert np.ptp(found - expected) < 1e-12
    assert (slopes[:, 4:] == 0).all()
    for i in range(6):
        step = 1e-5 * np.eye(6)[i]
        difference = (priors.log_prior(x + step)[0] - priors.log_prior(x - step)[0]) / 2e-5
        np.testing.assert_allclose(slopes[:, i], difference, rtol=1e-6, atol=1e-8)


def test_prior_draws_have_the_quantiles_of_the_truncated_priors(priors: Space) -> None:
    draws = priors.values(priors.prior_draws(40_000, 7))
    shares = np.array([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])

    def half_normal(scale: float) -> np.ndarray:
        law = halfnorm(scale=scale)
        low, high = law.cdf(scale / 5), law.cdf(scale * 5)
        return np.asarray(law.ppf(low + shares * (high - low)))

    rate = lognorm(1.0, scale=0.1)
    edges = rate.cdf([0.001, 0.9])
    expected = [
        rate.ppf(edges[0] + shares * (edges[1] - edges[0])),
        truncnorm(-1.9, 7.0, loc=2.0).ppf(shares),
        half_normal(0.1),
        half_normal(0.3),
        0.7 * shares,
        0.7 * shares,
    ]
    for column, quantiles in enumerate(expected):  # share of draws below each quantile, within 4 standard errors
        below = (draws[:, [column]] < quantiles).mean(axis=0)
        assert (np.abs(below - shares) < 4 * np.sqrt(shares * (1 - shares) / 40_000)).all(), priors.names[column]
    assert (np.abs(np.corrcoef(draws.T) - np.eye(6)) < 0.03).all()


def test_prior_draws_and_starts_come_from_their_seed(priors: Space) -> None:
    assert priors.prior_draws(5, 3).tobytes() == priors.prior_draws(5, 3).tobytes()
    assert priors.prior_draws(5, 3).tobytes() != priors.prior_draws(5, 4).tobytes()


@pytest.mark.parametrize(("centre", "spread", "low"), [(0.02, 1.5, 1e-9), (1e-8, 1.5, 1e-8 * np.exp(-9.0))])
def test_a_logarithm_that_may_go_to_zero_ends_far_below_its_centre(centre: float, spread: float, low: float) -> None:
    prior = Prior(shape="lognormal", centre=centre, spread=spread, source="test")
    ends = Coordinate("floor", prior, 0.0, 1.0).bounds
    assert np.exp(ends) == pytest.approx([low, 1.0])


def test_values_and_coordinates_are_inverse(priors: Space) -> None:
    x = priors.prior_draws(20, 5)
    np.testing.assert_allclose(priors.inward(priors.values(x)), x, rtol=1e-12)
    np.testing.assert_allclose(priors.from_line(priors.to_line(x)), x, rtol=1e-9)


def test_the_volume_of_the_line_is_the_determinant_of_its_jacobian(priors: Space) -> None:
    for u in np.random.default_rng(2).normal(0, 2, (5, 6)):
        volume, slopes, stretch = priors.line_density(u)
        jacobian = np.array([(priors.from_line(u + d) - priors.from_line(u - d)) / 2e-6 for d in 1e-6 * np.eye(6)])
        assert volume == pytest.approx(np.linalg.slogdet(jacobian)[1], rel=1e-7)
        np.testing.assert_allclose(stretch, np.diag(jacobian), rtol=1e-6)
        for i in range(6):
            expected = slope(lambda v: priors.line_density(np.r_[u[:i], v, u[i + 1 :]])[0], u[i])  # noqa: B023
            assert slopes[i] == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_volume_stays_a_number_at_the_ends_of_the_line(priors: Space) -> None:
    volume, slopes, stretch = priors.line_density(np.array([-800.0, 800.0, -50.0, 50.0, 0.0, 1e6]))
    assert np.isfinite(volume)
    assert np.isfinite(slopes).all()
    assert np.isfinite(stretch).all()
