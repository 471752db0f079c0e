"""Statements that must hold however extreme the conditions; each one could fail if an equation were wrong."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import stockflow
from models.case import load_case
from models.policy import ANNOUNCED
from models.run import run_case
from models.schedules.file import load_schedule
from stockflow.insight.units import read_unit

MODELS = Path(stockflow.__file__).parent.parent / "models"
ALWAYS = [1900.0]
RESEARCH = ("public basic RD", "public applied RD", "incumbent RD", "technology import", "talent programme")
ONLY_DOING = {"searching learning rate": 0, "laggard cost spread": 0}
Series = Mapping[str, tuple[list[float], list[float]]]


class Case:
    """A case with its base run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = load_case(name).model
        self.base = self.model.run()

    def run(self, constants: Mapping[str, float] | None = None, series: Series | None = None) -> xr.Dataset:
        """Run with other constants and other paths."""
        return self.model.with_series(series or {}).run(constants or {})


@pytest.fixture(scope="module")
def pv() -> Case:
    return Case("pv")


@pytest.fixture(scope="module")
def nev() -> Case:
    return Case("nev")


@pytest.fixture(scope="module")
def mrna() -> Case:
    return Case("mrna")


@pytest.fixture(scope="module")
def ic() -> Case:
    return Case("ic")


@pytest.fixture(scope="module", params=["pv", "nev"])
def case(request: pytest.FixtureRequest) -> Case:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Case)
    return found


@pytest.fixture(scope="module", params=["pv", "nev", "ic", "mrna"])
def any_case(request: pytest.FixtureRequest) -> Case:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Case)
    return found


def always(value: float, *names: str) -> Series:
    return {name: (ALWAYS, [value]) for name in names}


def first_year(run: xr.Dataset, name: str, level: float) -> float:
    reached = np.flatnonzero(run[name].values >= level)
    return float(run.time[reached[0]]) if reached.size else np.inf


def finite(run: xr.Dataset) -> bool:
    return all(np.isfinite(run[name].values).all() for name in run)


def at(run: xr.Dataset, name: str, year: float) -> float:
    return float(run[name].sel(time=year))


def promotion(case: Case) -> str:
    return "promotion exposure" if case.name == "pv" else "base promotion"


def test_without_research_imports_and_designs_nothing_is_ever_made(case: Case) -> None:
    run = case.run(
        {
            "initial knowledge": 0,
            "initial concepts": 0,
            "initial prototypes": 0,
            "initial commercial designs": 0,
        },
        always(0, *RESEARCH),
    )
    assert at(run, "Cumulative Production", 2060) < 1e-6 * at(case.base, "Cumulative Production", 2060)
    assert run["exports"].max() < 1e-9


def test_a_closed_valley_of_death_leaves_nothing_to_buy_even_for_the_state(case: Case) -> None:
    run = case.run({"valley max pass": 0, "initial commercial designs": 0}, always(0, "technology import"))
    assert case.base["public procurement"].max() > 0
    assert at(run, "Cumulative Domestic Sales", 2060) == 0


def test_nobody_buys_what_nobody_has_heard_of(case: Case) -> None:
    silent = {"contact with adopters": 0, "contact with others": 0, "initial familiarity": 0, promotion(case): 0}
    assert case.run(silent)["private demand"].max() == 0


def test_without_learning_the_component_cost_never_moves(any_case: Case) -> None:
    run = any_case.run({"doing learning rate": 0, "searching learning rate": 0, "laggard cost spread": 0})
    assert np.ptp(run["component cost"].values) == 0


def test_every_doubling_takes_the_learning_rate_off_the_cost(any_case: Case) -> None:
    run = any_case.run({**ONLY_DOING, "doing learning rate": 0.2, "component cost floor": 0})
    doublings = np.log2(run["Experience"].values / run["Experience"].values[0])
    expected = run["component cost"].values[0] * 0.8**doublings
    np.testing.assert_allclose(run["component cost"], expected, rtol=1e-9)


def test_when_buyers_ignore_cost_and_quality_price_still_follows_cost(case: Case) -> None:
    run = case.run({"cost sensitivity": 0, "quality sensitivity": 0})
    assert finite(run)
    assert np.corrcoef(np.log(run["Price"]), np.log(run["unit cost"]))[0, 1] > 0.95


def test_plants_that_are_never_finished_leave_no_capacity_and_the_highest_price(case: Case) -> None:
    run = case.run({"capacity build time": 1e6})
    assert finite(run)
    assert at(run, "Capacity", 2060) < 1e-3 * at(case.base, "Capacity", 2060)
    tightest = run["max tightness"].values ** run["price sensitivity"].values
    highest = run["unit cost"] * (1 + run["target markup"]) * tightest
    np.testing.assert_allclose(run["indicated price"][-1], highest[-1], rtol=1e-9)


