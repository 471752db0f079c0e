"""Observations of a technology of the user's own: what is refused, by file and row, and what they become."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from own_helpers import example_rows, short_wind, write

from calibration.own.data import by_series, read_rows
from calibration.own.settings import load_own_settings
from calibration.own.targets import FLOOR, adoption_of, observations, priors, scales_of, seen_priors, write_targets
from models.own import read_own

COST = ["unit_cost", "2005", "110", "USD2022/MWh", "somewhere"]
VOLUME = ["annual_volume", "2005", "100", "GWh/year", "somewhere"]


def test_comments_below_the_header_are_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "commented.csv"
    path.write_text(f"series,year,value,unit,source\n# a word\n{','.join(COST)}\n", encoding="utf-8")
    assert read_rows(path)[0].place.endswith("commented.csv row 3")


def test_values_reach_the_model_in_its_units(tmp_path: Path) -> None:
    path = short_wind(tmp_path)
    found = by_series(read_rows(path), read_own(tmp_path / "wind"))
    volumes = found["annual_volume"]
    assert volumes.in_model[-1] == pytest.approx(volumes.rows[-1].value / 1000)  # GWh in TWh
    assert found["unit_cost"].in_model[0] == pytest.approx(122.719 * 0.006164121618)


def test_one_adoption_series_is_fitted_and_the_others_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = short_wind(tmp_path)
    rows = example_rows("observations.csv", 2004, 2016)
    total = [["cumulative_volume", str(2004 + i), str(3e5 + 1e5 * i), "GWh", "x"] for i in range(5)]
    write(path, [*rows, *total])
    monkeypatch.chdir(tmp_path)
    found = observations(path, Path("wind"), load_own_settings())
    targets = write_targets("wind", found, Path("wind"), load_own_settings())
    assert adoption_of(found) == "annual_volume"
    assert {one.name: one.use for one in targets.series} == {
        "unit_cost": "closed loop", "annual_volume": "closed loop", "cumulative_volume": "shown only",
    }  # fmt: skip


def test_experience_at_the_start_is_volume_over_growth_when_growth_was_steady(tmp_path: Path) -> None:
    path = short_wind(tmp_path)
    steady = [["annual_volume", str(2004 + i), f"{1000 * 1.25**i:.6f}", "GWh/year", "x"] for i in range(8)]
    costs = [row for row in example_rows("observations.csv", 2004, 2016) if row[0] == "unit_cost"]
    write(path, [*costs, *steady])
    growth = math.log(1.25)
    at_start = 1.0 * math.exp(-growth / 2)  # TWh a year at the start of 2004, whose middle has 1
    found = observations(path, tmp_path / "wind", load_own_settings())
    assert scales_of(found, tmp_path / "wind")["initial experience"] == pytest.approx(at_start / growth, rel=1e-3)


def test_the_floor_of_cost_is_judged_below_the_lowest_cost_and_not_from_the_first(tmp_path: Path) -> None:
    path = short_wind(tmp_path)
    volumes = [row for row in example_rows("observations.csv", 2004, 2016) if row[0] == "annual_volume"]
    costs = [["unit_cost", str(2004 + i), str(100 * 10**-i), "USD2022/MWh", "x"] for i in range(6)]
    write(path, [*volumes, *costs])
    settings = load_own_settings()
    found = observations(path, tmp_path / "wind", settings)
    floor = priors(found, tmp_path / "wind", settings)[FLOOR]
    rule = settings.started[FLOOR]
    assert floor.centre == pytest.approx(rule.times * 1e-5)
    assert floor.spread == rule.spread
    assert floor.centre * math.exp(floor.spread) < 1e-5, "a floor above the lowest cost is not far from the centre"


def test_priors_of_an_earlier_year_know_no_later_cost(tmp_path: Path) -> None:
    path = short_wind(tmp_path)
    settings = load_own_settings()
    found = observations(path, tmp_path / "wind", settings)
    whole = priors(found, tmp_path / "wind", settings)
    costs = found["unit_cost"].in_model[:5]
    earlier = seen_priors(whole, costs, settings)
    assert earlier[FLOOR].centre == pytest.approx(settings.started[FLOOR].times * min(costs) / costs[0])
    assert earlier[FLOOR].centre > whole[FLOOR].centre
    assert {**earlier, FLOOR: whole[FLOOR]} == whole
