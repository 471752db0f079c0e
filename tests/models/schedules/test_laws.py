"""Laws of a decline: all of the support before it starts, never more later, nothing after its end, latched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.case import load_case
from models.policy import history
from models.schedules.change import Change, Trigger
from models.schedules.instruments import instrument
from models.schedules.paths import Before, Grid, Moves, grid, trimmed, yearly

TIMES = np.arange(2000.0, 2041.0, 1 / 32)
NEVER = np.array(np.inf)
years = st.floats(2001.0, 2030.0)
lengths = st.floats(0.05, 12.0)
fractions = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5).map(lambda some: sorted(some, reverse=True))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    shape = draw(st.sampled_from(["cliff", "linear", "exponential", "tiers"]))
    content: dict[str, object] = {"shape": shape, "floor": draw(st.sampled_from([0.0, 0.2]))}
    start = draw(years)
    if shape == "tiers":
        steps = [{"after": 1.5 * place, "fraction": level} for place, level in enumerate(draw(fractions))]
        content["tiers"] = steps
    elif shape != "cliff":
        content["length"] = draw(lengths)
    content["start"] = start
    if draw(st.booleans()):
        content["end"] = start + draw(st.floats(0.1, 8.0))
    return Change.model_validate(content)


@given(changes())
def test_all_is_left_before_the_start(change: Change) -> None:
    assert (change.share_left(TIMES, change.start, change.end)[change.start > TIMES] == 1.0).all()


@given(changes())
def test_what_is_left_never_rises_and_stays_between_nothing_and_all(change: Change) -> None:
    left = change.share_left(TIMES, change.start, change.end)
    assert (np.diff(left) <= 0.0).all()
    assert ((left >= 0.0) & (left <= 1.0)).all()


@given(changes())
def test_nothing_is_left_from_the_end_on(change: Change) -> None:
    left = change.share_left(TIMES, change.start, change.end)
    if change.end is not None:
        assert (left[change.end <= TIMES] == 0.0).all()
    elif change.floor == 0.0 and change.length is not None:
        assert (left[change.start + change.length + 1e-9 <= TIMES] == 0.0).all()


@given(changes())
def test_a_decline_never_goes_below_its_floor_before_its_end(change: Change) -> None:
    left = change.share_left(TIMES, change.start)
    assert (left >= change.floor).all()


@given(changes(), st.lists(st.one_of(years, st.just(np.inf)), min_size=1, max_size=4))
def test_runs_that_begin_in_different_years_are_each_what_they_would_be_alone(
    change: Change, began: list[float]
) -> None:
    together = change.share_left(TIMES, np.array(began)[:, None], change.end)
    for row, start in zip(together, began, strict=True):
        np.testing.assert_array_equal(row, change.share_left(TIMES, start, change.end))


def test_a_step_acts_at_its_date_and_not_a_moment_before() -> None:
    cliff = Change.model_validate({"shape": "cliff", "start": 2010.1})
    assert cliff.share_left([np.nextafter(2010.1, 0), 2010.1], 2010.1).tolist() == [1.0, 0.0]


def test_linear_halves_at_half_its_length_and_exponential_leaves_five_percent_just_before_its_end() -> None:
    linear = Change.model_validate({"shape": "linear", "start": 2010.0, "length": 4.0})
    falling = Change.model_validate({"shape": "exponential", "start": 2010.0, "length": 4.0})
    assert linear.share_left([2012.0], 2010.0).tolist() == [0.5]
    assert falling.share_left([2012.0, 2014.0 - 1e-9, 2014.0], 2010.0) == pytest.approx(
        [np.exp(-1.5), np.exp(-3.0), 0.0]
    )


def test_tiers_with_own_values_hold_each_value_until_the_next() -> None:
    tiers = [{"at": 2010.0, "value": 3.0}, {"at": 2012.0, "value": 1.0}]
    change = Change.model_validate({"shape": "tiers", "tiers": tiers})
    np.testing.assert_array_equal(change.tier_value([2009.9, 2010.0, 2011.99, 2012.0], 2010.0), [np.nan, 3, 3, 1])


def moves(case: str, name: str, began: object, **content: object) -> Moves:
    model = load_case(case).model
    change = Change.model_validate(content)
    return Moves(instrument(case, name), change, model, Before(grid(model, 2040.0), {}), np.array(began))


@pytest.mark.parametrize(("case", "name"), [("nev", "purchase subsidy"), ("pv", "feed-in premium")])
def test_a_path_is_the_history_bit_for_bit_before_its_decline(case: str, name: str) -> None:
    move = moves(case, name, 2016.0, shape="linear", start=2016.0, length=3.0)
    times = move.before.grid.times
    early = times < 2016.0
    np.testing.assert_array_equal(move.path(times)[early], move.past(times)[early])


def test_a_declining_tariff_keeps_the_value_of_coal_power_until_no_premium_is_left() -> None:
    move = moves("pv", "feed-in premium", 2014.0, shape="linear", start=2014.0, length=4.0)
    times = np.array([2013.0, 2016.0, 2017.9, 2018.0])
    coal, past = np.interp(times, *history(move.model, "coal tariff")), move.past(times)
    expected = np.where(times < 2018.0, coal + (past - coal) * np.array([1.0, 0.5, 0.025, 0.0]), 0.0)
    np.testing.assert_allclose(move.path(times), expected, rtol=1e-12)


def test_a_cap_bounds_the_payment_once_the_decline_has_begun() -> None:
    cap = {"value": 20.0, "unit": "bnCNY/unit"}
    move = moves("nev", "purchase subsidy", 2016.0, cap=cap, start=2016.0)
    times = move.before.grid.times
    path, past = move.path(times), move.past(times)
    np.testing.assert_array_equal(path, np.where(times < 2016.0, past, np.minimum(past, 20.0)))
    assert (past[times >= 2016.0] > 20.0).any()


@pytest.mark.parametrize(("announced", "knows"), [(0.0, 2016.0), (0.25, 2015.75), (2.0, 2015.5)])
def test_buyers_see_a_cliff_no_earlier_than_it_is_announced_and_than_they_look(announced: float, knows: float) -> None:
    move = moves("nev", "purchase subsidy", 2016.0, shape="cliff", start=2016.0, announced=announced)
    times, horizon = move.before.grid.times, np.array([0.5])
    seen, unaware = move.announced(times, horizon), move.announced_past(times, horizon)
    changed = times[seen != unaware]
    assert changed[0] == knows
    np.testing.assert_array_equal(seen[times < knows], unaware[times < knows])


def test_a_history_held_from_a_year_on_keeps_that_years_value() -> None:
    move = moves("nev", "purchase subsidy", np.inf, amount={"hold_from": 2016.5})
    times = np.array([2015.0, 2016.5, 2019.0, 2039.0])
    assert move.path(times).tolist() == [44.47, 45.12, 45.12, 45.12]


def test_a_step_off_the_grid_acts_at_the_first_moment_after_it_and_the_trimmed_path_says_the_same() -> None:
    move = moves("nev", "purchase subsidy", 2016.1, shape="cliff", start=2016.1)
    at = move.before.grid
    times, values = trimmed(at, move.past(at.times), move.path(at.times))
    np.testing.assert_array_equal(np.interp(at.times, times, values), move.path(at.times))
    assert len(times) < len(at.times)
    first = at.times[at.times >= 2016.1][0]
    assert np.interp([first - 1 / 32, first], times, values).tolist() == [move.past(first - 1 / 32), 0.0]


def trigger(on: str, level: float, unit: str = "Dmnl", **more: object) -> Trigger:
    return Trigger.model_validate({"on": on, "level": level, "unit": unit, **more})


QUARTERS = np.arange(2000.0, 2010.0, 0.25)


def test_the_market_share_is_that_of_the_last_four_quarters() -> None:
    market = np.full((1, len(QUARTERS)), 20.0)
    sold = (np.cumsum(np.full(len(QUARTERS), 0.5)) - 0.5)[None, :]  # two a year
    seen = trigger("market share", 0.1).statistic({"Cumulative Domestic Sales": sold, "addressable demand": market})
    assert np.isnan(seen[0, :4]).all()
    assert seen[0, 4:] == pytest.approx(0.1)


def test_a_condition_that_reverses_still_gives_the_first_quarter_in_which_it_held() -> None:
    cost = np.where((QUARTERS == 2003.5) | (QUARTERS >= 2008.0), 0.9, 1.2)[None, :]
    values = {"unsubsidised user cost": cost, "trigger benchmark": np.ones_like(cost)}
    assert trigger("cost parity ratio", 1.0).first_date(QUARTERS, values).tolist() == [2003.5]
    assert trigger("cost parity ratio", 1.0, not_before=2004.0).first_date(QUARTERS, values).tolist() == [2008.0]


def test_a_condition_that_never_holds_gives_never() -> None:
    sold = np.linspace(0.0, 5.0, len(QUARTERS))[None, :]
    values = {"Cumulative Domestic Sales": sold}
    assert trigger("cumulative volume", 6.0, "unit").first_date(QUARTERS, values).tolist() == [np.inf]


def test_yearly_means_are_those_of_each_calendar_year() -> None:
    at = Grid(np.arange(2000.5, 2003.0, 0.25))
    values = np.floor(at.times)[None, :] + np.tile([0.0, 1.0], 5)[None, :]
    np.testing.assert_allclose(yearly(at, values)[0], np.floor(at.times) + 0.5)


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.floats(1999.0, 2002.0))
def test_a_grid_reads_between_its_moments_as_interpolation_does(values: list[float], time: float) -> None:
    at = Grid(np.arange(2000.0, 2001.5, 0.25))
    read = at.read(np.array([values]), np.array([time]))[0, 0]
    assert read == pytest.approx(np.interp(time, at.times, values), abs=1e-12)
