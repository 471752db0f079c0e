"""Euler and RK4 integrate as they should, and as the file or the caller asks."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
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


AUTOMATIC = [(1, "RK4 auto"), (3, "RK2 auto")]
TIGHT = "\nABSOLUTE TOLERANCE= {0} ~ Dmnl\nRELATIVE TOLERANCE= {0} ~ Dmnl"


def automatic(folder: Path, equations: str, final: float, code: int = 1, tolerance: float = 1e-8) -> stockflow.Model:
    """Return a model that asks for automatic steps, with a TIME STEP of 1."""
    path = written(folder, equations + TIGHT.format(tolerance), 1.0, final, 1.0)
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS.format(code), encoding="utf-8")
    return stockflow.load(path)


@pytest.mark.parametrize(("code", "name"), AUTOMATIC)
def test_automatic_steps_meet_their_tolerance_where_fixed_ones_do_not(tmp_path, code: int, name: str) -> None:
    oscillator = "x= INTEG ( 2*y, 1) ~ Dmnl\ny= INTEG ( -2*x, 0) ~ Dmnl"
    errors = []
    for tolerance in (1e-4, 1e-6):
        model = automatic(tmp_path, oscillator, 20.0, code, tolerance)
        assert model.equations.method == name
        run = model.run()
        errors.append(float(np.abs(run["x"].values - np.cos(2 * run["time"].values)).max()))
    fixed = model.run(method="RK4")["x"].values
    assert errors[1] < 0.1 * errors[0] < 0.01
    assert np.abs(fixed - np.cos(2 * run["time"].values)).max() > 0.5


@pytest.mark.parametrize(
    ("size", "final"),
    [(5.0, 30.0), (40.0, 30.0)],  # the second is stiff
)
def test_automatic_steps_follow_an_oscillator_as_scipy_does(tmp_path, size: float, final: float) -> None:
    model = automatic(tmp_path, "x= INTEG ( v, 1) ~ Dmnl\nv= INTEG ( mu*(1-x*x)*v-x, 0) ~ Dmnl\nmu= 5 ~ Dmnl", final)
    run = model.with_constants({"mu": size}).run()
    times = run["time"].values
    exact = solve_ivp(
        lambda _, s: [s[1], size * (1 - s[0] ** 2) * s[1] - s[0]],
        (0, final),
        [1, 0],
        "Radau",
        times,
        rtol=1e-11,
        atol=1e-12,
    )
    np.testing.assert_allclose(run["x"].values, exact.y[0], atol=1e-5)


def test_time_goes_on_within_an_automatic_step_but_what_it_switches_waits(tmp_path) -> None:
    model = automatic(
        tmp_path,
        """
        s= INTEG ( 3*COS(Time*3)+STEP(2,4), 0) ~ Dmnl
        fast= INTEG ( -200*(fast-COS(Time)), 0) ~ Dmnl
        pulsed= INTEG ( PULSE(3,1), 0) ~ Dmnl
        late= DELAY FIXED ( s, 3, 0) ~ Dmnl
        heap= INTEG ( late, 0) ~ Dmnl
        draw= RANDOM UNIFORM(0, 1, 1) ~ Dmnl
        walk= INTEG ( draw, 0) ~ Dmnl
        """,
        12.0,
    )
    run = model.run()
    time = run["time"].values
    np.testing.assert_allclose(run["s"].values, np.sin(3 * time) + 2 * np.maximum(time - 4, 0), atol=1e-6)
    exact = (200**2 * (np.cos(time) - np.exp(-200 * time)) + 200 * np.sin(time)) / (1 + 200**2)
    np.testing.assert_allclose(run["fast"].values, exact, atol=1e-6)
    assert run["pulsed"].values.tolist() == np.clip(time - 3, 0, 1).tolist()
    assert run["late"].values[3:].tolist() == run["s"].values[:-3].tolist()
    np.testing.assert_allclose(np.diff(run["heap"].values), run["late"].values[:-1], atol=1e-9)
    np.testing.assert_allclose(np.diff(run["walk"].values), run["draw"].values[:-1], atol=1e-12)


def test_data_are_followed_within_an_automatic_step(tmp_path) -> None:
    model = automatic(tmp_path, "given= 0 ~ Dmnl\ns= INTEG ( given, 0) ~ Dmnl", 4.0)
    times = np.array([0.0, 1.0, 4.0])
    run = model.with_series({"given": (times, np.array([0.0, 2.0, 2.0]))}).run()
    np.testing.assert_allclose(run["s"].values, [0.0, 1.0, 3.0, 5.0, 7.0], atol=1e-6)


def test_each_run_takes_its_own_steps_whatever_the_others_do(tmp_path) -> None:
    model = automatic(tmp_path, "x= INTEG ( -k*x*ABS(x)+SIN(k*Time), 1) ~ Dmnl\nk= 5 ~ Dmnl", 5.0)
    values = np.linspace(0.1, 30.0, 37)[:, None]
    whole = model.simulator(["k"], ["x"])(values)
    assert np.isfinite(whole).all()
    for place in (0, 3, 36):
        assert model.simulator(["k"], ["x"])(values[place : place + 1])[0].tobytes() == whole[place].tobytes()
    assert model.simulator(["k"], ["x"])(values, threads=2).tobytes() == whole.tobytes()


def test_a_run_that_cannot_meet_its_tolerance_is_no_number_from_there_on(tmp_path) -> None:
    model = automatic(tmp_path, "x= INTEG ( x*x, 1/3) ~ Dmnl", 6.0)
    found = model.run()["x"].values
    np.testing.assert_allclose(found[:3], 1 / (3 - np.arange(3.0)), rtol=1e-6)
    assert np.isnan(found[4:]).all()


@pytest.mark.parametrize(("code", "tolerance", "close"), [(1, 1e-9, 1e-6), (1, 1e-3, 0.1), (3, 1e-4, 0.1)])
def test_automatic_steps_see_what_a_whole_step_and_its_halves_miss_alike(tmp_path, code, tolerance, close) -> None:
    equations = """
        wave= INTEG ( 100*SIN(12.566370614359172*Time)^2, 0) ~ Dmnl
        falls= INTEG ( IF THEN ELSE(falls>0.5, -100, 0), 100) ~ Dmnl
        turned= INTEG ( IF THEN ELSE(turned>0.5, -1000, 1000), 1) ~ Dmnl
    """
    run = automatic(tmp_path, equations, 4.0, code, tolerance).run()
    time = run["time"].values
    np.testing.assert_allclose(run["wave"].values, 50 * time, atol=close)
    assert run["falls"].values[0] == 100
    assert not (run["falls"].values[1:] > 1).any()
    # it turns at 0.5 for ever, closer than any part can follow
    assert not (run["turned"].values[1:] > 0.6).any()


def test_a_short_pulse_within_a_time_step_is_met_whatever_came_before(tmp_path) -> None:
    heap = "heap= INTEG ( IF THEN ELSE(Time > 2.4 :AND: Time < 2.45, 1000, 0), 0) ~ Dmnl"
    found = automatic(tmp_path, heap, 4.0, tolerance=0.1).run()["heap"].values
    assert found[2] == 0
    assert found[3:] == pytest.approx([50.0, 50.0], abs=2.0)


def test_a_stock_that_meets_its_tolerance_goes_on_beside_one_that_does_not(tmp_path) -> None:
    model = automatic(tmp_path, "x= INTEG ( -1e6*(x-COS(Time)), 0) ~ Dmnl\nz= INTEG ( 1, 0) ~ Dmnl", 3.0)
    run = model.run()
    assert np.isnan(run["x"].values[1:]).all()
    assert run["z"].values.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_tolerance_is_above_0_and_one_for_all_runs_and_slopes_want_fixed_steps(tmp_path) -> None:
    model = automatic(tmp_path, "s= INTEG ( -k*s, 1) ~ Dmnl\nk= 1 ~ Dmnl", 4.0)
    with pytest.raises(stockflow.InputError, match="ABSOLUTE TOLERANCE must be a number above 0 for RK4 auto"):
        model.run({"ABSOLUTE TOLERANCE": 0.0})
    with pytest.raises(stockflow.InputError, match="RELATIVE TOLERANCE, which is fixed when a simulator is made"):
        model.runs({"RELATIVE TOLERANCE": [1e-3, 1e-4]}, ["s"])
    term = stockflow.Term("s", observed=0.0, scale=1.0, at=4.0, transform="linear")
    with pytest.raises(stockflow.InputError, match="slopes need a fixed time step, not RK4 auto: take RK4"):
        model.gradient([term], ["k"])
    assert model.gradient([term], ["k"], method="RK4") is not None


def test_tolerances_that_a_file_leaves_out_are_told_and_may_be_set(tmp_path) -> None:
    path = asking_for(tmp_path, 1, "x= INTEG ( 2*y, 1) ~ Dmnl\ny= INTEG ( -2*x, 0) ~ Dmnl")
    words = "asks for RK4 auto without ABSOLUTE TOLERANCE and RELATIVE TOLERANCE: 0.001 is taken"
    with pytest.warns(ReadingWarning, match=words):
        model = stockflow.load(path)
    tight = {"ABSOLUTE TOLERANCE": 1e-9, "relative tolerance": 1e-9}
    exact = np.cos(2 * model.run()["time"].values)
    found = model.run(tight)
    assert np.abs(found["x"].values - exact).max() < 1e-6 < np.abs(model.run()["x"].values - exact).max()
    kept = model.with_constants(tight)
    assert kept.run()["x"].values.tolist() == found["x"].values.tolist()
    assert stockflow.from_text("kept.mdl", kept.file.text).run()["x"].values.tolist() == found["x"].values.tolist()
    with pytest.raises(stockflow.InputError, match="ABSOLUTE TOLERANCE must be a number above 0 for RK4 auto"):
        model.run({"ABSOLUTE TOLERANCE": 0.0})


def test_a_method_that_is_not_known_is_refused(tmp_path) -> None:
    with pytest.raises(
        stockflow.InputError, match=r"integration method number 2; known are 0 \(Euler\), 1 \(RK4 auto\), 3 \("
    ):
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
    with pytest.raises(
        stockflow.InputError, match="method is 'rk4', but must be one of Euler, RK2, Heun, RK4, RK2 auto, RK4 auto"
    ):
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
