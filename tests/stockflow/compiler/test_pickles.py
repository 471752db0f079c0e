"""Models and simulators travel between processes."""

import pickle

import numpy as np
import pytest
from stockflow_helpers import MODELS

import stockflow


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODELS / "tank.mdl")


def test_a_model_and_its_changed_copies_pickle(model) -> None:
    model.run()
    changed = model.with_constants({"tap": 3.0}).with_series({"opening": ([0.0, 5.0], [1.0, 0.2])})
    for one in (model, changed):
        again = pickle.loads(pickle.dumps(one))
        assert again.equations.variables == one.equations.variables
        assert again.file == one.file
        assert again.run().identical(one.run())
        assert again.run(engine="reference").equals(one.run(engine="reference"))


def test_a_pickle_of_a_model_carries_no_machine_code(model) -> None:
    size = len(pickle.dumps(model))
    model.simulator(["tap"], ["Water"])
    assert len(pickle.dumps(model)) == size


def test_a_simulator_pickles_with_all_it_was_made_for(model) -> None:
    simulator = model.simulator(["area"], ["Water"], until=4.0, method="RK4", series={"tap": [0.0, 2.0]})
    again = pickle.loads(pickle.dumps(simulator))
    assert (again.inputs, again.outputs, again.times.tolist()) == (("area",), ("Water",), simulator.times.tolist())
    values, tables = np.array([[2.0], [3.0]]), {"tap": [[1.0, 2.0], [0.0, 4.0]]}
    assert again(values, tables=tables).tobytes() == simulator(values, tables=tables).tobytes()
