"""What helps never delays an industry and never makes it smaller, and what hinders acts as it should, in any draw."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from calibration.records.results import accepted_posterior
from models.case import CASES, load_case
from stockflow import Model

DRAWS = 24
UNTIL = 2040.0
MADE = "Cumulative Production"
SMALLEST = 1e-4  # of what is made by the end of the run: the industry has begun
ROUNDING = 2e-3  # years, and share of what is made: sums of steps of a sixteenth of a year

Values = NDArray[np.float64]
Path = tuple[list[float], list[float]]
HELP: Mapping[str, Mapping[str, float]] = {
    "less approval time": {"approval time": 0.5},
    "longer funds": {"fund life": 1.5},
    "more patience": {"programme term": 1.3, "venture term": 1.3, "fund life": 1.3},
    "more basic research": {"public basic RD": 1.5},
    "more applied research": {"public applied RD": 1.5},
    "more research of incumbents": {"incumbent RD": 1.5},
    "more talent": {"talent programme": 1.5},
    "translation for half the money": {"translation cost per design": 0.5},
    "more platforms": {"platform spending": 2.0},
    "more demonstration": {"demonstration funding": 1.5},
    "no duties abroad": {"trade barrier": 0.0},
}


@functools.cache
def case_model(case: str) -> Model:
    return load_case(case).model


@functools.cache
def draws(case: str) -> Mapping[str, Values]:
    return accepted_posterior(case).spread(DRAWS)


@functools.cache
def drivers(case: str) -> xr.Dataset:
    """The paths of all drivers at the values of the case's file."""
    return case_model(case).run()


@functools.cache
def made(case: str) -> xr.Dataset:
    """What every draw makes where nothing is changed."""
    return run(case, MADE)


def run(
    case: str, *outputs: str, times: Mapping[str, float] = {}, paths: Mapping[str, Path] = {}, until: float = UNTIL
) -> xr.Dataset:
    """Run all draws with constants and drivers multiplied by `times`, and drivers on other `paths`."""
    model, samples, base = case_model(case), dict(draws(case)), drivers(case)
    series = dict(paths)
    for name, factor in times.items():
        one = model.variable(name)
        if one.kind == "constant":
            value = np.asarray(samples.get(one.name, one.value)) * factor
            low, high = one.limits
            samples[one.name] = np.broadcast_to(np.clip(value, low, high), DRAWS)
        else:
            series[name] = (base.time.values, factor * base[name].values)
    return model.with_series(series).runs(samples, outputs, until=until).dataset()


def begun(found: xr.Dataset, level: Values) -> Values:
    """Year at which each draw has made its level, (draw,)."""
    values = found[MADE].to_numpy()
    return np.array([np.interp(one, row, found.time.values) for one, row in zip(level, values, strict=True)])


@pytest.mark.parametrize("what", HELP)
@pytest.mark.parametrize("case", CASES)
def test_what_helps_never_delays_and_never_makes_less(case: str, what: str) -> None:
    if not set(HELP[what]) <= set(case_model(case).variables):
        pytest.skip(f"{case} has no {', '.join(HELP[what])}")
    before, after = made(case), run(case, MADE, times=HELP[what])
    level = SMALLEST * before[MADE].to_numpy()[:, -1]
    assert (begun(after, level) <= begun(before, level) + ROUNDING).all()
    for year in (2023.0, UNTIL):
        assert (after[MADE].sel(time=year) >= before[MADE].sel(time=year) * (1 - ROUNDING)).all()


def test_a_duty_lowers_the_share_smoothly_and_never_to_nothing() -> None:
    share, found = "Chinese Supply Share", []
    for duty in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        paths = {"trade barrier": ([2011.9, 2012.0], [0.0, duty])}
        found.append(run("pv", share, paths=paths, until=2021.0)[share].sel(time=2020.0).to_numpy())
    levels = np.stack(found)
    assert (np.diff(levels, axis=0) < 0).all()
    assert (levels[-1] > 0.05 * levels[0]).all()
    assert (levels[1:] > 0.5 * levels[:-1]).all()


@pytest.mark.parametrize("case", CASES)
def test_selection_among_makers_raises_practice(case: str) -> None:
    chosen, kept = run(case, "Practice"), run(case, "Practice", times={"selectivity": 0.0})
    assert (chosen["Practice"][:, -1] > kept["Practice"][:, -1]).all()


def test_twice_the_approval_time_delays_the_first_licence_by_half_of_what_it_adds_in_nine_draws_of_ten() -> None:
    name, slow = "Commercial Designs", {"approval acceleration": ([1961.0], [0.0])}
    usual, twice = run("mrna", name, paths=slow), run("mrna", name, times={"approval time": 2.0}, paths=slow)
    added = float(case_model("mrna").variable("approval time").value or 0.0)
    shares = []
    for one, other in zip(usual[name].to_numpy(), twice[name].to_numpy(), strict=True):
        licensed = [float(np.interp(1.0, row, usual.time.values, right=UNTIL)) for row in (one, other)]
        shares.append((licensed[1] - licensed[0]) / min(added, UNTIL - licensed[0]))
    assert np.quantile(shares, 0.1) >= 1 / 2
    assert min(shares) >= 1 / 3


def test_funds_of_five_years_lose_projects_that_funds_of_fifteen_keep() -> None:
    fund = {"guidance fund injection": ([1996.0], [0.2])}
    years, name = float(case_model("nev").variable("fund life").value or 0.0), "valley crossing"
    through = []
    for life in (5.0, 15.0):
        found = run("nev", name, times={"fund life": life / years}, paths=fund, until=2010.0)
        through.append(np.trapezoid(found[name].to_numpy(), found.time.values, axis=1))
    assert (through[0] < through[1]).all()


def test_half_a_subsidy_has_between_a_third_and_two_thirds_of_the_effect_of_all_of_it() -> None:
    sold = {}
    for share in (0.0, 0.5, 1.0):
        found = run("nev", "Cumulative Domestic Sales", times={"central subsidy": share}, until=2019.5)
        sales = found["Cumulative Domestic Sales"]
        sold[share] = (sales.sel(time=2019.0) - sales.sel(time=2015.0)).to_numpy()
    part = np.log(sold[0.5] / sold[0.0]) / np.log(sold[1.0] / sold[0.0])
    assert ((part > 1 / 3) & (part < 2 / 3)).mean() >= 0.9  # a cut of cost tells more the deeper it is
    assert part.min() > 1 / 4
