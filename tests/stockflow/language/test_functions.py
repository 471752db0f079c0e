"""Functions compute what PySD computes, alone and inside others; where PySD errs, what Vensim's manual says."""

import math

import numpy as np
import pytest
from stockflow_helpers import apart, loaded, written

import stockflow
from stockflow import InputError

CLOSE = 1e-9
# x passes 0 and turns; w changes in time, so that what depends on it must follow
SETTING = """
    x= 3+SIN(Time*2)+STEP(2,1.3) ~ Dmnl
    w= 1+0.5*Time ~ Year
"""


def agrees(folder, equations: str, **controls: float) -> stockflow.Model:
    """Return the model of equations, once it computes what the reference computes."""
    model = loaded(folder, SETTING + equations, **controls)
    shares = apart(model.run(), model.run(engine="reference"))
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {}
    return model


REMEMBERING = [
    "SMOOTH(x, w)",
    "SMOOTHI(x, 2, 5.5)",
    "SMOOTH3(x, w)*2-1",
    "SMOOTH3I(x, w, 5.5)",
    "SMOOTH N(x, 2, x, 4)",
    "DELAY1(x, w)",
    "DELAY1I(x, 2, 1.5)",
    "1+DELAY3(x, w)",
    "DELAY3I(x, w, 1.5)",
    "DELAY N(x, w, x, 5)",
    "DELAY N(x, 2, 3, 4)/2",
    "DELAY3(SMOOTH(x, 1), SMOOTH(w, 2))",
    "1+DELAY FIXED(x, 0.6, 2)",
    "TREND(x, 2, 0.1)",
    "FORECAST(x, w, 3)*2",
    "SAMPLE IF TRUE(Time > 2 :AND: x > 4, x, 7)",
    "1-SAMPLE IF TRUE(x > 4, x, 7)",
    "INITIAL(x*2)+x",
    "1+ACTIVE INITIAL(x*3, 1)",
    "1+INTEG(x, 2)",
]
OF_THE_MOMENT = [
    "1+WITH LOOKUP(x, ([(0,0)-(10,10)],(0,1),(5,2)))*2",
    "RAMP(2, 1, 3)+STEP(x, 2)",
    "MODULO(x*7-20, 3)",
    "QUANTUM(x*7-20, 0.7)+QUANTUM(x, 0)",
    "INTEGER(x*3-8)",
    "SIN(x)+COS(x*20-40)+TAN(x/3)",
    "ARCSIN(x/10)+ARCCOS(x/-10)+ARCTAN(x*9-30)",
    "SINH(x-4)+COSH(x)+TANH(x-4)",
    "LOG(x, 10)+POWER(x, 2.5)",
    "MIN(x, w)+MAX(x, 4)+ABS(x-4)",
    "ZIDZ(x, w-2)+XIDZ(x, w-2, 9)",
    "GAME(x)",
    "IF THEN ELSE(x > 4 :OR: w < 2, x, -x)",
    "IF THEN ELSE(:NOT: x > 4, 1, 0)",
    "-2^2+x^-2-x^2",
    "GET TIME VALUE(0, 1, 0)",
]


def numbered(equations: list[str]) -> str:
    return "\n".join(f"y{place}= {equation} ~ Dmnl" for place, equation in enumerate(equations))


@pytest.mark.parametrize("step", [0.125, 0.1])
def test_functions_that_remember_may_stand_anywhere(tmp_path, step: float) -> None:
    model = agrees(tmp_path, numbered(REMEMBERING), step=step, save=step)
    assert list(model.variables)[:3] == ["x", "w", "y0"]
    assert len(model.variables) == len(REMEMBERING) + 6


@pytest.mark.parametrize("step", [0.0625, 0.3])
def test_functions_of_the_moment_give_what_the_reference_gives(tmp_path, step: float) -> None:
    agrees(tmp_path, numbered(OF_THE_MOMENT), step=step, save=step)


