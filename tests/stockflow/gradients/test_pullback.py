"""A pullback takes slopes by what the terms read to slopes by the inputs, for any function of the readings."""

import numpy as np
import pytest
from forward_slopes import forward_slopes
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow import InputError, Model, Term

INPUTS = ("growth rate", "elasticity", "base size")
READ = (
    Term("Growing", 0.0, 1.0, at=3.5, transform="linear"),
    Term("Stored", 0.0, 1.0, at=8.0, since=2.0, transform="linear"),
    Term("late twice", 0.0, 1.0, at=8.0, transform="linear"),
    Term("late wave", 0.0, 1.0, at=0.5, transform="linear"),
    Term("functions", 0.0, 1.0, at=5.0, transform="linear"),
)
VALUES = np.array([[0.3, 1.1, 0.5], [0.15, 0.4, 0.8]])


@pytest.fixture(scope="module")
def model() -> Model:
    """Delays of delays, tables, waves: every construct that runs can have."""
    return stockflow.load(MODELS / "constructs.mdl")


def mixed(read: np.ndarray) -> np.ndarray:
    """A function of all readings, per run."""
    return (
        np.sin(read[..., 0]) * read[..., 1] + np.exp(-(read[..., 2] ** 2)) * read[..., 3] + np.log1p(read[..., 4] ** 2)
    )


def slopes_of_mixed(read: np.ndarray) -> np.ndarray:
    a, b, c, d, e = read
    return np.array([np.cos(a) * b, np.sin(a), -2 * c * np.exp(-c * c) * d, np.exp(-c * c), 2 * e / (1 + e * e)])


@pytest.mark.parametrize("method", ["Euler", "RK2", "Heun", "RK4"])
def test_a_pullback_is_the_slopes_times_the_jacobian(model, method) -> None:
    gradient, points = (
        model.gradient(READ, INPUTS, method=method),
        [(t.variable, time) for t in READ for time in t.times],
    )
    jacobian = forward_slopes(model, INPUTS, points, method=method)(VALUES)
    reads = model.payoff(READ, INPUTS, method=method).residuals(VALUES)
    for run, row in enumerate(VALUES):
        rows = list(jacobian[run])
        by_term = np.array([rows.pop(0) - (rows.pop(0) if len(t.times) == 2 else 0.0) for t in READ])
        expected = slopes_of_mixed(reads[run]) @ by_term
        found = gradient.pullback(row, reads[run], slopes_of_mixed(reads[run]))
        assert found.shape == (3,)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_pullback_is_that_of_differences(model) -> None:
    gradient, read = model.gradient(READ, INPUTS), model.payoff(READ, INPUTS).residuals
    for row in VALUES:
        here = read(row[None])[0]
        found = gradient.pullback(row, here, slopes_of_mixed(here))
        for column in range(3):
            step = np.zeros(3)
            step[column] = 1e-5
            one, two = (mixed(read((row + n * step)[None])[0]) - mixed(read((row - n * step)[None])[0]) for n in (1, 2))
            assert found[column] == pytest.approx((8 * one - two) / 12e-5, rel=1e-6)


def test_observations_scales_and_weights_of_the_terms_play_no_part(model) -> None:
    other = [Term(t.variable, 3.0, 0.1, t.at, t.since, weight=0.2) for t in READ]
    here = model.payoff(READ, INPUTS).residuals(VALUES)[0]
    along = slopes_of_mixed(here)
    plain, dressed = (model.gradient(terms, INPUTS).pullback(VALUES[0], here, along) for terms in (READ, other))
    assert plain.tobytes() == dressed.tobytes()


def test_a_slope_of_zero_stops_what_comes_through_its_term(model) -> None:
    here = model.payoff(READ, INPUTS).residuals(VALUES)[0]
    gradient = model.gradient(READ, INPUTS)
    assert (gradient.pullback(VALUES[0], here, np.zeros(5)) == 0).all()
    parts = sum(gradient.pullback(VALUES[0], here, row) for row in np.diag(slopes_of_mixed(here)))
    np.testing.assert_allclose(parts, gradient.pullback(VALUES[0], here, slopes_of_mixed(here)), rtol=1e-12)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_small_slopes_of_large_values_keep_their_digits(tmp_path, size) -> None:
    model = loaded(tmp_path, f"k= 0.5 ~ Dmnl\ns0= {size!r} ~ Dmnl\ns= INTEG ( k*s, s0) ~ Dmnl", step=0.25, final=4.0)
    terms = [
        Term("s", 0.0, 1.0, at=4.0, transform="linear"),
        Term("s", 0.0, 1.0, at=4.0, since=3.75, transform="linear"),
    ]
    row = np.array([0.5, size])
    here = model.payoff(terms, ["k", "s0"]).residuals(row[None])[0]
    found = model.gradient(terms, ["k", "s0"]).pullback(row, here, 1 / here)  # of the sum of the logarithms
    by_rate = 16 * 0.25 / 1.125 + 15 * 0.25 / 1.125 + 1 / 0.5
    np.testing.assert_allclose(found, [by_rate, 2 / size], rtol=1e-12)


def test_wrong_shapes_and_numbers_that_are_not_finite_are_refused(model) -> None:
    gradient, here = model.gradient(READ, INPUTS), model.payoff(READ, INPUTS).residuals(VALUES)[0]
    with pytest.raises(InputError, match=r"input values have shape \(2,\), but must be \(3,\)"):
        gradient.pullback(VALUES[0, :2], here, here)
    with pytest.raises(InputError, match=r"input values have shape \(2, 3\), but must be \(3,\)"):
        gradient.pullback(VALUES, here, here)
    with pytest.raises(InputError, match=r"read has shape \(4,\), but must be \(5,\)"):
        gradient.pullback(VALUES[0], here[:4], here)
    with pytest.raises(InputError, match=r"slopes has shape \(1, 5\), but must be \(5,\)"):
        gradient.pullback(VALUES[0], here, here[None])
    with pytest.raises(InputError, match="elasticity is nan in run 0"):
        gradient.pullback([0.3, np.nan, 0.5], here, here)
    for bad in (np.nan, -np.inf):
        spoiled = np.where(np.arange(5) == 2, bad, here)
        with pytest.raises(InputError, match=f"read of late twice at 8 is {bad}, which is not finite"):
            gradient.pullback(VALUES[0], spoiled, here)
        with pytest.raises(InputError, match=f"slopes of late twice at 8 is {bad}, which is not finite"):
            gradient.pullback(VALUES[0], here, spoiled)
