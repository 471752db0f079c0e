"""What the residual report promises: figures worked by hand, gaps respected, nothing undefined passed off."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.fitting.estimates import SeriesFit
from calibration.forecasting.residuals import (
    autocorrelation,
    durbin_watson,
    residual_table,
    residuals,
)
from stockflow.errors import InputError


def fit(observed: list[float], modelled: list[float], years: list[int] | None = None, name: str = "price") -> SeriesFit:
    when = years or list(range(2001, 2001 + len(observed)))
    return SeriesFit(
        name, "CNY2020/W", "closed loop", tuple(when), tuple(observed), tuple(modelled), (0.1,) * len(when)
    )


def test_errors_of_values_are_those_worked_by_hand() -> None:
    one = residuals(fit([1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 2.0, 4.5]))
    # errors 0.5, 0, -1, 0.5
    assert one["mean error [series unit]"] == pytest.approx(0)
    assert one["RMSE [series unit]"] == pytest.approx(np.sqrt(1.5 / 4))
    assert one["MAPE [%]"] == pytest.approx(100 * (0.5 + 0 + 1 / 3 + 0.125) / 4)
    assert one["MAE/mean [%]"] == pytest.approx(100 * 0.5 / 2.5)
    assert one["R2 of values [1]"] == pytest.approx(1 - 1.5 / 5)
    assert one["Um [1]"] == pytest.approx(0)
    assert one["Um [1]"] + one["Us [1]"] + one["Uc [1]"] == pytest.approx(1)


def test_errors_of_logs_agree_with_the_record_of_the_fit() -> None:
    record = fit([1.0, 2.0, 5.0, 4.0], [1.1, 1.7, 5.5, 4.4])
    one = residuals(record)
    assert one["R2 of logs [1]"] == pytest.approx(record.r2)
    assert one["RMS log error [1]"] == pytest.approx(record.rms)
    assert one["mean log error [1]"] == pytest.approx(record.bias)


def test_a_constant_factor_is_all_bias_in_logs_and_bias_and_variation_in_values() -> None:
    one = residuals(fit([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]))
    assert [one[f"{u} of logs [1]"] for u in ("Um", "Us", "Uc")] == pytest.approx([1, 0, 0])
    assert one["Us [1]"] == pytest.approx((14 / 9) / 7)  # population variance of 1, 2, 4 over mean square 7
    assert one["Durbin-Watson [1]"] == pytest.approx(0, abs=1e-12)


def test_durbin_watson_of_alternating_errors_is_near_four() -> None:
    years, error = np.arange(2000, 2010), np.tile([1.0, -1.0], 5)
    assert durbin_watson(years, error) == pytest.approx(9 * 4 / 10)


def test_durbin_watson_and_autocorrelation_are_the_textbook_sums_without_gaps() -> None:
    error = np.array([1.0, 2.0, 0.0, -1.0, 3.0])
    years = np.arange(5)
    assert durbin_watson(years, error) == pytest.approx((1 + 4 + 1 + 16) / 15)
    # deviations 0, 1, -1, -2, 2: squares 10; lag one 0 - 1 + 2 - 4, lag two 0 - 2 - 2, lag three 0 + 2
    assert [autocorrelation(years, error, k) for k in (1, 2, 3)] == pytest.approx([-0.3, -0.4, 0.2])


def test_over_a_gap_only_pairs_of_neighbouring_years_count() -> None:
    years, error = np.array([2000, 2001, 2005, 2006]), np.array([1.0, 1.0, -1.0, -1.0])
    assert durbin_watson(years, error) == 0
    # changes 1 and 2 over one year count, that of 3 over four years does not: (1 + 4)(3/2)/(1 + 4 + 1 + 1)
    assert durbin_watson(years, np.array([1.0, 2.0, -1.0, 1.0])) == pytest.approx(5 * 1.5 / 7)
    assert autocorrelation(years, error, 1) == pytest.approx(2 / 4 * 3 / 2)
    assert np.isnan(autocorrelation(years, error, 2))
    assert np.isnan(autocorrelation(years, error, 4))  # a pair is there, but four observations know no lag of four


def test_white_noise_stays_within_the_band_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    years, n = np.arange(60), 60
    out = [abs(autocorrelation(years, rng.normal(size=n), 1)) > 2 / np.sqrt(n) for _ in range(1000)]
    assert 0.02 < np.mean(out) < 0.07


def test_what_is_undefined_is_not_a_number() -> None:
    one = residuals(fit([2.0, 2.0], [2.0, 2.0], years=[2001, 2005]))
    undefined = ["R2 of logs [1]", "Durbin-Watson [1]", *(f"autocorrelation lag {k} [1]" for k in (1, 2, 3))]
    assert all(np.isnan(one[name]) for name in undefined)
    assert one["RMSE [series unit]"] == 0


def test_the_table_has_one_row_per_series_with_unit_and_points_used_and_skipped() -> None:
    fits = [fit([1.0, 2.0, 3.0], [1.1, 2.1, 2.9]), fit([1.0, 2.0], [1.0, 2.0], name="cost")]
    table = residual_table(fits, {"price": [1999, 2000]}).set_index("series")
    assert list(table.index) == ["price", "cost"]
    assert table.loc["price", "unit"] == "CNY2020/W"
    assert (table["points used"].tolist(), table["points skipped"].tolist()) == ([3, 2], [2, 0])
    assert table.loc["price", "MAPE [%]"] == pytest.approx(100 * (0.1 + 0.05 + 0.1 / 3) / 3)
    assert table.loc["price", "band of autocorrelation [1]"] == pytest.approx(2 / np.sqrt(3))
    assert table.loc["cost", "RMSE [series unit]"] == 0
    assert all("[" in name for name in table.columns if name not in {"unit", "first year", "last year"} | POINTS)


POINTS = {"points used", "points skipped"}


@pytest.mark.parametrize(
    ("observed", "modelled", "years", "text"),
    [
        ([1.0, -2.0], [1.0, 2.0], [2001, 2002], r"'price, observed': value -2 CNY2020/W in 2002; must be > 0"),
        ([1.0, 2.0], [1.0, float("nan")], [2001, 2002], r"'price, modelled': value nan CNY2020/W in 2002"),
        ([1.0, 2.0], [1.0, 2.0], [2001, 2001], "year 2001 follows 2001"),
        ([1.0, 2.0], [1.0], [2001, 2002], "2 years and 1 values"),
    ],
)
def test_nonsense_is_refused_by_series_year_and_value(
    observed: list[float], modelled: list[float], years: list[int], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        residuals(fit(observed, modelled, years))


def test_a_year_both_used_and_skipped_or_an_unknown_series_is_refused() -> None:
    with pytest.raises(InputError, match="2001 is both used and skipped"):
        residuals(fit([1.0], [1.0]), skipped=[2001])
    with pytest.raises(InputError, match="'cost', which is no series"):
        residual_table([fit([1.0], [1.0])], {"cost": [2000]})