def test_a_market_that_vanishes_leaves_no_sales_and_a_price_near_cash_cost(case: Case) -> None:
    size = case.base["market size"].sel(time=slice(None, 2030))
    gone = (np.append(size.time.values, 2030.05), np.append(size.values, 1e-6))
    paths = {"market size": gone, **always(0, "public procurement")}
    if case.name == "nev":
        paths["export demand"] = (ALWAYS, [0.0])
    run = case.model.with_series(paths).run()
    assert at(run, "private demand", 2032) < 1e-5
    assert at(run, "Capacity", 2060) < 0.9 * at(run, "Capacity", 2030)
    assert all(run[stock].min() > -1e-6 for stock in case.model.stocks if "Margin" not in stock)
    if case.name == "nev":
        ratio = run["Price"] / (run["unit cost"] * (1 + run["target markup"]))
        assert float(ratio.sel(time=2033)) == pytest.approx(float(run["min price ratio"][0]), rel=0.1)


def test_full_export_control_stops_spillover_and_idles_capacity_that_needs_imports(case: Case) -> None:
    run = case.run(series=always(1, "technology export control"))
    assert run["knowledge spillover"].max() == 0
    np.testing.assert_allclose(run["potential output"], run["Capacity"] * run["domestic value share"], rtol=1e-12)
    assert run["domestic value share"][20] < 0.1 < run["domestic value share"][-1]


def test_knowledge_that_ages_in_months_stays_positive(case: Case) -> None:
    run = case.run({"knowledge obsolescence rate": 5})
    assert finite(run)
    assert run["Knowledge Stock"].min() > 0


def test_products_that_never_wear_out_make_the_installed_base_the_sum_of_sales(any_case: Case) -> None:
    run = any_case.run({"product life": 1e6})
    expected = run["Installed Base"][0] + run["Cumulative Domestic Sales"]
    np.testing.assert_allclose(run["Installed Base"], expected, rtol=2e-4, atol=1e-9)


def test_dear_raw_material_raises_the_price_and_lowers_sales(case: Case) -> None:
    dear = (case.base.time.values, 10 * case.base["material price"].values)
    run = case.model.with_series({"material price": dear}).run()
    sold = slice(2003, None)  # before anything is sold the price means nothing
    assert (run["Price"].sel(time=sold) > case.base["Price"].sel(time=sold)).all()
    assert at(run, "Cumulative Domestic Sales", 2060) < at(case.base, "Cumulative Domestic Sales", 2060)


def test_a_cliff_ends_new_support_and_leaves_tax_relief_and_signed_contracts() -> None:
    run = run_case("nev", schedule=load_schedule("nev_cliff"))
    assert at(run, "paid support", 2016.75) > 1
    assert run["paid support"].sel(time=slice(2017, None)).max() == 0
    assert at(run, "tax expenditure", 2018) > 1
    tariffs = run_case("pv", schedule=load_schedule("pv_cliff"))
    assert tariffs["new commitments"].sel(time=slice(2016.25, None)).max() == 0
    # contracts outlive the policy by their length of 20 years
    assert at(tariffs, "Premium Commitments", 2031) > 1
    assert at(tariffs, "Premium Commitments", 2036.5) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "lever", "value"), [("pv", "feed in tariff", 50), ("nev", "central subsidy", 500)])
def test_absurd_support_cannot_sell_more_than_the_market(
    name: str, lever: str, value: float, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name).run(series=always(value, lever))
    assert finite(run)
    assert run["market share"].max() <= 1
    assert (run["domestic sales"] <= run["market size"]).all()


def test_an_empty_budget_pays_nothing_and_sells_less(case: Case) -> None:
    run = case.run(series=always(0, "surcharge rate" if case.name == "pv" else "support budget"))
    assert run["paid support"].max() == 0
    assert run["Support Arrears"][-1] > 1
    assert run["Payment Reliability"].min() < 0.01
    assert at(run, "Cumulative Domestic Sales", 2060) < at(case.base, "Cumulative Domestic Sales", 2060)


def test_support_owed_is_support_paid_plus_new_arrears(any_case: Case) -> None:
    # yearly rates at every step, so that the sum of steps is what Euler adds to the stock
    step = any_case.model.time_step
    names = ("committed support", "paid support", "Support Arrears")
    one = any_case.model.runs({}, names, save_period=step).dataset().isel(run=0)
    flow = (one["committed support"] - one["paid support"])[:-1]
    np.testing.assert_allclose(flow.sum() * step, one["Support Arrears"][-1], rtol=1e-9, atol=1e-9)


def test_endless_charging_money_saturates_at_its_greatest_effect(case: Case) -> None:
    run = case.run({"infrastructure sensitivity": 2.0}, always(1e5, "infrastructure subsidy spending"))
    greatest = (1 + float(run["infrastructure half effect"][0])) ** 2
    assert 0.9 * greatest < run["infrastructure attractiveness"].max() <= greatest


