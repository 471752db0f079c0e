"""Forecasts made of forecasts: half and half in quantiles, paths kept; a pool with equal weights; no choice, no gap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from calibration.forecasting.ahead import quantile_average, reference, with_mixtures
from calibration.forecasting.scores import COMBINED, MODEL, POOL, crps
from calibration.forecasting.settings import Kind

RNG = np.random.default_rng(5)
LEVELS = np.linspace(0.02, 0.98, 25)


def draws(mean: float, sd: float, years: int = 3, count: int = 400) -> np.ndarray:
    return np.exp(mean + sd * RNG.standard_normal((count, years)))


def test_every_quantile_is_the_geometric_mean_of_both() -> None:
    first, second = draws(0.0, 0.3), draws(1.0, 0.8)
    both = np.sort(quantile_average(first, second), axis=0)
    assert np.log(both) == pytest.approx((np.log(np.sort(first, axis=0)) + np.log(np.sort(second, axis=0))) / 2)


def test_two_normals_give_the_normal_of_mean_centre_and_mean_spread() -> None:
    places = (np.arange(4000) + 0.5) / 4000
    first, second = (np.exp(stats.norm.ppf(places, mean, sd))[:, None] for mean, sd in ((0.0, 0.2), (1.0, 0.6)))
    both = np.log(quantile_average(first, RNG.permutation(second)))[:, 0]
    assert np.quantile(both, LEVELS) == pytest.approx(stats.norm.ppf(LEVELS, 0.5, 0.4), abs=1e-3)


def test_draws_stay_paths_in_the_order_of_the_first_in_every_year() -> None:
    first = np.exp(np.cumsum(RNG.standard_normal((50, 6)), axis=1))
    both = quantile_average(first, draws(0.0, 1.0, 6, 50))
    for year in range(6):
        assert np.array_equal(np.argsort(first[:, year]), np.argsort(both[:, year]))


def test_two_forecasts_that_agree_are_their_own_average() -> None:
    one = draws(0.3, 0.5)
    assert quantile_average(one, one[RNG.permutation(len(one))]) == pytest.approx(one)


@pytest.mark.parametrize(
    ("kind", "there", "named"),
    [
        ("cost", ("Wright's law", "Moore's law"), "Wright's law"),
        ("cost", ("Moore's law", "Gompertz"), "Moore's law"),
        ("flow", ("Gompertz", "logistic", "Moore's law"), "Gompertz"),
        ("level", ("last value", "Moore's law"), "Moore's law"),
        ("flow", ("last value", "exponential", "Wright's law"), None),
    ],
)
def test_the_reference_is_that_of_the_kind_and_moores_law_where_it_is_missing(
    kind: Kind, there: tuple[str, ...], named: str | None
) -> None:
    assert reference(kind, there) == named
    made, _ = with_mixtures({MODEL: draws(0, 1), **{who: draws(0, 1) for who in there}}, {}, kind)
    assert (COMBINED in made) == (named is not None)
    if named is not None:
        assert np.array_equal(made[COMBINED], quantile_average(made[MODEL], made[named]))


def test_without_a_reference_there_is_no_combination_and_it_says_why() -> None:
    made, absent = with_mixtures({MODEL: draws(0, 1)}, {"Gompertz": "4 years", "Moore's law": "2 years"}, "flow")
    assert set(made) == {MODEL}
    assert absent[COMBINED] == "no Gompertz: 4 years; no Moore's law: 2 years"
    _, absent = with_mixtures({MODEL: draws(0, 1)}, {"Moore's law": "2 years"}, "cost")
    assert absent[COMBINED] == "no Wright's law: nothing is known that it could follow; no Moore's law: 2 years"


def test_the_pool_has_the_score_of_the_mixture_of_all_naive_forecasts_with_equal_weights() -> None:
    naive = {who: draws(mean, 0.4, 1) for who, mean in (("a", 0.0), ("b", 1.0), ("Moore's law", -0.7))}
    made, _ = with_mixtures({MODEL: draws(9.0, 0.1, 1), **naive}, {}, "cost")
    logs, y = [np.log(one[:, 0]) for one in naive.values()], 0.4
    alone = np.mean([np.abs(one - y).mean() for one in logs])
    between = np.mean([np.abs(one[:, None] - two[None, :]).mean() for one in logs for two in logs])
    assert crps(np.log(made[POOL]), np.array([y]))[0] == pytest.approx(alone - between / 2, rel=1e-9)
