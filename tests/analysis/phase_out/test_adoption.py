"""Adoption by hand: share over a year, relapse, purchases pulled forward, idle capacity; identities on real runs."""

from __future__ import annotations

import numpy as np
import pytest
from phase_out_helpers import small

from analysis.phase_out.adoption import idle, pulled_forward, relapse, share_years
from analysis.phase_out.results import Results, results
from analysis.phase_out.runs import yearly_share
from analysis.phase_out.spread import Measure

QUARTERS = np.arange(2020.0, 2023.1, 0.25)


@pytest.fixture(scope="module", params=["nev", "pv"])
def found(request: pytest.FixtureRequest) -> Results:
    return results(*small(request.param))


def named(measures: list[Measure]) -> dict[str, list[float]]:
    return {one.name: list(one.values) for one in measures}


def test_the_share_over_a_year_is_its_sales_over_its_market() -> None:
    times = np.array([2020.0, 2020.5, 2021.0, 2021.5])
    share = yearly_share(times, np.array([[0.0, 1.0, 3.0, 6.0]]), np.array([[0.0, 10.0, 20.0, 30.0]]))
    np.testing.assert_allclose(share, [[np.nan, np.nan, 3 / 20, 5 / 20]])


def test_a_relapse_lasts_as_long_as_the_share_is_below_the_kept_part_of_the_supported_path() -> None:
    supported = np.full((2, 4), 0.5)
    share = np.array([[0.5, 0.44, 0.40, 0.46], [0.5, 0.46, 0.5, 0.44]])
    table = named(relapse(QUARTERS[:4], share, supported, 0.9))
    assert table["relapse"] == [1.0, 1.0]
    assert table["first year of the relapse"] == [2020.25, 2020.75]
    assert table["years in relapse"] == [0.5, 0.25]
    assert table["still in relapse at the horizon"] == [0.0, 1.0]
    assert table["least share against the supported path"] == [0.8, 0.88]


def test_a_share_that_is_never_below_has_no_first_year_of_relapse() -> None:
    one = np.full((1, 4), 0.3)
    table = named(relapse(QUARTERS[:4], one, one, 0.9))
    assert table["first year of the relapse"] == [np.inf]
    assert table["relapse"] == table["years in relapse"] == [0.0]


def test_nothing_falls_below_a_path_without_a_market() -> None:
    nothing = np.array([[np.nan, 0.0, 0.0, 0.1]])
    assert named(relapse(QUARTERS[:4], nothing * 0, nothing, 0.9))["years in relapse"] == [0.25]


def test_a_share_touched_for_a_month_is_not_reached() -> None:
    study = small("nev")[0].model_copy(update={"shares": (0.1,), "horizon": 2023.0})
    brief = np.where((QUARTERS == 2020.5) | (QUARTERS >= 2021.75), 0.2, 0.0)[None]
    (year,) = share_years(study, QUARTERS, {"market share": brief})
    assert 2021.5 <= year.values[0] <= 2021.75


def test_a_share_never_reached_is_never_and_one_after_the_horizon_is_not_seen() -> None:
    study = small("nev")[0].model_copy(update={"shares": (0.1,), "horizon": 2021.0})
    late = np.where(QUARTERS > 2021.0, 0.9, 0.0)[None]
    assert share_years(study, QUARTERS, {"market share": late})[0].values[0] == np.inf


def test_idle_capacity_is_what_could_have_been_made_and_was_not() -> None:
    made, plant = np.array([[0.0, 1.0, 1.5, 3.5]]), np.array([[0.0, 2.0, 4.0, 6.0]])
    table = named(idle(QUARTERS[:4], made, plant, 0.65, "GW"))
    assert table["capacity idle, summed over years"] == [2.5]
    assert table["idle share of capacity, worst quarter"] == [0.75]
    assert table["years with utilisation under 0.65"] == [0.5]


def test_a_quarter_without_capacity_has_none_idle() -> None:
    nothing = np.zeros((1, 3))
    assert named(idle(QUARTERS[:3], nothing, nothing, 0.65, "GW"))["years with utilisation under 0.65"] == [0.0]


def test_what_is_pulled_forward_is_told_in_sum_and_at_its_peak() -> None:
    table = named(pulled_forward(np.array([[1.0, 4.0, 6.0]]), np.array([[0.0, 3.0, 1.0]]), "GW"))
    assert list(table.values()) == [[5.0], [3.0]]


def test_a_schedule_equal_to_the_supported_path_does_not_relapse(found: Results) -> None:
    own = found.measures[found.place("again")]
    assert own["relapse"].values.max() == 0
    assert own["years in relapse"].values.max() == 0
    assert (own["least share against the supported path"].values == 1).all()


def test_equal_schedules_have_equal_numbers_in_every_draw(found: Results) -> None:
    first, again = found.measures[0], found.measures[found.place("again")]
    for name, one in first.items():
        np.testing.assert_array_equal(one.values, again[name].values, err_msg=name)
    np.testing.assert_array_equal(found.gains("central")[0], found.gains("central")[found.place("again")])


def test_a_cut_of_support_relapses_and_its_first_year_is_not_before_the_cut(found: Results) -> None:
    cliff = next(p for p in found.arms if p.family == "cliff")
    own = found.measures[found.place(cliff.label)]
    assert own["relapse"].values.all()
    assert (own["first year of the relapse"].values > cliff.start).all()


def test_no_support_has_no_additional_units_and_no_cost_of_them(found: Results) -> None:
    own = found.measures[found.place("no support")]
    assert not own["additional units"].values.any()
    assert np.isnan(own["cost per additional unit, at 3%"].values).all()
    assert own["cost per additional unit, at 3%"].spread.defined == 0
    assert np.isnan(own["free riders"].values).all()
