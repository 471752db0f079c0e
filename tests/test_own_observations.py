"""Observations of a technology of the user's own: what is refused, by file and row, and what they become."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from own_helpers import example_rows, short_wind, write

from calibration.own_data import by_series, read_rows
from calibration.own_fit import validate_own
from calibration.own_settings import load_own_settings
from calibration.own_targets import adoption_of, observations, start_of, write_targets
from models.own import read_own
from stockflow.errors import InputError

COST = ["unit_cost", "2005", "110", "USD2022/MWh", "somewhere"]
VOLUME = ["annual_volume", "2005", "100", "GWh/year", "somewhere"]


def refused(tmp_path: Path, rows: list[list[str]]) -> str:
    """Return what is said of observations in which `rows` stand before those of the example."""
    short_wind(tmp_path)
    rest = example_rows("observations.csv", 2006, 2016)
    path = write(tmp_path / "bad.csv", [*rows, *rest])
    with pytest.raises(InputError) as told:
        observations(path, tmp_path / "wind", load_own_settings())
    return str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({2: "-3"}, ["bad.csv row 2", "value -3 USD2022/MWh of unit_cost is not above 0"]),
        ({2: "0"}, ["bad.csv row 2", "is not above 0"]),
        ({2: "nan"}, ["bad.csv row 2", "value 'nan' is not finite"]),
        ({2: "inf"}, ["bad.csv row 2", "not finite"]),
        ({2: "cheap"}, ["bad.csv row 2", "value 'cheap' is not a number"]),
        ({1: "2005.5"}, ["bad.csv row 2", "year 2005.5 is not a whole year from 1700 to 2200"]),
        ({1: "1500"}, ["bad.csv row 2", "year 1500"]),
        ({1: "1999"}, ["bad.csv row 2", "year 1999 is outside the run, 2004 to 2059", "control.initial_time"]),
        ({3: "EUR2022/MWh"}, ["bad.csv row 2", "unit_cost is in 'EUR2022/MWh', not 'USD2022/MWh' as case.toml says"]),
        ({4: ""}, ["bad.csv row 2", "source is missing"]),
        ({3: " "}, ["bad.csv row 2", "unit is missing"]),
        ({0: "unit_costs"}, ["bad.csv row 2", "unknown series 'unit_costs'; did you mean 'unit_cost'?"]),
    ],
)
def test_a_bad_row_is_refused_with_file_row_value_and_bound(
    tmp_path: Path, change: dict[int, str], words: list[str]
) -> None:
    row = [change.get(i, cell) for i, cell in enumerate(COST)]
    told = refused(tmp_path, [row])
    assert all(word in told for word in words), told


def test_a_year_that_a_series_has_twice_is_refused_with_both_rows(tmp_path: Path) -> None:
    told = refused(tmp_path, [COST, VOLUME, COST])
    assert "bad.csv row 4: unit_cost of 2005 stands already in" in told
    assert told.endswith("bad.csv row 2")


def test_a_share_above_one_is_refused(tmp_path: Path) -> None:
    assert "row 2: share 1.2 is above 1" in refused(tmp_path, [["share", "2005", "1.2", "1", "somewhere"]])


def test_a_cumulative_volume_that_falls_is_refused(tmp_path: Path) -> None:
    rows = [["cumulative_volume", str(year), str(value), "GWh", "x"] for year, value in ((2005, 9), (2006, 8))]
    assert "row 3: cumulative_volume falls from 9 in 2005 to 8 GWh in 2006" in refused(tmp_path, rows)


@pytest.mark.parametrize("header", [("series", "year", "value", "unit"), ("year", "series", "value", "unit", "source")])
def test_columns_other_than_the_five_in_order_are_refused(tmp_path: Path, header: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"bad.csv row 1: columns .* must be exactly 'series,year,value,unit,source'"):
        read_rows(write(tmp_path / "bad.csv", [COST], header))


def test_a_row_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bad.csv row 3: 4 fields; must be 5"):
        read_rows(write(tmp_path / "bad.csv", [COST, VOLUME[:4]]))


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bad.csv: no observations"):
        read_rows(write(tmp_path / "bad.csv", []))


@pytest.mark.parametrize(
    ("kept", "words"),
    [("unit_cost", "only unit_cost; needs at least one of"), ("annual_volume", "no unit_cost; needs unit_cost and")],
)
def test_one_series_alone_is_refused(tmp_path: Path, kept: str, words: str) -> None:
    path = short_wind(tmp_path)
    write(path, [row for row in example_rows("observations.csv", 2004, 2016) if row[0] == kept])
    with pytest.raises(InputError, match=words):
        observations(path, tmp_path / "wind", load_own_settings())


def test_too_few_years_of_a_series_are_refused_by_row(tmp_path: Path) -> None:
    path = short_wind(tmp_path)
    rows = example_rows("observations.csv", 2004, 2016)
    write(path, [row for row in rows if row[0] == "unit_cost" or int(row[1]) < 2007])
    with pytest.raises(InputError, match=r"row 17: annual_volume has 3 years; needs at least 4"):
        observations(path, tmp_path / "wind", load_own_settings())


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
    assert start_of(found, tmp_path / "wind").experience == pytest.approx(at_start / growth, rel=1e-3)


def test_validate_tells_what_is_there_and_what_is_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = short_wind(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert validate_own("wind", path) == ["observations: unit_cost 2004-2016 (13), annual_volume 2004-2016 (13)"]
