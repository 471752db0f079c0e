"""Every operation has its derivative, backward and forward, and at its kinks the one that is documented."""

import numpy as np
import pytest
from forward_slopes import forward_slopes
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow import InputError, Term

LONG = ",".join(f"({x / 4!r},{np.sin(x):.3f})" for x in range(-12, 24))

SMOOTH = {
    "sum": "s+a-b+(-s)*0.3",
    "product": "a*s*b*0.2",
    "quotient": "a/(s+b)-s/(1+s*s)/b",
    "shared divisor": "a/(1+b*b)+s/(1+b*b)-b/(1+s)+a/(1+s)",
    "whole power": "(s/3)^3-b^2*s+(s+2)^(-1)",
    "fixed power": "0.5*(s+a)^0.7-s^1.5/9",
    "open power": "(s+1)^(a/2)*0.1+b^s*0.1+2^(-s)",
    "negative base": "(-b)^3*0.1+ABS(-s)^a*0.1",
    "exp and log": "EXP(-s*a)+LN(s+b)",
    "root": "SQRT(s+a*b)-0.3*s",
    "size": "ABS(s-1.7)*a-ABS(b-9)*0.1",
    "smallest": "MIN(s, a)+MIN(1, b*s)+MIN(s*3, 0.25)",
    "largest": "MAX(s*0.2, b)-MAX(0.1, a*s)+MAX(s, 1.3)",
    "choice": "IF THEN ELSE(s > 1.45, a*s-2, b*s*s)",
    "nested choice": "IF THEN ELSE(s > 1.5 :AND: Time < 2, a, IF THEN ELSE(s*b < 2, -b*s, s))",
    "truth as number": "(s > 1.5)*a*s-(s <= 1.5)*b",
    "guarded quotient": "ZIDZ(a, s)+XIDZ(s, b, 4)-ZIDZ(a, s*1e-9)+XIDZ(1, s*1e-9, b)",
    "short table": "WITH LOOKUP(s*b, ([(0,0)-(9,9)],(0,0.2),(1,1),(1.9,-0.3),(3,0.4),(20,1)))*a",
    "long table": f"WITH LOOKUP(s*b-2, ({LONG}))*a",
    "beyond a table": "WITH LOOKUP(s, ((9,1),(10,3)))*a+WITH LOOKUP(s, ((-9,b_),(-8,3)))*b".replace("b_", "1"),
    "time": "a*Time-WITH LOOKUP(Time, ((0,1),(4,2)))*b*s",
    "step and ramp": "STEP(a, 1.3)-RAMP(b*s, 0.5, 3)+PULSE(1, 1.5)*a*s",
    "whole part": "INTEGER(s*3)*a-b*s",
    "waves": "SIN(s*a)+COS(b*s)-0.1*TAN(s/3)+ARCTAN(a*s)+TANH(s-b)",
}

MEMORY = {
    "initial value": "s= INTEG ( -0.3*s, a*b+INITIAL(b*b)) ~ Dmnl",
    "kept initial value": "k= INITIAL(a*s) ~ Dmnl\ns= INTEG ( k-s*b, a) ~ Dmnl",
    "fixed delay": "d= DELAY FIXED(s*a, 1, b) ~ Dmnl\ns= INTEG ( d-s, b) ~ Dmnl",
    "delay of one step": "d= DELAY FIXED(s*a, 0.25, b) ~ Dmnl\ns= INTEG ( d-s*0.5, b) ~ Dmnl",
    "delay longer than the run": "d= DELAY FIXED(s*a, 9, b*b) ~ Dmnl\ns= INTEG ( d-s, b) ~ Dmnl",
    "delay of a delay": "d= DELAY FIXED(s*a, 1, b) ~ Dmnl\ne= DELAY FIXED(d+s, 0.5, a) ~ Dmnl\n"
    "s= INTEG ( e*d*0.3-s, 1) ~ Dmnl",
    "material delay": "s= INTEG ( DELAY3(s*a, 1.5)-s*b, 1.5) ~ Dmnl",
    "delay of many": "s= INTEG ( DELAY N(s*a, 1.5*b, b, 5)-s*b, 1.5) ~ Dmnl",
    "trend": "s= INTEG ( TREND(s*a, 1.5*b, 0.1)+0.2*a, b) ~ Dmnl",
    "sample": "s= INTEG ( SAMPLE IF TRUE(Time > 1 :AND: Time < 2, s*a, b)-s, 1.5) ~ Dmnl",
    "information delay": "s= INTEG ( SMOOTHI(s*a, 1.5*b, a)-s, 1.5) ~ Dmnl",
}


