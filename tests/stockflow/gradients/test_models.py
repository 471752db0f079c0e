"""Gradients of whole models: exact, the same in both directions, and of each run alone."""

import pickle
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forward_slopes import forward_slopes
from stockflow_helpers import MODELS, loaded

import stockflow.gradients.gradient
from models.case import load_case
from stockflow import InputError, Model, Term

TARGETS = Path(__file__).parents[3] / "calibration" / "targets"
INPUTS = ("growth rate", "elasticity", "base size")
TERMS = (
    Term("Growing", observed=2.0, scale=0.1, at=3.5),
    Term("Stored", observed=1.5, scale=0.2, at=8.0, since=2.0, weight=0.3, transform="linear"),
    Term("broken power", observed=1.0, scale=0.5, at=0.0, transform="linear"),
    Term("late twice", observed=1.0, scale=0.5, at=8.0, transform="linear"),
    Term("late wave", observed=1.0, scale=0.5, at=0.5, transform="linear"),
    Term("functions", observed=1.0, scale=0.5, at=5.0, transform="linear"),
)

SMOOTH = """
r= 0.8 ~ Dmnl
k= 3 ~ Dmnl
theta= 1.3 ~ Dmnl
h= 0.4 ~ Dmnl
x= INTEG ( r*x*(1-(x/k)^theta)-eaten, 0.3*k) ~ Dmnl
y= INTEG ( 0.5*eaten-0.2*y*EXP(-x/k), 1/r) ~ Dmnl
eaten= h*x*y/(1+SQRT(x*h))*LN(1+y) ~ Dmnl
"""


def smooth_rates(state, r, k, theta, h):
    """The rates of the model above, for complex numbers too."""
    x, y = state
    eaten = h * x * y / (1 + np.sqrt(x * h)) * np.log(1 + y)
    return np.array([r * x * (1 - (x / k) ** theta) - eaten, 0.5 * eaten - 0.2 * y * np.exp(-x / k)])


def smooth_run(method, step, steps, r, k, theta, h):
    """Its states after so many steps."""
    rates = [r, k, theta, h]
    state = np.array([0.3 * k, 1 / r])
    for _ in range(steps):
        one = smooth_rates(state, *rates)
        change = one
        if method == "RK4":
            two = smooth_rates(state + step / 2 * one, *rates)
            three = smooth_rates(state + step / 2 * two, *rates)
            four = smooth_rates(state + step * three, *rates)
            change = (one + 2 * two + 2 * three + four) / 6
        state = state + step * change
    return state


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_derivatives_of_a_smooth_model_are_those_of_a_complex_step(tmp_path, method) -> None:
    model = loaded(tmp_path, SMOOTH, step=0.125, final=8.0, save=1.0)
    values = np.array([[0.8, 3.0, 1.3, 0.4], [0.5, 2.0, 0.7, 1.1]])
    terms = [Term("y", 2.0, 0.1, at=8.0), Term("x", 1.0, 0.3, at=8.0, since=3.0, transform="linear")]
    inputs = ("r", "k", "theta", "h")
    total, back = model.gradient(terms, inputs, method=method)(values)
    forward = forward_slopes(model, inputs, [("x", 8.0), ("y", 3.0)], method=method)(values)
    for run, row in enumerate(values):
        for column in range(4):
            shifted = row.astype(complex)
            shifted[column] += 1e-30j
            early, late = smooth_run(method, 0.125, 24, *shifted), smooth_run(method, 0.125, 64, *shifted)
            payoff = (np.log(late[1] / 2.0) / 0.1) ** 2 + ((late[0] - early[0] - 1.0) / 0.3) ** 2
            assert total[run] == pytest.approx(payoff.real, rel=1e-12)
            assert back[run, column] == pytest.approx(payoff.imag / 1e-30, rel=1e-10)
            assert forward[run, 0, column] == pytest.approx(late[0].imag / 1e-30, rel=1e-10)
            assert forward[run, 1, column] == pytest.approx(early[1].imag / 1e-30, rel=1e-10)


def test_the_derivative_of_decay_is_that_of_its_formula(tmp_path) -> None:
    model = loaded(tmp_path, "k= 0.5 ~ Dmnl\ns0= 2 ~ Dmnl\ns= INTEG ( -k*s, s0) ~ Dmnl", step=0.25)
    left = 1 - 0.5 * 0.25
    found = forward_slopes(model, ["k", "s0"], [("s", 0.0), ("s", 4.0)])([[0.5, 2.0]])[0]
    np.testing.assert_allclose(found, [[0.0, 1.0], [-2.0 * 16 * 0.25 * left**15, left**16]], rtol=1e-14)


