"""Batches of any size run in bounded memory, and say where their numbers came from."""

import tracemalloc

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow.language import codec
from stockflow.version import VERSION


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODELS / "tank.mdl")


def test_pieces_of_a_batch_are_the_batch(model) -> None:
    areas = np.linspace(0.5, 3.0, 53)
    whole = model.runs({"area": areas}, ["Water", "outflow"]).dataset()
    pieces = list(model.runs({"area": areas}, ["Water", "outflow"]).pieces(20))
    assert [piece.sizes["run"] for piece in pieces] == [20, 20, 13]
    assert np.concatenate([piece["run"].values for piece in pieces]).tolist() == list(range(53))
    for name in ("Water", "outflow"):
        assert np.concatenate([piece[name].values for piece in pieces]).tobytes() == whole[name].values.tobytes()
        assert pieces[2][name].attrs == whole[name].attrs


def test_a_large_batch_takes_no_more_memory_than_its_pieces(model) -> None:
    areas = np.linspace(0.5, 3.0, 200_000)
    piece = 8 * 2000 * 2 * len(model.run()["time"])
    model.runs({"area": areas[:9]}, ["Water", "outflow"]).dataset()
    tracemalloc.start()
    sums = [
        float(one["Water"].values[:, -1].sum())
        for one in model.runs({"area": areas}, ["Water", "outflow"]).pieces(2000)
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sums) == 100
    assert peak < areas.nbytes + 6 * piece
    assert peak < 200_000 * piece / 2000 / 4


def test_a_failure_is_marked_with_the_piece_its_run_is_in(tmp_path) -> None:
    model = loaded(tmp_path, "limit= 2 ~ Dmnl\nlevel= INTEG ( 1, 0) ~ Dmnl\nroot= SQRT(limit - level) ~ Dmnl")
    limits = np.array([9.0, 9.0, 1.0, 9.0, 2.0])
    pieces = list(model.runs({"limit": limits}, ["root"]).pieces(2))
    assert [piece["first_bad_variable"].values.tolist() for piece in pieces] == [["", ""], ["root", ""], ["root"]]
    assert [piece["first_bad_time"].values[0] for piece in pieces[1:]] == [1.25, 2.25]


def test_pieces_of_no_runs_are_refused_at_once(model) -> None:
    with pytest.raises(stockflow.InputError, match="pieces of 0 runs, but there must be at least 1"):
        model.runs({"area": 1.0}, ["Water"]).pieces(0)
    with pytest.raises(stockflow.UnknownNameError):
        model.runs({"area": 1.0}, ["Watr"])


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_results_say_which_equations_of_which_file_made_them_and_how(model, method) -> None:
    changed = model.with_constants({"tap": 3.0})
    batch = changed.runs({"area": [1.0, 2.0]}, ["Water"], method=method).dataset()
    assert batch.attrs["model_file"] == str(MODELS / "tank.mdl")
    assert batch.attrs["stockflow_version"] == VERSION
    assert batch.attrs["method"] == method
    assert batch.attrs["time_step"] == model.time_step
    assert batch["Water"].attrs == {"unit": "litre", "documentation": batch["Water"].attrs["documentation"]}
    single = changed.run(method=method)
    assert single.attrs == batch.attrs
    assert model.run(method=method).attrs["equations_sha256"] != single.attrs["equations_sha256"]
    again = model.with_constants({"tap": 3.0}).run(method=method)
    assert again.attrs["equations_sha256"] == single.attrs["equations_sha256"]
    if method == "Euler":
        assert single.attrs["equations_sha256"] == codec.digest(changed.equations)
        assert changed.run(engine="reference").attrs == single.attrs


def test_the_version_in_results_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert version("techcycle") == VERSION
