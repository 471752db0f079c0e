"""Each industry's own history: stages in the recorded order, dates and levels within stated errors, no other demand."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray as xr

from analysis.draws.stages import date_stages
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import load_targets
from models.case import CASES, load_case

STAGE_OUTPUTS = ("Cumulative River Crossing", "Commercial Designs", "market share", "unsubsidised user cost",
                 "trigger benchmark")  # fmt: skip


@functools.cache
def run(case: str) -> xr.Dataset:
    return load_case(case).model.run()


@functools.cache
def stages(case: str) -> dict[str, float]:
    one = load_case(case).model.run(save_period=0.03125) if case == "mrna" else run(case)  # months decide there
    return date_stages(one["time"].to_numpy(), {name: one[name].to_numpy() for name in STAGE_OUTPUTS})


def of_year(case: str, quantity: str, year: int) -> float:
    one = run(case)[quantity]
    return float(one.sel(time=year + 1.0) - one.sel(time=float(year)))


def at(case: str, quantity: str, time: float) -> float:
    return float(run(case)[quantity].sel(time=time))


def missed(case: str, series: str) -> np.ndarray:
    """Factor by which the run is above each observation of a series that is read year by year."""
    found = fitted_series(load_targets(case).named(series))
    modelled = [of_year(case, found.target.quantity, int(year)) for year in found.years]
    return np.asarray(modelled) / found.values


@pytest.mark.parametrize("case", CASES)
def test_no_industry_has_a_share_before_it_has_a_product(case: str) -> None:
    dated = stages(case)
    assert dated["river crossed"] <= dated["product"]
    assert dated["product"] <= dated["share 10%"] <= dated["share 20%"]
    assert np.isfinite(dated["share 10%"])


def test_a_tenth_of_vaccine_demand_is_served_only_after_the_first_licence() -> None:
    dated = stages("mrna")
    assert dated["product"] <= dated["share 1%"] <= dated["share 10%"]
    assert at("mrna", "Cumulative Domestic Sales", 2020.0) < 1e-3


def test_the_first_circuit_and_the_first_chip_on_sale_come_within_a_year_of_the_record() -> None:
    assert stages("ic")["river crossed"] == pytest.approx(1958.7, abs=1.0)
    assert stages("ic")["product"] == pytest.approx(1961.2, abs=1.0)


def test_the_first_vaccine_in_people_and_its_licence_come_when_they_came() -> None:
    assert stages("mrna")["river crossed"] == pytest.approx(2013.8, abs=2.0)
    assert stages("mrna")["product"] == pytest.approx(2020.93, abs=0.2)


def test_a_transistor_keeps_getting_cheaper_after_1985_as_fast_as_it_did() -> None:
    series = fitted_series(load_targets("ic").named("transistor price"))
    place = {int(year): i for i, year in enumerate(series.years)}
    fall = series.values[place[1985]] / series.values[place[2005]]
    modelled = of_year("ic", "Cumulative Function Price", 1985) / of_year("ic", "Cumulative Function Price", 2005)
    assert fall > 4000
    assert 0.5 < modelled / fall < 2.0


@pytest.mark.parametrize(
    ("series", "most"),
    [("transistor price", 3.5), ("transistors made", 3.0), ("DRAM bits made", 8.0), ("DRAM bit price", 6.0),
     ("chip sales", 1.5), ("chips", 2.5), ("chip price", 1.3)],
)  # fmt: skip
def test_chips_meet_every_year_of_seven_decades_of_ten_within_the_stated_factor(series: str, most: float) -> None:
    factor = missed("ic", series)
    assert np.exp(np.abs(np.log(factor))).max() < most


def test_a_third_to_two_thirds_of_the_first_chips_go_to_government_and_a_tenth_later() -> None:
    share = run("ic")["government share of sales"]
    assert 1 / 3 < float(share.sel(time=1963.5)) < float(share.sel(time=1966.5)) < 2 / 3
    assert 0.25 < float(share.sel(time=1968.5)) < 0.5
    assert float(share.sel(time=slice(1972, 1980)).mean()) < 0.15


def test_vaccine_doses_of_the_emergency_are_met_within_a_fifth_and_capacity_stays_near_what_was_announced() -> None:
    assert missed("mrna", "doses delivered")[0] == pytest.approx(1.0, abs=0.2)
    announced = 7000.0
    for time in (2022.5, 2023.5):
        assert 0.6 * announced < at("mrna", "Capacity", time) < 1.1 * announced
    assert float(run("mrna")["Capacity"].max()) < 1.3 * announced


def test_contracts_are_not_planned_for_twice() -> None:
    one = run("mrna").sel(time=slice(2020.5, 2024.0))
    planned = one["contracted capacity"] + one["Expected Demand"] / 0.8
    seen = np.maximum(one["advance purchase"], one["Expected Demand"]) / 0.8
    np.testing.assert_allclose(planned, seen, rtol=1e-9)


def test_idle_plants_take_the_margin_when_orders_end() -> None:
    assert at("mrna", "idle ratio", 2021.25) < 0.05
    assert at("mrna", "idle ratio", 2024.0) > 1.0
    assert at("mrna", "profit margin", 2024.0) < at("mrna", "profit margin", 2021.5)


def test_demand_for_cars_does_not_give_the_history_of_vaccines() -> None:
    cars = run("nev")
    inside = slice(1991.0, 2040.0)
    size = cars["market size"].sel(time=inside)
    scale = float(run("mrna")["addressable demand"].max() / size.max())
    times = size["time"].to_numpy()
    swapped = load_case("mrna").model.with_series(
        {
            "market size": (times, scale * size.to_numpy()),
            "emergency demand": (times, scale * cars["public procurement"].sel(time=inside).to_numpy()),
            "advance purchase": ([1961.0], [0.0]),
        }
    ).run()  # fmt: skip
    own = run("mrna")["domestic sales"]
    assert float(own.sel(time=2026.0)) < 0.5 * float(own.sel(time=2021.75))
    assert float(swapped["domestic sales"].sel(time=2026.0)) > float(swapped["domestic sales"].sel(time=2021.75))


def test_demand_for_vaccines_does_not_give_the_history_of_chips() -> None:
    vaccines = run("mrna")
    chips = load_case("ic").model
    own = run("ic")
    last = 2023.0
    want = vaccines["addressable demand"].sel(time=slice(1961.0, last))
    scale = float(own["base market"].sel(time=last) / want.max())
    bought = scale * vaccines["public procurement"].sel(time=slice(1961.0, last))
    swapped = chips.with_series(
        {
            "base market": (want["time"].to_numpy(), np.maximum(scale * want.to_numpy(), 1e-6)),
            "military and space procurement": (bought["time"].to_numpy(), bought.to_numpy()),
        }
    ).run(until=2030.0)  # fmt: skip
    assert float(own["domestic sales"].sel(time=2022.75)) > 0.9 * float(own["domestic sales"].sel(time=2020.0))
    for year in (1975.0, 1985.0, 2000.0, 2020.0):
        assert float(swapped["Cumulative Functions"].sel(time=year)) < 0.1 * float(
            own["Cumulative Functions"].sel(time=year)
        )


def test_demand_for_vaccines_does_not_give_the_history_of_photovoltaics() -> None:
    vaccines, solar = run("mrna"), load_case("pv").model
    own = run("pv")
    inside = slice(1985.0, 2040.0)
    wanted = vaccines["addressable demand"].sel(time=inside)
    paths = {}
    for name in ("market size", "RoW market size"):
        scale = float(own[name].max() / wanted.max())
        paths[name] = (wanted["time"].to_numpy(), scale * wanted.to_numpy())
    swapped = solar.with_series(paths).run(until=2040.0)
    made = "production"
    assert float(own[made].sel(time=2020.0)) > 3 * float(own[made].sel(time=2015.0))
    assert float(swapped[made].sel(time=2020.0)) < 2 * float(swapped[made].sel(time=2015.0))
    years = slice(2012.0, 2020.0)
    apart = np.log(own[made].sel(time=years) / swapped[made].sel(time=years))
    assert float(np.sqrt((apart**2).mean())) > 1.0
    assert float(swapped["Price"].sel(time=2020.0)) > 1.5 * float(own["Price"].sel(time=2020.0))