def differences(model, inputs, values, point) -> np.ndarray:
    """Derivatives (run, input) by central differences of fourth order."""
    simulator = model.simulator(inputs, [point[0]])
    row = int(np.abs(simulator.times - point[1]).argmin())
    columns = []
    for column in range(len(inputs)):
        step = np.zeros(len(inputs))
        step[column] = 1e-5
        one, two = (
            simulator(values + n * step)[:, row, 0] - simulator(values - n * step)[:, row, 0] for n in (1.0, 2.0)
        )
        columns.append((8.0 * one - two) / 12e-5)
    return np.stack(columns, axis=1)


def assert_derivatives(model, inputs, values, point, rtol=1e-7) -> None:
    """Both directions agree with differences, and with each other much better."""
    values = np.asarray(values, dtype=float)
    expected = differences(model, inputs, values, point)
    forward = forward_slopes(model, inputs, [point])(values)[:, 0]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(forward, expected, rtol=rtol, atol=rtol * scale)
    simulator = model.simulator(inputs, [point[0]])
    now = simulator(values)[:, int(np.abs(simulator.times - point[1]).argmin()), 0]
    total, back = model.gradient([Term(point[0], 3.0, 2.0, at=point[1], transform="linear")], inputs)(values)
    np.testing.assert_allclose(total, ((now - 3.0) / 2.0) ** 2, rtol=1e-12)
    np.testing.assert_allclose(back, (now - 3.0)[:, None] / 2.0 * forward, rtol=1e-11, atol=1e-12 * scale)


@pytest.mark.parametrize("name", SMOOTH)
def test_every_operation_has_its_derivative(tmp_path, name) -> None:
    model = loaded(tmp_path, f"a= 0.8 ~ Dmnl\nb= 1.1 ~ Dmnl\nx= {SMOOTH[name]} ~ Dmnl\ns= INTEG ( x*0.2, 1.4) ~ Dmnl")
    # at a time when the stock holds what the operation gave before
    assert_derivatives(model, ("a", "b"), [[0.8, 1.1], [0.83, 0.93], [0.62, 1.27]], ("x", 2.75))


@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
def test_conveyors_queues_and_ovens_have_derivatives() -> None:
    model = stockflow.load(MODELS / "held" / "plant.xmile")
    for point in (("racks", 15.0), ("yard", 12.0), ("belt", 18.0)):
        assert_derivatives(model, ("orders", "swing"), [[6.1, 0.47], [5.3, 0.31]], point)


@pytest.mark.parametrize("name", MEMORY)
def test_what_is_remembered_has_its_derivative(tmp_path, name) -> None:
    model = loaded(tmp_path, f"a= 0.8 ~ Dmnl\nb= 1.1 ~ Dmnl\n{MEMORY[name]}")
    for time in (0.0, 4.0):
        assert_derivatives(model, ("a", "b"), [[0.8, 1.1], [1.2, 0.7]], ("s", time))
    if "d=" in MEMORY[name]:
        assert_derivatives(model, ("a", "b"), [[0.8, 1.1], [1.2, 0.7]], ("d", 1.75))


def slope_at(folder, expression: str, value: float) -> float:
    """The derivative of an expression of `a`, the same in both directions."""
    model = loaded(folder, f"a= 1 ~ Dmnl\nzero= 0 ~ Dmnl\nx= {expression} ~ Dmnl")
    forward = float(forward_slopes(model, ["a"], [("x", 0.0)])([[value]])[0, 0, 0])
    now = float(model.simulator(["a"], ["x"])([[value]])[0, 0, 0])
    term = Term("x", now - 0.5, 1.0, at=0.0, transform="linear")
    _, back = model.gradient([term], ["a"])([[value]])
    assert back[0, 0] == pytest.approx(forward, rel=1e-12, nan_ok=True)
    return forward


