"""The yardstick of forecasts: geometric means over pairs, intervals over series, references named in advance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from calibration.forecasting.record import REFERENCE, yardstick
from calibration.forecasting.scores import COMBINED, MODEL, POOL
from calibration.forecasting.settings import ForecastSettings

SETTINGS = ForecastSettings.load()
HEADLINE = SETTINGS.cases["nev"].headline
Row = dict[str, object]


def pair(series: str, origin: int, named: str, crps: Mapping[str, float], mode: str = "conditional", years: int = 4,
         inside: float = 1.0) -> list[Row]:  # fmt: skip
    """Rows of a score table for one series from one origin."""
    return [
        {"mode": mode, "origin": origin, "series": series, "forecaster": who, "years": years, "CRPS": value,
         "inside 90%": inside if who == MODEL else 0.5, "reference": named}
        for who, value in crps.items()
    ]  # fmt: skip


def measured(rows: list[Row], case: str = "nev") -> pd.DataFrame:
    return yardstick({case: pd.DataFrame(rows)}, SETTINGS).set_index(["mode", "forecaster", "over"])


SALES, FLEET = HEADLINE[0], HEADLINE[1]
ROWS = [
    *pair(SALES, 2014, "Moore's law", {MODEL: 0.1, COMBINED: 0.2, "Moore's law": 0.4, POOL: 0.1}, inside=0.5),
    *pair(SALES, 2016, "Gompertz", {MODEL: 0.4, COMBINED: 0.1, "Gompertz": 0.2, "Moore's law": 9.0, POOL: 0.8}),
    *pair(FLEET, 2016, "Gompertz", {MODEL: 0.3, COMBINED: 0.3, "Gompertz": 0.1, POOL: 0.3}, years=2),
]


def test_the_ratio_is_the_geometric_mean_over_pairs_of_the_reference_of_each() -> None:
    found = measured(ROWS)
    model, both = (found.loc[("conditional", who, REFERENCE)] for who in (MODEL, COMBINED))
    assert model["ratio"] == pytest.approx((0.25 * 2 * 3) ** (1 / 3))
    assert both["ratio"] == pytest.approx((0.5 * 0.5 * 3) ** (1 / 3))
    assert found.loc[("conditional", MODEL, POOL), "ratio"] == pytest.approx(0.5 ** (1 / 3))
    assert (model["pairs"], model["series"]) == (3, 2)


def test_coverage_is_the_share_of_years_not_of_pairs() -> None:
    found = measured(ROWS)
    assert found.loc[("conditional", MODEL, REFERENCE), "inside 90%"] == pytest.approx((2 + 4 + 2) / 10)
    assert found.loc[("conditional", COMBINED, REFERENCE), "inside 90%"] == pytest.approx(0.5)


def test_a_pair_without_a_reference_counts_in_the_coverage_and_against_the_pool_alone() -> None:
    more = pair(FLEET, 2012, "", {MODEL: 0.2, "last value": 0.5, POOL: 0.4}, years=10, inside=0.0)
    found = measured([*ROWS, *more])
    assert found.loc[("conditional", MODEL, REFERENCE), "ratio"] == pytest.approx(1.5 ** (1 / 3))
    assert found.loc[("conditional", MODEL, POOL), "pairs"] == 4
    assert found.loc[("conditional", MODEL, REFERENCE), "inside 90%"] == pytest.approx(8 / 20)


def test_series_that_are_no_headline_and_naive_forecasts_in_hindsight_do_not_count() -> None:
    more = pair("credit price", 2016, "Moore's law", {MODEL: 9.0, COMBINED: 9.0, "Moore's law": 0.1, POOL: 0.1})
    better = pair(SALES, 2016, "Gompertz", {"Bass": 0.001})
    pd.testing.assert_frame_equal(measured([*ROWS, *more, *better]), measured(ROWS))


def test_the_interval_is_that_over_every_way_of_drawing_series_with_all_their_pairs() -> None:
    rng = np.random.default_rng(1)
    ratios = {name: np.exp(rng.normal(0, 0.5, count)) for name, count in zip(HEADLINE[:3], (1, 2, 4), strict=True)}
    rows = [
        row
        for name, values in ratios.items()
        for origin, value in enumerate(values)
        for row in pair(name, 2000 + origin, "Moore's law", {MODEL: value, "Moore's law": 1.0, POOL: 1.0})
    ]
    drawn = [np.concatenate([np.log(ratios[name]) for name in names]).mean()
             for names in np.array(np.meshgrid(*[HEADLINE[:3]] * 3)).reshape(3, -1).T]  # fmt: skip
    found = measured(rows).loc[("conditional", MODEL, REFERENCE)]
    among = np.sort(np.exp(drawn))
    for end, share in (("5%", 0.05), ("95%", 0.95)):
        place = share * (len(among) - 1)
        assert among[max(math.floor(place) - 1, 0)] <= found[end] <= among[min(math.ceil(place) + 1, len(among) - 1)]


def test_one_series_alone_has_no_interval() -> None:
    found = measured(ROWS[:4]).loc[("conditional", MODEL, REFERENCE)]
    assert found["ratio"] == pytest.approx(0.25)
    assert np.isnan(found["5%"]) and np.isnan(found["95%"])


def test_cases_are_pooled_and_modes_are_not() -> None:
    price = SETTINGS.cases["pv"].headline[2]
    solar = pair(price, 2016, "Wright's law", {MODEL: 1.0, COMBINED: 1.0, "Wright's law": 0.1, POOL: 1.0})
    later = pair(SALES, 2016, "Gompertz", {MODEL: 0.1, COMBINED: 0.1, "Gompertz": 0.7, POOL: 1.0}, "unconditional")
    tables = {"nev": pd.DataFrame([*ROWS, *later]), "pv": pd.DataFrame(solar)}
    found = yardstick(tables, SETTINGS).set_index(["mode", "forecaster", "over"])
    assert found.loc[("conditional", MODEL, REFERENCE), "ratio"] == pytest.approx((1.5 * 10) ** (1 / 4))
    assert found.loc[("unconditional", MODEL, REFERENCE), "ratio"] == pytest.approx(1 / 7)


def test_without_any_combination_there_is_no_row_of_it() -> None:
    bare = pair(SALES, 2016, "", {MODEL: 0.2, "last value": 0.1, POOL: 0.1})
    assert list(measured(bare).index) == [("conditional", MODEL, POOL)]