def test_a_delay_too_short_for_its_order_loses_stocks_as_the_reference_has_it(tmp_path) -> None:
    equations = "d= DELAY3(x, short) ~ Dmnl\nn= DELAY N(x, w*short, x, 6) ~ Dmnl\nshort= 0.3 ~ Year"
    model = agrees(tmp_path, equations, step=0.125, save=0.125)
    for value in (0.15, 0.26, 0.39, 2.0):
        changed = model.with_constants({"short": value})
        reference = changed.run(engine="reference")
        batch = model.runs({"short": [value]}, ["d", "n"]).dataset()
        for name in ("d", "n"):
            np.testing.assert_allclose(batch[name].values[0], reference[name].values, rtol=CLOSE)


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_pulses_are_compared_with_the_middle_of_a_step(tmp_path, method: str) -> None:
    def on(call: str, step: float = 0.25, start: float = 0.0) -> list[float]:
        path = written(tmp_path, f"y= {call} ~ Dmnl", step, start + 16 * step, step)
        path.write_text(path.read_text().replace("INITIAL TIME= 0", f"INITIAL TIME= {start!r}"))
        run = stockflow.load(path).run(method=method)
        return [round(float(time), 6) for time, value in zip(run["time"].values, run["y"].values, strict=True) if value]

    assert on("PULSE(1, 0.5)") == [1.0, 1.25]
    assert on("PULSE(1, 0)") == [1.0]
    assert on("PULSE(1, 0.3)") == [1.0]
    assert on("PULSE(2010.3, 0.1)", 0.1, 2009.5) == [2010.3]
    assert on("PULSE TRAIN(0.5, 0.5, 1, 3)") == [0.5, 0.75, 1.5, 1.75, 2.5, 2.75]
    assert on("PULSE TRAIN(0.5, 0, 1, 3)") == [0.5, 1.5, 2.5]
    assert on("PULSE TRAIN(1, 2, 0.5, 2)") == [1.0, 1.25, 1.5, 1.75]


def test_the_logarithm_of_the_gamma_function(tmp_path) -> None:
    model = loaded(tmp_path, "x= 1 ~ Dmnl\ny= GAMMA LN(x) ~ Dmnl", final=0.25)
    x = np.array([0.01, 0.5, 1.0, 2.0, 5.0, 12.5, 300.0])
    found = model.runs({"x": x}, ["y"]).dataset()["y"].values[:, 0]
    np.testing.assert_allclose(found, [math.lgamma(one) for one in x], rtol=1e-13, atol=1e-13)


def test_a_negative_number_in_parentheses_is_the_base_of_its_power(tmp_path) -> None:
    model = loaded(tmp_path, "a= (-2)^2+0*Time ~ Dmnl\nb= -2^2+0*Time ~ Dmnl\nc= 2*( - 2.5e0 )^3+Time*0 ~ Dmnl")
    assert [float(model.run()[name].values[0]) for name in "abc"] == [4.0, -4.0, -31.25]


def test_and_binds_before_or(tmp_path) -> None:
    cases = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    model = loaded(
        tmp_path,
        "a= 0 ~ Dmnl\nb= 0 ~ Dmnl\nc= 0 ~ Dmnl\n"
        "left= IF THEN ELSE(a = 1 :AND: b = 1 :OR: c = 1, 1, 0) ~ Dmnl\n"
        "right= IF THEN ELSE(a = 1 :OR: b = 1 :AND: c = 1, 1, 0) ~ Dmnl",
    )
    batch = model.runs(dict(zip("abc", np.array(cases, dtype=float).T, strict=True)), ["left", "right"]).dataset()
    assert batch["left"].values[:, 0].tolist() == [(a and b) or c for a, b, c in cases]
    assert batch["right"].values[:, 0].tolist() == [a or (b and c) for a, b, c in cases]