@pytest.mark.parametrize(
    ("expression", "value", "slope"),
    [
        ("MAX(a, 2)", 2.0, 1.0),
        ("MAX(2, a)", 2.0, 1.0),
        ("MIN(a, 2)", 2.0, 0.0),
        ("MIN(2, a)", 2.0, 0.0),
        ("MAX(3*a, 6*a-6)", 2.0, 3.0),
        ("MIN(3*a, 6*a-6)", 2.0, 3.0),
        ("ABS(a)", 0.0, 1.0),
        ("IF THEN ELSE(a > 2, 5*a, 10)", 2.0, 0.0),
        ("IF THEN ELSE(a >= 2, 5*a, 10)", 2.0, 5.0),
        ("INTEGER(a)", 3.0, 0.0),
        ("WITH LOOKUP(a, ((0,0),(1,2),(2,7)))", 1.0, 5.0),
        ("WITH LOOKUP(a, ((0,0),(1,2),(2,7)))", 0.0, 2.0),
        ("WITH LOOKUP(a, ((0,0),(1,2),(2,7)))", 2.0, 0.0),
        ("WITH LOOKUP(a, ((0,0),(1,2),(2,7)))", -0.1, 0.0),
    ],
)
def test_a_kink_has_the_derivative_that_is_documented(tmp_path, expression, value, slope) -> None:
    assert slope_at(tmp_path, expression, value) == slope


@pytest.mark.parametrize(
    ("expression", "value", "slope"),
    [
        ("a^1.5", 0.0, 0.0),
        ("a^(zero+1)", 0.0, 1.0),
        ("a^2", 0.0, 0.0),
        ("a^0.4", 0.0, np.inf),
        ("SQRT(a)", 0.0, np.inf),
        ("2^a", 0.0, np.log(2.0)),
        ("3*a^0", 0.0, 0.0),
    ],
)
def test_powers_of_zero_have_the_limit_of_their_derivative(tmp_path, expression, value, slope) -> None:
    assert slope_at(tmp_path, expression, value) == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize(
    ("expression", "value", "slope"),
    [
        ("IF THEN ELSE(a > 0, LN(a), 3*a)", 0.0, 3.0),
        ("IF THEN ELSE(a > 0, LN(a), 3*a)", -1.0, 3.0),
        ("IF THEN ELSE(a > 0, SQRT(a)*5, 3*a)", -1.0, 3.0),
        ("IF THEN ELSE(a > 0, SQRT(a)*5, 3*a)", 0.0, 3.0),
        ("IF THEN ELSE(a = 0, 2*a, EXP(1/a)*a)", 0.0, 2.0),
        ("IF THEN ELSE(a < 500, 2*a, EXP(a*a)*a)", 100.0, 2.0),
        ("IF THEN ELSE(a > 0, a^1.7, 3*a)", -1.0, 3.0),
        ("ZIDZ(5, a)+a", 0.0, 1.0),
        ("XIDZ(5*a, a, 7*a)", 0.0, 7.0),
        ("MAX(LN(a), 2)", 0.0, 0.0),
        ("1/(1+EXP(a))", 1000.0, 0.0),
        ("WITH LOOKUP(LN(a), ((0,0),(1,2)))", 0.0, 0.0),
    ],
)
def test_a_branch_that_is_not_taken_passes_on_no_infinity(tmp_path, expression, value, slope) -> None:
    assert slope_at(tmp_path, expression, value) == slope


def test_inputs_that_decide_what_cannot_change_are_refused(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\nd= DELAY FIXED(Time, a, 0) ~ Dmnl")
    with pytest.raises(InputError, match="a decides the length of the delay in d"):
        model.gradient([Term("d", 1.0, 1.0, at=4.0)], ["a"])
    with pytest.raises(InputError, match="a decides the length of the delay in d"):
        forward_slopes(model, ["a"], [("d", 4.0)])


def test_random_numbers_have_no_derivative(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\nnoise= RANDOM UNIFORM(0, 1, 3) ~ Dmnl\ns= INTEG ( a*noise, 0) ~ Dmnl")
    with pytest.raises(InputError, match=r"random numbers are not supported: .*noise"):
        model.gradient([Term("s", 1.0, 1.0, at=4.0)], ["a"])
    with pytest.raises(InputError, match=r"random numbers are not supported: .*noise"):
        forward_slopes(model, ["a"], [("s", 4.0)])
