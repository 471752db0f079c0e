"""One core, four histories in the right order; and results that do not hang on the time step."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import models
import stockflow
from models.case import load_case

STRUCTURAL = [
    "Talent",
    "Patient Capital",
    "RD in Gestation",
    "Knowledge Stock",
    "Concepts",
    "Prototypes",
    "Commercial Designs",
    "Experience",
    "Price",
    "Capacity under Construction",
    "Capacity",
    "Familiarity",
    "Installed Base",
    "Infrastructure",
]
RESEARCH = ("public basic RD", "public applied RD", "incumbent RD", "platform spending", "demonstration funding")


@functools.cache
def base(name: str) -> xr.Dataset:
    return load_case(name).model.run()


@functools.cache
def with_half_the_step(name: str, folder: Path) -> xr.Dataset:
    text = (Path(models.__file__).parent / "vensim" / f"{name}.mdl").read_text(encoding="utf-8")
    assert text.count("TIME STEP= 0.03125") == 1
    path = folder / f"{name}.mdl"
    path.write_text(text.replace("TIME STEP= 0.03125", "TIME STEP= 0.015625"), encoding="utf-8")
    return stockflow.load(path).run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("half")


def year_of(run: xr.Dataset, name: str, level: float) -> float:
    """Return when a variable first reaches a level, on a straight line between saved times."""
    values, times = run[name].values, run.time.values
    after = int(np.argmax(values >= level))
    assert after > 0, f"{name} does not rise to {level} after the start"
    return float(np.interp(level, values[after - 1 : after + 1], times[after - 1 : after + 1]))


def at(run: xr.Dataset, name: str, year: float) -> float:
    return float(run[name].sel(time=year))


@pytest.mark.parametrize(("name", "most"), [("nev", 0.1), ("pv", 0.15), ("ic", 0.1)])
def test_half_the_time_step_moves_no_stage_by_more_than_its_tolerance(name: str, most: float, folder: Path) -> None:
    stages = [("market share", 0.01), ("market share", 0.1)]
    if name != "pv":
        stages += [("Cumulative River Crossing", 1), ("Commercial Designs", 1)]
    for variable, level in stages:
        coarse, fine = (year_of(run, variable, level) for run in (base(name), with_half_the_step(name, folder)))
        assert abs(coarse - fine) < most, f"{variable} {level}"


@pytest.mark.parametrize("name", ["nev", "pv"])
def test_half_the_time_step_moves_money_by_less_than_2_and_stocks_by_less_than_1_percent(
    name: str, folder: Path
) -> None:
    fine = with_half_the_step(name, folder)
    for variable, most in [("Cumulative Fiscal Outlay", 0.02), *((stock, 0.01) for stock in STRUCTURAL)]:
        coarse, exact = at(base(name), variable, 2060), at(fine, variable, 2060)
        assert abs(coarse - exact) <= most * abs(exact), variable


def test_solar_power_is_sold_abroad_before_it_is_built_at_home() -> None:
    exported = base("pv")["exports"] / base("pv")["production"]
    assert exported.sel(time=2008) > 0.5
    assert exported.sel(time=2022) < 0.65


def test_electric_cars_go_from_research_to_procurement_to_private_buyers() -> None:
    run = base("nev")
    assert year_of(run, "total RD", 0.5) < year_of(run, "Commercial Designs", 1)
    assert at(run, "private demand", 2010) < at(run, "public procurement", 2010)
    assert at(run, "private demand", 2018) > 5 * at(run, "public procurement", 2018)
    assert year_of(run, "Cumulative River Crossing", 1) < year_of(run, "market share", 0.01)


def test_the_first_chips_go_to_military_and_space_buyers() -> None:
    run = base("ic")
    assert at(run, "private demand", 1966) < at(run, "public procurement", 1966)
    assert at(run, "private demand", 1970) > 2 * at(run, "public procurement", 1970)
    assert 1958 < year_of(run, "Commercial Designs", 1) < 1964


def test_messenger_rna_waits_for_decades_and_then_spikes() -> None:
    run = base("mrna")
    assert at(run, "Cumulative Domestic Sales", 2020.5) < 0.01 * at(run, "Cumulative Domestic Sales", 2022)
    peak = run["domestic sales"].idxmax("time")
    assert 2020.5 < peak < 2023
    assert at(run, "domestic sales", 2026) < 0.5 * run["domestic sales"].max()
    assert run["Concepts"].sel(time=1985) > run["Prototypes"].sel(time=1985)


def test_demand_for_vaccines_does_not_give_the_history_of_electric_cars() -> None:
    vaccines, cars = base("mrna"), load_case("nev").model
    size = vaccines["addressable demand"]
    scale = float(base("nev")["market size"].max() / size.max())
    swapped = cars.with_series(
        {
            "market size": (size.time.values, scale * size.values),
            "public procurement": (size.time.values, scale * vaccines["public procurement"].values),
            "export demand": ([1991.0], [0.0]),
        }
    ).run()
    assert at(base("nev"), "domestic sales", 2025) > 1.5 * at(base("nev"), "domestic sales", 2022)
    assert at(swapped, "domestic sales", 2026) < 0.8 * at(swapped, "domestic sales", 2022)
    years = slice(2014, 2019)
    apart = np.log(swapped["domestic sales"].sel(time=years) / base("nev")["domestic sales"].sel(time=years))
    assert float(np.sqrt((apart**2).mean())) > 1


def test_five_years_without_research_money_delay_the_first_product_by_one_to_ten_years() -> None:
    run = base("nev")
    years = run.time.values
    held = np.where(years < 1996, years, np.where(years < 2001, np.nan, years - 5))
    stopped = {}
    for name in RESEARCH:
        path = np.interp(np.nan_to_num(held), years, run[name].values)
        stopped[name] = (years, np.where(np.isnan(held), 0.0, path))
    late = load_case("nev").model.with_series(stopped).run()
    delay = year_of(late, "Commercial Designs", 1) - year_of(run, "Commercial Designs", 1)
    assert 1 < delay < 10


@pytest.mark.parametrize("name", ["pv", "nev", "ic", "mrna"])
def test_knowledge_of_a_case_never_collapses_in_its_base_run(name: str) -> None:
    stock = base(name)["Knowledge Stock"].values
    assert stock.min() > 0
    assert stock[-1] > 10 * stock[0]
