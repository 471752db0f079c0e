"""Euler and RK4 integrate as they should, and as the file or the caller asks."""

from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import loaded, written

import stockflow
from stockflow.errors import ReadingWarning

SETTINGS = "\\\\\\---/// Sketch information\n///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,{},0,0\n"
STEPS = [2.0**-power for power in (2, 3, 4, 5)]


def asking_for(folder: Path, code: int, equations: str = "s= INTEG ( -s, 1) ~ Dmnl") -> Path:
    path = written(folder, equations)
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS.format(code), encoding="utf-8")
    return path


def slope(errors: list[float]) -> float:
    return float(np.polyfit(np.log2(STEPS), np.log2(errors), 1)[0])


@pytest.mark.parametrize(("method", "order"), [("Euler", 1), ("RK2", 2), ("Heun", 2), ("RK4", 4)])
def test_the_error_shrinks_with_the_order_of_the_method(tmp_path, method, order) -> None:
    errors = []
    for step in STEPS:
        oscillator = "x= INTEG ( y - x*0.1, 1) ~ Dmnl\ny= INTEG ( -x*COS1 - y*0.1, 0) ~ Dmnl\nCOS1= 1 ~ Dmnl"
        model = loaded(tmp_path, oscillator, step=step, final=2.0, save=2.0)
        exact = np.exp(-0.2) * np.array([np.cos(2.0), -np.sin(2.0)])
        run = model.run(method=method)
        errors.append(float(np.hypot(*(np.array([run["x"].values[-1], run["y"].values[-1]]) - exact))))
    assert slope(errors) == pytest.approx(order, abs=0.12)


def test_rk4_sees_given_paths_in_the_middle_of_a_step(tmp_path) -> None:
    errors = []
    for step in STEPS:
        model = loaded(tmp_path, "s= INTEG ( EXP(Time), 1) ~ Dmnl", step=step, final=2.0, save=2.0)
        errors.append(abs(float(model.run(method="RK4")["s"].values[-1]) - np.exp(2.0)))
    assert slope(errors) == pytest.approx(4, abs=0.05)
    cubic = loaded(tmp_path, "s= INTEG ( Time^3, 0) ~ Dmnl", step=0.5, final=4.0, save=0.5).run(method="RK4")
    np.testing.assert_allclose(cubic["s"].values, cubic["time"].values ** 4 / 4, rtol=1e-15)


def test_one_rk4_step_is_the_textbook_formula(tmp_path) -> None:
    def rate(time: float, s: float) -> float:
        return time - s * s

    k1 = rate(0.0, 1.0)
    k2 = rate(0.125, 1.0 + 0.125 * k1)
    k3 = rate(0.125, 1.0 + 0.125 * k2)
    k4 = rate(0.25, 1.0 + 0.25 * k3)
    model = loaded(tmp_path, "s= INTEG ( Time - s*s, 1) ~ Dmnl\nrate= Time - s*s ~ Dmnl")
    run = model.run(method="RK4")
    assert float(run["s"].values[1]) == pytest.approx(1.0 + 0.25 / 6 * (k1 + 2 * k2 + 2 * k3 + k4), rel=1e-15)
    np.testing.assert_allclose(run["rate"].values, run["time"].values - run["s"].values ** 2, atol=1e-15)


def test_a_fixed_delay_gives_out_one_value_for_each_whole_step_of_rk4(tmp_path) -> None:
    equations = "late= DELAY FIXED ( Time*2, 1.5, -3) ~ Dmnl\nheap= INTEG ( late, 0) ~ Dmnl"
    run = loaded(tmp_path, equations).run(method="RK4")
    time, late = run["time"].values, run["late"].values
    assert late.tolist() == np.where(time < 1.5, -3.0, (time - 1.5) * 2).tolist()
    np.testing.assert_allclose(np.diff(run["heap"].values), 0.25 * late[:-1], rtol=1e-13)


def test_the_file_decides_on_the_method_unless_the_caller_does(tmp_path) -> None:
    model = stockflow.load(asking_for(tmp_path, 5))
    assert model.equations.method == "RK4"
    assert model.run().attrs["method"] == "RK4"
    exact = np.exp(-1.0)
    assert float(model.run(until=1.0)["s"].values[-1]) == pytest.approx(exact, rel=1e-4)
    assert float(model.run(until=1.0, method="Euler")["s"].values[-1]) == pytest.approx(0.75**4, rel=1e-14)
    assert model.with_constants({}).equations.method == "RK4"
    euler = stockflow.load(asking_for(tmp_path, 0))
    assert euler.run(method="RK4").equals(model.run())
    assert euler.runs({}, ["s"], method="RK4").dataset()["s"].values[0].tobytes() == model.run()["s"].values.tobytes()


@pytest.mark.parametrize(("code", "name"), [(1, "RK4"), (3, "RK2")])
def test_automatic_steps_are_the_files_own_and_that_is_said(tmp_path, code: int, name: str) -> None:
    with pytest.warns(ReadingWarning, match=f"asks for {name} with an automatic time step; it is run with the fixed"):
        model = stockflow.load(asking_for(tmp_path, code))
    assert model.equations.method == name
    assert model.run().equals(stockflow.load(asking_for(tmp_path, {"RK2": 4, "RK4": 5}[name])).run())


def test_a_method_that_is_not_known_is_refused(tmp_path) -> None:
    with pytest.raises(stockflow.InputError, match="integration method number 2; known are Euler, RK2 and RK4"):
        stockflow.load(asking_for(tmp_path, 2))


def test_the_two_methods_of_second_order_are_the_textbook_formulas(tmp_path) -> None:
    def rate(time: float, s: float) -> float:
        return time - s * s

    model = loaded(tmp_path, "s= INTEG ( Time - s*s, 1) ~ Dmnl")
    first = rate(0.0, 1.0)
    middle = 1.0 + 0.25 * rate(0.125, 1.0 + 0.125 * first)
    ends = 1.0 + 0.125 * (first + rate(0.25, 1.0 + 0.25 * first))
    assert float(model.run(method="RK2")["s"].values[1]) == pytest.approx(middle, rel=1e-15)
    assert float(model.run(method="Heun")["s"].values[1]) == pytest.approx(ends, rel=1e-15)


def test_a_method_that_does_not_exist_and_the_reference_under_rk4_are_refused(tmp_path) -> None:
    model = loaded(tmp_path, "s= INTEG ( -s, 1) ~ Dmnl")
    with pytest.raises(stockflow.InputError, match="method is 'rk4', but must be one of Euler, RK2, Heun, RK4"):
        model.run(method="rk4")
    with pytest.raises(stockflow.InputError, match="reference engine runs Euler, not RK4"):
        model.run(method="RK4", engine="reference")


def test_an_rk4_batch_gives_the_same_bits_wherever_a_run_stands(tmp_path) -> None:
    model = loaded(tmp_path, "r= 1 ~ Dmnl\ns= INTEG ( r*s*(1-s), 0.1) ~ Dmnl\nlate= DELAY FIXED(s, 0.5, r) ~ Dmnl")
    simulator = model.simulator(["r"], ["s", "late"], method="RK4")
    values = np.random.default_rng(1).uniform(0.1, 2.0, (45, 1))
    together = simulator(values, threads=1)
    assert simulator(values, threads=3).tobytes() == together.tobytes()
    for run in (0, 7, 8, 44):
        assert simulator(values[run : run + 1])[0].tobytes() == together[run].tobytes()