@pytest.fixture(scope="module")
def model() -> Model:
    return stockflow.load(MODELS / "constructs.mdl")


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(3).uniform([0.1, 0.2, 0.2], [0.5, 2.0, 0.9], (37, 3))


def from_jacobian(model, inputs, terms, values, method=None) -> np.ndarray:
    """The gradient of linear terms, put together from derivatives of outputs."""
    residuals = model.payoff(terms, inputs, method=method).residuals(values)
    points = [(term.variable, time) for term in terms for time in term.times]
    slopes = iter(np.moveaxis(forward_slopes(model, inputs, points, method=method)(values), 1, 0))
    simulator = model.simulator(inputs, [term.variable for term in terms], method=method)
    outputs = simulator(values)
    total = np.zeros(values.shape)
    for place, term in enumerate(terms):
        rows = [int(np.abs(simulator.times - time).argmin()) for time in term.times]
        slope = next(slopes) - (next(slopes) if len(rows) == 2 else 0.0)
        rate = np.sqrt(term.weight) / term.scale
        if term.transform == "log":
            found = outputs[:, rows[0], place] - (outputs[:, rows[1], place] if len(rows) == 2 else 0.0)
            rate = rate / found[:, None]
        total += 2.0 * residuals[:, [place]] * rate * slope
    return total


