"""A batch is many runs that do not know of each other."""

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow.compiler.llvm import generate, load

INPUTS = ("growth rate", "elasticity", "base size")
OUTPUTS = ("Growing", "broken power", "long table", "Stored", "guarded state", "elasticity", "path", "three")


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODELS / "constructs.mdl")


@pytest.fixture(scope="module")
def simulator(model: stockflow.Model) -> stockflow.Simulator:
    return model.simulator(INPUTS, OUTPUTS)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(3).uniform([0.1, -1.0, 0.2], [0.5, 2.0, 0.9], (101, 3))


def test_a_batch_gives_the_same_bits_whatever_the_number_of_threads(simulator, values) -> None:
    alone = simulator(values, threads=1)
    for threads in (2, 3, 64):
        assert simulator(values, threads=threads).tobytes() == alone.tobytes()


def test_a_run_gives_the_same_bits_wherever_it_stands_and_however_many_there_are(simulator, values) -> None:
    together = simulator(values)
    for run in (0, 1, 7, 8, 50, 100):
        assert simulator(values[run : run + 1])[0].tobytes() == together[run].tobytes()
    order = np.random.default_rng(4).permutation(len(values))
    assert simulator(values[order]).tobytes() == together[order].tobytes()
    assert simulator(values[3:16]).tobytes() == together[3:16].tobytes()


def test_vectors_of_every_width_compute_the_same(simulator, values) -> None:
    expected = simulator(values)
    for width in (1, 2, 4, 8):
        narrow = load(generate(simulator.task.plan(), width))
        np.testing.assert_allclose(narrow.run(values), expected, rtol=1e-12)


def test_a_batch_contains_the_single_runs(model, values) -> None:
    samples = dict(zip(INPUTS, values[:5].T, strict=True))
    batch = model.runs(samples, OUTPUTS).dataset()
    assert batch.sizes == {"run": 5, "time": 129}
    for run in range(5):
        single = model.run({name: column[run] for name, column in samples.items()})
        for name in OUTPUTS:
            np.testing.assert_allclose(batch[name].values[run], single[name].values, rtol=1e-12)


def test_outputs_are_in_order_contiguous_and_independent_of_each_call(simulator, values) -> None:
    first = simulator(values)
    kept = first.copy()
    simulator(values + 0.1)
    assert first.shape == (101, 129, len(OUTPUTS))
    assert first.flags["C_CONTIGUOUS"]
    assert first.dtype == np.float64
    assert (first == kept).all()
    assert (first[:, :, 5] == values[:, [1]]).all()
    assert simulator.times.tolist() == (np.arange(129) / 16).tolist()
    assert (simulator.inputs, simulator.outputs) == (INPUTS, OUTPUTS)


def test_no_runs_give_no_results(simulator) -> None:
    assert simulator(np.empty((0, 3))).shape == (0, 129, len(OUTPUTS))


def test_a_simulator_is_compiled_once(model) -> None:
    first = model.simulator(["Elasticity"], ["growing"])
    assert model.simulator(["elasticity"], ["Growing"], until=8.0) is first
    assert model.simulator(["elasticity"], ["Growing"], until=4.0) is not first


def test_a_division_by_zero_marks_its_run_and_touches_no_other(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        divisor= 1 ~ Dmnl
        s= INTEG ( 1/divisor, 0) ~ Dmnl
        root= SQRT(divisor) ~ Dmnl
        """,
    )
    divisors = np.tile([1.0, 0.0, -2.0, 4.0], 5)
    batch = model.runs({"divisor": divisors}, ["s", "root"]).dataset()
    assert batch["finite"].values.tolist() == (divisors > 0).tolist()
    good = divisors > 0
    alone = model.runs({"divisor": divisors[good]}, ["s", "root"]).dataset()
    assert alone["finite"].values.all()
    for name in ("s", "root"):
        assert batch[name].values[good].tobytes() == alone[name].values.tobytes()
    assert model.runs({"divisor": divisors}, ["s"]).dataset()["finite"].values.tolist() == (divisors != 0).tolist()


def test_one_value_serves_all_runs_of_a_batch(model) -> None:
    batch = model.runs({"growth rate": [0.1, 0.2], "base size": 0.4}, ["base size", "growth rate"]).dataset()
    assert batch["base size"].values[:, 0].tolist() == [0.4, 0.4]
    assert batch["growth rate"].values[:, 0].tolist() == [0.1, 0.2]
    assert batch["growth rate"].attrs["unit"] == "1/Year"


def test_saved_moments_are_those_asked_for(model) -> None:
    batch = model.runs({}, ["path"], until=3.5, save_period=0.5).dataset()
    assert batch["time"].values.tolist() == [0.5 * k for k in range(8)]
    assert model.simulator([], ["path"], until=0.125).times.tolist() == [0.0, 0.0625, 0.125]
    assert model.simulator([], ["path"], until=0.125 - 1e-9).times.tolist() == [0.0, 0.0625, 0.125]


def test_halving_the_time_step_halves_the_error(tmp_path) -> None:
    errors = []
    for step in (0.125, 0.0625, 0.03125):
        model = loaded(tmp_path, "s= INTEG ( -0.7*s, 2) ~ Dmnl", step=step, final=2.0, save=2.0)
        errors.append(abs(float(model.run()["s"].values[-1]) - 2.0 * np.exp(-1.4)))
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.05)


def test_a_delay_gives_back_what_went_in_after_its_time(tmp_path) -> None:
    model = loaded(tmp_path, "late= DELAY FIXED ( Time*2, 1.5, -3) ~ Dmnl", step=0.25)
    run = model.run()
    time, late = run["time"].values, run["late"].values
    assert late.tolist() == np.where(time < 1.5, -3.0, (time - 1.5) * 2).tolist()


def test_a_model_without_a_stock_runs(tmp_path) -> None:
    model = loaded(tmp_path, "a= 3 ~ Dmnl\nb= a*Time ~ Dmnl", final=1.0, save=0.5)
    assert model.runs({"a": [2.0, 4.0]}, ["b"]).dataset()["b"].values.tolist() == [[0.0, 1.0, 2.0], [0.0, 2.0, 4.0]]