def test_what_is_missing_can_be_asked_for_and_spoils_what_is_made_of_it(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        gap= IF THEN ELSE(Time < 1, :NA:, Time) ~ Dmnl
        filled= IF THEN ELSE(gap = :NA:, -1, gap) ~ Dmnl
        there= IF THEN ELSE(gap <> :NA:, 1, 0) ~ Dmnl
        spoiled= gap+1 ~ Dmnl
        largest= MAX(gap, 1) ~ Dmnl
        """,
    )
    run = model.run()
    early = run["time"].values < 1
    assert (run["filled"].values == np.where(early, -1, run["time"].values)).all()
    assert (run["there"].values == ~early).all()
    # a number that no model reaches, which takes part in arithmetic as one
    assert (run["spoiled"].values[early] == -(2.0**109)).all()
    assert (run["largest"].values == np.where(early, 1, np.maximum(run["time"].values, 1))).all()


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"])
def test_trigonometric_functions_are_exact_in_runs_too(tmp_path, name: str) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, 4000)
    x = x if name.startswith("arc") else np.concatenate([x, x * 1e-4, x * 30, x * 1e4 if name in {"sin", "cos"} else x])
    x = np.concatenate([x, [0.0]])
    model = loaded(tmp_path, f"x= 1 ~ Dmnl\ny= {name.upper()}(x) ~ Dmnl", final=0.25)
    expected = getattr(np, name)(x)
    np.testing.assert_allclose(
        model.runs({"x": x}, ["y"]).dataset()["y"].values[:, 0], expected, rtol=2e-15, atol=1e-300
    )


def test_a_parameter_reaches_into_hidden_stocks(tmp_path) -> None:
    model = loaded(tmp_path, "tau= 2 ~ Year\ny= 2*SMOOTH3(STEP(1,0.5), tau) ~ Dmnl", step=0.125)
    batch = model.runs({"tau": [1.0, 3.0]}, ["y"]).dataset()
    for run, tau in enumerate((1.0, 3.0)):
        reference = model.with_constants({"tau": tau}).run(engine="reference")
        np.testing.assert_allclose(batch["y"].values[run], reference["y"].values, rtol=CLOSE)


def test_hidden_stocks_are_no_variables_and_no_unknown_name_suggests_them(tmp_path) -> None:
    model = loaded(tmp_path, "x= Time ~ Dmnl\nlate= SMOOTH3(x, 2) ~ Dmnl")
    assert model.stocks == ()
    assert model.variable("late").kind == "auxiliary"
    with pytest.raises(InputError) as caught:
        model.variable("late~smooth")
    assert str(caught.value).endswith("unknown variable 'late~smooth'; did you mean 'late'?")
    hidden = [one for one in model.equations.variables.values() if one.owner]
    assert [one.owner for one in hidden] == ["late"] * 3
    assert {one.kind for one in hidden} == {"stock"}


def test_the_order_of_a_delay_is_fixed_by_the_file(tmp_path) -> None:
    model = agrees(tmp_path, "y= DELAY N(x, 2, x, order) ~ Dmnl\norder= 3 ~ Dmnl")
    with pytest.raises(InputError, match="order decides how an equation is built"):
        model.with_constants({"order": 4.0})
    with pytest.raises(InputError, match="order decides how an equation is built"):
        model.simulator(["order"], ["y"])


def test_the_order_of_a_delay_may_be_worked_out_from_constants(tmp_path) -> None:
    model = agrees(tmp_path, "y= DELAY N(x, 2, x, 3) ~ Dmnl")
    worked = loaded(tmp_path, SETTING + "y= DELAY N(x, 2, x, order) ~ Dmnl\norder= base+1 ~ Dmnl\nbase= 2 ~ Dmnl")
    assert worked.run()["y"].values.tolist() == model.run()["y"].values.tolist()
    with pytest.raises(InputError, match="base decides how an equation is built"):
        worked.with_constants({"base": 4.0})


def test_units_see_through_functions_that_remember(tmp_path) -> None:
    equations = """
        tap= 3 ~ litre/Year
        tau= 2 ~ Year
        right= SMOOTH3(tap, tau)+DELAY3(tap, tau) ~ litre/Year
        wrong= SMOOTH(tap, tau) ~ litre
        off= DELAY1(tap, tap) ~ litre/Year
        held= SAMPLE IF TRUE(Time > tau, tap, 0) ~ litre/Year
        growth= TREND(tap, tau, 0) ~ 1/Year
    """
    lines = loaded(tmp_path, equations).unbalanced()
    assert [line.partition(":")[0] for line in lines] == ["wrong", "off"]


def test_a_sum_of_a_thousand_terms_is_no_nest(tmp_path) -> None:
    terms = "+".join(f"{k}*x-{k}" for k in range(1000))
    model = loaded(tmp_path, f"x= 1 ~ Dmnl\ny= {terms} ~ Dmnl", final=0.25)
    assert model.runs({"x": [2.0]}, ["y"]).dataset()["y"].values[0, 0] == sum(range(1000))
    assert math.isfinite(model.run()["y"].values[0])


def test_points_at_one_x_are_a_vertical_step(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        x= 1 ~ Dmnl
        f((0,0),(1,1),(1,9),(1,3),(2,4)) ~ Dmnl
        g((-1,0),(0,0),(0,5),(3,5)) ~ Dmnl
        y= f(x) ~ Dmnl
        z= g(x-1) ~ Dmnl
        w= WITH LOOKUP(x, ((1,2),(1,4),(5,8))) ~ Dmnl
        back= LOOKUP INVERT(f, x*2) ~ Dmnl
        area= LOOKUP AREA(f, 0, x+1) ~ Dmnl
        same((0,1),(0,1),(2,5)) ~ Dmnl
        slope= LOOKUP SLOPE(same, x, 1) ~ Dmnl
        """,
        final=0.25,
    )
    x = np.array([0.5, 1.0, 1.0 + 1e-9, 1.5, 2.0])
    found = model.runs({"x": x}, ["y", "z", "w", "back", "area", "slope"]).dataset()

    def values(name: str) -> np.ndarray:
        return found[name].values[:, 0]

    np.testing.assert_allclose(values("y"), [0.5, 1.0, 3.0, 3.5, 4.0], atol=1e-8)
    np.testing.assert_allclose(values("z"), [0.0, 0.0, 5.0, 5.0, 5.0])
    np.testing.assert_allclose(values("w"), [2.0, 2.0, 4.0, 4.5, 5.0], atol=1e-8)
    np.testing.assert_allclose(values("back"), [1.0, 1.0, 1.0, 1.0, 2.0], atol=1e-8)
    np.testing.assert_allclose(values("area"), [2.125, 4.0, 4.0, 6.0, 8.0], atol=1e-8)
    assert (values("slope") == 2.0).all()
    moved = model.with_constants({"x": 1.0}).run()
    assert (float(moved["y"][0]), float(moved["z"][0])) == (1.0, 0.0)


def test_a_calendar_of_360_days_is_read_off_a_time_in_years(tmp_path) -> None:
    equations = "\n".join(f"y{what}= GET TIME VALUE(0, 2000, {what}) ~ Dmnl" for what in (1, 2, 3, 4, 6))
    last = "first= GET TIME VALUE(1, 2000.5, 3) ~ Dmnl"
    model = loaded(tmp_path, f"{equations}\n{last}", step=1 / 12, final=2.0, save=1 / 12)
    run, months = model.run(), np.arange(25)
    assert run["y1"].values.tolist() == (2000 + months // 12).tolist()
    assert run["y2"].values.tolist() == (months % 12 // 3 + 1).tolist()
    assert run["y3"].values.tolist() == (months % 12 + 1).tolist()
    assert run["y4"].values.tolist() == [1] * 25
    assert run["y6"].values.tolist() == (2000 * 360 + months * 30).tolist()
    assert set(run["first"].values) == {7}