def test_without_procurement_take_off_comes_no_earlier(case: Case) -> None:
    run = case.run(series=always(0, "public procurement"))
    assert first_year(run, "market share", 0.01) >= first_year(case.base, "market share", 0.01)


def test_without_returns_abroad_chinese_solar_stays_small(pv: Case) -> None:
    run = pv.run(series={**always(0, "RoW tariff"), **always(0, "RoW wholesale value")})
    assert at(run, "Capacity", 2010) < 0.2 * at(pv.base, "Capacity", 2010)
    sales = "Cumulative Domestic Sales"
    assert at(run, sales, 2024) < 0.1 * at(pv.base, sales, 2024)


def test_no_stock_is_ever_negative(any_case: Case) -> None:
    for name in any_case.model.stocks:
        if name == "Perceived Chain Margin":
            continue
        values = any_case.base[name].values
        assert values.min() >= -1e-12 * max(1.0, values.max()), name


def test_every_share_lies_between_0_and_1(any_case: Case) -> None:
    shares = (
        "market share, willing share, Familiarity, adopter fraction, talent adequacy, river pass fraction, "
        "valley pass fraction, delivery ratio, domestic value share, input availability, absorptive capacity, "
        "Payment Reliability, support multiplier, design gate"
    )
    for name in shares.split(", "):
        values = any_case.base[name].values
        assert values.min() >= 0, name
        assert values.max() <= 1, name


def test_production_is_the_smaller_of_demand_and_potential_output(any_case: Case) -> None:
    run = any_case.base
    np.testing.assert_allclose(run["production"], np.minimum(run["demand"], run["potential output"]), rtol=1e-9)


def test_output_goes_home_or_abroad(any_case: Case) -> None:
    run = any_case.base
    np.testing.assert_allclose(run["production"], run["domestic sales"] + run["exports"], rtol=1e-9)
    total = run["Cumulative Domestic Sales"] + run["Cumulative Exports"]
    np.testing.assert_allclose(run["Cumulative Production"], total, rtol=1e-9)


def test_a_suspension_switches_support_off_for_its_window_only(nev: Case) -> None:
    run = nev.run({"support suspension start": 2015, "support suspension end": 2019})
    inside = run["support multiplier"].sel(time=slice(2015, 2018.75))
    assert (inside == 0).all()
    assert run["support multiplier"].sum() == len(run.time) - len(inside)
    before = slice(None, 2014.75)
    for name in ("domestic sales", "Price", "Cumulative Fiscal Outlay"):
        np.testing.assert_array_equal(run[name].sel(time=before), nev.base[name].sel(time=before))
    window = slice(2015.25, 2018.75)
    assert (run["domestic sales"].sel(time=window) < nev.base["domestic sales"].sel(time=window)).all()


def test_purchases_brought_forward_are_missing_later(case: Case) -> None:
    run = case.run({"timing elasticity": 6})
    assert run["Pulled Forward Demand"].max() > 0.01 * case.base["domestic sales"].sel(time=2015)
    change = at(run, "Cumulative Domestic Sales", 2060) / at(case.base, "Cumulative Domestic Sales", 2060) - 1
    assert abs(change) < 0.05


def test_a_longer_fund_life_never_lowers_output(case: Case) -> None:
    money = always(1, "guidance fund injection")
    short, long = (case.run({"fund life": years}, money) for years in (8, 15))
    assert long["Patient Capital"][-1] > short["Patient Capital"][-1]
    assert (long["Cumulative Production"] >= short["Cumulative Production"] * (1 - 1e-9)).all()


def test_doubling_all_money_changes_nothing_physical(case: Case) -> None:
    run = case.model.with_series(_doubled_drivers(case)).run(_doubled_constants(case))
    for name in ("domestic sales", "Capacity", "Familiarity", "Commercial Designs", "Talent", "Experience"):
        np.testing.assert_allclose(run[name], case.base[name], rtol=1e-9, err_msg=name)
    for name in ("Price", "Knowledge Stock", "Cumulative Fiscal Outlay"):
        np.testing.assert_allclose(run[name], 2 * case.base[name], rtol=1e-9, err_msg=name)


def _power_of_money(unit: str) -> int:
    return int(dict(read_unit(unit)).get("bncny", 0))


def _doubled_constants(case: Case) -> dict[str, float]:
    drivers = {row["variable"] for row in _rows(case)}
    constants = (case.model.variable(name) for name in case.model.constants if name not in drivers)
    changed = ((one, _power_of_money(one.unit)) for one in constants)
    return {one.name: (one.value or 0.0) * 2.0**power for one, power in changed if power}