@pytest.mark.parametrize("method", ["Euler", "RK2", "Heun", "RK4"])
def test_both_directions_agree_on_every_construct(model, values, method) -> None:
    total, back = model.gradient(TERMS, INPUTS, method=method)(values)
    np.testing.assert_allclose(total, model.payoff(TERMS, INPUTS, method=method)(values), rtol=1e-12)
    expected = from_jacobian(model, INPUTS, TERMS, values, method)
    np.testing.assert_allclose(back, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


def test_a_gradient_gives_the_same_bits_whatever_the_threads_and_the_other_runs(model, values) -> None:
    gradient, jacobian = model.gradient(TERMS, INPUTS), forward_slopes(model, INPUTS, [("Stored", 8.0), ("Wave", 1.0)])
    total, back = gradient(values)
    forward = jacobian(values)
    for threads in (1, 2, 5):
        again = gradient(values, threads=threads)
        assert again[0].tobytes() == total.tobytes()
        assert again[1].tobytes() == back.tobytes()
        assert jacobian(values, threads=threads).tobytes() == forward.tobytes()
    for run in (0, 7, 8, 36):
        alone = gradient(values[run : run + 1])
        assert alone[0][0] == total[run]
        assert alone[1][0].tobytes() == back[run].tobytes()
        assert jacobian(values[run : run + 1])[0].tobytes() == forward[run].tobytes()
    assert gradient(values[::-1])[1][::-1].tobytes() == back.tobytes()
    assert jacobian(values[::-1])[::-1].tobytes() == forward.tobytes()


def test_vectors_of_every_width_have_the_same_gradient(model, values) -> None:
    _, expected = model.gradient(TERMS, INPUTS)(values)
    for width in (1, 2, 4, 8):
        np.testing.assert_allclose(model.gradient(TERMS, INPUTS, width=width)(values)[1], expected, rtol=1e-11)
    with pytest.raises(InputError, match="width is 3, but must be 1, 2, 4, 8 or 16"):
        model.gradient(TERMS, INPUTS, width=3)


@pytest.mark.parametrize("method", ["Euler", "RK2", "Heun", "RK4"])
@pytest.mark.parametrize("kept", [0, 30_000])
def test_too_little_memory_for_all_steps_changes_no_bit(model, values, monkeypatch, kept, method) -> None:
    roomy = model.gradient(TERMS, INPUTS, method=method)
    monkeypatch.setattr(stockflow.gradients.gradient, "_KEPT", kept)
    narrow = model.gradient(TERMS, INPUTS, method=method)
    assert narrow.workspace < 0.6 * roomy.workspace
    assert narrow(values)[1].tobytes() == roomy(values)[1].tobytes()


def test_a_run_that_fails_is_marked_and_touches_no_other(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG ( LN(a), 1) ~ Dmnl")
    gradient = model.gradient([Term("s", 1.0, 1.0, at=4.0, transform="linear")], ["a"])
    total, back = gradient([[1.5], [-1.0], [0.0], [2.0]])
    assert np.isfinite(total).tolist() == np.isfinite(back[:, 0]).tolist() == [True, False, False, True]
    np.testing.assert_allclose(back[[0, 3], 0], [2 * 16 * np.log(1.5) / 1.5, 2 * 16 * np.log(2) / 2], rtol=1e-13)


def test_gradients_pickle(model, values) -> None:
    gradient, jacobian = model.gradient(TERMS, INPUTS, width=2), forward_slopes(model, INPUTS, [("Stored", 8.0)])
    assert pickle.loads(pickle.dumps(gradient))(values[:3])[1].tobytes() == gradient(values[:3])[1].tobytes()
    assert pickle.loads(pickle.dumps(jacobian))(values[:3]).tobytes() == jacobian(values[:3]).tobytes()


def test_nothing_to_follow_gives_nothing(model) -> None:
    total, back = model.gradient(TERMS, ())(np.empty((2, 0)))
    np.testing.assert_allclose(total, model.payoff(TERMS, ())(np.empty((2, 0))), rtol=1e-12)
    assert back.shape == (2, 0)
    assert forward_slopes(model, (), [("Wave", 1.0)])(np.empty((2, 0))).shape == (2, 1, 0)
    assert forward_slopes(model, INPUTS, [("Wave", 1.0)])(np.empty((0, 3))).shape == (0, 1, 3)
    with pytest.raises(InputError, match="at least one point"):
        forward_slopes(model, INPUTS, [])


def calibration(name: str) -> tuple[Model, tuple[str, ...], list[Term], np.ndarray]:
    """What a case is fitted to: free parameters, terms 20% off the base run, base values."""
    model = load_case(name).model
    target = tomllib.loads((TARGETS / f"{name}.toml").read_text(encoding="utf-8"))
    inputs = tuple(target["free"])
    base = np.array([model.variable(one).value for one in inputs])
    terms = []
    for series in target["series"]:
        for year in range(series["first_year"], series["last_year"] + 1):
            since = float(year) if series["measure"] == "yearly difference" else None
            at = year + 0.5 if series["measure"] == "mid year" else year + 1.0
            terms.append(Term(series["quantity"], 1.0, series["sigma"], at=at, since=since))
    logs = model.payoff(terms, inputs).residuals(base[None])[0] * [term.scale for term in terms]
    signs = np.random.default_rng(2).choice([-0.2, 0.2], len(terms))
    terms = [replace(term, observed=float(np.exp(one))) for term, one in zip(terms, logs + signs, strict=True)]
    return model, inputs, terms, base


@pytest.mark.parametrize("name", ["pv", "nev"])
def test_the_gradient_of_a_calibration_is_that_of_differences(name) -> None:
    model, inputs, terms, base = calibration(name)
    # the best fit lies on kinks, where differences straddle two slopes: look beside it
    base = base * np.random.default_rng(5).uniform(0.98, 1.02, len(base))
    total, back = model.gradient(terms, inputs)(base[None])
    payoff = model.payoff(terms, inputs)
    assert total[0] == pytest.approx(payoff(base[None])[0], rel=1e-12)
    middle = payoff.residuals(base[None])[0]
    for column, size in enumerate(base):
        step = np.zeros(len(base))
        step[column] = 1e-6 * size
        up, down, far_up, far_down = payoff.residuals([base + step, base - step, base + 2 * step, base - 2 * step])
        pulls = 2.0 * middle * (8.0 * (up - down) - (far_up - far_down)) / (12e-6 * size)
        # terms pull in both directions, and the differences of each have their noise
        assert abs(back[0, column] - pulls.sum()) < 1e-5 * np.abs(pulls).sum(), inputs[column]


@pytest.mark.parametrize("name", ["pv", "nev"])
def test_both_directions_agree_on_a_calibration(name) -> None:
    model, inputs, terms, base = calibration(name)
    values = base * np.random.default_rng(1).uniform(0.9, 1.1, (16, len(base)))
    _, back = model.gradient(terms, inputs)(values)
    expected = from_jacobian(model, inputs, terms, values)
    np.testing.assert_allclose(back, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
