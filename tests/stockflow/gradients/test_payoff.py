"""A payoff is what the stored outputs of the same runs would give."""

import pickle

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow import InputError, Term

INPUTS = ("growth rate", "elasticity", "base size")
TERMS = (
    Term("Growing", observed=2.0, scale=0.1, at=3.5),
    Term("Growing", observed=1.5, scale=0.2, at=8.0, since=2.0, weight=0.3),
    Term("broken power", observed=1.0, scale=0.5, at=0.0, transform="linear"),
    Term("Wave", observed=-0.25, scale=0.5, at=7.0, since=0.0625, transform="linear", weight=4.0),
    Term("stored", observed=1.0, scale=0.3, at=3.5),
)


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODELS / "constructs.mdl")


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(3).uniform([0.1, -1.0, 0.2], [0.5, 2.0, 0.9], (300, 3))


def stored_residuals(model, terms, values, inputs=INPUTS, method=None, seed=0) -> np.ndarray:
    """Residuals (run, term) by their definition, from outputs at every saved moment."""
    names = list(dict.fromkeys(model.variable(term.variable).name for term in terms))
    simulator = model.simulator(inputs, names, method=method)
    outputs = simulator(values, seed=seed)
    columns = []
    for term in terms:
        path = outputs[:, :, names.index(model.variable(term.variable).name)]
        found = path[:, np.abs(simulator.times - term.at).argmin()]
        if term.since is not None:
            found = found - path[:, np.abs(simulator.times - term.since).argmin()]
        observed = term.observed
        if term.transform == "log":
            found, observed = np.log(found), np.log(observed)
        columns.append((found - observed) / term.scale * np.sqrt(term.weight))
    return np.stack(columns, axis=1)


def test_the_payoff_is_that_of_stored_outputs(model, values) -> None:
    expected = stored_residuals(model, TERMS, values)
    payoff = model.payoff(TERMS, INPUTS)
    np.testing.assert_allclose(payoff.residuals(values), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(payoff(values), (expected**2).sum(axis=1), rtol=1e-12)


def test_the_payoff_of_runge_kutta_is_that_of_its_stored_outputs(model, values) -> None:
    payoff = model.payoff(TERMS, INPUTS, method="RK4")
    expected = stored_residuals(model, TERMS, values[:9], method="RK4")
    np.testing.assert_allclose(payoff.residuals(values[:9]), expected, rtol=1e-12, atol=1e-13)
    assert np.abs(expected - stored_residuals(model, TERMS, values[:9])).max() > 1e-4


def test_a_payoff_gives_the_same_bits_whatever_the_threads_and_the_other_runs(model, values) -> None:
    payoff = model.payoff(TERMS, INPUTS)
    together, residuals = payoff(values), payoff.residuals(values)
    for threads in (1, 2, 7):
        assert payoff(values, threads=threads).tobytes() == together.tobytes()
        assert payoff.residuals(values, threads=threads).tobytes() == residuals.tobytes()
    for run in (0, 7, 8, 63, 64, 299):
        assert payoff(values[run : run + 1])[0] == together[run]
        assert payoff.residuals(values[run : run + 1])[0].tobytes() == residuals[run].tobytes()
    assert payoff(values[::-1])[::-1].tobytes() == together.tobytes()


def test_a_run_without_a_logarithm_is_marked_and_touches_no_other(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG ( a, 0) ~ Dmnl")
    payoff = model.payoff([Term("s", 2.0, 0.5, at=2.0)], ["a"])
    found = payoff([[1.0], [-1.0], [0.0], [2.0]])
    assert np.isfinite(found).tolist() == [True, False, False, True]
    assert found[[0, 3]].tolist() == payoff([[1.0], [2.0]]).tolist()
    assert found[0] == pytest.approx(0.0, abs=1e-30)


def test_stopping_at_the_last_observation_does_not_change_the_model(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG ( a*FINAL TIME, 0) ~ Dmnl")
    payoff = model.payoff([Term("s", 1.0, 1.0, at=1.0, transform="linear")], ["a"])
    assert payoff([[2.0]]).tolist() == [(2.0 * 4.0 - 1.0) ** 2]
    shorter = model.payoff([Term("s", 1.0, 1.0, at=1.0, transform="linear")], ["a"], until=3.0)
    assert shorter([[2.0]]).tolist() == [(2.0 * 3.0 - 1.0) ** 2]


def test_random_numbers_of_a_payoff_are_those_of_its_stored_outputs(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG ( a*RANDOM UNIFORM(0, 1, 3), 1) ~ Dmnl")
    terms = [Term("s", 2.0, 0.5, at=4.0)]
    values = np.linspace(0.5, 1.5, 300)[:, None]
    payoff = model.payoff(terms, ["a"])
    for seed in (0, 5):
        expected = stored_residuals(model, terms, values, ("a",), seed=seed)
        np.testing.assert_allclose(payoff.residuals(values, seed=seed), expected, rtol=1e-12, atol=1e-13)
    assert (payoff(values, seed=0) != payoff(values, seed=5)).all()


def test_a_payoff_pickles(model, values) -> None:
    payoff = model.payoff(TERMS, INPUTS, until=8.0)
    again = pickle.loads(pickle.dumps(payoff))
    assert again(values[:3]).tobytes() == payoff(values[:3]).tobytes()


def test_no_runs_have_no_payoff(model) -> None:
    payoff = model.payoff(TERMS, INPUTS)
    assert payoff(np.empty((0, 3))).shape == (0,)
    assert payoff.residuals(np.empty((0, 3))).shape == (0, 5)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"observed": -1.0}, "observed is -1, but must be above 0 for its logarithm"),
        ({"observed": float("nan")}, "observed is nan"),
        ({"scale": 0.0}, "scale is 0, but must be above 0"),
        ({"weight": -1.0}, "weight is -1"),
        ({"since": 4.0}, "since is 4, but must be before it"),
        ({"transform": "cubic"}, "transform is 'cubic'"),
    ],
)
def test_a_term_that_makes_no_sense_is_refused(changes, complaint) -> None:
    with pytest.raises(InputError, match=complaint):
        Term(**{"variable": "x", "observed": 1.0, "scale": 1.0, "at": 4.0, **changes})


def test_terms_that_cannot_be_read_are_refused_by_name(model) -> None:
    refused = [
        ([], "at least one term"),
        ([Term("growin", 1.0, 1.0, at=1.0)], "did you mean 'Growing'"),
        ([Term("shape", 1.0, 1.0, at=1.0)], "shape is a lookup"),
        ([Term("Wave", 1.0, 1.0, at=1.01)], "Wave is read at 1.01, which is not a saved time; the nearest is 1"),
        ([Term("Wave", 1.0, 1.0, at=9.0)], "Wave is read at 9"),
    ]
    for terms, complaint in refused:
        with pytest.raises(InputError, match=complaint):
            model.payoff(terms, INPUTS)
    payoff = model.payoff(TERMS, INPUTS)
    with pytest.raises(InputError, match="shape"):
        payoff([1.0, 2.0])
    with pytest.raises(InputError, match="elasticity is inf in run 1"):
        payoff([[1.0, 2.0, 3.0], [1.0, np.inf, 3.0]])
    with pytest.raises(InputError, match="threads is 0"):
        payoff([[1.0, 2.0, 3.0]], threads=0)
