"""The one rule of quantiles over draws: between neighbours, never counted where it belongs, no number left out."""

from __future__ import annotations

import numpy as np
import pytest

from stockflow.intervals import FAN, interval, quantiles


def test_quantiles_of_finite_draws_lie_between_neighbours() -> None:
    assert interval(np.arange(1.0, 102.0)) == (6.0, 51.0, 96.0)
    assert quantiles(np.array([3.0, 1.0]), [0.5, 0.75]) == pytest.approx([2.0, 2.5])


@pytest.mark.parametrize("count", [1, 2, 5, 20, 200, 401])
def test_with_never_among_the_draws_each_quantile_is_the_least_draw_with_that_share_at_or_below_it(count: int) -> None:
    rng = np.random.default_rng(count)
    values = np.where(rng.random(count) < 0.3, np.inf, rng.normal(2020.0, 5.0, count))
    values[0] = np.inf
    for p, q in zip(FAN, quantiles(values, FAN), strict=True):
        assert q in values
        assert np.sum(values <= q) >= p * count - 1e-9
        assert np.sum(values < q) < p * count


def test_draws_without_meaning_do_not_count() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    assert interval(np.insert(values, 2, np.nan)) == interval(values)
    assert np.isnan(interval(np.array([np.nan]))).all()
    assert np.isnan(quantiles(np.zeros((0, 3)))).all()


def test_every_column_has_its_own_quantiles() -> None:
    values = np.random.default_rng(1).normal(size=(30, 2, 3))
    values[3, 0, 1], values[:4, 1, 2] = np.nan, np.inf
    got = quantiles(values, FAN)
    assert got.shape == (5, 2, 3)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(got[(slice(None), *place)], quantiles(values[(slice(None), *place)], FAN))
