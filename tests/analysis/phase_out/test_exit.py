"""What follows for a decision, by hand: cost against no support, free riders, safe exit, regret, a year's waiting."""

from __future__ import annotations

import numpy as np
import pytest
from phase_out_helpers import small

from analysis.phase_out.exit import (  # fmt: skip
    against_none,
    regret_table,
    regrets,
    safe_years,
    undecided,
    waiting,
    waiting_table,
    welfare,
)
from analysis.phase_out.results import results
from analysis.phase_out.spread import spread
from analysis.phase_out.study import PhaseOutStudy

SOLD = "Cumulative Domestic Sales"
STARTS = np.array([2015.0, 2016.0, 2017.0])


def study() -> PhaseOutStudy:
    return small("nev")[0]


def test_cost_per_additional_unit_and_free_riders_against_the_run_without_support() -> None:
    values, none = {SOLD: np.array([[0.0, 4.0, 10.0, 18.0]])}, {SOLD: np.array([[0.0, 1.0, 4.0, 8.0]])}
    offered = np.array([[True, True, False, False]])  # support over the first two steps: 10 units drew it
    found = against_none(study(), values, none, offered, np.array([50.0]), np.array([20.0]), 3)
    table = {one.name: one.values[0] for one in found}
    assert table["additional units"] == 10
    assert table["additional outlay, at 3%"] == 30
    assert table["cost per additional unit, at 3%"] == 3
    assert table["worth of a unit at which support pays"] == pytest.approx(3 * (1 + study().worth.cost_of_funds))
    assert table["units that drew support"] == 10
    assert table["free riders"] == pytest.approx(1 - (10 - 4) / 10)


def test_support_that_moves_nothing_has_all_free_riders_and_no_cost_per_additional_unit() -> None:
    sold = {SOLD: np.array([[0.0, 5.0, 9.0]])}
    found = against_none(study(), sold, sold, np.full((1, 3), True), np.array([7.0]), np.array([0.0]), 2)
    table = {one.name: one.values[0] for one in found}
    assert table["free riders"] == 1
    assert np.isnan(table["cost per additional unit, at 3%"])


def test_the_safe_year_is_the_first_that_fails_in_few_enough_draws() -> None:
    kept = np.array([[True] * 8 + [False] * 2, [True] * 9 + [False], [True] * 10])
    assert safe_years("cliff", STARTS, kept, 0.15).year == 2016
    assert safe_years("cliff", STARTS, kept, 0.05).year == 2017
    np.testing.assert_allclose(safe_years("cliff", STARTS, kept, 0.15).failing, [0.2, 0.1, 0.0])


def test_failing_just_as_often_as_allowed_is_not_safe() -> None:
    kept = np.array([[True] * 9 + [False]] * 3)
    assert safe_years("cliff", STARTS, kept, 0.1).year == np.inf


def test_without_a_safe_start_the_safe_year_is_never() -> None:
    found = safe_years("cliff", STARTS, np.zeros((3, 4), dtype=bool), 0.1)
    assert found.year == np.inf
    assert not found.lasting
    assert np.isinf(found.by_draw).all()


def test_a_safe_start_before_unsafe_ones_is_told_as_not_lasting() -> None:
    kept = np.array([[False, False], [True, True], [False, True]])
    found = safe_years("cliff", STARTS, kept, 0.1)
    assert found.year == 2016
    assert not found.lasting


def test_draw_by_draw_a_start_holds_only_if_all_later_ones_do() -> None:
    kept = np.array([[True, True, False], [True, False, False], [True, True, False]])
    np.testing.assert_array_equal(safe_years("cliff", STARTS, kept, 0.1).by_draw, [2015, 2017, np.inf])


def test_welfare_is_worth_of_units_less_money_and_the_cost_of_raising_it() -> None:
    assert welfare(2.0, 0.3, np.array([10.0]), np.array([5.0]))[0] == 20 - 6.5


def test_regret_is_the_best_of_the_draw_less_the_own() -> None:
    gains = np.array([[5.0, 1.0], [3.0, 4.0]])
    np.testing.assert_array_equal(regrets(gains), [[0.0, 3.0], [2.0, 0.0]])


def test_the_regret_table_tells_mean_90_percent_largest_and_probability_of_best() -> None:
    gains = np.vstack([np.zeros(10), np.linspace(-9.0, 0.0, 10) - 1])
    table = regret_table(["good", "bad"], gains).set_index("schedule")
    assert list(table.loc["good", ["mean regret", "largest regret", "probability of best"]]) == [0, 0, 1]
    assert table.loc["bad", "mean regret"] == pytest.approx(5.5)
    assert table.loc["bad", "90% regret"] == pytest.approx(np.quantile(np.arange(1, 11), 0.9))
    assert table.loc["bad", "largest regret"] == 10


