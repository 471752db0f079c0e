"""What the scores promise: each equals its closed form, a number worked by hand, or both."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from calibration.forecasting import scores
from calibration.forecasting.scores import Skill, compare, diebold_mariano, score, theil_shares
from stockflow.errors import InputError

RNG = np.random.default_rng(7)
MADE = (scores.MODEL, scores.COMBINED, scores.POOL)
NORMAL = stats.norm.ppf((np.arange(20000) + 0.5) / 20000)[:, None]  # quantiles, so no sampling error


def normal_crps(mean: float, sd: float, y: float) -> float:
    """Closed form for a normal (Gneiting and Raftery 2007), with the sign turned so that less is better."""
    z = (y - mean) / sd
    return float(sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)))


@pytest.mark.parametrize(("mean", "sd", "y"), [(0.0, 1.0, 0.0), (0.3, 0.2, 0.9), (-1.0, 2.0, -4.5)])
def test_crps_of_normal_draws_is_the_closed_form(mean: float, sd: float, y: float) -> None:
    assert scores.crps(mean + sd * NORMAL, np.array([y]))[0] == pytest.approx(normal_crps(mean, sd, y), abs=2e-4 * sd)


def test_crps_from_sorted_draws_is_the_double_sum_over_pairs() -> None:
    draws, y = RNG.normal(size=(37, 3)), np.array([0.1, -2.0, 5.0])
    pairs = np.mean(np.abs(draws[:, None] - draws[None, :]), axis=(0, 1))
    assert scores.crps(draws, y) == pytest.approx(np.mean(np.abs(draws - y), axis=0) - pairs / 2, rel=1e-12)


def test_crps_of_draws_one_and_three_against_four_is_one_and_a_half() -> None:
    # mean distance (3 + 1)/2 = 2, half the mean distance of pairs (0 + 2 + 2 + 0)/4/2 = 0.5
    assert scores.crps(np.array([[3.0], [1.0]]), np.array([4.0]))[0] == pytest.approx(1.5)


def test_log_score_of_normal_draws_is_minus_the_normal_log_density() -> None:
    for y in (0.0, 0.8, -1.5):
        found = scores.log_score(0.5 + 0.3 * NORMAL, np.array([0.5 + 0.3 * y]))[0]
        assert found == pytest.approx(-stats.norm.logpdf(0.5 + 0.3 * y, 0.5, 0.3), abs=0.02)


def test_log_score_is_the_kernel_density_of_scipy_at_the_same_bandwidth() -> None:
    draws = RNG.normal(size=200)
    quartiles = np.quantile(draws, [0.25, 0.75])
    width = 0.9 * min(np.std(draws, ddof=1), (quartiles[1] - quartiles[0]) / 1.34) * 200**-0.2
    kernel = stats.gaussian_kde(draws, bw_method=width / np.std(draws, ddof=1))
    assert scores.log_score(draws[:, None], np.array([0.7]))[0] == pytest.approx(-kernel.logpdf(0.7)[0], rel=1e-9)


def test_an_observation_far_outside_the_draws_has_a_bad_but_finite_log_score() -> None:
    assert 100 < scores.log_score(NORMAL, np.array([60.0]))[0] < np.inf


def test_intervals_hold_the_central_share_of_a_normal() -> None:
    for level in scores.LEVELS:
        edge = stats.norm.ppf((1 + level) / 2)
        draws = np.repeat(NORMAL, 4, axis=1)
        y = np.array([edge - 0.01, edge + 0.01, -edge + 0.01, -edge - 0.01])
        assert scores.inside(draws, y, level).tolist() == [True, False, True, False]


def test_percentage_errors_are_those_worked_by_hand() -> None:
    forecast, observed = np.array([110.0, 80.0]), np.array([100.0, 100.0])
    assert scores.mape(forecast, observed) == pytest.approx(0.15)
    assert scores.smape(forecast, observed) == pytest.approx((20 / 210 + 40 / 180) / 2)


def test_u2_is_one_for_no_change_zero_for_the_truth_and_a_half_for_half_the_error() -> None:
    observed = np.array([1.0, 2.0, 4.0])
    assert scores.theil_u2(np.zeros(3), observed, 0.0) == pytest.approx(1)
    assert scores.theil_u2(observed, observed, 0.0) == 0
    assert scores.theil_u2(observed / 2, observed, 0.0) == pytest.approx(0.5)


def test_u2_is_no_number_where_nothing_changed_and_the_other_scores_stand() -> None:
    assert np.isnan(scores.theil_u2(np.array([1.0, 2.0, 4.0]), np.ones(3), 1.0))
    flat = score("price", 2019, "one", (2020, 2021), np.exp(0.1 * np.repeat(NORMAL, 2, axis=1)), np.ones(2), 1.0)
    assert np.isnan(flat.u2)
    assert flat.mean_crps == pytest.approx(normal_crps(0.0, 0.1, 0), abs=1e-4)


def test_theil_shares_are_pure_where_one_kind_of_error_stands_alone() -> None:
    y = np.array([1.0, 2.0, 3.0, 4.0])
    shifted, stretched = theil_shares(y + 2, y), theil_shares(2.5 + 3 * (y - 2.5), y)
    assert (shifted.bias, shifted.variance, shifted.covariance) == pytest.approx((1, 0, 0))
    assert (stretched.bias, stretched.variance, stretched.covariance) == pytest.approx((0, 1, 0))
    swapped = theil_shares(np.array([2.0, 1.0, 4.0, 3.0]), y)
    assert (swapped.bias, swapped.variance, swapped.covariance) == pytest.approx((0, 0, 1))


def test_theil_shares_sum_to_one_for_any_error_and_are_zero_for_none() -> None:
    for _ in range(20):
        parts = theil_shares(RNG.normal(size=9), RNG.normal(size=9))
        assert parts.bias + parts.variance + parts.covariance == pytest.approx(1)
    assert theil_shares(np.ones(3), np.ones(3)) == scores.TheilShares(0, 0, 0)


def test_diebold_mariano_at_one_step_is_the_t_test_of_the_differences() -> None:
    # with the correction sqrt((n-1)/n) the population variance becomes the sample variance exactly
    first, second = RNG.normal(1, 1, 12), RNG.normal(1.4, 1, 12)
    found, t = diebold_mariano(first, second, 1), stats.ttest_1samp(first - second, 0)
    assert (found.statistic, found.p_value) == pytest.approx((t.statistic, t.pvalue))
    assert found.kernel == "truncated"


def test_diebold_mariano_at_two_steps_is_the_number_worked_by_hand() -> None:
    # d = 1, 2, 3, 2, 2: mean 2, deviations -1 0 1 0 0; g0 = 2/5, g1 = 0, V = 0.4/5 = 0.08
    # correction: (5 + 1 - 4 + 2/5)/5 = 0.48; statistic 2 sqrt(0.48/0.08) = 2 sqrt 6
    found = diebold_mariano(np.array([1.0, 2, 3, 2, 2]), np.zeros(5), 2)
    assert found.statistic == pytest.approx(2 * np.sqrt(6))
    assert found.p_value == pytest.approx(2 * stats.t.sf(2 * np.sqrt(6), 4))


def test_a_truncated_variance_that_is_negative_gives_way_to_bartlett_weights_and_says_so() -> None:
    # d = 2, 0, 2, 0: g0 = 1, g1 = -3/4, sum 1 - 1.5 < 0; Bartlett 1 - 0.75 = 0.25, V = 0.0625
    # correction (4 + 1 - 4 + 0.5)/4 = 0.375; statistic 1 sqrt(0.375/0.0625) = sqrt 6
    found = diebold_mariano(np.array([2.0, 0, 2, 0]), np.zeros(4), 2)
    assert found.kernel == "Bartlett"
    assert found.statistic == pytest.approx(np.sqrt(6))


def test_the_diebold_mariano_test_rejects_equals_about_as_often_as_it_says() -> None:
    rejected = [diebold_mariano(*RNG.normal(size=(2, 10)) ** 2, 1).p_value < 0.1 for _ in range(2000)]
    assert 0.06 < np.mean(rejected) < 0.13


@pytest.mark.parametrize(
    ("first", "second", "horizon", "text"),
    [
        ([1.0, 2.0], [1.0], 1, "2 and 1 losses"),
        ([1.0, 2.0], [0.0, 0.0], 2, "at least 3"),
        ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], 1, "no variance"),
    ],
)
def test_losses_that_cannot_be_compared_are_refused(
    first: list[float], second: list[float], horizon: int, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        diebold_mariano(np.array(first), np.array(second), horizon)


def skill(shift: float, name: str = "one", years: tuple[int, ...] = (2020, 2021, 2022)) -> Skill:
    observed = np.exp(np.array([0.1, 0.2, 0.4])[: len(years)])
    draws = np.exp(np.log(observed) + shift * np.arange(1, len(years) + 1) + 0.1 * NORMAL)
    return score("price", 2019, name, years, draws, observed, 1.0)


def test_a_skill_holds_what_the_single_scores_say() -> None:
    one = skill(0.05)
    assert one.crps[0] == pytest.approx(normal_crps(0.05, 0.1, 0), abs=1e-4)
    assert one.crps[2] == pytest.approx(normal_crps(0.15, 0.1, 0), abs=1e-4)
    assert one.coverage == {0.5: pytest.approx(1 / 3), 0.8: pytest.approx(2 / 3), 0.9: 1, 0.95: 1}
    assert one.mape == pytest.approx(np.mean(np.expm1([0.05, 0.1, 0.15])), rel=1e-4)
    assert one.u2 == pytest.approx(np.sqrt((0.05**2 + 0.1**2 + 0.15**2) / (0.1**2 + 0.2**2 + 0.4**2)), rel=1e-3)
    assert one.mean_log_score == pytest.approx(np.mean(one.log_score))


@pytest.mark.parametrize("years", [4, 11])
def test_where_losses_of_neighbouring_years_are_correlated_equals_are_rejected_too_often(years: int) -> None:
    rng = np.random.default_rng(11)
    rejected = []
    for _ in range(1500):
        loss, shocks = rng.normal(size=years), rng.normal(size=years)
        for k in range(1, years):
            loss[k] = 0.6 * loss[k - 1] + 0.8 * shocks[k]
        rejected.append(diebold_mariano(loss, np.zeros(years), 1).p_value < 0.05)
    assert 0.2 < np.mean(rejected) < 0.36


def test_the_better_forecaster_has_a_negative_statistic() -> None:
    assert compare(skill(0.0, "good"), skill(0.3, "bad")).statistic < 0
    with pytest.raises(InputError, match="must agree"):
        compare(skill(0.0), skill(0.0, years=(2020, 2021)))


def test_a_draw_that_is_not_positive_is_refused_by_forecaster_series_and_origin() -> None:
    with pytest.raises(InputError, match=r"Moore of 'price' from 2019: a draw is not a positive number"):
        score("price", 2019, "Moore", [2020], np.array([[1.0], [0.0]]), np.array([1.0]), 1.0)
    with pytest.raises(InputError, match="have no density"):
        score("price", 2019, "Moore", [2020], np.ones((5, 1)), np.array([1.0]), 2.0)


def test_the_best_naive_forecast_has_the_lowest_score_and_is_neither_the_model_nor_made_of_several() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        crps = dict(zip([*MADE, "drift", "Bass", "logistic"], rng.random(6).tolist(), strict=True))
        best = scores.best_naive(crps)
        assert best in {"drift", "Bass", "logistic"}
        assert crps[best] == min(crps[who] for who in ("drift", "Bass", "logistic"))
    assert scores.best_naive(dict.fromkeys(MADE, 0.1)) is None
    assert scores.best_naive({}) is None
