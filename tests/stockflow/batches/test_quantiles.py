"""Quantiles over runs are those of the stored outputs, to the accuracy that was asked for."""

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow import InputError
from stockflow.batches.histogram import Histogram, digits, quantiles

INPUTS = ("growth rate", "elasticity", "base size")
OUTPUTS = ("Growing", "Wave", "Stored", "broken power")
PROBABILITIES = (0.0, 0.013, 0.25, 0.5, 0.9, 0.999, 1.0)


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODELS / "constructs.mdl")


def samples(runs: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(3).uniform([0.1, -1.0, 0.2], [0.5, 2.0, 0.9], (runs, 3))
    return dict(zip(INPUTS, values.T, strict=True))


def within(found: np.ndarray, values: np.ndarray, probabilities: np.ndarray, accuracy: float) -> None:
    """Check quantiles, (probability, ...), of values, (run, ...): both neighbours within a share of their size."""
    ordered, places = np.sort(values, axis=0), np.asarray(probabilities) * (len(values) - 1)
    below = np.floor(places).astype(int)
    beside = np.minimum(below + 1, len(values) - 1)
    bound = accuracy * np.maximum(np.abs(ordered[below]), np.abs(ordered[beside])) * (1 + 1e-9)
    exact = np.quantile(values, probabilities, axis=0)
    assert (np.abs(found - exact) <= bound + 1e-15 * np.abs(exact)).all()


@pytest.mark.parametrize("accuracy", [0.1, 1e-3, 1e-4])
def test_quantiles_are_those_of_stored_outputs(model, accuracy: float) -> None:
    stored = model.runs(samples(3001), OUTPUTS).dataset()
    found = model.runs(samples(3001), OUTPUTS).quantiles(PROBABILITIES, accuracy)
    assert found.attrs["failed"] == 0 and found.attrs["runs"] == 3001
    assert found.attrs["relative_error"] <= accuracy
    for name in OUTPUTS:
        assert found[name].dims == ("quantile", "time") and found[name].attrs["unit"] == stored[name].attrs["unit"]
        within(found[name].values, stored[name].values, np.array(PROBABILITIES), accuracy)
        for place, exact in ((0, stored[name].min("run")), (-1, stored[name].max("run"))):
            assert found[name].values[place].tolist() == exact.values.tolist()


def test_coarser_bins_give_other_numbers(model) -> None:
    fine, coarse = (model.runs(samples(500), ["Growing"]).quantiles([0.5], accuracy) for accuracy in (1e-4, 0.1))
    assert (fine["Growing"] != coarse["Growing"]).any()


def test_quantiles_have_the_same_bits_whatever_the_threads_and_the_order(model) -> None:
    runs = samples(2000)
    together = model.runs(runs, OUTPUTS).quantiles(PROBABILITIES)
    turned = model.runs({name: one[::-1] for name, one in runs.items()}, OUTPUTS).quantiles(PROBABILITIES)
    for one in (*(model.runs(runs, OUTPUTS, threads=many).quantiles(PROBABILITIES) for many in (1, 2, 7)), turned):
        for name in OUTPUTS:
            assert one[name].values.tobytes() == together[name].values.tobytes()


def test_runs_that_fail_are_left_out_and_counted(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG(1, 0) ~ Dmnl\ny= a*s+LN(a) ~ Dmnl")
    found = model.runs({"a": [3.0, -1.0, 2.0, 0.0, 4.0]}, ["y"]).quantiles([0.0, 0.5, 1.0], 1e-4)
    assert (found.attrs["runs"], found.attrs["failed"]) == (5, 2)
    expected = [np.log(2.0) + 2 * 4, np.log(3.0) + 3 * 4, np.log(4.0) + 4 * 4]
    assert found["y"].values[:, -1] == pytest.approx(expected, rel=1e-4)


def test_where_all_runs_fail_there_is_no_quantile(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\ns= INTEG(1, 0) ~ Dmnl\ny= a*s+LN(a) ~ Dmnl")
    found = model.runs({"a": [-3.0, -1.0]}, ["y"]).quantiles([0.5])
    assert found.attrs["failed"] == 2 and np.isnan(found["y"].values).all()


def test_series_and_random_numbers_of_quantiles_are_those_of_a_batch(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1 ~ Dmnl\nu= 1 ~ Dmnl\ns= INTEG(a*u*RANDOM UNIFORM(0, 1, 3), 1) ~ Dmnl")
    given = {"samples": {"a": np.linspace(1, 2, 700)}, "outputs": ["s"], "seed": 5}
    given["series"] = {"u": ([0.0, 4.0], np.random.default_rng(1).uniform(0, 1, (700, 2)))}
    stored = model.runs(**given).dataset()["s"].values
    within(model.runs(**given).quantiles([0.1, 0.8])["s"].values, stored, np.array([0.1, 0.8]), 1e-3)


def test_numbers_of_every_size_and_sign_are_counted() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(4000, 5)) * 10.0 ** rng.integers(-300, 300, (4000, 5))
    values[:, 1], values[::2, 2], values[:, 3] = 7.3, 0.0, -5e-324
    parts = [Histogram(5, digits(1e-4)) for _ in range(2)]
    parts[0].add(values[:1500].copy())
    parts[1].add(values[1500:].copy())
    wanted = np.array([0.0, 0.3, 0.5, 0.77, 1.0])
    found = quantiles(parts, wanted)
    assert (found[:, 1] == 7.3).all()
    assert (np.abs(found[:, 3]) <= 5e-324).all()
    for column in (0, 2, 4):
        with np.errstate(over="ignore", invalid="ignore"):
            within(found[:, column], values[:, column], wanted, 1e-4)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"probabilities": [0.5, 1.1]}, "a probability is 1.1"),
        ({"probabilities": [float("nan")]}, "a probability is nan"),
        ({"probabilities": []}, "at least one"),
        ({"accuracy": 0.0}, "accuracy is 0"),
        ({"accuracy": 0.5}, "accuracy is 0.5, but must be from 0.0001 to 0.25"),
        ({"samples": {"growth rate": []}}, "quantiles of 0 runs"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_what_makes_no_quantile_is_refused(model, changes, complaint) -> None:
    with pytest.raises(InputError, match=complaint):
        given = {"samples": samples(10), "threads": None, "probabilities": [0.5], "accuracy": 1e-3, **changes}
        runs = model.runs(given["samples"], ["Growing"], threads=given["threads"])
        runs.quantiles(given["probabilities"], given["accuracy"])