def test_schedules_that_are_equal_share_being_best() -> None:
    table = regret_table(["one", "same", "worse"], np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]))
    assert list(table["probability of best"]) == [0.5, 0.5, 0.0]
    assert table["probability of best"].sum() == 1


def test_waiting_compares_each_start_with_the_one_a_year_later_only() -> None:
    starts = np.array([2015.0, 2016.0, 2018.0])
    units, spent = np.array([[1.0], [3.0], [9.0]]), np.array([[10.0], [14.0], [99.0]])
    (one,) = waiting("cliff", starts, units, spent, study())
    assert (one.start, one.units[0], one.spent[0]) == (2015.0, 2.0, 4.0)
    worth = study().worth
    assert one.gains["high"][0] == pytest.approx(worth.high * 2 - (1 + worth.cost_of_funds) * 4)


def test_the_table_of_waiting_gives_the_marginal_cost_where_units_are_gained() -> None:
    found = waiting(
        "cliff", STARTS[:2], np.array([[1.0, 1.0], [3.0, 0.0]]), np.array([[0.0, 0.0], [4.0, 4.0]]), study()
    )
    row = waiting_table(found, study()).set_index("change of").loc["outlay per unit"]
    assert row["median"] == 2
    assert row["defined"] == 0.5


def test_quantiles_of_years_and_never_are_years_or_never() -> None:
    values = np.array([2015.0, 2016.0, 2020.0, np.inf])
    s = spread(values)
    assert (s.median, s.high90, s.reached, s.defined) == (2016.0, np.inf, 0.75, 1.0)


def test_a_draw_without_meaning_is_left_out_and_counted() -> None:
    s = spread(np.array([1.0, np.nan, 3.0, np.nan]))
    assert (s.median, s.defined) == (2.0, 0.5)


def test_later_exits_never_sell_less_and_the_waits_are_those_of_the_units() -> None:
    found = results(*small("nev"))
    for one in found.waits:
        if one.family == "linear over 5 years":
            assert (one.units > 0).all()
    assert {(one.family, one.start) for one in found.waits} == {
        (family, start) for family in ("cliff", "linear over 5 years") for start in (2012.0, 2013.0)
    }


def test_the_best_schedule_of_a_draw_has_no_regret_and_probabilities_add_up() -> None:
    found = results(*small("pv"))
    for worth in ("low", "central", "high"):
        part = found.regret().query("worth == @worth")
        assert part["probability of best"].sum() == pytest.approx(1)
        assert (regrets(found.gains(worth)).min(axis=0) == 0).all()


def test_an_exit_that_takes_time_is_judged_from_its_end_too_as_far_as_the_horizon_lets() -> None:
    asked, runs = small("nev")
    found = results(asked, runs)
    (late,) = found.after_end
    assert late.family == "linear over 5 years"
    np.testing.assert_array_equal(late.starts, found.safe[1].starts)
    near = results(asked.model_copy(update={"horizon": 2024.0}), runs)
    assert list(near.safe[1].starts) == [2012.0, 2013.0, 2014.0, 2018.0]
    assert list(near.after_end[0].starts) == [2012.0, 2013.0, 2014.0]


def test_counting_from_the_end_is_counting_from_the_start_so_much_later() -> None:
    asked, runs = small("pv")
    first = results(asked, runs)
    counted = asked.exit.model_copy(update={"counted_from": "end"})
    late = results(asked.model_copy(update={"exit": counted}), runs)
    ten = asked.exit.model_copy(update={"years_after": 10.0})
    same = results(asked.model_copy(update={"exit": ten}), runs)
    np.testing.assert_array_equal(first.after_end[0].kept, late.safe[1].kept)
    np.testing.assert_array_equal(late.safe[1].kept, same.safe[1].kept)
    assert late.after_end == ()


@pytest.mark.parametrize(
    ("failing", "draws", "both"),
    [
        ([0.9, 0.11, 0.02], 400, (2016.0, 2017.0)),  # two standard errors of 10% from 400 draws are 3%
        ([0.9, 0.11, 0.02], 40_000, (2017.0, 2017.0)),
        ([0.9, 0.09, 0.02], 400, (2016.0, 2017.0)),
        ([0.9, 0.09, 0.08], 400, (2016.0, np.inf)),
        ([0.9, 0.5, 0.3], 400, (np.inf, np.inf)),
    ],
)
def test_starts_that_so_many_draws_cannot_tell_apart_are_those_within_two_standard_errors(
    failing: list[float], draws: int, both: tuple[float, float]
) -> None:
    assert undecided(np.array([2015.0, 2016.0, 2017.0]), np.array(failing), draws, 0.1) == both