def _doubled_drivers(case: Case) -> dict[str, tuple[list[float], list[float]]]:
    paths: dict[str, tuple[list[float], list[float]]] = {}
    for row in _rows(case):
        factor = 2.0 ** _power_of_money(row["unit"])
        times, values = paths.setdefault(row["variable"], ([], []))
        times.append(float(row["year"]))
        values.append(float(row["value"]) * factor)
    for name, announced in ANNOUNCED.items():
        if name in paths:
            horizon = case.model.variable("anticipation horizon").value or 0.0
            paths[announced] = ([year - horizon for year in paths[name][0]], paths[name][1])
    return paths


def _rows(case: Case) -> Iterable[dict[str, str]]:
    for folder in ("policies", "scenarios"):
        with (MODELS / folder / f"{case.name}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def test_a_tiny_market_learns_only_from_abroad(nev: Case) -> None:
    small = (nev.base.time.values, 1e-3 * nev.base["market size"].values)
    run = nev.model.with_series({"market size": small, **always(0, "export demand", "public procurement")}).run()
    assert run["Cumulative Production"][-1] * 60 < 0.02 * run["Experience"][-1]


def test_people_without_money_do_no_more_research_than_is_paid(case: Case) -> None:
    run = case.run(series=always(1e4, "talent programme"))
    assert (run["effective RD"] <= run["total RD"]).all()


def test_full_acceleration_leaves_only_the_development_time(mrna: Case) -> None:
    run = mrna.run(series=always(1, "approval acceleration"))
    assert (run["valley time"] == run["base valley time"]).all()
    assert float(mrna.base["valley time"][0]) == pytest.approx(9.5)


def test_familiarity_that_starts_full_never_exceeds_1(any_case: Case) -> None:
    run = any_case.run({"initial familiarity": 1})
    assert run["Familiarity"].max() <= 1


def test_a_demand_pulse_makes_capacity_overshoot_and_settle_again(nev: Case) -> None:
    pulse = ([1991.0, 2015.0, 2015.1, 2016.0, 2016.1], [1.0, 1.0, 1.5, 1.5, 1.0])
    steady = {"demand": pulse, "unit cost": (ALWAYS, [100.0]), **always(0, "investment push")}
    quick = {"initial expected demand": 1, "initial capacity": 1.25, "capacity life": 4}
    run = nev.run({**quick, "supply line recognition": 0}, steady)
    rest = at(run, "Capacity", 2014.75)
    assert at(run, "Capacity", 2010) == pytest.approx(rest, rel=1e-3)
    swing = (run["Capacity"].sel(time=slice(2016, None)) / rest - 1).values
    assert swing.max() > 0.2
    assert abs(swing[len(swing) // 2 :]).max() < swing.max() / 4
    assert abs(swing[-1]) < 0.02


def test_neutral_levers_change_nothing_and_others_act_in_their_direction(nev: Case) -> None:
    neutral = nev.run({"IP entry drag": 0, "IP RD gain": 0, "actor spillover gain": 0})
    np.testing.assert_allclose(neutral["domestic sales"], nev.base["domestic sales"], rtol=1e-12)
    together = nev.run({"actor integration": 1})
    designs = [float(run["Commercial Designs"].sel(time=2009.0)) for run in (nev.base, together)]
    assert designs[1] > 1.01 * designs[0], "joined actors carry more designs across the river"
    protected = nev.run({"IP protection": 1})
    assert (protected["entry time"] > nev.base["entry time"]).all()


def test_a_subsidy_for_capacity_costs_what_it_pushes_for(nev: Case) -> None:
    run = nev.run({"capacity unit capex": 5})
    expected = run["investment push"] * run["capacity orders"] * 5
    np.testing.assert_allclose(run["capacity subsidy outlay"], expected, rtol=1e-12)
    gap = run["fiscal outlay"] - nev.base["fiscal outlay"]
    np.testing.assert_allclose(gap, expected, rtol=1e-6, atol=1e-9)


def test_cheaper_functions_enlarge_the_chip_market_by_the_elasticity_of_uses(ic: Case) -> None:
    rigid, flat, steep = (ic.run({"application elasticity": power}) for power in (0, 1, 2))
    np.testing.assert_array_equal(rigid["market size"], rigid["base market"])
    opened = 1 + np.log(1 + flat["reference function price"] / flat["function price"])
    np.testing.assert_allclose(flat["market size"], flat["base market"] * opened, rtol=1e-9)
    assert at(steep, "market size", 1990) > at(flat, "market size", 1990) > at(rigid, "market size", 1990)


def test_the_platform_option_is_worth_nothing_without_hazard_or_value(mrna: Case) -> None:
    assert mrna.base["platform option value"].max() > 0
    for name in ("emergency hazard", "value per emergency dose"):
        assert mrna.run({name: 0})["platform option value"].max() == 0
