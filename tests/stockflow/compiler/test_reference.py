"""The batch engine computes what PySD computes."""

import warnings
from pathlib import Path

import numpy as np
import pysd
import pytest
from stockflow_helpers import MODELS, apart, loaded, written

import stockflow
from stockflow.errors import StoppedError

CLOSE = 1e-13


@pytest.fixture(scope="module")
def constructs() -> stockflow.Model:
    return stockflow.load(MODELS / "constructs.mdl")


@pytest.fixture(scope="module")
def tank() -> stockflow.Model:
    return stockflow.load(MODELS / "tank.mdl")


def test_every_supported_construct_gives_what_the_reference_gives(constructs: stockflow.Model) -> None:
    shares = apart(constructs.run(), constructs.run(engine="reference"))
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {}


def test_a_run_has_every_variable_but_lookups_with_unit_and_documentation(tank: stockflow.Model) -> None:
    for engine in ("batch", "reference"):
        run = tank.run(engine=engine)
        assert list(run) == list(tank.variables)
        assert run["tap"].attrs["unit"] == "litre/Year"
        assert run["tap"].attrs["documentation"] == "The tap when fully open. Measured twice."
        assert run.sizes == {"time": 11}


@pytest.mark.parametrize("until", [0.0625, 3.3125, 8.0])
def test_an_early_end_is_the_same_in_both_engines(constructs: stockflow.Model, until: float) -> None:
    shares = apart(constructs.run(until=until), constructs.run(until=until, engine="reference"))
    assert max(shares.values()) < CLOSE


def test_a_reference_that_loses_moments_says_so(tmp_path: Path) -> None:
    model = loaded(tmp_path, "s= INTEG ( 1, 0) ~ Dmnl", step=1 / 3, final=40.0, save=1 + 3e-6)
    assert model.run().sizes["time"] == 41
    with pytest.raises(StoppedError, match=r"the reference kept \d+ moments, not 41"):
        model.run(engine="reference")


def test_parameters_of_a_run_are_the_same_in_both_engines(tank: stockflow.Model) -> None:
    params = {"TAP": 20.0, "residence_time": 2.5, "pipe delay": 0.5}
    run = tank.run(params)
    assert max(apart(run, tank.run(params, engine="reference")).values()) < CLOSE
    assert run["tap"].values.tolist() == [20.0] * 11


def test_parameters_of_a_run_leave_the_model_as_it_was(tank: stockflow.Model) -> None:
    before = tank.run()
    for engine in ("batch", "reference"):
        tank.run({"tap": 90.0}, engine=engine)
    assert before.equals(tank.run())
    assert tank.variable("tap").value == 12.0


@pytest.mark.parametrize("name", ["tap", "level", "outflow", "Water", "opening"])
def test_a_series_replaces_any_kind_of_variable_in_both_engines(tank: stockflow.Model, name: str) -> None:
    times, values = [1.0, 2.5, 6.0], [1.23456789012, 7.0, 1e-5]
    changed = tank.with_series({name.upper(): (times, values)})
    run = changed.run()
    assert max(apart(run, changed.run(engine="reference")).values()) < CLOSE
    assert np.allclose(run[name].values, np.interp(run["time"].values, times, values), rtol=1e-15)
    assert changed.variable(name).unit == tank.variable(name).unit
    assert changed.variable(name).documentation == tank.variable(name).documentation


def test_a_series_of_one_point_is_constant_in_both_engines(tank: stockflow.Model) -> None:
    changed = tank.with_series({"inflow": ([3.0], [2.5])})
    run = changed.run()
    assert run["inflow"].values.tolist() == [2.5] * 11
    assert max(apart(run, changed.run(engine="reference")).values()) < CLOSE


def test_other_constants_are_the_same_in_both_engines(tank: stockflow.Model) -> None:
    changed = tank.with_constants({"initial water": 3.0}).with_constants({"Pipe_Delay": 0.3, "area": 5.0})
    assert changed.variable("initial water").value == 3.0
    assert max(apart(changed.run(), changed.run(engine="reference")).values()) < CLOSE


def test_a_stock_cut_by_a_series_no_longer_makes_flows(tank: stockflow.Model) -> None:
    assert tank.variable("outflow").kind == "flow"
    changed = tank.with_series({"water": ([0.0], [5.0])})
    assert changed.variable("outflow").kind == "auxiliary"
    assert changed.stocks == ()


def test_a_step_that_is_no_power_of_two_lands_on_the_same_moments(tmp_path) -> None:
    model = loaded(tmp_path, "s= INTEG ( s*0.1, 1) ~ Dmnl", step=0.1, final=3.0, save=0.3)
    run = model.run()
    assert run["time"].values.tolist() == pytest.approx([0.3 * k for k in range(11)])
    assert max(apart(run, model.run(engine="reference")).values()) < CLOSE


def test_numbers_of_tables_keep_all_their_digits_in_the_reference(tmp_path) -> None:
    model = loaded(tmp_path, "y= WITH LOOKUP ( Time, ((0,0.000123456789012),(4,0.05))) ~ Dmnl")
    assert model.run(engine="reference")["y"].values[0] == 0.000123456789012


def test_fast_interpolation_in_the_reference_gives_the_bits_of_the_slow_one(tmp_path) -> None:
    path = written(tmp_path, "f( (-1,0.3),(0.1,4.7),(1.3,2.5)) ~ Dmnl\ny= f(Time*0.77-1.2) ~ Dmnl", step=0.0625)
    ours = stockflow.load(path).run(engine="reference")["y"].values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        slow = pysd.read_vensim(path).run()["y"].to_numpy()
    assert ours.tobytes() == slow.tobytes()
