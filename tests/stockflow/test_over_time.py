"""What is read off a path: one rule for the year a level is reached, one for the value of money in another year."""

from __future__ import annotations

import numpy as np
import pytest

from stockflow.over_time import discount, present_value, present_weights, year_reached

TIMES = np.arange(2000.0, 2010.0, 0.25)


def test_a_level_is_reached_on_the_line_between_two_saved_values() -> None:
    times = np.array([2000.0, 2001.0, 2002.0])
    paths = np.array([[0.0, 1.0, 3.0], [5.0, 1.0, 3.0], [0.0, 1.0, 1.5]])
    np.testing.assert_array_equal(year_reached(times, paths, 2.0, hold=0.0), [2001.5, 2000.0, np.inf])


def test_a_rush_does_not_count_but_what_is_kept_for_the_time_asked_does() -> None:
    rush = np.where((TIMES >= 2003) & (TIMES < 2003.75), 0.2, np.where(TIMES >= 2006, 0.15, 0.05))
    assert year_reached(TIMES, rush, 0.1) == pytest.approx(2005.875)
    assert year_reached(TIMES, rush, 0.1, hold=0.75) == year_reached(TIMES, rush, 0.1, hold=0.0)
    assert year_reached(TIMES, np.full_like(TIMES, 0.2), 0.1) == 2000.0
    assert year_reached(TIMES, np.full_like(TIMES, 0.05), 0.1) == np.inf


def test_what_is_kept_to_the_end_counts_however_late_it_comes() -> None:
    late = np.where(TIMES[-1] <= TIMES, 1.0, 0.0)
    assert year_reached(TIMES, late, 0.5) == pytest.approx(TIMES[-1] - 0.125)


@pytest.mark.parametrize("hold", [0.0, 0.5, 1.0, 3.0, np.inf])
def test_the_year_is_that_of_the_first_long_enough_stay_counted_by_hand(hold: float) -> None:
    paths = np.random.default_rng(3).random((200, len(TIMES))).cumsum(axis=1) % 3.0
    for path, year in zip(paths, year_reached(TIMES, paths, 1.0, hold), strict=True):
        first = np.inf
        for i in np.flatnonzero(path >= 1.0):
            gone = [j for j in range(i, len(path)) if path[j] < 1.0]
            if not gone or TIMES[gone[0]] - TIMES[i] >= hold:
                step = (1.0 - path[i - 1]) / (path[i] - path[i - 1]) * 0.25 if i else 0.0
                first = TIMES[i - 1] + step if i else TIMES[0]
                break
        assert year == pytest.approx(first)


def test_longer_stays_are_never_reached_earlier() -> None:
    paths = np.random.default_rng(4).random((50, len(TIMES))).cumsum(axis=1) % 3.0
    years = np.array([year_reached(TIMES, paths, 1.0, hold) for hold in (0.0, 0.5, 1.0, 2.0, np.inf)])
    assert (years[1:] >= years[:-1]).all()


def test_money_is_discounted_from_the_middle_of_its_step_to_the_base_year() -> None:
    times, cumulative = np.array([2020.0, 2021.0, 2022.0]), np.array([[0.0, 3.0, 5.0], [1.0, 11.0, 31.0]])
    np.testing.assert_array_equal(present_value(times, cumulative, 0.0, 2020.0), [5.0, 30.0])
    got = present_value(times, cumulative, 0.1, 2020.0)
    np.testing.assert_allclose(got, [3 * 1.1**-0.5 + 2 * 1.1**-1.5, 10 * 1.1**-0.5 + 20 * 1.1**-1.5])
    np.testing.assert_allclose(present_value(times, cumulative, 0.1, 2022.0), got * 1.1**2)
    assert discount(2022.0, 0.1, 2020.0) == pytest.approx(1.1**-2)


def test_the_present_value_is_a_weighted_sum_of_the_cumulative_values() -> None:
    cumulative = np.random.default_rng(5).random((6, len(TIMES))).cumsum(axis=1)
    got = cumulative @ present_weights(TIMES, 0.03, 2015.0)
    np.testing.assert_allclose(got, present_value(TIMES, cumulative, 0.03, 2015.0), rtol=1e-12)
